/** The first view: is all well, what can be tried, what moves, what has just happened. */

import { add, clear, h, keyed, s, say } from "../dom.js";
import { clock, counted, length, rate, share } from "../format.js";
import { journey } from "../journey.js";
import { now, on } from "../live.js";
import { mapPanel } from "../map/panel.js";
import { sign } from "../marks.js";
import { go } from "../route.js";
import { system } from "../system.js";
import { tell } from "../told.js";
import { verdict } from "../verdict.js";

const TROUBLES = 5;
const SHOWN = 9;

export const start = {
  id: "start",
  title: "Now",
  topics: ["traces"],
  /** @param {HTMLElement} root */
  mount(root) {
    const how = h("section", { class: "panel how", "aria-label": "How it is" });
    const trying = h("section", { class: "panel try", "aria-labelledby": "try-title" });
    const list = h("ol");
    const latest = h("section", { class: "panel latest", "aria-labelledby": "latest-title" },
      h("header", {}, h("h2", { id: "latest-title", text: "Latest journeys" }),
        h("div", { class: "end" }, h("button", { type: "button", class: "small", text: "All traces", onclick: () => go("traces") }))),
      list);
    const grid = h("div", { class: "start" }, how, trying);
    add(root, grid);
    const leave = mapPanel(grid);
    add(grid, latest);
    const judge = judging(how);
    const tries = () => offer(trying);
    const journeys = () => lately(list);
    judge();
    tries();
    journeys();
    const ends = [
      ...["status", "alerts", "channels", "sagas", "flows"].map((topic) => on(topic, judge)),
      on("status", tries), on("traces", journeys),
    ];
    return () => {
      leave();
      for (const end of ends) end();
    };
  },
};

/** @param {HTMLElement} root */
function judging(root) {
  const head = h("div", { class: "head" });
  const figures = h("dl", { class: "figures" });
  const troubles = h("ul", { class: "troubles" });
  add(root, head, troubles, figures);
  let said = "";
  return () => {
    const found = verdict();
    const text = JSON.stringify(found);
    if (text !== said) {
      said = text;
      add(clear(head), sign(found.how, ""), h("h2", { text: found.says }));
      clear(troubles);
      for (const one of found.all.slice(0, TROUBLES)) {
        add(troubles, h("li", {}, sign(one.how, ""), h("button", { type: "button", class: "link", text: one.says, title: one.says, onclick: () => go(one.view) })));
      }
      if (found.all.length > TROUBLES) add(troubles, h("li", { class: "quiet", text: `and ${found.all.length - TROUBLES} more` }));
      troubles.hidden = !found.all.length;
    }
    measure(figures);
  };
}

/** @param {HTMLElement} root */
function measure(root) {
  const processes = now.status?.processes ?? [];
  const ready = processes.filter((/** @type {any} */ one) => one.state === "ready").length;
  const running = processes.filter((/** @type {any} */ one) => one.state !== "done").length;
  const routes = now.flows.filter((/** @type {any} */ flow) => flow.source === "gateway");
  const all = routes.reduce((/** @type {number} */ sum, /** @type {any} */ flow) => sum + flow.rate, 0);
  const failed = routes.reduce((/** @type {number} */ sum, /** @type {any} */ flow) => sum + flow.rate * flow.failures, 0);
  const slow = Math.max(0, ...routes.map((/** @type {any} */ flow) => (flow.rate ? (flow.p95 ?? 0) : 0)));
  const rows = [
    ["processes ready", `${ready} of ${running}`], ["requests", rate(all)], ["failed", all ? share(failed / all) : "–"],
    ["p95", slow ? length(slow) : "–"],
  ];
  if (!root.children.length) {
    for (const [name] of rows) add(root, h("div", {}, h("dt", { text: name }), h("dd")));
    add(root, h("div", { class: "spark-place" }));
  }
  rows.forEach(([, told], place) => say(/** @type {Element} */ (root.children[place].lastElementChild), told));
  const past = sum(routes.map((/** @type {any} */ flow) => flow.history ?? []));
  const place = /** @type {Element} */ (root.lastElementChild);
  const drawn = past.join(" ");
  if (place.getAttribute("data-drawn") !== drawn) {
    place.setAttribute("data-drawn", drawn);
    clear(place).append(...(past.length > 1 ? [spark(past)] : []));
  }
}

/** Add series up; they end at the same time. @param {number[][]} series */
function sum(series) {
  const most = Math.max(0, ...series.map((one) => one.length));
  return Array.from({ length: most }, (_, at) => series.reduce((all, one) => all + (one[one.length - most + at] ?? 0), 0));
}

/** @param {number[]} past */
function spark(past) {
  const top = Math.max(...past, 0.1);
  const points = past.map((value, at) => `${((at / (past.length - 1)) * 120).toFixed(1)},${(32 - (value / top) * 30).toFixed(1)}`);
  return s("svg", { class: "spark", viewBox: "0 0 120 34", role: "img", "aria-label": "requests over the last minutes" },
    s("polygon", { points: `0,34 ${points.join(" ")} 120,34` }), s("polyline", { points: points.join(" ") }));
}

/** @param {HTMLElement} root */
function offer(root) {
  const lines = system.tries.length ? system.tries : fallback();
  const notes = now.status?.notes ?? [];
  const drawn = JSON.stringify([lines, notes]);
  if (root.getAttribute("data-drawn") === drawn) return;
  root.setAttribute("data-drawn", drawn);
  add(clear(root),
    h("h2", { id: "try-title", text: "Try it: paste these into a terminal" }),
    h("ol", {}, lines.map((line) => h("li", {}, h("code", { text: line, title: line, tabindex: "0" }),
      h("button", { type: "button", class: "small", text: "Copy", "aria-label": `Copy: ${line}`, onclick: () => copy(line) })))),
    notes.length ? h("ul", { class: "notes", "aria-label": "Otherwise than in a cluster" }, notes.slice(0, 4).map((/** @type {string} */ note) => h("li", { text: note }))) : null);
}

function fallback() {
  const gateway = now.status?.gateway;
  return [...(gateway ? [`curl -i ${gateway}/`] : []), "fairway status", "fairway logs -f"];
}

/** @param {string} line */
async function copy(line) {
  try {
    await navigator.clipboard.writeText(line);
    tell("Copied.");
  } catch {
    tell("This browser lets nobody copy here: select the line yourself.", true);
  }
}

/** @param {HTMLElement} list */
function lately(list) {
  if (!now.traces.length) {
    add(clear(list), h("li", { class: "empty", "data-key": "none", text: "Nobody has asked for anything yet. Paste a line from above, and watch it travel." }));
    return;
  }
  keyed(list, now.traces.slice(0, SHOWN), (/** @type {any} */ one) => one.trace, () => h("li", { class: "one" }), (element, one) => {
    const drawn = `${one.spans} ${one.failed} ${one.duration}`;
    if (element.getAttribute("data-drawn") === drawn) return;
    element.setAttribute("data-drawn", drawn);
    const there = element.querySelector("button");
    const button = there ?? h("button", { type: "button", onclick: () => go("traces", { trace: one.trace }) });
    add(clear(button),
      h("span", { class: "when figure", text: clock(one.start) }),
      h("span", { class: "what", title: one.name }, one.failed ? sign("bad", `${counted(one.failed, "span")} failed`) : "", one.failed ? " " : "", one.name),
      journey(one.services),
      h("span", { class: "figure", text: length(one.duration) }));
    if (!there) element.append(button);
  });
}
