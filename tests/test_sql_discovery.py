"""What a database says about itself becomes a catalog: types, keys, relations, values, comments."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.catalog import Entity
from groundwire.core.connector import Comparison, Pushdown, Scan, ScanReport
from groundwire.core.errors import Rejected

POSTGRES_DDL = """
CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN euros AS numeric(10,2);
CREATE TABLE region (code char(4) PRIMARY KEY, title text);
CREATE TABLE sales.customer (
    id serial PRIMARY KEY, name varchar(80) NOT NULL, region_code char(4) REFERENCES region (code), mood mood,
    tier text CHECK (tier IN ('gold', 'silver')), manager_id int REFERENCES sales.customer (id));
COMMENT ON TABLE sales.customer IS 'People who buy';
COMMENT ON COLUMN sales.customer.tier IS 'How much they matter';
CREATE TABLE sales.line (doc int, pos smallint, PRIMARY KEY (doc, pos));
CREATE TABLE sales.note (
    id bigint PRIMARY KEY, doc int, pos smallint, billing_customer_id int REFERENCES sales.customer (id),
    shipping_customer_id int REFERENCES sales.customer (id), FOREIGN KEY (doc, pos) REFERENCES sales.line (doc, pos));
CREATE TABLE kinds (
    id int PRIMARY KEY, u uuid, j jsonb, a int[], n numeric, m euros, f real, d double precision, b bytea, t time,
    ts timestamp, tz timestamptz, day date, ok boolean, ip inet, span interval, big bigint, small smallint);
INSERT INTO kinds VALUES (1, '6f1c3a52-0d0a-4d36-9f6f-0123456789ab', '{"a": 1}', '{1,2}', 12.3456789, 9.99, 1.5, 2.25,
    '\\x00ff', '13:14:15.5', '2024-02-29 01:02:03.000004', '2024-02-29 01:02:03+02', '2024-02-29', true,
    '10.0.0.1', '1 day', 9007199254740993, -3);
INSERT INTO kinds (id) VALUES (2);
CREATE VIEW open_kinds AS SELECT id, ok FROM kinds;
"""

MARIADB_DDL = """
CREATE TABLE region (code char(4) PRIMARY KEY, title text) COMMENT 'Where';
CREATE TABLE customer (
    id int unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL COMMENT 'As signed',
    region_code char(4), mood enum('sad','it''s ok'), tier varchar(9) CHECK (tier IN ('gold', 'silver')),
    email varchar(80) UNIQUE, FOREIGN KEY (region_code) REFERENCES region (code));
CREATE TABLE kinds (
    id bigint unsigned PRIMARY KEY, yes tinyint(1), bits bit(4), one bit(1), tiny tinyint, y year, n decimal(20,4),
    f float, d double, day date, ts datetime(6), tz timestamp(6) NULL, t time, b blob, j json, s set('x','y'));
INSERT INTO kinds VALUES (18446744073709551615, 1, b'1010', b'1', -7, 2024, 1234567890123456.7891, 1.5, 2.25,
    '2024-02-29', '2024-02-29 01:02:03.000004', '2024-02-29 01:02:03', '-13:14:15', x'00ff', '{"a": 1}', 'x,y');
INSERT INTO kinds (id) VALUES (2);
CREATE VIEW open_kinds AS SELECT id, yes FROM kinds;
"""


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[SQLConnector]:
    yield from _connector(postgres_url, [POSTGRES_DDL])


@pytest.fixture(scope="module")
def mariadb(mariadb_url: str) -> Iterator[SQLConnector]:
    yield from _connector(mariadb_url, [s for s in MARIADB_DDL.split(";\n") if s.strip()])


def _connector(url: str, statements: list[str], **settings: Any) -> Iterator[SQLConnector]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.connection.cursor().execute(statement)
    engine.dispose()
    made = SQLConnector("db", SQLSettings(url=url, **settings))  # type: ignore[arg-type]
    yield made
    made.close()


def _entities(connector: SQLConnector) -> dict[str, Entity]:
    return {e.name: e for e in connector.discover()}


def _rows(connector: SQLConnector, entity: Entity) -> list[dict[str, Any]]:
    names = tuple(f.name for f in entity.fields)
    scan = Scan(entity=entity, fields=names, types={f.name: f.type for f in entity.fields})
    return [row for batch in connector.scan(scan, ScanReport()) for row in batch.to_pylist()]


def _relations(entity: Entity) -> set[tuple[str, str, bool]]:
    return {(r.name, r.target, r.many) for r in entity.relations}


@pytest.mark.server
def test_names_outside_the_default_schema_carry_their_schema(postgres: SQLConnector) -> None:
    found = _entities(postgres)
    assert set(found) == {"region", "kinds", "open_kinds", "sales.customer", "sales.line", "sales.note"}
    assert found["sales.customer"].full_name == "db.sales.customer"


@pytest.mark.server
def test_foreign_keys_are_relations_in_both_directions(postgres: SQLConnector) -> None:
    found = _entities(postgres)
    assert _relations(found["sales.customer"]) == {
        ("region", "db.region", False),
        ("manager", "db.sales.customer", False),
        ("customer", "db.sales.customer", True),
        ("note", "db.sales.note", True),
        ("note_by_shipping_customer", "db.sales.note", True),
    }
    note = {r.name: r for r in found["sales.note"].relations}
    assert set(note) == {"line", "billing_customer", "shipping_customer"}
    assert note["line"].on == (("doc", "doc"), ("pos", "pos"))
    assert ("customer", "db.sales.customer", True) in _relations(found["region"])


@pytest.mark.server
def test_comments_keys_and_allowed_values_are_read(postgres: SQLConnector) -> None:
    customer = _entities(postgres)["sales.customer"]
    assert customer.description == "People who buy"
    assert customer.primary_key == ("id",)
    assert customer.field("tier").description == "How much they matter"
    assert customer.field("tier").values == ("gold", "silver")
    assert customer.field("mood").values == ("sad", "ok", "happy")
    assert not customer.field("name").nullable


@pytest.mark.server
def test_every_type_of_postgresql_is_read(postgres: SQLConnector) -> None:
    kinds = _entities(postgres)["kinds"]
    types = {f.name: f.type for f in kinds.fields}
    assert types["n"] == pa.decimal128(38, 10)
    assert types["m"] == pa.decimal128(38, 10)  # reflection does not say the scale of a domain
    assert types["tz"] == pa.timestamp("us", tz="UTC")
    first, second = sorted(_rows(postgres, kinds), key=lambda r: r["id"])
    assert first["u"] == "6f1c3a52-0d0a-4d36-9f6f-0123456789ab"
    assert (first["j"], first["a"], first["ip"]) == ('{"a": 1}', "{1,2}", "10.0.0.1/32")
    assert (first["n"], first["m"]) == (Decimal("12.3456789"), Decimal("9.99"))
    assert (first["b"], first["t"]) == (b"\x00\xff", dt.time(13, 14, 15, 500_000))
    assert first["tz"] == dt.datetime(2024, 2, 28, 23, 2, 3, tzinfo=dt.UTC)
    assert (first["big"], first["small"], first["ok"]) == (9007199254740993, -3, True)
    assert all(second[name] is None for name in types if name != "id")


@pytest.mark.server
def test_an_identifier_of_the_server_is_found_by_its_text(postgres: SQLConnector) -> None:
    kinds = _entities(postgres)["kinds"]
    wanted = Comparison(field="u", op="=", value="6f1c3a52-0d0a-4d36-9f6f-0123456789ab")
    assert postgres.supports(kinds, wanted) is Pushdown.EXACT
    for value, count in ((wanted.value, 1), (wanted.value.upper(), 0), ("not a uuid", 0)):
        where = Comparison(field="u", op="=", value=value)
        scan = Scan(entity=kinds, fields=("id",), where=where, types={"id": pa.int32()})
        assert sum(b.num_rows for b in postgres.scan(scan, ScanReport())) == count


@pytest.mark.server
def test_profiles_count_rows_and_list_values_but_never_secrets(postgres_url: str) -> None:
    ddl = """CREATE SCHEMA prof;
    CREATE TABLE prof.ticket (id int PRIMARY KEY, state text, title text, api_token text, wild text);
    INSERT INTO prof.ticket SELECT i, (ARRAY['open','closed'])[i % 2 + 1], 'title ' || i, 'same', NULL
      FROM generate_series(1, 3000) i; ANALYZE prof.ticket;"""
    for made in _connector(postgres_url, [ddl], schemas=("prof",)):
        profile = made.profile(_entities(made)["prof.ticket"])
        assert profile.rows == 3000
        assert {f.name: f.values for f in profile.fields if f.values} == {"state": ("closed", "open")}


@pytest.mark.server
def test_tables_are_chosen_by_globs_and_views_can_be_left_out(postgres_url: str, postgres: SQLConnector) -> None:
    for made in _connector(postgres_url, [], tables=("sales.*", "reg*", "open_*"), views=False):
        assert set(_entities(made)) == {"sales.customer", "sales.line", "sales.note", "region"}


@pytest.mark.server
def test_mariadb_says_the_same_in_its_own_words(mariadb: SQLConnector) -> None:
    found = _entities(mariadb)
    assert set(found) == {"region", "customer", "kinds", "open_kinds"}
    customer = found["customer"]
    assert _relations(customer) == {("region", "db.region", False)}
    assert _relations(found["region"]) == {("customer", "db.customer", True)}
    assert customer.field("mood").values == ("sad", "it's ok")
    assert customer.field("tier").values == ("gold", "silver")
    assert customer.field("name").description == "As signed"
    assert found["region"].description == "Where"
    assert found["open_kinds"].description == ""
    assert customer.primary_key == ("id",)


@pytest.mark.server
def test_every_type_of_mariadb_is_read(mariadb: SQLConnector) -> None:
    kinds = _entities(mariadb)["kinds"]
    types = {f.name: f.type for f in kinds.fields}
    assert (types["yes"], types["one"], types["n"]) == (pa.bool_(), pa.bool_(), pa.decimal128(20, 4))
    assert (types["ts"], types["tz"]) == (pa.timestamp("us"), pa.timestamp("us", tz="UTC"))
    second, first = sorted(_rows(mariadb, kinds), key=lambda r: r["id"])
    assert (first["id"], first["yes"], first["bits"], first["one"]) == (2**64 - 1, True, 10, True)
    assert (first["tiny"], first["y"], first["n"]) == (-7, 2024, Decimal("1234567890123456.7891"))
    assert (first["day"], first["b"], first["s"]) == (dt.date(2024, 2, 29), b"\x00\xff", "x,y")
    assert first["ts"] == dt.datetime(2024, 2, 29, 1, 2, 3, 4)
    assert all(second[name] is None for name in types if name != "id")


@pytest.mark.server
def test_zero_dates_of_mariadb_are_null_wherever_they_are_looked_at(mariadb_url: str) -> None:
    statements = [
        "SET SESSION sql_mode = ''",
        "CREATE TABLE zero (id int PRIMARY KEY, day date, ts datetime)",
        "INSERT INTO zero VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), (2, '2024-01-01', '2024-01-01')",
    ]
    for made in _connector(mariadb_url, statements):
        zero = _entities(made)["zero"]
        assert [r["day"] for r in sorted(_rows(made, zero), key=lambda r: r["id"])] == [None, dt.date(2024, 1, 1)]
        for field in ("day", "ts"):
            scan = Scan(
                entity=zero, fields=("id",), where=Comparison(field=field, op="is null"), types={"id": pa.int32()}
            )
            assert [b.to_pylist() for b in made.scan(scan, ScanReport())] == [[{"id": 1}]]


# -- SQLite, which stores anything anywhere ---------------------------------------------------


@pytest.fixture
def loose(tmp_path: Path) -> Iterator[SQLConnector]:
    path = tmp_path / "loose.db"
    database = sqlite3.connect(path)
    database.executescript("""
        CREATE TABLE author (author_id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE loose (
            id INTEGER PRIMARY KEY, price DECIMAL(10,2), open_number NUMERIC, day DATE, moment DATETIME, ok BOOLEAN,
            author_id INTEGER REFERENCES author, words VARCHAR(9), anything, state TEXT CHECK (state IN ('a', 'b')));
        INSERT INTO loose VALUES
            (1, 1.10, 3, '2024-02-29', '2024-02-29 10:00:00', 1, NULL, 'x', 7, 'a'),
            (2, '2.20', 2.5, '2024-02-29 11:12:13', '2024-02-29T10:00:00.5', 'true', NULL, 5, 8, 'b'),
            (3, 3, NULL, NULL, 1709200800, 0, NULL, NULL, NULL, NULL),
            (4, NULL, -1, '', 2460370.0, 'f', NULL, '', 9, NULL);
        CREATE VIEW doubled AS SELECT id, id * 2 AS twice FROM loose;
    """)
    database.close()
    made = SQLConnector("db", SQLSettings(url=f"sqlite:///{path}"))  # type: ignore[arg-type]
    yield made
    made.close()


def test_declared_types_of_sqlite_are_honoured_whatever_is_stored(loose: SQLConnector) -> None:
    entity = _entities(loose)["loose"]
    rows = _rows(loose, entity)
    assert [r["price"] for r in rows] == [Decimal("1.10"), Decimal("2.20"), Decimal("3.00"), None]
    assert [r["day"] for r in rows] == [dt.date(2024, 2, 29), dt.date(2024, 2, 29), None, None]
    assert [r["moment"] for r in rows] == [
        dt.datetime(2024, 2, 29, 10),
        dt.datetime(2024, 2, 29, 10, 0, 0, 500_000),
        dt.datetime(2024, 2, 29, 10),
        dt.datetime(2024, 2, 29, 12),
    ]
    assert [r["ok"] for r in rows] == [True, True, False, False]
    assert [r["words"] for r in rows] == ["x", "5", None, ""]
    assert entity.field("state").values == ("a", "b")
    assert ("author", "db.author", False) in _relations(entity)


def test_filters_of_sqlite_see_the_same_values_as_reads(loose: SQLConnector) -> None:
    entity = _entities(loose)["loose"]
    rows = _rows(loose, entity)
    for name in ("price", "day", "moment", "ok", "words", "open_number"):
        for value in {r[name] for r in rows if r[name] is not None}:
            for op in ("=", "<", ">="):
                comparison = Comparison(field=name, op=op, value=value)
                assert loose.supports(entity, comparison) is Pushdown.EXACT
                scan = Scan(entity=entity, fields=("id",), where=comparison, types={"id": pa.int64()})
                got = Counter(r["id"] for b in loose.scan(scan, ScanReport()) for r in b.to_pylist())
                keep = {"=": lambda v, w=value: v == w, "<": lambda v, w=value: v < w, ">=": lambda v, w=value: v >= w}
                assert got == Counter(r["id"] for r in rows if r[name] is not None and keep[op](r[name])), comparison


def test_a_value_that_no_type_can_hold_is_an_error_and_never_null(tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE)")
    database.executemany("INSERT INTO t VALUES (?, ?)", [(i, "2024-01-01") for i in range(1000)])
    database.execute("INSERT INTO t VALUES (5000, 'next tuesday')")
    database.commit()
    database.close()
    made = SQLConnector("db", SQLSettings(url=f"sqlite:///{path}"))  # type: ignore[arg-type]
    with pytest.raises(Rejected):
        _rows(made, _entities(made)["t"])
    made.close()


def test_views_of_sqlite_are_entities_with_types(loose: SQLConnector) -> None:
    doubled = _entities(loose)["doubled"]
    assert [f.type for f in doubled.fields] == [pa.int64(), pa.int64()]
    assert [r["twice"] for r in _rows(loose, doubled)] == [2, 4, 6, 8]
