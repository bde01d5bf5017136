"""Work that nobody waits for any more, and how it is ended from another thread.

A database goes on with a statement whose asker has left, unless it is told. Whoever does something that takes long
says here how it is ended (`Stop.calls`); whoever gives up calls `Stop.now`. It decides nothing about when that is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from groundwire.core.errors import Stopped
from groundwire.core.telemetry import carried

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that `Stop.now` waits for everything to end."""

AGAIN = 0.1
"""Seconds after which what has not ended is told again: a statement that begins just now was told too early."""


class Stop:
    """One question's end, shared by all threads that work on it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._ended = threading.Event()
        self._enders: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def is_set(self) -> bool:
        """Whether the work is to end."""
        return self._event.is_set()

    def now(self) -> None:
        """End all that is under way, and let nothing more begin; returns once it has ended, or after `PATIENCE`."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
        until = time.monotonic() + PATIENCE
        while self._enders and time.monotonic() < until:
            with self._lock:
                threads = [
                    threading.Thread(target=_told, args=(end,), name="stop", daemon=True) for end in self._enders
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(max(0.0, until - time.monotonic()))
            self._ended.wait(AGAIN)

    @contextmanager
    def calls(self, end: Callable[[], object]) -> Iterator[None]:
        """While inside, `end` is called from another thread when the work is to end.

        Args:
            end: must be quick, and is called again until the work has ended: it may come before its beginning. It
                may also come too late, when the work has just ended by itself.

        Raises:
            Stopped: it is to end already.
        """
        with self._lock:
            if self._event.is_set():
                raise Stopped("stopped")
            self._enders.append(end)
            self._ended.clear()
        try:
            yield
        finally:
            with self._lock:  # not before `end` has done its work: what comes next must not be hit by it
                self._enders.remove(end)
                if not self._enders:
                    self._ended.set()


def in_thread(name: str, work: Callable[..., T], *arguments: Any) -> Future[T]:
    """Begin work that this thread can leave behind: executors keep a process until their last thread has ended."""
    future: Future[T] = Future()
    work = carried(work)

    def run() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def _told(end: Callable[[], object]) -> None:
    try:
        end()
    except Exception:  # the others are to be told as well
        log.warning("something could not be told to stop", exc_info=True)
