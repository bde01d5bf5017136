"""Rows that break careless connectors, and the same rows as statements for a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

LONG_NAME = "a name of many words " * 2 + "x"
"""Within PostgreSQL's 63 bytes and MariaDB's 64 characters."""


SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("note", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("ratio", pa.float64()),
        ("quantity", pa.int64()),
        ("born", pa.date32()),
        ("seen", pa.timestamp("us")),
        ("logged", pa.timestamp("us", tz="UTC")),
        ("active", pa.bool_()),
        ("select", pa.string()),
        (LONG_NAME, pa.int64()),
        ('quo"te`d %', pa.string()),
    ]
)

_NAMES = [
    *("Anna", "anna", "ANNA", "Anna ", " Anna", "", "Zoë", "zoë", "Ångström", "ångström", "東京", "O'Brien"),
    *('say "hi"', "100%", "under_score", "back\\slash", "' OR 1=1 --", None, None, "ß", "SS", "ẞ", "🙂"),
    *("tab\there", "a", "B", "b", "[1, 2]", "NULL", "Anna"),
]


def _row(number: int, name: str | None) -> dict[str, Any]:
    null = number % 7 == 3
    day = dt.date(2023, 1, 31) + dt.timedelta(days=37 * number)
    moment = dt.datetime(2024, 2, 28, 23, 59, 59, 999_000) + dt.timedelta(hours=5 * number, microseconds=number)
    return {
        "id": number + 1,
        "name": name,
        "note": None if null else ("even" if number % 2 else "Odd"),
        "amount": None if null else Decimal(number * 1234567 - 9_000_000).scaleb(-2),
        "ratio": None if number % 5 == 4 else (number - 12) / 8,
        "quantity": None if number % 6 == 5 else number % 4 - 1,
        "born": None if null else day,
        "seen": None if number % 8 == 2 else moment,
        "logged": None if number % 9 == 2 else (moment - dt.timedelta(days=400)).replace(tzinfo=dt.UTC),
        "active": None if number % 4 == 3 else number % 3 == 0,
        "select": f"key{number % 3}",
        LONG_NAME: -number,
        'quo"te`d %': None if null else f"v{number % 5}",
    }


def awkward() -> pa.Table:
    """Thirty rows: NULLs, duplicates, cases, trailing spaces, other scripts, negative numbers."""
    return pa.Table.from_pylist([_row(n, name) for n, name in enumerate(_NAMES)], schema=SCHEMA)


def empty() -> pa.Table:
    """No rows at all."""
    return pa.table({"id": pa.array([], pa.int64()), "name": pa.array([], pa.string())})


_TYPES: Mapping[str, Mapping[str, str]] = {
    "sqlite": {
        "BIGINT": "INTEGER",
        "DOUBLE": "REAL",
        "TIMESTAMPTZ": "TIMESTAMP",
        "TEXT": "TEXT",
        "BINARY": "BLOB",
        "TIMESTAMP": "DATETIME",
    },
    "postgresql": {"DOUBLE": "DOUBLE PRECISION", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "BINARY": "BYTEA"},
    "mariadb": {
        "TEXT": "VARCHAR(60)",
        "TIMESTAMP": "DATETIME(6)",
        "TIMESTAMPTZ": "TIMESTAMP(6) NULL",
        "BINARY": "VARBINARY(60)",
    },
}


def _column_type(type_: pa.DataType, product: str) -> str:
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision}, {type_.scale})"
    if pa.types.is_timestamp(type_):
        name = "TIMESTAMPTZ" if type_.tz else "TIMESTAMP"
    else:
        name = {
            pa.int64(): "BIGINT",
            pa.string(): "TEXT",
            pa.float64(): "DOUBLE",
            pa.date32(): "DATE",
            pa.bool_(): "BOOLEAN",
            pa.binary(): "BINARY",
        }[type_]
    return _TYPES[product].get(name, name)


def fill(url: str, tables: Mapping[str, pa.Table]) -> None:
    """Create the tables in a database and write the rows."""
    engine = sa.create_engine(url)
    product = engine.dialect.name
    around = "`" if product == "mariadb" else '"'

    def quote(name: str) -> str:
        return around + name.replace(around, around * 2) + around

    mark = {"sqlite": "?"}.get(product, "%s")
    with engine.begin() as connection:
        if product == "mariadb":
            connection.exec_driver_sql("SET time_zone = '+00:00'")
        for name, rows in tables.items():
            columns = [f"{quote(f.name)} {_column_type(f.type, product)}" for f in rows.schema]
            ddl = f"CREATE TABLE {quote(name)} ({', '.join(columns)}, PRIMARY KEY ({quote('id')}))"
            connection.connection.cursor().execute(ddl)  # no parameters: a % is a %
            values = [tuple(_native(v, product) for v in row.values()) for row in rows.to_pylist()]
            insert = f"INSERT INTO {quote(name)} VALUES "
            insert = insert.replace("%", "%%") if mark == "%s" else insert
            for row in values:
                connection.exec_driver_sql(f"{insert}({', '.join([mark] * len(row))})", row)
    engine.dispose()


def _native(value: Any, product: str) -> Any:
    if isinstance(value, dt.datetime) and value.tzinfo is not None and product != "postgresql":
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    if product == "sqlite":
        if isinstance(value, dt.datetime):
            return value.isoformat(sep=" ")
        if isinstance(value, dt.date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return float(value)
    return value
