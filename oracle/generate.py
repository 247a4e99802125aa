"""Writes all fixtures again, with their typed JSON and the manifest.

    python generate.py

Needs every environment of environments.py, because a fixture is named after the first that wrote it.
"""

import json
import os
import sys
import tempfile

import environments
import manifest

MAY_FAIL = ("hand-pickled/", "header-forms/", "truncated/")
"""The groups with files that Python refuses."""


def main():
    working = environments.available(environments.ENVIRONMENTS)
    if len(working) < len(environments.ENVIRONMENTS):
        sys.exit("environments are missing: nothing was changed")
    entries = {}  # by hash of the bytes: a file that several environments write with the same bytes is kept once
    contents = {}
    with tempfile.TemporaryDirectory() as folder:
        for environment in working:
            target = os.path.join(folder, environments.tag(environment))
            os.mkdir(target)
            environments.run(environment, "write.py", target, environment.protocols)
            collect(target, environments.tag(environment), entries, contents)
        target = os.path.join(folder, "handmade")
        os.mkdir(target)
        environments.run(environments.JUDGE, "handmade.py", target)
        collect(target, None, entries, contents)
    manifest.replace_files({entry["file"]: contents[key] for key, entry in entries.items()})
    answers = judge(list(entries.values()))
    complaints = [complaint(answer) for answer in answers if complaint(answer)]
    if complaints:
        sys.exit("\n".join(complaints))
    manifest.replace_lines({answer["file"]: answer["lines"] for answer in answers})
    manifest.write(entries.values())
    print("%d files" % len(entries))


def complaint(answer):
    """Returns what is wrong with an answer: the judge failed, or NumPy cannot read a file of NumPy. Or None."""
    if "failure" in answer:
        return "%(file)s: %(failure)s" % answer
    if answer["lines"][-1].startswith('{"error":') and not answer["file"].startswith(MAY_FAIL):
        return "%s: %s" % (answer["file"], answer["lines"][-1])
    return None


def collect(target, tag, entries, contents):
    """Adds the new files of a folder to entries and contents, and the environment's tag to the other entries."""
    with open(os.path.join(target, "written.json")) as file:
        written = json.load(file)
    for number, description in enumerate(written):
        with open(os.path.join(target, "%d.npy" % number), "rb") as file:
            data = file.read()
        key = manifest.sha256(data)
        if key not in entries:
            contents[key] = data
            entries[key] = new_entry(description, key, tag)
        elif tag and tag not in entries[key].get("written_by", []):
            entries[key].setdefault("written_by", []).append(tag)


def new_entry(description, key, tag):
    parts = [description["name"]]
    entry = {"file": None, "about": description["about"], "sha256": key}
    protocol = description.get("protocol")
    if protocol is not None:
        entry["protocol"] = protocol
        parts.append("p%d" % protocol)
    if description.get("pickler", "c") != "c":
        entry["pickler"] = description["pickler"]
        parts.append(description["pickler"])
    if tag:
        entry["written_by"] = [tag]
        parts.append(tag)
    if (tag or "").startswith("py2") or description["name"].startswith(("py2-", "win64python2")):
        entry["encoding"] = "latin1"
    entry["file"] = "%s/%s.npy" % (description["group"], "-".join(parts))
    return entry


def judge(entries, environment=environments.JUDGE):
    """Returns what Python reads from each of these fixtures: see judge.py."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(entries, file)
        file.flush()
        output = environments.run(environment, "judge.py", file.name)
    return [json.loads(line) for line in output.splitlines()]


if __name__ == "__main__":
    main()
