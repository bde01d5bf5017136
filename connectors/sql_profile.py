"""Cheap facts about a table: how many rows, and which values its short text columns take.

Two round trips for a table: an estimate of its rows, and one pass over a bounded number of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from groundwire.connectors.sql_compiler import Tables
from groundwire.connectors.sql_scan import compiled_scan
from groundwire.connectors.sql_values import Emitter, Refused, rendered
from groundwire.core.catalog import Entity
from groundwire.core.connector import Scan

MAX_VALUES = 25
MAX_LENGTH = 80
SAMPLE_ROWS = 20_000
SECONDS = 5.0
"""What one table's profile may take at the server; more, and it stays without values."""

_SECRET = re.compile(r"passw|secret|token|api_?key|hash|salt|\bssn\b|iban|credit_?card|\bpin\b", re.IGNORECASE)
"""Fields of such names are never sampled, whether or not configuration calls them sensitive."""

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
    wanted = [
        f.name
        for f in entity.fields
        if pa.types.is_string(f.type)
        and not f.values
        and f.name not in set(unique)
        and not f.sensitive
        and not _SECRET.search(f.name)
    ]
    if not wanted or rows == 0:
        return replace(entity, rows=rows)
    found = _values(connection, entity, wanted, Emitter(emitter.dialect, emitter.missing), tables)
    fields = tuple(replace(f, values=found[f.name]) if f.name in found else f for f in entity.fields)
    return replace(entity, rows=rows, fields=fields)


def _rows(connection: Connection, entity: Entity, emitter: Emitter, tables: Tables) -> int | None:
    estimate = _ESTIMATES.get(connection.dialect.name)
    if estimate is not None:
        *schema, table = tables.path(entity)
        values = {"table": table, "schema": schema[0] if schema else None}
        found = connection.exec_driver_sql(estimate, values).scalar()
        if found is not None and found >= SURE_BELOW:
            return int(found)
    name = ".".join(emitter.quoted(p) for p in tables.path(entity))
    counted = f"SELECT COUNT(*) FROM (SELECT 1 AS one FROM {name} LIMIT 1000000) AS t"
    try:
        return int(connection.exec_driver_sql(counted.replace("%", "%%") if estimate else counted).scalar() or 0)
    except SQLAlchemyError:
        return None


def _values(
    connection: Connection, entity: Entity, wanted: list[str], emitter: Emitter, tables: Tables
) -> dict[str, tuple[str, ...]]:
    """Distinct values of the fields that have few, from the first rows."""
    try:
        made = compiled_scan(Scan(entity=entity, fields=tuple(wanted), limit=SAMPLE_ROWS), emitter, tables)
        sql, parameters = rendered(made.sql, made.parameters, connection.dialect.paramstyle)
        rows = connection.exec_driver_sql(sql, parameters)
    except (Refused, SQLAlchemyError):
        return {}
    seen: dict[int, set[Any]] = {i: set() for i in range(len(wanted))}
    counts = dict.fromkeys(seen, 0)
    for row in rows:
        for index in list(seen):
            value = row[index]
            if value is None:
                continue
            counts[index] += 1
            seen[index].add(value)
            if len(seen[index]) > MAX_VALUES or len(str(value)) > MAX_LENGTH:
                del seen[index]
        if not seen:
            break
    return {
        wanted[i]: tuple(sorted(str(v) for v in values))
        for i, values in seen.items()
        # a column that never repeats a value is a name, not a category
        if values and (counts[i] > len(values) or len(values) == 1)
    }
