"""Pages are asked for while those before them are worked on, and nobody waits for one that is not wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from groundwire.connectors import paging
from groundwire.connectors.paging import ahead

WHO: ContextVar[str] = ContextVar("who", default="nobody")


WAIT = 0.05
"""Seconds that a page takes which is worth being asked for ahead, by far."""


def test_the_next_page_is_on_its_way_while_one_is_worked_on_that_was_waited_for() -> None:
    asked = [threading.Event() for _ in range(4)]

    def fetch() -> Iterator[int]:
        for number, event in enumerate(asked):
            event.set()
            time.sleep(WAIT)
            yield number

    found = []
    for number in ahead(fetch()):
        found.append(number)
        if number + 1 < len(asked):
            assert asked[number + 1].wait(5), "nobody asked for it"
    assert found == [0, 1, 2, 3]


class Clock:
    """In place of `time`: how long a page was waited for, and how long it was worked on, whatever else is going on."""

    def __init__(self) -> None:
        self.now = self.busy = 0.0

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.busy

    def pass_by(self, waited: float, worked: float) -> None:
        self.now += waited + worked
        self.busy += worked


def test_only_after_a_page_that_was_waited_for_is_the_next_one_asked_for_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, mine = Clock(), threading.current_thread()
    monkeypatch.setattr(paging, "time", clock)
    times = [(0.001, 0.2), (0.3, 0.001), (0.3, 0.2), (0.0, 0.3), (0.001, 0.001)]
    by: list[bool] = []

    def fetch() -> Iterator[int]:
        for number, (waited, worked) in enumerate(times):
            by.append(threading.current_thread() is mine)
            clock.pass_by(waited, worked)
            yield number

    assert list(ahead(fetch())) == [0, 1, 2, 3, 4]
    assert by == [True, True, False, False, True]


def test_a_page_that_fails_is_told_after_those_before_it() -> None:
    def fetch() -> Iterator[int]:
        yield 1
        time.sleep(WAIT)
        yield 2
        raise LookupError("gone")

    found = []
    with pytest.raises(LookupError, match="gone"):
        for number in ahead(fetch()):
            found.append(number)
    assert found == [1, 2]
    assert list(ahead(iter(()))) == []


def test_whoever_leaves_early_does_not_wait_for_a_page_that_hangs() -> None:
    over = threading.Event()

    def fetch() -> Iterator[int]:
        time.sleep(WAIT)
        yield 1
        over.wait(20)
        yield 2

    started = time.monotonic()
    found = ahead(fetch())
    assert next(found) == 1
    found.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 5
    over.set()


def test_pages_are_asked_for_on_behalf_of_whoever_reads() -> None:
    def fetch() -> Iterator[str]:
        for _ in range(3):
            time.sleep(WAIT)
            yield WHO.get()

    before = WHO.set("Ada")
    try:
        assert list(ahead(fetch())) == ["Ada"] * 3
    finally:
        WHO.reset(before)
