"""Copies of every kind of source, of entities that change their shape, and copies that went wrong unseen."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from awkward import awkward, fill
from synced import Synced, make_items, settings, synced

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core import broker, config
from groundwire.core.connector import And, Capabilities, Predicate, Pushdown, Scan, ScanReport
from groundwire.core.errors import ConfigError, Rejected, SourceError
from groundwire.core.replica import Replicas, replica_url
from groundwire.core.sync_read import Reader
from groundwire.demo.salesforce_sandbox import SalesforceSandbox
from groundwire.demo.tryton_server import TrytonServer

ITEM = "erp.item"


@pytest.fixture
def replicas(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'copies.sqlite'}"


# -- databases -----------------------------------------------------------------------------------


def _items(url: str) -> sa.Engine:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS item")
        if engine.dialect.name == "mariadb":
            connection.exec_driver_sql(
                "CREATE TABLE item (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(40), amount DECIMAL(12, 2), flag TINYINT(1),"
                " changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))"
            )
            connection.exec_driver_sql(
                "INSERT INTO item SELECT seq, CONCAT('Name ', seq), seq / 4, seq % 2, NOW(6) - INTERVAL 1 DAY FROM seq_1_to_2000".replace(
                    "%", "%%"
                )
            )
        else:
            connection.exec_driver_sql(
                "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(12, 2), changed INTEGER NOT NULL)"
            )
            connection.exec_driver_sql(
                "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 2000)"
                " INSERT INTO item SELECT i, 'Name ' || i, i / 4.0, i FROM s"
            )
    return engine


@pytest.mark.server
def test_mariadb(mariadb_url: str, replicas: str) -> None:
    engine = _items(mariadb_url)
    with synced(settings(mariadb_url, replicas)) as opened:
        assert opened.sync().mode == "first"
        opened.check()
        with engine.connect() as late:
            late.exec_driver_sql("START TRANSACTION")
            late.exec_driver_sql("UPDATE item SET name = 'late' WHERE id = 2")
            with engine.begin() as connection:
                connection.exec_driver_sql("UPDATE item SET name = 'now' WHERE id = 1")
                connection.exec_driver_sql("DELETE FROM item WHERE id = 9")
            opened.sync()
            late.exec_driver_sql("COMMIT")
        assert opened.sync().mode == "incremental"
        opened.check()
    engine.dispose()


def test_sqlite_with_a_cursor_of_numbers(tmp_path: Path, replicas: str) -> None:
    url = f"sqlite:///{tmp_path / 'source.sqlite'}"
    engine = _items(url)
    with synced(settings(url, replicas)) as opened:
        opened.sync()
        opened.check()
        for number in range(3):
            with engine.begin() as connection:
                connection.exec_driver_sql(
                    f"UPDATE item SET name = 'new', changed = {3000 + number} WHERE id = {number + 1}"
                )
                connection.exec_driver_sql(f"DELETE FROM item WHERE id = {number + 100}")
            report = opened.sync()
            assert report.mode == "incremental" and report.read < 20
            opened.check()
    engine.dispose()


def test_a_row_with_damaged_text_is_put_aside(tmp_path: Path, replicas: str) -> None:
    path = tmp_path / "source.sqlite"
    engine = _items(f"sqlite:///{path}")
    with synced(settings(f"sqlite:///{path}", replicas)) as opened:
        opened.sync()
        with sqlite3.connect(path) as raw:
            raw.execute("UPDATE item SET name = CAST(x'ff4e' AS TEXT), changed = 5000 WHERE id = 5")
            raw.execute("UPDATE item SET amount = 'much', changed = 5001 WHERE id = 606")
            raw.execute("UPDATE item SET name = 'fine', changed = 5002 WHERE id = 7")
        raw.close()
        report = opened.sync()
        assert (report.quarantined, report.rows) == (2, 1998)
        assert set(opened.replicas.quarantine(ITEM)) == {"[5]", "[606]"}
        result = opened.hub.query(f"SELECT id, name FROM {ITEM} WHERE id IN (5, 606, 7)", max_age="1d")
        assert result.rows() == [(7, "fine")] and not result.complete
        assert opened.sync(full=True).quarantined == 2
    engine.dispose()


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_awkward_values_come_through_and_questions_mean_the_same(
    store: str, request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path
) -> None:
    """Whole queries over the copies are answered as DuckDB answers them over the source's rows."""
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS awkward")
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS copies CASCADE; CREATE SCHEMA copies")
    fill(postgres_url, {"awkward": awkward()})
    place = (
        f"sqlite:///{tmp_path / 'copies.sqlite'}"
        if store == "sqlite"
        else f"{postgres_url}?options=-csearch_path%3Dcopies"
    )
    made = settings(postgres_url, place, tables=("awkward",))
    source = made.sources["erp"].entities["awkward"].model_copy(update={"replica": config.ReplicaConfig()})
    made.sources["erp"].entities["awkward"] = source
    with synced(made) as opened:
        assert opened.sync("erp.awkward").mode == "first"
        opened.check("erp.awkward")
        for query in (
            "SELECT active, COUNT(*), SUM(amount), MIN(logged), MAX(seen), AVG(quantity) FROM erp.awkward GROUP BY 1 ORDER BY 1",
            "SELECT name, born FROM erp.awkward WHERE born >= DATE '2024-01-01' AND amount < 0.01 ORDER BY id",
            "SELECT DATE_TRUNC('month', logged) AS m, COUNT(*) FROM erp.awkward GROUP BY 1 ORDER BY 1",
            "SELECT UPPER(name), ROUND(amount / 3, 2) FROM erp.awkward WHERE name LIKE 'a%' ORDER BY name, id",
            "SELECT a.id, b.id FROM erp.awkward a JOIN erp.awkward b ON a.seen = b.seen AND a.id < b.id ORDER BY 1, 2",
        ):
            copied, live = opened.hub.query(query, max_age="1d"), opened.hub.query(query, max_age=0)
            assert [s.mode for s in copied.sources] == ["replica"], copied.notes
            assert copied.rows() == live.rows(), query
            assert copied.table.schema == live.table.schema
        assert opened.sync("erp.awkward").mode == "full"
    engine.dispose()


# -- shapes that change --------------------------------------------------------------------------


@pytest.mark.server
def test_fields_that_come_go_and_change(postgres_url: str, replicas: str) -> None:
    engine = sa.create_engine(postgres_url)
    make_items(engine, 500)

    def write(sql: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(sql)

    made = settings(postgres_url, replicas)
    with synced(made) as opened:
        opened.sync()
        write("ALTER TABLE item ADD COLUMN colour text DEFAULT 'red'")
        report = opened.sync()
        assert report.mode == "full" and report.changes == ("colour is new: loaded anew",)
        opened.check()  # the catalog of this hub does not know it yet
        write("ALTER TABLE item ALTER amount TYPE text USING 'about ' || amount")
        with synced(made) as later:
            assert "amount was decimal128(12, 2) and is string: loaded anew" in later.sync().changes
            later.check()
            assert ("red",) in later.hub.query(f"SELECT colour FROM {ITEM} WHERE id = 1", max_age="1d").rows()
        # a hub that still thinks of numbers does not take the copy's texts for them
        stale = opened.hub.query(f"SELECT id FROM {ITEM} WHERE id = 1", max_age="1d")
        assert stale.sources[0].mode == "replica"
        offers = opened.replicas.offers(opened.hub.catalog, lambda _: dt.timedelta(days=1), opened.replicas.clock())
        plan = opened.hub.plan(f"SELECT amount FROM {ITEM}", offers=offers)
        assert plan.fragments[0].source == "erp"
        write("ALTER TABLE item DROP COLUMN name")
        with synced(made) as later:
            assert later.sync().changes == ("name is gone from the source: left out",)
            later.check()
            assert later.sync().changes == ()
        write("ALTER TABLE item RENAME TO away")
        with pytest.raises(SourceError):
            opened.sync()
    engine.dispose()


@pytest.mark.server
def test_verify_finds_and_mends_what_no_cursor_showed(postgres_url: str, replicas: str) -> None:
    engine = sa.create_engine(postgres_url)
    make_items(engine, 1_000)
    with synced(settings(postgres_url, replicas)) as opened:
        opened.sync()
        assert opened.sync(verify=True).differences == 0
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE item SET amount = -1 WHERE id IN (10, 20)")
            connection.exec_driver_sql("UPDATE item SET id = -id WHERE id = 30")
        opened.sync()  # a key that moved is a delete and an insert: the number of rows does not show it
        report = opened.sync(verify=True)
        assert report.differences == 4
        opened.check()
        assert opened.sync(verify=True).differences == 0
    engine.dispose()


@pytest.mark.server
def test_only_the_touched_keys_are_refreshed(postgres_url: str, replicas: str) -> None:
    engine = sa.create_engine(postgres_url)
    make_items(engine, 1_000)
    with synced(settings(postgres_url, replicas)) as opened:
        as_of = opened.sync().as_of
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE item SET amount = -1")
            connection.exec_driver_sql("DELETE FROM item WHERE id = 3")
        report = opened.sync(keys=[1, 2, (3,)])
        assert (report.mode, report.written, report.deleted, report.as_of) == ("keys", 2, 1, as_of)
        amounts = opened.hub.query(f"SELECT id FROM {ITEM} WHERE amount = -1 OR id = 3 ORDER BY 1", max_age="1d")
        assert amounts.rows() == [(1,), (2,)]
    engine.dispose()


# -- APIs ----------------------------------------------------------------------------------------


def _over(type_: str, values: dict[str, Any], replicas: str) -> Synced:
    return Synced(
        config.parse({"sources": {"erp": {"type": type_, **values}}, "replicas": {"url": replicas}}, base=Path())
    )


@pytest.fixture
def sandbox() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(page_size=300) as running:
        yield running


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_salesforce_by_its_stamps_and_its_feed_of_deletions(sandbox: SalesforceSandbox, replicas: str) -> None:
    values = {
        "url": sandbox.url,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "objects": ["Account", "Contact", "User"],
        "entities": {"Account": {"replica": True}, "Contact": {"replica": {"every": "1m"}}},
    }
    opened = _over("salesforce", values, replicas)
    for entity in ("erp.Account", "erp.Contact"):
        assert opened.sync(entity).mode == "first"
        opened.check(entity, "Id")
    now = dt.datetime.now(dt.UTC)
    first, second, third = (r["Id"] for r in sandbox.data["Contact"][:3])
    sandbox.delete("Contact", first)
    back = sandbox.delete("Contact", second)
    sandbox.data["Contact"].append({**back, "Name": "restored", "SystemModstamp": now})
    changed = next(r for r in sandbox.data["Contact"] if r["Id"] == third)
    changed.update(Name="changed", SystemModstamp=now)
    sandbox.requests.clear()
    report = opened.sync("erp.Contact")
    assert (report.mode, report.deleted) == ("incremental", 1), report
    assert len(sandbox.requests) < 10
    opened.check("erp.Contact", "Id")
    sandbox.data["Contact"][5]["Name"] = "changed without a stamp"
    assert opened.sync("erp.Contact", verify=True).differences == 1
    opened.check("erp.Contact", "Id")
    together = "SELECT Account.Name, COUNT(*) FROM erp.Contact GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
    copied = opened.hub.query(together, max_age="1h")
    assert [s.mode for s in copied.sources] == ["replica"] and len(copied.sources[0].native) == 1
    assert copied.rows() == opened.hub.query(together, max_age=0).rows()
    opened.close()


@pytest.mark.server
def test_tryton_by_its_stamps_and_the_number_of_its_records(tryton_server: TrytonServer, replicas: str) -> None:
    values = {
        "url": tryton_server.url,
        "database": tryton_server.database,
        "username": "admin",
        "password": tryton_server.password,
        "models": ["party.party", "account.invoice"],
        "entities": {
            "party.party": {"replica": True, "fields": ["name", "code"]},
            "account.invoice": {"replica": True},
        },
    }
    opened = _over("tryton", values, replicas)
    connector: Any = opened.hub.connectors["erp"]
    opened.sync("erp.party.party")
    held = "SELECT id, name, code FROM erp.party.party ORDER BY id"
    context = connector._user_context()

    def same() -> None:
        copied, live = opened.hub.query(held, max_age="1d"), opened.hub.query(held, max_age=0)
        assert [s.mode for s in copied.sources] == ["replica"]
        assert copied.rows() == live.rows()

    same()
    made = connector._call(
        "model.party.party.create", [{"name": f"New {i}", "code": f"N-{i}"} for i in range(3)], context
    )
    connector._call("model.party.party.write", made[:1], {"name": "Written"}, context)
    report = opened.sync("erp.party.party")
    assert report.mode == "incremental" and report.written >= 3
    same()
    connector._call("model.party.party.delete", made[1:2], context)
    assert opened.sync("erp.party.party").deleted == 1
    same()
    # what Tryton computes is not in the copy, because no stamp shows that it changed
    opened.sync("erp.account.invoice")
    computed = opened.hub.query("SELECT SUM(amount_to_pay) FROM erp.account.invoice", max_age="1d")
    stored = opened.hub.query("SELECT state, COUNT(*) FROM erp.account.invoice GROUP BY 1", max_age="1d")
    assert ([s.mode for s in computed.sources], [s.mode for s in stored.sources]) == (["live"], ["replica"])
    opened.close()


def test_copies_of_several_sources_are_joined_by_one_database(tmp_path: Path, replicas: str) -> None:
    tables = {"people": pa.table({"id": [1, 2, 3], "name": ["a", "b", "c"]})}
    orders = {"orders": pa.table({"id": [10, 11, 12], "who": [1, 1, 3], "total": [1.5, 2.5, 4.0]})}
    connectors = [MemoryConnector.from_tables("crm", tables), MemoryConnector.from_tables("shop", orders)]
    made = config.parse(
        {
            "sources": {
                "crm": {"type": "memory", "max_age": "1h", "entities": {"people": {"replica": True}}},
                "shop": {"type": "memory", "entities": {"orders": {"replica": True, "max_age": "2h"}}},
            },
            "replicas": {"url": replicas},
            "cache": {"enabled": False},
        },
        base=Path(),
    )
    query = (
        "SELECT p.name, SUM(o.total) AS t FROM crm.people p JOIN shop.orders o ON o.who = p.id GROUP BY 1 ORDER BY 1"
    )
    with Hub(connectors, made) as hub:
        assert [s.mode for s in hub.query(query).sources] == ["live", "live"]
        from groundwire.core.sync import Syncer

        assert hub.replicas is not None
        syncer = Syncer(hub, hub.replicas)
        syncer.sync("crm.people")
        half = hub.query(query)
        assert {(s.source, s.mode) for s in half.sources} == {("crm", "replica"), ("shop", "live")}
        syncer.sync("shop.orders")
        both = hub.query(query)
        assert {(s.source, s.mode) for s in both.sources} == {("crm", "replica"), ("shop", "replica")}
        assert len({n for s in both.sources for n in s.native}) == 1, "one database answered the whole query"
        assert both.rows() == half.rows() == [("a", 4.0), ("c", 4.0)]
        assert both.query == half.query and "@replica" not in both.query
        assert [s.mode for s in hub.query(query, max_age=0).sources] == ["live", "live"]
        with pytest.raises(ConfigError, match="by key"):
            syncer.sync("crm.people", keys=[1])


def test_a_copy_that_can_not_be_read_costs_speed_and_no_answer(tmp_path: Path, replicas: str) -> None:
    url = f"sqlite:///{tmp_path / 'source.sqlite'}"
    engine = _items(url)
    with synced(settings(url, replicas)) as opened:
        opened.sync()
        table = opened.replicas.state(ITEM).table
        with opened.replicas.store.writing() as connection:
            connection.exec_driver_sql(f'DROP TABLE "{table}"')
        result = opened.hub.query(f"SELECT COUNT(*) FROM {ITEM}", max_age="1d")
        assert (result.rows(), result.sources[0].mode) == ([(2000,)], "live")
        assert "replicas failed" in result.notes[0]
    (tmp_path / "copies.sqlite").write_bytes(b"no database")
    for wal in tmp_path.glob("copies.sqlite-*"):
        wal.unlink()
    with synced(settings(url, replicas)) as opened:
        result = opened.hub.query(f"SELECT COUNT(*) FROM {ITEM}", max_age="1d")
        assert (result.rows(), result.sources[0].mode) == ([(2000,)], "live")
    engine.dispose()


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"replicas": {"url": "mysql://root@127.0.0.1/x"}}, "replicas.url"),
        ({"replicas": {"every": "often"}}, "replicas.every"),
    ],
)
def test_settings_are_checked(values: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made = config.parse(
            {"sources": {"a": {"type": "memory", "entities": {"t": {"replica": True}}}}, **values}, base=Path()
        )
        Replicas(made)
    assert caught.value.setting == setting


def test_a_cursor_that_is_none_is_an_error_of_the_operator(tmp_path: Path, replicas: str) -> None:
    url = f"sqlite:///{tmp_path / 'source.sqlite'}"
    engine = _items(url)
    for cursor in ("name", "nothing"):
        made = settings(url, replicas)
        entity = made.sources["erp"].entities["item"]
        made.sources["erp"].entities["item"] = entity.model_copy(
            update={"replica": config.ReplicaConfig(cursor=cursor)}
        )
        with synced(made) as opened, pytest.raises(ConfigError, match=cursor):
            opened.sync()
    engine.dispose()


def test_another_cursor_begins_anew(tmp_path: Path, replicas: str) -> None:
    url = f"sqlite:///{tmp_path / 'source.sqlite'}"
    engine = _items(url)
    made = settings(url, replicas)
    with synced(made) as opened:
        opened.sync()
    entity = made.sources["erp"].entities["item"]
    made.sources["erp"].entities["item"] = entity.model_copy(update={"replica": config.ReplicaConfig(cursor="id")})
    with synced(made) as opened:
        assert [opened.sync().mode, opened.sync().mode] == ["full", "incremental"]
        opened.check()
    engine.dispose()


def test_an_entity_that_is_gone_is_an_error(tmp_path: Path, replicas: str) -> None:
    url = f"sqlite:///{tmp_path / 'source.sqlite'}"
    engine = _items(url)
    with synced(settings(url, replicas)) as opened:
        opened.sync()
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE item")
        with pytest.raises(Rejected, match="not there any more"):
            opened.sync()
    engine.dispose()


# -- where copies are, and who hears of them -----------------------------------------------------


def _two_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Configurations of two projects of the same shape, which name no database for their replicas."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    files = []
    for project in ("one", "two"):
        url = f"sqlite:///{tmp_path / project}.sqlite"
        _items(url).dispose()
        file = tmp_path / project / "groundwire.toml"
        file.parent.mkdir()
        file.write_text(
            f'[sources.erp]\ntype = "sql"\nurl = "{url}"\nprofile = false\n'
            '[sources.erp.entities.item]\nreplica.cursor = "changed"\n',
            encoding="utf-8",
        )
        files.append(file)
    return files


def test_two_configurations_share_no_replica_and_no_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (config.load(file) for file in _two_places(tmp_path, monkeypatch))
    with synced(one) as first, synced(two) as second:
        first.sync()
        assert first.replicas.state(ITEM).table is not None
        assert second.replicas.state(ITEM).table is None
    assert broker.folder(one) != broker.folder(two)
    monkeypatch.chdir(tmp_path / "one")
    assert replica_url(config.load("groundwire.toml")) == replica_url(one)
    assert broker.folder(config.load(tmp_path / "two" / ".." / "one" / "groundwire.toml")) == broker.folder(one)


def test_who_subscribes_hears_of_what_a_sync_changed_and_of_nothing_else(tmp_path: Path, replicas: str) -> None:
    url = f"sqlite:///{tmp_path / 'source.sqlite'}"
    engine = _items(url)
    heard: list[tuple[str, dt.datetime]] = []

    def fail(*_: object) -> None:
        raise RuntimeError("the cache is gone")

    with synced(settings(url, replicas)) as opened:
        opened.syncer.changes.subscribe(fail)
        end = opened.syncer.changes.subscribe(lambda *what: heard.append(what))
        before = dt.datetime.now(dt.UTC)
        opened.sync()
        assert [entity for entity, _ in heard] == [ITEM] and heard[0][1] >= before
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM item WHERE id = 7")
        opened.sync(keys=[7])
        assert len(heard) == 2
        opened.sync(keys=[7])  # it was not there, and is not
        assert len(heard) == 2
        end()
        opened.sync(full=True)
        assert len(heard) == 2
    engine.dispose()


def test_records_of_several_keys_are_picked_one_by_one_where_the_source_takes_no_or() -> None:
    asked: list[Predicate | None] = []

    class Noting(MemoryConnector):
        def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
            asked.append(scan.where)
            return super().scan(scan, report)

    table = pa.table({"a": [1, 1, 2], "b": [1, 2, 1], "value": ["x", "y", "z"]})
    for boolean, times in ((False, 2), (True, 1)):
        able = Capabilities(boolean=boolean)
        made = Noting.from_tables("it", {"t": table}, capabilities=able, pushdown={"=": Pushdown.EXACT})
        (entity,) = made.discover()
        asked.clear()
        reader = Reader(made, replace(entity, primary_key=("a", "b")), ("a", "b", "value"))
        picked = [v for batch in reader.pick([(1, 2), (2, 1)]) for v in batch.column(2).to_pylist()]
        assert sorted(picked) == ["y", "z"]
        assert len(asked) == times
        assert boolean or all(isinstance(where, And) for where in asked)
