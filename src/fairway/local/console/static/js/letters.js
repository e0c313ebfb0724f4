/** Dead letters of a service: listed, shown, put back, dropped; each is the SDK's own command in the service's place. */

import { act, ask } from "./api.js";
import { add, clear, h, short } from "./dom.js";
import { clock, counted } from "./format.js";
import { on } from "./live.js";
import { colour } from "./system.js";
import { doing, sure, tell } from "./told.js";

const SHOWN = 100;

/** @param {() => [string, number][]} counts services with such commands, and how many letters each has */
export function letters(counts) {
  const services = h("div", { class: "choose", role: "group", "aria-label": "Services" });
  const list = h("div", { "aria-live": "polite" });
  const panel = h("section", { class: "panel letters", "aria-labelledby": "letters-title" },
    h("header", {}, h("h2", { id: "letters-title", text: "Dead letters" }), h("span", { class: "quiet", text: "Events that were given up after all tries. Personal fields stay sealed." })),
    services, list);
  let drawn = "";
  const draw = () => {
    const all = counts();
    if (drawn === JSON.stringify(all)) return;
    drawn = JSON.stringify(all);
    clear(services);
    for (const [name, dead] of all.sort((one, two) => two[1] - one[1])) {
      const button = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: dead ? "small danger" : "small", own: colour(name) },
        h("span", { class: "swatch" }), `${name}: ${dead ? counted(dead, "letter") : "none"}`));
      button.addEventListener("click", () => look(list, name, button));
      services.append(button);
    }
  };
  draw();
  const end = on("channels", () => (panel.isConnected ? draw() : end()));
  return panel;
}

/** @param {HTMLElement} list @param {string} service @param {HTMLButtonElement} [button] */
async function look(list, service, button) {
  add(clear(list), h("p", { class: "empty", text: `Asking ${service} …` }));
  if (button) button.disabled = true;
  try {
    drawLetters(list, service, await ask(`dead-letters/${encodeURIComponent(service)}`));
  } catch (error) {
    add(clear(list), h("p", { class: "empty bad", text: /** @type {Error} */ (error).message }));
  } finally {
    if (button) button.disabled = false;
  }
}

/** @param {HTMLElement} list @param {string} service @param {any[]} found */
function drawLetters(list, service, found) {
  clear(list);
  if (!found.length) return add(list, h("p", { class: "empty", text: `${service} has no dead letters.` }));
  const rows = found.slice(0, SHOWN).map((letter) => letterRow(service, letter));
  const boxes = rows.map((row) => /** @type {HTMLInputElement} */ (row.querySelector("input")));
  const all = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", "aria-label": "all that are shown" }));
  const back = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small strong", disabled: true }));
  const drop = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small", disabled: true }));
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const update = () => {
    const count = chosen().length;
    back.disabled = drop.disabled = !count;
    back.textContent = count ? `Put ${counted(count, "letter")} back` : "Put back";
    drop.textContent = count ? `Drop ${counted(count, "letter")} …` : "Drop …";
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    update();
  });
  for (const box of boxes) box.addEventListener("change", update);
  update();
  back.addEventListener("click", () => change(back, list, service, "redrive", chosen()));
  drop.addEventListener("click", async () => {
    const ids = chosen();
    const question = { title: `Drop ${counted(ids.length, "dead letter")} of ${service}?`, says: "What they would have caused never happens. This cannot be undone.", yes: "Drop for good" };
    if (await sure(question)) await change(drop, list, service, "drop", ids);
  });
  add(list, h("div", { class: "choose" }, h("label", { class: "name" }, all, "all"), back, drop,
    found.length > SHOWN ? h("span", { class: "quiet", text: `The oldest ${SHOWN} of ${found.length}.` }) : null), rows);
}

/** @param {HTMLButtonElement} button @param {HTMLElement} list @param {string} service @param {string} verb @param {string[]} ids */
async function change(button, list, service, verb, ids) {
  await doing(button, async () => {
    const { count } = await act(`dead-letters/${verb}`, { service, ids });
    return verb === "drop" ? `${counted(count, "letter")} dropped.` : `${counted(count, "letter")} put back, with all tries before ${count === 1 ? "it" : "them"}.`;
  });
  await look(list, service);
}

/** @param {string} service @param {any} letter */
function letterRow(service, letter) {
  const box = h("input", { type: "checkbox", value: letter.id, "aria-label": `letter ${letter.id}` });
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small", text: "Show", "aria-expanded": "false" }));
  const why = [letter.error, letter.message].filter(Boolean).join(": ");
  const row = h("div", { class: "letter" }, box,
    h("div", {}, h("b", { text: short(letter.kind || "?", 120) }), ` of ${short(letter.channel, 80)} `, h("span", { class: "quiet figure", text: `parked at ${clock(letter.parked)}, tried ${counted(letter.attempts, "time")}` })),
    button,
    h("p", { class: "why-not", text: short(why ? `${letter.reason} (${why})` : letter.reason, 600) }));
  button.addEventListener("click", async () => {
    const there = row.querySelector("pre");
    button.setAttribute("aria-expanded", String(!there));
    button.textContent = there ? "Show" : "Hide";
    if (there) return there.remove();
    button.disabled = true;
    try {
      const [whole] = await ask(`dead-letters/${encodeURIComponent(service)}/${encodeURIComponent(letter.id)}`);
      row.append(h("pre", { class: "mono", tabindex: "0", text: whole ? readable(whole) : "It is no dead letter any more." }));
    } catch (error) {
      tell(/** @type {Error} */ (error).message, true);
    } finally {
      button.disabled = false;
    }
  });
  return row;
}

/** @param {any} whole */
function readable(whole) {
  const { document: text = "", ...rest } = whole;
  /** @type {any} */
  let said = text;
  try {
    said = JSON.parse(text);
  } catch {
    // It is no JSON: as it stands, then.
  }
  return short(JSON.stringify({ ...rest, document: said }, null, 2), 40000);
}
