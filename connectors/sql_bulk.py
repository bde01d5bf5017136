"""Many rows of PostgreSQL as Arrow, by the ADBC driver where it is installed.

ADBC decodes PostgreSQL's binary COPY in C++; it was measured faster here than psycopg, ConnectorX and
pandas (`examples/bench/bench_sql.py`). Queries with parameters can't be copied, so they are read
through a server-side cursor, by the same driver. Small results never come here.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import URL

from groundwire.connectors import sql_decode, sql_psycopg
from groundwire.connectors.sql_compiler import Compiled
from groundwire.connectors.sql_values import Value, rendered
from groundwire.core.connector import Stop
from groundwire.core.errors import Rejected

try:
    from adbc_driver_manager import Error as DriverError
except ImportError:

    class DriverError(Exception):  # type: ignore[no-redef]
        """Stands in where the driver is not installed; never raised."""


BATCH_BYTES = 8 * 1024 * 1024
FIRST_ROWS, FETCH_ROWS = 4_096, 65_536
MAX_IDLE = 2

_SESSION = (
    "SET default_transaction_read_only = on",
    "SET timezone = 'UTC'",
)


__all__ = ["BulkReader", "DriverError"]


class BulkReader:
    """Connections of the ADBC driver, made when they are first needed and kept for the next read.

    Args:
        url: SQLAlchemy's URL of the database.
        timeout: seconds to wait for a connection.
    """

    def __init__(self, url: URL, timeout: float) -> None:
        query = dict(url.query)
        query.setdefault("connect_timeout", str(max(2, int(min(timeout, 10)))))
        self._url = url.set(drivername="postgresql", query=query)
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    @property
    def available(self) -> bool:
        """Whether the driver is installed."""
        return find_spec("adbc_driver_postgresql") is not None

    def read(
        self, made: Compiled, schema: pa.Schema, seconds: float, *, source: str, stop: Stop
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a query.

        Args:
            made: with its `bulk` text.
            schema: what batches must look like.
            seconds: time that the statement may take.
            source: configured name, for errors.
            stop: ends the statement when set.

        Raises:
            DriverError: as the driver says it.
            Rejected: a value does not fit its column.
        """
        text, values = rendered(made.bulk, made.parameters, "numeric_dollar")
        with self._cursor(seconds, stop) as cursor, stop.calls(cursor.adbc_cancel):
            reader = self._fetched(cursor, text, values, stop) if values else self._copied(cursor, text)
            for batch in reader:
                if batch.num_rows:
                    yield _fitted(batch, made.columns, schema, source)

    def close(self) -> None:
        """Let go of all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _copied(self, cursor: Any, text: str) -> Iterator[pa.RecordBatch]:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        cursor.execute(text)
        yield from cursor.fetch_record_batch()

    def _fetched(self, cursor: Any, text: str, values: Sequence[Any], stop: Stop) -> Iterator[pa.RecordBatch]:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        cursor.execute("BEGIN READ ONLY")
        # binding a moment with a zone makes the driver set the session's zone and end the transaction;
        # the session is in UTC, so a moment without one means the same
        values = [v.replace(tzinfo=None) if isinstance(v, dt.datetime) else v for v in values]
        cursor.execute(f"DECLARE groundwire NO SCROLL CURSOR FOR {text}", values)
        rows = FIRST_ROWS
        while not stop.is_set():
            cursor.execute(f"FETCH {rows} FROM groundwire")
            table = cursor.fetch_arrow_table()
            yield from table.to_batches()
            if table.num_rows < rows:
                break
            rows = min(FETCH_ROWS, max(1, rows * BATCH_BYTES // max(1, table.nbytes)))
        cursor.execute("ROLLBACK")

    def _prepared(self, seconds: float) -> Any:
        """A connection whose session is set; one that was lost while it was idle is replaced."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            idle = connection is not None
            if connection is None:
                from adbc_driver_postgresql import dbapi  # takes half a second, and pandas where that is installed

                sql_psycopg.announce(self._url)
                connection = dbapi.connect(self._url.render_as_string(hide_password=False), autocommit=True)
            try:
                with connection.cursor() as cursor:
                    for statement in (*_SESSION, f"SET statement_timeout = {max(1, int(seconds * 1000))}"):
                        cursor.execute(statement)
                return connection
            except BaseException as error:
                connection.close()
                if not idle or not isinstance(error, DriverError):
                    raise

    @contextmanager
    def _cursor(self, seconds: float, stop: Stop) -> Iterator[Any]:
        """A cursor; its connection is kept only if everything was read to the end."""
        connection = self._prepared(seconds)
        whole = False
        try:
            with connection.cursor() as cursor:
                yield cursor
            whole = not stop.is_set()
        finally:
            with self._lock:
                keep = whole and len(self._idle) < MAX_IDLE
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()


def _fitted(batch: pa.RecordBatch, columns: Sequence[Value], schema: pa.Schema, source: str) -> pa.RecordBatch:
    arrays = []
    for column, made, wanted in zip(batch.columns, columns, schema, strict=True):
        array = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
        try:
            if made.kind == "null":
                array = pa.nulls(len(array), wanted.type)
            elif pa.types.is_decimal(wanted.type) and pa.types.is_integer(array.type):
                array = array.cast(pa.decimal128(38, wanted.type.scale))
            arrays.append(sql_decode.fitted(array, wanted.type))
        except pa.ArrowException:
            raise Rejected(
                f"the column {wanted.name!r} holds a value that is no {wanted.type}", source=source
            ) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
