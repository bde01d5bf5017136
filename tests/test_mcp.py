"""MCP clients get what the hub gives, to whom it gives it, and words where it gives nothing."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx2
import jwt
import older_mcp_client
import pyarrow as pa
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, PromptReference, TextContent
from test_cli_audit import Told

from groundwire import Hub
from groundwire.agents import mcp_http, prompt
from groundwire.agents.mcp import ENTITIES_A_PAGE, INTERNAL, make_server
from groundwire.agents.mcp_tools import ROWS, Model, record_query
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.config import parse
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import ConfigError, PolicyError, QueryError, Unavailable
from groundwire.core.policy import os_user

COMMAND = str(Path(sys.executable).parent / "groundwire")
TOOLS = ["search_entities", "describe_entity", "query", "get_record", "ask", "status"]
BUDGET = 1_500
"""Tokens that a model may have to read to know all tools."""
ENDLESS = "SELECT COUNT(*) FROM numbers a, numbers b, numbers c WHERE a.id + b.id < c.id"
"""Minutes of work."""
ANN, KEY = "ann-has-a-long-token", "a key that signs tokens, of 32 bytes or more"

_CONFIGURATION = """
[sources.shop]
type = "sql"
url = "sqlite:///{folder}/shop.sqlite"

[sources.shop.entities.prices]
replica = true

[replicas]
url = "sqlite:///{folder}/copies.sqlite"

[audit]
path = "{folder}/audit.jsonl"
"""
_POLICY = """
[policy.roles.sales]
allow = ["shop.*"]
deny = ["shop.numbers", "shop.customers.name"]
rows = {{ "shop.customers" = "country = principal.country" }}
[policy.principals.ann]
roles = ["sales"]
attributes = {{ country = "DE" }}
[policy.principals.fred]
roles = ["sales"]
attributes = {{ country = "FR" }}
[policy.tokens]
algorithm = "HS256"
key = "{key}"
[mcp.tokens]
ann = "{ann}"
"""

_T = TypeVar("_T")


def _folder(folder: Path, more: str = "") -> Path:
    """A database of customers, and of many numbers, with its configuration."""
    with sqlite3.connect(folder / "shop.sqlite") as database:
        database.executescript(
            """CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT);
               CREATE TABLE prices (item TEXT, country TEXT, price NUMERIC, PRIMARY KEY (item, country));
               CREATE TABLE numbers (id INTEGER PRIMARY KEY);
               INSERT INTO customers VALUES (1, 'Ada', 'DE'), (2, 'Bø', 'FR'), (3, '山田', NULL), (4, 'Cy', 'FR');
               INSERT INTO prices VALUES ('pen', 'DE', 5), ('pen', 'FR', 7.5), ('it''s', 'FR', 1);
               INSERT INTO numbers
                 WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000) SELECT i FROM s;"""
        )
    database.close()
    (folder / "groundwire.toml").write_text(_CONFIGURATION.format(folder=folder) + more)
    return folder


class Session:
    """A client that is connected, for tests that do not await."""

    def __init__(self, portal: BlockingPortal, client: Client, folder: Path) -> None:
        self.portal, self.client, self.folder = portal, client, folder

    def run(self, ask: Callable[[Client], Awaitable[_T]]) -> _T:
        async def asked() -> _T:
            with anyio.fail_after(60):
                return await ask(self.client)

        return self.portal.call(asked)

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return self.run(lambda client: client.call_tool(tool, arguments))


@contextmanager
def _session(connection: Any, folder: Path, mode: str = "auto") -> Iterator[Session]:
    """A connected client; `legacy` is one that knows the protocol of 2025 only."""
    client = Client(connection, mode=mode)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(client):
        yield Session(portal, client, folder)


def _text(result: CallToolResult) -> str:
    content = result.content[0]
    assert isinstance(content, TextContent)
    assert "Traceback" not in content.text
    return content.text


def _refusal(result: CallToolResult) -> str:
    assert result.is_error
    assert result.structured_content is None
    return _text(result)


def _lasting(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without what differs when it is asked for again."""
    volatile = {"as_of", "seconds", "age"}
    sources = [{k: v for k, v in s.items() if k not in volatile} for s in result["sources"]]
    return {k: v for k, v in result.items() if k not in volatile} | {"sources": sources}


def _stdio(folder: Path) -> StdioServerParameters:
    return StdioServerParameters(command=COMMAND, args=["mcp"], cwd=folder, env=_environment(folder))


def _environment(folder: Path) -> dict[str, str]:
    """Fragments of this server's own, and none of what is set for this process."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "GROUNDWIRE_CACHE": str(folder / "cache")}


@pytest.fixture(scope="module")
def stdio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The official client, and the command as a process over standard input and output."""
    folder = _folder(tmp_path_factory.mktemp("stdio"))
    with _session(_stdio(folder), folder) as session:
        yield session


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The command as a process over HTTP: its address, and what it says at the start."""
    command = [COMMAND, "mcp", "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=folder, env=_environment(folder), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = [process.stderr.readline()]
            found = re.search(r"http://\S+", said[0])
            assert found, said[0] + process.stderr.read()
            if "token" not in (folder / "groundwire.toml").read_text():
                said.append(process.stderr.readline())
            yield found[0], said
        finally:
            process.terminate()


@asynccontextmanager
async def _bearer(address: str, token: str) -> AsyncIterator[Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(address, http_client=http) as streams,
    ):
        yield streams


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Without a policy and a configured token: address, the token that was printed, folder."""
    folder = _folder(tmp_path_factory.mktemp("open"))
    with _served(folder) as (address, said):
        yield address, said[1].removeprefix("token: ").strip(), folder


@pytest.fixture(scope="module")
def limited_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """With a policy: address, folder."""
    folder = _folder(tmp_path_factory.mktemp("limited"), _POLICY.format(ann=ANN, key=KEY))
    with _served(folder) as (address, _):
        yield address, folder


@contextmanager
def _in_process(hub: Hub, *said: str) -> Iterator[Session]:
    """A server in this process, whose model takes these steps."""
    model = Model(lambda: Told(steps=list(said)))
    with hub, _session(make_server(lambda: hub, model), Path()) as session:
        yield session


# -- tools --------------------------------------------------------------------------------------


def test_the_tools_are_these_and_only_read(stdio: Session) -> None:
    tools = stdio.run(lambda c: c.list_tools()).tools
    assert [t.name for t in tools] == TOOLS
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.description


def _told(session: Session) -> str:
    tools = session.run(lambda c: c.list_tools()).tools
    return json.dumps([t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in tools])


def test_all_tools_together_cost_a_model_few_tokens(stdio: Session) -> None:
    assert len(_told(stdio)) / 4 < BUDGET


@pytest.mark.weights
def test_all_tools_together_cost_the_small_model_few_tokens(stdio: Session, small_weights: Path) -> None:
    from llama_cpp import Llama

    model = Llama(str(small_weights), vocab_only=True, verbose=False)
    assert len(model.tokenize(_told(stdio).encode())) < BUDGET
    model.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT country, COUNT(*) AS customers FROM customers GROUP BY 1 ORDER BY 1",
        "SELECT id FROM numbers ORDER BY id",
        "SELECT price FROM prices WHERE item = 'none'",
    ],
)
def test_a_result_is_what_the_hub_gives(stdio: Session, sql: str) -> None:
    given = stdio.call("query", sql=sql, max_age="0")
    assert not given.is_error
    assert given.structured_content is not None
    with Hub.from_config(stdio.folder / "groundwire.toml") as hub:
        assert _lasting(given.structured_content) == _lasting(hub.query(sql, max_age="0", limit=ROWS).to_dict())
    assert given.structured_content["sources"][0]["mode"] == "live"


def test_a_result_that_is_cut_off_says_so_to_programs_and_to_models(stdio: Session) -> None:
    given = stdio.call("query", sql="SELECT id FROM numbers ORDER BY id")
    assert given.structured_content is not None
    assert len(given.structured_content["rows"]) == ROWS
    assert given.structured_content["truncated"] is True
    assert given.structured_content["complete"] is False
    text = json.loads(_text(given))
    assert text["complete"] is False
    assert text["incomplete"] == [f"only the first {ROWS} rows are shown; more exist"]
    rest = stdio.call("query", sql=f"SELECT id FROM numbers ORDER BY id LIMIT 10 OFFSET {ROWS}").structured_content
    assert rest is not None
    assert [row[0] for row in rest["rows"]] == list(range(ROWS + 1, ROWS + 11))
    assert rest["complete"] is True


def test_max_age_decides_what_may_answer(stdio: Session) -> None:
    def mode(age: str) -> str:
        given = stdio.call("query", sql="SELECT COUNT(*) FROM prices", max_age=age).structured_content
        assert given is not None
        return str(given["sources"][0]["mode"])

    assert [mode("0"), mode("1h"), mode("1h"), mode("0")] == ["live", "live", "cache", "live"]


def test_models_and_programs_are_given_the_same_values(stdio: Session) -> None:
    given = stdio.call("query", sql="SELECT 12345 AS id, 0.00125 AS rate, NULL AS none, DATE '2026-03-01' AS day")
    assert given.structured_content is not None
    assert given.structured_content["rows"] == [[12345, 0.00125, None, "2026-03-01"]]
    assert json.loads(_text(given))["rows"] == given.structured_content["rows"]


def test_search_and_describe_show_fields_and_relations(stdio: Session) -> None:
    found = stdio.call("search_entities", text="customers per country").structured_content
    assert found is not None
    assert found["entities"][0]["entity"] == "shop.customers"
    described = stdio.call("describe_entity", entity="prices").structured_content
    assert described is not None
    assert described["primary_key"] == ["item", "country"]
    assert [f["name"] for f in described["fields"]] == ["item", "country", "price"]


@pytest.mark.parametrize(
    ("entity", "key", "rows"),
    [
        ("shop.customers", 2, [[2, "Bø", "FR"]]),
        ("customers", "2", [[2, "Bø", "FR"]]),
        ("shop.prices", {"item": "it's", "country": "FR"}, [["it's", "FR", 1]]),
        ("shop.prices", {"item": "pen' OR '1' = '1", "country": "FR"}, []),
        ("shop.customers", 99, []),
    ],
)
def test_a_record_is_found_by_its_key(stdio: Session, entity: str, key: Any, rows: list[list[Any]]) -> None:
    found = stdio.call("get_record", entity=entity, key=key)
    assert found.structured_content is not None, _text(found)
    assert found.structured_content["rows"] == rows
    assert found.structured_content["sources"][0]["source"] == "shop"


def test_a_key_is_written_as_its_field_is_typed() -> None:
    day = pa.table({"day": pa.array([0], pa.date32()), "at": pa.array([0], pa.timestamp("us", tz="UTC")), "n": [1.5]})
    source = MemoryConnector.from_tables("m", {"days": day}, primary_keys={"days": ("day", "at", "n")})
    with Hub([source]) as hub:
        entity = hub.catalog.entity("m.days")
        key: dict[str, str | int] = {"day": "1970-01-01", "at": "1970-01-01 00:00:00", "n": "1.5"}
        assert len(hub.query(record_query(entity, key))) == 1
        with pytest.raises(QueryError, match="day, at, n"):
            record_query(entity, "1970-01-01")


def test_status_says_which_systems_answer(stdio: Session) -> None:
    state = stdio.call("status").structured_content
    assert state is not None
    assert [(s["source"], s["ok"], s["entities"]) for s in state["sources"]] == [("shop", True, 3)]
    assert [(c["entity"], c["mode"], c["lag"]) for c in state["copies"]] == [("shop.prices", "waiting", None)]


def test_a_question_is_answered_with_its_cells_and_sources() -> None:
    told: list[str | None] = []

    async def show(done: float, total: float | None, message: str | None) -> None:
        told.append(message)

    sql = "SELECT COUNT(*) AS customers FROM customers"
    shop = MemoryConnector.from_tables("shop", {"customers": pa.table({"id": [1, 2, 3]})})
    with _in_process(Hub([shop]), sql, "There are 3 customers.") as session:
        question = {"question": "How many customers are there?", "max_age": "0"}
        given = session.run(lambda c: c.call_tool("ask", question, progress_callback=show))
    answer = given.structured_content
    assert answer is not None
    assert (answer["answer"], answer["refused"], answer["sql"]) == ("There are 3 customers.", False, sql)
    assert answer["result"]["rows"] == [[3]]
    assert answer["citations"][0]["sources"] == ["shop"]
    assert "live as of" in _text(given)
    assert "waiting for the model" in told


def test_an_answer_that_can_not_be_traced_is_refused() -> None:
    shop = MemoryConnector.from_tables("shop", {"customers": pa.table({"id": [1, 2, 3]})})
    with _in_process(Hub([shop]), "SELECT COUNT(*) FROM customers", *["There are 4711 customers."] * 3) as session:
        answer = session.call("ask", question="How many customers are there?").structured_content
    assert answer is not None
    assert answer["refused"] is True
    assert "There are" not in answer["answer"]


# -- what can't be answered ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("query", {"sql": "SELECT nam FROM customers"}, "fix your query: unknown field 'nam' .* did you mean name"),
        ("query", {"sql": "DELETE FROM customers"}, "fix your query: "),
        ("query", {"sql": "SELECT 1", "max_age": "soon"}, "fix your query: "),
        ("query", {"sql": "SELECT 1", "limit": 5}, "fix your call: query does not take limit; it takes sql, max_age"),
        ("query", {}, "fix your call: sql: Field required"),
        ("describe_entity", {"entity": "shop.customer"}, "fix your call: .*did you mean shop.customers"),
        ("get_record", {"entity": "shop.customers", "key": "x"}, "fix your call: id is a number, not 'x'"),
        ("get_record", {"entity": "shop.prices", "key": "pen"}, "fix your call: .* item, country"),
        ("drop_table", {}, "fix your call: there is no tool 'drop_table'; there are search_entities"),
    ],
)
def test_a_wrong_call_is_told_what_to_write(stdio: Session, tool: str, arguments: dict[str, Any], words: str) -> None:
    assert re.match(words, _refusal(stdio.call(tool, **arguments)))


class Failing(MemoryConnector):
    """A source that is down when it is read."""

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        raise Unavailable("is down", source=self.name)


def test_a_source_that_fails_is_named_and_not_asked_again() -> None:
    source = Failing.from_tables("m", {"things": pa.table({"id": [1]})})
    with _in_process(Hub([source], parse({"limits": {"timeout": 1}}, base=Path()))) as session:
        said = _refusal(session.call("query", sql="SELECT id FROM things"))
        assert said.startswith("do not retry: m: is down")


def test_a_fault_of_our_own_is_told_without_its_inner_parts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2 at line 5")

    monkeypatch.setattr(Hub, "query", broken)
    with _in_process(Hub([])) as session:
        assert _refusal(session.call("query", sql="SELECT 1")) == INTERNAL
    assert "hunter2" in caplog.text


# -- resources and prompts ----------------------------------------------------------------------


def test_entities_are_resources(stdio: Session) -> None:
    listed = stdio.run(lambda c: c.list_resources())
    assert [str(r.uri) for r in listed.resources] == [
        f"groundwire://entity/shop.{name}" for name in ("customers", "numbers", "prices")
    ]
    read = stdio.run(lambda c: c.read_resource("groundwire://entity/shop.customers"))
    with Hub.from_config(stdio.folder / "groundwire.toml") as hub:
        card = prompt.card(hub.catalog.entity("shop.customers"), prompt.short_names(hub.catalog))
    assert [getattr(c, "text", None) for c in read.contents] == [card]
    templates = stdio.run(lambda c: c.list_resource_templates()).resource_templates
    assert [t.uri_template for t in templates] == ["groundwire://entity/{name}"]


@pytest.mark.parametrize(
    ("uri", "words"),
    [("groundwire://entity/shop.customer", "did you mean shop.customers"), ("file:///etc/passwd", "begin with")],
)
def test_a_resource_that_is_not_there_is_a_fault_of_the_request(stdio: Session, uri: str, words: str) -> None:
    with pytest.raises(MCPError, match=words) as raised:
        stdio.run(lambda c: c.read_resource(uri))
    assert raised.value.code == -32602


def test_many_resources_come_in_pages() -> None:
    names = [f"thing {i:03}" for i in range(ENTITIES_A_PAGE + 20)]
    source = MemoryConnector.from_tables("m", {name: pa.table({"id": [1]}) for name in names})
    with _in_process(Hub([source])) as session:
        first = session.run(lambda c: c.list_resources())
        second = session.run(lambda c: c.list_resources(cursor=first.next_cursor))
        assert [r.name for page in (first, second) for r in page.resources] == [f"m.{name}" for name in names]
        assert second.next_cursor is None
        uri = str(second.resources[-1].uri)
        assert " " not in uri
        assert session.run(lambda c: c.read_resource(uri)).contents


def test_prompts_take_what_they_name(stdio: Session) -> None:
    prompts = {p.name: p for p in stdio.run(lambda c: c.list_prompts()).prompts}
    assert set(prompts) == {"answer", "brief"}
    made = stdio.run(lambda c: c.get_prompt("brief", {"entity": "shop.customers", "key": "{1}"}))
    assert "record {1} of shop.customers" in str(made.messages[0].content)
    with pytest.raises(MCPError, match="needs key"):
        stdio.run(lambda c: c.get_prompt("brief", {"entity": "shop.customers"}))
    with pytest.raises(MCPError, match="there are answer, brief"):
        stdio.run(lambda c: c.get_prompt("haiku"))


def test_names_of_entities_are_completed(stdio: Session) -> None:
    def offered(name: str, typed: str) -> list[str]:
        where, argument = PromptReference(name="brief"), {"name": name, "value": typed}
        return stdio.run(lambda c: c.complete(where, argument)).completion.values

    assert offered("entity", "Cust") == ["shop.customers"]
    assert offered("entity", "shop.") == ["shop.customers", "shop.numbers", "shop.prices"]
    assert offered("key", "") == []


# -- while something is done --------------------------------------------------------------------


def test_reads_are_told_as_they_start_and_end(stdio: Session) -> None:
    told: list[tuple[float, str | None]] = []

    async def show(done: float, total: float | None, message: str | None) -> None:
        told.append((done, message))

    sql = "SELECT COUNT(*) FROM customers WHERE id > 1"
    stdio.run(lambda c: c.call_tool("query", {"sql": sql, "max_age": "0"}, progress_callback=show))
    assert [done for done, _ in sorted(told)] == [1, 2]
    assert "shop.customers" in str(told)


def _stopped(folder: Path) -> int:
    """How often the audit trail says that the work of minutes was stopped."""
    trail = folder / "audit.jsonl"
    lines = trail.read_text().splitlines() if trail.exists() else []
    return sum("Stopped" in line and "numbers a" in line for line in lines)


def _cancelled(session: Session) -> None:
    """Ask for minutes of work, leave once it has begun, and wait until it has ended in the server."""

    async def ask(client: Client) -> None:
        async with anyio.create_task_group() as group:

            async def begun(done: float, total: float | None, message: str | None) -> None:
                group.cancel_scope.cancel()

            async def call() -> None:
                await client.call_tool("query", {"sql": ENDLESS}, progress_callback=begun)

            group.start_soon(call)

    before, deadline = _stopped(session.folder), time.monotonic() + 10
    session.run(ask)
    while _stopped(session.folder) == before:
        assert time.monotonic() < deadline, "the query was not stopped"
        time.sleep(0.02)
    assert not session.call("status").is_error


def test_a_call_that_is_cancelled_ends_its_query(stdio: Session) -> None:
    _cancelled(stdio)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_that_leaves_over_http_ends_its_query(open_server: tuple[str, str, Path], mode: str) -> None:
    address, token, folder = open_server
    with _session(_bearer(address, token), folder, mode) as session:
        _cancelled(session)


# -- over HTTP ----------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dTpw"}])
def test_without_the_token_nothing_is_answered(open_server: tuple[str, str, Path], headers: dict[str, str]) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepts = {"Accept": "application/json, text/event-stream"}
    answer = httpx2.post(open_server[0], json=call, headers={**headers, **accepts})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "tools" not in answer.text


def test_with_the_printed_token_it_is_the_same_server(open_server: tuple[str, str, Path]) -> None:
    address, token, folder = open_server
    with _session(_bearer(address, token), folder) as session:
        assert [t.name for t in session.run(lambda c: c.list_tools()).tools] == TOOLS
        given = session.call("query", sql="SELECT COUNT(*) FROM customers").structured_content
        assert given is not None
        assert given["rows"] == [[4]]


def test_a_page_of_another_name_does_not_reach_it(open_server: tuple[str, str, Path]) -> None:
    address, token, _ = open_server
    headers = {"Authorization": f"Bearer {token}", "Host": "rebound.example"}
    assert httpx2.post(address, json={}, headers=headers).status_code == 421


def _signed(name: str, seconds: float = 3600) -> str:
    return jwt.encode({"sub": name, "exp": time.time() + seconds}, KEY, "HS256")


@pytest.mark.parametrize(
    ("token", "mode", "customers"),
    [(ANN, "auto", [[1]]), (_signed("fred"), "legacy", [[2], [4]])],
    ids=["ann", "fred"],
)
def test_a_token_is_a_principal_who_sees_only_its_own(
    limited_server: tuple[str, Path], token: str, mode: str, customers: list[list[int]]
) -> None:
    address, folder = limited_server
    with _session(_bearer(address, token), folder, mode) as session:
        given = session.call("query", sql="SELECT id FROM customers ORDER BY id").structured_content
        assert given is not None
        assert given["rows"] == customers
        assert given["sources"][0]["limited_to"] is not None
        seen = json.loads(_text(session.call("query", sql="SELECT id FROM customers")))
        assert seen["sources"][0]["limited_to"] is not None
        hidden = "unknown entity 'numbers'"
        assert hidden in _refusal(session.call("query", sql="SELECT id FROM numbers"))
        assert hidden in _refusal(session.call("describe_entity", entity="numbers"))
        assert hidden in _refusal(session.call("get_record", entity="numbers", key=1))
        assert "numbers" not in _text(session.call("search_entities", text="numbers"))
        assert "name" not in str(session.call("describe_entity", entity="customers").structured_content).replace(
            "'name':", ""
        )
        listed = session.run(lambda c: c.list_resources()).resources
        assert [r.name for r in listed] == ["shop.customers", "shop.prices"]
        with pytest.raises(MCPError, match=r"unknown entity 'shop\.numbers'"):
            session.run(lambda c: c.read_resource("groundwire://entity/shop.numbers"))
        offered = session.run(lambda c: c.complete(PromptReference(name="brief"), {"name": "entity", "value": "n"}))
        assert offered.completion.values == []
        card = session.run(lambda c: c.read_resource("groundwire://entity/shop.customers")).contents[0]
        assert "name" not in str(getattr(card, "text", "name"))


@pytest.mark.parametrize("token", [_signed("fred", -60), jwt.encode({"sub": "fred"}, KEY, "HS256"), ANN[:-1]])
def test_a_token_that_is_not_valid_is_nobody(limited_server: tuple[str, Path], token: str) -> None:
    answer = httpx2.post(limited_server[0], json={}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_session_of_one_principal_is_closed_to_another(limited_server: tuple[str, Path]) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    accepts = {"Accept": "application/json, text/event-stream"}
    begun = httpx2.post(limited_server[0], json=hello, headers={**accepts, "Authorization": f"Bearer {ANN}"})
    assert begun.status_code == 200
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    headers = {**accepts, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
    other = httpx2.post(limited_server[0], json=call, headers={**headers, "Authorization": f"Bearer {_signed('fred')}"})
    assert other.status_code in (403, 404)
    assert "search_entities" not in other.text


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"token": "short"}, ConfigError, "mcp.token: a token has 16"),
        ({"tokens": {"ann": "short"}}, ConfigError, "mcp.tokens.ann: "),
        ({"tokens": {"bob": "x" * 20}}, ConfigError, "mcp.tokens.bob: no principal 'bob'"),
        ({}, PolicyError, "is no principal"),
    ],
)
def test_a_server_that_nobody_could_ask_does_not_start(
    settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    config = parse({"mcp": settings, "policy": {"principals": {"ann": {}}}}, base=Path())
    with Hub([], config) as hub, pytest.raises(error, match=words):
        mcp_http.serve(hub, "127.0.0.1", 0, asker=None, say=print)


def test_the_made_token_is_its_starters(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse({"policy": {"principals": {"ann": {"os_users": [os_user()]}}}}, base=Path())
    with Hub([], config) as hub:
        ((token, who),), made = mcp_http.tokens_of(hub, None)
        assert token == made
        assert who is not None and who.name == "ann"
        monkeypatch.setenv(mcp_http.TOKEN_VARIABLE, "from the environment")
        assert mcp_http.tokens_of(hub, None) == ([("from the environment", who)], None)


@pytest.mark.parametrize(
    ("text", "where"),
    [("127.0.0.1:8765", ("127.0.0.1", 8765)), (":0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80))],
)
def test_an_address_is_host_and_port(text: str, where: tuple[str, int]) -> None:
    assert mcp_http.place(text) == where


@pytest.mark.parametrize("text", ["127.0.0.1", "localhost:http", ":99999", ""])
def test_what_is_no_address_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        mcp_http.place(text)


# -- another client -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def older_client() -> Path:
    try:
        return older_mcp_client.installed()
    except older_mcp_client.NoClient as error:
        from conftest import _absent

        _absent("client of MCP", error)
        raise


def test_langchain_loads_the_tools_and_calls_them(
    older_client: Path, open_server: tuple[str, str, Path], tmp_path: Path
) -> None:
    address, token, _ = open_server
    folder = _folder(tmp_path)
    connections: dict[str, dict[str, Any]] = {
        "http": {"transport": "http", "url": address, "headers": {"Authorization": f"Bearer {token}"}},
        "stdio": {
            "transport": "stdio",
            "command": COMMAND,
            "args": ["mcp"],
            "cwd": str(folder),
            "env": _environment(folder),
        },
    }
    sql = "SELECT COUNT(*) AS customers FROM customers"
    seen = older_mcp_client.call(connections, "query", {"sql": sql})
    assert set(seen) == {"http", "stdio"}
    for one in seen.values():
        assert one["tools"] == sorted(TOOLS)
        result = one["artifact"]["structured_content"]
        assert (result["columns"], result["rows"], result["complete"]) == (["customers"], [[4]], True)
        assert json.loads(one["text"])["rows"] == [[4]]
