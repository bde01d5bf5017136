"""Results of unknown length from PostgreSQL in one round trip, a bounded part at a time.

A server-side cursor costs half a dozen round trips, which an aggregate over few groups does not
deserve; a plain cursor holds the whole result in memory. libpq 17 delivers a result in chunks as it
arrives ("Chunked rows mode", PostgreSQL documentation, section 34.6), which psycopg offers as
`Cursor.stream(size=...)`; with an older libpq the server-side cursor remains.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

CHUNK_ROWS = 1_000

CONNECTS = "groundwire.connect"
"""Audit event (PEP 578) with host and port, raised before libpq connects: Python tells nobody what C does."""


def _is_available() -> bool:
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError:
        return False
    return bool(psycopg.pq.version() >= 170_000 and psycopg.capabilities.has_stream_chunked())


AVAILABLE = _is_available()
"""Whether psycopg and a libpq that delivers chunks are installed."""


def partitions(connection: Connection, text: str, values: Any, rows: int) -> Iterator[Sequence[Any]]:
    """The rows of a statement, in lists of at most so many.

    Args:
        connection: open, with autocommit.
        text: in psycopg's `pyformat`.
        values: of its placeholders.
        rows: in one list at most.

    Raises:
        DBAPIError: as SQLAlchemy would.
    """
    pooled = connection.connection
    driver: Any = pooled.driver_connection
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, closing(cursor.stream(text, values, size=CHUNK_ROWS)) as found:
            while some := list(islice(found, rows)):
                yield some
    except dbapi.Error as error:
        lost = bool(driver.closed)
        if lost:
            connection.invalidate(error)
        raise _wrapped(error, text, lost) from None


def _wrapped(error: Exception, text: str, lost: bool) -> sa.exc.DBAPIError:
    """SQLAlchemy's error of the same name in PEP 249."""
    kinds = (getattr(sa.exc, kind.__name__, None) for kind in type(error).__mro__)
    kind: type[sa.exc.DBAPIError] = next((k for k in kinds if k is not None), sa.exc.DBAPIError)
    return kind(text, None, error, connection_invalidated=lost)


def targets(url: URL) -> list[tuple[str, int]]:
    """Hosts and ports to which libpq connects for a URL; socket files and services count as hosts of their own.

    Source: PostgreSQL documentation, "Database Connection Control Functions" and "Environment Variables".
    """
    query = {k: ",".join(v) if isinstance(v, tuple) else v for k, v in url.query.items()}
    service = query.get("service") or os.environ.get("PGSERVICE")
    if service:
        return [(f"service {service}", 0)]
    told = query.get("hostaddr") or os.environ.get("PGHOSTADDR") or query.get("host") or url.host
    hosts = str(told or os.environ.get("PGHOST") or "").split(",")
    ports = str(query.get("port") or url.port or os.environ.get("PGPORT") or 5432).split(",")
    ports = ports if len(ports) == len(hosts) else [ports[0]] * len(hosts)
    return [(h, int(p or 5432)) for h, p in zip(hosts, ports, strict=True) if h and not h.startswith(("/", "@"))]


def announce(url: URL) -> None:
    """Say to audit hooks where a driver in C is about to connect: libpq, or FreeTDS and ODBC for SQL Server.

    Raises:
        PermissionError: a hook does not allow it.
    """
    if url.get_backend_name() == "postgresql":
        for host, port in targets(url):
            sys.audit(CONNECTS, host, port)
    if url.get_backend_name() == "mssql":
        sys.audit(CONNECTS, url.host or "localhost", url.port or 1433)
