"""Names in short forms without any underscore, and phrases beside them: read by code, seen in links and conditions."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.agents.evidence import Evidence
from groundwire.agents.latest import _said
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Entity, Field, Relation


def _entity(name: str, key: str, *fields: Field, belongs: dict[str, str] | None = None) -> Entity:
    own = (Field(name=key, type=pa.string(), nullable=False), *fields)
    relations = tuple(
        Relation(name=target.split(".")[0], target=f"port.{target.split('.')[0]}", on=((column, target.split(".")[1]),))
        for column, target in (belongs or {}).items()
    )
    return Entity(source="port", name=name, primary_key=(key,), fields=own, relations=relations)


def _text(name: str, *values: str) -> Field:
    return Field(name=name, type=pa.string(), values=values)


PORT = (
    _entity("pocrane", "pocrnid", _text("pocrnmake", "Liebig", "Konecki"), _text("pocrncls", "4", "5", "6")),
    _entity(
        "pocraneday",
        "pocdid",
        _text("pocdcrnid"),
        Field(name="pocdhrs", type=pa.float64()),
        _text("pocdnote"),
        belongs={"pocdcrnid": "pocrane.pocrnid"},
    ),
    _entity(
        "poclient",
        "poclid",
        _text("poclname"),
        _text("poclcountry", "Germany", "Poland"),
        Field(name="pocljoindate", type=pa.date32()),
    ),
    _entity("posupplier", "posupid", _text("posupcountry", "Germany", "France")),
    _entity("poagent", "poagid", _text("poagcountry", "Germany", "Italy")),
    _entity(
        "polift",
        "polfid",
        _text("polfclid"),
        _text("polfcrnid"),
        Field(name="polfbookts", type=pa.timestamp("us")),
        _text("polfstatus", "booked", "done"),
        _text("polftype", "bulk", "reefer"),
        Field(name="polfkm", type=pa.float64()),
        belongs={"polfclid": "poclient.poclid", "polfcrnid": "pocrane.pocrnid"},
    ),
)
NAMES = {e.full_name: e.name for e in PORT}


def read(question: str, hints: str = "") -> Reading:
    return Reading(question, hints, PORT, NAMES)


def meant(reading: Reading) -> dict[str, str]:
    return {x.phrase: f"{' or '.join(x.columns)}{x.comparison}" for x in reading.links}


@pytest.mark.parametrize(
    "question",
    [
        "Return the IDs of clients who have booked a reefer lift.",
        "How many reefer lifts were booked by clients last month?",
        "How many reefer lifts were booked in 2024?",
    ],
)
def test_who_booked_has_a_booking_whatever_became_of_it(question: str) -> None:
    reading = read(question)
    assert meant(reading)["booked"] == "polift.polfbookts"
    assert not any("polfstatus" in text for text in reading.notes)


def test_booked_ones_are_in_that_state() -> None:
    assert meant(read("How many booked lifts are there?"))["booked"] == "polift.polfstatus = 'booked'"


def test_a_value_of_several_tables_is_that_of_those_who_come_from_there() -> None:
    question = "How many lifts were booked by clients from Germany last week?"
    assert meant(read(question))["Germany"] == "poclient.poclcountry = 'Germany'"
    assert "Germany" not in meant(read("What became of Germany?"))
    listed = meant(read("How many clients in Poland or Germany are there?"))
    assert listed["Germany"] == "poclient.poclcountry = 'Germany'"


def test_how_many_rows_are_shown_is_no_reason_to_think_of_a_code() -> None:
    code = PORT[0].field("pocrncls")
    for question in ("What are the top 5 makes of cranes?", "Which 5 most used cranes are there in the last 5 days?"):
        assert not Evidence(question, "", PORT)(code, "5")
    assert Evidence("Which cranes are of class 5?", "", PORT)(code, "5")


def test_what_there_is_of_each_day_is_called_daily() -> None:
    daily = read("What is the highest daily hours of crane C1?")
    assert "pocraneday.pocdhrs" in meant(daily).values()
    none = read("Return the IDs of cranes that do not have any daily log records.")
    written = none.second_part("SELECT pocrane.pocrnid FROM ", "pocrane")
    assert "NOT IN (SELECT pocraneday.pocdcrnid FROM pocraneday)" in written.replace('\\"', '"')


def test_the_name_of_the_records_is_no_deed() -> None:
    stays = _entity(
        "bookings", "id", Field(name="booked_at", type=pa.timestamp("us")), Field(name="arrives_on", type=pa.date32())
    )
    names = {"port.bookings": "bookings"}
    assert not Reading("How many bookings are there?", "", [stays], names).links
    assert Reading("How many were booked?", "", [stays], names).links


def test_what_parentheses_explain_by_a_value_has_no_other_reason() -> None:
    rooms = _entity("rooms", "id", _text("code", "STE", "DBL"), _text("name", "Castle Suite", "Double"))
    reading = Reading("How many rooms are suites (code STE)?", "", [rooms], {"port.rooms": "rooms"})
    assert not reading._evidence(rooms.field("name"), "Castle Suite")
    plain = Reading("How many rooms are suites?", "", [rooms], {"port.rooms": "rooms"})
    assert plain._evidence(rooms.field("name"), "Castle Suite")


def test_a_share_of_records_with_a_state_goes_by_the_name_that_the_question_has_for_it() -> None:
    question = (
        "For clients with at least 10 lifts, what is their loading rate? Return the client name and loading rate."
    )
    reading = read(question, "Join the tables and calculate the percentage of lifts with status done.")
    assert reading._seen is not None
    assert reading._seen.items[-1] == (
        "SUM(CASE WHEN polift.polfstatus = 'done' THEN 1 ELSE 0 END) * 100.0 / COUNT(polift.*) AS loading_rate"
    )


def test_the_latest_record_of_a_table_for_each() -> None:
    (said,) = _said("only take the latest record of account_balances for each client")
    assert (said.what, said.whom, said.first) == ("account_balances", "client", False)


def test_what_is_asked_by_an_unknown_quality_is_doubtful() -> None:
    assert read("How satisfied are the clients in Germany?").doubt > read("How many clients were visited?").doubt > 0


def test_what_only_happened_is_not_foretold() -> None:
    orders = _entity(
        "orders", "id", Field(name="cancelled_at", type=pa.date32()), Field(name="due_date", type=pa.date32())
    )
    names = {"port.orders": "orders"}
    assert Reading("Which orders are going to be cancelled next week?", "", [orders], names).doubt > 0
    assert Reading("Which orders are going to be due next week?", "", [orders], names).doubt == 0
