// Shows what is known of a whole file: header, columns, audit and statistics.

import { get, problem } from "./api.js";
import { count, el, failure, short } from "./dom.js";

/** Milliseconds between two questions for a report that is being made. */
const WAIT = 400;

/** Returns the facts of a file as a list of names and values. */
export function facts(pairs) {
  const text = (value) => (/^\d+$/.test(value) ? count(value) : value);
  const items = pairs.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, text(value))]);
  return el("dl", { class: "facts" }, items);
}

/** Returns a section that is filled when it is opened for the first time. */
export function section(title, fill, open = false) {
  const body = el("div", { class: "body" });
  let filled = false;
  const details = el("details", { open }, el("summary", {}, title), body);
  const opened = async () => {
    if (!details.open || filled) return;
    filled = true;
    body.setAttribute("aria-busy", "true");
    try {
      body.replaceChildren(...[await fill()].flat());
    } catch (error) {
      body.replaceChildren(failure(error));
    }
    body.removeAttribute("aria-busy");
  };
  details.addEventListener("toggle", opened);
  if (open) opened();
  return details;
}

/** Returns the lines of `npyo tree`. */
export async function schema(place) {
  const { text, next } = await get("schema", place);
  return [
    el("pre", { class: "schema", tabindex: 0 }, text),
    next === null ? null : el("p", { class: "note" }, "and more: `npyo tree` prints all of it"),
  ].filter(Boolean);
}

/** Returns a report that the server makes in the background. */
async function report(name, place) {
  for (;;) {
    const answer = await get(name, { file: place.file });
    if (!answer.running) {
      if (answer.error) answer.problem = await problem(answer.error);
      return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT));
  }
}

/** Asks for the audit. */
export function askAudit(place) {
  return report("audit", place);
}

/** Returns the verdict of an audit, and why. */
export function audit({ report: found, problem }) {
  if (!found) return failure(problem);
  const issues = found.issues.map((issue) =>
    el(
      "li",
      {},
      el("span", { class: `verdict ${issue.verdict}` }, issue.verdict),
      issue.name ? [" ", el("code", {}, issue.name)] : null,
      ` ${issue.message}`,
      issue.offset === null ? null : el("span", { class: "note" }, ` at byte ${count(issue.offset)}`),
    ),
  );
  const names = found.names.map(({ name, verdict, reason, imported, called }) =>
    el(
      "li",
      {},
      el("span", { class: `verdict ${verdict}` }, verdict),
      " ",
      el("code", {}, name),
      el("span", { class: "note" }, ` ${[reason, ...uses(imported, called)].filter(Boolean).join(", ")}`),
    ),
  );
  const lead = {
    inert: "np.load(allow_pickle=True) would only make plain values.",
    unknown: "np.load(allow_pickle=True) would use names that no rule allows, or the file was not read to its end.",
    dangerous: "np.load(allow_pickle=True) would run code or commands, open files or change the program.",
  };
  return [
    el("p", {}, el("span", { class: `verdict ${found.verdict}` }, found.verdict), ` ${lead[found.verdict] ?? ""}`),
    issues.length ? el("ul", { class: "issues" }, issues) : null,
    names.length ? section("Names", () => el("ul", { class: "issues" }, names)) : null,
  ].filter(Boolean);
}

function uses(imported, called) {
  return [imported && `imported ${count(imported)}×`, called && `called ${count(called)}×`];
}

/** The order of the statistics; others come last. */
const ORDER = ["elements", "kinds", "fields", "dtypes", "shapes", "lengths", "bytes", "shared", "globals"];

/** Returns the statistics of `npyo stats`. */
export async function statistics(place) {
  const { report: found, problem } = await report("statistics", place);
  const parts = problem ? [failure(problem)] : [];
  const rank = ([name]) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const entries = Object.entries(found ?? {}).sort((a, b) => rank(a) - rank(b));
  for (const [name, value] of entries) {
    if (name === "fields") {
      parts.push(...fields(value));
    } else if (typeof value === "number") {
      if (value) parts.push(facts([[name, count(value)]]));
    } else if (value && typeof value === "object") {
      parts.push(...table(name, value));
    }
  }
  return parts;
}

/** Returns a table of the keys of dicts, with the extremes of their numbers. */
function fields(value) {
  const lines = Object.entries(value).map(([key, { values, numbers }]) =>
    el(
      "tr",
      {},
      el("td", { class: "code" }, key),
      el("td", { class: "number" }, count(values)),
      el("td", {}, numbers ? `${short(numbers.min)} to ${short(numbers.max)}, mean ${short(numbers.mean)}` : ""),
    ),
  );
  if (lines.length === 0) return [];
  return [el("h3", {}, "fields"), el("table", { class: "counts" }, el("tbody", {}, lines))];
}

/** Rows of a table that are shown. */
const RANKS = 12;

/** Returns a table of counts, or of sizes with their histogram. */
function table(name, value) {
  const isSizes = Array.isArray(value.histogram);
  if (isSizes && !value.count) return [];
  const scalars = Object.entries(value).filter(([, item]) => typeof item === "number");
  const ranks = isSizes
    ? value.histogram.map(([[from, to], number]) => [from === to ? count(from) : `${count(from)}–${count(to)}`, number])
    : scalars;
  if (ranks.length === 0) return [];
  const all = ranks.reduce((sum, [, number]) => sum + number, 0);
  const lines = ranks.slice(0, isSizes ? ranks.length : RANKS).map(([label, number]) =>
    el(
      "tr",
      {},
      el("td", { class: "code" }, label),
      el("td", { class: "number" }, count(number)),
      el("td", { class: "share" }, el("meter", { min: 0, max: all, value: number })),
    ),
  );
  const rest = ranks.length - lines.length;
  const { min, max, mean, quantiles } = value;
  const extent = isSizes ? Object.entries({ min, median: quantiles?.["0.5"], mean, max }).filter(([, item]) => item !== undefined) : [];
  return [
    el("h3", {}, name),
    extent.length ? el("p", { class: "note" }, extent.map(([key, item]) => `${key} ${short(item)}`).join(" · ")) : null,
    el("table", { class: "counts" }, el("tbody", {}, lines)),
    rest > 0 ? el("p", { class: "note" }, `and ${count(rest)} others`) : null,
  ].filter(Boolean);
}
