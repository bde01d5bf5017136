"""The small tables that processes share to work together: whose turn it is, and how much a source still allows.

They live in the replicas' PostgreSQL database. Beside replicas in SQLite they have a file of their own, since
a sync may hold the replicas' write lock for seconds, and a question that asks for its turn at a source must
not wait for that. Nothing here is lost for good when it is lost: schedules start anew, quotas are told again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from groundwire.core.config import Config
from groundwire.core.errors import ConfigError, Unavailable
from groundwire.core.replica import replica_url

METADATA = sa.MetaData()
"""Tables of this database; `schedule`, `limits` and `inbox` add theirs."""

WAIT = 20.0
"""Seconds that a process waits for another that writes the same SQLite file."""

_CREATING = 727164
"""Number of the advisory lock under which tables are created in PostgreSQL."""


class Control:
    """The database of these tables. Safe to use from several threads.

    Args:
        url: for SQLAlchemy, SQLite or PostgreSQL.
        metadata: the tables; those of this database without it.
        durable: whether what is committed to a file survives a power failure too.

    Raises:
        ConfigError: it is neither, or its driver is missing.
    """

    def __init__(self, url: str, *, metadata: sa.MetaData = METADATA, durable: bool = False) -> None:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        elif parsed.get_backend_name() != "sqlite":
            raise ConfigError("replicas are kept in SQLite or PostgreSQL", setting="replicas.url")
        self.url = parsed
        self._metadata = metadata
        self._durable = durable
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(
        cls, config: Config, name: str = "control", *, metadata: sa.MetaData = METADATA, durable: bool = False
    ) -> Control:
        """The database that belongs to a configuration's replicas; beside replicas in SQLite a file of this name."""
        url = sa.make_url(replica_url(config))
        if url.get_backend_name() == "sqlite" and url.database:
            path = Path(url.database)
            url = url.set(database=str(path.with_name(f"{path.stem}-{name}.sqlite")))
        return cls(url.render_as_string(hide_password=False), metadata=metadata, durable=durable)

    @property
    def folder(self) -> Path | None:
        """Where the SQLite file is; None for PostgreSQL."""
        return Path(self.url.database).parent if self.url.get_backend_name() == "sqlite" and self.url.database else None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, alone in SQLite; committed at the end unless something is raised.

        Raises:
            Unavailable: the database is full, locked or away.
        """
        try:
            with self._ready().begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            text = str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__
            raise Unavailable(f"the worker's tables can't be used: {text}", source="@replica") from None

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _ready(self) -> Engine:
        with self._lock:
            if self._engine is None:
                engine = self._make()
                with engine.begin() as connection:
                    if engine.dialect.name == "postgresql":
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CREATING})")
                    self._metadata.create_all(connection)
                self._engine = engine
            return self._engine

    def _make(self) -> Engine:
        try:
            if self.folder is None:
                return sa.create_engine(self.url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(str(self.url.database)).touch(mode=0o600)
            engine = sa.create_engine(
                self.url,
                poolclass=sa.pool.QueuePool,
                connect_args={"timeout": WAIT, "check_same_thread": False, "isolation_level": None},
            )
        except (ImportError, OSError) as error:
            raise ConfigError(f"the worker's tables can't be opened: {error}", setting="replicas.url") from None
        sa.event.listen(engine, "connect", _prepare_sqlite)
        if self._durable:
            sa.event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA synchronous = FULL").close())
        # the lock is taken at the start: a transaction that reads first could not wait for it
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine


def now_of(connection: Connection) -> float:
    """Seconds since 1970 by the clock that all users share: the server's, or this machine's for a file."""
    if connection.dialect.name == "postgresql":
        return float(connection.exec_driver_sql("SELECT EXTRACT(EPOCH FROM clock_timestamp())").scalar() or 0)
    return time.time()


def _prepare_sqlite(driver: object, _: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
        driver.execute(f"PRAGMA {pragma}").close()  # type: ignore[attr-defined]
