"""What a sync reads from a source: rows, changes, keys, counts, and rows one by one where some are damaged.

A read either ends cleanly or raises: a source that left something out without an error is treated as one
that failed, because what is missing from a clean read is taken for deleted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from groundwire.core.catalog import Entity
from groundwire.core.connector import (
    Aggregate,
    And,
    ChangedSince,
    Comparison,
    Connector,
    Not,
    Or,
    Predicate,
    Pushdown,
    QueryPushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import Rejected, Unavailable
from groundwire.core.retry import retrying
from groundwire.core.schema import duckdb_type

MOST_DAMAGED = 1_000
"""Rows that one sync may put aside; with more, it is not the rows that are wrong."""

PATIENCE = 30.0
"""Seconds in which a read that failed is tried again."""

_COUNT = "groundwire_count"


@dataclass
class Reader:
    """Reads of one entity.

    Attributes:
        connector: of the source.
        entity: as the source describes it now, with every field.
        fields: names of those that are read.
        damaged: keys of rows that the source could not deliver, with the reason.
        requests: round trips made.
        rows: rows delivered.
    """

    connector: Connector
    entity: Entity
    fields: tuple[str, ...] = ()
    damaged: dict[tuple[Any, ...], str] = field(default_factory=dict)
    requests: int = 0
    rows: int = 0

    # -- what the source can do --------------------------------------------------------------

    def takes(self, predicate: Predicate) -> bool:
        """Whether the source reads no more than what fits this predicate, or little more."""
        if isinstance(predicate, Comparison):
            return self.connector.supports(self.entity, predicate) is not Pushdown.NONE
        if isinstance(predicate, Not):
            return self.connector.capabilities.boolean and self.takes(predicate.term)
        if isinstance(predicate, Or) and not self.connector.capabilities.boolean:
            return False
        return all(self.takes(t) for t in predicate.terms)

    def changed(self, cursor: str, since: Any) -> Predicate:
        """The records that have changed since the cursor had this value, and those that have none."""
        if isinstance(self.connector, ChangedSince):
            return self.connector.changed_since(self.entity, cursor, since)
        later = Comparison(field=cursor, op=">=", value=since)
        if not self.entity.field(cursor).nullable:
            return later
        return Or((later, Comparison(field=cursor, op="is null")))

    def has_keys(self) -> bool:
        """Whether records can be picked by key."""
        one = tuple(sample(self.entity.field(k).type) for k in self.entity.primary_key)
        return bool(one) and self.takes(self.picked([one]))

    # -- reading -------------------------------------------------------------------------------

    def read(self, where: Predicate | None, fields: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The records that fit, whole or only some fields.

        Raises:
            SourceError: not everything was delivered.
        """
        names = tuple(fields) if fields is not None else self.fields
        types = {n: self.entity.field(n).type for n in names}
        scan = Scan(entity=self.entity, fields=names, where=where, types=types)
        report = ScanReport(patient=True)
        yield from self.whole(self.connector.scan(scan, report), report)

    def read_counted(
        self, where: Predicate, cursor: str, since: Any, told: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The records that fit; first says how many records the source holds in all, at the same instant if it can.

        A database says both in one statement, so that nothing can happen in between. Others are counted
        before they are read.
        """
        query = self._counting_query(where, cursor, since)
        if query is not None:
            yield from self._read_query(query, told)
            return
        count = self.count()
        if count is not None:
            told(count)
        yield from self.read(where)

    def read_carefully(self, where: Predicate | None) -> Iterator[pa.RecordBatch]:
        """The records that fit, where some make the source fail: those are noted in `damaged` and left out."""
        for keys in self.read(where, self.entity.primary_key):
            yield from self.pick(_tuples(keys))

    def pick(self, keys: Sequence[tuple[Any, ...]]) -> Iterator[pa.RecordBatch]:
        """The records with these keys; damaged ones are noted in `damaged` and left out."""
        able = self.connector.capabilities
        size = able.max_in
        if len(self.entity.primary_key) > 1:  # several keys of several fields take an OR
            size = max(1, min(size, 50)) if able.boolean else 1
        for start in range(0, len(keys), size):
            yield from self._pick(keys[start : start + size])

    def _pick(self, keys: Sequence[tuple[Any, ...]]) -> Iterator[pa.RecordBatch]:
        try:
            yield from list(self.read(self.picked(keys)))
        except Rejected as error:
            if len(keys) == 1:
                self.damaged[keys[0]] = str(error)
                if len(self.damaged) > MOST_DAMAGED:
                    raise Rejected(
                        f"more than {MOST_DAMAGED:,} rows of {self.entity.name} can't be read; the last: {error}",
                        source=self.entity.source,
                    ) from None
                return
            half = len(keys) // 2
            yield from self._pick(keys[:half])
            yield from self._pick(keys[half:])

    def picked(self, keys: Sequence[tuple[Any, ...]]) -> Predicate:
        """The records with these keys."""
        names = self.entity.primary_key
        if len(names) == 1:
            return Comparison(field=names[0], op="in", value=tuple(k[0] for k in keys))
        each = [And(tuple(Comparison(field=n, op="=", value=v) for n, v in zip(names, k, strict=True))) for k in keys]
        return each[0] if len(each) == 1 else Or(tuple(each))

    def count(self) -> int | None:
        """How many records the source holds; None where it can't say."""
        found = self._aggregate(Aggregate(function="count", field=None, alias="n"), pa.int64())
        return None if found is None else int(found)

    def extreme(self, name: str, function: str) -> Any:
        """The least (`min`) or greatest (`max`) value of a field; None where there is none or the source can't say."""
        wanted = Aggregate(function="min" if function == "min" else "max", field=name, alias="n")
        try:
            return self._aggregate(wanted, self.entity.field(name).type)
        except Rejected:  # it is a damaged value
            return None

    def _aggregate(self, wanted: Aggregate, type_: pa.DataType) -> Any:
        if not self.connector.aggregates(self.entity, wanted):
            return None
        scan = Scan(entity=self.entity, aggregates=(wanted,), types={"n": type_})
        report = ScanReport(patient=True)
        values = [v for b in self.whole(self.connector.scan(scan, report), report) for v in b.column(0).to_pylist()]
        self.rows -= len(values)
        return values[0] if values else None

    def whole(self, stream: Iterator[pa.RecordBatch], report: ScanReport) -> Iterator[pa.RecordBatch]:
        """What a connector delivers, counted; it is an error if anything is missing.

        Raises:
            SourceError: in any batch, or at the end.
        """
        try:
            with closing(stream if hasattr(stream, "close") else (b for b in stream)) as batches:  # type: ignore[type-var]
                for batch in batches:
                    self.rows += batch.num_rows
                    if batch.num_rows:
                        yield batch
        finally:
            self.requests += report.requests
        if report.incomplete:
            raise Unavailable(f"not read to its end: {report.incomplete[0]}", source=self.entity.source)

    # -- changes and the number of all records, in one statement -------------------------------

    def _counting_query(self, where: Predicate, cursor: str, since: Any) -> exp.Query | None:
        connector = self.connector
        if not isinstance(connector, QueryPushdown) or isinstance(where, And | Not):
            return None
        condition = _later(cursor, since, self.entity.field(cursor).type)
        if isinstance(where, Or):
            condition = exp.or_(condition, exp.Is(this=_column(cursor, "t"), expression=exp.null()))
        counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), _COUNT, quoted=True)).from_(self._table("c"))
        query = exp.select(
            exp.alias_(_column(_COUNT, "n"), _COUNT, quoted=True),
            *(exp.alias_(_column(name, "t"), name, quoted=True) for name in self.fields),
        ).from_(exp.Subquery(this=counted, alias=exp.TableAlias(this=exp.to_identifier("n", quoted=True))))
        query = query.join(self._table("t"), on=condition, join_type="left")
        return query if connector.refuses(query) is None else None

    def _read_query(self, query: exp.Query, told: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
        assert isinstance(self.connector, QueryPushdown)
        fields = [pa.field(name, self.entity.field(name).type) for name in self.fields]
        schema = pa.schema([pa.field(_COUNT, pa.int64()), *fields])
        report = ScanReport(patient=True)
        said = False
        first_key = self.entity.primary_key[0]
        for batch in self.whole(self.connector.scan_query(query, schema, report), report):
            if not said:
                told(batch.column(0)[0].as_py())
                said = True
            rows = batch.select(list(self.fields))
            yield rows.filter(pc.is_valid(rows.column(first_key)))  # one row of NULLs says that nothing changed

    def _table(self, alias: str) -> exp.Table:
        table = exp.Table(
            this=exp.to_identifier(self.entity.name, quoted=True),
            db=exp.to_identifier(self.entity.source, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
        )
        table.meta["entity"] = self.entity
        return table


def _column(name: str, alias: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def _later(cursor: str, since: Any, type_: pa.DataType) -> exp.Expr:
    value: exp.Expr = exp.Literal.number(since)
    if isinstance(since, datetime):
        text = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if since.tzinfo else since.isoformat(sep=" ")
        value = exp.cast(exp.Literal.string(f"{text}+00:00" if since.tzinfo else text), duckdb_type(type_))
    elif isinstance(since, date):
        value = exp.cast(exp.Literal.string(since.isoformat()), "date")
    return exp.GTE(this=_column(cursor, "t"), expression=value)


def begun(read: Callable[[], Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """What is read, tried again where the source is away before it has delivered anything."""

    def start() -> tuple[pa.RecordBatch | None, Iterator[pa.RecordBatch]]:
        batches = read()
        return next(batches, None), batches

    first, rest = retrying(start, deadline=time.monotonic() + PATIENCE)
    if first is not None:
        yield first
        yield from rest


def key_text(key: Iterable[Any]) -> str:
    """A key as text, by which quarantine knows it."""
    return json.dumps(list(key), default=lambda v: v.hex() if isinstance(v, bytes) else str(v), ensure_ascii=False)


def _tuples(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    return list(zip(*(c.to_pylist() for c in batch.columns), strict=True))


def tuples(batch: pa.RecordBatch, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of some columns, row by row."""
    return _tuples(batch.select(list(names)))


def sample(type_: pa.DataType) -> Any:
    """Any value of a type, to ask whether a comparison is declared for it."""
    if pa.types.is_timestamp(type_):
        return datetime(2000, 1, 1, tzinfo=UTC if type_.tz else None)
    if pa.types.is_date(type_):
        return date(2000, 1, 1)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return "x"
    return b"x" if pa.types.is_binary(type_) else pa.scalar(1).cast(type_).as_py()
