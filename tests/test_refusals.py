"""What a refusal costs and tells: cost budgets, and hidden names that are refused as unknown ones are, in the same time."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.config import parse
from groundwire.core.errors import BudgetSpent, UnknownName


def _hub(folder: Path, **policy: Any) -> Hub:
    people = pa.table({"id": [1, 2], "name": ["Ada", "Bo"], "salary": [1, 2]})
    tables = {"person": people, "payroll": pa.table({"id": range(5000), "amount": range(5000)})}
    hr = MemoryConnector.from_tables("hr", tables)
    settings = {
        "policy": {
            "roles": {"staff": {"allow": ["hr.person"], "deny": ["hr.person.salary"]}},
            "principals": {"ann": {"roles": ["staff"]}, "bob": {"roles": ["staff"]}},
            **policy,
        },
        "audit": {"enabled": False},
        "replicas": {"url": f"sqlite:///{folder / 'replicas.sqlite'}"},
    }
    return Hub([hr], parse(settings, base=folder))


def test_what_costs_more_than_the_hours_budget_is_refused_afterwards(tmp_path: Path) -> None:
    budgets = {"ann": {"cost": 2.5}}
    with _hub(tmp_path, budgets=budgets, prices={"query": 1.0}) as whole:
        ann = whole.as_principal("ann")
        for _ in range(3):  # begun while something is left, answered to its end
            assert len(ann.query("SELECT id FROM person")) == 2
        with pytest.raises(BudgetSpent, match="the cost budget of this hour is spent; the next hour begins at"):
            ann.query("SELECT id FROM person")
        assert len(whole.as_principal("bob").query("SELECT id FROM person")) == 2, "who has no budget has no bound"
    with _hub(tmp_path, budgets=budgets, prices={"query": 1.0}) as later, pytest.raises(BudgetSpent):
        later.as_principal("ann").query("SELECT id FROM person")


def test_seconds_and_tokens_cost_too(tmp_path: Path) -> None:
    with _hub(tmp_path, budgets={"*": {"cost": 1.0}}, prices={"second": 1000.0, "thousand_tokens": 2.0}) as whole:
        ann, bob = whole.as_principal("ann"), whole.as_principal("bob")
        ann.query("SELECT id FROM person")
        with pytest.raises(BudgetSpent):
            ann.query("SELECT id FROM person")
        assert whole.budgets is not None and bob.principal is not None
        whole.budgets.charge(bob.principal, tokens=499)
        whole.budgets.check_cost(bob.principal)
        whole.budgets.charge(bob.principal, tokens=2)
        with pytest.raises(BudgetSpent):
            whole.budgets.check_cost(bob.principal)


@pytest.mark.parametrize(
    ("hidden", "absent"),
    [
        ("SELECT amount FROM hr.payroll", "SELECT amount FROM hr.pcyroll"),
        ("SELECT COUNT(*) FROM payroll", "SELECT COUNT(*) FROM pcyroll"),
        ("SELECT salary FROM person", "SELECT sclary FROM person"),
        ("SELECT id FROM person ORDER BY salary", "SELECT id FROM person ORDER BY sclary"),
    ],
)
def test_a_hidden_name_is_refused_in_the_words_and_the_time_of_an_unknown_one(
    hidden: str, absent: str, tmp_path: Path
) -> None:
    with _hub(tmp_path) as whole:
        ann = whole.as_principal("ann")
        seconds: dict[str, list[float]] = {hidden: [], absent: []}
        told: dict[str, set[str]] = {hidden: set(), absent: set()}
        for _ in range(150):
            for sql in (hidden, absent):  # in turn, so that both meet the same machine
                started = time.process_time()
                with pytest.raises(UnknownName) as error:
                    ann.query(sql)
                seconds[sql].append(time.process_time() - started)
                told[sql].add(str(error.value).replace("pcyroll", "payroll").replace("sclary", "salary"))
        assert told[hidden] == told[absent] and len(told[hidden]) == 1
        ratio = statistics.median(seconds[hidden]) / statistics.median(seconds[absent])
        assert 0.8 < ratio < 1.25, f"{ratio:.2f}"
