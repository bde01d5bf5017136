// Elements, numbers and times. Nothing here makes markup of text: whatever a system says is only ever text.

/** An element with properties and children; `on` adds listeners, `data` and `aria` attributes. */
export function h(name, props = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") element.className = value;
    else if (key === "on") for (const [kind, listener] of Object.entries(value)) element.addEventListener(kind, listener);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "aria") for (const [k, v] of Object.entries(value)) element.setAttribute(`aria-${k}`, v);
    else if (key in element && !["role", "list"].includes(key)) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** A cell as people read it; `type` is Arrow's. */
export function shown(value, type) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return number(value, type);
  if (isTime(type)) return time(value, type);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export const isNumber = (type) => /^(u?int|float|double|halffloat|decimal)/.test(type);
export const isTime = (type) => /^(timestamp|date)/.test(type);

/** Digits in threes, but not those of a year or a short key. */
export function number(value, type = "double") {
  const places = /^decimal\d*\(\d+, (\d+)\)/.exec(type)?.[1];
  const whole = Number.isInteger(value) && !(places > 0);
  if (whole && Math.abs(value) < 10000) return String(value);
  const digits = whole ? 0 : places !== undefined ? Math.min(places, 2) : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function time(value, type) {
  const text = String(value).replace("T", " ").replace(/(\.\d+)?([+-]00:00|Z)?$/, "");
  return type.startsWith("date") || text.endsWith(" 00:00:00") ? text.slice(0, 10) : text.slice(0, 16);
}

/** Seconds as people say them. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.95) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86400)} days`;
}

/** An instant on this machine's clock: the time today, else with its day. */
export function clock(iso) {
  const at = new Date(iso);
  const day = at.toDateString() === new Date().toDateString() ? {} : { day: "numeric", month: "short", year: "numeric" };
  return at.toLocaleString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", ...day });
}

/** An instant as an element that says it exactly when pointed at. */
export const when = (iso) => h("time", { dateTime: iso, title: new Date(iso).toString() }, clock(iso));

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** Offer a file to keep. */
export function save(name, type, parts) {
  const link = h("a", { href: URL.createObjectURL(new Blob(parts, { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The button that goes from what the system wants to light to dark and back. */
export function theme(button) {
  const order = ["auto", "light", "dark"];
  let now = localStorage.getItem("theme") ?? "auto";
  const apply = () => {
    document.documentElement.dataset.theme = now;
    button.textContent = { auto: "◐", light: "☀", dark: "☾" }[now];
    const words = { auto: "as the system", light: "light", dark: "dark" }[now];
    button.setAttribute("aria-label", `Colours: ${words}. Change`);
    button.title = `Colours: ${words}`;
  };
  button.addEventListener("click", () => {
    now = order[(order.indexOf(now) + 1) % order.length];
    localStorage.setItem("theme", now);
    apply();
  });
  apply();
}
