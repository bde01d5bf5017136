"""What was read for everybody, counted by source: how often from where, how much, how long, and what failed last."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from groundwire.core.errors import SourceError
from groundwire.core.freshness import utc_now
from groundwire.core.result import Result
from groundwire.core.telemetry import Trace

RECENT = 100
"""Queries that are remembered."""
LONGEST = 2_000
"""Characters of a query that is remembered."""


@dataclass
class _Source:
    modes: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    requests: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    failures: int = 0
    error: str = ""
    error_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Queried:
    """A query that a program put.

    Attributes:
        at: when (UTC).
        who: the asker's name.
        sql: the query.
        seconds: from request to result.
        rows: of the result; None where there is none.
        modes: how each source was read.
        error: why there is no result, or why it is not complete.
    """

    at: datetime
    who: str
    sql: str
    seconds: float
    rows: int | None = None
    modes: dict[str, str] = field(default_factory=dict)
    error: str = ""


class Tally:
    """Counts of this process since it started. Safe to use from several threads."""

    def __init__(self) -> None:
        self.started = utc_now()
        self.results = 0
        self.queries: deque[Queried] = deque(maxlen=RECENT)
        self._sources: dict[str, _Source] = {}
        self._lock = threading.Lock()

    def add(self, result: Result) -> None:
        """Count a result."""
        with self._lock:
            self.results += 1
            for report in result.sources:
                mine = self._sources.setdefault(report.source, _Source())
                mine.modes[report.mode] += 1
                mine.rows += report.rows
                mine.requests += report.requests
                mine.seconds += report.seconds
                mine.slowest = max(mine.slowest, report.seconds)

    def queried(self, who: str, sql: str, seconds: float, outcome: Result | Exception) -> None:
        """Note a query, and count its result."""
        about: dict[str, Any] = {"error": str(outcome)}
        if isinstance(outcome, Result):
            modes = {s.source: s.mode for s in outcome.sources}
            about = {"rows": len(outcome), "modes": modes, "error": "; ".join(outcome.incomplete_reasons())}
            self.add(outcome)
        shown = Queried(at=utc_now(), who=who, sql=sql[:LONGEST], seconds=round(seconds, 4), **about)
        self.queries.append(shown)

    def failed(self, error: SourceError) -> None:
        """Count a read that failed."""
        self._fail(error.source, str(error))

    def _fail(self, source: str, why: str) -> None:
        with self._lock:
            mine = self._sources.setdefault(source, _Source())
            mine.failures += 1
            mine.error, mine.error_at = why, utc_now()

    def watched(self, trace: Trace) -> None:
        """Count the reads that failed while a question was answered."""
        for span in trace.spans:
            if span.name == "scan" and span.error is not None and "source" in span.attributes:
                self._fail(str(span.attributes["source"]), f"{span.error}, read for question {span.question}")

    def of(self, source: str) -> dict[str, Any]:
        """JSON-ready counts of a source."""
        with self._lock:
            mine = self._sources.get(source, _Source())
            reads = sum(mine.modes.values())
            copies = mine.modes["cache"] + mine.modes["replica"]
            return {
                "reads": reads,
                "modes": dict(mine.modes),
                "from_copies": copies / reads if reads else None,
                "rows": mine.rows,
                "requests": mine.requests,
                "seconds": round(mine.seconds, 3),
                "slowest": round(mine.slowest, 3),
                "failures": mine.failures,
                "error": mine.error,
                "error_at": None if mine.error_at is None else mine.error_at.isoformat(),
            }
