"""Rates, pauses and quotas hold for all processes together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import Forked

from groundwire import Hub
from groundwire.core import config as configuration
from groundwire.core import limits
from groundwire.core.control import Control
from groundwire.core.errors import ConfigError, RateLimited
from groundwire.core.limits import Limits, SourceGate, parse_rate
from groundwire.demo.salesforce_sandbox import SalesforceSandbox


def take(url: str, turns: int) -> None:
    """What one process does: as many requests as it may make, and when."""
    gate = SourceGate(Limits(Control(url)), "crm", rate=40.0, reserve=None)
    for _ in range(turns):
        gate.enter()
        print(time.time(), flush=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'control.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def shared(url: str) -> Iterator[Limits]:
    control = Control(url)
    with control.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM _groundwire_limits")
    yield Limits(control)
    control.close()


@pytest.mark.server
def test_three_processes_share_one_rate(url: str, shared: Limits, tmp_path: Path) -> None:
    logs = [tmp_path / f"taker-{n}.log" for n in range(3)]
    takers = [Forked(log, tmp_path, os.environ, take, url, 30) for log in logs]
    assert [taker.wait(30) for taker in takers] == [0, 0, 0]
    moments = sorted(float(line) for log in logs for line in log.read_text().split())
    assert len(moments) == 90
    # forty a second, and a burst of one second's worth at the beginning; a machine under load may only be slower
    for place, moment in enumerate(moments):
        inside = [m for m in moments[place:] if m < moment + 1.0]
        assert len(inside) <= 82, f"{len(inside)} requests within a second"
    assert moments[-1] - moments[0] >= (90 - 40) / 40 - 0.3


@pytest.mark.server
def test_a_pause_that_one_process_was_told_holds_for_all(url: str, shared: Limits) -> None:
    SourceGate(shared, "crm", rate=None, reserve=None).told(retry_after=30)
    other = Control(url)
    gate = SourceGate(Limits(other), "crm", rate=None, reserve=None)
    with pytest.raises(RateLimited) as caught:
        gate.enter(time.monotonic() + 5)
    assert caught.value.retry_after is not None and 28 < caught.value.retry_after <= 30
    SourceGate(Limits(other), "erp", rate=None, reserve=None).enter(time.monotonic())
    assert 28 < shared.quotas()["crm"].paused <= 30
    other.close()


def test_a_turn_that_comes_too_late_is_refused_and_not_spoken_for(tmp_path: Path) -> None:
    control = Control(f"sqlite:///{tmp_path / 'c.sqlite'}")
    gate = SourceGate(Limits(control), "crm", rate=0.1, reserve=None)
    gate.enter()
    for _ in range(3):
        with pytest.raises(RateLimited, match="rate that was set"):
            gate.enter(time.monotonic() + 1)
    assert Limits(control).turn("crm", 0.1, 1.0, None) == pytest.approx(10, abs=0.5)
    control.close()


def test_limits_whose_database_is_away_cost_no_answer(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").mkdir()
    gate = SourceGate(Limits(Control(f"sqlite:///{tmp_path / 'c.sqlite'}")), "crm", rate=0.001, reserve=0.1)
    for _ in range(3):
        gate.enter(time.monotonic() + 1)
        gate.told(retry_after=5, used=1, allowed=2)


def test_rates_are_written_per_time() -> None:
    assert [parse_rate(t) for t in ("10/s", "60/m", " 3600 / h ", "86400/d")] == [10, 1, 1, 1]
    for wrong in ("10", "0/s", "x/s", "10/y", "-1/s"):
        with pytest.raises(ValueError, match="not a rate"):
            parse_rate(wrong)


def _crm(sandbox: SalesforceSandbox, folder: Path, **more: object) -> configuration.Config:
    source = {
        "type": "salesforce", "url": sandbox.url, "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret, "objects": ["Account"], "profile": False, **more,
    }  # fmt: skip
    raw = {"replicas": {"url": f"sqlite:///{folder / 'replicas.sqlite'}"}, "sources": {"crm": source}}
    return configuration.parse(raw, base=folder)


def test_syncs_leave_the_end_of_the_quota_to_questions(tmp_path: Path) -> None:
    with SalesforceSandbox() as sandbox:
        config = _crm(sandbox, tmp_path, reserve=0.5)
        control = Control.of(config)
        asking, syncing = Hub.from_parsed(config), Hub.from_parsed(config)
        limits.attach(asking.connectors.values(), config, control, background=False)
        limits.attach(syncing.connectors.values(), config, control, background=True)
        with asking, syncing:
            asking.query("SELECT COUNT(*) FROM crm.Account")
            told = Limits(control).quotas()["crm"]
            assert (told.used, told.allowed) == (len(sandbox.requests), 15000)
            assert told.left == 15000 - len(sandbox.requests)
            syncing.query("SELECT COUNT(*) FROM crm.Account")
            Limits(control).tell("crm", 7500, 15000)
            before = len(sandbox.requests)
            with pytest.raises(RateLimited, match="kept for questions") as caught:
                syncing.query("SELECT COUNT(*) FROM crm.Account WHERE Name = 'x'")
            assert caught.value.retry_after is not None and caught.value.retry_after > 3500
            assert len(sandbox.requests) == before
            asking.query("SELECT COUNT(*) FROM crm.Account WHERE Name = 'x'")
        control.close()


def test_a_rate_that_is_none_names_its_setting(tmp_path: Path) -> None:
    with SalesforceSandbox() as sandbox:
        config = _crm(sandbox, tmp_path, rate="fast")
        with pytest.raises(ConfigError, match=r"sources\.crm\.rate"):
            Hub.from_parsed(config)


def test_questions_of_several_hubs_keep_the_rate_that_was_set(tmp_path: Path) -> None:
    with SalesforceSandbox() as sandbox:
        config = _crm(sandbox, tmp_path, rate="40/s")
        started = time.monotonic()
        with Hub.from_parsed(config) as one, Hub.from_parsed(config) as other:
            while len(sandbox.requests) < 80:
                (one if len(sandbox.requests) % 2 else other).check()
        assert time.monotonic() - started >= (80 - 40) / 40 - 0.1
