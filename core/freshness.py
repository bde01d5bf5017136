"""How old data may be: one way to write an age, one precedence of bounds, one clock.

Data satisfies a question's bound if it was read from its source after the question was put, or if it is a copy
whose age, when the answer is given, is within the bound. Which copies there are is the business of `core/replica`
and `core/cache`; reading again where a copy aged past its bound meanwhile is the hub's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from groundwire.core.errors import QueryError, SourceError

if TYPE_CHECKING:
    from groundwire.core.cache import Cache
    from groundwire.core.catalog import Entity
    from groundwire.core.config import Config

Clock = Callable[[], datetime]
"""Gives the present instant (aware, UTC)."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", re.IGNORECASE)


def parse_age(value: str | float | timedelta | None) -> timedelta | None:
    """An age from seconds, a timedelta, or text such as "0", "30s", "5m", "2h", "1d"; None for None.

    Raises:
        QueryError: it is none of these, or negative.
    """
    if value is None:
        return None
    try:
        if isinstance(value, timedelta):
            age = value
        elif isinstance(value, int | float):
            age = timedelta(seconds=value)
        else:
            match = _AGE.fullmatch(value)
            if match is None:
                raise QueryError(f"{value!r} is not an age; write seconds or 30s, 5m, 2h, 1d")
            age = timedelta(seconds=float(match[1]) * _UNITS[match[2].lower()])
    except (OverflowError, ValueError):  # more days than there are, or not a number
        raise QueryError(f"{value!r} is not an age; write seconds or 30s, 5m, 2h, 1d") from None
    if age < timedelta():
        raise QueryError("an age can't be negative")
    return age


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


class Bounds:
    """The oldest acceptable age of each entity's data, for one question.

    The first that is set counts: the question's own, the entity's `max_age`, the source's, `[freshness] max_age`.

    Args:
        config: what the operator says.
        asked: what the question says; None for nothing.
    """

    def __init__(self, config: Config, asked: timedelta | None = None) -> None:
        self._config = config
        self.asked = asked

    def of(self, entity: Entity) -> timedelta:
        """The bound for this entity; zero is live."""
        return self.asked if self.asked is not None else self.configured(entity)

    @property
    def allow_copies(self) -> bool:
        """Whether data of any entity may be older than the question."""
        ages: list[str | None] = [self._config.freshness.max_age]
        for source in self._config.sources.values():
            ages += [source.max_age, *(e.max_age for e in source.entities.values())]
        return bool(self.asked) or any(parse_age(age) for age in ages)

    def configured(self, entity: Entity) -> timedelta:
        """The bound for questions that say nothing."""
        source = self._config.sources.get(entity.source)
        own = source.entities.get(entity.name) if source else None
        for age in (own.max_age if own else None, source.max_age if source else None, self._config.freshness.max_age):
            if age is not None:
                return parse_age(age) or timedelta()
        return timedelta()


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """What one question may be answered from.

    Attributes:
        bounds: oldest acceptable age of each entity's data.
        asked_at: when the question was put (UTC).
        clock: the present instant.
        cache: earlier reads that may be used; None for none.
        live: read everything from its source, whatever the bounds.
        keep: for later questions: keep what is read, and take only what was read after this one was put.
        failed: sources that could not be read, in place of which copies of any age are wanted.
        refresh_at: share of a bound after which a copy that is used should be read anew behind the answer.
        due: filled with the entities of such copies.
    """

    bounds: Bounds
    asked_at: datetime
    clock: Clock = utc_now
    cache: Cache | None = None
    live: bool = False
    keep: bool = False
    failed: Mapping[str, SourceError] = field(default_factory=dict)
    refresh_at: float = 1.0
    due: set[str] = field(default_factory=set)

    def bound(self, entities: Iterable[Entity]) -> timedelta:
        """The tightest of the entities' bounds, whatever copies are to be used."""
        return min((self.bounds.of(e) for e in entities), default=timedelta())

    def accepts(self, as_of: datetime, entities: Iterable[Entity]) -> bool:
        """Whether a copy of these entities that is true at `as_of` is fresh enough at this moment.

        A copy from the future, by a clock that is ahead of ours, has an unknown age.
        """
        if self.keep:
            return as_of >= self.asked_at
        return not self.live and timedelta() <= self.clock() - as_of <= self.bound(entities)

    def takes_copies(self, entities: Iterable[Entity]) -> bool:
        """Whether a copy of these entities may be used at all."""
        return self.keep or (not self.live and self.bound(entities) > timedelta())

    def keeps(self, entities: Collection[Entity]) -> bool:
        """Whether what is read of these entities may serve other questions."""
        configured = min((self.bounds.configured(e) for e in entities), default=timedelta())
        return max(self.bound(entities), configured) > timedelta()

    def used(self, as_of: datetime, entities: Collection[Entity]) -> None:
        """Note that a copy of these entities was used."""
        if self.clock() - as_of > self.refresh_at * self.bound(entities):
            self.due.update(e.full_name for e in entities)
