"""A database's own clock, and when the oldest of its transactions began that is still open.

Both bound what a sync has to read again (`core/sync_window`), so each errs on the early side: a transaction that
is said to be older than it is costs some rows, one that is overlooked costs a change that is never seen.
"""

from __future__ import annotations

import time

from sqlalchemy.engine import Connection

_CLOCKS = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mariadb": "SELECT UNIX_TIMESTAMP(SYSDATE(6))",
    "mysql": "SELECT UNIX_TIMESTAMP(SYSDATE(6))",
    "sqlite": "SELECT (JULIANDAY('now') - 2440587.5) * 86400.0",
}
"""Seconds since 1970, as each product says them."""

# also one that has only read may write later, under the timestamp of its beginning
_OPEN_POSTGRESQL = (
    "SELECT EXTRACT(EPOCH FROM MIN(began)) FROM (SELECT xact_start AS began FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    " UNION ALL SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()) AS t"
)

# trx_started is in the server's zone whatever the session's, which is UTC
_OPEN_INNODB = (
    "SELECT UNIX_TIMESTAMP(CONVERT_TZ(MIN(trx_started), 'SYSTEM', '+00:00')),"
    " COALESCE(MAX(trx_mysql_thread_id = CONNECTION_ID()), 0) FROM information_schema.innodb_trx"
)
INNODB_IDLE = 0.1
"""Seconds without a reader after which InnoDB renews its list of transactions."""

INNODB_WAIT = 0.5
"""Seconds in which a list is waited for that is certainly new."""


def now(connection: Connection, product: str) -> float | None:
    """Seconds since 1970 by the database's clock (for a file, this machine's); None where it is not asked."""
    statement = _CLOCKS.get(product)
    return None if statement is None else float(connection.exec_driver_sql(statement).scalar() or 0)


def open_since(connection: Connection, product: str) -> float | None:
    """When the oldest open transaction began, in seconds since 1970; None where there is none, or it is not told.

    Args:
        connection: in autocommit mode.
        product: name of the dialect.
    """
    if product in ("mariadb", "mysql"):
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        try:
            return _innodb(connection)
        finally:
            connection.exec_driver_sql("ROLLBACK")
    if product != "postgresql":
        return None
    found = connection.exec_driver_sql(_OPEN_POSTGRESQL).scalar()
    return None if found is None else float(found)


def _innodb(connection: Connection) -> float:
    """The oldest transaction of a list that may be an earlier one.

    InnoDB shows a copy of its list, which it renews only when nobody has read it for a while. The oldest transaction
    of any copy will do, though: one that is open and not in it began after the copy was made, hence after all that
    are. So this transaction is part of what is asked for; a copy without any is older than it, and says nothing.
    """
    end = time.monotonic() + INNODB_WAIT
    while True:
        oldest, mine = connection.exec_driver_sql(_OPEN_INNODB).one()
        waited = time.monotonic() >= end
        if oldest is not None and (mine or waited):
            return float(oldest)
        if waited:  # others read it all the time: none can be older than the server
            (_, up) = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Uptime'").one()
            return (now(connection, "mysql") or 0.0) - float(up) - 1.0
        time.sleep(INNODB_IDLE * 1.1)
