"""Where cached fragments lie: a SQLite file that several processes share, or Redis.

A store keeps bytes under keys, a small index of them for each group, floors (the instant from which on a group's
entries may be used), and leases. It decides nothing about freshness. Every method may fail with `StoreError`, which
`core/cache` answers by going without: a store that is down costs speed, never an answer.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from groundwire.core.errors import ConfigError

FILE = "fragments.sqlite"
"""Name of the store in a user's folder of caches."""

MOST_ENTRIES = 200
"""Entries of one group; the one unused for longest goes first."""

WAIT = 1.0
"""Seconds that a process waits for another that writes the same file, or for a server's answer."""


class StoreError(Exception):
    """The store can't be used just now; says why, without credentials."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the index says of one fragment.

    Attributes:
        key: of its bytes.
        group: the entities that it was read from, within one source and one asker's rights.
        as_of: instant for which it is true, in microseconds since 1970.
        meta: whatever the cache wrote beside it.
        size: bytes.
    """

    key: str
    group: str
    as_of: int
    meta: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How full a store is: fragments and their bytes."""

    entries: int
    bytes: int


class Store(Protocol):
    """All that `core/cache` asks of a store. Safe to use from several threads and processes.

    Raises:
        StoreError: from every method.
    """

    where: str
    """For people; without credentials."""

    def find(self, group: str, floors: Iterable[str]) -> tuple[list[Entry], int]:
        """The group's entries, in any order, and the latest of these floors (0 without any)."""

    def load(self, key: str) -> bytes | None:
        """An entry's bytes, which counts as a use; None where they are gone."""

    def save(self, entry: Entry, data: bytes) -> None:
        """Keep these bytes in place of others under their key; beyond the bound, drop what is unused for longest."""

    def drop(self, entry: Entry) -> None:
        """Forget one entry."""

    def raise_floor(self, name: str, moment: int) -> None:
        """From now on, only what is true at this instant (microseconds since 1970) or later may be used."""

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        """Take or extend a lease for so many seconds; False where another holds it."""

    def release(self, name: str, holder: str) -> None:
        """Give a lease back."""

    def usage(self) -> Usage:
        """How full it is."""

    def clear(self) -> None:
        """Forget every entry; floors and leases stay."""

    def close(self) -> None:
        """Let go of connections. May be called twice."""


def open_store(url: str | None, folder: Path, max_bytes: int) -> Store:
    """The store of a URL.

    Args:
        url: `redis://...`, `rediss://...`, `sqlite:///path`; None for a file in the folder.
        folder: of this user's caches.
        max_bytes: bound on all fragments together.

    Raises:
        ConfigError: another kind of URL, or redis-py is not installed.
    """
    scheme, _, rest = (url or "").partition("://")
    if url is None:
        return EmbeddedStore(folder / FILE, max_bytes)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return EmbeddedStore(Path(rest[1:]), max_bytes)
    if scheme in ("redis", "rediss"):
        try:
            from groundwire.core.store_redis import RedisStore
        except ImportError:
            raise ConfigError(
                "redis-py is missing; run: pip install 'groundwire[redis]'", setting="cache.url"
            ) from None
        return RedisStore(url, max_bytes)
    raise ConfigError("write redis://HOST:PORT/NUMBER or sqlite:///PATH", setting="cache.url")


_TABLES = """
CREATE TABLE IF NOT EXISTS fragments (
    key TEXT PRIMARY KEY, "group" TEXT NOT NULL, as_of INTEGER NOT NULL, meta TEXT NOT NULL, size INTEGER NOT NULL,
    used REAL NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS fragments_by_group ON fragments ("group");
CREATE INDEX IF NOT EXISTS fragments_by_use ON fragments (used, size);
CREATE TABLE IF NOT EXISTS floors (name TEXT PRIMARY KEY, moment INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
"""
_VERSION = 1
_NOT_EVERY_USE = 10.0
"""Seconds within which a second use of an entry is not written down."""


class EmbeddedStore:
    """A SQLite file, or memory of this process alone.

    A file that is damaged is thrown away: everything in it can be read again.

    Args:
        path: the file, readable by its owner only; None for memory.
        max_bytes: bound on all fragments together.
    """

    def __init__(self, path: Path | None, max_bytes: int) -> None:
        self.path = path
        self.where = "memory of this process" if path is None else str(path)
        self.max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def find(self, group: str, floors: Iterable[str]) -> tuple[list[Entry], int]:
        names = list(floors)
        with self._using() as connection:
            rows = connection.execute('SELECT key, as_of, meta, size FROM fragments WHERE "group" = ?', (group,))
            entries = [Entry(key=k, group=group, as_of=a, meta=m, size=s) for k, a, m, s in rows]
            marks = ", ".join("?" * len(names))
            highest = connection.execute(f"SELECT MAX(moment) FROM floors WHERE name IN ({marks})", names).fetchone()
        return entries, int(highest[0] or 0)

    def load(self, key: str) -> bytes | None:
        now = time.time()
        with self._using() as connection:
            row = connection.execute("SELECT data, used FROM fragments WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if now - row[1] > _NOT_EVERY_USE:
                connection.execute("UPDATE fragments SET used = ? WHERE key = ?", (now, key))
            return bytes(row[0])

    def save(self, entry: Entry, data: bytes) -> None:
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(
                    "INSERT OR REPLACE INTO fragments VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (entry.key, entry.group, entry.as_of, entry.meta, len(data), time.time(), data),
                )
                self._make_room(connection, entry)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _make_room(self, connection: sqlite3.Connection, new: Entry) -> None:
        oldest = 'SELECT key FROM fragments WHERE "group" = ? ORDER BY used DESC LIMIT -1 OFFSET ?'
        connection.execute(f"DELETE FROM fragments WHERE key IN ({oldest})", (new.group, MOST_ENTRIES))
        (total,) = connection.execute("SELECT COALESCE(SUM(size), 0) FROM fragments").fetchone()
        if total <= self.max_bytes:
            return
        for key, size in connection.execute(
            "SELECT key, size FROM fragments ORDER BY used, key = ?", (new.key,)
        ).fetchall():
            connection.execute("DELETE FROM fragments WHERE key = ?", (key,))
            total -= size
            if total <= self.max_bytes * 0.9:  # room for the next ones too
                return

    def drop(self, entry: Entry) -> None:
        with self._using() as connection:
            connection.execute("DELETE FROM fragments WHERE key = ? AND as_of = ?", (entry.key, entry.as_of))

    def raise_floor(self, name: str, moment: int) -> None:
        with self._using() as connection:
            connection.execute(
                "INSERT INTO floors VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET moment = MAX(moment, excluded.moment)",
                (name, moment),
            )

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        now = time.time()
        with self._using() as connection:
            connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET holder = excluded.holder, until = excluded.until WHERE until < ? OR holder = excluded.holder",
                (name, holder, now + seconds, now),
            )
            row = connection.execute("SELECT holder FROM leases WHERE name = ?", (name,)).fetchone()
        return row is not None and row[0] == holder

    def release(self, name: str, holder: str) -> None:
        with self._using() as connection:
            connection.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (name, holder))

    def usage(self) -> Usage:
        with self._using() as connection:
            entries, size = connection.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM fragments").fetchone()
        return Usage(entries=entries, bytes=size)

    def clear(self) -> None:
        with self._using() as connection:
            connection.execute("DELETE FROM fragments")
            connection.execute("PRAGMA incremental_vacuum").fetchall()

    def close(self) -> None:
        with self._lock:
            self._forget()

    # -- the file ----------------------------------------------------------------------------

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None or self._pid != os.getpid():
                    self._connection = self._opened()
                    self._pid = os.getpid()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                self._forget()
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                    self._throw_away()
                raise StoreError(f"{self.where}: {error}") from None

    def _opened(self) -> sqlite3.Connection:
        """The file, once whoever makes it at this moment is done: SQLite does not wait for the change to WAL."""
        end = time.monotonic() + 5 * WAIT
        while True:
            try:
                return self._open()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(0.02)

    def _open(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)
        connection = sqlite3.connect(
            self.path or ":memory:", timeout=WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != _VERSION:
                for pragma in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL"):
                    connection.execute(f"PRAGMA {pragma}").fetchall()
                connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
            # what the machine's crash loses of a cache is read again
            connection.execute("PRAGMA synchronous = OFF").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            if self._pid == os.getpid():  # a connection of the process that this one was forked from is not ours
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    def _throw_away(self) -> None:
        if self.path is not None:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
