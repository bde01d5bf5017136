"""A table that is written all the time, and its replica held against it row by row."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from groundwire import Hub
from groundwire.core import config
from groundwire.core.config import Config
from groundwire.core.freshness import utc_now
from groundwire.core.replica import Replicas
from groundwire.core.sync import Syncer, SyncReport

ENTITY = "erp.item"


def settings(
    url: str, replicas: str, *, tables: tuple[str, ...] = ("item",), overlap: str = "0s", **more: Any
) -> Config:
    """A configuration of one SQL source whose tables are all copied by their field `changed`."""
    source = {
        "type": "sql",
        "url": url,
        "profile": False,
        "tables": list(tables),
        "entities": {t: {"replica": {"cursor": "changed", "overlap": overlap, **more}} for t in tables},
    }
    return config.parse({"sources": {"erp": source}, "replicas": {"url": replicas}}, base=Path())


class Synced:
    """A hub over one source with its replicas."""

    def __init__(self, made: Config, clock: Any = utc_now) -> None:
        self.hub = Hub.from_parsed(made)
        self.hub.__dict__["replicas"] = self.replicas = Replicas(made, clock)
        self.syncer = Syncer(self.hub, self.replicas)

    def sync(self, entity: str = ENTITY, **how: Any) -> SyncReport:
        """Bring the copy up to date."""
        return self.syncer.sync(entity, **how)

    def copied(self, entity: str = ENTITY, key: str = "id") -> list[tuple[Any, ...]]:
        """The copy's rows by key; fails where the answer did not come from the copy."""
        result = self.hub.query(f"SELECT * FROM {entity} ORDER BY {key}", max_age="30d")
        assert [s.mode for s in result.sources] == ["replica"], result.notes
        return result.rows()

    def live(self, entity: str = ENTITY, key: str = "id") -> list[tuple[Any, ...]]:
        """The source's rows by key."""
        result = self.hub.query(f"SELECT * FROM {entity} ORDER BY {key}", max_age=0)
        assert [s.mode for s in result.sources] == ["live"]
        return result.rows()

    def check(self, entity: str = ENTITY, key: str = "id") -> None:
        """The copy is the source, row by row."""
        copied, live = self.copied(entity, key), self.live(entity, key)
        assert len(copied) == len(live)
        assert [(a, b) for a, b in zip(copied, live, strict=True) if a != b] == []
        assert self.replicas.state(entity).rows == len(live)

    def close(self) -> None:
        """Let go of connections."""
        self.hub.close()
        self.replicas.close()


@contextmanager
def synced(made: Config, clock: Any = utc_now) -> Iterator[Synced]:
    """As `Synced`, closed at the end."""
    opened = Synced(made, clock)
    try:
        yield opened
    finally:
        opened.close()


def make_items(engine: sa.Engine, rows: int) -> None:
    """A table `item` of so many rows, changed yesterday."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS item")
        connection.exec_driver_sql(
            "CREATE TABLE item (id bigint PRIMARY KEY, name text, amount numeric(12, 2), changed timestamptz NOT NULL DEFAULT now())"
        )
        connection.exec_driver_sql(
            "INSERT INTO item SELECT i, 'item ' || i, i / 4.0, now() - interval '1 day' + i * interval '1 ms'"
            f" FROM generate_series(1, {rows}) AS i"
        )


class History:
    """Random writes in a thread: inserts, updates, deletes, rows that come back, and transactions that commit late."""

    def __init__(self, engine: sa.Engine, rows: int, seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        self.keys = rows * 2
        self.writes = 0
        self._stop = threading.Event()
        self._turns = [threading.Lock() for _ in range(3)]
        self._threads = [threading.Thread(target=self._write, args=(i,), daemon=True) for i in range(3)]

    def __enter__(self) -> History:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is written meanwhile, and nothing is uncommitted."""
        with self._turns[0], self._turns[1], self._turns[2]:
            yield

    def _write(self, number: int) -> None:
        late = number == 2
        while not self._stop.is_set():
            with self._turns[number]:
                try:
                    with self.engine.begin() as connection:
                        for _ in range(self.random.randint(1, 5)):
                            self._one(connection)
                            if late:
                                time.sleep(self.random.uniform(0, 0.15))
                    self.writes += 1
                except sa.exc.OperationalError:
                    continue  # a deadlock between the writers
            time.sleep(0.002)

    def _one(self, connection: sa.Connection) -> None:
        key = self.random.randint(1, self.keys)
        change = self.random.choice(["put", "put", "put", "delete", "again", "many"])
        put = (
            "INSERT INTO item (id, name, amount) VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE"
            " SET name = excluded.name, amount = excluded.amount, changed = now()"
        )
        if change in ("delete", "again"):
            connection.exec_driver_sql("DELETE FROM item WHERE id = %s", (key,))
        if change in ("put", "again"):
            connection.exec_driver_sql(put, (key, f"name {self.random.random()}", self.random.randint(0, 10**6) / 100))
        if change == "many":
            connection.exec_driver_sql(
                "UPDATE item SET amount = amount + 1, changed = now() WHERE id BETWEEN %s AND %s", (key, key + 20)
            )
