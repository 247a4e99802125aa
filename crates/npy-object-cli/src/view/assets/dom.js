// Makes elements of the page. Text from files becomes text nodes, and nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Returns a new element with attributes, listeners (`onclick`) and children: nodes, or text. */
export function el(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** Returns a new element of SVG. */
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Returns a whole number with spaces between thousands. */
export function count(number) {
  return Number(number).toLocaleString("en").replaceAll(",", "\u202f");
}

/** Returns a number in at most about 6 digits. */
export function short(number) {
  if (number === null || number === undefined) return "NaN";
  if (Number.isInteger(number) && Math.abs(number) < 1e9) return count(number);
  return String(Number(number.toPrecision(5)));
}

/** Returns a number of bytes with a unit. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (bytes < 1024 || unit === "GiB") {
      return `${unit === "B" ? bytes : bytes.toFixed(bytes < 10 ? 1 : 0)} ${unit}`;
    }
    bytes /= 1024;
  }
}

/** Returns a paragraph that says why something failed, with the clause of the specification. */
export function failure(error) {
  const { message, clause, rule } = error;
  return el(
    "div",
    { class: "failure", role: "alert" },
    el("p", {}, message),
    clause && rule ? el("p", { class: "rule" }, el("code", {}, clause), " ", rule) : null,
  );
}
