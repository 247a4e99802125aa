"""Compares scanners of pickles, and writes the tables of spec/scanners.md.

    python evidence.py NPYO [--torch PYTHON] [--libraries]

Loads every file of `vectors.py` with its loader in a process of its own, without a network where the system allows it, and
keeps those that execute: they create a marker. A file that does not is loaded by other interpreters too. Then runs `npyo
audit` and the newest picklescan, fickling, modelaudit-picklescan and hayward on them, each file in a process of its own with a limit of 20 seconds. A scanner has found
a file if it calls it dangerous, or has missed it if it calls it clean; every other answer, such as an error, is between.

The second table is of ordinary files: the pickles that `libraries.py` has written (with `--libraries`, which takes
minutes), with the policy of the library for npyo.

Fails where a file that executes is inert for npyo. Runs with CPython 3.11, whose code objects are in the files. Needs
CPython 3.12, the program time, the packages lz4 and zstandard, and the environments of `libraries.py`; `--torch` names an
interpreter that has PyTorch.
"""

import argparse
import collections
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import environments

HERE = environments.HERE
PAGE = os.path.join(HERE, "..", "spec", "scanners.md")
SECONDS = 20
MOST = 15  # ordinary files of a version of a library, spread over all

TOOLS = ("picklescan", "fickling", "modelaudit-picklescan", "hayward")

LOADERS = {
    "pickle": "import pickle; pickle.load(open(path, 'rb'))",
    "python": "import pickle; pickle._Unpickler(open(path, 'rb')).load()",
    "pickle-twice": "import pickle; file = open(path, 'rb'); pickle.load(file); pickle.load(file)",
    "numpy": "import numpy; numpy.load(path, allow_pickle=True)",
    "numpy-archive": "import numpy; file = numpy.load(path, allow_pickle=True); [file[name] for name in file]",
    "numpy-twice": "import numpy; file = open(path, 'rb'); numpy.load(file, allow_pickle=True); numpy.load(file, allow_pickle=True)",
    "pandas": "import pandas; pandas.read_pickle(path)",
    "joblib": "import joblib; joblib.load(path)",
    "torch": "import torch; torch.load(path)",
}


def main():
    if sys.argv[1] == "--scan":
        return scan_all(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npyo")
    parser.add_argument("--torch", metavar="PYTHON")
    parser.add_argument("--libraries", action="store_true")
    arguments = parser.parse_args()
    npyo = os.path.abspath(arguments.npyo)
    tools = {"npyo": (npyo, subprocess.run([npyo, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode().split()[1])}
    tools.update((tool, install(tool)) for tool in TOOLS)
    with tempfile.TemporaryDirectory() as folder:
        executing, others = prove(folder, arguments.torch)
        catalogues = {path: catalogue for path, (catalogue, _) in executing.items()}
        rows, missed = {}, []
        for tool, (program, version) in tools.items():
            answers = scan(tool, program, list(executing), ["--allow", "torch,joblib"])
            rows[tool + " " + version] = (answers, catalogues)
            if tool == "npyo":
                missed = [executing[path][1] for path, answer in answers.items() if answer["verdict"] == "missed"]
        write("vectors", vectors_table(rows, executing, others))
        for name in missed:
            print("npyo calls %s inert" % name)
    if arguments.libraries:
        write("ordinary", ordinary_table(tools))
    return 1 if missed else 0


def install(tool):
    """Installs the newest version of a scanner. Returns the interpreter, and the version."""
    folder = os.path.join(environments.FOLDER, "scanner-" + tool)
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([environments.find_python("3.12"), "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", tool], check=True)
    code = "import importlib.metadata; print(importlib.metadata.version(%r))" % tool
    return python, subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True).stdout.decode().strip()


def prove(folder, torch):
    """Writes the files and loads each. Returns those that execute and those that do not: path, catalogue, name."""
    import libraries
    import vectors

    pythons = list(libraries.interpreters())[::-1] + [environments.find_python("3.13"), environments.find_python("2.7"), torch]
    isolated = ["unshare", "--user", "--net", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run(isolated + ["true"], stderr=subprocess.DEVNULL, check=False).returncode:
        isolated = []
    executing, others = {}, {}
    for number, (name, catalogue, loader, ending, content) in enumerate(vectors.vectors()):
        path = os.path.join(folder, "%03d.%s" % (number, ending))
        with open(path, "wb") as file:
            file.write(content)
        interpreters = [torch] if loader == "torch" else pythons
        work = os.path.join(folder, "work")
        does = any(python and executes(isolated + [python], loader, path, work) for python in interpreters)
        (executing if does else others)[path] = (catalogue, name)
        if not does:
            print("does not execute here: %s, %s" % (catalogue, name), flush=True)
    return executing, others


def executes(interpreter, loader, path, work):
    """Loads a file in a folder of its own. Returns whether that created a marker."""
    import gadgets

    os.mkdir(work)
    for name, content in gadgets.BESIDE.items():
        with open(os.path.join(work, name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    code = "import warnings; warnings.simplefilter('ignore'); path = %r; %s" % (path, LOADERS[loader])
    process = subprocess.Popen(
        interpreter + ["-c", code], cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True, env={"PATH": os.environ["PATH"], "HOME": work}, preexec_fn=limits,
    )
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        pass
    if not has_marker(work):
        time.sleep(0.3)  # a child process may be about to write it
    does = has_marker(work)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    shutil.rmtree(work, ignore_errors=True)
    return does


def has_marker(folder):
    return any(entry.startswith("marker") for entry in os.listdir(folder))


def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def scan(tool, program, files, options=()):
    """Returns the answer of a scanner to each file: verdict, seconds and bytes of memory."""
    if tool == "npyo":
        return {path: npyo(program, path, options) for path in files}
    command = [program, os.path.abspath(__file__), "--scan", tool]
    answers = {}
    for start in range(0, len(files), 200):
        run = subprocess.run(command + files[start : start + 200], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        for line in run.stdout.decode().splitlines():
            if line.startswith("{"):
                answer = json.loads(line)
                answers[answer["path"]] = answer
    return answers


def npyo(program, path, options):
    """Returns the answer of npyo. The program `time` has little memory of its own, which a fork of Python has not."""
    command = ["/usr/bin/time", "--quiet", "--format", "%M", program, "audit", path, *options]
    start = time.monotonic()
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    seconds, memory = time.monotonic() - start, run.stderr.decode().split()[-1]
    verdict = {0: "missed", 3: "found", 4: "between"}.get(run.returncode, "crashed")
    return {"verdict": verdict, "seconds": seconds, "memory": int(memory) << 10}


def scan_all(tool, files):
    """Runs in the environment of a scanner: prints its answer to each file."""
    scanner = {"picklescan": picklescan, "fickling": fickling, "modelaudit-picklescan": modelaudit, "hayward": hayward}[tool]()
    for path in files:
        answer = measured(lambda path=path: scanner(path))
        print(json.dumps(dict(answer, path=path)), flush=True)


def measured(work):
    """Calls a function in a process of its own. Returns its answer, or `crashed`, with seconds and bytes of memory."""
    read, write_end = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(read)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.alarm(SECONDS)
        try:
            answer = work()
        except BaseException:
            answer = "between"
        os.write(write_end, answer.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    _, _, usage = os.wait4(child, 0)
    return {"verdict": answer or "crashed", "seconds": time.monotonic() - start, "memory": usage.ru_maxrss << 10}


def picklescan():
    from picklescan.scanner import scan_file_path

    def scanner(path):
        result = scan_file_path(path)
        if result.issues_count or result.infected_files:
            return "found"
        return "between" if result.scan_err or not result.scanned_files else "missed"

    return scanner


def fickling():
    from fickling.loader import scan_file

    def scanner(path):
        result = scan_file(path, graceful=True)
        if result.errors and not result.results:
            return "between"
        return "missed" if result.is_safe else "found"

    return scanner


def modelaudit():
    from modelaudit_picklescan import scan_file

    def scanner(path):
        verdict = scan_file(path).verdict.value
        return {"clean": "missed", "malicious": "found"}.get(verdict, "between")

    return scanner


def hayward():
    from pathlib import Path

    from hayward import ModelFileScanner

    def scanner(path):
        findings = list(ModelFileScanner().scan_file(Path(path)))
        severities = {finding.severity.value for finding in findings}
        if severities & {"critical", "high"}:
            return "found"
        return "between" if findings else "missed"

    return scanner


def vectors_table(rows, executing, others):
    catalogues = ("gadget", "stream", "exception", "path")
    counts = collections.Counter(catalogue for catalogue, _ in executing.values())
    lines = ["| scanner | " + " | ".join("%s (%d)" % (each, counts[each]) for each in catalogues)
             + " | missed of %d | crashed | ms/file | MB |" % len(executing)]
    lines.append("|---|" + "---|" * len(catalogues) + "--:|--:|--:|--:|")
    for scanner, (answers, of) in rows.items():
        cells = []
        for catalogue in catalogues:
            some = collections.Counter(answer["verdict"] for path, answer in answers.items() if of[path] == catalogue)
            cells.append("%d, %d, %d" % (some["found"], some["between"] + some["crashed"], some["missed"]))
        every = collections.Counter(answer["verdict"] for answer in answers.values())
        lines.append("| %s | %s | %d | %d | %s |" % (
            scanner, " | ".join(cells), every["missed"], every["crashed"], cost(answers.values())))
    lines += ["", "Cells are files that are found, neither found nor called clean, and missed. %d files do not execute with the "
              "versions here, and are not counted: %s." % (len(others), ", ".join(sorted(name for _, name in others.values())))]
    missed = [(scanner, [executing[path][1] for path, answer in answers.items() if answer["verdict"] == "missed"])
              for scanner, (answers, _) in rows.items()]
    lines += ["", "| scanner | calls clean, of the files that execute |", "|---|---|"]
    lines += ["| %s | %s |" % (scanner, ", ".join(names) or "none") for scanner, names in missed]
    return lines


def cost(answers):
    answers = list(answers)
    seconds = sorted(answer["seconds"] for answer in answers)
    return "%.0f | %d" % (1000 * seconds[len(seconds) // 2], max(answer["memory"] for answer in answers) >> 20)


def ordinary_table(tools):
    """Returns the lines of the table of ordinary files: of each library, how many a scanner does not call clean."""
    folder = os.path.join(environments.FOLDER, "libraries")
    groups = collections.defaultdict(list)
    for each in sorted(os.listdir(folder)):
        with open(os.path.join(folder, each, "version"), encoding="utf-8") as file:
            version = file.read()
        names = sorted(os.listdir(os.path.join(folder, each)))
        groups[version] += [os.path.join(folder, each, name) for name in names if name.endswith(("-4.pkl", ".joblib", ".pt"))]
    lines = ["| library | files | " + " | ".join(tool + " " + version for tool, (_, version) in tools.items()) + " |",
             "|---|--:|" + "--:|" * len(tools)]
    for version, files in groups.items():
        files = files[:: max(1, len(files) // MOST)]
        library = version.split()[0]
        allow = library if library != "sklearn" else "sklearn,scipy"
        cells = []
        for tool, (program, _) in tools.items():
            answers = scan(tool, program, files, ["--allow", allow])
            some = collections.Counter(answer["verdict"] for answer in answers.values())
            cells.append("%d, %d" % (some["found"], some["between"] + some["crashed"]))
        lines.append("| %s | %d | %s |" % (version, len(files), " | ".join(cells)))
    lines += ["", "Cells are files that are called dangerous, and files that are neither called dangerous nor clean."]
    return lines


def write(part, lines):
    """Writes lines between the marks of a part of the page."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    start, end = "<!-- %s -->\n" % part, "<!-- /%s -->" % part
    before, rest = text.split(start)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + start + "\n".join(lines) + "\n" + end + rest.split(end)[1])
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
