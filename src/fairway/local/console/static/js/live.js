/** What changes: one stream of events for the page, with the topics that are looked at, while the page is seen. */

import { query } from "./api.js";

/** Topics that every view needs: they say whether all is well. */
const ALWAYS = ["status", "alerts", "channels", "sagas", "flows"];

/** @type {Record<string, any>} the newest of each topic */
export const now = { status: null, alerts: [], channels: [], sagas: [], flows: [], traces: [], replicas: [], objectives: [], figures: {} };

/** @type {Map<string, Set<(told: any) => void>>} */
const listeners = new Map();

/** @type {EventSource | null} */
let source = null;
let wanted = "";

/**
 * Hear of a topic until the function that is given back is called.
 * @param {string} topic
 * @param {(told: any) => void} hear
 */
export function on(topic, hear) {
  const those = listeners.get(topic) ?? new Set();
  listeners.set(topic, those.add(hear));
  return () => those.delete(hear);
}

/**
 * Say which topics are looked at, and which lines; the stream begins anew where that changes.
 * @param {string[]} topics
 * @param {Record<string, string> | null} [lines] filters of lines
 */
export function watch(topics, lines = null) {
  const asked = query({ topics: [...new Set([...ALWAYS, ...topics])].join(","), ...(lines ? { lines: true, ...lines } : {}) });
  if (asked === wanted && source) return;
  wanted = asked;
  open();
}

function open() {
  source?.close();
  source = null;
  if (document.hidden || !wanted) return;
  const stream = new EventSource(`api/stream?${wanted}`);
  source = stream;
  for (const topic of [...Object.keys(now), "lines"]) {
    stream.addEventListener(topic, (event) => tell(topic, JSON.parse(/** @type {MessageEvent} */ (event).data)));
  }
  stream.addEventListener("over", () => {
    stream.close();
    tell("connection", "over");
  });
  stream.onopen = () => tell("connection", "open");
  stream.onerror = () => tell("connection", stream.readyState === EventSource.CLOSED ? "closed" : "lost");
}

/** @param {string} topic @param {any} told */
function tell(topic, told) {
  if (topic in now) now[topic] = told;
  for (const hear of listeners.get(topic) ?? []) hear(told);
}

// A browser opens few connections to one server: a page that nobody sees gives its own back.
document.addEventListener("visibilitychange", open);
