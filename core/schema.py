"""What types a bound query has, asked of DuckDB over empty tables before any source is read.

One locked-down DuckDB in this process knows an empty table for each entity. It checks a query's
types, names the types of its columns, and folds constant expressions such as
`CURRENT_DATE - INTERVAL 30 DAY` to values.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from groundwire.core.binder import entity_tables
from groundwire.core.catalog import Entity
from groundwire.core.errors import QueryError
from groundwire.core.query import DIALECT

_LOCK_DOWN = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET allow_community_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)


def open_engine(*, memory: str | None = None, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that can reach neither files nor the network, and stays that way.

    It spills nothing to disk either: a query that needs more memory fails. Cursors of it are as
    locked down as it is.

    Args:
        memory: upper bound such as `2GB`.
        threads: worker threads; DuckDB's own choice without it.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {"temp_directory": ""}
    if memory:
        settings["memory_limit"] = memory
    if threads:
        settings["threads"] = threads
    connection = duckdb.connect(":memory:", config=settings)
    for statement in _LOCK_DOWN:
        connection.execute(statement)
    return connection


_engines: dict[str, duckdb.DuckDBPyConnection] = {}
_engines_lock = threading.Lock()


def engine_cursor(memory: str) -> duckdb.DuckDBPyConnection:
    """A cursor of the one DuckDB of this process that may take so much memory; it sees no other's tables."""
    with _engines_lock:
        if memory not in _engines:
            _engines[memory] = open_engine(memory=memory)
        return _engines[memory].cursor()


def quoted(name: str) -> str:
    """An identifier as SQL text."""
    return '"' + name.replace('"', '""') + '"'


class Typist:
    """Types and constants; one for each process is enough. Safe to use from several threads."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._known: dict[str, pa.Schema] = {}
        self._lock = threading.Lock()

    def schema(self, tree: exp.Expr, text: str | None = None) -> pa.Schema:
        """The output columns of a bound query.

        Args:
            tree: the query.
            text: the same as SQL, where the caller has it.

        Raises:
            QueryError: types don't fit, in DuckDB's words; or an entity has fields that differ only by case.
        """
        with self._lock:
            for table in entity_tables(tree):
                self._ensure(table.meta["entity"])
            try:
                found = self._engine().sql(text or tree.sql(DIALECT))
                types = _column_types(found) if found is not None else None
            except duckdb.Error as error:
                raise QueryError(_first_line(error)) from None
        if types is None:
            raise QueryError("the query has no result")
        return pa.schema([pa.field(n, plain_type(t)) for n, t in zip(found.columns, types, strict=True)])

    def constant(self, node: exp.Expr, wanted: pa.DataType | None = None) -> tuple[Any, pa.DataType]:
        """The value and type of an expression without columns; cast to `wanted` if given.

        Raises:
            QueryError: it has none, such as the date '2024-13-45'.
        """
        column = _integer(node)
        if column is None:
            sql = f"SELECT {node.sql(DIALECT)} AS v"
            with self._lock:
                try:
                    column = self._engine().sql(sql).to_arrow_table().column(0).combine_chunks()
                except duckdb.Error as error:
                    raise QueryError(_first_line(error)) from None
        if wanted is not None:
            try:
                column = column.cast(wanted)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise QueryError(f"{node.sql(DIALECT)} is not a {wanted}: {error}") from None
        return column[0].as_py(), column.type

    def _engine(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = open_engine(threads=1)
        return self._connection

    def _ensure(self, entity: Entity) -> None:
        key = entity.full_name.lower()  # DuckDB's tables have names without case
        if self._known.get(key) == entity.schema:
            return
        if twins := entity.twins():
            where = f"[sources.{entity.source}.entities.{quoted(entity.name)}]"
            raise QueryError(
                f"{entity.full_name} has fields that SQL takes for one: {', '.join(twins)}; "
                f"leave one out in the configuration: hide = [{quoted(twins[-1])}] under {where}"
            )
        engine = self._engine()
        engine.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(entity.source)}")
        columns = ", ".join(f"{quoted(f.name)} {duckdb_type(f.type)}" for f in entity.fields)
        table = f"{quoted(entity.source)}.{quoted(entity.name)}"
        engine.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
        self._known[key] = entity.schema


TYPIST = Typist()

_DUCKDB_TYPES: Mapping[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.date32(): "DATE",
    pa.null(): "VARCHAR",
}


_ARROW_TYPES: Mapping[str, pa.DataType] = {
    **{name: type_ for type_, name in _DUCKDB_TYPES.items()},
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "HUGEINT": pa.decimal128(38, 0),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "TIME": pa.time64("us"),
}


def _column_types(found: duckdb.DuckDBPyRelation) -> list[pa.DataType]:
    """What the columns will be in Arrow. The query is bound, and run over nothing only for rare types."""
    types = []
    for made in found.types:
        if made.id == "decimal":
            types.append(pa.decimal128(*(size for _, size in made.children)))
        elif str(made) in _ARROW_TYPES:
            types.append(_ARROW_TYPES[str(made)])
        else:
            return list(found.limit(0).to_arrow_table().schema.types)
    return types


def duckdb_type(type_: pa.DataType) -> str:
    """DuckDB's name of an Arrow type that a field may have.

    Raises:
        TypeError: a connector delivers a type that queries can't hold.
    """
    if type_ in _DUCKDB_TYPES:
        return _DUCKDB_TYPES[type_]
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return "TIMESTAMPTZ" if type_.tz else "TIMESTAMP"
    if pa.types.is_time(type_):
        return "TIME"
    if pa.types.is_duration(type_):
        return "INTERVAL"
    raise TypeError(f"no column type for {type_}")


def plain_type(type_: pa.DataType) -> pa.DataType:
    """The types that results use: 64-bit sums in place of DuckDB's 128-bit ones, plain text."""
    if pa.types.is_decimal(type_) and type_.precision == 38 and type_.scale == 0:
        return pa.int64()
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.string()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC" if type_.tz else None)
    return type_


def _integer(node: exp.Expr) -> pa.Array | None:
    """An integer as DuckDB types it, without asking: lists of them may be long."""
    if not (isinstance(node, exp.Literal) and node.is_int) or len(node.this) > 18:
        return None
    value = int(node.this)
    return pa.array([value], pa.int32() if value < 2**31 else pa.int64())


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].replace("Binder Error: ", "") if lines else type(error).__name__
