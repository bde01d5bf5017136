"""What the SQL dialects have in common with DuckDB, and what they do differently: as tables.

Every operation that groundwire may push into a database is a row here: a name, perhaps with the
kind of its first operand (`<:text`), and the text that gives exactly DuckDB's result in that
dialect. What has no row is not pushed. The compiler (`sql_compiler`) fills the templates; it
holds no `if` about a product. The idea is Ibis's `SIMPLE_OPS`.

Kinds are coarser than types: `bool int decimal double text date timestamp timestamptz time binary`.
In SQLite, which has no decimals and no dates, they are represented by scaled integers and by
ISO text of fixed width, so that arithmetic is exact and text order is the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from groundwire.connectors.sql_dialect import EVERYWHERE, Dialect, RawRule
from groundwire.connectors.sql_mssql import MSSQL
from groundwire.connectors.sql_oracle import ORACLE

POSTGRESQL = Dialect(
    name="postgresql",
    quote='"',
    parameters={
        "bool": "CAST({0} AS boolean)",
        "int": "CAST({0} AS bigint)",
        "int32": "CAST({0} AS integer)",
        "bigger int": "CAST({0} AS numeric)",
        "decimal": "CAST({0} AS numeric)",
        "double": "CAST({0} AS double precision)",
        "text": "CAST({0} AS text)",
        "date": "CAST({0} AS date)",
        "timestamp": "CAST({0} AS timestamp)",
        "timestamptz": "CAST({0} AS timestamptz)",
        "time": "CAST({0} AS time)",
        "binary": "CAST({0} AS bytea)",
    },
    leaves={
        "plain": "{0}",
        # blank-padded: PostgreSQL's own cast to text drops the padding, as its comparisons do
        "as text": "CAST({0} AS text)",
        # citext and nondeterministic collations call different strings equal
        "folded": 'CAST({0} AS text) COLLATE "C"',
        # no declared scale: ten places, as the catalog says
        "numeric": "CAST({0} AS numeric(38,10))",
        "real": "CAST({0} AS double precision)",
    },
    operations={
        **EVERYWHERE,
        # ORDER of text is that of its bytes, whatever the column's language
        "<:text": '({0} COLLATE "C" < {1})',
        "<=:text": '({0} COLLATE "C" <= {1})',
        ">:text": '({0} COLLATE "C" > {1})',
        ">=:text": '({0} COLLATE "C" >= {1})',
        "order:text": '{0} COLLATE "C"',
        "min:text": 'MIN({0} COLLATE "C")',
        "max:text": 'MAX({0} COLLATE "C")',
        "min:bool": "BOOL_AND({0})",
        "max:bool": "BOOL_OR({0})",
        "null safe =": "({0} IS NOT DISTINCT FROM {1})",
        "concat": "({0} || {1})",
        "lower": 'LOWER({0} COLLATE "default")',
        # DuckDB knows the capital sharp s
        "upper": "REPLACE(UPPER({0} COLLATE \"default\"), 'ß', 'ẞ')",
        "length": "CHAR_LENGTH({0})",
        "substring": "SUBSTR({0}, {1})",
        "substring to": "SUBSTR({0}, {1}, {2})",
        "left": "LEFT({0}, {1})",
        "right": "RIGHT({0}, {1})",
        "position": "STRPOS({0}, {1})",
        "starts with": "STARTS_WITH({0}, {1})",
        "ends with": "(RIGHT({0}, CHAR_LENGTH({1})) = {1})",
        "like": "({0} LIKE {1} ESCAPE '')",
        "like escape": "({0} LIKE {1} ESCAPE {2})",
        "greatest": "GREATEST({all})",
        "least": "LEAST({all})",
        "/": "({0} / {1})",
        "/ any": (
            "(CASE WHEN {1} = 0 THEN CASE WHEN {0} > 0 THEN CAST('Infinity' AS double precision)"
            " WHEN {0} < 0 THEN CAST('-Infinity' AS double precision)"
            " WHEN {0} = 0 THEN CAST('NaN' AS double precision) END ELSE {0} / {1} END)"
        ),
        "//": "({0} / {1})",
        "avg": "({0} / {1})",
        "round:double": (
            "((TRUNC({0} * {1}) + CASE WHEN ABS({0} * {1} - TRUNC({0} * {1})) >= 0.5"
            " THEN SIGN({0} * {1}) ELSE 0 END) / {1})"
        ),
        "round:decimal": "ROUND({0}, {1})",
        "floor": "FLOOR({0})",
        "ceil": "CEIL({0})",
        "cast:int>double": "CAST({0} AS double precision)",
        "cast:decimal>double": "CAST({0} AS double precision)",
        "cast:int>decimal": "CAST({0} AS numeric)",
        "cast:decimal>decimal": "CAST({0} AS numeric(38,{1}))",
        "cast:decimal>int": "CAST({0} AS bigint)",
        "cast:double>int": "CAST({0} AS bigint)",
        "cast:int>text": "CAST({0} AS text)",
        "cast:decimal>text": "CAST(CAST({0} AS numeric(38,{1})) AS text)",
        "cast:date>text": "TO_CHAR({0}, 'YYYY-MM-DD')",
        "cast:date>timestamp": "CAST({0} AS timestamp)",
        "cast:date>timestamptz": "CAST({0} AS timestamptz)",
        "cast:timestamp>date": "CAST({0} AS date)",
        "cast:timestamp>timestamptz": "CAST({0} AS timestamptz)",
        "cast:timestamptz>timestamp": "CAST({0} AS timestamp)",
        "cast:timestamptz>date": "CAST({0} AS date)",
        "bulk:decimal": "CAST({0} AS text)",
        **{f"trunc {u}": f"DATE_TRUNC('{u}', {{0}})" for u in ("year", "quarter", "month", "week", "day")},
        **{f"trunc {u}": f"DATE_TRUNC('{u}', {{0}})" for u in ("hour", "minute", "second")},
        **{
            f"extract {u}": f"CAST(FLOOR(EXTRACT({u} FROM {{0}})) AS bigint)"
            for u in (
                "year",
                "quarter",
                "month",
                "week",
                "day",
                "dow",
                "isodow",
                "doy",
                "hour",
                "minute",
                "second",
            )
        },
        "add interval": "({0} + MAKE_INTERVAL(months => {1}, days => {2}, secs => {3} / 1000000.0))",
        "add days": "({0} + CAST({1} AS integer))",
        "days between": "({0} - {1})",
        "strftime": "TO_CHAR({0}, {1})",
    },
    raw={
        "uuid": RawRule(
            operators=frozenset({"="}),
            exact=True,
            literal="CAST(CAST({0} AS text) AS uuid)",
            pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        ),
        "folded": RawRule(operators=frozenset({"="}), literal="CAST({0} AS text)"),
    },
    formats={"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS"},
    absent="\x00",
)


def _sqlite_number(otherwise: str) -> str:
    """A number as it is stored; blank text in a column of numbers is NULL, other text an error."""
    stored = "WHEN 'real' THEN {0} " if "NUMBER" in otherwise else ""
    return f"(CASE TYPEOF({{0}}) WHEN 'integer' THEN {{0}} {stored}WHEN 'null' THEN NULL ELSE {otherwise} END)"


def _sqlite_decimal(scale: int) -> str:
    """A decimal as an integer of its last place.

    Numbers sort before text and blobs, so one comparison finds those that multiply exactly (the plus sign
    keeps the column's affinity out of it); TYPEOF takes twice the time.
    """
    most = 9 * 10 ** (15 - min(scale, 15))
    return (
        f"(CASE WHEN +{{0}} BETWEEN -{most} AND {most} THEN CAST(ROUND({{0}} * {10**scale}) AS INTEGER)"
        f" WHEN {{0}} IS NOT NULL THEN GW_DECIMAL({{0}}, {scale}) END)"
    )


_SQLITE_SHORT = "SUBSTR({0}, 1, "

SQLITE = Dialect(
    name="sqlite",
    quote='"',
    parameters={},
    leaves={
        "plain": "{0}",
        "text": "({0} COLLATE BINARY)",
        "as text": "(CAST({0} AS TEXT) COLLATE BINARY)",
        "bool": "(CASE TYPEOF({0}) WHEN 'integer' THEN {0} <> 0 ELSE GW_BOOLEAN({0}) END)",
        "date": ("(CASE WHEN {0} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' THEN {0} ELSE GW_DATE({0}) END)"),
        "timestamp": (
            "(CASE LENGTH({0}) WHEN 26 THEN REPLACE({0}, 'T', ' ')"
            " WHEN 19 THEN REPLACE({0}, 'T', ' ') || '.000000' ELSE GW_TIMESTAMP({0}) END)"
        ),
        "time": "(CASE LENGTH({0}) WHEN 8 THEN {0} || '.000000' WHEN 15 THEN {0} ELSE GW_TIME({0}) END)",
        "int": _sqlite_number("GW_INTEGER({0})"),
        "double": _sqlite_number("GW_NUMBER({0})"),
        **{f"decimal {s}": _sqlite_decimal(s) for s in range(19)},
    },
    operations={
        **EVERYWHERE,
        "null safe =": "({0} IS {1})",
        "concat": "({0} || {1})",
        "lower": "GW_LOWER({0})",
        "upper": "GW_UPPER({0})",
        "length": "LENGTH({0})",
        "substring": "SUBSTR({0}, {1})",
        "substring to": "SUBSTR({0}, {1}, {2})",
        "left": "SUBSTR({0}, 1, {1})",
        "right": "SUBSTR({0}, - {1})",
        "position": "INSTR({0}, {1})",
        "starts with": "(SUBSTR({0}, 1, LENGTH({1})) = {1})",
        "ends with": "(SUBSTR({0}, - LENGTH({1})) = {1})",
        "like": "({0} LIKE {1})",
        "like escape": "({0} LIKE {1} ESCAPE {2})",
        "/": "({0} / {1})",
        "//": "({0} / {1})",
        "avg": "({0} / {1})",
        "round:double": (
            "(CASE WHEN ABS({0} * {1}) >= 4503599627370496.0 THEN {0} ELSE (CAST({0} * {1} AS INTEGER)"
            " + CASE WHEN ({0} * {1} - CAST({0} * {1} AS INTEGER)) >= 0.5 THEN 1"
            " WHEN ({0} * {1} - CAST({0} * {1} AS INTEGER)) <= -0.5 THEN -1 ELSE 0 END) / {1} END)"
        ),
        "cast:int>double": "CAST({0} AS REAL)",
        "cast:decimal>double": "(CAST({0} AS REAL) / {1})",
        "cast:int>text": "CAST({0} AS TEXT)",
        "cast:date>text": "{0}",
        "cast:date>timestamp": "({0} || ' 00:00:00.000000')",
        "cast:timestamp>date": "SUBSTR({0}, 1, 10)",
        "trunc year": _SQLITE_SHORT + "4) || '-01-01 00:00:00.000000'",
        "trunc quarter": (
            _SQLITE_SHORT + "5) || PRINTF('%02d', (CAST(SUBSTR({0}, 6, 2) AS INTEGER) - 1) / 3 * 3 + 1)"
            " || '-01 00:00:00.000000'"
        ),
        "trunc month": _SQLITE_SHORT + "7) || '-01 00:00:00.000000'",
        "trunc week": "DATE(SUBSTR({0}, 1, 10), 'weekday 0', '-6 days') || ' 00:00:00.000000'",
        "trunc day": _SQLITE_SHORT + "10) || ' 00:00:00.000000'",
        "trunc hour": _SQLITE_SHORT + "13) || ':00:00.000000'",
        "trunc minute": _SQLITE_SHORT + "16) || ':00.000000'",
        "trunc second": _SQLITE_SHORT + "19) || '.000000'",
        "extract year": "CAST(SUBSTR({0}, 1, 4) AS INTEGER)",
        "extract quarter": "((CAST(SUBSTR({0}, 6, 2) AS INTEGER) + 2) / 3)",
        "extract month": "CAST(SUBSTR({0}, 6, 2) AS INTEGER)",
        "extract day": "CAST(SUBSTR({0}, 9, 2) AS INTEGER)",
        "extract dow": "CAST(STRFTIME('%w', SUBSTR({0}, 1, 10)) AS INTEGER)",
        "extract doy": "CAST(STRFTIME('%j', SUBSTR({0}, 1, 10)) AS INTEGER)",
        "extract hour": "CAST(SUBSTR({0}, 12, 2) AS INTEGER)",
        "extract minute": "CAST(SUBSTR({0}, 15, 2) AS INTEGER)",
        "extract second": "CAST(SUBSTR({0}, 18, 2) AS INTEGER)",
        "add interval": "GW_ADD_INTERVAL({0}, {1}, {2}, {3})",
        "add days": "DATE({0}, {1} || ' days')",
        "days between": "CAST(JULIANDAY({0}) - JULIANDAY({1}) AS INTEGER)",
        "strftime": "STRFTIME({1}, SUBSTR({0}, 1, 19))",
    },
    raw={
        # text in a column of numbers sorts after them: what is stored gives all rows and rarely more
        "int": RawRule(operators=frozenset({"=", "<", "<=", ">", ">="})),
        "double": RawRule(operators=frozenset({"=", "<", "<=", ">", ">="})),
    },
    formats={d: d for d in ("%Y", "%m", "%d", "%H", "%M", "%S")},
    scaled_decimals=True,
    scalar_checked=False,
    no_limit="-1",
    except_all=False,
)

_MARIADB_UNITS = {"hour": "%Y-%m-%d %H:00:00", "minute": "%Y-%m-%d %H:%i:00", "second": "%Y-%m-%d %H:%i:%s"}

MARIADB = Dialect(
    name="mariadb",
    quote="`",
    parameters={
        "text": "CONVERT({0} USING utf8mb4) COLLATE utf8mb4_nopad_bin",
        "double": "CAST({0} AS DOUBLE)",
        "date": "CAST({0} AS DATE)",
        "timestamp": "CAST({0} AS DATETIME(6))",
        "timestamptz": "CAST({0} AS DATETIME(6))",
        "time": "CAST({0} AS TIME(6))",
    },
    leaves={
        "plain": "{0}",
        # one collation for all: by code point, trailing spaces counting
        "text": "(CONVERT({0} USING utf8mb4) COLLATE utf8mb4_nopad_bin)",
        "as text": "(CONVERT(CAST({0} AS CHAR) USING utf8mb4) COLLATE utf8mb4_nopad_bin)",
        "bool": "({0} <> 0)",
        "bits": "({0} + 0)",
        "real": "CAST({0} AS DOUBLE)",
        "date": "(CASE WHEN {0} = 0 THEN NULL ELSE {0} END)",
        "timestamp": "(CASE WHEN {0} = 0 THEN NULL ELSE {0} END)",
    },
    operations={
        **EVERYWHERE,
        "null safe =": "({0} <=> {1})",
        "concat": "CONCAT({0}, {1})",
        "length": "CHAR_LENGTH({0})",
        "substring": "SUBSTR({0}, {1})",
        "substring to": "SUBSTR({0}, {1}, {2})",
        "left": "LEFT({0}, {1})",
        "right": "RIGHT({0}, {1})",
        "position": "LOCATE({1}, {0})",
        "starts with": "(LEFT({0}, CHAR_LENGTH({1})) = {1})",
        "ends with": "(RIGHT({0}, CHAR_LENGTH({1})) = {1})",
        # ESCAPE '' means a backslash here, so backslashes are doubled
        "like": r"({0} LIKE REPLACE({1}, '\\', '\\\\'))",
        "like escape": "({0} LIKE {1} ESCAPE {2})",
        "/": "({0} / {1})",
        "//": "({0} DIV {1})",
        "avg": "({0} / {1})",
        "round:double": (
            "((TRUNCATE({0} * {1}, 0) + CASE WHEN ABS({0} * {1} - TRUNCATE({0} * {1}, 0)) >= 0.5"
            " THEN SIGN({0} * {1}) ELSE 0 END) / {1})"
        ),
        "round:decimal": "ROUND({0}, {1})",
        "floor": "FLOOR({0})",
        "ceil": "CEIL({0})",
        "cast:int>double": "CAST({0} AS DOUBLE)",
        "cast:decimal>double": "CAST({0} AS DOUBLE)",
        "cast:int>decimal": "CAST({0} AS DECIMAL(65,0))",
        "cast:decimal>decimal": "CAST({0} AS DECIMAL(65,{1}))",
        "cast:decimal>int": "CAST(ROUND({0}) AS SIGNED)",
        "cast:int>text": "CONVERT(CAST({0} AS CHAR) USING utf8mb4) COLLATE utf8mb4_nopad_bin",
        "cast:date>text": "CONVERT(CAST({0} AS CHAR) USING utf8mb4) COLLATE utf8mb4_nopad_bin",
        "cast:date>timestamp": "CAST({0} AS DATETIME(6))",
        "cast:date>timestamptz": "CAST({0} AS DATETIME(6))",
        "cast:timestamp>timestamptz": "{0}",
        "cast:timestamptz>timestamp": "{0}",
        "cast:timestamp>date": "CAST({0} AS DATE)",
        "cast:timestamptz>date": "CAST({0} AS DATE)",
        "trunc year": "CAST(DATE_FORMAT({0}, '%Y-01-01') AS DATETIME(6))",
        "trunc quarter": ("CAST(MAKEDATE(YEAR({0}), 1) + INTERVAL (QUARTER({0}) - 1) QUARTER AS DATETIME(6))"),
        "trunc month": "CAST(DATE_FORMAT({0}, '%Y-%m-01') AS DATETIME(6))",
        "trunc week": "CAST(DATE({0}) - INTERVAL WEEKDAY({0}) DAY AS DATETIME(6))",
        "trunc day": "CAST(DATE({0}) AS DATETIME(6))",
        **{f"trunc {u}": f"CAST(DATE_FORMAT({{0}}, '{f}') AS DATETIME(6))" for u, f in _MARIADB_UNITS.items()},
        "extract year": "YEAR({0})",
        "extract quarter": "QUARTER({0})",
        "extract month": "MONTH({0})",
        "extract week": "WEEK({0}, 3)",
        "extract day": "DAY({0})",
        "extract dow": "(DAYOFWEEK({0}) - 1)",
        "extract isodow": "(WEEKDAY({0}) + 1)",
        "extract doy": "DAYOFYEAR({0})",
        "extract hour": "HOUR({0})",
        "extract minute": "MINUTE({0})",
        "extract second": "SECOND({0})",
        "add interval": ("CAST({0} + INTERVAL {1} MONTH + INTERVAL {2} DAY + INTERVAL {3} MICROSECOND AS DATETIME(6))"),
        "add days": "({0} + INTERVAL {1} DAY)",
        "days between": "DATEDIFF({0}, {1})",
        "strftime": "CONVERT(DATE_FORMAT({0}, {1}) USING utf8mb4) COLLATE utf8mb4_nopad_bin",
    },
    raw={
        # every collation calls identical strings equal, so the index finds them all and a few more
        "text": RawRule(operators=frozenset({"="})),
        "date": RawRule(operators=frozenset({"=", "<", "<=", ">", ">="}), literal="CAST({0} AS DATE)"),
        "timestamp": RawRule(operators=frozenset({"=", "<", "<=", ">", ">="}), literal="CAST({0} AS DATETIME(6))"),
    },
    formats={"%Y": "%Y", "%m": "%m", "%d": "%d", "%H": "%H", "%M": "%i", "%S": "%s"},
    nulls="low",
    in_limit=False,
    full_join=False,
    no_limit="18446744073709551615",
)

# MySQL has other names for the same collation and no CAST AS DOUBLE before 8.0.17
MYSQL = Dialect(
    **{
        **{f: getattr(MARIADB, f) for f in Dialect.__dataclass_fields__},
        "name": "mysql",
        **{
            part: {k: v.replace("utf8mb4_nopad_bin", "utf8mb4_0900_bin") for k, v in getattr(MARIADB, part).items()}
            for part in ("parameters", "leaves", "operations")
        },
        "except_all": False,
    }
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {d.name: d for d in (POSTGRESQL, SQLITE, MARIADB, MYSQL, MSSQL, ORACLE)}
)
"""Products whose queries are pushed down; all others are scanned plainly through SQLAlchemy Core."""
