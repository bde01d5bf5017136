"""The sql connector keeps to the contract on SQLite, PostgreSQL and MariaDB, over the same awkward rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from awkward import LONG_NAME, awkward, empty

from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.connectors.testing import ConnectorConformance

PASSWORD = "tell-n0body"

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


class _SQL(ConnectorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        return {"awkward": awkward(), "empty": empty()}

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, url: str, rows: Mapping[str, pa.Table]) -> Iterator[SQLConnector]:
        fill(url, rows)
        made = SQLConnector("db", SQLSettings(url=url))  # type: ignore[arg-type]
        yield made
        made.close()


class TestSQLite(_SQL):
    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        zoneless = awkward().drop_columns("logged")  # SQLite has no type for it
        long = zoneless.rename_columns({LONG_NAME: "a name of three hundred characters " * 8 + LONG_NAME[:20]})
        return {"awkward": long, "empty": empty()}

    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        path: Path = tmp_path_factory.mktemp("sqlite") / "awkward.db"
        return f"sqlite:///{path}"


@pytest.mark.server
class TestPostgreSQL(_SQL):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, postgres_url: str) -> Iterator[str]:
        """With a password, which no check may show."""
        engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        role = sa.make_url(postgres_url).database or ""
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
            connection.exec_driver_sql(f"GRANT ALL ON SCHEMA public TO {role}")
        url = sa.make_url(postgres_url).set(username=role, password=PASSWORD)
        yield url.render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")
        engine.dispose()

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return (PASSWORD,)


@pytest.mark.server
class TestMariaDB(_SQL):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, mariadb_url: str) -> str:
        return mariadb_url
