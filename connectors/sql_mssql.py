"""SQL Server and Azure SQL as a dialect: what Transact-SQL says with DuckDB's rows, and how its types read.

Written against Microsoft's documentation and tested by the SQL that is compiled, not against a server. What is not
sure has no row, and is done here instead:

- Texts are compared by code unit (a binary collation) and by length, because all collations pad with spaces. Order of
  text is not pushed: UTF-16 sorts characters beyond U+FFFF elsewhere. Nor are LOWER, UPPER and `_` in LIKE.
- Products of more than six decimal places, and sums of decimals with different places, lose places there.
- Division by what may be zero is an error there, and infinite here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from groundwire.connectors.sql_dialect import EVERYWHERE, Dialect, RawRule

_BY_UNIT = "COLLATE Latin1_General_100_BIN2"
_BY_POINT = "COLLATE Latin1_General_100_CI_AS_SC"
"""With supplementary characters: functions count each as one, whatever they compare."""

_MONDAY = "CAST('0001-01-01' AS date)"
_DAY = "CAST(CAST({0} AS date) AS datetime2(6))"
_MONTH_OF = {
    "year": "1",
    "quarter": "(MONTH({0}) - 1) / 3 * 3 + 1",
    "month": "MONTH({0})",
}
_SECONDS_OF = {
    "hour": "DATEPART(hour, {0})",
    "minute": "DATEPART(hour, {0}) * 60 + DATEPART(minute, {0})",
    "second": "DATEPART(hour, {0}) * 3600 + DATEPART(minute, {0}) * 60 + DATEPART(second, {0})",
}

MSSQL = Dialect(
    name="mssql",
    quote='"',  # QUOTED_IDENTIFIER is set for the session
    parameters={
        "int": "CAST({0} AS bigint)",
        "bigger int": "CAST({0} AS decimal(38, 0))",
        "decimal": "CAST({0} AS decimal({precision}, {scale}))",
        "double": "CAST({0} AS float)",
        "text": f"(CAST({{0}} AS nvarchar(max)) {_BY_UNIT})",
        "date": "CONVERT(date, {0}, 23)",
        "timestamp": "CONVERT(datetime2(6), {0}, 121)",
        "timestamptz": "CONVERT(datetime2(6), {0}, 121)",
        "time": "CAST({0} AS time(6))",
    },
    leaves={
        "plain": "{0}",
        "text": f"({{0}} {_BY_UNIT})",
        # a code page as Unicode: nothing is lost, and trailing spaces count in LIKE
        "narrow": f"(CAST({{0}} AS nvarchar(4000)) {_BY_UNIT})",
        "as text": f"(CAST({{0}} AS nvarchar(max)) {_BY_UNIT})",
        "padded": f"(RTRIM(CAST({{0}} AS nvarchar(4000))) {_BY_UNIT})",
        "uuid": f"(LOWER(CAST({{0}} AS nvarchar(36))) {_BY_UNIT})",
        "bytes": "CAST({0} AS varbinary(max))",
        "real": "CAST({0} AS float)",
        "money": "CAST({0} AS decimal(19, 4))",
        "version": "CAST({0} AS bigint)",
        # steps of a three-hundredth of a second, read in thousandths
        "datetime": "CAST({0} AS datetime2(3))",
        "smalldatetime": "CAST({0} AS datetime2(0))",
        "datetime2": "CAST({0} AS datetime2(6))",
        "zoned": "CAST(SWITCHOFFSET({0}, '+00:00') AS datetime2(6))",
        "time": "CAST({0} AS time(6))",
    },
    operations={
        **EVERYWHERE,
        "=:text": "({0} = {1} AND DATALENGTH({0}) = DATALENGTH({1}))",
        "!=:text": "({0} <> {1} OR DATALENGTH({0}) <> DATALENGTH({1}))",
        **{f"{o}:text": "" for o in ("<", "<=", ">", ">=", "order", "min", "max", "in", "distinct", "nullif")},
        **{f"{o}:binary": "" for o in ("=", "!=", "<", "<=", ">", ">=", "in", "group", "distinct", "distinct of")},
        "group:text": "{0}, DATALENGTH({0})",
        "distinct of:text": f"(CAST({{0}} AS nvarchar(max)) + N'|' {_BY_UNIT})",
        "nulls": "(CASE WHEN {0} IS NULL THEN 1 ELSE 0 END)",
        "is true": "(COALESCE({0}, 0) = 1)",
        "is false": "(COALESCE({0}, 1) = 0)",
        "never": "((CASE WHEN {0} IS NULL THEN NULL ELSE 0 END) = 1)",
        "always": "((CASE WHEN {0} IS NULL THEN NULL ELSE 1 END) = 1)",
        "null safe =": "((CASE WHEN {0} = {1} OR ({0} IS NULL AND {1} IS NULL) THEN 1 ELSE 0 END) = 1)",
        "null safe =:text": (
            "((CASE WHEN ({0} = {1} AND DATALENGTH({0}) = DATALENGTH({1}))"
            " OR ({0} IS NULL AND {1} IS NULL) THEN 1 ELSE 0 END) = 1)"
        ),
        # integers of 32 bits overflow where DuckDB's do not
        **{f"{o}:int": f"(CAST({{0}} AS bigint) {o} {{1}})" for o in ("+", "-", "*", "%")},
        "neg:int": "(- CAST({0} AS bigint))",
        "abs:int": "ABS(CAST({0} AS bigint))",
        "%": "",
        "%:int": "(CAST({0} AS bigint) % {1})",
        "//": "(CAST({0} AS bigint) / {1})",
        "/": "({0} / NULLIF({1}, 0))",  # {1} is 0 only where {0} is NULL
        "avg": "({0} / NULLIF({1}, 0))",
        "count": "COUNT_BIG({0})",
        "sum of:int": "CAST({0} AS decimal(38, 0))",
        "avg of:int": "CAST({0} AS decimal(38, 0))",
        "min of:bool": "CAST({0} AS int)",
        "max of:bool": "CAST({0} AS int)",
        "concat": "({0} + {1})",
        "length": f"(LEN(({{0}} + N'|') {_BY_POINT}) - 1)",
        "left": f"(LEFT({{0}} {_BY_POINT}, {{1}}) {_BY_UNIT})",
        "right": f"(RIGHT({{0}} {_BY_POINT}, {{1}}) {_BY_UNIT})",
        "substring to": f"(SUBSTRING({{0}} {_BY_POINT}, {{1}}, {{2}}) {_BY_UNIT})",
        "contains": "CHARINDEX({1}, {0})",
        "starts with": "(CHARINDEX({1}, {0}) = 1)",
        # brackets are a class of characters, and there is no escape without ESCAPE
        "like": "({0} LIKE REPLACE({1}, N'[', N'[[]'))",
        "round:decimal": "CAST({0} AS decimal(38, {2}))",
        "floor": "FLOOR({0})",
        "ceil": "CEILING({0})",
        "cast:bool>int": "{0}",
        "cast:bool>text": f"((CASE {{0}} WHEN 1 THEN N'true' WHEN 0 THEN N'false' END) {_BY_UNIT})",
        "cast:int>double": "CAST({0} AS float)",
        "cast:decimal>double": "CAST({0} AS float)",
        "cast:int>decimal": "CAST({0} AS decimal(19, 0))",
        "cast:decimal>decimal": "CAST({0} AS decimal(38, {1}))",
        "cast:decimal>int": "CAST(ROUND({0}, 0) AS bigint)",
        "cast:int>text": f"(CAST({{0}} AS nvarchar(40)) {_BY_UNIT})",
        "cast:decimal>text": f"(CAST(CAST({{0}} AS decimal(38, {{1}})) AS nvarchar(41)) {_BY_UNIT})",
        "cast:date>text": f"(CONVERT(nvarchar(10), {{0}}, 23) {_BY_UNIT})",
        "cast:date>timestamp": "CAST({0} AS datetime2(6))",
        "cast:date>timestamptz": "CAST({0} AS datetime2(6))",
        "cast:timestamp>date": "CAST({0} AS date)",
        "cast:timestamptz>date": "CAST({0} AS date)",
        "cast:timestamp>timestamptz": "{0}",
        "cast:timestamptz>timestamp": "{0}",
        # DATETRUNC is SQL Server 2022's
        **{
            f"trunc {unit}": f"CAST(DATEFROMPARTS(YEAR({{0}}), {month}, 1) AS datetime2(6))"
            for unit, month in _MONTH_OF.items()
        },
        "trunc week": (
            f"CAST(DATEADD(day, -(DATEDIFF(day, {_MONDAY}, {{0}}) % 7), CAST({{0}} AS date)) AS datetime2(6))"
        ),
        "trunc day": _DAY,
        **{f"trunc {unit}": f"DATEADD({unit}, {count}, {_DAY})" for unit, count in _SECONDS_OF.items()},
        "extract year": "YEAR({0})",
        "extract quarter": "DATEPART(quarter, {0})",
        "extract month": "MONTH({0})",
        "extract week": "DATEPART(iso_week, {0})",
        "extract day": "DAY({0})",
        "extract dow": f"((DATEDIFF(day, {_MONDAY}, {{0}}) + 1) % 7)",
        "extract isodow": f"(DATEDIFF(day, {_MONDAY}, {{0}}) % 7 + 1)",
        "extract doy": "DATEPART(dayofyear, {0})",
        "extract hour": "DATEPART(hour, {0})",
        "extract minute": "DATEPART(minute, {0})",
        "extract second": "DATEPART(second, {0})",
        # DATEADD takes a number of 32 bits
        "add interval": (
            "DATEADD(minute, {3} / 60000000, DATEADD(microsecond, {3} % 60000000,"
            " DATEADD(day, {2}, DATEADD(month, {1}, CAST({0} AS datetime2(6))))))"
        ),
        "add days": "DATEADD(day, {1}, {0})",
        "days between": "DATEDIFF(day, {1}, {0})",
        "strftime": f"(FORMAT({{0}}, {{1}}, 'en-US') {_BY_UNIT})",
        "count rows": "SELECT COUNT_BIG(*) FROM (SELECT TOP (1000000) 1 AS one FROM {0}) AS t",
    },
    raw={
        # every collation calls identical strings equal, so the index finds them all and a few more
        "text": RawRule(operators=frozenset({"="}), literal="CAST({0} AS nvarchar(4000))", pattern=r"(?s).{0,2000}"),
        "uuid": RawRule(
            operators=frozenset({"="}),
            exact=True,
            literal="CAST({0} AS uniqueidentifier)",
            pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        ),
    },
    formats={"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"},
    nulls="low",
    unbound="\x00",
    except_all=False,
    truth=False,
    limit="top",
    inner_order=False,
    inner_with=False,
    window_order=True,
    as_text=frozenset({"decimal", "bigger int", "date", "timestamp", "timestamptz", "time"}),
    literal_integers=True,
    bound_groups=False,
    inner_queries=False,
    any_character=False,
    product_scale=6,
    mixed_scales=False,
    max_in=400,
    max_parameters=2000,  # the protocol takes 2,100
)

SYSTEM_SCHEMAS = frozenset({"sys", "INFORMATION_SCHEMA", "guest"})

SESSION = (
    "SET ANSI_NULLS, ANSI_WARNINGS, ANSI_PADDING, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON",
    "SET NUMERIC_ROUNDABORT OFF",
    "SET LANGUAGE us_english",
    "SET TEXTSIZE 2147483647",
)
"""What a session must agree to for the rows above to hold."""

MAY_WRITE = (
    "SELECT MAX(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', p)) FROM (VALUES ('INSERT'), ('UPDATE'), ('DELETE')) AS v(p)"
)
"""1 where the account may change the whole database; SQL Server has no session that refuses writes."""


def column(type_: Any, context: Mapping[str, Any]) -> tuple[pa.DataType, dict[str, str]] | None:
    """The Arrow type of a column, and how it is stored; None where it is not read at all (spatial types, variants).

    Args:
        type_: as SQLAlchemy reflects it.
        context: unused.
    """
    from sqlalchemy.dialects import mssql  # a tenth of a second, for who has such a database

    if isinstance(type_, sa.Boolean):
        return pa.bool_(), {}
    if isinstance(type_, sa.Integer):
        wide = isinstance(type_, sa.BigInteger)
        return pa.int64() if wide else pa.int16() if isinstance(type_, sa.SmallInteger) else pa.int32(), {}
    if isinstance(type_, mssql.MONEY | mssql.SMALLMONEY):
        return pa.decimal128(19 if isinstance(type_, mssql.MONEY) else 10, 4), {"leaf": "money"}
    if isinstance(type_, sa.Float):
        return pa.float64(), {"leaf": "real"}
    if isinstance(type_, sa.Numeric):
        return pa.decimal128(int(type_.precision or 18), int(type_.scale or 0)), {}
    if isinstance(type_, sa.Uuid):
        return pa.string(), {"leaf": "uuid", "native": "uuid"}
    if isinstance(type_, sa.String):
        return pa.string(), _text(type_)
    if isinstance(type_, mssql.TIMESTAMP):  # also ROWVERSION: no time, but a number that grows with every change
        return pa.int64(), {"leaf": "version"}
    if isinstance(type_, mssql.DATETIMEOFFSET):
        return pa.timestamp("us", tz="UTC"), {"leaf": "zoned"}
    if isinstance(type_, sa.DateTime):
        return pa.timestamp("us"), {"leaf": _moment(type_)}
    if isinstance(type_, sa.Date):
        return pa.date32(), {}
    if isinstance(type_, sa.Time):
        return pa.time64("us"), {"leaf": "time"}
    if isinstance(type_, sa.LargeBinary | sa.BINARY | sa.VARBINARY):
        return pa.binary(), {"leaf": "bytes"}
    return None


def _text(type_: sa.String) -> dict[str, str]:
    if isinstance(type_, sa.Text):  # NTEXT and XML, which allow no comparison
        return {"leaf": "as text"}
    if isinstance(type_, sa.CHAR | sa.NCHAR):
        return {"leaf": "padded"}
    native = f"text:{type_.collation}" if type_.collation else ""
    if isinstance(type_, sa.Unicode | sa.NVARCHAR):
        return {"leaf": "text", "native": native}
    return {"leaf": "narrow" if type_.length and type_.length <= 4000 else "as text", "native": native}


def _moment(type_: sa.DateTime) -> str:
    from sqlalchemy.dialects import mssql

    if isinstance(type_, mssql.SMALLDATETIME):
        return "smalldatetime"
    if not isinstance(type_, mssql.DATETIME2):
        return "datetime"
    # seven places where it declares none, one more than fit
    return "plain" if type_.precision is not None and type_.precision <= 6 else "datetime2"
