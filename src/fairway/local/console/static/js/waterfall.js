/** One trace as a waterfall: where its time went, across all services, with what each span tells and its log lines. */

import { ask } from "./api.js";
import { add, clear, h, short } from "./dom.js";
import { clockExact, counted, length } from "./format.js";
import { journey } from "./journey.js";
import { lineRow } from "./lines.js";
import { on } from "./live.js";
import { sign } from "./marks.js";
import { go } from "./route.js";
import { colour } from "./system.js";

const MOST = 500; // spans that are drawn
const LOOKS_AGAIN = [1500, 4000]; // milliseconds: what follows from a request, as events, comes later
const MOST_LINES = 200;

/** @param {HTMLElement} root @param {string} trace */
export function waterfall(root, trace) {
  const back = h("button", { type: "button", class: "small", text: "← All traces", onclick: () => (history.length > 1 ? history.back() : go("traces")) });
  const title = h("h2", { id: "trace-title", text: "Trace" });
  const head = h("div", { class: "flow-head" });
  const flow = h("div", { class: "flow" });
  const lines = h("div", { class: "lines trace-lines" });
  const said = h("section", { class: "panel", "aria-label": "Log lines of this trace", hidden: true }, h("header", {}, h("h2", { text: "What was logged" })), lines);
  add(root, h("div", { class: "stack" },
    h("section", { class: "panel", "aria-labelledby": "trace-title" }, h("header", {}, title, h("div", { class: "end" }, back)), head, flow), said));
  /** @type {Set<string>} */
  const opened = new Set();
  let spans = -1;

  async function look() {
    try {
      const found = await ask(`traces/${encodeURIComponent(trace)}`);
      if (!flow.isConnected || found.spans.length + found.lines.length === spans) return;
      spans = found.spans.length + found.lines.length;
      draw(found);
    } catch (error) {
      if (spans < 0 && flow.isConnected) add(clear(flow), h("p", { class: "empty", text: /** @type {Error} */ (error).message }));
    }
  }

  /** @param {{spans: any[], lines: any[]}} found */
  function draw(found) {
    const rows = nested(found.spans);
    const begin = Math.min(...found.spans.map((span) => span.start));
    const end = Math.max(...found.spans.map((span) => span.start + span.duration));
    const whole = Math.max(end - begin, 1e-6);
    title.textContent = short(rows[0]?.span.name ?? "Trace", 120);
    const failed = found.spans.filter((span) => span.failed).length;
    const services = [...new Set(found.spans.slice().sort((one, two) => one.start - two.start).map((span) => span.service))];
    add(clear(head), journey(services),
      h("span", { class: "figure" }, h("b", { text: length(whole) }), ` · ${counted(found.spans.length, "span")} · ${clockExact(begin)}`),
      failed ? h("span", { class: "tag bad", text: `${counted(failed, "span")} failed` }) : null,
      h("span", { class: "mono quiet", text: trace }));
    const list = h("ol", { "aria-label": "Spans" }, rows.slice(0, MOST).map((row) => spanRow(row, begin, whole, opened)));
    list.addEventListener("keydown", walkRows);
    add(clear(flow), axis(whole), list, rows.length > MOST ? h("p", { class: "empty", text: `and ${rows.length - MOST} more spans, which are not drawn` }) : null);
    said.hidden = !found.lines.length;
    add(clear(lines), found.lines.slice(-MOST_LINES).map((line) => lineRow(line, false)));
  }

  look();
  const timers = LOOKS_AGAIN.map((after) => setTimeout(look, after));
  const ending = on("traces", look);
  return () => {
    ending();
    timers.forEach(clearTimeout);
  };
}

/**
 * Put spans under their parents; those whose parent is not known stand at the top, in the order of their start.
 * @param {any[]} spans
 * @returns {{span: any, depth: number}[]}
 */
export function nested(spans) {
  /** @type {Map<string, any[]>} */
  const under = new Map();
  const known = new Set(spans.map((span) => span.span));
  for (const span of [...spans].sort((one, two) => one.start - two.start)) {
    const parent = known.has(span.parent) && span.parent !== span.span ? span.parent : "";
    under.set(parent, [...(under.get(parent) ?? []), span]);
  }
  /** @type {{span: any, depth: number}[]} */
  const rows = [];
  const done = new Set();
  const stack = [...(under.get("") ?? [])].reverse().map((span) => ({ span, depth: 0 }));
  while (stack.length) {
    const row = /** @type {{span: any, depth: number}} */ (stack.pop());
    if (done.has(row.span.span)) continue;
    done.add(row.span.span);
    rows.push(row);
    for (const child of [...(under.get(row.span.span) ?? [])].reverse()) stack.push({ span: child, depth: Math.min(row.depth + 1, 14) });
  }
  for (const span of spans) if (!done.has(span.span)) rows.push({ span, depth: 0 }); // parents in a circle
  return rows;
}

/** @param {number} whole */
function axis(whole) {
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const mark = h("span", { text: part ? length(whole * part) : "0" });
    mark.style.left = `${part * 100}%`;
    return mark;
  });
  return h("div", { class: "axis", "aria-hidden": "true" }, marks);
}

/** @param {{span: any, depth: number}} row @param {number} begin @param {number} whole @param {Set<string>} opened */
function spanRow(row, begin, whole, opened) {
  const { span, depth } = row;
  const from = ((span.start - begin) / whole) * 100;
  const broad = (span.duration / whole) * 100;
  const stretch = h("span", { class: "stretch" });
  stretch.style.left = `min(${from}%, calc(100% - 3px))`;
  stretch.style.width = `${broad}%`;
  const label = h("span", { class: "label" }, h("span", { class: "swatch" }), span.failed ? sign("bad", "failed") : null,
    h("b", { text: short(span.service, 30) }), h("span", { class: "quiet", text: short(span.name, 160), title: short(span.name, 400) }));
  label.style.setProperty("--depth", String(depth));
  const button = h("button", { type: "button", "aria-expanded": String(opened.has(span.span)) }, label, h("span", { class: "run", "aria-hidden": "true" }, stretch), h("span", { class: "length figure", text: length(span.duration) }),
    h("span", { class: "unseen", text: `after ${length(span.start - begin)}` }));
  const element = h("li", { class: `span ${span.kind}${span.failed ? " failed" : ""}`, own: colour(span.service) }, button);
  const open = () => element.append(details(span, begin));
  button.addEventListener("click", () => {
    const wide = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(wide));
    if (wide) {
      opened.add(span.span);
      open();
    } else {
      opened.delete(span.span);
      element.querySelector(".more")?.remove();
    }
  });
  if (opened.has(span.span)) open();
  return element;
}

/** @param {any} span @param {number} begin */
function details(span, begin) {
  const rows = [
    ["span", span.span], ["kind", span.kind], ["replica", span.replica], ["begins", `${clockExact(span.start)}, after ${length(span.start - begin)}`],
    ["why it failed", span.failed ? span.says || "it does not say" : ""], ...Object.entries(span.attributes),
  ].filter(([, value]) => value !== "" && value !== undefined);
  return h("div", { class: "more" },
    facts(rows),
    (span.events ?? []).slice(0, 20).map((/** @type {any} */ event) => h("div", {},
      h("p", {}, h("b", { text: short(event.name, 200) }), h("span", { class: "quiet", text: ` after ${length(event.when - begin)}` })), facts(Object.entries(event.attributes ?? {})))),
    (span.links ?? []).slice(0, 10).map((/** @type {string[]} */ [linked]) => h("p", {}, "follows from ", h("button", { type: "button", class: "link mono", text: linked, onclick: () => go("traces", { trace: linked }) }))));
}

/** @param {any[][]} rows */
export function facts(rows) {
  return h("dl", { class: "facts" }, rows.slice(0, 60).flatMap(([name, value]) => [
    h("dt", { text: short(String(name), 120) }), h("dd", { text: short(typeof value === "object" ? JSON.stringify(value) : String(value), 8000) }),
  ]));
}

/** @param {KeyboardEvent} event */
function walkRows(event) {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const buttons = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(":scope > li > button")]);
  const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (!step || at < 0) return;
  event.preventDefault();
  buttons[at + step]?.focus();
}
