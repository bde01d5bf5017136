"""SQL Server and Oracle get SQL that says what DuckDB says, or are not asked; there is no server here to ask them.

What is compiled is parsed in the product's own dialect, and executed by DuckDB in its place (see `sql_compiled`).
"""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from awkward import awkward, empty
from sql_compiled import TYPES, Reader, Unconnected, connector, held, parsed, written
from sqlalchemy.dialects import mssql, oracle
from test_sql_queries import EVERYWHERE, NOT_EVERYWHERE, _plain, _unnamed, tables

from groundwire.connectors import sql_errors, sql_mssql, sql_oracle, sql_session
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.connectors.sql_compiler import Compiled, compiled
from groundwire.connectors.sql_scan import compiled_scan
from groundwire.connectors.sql_values import outline, rendered
from groundwire.connectors.testing import ConnectorConformance
from groundwire.core.binder import bind
from groundwire.core.catalog import Catalog
from groundwire.core.connector import And, Comparison, Order, Pushdown, Scan
from groundwire.core.errors import AuthFailed, ConfigError, Rejected, Unavailable
from groundwire.core.schema import TYPIST

pytest.importorskip("pymssql")
pytest.importorskip("oracledb")

PRODUCTS = ("mssql", "oracle")

NOT_PUSHED = {
    "mssql": {  # of those that every database with a server here can do
        "MIN(status)",  # order of text
        "ORDER BY n DESC, 1",
        "status || '!'",  # a parameter in GROUP BY
        "THEN 'big'",
        "'%_d'",  # `_` stands for half an emoji there
        "status > 'Z'",
        "ORDER BY status",
        "ROUND(ratio, 2)",
        "NULLIF(status, 'open')",
        "n DESC, c.name",
        "name IN (SELECT",
        "MAX(name)",
        "name FROM customers UNION SELECT",
    },
    "oracle": {
        "status || '!'",
        "THEN 'big'",
        "'%_d'",
        "ROUND(ratio, 2)",
        "CONCAT(name, city)",  # needs an empty text
        "REPLACE(name",  # might make one
        "shipped - DATE",  # is a timestamp
        "INTERVAL 1 MONTH",  # keeps to the end of the month
    },
}


class _World:
    def __init__(self, product: str) -> None:
        rows = held(tables(), product)
        self.connector = connector(
            product, {name: {f: TYPES[product][f] for f in table.column_names} for name, table in rows.items()}
        )
        self.catalog = Catalog(self.connector.reflected())
        self.reader = Reader(rows, product)
        self.duckdb = duckdb.connect(":memory:")
        for name, table in rows.items():
            self.duckdb.register(name, table)

    def compiled(self, text: str) -> Compiled:
        return compiled(bind(text, self.catalog).tree, self.connector._emitter(), self.connector)

    def refuses(self, text: str) -> str | None:
        return self.connector.refuses(bind(text, self.catalog).tree)

    def differs(self, text: str) -> str | None:
        """None where DuckDB reads the same from what is compiled."""
        made, schema = self.compiled(text), TYPIST.schema(bind(text, self.catalog).tree)
        got = _rows(self.reader.rows(made, schema))
        wanted = _rows(self.duckdb.sql(text).to_arrow_table())
        ordered = " ORDER BY " in text and "OVER" not in text
        if (got == wanted) if ordered else (Counter(got) == Counter(wanted)):
            return None
        return f"{list(Counter(got) - Counter(wanted))[:3]} in {outline(made.sql)}"

    def close(self) -> None:
        self.connector.close()
        self.reader.close()
        self.duckdb.close()


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(map(_plain, row.values())) for row in _unnamed(table).to_pylist()]


@pytest.fixture(scope="module")
def worlds() -> Iterator[Mapping[str, _World]]:
    made = {product: _World(product) for product in PRODUCTS}
    yield made
    for world in made.values():
        world.close()


@pytest.mark.parametrize("product", PRODUCTS)
def test_whole_queries_are_said_with_duckdbs_rows(product: str, worlds: Mapping[str, _World]) -> None:
    world = worlds[product]
    queries = [q for q in (EVERYWHERE + NOT_EVERYWHERE).splitlines() if q]
    said = {q: world.differs(q) for q in queries if world.refuses(q) is None}
    assert {q: difference for q, difference in said.items() if difference} == {}
    assert len(said) > 85


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_is_not_said_is_what_these_products_mean_otherwise(product: str, worlds: Mapping[str, _World]) -> None:
    refused = [q for q in EVERYWHERE.splitlines() if q and worlds[product].refuses(q) is not None]
    left = [q for q in refused if not any(part in q for part in NOT_PUSHED[product])]
    idle = {part for part in NOT_PUSHED[product] if not any(part in q for q in refused)}
    assert (left, idle) == ([], set())


# -- the contract, with DuckDB in the place of the product ---------------------------------------

_MSSQL: Mapping[Any, Any] = {
    pa.int64(): mssql.BIGINT(),
    pa.string(): mssql.NVARCHAR(60, collation="Latin1_General_CI_AS"),
    pa.float64(): mssql.FLOAT(),
    pa.date32(): mssql.DATE(),
    pa.timestamp("us"): mssql.DATETIME2(),
    pa.timestamp("us", tz="UTC"): mssql.DATETIMEOFFSET(6),
    pa.bool_(): mssql.BIT(),
}
_ORACLE: Mapping[Any, Any] = {
    pa.int64(): oracle.NUMBER(18, 0),
    pa.string(): oracle.VARCHAR2(60),
    pa.float64(): oracle.BINARY_DOUBLE(),
    pa.timestamp("us"): oracle.TIMESTAMP(),
    pa.timestamp("us", tz="UTC"): oracle.TIMESTAMP(timezone=True),
}


class _InDuckDB(ConnectorConformance):
    product = ""

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        return held({"awkward": awkward(), "empty": empty()}, cls.product)

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, rows: Mapping[str, pa.Table]) -> Iterator[Unconnected]:
        made = connector(cls.product, {n: {f.name: cls.type_of(f) for f in t.schema} for n, t in rows.items()})
        made.reader = Reader(rows, cls.product)
        made.capabilities = replace(made.capabilities, max_in=20)  # each list is parsed here by a slow parser
        yield made
        made.close()
        made.reader.close()

    @classmethod
    def type_of(cls, field: pa.Field) -> Any:
        raise NotImplementedError


class TestMSSQL(_InDuckDB):
    product = "mssql"

    @classmethod
    def type_of(cls, field: pa.Field) -> Any:
        return mssql.DECIMAL(12, 2) if pa.types.is_decimal(field.type) else _MSSQL[field.type]


class TestOracle(_InDuckDB):
    product = "oracle"

    @classmethod
    def type_of(cls, field: pa.Field) -> Any:
        if field.name == "born":
            return oracle.DATE()
        if pa.types.is_decimal(field.type):
            return oracle.NUMBER(12, 2)
        return sa.Boolean() if pa.types.is_boolean(field.type) else _ORACLE[field.type]


# -- what is said ------------------------------------------------------------------------------


def _outline(world: _World, text: str) -> str:
    return outline(world.compiled(text).sql)


def test_sql_server_limits_by_top_and_by_fetch(worlds: Mapping[str, _World]) -> None:
    world = worlds["mssql"]
    limited = _outline(world, "SELECT id, amount FROM orders ORDER BY amount LIMIT 7")
    assert limited == (
        'SELECT TOP (7) "t1"."id" AS c0, "t1"."amount" AS c1 FROM "orders" AS "t1"'
        ' ORDER BY (CASE WHEN "t1"."amount" IS NULL THEN 1 ELSE 0 END), "t1"."amount"'
    )
    page = _outline(world, "SELECT id FROM orders ORDER BY id LIMIT 7 OFFSET 14")
    assert page.endswith(' ORDER BY "t1"."id" OFFSET 14 ROWS FETCH NEXT 7 ROWS ONLY')
    assert _outline(world, "SELECT id FROM orders OFFSET 3").endswith(" ORDER BY (SELECT NULL) OFFSET 3 ROWS")
    assert world.refuses("SELECT id FROM orders LIMIT 0 OFFSET 3")
    assert _outline(world, "SELECT id FROM orders LIMIT 0").startswith("SELECT TOP (0) ")


def test_oracle_limits_by_fetch_and_places_nulls_itself(worlds: Mapping[str, _World]) -> None:
    world = worlds["oracle"]
    assert _outline(world, "SELECT id FROM orders ORDER BY amount DESC NULLS FIRST, id LIMIT 7 OFFSET 2") == (
        'SELECT "t1"."ID" AS c0 FROM "ORDERS" "t1" ORDER BY "t1"."AMOUNT" DESC NULLS FIRST, "t1"."ID"'
        " OFFSET 2 ROWS FETCH NEXT 7 ROWS ONLY"
    )
    assert _outline(world, "SELECT 1 AS one").endswith(" FROM DUAL")


@pytest.mark.parametrize("product", PRODUCTS)
def test_order_inside_a_subquery_is_left_out_unless_it_chooses_rows(product: str, worlds: Mapping[str, _World]) -> None:
    world = worlds[product]
    assert "ORDER BY" not in _outline(world, "SELECT COUNT(*) FROM (SELECT id FROM orders ORDER BY id) AS t")
    assert "ORDER BY" in _outline(world, "SELECT COUNT(*) FROM (SELECT id FROM orders ORDER BY id LIMIT 3) AS t")


def test_sql_server_compares_texts_by_code_unit_and_length(worlds: Mapping[str, _World]) -> None:
    """Its collations disregard case, and every one of them disregards trailing spaces."""
    said = _outline(worlds["mssql"], "SELECT id FROM orders WHERE status = 'paid'")
    column, value = (
        '("t1"."status" COLLATE Latin1_General_100_BIN2)',
        "(CAST(:1 AS nvarchar(max)) COLLATE Latin1_General_100_BIN2)",
    )
    assert said == (
        'SELECT "t1"."id" AS c0 FROM "orders" AS "t1" WHERE (("t1"."status" = CAST(:1 AS nvarchar(4000)))'
        f" AND ({column} = {value} AND DATALENGTH({column}) = DATALENGTH({value})))"
    )
    grouped = _outline(worlds["mssql"], "SELECT status, COUNT(*) FROM orders GROUP BY status")
    assert grouped.endswith(f"GROUP BY {column}, DATALENGTH({column})")
    distinct = _outline(worlds["mssql"], "SELECT DISTINCT status FROM orders")
    assert distinct.endswith(f"GROUP BY {column}, DATALENGTH({column})")


def _like(world: _World, pattern: str) -> str:
    entity = next(e for e in world.connector.reflected() if e.name == "customers")
    where = Comparison(field="name", op="like", value=pattern)
    if world.connector.supports(entity, where) is Pushdown.NONE:
        return ""
    made = compiled_scan(Scan(entity=entity, fields=("id",), where=where), world.connector._emitter(), world.connector)
    return written(made, world.connector.url.get_backend_name())


def test_a_bracket_in_a_pattern_is_a_bracket(worlds: Mapping[str, _World]) -> None:
    assert _like(worlds["mssql"], "[a]%").endswith(
        "LIKE REPLACE((CAST(N'[a]%' AS nvarchar(max)) COLLATE Latin1_General_100_BIN2), N'[', N'[[]'))"
    )
    assert _like(worlds["oracle"], "[a]%").endswith('("t1"."NAME" LIKE \'[a]%\')')
    assert [_like(w, "a_%") for w in worlds.values()] == ["", ""]
    assert [_like(w, "a\x00%") for w in worlds.values()] == ["", ""]


def test_an_empty_text_is_never_sent_to_oracle(worlds: Mapping[str, _World]) -> None:
    world = worlds["oracle"]
    assert "IS NULL THEN NULL ELSE 0" in _outline(world, "SELECT id FROM customers WHERE name = ''")
    assert "IS NULL THEN NULL ELSE 1" in _outline(world, "SELECT id FROM customers WHERE name <> ''")
    made = world.compiled("SELECT id FROM customers WHERE name IN ('', 'Anna')")
    assert made.parameters == ["Anna"]
    for query in ("SELECT COALESCE(name, '') FROM customers", "SELECT id FROM customers WHERE name > ''"):
        assert world.refuses(query)
    for empty_made in ("SUBSTRING(name, 2, 2)", "REPLACE(name, 'a', 'b')", "TRIM(name)"):
        assert world.refuses(f"SELECT {empty_made} FROM customers")
    said = _outline(world, "SELECT name || city FROM customers")
    assert 'CASE WHEN "t1"."NAME" IS NULL OR "t1"."CITY" IS NULL THEN NULL ELSE' in said


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT amount * 1.23456 FROM orders", "a product of 7 decimal places"),
        ("SELECT id FROM orders WHERE amount > 1.234", "decimals of different scales"),
        ("SELECT amount / qty FROM orders", "/ any"),
        ("SELECT (SELECT MAX(n) FROM (WITH x AS (SELECT 1 AS n) SELECT n FROM x) AS t)", "WITH in a subquery"),
        ("SELECT id, ROW_NUMBER() OVER (PARTITION BY qty) FROM orders", "a window without ORDER BY"),
        ("SELECT DISTINCT qty FROM orders OFFSET 2", "DISTINCT with OFFSET"),
        ("SELECT SUM((SELECT MAX(c.id) FROM customers c WHERE c.id = o.customer_id)) FROM orders o", "a subquery in"),
        ("SELECT CASE WHEN vip THEN NULL ELSE NULL END FROM orders", "a choice between NULLs"),
    ],
)
def test_what_sql_server_rounds_or_refuses_is_done_here(query: str, reason: str, worlds: Mapping[str, _World]) -> None:
    assert reason in str(worlds["mssql"].refuses(query))


def test_more_values_than_a_statement_takes_are_refused(worlds: Mapping[str, _World]) -> None:
    listed = ", ".join(f"'{n}'" for n in range(1001))
    assert "2000 values" in str(worlds["mssql"].refuses(f"SELECT id FROM orders WHERE status IN ({listed})"))
    assert "1000 values" in str(worlds["oracle"].refuses(f"SELECT id FROM orders WHERE status IN ({listed})"))


@pytest.mark.parametrize("product", PRODUCTS)
def test_only_values_that_are_integers_are_written_into_the_text(product: str, worlds: Mapping[str, _World]) -> None:
    made = worlds[product].compiled(
        "SELECT id FROM orders WHERE status = 'it''s; DROP TABLE orders' AND amount = 1.50 AND placed > '2024-01-01'"
    )
    assert "DROP" not in made.sql
    assert [type(p) for p in made.parameters if p != Decimal("1.50")] == [str] * (3 if product == "mssql" else 2)
    style = {"mssql": "pyformat plain", "oracle": "named"}[product]
    text, values = rendered(made.sql, made.parameters, style)
    assert set(values) == {f"p{n}" for n in range(3)}
    assert ("%(p1)s" if product == "mssql" else ":p1") in text
    assert "%%" not in text
    parsed(written(made, product), product)


# -- types -------------------------------------------------------------------------------------

_AWKWARD_TYPES: Mapping[str, Mapping[str, Any]] = {
    "mssql": {
        "id": mssql.UNIQUEIDENTIFIER(),
        "price": mssql.MONEY(),
        "code": mssql.CHAR(4),
        "label": mssql.VARCHAR(None),
        "document": mssql.XML(),
        "version": mssql.ROWVERSION(),
        "made": mssql.DATETIME(),
        "rough": mssql.SMALLDATETIME(),
        "exact": mssql.DATETIME2(7),
        "sent": mssql.DATETIMEOFFSET(7),
        "opens": mssql.TIME(7),
        "tiny": mssql.TINYINT(),
        "picture": mssql.IMAGE(),
        "shape": sa.types.NullType(),
        "any": mssql.SQL_VARIANT(),
    },
    "oracle": {
        "id": oracle.NUMBER(12, 0),
        "vip": oracle.NUMBER(1, 0),
        "rank": oracle.NUMBER(1, 0),
        "open": oracle.NUMBER(None, None),
        "whole": sa.INTEGER(),
        "wide": oracle.NUMBER(30, 0),
        "hundreds": oracle.NUMBER(5, -2),
        "ratio": oracle.FLOAT(),
        "code": oracle.CHAR(4) if hasattr(oracle, "CHAR") else sa.CHAR(4),
        "national": oracle.NVARCHAR2(20),
        "document": oracle.CLOB(),
        "made": oracle.DATE(),
        "sent": oracle.TIMESTAMP(timezone=True),
        "local": oracle.TIMESTAMP(local_timezone=True),
        "row_key": oracle.RAW(16),
        "old": oracle.LONG(),
        "shape": sa.types.NullType(),
    },
}


@pytest.fixture(scope="module", params=PRODUCTS)
def typed(request: pytest.FixtureRequest) -> Iterator[Unconnected]:
    made = connector(request.param, {"things": _AWKWARD_TYPES[request.param]})
    yield made
    made.close()


_ARROW: Mapping[str, Mapping[str, pa.DataType]] = {
    "mssql": {
        "id": pa.string(),
        "price": pa.decimal128(19, 4),
        "code": pa.string(),
        "label": pa.string(),
        "document": pa.string(),
        "version": pa.int64(),
        "made": pa.timestamp("us"),
        "rough": pa.timestamp("us"),
        "exact": pa.timestamp("us"),
        "sent": pa.timestamp("us", tz="UTC"),
        "opens": pa.time64("us"),
        "tiny": pa.int32(),
        "picture": pa.binary(),
    },
    "oracle": {
        "id": pa.int64(),
        "vip": pa.bool_(),
        "rank": pa.int64(),
        "open": pa.decimal128(38, 10),
        "whole": pa.int64(),
        "wide": pa.decimal128(30, 0),
        "hundreds": pa.int64(),
        "ratio": pa.float64(),
        "code": pa.string(),
        "national": pa.string(),
        "document": pa.string(),
        "made": pa.timestamp("us"),
        "sent": pa.timestamp("us", tz="UTC"),
        "local": pa.timestamp("us", tz="UTC"),
        "row_key": pa.binary(),
    },
}


def test_columns_have_the_types_of_their_values_and_unreadable_ones_are_left_out(typed: Unconnected) -> None:
    (entity,) = typed.reflected()
    assert {f.name: f.type for f in entity.fields} == _ARROW[typed.check()]


def test_every_type_can_be_read(typed: Unconnected) -> None:
    (entity,) = typed.reflected()
    names = tuple(f.name for f in entity.fields)
    made = compiled_scan(Scan(entity=entity, fields=names), typed._emitter(), typed)
    tree = parsed(written(made, typed.check()), typed.check())
    assert len(tree.expressions) == len(names)


def _where(connector_: SQLConnector, field: str, op: str, value: Any) -> str | None:
    (entity,) = connector_.reflected()  # type: ignore[attr-defined]
    where = Comparison(field=field, op=op, value=value)  # type: ignore[arg-type]
    if connector_.supports(entity, where) is Pushdown.NONE:
        return None
    made = compiled_scan(Scan(entity=entity, fields=("id",), where=where), connector_._emitter(), connector_)
    return written(made, connector_.url.get_backend_name()).partition(" WHERE ")[2]


def test_large_objects_are_read_and_asked_for_null_and_nothing_else() -> None:
    made = connector("oracle", {"things": _AWKWARD_TYPES["oracle"]})
    (entity,) = made.reflected()
    for field in ("document", "national"):
        assert _where(made, field, "is not null", None)
        assert _where(made, field, "=", "x") is None
        assert _where(made, field, "in", ("x",)) is None
        assert _where(made, field, "like", "x%") is None
        assert not made.orders(entity, field)
        assert not made.groups(entity, field)
    made.close()


def test_keys_and_moments_are_compared_as_they_are_stored_where_that_is_exact() -> None:
    """So that an index serves."""
    server = connector("mssql", {"things": _AWKWARD_TYPES["mssql"]})
    key = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert _where(server, "id", "=", key) == f'("t1"."id" = CAST(N\'{key}\' AS uniqueidentifier))'
    assert "LOWER(CAST(" in str(_where(server, "id", "=", key.upper()))
    made = connector("oracle", {"things": _AWKWARD_TYPES["oracle"]})
    whole, part = dt.datetime(2024, 2, 29, 12, 30), dt.datetime(2024, 2, 29, 12, 30, 0, 500)
    assert _where(made, "made", ">=", whole) == (
        "(\"t1\".\"MADE\" >= CAST(TO_TIMESTAMP('2024-02-29 12:30:00.000000', 'YYYY-MM-DD HH24:MI:SS.FF6') AS DATE))"
    )
    assert str(_where(made, "made", ">=", part)).startswith('(CAST("t1"."MADE" AS TIMESTAMP(6)) >= ')
    for one in (server, made):
        one.close()


def test_a_time_with_a_zone_is_compared_in_utc() -> None:
    noon = dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    for product, said in (("mssql", "SWITCHOFFSET"), ("oracle", "SYS_EXTRACT_UTC")):
        made = connector(product, {"things": _AWKWARD_TYPES[product]})
        where = str(_where(made, "sent", "=", noon))
        assert said in where
        assert "2024-02-29 10:00:00.000000" in where
        made.close()


def test_the_names_of_oracle_are_quoted_as_oracle_writes_them() -> None:
    """SQLAlchemy says `orders` for ORDERS; identifiers of 128 bytes are whole."""
    long = "a" * 128
    made = connector(
        "oracle", {"orders": {"id": oracle.NUMBER(9, 0), "Mixed": oracle.NUMBER(9, 0), long: sa.INTEGER()}}
    )
    (entity,) = made.reflected()
    scan = compiled_scan(Scan(entity=entity, fields=("id", "Mixed", long)), made._emitter(), made)
    assert scan.sql == (f'SELECT "t1"."ID" AS c0, "t1"."Mixed" AS c1, "t1"."{long.upper()}" AS c2 FROM "ORDERS" "t1"')
    made.close()


def test_texts_are_not_compared_in_an_oracle_of_another_character_set(worlds: Mapping[str, _World]) -> None:
    made = connector("oracle", {"orders": TYPES["oracle"]})
    made._missing = sql_oracle.WITHOUT_TEXTS
    (entity,) = made.reflected()
    where = [Comparison(field="status", op=op, value=v) for op, v in (("=", "x"), ("in", ("x",)), ("like", "x%"))]
    assert {made.supports(entity, w) for w in where} == {Pushdown.NONE}
    assert not made.groups(entity, "status")
    assert not made.orders(entity, "status")
    assert made.supports(entity, Comparison(field="status", op="is null", value=None)) is Pushdown.EXACT
    assert made.supports(entity, Comparison(field="qty", op="=", value=3)) is Pushdown.EXACT
    made.close()


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_scan_with_everything_is_one_statement(product: str, worlds: Mapping[str, _World]) -> None:
    world = worlds[product]
    entity = next(e for e in world.connector.reflected() if e.name == "orders")
    where = And((Comparison(field="vip", op="=", value=True), Comparison(field="qty", op="in", value=(1, 2))))
    order = (Order(field="placed", descending=True, nulls_first=True), Order(field="id"))
    types = {f.name: f.type for f in entity.fields}
    scan = Scan(entity=entity, fields=("id", "vip"), where=where, order=order, limit=5, types=types)
    made = compiled_scan(scan, world.connector._emitter(), world.connector)
    tree = parsed(written(made, product), product)
    assert tree.args.get("limit") is not None
    assert tree.args.get("order") is not None
    got = world.reader.rows(made, scan.schema).to_pylist()
    sql = "SELECT id, vip FROM orders WHERE vip AND qty IN (1, 2) ORDER BY placed DESC NULLS FIRST, id LIMIT 5"
    assert got == world.duckdb.sql(sql).to_arrow_table().to_pylist()


# -- sessions ----------------------------------------------------------------------------------


def test_drivers_are_told_to_read_only_and_of_time() -> None:
    arguments = sql_session.driver_arguments("mssql+pymssql", 12.5, read_only=True)
    assert (arguments["read_only"], arguments["timeout"]) == (True, 13)
    odbc = sql_session.asked(sa.make_url("mssql+pyodbc://u:p@h/d"), read_only=True)
    assert odbc.query == {"driver": "ODBC Driver 18 for SQL Server", "ApplicationIntent": "ReadOnly"}
    mine = sql_session.asked(sa.make_url("mssql+pyodbc://u:p@h/d?driver=X&ApplicationIntent=ReadWrite"), read_only=True)
    assert mine.query == {"driver": "X", "ApplicationIntent": "ReadWrite"}

    class Driver:
        call_timeout = 0

    driver = Driver()
    sql_session.limit_driver(driver, 1.5)
    assert driver.call_timeout == 1500


def _events(connector_: SQLConnector) -> Sequence[str]:
    engine = connector_._engine
    return [
        name
        for name in ("connect", "begin")
        if getattr(engine.dispatch, name, ()) or getattr(engine.pool.dispatch, name, ())
    ]


def test_oracle_reads_in_read_only_transactions_and_sql_server_in_ones_that_are_rolled_back() -> None:
    for product in PRODUCTS:
        for read_only, isolation in ((True, None), (False, "AUTOCOMMIT")):
            made = SQLConnector("db", SQLSettings(url=connector_url(product), read_only=read_only))  # type: ignore[arg-type]
            found = made._engine.dialect._on_connect_isolation_level
            begins = "begin" in _events(made)
            made.close()
            assert found == isolation
            assert begins == (product == "oracle" and read_only)


def connector_url(product: str) -> str:
    return {"mssql": "mssql://u:p@127.0.0.1/d", "oracle": "oracle://u:p@127.0.0.1/?service_name=d"}[product]


def test_what_a_session_is_told_is_sql() -> None:
    assert sql_session.statements("oracle", False, 5, read_only=True) == sql_oracle.SESSION
    assert sql_session.statements("mssql", False, 5, read_only=True)[-1] == "SET LOCK_TIMEOUT 5000"
    assert "SELECT" in str(parsed(sql_mssql.MAY_WRITE, "mssql").sql("tsql"))


@pytest.mark.parametrize(("product", "module"), [("mssql", "pymssql"), ("oracle", "oracledb")])
def test_a_missing_driver_is_named_with_its_extra(product: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install 'groundwire\[{product}\]'"):
        SQLConnector("db", SQLSettings(url=connector_url(product)))  # type: ignore[arg-type]


class _OracleFault:
    full_code = ""

    def __init__(self, code: str) -> None:
        self.full_code = code

    def __str__(self) -> str:
        return f"{self.full_code}: the password is hunter2-secret"


@pytest.mark.parametrize(
    ("product", "arguments", "kind"),
    [
        ("mssql", (18456, b"Login failed for hunter2-secret"), AuthFailed),
        ("mssql", ((20009, b"Adaptive Server is unavailable"),), Unavailable),
        ("mssql", (1205, b"deadlock"), Unavailable),
        ("mssql", (208, b"Invalid object name"), Rejected),
        ("mssql", ("HYT00", "timeout expired"), Unavailable),
        ("mssql", ("28000", "login failed"), AuthFailed),
        ("mssql", ("42S02", "invalid object name"), Rejected),
        ("oracle", (_OracleFault("ORA-01017"),), AuthFailed),
        ("oracle", (_OracleFault("DPY-4024"),), Unavailable),
        ("oracle", (_OracleFault("ORA-00942"),), Rejected),
    ],
)
def test_faults_of_the_drivers_are_ours(product: str, arguments: tuple[Any, ...], kind: type[Exception]) -> None:
    class Fault(Exception):
        pass

    url = sa.make_url(connector_url(product)).set(password="hunter2-secret")
    wrapped = sa.exc.DatabaseError("SELECT", {}, Fault(*arguments))
    error = sql_errors.mapped(wrapped, source="db", dialect=product, url=url)
    assert type(error) is kind
    assert "hunter2-secret" not in str(error)
