/** The drawer: what a thing is, how it does now, and why it is here: the decisions behind it, stage by stage. */

import { ask, query } from "./api.js";
import { add, clear, h } from "./dom.js";
import { length, rate, share, since } from "./format.js";
import { now, on } from "./live.js";
import { sign } from "./marks.js";
import { go } from "./route.js";
import { colour, colourOf, means, place, processes, system } from "./system.js";

/** @typedef {{node?: string, source?: string, target?: string, process?: string, stage?: string}} Thing */

const drawer = /** @type {HTMLElement} */ (document.getElementById("drawer"));
/** @type {HTMLElement | null} */
let from = null;
/** @type {(() => void)[]} */
let hearing = [];
/** @type {((thing: Thing | null) => void)[]} */
const chosen = [];

/** Hear what is open in the drawer. @param {(thing: Thing | null) => void} hear */
export function onChosen(hear) {
  chosen.push(hear);
  return () => chosen.splice(chosen.indexOf(hear), 1);
}

/** @param {Thing} thing */
export async function open(thing) {
  if (drawer.hidden || !drawer.contains(document.activeElement)) from = /** @type {HTMLElement} */ (document.activeElement);
  silence();
  for (const hear of [...chosen]) hear(thing);
  const title = thing.source ? `${thing.source} → ${thing.target}` : (thing.node ?? thing.process ?? "");
  drawer.style.setProperty("--own", thing.process ? colourOf(thing.process) : colour(thing.node ?? thing.source ?? ""));
  const head = h("h2", { id: "drawer-title", tabindex: "-1", text: title });
  const body = h("div");
  add(clear(drawer),
    h("div", { class: "top" }, head, h("button", { type: "button", class: "small", text: "Close", onclick: close })),
    body);
  drawer.hidden = false;
  drawer.scrollTop = 0;
  head.focus({ preventScroll: true });
  try {
    const why = await ask(`why?${query({ node: thing.node, source: thing.source, target: thing.target, process: thing.process })}`);
    if (head.isConnected) fill(body, thing, why);
  } catch (error) {
    if (!head.isConnected) return;
    fill(body, thing, { says: "", decisions: [], assumptions: [], visits: [] });
    add(body, h("p", { class: "quiet", text: /** @type {Error} */ (error).message }));
  }
}

export function close() {
  if (drawer.hidden) return false;
  silence();
  drawer.hidden = true;
  for (const hear of [...chosen]) hear(null);
  from?.focus({ preventScroll: true });
  return true;
}

function silence() {
  for (const end of hearing) end();
  hearing = [];
}

/** @param {HTMLElement} body @param {Thing} thing @param {any} why */
function fill(body, thing, why) {
  if (why.says) add(body, h("p", { class: "quiet", text: why.says }));
  const live = h("dl", { class: "live" });
  add(body, live, doing(thing));
  const show = () => figures(live, thing);
  show();
  hearing = [on("status", show), on("flows", show), on("replicas", show)];
  if (why.visits?.length && !thing.stage) add(body, ...walk(thing.node ?? "", why.visits));
  add(body, h("h3", { class: "question", text: "Why is this here?" }));
  if (why.visits?.length && thing.stage) add(body, stop(thing.stage, why.visits));
  const told = why.decisions.filter((/** @type {any} */ one) => !thing.stage || one.rule.startsWith(`${thing.stage}/`));
  if (!told.length) add(body, h("p", { class: "quiet", text: "Nothing was decided about it by itself: it follows from what is around it." }));
  add(body, decisions(told, thing.node ?? ""));
  if (why.assumptions?.length && !thing.stage) {
    add(body, h("h3", { text: "Taken for granted" }),
      h("ul", {}, why.assumptions.map((/** @type {any} */ one) => h("li", {}, `${one.says}, `, h("span", { class: "quiet", text: `because ${one.because}` })))));
  }
}

/** @param {any[]} told @param {string} title whose decisions they are: that is not said again */
function decisions(told, title) {
  /** @type {Map<string, any[]>} */
  const stages = new Map();
  for (const one of told) {
    const stage = one.rule.split("/")[0];
    stages.set(stage, [...(stages.get(stage) ?? []), one]);
  }
  return system.stages.concat([...stages.keys()].filter((stage) => !system.stages.includes(stage)))
    .filter((stage) => stages.has(stage))
    .flatMap((stage) => [h("h3", { text: stage[0].toUpperCase() + stage.slice(1) }), ...(stages.get(stage) ?? []).map((one) => decision(one, title))]);
}

/** @param {any} one @param {string} title */
function decision(one, title) {
  const about = [one.of === title ? "" : one.of, one.subject === `store ${title}` ? "" : one.subject].filter(Boolean).join(", ");
  return h("details", {},
    h("summary", {}, h("b", { text: one.topic }), about ? h("span", { class: "quiet", text: ` (${about})` }) : null, `: ${one.answer}`,
      one.state === "decided" ? null : h("span", { class: "tag warn", text: one.state })),
    h("div", { class: "body" },
      h("p", { class: "because", text: one.because }),
      (one.instead ?? []).map((/** @type {any} */ other) => h("p", { class: "instead" }, h("b", { text: other.option }), `: ${other.why}`)),
      h("p", { class: "rule", text: one.rule, title: `fairway rules ${one.rule}` })));
}

/** @param {string} service @param {any[]} visits */
function walk(service, visits) {
  let number = 0;
  return [
    h("h3", { text: "Its walk" }),
    h("ol", { class: "visits" }, visits.map((one) => h("li", {},
      one.concern ? h("span", { class: "dot side", "aria-hidden": "true" }) : h("span", { class: "dot", text: String((number += 1)) }),
      h("span", {}, h("b", { text: one.stage }), one.concern ? `, a detour for ${one.concern}` : "", h("span", { class: "quiet", text: `: ${one.because}` }))))),
    h("p", {}, h("button", { type: "button", class: "link", text: "See it on the line map", onclick: () => go("walk") })),
  ];
}

/** @param {string} stage @param {any[]} visits */
function stop(stage, visits) {
  return h("ul", {}, visits.filter((one) => one.stage === stage).map((one) =>
    h("li", {}, `It stops at ${one.stage}`, one.concern ? ` for ${one.concern}` : "", h("span", { class: "quiet", text: `, because ${one.because}.` }))));
}

/** @param {Thing} thing */
function doing(thing) {
  const named = thing.node ?? thing.process ?? "";
  const node = place(named);
  const of = node?.kind === "service" ? named : "";
  const process = thing.process ?? processes(named)[0]?.name ?? "";
  return h("div", { class: "doing" },
    of ? h("button", { type: "button", class: "small", text: "Traces", onclick: () => go("traces", { service: of }) }) : null,
    of || process ? h("button", { type: "button", class: "small", text: "Logs", onclick: () => go("logs", { process: of || process }) }) : null);
}

/** @param {HTMLElement} live @param {Thing} thing */
function figures(live, thing) {
  const rows = [];
  const those = thing.process ? (now.status?.processes ?? []).filter((/** @type {any} */ one) => one.name === thing.process) : thing.node ? processes(thing.node) : [];
  for (const one of those.slice(0, 12)) {
    rows.push([h("span", { class: "name" }, sign(means(one.state)), one.name), `${system.regions[one.name] ? `in ${system.regions[one.name]}, ` : ""}${one.state} for ${since(one.since)}${one.restarts ? `, restarted ${one.restarts} times` : ""}`]);
    if (one.reason) rows.push([h("span", { class: "bad", text: "reason" }), one.reason]);
  }
  const flows = now.flows.filter((/** @type {any} */ flow) => thing.source
    ? flow.source === thing.source && flow.target === thing.target
    : flow.target === thing.node || flow.source === thing.node);
  for (const flow of flows.slice(0, 16)) {
    const name = thing.source ? (flow.channel || "traffic") : flow.target === thing.node ? `from ${flow.source}` : `to ${flow.target}`;
    const said = [rate(flow.rate), flow.failures ? `${share(flow.failures)} fail` : "", flow.p50 === null ? "" : `p50 ${length(flow.p50)}`, flow.p95 === null ? "" : `p95 ${length(flow.p95)}`];
    rows.push([h("span", { text: flow.channel && !thing.source ? `${name}, ${flow.channel}` : name }), h("span", { class: flow.failures > 0.01 ? "bad" : "", text: said.filter(Boolean).join(" · ") })]);
  }
  for (const replica of now.replicas) {
    if (replica.service !== thing.node && replica.replica !== thing.process) continue;
    for (const [callee, state] of Object.entries(replica.breakers ?? {})) {
      rows.push([h("span", { text: `breaker to ${callee}` }), h("span", { class: state ? "bad" : "", text: state === 1 ? "open" : state ? "tries" : "closed" })]);
    }
  }
  clear(live);
  for (const [name, told] of rows) add(live, h("div", {}, h("dt", {}, name), h("dd", {}, told)));
}
