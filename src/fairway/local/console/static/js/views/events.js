/** Sagas, channels with their outboxes and inboxes, and dead letters that can be put back or dropped. */

import { add, clear, h } from "../dom.js";
import { age } from "../format.js";
import { letters } from "../letters.js";
import { now, on } from "../live.js";
import { sagaList } from "../sagas.js";
import { sign } from "../marks.js";
import { colour, system } from "../system.js";

export const events = {
  id: "events",
  title: "Events",
  topics: [],
  /** @param {HTMLElement} root */
  mount(root) {
    const sagas = h("div");
    const channels = h("div");
    const operated = system.operated;
    add(root, h("div", { class: "stack" },
      panel("sagas-title", "Sagas", "Work over several services that is done whole, or taken back.", sagas, sagaList(withSagas)),
      panel("channels-title", "Channels", "An event waits in an outbox until the broker has it, and in an inbox until it is handled.", channels),
      operated.length ? letters(withDead) : null));
    const drawAll = () => {
      drawSagas(sagas);
      drawChannels(channels);
    };
    drawAll();
    const ends = [on("sagas", drawAll), on("channels", drawAll)];
    return () => {
      for (const end of ends) end();
    };
  },
};

/** Name the services that sagas run in. */
function withSagas() {
  return [...new Set(now.sagas.map((/** @type {any} */ one) => one.service))].filter((name) => system.operated.includes(name));
}

/** Count dead letters by the services that have commands for them. @returns {[string, number][]} */
function withDead() {
  /** @type {Map<string, number>} */
  const dead = new Map();
  for (const one of now.channels) dead.set(one.service, (dead.get(one.service) ?? 0) + one.dead_in + one.dead_out);
  const known = now.channels.length ? [...dead.keys()] : [...system.operated];
  return known.filter((name) => system.operated.includes(name)).map((name) => [name, dead.get(name) ?? 0]);
}

/** @param {string} id @param {string} title @param {string} says @param {...HTMLElement} body */
function panel(id, title, says, ...body) {
  return h("section", { class: "panel", "aria-labelledby": id }, h("header", {}, h("h2", { id, text: title }), h("span", { class: "quiet", text: says })), body);
}

/** @param {HTMLElement} root @param {string} drawn */
function same(root, drawn) {
  if (root.getAttribute("data-drawn") === drawn) return true;
  root.setAttribute("data-drawn", drawn);
  return false;
}

/** @param {string[]} titles @param {HTMLElement[]} rows */
function table(titles, rows) {
  return h("div", { class: "scroll" }, h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, titles.map((title, place) => h("th", { scope: "col", class: place > 1 ? "number" : "", text: title })))), h("tbody", {}, rows)));
}

/** @param {string} label @param {number} value @param {string} [how] */
function cell(label, value, how = "") {
  return h("td", { class: `number ${value ? how : "quiet"}`, "data-label": label, text: value.toLocaleString("en") });
}

/** @param {string} service */
function named(service) {
  return h("td", {}, h("span", { class: "name", own: colour(service) }, h("span", { class: "swatch" }), service));
}

/** @param {HTMLElement} root */
function drawSagas(root) {
  if (same(root, JSON.stringify(now.sagas))) return;
  clear(root);
  if (!now.sagas.length) return add(root, h("p", { class: "empty", text: "No service here runs sagas, or none has told of any yet." }));
  add(root, table(["Service", "Saga", "running", "taking back", "stuck", "oldest", "completed", "taken back", "given up"], now.sagas.map((/** @type {any} */ one) => h("tr", {},
    named(one.service), h("td", {}, one.stuck ? sign("bad", "stuck") : null, " ", one.saga),
    cell("running", one.running), cell("taking back", one.compensating, "warn"), cell("stuck", one.stuck, "bad"),
    h("td", { class: "number", "data-label": "oldest", text: one.oldest ? age(one.oldest) : "–" }),
    cell("completed", one.completed), cell("taken back", one.compensated), cell("given up", one.abandoned, "warn")))));
}

/** @param {HTMLElement} root */
function drawChannels(root) {
  if (same(root, JSON.stringify(now.channels))) return;
  clear(root);
  if (!now.channels.length) return add(root, h("p", { class: "empty", text: "No events are declared here, or no service has told of any yet." }));
  add(root, table(["Service", "Channel", "outbox", "oldest", "published", "inbox", "handled", "dead letters"], now.channels.map((/** @type {any} */ one) => {
    const dead = one.dead_in + one.dead_out;
    return h("tr", {},
      named(one.service), h("td", { text: one.channel }), cell("outbox", one.outbox),
      h("td", { class: "number", "data-label": "oldest", text: one.oldest ? age(one.oldest) : "–" }),
      cell("published", one.published), cell("inbox", one.inbox), cell("handled", one.handled), cell("dead", dead, "bad"));
  })));
}

