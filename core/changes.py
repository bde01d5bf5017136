"""Who wants to know that an entity's records have changed: what was read before then may be outdated.

One `Changes` belongs to each `Syncer`. It is told by every sync and every refresh of keys that wrote or deleted
something, and by every change that a source tells of, as soon as it is heard. Whoever keeps copies of results
(a cache of fragments) subscribes. It says nothing of what changed, and keeps nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

log = logging.getLogger(__name__)

Listener = Callable[[str, datetime], None]
"""Called with an entity's full name and an instant of our clock (UTC): what was read of it before may be outdated."""


class Changes:
    """Passes on that entities changed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` from now on, in the thread that found the change; it must be quick.

        Returns:
            Ends the subscription; may be called twice.
        """
        with self._lock:
            self._listeners += (listener,)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return end

    def changed(self, entity: str, moment: datetime) -> None:
        """Tell everybody; one that fails is logged and holds nobody up.

        Args:
            entity: full name of the original.
            moment: the change was committed before this instant (UTC).
        """
        for listener in self._listeners:
            try:
                listener(entity, moment)
            except Exception:
                log.exception("a listener to changes of %s failed", entity)
