/** What somebody is told of, and how each service does against what was promised. */

import { add, clear, h } from "../dom.js";
import { age, counted, rate, share, since } from "../format.js";
import { now, on } from "../live.js";
import { sign } from "../marks.js";
import { colour } from "../system.js";
import { open } from "../drawer.js";
import { expected } from "../verdict.js";

export const alerts = {
  id: "alerts",
  title: "Alerts",
  topics: ["objectives"],
  /** @param {HTMLElement} root */
  mount(root) {
    const firing = h("div");
    const promised = h("div");
    add(root, h("div", { class: "stack" },
      h("section", { class: "panel", "aria-labelledby": "alerts-title" },
        h("header", {}, h("h2", { id: "alerts-title", text: "Alerts" }), h("span", { class: "quiet", text: "By the rules that the cluster's Prometheus gets." })), firing),
      h("section", { class: "panel", "aria-labelledby": "objectives-title" },
        h("header", {}, h("h2", { id: "objectives-title", text: "Promises" }), h("span", { class: "quiet", text: "What was measured since the system came up." })), promised)));
    const drawFiring = () => drawAlerts(firing);
    const drawPromised = () => drawObjectives(promised);
    drawFiring();
    drawPromised();
    const ends = [on("alerts", drawFiring), on("objectives", drawPromised)];
    const timer = setInterval(drawFiring, 5000);
    return () => {
      clearInterval(timer);
      for (const end of ends) end();
    };
  },
};

/**
 * One row for what one rule says of one service, however many windows it looks at; last what is no wonder here.
 * @param {any[]} all
 * @returns {{one: any, more: number}[]}
 */
function together(all) {
  /** @type {Map<string, {one: any, more: number}>} */
  const found = new Map();
  for (const one of all) {
    const key = `${one.name} ${one.service}`;
    const there = found.get(key);
    if (there) there.more += 1;
    else found.set(key, { one, more: 0 });
  }
  return [...found.values()].sort((one, two) => Number(expected(one.one)) - Number(expected(two.one)));
}

/** @param {HTMLElement} root */
function drawAlerts(root) {
  if (!now.alerts.length) {
    add(clear(root), h("p", { class: "empty" }, sign("good", ""), " Nothing fires."));
    return;
  }
  add(clear(root), h("div", { class: "scroll" }, h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, ["Alert", "What it says", "Measured", "Since"].map((title) => h("th", { scope: "col", text: title })))),
    h("tbody", {}, together(now.alerts).slice(0, 100).map(({ one, more }) => h("tr", {},
      h("td", {}, h("span", { class: "name" }, sign(expected(one) ? "rest" : one.state === "firing" && one.severity === "page" ? "bad" : "wait", ""), one.name), " ",
        h("span", { class: one.severity === "page" ? "tag bad" : "tag warn", text: one.severity }), one.state === "pending" ? h("span", { class: "tag", text: "pending" }) : null,
        expected(one) ? h("span", { class: "tag", text: "expected here", title: "On one machine nobody asks as much as in production." }) : null),
      h("td", {}, h("b", { text: one.service }), one.says ? `: ${one.says}` : "", more ? h("span", { class: "quiet", text: ` The same for ${counted(more, "longer or shorter window")}.` }) : null),
      h("td", { class: "figure" }, one.figure === null ? "" : expected(one) ? rate(one.figure) : share(one.figure)),
      h("td", { class: "figure", text: since(one.since) })))))));
}

const ABOUT = /** @type {Record<string, string>} */ ({ errors: "Errors", latency: "Latency", throughput: "Throughput" });

/** @param {HTMLElement} root */
function drawObjectives(root) {
  if (!now.objectives.length) {
    add(clear(root), h("p", { class: "empty", text: "Nothing was measured yet: promises are held against real requests." }));
    return;
  }
  add(clear(root), h("div", { class: "scroll" }, h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, ["Service", "About", "Promised", "Measured", "Of the budget"].map((title) => h("th", { scope: "col", text: title })))),
    h("tbody", {}, now.objectives.slice(0, 300).map((/** @type {any} */ one) => {
      const least = one.about === "throughput";
      const part = one.measured === null ? null : least ? (one.budget ? one.measured / one.budget : 1) : one.budget ? one.measured / one.budget : 0;
      const bad = part !== null && (least ? part < 1 : part > 1);
      return h("tr", {},
        h("td", {}, h("button", { type: "button", class: "link name", own: colour(one.service), onclick: () => open({ node: one.service }) }, h("span", { class: "swatch" }), one.service)),
        h("td", { text: ABOUT[one.about] ?? one.about }), h("td", { text: one.promised }),
        h("td", { class: "figure" }, one.measured === null ? h("span", { class: "quiet", text: "nothing was asked of it" }) : least ? rate(one.measured) : `${share(one.measured)} bad`,
          one.measured === null ? null : h("span", { class: "quiet", text: ` in ${age(one.seen)}` })),
        h("td", {}, part === null ? null : gauge(part, bad, least)));
    })))));
}

/** @param {number} part @param {boolean} bad @param {boolean} least whether the budget is what is wanted at least */
function gauge(part, bad, least) {
  const bar = h("span");
  bar.style.width = `${Math.min(100, part * 100)}%`;
  return h("span", {}, h("span", { class: `meter${bad ? (least ? " warn" : " bad") : ""}`, "aria-hidden": "true" }, bar), ` ${share(part)}`);
}
