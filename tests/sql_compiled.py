"""SQL Server and Oracle without a server: a connector that knows their tables, and DuckDB reading what is compiled.

The SQL is parsed by sqlglot in the product's own dialect and written for DuckDB. That proves the structure (limits,
conditions as values, dates, arithmetic), not what the product makes of its collations, pads and rounding.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlalchemy.dialects import mssql, oracle
from sqlglot import exp

from groundwire.connectors import sql_decode
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.connectors.sql_compiler import Compiled
from groundwire.connectors.sql_reflection import Raw, described
from groundwire.connectors.sql_values import outline
from groundwire.core.catalog import Entity
from groundwire.core.connector import ScanReport

URLS = {
    "mssql": "mssql://reader:pw@127.0.0.1/shop",
    "oracle": "oracle://reader:pw@127.0.0.1/?service_name=shop",
}
PARSERS = {"mssql": "tsql", "oracle": "oracle"}

MSSQL_TYPES: Mapping[str, Any] = {
    "id": mssql.BIGINT(),
    "customer_id": mssql.INTEGER(),
    "status": mssql.NVARCHAR(40, collation="Latin1_General_CI_AS"),
    "name": mssql.NVARCHAR(60, collation="Latin1_General_CI_AS"),
    "city": mssql.VARCHAR(60, collation="Latin1_General_CI_AS"),
    "amount": mssql.DECIMAL(12, 2),
    "ratio": mssql.FLOAT(),
    "qty": mssql.INTEGER(),
    "vip": mssql.BIT(),
    "placed": mssql.DATETIME2(6),
    "shipped": mssql.DATE(),
}
ORACLE_TYPES: Mapping[str, Any] = {
    "id": oracle.NUMBER(18, 0),
    "customer_id": oracle.NUMBER(10, 0),
    "status": oracle.VARCHAR2(40),
    "name": oracle.VARCHAR2(60),
    "city": oracle.VARCHAR2(60),
    "amount": oracle.NUMBER(12, 2),
    "ratio": oracle.BINARY_DOUBLE(),
    "qty": oracle.NUMBER(10, 0),
    "vip": oracle.NUMBER(1, 0),
    "placed": oracle.TIMESTAMP(),
    "shipped": oracle.DATE(),
}
TYPES = {"mssql": MSSQL_TYPES, "oracle": ORACLE_TYPES}


class Unconnected(SQLConnector):
    """A connector that compiles, and reads what it compiled from DuckDB."""

    reader: Reader | None = None

    def discover(self) -> list[Entity]:
        return self.reflected()

    def check(self) -> str:
        return self.url.get_backend_name()

    def _stream(self, made: Compiled, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        assert self.reader is not None
        report.native.append(outline(made.sql))
        with self._request(report, made.sql):
            self._seconds(report)
        yield from self.reader.rows(made, schema).to_batches(max_chunksize=7)


def connector(product: str, columns: Mapping[str, Mapping[str, Any]], **settings: Any) -> Unconnected:
    """One that has discovered these columns (SQLAlchemy's types, by table and name), and never connects."""
    made = Unconnected("db", SQLSettings(url=URLS[product], **settings))  # type: ignore[arg-type]
    raw = Raw()
    for table, types in columns.items():
        key = (None, table)
        raw.columns[key] = [{"name": n, "type": t, "nullable": n != "id"} for n, t in types.items()]
        raw.primary[key] = {"constrained_columns": ["id"]}
        raw.checks[key] = [{"sqltext": "vip IN (0, 1)"}]
    made._reflected = described(raw, list(raw.columns), "db", made._engine.dialect, {})
    return made


def written(made: Compiled, product: str) -> str:
    """The statement with its values written as literals."""

    def literal(value: Any) -> str:
        if isinstance(value, str):
            text = value.replace("'", "''")
            return f"N'{text}'" if product == "mssql" else f"'{text}'"
        return format(value, "f") if isinstance(value, Decimal) else repr(value)

    return re.sub("\x01(\\d+)\x02", lambda m: literal(made.parameters[int(m[1])]), made.sql)


def parsed(text: str, product: str) -> exp.Expr:
    """The tree of a statement in the product's dialect; nothing in it is only passed through."""
    (tree,) = sqlglot.parse(text, read=PARSERS[product])
    assert tree is not None and not isinstance(tree, exp.Command), text
    return tree


def held(tables: Mapping[str, pa.Table], product: str) -> dict[str, pa.Table]:
    """The rows as the product holds them: no empty texts in Oracle, and a time in its dates."""
    if product != "oracle":
        return dict(tables)
    made = {}
    for name, table in tables.items():
        for i, column in enumerate(table.schema):
            values = table[column.name]
            if pa.types.is_string(column.type):
                values = pc.if_else(pc.equal(values, ""), None, values)
            if pa.types.is_date(column.type):
                values = values.cast(pa.timestamp("us"))
            table = table.set_column(i, column.name, values)
        made[name] = table
    return made


_TEXTS = frozenset({"status", "name", "city"})


def _is_text(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Column):
        return node.name.lower() in _TEXTS
    if isinstance(node, exp.Cast):
        return node.is_type("text", "varchar", "nvarchar")
    if isinstance(node, exp.Coalesce | exp.DPipe):
        return True
    return isinstance(node, exp.National) or (isinstance(node, exp.Literal) and node.is_string)


def _rewritten(tree: exp.Expr, product: str) -> exp.Expr:
    """What sqlglot leaves as it was, in DuckDB's words; from the leaves up."""
    for node in reversed(list(tree.bfs())):
        made = _for_duckdb(node)
        if product == "oracle" and isinstance(node, exp.Cast) and node.is_type("date"):
            made = exp.cast(node.this, "timestamp")  # Oracle's has a time
        if made is not node:
            node.replace(made)
    return tree


# the keys are what sqlglot makes of Q, IW, DDD and D
_ORACLE_PARTS = {"Q": "QUARTER({0})", "%V": "WEEK({0})", "%j": "DAYOFYEAR({0})", "%u": "(DAYOFWEEK({0}) + 1)"}
_ORACLE_UNITS = {"Q": "quarter", "IW": "week"}


def _for_duckdb(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Collate):
        return node.this
    if isinstance(node, exp.National):
        return exp.Literal.string(str(node.this))
    if isinstance(node, exp.Add) and (_is_text(node.this) or _is_text(node.expression)):
        return exp.DPipe(this=node.this, expression=node.expression, safe=False)
    if isinstance(node, exp.Div) and isinstance(node.expression, exp.Literal):
        return exp.IntDiv(this=node.this, expression=node.expression)  # integers, where a number is written
    if isinstance(node, exp.Cast) and node.is_type("float"):
        return exp.cast(node.this, "double")  # of 53 bits
    if isinstance(node, exp.Cast) and node.is_type("text", "varchar", "nvarchar"):
        return exp.cast(node.this, "text")
    if isinstance(node, exp.Anonymous):
        name = str(node.this).upper()
        if name == "DATALENGTH":
            return exp.Anonymous(this="STRLEN", expressions=node.expressions)
        if name in ("SWITCHOFFSET", "SYS_EXTRACT_UTC"):
            return node.expressions[0]  # the rows are in UTC
        if name == "TO_BINARY_DOUBLE":
            return exp.cast(node.expressions[0], "double")
        if name == "NUMTODSINTERVAL":
            count, unit = node.expressions
            return exp.Interval(this=exp.Paren(this=count), unit=exp.var(str(unit.this)))
    if isinstance(node, exp.ToNumber):
        part = _ORACLE_PARTS[str(node.this.args["format"].this)]
        return sqlglot.parse_one(part.format(node.this.this.sql("duckdb")), read="duckdb")
    if isinstance(node, exp.DateTrunc) and str(node.args["unit"].this) in _ORACLE_UNITS:
        node.set("unit", exp.Literal.string(_ORACLE_UNITS[str(node.args["unit"].this)]))
    return node


def _stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Booleans as 1 and 0, moments with a zone in UTC and without it."""
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int32())
    return column.cast(pa.timestamp("us")) if pa.types.is_timestamp(column.type) and column.type.tz else column


class Reader:
    """DuckDB in the place of the product."""

    def __init__(self, tables: Mapping[str, pa.Table], product: str) -> None:
        self.product = product
        self.connection = duckdb.connect(":memory:")
        self._lock = threading.Lock()
        for name, table in tables.items():
            columns = [_stored(c) for c in table.columns]
            self.connection.register(name, pa.table(dict(zip(table.column_names, columns, strict=True))))

    def text(self, made: Compiled) -> str:
        """What DuckDB is given."""
        return _rewritten(parsed(written(made, self.product), self.product), self.product).sql(dialect="duckdb")

    def rows(self, made: Compiled, schema: pa.Schema) -> pa.Table:
        """The rows as the connector would deliver them."""
        with self._lock:
            rows: Sequence[Any] = self.connection.sql(self.text(made)).fetchall()
        return pa.Table.from_batches([sql_decode.batch(rows, made.columns, schema, scaled=False)])

    def close(self) -> None:
        self.connection.close()
