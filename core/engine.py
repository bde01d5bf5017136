"""Plans carried out: fragments read concurrently, joined by DuckDB, and nothing hidden.

Everything is read within a time limit and a budget of rows and bytes. What was cut short or
could not be read is said in the result; it is never only missing. Where a source answers the whole
query, DuckDB has no part in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from groundwire.core.config import LimitsConfig
from groundwire.core.connector import And, Comparison, Connector, QueryPushdown, Scan, ScanReport
from groundwire.core.errors import QueryError, Rejected, RetryableError, SourceError, Unavailable
from groundwire.core.planner import Fragment, Plan
from groundwire.core.result import Completeness, Mode, Result, SourceReport
from groundwire.core.retry import retrying
from groundwire.core.schema import open_engine, plain_type

if TYPE_CHECKING:
    from groundwire.core.replica import ReplicaCopy

Progress = Callable[[str], None]
"""Called with one short sentence when something starts or ends."""

RESULT_BATCH = 65_536
"""Rows of the residual that are taken at a time."""

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


class _Budget:
    """What a query may still read: rows of each fragment, bytes of all together. Shared by threads."""

    def __init__(self, limits: LimitsConfig) -> None:
        self.limits = limits
        self._rows: dict[str, int] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def admit(self, fragment: str, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, str | None]:
        """As much of the batch as fits, and which limit cut it, if one did."""
        with self._lock:
            rows, size = batch.num_rows, batch.nbytes
            room, free = self.limits.rows - self._rows.get(fragment, 0), self.limits.bytes - self._bytes
            cut = None
            if rows > room:
                batch, cut = batch.slice(0, room), f"limits.rows = {self.limits.rows:,}"
            if size > free:
                fitting = rows * free // size
                if fitting < batch.num_rows:
                    batch = batch.slice(0, fitting)
                cut = f"limits.bytes = {self.limits.bytes:,}"
            self._count(fragment, batch.num_rows, batch.nbytes)
            return batch, cut

    def give_back(self, fragment: str, batches: list[pa.RecordBatch]) -> None:
        """Batches of an attempt that failed."""
        with self._lock:
            self._count(fragment, -sum(b.num_rows for b in batches), -sum(b.nbytes for b in batches))

    def _count(self, fragment: str, rows: int, size: int) -> None:
        self._rows[fragment] = self._rows.get(fragment, 0) + rows
        self._bytes += size


def execute(
    plan: Plan,
    connectors: Mapping[str, Connector],
    limits: LimitsConfig,
    *,
    on_error: str = "raise",
    progress: Progress | None = None,
    started: float | None = None,
) -> Result:
    """Carry out a plan.

    Args:
        plan: from `planner.plan`.
        connectors: by source name.
        limits: rows of each fragment and of the result, bytes of all fragments together and of the result,
            seconds for the whole.
        on_error: `raise`, or `incomplete` for a marked result from what could be read.
        progress: told as reads start and end.
        started: `time.monotonic()` value from which time counts; now without it.

    Raises:
        SourceError: a source failed and `on_error` is `raise`.
        QueryError: the values don't fit the query, as in a cast that fails.
    """
    started = time.monotonic() if started is None else started
    reader = _Reader(plan, connectors, limits, on_error, progress or (lambda _: None), started + limits.timeout)
    reads = reader.read_all()
    completeness: Completeness = "exact"
    truncated = False
    if plan.residual_sql is None:
        table = reads[0].table
        if reads[0].incomplete:
            # the source computed every row that there is, but a copy may hold fewer than its original
            completeness = _completeness(plan.bound.tree) if plan.copies else "lower_bound"
    else:
        table, truncated = _residual(plan.residual_sql, reads, limits, started + limits.timeout)
        if any(r.incomplete for r in reads):
            completeness = _completeness(plan.bound.tree)
    table = _renamed(table, plan.schema)
    if plan.limit is not None and table.num_rows > plan.limit:
        table, truncated = table.slice(0, plan.limit), True
    return Result(
        table=table,
        sources=_source_reports(reads, plan.copies),
        query=plan.query,
        truncated=truncated,
        completeness=completeness,
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
        self.budget = _Budget(limits)
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
        if keys is None:
            tables = [self._piece(fragment, connector, read)]
        else:
            name, values = keys
            size = connector.capabilities.max_in
            chunks = [tuple(values[start : start + size]) for start in range(0, len(values), size)]

            def part(chunk: tuple[Any, ...]) -> pa.Table:
                table = self._piece(_with_keys(fragment, name, chunk), connector, read)
                # a source that matches loosely may give a record for two chunks
                return table if len(chunks) == 1 else _with_values(table, name, chunk)

            workers = max(1, min(connector.capabilities.concurrency, len(chunks)))
            with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="keys") as pool:
                tables = list(pool.map(part, chunks))
        read.table = pa.concat_tables(tables) if len(tables) > 1 else tables[0]
        read.seconds = time.monotonic() - started
        copies = [c for e in fragment.entities if (c := self.plan.copies.get(e.full_name)) is not None]
        for missing in dict.fromkeys(reason for c in copies for reason in c.incomplete):
            read.reports[0].incomplete.append(missing)
        read.as_of = min([r.as_of for r in read.reports] + [c.as_of for c in copies], default=read.as_of)
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
        if fragment.query is not None:
            assert isinstance(connector, QueryPushdown)
            stream = connector.scan_query(fragment.query, fragment.schema, report)
        else:
            assert fragment.scan is not None
            stream = connector.scan(fragment.scan, report)
        with closing(_closable(stream)) as open_stream:
            try:
                self._receive(open_stream, fragment, batches, report)
            except SourceError as error:
                if isinstance(error, RetryableError) or self.on_error != "incomplete" or not batches:
                    self.budget.give_back(fragment.name, batches)
                    raise
                report.incomplete.append(f"stopped after {_rows(batches):,} rows: {error}")
        read.reports.append(report)
        return pa.Table.from_batches(batches, schema=fragment.schema)

    def _receive(
        self, stream: Iterable[pa.RecordBatch], fragment: Fragment, batches: list[pa.RecordBatch], report: ScanReport
    ) -> None:
        """Batches as they come, until the source, the budget or the time ends."""
        for batch in stream:
            if batch.schema != fragment.schema:
                batch = _cast_batch(batch, fragment.schema, fragment.source)
            batch, cut = self.budget.admit(fragment.name, batch)
            batches.append(batch)
            if cut is not None:
                report.incomplete.append(f"stopped after {_rows(batches):,} rows: there are more than {cut}")
            if cut is not None or self.stop.is_set():
                return
            if time.monotonic() > self.deadline:
                raise Unavailable(
                    f"not read to its end within limits.timeout = {self.limits.timeout:g} s", source=fragment.source
                )


def _rows(batches: list[pa.RecordBatch]) -> int:
    return sum(b.num_rows for b in batches)


def _closable(stream: Iterator[pa.RecordBatch]) -> Any:
    """A stream that can be closed early, whatever kind of iterator the connector gave."""
    return stream if hasattr(stream, "close") else (batch for batch in stream)


def _cast_batch(batch: pa.RecordBatch, schema: pa.Schema, source: str) -> pa.RecordBatch:
    try:
        return batch.cast(schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise Rejected(f"delivered columns that don't fit: {error}", source=source) from None


def _with_keys(fragment: Fragment, name: str, values: tuple[Any, ...]) -> Fragment:
    """The fragment for the records with these keys."""
    if fragment.scan is None:
        return replace(fragment, query=_wrapped(fragment, name, values))
    keys = Comparison(field=name, op="in", value=values)
    where = keys if fragment.scan.where is None else And((*_terms(fragment.scan), keys))
    return replace(fragment, scan=replace(fragment.scan, where=where))


def _with_values(table: pa.Table, name: str, values: tuple[Any, ...]) -> pa.Table:
    """The rows that hold one of these values."""
    column = table.column(name)
    if pa.types.is_integer(column.type):
        column = column.cast(pa.int64())
    return table.filter(pc.is_in(column, pa.array(values, column.type)))


def _terms(scan: Scan) -> tuple[Any, ...]:
    return scan.where.terms if isinstance(scan.where, And) else (scan.where,)


def _wrapped(fragment: Fragment, name: str, values: tuple[Any, ...]) -> exp.Query:
    assert fragment.query is not None
    column = exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier("keyed", quoted=True))
    inner = exp.Subquery(this=fragment.query.copy(), alias=exp.TableAlias(this=exp.to_identifier("keyed", quoted=True)))
    columns = [
        exp.column(exp.to_identifier(n, quoted=True), table=exp.to_identifier("keyed", quoted=True))
        for n in fragment.schema.names
    ]
    query = exp.Select(expressions=columns, from_=exp.From(this=inner))
    query.where(exp.In(this=column, expressions=[exp.convert(v) for v in values]), copy=False)
    return query


# -- what is left for here -------------------------------------------------------------------

_engines: dict[str, duckdb.DuckDBPyConnection] = {}
_engines_lock = threading.Lock()


def _cursor(memory: str) -> duckdb.DuckDBPyConnection:
    """A cursor of the one DuckDB of this process that may take so much memory; it sees no other's tables."""
    with _engines_lock:
        if memory not in _engines:
            _engines[memory] = open_engine(memory=memory)
        return _engines[memory].cursor()


def _residual(sql: str, reads: list[_Read], limits: LimitsConfig, deadline: float) -> tuple[pa.Table, bool]:
    """The residual's rows, and whether the budget cut them.

    Raises:
        QueryError: a value does not fit, or it takes more time or memory than is allowed.
    """
    cut: str | None = None
    batches: list[pa.RecordBatch] = []
    budget = _Budget(limits)
    with closing(_cursor(limits.memory)) as cursor, _time_limit(cursor, deadline) as out_of_time:
        try:
            for read in reads:
                cursor.register(read.fragment.name, read.table)
            with cursor.sql(sql).to_arrow_reader(RESULT_BATCH) as stream:
                for batch in stream:
                    batch, cut = budget.admit("result", batch)
                    batches.append(batch)
                    if cut is not None:
                        break
                return pa.Table.from_batches(batches, schema=stream.schema), cut is not None
        except (duckdb.Error, OSError) as error:  # OSError: any of DuckDB's, once rows have begun to come
            message = str(error).splitlines()[0]
            if out_of_time.is_set():
                message = f"joining what was read takes longer than limits.timeout = {limits.timeout:g} s"
            elif message.startswith("Out of Memory Error"):
                message = f"joining what was read takes more memory than limits.memory = {limits.memory}"
            raise QueryError(message) from None


@contextmanager
def _time_limit(cursor: duckdb.DuckDBPyConnection, deadline: float) -> Iterator[threading.Event]:
    """Interrupt the cursor from that `time.monotonic()` value on; the event says that it came to that."""
    done, reached = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(max(0.05, deadline - time.monotonic())):
            reached.set()
            cursor.interrupt()  # again and again: one before the query begins has no effect

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield reached
    finally:
        done.set()
        watcher.join()


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


def _source_reports(reads: list[_Read], copies: Mapping[str, ReplicaCopy]) -> tuple[SourceReport, ...]:
    """One report for each source and way in which it was read; copies are reported under their originals."""
    by_source: dict[tuple[str, Mode], list[tuple[_Read, list[str], datetime]]] = {}
    for read in reads:
        entities: dict[tuple[str, Mode], list[tuple[str, datetime]]] = {}
        for entity in read.fragment.entities:
            copied = copies.get(entity.full_name)
            if copied is None:
                entities.setdefault((entity.source, "live"), []).append((entity.full_name, read.as_of))
            else:
                key: tuple[str, Mode] = (copied.original.source, "replica")
                entities.setdefault(key, []).append((copied.original.full_name, copied.as_of))
        for key, named in entities.items():
            as_of = min(moment for _, moment in named)
            by_source.setdefault(key, []).append((read, [name for name, _ in named], as_of))
    made = []
    for (source, mode), parts in by_source.items():
        totals = [r.total for p, _, _ in parts for r in p.reports]
        made.append(
            SourceReport(
                source=source,
                entities=tuple(dict.fromkeys(name for _, names, _ in parts for name in names)),
                native=tuple(n for p, _, _ in parts for r in p.reports for n in r.native),
                mode=mode,
                as_of=min(as_of for _, _, as_of in parts),
                rows=sum(p.table.num_rows for p, _, _ in parts),
                total=sum(t for t in totals if t is not None) if totals and None not in totals else None,
                incomplete=tuple(dict.fromkeys(reason for p, _, _ in parts for reason in p.incomplete)),
                requests=sum(r.requests for p, _, _ in parts for r in p.reports),
                seconds=max(p.seconds for p, _, _ in parts),
            )
        )
    return tuple(made)


def _completeness(tree: exp.Query) -> Completeness:
    """What missing records do to this query's figures.

    Filters, projections, inner joins and a COUNT that is shown as it is can only lose; everything that
    compares, ranks, averages, sums (values may be negative) or looks for absence can also be wrong.
    """
    if tree.find(exp.Except, exp.Intersect, exp.Window, exp.Exists, exp.All, exp.Any):
        return "unknown"
    if any(join.side for join in tree.find_all(exp.Join)):
        return "unknown"
    if not all(_is_shown_count(a, tree) for a in tree.find_all(exp.AggFunc)):
        return "unknown"
    for select in tree.find_all(exp.Select):
        if (select.args.get("limit") and select.args.get("order")) or not _only_adds_rows(select):
            return "unknown"
    return "lower_bound"


def _is_shown_count(aggregate: exp.AggFunc, tree: exp.Query) -> bool:
    place: exp.Expr = aggregate
    while isinstance(place.parent, exp.Alias | exp.Filter | exp.Ordered | exp.Order):
        place = place.parent
    return isinstance(aggregate, exp.Count) and place.parent is tree


def _only_adds_rows(select: exp.Select) -> bool:
    """Whether fewer rows of this SELECT can only mean fewer rows of the whole."""
    place = select.parent
    while isinstance(place, exp.Subquery | exp.SetOperation):
        place = place.parent
    if isinstance(place, exp.In):  # unless something above turns it round
        place = place.parent
        while isinstance(place, exp.And | exp.Or | exp.Paren):
            place = place.parent
        return isinstance(place, exp.Where | exp.Join)
    return place is None or isinstance(place, exp.From | exp.Join | exp.CTE)
