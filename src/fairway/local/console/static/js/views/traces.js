/** Traces: a list that can be narrowed, and one trace as a waterfall. */

import { ask, query } from "../api.js";
import { add, clear, h, keyed } from "../dom.js";
import { clock, counted, length } from "../format.js";
import { journey } from "../journey.js";
import { on } from "../live.js";
import { sign } from "../marks.js";
import { go, route, show } from "../route.js";
import { system } from "../system.js";
import { waterfall } from "../waterfall.js";

const SHOWN = 60;
const AT_MOST_EVERY = 1000; // milliseconds between two looks

export const traces = {
  id: "traces",
  title: "Traces",
  topics: ["traces"],
  /** @param {HTMLElement} root @param {Record<string, string>} parts */
  mount(root, parts) {
    return parts.trace ? waterfall(root, parts.trace) : list(root, parts);
  },
};

/** @param {HTMLElement} root @param {Record<string, string>} parts */
function list(root, parts) {
  const service = choice([["", "any service"], ...["gateway", ...system.order].map((name) => [name, name])], parts.service);
  const least = choice([["", "any length"], ["0.05", "over 50 ms"], ["0.2", "over 200 ms"], ["0.5", "over 500 ms"], ["1", "over 1 s"], ["5", "over 5 s"]], parts.least);
  const text = /** @type {HTMLInputElement} */ (h("input", { type: "search", value: parts.text ?? "", maxlength: "200", placeholder: "name or attribute", autocomplete: "off" }));
  const failed = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
  failed.checked = parts.failed === "1";
  const rows = h("ol", { class: "trace-rows" });
  const empty = h("p", { class: "empty", hidden: true });
  add(root, h("section", { class: "panel", "aria-labelledby": "traces-title" },
    h("header", {}, h("h2", { id: "traces-title", text: "Traces" }), h("span", { class: "quiet", text: "The newest first. Choose one to see where its time went." })),
    h("div", { class: "filters", role: "search" },
      h("label", {}, "Through", service), h("label", {}, "Longer than", least),
      h("label", { class: "wide" }, "With", text), h("label", { class: "tick" }, failed, "failed only")),
    rows, empty));

  let asked = 0;
  let timer = 0;
  async function look() {
    timer = 0;
    const turn = (asked += 1);
    const filter = { service: service.value, least: least.value, text: text.value, failed: failed.checked ? "1" : "" };
    try {
      const found = await ask(`traces?${query({ ...filter, limit: SHOWN })}`);
      if (turn === asked) draw(rows, empty, found, Object.values(filter).some(Boolean));
    } catch (error) {
      empty.hidden = false;
      empty.textContent = /** @type {Error} */ (error).message;
    }
  }
  const soon = () => {
    timer ||= window.setTimeout(look, AT_MOST_EVERY);
  };
  const narrow = () => {
    show({ service: service.value, least: least.value, text: text.value, failed: failed.checked ? "1" : "" });
    look();
  };
  for (const field of [service, least, failed]) field.addEventListener("change", narrow);
  text.addEventListener("input", narrow);
  look();
  const end = on("traces", soon);
  return () => {
    end();
    clearTimeout(timer);
    asked = -1;
  };
}

/** @param {string[][]} options @param {string} [chosen] */
function choice(options, chosen = "") {
  const all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
  const field = /** @type {HTMLSelectElement} */ (h("select", {}, all.map(([value, says]) => h("option", { value, text: says }))));
  field.value = chosen;
  return field;
}

/** @param {HTMLElement} rows @param {HTMLElement} empty @param {any[]} found @param {boolean} narrowed */
function draw(rows, empty, found, narrowed) {
  if (route().view !== "traces") return;
  empty.hidden = found.length > 0;
  empty.textContent = narrowed ? "No trace passes these filters." : "No trace yet: ask the gateway for something, and it shows here.";
  const longest = Math.max(...found.map((one) => one.duration), 0.001);
  keyed(rows, found, (one) => one.trace, () => h("li"), (element, one) => {
    const drawn = `${one.spans} ${one.failed} ${one.duration} ${longest}`;
    if (element.getAttribute("data-drawn") === drawn) return;
    element.setAttribute("data-drawn", drawn);
    const there = element.querySelector("button");
    const button = there ?? h("button", { type: "button", onclick: () => go("traces", { trace: one.trace }) });
    const bar = h("span");
    bar.style.width = `${Math.max(2, (one.duration / longest) * 100)}%`;
    add(clear(button),
      h("span", { class: "when figure quiet", text: clock(one.start) }),
      h("span", { class: "what", title: one.name }, one.failed ? sign("bad", `${counted(one.failed, "span")} failed`) : null, one.failed ? " " : null, one.name),
      journey(one.services),
      h("span", { class: "long" }, h("span", { class: one.failed ? "meter bad" : "meter", "aria-hidden": "true" }, bar), h("span", { class: "figure", text: length(one.duration) })));
    if (!there) element.append(button);
  });
}
