// A list of any number of elements, of which only the rows in sight are in the page.

import { get } from "./api.js";
import { count, el, size } from "./dom.js";
import { sparkline } from "./plots.js";

/** Rows of a request. */
const PAGE = 50;
/** Requests whose rows are kept. */
const KEPT = 40;
/** Pixels of the tallest spacer: browsers refuse taller elements. A longer list is scaled. */
const TALLEST = 8_000_000;
/** Milliseconds without scrolling after which the scroll bar shows the place again. */
const IDLE = 150;

/**
 * The list. `onselect` is called with the number and the row of an element.
 *
 * The first row in sight, `top`, is what counts, not the scroll bar: a small step of the scroll bar
 * moves the rows by as many pixels, and a large one goes to a share of the list.
 */
export class List {
  constructor(box, onselect) {
    this.onselect = onselect;
    this.spacer = el("div", { class: "spacer" });
    this.layer = el("div", { class: "rows" });
    this.scroller = el(
      "div",
      {
        class: "scroller",
        tabindex: 0,
        role: "listbox",
        "aria-label": "Elements",
        onscroll: () => this.scrolled(),
        onkeydown: (event) => this.key(event),
      },
      this.layer,
      this.spacer,
    );
    box.replaceChildren(this.scroller);
    new ResizeObserver(() => this.resize()).observe(this.scroller);
    this.rows = [];
    this.reset({}, 0);
  }

  /** Shows another place: a file, or a container in it. */
  reset(place, total) {
    this.aborter?.abort();
    Object.assign(this, { place, total, top: 0, selected: null, pages: new Map(), loading: null });
    this.resize();
    this.sync();
    this.draw();
  }

  /** Sets the number of elements that are found. Those that are shown stay where they are. */
  grow(total) {
    if (total === this.total) return;
    this.total = total;
    this.resize();
  }

  /** Selects an element, and scrolls to it if it is not in sight. */
  select(number) {
    this.selected = number;
    if (number !== null && (number < this.top || number > this.top + this.shown - 2)) {
      this.go(number - Math.floor(this.shown / 2));
    }
    this.draw();
  }

  /** Makes an element the first one in sight. */
  go(number) {
    this.top = Math.max(0, Math.min(number, this.last));
    this.sync();
    this.draw();
  }

  /** The largest value of `top`. */
  get last() {
    return Math.max(0, this.total - this.shown);
  }

  resize() {
    this.height = parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row")) || 32;
    this.shown = this.scroller.clientHeight / this.height;
    this.spacer.style.height = `${Math.min(TALLEST, this.total * this.height)}px`;
    this.top = Math.min(this.top, this.last);
    this.sync();
    this.draw();
  }

  /** Moves the scroll bar to the place of `top`. */
  sync() {
    const room = this.scroller.scrollHeight - this.scroller.clientHeight;
    this.scroller.scrollTop = this.last === 0 ? 0 : (this.top / this.last) * room;
    this.before = this.scroller.scrollTop;
  }

  scrolled() {
    const now = this.scroller.scrollTop;
    const step = now - this.before;
    if (step === 0) return;
    this.before = now;
    const room = this.scroller.scrollHeight - this.scroller.clientHeight;
    const small = Math.abs(step) < this.scroller.clientHeight;
    const top = small ? this.top + step / this.height : (now / room) * this.last;
    this.top = Math.max(0, Math.min(top, this.last));
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.sync(), IDLE);
    this.draw();
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.shown) - 1);
    const from = this.selected ?? -1;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    let next;
    if (event.key in steps) next = from + steps[event.key];
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = this.total - 1;
    else if (event.key === "Enter" && from >= 0) next = from;
    else return;
    event.preventDefault();
    if (this.total > 0) this.choose(Math.max(0, Math.min(next, this.total - 1)), event.key === "Enter");
  }

  choose(number, open = false) {
    this.select(number);
    this.onselect(number, open);
  }

  /** Returns the row of an element, if it was fetched. */
  row(number) {
    return this.pages.get(Math.floor(number / PAGE))?.[number % PAGE];
  }

  draw() {
    this.sight = this.paint();
    this.fetch();
  }

  /** Shows the rows in sight, as far as they are here. Returns the numbers of the first and the last. */
  paint() {
    const first = Math.floor(this.top);
    const wanted = Math.max(0, Math.min(Math.ceil(this.shown) + 1, this.total - first));
    while (this.rows.length < wanted) {
      const row = new Row((number) => this.choose(number, true));
      this.rows.push(row);
      this.layer.append(row.node);
    }
    this.rows.forEach((row, place) => {
      const number = first + place;
      row.node.hidden = place >= wanted;
      if (row.node.hidden) return;
      row.node.style.transform = `translateY(${(number - this.top) * this.height}px)`;
      row.show(number, this.row(number), number === this.selected, this.total);
    });
    return [first, first + wanted];
  }

  /** Fetches the rows in sight that are not here, one request at a time. */
  async fetch() {
    if (this.loading !== null) return;
    const { place } = this;
    for (;;) {
      const [first, end] = this.sight;
      const pages = [];
      for (let page = Math.floor(first / PAGE); page * PAGE < end; page++) pages.push(page);
      const page = pages.find((page) => !this.pages.has(page));
      if (page === undefined || place !== this.place) return;
      this.loading = page;
      this.aborter = new AbortController();
      let rows = [];
      try {
        const answer = await get("rows", { ...place, from: page * PAGE, count: PAGE }, this.aborter.signal);
        rows = answer.rows;
      } catch (error) {
        if (error.name === "AbortError") return;
      }
      if (place !== this.place) return;
      this.loading = null;
      // A page that the survey has not filled yet is fetched again when it is drawn.
      if (rows.length === PAGE || page * PAGE + rows.length >= this.total) this.pages.set(page, rows);
      if (this.pages.size > KEPT) this.pages.delete(this.pages.keys().next().value);
      this.paint();
      if (!this.pages.has(page)) return;
    }
  }
}

/** A row, which shows one element after another. */
class Row {
  constructor(onclick) {
    this.index = el("span", { class: "index" });
    this.key = el("span", { class: "key" });
    this.kind = el("span", { class: "kind" });
    this.preview = el("span", { class: "preview" });
    this.size = el("span", { class: "size" });
    this.node = el(
      "div",
      { class: "row", role: "option", onclick: () => onclick(this.number) },
      this.index,
      this.key,
      this.kind,
      this.preview,
      this.size,
    );
  }

  show(number, row, selected, total) {
    if (this.number === number && this.row === row && this.selected === selected) return;
    Object.assign(this, { number, row, selected });
    this.node.setAttribute("aria-selected", selected);
    this.node.setAttribute("aria-posinset", number + 1);
    this.node.setAttribute("aria-setsize", total);
    this.index.textContent = count(number);
    this.key.textContent = row?.key ?? "";
    this.kind.textContent = row?.kind ?? "…";
    this.kind.classList.toggle("error", row?.kind === "error");
    this.preview.replaceChildren(row?.sparks ? sparkline(row.sparks) : "", row?.preview ?? "");
    this.size.textContent = size(row?.bytes);
  }
}
