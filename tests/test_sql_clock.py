"""No open transaction is overlooked, whoever else watches the server."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from groundwire.connectors.sql import SQLConnector, SQLSettings

pytestmark = pytest.mark.server


@contextmanager
def _connector(url: str) -> Iterator[SQLConnector]:
    made = SQLConnector("erp", SQLSettings(url=SecretStr(url)))
    made.check()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def _watched(url: str) -> Iterator[None]:
    """Others read the list of transactions all the time, so that InnoDB renews it never."""
    over, begun = threading.Event(), threading.Event()

    def watch() -> None:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            while not over.is_set():
                connection.exec_driver_sql("SELECT COUNT(*) FROM information_schema.innodb_trx").scalar()
                begun.set()
                time.sleep(0.01)
        engine.dispose()

    thread = threading.Thread(target=watch)
    thread.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _transaction(url: str) -> Iterator[dt.datetime]:
    """A transaction that has written and is open, and when it began at the earliest."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS written (id INTEGER PRIMARY KEY)")
    began = dt.datetime.now(dt.UTC)
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO written VALUES (1)")
        yield began
        connection.rollback()
    engine.dispose()


def test_a_transaction_is_seen_right_after_the_list_was_read(mariadb_url: str) -> None:
    with _connector(mariadb_url) as connector:
        for _ in range(3):
            connector.open_since()
            with _transaction(mariadb_url) as began:
                time.sleep(1.1)  # the server tells whole seconds
                connector.open_since()
                found = connector.open_since()
                assert found is not None and found <= began + dt.timedelta(seconds=1)
                assert found >= began - dt.timedelta(minutes=1), "nor is the server's whole life read again"


def test_a_transaction_is_not_overlooked_while_others_read_the_list_all_the_time(mariadb_url: str) -> None:
    with _connector(mariadb_url) as connector, _watched(mariadb_url), _transaction(mariadb_url) as began:
        time.sleep(1.1)
        started = time.monotonic()
        found = connector.open_since()
        assert found is not None and found <= began
        assert time.monotonic() - started < 2


def test_postgresql_tells_its_oldest_transaction(postgres_url: str) -> None:
    with _connector(postgres_url) as connector, _transaction(postgres_url) as began:
        found = connector.open_since()
        assert found is not None and abs(found - began) < dt.timedelta(seconds=1)
