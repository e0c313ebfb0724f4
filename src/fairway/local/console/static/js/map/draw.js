/** Draws the service map: boxes, ways and the words on them. What it draws once, it then only changes. */

import { add, h, s, say, short } from "../dom.js";
import { length, rate, share } from "../format.js";
import { signAt } from "../marks.js";
import { colour, health, place, system } from "../system.js";

const HEAD = 48;
const ROW = 19;
const ASIDE = 32; // from the end of a way to its words: lines of events pass between
const FAILING = 0.01; // share of failures that turns a way red

/**
 * @typedef {{source: string, target: string, path: SVGPathElement, group: SVGElement, label: SVGElement | null, events: boolean}} Drawn
 */

/**
 * Draw it.
 * @param {(thing: {node?: string, source?: string, target?: string}) => void} choose
 */
export function draw(choose) {
  const { wide, high, ways, boxes } = system.chart;
  const root = s("svg", { viewBox: `0 0 ${wide} ${high}`, role: "group", "aria-label": `Map of ${system.system}` });
  /** @type {Map<string, Drawn>} */
  const drawn = new Map();
  /** @type {Map<string, SVGElement>} */
  const nodes = new Map();
  /** @type {Map<string, SVGElement>} */
  const stores = new Map();
  const under = s("g");
  const over = s("g");
  add(root, under, over);
  for (const way of ways) {
    const one = drawWay(way, choose);
    drawn.set(`${way.source} ${way.target}`, one);
    add(under, one.group);
  }
  for (const [name, box] of Object.entries(boxes)) {
    const node = drawBox(name, box, choose, stores);
    nodes.set(name, node);
    add(over, node);
  }
  return { root, drawn, nodes, stores, stray: under };
}

/** @param {SVGElement} element @param {() => void} act */
function pressable(element, act) {
  element.setAttribute("role", "button");
  element.setAttribute("tabindex", "0");
  element.addEventListener("click", (event) => {
    event.stopPropagation();
    element.focus({ preventScroll: true });
    act();
  });
  element.addEventListener("keydown", (event) => {
    const { key } = /** @type {KeyboardEvent} */ (event);
    if (key !== "Enter" && key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}

/** @param {import("../system.js").Way} way @param {Function} choose @returns {Drawn} */
function drawWay(way, choose) {
  const d = way.bent ? bent(way.points) : angled(way.points);
  const path = /** @type {SVGPathElement} */ (s("path", { class: "track", d }));
  const end = way.points[way.points.length - 1];
  const before = way.points[way.points.length - 2];
  const group = s("g", { class: way.bent ? "way" : "way events", own: colour(way.bent ? way.source : (place(way.source)?.kind === "broker" ? way.target : way.source)) },
    s("path", { class: "reach", d }), path, tip(before, end, way.bent));
  const label = way.bent ? s("text", { x: end[0] - ASIDE, y: wordsAt(before[1], end[1]), "text-anchor": "end" }) : null;
  if (label) add(group, label);
  group.setAttribute("aria-label", `${way.source} to ${way.target}`);
  pressable(group, () => choose({ source: way.source, target: way.target }));
  return { source: way.source, target: way.target, path, group, label, events: !way.bent };
}

/** @param {[number, number][]} points */
function bent(points) {
  let d = `M${points[0][0]} ${points[0][1]}`;
  for (let at = 1; at < points.length; at += 1) {
    const [x1, y1] = points[at - 1];
    const [x2, y2] = points[at];
    const pull = x2 > x1 ? (x2 - x1) * 0.5 : 70;
    const back = x2 > x1 ? pull : -70;
    d += ` C${x1 + pull} ${y1} ${x2 - back} ${y2} ${x2} ${y2}`;
  }
  return d;
}

/** @param {[number, number][]} points */
function angled(points) {
  const radius = 7;
  let d = `M${points[0][0]} ${points[0][1]}`;
  for (let at = 1; at < points.length - 1; at += 1) {
    const [x, y] = points[at];
    const one = toward(points[at], points[at - 1], radius);
    const two = toward(points[at], points[at + 1], radius);
    d += ` L${one[0]} ${one[1]} Q${x} ${y} ${two[0]} ${two[1]}`;
  }
  const [x, y] = points[points.length - 1];
  return `${d} L${x} ${y}`;
}

/** @param {[number, number]} here @param {[number, number]} there @param {number} far @returns {[number, number]} */
function toward(here, there, far) {
  const all = Math.hypot(there[0] - here[0], there[1] - here[1]) || 1;
  const part = Math.min(far, all / 2) / all;
  return [here[0] + (there[0] - here[0]) * part, here[1] + (there[1] - here[1]) * part];
}

/** Words stand on the side that the line does not come from. @param {number} before @param {number} end */
function wordsAt(before, end) {
  if (Math.abs(before - end) < 24) return Math.min(before, end) - 6;
  return before < end ? end + 13 : end - 5;
}

/** @param {[number, number]} before @param {[number, number]} end @param {boolean} sideways */
function tip(before, end, sideways) {
  const [x, y] = end;
  if (sideways || before[1] === y) {
    const to = sideways ? (before[0] <= x ? 1 : -1) : Math.sign(x - before[0]);
    return s("path", { class: "tip", d: `M${x} ${y}l${-7 * to} -4v8z` });
  }
  const to = Math.sign(y - before[1]);
  return s("path", { class: "tip", d: `M${x} ${y}l-4 ${-7 * to}h8z` });
}

/** @param {string} name @param {import("../system.js").Box} box @param {Function} choose @param {Map<string, SVGElement>} stores */
function drawBox(name, box, choose, stores) {
  const node = place(name);
  const { x, y, wide, high } = box;
  const head = s("g", { class: "head" }, s("title", { text: `${name}${node?.detail ? `, ${node.detail}` : ""}` }));
  const group = s("g", { class: node?.kind === "broker" ? "box bus" : "box", own: colour(name), transform: `translate(${x} ${y})` }, head);
  if (node?.kind === "broker") {
    add(head, s("rect", { class: "halo", x: -3, y: -3, width: wide + 6, height: high + 6, rx: 19 }),
      s("rect", { class: "body", width: wide, height: high, rx: high / 2 }),
      s("text", { class: "title", x: 34, y: 21, text: name }),
      s("text", { class: "told-line", x: 44 + name.length * 8.2, y: 20.5 }));
    head.append(signAt("rest", 14, 10));
  } else {
    add(head, s("rect", { class: "halo", x: -3, y: -3, width: wide + 6, height: high + 6, rx: 13 }),
      s("rect", { class: "body", width: wide, height: high, rx: 10, "stroke-dasharray": node?.kind === "outside" ? "5 4" : null }),
      s("path", { class: "keel", d: `M10 0H6Q0 0 0 10V${high - 10}Q0 ${high} 6 ${high}H6V0z` }),
      s("text", { class: "title", x: 16, y: 20, text: short(name, 16) }),
      s("text", { class: "told-line", x: 16, y: 37 }));
    head.append(signAt("rest", wide - 21, 26));
    box.stores.forEach((store, row) => add(group, drawStore(name, store, wide, HEAD + ROW * row, choose, stores)));
  }
  pressable(head, () => choose({ node: name }));
  return group;
}

/** @param {string} service @param {string} store @param {number} wide @param {number} y @param {Function} choose @param {Map<string, SVGElement>} stores */
function drawStore(service, store, wide, y, choose, stores) {
  const row = s("g", { class: "store", transform: `translate(0 ${y})`, "aria-label": `store ${store} of ${service}` },
    s("path", { class: "shelf", d: `M6 0H${wide}` }),
    s("rect", { x: 7, y: 1, width: wide - 9, height: ROW - 2, rx: 5 }),
    s("path", { class: "drum", d: "M16 5.5c0-2.4 8-2.4 8 0v7.5c0 2.4-8 2.4-8 0zM16 5.5c0 2.4 8 2.4 8 0" }),
    s("text", { x: 30, y: 13.5, text: short(store, 17) }),
    s("text", { class: "sounding", x: wide - 9, y: 13.5, "text-anchor": "end" }));
  pressable(row, () => choose({ source: service, target: store }));
  stores.set(`${service} ${store}`, row);
  return row;
}

/**
 * Bring the words and signs up to date.
 * @param {ReturnType<typeof draw>} map
 * @param {any[]} flows
 */
export function refresh(map, flows) {
  const ways = gather(flows);
  for (const one of map.drawn.values()) {
    const flow = ways.get(`${one.source} ${one.target}`);
    const busy = (flow?.rate ?? 0) > 0;
    const failing = busy && (flow?.failures ?? 0) > FAILING;
    one.group.classList.toggle("busy", busy);
    one.group.classList.toggle("failing", failing);
    if (one.label) say(one.label, busy && flow ? words(flow, failing) : "");
    one.group.setAttribute("aria-label", `${one.source} to ${one.target}${busy && flow ? `: ${rate(flow.rate)}, ${share(flow.failures)} fail` : ": at rest"}`);
  }
  for (const [key, row] of map.stores) {
    const flow = ways.get(key);
    say(/** @type {Element} */ (row.querySelector(".sounding")), flow?.rate ? `${rate(flow.rate)}` : "");
  }
  for (const [name, node] of map.nodes) refreshNode(name, node, flows);
}

/** @param {{rate: number, failures: number, p95: number | null}} flow @param {boolean} failing */
function words(flow, failing) {
  if (failing) return `${rate(flow.rate)} · ${share(flow.failures)} fail`;
  return flow.p95 === null ? rate(flow.rate) : `${rate(flow.rate)} · ${length(flow.p95)}`;
}

/** Add up what the channels of one way carry. @param {any[]} flows */
export function gather(flows) {
  /** @type {Map<string, {rate: number, failures: number, p95: number | null}>} */
  const ways = new Map();
  for (const flow of flows) {
    const key = `${flow.source} ${flow.target}`;
    const there = ways.get(key);
    if (!there) ways.set(key, { rate: flow.rate, failures: flow.failures, p95: flow.p95 });
    else {
      const all = there.rate + flow.rate;
      there.failures = all ? (there.failures * there.rate + flow.failures * flow.rate) / all : 0;
      there.rate = all;
      there.p95 = Math.max(there.p95 ?? 0, flow.p95 ?? 0) || null;
    }
  }
  return ways;
}

/** @param {string} name @param {SVGElement} node @param {any[]} flows */
function refreshNode(name, node, flows) {
  const how = health(name);
  const mark = node.querySelector(".how");
  if (mark && mark.getAttribute("data-how") !== how) {
    const transform = mark.getAttribute("transform") ?? "";
    const fresh = signAt(how, 0, 0);
    fresh.setAttribute("transform", transform);
    fresh.setAttribute("data-how", how);
    mark.replaceWith(fresh);
  }
  node.classList.toggle("down", how === "bad");
  node.firstElementChild?.setAttribute("aria-label", `${name}, ${how === "good" ? "well" : how === "bad" ? "in trouble" : "at rest"}`);
  const kind = place(name)?.kind;
  const those = flows.filter((flow) => (kind === "gateway" ? flow.source === name : flow.target === name));
  const all = those.reduce((sum, flow) => sum + flow.rate, 0);
  const failed = those.reduce((sum, flow) => sum + flow.rate * flow.failures, 0);
  const line = /** @type {Element} */ (node.querySelector(".told-line"));
  const part = all ? failed / all : 0;
  line.classList.toggle("bad", how === "bad" || part > FAILING);
  if (how === "bad") say(line, "in trouble");
  else if (kind === "broker") {
    const channels = new Map();
    for (const flow of those) channels.set(flow.channel, (channels.get(flow.channel) ?? 0) + flow.rate);
    say(line, [...channels].map(([channel, per]) => `${channel} ${rate(per)}`).slice(0, 4).join("   "));
  } else say(line, all ? `${rate(all)}${part > FAILING ? ` · ${share(part)} fail` : worst(those)}` : idle(kind));
}

/** @param {any[]} flows */
function worst(flows) {
  const slowest = Math.max(0, ...flows.map((flow) => flow.p95 ?? 0));
  return slowest ? ` · ${length(slowest)}` : "";
}

/** @param {string | undefined} kind */
function idle(kind) {
  return kind === "outside" ? "outside, played here" : "at rest";
}

/** Explain the signs. */
export function legend() {
  const sample = (/** @type {string} */ of, /** @type {string} */ says) => h("span", { class: "sample" },
    s("svg", { viewBox: "0 0 34 10", "aria-hidden": "true" }, s("g", { class: `way ${of}`, own: "var(--c0)" }, s("path", { class: "track", d: "M2 5H32" }))), says);
  return [sample("busy", "calls: how many, p95"), sample("events busy", "events"), sample("busy failing", "more than 1 % fail")];
}
