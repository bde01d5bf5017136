"""The demo company as a whole: three systems started together, asked together, and gone together.

The ERP is a real Tryton server with a small share of the demo's documents; no language model runs here.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import TRYTON_SCALE as SCALE

from groundwire import Hub
from groundwire.demo.company import DemoCompany
from groundwire.demo.errors import DemoError
from groundwire.demo.questions import CASES

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(420),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(find_spec("trytond") is None, reason="pip install 'groundwire[demo]'"),
]
COMMAND = str(Path(sys.executable).parent / "groundwire")
START_SECONDS = 15
"""What a start may take once the ERP is filled."""


@pytest.fixture(scope="module")
def home(filled_tryton: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the demo whose ERP is a copy of the small one that the tests keep."""
    made = tmp_path_factory.mktemp("home")
    shutil.copytree(filled_tryton, made / "demo" / "erp")
    return made


@pytest.fixture(scope="module")
def company(home: Path) -> Iterator[DemoCompany]:
    handler = signal.getsignal(signal.SIGTERM)
    with DemoCompany(home / "demo", scale=SCALE) as running:
        yield running
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope="module")
def hub(company: DemoCompany) -> Iterator[Hub]:
    with Hub.from_config(company.config_path, company.environment) as opened:
        yield opened


def _children(process: int) -> set[int]:
    listed = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    return {int(line) for line in listed.stdout.split()}


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _ports(environment: dict[str, str]) -> set[int]:
    urls = (value for name, value in environment.items() if name.endswith("_URL"))
    return {port for url in urls if (port := urlsplit(url).port) is not None}


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_all_three_systems_answer(hub: Hub) -> None:
    states = {s.source: s for s in hub.check()}
    assert set(states) == {"crm", "erp", "dwh"}
    assert all(s.ok for s in states.values()), states


def test_one_query_over_three_systems_says_what_three_queries_say(hub: Hub) -> None:
    result = hub.query(
        """SELECT party.account.BillingCountry AS country, COUNT(*) AS invoices FROM erp.invoice
           WHERE EXISTS(SELECT 1 FROM party.account.warehouse_customers w WHERE w.plan = 'business')
           GROUP BY 1"""
    )
    assert {s.source for s in result.sources} == {"crm", "erp", "dwh"}
    assert result.complete
    plans = dict(hub.query("SELECT customer_code, plan FROM dwh.customers").rows())
    countries = dict(hub.query("SELECT AccountNumber, BillingCountry FROM crm.Account").rows())
    invoiced = [code for (code,) in hub.query("SELECT party.code FROM erp.invoice").rows()]
    expected = Counter(countries[code] for code in invoiced if plans.get(code) == "business")
    assert expected
    assert dict(result.rows()) == expected


@pytest.mark.parametrize("case", [c for c in CASES if c["gold_sql"]], ids=lambda c: c["id"])
def test_the_query_behind_each_of_its_questions_is_answered_completely(hub: Hub, case: dict[str, str]) -> None:
    for sql in case["gold_sql"].split(";"):
        result = hub.query(sql)
        assert result.complete
        assert len(result) > 0


def test_a_second_demo_beside_the_first_is_refused_by_name(company: DemoCompany) -> None:
    with pytest.raises(DemoError, match=rf"process {os.getpid()}\); groundwire demo --stop"):
        DemoCompany(company.folder).start()
    assert all(_answers(port) for port in _ports(company.environment)), "the first one runs on"


def test_stopping_leaves_no_process_and_no_port_behind(company: DemoCompany, home: Path) -> None:
    mine = _children(os.getpid())
    ports = _ports(company.environment)
    assert len(ports) == 2, "the CRM and the ERP are servers"
    company.stop()
    assert not [port for port in ports if _answers(port)]
    ended = mine - _children(os.getpid())
    assert len(ended) >= 2
    _starts_again_quickly_and_ends_on_request(home)


def _starts_again_quickly_and_ends_on_request(home: Path) -> None:
    """In a process of its own, ended by `groundwire demo --stop`."""
    environment = os.environ | {"GROUNDWIRE_HOME": str(home)}
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "groundwire.demo.company"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        settings: dict[str, str] = {}
        for line in process.stdout:
            name, equals, value = line.strip().partition("=")
            if equals:
                settings[name] = value
            if len(_ports(settings)) == 2 and "GW_DEMO_DWH_URL" in settings:
                break
        assert time.monotonic() - started < START_SECONDS
        assert not [name for name in settings if "SECRET" in name or "PASSWORD" in name]
        children = _children(process.pid)
        assert len(children) == 2
        stopped = subprocess.run(
            [COMMAND, "demo", "--stop"], env=environment, capture_output=True, text=True, check=True
        )
        assert stopped.stdout == f"stopped the demo (process {process.pid})\n"
        process.wait(20)
    assert not [child for child in children if _runs(child)]
    assert not [port for port in _ports(settings) if _answers(port)]
