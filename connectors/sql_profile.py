"""Cheap facts about a table: how many rows, and which values its short text columns take.

Two round trips for a table: an estimate of its rows, and one pass over a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from groundwire.connectors.profiling import Distinct, open_texts
from groundwire.connectors.sql_compiler import Tables
from groundwire.connectors.sql_scan import compiled_scan
from groundwire.connectors.sql_session import parameter_style
from groundwire.connectors.sql_values import Emitter, Refused, rendered
from groundwire.core.catalog import Entity
from groundwire.core.connector import Scan

SAMPLE_ROWS = 20_000
SECONDS = 5.0
"""What one table's profile may take at the server; more, and it stays without values."""

_ESTIMATES: Mapping[str, str] = {
    "postgresql": (
        "SELECT CAST(c.reltuples AS bigint) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relname = %(table)s AND n.nspname = COALESCE(%(schema)s, current_schema())"
    ),
    "mysql": (
        "SELECT table_rows FROM information_schema.tables"
        " WHERE table_name = %(table)s AND table_schema = COALESCE(%(schema)s, DATABASE())"
    ),
}
_ESTIMATES = {**_ESTIMATES, "mariadb": _ESTIMATES["mysql"]}

SURE_BELOW = 1_000
"""Estimates below this are replaced by a count, which is then cheap."""


def profiled(connection: Connection, entity: Entity, emitter: Emitter, tables: Tables, unique: Iterable[str]) -> Entity:
    """The entity with `rows` estimated and `values` filled for text fields that take few.

    Args:
        connection: open, with a time limit.
        entity: from discovery.
        emitter: fresh.
        tables: how the entity is stored.
        unique: fields that hold no value twice, which are not sampled.
    """
    rows = _rows(connection, entity, emitter, tables)
    wanted = open_texts(entity, set(unique))
    if wanted and rows != 0:
        entity = _with_values(connection, entity, wanted, Emitter(emitter.dialect, emitter.missing), tables)
    return replace(entity, rows=rows)


def _rows(connection: Connection, entity: Entity, emitter: Emitter, tables: Tables) -> int | None:
    estimate = _ESTIMATES.get(connection.dialect.name)
    if estimate is not None:
        *schema, table = tables.path(entity)
        values = {"table": table, "schema": schema[0] if schema else None}
        found = connection.exec_driver_sql(estimate, values).scalar()
        if found is not None and found >= SURE_BELOW:
            return int(found)
    name = ".".join(emitter.quoted(p) for p in tables.path(entity))
    counted = emitter.text("count rows", name)
    try:
        return int(connection.exec_driver_sql(counted.replace("%", "%%") if estimate else counted).scalar() or 0)
    except SQLAlchemyError:
        return None


def _with_values(connection: Connection, entity: Entity, wanted: list[str], emitter: Emitter, tables: Tables) -> Entity:
    """The entity with the distinct values of the fields that have few, from the first rows."""
    try:
        made = compiled_scan(Scan(entity=entity, fields=tuple(wanted), limit=SAMPLE_ROWS), emitter, tables)
        sql, parameters = rendered(made.sql, made.parameters, parameter_style(connection))
        rows = connection.exec_driver_sql(sql, parameters)
    except (Refused, SQLAlchemyError):
        return entity
    distinct = Distinct(wanted)
    for row in rows:
        if not distinct.add(dict(zip(wanted, row, strict=True))):
            break
    return distinct.described(entity)
