/** One trace that travels over the map: from service to service in the order of its spans, slowed down for the eye. */

import { place } from "../system.js";
import { along, colourNow, sampled } from "./traffic.js";

const LASTS = 6.5; // seconds for a whole trace
const LEAST = 0.32; // for one way
const MOST = 40; // ways of one trace that are shown
const TAIL = 9;

/** @typedef {{key: string, source: string, target: string, begins: number, failed: boolean}} Leg */

/**
 * Tell the ways that a trace took, in order: where a span's service differs from its parent's. Events go by the broker.
 * @param {any[]} spans
 * @param {(source: string, target: string) => boolean} known whether the map has this way
 * @param {string} broker its name on the map
 * @returns {Leg[]}
 */
export function legs(spans, known, broker) {
  const byId = new Map(spans.map((span) => [span.span, span]));
  /** @type {Leg[]} */
  const found = [];
  const told = new Set();
  /** @param {string} source @param {string} target @param {any} span */
  const leg = (source, target, span) => {
    const once = `${source} ${target} ${span.parent}`;
    if (source === target || !known(source, target) || told.has(once)) return;
    told.add(once);
    found.push({ key: `${source} ${target}`, source, target, begins: span.start, failed: span.failed });
  };
  for (const span of [...spans].sort((one, two) => one.start - two.start)) {
    const parent = byId.get(span.parent);
    if (span.kind === "consumer") {
      if (parent) leg(parent.service, broker, span);
      leg(broker, span.service, span);
    } else if (parent) leg(parent.service, span.service, span);
    else if (!span.parent && span.kind === "server") leg("gateway", span.service, span);
    const peer = span.kind === "client" ? span.attributes?.["peer.service"] : "";
    if (peer && place(String(peer))?.kind === "outside") leg(span.service, String(peer), span);
  }
  return found.slice(0, MOST);
}

export class Voyage {
  /**
   * @param {Leg[]} way
   * @param {Map<string, {path: SVGPathElement, group: SVGElement}>} drawn
   * @param {Map<string, SVGElement>} nodes
   */
  constructor(way, drawn, nodes) {
    this.nodes = nodes;
    this.passed = 0;
    const pace = Math.max(LEAST, LASTS / Math.max(way.length, 1));
    this.legs = way.map((leg, place) => {
      const one = /** @type {{path: SVGPathElement, group: SVGElement}} */ (drawn.get(leg.key));
      const own = getComputedStyle(one.group).getPropertyValue("--own").trim();
      return { ...leg, ...sampled(one.path), colour: colourNow(document.body, leg.failed ? "var(--bad)" : own), from: place * pace * 0.72, lasts: pace };
    });
    this.rim = colourNow(document.body, "var(--panel)");
    this.ends = Math.max(0, ...this.legs.map((leg) => leg.from + leg.lasts)) + 0.8;
  }

  get over() {
    return this.passed >= this.ends;
  }

  /** @param {CanvasRenderingContext2D} ink @param {number} passed seconds */
  step(ink, passed) {
    this.passed += passed;
    for (const leg of this.legs) {
      const part = (this.passed - leg.from) / leg.lasts;
      if (part < 0) continue;
      const over = part - 1;
      ink.strokeStyle = leg.colour;
      ink.lineCap = "round";
      ink.globalAlpha = over > 0 ? Math.max(0, 0.55 - over * 0.12) : 0.55;
      ink.lineWidth = 5;
      ink.beginPath();
      const reach = Math.min(1, ease(part));
      for (let at = 0; at <= 24; at += 1) {
        const [x, y] = along(leg.points, (reach * at) / 24);
        if (at) ink.lineTo(x, y);
        else ink.moveTo(x, y);
      }
      ink.stroke();
      ink.globalAlpha = 1;
      if (part <= 1) this.vessel(ink, leg, reach);
      else if (part < 1.2) this.nodes.get(leg.target)?.classList.add("visited");
      else if (part > 2.6) this.nodes.get(leg.target)?.classList.remove("visited");
    }
  }

  /** @param {CanvasRenderingContext2D} ink @param {any} leg @param {number} part */
  vessel(ink, leg, part) {
    for (let at = TAIL; at >= 0; at -= 1) {
      const [x, y] = along(leg.points, part - at * 0.012);
      ink.globalAlpha = at ? 0.28 * (1 - at / TAIL) : 1;
      ink.fillStyle = leg.colour;
      ink.beginPath();
      ink.arc(x, y, at ? 7 : 8, 0, 7);
      ink.fill();
      if (!at) {
        ink.lineWidth = 2.5;
        ink.strokeStyle = this.rim;
        ink.stroke();
      }
    }
    ink.globalAlpha = 1;
  }

  /** Leave nothing lit. */
  end() {
    for (const node of this.nodes.values()) node.classList.remove("visited");
  }
}

/** @param {number} part */
function ease(part) {
  const at = Math.min(1, Math.max(0, part));
  return at * at * (3 - 2 * at);
}
