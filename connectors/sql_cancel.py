"""How a statement is ended at its server, from another thread than the one that waits for it.

PostgreSQL has a request for it (psycopg's `cancel_safe`), MariaDB and MySQL the statement KILL QUERY, sent over a
connection of its own, Oracle's driver `cancel`. SQLite looks at the stop itself (`sql._limited`), and ADBC has
`adbc_cancel` (`sql_bulk`). SQL Server's driver has no means: its statements end by their time limit.
A statement may end by itself at the same moment: its connection must not be used again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

SECONDS = 2
"""For the request to reach the server."""


def ender(connection: Connection) -> Callable[[], object] | None:
    """What ends the statement that this connection executes; None where the driver has no means."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.driver == "psycopg":
        return partial(driver.cancel_safe, timeout=SECONDS)
    if connection.dialect.driver == "pymysql":
        return partial(_kill, connection.engine.url, driver.thread_id())
    if connection.dialect.driver == "oracledb":
        ended: Callable[[], object] = driver.cancel
        return ended
    return None


def _kill(url: URL, thread: int) -> None:
    limits = {"connect_timeout": SECONDS, "read_timeout": SECONDS}
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=limits)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"KILL QUERY {int(thread)}")
