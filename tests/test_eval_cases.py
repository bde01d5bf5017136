"""The questions in `examples/evals/`: their gold queries run, find something, and tell right from wrong readings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

EVALS = Path(__file__).parent.parent / "examples" / "evals"
QUESTIONS = dict.fromkeys(("clinic", "dental", "gym", "market", "parcel", "tickets"), 30)
QUESTIONS |= dict.fromkeys(("energy", "fleet", "hire", "hotel", "insurance", "library"), 25)
"""How many questions each database has, translations not counted."""
DAYS = (None, "2027-01-01", "2028-02-29")
"""The day of loading: today, and days on which months and years are short of dates."""

Rows = list[tuple[Any, ...]]
Case = dict[str, Any]


def _cases(database: str) -> list[Case]:
    cases: list[Case] = json.loads((EVALS / f"{database}.json").read_text(encoding="utf-8"))
    return cases


def _on(day: str | None, sql: str) -> str:
    """The SQL as it would run on another day."""
    return sql if day is None else re.sub(r"\bCURRENT_DATE\b", f"DATE '{day}'", sql)


def _same(one: Rows, other: Rows) -> bool:
    """Whether the rows agree in any order, as far as a scorer with a tolerance of 0.1 % would tell them apart."""

    def cell(value: Any) -> str:
        try:
            return f"{float(value):.3g}"
        except (TypeError, ValueError):
            return str(value)

    return Counter(tuple(map(cell, row)) for row in one) == Counter(tuple(map(cell, row)) for row in other)


@pytest.fixture(
    scope="module",
    params=[(name, day) for name in QUESTIONS for day in DAYS],
    ids=lambda param: "-".join(str(part or "today") for part in param),
)
def loaded(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[tuple[list[Case], Callable[[str], Rows]]]:
    """The questions of a database and how to query it. It is alone in its PostgreSQL database: never committed."""
    name, day = request.param
    engine = sa.create_engine(postgres_url)
    connection = engine.raw_connection()
    cursor = connection.cursor()

    def rows(sql: str) -> Rows:
        cursor.execute(_on(day, sql))
        return list(cursor.fetchall())

    try:
        cursor.execute(_on(day, (EVALS / f"{name}.sql").read_text(encoding="utf-8")))
        yield _cases(name), rows
    finally:
        connection.rollback()
        connection.close()
        engine.dispose()


@pytest.mark.server
def test_every_accepted_query_finds_something(loaded: tuple[list[Case], Callable[[str], Rows]]) -> None:
    cases, rows = loaded
    found = {(case["id"], sql): rows(sql) for case in cases for sql in case["gold_sql"].split(";")}
    assert not [key for key, result in found.items() if not any(cell for row in result for cell in row)]


@pytest.mark.server
def test_no_top_n_is_decided_by_a_tie(loaded: tuple[list[Case], Callable[[str], Rows]]) -> None:
    cases, rows = loaded
    tied = []
    for case in cases:
        for sql in case["gold_sql"].split(";"):
            if limit := re.search(r"LIMIT (\d+)$", sql):
                with_ties = f"{sql[: limit.start()]}FETCH FIRST {limit[1]} ROWS WITH TIES"
                tied += [case["id"]] if len(rows(with_ties)) != int(limit[1]) else []
    assert tied == []


@pytest.mark.server
def test_a_wrong_reading_gives_another_result(loaded: tuple[list[Case], Callable[[str], Rows]]) -> None:
    cases, rows = loaded
    blind = []
    for case in cases:
        right = [rows(sql) for sql in case["gold_sql"].split(";")]
        blind += [(case["id"], sql) for sql in case["misreadings"] if any(_same(rows(sql), gold) for gold in right)]
    assert blind == []


@pytest.mark.parametrize("database", QUESTIONS)
def test_each_database_has_its_questions_written_out(database: str) -> None:
    cases = _cases(database)
    fields = {"id", "db", "category", "question", "instructions", "gold_sql", "misreadings"}
    assert all(case.keys() - {"language"} == fields and case["db"] == database for case in cases)
    assert all(case["question"] and case["category"] and case["gold_sql"] and case["misreadings"] for case in cases)
    ids = [f"{database}-{n:02}" for n in range(1, QUESTIONS[database] + 1)]
    assert [case["id"] for case in cases if "language" not in case] == ids


def test_a_translated_question_has_the_answer_of_the_original() -> None:
    cases = {case["id"]: case for case in _cases("hotel")}
    translated = [case for case in cases.values() if "language" in case]
    assert Counter(case["language"] for case in translated) == {"de": 5, "es": 5}
    for case in translated:
        original = cases[case["id"].removesuffix(f"-{case['language']}")]
        assert case["gold_sql"] == original["gold_sql"]
        assert case["question"] != original["question"]
        assert bool(case["instructions"]) == bool(original["instructions"])


def test_there_are_ten_unanswerable_questions_for_each_database() -> None:
    questions = json.loads((EVALS / "unanswerable.json").read_text(encoding="utf-8"))
    assert Counter(case["db"] for case in questions) == dict.fromkeys(QUESTIONS, 10)
    assert len({case["question"] for case in questions}) == len(questions)
