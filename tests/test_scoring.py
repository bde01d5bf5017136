"""What counts as a right answer, held against a plain statement of the rules."""

from __future__ import annotations

import itertools
import math
import random
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.agents.scoring import difference, matches

Table = list[tuple[Any, ...]]


def _value(value: Any) -> Any:
    """The first rule: nothing, a number with two places (truth is 1 or 0), or a text without case and outer space."""
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        return round(float(value), 2)
    text = str(value).strip()
    try:
        return round(float(text), 2)
    except ValueError:
        return text.lower()


def _equal(a: Any, b: Any) -> bool:
    """The second: numbers to 0.1 percent or a cent, everything else exactly."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-3, abs_tol=0.011)
    return bool(a == b)


def _by_the_rules(gold: Table, got: Table) -> bool:
    """The third: some choice of as many columns, in some order, has the gold rows, both sorted by how they are written."""
    if len(gold) != len(got):
        return False
    if not gold:
        return True
    wanted = sorted([[_value(v) for v in row] for row in gold], key=str)
    plain = [[_value(v) for v in row] for row in got]
    for columns in itertools.permutations(range(len(plain[0])), len(wanted[0])):
        rows = sorted(([row[i] for i in columns] for row in plain), key=str)
        if all(_equal(a, b) for x, y in zip(rows, wanted, strict=True) for a, b in zip(x, y, strict=True)):
            return True
    return False


_NUMBERS = st.one_of(
    st.integers(-50, 50),
    st.floats(-1000, 1000, allow_nan=False).map(lambda f: round(f, 3)),
    st.decimals(-100, 100, places=3, allow_nan=False),
    st.sampled_from([0.0, 0.005, 0.015, 9.99, 10.0, 10.01, 1e6, 1e6 + 900, 1e6 + 1100, True, False, "10", " 9.99 "]),
)
_TEXTS = st.sampled_from(["a", "A", " a ", "b", "Ö", "ö", "10", "1e2", "nan", "", "2024-01-01", "true", "None"])
_MOMENTS = st.sampled_from([date(2024, 1, 1), datetime(2024, 1, 1), datetime(2024, 1, 1, 12, 30), date(2023, 12, 31)])
_CELLS = st.one_of(st.none(), _NUMBERS, _TEXTS, _MOMENTS)


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Table, Table]:
    """A table, and another that is mostly made of it: rows and columns mixed, columns added, cells changed a little."""
    width, height = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    gold = [tuple(draw(_CELLS) for _ in range(width)) for _ in range(height)]
    chance = random.Random(draw(st.integers(0, 10**9)))
    order = list(range(width))
    chance.shuffle(order)
    got = [[row[i] for i in order] for row in gold]
    chance.shuffle(got)
    for _ in range(draw(st.integers(0, 1))):
        at = chance.randint(0, width)
        got = [[*row[:at], draw(_CELLS), *row[at:]] for row in got]
    for row in got:
        for i, value in enumerate(row):
            if chance.random() < 0.1:
                row[i] = _nudged(chance, value)
    if got and chance.random() < 0.15:
        got[chance.randrange(len(got))] = [draw(_CELLS) for _ in got[0]]
    if got and chance.random() < 0.1:
        got.pop()
    return gold, [tuple(row) for row in got]


def _nudged(chance: random.Random, value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return float(value) * chance.choice([1.0, 1.0009, 1.0011]) + chance.choice([0.0, 0.004, 0.012])
    return str(value).upper() if chance.random() < 0.7 else f"{value}x"


@settings(max_examples=examples(600), deadline=None)
@given(_pairs())
def test_the_scorer_is_the_plain_statement_of_its_rules(pair: tuple[Table, Table]) -> None:
    gold, got = pair
    assert matches(gold, got) is _by_the_rules(gold, got)


@pytest.mark.parametrize(
    ("gold", "got", "right"),
    [
        ([(1, "a")], [("A", 1.0005)], True),
        ([(1, "a")], [("a", 1, "more")], True),
        ([(1, "a")], [(1,)], False),
        ([(1,), (2,)], [(2,), (1,)], True),
        ([(1,), (1,)], [(1,)], False),
        ([(1, 2), (3, 4)], [(1, 4), (3, 2)], False),
        ([], [], True),
        ([(None,)], [(0,)], False),
        ([(Decimal("0.50"),)], [(0.5,)], True),
        ([(100,)], [(100.2,)], False),
        ([(True,)], [(1,)], True),
        ([(float("nan"),)], [(float("nan"),)], False),
    ],
)
def test_what_is_right(gold: Table, got: Table, right: bool) -> None:
    assert matches(gold, got) is right
    assert _by_the_rules(gold, got) is right


def test_a_wide_table_of_equal_columns_is_judged_at_once() -> None:
    gold = [(n, n, n, n) for n in range(300)]
    assert matches(gold, [(n,) * 12 for n in range(300)])
    assert not matches(gold, [(n, n, n, n + 5) for n in range(300)])


def test_a_difference_shows_the_rows_that_tell() -> None:
    gold = [("DE", 3), ("FR", 1)]
    assert difference(["country", "n"], gold, [(3, "DE")]).reason == "2 rows wanted, 1 came"
    lacking = difference(["country", "n"], gold, [("DE", 2), ("FR", 1)])
    assert lacking.reason == "no column holds n"
    assert lacking.missing == (("DE", "3"),)
    assert lacking.extra == (("DE", "2"),)
    assert difference(["country", "n"], gold, [("DE", 1), ("FR", 3)]).reason == "the rows are put together otherwise"
    assert difference(["n"], [(None,)], []).missing == (("NULL",),)
