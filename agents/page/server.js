// Requests to this server, with the token of this tab, and the events of an answer.

import { $ } from "./dom.js";

const MOST = 200;

/** What the server says is wrong, in its words. */
export class Refused extends Error {
  constructor(status, told) {
    super(told?.message ?? "The server does not answer as it should.");
    this.status = status;
    this.code = told?.code ?? "";
  }
}

const carried = new URLSearchParams(location.hash.slice(1)).get("token");
if (carried) {
  sessionStorage.setItem("token", carried);
  history.replaceState(null, "", location.pathname);
}

let knocking = null;

/** The token of this tab; asks for it where there is none, once for all who wait. */
function token(why) {
  const known = sessionStorage.getItem("token");
  if (known) return Promise.resolve(known);
  knocking ??= knock(why).finally(() => (knocking = null));
  return knocking;
}

function knock(why) {
  const door = $("door");
  $("door-why").textContent = why;
  $("door-why").hidden = !why;
  return new Promise((resolve) => {
    const enter = () => {
      const given = $("token").value.trim();
      if (!given) return;
      sessionStorage.setItem("token", given);
      $("token").value = "";
      $("knock").removeEventListener("submit", enter);
      resolve(given);
    };
    $("knock").addEventListener("submit", enter);
    door.addEventListener("cancel", (event) => event.preventDefault());
    if (!door.open) door.showModal();
  });
}

/** A request; asks for another token where this one is not accepted. */
export async function send(path, { method = "GET", body, accept, signal } = {}) {
  let why = "";
  for (;;) {
    const mine = await token(why);
    const headers = { Authorization: `Bearer ${mine}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (accept) headers.Accept = accept;
    let response;
    try {
      response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, { message: "The server does not answer. It may have ended, or the network is down.", code: "gone" });
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    if (response.status !== 401) throw new Refused(response.status, told.error);
    if (sessionStorage.getItem("token") === mine) sessionStorage.removeItem("token");
    why = "This token is not accepted.";
  }
}

export const get = async (path) => (await send(path)).json();

/** Ask after earlier turns `[question, text, ground]`, and tell of each event: `(kind, told)`; gives `{text, proof}`. */
export async function ask(question, turns, maxAge, tell, signal) {
  const earlier = turns.slice(-MOST).flatMap(([asked, said, ground]) => [{ role: "user", content: asked }, { role: "assistant", content: said, ...(ground && { groundwire: ground }) }]);
  const body = {
    model: "groundwire",
    stream: true,
    messages: [...earlier, { role: "user", content: question }],
    groundwire: { progress: true, ...(maxAge && { max_age: maxAge }) },
  };
  const response = await send("/v1/chat/completions", { method: "POST", body, signal });
  let rest = "";
  let text = "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, { message: "The connection broke before the answer was there.", code: "gone" });
    });
    const lines = (rest + decoder.decode(value ?? new Uint8Array(), { stream: !done })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const chunk = JSON.parse(line.slice(6));
      if (chunk.error) throw new Refused(200, chunk.error);
      if (chunk.groundwire?.event) tell(chunk.groundwire.event, chunk.groundwire.told);
      else {
        text += chunk.choices[0]?.delta.content ?? "";
        if (chunk.groundwire) return { text, proof: chunk.groundwire };
      }
    }
    if (done) throw new Refused(0, { message: "The answer broke off.", code: "gone" });
  }
}
