"""Any SQL database that SQLAlchemy reaches, with whole-query pushdown where its dialect has tables.

Those are PostgreSQL, SQLite, MariaDB and MySQL, and, tested by the SQL that they are given, SQL Server and Oracle.

A query is compiled for the database (`sql_compiler`), with all values bound, and only where the rows
are the same as DuckDB's. Results are streamed as Arrow batches. The session is read-only and in UTC,
and the server itself stops a statement that takes too long. Products without a table in
`sql_dialects` are scanned plainly. This module writes nothing and keeps no data.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy.engine import Connection, Engine
from sqlglot import exp

from groundwire.connectors import (
    sql_actions,
    sql_cancel,
    sql_checksum,
    sql_clock,
    sql_decode,
    sql_errors,
    sql_events,
    sql_mssql,
    sql_oracle,
    sql_profile,
    sql_psycopg,
    sql_scan,
    sql_session,
    sql_sqlite,
)
from groundwire.connectors.sql_bulk import BulkReader
from groundwire.connectors.sql_compiler import Compiled, Storage, compiled
from groundwire.connectors.sql_dialect import Dialect
from groundwire.connectors.sql_dialects import DIALECTS
from groundwire.connectors.sql_reflection import Reflected, reflect
from groundwire.connectors.sql_values import Emitter, Refused, outline, rendered
from groundwire.core.catalog import Entity
from groundwire.core.catalog import Field as EntityField
from groundwire.core.connector import (
    Action,
    Aggregate,
    Capabilities,
    Comparison,
    Connector,
    KeyRanges,
    Listening,
    Profiling,
    Pushdown,
    QueryPushdown,
    Scan,
    ScanReport,
    Stop,
    tag,
)
from groundwire.core.errors import ConfigError, Rejected, Unavailable

BATCH_ROWS = 65_536

PATIENCE = 24 * 3600.0
"""Seconds that a read may take for which nobody waits."""

_ALL = Capabilities(
    boolean=True,
    order=True,
    limit=True,
    aggregates=frozenset({"count", "count_distinct", "sum", "min", "max", "avg"}),
    group_by=True,
    max_in=1000,
    concurrency=4,
)


class SQLSettings(BaseModel):
    """Settings of a source of type `sql`.

    Attributes:
        url: as SQLAlchemy takes it, such as `postgresql://user:password@host/database`.
        schemas: which schemas; by default all that the account sees (MariaDB: the URL's database).
        tables: globs over entity names (`table`, `schema.table`); all by default.
        views: whether views are entities too.
        timeout: seconds that a statement may take.
        read_only: the session of queries refuses writes. None is sent; this makes the server sure of it.
        write_url: another account of the same database, for declared actions only; by default that of `url`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    views: bool = True
    timeout: float = Field(default=60.0, gt=0)
    read_only: bool = True
    write_url: SecretStr | None = None

    @field_validator("url", "write_url")
    @classmethod
    def _is_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            sa.make_url(url.get_secret_value())
        except sa.exc.ArgumentError:
            raise ValueError("not a database URL such as postgresql://user:password@host/database") from None
        return url


class SQLConnector(Connector, QueryPushdown, Profiling):
    """One database.

    Args:
        name: of the source.
        settings: see `SQLSettings`.

    Raises:
        ConfigError: the driver for the URL is not installed.
    """

    Settings = SQLSettings

    def __init__(self, name: str, settings: SQLSettings) -> None:
        super().__init__(name, settings)
        url = sa.make_url(settings.url.get_secret_value())
        self.url = sql_session.asked(url, read_only=settings.read_only)
        self._lock = threading.RLock()
        self._reflected: Reflected | None = None
        self._missing: frozenset[str] = frozenset()
        try:
            self._engine = self._make_engine()
        except (ImportError, sa.exc.NoSuchModuleError) as error:
            raise ConfigError(
                f"no driver for {url.drivername}: {error};"
                f" run: pip install 'groundwire[{sql_session.extra_of(self.url.get_backend_name())}]'",
                setting=f"sources.{name}.url",
            ) from None
        self.dialect: Dialect | None = DIALECTS.get(self.url.get_backend_name())
        self.capabilities = replace(_ALL, max_in=self.dialect.max_in) if self.dialect else Capabilities()
        self._acting = sql_actions.Writer(self)
        self._bulk = BulkReader(self.url, settings.timeout) if self.dialect is DIALECTS["postgresql"] else None

    def place(self) -> str:
        return super().place() if self.url.get_backend_name() == "sqlite" else ""

    # -- the contract ----------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        with self._connected() as connection:
            self._learn(connection)
            found = reflect(
                connection,
                self.name,
                schemas=self.settings.schemas,
                tables=self.settings.tables,
                views=self.settings.views,
            )
        with self._lock:
            self._reflected = found
        return found.entities

    def describe(self, name: str) -> Entity | None:
        """One table as it is now; what was learned of the others stays."""
        key = self._reflection().keys.get(name)
        if key is None:
            return None
        with self._connected() as connection:
            settings = self.settings
            found = reflect(
                connection, self.name, schemas=settings.schemas, tables=settings.tables, views=settings.views, only=key
            )
        with self._lock:
            known = self._reflection()
            known.storages.update(found.storages)
            known.unique.update(found.unique)
        return next(iter(found.entities), None)

    def clock(self) -> datetime | None:
        """The server's time (UTC); for a file, this machine's."""
        with self._connected() as connection:
            found = sql_clock.now(connection, self.dialect.name if self.dialect else "")
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def open_since(self) -> datetime | None:
        """When the oldest transaction began, or a little before, as far as the account may see the others'."""
        try:
            with self._connected() as connection:
                found = sql_clock.open_since(connection, self.dialect.name if self.dialect else "")
        except Rejected:
            return None
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def check(self) -> str:
        with self._connected() as connection:
            product = connection.dialect.name
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
            user = f" as {self.url.username}" if self.url.username else ""
            connection.execute(sa.select(sa.literal_column("1"))).fetchall()
            may_write = product == "mssql" and self.settings.read_only and self._may_write(connection)
        return f"{product} {version}{user}{'; this account may write, though only reads are sent' if may_write else ''}"

    def _may_write(self, connection: Connection) -> bool:
        return bool(connection.exec_driver_sql(sql_mssql.MAY_WRITE).scalar())

    def profile(self, entity: Entity) -> Entity:
        """Rows estimated and values sampled; see `sql_profile`."""
        if self.dialect is None:
            return entity
        unique = self._reflection().unique.get(entity.name, set())
        with self._connected(timeout=min(self.settings.timeout, sql_profile.SECONDS * 2)) as connection:
            return sql_profile.profiled(connection, entity, self._emitter(), self, unique)

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        if self.dialect is None:
            return Pushdown.NONE
        try:
            sql_scan.predicate(entity, comparison, self._emitter(), self)
        except Refused:
            return Pushdown.NONE
        return Pushdown.EXACT

    def orders(self, entity: Entity, field: str) -> bool:
        return self.dialect is not None and self._compiles(Scan(entity=entity, group_by=(field,)))

    def groups(self, entity: Entity, field: str) -> bool:
        return self.orders(entity, field)

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        return self.dialect is not None and self._compiles(Scan(entity=entity, aggregates=(aggregate,)))

    def refuses(self, query: exp.Query) -> str | None:
        if self.dialect is None:
            return f"queries are not pushed to {self.url.get_backend_name()}"
        try:
            compiled(query, self._emitter(), self)
        except Refused as reason:
            return str(reason)
        return None

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        if self.dialect is None:
            return self._plain_scan(scan, report)
        try:
            made = sql_scan.compiled_scan(scan, self._emitter(), self)
        except Refused as reason:
            raise Rejected(f"asked for what was not declared: {reason}", source=self.name) from None
        return self._stream(made, scan.schema, report)

    def scan_query(self, query: exp.Query, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        try:
            made = compiled(query, self._emitter(), self)
        except Refused as reason:
            raise Rejected(f"this query can't be pushed: {reason}", source=self.name) from None
        return self._stream(made, schema, report)

    def checksums_of(self, entity: Entity, fields: Sequence[str]) -> bool:
        return self.dialect is not None and sql_checksum.can(entity, fields, self._emitter(), self)

    def range_checksums(
        self, entity: Entity, fields: Sequence[str], ranges: KeyRanges, report: ScanReport
    ) -> Iterator[pa.RecordBatch]:
        return self._stream(*sql_checksum.of_ranges(entity, fields, ranges, self._emitter(), self), report)

    def record_checksums(
        self, entity: Entity, fields: Sequence[str], ranges: KeyRanges, some: Sequence[int], report: ScanReport
    ) -> Iterator[pa.RecordBatch]:
        return self._stream(*sql_checksum.of_rows(entity, fields, ranges, some, self._emitter(), self), report)

    def event_statements(self, entities: Sequence[Entity], *, remove: bool = False) -> list[str]:
        return sql_events.statements(self, entities, remove=remove)

    def execute_statements(self, statements: Sequence[str]) -> None:
        sql_events.execute(self, statements)

    def listen(self, entities: Sequence[Entity]) -> Listening:
        return sql_events.PostgresListening(self, entities)

    def actions(self, wanted: Mapping[str, Mapping[str, Any]]) -> Sequence[Action]:
        return sql_actions.actions(self, wanted, self._acting)

    def close(self) -> None:
        if self._bulk is not None:
            self._bulk.close()
        self._acting.close()
        self._engine.dispose()

    # -- what the compiler asks ------------------------------------------------------------

    def path(self, entity: Entity) -> tuple[str, ...]:
        """Schema and table of an entity."""
        found = self._reflection().paths.get(entity.name)
        if found is None:
            raise Refused(f"the table {entity.name}")
        return found

    def storage(self, entity: Entity, column: EntityField) -> Storage:
        """How a column is stored."""
        found = self._reflection().storages.get((entity.name, column.name))
        if found is None:
            raise Refused(f"the column {entity.name}.{column.name}")
        return found

    def reflected(self) -> list[Entity]:
        """Every table, as it was discovered."""
        return self._reflection().entities

    def _reflection(self) -> Reflected:
        with self._lock:
            if self._reflected is None:
                self.discover()
            assert self._reflected is not None
            return self._reflected

    def _emitter(self) -> Emitter:
        assert self.dialect is not None
        return Emitter(self.dialect, self._missing)

    def _compiles(self, scan: Scan) -> bool:
        try:
            sql_scan.compiled_scan(scan, self._emitter(), self)
        except Refused:
            return False
        return True

    def _learn(self, connection: Connection) -> None:
        """Which product really answers, and what its text functions know."""
        name = connection.dialect.name
        if getattr(connection.dialect, "is_mariadb", False):
            name = "mariadb"
        self.dialect = DIALECTS.get(name)
        if name == "postgresql":
            cased = connection.exec_driver_sql("SELECT LOWER('ÀΣЖ') = 'àσж' AND UPPER('àσж') = 'ÀΣЖ'").scalar()
            self._missing = frozenset() if cased else frozenset({"lower", "upper"})
        if name == "oracle":
            unicode = connection.exec_driver_sql(sql_oracle.CHARACTER_SET).scalar() == sql_oracle.UNICODE
            self._missing = frozenset() if unicode else sql_oracle.WITHOUT_TEXTS

    # -- reading ---------------------------------------------------------------------------

    def _stream(self, made: Compiled, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        assert self.dialect is not None
        told = outline(made.sql)
        report.native.append(told)
        made = _tagged(made)
        if self._bulk is not None and made.bulk and not made.small and self._bulk.available:
            with self._request(report, told), self._errors():
                for batch in self._bulk.read(made, schema, self._seconds(report), source=self.name, stop=report.stop):
                    self._check_deadline(report)
                    yield batch
            return
        chunked = self.url.drivername == "postgresql+psycopg" and sql_psycopg.AVAILABLE
        stream = not made.small and not chunked
        with (
            self._request(report, told),
            self._connected(timeout=self._seconds(report), stream=stream, stop=report.stop) as connection,
        ):
            text, values = rendered(made.sql, made.parameters, sql_session.parameter_style(connection))
            if chunked and not made.small:
                partitions = sql_psycopg.partitions(connection, text, values, BATCH_ROWS)
            else:
                partitions = connection.exec_driver_sql(text, values).partitions(BATCH_ROWS)
            scaled = self.dialect.scaled_decimals
            for rows in partitions:
                self._check_deadline(report)
                try:
                    yield sql_decode.batch(rows, made.columns, schema, scaled=scaled)
                except ValueError as error:
                    raise Rejected(str(error), source=self.name) from None

    def _plain_scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        """A product that we know nothing about: the columns, as SQLAlchemy reads them."""
        *schema, name = self.path(scan.entity)
        table = sa.table(name, *(sa.column(f) for f in scan.fields), schema=schema[0] if schema else None)
        query = sa.select(*(table.c[f] for f in scan.fields))
        columns = sql_scan.output_columns(scan)
        with (
            report.request(self.system, "SELECT", address=self._shown),
            self._connected(timeout=self._seconds(report), stream=True, stop=report.stop) as connection,
        ):
            report.native.append(str(query.compile(dialect=connection.dialect)))
            for rows in connection.execute(query).partitions(BATCH_ROWS):
                self._check_deadline(report)
                try:
                    yield sql_decode.batch(rows, columns, scan.schema, scaled=False)
                except ValueError as error:
                    raise Rejected(str(error), source=self.name) from None

    @property
    def system(self) -> str:
        return self.url.get_backend_name()

    def _request(self, report: ScanReport, text: str) -> Any:
        asked = report.request(self.system, "SELECT", address=self._shown)
        asked.set(query=text)
        return asked

    @cached_property
    def _shown(self) -> str | None:
        return f"{self.url.host}:{self.url.port}" if self.url.host and self.url.port else self.url.host

    def _seconds(self, report: ScanReport) -> float:
        """Time left for this scan."""
        if report.patient:
            return PATIENCE if report.deadline is None else max(1.0, report.deadline - time.monotonic())
        if report.deadline is None:
            return float(self.settings.timeout)
        left = report.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("no time left", source=self.name)
        return min(left, float(self.settings.timeout))

    def _check_deadline(self, report: ScanReport) -> None:
        if report.deadline is not None and time.monotonic() > report.deadline:
            raise Unavailable("took longer than was allowed", source=self.name)

    # -- connections -----------------------------------------------------------------------

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sql_errors.CAUGHT as error:
            raise sql_errors.mapped(
                error, source=self.name, dialect=self.url.get_backend_name(), url=self.url
            ) from None

    @contextmanager
    def _connected(
        self, *, timeout: float | None = None, stream: bool = False, stop: Stop | None = None
    ) -> Iterator[Connection]:
        """A connection whose statements end within the time limit, in seconds, or when `stop` is set."""
        stop = stop or Stop()
        with self._errors(), self._engine.connect() as connection:
            if stream:
                connection = connection.execution_options(**self._stream_options)
            end = sql_cancel.ender(connection)
            try:
                with (
                    self._limited(connection, timeout or self.settings.timeout, stream, stop),
                    stop.calls(end) if end else nullcontext(),
                ):
                    yield connection
            except BaseException:
                if stream and connection.dialect.name in ("mysql", "mariadb"):
                    _abandon(connection)
                raise
            finally:
                if stop.is_set() and end and not connection.invalidated:
                    connection.invalidate()

    @property
    def _stream_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
        if self.url.get_backend_name() == "postgresql":
            options["isolation_level"] = "READ COMMITTED"  # cursors live in transactions
        return options

    @contextmanager
    def _limited(self, connection: Connection, seconds: float, stream: bool, stop: Stop) -> Iterator[None]:
        name = connection.dialect.name
        if name == "sqlite":
            driver: Any = connection.connection.driver_connection
            end = time.monotonic() + seconds
            driver.set_progress_handler(lambda: stop.is_set() or time.monotonic() > end, 20_000)
            try:
                yield
            finally:
                driver.set_progress_handler(None, 0)
            return
        if name in sql_session.ROLLED_BACK:
            driver = connection.connection.driver_connection
            sql_session.limit_driver(driver, seconds)
            try:
                yield
            finally:
                if not connection.invalidated:
                    sql_session.limit_driver(driver, self.settings.timeout)
            return
        if name not in sql_session.LIMITED or self.settings.timeout * 0.9 < seconds <= self.settings.timeout:
            yield
            return
        local = stream and name == "postgresql"
        self._limit(connection, seconds, "LOCAL" if local else "SESSION")
        try:
            yield
        except BaseException:
            if not local and not connection.invalidated:
                connection.invalidate()  # what reads next over this connection has another limit
            raise
        if not local:
            self._limit(connection, self.settings.timeout, "SESSION")

    def _limit(self, connection: Connection, seconds: float, scope: str) -> None:
        mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
        connection.exec_driver_sql(sql_session.limit_statement(connection.dialect.name, mariadb, seconds, scope))

    def _make_engine(self) -> Engine:
        backend, seconds = self.url.get_backend_name(), self.settings.timeout
        options: dict[str, Any] = {"pool_timeout": seconds}
        if backend == "sqlite":
            return self._sqlite_engine()
        if backend not in sql_session.ROLLED_BACK or not self.settings.read_only:
            options["isolation_level"] = "AUTOCOMMIT"  # one statement is one read; a transaction is two more trips
        options |= {"pool_size": 5, "max_overflow": 10, "pool_recycle": 1800, **self.driver_options()}
        engine = sa.create_engine(self.url, **options)
        sa.event.listen(engine, "do_connect", self.announce)
        if backend in sql_session.PREPARED:
            sa.event.listen(engine, "connect", self._prepare)
        if backend == "oracle" and self.settings.read_only:
            sa.event.listen(engine, "begin", sql_session.begin_read_only)
        return engine

    def _sqlite_engine(self) -> Engine:
        path, read_only = self.url.database, self.settings.read_only
        if not path or path == ":memory:" or "uri" in self.url.query:
            engine = sa.create_engine(self.url)
        else:
            # mode=rw opens what exists and never makes an empty database of a mistyped path
            target = f"file:{quote(path)}?mode=rw"
            wait = min(5.0, self.settings.timeout)
            engine = sa.create_engine(
                self.url,
                creator=lambda: sqlite3.connect(target, uri=True, check_same_thread=False, timeout=wait),
                poolclass=sa.pool.QueuePool,
                pool_timeout=self.settings.timeout,
            )
        sa.event.listen(engine, "connect", lambda driver, _: sql_sqlite.prepare(driver, read_only=read_only))
        return engine

    def driver_options(self) -> dict[str, Any]:
        """What a product's driver is told of time and of who connects."""
        settings = self.settings
        arguments = sql_session.driver_arguments(self.url.drivername, settings.timeout, read_only=settings.read_only)
        return {"connect_args": arguments} if arguments else {}

    def announce(self, *_: Any) -> None:
        """Say where a driver in C is about to connect, which nobody sees otherwise; whoever listens may refuse."""
        sql_psycopg.announce(self.url)

    def prepare_writes(self, driver: Any, _: Any) -> None:
        """A new connection for declared actions: in UTC, with a limit on statements."""
        self._prepare(driver, _, read_only=False)

    def _prepare(self, driver: Any, _: Any, *, read_only: bool | None = None) -> None:
        """A new connection: read-only, in UTC, with a limit on statements."""
        backend = self.url.get_backend_name()
        read_only = self.settings.read_only if read_only is None else read_only
        seconds = self.settings.timeout
        with driver.cursor() as cursor:
            for statement in sql_session.statements(backend, self._is_mariadb(driver), seconds, read_only=read_only):
                cursor.execute(statement)
        if backend not in ("mysql", "mariadb"):
            driver.commit()
        if backend in sql_session.ROLLED_BACK:
            sql_session.limit_driver(driver, seconds)

    def _is_mariadb(self, driver: Any) -> bool:
        version = getattr(driver, "get_server_info", lambda: "")()
        return "mariadb" in str(version).lower()


def _tagged(made: Compiled) -> Compiled:
    """The same query with a comment by which the database's log and ours can be laid side by side, if wanted.

    It stands at the end, where proxies that look at the first word don't mind it.
    """
    mine = tag()
    if mine is None:
        return made
    comment = f" /* groundwire:{mine} */"
    return replace(made, sql=made.sql + comment, bulk=made.bulk + comment if made.bulk else "")


def _abandon(connection: Connection) -> None:
    """Drop a connection in the middle of a stream, rather than read all that is left of it."""
    unread = getattr(connection.connection.driver_connection, "_result", None)
    if unread is not None:
        unread.unbuffered_active = False  # PyMySQL would look for the rest in a socket that is closed
    connection.invalidate()
