"""Verification finds every difference, mends only that, and moves almost nothing of what is equal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from awkward import awkward, fill
from synced import ENTITY, make_items, settings, synced

from groundwire.core import config, sync_verify
from groundwire.core.connector import ScanReport
from groundwire.core.sync_read import Reader

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_verify, "RANGE_ROWS", 200)
    monkeypatch.setattr(sync_verify, "TOGETHER", 3)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each batch had, of the source and of what is compared with it."""
    counts: list[int] = []
    plain = Reader.whole

    def counting(self: Reader, stream: Iterator[pa.RecordBatch], report: ScanReport) -> Iterator[pa.RecordBatch]:
        for batch in plain(self, stream, report):
            counts.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(Reader, "whole", counting)
    return counts


def _place(store: str, postgres_url: str, tmp_path: Path) -> str:
    if store == "sqlite":
        return f"sqlite:///{tmp_path / 'copies.sqlite'}"
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS copies CASCADE; CREATE SCHEMA copies")
    engine.dispose()
    return f"{postgres_url}?options=-csearch_path%3Dcopies"


def _source(request: pytest.FixtureRequest, product: str, tmp_path: Path) -> str:
    return (
        f"sqlite:///{tmp_path / 'source.sqlite'}" if product == "sqlite" else request.getfixturevalue(f"{product}_url")
    )


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("product", ["postgres", "mariadb", "sqlite"])
def test_equal_rows_have_equal_checksums_in_every_product(
    product: str, store: str, request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path, moved: list[int]
) -> None:
    url = _source(request, product, tmp_path)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS awkward")
    fill(url, {"awkward": awkward()})
    made = settings(url, _place(store, postgres_url, tmp_path), tables=("awkward",))
    plain = made.sources["erp"].entities["awkward"].model_copy(update={"replica": config.ReplicaConfig()})
    hidden = {"hide": ("ratio",)} if product == "mariadb" else {}
    made.sources["erp"].entities["awkward"] = plain.model_copy(update=hidden)
    with synced(made) as opened:
        table = opened.hub.catalog.entity("erp.awkward")
        if not table.primary_key:
            pytest.fail("the table has no key")
        opened.sync("erp.awkward")
        moved.clear()
        report = opened.sync("erp.awkward", verify=True)
        assert (report.differences, report.mode) == (0, "verify")
        assert report.ranges, "it was compared by checksums"
        assert sum(moved) < 30
    engine.dispose()


def test_many_equal_rows_are_told_by_a_few_numbers(
    postgres_url: str, tmp_path: Path, moved: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_verify, "RANGE_ROWS", 2_000)
    engine = sa.create_engine(postgres_url)
    make_items(engine, 20_000)
    with synced(settings(postgres_url, _place("sqlite", postgres_url, tmp_path))) as opened:
        opened.sync()
        moved.clear()
        report = opened.sync(verify=True)
        assert (report.differences, report.ranges) == (0, 10)
        assert sum(moved) < 50
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE item SET amount = -1 WHERE id = 7000")
        moved.clear()
        report = opened.sync(verify=True)
        assert report.differences == 1
        assert sum(moved) < 4_200, "one range is looked at, on both sides"
        opened.check()
    engine.dispose()


KEYS = {
    "integer": "id bigint PRIMARY KEY",
    "text": "id text PRIMARY KEY",
    "two": "id bigint, part text, PRIMARY KEY (id, part)",
    "number": "id numeric(30, 4) PRIMARY KEY",
}


@pytest.mark.parametrize("key", KEYS)
def test_what_no_cursor_showed_is_found_and_only_that_is_mended(key: str, postgres_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(postgres_url)
    part = ", part" if key == "two" else ""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS item")
        connection.exec_driver_sql(f"CREATE TABLE item ({KEYS[key]}, name text, changed timestamptz NOT NULL)")
        values = "i, 'p' || mod(i, 3)," if key == "two" else "i,"
        connection.exec_driver_sql(
            f"INSERT INTO item (id{part}, name, changed) SELECT {values} 'name ' || i, now() - i * interval '1 hour'"
            " FROM generate_series(1, 1000) AS i"
        )
    with synced(settings(postgres_url, _place("postgresql", postgres_url, tmp_path))) as opened:
        opened.sync()
        with engine.begin() as connection:
            for statement in (
                "UPDATE item SET name = 'other' WHERE id IN ('10', '20', '500')",
                "UPDATE item SET name = NULL WHERE id = '30'",
                "UPDATE item SET id = '5000' WHERE id = '40'",
                "DELETE FROM item WHERE id = '50'",
                f"INSERT INTO item (id{part}, name, changed) SELECT '6000'{', part' if part else ''}, 'hidden', changed FROM item WHERE id = '60'",
            ):
                connection.exec_driver_sql(statement)
        report = opened.sync(verify=True)
        # four of another name, one moved (a delete and an insert), one gone, one more; the number of all is the same
        assert report.differences == 8, report
        assert report.written < 20 and report.deleted == 2 and report.ranges
        opened.check(ENTITY, f"id{part}")
        assert opened.sync(verify=True).differences == 0
    engine.dispose()


def test_what_is_written_while_it_compares_is_no_difference(postgres_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(postgres_url)
    make_items(engine, 1_000)

    def write(what: str, *_: object) -> None:
        if what == "comparing":
            with engine.begin() as connection:
                connection.exec_driver_sql("UPDATE item SET amount = -1, changed = now() WHERE id <= 50")
                connection.exec_driver_sql("DELETE FROM item WHERE id = 77")
                connection.exec_driver_sql("INSERT INTO item VALUES (-1, 'new', 0)")

    with synced(settings(postgres_url, _place("sqlite", postgres_url, tmp_path))) as opened:
        opened.sync()
        report = opened.sync(verify=True, progress=write)
        assert report.differences == 0 and report.rows == 1_000
        opened.check()
    engine.dispose()


def test_where_a_product_has_no_exact_text_the_rows_are_read(
    mariadb_url: str, postgres_url: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS item")
        connection.exec_driver_sql(
            "CREATE TABLE item (id BIGINT PRIMARY KEY, ratio DOUBLE, name VARCHAR(40),"
            " changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))"
        )
        connection.exec_driver_sql(
            "INSERT INTO item SELECT seq, seq / 7, CONCAT('Name ', seq), NOW(6) - INTERVAL seq HOUR FROM seq_1_to_1500"
        )
    with synced(settings(mariadb_url, _place("sqlite", postgres_url, tmp_path))) as opened:
        opened.sync()
        report = opened.sync(verify=True)
        assert (report.differences, report.ranges) == (0, 0)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE item SET ratio = ratio * 1.0000000000000002 + 1e-300, name = NULL WHERE id = 9"
            )
            connection.exec_driver_sql("UPDATE item SET id = 9000 WHERE id = 10")
        assert opened.sync(verify=True).differences == 3
        opened.check()
        assert opened.sync(verify=True).differences == 0
    engine.dispose()


def test_rows_put_aside_are_no_differences_of_the_copy(postgres_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(postgres_url)
    make_items(engine, 500)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE item ADD COLUMN day date")
        connection.exec_driver_sql("UPDATE item SET day = 'infinity' WHERE id IN (7, 8)")
    with synced(settings(postgres_url, _place("sqlite", postgres_url, tmp_path))) as opened:
        assert opened.sync().quarantined == 2
        report = opened.sync(verify=True)
        assert (report.differences, report.quarantined, report.rows) == (0, 2, 498)
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE item SET day = '2024-01-01' WHERE id = 7")
        report = opened.sync(verify=True)
        assert (report.differences, report.quarantined) == (1, 1)
    engine.dispose()
