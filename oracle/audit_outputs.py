"""Validates what `npyo audit` writes for other programs.

    python audit_outputs.py NPYO

Audits every fixture, a dangerous pickle, a file that is missing and one that is not a pickle. Each line of `--json
--sites` must fit `spec/audit.schema.json`, and the log of `--format sarif` the schema of SARIF 2.1.0
(`sarif-schema-2.1.0.json`, by OASIS). Both must have the same issues, and the annotations of `--format github` one line
for each. Installs the package jsonschema into an environment of its own where it is missing.
"""

import json
import os
import subprocess
import sys
import tempfile

import environments
import manifest

try:
    import jsonschema
except ImportError:
    jsonschema = None


def main():
    if jsonschema is None:
        return in_environment()
    npyo = os.path.abspath(sys.argv[1])
    lines_fit, log_fits = (
        jsonschema.validators.validator_for(schema)(schema)
        for schema in (
            read(os.path.join(environments.HERE, "..", "spec", "audit.schema.json")),
            read(os.path.join(environments.HERE, "sarif-schema-2.1.0.json")),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        manifest.extract(folder, [entry["file"] for entry in manifest.read()])
        for name, content in (
            ("evil, 100%.pkl", b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R."),
            ("text.pkl", b"not a pickle"),
        ):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)

        def audit(*arguments):
            command = [npyo, "audit", ".", "missing.npy", *arguments]
            run = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            assert run.returncode == 3, run
            return run.stdout.decode()

        lines = [json.loads(line) for line in audit("--json", "--sites").splitlines()]
        for line in lines:
            lines_fit.validate(line)
        log = json.loads(audit("--format", "sarif"))
        log_fits.validate(log)
        annotations = audit("--format", "github").splitlines()

    reports = [line for line in lines if line["type"] == "report"]
    issues = [(issue["check"], issue["offset"]) for report in reports for issue in report["issues"]]
    results = [
        (result["ruleId"], result["locations"][0]["physicalLocation"]["region"].get("byteOffset"))
        for result in log["runs"][0]["results"]
    ]
    assert results == issues
    failures = [line for line in lines if line["type"] == "failure"]
    assert len(failures) == len(log["runs"][0]["invocations"][0]["toolExecutionNotifications"]) == 1
    assert len(annotations) == len(issues) + len(failures)
    for report in reports:
        assert (report["verdict"] == "inert") == (not report["issues"]), report["file"]
    found = {check for check, _ in issues}
    print("%d lines of %d files, %d issues of the checks %s" % (len(lines), len(reports), len(issues), sorted(found)))


def in_environment():
    """Runs this script in an environment that has jsonschema. Returns its exit code."""
    folder = os.path.join(environments.FOLDER, "jsonschema")
    python = os.path.join(folder, "bin", "python")
    has = os.path.exists(python) and subprocess.run([python, "-c", "import jsonschema"], check=False).returncode == 0
    if not has:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "jsonschema"], check=True)
    return subprocess.run([python, os.path.abspath(__file__), *sys.argv[1:]], check=False).returncode


def read(path):
    """Returns the JSON in a file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


if __name__ == "__main__":
    sys.exit(main())
