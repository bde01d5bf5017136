"""What a case is asked of: the connected systems as they are configured, and the database that its gold query runs on.

Gold queries go to the database itself, in its own dialect, past our planner: a defect there can't hide. Where
several sources are connected and a case does not say which one it means, there is no such database, and the gold query
is one of groundwire's own. Nothing here writes: sessions are read-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from groundwire.agents import eval_crowd, eval_split
from groundwire.agents.eval_cases import Case
from groundwire.core import config as configuration
from groundwire.core import registry
from groundwire.core.catalog import Catalog
from groundwire.core.config import Config
from groundwire.core.errors import ConfigError, QueryError, Unavailable
from groundwire.core.hub import Hub

Mode = Literal["single", "split", "crowd"]
MODES: tuple[Mode, ...] = ("single", "split", "crowd")
GOLD_SECONDS = 60
"""Longest time that a gold query may take, in seconds."""
_SESSIONS = {
    "postgresql": (
        "SET TIME ZONE 'UTC'",
        "SET default_transaction_read_only = on",
        f"SET statement_timeout = {GOLD_SECONDS * 1000}",
    ),
    "mysql": ("SET time_zone = '+00:00'", "SET SESSION TRANSACTION READ ONLY"),
    "mariadb": (
        "SET time_zone = '+00:00'",
        "SET SESSION TRANSACTION READ ONLY",
        f"SET SESSION max_statement_time = {GOLD_SECONDS}",
    ),
    "sqlite": ("PRAGMA query_only = on",),
}
"""What our own sessions do too: times in UTC, and no writes."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the cases come from and go to.

    Attributes:
        config: the configuration; `{db}` in it is the case's database.
        url: in place of a configuration, one database; `{db}` as well.
        mode: `single` as configured; `split` half the tables on a second server; `crowd` among a thousand others.
        second_url: a server for `split` on which databases may be made; its databases are dropped again.
        model: in place of the configured one.
        environment: in place of the process's own, for the configuration.
    """

    config: Path | None = None
    url: str | None = None
    mode: Mode = "single"
    second_url: str | None = None
    model: str | None = None
    environment: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.config is not None and self.url is not None:
            raise ConfigError("give a configuration or a URL, not both", setting="url")
        if (self.mode == "split") != (self.second_url is not None):
            raise ConfigError("`split` needs a second server, and nothing else does", setting="second_url")

    def parsed(self, db: str) -> Config:
        """The configuration for one database.

        Raises:
            ConfigError: it is not valid.
        """
        if self.url is not None:
            name = db if db.isidentifier() and db.isascii() else "data"
            url = self.url.replace("{db}", db)
            parsed = configuration.parse({"sources": {name: {"type": "sql", "url": url}}}, base=Path.cwd())
        else:
            parsed = configuration.load(self.config, self.environment, names={"db": db})
        if not parsed.sources:
            raise ConfigError("no source is configured", setting="sources")
        if self.model is not None:
            return parsed.model_copy(update={"model": parsed.model.model_copy(update={"name": self.model})})
        return parsed


@dataclass(kw_only=True)
class Setup:
    """One database, ready to be asked.

    Attributes:
        hub: what answers.
        single: the catalog as it is configured, without what the mode did to it.
        notes: what that was, as sentences.
        databases: where gold queries can run, by source.
        alone: whether the only source is such a database.
    """

    hub: Hub
    single: Catalog
    notes: tuple[str, ...] = ()
    databases: Mapping[str, sa.URL] = field(default_factory=dict)
    alone: bool = False
    _engines: dict[str, sa.Engine] = field(default_factory=dict)

    def gold(self, case: Case, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of a gold query.

        Raises:
            GroundwireError: it can't be run.
        """
        place = case.source or (next(iter(self.databases)) if self.alone else None)
        if place is None:
            result = self.hub.query(query)
            return result.columns, result.rows()
        if place not in self.databases:
            raise ConfigError(f"{case.id}: its source {place!r} is no SQL database of this configuration")
        try:
            with self._engine(place).connect() as connection:
                found = connection.execution_options(no_parameters=True).exec_driver_sql(query)
                return list(found.keys()), [tuple(row) for row in found]
        except sa.exc.OperationalError as error:
            raise Unavailable(_first_line(error), source=place) from None
        except sa.exc.SQLAlchemyError as error:
            raise QueryError(f"the database refuses the gold query: {_first_line(error)}") from None

    def _engine(self, place: str) -> sa.Engine:
        if place not in self._engines:
            engine = sa.create_engine(self.databases[place])

            @sa.event.listens_for(engine, "connect")
            def prepare(connection: Any, _: object) -> None:
                cursor = connection.cursor()
                for statement in _SESSIONS.get(engine.dialect.name, ()):
                    cursor.execute(statement)
                cursor.close()
                connection.commit()

            self._engines[place] = engine
        return self._engines[place]

    def close(self) -> None:
        """Let go of the connections for gold queries; the hub is not ours."""
        for engine in self._engines.values():
            engine.dispose()


@contextmanager
def opened(target: Target, db: str) -> Iterator[Setup]:
    """One database in one mode, connected until the end.

    Raises:
        ConfigError: the configuration is not valid, or does not fit the mode.
        SourceError: a source can't be asked.
    """
    with ExitStack() as stack:
        config = target.parsed(db)
        hub = stack.enter_context(Hub.from_parsed(config))
        single = hub.catalog
        found = {name: c for name, c in hub.connectors.items() if isinstance(c, eval_split.Database)}
        setup = Setup(
            hub=hub,
            single=single,
            databases={name: c.url for name, c in found.items()},
            alone=len(hub.connectors) == 1 and len(found) == 1,
        )
        if target.mode == "crowd":
            _crowd(setup, stack)
        if target.mode == "split" and target.second_url is not None:
            if not setup.alone:
                raise ConfigError("`split` divides one SQL source, and this is not all there is", setting="sources")
            database = next(iter(found.values()))
            second = _url(target.second_url)
            divided, notes = stack.enter_context(eval_split.divided(config, single, database, second, db or "data"))
            setup.hub = stack.enter_context(Hub.from_parsed(divided))
            setup.notes = (*notes, *_changed(single, setup.hub.catalog))
        stack.callback(setup.close)
        yield setup


def _url(text: str) -> sa.URL:
    """A URL as the connector of SQL databases understands it."""
    kind = registry.load("sql", setting="second_url")
    connector = kind("second", configuration.settings_of(kind.Settings, {"url": text}, setting="second"))
    try:
        assert isinstance(connector, eval_split.Database)
        return connector.url
    finally:
        connector.close()


def _crowd(setup: Setup, stack: ExitStack) -> None:
    others = eval_crowd.connectors(setup.single)
    hub = stack.enter_context(Hub.from_parsed(setup.hub.config))
    hub.connectors |= {connector.name: connector for connector in others}
    setup.hub = hub
    count = len(hub.catalog) - len(setup.single)
    setup.notes = (f"{count:,} other entities stand beside {len(setup.single)}",)


def _changed(before: Catalog, after: Catalog) -> list[str]:
    """Relations that dividing took away, or that are inferred now that half of the tables are out of sight."""
    one, two = eval_split.relations_of(before), eval_split.relations_of(after)
    notes = []
    for text, relations in (("lost", one - two), ("inferred anew", two - one)):
        if relations:
            listed = sorted(f"{a}.{b} -> {c}.{d}" for a, b, c, d in relations)
            notes.append(f"relations {text} by dividing: {', '.join(listed)}")
    return notes


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
