"""Any server of the Model Context Protocol as a source: tools that read, and give a list of records, are entities.

A tool that declares itself read-only (`readOnlyHint`) and whose output schema holds one list of objects needs no
description; others are described in the configuration, which names them. What a tool requires must be given in the
query, as a condition or by a join. Nothing is asked that was not declared, and a tool that pages in a way that was not
described is said to give perhaps a part.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import mcp.types as protocol
import pyarrow as pa
from mcp import Client, StdioServerParameters
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from pydantic import Field as Setting

from groundwire.connectors.conditions import conjunction, values_of
from groundwire.connectors.http_wire import Address
from groundwire.connectors.mcp_description import Mount, ToolDescription, load, mount
from groundwire.connectors.mcp_session import Session
from groundwire.connectors.paging import GivenPaginator, NumberPaginator, OffsetPaginator, Page, Paginator, pages
from groundwire.connectors.records import record_batch, value_at
from groundwire.connectors.rest_description import CursorPaging, NumberPaging, OffsetPaging, described_entity
from groundwire.core.catalog import Entity
from groundwire.core.connector import Capabilities, Comparison, Connector, Pushdown, Scan, ScanReport, tag
from groundwire.core.errors import ConfigError, QueryError, Rejected, Unavailable

MOST_CALLS = 100
"""Calls of a tool that one scan makes for the values of what it requires."""


class MCPSettings(BaseModel):
    """Settings of a source that is an MCP server.

    `command` with `args`, `env` and `cwd` is a program to start, that is talked to over its standard input and output;
    or `url` is the address of one that is served over HTTP, and `token` is sent to it. `describe` says by entity what
    schemas do not say, or `file` does, in YAML. `tools` are the only ones to use. `timeout` of a call is in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = {}
    cwd: Path | None = None
    url: Address | None = None
    token: SecretStr | None = None
    file: Path | None = None
    describe: dict[str, ToolDescription] = {}
    tools: tuple[str, ...] = ()
    timeout: float = Setting(default=30.0, gt=0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) is (self.url is None):
            raise ValueError("set command, or url")
        return self


class MCPConnector(Connector):
    """The tools of one server."""

    Settings = MCPSettings
    settings: MCPSettings
    capabilities = Capabilities(max_in=20, concurrency=4)

    def __init__(self, name: str, settings: MCPSettings) -> None:
        super().__init__(name, settings)
        self._described = dict(settings.describe)
        if settings.file is not None:
            self._described |= load(settings.file, setting=f"sources.{name}.file")
        server: StdioServerParameters | str = settings.url or ""
        env = {k: v.get_secret_value() for k, v in settings.env.items()}
        if settings.command is not None:
            server = StdioServerParameters(
                command=settings.command, args=list(settings.args), env=env or None, cwd=settings.cwd
            )
        token = settings.token.get_secret_value() if settings.token else None
        self._session = Session(name, server, token=token, secrets=env.values(), timeout=settings.timeout)
        self._mounts: dict[str, Mount] | None = None

    # -- what there is ---------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        self._mounts = self._found()
        return [self._entity(name, one) for name, one in self._mounts.items()]

    def check(self) -> str:
        tools = self._tools()
        info = self._session.ask(_info)
        named = f"{info.name} {info.version}" if info is not None else "MCP server"
        return f"{named}, {len(tools)} tools, {len(self._found(tools))} of them entities"

    def _tools(self) -> list[protocol.Tool]:
        """All tools of the server that may be used."""

        async def every(client: Client) -> list[protocol.Tool]:
            found: list[protocol.Tool] = []
            cursor: str | None = None
            for _ in range(1000):
                page = await client.list_tools(cursor=cursor, cache_mode="refresh")
                found += page.tools
                cursor = page.next_cursor
                if not cursor:
                    break
            return found

        only = self.settings.tools
        return [t for t in self._session.ask(every) if not only or t.name in only]

    def _found(self, tools: Sequence[protocol.Tool] | None = None) -> dict[str, Mount]:
        by_name = {t.name: t for t in (self._tools() if tools is None else tools)}
        found: dict[str, Mount] = {}
        for name, described in self._described.items():
            tool = by_name.get(described.tool)
            setting = f"sources.{self.name}.describe.{name}"
            if tool is None:
                raise ConfigError(
                    f"the server has no tool {described.tool!r}; it has {', '.join(by_name)}", setting=setting
                )
            try:
                found[name] = mount(_named(described, tool), tool.input_schema, tool.output_schema)
            except ValueError as error:
                raise ConfigError(str(error), setting=setting) from None
        mounted = {d.tool for d in self._described.values()}
        for tool in by_name.values():
            reads = tool.annotations is not None and tool.annotations.read_only_hint is True
            if tool.name in mounted or not (reads or tool.name in self.settings.tools):
                continue
            try:
                found[tool.name] = mount(
                    _named(ToolDescription(tool=tool.name), tool), tool.input_schema, tool.output_schema
                )
            except ValueError:
                continue  # it gives no records that its schema describes
        return found

    def _entity(self, name: str, one: Mount) -> Entity:
        told = one.described
        return described_entity(
            self.name,
            name,
            one.fields,
            told.relations,
            key=told.key,
            label=told.label,
            description=told.description,
        )

    def _mounted(self, name: str) -> Mount:
        if self._mounts is None:
            self._mounts = self._found()
        if name not in self._mounts:
            raise Rejected(f"no such entity: {name[:100]!r}", source=self.name)
        return self._mounts[name]

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        one = (self._mounts or {}).get(entity.name)
        if one is None or any(_sent(v) is None for v in values_of(comparison)):
            return Pushdown.NONE
        if comparison.field in one.required and comparison.op in ("=", "in"):
            return Pushdown.EXACT if comparison.field in one.echoed else Pushdown.LOOSE
        how = one.described.filters.get(comparison.field, {}).get(comparison.op)
        if how is None:
            return Pushdown.NONE
        return Pushdown.EXACT if how.pushdown == "exact" else Pushdown.LOOSE

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        one = self._mounted(scan.entity.name)
        calls = self._calls(one, scan)
        names = sorted({n for call in calls for n in call})
        report.native.append(f"{one.described.tool}({', '.join(names)})")
        if one.may_be_part:
            report.incomplete.append(f"{one.described.tool} may give a part only: how it pages is not described")
        totals: list[int | None] = []
        for arguments in calls:
            given = {field: arguments[field] for field in one.echoed}
            for place, page in enumerate(self._pages(one, arguments, report)):
                if not place:
                    totals.append(_count(page.body, one.described.count))
                yield self._batch(one, page.rows, given, scan)
        if totals and None not in totals:
            report.total = sum(t for t in totals if t is not None)

    def _calls(self, one: Mount, scan: Scan) -> list[dict[str, Any]]:
        """The arguments of every call: one for each combination of values of what must be given."""
        asked: dict[str, list[Comparison]] = {}
        for comparison in conjunction(scan.where) or ():
            asked.setdefault(comparison.field, []).append(comparison)
        base = dict(one.described.arguments)
        lists: list[list[tuple[str, Any]]] = []
        for field in sorted(one.required):
            values = _wanted(asked.get(field, ()))
            if values is None:
                about = f"{scan.entity.full_name} needs {' and '.join(sorted(one.required))}"
                raise QueryError(f"{about}: add WHERE {field} = ..., or join it to what {field} is known from")
            lists.append([(field, _sent(value)) for value in values])
        for field, several in asked.items():
            for comparison in several:
                how = one.described.filters.get(field, {}).get(comparison.op)
                if how is None or field in one.required or how.parameter in base:
                    continue
                value = comparison.value
                if comparison.op == "like":
                    value = max(value.replace("_", "%").split("%"), key=len)
                sent = _sent(value)
                base[how.parameter] = sent if how.value == "{value}" else how.value.replace("{value}", str(sent))
        calls = [base | dict(chosen) for chosen in itertools.product(*lists)]
        if len(calls) > MOST_CALLS:
            raise QueryError(f"{scan.entity.full_name} would be called {len(calls)} times; {MOST_CALLS} is the most")
        return calls

    def _pages(self, one: Mount, arguments: Mapping[str, Any], report: ScanReport) -> Iterator[Page]:
        paging = one.described.paging
        if isinstance(paging, OffsetPaging):
            told = paging.total
            size = paging.size if paging.short_page_ends else None
            paginator: Paginator[Any] = OffsetPaginator(size, total=(lambda p: _count(p.body, told)) if told else None)
            start: dict[str, Any] = {paging.limit: paging.size}
            at = paging.offset
        elif isinstance(paging, NumberPaging):
            last = paging.last
            size = paging.size if paging.short_page_ends else None
            paginator = NumberPaginator(
                size, start=paging.first, last=(lambda p: _count(p.body, last)) if last else None
            )
            start = {paging.limit: paging.size} if paging.limit else {}
            at = paging.page
        elif isinstance(paging, CursorPaging):
            following = paging.next
            paginator = GivenPaginator(lambda p: _text(_maybe(p.body, following)))
            start = {paging.limit: paging.size} if paging.limit else {}
            at = paging.cursor
        else:
            yield self._page(one, dict(arguments), report)
            return

        def fetch(token: Any) -> Page:
            return self._page(one, {**arguments, **start, **({} if token is None else {at: token})}, report)

        yield from pages(paginator, fetch, source=self.name)

    def _page(self, one: Mount, arguments: dict[str, Any], report: ScanReport) -> Page:
        body = self._called(one.described.tool, arguments, report)
        described = one.described
        rows = _maybe(body, described.records or "")
        if isinstance(rows, str):  # JSON as text, inside of what the SDK makes of it
            rows = _decoded(rows)
        if not isinstance(rows, list):
            raise Rejected(f"the answer holds no list of records at {described.records}", source=self.name)
        if described.columns is not None:
            columns = _maybe(body, described.columns)
            names = [c.get("name") if isinstance(c, dict) else c for c in columns] if isinstance(columns, list) else []
            if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
                raise Rejected(f"the answer's records don't fit its columns at {described.columns}", source=self.name)
            rows = [dict(zip(names, row, strict=True)) for row in rows]
        if not all(isinstance(row, dict) for row in rows):
            raise Rejected(f"the answer holds no list of records at {described.records}", source=self.name)
        if described.whole is not None and _maybe(body, described.whole) is not True:
            report.incomplete.append(f"{described.tool} says that its answer is a part")
        if described.as_of is not None and (moment := _moment(_maybe(body, described.as_of))) is not None:
            report.as_of = min(report.as_of, moment)
        return Page(rows=rows, body=body)

    def _called(self, tool: str, arguments: dict[str, Any], report: ScanReport) -> Any:
        """The structured answer of a tool."""
        seconds = self.settings.timeout
        if report.deadline is not None:
            seconds = min(seconds, report.deadline - time.monotonic())
            if seconds <= 0:
                raise Unavailable("no time left", source=self.name)
        mine = tag()
        meta: Any = {"groundwire/question": mine} if mine else None
        with report.request("mcp", tool):
            answer = self._session.ask(
                lambda client: client.call_tool(tool, arguments, meta=meta), seconds=seconds, stop=report.stop
            )
        texts = [c.text for c in answer.content if isinstance(c, protocol.TextContent)]
        if answer.is_error:
            raise Rejected(self._session.shown(" ".join(texts)) or "the tool failed", source=self.name)
        if answer.structured_content is not None:
            return answer.structured_content
        found = _decoded("".join(texts))
        if found is None:
            raise Rejected(f"{tool} gave no structured answer", source=self.name)
        return found

    def _batch(self, one: Mount, rows: Sequence[Any], given: Mapping[str, Any], scan: Scan) -> pa.RecordBatch:
        def at(row: Any, name: str) -> Any:
            if name in given:
                return given[name]
            found = _maybe(row, one.fields[name].path or name)
            return (
                json.dumps(found, ensure_ascii=False)
                if found is not None and one.fields[name].type == "json"
                else found
            )

        return record_batch(rows, scan.schema, source=self.name, entity=scan.entity.name, at=at)

    def place(self) -> str:
        """What is described decides what is read, too."""
        return f"{super().place()} {sorted((n, d.model_dump_json()) for n, d in self._described.items())}"

    def close(self) -> None:
        self._session.close()


async def _info(client: Client) -> protocol.Implementation | None:
    return client.server_info


def _named(described: ToolDescription, tool: protocol.Tool) -> ToolDescription:
    """The description with the server's own words where it says nothing."""
    told = {"label": tool.title or "", "description": " ".join((tool.description or "").split())}
    return described.model_copy(update={k: v for k, v in told.items() if v and not getattr(described, k)})


def _wanted(several: Sequence[Comparison]) -> list[Any] | None:
    """The values that a field may have by all of these; None where they don't say."""
    lists = [list(values_of(c)) for c in several if c.op in ("=", "in")]
    if not lists:
        return None
    return [v for v in dict.fromkeys(lists[0]) if all(v in other for other in lists[1:])]


def _sent(value: Any) -> Any:
    """A value as JSON sends it; None where it can't be sent without changing it."""
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else None
    return value.isoformat() if hasattr(value, "isoformat") else None


def _maybe(body: Any, path: str) -> Any:
    if not path:
        return body
    try:
        return value_at(body, path)
    except (KeyError, TypeError, IndexError, AttributeError):
        return None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _count(body: Any, path: str | None) -> int | None:
    found = _maybe(body, path) if path else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
