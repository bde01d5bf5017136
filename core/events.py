"""Changes that sources tell of, brought into replicas within a moment: only the touched records are read again.

Three ways lead here. A database that tells of commits is listened to; marks that travel with its messages prove
that nothing was missed, so that a copy's age stays below a second or two without any sync. A source that tells
nothing but knows when records were written is polled for keys. Webhooks arrive through `core/webhooks`. None of them is
trusted with the truth: what they miss, the next sync finds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa

from groundwire.core.catalog import Entity
from groundwire.core.config import Config
from groundwire.core.connector import Change, ChangeEvents, Mark, SourceClock
from groundwire.core.errors import Busy, ConfigError, GroundwireError, RetryableError
from groundwire.core.freshness import parse_age
from groundwire.core.hub import Hub
from groundwire.core.replica import Replicas
from groundwire.core.schedule import Schedule
from groundwire.core.sync import Syncer
from groundwire.core.sync_read import Reader, tuples

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Keys that wait for one entity; with more, a sync is asked for instead."""

AT_ONCE = 500
"""Keys that are read again in one go."""

MARK_EVERY = 1.0
"""Seconds between two marks."""

RECONNECT = (0.5, 30.0)
"""Seconds before the first new connection after one was lost, and before any."""


class Shared(Protocol):
    """What a listener needs of its process; `core.worker.Runtime` is one."""

    config: Config
    hub: Hub
    replicas: Replicas
    syncer: Syncer
    schedule: Schedule


def typed_keys(entity: Entity, keys: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Keys as the source delivers them, from keys as text or JSON.

    Raises:
        ValueError: they are no keys of this entity.
    """
    rows = [tuple(k) for k in keys]
    if any(len(r) != len(entity.primary_key) for r in rows):
        raise ValueError(f"a key of {entity.full_name} has {len(entity.primary_key)} values")
    columns = []
    for place, name in enumerate(entity.primary_key):
        values = [r[place] for r in rows]
        if any(v is None for v in values):
            raise ValueError(f"{name} can't be null")
        columns.append(_typed(values, entity.field(name).type))
    return list(zip(*columns, strict=True))


def _typed(values: list[Any], type_: pa.DataType) -> list[Any]:
    texts = [v if isinstance(v, str) else str(v).lower() if isinstance(v, bool) else str(v) for v in values]
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return [bytes.fromhex(t.removeprefix("\\x")) for t in texts]
    try:
        return list(pa.array(texts, pa.string()).cast(type_).to_pylist())
    except pa.ArrowException as error:
        raise ValueError(f"not values of type {type_}: {error}") from None


class Refresher:
    """Keys that wait until the copy of their entity has them. For one thread.

    Args:
        shared: of this process.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._waiting: dict[str, dict[tuple[Any, ...], None]] = {}
        self._floor: dict[str, datetime] = {}
        self._not_before: dict[str, float] = {}

    @property
    def waiting(self) -> set[str]:
        """Entities some of whose changes are not in their copies yet."""
        return {name for name, keys in self._waiting.items() if keys}

    def add(self, entity: Entity, keys: Iterable[Sequence[Any]] | None) -> None:
        """Note records that changed; None for any of the entity."""
        self._shared.syncer.changes.changed(entity.full_name, self._shared.replicas.clock())
        if keys is not None:
            try:
                waiting = self._waiting.setdefault(entity.full_name, {})
                waiting.update(dict.fromkeys(typed_keys(entity, keys)))
                if len(waiting) <= MOST_WAITING:
                    return
            except ValueError as error:
                log.warning("%s: %s; a sync is asked for", entity.full_name, error)
        self.everything(entity.full_name)

    def everything(self, entity: str) -> None:
        """Any record may have changed: ask for a sync; until it has run, the copy can't be called fresh."""
        self._waiting.pop(entity, None)
        self._floor[entity] = self._shared.replicas.clock()
        try:
            self._shared.schedule.want(entity)
        except GroundwireError as error:
            log.warning("no sync of %s could be asked for: %s", entity, error)

    def apply(self) -> None:
        """Read what waits and store it; what can't be stored now waits on."""
        for entity in list(self._waiting):
            keys = list(self._waiting[entity])
            for start in range(0, len(keys), AT_ONCE):
                if self._not_before.get(entity, 0.0) > time.monotonic():
                    break
                self._apply(entity, keys[start : start + AT_ONCE])

    def _apply(self, entity: str, keys: list[tuple[Any, ...]]) -> None:
        try:
            report = self._shared.syncer.sync(entity, keys=keys)
        except Busy:  # a sync of everything is running: what it read before these changes is read again after it
            self._not_before[entity] = time.monotonic() + 0.1
            return
        except RetryableError as error:
            log.warning("changes of %s wait: %s", entity, error)
            self._not_before[entity] = time.monotonic() + 2.0
            return
        except GroundwireError as error:
            log.warning("changes of %s can't be read by key: %s; a sync is asked for", entity, error)
            self.everything(entity)
            return
        if report.as_of is None or report.changes:  # never loaded, or the entity looks different now
            self.everything(entity)
            return
        waiting = self._waiting.get(entity, {})
        for key in keys:
            waiting.pop(key, None)

    def fresh(self, entities: Iterable[str], moment: datetime) -> None:
        """All that was committed before this moment was added: say so for the entities where it is applied.

        Args:
            entities: full names.
            moment: by the replicas' clock (UTC).
        """
        told = {e for e in entities if not self._waiting.get(e)}
        confirm(self._shared.replicas, {e: self._floor.get(e) for e in told}, moment)


def confirm(replicas: Replicas, floors: Mapping[str, datetime | None], moment: datetime) -> None:
    """Move the instant for which copies are true, because all changes before it are in them.

    Args:
        replicas: which copies there are.
        floors: entities, each with the instant since when all its changes were heard: a copy that is older
            may lack one, and stays as it is.
        moment: the new instant (UTC).
    """
    with replicas.store.writing() as connection:
        for state in replicas.states.all(connection):
            floor = floors.get(state.entity)
            if state.entity not in floors or state.as_of is None or (floor and state.as_of < floor):
                continue
            replicas.states.advance(connection, state, moment)


def alone(shared: Shared, source: str) -> AbstractContextManager[Any]:
    """The right to bring in one source's events, so that several workers do it once.

    Raises:
        Busy: another process does.
    """
    seconds = parse_age(shared.config.replicas.lease)
    assert seconds is not None
    return shared.replicas.states.lease(f"{source}.@events", seconds=seconds.total_seconds())


class SourceListener(threading.Thread):
    """Listens to one source until it is stopped, and applies what it hears.

    Args:
        shared: of this process.
        source: configured name.
        entities: full names of the entities whose changes are of interest.

    After each new connection a sync of every entity is asked for, since nobody knows what was missed.
    """

    def __init__(self, shared: Shared, source: str, entities: Sequence[str]) -> None:
        super().__init__(name=f"events of {source}", daemon=True)
        self.shared = shared
        self.source = source
        self.entities = tuple(entities)
        self.listening = threading.Event()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Stop soon; what was heard and not applied is found by the next sync."""
        self._stopping.set()

    def run(self) -> None:
        """Listen, and connect again whenever the connection is lost."""
        pause = RECONNECT[0]
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                with alone(self.shared, self.source):
                    self._listen()
            except Busy:  # another worker does it; when that ends, this one goes on
                self._stopping.wait(RECONNECT[0] * 4)
                continue
            except ConfigError as error:
                log.error("no events of %s: %s", self.source, error)
                return
            except GroundwireError as error:
                log.warning("events of %s are interrupted: %s", self.source, error)
            except Exception:
                log.exception("events of %s are interrupted", self.source)
            self.listening.clear()
            pause = RECONNECT[0] if time.monotonic() - began > RECONNECT[1] else min(pause * 2, RECONNECT[1])
            self._stopping.wait(pause)

    def _listen(self) -> None:
        catalog = self.shared.hub.catalog
        known = {e.name: e for e in (catalog.entity(name) for name in self.entities)}
        connector = self.shared.hub.connectors[self.source]
        if not isinstance(connector, ChangeEvents):
            raise ConfigError('this source tells nothing; set events = "poll"', setting=f"sources.{self.source}.events")
        refresher = Refresher(self.shared)
        connection = connector.listen(list(known.values()))
        try:
            for entity in known.values():
                refresher.everything(entity.full_name)
            self.listening.set()
            marks: dict[str, datetime] = {}
            number, next_mark = 0, 0.0
            while not self._stopping.is_set():
                if time.monotonic() >= next_mark and not marks:
                    number, next_mark = number + 1, time.monotonic() + MARK_EVERY
                    marks[str(number)] = self.shared.replicas.clock()
                    connection.mark(str(number))
                soon = 0.05 if refresher.waiting else max(0.01, min(0.2, next_mark - time.monotonic()))
                for heard in connection.wait(soon):
                    if isinstance(heard, Change):
                        if heard.entity in known:
                            refresher.add(known[heard.entity], heard.keys)
                    else:
                        refresher.apply()
                        self._confirm(refresher, known, heard, marks.pop(heard.name, None))
                refresher.apply()
        finally:
            connection.close()

    def _confirm(self, refresher: Refresher, known: dict[str, Entity], mark: Mark, sent: datetime | None) -> None:
        if sent is not None:
            refresher.fresh([known[n].full_name for n in mark.covered if n in known], sent)


class SourcePoller(threading.Thread):
    """Asks one source again and again which records were written, and applies them.

    Only keys and cursors are read. Deletions, and changes that are committed later than `OVERLAP` after their
    own timestamp, are left to the syncs.

    Args:
        shared: of this process.
        source: configured name.
        entities: full names.
    """

    OVERLAP = 5.0
    """Seconds that are read again each time."""

    def __init__(self, shared: Shared, source: str, entities: Sequence[str]) -> None:
        super().__init__(name=f"polls of {source}", daemon=True)
        self.shared = shared
        self.source = source
        self.entities = tuple(entities)
        pause = parse_age(shared.config.sources[source].poll)
        assert pause is not None
        self.pause = max(0.05, pause.total_seconds())
        self._stopping = threading.Event()
        self._seen: dict[str, dict[tuple[Any, ...], Any]] = {}
        self._since: dict[str, datetime] = {}
        self._offset: timedelta | None = None

    def stop(self) -> None:
        """Stop soon."""
        self._stopping.set()

    def run(self) -> None:
        """Ask, apply, wait."""
        refresher = Refresher(self.shared)
        pause = self.pause
        while not self._stopping.wait(pause):
            try:
                with alone(self.shared, self.source):
                    while not self._stopping.wait(self.pause):
                        for name in self.entities:
                            self.poll(name, refresher)
                        refresher.apply()
                        pause = self.pause
            except Busy:
                pause = RECONNECT[0] * 4
            except GroundwireError as error:
                pause = min(max(1.0, pause * 2), RECONNECT[1])
                log.warning("polling %s failed, next in %.0f s: %s", self.source, pause, error)
            except Exception:
                pause = RECONNECT[1]
                log.exception("polling %s failed", self.source)

    def poll(self, name: str, refresher: Refresher) -> None:
        """Find the records of one entity that were written since the last time."""
        entity = self.shared.hub.catalog.entity(name)
        cursor = self.shared.replicas.wanted[name].cursor or entity.cursor
        if cursor is None or not pa.types.is_timestamp(entity.field(cursor).type):
            raise ConfigError(f"{name} has no field that says when a record was written, so it can't be polled")
        reader = Reader(self.shared.hub.connectors[self.source], entity)
        started = self.shared.replicas.clock() + self._ahead()
        edge = self._since.get(name, started) - timedelta(seconds=self.OVERLAP)
        asked = edge if entity.field(cursor).type.tz else edge.replace(tzinfo=None)
        seen, now_seen = self._seen.get(name, {}), {}
        for batch in reader.read(reader.changed(cursor, asked), (*entity.primary_key, cursor)):
            written = batch.column(len(entity.primary_key)).to_pylist()
            for key, moment in zip(tuples(batch, entity.primary_key), written, strict=True):
                now_seen[key] = moment
        fresh = [k for k, moment in now_seen.items() if k not in seen or seen[k] != moment]
        self._seen[name], self._since[name] = now_seen, started
        if fresh:
            refresher.add(entity, fresh)

    def _ahead(self) -> timedelta:
        """How far the source's clock is ahead of ours: it is the source that says when records were written."""
        if self._offset is None:
            connector = self.shared.hub.connectors[self.source]
            theirs = connector.clock() if isinstance(connector, SourceClock) else None
            self._offset = timedelta() if theirs is None else theirs - self.shared.replicas.clock()
        return self._offset


class Events:
    """All listeners and pollers that a configuration asks for, as one service of a worker."""

    def __init__(self, shared: Shared, sources: Iterable[str] = ()) -> None:
        wanted: dict[str, list[str]] = {}
        for name in shared.replicas.wanted:
            wanted.setdefault(name.split(".", 1)[0], []).append(name)
        chosen = set(sources)
        self.threads: list[SourceListener | SourcePoller] = []
        for source, entities in wanted.items():
            kind = shared.config.sources[source].events
            if kind is None or (chosen and source not in chosen):
                continue
            make = SourceListener if kind == "notify" else SourcePoller
            self.threads.append(make(shared, source, entities))

    def start(self) -> None:
        """Start all."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop all, and wait a moment for them."""
        for thread in self.threads:
            thread.stop()
        for thread in self.threads:
            thread.join(5.0)
