// A result as a table that one can sort, walk through and keep.

import { h, isNumber, isTime, plural, save, shown } from "./dom.js";

/** A table of `{columns, types, rows}`; `tools` stand over it. Gives the element and a way to light a cell up. */
export function table(result, { tools = [], label = "Result" } = {}) {
  const { columns, types, rows } = result;
  let order = rows.map((_, index) => index);
  let sorted = null;
  const body = h("tbody");
  const heads = columns.map((name, column) => {
    const button = h("button", { type: "button", on: { click: () => sort(column) } }, h("bdi", {}, name), h("span", { class: "arrow", aria: { hidden: "true" } }));
    return h("th", { scope: "col", class: isNumber(types[column]) ? "number" : "", title: `${name} (${types[column]})` }, button);
  });

  function sort(column) {
    const down = sorted?.column === column ? !sorted.down : isNumber(types[column]);
    sorted = { column, down };
    const sign = down ? -1 : 1;
    order = order.toSorted((a, b) => {
      const [x, y] = [rows[a][column], rows[b][column]];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const less = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: !isTime(types[column]) });
      return less ? sign * less : a - b;
    });
    heads.forEach((head, index) => head.setAttribute("aria-sort", index === column ? (down ? "descending" : "ascending") : "none"));
    fill();
  }

  function fill() {
    body.replaceChildren(
      ...order.map((index) =>
        h("tr", { data: { row: index + 1 } }, rows[index].map((value, column) =>
          h("td", { class: [isNumber(types[column]) ? "number" : isTime(types[column]) ? "time" : "", value === null ? "null" : ""].join(" ").trim(), data: { column: columns[column] } }, shown(value, types[column])),
        )),
      ),
    );
  }

  fill();
  const scroller = h("div", { class: "scroller", tabIndex: 0, role: "region", aria: { label: `${label}, ${plural(rows.length, "row")}` } },
    h("table", {}, h("thead", {}, h("tr", {}, heads)), body));
  const element = h("div", { class: "result" }, h("div", { class: "over" }, tools), scroller);
  const cell = (row, column) => [...(body.querySelector(`tr[data-row="${row}"]`)?.cells ?? [])].find((td) => td.dataset.column === column);
  const light = (row, column, on) => cell(row, column)?.classList.toggle("lit", on);
  return { element, cell, light };
}

/** Lines of CSV for a spreadsheet: text that it would take for a formula begins with an apostrophe. */
export function csv({ columns, rows }) {
  const text = (value) => {
    if (value === null || value === undefined) return "";
    let told = typeof value === "object" ? JSON.stringify(value) : String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(told)) told = `'${told}`;
    return /[",\r\n]/.test(told) ? `"${told.replaceAll('"', '""')}"` : told;
  };
  return [columns, ...rows].map((row) => row.map(text).join(",") + "\r\n").join("");
}

/** Keep what is shown, and say in the file itself if it is not all. */
export function keep(result, kind) {
  const stamp = (result.as_of ?? new Date().toISOString()).slice(0, 19).replaceAll(":", "-");
  const missing = result.complete ? [] : result.incomplete;
  if (kind === "json") save(`groundwire-${stamp}.json`, "application/json", [JSON.stringify(result, null, 1)]);
  else save(`groundwire-${stamp}.csv`, "text/csv", ["\ufeff", csv(result), ...missing.map((why) => `"# INCOMPLETE: ${why.replaceAll('"', '""')}"\r\n`)]);
}
