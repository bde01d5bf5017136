"""Sources that are really stopped, and disks that are really full: answers stay honest, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from own_servers import Cluster, small_disk
from synced import ENTITY, make_items, settings, synced
from worker_program import place, until

from groundwire.core import sync_load
from groundwire.core.errors import SourceError, Unavailable

pytestmark = pytest.mark.server

ROWS = 4_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundwire.core.sync_read.PATIENCE", 0.3)


def _write(cluster: Cluster, *statements: str) -> None:
    with cluster.engine().begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_while_its_source_is_stopped_a_copy_answers_with_its_age_and_then_catches_up(
    cluster: Cluster, tmp_path: Path
) -> None:
    make_items(cluster.engine(), ROWS)
    with synced(settings(cluster.url, f"sqlite:///{tmp_path / 'copies.sqlite'}")) as opened:
        as_of = opened.sync().as_of
        _write(cluster, "UPDATE item SET amount = -1, changed = now() WHERE id < 10", "DELETE FROM item WHERE id = 77")
        cluster.stop()
        try:
            for how in ({}, {"full": True}, {"verify": True}):
                with pytest.raises(Unavailable):
                    opened.sync(**how)
            status = opened.replicas.status()[0]
            assert status.as_of == as_of and status.last_error is not None
            held = opened.hub.query(f"SELECT COUNT(*) FROM {ENTITY} WHERE amount = -1", max_age="1d")
            assert held.rows() == [(0,)] and held.sources[0].mode == "replica" and held.sources[0].as_of == as_of
            with pytest.raises(SourceError) as caught:
                opened.hub.query(f"SELECT COUNT(*) FROM {ENTITY}", max_age=0)
            assert caught.value.source == "erp"
            stale = opened.hub.query(f"SELECT COUNT(*) FROM {ENTITY}", max_age=0, on_error="stale")
            assert stale.stale and stale.rows() == [(ROWS,)]
        finally:
            cluster.start()
        opened.sync()
        opened.check()


def test_a_load_whose_source_crashes_in_the_middle_goes_on_where_it_was(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_load, "PART_ROWS", 500)
    monkeypatch.setattr(sync_load, "READERS", 1)
    make_items(cluster.engine(), ROWS)
    stopped: list[int] = []

    def crash(what: str, done: int, _: int | None) -> None:
        if what == "loading" and done >= ROWS // 2 and not stopped:
            stopped.append(done)
            cluster.stop()

    with synced(settings(cluster.url, f"sqlite:///{tmp_path / 'copies.sqlite'}")) as opened:
        try:
            with pytest.raises(Unavailable):
                opened.sync(progress=crash)
        finally:
            cluster.start()
        assert stopped
        report = opened.sync()
        assert report.read <= ROWS - stopped[0] + 600, "what was complete is not read again"
        opened.check()


def test_a_worker_outlives_its_source_and_syncs_when_it_is_back(cluster: Cluster, tmp_path: Path) -> None:
    with place(tmp_path, cluster.url, {}) as spot:
        spot.source.dispose()
        spot.source = cluster.engine()
        spot.configure(every="0.3s")
        running = spot.start()
        until(lambda: spot.copy() == spot.original(), "the first load")
        cluster.stop()
        try:
            until(lambda: spot.status().last_error, "the failure is told")
        finally:
            cluster.start()
        spot.do("UPDATE orders SET name = 'afterwards', updated_at = clock_timestamp() WHERE id < 10")
        until(lambda: spot.copy() == spot.original(), "it is tried again")
        until(lambda: spot.status().last_error is None, "and is well")
        assert spot.stop(running) == 0


def test_a_slow_source_is_waited_for_by_a_sync_and_not_by_a_question(cluster: Cluster, tmp_path: Path) -> None:
    make_items(cluster.engine(), 100)
    made = settings(cluster.url, f"sqlite:///{tmp_path / 'copies.sqlite'}")
    made.sources["erp"].settings["timeout"] = 0.4
    with synced(made) as opened:
        opened.sync()
        _write(cluster, "UPDATE item SET amount = -1, changed = now() WHERE id < 10")
        locker = cluster.engine().connect()
        locker.exec_driver_sql("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        release = threading.Timer(1.5, locker.close)
        release.start()
        started = time.monotonic()
        with pytest.raises(Unavailable):
            opened.hub.query(f"SELECT COUNT(*) FROM {ENTITY} WHERE amount = -1", max_age=0, timeout=0.5)
        opened.syncer.sync(ENTITY)
        assert time.monotonic() - started > 1.4, "it waited"
        release.join()
        opened.check()


def test_a_disk_that_is_full_stops_the_sync_and_not_the_answers(cluster: Cluster, tmp_path: Path) -> None:
    engine = cluster.engine()
    make_items(engine, ROWS)
    with (
        small_disk(tmp_path / "disk", "3m") as disk,
        synced(settings(cluster.url, f"sqlite:///{disk / 'copies.sqlite'}")) as opened,
    ):
        as_of = opened.sync().as_of
        _write(cluster, "INSERT INTO item SELECT i, repeat('x', 200), 0, now() FROM generate_series(10001, 40000) AS i")
        for how in ({}, {"full": True}):
            with pytest.raises(Unavailable, match="full"):
                opened.sync(**how)
        assert opened.replicas.state(ENTITY).as_of == as_of
        assert len(opened.copied()) == ROWS, "what was there is there and answers"
        _write(cluster, "DELETE FROM item WHERE id > 10000")
        opened.sync()
        opened.check()
    engine.dispose()


def test_an_engine_that_was_stopped_is_gone(cluster: Cluster) -> None:
    """The other tests mean what they say: a stopped cluster answers nobody."""
    cluster.stop()
    try:
        with pytest.raises(sa.exc.OperationalError):
            _write(cluster, "SELECT 1")
    finally:
        cluster.start()
