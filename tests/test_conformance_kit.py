"""The conformance kit finds liars, and its gaps are strict."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from awkward import awkward
from pydantic import SecretStr

from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.connectors.testing import ConnectorConformance, Gap, Kit, Oracle
from groundwire.connectors.testing_http import HTTPConformance, Service
from groundwire.connectors.testing_proxy import FaultyProxy
from groundwire.core.catalog import Entity, Field
from groundwire.core.connector import (
    AggregateFunction,
    And,
    Capabilities,
    Comparison,
    Deleted,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import Rejected

ROOT = Path(__file__).parent.parent
CHECKS = ConnectorConformance()
AGGREGATES: frozenset[AggregateFunction] = frozenset({"count", "count_distinct", "sum", "min", "max", "avg"})
ABLE = Capabilities(boolean=True, order=True, limit=True, aggregates=AGGREGATES, group_by=True)


class _Liar(MemoryConnector):
    """Declares everything and gets one thing wrong."""

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        yield from super().scan(self.falsified(scan), report)

    def falsified(self, scan: Scan) -> Scan:
        return scan


def _kit(kind: type[MemoryConnector], *gaps: Gap) -> Kit:
    rows = {"awkward": awkward()}
    made = kind.from_tables("mem", rows, capabilities=ABLE, pushdown=dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT))
    return Kit(connector=made, entities={e.name: e for e in made.discover()}, oracle=Oracle(rows), gaps=gaps)


class _IgnoresFilters(_Liar):
    def falsified(self, scan: Scan) -> Scan:
        return Scan(entity=scan.entity, fields=scan.fields, types=scan.types)


class _IgnoresLimits(_Liar):
    def falsified(self, scan: Scan) -> Scan:
        return Scan(entity=scan.entity, fields=scan.fields, order=scan.order, types=scan.types)


class _LosesARow(_Liar):
    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        for batch in super().scan(scan, report):
            yield batch.slice(1)


class _SwapsColumns(_Liar):
    def falsified(self, scan: Scan) -> Scan:
        return Scan(entity=scan.entity, fields=tuple(sorted(scan.fields)), types=scan.types)


class _TakesTheLastOfTwo(_Liar):
    """As an API does whose parameters stand in a dictionary."""

    def falsified(self, scan: Scan) -> Scan:
        terms = scan.where.terms if isinstance(scan.where, And) else ()
        last: dict[Any, Predicate] = {(t.field, t.op): t for t in terms if isinstance(t, Comparison)}
        lost = len(terms) == 2 and len(last) == 1
        return replace(scan, where=next(iter(last.values()))) if lost else scan


class _OrdersByTheLastKey(_Liar):
    """As an API does that takes one."""

    def falsified(self, scan: Scan) -> Scan:
        return replace(scan, order=scan.order[-1:])


class _KeepsMilliseconds(_Liar):
    def falsified(self, scan: Scan) -> Scan:
        one = scan.where
        if not isinstance(one, Comparison) or not isinstance(one.value, dt.datetime):
            return scan
        whole = one.value.replace(microsecond=one.value.microsecond // 1000 * 1000)
        return replace(scan, where=replace(one, value=whole))


@pytest.mark.parametrize(
    ("liar", "check"),
    [
        (_TakesTheLastOfTwo, "test_conditions_combine_as_in_sql"),
        (_OrdersByTheLastKey, "test_order_and_the_place_of_nulls_are_those_of_sql"),
        (_KeepsMilliseconds, "test_comparisons_give_the_rows_of_sql"),
        (_IgnoresFilters, "test_comparisons_give_the_rows_of_sql"),
        (_IgnoresFilters, "test_null_tests_give_the_rows_of_sql"),
        (_IgnoresFilters, "test_hostile_text_is_only_text"),
        (_IgnoresLimits, "test_limits_give_so_many_rows"),
        (_LosesARow, "test_a_full_scan_gives_every_value"),
        (_LosesARow, "test_aggregates_are_those_of_sql"),
        (_LosesARow, "test_order_and_the_place_of_nulls_are_those_of_sql"),
        (_SwapsColumns, "test_columns_come_in_the_order_asked_for"),
    ],
)
def test_a_connector_that_lies_is_found_out(liar: type[MemoryConnector], check: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="awkward"):
        getattr(CHECKS, check)(_kit(liar))


def test_a_gap_excuses_its_subject_and_no_other() -> None:
    check = "test_limits_give_so_many_rows"
    every = Gap(check=check, subject="awkward LIMIT *", owner="theirs", reason="it has no limit")
    CHECKS.test_limits_give_so_many_rows(_kit(_IgnoresLimits, every))
    one = Gap(check=check, subject="awkward LIMIT 0", owner="theirs", reason="it has no limit")
    with pytest.raises(pytest.fail.Exception, match="awkward LIMIT 1:"):
        CHECKS.test_limits_give_so_many_rows(_kit(_IgnoresLimits, one))


def test_a_gap_that_is_closed_fails_the_run() -> None:
    stale = Gap(check="test_limits_give_so_many_rows", owner="ours", reason="not done yet")
    with pytest.raises(pytest.fail.Exception, match=r"is closed: delete it"):
        CHECKS.test_limits_give_so_many_rows(_kit(MemoryConnector, stale))


# -- what it says of a connector that is not done ----------------------------------------------


class _Described(MemoryConnector):
    """Its one entity as a test wants it."""

    def described(self, entity: Entity) -> Entity:
        return entity

    def discover(self) -> list[Entity]:
        return [self.described(e) for e in super().discover()]


class _Stamped(_Described):
    """Has a cursor that is never null, and takes what bringing a copy up to date asks for."""

    nullable = False
    cursor = "changed"

    def described(self, entity: Entity) -> Entity:
        fields = [replace(f, nullable=self.nullable and f.name == "changed") for f in entity.fields]
        return replace(entity, fields=tuple(fields), primary_key=("id",), cursor=self.cursor)


class _NullableCursor(_Stamped):
    nullable = True


class _TextCursor(_Stamped):
    cursor = "name"


class _NoKeys(_Stamped):
    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        return Pushdown.NONE if comparison.field == "id" else super().supports(entity, comparison)


class _NoFilter(_Stamped):
    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        return Pushdown.NONE if comparison.field == "changed" else super().supports(entity, comparison)


class _HalfAClock(_Described):
    def clock(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)


class _Twins(_Described):
    def described(self, entity: Entity) -> Entity:
        return replace(entity, fields=(*entity.fields, Field(name="NAME", type=pa.string())))


class _OtherType(_Described):
    def described(self, entity: Entity) -> Entity:
        fields = [replace(f, type=pa.float64()) if f.name == "amount" else f for f in entity.fields]
        return replace(entity, fields=tuple(fields))


class _SaysNothing(_Described):
    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        raise Rejected("HTTP 400", source=self.name)


AMOUNTS = pa.array([None, 1, 2], pa.decimal128(8, 2))
STAMPS = pa.array([dt.datetime(2026, 1, d, tzinfo=dt.UTC) for d in (1, 2, 3)], pa.timestamp("us", tz="UTC"))
ROWS = {"it": pa.table({"id": [1, 2, 3], "name": ["a", None, "c"], "amount": AMOUNTS, "changed": STAMPS})}


def _told(kind: type[MemoryConnector], check: str) -> str:
    """What the kit says; the connector takes conditions joined by AND."""
    made = kind.from_tables(
        "mem", ROWS, capabilities=Capabilities(limit=True), pushdown=dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT)
    )
    # the body of the fixture, which pytest calls only for a test of its own
    kit = ConnectorConformance.kit.__wrapped__(CHECKS, made, ROWS, ())  # type: ignore[attr-defined]
    try:
        getattr(CHECKS, check)(kit)
    except pytest.fail.Exception as failed:
        return str(failed)
    return ""


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (_Stamped, ""),
        (_NullableCursor, "is null), with `capabilities.boolean`, or say `nullable=False`"),
        (_TextCursor, "a cursor is a time, a date or a whole number, not string"),
        (_NoKeys, "records can't be had by key: let `supports` take id in (1, 2)"),
        (_NoFilter, "the cursor is never used: let `supports` take changed >= datetime.datetime(2026, 1, 2"),
    ],
)
def test_a_cursor_that_no_sync_would_use_is_told_with_what_it_lacks(kind: type[MemoryConnector], told: str) -> None:
    found = _told(kind, "test_a_cursor_can_be_used")
    assert told in found
    assert bool(told) is bool(found)


def test_half_of_an_optional_protocol_is_told_with_the_other_half() -> None:
    told = _told(_HalfAClock, "test_optional_parts_are_whole")
    assert told == "SourceClock: AssertionError: clock is never asked without open_since"
    assert not _told(_Described, "test_optional_parts_are_whole")


def test_fields_that_differ_only_by_case_are_told_by_name() -> None:
    assert "SQL does not tell name and NAME apart" in _told(_Twins, "test_discovery_is_well_formed")


def test_a_field_of_another_type_is_told_once_and_no_other_check_stumbles_over_it() -> None:
    told = _told(_OtherType, "test_types_are_those_of_the_rows")
    assert (
        told
        == "it.amount: AssertionError: discover() says double, the fixture `rows` decimal128(8, 2): make them agree"
    )
    checks = [n for n in dir(ConnectorConformance) if n.startswith("test_") and n != "test_types_are_those_of_the_rows"]
    assert len(checks) > 15
    for check in set(checks) - {"test_secrets_are_never_shown"}:
        assert not _told(_OtherType, check), check


def test_a_refusal_that_says_nothing_is_told_with_how_to_hear_more() -> None:
    assert "HTTP 400 (make `fault` tell what the system says" in _told(_SaysNothing, "test_limits_give_so_many_rows")


# -- over HTTP -------------------------------------------------------------------------------


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the package that `groundwire new-connector` writes, and its stand-in."""
    for folder in ("new-connector", "new-connector/tests"):
        monkeypatch.syspath_prepend(ROOT / "connectors" / folder)
    import groundwire_acme  # type: ignore[import-not-found]

    yield groundwire_acme
    for name in ("groundwire_acme", "stand_in"):
        sys.modules.pop(name, None)


def _over_http(acme: Any, kind: type[Any], check: str, entity: str = "orders") -> str:
    from stand_in import TOKEN, StandIn  # type: ignore[import-not-found]

    def connect(url: str, timeout: float, page_rows: int) -> Any:
        settings = acme.AcmeSettings(url=url, token=SecretStr(TOKEN), timeout=timeout, page_rows=page_rows)
        return kind("acme", settings)

    checks = HTTPConformance()
    with StandIn() as server, FaultyProxy(server.url) as proxy:
        service = Service(
            url=server.url,
            connect=connect,
            entity=entity,
            rows=lambda: len(server.data[entity]),
            touch=server.touch,
            delete=server.delete,
        )
        try:
            kits = HTTPConformance.kit.__wrapped__(checks, service, proxy, ())  # type: ignore[attr-defined]
            getattr(checks, check)(next(kits), service=service, proxy=proxy)
        except (pytest.fail.Exception, AssertionError) as failed:
            return str(failed)
    return ""


def test_an_entity_that_is_not_there_is_told_with_those_that_are(acme: Any) -> None:
    told = _over_http(acme, acme.AcmeConnector, "test_a_change_moves_the_cursor", "order")
    assert told.startswith("discover() gives no 'order', but customers, orders")


def test_a_filter_on_the_cursor_that_lets_everything_through_is_found_out(acme: Any) -> None:
    class Ignores(acme.AcmeConnector):  # type: ignore[misc]
        def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
            yield from super().scan(replace(scan, where=None), report)

    told = _over_http(acme, Ignores, "test_a_change_moves_the_cursor")
    assert "records came that had not changed since" in told
    assert not _over_http(acme, acme.AcmeConnector, "test_a_change_moves_the_cursor")


def test_a_feed_of_deletions_that_no_sync_would_ask_is_found_out(acme: Any) -> None:
    class Fed(acme.AcmeConnector):  # type: ignore[misc]
        ago = dt.timedelta()

        def deleted(self, entity: Entity, since: dt.datetime) -> Deleted:
            return Deleted(keys=((6,),), until=since - self.ago)

    class Timed(Fed):
        def clock(self) -> dt.datetime:
            return dt.datetime.now(dt.UTC)

        def open_since(self) -> None:
            return None

    class Behind(Timed):
        ago = dt.timedelta(days=1)

    assert "add `clock`" in _over_http(acme, Fed, "test_a_deletion_is_seen")
    assert not _over_http(acme, Timed, "test_a_deletion_is_seen")
    assert "`until` is " in _over_http(acme, Behind, "test_a_deletion_is_seen")
