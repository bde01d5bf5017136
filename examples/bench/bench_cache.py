"""What a cached fragment in Redis costs beside the bare minimum, and how often 50 askers of one cold fragment read.

The bare minimum is a GET of the same bytes and their decoding as Arrow, by redis-py and pyarrow. Whole questions go through
`Hub.query`, from text to table.

    python examples/bench/bench_cache.py          # prints markdown
    GROUNDWIRE_BENCH_POSTGRES=postgresql://...    # a server; a database is created there and dropped
    GROUNDWIRE_BENCH_REDIS=redis://...            # a server; the keys of these fragments are deleted
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import redis
import sqlalchemy as sa

from groundwire import Hub
from groundwire.core.cache import Cache
from groundwire.core.config import parse
from groundwire.core.store_redis import RedisStore

SERVER = os.environ.get("GROUNDWIRE_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("GROUNDWIRE_BENCH_REDIS", "redis://127.0.0.1:6379/0")
ROWS = 100_000
REPEATS = 31
ASKERS, PROCESSES = 50, 5


@contextmanager
def database() -> Iterator[str]:
    """The URL of a fresh PostgreSQL database with the rows that are asked for."""
    server = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"gw_bench_{uuid.uuid4().hex[:10]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        url = server.set(database=name)
        filling = sa.create_engine(url)
        with filling.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE orders AS SELECT i AS id, 'customer ' || i % 500 AS customer, (i * 7 % 100000) / 100.0::float8"
                f" AS total, now() - i * interval '1 minute' AS placed FROM generate_series(1, {ROWS}) AS i".replace(
                    "%", "%%"
                )
            )
            connection.exec_driver_sql("CREATE VIEW asked AS SELECT random() AS id, 'x' || pg_sleep(0.5)::text AS note")
        filling.dispose()
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def opened(url: str) -> Hub:
    """A hub over the database that keeps its fragments in Redis."""
    source = {"type": "sql", "url": url, "profile": False, "infer_relations": False}
    limits = {"rows": 10 * ROWS}
    hub = Hub.from_parsed(parse({"sources": {"dwh": source}, "limits": limits}, base=Path()))
    # keys of this database alone, which are deleted at the end
    hub.__dict__["cache"] = Cache(RedisStore(REDIS, 256_000_000, prefix(url)), lambda name: name)
    return hub


def prefix(url: str) -> str:
    """What the keys of the fragments of one database begin with."""
    return f"{sa.make_url(url).database}:"


def _median(action: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def _bare(client: redis.Redis, key: str) -> Callable[[], object]:
    def get() -> object:
        data = client.get(key)
        return pa.ipc.open_stream(pa.py_buffer(data)).read_all()

    return get


def measured(hub: Hub, keys: str, limit: int) -> tuple[float, float, float, int]:
    """Medians of a bare GET with decoding, of the cache, and of a whole question (ms), and the fragment's bytes."""
    sql = f"SELECT id, customer, total, placed FROM dwh.orders WHERE id <= {limit}"
    if len(hub.query(sql, max_age="1h")) != limit:
        raise RuntimeError("not every row came")
    cache = hub.cache
    assert isinstance(cache, Cache) and isinstance(cache.store, RedisStore)
    ask = cache.ask(hub.plan(sql).fragments[0].shape, "dwh")
    client = redis.Redis.from_url(REDIS)
    key = f"{keys}d:{ask.key}"
    bytes_ = int(client.strlen(key))
    bare = _median(_bare(client, key))
    found = _median(lambda: cache.find(ask, lambda _: True))
    whole = _median(lambda: hub.query(sql, max_age="1h"))
    if hub.query(sql, max_age="1h").sources[0].mode != "cache":
        raise RuntimeError("the question was not answered from the cache")
    client.close()
    return bare, found, whole, bytes_


_ASKER = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, sys.argv[1])
from bench_cache import opened
with opened(sys.argv[2]) as hub:
    hub.catalog, hub.cache.store.usage()
    time.sleep(max(0, float(sys.argv[3]) - time.time()))
    with ThreadPoolExecutor(int(sys.argv[4])) as pool:
        for result in pool.map(lambda _: hub.query("SELECT id, note FROM dwh.asked", max_age="1m"), range(int(sys.argv[4]))):
            print(result.sources[0].mode)
"""


def crowd(url: str, processes: int) -> int:
    """How often the source is read when 50 ask for the same cold fragment at the same moment."""
    _forget(url)
    command = [
        sys.executable,
        "-c",
        _ASKER,
        str(Path(__file__).parent),
        url,
        str(time.time() + 12),
        str(ASKERS // processes),
    ]
    askers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    modes = [line for asker in askers for line in asker.communicate(timeout=120)[0].split()]
    if len(modes) != ASKERS:
        raise RuntimeError("not everybody was answered")
    return modes.count("live")


def _forget(url: str) -> None:
    client = redis.Redis.from_url(REDIS)
    for key in client.scan_iter(f"{prefix(url)}*"):
        client.unlink(key)
    client.close()


def report() -> str:
    """The tables as markdown."""
    lines = [
        "### A fragment in Redis, medians of 31",
        "",
        "Allowed: of 100,000 rows 2 times the bare GET with decoding, of 10 rows 5 ms for the whole question.",
        "",
        "| rows | bytes | GET and decode ms | from the cache ms | ratio | whole question ms |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    with database() as url:
        with opened(url) as hub:
            for limit in (10, ROWS):  # the larger one would serve the smaller
                bare, found, whole, size = measured(hub, prefix(url), limit)
                lines.append(f"| {limit:,} | {size:,} | {bare:.2f} | {found:.2f} | {found / bare:.2f} | {whole:.2f} |")
        lines += [
            "",
            f"### {ASKERS} ask for the same cold fragment at once",
            "",
            "| processes | reads of the source |",
            "|---:|---:|",
        ]
        lines += [f"| {n} | {crowd(url, n)} |" for n in (1, PROCESSES)]
        _forget(url)
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
