"""The memory connector: an honest fake that can be told to fail, and a source for people's own files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector, MemorySettings
from groundwire.core.catalog import Entity, Relation
from groundwire.core.connector import (
    Aggregate,
    Capabilities,
    Comparison,
    Not,
    Order,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import Rejected, SourceError, Unavailable

TABLE = pa.table({"id": [1, 2, 3, 4], "name": ["a", "B", None, "b"], "owner_id": [7, 8, None, 9]})
OWNERS = pa.table({"id": [7, 8], "name": ["Kim", "Lee"]})
OWNER = Relation(name="owner", target="mem.owners", on=(("owner_id", "id"),), native="owner")


def _entity(connector: MemoryConnector) -> Entity:
    return next(e for e in connector.discover() if e.name == "things")


def _read(connector: MemoryConnector, **parts: object) -> list[dict[str, object]]:
    entity = _entity(connector)
    types = {f.name: f.type for f in entity.fields} | {"owner.name": pa.string(), "n": pa.int64()}
    scan = Scan(entity=entity, types=types, **{"fields": ("id",), **parts})  # type: ignore[arg-type]
    return [row for batch in connector.scan(scan, ScanReport()) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    "parts",
    [
        {"where": Comparison(field="id", op="=", value=1)},
        {"order": (Order(field="id"),)},
        {"limit": 1},
        {"fields": (), "aggregates": (Aggregate(function="count", field=None, alias="n"),)},
        {"fields": (), "group_by": ("name",)},
        {"fields": ("owner.name",)},
        {"fields": ("nothing",)},
    ],
)
def test_what_was_not_declared_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises(Rejected):
        _read(MemoryConnector.from_tables("mem", {"things": TABLE}), **parts)


def test_not_needs_boolean() -> None:
    where = Not(Comparison(field="id", op="=", value=1))
    pushdown = {"=": Pushdown.EXACT}
    with pytest.raises(Rejected):
        _read(MemoryConnector.from_tables("mem", {"things": TABLE}, pushdown=pushdown), where=where)
    able = Capabilities(boolean=True)
    made = MemoryConnector.from_tables("mem", {"things": TABLE}, pushdown=pushdown, capabilities=able)
    assert [r["id"] for r in _read(made, where=where)] == [2, 3, 4]


def test_loose_filters_return_more_and_can_not_be_limited() -> None:
    able = Capabilities(limit=True)
    made = MemoryConnector.from_tables("mem", {"things": TABLE}, pushdown={"=": Pushdown.LOOSE}, capabilities=able)
    where = Comparison(field="name", op="=", value="b")
    assert [r["id"] for r in _read(made, where=where)] == [2, 4]
    with pytest.raises(Rejected):
        _read(made, where=where, limit=1)


def test_paths_follow_to_one_relations_and_end_in_null() -> None:
    made = MemoryConnector.from_tables(
        "mem",
        {"things": TABLE, "owners": OWNERS},
        relations={"things": (OWNER,)},
        capabilities=Capabilities(paths=1),
        pushdown={"=": Pushdown.EXACT},
    )
    assert [r["owner.name"] for r in _read(made, fields=("owner.name",))] == ["Kim", "Lee", None, None]
    assert _read(made, where=Comparison(field="owner.name", op="=", value="Lee")) == [{"id": 2}]


def test_it_fails_after_as_many_batches_as_it_is_told() -> None:
    failure = Unavailable("page two is gone", source="mem")
    made = MemoryConnector.from_tables("mem", {"things": TABLE}, batch_rows=1, fail_after=2, failure=failure)
    entity = _entity(made)
    stream = made.scan(Scan(entity=entity, fields=("id",), types={"id": pa.int64()}), ScanReport())
    assert [next(stream).to_pylist(), next(stream).to_pylist()] == [[{"id": 1}], [{"id": 2}]]
    with pytest.raises(Unavailable, match="page two"):
        next(stream)


def test_it_reports_what_is_missing_and_remembers_what_was_asked() -> None:
    made = MemoryConnector.from_tables("mem", {"things": TABLE}, incomplete="rows hidden by a rule")
    report = ScanReport()
    scan = Scan(entity=_entity(made), fields=("name",), types={"name": pa.string()})
    assert sum(b.num_rows for b in made.scan(scan, report)) == 4
    assert report.incomplete == ["rows hidden by a rule"]
    assert made.scans == [scan]


def test_a_sum_beyond_64_bits_is_an_error_and_never_wraps() -> None:
    able = Capabilities(aggregates=frozenset({"sum"}))
    big = pa.table({"id": [2**62, 2**62, 2**62]})
    made = MemoryConnector.from_tables("mem", {"things": big}, capabilities=able)
    with pytest.raises(Rejected):
        _read(made, fields=(), aggregates=(Aggregate(function="sum", field="id", alias="n"),))


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_files_are_sources(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"people.{ending}"
    if ending == "parquet":
        pyarrow.parquet.write_table(pa.table({"id": [1, 2], "name": ["a", None]}), path)
    else:
        path.write_text(
            '{"id": 1, "name": "a"}\n{"id": 2, "name": null}\n' if ending == "jsonl" else "id,name\n1,a\n2,b\n"
        )
    made = MemoryConnector("mem", MemorySettings(tables={"people": path}))
    [people] = made.discover()
    assert [f.type for f in people.fields] == [pa.int64(), pa.string()]
    assert people.rows == 2


def test_a_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    made = MemoryConnector("mem", MemorySettings(tables={"people": tmp_path / "people.csv"}))
    with pytest.raises(SourceError, match=r"people\.csv"):
        made.discover()


def test_a_record_that_a_loose_source_gives_for_two_lists_of_keys_counts_once() -> None:
    loose = MemoryConnector.from_tables(
        "mem",
        {"things": TABLE, "owners": pa.table({"id": [7, 8, 1, 2, 3, 4], "name": ["Kim", "Lee", "a", "b", "c", "d"]})},
        relations={"things": (OWNER,)},
        capabilities=Capabilities(max_in=1),
        pushdown={"in": Pushdown.LOOSE},
    )
    with Hub([loose]) as hub:
        result = hub.query("SELECT owner.name, COUNT(*) AS n FROM mem.things GROUP BY 1 ORDER BY 1 NULLS LAST")
        assert "keys of" in hub.explain("SELECT owner.name, COUNT(*) AS n FROM mem.things GROUP BY 1")
    assert result.rows() == [("Kim", 1), ("Lee", 1), (None, 2)]
