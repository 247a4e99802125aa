"""Runs the Python examples of the specification. Runs in an environment.

    python examples.py FOLDER

An example is a block of a chapter in FOLDER that begins with ```python. Each runs in a namespace of its own, with
`fixtures/` as the current folder: the files that examples open are those of manifest.EXAMPLES. Prints a JSON object an
example: `place`, and `failure` if it raised an exception. The examples of the guide need `npy_object`, whose tests run
them.
"""

import json
import os
import sys
import traceback

import manifest


def examples(folder):
    """Yields the place and the code of each example."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".md") and name != "guide.md":
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
