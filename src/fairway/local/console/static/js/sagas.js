/** Single sagas of a service: those under way or lately ended, shown step by step, resumed, given up. */

import { act, ask } from "./api.js";
import { add, clear, h, short } from "./dom.js";
import { clock, since } from "./format.js";
import { on } from "./live.js";
import { sign } from "./marks.js";
import { go } from "./route.js";
import { colour } from "./system.js";
import { doing, sure } from "./told.js";

const SHOWN = 50;
/** @type {Record<string, string>} */
const HOW = { stuck: "bad", running: "wait", compensating: "wait", completed: "good", compensated: "rest", abandoned: "rest" };

/** @param {() => string[]} services those that sagas run in */
export function sagaList(services) {
  const choose = h("div", { class: "choose" });
  const list = h("div", { "aria-live": "polite" });
  const place = h("div", { class: "letters" }, choose, list);
  let drawn = "";
  const draw = () => {
    const names = services();
    if (drawn === names.join(" ")) return;
    drawn = names.join(" ");
    clear(choose);
    for (const name of names) {
      for (const [ended, says] of /** @type {[boolean, string][]} */ ([[false, "under way"], [true, "ended"]])) {
        const button = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small", own: colour(name) }, h("span", { class: "swatch" }), `${name}: ${says}`));
        button.addEventListener("click", () => look(list, name, ended, button));
        choose.append(button);
      }
    }
  };
  draw();
  const end = on("sagas", () => (place.isConnected ? draw() : end()));
  return place;
}

/** @param {HTMLElement} list @param {string} service @param {boolean} ended @param {HTMLButtonElement} [button] */
async function look(list, service, ended, button) {
  add(clear(list), h("p", { class: "empty", text: `Asking ${service} …` }));
  if (button) button.disabled = true;
  try {
    const found = await ask(`saga/${encodeURIComponent(service)}${ended ? "?ended=1" : ""}`);
    clear(list);
    if (!found.length) add(list, h("p", { class: "empty", text: ended ? `No saga of ${service} has ended yet.` : `No saga of ${service} is under way.` }));
    for (const one of (ended ? found.reverse() : found).slice(0, SHOWN)) add(list, row(list, service, one, ended));
    if (found.length > SHOWN) add(list, h("p", { class: "empty", text: `and ${found.length - SHOWN} more` }));
  } catch (error) {
    add(clear(list), h("p", { class: "empty bad", text: /** @type {Error} */ (error).message }));
  } finally {
    if (button) button.disabled = false;
  }
}

/** @param {HTMLElement} list @param {string} service @param {any} one @param {boolean} ended */
function row(list, service, one, ended) {
  const show = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small", text: "Show", "aria-expanded": "false" }));
  const buttons = h("div", { class: "name" }, show,
    one.trace ? h("button", { type: "button", class: "small", text: "Trace", onclick: () => go("traces", { trace: traceOf(one.trace) }) }) : null);
  const why = [one.trouble, one.failed && `${one.failed}: ${one.reason}`].filter(Boolean).join("; ");
  const element = h("div", { class: "letter" }, sign(HOW[one.state] ?? "rest", one.state),
    h("div", {}, h("b", { text: one.saga }), ` ${one.state}`, one.step ? ` at ${one.step}, tried ${one.tries} times` : "", h("span", { class: "quiet figure", text: `  begun at ${clock(one.created)}, ${since(one.created)} ago  ` }), h("span", { class: "mono quiet", text: short(one.id, 60) })),
    buttons, why ? h("p", { class: "why-not", text: short(why, 600) }) : null);
  if (!ended) add(buttons, ...operations(list, service, one));
  show.addEventListener("click", () => steps(element, show, service, one.id));
  return element;
}

/** @param {string} said a trace's id, or the header that holds it */
function traceOf(said) {
  return said.includes("-") ? said.split("-")[1] : said;
}

/** @param {HTMLElement} list @param {string} service @param {any} one */
function operations(list, service, one) {
  const resume = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small strong", text: "Go on" }));
  const abandon = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "small", text: "Give up …" }));
  const operate = (/** @type {HTMLButtonElement} */ button, /** @type {string} */ verb) => doing(button, async () => {
    const [whole] = await act(`saga/${verb}`, { service, ids: [one.id] });
    await look(list, service, false);
    return whole ? `${one.saga} is ${whole.state}.` : "That could not be done: it may have ended meanwhile.";
  });
  resume.addEventListener("click", () => operate(resume, "resume"));
  abandon.addEventListener("click", async () => {
    const question = { title: `Give up ${one.saga} ${short(one.id, 20)}?`, says: "What was done stays done, and nothing is taken back any more. This cannot be undone.", yes: "Give up" };
    if (await sure(question)) await operate(abandon, "abandon");
  });
  return one.state === "stuck" ? [resume, abandon] : [];
}

/** @param {HTMLElement} element @param {HTMLButtonElement} button @param {string} service @param {string} id */
async function steps(element, button, service, id) {
  const there = element.querySelector("pre, .saga-steps");
  button.setAttribute("aria-expanded", String(!there));
  button.textContent = there ? "Show" : "Hide";
  if (there) {
    for (const old of element.querySelectorAll("pre, .saga-steps")) old.remove();
    return;
  }
  await doing(button, async () => {
    const [whole] = await ask(`saga/${encodeURIComponent(service)}/${encodeURIComponent(id)}`);
    if (!whole) return "It is not known any more.";
    add(element,
      h("div", { class: "saga-steps why-not" }, whole.steps.map((/** @type {any} */ step) => h("span", { class: `tag ${step.outcome === "done" ? "good" : "warn"}`, text: `${step.step}: ${step.outcome}`, title: clock(step.at) }))),
      h("pre", { class: "mono", tabindex: "0", text: short(JSON.stringify({ input: whole.input, steps: whole.steps }, null, 2), 40000) }));
    return "";
  });
}
