"""Every address that this installation may connect to, and, with `offline = true`, none but these.

The addresses are those of the configuration: sources, replicas, cache, broker, a model's server, a collector of
telemetry. An audit hook of Python's (PEP 578) sees every connection and every look-up of a name that Python code
makes in this process, ours or a library's, and refuses the others. The drivers of PostgreSQL and SQL Server connect
from C: the connector says where, by an event of its own, before it lets them.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from groundwire.core.config import Config, TelemetryConfig
from groundwire.core.connector import Connector

_PORTS = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mssql": 1433,
    "oracle": 1521,
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "pyamqp": 5672,
}
"""Where a URL without a port leads."""

_URL = re.compile(r"([a-z][a-z0-9]*)(?:\+[a-z0-9_]+)?://[^\s\"'<>]+", re.IGNORECASE)

_KNOWN_FOR = 60
"""Seconds for which a host's numbers are remembered."""


@dataclass(frozen=True, order=True, kw_only=True)
class Address:
    """Somewhere that may be connected to.

    Attributes:
        host: name or number, in lower case.
        port: None for any.
        purpose: what for: `sources.crm`.
        encrypted: whether the protocol is one that is; None where the driver decides.
    """

    host: str
    port: int | None
    purpose: str
    encrypted: bool | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port is not None else self.host


class NotConfigured(PermissionError):
    """A connection to somewhere that the configuration does not name, while `offline` is set."""


def addresses(config: Config, connectors: Iterable[Connector]) -> list[Address]:
    """Everything that the configuration lets this process connect to, each once, sorted.

    Args:
        config: the whole file.
        connectors: made from it.
    """
    found: set[Address] = set()
    for connector in connectors:
        purpose = f"sources.{connector.name}"
        found |= {_address(url, purpose) for url in [*_urls(connector.settings), *connector.addresses()]}
    for purpose, part in (("replicas", config.replicas), ("cache", config.cache), ("worker", config.worker)):
        found |= {_address(url, purpose) for url in _urls(part)}
    if config.worker.broker is None:
        given = [os.environ[name] for name in ("AMQP_URL", "REDIS_URL") if name in os.environ]
        found |= {_address(url, "worker") for url in _urls(given)}
    found |= {_address(url, "model") for url in _urls(config.model.options)}
    if config.telemetry.enabled:
        found |= {_address(url, "telemetry") for url in endpoints(config.telemetry)}
    return sorted((a for a in found if a.host), key=lambda a: (a.purpose, a.host, a.port or 0))


def endpoints(telemetry: TelemetryConfig) -> list[str]:
    """Where traces and metrics are sent: as configured, else as OpenTelemetry's variables or its default say."""
    if telemetry.endpoint is not None:
        return [telemetry.endpoint]
    one = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    kinds = [("TRACES", telemetry.traces), ("METRICS", telemetry.metrics and telemetry.prometheus is None)]
    own = [os.environ.get(f"OTEL_EXPORTER_OTLP_{kind}_ENDPOINT") or one for kind, wanted in kinds if wanted]
    return sorted({url or "http://localhost:4318" for url in own})


def _urls(value: Any) -> Iterator[str]:
    """Every URL in settings, secret or not."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str):
        yield from (m[0] for m in _URL.finditer(value))
    elif isinstance(value, BaseModel):
        yield from _urls(dict(value))
    elif isinstance(value, Mapping):
        yield from (url for inner in value.values() for url in _urls(inner))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (url for inner in value for url in _urls(inner))


def _address(url: str, purpose: str) -> Address:
    """Where a URL leads; nowhere (an empty host) for files."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower().partition("+")[0]
    try:
        host, port = (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme)
    except ValueError:
        host, port = "", None
    encrypted = {"https": True, "rediss": True, "amqps": True, "http": False, "redis": False, "amqp": False}.get(scheme)
    return Address(host=host, port=port, purpose=purpose, encrypted=encrypted)


# -- refusing the others -------------------------------------------------------------------------

_allowed: set[tuple[str, int | None]] | None = None
_resolving = threading.local()
_lock = threading.Lock()


def enforce(allowed: Iterable[Address]) -> None:
    """Refuse, from now on and for as long as this process lives, connections to anywhere else.

    Called again, it allows what it is given in addition.
    """
    global _allowed
    with _lock:
        if _allowed is None:
            _allowed = set()
            sys.addaudithook(_watch)
        _allowed |= {(a.host, a.port) for a in allowed}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "groundwire.connect":  # a driver in C is about to
        if not _may_connect(str(arguments[0]).lower(), int(arguments[1])):
            raise NotConfigured(f"{arguments[0]}:{arguments[1]} is no configured address (offline = true)")
        return
    if not event.startswith("socket.") or getattr(_resolving, "now", False):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # a socket file of this machine has a path for an address, and a connected one none
        if isinstance(address, tuple) and not _may_connect(str(address[0]).lower(), int(address[1])):
            raise NotConfigured(f"{address[0]}:{address[1]} is no configured address (offline = true)")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
        if host and not _may_look_up(str(host).lower()):
            raise NotConfigured(f"{host} is no configured address (offline = true)")


def _may_connect(host: str, port: int) -> bool:
    places = [name for name, allowed in _allowed or () if allowed is None or allowed == port]
    return host in places or any(host in _numbers(name, int(time.monotonic() // _KNOWN_FOR)) for name in places)


def _may_look_up(host: str) -> bool:
    return any(host == name for name, _ in _allowed or ()) or _is_number(host)


def _is_number(host: str) -> bool:
    """Whether this is an address already: looking it up asks nobody."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False


@lru_cache(maxsize=1000)
def _numbers(host: str, _: int) -> frozenset[str]:
    """What the host's name stands for now."""
    _resolving.now = True
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset()
    finally:
        _resolving.now = False
