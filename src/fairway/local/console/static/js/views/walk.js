/** The walk: the line map of the plan. A line, a stop or a detour tells its decisions. */

import { drawing } from "../api.js";
import { add, h } from "../dom.js";
import { open } from "../drawer.js";
import { system } from "../system.js";

/** @type {{sheet: CSSStyleSheet, dark: CSSMediaRule[]} | null} */
let styles = null;

export const walk = {
  id: "walk",
  title: "Walk",
  topics: [],
  /** @param {HTMLElement} root */
  mount(root) {
    const sheet = h("div", { class: "walk-sheet scroll", tabindex: "0", role: "group", "aria-label": "Line map" });
    add(root, h("section", { class: "panel", "aria-labelledby": "walk-title" },
      h("header", {}, h("h2", { id: "walk-title", text: "The walk through the standard" }),
        h("span", { class: "quiet", text: "Each line is a service, each station a stage. Choose a line or a stop to see what was decided there, and why." })),
      sheet));
    Promise.all([drawing("walk.svg"), styled()]).then(([found]) => {
      const svg = /** @type {SVGElement} */ (document.importNode(found.documentElement, true));
      enliven(svg);
      sheet.append(svg);
    }).catch((error) => sheet.append(h("p", { class: "empty", text: error.message })));
    const repaint = () => theme();
    document.addEventListener("fairway-theme", repaint);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", repaint);
    return () => {
      document.removeEventListener("fairway-theme", repaint);
      dark.removeEventListener("change", repaint);
    };
  },
};

/** Take the drawing's own style over, so that the switch can choose between light and dark. */
async function styled() {
  if (!styles) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(await (await fetch("api/walk.css")).text());
    styles = { sheet, dark: [...sheet.cssRules].filter((rule) => rule instanceof CSSMediaRule) };
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  theme();
}

function theme() {
  const chosen = document.documentElement.dataset.theme;
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  for (const rule of styles?.dark ?? []) rule.media.mediaText = dark ? "all" : "not all";
}

/** @param {SVGElement} svg */
function enliven(svg) {
  svg.querySelector(":scope > .panel")?.remove();
  const bands = [...svg.querySelectorAll(".band")].map((band) => Number(band.getAttribute("x")) + Number(band.getAttribute("width")) / 2);
  const lanes = [...svg.querySelectorAll(":scope > g[transform]")].filter((group) => group.querySelector(".pill"));
  const shared = lanes.length < Object.keys(system.visits).length; // lines of several services each: nobody's own
  if (shared) return;
  lanes.forEach((lane, place) => {
    const service = system.order[place];
    if (!system.visits[service]) return;
    const origin = Number(/translate\(([\d.]+)/.exec(lane.getAttribute("transform") ?? "")?.[1] ?? 0);
    press(lane, `${service}: its walk`, () => open({ node: service }));
    for (const stop of [...lane.querySelectorAll("circle, .diamond")]) {
      const box = stop instanceof SVGCircleElement ? Number(stop.getAttribute("cx")) : middle(stop);
      const stage = nearest(bands, origin + box);
      const name = system.stages[stage];
      if (name) press(stop, `${service} at ${name}`, () => open({ node: service, stage: name }), true);
    }
  });
}

/** @param {Element} diamond */
function middle(diamond) {
  const corners = (diamond.getAttribute("d") ?? "").match(/-?[\d.]+/g) ?? [];
  return Number(corners[2]); // its path begins at the left, and goes on at the top
}

/** @param {number[]} bands @param {number} x */
function nearest(bands, x) {
  return bands.reduce((best, band, place) => (Math.abs(band - x) < Math.abs(bands[best] - x) ? place : best), 0);
}

/** @param {Element} element @param {string} says @param {() => void} act @param {boolean} [inner] */
function press(element, says, act, inner = false) {
  if (!inner) {
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "0");
    element.setAttribute("aria-label", says);
    element.addEventListener("keydown", (event) => {
      const { key } = /** @type {KeyboardEvent} */ (event);
      if (key !== "Enter" && key !== " ") return;
      event.preventDefault();
      act();
    });
  }
  const next = inner ? element.nextElementSibling : null; // the number upon the stop
  for (const target of [element, next]) {
    if (!target || (inner && target === next && target.tagName !== "text")) continue;
    /** @type {SVGElement} */ (target).style.cursor = "pointer";
    target.addEventListener("click", (event) => {
      event.stopPropagation();
      /** @type {HTMLElement} */ (element.closest("[tabindex]"))?.focus({ preventScroll: true });
      act();
    });
  }
}
