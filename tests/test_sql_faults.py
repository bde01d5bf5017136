"""Faults of databases: each is the right error, without secrets, and nothing is ever written."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import psycopg as _psycopg

from groundwire.connectors.sql import BATCH_ROWS, SQLConnector, SQLSettings
from groundwire.connectors.sql_bulk import BATCH_BYTES
from groundwire.connectors.sql_errors import mapped
from groundwire.core.binder import bind
from groundwire.core.catalog import Catalog, Entity
from groundwire.core.connector import Comparison, Scan, ScanReport
from groundwire.core.errors import AuthFailed, ConfigError, Rejected, SourceError, Unavailable
from groundwire.core.schema import TYPIST

ROWS = 100_000


def _made(url: str, **settings: Any) -> SQLConnector:
    return SQLConnector("dwh", SQLSettings(url=url, **settings))  # type: ignore[arg-type]


def _numbers(url: str) -> None:
    """A table `numbers` of many rows."""
    engine = sa.create_engine(url)
    series = {
        "sqlite": (
            f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {ROWS})"
            " SELECT i, 'text ' || i FROM s"
        ),
        "postgresql": f"SELECT i, 'text ' || i FROM generate_series(1, {ROWS}) i",
        "mariadb": f"SELECT seq, CONCAT('text ', seq) FROM seq_1_to_{ROWS}",
    }[engine.dialect.name]
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (id INTEGER PRIMARY KEY, label VARCHAR(40))")
        connection.exec_driver_sql(f"INSERT INTO numbers {series}")
    engine.dispose()


@pytest.fixture(scope="module")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('faults') / 'numbers.db'}"
    _numbers(url)
    return url


@pytest.fixture(scope="module")
def postgres_numbers(postgres_url: str) -> str:
    _numbers(postgres_url)
    return postgres_url


@pytest.fixture(scope="module")
def mariadb_numbers(mariadb_url: str) -> str:
    _numbers(mariadb_url)
    return mariadb_url


URLS = [
    "sqlite_url",
    pytest.param("postgres_numbers", marks=pytest.mark.server),
    pytest.param("mariadb_numbers", marks=pytest.mark.server),
]


@pytest.fixture
def connector(request: pytest.FixtureRequest) -> Iterator[SQLConnector]:
    made = _made(request.getfixturevalue(request.param))
    yield made
    made.close()


def _entity(connector: SQLConnector) -> Entity:
    return next(e for e in connector.discover() if e.name == "numbers")


def _scan(connector: SQLConnector, **parts: Any) -> Scan:
    entity = _entity(connector)
    return Scan(entity=entity, fields=("id", "label"), types={f.name: f.type for f in entity.fields}, **parts)


def _count(connector: SQLConnector, text: str, report: ScanReport) -> list[dict[str, Any]]:
    tree = bind(text, Catalog(connector.discover())).tree
    batches = connector.scan_query(tree, TYPIST.schema(tree), report)
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_rows_are_streamed_in_bounded_batches(connector: SQLConnector) -> None:
    batches = list(connector.scan(_scan(connector), ScanReport()))
    assert sum(b.num_rows for b in batches) == ROWS
    assert all(b.num_rows <= BATCH_ROWS or b.nbytes < 2 * BATCH_BYTES for b in batches)


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_the_first_batch_does_not_wait_for_the_last(connector: SQLConnector) -> None:
    scan = _scan(connector)
    list(connector.scan(scan, ScanReport()))
    tracemalloc.start()
    stream = connector.scan(scan, ScanReport())
    next(stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stream.close()  # type: ignore[attr-defined]
    assert peak < 64_000_000
    assert sum(b.num_rows for b in connector.scan(scan, ScanReport())) == ROWS


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_a_statement_that_takes_too_long_is_stopped_and_the_connection_lives_on(connector: SQLConnector) -> None:
    slow = "SELECT COUNT(*) FROM numbers a JOIN numbers b ON a.label < b.label"
    started = time.monotonic()
    with pytest.raises(Unavailable):
        _count(connector, slow, ScanReport(deadline=time.monotonic() + 0.5))
    assert time.monotonic() - started < 5
    assert _count(connector, "SELECT COUNT(*) AS n FROM numbers", ScanReport()) == [{"n": ROWS}]


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_the_session_can_not_write(connector: SQLConnector) -> None:
    with pytest.raises(SourceError), connector._connected() as connection:
        connection.exec_driver_sql("DELETE FROM numbers")
    with pytest.raises(SourceError), connector._connected() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (id INTEGER)")
    assert _count(connector, "SELECT COUNT(*) AS n FROM numbers", ScanReport()) == [{"n": ROWS}]


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_no_value_is_ever_part_of_the_statement(connector: SQLConnector) -> None:
    report = ScanReport()
    text = "SELECT label, 'constant text' FROM numbers"
    text += " WHERE label = 'secret value' AND id <> 424242 AND label IN ('v1', 'v2')"
    assert _count(connector, text, report) == []
    for value in ("secret value", "424242", "constant text", "v1"):
        assert value not in report.native[0]


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_a_table_that_is_gone_is_an_error(connector: SQLConnector) -> None:
    scan = _scan(connector)
    paths = connector._reflection().paths
    paths["numbers"] = (*paths["numbers"][:-1], 'no"such`table')
    with pytest.raises(Rejected, match=r"no.*such"):
        list(connector.scan(scan, ScanReport()))


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_an_entity_that_discovery_does_not_know_is_refused(connector: SQLConnector) -> None:
    strange = Entity(source="dwh", name='numbers" --', fields=_entity(connector).fields)
    scan = Scan(entity=strange, fields=("id",), types={"id": strange.fields[0].type})
    with pytest.raises(Rejected):
        list(connector.scan(scan, ScanReport()))


@pytest.mark.parametrize("connector", URLS, indirect=True)
def test_many_threads_share_the_pool(connector: SQLConnector) -> None:
    scan = _scan(connector, where=Comparison(field="id", op="<=", value=1000))
    found: list[int] = []

    def read() -> None:
        found.append(sum(b.num_rows for b in connector.scan(scan, ScanReport())))

    threads = [threading.Thread(target=read) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [1000] * 12


@pytest.mark.server
def test_a_wrong_password_is_said_without_the_password(mariadb_url: str) -> None:
    url = sa.make_url(mariadb_url).set(username="nobody_here", password="hunter2-secret")
    made = _made(url.render_as_string(hide_password=False))
    with pytest.raises(AuthFailed) as caught:
        made.check()
    assert "hunter2-secret" not in str(caught.value) + repr(made) + repr(made.settings)
    made.close()


@pytest.mark.server
def test_an_account_that_does_not_exist_is_refused(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).set(username="nobody_here", password="hunter2-secret")
    made = _made(url.render_as_string(hide_password=False))
    with pytest.raises(AuthFailed) as caught:
        made.discover()
    assert "hunter2-secret" not in str(caught.value)
    made.close()


@pytest.mark.parametrize("driver", ["postgresql", "mariadb"])
def test_a_server_that_is_down_is_unavailable(driver: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    made = _made(f"{driver}://me:hunter2-secret@127.0.0.1:{port}/nowhere", timeout=3)
    with pytest.raises(Unavailable) as caught:
        made.check()
    assert "hunter2-secret" not in str(caught.value)
    made.close()


@pytest.mark.parametrize("driver", ["postgresql", "mariadb"])
def test_a_server_that_never_answers_is_unavailable_in_time(driver: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        made = _made(f"{driver}://me@127.0.0.1:{silent.getsockname()[1]}/nowhere", timeout=1)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            made.check()
        assert time.monotonic() - started < 15
        made.close()


@pytest.mark.server
def test_connections_that_the_server_closed_are_replaced(postgres_numbers: str) -> None:
    made = _made(postgres_numbers)
    scan = _scan(made)
    assert sum(b.num_rows for b in made.scan(scan, ScanReport())) == ROWS
    engine = sa.create_engine(postgres_numbers)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    engine.dispose()
    for _ in range(8):  # what was broken is dropped, one connection at a time
        try:
            rows = sum(b.num_rows for b in made.scan(scan, ScanReport()))
            assert _count(made, "SELECT COUNT(*) AS n FROM numbers", ScanReport()) == [{"n": ROWS}]
            break
        except Unavailable:
            continue
    assert rows == ROWS
    made.close()


def test_a_file_that_is_missing_is_an_error_and_is_not_created(tmp_path: Path) -> None:
    made = _made(f"sqlite:///{tmp_path / 'typo.db'}")
    with pytest.raises(Unavailable):
        made.discover()
    assert list(tmp_path.iterdir()) == []
    made.close()


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are only notes, nothing more " * 50)
    made = _made(f"sqlite:///{tmp_path / 'notes.db'}")
    with pytest.raises(SourceError):
        made.discover()
    made.close()


def test_a_locked_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    _numbers_small(path)
    made = _made(f"sqlite:///{path}", timeout=1)
    scan = _scan(made)
    holder = sqlite3.connect(path)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="locked"):
        list(made.scan(scan, ScanReport()))
    holder.close()
    made.close()


def _numbers_small(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, label TEXT)")
    database.execute("INSERT INTO numbers VALUES (1, 'one')")
    database.commit()
    database.close()


def test_a_driver_that_is_not_installed_is_named_with_its_remedy() -> None:
    with pytest.raises(ConfigError, match=r"sources\.dwh\.url.*pip install"):
        _made("nosuchdatabase://here/x")


@pytest.mark.parametrize(
    "settings", [{"url": "not a url"}, {"url": "sqlite://", "colour": 1}, {"url": "sqlite://", "timeout": 0}]
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SQLSettings(**settings)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("28P01", AuthFailed), ("57014", Unavailable), ("40001", Unavailable), ("42P01", Rejected), ("22P02", Rejected)],
)
def test_codes_of_postgresql_are_mapped_by_one_table(code: str, kind: type[SourceError]) -> None:
    class Fault(Exception):
        sqlstate = code

    wrapped = sa.exc.ProgrammingError("SELECT", {}, Fault("the password is hunter2-secret"))
    url = sa.make_url("postgresql://me:hunter2-secret@h/d")
    error = mapped(wrapped, source="dwh", dialect=_psycopg.dialect.name, url=url)
    assert type(error) is kind
    assert "hunter2-secret" not in str(error)


def test_any_other_product_is_scanned_plainly(sqlite_url: str) -> None:
    class Unknown(SQLConnector):
        """Stands for a product without a table in `sql_dialects`."""

        def _learn(self, connection: sa.Connection) -> None:
            self.dialect = None

    made = Unknown("dwh", SQLSettings(url=sqlite_url))  # type: ignore[arg-type]
    made.dialect = None
    entity = _entity(made)
    scan = Scan(entity=entity, fields=("label", "id"), types={f.name: f.type for f in entity.fields})
    table = pa.Table.from_batches(made.scan(scan, ScanReport()))
    assert table.num_rows == ROWS
    assert table.column_names == ["label", "id"]
    assert made.refuses(bind("SELECT id FROM numbers", Catalog([entity])).tree)
    made.close()
