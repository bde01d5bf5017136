"""What goes wrong while copies are kept: each fault on real servers, and the copy is the source again afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from synced import ENTITY, History, Synced, make_items, settings, synced

from groundwire.core import sync_load, sync_run
from groundwire.core.errors import Busy, Rejected, SourceError, Unavailable
from groundwire.core.replica_state import Lease
from groundwire.core.sync import Syncer

pytestmark = pytest.mark.server

ROWS = 3_000


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    made = sa.create_engine(postgres_url)
    make_items(made, ROWS)
    yield made
    made.dispose()


@pytest.fixture
def write(engine: sa.Engine) -> Callable[..., None]:
    """Execute a statement in the source, committed."""

    def execute(sql: str, *values: Any) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(sql, values or None)

    return execute


@pytest.fixture
def replicas(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'copies.sqlite'}"


@pytest.fixture
def opened(engine: sa.Engine, postgres_url: str, replicas: str) -> Iterator[Synced]:
    with synced(settings(postgres_url, replicas)) as made:
        made.sync()
        yield made


def test_a_transaction_that_commits_late_with_an_earlier_timestamp_is_found(
    opened: Synced, engine: sa.Engine, write: Callable[..., None]
) -> None:
    with engine.connect() as late, late.begin():
        late.exec_driver_sql("SELECT 1")  # the timestamp of all its changes is that of its beginning
        time.sleep(0.05)
        write("UPDATE item SET amount = 1, changed = now() WHERE id = 1")
        opened.sync()
        late.exec_driver_sql("UPDATE item SET amount = 2, changed = now() WHERE id = 2")
        late.exec_driver_sql("INSERT INTO item VALUES (-1, 'late', 3)")
        write("UPDATE item SET amount = 4, changed = now() WHERE id = 3")
        opened.sync()
    write("UPDATE item SET amount = 5, changed = now() WHERE id = 4")
    opened.sync()
    opened.check()


def test_the_overlap_finds_what_was_stamped_by_a_clock_of_the_application(
    engine: sa.Engine, postgres_url: str, replicas: str, write: Callable[..., None]
) -> None:
    with synced(settings(postgres_url, replicas, overlap="2m")) as opened:
        opened.sync()
        write("UPDATE item SET amount = 1, changed = now() WHERE id = 1")
        opened.sync()
        write("UPDATE item SET amount = 2, changed = now() - interval '100 s' WHERE id = 2")
        opened.sync()
        opened.check()


def test_ten_thousand_updates_with_the_same_timestamp(opened: Synced, write: Callable[..., None]) -> None:
    write("INSERT INTO item SELECT i, 'new', 0, now() FROM generate_series(10001, 20000) AS i")
    assert opened.sync().written >= 10_000
    write("UPDATE item SET name = 'same', changed = '2030-01-01' WHERE id > 10000")
    opened.sync()
    opened.check()
    write("UPDATE item SET name = 'same again', changed = '2030-01-01' WHERE id > 15000")
    write("UPDATE item SET name = 'now', changed = now() WHERE id <= 10")
    opened.sync()
    opened.check()


def test_a_row_deleted_and_made_again_between_syncs(opened: Synced, write: Callable[..., None]) -> None:
    write("DELETE FROM item WHERE id IN (1, 2, 3)")
    write("INSERT INTO item VALUES (2, 'again', 0), (3, 'again and gone', 0)")
    write("DELETE FROM item WHERE id = 3")
    write("INSERT INTO item VALUES (-5, 'makes up for the number of rows', 0), (-6, 'and another', 0)")
    assert opened.sync().deleted == 2
    opened.check()
    write("TRUNCATE item")
    opened.sync()
    opened.check()
    write("INSERT INTO item VALUES (1, 'first', 0)")
    opened.sync()
    opened.check()


def test_a_hard_delete_beside_an_insert_in_the_same_moment_is_not_missed(
    opened: Synced, write: Callable[..., None]
) -> None:
    for number in range(20):
        write(f"DELETE FROM item WHERE id = {100 + number}")
        write(f"INSERT INTO item VALUES ({-100 - number}, 'new', 0)")
        opened.sync()
    opened.check()


def test_only_one_sync_of_an_entity_at_a_time(opened: Synced, postgres_url: str, replicas: str) -> None:
    reached, go = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        reached.set()
        assert go.wait(20)

    first = threading.Thread(target=lambda: opened.sync(full=True, progress=wait))
    first.start()
    try:
        assert reached.wait(20)
        with synced(settings(postgres_url, replicas)) as other:
            with pytest.raises(Busy, match="is being synced"):
                other.sync()
            assert other.replicas.status()[0].syncing is not None
    finally:
        go.set()
        first.join()
    assert opened.replicas.status()[0].syncing is None
    opened.sync()
    opened.check()


class Crash(BaseException):
    """The process is gone."""


def test_a_crash_after_any_commit_is_made_good_by_the_next_sync(
    opened: Synced, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed must prove no more than what was stored with it."""
    plain, left = Lease.writing, [0]

    @contextmanager
    def writing(self: Lease) -> Iterator[sa.Connection]:
        with plain(self) as connection:
            yield connection
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    monkeypatch.setattr(Lease, "writing", writing)
    crashes = 0
    for commit in range(1, 9):
        for how in ({}, {"verify": True}):
            write(
                f"UPDATE item SET amount = amount + 1, changed = now() WHERE id % {commit + 2} = 0".replace("%", "%%")
            )
            write(f"DELETE FROM item WHERE id = {commit * 20 + len(how)}")
            write("UPDATE item SET changed = now() WHERE id = 3000")  # the highest of all, also of what was lost
            left[0] = commit
            try:
                opened.sync(**how)
            except Crash:
                crashes += 1
            left[0] = 0
            opened.sync()
            opened.check()
    assert crashes > 6


def test_a_sync_that_lost_its_lease_can_not_commit(opened: Synced) -> None:
    states = opened.replicas.states
    with states.lease(ENTITY, seconds=30) as slow:
        with opened.replicas.store.writing() as connection:
            connection.exec_driver_sql("UPDATE _groundwire_lease SET expires = 0")
        with states.lease(ENTITY, seconds=30) as quick, quick.writing():
            pass
        with pytest.raises(Busy, match="taken over"), slow.writing() as connection:
            connection.exec_driver_sql("DELETE FROM _groundwire_state")
    assert opened.replicas.state(ENTITY).table is not None


@pytest.mark.parametrize(
    "poison",
    [
        "UPDATE item SET changed = '20000-01-01' WHERE id = 7",
        "UPDATE item SET day = 'infinity', changed = now() WHERE id = 7",
    ],
)
def test_a_poisoned_row_is_put_aside_and_reported_and_the_rest_goes_on(
    poison: str, engine: sa.Engine, postgres_url: str, replicas: str, write: Callable[..., None]
) -> None:
    write("ALTER TABLE item ADD COLUMN day date")
    write("UPDATE item SET day = '2024-01-01'")
    with synced(settings(postgres_url, replicas)) as opened:
        opened.sync()
        write(poison)
        write("UPDATE item SET amount = 8, changed = now() WHERE id = 8")
        report = opened.sync()
        assert report.quarantined == 1 and report.rows == ROWS - 1
        assert list(opened.replicas.quarantine(ENTITY)) == ["[7]"]
        result = opened.hub.query(f"SELECT id, amount FROM {ENTITY} WHERE id IN (7, 8)", max_age="1d")
        assert [(i, float(a)) for i, a in result.rows()] == [(8, 8.0)]
        assert not result.complete and "could not be stored" in result.incomplete_reasons()[0]
        assert opened.hub.query(f"SELECT SUM(amount) FROM {ENTITY}", max_age="1d").completeness == "unknown"
        assert opened.sync().quarantined == 1
        assert opened.sync(full=True).quarantined == 1
        write("UPDATE item SET day = '2024-01-02', changed = now() WHERE id = 7")
        assert opened.sync().quarantined == 0
        opened.check()


@pytest.mark.parametrize("minutes", [5, -5])
def test_a_clock_that_is_five_minutes_off_loses_nothing(
    minutes: int, engine: sa.Engine, postgres_url: str, replicas: str, write: Callable[..., None]
) -> None:
    def ours() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=minutes)

    with synced(settings(postgres_url, replicas), clock=ours) as opened:
        opened.sync()
        for number in range(5):
            write(f"UPDATE item SET amount = {number}, changed = now() WHERE id <= {number + 3}")
            write(f"DELETE FROM item WHERE id = {number + 1000}")
            before = ours()
            assert before <= (opened.sync().as_of or before) <= ours()
            opened.check()


def test_rows_stamped_by_a_clock_that_was_then_set_back_are_followed_by_those_after_it(
    opened: Synced, write: Callable[..., None]
) -> None:
    write("UPDATE item SET amount = 1, changed = now() + interval '5 minutes' WHERE id = 1")
    opened.sync()
    write("UPDATE item SET amount = 2, changed = now() WHERE id = 2")
    opened.sync()
    opened.check()


def test_a_source_that_goes_down_in_the_middle_of_a_load_is_gone_on_with(
    engine: sa.Engine, postgres_url: str, replicas: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_load, "PART_ROWS", 100)

    def cut(_: str, rows: int, expected: int | None) -> None:
        if rows > ROWS / 2:
            with engine.begin() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()"
                )
            raise Unavailable("the cable is out", source="erp")

    with synced(settings(postgres_url, replicas)) as opened:
        with pytest.raises(SourceError):
            opened.sync(progress=cut)
        status = opened.replicas.status()[0]
        assert status.as_of is None and "cable" in (status.last_error or "")
        live = opened.hub.query(f"SELECT COUNT(*) FROM {ENTITY}", max_age="1d")
        assert (live.rows(), live.sources[0].mode) == ([(ROWS,)], "live")
        report = opened.sync()
        assert report.read < ROWS * 0.6, "the parts that were complete are not read again"
        assert opened.replicas.status()[0].last_error is None
        opened.check()


def test_a_source_that_is_down_leaves_the_copy_and_its_age_alone(
    engine: sa.Engine, postgres_url: str, replicas: str, write: Callable[..., None]
) -> None:
    with synced(settings(postgres_url, replicas)) as opened:
        as_of = opened.sync().as_of
        write("ALTER TABLE item RENAME TO away")
        with pytest.raises(SourceError):
            opened.sync()
        status = opened.replicas.status()[0]
        assert status.as_of == as_of and status.last_error is not None
        assert opened.hub.query(f"SELECT COUNT(*) FROM {ENTITY}", max_age="1d").rows() == [(ROWS,)]
        write("ALTER TABLE away RENAME TO item")
        opened.sync()
        opened.check()


def test_a_full_disk_stops_the_sync_and_not_the_answers(
    opened: Synced, write: Callable[..., None], replicas: str
) -> None:
    engine: sa.Engine = opened.replicas.connector._writing_engine()  # type: ignore[attr-defined]
    pages = 0

    def small(driver: Any, *_: Any) -> None:
        driver.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then says what it says where a disk is full

    with engine.connect() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0) + 20
        connection.rollback()
    sa.event.listen(engine, "checkout", small)
    as_of = opened.replicas.state(ENTITY).as_of
    write("INSERT INTO item SELECT i, repeat('x', 100), 0, now() FROM generate_series(10001, 20000) AS i")
    with pytest.raises(Unavailable, match="full"):
        opened.sync()
    assert opened.replicas.state(ENTITY).as_of == as_of
    assert len(opened.copied()) == ROWS
    pages = 10_000_000
    opened.sync()
    opened.check()


def test_histories_of_random_writes_while_syncs_run(
    engine: sa.Engine, postgres_url: str, replicas: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_run, "ATOMIC_ROWS", 50)
    monkeypatch.setattr(sync_load, "PART_ROWS", 500)
    with synced(settings(postgres_url, replicas)) as opened, History(engine, ROWS, seed=1) as history:
        end = time.monotonic() + 6
        syncs = 0
        while time.monotonic() < end or (syncs <= 10 and time.monotonic() < end + 60):
            opened.sync(full=syncs % 10 == 5)
            syncs += 1
            if syncs % 5 == 0:
                with history.paused():
                    opened.sync()
                    opened.check()
        assert syncs > 10 and history.writes > 50


def test_an_answer_is_never_older_than_it_says(opened: Synced, engine: sa.Engine) -> None:
    """A counter that only grows: what a copy shows must be at least what was committed before its as-of."""
    stop = threading.Event()
    committed: list[tuple[datetime, int]] = []

    def count() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE item SET amount = {number}, changed = now() WHERE id = 1")
            committed.append((datetime.now(UTC), number))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        for _ in range(30):
            opened.sync()
            result = opened.hub.query(f"SELECT amount FROM {ENTITY} WHERE id = 1", max_age="1d")
            as_of = result.sources[0].as_of
            assert result.sources[0].mode == "replica"
            must = max((n for at, n in committed if at < as_of), default=0)
            assert int(result.rows()[0][0]) >= must
    finally:
        stop.set()
        thread.join()


def test_syncers_of_other_hubs_see_one_copy(opened: Synced, postgres_url: str, replicas: str) -> None:
    with synced(settings(postgres_url, replicas)) as other:
        assert other.copied() == opened.copied()
        assert Syncer(other.hub, other.replicas).sync(ENTITY).mode == "incremental"


def test_a_column_whose_every_value_is_poisoned_is_an_error_and_not_a_million_rows_aside(
    engine: sa.Engine, postgres_url: str, replicas: str, write: Callable[..., None]
) -> None:
    write("ALTER TABLE item ADD COLUMN day date DEFAULT 'infinity'")
    with synced(settings(postgres_url, replicas)) as opened, pytest.raises(Rejected, match="more than"):
        opened.sync()
