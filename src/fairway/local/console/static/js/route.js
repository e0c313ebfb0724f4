/** Where the page is: a view and what it shows, kept in the part of the address that is sent to nobody. */

/** @typedef {{view: string, parts: Record<string, string>}} Route */

/** @returns {Route} */
export function route() {
  const [view, rest = ""] = location.hash.replace(/^#/, "").split("?");
  return { view, parts: Object.fromEntries(new URLSearchParams(rest)) };
}

/**
 * Go to a view; what it shows are a few words, such as a filter.
 * @param {string} view
 * @param {Record<string, string>} [parts]
 */
export function go(view, parts = {}) {
  const said = new URLSearchParams(Object.entries(parts).filter(([, value]) => value)).toString();
  location.hash = said ? `${view}?${said}` : view;
}

/** Change what a view shows without a step in the history. @param {Record<string, string>} parts */
export function show(parts) {
  const said = new URLSearchParams(Object.entries(parts).filter(([, value]) => value)).toString();
  const { view } = route();
  history.replaceState(null, "", `#${said ? `${view}?${said}` : view}`);
}
