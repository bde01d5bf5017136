"""What code reads in a question before a model writes: times, columns, values, and what follows from them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.agents import draft, linking, periods, wording
from groundwire.agents.evidence import Evidence
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Entity, Field, Relation

CUSTOMERS = Entity(
    source="crm",
    name="customers",
    primary_key=("id",),
    fields=(
        Field(name="id", type=pa.int64()),
        Field(name="name", type=pa.string()),
        Field(name="country", type=pa.string(), values=("Germany", "France", "USA")),
        Field(name="industry", type=pa.string(), values=("Retail", "Energy")),
        Field(name="joined_on", type=pa.date32()),
    ),
)
ORDERS = Entity(
    source="shop",
    name="orders",
    primary_key=("id",),
    fields=(
        Field(name="id", type=pa.int64()),
        Field(name="customer_id", type=pa.int64()),
        Field(name="payer_id", type=pa.int64()),
        Field(name="status", type=pa.string(), values=("open", "paid", "cancelled")),
        Field(name="total", type=pa.float64()),
        Field(name="ordered_at", type=pa.timestamp("us")),
    ),
    relations=(
        Relation(name="customer", target="crm.customers", on=(("customer_id", "id"),)),
        Relation(name="payer", target="crm.customers", on=(("payer_id", "id"),)),
    ),
)
ENTITIES = (CUSTOMERS, ORDERS)
NAMES = {"crm.customers": "customers", "shop.orders": "orders"}


@pytest.mark.parametrize(
    ("question", "conditions"),
    [
        ("orders on 2023-04-01", [(">= '2023-04-01'", "< '2023-04-02'")]),
        ("between Jan 1, 2023 and Mar 31, 2023", [(">= '2023-01-01'", "< '2023-04-01'")]),
        ("from 1 April 2023 to 4 April 2023", [(">= '2023-04-01'", "< '2023-04-05'")]),
        ("between 2023-06-01 inclusive and 2023-06-08 exclusive", [(">= '2023-06-01'", "< '2023-06-08'")]),
        ("since May 2023", [(">= '2023-05-01'",)]),
        ("before 2024", [("< '2024-01-01'",)]),
        ("in December 2023", [(">= '2023-12-01'", "< '2024-01-01'")]),
        ("in the 1st quarter of 2023", [(">= '2023-01-01'", "< '2023-04-01'")]),
        ("in Q4 2023", [(">= '2023-10-01'", "< '2024-01-01'")]),
        ("in the past 30 days", [(">= CURRENT_DATE - INTERVAL '30 days'",)]),
        ("in the past 7 days, inclusive of today", [(">= CURRENT_DATE - INTERVAL '6 days'",)]),
        (
            "last 2 months excluding the current month",
            [(">= DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months'", "< DATE_TRUNC('month', CURRENT_DATE)")],
        ),
        (
            "last week",
            [(">= DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week'", "< DATE_TRUNC('week', CURRENT_DATE)")],
        ),
        ("this year", [(">= DATE_TRUNC('year', CURRENT_DATE)",)]),
        ("yesterday", [(">= CURRENT_DATE - INTERVAL '1 day'", "< CURRENT_DATE")]),
        ("on February 30, 2023", [(">= '2023-01-01'", "< '2024-01-01'")]),  # no such day; the year is left
        ("the 5 newest orders", []),
    ],
)
def test_times_are_counted_by_the_calendar(question: str, conditions: list[tuple[str, ...]]) -> None:
    assert [s.conditions for s in periods.find(question)] == conditions


def _links(question: str) -> dict[str, str]:
    return {
        link.phrase: link.text.removeprefix(f"{link.phrase} is ") for link in linking.find(question, ENTITIES, NAMES)
    }


def test_words_are_found_as_columns_and_values() -> None:
    assert _links("total per industry of customers in Germany") == {
        "industry": "customers.industry",
        "Germany": "customers.country = 'Germany'",
    }
    assert _links("What is the order status?") == {"order status": "orders.status"}
    assert _links("What is the weather?") == {}


@pytest.mark.parametrize(
    ("question", "sure"),
    [
        ("How many paid orders are there?", ["orders.status = 'paid'"]),
        ("orders that are 'open'", ["orders.status = 'open'"]),
        ("customers in Germany", ["customers.country = 'Germany'"]),
        ("customers in Germany and France", []),
        ("orders that are not paid", []),
        ("all orders excluding cancelled orders", []),
    ],
)
def test_what_leaves_no_doubt_must_be_in_the_query(question: str, sure: list[str]) -> None:
    found = linking.find(question, ENTITIES, NAMES)
    assert [f"{link.columns[0]}{link.comparison}" for link in found if link.sure] == sure


def test_what_is_asked_per_value_is_shown() -> None:
    assert [x.columns for x in linking.find("total per industry", ENTITIES, NAMES) if x.grouped] == [
        ("customers.industry",)
    ]


def test_a_value_needs_a_reason() -> None:
    status = ORDERS.field("status")
    none = Evidence("How many orders are there per country?", "", ENTITIES)
    assert not any(none(status, v) for v in status.values)
    some = Evidence("What share of orders was cancelled?", "", ENTITIES)
    assert [v for v in status.values if some(status, v)] == ["cancelled"]
    unclear = Evidence("How many orders are overdue?", "", ENTITIES)
    assert all(unclear(status, v) for v in status.values)


def test_words_that_nobody_knows_raise_doubt() -> None:
    assert Evidence("How many orders are paid per country?", "", ENTITIES).unknown_words == []
    assert Evidence("What dividend do orders pay?", "", ENTITIES).unknown_words == ["dividend"]
    assert Evidence("What is the ARPU?", "ARPU = total / customers", ENTITIES).unknown_words == []
    assert Reading("Who won the football match?", "", ENTITIES, NAMES).doubt > 1


def test_a_draft_starts_at_the_table_that_reaches_everything_shown() -> None:
    def tables(first: str, *required: str) -> tuple[str, ...]:
        return draft.start(first, ENTITIES, NAMES, required).tables

    assert tables("SELECT customers.country, COUNT(customers.*) FROM ") == ("customers",)
    assert tables("SELECT customers.country, SUM(orders.total) FROM ") == ("orders",)
    assert tables("SELECT payer.name FROM ") == ("orders",)
    assert tables("SELECT customers.country, COUNT(customers.*) FROM ", "orders.status = 'paid'") == ("orders",)


def _sql(written: str, question: str = "") -> str:
    return draft.to_sql(written, ENTITIES, NAMES, wording.read(question))


def test_times_counts_and_groups_become_sql() -> None:
    question = "in 2023"
    made = _sql(
        "SELECT customers.country, COUNT(customers.*) AS n FROM orders WHERE orders.ordered_at DURING '2023'", question
    )
    assert "COUNT(DISTINCT" in made
    assert "ordered_at >= '2023-01-01' AND" in made
    assert "< '2024-01-01'" in made
    assert "GROUP BY" in made
    assert "COUNT(*)" in _sql("SELECT COUNT(orders.*) FROM orders")
    window = "SELECT orders.id, ROW_NUMBER() OVER (ORDER BY orders.total) FROM orders"
    assert "GROUP BY" not in _sql(window)


def test_of_two_ways_the_one_that_is_spoken_of_is_taken() -> None:
    written = "SELECT customers.name FROM orders"
    assert '"payer".name' in _sql(written, "orders by name of the payer")
    assert '"customer".name' in _sql(written, "orders with names")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.x = 1 OR a.x = 2 AND a.y = 3", "(a.x = 1 OR a.x = 2) AND a.y = 3"),
        ("a.y = 3 AND a.x = 1 OR a.x = 2", "a.y = 3 AND (a.x = 1 OR a.x = 2)"),
        ("a.x = 1 OR a.y = 2 AND a.z = 3", "a.x = 1 OR a.y = 2 AND a.z = 3"),
        ("a.x = 1 OR a.x = 2", "a.x = 1 OR a.x = 2"),
    ],
)
def test_alternatives_of_one_column_belong_together(written: str, meant: str) -> None:
    assert _sql(f"SELECT a.x FROM a WHERE {written}").endswith(f"WHERE {meant}")


@pytest.mark.parametrize(
    "broken", ["SELECT orders.id, SUM(", "SELECT orders.id", "SELECT orders.id FROM orders WHERE ("]
)
def test_a_draft_that_broke_off_stays_as_it_is(broken: str) -> None:
    assert _sql(broken) == broken
