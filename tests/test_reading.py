"""What code reads in a question before a model writes: times, columns, values, and what follows from them."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from groundwire.agents import draft, linking, periods, ways, wording
from groundwire.agents.evidence import Evidence
from groundwire.agents.grammar import told_relations
from groundwire.agents.levers import Levers
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.errors import ConfigError
from groundwire.core.labels import with_labels

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
        ("in the past 30 days", [(">= CURRENT_DATE - INTERVAL '30 days'", "< CURRENT_DATE + INTERVAL '1 day'")]),
        (
            "in the past 7 days, inclusive of today",
            [(">= CURRENT_DATE - INTERVAL '6 days'", "< CURRENT_DATE + INTERVAL '1 day'")],
        ),
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
    assert Evidence("Which industry bought the most Gizmos?", "", ENTITIES).unknown_words == ["gizmos"]
    searched = (
        "Which customers have 'Gmbh' or something containing limited or inc in their name, or tools or ag in the name?"
    )
    assert Evidence(searched, "", ENTITIES).unknown_words == []


def test_what_is_done_is_less_telling_than_what_there_is() -> None:
    done = Reading("Which customers have been audited?", "", ENTITIES, NAMES)
    assert 0 < done.doubt < Reading("Which customers have an auditor?", "", ENTITIES, NAMES).doubt
    assert done.may_refuse
    assert not any("is called" in note for note in done.notes)


def test_a_draft_starts_at_the_table_that_reaches_everything_shown() -> None:
    def tables(first: str, *required: str) -> tuple[str, ...]:
        return ways.start(first, ENTITIES, NAMES, required).tables

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


def test_each_help_can_be_switched_off_alone() -> None:
    question = "What dividend did paid orders bring per industry?"

    def read(*off: str) -> Reading:
        return Reading(question, "", ENTITIES, NAMES, Levers.without(off))

    whole, head = read(), "SELECT customers.industry, COUNT(orders.*) FROM "
    assert whole.notes
    assert read("links").notes == ["no column is called dividend"]
    assert whole.doubt > 0
    assert whole.notes[-1] == "no column is called dividend" not in read("doubt").notes
    assert (read("doubt").doubt, read("doubt").may_refuse) == (0.0, True)
    assert "orders.status = 'paid'" in whole.second_part(head, "orders")
    assert "WHERE orders.status = 'paid'" not in read("required").second_part(head, "orders")
    assert '"customers.industry, "' in whole.first_part()
    assert '"customers.industry, "' not in read("groups").first_part()
    assert "'cancelled'" not in whole.second_part(head, "orders")
    assert "'cancelled'" in read("evidence", "required").second_part(head, "orders")


def test_an_unknown_help_is_told_by_near_names() -> None:
    assert Levers().off == ()
    assert Levers.without(["links", "repair"]).off == ("links", "repair")
    assert Levers.without(["links"]).at("low").off == ("links", "repair", "phrasing")
    assert Levers().at("high").off == ()
    with pytest.raises(ConfigError, match="did you mean examples"):
        Levers.without(["exmples"])


@pytest.mark.parametrize(
    ("question", "limit", "direction"),
    [
        ("Which 5 cities earned the most from stays?", 5, "DESC"),
        ("Who are the 3 guests that paid us the least?", 3, "ASC"),
        ("What are the top 3 customers by total?", 3, "DESC"),
        ("the two largest orders", 2, "DESC"),
        ("Which customers made at least 3 orders?", None, ""),
        ("Orders of the last 3 months with the highest total", None, "DESC"),
        ("Which 2 customers have at most 3 orders?", None, ""),
    ],
)
def test_a_ranking_says_how_many_and_from_which_end(question: str, limit: int | None, direction: str) -> None:
    said = wording.read(question)
    assert (said.limit, said.direction) == (limit, direction)


def test_the_number_of_a_ranking_is_compared_with_nothing() -> None:
    assert wording.read("Which 3 countries have the most customers?").numbers == ()
    assert "3" in wording.read("Which 3 countries have the most customers with at least 3 orders?").numbers


@pytest.mark.parametrize(
    ("question", "written", "meant"),
    [
        ("How many days passed on average?", "AVG(orders.ordered_at - customers.joined_on)", "DATE_DIFF('DAY'"),
        ("How many hours passed on average?", "AVG(orders.ordered_at - orders.ordered_at)", "/ 3600.0"),
        ("What took so long?", "orders.ordered_at - orders.ordered_at AS minutes", "/ 60.0"),
        ("What took so long?", "AVG(EXTRACT(EPOCH FROM orders.ordered_at - orders.ordered_at)) AS minutes", "/ 60.0"),
    ],
)
def test_a_difference_of_moments_is_a_number_in_the_unit_that_is_asked_for(
    question: str, written: str, meant: str
) -> None:
    assert meant in _sql(f"SELECT {written} FROM orders", question)


def test_a_share_is_not_divided_again() -> None:
    share = "AVG(CASE WHEN orders.status = 'paid' THEN 1 ELSE 0 END) * 100.0"
    assert "COUNT" not in _sql(f"SELECT {share} / COUNT(orders.*) AS share FROM orders")


def test_records_found_through_many_others_are_listed_once() -> None:
    assert "SELECT DISTINCT" in _sql("SELECT customers.id FROM orders WHERE orders.status = 'paid'")
    assert "DISTINCT" not in _sql("SELECT orders.id FROM orders WHERE customers.country = 'USA'")


def test_two_records_of_one_name_are_two() -> None:
    made = _sql("SELECT customers.name, COUNT(orders.*) AS n FROM orders")
    assert "GROUP BY" in made and '"id"' in made.partition("GROUP BY")[2]
    assert '"id"' not in _sql("SELECT customers.country, COUNT(orders.*) AS n FROM orders").partition("GROUP BY")[2]


def test_a_draft_starts_where_what_is_spoken_of_is_reached_unless_sums_would_count_twice() -> None:
    likely = [{"orders"}]
    assert ways.start("SELECT customers.country FROM ", ENTITIES, NAMES, (), likely).tables == ("orders",)
    balance = replace(CUSTOMERS, fields=(*CUSTOMERS.fields, Field(name="balance", type=pa.float64())))
    summed = "SELECT customers.country, SUM(customers.balance) FROM "
    assert ways.start(summed, (balance, ORDERS), NAMES, (), likely).tables == ("customers",)


def test_what_is_told_of_a_moment_is_found_by_its_verb() -> None:
    (link,) = linking.find("How many customers joined in 2023?", ENTITIES, NAMES)
    assert (link.columns, link.told, link.moment) == (("customers.joined_on",), True, True)


def test_the_time_that_a_question_names_bounds_what_it_is_said_of() -> None:
    reading = Reading("How many customers joined in 2023?", "", ENTITIES, NAMES)
    grammar = reading.second_part("SELECT COUNT(customers.*) FROM ", "customers")
    assert 'bounded: "customers.joined_on"' in grammar and "DURING '2023'" in grammar
    without = Reading("Which customers have no orders in 2023?", "", ENTITIES, NAMES)
    assert "bounded" not in without.second_part("SELECT customers.name FROM ", "customers")


def test_the_owner_is_preferred_to_who_plays_a_part() -> None:
    reviewed = replace(
        ORDERS,
        fields=(*ORDERS.fields, Field(name="answered_by", type=pa.int64())),
        relations=(
            Relation(name="answered_by", target="crm.customers", on=(("answered_by", "id"),)),
            *ORDERS.relations,
        ),
    )
    made = draft.to_sql("SELECT customers.name FROM orders", (CUSTOMERS, reviewed), NAMES, wording.read("names"))
    assert '"customer".name' in made


@pytest.mark.parametrize(
    ("question", "present"),
    [
        ("number of customers of each known country", True),
        ("customers per country, leave out customers whose country is not known", True),
        ("customers per country", False),
    ],
)
def test_what_is_not_known_is_left_out_where_the_question_says_so(question: str, present: bool) -> None:
    found = linking.find(question, ENTITIES, NAMES)
    assert any(link.present and link.comparison == " IS NOT NULL" for link in found) is present


def test_flags_are_tested_only_where_the_question_speaks_of_them() -> None:
    flag = Field(name="newsletter", type=pa.bool_())
    entity = replace(CUSTOMERS, fields=(*CUSTOMERS.fields, flag))
    assert not Evidence("How many customers are there per country?", "", [entity]).speaks_of(flag)
    assert Evidence("How many customers get the newsletter?", "", [entity]).speaks_of(flag)


@pytest.mark.parametrize(
    ("question", "word", "pattern"),
    [
        ("names that end in 'er'", "er", "%{}"),
        ("names that start with 'A'", "A", "{}%"),
        ("names containing 'ann'", "ann", "%{}%"),
        ("customers called 'Ann'", "Ann", ""),
    ],
)
def test_where_in_a_name_a_word_stands_is_read(question: str, word: str, pattern: str) -> None:
    assert Evidence(question, "", ENTITIES).patterns[word] == pattern


@pytest.mark.parametrize(
    ("question", "condition"),
    [
        ("How many orders are open or cancelled?", "orders.status IN ('open', 'cancelled')"),
        ("total of orders per country, leave out cancelled ones", "orders.status <> 'cancelled'"),
        ("What percentage of orders is cancelled?", ""),
        ("Which customers have no open orders?", ""),
    ],
)
def test_values_that_are_set_against_no_others_are_conditions(question: str, condition: str) -> None:
    grammar = Reading(question, "", ENTITIES, NAMES).second_part("SELECT COUNT(orders.*) FROM ", "orders")
    where = grammar.partition("rest: ")[2].splitlines()[0]
    assert (condition in where) if condition else ("orders.status" not in where)


def test_without_a_reason_there_is_no_condition() -> None:
    grammar = Reading("How many orders are there per country?", "", ENTITIES, NAMES).second_part(
        "SELECT customers.country, COUNT(orders.*) FROM ", "orders"
    )
    assert 'simple: "TRUE"' in grammar


def test_a_comment_of_a_few_words_names_a_table() -> None:
    visits = Entity(
        source="shop", name="mnt", description="Workshop visits", fields=(Field(name="typ", type=pa.string()),)
    )
    found = linking.find("costs for each type of workshop visit", [visits], {"shop.mnt": "mnt"})
    assert [(link.columns, link.grouped) for link in found] == [(("mnt.typ",), True)]
    assert linking.Words("number of workshop visits", [visits], {"shop.mnt": "mnt"}).counts()


PARCELS = Entity(
    source="shop",
    name="parcels",
    primary_key=("parcelid",),
    fields=(
        Field(name="parcelid", type=pa.int64(), nullable=False),
        Field(name="carriername", type=pa.string(), values=("Swift", "GreenBike")),
        Field(name="costeur", type=pa.float64()),
        Field(name="state", type=pa.string(), values=("placed", "active", "lost")),
        Field(name="placedat", type=pa.timestamp("us")),
        Field(name="giftwrap", type=pa.bool_()),
        Field(name="signed", type=pa.bool_()),
        Field(name="registered", type=pa.bool_()),
    ),
)


def _parcels(question: str) -> dict[str, linking.Link]:
    return {link.phrase: link for link in linking.find(question, [PARCELS], {"shop.parcels": "parcels"})}


@pytest.mark.parametrize(
    ("question", "phrase", "condition"),
    [
        ("How many lost parcels are there?", "lost", " = 'lost'"),
        ("Count the active parcels.", "active", " = 'active'"),
        ("signed parcels per month", "signed", " = TRUE"),
        ("parcels that are registered", "registered", " = TRUE"),
        ("How many unsigned parcels came in May?", "unsigned", " = FALSE"),
        ("parcels that were not signed", "signed", " = FALSE"),
    ],
)
def test_a_state_or_a_flag_that_describes_records_must_be_in_the_query(
    question: str, phrase: str, condition: str
) -> None:
    link = _parcels(question)[phrase]
    assert link.sure
    assert link.comparison == condition


@pytest.mark.parametrize(
    "question",
    [
        "How many parcels are there? Lost parcels don't count.",
        "Cost of all parcels, lost ones are left out",
        "Leave lost parcels aside: what did the others cost?",
        "What did parcels cost, not counting lost ones?",
    ],
)
def test_what_is_left_out_is_no_condition_but_its_opposite(question: str) -> None:
    link = _parcels(question).get("lost") or _parcels(question)["Lost"]
    assert link.negated
    assert not link.sure


@pytest.mark.parametrize("question", ["All parcels, including lost ones", "parcels (lost parcels count as well)"])
def test_what_makes_no_difference_is_no_condition(question: str) -> None:
    assert "lost" not in _parcels(question)


def test_a_verb_is_a_moment_and_an_adjective_a_state() -> None:
    placed = _parcels("How many parcels were placed in May 2024?")["placed"]
    assert (placed.columns, placed.values) == (("parcels.placedat",), ())
    assert _parcels("How many placed parcels are there?")["placed"].values == ("placed",)


def test_names_written_as_one_word_are_found_by_their_words() -> None:
    found = _parcels("What is the cost in EUR of each carrier?")
    assert found["carrier"].columns == ("parcels.carriername",)
    assert found["carrier"].grouped
    assert _parcels("average cost, split by carrier")["carrier"].grouped
    assert not _parcels("List each carrier once")["carrier"].grouped


def test_a_value_that_the_catalog_lists_is_no_text_to_search_for() -> None:
    assert Evidence("parcels by GreenBike for Alice", "", [PARCELS]).text_words == ("Alice",)


def test_only_what_may_be_missing_is_asked_whether_it_is() -> None:
    names = {"shop.parcels": "parcels"}
    missing = Reading("Which parcels have no carrier?", "", [PARCELS], names)
    assert '"parcelid" | ' not in _rule(missing.first_part(), "optional")
    assert '"carriername"' in _rule(missing.first_part(), "optional")
    assert "IS NULL" not in Reading("parcels except Swift", "", [PARCELS], names).first_part()


def _rule(grammar: str, name: str) -> str:
    return next(line for line in grammar.splitlines() if line.startswith(f"{name}: "))


def _one(name: str, target: str, key: str) -> Relation:
    return Relation(name=name, target=f"shop.{target}", on=((key, "id"),))


def _many(name: str, target: str, key: str) -> Relation:
    return Relation(name=name, target=f"shop.{target}", on=(("id", key),), many=True)


def _table(name: str, fields: str, *relations: Relation) -> Entity:
    made = tuple(Field(name=f, type=pa.int64() if f.endswith("id") else pa.string()) for f in f"id {fields}".split())
    return Entity(source="shop", name=name, primary_key=("id",), fields=made, relations=relations)


SHOP = [
    _table("baskets", "city voucher_id", _many("items", "items", "basket_id"), _many("trips", "trips", "basket_id")),
    _table("items", "basket_id good_id note", _one("basket", "baskets", "basket_id"), _one("good", "goods", "good_id")),
    _table("goods", "colour", _many("items", "items", "good_id")),
    _table("trips", "basket_id driver", _one("basket", "baskets", "basket_id")),
    _table("vouchers", "code"),
]
SHOP_NAMES = {e.full_name: e.name for e in SHOP}


def _meant(written: str) -> str:
    return draft.to_sql(written, SHOP, SHOP_NAMES, wording.read(""))


def test_conditions_on_what_belongs_to_a_record_are_about_one_of_them() -> None:
    written = (
        "SELECT baskets.city FROM baskets WHERE goods.colour = 'red' AND trips.driver = 'Ann' AND items.note = 'x'"
    )
    assert _meant(written) == (
        'SELECT baskets.city FROM baskets WHERE EXISTS(SELECT 1 FROM "items" AS its WHERE its."good".colour = \'red\' '
        "AND its.note = 'x') AND EXISTS(SELECT 1 FROM \"trips\" AS its WHERE its.driver = 'Ann') AND TRUE"
    )
    beside = "SELECT COUNT(trips.*) FROM trips WHERE goods.colour = 'red'"
    assert 'EXISTS(SELECT 1 FROM "basket"."items" AS its WHERE its."good".colour = \'red\')' in _meant(beside)
    none = "SELECT COUNT(baskets.*) FROM baskets WHERE NOT (goods.colour = 'red')"
    assert "NOT EXISTS(SELECT 1 FROM" in _meant(none)


def test_such_a_query_starts_where_all_of_it_can_be_told() -> None:
    start = ways.start("SELECT baskets.city FROM ", SHOP, SHOP_NAMES, ["items.note = 'x'", "trips.driver = 'Ann'"])
    assert start.tables == ("baskets",)


def test_a_table_that_the_question_names_is_a_part_of_the_way() -> None:
    first = "SELECT goods.colour FROM "
    assert ways.start(first, SHOP, SHOP_NAMES).tables == ("goods",)
    assert ways.start(first, SHOP, SHOP_NAMES, mentioned=["baskets", "goods"]).tables == ("items",)
    assert ways.start(first, SHOP, SHOP_NAMES, mentioned=["vouchers"]).tables == ("goods",)


def test_a_time_in_what_is_shown_does_not_hide_where_a_draft_starts() -> None:
    written = "SELECT SUM(CASE WHEN orders.ordered_at DURING '2023' THEN orders.total ELSE 0 END) AS total FROM "
    assert ways.start(written, ENTITIES, NAMES).tables == ("orders",)


def test_who_is_in_no_list_is_found_though_a_null_is_in_it() -> None:
    written = "SELECT vouchers.code FROM vouchers WHERE vouchers.id NOT IN (SELECT baskets.voucher_id FROM baskets)"
    assert "(SELECT baskets.voucher_id FROM baskets WHERE NOT baskets.voucher_id IS NULL)" in _meant(written)
    assert "IS NULL" not in _meant(written.replace("NOT IN", "IN"))


def test_groups_are_sorted_by_what_they_have() -> None:
    counted = "SELECT baskets.city, COUNT(baskets.*) AS n FROM baskets ORDER BY"
    assert _meant(f"{counted} n DESC").endswith("ORDER BY n DESC")
    assert "ORDER BY" not in _meant(f"{counted} baskets.voucher_id")
    monthly = (
        "SELECT DATE_TRUNC('month', baskets.city) AS month, COUNT(baskets.*) AS n FROM baskets ORDER BY baskets.city"
    )
    assert _meant(monthly).endswith("ORDER BY DATE_TRUNC('MONTH', baskets.city)")


def test_no_more_conditions_are_written_than_the_question_gives_reasons_for() -> None:
    def most(question: str) -> str:
        return _rule(Reading(question, "", ENTITIES, NAMES).first_part(free=True), "condition")

    assert most("How many orders are there?") == "condition: test"
    assert most("How many orders are paid or open?") == 'condition: test ((" AND " | " OR ") test){0,1}'


def test_columns_that_were_asked_for_are_shown_where_records_are_listed() -> None:
    def shown(question: str, written: str) -> str:
        return Reading(question, "", ENTITIES, NAMES).sql(written).partition(" FROM ")[0]

    question = "Return ID, customer name and industry of the orders that are open."
    assert shown(question, "SELECT customers.name FROM orders") == (
        'SELECT orders."customer".name, orders."customer".industry, orders.id'
    )
    assert shown(question, "SELECT COUNT(orders.*) AS n FROM orders") == "SELECT COUNT(*) AS n"
    assert shown("How are customers called?", "SELECT customers.name FROM customers") == "SELECT customers.name"


def test_what_is_left_out_does_not_open_the_way_to_what_is_missing() -> None:
    left_out = Reading("Total of orders; cancelled orders don't count", "", ENTITIES, NAMES)
    assert not left_out.wording.absence
    grammar = left_out.second_part("SELECT SUM(orders.total) FROM ", "orders")
    assert "orders.status <> 'cancelled'" in grammar
    assert Reading("Which customers have no open orders?", "", ENTITIES, NAMES).wording.absence


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("Orders per month", "month"),
        ("How many orders came in each of the past 5 weeks?", "week"),
        ("total for every calendar quarter of 2024", "quarter"),
        ("What is the average number of orders per day?", ""),
        ("orders per customer", ""),
    ],
)
def test_what_is_asked_for_each_unit_of_time_is_shown_with_it(question: str, unit: str) -> None:
    assert wording.read(question).period == unit
    shown = f"DATE_TRUNC('{unit}', "
    assert (shown in Reading(question, "", ENTITIES, NAMES).first_part().splitlines()[1]) == bool(unit)


def test_the_unit_that_is_still_running_is_left_out_however_that_is_said() -> None:
    said = periods.find("in the past 5 weeks, the current week excluded")
    assert said[0].conditions == periods.find("the last 5 weeks excluding the current week")[0].conditions


def test_values_that_the_hints_leave_out_are_conditions() -> None:
    grammar = Reading("What is the GMV?", "GMV = total of orders that were not cancelled", ENTITIES, NAMES).second_part(
        "SELECT SUM(orders.total) AS gmv FROM ", "orders"
    )
    assert "orders.status <> 'cancelled'" in grammar
    share = Reading("What is the CR?", "CR = share of orders that were not cancelled", ENTITIES, NAMES)
    assert "<> 'cancelled'" not in share.second_part("SELECT COUNT(orders.*) FROM ", "orders").splitlines()[1]


def test_an_average_of_sums_is_divided_by_what_they_are_summed_for() -> None:
    question = "What is the average number of orders per customer?"
    written = "SELECT AVG(orders.total) AS average, SUM(orders.total) / COUNT(orders.*) AS other FROM orders"
    assert Reading(question, "", ENTITIES, NAMES).sql(written) == (
        "SELECT (SUM(orders.total) / COUNT(DISTINCT orders.customer_id)) AS average, "
        "SUM(orders.total) / COUNT(DISTINCT orders.customer_id) AS other FROM orders"
    )


def test_words_beside_a_text_are_texts_too() -> None:
    assert set(Evidence("orders with oak or walnut in their label", "", ENTITIES).text_words) >= {"walnut", "oak"}
    starting = linking.find("orders, starting from the latest", ENTITIES, NAMES)
    assert not [x for x in starting if x.told]


BOOKED = Entity(
    source="shop",
    name="balances",
    primary_key=("id",),
    fields=(
        Field(name="id", type=pa.int64(), nullable=False),
        Field(name="customer_id", type=pa.int64()),
        Field(name="amount", type=pa.float64()),
        Field(name="booked_on", type=pa.date32()),
        Field(name="checked_on", type=pa.date32()),
        Field(name="updated_at", type=pa.timestamp("us")),
    ),
    relations=(Relation(name="customer", target="crm.customers", on=(("customer_id", "id"),)),),
)


@pytest.mark.parametrize(
    ("question", "first", "bounded"),
    [
        ("Amount that was checked in the past 30 days", "", '"balances.checked_on"'),
        ("Amount in the past 30 days", "", '"balances.booked_on"'),  # the likeliest of its dates
        ("Amount of customers who came in the past 30 days", "", '"customers.joined_on"'),
        ("Amount in the past 30 days", "DATE_TRUNC('month', balances.updated_at) AS month, ", '"balances.updated_at"'),
    ],
)
def test_a_span_of_time_is_said_of_what_it_stands_beside(question: str, first: str, bounded: str) -> None:
    reading = Reading(question, "", (CUSTOMERS, BOOKED), {"crm.customers": "customers", "shop.balances": "balances"})
    grammar = reading.second_part(f"SELECT {first}SUM(balances.amount) AS amount FROM ", "balances")
    assert _rule(grammar, "bounded") == f"bounded: {bounded}"


def test_the_latest_is_not_the_greatest() -> None:
    def meant(question: str) -> str:
        names = {"shop.balances": "balances"}
        written = "SELECT balances.customer_id, MAX(balances.amount) AS balance FROM balances"
        return Reading(question, "", [BOOKED], names).sql(written)

    assert 'ARG_MAX(balances.amount, balances."updated_at")' in meant("What is the latest balance of each customer?")
    assert "MAX(balances.amount)" in meant("What is the highest balance of each customer?")


def test_hundredths_are_written_where_they_are_spoken_of() -> None:
    assert '"100.0"' in Reading("What percentage of orders is open?", "", ENTITIES, NAMES).first_part()
    assert '"100.0"' not in Reading("What share of orders is open?", "", ENTITIES, NAMES).first_part()


def test_what_makes_the_part_does_not_bound_the_whole() -> None:
    reading = Reading("What share of orders is paid?", "", ENTITIES, NAMES)
    first = "SELECT SUM(CASE WHEN orders.status = 'paid' THEN 1 ELSE 0 END) * 1.0 / COUNT(orders.*) AS share FROM "
    assert "'paid'" not in reading.second_part(first, "orders")
    assert "'paid'" in reading.second_part("SELECT COUNT(orders.*) FROM ", "orders")


def test_words_that_say_little_are_no_reason() -> None:
    name = Field(name="name", type=pa.string(), values=("Total Market Fund", "Gold Fund"))
    funds = replace(CUSTOMERS, name="funds", fields=(name,))
    total = Evidence("What is the total amount per customer?", "", [funds])
    assert not total(name, "Total Market Fund")
    assert wording.read("not just the changes within a day").absence is False
    assert wording.read("CR = customer rank, rank 1 being the best").numbers == ()
    assert _links("amount of retail customers")["retail"] == "customers.industry = 'Retail'"
    assert _links("How many orders were cancelled?")["cancelled"] == "orders.status = 'cancelled'"


def test_an_address_is_looked_for_where_addresses_are() -> None:
    shown = (replace(CUSTOMERS, fields=(*CUSTOMERS.fields, Field(name="email", type=pa.string()))), ORDERS)
    question = "customers whose email ends with .org"
    written = "SELECT COUNT(customers.*) AS n FROM customers WHERE customers.name LIKE '%.org'"
    assert "customers.email LIKE '%.org'" in Reading(question, "", shown, NAMES).sql(written)
    other = "SELECT COUNT(customers.*) AS n FROM customers WHERE customers.name LIKE 'Ann%'"
    assert "customers.name LIKE 'Ann%'" in Reading(question, "", shown, NAMES).sql(other)


def test_a_form_of_a_word_that_columns_have_is_no_text() -> None:
    assert Evidence("customers by time from joining", "", ENTITIES).text_words == ()


def test_what_a_hint_defines_by_two_columns_is_told_by_these() -> None:
    notes = Reading(
        "What is the delay?", "Delay = checked_on - booked_on", [BOOKED], {"shop.balances": "balances"}
    ).notes
    assert "delay is balances.checked_on - balances.booked_on" in notes


def test_a_median_is_shown_alone_where_nothing_is_asked_per_value() -> None:
    alone = Reading("What is the median total?", "", ENTITIES, NAMES).first_part()
    assert _rule(alone, "query").endswith('["DISTINCT "] middle " FROM "')
    assert "key" in _rule(Reading("What is the median total by state?", "", ENTITIES, NAMES).first_part(), "query")


def test_short_codes_and_plain_words_are_told_apart() -> None:
    country = Field(name="country", type=pa.string(), values=("IT", "FR"))
    shown = [replace(CUSTOMERS, fields=(country,))]
    assert not Evidence("How many is it?", "", shown)(country, "IT")
    assert Evidence("How many in IT?", "", shown)(country, "IT")
    state = Field(name="state", type=pa.string(), values=("no_show", "came"))
    shown = [replace(CUSTOMERS, fields=(state,))]
    assert not Evidence("Show all that are shown by date", "", shown)(state, "no_show")
    assert Evidence("How many no shows are there?", "", shown)(state, "no_show")


def test_a_draft_that_nests_without_end_is_left_to_the_query_language() -> None:
    nested = "SELECT COUNT(orders.*) FROM orders WHERE " + "NOT (" * 900 + "orders.total > 1" + ")" * 900
    assert _meant(nested) == nested
    start = ways.start("SELECT " + "ABS(" * 900 + "orders.total" + ")" * 900 + " FROM ", ENTITIES, NAMES)
    assert set(start.tables) == {"customers", "orders"}


def test_what_only_sounds_like_a_number_or_a_negation_is_none() -> None:
    assert wording.read("Return the TWO of all branches, highest TWO first").limit is None
    assert wording.read("IDs of all customers, no duplicates please").absence is False
    assert wording.read("all ratings, published or not").absence is False
    assert wording.read("the two oldest orders").limit == 2


def test_conditions_that_say_nothing_are_not_written() -> None:
    names = {"shop.balances": "balances"}
    assert '"NULL"' not in _rule(Reading("Which amounts are not known?", "", [BOOKED], names).first_part(), "simple")
    ongoing = Reading("How many are still open?", "", [BOOKED], names).second_part(
        "SELECT COUNT(balances.*) FROM ", "balances"
    )
    assert '"checked_on"' in _rule(ongoing, "optional")


def test_a_word_that_columns_have_calls_for_no_condition() -> None:
    state = Field(name="invoice_state", type=pa.string(), values=("open", "both"))
    shown = [replace(CUSTOMERS, fields=(state,))]
    said = Evidence("What was invoiced from May 1 to May 31, 2024, both included?", "", shown)
    assert said.open_words == []
    assert not said(state, "both")
    assert not said(state, "open")


def test_a_part_that_another_sentence_asks_for_leaves_the_whole_bounded() -> None:
    question = "How many customers are in retail? How many of them have orders that are cancelled?"
    grammar = Reading(question, "", ENTITIES, NAMES).second_part("SELECT COUNT(orders.*) FROM ", "orders")
    assert "customers.industry = 'Retail'" in grammar.splitlines()[1]
    assert "cancelled" not in grammar.splitlines()[1]
    assert Evidence("orders for customers in retails", "", ENTITIES).text_words == ()


def test_who_plays_a_part_is_among_the_tables_that_a_question_is_about() -> None:
    entities = (*ENTITIES, _table("parcels", "order_id"))
    reading = Reading("How many parcels per payer?", "", entities, {**NAMES, "shop.parcels": "parcels"})
    assert {e.name for e in reading.entities} >= {"customers", "orders"}
    assert "orders" in reading.sql("SELECT payer.name, COUNT(orders.*) AS n FROM orders")


@pytest.mark.parametrize(
    ("question", "having"),
    [
        ("What is the average total per customer with at least 5 total orders?", "COUNT(orders.*) >= 5"),
        ("Which customers have more than three orders?", "COUNT(orders.*) > 3"),
        ("Which customers with 2 or more orders are in France?", "COUNT(orders.*) >= 2"),
    ],
)
def test_how_many_there_must_be_is_written_by_code(question: str, having: str) -> None:
    reading = Reading(question, "", ENTITIES, NAMES)
    first = "SELECT customers.name FROM "
    assert reading.tables(first) == ("orders",)
    grammar = reading.second_part(first, "orders")
    assert f'" HAVING {having}"' in grammar
    assert f'ASKED: "{having.rpartition(" ")[2]}"' not in grammar
    sql = reading.sql(f"{first}orders HAVING {having}")
    assert f'GROUP BY orders."customer".name, orders."customer"."id" HAVING {having.replace("orders.*", "*")}' in sql


@pytest.mark.parametrize(
    "question",
    [
        "Which customers have 2 or fewer orders?",  # or none at all
        "Which customers have no more than 5 orders?",
        "Which customers have not over five orders?",
        "Which customers have at least 5 cancelled orders?",  # not of all orders
        "How many orders of at least 500 are there?",
        "Which customers had no more than one order per month or at least 9 products?",  # two of them
    ],
)
def test_what_may_be_counted_otherwise_is_left_to_the_model(question: str) -> None:
    grammar = Reading(question, "", ENTITIES, NAMES).second_part("SELECT customers.name FROM ", "orders")
    assert '[" HAVING " having (" AND " having)?]' in grammar


CODED = (
    Entity(
        source="gym",
        name="members",
        primary_key=("id",),
        fields=(
            Field(name="id", type=pa.int64()),
            Field(name="kind", type=pa.string(), values=("P", "F"), labels={"P": "private person", "F": "firm"}),
            Field(name="area", type=pa.string(), values=("north", "south")),
        ),
    ),
    Entity(
        source="gym",
        name="coaches",
        primary_key=("id",),
        fields=(
            Field(name="id", type=pa.int64()),
            Field(name="active", type=pa.bool_()),
            Field(name="type", type=pa.string(), values=("swim", "climb")),
        ),
    ),
    Entity(
        source="gym",
        name="contracts",
        primary_key=("id",),
        fields=(
            Field(name="id", type=pa.int64()),
            Field(name="member_id", type=pa.int64()),
            Field(name="contract_member_id", type=pa.int64()),
            Field(
                name="status",
                type=pa.string(),
                values=("A", "L", "C"),
                labels={"A": "active", "L": "lapsed for want of payment", "C": "cancelled by the member"},
            ),
            Field(name="billed_on", type=pa.date32()),
        ),
        relations=(Relation(name="contract_member", target="gym.members", on=(("contract_member_id", "id"),)),),
    ),
    Entity(
        source="gym",
        name="payouts",
        primary_key=("id",),
        fields=(
            Field(name="id", type=pa.int64()),
            Field(name="paid_on", type=pa.date32()),
            Field(name="amount", type=pa.float64()),
        ),
    ),
    Entity(
        source="gym",
        name="calls",
        primary_key=("id",),
        fields=(
            Field(name="id", type=pa.int64()),
            Field(name="reason", type=pa.string(), values=("complaint", "booking")),
            Field(name="amount", type=pa.float64()),
        ),
    ),
)
CODED_NAMES = {e.full_name: e.name for e in CODED}


@pytest.mark.parametrize(
    ("question", "hint"),
    [
        ("How many active contracts are there?", "active is contracts.status = 'A'"),
        ("How many active coaches are there?", "active is coaches.active = TRUE"),
        ("How many contracts were cancelled?", "cancelled is contracts.status = 'C'"),
        ("How many private members are there?", "private is members.kind = 'P'"),
        ("contracts that did not lapse", "lapse is contracts.status = 'L'"),
        ("Which members complained?", "complained is calls.reason = 'complaint'"),
        ("How many coaches are there of each type?", "type is coaches.type"),
        ("What is the amount called for?", "amount called is calls.amount"),
    ],
)
def test_words_for_codes_and_forms_of_words_are_found(question: str, hint: str) -> None:
    found = [link.text for link in linking.find(question, CODED, CODED_NAMES)]
    assert hint in found
    assert not [t for t in found if t != hint and t.startswith(hint.partition(" is ")[0] + " is ")]


def test_a_private_matter_is_no_private_person() -> None:
    assert linking.find("Is that a private matter of members?", CODED, CODED_NAMES) == ()


def test_a_contract_member_is_a_member() -> None:
    words = linking.Words("How many contract members are there in each area?", CODED, CODED_NAMES)
    assert words.mentioned() == ("members",)
    assert words.counts() == ("How many contract members is COUNT(members.*)",)
    assert [x.text for x in words.links()] == ["area is members.area"]
    both = linking.Words("Which contracts have members in the north?", CODED, CODED_NAMES)
    assert set(both.mentioned()) == {"contracts", "members"}


def test_what_was_paid_out_is_a_payout() -> None:
    words = linking.Words("How much was paid out?", CODED, CODED_NAMES)
    assert words.mentioned() == ("payouts",)
    assert [x.text for x in words.links()] == ["paid out is payouts.amount"], "no day is meant"


def test_what_a_hint_leaves_out_is_no_search_for_what_is_missing() -> None:
    reading = Reading("How many GC are there?", "GC = contracts that did not lapse", CODED, CODED_NAMES)
    assert not reading.wording.missing
    assert "contracts.status <> 'L'" in reading.second_part("SELECT COUNT(contracts.*) FROM ", "contracts")


def test_for_payments_of_a_time_asks_nothing_per_moment() -> None:
    fields = (Field(name="id", type=pa.int64()), Field(name="incident", type=pa.date32()))
    claims = Entity(source="gym", name="claims", primary_key=("id",), fields=fields)
    for question, grouped in (("For incidents of May, how many?", False), ("claims per incident", True)):
        (link,) = linking.find(question, [claims], {"gym.claims": "claims"})
        assert link.moment and link.grouped == grouped
    assert [x.grouped for x in linking.find("For industries, what is the total?", ENTITIES, NAMES)][:1] == [True]


def test_a_running_week_that_does_not_count_is_no_time_of_its_own() -> None:
    for out in ("not counting", "leaving out", "but not", "excluding"):
        (span,) = periods.find(f"in each of the last 4 weeks, {out} the current week")
        assert span.conditions[1] == "< DATE_TRUNC('week', CURRENT_DATE)", out


@pytest.mark.parametrize(
    ("question", "condition"),
    [
        ("Which customers have no orders?", ""),
        ("How many customers are there without any order?", ""),
        ("List customers who have never placed an order, and return their name.", ""),
        ("Which customers have no open orders?", " WHERE orders.status = 'open'"),
    ],
)
def test_what_there_is_none_of_is_written_by_code(question: str, condition: str) -> None:
    catalog = (CUSTOMERS, replace(ORDERS, relations=ORDERS.relations[:1]))
    reading = Reading(question, "", catalog, NAMES)
    assert "orders" not in reading.first_part(), "nothing of what is not there can be shown"
    assert reading.tables("SELECT customers.name FROM ") == ("customers",)
    grammar = reading.second_part("SELECT customers.name FROM ", "customers")
    written = f"customers.id NOT IN (SELECT orders.customer_id FROM orders{condition})"
    assert f'rest: " WHERE {written}" ' in grammar
    assert "NOT IN (SELECT" not in grammar.replace(written, "") and "IS NULL" not in grammar
    sql = reading.sql(f"SELECT customers.name FROM customers WHERE {written}")
    assert "NOT orders.customer_id IS NULL" in sql


@pytest.mark.parametrize(
    "question",
    [
        "Which customers have no orders that are large in 2023?",  # nobody knows what is large
        "Which customers who joined in 2022 have no orders in 2023?",  # two times
        "Which customers have no large orders?",  # nobody knows what is large
        "Which customers never cancelled an order?",  # which is no lack of orders
        "Which orders have no customer?",  # customers have no reference to orders
        "Which customers have no more than 2 orders?",
        "What percentage of customers has no orders?",  # of all customers
    ],
)
def test_a_lack_that_is_not_clear_is_left_to_the_model(question: str) -> None:
    catalog = (CUSTOMERS, replace(ORDERS, relations=ORDERS.relations[:1]))
    reading = Reading(question, "", catalog, NAMES)
    (table,) = reading.tables("SELECT customers.name FROM ")[:1]
    assert 'rest: " WHERE customers.id NOT IN' not in reading.second_part("SELECT customers.name FROM ", table)
    both = Reading("Which customers have no orders?", "", ENTITIES, NAMES)  # as customers, or as payers
    assert 'rest: " WHERE customers.id NOT IN' not in both.second_part("SELECT customers.name FROM ", "customers")


def _short(name: str, prefix: str, *fields: Field, **more: object) -> Entity:
    own = (Field(name=f"{prefix}_id", type=pa.int64()), Field(name=f"{prefix}_name", type=pa.string()), *fields)
    return Entity(source="x", name=name, primary_key=(f"{prefix}_id",), fields=own, **more)  # type: ignore[arg-type]


def test_short_forms_of_what_is_referred_to_are_no_roles_and_names_stand_for_records() -> None:
    depots = _short("log_depot", "dpt", Field(name="dpt_city", type=pa.string()))
    lead = Relation(name="crw_lead", target="x.log_crew", on=(("crw_lead_id", "crw_id"),))
    at = Relation(name="crw_dpt", target="x.log_depot", on=(("crw_dpt_id", "dpt_id"),))
    fields = (Field(name="crw_dpt_id", type=pa.int64()), Field(name="crw_lead_id", type=pa.int64()))
    crews = _short("log_crew", "crw", *fields, relations=(at, lead))
    names = {"x.log_depot": "log_depot", "x.log_crew": "log_crew", "x.log_van": "log_van"}
    assert [r.name for r in told_relations(crews, names)] == ["crw_lead"]
    reading = Reading("How many crews per depot?", "", (depots, crews), names)
    sql = reading.sql("SELECT log_depot.dpt_name, COUNT(log_crew.*) AS n FROM log_crew")
    keys = 'log_crew."crw_dpt".dpt_name, log_crew."crw_dpt"."dpt_id"'
    assert sql.endswith(f'WHERE NOT log_crew."crw_dpt"."dpt_id" IS NULL GROUP BY {keys}'), "no depot is none"
    assert "WHERE" not in reading.sql("SELECT log_depot.dpt_name, COUNT(log_depot.*) AS n FROM log_depot")


def test_what_an_entity_is_called_does_not_depend_on_how_many_a_question_is_about() -> None:
    names = {f"x.log_{n}": f"log_{n}" for n in ("crew", "depot", "van")}
    assert linking.Words("How many crews?", [_short("log_crew", "crw")], names).mentioned() == ("log_crew",)
    assert linking.Words("How many crews?", [_short("log_crew", "crw")], names).called == {"x.log_crew": [["crew"]]}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Which customers never ordered?", True),
        ("List customers who have not once ordered.", True),
        ("Which customers never smiled?", False),
        ("Which customers never cancelled?", False),  # which says something of orders that there are
        ("Which customers never ordered in 2023?", False),
    ],
)
def test_what_was_never_done_is_a_lack_where_it_makes_records(question: str, found: bool) -> None:
    catalog = (CUSTOMERS, replace(ORDERS, relations=ORDERS.relations[:1]))
    reading = Reading(question, "", catalog, NAMES)
    (table,) = reading.tables("SELECT customers.name FROM ")[:1]
    written = 'rest: " WHERE customers.id NOT IN (SELECT orders.customer_id FROM orders)"'
    assert (written in reading.second_part("SELECT customers.name FROM ", table)) == found


def test_a_number_that_records_are_told_apart_by_is_shown_where_it_is_asked_for() -> None:
    fields = (Field(name="inv_no", type=pa.string()), Field(name="total", type=pa.float64()))
    invoices = Entity(source="x", name="invoices", primary_key=("inv_no",), fields=fields)
    names = {"x.invoices": "invoices"}
    for question, shown in (
        ("Show number and total of the invoices.", True),
        ("Show the number of invoices.", False),
        ("Show the code and total of invoices.", False),
    ):
        sql = Reading(question, "", (invoices,), names).sql("SELECT invoices.total FROM invoices")
        assert ("inv_no" in sql) == shown, question


def test_numbers_to_compute_with_are_compared_with_nothing() -> None:
    hints = "CHANGE = (total - 5) / total * 100. RANK is 1 = highest. A ton is 1000 kg; only totals over 20 count."
    said = wording.read("What is the CHANGE?", hints)
    assert {"100", "5", "1", "1000", "20"} <= set(said.numbers)
    assert set(said.asked) >= {"20", "1000"} and not {"100", "1"} & set(said.asked)
    grammar = Reading("What is the CHANGE?", hints, ENTITIES, NAMES).second_part("SELECT orders.total FROM ", "orders")
    (asked,) = (line for line in grammar.splitlines() if line.startswith("ASKED: "))
    assert '"100"' not in asked and '"20"' in asked
    (numbers,) = (line for line in grammar.splitlines() if line.startswith("NUMBER: "))
    assert '"100"' in numbers


def test_what_that_are_stands_behind_is_said_of_the_name_before_it() -> None:
    found = {x.phrase: x.text for x in linking.find("coaches with contracts that are active", CODED, CODED_NAMES)}
    assert found["active"] == "active is contracts.status = 'A'"
    found = {x.phrase: x.text for x in linking.find("contracts of coaches that are active", CODED, CODED_NAMES)}
    assert found["active"] == "active is coaches.active = TRUE"


def test_what_hints_only_define_is_no_value_and_no_time() -> None:
    question = "Show the total of each of the last 6 months excluding the current month, and the OC."
    hints = "OC (open change) in percent = (total - total of the previous month) / total of the previous month * 100"
    reading = Reading(question, hints, ENTITIES, NAMES)
    assert not any("open" in note for note in reading.notes)
    assert [s.text for s in reading.wording.spans] == ["last 6 months"]
    assert reading._evidence.text_words == ()
    alone = wording.read("What is the OC?", "OC = total of the previous month")
    assert [s.text for s in alone.spans] == ["previous month"]


@pytest.mark.parametrize(
    ("question", "conditions"),
    [
        ("How many unpaid invoices are there?", ["bills.paid_on IS NULL"]),
        ("Which invoices are overdue?", ["bills.due_date < CURRENT_DATE"]),
        ("Which unpaid invoices are more than 30 days overdue?",
         ["bills.paid_on IS NULL", "bills.due_date < CURRENT_DATE - INTERVAL '30 days'"]),
        ("How many days overdue is each invoice?", []),
        ("Which invoices are exactly 30 days overdue?", []),
        ("Which customers are unpaid?", []),
        ("How many unsent invoices are there?", []),
    ],
)  # fmt: skip
def test_what_was_not_done_or_is_late_must_be_in_the_query(question: str, conditions: list[str]) -> None:
    fields = (
        Field(name="id", type=pa.int64(), nullable=False),
        Field(name="sent_on", type=pa.date32(), nullable=False),
        Field(name="due_date", type=pa.date32()),
        Field(name="paid_on", type=pa.date32()),
        Field(name="total", type=pa.float64()),
    )
    bills = Entity(source="shop", name="bills", primary_key=("id",), fields=fields, synonyms=("invoices",))
    names = {**NAMES, "shop.bills": "bills"}
    reading = Reading(question, "", (*ENTITIES, bills), names)
    assert [f"{x.columns[0]}{x.test}" for x in reading.links if x.test] == conditions
    if conditions:
        written = f'rest: " WHERE {" AND ".join(conditions)}"'
        assert written in reading.second_part("SELECT bills.id FROM ", "bills")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Which customers were never booked in any order?", True),
        ("Which customers were never booked in any hotel?", False),
        ("What is the average total per customer? Ignore customers without orders.", False),
    ],
)
def test_of_what_there_is_none_and_what_is_left_out(question: str, found: bool) -> None:
    catalog = (CUSTOMERS, replace(ORDERS, relations=ORDERS.relations[:1]))
    reading = Reading(question, "", catalog, NAMES)
    (table,) = reading.tables("SELECT customers.name FROM ")[:1]
    written = 'rest: " WHERE customers.id NOT IN (SELECT orders.customer_id FROM orders)"'
    assert (written in reading.second_part("SELECT customers.name FROM ", table)) == found


def test_little_words_are_values_and_names_only_where_they_describe_records() -> None:
    fields = (
        Field(name="parcel_no", type=pa.string()),
        Field(name="offer", type=pa.string(), values=("both", "late", "swim")),
        Field(name="left_on", type=pa.date32()),
    )
    visits = Entity(source="x", name="visits", primary_key=("parcel_no",), fields=fields)
    for question, found in (
        ("How many visits were there from May to June, both included?", {}),
        ("How many days late are they?", {}),
        ("How many late visits were there?", {"late": "late is visits.offer = 'late'"}),
        ("visits per parcel no", {"parcel no": "parcel no is visits.parcel_no"}),
        ("visits with a parcel no more than 14 days ago", {}),
        ("visits, leaving out the current month", {}),
        ("visits whose guests left in May", {"left": "left is visits.left_on"}),
    ):
        links = linking.find(question, [visits], {"x.visits": "visits"})
        assert {x.phrase: x.text for x in links} == found, question


def test_a_column_that_no_table_reaches_is_taken_from_where_one_does() -> None:
    def table(name: str, *fields: str, to: str = "") -> Entity:
        relations = (Relation(name=to, target=f"x.{to}", on=((f"{to}_id", "id"),)),) if to else ()
        made = tuple(Field(name=f, type=pa.string()) for f in ("id", *fields))
        return Entity(source="x", name=name, primary_key=("id",), fields=made, relations=relations)

    plans, deals, faults = (
        table("plans", "sector"),
        table("deals", "plans_id", "way", to="plans"),
        table("faults", "sector"),
    )
    catalog, names = (plans, deals, faults), {"x.plans": "plans", "x.deals": "deals", "x.faults": "faults"}
    reading = Reading("How many deals by sector and way?", "", catalog, names)
    first = "SELECT faults.sector, deals.way, COUNT(deals.*) AS n FROM "
    assert reading.requalified(first) == first.replace("faults.", "plans.")
    assert reading.tables(first.replace("faults.", "plans.")) == ("deals",)
    for kept in (
        "SELECT faults.sector FROM ",
        "SELECT plans.sector, deals.way FROM ",
        "SELECT faults.id, deals.way FROM ",
    ):
        assert reading.requalified(kept) == kept


def test_codes_that_are_numbers_have_the_words_of_their_comment() -> None:
    comment = "10 = signed, not begun; 20 = running; 30 = suspended"
    fields = (
        Field(name="id", type=pa.int64()),
        Field(name="state", type=pa.int16(), description=comment),
        Field(name="score", type=pa.int16(), description="From 1 to 5"),
    )
    (deals,) = with_labels([Entity(source="x", name="deals", primary_key=("id",), fields=fields)])
    assert deals.field("state").labels == {"10": "signed", "20": "running", "30": "suspended"}
    assert deals.field("score").values == ()
    reading = Reading("How many running deals are there?", "", (deals,), {"x.deals": "deals"})
    assert "rest: \" WHERE deals.state = '20'\"" in reading.second_part("SELECT COUNT(deals.*) FROM ", "deals")
    (numbers,) = (line for line in reading.first_part(free=True).splitlines() if line.startswith("number: "))
    assert "score" in numbers and "state" not in numbers, "nobody adds up codes"


def test_a_beginning_is_not_counted_from_an_end() -> None:
    fields = (Field(name="began_at", type=pa.timestamp("us")), Field(name="closed_at", type=pa.timestamp("us")))
    cases = Entity(source="x", name="cases", primary_key=(), fields=fields)
    grammar = Reading("How long did it take?", "", (cases,), {"x.cases": "cases"}).first_part()
    assert '"closed_at" " - " ("cases" "." "began_at")' in grammar
    assert '"began_at" " - "' not in grammar
    reading = Reading("How long did it take?", "", (cases,), {"x.cases": "cases"})
    backward = "SELECT AVG(EXTRACT(EPOCH FROM cases.began_at - cases.closed_at)) AS n FROM cases"
    assert "cases.closed_at - cases.began_at" in reading.sql(backward)


def test_what_is_said_besides_of_times_values_and_products() -> None:
    (span,) = periods.find("over the last 6 full calendar months")
    assert span.conditions[1] == "< DATE_TRUNC('month', CURRENT_DATE)"
    assert periods.find("in the last full quarter")[0].conditions == periods.find("in the last quarter")[0].conditions
    assert Evidence("orders by gross total", "", ENTITIES).text_words == ()
    assert Evidence("orders by berlin", "", ENTITIES).text_words == ("berlin",)
    links = linking.find("Cancelled orders don't count, open orders do.", ENTITIES, NAMES)
    assert [x.values for x in links] == [("cancelled",)]
    sql = Reading("x", "", ENTITIES, NAMES).sql("SELECT SUM(orders.total) * orders.id AS n FROM orders")
    assert "SUM(orders.total * orders.id) AS n" in sql


def test_what_is_asked_per_word_of_two_tables_is_shown_of_one() -> None:
    other = Entity(source="crm", name="leads", primary_key=(), fields=(Field(name="industry", type=pa.string()),))
    names = {**NAMES, "crm.leads": "leads"}
    grammar = Reading("How many customers and leads per industry?", "", (*ENTITIES, other), names).first_part()
    assert '("customers.industry, " | "leads.industry, ")' in grammar


@pytest.mark.parametrize(
    ("question", "span"),
    [
        ("Which customers have no orders from 2023?", "2023"),
        (
            "Which customers have no order that was placed in the past 60 days (the day 60 days ago included)?",
            "past 60 days",
        ),
        ("List customers without any open orders in the last 3 months, excluding the current month.", "last 3 months"),
    ],
)
def test_a_time_in_which_there_was_none_is_a_part_of_what_code_writes(question: str, span: str) -> None:
    catalog = (CUSTOMERS, replace(ORDERS, relations=ORDERS.relations[:1]))
    reading = Reading(question, "", catalog, NAMES)
    first = "SELECT customers.name FROM "
    assert reading.tables(first) == ("customers",)
    state = "orders.status = 'open' AND " if "open" in question else ""
    inner = f"SELECT orders.customer_id FROM orders WHERE {state}orders.ordered_at DURING '{span}'"
    grammar = reading.second_part(first, "customers")
    assert f'rest: " WHERE customers.id NOT IN ({inner})" ' in grammar
    assert "DURING" not in grammar.replace(inner, ""), "that time says nothing of the customers themselves"
    assert "orders.ordered_at >= " in reading.sql(f"{first}customers WHERE customers.id NOT IN ({inner})")


def test_words_that_ask_and_words_for_values_name_nothing_else() -> None:
    fields = (
        Field(name="id", type=pa.int64()),
        Field(name="kind", type=pa.string(), values=("H", "B"), labels={"H": "household", "B": "business"}),
        Field(name="paper_bill", type=pa.bool_()),
        Field(name="planned", type=pa.bool_()),
        Field(name="returned_on", type=pa.date32()),
        Field(name="left_on", type=pa.date32()),
    )
    bills = Entity(source="x", name="bills", primary_key=("id",), fields=fields)
    names = {"x.bills": "bills"}
    for question in ("Return the number of bills.", "How many bills are there, some left aside?"):
        assert linking.find(question, [bills], names) == (), question
    (link,) = linking.find("bills returned in May", [bills], names)
    assert link.columns == ("bills.returned_on",)
    assert Evidence("bills for households and for businesses", "", [bills]).text_words == ()
    assert Evidence("How many unplanned bills are there?", "", [bills]).unknown_words == []
    assert Evidence("How many unplayed bills are there?", "", [bills]).unknown_words == ["unplayed"]
    assert not any(x.present for x in linking.find("Bills without a known kind count too", [bills], names))


@pytest.mark.parametrize(
    ("question", "grouped"),
    [
        ("How many customers are there, by industry and country?", ["industry", "country"]),
        ("By industry, how many customers are there?", ["industry"]),
        ("How many customers per industry and country are there?", ["industry", "country"]),
        ("What is the largest order, by total?", []),
        ("Orders sorted by status", []),
        ("How many customers per industry, and which country has most?", ["industry"]),
    ],
)
def test_what_stands_behind_by_and_and_is_asked_per_value_too(question: str, grouped: list[str]) -> None:
    links = linking.find(question, ENTITIES, NAMES)
    assert [x.columns[0].rpartition(".")[2] for x in links if x.grouped] == grouped


@pytest.mark.parametrize(
    ("question", "by"),
    [
        ("Which 3 customers have the most orders? Return name, number of orders and total.", "orders"),
        ("Top 3 customers by total order value, with the number of orders", "total"),
        ("Top 3 customers by number of orders, with their total", "orders"),
        ("Which 3 customers spent the most? Return name, number of orders and total.", "total"),
        ("Which 3 customers have the highest average total?", "average"),
        ("Which 3 customers have the best orders?", ""),
        ("Top 3 customers by total amount and by number of orders", ""),
    ],
)
def test_a_ranking_goes_by_the_figure_that_the_words_name(question: str, by: str) -> None:
    first = "SELECT customers.name, COUNT(orders.*) AS orders, SUM(orders.total) AS total, AVG(orders.total) AS average FROM "
    grammar = Reading(question, "", ENTITIES, NAMES).second_part(first, "orders")
    wanted = f'" ORDER BY " "{by}" " DESC"' if by else '" ORDER BY " (value | LABEL) " DESC"'
    assert wanted in grammar or (not by and '" ORDER BY " order' in grammar)


def test_a_flag_that_is_to_be_seen_is_no_condition() -> None:
    fields = (Field(name="id", type=pa.int64()), Field(name="news_ok", type=pa.bool_()))
    people = Entity(source="x", name="people", primary_key=("id",), fields=fields)
    reading = Reading("What is the news ok preference of each of the people?", "", (people,), {"x.people": "people"})
    told = [
        next(line for line in reading.second_part(first, "people").splitlines() if line.startswith("told: "))
        for first in ("SELECT people.id, people.news_ok FROM ", "SELECT people.id FROM ")
    ]
    assert ["news_ok" in line for line in told] == [False, True]


def test_a_time_behind_what_somebody_made_is_that_of_what_was_made() -> None:
    assert linking.subject("customers who joined in ", ENTITIES, NAMES) == "customers"
    assert linking.subject("the customer who placed the most orders in ", ENTITIES, NAMES) == ""
    assert Evidence("number of orders by users who ordered in May", "", ENTITIES).unknown_words == []
