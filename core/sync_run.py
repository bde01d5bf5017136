"""One sync of one entity, from its lease to its last commit; `core/sync` says what is promised, this how."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy.engine import Connection

from groundwire.core import sync_load, sync_window
from groundwire.core.catalog import Entity
from groundwire.core.connector import Aggregate, Deletions, Describing, PartlyTracked, SourceClock
from groundwire.core.errors import ConfigError, GroundwireError, Rejected, Unavailable
from groundwire.core.freshness import Clock
from groundwire.core.hub import Hub
from groundwire.core.replica import SOURCE, Replicas, dumps, loads
from groundwire.core.replica_state import Lease, State
from groundwire.core.sync_copy import Copy, Keeper, Save, SyncProgress
from groundwire.core.sync_read import Reader, begun, key_text, sample
from groundwire.core.sync_verify import Compared, Comparing
from groundwire.core.sync_window import Beginning, encoded

Mode = Literal["first", "incremental", "full", "verify", "keys"]

ATOMIC_ROWS = 100_000
"""Changed rows up to which a sync becomes visible at once."""

GRACE = timedelta(minutes=5)
"""How long a table that was replaced stays for the queries that were planned over it."""


class Run:
    """One sync of one entity.

    Attributes:
        state: what is remembered of the copy, as it was last written.
        keeper: writes rows, and counts them.
        compared: what a verification compared.
        differences: rows that a verification found wrong.
        changes: how the entity's description changed.
    """

    def __init__(
        self, hub: Hub, replicas: Replicas, clock: Clock, original: Entity, lease: Lease, progress: SyncProgress
    ) -> None:
        self.original = original
        self.name = original.full_name
        self.wanted = replicas.wanted[self.name]
        self.config = hub.config.sources[original.source].entities[original.name]
        self.clock = clock
        self.lease = lease
        hub.rotate()
        self.connector = hub.connectors[original.source]
        self.store = replicas.store
        self.replica = replicas.connector
        self.memory = hub.config.limits.memory
        self.states = replicas.states
        self.entity = original
        self.reader = Reader(self.connector, original)
        self.state = State(entity=self.name)
        self.mode: Mode = "incremental"
        self.keeper = Keeper(replicas, clock, lease, self.reader, progress)
        self.compared: Compared | None = None
        self.differences: int | None = None
        self.changes: list[str] = []

    def sync(self, *, full: bool, verify: bool, keys: Iterable[Any] | None) -> tuple[Mode, datetime | None]:
        """Do it: what was done, and the instant for which the copy is true now.

        Raises:
            GroundwireError: it could not be done to the end.
        """
        with self.lease.writing() as connection:
            self.state = self.states.read(connection, self.name)
            self._drop_retired(connection)
        try:
            self.entity = self._described()
        except Unavailable:  # a connection that was lost while nobody used it says so to the first who does
            self.entity = self._described()
        live = self._live()
        if keys is not None:
            return self._refresh(live, keys)
        drifted = live is not None and self._drifted(live)
        cursor = self._cursor()
        if live is None:
            self.mode = "first"
        elif verify and not drifted and self.entity.primary_key and self.reader.has_keys():
            self.mode = "verify"
            return self.mode, self._verify(live, cursor)
        elif full or drifted or cursor is None or live.progress.get("cursor", cursor) != cursor:
            self.mode = "full"
        else:
            return self.mode, self._catch_up(live, cursor, self._save_live)
        return self.mode, self._load(live, cursor)

    def note_error(self, message: str) -> None:
        """Keep an error for the status, if the replica database can."""
        with suppress(GroundwireError), self.lease.writing() as connection:
            state = self.states.read(connection, self.name)
            self.states.write(connection, replace(state, error=message, error_at=self.clock()))

    # -- what the entity looks like ------------------------------------------------------------

    def _described(self) -> Entity:
        """The entity as the source describes it now, with the fields that configuration lets through."""
        if isinstance(self.connector, Describing):
            found = self.connector.describe(self.original.name)
        else:
            found = next((e for e in self.connector.discover() if e.name == self.original.name), None)
        if found is None:
            raise Rejected(f"{self.original.name} is not there any more", source=self.original.source)
        # what configuration hides may be needed to keep the copy
        kept = {f.name for f in self.original.fields} | {*found.primary_key, self.wanted.cursor or found.cursor}

        def shown(name: str) -> bool:
            return name not in self.config.hide and (not self.config.fields or name in self.config.fields)

        computed = self.connector.untracked(found) if isinstance(self.connector, PartlyTracked) else frozenset()
        fields = tuple(f for f in found.fields if (f.name in kept or shown(f.name)) and f.name not in computed)
        self.reader.entity, self.reader.fields = found, tuple(f.name for f in fields)
        return replace(found, fields=fields, relations=self.original.relations)

    def _cursor(self) -> str | None:
        """The field that shows changes, where it can be used."""
        name = self.wanted.cursor or self.entity.cursor
        found = None if name is None else self.entity.find_field(name)
        if found is None or not sync_window.is_cursor(found.type):
            if self.wanted.cursor is None:
                return None
            raise ConfigError(
                f"{name!r} is no field of times, dates or whole numbers",
                setting=f"sources.{self.entity.source}.entities.{self.entity.name}.replica.cursor",
            )
        if not self.entity.primary_key or not self.reader.has_keys():
            return None
        return found.name if self.reader.takes(self.reader.changed(found.name, sample(found.type))) else None

    def _live(self) -> Copy | None:
        """The copy that answers queries."""
        if self.state.table is None or self.state.description is None:
            return None
        return Copy(loads(self.state.description), self.state.progress, self.state.rows, self.state.quarantined)

    def _drifted(self, live: Copy) -> bool:
        """Whether the table can't hold the entity as it is now. Fields that are gone are only left out from now on."""
        old = {f.name: f.type for f in live.table.fields}
        new = {f.name: f.type for f in self.entity.fields}
        self.changes += [f"{n} is new: loaded anew" for n in new if n not in old]
        self.changes += [
            f"{n} was {old[n]} and is {t}: loaded anew" for n, t in new.items() if n in old and old[n] != t
        ]
        if live.table.primary_key != self.entity.primary_key:
            self.changes.append(f"the key is now ({', '.join(self.entity.primary_key)}): loaded anew")
        if self.changes:
            return True
        self.changes += [f"{n} is gone from the source: left out" for n in old if n not in new]
        live.table = replace(live.table, fields=tuple(f for f in live.table.fields if f.name in new))
        return False

    def _beginning(self) -> Beginning:
        if not isinstance(self.connector, SourceClock):
            return Beginning(ours=self.clock())
        # ours is first: what is true for theirs, asked later, is true for ours
        return Beginning(ours=self.clock(), theirs=self.connector.clock(), open_since=self.connector.open_since())

    # -- changes -------------------------------------------------------------------------------

    def _catch_up(self, copy: Copy, cursor: str, save: Save) -> datetime:
        """Read what has changed, find what was deleted, and commit both with what they prove."""
        now = self._beginning()
        type_ = self.entity.field(cursor).type
        window = sync_window.since(copy.progress, now, self.wanted.overlap, type_)
        counted: list[int] = []
        highest: Any = None
        waiting: list[pa.RecordBatch] = []
        for batch in self._changes(cursor, window, counted):
            top = sync_window.highest(batch.column(batch.schema.get_field_index(cursor)))
            highest = top if highest is None else highest if top is None else max(highest, top)
            waiting.append(batch)
            self.keeper.read += batch.num_rows
            if sum(b.num_rows for b in waiting) > ATOMIC_ROWS:
                self.keeper.flush(copy, waiting, save)
                waiting = []
                self.keeper.progress("reading changes", self.keeper.read, None)
        noted = sync_window.after(copy.progress, now, highest, self.wanted.overlap, type_)
        noted["cursor"] = cursor
        feed, until = self._fed(copy, now)
        due = self._reconciliation_is_due(copy, now)
        with self.lease.writing() as connection:
            self.keeper.keep(connection, copy, waiting)
            known = feed is not None or (bool(counted) and counted[-1] == copy.rows + copy.quarantined)
            if known and not due and not feed:
                return self._finish(connection, copy, noted, now, until, save)
            save(connection, copy, None)
        self.keeper.pick(copy, feed or [], save)
        if due or not known:
            self.keeper.reconcile(copy, save)
            noted["reconciled"] = now.ours.isoformat()
        with self.lease.writing() as connection:
            return self._finish(connection, copy, noted, now, until, save)

    def _finish(
        self,
        connection: Connection,
        copy: Copy,
        noted: Mapping[str, Any],
        now: Beginning,
        until: datetime | None,
        save: Save,
    ) -> datetime:
        """The last commit of a sync that read everything."""
        as_of = now.ours
        if until is not None and now.theirs is not None:
            as_of -= max(timedelta(), now.theirs - until)
        merged = {**copy.progress, **noted, "feed": None if until is None else until.isoformat()}
        copy.progress = {k: v for k, v in merged.items() if v is not None}
        save(connection, copy, as_of)
        return as_of

    def _changes(self, cursor: str, window: Any, counted: list[int]) -> Iterator[pa.RecordBatch]:
        """The records that have changed; first their number in all is noted, where the source can say it."""
        where = None if window is None else self.reader.changed(cursor, window)
        try:
            if where is not None and not isinstance(self.connector, Deletions):
                yield from begun(lambda: self.reader.read_counted(where, cursor, window, counted.append))
                return
            counted += [n for n in (self.reader.count(),) if n is not None]
            yield from begun(lambda: self.reader.read(where))
        except Rejected:  # a row may be damaged: then it is found and left out
            counted += [n for n in (self.reader.count(),) if n is not None]
            yield from self.reader.read_carefully(where)

    # -- deletions -------------------------------------------------------------------------------

    def _fed(self, copy: Copy, now: Beginning) -> tuple[list[tuple[Any, ...]] | None, datetime | None]:
        """What the source's feed says was deleted since the last sync, and until when it says so."""
        if not isinstance(self.connector, Deletions) or now.theirs is None:
            return None, None
        if "feed" not in copy.progress:
            return None, now.theirs
        since = datetime.fromisoformat(copy.progress["feed"])
        found = self.connector.deleted(self.entity, since)
        return (None, now.theirs) if found is None else (list(found.keys), found.until)

    def _reconciliation_is_due(self, copy: Copy, now: Beginning) -> bool:
        last = copy.progress.get("reconciled")
        return last is not None and now.ours - datetime.fromisoformat(last) >= self.wanted.reconcile

    def _refresh(self, live: Copy | None, keys: Iterable[Any]) -> tuple[Mode, datetime | None]:
        self.mode = "keys"
        if live is None:
            return "keys", None
        if self._drifted(live):
            self.changes = [c.replace("loaded anew", "waits for the next sync") for c in self.changes]
            return "keys", self.state.as_of
        if not self.entity.primary_key or not self.reader.has_keys():
            raise ConfigError(f"records of {self.name} can't be read by key")
        wanted = [k if isinstance(k, tuple) else (k,) for k in keys]
        self.keeper.pick(live, list(dict.fromkeys(wanted)), self._save_live)
        return "keys", self.state.as_of

    # -- proof ---------------------------------------------------------------------------------

    def _verify(self, live: Copy, cursor: str | None) -> datetime:
        """Compare the copy with its source, and fetch what differs."""
        now = self._beginning()
        if cursor is not None:
            self._catch_up(live, cursor, self._save_live)
        comparing = Comparing(self.reader, self.replica, live.table, self.memory)
        self.keeper.progress("comparing", 0, live.rows)
        self.compared = comparing.compare(live.rows)
        wrong = self.compared.keys
        as_of = now.ours
        if wrong and cursor is not None:  # what was written in the meantime is no fault of the copy
            as_of = self._catch_up(live, cursor, self._save_live)
            wrong = comparing.still(sorted(wrong))
        before = self.keeper.deleted
        if not self.compared.by_checksum:  # a read shows what the copy lacks, not what only the copy has
            self.keeper.reconcile(live, self._save_live)
        only_here = self.keeper.deleted - before
        self.keeper.pick(live, sorted(wrong), self._save_live)
        aside = self._aside(live) if live.quarantined else {}
        self.differences = only_here + sum(key_text(k) not in aside for k in wrong)
        with self.lease.writing() as connection:
            self._save_live(connection, live, as_of)
        return as_of

    def _aside(self, live: Copy) -> Mapping[str, str]:
        with self.lease.writing() as connection:
            return self.states.quarantine_of(connection, live.table.name)

    # -- loading ---------------------------------------------------------------------------------

    def _load(self, live: Copy | None, cursor: str | None) -> datetime:
        """A new table, filled and brought up to date beside the old one, which it then replaces."""
        stage, began = self._stage(cursor)
        with self.lease.writing() as connection:
            parts = self.states.parts(connection, stage.table.name)
        expected = self.reader.count()
        sync_load.load(self.reader, parts, lambda arrived: self.keeper.keep_arrived(stage, arrived, expected))
        with self.lease.writing() as connection:
            for fields in self._indexed():
                self.store.index(connection, stage.table, fields)
            self.store.analyze(connection, stage.table)
            stage.rows = self.store.count(connection, stage.table)
            stage.quarantined = self.states.quarantined(connection, stage.table.name)
            self._save_stage(connection, stage, None)
        if cursor is not None:
            return self._catch_up(stage, cursor, self._publish)
        with self.lease.writing() as connection:
            self._publish(connection, stage, began.ours)
        return began.ours

    def _stage(self, cursor: str | None) -> tuple[Copy, Beginning]:
        """The table to load into: one that a crashed sync began, if it still fits, or a new one."""
        noted = self.state.progress.get("stage")
        fields = tuple(replace(f, values=(), labels={}) for f in self.entity.fields)
        table = replace(self.entity, source=SOURCE, fields=fields, relations=(), cursor=None)
        if noted is not None:
            table = replace(table, name=noted["table"])
            if cursor is not None and noted["cursor"] == cursor and noted["description"] == dumps(table):
                progress = noted["progress"]
                return Copy(table, progress), Beginning(ours=datetime.fromisoformat(progress["ours"]))
        now = self._beginning()
        table = replace(table, name=_table_name(self.name, self.state.generation + 1))
        stage = Copy(table, {} if cursor is None else self._first_progress(cursor, now))
        parts = sync_load.bounds(self.reader, cursor)
        with self.lease.writing() as connection:
            if noted is not None:
                self._drop(connection, noted["table"])
            self.store.create(connection, table)
            self.states.plan_parts(connection, table.name, parts)
            self.state = replace(self.state, generation=self.state.generation + 1)
            noted = {"table": table.name, "description": dumps(table), "cursor": cursor, "progress": stage.progress}
            self.state = self.state.with_progress(stage=noted)
            self.states.write(connection, self.state)
        return stage, now

    def _first_progress(self, cursor: str, now: Beginning) -> dict[str, Any]:
        """What to note before a load, so that everything is found that changes while it runs."""
        type_ = self.entity.field(cursor).type
        highest = self.reader.extreme(cursor, "max")
        if highest is None and not self.connector.aggregates(
            self.entity, Aggregate(function="max", field=cursor, alias="n")
        ):
            highest = sync_window.as_cursor(now.theirs or now.ours - sync_window.UNKNOWN_SKEW, type_)
        progress = sync_window.after({}, now, highest, self.wanted.overlap, type_)
        if pa.types.is_integer(type_):
            progress["marks"] = [[progress["ours"], encoded(highest)]]
        if now.theirs is not None and isinstance(self.connector, Deletions):
            progress["feed"] = now.theirs.isoformat()
        return {**progress, "reconciled": now.ours.isoformat()}

    def _indexed(self) -> Iterator[tuple[str, ...]]:
        """Fields by which relations lead here and from here, each set once."""
        names = {f.name for f in self.entity.fields}
        found = {tuple(here for here, _ in r.on) for r in self.entity.relations}
        for fields in sorted(found):
            if fields != self.entity.primary_key[: len(fields)] and set(fields) <= names:
                yield fields

    # -- what is remembered ----------------------------------------------------------------------

    def _save_live(self, connection: Connection, copy: Copy, as_of: datetime | None) -> None:
        state = replace(
            self.state,
            table=copy.table.name,
            description=dumps(copy.table),
            rows=copy.rows,
            quarantined=copy.quarantined,
        )
        if as_of is not None:
            kept = {k: v for k, v in self.state.progress.items() if k in ("stage", "retired")}
            progress = {**{k: v for k, v in copy.progress.items() if k not in ("stage", "retired")}, **kept}
            moved = as_of if state.as_of is None else max(as_of, state.as_of)
            state = replace(
                state,
                as_of=moved,
                progress=progress,
                mode=self.mode,
                last_sync=self.clock(),
                error=None,
                error_at=None,
            )
        self.states.write(connection, state)
        self.state = state

    def _save_stage(self, connection: Connection, copy: Copy, as_of: datetime | None) -> None:
        """Nothing is remembered of a table that is not complete but what `_stage` noted: a crash counts it again."""

    def _publish(self, connection: Connection, copy: Copy, as_of: datetime | None) -> None:
        """The new table answers from here on; the old one stays a while for queries that are under way."""
        if as_of is None:
            return
        retired = [*self.state.progress.get("retired", ())]
        if self.state.table is not None:
            retired.append([self.state.table, self.clock().isoformat()])
        self.state = replace(self.state.with_progress(stage=None, retired=retired), as_of=None)
        self._save_live(connection, copy, as_of)

    def _drop_retired(self, connection: Connection) -> None:
        retired = self.state.progress.get("retired", ())
        old = [name for name, at in retired if self.clock() - datetime.fromisoformat(at) > GRACE]
        for name in old:
            self._drop(connection, name)
        if old:
            self.state = self.state.with_progress(retired=[r for r in retired if r[0] not in old])
            self.states.write(connection, self.state)

    def _drop(self, connection: Connection, table: str) -> None:
        self.store.drop(connection, table)
        self.states.forget(connection, table)


def _table_name(entity: str, generation: int) -> str:
    """A name that no other entity's table has, within the lengths that every product allows."""
    slug = re.sub(r"[^a-z0-9]+", "_", entity.lower()).strip("_")[:36]
    return f"{slug}_{hashlib.sha256(entity.encode()).hexdigest()[:6]}_g{generation}"
