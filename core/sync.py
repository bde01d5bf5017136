"""Copies kept equal to their sources: first load, changes by cursor, deletions, drift, and proof.

A sync holds a lease, reads from the source, and commits rows together with what they prove. The instant for
which a copy is true (`as_of`) is taken before the first request and moves only when everything that it claims
was read to its end:

- **Changes** are the records whose cursor is not older than a *window*, which reaches back behind the last sync
  by an overlap (a change may be committed later than its own timestamp says), to the beginning of the oldest
  transaction that was open then (where the source tells), and behind any step of the source's clock. Rows that
  are read again replace themselves.
- **Deletions** come from the source's own feed, or are noticed because the source holds fewer records than the
  copy. All inserts are known by then, so equal counts prove that nothing was deleted; other counts lead to a
  comparison of all keys, which also finds inserts that the cursor did not show.
- **A first load**, a changed type or a new field make a new table, which takes the old one's place when it is
  complete and up to date. It is loaded in parts, and goes on with the parts that are missing after a crash.

What does not fit is put aside with its key and the reason, and every answer from the copy says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from groundwire.core import telemetry
from groundwire.core.changes import Changes
from groundwire.core.errors import ConfigError, GroundwireError
from groundwire.core.freshness import Clock, parse_age
from groundwire.core.hub import Hub
from groundwire.core.replica import Replicas
from groundwire.core.sync_copy import SyncProgress
from groundwire.core.sync_run import Mode, Run


@dataclass(frozen=True, kw_only=True)
class SyncReport:
    """What a sync did.

    Attributes:
        entity: full name of the original.
        mode: `first` load, `incremental`, `full` (loaded anew), `verify` (compared with the source), or `keys`.
        as_of: the copy holds everything that was committed before this instant (UTC); None after a refresh of
            keys in a copy that was never loaded.
        rows: of the copy.
        read: rows that the source delivered.
        written: rows stored, whether or not they differed.
        deleted: rows deleted.
        quarantined: rows of the source that could not be stored, in all.
        differences: after `verify`: rows that were missing, too many or different, all of them mended.
        ranges: after `verify`: ranges of keys whose checksums were compared; 0 where every record was read, because the
            source computes none.
        changes: how the entity's description changed, as sentences.
        requests: round trips to the source.
        seconds: wall time.
    """

    entity: str
    mode: Mode
    as_of: datetime | None
    rows: int
    read: int = 0
    written: int = 0
    deleted: int = 0
    quarantined: int = 0
    differences: int | None = None
    ranges: int | None = None
    changes: tuple[str, ...] = ()
    requests: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            **self.__dict__,
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "changes": list(self.changes),
        }


class Syncer:
    """Brings copies up to date, one entity at a time. Safe to use from several threads and processes.

    Args:
        hub: whose sources are read.
        replicas: which copies there are.
        clock: the present instant (aware, UTC); that of `replicas` without it.

    Attributes:
        changes: told of every entity that a sync changed; listeners subscribe here.
    """

    def __init__(self, hub: Hub, replicas: Replicas, clock: Clock | None = None) -> None:
        self.hub = hub
        self.replicas = replicas
        self.clock = clock or replicas.clock
        self.changes = Changes()

    def sync(
        self,
        entity: str,
        *,
        full: bool = False,
        verify: bool = False,
        keys: Iterable[Any] | None = None,
        progress: SyncProgress | None = None,
    ) -> SyncReport:
        """Bring one copy up to date.

        Args:
            entity: full or unique shorter name of an entity that configuration wants a copy of.
            full: load everything anew, beside the copy that goes on answering.
            verify: compare every record with the source, by checksums of ranges where it computes them, and mend those
                that differ. A copy without a key is loaded anew.
            keys: refresh only the records with these primary keys (tuples where the key has several
                fields); deletes those that the source does not have. The copy's `as_of` stays.
            progress: told how far it is.

        Raises:
            Busy: another process syncs this entity.
            SourceError: the source or the replica database did not deliver. What was committed stays, the
                copy's `as_of` does not move, and the next sync goes on from there.
            ConfigError: no copy of this entity is wanted, or it can't have one.
        """
        started = time.monotonic()
        original = self.hub.catalog.entity(entity)
        if original.full_name not in self.replicas.wanted:
            raise ConfigError(
                "this entity has no replica; set replica = true",
                setting=f"sources.{original.source}.entities.{original.name}.replica",
            )
        seconds = parse_age(self.replicas.config.replicas.lease)
        assert seconds is not None
        with (
            telemetry.question(),
            telemetry.span("sync", entity=original.full_name) as seen,
            self.replicas.states.lease(original.full_name, seconds=seconds.total_seconds()) as lease,
        ):
            run = Run(self.hub, self.replicas, self.clock, original, lease, progress or (lambda *_: None))
            try:
                mode, as_of = run.sync(full=full, verify=verify, keys=keys)
            except GroundwireError as error:
                run.note_error(str(error))
                raise
            except Exception as error:
                run.note_error(f"{type(error).__name__}: {error}")
                raise
            finally:  # also what was committed before an error has changed
                if run.keeper.written or run.keeper.deleted:
                    self.changes.changed(original.full_name, self.clock())
            seen.set(mode=mode, written=run.keeper.written, deleted=run.keeper.deleted)
            return SyncReport(
                entity=original.full_name,
                mode=mode,
                as_of=as_of,
                rows=run.state.rows,
                read=run.keeper.read,
                written=run.keeper.written,
                deleted=run.keeper.deleted,
                quarantined=run.state.quarantined,
                differences=run.differences,
                ranges=None if run.compared is None else run.compared.ranges,
                changes=tuple(run.changes),
                requests=run.reader.requests,
                seconds=time.monotonic() - started,
            )


__all__ = ["Mode", "SyncProgress", "SyncReport", "Syncer"]
