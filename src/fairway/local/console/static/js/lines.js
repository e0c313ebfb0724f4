/** One line of a log: when, who, how bad, what; its fields on demand, its trace by a link. */

import { h, short } from "./dom.js";
import { clockExact } from "./format.js";
import { sign } from "./marks.js";
import { go } from "./route.js";
import { colourOf } from "./system.js";

const LONGEST = 2000; // letters of a message that are shown
/** @type {Record<string, string>} */
const HOW = { error: "bad", warning: "wait" };

/** @param {any} line @param {boolean} [linked] whether it links to its trace */
export function lineRow(line, linked = true) {
  const fields = Object.entries(line.fields ?? {});
  const says = h("span", { class: "says" });
  const row = h("div", { class: `row ${line.level}`, own: colourOf(line.service || line.process) },
    h("span", { class: "when", text: clockExact(line.when) }),
    h("span", { class: "from", text: short(line.process, 40), title: line.process }),
    HOW[line.level] ? sign(HOW[line.level], line.level) : h("span"),
    says,
    linked && line.trace ? h("button", { type: "button", class: "link", text: "trace", onclick: () => go("traces", { trace: line.trace }) }) : h("span"));
  const message = short(line.message, LONGEST);
  if (!fields.length) says.textContent = message;
  else {
    const button = h("button", { type: "button", "aria-expanded": "false", text: message });
    button.addEventListener("click", () => {
      const wide = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(wide));
      row.classList.toggle("open", wide);
      if (wide) row.append(told(fields));
      else row.querySelector(".facts")?.remove();
    });
    says.append(button);
    const brief = fields.filter(([, value]) => typeof value !== "object").slice(0, 4).map(([name, value]) => ` ${name}=${short(String(value), 60)}`).join("");
    if (brief) says.append(h("span", { class: "field", text: brief }));
  }
  return row;
}

/** @param {[string, any][]} fields */
function told(fields) {
  return h("dl", { class: "facts" }, fields.slice(0, 60).flatMap(([name, value]) => [
    h("dt", { text: short(name, 120) }), h("dd", { text: short(typeof value === "string" ? value : JSON.stringify(value), 8000) }),
  ]));
}
