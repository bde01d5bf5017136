"""Which class serves which `type = "..."` of a source, loaded only when a source needs it.

Third parties add connectors by the entry point group `groundwire.connectors`: their package's metadata names the
type, the class, and the extra to install where its libraries are optional. A built-in type can't be replaced.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from pydantic import BaseModel

from groundwire.core.catalog import near_names
from groundwire.core.connector import Connector
from groundwire.core.errors import ConfigError

ENTRY_POINTS = "groundwire.connectors"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One type of connector.

    Attributes:
        name: as written in `type = "..."`.
        target: `module:class`.
        package, version: the distribution that it comes with.
        summary: what it reaches, in a few words; empty for those of others, whose class says it.
        needs: by extra of the package, a module that it brings (empty where unknown); one of them is enough.
    """

    name: str
    target: str
    package: str = "groundwire"
    version: str = ""
    summary: str = ""
    needs: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """Extras whose module is known and not installed."""
        return tuple(extra for extra, module in self.needs.items() if module and find_spec(module) is None)

    @property
    def install(self) -> str:
        """The command that brings what it needs."""
        if self.needs:
            return f"pip install '{self.package}[{','.join(self.needs)}]'"
        return f"pip install --upgrade {self.package}"


def _built_in(name: str, target: str, summary: str, **needs: str) -> Kind:
    return Kind(name=name, target=f"groundwire.connectors.{target}", summary=summary, needs=needs)


BUILT_IN: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _built_in("erpnext", "erpnext:ERPNextConnector", "ERPNext and other Frappe applications, by the REST API"),
        _built_in(
            "hubspot",
            "hubspot:HubSpotConnector",
            "HubSpot's CRM objects, custom ones too, with their associations and owners",
        ),
        _built_in("mcp", "mcp:MCPConnector", "any server of the Model Context Protocol: tools that read", mcp="mcp"),
        _built_in("memory", "memory:MemoryConnector", "Arrow tables and CSV, JSON or Parquet files in this process"),
        _built_in(
            "netsuite",
            "netsuite:NetSuiteConnector",
            "NetSuite's records, items and transactions with their lines, by SuiteQL",
            netsuite="oauthlib",
        ),
        _built_in(
            "odata",
            "odata:ODataConnector",
            "any OData service of version 2 or 4: SAP S/4HANA and Business One, Dynamics 365, Business Central",
        ),
        _built_in("odoo", "odoo:OdooConnector", "Odoo 14 to 19, by JSON-RPC or JSON-2"),
        _built_in("replica", "replica:ReplicaConnector", "groundwire's own copies; set up by [replicas]"),
        _built_in("rest", "rest:RestConnector", "any JSON API, described in YAML"),
        _built_in(
            "salesforce",
            "salesforce:SalesforceConnector",
            "Salesforce, by SOQL over the REST API",
            salesforce="simple_salesforce",
        ),
        _built_in(
            "sql",
            "sql:SQLConnector",
            "any database that SQLAlchemy reaches",
            postgresql="psycopg",
            mariadb="pymysql",
            mssql="pymssql",
            oracle="oracledb",
        ),
        _built_in("tryton", "tryton:TrytonConnector", "Tryton 6 and later, by RPC"),
    )
}


def kinds() -> dict[str, Kind]:
    """Every known type: the built-in ones, then those of installed packages, by name."""
    found = dict(BUILT_IN)
    for name, points in sorted(_offered().items()):
        found.setdefault(name, _kind_of(points[0]))
    return found


def disputed() -> dict[str, list[str]]:
    """Types that a package offers though they are built in or another one offers them too, and those packages."""
    owners = {name: [_package(p) for p in points] for name, points in _offered().items()}
    return {n: found for n, found in owners.items() if n in BUILT_IN or len(found) > 1}


def load(kind: str, *, setting: str) -> type[Connector]:
    """The connector class for a `type`.

    Args:
        kind: as written in the configuration.
        setting: dotted name of the setting, for the error.

    Raises:
        ConfigError: unknown, offered by two packages, not installed whole, or no connector.
    """
    known = kinds()
    if kind not in known:
        near = near_names(kind, known) or sorted(known)
        raise ConfigError(
            f"unknown connector type {kind!r}; known: {', '.join(near)}. `groundwire connectors` lists all",
            setting=setting,
        )
    owners = disputed().get(kind, ())
    if kind not in BUILT_IN and owners:
        raise ConfigError(f"connector type {kind!r} is offered by {' and '.join(owners)}: keep one", setting=setting)
    return load_kind(known[kind], setting=setting)


def load_kind(kind: Kind, *, setting: str | None = None) -> type[Connector]:
    """The class of a type, checked to be a connector.

    Raises:
        ConfigError: its module can't be imported, or what it names is no connector.
    """
    module_name, _, class_name = kind.target.partition(":")
    where = f"connector {kind.name!r}" if kind.name in BUILT_IN else f"connector {kind.name!r} of {kind.package}"
    try:
        loaded = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise ConfigError(f"{where} can't be loaded: {error}; run: {kind.install}", setting=setting) from error
    except Exception as error:
        message = f"{where} can't be loaded: {type(error).__name__}: {error}"
        raise ConfigError(message, setting=setting) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise ConfigError(f"{where} names {kind.target}, which is no groundwire connector", setting=setting)
    if lacking := sorted(getattr(loaded, "__abstractmethods__", ())):
        raise ConfigError(f"{where} lacks {' and '.join(lacking)}", setting=setting)
    settings = getattr(loaded, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise ConfigError(f"{where} has no pydantic model named Settings", setting=setting)
    return loaded


def summary_of(kind: Kind, loaded: type[Connector] | None) -> str:
    """What a type reaches: said here, or by the first line of its class."""
    own = inspect.getdoc(loaded) if loaded is not None else None
    return kind.summary or (own or "").partition("\n")[0]


def _offered() -> dict[str, list[EntryPoint]]:
    """What installed packages offer; a package that is found twice on the path counts once."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        found.setdefault(point.name, {}).setdefault(_package(point), point)
    return {name: list(points.values()) for name, points in found.items()}


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _kind_of(point: EntryPoint) -> Kind:
    target, _, extras = point.value.partition("[")
    return Kind(
        name=point.name,
        target=target.strip(),
        package=_package(point),
        version=point.dist.version if point.dist is not None else "",
        needs=dict.fromkeys(re.findall(r"[\w.-]+", extras), ""),
    )
