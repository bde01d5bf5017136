"""Copies that will soon be too old are read again behind the answer (stale-while-revalidate, RFC 5861).

An asker is never given more age than was allowed; what it is spared is the wait of the next one. Of all processes that
share a store, one reads: this process in a thread of its own, or a Celery worker. What is lost here, with a process
or a broker, is read when somebody asks for it.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundwire.core.errors import GroundwireError

if TYPE_CHECKING:
    from groundwire.core.hub import Hub

log = logging.getLogger(__name__)

TASK = "groundwire.refresh"
"""Name of the worker's errand."""

ONCE_IN = 5.0
"""Seconds within which the same question is read again once, by whoever shares the store."""

WAITING = 100
"""Questions that wait to be read again by this process; more are left to those who ask them."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A question whose data is to be read anew; see `Hub.refresh`."""

    sql: str
    limit: int | None
    link_values: bool
    source: str
    principal: str | None = None


class Refresher:
    """Has questions read again for one hub. Safe to use from several threads.

    Args:
        hub: whose cache is kept fresh.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._errands: queue.Queue[Errand | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._sender: Any = None
        self._lock = threading.Lock()

    def want(self, sql: str, limit: int | None, link_values: bool, entities: Collection[str]) -> None:
        """Ask for a question to be read again; returns at once.

        Args:
            sql, limit, link_values: as they were asked; see `Hub.query`.
            entities: full names of those whose copies are getting old.
        """
        source, asker = min(entities).split(".", 1)[0], self._hub.principal
        errand = Errand(
            sql=sql, limit=limit, link_values=link_values, source=source, principal=asker.name if asker else None
        )
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="refresh", daemon=True)
                self._thread.start()
        try:
            self._errands.put_nowait(errand)
        except queue.Full:
            log.info("too many questions wait to be read again")

    def close(self) -> None:
        """Let the errands go. May be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        while True:
            try:
                self._errands.get_nowait()
            except queue.Empty:
                break
        self._errands.put(None)
        thread.join(timeout=1.0)

    def _work(self) -> None:
        while (errand := self._errands.get()) is not None:
            cache = self._hub.cache
            if cache is None or not cache.first(f"{errand}", ONCE_IN):
                continue
            try:
                # who asks is known in this process only: a worker takes nobody's word for it
                if self._hub.config.cache.refresh == "worker" and errand.principal is None:
                    self._send(errand)
                else:
                    self._hub.refresh(errand.sql, limit=errand.limit, link_values=errand.link_values)
            except GroundwireError as error:
                log.warning("a copy could not be read again: %s", error)
            except Exception:  # the thread outlives one errand's fault
                log.exception("a copy could not be read again")

    def _send(self, errand: Errand) -> None:
        from celery import Celery
        from kombu.exceptions import OperationalError

        from groundwire.core import broker

        config = self._hub.config
        if self._sender is None:
            self._sender = Celery("groundwire", set_as_current=False)
            self._sender.conf.update(broker.settings(config))
        arguments = {"sql": errand.sql, "limit": errand.limit, "link_values": errand.link_values}
        queue_name = broker.queue_name(config, errand.source)
        try:
            self._sender.send_task(TASK, kwargs=arguments, queue=queue_name, expires=60, retry=False)
        except (OperationalError, OSError) as error:
            log.warning("the broker takes no errands: %s", type(error).__name__)
