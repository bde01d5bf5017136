"""When each replica is synced next, decided by any number of processes that look at the same tables.

The truth is in the replicas' database: what is due follows from when a sync last ended. A message in a broker is
only an errand. Whoever sends it claims it first, so two schedulers send it once; whoever runs it says so, and one
that was lost (a broker that was emptied, a worker that was killed) is sent again. So a broker may lose anything.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from groundwire.core.control import METADATA, Control
from groundwire.core.errors import ConfigError, RateLimited, RetryableError
from groundwire.core.freshness import parse_age
from groundwire.core.replica import Replicas, ReplicaStatus

GRACE = 30.0
"""Seconds after which an errand that nobody began is sent again, come what may. Running it twice is harmless."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before the first repetition of a sync that failed, and before any."""

SCHEDULE = sa.Table(
    "_groundwire_schedule",
    METADATA,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("queued", sa.Float, nullable=False, server_default="0"),
    sa.Column("begun", sa.Float, nullable=False, server_default="0"),
    sa.Column("ended", sa.Float, nullable=False, server_default="0"),
    sa.Column("covered", sa.Float, nullable=False, server_default="0"),
    sa.Column("wanted", sa.Float, nullable=False, server_default="0"),
    sa.Column("retry_at", sa.Float, nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
)
"""One row for each replica, times in seconds since 1970.

`queued`: an errand was sent. `begun`, `ended`: a worker took it up, and was done with it. `covered`: when the last
sync that ended well began, so that an errand sent before is fulfilled. `wanted`: somebody asked for a sync.
"""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One sync to be done: entity's full name, and when it was queued (seconds since 1970)."""

    entity: str
    queued: float


def backoff(error: RetryableError, attempts: int) -> float:
    """Seconds until the next attempt: what the source asked for, else doubled each time, with jitter.

    Args:
        error: why the last attempt failed.
        attempts: failed so far, 1 or more.
    """
    if isinstance(error, RateLimited) and error.retry_after is not None:
        # a little later than asked, and not all at the same moment
        return error.retry_after + random.uniform(0.0, 1.0)  # noqa: S311
    most = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 20))
    return random.uniform(most / 2, most)  # noqa: S311


class Schedule:
    """The schedule of one configuration's replicas. Safe to use from several threads and processes.

    Args:
        control: where the table is.
        replicas: which entities, how often, and how they are doing.
    """

    def __init__(self, control: Control, replicas: Replicas) -> None:
        self.control = control
        self.replicas = replicas

    def due(self) -> list[Errand]:
        """What is to be sent now, each claimed for the caller.

        Raises:
            Unavailable: the tables can't be used.
        """
        states = self.replicas.status()
        now = self._now()
        rows = self._rows()
        due = [s for s in states if self._is_due(s, rows.get(s.entity, {}), now)]
        if not due:
            return []
        claimed = []
        with self.control.transaction() as connection:
            for state in due:
                seen = rows.get(state.entity, {}).get("queued")
                if seen is None:
                    self._add(connection, state.entity)
                    seen = 0.0
                mine = (SCHEDULE.c.entity == state.entity) & (SCHEDULE.c.queued == seen)
                if connection.execute(sa.update(SCHEDULE).where(mine).values(queued=now)).rowcount == 1:
                    claimed.append(Errand(entity=state.entity, queued=now))
        return claimed

    def _is_due(self, state: ReplicaStatus, row: Mapping[str, Any], now: float) -> bool:
        if state.syncing:
            return False
        queued, begun, ended = (float(row.get(k) or 0.0) for k in ("queued", "begun", "ended"))
        if queued > begun and now < queued + GRACE:
            return False  # on its way
        if begun > ended and now < begun + self._lease():
            return False  # a worker has it and is about to begin, or was killed just now
        if float(row.get("wanted") or 0.0) > float(row.get("covered") or 0.0) and not row.get("attempts"):
            return True
        retry_at = row.get("retry_at")
        return now >= (state.next_run.timestamp() if retry_at is None else float(retry_at))

    def next_run(self, state: ReplicaStatus) -> datetime:
        """When a replica is synced next, retries included (UTC)."""
        row = self._rows().get(state.entity, {})
        retry_at = row.get("retry_at")
        return state.next_run if retry_at is None else datetime.fromtimestamp(float(retry_at), UTC)

    def begin(self, entity: str, queued: float | None = None) -> float | None:
        """Take an errand up.

        Args:
            entity: full name.
            queued: the errand's own time; None for one that was sent by hand, which is always done.

        Returns:
            The moment for `done`, or None where a sync that began after the errand was sent has ended well.
        """
        with self.control.transaction() as connection:
            self._add(connection, entity)
            row = connection.execute(sa.select(SCHEDULE).where(SCHEDULE.c.entity == entity)).mappings().one()
            if queued is not None and row["covered"] >= queued:
                return None
            now = max(self._now(), float(row["queued"]))
            if queued is None:  # if this worker is lost, another does it
                self._set(connection, entity, begun=now, wanted=now)
            else:
                self._set(connection, entity, begun=now)
            return now

    def done(self, entity: str, begun: float) -> None:
        """The sync that began then ended well."""
        with self.control.transaction() as connection:
            self._set(connection, entity, ended=max(self._now(), begun), covered=begun, retry_at=None, attempts=0)

    def failed(self, entity: str, error: Exception) -> float | None:
        """The sync failed.

        Returns:
            Seconds until it is tried again; None where only its regular time comes, because trying again sooner
            will not help.
        """
        with self.control.transaction() as connection:
            self._add(connection, entity)
            row = connection.execute(sa.select(SCHEDULE).where(SCHEDULE.c.entity == entity)).mappings().one()
            now = max(self._now(), row["begun"])
            if not isinstance(error, RetryableError):
                self._set(connection, entity, ended=now, retry_at=None, attempts=row["attempts"] + 1)
                return None
            pause = backoff(error, row["attempts"] + 1)
            self._set(connection, entity, ended=now, retry_at=now + pause, attempts=row["attempts"] + 1)
            return pause

    def left(self, entity: str, queued: float | None = None) -> None:
        """The errand was put down without an attempt: another does it, or the worker is stopping.

        Args:
            entity: full name.
            queued: the errand's own time: it is sent again unless a sync that began later ends well.
        """
        with self.control.transaction() as connection:
            row = connection.execute(sa.select(SCHEDULE).where(SCHEDULE.c.entity == entity)).mappings().first()
            if row is not None:
                wanted = max(row["wanted"], queued or 0.0)
                self._set(connection, entity, ended=max(self._now(), row["begun"]), wanted=wanted)

    def unsent(self, errands: Iterable[Errand]) -> None:
        """Give claims back, because the broker took no errands."""
        with self.control.transaction() as connection:
            for errand in errands:
                mine = (SCHEDULE.c.entity == errand.entity) & (SCHEDULE.c.queued == errand.queued)
                connection.execute(sa.update(SCHEDULE).where(mine).values(queued=0.0))

    def lost(self, before: float) -> int:
        """The broker lost what it had: errands sent before then which nobody has begun are sent again.

        Args:
            before: in seconds since 1970, by this machine's clock.

        Returns:
            How many there are.
        """
        unbegun = (SCHEDULE.c.queued > SCHEDULE.c.begun) & (SCHEDULE.c.queued <= before)
        with self.control.transaction() as connection:
            return connection.execute(sa.update(SCHEDULE).where(unbegun).values(queued=0.0)).rowcount

    def want(self, entity: str) -> None:
        """Ask for a sync as soon as a worker is free, whatever its regular time."""
        with self.control.transaction() as connection:
            self._add(connection, entity)
            self._set(connection, entity, wanted=self._now())

    def change(self, entity: str, every: str | None) -> None:
        """Change the pause between syncs for all processes, from now on.

        Args:
            entity: full name.
            every: an age such as "30s", or None for what the configuration says.

        Raises:
            QueryError: not an age.
            ConfigError: the entity has no replica, or the pause is zero.
        """
        pause = parse_age(every)
        if pause is not None and not pause:
            raise ConfigError("a pause between syncs can't be zero")
        self.replicas.set_every(entity, pause)

    # -- how -------------------------------------------------------------------------------

    def _now(self) -> float:
        return self.replicas.clock().timestamp()

    def _lease(self) -> float:
        lease = parse_age(self.replicas.config.replicas.lease)
        return lease.total_seconds() if lease else 0.0

    def _rows(self) -> dict[str, Mapping[Any, Any]]:
        with self.control.transaction() as connection:
            return {r["entity"]: r for r in connection.execute(sa.select(SCHEDULE)).mappings()}

    def _add(self, connection: sa.Connection, entity: str) -> None:
        """A row for an entity, if it has none; two that add it at once add one."""
        dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(SCHEDULE).values(entity=entity).on_conflict_do_nothing())

    def _set(self, connection: sa.Connection, entity: str, **values: Any) -> None:
        connection.execute(sa.update(SCHEDULE).where(SCHEDULE.c.entity == entity).values(**values))
