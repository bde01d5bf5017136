// An answer with its proof: the sentence whose figures light up their cells, how true it is, table, chart, and how it came about.

import { chart, legend } from "./chart.js";
import { h, plural, save, span, when } from "./dom.js";
import { send } from "./server.js";
import { keep, table } from "./table.js";

const MODES = { live: "live", cache: "from an earlier read", replica: "from the copy" };

/** The words of an answer; of a question back without its options, which are buttons. */
const words = (text, proof) => (proof.options?.length ? text.split("\n1. ")[0] : text);

/** The card of an answer; `choose` is called with the reading that is chosen, where some are offered. */
export function answerCard(question, text, proof, choose) {
  const card = h("article", { class: proof.refused ? "card refused" : "card" });
  const { understood = "", assumptions = [], options = [] } = proof;
  const result = proof.refused ? null : proof.result;
  const grid = result && result.rows.length ? table(result, { tools: tools(result), label: "Result" }) : null;
  const chips = new Map((proof.result?.sources ?? []).map((s) => [s.source, chip(s)]));
  card.append(h("div", {}, h("h2", { dir: "auto" }, question), understood && h("p", { class: "understood", dir: "auto" }, h("span", { class: "faint" }, "Understood as: "), understood)),
    sentence(words(text, proof), proof, grid, chips));
  if (options.length) card.append(h("ul", { class: "options", aria: { label: "Readings to choose from" } }, options.map((o) => h("li", {}, h("button", { type: "button", class: "quiet", on: { click: () => choose(o) } }, h("bdi", {}, o))))));
  if (assumptions.length) card.append(h("div", { class: "banner", role: "note" }, h("strong", {}, "Assumed"), h("ul", {}, assumptions.map((a) => h("li", { dir: "auto" }, a)))));
  if (result) card.append(truth(result, chips));
  if (proof.refused && proof.problems.length) {
    card.append(h("div", { class: "banner bad", role: "alert" }, h("strong", {}, "What went wrong"), h("ul", {}, proof.problems.map((p) => h("li", { dir: "auto" }, p)))));
  }
  if (result) {
    const warned = [...result.incomplete, ...result.old, ...result.notes];
    const bad = !result.complete || result.stale;
    if (warned.length) card.append(h("div", { class: bad ? "banner bad" : "banner", role: bad ? "alert" : "note" },
      h("strong", {}, result.complete ? (result.stale ? "Older than asked for" : "To be known") : "Not complete"), h("ul", {}, warned.map((w) => h("li", { dir: "auto" }, w)))));
    const drawn = chart(result, (row, on) => grid?.element.querySelector(`tr[data-row="${row}"]`)?.classList.toggle("lit", on));
    if (drawn) {
      const names = legend(result);
      card.append(h("figure", {}, drawn, names.length > 1 && h("figcaption", { class: "legend" }, names.map((n, i) => h("span", { class: `key c${i}` }, h("bdi", {}, n))))));
    }
    if (grid) card.append(grid.element);
    else card.append(h("p", { class: "faint" }, "The result has no rows."));
  }
  card.append(behind(proof));
  return card;
}

/** The words of the answer; each figure that stands in a cell is a button that shows it. */
function sentence(text, proof, grid, chips) {
  const line = h("p", { class: "said", dir: "auto" });
  let place = 0;
  for (const cited of proof.refused ? [] : proof.citations) {
    const found = text.indexOf(cited.text, place);
    if (found < 0) continue;
    line.append(text.slice(place, found));
    const where = `row ${cited.row}, ${cited.column}, from ${cited.sources.join(" and ")}`;
    const light = (on) => {
      grid?.light(cited.row, cited.column, on);
      for (const name of cited.sources) chips.get(name)?.classList.toggle("lit", on);
    };
    const show = () => {
      const cell = grid?.cell(cited.row, cited.column);
      cell?.scrollIntoView({ block: "center", inline: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    };
    line.append(h("button", { type: "button", class: "cite", title: where, aria: { label: `${cited.text}: ${where}` },
      on: { pointerenter: () => light(true), pointerleave: () => light(false), focus: () => light(true), blur: () => light(false), click: show } }, h("bdi", {}, cited.text)));
    place = found + cited.text.length;
  }
  line.append(text.slice(place));
  return line;
}

/** Whether it is complete, as of when it is true, and where it comes from; said in words, not by colour alone. */
function truth(result, chips) {
  const oldest = result.sources.reduce((a, s) => (a === null || s.age > a.age ? s : a), null);
  const complete = result.complete
    ? h("span", { class: "fact good" }, mark("✓"), "Complete")
    : h("span", { class: "fact bad" }, mark("!"), "Not complete");
  const age = result.as_of && h("span", { class: result.stale ? "fact bad" : "fact" }, mark("◷"), h("span", {}, "As of ", when(result.as_of)),
    oldest && oldest.mode !== "live" && h("span", { class: "faint" }, ` · ${span(oldest.age)} old`));
  return h("div", { class: "truth" }, complete, age, h("span", { class: "chips" }, [...chips.values()]));
}

const mark = (sign) => h("span", { class: "mark", aria: { hidden: "true" } }, sign);

function chip(source) {
  const limited = source.limited_to ? `, limited to what ${source.limited_to} may see` : "";
  const title = `${source.entities.join(", ")}: ${plural(source.rows, "row")} read ${MODES[source.mode] ?? source.mode} in ${span(source.seconds)}${limited}`;
  return h("span", { class: `chip ${source.mode}${source.complete ? "" : " bad"}`, title }, h("b", {}, source.source), ` ${MODES[source.mode] ?? source.mode}${source.complete ? "" : ", not complete"}`,
    h("span", { class: "hidden" }, `: ${title}`));
}

function tools(result) {
  const more = result.row_count > result.rows.length;
  const told = more ? `The first ${result.rows.length} of ${plural(result.row_count, "row")}` : plural(result.row_count, "row");
  const all = more && h("button", { type: "button", class: "quiet", title: "Asks the systems again for every row", on: { click: (event) => everything(result, event.target) } }, "All rows as CSV");
  return [
    h("span", { class: "faint" }, told),
    h("span", { class: "buttons" }, all,
      h("button", { type: "button", class: "quiet", on: { click: () => keep(result, "csv") } }, "CSV"),
      h("button", { type: "button", class: "quiet", on: { click: () => keep(result, "json") } }, "JSON")),
  ];
}

async function everything(result, button) {
  button.disabled = true;
  try {
    const response = await send("/query", { method: "POST", accept: "text/csv", body: { sql: result.query, limit: 1_000_000 } });
    save("groundwire.csv", "text/csv", [await response.blob()]);
  } catch (error) {
    button.title = error.message;
    button.textContent = error.message;
  }
  button.disabled = false;
}

/** How the answer came about: what took how long, the query, what each system was asked, the plan. */
function behind(proof) {
  const total = proof.spent.length ? Math.max(...proof.spent.map((s) => s.from + s.seconds)) : proof.seconds;
  const fold = h("details", { class: "behind" }, h("summary", {}, `How this came about · ${span(total)}`));
  fold.append(h("h3", {}, "Where the time went"), waterfall(proof.spent, total));
  if (proof.changes?.length) fold.append(h("h3", {}, "What is different from the question before"), h("ul", {}, proof.changes.map((c) => h("li", { dir: "auto" }, c))));
  if (proof.sql) fold.append(h("h3", {}, "The query"), code(proof.sql));
  for (const source of proof.result?.sources ?? []) {
    if (source.native.length) fold.append(h("h3", {}, `What ${source.source} was asked`), ...source.native.map(code));
  }
  if (proof.result) {
    const plan = h("div", {}, h("p", { class: "faint" }, "…"));
    fold.append(h("h3", {}, "The plan"), plan);
    fold.addEventListener("toggle", async () => {
      try {
        const told = await (await send("/explain", { method: "POST", body: { sql: proof.result.query } })).json();
        plan.replaceChildren(code(told.plan));
      } catch (error) {
        plan.replaceChildren(h("p", { class: "faint" }, error.message));
      }
    }, { once: true });
  }
  const { input = 0, cached = 0, output = 0 } = proof.tokens ?? {};
  if (input) fold.append(h("p", { class: "faint" }, `The model read ${plural(input, "token")}${cached ? `, ${cached.toLocaleString("en")} of them known from before,` : ""} and wrote ${output.toLocaleString("en")}.`));
  return fold;
}

/** Bars of what was done, one below the other, each where it began; `depth` and `about` may be left out. */
export function waterfall(spent, total) {
  return h("ol", { class: "waterfall" }, spent.map((step) => {
    const name = h("span", { class: step.error ? "step bad" : "step", dir: "auto" }, step.step, step.about && h("span", { class: "faint" }, ` ${step.about}`));
    name.style.paddingInlineStart = `${(step.depth ?? 0) * 0.9}rem`;
    const bar = h("span", { class: `bar ${step.phase}` });
    bar.style.insetInlineStart = `${(100 * step.from) / (total || 1)}%`;
    bar.style.inlineSize = `${Math.max(0.4, (100 * step.seconds) / (total || 1))}%`;
    return h("li", {}, name, h("span", { class: "track", aria: { hidden: "true" } }, bar), h("span", { class: "took" }, span(step.seconds)));
  }));
}

function code(text) {
  const copy = h("button", { type: "button", class: "quiet copy", on: { click: async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  } } }, "Copy");
  return h("div", { class: "code" }, copy, h("pre", { tabIndex: 0, dir: "ltr" }, h("code", {}, text)));
}
