"""Fragments in their stores: one reads for all, rubbish is noticed, and a store that is down costs speed only."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from forked import Forked
from own_servers import OwnRedis, small_disk

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core import cache
from groundwire.core.cache import Cache, Loaded, identity
from groundwire.core.config import parse
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import ConfigError, SourceError
from groundwire.core.store import EmbeddedStore, Entry, Store, open_store

REDIS = os.environ.get("GROUNDWIRE_TEST_REDIS", "redis://127.0.0.1:6379/0")


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind, with room for 100 kB."""
    if request.param != "redis":
        yield EmbeddedStore(None if request.param == "memory" else tmp_path / "fragments.sqlite", 100_000)
        return
    redis = pytest.importorskip("redis")
    from groundwire.core.store_redis import RedisStore

    client, prefix = redis.Redis.from_url(REDIS), f"gw_test_{uuid.uuid4().hex}:"
    try:
        client.ping()
    except redis.RedisError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Redis answers: {error}")
    made = RedisStore(REDIS, 100_000, prefix)
    yield made
    made.close()
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
    client.close()


def _entry(key: str, group: str = "g", as_of: int = 1, size: int = 10) -> Entry:
    return Entry(key=key, group=group, as_of=as_of, meta=f"meta of {key}", size=size)


def test_a_store_keeps_what_it_was_given(store: Store) -> None:
    store.save(_entry("one"), b"x" * 10)
    store.save(_entry("two"), b"y" * 10)
    store.save(_entry("one", as_of=2), b"z" * 10)
    entries, floor = store.find("g", ["f"])
    assert {(e.key, e.as_of, e.meta) for e in entries} == {("one", 2, "meta of one"), ("two", 1, "meta of two")}
    assert floor == 0 and store.load("one") == b"z" * 10 and store.load("three") is None
    assert store.usage().entries == 2 and store.usage().bytes == 20
    store.raise_floor("f", 7)
    store.raise_floor("f", 5)
    assert store.find("other", ["f", "h"]) == ([], 7)
    store.drop(_entry("one", as_of=1))
    assert store.load("one") is not None, "a newer one is not dropped for an older"
    store.drop(_entry("one", as_of=2))
    assert store.load("one") is None
    store.clear()
    assert store.find("g", ["f"]) == ([], 7) and store.usage().bytes == 0


def test_a_store_stays_within_its_bound_and_keeps_what_is_used(store: Store) -> None:
    store.save(_entry("used", size=20_000), b"u" * 20_000)
    for number in range(12):
        time.sleep(0.002)
        store.save(_entry(f"n{number}", size=20_000), bytes([number]) * 20_000)
        if isinstance(store, EmbeddedStore):  # which does not write down every use
            with store._using() as connection:
                connection.execute("UPDATE fragments SET used = 0 WHERE key = 'used' AND used > 0")
        assert store.load("used") is not None
        assert store.usage().bytes <= 100_000
    assert store.load("n11") == bytes([11]) * 20_000


def test_a_lease_is_one_holders_until_it_ends(store: Store) -> None:
    assert store.acquire("read", "me", 0.15) and store.acquire("read", "me", 0.15)
    assert not store.acquire("read", "you", 0.15)
    time.sleep(0.2)
    assert store.acquire("read", "you", 5), "a holder that crashed does not hold for ever"
    store.release("read", "me")
    assert not store.acquire("read", "me", 5)
    store.release("read", "you")
    assert store.acquire("read", "me", 5)


# -- through the hub -------------------------------------------------------------------------


class _Slow(MemoryConnector):
    """Takes its time, so that others ask meanwhile."""

    pause = 0.2

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        time.sleep(self.pause)
        yield from super().scan(scan, report)


def _people(kind: type[MemoryConnector] = MemoryConnector) -> MemoryConnector:
    return kind.from_tables("crm", {"people": pa.table({"id": [1, 2, 3], "name": ["a", "b", None]})})


def test_of_fifty_who_ask_the_same_one_reads(store: Store) -> None:
    source = _people(_Slow)
    with Hub([source]) as hub:
        hub.__dict__["cache"] = Cache(store, lambda name: name)
        assert len(hub.catalog) == 1
        with ThreadPoolExecutor(50) as pool:
            results = list(pool.map(lambda _: hub.query("SELECT id, name FROM crm.people", max_age="1m"), range(50)))
    assert len(source.scans) == 1
    assert {tuple(r.rows()) for r in results} == {((1, "a"), (2, "b"), (3, None))}
    assert [r.sources[0].mode for r in results].count("live") == 1


def _ask(url: str, store: str, start: float, lease: float) -> None:
    """What a process does: ask at a moment, and print how the answer was come by."""
    cache.LEASE = lease
    shop = {"type": "sql", "url": url, "profile": False, "infer_relations": False}
    made = parse({"sources": {"dwh": shop}, "cache": {"url": store}}, base=Path())
    with Hub.from_parsed(made) as hub:
        assert hub.catalog and hub.cache.store.usage() is not None
        time.sleep(max(0.0, start - time.time()))
        result = hub.query("SELECT id, note FROM dwh.asked", max_age="1m")
        print(result.sources[0].mode, result.rows())


class _Asker:
    """A process that asks."""

    def __init__(self, log: Path, url: str, store: str, start: float = 0.0, lease: float = cache.LEASE) -> None:
        self.log = log
        self.process = Forked(log, log.parent, os.environ, _ask, url, store, start, lease)

    def printed(self) -> str:
        assert self.process.wait(60) == 0, self.log.read_text()
        return self.log.read_text().strip()


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_of_several_processes_that_ask_the_same_one_reads(kind: str, postgres_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "DROP VIEW IF EXISTS asked; CREATE VIEW asked AS SELECT random() AS id, 'x' || pg_sleep(0.5)::text AS note"
        )
    engine.dispose()
    shared = f"sqlite:///{tmp_path / 'shared.sqlite'}" if kind == "sqlite" else REDIS
    start = time.time() + 3
    askers = [_Asker(tmp_path / f"asker-{n}.log", postgres_url, shared, start) for n in range(4)]
    printed = [asker.printed() for asker in askers]
    assert sorted(line.split()[0] for line in printed) == ["cache"] * 3 + ["live"]
    assert len({line.partition(" ")[2] for line in printed}) == 1, "each read would give another number"


def test_a_reader_that_is_killed_holds_the_others_up_for_its_lease_only(postgres_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW IF EXISTS asked")
        connection.exec_driver_sql("CREATE VIEW asked AS SELECT 1 AS id, 'x' || pg_sleep(3)::text AS note")
    shared = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    first = _Asker(tmp_path / "first.log", postgres_url, shared, lease=1.0)
    end = time.monotonic() + 60
    with engine.connect() as connection:
        reading = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        while not connection.exec_driver_sql(reading).scalar():
            assert time.monotonic() < end and first.process.poll() is None
            connection.rollback()
            time.sleep(0.02)
    first.process.kill()
    first.process.wait(10)
    second = _Asker(tmp_path / "second.log", postgres_url, shared, lease=1.0)
    assert second.printed().split()[0] == "live"
    engine.dispose()


def test_a_read_that_fails_fails_for_all_who_wait_and_for_nobody_later(store: Store) -> None:
    source = _people(_Slow)
    source.fail_after = 0
    with Hub([source]) as hub:
        hub.__dict__["cache"] = Cache(store, lambda name: name)
        assert len(hub.catalog) == 1

        def ask(_: int) -> str:
            try:
                return str(len(hub.query("SELECT id FROM crm.people", max_age="1m")))
            except SourceError as error:
                return type(error).__name__

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(8))) == {"Rejected"}
        assert len(source.scans) < 8
        source.fail_after = None
        assert ask(0) == "3"


def test_incomplete_reads_are_not_kept(store: Store) -> None:
    source = _people()
    source.incomplete = "a page is missing"
    with Hub([source]) as hub:
        hub.__dict__["cache"] = Cache(store, lambda name: name)
        for _ in range(2):
            assert not hub.query("SELECT id FROM crm.people", max_age="1m").complete
        source.incomplete = None
        assert hub.query("SELECT id FROM crm.people", max_age="1m").complete
    assert len(source.scans) == 3


def test_what_changed_is_read_again(store: Store) -> None:
    source = _people()
    with Hub([source]) as hub:
        hub.__dict__["cache"] = cache = Cache(store, lambda name: name)
        hub.query("SELECT id FROM crm.people", max_age="1h")
        cache.invalidate("crm", ["crm.people"], hub.clock())
        assert hub.query("SELECT id FROM crm.people", max_age="1h").sources[0].mode == "live"
        other = Cache(store, lambda name: name)
        other.invalidate("crm", ["crm.people"], hub.clock())
        assert hub.query("SELECT id FROM crm.people", max_age="1h").sources[0].mode == "live"
        assert hub.query("SELECT id FROM crm.people", max_age="1h").sources[0].mode == "cache"


@pytest.mark.parametrize("rubbish", [lambda d: d[:-1], lambda d: b"", lambda d: d[:60] + bytes([d[60] ^ 1]) + d[61:]])
def test_rubbish_in_the_store_is_no_answer(store: Store, rubbish: Callable[[bytes], bytes]) -> None:
    source = _people()
    with Hub([source]) as hub:
        hub.__dict__["cache"] = cache = Cache(store, lambda name: name)
        wanted = hub.query("SELECT id, name FROM crm.people", max_age="1h").rows()
        ask = cache.ask(hub.plan("SELECT id, name FROM crm.people").fragments[0].shape, "crm")
        [entry], _ = store.find(ask.group, ask.floors)
        data = store.load(entry.key)
        assert data is not None
        store.save(entry, rubbish(data))
        again = hub.query("SELECT id, name FROM crm.people", max_age="1h")
        assert again.rows() == wanted and again.sources[0].mode == "live"
        assert hub.query("SELECT id, name FROM crm.people", max_age="1h").sources[0].mode == "cache"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "sqlite:////proc/no/such/place.sqlite"])
def test_a_store_that_is_down_costs_speed_and_no_answer(url: str, tmp_path: Path) -> None:
    source = _people()
    with Hub([source]) as hub:
        hub.__dict__["cache"] = Cache(open_store(url, tmp_path, 1_000_000), lambda name: name)
        started = time.monotonic()
        for _ in range(5):
            assert len(hub.query("SELECT id FROM crm.people", max_age="1h")) == 3
        assert time.monotonic() - started < 5
    assert len(source.scans) == 5


def test_a_redis_that_is_killed_costs_speed_and_no_answer_and_serves_again_when_it_is_back(tmp_path: Path) -> None:
    source = _people()
    with OwnRedis(tmp_path) as redis, Hub([source]) as hub:
        hub.__dict__["cache"] = cache = Cache(open_store(redis.url, tmp_path, 1_000_000), lambda name: name)

        def ask() -> tuple[str, list[tuple[Any, ...]]]:
            result = hub.query("SELECT id, name FROM crm.people", max_age="1h")
            return result.sources[0].mode, result.rows()

        wanted = ask()[1]
        assert ask() == ("cache", wanted)
        redis.kill()
        started = time.monotonic()
        assert [ask() for _ in range(5)] == [("live", wanted)] * 5
        assert time.monotonic() - started < 5
        cache.invalidate("crm", ["crm.people"], hub.clock())  # which nobody can be told now
        redis.start()
        cache._down_until = 0.0
        assert [ask() for _ in range(2)] == [("live", wanted), ("cache", wanted)]


def test_a_disk_that_is_full_costs_speed_and_no_answer(tmp_path: Path) -> None:
    rows = 20_000
    table = pa.table({"id": range(rows), "name": [uuid.uuid4().hex for _ in range(rows)]})
    source = MemoryConnector.from_tables("crm", {"people": table})
    with small_disk(tmp_path / "disk", "400k") as disk, Hub([source]) as hub:
        store = EmbeddedStore(disk / "fragments.sqlite", 100_000_000)
        hub.__dict__["cache"] = cache = Cache(store, lambda name: name)
        started = time.monotonic()
        for _ in range(3):
            result = hub.query("SELECT id, name FROM crm.people", max_age="1h")
            assert len(result) == rows and result.sources[0].mode == "live"
            cache._down_until = 0.0
        assert time.monotonic() - started < 10
        cache.close()


def test_whose_rights_a_copy_was_read_with_is_part_of_its_key(store: Store) -> None:
    with Hub([_people()]) as hub:
        cache = Cache(store, lambda name: name)
        shape = hub.plan("SELECT id FROM crm.people").fragments[0].shape
        one, other = (cache.ask(shape, "crm", policy) for policy in ("sales", "finance"))
        assert one.group != other.group and one.key != other.key and one.floors == other.floors
        cache.keep(one, Loaded(table=pa.table({"id": pa.array([1])}), as_of=hub.clock()))
        assert cache.find(one, lambda _: True) is not None
        assert cache.find(other, lambda _: True) is None and cache.find(other, None) is None


def test_a_file_that_is_no_database_is_thrown_away(tmp_path: Path) -> None:
    file = tmp_path / "fragments.sqlite"
    file.write_bytes(b"rubbish " * 1000)
    source = _people()
    with Hub([source]) as hub:
        hub.__dict__["cache"] = cache = Cache(EmbeddedStore(file, 1_000_000), lambda name: name)
        assert len(hub.query("SELECT id FROM crm.people", max_age="1h")) == 3
        cache._down_until = 0.0
        assert [hub.query("SELECT id FROM crm.people", max_age="1h").sources[0].mode for _ in range(2)] == [
            "live",
            "cache",
        ]
    assert file.stat().st_mode & 0o077 == 0, "nobody else may read it"


def test_accounts_and_places_do_not_share() -> None:
    settings: dict[str, Any] = {"url": "postgresql://ann:secret@db/x"}
    own = identity("sql", settings, "")
    assert own == identity("sql", dict(settings), "")
    others = [("sql", {"url": "postgresql://bob:secret@db/x"}, ""), ("sql", settings, "/home"), ("rest", settings, "")]
    assert own not in {identity(*other) for other in others}
    assert "secret" not in own


def test_hubs_made_by_hand_share_nothing() -> None:
    one, other = _people(), _people()
    with Hub([one]) as first, Hub([other]) as second:
        first.query("SELECT id FROM crm.people", max_age="1h")
        assert second.query("SELECT id FROM crm.people", max_age="1h").sources[0].mode == "live"


def test_a_url_of_another_kind_is_the_operators_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cache\.url"):
        open_store("memcached://x", tmp_path, 1)
    made = parse({"cache": {"enabled": False}}, base=Path())
    with Hub([_people()], made) as hub:
        assert hub.cache is None
        modes = [hub.query("SELECT id FROM crm.people", max_age="1h").sources[0].mode for _ in range(2)]
    assert modes == ["live", "live"]


def test_threads_of_a_closed_hub_end() -> None:
    before = threading.active_count()
    with Hub([_people()]) as hub:
        hub.query("SELECT id FROM crm.people", max_age="1h")
    time.sleep(0.05)
    assert threading.active_count() <= before + 1


def test_a_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    """Longer than SQLite itself waits for a lock: several processes may start at once on a busy machine."""
    path = tmp_path / "fragments.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(1.6, other.execute, ("COMMIT",))
    timer.start()
    store = EmbeddedStore(path, 100_000)
    try:
        assert store.usage().entries == 0
    finally:
        timer.join()
        other.close()
        store.close()
