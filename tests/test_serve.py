"""Over HTTP, clients that nobody here wrote get what the hub gives, to whom it gives it, and words where it gives nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pyarrow as pa
import pytest
from chat_program import LARGEST, PER_SEGMENT, QUERY_PER_SEGMENT, UNKNOWN, ScriptedModel, open_hub
from langchain_openai import ChatOpenAI
from served import TOKEN, served
from test_cli_audit import Told
from test_mcp import _POLICY, ANN, ENDLESS, KEY, _folder

from groundwire import Hub
from groundwire.agents import serve_events
from groundwire.core.config import load
from groundwire.core.webhooks import sign

COMMAND = str(Path(sys.executable).parent / "groundwire")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shop and a CRM, and a model that follows its script."""
    with served(open_hub(tmp_path_factory.mktemp("shop") / "shop.sqlite"), ScriptedModel()) as found:
        yield found


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with client(address) as found:
        yield found


def client(address: str, token: str = TOKEN) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False)


@pytest.fixture
def official(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key=TOKEN, max_retries=0) as found:
        yield found


def _asked(question: str) -> list[Any]:
    return [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": question}]


# -- OpenAI's API -------------------------------------------------------------------------------


def test_the_official_client_gets_an_answer_with_its_proof(official: openai.OpenAI) -> None:
    assert [m.id for m in official.models.list()] == ["groundwire"]
    answer = official.chat.completions.create(model="groundwire", messages=_asked(PER_SEGMENT))
    assert answer.choices[0].message.content == "Small has 2 orders, large has 1."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None and answer.usage.total_tokens == 2024
    proof = (answer.model_extra or {})["groundwire"]
    assert proof["complete"] is True and proof["refused"] is False
    assert proof["sql"] == QUERY_PER_SEGMENT
    assert [(c["text"], c["row"], c["column"]) for c in proof["citations"]] == [("2", 1, "orders"), ("1", 2, "orders")]
    assert {s["source"] for s in proof["result"]["sources"]} == {"shop", "crm"}
    assert proof["result"]["rows"] == [["small", 2], ["large", 1]]


def test_a_stream_tells_the_steps_and_ends_with_the_proof(official: openai.OpenAI) -> None:
    stream = official.chat.completions.create(
        model="anything",
        messages=_asked(PER_SEGMENT),
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"groundwire": {"progress": True, "max_age": "0"}},
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Small has 2 orders, large has 1."
    told = [(c.model_extra or {}).get("groundwire", {}) for c in chunks]
    events = [(t["event"], t["told"]) for t in told if "event" in t]
    assert ("sql", QUERY_PER_SEGMENT) in events
    assert any(kind == "source" and "reading shop.orders" in said for kind, said in events)
    assert [t["sql"] for t in told if "sql" in t] == [QUERY_PER_SEGMENT]
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 2024


def test_without_progress_every_chunk_has_a_choice(http: httpx.Client) -> None:
    body = {"messages": _asked(LARGEST), "stream": True}
    lines = http.post("/v1/chat/completions", json=body).text.split("\n\n")
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert all(c["choices"] for c in chunks)
    assert ": sql: SELECT MAX(total) AS largest FROM orders" in lines
    assert lines[-2:] == ["data: [DONE]", ""]


def test_langchain_asks_as_it_asks_any_model(address: str) -> None:
    model = ChatOpenAI(base_url=f"{address}/v1", api_key=TOKEN, model="groundwire")  # type: ignore[arg-type]
    assert model.invoke(LARGEST).text == "The largest is 99.5."
    assert "".join(piece.text for piece in model.stream(LARGEST)) == "The largest is 99.5."


def test_a_refusal_is_an_answer_that_says_so(official: openai.OpenAI) -> None:
    answer = official.chat.completions.create(model="groundwire", messages=_asked(UNKNOWN))
    proof = (answer.model_extra or {})["groundwire"]
    assert proof["refused"] is True and proof["result"] is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"n": 2}, "one answer"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools of clients"),
        ({"messages": [{"role": "user", "content": " "}]}, "no question"),
        ({"extra_body": {"groundwire": {"max_age": "soon"}}}, "not an age"),
    ],
)
def test_what_cannot_be_given_is_refused_in_words(official: openai.OpenAI, more: dict[str, Any], words: str) -> None:
    with pytest.raises(openai.BadRequestError, match=words):
        official.chat.completions.create(**({"model": "groundwire", "messages": _asked(LARGEST)} | more))


# -- data ---------------------------------------------------------------------------------------


def _query(http: httpx.Client, sql: str, accept: str = "application/json", **more: Any) -> httpx.Response:
    return http.post("/query", json={"sql": sql, **more}, headers={"Accept": accept})


def test_a_result_is_json_arrow_or_csv_with_the_same_rows_and_proof(http: httpx.Client) -> None:
    sql = "SELECT id, name FROM customers ORDER BY id"
    as_json = _query(http, sql)
    told = as_json.json()
    assert told["rows"] == [[1, "Ada"], [2, "Bø"], [3, "山田"]]
    assert told["complete"] is True and told["sources"][0]["mode"] == "live"
    as_arrow = _query(http, sql, "application/vnd.apache.arrow.stream")
    with pa.ipc.open_stream(as_arrow.content) as stream:
        assert json.loads(stream.schema.metadata[b"groundwire"])["complete"] is True
        assert [list(r.values()) for r in stream.read_all().to_pylist()] == told["rows"]
    as_csv = _query(http, sql, "text/csv")
    assert as_csv.text == "id,name\r\n1,Ada\r\n2,Bø\r\n3,山田\r\n"
    for answer in (as_json, as_arrow, as_csv):
        assert answer.headers["Groundwire-Complete"] == "true"
        assert answer.headers["Groundwire-Rows"] == "3"
        assert answer.headers["Groundwire-As-Of"] >= "2026"


def test_what_is_cut_off_says_so_in_every_form(http: httpx.Client) -> None:
    sql = "SELECT id FROM customers ORDER BY id"
    told = _query(http, sql, limit=2)
    assert told.json()["truncated"] is True and told.json()["complete"] is False
    arrow = _query(http, sql, "application/vnd.apache.arrow.stream", limit=2)
    with pa.ipc.open_stream(arrow.content) as stream:
        assert json.loads(stream.schema.metadata[b"groundwire"])["truncated"] is True
    csv = _query(http, sql, "text/csv", limit=2)
    assert csv.text.splitlines()[-1] == "# INCOMPLETE: only the first 2 rows are shown; more exist"
    assert {a.headers["Groundwire-Truncated"] for a in (told, arrow, csv)} == {"true"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*, application/json;q=0.5", "text/csv"),
        ("text/html, application/vnd.apache.arrow.stream;q=0.1", "application/vnd.apache.arrow.stream"),
    ],
)
def test_the_accept_header_chooses(http: httpx.Client, accept: str, kind: str) -> None:
    assert _query(http, "SELECT 1 AS one", accept).headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sql": "SELECT nme FROM customers"}, 400, "unknown_name"),
        ({"sql": "DROP TABLE customers"}, 400, "not_allowed"),
        ({"sql": "SELECT 1", "max_age": "soon"}, 400, "query"),
        ({"sql": "SELECT 1", "limt": 5}, 422, "invalid"),
        ({}, 422, "invalid"),
    ],
)
def test_a_wrong_query_is_told_what_to_write(http: httpx.Client, body: Any, status: int, code: str) -> None:
    answer = http.post("/query", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_nothing_acceptable_is_406(http: httpx.Client) -> None:
    assert _query(http, "SELECT 1", "image/png").status_code == 406


def test_entities_are_listed_page_by_page_found_and_described(http: httpx.Client) -> None:
    first = http.get("/entities", params={"limit": 2}).json()
    assert [e["entity"] for e in first["entities"]] == ["crm.accounts", "shop.customers"]
    rest = http.get("/entities", params={"after": first["next"]}).json()
    assert [e["entity"] for e in rest["entities"]] == ["shop.orders"] and rest["next"] is None
    found = http.get("/entities", params={"search": "customers"}).json()
    assert found["entities"][0]["entity"] == "shop.customers"
    assert http.get("/entities/shop.orders").json()["fields"][0]["name"] == "id"
    unknown = http.get("/entities/shop.ordrs")
    assert unknown.status_code == 404
    assert "did you mean shop.orders" in unknown.json()["error"]["message"]


# -- who may ask, and from where ----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/models", "/entities", "/entities/x", "/status", "/operator/state"])
def test_nothing_is_told_without_a_token(address: str, path: str) -> None:
    for token in ("", "wrong", TOKEN + "x", "é"):
        headers = [(b"Authorization", f"Bearer {token}".encode())] if token else []
        answer = httpx.get(address + path, headers=headers, trust_env=False)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_name_for_this_server_is_refused(address: str, host: str) -> None:
    assert httpx.get(f"{address}/", headers={"Host": host}, trust_env=False).status_code == 421


def test_no_other_origin_may_read_answers(http: httpx.Client) -> None:
    answer = http.get("/status", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert http.options("/query", headers={"Origin": "https://evil.example"}).status_code == 405


def test_every_answer_carries_the_headers_that_browsers_need(address: str) -> None:
    for path in ("/", "/nothing", "/status"):
        answer = httpx.get(address + path, trust_env=False)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_body_has_a_largest_size_whether_it_says_how_long_it_is_or_not(http: httpx.Client) -> None:
    large = b"x" * 1_100_000
    assert http.post("/query", content=large).status_code == 413

    def parts() -> Iterator[bytes]:
        for start in range(0, len(large), 100_000):
            yield large[start : start + 100_000]

    with suppress(httpx.WriteError):  # the server has hung up
        assert http.post("/query", content=parts()).status_code == 413


# -- the command --------------------------------------------------------------------------------


@contextmanager
def _command(folder: Path) -> Iterator[tuple[str, list[str], subprocess.Popen[str]]]:
    """`groundwire serve` as a process: its address, what it says, the process."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GROUNDWIRE_CACHE": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    command = [COMMAND, "serve", "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = [process.stderr.readline()]
            found = re.search(r"http://\S+", said[0])
            assert found, said[0] + process.stderr.read()
            if "token" not in (folder / "groundwire.toml").read_text():
                said += [process.stderr.readline(), process.stderr.readline()]
            yield found[0], said, process
        finally:
            process.terminate()


def test_the_command_prints_a_token_and_keeps_it_for_the_next_start(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    tokens = []
    for _ in range(2):
        with _command(folder) as (address, said, process):
            token = said[1].removeprefix("token: ").strip()
            assert said[2].strip() == f"open {address}/#token={token}"
            until = time.monotonic() + 20
            while httpx.get(f"{address}/ready", trust_env=False).status_code != 200:
                assert time.monotonic() < until
            for sent, status in ((token, 200), (token[:-1], 401)):
                with client(address, sent) as http:
                    assert http.get("/status").status_code == status
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        tokens.append(token)
    assert tokens[0] == tokens[1]
    (kept,) = (folder / "state").rglob("serve-token-*")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_askers_see_what_their_policy_allows_and_nothing_of_others(tmp_path: Path) -> None:
    policy = (
        _POLICY.format(ann=ANN, key=KEY).replace("[mcp.tokens]", "[serve.tokens]") + 'fred = "fred-has-a-long-token"\n'
    )
    with _command(_folder(tmp_path, policy)) as (address, _, _process):
        seen = {}
        for token in (ANN, "fred-has-a-long-token"):
            with client(address, token) as http:
                told = _query(http, "SELECT id, country FROM customers ORDER BY id", max_age="1h").json()
                seen[token] = told["rows"]
                assert told["sources"][0]["limited_to"] in ("ann", "fred")
                assert _query(http, "SELECT name FROM customers").json()["error"]["code"] == "unknown_name"
                assert http.get("/operator/state").status_code == 403
        assert seen == {ANN: [[1, "DE"]], "fred-has-a-long-token": [[2, "FR"], [4, "FR"]]}


def test_an_event_that_is_signed_is_kept_and_applied(tmp_path: Path) -> None:
    secret = "a secret of this test's own"
    folder = _folder(tmp_path)
    text = (
        (folder / "groundwire.toml")
        .read_text()
        .replace("[sources.shop]", f'[sources.shop]\nwebhook = {{ kind = "hmac", secret = "{secret}" }}')
    )
    (folder / "groundwire.toml").write_text(text)
    config = load(folder / "groundwire.toml")
    with serve_events.receiving(config) as receiver:
        assert receiver is not None
        with served(Hub.from_parsed(config), ScriptedModel(), receiver=receiver) as address:
            body = json.dumps({"entity": "prices", "keys": [["pen", "DE"]]}).encode()
            stamp = str(int(time.time()))
            signed = {"X-Groundwire-Timestamp": stamp, "X-Groundwire-Signature": sign(secret, stamp, body)}
            url = f"{address}/events/shop"
            assert httpx.post(url, content=body, headers=signed, trust_env=False).json() == {}
            assert httpx.post(url, content=body + b" ", headers=signed, trust_env=False).status_code == 403
            assert (
                httpx.post(f"{address}/events/none", content=body, headers=signed, trust_env=False).status_code == 404
            )
            until = time.monotonic() + 10
            while receiver.inbox.waiting():
                assert time.monotonic() < until


# -- many askers --------------------------------------------------------------------------------


def _states(http: httpx.Client) -> list[str]:
    return [q["state"] for q in http.get("/operator/state").json()["questions"]]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_question_in_the_database_too(tmp_path: Path, stream: bool) -> None:
    hub = Hub.from_config(_folder(tmp_path) / "groundwire.toml")
    with served(hub, Told(steps=[ENDLESS])) as address, client(address) as http:
        body = {"messages": _asked("How many are there?"), "stream": stream}
        with suppress(httpx.ReadTimeout), http.stream("POST", "/v1/chat/completions", json=body, timeout=1.0) as answer:
            for line in answer.iter_lines():
                if "sql" in line:
                    break
        until = time.monotonic() + 10
        while _states(http) == ["running"] and time.monotonic() < until:
            time.sleep(0.05)
        assert _states(http) == ["stopped"]


def test_questions_wait_in_turn_and_are_told_their_place(tmp_path: Path) -> None:
    with served(open_hub(tmp_path / "shop.sqlite"), ScriptedModel()) as address:

        def place(question: str) -> list[str]:
            body = {"messages": _asked(question), "stream": True}
            with client(address) as http, http.stream("POST", "/v1/chat/completions", json=body) as answer:
                return [line for line in answer.iter_lines() if line.startswith((": waiting", "data: [DONE]"))]

        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(place, [PER_SEGMENT] * 4))
        assert all(lines[-1] == "data: [DONE]" for lines in told)
        firsts = sorted(lines[0] for lines in told)
        assert firsts[:3] == [": waiting: 1", ": waiting: 2", ": waiting: 3"]


def test_the_openapi_document_is_what_the_server_does(address: str, tmp_path: Path) -> None:
    """Schemathesis makes requests of the document, right ones and wrong ones, and judges the answers by it."""
    program = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{address}/openapi.json"]
    thorough = "GROUNDWIRE_EXAMPLES" in os.environ  # as `make contract` sets it
    more = ["--header", f"Authorization: Bearer {TOKEN}", "--no-color", "--request-timeout", "30"]
    more += ["--max-examples", os.environ.get("GROUNDWIRE_EXAMPLES", "8"), *([] if thorough else ["--seed", "1"])]
    # no schema can say which texts are queries, so that one that is none is refused with 400
    more += ["--exclude-checks", "positive_data_acceptance"]
    more += ["--phases", "examples,coverage,fuzzing,stateful" if thorough else "fuzzing"]
    done = subprocess.run([*program, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_table_that_is_read_again_is_not_said_to_be_of_before(http: httpx.Client) -> None:
    """The rows of what is given again are not written again; everything that may differ is."""
    first, second = (_query(http, "SELECT * FROM accounts").json() for _ in range(2))
    assert first["rows"] == second["rows"]
    assert first["as_of"] < second["as_of"] == second["sources"][0]["as_of"]
    kept = [_query(http, "SELECT COUNT(*) AS n FROM accounts", max_age="1h").json() for _ in range(3)]
    assert [k["sources"][0]["mode"] for k in kept[1:]] == ["cache", "cache"]
    assert kept[1]["sources"][0]["age"] < kept[2]["sources"][0]["age"]
    assert {k["as_of"] for k in kept} == {kept[0]["as_of"]}
