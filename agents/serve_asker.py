"""Who asks in a request over HTTP, and how often: the bearer token, and a rate for each principal.

The rate is of this process; budgets per hour, which hold for all processes, are the policy's (`core/budgets`).
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from groundwire.agents.bearer import Bearers
from groundwire.core.errors import GroundwireError, PolicyError
from groundwire.core.hub import Hub
from groundwire.core.limits import parse_rate
from groundwire.core.policy import Principal

log = logging.getLogger(__name__)

EVERYBODY = "everybody"
"""What an asker is called where there is no policy."""
MOST_ASKERS = 10_000
"""Principals whose rate is remembered; the one that has not asked for longest is forgotten first."""


class Unproved(GroundwireError):
    """The request holds no token, or one that is not accepted."""


class TooOften(GroundwireError):
    """The asker asks more often than it may; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("you ask too often; see serve.rate")


class Unprivileged(GroundwireError):
    """Only operators may do this."""


class Rates:
    """How often each principal may ask, as a token bucket that holds a second's worth, or one request.

    Args:
        rate: such as "50/s".
    """

    def __init__(self, rate: str) -> None:
        self._each = 1.0 / parse_rate(rate)
        self._burst = max(self._each, 1.0)
        self._spoken_for: OrderedDict[str, float] = OrderedDict()

    def spend(self, who: str, now: float | None = None) -> None:
        """Count one request.

        Raises:
            TooOften: it is one too many.
        """
        now = time.monotonic() if now is None else now
        until = max(self._spoken_for.get(who, 0.0), now) + self._each
        if until - now > self._burst + 1e-9:
            raise TooOften(until - now - self._burst)
        self._spoken_for[who] = until
        self._spoken_for.move_to_end(who)
        while len(self._spoken_for) > MOST_ASKERS:
            self._spoken_for.popitem(last=False)


@dataclass(frozen=True)
class Asker:
    """Who asks, and the connected systems as this asker may see them."""

    who: Principal | None
    bearers: Bearers
    is_operator: bool

    @property
    def name(self) -> str:
        """As queues, rates and the operator's page know the asker."""
        return EVERYBODY if self.who is None else self.who.name

    @cached_property
    def hub(self) -> Hub:
        """What is asked."""
        return self.bearers.hub(self.who)


class Door:
    """Lets in who may ask.

    Args:
        hub: the connected systems.
        bearers: who may ask.
    """

    def __init__(self, hub: Hub, bearers: Bearers) -> None:
        self._bearers = bearers
        self._operators = None if hub.config.policy is None else frozenset(hub.config.serve.operators)
        self._rates = Rates(hub.config.serve.rate)

    def let_in(self, token: str | None) -> Asker:
        """Who sent a request.

        Args:
            token: of its Authorization header; None without one.

        Raises:
            Unproved: there is none that is accepted.
            TooOften: the asker's rate is spent.
        """
        if token is None:
            raise Unproved("send the token that was printed at the start, as Authorization: Bearer TOKEN")
        try:
            who = self._bearers.of(token)
        except PolicyError as error:
            log.warning("%s", error)
            raise Unproved("the token is not accepted") from None
        asker = Asker(who, self._bearers, self._operators is None or (who is not None and who.name in self._operators))
        self._rates.spend(asker.name)
        return asker


_scheme = HTTPBearer(auto_error=False, description="The token that is printed at the start, or a principal's.")


async def asking(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
) -> Asker:
    """Who sent the request; see `Door.let_in`."""
    known = getattr(request.state, "asker", None)
    if isinstance(known, Asker):
        return known
    door: Door = request.app.state.door
    asker = door.let_in(None if credentials is None else credentials.credentials)
    return asker


async def operating(asker: Annotated[Asker, Depends(asking)]) -> Asker:
    """Who sent the request, who is an operator.

    Raises:
        Unprivileged: it is not.
    """
    if not asker.is_operator:
        raise Unprivileged("only principals named in serve.operators may see this")
    return asker


Asking = Annotated[Asker, Depends(asking)]
Operating = Annotated[Asker, Depends(operating)]
