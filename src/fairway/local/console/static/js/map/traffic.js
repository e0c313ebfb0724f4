/** Dots that travel along the ways as the traffic does; on a canvas, so that many cost little. */

const MOST = 160; // dots at once
const SPEED = 150; // pixels of the map in a second
const FASTEST = 5; // dots a second that one way sends off at most
const STEP = 6; // pixels between two points of a way that are known

/** @typedef {{points: Float32Array, length: number, colour: string, rate: number, failures: number, due: number, slow: number}} Lane */
/** @typedef {{lane: Lane, at: number, failed: boolean}} Dot */

/** The colour that a property stands for now. @param {Element} where @param {string} value */
export function colourNow(where, value) {
  const probe = document.createElement("i");
  probe.style.color = value;
  where.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Sample a path once; asking it in each frame would be slow. @param {SVGPathElement} path */
export function sampled(path) {
  const length = path.getTotalLength();
  const count = Math.max(2, Math.ceil(length / STEP) + 1);
  const points = new Float32Array(count * 2);
  for (let at = 0; at < count; at += 1) {
    const point = path.getPointAtLength((length * at) / (count - 1));
    points[at * 2] = point.x;
    points[at * 2 + 1] = point.y;
  }
  return { points, length };
}

/** @param {Float32Array} points @param {number} part between 0 and 1 @returns {[number, number]} */
export function along(points, part) {
  const last = points.length / 2 - 1;
  const exact = Math.min(1, Math.max(0, part)) * last;
  const at = Math.min(last - 1, Math.floor(exact));
  const rest = exact - at;
  return [
    points[at * 2] + (points[at * 2 + 2] - points[at * 2]) * rest,
    points[at * 2 + 1] + (points[at * 2 + 3] - points[at * 2 + 1]) * rest,
  ];
}

export class Traffic {
  /** @param {Map<string, {path: SVGPathElement, group: SVGElement}>} drawn */
  constructor(drawn) {
    /** @type {Map<string, Lane>} */
    this.lanes = new Map();
    /** @type {Dot[]} */
    this.dots = [];
    this.drawn = drawn;
    this.bad = "";
    this.paint();
  }

  /** Take the colours anew, as after a switch from light to dark. */
  paint() {
    for (const [key, one] of this.drawn) {
      const own = getComputedStyle(one.group).getPropertyValue("--own").trim();
      const colour = colourNow(document.body, own);
      const lane = this.lanes.get(key);
      if (lane) lane.colour = colour;
      else this.lanes.set(key, { ...sampled(one.path), colour, rate: 0, failures: 0, due: Math.random(), slow: 1 });
    }
    this.bad = colourNow(document.body, "var(--bad)");
  }

  /** @param {Map<string, {rate: number, failures: number, p95: number | null}>} ways */
  set(ways) {
    for (const [key, lane] of this.lanes) {
      const flow = ways.get(key);
      lane.rate = flow?.rate ?? 0;
      lane.failures = flow?.failures ?? 0;
      lane.slow = (flow?.p95 ?? 0) > 0.5 ? 0.55 : 1;
    }
  }

  /** Whether anything moves, or soon will. */
  get busy() {
    if (this.dots.length) return true;
    for (const lane of this.lanes.values()) if (lane.rate > 0) return true;
    return false;
  }

  /** @param {CanvasRenderingContext2D} ink @param {number} passed seconds */
  step(ink, passed) {
    for (const lane of this.lanes.values()) {
      if (lane.rate <= 0) continue;
      // As many as there are while they are few; of many, what the eye can still follow.
      const shown = Math.min(FASTEST, lane.rate <= 1 ? lane.rate : 1 + Math.log2(lane.rate));
      lane.due += shown * passed;
      while (lane.due >= 1) {
        lane.due -= 0.6 + Math.random() * 0.8;
        if (this.dots.length < MOST) this.dots.push({ lane, at: 0, failed: Math.random() < lane.failures });
      }
    }
    let kept = 0;
    for (const dot of this.dots) {
      dot.at += (SPEED * dot.lane.slow * passed) / dot.lane.length;
      if (dot.at >= 1) continue;
      this.dots[kept] = dot;
      kept += 1;
      const [x, y] = along(dot.lane.points, dot.at);
      ink.fillStyle = dot.failed ? this.bad : dot.lane.colour;
      ink.beginPath();
      ink.arc(x, y, dot.failed ? 4.2 : 3.2, 0, 7);
      ink.fill();
    }
    this.dots.length = kept;
  }
}
