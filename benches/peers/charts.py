"""Draws the charts, each for a light and for a dark page. The same numbers give the same bytes."""

import logging
import math
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import blended_transform_factory

HERE = Path(__file__).resolve().parent
# Text stays text in the SVG. These fonts have the same widths, so it fits in whichever a browser has.
FONTS = ["DejaVu Sans", "Verdana"]
# Blue and orange can be told apart with any colour blindness; other readers are grey.
THEMES = {
    "light": {
        "text": "#1f2328",
        "faint": "#6e7781",
        "grid": "#d8dee4",
        "bar": "#b4bcc5",
        "ours": "#0969da",
        "other": "#d9730d",
    },
    "dark": {
        "text": "#e6edf3",
        "faint": "#9198a1",
        "grid": "#30363d",
        "bar": "#59626c",
        "ours": "#58a6ff",
        "other": "#f0993e",
    },
}
# What the file of each work has.
HEADINGS = {
    "ragged": "{:,} arrays of 1 to 20 numbers",
    "large": "{:,} arrays of 1,000 to 4,000 numbers",
    "huge": "{:,} arrays of 4 to 12 MB",
    "strings": "{:,} strings",
    "ints": "{:,} lists of 20 to 500 ints",
    "dicts": "{:,} dicts",
    "plain": "a plain array of {:,} rows, without objects",
}


def pictures(name, draw):
    """Draws a chart in both themes."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    for theme, colours in THEMES.items():
        style = {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "font.sans-serif": FONTS,
            "font.size": 9,
            "text.color": colours["text"],
            "axes.labelcolor": colours["text"],
            "axes.edgecolor": colours["grid"],
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": colours["grid"],
            "grid.linewidth": 0.6,
            "xtick.color": colours["faint"],
            "ytick.color": colours["faint"],
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
        }
        with plt.rc_context(style):
            figure = draw(colours)
            path = HERE / f"{name}-{theme}.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
            plt.close(figure)


def draw_peers(rows, counts, caption):
    """Draws bars on a logarithmic scale of ratios, to the left of np.load's line where a reader takes less."""
    pictures("peers", lambda colours: bars(rows, counts, caption, colours))


def bars(rows, counts, caption, colours):
    """Draws the works below one another, with time on the left and memory on the right."""
    places, names, headings, place = [], [], [], 0
    for number, (work, reader, *_) in enumerate(rows):
        if number == 0 or work != rows[number - 1][0]:
            headings.append((place + 0.75, work))
            place += 1.9
        places.append(place)
        names.append(reader)
        place += 1
    height = 0.165 * place + 0.9
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(9.6, height))
    figure.subplots_adjust(left=0.175, right=0.985, top=1 - 0.5 / height, bottom=0.45 / height, wspace=0.06)
    measures = [("Time an element", 0, "{:,.0f} ns"), ("Memory at its peak", 2, "{:,.0f} MiB")]
    for axis, (title, first, unit) in zip(axes, measures):
        axis.set_title(f"{title}, beside np.load", loc="left", pad=16)
        ratios = [math.log10(values[first + 1]) for _, _, *values in rows if len(values) == 4]
        axis.set_xlim(min(ratios) - 0.75, max(ratios) + 0.75)
        ticks = range(math.ceil(min(ratios) - 0.3), math.floor(max(ratios) + 0.3) + 1)
        axis.set_xticks(ticks, [scale(tick) for tick in ticks])
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.grid(axis="y", visible=False)
        axis.spines[:].set_visible(False)
        axis.axvline(0, color=colours["faint"], linewidth=1)
        for place, (_, reader, *values) in zip(places, rows):
            if len(values) < 4:
                note(axis, place, 0, values[0], colours["faint"], style="italic")
                continue
            ours = reader.startswith("npy-object")
            value, ratio = values[first], math.log10(values[first + 1])
            colour = colours["ours"] if ours else colours["bar"]
            axis.barh(place, ratio, height=0.72, color=colour, clip_on=False)
            text = unit.format(value) if value >= 10 else unit.replace(".0f", ".1f").format(value)
            note(axis, place, ratio, text, colours["text"], weight="bold" if ours else "normal")
    axes[0].set_yticks(places, names)
    axes[0].set_ylim(places[-1] + 0.6, 0)
    for label in axes[0].get_yticklabels():
        label.set_color(colours["ours"] if label.get_text().startswith("npy-object") else colours["text"])
    # x is a part of the figure, y a row of the axis.
    across = blended_transform_factory(figure.transFigure, axes[0].transData)
    for place, work in headings:
        axes[0].text(0.012, place, work, transform=across, va="center_baseline", weight="bold")
        held = HEADINGS[work].format(counts[work])
        axes[0].text(0.085, place, held, transform=across, va="center_baseline", size=8, color=colours["faint"])
    captioned(figure, caption, colours)
    return figure


def note(axis, place, ratio, text, colour, **style):
    """Writes text next to the end of a bar."""
    away, align = (-3, "right") if ratio < 0 else (3, "left")
    style |= {"color": colour, "size": 7.5, "ha": align, "va": "center_baseline"}
    axis.annotate(text, (ratio, place), (away, 0), textcoords="offset points", **style)


def scale(exponent):
    """Returns the label of a power of ten on the scale of ratios."""
    if exponent == 0:
        return "np.load"
    return f"× {10**exponent:,}" if exponent > 0 else f"1/{10**-exponent:,}"


def draw_growth(sweeps, caption):
    """Draws times and peaks of memory as points on logarithmic scales, with the fitted line."""
    pictures("growth", lambda colours: curves(sweeps, caption, colours))


def curves(sweeps, caption, colours):
    """Draws a column for each sweep: times above peaks of memory."""
    titles = {
        "elements": ("More elements", "strings in the file", "time of the loop"),
        "size": ("Larger elements", "bytes of an array", "time an element"),
        "depth": ("Deeper elements", "lists and tuples in one another", "time an element"),
    }
    figure, grid = plt.subplots(2, len(sweeps), figsize=(9.6, 5.6), sharex="col")
    figure.subplots_adjust(left=0.075, right=0.985, top=0.93, bottom=0.155, wspace=0.27, hspace=0.14)
    for (upper, lower), (name, xs, lines, bounds) in zip(grid.T, sweeps):
        title, across, of = titles[name]
        upper.set_title(title, loc="left")
        upper.set_title(of, loc="right", size=9, weight="normal")
        lower.set_title("peak of memory", loc="right", size=9, weight="normal")
        for (threads, line), colour, marker in zip(lines.items(), [colours["ours"], colours["other"]], "os"):
            label = f"{threads} thread{'s' if threads != '1' else ''}"
            style = {"color": colour, "marker": marker, "markersize": 4.5, "linestyle": "none", "label": label}
            upper.plot(xs, line["line"], color=colour, linewidth=1, alpha=0.6)
            upper.plot(xs, line["times"], **style)
            lower.plot(xs, line["peaks"], **style)
        (promise,) = lower.plot(xs, bounds, "--", color=colours["faint"], linewidth=1, label="promised, for 1 thread")
        lower.set_xlabel(across)
        lower.set_ylim(1, 1000)
        for axis, unit in ((upper, in_seconds), (lower, "{:,.0f} MiB".format)):
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(numticks=8))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _, unit=unit: unit(value)))
            axis.xaxis.set_major_locator(LogLocator(100 if name == "size" else 10, numticks=8))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: in_thousands(value)))
            for one in (axis.xaxis, axis.yaxis):
                one.set_minor_locator(NullLocator())
            axis.tick_params(length=0)
    grid[0][0].legend(frameon=False, fontsize=8, loc="upper left", handletextpad=0.2)
    grid[1][0].legend(handles=[promise], frameon=False, fontsize=8, loc="upper left")
    captioned(figure, "Lines: a fixed cost, and one for each. " + caption, colours)
    return figure


def in_seconds(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:,.0f} {unit}"
    return f"{nanoseconds:,.3g} ns"


def in_thousands(number):
    for unit, many in (("M", 1e6), ("k", 1e3)):
        if number >= many:
            return f"{number / many:,.0f}{unit}"
    return f"{number:,.0f}"


def captioned(figure, caption, colours):
    """Writes the caption at the foot of the figure."""
    text = "\n".join(textwrap.wrap(caption, 160))
    figure.text(0.012, 0.08 / figure.get_figheight(), text, color=colours["faint"], size=6.5, va="bottom")
