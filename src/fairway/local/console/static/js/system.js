/** What the system consists of, with the colour of each service and the processes behind each node. */

import { ask } from "./api.js";
import { now } from "./live.js";

/**
 * @typedef {{name: string, kind: "gateway" | "service" | "store" | "broker" | "outside", detail: string}} Place
 * @typedef {{source: string, target: string, kind: string, channel: string}} Link
 * @typedef {{x: number, y: number, wide: number, high: number, stores: string[]}} Box
 * @typedef {{source: string, target: string, points: [number, number][], bent: boolean}} Way
 * @typedef {{name: string, part: string, service: string, state: string, reason: string, pid: number, since: number,
 *   restarts: number, address: string}} Process
 */

/**
 * @type {{system: string, nodes: Place[], links: Link[], order: string[], stages: string[], tries: string[],
 *   operated: string[], regions: Record<string, string>, visits: Record<string, {stage: string, concern: string | null, because: string}[]>,
 *   chart: {wide: number, high: number, boxes: Record<string, Box>, ways: Way[]}}}
 */
export const system = {
  system: "", nodes: [], links: [], order: [], stages: [], tries: [], operated: [], regions: {}, visits: {},
  chart: { wide: 0, high: 0, boxes: {}, ways: [] },
};

/** @type {Map<string, Place>} */
const places = new Map();

export async function load() {
  Object.assign(system, await ask("system"));
  for (const node of system.nodes) places.set(node.name, node);
}

/** @param {string} name @returns {Place | undefined} */
export function place(name) {
  return places.get(name);
}

/** Give the colour of a service's line; what is no service has none. @param {string} name */
export function colour(name) {
  const at = system.order.indexOf(name);
  if (at >= 0) return `var(--c${at % 12})`;
  return name === "gateway" ? "var(--accent)" : "var(--plain)";
}

/** Give the colour of a process: that of its service. @param {string} process */
export function colourOf(process) {
  const service = [process, process.replace(/-\d+$/, ""), process.split(".")[0]].find((name) => places.has(name));
  return colour(service ?? process);
}

/** Give the processes behind a node. @param {string} name @returns {Process[]} */
export function processes(name) {
  /** @type {Process[]} */
  const all = now.status?.processes ?? [];
  const node = places.get(name);
  if (!node) return [];
  if (node.kind === "service") return all.filter((one) => one.service === name && one.part !== "job");
  if (node.kind === "gateway") return all.filter((one) => one.part === "proxy");
  const own = all.filter((one) => one.name === name);
  return own.length ? own : all.filter((one) => one.name === node.detail && one.part === "store");
}

/** @type {Record<string, "good" | "wait" | "bad" | "rest">} */
const MEANS = {
  ready: "good", done: "rest", waiting: "wait", starting: "wait", stopping: "wait", stopped: "rest",
  "not-ready": "bad", crashed: "bad", failed: "bad",
};

/** @param {string} state @returns {"good" | "wait" | "bad" | "rest"} */
export function means(state) {
  return MEANS[state] ?? "wait";
}

/** Tell how a node is: as its worst process. @param {string} name @returns {"good" | "wait" | "bad" | "rest"} */
export function health(name) {
  const those = processes(name).map((one) => means(one.state));
  return ["bad", "wait", "good"].find((how) => those.includes(/** @type {any} */ (how))) ?? "rest";
}
