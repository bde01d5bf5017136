// The page at /: a question, what is done for it, its answer, and the ones before.

import { answerCard } from "./answer.js";
import { $, h, plural, span, theme } from "./dom.js";
import { ask, get, Refused } from "./server.js";

const MOST = 40;
const HELP = {
  crowded: "Many people ask just now. Try again in a minute.",
  took_too_long: "Ask for less, or for a shorter period.",
  source_unavailable: "The system may be back in a moment. The operator's page says more.",
  model: "The operator can fetch the weights with: groundwire model pull",
};
let kept = [];
let turns = []; // of the conversation that is shown: each question with its answer's text, and its query
let running = null;
let current = null;

// -- asking ---------------------------------------------------------------------------------------

async function put(question) {
  running?.abort();
  const mine = (running = new AbortController());
  const activity = progress(question, () => mine.abort());
  const before = turns;
  show(thread(before), activity.element);
  mark(null);
  $("send").disabled = true;
  say("Working on it");
  try {
    const { text, proof } = await ask(question, before, $("age").value, activity.tell, mine.signal);
    remember({ question, text, proof, before, at: Date.now() });
    open(kept[0]);
    say(`${text} ${proof.refused || proof.complete === null ? "" : proof.complete ? "Complete." : "Not complete."}`);
    if (document.activeElement === box) box.select();
  } catch (error) {
    if (running !== mine) return;
    if (error.name === "AbortError") show(thread(before), notice(question, "Stopped", "Nothing was answered.", ""));
    else show(thread(before), notice(question, "No answer", error.message, HELP[error.code] ?? ""));
    if (!(error instanceof Refused) && error.name !== "AbortError") console.error(error);
  } finally {
    activity.end();
    if (running === mine) {
      running = null;
      $("send").disabled = false;
    }
  }
}

/** What is done for a question, while it is done. */
function progress(question, stop) {
  const began = performance.now();
  const steps = h("ol", { class: "steps" });
  const draft = h("pre", { class: "draft", hidden: true, dir: "ltr" });
  const clock = h("span", { class: "took" });
  const tick = setInterval(() => (clock.textContent = span((performance.now() - began) / 1000)), 100);
  let last = null;
  const add = (text, kind = "") => {
    last?.classList.remove("now");
    last = h("li", { class: `now ${kind}`, dir: "auto" }, text);
    steps.append(last);
  };
  const reads = new Map();
  const tell = (kind, told) => {
    if (kind === "waiting") {
      const text = `${told === 1 ? "Next" : `Number ${told}`} in the queue for the model`;
      if (last?.classList.contains("queue")) last.textContent = text;
      else add(text, "queue");
      say(text);
    } else if (kind === "entities") add(h("span", {}, "Looking at ", ...told.split(", ").flatMap((e, i) => [i ? ", " : "", h("b", {}, e)])));
    else if (kind === "step") {
      add(`${told[0].toUpperCase()}${told.slice(1)}`);
      draft.hidden = true;
      say(told);
    } else if (kind === "source") {
      const read = /^read ([\d,]+ rows?) of (.+) in ([\d.]+ s)$/.exec(told);
      const name = read?.[2] ?? told.replace(/^reading /, "");
      const item = reads.get(name) ?? h("li", { class: "source" });
      if (!reads.has(name)) steps.append(item);
      reads.set(name, item);
      item.replaceChildren(read ? h("span", {}, "Read ", h("b", {}, name), ` · ${read[1]} in ${read[3]}`) : h("span", {}, "Reading ", h("b", {}, name)));
      item.classList.toggle("now", !read && told.startsWith("reading"));
    } else if (kind === "sql" || kind === "text") {
      draft.hidden = !told;
      draft.textContent = told;
    }
  };
  const element = h("article", { class: "card working", aria: { busy: "true" } }, h("h2", { dir: "auto" }, question),
    h("div", { class: "row" }, h("span", { class: "pulse", aria: { hidden: "true" } }), clock, h("button", { type: "button", class: "quiet", on: { click: stop } }, "Stop")), steps, draft);
  return { element, tell, end: () => clearInterval(tick) };
}

function notice(question, title, why, help) {
  return h("article", { class: "card failed" }, h("h2", { dir: "auto" }, question),
    h("div", { class: "banner bad", role: "alert" }, h("strong", {}, title), h("p", { dir: "auto" }, why), help && h("p", { class: "faint" }, help)),
    h("p", {}, h("button", { type: "button", on: { click: () => put(question) } }, "Ask again")));
}

const show = (...elements) => $("stage").replaceChildren(...elements.filter(Boolean));
const say = (text) => ($("spoken").textContent = text);

// -- the conversation -----------------------------------------------------------------------------

/** What was said before, in this conversation. */
function thread(before) {
  if (!before.length) return null;
  return h("ol", { class: "thread", tabIndex: 0, aria: { label: "Earlier in this conversation" } },
    before.map(([asked, said]) => h("li", {}, h("span", { class: "faint", dir: "auto" }, asked), h("span", { dir: "auto" }, said))));
}

/** An answer, with the conversation that it was given in, which goes on from there. */
function open(item) {
  const before = item.before ?? [];
  const { refused, sql, understood } = item.proof;
  turns = [...before, [item.question, item.text, sql && !refused ? { question: understood || item.question, sql } : null]];
  $("fresh").hidden = false;
  const shown = thread(before);
  show(shown, answerCard(item.question, item.text, item.proof, put));
  if (shown) shown.scrollTop = shown.scrollHeight;
  mark(item);
}

function fresh() {
  running?.abort();
  running = null;
  turns = [];
  $("send").disabled = false;
  $("fresh").hidden = true;
  mark(null);
  begin();
}

// -- history --------------------------------------------------------------------------------------

function remember(item) {
  const same = (k) => k.question === item.question && JSON.stringify(k.before ?? []) === JSON.stringify(item.before);
  kept = [item, ...kept.filter((k) => !same(k))].slice(0, MOST);
  store();
  list();
}

function store() {
  for (let count = kept.length; count >= 0; count--) {
    try {
      sessionStorage.setItem("history", JSON.stringify(kept.slice(0, count)));
      return;
    } catch {
      continue; // the browser keeps no more: the oldest go
    }
  }
}

function list() {
  $("earlier").replaceChildren(...kept.map((item) => {
    const again = () => {
      running?.abort();
      running = null;
      $("send").disabled = false;
      $("question").value = item.question;
      fit();
      open(item);
      if (matchMedia("(max-width: 60rem)").matches) $("history").open = false;
    };
    const state = item.proof.refused ? "no answer" : item.proof.options?.length ? "asked back" : item.proof.complete ? "" : "not complete";
    return h("li", {}, h("button", { type: "button", data: { at: item.at }, on: { click: again } }, h("span", { class: "asked", dir: "auto" }, item.question),
      h("span", { class: "faint" }, new Date(item.at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }), state && ` · ${state}`)));
  }));
  $("nothing").hidden = kept.length > 0;
  $("forget").hidden = kept.length === 0;
}

function mark(item) {
  current = item;
  for (const button of $("earlier").querySelectorAll("button")) {
    if (item && button.dataset.at === String(item.at)) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

// -- beginning ------------------------------------------------------------------------------------

async function begin() {
  show(h("p", { class: "faint", aria: { busy: "true" } }, "Asking which systems are connected …"));
  let state, found;
  try {
    [state, found] = await Promise.all([get("/status"), get("/entities?limit=500")]);
  } catch (error) {
    show(h("div", { class: "banner bad", role: "alert" }, h("strong", {}, "The connected systems can't be shown"), h("p", {}, error.message)));
    return;
  }
  $("systems").replaceChildren(...state.sources.map((s) => h("li", { class: s.ok ? "ok" : "bad", title: `${s.type}: ${s.message}` }, h("span", { class: "dot", aria: { hidden: "true" } }), s.source,
    h("span", { class: "hidden" }, s.ok ? " answers" : " does not answer"))));
  if (current || running) return;
  const down = state.sources.filter((s) => !s.ok);
  const entities = found.entities;
  const many = entities.filter((e) => e.rows).sort((a, b) => b.rows - a.rows);
  const told = (e) => (e.label || e.entity.split(".").at(-1)).replaceAll("_", " ").toLowerCase();
  const ideas = [...new Set((many.length ? many : entities).map(told).filter((n) => n.length < 30))].slice(0, 3).map((n) => `How many ${n} are there?`);
  show(h("div", { class: "empty" },
    h("p", { class: "lead" }, "What would you like to know?"),
    h("p", { class: "faint" }, `${plural(entities.length, "kind")} of records in ${plural(state.sources.length, "system")}. Every figure of an answer leads to the cell and the system that it comes from.`),
    ideas.length > 0 && h("ul", { class: "ideas", aria: { label: "Suggestions" } }, ideas.map((q) => h("li", {}, h("button", { type: "button", class: "quiet", on: { click: () => { $("question").value = q; fit(); put(q); } } }, q)))),
    down.length > 0 && h("div", { class: "banner bad", role: "alert" }, h("strong", {}, `${down.map((s) => s.source).join(", ")} ${down.length === 1 ? "does" : "do"} not answer`), h("ul", {}, down.map((s) => h("li", {}, s.message))))));
}

const box = $("question");
const fit = () => {
  box.style.blockSize = "auto";
  box.style.blockSize = `${Math.min(box.scrollHeight + 2, 220)}px`;
};
box.addEventListener("input", fit);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (question) put(question);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) running.abort();
  const typing = event.target.matches?.("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});
$("forget").addEventListener("click", () => {
  kept = [];
  sessionStorage.removeItem("history");
  list();
  fresh();
});
$("fresh").addEventListener("click", () => {
  box.value = "";
  fit();
  fresh();
  box.focus();
});

theme($("theme"));
try {
  kept = JSON.parse(sessionStorage.getItem("history") ?? "[]");
} catch {
  kept = [];
}
list();
$("history").open = matchMedia("(min-width: 60rem)").matches;
begin().then(() => get("/operator/may")).then((may) => ($("operator").hidden = !may.operator), () => {});
box.focus();
