"""What a session is told before it reads: read-only, in UTC, and with an end to statements that take too long.

PostgreSQL, MariaDB and MySQL end a statement by themselves. For SQL Server and Oracle the driver does. A session of
SQL Server can't be made read-only: it is said to only read (`ApplicationIntent`), and what it does is rolled back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import URL, Connection

from groundwire.connectors import sql_mssql, sql_oracle

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
}
"""The driver of a URL that names none."""

_EXTRAS = {"mysql": "mariadb", "mariadb": "mariadb", "mssql": "mssql", "oracle": "oracle"}
_ODBC = "ODBC Driver 18 for SQL Server"

LIMITED = frozenset({"postgresql", "mysql", "mariadb"})
"""Products that end a statement by themselves, when they were told after how long."""

PREPARED = LIMITED | {"mssql", "oracle"}
"""Products whose sessions are told something."""

ROLLED_BACK = frozenset({"mssql", "oracle"})
"""Products that read in a transaction, which ends without a commit."""


def extra_of(backend: str) -> str:
    """The extra of groundwire that brings a product's driver."""
    return _EXTRAS.get(backend, "postgresql" if backend.startswith("postgres") else "postgresql,mariadb")


def asked(url: URL, *, read_only: bool) -> URL:
    """The URL as the driver needs it."""
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    if url.drivername != "mssql+pyodbc" or "odbc_connect" in url.query:
        return url
    wanted = {} if "driver" in url.query or not url.host else {"driver": _ODBC}
    if read_only and not any(name.lower() == "applicationintent" for name in url.query):
        wanted["ApplicationIntent"] = "ReadOnly"
    return url.update_query_dict(wanted)


def driver_arguments(drivername: str, seconds: float, *, read_only: bool) -> dict[str, Any]:
    """What a product's driver is told of time and of who connects."""
    if drivername == "postgresql+psycopg":
        return {
            "connect_timeout": max(2, int(min(seconds, 10))),
            "tcp_user_timeout": int(seconds * 1000) + 5000,
            "application_name": "groundwire",
        }
    if drivername.endswith("+pymysql"):
        wait = seconds + max(1.0, min(5.0, seconds))  # the server's own limit speaks first
        return {"connect_timeout": 10, "read_timeout": wait, "charset": "utf8mb4"}
    if drivername == "mssql+pymssql":
        return {
            "login_timeout": 10,
            "timeout": max(1, math.ceil(seconds)),
            "appname": "groundwire",
            "read_only": read_only,
        }
    if drivername == "mssql+pyodbc":
        return {"timeout": 10}  # for logging in
    if drivername == "oracle+oracledb":
        return {"tcp_connect_timeout": 10.0}
    return {}


def limit_driver(driver: Any, seconds: float) -> None:
    """Have a driver end statements after so many seconds, where it can be told on an open connection."""
    if hasattr(driver, "call_timeout"):  # oracledb: milliseconds for each answer of the server
        driver.call_timeout = max(1, int(seconds * 1000))
    elif type(driver).__module__ == "pyodbc":
        driver.timeout = max(1, math.ceil(seconds))


def limit_statement(backend: str, mariadb: bool, seconds: float, scope: str = "SESSION") -> str:
    """What has a server end statements after so many seconds."""
    if backend == "postgresql":
        return f"SET {scope} statement_timeout = {max(1, int(seconds * 1000))}"
    if mariadb:
        return f"SET SESSION max_statement_time = {max(0.001, seconds):.3f}"
    return f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}"


def statements(backend: str, mariadb: bool, seconds: float, *, read_only: bool) -> Sequence[str]:
    """What a new session is told."""
    if backend == "mssql":
        return [*sql_mssql.SESSION, f"SET LOCK_TIMEOUT {int(seconds * 1000)}"]
    if backend == "oracle":
        return sql_oracle.SESSION
    limit = limit_statement(backend, mariadb, seconds)
    if backend == "postgresql":
        characteristics = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
        return [
            limit,
            "SET timezone = 'UTC'",
            "SET datestyle = 'ISO'",
            *([characteristics] if read_only else []),
        ]
    collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
    return [
        f"SET NAMES utf8mb4 COLLATE {collation}",
        "SET SESSION time_zone = '+00:00'",
        # differences of unsigned numbers may be negative; quotes and backslashes mean what they usually do
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_UNSIGNED_SUBTRACTION'",
        limit,
        *(["SET SESSION TRANSACTION READ ONLY"] if read_only else []),
    ]


def begin_read_only(connection: Connection) -> None:
    """Oracle's first statement of a transaction that reads."""
    connection.exec_driver_sql(sql_oracle.READ_ONLY)


def parameter_style(connection: Connection) -> str:
    """How the driver takes parameters, as `rendered` calls it."""
    dialect = connection.dialect
    if dialect.paramstyle == "pyformat" and dialect.driver == "pymssql":
        return "pyformat plain"  # SQLAlchemy: "it uses pyformat yet does not require that percent signs be doubled"
    return dialect.paramstyle
