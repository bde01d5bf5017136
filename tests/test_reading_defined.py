"""Figures that an asker's hints define per unit of time, within groups or up to a time; what came soon after something."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.agents import matching, wording
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.linking import Words
from groundwire.agents.reading import DOUBT, DOUBT_OF_WHOM, Reading
from groundwire.core.catalog import Entity, Field, Relation

STYLES = Entity(
    source="gym",
    name="styles",
    primary_key=("style_id",),
    fields=(
        Field(name="style_id", type=pa.int64(), nullable=False),
        Field(name="family", type=pa.string(), values=("dance", "combat")),
        Field(name="monthly_fee", type=pa.float64()),
    ),
)
PASSES = Entity(
    source="gym",
    name="passes",
    primary_key=("pass_id",),
    fields=(
        Field(name="pass_id", type=pa.int64(), nullable=False),
        Field(name="style_id", type=pa.int64()),
        Field(name="topic", type=pa.string()),
        Field(name="channel", type=pa.string(), values=("desk", "app")),
        Field(name="net_fare", type=pa.float64()),
        Field(name="is_eVIP", type=pa.bool_()),
        Field(name="start_dt", type=pa.date32()),
        Field(name="ended_at", type=pa.timestamp("us")),
        Field(name="settled_at", type=pa.timestamp("us")),
    ),
    relations=(Relation(name="style", target="gym.styles", on=(("style_id", "style_id"),)),),
)
CHANGES = Entity(
    source="gym",
    name="changes",
    primary_key=("change_id",),
    fields=(
        Field(name="change_id", type=pa.int64(), nullable=False),
        Field(name="pass_id", type=pa.int64()),
        Field(name="reason", type=pa.string(), values=("moved", "ill")),
        Field(name="asked_at", type=pa.timestamp("us")),
    ),
    relations=(Relation(name="pass", target="gym.passes", on=(("pass_id", "pass_id"),)),),
)
GYM = (STYLES, PASSES, CHANGES)
NAMES = {e.full_name: e.name for e in GYM}
MONTH = "DATE_TRUNC('month', passes.ended_at)"


def read(question: str, hints: str = "") -> Reading:
    return Reading(question, hints, GYM, NAMES)


def shown(question: str, hints: str = "") -> tuple[str, ...]:
    seen = read(question, hints)._seen
    return seen.items if seen is not None else ()


def rest(reading: Reading, first_part: str, table: str) -> str:
    return reading.second_part(first_part, table).replace('\\"', '"')


PER = "PMEP = per month ended passes. PMLF = per month lost fees, the sum of the monthly fees of their styles. "


@pytest.mark.parametrize(
    ("question", "hints", "items"),
    [
        (
            "What are the PMEP and PMLF for passes that ended in 2024?",
            PER + "Truncate ended_at to month for aggregation.",
            (f"{MONTH} AS month", "COUNT(passes.*) AS pmep", "SUM(styles.monthly_fee) AS pmlf"),
        ),
        (
            "What are the PMP and PMAP for dance passes? Return the month along with both.",
            "PMP = per month number of passes started. PMAP = per month average net fare of them. "
            "Truncate start date to month for aggregation.",
            (
                "DATE_TRUNC('month', passes.start_dt) AS month",
                "COUNT(passes.*) AS pmp",
                "AVG(passes.net_fare) AS pmap",
            ),
        ),
        ("What are the PMEP and PMLF?", PER + "Truncate the day to month.", ()),  # which day, nobody knows
        ("What are the PMC?", "PMC = per month number of wishes. Truncate ended_at to month.", ()),
        (
            "What is the month, number of new passes and CNP for each month of 2024?",
            "CNP = cumulative number of passes started, up to the month. Truncate start_dt to month.",
            (
                "DATE_TRUNC('month', passes.start_dt) AS month",
                "COUNT(passes.*) AS number_of_new_passes",
                "SUM(COUNT(passes.*)) OVER (ORDER BY DATE_TRUNC('month', passes.start_dt)) AS cnp",
            ),
        ),
    ],
)
def test_figures_per_month_are_told_by_that_month(question: str, hints: str, items: tuple[str, ...]) -> None:
    assert shown(question, hints) == items


def test_figures_of_two_tables_that_do_not_belong_together_are_left_to_the_model() -> None:
    hints = "PMP = per month number of styles. PMAP = per month average net fare. Truncate start_dt to month."
    assert not any(n.startswith("PMP is") for n in read("What are the PMP and PMAP?", hints).notes)


@pytest.mark.parametrize(
    ("hints", "note"),
    [
        (
            "PR = rank of the pass within its family by total net fare, 1 being the highest",
            "PR is RANK() OVER (PARTITION BY styles.family ORDER BY SUM(passes.net_fare) DESC)",
        ),
        ("PR = rank of the pass by total net fare", "PR is RANK() OVER (ORDER BY SUM(passes.net_fare) DESC)"),
        ("PR = rank of the pass within its club by total net fare", ""),  # no such thing
    ],
)
def test_a_rank_within_a_group_is_one_among_its_records(hints: str, note: str) -> None:
    notes = read("Return the family, net fare and PR of all passes.", hints).notes
    assert [n for n in notes if n.startswith("PR is")] == ([note] if note else [])


def test_what_came_soon_after_something_is_a_condition() -> None:
    soon = rest(read("number of passes that ended within 90 days of being settled"), "SELECT COUNT(*) FROM ", "passes")
    assert "passes.ended_at BETWEEN passes.settled_at AND passes.settled_at + INTERVAL '90 days'" in soon
    late = rest(read("number of passes that ended within 90 days"), "SELECT COUNT(*) FROM ", "passes")
    assert "passes.ended_at BETWEEN" not in late


def test_what_is_still_undone_has_no_moment_of_it() -> None:
    tests = {x.phrase: x.test for x in read("How many passes that ended in 2024 are still unsettled?").links}
    assert tests["unsettled"] == " IS NULL"
    assert "unsettled" not in {x.phrase for x in read("How many passes have unsettled owners?").links}


def test_texts_that_something_mentions_are_looked_for_in_it() -> None:
    (match,) = matching.find(Words("How many passes mention a refund or an 'odd fee' in the topic?", GYM, NAMES))
    assert match.condition == "(LOWER(passes.topic) LIKE '%refund%' OR LOWER(passes.topic) LIKE '%odd fee%')"
    assert not matching.find(Words("How many passes mention a refund in the garden?", GYM, NAMES))


def test_the_latest_row_for_each_is_shown_whatever_a_draft_compares() -> None:
    hints = "only select the latest changes row by asked_at for each pass"
    reading = read("For which reason was each pass changed last? Return the pass ID and reason.", hints)
    draft = "SELECT passes.pass_id, changes.reason FROM changes WHERE changes.asked_at = "
    sql = reading.sql(f"{draft}(SELECT MAX(changes.asked_at) FROM changes)")
    assert "ARG_MAX(changes.reason, changes.asked_at)" in sql
    assert "SELECT MAX" not in sql
    kept = reading.sql(f"{draft}(SELECT MAX(changes.asked_at) FROM changes) AND changes.reason = 'ill'")
    assert "changes.reason = 'ill'" in kept


def test_what_is_reached_over_another_table_is_there() -> None:
    reading = read("Return the distinct list of families of styles that were changed.")
    first = "SELECT DISTINCT styles.family FROM "
    assert "changes.pass_id IS NOT NULL" in rest(reading, first, "changes")
    assert "IS NOT NULL" not in rest(reading, "SELECT styles.family FROM ", "changes")


def test_a_small_letter_before_capitals_begins_no_word() -> None:
    assert wording.stems("eVIP CustId fooBAR") == ["evip", "cust", "id", "foo", "bar"]
    assert {x.phrase: x.flag for x in read("How many eVIP passes are there?").links} == {"eVIP": True}


def test_short_forms_leave_out_few_letters() -> None:
    same = Abbreviations(GYM).same
    assert same("rsn", "reason")
    assert not same("rsn", "reimbursement")


@pytest.mark.parametrize(
    ("question", "doubt"),
    [
        ("Which trainer sold the most passes?", DOUBT_OF_WHOM),
        ("Which gym trainer sold the most passes?", DOUBT_OF_WHOM),
        ("Which passes will be settled next month?", DOUBT_OF_WHOM),
        ("How much was spent on advertising?", DOUBT),
        ("How many passes have a trainer?", DOUBT),
        ("Which passes ended in 2024?", 0.0),
    ],
)
def test_whom_nobody_knows_is_more_doubtful_than_a_detail(question: str, doubt: float) -> None:
    assert read(question).doubt == doubt


def test_a_sentence_leaves_out_what_it_names_and_not_what_the_next_one_does() -> None:
    reading = read("How many passes ended, excluding the current month? How many of those were eVIP passes?")
    assert [x.negated for x in reading.links if x.flag] == [False]


def test_a_flag_is_spoken_of_by_what_was_done() -> None:
    waived = Field(name="is_fee_waived", type=pa.bool_())
    assert not read("What are the fees of passes?")._evidence.speaks_of(waived)
    assert read("For how many were fees waived?")._evidence.speaks_of(waived)


def test_what_has_an_end_of_its_own_goes_on_without_it() -> None:
    ill = Entity(
        source="gym",
        name="injuries",
        primary_key=("injury_id",),
        fields=(
            Field(name="injury_id", type=pa.int64(), nullable=False),
            Field(name="pass_id", type=pa.int64()),
            Field(name="state", type=pa.string(), values=("ongoing", "healed")),
        ),
        relations=(Relation(name="pass", target="gym.passes", on=(("pass_id", "pass_id"),)),),
    )
    names = {**NAMES, "gym.injuries": "injuries"}
    both = (*GYM, ill)
    assert not Reading("How long are passes? Ignore ongoing passes.", "", both, names).links
    assert [x.values for x in Reading("How many ongoing injuries are there?", "", both, names).links] == [("ongoing",)]


def test_what_is_counted_per_unit_of_time_is_told_by_it() -> None:
    assert shown("How many passes ended each month?") == (f"{MONTH} AS month", "COUNT(passes.*) AS number_of_passes")
    by_day = ("EXTRACT(DAYOFWEEK FROM passes.ended_at) AS weekday", "COUNT(passes.*) AS number_of_passes")
    assert shown("How many passes ended on each day of the week in 2023?") == by_day
    assert shown("How many passes ended each month, and what was the average net fare?") == ()
    begun = "DATE_TRUNC('month', passes.start_dt) AS month"
    assert shown("How many passes are there each month?") == (begun, "COUNT(passes.*) AS number_of_passes")
    assert shown("How many styles are there each month?") == ()  # they have no time


@pytest.mark.parametrize(
    ("question", "items"),
    [
        (
            "What was the quarterly average net fare of passes that ended in 2024?",
            ("DATE_TRUNC('quarter', passes.ended_at) AS quarter", "AVG(passes.net_fare) AS average_net_fare"),
        ),
        ("What was the quarterly plan of passes that ended in 2024?", ()),
    ],
)
def test_what_is_asked_for_quarterly_is_told_by_quarters(question: str, items: tuple[str, ...]) -> None:
    assert shown(question) == items
    assert read(question)._unknown in ([], ["plan"])


def test_a_running_total_of_dates_goes_by_them() -> None:
    hints = "CRT = cumulative running total of the net fare, up to and including the given date"
    notes = read("What is the CRT of the passes that ended on each date in May?", hints).notes
    assert "CRT is SUM(SUM(passes.net_fare)) OVER (ORDER BY passes.ended_at)" in notes


def test_the_count_of_records_per_month() -> None:
    hints = "PMPC = per month pass count. Truncate ended_at to month."
    assert shown("What are the PMPC?", hints) == (f"{MONTH} AS month", "COUNT(passes.*) AS pmpc")


def test_a_letter_or_a_number_is_no_reason_to_think_of_a_name_with_many() -> None:
    model = Field(name="model", type=pa.string(), values=("Swift E-U4", "Plain"))
    for question in ("Which 4 passes have most changes?", "How many passes were ill, i.e. not moved?"):
        assert not read(question)._evidence(model, "Swift E-U4")
    assert read("How many passes are for the Swift E-U4?")._evidence(model, "Swift E-U4")


def test_how_many_hours_of_the_day_are_shown() -> None:
    assert wording.read("In which 3 hours of the day were the most passes ended?").limit == 3
    assert wording.read("Which passes ended most within 3 hours?").limit != 3


def test_what_was_done_is_no_table_that_is_called_so_among_others() -> None:
    paid = Entity(
        source="gym",
        name="fees_received",
        primary_key=("fee_id",),
        fields=(
            Field(name="fee_id", type=pa.int64(), nullable=False),
            Field(name="pass_id", type=pa.int64()),
            Field(name="state", type=pa.string(), values=("open", "overdue")),
            Field(name="due_on", type=pa.date32()),
        ),
        relations=(Relation(name="pass", target="gym.passes", on=(("pass_id", "pass_id"),)),),
    )
    names = {**NAMES, "gym.fees_received": "fees_received"}
    both = (*GYM, paid)
    assert Reading("How many passes were received?", "", both, names)._mentioned == ("passes",)
    assert "fees_received" in Reading("How many fees were received?", "", both, names)._mentioned
    overdue = Reading("How many overdue fees are there?", "", both, names).links
    assert [(x.values, x.test) for x in overdue] == [(("overdue",), "")]
