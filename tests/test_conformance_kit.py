"""The conformance kit finds liars, and its gaps are strict."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from awkward import awkward

from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.connectors.testing import ConnectorConformance, Gap, Kit, Oracle
from groundwire.core.connector import AggregateFunction, Capabilities, Pushdown, Scan, ScanReport

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


@pytest.mark.parametrize(
    ("liar", "check"),
    [
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
