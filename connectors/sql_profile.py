"""Cheap facts about the values of a table: how many rows, and which values a short column takes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from groundwire.core.catalog import Entity, Field

FEW = 25
"""A column with more values than this is not an enumeration."""
SAMPLE_ROWS = 20_000
LONGEST = 40
_SECRET = re.compile(r"passw|secret|token|api_?key|hash|salt|ssn|iban|credit_?card", re.IGNORECASE)


def profiled(entity: Entity, connection: sa.Connection, backend: str, table: str) -> Entity:
    """The entity with `rows`, and `values` where a text field has few; two statements at most."""
    rows = _rows(connection, backend, entity, table)
    candidates = [
        f for f in entity.fields if pa.types.is_string(f.type) and not f.values and not f.sensitive
        and f.name not in entity.primary_key and not _SECRET.search(f.name)
    ]
    if not candidates or rows == 0:
        return replace(entity, rows=rows)
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = ", ".join(quote(f.name) for f in candidates)
    sample = connection.exec_driver_sql(f"SELECT {names} FROM {table} LIMIT {SAMPLE_ROWS}")
    distinct: list[set[Any] | None] = [set() for _ in candidates]
    counts = [0] * len(candidates)
    for row in sample:
        for index, value in enumerate(row):
            seen = distinct[index]
            if seen is None or value is None:
                continue
            counts[index] += 1
            seen.add(value)
            if len(seen) > FEW or len(str(value)) > LONGEST:
                distinct[index] = None
    found: dict[str, Field] = {}
    for f, seen, count in zip(candidates, distinct, counts, strict=True):
        repeats = seen and (count > len(seen) or len(seen) <= 3)
        if seen and repeats and all(isinstance(v, str) for v in seen):
            found[f.name] = replace(f, values=tuple(sorted(seen)))
    return replace(entity, rows=rows, fields=tuple(found.get(f.name, f) for f in entity.fields))


def _rows(connection: sa.Connection, backend: str, entity: Entity, table: str) -> int:
    if backend == "postgresql":
        query = sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:name)")
        estimate = connection.execute(query, {"name": table}).scalar()
        if estimate is not None and estimate >= 1000:
            return int(estimate)
    return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one())
