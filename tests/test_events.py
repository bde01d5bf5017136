"""Changes that a source tells of are in the replica within a moment, and a copy is called fresh only where that is proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from worker_program import Place, place, until

from groundwire.core import config as configuration
from groundwire.core.catalog import Entity, Field
from groundwire.core.events import Events, Refresher, SourceListener, typed_keys
from groundwire.core.sync import Syncer, SyncReport
from groundwire.core.worker import Runtime
from groundwire.demo.tryton_server import TrytonServer

pytestmark = pytest.mark.server


@pytest.fixture
def spot(tmp_path: Path, postgres_url: str) -> Iterator[Place]:
    with place(tmp_path, postgres_url, {}) as found:
        found.configure(source='events = "notify"')
        yield found


@pytest.fixture
def own(spot: Place) -> Iterator[Runtime]:
    """The parts of a worker, in this process, over a loaded replica and installed triggers."""
    found = Runtime(spot.config)
    connector: Any = found.hub.connectors["dwh"]
    connector.execute_statements(connector.event_statements([found.hub.catalog.entity("dwh.orders")]))
    found.syncer.sync("dwh.orders")
    yield found
    found.close()


@pytest.fixture
def listener(own: Runtime) -> Iterator[SourceListener]:
    """A listener that has caught up."""
    (thread,) = Events(own).threads
    assert isinstance(thread, SourceListener)
    thread.start()
    assert thread.listening.wait(10)
    own.syncer.sync("dwh.orders")  # what a worker does when the listener asks for it
    yield thread
    thread.stop()
    thread.join(5)


def _equal(spot: Place, seconds: float = 5.0) -> None:
    until(lambda: spot.copy() == spot.original(), "the replica has the change", seconds)


def test_every_kind_of_change_is_heard(spot: Place, own: Runtime, listener: SourceListener) -> None:
    last_sync = spot.status().last_sync
    for statement in (
        "INSERT INTO orders VALUES (1001, 'new'), (1002, 'and another')",
        "UPDATE orders SET name = 'untouched cursor' WHERE id BETWEEN 5 AND 9",
        "UPDATE orders SET id = 2003 WHERE id = 3",
        "DELETE FROM orders WHERE id IN (1, 1001)",
        "INSERT INTO orders VALUES (8, 'x') ON CONFLICT (id) DO UPDATE SET name = 'by upsert'",
        "DELETE FROM orders WHERE false",
    ):
        spot.do(statement)
        _equal(spot)
    assert spot.status().last_sync == last_sync  # no sync was needed


def test_a_transaction_that_is_rolled_back_is_not_heard(spot: Place, own: Runtime, listener: SourceListener) -> None:
    with spot.source.connect() as connection:
        connection.exec_driver_sql("DELETE FROM orders")
        connection.rollback()
    spot.do("UPDATE orders SET name = 'after' WHERE id = 2")
    _equal(spot)
    assert len(spot.copy()) == 200


def test_who_subscribes_hears_of_a_change_before_the_copy_has_it(
    spot: Place, own: Runtime, listener: SourceListener
) -> None:
    heard: list[tuple[str, bool]] = []
    changed = [(2, "heard"), *(r for r in spot.original() if r[0] != 2)]
    own.syncer.changes.subscribe(lambda entity, _: heard.append((entity, (2, "heard") in spot.copy())))
    spot.do("UPDATE orders SET name = 'heard' WHERE id = 2")
    _equal(spot)
    assert sorted(spot.copy()) == sorted(changed)
    assert heard[0] == ("dwh.orders", False)


def test_only_the_touched_records_are_read(
    spot: Place, own: Runtime, listener: SourceListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[SyncReport] = []
    sync = Syncer.sync

    def noted(self: Syncer, *arguments: Any, **options: Any) -> SyncReport:
        reports.append(sync(self, *arguments, **options))
        return reports[-1]

    monkeypatch.setattr(Syncer, "sync", noted)
    spot.do("UPDATE orders SET name = 'one' WHERE id = 17", "DELETE FROM orders WHERE id = 18")
    _equal(spot)
    assert {r.mode for r in reports} == {"keys"}
    assert (sum(r.read for r in reports), sum(r.deleted for r in reports)) == (1, 1)


def test_a_copy_stays_fresh_without_a_sync_while_all_changes_are_heard(
    spot: Place, own: Runtime, listener: SourceListener
) -> None:
    last_sync = spot.status().last_sync
    time.sleep(2.5)
    for _ in range(10):
        lag = spot.status().lag
        assert lag is not None and lag < timedelta(seconds=2.2), lag
        time.sleep(0.1)
    assert spot.status().last_sync == last_sync


def test_a_copy_is_not_called_fresh_while_a_trigger_is_disabled(
    spot: Place, own: Runtime, listener: SourceListener
) -> None:
    spot.do("ALTER TABLE orders DISABLE TRIGGER groundwire_update")
    time.sleep(2.2)  # a mark that was under way may still come back
    before = spot.status().as_of
    spot.do("UPDATE orders SET name = 'unheard' WHERE id = 4")
    time.sleep(2.2)
    assert spot.status().as_of == before


def test_a_statement_over_many_rows_asks_for_a_sync(spot: Place, own: Runtime, listener: SourceListener) -> None:
    own.schedule.done("dwh.orders", time.time())
    assert own.schedule.due() == []
    spot.do("INSERT INTO orders SELECT i, 'many' FROM generate_series(10001, 13000) AS i")
    (errand,) = until(own.schedule.due, "a sync is asked for")
    as_of = spot.status().as_of
    time.sleep(1.5)
    assert spot.status().as_of == as_of, "called fresh before the sync"
    begun = own.schedule.begin(errand.entity, errand.queued)
    own.syncer.sync(errand.entity)
    assert begun is not None
    own.schedule.done(errand.entity, begun)
    _equal(spot)
    until(lambda: (spot.status().as_of or as_of) > as_of, "it is fresh again")


def test_truncation_is_heard(spot: Place, own: Runtime, listener: SourceListener) -> None:
    own.schedule.done("dwh.orders", time.time())
    spot.do("TRUNCATE orders")
    until(own.schedule.due, "a sync is asked for")


def test_a_lost_connection_is_made_again_and_everything_is_looked_at(
    spot: Place, own: Runtime, listener: SourceListener
) -> None:
    own.schedule.done("dwh.orders", time.time())
    assert own.schedule.due() == []
    spot.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'groundwire events'")
    until(lambda: own.schedule.due(), "a sync is asked for, since nobody knows what was missed", 10)
    assert listener.listening.wait(10)
    spot.do("UPDATE orders SET name = 'heard again' WHERE id = 5")
    _equal(spot)


def test_of_two_workers_one_listens_and_the_other_takes_over(
    spot: Place, own: Runtime, listener: SourceListener
) -> None:
    second = SourceListener(own, "dwh", ["dwh.orders"])
    second.start()
    assert not second.listening.wait(1.0)
    listener.stop()
    assert second.listening.wait(10)
    spot.do("UPDATE orders SET name = 'by the other' WHERE id = 5")
    _equal(spot)
    second.stop()
    second.join(5)


def test_messages_of_others_on_the_channel_do_nothing(spot: Place, own: Runtime, listener: SourceListener) -> None:
    for text in (
        "hello",
        "[]",
        '{"entity": "users"}',
        '{"mark": "1", "session": "me", "covered": ["orders"]}',
        '{"keys": 1}',
    ):
        with spot.source.begin() as connection:
            connection.exec_driver_sql("SELECT pg_notify('groundwire', %s)", (text,))
    spot.do("UPDATE orders SET name = 'still here' WHERE id = 5")
    _equal(spot)
    assert listener.is_alive()


def test_a_trigger_that_fails_does_not_break_the_writers_transaction(
    spot: Place, own: Runtime, listener: SourceListener
) -> None:
    own.schedule.done("dwh.orders", time.time())
    spot.do("ALTER TABLE orders RENAME COLUMN id TO number", "UPDATE orders SET name = 'x' WHERE number = 1")
    until(own.schedule.due, "a sync is asked for instead")


def test_the_command_prints_the_sql_and_executes_it_only_when_told(spot: Place) -> None:
    count = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'groundwire%%'"

    def installed() -> int:
        with spot.source.connect() as connection:
            return int(connection.exec_driver_sql(count).scalar_one())

    printed = spot.command("events", "install")
    assert printed.exit_code == 0, printed.stderr
    assert installed() == 0
    assert spot.command("events", "install", "--apply").exit_code == 3  # nobody there to say yes
    assert installed() == 0
    applied = spot.command("events", "install", "orders", "--yes")
    assert (applied.stdout, installed()) == (printed.stdout, 4)
    with psycopg.connect(spot.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(printed.stdout)  # as psql would, and a second time does no harm
    assert installed() == 4
    assert spot.command("events", "remove", "--yes").exit_code == 0
    assert installed() == 0


def test_a_worker_hears_and_answers_from_its_copy_within_two_seconds(spot: Place) -> None:
    assert spot.command("events", "install", "--yes").exit_code == 0
    spot.start()
    until(lambda: spot.copy() == spot.original(), "the first load")
    until(lambda: (lag := spot.status().lag) is not None and lag < timedelta(seconds=2), "the copy is kept fresh")
    spot.do("UPDATE orders SET name = 'heard' WHERE id = 11")
    _equal(spot)
    asked = spot.command("query", "--json", "--max-age", "5s", "SELECT name FROM orders WHERE id = 11")
    assert '"replica"' in asked.stdout and "heard" in asked.stdout, asked.stdout + asked.stderr


# -- keys ----------------------------------------------------------------------------------------


def _entity(*types: pa.DataType) -> Entity:
    fields = tuple(Field(name=f"k{i}", type=t) for i, t in enumerate(types))
    return Entity(source="s", name="e", fields=fields, primary_key=tuple(f.name for f in fields))


def test_keys_become_what_the_source_delivers() -> None:
    import datetime as dt
    from decimal import Decimal

    assert typed_keys(_entity(pa.int64()), [("9007199254740993",), (7,)]) == [(9007199254740993,), (7,)]
    assert typed_keys(_entity(pa.string(), pa.date32()), [("ä", "2026-01-31")]) == [("ä", dt.date(2026, 1, 31))]
    assert typed_keys(_entity(pa.decimal128(9, 2)), [("1.5",)]) == [(Decimal("1.50"),)]
    assert typed_keys(_entity(pa.bool_(), pa.binary()), [(True, "\\x00ff")]) == [(True, b"\x00\xff")]
    moment = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    assert typed_keys(_entity(pa.timestamp("us", "UTC")), [("2026-01-31T13:00:00+01:00",)]) == [(moment,)]
    for wrong in ([("x",)], [(None,)], [(1, 2)], [("99999999999999999999",)]):
        with pytest.raises(ValueError):
            typed_keys(_entity(pa.int64()), wrong)


def test_too_many_waiting_keys_become_one_sync(own: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    own.schedule.done("dwh.orders", time.time())
    monkeypatch.setattr("groundwire.core.events.MOST_WAITING", 10)
    refresher = Refresher(own)
    refresher.add(own.hub.catalog.entity("dwh.orders"), [(n,) for n in range(11)])
    assert refresher.waiting == set()
    assert [e.entity for e in own.schedule.due()] == ["dwh.orders"]


# -- polling -------------------------------------------------------------------------------------


def test_what_is_written_in_tryton_is_seen_by_polling(tryton_server: TrytonServer, tmp_path: Path) -> None:
    config = configuration.parse(
        {
            "replicas": {"url": f"sqlite:///{tmp_path / 'replicas.sqlite'}", "every": "1h"},
            "sources": {
                "erp": {
                    "type": "tryton",
                    "url": tryton_server.url,
                    "database": tryton_server.database,
                    "username": tryton_server.username,
                    "password": tryton_server.password,
                    "models": ["party.party"],
                    "profile": False,
                    "events": "poll",
                    "poll": "0.2s",
                    "entities": {
                        "party.party": {"replica": True, "fields": ["id", "name", "write_date", "create_date"]}
                    },
                }
            },
        },
        base=tmp_path,
    )
    own = Runtime(config)
    own.syncer.sync("erp.party.party")
    events = Events(own)
    events.start()
    try:
        found = _names(own)
        time.sleep(1.0)
        connector: Any = own.hub.connectors["erp"]
        (new,) = connector._call("model.party.party.create", [{"name": "Brand New Ltd"}], {})
        until(lambda: "Brand New Ltd" in found().values(), "a created record", 10)
        connector._call("model.party.party.write", [new], {"name": "Renamed Ltd"}, {})
        until(lambda: found()[new] == "Renamed Ltd", "a changed record", 10)
    finally:
        events.stop()
        own.close()


def _names(own: Runtime) -> Callable[[], dict[int, str]]:
    def found() -> dict[int, str]:
        state = own.replicas.state("erp.party.party")
        with own.replicas.store.reading() as connection:
            return dict(connection.exec_driver_sql(f'SELECT id, name FROM "{state.table}"').fetchall())  # type: ignore[arg-type]

    return found
