"""A database's tables as entities: types, keys, relations, comments and enumerated values.

Reads the database's own catalogue through SQLAlchemy's bulk reflection, in a handful of round trips
where the product allows it. How a column is stored (and so how it has to be read) is decided
here once; how that reads in SQL is a row of `sql_dialects`.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.engine.reflection import Inspector, ObjectKind, ObjectScope

from groundwire.connectors import sql_mssql, sql_mysql, sql_oracle
from groundwire.connectors.sql_compiler import Storage
from groundwire.core.catalog import Entity, Field, Relation

Key = tuple[str | None, str]
"""Schema (None for the default one) and table."""

MAX_DECIMAL = 38
OPEN_DECIMAL = pa.decimal128(38, 10)
"""For decimals that declare no scale."""

SAMPLE_ROWS = 200
_SYSTEM_SCHEMAS = frozenset({"information_schema", "mysql", "performance_schema", "sys", "pg_catalog", "pg_toast"})


@dataclass(frozen=True, kw_only=True)
class Column:
    """How a column reads: its Arrow type and its storage."""

    type: pa.DataType
    storage: Storage = field(default_factory=Storage)
    values: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Reflected:
    """What a database holds.

    Attributes:
        entities: in order of schema and name.
        paths: schema and table of an entity, as the database calls them.
        keys: the same, as SQLAlchemy calls them.
        storages: by entity and field.
        unique: fields that hold no value twice, by entity.
    """

    entities: list[Entity] = field(default_factory=list)
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    storages: dict[tuple[str, str], Storage] = field(default_factory=dict)
    unique: dict[str, set[str]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Raw:
    """SQLAlchemy's answers, by table."""

    columns: dict[Key, Sequence[Any]] = field(default_factory=dict)
    primary: dict[Key, Any] = field(default_factory=dict)
    foreign: dict[Key, Sequence[Any]] = field(default_factory=dict)
    checks: dict[Key, Sequence[Any]] = field(default_factory=dict)
    comments: dict[Key, Any] = field(default_factory=dict)
    unique: dict[Key, Sequence[Any]] = field(default_factory=dict)


def reflect(
    connection: Connection,
    source: str,
    *,
    schemas: Sequence[str],
    tables: Sequence[str],
    views: bool,
    only: Key | None = None,
) -> Reflected:
    """Everything that the account may read.

    Args:
        connection: open.
        source: name of the source.
        schemas: which schemas; all but the product's own if empty (SQLite and MariaDB: the current one).
        tables: globs over entity names (`table` or `schema.table`); all if empty.
        views: whether views count.
        only: nothing but this table.
    """
    inspector = sa.inspect(connection)
    default = inspector.default_schema_name
    raw = Raw()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # types that SQLAlchemy does not know are text to us
        for schema in [only[0]] if only else _schemas(inspector, connection, schemas, default):
            _read(inspector, connection, raw, schema, ObjectKind.ANY if views else ObjectKind.TABLE, only)
    collations = _collations(connection)
    keys = [k for k in raw.columns if not tables or any(fnmatchcase(_name(k), glob) for glob in tables)]
    keys = [k for k in keys if only is None or k == only]
    samples = _Samples(connection) if connection.dialect.name == "sqlite" else None
    return described(raw, keys, source, connection.dialect, collations, samples)


def described(
    raw: Raw,
    keys: Sequence[Key],
    source: str,
    dialect: sa.Dialect,
    collations: Mapping[tuple[str | None, str, str], str],
    samples: _Samples | None = None,
) -> Reflected:
    """What SQLAlchemy answered about some tables as entities.

    Args:
        raw: its answers.
        keys: of the tables.
        source: name of the source.
        dialect: SQLAlchemy's.
        collations: `folded` for columns that call different texts equal, by schema, table and column.
        samples: for a product that does not enforce its types.
    """
    reflected = Reflected()
    typed = _TYPES.get(dialect.name, _generic_column)
    for key in sorted(keys, key=lambda k: (k[0] or "", k[1])):
        _entity(reflected, raw, key, source, typed, collations, samples, _stored_name(dialect))
    _relate(reflected, raw, keys, source)
    return reflected


def _stored_name(dialect: sa.Dialect) -> Callable[[str], str]:
    """A name as the database itself writes it: SQLAlchemy says `orders` for Oracle's ORDERS."""
    if not dialect.requires_name_normalize:
        return str
    return lambda name: str(dialect.denormalize_name(name))


def _name(key: Key) -> str:
    return f"{key[0]}.{key[1]}" if key[0] else key[1]


def _schemas(
    inspector: Inspector, connection: Connection, wanted: Sequence[str], default: str | None
) -> Iterable[str | None]:
    if wanted:
        return [None if s == default else s for s in wanted]
    if connection.dialect.name == "mssql":
        names = [s for s in inspector.get_schema_names() if s not in sql_mssql.SYSTEM_SCHEMAS]
        return [None if s == default else s for s in names if not s.startswith("db_")]
    if connection.dialect.name != "postgresql":
        return [None]
    names = [s for s in inspector.get_schema_names() if s not in _SYSTEM_SCHEMAS and not s.startswith("pg_")]
    return [None if s == default else s for s in names]


def _read(
    inspector: Inspector, connection: Connection, raw: Raw, schema: str | None, kind: ObjectKind, only: Key | None
) -> None:
    if connection.dialect.name in ("mysql", "mariadb"):
        catalogue = sql_mysql.Catalogue(connection, schema, views=kind is ObjectKind.ANY)
        for part in dataclasses.fields(Raw):
            getattr(raw, part.name).update(getattr(catalogue, part.name))
        return
    options: dict[str, Any] = {"schema": schema, "kind": kind, "scope": ObjectScope.DEFAULT}
    if only is not None:
        options["filter_names"] = [only[1]]
    raw.columns.update(inspector.get_multi_columns(**options))
    raw.primary.update(inspector.get_multi_pk_constraint(**options))
    raw.foreign.update(inspector.get_multi_foreign_keys(**options))
    optional: tuple[tuple[Any, Any], ...] = (
        (raw.unique, inspector.get_multi_unique_constraints),
        (raw.checks, inspector.get_multi_check_constraints),
        (raw.comments, inspector.get_multi_table_comment),
    )
    for target, method in optional:
        try:
            target.update(method(**options))
        except NotImplementedError:
            continue  # the product has none


def _collations(connection: Connection) -> dict[tuple[str | None, str, str], str]:
    """PostgreSQL's and Oracle's collations that call different strings equal, by schema, table and column."""
    if connection.dialect.name == "oracle":
        name = connection.dialect.normalize_name
        rows = connection.exec_driver_sql(sql_oracle.COLLATED)
        return {(name(row[0]), name(row[1]), name(row[2])): "folded" for row in rows}
    if connection.dialect.name != "postgresql":
        return {}
    query = (
        "SELECT n.nspname, c.relname, a.attname, 'folded' FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_collation k ON k.oid = a.attcollation WHERE NOT k.collisdeterministic"
    )
    return {(row[0], row[1], row[2]): row[3] for row in connection.exec_driver_sql(query)}


def _entity(
    reflected: Reflected,
    raw: Raw,
    key: Key,
    source: str,
    typed: Callable[[Any, Mapping[str, Any]], Column | None],
    collations: Mapping[tuple[str | None, str, str], str],
    samples: _Samples | None,
    stored: Callable[[str], str],
) -> None:
    name = _name(key)
    found: dict[str, Any] = {k[2]: v for k, v in collations.items() if k[1] == key[1] and key[0] in (None, k[0])}
    primary = tuple((raw.primary.get(key) or {}).get("constrained_columns") or ())
    checks = raw.checks.get(key) or ()
    enumerated, flags = _checked_values(checks), _flags(checks)
    columns: dict[str, Column] = {}
    for column in raw.columns[key]:
        collation = column.get("collation") or found.get(column["name"])
        context = {
            "collation": collation,
            "rowid": primary == (column["name"],),
            "flag": stored(column["name"]) in flags,
        }
        made = typed(column["type"], context)
        if made is None:
            continue
        if stored(column["name"]) != column["name"]:
            made = replace(made, storage=replace(made.storage, name=stored(column["name"])))
        columns[column["name"]] = made
    if not columns:
        return
    if samples is not None:
        columns = samples.corrected(key, columns, {c["name"]: c["type"] for c in raw.columns[key]})
    fields = []
    for column in raw.columns[key]:
        if column["name"] not in columns:
            continue
        read = columns[column["name"]]
        values = read.values or (enumerated.get(stored(column["name"]), ()) if pa.types.is_string(read.type) else ())
        fields.append(
            Field(
                name=column["name"],
                type=read.type,
                description=column.get("comment") or "",
                values=values,
                nullable=bool(column.get("nullable", True)) and column["name"] not in primary,
            )
        )
        reflected.storages[name, column["name"]] = read.storage
    reflected.paths[name] = tuple(stored(p) for p in key if p)
    reflected.keys[name] = key
    singles = [u["column_names"] for u in raw.unique.get(key) or () if len(u["column_names"]) == 1]
    reflected.unique[name] = {c for columns_ in singles for c in columns_} | (
        set(primary) if len(primary) == 1 else set()
    )
    reflected.entities.append(
        Entity(
            source=source,
            name=name,
            fields=tuple(fields),
            primary_key=primary,
            description=(raw.comments.get(key) or {}).get("text") or "",
        )
    )


# -- relations ---------------------------------------------------------------------------------


def _relate(reflected: Reflected, raw: Raw, keys: Sequence[Key], source: str) -> None:
    """Foreign keys as to-one relations, and each of them back as a to-many relation."""
    entities = {e.name: e for e in reflected.entities}
    relations: dict[str, list[Relation]] = {name: [] for name in entities}
    reverse: list[tuple[str, str, Relation]] = []
    for key in keys:
        here = _name(key)
        for foreign in raw.foreign.get(key) or ():
            there = _name((foreign.get("referred_schema"), foreign["referred_table"]))
            pairs = tuple(zip(foreign["constrained_columns"], foreign["referred_columns"], strict=False))
            if there not in entities or not pairs or len(pairs) != len(foreign["constrained_columns"]):
                continue
            if any(entities[there].find_field(b) is None for _, b in pairs):
                continue
            name = _to_one_name(foreign["constrained_columns"], foreign["referred_table"])
            name = _free(name, entities[here], relations[here], foreign["referred_table"])
            relations[here].append(Relation(name=name, target=f"{source}.{there}", on=pairs))
            back = tuple((b, a) for a, b in pairs)
            reverse.append((there, name, Relation(name=key[1], target=f"{source}.{here}", on=back, many=True)))
    for there, to_one, relation in reverse:
        short = relation.name
        name = _free(short, entities[there], relations[there], f"{short}_by_{to_one}")
        relations[there].append(replace(relation, name=name))
    reflected.entities = [replace(e, relations=tuple(relations[e.name])) for e in reflected.entities]


def _to_one_name(columns: Sequence[str], table: str) -> str:
    """`customer` for `customer_id`, `customerid`, `CustomerId` and `id_customer`; the table's name otherwise."""
    if len(columns) != 1:
        return table
    short = re.sub(r"(?i)(_id|_?fk|_no|_code|_key)$|(?<=[a-z0-9])I[Dd]$|(?<=[a-z])id$", "", columns[0])
    short = re.sub(r"(?i)^(id|fk)_", "", short)
    return short if short and short != columns[0] else table


def _free(name: str, entity: Entity, taken: Iterable[Relation], other: str) -> str:
    """A name that no field and no relation of the entity has."""
    used = {r.name.lower() for r in taken} | {f.name.lower() for f in entity.fields}
    for candidate in (name, other):
        if candidate.lower() not in used:
            return candidate
    number = 2
    while f"{other}_{number}".lower() in used:
        number += 1
    return f"{other}_{number}"


_CHECK = re.compile(
    r"""^\W*(?P<q>["`\[]?)(?P<name>\w+)["`\]]?\W*(?:::\w[\w ]*\W*)?\s*
        (?:IN\s*\(|=\s*ANY\s*\(+\s*ARRAY\s*\[)(?P<list>.*)$""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_FLAG = re.compile(r"""^\W*(?P<name>\w+)\W*\bIN\s*\(\s*(?:0\s*,\s*1|1\s*,\s*0)\s*\)\W*$""", re.IGNORECASE)
_STRING = re.compile(r"'((?:[^']|'')*)'")


def _checked_values(checks: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Values that `CHECK (column IN ('a', 'b'))` allows, by column."""
    found = {}
    for check in checks:
        match = _CHECK.match(check.get("sqltext") or "")
        if match is None or re.search(r"(?i)\b(or|and|not)\b", _STRING.sub("", match["list"])):
            continue
        values = tuple(v.replace("''", "'") for v in _STRING.findall(match["list"]))
        if values:
            found[match["name"]] = values
    return found


def _flags(checks: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Columns of which `CHECK (column IN (0, 1))` makes a boolean, as written and in upper case."""
    found = [m["name"] for check in checks if (m := _FLAG.match(check.get("sqltext") or ""))]
    return frozenset(found) | {name.upper() for name in found}


# -- types -------------------------------------------------------------------------------------


def _decimal(type_: sa.Numeric[Any]) -> pa.DataType | None:
    """The Arrow type of a decimal with a declared precision; None where it declares none or too much."""
    if type_.precision is None:
        return None
    precision, scale = int(type_.precision), int(type_.scale or 0)
    if scale < 0:
        precision, scale = precision - scale, 0
    return pa.decimal128(precision, scale) if precision <= MAX_DECIMAL else None


def _integer(type_: sa.Integer) -> pa.DataType:
    if isinstance(type_, sa.SmallInteger):
        return pa.int16()
    return pa.int64() if isinstance(type_, sa.BigInteger) else pa.int32()


_AS_TEXT = Column(type=pa.string(), storage=Storage(leaf="as text"))


def _postgresql(type_: Any, context: Mapping[str, Any]) -> Column:
    if isinstance(type_, postgresql.DOMAIN):
        return _postgresql(type_.data_type, context)
    if isinstance(type_, sa.Boolean):
        return Column(type=pa.bool_())
    if isinstance(type_, postgresql.OID | postgresql.REGCLASS):
        return _AS_TEXT
    if isinstance(type_, sa.Integer):
        return Column(type=_integer(type_))
    if isinstance(type_, sa.Float):
        double = isinstance(type_, sa.Double) or (type_.precision or 0) > 24
        return Column(type=pa.float64(), storage=Storage(leaf="plain" if double else "real"))
    if isinstance(type_, sa.Numeric):
        declared = _decimal(type_)
        return Column(type=declared) if declared else Column(type=OPEN_DECIMAL, storage=Storage(leaf="numeric"))
    if isinstance(type_, sa.Enum):
        return replace(_AS_TEXT, values=tuple(type_.enums))
    if isinstance(type_, postgresql.CITEXT) or context["collation"] == "folded":
        return Column(type=pa.string(), storage=Storage(leaf="folded", native="folded"))
    if isinstance(type_, sa.Uuid):
        return Column(type=pa.string(), storage=Storage(leaf="as text", native="uuid"))
    if isinstance(type_, sa.CHAR):
        return _AS_TEXT
    if isinstance(type_, sa.String):
        return Column(type=pa.string())
    if isinstance(type_, sa.Date):
        return Column(type=pa.date32())
    if isinstance(type_, sa.DateTime):
        return Column(type=pa.timestamp("us", tz="UTC" if type_.timezone else None))
    if isinstance(type_, sa.Time) and not type_.timezone:
        return Column(type=pa.time64("us"))
    if isinstance(type_, sa.LargeBinary):
        return Column(type=pa.binary())
    return _AS_TEXT


def _sqlite(type_: Any, context: Mapping[str, Any]) -> Column:
    if isinstance(type_, sa.Boolean):
        return Column(type=pa.bool_(), storage=Storage(leaf="bool"))
    if isinstance(type_, sa.Integer):
        if context["rowid"] and type(type_) is sa.INTEGER:
            return Column(type=pa.int64())
        return Column(type=pa.int64(), storage=Storage(leaf="int", native="int"))
    if isinstance(type_, sa.Numeric) and not isinstance(type_, sa.Float):
        declared = _decimal(type_)
        if declared is not None and declared.scale <= 15:
            return Column(type=declared, storage=Storage(leaf=f"decimal {declared.scale}"))
    if isinstance(type_, sa.Numeric | sa.Float):
        return Column(type=pa.float64(), storage=Storage(leaf="double", native="double"))
    if isinstance(type_, sa.DateTime):
        return Column(type=pa.timestamp("us"), storage=Storage(leaf="timestamp"))
    if isinstance(type_, sa.Date):
        return Column(type=pa.date32(), storage=Storage(leaf="date"))
    if isinstance(type_, sa.Time):
        return Column(type=pa.time64("us"), storage=Storage(leaf="time"))
    if isinstance(type_, sa.LargeBinary):
        return Column(type=pa.binary())
    return Column(type=pa.string(), storage=Storage(leaf="text"))


def _mariadb(type_: Any, context: Mapping[str, Any]) -> Column:
    if isinstance(type_, mysql.TINYINT) and type_.display_width == 1 and not type_.unsigned:
        return Column(type=pa.bool_(), storage=Storage(leaf="bool"))
    if isinstance(type_, mysql.BIT):
        if (type_.length or 1) == 1:
            return Column(type=pa.bool_(), storage=Storage(leaf="bool"))
        return Column(type=pa.uint64(), storage=Storage(leaf="bits"))
    if isinstance(type_, mysql.YEAR):
        return Column(type=pa.int32())
    if isinstance(type_, sa.Integer):
        unsigned = bool(getattr(type_, "unsigned", False))
        wide = isinstance(type_, sa.BigInteger)
        return Column(type=pa.uint64() if wide and unsigned else pa.int64() if wide or unsigned else pa.int32())
    if isinstance(type_, mysql.FLOAT | sa.FLOAT):
        return Column(type=pa.float64(), storage=Storage(leaf="real"))
    if isinstance(type_, sa.Float | mysql.DOUBLE | mysql.REAL):
        return Column(type=pa.float64())
    if isinstance(type_, sa.Numeric):
        declared = _decimal(type_)
        return Column(type=declared) if declared else Column(type=pa.float64(), storage=Storage(leaf="real"))
    if isinstance(type_, sa.DateTime):
        zone = "UTC" if isinstance(type_, sa.TIMESTAMP) else None
        return Column(type=pa.timestamp("us", tz=zone), storage=Storage(leaf="timestamp", native="timestamp"))
    if isinstance(type_, sa.Date):
        return Column(type=pa.date32(), storage=Storage(leaf="date", native="date"))
    if isinstance(type_, sa.LargeBinary | sa.BINARY | sa.VARBINARY):
        return Column(type=pa.binary())
    if isinstance(type_, sa.Enum | sa.String) and context["collation"]:
        values = tuple(type_.enums) if isinstance(type_, sa.Enum) else ()
        storage = Storage(leaf="text", native=f"text:{context['collation']}")
        return Column(type=pa.string(), storage=storage, values=values)
    return _AS_TEXT


def _product(read: Callable[[Any, Mapping[str, Any]], Any]) -> Callable[[Any, Mapping[str, Any]], Column | None]:
    def typed(type_: Any, context: Mapping[str, Any]) -> Column | None:
        found = read(type_, context)
        return None if found is None else Column(type=found[0], storage=Storage(**found[1]))

    return typed


def _generic_column(type_: Any, context: Mapping[str, Any]) -> Column:
    """Any other product: read through SQLAlchemy's own result types."""
    if isinstance(type_, sa.Boolean):
        return Column(type=pa.bool_())
    if isinstance(type_, sa.Integer):
        return Column(type=pa.int64())
    if isinstance(type_, sa.Numeric) and not isinstance(type_, sa.Float):
        return Column(type=_decimal(type_) or OPEN_DECIMAL)
    if isinstance(type_, sa.Numeric | sa.Float):
        return Column(type=pa.float64())
    if isinstance(type_, sa.DateTime):
        return Column(type=pa.timestamp("us", tz="UTC" if type_.timezone else None))
    if isinstance(type_, sa.Date):
        return Column(type=pa.date32())
    if isinstance(type_, sa.LargeBinary):
        return Column(type=pa.binary())
    return Column(type=pa.string())


_TYPES: Mapping[str, Callable[[Any, Mapping[str, Any]], Column | None]] = {
    "postgresql": _postgresql,
    "sqlite": _sqlite,
    "mysql": _mariadb,
    "mariadb": _mariadb,
    "mssql": _product(sql_mssql.column),
    "oracle": _product(sql_oracle.column),
}


class _Samples:
    """SQLite's declared types held against the first rows, because it does not enforce them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def corrected(self, key: Key, columns: dict[str, Column], declared: Mapping[str, Any]) -> dict[str, Column]:
        """The columns, as text where their values are not what they declare, and typed where they declare nothing."""
        path = ".".join('"' + p.replace('"', '""') + '"' for p in key if p)
        names = list(columns)
        quoted = ", ".join('"' + n.replace('"', '""') + '"' for n in names)
        driver: Any = self.connection.connection.driver_connection
        driver.text_factory = lambda text: text.decode(errors="replace")  # damaged text is no matter of types
        try:
            rows = self.connection.exec_driver_sql(f"SELECT {quoted} FROM {path} LIMIT {SAMPLE_ROWS}").fetchall()
        finally:
            driver.text_factory = str
        seen = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return {
            name: self._corrected(columns[name], declared[name], [v for v in values if v is not None])
            for name, values in zip(names, seen, strict=True)
        }

    def _corrected(self, column: Column, declared: Any, values: list[Any]) -> Column:
        if isinstance(declared, sa.types.NullType):
            return _undeclared(values)
        reader = _READERS.get(column.storage.leaf.split(" ")[0])
        if reader is None:
            return column
        try:
            for value in values:
                reader(value)
        except (ValueError, TypeError, OverflowError):
            return Column(type=pa.string(), storage=Storage(leaf="as text"))
        return column


def _undeclared(values: list[Any]) -> Column:
    """A type for a column without one, such as an expression of a view."""
    kinds = {type(v) for v in values}
    if kinds == {int}:
        return Column(type=pa.int64(), storage=Storage(leaf="int", native="int"))
    if kinds and kinds <= {int, float}:
        return Column(type=pa.float64(), storage=Storage(leaf="double", native="double"))
    if kinds == {bytes}:
        return Column(type=pa.binary())
    return Column(type=pa.string(), storage=Storage(leaf="as text"))


def _readers() -> Mapping[str, Callable[[Any], Any]]:
    from groundwire.connectors import sql_sqlite

    return {
        "bool": sql_sqlite.boolean,
        "int": sql_sqlite.integer,
        "double": sql_sqlite.number,
        "decimal": lambda value: sql_sqlite.decimal(value, 6),
        "date": sql_sqlite.date_text,
        "timestamp": sql_sqlite.timestamp_text,
        "time": sql_sqlite.time_text,
    }


_READERS = _readers()
