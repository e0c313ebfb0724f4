/** Whether all is well, and if not, what is wrong: the worst first, each with the view that tells more. */

import { counted, share } from "./format.js";
import { now } from "./live.js";
import { means } from "./system.js";

/** @typedef {{how: "bad" | "wait", says: string, view: string}} Trouble */

const FAILING = 0.05; // share of failures on a way that a newcomer should hear of
const ENOUGH = 0.2; // requests a second below which a share says little

/** The first sentence; the view of alerts has all of it. @param {string} text */
function first(text) {
  return text.split(/(?<=[.!?]) (?=[A-Z])/)[0];
}

/** Whether an alert tells of nothing but that this is no production: too little is asked here. @param {any} alert */
export function expected(alert) {
  return /^throughput/i.test(alert.name);
}

/** @returns {Trouble[]} */
export function troubles() {
  /** @type {Trouble[]} */
  const found = [];
  for (const one of now.status?.processes ?? []) {
    if (means(one.state) !== "bad") continue;
    found.push({ how: "bad", says: `${one.name} is ${one.state}${one.reason ? `: ${one.reason}` : ""}`, view: "processes" });
  }
  const told = new Set();
  for (const alert of now.alerts) {
    if (alert.state !== "firing" || expected(alert) || told.has(alert.name + alert.service)) continue;
    told.add(alert.name + alert.service);
    found.push({ how: alert.severity === "page" ? "bad" : "wait", says: `${alert.service}: ${first(alert.says) || alert.name}`, view: "alerts" });
  }
  for (const one of now.sagas) {
    if (one.stuck) found.push({ how: "bad", says: `${counted(one.stuck, "saga")} of ${one.service} ${one.stuck === 1 ? "is" : "are"} stuck: ${one.saga}`, view: "events" });
  }
  for (const one of now.channels) {
    const dead = one.dead_in + one.dead_out;
    if (dead) found.push({ how: "wait", says: `${counted(dead, "dead letter")} of ${one.channel} at ${one.service}`, view: "events" });
  }
  for (const flow of now.flows) {
    if (flow.failures >= FAILING && flow.rate >= ENOUGH) {
      found.push({ how: "wait", says: `${share(flow.failures)} fail from ${flow.source} to ${flow.target}`, view: "traces" });
    }
  }
  return found.sort((one, two) => Number(one.how === "wait") - Number(two.how === "wait"));
}

/** @returns {{how: "good" | "bad" | "wait", short: string, says: string, all: Trouble[]}} */
export function verdict() {
  const status = now.status;
  if (!status) return { how: "wait", short: "connecting", says: "Connecting", all: [] };
  if (status.state === "gone") return { how: "bad", short: "not up", says: "The system is not up", all: [] };
  if (status.state === "stopping") return { how: "wait", short: "ending", says: "The system is ending", all: [] };
  const all = troubles();
  if (status.state === "starting") {
    const there = status.processes.filter((/** @type {any} */ one) => ["good", "rest"].includes(means(one.state))).length;
    return { how: "wait", short: "coming up", says: `Coming up: ${there} of ${status.processes.length}`, all };
  }
  const bad = all.filter((one) => one.how === "bad").length;
  if (bad) return { how: "bad", short: counted(bad, "thing wrong", "things wrong"), says: bad === 1 ? "One thing is wrong" : `${bad} things are wrong`, all };
  if (all.length) return { how: "wait", short: counted(all.length, "thing to see", "things to see"), says: all.length === 1 ? "Up, with one thing to see" : `Up, with ${all.length} things to see`, all };
  return { how: "good", short: "all well", says: "All well", all };
}
