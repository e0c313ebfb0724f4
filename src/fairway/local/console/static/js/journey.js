/** A trace as a line of its own: a stop for each service it reached. */

import { h, short } from "./dom.js";
import { colour } from "./system.js";

const MOST = 9;

/** @param {string[]} services */
export function journey(services) {
  const shown = services.slice(0, MOST);
  const stops = shown.map((name, place) => {
    const stop = h("li", { own: colour(name) }, h("span", { class: "stop", "aria-hidden": "true" }), h("span", { text: short(name, 24) }));
    if (place) stop.style.setProperty("--before", colour(shown[place - 1]));
    return stop;
  });
  if (services.length > MOST) stops.push(h("li", {}, h("span", { class: "quiet", text: `and ${services.length - MOST} more` })));
  return h("ol", { class: "journey", "aria-label": "services, as they were reached" }, stops);
}
