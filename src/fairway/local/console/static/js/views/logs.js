/** The logs of all processes as they are written, narrowed by process, level and text. */

import { add, clear, h } from "../dom.js";
import { counted } from "../format.js";
import { lineRow } from "../lines.js";
import { now, on, watch } from "../live.js";
import { show } from "../route.js";
import { system } from "../system.js";

const MOST = 800; // lines that are kept in the page

export const logs = {
  id: "logs",
  title: "Logs",
  topics: [],
  /** @param {HTMLElement} root @param {Record<string, string>} parts */
  mount(root, parts) {
    const process = /** @type {HTMLSelectElement} */ (h("select", {}));
    const level = /** @type {HTMLSelectElement} */ (h("select", {}, [["", "all"], ["info", "info and worse"], ["warning", "warnings and worse"], ["error", "errors"]].map(([value, text]) => h("option", { value, text }))));
    const text = /** @type {HTMLInputElement} */ (h("input", { type: "search", value: parts.text ?? "", maxlength: "200", placeholder: "words in a line", autocomplete: "off" }));
    const hold = h("button", { type: "button", class: "small", "aria-pressed": "false", text: "Hold" });
    const count = h("span", { class: "quiet" });
    const lines = h("div", { class: "lines", role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Lines" });
    const empty = h("p", { class: "empty", text: "No line passes these filters yet." });
    add(root, h("section", { class: "panel", "aria-labelledby": "logs-title" },
      h("header", {}, h("h2", { id: "logs-title", text: "Logs" }), count, h("div", { class: "end" }, hold)),
      h("div", { class: "filters", role: "search" }, h("label", {}, "Process", process), h("label", {}, "Level", level), h("label", { class: "wide" }, "With", text)),
      empty, lines));
    level.value = parts.level ?? "";
    fillProcesses(process, parts.process ?? "");

    let held = false;
    /** @type {any[]} */
    let waiting = [];
    let typing = 0;

    const ask = () => {
      clear(lines);
      empty.hidden = false;
      waiting = [];
      const filter = { process: process.value, level: level.value, text: text.value };
      show(filter);
      watch([], filter);
    };
    const write = (/** @type {any[]} */ fresh) => {
      const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
      add(lines, fresh.slice(-MOST).map((line) => lineRow(line)));
      while (lines.children.length > MOST) lines.firstElementChild?.remove();
      empty.hidden = lines.children.length > 0;
      if (atEnd || fresh.length >= MOST) lines.scrollTop = lines.scrollHeight;
      count.textContent = counted(lines.children.length, "line") + (lines.children.length === MOST ? ", the newest" : "");
    };
    const take = (/** @type {any[]} */ fresh) => {
      if (!held) write(fresh);
      else {
        waiting = [...waiting, ...fresh].slice(-MOST);
        count.textContent = `held, ${counted(waiting.length, "new line")}`;
      }
    };
    hold.addEventListener("click", () => {
      held = !held;
      hold.setAttribute("aria-pressed", String(held));
      hold.textContent = held ? "Go on" : "Hold";
      if (!held) {
        write(waiting);
        waiting = [];
      } else count.textContent = "held";
    });
    for (const field of [process, level]) field.addEventListener("change", ask);
    text.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(ask, 250);
    });
    const ends = [on("lines", take), on("status", () => fillProcesses(process, process.value))];
    ask();
    return () => {
      clearTimeout(typing);
      for (const end of ends) end();
    };
  },
};

/** @param {HTMLSelectElement} field @param {string} chosen */
function fillProcesses(field, chosen) {
  const services = system.order.filter((name) => system.nodes.some((node) => node.name === name));
  const names = (now.status?.processes ?? []).map((/** @type {any} */ one) => one.name);
  const all = ["", ...services, ...names, ...(chosen && !services.includes(chosen) && !names.includes(chosen) ? [chosen] : [])];
  const drawn = all.join(" ");
  if (field.getAttribute("data-drawn") === drawn) return;
  field.setAttribute("data-drawn", drawn);
  add(clear(field), h("option", { value: "", text: "all" }),
    h("optgroup", { label: "services" }, services.map((name) => h("option", { value: name, text: name }))),
    h("optgroup", { label: "processes" }, all.slice(1 + services.length).map((name) => h("option", { value: name, text: name }))));
  field.value = chosen;
}
