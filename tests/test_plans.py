"""Plans: kept where that is sound, and never reading the same thing twice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from groundwire import Hub, QueryError
from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.core import plans
from groundwire.core.binder import bind
from groundwire.core.config import parse
from groundwire.core.connector import Capabilities, Pushdown

PEOPLE = pa.table({"id": [1, 2, 3], "boss": [None, 1, 1], "team": ["a", "b", "a"], "born": ["1990", "1980", "1970"]})
TEAMS = pa.table({"code": ["a", "b"], "city": ["Oslo", "Rome"]})


def _hub(people: pa.Table = PEOPLE, teams: pa.Table = TEAMS) -> Hub:
    able = dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT)
    hr = MemoryConnector.from_tables("hr", {"person": people}, pushdown=able, capabilities=Capabilities(boolean=True))
    crm = MemoryConnector.from_tables("crm", {"team": teams}, pushdown=able)
    measure = {"today": {"expression": "MAX(CURRENT_DATE)"}}
    entities = {"person": {"measures": measure}}
    return Hub([hr, crm], parse({"sources": {"hr": {"type": "memory", "entities": entities}}}, base=Path()))


def _scans(hub: Hub, source: str = "hr") -> list[str]:
    connector = hub.connectors[source]
    assert isinstance(connector, MemoryConnector)
    return [f"{s.entity.name} {s.where}" for s in connector.scans]


# -- plans that are kept -----------------------------------------------------------------------


def test_the_plan_of_a_text_is_kept() -> None:
    hub = _hub()
    text = "SELECT COUNT(*) FROM hr.person WHERE team = 'a'"
    assert hub.plan(text) is hub.plan(text)
    assert hub.plan(text) is not hub.plan(text, limit=1)
    assert hub.plan(text) is not hub.plan(text, whole=False)
    assert hub.plan(text) is not hub.plan(text, link_values=True)
    assert [hub.query(text).rows() for _ in range(3)] == [[(2,)]] * 3


def test_a_kept_plan_reads_live_data() -> None:
    hub = _hub()
    text = "SELECT COUNT(*) FROM hr.person"
    assert hub.query(text).rows() == [(3,)]
    connector = hub.connectors["hr"]
    assert isinstance(connector, MemoryConnector)
    connector.tables["person"] = PEOPLE.slice(0, 1)
    assert hub.query(text).rows() == [(1,)]


@pytest.mark.parametrize(
    "clock",
    ["CURRENT_DATE", "NOW()", "today()", "CURRENT_TIMESTAMP", "CURRENT_TIME", "age(CAST(born AS DATE))", "today"],
)
def test_a_plan_that_depends_on_the_clock_is_not_kept(clock: str) -> None:
    hub = _hub()
    text = f"SELECT {clock} AS x FROM hr.person"
    assert hub.plan(text).bound.reads_clock
    assert hub.plan(text) is not hub.plan(text)


def test_the_clock_is_read_once_for_all_systems_also_in_a_measure() -> None:
    then = datetime(2020, 2, 3, 12, tzinfo=UTC)
    text = bind("SELECT today, CURRENT_TIME, age(born) FROM hr.person", _hub().catalog, now=then).sql()
    assert "'2020-02-03'" in text
    assert "'12:00:00" in text
    assert "CURRENT" not in text.upper().replace("AS CURRENT_TIME", "")


def test_another_catalog_forgets_every_plan() -> None:
    hub = _hub()
    text = "SELECT team FROM hr.person"
    before = hub.plan(text)
    hub._catalog = hub.catalog.replaced(())
    assert hub.plan(text) is not before


def test_plans_are_bounded_in_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MOST", 2)
    hub = _hub()
    one, two, three = (f"SELECT id FROM hr.person WHERE id = {n}" for n in (1, 2, 3))
    first, second = hub.plan(one), hub.plan(two)
    assert hub.plan(one) is first
    hub.plan(three)  # the second has been unused for longest
    assert hub.plan(one) is first
    assert hub.plan(two) is not second
    long = f"SELECT id FROM hr.person WHERE team <> '{'x' * plans.LONGEST}'"
    assert hub.plan(long) is not hub.plan(long)


def test_a_negative_limit_is_an_error() -> None:
    with pytest.raises(QueryError, match="negative"):
        _hub().query("SELECT id FROM hr.person", limit=-1)


# -- reads that are shared -----------------------------------------------------------------------


def test_the_same_read_of_one_plan_is_done_once() -> None:
    hub = _hub()
    text = """SELECT (SELECT COUNT(*) FROM hr.person WHERE team = 'a') AS a,
                     (SELECT COUNT(*) FROM hr.person WHERE team = 'a') * 100 AS b"""
    assert hub.query(text).rows() == [(2, 200)]
    assert len(_scans(hub)) == 1


def test_different_reads_stay_apart() -> None:
    hub = _hub()
    text = "SELECT id FROM hr.person WHERE team = 'a' UNION ALL SELECT id FROM hr.person WHERE team = 'b' ORDER BY 1"
    assert hub.query(text).rows() == [(1,), (2,), (3,)]
    assert len(_scans(hub)) == 2


def test_a_read_of_everything_serves_the_ones_that_would_be_bounded_by_keys() -> None:
    hub = _hub()
    text = """SELECT p.id FROM hr.person p WHERE p.team IN (SELECT code FROM crm.team WHERE city = 'Oslo')
              UNION ALL SELECT p.id + 10 * LENGTH(p.team) FROM hr.person p ORDER BY 1"""
    wanted = [(1,), (3,), (11,), (12,), (13,)]
    assert hub.query(text).rows() == wanted
    assert len(_scans(hub)) == 1, hub.explain(text)


def test_reads_bounded_by_the_same_keys_are_one_read() -> None:
    hub = _hub()
    half = "SELECT p.id FROM crm.team t JOIN hr.person p ON p.team = t.code WHERE t.city = 'Oslo'"
    text = f"{half} UNION ALL {half} ORDER BY 1"
    assert hub.query(text).rows() == [(1,), (1,), (3,), (3,)]
    assert len(_scans(hub, "crm")) == len(_scans(hub)) == 1
    assert "in" in _scans(hub)[0]


def test_reads_bounded_by_different_keys_stay_apart() -> None:
    hub = _hub()
    part = "SELECT p.id FROM crm.team t JOIN hr.person p ON p.team = t.code WHERE t.city = '{}'"
    text = f"{part.format('Oslo')} UNION ALL {part.format('Rome')} ORDER BY 1"
    assert hub.query(text).rows() == [(1,), (2,), (3,)]
    assert len(_scans(hub)) == 2


def test_a_table_named_like_a_read_is_not_taken_for_it() -> None:
    text = """WITH f0 AS (SELECT team, COUNT(*) AS n FROM hr.person GROUP BY team)
              SELECT t.city, f0.n FROM crm.team t JOIN f0 ON f0.team = t.code ORDER BY 1"""
    assert _hub().query(text).rows() == [("Oslo", 2), ("Rome", 1)]
