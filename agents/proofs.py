"""From a cell of an answer to the records behind it: the query that lists them, and the proof as people read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot.errors import SqlglotError

from groundwire.agents.grounding import Citation
from groundwire.agents.revision import Revision
from groundwire.core.errors import GroundwireError
from groundwire.core.hub import Hub
from groundwire.core.result import Result

if TYPE_CHECKING:
    from groundwire.agents.agent import Answer

_MOST_ROWS = 10
"""Rows of an answer for which the records are looked for; a sentence speaks of no more."""


def with_records(
    hub: Hub, sql: str | None, result: Result | None, citations: Iterable[Citation]
) -> tuple[Citation, ...]:
    """The same citations, each with the query for the records behind its row, where there is one.

    Args:
        hub: whose catalog the names are of.
        sql: the query that was answered last.
        result: its answer.
        citations: of the answer.
    """
    told = tuple(citations)
    if sql is None or result is None or not told:
        return told
    try:
        revision = Revision(sql, hub.catalog, hub.clock())
    except (GroundwireError, SqlglotError):
        return told
    queries = {c.row: _records(revision, result, c.row) for c in told[:_MOST_ROWS] if c.column in result.columns}
    return tuple(replace(c, records=queries.get(c.row, "")) for c in told)


def _records(revision: Revision, result: Result, row: int) -> str:
    """The query for the records behind a row, counted from 1."""
    if not 1 <= row <= len(result):
        return ""
    mine = revision.copy()
    try:
        if not mine.keep_row(dict(zip(result.columns, result.rows()[row - 1], strict=True))):
            return ""
        if mine.aggregated:
            mine.records(most=None)
        else:
            mine.whole_record()
    except (GroundwireError, SqlglotError):
        return ""  # an answer does not fail for want of what can be looked up beside it
    return mine.sql


def told(answer: Answer) -> list[str]:
    """Every claim of an answer with what it rests on, a line or two each."""
    lines = []
    for number, c in enumerate(answer.citations, 1):
        rests = f"row {c.row}, {c.column}"
        if c.arithmetic:
            rests += f": {c.arithmetic}"
        lines.append(f"{number}. “{c.text}” is {rests} ({c.kind}; {', '.join(c.sources)})")
        if c.records:
            lines.append(f"   records: {c.records}")
    for report in answer.result.sources if answer.result is not None else ():
        when = report.as_of.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        lines.append(
            f"{report.source}: {report.mode} as of {when}, {report.rows:,} rows of {', '.join(report.entities)}"
        )
        lines += [f"   asked: {native}" for native in report.native]
    return lines
