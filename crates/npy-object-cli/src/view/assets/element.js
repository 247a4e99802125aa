// Shows one element, or a value inside it: as a tree, text, line, picture, histogram, and bytes.

import { get, problem, specification } from "./api.js";
import { count, el, failure, size } from "./dom.js";
import { histogram, linePlot, picture } from "./plots.js";

/** The tabs, each with a function that says whether an element has it, and one that fills it. */
const TABS = [
  ["tree", "Tree", (detail) => detail.tree, tree],
  ["text", "Text", (detail) => detail.tree, text],
  ["line", "Line", (detail) => detail.numbers, line],
  ["image", "Image", (detail) => detail.numbers?.shape.length >= 2, image],
  ["histogram", "Histogram", (detail) => detail.numbers, (box, { chosen }) => histogram(box, chosen)],
  ["bytes", "Bytes", (detail) => detail.span, bytes],
];

/** The pane of the element. `onopen` is called with a path to open as a list. */
export class ElementPane {
  constructor(box, { onpath, ontab, onopen }) {
    Object.assign(this, { box, onpath, ontab, onopen });
    this.clear();
  }

  clear() {
    this.shown = null;
    this.box.replaceChildren(el("p", { class: "note" }, "Choose an element of the list."));
  }

  /**
   * Shows the value at a path in an element. The path has the number and the label of each step.
   * `row` is the element's row of the list.
   */
  async show({ place, index, path, tab, row }) {
    const chosen = { ...place, index, path: path.map(([number]) => number).join(",") };
    const shown = (this.shown = { chosen, index, path, row });
    this.box.setAttribute("aria-busy", "true");
    let detail;
    try {
      detail = await get("element", chosen);
      if (detail.error) detail.problem = await problem(detail.error);
    } catch (error) {
      if (shown === this.shown) this.box.replaceChildren(this.title(shown, null), failure(error));
      return;
    } finally {
      this.box.removeAttribute("aria-busy");
    }
    if (shown !== this.shown) return;
    Object.assign(shown, { detail, onpath: this.onpath });
    this.fill(shown, tab);
  }

  fill(shown, wanted) {
    const { detail } = shown;
    const tabs = TABS.filter(([, , has]) => has(detail));
    const fitting = tabs.find(([name]) => name === wanted) ?? tabs.find(([name]) => name === usual(detail));
    this.panel = el("div", { class: "panel", role: "tabpanel", tabindex: -1 });
    const buttons = tabs.map(([name, label]) =>
      el(
        "button",
        { type: "button", role: "tab", "data-tab": name, onclick: () => this.choose(shown, name, true) },
        label,
      ),
    );
    this.tabs = el("div", { class: "tabs", role: "tablist", onkeydown: (event) => this.key(event) }, buttons);
    const error = detail.problem ? failure(detail.problem) : null;
    this.box.replaceChildren(...[this.title(shown, detail), error, this.tabs, this.panel].filter(Boolean));
    if (fitting) this.choose(shown, fitting[0], false);
  }

  choose(shown, name, isAsked) {
    for (const button of this.tabs.children) {
      const selected = button.dataset.tab === name;
      button.setAttribute("aria-selected", selected);
      button.tabIndex = selected ? 0 : -1;
    }
    const [, , , draw] = TABS.find(([known]) => known === name);
    this.panel.replaceChildren();
    draw(this.panel, shown);
    if (isAsked) this.ontab(name);
  }

  /** The arrow keys go from tab to tab. */
  key(event) {
    const buttons = [...this.tabs.children];
    const place = buttons.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || place < 0) return;
    event.preventDefault();
    const next = buttons[(place + step + buttons.length) % buttons.length];
    next.click();
    next.focus();
  }

  title({ index, path, row }, detail) {
    const name = index === "all" ? "all elements" : `element ${count(index)}`;
    const steps = [[null, row?.key ?? name], ...path].map(([, label], place, steps) => {
      const last = place === steps.length - 1;
      const go = () => this.onpath(path.slice(0, place));
      return last ? el("b", {}, label) : el("button", { type: "button", class: "link", onclick: go }, label);
    });
    const numbers = detail?.numbers;
    const kind = detail?.tree?.kind ?? (numbers ? `array ${numbers.dtype}, ${numbers.shape.join(" × ")}` : row?.kind);
    const bytes = detail?.span && size(detail.span[1] - detail.span[0]);
    const open = () => this.onopen(row.open);
    return el(
      "header",
      { class: "title" },
      el("h2", {}, steps.flatMap((step, place) => (place ? [" › ", step] : [step]))),
      el("p", { class: "kind" }, [kind, row?.key && index !== "all" ? name : null, bytes].filter(Boolean).join(" · ")),
      row?.open && path.length === 0
        ? el("button", { type: "button", onclick: open }, "Open as a list")
        : null,
    );
  }
}

/** Returns the tab that an element is shown with at first. */
function usual({ numbers, tree }) {
  if (numbers?.is_image || numbers?.shape.length >= 2) return "image";
  if (numbers && numbers.shape.length === 1 && numbers.shape[0] > 1) return "line";
  return tree?.members || !tree ? "tree" : "text";
}

/** Fills the tab with the members of the element. */
function tree(box, { chosen, detail, path, onpath }) {
  const list = el("ul", { class: "tree", role: "tree", "aria-label": "Members" });
  box.replaceChildren(list);
  if (detail.tree.members === 0) {
    list.append(el("li", { class: "leaf" }, el("span", { class: "preview" }, detail.tree.preview)));
    return;
  }
  members(list, chosen, path, detail.tree, onpath);
  list.firstElementChild.tabIndex = 0;
  list.addEventListener("keydown", walk);
}

/** Appends the nodes of a branch, and a button for more of them. */
function members(list, chosen, path, branch, onpath) {
  branch.nodes.forEach((node, place) => list.append(item(chosen, [...path, [branch.from + place, node.label]], node, onpath)));
  const end = branch.from + branch.nodes.length;
  if (end >= branch.members) return;
  const more = el("button", { type: "button", onclick: load }, `more of ${count(branch.members)}`);
  const last = el("li", { class: "more" }, more);
  list.append(last);
  async function load() {
    const rest = await get("element", { ...chosen, path: numbers(path), from: end });
    last.remove();
    members(list, chosen, path, rest.tree, onpath);
  }
}

function numbers(path) {
  return path.map(([number]) => number).join(",");
}

/** Returns the item of a node. Its members are fetched when it is opened. */
function item(chosen, path, node, onpath) {
  const opens = node.members > 0;
  const inner = el("ul", { role: "group" });
  const line = el(
    "div",
    { class: "node", onclick: () => (opens ? toggle() : onpath(path)) },
    el("span", { class: "label" }, node.label),
    " ",
    el("span", { class: "kind" }, node.kind),
    " ",
    el("span", { class: "preview" }, node.preview),
    el("button", { type: "button", class: "show", tabindex: -1, title: "Show this value alone", onclick: alone }, "show"),
  );
  const entry = el("li", { role: "treeitem", tabindex: -1, "aria-expanded": opens ? "false" : null }, line, inner);
  entry.show = () => onpath(path);
  entry.toggle = opens ? toggle : null;
  return entry;

  function alone(event) {
    event.stopPropagation();
    onpath(path);
  }

  async function toggle() {
    const open = entry.getAttribute("aria-expanded") !== "true";
    entry.setAttribute("aria-expanded", open);
    if (!open || inner.hasChildNodes()) return;
    try {
      const { tree } = await get("element", { ...chosen, path: numbers(path) });
      if (!inner.hasChildNodes()) members(inner, chosen, path, tree, onpath);
    } catch (error) {
      inner.replaceChildren(el("li", {}, failure(error)));
    }
  }
}

/** Moves in the tree with the keys of a tree: arrows, and Enter for the value alone. */
function walk(event) {
  const here = event.target.closest("[role=treeitem]");
  if (!here || event.target.tagName === "BUTTON") return;
  const all = [...event.currentTarget.querySelectorAll("[role=treeitem]")].filter((entry) => entry.offsetParent);
  const place = all.indexOf(here);
  const isOpen = here.getAttribute("aria-expanded");
  let next = null;
  if (event.key === "ArrowDown") next = all[place + 1];
  else if (event.key === "ArrowUp") next = all[place - 1];
  else if (event.key === "ArrowRight" && isOpen === "false") here.toggle();
  else if (event.key === "ArrowRight") next = all[place + 1];
  else if (event.key === "ArrowLeft" && isOpen === "true") here.toggle();
  else if (event.key === "ArrowLeft") next = here.parentElement.closest("[role=treeitem]");
  else if (event.key === "Enter") here.show();
  else return;
  event.preventDefault();
  event.stopPropagation();
  if (!next) return;
  here.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** Fills the tab with the text, a part at a time. */
async function text(box, { chosen }) {
  const content = el("pre", { class: "text", tabindex: 0 });
  const more = el("button", { type: "button", hidden: true, onclick: load }, "more");
  let from = 0;
  box.replaceChildren(content, more);
  await load();
  async function load() {
    try {
      const part = await get("text", { ...chosen, from });
      content.append(part.text);
      from = part.next;
      more.hidden = from === null;
    } catch (error) {
      more.hidden = true;
      box.append(failure(error));
    }
  }
}

function line(box, { chosen, detail }) {
  linePlot(box, chosen, detail.numbers.shape);
}

function image(box, { chosen, detail }) {
  picture(box, chosen, detail.numbers.shape, detail.numbers.is_image);
}

/** Fills the tab with the instructions, their bytes, and what the specification says of them. */
async function bytes(box, { chosen }) {
  const body = el("tbody");
  const head = ["byte", "bytes", "instruction"].map((name) => el("th", { scope: "col" }, name));
  const aside = el("aside", { class: "clauses", "aria-live": "polite" }, "Choose an instruction: its rules are shown here.");
  const more = el("button", { type: "button", hidden: true, onclick: load }, "more");
  const table = el("table", { class: "instructions" }, el("thead", {}, el("tr", {}, head)), body);
  box.replaceChildren(el("div", { class: "beside" }, el("div", { class: "scroll", tabindex: 0 }, table, more), aside));
  let from = null;
  await load();
  async function load() {
    try {
      const part = await get("instructions", { ...chosen, from });
      if (part.error) box.prepend(failure({ message: part.error }));
      for (const line of part.lines) body.append(instruction(line, aside));
      if (part.lines.every((line) => !line.opcode)) {
        aside.remove();
        table.classList.add("dump");
      }
      from = part.next;
      more.hidden = from === null;
    } catch (error) {
      more.hidden = true;
      box.append(failure(error));
    }
  }
}

function instruction({ offset, bytes, opcode, text }, aside) {
  const name = opcode && text.includes(opcode) ? opcode : null;
  const argument = name ? text.slice(text.indexOf(name) + name.length).trim() : text;
  const cells = [
    el("td", { class: "index" }, String(offset)),
    el("td", { class: "hex", title: bytes }, bytes),
    el("td", { class: "code" }, name ? el("b", {}, name) : null, name ? " " : null, argument),
  ];
  if (!opcode) return el("tr", {}, cells);
  const choose = async (event) => {
    const row = event.currentTarget;
    row.parentElement.querySelector("[aria-selected=true]")?.removeAttribute("aria-selected");
    row.setAttribute("aria-selected", "true");
    aside.replaceChildren(...(await rules(opcode)));
  };
  const onkeydown = (event) => event.key === "Enter" && choose(event);
  return el("tr", { tabindex: 0, onclick: choose, onfocus: choose, onkeydown }, cells);
}

/** Returns what the specification says of an opcode, and its clauses. */
async function rules(name) {
  const { opcodes, clauses } = await specification();
  const opcode = opcodes[name];
  if (!opcode) return [];
  const stack = (items) => (items.length ? items.join(" ") : "nothing");
  return [
    el("h3", {}, name, el("small", {}, ` protocol ${opcode.protocol}`)),
    el("p", {}, opcode.summary),
    el("p", { class: "note" }, `stack: ${stack(opcode.before)} → ${stack(opcode.after)}`),
    ...opcode.clauses.map((id) => el("p", { class: "rule" }, el("code", {}, id), " ", clauses[id].rule)),
  ];
}
