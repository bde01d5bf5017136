// A chart where a result is a ranking (names and a figure: bars) or a series (instants and figures: lines).
// It is drawn from the cells of the result and from nothing else; the table beside it says the same in words.

import { isNumber, isTime, number, shown } from "./dom.js";

const MOST_BARS = 24;
const MOST_POINTS = 2000;
const MOST_LINES = 4;

const svg = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

/** What a result is: `{kind, label, values}` with columns by index, or null where a chart would say nothing. */
export function shape({ columns, types, rows, row_count: count }) {
  if (rows.length < 2 || count > rows.length) return null; // of a part of the rows a chart would say something else
  const keys = columns.map((name) => /(^|_)(id|key|code|no|number|nr|zip|year)$/i.test(name));
  const figures = columns.map((_, i) => i).filter((i) => isNumber(types[i]) && !keys[i] && rows.some((r) => r[i] !== null));
  if (!figures.length) return null;
  const times = columns.map((_, i) => i).filter((i) => isTime(types[i]) || (isNumber(types[i]) && /(^|_)year$/i.test(columns[i])));
  const distinct = (i) => new Set(rows.map((r) => r[i])).size === rows.length && rows.every((r) => r[i] !== null);
  const values = figures.filter((i) => !times.includes(i));
  const texts = columns.map((_, i) => i).filter((i) => !isNumber(types[i]) && !isTime(types[i]));
  if (times.length === 1 && !texts.length && values.length && rows.length <= MOST_POINTS && distinct(times[0])) {
    return { kind: "series", label: times[0], values: values.slice(0, MOST_LINES) };
  }
  const names = texts.filter(distinct);
  if (names.length && texts.length <= 2 && !times.length && values.length && rows.length <= MOST_BARS) return { kind: "ranking", label: names[0], values: [values[0]] };
  return null;
}

/** The chart as an element that draws itself as wide as it may be; `lit(row, on)` is called as one is pointed at. */
export function chart(result, lit = () => {}) {
  const what = shape(result);
  if (!what) return null;
  const place = document.createElement("div");
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.round(Math.min(900, Math.max(240, place.clientWidth)));
    if (!place.clientWidth || width === drawn) return;
    drawn = width;
    place.replaceChildren(what.kind === "ranking" ? bars(result, what, lit, width) : lines(result, what, lit, width));
  }).observe(place);
  return place;
}

function bars({ columns, types, rows }, { label, values: [value] }, lit, width) {
  const longest = (i) => Math.max(...rows.map((r) => [...shown(r[i], types[i])].length));
  const line = 30, names = Math.min(width * 0.36, longest(label) * 7.5 + 16), room = longest(value) * 7.2 + 14;
  const figures = rows.map((r) => r[value] ?? 0);
  const top = Math.max(0, ...figures), bottom = Math.min(0, ...figures);
  const scale = (width - names - room) / (top - bottom || 1);
  const zero = names + (bottom < 0 ? -bottom * scale + room / 2 : 0);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${rows.length * line + 6}`, width, height: rows.length * line + 6, role: "img", class: "chart bars",
    "aria-label": `Bars: ${columns[value]} by ${columns[label]}, ${rows.length} of them; the table says the same` });
  rows.forEach((row, index) => {
    const y = index * line + 4;
    const length = Math.abs(figures[index]) * scale;
    const start = figures[index] < 0 ? zero - length : zero;
    const name = shown(row[label], types[label]);
    const text = svg("text", { x: names - 10, y: y + line / 2, class: "name", "text-anchor": "end" });
    text.textContent = clipped(name, Math.floor((names - 10) / 7));
    const amount = svg("text", { x: (figures[index] < 0 ? zero : zero + length) + 7, y: y + line / 2, class: "amount" });
    amount.textContent = shown(row[value], types[value]);
    const title = svg("title");
    title.textContent = `${name}: ${shown(row[value], types[value])}`;
    const group = svg("g", { class: "bar" }, title, svg("rect", { x: 0, y: y - 2, width, height: line - 2, class: "band" }), text,
      svg("rect", { x: start, y: y + 2, width: Math.max(1.5, length), height: line - 10, rx: 3, class: "c0" }), amount);
    group.addEventListener("pointerenter", () => lit(index + 1, true));
    group.addEventListener("pointerleave", () => lit(index + 1, false));
    picture.append(group);
  });
  if (bottom < 0) picture.append(svg("line", { x1: zero, x2: zero, y1: 0, y2: rows.length * line + 6, class: "axis" }));
  return picture;
}

function lines({ columns, types, rows }, { label, values }, lit, width) {
  const height = 260, left = 64, right = 16, above = 12, below = 34;
  const at = (v) => (typeof v === "number" ? v : Date.parse(/T|\d:/.test(v) ? v : `${v}T00:00:00Z`));
  const order = rows.map((_, i) => i).sort((a, b) => at(rows[a][label]) - at(rows[b][label]));
  const xs = order.map((i) => at(rows[i][label]));
  const figures = values.flatMap((v) => rows.map((r) => r[v])).filter((v) => v !== null);
  const ticks = steps(Math.min(0, ...figures), Math.max(0, ...figures));
  const x = (t) => left + ((t - xs[0]) / (xs.at(-1) - xs[0] || 1)) * (width - left - right);
  const y = (v) => height - below - ((v - ticks[0]) / (ticks.at(-1) - ticks[0] || 1)) * (height - above - below);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "chart lines",
    "aria-label": `Lines: ${values.map((v) => columns[v]).join(", ")} by ${columns[label]}, ${rows.length} points; the table says the same` });
  for (const tick of ticks) {
    const text = svg("text", { x: left - 8, y: y(tick), class: "amount", "text-anchor": "end" });
    text.textContent = compact(tick);
    picture.append(svg("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: tick === 0 ? "axis" : "grid" }), text);
  }
  const dates = types[label].startsWith("timestamp") ? "date32" : types[label];
  const named = (i) => (dates === "date32" ? String(rows[i][label]).slice(0, 10) : shown(rows[i][label], types[label]));
  const marks = Math.min(Math.max(2, Math.floor((width - left - right) / 105)), order.length);
  for (let m = 0; m < marks; m++) {
    const place = Math.round((m * (order.length - 1)) / (marks - 1 || 1));
    const text = svg("text", { x: x(xs[place]), y: height - 12, class: "name", "text-anchor": m === 0 ? "start" : m === marks - 1 ? "end" : "middle" });
    text.textContent = named(order[place]);
    picture.append(text);
  }
  values.forEach((value, which) => {
    let path = "", down = false;
    order.forEach((i, place) => {
      const v = rows[i][value];
      if (v === null) down = false; // a gap is a gap
      else {
        path += `${down ? "L" : "M"}${x(xs[place]).toFixed(1)} ${y(v).toFixed(1)}`;
        down = true;
      }
    });
    picture.append(svg("path", { d: path, class: `line c${which}` }));
    if (order.length <= 60) order.forEach((i, place) => {
      if (rows[i][value] === null) return;
      const title = svg("title");
      title.textContent = `${shown(rows[i][label], types[label])}: ${columns[value]} ${shown(rows[i][value], types[value])}`;
      const dot = svg("circle", { cx: x(xs[place]), cy: y(rows[i][value]), r: 3.5, class: `dot c${which}` }, title);
      dot.addEventListener("pointerenter", () => lit(i + 1, true));
      dot.addEventListener("pointerleave", () => lit(i + 1, false));
      picture.append(dot);
    });
  });
  return picture;
}

/** The names of the lines, where there are several. */
export function legend(result) {
  const what = shape(result);
  return what?.kind === "series" ? what.values.map((v) => result.columns[v]) : [];
}

/** About five round figures from at most the lowest to at least the highest. */
export function steps(low, high) {
  const rough = (high - low || 1) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((s) => s * unit >= rough) * unit;
  const first = Math.floor(low / step), last = Math.ceil(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

const compact = (v) => (Math.abs(v) < 10000 ? number(v, Number.isInteger(v) ? "int64" : "double") : new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(v));
const clipped = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);
