"""Questions with gold queries, asked and scored by execution.

An answer is right where the gold result's columns are found among the answer's columns and the rows
agree without regard to order, numbers to 0.1 percent. A question that the data can't answer has
`"answerable": false` and is right where it is refused.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from groundwire.agents.agent import Agent
from groundwire.core.errors import GroundwireError, QueryError
from groundwire.core.result import Result

TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One case: `kind` is `right`, `wrong`, `refused` or `error`."""

    id: str
    category: str
    question: str
    kind: str
    answerable: bool
    sql: str | None
    answer: str
    seconds: float
    tokens: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Right, or rightly refused."""
        return self.kind == ("right" if self.answerable else "refused")


@dataclass(kw_only=True)
class Report:
    """All outcomes of a run."""

    outcomes: list[Outcome] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form with totals."""
        seconds = sorted(o.seconds for o in self.outcomes) or [0.0]
        answerable = [o for o in self.outcomes if o.answerable]
        rest = [o for o in self.outcomes if not o.answerable]
        return {
            "correct": sum(o.ok for o in answerable),
            "of": len(answerable),
            "refused_wrongly": sum(o.kind == "refused" for o in answerable),
            "refused_rightly": sum(o.ok for o in rest),
            "unanswerable": len(rest),
            "seconds": {
                "median": round(statistics.median(seconds), 2),
                "p95": round(seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))], 2),
            },
            "cases": [{**vars(o), "ok": o.ok} for o in self.outcomes],
        }

    def summary(self) -> str:
        """Totals by category, for people."""
        totals = self.to_dict()
        lines = [f"{totals['correct']} of {totals['of']} right, {totals['refused_wrongly']} refused"]
        if totals["unanswerable"]:
            lines.append(f"{totals['refused_rightly']} of {totals['unanswerable']} unanswerable ones refused")
        for category in dict.fromkeys(o.category for o in self.outcomes):
            part = [o for o in self.outcomes if o.category == category]
            lines.append(f"  {category}: {sum(o.ok for o in part)} of {len(part)}")
        lines.append(f"seconds: median {totals['seconds']['median']}, p95 {totals['seconds']['p95']}")
        return "\n".join(lines)


def run_cases(
    agent: Agent, cases: Iterable[Mapping[str, Any]], print_line: Callable[[str], None] = lambda _: None
) -> Report:
    """Ask every case and compare with its gold query, run through the same hub."""
    report = Report()
    for case in cases:
        outcome = _run(agent, case)
        report.outcomes.append(outcome)
        mark = "ok  " if outcome.ok else "FAIL"
        print_line(f"{mark} {outcome.id} {outcome.seconds:.1f} s {outcome.question}")
        if not outcome.ok:
            print_line(f"     {outcome.kind}: {outcome.sql or outcome.answer}")
    return report


def _run(agent: Agent, case: Mapping[str, Any]) -> Outcome:
    answerable = bool(case.get("answerable", True))
    sql, text, seconds, tokens = None, "", 0.0, {}
    try:
        answer = agent.ask(case["question"], hints=case.get("instructions") or "")
        sql, text, seconds, tokens = answer.sql, answer.text, answer.seconds, answer.tokens
        if answer.refused or answer.result is None:
            kind = "refused"
        elif not answerable:
            kind = "wrong"
        else:
            golds = [g for g in case["gold_sql"].split(";") if g.strip()]
            kind = "right" if _agrees(agent, golds, answer.result) else "wrong"
    except GroundwireError as error:
        kind, text = "error", str(error)
    return Outcome(
        id=str(case.get("id", "")),
        category=str(case.get("category", "")),
        question=case["question"],
        kind=kind,
        answerable=answerable,
        sql=sql,
        answer=text,
        seconds=seconds,
        tokens=tokens,
    )


def _agrees(agent: Agent, golds: Sequence[str], result: Result) -> bool:
    """Whether a result is that of one of the gold queries; some of these may be in a dialect of their own."""
    failure: GroundwireError | None = None
    for gold in golds:
        try:
            if matches(agent.hub.query(gold).rows(), result.rows()):
                return True
        except QueryError as error:
            failure = failure or error
    if failure is not None and len(golds) == 1:
        raise failure
    return False


def matches(gold: Sequence[Sequence[Any]], got: Sequence[Sequence[Any]]) -> bool:
    """Whether every gold column is found among the columns that were got, row by row."""
    left = [[_plain(v) for v in row] for row in gold]
    right = [[_plain(v) for v in row] for row in got]
    if len(left) != len(right):
        return False
    if not left:
        return True
    width = len(right[0])

    def extend(chosen: list[int]) -> bool:
        if len(chosen) == len(left[0]):
            return _same_rows(left, [[row[i] for i in chosen] for row in right])
        column = sorted((row[len(chosen)] for row in left), key=str)
        for index in range(width):
            if index in chosen:
                continue
            other = sorted((row[index] for row in right), key=str)
            if all(_equal(a, b) for a, b in zip(column, other, strict=True)) and extend([*chosen, index]):
                return True
        return False

    return len(left[0]) <= width and extend([])


def _same_rows(left: list[list[Any]], right: list[list[Any]]) -> bool:
    ordered = zip(sorted(left, key=str), sorted(right, key=str), strict=True)
    return all(_equal(x, y) for a, b in ordered for x, y in zip(a, b, strict=True))


def _plain(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None)
    if isinstance(value, datetime | date):
        return value.isoformat().lower().replace("t", " ").removesuffix(" 00:00:00")
    try:
        return round(float(value), 2)
    except (TypeError, ValueError):
        return str(value).strip().lower()


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0.011)
    return bool(a == b)
