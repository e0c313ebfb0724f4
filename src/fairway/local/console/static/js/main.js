/** The page: its views as stops of a line, what every view shares, and the keys. */

import { close } from "./drawer.js";
import { add, clear, h, say } from "./dom.js";
import { on, watch } from "./live.js";
import { sign } from "./marks.js";
import { go, route } from "./route.js";
import { load, system } from "./system.js";
import { show, tell } from "./told.js";
import { verdict } from "./verdict.js";
import { alerts } from "./views/alerts.js";
import { events } from "./views/events.js";
import { logs } from "./views/logs.js";
import { processes } from "./views/processes.js";
import { start } from "./views/start.js";
import { traces } from "./views/traces.js";
import { walk } from "./views/walk.js";

/**
 * A view: `mount` fills its place and gives what to call when it is left. A new one is a file and a place in this list.
 * @typedef {{id: string, title: string, topics: string[], mount: (root: HTMLElement, parts: Record<string, string>) => (() => void) | void}} View
 */

/** @type {View[]} */
const VIEWS = [start, walk, processes, traces, logs, events, alerts];

const KEYS = [
  ["1 – 7", "go to a view"],
  ["← →", "from view to view, while one of them has the focus"],
  ["/", "to the first filter"],
  ["Esc", "close the drawer"],
  ["t", "light, dark, or as the system is"],
  ["m", "stop or go on with what moves on the map"],
  ["?", "these keys"],
];

const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const tabs = /** @type {HTMLElement} */ (document.getElementById("tabs"));
/** @type {(() => void) | void} */
let leave;
let current = "";

function drawTabs() {
  for (const one of VIEWS) {
    add(tabs, h("button", {
      type: "button", role: "tab", id: `tab-${one.id}`, "aria-controls": "view", "aria-selected": "false", tabindex: "-1",
      onclick: () => go(one.id),
    }, h("span", { text: one.title }), h("span", { class: "count", hidden: true })));
  }
  tabs.addEventListener("keydown", (event) => {
    const at = VIEWS.findIndex((one) => `tab-${one.id}` === document.activeElement?.id);
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: VIEWS.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = VIEWS[(steps[event.key] + VIEWS.length) % VIEWS.length];
    document.getElementById(`tab-${next.id}`)?.focus();
    go(next.id);
  });
}

function enter() {
  const { view: id, parts } = route();
  const one = VIEWS.find((other) => other.id === id) ?? VIEWS[0];
  leave?.();
  if (one.id !== current) close();
  current = one.id;
  for (const tab of tabs.children) {
    const here = tab.id === `tab-${one.id}`;
    tab.setAttribute("aria-selected", String(here));
    tab.setAttribute("tabindex", here ? "0" : "-1");
    if (here) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  view.setAttribute("aria-labelledby", `tab-${one.id}`);
  view.setAttribute("role", "tabpanel");
  document.title = `${one.title} · ${system.system}`;
  clear(view);
  watch(one.topics);
  leave = one.mount(view, parts);
}

function judge() {
  const found = verdict();
  const state = /** @type {HTMLElement} */ (document.getElementById("state"));
  if (state.dataset.said !== found.how + found.short) {
    state.dataset.said = found.how + found.short;
    add(clear(state), sign(found.how, ""), found.short);
  }
  for (const tab of tabs.children) {
    const bad = found.all.filter((one) => `tab-${one.view}` === tab.id);
    const count = /** @type {HTMLElement} */ (tab.querySelector(".count"));
    count.hidden = !bad.length;
    say(count, String(bad.length));
    tab.classList.toggle("trouble", bad.some((one) => one.how === "bad"));
  }
}

const THEMES = ["", "light", "dark"];
const SHOWN = { "": ["◐", "Colours: as the system is"], light: ["☀", "Colours: light"], dark: ["☾", "Colours: dark"] };

/** @param {boolean} [next] */
function theme(next = false) {
  const root = document.documentElement;
  let chosen = root.dataset.theme ?? "";
  if (next) chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
  if (chosen) root.dataset.theme = chosen;
  else delete root.dataset.theme;
  localStorage.setItem("fairway-theme", chosen);
  const button = /** @type {HTMLElement} */ (document.getElementById("theme"));
  const [glyph, says] = SHOWN[/** @type {keyof typeof SHOWN} */ (chosen)];
  say(button, glyph);
  button.setAttribute("aria-label", says);
  button.title = `${says} (t)`;
  document.dispatchEvent(new Event("fairway-theme"));
}

function keys() {
  show("Keys", h("dl", {}, KEYS.map(([key, says]) => [h("dt", {}, h("kbd", { text: key })), h("dd", { text: says })]).flat()));
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && close()) return;
  if (["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName)) return;
  const number = Number(event.key);
  if (event.key.trim() && number >= 1 && number <= VIEWS.length) go(VIEWS[number - 1].id);
  else if (event.key === "?") keys();
  else if (event.key === "t") theme(true);
  else if (event.key === "m") document.dispatchEvent(new Event("fairway-motion"));
  else if (event.key === "/") {
    event.preventDefault();
    /** @type {HTMLElement | null} */ (view.querySelector(".filters input, .filters select"))?.focus();
  }
}

/** @param {string} how */
function connection(how) {
  const state = /** @type {HTMLElement} */ (document.getElementById("state"));
  if (how === "open") return judge();
  state.dataset.said = how;
  add(clear(state), sign("bad", ""), how === "over" ? "another page took over" : "no connection");
  if (how === "over") tell("Too many pages are open: this one rests. Load it again to go on.", true);
  if (how === "closed") tell("The console has ended, or its key is another by now. See 'fairway status'.", true);
}

async function begin() {
  drawTabs();
  theme();
  document.getElementById("theme")?.addEventListener("click", () => theme(true));
  document.getElementById("keys")?.addEventListener("click", keys);
  document.getElementById("skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    view.focus();
  });
  document.addEventListener("keydown", pressed);
  window.addEventListener("hashchange", enter);
  try {
    await load();
  } catch (error) {
    add(view, h("p", { class: "notice", text: /** @type {Error} */ (error).message }));
    return;
  }
  say(/** @type {HTMLElement} */ (document.getElementById("system")), system.system);
  for (const topic of ["status", "alerts", "channels", "sagas", "flows"]) on(topic, judge);
  on("connection", connection);
  enter();
}

begin();
