"""Bad and hostile queries: refused, or answered as what they say, in bounded time and without effect."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa

from groundwire import Hub, QueryError
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.catalog import Relation
from groundwire.core.errors import AmbiguousName, NotAllowed, UnknownName
from groundwire.core.query import MAX_COLUMNS, MAX_PARTS
from groundwire.core.schema import open_engine

SECONDS = 20
"""Far above what any of these takes, and far below what they took without limits."""


def _ref(name: str, column: str, target: str) -> Relation:
    return Relation(name=name, target=target, on=((column, "id"),))


@pytest.fixture
def shop() -> Hub:
    tables = {
        "sale": pa.table({"id": [1], "buyer_id": [1], "seller_id": [2]}),
        "person": pa.table({"id": [1, 2], "city": ["Oslo", "Rome"]}),
    }
    relations = {"sale": (_ref("buyer", "buyer_id", "shop.person"), _ref("seller", "seller_id", "shop.person"))}
    return Hub([MemoryConnector.from_tables("shop", tables, relations=relations)])


# -- names ---------------------------------------------------------------------------------------


def test_a_field_on_two_paths_is_ambiguous_and_both_are_listed(shop: Hub) -> None:
    with pytest.raises(AmbiguousName) as caught:
        shop.query("SELECT city FROM shop.sale")
    assert set(caught.value.candidates) == {"sale.buyer.city", "sale.seller.city"}


@pytest.mark.parametrize(
    ("sql", "near"),
    [
        ("SELECT buyer.cty FROM shop.sale", "city"),
        ("SELECT byer.city FROM shop.sale", "buyer"),
        ("SELECT id FROM shop.sales", "shop.sale"),
        ("SELECT id FROM shp.sale", "shop.sale"),
        ("SELECT id FROM shop.person WHERE EXISTS(SELECT 1 FROM shop.sale s WHERE s.buyr_id = 1)", "buyer_id"),
        ("SELECT sume(id) FROM shop.sale", "sum"),
    ],
)
def test_near_misses_are_listed_wherever_the_name_stands(shop: Hub, sql: str, near: str) -> None:
    with pytest.raises(UnknownName) as caught:
        shop.query(sql)
    assert near in caught.value.near
    assert near in str(caught.value)


# -- one harmless SELECT -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM shop.sale; DROP TABLE shop.sale",
        "SELECT id FROM shop.sale;;SELECT 1",
        "WITH t AS (DELETE FROM shop.sale RETURNING id) SELECT * FROM t",
        "EXPLAIN SELECT id FROM shop.sale",
        "CALL pragma_version()",
        "MERGE INTO shop.sale USING shop.person ON true WHEN MATCHED THEN DELETE",
        "TRUNCATE shop.sale",
        "ALTER TABLE shop.sale ADD COLUMN x int",
        "VACUUM",
        "SELECT REPEAT('x', 2000000000) FROM shop.sale",
        "SELECT LPAD('x', id * 2000000000, 'y') FROM shop.sale",
        "SELECT REPEAT('x', '2000000000') FROM shop.sale",
    ],
)
def test_anything_else_is_refused(shop: Hub, sql: str) -> None:
    with pytest.raises(NotAllowed):
        shop.query(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM shop.sale, read_parquet('x')",
        "SELECT * FROM sqlite_scan('x.db', 't')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM 'https://example.org/x.csv'",
        "SELECT read_blob('/etc/passwd') FROM shop.sale",
        "SELECT pg_read_file('/etc/passwd') FROM shop.sale",
        "SELECT load_file('/etc/passwd') FROM shop.sale",
        "SELECT dblink('x', 'y') FROM shop.sale",
        "SELECT pg_sleep(9) FROM shop.sale",
        "SELECT x FROM shop.sale, LATERAL (SELECT * FROM read_text('/etc/passwd')) t",
        "EXPORT DATABASE 'x'",
        "",
        ";",
        "--",
        "SELECT",
        "SELECT FROM WHERE",
        "\x00",
        "SELECT '\ud800'",
    ],
)
def test_what_is_not_a_question_about_entities_is_an_error(shop: Hub, sql: str) -> None:
    with pytest.raises(QueryError):
        shop.query(sql)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'https://example.org/x.csv'",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET temp_directory = 'spill'",
        "SET lock_configuration = false",
        "EXPORT DATABASE 'out'",
    ],
)
def test_the_engine_itself_reaches_no_file_and_no_network(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = open_engine()
    for connection in (engine, engine.cursor()):
        with pytest.raises(duckdb.Error):
            connection.execute(statement).fetchall()
    assert list(tmp_path.iterdir()) == []


# -- size ------------------------------------------------------------------------------------------


def _within_time(hub: Hub, sql: str) -> None:
    started = time.monotonic()
    try:
        hub.query(sql, timeout=10)
    except QueryError:
        pass
    finally:
        assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize(
    ("head", "part", "tail"),
    [
        ("SELECT id FROM shop.sale WHERE id IN (0", ", 1", ")"),
        ("SELECT id FROM shop.sale WHERE id = 0", " OR id = 1", ""),
        ("SELECT id FROM shop.sale WHERE id = 0", " AND buyer.city = 'x'", ""),
        ("SELECT 1", " + 1", " AS x FROM shop.sale"),
        ("SELECT id", ", buyer.city", " FROM shop.sale"),
        ("SELECT *", ", *", " FROM shop.sale"),
        ("SELECT 1 AS x FROM shop.sale s", ", shop.sale", ""),
        ("SELECT id FROM shop.sale", " UNION ALL SELECT id FROM shop.sale", ""),
        ("SELECT id FROM shop.sale WHERE ", "NOT ", "id = 1"),
        ("SELECT id FROM shop.sale WHERE ", "EXISTS(SELECT 1 FROM shop.sale WHERE ", "id = 1"),
        ("SELECT ", "(", "1"),
        ("SELECT ", "[", "1"),
        ("SELECT buyer", ".buyer", ".city FROM shop.sale"),
        ("SELECT id FROM shop.sale /*", "/*", "*/"),
    ],
)
def test_every_query_ends_in_bounded_time_however_it_is_built(shop: Hub, head: str, part: str, tail: str) -> None:
    for size in (20_000, 99_000):
        _within_time(shop, head + part * ((size - len(head) - len(tail)) // len(part)) + tail)


def test_a_megabyte_is_refused_before_it_is_read(shop: Hub) -> None:
    started = time.monotonic()
    with pytest.raises(QueryError, match="at most 100000 are accepted"):
        shop.query("SELECT id FROM shop.sale WHERE id IN (" + ",".join(["1"] * 500_000) + ")")
    assert time.monotonic() - started < 1


def test_the_number_of_parts_columns_and_digits_is_limited(shop: Hub) -> None:
    with pytest.raises(QueryError, match=f"{MAX_PARTS:,}"):
        shop.query("SELECT id FROM shop.sale WHERE id IN (" + ",".join(["1"] * MAX_PARTS) + ")")
    with pytest.raises(QueryError, match=f"{MAX_COLUMNS:,}"):
        shop.query("SELECT " + ",".join(["*"] * (MAX_COLUMNS // 2)) + " FROM shop.sale")
    with pytest.raises(QueryError, match="5,000 digits"):
        shop.query(f"SELECT id FROM shop.sale WHERE id = {'9' * 5000}")
    assert shop.query("SELECT id FROM shop.sale WHERE id IN (" + ",".join(map(str, range(5000))) + ")").rows() == [(1,)]


# -- SQL that would break out ------------------------------------------------------------------------

EVIL = 'x"; DROP TABLE plain; --'
NAMES = [EVIL, "it's", "per cent %s %(a)s", "back`tick", "colon :a ?", "with.dot"]
TEXTS = [
    "' OR 1=1 --",
    "'; DROP TABLE plain; --",
    "\\'; DROP TABLE plain; --",
    "%s %(a)s :a ? $1",
    "\\",
    '"',
    "`",
    "/* x",
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def awkward(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Hub, sa.Engine]]:
    """A database whose tables and columns are named to break out of quotes."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'awkward.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    sa.Table(EVIL, metadata, sa.Column("id", sa.Integer, primary_key=True), *(sa.Column(n, sa.Text) for n in NAMES))
    plain = sa.Table("plain", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(plain.insert(), [{"id": i, "text": t} for i, t in enumerate(TEXTS)])
        # some drivers read a percent sign in a column's name as a parameter: the values come through one that does not
        quote = engine.dialect.identifier_preparer.quote_identifier
        values = ", ".join(f"'v{i}'" for i in range(len(NAMES)))
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.cursor().execute(f"INSERT INTO {quote(EVIL).replace('%%', '%')} VALUES (1, {values})")
    with Hub([SQLConnector("db", SQLSettings(url=url))]) as hub:  # type: ignore[arg-type]
        yield hub, engine
    engine.dispose()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_an_identifier_is_only_ever_a_name(awkward: tuple[Hub, sa.Engine]) -> None:
    hub, engine = awkward
    for index, name in enumerate(NAMES):
        column, table = _quoted(name), _quoted(EVIL)
        for sql in (
            f"SELECT t.{column} FROM db.{table} t WHERE t.{column} = 'v{index}'",
            f"SELECT t.{column} AS {_quoted(EVIL)} FROM db.{table} t GROUP BY 1 ORDER BY 1",
            f"SELECT t.{column} FROM db.{table} t WHERE REPEAT(t.{column}, 1) = 'v{index}'",
        ):
            assert hub.query(sql).rows() == [(f"v{index}",)], sql
    assert sorted(sa.inspect(engine).get_table_names()) == sorted(["plain", EVIL])


@pytest.mark.parametrize("text", TEXTS)
def test_a_literal_is_only_ever_a_value_in_a_database(awkward: tuple[Hub, sa.Engine], text: str) -> None:
    hub, engine = awkward
    literal = "'" + text.replace("'", "''") + "'"
    wanted = [(TEXTS.index(text),)]
    assert hub.query(f"SELECT id FROM db.plain WHERE text = {literal}").rows() == wanted
    assert hub.query(f"SELECT id FROM db.plain WHERE text IN ({literal}, 'none')").rows() == wanted
    assert hub.query(f"SELECT id FROM db.plain WHERE REPEAT(text, 1) = {literal}").rows() == wanted
    assert hub.query(f"SELECT {literal} AS x FROM db.plain LIMIT 1").rows() == [(text,)]
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM plain").scalar() == len(TEXTS)
