"""Local copies of chosen entities, and the choice of a copy in place of its source.

A replica is a table of one database, SQLite or PostgreSQL, which is read as a source of type `sql` named
`@replica`. After a query is bound, every entity whose copy is as fresh as was asked for is swapped for
that copy; the planner then sees one SQL database, so that whole queries are pushed into it, also across
the original sources. How copies are kept up to date is `core/sync`; how old an answer may be is the
caller's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import platformdirs
import pyarrow as pa
from sqlalchemy.engine import Connection
from sqlglot import exp

from groundwire.core import registry
from groundwire.core.binder import Bound, entity_tables
from groundwire.core.catalog import Catalog, Entity, Field
from groundwire.core.config import Config, ReplicaConfig, settings_of
from groundwire.core.connector import Connector
from groundwire.core.errors import ConfigError
from groundwire.core.freshness import Clock, parse_age, utc_now
from groundwire.core.predicates import columns_of
from groundwire.core.replica_state import State, States

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SOURCE = "@replica"
"""Name of the source that holds the copies; no configured source can have it."""


class Written(Protocol):
    """What became of a batch: rows stored, how many of them new, and those that don't fit, with the reason."""

    @property
    def rows(self) -> int: ...
    @property
    def inserted(self) -> int: ...
    @property
    def unfit(self) -> tuple[tuple[tuple[Any, ...], str], ...]: ...


class Store(Protocol):
    """The replica connector, as far as the core calls it; `connectors/replica` says what each method does."""

    name: str
    product: str

    @property
    def exists(self) -> bool: ...
    def writing(self) -> AbstractContextManager[Connection]: ...
    def reading(self) -> AbstractContextManager[Connection]: ...
    def create(self, connection: Connection, table: Entity) -> None: ...
    def drop(self, connection: Connection, name: str) -> None: ...
    def index(self, connection: Connection, table: Entity, fields: Sequence[str]) -> None: ...
    def analyze(self, connection: Connection, table: Entity) -> None: ...
    def count(self, connection: Connection, table: Entity) -> int: ...
    def write(
        self, connection: Connection, table: Entity, batch: pa.RecordBatch, *, counting: bool = False
    ) -> Written: ...
    def delete(self, connection: Connection, table: Entity, keys: pa.RecordBatch) -> int: ...
    def stage_keys(self, connection: Connection, table: Entity, batches: Iterable[pa.RecordBatch]) -> None: ...
    def keys_without_row(self, connection: Connection, table: Entity) -> Iterator[pa.RecordBatch]: ...
    def rows_without_key(self, connection: Connection, table: Entity) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An entity that configuration wants a copy of, with every setting filled in.

    Attributes:
        entity: full name.
        cursor: field that grows with every change, where configuration names one.
        every: pause between syncs.
        overlap: how late a change may be committed, counted from its own timestamp, and still be found.
        reconcile: longest pause between comparisons of all keys.
    """

    entity: str
    cursor: str | None
    every: timedelta
    overlap: timedelta
    reconcile: timedelta


@dataclass(frozen=True, kw_only=True)
class ReplicaCopy:
    """A copy that stands in for its original in one plan.

    Attributes:
        original: the entity of the source.
        copy: the same as a table of `@replica`.
        as_of: the copy holds everything that was committed before this instant (UTC).
        incomplete: why rows are missing; empty if none are.
    """

    original: Entity
    copy: Entity
    as_of: datetime
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReplicaStatus:
    """How one copy is doing.

    Attributes:
        entity: full name of the original.
        mode: `replica` once the first load is done, `loading` while it runs, else `waiting`.
        rows: of the copy.
        as_of: the copy holds everything that was committed before this instant (UTC).
        lag: how long ago that was, None before the first load is done.
        last_sync: when the last sync ended well (UTC).
        last_mode: what kind it was; see `SyncReport.mode`.
        every: pause between syncs.
        next_run: when the next sync is due (UTC).
        last_error: of the last sync, None if it ended well.
        last_error_at: when that was (UTC).
        quarantined: rows of the source that could not be stored.
        syncing: process id of the sync that runs now.
    """

    entity: str
    mode: str
    rows: int
    as_of: datetime | None
    lag: timedelta | None
    last_sync: datetime | None
    last_mode: str | None
    every: timedelta
    next_run: datetime
    last_error: str | None
    last_error_at: datetime | None
    quarantined: int
    syncing: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form: instants in ISO 8601, durations in seconds."""
        values = {**self.__dict__}
        for name, value in values.items():
            if isinstance(value, datetime):
                values[name] = value.isoformat()
            elif isinstance(value, timedelta):
                values[name] = value.total_seconds()
        return values


class Replicas:
    """The copies of one configuration. Safe to use from several threads.

    Args:
        config: says which entities, and where the copies are kept.
        clock: the present instant; this machine's without it.

    Raises:
        ConfigError: the database is neither SQLite nor PostgreSQL, or its driver is missing.
    """

    def __init__(self, config: Config, clock: Clock = utc_now) -> None:
        self.config = config
        self.clock = clock
        self.wanted = _wanted(config)
        kind = registry.load("replica", setting="replicas.url")
        settings = settings_of(kind.Settings, {"url": replica_url(config)}, setting="replicas")
        self.connector: Connector = kind(SOURCE, settings)
        self.store = cast(Store, self.connector)
        self.states = States(self.store)
        self._descriptions: dict[str, Entity] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, config: Config, clock: Clock = utc_now) -> Replicas | None:
        """The copies that a configuration wants; None if it wants none."""
        return cls(config, clock) if _wanted(config) else None

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        self.connector.close()

    # -- answering from copies ---------------------------------------------------------------

    def offers(self, catalog: Catalog, bounds: Callable[[Entity], timedelta | None], now: datetime) -> Offers:
        """The copies that may stand in for their originals.

        Args:
            catalog: what queries are bound to.
            bounds: oldest acceptable age of an entity's data; zero is live, None is any.
            now: the instant from which ages count (UTC).
        """
        asked = [(self._original(catalog, name), name) for name in self.wanted]
        open_ = [e for e, _ in asked if e is not None and ((most := bounds(e)) is None or most > timedelta())]
        if not open_:
            return Offers({})
        found = {}
        with self._reading() as connection:
            states = self.states.all(connection) if connection is not None else []
        for state in states:
            entity = next((e for e in open_ if e.full_name == state.entity), None)
            if entity is None or state.table is None or state.as_of is None:
                continue
            most = bounds(entity)
            if most is not None and now - state.as_of > most:
                continue
            found[entity.full_name] = ReplicaCopy(
                original=entity, copy=self._copy_for(entity, state), as_of=state.as_of, incomplete=_missing(state)
            )
        return Offers(found)

    def _original(self, catalog: Catalog, name: str) -> Entity | None:
        return catalog.entity(name) if name in catalog else None

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        """A connection to the bookkeeping; None where nothing was ever kept."""
        if not self.store.exists:
            yield None
            return
        with self.store.reading() as connection:
            yield connection if self.states.are_made(connection) else None

    def _copy_for(self, entity: Entity, state: State) -> Entity:
        """The copy as an entity, with those of the original's fields that it holds in the same type."""
        assert state.description is not None and state.table is not None
        with self._lock:
            kept = self._descriptions.get(state.description)
            if kept is None:
                kept = self._descriptions[state.description] = loads(state.description)
        types = {f.name: f.type for f in kept.fields}
        fields = tuple(replace(f, nullable=True) for f in entity.fields if types.get(f.name) == f.type)
        return replace(kept, name=state.table, fields=fields, rows=state.rows)

    # -- how they are doing --------------------------------------------------------------------

    def state(self, entity: str) -> State:
        """What is remembered of one copy."""
        with self._reading() as connection:
            return State(entity=entity) if connection is None else self.states.read(connection, entity)

    def quarantine(self, entity: str) -> dict[str, str]:
        """Rows of the source that the copy could not hold: their keys as JSON, and the reasons."""
        with self._reading() as connection:
            table = None if connection is None else self.states.read(connection, entity).table
            return {} if connection is None or table is None else self.states.quarantine_of(connection, table)

    def status(self) -> list[ReplicaStatus]:
        """How every wanted copy is doing, in the order of the configuration."""
        with self._reading() as connection:
            states = {} if connection is None else {s.entity: s for s in self.states.all(connection)}
            holders = {} if connection is None else self.states.holders(connection)
        now = self.clock()
        return [
            self._status(wanted, states.get(name, State(entity=name)), holders.get(name), now)
            for name, wanted in self.wanted.items()
        ]

    def _status(self, wanted: Wanted, state: State, syncing: str | None, now: datetime) -> ReplicaStatus:
        every = wanted.every if state.every is None else timedelta(seconds=state.every)
        tries = [t for t in (state.last_sync, state.error_at) if t is not None]
        return ReplicaStatus(
            entity=wanted.entity,
            mode="replica" if state.table else "loading" if syncing else "waiting",
            rows=state.rows,
            as_of=state.as_of,
            lag=None if state.as_of is None else now - state.as_of,
            last_sync=state.last_sync,
            last_mode=state.mode,
            every=every,
            next_run=max(tries) + every if tries else now,
            last_error=state.error,
            last_error_at=state.error_at,
            quarantined=state.quarantined,
            syncing=syncing,
        )

    def set_every(self, entity: str, every: timedelta | None) -> None:
        """Change the pause between the syncs of one copy, for all processes; None for the configured one.

        Raises:
            ConfigError: no copy of this entity is wanted.
        """
        if entity not in self.wanted:
            raise ConfigError(f"{entity} has no replica; set sources.…entities.…replica = true")
        self.states.make()
        with self.store.writing() as connection:
            self.states.set_every(connection, entity, None if every is None else every.total_seconds())


class Offers:
    """Copies that are fresh enough for one query, by the full names of their originals."""

    def __init__(self, copies: Mapping[str, ReplicaCopy]) -> None:
        self.copies = copies

    def __bool__(self) -> bool:
        return bool(self.copies)

    @property
    def key(self) -> frozenset[tuple[str, str]]:
        """What a plan depends on: which table stands in for which entity."""
        return frozenset((name, c.copy.name) for name, c in self.copies.items())

    def substituted(self, bound: Bound) -> Bound:
        """The query over the copies that hold all that it reads; the same object where there is none."""
        chosen = {name for name in self.copies if self._holds(bound.tree, name)}
        if not chosen:
            return bound
        tree = bound.tree.copy()
        for table in entity_tables(tree):
            if table.meta["entity"].full_name in chosen:
                copy = self.copies[table.meta["entity"].full_name].copy
                table.meta["entity"] = copy
                table.set("this", exp.to_identifier(copy.name, quoted=True))
                table.set("db", exp.to_identifier(SOURCE, quoted=True))
        return replace(bound, tree=tree)

    def _holds(self, tree: exp.Query, name: str) -> bool:
        """Whether the query reads this entity, and no field of it that the copy lacks."""
        aliases = {t.alias for t in entity_tables(tree) if t.meta["entity"].full_name == name}
        held = {f.name for f in self.copies[name].copy.fields}
        return bool(aliases) and all(c.name in held for a in aliases for c in columns_of(tree, a))

    def used(self, entities: Iterable[Entity]) -> dict[str, ReplicaCopy]:
        """The copies among these entities, by the copies' full names."""
        by_copy = {c.copy.full_name: c for c in self.copies.values()}
        return {e.full_name: by_copy[e.full_name] for e in entities if e.full_name in by_copy}


def _missing(state: State) -> tuple[str, ...]:
    if not state.quarantined:
        return ()
    rows = "1 row" if state.quarantined == 1 else f"{state.quarantined:,} rows"
    return (f"{rows} of {state.entity} could not be stored in the replica; see groundwire status",)


# -- configuration -----------------------------------------------------------------------------


def replica_url(config: Config) -> str:
    """Where the copies are kept: as configured, else a file among the user's data that no other configuration has."""
    if config.replicas.url is not None:
        return config.replicas.url.get_secret_value()
    folder = Path(platformdirs.user_data_dir("groundwire", appauthor=False))
    return f"sqlite:///{folder / f'replicas-{own_name(config)}.sqlite'}"


def own_name(config: Config) -> str:
    """A name that only this configuration has on this machine, made of where its file is."""
    place = config.place or Path.cwd()
    folder = place.parent if place.suffix else place
    slug = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:24]
    return f"{slug or 'root'}-{hashlib.sha256(str(place).encode()).hexdigest()[:12]}"


def _wanted(config: Config) -> dict[str, Wanted]:
    found = {}
    for source, settings in config.sources.items():
        for name, entity in settings.entities.items():
            if entity.replica is not None:
                found[f"{source}.{name}"] = _settled(f"{source}.{name}", entity.replica, config)
    return found


def _settled(name: str, own: ReplicaConfig, config: Config) -> Wanted:
    def age(setting: str) -> timedelta:
        found = parse_age(getattr(own, setting) or getattr(config.replicas, setting))
        assert found is not None
        return found

    return Wanted(
        entity=name, cursor=own.cursor, every=age("every"), overlap=age("overlap"), reconcile=age("reconcile")
    )


# -- descriptions --------------------------------------------------------------------------------


def dumps(table: Entity) -> str:
    """A table's fields and key as text."""
    schema = base64.b64encode(table.schema.serialize().to_pybytes()).decode()
    return json.dumps({"name": table.name, "schema": schema, "primary_key": table.primary_key})


def loads(text: str) -> Entity:
    """The table that `dumps` described."""
    found = json.loads(text)
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(found["schema"])))
    fields = tuple(Field(name=f.name, type=f.type) for f in schema)
    return Entity(source=SOURCE, name=found["name"], fields=fields, primary_key=tuple(found["primary_key"]))
