"""The catalogue of MariaDB and MySQL in five statements, whatever the number of tables.

SQLAlchemy reflects these products by one `SHOW CREATE TABLE` for each table and leaves escaped names
escaped; `information_schema` answers for all at once. The answers have the shape of SQLAlchemy's
bulk reflection, so `sql_reflection` treats all products alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection

Key = tuple[str | None, str]

_TABLES = """
SELECT table_name, table_type, table_comment FROM information_schema.tables
WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_type <> 'SEQUENCE'"""

_COLUMNS = """
SELECT table_name, column_name, data_type, column_type, is_nullable, numeric_precision, numeric_scale,
       collation_name, column_comment
FROM information_schema.columns WHERE table_schema = COALESCE(:schema, DATABASE())
ORDER BY table_name, ordinal_position"""

_UNIQUE = """
SELECT table_name, index_name, column_name FROM information_schema.statistics
WHERE table_schema = COALESCE(:schema, DATABASE()) AND non_unique = 0 AND sub_part IS NULL
ORDER BY table_name, index_name, seq_in_index"""

_FOREIGN = """
SELECT table_name, constraint_name, column_name,
       NULLIF(referenced_table_schema, DATABASE()), referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = COALESCE(:schema, DATABASE()) AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position"""

_CHECKS = """
SELECT t.table_name, c.check_clause FROM information_schema.check_constraints c
JOIN information_schema.table_constraints t
  ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
WHERE t.constraint_type = 'CHECK' AND c.constraint_schema = COALESCE(:schema, DATABASE())"""

# MariaDB names the table itself, because names of constraints are unique in a table only
_CHECKS_OF_TABLES = """
SELECT table_name, check_clause FROM information_schema.check_constraints
WHERE constraint_schema = COALESCE(:schema, DATABASE())"""


class Catalogue:
    """What one schema holds.

    Args:
        connection: open.
        schema: None for the connection's own.
        views: whether views count.

    Attributes:
        columns, primary, foreign, unique, checks, comments: as SQLAlchemy's `get_multi_...` give them;
            a column also has its `collation`.
    """

    def __init__(self, connection: Connection, schema: str | None, *, views: bool) -> None:
        self._connection = connection
        self._schema = schema
        self.columns: dict[Key, list[dict[str, Any]]] = {}
        self.primary: dict[Key, dict[str, Any]] = {}
        self.foreign: dict[Key, list[dict[str, Any]]] = {}
        self.unique: dict[Key, list[dict[str, Any]]] = {}
        self.checks: dict[Key, list[dict[str, Any]]] = {}
        self.comments: dict[Key, dict[str, Any]] = {}
        for table, kind, comment in self._rows(_TABLES):
            if views or kind != "VIEW":
                self.columns[schema, table] = []
                self.comments[schema, table] = {"text": "" if kind == "VIEW" else comment}
        self._read_columns()
        self._read_keys()
        self._read_checks()

    def _rows(self, statement: str) -> Iterator[Any]:
        return iter(self._connection.execute(sa.text(statement), {"schema": self._schema}).fetchall())

    def _read_columns(self) -> None:
        for row in self._rows(_COLUMNS):
            table, name, kind, declared, nullable, precision, scale, collation, comment = row
            if (self._schema, table) in self.columns:
                self.columns[self._schema, table].append(
                    {
                        "name": name,
                        "type": column_type(kind, declared, precision, scale),
                        "nullable": nullable == "YES",
                        "collation": collation,
                        "comment": comment,
                    }
                )

    def _read_keys(self) -> None:
        indexes: dict[tuple[str, str], list[str | None]] = {}
        for table, name, column in self._rows(_UNIQUE):
            indexes.setdefault((table, name), []).append(column)
        for (table, name), columns in indexes.items():
            if name == "PRIMARY":
                self.primary[self._schema, table] = {"constrained_columns": columns}
            elif None not in columns:  # an index over an expression has no column
                self.unique.setdefault((self._schema, table), []).append({"column_names": columns})
        keys: dict[tuple[str, str], dict[str, Any]] = {}
        for table, name, column, schema, target, referred in self._rows(_FOREIGN):
            empty: dict[str, Any] = {"constrained_columns": [], "referred_columns": []}
            key = keys.setdefault((table, name), {"referred_schema": schema, "referred_table": target, **empty})
            key["constrained_columns"].append(column)
            key["referred_columns"].append(referred)
        for (table, _), key in keys.items():
            self.foreign.setdefault((self._schema, table), []).append(key)

    def _read_checks(self) -> None:
        mariadb = bool(getattr(self._connection.dialect, "is_mariadb", False))
        try:
            for table, clause in self._rows(_CHECKS_OF_TABLES if mariadb else _CHECKS):
                self.checks.setdefault((self._schema, table), []).append({"sqltext": clause})
        except sa.exc.DBAPIError:
            return  # before MariaDB 10.2 and MySQL 8.0 there are none


_TYPES: dict[str, type[Any]] = {
    "tinyint": mysql.TINYINT,
    "smallint": mysql.SMALLINT,
    "mediumint": mysql.MEDIUMINT,
    "int": mysql.INTEGER,
    "bigint": mysql.BIGINT,
    "float": mysql.FLOAT,
    "double": mysql.DOUBLE,
    "year": mysql.YEAR,
    "date": sa.DATE,
    "time": mysql.TIME,
    "datetime": mysql.DATETIME,
    "timestamp": mysql.TIMESTAMP,
    "char": sa.CHAR,
    "binary": sa.LargeBinary,
    "varbinary": sa.LargeBinary,
    "tinyblob": sa.LargeBinary,
    "blob": sa.LargeBinary,
    "mediumblob": sa.LargeBinary,
    "longblob": sa.LargeBinary,
    **dict.fromkeys(("varchar", "tinytext", "text", "mediumtext", "longtext", "set"), sa.String),
}
_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_QUOTED = re.compile(r"'((?:[^'\\]|''|\\.)*)'")


def column_type(kind: str, declared: str, precision: int | None, scale: int | None) -> Any:
    """A type of SQLAlchemy's for a row of `information_schema.columns`.

    Args:
        kind: `data_type`, such as `bigint`.
        declared: `column_type`, such as `bigint(20) unsigned`.
        precision, scale: of decimals.
    """
    kind = kind.lower()
    if kind in _INTEGERS:
        width = re.search(r"\((\d+)\)", declared)
        return _TYPES[kind](display_width=int(width[1]) if width else None, unsigned="unsigned" in declared)
    if kind == "decimal":
        return mysql.DECIMAL(precision, scale)
    if kind == "bit":
        width = re.search(r"\((\d+)\)", declared)
        return mysql.BIT(int(width[1]) if width else 1)
    if kind == "enum":
        return mysql.ENUM(*(v.replace("''", "'") for v in _QUOTED.findall(declared)))
    return _TYPES.get(kind, sa.types.NullType)()
