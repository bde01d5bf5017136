// The page at /operator: why an answer was slow, which systems fail, how old the copies are.

import { waterfall } from "./answer.js";
import { $, clock, h, plural, span, theme } from "./dom.js";
import { get } from "./server.js";

const PHASES = { waiting: "waiting for a turn", question: "reading the question", model: "the model writes", sources: "reading the systems", phrasing: "phrasing the answer" };
const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(100 * share)} %`);
const open = new Set();

function draw(state) {
  $("when").textContent = `as of ${clock(state.now)}, since ${clock(state.started)}`;
  const done = state.questions.filter((q) => q.state === "answered" || q.state === "refused");
  const times = done.map((q) => q.seconds).sort((a, b) => a - b);
  const figure = (name, value, about) => h("div", {}, h("dt", {}, name), h("dd", {}, value, about && h("span", { class: "faint" }, about)));
  const reads = state.sources.reduce((n, s) => n + s.reads, 0);
  const copies = state.sources.reduce((n, s) => n + (s.modes.cache ?? 0) + (s.modes.replica ?? 0), 0);
  $("figures").replaceChildren(
    figure("Questions", plural(state.questions.length, "question").split(" ")[0], `${state.waiting} waiting`),
    figure("Half within", times.length ? span(times[Math.floor((times.length - 1) / 2)]) : "–", times.length ? `slowest ${span(times.at(-1))}` : ""),
    figure("Queries", state.results.toLocaleString("en"), `${plural(reads, "read")} of systems`),
    figure("From copies", percent(reads ? copies / reads : null), state.cache ? `${plural(state.cache.entries, "fragment")}, ${(state.cache.bytes / 1e6).toFixed(1)} MB` : "no cache"),
    figure("Systems", `${state.sources.filter((s) => s.ok).length} of ${state.sources.length}`, "answer"),
  );
  questions(state.questions);
  queries(state.queries);
  sources(state.sources);
  replicas(state.copies);
}

function questions(list) {
  if (!list.length) return $("questions").replaceChildren(h("p", { class: "faint" }, "Nobody has asked yet since this server started."));
  $("questions").replaceChildren(h("p", { class: "legend" }, Object.entries(PHASES).map(([phase, name]) => h("span", { class: `key ${phase}` }, name))), ...list.map(one));
}

function one(question) {
  const phases = Object.keys(PHASES).map((phase) => [phase, question.spent.filter((s) => s.phase === phase).reduce((sum, s) => sum + s.seconds, 0)]);
  const [most, seconds] = phases.reduce((a, b) => (b[1] > a[1] ? b : a));
  const stack = h("span", { class: "stack", aria: { hidden: "true" } }, phases.filter(([, s]) => s > 0).map(([phase, s]) => {
    const part = h("span", { class: phase });
    part.style.flexGrow = 1000 * (s / (question.seconds || 1));
    return part;
  }));
  const running = question.state === "running" || question.state === "waiting";
  const why = question.error || question.problems.length ? [question.error, ...question.problems].filter(Boolean).join("; ") : seconds > 0 ? `${span(seconds)} of ${span(question.seconds)}: ${PHASES[most]}${slowest(question, most)}` : "";
  const fold = h("details", { class: `asked ${question.state}`, open: open.has(question.id), on: { toggle: () => (fold.open ? open.add(question.id) : open.delete(question.id)) } },
    h("summary", {},
      h("span", { class: "text", dir: "auto" }, question.question),
      h("span", { class: "faint" }, `${question.who} · ${clock(question.at)}`),
      h("span", { class: `badge ${question.state}` }, question.state),
      h("span", { class: "took" }, span(question.seconds), running && " so far"),
      stack,
      h("span", { class: question.error || question.problems.length ? "why bad" : "why" }, why)),
    question.trace ? waterfall(question.trace.spans.map(span_of), question.trace.seconds) : waterfall(question.spent, question.seconds));
  if (question.sources.length) fold.append(table(["system", "read", "#rows", "#requests", "#seconds", "as of", "complete"],
    question.sources.map((s) => [s.source, `${s.entities.join(", ")} (${s.mode})`, s.rows, s.requests, span(s.seconds), clock(s.as_of), s.complete ? "yes" : s.incomplete.join("; ")])));
  if (question.sql) fold.append(h("pre", { dir: "ltr" }, question.sql));
  fold.append(h("p", { class: "faint" }, question.id));
  return fold;
}

const PHASE_OF = { model: "model", load: "model", decode: "model", scan: "sources", request: "sources", query: "sources", plan: "question", catalog: "question", discover: "sources", join: "sources", wait: "waiting" };

/** A span of the trace as a line of the waterfall. */
function span_of({ name, depth, start, seconds, attributes: a, error }) {
  const about = [error, a.model, a.entity ?? a.source, a.system, a.operation, a.address, a.reason,
    a.input_tokens !== undefined && `${a.input_tokens} tokens read, ${a.output_tokens} written`,
    a.rows !== undefined && plural(a.rows, "row"), a.mode, a.status].filter(Boolean).join(" · ");
  return { step: name, about, depth, from: start, seconds, error, phase: PHASE_OF[name] ?? "question" };
}

/** Which system took longest, where systems took longest. */
function slowest(question, phase) {
  const source = question.sources.reduce((a, s) => (a === null || s.seconds > a.seconds ? s : a), null);
  return phase === "sources" && source ? `, ${source.source} for ${span(source.seconds)}` : "";
}

function queries(list) {
  if (!list.length) return $("queries").replaceChildren(h("p", { class: "faint" }, "No program has queried yet since this server started."));
  $("queries").replaceChildren(table(["last", "#times", "who", "query", "#last took", "#slowest", "#rows", "read", "what went wrong"],
    list.map((q) => [clock(q.at), q.times.toLocaleString("en"), q.who, h("code", { class: "clip", title: q.sql, dir: "ltr" }, q.sql), span(q.seconds), span(q.slowest), q.rows ?? "–",
      Object.entries(q.modes).map(([source, mode]) => `${source} ${mode}`).join(", "), h("span", { class: "bad" }, q.error)])));
}

function sources(list) {
  $("sources").replaceChildren(table(["system", "state", "#reads", "#from copies", "#rows", "#requests", "#mean", "#slowest", "#quota left", "failures"],
    list.map((s) => [
      h("b", {}, s.source),
      h("span", { class: s.ok ? "good" : "bad", title: s.message }, s.ok ? "✓\u00a0answers" : `! ${s.message}`),
      s.reads.toLocaleString("en"), percent(s.from_copies), s.rows.toLocaleString("en"), s.requests.toLocaleString("en"),
      s.reads ? span(s.seconds / s.reads) : "–", s.reads ? span(s.slowest) : "–",
      s.quota ? `${s.quota.left?.toLocaleString("en") ?? "?"} of ${s.quota.allowed?.toLocaleString("en") ?? "?"}${s.quota.paused ? `, paused for ${span(s.quota.paused)}` : ""}` : "–",
      s.failures ? h("span", { class: "bad", title: s.error }, `${s.failures}, last ${clock(s.error_at)}: ${s.error}`) : "none",
    ])));
}

function replicas(list) {
  if (!list.length) return $("copies").replaceChildren(h("p", { class: "faint" }, "No copies are kept. See docs/replicas.md."));
  $("copies").replaceChildren(table(["entity", "state", "as of", "#lag", "#rows", "last error"],
    list.map((c) => [h("b", {}, c.entity), c.mode, c.as_of ? clock(c.as_of) : "never", c.lag === null ? "–" : span(c.lag), c.rows?.toLocaleString("en") ?? "–", h("span", { class: "bad" }, c.last_error ?? "")])));
}

/** A table; the columns whose heads begin with # are of figures. */
function table(heads, rows) {
  const figures = heads.map((n) => (n.startsWith("#") ? "number" : ""));
  return h("div", { class: "scroller", tabIndex: 0, role: "region", aria: { label: heads[0] } },
    h("table", {}, h("thead", {}, h("tr", {}, heads.map((n, i) => h("th", { scope: "col", class: figures[i] }, n.replace("#", ""))))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map((v, i) => h("td", { class: figures[i] }, v)))))));
}

async function look() {
  try {
    draw(await get("/operator/state"));
    $("trouble").hidden = true;
  } catch (error) {
    $("trouble").textContent = error.message;
    $("trouble").hidden = false;
  }
}

theme($("theme"));
await look();
setInterval(() => $("live").checked && document.visibilityState === "visible" && look(), 3000);
