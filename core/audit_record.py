"""What the audit trail says of a query and of a question, and nothing that is a secret.

A record holds who asked what and when, the query as it was understood, what of the policy was applied, what each
source was asked and how much it gave, a hash of the rows, and the words of the answer with their cells. It holds no
rows. Whatever the configuration calls a secret is taken out of every text before it is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, SecretStr

from groundwire.core import telemetry
from groundwire.core.audit import Trail
from groundwire.core.config import AuditConfig, Config
from groundwire.core.errors import AuditFailed
from groundwire.core.policy import Principal, os_user
from groundwire.core.replica import own_name
from groundwire.core.result import Result, jsonable

log = logging.getLogger(__name__)

_SHORTEST = 4
"""Characters of a secret that is looked for in texts."""

_PASSWORD = re.compile(r"://[^/@\s:]*:([^@\s]+)@")


@dataclass
class Asking:
    """A question that is being answered, and the records of the queries made for it."""

    question: str
    queries: list[int] = field(default_factory=list)


_asking: ContextVar[Asking | None] = ContextVar("groundwire_asking", default=None)


@contextmanager
def asking(question: str) -> Iterator[Asking]:
    """Everything that is queried inside is queried for this question."""
    mine = Asking(question)
    token = _asking.set(mine)
    try:
        yield mine
    finally:
        _asking.reset(token)


class Recorder:
    """Writes what happens in one process. Safe to use from several threads.

    Args:
        trail: where to.
        secrets: texts that are never written.
        answers: whether questions are answered, and marked, while the trail can't be written.
    """

    def __init__(self, trail: Trail, secrets: Iterable[str], *, answers: bool) -> None:
        self.trail = trail
        self.answers = answers
        self._secrets = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)

    def hide(self, settings: Any) -> None:
        """Never write the secrets of these settings either."""
        more = {s for s in _secrets(settings) if len(s) >= _SHORTEST}
        self._secrets = sorted({*self._secrets, *more}, key=len, reverse=True)

    def query(
        self,
        principal: Principal | None,
        asked: Mapping[str, Any],
        at: datetime,
        outcome: Result | Exception,
        policy: Mapping[str, Any] | None,
    ) -> bool:
        """Record a query with its result, or what became of it; False where it could not be, and need not.

        Raises:
            AuditFailed: it can't be written.
        """
        mine = _asking.get()
        record = {
            "kind": "query",
            **_who(principal, at),
            "id": telemetry.question_id(),
            **({"question": mine.question} if mine is not None else {}),
            "asked": dict(asked),
            "policy": policy,
            **(_result(outcome) if isinstance(outcome, Result) else _error(outcome)),
        }
        number = self._write(record)
        if mine is not None and number is not None:
            mine.queries.append(number)
        return number is not None

    def question(self, principal: Principal | None, at: datetime, record: Mapping[str, Any]) -> bool:
        """Record a question with its answer; False where it could not be, and need not.

        Raises:
            AuditFailed: it can't be written.
        """
        own = {"kind": "question", **_who(principal, at), "id": telemetry.question_id()}
        return self._write({**own, **record}) is not None

    def action(self, principal: Principal | None, at: datetime, record: Mapping[str, Any]) -> bool:
        """Record what happens to a proposed action; False where it could not be, and need not.

        Raises:
            AuditFailed: it can't be written.
        """
        return self._write({"kind": "action", **_who(principal, at), **record}) is not None

    def _write(self, record: Mapping[str, Any]) -> int | None:
        try:
            return self.trail.append(self._clean(record))
        except AuditFailed as error:
            if not self.answers:
                raise
            log.error("%s; answered all the same, as audit.on_failure says", error)
            return None

    def _clean(self, value: Any) -> Any:
        """The value as JSON can hold it, without secrets."""
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "***")
            return value
        if isinstance(value, Mapping):
            return {self._clean(str(k)): self._clean(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(v) for v in value]
        return value if value is None or isinstance(value, bool | int | float) else self._clean(jsonable(value))


def recorder_of(config: Config, settings: Iterable[Any]) -> Recorder | None:
    """The recorder that a configuration wants; None where it wants none.

    A policy is recorded unless `audit.enabled` is false, and so are actions; else an `[audit]` section is what turns it
    on.

    Args:
        config: with `[audit]`.
        settings: of the connectors, in which secrets are looked for.
    """
    audit = config.audit or AuditConfig()
    if not (audit.enabled if audit.enabled is not None else wanted(config)):
        return None
    key = audit.key.get_secret_value().encode() if audit.key is not None else b""
    secrets = [*_secrets(config), *(s for own in settings for s in _secrets(own))]
    return Recorder(Trail(trail_path(config), key), secrets, answers=audit.on_failure == "answer")


def wanted(config: Config) -> bool:
    """Whether a configuration wants a trail, where it does not say so in so many words."""
    acts = any(s.actions for s in config.sources.values())
    return acts or config.audit is not None or config.policy is not None


def trail_path(config: Config) -> Path:
    """Where the trail lies: as configured, relative to the configuration, else among this user's state."""
    if config.audit is not None and config.audit.path is not None:
        place = config.place or Path.cwd()
        return (place.parent if place.suffix else place) / Path(config.audit.path).expanduser()
    return Path(platformdirs.user_state_dir("groundwire", appauthor=False)) / f"audit-{own_name(config)}.jsonl"


def digest_of(result: Result) -> str:
    """Equal digests are equal tables, whatever the order of their rows."""
    rows = sorted(json.dumps([jsonable(v) for v in row], default=str) for row in result.rows())
    return hashlib.sha256(json.dumps([result.columns, rows]).encode()).hexdigest()


def _who(principal: Principal | None, at: datetime) -> dict[str, Any]:
    named = None if principal is None else principal.name
    return {"at": at.isoformat(), "principal": named, "account": os_user()}


def _result(result: Result) -> dict[str, Any]:
    return {
        "bound": result.query,
        "rows": len(result),
        "complete": result.complete,
        "completeness": result.completeness,
        "as_of": result.as_of.isoformat() if result.as_of else None,
        "digest": digest_of(result),
        "sources": [
            {
                "source": s.source,
                "entities": list(s.entities),
                "mode": s.mode,
                "as_of": s.as_of.isoformat(),
                "rows": s.rows,
                "incomplete": list(s.incomplete),
                "native": list(s.native),
                "limited_to": s.limited_to,
            }
            for s in result.sources
        ],
        "notes": list(result.notes),
    }


def _error(error: Exception) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error)}


def _secrets(value: Any) -> Iterator[str]:
    """Every secret in settings, and every password in an address."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        yield secret
        yield from (m[1] for m in _PASSWORD.finditer(secret))
    elif isinstance(value, str):
        yield from (m[1] for m in _PASSWORD.finditer(value))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
        yield from _secrets(value.model_extra or {})
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner)
