"""How long after its commit in PostgreSQL a change is seen by a query over its replica, at 100 changes a second.

A worker runs as the program that it is. One thread commits changes, each in a transaction of its own with the
next number; this process asks for the highest number again and again, so the time of a query is part of the lag. At
the end the replica must equal the source row by row.

    python examples/bench/bench_lag.py            # prints markdown
    GROUNDWIRE_BENCH_POSTGRES=postgresql://...    # a server; databases are created there and dropped
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from groundwire import Hub

SERVER = os.environ.get("GROUNDWIRE_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
ROWS = 10_000
PER_SECOND = 100
SECONDS = 20
ALLOWED = 1.0


@dataclass(frozen=True, kw_only=True)
class Way:
    """How changes come: its name in the table, the source's settings, the pause between syncs, where the copy is."""

    name: str
    settings: str
    every: str = "5m"
    postgres: bool = False


WAYS = (
    Way(name="LISTEN/NOTIFY, replica in SQLite", settings='events = "notify"'),
    Way(name="LISTEN/NOTIFY, replica in PostgreSQL", settings='events = "notify"', postgres=True),
    Way(name="polled every 0.2 s", settings='events = "poll"\npoll = "0.2s"'),
    Way(name="polled every 1 s (default)", settings='events = "poll"'),
    Way(name="synced every 2 s, no events", settings="", every="2s"),
)


@contextmanager
def database() -> Iterator[str]:
    """The URL of a fresh PostgreSQL database."""
    server = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"gw_bench_{uuid.uuid4().hex[:10]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def _write(url: str, committed: list[float], begin: float) -> None:
    """Commit a change every hundredth of a second, and note when."""
    engine = sa.create_engine(url)
    change = "UPDATE orders SET number = %s, updated_at = clock_timestamp() WHERE id = %s"
    with engine.connect() as connection:
        for number in range(1, PER_SECOND * SECONDS + 1):
            time.sleep(max(0.0, begin + number / PER_SECOND - time.perf_counter()))
            connection.exec_driver_sql(change, (number, number * 7919 % ROWS + 1))
            connection.commit()
            committed.append(time.perf_counter())
    engine.dispose()


def measured(way: Way) -> tuple[list[float], float]:
    """Lags of all changes and the median time of a query, in seconds."""
    with database() as url, database() as other, tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE orders (id bigint PRIMARY KEY, customer text, number bigint NOT NULL DEFAULT 0,"
                " updated_at timestamptz NOT NULL DEFAULT clock_timestamp());"
                f"INSERT INTO orders SELECT i, 'customer ' || i %% 500 FROM generate_series(1, {ROWS}) AS i;"
                "CREATE INDEX ON orders (updated_at); ANALYZE orders"
            )
        replicas = other if way.postgres else f"sqlite:///{folder}/replicas.sqlite"
        config = Path(folder) / "groundwire.toml"
        config.write_text(
            f'[replicas]\nurl = "{replicas}"\nevery = "{way.every}"\noverlap = "2s"\n'
            f'[sources.dwh]\ntype = "sql"\nurl = "{url}"\n{way.settings}\n'
            '[sources.dwh.entities.orders]\nreplica.cursor = "updated_at"\n',
            encoding="utf-8",
        )
        try:
            return _measured(way, url, config)
        finally:
            engine.dispose()


def _measured(way: Way, url: str, config: Path) -> tuple[list[float], float]:
    command = [sys.executable, "-W", "ignore", "-m", "groundwire"]
    environment = {**os.environ, "AMQP_URL": "", "REDIS_URL": ""}
    if "notify" in way.settings:
        install = [*command, "events", "install", "--yes", "-c", str(config)]
        subprocess.run(install, check=True, capture_output=True, env=environment)
    with Path(os.devnull).open("w") as nowhere:
        worker = subprocess.Popen(
            [*command, "worker", "-c", str(config)], stderr=nowhere, stdout=nowhere, env=environment
        )
    try:
        with Hub.from_config(config) as hub:
            _settle(hub)
            lags, asking = _ask(hub, url)
            if _rows(hub, "1h") != _rows(hub, 0):
                raise RuntimeError(f"{way.name}: the replica differs from its source")
            return lags, asking
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)


def _settle(hub: Hub) -> None:
    """Wait for the first load, and for the worker to have caught up with what happened during it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if hub.query("SELECT COUNT(*) FROM dwh.orders", max_age="1h").sources[0].mode == "replica":
            time.sleep(5)
            return
        time.sleep(0.2)
    raise RuntimeError("the worker loads nothing")


def _ask(hub: Hub, url: str) -> tuple[list[float], float]:
    committed: list[float] = []
    writer = threading.Thread(target=_write, args=(url, committed, time.perf_counter()))
    writer.start()
    seen, lags, asking = 0, [], []
    end = time.monotonic() + SECONDS * 3
    while seen < PER_SECOND * SECONDS:
        if time.monotonic() > end:
            raise RuntimeError(f"only {seen} changes were seen")
        asked = time.perf_counter()
        highest = int(hub.query("SELECT MAX(number) AS n FROM dwh.orders", max_age="1h").rows()[0][0])
        now = time.perf_counter()
        asking.append(now - asked)
        # a change may be seen before its writer has noted the commit
        lags += [max(0.0, now - committed[n]) if n < len(committed) else 0.0 for n in range(seen, highest)]
        seen = max(seen, highest)
        time.sleep(0.01)
    writer.join()
    return lags, statistics.median(asking)


def _rows(hub: Hub, max_age: str | int) -> list[object]:
    return list(hub.query("SELECT id, number FROM dwh.orders ORDER BY id", max_age=max_age).rows())


def _at(lags: list[float], share: float) -> float:
    return sorted(lags)[min(len(lags) - 1, int(len(lags) * share))]


def report() -> str:
    """The table as markdown."""
    found = {way: measured(way) for way in WAYS}
    lines = [
        f"### From commit to answer: {PER_SECOND} changes a second, {PER_SECOND * SECONDS:,} in all, {ROWS:,} rows",
        "",
        "| changes come by | median s | p95 s | slowest s | a query s |",
        "|---|---:|---:|---:|---:|",
    ]
    for way, (lags, asking) in found.items():
        cells = f"{_at(lags, 0.5):.3f} | {_at(lags, 0.95):.3f} | {max(lags):.3f} | {asking:.3f}"
        lines.append(f"| {way.name} | {cells} |")
    p95 = _at(found[WAYS[0]][0], 0.95)
    lines += ["", f"With LISTEN/NOTIFY p95 is {p95:.2f} s where {ALLOWED:g} s are allowed."]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
