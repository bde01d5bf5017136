"""Turns at something of which there is too little: round robin among principals, whoever of them asks most.

Whose last turn is longest ago comes next, whoever asked first; each principal's own questions are taken in order. It is
for one event loop.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from groundwire.core.errors import GroundwireError


class Crowded(GroundwireError):
    """Too many wait already: in all, or of this principal."""


@dataclass(eq=False)
class _Waiter:
    who: str
    arrived: int
    moved: Callable[[int], None]
    called: asyncio.Event = field(default_factory=asyncio.Event)
    place: int = 0


class Turns:
    """A queue for turns.

    Args:
        at_once: how many may have a turn at a time.
        waiting: how many more may wait.
        waiting_each: how many of one principal may wait.
    """

    def __init__(self, at_once: int, waiting: int, waiting_each: int) -> None:
        self._free = at_once
        self._waiting = waiting
        self._waiting_each = waiting_each
        self._queue: list[_Waiter] = []
        self._last: dict[str, int] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    @asynccontextmanager
    async def turn(self, who: str, moved: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait for a turn and have it.

        Args:
            who: the principal's name.
            moved: told the place in the queue, 1 for who is next, as often as it changes.

        Raises:
            Crowded: at once, where too many wait already.
        """
        if self._free and not self._queue:
            self._free -= 1
            self._last[who] = next(self._numbers)
        else:
            await self._wait(who, moved)
        try:
            yield
        finally:
            self._free += 1
            self._call()

    async def _wait(self, who: str, moved: Callable[[int], None]) -> None:
        mine = sum(w.who == who for w in self._queue)
        if len(self._queue) >= self._waiting or mine >= self._waiting_each:
            raise Crowded("too many questions wait already; ask again in a while")
        waiter = _Waiter(who, next(self._numbers), moved)
        self._queue.append(waiter)
        self._tell()
        try:
            await waiter.called.wait()
        except BaseException:
            if waiter in self._queue:
                self._queue.remove(waiter)
                self._tell()
            else:  # its turn came as it left
                self._free += 1
                self._call()
            raise

    def _call(self) -> None:
        """Give the free turns to those who are next."""
        while self._free and self._queue:
            first = self._ordered()[0]
            self._queue.remove(first)
            self._free -= 1
            self._last[first.who] = next(self._numbers)
            first.called.set()
        if not self._queue:
            self._last.clear()
        self._tell()

    def _ordered(self) -> list[_Waiter]:
        """Who comes next, if nobody else arrives."""
        rounds: Counter[str] = Counter()
        keys = {}
        for waiter in sorted(self._queue, key=lambda w: w.arrived):
            keys[waiter] = (rounds[waiter.who], self._last.get(waiter.who, 0), waiter.arrived)
            rounds[waiter.who] += 1
        return sorted(self._queue, key=lambda w: keys[w])

    def _tell(self) -> None:
        for place, waiter in enumerate(self._ordered(), 1):
            if waiter.place != place:
                waiter.place = place
                waiter.moved(place)
