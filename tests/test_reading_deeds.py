"""Deeds by other words, names that a database folds into one, single figures: read by code, seen in links and queries."""

from __future__ import annotations

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from groundwire.agents import draft, headings, ranking, ways, wording
from groundwire.agents.evidence import Evidence
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Entity, Field, Relation

READERS = Entity(
    source="press",
    name="readers",
    primary_key=("readerid",),
    fields=(
        Field(name="readerid", type=pa.int64(), nullable=False),
        Field(name="fullname", type=pa.string()),
        Field(name="town", type=pa.string(), values=("Montana", "Springfield")),
        Field(name="state", type=pa.string(), values=("active", "asleep")),
        Field(name="joindate", type=pa.date32()),
    ),
)
VOUCHERS = Entity(
    source="press",
    name="redemptions",
    primary_key=("redid",),
    fields=(
        Field(name="redid", type=pa.int64(), nullable=False),
        Field(name="readerid", type=pa.int64()),
        Field(name="yearlyfee", type=pa.float64()),
        Field(name="fee", type=pa.float64()),
        Field(name="day", type=pa.date32()),
    ),
    relations=(Relation(name="reader", target="press.readers", on=(("readerid", "readerid"),)),),
)
SALES = Entity(
    source="press",
    name="sales",
    primary_key=("saleid",),
    fields=(
        Field(name="saleid", type=pa.int64(), nullable=False),
        Field(name="readerid", type=pa.int64()),
        Field(name="saledate", type=pa.date32()),
        Field(name="typedat", type=pa.timestamp("us")),
    ),
    relations=(Relation(name="reader", target="press.readers", on=(("readerid", "readerid"),)),),
)
PRESS = (READERS, VOUCHERS, SALES)
NAMES = {"press.readers": "readers", "press.redemptions": "redemptions", "press.sales": "sales"}


def read(question: str, hints: str = "") -> Reading:
    return Reading(question, hints, PRESS, NAMES)


def moments(question: str) -> list[tuple[str, str]]:
    return [(x.phrase, x.columns[0]) for x in read(question).links if x.told and x.moment]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("How many readers signed up in 2023?", [("signed up", "readers.joindate")]),
        ("How many readers registered in 2023?", [("registered", "readers.joindate")]),
        ("How many readers joined in 2023?", [("joined", "readers.joindate")]),
        ("What was sold in 2023?", [("sold", "sales.saledate")]),
        ("What was bought in May 2023?", [("bought", "sales.saledate")]),
        ("How many sales were there in 2023?", []),
    ],
)
def test_a_deed_is_found_by_another_word_for_it(question: str, told: list[tuple[str, str]]) -> None:
    assert moments(question) == told


def test_a_deed_that_a_moment_is_named_by_goes_before_one_like_it() -> None:
    signs = Field(name="signedupat", type=pa.timestamp("us"))
    both = Entity(
        source="press", name="writers", primary_key=("id",), fields=(Field(name="id", type=pa.int64()), signs)
    )
    reading = Reading("How many writers signed up in 2023?", "", (*PRESS, both), {**NAMES, "press.writers": "writers"})
    assert "readers.joindate" in {x.columns[0] for x in read("How many signed up?").links}
    assert {x.columns[0] for x in reading.links if x.told} <= {"writers.signedupat", "readers.joindate"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("redeemed", "redemption"),
        ("subscribed", "subscription"),
        ("submitted", "submission"),
        ("enrolled", "enrolment"),
    ],
)
def test_a_noun_of_a_verb_has_its_root(one: str, other: str) -> None:
    assert wording.root(one) == wording.root(other)
    assert wording.deed("sold") == wording.deed("sale") != wording.deed("salt")


def test_who_redeemed_is_known_by_redemptions() -> None:
    assert read("How many readers redeemed in 2023?").doubt == 0
    assert read("How many readers complained in 2023?").doubt > 0


def test_a_name_that_a_database_folds_is_found_by_its_words() -> None:
    links = read("What is the average yearly fee of redemptions?").links
    assert [(x.phrase, x.columns) for x in links] == [("yearly fee", ("redemptions.yearlyfee",))]
    assert [x.columns for x in read("What is the average fee of redemptions?").links] == [("redemptions.fee",)]


def test_a_month_is_no_reason_to_think_of_a_town() -> None:
    assert not Evidence("How many per month?", "", PRESS)(READERS.field("town"), "Montana")
    assert Evidence("How many in Montana?", "", PRESS)(READERS.field("town"), "Montana")


def test_what_hints_count_over_is_a_condition() -> None:
    question, first = "How many TAR are there per town?", "SELECT readers.town, COUNT(readers.*) AS tar FROM "
    told = read(question, "TAR = total active readers").second_part(first, "readers")
    assert "WHERE readers.state = 'active'" in told
    ratio = read(question, "TAR = active readers / all readers").second_part(first, "readers")
    assert "WHERE readers.state = 'active'" not in ratio
    other = read(question, "TAS = total active readers").second_part(first, "readers")
    assert "WHERE readers.state = 'active'" not in other


def test_numbers_within_names_are_no_numbers() -> None:
    assert wording.read("Join as `t1 JOIN t2` in the year.").numbers == ()
    assert wording.read("more than 20 readers").numbers == ("20",)


def test_a_list_of_those_with_others_holds_none_that_is_missing() -> None:
    question, first = "Return the distinct list of reader IDs with sales.", "SELECT DISTINCT readers.readerid FROM "
    assert "sales.readerid IS NOT NULL" in read(question).second_part(first, "sales")
    assert "IS NOT NULL" not in read(question).second_part(first, "readers").split("rest:")[1].splitlines()[0]
    every = "SELECT readers.readerid FROM "
    assert (
        "sales.readerid IS NOT NULL" not in read(question).second_part(every, "sales").split("rest:")[1].split("\n")[0]
    )


@pytest.mark.parametrize(
    ("question", "one"),
    [
        ("Highest daily fee of redemptions in the past 7 days", True),
        ("What is the average fee of redemptions?", True),
        ("What is the average fee of redemptions per town?", False),
        ("Highest fee and the day of it", False),
        ("Which reader paid the highest fee?", False),
    ],
)
def test_one_figure_is_shown_alone(question: str, one: bool) -> None:
    assert ('query: "SELECT " ["DISTINCT "] only' in read(question).first_part()) is one


def test_a_moment_that_is_compared_with_itself_says_that_another_is_missing() -> None:
    reading = read("Which sales were typed more than two hours late?")
    late = "SELECT sales.saleid FROM sales WHERE sales.typedat < sales.typedat - INTERVAL '2 hours'"
    assert reading.senseless(late) == "sales.typedat"
    assert reading.senseless("SELECT sales.saleid FROM sales WHERE sales.typedat > sales.saledate") == ""
    assert reading.senseless("SELECT sales.saleid FROM sales WHERE sales.typedat DURING '2023'") == ""
    assert reading.senseless("SELECT sales.saleid FROM sales WHERE") == ""
    of_all = "SELECT a.x FROM a WHERE a.x = (SELECT MAX(a.x) FROM a)"
    assert draft.compared_with_itself(of_all) == ""


def test_hundredths_are_taken_once() -> None:
    reading = read("What is the CR per town?", "CR = active readers / all readers * 100")
    twice = "SELECT readers.town, (SUM(CASE WHEN readers.state = 'active' THEN 1 ELSE 0 END) * 100.0 / COUNT(readers.*)) * 100 AS cr FROM readers"
    assert reading.sql(twice).count("100") == 1
    assert reading.sql(twice.replace(" * 100 AS", " * 2 AS")).count("* 2") == 1


def test_columns_that_the_model_does_not_name_are_named_by_code() -> None:
    low = read("How many sales were there per town?")
    made = sqlglot.parse_one(low.sql("SELECT readers.town, COUNT(sales.*), COUNT(DISTINCT sales.readerid) FROM sales"))
    assert [s.alias_or_name for s in made.selects] == ["town", "sales", "distinct_readerid"]


def test_figures_are_called_by_what_they_are() -> None:
    made = sqlglot.parse_one(
        "SELECT AVG(a.x), AVG(a.x), MAX(a.y) AS top, SUM(a.z) * 100.0 / COUNT(a.id), SUM(a.z) / SUM(a.x), a.b,"
        " RANK() OVER (ORDER BY SUM(a.z)), SUM(a.z) - SUM(a.x) FROM a",
        dialect="duckdb",
    )
    assert isinstance(made, exp.Select)
    headings.add(made)
    assert [s.alias_or_name for s in made.selects] == [
        "average_x",
        "average_x_2",
        "top",
        "percentage",
        "ratio",
        "b",
        "rank",
        "figure",
    ]


@pytest.mark.parametrize(
    ("first", "ordered", "by"),
    [
        ("SELECT readers.town, COUNT(sales.*) FROM ", (), "COUNT(sales.*)"),
        ("SELECT readers.town, COUNT(sales.*) AS n FROM ", (), "n"),
        ("SELECT readers.joindate, COUNT(sales.*) AS n FROM ", ("readers.joindate",), ""),
        ("SELECT readers.town, COUNT(sales.*) AS n, SUM(sales.x) AS x FROM ", (), "n"),
        ("SELECT readers.town FROM ", (), ""),
        ("SELECT readers.town, COUNT(", (), ""),
    ],
)
def test_a_ranking_goes_by_the_one_figure_that_is_shown(first: str, ordered: tuple[str, ...], by: str) -> None:
    counted = ("most tokens is COUNT(sales.*)",)
    assert ranking.figure("Which 3 towns have the most tokens?", first, counted, ordered) == by


def test_a_ranking_is_sorted_by_more_only_where_the_question_says_so() -> None:
    first = "SELECT readers.town, COUNT(sales.*) AS n FROM "
    plain = read("Which 3 towns have the most sales?").second_part(first, "sales")
    assert '" ORDER BY n DESC" " LIMIT 3"' in plain.replace('" ORDER BY " "n" " DESC"', '" ORDER BY n DESC"')
    then = read("Which 3 towns have the most sales? Sort by that, then by town.").second_part(first, "sales")
    assert "order){0,2}" in then.split("rest:")[1].splitlines()[0]


def test_labels_are_names_or_the_figures_themselves() -> None:
    start = ways.start("SELECT readers.town, COUNT(sales.*), SUM(sales.x) AS x FROM ", PRESS, NAMES)
    assert start.labels == ("COUNT(sales.*)", "x")


def seen(question: str) -> str:
    reading = read(question)
    return reading._seen.text if reading._seen is not None else ""


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (
            "What are the top 3 towns by number of sales? Return the town, number of sales and number of distinct readers.",
            "SELECT readers.town, COUNT(sales.*) AS number_of_sales,"
            " COUNT(DISTINCT readers.readerid) AS number_of_distinct_readers",
        ),
        (
            "Which towns pay most? Return the town name and total yearly fee.",
            "SELECT readers.town, SUM(redemptions.yearlyfee) AS total_yearly_fee",
        ),
        (
            "Which readers came? Return the reader ID and state, ordered by state.",
            "SELECT readers.readerid, readers.state",
        ),
        ("Return the distinct list of reader IDs with a sale.", ""),  # what follows is no end of a list
        ("Return the distinct list of reader IDs that have a sale.", "SELECT DISTINCT readers.readerid"),
        ("Return the number of active readers.", "SELECT COUNT(readers.*) AS number_of_active_readers"),
        ("Return the reader ID and how happy each is.", ""),  # not all of it is understood
        ("Return the town, number of readers who came, and total yearly fee.", ""),  # the list goes on behind `who`
        ("Return the number of readers per month.", ""),
        ("For each state, return the number of readers.", ""),  # the state is wanted too
        ("Return the latest state of the reader.", ""),
        ("Which 3 readers spent most? Return the reader ID.", ""),  # by what is ranked is not shown
        ("How many returned?", ""),
    ],
)
def test_what_a_question_wants_to_see_is_read_where_all_of_it_is_understood(question: str, text: str) -> None:
    assert seen(question) == text


def test_what_is_wanted_and_known_is_not_asked_of_the_model() -> None:
    reading = read("Which readers came? Return the reader ID and state.")
    known = 'start: query\nquery: "SELECT readers.readerid, readers.state FROM "\n'
    assert reading.first_part(refusal=reading.may_refuse) == known
    assert "GROUPS" not in reading.first_part(free=True)
    assert reading.first_part(free=True) != reading.first_part()
    doubted = read("Which readers complained? Return the reader ID and state.")
    assert doubted.first_part(refusal=doubted.may_refuse).startswith('start: query | "CANNOT ANSWER: " REASON\n')


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many readers joined in 2023?", "SELECT COUNT(readers.*) AS number_of_readers"),
        ("number of sales in the past 7 days", "SELECT COUNT(sales.*) AS number_of_sales"),
        (
            "How many distinct readers bought in 2023?",
            "SELECT COUNT(DISTINCT readers.readerid) AS number_of_distinct_readers",
        ),
        ("How many readers joined in 2023, and what did they pay on average?", ""),
        ("How many readers are there per town?", ""),
        ("How many towns have readers?", ""),
        ("Why did so many readers leave?", ""),
    ],
)
def test_one_number_is_read_where_nothing_else_is_asked(question: str, text: str) -> None:
    assert seen(question) == text


def test_two_moments_share_a_month_where_one_is_told_and_the_other_is_the_only_one() -> None:
    question = "Which reader redeemed the most in the same month as they signed up?"
    second = read(question).second_part("SELECT readers.readerid, COUNT(redemptions.*) AS n FROM ", "redemptions")
    assert "DATE_TRUNC('month', readers.joindate) = DATE_TRUNC('month', redemptions.day)" in second
    two = read(question.replace("redeemed", "bought")).second_part("SELECT readers.readerid FROM ", "sales")
    assert "= DATE_TRUNC('month', sales.typedat)" not in two.split("rest:")[1].splitlines()[0]


@pytest.mark.parametrize(
    ("question", "order"),
    [
        ("Return the town and rate, ordered from lowest to highest rate.", " ORDER BY rate ASC"),
        ("Return the town and rate, sorted by rate in descending order.", " ORDER BY rate DESC"),
        ("Return the town and rate, ordered by rate, the highest first.", " ORDER BY rate DESC"),
        ("Sort the results by town ascending.", " ORDER BY readers.town ASC"),
        ("Return the top 3 towns, ordered from lowest to highest rate.", ""),  # which three, is not said by that
        ("Return the town and rate, ordered from lowest to highest temperature.", ""),
        ("Return the town and rate.", ""),
    ],
)
def test_an_order_that_is_asked_for_is_written_by_code(question: str, order: str) -> None:
    assert ranking.order(question, "SELECT readers.town, COUNT(readers.*) AS rate FROM ") == order


def test_one_row_has_no_order() -> None:
    second = read("How many sales were there? Sort by number.").second_part("SELECT COUNT(sales.*) AS n FROM ", "sales")
    assert "ORDER BY" not in second.split("rest:")[1].splitlines()[0]


def test_a_listed_value_in_quotes_is_no_text_to_search_for() -> None:
    assert "active" not in read("How many readers are 'active'?")._evidence.text_words
    assert "sleepy" in read("How many readers are called 'sleepy'?")._evidence.text_words


def test_a_word_that_is_one_value_is_no_reason_for_another() -> None:
    kinds = Field(name="kind", type=pa.string(), values=("paper", "screen"))
    titles = Field(name="heading", type=pa.string(), values=("Papers of State", "Screens"))
    issues = Entity(
        source="press", name="issues", primary_key=("id",), fields=(Field(name="id", type=pa.int64()), kinds, titles)
    )
    reading = Reading("How many paper issues are there?", "", (issues,), {"press.issues": "issues"})
    assert not reading._evidence(titles, "Papers of State")
    assert reading._evidence(kinds, "paper")


SNAPSHOTS = Entity(
    source="press",
    name="reader_snapshots",
    primary_key=("snapid",),
    fields=(
        Field(name="snapid", type=pa.int64(), nullable=False),
        Field(name="readerid", type=pa.int64()),
        Field(name="debt", type=pa.float64()),
        Field(name="snapshotdate", type=pa.date32()),
        Field(name="writtenat", type=pa.timestamp("us")),
    ),
    relations=(Relation(name="reader", target="press.readers", on=(("readerid", "readerid"),)),),
)
CLUBS = Entity(
    source="press",
    name="clubs",
    primary_key=("clubid",),
    fields=(
        Field(name="clubid", type=pa.int64(), nullable=False),
        Field(name="readerid", type=pa.int64()),
        Field(name="createdat", type=pa.timestamp("us")),
        Field(name="decidedat", type=pa.timestamp("us")),
        Field(name="state", type=pa.string(), values=("decided", "asked")),
    ),
    relations=(Relation(name="reader", target="press.readers", on=(("readerid", "readerid"),)),),
)
MORE = (*PRESS, SNAPSHOTS, CLUBS)
MORE_NAMES = {**NAMES, "press.reader_snapshots": "reader_snapshots", "press.clubs": "clubs"}


def more(question: str, hints: str = "") -> Reading:
    return Reading(question, hints, MORE, MORE_NAMES)


@pytest.mark.parametrize(
    ("question", "first", "table", "condition"),
    [
        (
            "What was the average debt for the earliest reader snapshot in 2023?",
            "SELECT AVG(reader_snapshots.debt) AS debt FROM ",
            "reader_snapshots",
            "reader_snapshots.snapshotdate = (SELECT MIN(reader_snapshots.snapshotdate) FROM reader_snapshots"
            " WHERE reader_snapshots.snapshotdate DURING '2023')",
        ),
        (
            "How many clubs were decided on the latest decision date?",
            "SELECT COUNT(clubs.*) AS clubs FROM ",
            "clubs",
            "clubs.decidedat = (SELECT MAX(clubs.decidedat) FROM clubs)",
        ),
        (
            "Which readers do not run any clubs?",
            "SELECT readers.readerid FROM ",
            "readers",
            "readers.readerid NOT IN (SELECT clubs.readerid FROM clubs)",
        ),
        (
            "Which readers did not get a redemption within the first year of being joined?",
            "SELECT readers.readerid FROM ",
            "readers",
            "INTERVAL '1 years'",
        ),
    ],
)
def test_what_a_record_must_be_is_read_in_more_words(question: str, first: str, table: str, condition: str) -> None:
    rest = more(question).second_part(first, table)
    assert condition in rest.split("rest:")[1].splitlines()[0]


def test_what_is_said_of_a_lack_is_no_word_that_nobody_knows() -> None:
    assert more("Which readers do not sponsor any clubs?").doubt == 0
    assert more("Which readers sponsor clubs?").doubt > 0


def test_that_something_was_created_is_a_moment_of_it_alone() -> None:
    told = more("How many sales were there in the month in which the club was created?").links
    assert "clubs.createdat" in {x.columns[0] for x in told if x.told}
    active = more("Which clubs created most?").links
    assert not any(x.told for x in active)


def test_what_was_done_at_a_time_is_no_state() -> None:
    evidence = more("How many days passed to the decision of clubs decided in 2023?")._evidence
    assert not evidence(CLUBS.field("state"), "decided")
    assert evidence(CLUBS.field("state"), "asked") is False


def test_of_each_the_latest_is_shown_where_it_is_asked_for() -> None:
    for said in (
        read_latest("What is the debt of the latest reader snapshot for each reader?"),
        read_latest(
            "What is the LD?", "LD = latest debt, which is the debt of the most recent snapshot for each reader"
        ),
    ):
        assert "ARG_MAX(reader_snapshots.debt, reader_snapshots.snapshotdate)" in said
    assert "ARG_MAX" not in read_latest("What is the debt of each reader?")


def read_latest(question: str, hints: str = "") -> str:
    return more(question, hints).sql("SELECT reader_snapshots.debt FROM reader_snapshots")


def test_a_condition_of_a_column_with_itself_is_left_out() -> None:
    made = more("How many clubs are there?").sql(
        "SELECT COUNT(clubs.*) AS n FROM clubs WHERE clubs.state = 'asked' AND clubs.decidedat >= clubs.decidedat"
    )
    assert made == "SELECT COUNT(*) AS n FROM clubs WHERE clubs.state = 'asked'"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (
            "What are the 3 most common reader states and their respective counts?",
            "SELECT readers.state, COUNT(readers.*) AS count",
        ),
        ("What are the most common reader states of sales and their counts?", ""),  # of which, is not clear
        ("What are the most common reader states and who has them?", ""),
        ("Return readers (reader ID and town) who bought.", "SELECT readers.readerid, readers.town"),
        (
            "Return the town and the snapshot count.",
            "SELECT readers.town, COUNT(reader_snapshots.*) AS snapshot_count",
        ),
        (
            "Return the total number of snapshots taken and the average snapshot debt.",
            "SELECT COUNT(reader_snapshots.*) AS total_number_of_snapshots_taken,"
            " AVG(reader_snapshots.debt) AS average_snapshot_debt",
        ),
    ],
)
def test_what_is_wanted_is_read_by_part_of_a_name_too(question: str, text: str) -> None:
    reading = more(question)
    assert (reading._seen.text if reading._seen is not None else "") == text


def test_a_count_that_hints_define_is_the_count_that_is_wanted() -> None:
    defined = more("What is the TNC? Return the total count.", "TNC = total number of clubs in the past month")
    assert 'query: "SELECT COUNT(clubs.*) AS total_count FROM "' in defined.first_part()
    asked = more("What was the TNC in 2023?", "TNC = total number of clubs")
    assert 'query: "SELECT COUNT(clubs.*) AS tnc FROM "' in asked.first_part()
    share = more("What is the TNC? Return the total count.", "TNC = number of clubs / number of readers")
    assert 'query: "SELECT COUNT' not in share.first_part()


def test_what_is_wanted_is_sorted_only_where_the_question_says_so() -> None:
    first = "SELECT readers.town, COUNT(sales.*) AS n FROM "
    plain = read("Which towns have more sales than others? Return the town and number of sales.")
    assert "ORDER BY" not in plain.second_part(first, "sales").split("rest:")[1].splitlines()[0]
    said = read("Which towns are there? Return the town and number of sales, sorted by town.")
    assert "ORDER BY" in said.second_part(first, "sales").split("rest:")[1].splitlines()[0]


def test_what_goes_on_is_no_state_that_is_known_and_no_sql() -> None:
    assert read("How many open sales are there?").wording.ongoing
    assert not read("How many active readers are there?").wording.ongoing
    assert not read("How many sales?", "Last week = CURRENT_DATE - INTERVAL '7 days'").wording.ongoing
    assert read("How many sales are there currently?").wording.ongoing
