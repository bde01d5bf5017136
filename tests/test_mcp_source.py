"""The tools of any MCP server are entities: what must be given is given, what may be a part is said to be one."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr
from test_mcp import COMMAND, _folder

from groundwire import Hub
from groundwire.connectors.mcp import MCPConnector, MCPSettings
from groundwire.connectors.mcp_description import ToolDescription, mount
from groundwire.connectors.memory import MemoryConnector
from groundwire.core import telemetry
from groundwire.core.config import Config, LinkConfig, parse
from groundwire.core.errors import AuthFailed, ConfigError, QueryError, Rejected, SourceError, Unavailable

SERVER = str(Path(__file__).with_name("mcp_tools_server.py"))
DESCRIBED = {
    "notes": ToolDescription(tool="notes", records="result", fields={"text": "text", "by": "text"}),
    "all_tickets": ToolDescription(
        tool="search",
        key=("id",),
        count="total",
        paging={"kind": "cursor", "cursor": "page_token", "next": "next", "limit": "limit", "size": 7},
        filters={"subject": {"like": "text"}},
    ),
    "people": ToolDescription(tool="text_only", records="result", fields={"id": "integer", "name": "text"}),
}


def _settings(**more: Any) -> MCPSettings:
    return MCPSettings(command=sys.executable, args=(SERVER,), describe=DESCRIBED, **more)


@pytest.fixture(scope="module")
def helpdesk() -> Iterator[MCPConnector]:
    with closing(MCPConnector("desk", _settings())) as made:
        yield made


@pytest.fixture(scope="module")
def hub(helpdesk: MCPConnector) -> Iterator[Hub]:
    customers = pa.table({"code": ["A", "B", "Z"], "city": ["Bonn", "Lyon", "Oslo"]})
    link = LinkConfig(
        **{"from": "desk.tickets_of.customer", "to": "crm.customers.code"}, name="account", reverse="tickets"
    )
    sources = [
        helpdesk,
        MemoryConnector.from_tables("crm", {"customers": customers}, primary_keys={"customers": ("code",)}),
    ]
    yield Hub(sources, Config(links=(link,)))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def _served(command: list[str], port: int, **options: Any) -> Iterator[str]:
    """A server in a process of its own, once it listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, "the server does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(timeout=10)


# -- what becomes an entity ------------------------------------------------------------------------


def test_tools_that_read_and_give_records_are_entities_and_others_are_not(helpdesk: MCPConnector) -> None:
    names = {e.name for e in helpdesk.discover()}
    assert names == {"tickets_of", "fails", "slow", "dies", *DESCRIBED}
    tickets = next(e for e in helpdesk.discover() if e.name == "tickets_of")
    assert {f.name: f.type for f in tickets.fields} == {
        "id": pa.int64(),
        "subject": pa.string(),
        "customer": pa.string(),
        "hours": pa.float64(),
        "day": pa.string(),
    }
    assert tickets.label == "Tickets of a customer" and tickets.field("subject").description == "what it is about"
    assert helpdesk.check() == "helpdesk 1.2.3, 9 tools, 7 of them entities"


def test_a_tool_that_writes_becomes_one_only_where_it_is_named() -> None:
    with closing(MCPConnector("desk", _settings(tools=("close_ticket",)))) as source, pytest.raises(ConfigError):
        source.discover()  # what is described is not among the tools
    settings = MCPSettings(command=sys.executable, args=(SERVER,), tools=("close_ticket",))
    with closing(MCPConnector("desk", settings)) as source:
        assert [e.name for e in source.discover()] == ["close_ticket"]


def test_a_description_that_does_not_fit_the_tool_is_an_error_that_names_it() -> None:
    wrong = {"x": ToolDescription(tool="serch")}
    with (
        closing(MCPConnector("desk", MCPSettings(command=sys.executable, args=(SERVER,), describe=wrong))) as source,
        pytest.raises(
            ConfigError, match=r"sources\.desk\.describe\.x: the server has no tool 'serch'; it has .*search"
        ),
    ):
        source.discover()
    wrong = {"x": ToolDescription(tool="notes")}
    with (
        closing(MCPConnector("desk", MCPSettings(command=sys.executable, args=(SERVER,), describe=wrong))) as source,
        pytest.raises(ConfigError, match="describe records and fields"),
    ):
        source.discover()


def test_a_description_may_be_yaml(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(
        "entities:\n  people:\n    tool: text_only\n    records: result\n    fields: {id: integer, name: text}\n"
    )
    with closing(MCPConnector("desk", MCPSettings(command=sys.executable, args=(SERVER,), file=file))) as source:
        assert "people" in {e.name for e in source.discover()}
    file.write_text("entities:\n  people:\n    tol: text_only\n")
    with pytest.raises(ConfigError, match=r"desk\.yaml: entities\.people\.tool: this key is required"):
        MCPConnector("desk", MCPSettings(command=sys.executable, file=file))
    for text, problem in (('entities: {a: "\\ud800"}\n', "lone surrogate"), ("[" * 5000, "nested too deeply")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=problem):
            MCPConnector("desk", MCPSettings(command=sys.executable, file=file))


def test_schemas_are_followed_through_references_and_unions() -> None:
    schema = {
        "properties": {"data": {"$ref": "#/$defs/Page"}},
        "$defs": {
            "Page": {"properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}}},
            "Item": {
                "properties": {
                    "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
                    "state": {"type": ["string", "null"], "enum": ["open", "done", None]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "n": {"type": "integer"},
                },
                "required": ["n", "state"],
            },
        },
    }
    made = mount(ToolDescription(tool="t"), {"properties": {"limit": {"type": "integer"}}}, schema)
    assert made.described.records == "data.items" and made.may_be_part
    assert {n: (f.type, f.required) for n, f in made.fields.items()} == {
        "at": ("datetime", False),
        "state": ("text", False),
        "tags": ("json", False),
        "n": ("integer", True),
    }
    assert made.fields["state"].values == ("open", "done")


# -- reading ---------------------------------------------------------------------------------------


def test_what_a_tool_requires_comes_from_a_condition_a_list_or_a_join(hub: Hub) -> None:
    one = hub.query("SELECT id, hours FROM tickets_of WHERE customer = 'B' AND hours > 3 ORDER BY id")
    assert one.to_pylist() == [{"id": n, "hours": n / 4} for n in (13, 16, 19, 22)] and one.complete
    assert one.sources[0].native == ("tickets_of(customer)",)
    two = hub.query(
        "SELECT customer, COUNT(*) AS n FROM tickets_of WHERE customer IN ('A', 'C', 'none') GROUP BY 1 ORDER BY 1"
    )
    assert two.to_pylist() == [{"customer": "A", "n": 9}, {"customer": "C", "n": 8}]
    assert two.sources[0].requests == 3
    joined = hub.query(
        "SELECT c.city, COUNT(*) AS n FROM customers c JOIN tickets_of t ON t.customer = c.code GROUP BY 1 ORDER BY 1"
    )
    assert joined.to_pylist() == [{"city": "Bonn", "n": 9}, {"city": "Lyon", "n": 8}]


def test_an_argument_that_no_record_holds_is_a_column_of_its_own(hub: Hub) -> None:
    rows = hub.query("SELECT ticket, text FROM notes WHERE ticket IN (2, 5) ORDER BY 1, 2").to_pylist()
    assert rows == [
        {"ticket": 2, "text": "note 0 of 2"},
        {"ticket": 2, "text": "note 1 of 2"},
        {"ticket": 5, "text": "note 0 of 5"},
    ]


def test_what_is_missing_is_an_error_that_says_how_to_give_it(hub: Hub) -> None:
    with pytest.raises(QueryError, match=r"desk\.tickets_of needs customer: add WHERE customer = \.\.\., or join it"):
        hub.query("SELECT id FROM tickets_of")
    with pytest.raises(QueryError, match=r"desk\.notes needs ticket"):
        hub.query("SELECT text FROM notes WHERE ticket > 3")


def test_described_pages_are_read_to_their_end_and_filters_are_sent(hub: Hub) -> None:
    every = hub.query("SELECT COUNT(*) AS n, MAX(id) AS last FROM all_tickets")
    assert every.to_pylist() == [{"n": 25, "last": 24}] and every.complete
    assert every.sources[0].requests == 4 and every.sources[0].total == 25
    some = hub.query("SELECT id FROM all_tickets WHERE subject LIKE 'Ticket 1_ %' ORDER BY id")
    assert [r["id"] for r in some.to_pylist()] == list(range(10, 20))
    assert "text" in some.sources[0].native[0]


def test_a_tool_that_pages_without_a_description_gives_perhaps_a_part(helpdesk: MCPConnector) -> None:
    settings = MCPSettings(command=sys.executable, args=(SERVER,), tools=("search",))
    with closing(MCPConnector("desk", settings)) as source, Hub([source]) as hub:
        result = hub.query("SELECT COUNT(*) AS n FROM search")
    assert result.to_pylist() == [{"n": 10}] and not result.complete
    assert "how it pages is not described" in result.incomplete_reasons()[0]


def test_records_that_come_as_text_are_read_too(hub: Hub) -> None:
    assert hub.query("SELECT name FROM people ORDER BY id").to_pylist() == [{"name": "Ada"}, {"name": None}]


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_tools_error_is_told_without_secrets() -> None:
    settings = _settings(env={"KEY": SecretStr("key-12345")})
    with (
        closing(MCPConnector("desk", settings)) as source,
        Hub([source]) as hub,
        pytest.raises(Rejected, match=r"no such code 7; the key is \*\*\*"),
    ):
        hub.query("SELECT id FROM fails WHERE code = '7'")


def test_a_tool_that_takes_too_long_is_unavailable_in_time(hub: Hub) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"did not answer in time|not read to its end|no time left"):
        hub.query("SELECT id FROM slow", timeout=1.0)
    assert time.monotonic() - started < 5


def test_a_server_that_dies_is_started_again_for_the_next_question() -> None:
    with closing(MCPConnector("desk", _settings())) as source, Hub([source]) as hub:
        with pytest.raises(SourceError):
            hub.query("SELECT id FROM dies", timeout=10)
        assert len(hub.query("SELECT id FROM tickets_of WHERE customer = 'A'")) == 9


def test_a_program_that_is_not_there_or_is_no_server_is_told() -> None:
    with (
        closing(MCPConnector("desk", MCPSettings(command="/no/such/program"))) as source,
        pytest.raises(SourceError, match="desk: "),
    ):
        source.check()
    with (
        closing(MCPConnector("desk", MCPSettings(command="/bin/true", timeout=5))) as source,
        pytest.raises(Unavailable, match="desk: "),
    ):
        source.check()
    with (
        closing(MCPConnector("desk", MCPSettings(url=f"http://127.0.0.1:{_free_port()}/mcp", timeout=5))) as source,
        pytest.raises(Unavailable, match="can't be reached"),
    ):
        source.check()


def test_settings_name_one_way_to_the_server() -> None:
    with pytest.raises(ConfigError, match="set command, or url"):
        Hub.from_parsed(parse({"sources": {"desk": {"type": "mcp"}}}, base=Path("/")))


# -- over HTTP, and groundwire itself --------------------------------------------------------------


def test_a_server_over_http_is_read_in_the_same_way() -> None:
    port = _free_port()
    with (
        _served([sys.executable, SERVER, "--http", str(port)], port) as url,
        closing(MCPConnector("desk", MCPSettings(url=url, describe=DESCRIBED))) as source,
        Hub([source]) as hub,
    ):
        assert len(hub.query("SELECT id FROM all_tickets")) == 25
        with telemetry.tracing() as trace:
            hub.query("SELECT id FROM tickets_of WHERE customer = 'A'", max_age=0)
    asked = [s.attributes for s in trace.spans if s.name == "request"]
    assert asked == [{"system": "mcp", "operation": "tickets_of"}]


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_groundwires_own_server_is_a_source_like_any_other(tmp_path: Path, transport: str) -> None:
    folder = _folder(tmp_path)
    describe = {
        "customers": {
            "tool": "query",
            "arguments": {"sql": "SELECT * FROM shop.customers", "max_age": "0"},
            "records": "rows",
            "columns": "columns",
            "whole": "complete",
            "as_of": "as_of",
            "key": ["id"],
            "fields": {"id": "integer", "name": "text", "country": "text"},
        },
        "found": {
            "tool": "search_entities",
            "records": "entities",
            "fields": {"entity": "text", "primary_key": "json"},
        },
        "numbers": {
            "tool": "query",
            "arguments": {"sql": "SELECT id FROM shop.numbers"},
            "records": "rows",
            "columns": "columns",
            "whole": "complete",
            "fields": {"id": "integer"},
        },
    }
    settings: dict[str, Any] = {"type": "mcp", "describe": describe}
    token = "a-token-of-many-letters"
    command = [COMMAND, "mcp", "--config", str(folder / "groundwire.toml")]
    port = _free_port()

    def read(told: dict[str, Any]) -> None:
        with Hub.from_parsed(parse({"sources": {"other": settings | told}}, base=tmp_path)) as hub:
            rows = hub.query(
                "SELECT country, COUNT(*) AS n FROM customers WHERE country IS NOT NULL GROUP BY 1 ORDER BY 1"
            )
            assert rows.to_pylist() == [{"country": "DE", "n": 1}, {"country": "FR", "n": 2}] and rows.complete
            names = hub.query("SELECT entity FROM found WHERE text = 'prices'").to_pylist()
            assert {"entity": "shop.prices"} in names
            part = hub.query("SELECT COUNT(*) AS n FROM numbers")
            assert part.to_pylist() == [{"n": 100}] and not part.complete

    if transport == "stdio":
        read({"command": command[0], "args": command[1:]})
        return
    with _served([*command, "--http", f"127.0.0.1:{port}"], port, env={"GROUNDWIRE_MCP_TOKEN": token}) as url:
        read({"url": url, "token": token})
        with (
            closing(MCPConnector("other", MCPSettings(url=url, token=SecretStr("wrong-" + token)))) as source,
            pytest.raises(AuthFailed, match="other: HTTP 401"),
        ):
            source.check()
