"""Answers made of result cells: values are put in by reference, and nothing else is let through.

A local model phrases a sentence with references such as `[r1.total]`; this module puts the cells'
values there. A remote model's free text is checked afterwards: every number, and every quoted name,
must occur in the results or in the question's own frame (a limit, a year it asked for).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from groundwire.agents import languages
from groundwire.core.result import Result, display

_REFERENCE = re.compile(r"\[r(\d+)\.([^\]\n]+)\]")
_GAP = r"[ \u00a0\u202f'’]"
_NUMBER = re.compile(
    rf"(?<![\w.])[-+]?(?:\d{{1,3}}(?:(?:{_GAP}\d{{3}})+|(?:,\d{{3}})+|(?:\.\d{{3}})+(?=[,.]))(?!\d)|\d+)(?:[.,]\d+)?"
)
"""Digits in one piece, or in threes behind one kind of mark; a list such as `3, 41.75` is two numbers."""


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Where a value of an answer stands: row from 1, column by name, and the source reports' names."""

    text: str
    row: int
    column: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Grounded:
    """An answer with its proofs; `problems` lists what could not be traced."""

    text: str
    citations: tuple[Citation, ...] = ()
    problems: tuple[str, ...] = ()


def fill(template: str, result: Result, language: str = languages.ENGLISH) -> Grounded:
    """Put cells in place of references.

    Args:
        template: text with `[rN.column]` references, rows counted from 1.
        result: the cells.
        language: in which numbers are written.
    """
    rows = result.rows()
    columns = {c.lower(): i for i, c in enumerate(result.columns)}
    sources = tuple(s.source for s in result.sources)
    citations: list[Citation] = []
    problems: list[str] = []

    def put(match: re.Match[str]) -> str:
        row, column = int(match[1]), match[2].strip()
        index = columns.get(column.lower())
        if index is None or not 1 <= row <= len(rows):
            problems.append(f"no cell {match[0]}")
            return "?"
        value = rows[row - 1][index]
        text = display(value) or "unknown"
        if isinstance(value, int | float | Decimal):
            text = languages.number(text, language)
        citations.append(Citation(text=text, row=row, column=result.columns[index], sources=sources))
        return text

    text = _REFERENCE.sub(put, template)
    return Grounded(text=text, citations=tuple(citations), problems=tuple(problems))


def check(text: str, results: Sequence[Result], question: str = "") -> Grounded:
    """Look up every number of a free text in the results.

    Args:
        text: an answer.
        results: everything that was read for it.
        question: numbers that the asker wrote may be repeated.
    """
    known = _values(results)
    asked = {n for _, n in numbers(question)}
    counts = {Decimal(len(r)) for r in results}
    problems = []
    citations = []
    for written, value in numbers(text):
        cell = _find(value, written, known)
        if cell is not None:
            result, row, column = cell
            sources = tuple(s.source for s in result.sources)
            citations.append(Citation(text=written, row=row, column=column, sources=sources))
        elif value not in asked and value not in counts:
            problems.append(written)
    return Grounded(text=text, citations=tuple(citations), problems=tuple(problems))


def numbers(text: str) -> list[tuple[str, Decimal]]:
    """Every number in a text as it is written, and its value; dates are taken apart."""
    found = []
    for match in _NUMBER.finditer(text):
        written = match[0].strip().rstrip(".,")
        value = _number(written)
        if value is not None:
            found.append((written, value))
    return found


def _number(written: str) -> Decimal | None:
    plain = re.sub(_GAP, "", written)
    marks = [c for c in plain if c in ",."]
    if len(set(marks)) == 2:  # the last one is the decimal mark
        plain = plain.replace(marks[0], "").replace(",", ".")
    elif len(marks) > 1 or re.search(r",\d{3}$", plain):
        plain = plain.replace(marks[0], "")
    else:
        plain = plain.replace(",", ".")
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def _values(results: Sequence[Result]) -> list[tuple[Decimal, Result, int, str]]:
    found = []
    for result in results:
        for number, row in enumerate(result.rows(), 1):
            for column, value in zip(result.columns, row, strict=True):
                found += [(v, result, number, column) for v in _decimals(value)]
    return found


def _decimals(value: Any) -> list[Decimal]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | Decimal):
        return [Decimal(value)]
    if isinstance(value, float):
        return [Decimal(repr(value))] if value == value and abs(value) != float("inf") else []
    if isinstance(value, datetime | date):
        return [Decimal(value.year), Decimal(value.month), Decimal(value.day)]
    return [n for _, n in numbers(str(value))]


def _find(
    value: Decimal, written: str, known: list[tuple[Decimal, Result, int, str]]
) -> tuple[Result, int, str] | None:
    """The cell whose value, rounded to the places that were written, is this number."""
    places = len(written.rpartition(".")[2]) if "." in written else 0
    step = Decimal(1).scaleb(-places)
    for cell, result, row, column in known:
        if abs(cell - value) * 2 <= step:  # whichever way a half is rounded
            return result, row, column
    return None
