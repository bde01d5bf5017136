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
    "hubspot": Row(
        target="groundwire.connectors.hubspot:HubSpotConnector",
        install="pip install groundwire",
        summary="HubSpot's CRM objects, custom ones too, with their associations and owners",
    ),
    "memory": Row(
        target="groundwire.connectors.memory:MemoryConnector",
        install="pip install groundwire",
        summary="Arrow tables and CSV, JSON or Parquet files in this process",
    ),
    "netsuite": Row(
        target="groundwire.connectors.netsuite:NetSuiteConnector",
        install="pip install 'groundwire[netsuite]'",
        summary="NetSuite's records, items and transactions with their lines, by SuiteQL",
    ),
    "odata": Row(
        target="groundwire.connectors.odata:ODataConnector",
        install="pip install groundwire",
        summary="any OData service of version 2 or 4: SAP S/4HANA and Business One, Dynamics 365, Business Central",
    ),
    "odoo": Row(
        target="groundwire.connectors.odoo:OdooConnector",
        install="pip install groundwire",
        summary="Odoo 14 to 19, by JSON-RPC or JSON-2",
    ),
    "replica": Row(
        target="groundwire.connectors.replica:ReplicaConnector",
        install="pip install groundwire",
        summary="groundwire's own copies; set up by [replicas]",
    ),
    "rest": Row(
        target="groundwire.connectors.rest:RestConnector",
        install="pip install groundwire",
        summary="any JSON API, described in YAML",
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
