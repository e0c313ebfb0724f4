/** Makes and changes elements. Text is only ever set as text: whatever comes from outside cannot become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Make an element. Properties are attributes, but `on...` listeners, `style` custom properties and `data`.
 * @param {string} name
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(name, properties = {}, ...children) {
  return /** @type {HTMLElement} */ (fill(document.createElement(name), properties, children));
}

/**
 * Make an element of SVG.
 * @param {string} name
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function s(name, properties = {}, ...children) {
  return /** @type {SVGElement} */ (fill(document.createElementNS(SVG, name), properties, children));
}

/**
 * @param {Element} element
 * @param {Record<string, any>} properties
 * @param {(Child | Child[])[]} children
 */
function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "own") paint(element, value);
    else if (name === "text") element.textContent = String(value);
    else if (name === "value") /** @type {HTMLInputElement} */ (element).value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, ...children);
  return element;
}

/**
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function add(element, ...children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Give an element its own colour, such as `var(--c3)`; a policy forbids style attributes, not this.
 * @param {Element} element
 * @param {string} colour
 */
export function paint(element, colour) {
  /** @type {HTMLElement} */ (element).style.setProperty("--own", colour);
}

/**
 * Set a text where it differs, so that nothing is drawn anew in vain.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keep one child for each item, in their order: those that stay keep focus and scroll position.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => Element} make
 * @param {(element: Element, item: T) => void} [update]
 */
export function keyed(parent, items, key, make, update) {
  /** @type {Map<string, Element>} */
  const there = new Map();
  for (const child of [...parent.children]) there.set(child.getAttribute("data-key") ?? "", child);
  /** @type {Element | null} */
  let before = null;
  for (const item of items) {
    const name = key(item);
    let element = there.get(name);
    if (element) there.delete(name);
    else {
      element = make(item);
      element.setAttribute("data-key", name);
    }
    update?.(element, item);
    const place = before ? before.nextElementSibling : parent.firstElementChild;
    if (place !== element) parent.insertBefore(element, place);
    before = element;
  }
  for (const left of there.values()) left.remove();
}

/**
 * Take everything out.
 * @param {Element} element
 */
export function clear(element) {
  element.replaceChildren();
  return element;
}

/**
 * Shorten what is too long to be shown; the whole is in the title.
 * @param {string} text
 * @param {number} most
 */
export function short(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
