"""Plans carried out: fragments read concurrently, joined by DuckDB, and nothing hidden.

Everything is read within a time limit and a budget of rows and bytes. What was cut short or
could not be read is said in the result; it is never only missing. Where a source answers the whole
query, DuckDB has no part in it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from groundwire.core import telemetry
from groundwire.core.cache import Loaded
from groundwire.core.config import Config, LimitsConfig
from groundwire.core.connector import And, Comparison, Connector, QueryPushdown, Scan, ScanReport
from groundwire.core.errors import PolicyError, QueryError, Rejected, RetryableError, SourceError, Stopped, Unavailable
from groundwire.core.freshness import Bounds, Freshness, utc_now
from groundwire.core.planner import Fragment, Plan, ViewPlan
from groundwire.core.result import Completeness, Mode, Result, SourceReport
from groundwire.core.retry import retrying
from groundwire.core.schema import engine_cursor, plain_type
from groundwire.core.stopping import Stop, in_thread

if TYPE_CHECKING:
    from groundwire.core.catalog import Entity
    from groundwire.core.replica import ReplicaCopy

log = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Called with one short sentence when something starts or ends."""

RESULT_BATCH = 65_536
"""Rows of the residual that are taken at a time."""

MAX_KEY_BATCHES = 50
"""IN lists that one dynamic filter may take; with more keys the fragment is read without it."""

LOOK = 0.05
"""Seconds between two looks whether the asker still waits."""

GRACE = 1.0
"""Seconds that a read may take beyond the time limit to end by itself."""


@dataclass(kw_only=True)
class _Piece:
    """One request's rows: a whole fragment, or its rows for some keys."""

    table: pa.Table
    report: ScanReport
    mode: Mode = "live"


@dataclass(kw_only=True)
class _Read:
    """One fragment's rows and everything to be said about them."""

    fragment: Fragment
    table: pa.Table
    as_of: datetime
    pieces: list[_Piece] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def incomplete(self) -> list[str]:
        return [reason for piece in self.pieces for reason in piece.report.incomplete]


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
    freshness: Freshness | None = None,
    stop: threading.Event | None = None,
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
        freshness: how old what is read may be; without it, everything is read from its source.
        stop: set by whoever does not wait any more; sources are then told to stop working.

    Raises:
        SourceError: a source failed and `on_error` is `raise`.
        QueryError: the values don't fit the query, as in a cast that fails.
        Stopped: `stop` was set.
    """
    started = time.monotonic() if started is None else started
    fresh = freshness or Freshness(bounds=Bounds(Config()), asked_at=utc_now(), live=True)
    tell = progress or (lambda _: None)
    reader = _Reader(plan, connectors, limits, on_error, tell, started + limits.timeout, fresh)
    reads = reader.read_all(stop)
    completeness: Completeness = "exact"
    truncated = False
    for view in plan.views:
        mine = [r for r in reads if r.fragment.name in view.fragments]
        reads = [r for r in reads if r.fragment.name not in view.fragments]
        reads.append(_seen(view, mine, plan.copies, limits, started + limits.timeout, stop))
    if plan.residual_sql is None:
        table = reads[0].table
        if reads[0].incomplete:
            # the source computed every row that there is, but a copy may hold fewer than its original
            completeness = _completeness(plan.bound.tree) if plan.copies else "lower_bound"
    else:
        table, truncated = _residual(plan.residual_sql, reads, limits, started + limits.timeout, stop)
        if any(r.incomplete for r in reads):
            completeness = _completeness(plan.bound.tree)
    table = _renamed(table, plan.schema)
    if plan.limit is not None and table.num_rows > plan.limit:
        table, truncated = table.slice(0, plan.limit), True
    return Result(
        table=table,
        sources=_source_reports(reads, plan, fresh),
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
        fresh: Freshness,
    ) -> None:
        self.plan = plan
        self.connectors = connectors
        self.limits = limits
        self.on_error = on_error
        self.progress = progress
        self.deadline = deadline
        self.fresh = fresh
        self.budget = _Budget(limits)
        self.stop = Stop()

    def read_all(self, asked: threading.Event | None) -> list[_Read]:
        """Every fragment, each in a thread of its own; this one waits, so that Ctrl-C and `asked` can end it."""
        futures: dict[str, Future[_Read]] = {}
        if asked is not None and asked.is_set():
            raise Stopped("stopped")
        try:
            for fragment in self.plan.fragments:
                futures[fragment.name] = in_thread("scan", self._read, fragment, dict(futures))
            self._wait(futures, asked)
            return [future.result() for future in futures.values()]
        except BaseException:
            self.stop.now()
            raise

    def _wait(self, futures: Mapping[str, Future[_Read]], asked: threading.Event | None) -> None:
        """Until all have ended, or one has failed.

        Raises:
            SourceError: the first failure, or that a source takes longer than the time limit and does not notice.
            Stopped: nobody waits any more.
        """
        names = {future: name for name, future in futures.items()}
        pending = set(names)
        while pending:
            left = self.deadline + GRACE - time.monotonic()
            done, pending = wait(pending, max(0.0, left if asked is None else min(LOOK, left)), FIRST_EXCEPTION)
            for future in done:
                future.result()
            if asked is not None and asked.is_set():
                raise Stopped("stopped")
            if pending and time.monotonic() > self.deadline + GRACE:
                slow = next(f for f in self.plan.fragments if futures[f.name] in pending)
                raise self._too_slow(slow.source)

    def _too_slow(self, source: str) -> Unavailable:
        return Unavailable(f"not read to its end within limits.timeout = {self.limits.timeout:g} s", source=source)

    def _read(self, fragment: Fragment, earlier: Mapping[str, Future[_Read]]) -> _Read:
        keys = self._keys(fragment, earlier)
        started = time.monotonic()
        names = fragment.told or ", ".join(e.full_name for e in fragment.entities)
        if keys is not None and not keys[1]:
            return _Read(fragment=fragment, table=fragment.schema.empty_table(), as_of=self.fresh.clock())
        self.progress(f"reading {names}")
        with telemetry.span("scan", source=fragment.source, entity=names) as seen:
            seen.guard(bool(fragment.policy))
            pieces = self._pieces(fragment, keys)
            seen.set(
                mode=pieces[0].mode, **({} if fragment.policy else {"rows": sum(p.table.num_rows for p in pieces)})
            )
        copies = [c for e in fragment.entities if (c := self.plan.copies.get(e.full_name)) is not None]
        for missing in dict.fromkeys(reason for c in copies for reason in c.incomplete):
            pieces[0].report.incomplete.append(missing)
        read = _Read(
            fragment=fragment,
            table=pa.concat_tables([p.table for p in pieces]) if len(pieces) > 1 else pieces[0].table,
            as_of=min([p.report.as_of for p in pieces] + [c.as_of for c in copies]),
            pieces=pieces,
            seconds=time.monotonic() - started,
        )
        rows = "1 row" if read.table.num_rows == 1 else f"{read.table.num_rows:,} rows"
        # how many records a view chooses from is nothing that its asker may know
        read_of = f"{rows} of {names}" if fragment.told is None else names
        self.progress(f"read {read_of} in {read.seconds:.1f} s")
        return read

    def _pieces(self, fragment: Fragment, keys: tuple[str, list[Any]] | None) -> list[_Piece]:
        """The fragment's rows, in as many requests as its keys need."""
        connector = self.connectors[fragment.source]
        if keys is None:
            return [self._piece(fragment, connector)]
        name, values = keys
        size = connector.capabilities.max_in
        chunks = [tuple(values[start : start + size]) for start in range(0, len(values), size)]

        def part(chunk: tuple[Any, ...]) -> _Piece:
            piece = self._piece(_with_keys(fragment, name, chunk), connector)
            # a source that matches loosely may give a record for two chunks
            return piece if len(chunks) == 1 else replace(piece, table=_with_values(piece.table, name, chunk))

        workers = max(1, min(connector.capabilities.concurrency, len(chunks)))
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="keys") as pool:
            return list(pool.map(telemetry.carried(part), chunks))

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

    def _piece(self, fragment: Fragment, connector: Connector) -> _Piece:
        try:
            return self._fresh_piece(fragment, connector)
        except SourceError as error:
            if self.on_error != "incomplete":
                raise
            report = ScanReport(as_of=self.fresh.clock())
            report.incomplete.append(f"not read{_because(error, fragment)}")
            return _Piece(table=fragment.schema.empty_table(), report=report)

    def _fresh_piece(self, fragment: Fragment, connector: Connector) -> _Piece:
        """A copy that is fresh enough, or the source's own answer, which may become one."""
        fresh, cache = self.fresh, self.fresh.cache
        if any(e.full_name in self.plan.copies for e in fragment.entities):
            return self._live(fragment, connector)
        failure = fresh.failed.get(fragment.source)
        if cache is None:
            if failure is not None:
                raise failure
            return self._live(fragment, connector)
        entities, own = fragment.entities, list[_Piece]()

        def read() -> Loaded:
            own.append(self._live(fragment, connector))
            return _loaded(own[-1])

        ask = cache.ask(fragment.shape, fragment.source, fragment.policy)
        if failure is not None:
            found = cache.find(ask, None)
            if found is None:
                raise failure
            return self._copied(found, fragment)
        if not fresh.takes_copies(entities):
            loaded = read()
            if fresh.keeps(entities):
                cache.keep(ask, loaded)
            return own[0]
        loaded, is_copy = cache.through(ask, lambda at: fresh.accepts(at, entities), read, deadline=self.deadline)
        if not is_copy:
            return own[-1]
        fresh.used(loaded.as_of, entities)
        return self._copied(loaded, fragment)

    def _copied(self, loaded: Loaded, fragment: Fragment) -> _Piece:
        """A copy's rows within the budget."""
        report = ScanReport(as_of=loaded.as_of, native=list(loaded.native), total=loaded.total)
        batches: list[pa.RecordBatch] = []
        self._receive(loaded.table.to_batches(), fragment, batches, report)
        return _Piece(table=pa.Table.from_batches(batches, schema=fragment.schema), report=report, mode="cache")

    def _live(self, fragment: Fragment, connector: Connector) -> _Piece:
        return retrying(lambda: self._attempt(fragment, connector), deadline=self.deadline)

    def _attempt(self, fragment: Fragment, connector: Connector) -> _Piece:
        if self.stop.is_set():
            raise Stopped("stopped")
        report = ScanReport(deadline=self.deadline, as_of=self.fresh.clock(), stop=self.stop)
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
                if self.stop.is_set():
                    raise Stopped("stopped") from None
                if isinstance(error, RetryableError) or self.on_error != "incomplete" or not batches:
                    self.budget.give_back(fragment.name, batches)
                    raise
                report.incomplete.append(f"stopped after {_rows(batches):,} rows{_because(error, fragment)}")
        return _Piece(table=pa.Table.from_batches(batches, schema=fragment.schema), report=report)

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
            if self.stop.is_set():
                raise Stopped("stopped")
            if cut is not None:
                return
            if time.monotonic() > self.deadline:
                raise self._too_slow(fragment.source)


def _because(error: SourceError, fragment: Fragment) -> str:
    """The source's reason, but for those from whom something of it is hidden: its words may name that."""
    return "" if fragment.policy else f": {error}"


def _loaded(piece: _Piece) -> Loaded:
    """What was read, for others."""
    report = piece.report
    return Loaded(
        table=piece.table,
        as_of=report.as_of,
        native=tuple(report.native),
        total=report.total,
        requests=report.requests,
        incomplete=tuple(report.incomplete),
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


def _residual(
    sql: str, reads: list[_Read], limits: LimitsConfig, deadline: float, stop: threading.Event | None
) -> tuple[pa.Table, bool]:
    """The residual's rows, and whether the budget cut them.

    Raises:
        QueryError: a value does not fit, or it takes more time or memory than is allowed.
        Stopped: nobody waits any more.
    """
    cut: str | None = None
    batches: list[pa.RecordBatch] = []
    budget = _Budget(limits)
    with (
        telemetry.span("join"),
        closing(engine_cursor(limits.memory)) as cursor,
        _time_limit(cursor, deadline, stop) as out_of_time,
    ):
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
            if stop is not None and stop.is_set():
                raise Stopped("stopped") from None
            message = str(error).splitlines()[0]
            if out_of_time.is_set():
                message = f"joining what was read takes longer than limits.timeout = {limits.timeout:g} s"
            elif message.startswith("Out of Memory Error"):
                message = f"joining what was read takes more memory than limits.memory = {limits.memory}"
            raise QueryError(message) from None


def _seen(
    plan: ViewPlan,
    reads: list[_Read],
    copies: Mapping[str, ReplicaCopy],
    limits: LimitsConfig,
    deadline: float,
    stop: threading.Event | None,
) -> _Read:
    """A view's rows, and of their reads what its asker may know: when they are true, and whether all were read.

    Raises:
        PolicyError: what may be seen can't be computed.
        Stopped: nobody waits any more.
    """
    view, cut = plan.view, False
    try:
        table = reads[0].table
        if plan.sql is not None:
            table, cut = _residual(plan.sql, reads, limits, deadline, stop)
    except QueryError as error:
        log.warning("what %s shows can't be computed: %s", view.right.entity.full_name, error)
        raise PolicyError(f"what may be seen of {view.right.entity.full_name} can't be computed") from None
    columns = [
        view.masks[name].apply(column, plan.mask_key) if name in view.masks else column
        for name, column in zip(view.schema.names, table.columns, strict=True)
    ]
    modes = {p.mode for r in reads for p in r.pieces}
    if any(e.full_name in copies for r in reads for e in r.fragment.entities):
        modes.add("replica")
    mode: Mode = next((m for m in ("replica", "cache") if m in modes), "live")
    as_of = min(r.as_of for r in reads)
    report = ScanReport(as_of=as_of, native=[n for r in reads for p in r.pieces for n in p.report.native])
    if cut or any(r.incomplete for r in reads):
        report.incomplete.append(f"what may be seen of {view.right.entity.full_name} was not read to its end")
    seen = _renamed(pa.table(columns, names=view.schema.names), view.schema)
    shown = Fragment(name=view.name, source=view.right.entity.source, entities=(view.right.entity,), schema=view.schema)
    piece = _Piece(table=seen, report=report, mode=mode)
    return _Read(fragment=shown, table=seen, as_of=as_of, pieces=[piece], seconds=max(r.seconds for r in reads))


@contextmanager
def _time_limit(
    cursor: duckdb.DuckDBPyConnection, deadline: float, stop: threading.Event | None
) -> Iterator[threading.Event]:
    """Interrupt the cursor from that `time.monotonic()` value on, or when nobody waits any more.

    The event says that it came to that.
    """
    done, reached = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(LOOK if stop is not None else max(LOOK, deadline - time.monotonic())):
            if time.monotonic() >= deadline or (stop is not None and stop.is_set()):
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


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What one read contributed to one report."""

    read: _Read
    pieces: list[_Piece]
    entities: list[Entity]
    as_of: datetime


def _source_reports(reads: list[_Read], plan: Plan, fresh: Freshness) -> tuple[SourceReport, ...]:
    """One report for each source and way in which it was read; copies are reported under their originals."""
    copies = plan.copies
    by_source: dict[tuple[str, Mode], list[_Part]] = {}
    for read in reads:
        live = [e for e in read.fragment.entities if e.full_name not in copies]
        for copied in (copies[e.full_name] for e in read.fragment.entities if e.full_name in copies):
            part = _Part(read=read, pieces=read.pieces, entities=[copied.original], as_of=copied.as_of)
            by_source.setdefault((copied.original.source, "replica"), []).append(part)
        modes: list[Mode] = list(dict.fromkeys(p.mode for p in read.pieces)) or ["live"]
        for mode in modes if live else ():
            pieces = [p for p in read.pieces if p.mode == mode]
            as_of = min((p.report.as_of for p in pieces), default=read.as_of)
            part = _Part(read=read, pieces=pieces, entities=live, as_of=as_of)
            by_source.setdefault((read.fragment.source, mode), []).append(part)
    now = fresh.clock()
    reports = (_source_report(source, mode, parts, fresh, now) for (source, mode), parts in by_source.items())
    return tuple(replace(r, limited_to=plan.asker) if plan.limited & set(r.entities) else r for r in reports)


def _source_report(source: str, mode: Mode, parts: list[_Part], fresh: Freshness, now: datetime) -> SourceReport:
    reads = list({id(p.read): p for p in parts}.values())  # a query over several copies was one read
    pieces = [piece for part in reads for piece in part.pieces]
    totals = [p.report.total for p in pieces]
    as_of = min(p.as_of for p in parts)
    return SourceReport(
        source=source,
        entities=tuple(dict.fromkeys(e.full_name for p in parts for e in p.entities)),
        native=tuple(n for p in pieces for n in p.report.native),
        mode=mode,
        as_of=as_of,
        age=now - as_of,
        max_age=fresh.bound(e for p in parts for e in p.entities),
        stale=mode != "live" and any(now - p.as_of > fresh.bound(p.entities) for p in parts),
        rows=sum(piece.table.num_rows for piece in pieces),
        total=sum(t for t in totals if t is not None) if totals and None not in totals else None,
        incomplete=tuple(dict.fromkeys(reason for p in pieces for reason in p.report.incomplete)),
        requests=sum(p.report.requests for p in pieces),
        seconds=max(p.read.seconds for p in parts),
    )


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
