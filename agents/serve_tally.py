"""What was read for everybody, counted by source: how often from where, how much, how long, and what failed last."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import asdict, dataclass, field
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


@dataclass(slots=True)
class Queried:
    """A query that a program put, and puts again.

    Attributes:
        who: the asker's name.
        sql: the query.
        at: when it was put last (UTC).
        times: how often, since it is remembered.
        seconds: from request to result, the last time.
        slowest: the same, the slowest time.
        rows: of the last result; None where there was none.
        modes: how each source was read the last time.
        error: why there was no result the last time, or why it was not complete.
    """

    who: str
    sql: str
    at: datetime = field(default_factory=utc_now)
    times: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    rows: int | None = None
    modes: dict[str, str] = field(default_factory=dict)
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "at": self.at.isoformat(), "seconds": round(self.seconds, 4)}


class Tally:
    """Counts of this process since it started. Safe to use from several threads."""

    def __init__(self) -> None:
        self.started = utc_now()
        self.results = 0
        self._queries: OrderedDict[tuple[str, str], Queried] = OrderedDict()
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
        key = who, sql[:LONGEST]
        with self._lock:
            mine = self._queries.get(key)
            if mine is None:
                mine = self._queries[key] = Queried(*key)
                while len(self._queries) > RECENT:
                    self._queries.popitem(last=False)
            self._queries.move_to_end(key)
            mine.at, mine.times, mine.seconds = utc_now(), mine.times + 1, seconds
            mine.slowest = max(mine.slowest, seconds)
            if isinstance(outcome, Result):
                mine.rows, mine.modes = len(outcome), {s.source: s.mode for s in outcome.sources}
                mine.error = "" if outcome.complete else "; ".join(outcome.incomplete_reasons())
            else:
                mine.rows, mine.modes, mine.error = None, {}, str(outcome)
        if isinstance(outcome, Result):
            self.add(outcome)

    def queries(self) -> list[dict[str, Any]]:
        """The last queries, each with how often it was put, the latest first."""
        with self._lock:
            return [q.to_dict() for q in reversed(self._queries.values())]

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
