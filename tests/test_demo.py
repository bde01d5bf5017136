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
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import TRYTON_SCALE as SCALE

from groundwire import Hub
from groundwire.demo import tryton_server
from groundwire.demo.company import DemoCompany
from groundwire.demo.errors import DemoError
from groundwire.demo.questions import CASES
from groundwire.demo.tryton_server import TrytonServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(420),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(find_spec("trytond") is None, reason="pip install 'groundwire[demo]'"),
]
COMMAND = str(Path(sys.executable).parent / "groundwire")
START_SECONDS = 15
"""What a start may compute once the ERP is filled: however busy the machine is, the same."""


@pytest.fixture(scope="module")
def home(filled_tryton: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the demo whose ERP is a copy of the small one that the tests keep."""
    made = tmp_path_factory.mktemp("home")
    shutil.copytree(filled_tryton, made / "demo" / "erp")
    return made


@pytest.fixture(scope="module")
def other_home(filled_tryton: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another, for demos that are started and ended beside `company`."""
    made = tmp_path_factory.mktemp("other")
    shutil.copytree(filled_tryton, made / "demo" / "erp")
    return made


@pytest.fixture(scope="module")
def others() -> set[int]:
    """Processes that this run of the tests had before the company started: servers of other modules."""
    return _children(os.getpid())


@pytest.fixture(scope="module")
def company(home: Path, others: set[int]) -> Iterator[DemoCompany]:
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


def _computed(processes: set[int]) -> float:
    """Seconds of processors that they have used."""
    numbers = ",".join(map(str, processes))
    listed = subprocess.run(["ps", "-o", "cputimes=", "-p", numbers], capture_output=True, text=True, check=True)
    return sum(map(float, listed.stdout.split()))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _end_by_themselves(processes: set[int]) -> bool:
    deadline = time.monotonic() + 60
    while any(_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(_runs(process) for process in processes)


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


def test_ctrl_c_in_the_chat_does_not_reach_the_systems(company: DemoCompany, others: set[int]) -> None:
    systems = _children(os.getpid()) - others
    assert len(systems) >= 2, "the CRM and the ERP are processes"
    assert os.getpgid(0) not in {os.getpgid(system) for system in systems}


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


class Running:
    """A demo in a process of its own, and the two servers that it started."""

    def __init__(self, home: Path) -> None:
        self.environment = os.environ | {"GROUNDWIRE_HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "groundwire.demo.company"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.settings: dict[str, str] = {}
        for line in self.process.stdout:
            name, equals, value = line.strip().partition("=")
            if equals:
                self.settings[name] = value
            if len(_ports(self.settings)) == 2 and "GW_DEMO_DWH_URL" in self.settings:
                break
        self.children = _children(self.process.pid)
        assert len(self.children) == 2
        self.computed = _computed({self.process.pid, *self.children})

    def is_all_gone(self) -> bool:
        """Whether it and all that it started end, and nothing listens there any more."""
        self.process.communicate(timeout=60)
        return _end_by_themselves(self.children) and not any(_answers(port) for port in _ports(self.settings))


def test_a_demo_starts_again_quickly_and_ends_on_request(other_home: Path) -> None:
    running = Running(other_home)
    assert running.computed < START_SECONDS
    assert not [name for name in running.settings if "SECRET" in name or "PASSWORD" in name]
    stopped = subprocess.run(
        [COMMAND, "demo", "--stop"], env=running.environment, capture_output=True, text=True, check=True
    )
    assert stopped.stdout == f"stopped the demo (process {running.process.pid})\n"
    assert running.process.poll() is not None or running.process.wait(20) is not None, "it has ended by now"
    assert running.is_all_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_a_demo_ends_its_systems_and_the_next_one_starts(
    other_home: Path, number: signal.Signals
) -> None:
    running = Running(other_home)
    running.process.send_signal(number)
    assert running.is_all_gone()
    later = Running(other_home)
    later.process.send_signal(signal.SIGTERM)
    assert later.is_all_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_ended_while_it_makes_its_erp_leaves_nothing_running_or_half_made(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = os.environ | {"GROUNDWIRE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "groundwire.demo.company"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith("initialising the ERP") for line in process.stdout)
        while len(children := _children(process.pid)) < 2:  # the CRM, and what makes the ERP's database
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert _end_by_themselves(children)
    assert not (tmp_path / "demo" / "erp" / "filled").exists()


class Interrupted(Exception):
    """Raised by a test where the demo tells that it has come that far."""


def _until(step: str, told: list[str]) -> Callable[[str], None]:
    def tell(text: str) -> None:
        told.append(text)
        if text.startswith(step):
            raise Interrupted

    return tell


def test_a_start_that_fails_half_way_leaves_nothing_running(other_home: Path) -> None:
    before = _children(os.getpid())
    told: list[str] = []
    with pytest.raises(Interrupted):
        DemoCompany(other_home / "demo", scale=SCALE, progress=_until("starting the ERP", told)).start()
    assert told[0].startswith("starting the CRM"), "the CRM was running by then"
    assert _children(os.getpid()) == before
    with DemoCompany(other_home / "demo", scale=SCALE) as again:
        assert all(_answers(port) for port in _ports(again.environment))


@pytest.mark.parametrize("harm", ["half filled", "cut off", "overwritten", "removed"])
def test_an_erp_that_is_not_whole_is_made_anew_and_not_served(filled_tryton: Path, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "erp"
    shutil.copytree(filled_tryton, folder)
    file = folder / "erp.sqlite"
    if harm == "half filled":  # the mark of a whole one comes last
        (folder / "filled").unlink()
    elif harm == "cut off":
        os.truncate(file, file.stat().st_size // 2)
    elif harm == "overwritten":
        with file.open("r+b") as opened:
            opened.seek(file.stat().st_size // 3)
            opened.write(b"\xff" * 100_000)
    else:
        file.unlink()
    told: list[str] = []
    with pytest.raises(Interrupted):
        TrytonServer(folder, scale=SCALE, progress=_until("initialising", told)).prepare()
    assert told[:-1] == ([] if harm == "half filled" else ["the ERP's database is damaged and is made anew"])
    assert not (folder / "filled").exists()


def test_a_port_that_another_program_takes_first_is_given_up_for_another(
    filled_tryton: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "erp"
    shutil.copytree(filled_tryton, folder)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        free = tryton_server._free_port()
        offered = [taken, free]
        monkeypatch.setattr(tryton_server, "_free_port", lambda: offered.pop(0))
        with TrytonServer(folder, scale=SCALE) as running:
            assert running.port == free
            assert _answers(free)
    assert not _answers(free)
