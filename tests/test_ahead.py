"""Pages are asked for while those before them are worked on, and nobody waits for one that is not wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from groundwire.connectors.paging import ahead

WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_the_next_page_is_on_its_way_while_one_is_worked_on() -> None:
    asked = [threading.Event() for _ in range(4)]

    def fetch() -> Iterator[int]:
        for number, event in enumerate(asked):
            event.set()
            yield number

    found = []
    for number in ahead(fetch()):
        found.append(number)
        if number + 1 < len(asked):
            assert asked[number + 1].wait(5), "nobody asked for it"
    assert found == [0, 1, 2, 3]


def test_a_page_that_fails_is_told_after_those_before_it() -> None:
    def fetch() -> Iterator[int]:
        yield 1
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
            yield WHO.get()

    before = WHO.set("Ada")
    try:
        assert list(ahead(fetch())) == ["Ada"] * 3
    finally:
        WHO.reset(before)
