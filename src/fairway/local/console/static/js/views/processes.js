/** Every process: how it is and since when, what it takes, and a button to start it anew. */

import { act } from "../api.js";
import { add, h, keyed, say } from "../dom.js";
import { open } from "../drawer.js";
import { bytes, since } from "../format.js";
import { now, on } from "../live.js";
import { sign } from "../marks.js";
import { go } from "../route.js";
import { colourOf, means, system } from "../system.js";
import { doing, sure } from "../told.js";

const PARTS = ["service", "job", "store", "broker", "proxy", "identity", "telemetry", "outside"];
const TITLES = {
  service: "Services", job: "Jobs", store: "Stores", broker: "Broker", proxy: "Proxies", identity: "Identity", telemetry: "Telemetry",
  outside: "Outside, played here",
};

export const processes = {
  id: "processes",
  title: "Processes",
  topics: ["figures", "replicas"],
  /** @param {HTMLElement} root */
  mount(root) {
    const count = h("span", { class: "quiet" });
    const table = h("table", { class: "cards" },
      h("thead", {}, h("tr", {}, ...["Process", "State", "Since"].map((title) => h("th", { scope: "col", text: title })),
        ...["Restarts", "Memory", "Processor"].map((title) => h("th", { scope: "col", class: "number", text: title })),
        h("th", { scope: "col" }, h("span", { class: "unseen", text: "Actions" })))));
    add(root, h("section", { class: "panel", "aria-labelledby": "processes-title" },
      h("header", {}, h("h2", { id: "processes-title", text: "Processes" }), count), h("div", { class: "scroll" }, table)));
    const update = () => draw(table, count);
    update();
    const ends = [on("status", update), on("figures", update)];
    const timer = setInterval(update, 5000);
    return () => {
      clearInterval(timer);
      for (const end of ends) end();
    };
  },
};

/** @param {HTMLElement} table @param {HTMLElement} count */
function draw(table, count) {
  /** @type {import("../system.js").Process[]} */
  const all = now.status?.processes ?? [];
  const taken = Object.values(now.figures).reduce((sum, one) => sum + one.memory, 0);
  say(count, `${all.filter((one) => one.state === "ready").length} ready of ${all.filter((one) => one.state !== "done").length}${taken ? `, ${bytes(taken)} in all` : ""}`);
  const parts = [...PARTS, ...new Set(all.map((one) => one.part).filter((part) => !PARTS.includes(part)))];
  const groups = parts.map((part) => ({ part, those: all.filter((one) => one.part === part) })).filter((group) => group.those.length);
  const head = /** @type {Element} */ (table.querySelector("thead"));
  head.setAttribute("data-key", "head");
  keyed(table, [{ part: "head", those: [] }, ...groups], (group) => group.part, (group) => section(group.part), (body, group) => {
    if (group.part === "head") return;
    keyed(body, [null, ...group.those], (one) => one?.name ?? "title", (one) => (one ? row(one) : title(group.part)), (line, one) => {
      if (one) refresh(line, one);
    });
  });
}

/** @param {string} part */
function section(part) {
  return h("tbody", { "data-part": part });
}

/** @param {string} part */
function title(part) {
  return h("tr", { class: "group" }, h("th", { colspan: "7", scope: "rowgroup", text: TITLES[/** @type {keyof typeof TITLES} */ (part)] ?? part }));
}

/** @param {import("../system.js").Process} one */
function row(one) {
  const restart = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small", text: "Restart", "aria-label": `Restart ${one.name}` }));
  restart.addEventListener("click", () => again(restart, one));
  const why = h("button", { type: "button", class: "small why", text: "why?", "aria-label": `Why is ${one.name} here?`, onclick: () => open({ process: one.name }) });
  const logs = h("button", { type: "button", class: "small", text: "Logs", "aria-label": `Logs of ${one.name}`, onclick: () => go("logs", { process: one.name }) });
  return h("tr", {},
    h("td", {}, h("span", { class: "name", own: colourOf(one.name) }, h("span", { class: "swatch" }), one.name),
      system.regions[one.name] ? h("span", { class: "quiet", text: ` ${system.regions[one.name]}` }) : null),
    h("td", { class: "is" }), h("td", { "data-label": "for" }),
    h("td", { class: "number", "data-label": "restarts" }), h("td", { class: "number", "data-label": "memory" }), h("td", { class: "number", "data-label": "cores" }),
    h("td", { class: "number" }, why, " ", logs, " ", one.name === "console" ? null : restart));
}

/** @param {Element} line @param {import("../system.js").Process} one */
function refresh(line, one) {
  const [, how, age, restarts, memory, cpu] = line.children;
  const drawn = `${one.state} ${one.reason}`;
  if (how.getAttribute("data-drawn") !== drawn) {
    how.setAttribute("data-drawn", drawn);
    how.replaceChildren(sign(means(one.state), ""), ` ${one.state}`);
    if (one.reason) how.append(h("div", { class: means(one.state) === "bad" ? "bad" : "quiet", text: one.reason }));
  }
  say(age, since(one.since));
  say(restarts, one.restarts ? String(one.restarts) : "");
  const figures = now.figures[one.name];
  say(memory, figures ? bytes(figures.memory) : "");
  say(cpu, figures && figures.cpu !== null ? figures.cpu.toFixed(2) : "");
}

/** @param {HTMLButtonElement} button @param {import("../system.js").Process} one */
async function again(button, one) {
  const alone = one.part === "store" || one.part === "broker" || one.part === "proxy" || one.part === "identity";
  if (alone && !(await sure({ title: `Restart ${one.name}?`, says: "What relies on it fails until it is back. Its data stays.", yes: "Restart it" }))) return;
  await doing(button, async () => `${(await act("restart", { name: one.name })).names.join(", ")} starts anew.`);
}
