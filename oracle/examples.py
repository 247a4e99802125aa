"""Runs inside an environment: the Python examples of the specification, each for itself.

    python examples.py FOLDER

Every block that begins with ```python in a chapter is run with the fixtures as the current folder. Prints one JSON object an
example: `place`, and `failure` if it did not run to its end.
"""

import json
import os
import sys
import traceback

import manifest


def examples(folder):
    """The place and the code of each."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".md"):
            with open(os.path.join(folder, name), encoding="utf-8") as chapter:
                lines = chapter.read().split("\n")
            starts = [number for number, line in enumerate(lines) if line == "```python"]
            for start in starts:
                code = lines[start + 1 : lines.index("```", start)]
                yield "spec/%s:%d" % (name, start + 2), "\n".join(code)


def main(folder):
    folder = os.path.abspath(folder)
    os.chdir(manifest.FIXTURES)
    for place, code in examples(folder):
        answer = {"place": place}
        try:
            exec(compile(code, place, "exec"), {"__name__": "example"})
        except Exception:
            answer["failure"] = traceback.format_exc().strip().split("\n")[-1]
        print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
