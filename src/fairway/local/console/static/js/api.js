/** Asks the server, and has it do something. */

/** @param {string} path @returns {Promise<any>} */
export async function ask(path) {
  return answered(await fetch(`api/${path}`, { headers: { accept: "application/json" } }));
}

/** @param {string} path @param {object} told @returns {Promise<any>} */
export async function act(path, told) {
  const headers = { "content-type": "application/json", "x-fairway": "console" };
  return answered(await fetch(`api/do/${path}`, { method: "POST", headers, body: JSON.stringify(told) }));
}

/** @param {Response} response */
async function answered(response) {
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(said.fault ?? `The console answers ${response.status}.`);
  return said;
}

/** @param {Record<string, string | number | boolean | undefined>} parts */
export function query(parts) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(parts)) {
    if (value !== undefined && value !== "" && value !== false) said.set(name, value === true ? "1" : String(value));
  }
  return said.toString();
}

/** Fetch a drawing as a document; nothing of it runs. @param {string} path @returns {Promise<Document>} */
export function drawing(path) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", `api/${path}`);
    request.responseType = "document";
    request.overrideMimeType("image/svg+xml");
    request.onload = () => {
      const found = request.responseXML;
      if (request.status === 200 && found) resolve(found);
      else reject(new Error("There is no drawing."));
    };
    request.onerror = () => reject(new Error("The console does not answer."));
    request.send();
  });
}
