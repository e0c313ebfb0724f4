/** Tells what came of an action, and asks before what cannot be undone. */

import { h } from "./dom.js";

/** @param {string} text @param {boolean} [bad] */
export function tell(text, bad = false) {
  const place = /** @type {HTMLElement} */ (document.getElementById("told"));
  const said = h("p", { class: bad ? "bad" : "", text });
  place.append(said);
  while (place.children.length > 3) place.firstElementChild?.remove();
  setTimeout(() => said.remove(), bad ? 9000 : 4500);
}

/**
 * Do something, and tell what came of it. The button cannot be pressed meanwhile.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<string>} what gives the sentence to tell; empty: nothing
 */
export async function doing(button, what) {
  button.disabled = true;
  try {
    const said = await what();
    if (said) tell(said);
  } catch (error) {
    tell(/** @type {Error} */ (error).message, true);
  } finally {
    button.disabled = false;
  }
}

/**
 * Ask whether something is to be done.
 * @param {{title: string, says: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export function sure(question) {
  const no = h("button", { type: "button", value: "no", text: "Leave it" });
  const yes = h("button", { type: "button", value: "yes", class: "danger", text: question.yes });
  const dialog = /** @type {HTMLDialogElement} */ (
    h("dialog", { "aria-labelledby": "sure-title", "aria-describedby": "sure-says" },
      h("h2", { id: "sure-title", text: question.title }),
      h("p", { id: "sure-says", text: question.says }),
      h("div", { class: "choices" }, no, yes))
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    no.addEventListener("click", () => dialog.close("no"));
    yes.addEventListener("click", () => dialog.close("yes"));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.returnValue = "no";
    dialog.showModal();
    no.focus();
  });
}

/**
 * Show something in a dialog that Escape and a button close.
 * @param {string} title
 * @param {HTMLElement} what
 */
export function show(title, what) {
  const close = h("button", { type: "button", text: "Close" });
  const dialog = /** @type {HTMLDialogElement} */ (
    h("dialog", { "aria-labelledby": "shown-title" }, h("h2", { id: "shown-title", text: title }), what,
      h("div", { class: "choices" }, close))
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
