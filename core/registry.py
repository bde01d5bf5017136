"""Which class serves which `type = "..."` of a source, loaded only when a source needs it.

Third parties add connectors by the entry point group `groundwire.connectors`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points

from groundwire.core.catalog import near_names
from groundwire.core.connector import Connector
from groundwire.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of connector: `module:class`, and what to install where its libraries are absent."""

    target: str
    install: str
    summary: str


BUILT_IN: dict[str, Row] = {
    "memory": Row(
        target="groundwire.connectors.memory:MemoryConnector",
        install="pip install groundwire",
        summary="Arrow tables and CSV, JSON or Parquet files in this process",
    ),
    "replica": Row(
        target="groundwire.connectors.replica:ReplicaConnector",
        install="pip install groundwire",
        summary="groundwire's own copies; set up by [replicas]",
    ),
    "salesforce": Row(
        target="groundwire.connectors.salesforce:SalesforceConnector",
        install="pip install 'groundwire[salesforce]'",
        summary="Salesforce, by SOQL over the REST API",
    ),
    "sql": Row(
        target="groundwire.connectors.sql:SQLConnector",
        install="pip install 'groundwire[postgresql]' or 'groundwire[mariadb]'",
        summary="any database that SQLAlchemy reaches",
    ),
    "tryton": Row(
        target="groundwire.connectors.tryton:TrytonConnector",
        install="pip install groundwire",
        summary="Tryton 6 and later, by RPC",
    ),
}

ENTRY_POINTS = "groundwire.connectors"


def kinds() -> dict[str, str]:
    """Every known kind and where its class is found, built in or installed by others."""
    found = {name: row.target for name, row in BUILT_IN.items()}
    return found | {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def load(kind: str, *, setting: str) -> type[Connector]:
    """The connector class for a `type`.

    Args:
        kind: as written in the configuration.
        setting: dotted name of the setting, for the error.

    Raises:
        ConfigError: unknown kind, or its libraries are not installed.
    """
    known = kinds()
    if kind not in known:
        near = near_names(kind, known) or sorted(known)
        raise ConfigError(f"unknown connector type {kind!r}; known: {', '.join(near)}", setting=setting)
    module_name, _, class_name = known[kind].partition(":")
    try:
        loaded = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        row = BUILT_IN.get(kind)
        advice = f"; run: {row.install}" if row else ""
        raise ConfigError(f"connector {kind!r} can't be loaded: {error}{advice}", setting=setting) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise ConfigError(f"{known[kind]} is not a groundwire connector", setting=setting)
    return loaded
