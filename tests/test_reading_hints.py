"""What an asker's hints define, and what a question counts beside all: read by code, seen in the query that a draft means."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from groundwire.agents import latest, matching, ways, wording
from groundwire.agents.evidence import Evidence
from groundwire.agents.explained import explained
from groundwire.agents.linking import Words
from groundwire.agents.naming import bare
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Entity, Field, Relation

PRESSES = Entity(
    source="shop",
    name="presses",
    primary_key=("press_no",),
    fields=(
        Field(name="press_no", type=pa.int64(), nullable=False),
        Field(name="maker", type=pa.string()),
        Field(name="zone", type=pa.string(), values=("NO", "SO", "WE")),
        Field(name="is_leased", type=pa.bool_()),
        Field(name="run_km", type=pa.float64()),
        Field(name="bought_on", type=pa.date32()),
    ),
    relations=(Relation(name="jobs", target="shop.jobs", on=(("press_no", "press_no"),), many=True),),
)
JOBS = Entity(
    source="shop",
    name="jobs",
    primary_key=("job_no",),
    fields=(
        Field(name="job_no", type=pa.int64(), nullable=False),
        Field(name="press_no", type=pa.int64()),
        Field(name="paper", type=pa.string(), values=("A3", "A4", "B2")),
        Field(name="speed_class", type=pa.string(), values=("express", "plain")),
        Field(name="outcome", type=pa.string(), values=("returned", "printed", "booked")),
        Field(name="is_urgent", type=pa.bool_()),
        Field(name="cost", type=pa.float64()),
        Field(name="sheets", type=pa.int64()),
        Field(name="booked_on", type=pa.date32()),
        Field(name="printed_at", type=pa.timestamp("us")),
        Field(name="paid_on", type=pa.date32()),
    ),
    relations=(
        Relation(name="press", target="shop.presses", on=(("press_no", "press_no"),)),
        Relation(name="flaws", target="shop.flaws", on=(("job_no", "job_no"),), many=True),
    ),
)
FLAWS = Entity(
    source="shop",
    name="flaws",
    primary_key=("flaw_no",),
    fields=(
        Field(name="flaw_no", type=pa.int64(), nullable=False),
        Field(name="job_no", type=pa.int64()),
        Field(name="fault", type=pa.string(), values=("ours", "theirs")),
        Field(name="note", type=pa.string(), values=("smeared ink", "torn paper", "wrong fold")),
        Field(name="found_at", type=pa.timestamp("us")),
        Field(name="settled_at", type=pa.timestamp("us")),
    ),
    relations=(Relation(name="job", target="shop.jobs", on=(("job_no", "job_no"),)),),
)
SHOP = (PRESSES, JOBS, FLAWS)
NAMES = {"shop.presses": "presses", "shop.jobs": "jobs", "shop.flaws": "flaws"}


def read(question: str, hints: str = "") -> Reading:
    return Reading(question, hints, SHOP, NAMES)


def allowed(question: str, field: str, entity: Entity = JOBS, hints: str = "") -> list[str]:
    evidence = read(question, hints)._evidence
    return [v for v in entity.field(field).values if evidence(entity.field(field), v)]


def test_a_code_that_hints_explain_is_found_by_its_words() -> None:
    reading = read(
        "How many jobs ran on presses in the north or in the south?", "Zone north = 'NO', zone south = 'SO'."
    )
    assert [(x.columns, x.values) for x in reading.links if x.values] == [
        (("presses.zone",), ("NO",)),
        (("presses.zone",), ("SO",)),
    ]
    second = reading.second_part("SELECT COUNT(jobs.*) FROM ", "jobs")
    assert "WHERE presses.zone IN ('NO', 'SO')" in second
    assert explained(SHOP, "Zone = 'NO'")[0] is SHOP  # no word is explained
    assert explained(SHOP, "north = 'XX'")[0] is SHOP  # nothing holds it


def test_a_value_that_two_fields_hold_is_explained_for_neither() -> None:
    other = replace(JOBS, fields=(*JOBS.fields, Field(name="area", type=pa.string(), values=("NO",))))
    assert explained((PRESSES, other), "north = 'NO'")[0] == (PRESSES, other)


def test_a_number_in_a_code_is_no_reason_to_think_of_it() -> None:
    assert allowed("What are the top 3 presses by sheets of jobs?", "paper") == []
    assert allowed("How many jobs on A3 are there?", "paper") == ["A3"]


def test_what_the_asker_wants_returned_was_not_returned() -> None:
    assert allowed("Return the number of jobs per press.", "outcome") == []
    assert allowed("How many jobs were returned?", "outcome") == ["returned"]


def test_what_a_moment_records_is_no_state() -> None:
    assert "booked" not in allowed("How many jobs were booked in May 2024?", "outcome")
    assert "booked" not in allowed("What is the NJ?", "outcome", hints="NJ = number of jobs booked in May 2024")
    assert "booked" in allowed("How many jobs, leaving out booked ones, are there?", "outcome")


def test_a_value_right_before_its_fields_name_is_meant() -> None:
    second = read("How many jobs have an express speed class?").second_part("SELECT COUNT(jobs.*) FROM ", "jobs")
    assert "jobs.speed_class = 'express'" in second


def test_a_key_called_no_is_a_number_and_a_number_of_things_is_none() -> None:
    found = {x.phrase: x.columns for x in Words("the press numbers of the jobs", SHOP, NAMES).named()}
    assert "presses.press_no" in found["press numbers"]
    assert not any(x.columns == ("jobs.job_no",) for x in Words("the number of jobs", SHOP, NAMES).named())


def test_what_is_counted_beside_all_is_no_condition() -> None:
    question = "How many jobs were printed last week? Return the number of jobs and the number of urgent jobs."
    second = read(question).second_part("SELECT COUNT(jobs.*) AS jobs FROM ", "jobs")
    assert "is_urgent = TRUE" not in second
    only = read("Return the number of urgent jobs per press.").second_part("SELECT COUNT(jobs.*) AS jobs FROM ", "jobs")
    assert "jobs.is_urgent = TRUE" in only


def test_flags_in_the_askers_own_words_are_conditions() -> None:
    second = read("What is the UJ?", "UJ = number of urgent jobs").second_part("SELECT COUNT(jobs.*) FROM ", "jobs")
    assert "WHERE jobs.is_urgent = TRUE" in second


def test_a_flag_is_a_condition_though_another_sentence_compares() -> None:
    question = "How many urgent jobs are there? How many of these were printed on weekends?"
    assert "jobs.is_urgent = TRUE" in read(question).second_part("SELECT COUNT(jobs.*) FROM ", "jobs")


def test_the_latest_of_each_is_shown() -> None:
    reading = read(
        "Return the job number, the cost, the fault and the note of each job.",
        "A job may have many flaws. Only select the latest flaw (by found_at) of each job.",
    )
    sql = reading.sql(
        "SELECT jobs.job_no, jobs.cost, flaws.fault, flaws.note FROM flaws ORDER BY flaws.found_at DESC LIMIT 1"
    )
    assert "ARG_MAX(flaws.fault, flaws.found_at) AS fault" in sql
    assert "ARG_MAX(flaws.note, flaws.found_at) AS note" in sql
    assert "ARG_MAX(jobs" not in sql
    assert "GROUP BY jobs.job_no" in sql
    assert "LIMIT" not in sql


@pytest.mark.parametrize(
    ("hints", "function"),
    [
        ("only select the latest flaw from flaws for each job", ""),  # found or settled, nobody says
        ("only use the earliest flaw (by settled_at) per job", "ARG_MIN(flaws.fault, flaws.settled_at)"),
        ("only take the flaw with the latest found time for that job", "ARG_MAX(flaws.fault, flaws.found_at)"),
        ("only take the latest flaw with fault 'ours' (by found_at) for each job", ""),  # two things at once
        ("only take the latest flaw of each job", ""),  # by which moment, nobody says
        ("the latest flaw (by found_at) of each job is often the worst", ""),
        ("only take the latest press (by bought_on) of each zone", ""),
    ],
)
def test_which_one_is_the_latest_is_said_or_nothing_is_done(hints: str, function: str) -> None:
    sql = read("Return job number and fault.", hints).sql("SELECT flaws.job_no, flaws.fault FROM flaws")
    assert function in sql if function else "ARG_M" not in sql


def test_records_are_grouped_by_what_they_belong_to_where_that_is_not_shown() -> None:
    said = wording.read("Show the fault.", "only take the latest flaw (by found_at) of each job")
    tree = ways.parsed("SELECT flaws.fault FROM ")
    assert tree is not None
    tree.from_("flaws", copy=False)
    assert latest.of_each(tree, FLAWS, {"flaws": FLAWS, "jobs": JOBS}, said)
    assert tree.sql("duckdb") == "SELECT ARG_MAX(flaws.fault, flaws.found_at) AS fault, flaws.job_no FROM flaws"


def test_a_ratio_is_of_all_records_and_not_of_those_that_have_others() -> None:
    reading = read(
        "What is the FR per paper?", "FR = number of distinct jobs with a flaw that is ours / number of all jobs"
    )
    first = (
        "SELECT jobs.paper, COUNT(DISTINCT CASE WHEN flaws.fault = 'ours' THEN flaws.job_no END) * 1.0"
        " / COUNT(DISTINCT jobs.job_no) AS fr FROM "
    )
    assert reading.tables(first) == ("jobs",)
    sql = reading.sql(f"{first}jobs GROUP BY jobs.paper")
    assert (
        "SUM(CASE WHEN EXISTS(SELECT 1 FROM jobs.flaws AS its WHERE its.fault = 'ours') THEN 1 ELSE 0 END)"
        in sql.replace('"', "")
    )
    assert ways.whole_of("SELECT COUNT(flaws.*) * 1.0 / COUNT(DISTINCT flaws.job_no) AS r FROM ", SHOP, NAMES) == ""


def test_records_with_any_others_are_told_to_the_model() -> None:
    reading = read("What is the FR?", "FR = number of jobs with a flaw / number of all jobs")
    assert "jobs with a flaw is COUNT(DISTINCT flaws.job_no)" in reading.notes


def test_ranks_and_running_totals_that_hints_define_are_spelled_out() -> None:
    ranked = read(
        "Return the press number and its CR.", "CR = press rank by total cost, with rank 1 for the highest total cost"
    )
    assert "CR is RANK() OVER (ORDER BY SUM(jobs.cost) DESC)" in ranked.notes
    running = read(
        "What are month, cost and RTC of jobs booked in 2024?",
        "RTC = running total of the cost up to the given month. Truncate booked_on to month.",
    )
    assert "RTC is SUM(SUM(jobs.cost)) OVER (ORDER BY DATE_TRUNC('month', jobs.booked_on))" in running.notes
    undefined = read("Return the press number and its CR.", "CR = press rank by worth")
    assert not any(note.startswith("CR is") for note in undefined.notes)


def test_a_change_that_hints_define_is_spelled_out() -> None:
    hints = (
        "MoMC = month-over-month change in average cost = (avg_cost_given_month - avg_cost_previous_month) /"
        " avg_cost_previous_month. Truncate booked_on to month."
    )
    before = "LAG(AVG(jobs.cost)) OVER (ORDER BY DATE_TRUNC('month', jobs.booked_on))"
    notes = read("What is the MoMC of jobs per zone and month?", hints).notes
    assert f"MoMC is (AVG(jobs.cost) - {before}) / {before}" in notes


def test_a_change_from_the_row_before_is_one_within_each_group() -> None:
    sql = read("change in cost from the previous month per paper").sql(
        "SELECT jobs.paper, DATE_TRUNC('month', jobs.printed_at) AS month, SUM(jobs.cost) - LAG(SUM(jobs.cost)) OVER"
        " (ORDER BY DATE_TRUNC('month', jobs.printed_at)) AS change FROM jobs"
    )
    assert "OVER (PARTITION BY jobs.paper ORDER BY DATE_TRUNC('MONTH', jobs.printed_at))" in sql
    ranked = read("rank by cost per paper").sql(
        "SELECT jobs.paper, RANK() OVER (ORDER BY SUM(jobs.cost) DESC) AS r FROM jobs"
    )
    assert "PARTITION" not in ranked


def test_what_a_group_belongs_to_is_there() -> None:
    sql = read("number of jobs per zone").sql("SELECT presses.zone, COUNT(jobs.*) AS jobs FROM jobs")
    assert sql.endswith('WHERE NOT presses."press_no" IS NULL GROUP BY presses.zone')


def test_a_ranking_by_the_number_of_things_goes_by_what_is_added_up_of_them() -> None:
    first = "SELECT jobs.paper, COUNT(DISTINCT jobs.press_no) AS presses, SUM(jobs.sheets) AS sheets FROM "
    question = (
        "What are the top 2 papers by number of sheets? Return the paper, number of distinct presses and of sheets."
    )
    assert '" ORDER BY " "sheets"' in read(question).second_part(first, "jobs")


def test_a_running_total_of_groups_adds_their_totals() -> None:
    sql = read("running total of cost per month").sql(
        "SELECT DATE_TRUNC('month', jobs.printed_at) AS month, SUM(jobs.cost) AS cost,"
        " SUM(jobs.cost) OVER (ORDER BY DATE_TRUNC('month', jobs.printed_at)) AS so_far FROM jobs"
    )
    assert "SUM(SUM(jobs.cost)) OVER (ORDER BY" in sql


def test_the_month_of_a_day_is_a_day() -> None:
    of_day = read("cost per month").sql(
        "SELECT DATE_TRUNC('month', jobs.booked_on) AS month, SUM(jobs.cost) AS c FROM jobs"
    )
    assert of_day.count("CAST(DATE_TRUNC('MONTH', jobs.booked_on) AS DATE)") == 2  # shown, and grouped by
    of_time = read("cost per month").sql(
        "SELECT DATE_TRUNC('month', jobs.printed_at) AS month, SUM(jobs.cost) AS c FROM jobs"
    )
    assert "CAST" not in of_time


def test_windows_are_written_only_where_something_is_asked_of_a_row_among_others() -> None:
    assert "| ranking" not in read("What are the top 3 presses by total cost of jobs?").first_part()
    assert "| ranking" in read("Return each press with its rank by total cost.").first_part()
    assert "| ranking" in read("What is the change in cost from the previous month?").first_part()


def test_nothing_is_left_to_a_model_where_a_question_gives_no_reason_for_anything() -> None:
    plain = read("How many jobs are there per press?").second_part(
        "SELECT jobs.press_no, COUNT(jobs.*) AS jobs FROM ", "jobs"
    )
    rest = next(line for line in plain.splitlines() if line.startswith("rest:"))
    assert rest.split() == ["rest:", '""', '"', "GROUP", "BY", 'jobs.press_no"']
    nothing = read("How many jobs are there?").second_part("SELECT COUNT(jobs.*) AS jobs FROM ", "jobs")
    assert next(line for line in nothing.splitlines() if line.startswith("rest:")).split() == ["rest:", '""']
    sorted_ = read("How many jobs are there per press, sorted by their number?").second_part(
        "SELECT jobs.press_no, COUNT(jobs.*) AS jobs FROM ", "jobs"
    )
    assert '" ORDER BY "' in sorted_
    counted = read("Which presses had more than 3 jobs?").second_part("SELECT presses.press_no FROM ", "jobs")
    assert '" HAVING COUNT(jobs.*) > 3"' in counted


def test_keys_are_not_added_up() -> None:
    line = next(
        x for x in read("What is the sum of job number 7?").first_part().splitlines() if x.startswith("addend:")
    )
    assert "cost" in line
    assert "job_no" not in line


def test_the_time_between_two_moments_runs_from_the_first_that_is_named() -> None:
    question = "the median number of days between the booking date and the payment date of jobs"
    forward = read(question).sql("SELECT MEDIAN(jobs.booked_on - jobs.paid_on) AS days FROM jobs")
    assert "DATE_DIFF('DAY', jobs.booked_on, jobs.paid_on)" in forward


def test_the_time_that_hints_take_between_two_columns_is_told() -> None:
    reading = read("What is the AST of flaws?", "AST = average time from found_at to settled_at")
    assert "the time from found_at to settled_at is flaws.settled_at - flaws.found_at" in reading.notes


@pytest.mark.parametrize(
    ("question", "absence"),
    [
        ("How many jobs ran? Ignore presses that haven't been leased.", False),
        ("Number of jobs per press. Leave out presses without jobs.", False),
        ("Days per job. Ignore jobs without an end time.", True),
        ("Which presses have no jobs?", True),
        ("Share of jobs with flaws (so 0 if there are no flaws)", False),
    ],
)
def test_who_is_left_out_for_having_none_is_not_asked_for(question: str, absence: bool) -> None:
    assert wording.read(question).absence is absence


def test_a_time_that_bounds_everything_is_no_part_of_one_figure() -> None:
    question = (
        "What are the NJ and TC of jobs in the last 3 months excluding the current month? Return month, NJ and TC."
    )
    reading = read(question, "NJ = number of jobs, TC = total cost. Truncate booked_on to month.")
    assert " DURING " not in reading.first_part()
    both = read("How many jobs are there, and how many were booked in May 2024?")
    assert " DURING " in both.first_part()


def test_texts_that_hints_look_for_with_wildcards_may_be_several() -> None:
    words = Words("How many flaws have to do with smeared or torn sheets?", SHOP, NAMES)
    match = matching.hinted(words, "Notes are matched with wildcards, e.g. LOWER(note) LIKE '%...%'.")
    assert match is not None
    assert match.condition == "(LOWER(flaws.note) LIKE '%smeared%' OR LOWER(flaws.note) LIKE '%torn%')"
    told = matching.anywhere(Words("They have 'smeared' or 'torn' anywhere in the note.", SHOP, NAMES))
    assert told is not None
    assert told.condition == match.condition
    assert matching.anywhere(Words("Look for 'smeared' and 'torn' anywhere in the note.", SHOP, NAMES)) is None


def test_who_is_left_out_for_having_no_value_has_one() -> None:
    reading = read("How many jobs are there per paper? Ignore jobs without a paper.")
    second = reading.second_part("SELECT jobs.paper, COUNT(jobs.*) AS jobs FROM ", "jobs")
    assert "WHERE jobs.paper IS NOT NULL" in second


def test_two_words_are_found_as_one_value() -> None:
    held = replace(JOBS, fields=(*JOBS.fields, Field(name="stage", type=pa.string(), values=("onhold", "begun"))))
    found = {x.phrase: x.values for x in Words("jobs that are on hold", (held,), NAMES).named()}
    assert found == {"on hold": ("onhold",)}


def test_tables_of_two_systems_are_called_alike() -> None:
    one = Entity(source="a", name="xxPress", primary_key=("id",), fields=(Field(name="id", type=pa.int64()),))
    two = replace(one, name="xxDailyCost")
    other = replace(one, source="b", name="xxJob")
    names = {e.full_name: e.name for e in (one, two, other)}
    called = Words("the daily costs", (one, two, other), names).called
    assert called == {"a.xxPress": [["press"]], "a.xxDailyCost": [["daily", "cost"]], "b.xxJob": [["job"]]}


def test_units_flags_and_short_forms_are_known_in_folded_names() -> None:
    fields = tuple(
        Field(name=name, type=type_)
        for name, type_ in (
            ("xxisactive", pa.bool_()),
            ("xxvehcls", pa.string()),
            ("xxcost", pa.float64()),
            ("xxkm", pa.int64()),
        )
    )
    entity = Entity(source="shop", name="xx", primary_key=(), fields=fields)
    assert [bare(f, entity) for f in fields] == ["is active", "veh cls", "cost", "km"]
    found = {x.phrase: x.columns for x in Words("total kilometres of presses", SHOP, NAMES).named()}
    assert found.get("kilometres") is None  # `run_km` is called by both its words
    assert Words("", SHOP, NAMES).same("km", "kilometre")


def test_a_word_behind_a_hyphen_is_no_text() -> None:
    assert Evidence("What is the opt-in preference of each press?", "", SHOP).text_words == ()
    assert Evidence("Which presses are in storage?", "", SHOP).text_words == ("storage",)


def test_a_word_of_time_alone_is_nothing_that_is_missing() -> None:
    evidence = Evidence("What is the booking date and the weather?", "", SHOP)
    assert evidence.unknown_words == ["weather"]


def test_what_is_said_of_records_is_a_state_and_no_deed() -> None:
    states = replace(
        JOBS,
        fields=(
            *JOBS.fields,
            Field(name="state", type=pa.string(), values=("open", "closed")),
            Field(name="handed_over_on", type=pa.date32()),
        ),
    )
    opened = replace(PRESSES, fields=(*PRESSES.fields, Field(name="opened_on", type=pa.date32())))
    found = {
        x.phrase: x.text for x in Words("cost of the jobs that are open, or overdue", (opened, states), NAMES).named()
    }
    assert found["open"] == "open is jobs.state = 'open'"
    assert "overdue" not in found  # `over` is not short for it


def test_what_is_counted_is_the_whole_of_a_name() -> None:
    lines = Entity(source="shop", name="job_parts", primary_key=("id",), fields=(Field(name="id", type=pa.int64()),))
    words = Words("the number of job parts", (*SHOP, lines), NAMES | {"shop.job_parts": "job_parts"})
    assert words.counts() == ("number of job parts is COUNT(job_parts.*)",)


def test_somebody_who_does_what_only_a_moment_records_is_unknown() -> None:
    assert read("Which printer did the most jobs in 2024?")._evidence.unknown_words == ["printer"]
    assert read("Which maker has the most presses?")._evidence.unknown_words == []  # there is a column of that name


@pytest.mark.parametrize(
    ("question", "doubtful"),
    [
        ("Which presses will break next month?", True),
        ("Which jobs will be paid next week?", False),  # `paid_on` may lie ahead
        ("How many jobs were paid last month?", False),
    ],
)
def test_what_will_be_is_known_of_moments_only(question: str, doubtful: bool) -> None:
    assert (read(question).doubt > 0) is doubtful


SHARE = "SUM(CASE WHEN jobs.outcome = 'returned' THEN 1 ELSE 0 END)"


@pytest.mark.parametrize(
    ("hints", "note"),
    [
        ("RR (return rate) = number of returned jobs / total number of jobs", f"RR is {SHARE} * 1.0 / COUNT(jobs.*)"),
        (
            "RR = (Number of Returned Jobs / Total Number of Jobs) * 100.",
            f"RR is {SHARE} * 100.0 / COUNT(jobs.*)",
        ),
        (
            "RR = number of express jobs with flaws / number of jobs with flaws",
            "RR is COUNT(DISTINCT CASE WHEN jobs.speed_class = 'express' THEN flaws.job_no END) * 1.0"
            " / COUNT(DISTINCT flaws.job_no)",
        ),
        ("RR = number of returned jobs / number of presses", ""),  # of others
        ("RR = number of jobs / number of jobs", ""),  # of all
        ("RR = number of lucky jobs / number of jobs", ""),  # of whom, nobody knows
        ("RR = number of returned jobs with hope / number of jobs with hope", ""),
        ("RR = number of returned jobs / number of express jobs", ""),  # the whole is a part as well
    ],
)
def test_a_share_that_hints_define_is_spelled_out(hints: str, note: str) -> None:
    notes = read("What is the RR per zone? Return the zone and RR.", hints).notes
    assert [n for n in notes if n.startswith("RR is")] == ([note] if note else [])


def test_what_hints_define_is_shown_where_it_is_wanted() -> None:
    defined = read("What is the RR per zone? Return the zone and RR.", "RR = number of returned jobs / number of jobs")
    assert f'"SELECT presses.zone, {SHARE} * 1.0 / COUNT(jobs.*) AS rr FROM "' in defined.first_part()
    told = read(
        "What is the return rate? Return the maker name and return rate.",
        "To get it, group by maker, and calculate the percentage of returned jobs.",
    )
    assert f"{SHARE} * 100.0 / COUNT(jobs.*) AS return_rate FROM " in told.first_part()
    rest = told.second_part(f"SELECT presses.maker, {SHARE} * 100.0 / COUNT(jobs.*) AS return_rate FROM ", "jobs")
    assert "jobs.outcome" not in rest  # the others are wanted too
    unknown = read("What is the RR per zone? Return the zone and RR.", "RR = happiness / sadness")
    assert '"SELECT " ' in unknown.first_part()
