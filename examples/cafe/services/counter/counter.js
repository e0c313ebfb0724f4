// Takes orders from guests. Node's standard library alone: what it needs to know is in its environment.
"use strict";

const http = require("node:http");

const { HOST, PORT, KITCHEN_URL, PANTRY_URL } = process.env;

// What a request must keep on its way: who the guest is, and which trace it belongs to.
const CARRIED = ["authorization", "traceparent", "tracestate", "x-request-id"];

function carried(request) {
  return Object.fromEntries(CARRIED.filter((name) => request.headers[name]).map((name) => [name, request.headers[name]]));
}

function log(request, event, more) {
  const trace_id = (request.headers.traceparent ?? "").split("-")[1];
  console.log(JSON.stringify({ timestamp: new Date().toISOString(), level: "info", event, trace_id, ...more }));
}

async function menu(request) {
  const dishes = await fetch(`${KITCHEN_URL}/dishes`, { headers: carried(request) });
  const left = await fetch(`${PANTRY_URL}/ingredients`, { headers: carried(request) })
    .then((answer) => (answer.ok ? answer.json() : null))
    .catch(() => null); // a menu without the stock is a menu, too
  return [dishes.status, { dishes: await dishes.json(), left }];
}

async function order(request, dish) {
  const url = `${KITCHEN_URL}/meals/${encodeURIComponent(dish)}`;
  const meal = await fetch(url, { method: "POST", headers: carried(request) });
  log(request, "ordered", { dish, status: meal.status });
  return [meal.status, await meal.json()];
}

async function answer(request) {
  const { pathname } = new URL(request.url, "http://counter");
  const [, place, dish] = pathname.split("/");
  if (pathname === "/livez" || pathname === "/readyz") return [200, {}];
  if (request.method === "GET" && pathname === "/menu") return menu(request);
  if (request.method === "POST" && place === "orders" && dish) return order(request, decodeURIComponent(dish));
  return [404, { title: "There is nothing here." }];
}

const server = http.createServer(async (request, response) => {
  let status, content;
  try {
    [status, content] = await answer(request);
  } catch (error) {
    log(request, "failed", { reason: String(error.cause ?? error) });
    [status, content] = [502, { title: "Somebody whom we need gives no answer." }];
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(content));
});

server.keepAliveTimeout = 30_000; // longer than a proxy keeps an idle connection
server.listen(Number(PORT), HOST);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
