"""A question that nobody waits for any more is ended: here, and where it is executed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.config import Config, LimitsConfig
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import Stopped, Unavailable
from groundwire.core.stopping import Stop

COMMAND = str(Path(sys.executable).parent / "groundwire")
ROWS = 5_000
ENDLESS = "SELECT COUNT(*) FROM numbers a, numbers b, numbers c WHERE a.id + b.id < c.id"
"""Minutes of work in any of the databases."""
MANY = "SELECT a.id AS x FROM numbers a, numbers b, numbers c WHERE a.id + b.id + c.id < 3"
"""No row is found, after minutes; asked without a limit, it is read in bulk."""

_SERIES = {
    "sqlite": f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {ROWS}) SELECT i FROM s",
    "postgresql": f"SELECT i FROM generate_series(1, {ROWS}) i",
    "mariadb": f"SELECT seq FROM seq_1_to_{ROWS}",
}
_RUNNING = {
    "postgresql": (
        "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active'"
        " AND clock_timestamp() - query_start > interval '0.2 s' AND datname = current_database() AND pid <> pg_backend_pid()"
    ),
    "mariadb": (
        "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query'"
        " AND time_ms > 200 AND db = DATABASE() AND id <> CONNECTION_ID()"
    ),
}


class Database:
    """One with a table `numbers`, and how many statements have been executed there for a moment and still are."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        self.name = self.engine.dialect.name
        with self.engine.connect() as connection:
            if not sa.inspect(connection).has_table("numbers"):
                connection.exec_driver_sql("CREATE TABLE numbers (id INTEGER PRIMARY KEY)")
                connection.exec_driver_sql(f"INSERT INTO numbers {_SERIES[self.name]}")

    def running(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(_RUNNING[self.name]).scalar() or 0)

    def wait(self, condition: Callable[[int], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition(self.running()):
            assert time.monotonic() < deadline, f"{self.running()} statements are executed"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(f"sqlite:///{tmp_path_factory.mktemp('stop') / 'numbers.db'}")


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Database:
    return Database(postgres_url)


@pytest.fixture(scope="module")
def mariadb(mariadb_url: str) -> Database:
    return Database(mariadb_url)


SERVERS = ["postgres", "mariadb"]
server = pytest.mark.parametrize("database", SERVERS, indirect=True)
pytestmark = pytest.mark.server


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def hub(database: Database) -> Iterator[Hub]:
    source = SQLConnector("db", SQLSettings(url=database.url))  # type: ignore[arg-type]
    with Hub([source]) as opened:
        _ = opened.catalog
        yield opened


class Asking(threading.Thread):
    """A query in a thread of its own, and how it ended."""

    def __init__(self, hub: Hub, sql: str, **options: object) -> None:
        super().__init__(daemon=True)
        self.hub, self.sql, self.options = hub, sql, options
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.hub.query(self.sql, **self.options)  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def ended(self, seconds: float = 5) -> BaseException | None:
        self.join(seconds)
        assert not self.is_alive()
        return self.error


def _all_reads_have_ended() -> None:
    """The reads themselves, and not only the wait for them."""
    for thread in [t for t in threading.enumerate() if t.name == "scan"]:
        thread.join(3)
        assert not thread.is_alive()


@server
@pytest.mark.parametrize("sql", [ENDLESS, MANY], ids=["aggregate", "bulk"])
def test_a_query_that_is_stopped_is_not_executed_any_more(database: Database, hub: Hub, sql: str) -> None:
    stop = threading.Event()
    asking = Asking(hub, sql, stop=stop)
    database.wait(lambda running: running == 1)
    stop.set()
    assert isinstance(asking.ended(), Stopped)
    database.wait(lambda running: running == 0, seconds=2)
    _all_reads_have_ended()
    assert hub.query("SELECT COUNT(*) FROM numbers").rows() == [(ROWS,)], "other questions are answered"


@pytest.mark.parametrize("database", ["sqlite", *SERVERS], indirect=True)
def test_a_query_that_runs_out_of_time_is_not_executed_any_more(database: Database, hub: Hub) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        hub.query(ENDLESS, timeout=0.5)
    assert time.monotonic() - started < 4
    if database.name != "sqlite":
        database.wait(lambda running: running == 0, seconds=2)


@server
def test_the_time_of_one_query_is_not_the_limit_of_the_next(database: Database, hub: Hub) -> None:
    with pytest.raises(Unavailable):
        hub.query(ENDLESS, timeout=0.1)
    slow = "SELECT COUNT(*) FROM numbers a, numbers b WHERE a.id < b.id AND b.id <= 1000"
    assert hub.query(slow).rows() == [(999 * 1000 // 2,)]


def test_sqlite_stops_in_the_middle_of_a_statement(sqlite: Database) -> None:
    source = SQLConnector("db", SQLSettings(url=sqlite.url))  # type: ignore[arg-type]
    with Hub([source]) as hub:
        _ = hub.catalog
        stop = threading.Event()
        asking = Asking(hub, ENDLESS, stop=stop)
        time.sleep(0.3)
        assert asking.is_alive()
        stop.set()
        assert isinstance(asking.ended(), Stopped)
        _all_reads_have_ended()


@server
def test_a_source_that_fails_ends_what_the_others_execute(database: Database) -> None:
    class Failing(MemoryConnector):
        def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
            database.wait(lambda running: running == 1)
            raise Unavailable("went away", source=self.name)

    failing = Failing.from_tables("other", {"things": pa.table({"id": [1, 2]})})
    source = SQLConnector("db", SQLSettings(url=database.url))  # type: ignore[arg-type]
    with Hub([source, failing], Config(limits=LimitsConfig(timeout=30))) as hub:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="went away"):
            hub.query(f"SELECT * FROM ({ENDLESS}) AS slow (n) CROSS JOIN other.things", timeout=25)
        assert time.monotonic() - started < 20
        database.wait(lambda running: running == 0, seconds=2)


@pytest.mark.parametrize(
    ("database", "form"),
    [("sqlite", "command"), ("postgres", "command"), ("mariadb", "command"), ("mariadb", "script")],
    indirect=["database"],
)
def test_ctrl_c_ends_the_statement_at_its_server(database: Database, tmp_path: Path, form: str) -> None:
    (tmp_path / "groundwire.toml").write_text(f'[sources.db]\ntype = "sql"\nurl = "{database.url}"\n')
    script = f"from groundwire import Hub\nwith Hub.from_config() as hub:\n    hub.query({ENDLESS!r})\n"
    program = [COMMAND, "query", ENDLESS] if form == "command" else [sys.executable, "-c", script]
    with subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        if database.name == "sqlite":
            _until_it_has_open(process.pid, database.url.removeprefix("sqlite:///"))
            time.sleep(2.0)
        else:
            database.wait(lambda running: running == 1, seconds=30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    if form == "command":
        assert (process.returncode, errors) == (130, "stopped\n")
    else:
        assert errors.rstrip().endswith("KeyboardInterrupt")
    if database.name != "sqlite":
        database.wait(lambda running: running == 0, seconds=2)


def _until_it_has_open(process: int, file: str) -> None:
    """Wait until a process has opened a file; where that can't be seen, as long as it usually takes."""
    opened = Path(f"/proc/{process}/fd")
    end = time.monotonic() + (30.0 if opened.exists() else 3.0)
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if any(os.path.realpath(fd) == os.path.realpath(file) for fd in opened.iterdir()):
                return
        time.sleep(0.05)


def test_what_is_joined_here_is_stopped_too() -> None:
    numbers = pa.table({"id": list(range(ROWS))})
    with Hub([MemoryConnector.from_tables(n, {"numbers": numbers}) for n in ("one", "two", "three")]) as hub:
        _ = hub.catalog
        stop = threading.Event()
        sql = "SELECT COUNT(*) FROM one.numbers a, two.numbers b, three.numbers c WHERE a.id + b.id < c.id"
        asking = Asking(hub, sql, stop=stop)
        time.sleep(0.5)
        assert asking.is_alive()
        stop.set()
        assert isinstance(asking.ended(), Stopped)


def test_a_connector_that_does_not_look_at_the_clock_is_left_behind() -> None:
    over = threading.Event()

    class Hanging(MemoryConnector):
        def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
            over.wait(30)
            return super().scan(scan, report)

    with Hub([Hanging.from_tables("slow", {"things": pa.table({"id": [1]})})]) as hub:
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"limits\.timeout = 0\.3 s"):
            hub.query("SELECT id FROM slow.things", timeout=0.3)
        assert time.monotonic() - started < 5
    over.set()


def test_nothing_begins_after_the_stop_and_a_fault_of_one_does_not_save_the_others() -> None:
    told: set[str] = set()

    def broken() -> None:
        told.add("broken")
        raise OSError("no way to tell")

    stop = Stop()
    with stop.calls(broken), stop.calls(lambda: told.add("second")):
        stop.now()
    assert told == {"broken", "second"}
    with pytest.raises(Stopped), stop.calls(lambda: told.add("late")):
        told.add("begun")
    assert told == {"broken", "second"}


def test_a_statement_that_begins_while_it_is_told_to_stop_is_told_again() -> None:
    begun, told = threading.Event(), threading.Event()

    def end() -> None:
        if begun.is_set():
            told.set()
        begun.set()

    stop = Stop()

    def work() -> None:
        with stop.calls(end):
            begun.wait(10)
            assert told.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    while not stop._enders:
        time.sleep(0.001)
    stop.now()
    assert told.is_set()
    thread.join(10)


def test_what_has_ended_is_told_nothing() -> None:
    told: list[str] = []
    stop = Stop()
    with stop.calls(lambda: told.append("gone")):
        pass
    stop.now()
    assert told == []
