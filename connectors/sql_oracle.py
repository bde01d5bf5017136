"""Oracle Database (12.2 and later) as a dialect: what its SQL says with DuckDB's rows, and how its types read.

Written against Oracle's documentation and tested by the SQL that is compiled, not against a server. What is not sure
has no row, and is done here instead:

- Empty text is NULL there. No column holds it, it is never bound, and no function is pushed that could make it.
- Texts are compared by the bytes of AL32UTF8, which is by code point. In databases of another character set, and for
  columns of NVARCHAR2, CLOB or a collation of their own, texts are compared here. LOWER and UPPER are not pushed.
- DATE has a time of day, and is a timestamp here. ADD_MONTHS keeps to the last day of a month, so months aren't added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from groundwire.connectors.sql_dialect import EVERYWHERE, Dialect, RawRule

_DATE = "TO_DATE(TO_CHAR({0}, 'YYYY-MM-DD'), 'YYYY-MM-DD')"
_CUT = {  # by way of text: a fraction of a second is cut and never rounded
    "year": "TO_TIMESTAMP(TO_CHAR({0}, 'YYYY') || '-01-01', 'YYYY-MM-DD')",
    "month": "TO_TIMESTAMP(TO_CHAR({0}, 'YYYY-MM') || '-01', 'YYYY-MM-DD')",
    "day": "TO_TIMESTAMP(TO_CHAR({0}, 'YYYY-MM-DD'), 'YYYY-MM-DD')",
    "hour": "TO_TIMESTAMP(TO_CHAR({0}, 'YYYY-MM-DD HH24'), 'YYYY-MM-DD HH24')",
    "minute": "TO_TIMESTAMP(TO_CHAR({0}, 'YYYY-MM-DD HH24:MI'), 'YYYY-MM-DD HH24:MI')",
    "second": "TO_TIMESTAMP(TO_CHAR({0}, 'YYYY-MM-DD HH24:MI:SS'), 'YYYY-MM-DD HH24:MI:SS')",
    "quarter": f"CAST(TRUNC({_DATE}, 'Q') AS TIMESTAMP(6))",
    "week": f"CAST(TRUNC({_DATE}, 'IW') AS TIMESTAMP(6))",
}
_MOMENT = "TO_TIMESTAMP({0}, 'YYYY-MM-DD HH24:MI:SS.FF6')"

ORACLE = Dialect(
    name="oracle",
    quote='"',
    parameters={
        "double": "TO_BINARY_DOUBLE({0})",
        "date": "TO_DATE({0}, 'YYYY-MM-DD')",
        "timestamp": _MOMENT,
        "timestamptz": _MOMENT,
    },
    leaves={
        "plain": "{0}",
        "padded": "RTRIM({0})",
        "as text": "TO_CHAR({0})",
        # no declared scale: ten places, as the catalog says
        "number": "CAST({0} AS NUMBER(38, 10))",
        "real": "TO_BINARY_DOUBLE({0})",
        "boolean": "(CASE WHEN {0} THEN 1 WHEN NOT {0} THEN 0 END)",
        "date": "CAST({0} AS TIMESTAMP(6))",
        "timestamp": "CAST({0} AS TIMESTAMP(6))",
        "zoned": "CAST(SYS_EXTRACT_UTC({0}) AS TIMESTAMP(6))",
    },
    operations={
        **EVERYWHERE,
        "is true": "(COALESCE({0}, 0) = 1)",
        "is false": "(COALESCE({0}, 1) = 0)",
        "never": "((CASE WHEN {0} IS NULL THEN NULL ELSE 0 END) = 1)",
        "always": "((CASE WHEN {0} IS NULL THEN NULL ELSE 1 END) = 1)",
        "null safe =": "((CASE WHEN {0} = {1} OR ({0} IS NULL AND {1} IS NULL) THEN 1 ELSE 0 END) = 1)",
        **{f"{o}:binary": "" for o in ("=", "!=", "<", "<=", ">", ">=", "in", "group", "distinct", "distinct of")},
        "%": "MOD({0}, {1})",
        "//": "TRUNC({0} / {1})",
        "/": "({0} / NULLIF({1}, 0))",  # {1} is 0 only where {0} is NULL
        "avg": "({0} / NULLIF({1}, 0))",
        # || takes NULL for an empty text
        "concat": "(CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE {0} || {1} END)",
        "replace": "",
        "length": "LENGTH({0})",
        "left": "SUBSTR({0}, 1, {1})",
        "right": "(CASE WHEN LENGTH({0}) <= {1} THEN {0} ELSE SUBSTR({0}, - {1}) END)",
        "position": "INSTR({0}, {1})",
        "starts with": "(SUBSTR({0}, 1, LENGTH({1})) = {1})",
        "ends with": (
            "((CASE WHEN {0} IS NULL THEN NULL WHEN SUBSTR({0}, - LENGTH({1})) = {1} THEN 1 ELSE 0 END) = 1)"
        ),
        "like": "({0} LIKE {1})",
        "round:decimal": "ROUND({0}, {2})",
        "floor:decimal": "FLOOR({0})",
        "ceil:decimal": "CEIL({0})",
        "cast:bool>int": "{0}",
        "cast:bool>text": "(CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)",
        "cast:int>double": "TO_BINARY_DOUBLE({0})",
        "cast:decimal>double": "TO_BINARY_DOUBLE({0})",
        "cast:int>decimal": "{0}",
        "cast:decimal>decimal": "ROUND({0}, {1})",
        "cast:decimal>int": "ROUND({0})",
        "cast:int>text": "TO_CHAR({0})",
        "cast:date>text": "TO_CHAR({0}, 'YYYY-MM-DD')",
        "cast:date>timestamp": "CAST({0} AS TIMESTAMP(6))",
        "cast:date>timestamptz": "CAST({0} AS TIMESTAMP(6))",
        "cast:timestamp>date": _DATE,
        "cast:timestamptz>date": _DATE,
        "cast:timestamp>timestamptz": "{0}",
        "cast:timestamptz>timestamp": "{0}",
        **{f"trunc {unit}": text for unit, text in _CUT.items()},
        **{f"extract {unit}": f"EXTRACT({unit} FROM {{0}})" for unit in ("year", "month", "day", "hour", "minute")},
        "extract second": "FLOOR(EXTRACT(second FROM {0}))",
        "extract quarter": "TO_NUMBER(TO_CHAR({0}, 'Q'))",
        "extract week": "TO_NUMBER(TO_CHAR({0}, 'IW'))",
        "extract doy": "TO_NUMBER(TO_CHAR({0}, 'DDD'))",
        # Sunday is 1 in the session's territory
        "extract dow": "(TO_NUMBER(TO_CHAR({0}, 'D')) - 1)",
        "extract isodow": "(MOD(TO_NUMBER(TO_CHAR({0}, 'D')) + 5, 7) + 1)",
        "add time": "({0} + NUMTODSINTERVAL({1}, 'DAY') + NUMTODSINTERVAL({2} / 1000000, 'SECOND'))",
        "add days": "({0} + {1})",
        "days between": "({0} - {1})",
        "strftime": "TO_CHAR({0}, {1})",
        "count rows": "SELECT COUNT(*) FROM {0} WHERE ROWNUM <= 1000000",
    },
    raw={
        # a moment on the second is the same as a DATE, whose index serves
        "date": RawRule(
            operators=frozenset({"=", "<", "<=", ">", ">="}),
            exact=True,
            literal=f"CAST({_MOMENT} AS DATE)",
            pattern=r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
        ),
    },
    formats={"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS"},
    absent=r"\A\Z",
    unbound="\x00|.{1001}",  # a longer one might be taken for a LONG
    except_all=False,
    except_word="MINUS",
    truth=False,
    alias=" ",
    from_nothing=" FROM DUAL",
    limit="fetch",
    inner_order=False,
    window_order=True,
    as_text=frozenset({"date", "timestamp", "timestamptz"}),
    literal_integers=True,
    bound_groups=False,
    any_character=False,
    longest_in=1000,
)

SESSION = tuple(
    f"ALTER SESSION SET {setting}"
    for setting in (
        "NLS_LANGUAGE = AMERICAN",  # these two reset what follows
        "NLS_TERRITORY = AMERICA",
        "NLS_SORT = BINARY",
        "NLS_COMP = BINARY",
        "NLS_CALENDAR = GREGORIAN",
        "NLS_NUMERIC_CHARACTERS = '.,'",
        "TIME_ZONE = '+00:00'",
    )
)
"""What a session must agree to for the rows above to hold."""

READ_ONLY = "SET TRANSACTION READ ONLY"
"""The first statement of every transaction that reads."""

CHARACTER_SET = "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'"
UNICODE = "AL32UTF8"
WITHOUT_TEXTS = frozenset(
    f"{name}:text" for name in ORACLE.operations if ":" not in name and name not in ("is null", "is not null", "count")
)
"""What is missing in a database of another character set: everything that looks into a text."""

COLLATED = (
    "SELECT owner, table_name, column_name FROM all_tab_cols"
    " WHERE collation IS NOT NULL AND collation NOT IN ('USING_NLS_COMP', 'BINARY')"
)
"""Columns whose collation may call different texts equal."""

_OPAQUE_TEXT = {"kind": "opaque text"}


def column(type_: Any, context: Mapping[str, Any]) -> tuple[pa.DataType, dict[str, str]] | None:
    """The Arrow type of a column, and how it is stored; None where it is not read at all (LONG, objects).

    Args:
        type_: as SQLAlchemy reflects it.
        context: `collation` is `folded` where it may call different texts equal; `flag` if only 0 and 1 are allowed.
    """
    from sqlalchemy.dialects import oracle  # a tenth of a second, for who has such a database

    if isinstance(type_, sa.Boolean):
        return pa.bool_(), {"leaf": "boolean"}
    if isinstance(type_, sa.Float):
        return pa.float64(), {"leaf": "real"}
    if isinstance(type_, sa.Numeric | sa.Integer):
        return _number(type_, bool(context.get("flag")))
    if isinstance(type_, oracle.LONG | oracle.BFILE):
        return None
    if isinstance(type_, sa.Text | sa.NCHAR | sa.NVARCHAR | sa.Unicode):
        return pa.string(), _OPAQUE_TEXT
    if isinstance(type_, sa.String):
        if context.get("collation") == "folded":
            return pa.string(), _OPAQUE_TEXT
        return pa.string(), {"leaf": "padded"} if isinstance(type_, sa.CHAR) else {}
    if isinstance(type_, oracle.TIMESTAMP):
        zoned = type_.timezone or type_.local_timezone
        return pa.timestamp("us", tz="UTC" if zoned else None), {"leaf": "zoned" if zoned else "timestamp"}
    if isinstance(type_, sa.DateTime | sa.Date):
        return pa.timestamp("us"), {"leaf": "date", "native": "date"}
    if isinstance(type_, sa.LargeBinary):
        return pa.binary(), {"kind": "opaque binary"}
    if isinstance(type_, oracle.RAW):
        return pa.binary(), {}
    if isinstance(type_, oracle.ROWID | oracle.INTERVAL | sa.Interval):
        return pa.string(), {"leaf": "as text"}
    return None


def _number(type_: Any, flag: bool) -> tuple[pa.DataType, dict[str, str]]:
    precision, scale = getattr(type_, "precision", None), getattr(type_, "scale", None)
    if precision is None:
        if scale is None and isinstance(type_, sa.Numeric):
            return pa.decimal128(38, 10), {"leaf": "number"}
        return pa.int64(), {}  # INTEGER: a value that does not fit is an error
    precision, scale = int(precision), int(scale or 0)
    if flag and (precision, scale) == (1, 0):
        return pa.bool_(), {}
    if scale <= 0:
        digits = precision - scale
        return (pa.int64() if digits <= 18 else pa.decimal128(min(digits, 38), 0)), {}
    if scale > precision:
        precision = scale
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal128(38, 10), {}
