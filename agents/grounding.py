"""Answers made of result cells: values are put in by reference, and nothing else is let through.

A local model phrases a sentence with references such as `[r1.total]`; this module puts the cells'
values there. A remote model's free text is checked afterwards: every number, and every quoted name,
must occur in the results or in the question's own frame (a limit, a year it asked for).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from groundwire.agents import languages
from groundwire.core.result import Result, display

_REFERENCE = re.compile(r"\[r(\d+)\.([^\]\n]+)\]")
_GAP = r"[ \u00a0\u202f'’\u066c]"
_LINK = re.compile(
    r"(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:)?//[^\s<>\"')\]]+|(?:javascript|data|mailto):[^\s<>\"')\]]+",
    re.IGNORECASE,
)
"""What a program could take for an address and fetch, or offer to be followed."""
_NUMBER = re.compile(
    rf"(?<![\w.])[-+]?(?:\d{{1,3}}(?:(?:{_GAP}\d{{3}})+|(?:,\d{{3}})+|(?:\.\d{{3}})+(?=[,.]))(?!\d)|\d+)(?:[.,\u066b]\d+)?"
)
"""Digits in one piece, or in threes behind one kind of mark; a list such as `3, 41.75` is two numbers."""


@dataclass(frozen=True, kw_only=True)
class Citation:
    """What a part of an answer rests on.

    Attributes:
        text: the part as the answer has it.
        row: of the cell, from 1.
        column: of the cell, by name.
        sources: names of the source reports of its result.
        begin, end: where the part stands in the answer, in characters.
        kind: `cell`, `rounded`, `compared`, `derived`, `extreme` or `absence`.
        arithmetic: how it follows from cells, where it is not one: `120 ÷ 480`.
        result: which of the answer's results, from 0.
        records: a query for the records behind the cell; empty where none is known.
    """

    text: str
    row: int
    column: str
    sources: tuple[str, ...]
    begin: int = 0
    end: int = 0
    kind: str = "cell"
    arithmetic: str = ""
    result: int = 0
    records: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**told, "sources": list(self.sources)}


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

    text = ""
    last = 0
    for match in _REFERENCE.finditer(template):
        text += template[last : match.start()]
        known = len(citations)
        value_text = put(match)
        if len(citations) > known:
            citations[-1] = replace(citations[-1], begin=len(text), end=len(text) + len(value_text))
        text += value_text
        last = match.end()
    text += template[last:]
    return Grounded(text=text, citations=tuple(citations), problems=tuple(problems))


def check(text: str, results: Sequence[Result], question: str = "", language: str = languages.ENGLISH) -> Grounded:
    """Look up every number and every link of a free text in the results; what else it claims is for `claims`.

    Args:
        text: an answer.
        results: everything that was read for it.
        question: numbers and links that the asker wrote may be repeated.
        language: in which the text writes numbers.
    """
    known = _values(results)
    asked = {n for _, n in numbers(question)}
    counts = {Decimal(len(r)) for r in results}
    problems = [link for link in _LINK.findall(text) if not _is_told(link, results, question)]
    citations = []
    for written, value in numbers(_LINK.sub(" ", text), language):
        cell = _find(value, written, known)
        if cell is not None:
            result, row, column = cell
            sources = tuple(s.source for s in result.sources)
            citations.append(Citation(text=written, row=row, column=column, sources=sources))
        elif value not in asked and value not in counts:
            problems.append(written)
    return Grounded(text=text, citations=tuple(citations), problems=tuple(problems))


def _is_told(link: str, results: Sequence[Result], question: str) -> bool:
    """Whether a link stands as it is in a cell, or was written by the asker."""
    cells = (str(v) for r in results for row in r.rows() for v in row if isinstance(v, str))
    return link in _LINK.findall(question) or any(link in _LINK.findall(cell) for cell in cells)


def is_prose(text: str) -> bool:
    """Whether a cell holds sentences: numbers in them are what somebody wrote, and prove nothing."""
    return len(text) > 60 or len(text.split()) > 8


def number_value(written: str, language: str = languages.ENGLISH) -> Decimal | None:
    """The value of one written number; None if it is none."""
    return _number(written.strip().rstrip(".,"), language)


def numbers(text: str, language: str = languages.ENGLISH) -> list[tuple[str, Decimal]]:
    """Every number in a text as it is written, and its value; dates are taken apart."""
    found = []
    for match in _NUMBER.finditer(text):
        written = match[0].strip().rstrip(".,")
        value = _number(written, language)
        if value is not None:
            found.append((written, value))
    return found


def _number(written: str, language: str = languages.ENGLISH) -> Decimal | None:
    plain = re.sub(_GAP, "", written).replace("\u066c", "").replace("\u066b", ".").replace("\u2212", "-")
    if language in ("de", "es"):  # 1.234,5
        plain = (
            plain.replace(".", "").replace(",", ".")
            if re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})*(,\d+)?|[-+]?\d+(,\d+)?", plain)
            else plain
        )
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
    return [] if is_prose(str(value)) else [n for _, n in numbers(str(value))]


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
