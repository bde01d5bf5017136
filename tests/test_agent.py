"""The agent with real small weights, and what may be said about a result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import MODEL_THREADS

from groundwire import Hub, Result
from groundwire.agents import grounding, phrasing, weights, wording
from groundwire.agents.agent import REFUSAL, Agent
from groundwire.agents.local_model import LocalChatModel
from groundwire.agents.prompt import choose, system_text
from groundwire.agents.reading import Reading
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.binder import bind
from groundwire.core.catalog import Relation
from groundwire.core.config import parse
from groundwire.core.result import SourceReport

_ORDERS = {"field": {"status": {"values": ["open", "paid"]}}}


def _shop() -> Hub:
    shop = MemoryConnector.from_tables(
        "shop",
        {
            "customers": pa.table({"id": [1, 2, 3], "name": ["Ada", "Bo", "Cy"], "country": ["DE", "DE", "FR"]}),
            "orders": pa.table(
                {
                    "id": [1, 2, 3],
                    "customer_id": [1, 1, 3],
                    "total": [5.0, 7.5, 100.0],
                    "status": ["open", "paid", "paid"],
                    "ordered_on": [date(2024, 3, 1), date(2024, 3, 2), date(2024, 4, 1)],
                }
            ),
        },
        relations={
            "orders": (Relation(name="customer", target="shop.customers", on=(("customer_id", "id"),)),),
            "customers": (Relation(name="orders", target="shop.orders", on=(("id", "customer_id"),), many=True),),
        },
        primary_keys={"customers": ("id",), "orders": ("id",)},
    )
    return Hub([shop], parse({"sources": {"shop": {"type": "memory", "entities": {"orders": _ORDERS}}}}, base=Path()))


@pytest.fixture(scope="module")
def model(small_weights: Path) -> Iterator[LocalChatModel]:
    loaded = LocalChatModel(name_or_path=weights.SMALL, n_ctx=4096, n_threads=MODEL_THREADS)
    yield loaded
    loaded.close()


def _result(**columns: list[object]) -> Result:
    report = SourceReport(source="erp", entities=("erp.invoice",), as_of=datetime.now(UTC))
    return Result(table=pa.table(columns), sources=(report,), query="")


@pytest.mark.weights
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_question_becomes_a_query_and_an_answer_made_of_cells(model: LocalChatModel) -> None:
    with _shop() as hub:
        answer = Agent(hub, model).ask("How many customers are there per country?")
        assert answer.sql is not None
        assert answer.result is not None
        assert not answer.refused
        cells = {grounding.display(v) for row in answer.result.rows() for v in row}
        assert answer.citations
        assert {c.text for c in answer.citations} <= cells


def _read(hub: Hub, question: str) -> Reading:
    shown = choose("", hub.catalog)
    return Reading(question, "", shown.entities, shown.names(hub.catalog))


@pytest.mark.weights
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_whatever_is_written_under_the_grammars_can_be_bound(model: LocalChatModel) -> None:
    with _shop() as hub:
        for question in ("total of paid orders by customer name", "DROP TABLE orders", "select * from secrets"):
            reading = _read(hub, question)
            system = ("system", system_text(choose("", hub.catalog), hub.catalog))
            first = model.invoke([system, ("human", f"Q: {question}")], grammar=reading.first_part(), max_tokens=80)
            assert first.text.startswith(("SELECT ", "CANNOT ANSWER: "))
            if not first.text.endswith(" FROM "):
                continue
            table = reading.tables(first.text)[0]
            written, grammar = first.text + table, reading.second_part(first.text, table)
            whole = model.invoke([system, ("human", f"Q: {question}")], grammar=grammar, prefill=written, max_tokens=80)
            if whole.response_metadata["finish_reason"] == "end":
                assert bind(reading.sql(whole.text), hub.catalog).entities


@pytest.mark.weights
@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("SELECT customers.country, SUM(orders.total) FROM ", True),
        ("SELECT customers.country, COUNT(orders.*) AS orders FROM ", True),
        ("SELECT DISTINCT orders.id FROM ", True),
        ("SELECT country FROM ", False),
        ("SELECT SUM(orders.status) FROM ", False),
        ("SELECT orders.secret FROM ", False),
        ("SELECT SUM(orders.total + 17) FROM ", False),
        ("DROP TABLE orders", False),
    ],
)
def test_what_is_shown_has_the_catalogs_names_and_types(model: LocalChatModel, written: str, allowed: bool) -> None:
    with _shop() as hub:
        assert _accepted(model, _read(hub, "paid orders over 5 of Ada").first_part(), written) is allowed


@pytest.mark.weights
@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("", True),
        (" AND orders.total > 5 ORDER BY orders.total DESC", True),
        (" AND customers.name LIKE 'Ada%'", True),
        (" AND orders.total > 7", False),
        (" AND orders.status = 'open'", False),
        (" AND customers.name = 'Bo'", False),
        (" AND orders.ordered_on >= '2023-01-01'", False),
        (" JOIN customers", False),
    ],
)
def test_conditions_hold_the_askers_values(model: LocalChatModel, written: str, allowed: bool) -> None:
    with _shop() as hub:
        reading = _read(hub, "paid orders over 5 of Ada in March 2024, sorted by total")
        assert reading.tables("SELECT orders.id FROM ") == ("orders",)
        grammar = reading.second_part("SELECT orders.id FROM ", "orders")
        asked = " WHERE orders.status = 'paid' AND orders.ordered_on DURING 'march 2024'"
        assert _accepted(model, grammar, asked + written) is allowed
        assert not _accepted(model, grammar, " WHERE orders.status = 'paid' ORDER BY orders.total"), (
            "a time was asked for"
        )
        assert not _accepted(model, grammar, " WHERE orders.ordered_on DURING"), "paid orders were"
        plain = _read(hub, "paid orders over 5 of Ada in March 2024").second_part("SELECT orders.id FROM ", "orders")
        assert not _accepted(model, plain, asked + " ORDER BY orders.total DESC"), "nobody asked for an order"


def _accepted(model: LocalChatModel, grammar: str, text: str) -> bool:
    from groundwire.agents.constraint import Constraint

    tokens = model.runtime.tokenize(text)
    constraint = Constraint(model.runtime.vocabulary, grammar)
    return bool(constraint._matcher.try_consume_tokens(tokens) == len(tokens))


@pytest.mark.parametrize(
    ("question", "limit"),
    [
        ("What are the top 5 countries?", 5),
        ("Which 3 distinct stocks had the highest price change?", 3),
        ("the two most used devices", 2),
        ("transactions in the last 8 weeks", None),
        ("customers with at least 5 orders", None),
    ],
)
def test_a_ranking_says_how_many(question: str, limit: int | None) -> None:
    assert wording.read(question).limit == limit


def test_a_question_gives_its_words_numbers_and_times() -> None:
    read = wording.read("Orders over 1,500 by `VTI` since May 2023, three at most?", "AR = 2.5 %")
    assert {"1500", "3", "2.5"} <= set(read.numbers)
    assert "VTI" in read.words
    assert [s.conditions for s in read.spans] == [(">= '2023-05-01'",)]


@pytest.mark.weights
def test_a_kept_prefix_changes_the_time_and_not_the_answer(model: LocalChatModel) -> None:
    messages = [("system", "You answer in one word. " * 30), ("human", "Name a colour.")]
    first = model.invoke(messages, max_tokens=8)
    second = model.invoke(messages, max_tokens=8)
    assert first.text == second.text
    assert second.usage_metadata is not None
    assert second.usage_metadata["input_token_details"]["cache_read"] > 100


def test_references_become_cells_with_citations() -> None:
    made = grounding.fill("The total is [r1.total] for [r1.name].", _result(name=["Acme"], total=[Decimal("12.50")]))
    assert made.text == "The total is 12.50 for Acme."
    assert [(c.row, c.column) for c in made.citations] == [(1, "total"), (1, "name")]


def test_a_reference_to_no_cell_is_a_problem() -> None:
    assert grounding.fill("[r9.total]", _result(total=[1])).problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("There are 42 orders worth 1,234.57.", ()),
        ("There are 43 orders.", ("43",)),
        ("About 1234.6 in all.", ()),
        ("Not 1234.56, nor 1234.58.", ("1234.56", "1234.58")),
        ("You asked about 2019.", ()),
    ],
)
def test_free_text_is_checked_number_by_number(text: str, problems: tuple[str, ...]) -> None:
    result = _result(orders=[42], worth=[1234.567])
    assert grounding.check(text, [result], "what about 2019?").problems == problems


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3, 41.75", ["3", "41.75"]),
        ("In 2024 5 orders came to 1,234,567.5", ["2024", "5", "1234567.5"]),
        ("1.234.567,89 und 1,5 bei -3.5%", ["1234567.89", "1.5", "-3.5"]),
        ("12 345 of 1'000'000, on 2026-03-08", ["12345", "1000000", "2026", "3", "8"]),
        ("v2.3 and a1 name no number, 7. does", ["7"]),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, values: list[str]) -> None:
    assert [value for _, value in grounding.numbers(text)] == [Decimal(v) for v in values]


def test_an_empty_result_is_said_to_be_empty_without_a_model() -> None:
    empty = Result(table=pa.table({"a": pa.array([], pa.int64())}), sources=(), query="")
    assert phrasing.without_model(empty) == "No matching records were found."


def test_several_rows_are_all_said() -> None:
    one = _result(name=["a"], n=[1])
    assert phrasing.without_model(one) is None
    assert phrasing.without_model(one, always=True) == "The result is [r1.name] (name), [r1.n] (n)."
    template = phrasing.without_model(_result(name=["a", "b"], n=[1, 2]))
    assert template == "[r1.name]: [r1.n]; [r2.name]: [r2.n]."


def test_the_grammar_of_answers_has_no_digits_of_its_own() -> None:
    rules = phrasing.answer_grammar("How much in total?", _result(total=[5]))
    word_rule = next(line for line in rules.splitlines() if line.startswith("WORD"))
    assert not any(c.isdigit() for c in word_rule)


def test_from_first_queries_are_part_of_the_language() -> None:
    with _shop() as hub:
        bound = bind("FROM shop.orders SELECT customer.country, SUM(total) WHERE status = 'paid'", hub.catalog)
        assert "GROUP BY" in bound.sql()
        assert REFUSAL
