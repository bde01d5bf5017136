"""Long reads from PostgreSQL by its binary COPY protocol, through ADBC where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from groundwire.connectors.sql_compile import Compiled
from groundwire.core.connector import ScanReport
from groundwire.core.errors import Rejected

if TYPE_CHECKING:
    from groundwire.connectors.sql import SQLConnector

SMALL = 2_000
"""With fewer rows than this an ordinary cursor is faster than starting COPY."""


def copied(
    connector: SQLConnector, compiled: Compiled, schema: pa.Schema, report: ScanReport
) -> Iterator[pa.RecordBatch] | None:
    """The rows as Arrow batches of `schema`; None where ADBC is absent or the answer is small."""
    if importlib.util.find_spec("adbc_driver_postgresql") is None or not all(
        _is_copyable(t) for t in schema.types
    ):
        return None
    text = _literal_text(connector, compiled)
    if _estimate(connector, text) < SMALL:
        return None
    return _stream(connector, text, schema)


def _is_copyable(type_: pa.DataType) -> bool:
    return not (pa.types.is_time(type_) or pa.types.is_binary(type_))


def _literal_text(connector: SQLConnector, compiled: Compiled) -> str:
    """Values quoted by the driver itself: COPY takes no parameters."""
    psycopg = importlib.import_module("psycopg")
    with connector._connection() as connection:
        raw: Any = connection.connection.driver_connection
        text: str = psycopg.ClientCursor(raw).mogrify(compiled.text, compiled.parameters)
    return text


def _estimate(connector: SQLConnector, text: str) -> float:
    with connector._connection() as connection:
        plan = connection.exec_driver_sql("EXPLAIN (FORMAT JSON) " + text.replace("%", "%%")).scalar_one()
    return float(plan[0]["Plan"]["Plan Rows"])


def _stream(connector: SQLConnector, text: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    dbapi = importlib.import_module("adbc_driver_postgresql.dbapi")
    uri = connector.url.set(drivername="postgresql").render_as_string(hide_password=False)
    seconds = max(1, int(connector.settings.timeout))
    try:
        with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {seconds * 1000}")
            cursor.execute("SET default_transaction_read_only = on")
            cursor.execute(text)
            for batch in cursor.fetch_record_batch():
                yield _fitted(batch, schema, connector.name)
    except dbapi.Error as error:
        raise connector.translated(error) from None


def _fitted(batch: pa.RecordBatch, schema: pa.Schema, source: str) -> pa.RecordBatch:
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        if isinstance(column, pa.ExtensionArray):
            column = column.storage
        try:
            columns.append(column if column.type == field.type else column.cast(field.type, safe=False))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Rejected(f"column {field.name!r} is not a {field.type}: {error}", source=source) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)
