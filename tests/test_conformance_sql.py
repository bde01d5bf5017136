"""The sql connector keeps to the contract on SQLite, PostgreSQL and MariaDB, over the same awkward rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from awkward import LONG_NAME, awkward, empty, fill

from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.connectors.testing import ConnectorConformance

PASSWORD = "tell-n0body"


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
