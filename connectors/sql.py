"""Any SQL database that SQLAlchemy reaches; PostgreSQL, MariaDB and SQLite in full.

Whole queries are executed by the database where its dialect gives DuckDB's rows (see
`sql_rules`); otherwise one table at a time. Every value is bound, every session is read-only
at the server, every statement has a time limit, and rows are streamed in Arrow batches.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field as Setting, SecretStr
from sqlalchemy import event
from sqlglot import exp

from groundwire.connectors.sql_compile import Compiled, compile_query, reason_to_refuse
from groundwire.connectors.sql_rules import DIALECTS, OTHER
from groundwire.connectors.sql_arrow import arrow_type, column
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import (
    AggregateFunction,
    And,
    Capabilities,
    Comparison,
    Connector,
    Not,
    Or,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import AuthFailed, ConfigError, FatalSourceError, Rejected, SourceError, Unavailable

BATCH_ROWS = 65_536
FEW_VALUES = 25
_AGGREGATES: frozenset[AggregateFunction] = frozenset({"count", "count_distinct", "sum", "min", "max", "avg"})

_AUTH_STATES = ("28", "1045", "1044", "1698")
_RETRY_STATES = ("08", "40", "53", "55P03", "57", "2002", "2003", "2006", "2013", "1040", "1205", "1213", "1969", "3024")
_MISSING_DATABASE = ("3D000", "1049")


class SQLSettings(BaseModel):
    """Settings of a SQL source.

    `url` is SQLAlchemy's, such as `postgresql+psycopg://user@host/database`; `schemas` default to the
    connection's own; `tables` are names or patterns such as `sales_*`; `timeout` is in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    views: bool = True
    timeout: float = Setting(default=30.0, gt=0)
    pool_size: int = Setting(default=5, ge=1)


class SQLConnector(Connector):
    """Tables and views of one database."""

    Settings = SQLSettings

    def __init__(self, name: str, settings: SQLSettings) -> None:
        super().__init__(name, settings)
        try:
            url = sa.make_url(settings.url.get_secret_value())
        except sa.exc.ArgumentError:
            raise ConfigError("not a SQLAlchemy URL", setting=f"sources.{name}.url") from None
        drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
        self.url = url.set(drivername=drivers.get(url.drivername, url.drivername))
        self.dialect = DIALECTS.get(self.url.get_backend_name(), OTHER)
        self.capabilities = Capabilities(
            boolean=True,
            order=True,
            limit=True,
            aggregates=_AGGREGATES if self.dialect is not OTHER else frozenset(),
            group_by=self.dialect is not OTHER,
            max_in=self.dialect.keys,
            concurrency=min(4, settings.pool_size),
        )
        self._engine: sa.Engine | None = None

    # -- connection ------------------------------------------------------------------------

    @property
    def engine(self) -> sa.Engine:
        """The pooled SQLAlchemy engine, made at first use."""
        if self._engine is None:
            seconds = max(1, int(self.settings.timeout))
            backend = self.url.get_backend_name()
            arguments: dict[str, Any] = {}
            if backend == "postgresql":
                options = f"-c statement_timeout={seconds * 1000} -c default_transaction_read_only=on"
                arguments = {"connect_timeout": min(seconds, 10), "options": options}
            elif backend in ("mysql", "mariadb"):
                # the client must not hang up before the server's own limit has spoken
                arguments = {"connect_timeout": min(seconds, 10), "read_timeout": seconds + 5, "charset": "utf8mb4"}
            try:
                engine = sa.create_engine(
                    self.url, connect_args=arguments, pool_pre_ping=True, pool_size=self.settings.pool_size
                )
            except (ImportError, sa.exc.NoSuchModuleError) as error:
                raise ConfigError(
                    f"no driver for {self.url.drivername}: {error}; run: pip install 'groundwire[postgresql]' "
                    "or 'groundwire[mariadb]'",
                    setting=f"sources.{self.name}.url",
                ) from None
            event.listen(engine, "connect", self._prepare)
            self._engine = engine
        return self._engine

    def _prepare(self, raw: Any, _: object) -> None:
        backend = self.url.get_backend_name()
        cursor = raw.cursor()
        if backend == "sqlite":
            cursor.execute("PRAGMA query_only = ON")
            cursor.execute("PRAGMA case_sensitive_like = ON")
        elif backend in ("mysql", "mariadb"):
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            with contextlib.suppress(Exception):  # MySQL has another name for it
                cursor.execute(f"SET SESSION max_statement_time = {max(1, int(self.settings.timeout))}")
            cursor.execute("SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES'")
        cursor.close()

    @contextlib.contextmanager
    def _connection(self, deadline: float | None = None) -> Iterator[sa.Connection]:
        try:
            with self.engine.connect() as connection:
                if self.url.get_backend_name() == "sqlite":
                    self._limit_sqlite(connection, deadline)
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise self.translated(error) from None

    def _limit_sqlite(self, connection: sa.Connection, deadline: float | None) -> None:
        end = min(deadline or float("inf"), time.monotonic() + self.settings.timeout)
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: int(time.monotonic() > end), 10_000)

    def translated(self, error: Exception) -> SourceError:
        """The one place where database errors become ours: by SQLSTATE or error number."""
        original = getattr(error, "orig", None) or error
        args = getattr(original, "args", ())
        number = str(args[0]) if args and isinstance(args[0], int) else ""
        state = str(getattr(original, "sqlstate", None) or number)
        text = self._scrubbed(str(original))
        kind: type[SourceError] = Rejected
        if state.startswith(_AUTH_STATES) or "authentication failed" in text:
            kind = AuthFailed
        elif state.startswith(_MISSING_DATABASE):
            kind = FatalSourceError
        elif state.startswith(_RETRY_STATES) or "interrupted" in text:
            kind = Unavailable
        elif isinstance(error, sa.exc.OperationalError | sa.exc.TimeoutError | sa.exc.InterfaceError) and not state:
            kind = Unavailable if self.url.get_backend_name() != "sqlite" or "locked" in text else FatalSourceError
        return kind(text, source=self.name)

    def _scrubbed(self, text: str) -> str:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        first = lines[0] if lines else "error"
        password = self.url.password
        return first.replace(str(password), "***") if password else first

    def check(self) -> str:
        with self._connection() as connection:
            if self.url.get_backend_name() == "sqlite":
                version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
                return f"SQLite {version}, {self.url.database}"
            version = connection.exec_driver_sql("SELECT version()").scalar_one()
            who = connection.exec_driver_sql("SELECT current_user").scalar_one()
            return f"{str(version).split(' on ')[0]}, database {self.url.database}, user {who}"

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        with self._connection() as connection:
            inspector = sa.inspect(connection)
            default = inspector.default_schema_name
            schemas = self.settings.schemas or self._own_schemas(inspector)
            found: list[Entity] = []
            for schema in schemas:
                found += self._discover_schema(inspector, schema, default)
        return _with_relations(found)

    def _own_schemas(self, inspector: sa.Inspector) -> tuple[str | None, ...]:
        if self.url.get_backend_name() != "postgresql":
            return (None,)
        hidden = ("pg_", "information_schema")
        return tuple(s for s in inspector.get_schema_names() if not s.startswith(hidden))

    def _discover_schema(self, inspector: sa.Inspector, schema: str | None, default: str | None) -> list[Entity]:
        asked = None if schema == default else schema
        kind = sa.engine.reflection.ObjectKind
        what = kind.ANY if self.settings.views else kind.TABLE
        columns = inspector.get_multi_columns(schema=asked, kind=what)
        keys = inspector.get_multi_pk_constraint(schema=asked, kind=what)
        foreign = inspector.get_multi_foreign_keys(schema=asked, kind=what)
        comments: dict[Any, Any] = {}
        checks: dict[Any, Any] = {}
        with contextlib.suppress(NotImplementedError):
            comments = dict(inspector.get_multi_table_comment(schema=asked, kind=what))
        with contextlib.suppress(NotImplementedError):
            checks = dict(inspector.get_multi_check_constraints(schema=asked, kind=what))
        entities = []
        for key, cols in columns.items():
            table = key[1]
            name = table if asked is None else f"{schema}.{table}"
            if self.settings.tables and not any(fnmatch.fnmatch(n, p) for n in (table, name) for p in self.settings.tables):
                continue
            values = _checked_values(checks.get(key) or ())
            fields = []
            for c in cols:
                type_ = arrow_type(c["type"])
                if type_ is None:
                    continue
                options = tuple(getattr(c["type"], "enums", ()) or values.get(c["name"], ()))
                fields.append(
                    Field(
                        name=c["name"],
                        type=type_,
                        description=c.get("comment") or "",
                        nullable=bool(c.get("nullable", True)),
                        values=options,
                    )
                )
            if not fields:
                continue
            relations = tuple(
                Relation(
                    name="fk:" + fk["constrained_columns"][0],
                    target=_full_name(self.name, fk, default, asked),
                    on=tuple(zip(fk["constrained_columns"], fk["referred_columns"], strict=True)),
                )
                for fk in foreign.get(key) or ()
                if fk["referred_columns"]
            )
            entities.append(
                Entity(
                    source=self.name,
                    name=name,
                    fields=tuple(fields),
                    primary_key=tuple((keys.get(key) or {}).get("constrained_columns") or ()),
                    relations=relations,
                    description=(comments.get(key) or {}).get("text") or "",
                )
            )
        return entities

    def profile(self, entity: Entity) -> Entity:
        """Rows counted or estimated, and the values of text fields that have few of them."""
        from groundwire.connectors.sql_profile import profiled

        with self._connection() as connection:
            return profiled(entity, connection, self.url.get_backend_name(), self.native_name(entity))

    def native_name(self, entity: Entity) -> str:
        """The table's quoted name in the database."""
        prepare = self.engine.dialect.identifier_preparer
        return ".".join(prepare.quote_identifier(p) for p in _table_name(entity))

    # -- reading ---------------------------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        field = entity.find_field(comparison.field)
        if field is None:
            return Pushdown.NONE
        if comparison.op in ("is null", "is not null"):
            return Pushdown.EXACT
        text = pa.types.is_string(field.type)
        if self.dialect is OTHER:
            plain = pa.types.is_integer(field.type) or pa.types.is_date(field.type)
            loose = text and comparison.op in ("=", "in")
            return Pushdown.EXACT if plain else Pushdown.LOOSE if loose else Pushdown.NONE
        if pa.types.is_binary(field.type) or pa.types.is_time(field.type):
            return Pushdown.NONE
        if self.dialect.temporal_text and pa.types.is_timestamp(field.type):
            return Pushdown.NONE
        return Pushdown.EXACT

    def refuses(self, query: exp.Query) -> str | None:
        return reason_to_refuse(query, self.dialect)

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        return self.scan_query(_as_query(scan), scan.schema, report)

    def scan_query(self, query: exp.Query, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        compiled = compile_query(query, self.dialect, self.engine.dialect.paramstyle)
        report.native.append(compiled.shown)
        report.requests += 1
        if self.url.get_backend_name() == "postgresql" and not query.find(exp.AggFunc) and not query.args.get("limit"):
            from groundwire.connectors.sql_postgres import copied

            stream = copied(self, compiled, schema, report)
            if stream is not None:
                yield from stream
                return
        yield from self._rows(compiled, schema, report)

    def _rows(self, compiled: Compiled, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        with self._connection(report.deadline) as connection:
            streaming = connection.execution_options(stream_results=self.url.get_backend_name() != "postgresql")
            cursor = streaming.exec_driver_sql(compiled.text, compiled.parameters)
            while rows := cursor.fetchmany(BATCH_ROWS):
                if report.deadline is not None and time.monotonic() > report.deadline:
                    raise Unavailable("took longer than the time limit", source=self.name)
                columns = list(zip(*rows, strict=True))
                arrays = [
                    column(values, f.type, source=self.name, name=f.name)
                    for values, f in zip(columns, schema, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _table_name(entity: Entity) -> tuple[str, ...]:
    schema, dot, table = entity.name.partition(".")
    return (schema, table) if dot else (entity.name,)


def _full_name(source: str, fk: Any, default: str | None, asked: str | None) -> str:
    schema = fk.get("referred_schema") or asked
    table = fk["referred_table"]
    return f"{source}.{table}" if schema in (None, default) else f"{source}.{schema}.{table}"


_IN_LIST = re.compile(r"""[("`\s]*(\w+)[)"`\s]*(?:::\w+)?[)\s]*(?:IN\s*\(|=\s*ANY\s*\(+\s*ARRAY\[)(.+?)[\])]""", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


def _checked_values(checks: Any) -> dict[str, tuple[str, ...]]:
    """Values that CHECK (column IN (...)) allows, by column."""
    found: dict[str, tuple[str, ...]] = {}
    for check in checks:
        match = _IN_LIST.match(str(check.get("sqltext", "")).strip())
        if match:
            values = tuple(v.replace("''", "'") for v in _QUOTED.findall(match[2]))
            if values:
                found[match[1]] = values
    return found


def _with_relations(entities: list[Entity]) -> list[Entity]:
    """Foreign keys as named relations, there and back."""
    from dataclasses import replace

    by_name = {e.full_name: e for e in entities}
    relations: dict[str, list[Relation]] = {e.full_name: [] for e in entities}

    def free(owner: str, wanted: str) -> str:
        taken = {r.name.lower() for r in relations[owner]}
        name, count = wanted, 1
        while name.lower() in taken:
            count += 1
            name = f"{wanted}_{count}"
        return name

    for entity in entities:
        for foreign in entity.relations:
            target = by_name.get(foreign.target)
            if target is None:
                continue
            here = foreign.on[0][0]
            short = re.sub(r"(_id|_code|_key|_fk|(?<=[a-z])I[Dd])$", "", here)
            stem = short if short and short != here else target.name.split(".")[-1]
            name = free(entity.full_name, stem)
            relations[entity.full_name].append(replace(foreign, name=name))
            back = free(target.full_name, entity.name.split(".")[-1])
            pairs = tuple((b, a) for a, b in foreign.on)
            relations[target.full_name].append(Relation(name=back, target=entity.full_name, on=pairs, many=True))
    return [replace(e, relations=tuple(relations[e.full_name])) for e in entities]


def _as_query(scan: Scan) -> exp.Query:
    """A scan as a query in DuckDB's dialect."""

    def col(name: str) -> exp.Column:
        return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier("t", quoted=True))

    table = exp.Table(this=exp.to_identifier(scan.entity.name, quoted=True), alias=exp.TableAlias(this=exp.to_identifier("t", quoted=True)))
    table.meta["entity"] = scan.entity
    items: list[exp.Expression] = [exp.alias_(col(n), n, quoted=True) for n in (*scan.fields, *scan.group_by)]
    for a in scan.aggregates:
        items.append(exp.alias_(_aggregate(a.function, col(a.field) if a.field else None), a.alias, quoted=True))
    query = exp.Select(expressions=items, from_=exp.From(this=table))
    if scan.where is not None:
        query.where(_condition(scan.where, col), copy=False)
    if scan.group_by:
        query.set("group", exp.Group(expressions=[col(n) for n in scan.group_by]))
    if scan.order:
        keys = [exp.Ordered(this=col(o.field), desc=o.descending, nulls_first=o.nulls_first) for o in scan.order]
        query.set("order", exp.Order(expressions=keys))
    if scan.limit is not None:
        query.limit(scan.limit, copy=False)
    return query


def _aggregate(function: AggregateFunction, argument: exp.Expression | None) -> exp.Expression:
    if argument is None:
        return exp.Count(this=exp.Star(), big_int=True)
    if function == "count_distinct":
        return exp.Count(this=exp.Distinct(expressions=[argument]), big_int=True)
    kinds: dict[str, type[exp.Expression]] = {"count": exp.Count, "sum": exp.Sum, "min": exp.Min, "max": exp.Max, "avg": exp.Avg}
    return kinds[function](this=argument)


def _condition(predicate: Predicate, col: Any) -> exp.Expression:
    if isinstance(predicate, And):
        return exp.and_(*(_condition(t, col) for t in predicate.terms))
    if isinstance(predicate, Or):
        return exp.or_(*(_condition(t, col) for t in predicate.terms))
    if isinstance(predicate, Not):
        return exp.not_(exp.paren(_condition(predicate.term, col)))
    field, op, value = col(predicate.field), predicate.op, predicate.value
    if op in ("is null", "is not null"):
        test = exp.Is(this=field, expression=exp.null())
        return test if op == "is null" else exp.not_(test)
    if op in ("in", "not in"):
        inside = exp.In(this=field, expressions=[exp.convert(v) for v in value])
        return inside if op == "in" else exp.not_(inside)
    kinds: dict[str, type[exp.Expression]] = {
        "=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE, "like": exp.Like,
    }  # fmt: skip
    return kinds[op](this=field, expression=exp.convert(value))


__all__ = ["SQLConnector", "SQLSettings"]
