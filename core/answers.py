"""Whole results that were given before, for who asks the very same again: for processes that answer many.

A fragment that `core/cache` keeps still has to be loaded and joined; a result that is kept here has not. It is given
again under the same bounds: to the same principal, for the same text and limit, as long as every part is younger than
the share of its bound after which it would be read again (`cache.refresh_at`), and nothing of it is known to have
changed. What a replica contributed to is not kept, since the replica may be fresher by then; nor what depends on the
clock, is incomplete, or is large.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from groundwire.core.catalog import Catalog
from groundwire.core.result import Result

LARGEST = 4_000_000
"""Bytes of a table that is kept."""
MOST = 64_000_000
"""Bytes of all of them; the one unused for longest goes first."""
LOOK = 0.2
"""Seconds for which it is not looked again whether another process has heard of a change."""

Floor = Callable[[str, tuple[str, ...]], datetime]
"""For a source and entities, the instant before which nothing that was read of them may be used; may take a while."""


@dataclass
class _Kept:
    result: Result
    catalog: Catalog
    looked: float
    due: bool = False


class Answers:
    """Results by what was asked. Safe to use from several threads.

    Args:
        floor: what is known of changes.
        refresh_at: share of a bound after which a result is not given again.
    """

    def __init__(self, floor: Floor, refresh_at: float) -> None:
        self._floor = floor
        self._refresh_at = refresh_at
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, key: Hashable, catalog: Catalog | None, now: datetime, *, look: bool = True) -> Result | None:
        """The result that may be given again, with the ages that it has now; None where there is none.

        Args:
            key: what was asked, by whom.
            catalog: the one by which it would be asked now.
            now: the present instant.
            look: whether this caller may look for changes, if that was not done just now; who may not is given nothing
                then, and is expected to ask again as one who may.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
        if kept.catalog is not catalog or not all(
            s.max_age is not None and timedelta() <= now - s.as_of <= self._refresh_at * s.max_age
            for s in kept.result.sources
        ):
            self._drop(key, kept)
            return None
        if (look and kept.due) or time.monotonic() - kept.looked > LOOK:
            kept.due, kept.looked = not look, time.monotonic()
            if not look:
                return None  # this asker has to look, and those after it need not
            if any(s.as_of < self._floor(s.source, s.entities) for s in kept.result.sources):
                self._drop(key, kept)
                return None
        sources = tuple(
            replace(s, mode="cache", age=now - s.as_of, requests=0, seconds=0.0) for s in kept.result.sources
        )
        return replace(kept.result, sources=sources, seconds=0.0)

    def keep(self, key: Hashable, catalog: Catalog, result: Result) -> None:
        """Keep a result, if it is one that may be given again."""
        if not result.sources or result.notes or result.stale or result.table.nbytes > LARGEST:
            return
        if any(s.mode == "replica" or s.incomplete or not s.max_age for s in result.sources):
            return
        kept = _Kept(result, catalog, 0.0)
        with self._lock:
            earlier = self._kept.pop(key, None)
            self._bytes += result.table.nbytes - (earlier.result.table.nbytes if earlier else 0)
            self._kept[key] = kept
            while self._bytes > MOST:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.result.table.nbytes

    def _drop(self, key: Hashable, kept: _Kept) -> None:
        with self._lock:
            if self._kept.get(key) is kept:
                del self._kept[key]
                self._bytes -= kept.result.table.nbytes
