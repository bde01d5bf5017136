"""The database that holds replicas, SQLite or PostgreSQL: read as any `sql` source, and written by syncs.

Reading is the sql connector's, so whole queries are pushed into the replicas. What it would learn by
reflection is known here: a table is named by its entity, and every column is in the form in which the
dialect computes (`replica_values`). What is written, when, and what that says about freshness is decided by
`core/sync`; this module only makes tables and moves rows, in transactions that the caller opens.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from groundwire.connectors import sql_decode
from groundwire.connectors.replica_values import (
    column_name,
    copied_column,
    declared_type,
    sqlite_values,
    unfit,
)
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.connectors.sql_compiler import Storage
from groundwire.core.catalog import Entity
from groundwire.core.catalog import Field as EntityField
from groundwire.core.errors import ConfigError, SourceError, Unavailable

WAIT = 60.0
"""Seconds that a writer waits for another writer of the same SQLite file."""

_KEYS = "_groundwire_keys"
_FRESH = "_groundwire_fresh"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of a batch.

    Attributes:
        rows: stored.
        inserted: of these, how many had a key that was not there before; -1 where that was not asked.
        unfit: keys of the rows that can't be stored (their values, where there is no key), with the reason.
    """

    rows: int
    inserted: int
    unfit: tuple[tuple[tuple[Any, ...], str], ...]


class ReplicaConnector(SQLConnector):
    """Replicas in one database. Entities are described by their tables' makers, so there is nothing to discover."""

    Settings = SQLSettings

    def __init__(self, name: str, settings: SQLSettings) -> None:
        super().__init__(name, settings)
        self.product = self.url.get_backend_name()
        if self.product not in ("sqlite", "postgresql"):
            raise ConfigError(f"replicas are kept in SQLite or PostgreSQL, not {self.product}", setting="replicas.url")
        self._writer: Engine | None = None

    def discover(self) -> list[Entity]:
        return []

    def path(self, entity: Entity) -> tuple[str, ...]:
        return (entity.name,)

    def storage(self, entity: Entity, column: EntityField) -> Storage:
        return Storage(name=column_name(column.name))

    def close(self) -> None:
        super().close()
        if self._writer is not None:
            self._writer.dispose()
            self._writer = None

    @property
    def exists(self) -> bool:
        """Whether there can be any replica yet: a file that nobody wrote holds none."""
        path = self.url.database
        return self.product != "sqlite" or (bool(path) and Path(str(path)).exists())

    # -- transactions ----------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write, alone in SQLite; committed at the end unless something is raised.

        Raises:
            Unavailable: the database is full, locked or away.
        """
        with self._translated(), self._writing_engine().begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for a look at a few rows, as they are now."""
        with self._connected() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with self._errors():
                yield
        except SourceError as error:
            text = str(error).removeprefix(f"{self.name}: ")
            if "database or disk is full" in text or "No space left" in text:
                raise Unavailable(f"the replicas' disk is full: {text}", source=self.name) from None
            raise

    def _writing_engine(self) -> Engine:
        with self._lock:
            if self._writer is None:
                self._writer = self._make_writer()
            return self._writer

    def _make_writer(self) -> Engine:
        if self.product == "postgresql":
            engine = sa.create_engine(self.url, pool_size=4, connect_args={"application_name": "groundwire sync"})
            sa.event.listen(engine, "connect", _prepare_postgresql)
            return engine
        path = Path(str(self.url.database))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        engine = sa.create_engine(
            self.url,
            creator=lambda: sqlite3.connect(path, check_same_thread=False, timeout=WAIT, isolation_level=None),
            poolclass=sa.pool.QueuePool,
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        # the lock is taken at the start: a transaction that reads first could not wait for it
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    # -- tables ----------------------------------------------------------------------------

    def create(self, connection: Connection, table: Entity) -> None:
        """An empty table for an entity.

        Raises:
            ConfigError: values of a field's type can't be kept.
        """
        columns = []
        for field in table.fields:
            try:
                declared = declared_type(field.type, self.product)
            except ValueError as error:
                raise ConfigError(f"no replica can hold {field.name}: {error}; hide the field") from None
            columns.append(f"{self._quoted(column_name(field.name))} {declared}")
        if table.primary_key:
            columns.append(f"PRIMARY KEY ({self._names(table.primary_key)})")
        connection.exec_driver_sql(f"CREATE TABLE {self._quoted(table.name)} ({', '.join(columns)})")

    def drop(self, connection: Connection, name: str) -> None:
        """Drop a table, if it is there."""
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {self._quoted(name)}")

    def index(self, connection: Connection, table: Entity, fields: Sequence[str]) -> None:
        """An index, so that joins over these fields are quick."""
        name = f"{table.name}_{'_'.join(column_name(f) for f in fields)}"[:60]
        connection.exec_driver_sql(
            f"CREATE INDEX IF NOT EXISTS {self._quoted(name)} ON {self._quoted(table.name)} ({self._names(fields)})"
        )

    def analyze(self, connection: Connection, table: Entity) -> None:
        """Let the database learn how the values are distributed."""
        if self.product == "sqlite":
            connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
        connection.exec_driver_sql(f"ANALYZE {self._quoted(table.name)}")

    def count(self, connection: Connection, table: Entity) -> int:
        """Rows of a table."""
        return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {self._quoted(table.name)}").scalar() or 0)

    # -- rows ------------------------------------------------------------------------------

    def write(self, connection: Connection, table: Entity, batch: pa.RecordBatch, *, counting: bool = False) -> Written:
        """Store rows; a row replaces the one of the same key.

        Args:
            connection: of `writing`.
            table: its fields may be fewer than the table's columns; those left out keep their values.
            batch: with the columns of `table`, in any order.
            counting: whether to count how many keys are new; else most are expected to be.
        """
        batch = batch.select([f.name for f in table.fields])
        if table.primary_key and (counting or self.product == "postgresql"):
            batch = _last_of_each(batch, table.primary_key)
        reasons = self._unfit(table, batch)
        names = table.primary_key or tuple(batch.schema.names)
        unfit = tuple((tuple(_value(batch.column(n)[i]) for n in names), reason) for i, reason in reasons.items())
        if reasons:
            keep = [i for i in range(batch.num_rows) if i not in reasons]
            batch = batch.take(pa.array(keep, pa.int64()))
        known = self._known(connection, table, batch) if counting and batch.num_rows else 0
        if batch.num_rows:
            if self.product == "sqlite":
                self._insert(connection, table, batch)
            else:
                self._copy(connection, table, batch, fresh=not counting)
        return Written(
            rows=batch.num_rows,
            inserted=batch.num_rows - known if counting else -1,
            unfit=unfit,
        )

    def delete(self, connection: Connection, table: Entity, keys: pa.RecordBatch) -> int:
        """Delete the rows with these keys; how many there were."""
        self._stage_keys(connection, table, keys, clear=True)
        name = self._quoted(table.name)
        match = self._match(table, name, self._quoted(_KEYS))
        found = connection.exec_driver_sql(
            f"DELETE FROM {name} WHERE EXISTS (SELECT 1 FROM {self._quoted(_KEYS)} WHERE {match})"
        )
        return int(found.rowcount)

    def stage_keys(self, connection: Connection, table: Entity, batches: Iterable[pa.RecordBatch]) -> None:
        """Keep keys beside the table, to be compared with it in this transaction."""
        clear = True
        for keys in batches:
            self._stage_keys(connection, table, keys, clear=clear)
            clear = False

    def keys_without_row(self, connection: Connection, table: Entity) -> Iterator[pa.RecordBatch]:
        """Staged keys that the table does not hold."""
        return self._difference(connection, table, _KEYS, table.name)

    def rows_without_key(self, connection: Connection, table: Entity) -> Iterator[pa.RecordBatch]:
        """Keys of the table's rows that are not among the staged keys."""
        return self._difference(connection, table, table.name, _KEYS)

    # -- how -------------------------------------------------------------------------------

    def _unfit(self, table: Entity, batch: pa.RecordBatch) -> dict[int, str]:
        reasons: dict[int, str] = {}
        for field, column in zip(table.fields, batch.columns, strict=True):
            for row, reason in unfit(field, column, self.product):
                reasons.setdefault(row, reason)
        return reasons

    def _insert(self, connection: Connection, table: Entity, batch: pa.RecordBatch) -> None:
        columns = [sqlite_values(c) for c in batch.columns]
        names = self._names([f.name for f in table.fields])
        sql = f"INSERT INTO {self._quoted(table.name)} ({names}) VALUES ({', '.join('?' * len(columns))})"
        sql += self._conflict(table)
        driver: Any = connection.connection.driver_connection
        with self._driver_errors(connection):
            driver.executemany(sql, zip(*columns, strict=True))

    def _copy(self, connection: Connection, table: Entity, batch: pa.RecordBatch, *, fresh: bool) -> None:
        """COPY; by way of a temporary table where keys may be there already, because COPY itself replaces nothing."""
        names = self._names([f.name for f in table.fields])
        target, staged = self._quoted(table.name), self._quoted(_FRESH)
        driver: Any = connection.connection.driver_connection
        dbapi: Any = connection.dialect.loaded_dbapi
        rows = _csv(batch)

        def copy(cursor: Any, into: str) -> None:
            with cursor.copy(f"COPY {into} ({names}) FROM STDIN (FORMAT csv)") as stream:
                stream.write(rows)

        with self._driver_errors(connection), driver.cursor() as cursor:
            if fresh or not table.primary_key:
                cursor.execute("SAVEPOINT fresh")
                try:
                    return copy(cursor, target)
                except dbapi.IntegrityError:
                    cursor.execute("ROLLBACK TO SAVEPOINT fresh")
            cursor.execute(f"DROP TABLE IF EXISTS {staged}")
            cursor.execute(f"CREATE TEMP TABLE {staged} ON COMMIT DROP AS SELECT {names} FROM {target} LIMIT 0")
            copy(cursor, staged)
            cursor.execute(f"INSERT INTO {target} ({names}) SELECT {names} FROM {staged}{self._conflict(table)}")

    def _conflict(self, table: Entity) -> str:
        if not table.primary_key:
            return ""
        others = [self._quoted(column_name(f.name)) for f in table.fields if f.name not in table.primary_key]
        sets = ", ".join(f"{n} = excluded.{n}" for n in others)
        action = f"UPDATE SET {sets}" if sets else "NOTHING"
        return f" ON CONFLICT ({self._names(table.primary_key)}) DO {action}"

    def _known(self, connection: Connection, table: Entity, batch: pa.RecordBatch) -> int:
        """How many of the batch's keys the table holds."""
        self._stage_keys(connection, table, batch.select(list(table.primary_key)), clear=True)
        name, keys = self._quoted(table.name), self._quoted(_KEYS)
        sql = f"SELECT COUNT(*) FROM {keys} JOIN {name} ON {self._match(table, name, keys)}"
        return int(connection.exec_driver_sql(sql).scalar() or 0)

    def _stage_keys(self, connection: Connection, table: Entity, keys: pa.RecordBatch, *, clear: bool) -> None:
        name = self._quoted(_KEYS)
        key_fields = [table.field(k) for k in table.primary_key]
        driver: Any = connection.connection.driver_connection
        keys = keys.select([f.name for f in key_fields])
        with self._driver_errors(connection):
            if clear:
                columns = [
                    f"{self._quoted(column_name(f.name))} {declared_type(f.type, self.product)}" for f in key_fields
                ]
                driver.execute(f"DROP TABLE IF EXISTS {name}")
                columns.append(f"PRIMARY KEY ({self._names(table.primary_key)})")
                end = "" if self.product == "sqlite" else " ON COMMIT DROP"
                driver.execute(f"CREATE TEMP TABLE {name} ({', '.join(columns)}){end}")
            if self.product == "sqlite":
                values = [sqlite_values(c) for c in keys.columns]
                marks = ", ".join("?" * len(values))
                driver.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", zip(*values, strict=True))
                return
            with driver.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
                copy.write(_csv(keys))

    def _difference(self, connection: Connection, table: Entity, one: str, other: str) -> Iterator[pa.RecordBatch]:
        """Keys of the one that the other lacks, as the source knows them."""
        a, b = self._quoted(one), self._quoted(other)
        names = ", ".join(f"{a}.{self._quoted(column_name(k))}" for k in table.primary_key)
        sql = f"SELECT {names} FROM {a} WHERE NOT EXISTS (SELECT 1 FROM {b} WHERE {self._match(table, a, b)})"
        schema = pa.schema([pa.field(k, table.field(k).type) for k in table.primary_key])
        for rows in connection.exec_driver_sql(sql).partitions(10_000):
            columns = [self._decoded([r[i] for r in rows], f.type) for i, f in enumerate(schema)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _decoded(self, values: list[Any], type_: pa.DataType) -> pa.Array:
        if self.product == "sqlite" and pa.types.is_temporal(type_):
            plain = pa.timestamp("us") if pa.types.is_timestamp(type_) else type_
            return pa.array(values, pa.string()).cast(plain).cast(type_)
        if self.product == "sqlite" and pa.types.is_decimal(type_):
            return sql_decode.scaled_decimals(pa.array(values, pa.int64()), type_.scale).cast(type_)
        return pa.array(values, type_)

    def _match(self, table: Entity, one: str, other: str) -> str:
        names = [self._quoted(column_name(k)) for k in table.primary_key]
        return " AND ".join(f"{one}.{n} = {other}.{n}" for n in names)

    @contextmanager
    def _driver_errors(self, connection: Connection) -> Iterator[None]:
        """What the driver raises below SQLAlchemy, as SQLAlchemy would raise it."""
        dbapi: Any = connection.dialect.loaded_dbapi
        try:
            yield
        except dbapi.Error as error:
            kind = getattr(sa.exc, type(error).__name__, sa.exc.DBAPIError)
            raise kind("", None, error) from None

    def _quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def _names(self, fields: Sequence[str]) -> str:
        return ", ".join(self._quoted(column_name(f)) for f in fields)


def _value(scalar: pa.Scalar) -> Any:
    """A value of a row that can't be stored: as text where it is the one that is beyond Python's calendar."""
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return str(scalar.cast(pa.int64() if scalar.type.bit_width == 64 else pa.int32()))


def _last_of_each(batch: pa.RecordBatch, key: Sequence[str]) -> pa.RecordBatch:
    """The batch with the last row of every key: a source that pages may deliver one twice."""
    if len(key) == 1 and pc.count_distinct(batch.column(key[0])).as_py() == batch.num_rows:
        return batch
    places = {k: i for i, k in enumerate(zip(*(batch.column(n).to_pylist() for n in key), strict=True))}
    return batch if len(places) == batch.num_rows else batch.take(pa.array(sorted(places.values()), pa.int64()))


def _csv(batch: pa.RecordBatch) -> bytes:
    """Rows as COPY reads them: NULL is nothing, text is quoted."""
    columns = [copied_column(c) for c in batch.columns]
    table = pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False))
    return sink.getvalue()


def _prepare_sqlite(driver: Any, _: Any) -> None:
    driver.execute("PRAGMA journal_mode = WAL")
    # in WAL mode NORMAL can lose the last commits with the power, never a part of one
    driver.execute("PRAGMA synchronous = NORMAL")
    driver.execute("PRAGMA cache_size = -65536")


def _prepare_postgresql(driver: Any, _: Any) -> None:
    with driver.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        cursor.execute("SET datestyle = 'ISO'")
        cursor.execute("SET client_min_messages = 'warning'")
    driver.commit()
