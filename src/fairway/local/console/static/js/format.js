/** Figures and times as people read them. Seconds come in, bytes come in. */

/** @param {number | null | undefined} seconds */
export function length(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.01) return `${(seconds * 1e3).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1e3)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return age(seconds);
}

/** @param {number} seconds */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** @param {number} moment seconds since 1970 */
export function since(moment) {
  return age(Date.now() / 1000 - moment);
}

/** @param {number} perSecond */
export function rate(perSecond) {
  if (perSecond === 0) return "0/s";
  if (perSecond < 0.095) return `${Math.max(1, Math.round(perSecond * 60))}/min`;
  if (perSecond < 9.95) return `${perSecond.toFixed(1)}/s`;
  if (perSecond < 9950) return `${Math.round(perSecond)}/s`;
  return `${(perSecond / 1000).toFixed(1)}k/s`;
}

/** @param {number} part between 0 and 1 */
export function share(part) {
  const percent = part * 100;
  if (percent === 0) return "0 %";
  if (percent < 0.1) return "< 0.1 %";
  return `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** @param {number} count bytes */
export function bytes(count) {
  if (count < 1024 * 1024) return `${Math.round(count / 1024)} KB`;
  const mega = count / 1024 / 1024;
  return mega < 1024 ? `${mega < 10 ? mega.toFixed(1) : Math.round(mega)} MB` : `${(mega / 1024).toFixed(1)} GB`;
}

/** @param {number} moment seconds since 1970 */
export function clock(moment) {
  const at = new Date(moment * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** @param {number} moment seconds since 1970 */
export function clockExact(moment) {
  return `${clock(moment)}.${String(Math.floor((moment % 1) * 1000)).padStart(3, "0")}`;
}

/** @param {number} count @param {string} what @param {string} [many] */
export function counted(count, what, many = `${what}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? what : many}`;
}
