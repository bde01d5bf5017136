"""What database drivers raise, as errors of groundwire: one table by the codes that each product gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from groundwire.connectors.sql_bulk import DriverError as DriverError
from groundwire.core.errors import AuthFailed, Rejected, SourceError, Unavailable

Code = str | int

_TABLE: Mapping[str, Mapping[Code, type[SourceError]]] = {
    # SQLSTATE, whole or its class: PostgreSQL documentation, appendix A
    "postgresql": {
        "08": Unavailable,  # connection exception
        "28": AuthFailed,  # invalid authorization
        "40": Unavailable,  # transaction rolled back: serialization, deadlock
        "53": Unavailable,  # insufficient resources
        "55P03": Unavailable,  # lock not available
        "57": Unavailable,  # operator intervention: shutdown, and query cancelled by statement_timeout
        "58": Unavailable,  # system error
    },
    # MariaDB documentation, "MariaDB Error Codes"
    "mysql": {
        1040: Unavailable,  # too many connections
        1044: AuthFailed,  # no access to this database
        1045: AuthFailed,
        1053: Unavailable,  # shutting down
        1129: Unavailable,  # host blocked
        1130: AuthFailed,  # host not allowed
        1203: Unavailable,  # too many connections of this user
        1205: Unavailable,  # lock wait timeout
        1213: Unavailable,  # deadlock
        1226: Unavailable,  # resource limit of this user
        1317: Unavailable,  # query interrupted
        1698: AuthFailed,
        1969: Unavailable,  # max_statement_time (MariaDB)
        2002: Unavailable,
        2003: Unavailable,
        2005: Unavailable,
        2006: Unavailable,
        2013: Unavailable,
        2014: Unavailable,
        2055: Unavailable,
        3024: Unavailable,  # max_execution_time (MySQL)
    },
    # numbers of SQL Server (Microsoft: "Database Engine events and errors") and DB-Library; SQLSTATE of ODBC
    "mssql": {
        1205: Unavailable,  # deadlock
        1222: Unavailable,  # lock timeout
        4060: AuthFailed,  # no access to this database
        6005: Unavailable,  # shutting down
        10928: Unavailable,  # resource limits of Azure SQL
        10929: Unavailable,
        17142: Unavailable,  # paused
        18452: AuthFailed,
        18456: AuthFailed,
        20002: Unavailable,  # connection failed
        20003: Unavailable,  # timed out
        20006: Unavailable,
        20009: Unavailable,
        20047: Unavailable,  # connection is dead
        40197: Unavailable,  # Azure SQL: reconfiguration, throttling
        40501: Unavailable,
        40613: Unavailable,
        49918: Unavailable,
        49919: Unavailable,
        49920: Unavailable,
        "08": Unavailable,
        "28": AuthFailed,
        "40": Unavailable,
        "HYT00": Unavailable,
        "HYT01": Unavailable,
    },
    # Oracle Database error messages, and those of python-oracledb
    "oracle": {
        "ORA-00018": Unavailable,  # sessions
        "ORA-00020": Unavailable,  # processes
        "ORA-00028": Unavailable,  # session killed
        "ORA-00054": Unavailable,  # resource busy
        "ORA-00060": Unavailable,  # deadlock
        "ORA-01013": Unavailable,  # cancelled
        "ORA-01017": AuthFailed,
        "ORA-01033": Unavailable,  # starting up or shutting down
        "ORA-01034": Unavailable,
        "ORA-01045": AuthFailed,  # no CREATE SESSION
        "ORA-01089": Unavailable,
        "ORA-01555": Unavailable,  # snapshot too old
        "ORA-03113": Unavailable,
        "ORA-03114": Unavailable,
        "ORA-03136": Unavailable,
        "ORA-12170": Unavailable,
        "ORA-12514": Unavailable,
        "ORA-12541": Unavailable,
        "ORA-28000": AuthFailed,  # locked
        "ORA-28001": AuthFailed,  # expired
        "DPY-4011": Unavailable,  # closed by the other side
        "DPY-4024": Unavailable,  # call_timeout
        "DPY-6000": Unavailable,  # listener refused
        "DPY-6001": Unavailable,  # no such service
        "DPY-6005": Unavailable,  # no connection
    },
    # primary result codes: sqlite.org/rescode.html
    "sqlite": {
        5: Unavailable,  # BUSY
        6: Unavailable,  # LOCKED
        7: Unavailable,  # NOMEM
        9: Unavailable,  # INTERRUPT, by our progress handler
        10: Unavailable,  # IOERR
        14: Unavailable,  # CANTOPEN
    },
}

# libpq gives no SQLSTATE for a connection that fails; its words are all there is
_REFUSED_LOGIN = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|role \"[^\"]*\" does not exist",
    re.IGNORECASE,
)
_REFUSED_DATABASE = re.compile(r"database \"[^\"]*\" does not exist", re.IGNORECASE)


def mapped(error: Exception, *, source: str, dialect: str, url: URL) -> SourceError:
    """The error of groundwire for what SQLAlchemy or a driver raised.

    Args:
        error: as raised.
        source: configured name of the source.
        dialect: SQLAlchemy's name of the product.
        url: of the connection, whose password is taken out of the message.
    """
    if isinstance(error, PoolTimeout):
        return Unavailable("all connections are busy", source=source)
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = _code(original, dialect)
    message = _message(original, code, url)
    kind = _kind(code, dialect)
    if kind is None and code is None and dialect == "postgresql":
        text = str(original)
        if _REFUSED_LOGIN.search(text):
            kind = AuthFailed
        elif _REFUSED_DATABASE.search(text):
            kind = Rejected
    if code is None and dialect == "sqlite" and "Could not decode" in str(original):
        kind = Rejected  # text that is not UTF-8 will not be so the next time
    if kind is None:
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        connecting = code is None and isinstance(error, OperationalError | InterfaceError | DriverError)
        kind = Unavailable if lost or connecting or isinstance(original, OSError) else Rejected
    return kind(message, source=source)


def _kind(code: Code | None, dialect: str) -> type[SourceError] | None:
    table = _TABLE.get("mysql" if dialect == "mariadb" else dialect, {})
    if code is None:
        return None
    return table.get(code) or (table.get(code[:2]) if isinstance(code, str) else None)


def _code(error: Any, dialect: str) -> Code | None:
    """The product's own code, None where the driver gives none."""
    if dialect == "postgresql":
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        return str(state) if state else None
    if dialect in ("mysql", "mariadb"):
        first = error.args[0] if getattr(error, "args", None) else None
        return first if isinstance(first, int) and first else None
    if dialect == "mssql":
        first = error.args[0] if getattr(error, "args", None) else None
        first = first[0] if isinstance(first, tuple) and first else first
        return first if isinstance(first, int | str) and first and len(str(first)) <= 5 else None
    if dialect == "oracle":
        first = error.args[0] if getattr(error, "args", None) else None
        return getattr(first, "full_code", None) or None
    if dialect == "sqlite":
        code = getattr(error, "sqlite_errorcode", None)
        return int(code) & 0xFF if code is not None else None
    return None


def _message(error: Any, code: Code | None, url: URL) -> str:
    """The product's first line, without the password."""
    diagnosis = getattr(getattr(error, "diag", None), "message_primary", None)
    arguments: tuple[Any, ...] = getattr(error, "args", ())
    if not diagnosis and len(arguments) > 1 and isinstance(arguments[0], int):
        diagnosis = list(arguments)[-1]
    if isinstance(diagnosis, bytes):
        diagnosis = diagnosis.decode(errors="replace")
    lines = [line.strip() for line in str(diagnosis or error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    for secret in {url.password, url.render_as_string(hide_password=False) if url.password else None}:
        if secret:
            text = text.replace(str(secret), "***")
    return f"{text} ({code})" if code is not None else text


CAUGHT = (SQLAlchemyError, DriverError, OSError)
"""What the connector turns into errors of groundwire; drivers' own errors are wrapped by SQLAlchemy."""
