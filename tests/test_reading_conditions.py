"""Conditions that code reads off a question: how texts are written, which record is meant, and what there is of each."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp
from test_reading import CUSTOMERS, ENTITIES, NAMES, ORDERS

from groundwire.agents import draft, matching, naming, numbered, periods, wording
from groundwire.agents.countries import spoken
from groundwire.agents.linking import Words
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Entity, Field, Relation

MAILED = replace(
    CUSTOMERS,
    fields=(*CUSTOMERS.fields, Field(name="email", type=pa.string()), Field(name="remark", type=pa.string())),
)
LEVELLED = replace(ORDERS, fields=(*ORDERS.fields, Field(name="payer_level", type=pa.int64())))


def words(question: str, *entities: Entity) -> Words:
    return Words(question, entities or (MAILED, ORDERS), NAMES)


@pytest.mark.parametrize(
    ("question", "conditions"),
    [
        ("customers whose name starts with A", ["LOWER(customers.name) LIKE 'a%'"]),
        ("customers whose name ends in 'son' please", ["LOWER(customers.name) LIKE '%son'"]),
        (
            "customers whose name starts with A or ends with 'son', and whose email contains 'web'",
            [
                "(LOWER(customers.name) LIKE 'a%' OR LOWER(customers.name) LIKE '%son')",
                "LOWER(customers.email) LIKE '%web%'",
            ],
        ),
        (
            "customers whose remark contains late or broken",
            ["(LOWER(customers.remark) LIKE '%late%' OR LOWER(customers.remark) LIKE '%broken%')"],
        ),
        ("customers whose remark does not contain 'late'", ["LOWER(customers.remark) NOT LIKE '%late%'"]),
        (
            "customers whose name contains 'a', 'b' or 'c'",
            [
                "(LOWER(customers.name) LIKE '%a%' OR LOWER(customers.name) LIKE '%b%' OR LOWER(customers.name) LIKE '%c%')",
            ],
        ),
        ("customers with a .org email", ["LOWER(customers.email) LIKE '%.org'"]),
        ("orders of customers with a gmail.com email address", ["LOWER(customers.email) LIKE '%gmail.com%'"]),
        ('customers whose name contains "O\'Neil"', ["LOWER(customers.name) LIKE '%o''neil%'"]),
        # an alternative to something else, what nobody can place, and what is no text at all
        ("customers whose name starts with A or whose country is France", []),
        ("customers whose nickname starts with A", []),
        ("orders that contain at least 3 items", []),
        ("the period starting with May 2023", []),
    ],
)
def test_what_is_said_of_texts_becomes_a_condition(question: str, conditions: list[str]) -> None:
    assert [m.condition for m in matching.find(words(question))] == conditions


def test_a_text_that_is_looked_for_is_looked_for_once_and_only_there() -> None:
    reading = Reading("How many customers whose name contains 'berg' are there?", "", (MAILED, ORDERS), NAMES)
    second = reading.second_part("SELECT COUNT(customers.*) FROM ", "customers")
    assert "WHERE LOWER(customers.name) LIKE '%berg%'" in second
    assert "\nTEXT:" not in second
    told = Reading("How many orders did berg people make?", "(customer name contains 'berg')", (MAILED, ORDERS), NAMES)
    second = told.second_part("SELECT COUNT(orders.*) FROM ", "orders")
    assert "WHERE LOWER(customers.name) LIKE '%berg%'" in second
    assert "\nTEXT:" not in second


@pytest.mark.parametrize(
    ("question", "tests"),
    [
        ("the total of the order with ID 4", ["orders.id = 4"]),
        ("What did order #17 cost?", ["orders.id = 17"]),
        ("orders of payer level 2", ["orders.payer_level = 2"]),
        ("orders (payer_level = 2) of customers", ["orders.payer_level = 2"]),
        ("orders of payer level 2 or above", []),
        ("orders of payer level 2 and of payer level 3", []),
        ("orders within 4 days", []),
        ("the 4 newest orders", []),
    ],
)
def test_a_number_tells_which_record_or_kind_is_meant(question: str, tests: list[str]) -> None:
    found = numbered.find(words(question, MAILED, LEVELLED))
    assert [f"{n.link.columns[0]}{n.link.comparison}" for n in found] == tests


def test_a_number_that_tells_a_record_is_compared_with_nothing_else() -> None:
    reading = Reading("What is the total of the order with ID 4711?", "", ENTITIES, NAMES)
    second = reading.second_part("SELECT SUM(orders.total) FROM ", "orders")
    assert "orders.id = 4711" in second
    assert "\nASKED:" not in second


def test_codes_of_countries_are_known_by_their_names() -> None:
    coded = replace(CUSTOMERS, fields=(Field(name="country", type=pa.string(), values=("DE", "GB", "US")),))
    link = next(iter(words("How many customers from Great Britain are there?", coded).named()))
    assert (link.columns, link.values, link.sure) == (("customers.country",), ("GB",), True)
    assert "german" in spoken(coded.field("country"))["DE"]
    assert spoken(Field(name="state", type=pa.string(), values=("CA", "WA")))["WA"] == ("washington",)
    assert spoken(Field(name="grade", type=pa.string(), values=("DE", "XX", "YY"))) == {}
    assert spoken(Field(name="country", type=pa.string(), values=("Germany",))) == {}


def test_what_a_record_is_called_by_says_nothing_of_its_state() -> None:
    bookings = Entity(
        source="shop",
        name="bookings",
        primary_key=("id",),
        fields=(
            Field(name="id", type=pa.int64()),
            Field(name="state", type=pa.string(), values=("booked", "held", "cancelled")),
        ),
    )
    names = {"shop.bookings": "bookings"}

    def tests(question: str) -> str:
        reading = Reading(question, "", (bookings,), names)
        return reading.second_part("SELECT COUNT(bookings.*) FROM ", "bookings")

    assert "booked" not in tests("How many people booked?")
    assert "booked" not in tests("How many bookings are there?")
    assert "bookings.state = 'booked'" in tests("How many booked bookings are there?")
    assert "'booked'" in tests("How many bookings are 'booked'?")


def test_one_word_of_several_values_means_all_of_them() -> None:
    events = Entity(
        source="shop",
        name="events",
        fields=(Field(name="kind", type=pa.string(), values=("Live Music", "Music Festival", "Comedy")),),
    )
    found = Words("How many music events are there?", (events,), {"shop.events": "events"}).named()
    assert [(x.values, x.sure) for x in found] == [(("Live Music", "Music Festival"), True)]


def test_what_happened_need_not_have_happened_to_all() -> None:
    paid = replace(ORDERS, fields=(*ORDERS.fields, Field(name="shipped_at", type=pa.timestamp("us"), nullable=True)))

    def second(question: str) -> str:
        return Reading(question, "", (CUSTOMERS, paid), NAMES).second_part("SELECT orders.id FROM ", "orders")

    assert "orders.shipped_at IS NOT NULL" in second("Which orders have been shipped?")
    assert "orders.shipped_at IS NOT NULL" not in second("Which orders were not shipped?")
    assert "orders.shipped_at IS NOT NULL" not in second("How many days passed until orders were shipped?")


def test_only_what_is_of_the_last_moment_counts() -> None:
    stock = Entity(
        source="shop",
        name="stock",
        fields=(Field(name="counted_on", type=pa.date32()), Field(name="pieces", type=pa.int64())),
    )
    names = {"shop.stock": "stock"}

    def second(question: str) -> str:
        return Reading(question, "", (stock,), names).second_part("SELECT SUM(stock.pieces) FROM ", "stock")

    latest = "stock.counted_on = (SELECT MAX(stock.counted_on) FROM stock)"
    assert latest in second("How many pieces are in stock for the latest counted on date?")
    during = "(SELECT MIN(stock.counted_on) FROM stock WHERE stock.counted_on DURING '2024')"
    assert during in second("How many pieces were in stock on the earliest counted on date in 2024?")
    assert "SELECT MAX" not in second("What is the latest counted on date?").partition("\n")[2].partition("\n")[0]


def test_those_without_any_are_shown_where_the_asker_wants_them() -> None:
    way = Relation(name="orders", target="shop.orders", on=(("id", "customer_id"),), many=True)
    entities = (replace(CUSTOMERS, relations=(way,)), ORDERS)
    reading = Reading(
        "What is the name of all customers, and what their orders' total?",
        "0 for customers without orders",
        entities,
        NAMES,
    )
    first = "SELECT customers.name, SUM(orders.total) AS total, COUNT(orders.*) AS count FROM "
    assert reading.tables(first) == ("customers",)
    assert not reading.wording.absence
    made = reading.sql(f"{first}customers")
    assert "COALESCE(SUM(orders.total), 0)" in made
    assert 'COUNT(orders."id")' in made
    plain = Reading("What total does each customer have?", "", entities, NAMES)
    assert plain.tables(first) == ("orders",)


def test_who_is_left_out_for_having_none_leaves_no_condition_behind() -> None:
    way = Relation(name="orders", target="shop.orders", on=(("id", "customer_id"),), many=True)
    entities = (replace(CUSTOMERS, relations=(way,)), replace(ORDERS, relations=ORDERS.relations[:1]))
    reading = Reading("Return the name of each customer. Ignore customers without any orders.", "", entities, NAMES)
    assert not reading.wording.absence
    assert Reading("Return customers without any orders.", "", entities, NAMES)._lack is not None


def test_a_first_part_that_no_table_reaches_is_asked_for_again_with_fewer() -> None:
    stock = Entity(
        source="shop", name="stock", fields=(Field(name="day", type=pa.date32()), Field(name="pieces", type=pa.int64()))
    )
    names = {**NAMES, "shop.stock": "stock"}
    reading = Reading("What is the total of orders of customers?", "", (CUSTOMERS, ORDERS, stock), names)
    assert not reading.narrowed("SELECT customers.name, SUM(orders.total) FROM ")
    reading.entities = (CUSTOMERS, ORDERS, stock)
    assert reading.narrowed("SELECT stock.pieces, SUM(orders.total) FROM ")
    assert '"stock"' not in reading.first_part()


def test_half_years_are_spans() -> None:
    assert periods.find("the first half of 2024")[0].conditions == (">= '2024-01-01'", "< '2024-07-01'")
    assert periods.find("H2 2023")[0].conditions == (">= '2023-07-01'", "< '2024-01-01'")


def test_what_is_not_asked_per_value_is_not() -> None:
    said = wording.read("the difference over the whole period, not per day")
    assert (said.period, said.absence) == ("", False)
    assert wording.read("the difference per day").period == "day"


def test_per_value_only_aggregates_are_computed_with() -> None:
    reading = Reading("What is the net total of orders per industry?", "", ENTITIES, NAMES)
    first = reading.first_part()
    assert 'query: "SELECT " ("customers.industry, ") grouped (", " grouped)' in first
    assert "item (" in Reading("What is the total?", "", ENTITIES, NAMES).first_part()
    assert "item (" not in first


def _sql(text: str, question: str, hints: str = "") -> exp.Expression:
    said = wording.read(question, hints)
    return sqlglot.parse_one(draft.to_sql(text, ENTITIES, NAMES, said), dialect="duckdb")


def test_a_change_is_divided_by_what_the_asker_says() -> None:
    text = (
        "SELECT customers.industry, DATE_TRUNC('month', orders.ordered_at) AS month, (SUM(orders.total) - LAG(SUM(orders.total))"
        " OVER (PARTITION BY orders.payer_id ORDER BY DATE_TRUNC('month', orders.ordered_at))) / SUM(orders.total) AS growth FROM orders"
    )
    made = _sql(text, "growth per month", "growth = (total this month - total previous month) / total previous month")
    windows = list(made.find_all(exp.Window))
    assert [w.args["partition_by"][0].sql() for w in windows] == ['orders."customer".industry'] * 2
    assert made.find(exp.Div).expression.find(exp.Lag) is not None
    plain = _sql(text, "growth per month", "growth = (total this month - total previous month) / total this month")
    assert plain.find(exp.Div).expression.find(exp.Lag) is None


def test_days_to_the_first_are_those_to_the_first_of_each() -> None:
    text = "SELECT customers.id, DATE_DIFF('day', orders.ordered_at, customers.joined_on) AS days FROM orders"
    made = _sql(text, "days from joining to the first order of each customer").sql("duckdb")
    assert "DATE_DIFF('DAY', orders.\"customer\".joined_on, MIN(orders.ordered_at))" in made
    assert made.endswith('GROUP BY orders."customer".id, orders."customer".joined_on')


def test_seconds_of_two_moments_are_seconds_between_them() -> None:
    text = "SELECT (EXTRACT(EPOCH FROM orders.ordered_at) - EXTRACT(EPOCH FROM customers.joined_on)) / 1 AS minutes FROM orders"
    made = _sql(text, "How many minutes passed?").sql("duckdb")
    assert "/ 60" in made
    assert "/ 1)" not in made


def test_none_within_so_long_of_what_its_owner_did() -> None:
    way = Relation(name="orders", target="shop.orders", on=(("id", "customer_id"),), many=True)
    entities = (replace(CUSTOMERS, relations=(way,)), replace(ORDERS, relations=ORDERS.relations[:1]))
    question = "Which customers did not place an order within the first 6 months of joining? Return their names."
    lack = Reading(question, "", entities, NAMES)._lack
    assert lack is not None
    joined = "orders.customer.joined_on"
    assert f"orders.ordered_at BETWEEN {joined} AND {joined} + INTERVAL '6 months'" in lack.condition
    other = "Which customers did not place an order within the first 6 months of dreaming of a car?"
    assert Reading(other, "", entities, NAMES)._lack is None


def test_a_word_is_looked_for_where_the_hints_have_wildcards() -> None:
    noted = replace(
        ORDERS,
        fields=(*ORDERS.fields, Field(name="note", type=pa.string(), values=("Gift wrapped", "A gift", "Fragile"))),
    )
    hints = "The note should be matched with wildcards, e.g. LOWER(orders.note) LIKE '%...%'."
    reading = Reading("How many orders of customers are a gift?", hints, (CUSTOMERS, noted), NAMES)
    assert "LOWER(orders.note) LIKE '%gift%'" in reading.second_part("SELECT COUNT(orders.*) FROM ", "orders")
    assert not reading.wording.parts
    assert not reading.wording.percent


def test_words_that_name_a_column_are_no_reason_for_a_value() -> None:
    tools = Entity(
        source="shop",
        name="tools",
        fields=(
            Field(name="power_source", type=pa.string()),
            Field(name="kind", type=pa.string(), values=("Power tools", "Pumps")),
            Field(name="price", type=pa.float64()),
        ),
    )
    names = {"shop.tools": "tools"}
    first = "SELECT tools.power_source, AVG(tools.price) AS average FROM "
    second = Reading("What is the average price per power source?", "", (tools,), names).second_part(first, "tools")
    assert "Power tools" not in second
    second = Reading("What is the average price of power tools?", "", (tools,), names).second_part(first, "tools")
    assert "Power tools" in second


def test_what_is_named_right_before_a_verb_has_done_it() -> None:
    opened = replace(CUSTOMERS, fields=(*CUSTOMERS.fields, Field(name="ordered_on", type=pa.date32())))
    question = "How many were ordered by customers last week, orders or not?"
    links = {x.phrase: x.columns for x in Words(question, (opened, ORDERS), NAMES).named()}
    assert len(links["ordered"]) == 2
    question = "For customers in France, how many orders were ordered last week?"
    links = {x.phrase: x.columns for x in Words(question, (opened, ORDERS), NAMES).named()}
    assert links["ordered"] == ("orders.ordered_at",)


def test_what_falls_into_the_same_month_is_a_condition() -> None:
    question = "How many orders were ordered in the same month that their customer joined?"
    second = Reading(question, "", ENTITIES, NAMES).second_part("SELECT COUNT(orders.*) FROM ", "orders")
    assert "DATE_TRUNC('month', orders.ordered_at) = DATE_TRUNC('month', customers.joined_on)" in second
    question = "How many orders were ordered after their customer joined?"
    second = Reading(question, "", ENTITIES, NAMES).second_part("SELECT COUNT(orders.*) FROM ", "orders")
    assert "WHERE DATE_TRUNC" not in second


def test_tables_that_hints_count_are_no_number_of_the_data() -> None:
    assert wording.read("", "If events from 2 different tables are to be joined").numbers == ()
    assert wording.read("orders of more than 2 pieces").numbers == ("2",)


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("shippedon", "shipped on"),
        ("startsat", "starts at"),
        ("reason", "reason"),
        ("format", "format"),
        ("region", "region"),
        ("orderno", "order no"),
        ("custname", "cust name"),
    ],
)
def test_names_of_one_word_are_taken_apart_where_both_parts_are_words(name: str, bare: str) -> None:
    entity = Entity(source="s", name="t", fields=tuple(Field(name=n, type=pa.string()) for n in (name, "other", "zip")))
    assert naming.bare(entity.field(name), entity) == bare


def test_a_price_for_a_time_is_no_share() -> None:
    assert not wording.read("What is the average day rate per model?").parts
    assert wording.read("What is the late return rate per model?").parts


def test_what_a_model_repeats_is_said_once() -> None:
    text = (
        "SELECT COUNT(orders.*) FROM orders WHERE orders.status IN ('open', 'open', 'paid') AND orders.total > 1"
        " AND orders.total > 1 AND orders.total > 1"
    )
    made = _sql(text, "How many orders are open or paid?").sql("duckdb")
    assert made == "SELECT COUNT(*) AS orders FROM orders WHERE orders.status IN ('open', 'paid') AND orders.total > 1"


def test_a_column_is_named_with_a_preposition_between_its_words() -> None:
    stock = Entity(source="s", name="stock", fields=(Field(name="crates_shed", type=pa.int64()),))
    found = Words("How many crates in the shed are there?", (stock,), {"s.stock": "stock"}).named()
    assert [x.columns for x in found] == [("stock.crates_shed",)]
