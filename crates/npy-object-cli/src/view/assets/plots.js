// Draws lines, histograms and images of the numbers of an element, of which the server sends as many
// as the plot has points.

import { get } from "./api.js";
import { count, el, failure, short, svg } from "./dom.js";

/** Pixels of the widest plot, and the room for its labels. */
const WIDEST = 900;
const ROOM = { left: 58, right: 14, top: 12, bottom: 28 };

/** Returns the width and height of a plot in a box, which has no width while its pane is hidden. */
function extent(box) {
  const room = box.clientWidth || document.documentElement.clientWidth - 24;
  const width = Math.max(280, Math.min(WIDEST, room));
  return { width, height: Math.max(200, Math.min(360, width / 2)) };
}

/** Returns a line of some numbers, as high as a row. */
export function sparkline(numbers) {
  const finite = numbers.filter(Number.isFinite);
  const least = Math.min(...finite);
  const span = Math.max(...finite) - least || 1;
  const x = (place) => (place / (numbers.length - 1)) * 60 + 1;
  const y = (number) => 15 - ((number - least) / span) * 13;
  return svg(
    "svg",
    { class: "sparkline", viewBox: "0 0 62 17", "aria-hidden": "true" },
    svg("path", { d: path(numbers, x, y) }),
  );
}

/** Returns the path through numbers, broken where one is missing. */
function path(numbers, x, y) {
  let pen = "M";
  const steps = numbers.map((number, place) => {
    if (number === null || !Number.isFinite(number)) {
      pen = "M";
      return "";
    }
    const step = `${pen}${x(place).toFixed(1)} ${y(number).toFixed(1)}`;
    pen = "L";
    return step;
  });
  // A single number between two gaps is a dot.
  return steps.join("").replace(/M([\d.-]+ [\d.-]+)(?=M|$)/g, "M$1h.1");
}

/** Returns round numbers between two, at most about `most`. */
function ticks(least, most, wanted) {
  const span = most - least;
  if (!(span > 0) || !Number.isFinite(span)) return [least];
  const power = 10 ** Math.floor(Math.log10(span / wanted));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => span / step <= wanted);
  const first = Math.ceil(least / step);
  const last = Math.floor(most / step);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * step);
}

/** Returns a plot with axes. `draw` gives what is in it, from the functions to its coordinates. */
function axes(label, { width, height }, [left, right], [low, high], draw) {
  const wide = width - ROOM.left - ROOM.right;
  const tall = height - ROOM.top - ROOM.bottom;
  const x = (value) => ROOM.left + ((value - left) / (right - left || 1)) * wide;
  // The halves do not overflow where the whole range does.
  const y = (value) => ROOM.top + (1 - (value / 2 - low / 2) / (high / 2 - low / 2 || 1)) * tall;
  const grid = ticks(low, high, 5).map((value) => [
    svg("line", { class: "grid", x1: ROOM.left, x2: width - ROOM.right, y1: y(value), y2: y(value) }),
    svg("text", { class: "label", x: ROOM.left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)),
  ]);
  const marks = ticks(left, right, Math.floor(wide / 90)).map((value) =>
    svg("text", { class: "label", x: x(value), y: height - 8, "text-anchor": "middle" }, short(value)),
  );
  return svg(
    "svg",
    { class: "plot", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    grid.flat(),
    marks,
    draw(x, y),
  );
}

/** Shows what `draw` makes of the answer to a request, or its error. */
async function show(box, draw) {
  box.setAttribute("aria-busy", "true");
  try {
    box.replaceChildren(...[await draw()].flat());
  } catch (error) {
    if (error.name !== "AbortError") box.replaceChildren(failure(error));
  }
  box.removeAttribute("aria-busy");
}

/** Returns sliders for axes. `onchange` is called with their indices. */
function sliders(shape, axes, fixed, onchange) {
  return axes
    .filter((axis) => shape[axis] > 1)
    .map((axis) => {
      const output = el("output", {}, count(fixed[axis]));
      const input = el("input", {
        type: "range",
        min: 0,
        max: shape[axis] - 1,
        value: fixed[axis],
        "aria-label": `Index of axis ${axis}`,
        oninput: () => {
          fixed[axis] = Number(input.value);
          output.textContent = count(fixed[axis]);
          onchange();
        },
      });
      return el("label", { class: "slider" }, `axis ${axis}`, input, output, ` of ${count(shape[axis])}`);
    });
}

/** Calls a function at most once at a time, and once more if it was called in the meantime. */
function latest(work) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await work();
    }
    running = false;
  };
}

/** Shows the line of an array along one axis. A part of it is chosen by dragging, or with buttons. */
export function linePlot(box, chosen, shape) {
  const fixed = shape.map(() => 0);
  let axis = Math.max(0, shape.length - 1);
  let range = [0, shape[axis] ?? 1];
  const plot = el("div", { class: "frame" });
  const note = el("p", { class: "note" });
  const draw = latest(() =>
    show(plot, async () => {
      const [begin, end] = range;
      const line = await get("line", { ...chosen, axis, begin, end, points: 600, fixed: fixed.join(",") });
      const { each, count: all, from, to } = line;
      note.textContent =
        each > 1
          ? `${count(to - from)} of ${count(all)} numbers: least and most of each ${count(each)}`
          : `${count(to - from)} of ${count(all)} numbers`;
      return lineOf(line, extent(plot), zoom);
    }),
  );
  const zoom = (first, last) => {
    const all = shape[axis] ?? 1;
    const length = Math.max(2, Math.min(all, Math.round(last - first)));
    const begin = Math.max(0, Math.min(Math.round(first), all - length));
    range = [begin, begin + length];
    draw();
  };
  const by = (factor, shift = 0) => {
    const length = range[1] - range[0];
    const middle = (range[0] + range[1]) / 2 + shift * length;
    zoom(middle - (length * factor) / 2, middle + (length * factor) / 2);
  };
  const whole = () => zoom(0, shape[axis] ?? 1);
  const button = (text, label, onclick) => el("button", { type: "button", "aria-label": label, onclick }, text);
  const bar = el(
    "div",
    { class: "bar" },
    button("−", "Show more of the line", () => by(2)),
    button("+", "Show less of the line", () => by(0.5)),
    button("‹", "Go to the left", () => by(1, -0.5)),
    button("›", "Go to the right", () => by(1, 0.5)),
    button("all", "Show the whole line", whole),
    shape.length > 1 ? axisMenu(shape, (chosen) => ((axis = chosen), rebuild(), whole())) : null,
    note,
  );
  const rest = el("div", { class: "sliders" });
  const rebuild = () => {
    const others = shape.map((_, place) => place).filter((place) => place !== axis);
    rest.replaceChildren(...sliders(shape, others, fixed, draw));
  };
  rebuild();
  box.replaceChildren(bar, plot, rest);
  plot.addEventListener("dblclick", whole);
  draw();
}

function axisMenu(shape, onchange) {
  const options = shape.map((length, axis) =>
    el("option", { value: axis, selected: axis === shape.length - 1 }, `along axis ${axis} (${count(length)})`),
  );
  const menu = el("select", { "aria-label": "Axis", onchange: () => onchange(Number(menu.value)) }, options);
  return menu;
}

function lineOf({ from, to, each, least, most }, size, onrange) {
  const numbers = [...least, ...most].filter((number) => number !== null);
  if (numbers.length === 0) return el("p", { class: "note" }, "there are no numbers");
  const low = numbers.reduce((a, b) => Math.min(a, b));
  const high = numbers.reduce((a, b) => Math.max(a, b));
  const right = Math.max(from + 1, to - 1);
  const plot = axes("Line plot", size, [from, right], [low, high], (x, y) => {
    const at = (place) => x(Math.min(from + (place + 0.5) * each - 0.5, right));
    if (each === 1) return svg("path", { class: "line", d: path(least, at, y) });
    const strokes = least.map((number, place) =>
      number === null ? "" : `M${at(place).toFixed(1)} ${y(number).toFixed(1)}V${(y(most[place]) - 0.5).toFixed(1)}`,
    );
    const middle = least.map((number, place) => (number === null ? null : number / 2 + most[place] / 2));
    return [
      svg("path", { class: "band", d: strokes.join("") }),
      svg("path", { class: "line", d: path(middle, at, y) }),
    ];
  });
  drag(plot, size, from, right, onrange);
  return plot;
}

/** Calls `onrange` with the numbers between which the pointer was dragged. */
function drag(plot, { width: all, height }, left, right, onrange) {
  const wide = all - ROOM.left - ROOM.right;
  const place = (event) => {
    const { x, width } = plot.getBoundingClientRect();
    const share = (((event.clientX - x) / width) * all - ROOM.left) / wide;
    return left + Math.max(0, Math.min(1, share)) * (right - left);
  };
  let begun = null;
  const mark = svg("rect", { class: "mark", y: ROOM.top, height: height - ROOM.top - ROOM.bottom, width: 0 });
  plot.append(mark);
  const x = (value) => ROOM.left + ((value - left) / (right - left)) * wide;
  plot.addEventListener("pointerdown", (event) => {
    // A finger scrolls the page.
    if (event.pointerType !== "mouse") return;
    begun = place(event);
    plot.setPointerCapture(event.pointerId);
  });
  plot.addEventListener("pointermove", (event) => {
    if (begun === null) return;
    const [first, last] = [begun, place(event)].sort((a, b) => a - b);
    mark.setAttribute("x", x(first));
    mark.setAttribute("width", x(last) - x(first));
  });
  plot.addEventListener("pointerup", (event) => {
    if (begun === null) return;
    const [first, last] = [begun, place(event)].sort((a, b) => a - b);
    begun = null;
    if (x(last) - x(first) > 4) onrange(first, last + 1);
    else mark.setAttribute("width", 0);
  });
}

/** Shows how often numbers are in ranges of equal width. */
export function histogram(box, chosen) {
  const plot = el("div", { class: "frame" });
  const facts = el("dl", { class: "facts" });
  box.replaceChildren(plot, facts);
  show(plot, async () => {
    const found = await get("histogram", chosen);
    const { bars, least, most, read } = found;
    const values = [
      ["numbers", read < found.count ? `${count(read)} of ${count(found.count)} were read` : count(found.count)],
      ["least", bars.length ? short(least) : null],
      ["most", bars.length ? short(most) : null],
      ["mean", bars.length ? short(found.mean) : null],
      ["NaN", found.nan ? count(found.nan) : null],
      ["infinite", found.infinite ? count(found.infinite) : null],
    ];
    const pairs = values.filter(([, value]) => value !== null);
    facts.replaceChildren(...pairs.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
    if (bars.length === 0) return el("p", { class: "note" }, "there are no finite numbers");
    const right = most > least ? most : least + 1;
    const highest = bars.reduce((a, b) => Math.max(a, b));
    return axes("Histogram", extent(plot), [least, right], [0, highest], (x, y) =>
      bars.map((bar, place) => {
        const from = x(least + ((right - least) / bars.length) * place);
        const to = x(least + ((right - least) / bars.length) * (place + 1));
        const rect = { class: "column", x: from + 0.5, width: Math.max(1, to - from - 1), y: y(bar), height: y(0) - y(bar) };
        return svg("rect", rect, svg("title", {}, count(bar)));
      }),
    );
  });
}

/** Colours of a heat map from the least to the most: viridis. */
const COLOURS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** Returns the colour of a byte from 1 to 255. */
function heat(byte) {
  const place = ((byte - 1) / 254) * (COLOURS.length - 1);
  const low = Math.min(Math.floor(place), COLOURS.length - 2);
  return COLOURS[low].map((part, channel) => part + (COLOURS[low + 1][channel] - part) * (place - low));
}

/** Shows two axes of an array as a heat map, or as a picture where a third has colours. */
export function picture(box, chosen, shape, isImage) {
  const fixed = shape.map(() => 0);
  let channels = isImage ? "last" : "none";
  const frame = el("div", { class: "frame" });
  const note = el("p", { class: "note" });
  const rest = el("div", { class: "sliders" });
  const draw = latest(() =>
    show(frame, async () => {
      const image = await get("image", { ...chosen, channels, fixed: fixed.join(",") });
      const { rows, columns, step, least, most } = image;
      const every = step > 1 ? `, each ${count(step)}th row and column` : "";
      note.textContent = `${count(rows)} rows, ${count(columns)} columns${every}`;
      if (!image.data) return el("p", { class: "note" }, "there are no numbers");
      return image.channels > 1 ? canvas(image) : [canvas(image), scale(least, most)];
    }),
  );
  const taken = () => (channels === "last" ? [1, 2, 3] : channels === "first" ? [1, 2, 3] : [1, 2]);
  const rebuild = () => {
    const free = taken().map((back) => shape.length - back);
    const others = shape.map((_, axis) => axis).filter((axis) => !free.includes(axis));
    rest.replaceChildren(...sliders(shape, others, fixed, draw));
  };
  const isColour = (length) => length === 3 || length === 4;
  const modes = [["none", "heat map"]];
  if (shape.length >= 3 && isColour(shape.at(-1))) modes.push(["last", "colours in the last axis"]);
  if (shape.length >= 3 && isColour(shape.at(-3))) modes.push(["first", "colours in the first axis"]);
  const options = modes.map(([value, text]) => el("option", { value, selected: value === channels }, text));
  const change = () => ((channels = menu.value), rebuild(), draw());
  const menu = el("select", { "aria-label": "Kind of picture", onchange: change }, options);
  rebuild();
  box.replaceChildren(el("div", { class: "bar" }, modes.length > 1 ? menu : null, note), frame, rest);
  draw();
}

function canvas({ width, height, channels, data }) {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const node = el("canvas", { class: "picture", width, height, role: "img", "aria-label": "Picture" });
  const pixels = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = bytes.subarray(pixel * channels, (pixel + 1) * channels);
    if (channels > 1) pixels.data.set([from[0], from[1], from[2], from[3] ?? 255], pixel * 4);
    // NaN is transparent.
    else if (from[0] > 0) pixels.data.set([...heat(from[0]), 255], pixel * 4);
  }
  node.getContext("2d").putImageData(pixels, 0, 0);
  // Few pixels are shown large.
  const zoom = Math.max(1, Math.floor(Math.min(480 / width, 320 / height)));
  node.style.width = `${width * zoom}px`;
  return node;
}

function scale(least, most) {
  const node = el("canvas", { class: "scale", width: 255, height: 1, "aria-hidden": "true" });
  const pixels = new ImageData(255, 1);
  for (let byte = 1; byte <= 255; byte++) pixels.data.set([...heat(byte), 255], (byte - 1) * 4);
  node.getContext("2d").putImageData(pixels, 0, 0);
  return el("p", { class: "legend" }, short(least), node, short(most));
}
