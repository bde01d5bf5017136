"""Earlier reads, kept for questions that allow data of their age.

What is kept are fragments: what one source answered to one piece of a plan, as compressed Arrow with the instant for
which it is true. A fragment answers any ask for a part of it (`core/shape`). Of several askers of the same thing, in
this process or in others that share the store, one reads and the others wait. Reads that left records out are
never kept, and a store that is down, full or damaged costs speed only.

How old a fragment may be is the asker's (`core/freshness`); whose rights it was read with is part of its key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from groundwire.core import shape as shapes
from groundwire.core.errors import SourceError
from groundwire.core.schema import engine_cursor
from groundwire.core.shape import Held, Rows, Shape
from groundwire.core.store import Entry, Store, StoreError, Usage
from groundwire.core.telemetry import span

log = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds for which a reader that crashed holds up the others."""

POLL = (0.01, 0.2)
"""Seconds between two looks whether another process is done: at first, and at most."""

AWAY = 5.0
"""Seconds for which a store that failed is left alone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NATIVE = 4_000
"""Characters kept of each native request."""

_T = TypeVar("_T")
_U = TypeVar("_U")

Accepts = Callable[[datetime], bool]
"""Whether data that is true at this instant is fresh enough now."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a fragment's read delivered.

    Attributes:
        table: of the fragment's schema.
        as_of: the data is true at this instant (UTC).
        native: requests as the source understood them.
        total: matching records according to the source, None if it did not say.
        requests: round trips made for this asker.
        incomplete: why records are missing; empty if none are.
    """

    table: pa.Table
    as_of: datetime
    native: tuple[str, ...] = ()
    total: int | None = None
    requests: int = 0
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One fragment as one asker wants it: equal keys may share an answer.

    Attributes:
        shape: what is asked.
        key: of the whole.
        group: of everything that may serve it.
        floors: names of the floors of its entities.
    """

    shape: Shape
    key: str
    group: str
    floors: tuple[str, ...]


@dataclass
class _Flight:
    """One read on its way, and those who wait for it."""

    done: threading.Event = field(default_factory=threading.Event)
    loaded: Loaded | None = None
    error: SourceError | None = None


class Cache:
    """Fragments in a store. Safe to use from several threads.

    Args:
        store: where they lie.
        scope: for a source's name, what tells it and the account that reads it from all others.
        max_fragment: bytes of one fragment, as it is stored.
        memory: what DuckDB may take to answer from a copy.
    """

    def __init__(
        self, store: Store, scope: Callable[[str], str], *, max_fragment: int = 64_000_000, memory: str = "2GB"
    ) -> None:
        self.store = store
        self._scope = scope
        self._max_fragment = max_fragment
        self._memory = memory
        self._flights: dict[str, _Flight] = {}
        self._floors: dict[str, int] = {}
        self._untold: set[str] = set()
        self._left: dict[str, str] = {}  # leases that a store which failed did not take back: still ours
        self._down_until = 0.0
        self._lock = threading.Lock()

    def ask(self, shape: Shape, source: str, policy: str = "") -> Ask:
        """The ask for a shape of this source.

        Args:
            shape: of a fragment.
            source: name of the source.
            policy: what tells the asker's rights from others'.
        """
        scope = self._scope(source)
        group = _digest(scope, policy, *shape.entities)
        floors = tuple(_digest(scope, entity) for entity in shape.entities)
        return Ask(shape=shape, key=_digest(group, shape.text), group=group, floors=floors)

    # -- asking ------------------------------------------------------------------------------

    def through(
        self, ask: Ask, accepts: Accepts, read: Callable[[], Loaded], *, deadline: float
    ) -> tuple[Loaded, bool]:
        """A copy that is fresh enough, or else a new read, which is kept.

        Args:
            ask: what is wanted.
            accepts: how old it may be.
            read: reads it from its source.
            deadline: `time.monotonic()` value after which nobody is waited for.

        Returns:
            What was found or read, and whether it is a copy: found, or read for another who asked earlier.

        Raises:
            SourceError: the source failed, for this asker or for the one that this one waited for.
        """
        while True:
            found = self.find(ask, accepts)
            if found is not None:
                return found, True
            flight, leads = self._join(ask.key)
            if leads:
                return self._lead(flight, ask, accepts, read, deadline)
            with span("wait", reason="same read"):
                in_time = flight.done.wait(max(0.0, deadline - time.monotonic()))
            if not in_time:
                return read(), False
            if flight.error is not None:
                raise flight.error
            if flight.loaded is not None:
                if flight.loaded.incomplete:
                    return read(), False  # whatever cut it may leave this asker more
                if accepts(flight.loaded.as_of):
                    return flight.loaded, True

    def _join(self, key: str) -> tuple[_Flight, bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = _Flight()
            return flight, True

    def _lead(
        self, flight: _Flight, ask: Ask, accepts: Accepts, read: Callable[[], Loaded], deadline: float
    ) -> tuple[Loaded, bool]:
        try:
            with self._turn(ask, accepts, deadline) as found:
                if found is not None:
                    flight.loaded = found
                    return found, True
                flight.loaded = read()
                flight.done.set()  # who waits in this process need not wait for the store
                self.keep(ask, flight.loaded)
                return flight.loaded, False
        except SourceError as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flights[ask.key]
            flight.done.set()

    @contextmanager
    def _turn(self, ask: Ask, accepts: Accepts, deadline: float) -> Iterator[Loaded | None]:
        """Wait for this process's turn to read; what another process read meanwhile, if it did."""
        with self._lock:
            left = self._left.pop(ask.key, None)
        holder = left or f"{os.getpid()}-{uuid.uuid4().hex}"
        pause = POLL[0]
        while not self._acquire(ask.key, holder):
            found = self.find(ask, accepts)
            if found is not None or time.monotonic() > deadline:
                yield found
                return
            time.sleep(pause)
            pause = min(2 * pause, POLL[1])
        over = threading.Event()

        def hold() -> None:
            while not over.wait(LEASE / 3):
                self._acquire(ask.key, holder)

        threading.Thread(target=hold, name="cache lease", daemon=True).start()
        try:
            yield self.find(ask, accepts)  # the one before us may have ended after our first look
        finally:
            over.set()
            if not self._tried(lambda: self._released(ask.key, holder), False):
                with self._lock:
                    self._left[ask.key] = holder

    def _released(self, key: str, holder: str) -> bool:
        self.store.release(key, holder)
        return True

    def _acquire(self, key: str, holder: str) -> bool:
        # without a store there is nobody to wait for
        return self._tried(lambda: self.store.acquire(key, holder, LEASE), True)

    def find(self, ask: Ask, accepts: Accepts | None) -> Loaded | None:
        """A copy that holds all that is asked.

        Args:
            ask: what is wanted.
            accepts: how old it may be; None for the newest, of any age and whatever changed since.
        """
        return self._tried(lambda: self._find(ask, accepts), None)

    def _find(self, ask: Ask, accepts: Accepts | None) -> Loaded | None:
        self._tell_floors()
        entries, told = self.store.find(ask.group, ask.floors)
        floor = max([told, *(self._floors.get(name, 0) for name in ask.floors)])
        usable = [e for e in entries if accepts is None or (e.as_of >= floor and accepts(_instant(e.as_of)))]
        # the very same first, then whatever is quickest to load
        usable.sort(key=lambda e: (e.key != ask.key, e.size) if accepts else (-e.as_of, e.key != ask.key))
        return next((found for e in usable if (found := self._loaded(e, ask)) is not None), None)

    def _loaded(self, entry: Entry, ask: Ask) -> Loaded | None:
        """What is asked, from this entry; None where it does not hold it."""
        try:
            meta = json.loads(entry.meta)
            rows, held = ask.shape.rows, None
            if entry.key != ask.key:
                if rows is None or meta["held"] is None:
                    return None
                held = shapes.load(meta["held"])
                if not shapes.answers(held, rows):
                    return None
            data = self.store.load(entry.key)
            if data is None or zlib.crc32(data) != meta["crc"]:
                if data is not None:
                    log.warning("a fragment in %s is damaged and is forgotten", self.store.where)
                self.store.drop(entry)
                return None
            table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
            if held is not None and rows is not None:
                table = self._part(table, meta["fields"], held, rows, ask.shape.schema)
            elif table.schema != ask.shape.schema:
                return None
        except (ValueError, KeyError, TypeError, LookupError, pa.ArrowException, duckdb.Error) as error:
            log.warning("a fragment in %s can't be used: %s", self.store.where, type(error).__name__)
            return None
        return Loaded(
            table=table,
            as_of=_instant(entry.as_of),
            native=tuple(meta["native"]),
            total=meta["total"] if held is None else None,
        )

    def _part(self, table: pa.Table, columns: dict[str, str], held: Held, rows: Rows, schema: pa.Schema) -> pa.Table:
        """The part of a copy that is asked; `columns` has the copy's column for each field."""
        if shapes.is_plain(held, rows) and rows.columns is not None:
            return pa.table([table.column(columns[rows.columns[name]]) for name in schema.names], schema=schema)
        fields = sorted(rows.needed) or sorted(columns)[:1]
        if len({f.lower() for f in fields}) < len(fields):
            raise ValueError("names that DuckDB can't tell apart")
        source = pa.table({f: table.column(columns[f]) for f in fields})
        with contextlib.closing(engine_cursor(self._memory)) as cursor:
            cursor.register(shapes.COPY, source)
            found = cursor.sql(rows.sql, params=list(rows.values)).to_arrow_table()
            return pa.table(found.columns, names=schema.names).cast(schema)

    # -- keeping -----------------------------------------------------------------------------

    def keep(self, ask: Ask, loaded: Loaded) -> None:
        """Keep what was read, unless records are missing or it is too large."""
        if loaded.incomplete or loaded.table.nbytes > 20 * self._max_fragment:
            return
        rows = ask.shape.rows
        held = shapes.held_by(rows, loaded.table.schema, loaded.table.num_rows) if rows else None
        try:
            described = shapes.dump(held) if held is not None else None
        except TypeError:  # a value that JSON can't hold: only its equal is served
            described = None
        data = _encoded(loaded.table)
        if len(data) > self._max_fragment:
            return
        columns = rows.columns if rows and rows.columns else {}
        meta = {
            "crc": zlib.crc32(data),
            "held": described,
            "fields": {name: column for column, name in columns.items()},
            "native": [n[:_NATIVE] for n in loaded.native],
            "total": loaded.total,
        }
        as_of = _microseconds(loaded.as_of)
        entry = Entry(key=ask.key, group=ask.group, as_of=as_of, meta=json.dumps(meta), size=len(data))
        self._tried(lambda: self.store.save(entry, data), None)

    def invalidate(self, source: str, entities: Sequence[str], moment: datetime) -> None:
        """These entities changed: what was read of them before this instant is used no more.

        A store that can't be told now is told before it is next asked.

        Args:
            source: name of their source.
            entities: full names.
            moment: when the change was seen (UTC).
        """
        names = [_digest(self._scope(source), entity) for entity in entities]
        with self._lock:
            for name in names:
                self._floors[name] = max(self._floors.get(name, 0), _microseconds(moment))
            self._untold.update(names)
        self._tried(self._tell_floors, None)

    def _tell_floors(self) -> None:
        while self._untold:
            name = next(iter(self._untold), "")
            if name:
                self.store.raise_floor(name, self._floors[name])
                self._untold.discard(name)

    def floor(self, source: str, entities: Sequence[str]) -> datetime:
        """The instant before which nothing that was read of these entities may be used, as far as it is known."""
        names = [_digest(self._scope(source), entity) for entity in entities]

        def ask() -> int:
            self._tell_floors()
            return self.store.find("", names)[1]

        return _instant(max([self._tried(ask, 0), *(self._floors.get(name, 0) for name in names)]))

    def first(self, name: str, seconds: float) -> bool:
        """Whether this caller is the first within so many seconds to claim that name; True without a store."""
        lease = f"first-{_digest(name)}"
        return self._tried(lambda: self.store.acquire(lease, uuid.uuid4().hex, seconds), True)

    # -- operating ---------------------------------------------------------------------------

    def usage(self) -> Usage | None:
        """How full the store is; None while it is down."""
        return self._tried(self.store.usage, None)

    def clear(self) -> None:
        """Forget every fragment in the store.

        Raises:
            StoreError: it can't be used.
        """
        self.store.clear()

    def close(self) -> None:
        """Let go of the store. May be called twice."""
        self.store.close()

    def _tried(self, action: Callable[[], _T], otherwise: _U) -> _T | _U:
        """Do something with the store; `otherwise` where it is down."""
        if time.monotonic() >= self._down_until:
            try:
                return action()
            except StoreError as error:
                self._down_until = time.monotonic() + AWAY
                log.warning("the cache is left alone for %.0f s: %s", AWAY, error)
        return otherwise


def _encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _microseconds(moment: datetime) -> int:
    """Since 1970: a float would move the instant."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def identity(kind: str, settings: Any, place: str) -> str:
    """What tells a source, and the account that reads it, from all others.

    Settings may hold secrets, so they are stretched by scrypt (RFC 7914): who sees a key can't guess a password.

    Args:
        kind: of connector.
        settings: as configured, secrets included, ready for JSON.
        place: what else decides what is read, such as a folder that relative paths start from.
    """
    text = json.dumps([kind, settings, place], sort_keys=True, default=str)
    return hashlib.scrypt(text.encode(), salt=b"groundwire cache", n=2**13, r=8, p=1, dklen=16).hex()
