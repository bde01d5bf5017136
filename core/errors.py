"""Every error that groundwire raises on purpose.

The tree groups errors by who reads them, and the leaves by how one recovers::

    GroundwireError
    ├── ConfigError              the operator: names the setting and what mends it
    ├── QueryError               the asker or the model: says how to write it right
    │   ├── UnknownName          lists the near misses
    │   ├── AmbiguousName        lists the candidates
    │   └── NotAllowed           a write, a second statement, a forbidden function
    ├── SourceError              a connected system; carries its name
    │   ├── RetryableError       trying again later may help
    │   │   ├── RateLimited      carries `retry_after` in seconds
    │   │   ├── Unavailable      down, hanging, or answering 5xx
    │   │   └── Busy             another process is doing the same just now
    │   └── FatalSourceError     trying again will not help
    │       ├── AuthFailed       wrong or expired credentials
    │       ├── Rejected         the source understood the request and refused it
    │       └── Conflict         the record is not what it was when an action on it was proposed
    ├── ActionError              whoever proposes or approves: what can't be done as it is proposed
    ├── PolicyError              the asker: what may not be answered to this principal, now or at all
    │   ├── BudgetSpent          carries `free_at`, when asking makes sense again
    │   └── AuditFailed          what is asked can't be recorded, so it is not answered
    ├── IncompleteError          the caller demanded a complete result and it is not
    ├── ModelError               weights missing, damaged, or a model that does not answer
    └── Stopped                  nobody waits for the answer any more

Messages never hold a secret: connectors build them from the request's outline and
the vendor's error code, not from headers, URLs with credentials, or tracebacks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


class GroundwireError(Exception):
    """The root of the tree."""


class ConfigError(GroundwireError):
    """A setting is missing or wrong.

    Args:
        message: what is wrong and what mends it, as one or two sentences.
        setting: dotted name of the setting, such as `sources.crm.url`.
    """

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        self.setting = setting
        super().__init__(f"{setting}: {message}" if setting else message)


class QueryError(GroundwireError):
    """The query can't be answered as it is written; the message says what to write instead."""


class UnknownName(QueryError):
    """No entity, field or relation has that name.

    Args:
        kind: what was looked for: `entity`, `field`, `relation`, `source`, `function`.
        name: the name as it was written.
        near: existing names that resemble it, best first.
        where: the entity or source in which it was looked for.
    """

    def __init__(self, kind: str, name: str, near: Iterable[str] = (), *, where: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.near = tuple(near)
        message = f"unknown {kind} {name!r}" + (f" in {where}" if where else "")
        if self.near:
            message += "; did you mean " + ", ".join(self.near) + "?"
        super().__init__(message)


class AmbiguousName(QueryError):
    """A name or a path fits several things; `candidates` lists them."""

    def __init__(self, name: str, candidates: Iterable[str]) -> None:
        self.name = name
        self.candidates = tuple(candidates)
        super().__init__(f"{name!r} is ambiguous: it could be " + ", ".join(self.candidates))


class NotAllowed(QueryError):
    """The query asks for something that groundwire never does for anyone."""


class SourceError(GroundwireError):
    """A connected system did not deliver.

    Args:
        message: what happened, without secrets.
        source: configured name of the system, such as `crm`.
    """

    def __init__(self, message: str, *, source: str) -> None:
        self.source = source
        super().__init__(f"{source}: {message}")


class RetryableError(SourceError):
    """The same request may succeed later."""


class RateLimited(RetryableError):
    """The source asks for a pause. `retry_after` is in seconds, None where it did not say."""

    def __init__(self, message: str, *, source: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message, source=source)


class Unavailable(RetryableError):
    """The source is down, did not answer in time, or answered with a fault of its own."""


class Busy(RetryableError):
    """Another process is doing the same just now: a sync of this entity."""


class FatalSourceError(SourceError):
    """The same request will fail again."""


class AuthFailed(FatalSourceError):
    """The source did not accept the credentials."""


class Rejected(FatalSourceError):
    """The source understood the request and refused it, or its answer makes no sense."""


class Conflict(FatalSourceError):
    """The record that an action would change is not what it was when the action was proposed; nothing was written."""


class ActionError(GroundwireError):
    """An action can't be proposed, approved or done as it stands; the message says why."""


class PolicyError(GroundwireError):
    """This asker may not be answered: nobody is known to ask, a proof is not valid, or nothing can be recorded."""


class BudgetSpent(PolicyError):
    """The asker's budget for this hour is spent; `free_at` is when the next one begins (UTC)."""

    def __init__(self, message: str, *, free_at: datetime) -> None:
        self.free_at = free_at
        super().__init__(message)


class AuditFailed(PolicyError):
    """The audit trail can't be written or read, or is not as it was left."""


class IncompleteError(GroundwireError):
    """A complete result was demanded, and not every matching record could be read."""


class ModelError(GroundwireError):
    """The language model can't be loaded or did not produce an answer."""


class Stopped(GroundwireError):
    """Whoever asked does not wait for the answer any more."""
