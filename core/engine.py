"""Plans carried out: fragments read concurrently, joined by DuckDB, and nothing hidden.

Every fragment is read within a time limit and a budget of rows and bytes. What was cut short or
could not be read is said in the result; it is never only missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from groundwire.core.config import LimitsConfig
from groundwire.core.connector import And, Comparison, Connector, QueryPushdown, Scan, ScanReport
from groundwire.core.errors import QueryError, Rejected, RetryableError, SourceError
from groundwire.core.planner import Fragment, Plan
from groundwire.core.query import DIALECT
from groundwire.core.result import Completeness, Result, SourceReport
from groundwire.core.retry import retrying
from groundwire.core.schema import open_engine, plain_type

Progress = Callable[[str], None]
"""Called with one short sentence when something starts or ends."""

MAX_KEY_BATCHES = 50
"""IN lists that one dynamic filter may take; with more keys the fragment is read without it."""


@dataclass
class _Read:
    """One fragment's rows and everything to be said about them."""

    fragment: Fragment
    table: pa.Table
    reports: list[ScanReport] = field(default_factory=list)
    seconds: float = 0.0
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def incomplete(self) -> list[str]:
        return [reason for report in self.reports for reason in report.incomplete]


def execute(
    plan: Plan,
    connectors: Mapping[str, Connector],
    limits: LimitsConfig,
    *,
    on_error: str = "raise",
    progress: Progress | None = None,
) -> Result:
    """Carry out a plan.

    Args:
        plan: from `planner.plan`.
        connectors: by source name.
        limits: budgets of rows and bytes for each fragment, and the time for the whole, in seconds.
        on_error: `raise`, or `incomplete` for a marked result from what could be read.
        progress: told as reads start and end.

    Raises:
        SourceError: a source failed and `on_error` is `raise`.
        QueryError: the values don't fit the query, as in a cast that fails.
    """
    started = time.monotonic()
    reader = _Reader(plan, connectors, limits, on_error, progress or (lambda _: None), started + limits.timeout)
    reads = reader.read_all()
    if plan.residual is None:
        table = _renamed(reads[0].table, plan.schema)
    else:
        table = _residual(plan, reads, limits)
    truncated = plan.limit is not None and table.num_rows > plan.limit
    if truncated:
        table = table.slice(0, plan.limit)
    if table.num_rows > limits.rows:
        table, truncated = table.slice(0, limits.rows), True
    broken = any(r.incomplete for r in reads)
    return Result(
        table=table,
        sources=_source_reports(reads),
        query=plan.bound.sql(),
        truncated=truncated,
        completeness=_completeness(plan.bound.tree) if broken else "exact",
        notes=tuple(dict.fromkeys(plan.bound.notes)),
        seconds=time.monotonic() - started,
    )


class _Reader:
    def __init__(
        self,
        plan: Plan,
        connectors: Mapping[str, Connector],
        limits: LimitsConfig,
        on_error: str,
        progress: Progress,
        deadline: float,
    ) -> None:
        self.plan = plan
        self.connectors = connectors
        self.limits = limits
        self.on_error = on_error
        self.progress = progress
        self.deadline = deadline
        self.stop = threading.Event()

    def read_all(self) -> list[_Read]:
        fragments = self.plan.fragments
        if len(fragments) == 1 and not fragments[0].keys:
            return [self._read(fragments[0], {})]
        futures: dict[str, Future[_Read]] = {}
        with ThreadPoolExecutor(max_workers=max(1, len(fragments)), thread_name_prefix="scan") as pool:
            for fragment in fragments:
                futures[fragment.name] = pool.submit(self._read, fragment, dict(futures))
            try:
                return [futures[f.name].result() for f in fragments]
            except BaseException:
                self.stop.set()
                for future in futures.values():
                    future.cancel()
                raise

    def _read(self, fragment: Fragment, earlier: Mapping[str, Future[_Read]]) -> _Read:
        keys = self._keys(fragment, earlier)
        started = time.monotonic()
        names = ", ".join(e.full_name for e in fragment.entities)
        if keys is not None and not keys[1]:
            return _Read(fragment, fragment.schema.empty_table())
        self.progress(f"reading {names}")
        read = _Read(fragment, fragment.schema.empty_table())
        connector = self.connectors[fragment.source]
        pieces = [fragment] if keys is None else list(_with_keys(fragment, connector, *keys))
        if len(pieces) == 1:
            tables = [self._piece(pieces[0], connector, read)]
        else:
            workers = max(1, min(connector.capabilities.concurrency, len(pieces)))
            with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="keys") as pool:
                tables = list(pool.map(lambda p: self._piece(p, connector, read), pieces))
        read.table = pa.concat_tables(tables) if len(tables) > 1 else tables[0]
        read.seconds = time.monotonic() - started
        read.as_of = min((r.as_of for r in read.reports), default=read.as_of)
        self.progress(f"read {read.table.num_rows:,} rows of {names} in {read.seconds:.1f} s")
        return read

    def _keys(self, fragment: Fragment, earlier: Mapping[str, Future[_Read]]) -> tuple[str, list[Any]] | None:
        """The shortest list of keys that bounds this fragment, if one is short enough to send."""
        best: tuple[str, list[Any]] | None = None
        most = self.connectors[fragment.source].capabilities.max_in * MAX_KEY_BATCHES
        for key in fragment.keys:
            driver = earlier[key.fragment].result()
            column = driver.table.column(key.column)
            values = pc.unique(column).drop_null()
            if len(values) <= most and (best is None or len(values) < len(best[1])):
                best = (key.field, values.to_pylist())
        return best

    def _piece(self, fragment: Fragment, connector: Connector, read: _Read) -> pa.Table:
        try:
            return retrying(lambda: self._attempt(fragment, connector, read), deadline=self.deadline)
        except SourceError as error:
            if self.on_error != "incomplete":
                raise
            report = ScanReport()
            report.incomplete.append(f"not read: {error}")
            read.reports.append(report)
            return fragment.schema.empty_table()

    def _attempt(self, fragment: Fragment, connector: Connector, read: _Read) -> pa.Table:
        report = ScanReport(deadline=self.deadline)
        batches: list[pa.RecordBatch] = []
        rows = size = 0
        if fragment.query is not None:
            assert isinstance(connector, QueryPushdown)
            stream = connector.scan_query(fragment.query, fragment.schema, report)
        else:
            assert fragment.scan is not None
            stream = connector.scan(fragment.scan, report)
        with closing(_closable(stream)) as open_stream:
            try:
                for batch in open_stream:
                    if batch.schema != fragment.schema:
                        batch = _cast_batch(batch, fragment.schema, fragment.source)
                    batches.append(batch)
                    rows += batch.num_rows
                    size += batch.nbytes
                    if rows > self.limits.rows or size > self.limits.bytes:
                        report.incomplete.append(
                            f"stopped after {rows:,} rows and {size:,} bytes: the budget is "
                            f"{self.limits.rows:,} rows and {self.limits.bytes:,} bytes"
                        )
                        break
                    if self.stop.is_set():
                        break
            except RetryableError:
                raise
            except SourceError as error:
                if self.on_error != "incomplete" or not batches:
                    raise
                report.incomplete.append(f"stopped after {rows:,} rows: {error}")
        read.reports.append(report)
        return pa.Table.from_batches(batches, schema=fragment.schema)


def _closable(stream: Iterator[pa.RecordBatch]) -> Any:
    """A stream that can be closed early, whatever kind of iterator the connector gave."""
    return stream if hasattr(stream, "close") else (batch for batch in stream)


def _cast_batch(batch: pa.RecordBatch, schema: pa.Schema, source: str) -> pa.RecordBatch:
    try:
        return batch.cast(schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise Rejected(f"delivered columns that don't fit: {error}", source=source) from None


def _with_keys(fragment: Fragment, connector: Connector, name: str, values: list[Any]) -> Iterator[Fragment]:
    """The fragment once for each batch of keys."""
    size = connector.capabilities.max_in
    for start in range(0, len(values), size):
        chunk = tuple(values[start : start + size])
        if fragment.scan is not None:
            keys = Comparison(field=name, op="in", value=chunk)
            where = keys if fragment.scan.where is None else And((*_terms(fragment.scan), keys))
            yield replace(fragment, scan=replace(fragment.scan, where=where))
        else:
            assert fragment.query is not None
            yield replace(fragment, query=_wrapped(fragment, name, chunk))


def _terms(scan: Scan) -> tuple[Any, ...]:
    return scan.where.terms if isinstance(scan.where, And) else (scan.where,)


def _wrapped(fragment: Fragment, name: str, values: tuple[Any, ...]) -> exp.Query:
    assert fragment.query is not None
    column = exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier("keyed", quoted=True))
    inner = exp.Subquery(this=fragment.query, alias=exp.TableAlias(this=exp.to_identifier("keyed", quoted=True)))
    columns = [
        exp.column(exp.to_identifier(n, quoted=True), table=exp.to_identifier("keyed", quoted=True))
        for n in fragment.schema.names
    ]
    query = exp.Select(expressions=columns, from_=exp.From(this=inner))
    query.where(exp.In(this=column, expressions=[exp.convert(v) for v in values]), copy=False)
    return query


# -- what is left for here -------------------------------------------------------------------

_engines = threading.local()


def _engine(memory: str) -> duckdb.DuckDBPyConnection:
    """One locked-down DuckDB for each thread that asks questions."""
    existing: dict[str, duckdb.DuckDBPyConnection] = _engines.__dict__.setdefault("by_memory", {})
    if memory not in existing:
        existing[memory] = open_engine(memory=memory)
    return existing[memory]


def _residual(plan: Plan, reads: list[_Read], limits: LimitsConfig) -> pa.Table:
    assert plan.residual is not None
    engine = _engine(limits.memory)
    try:
        for read in reads:
            engine.register(read.fragment.name, read.table)
        table = engine.sql(plan.residual.sql(DIALECT)).to_arrow_table()
    except duckdb.Error as error:
        raise QueryError(str(error).splitlines()[0]) from None
    finally:
        for read in reads:
            engine.unregister(read.fragment.name)
    return _renamed(table, plan.schema)


def _renamed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table under the names and types that the plan promised."""
    columns = []
    for column, wanted in zip(table.columns, schema.types, strict=True):
        plain = plain_type(column.type)
        target = wanted if pa.types.is_integer(wanted) or plain == wanted else plain
        try:
            columns.append(column if column.type == target else column.cast(target))
        except pa.ArrowInvalid:
            columns.append(column)  # a sum beyond 64 bits keeps DuckDB's decimal
    return pa.table(columns, names=schema.names)


# -- what can be said ------------------------------------------------------------------------


def _source_reports(reads: list[_Read]) -> tuple[SourceReport, ...]:
    by_source: dict[str, list[_Read]] = {}
    for read in reads:
        by_source.setdefault(read.fragment.source, []).append(read)
    made = []
    for source, parts in by_source.items():
        totals = [r.total for p in parts for r in p.reports]
        made.append(
            SourceReport(
                source=source,
                entities=tuple(dict.fromkeys(e.full_name for p in parts for e in p.fragment.entities)),
                native=tuple(n for p in parts for r in p.reports for n in r.native),
                as_of=min(p.as_of for p in parts),
                rows=sum(p.table.num_rows for p in parts),
                total=sum(t for t in totals if t is not None) if totals and None not in totals else None,
                incomplete=tuple(dict.fromkeys(reason for p in parts for reason in p.incomplete)),
                requests=sum(r.requests for p in parts for r in p.reports),
                seconds=max(p.seconds for p in parts),
            )
        )
    return tuple(made)


def _completeness(tree: exp.Query) -> Completeness:
    """What missing records do to this query's figures.

    Filters, projections, inner joins and COUNT can only lose; everything that compares, ranks,
    averages, sums (values may be negative) or looks for absence can also be wrong.
    """
    if tree.find(exp.Except, exp.Intersect, exp.Window, exp.Exists):
        return "unknown"
    if any(not isinstance(a, exp.Count) for a in tree.find_all(exp.AggFunc)):
        return "unknown"
    for join in tree.find_all(exp.Join):
        if join.side:
            return "unknown"
    if any(s.args.get("limit") and s.args.get("order") for s in tree.find_all(exp.Select)):
        return "unknown"
    if any(isinstance(n.this.unnest(), exp.In) and n.this.unnest().args.get("query") for n in tree.find_all(exp.Not)):
        return "unknown"
    return "lower_bound"
