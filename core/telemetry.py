"""Where the seconds of a question went: spans, an id for each question, and who listens to them.

A span is opened in one line (`with span("scan", source="crm") as mine`) and costs next to nothing while nobody listens.
Listeners are told when spans begin and end: the exporter of OpenTelemetry and the log (`core/telemetry_otel`,
`core/telemetry_log`), which a configuration turns on for the process, and a `Trace`, which collects one question's.
What a span says never holds a question, an answer, or a value of a record unless `[telemetry] content` is set.

Question and span are kept in context variables: work that is handed to another thread is `carried` there.
"""

from __future__ import annotations

import contextvars
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST_SPANS = 2_000
"""Spans that a trace keeps; what comes later is only counted."""


class Listener(Protocol):
    """Told of every span, in the thread in which it happens; must be quick and raise nothing."""

    def begun(self, span: Span) -> None:
        """A span has begun; more attributes may come."""

    def ended(self, span: Span) -> None:
        """It has ended."""


class Span:
    """Something that takes time, while a question is answered.

    Attributes:
        name: what is done: `question`, `reading`, `model`, `query`, `plan`, `scan`, `request`, `wait`, `join`.
        attributes: what is known of it, by plain names; values are texts, numbers and booleans.
        question: id of the question that it belongs to.
        parent: the span inside which it was opened.
        begun, ended: nanoseconds since 1970; `ended` is None while it lasts.
        error: the kind of the error that ended it.
        texts: what it holds of questions and records: for who operates the system, never for who asks.
        guarded: whether what happens inside is more than who asks may know.
        inside: whether other spans can be inside it.
        own: what listeners keep with it.
    """

    __slots__ = (
        "_clock",
        "_listeners",
        "_token",
        "attributes",
        "begun",
        "ended",
        "error",
        "guarded",
        "inside",
        "name",
        "own",
        "parent",
        "question",
        "texts",
    )

    def __init__(self, name: str, attributes: dict[str, Any], listeners: tuple[Listener, ...], inside: bool) -> None:
        self.name, self.attributes, self._listeners, self.inside = name, attributes, listeners, inside
        self.parent, self.question = _current.get(), _question.get()
        self.texts: dict[str, str] = {}
        self.guarded: bool = self.parent is not None and self.parent.guarded
        self.ended: int | None = None
        self.error: str | None = None
        self.own: dict[Listener, Any] = {}
        self._token = _current.set(self) if inside else None
        self.begun, self._clock = time.time_ns(), time.perf_counter_ns()
        for listener in listeners:
            listener.begun(self)

    def set(self, **attributes: Any) -> None:
        """Say more of it."""
        self.attributes.update(attributes)

    def reveal(self, **texts: str) -> None:
        """Say what spans hold only where `content` is set."""
        if content:
            self.texts.update(texts)

    def guard(self, is_guarded: bool) -> None:
        """What happens inside may be more than who asks may know."""
        self.guarded = self.guarded or is_guarded

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        end = self.begun + time.perf_counter_ns() - self._clock if self.ended is None else self.ended
        return (end - self.begun) / 1e9

    def end(self, error: BaseException | None = None) -> None:
        """It is done; with the error that ended it, if one did."""
        if self.ended is not None:
            return
        self.ended = self.begun + time.perf_counter_ns() - self._clock
        if error is not None and not isinstance(error, GeneratorExit):
            self.error = type(error).__name__
            self.reveal(message=str(error))
        if self._token is not None:
            _current.reset(self._token)
            self._token = None
        for listener in self._listeners:
            listener.ended(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.end(error)


class Nothing:
    """A span that nobody hears of."""

    __slots__ = ()

    def set(self, **attributes: Any) -> None:
        pass

    def reveal(self, **texts: str) -> None:
        pass

    def guard(self, is_guarded: bool) -> None:
        pass

    def end(self, error: BaseException | None = None) -> None:
        pass

    def __bool__(self) -> bool:
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


_NOTHING = Nothing()
_listeners: tuple[Listener, ...] = ()
_nearby: ContextVar[tuple[Listener, ...]] = ContextVar("groundwire_listeners", default=())
_current: ContextVar[Span | None] = ContextVar("groundwire_span", default=None)
_question: ContextVar[str | None] = ContextVar("groundwire_question", default=None)

content = False
"""Whether spans may hold questions, answers, queries with their values, and messages of errors."""
tags = False
"""Whether sources are told the id of the question that they are asked for."""


def span(name: str, **attributes: Any) -> Span | Nothing:
    """Begin something that other spans are inside of; to be used with `with`, in one thread."""
    listeners = _listeners + _nearby.get()
    return Span(name, attributes, listeners, inside=True) if listeners else _NOTHING


def leaf(name: str, **attributes: Any) -> Span | Nothing:
    """Begin something that nothing is inside of; it may be ended in a generator, and by another thread."""
    listeners = _listeners + _nearby.get()
    return Span(name, attributes, listeners, inside=False) if listeners else _NOTHING


# -- who asks for what -----------------------------------------------------------------------------


@contextmanager
def question(id_: str | None = None) -> Iterator[str]:
    """What happens inside belongs to one question; to the one that is being answered already, if there is one.

    Args:
        id_: for a new question; a random one of 16 hexadecimal digits without it.
    """
    known = _question.get()
    if known is not None:
        yield known
        return
    mine = id_ or secrets.token_hex(8)
    token = _question.set(mine)
    try:
        yield mine
    finally:
        _question.reset(token)


def begin_question(id_: str) -> None:
    """Begin a question that lasts as long as this task or thread."""
    _question.set(id_)


def question_id() -> str | None:
    """The id of the question that is being answered."""
    return _question.get()


def tag() -> str | None:
    """What sources are told of the question that they are asked for: its id, which says nothing else."""
    return _question.get() if tags else None


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """The same work as part of this question, whatever thread does it, and as often as it is called."""
    context = contextvars.copy_context()

    def run(*arguments: P.args, **more: P.kwargs) -> T:
        return context.copy().run(work, *arguments, **more)

    return run


# -- who listens -----------------------------------------------------------------------------------


def listen(listener: Listener) -> None:
    """Tell a listener of all spans of this process from now on."""
    global _listeners
    if listener not in _listeners:
        _listeners = (*_listeners, listener)


def forget(listener: Listener) -> None:
    """Tell it no more."""
    global _listeners
    _listeners = tuple(known for known in _listeners if known is not listener)


@contextmanager
def tracing() -> Iterator[Trace]:
    """Collect the spans of what is done inside, in whatever thread."""
    trace = Trace()
    token = _nearby.set((*_nearby.get(), trace))
    try:
        yield trace
    finally:
        _nearby.reset(token)


class Trace:
    """The spans of one question, in the order in which they began, as far as who asks may know of them. A listener."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.dropped = 0

    def begun(self, span: Span) -> None:
        if span.parent is not None and span.parent.guarded:
            return
        if len(self.spans) < MOST_SPANS:
            self.spans.append(span)
        else:
            self.dropped += 1

    def ended(self, span: Span) -> None:
        pass

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form: spans with their depth, and seconds from the first one's beginning."""
        spans = list(self.spans)
        start = spans[0].begun if spans else 0
        return {
            "question": spans[0].question if spans else None,
            "seconds": round(max((s.begun - start) / 1e9 + s.seconds for s in spans), 6) if spans else 0.0,
            "spans": [
                {
                    "name": s.name,
                    "depth": _depth(s),
                    "start": round((s.begun - start) / 1e9, 6),
                    "seconds": round(s.seconds, 6),
                    "attributes": dict(s.attributes),
                    "error": s.error,
                }
                for s in in_order(spans)
            ],
            "dropped": self.dropped,
        }


def in_order(spans: list[Span]) -> list[Span]:
    """Every span before those inside it, and these as they began."""
    inside: dict[Span | None, list[Span]] = {}
    known = set(spans)
    for one in spans:
        inside.setdefault(one.parent if one.parent in known else None, []).append(one)

    def below(parent: Span | None) -> Iterator[Span]:
        for one in inside.get(parent, ()):
            yield one
            yield from below(one)

    return list(below(None))


def _depth(span: Span) -> int:
    depth, parent = 0, span.parent
    while parent is not None:
        depth, parent = depth + 1, parent.parent
    return depth
