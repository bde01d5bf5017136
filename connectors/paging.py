"""Pages of an API: which one comes next, and the certainty that there is an end.

A paginator has one required method, in the manner of meltano's `singer_sdk`: `after` says the token of the page
after this one. `pages` asks for one page after the other, and raises where the source goes round in circles: where it
gives a token that it gave before, or the same records again, as servers do that disregard a parameter.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from groundwire.core.errors import Rejected

Token = TypeVar("Token", bound=Hashable)
T = TypeVar("T")

_WORTH = 2 * sys.getswitchinterval()
"""Seconds of waiting for a page from which on the next one is asked for ahead: what it takes two threads that are
busy to make way for each other."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        rows: its records.
        body: the whole answer, decoded.
        url: where it came from.
        headers: of the answer, by name in any case.
    """

    rows: Sequence[Any]
    body: Any = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Paginator(ABC, Generic[Token]):
    """Which page comes next. One for each read."""

    def __init__(self, start: Token) -> None:
        self.start = start

    @abstractmethod
    def after(self, page: Page, token: Token) -> Token | None:
        """The token of the page after this one, which was asked for by `token`; None if it was the last."""


class OffsetPaginator(Paginator[int]):
    """Pages by the number of records before them.

    Args:
        size: records of a full page, where only the last page holds fewer; None where a server may give fewer on any
            page, so that only an empty one is the end.
        total: where a page says how many records there are, which then says when to stop.
    """

    def __init__(self, size: int | None, *, start: int = 0, total: Callable[[Page], int | None] | None = None) -> None:
        super().__init__(start)
        self.first = start
        self.size = size
        self.total = total

    def after(self, page: Page, token: int) -> int | None:
        following = token + len(page.rows)
        total = self.total(page) if self.total else None
        more = _may_follow(page, self.size) if total is None else following - self.first < total
        return following if more and page.rows else None


class NumberPaginator(Paginator[int]):
    """Pages by their number.

    Args:
        size: as for `OffsetPaginator`.
        last: where a page says how many pages there are.
    """

    def __init__(self, size: int | None, *, start: int = 1, last: Callable[[Page], int | None] | None = None) -> None:
        super().__init__(start)
        self.size = size
        self.last = last

    def after(self, page: Page, token: int) -> int | None:
        last = self.last(page) if self.last else None
        more = _may_follow(page, self.size) if last is None else token < last
        return token + 1 if more else None


def _may_follow(page: Page, size: int | None) -> bool:
    return len(page.rows) >= (size or 1)


class GivenPaginator(Paginator[str | None]):
    """Pages by what the page before says: a cursor, or the address of the next one.

    Args:
        given: the token in a page; None or empty in the last one.
    """

    def __init__(self, given: Callable[[Page], str | None]) -> None:
        super().__init__(None)
        self.given = given

    def after(self, page: Page, token: str | None) -> str | None:
        return self.given(page) or None


def pages(paginator: Paginator[Token], fetch: Callable[[Token], Page], *, source: str) -> Iterator[Page]:
    """One page after the other, to the end.

    Args:
        fetch: asks for the page of a token.
        source: named in errors.

    Raises:
        Rejected: the same token or the same records came twice.
        SourceError: from `fetch`.
    """
    token, seen = paginator.start, {paginator.start}
    before: Sequence[Any] = ()
    while True:
        page = fetch(token)
        if page.rows and page.rows == before:
            raise Rejected("the same page came twice: the source does not page as was expected", source=source)
        yield page
        following = paginator.after(page, token)
        if following is None:
            return
        if following in seen:
            raise Rejected("the pages go round in a circle", source=source)
        seen.add(following)
        token, before = following, page.rows


def ahead(found: Iterator[T]) -> Iterator[T]:
    """The same, each asked for while the one before is worked on, where the one before was waited for.

    Waiting and converting go on side by side then. Where answers come at once, two threads would only wait for each
    other. Whoever leaves early does not wait for what was asked for last. Not for reads with a limit, which may need
    no more.
    """
    end: Any = object()
    wanted: SimpleQueue[bool] = SimpleQueue()
    coming: SimpleQueue[tuple[Any, float, BaseException | None]] = SimpleQueue()

    def fetch() -> None:
        while wanted.get():
            try:
                coming.put((*_waited_for(found, end), None))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                coming.put((end, 0.0, error))

    context, started = contextvars.copy_context(), False
    one, waited = _waited_for(found, end)
    try:
        while one is not end:
            early = waited >= _WORTH
            if early:
                wanted.put(True)
                if not started:
                    threading.Thread(target=context.run, args=(fetch,), name="pages", daemon=True).start()
                    started = True
            yield one
            if not early:
                one, waited = _waited_for(found, end)
                continue
            one, waited, error = coming.get()
            if error is not None:
                raise error
    finally:
        wanted.put(False)


def _waited_for(found: Iterator[T], end: T) -> tuple[T, float]:
    """The next one, and for how many seconds nothing was done until it was there."""
    began, busy = time.perf_counter(), time.thread_time()
    one = next(found, end)
    return one, time.perf_counter() - began - (time.thread_time() - busy)
