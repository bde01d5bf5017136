"""No answer is older than its asker allowed, held against a source whose whole history is known."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from conftest import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundwire import Hub
from groundwire.agents.tools import make_tools
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.config import parse
from groundwire.core.connector import Capabilities, Pushdown, Scan, ScanReport
from groundwire.core.errors import QueryError, Rejected, SourceError
from groundwire.core.sync import Syncer

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ALL = dict.fromkeys(("=", "<", ">", "<=", ">=", "in"), Pushdown.EXACT)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


class Source(MemoryConnector):
    """One table whose rows all say which version of it they are; reading takes time, and may fail."""

    clock: Clock
    history: list[dt.datetime]
    slow: float = 0.0
    down: bool = False

    @classmethod
    def of(cls, name: str, clock: Clock) -> Source:
        made = cls.from_tables(name, {"t": pa.table({"id": [1, 2, 3], "version": [0, 0, 0]})}, pushdown=ALL)
        assert isinstance(made, Source)
        made.capabilities = Capabilities(boolean=True, limit=True)
        made.clock, made.history = clock, [clock.now]
        return made

    def write(self) -> None:
        self.history.append(self.clock.now)
        version = len(self.history) - 1
        self.tables["t"] = pa.table({"id": [1, 2, 3], "version": [version] * 3})

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        if self.down:
            raise Rejected("down", source=self.name)
        batches = list(super().scan(scan, report))
        self.clock.pass_by(self.slow)
        yield from batches

    def overdue(self, version: int) -> dt.timedelta:
        """For how long this version has been out of date."""
        if version == len(self.history) - 1:
            return dt.timedelta()
        return self.clock.now - self.history[version + 1]


def _hub(clock: Clock, sources: list[Source], **more: Any) -> Hub:
    described = {s.name: {"type": "memory"} for s in sources}
    described[sources[0].name]["max_age"] = "20s"
    for name, entities in more.pop("entities", {}).items():
        described[name]["entities"] = entities
    return Hub(sources, parse({"sources": described, "cache": {"refresh": "off"}, **more}, base=Path()), clock=clock)


QUERIES = [
    "SELECT id, version FROM a.t",
    "SELECT version FROM a.t WHERE id = 2",
    "SELECT id, version FROM b.t WHERE id > 1",
    "SELECT MAX(version) AS version FROM b.t WHERE id > 2",
    "SELECT x.version, y.version AS other FROM a.t x JOIN b.t y ON x.id = y.id",
]
_step = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.5, 4.0, 11.0, 40.0])),
    st.tuples(st.just("write"), st.sampled_from("ab")),
    st.tuples(st.just("slow"), st.sampled_from("ab"), st.sampled_from([0.0, 3.0, 15.0])),
    st.tuples(st.just("down"), st.sampled_from("ab"), st.booleans()),
    st.tuples(st.just("tell"), st.sampled_from("ab")),
    st.tuples(st.just("sync"), st.sampled_from("ab")),
    st.tuples(
        st.just("ask"),
        st.sampled_from(QUERIES),
        st.sampled_from([None, 0, 5, 10, 60]),
        st.sampled_from(["raise", "stale", "incomplete"]),
    ),
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_step, min_size=8, max_size=25))
def test_no_answer_is_older_than_was_allowed_unless_it_says_so(steps: list[tuple[Any, ...]]) -> None:
    """Whatever answers: the source, a fragment in the cache, or a replica that syncs keep."""
    clock = Clock()
    sources = {name: Source.of(name, clock) for name in "ab"}
    copied = {name: {"t": {"replica": True}} for name in "ab"}
    with (
        TemporaryDirectory() as folder,
        _hub(
            clock, list(sources.values()), entities=copied, replicas={"url": f"sqlite:///{folder}/copies.sqlite"}
        ) as hub,
    ):
        assert len(hub.catalog) == 2 and hub.replicas is not None
        syncer = Syncer(hub, hub.replicas)
        for step in steps:
            match step:
                case ("wait", seconds):
                    clock.pass_by(seconds)
                case ("write", name):
                    sources[name].write()
                case ("slow", name, seconds):
                    sources[name].slow = seconds
                case ("down", name, down):
                    sources[name].down = down
                case ("tell", name):
                    assert hub.cache is not None
                    hub.cache.invalidate(name, [f"{name}.t"], clock.now)
                case ("sync", name):
                    with contextlib.suppress(SourceError):
                        syncer.sync(f"{name}.t")
                case ("ask", sql, bound, on_error):
                    _hold_to_account(hub, clock, sources, sql, bound, on_error)


def _hold_to_account(
    hub: Hub, clock: Clock, sources: dict[str, Source], sql: str, bound: int | None, on_error: str
) -> None:
    asked_at = clock.now
    try:
        result = hub.query(sql, max_age=bound, on_error=on_error)
    except SourceError as error:
        assert sources[str(error.source)].down
        return
    versions = {"a": "version", "b": "other" if "other" in result.columns else "version"}
    for report in result.sources:
        allowed = dt.timedelta(seconds=bound if bound is not None else 20 if report.source == "a" else 0)
        assert report.max_age == allowed
        assert report.age == clock.now - report.as_of
        if report.mode == "live":
            assert report.as_of >= asked_at and not report.stale
        else:
            assert report.stale == (report.age > allowed)
        assert not report.stale or (on_error == "stale" and sources[report.source].down)
        assert report.complete or (on_error == "incomplete" and sources[report.source].down)
        for row in result if report.complete else ():
            true_age = sources[report.source].overdue(row[versions[report.source]])
            assert true_age <= report.age, "the answer is not older than it says"
            if not report.stale and report.mode != "live":
                assert true_age <= allowed
    assert result.stale == any("STALE" in line for line in result.footer())


def test_a_copy_that_ages_past_its_bound_while_others_are_read_is_read_again() -> None:
    clock = Clock()
    a, b = Source.of("a", clock), Source.of("b", clock)
    join = "SELECT x.version, y.version AS other FROM a.t x JOIN b.t y ON x.id = y.id"
    with _hub(clock, [a, b]) as hub:
        hub.query("SELECT id, version FROM a.t", max_age=10)
        clock.pass_by(8)
        a.write()
        b.slow = 5
        result = hub.query(join, max_age=10)
    assert [(s.source, s.mode) for s in result.sources if s.source == "a"] == [("a", "live")]
    assert result.rows()[0][0] == 1


def test_the_first_bound_that_is_set_counts() -> None:
    clock = Clock()
    source = Source.of("a", clock)
    entity = {"t": {"max_age": "3s"}}
    made = {"sources": {"a": {"type": "memory", "max_age": "2s", "entities": entity}}, "freshness": {"max_age": "1s"}}

    def bound(config: dict[str, Any], max_age: str | None = None) -> float:
        with Hub([source], parse(config, base=Path()), clock=clock) as hub:
            age = hub.query("SELECT id FROM a.t", max_age=max_age).sources[0].max_age
        assert age is not None
        return age.total_seconds()

    assert bound(made, "4s") == 4
    assert bound(made) == 3
    entity.clear()
    assert bound(made) == 2
    del made["sources"]["a"]["max_age"]
    assert bound(made) == 1
    assert bound({"sources": made["sources"]}) == 0


def test_a_source_that_is_down_is_an_error_unless_old_copies_are_welcome() -> None:
    clock = Clock()
    source = Source.of("a", clock)
    with _hub(clock, [source]) as hub:
        hub.query("SELECT id, version FROM a.t")
        clock.pass_by(3600)
        source.down = True
        with pytest.raises(Rejected):
            hub.query("SELECT version FROM a.t WHERE id = 1")
        old = hub.query("SELECT version FROM a.t WHERE id = 1", on_error="stale")
        assert old.rows() == [(0,)] and old.stale and old.sources[0].age == dt.timedelta(hours=1)
        assert any("STALE: a.t is 1 h old; at most 20.0 s" in line for line in old.footer())
        assert any("a can't be read" in note for note in old.notes)
        assert old.to_dict()["sources"][0]["stale"] is True
        with pytest.raises(QueryError, match="raise, incomplete or stale"):
            hub.query("SELECT id FROM a.t", on_error="whatever")


def test_a_copy_that_will_soon_be_too_old_is_read_again_behind_the_answer() -> None:
    clock = Clock()
    source = Source.of("a", clock)
    described = {"sources": {"a": {"type": "memory", "max_age": "20s"}}}
    with Hub([source], parse(described, base=Path()), clock=clock) as hub:
        hub.query("SELECT version FROM a.t")
        clock.pass_by(16)
        source.write()
        assert hub.query("SELECT version FROM a.t").rows()[0] == (0,), "within the bound"
        for _ in range(200):
            if len(source.scans) == 2:
                break
            time.sleep(0.02)
        clock.pass_by(10)
        again = hub.query("SELECT version FROM a.t")
        assert again.rows()[0] == (1,) and again.sources[0].mode == "cache"
        assert len(source.scans) == 2


def test_every_source_says_how_it_was_read_and_how_old_its_copy_is() -> None:
    clock = Clock()
    a, b = Source.of("a", clock), Source.of("b", clock)
    with TemporaryDirectory() as folder:
        more = {"entities": {"b": {"t": {"replica": True}}}, "replicas": {"url": f"sqlite:///{folder}/copies.sqlite"}}
        with _hub(clock, [a, b], **more) as hub:
            assert hub.replicas is not None
            Syncer(hub, hub.replicas).sync("b.t")
            hub.query("SELECT id, version FROM a.t", max_age="1m")
            clock.pass_by(12)
            result = hub.query(
                "SELECT x.version, y.version AS other FROM a.t x JOIN b.t y ON x.id = y.id", max_age="1m"
            )
    said = {s.source: (s.mode, s.age, s.max_age) for s in result.sources}
    minute, old = dt.timedelta(minutes=1), dt.timedelta(seconds=12)
    assert said == {"a": ("cache", old, minute), "b": ("replica", old, minute)}
    lines = "\n".join(result.footer())
    assert "a: a.t · cache as of" in lines and "b: b.t · replica as of" in lines
    assert lines.count("(12.0 s old; at most 1 min)") == 2
    told = {s["source"]: (s["mode"], s["age"], s["max_age"]) for s in result.to_dict()["sources"]}
    assert told == {"a": ("cache", 12.0, 60.0), "b": ("replica", 12.0, 60.0)}


def test_tools_keep_to_the_age_that_a_call_asks_for_else_to_that_of_the_chat() -> None:
    clock = Clock()
    source = Source.of("a", clock)
    with _hub(clock, [source]) as hub:
        ask = next(tool for tool in make_tools(hub, max_age="1m") if tool.name == "query")

        def read(**more: str) -> tuple[str, dt.timedelta | None]:
            call = {"name": "query", "args": {"sql": "SELECT version FROM a.t", **more}, "id": "1", "type": "tool_call"}
            report = ask.invoke(call).artifact.sources[0]
            return report.mode, report.max_age

        assert read() == ("live", dt.timedelta(minutes=1))
        clock.pass_by(12)
        assert read() == ("cache", dt.timedelta(minutes=1))
        assert read(max_age="5s") == ("live", dt.timedelta(seconds=5))
        assert read(max_age="0") == ("live", dt.timedelta())
