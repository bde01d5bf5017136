"""Whether an answer's table holds what a gold query's table holds.

The rules are those by which text-to-SQL is usually scored by execution, and no looser: as many rows; each gold column
found among the answer's columns, whose names, order and number don't matter; rows compared without order, as
whole rows; numbers equal to 0.1 percent or a cent, whatever their type; texts without case. An answer that shows more
columns than were asked for is right, one that leaves a column out is wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RELATIVE, ABSOLUTE = 1e-3, 0.011
"""How far two equal numbers may be apart, after each was rounded to two places."""
ROWS_SHOWN = 5

Rows = Sequence[Sequence[Any]]


def matches(gold: Rows, got: Rows) -> bool:
    """Whether `got` is a right answer where `gold` is what was asked for; both as rows of Python values."""
    if len(gold) != len(got):
        return False
    return not gold or _columns([[_plain(v) for v in row] for row in gold], [[_plain(v) for v in row] for row in got])


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Why a table is not the gold one.

    Attributes:
        reason: a sentence.
        missing: the first gold rows that were not got, as texts.
        extra: the first rows that were got and are not gold, as texts.
    """

    reason: str
    missing: tuple[tuple[str, ...], ...] = ()
    extra: tuple[tuple[str, ...], ...] = ()


def difference(gold_names: Sequence[str], gold: Rows, got: Rows) -> Difference:
    """What a person who looks for the fault wants to see first.

    Args:
        gold_names: names of the gold columns.
        gold: the gold rows.
        got: rows that do not match them.
    """
    left, right = [[_plain(v) for v in row] for row in gold], [[_plain(v) for v in row] for row in got]
    if len(left) != len(right):
        reason = f"{len(left)} row{'' if len(left) == 1 else 's'} wanted, {len(right)} came"
        absent = []
    else:
        absent = [n for i, n in enumerate(gold_names) if not _candidates(left, right, i)]
        reason = f"no column holds {', '.join(absent)}" if absent else "the rows are put together otherwise"
    order = _alike(left, right)
    here = Counter(tuple(row[i] for i in order if i is not None) for row in right)
    there = [tuple(v for v, i in zip(row, order, strict=True) if i is not None) for row in left]
    missing = []
    for row, key in zip(gold, there, strict=True):
        if here[key]:
            here[key] -= 1
        else:
            missing.append(row)
    wanted = Counter(there)
    extra = []
    for row, plain in zip(got, right, strict=True):
        key = tuple(plain[i] for i in order if i is not None)
        if wanted[key]:
            wanted[key] -= 1
        else:
            extra.append(row)
    if absent:  # the columns that are there may agree, and the rows are wanted all the same
        missing, extra = missing or list(gold), extra or list(got)
    return Difference(reason=reason, missing=_shown(missing), extra=_shown(extra))


def _shown(rows: Rows) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple("NULL" if v is None else str(v)[:80] for v in row) for row in rows[:ROWS_SHOWN])


def _plain(value: Any) -> Any:
    """None, a number with two places, or a text without case."""
    if value is None:
        return None
    if not isinstance(value, int | float):  # a Decimal, or a number that is kept as a text, is a number too
        value = str(value).strip()
    try:
        return round(float(value), 2)
    except (ValueError, OverflowError):
        return str(value).lower()


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bool(a == b)


def _columns(gold: list[list[Any]], got: list[list[Any]]) -> bool:
    """Whether columns of `got` can be put in the gold columns' places so that all rows agree."""
    wanted = sorted(gold, key=str)
    places = [_candidates(gold, got, i) for i in range(len(gold[0]))]

    def fits(chosen: list[int]) -> bool:
        if len(chosen) == len(places):
            rows = sorted(([row[i] for i in chosen] for row in got), key=str)
            return all(_same(a, b) for x, y in zip(rows, wanted, strict=True) for a, b in zip(x, y, strict=True))
        return any(fits([*chosen, i]) for i in places[len(chosen)] if i not in chosen)

    return fits([])


def _candidates(gold: list[list[Any]], got: list[list[Any]], index: int) -> list[int]:
    """Columns of `got` that hold a gold column's values, in whatever order."""
    texts, numbers = _values(gold, index)
    found = []
    for place in range(len(got[0]) if got else 0):
        others, figures = _values(got, place)
        if others == texts and len(figures) == len(numbers) and all(map(_same, figures, numbers)):
            found.append(place)
    return found


def _values(rows: list[list[Any]], index: int) -> tuple[Counter[Any], list[float]]:
    column = [row[index] for row in rows]
    return Counter(v for v in column if not isinstance(v, float)), sorted(v for v in column if isinstance(v, float))


def _alike(gold: list[list[Any]], got: list[list[Any]]) -> list[int | None]:
    """For each gold column the column of `got` that shares most of its values, each used once; None where none does."""
    order: list[int | None] = []
    for index in range(len(gold[0]) if gold else 0):
        wanted = Counter(row[index] for row in gold)
        shared = {
            place: sum((wanted & Counter(row[place] for row in got)).values())
            for place in range(len(got[0]) if got else 0)
            if place not in order
        }
        best = max(shared, key=lambda p: (shared[p], -p), default=None)
        order.append(best if best is not None and shared[best] else None)
    return order
