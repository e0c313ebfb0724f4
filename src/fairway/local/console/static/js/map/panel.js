/** The service map as a panel: drawn, kept up to date, moving, with the journey of the newest trace above it. */

import { ask } from "../api.js";
import { add, clear, h } from "../dom.js";
import { onChosen, open } from "../drawer.js";
import { length } from "../format.js";
import { journey } from "../journey.js";
import { now, on } from "../live.js";
import { go } from "../route.js";
import { system } from "../system.js";
import { draw, gather, legend, refresh } from "./draw.js";
import { Traffic } from "./traffic.js";
import { Voyage, legs } from "./voyage.js";

const SMALLEST = 0.62; // a scale below which words cannot be read: then it scrolls
const LARGEST = 1.15;
const BETWEEN = 7.5; // seconds between two voyages
const LONG_BETWEEN = 15; // and before one that goes no further than most
const WORTH = 3; // services that a trace reaches to be shown
const FAR = 4; // services of what is worth more
const FRESH = 30; // seconds
const TOLD_AFTER = 3; // seconds in which all services have told of their part

/** @param {HTMLElement} root */
export function mapPanel(root) {
  const { wide, high } = system.chart;
  const map = draw(open);
  const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { "aria-hidden": "true" }));
  const sheet = h("div", { class: "sheet" }, map.root, canvas);
  const sea = h("div", { class: "sea" }, sheet);
  const caption = h("div", { class: "caption" });
  const broker = system.nodes.find((node) => node.kind === "broker")?.name ?? "";
  const motion = h("button", { type: "button", class: "small", "aria-pressed": "false" });
  const panel = h("section", { class: "panel map", "aria-label": "Service map" },
    h("header", {}, h("h2", { text: "Service map" }), caption, h("div", { class: "end" }, motion)),
    sea, h("div", { class: "map-foot" }, h("span", { text: "Choose a box or a way to see why it is there." }), legend()));
  add(root, panel);

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let still = calm.matches || localStorage.getItem("fairway-still") === "yes";
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const traffic = new Traffic(map.drawn);
  /** @type {Voyage | null} */
  let voyage = null;
  let scale = 1;
  let frame = 0;
  let before = 0;

  function fit() {
    const room = sea.clientWidth;
    if (!room) return;
    scale = Math.min(LARGEST, Math.max(SMALLEST, room / wide));
    sheet.style.width = `${wide * scale}px`;
    sheet.style.height = `${high * scale}px`;
    const sharp = Math.min(2, devicePixelRatio || 1) * scale;
    canvas.width = Math.round(wide * sharp);
    canvas.height = Math.round(high * sharp);
    ink.setTransform(sharp, 0, 0, sharp, 0, 0);
  }

  /** @param {number} time */
  function turn(time) {
    frame = 0;
    const passed = Math.min(0.1, before ? (time - before) / 1000 : 0);
    before = time;
    ink.clearRect(0, 0, wide, high);
    if (still) return;
    traffic.step(ink, passed);
    if (voyage) {
      voyage.step(ink, passed);
      if (voyage.over) {
        voyage.end();
        voyage = null;
      }
    }
    if (traffic.busy || voyage) move();
    else before = 0;
  }

  function move() {
    if (!frame && !document.hidden) frame = requestAnimationFrame(turn);
  }

  function setStill(/** @type {boolean} */ rest) {
    still = rest;
    localStorage.setItem("fairway-still", rest ? "yes" : "no");
    motion.textContent = rest ? "Let it move" : "Hold still";
    motion.setAttribute("aria-pressed", String(rest));
    voyage?.end();
    voyage = null;
    before = 0;
    move();
  }

  function update() {
    refresh(map, now.flows);
    traffic.set(gather(now.flows));
    move();
  }

  /** @type {Map<string, number>} when each trace was first heard of; a trace that travelled stands at zero */
  const heard = new Map();
  let last = 0;
  let asking = false;

  /** Choose the trace that reaches furthest, once all of it was told: services tell of their spans now and then. */
  async function travel() {
    const time = Date.now() / 1000;
    for (const one of now.traces) if (!heard.has(one.trace)) heard.set(one.trace, time - one.start > FRESH ? 0 : time);
    for (const trace of [...heard.keys()].slice(0, Math.max(0, heard.size - 400))) heard.delete(trace);
    const ripe = now.traces.filter((/** @type {any} */ one) => {
      const since = heard.get(one.trace) ?? 0;
      return since > 0 && time - since >= TOLD_AFTER && one.services.length >= WORTH;
    }).sort((/** @type {any} */ one, /** @type {any} */ two) => two.services.length - one.services.length);
    if (!ripe.length || asking || time - last < (ripe[0].services.length > FAR ? BETWEEN : LONG_BETWEEN) || (voyage && !voyage.over)) return;
    for (const one of ripe) heard.set(one.trace, 0);
    asking = true;
    try {
      const { spans } = await ask(`traces/${ripe[0].trace}`);
      const way = legs(spans, (source, target) => map.drawn.has(`${source} ${target}`), broker);
      if (!way.length || !panel.isConnected) return;
      last = time;
      tellOf(ripe[0], [...new Set(way.flatMap((leg) => [leg.source, leg.target]))].filter((name) => name !== broker));
      if (still) return;
      voyage = new Voyage(way, map.drawn, map.nodes);
      move();
    } catch {
      // It was forgotten meanwhile: the next one comes.
    } finally {
      asking = false;
    }
  }

  /** @param {any} trace @param {string[]} [names] */
  function tellOf(trace, names = trace.services) {
    add(clear(caption),
      h("button", { type: "button", class: "link", text: trace.name, onclick: () => go("traces", { trace: trace.trace }) }),
      journey(names), h("span", { class: "quiet figure", text: length(trace.duration) }));
  }

  /** @param {import("../drawer.js").Thing | null} thing */
  function mark(thing) {
    for (const node of map.nodes.values()) node.classList.remove("chosen");
    for (const one of map.drawn.values()) one.group.classList.remove("chosen");
    if (thing?.node) map.nodes.get(thing.node)?.classList.add("chosen");
    if (thing?.source) map.drawn.get(`${thing.source} ${thing.target}`)?.group.classList.add("chosen");
    requestAnimationFrame(fit);
  }

  const sized = new ResizeObserver(fit);
  sized.observe(sea);
  const repaint = () => traffic.paint();
  const press = () => setStill(!still);
  const calmer = () => setStill(calm.matches);
  const timer = setInterval(travel, 1000);
  const ends = [on("flows", update), on("status", update), on("traces", travel), onChosen(mark)];
  motion.addEventListener("click", press);
  document.addEventListener("fairway-motion", press);
  document.addEventListener("fairway-theme", repaint);
  document.addEventListener("visibilitychange", move);
  calm.addEventListener("change", calmer);
  caption.append(h("span", { class: "quiet", text: "The next request that reaches several services travels here." }));
  fit();
  setStill(still);
  update();
  if (now.traces.length) travel();
  return () => {
    sized.disconnect();
    clearInterval(timer);
    cancelAnimationFrame(frame);
    for (const end of ends) end();
    document.removeEventListener("fairway-motion", press);
    document.removeEventListener("fairway-theme", repaint);
    document.removeEventListener("visibilitychange", move);
    calm.removeEventListener("change", calmer);
  };
}
