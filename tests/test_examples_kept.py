"""Kept questions: opt-in, private, reviewed, shown to nobody who may not know them, and exported as they were asked."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from test_followups import Scripted

from groundwire import Hub
from groundwire.agents import examples, training
from groundwire.agents.agent import Agent
from groundwire.agents.examples import Examples
from groundwire.agents.prompt import question_text
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.catalog import Relation
from groundwire.core.config import parse
from groundwire.core.errors import QueryError

PER_COUNTRY = "How many orders are there per country?"
SQL = "SELECT customer.country, COUNT(*) AS orders FROM orders GROUP BY customer.country"
POLICY = {
    "roles": {
        "all": {"allow": ["shop.*"]},
        "german": {"allow": ["shop.*"], "rows": {"shop.customers": "country = 'DE'"}},
        "orders": {"allow": ["shop.orders"]},
    },
    "principals": {"ann": {"roles": ["all"]}, "bob": {"roles": ["german"]}, "cem": {"roles": ["orders"]}},
}


def _hub(file: Path, *, keep: bool = True, policy: dict[str, Any] | None = None) -> Hub:
    shop = MemoryConnector.from_tables(
        "shop",
        {
            "customers": pa.table({"id": [1, 2], "country": ["DE", "FR"]}),
            "orders": pa.table({"id": [1, 2, 3], "customer_id": [1, 1, 2]}),
        },
        relations={"orders": (Relation(name="customer", target="shop.customers", on=(("customer_id", "id"),)),)},
        primary_keys={"customers": ("id",), "orders": ("id",)},
    )
    raw: dict[str, Any] = {"sources": {"shop": {"type": "memory"}}, "examples": {"keep": keep, "file": str(file)}}
    if policy is not None:
        raw |= {"policy": policy, "audit": {"enabled": False}}
    return Hub([shop], parse(raw, base=file.parent))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "examples.sqlite"


@pytest.fixture
def hub(file: Path) -> Iterator[Hub]:
    with _hub(file) as made:
        yield made


def _asked(hub: Hub, question: str, sql: str) -> Examples:
    agent = Agent(hub, Scripted(queries=[sql]))
    agent.ask(question)
    assert agent.examples is not None
    return agent.examples


def test_nothing_is_kept_unless_it_is_wanted(file: Path) -> None:
    with _hub(file, keep=False) as hub:
        agent = Agent(hub, Scripted(queries=[SQL]))
        assert agent.ask(PER_COUNTRY).example is None
    assert not file.exists()


def test_a_question_is_kept_once_for_its_owner_alone_to_read(hub: Hub, file: Path) -> None:
    kept = _asked(hub, PER_COUNTRY, SQL)
    _asked(hub, PER_COUNTRY, SQL)
    (only,) = kept.all()
    assert (only.question, only.sql, only.outcome, only.state) == (PER_COUNTRY, SQL, "answered", "new")
    assert set(only.entities) == {"shop.orders", "shop.customers"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_only_what_was_approved_stands_beside_a_question_that_resembles_it(hub: Hub) -> None:
    kept = _asked(hub, PER_COUNTRY, SQL)
    near, far = "How many orders are there per country and month?", "Who left?"
    assert kept.like(near, hub) == []
    kept.judge(1, "approved")
    assert [e.id for e in kept.like(near, hub)] == [1]
    assert kept.like(far, hub) == []
    kept.judge(1, "rejected")
    assert kept.like(near, hub) == []


def test_a_correction_is_bound_before_it_is_kept(hub: Hub) -> None:
    kept = _asked(hub, PER_COUNTRY, "SELECT COUNT(*) AS n FROM orders")
    with pytest.raises(QueryError, match="contry"):
        kept.edit(1, hub, sql="SELECT customer.contry FROM orders")
    assert kept.one(1).outcome == "answered"
    assert kept.edit(1, hub, sql=SQL).outcome == "corrected"


def test_an_example_is_shown_to_nobody_who_may_not_see_all_that_it_is_about(file: Path) -> None:
    with _hub(file, policy=POLICY) as whole:
        ann, bob, cem = (whole.as_principal(name) for name in ("ann", "bob", "cem"))
        kept = _asked(bob, PER_COUNTRY, SQL)
        kept.judge(1, "approved")
        assert kept.like(PER_COUNTRY, bob), "its own"
        assert kept.like(PER_COUNTRY, ann), "who sees all of it"
        assert not kept.like(PER_COUNTRY, cem), "who may not see customers"
        kept.remove(1)
        kept = _asked(ann, PER_COUNTRY, SQL)
        kept.judge(1, "approved")
        assert not kept.like(PER_COUNTRY, bob), "who sees some customers only: the words may speak of others"


def test_the_training_set_is_what_the_agent_says_today(hub: Hub, tmp_path: Path) -> None:
    kept = _asked(hub, PER_COUNTRY, SQL)
    kept.judge(1, "approved")
    out = tmp_path / "set.jsonl"
    assert training.export(kept.all("approved"), hub, out) == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (line,) = out.read_text().splitlines()
    system, user, assistant = json.loads(line)["messages"]
    assert [m["role"] for m in (system, user, assistant)] == ["system", "user", "assistant"]
    assert "Table orders" in system["content"]
    assert user["content"].startswith(f"Q: {PER_COUNTRY}")
    drafted = "SELECT customers.country, COUNT(orders.*) AS orders FROM orders GROUP BY customers.country"
    assert assistant["content"] == drafted, "as the model drafts it, not as it is bound"
    info = training.dataset_info(out)["groundwire"]
    assert info["columns"] == {"messages": "messages"}
    assert info["file_name"] == "set.jsonl"


def test_solved_questions_stand_before_the_question() -> None:
    text = question_text("And now?", solved=[("Before?", "SELECT a.b FROM a")])
    assert text == "Q: Before?\nSELECT a.b FROM a\nQ: And now?"


def test_a_refusal_trains_a_refusal(hub: Hub) -> None:
    kept = examples.opened(hub.config)
    assert kept is not None
    said = {"principal": "", "hints": "", "sql": "", "entities": (), "at": hub.clock()}
    kept.keep(
        question="Who is tall?",
        text="I can't answer that from the connected systems: no height",
        outcome="refused",
        **said,
    )  # type: ignore[arg-type]
    made = training.conversation(kept.one(1), hub)
    assert made["messages"][2]["content"] == "CANNOT ANSWER: no height"
