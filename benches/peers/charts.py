"""Writes the charts as SVG, for light and dark pages. The same numbers give the same bytes."""

import math
import textwrap
from html import escape
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDTH = 600
# The background is that of GitHub's pages: where a page has another theme than the browser, the text is still readable.
# Blue and orange can be told apart with any colour blindness. Both fonts have the same widths, so the text fits in either.
STYLE = """\
svg { --page: #fff; --text: #1f2328; --faint: #6e7781; --grid: #d8dee4; --bar: #b4bcc5; --ours: #0969da; --two: #d9730d }
@media (prefers-color-scheme: dark) {
svg { --page: #0d1117; --text: #e6edf3; --faint: #9198a1; --grid: #30363d; --bar: #59626c; --ours: #58a6ff; --two: #f0993e }
}
svg { background: var(--page) }
text { font: 11px "DejaVu Sans", Verdana, sans-serif; fill: var(--text) }
text { paint-order: stroke; stroke: var(--page); stroke-width: 3px }
.title { font-size: 12px; font-weight: bold }
.bold { font-weight: bold }
.faint { fill: var(--faint) }
.failed { fill: var(--faint); font-style: italic }
.caption { fill: var(--faint); font-size: 9.5px }
.bar { fill: var(--bar) }
.ours { fill: var(--ours) }
.end { text-anchor: end }
.middle { text-anchor: middle }
path { fill: none }
.grid { stroke: var(--grid) }
.origin { stroke: var(--faint) }
.promised { stroke: var(--faint); stroke-dasharray: 4 3 }
.t1 { stroke: var(--ours) }
.t2 { stroke: var(--two) }
.line { stroke-opacity: 0.6 }
.points { stroke-width: 6; stroke-linecap: round }
.t2.points { stroke-width: 5; stroke-linecap: square }"""
# The contents of the file of each work.
HEADINGS = {
    "ragged": "{:,} arrays of 1 to 20 numbers",
    "large": "{:,} arrays of 1,000 to 4,000 numbers",
    "huge": "{:,} arrays of 4 to 12 MB",
    "strings": "{:,} strings",
    "ints": "{:,} lists of 20 to 500 ints",
    "dicts": "{:,} dicts",
    "plain": "a plain array of {:,} rows, without objects",
}
UNITS = {"s": 10**9, "ms": 10**6, "µs": 10**3, "ns": 1}


class Scale:
    """A logarithmic scale: gives the coordinate of a value."""

    def __init__(self, values, start, end):
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        self.start, self.end = start, end

    def __call__(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        """Returns the exponents of the powers of ten on the scale, or of every second one where there are more than six."""
        exponents = range(math.ceil(self.low - 0.2), math.floor(self.high + 0.2) + 1)
        return exponents if len(exponents) <= 6 else [exponent for exponent in exponents if exponent % 2 == 0]


def draw_peers(rows, counts, caption):
    """Draws bars on a logarithmic scale of ratios, to the left of np.load's line where a reader takes less.

    The works are below one another, with time on the left and memory on the right.
    """
    measured = [values for _, _, *values in rows if len(values) == 4]
    # The values at the bars need room before and after each scale.
    columns = [
        ("Time an element", 0, Scale([values[1] for values in measured], 166, 282)),
        ("Memory at its peak", 2, Scale([values[3] for values in measured], 400, 538)),
    ]
    body, y = [], 36
    for work, group in groupby(rows, key=lambda row: row[0]):
        group = list(group)
        y += 22
        body += [text(4, y, work, "title"), text(66, y, HEADINGS[work].format(counts[work]), "faint")]
        unit = unit_of(min(values[0] for _, _, *values in group if len(values) == 4))
        for _, reader, *values in group:
            y += 16
            ours = reader.startswith("npy-object")
            body.append(text(118, y, reader, "ours end" if ours else "end"))
            for _, first, scale in columns:
                if len(values) == 4:
                    value = in_unit(values[first], unit) if first == 0 else f"{rounded(values[first])} MiB"
                    body.append(bar(scale, values[first + 1], y, value, ours))
                else:
                    body.append(text(scale(1) + 4, y, values[0], "failed"))
    head = []
    for title, _, scale in columns:
        head += [text(scale(1), 14, title, "title middle")]
        head += ["".join(text(scale(10.0**power), 32, ratio(power), "faint middle") for power in scale.ticks())]
        head += [path("".join(f"M{number(scale(10.0**power))} 38V{y + 8}" for power in scale.ticks()), "grid")]
        head += [path(f"M{number(scale(1))} 38V{y + 8}", "origin")]
    write("peers", [*head, *body], y + 30, caption)


def bar(scale, part, y, value, ours):
    """Returns a bar from np.load's line to a ratio, and the value next to its end."""
    start, end = sorted([scale(1), scale(part)])
    name = "ours" if ours else "bar"
    rect = f'<rect class="{name}" x="{number(start)}" y="{y - 10}" width="{number(end - start)}" height="12"/>'
    style = ["bold"] * ours + ["end"] * (part < 1)
    return rect + text(start - 4 if part < 1 else end + 4, y, value, " ".join(style))


def ratio(power):
    """Returns the label of a power of ten on the scale of ratios."""
    if power == 0:
        return "np.load"
    return f"×{10**power:,}" if power > 0 else f"1/{10**-power:,}"


def draw_growth(sweeps, caption):
    """Draws times and peaks of memory as points on logarithmic scales, with the fitted line.

    The sweeps are below one another, with time on the left and memory on the right.
    """
    titles = {
        "elements": ("More elements", "strings in the file", "time of the loop"),
        "size": ("Larger elements", "bytes of an array", "time an element"),
        "depth": ("Deeper elements", "lists and tuples in one another", "time an element"),
    }
    body = [
        path("M12 10h0", "t1 points") + text(20, 14, "1 thread"),
        path("M92 10h0", "t2 points") + text(100, 14, "2 threads"),
        path("M178 10h24", "promised") + text(208, 14, "memory promised for 1 thread"),
    ]
    top = 26
    for name, xs, lines, bounds in sweeps:
        title, across, of = titles[name]
        times = [time for line in lines.values() for key in ("times", "line") for time in line[key]]
        body.append(text(4, top + 14, title, "title"))
        for left, key, what, values, label in (
            (60, "times", of, times, in_seconds),
            (356, "peaks", "peak of memory", [1, 1000], lambda power: f"{10**power:,} MiB"),
        ):
            right, upper, lower = left + 228, top + 20, top + 140
            x, y = Scale(xs, left + 10, right - 10), Scale(values, lower - 6, upper + 6)
            body += [
                text(right, top + 14, what, "end"),
                path("".join(f"M{number(x(10**power))} {upper}V{lower}" for power in x.ticks()), "grid"),
                path("".join(f"M{left} {number(y(10**power))}H{right}" for power in y.ticks()), "grid"),
                "".join(text(x(10**power), lower + 13, in_thousands(10**power), "faint middle") for power in x.ticks()),
                "".join(text(left - 4, y(10**power) + 4, label(power), "faint end") for power in y.ticks()),
                text((left + right) / 2, lower + 28, across, "middle"),
            ]
            if key == "peaks":
                body.append(path("M" + "L".join(at(x, y, xs, bounds)), "promised"))
            for threads, line in lines.items():
                if key == "times":
                    body.append(path("M" + "L".join(at(x, y, xs, line["line"])), f"t{threads} line"))
                # A line of length zero shows only its caps: a dot or a square.
                body.append(path("".join(f"M{point}h0" for point in at(x, y, xs, line[key])), f"t{threads} points"))
        top += 178
    meaning = "Lines: a fixed cost and a cost for each element, byte or level, fitted."
    write("growth", body, top + 12, f"{meaning} {caption}")


def at(x, y, xs, ys):
    """Returns the coordinates of points."""
    return [f"{number(x(across))} {number(y(up))}" for across, up in zip(xs, ys)]


def write(name, body, y, caption):
    """Writes an SVG file, with the caption from y on."""
    lines = textwrap.wrap(caption, 118)
    body = body + [text(4, y + 13 * place, line, "caption") for place, line in enumerate(lines)]
    height = y + 13 * len(lines)
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f"<style>\n{STYLE}\n</style>", *body, "</svg>\n"]
    (HERE / f"{name}.svg").write_text("\n".join(parts), encoding="utf-8")


def text(x, y, content, style=""):
    style = f' class="{style}"' if style else ""
    return f'<text{style} x="{number(x)}" y="{number(y)}">{escape(content)}</text>'


def path(steps, style):
    return f'<path class="{style}" d="{steps}"/>'


def number(value):
    """Returns a coordinate with one decimal at most."""
    return f"{round(float(value), 1):g}"


def unit_of(nanoseconds):
    """Returns the largest unit of which a time has at least one."""
    return next((unit for unit, size in UNITS.items() if nanoseconds >= size), "ns")


def in_unit(nanoseconds, unit):
    return f"{rounded(nanoseconds / UNITS[unit])} {unit}"


def in_seconds(power):
    """Returns a power of ten of nanoseconds."""
    unit = unit_of(10**power)
    return f"{10**power // UNITS[unit]} {unit}"


def rounded(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def in_thousands(value):
    for unit, many in (("M", 10**6), ("k", 10**3)):
        if value >= many:
            return f"{value // many:,}{unit}"
    return str(value)
