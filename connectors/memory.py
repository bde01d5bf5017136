"""Arrow tables and data files in this process as a source: for tests, and for people's own data.

It can be given any set of capabilities, and it refuses what it did not declare, so tests can hold
the core to its word. Filters are evaluated with `pyarrow.compute`, whose three-valued logic is
SQL's; nothing here uses DuckDB, which serves tests as the oracle.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from pydantic import BaseModel, ConfigDict

from groundwire.connectors.conditions import comparisons
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
from groundwire.core.errors import Rejected, SourceError, Unavailable

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
        batch_rows: rows in one batch at most.
        fail_after: batches after which every scan fails; None for never.
        failure: what it fails with; a `Rejected` unless set.
        incomplete: what every scan reports as its reason for missing records; None for none.
        closed: whether `close` was called.
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
        batch_rows: int = 1024,
        fail_after: int | None = None,
        failure: SourceError | None = None,
        incomplete: str | None = None,
    ) -> MemoryConnector:
        """A source of these tables.

        Args:
            name: of the source.
            tables: by entity name.
            capabilities: what it executes itself; nothing by default.
            pushdown: for each operator how faithfully, or a function; by default not at all.
            relations: by entity name.
            primary_keys: by entity name.
            batch_rows, fail_after, failure, incomplete: see the attributes.
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
        made.batch_rows = batch_rows
        made.fail_after = fail_after
        made.failure = failure
        made.incomplete = incomplete
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
        with report.request(self.system, "scan"):
            yield from self._delivered(scan, report)

    def _delivered(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        self._refuse_undeclared(scan)
        table = self._follow_paths(scan)
        if scan.where is not None:
            table = table.filter(self._mask(table, scan.where, scan.entity))
        report.total = table.num_rows
        if scan.aggregates or scan.group_by:
            table = _aggregated(table, scan)
        if scan.order:
            table = table.take(sorted_indices(table, scan))
        if scan.limit is not None:
            table = table.slice(0, scan.limit)
        try:
            table = table.select(scan.schema.names).cast(scan.schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Rejected(f"values don't fit the scan's types: {error}", source=self.name) from None
        if self.incomplete:
            report.incomplete.append(self.incomplete)
        batches = table.to_batches(max_chunksize=self.batch_rows)
        for batch in batches if self.fail_after is None else batches[: self.fail_after]:
            if report.deadline is not None and time.monotonic() > report.deadline:
                raise Unavailable("took longer than the time limit", source=self.name)
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
        if scan.entity.name not in self.tables:
            raise Rejected(f"no entity {scan.entity.name!r}", source=self.name)
        for comparison in comparisons(scan.where):
            if self.support(scan.entity, comparison) is Pushdown.NONE:
                raise Rejected(f"undeclared filter {comparison.field} {comparison.op}", source=self.name)
            if comparison.op in ("in", "not in") and len(comparison.value) > declared.max_in:
                raise Rejected("an IN list longer than declared", source=self.name)
        aggregated = bool(scan.group_by or scan.aggregates)
        wrong = {
            "boolean": not declared.boolean and _has_boolean(scan.where),
            "order": any(not self.orders(scan.entity, o.field) for o in scan.order),
            "limit": not declared.limit and scan.limit is not None,
            "limit over loose filters": scan.limit is not None and self._is_loose(scan),
            "aggregate over loose filters": aggregated and self._is_loose(scan),
            "group by": any(not self.groups(scan.entity, name) for name in scan.group_by),
            "aggregate": any(not self.aggregates(scan.entity, a) for a in scan.aggregates),
            "path": any(f.count(".") > declared.paths for f in self._paths(scan)),
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise Rejected(f"undeclared {name}", source=self.name)
        own = {f.name for f in scan.entity.fields} | set(self._paths(scan))
        for name in self._names(scan):
            if name not in own:
                raise Rejected(f"no field {name!r} in {scan.entity.name}", source=self.name)

    def _is_loose(self, scan: Scan) -> bool:
        return any(self.support(scan.entity, c) is Pushdown.LOOSE for c in comparisons(scan.where))

    def _names(self, scan: Scan) -> list[str]:
        names = [*scan.fields, *scan.group_by]
        if not (scan.group_by or scan.aggregates):
            names += [o.field for o in scan.order]
        names += [a.field for a in scan.aggregates if a.field is not None]
        return names + [c.field for c in comparisons(scan.where)]

    def _paths(self, scan: Scan) -> list[str]:
        own = {f.name for f in scan.entity.fields}
        return [n for n in self._names(scan) if n not in own and "." in n]

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


_FUNCTIONS = {
    "count": "count",
    "count_distinct": "count_distinct",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "avg": "mean",
}


def _aggregated(table: pa.Table, scan: Scan) -> pa.Table:
    """One row for each group, or one row in all; NULLs are skipped as in SQL."""
    keys = [f"k{i}" for i in range(len(scan.group_by))]
    columns = [table.column(name) for name in scan.group_by]
    calls: list[tuple[str, str, Any]] = []
    for number, aggregate in enumerate(scan.aggregates):
        mode = None
        if aggregate.field is None:
            column = pa.chunked_array([pa.nulls(table.num_rows, pa.int64())])
            mode = pc.CountOptions(mode="all")
        else:
            column = _summable(table.column(aggregate.field), aggregate.function)
            if aggregate.function in ("count", "count_distinct"):
                mode = pc.CountOptions(mode="only_valid")
        columns.append(column)
        calls.append((f"a{number}", _FUNCTIONS[aggregate.function], mode))
    named = pa.table(columns, names=[*keys, *(c[0] for c in calls)])
    grouped = named.group_by(keys, use_threads=False).aggregate(calls)
    picked = [grouped.column(k) for k in keys] + [grouped.column(f"{c}_{f}") for c, f, _ in calls]
    return pa.table(picked, names=[*scan.group_by, *(a.alias for a in scan.aggregates)])


def _summable(column: pa.ChunkedArray, function: str) -> pa.ChunkedArray:
    """The column in a type in which the function neither wraps around nor rounds."""
    if function == "sum" and pa.types.is_integer(column.type):
        return column.cast(pa.decimal128(38, 0))
    if function == "avg":
        return column.cast(pa.float64())
    return column


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
    if loose and pa.types.is_string(column.type) and op in ("=", "in", "like"):
        column = pc.utf8_lower(column)
        value = tuple(map(_lower, value)) if op == "in" else _lower(value)
    elif loose:
        return pc.is_valid(column)
    if op in ("in", "not in"):
        found = pc.is_in(column, value_set=pa.array(list(value)).cast(column.type))
        mask = found if op == "in" else pc.invert(found)
        return pc.if_else(pc.is_valid(column), mask, None)
    if op == "like":
        return pc.match_substring_regex(column, _like_pattern(value))
    return _COMPARE[op](column, pa.scalar(value).cast(column.type))


def _lower(text: str) -> str:
    lowered: str = pc.utf8_lower(pa.scalar(text)).as_py()
    return lowered


def _like_pattern(pattern: str) -> str:
    """LIKE without an escape character, as a regular expression (`pc.match_like` has one)."""
    parts = {"%": ".*", "_": "."}
    return r"(?s)\A" + "".join(parts.get(c) or re.escape(c).replace("\x00", "x00") for c in pattern) + r"\z"


def _equal(column: Any, value: Any) -> Any:
    """NaN is equal to itself, as in DuckDB and PostgreSQL."""
    if _is_nan(value):
        return pc.is_nan(column)
    return pc.equal(column, value)


def _less(column: Any, value: Any) -> Any:
    if _is_nan(value):
        return pc.invert(pc.is_nan(column))
    return pc.less(column, value)


def _greater(column: Any, value: Any) -> Any:
    """NaN is greater than every number."""
    if not pa.types.is_floating(column.type):
        return pc.greater(column, value)
    if _is_nan(value):
        return pc.and_(pc.is_nan(column), False)
    return pc.or_(pc.greater(column, value), pc.is_nan(column))


def _is_nan(value: pa.Scalar) -> bool:
    plain = value.as_py()
    return isinstance(plain, float) and plain != plain


_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": _equal,
    "!=": lambda column, value: pc.invert(_equal(column, value)),
    "<": _less,
    "<=": lambda column, value: pc.invert(_greater(column, value)),
    ">": _greater,
    ">=": lambda column, value: pc.invert(_less(column, value)),
}


def sorted_indices(table: pa.Table, scan: Scan) -> Any:
    """Row numbers in order; keys are sorted last to first with a stable sort, NULLs where asked."""
    index = pa.array(range(table.num_rows), pa.int64())
    for key in reversed(scan.order):
        column = table.column(key.field).take(index)
        direction = "descending" if key.descending else "ascending"
        placement = "at_start" if key.nulls_first else "at_end"
        order = pc.array_sort_indices(column.combine_chunks(), order=direction, null_placement=placement)
        index = index.take(order)
    return index
