/** Channel marks as signs of state: a shape each, so that nobody has to tell colours apart. */

import { s } from "./dom.js";

/** @type {Record<string, {d: string, colour: string, says: string}>} */
const SIGNS = {
  good: { d: "M8 1.5 14.5 14h-13z", colour: "var(--good)", says: "well" }, // starboard: a green cone
  bad: { d: "M2 2h12v12H2z", colour: "var(--bad)", says: "in trouble" }, // port: a red can
  wait: { d: "M8 .8 15.2 8 8 15.2.8 8z", colour: "var(--warn)", says: "on its way" }, // a yellow diamond
  rest: { d: "M8 3a5 5 0 1 0 .01 0z", colour: "var(--plain)", says: "at rest" },
};

/**
 * Draw a sign.
 * @param {string} how good, bad, wait or rest
 * @param {string} [says] what a screen reader says; empty: nothing, since words beside it do
 */
export function sign(how, says = SIGNS[how]?.says ?? "") {
  const one = SIGNS[how] ?? SIGNS.rest;
  const drawn = s("svg", { class: "sign", viewBox: "0 0 16 16", own: one.colour }, s("path", { d: one.d, fill: "var(--own)" }));
  if (says) {
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", says);
  } else drawn.setAttribute("aria-hidden", "true");
  return drawn;
}

/** Draw a sign into a map. @param {string} how @param {number} x @param {number} y */
export function signAt(how, x, y) {
  const one = SIGNS[how] ?? SIGNS.rest;
  return s("path", { d: one.d, class: "how", fill: one.colour, transform: `translate(${x} ${y}) scale(.78)` });
}
