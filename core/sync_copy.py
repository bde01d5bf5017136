"""Rows of a source brought into a copy: stored, counted, put aside where they don't fit, deleted, fetched by key.

Every method keeps the promise that what a copy counts is what it holds: rows and counts are written in one
transaction. When this is done, and what it proves, is `core/sync_run`'s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import pyarrow as pa
from sqlalchemy.engine import Connection

from groundwire.core import sync_load
from groundwire.core.catalog import Entity
from groundwire.core.errors import Rejected
from groundwire.core.freshness import Clock
from groundwire.core.replica import Replicas
from groundwire.core.replica_state import Lease
from groundwire.core.sync_read import MOST_DAMAGED, Reader, key_text, tuples

SyncProgress = Callable[[str, int, int | None], None]
"""Called with what is being done, rows so far, and rows expected (None if unknown)."""

PICKED_ROWS = 5_000
"""Rows that are fetched by key and stored in one transaction."""


@dataclass
class Copy:
    """A table that is brought up to date: the one that answers queries, or the one that will.

    Attributes:
        table: its entity of `@replica`.
        progress: what the next sync must know; see `sync_window`.
        rows: it holds so many.
        quarantined: rows of the source that it could not hold.
    """

    table: Entity
    progress: Mapping[str, Any]
    rows: int = 0
    quarantined: int = 0


Save = Callable[[Connection, Copy, datetime | None], None]
"""Keeps a copy's counts; given the instant for which it is true, also its progress."""


class Keeper:
    """Writes the copies of one entity during one sync.

    Args:
        replicas: where copies are.
        clock: the present instant.
        lease: under which everything is written.
        reader: of the source.
        progress: told how far it is.

    Attributes:
        read, written, deleted: rows.
        aside: rows that were put aside, by this sync.
    """

    def __init__(self, replicas: Replicas, clock: Clock, lease: Lease, reader: Reader, progress: SyncProgress) -> None:
        self.store = replicas.store
        self.states = replicas.states
        self.clock = clock
        self.lease = lease
        self.reader = reader
        self.progress = progress
        self.read = 0
        self.written = 0
        self.deleted = 0
        self.aside = 0

    @property
    def entity(self) -> Entity:
        """As the source describes it now."""
        return self.reader.entity

    def flush(self, copy: Copy, batches: Sequence[pa.RecordBatch], save: Save) -> None:
        with self.lease.writing() as connection:
            self.keep(connection, copy, batches)
            save(connection, copy, None)

    def keep(self, connection: Connection, copy: Copy, batches: Sequence[pa.RecordBatch]) -> None:
        """Store rows in a copy that answers queries or nearly does: every row is counted."""
        for batch in batches:
            done = self.store.write(connection, copy.table, batch, counting=True)
            copy.rows += done.inserted
            self.written += done.rows
            unfit = dict(done.unfit)
            if copy.quarantined:
                fit = [key_text(k) for k in tuples(batch, self.entity.primary_key) if k not in unfit]
                copy.quarantined -= self.states.release(connection, copy.table.name, fit)
            self.put_aside(connection, copy, unfit)
        damaged, self.reader.damaged = self.reader.damaged, {}
        self.put_aside(connection, copy, damaged)

    def put_aside(self, connection: Connection, copy: Copy, rows: Mapping[tuple[Any, ...], str]) -> None:
        """Rows that don't fit: what the copy held under their keys is not true any more."""
        if not rows:
            return
        self._check_aside(rows)
        copy.rows -= self.delete(connection, copy, list(rows))
        texts = {key_text(k): reason for k, reason in rows.items()}
        copy.quarantined += self.states.quarantine(connection, copy.table.name, texts, self.clock())

    def _check_aside(self, rows: Mapping[Any, str]) -> None:
        """A few rows may be damaged; where many are, something else is wrong.

        Raises:
            Rejected: too many.
        """
        self.aside += len(rows)
        if self.aside > MOST_DAMAGED:
            last = list(rows.values())[-1]
            message = f"more than {MOST_DAMAGED:,} rows of {self.entity.name} can't be stored; the last: {last}"
            raise Rejected(message, source=self.entity.source)

    def delete(self, connection: Connection, copy: Copy, keys: Sequence[tuple[Any, ...]]) -> int:
        if not keys:
            return 0
        fields = [copy.table.field(k) for k in copy.table.primary_key]
        columns = [pa.array([k[i] for k in keys], f.type) for i, f in enumerate(fields)]
        batch = pa.RecordBatch.from_arrays(columns, names=[f.name for f in fields])
        return self.store.delete(connection, copy.table, batch)

    def reconcile(self, copy: Copy, save: Save) -> None:
        """Compare all keys: what the source does not have is deleted, what the copy does not have is fetched."""
        self.progress("comparing keys", 0, copy.rows)
        with tempfile.TemporaryFile() as file:
            known = self._spooled_keys(copy, file)
            with self.lease.writing() as connection:
                with closing(pa.ipc.open_stream(file)) as keys:
                    self.store.stage_keys(connection, copy.table, keys)
                missing = [
                    k for b in self.store.keys_without_row(connection, copy.table) for k in tuples(b, b.schema.names)
                ]
                extra = list(self.store.rows_without_key(connection, copy.table))
                for batch in extra:
                    gone = self.store.delete(connection, copy.table, batch)
                    copy.rows -= gone
                    self.deleted += gone
                quarantine = self.states.quarantine_of(connection, copy.table.name) if copy.quarantined else {}
                lost = [k for k in quarantine if k not in known]
                copy.quarantined -= self.states.release(connection, copy.table.name, lost)
                save(connection, copy, None)
        self.pick(copy, missing, save)

    def _spooled_keys(self, copy: Copy, file: IO[bytes]) -> set[str]:
        """All keys of the source in a file; those that are in quarantine also as text."""
        names = self.entity.primary_key
        schema = pa.schema([pa.field(n, self.entity.field(n).type) for n in names])
        known: set[str] = set()
        with self.lease.writing() as connection:
            quarantine = set(self.states.quarantine_of(connection, copy.table.name)) if copy.quarantined else set()
        with pa.ipc.new_stream(file, schema) as sink:
            for batch in self.reader.read(None, names):
                sink.write_batch(batch.cast(schema) if batch.schema != schema else batch)
                if quarantine:
                    known |= quarantine & {key_text(k) for k in tuples(batch, names)}
        file.seek(0)
        return known

    def pick(self, copy: Copy, keys: Sequence[tuple[Any, ...]], save: Save) -> None:
        """Fetch records by key; those that the source does not have are deleted."""
        for start in range(0, len(keys), PICKED_ROWS):
            some = keys[start : start + PICKED_ROWS]
            batches = list(self.reader.pick(some))
            damaged = set(self.reader.damaged)
            there = {k for b in batches for k in tuples(b, self.entity.primary_key)} | damaged
            self.read += sum(b.num_rows for b in batches)
            with self.lease.writing() as connection:
                self.keep(connection, copy, batches)
                lost = [k for k in some if k not in there]
                gone = self.delete(connection, copy, lost)
                copy.rows -= gone
                self.deleted += gone
                if copy.quarantined:
                    copy.quarantined -= self.states.release(connection, copy.table.name, [key_text(k) for k in lost])
                save(connection, copy, None)

    def keep_arrived(self, stage: Copy, arrived: sync_load.Arrived, expected: int | None) -> None:
        with self.lease.writing() as connection:
            if arrived.batch is not None:
                done = self.store.write(connection, stage.table, arrived.batch)
                self.written += done.rows
                self.read += arrived.batch.num_rows
                if done.unfit:
                    texts = {key_text(k): reason for k, reason in done.unfit}
                    self._check_aside(texts)
                    self.states.quarantine(connection, stage.table.name, texts, self.clock())
            if arrived.last:
                damaged, self.reader.damaged = self.reader.damaged, {}
                texts = {key_text(k): reason for k, reason in damaged.items()}
                self.states.quarantine(connection, stage.table.name, texts, self.clock())
                self.states.finish_part(connection, stage.table.name, arrived.part)
        self.progress("loading", self.read, expected)
