"""How fast a source may be asked, shared by every process: a rate, a pause that it demanded, a daily quota.

The rate is a token bucket in the form of the generic cell rate algorithm: one number for each source, the time
until which its requests are already spoken for, moved in one atomic statement. Whoever moved it waits for its turn.
A `Retry-After` that one process received holds for all. Of a daily quota (as Salesforce counts requests) a share
is left to questions: syncs stop before it is used up.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from groundwire.core.config import Config
from groundwire.core.connector import Connector
from groundwire.core.control import METADATA, Control, now_of
from groundwire.core.errors import ConfigError, RateLimited, SourceError

log = logging.getLogger(__name__)

BUCKETS = sa.Table(
    "_groundwire_limits",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("spoken_for", sa.Float, nullable=False, server_default="0"),
    sa.Column("paused_until", sa.Float, nullable=False, server_default="0"),
    sa.Column("used", sa.Integer, nullable=True),
    sa.Column("allowed", sa.Integer, nullable=True),
    sa.Column("told_at", sa.Float, nullable=True),
)

QUOTA_HOLDS = 3600.0
"""Seconds after which a quota that was told is asked anew by making a request: the day may have turned."""

_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|m|h|d)\s*")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_rate(text: str) -> float:
    """Requests per second, from text such as "5/s", "100/m", "1000/h".

    Raises:
        ValueError: it is no rate.
    """
    match = _RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise ValueError(f"{text!r} is not a rate; write 5/s, 100/m, 1000/h or 10000/d")
    return float(match[1]) / _SECONDS[match[2]]


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What a source last said of its quota.

    Attributes:
        source: configured name.
        used, allowed: requests of the present period; None where the source tells none.
        told_at: when it said so (UTC).
        paused: seconds for which nobody may ask it, 0 if it may be asked.
    """

    source: str
    used: int | None
    allowed: int | None
    told_at: datetime | None
    paused: float

    @property
    def left(self) -> int | None:
        """Requests that may still be made in this period; None if unknown."""
        return None if self.used is None or self.allowed is None else max(0, self.allowed - self.used)


class Limits:
    """What all processes know of the sources' limits. Safe to use from several threads."""

    def __init__(self, control: Control) -> None:
        self.control = control

    def turn(self, source: str, rate: float | None, burst: float, patience: float | None) -> float:
        """Speak for one request.

        Args:
            source: configured name.
            rate: requests per second; None for no limit of ours.
            burst: requests that may be made at once after a quiet time.
            patience: seconds that the caller would wait; None for any.

        Returns:
            Seconds to wait before the request.

        Raises:
            RateLimited: the turn would come later than that; nothing was spoken for.
        """
        with self.control.transaction() as connection:
            self._add(connection, source)
            row = connection.execute(sa.select(BUCKETS).where(BUCKETS.c.source == source).with_for_update()).one()
            now = now_of(connection)
            each = 1.0 / rate if rate else 0.0
            begin = max(float(row.spoken_for), now)
            wait = float(max(0.0, begin + each - now - burst * each, row.paused_until - now))
            if patience is not None and wait > patience:
                why = "asked for a pause" if row.paused_until > now else "the rate that was set for it is used up"
                raise RateLimited(f"{why}; {wait:.0f} s left", source=source, retry_after=wait)
            if rate:
                mine = BUCKETS.c.source == source
                connection.execute(sa.update(BUCKETS).where(mine).values(spoken_for=begin + each))
            return wait

    def pause(self, source: str, seconds: float) -> None:
        """Nobody may ask this source for so many seconds."""
        with self.control.transaction() as connection:
            self._add(connection, source)
            until = now_of(connection) + seconds
            later = (BUCKETS.c.source == source) & (BUCKETS.c.paused_until < until)
            connection.execute(sa.update(BUCKETS).where(later).values(paused_until=until))

    def tell(self, source: str, used: int, allowed: int) -> None:
        """Note what a source said of its quota."""
        with self.control.transaction() as connection:
            self._add(connection, source)
            values = {"used": used, "allowed": allowed, "told_at": now_of(connection)}
            connection.execute(sa.update(BUCKETS).where(BUCKETS.c.source == source).values(values))

    def quotas(self) -> dict[str, Quota]:
        """What is known, by source."""
        with self.control.transaction() as connection:
            now = now_of(connection)
            return {
                r.source: Quota(
                    source=r.source,
                    used=r.used,
                    allowed=r.allowed,
                    told_at=None if r.told_at is None else datetime.fromtimestamp(r.told_at, UTC),
                    paused=max(0.0, r.paused_until - now),
                )
                for r in connection.execute(sa.select(BUCKETS))
            }

    def _add(self, connection: sa.Connection, source: str) -> None:
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(BUCKETS)
        connection.execute(insert.values(source=source).on_conflict_do_nothing())


class SourceGate:
    """The gate of one source in one process: `Connector.gate`.

    A control database that is away costs the limits, never an answer.

    Args:
        limits: shared with all processes.
        source: configured name.
        rate: requests per second, None for no limit of ours.
        reserve: share of the quota that only questions may use; None for a hub that answers questions.
        patience: seconds that a request without a deadline waits for its turn.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        limits: Limits,
        source: str,
        *,
        rate: float | None,
        reserve: float | None,
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits
        self.source = source
        self.rate = rate
        self.reserve = reserve
        self.patience = patience
        self._sleep = sleep
        self._told: tuple[int, int] | None = None

    def enter(self, deadline: float | None = None) -> None:
        """Wait for the turn of one request.

        Args:
            deadline: `time.monotonic()` value after which the request is of no use.

        Raises:
            RateLimited: the turn would come too late, or only the questions' share of the quota is left.
        """
        patience = self.patience if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            if self.reserve is not None:
                self._spare_the_quota(self.reserve)
            # a burst of one second's worth: a page of pages may follow quickly, a minute may not
            wait = self.limits.turn(self.source, self.rate, max(1.0, self.rate or 1.0), patience)
        except RateLimited:
            raise
        except SourceError as error:
            log.warning("%s; %s is asked without its limits", error, self.source)
            return
        if wait > 0:
            self._sleep(wait)

    def told(self, *, retry_after: float | None = None, used: int | None = None, allowed: int | None = None) -> None:
        """Note what an answer said.

        Args:
            retry_after: seconds for which the source wants to be left alone.
            used, allowed: requests of its quota.
        """
        try:
            if retry_after:
                self.limits.pause(self.source, retry_after)
            if used is not None and allowed is not None and self._told != (used, allowed):
                self._told = used, allowed
                self.limits.tell(self.source, used, allowed)
        except SourceError as error:
            log.warning("%s; what %s said of its limits is not shared", error, self.source)

    def _spare_the_quota(self, reserve: float) -> None:
        quota = self.limits.quotas().get(self.source)
        if quota is None or quota.used is None or not quota.allowed or quota.told_at is None:
            return
        age = datetime.now(UTC) - quota.told_at
        if age < timedelta(seconds=QUOTA_HOLDS) and quota.used >= quota.allowed * (1 - reserve):
            raise RateLimited(
                f"{quota.used:,} of {quota.allowed:,} requests are used; the rest is kept for questions",
                source=self.source,
                retry_after=max(1.0, QUOTA_HOLDS - age.total_seconds()),
            )


def attach(connectors: Iterable[Connector], config: Config, control: Control, *, background: bool) -> None:
    """Give each connector its gate.

    Args:
        connectors: of one hub.
        config: `sources.NAME.rate` and `sources.NAME.reserve`.
        control: shared with all processes.
        background: whether nobody waits for what this hub reads, so that the questions' share is spared.
    """
    limits = Limits(control)
    for connector in connectors:
        source = config.sources.get(connector.name)
        if source is None:
            continue
        try:
            allowed = source.rate or connector.rate
            rate = parse_rate(allowed) if allowed else None
        except ValueError as error:
            raise ConfigError(str(error), setting=f"sources.{connector.name}.rate") from None
        connector.gate = SourceGate(limits, connector.name, rate=rate, reserve=source.reserve if background else None)
