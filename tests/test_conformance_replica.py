"""Replicas are read exactly as they were written: the contract over awkward rows, in both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pytest
from awkward import awkward, empty

from groundwire.connectors.replica import ReplicaConnector
from groundwire.connectors.sql import SQLSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.core.catalog import Entity, Field


class _Known(ReplicaConnector):
    """Says which tables it holds, which replicas never do."""

    tables: tuple[Entity, ...] = ()

    def discover(self) -> list[Entity]:
        return list(self.tables)


def _held(url: str, rows: Mapping[str, pa.Table]) -> Iterator[_Known]:
    made = _Known("copies", SQLSettings(url=url))  # type: ignore[arg-type]
    made.tables = tuple(
        Entity(
            source="copies",
            name=name,
            fields=tuple(Field(name=f.name, type=f.type, nullable=f.name != "id") for f in table.schema),
            primary_key=("id",),
        )
        for name, table in rows.items()
    )
    for table in made.tables:
        with made.writing() as connection:
            made.create(connection, table)
            for batch in rows[table.name].to_batches(max_chunksize=7):
                assert not made.write(connection, table, batch).unfit
            for batch in rows[table.name].to_batches(max_chunksize=10):  # again: each row replaces itself
                done = made.write(connection, table, batch, counting=True)
                assert (done.rows, done.inserted) == (batch.num_rows, 0)
    yield made
    made.close()


class TestSQLite(ConnectorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        return {"awkward": awkward(), "empty": empty()}

    @pytest.fixture(scope="class")
    @classmethod
    def connector(
        cls, rows: Mapping[str, pa.Table], tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[ReplicaConnector]:
        yield from _held(f"sqlite:///{tmp_path_factory.mktemp('replicas') / 'copies.sqlite'}", rows)


@pytest.mark.server
class TestPostgreSQL(ConnectorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        return {"awkward": awkward(), "empty": empty()}

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, rows: Mapping[str, pa.Table], postgres_url: str) -> Iterator[ReplicaConnector]:
        yield from _held(postgres_url, rows)
