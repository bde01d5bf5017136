"""What may be done in a SQL database after a person has approved: statements that the operator has declared, with
parameters.

    [sources.dwh.actions.close_ticket]
    description = "Close a ticket."
    statement = "UPDATE tickets SET status = 'closed', resolution = :resolution WHERE id = :ticket"

A statement is one INSERT of one row, or one UPDATE of the row with a whole primary key; its values are parameters,
constants and the present time, so that what it does is known before it is done. Parameters have the types of their
columns. In one transaction the row is read and locked, compared with the draft (every column of it), and written. It
runs over a connection of its own: that of queries stays read-only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
import sqlglot
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from sqlalchemy.engine import Connection, Engine
from sqlglot import exp
from sqlglot.errors import SqlglotError

from groundwire.connectors import sql_errors
from groundwire.core.catalog import Entity
from groundwire.core.connector import Action, Arguments, Done, Draft, Record, record_of, text
from groundwire.core.errors import ActionError, ConfigError, Conflict, Rejected, UnknownName

if TYPE_CHECKING:
    from groundwire.connectors.sql import SQLConnector

TOKEN = "groundwire_token"  # noqa: S105 - the name of a parameter
"""The parameter by which an INSERT leaves its token, so that its row can be found again."""

NOW = "CURRENT_TIMESTAMP"
_PARSERS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}
_LONGEST = 10_000
_TYPES: tuple[tuple[Any, type], ...] = (
    (pa.types.is_boolean, bool),
    (pa.types.is_integer, int),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_floating, float),
    (pa.types.is_date, dt.date),
    (pa.types.is_timestamp, dt.datetime),
    (pa.types.is_string, str),
)


class StatementSettings(BaseModel):
    """`[sources.NAME.actions.ACTION]` of a SQL source.

    Attributes:
        statement: with parameters as `:name`.
        description: what it does, as a sentence; for people and for models.
        parameters: what each parameter is, for those whose name does not say it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    statement: str
    description: str
    parameters: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A declared statement, understood.

    Attributes:
        text: as it is declared.
        entity: whose table it writes.
        values: what each column is set to: the name of a parameter behind a colon, a constant, or `NOW`.
        key: for an UPDATE, the parameter of each field of the primary key.
        conditions: columns that must have these values, besides.
    """

    text: str
    entity: Entity
    values: Mapping[str, Any]
    key: Mapping[str, str]
    conditions: Mapping[str, Any]

    @property
    def inserts(self) -> bool:
        """Whether it makes a row."""
        return not self.key


class _Not(Exception):
    """The statement is not one of those that can be declared, and why."""


def understood(declared: str, dialect: str, entities: Mapping[str, Entity]) -> Statement:
    """What a declared statement writes.

    Args:
        declared: SQL.
        dialect: SQLAlchemy's name of the product.
        entities: by the name of their table, and of schema and table, in lower case.

    Raises:
        ValueError: it is none that can be declared, and why.
    """
    try:
        trees = [t for t in sqlglot.parse(declared, dialect=_PARSERS.get(dialect, "")) if t is not None]
    except SqlglotError:
        raise ValueError("not valid SQL") from None
    try:
        if len(trees) != 1 or not isinstance(trees[0], exp.Insert | exp.Update):
            raise _Not("one INSERT or one UPDATE can be declared")
        tree = trees[0]
        return (
            _inserted(tree, declared, entities) if isinstance(tree, exp.Insert) else _updated(tree, declared, entities)
        )
    except _Not as why:
        raise ValueError(str(why)) from None


def _only(tree: exp.Expr, *known: str) -> None:
    extra = [name for name, part in tree.args.items() if part and name not in known]
    if extra:
        raise _Not(f"{extra[0].upper().rstrip('_')} can't be part of a declared statement")


def _entity(table: Any, entities: Mapping[str, Entity]) -> Entity:
    if not isinstance(table, exp.Table):
        raise _Not("it names no table")
    _only(table, "this", "db")
    name = ".".join(p.name for p in table.parts).lower()
    if name not in entities:
        raise _Not(f"the source has no table {name!r}")
    return entities[name]


def _inserted(tree: exp.Insert, declared: str, entities: Mapping[str, Entity]) -> Statement:
    _only(tree, "this", "expression")
    into, rows = tree.this, tree.expression
    if not isinstance(into, exp.Schema) or not isinstance(rows, exp.Values) or len(rows.expressions) != 1:
        raise _Not("an INSERT names its columns and has the VALUES of one row")
    entity = _entity(into.this, entities)
    values = rows.expressions[0].expressions if isinstance(rows.expressions[0], exp.Tuple) else rows.expressions
    if len(values) != len(into.expressions):
        raise _Not("there are not as many values as columns")
    found = {_column(entity, c): _value(v) for c, v in zip(into.expressions, values, strict=True)}
    if f":{TOKEN}" not in found.values():
        raise _Not(f"an INSERT needs the parameter :{TOKEN} in some column of text, to be found again")
    return Statement(text=declared, entity=entity, values=found, key={}, conditions={})


def _updated(tree: exp.Update, declared: str, entities: Mapping[str, Entity]) -> Statement:
    _only(tree, "this", "expressions", "where")
    entity = _entity(tree.this, entities)
    found = {}
    for assignment in tree.expressions:
        if not isinstance(assignment, exp.EQ):
            raise _Not("SET gives a column a value")
        found[_column(entity, assignment.this)] = _value(assignment.expression)
    where = tree.args.get("where")
    terms = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else [where.this] if where else []
    key, conditions = {}, {}
    for term in terms:
        if not isinstance(term, exp.EQ):
            raise _Not("WHERE is made of equalities, joined by AND")
        column, value = _column(entity, term.this), _value(term.expression)
        if column in entity.primary_key and isinstance(value, str) and value.startswith(":"):
            key[column] = value[1:]
        elif isinstance(value, str) and value.startswith((":", NOW)):
            raise _Not(f"{column} is compared with a parameter and is not of the primary key")
        else:
            conditions[column] = value
    if not entity.primary_key or set(key) != set(entity.primary_key) or set(found) & set(key):
        raise _Not("an UPDATE has WHERE with a parameter for the whole primary key, which it leaves as it is")
    return Statement(text=declared, entity=entity, values=found, key=key, conditions=conditions)


def _column(entity: Entity, node: Any) -> str:
    if isinstance(node, exp.Column) and len(node.parts) > 1:
        raise _Not("columns are named without their table")
    if not isinstance(node, exp.Column | exp.Identifier):
        raise _Not("a column is missing")
    try:
        return entity.field(node.name).name
    except UnknownName as error:
        raise _Not(str(error)) from None


def _value(node: Any) -> Any:
    """A parameter as `:name`, a constant, or `NOW`."""
    if isinstance(node, exp.Placeholder) and isinstance(node.this, str) and node.this:
        return f":{node.this}"
    if isinstance(node, exp.CurrentTimestamp) and not node.args.get("this"):
        return NOW
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        if not node.is_string:
            return float(node.this) if "." in node.this or "e" in node.this.lower() else int(node.this)
        if node.this.startswith((":", NOW)):
            raise _Not("constants that look like parameters can't be told from them")
        return node.this
    raise _Not("values are parameters such as :name, constants, and CURRENT_TIMESTAMP")


class DeclaredStatement(Action):
    """One declared statement.

    Args:
        connector: whose source it is.
        name: of the action.
        settings: as declared.
        statement: as understood.
        writer: the connection that may write.
    """

    def __init__(
        self, connector: SQLConnector, name: str, settings: StatementSettings, statement: Statement, writer: Writer
    ) -> None:
        self.connector = connector
        self.name = name
        self.description = settings.description
        self.entity = statement.entity.name
        self.statement = statement
        self.writer = writer
        self.arguments = _arguments(name, settings, statement)

    def draft(self, given: Any) -> Draft:
        after = {c: self._after(v, given) for c, v in self.statement.values.items() if v != f":{TOKEN}"}
        if self.statement.inserts:
            return Draft(entity=self.entity, record=None, creates=True, after=after)
        key = self._key(given)
        with self.writer.transaction() as connection:
            row = self._row(connection, key)
        if row is None:
            raise ActionError(f"there is no such record of {self.entity}")
        for column, wanted in self.statement.conditions.items():
            if _json(row[column]) != wanted:
                raise ActionError(f"this is for records whose {column} is {wanted!r}")
        return Draft(
            entity=self.entity,
            record=Record(entity=self.entity, key={c: _json(v) for c, v in key.items()}),
            before={c: _json(row[c]) for c in after},
            after=after,
            lock=_fingerprint(row),
        )

    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        names = [v[1:] for v in [*self.statement.values.values()] if isinstance(v, str) and v.startswith(":")]
        values = {n: getattr(given, n, None) for n in names if n != TOKEN}
        values |= {p: self._typed(c, getattr(given, p)) for c, p in self.statement.key.items()}
        if TOKEN in names:
            values[TOKEN] = token
        with self.writer.transaction() as connection:
            if not self.statement.inserts:
                row = self._row(connection, self._key(given), locked=True)
                if row is None or _fingerprint(row) != draft.lock:
                    raise Conflict("the record has changed since this was proposed", source=self.connector.name)
            if self.writer.url.get_backend_name() == "sqlite":
                values = {n: _stored(v) for n, v in values.items()}
            changed = connection.execute(sa.text(self.statement.text), values).rowcount
            if changed != 1:
                raise Rejected(
                    f"the statement would have written {changed} rows, and wrote none", source=self.connector.name
                )
        return Done(key={} if draft.record is None else draft.record.key)

    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        with self.writer.transaction() as connection:
            if self.statement.inserts:
                column = next(c for c, v in self.statement.values.items() if v == f":{TOKEN}")
                row = self._row(connection, {column: token})
                return None if row is None else Done(key={k: _json(row[k]) for k in self.statement.entity.primary_key})
            row = self._row(connection, self._key(given))
        if row is not None and _fingerprint(row) == draft.lock:
            return None
        if row is not None and all(v == NOW or _json(row[c]) == v for c, v in draft.after.items()):
            return Done(key={} if draft.record is None else draft.record.key)
        raise Rejected("somebody has changed the record since", source=self.connector.name)

    def _after(self, value: Any, given: Any) -> Any:
        return _json(getattr(given, value[1:], None)) if isinstance(value, str) and value.startswith(":") else value

    def _key(self, given: Any) -> dict[str, Any]:
        return {c: self._typed(c, getattr(given, p)) for c, p in self.statement.key.items()}

    def _typed(self, column: str, value: Any) -> Any:
        """A value of the key, which comes as text where it names a record."""
        wanted = _type(self.statement.entity.field(column).type)
        try:
            return wanted(value) if isinstance(value, str) and wanted in (int, Decimal, float) else value
        except (ValueError, ArithmeticError):
            raise ActionError(f"{value!r} is no {column}") from None

    def _row(self, connection: Connection, key: Mapping[str, Any], *, locked: bool = False) -> dict[str, Any] | None:
        """The whole row, as the database has it now."""
        *schema, name = self.connector.path(self.statement.entity)
        table = sa.table(name, *(sa.column(c) for c in key), schema=schema[0] if schema else None)
        query: sa.Select[Any] = (
            sa.select(sa.literal_column("*")).select_from(table).where(*(table.c[c] == v for c, v in key.items()))
        )
        found = connection.execute(query.with_for_update() if locked else query).mappings().first()
        return None if found is None else dict(found)


class Writer:
    """The connection over which declared statements are executed, and nothing else.

    Args:
        connector: whose source it is.
    """

    def __init__(self, connector: SQLConnector) -> None:
        self.connector = connector
        settings = connector.settings
        url = connector.url
        if settings.write_url is not None:
            own = sa.make_url(settings.write_url.get_secret_value())
            url = (
                own.set(drivername=connector.url.drivername)
                if own.get_backend_name() == url.get_backend_name()
                else own
            )
        self.url = url
        self._engine: Engine | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; committed at the end, rolled back where anything is raised.

        Raises:
            SourceError: as the connector's own.
        """
        if self._engine is None:
            self._engine = self._made()
        try:
            with self._engine.begin() as connection:
                yield connection
        except sql_errors.CAUGHT as error:
            raise sql_errors.mapped(
                error, source=self.connector.name, dialect=self.url.get_backend_name(), url=self.url
            ) from None

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        if self._engine is not None:
            self._engine.dispose()

    def _made(self) -> Engine:
        if self.url.get_backend_name() == "sqlite":
            target = f"file:{quote(str(self.url.database))}?mode=rw"
            wait = self.connector.settings.timeout
            engine = sa.create_engine(
                self.url,
                creator=lambda: sqlite3.connect(
                    target, uri=True, check_same_thread=False, timeout=wait, isolation_level=None
                ),
                poolclass=sa.pool.NullPool,
            )
            # the lock is taken at the start: what is compared then is what is written
            sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
            return engine
        engine = sa.create_engine(
            self.url, pool_size=1, max_overflow=2, pool_recycle=600, **self.connector.driver_options()
        )
        sa.event.listen(engine, "do_connect", self.connector.announce)
        sa.event.listen(engine, "connect", self.connector.prepare_writes)
        return engine


def actions(connector: SQLConnector, wanted: Mapping[str, Mapping[str, Any]], writer: Writer) -> list[Action]:
    """The declared statements.

    Raises:
        ConfigError: one is none that can be declared.
    """
    entities: dict[str, Entity] = {}
    for entity in connector.reflected():
        path = connector.path(entity)
        entities[entity.name.lower()] = entities[".".join(path).lower()] = entity
        entities.setdefault(path[-1].lower(), entity)
    made: list[Action] = []
    for name, given in wanted.items():
        where = f"sources.{connector.name}.actions.{name}"
        try:
            settings = StatementSettings.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ConfigError(first["msg"], setting=".".join([where, *map(str, first["loc"])])) from None
        try:
            statement = understood(settings.statement, connector.url.get_backend_name(), entities)
            made.append(DeclaredStatement(connector, name, settings, statement, writer))
        except ValueError as error:
            raise ConfigError(str(error), setting=f"{where}.statement") from None
    return made


def _arguments(name: str, settings: StatementSettings, statement: Statement) -> type[BaseModel]:
    """The model of a statement's parameters, each with the type of its column."""
    fields: dict[str, Any] = {}
    about = statement.entity.name
    for column, parameter in statement.key.items():
        told = settings.parameters.get(parameter, f"the record of {about}: its key, or its name")
        if len(statement.key) == 1:
            fields[parameter] = (Annotated[str, record_of(about, description=told)], ...)
        else:
            fields[parameter] = (_type(statement.entity.field(column).type), Field(description=told))
    for column, value in statement.values.items():
        if not (isinstance(value, str) and value.startswith(":")) or value == f":{TOKEN}":
            continue
        parameter, field = value[1:], statement.entity.field(column)
        if parameter in fields:
            raise ValueError(f"the parameter {parameter} stands for two columns")
        told = settings.parameters.get(parameter, field.description or f"the new {column}")
        if field.values and not field.sampled:
            told = f"{told}: one of {', '.join(field.values)}"
        kind = _type(field.type)
        one = text(told, _LONGEST) if kind is str else Field(description=told)
        if field.nullable:
            fields[parameter] = (Annotated[kind | None, one], None)
        else:
            fields[parameter] = (Annotated[kind, one], ...)
    unknown = set(settings.parameters) - set(fields)
    if unknown:
        raise ValueError(f"the statement has no parameter {sorted(unknown)[0]!r}")
    return create_model(name, __base__=Arguments, **fields)


def _type(type_: pa.DataType) -> type:
    for is_kind, kind in _TYPES:
        if is_kind(type_):
            return kind
    raise ValueError(f"columns of type {type_} can't be written")


def _json(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _stored(value: Any) -> Any:
    """A value in a form that SQLite stores: decimals and moments as text, which a column of numbers makes numbers."""
    if isinstance(value, Decimal):
        return str(value)
    return (
        value.isoformat(sep=" ")
        if isinstance(value, dt.datetime)
        else value.isoformat()
        if isinstance(value, dt.date)
        else value
    )


def _fingerprint(row: Mapping[str, Any]) -> str:
    """What tells this state of a row from every other."""
    return hashlib.sha256("\0".join(f"{n}={v!r}" for n, v in sorted(row.items())).encode()).hexdigest()
