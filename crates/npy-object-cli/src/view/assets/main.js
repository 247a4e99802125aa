// The page: which file, place and element are shown, and what the person does.
//
// The part of the address after # says what is shown, so that the browser goes back and forth.

import { get, problem } from "./api.js";
import { count, el, failure } from "./dom.js";
import { ElementPane } from "./element.js";
import { List } from "./list.js";
import { askAudit, audit, facts, schema, section, statistics } from "./reports.js";

/** Kinds that are searched for, as the library names them. */
const KINDS = [
  "None", "bool", "int", "float", "complex", "str", "bytes", "bytearray", "tuple", "list", "set", "frozenset", "dict",
  "OrderedDict", "defaultdict", "deque", "datetime", "date", "time", "timedelta", "Decimal", "array", "NumPy scalar",
  "record", "dtype", "global", "object of an unknown class",
];
/** Milliseconds between two looks at the survey. */
const SURVEY = 250;

const by = (id) => document.getElementById(id);
const main = document.querySelector("main");
let shown = {};
let entries = [];

const list = new List(by("elements"), (index, isAsked) => {
  set({ index, path: [] });
  if (isAsked) pane("element");
});
const element = new ElementPane(by("element"), {
  onpath: (path) => set({ path, tab: null }),
  ontab: (tab) => set({ tab }, true),
  onopen: (at) => {
    set({ at, index: null, path: [], tab: null });
    pane("list");
  },
});

/** Returns what the address says. */
function state() {
  const given = new URLSearchParams(location.hash.slice(1));
  const index = given.get("index");
  return {
    file: Number(given.get("file") ?? 0),
    at: given.get("at") ?? "",
    index: index === null || index === "all" ? index : Number(index),
    path: JSON.parse(given.get("path") ?? "[]"),
    tab: given.get("tab"),
  };
}

/** Changes what is shown. With `quiet`, only the address changes. */
function set(change, quiet = false) {
  const next = { ...state(), ...change };
  const given = new URLSearchParams({ file: next.file });
  if (next.at) given.set("at", next.at);
  if (next.index !== null) given.set("index", next.index);
  if (next.path.length) given.set("path", JSON.stringify(next.path));
  if (next.tab) given.set("tab", next.tab);
  if (quiet) {
    history.replaceState(null, "", `#${given}`);
    shown = next;
    return;
  }
  history.pushState(null, "", `#${given}`);
  update();
}

/** Shows the pane of this name, where the page is too narrow for all. */
function pane(name) {
  main.dataset.pane = name;
  for (const button of by("panes").children) button.setAttribute("aria-pressed", button.dataset.pane === name);
}

/** Shows what the address says. */
async function update() {
  const next = state();
  const place = { file: next.file, at: next.at };
  const isNewFile = next.file !== shown.file;
  if (isNewFile || next.at !== shown.at) {
    const asked = (shown = { ...next, index: null });
    by("files").value = next.file;
    by("way").replaceChildren(...way(next.at));
    list.reset(place, 0);
    element.clear();
    if (isNewFile) verdict(place);
    try {
      const summary = await get("file", place);
      if (asked !== shown) return;
      file(place, summary);
      survey(place, summary, asked);
      if (next.index === null && summary.total === 1 && summary.known === 1) next.index = 0;
    } catch (error) {
      if (asked !== shown) return;
      by("file").replaceChildren(el("h1", {}, base(entries[next.file]?.name ?? "")), failure(error), reports(place));
      by("progress").replaceChildren(failure(error));
      return;
    }
  }
  if (next.index === null) element.clear();
  else {
    const isSame = next.index === shown.index && JSON.stringify(next.path) === JSON.stringify(shown.path);
    if (next.index !== "all") list.select(next.index);
    if (!isSame) {
      const row = next.index === "all" ? null : (list.row(next.index) ?? (await rowOf(place, next.index)));
      element.show({ place, index: next.index, path: next.path, tab: next.tab, row });
    }
  }
  shown = next;
}

async function rowOf(place, index) {
  try {
    return (await get("rows", { ...place, from: index, count: 1 })).rows[0];
  } catch {
    return undefined;
  }
}

/** Returns the parts of a path as links to the places on it. */
function way(at) {
  const steps = at.match(/\[(?:'(?:[^'\\]|\\.)*'|[^\]])*\]/g) ?? [];
  const link = (label, at) => el("button", { type: "button", class: "link", onclick: () => set({ at, index: null, path: [], tab: null }) }, label);
  if (steps.length === 0) return [];
  return [link("file", ""), ...steps.map((step, place) => link(step, steps.slice(0, place + 1).join("")))];
}

/** Returns the last part of a path. */
function base(name) {
  return name.split(/[/\\]/).pop();
}

/** Fills the pane of the file. */
function file(place, summary) {
  const all = () => {
    set({ index: "all", path: [], tab: null });
    pane("element");
  };
  const parts = [
    el("h1", { title: entries[place.file].name }, base(entries[place.file].name)),
    facts(summary.facts),
    summary.has_rows ? el("button", { type: "button", onclick: all }, "Show all elements as one array") : null,
    section("Schema", () => schema(place), true),
    reports(place),
  ];
  by("file").replaceChildren(...parts.filter(Boolean));
}

function reports(place) {
  const box = el("div", {});
  box.append(
    section("Audit", async () => audit(await askAudit(place))),
    section("Statistics", () => statistics(place)),
  );
  return box;
}

/** Shows the verdict of the audit in the bar. */
async function verdict(place) {
  const link = by("verdict");
  link.textContent = "audit …";
  link.className = "verdict";
  try {
    const { report } = await askAudit(place);
    if (state().file !== place.file) return;
    const found = report?.verdict ?? "unreadable";
    link.textContent = found;
    link.className = `verdict ${found}`;
  } catch {
    link.textContent = "";
  }
}

/** Follows the survey until it ends: the list grows with what it finds. */
async function survey(place, summary, asked) {
  let now = summary;
  for (;;) {
    list.grow(now.known);
    const { known, total } = now;
    const of = total === null || total === known ? "" : ` of ${count(total)}`;
    const text = `${count(known)}${of} element${known === 1 ? "" : "s"}${now.done ? "" : " found, looking for more"}`;
    const error = now.error ? failure(await problem(now.error)) : null;
    if (asked.file !== shown.file || asked.at !== shown.at) return;
    by("progress").replaceChildren(...[text, error].filter(Boolean));
    if (now.done) return;
    await new Promise((resolve) => setTimeout(resolve, SURVEY));
    try {
      now = await get("rows", { ...place, from: 0, count: 0 });
    } catch (error) {
      by("progress").replaceChildren(failure(error));
      return;
    }
  }
}

/** Goes to an element, or to the next one that has a text and is of a kind. */
async function find(event) {
  event.preventDefault();
  const form = by("find");
  const number = form.elements.goto.value.replaceAll(/[\s,_]/g, "");
  if (number !== "" && document.activeElement === form.elements.goto) {
    const index = Math.max(0, Math.min(Number(number), list.total - 1));
    if (Number.isInteger(index)) list.choose(index);
    return;
  }
  const [text, kind] = [form.elements.text.value, form.elements.kind.value];
  if (!text && !kind) return;
  const { file, at, index } = state();
  const begun = index === null || index === "all" ? 0 : index + 1;
  const button = form.querySelector("button");
  button.disabled = true;
  const end = list.total;
  let from = begun;
  try {
    while (from < end) {
      const found = await get("search", { file, at, text, kind, from });
      const [row] = found.rows;
      if (state().file !== file || state().at !== at) return;
      if (row) return list.choose(row.index);
      from = found.next;
      by("progress").textContent = `searched ${count(from)} of ${count(end)}`;
      if (found.next >= end) break;
    }
    by("progress").textContent = begun ? `not found after element ${count(begun - 1)}` : "not found";
    // The next search begins at the first element.
    if (begun) set({ index: null, path: [] });
  } catch (error) {
    by("progress").replaceChildren(failure(error));
  } finally {
    button.disabled = false;
  }
}

/** Keys of the whole page: / finds, g goes to a number, j and k go to the next and the last element. */
function key(event) {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const { elements } = by("find");
  const index = state().index;
  const next = { j: (index ?? -1) + 1, k: (index ?? 1) - 1 }[event.key];
  if (event.key === "/") pane("list"), elements.text.focus();
  else if (event.key === "g") pane("list"), elements.goto.focus();
  else if (next !== undefined && next >= 0 && next < list.total) list.choose(next);
  else return;
  event.preventDefault();
}

async function begin() {
  pane("list");
  for (const button of by("panes").children) button.addEventListener("click", () => pane(button.dataset.pane));
  by("find").elements.kind.append(el("option", { value: "" }, "any kind"), ...KINDS.map((kind) => el("option", {}, kind)));
  by("find").addEventListener("submit", find);
  by("verdict").addEventListener("click", (event) => {
    event.preventDefault();
    pane("file");
    const details = [...by("file").querySelectorAll("details")].at(-2);
    if (details) details.open = true;
  });
  document.addEventListener("keydown", key);
  try {
    entries = (await get("files")).files;
  } catch (error) {
    main.replaceChildren(failure(error));
    return;
  }
  if (entries.length === 0) {
    main.replaceChildren(el("p", { class: "note" }, "There are no arrays, pickles or archives."));
    return;
  }
  const options = entries.map(({ name }, number) => el("option", { value: number }, name));
  by("files").append(...options);
  by("files").addEventListener("change", () => set({ file: Number(by("files").value), at: "", index: null, path: [], tab: null }));
  addEventListener("popstate", update);
  await update();
}

begin();
