"""Arrow tables and data files in this process as a source: for tests, and for people's own data.

It can be given any set of capabilities, and it refuses what it did not declare, so tests can hold
the core to its word. Filters are evaluated with `pyarrow.compute`, whose three-valued logic is
SQL's; nothing here uses DuckDB, which serves tests as the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from pydantic import BaseModel, ConfigDict

from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import (
    And,
    Capabilities,
    Comparison,
    Connector,
    Not,
    Or,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import Rejected, SourceError

Support = Callable[[Entity, Comparison], Pushdown]

ALL_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null", "like")


class MemorySettings(BaseModel):
    """`tables` maps entity names to CSV, JSON-lines or Parquet files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: dict[str, Path] = {}


class MemoryConnector(Connector):
    """Entities held as `pyarrow.Table`.

    Attributes:
        scans: every scan that was asked for, oldest first.
    """

    Settings = MemorySettings

    def __init__(self, name: str, settings: MemorySettings) -> None:
        super().__init__(name, settings)
        self.tables: dict[str, pa.Table] = {}
        self.relations: Mapping[str, tuple[Relation, ...]] = {}
        self.primary_keys: Mapping[str, tuple[str, ...]] = {}
        self.capabilities = Capabilities()
        self.support: Support = lambda entity, comparison: Pushdown.NONE
        self.batch_rows = 1024
        self.fail_after: int | None = None
        self.failure: SourceError | None = None
        self.incomplete: str | None = None
        self.scans: list[Scan] = []
        self.closed = False

    @classmethod
    def from_tables(
        cls,
        name: str,
        tables: Mapping[str, pa.Table],
        *,
        capabilities: Capabilities | None = None,
        pushdown: Mapping[str, Pushdown] | Support | None = None,
        relations: Mapping[str, tuple[Relation, ...]] | None = None,
        primary_keys: Mapping[str, tuple[str, ...]] | None = None,
    ) -> MemoryConnector:
        """A source of these tables.

        Args:
            name: of the source.
            tables: by entity name.
            capabilities: what it executes itself; nothing by default.
            pushdown: for each operator how faithfully, or a function; by default not at all.
            relations: by entity name.
            primary_keys: by entity name.
        """
        made = cls(name, MemorySettings())
        made.tables = dict(tables)
        made.capabilities = capabilities or Capabilities()
        if callable(pushdown):
            made.support = pushdown
        elif pushdown is not None:
            made.support = lambda entity, comparison: pushdown.get(comparison.op, Pushdown.NONE)
        made.relations = relations or {}
        made.primary_keys = primary_keys or {}
        return made

    def discover(self) -> list[Entity]:
        for name, path in self.settings.tables.items():
            if name not in self.tables:
                self.tables[name] = self._load(path)
        return [
            Entity(
                source=self.name,
                name=name,
                fields=tuple(Field(name=f.name, type=f.type, nullable=f.nullable) for f in table.schema),
                primary_key=tuple(self.primary_keys.get(name, ())),
                relations=tuple(self.relations.get(name, ())),
                rows=table.num_rows,
            )
            for name, table in self.tables.items()
        ]

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        return self.support(entity, comparison)

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        self.scans.append(scan)
        report.native.append(f"memory scan of {scan.entity.name}")
        report.requests += 1
        self._refuse_undeclared(scan)
        table = self._follow_paths(scan)
        if scan.where is not None:
            table = table.filter(self._mask(table, scan.where, scan.entity))
        report.total = table.num_rows
        if scan.aggregates or scan.group_by:
            table = self._aggregated(table, scan)
        if scan.order:
            table = table.take(_sorted_indices(table, scan))
        if scan.limit is not None:
            table = table.slice(0, scan.limit)
        table = table.select(scan.schema.names).cast(scan.schema)
        if self.incomplete:
            report.incomplete.append(self.incomplete)
        for number, batch in enumerate(table.to_batches(max_chunksize=self.batch_rows)):
            if self.fail_after is not None and number >= self.fail_after:
                break
            yield batch
        if self.fail_after is not None:
            raise self.failure or Rejected("the connection broke", source=self.name)

    def close(self) -> None:
        self.closed = True

    def _load(self, path: Path) -> pa.Table:
        try:
            if path.suffix == ".parquet":
                return pyarrow.parquet.read_table(path)
            if path.suffix in (".json", ".jsonl", ".ndjson"):
                return pyarrow.json.read_json(path)
            return pyarrow.csv.read_csv(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise Rejected(f"can't read {path.name}: {error}", source=self.name) from None

    def _refuse_undeclared(self, scan: Scan) -> None:
        declared = self.capabilities
        for comparison in _comparisons(scan.where):
            if self.support(scan.entity, comparison) is Pushdown.NONE:
                raise Rejected(f"undeclared filter {comparison.field} {comparison.op}", source=self.name)
            if comparison.op in ("in", "not in") and len(comparison.value) > declared.max_in:
                raise Rejected("an IN list longer than declared", source=self.name)
        wrong = {
            "boolean": not declared.boolean and _has_boolean(scan.where),
            "order": not declared.order and bool(scan.order),
            "limit": not declared.limit and scan.limit is not None,
            "group by": not declared.group_by and bool(scan.group_by),
            "aggregate": any(a.function not in declared.aggregates for a in scan.aggregates),
            "path": any(f.count(".") > declared.paths for f in self._paths(scan)),
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise Rejected(f"undeclared {name}", source=self.name)

    def _paths(self, scan: Scan) -> list[str]:
        names = [*scan.fields, *scan.group_by, *(o.field for o in scan.order)]
        names += [a.field for a in scan.aggregates if a.field]
        names += [c.field for c in _comparisons(scan.where)]
        own = {f.name for f in scan.entity.fields}
        return [n for n in names if n not in own and "." in n]

    def _follow_paths(self, scan: Scan) -> pa.Table:
        table = self.tables[scan.entity.name]
        for path in dict.fromkeys(self._paths(scan)):
            table = table.append_column(path, self._path_column(scan.entity.name, self.tables[scan.entity.name], path))
        return table

    def _path_column(self, entity: str, table: pa.Table, path: str) -> pa.Array:
        name, _, rest = path.partition(".")
        if not rest:
            return table.column(name).combine_chunks()
        relation = next(r for r in self.relations[entity] if r.native == name)
        target = relation.target.partition(".")[2]
        there = self.tables[target]
        here_field, there_field = relation.on[0]
        index = pc.index_in(table.column(here_field), value_set=there.column(there_field).combine_chunks())
        index = pc.if_else(pc.is_valid(table.column(here_field)), index, None)
        values = self._path_column(target, there, rest)
        return values.take(index.combine_chunks() if isinstance(index, pa.ChunkedArray) else index)

    def _mask(self, table: pa.Table, predicate: Predicate, entity: Entity) -> Any:
        if isinstance(predicate, And):
            masks = [self._mask(table, t, entity) for t in predicate.terms]
            return _fold(pc.and_kleene, masks)
        if isinstance(predicate, Or):
            return _fold(pc.or_kleene, [self._mask(table, t, entity) for t in predicate.terms])
        if isinstance(predicate, Not):
            return pc.invert(self._mask(table, predicate.term, entity))
        loose = self.support(entity, predicate) is Pushdown.LOOSE
        return _compare(table.column(predicate.field), predicate, loose)

    def _aggregated(self, table: pa.Table, scan: Scan) -> pa.Table:
        names = {"count": "count", "count_distinct": "count_distinct", "sum": "sum", "min": "min", "max": "max", "avg": "mean"}
        if "*" not in table.column_names:
            table = table.append_column("*", pa.nulls(table.num_rows, pa.int64()))
        calls = [
            (a.field or "*", names[a.function], pc.CountOptions(mode="only_valid" if a.field else "all") if "count" in a.function else None)
            for a in scan.aggregates
        ]
        grouped = table.group_by(list(scan.group_by), use_threads=False).aggregate(calls)
        columns = list(grouped.columns)
        keys, values = columns[: len(scan.group_by)], columns[len(scan.group_by) :]
        if grouped.column_names[: len(scan.group_by)] != list(scan.group_by):
            values, keys = columns[: len(calls)], columns[len(calls) :]
        return pa.table([*keys, *values], names=[*scan.group_by, *(a.alias for a in scan.aggregates)])


def _comparisons(predicate: Predicate | None) -> Iterator[Comparison]:
    if isinstance(predicate, Comparison):
        yield predicate
    elif isinstance(predicate, Not):
        yield from _comparisons(predicate.term)
    elif predicate is not None:
        for term in predicate.terms:
            yield from _comparisons(term)


def _has_boolean(predicate: Predicate | None) -> bool:
    if isinstance(predicate, And):
        return any(_has_boolean(t) for t in predicate.terms)
    return isinstance(predicate, Or | Not)


def _fold(function: Callable[[Any, Any], Any], masks: list[Any]) -> Any:
    result = masks[0]
    for mask in masks[1:]:
        result = function(result, mask)
    return result


def _compare(column: pa.ChunkedArray, comparison: Comparison, loose: bool) -> Any:
    op, value = comparison.op, comparison.value
    if op == "is null":
        return pc.is_null(column)
    if op == "is not null":
        return pc.is_valid(column)
    text = pa.types.is_string(column.type)
    if loose and text and op in ("=", "in", "like"):
        column = pc.utf8_lower(column)
        value = tuple(v.lower() for v in value) if op == "in" else value.lower()
    elif loose:
        return pc.is_valid(column)
    if op in ("in", "not in"):
        found = pc.is_in(column, value_set=pa.array(list(value)).cast(column.type))
        mask = found if op == "in" else pc.invert(found)
        return pc.if_else(pc.is_valid(column), mask, None)
    if op == "like":
        return pc.match_like(column, value)
    functions = {"=": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}
    return functions[op](column, pa.scalar(value).cast(column.type))


def _sorted_indices(table: pa.Table, scan: Scan) -> Any:
    """Row numbers in order; keys are sorted last to first with a stable sort, NULLs where asked."""
    index = pa.array(range(table.num_rows), pa.int64())
    for key in reversed(scan.order):
        column = table.column(key.field).take(index)
        direction = "descending" if key.descending else "ascending"
        placement = "at_start" if key.nulls_first else "at_end"
        order = pc.array_sort_indices(column.combine_chunks(), order=direction, null_placement=placement)
        index = index.take(order)
    return index
