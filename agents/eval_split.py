"""One database's tables over two servers, to see whether a question that crosses systems is answered as well.

Half of the tables are copied to a second server, into a database made for this and dropped afterwards; the first
source goes on with the other half. Relations that then cross, declared or inferred, become links, as an operator
would write them. Nothing is written to the first server.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import random
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from groundwire.core.catalog import Catalog, Entity, Relation
from groundwire.core.config import Config, LinkConfig, SourceConfig
from groundwire.core.errors import ConfigError, Unavailable

_ALL_WAYS = 16
"""Tables up to which every division is tried."""
_TRIES = 40
_BATCH = 1000
_SHORT = 255
_TAG = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
"""This machine, in the names of databases: what another machine makes is not ours to drop."""


@runtime_checkable
class Database(Protocol):
    """What is needed of the connector of a SQL source."""

    url: sa.URL

    def path(self, entity: Entity) -> tuple[str, ...]:
        """Schema, if it is not the default one, and table."""
        ...


@dataclass(frozen=True, kw_only=True)
class Division:
    """Which entities move.

    Attributes:
        moved: full names.
        crossing: relations to one between the halves, each with the entity that has it.
        relations: how many there are between different entities.
    """

    moved: frozenset[str]
    crossing: tuple[tuple[Entity, Relation], ...]
    relations: int


def divide(entities: Collection[Entity]) -> Division:
    """Half of the entities, chosen so that half of the relations cross; the same for the same entities.

    A relation over several fields never crosses where that can be avoided, for no link can say it.
    """
    by_name = {e.full_name: e for e in sorted(entities, key=lambda e: e.full_name)}
    edges = [
        (e, r)
        for e in by_name.values()
        for r in e.relations
        if not r.many and r.target in by_name and r.target != e.full_name
    ]
    wanted = len(edges) // 2

    def cost(moved: Collection[str]) -> int:
        crossing = [r for e, r in edges if (e.full_name in moved) != (r.target in moved)]
        return abs(len(crossing) - wanted) + 1000 * sum(len(r.on) > 1 for r in crossing)

    moved = min(_divisions(list(by_name), cost), key=cost)
    crossing = tuple((e, r) for e, r in edges if (e.full_name in moved) != (r.target in moved))
    return Division(moved=frozenset(moved), crossing=crossing, relations=len(edges))


def _divisions(names: list[str], cost: Any) -> Iterator[tuple[str, ...]]:
    half = len(names) // 2
    if len(names) <= _ALL_WAYS:
        yield from itertools.combinations(names, half)
        return
    chance = random.Random(len(names))  # noqa: S311 - the same halves every time
    for _ in range(_TRIES):
        moved = set(chance.sample(names, half))
        while True:
            swaps = ((moved - {a}) | {b} for a in sorted(moved) for b in names if b not in moved)
            better = next((s for s in swaps if cost(s) < cost(moved)), None)
            if better is None:
                break
            moved = better
        yield tuple(sorted(moved))


@contextmanager
def divided(
    config: Config, catalog: Catalog, database: Database, second: sa.URL, db: str
) -> Iterator[tuple[Config, list[str]]]:
    """A configuration with the tables of its only source on two servers, and what was done, as sentences.

    Args:
        config: with one source, whose connector is `database`.
        catalog: what it describes.
        database: where the tables are.
        second: where databases may be made; an account that may drop them again.
        db: a part of the new database's name.

    Raises:
        ConfigError: there is more than one source, or the second server can't be used.
        Unavailable: a server failed.
    """
    if len(config.sources) != 1:
        raise ConfigError("`split` divides one SQL source, and there are more", setting="sources")
    division = divide(list(catalog))
    if not division.moved:
        raise ConfigError("there are too few tables to divide")
    for entity, relation in division.crossing:
        if len(relation.on) != 1:
            raise ConfigError(f"{entity.name}.{relation.name} has several fields and would have to cross")
    moved = {e.full_name: e for e in catalog if e.full_name in division.moved}
    names = _names(moved.values(), database)
    with _made_database(second, db) as there:
        with _failing("copying the tables"):
            rows = _copy(database, there, moved, names)
        yield _configured(config, catalog, division, names, there), [_note(division, catalog, names, rows)]


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        first = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise Unavailable(f"{what} failed: {first}", source="second") from None


def _names(moved: Collection[Entity], database: Database) -> dict[str, str]:
    """What the moved tables are called on the second server, by full name."""
    last = [database.path(e)[-1].lower() for e in moved]
    return {
        e.full_name: database.path(e)[-1]
        if last.count(database.path(e)[-1].lower()) == 1
        else "_".join(database.path(e))
        for e in moved
    }


def _note(division: Division, catalog: Catalog, names: Mapping[str, str], rows: int) -> str:
    return (
        f"{len(division.moved)} of {len(catalog)} tables with {rows:,} rows are on the second server "
        f"({', '.join(sorted(names.values()))}); {len(division.crossing)} of {division.relations} relations cross"
    )


def _configured(
    config: Config, catalog: Catalog, division: Division, names: Mapping[str, str], there: sa.URL
) -> Config:
    (name, source), second = next(iter(config.sources.items())), f"{next(iter(config.sources))}_second"

    def placed(full_name: str) -> str:
        return f"{second}.{names[full_name]}" if full_name in names else full_name

    kept = [e.name for e in catalog if e.full_name not in division.moved]
    settings = {n: c for n, c in source.entities.items() if f"{name}.{n}" not in names}
    others = {names[f"{name}.{n}"]: c for n, c in source.entities.items() if f"{name}.{n}" in names}
    links = []
    for link in config.links:
        ends = []
        for end in (link.from_, link.to):
            written, _, field = end.rpartition(".")
            ends.append(f"{placed(catalog.entity(written).full_name)}.{field}")
        links.append(link.model_copy(update={"from_": ends[0], "to": ends[1]}))
    for entity, relation in division.crossing:
        (here, field), back = relation.on[0], catalog.target(relation)
        reverse = next(
            (r.name for r in back.relations if r.many and r.target == entity.full_name and r.on == ((field, here),)),
            entity.name.split(".")[-1],
        )
        links.append(
            LinkConfig.model_validate(
                {
                    "from": f"{placed(entity.full_name)}.{here}",
                    "to": f"{placed(back.full_name)}.{field}",
                    "name": relation.name,
                    "reverse": reverse,
                }
            )
        )
    url = there.render_as_string(hide_password=False)
    return config.model_copy(
        update={
            "sources": {
                name: source.model_copy(update={"tables": tuple(kept), "entities": settings}),
                second: SourceConfig.model_validate({"type": "sql", "url": url, "entities": others}),
            },
            "links": tuple(links),
        }
    )


# -- the copy ----------------------------------------------------------------------------------


@contextmanager
def _made_database(url: sa.URL, db: str) -> Iterator[sa.URL]:
    """A new database on the second server, dropped at the end; those of our processes that were killed go first."""
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    safe = re.sub(r"\W", "_", db, flags=re.ASCII)[:30]
    name = f"gw_split_{_TAG}_{os.getpid()}_{safe}"
    try:
        with _failing("making a database"), server.connect() as connection:
            for old in sa.inspect(connection).get_schema_names() if _is_mysql(url) else _postgres_databases(connection):
                if (found := re.fullmatch(rf"gw_split_{_TAG}_(\d+)_\w*", old)) and not _lives(int(found[1])):
                    _drop(connection, old)
            _drop(connection, name)
            connection.exec_driver_sql(f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if _is_mysql(url) else ""))
        try:
            yield url.set(database=name)
        finally:
            with _failing(f"dropping {name}"), server.connect() as connection:
                _drop(connection, name)
    finally:
        server.dispose()


def _is_mysql(url: sa.URL) -> bool:
    return url.get_backend_name() in ("mysql", "mariadb")


def _postgres_databases(connection: sa.Connection) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql("SELECT datname FROM pg_database")]


def _drop(connection: sa.Connection, name: str) -> None:
    force = " WITH (FORCE)" if connection.dialect.name == "postgresql" else ""
    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}{force}")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _copy(database: Database, there: sa.URL, moved: Mapping[str, Entity], names: Mapping[str, str]) -> int:
    """Make the tables and fill them; how many rows that were."""
    first, second = sa.create_engine(database.url), sa.create_engine(there)
    total = 0
    try:
        with first.connect() as reading:
            metadata = sa.MetaData()
            for entity in moved.values():
                _table(metadata, entity, moved, names, _longest(reading, database, entity))
            metadata.create_all(second)
            by_table = {names[full_name]: entity for full_name, entity in moved.items()}
            with second.begin() as writing:
                for table in metadata.sorted_tables:
                    rows = _rows(reading, database, by_table[table.name])
                    while batch := list(itertools.islice(rows, _BATCH)):
                        writing.execute(sa.insert(table), batch)
                        total += len(batch)
    finally:
        first.dispose()
        second.dispose()
    return total


def _source(database: Database, entity: Entity) -> sa.TableClause:
    *schema, name = database.path(entity)
    return sa.table(name, *(sa.column(f.name) for f in entity.fields), schema=schema[0] if schema else None)


def _longest(reading: sa.Connection, database: Database, entity: Entity) -> dict[str, int]:
    """The longest text of each text field, in characters."""
    table = _source(database, entity)
    texts = [f.name for f in entity.fields if pa.types.is_string(f.type)]
    if not texts:
        return {}
    found = reading.execute(sa.select(*(sa.func.max(sa.func.length(sa.cast(table.c[n], sa.Text))) for n in texts)))
    return {n: int(v or 0) for n, v in zip(texts, found.one(), strict=True)}


def _rows(reading: sa.Connection, database: Database, entity: Entity) -> Iterator[dict[str, Any]]:
    table = _source(database, entity)
    for row in reading.execute(sa.select(*(table.c[f.name] for f in entity.fields))):
        yield {f.name: _value(v) for f, v in zip(entity.fields, row, strict=True)}


def _value(value: Any) -> Any:
    """As a driver of another product takes it: moments in UTC, everything unknown as text."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, dict | list | tuple) or type(value).__module__ in ("uuid", "ipaddress"):
        return str(value)
    return value


def _table(
    metadata: sa.MetaData,
    entity: Entity,
    moved: Mapping[str, Entity],
    names: Mapping[str, str],
    longest: Mapping[str, int],
) -> None:
    columns = [
        sa.Column(
            f.name,
            _type(f.type, longest.get(f.name, 0)),
            primary_key=f.name in entity.primary_key,
            nullable=f.nullable and f.name not in entity.primary_key,
            autoincrement=False,
            comment=f.description or None,
        )
        for f in entity.fields
    ]
    keys = [
        sa.ForeignKeyConstraint(
            [here for here, _ in r.on], [f"{names[r.target]}.{field}" for _, field in r.on], name=f"{r.name}_{n}"[:60]
        )
        for n, r in enumerate(entity.relations)
        if r.declared and not r.many and r.target in moved and r.target != entity.full_name
        if tuple(field for _, field in r.on) == moved[r.target].primary_key
    ]
    sa.Table(names[entity.full_name], metadata, *columns, *keys, comment=entity.description or None)


def _type(type_: pa.DataType, longest: int) -> sa.types.TypeEngine[Any]:
    if pa.types.is_boolean(type_):
        return sa.Boolean()
    if pa.types.is_integer(type_):
        return sa.BigInteger()
    if pa.types.is_decimal(type_):
        return sa.Numeric(type_.precision, type_.scale)
    if pa.types.is_floating(type_):
        return sa.Double()
    if pa.types.is_timestamp(type_):
        return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    if pa.types.is_date(type_):
        return sa.Date()
    if pa.types.is_time(type_):
        return sa.Time().with_variant(mysql.TIME(fsp=6), "mysql", "mariadb")
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return sa.LargeBinary()
    if longest <= _SHORT:
        return sa.String(_SHORT)
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def relations_of(catalog: Catalog) -> set[tuple[str, str, str, str]]:
    """Relations to one as `(table, field, table, field)`, whatever source they are in."""
    return {
        (e.name.split(".")[-1].lower(), here, catalog.target(r).name.split(".")[-1].lower(), there)
        for e in catalog
        for r in e.relations
        if not r.many
        for here, there in r.on
    }
