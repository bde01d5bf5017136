"""What the replica database remembers beside the rows: how far each copy is, who is syncing it, what did not fit.

A sync commits rows and the state that they lead to in one transaction, and every such transaction first proves
that the sync still holds its lease: a holder that was taken for dead and lives can't commit any more (a fencing
token). A lease ends by itself after a while, and at once where its holder was a process of this machine
that is gone.

Source: Martin Kleppmann, "How to do distributed locking", 2016 (leases with fencing tokens).
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from groundwire.core.errors import Busy, GroundwireError

_METADATA = sa.MetaData()

STATE = sa.Table(
    "_groundwire_state",
    _METADATA,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("table_name", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("as_of", sa.Text),
    sa.Column("row_count", sa.BigInteger, nullable=False, default=0),
    sa.Column("quarantined", sa.BigInteger, nullable=False, default=0),
    sa.Column("generation", sa.BigInteger, nullable=False, default=0),
    sa.Column("progress", sa.Text, nullable=False, default="{}"),
    sa.Column("last_mode", sa.Text),
    sa.Column("last_sync", sa.Text),
    sa.Column("last_error", sa.Text),
    sa.Column("last_error_at", sa.Text),
    sa.Column("every", sa.Float),
)
LEASE = sa.Table(
    "_groundwire_lease",
    _METADATA,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
)
PARTS = sa.Table(
    "_groundwire_parts",
    _METADATA,
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True),
    sa.Column("bounds", sa.Text, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),
)
QUARANTINE = sa.Table(
    "_groundwire_quarantine",
    _METADATA,
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("row_key", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("seen", sa.Text, nullable=False),
)

_FIRST_LEASE = sa.text(
    "INSERT INTO _groundwire_lease (entity, holder, token, expires) VALUES (:entity, '', 0, 0) ON CONFLICT DO NOTHING"
)


class Database(Protocol):
    """Where the state is kept: the part of the replica connector that is needed here."""

    name: str
    product: str

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that may write."""


@dataclass(frozen=True, kw_only=True)
class State:
    """How far one copy is.

    Attributes:
        entity: full name of the original.
        table: name of the table that answers queries; None before the first load is done.
        description: fields, types and key of that table, as `describe.dumps` wrote them.
        as_of: the copy holds everything that was committed before this instant (UTC).
        rows: rows of the table.
        quarantined: rows of the source that could not be stored.
        generation: grows with every table that is made.
        progress: what the next sync must know; see `core/sync`.
        mode: of the last sync that ended well.
        last_sync: when that ended (UTC).
        error: of the last sync, None if it ended well.
        error_at: when that was (UTC).
        every: seconds between syncs, where that was changed at run time.
    """

    entity: str
    table: str | None = None
    description: str | None = None
    as_of: datetime | None = None
    rows: int = 0
    quarantined: int = 0
    generation: int = 0
    progress: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mode: str | None = None
    last_sync: datetime | None = None
    error: str | None = None
    error_at: datetime | None = None
    every: float | None = None

    def with_progress(self, **changes: Any) -> State:
        """The same with some of `progress` changed; None takes a key away."""
        merged = {k: v for k, v in {**self.progress, **changes}.items() if v is not None}
        return replace(self, progress=merged)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


class States:
    """The bookkeeping of one replica database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._made = False
        self._lock = threading.Lock()

    def make(self) -> None:
        """Make the tables where they are missing."""
        with self._lock:
            if not self._made:
                with self.database.writing() as connection:
                    if connection.dialect.name == "postgresql":  # two that create at once would collide
                        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727163)")
                    _METADATA.create_all(connection)
                self._made = True

    def are_made(self, connection: Connection) -> bool:
        """Whether the tables are there: a reader makes none, and waits for no writer."""
        if not self._made:
            self._made = sa.inspect(connection).has_table(STATE.name)
        return self._made

    def read(self, connection: Connection, entity: str) -> State:
        """The state of one copy; a blank one before its first sync."""
        row = connection.execute(sa.select(STATE).where(STATE.c.entity == entity)).mappings().first()
        return State(entity=entity) if row is None else _state(row)

    def all(self, connection: Connection) -> list[State]:
        """All copies that were ever synced."""
        return [_state(r) for r in connection.execute(sa.select(STATE).order_by(STATE.c.entity)).mappings()]

    def write(self, connection: Connection, state: State) -> None:
        """Keep a state, in the transaction of the rows that it describes."""
        values = {
            "table_name": state.table,
            "description": state.description,
            "as_of": _text(state.as_of),
            "row_count": state.rows,
            "quarantined": state.quarantined,
            "generation": state.generation,
            "progress": json.dumps(state.progress),
            "last_mode": state.mode,
            "last_sync": _text(state.last_sync),
            "last_error": state.error,
            "last_error_at": _text(state.error_at),
        }
        changed = connection.execute(sa.update(STATE).where(STATE.c.entity == state.entity).values(values))
        if not changed.rowcount:
            connection.execute(sa.insert(STATE).values(entity=state.entity, every=state.every, **values))

    def advance(self, connection: Connection, state: State, moment: datetime) -> bool:
        """Move the instant for which a copy is true, unless another has moved it since `state` was read.

        Args:
            connection: of `writing`.
            state: as it was read.
            moment: everything that was committed before it is in the copy (UTC).

        Returns:
            Whether it was moved: a sync that has written its own instant meanwhile is right too.
        """
        if state.as_of is None or state.as_of >= moment:
            return False
        mine = (STATE.c.entity == state.entity) & (STATE.c.as_of == _text(state.as_of))
        mine &= STATE.c.table_name == state.table
        return connection.execute(sa.update(STATE).where(mine).values(as_of=_text(moment))).rowcount == 1

    def set_every(self, connection: Connection, entity: str, seconds: float | None) -> None:
        """Change the pause between syncs; None for the configured one."""
        changed = connection.execute(sa.update(STATE).where(STATE.c.entity == entity).values(every=seconds))
        if not changed.rowcount:
            connection.execute(sa.insert(STATE).values(entity=entity, every=seconds))

    # -- leases ----------------------------------------------------------------------------

    @contextmanager
    def lease(self, entity: str, *, seconds: float) -> Iterator[Lease]:
        """The right to sync one entity, renewed until the end.

        Args:
            entity: full name.
            seconds: after which a holder on another machine that says nothing is taken for dead.

        Raises:
            Busy: another sync has it.
        """
        self.make()
        holder = f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())} {uuid.uuid4().hex}"
        with self.database.writing() as connection:
            mine = LEASE.c.entity == entity
            connection.execute(_FIRST_LEASE, {"entity": entity})
            row = connection.execute(sa.select(LEASE).where(mine).with_for_update()).one()
            now = _now(connection)
            if row.expires > now and not _is_gone(row.holder):
                source = entity.split(".")[0]
                raise Busy(f"{entity} is being synced by process {row.holder.split()[1]}", source=source)
            token = row.token + 1
            values = {"holder": holder, "token": token, "expires": now + seconds}
            connection.execute(sa.update(LEASE).where(mine).values(values))
        lease = Lease(self, entity, token, seconds)
        try:
            with lease.renewed():
                yield lease
        finally:
            with suppress(GroundwireError), self.database.writing() as connection:
                mine = (LEASE.c.entity == entity) & (LEASE.c.token == token)
                connection.execute(sa.update(LEASE).where(mine).values(expires=0.0))

    def holders(self, connection: Connection) -> dict[str, str]:
        """Process ids of the syncs that run, by entity."""
        rows = connection.execute(sa.select(LEASE).where(LEASE.c.expires > _now(connection)))
        return {r.entity: r.holder.split()[1] for r in rows if not _is_gone(r.holder)}

    # -- parts of a first load ---------------------------------------------------------------

    def parts(self, connection: Connection, table: str) -> list[tuple[int, Any]]:
        """Numbers and bounds of the parts of a table that are not loaded yet."""
        query = sa.select(PARTS).where(PARTS.c.table_name == table, sa.not_(PARTS.c.done)).order_by(PARTS.c.part)
        return [(r.part, json.loads(r.bounds)) for r in connection.execute(query)]

    def plan_parts(self, connection: Connection, table: str, bounds: list[Any]) -> None:
        """Note the parts of a table that is to be loaded."""
        rows = [{"table_name": table, "part": i, "bounds": json.dumps(b), "done": False} for i, b in enumerate(bounds)]
        connection.execute(sa.insert(PARTS), rows)

    def finish_part(self, connection: Connection, table: str, part: int) -> None:
        """A part is loaded."""
        mine = (PARTS.c.table_name == table) & (PARTS.c.part == part)
        connection.execute(sa.update(PARTS).where(mine).values(done=True))

    # -- rows that don't fit -----------------------------------------------------------------

    def quarantine(self, connection: Connection, table: str, rows: Mapping[str, str], seen: datetime) -> int:
        """Note rows by key (as JSON) with the reason; how many are new."""
        before = self.quarantined(connection, table)
        for key in rows:
            mine = (QUARANTINE.c.table_name == table) & (QUARANTINE.c.row_key == key)
            connection.execute(sa.delete(QUARANTINE).where(mine))
        values = [{"table_name": table, "row_key": k, "reason": r, "seen": seen.isoformat()} for k, r in rows.items()]
        if values:
            connection.execute(sa.insert(QUARANTINE), values)
        return self.quarantined(connection, table) - before

    def release(self, connection: Connection, table: str, keys: list[str]) -> int:
        """Forget rows that fit now or are gone; how many there were."""
        found = 0
        for start in range(0, len(keys), 500):
            mine = (QUARANTINE.c.table_name == table) & QUARANTINE.c.row_key.in_(keys[start : start + 500])
            found += connection.execute(sa.delete(QUARANTINE).where(mine)).rowcount
        return found

    def quarantined(self, connection: Connection, table: str) -> int:
        """How many rows of a table are in quarantine."""
        mine = QUARANTINE.c.table_name == table
        return int(connection.execute(sa.select(sa.func.count()).select_from(QUARANTINE).where(mine)).scalar() or 0)

    def quarantine_of(self, connection: Connection, table: str) -> dict[str, str]:
        """Keys (as JSON) and reasons."""
        query = sa.select(QUARANTINE.c.row_key, QUARANTINE.c.reason).where(QUARANTINE.c.table_name == table)
        return {r.row_key: r.reason for r in connection.execute(query)}

    def forget(self, connection: Connection, table: str) -> None:
        """Nothing more is known of a table that is dropped."""
        for kept in (PARTS, QUARANTINE):
            connection.execute(sa.delete(kept).where(kept.c.table_name == table))


class Lease:
    """A right that is proved in every transaction."""

    def __init__(self, states: States, entity: str, token: int, seconds: float) -> None:
        self.states = states
        self.entity = entity
        self.token = token
        self.seconds = seconds

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that commits only while the lease is held.

        Raises:
            Busy: it was lost to another sync.
        """
        with self.states.database.writing() as connection:
            self._renew(connection)
            yield connection

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew from a thread while something takes long."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self.seconds / 3):
                # a database that is away for a moment costs nothing: the next commit proves the lease again
                with suppress(GroundwireError), self.states.database.writing() as connection:
                    self._renew(connection)

        thread = threading.Thread(target=beat, name=f"lease of {self.entity}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew(self, connection: Connection) -> None:
        mine = (LEASE.c.entity == self.entity) & (LEASE.c.token == self.token)
        renewed = connection.execute(sa.update(LEASE).where(mine).values(expires=_now(connection) + self.seconds))
        if renewed.rowcount != 1:
            source = self.entity.split(".")[0]
            raise Busy(f"another process has taken over the sync of {self.entity}", source=source)


def _state(row: Mapping[Any, Any]) -> State:
    return State(
        entity=row["entity"],
        table=row["table_name"],
        description=row["description"],
        as_of=_moment(row["as_of"]),
        rows=row["row_count"],
        quarantined=row["quarantined"],
        generation=row["generation"],
        progress=json.loads(row["progress"]),
        mode=row["last_mode"],
        last_sync=_moment(row["last_sync"]),
        error=row["last_error"],
        error_at=_moment(row["last_error_at"]),
        every=row["every"],
    )


def _now(connection: Connection) -> float:
    """Seconds since 1970 by the one clock that all holders share: the server's, or this machine's for a file."""
    if connection.dialect.name == "postgresql":
        return float(connection.exec_driver_sql("SELECT EXTRACT(EPOCH FROM clock_timestamp())").scalar() or 0)
    return time.time()


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty where that can't be known."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - a name that pathlib need not parse
            state = file.read().rpartition(")")[2].split()
            return "" if state[0] in "ZX" else state[19]  # killed, and its parent has not noticed yet
    except (OSError, IndexError):
        return ""


def _is_gone(holder: str) -> bool:
    """Whether the holder was a process of this machine that runs no more."""
    host, pid, started, *_ = holder.split(" ")
    if host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return _started(int(pid)) != started
