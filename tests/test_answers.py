"""Results that are given again: to the same asker, within the same bound, and not once something is known to have changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core import answers
from groundwire.core.config import parse

SQL = "SELECT COUNT(*) AS n FROM crm.account"
ACCOUNTS = pa.table({"id": [1, 2, 3], "country": ["DE", "FR", "FR"]})
POLICY = {
    "roles": {"sales": {"allow": ["crm.*"], "rows": {"crm.account": "country = principal.country"}}},
    "principals": {
        "ann": {"roles": ["sales"], "attributes": {"country": "DE"}},
        "fred": {"roles": ["sales"], "attributes": {"country": "FR"}},
    },
}


class _Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def _hub(clock: _Clock | None = None, **config: Any) -> Hub:
    source = MemoryConnector.from_tables("crm", {"account": ACCOUNTS}, primary_keys={"account": ("id",)})
    settings = {"cache": {"refresh": "off"}, **config}
    hub = Hub([source], parse(settings, base=Path()), **({"clock": clock} if clock else {}))
    hub.remember()
    return hub


def _scans(hub: Hub) -> int:
    source = hub.connectors["crm"]
    assert isinstance(source, MemoryConnector)
    return len(source.scans)


def test_the_same_question_is_answered_from_memory_and_says_so() -> None:
    with _hub() as hub:
        assert hub.remembered(SQL, max_age="1h") is None
        first = hub.query(SQL, max_age="1h")
        again = hub.query(SQL, max_age="1h")
        assert again.table is first.table
        assert again.sources[0].mode == "cache"
        assert again.sources[0].as_of == first.sources[0].as_of
        assert hub.remembered(SQL, max_age="1h") is not None
        assert _scans(hub) == 1


@pytest.mark.parametrize(
    "other",
    [{"max_age": "2h"}, {"max_age": "0"}, {"max_age": "1h", "limit": 1}, {"max_age": "1h", "on_error": "incomplete"}],
)
def test_another_question_is_not(other: dict[str, Any]) -> None:
    with _hub() as hub:
        hub.query(SQL, max_age="1h")
        assert hub.remembered(SQL, max_age="1h") is None or hub.remembered(SQL, **other) is None
        assert hub.remembered(SQL, **other) is None


@pytest.mark.parametrize("sql", ["SELECT COUNT(*) FROM crm.account WHERE CURRENT_DATE > DATE '2000-01-01'", "SELECT 1"])
def test_what_depends_on_the_clock_or_on_nothing_is_not_kept(sql: str) -> None:
    with _hub() as hub:
        hub.query(sql, max_age="1h")
        hub.query(sql, max_age="1h")
        assert hub.remembered(sql, max_age="1h") is None


def test_principals_are_never_given_each_others_answers() -> None:
    with _hub(policy=POLICY, audit={"enabled": False}) as whole:
        ann, fred = whole.as_principal("ann"), whole.as_principal("fred")
        for _ in range(3):
            assert [ann.query(SQL, max_age="1h").rows(), fred.query(SQL, max_age="1h").rows()] == [[(1,)], [(2,)]]
        told = [h.remembered(SQL, max_age="1h") for h in (ann, fred, whole.as_principal("ann"))]
        assert [t.rows() for t in told if t is not None] == [[(1,)], [(2,)], [(1,)]]
        assert all(t is not None and t.sources[0].native == () for t in told)


def test_where_every_query_is_recorded_none_is_given_past_the_record(tmp_path: Path) -> None:
    with _hub(audit={"path": str(tmp_path / "audit.jsonl")}) as hub:
        for _ in range(3):
            hub.query(SQL, max_age="1h")
        assert hub.remembered(SQL, max_age="1h") is None
        assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 3


def test_a_change_that_is_known_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LOOK", 0.0)
    with _hub() as hub:
        hub.query(SQL, max_age="1h")
        hub.query(SQL, max_age="1h")
        assert hub.cache is not None
        hub.cache.invalidate("crm", ["crm.account"], datetime.now(UTC) + timedelta(microseconds=1))
        assert hub.query(SQL, max_age="1h").sources[0].mode == "live"
        assert _scans(hub) == 2


def test_it_is_read_again_before_it_is_too_old() -> None:
    clock = _Clock()
    with _hub(clock) as hub:
        clock.now = datetime.now(UTC)
        hub.query(SQL, max_age="1h")
        clock.now += timedelta(minutes=44)
        aged = hub.query(SQL, max_age="1h")
        assert timedelta(minutes=43) < aged.sources[0].age < timedelta(minutes=45)
        assert hub.remembered(SQL, max_age="1h") is not None
        clock.now += timedelta(minutes=2)
        assert hub.remembered(SQL, max_age="1h") is None
        clock.now += timedelta(minutes=20)
        assert hub.query(SQL, max_age="1h").sources[0].mode == "live"


def test_only_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST", 20)
    with _hub() as hub:
        texts = [f"{SQL} WHERE id > {n}" for n in range(5)]
        for text in texts:
            hub.query(text, max_age="1h")
            hub.query(text, max_age="1h")
        assert [hub.remembered(t, max_age="1h") is not None for t in texts] == [False, False, False, True, True]
