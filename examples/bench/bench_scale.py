"""Several `groundwire serve` behind one address, with PostgreSQL replicas, Redis and workers: what one process and one
core carry, and what becomes of askers when a process is killed. `docs/scale.md` is written from what this prints.

It needs PostgreSQL and Redis on loopback; nginx stands in front where it is installed, else a small proxy of its own.
Everything that it makes it takes away again. Load goes to loopback only, and every loop is bounded in count and time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa

from groundwire import Hub

POSTGRES = os.environ.get("GROUNDWIRE_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
REDIS = "redis://127.0.0.1:6379"
COMMAND = str(Path(sys.executable).parent / "groundwire")
TOKEN = "a-token-for-the-benchmark"
QUERY = {"sql": "SELECT country, COUNT(*) AS n, SUM(amount) AS s FROM orders GROUP BY 1 ORDER BY 1", "max_age": "1h"}
CACHED = {"sql": "SELECT country, COUNT(*) AS n FROM customers GROUP BY 1 ORDER BY 1", "max_age": "1h"}
"""What the load asks: of an entity that has no replica, so that it is read once and then found in Redis."""
SECONDS = 8.0
"""How long one load lasts at most."""
MOST = 4000
"""Requests of one load at most."""
TICKS = os.sysconf("SC_CLK_TCK")

CONFIGURATION = """
[sources.crm]
type = "sql"
url = "{source}"
[sources.crm.entities.orders]
replica = {{ cursor = "changed_at" }}
[replicas]
url = "{replicas}"
[cache]
url = "{redis}"
[worker]
broker = "{broker}"
name = "{name}"
[serve]
token = "{token}"
rate = "1000000/s"
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def database(name: str) -> Iterator[str]:
    """A database of this run's own."""
    url = sa.make_url(POSTGRES)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        engine.dispose()


@contextmanager
def stores(count: int) -> Iterator[list[str]]:
    """Databases of Redis that hold nothing, and hold nothing again afterwards."""
    clients = [redis.Redis.from_url(f"{REDIS}/{number}") for number in range(1, 16)]
    free = [(f"{REDIS}/{n}", c) for n, c in enumerate(clients, 1) if not c.dbsize()][-count:]
    if len(free) < count:
        raise SystemExit("Redis has no empty databases left")
    try:
        yield [url for url, _ in free]
    finally:
        for _, client in free:
            client.flushdb()


def fill(url: str, rows: int) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS orders")
        connection.exec_driver_sql(
            f"""CREATE TABLE orders AS SELECT n::bigint AS id, 'C' || mod(n, 1000) AS customer,
                (ARRAY['DE','FR','ES','IT','PL'])[1 + mod(n, 5)] AS country, mod(n, 10000)::numeric(12,2) AS amount,
                now() - interval '1 day' - n * interval '1 second' AS changed_at
                FROM generate_series(1, {rows}) AS n"""
        )
        connection.exec_driver_sql("ALTER TABLE orders ADD PRIMARY KEY (id)")
        connection.exec_driver_sql("CREATE INDEX ON orders (changed_at)")
        connection.exec_driver_sql("ANALYZE orders")
        connection.exec_driver_sql("DROP TABLE IF EXISTS customers")
        connection.exec_driver_sql(
            """CREATE TABLE customers AS SELECT n AS id, (ARRAY['DE','FR','ES','IT','PL'])[1 + mod(n, 5)] AS country
               FROM generate_series(1, 10000) AS n"""
        )
        connection.exec_driver_sql("ALTER TABLE customers ADD PRIMARY KEY (id)")
    engine.dispose()


def cpu(pids: list[int]) -> float:
    """Seconds that processes have computed."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(told[11]) + int(told[12])) / TICKS
    return total


@contextmanager
def processes(commands: list[list[str]], environment: dict[str, str], ports: list[int]) -> Iterator[list[Any]]:
    """Programs that run until the end, once they listen."""
    running = [
        subprocess.Popen(c, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands
    ]
    try:
        for port in ports:
            until = time.monotonic() + 90
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise SystemExit(f"nothing listens at {port}") from None
                    time.sleep(0.1)
        yield running
    finally:
        for one in running:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        for one in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(20)
            if one.poll() is None:
                one.kill()


async def asked(port: int, askers: int, seconds: float, most: int) -> dict[str, Any]:
    """Askers who each ask, wait for the answer, and ask again."""
    body = json.dumps(CACHED).encode()
    head = (
        f"POST /query HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    times: list[float] = []
    errors: dict[str, int] = {}
    end, left = time.monotonic() + seconds, most

    async def one() -> None:
        nonlocal left
        reader = writer = None
        while left > 0 and time.monotonic() < end:
            left -= 1
            began = time.monotonic()
            try:
                if writer is None:
                    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 30)
                writer.write(head + body)
                assert reader is not None
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
                status = answer.split(b" ", 2)[1].decode()
                length = next(int(x[15:]) for x in answer.lower().split(b"\r\n") if x.startswith(b"content-length:"))
                content = await asyncio.wait_for(reader.readexactly(length), 60)
                if status != "200" or json.loads(content)["complete"] is not True:
                    errors[status] = errors.get(status, 0) + 1
                    continue
                times.append(time.monotonic() - began)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, StopIteration) as error:
                kind = type(error).__name__
                errors[kind] = errors.get(kind, 0) + 1
                if writer is not None:
                    writer.close()
                reader = writer = None
        if writer is not None:
            writer.close()

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(askers)))
    took = time.monotonic() - began
    times.sort()
    at = lambda share: round(times[min(len(times) - 1, int(len(times) * share))] * 1000, 1) if times else None  # noqa: E731
    return {
        "askers": askers,
        "answers": len(times),
        "errors": errors,
        "per_second": round(len(times) / took, 1),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
    }


@contextmanager
def in_front(ports: list[int], folder: Path) -> Iterator[int]:
    """One address for several: nginx with the configuration of examples/deploy."""
    program, port = shutil.which("nginx"), free_port()
    if program is None:
        raise SystemExit("install nginx to try several processes behind one address")
    text = (Path(__file__).parent.parent / "deploy" / "nginx.conf").read_text()
    servers = "\n".join(f"server 127.0.0.1:{p} max_fails=1 fail_timeout=5s;" for p in ports)
    text = text.replace("server serve:8080 max_fails=1 fail_timeout=5s;", servers).replace(
        "listen 8080", f"listen 127.0.0.1:{port}"
    )
    text = text.replace("pid /tmp/nginx.pid", f"pid {folder}/nginx.pid").replace(
        "worker_processes auto", "worker_processes 1"
    )
    file = folder / "nginx.conf"
    file.write_text(text)
    with processes([[program, "-c", str(file), "-p", str(folder), "-g", "daemon off;"]], dict(os.environ), [port]):
        yield port


def say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


def serving(environment: dict[str, str], folder: Path, count: int, loads: list[int], *, kill: bool) -> None:
    """Load on so many processes behind one address."""
    ports = [free_port() for _ in range(count)]
    commands = [[COMMAND, "serve", "--http", f"127.0.0.1:{p}"] for p in ports]
    with processes(commands, environment, ports) as running, in_front(ports, folder) as port:
        asyncio.run(asked(port, 4 * count, 60, 8 * count))  # catalogs, plans, the cache
        for askers in loads:
            before = cpu([p.pid for p in running])
            told = asyncio.run(asked(port, askers, SECONDS, MOST))
            spent = cpu([p.pid for p in running]) - before
            each = round(1000 * spent / max(1, told["answers"]), 2)
            memory = [int(Path(f"/proc/{p.pid}/statm").read_text().split()[1]) * 4096 // 2**20 for p in running]
            say(what="serve", processes=count, **told, cpu_ms_per_answer=each, memory_mb=memory)
        if kill:

            async def killed() -> dict[str, Any]:
                load = asyncio.create_task(asked(port, 20, SECONDS, MOST))
                await asyncio.sleep(2)
                running[0].kill()
                return await load

            say(what="one of the processes killed under load", processes=count, **asyncio.run(killed()))


def reads(file: Path, rows: int) -> None:
    """The same question live and from the replica, in one process that has asked it before: the best of five."""
    with Hub.from_config(file) as hub:
        for what, age in (("live", "0s"), ("replica", "1h")):
            seconds = []
            for _ in range(5):
                began = time.monotonic()
                result = hub.query(QUERY["sql"], max_age=age)
                seconds.append(time.monotonic() - began)
            say(what=what, rows=rows, mode=result.sources[0].mode, seconds=round(min(seconds), 4))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--askers", type=int, nargs="*", default=[10, 100, 1000])
    arguments = parser.parse_args()
    name = f"gw_scale_{uuid.uuid4().hex[:8]}"
    with (
        tempfile.TemporaryDirectory() as made,
        database(name) as source,
        database(f"{name}_r") as replicas,
        stores(2) as (cache, broker),
    ):
        folder = Path(made)
        file = folder / "groundwire.toml"
        told = {"source": source, "replicas": replicas, "redis": cache, "broker": broker, "name": name}
        file.write_text(CONFIGURATION.format(**told, token=TOKEN))
        environment = os.environ | {"GROUNDWIRE_CONFIG": str(file), "GROUNDWIRE_CACHE": str(folder / "cache")}
        environment |= {"XDG_STATE_HOME": str(folder / "state")}
        for rows in arguments.rows:
            fill(source, rows)
            began = time.monotonic()
            done = subprocess.run(
                [COMMAND, "sync", "--full", "--json"], env=environment, capture_output=True, check=True
            )
            report = json.loads(done.stdout.splitlines()[-1])
            engine = sa.create_engine(replicas)
            with engine.connect() as connection:
                size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar()
            engine.dispose()
            say(
                what="replica",
                rows=rows,
                sync_seconds=round(report["seconds"], 2),
                command_seconds=round(time.monotonic() - began, 2),
                database_mb=int(size or 0) // 2**20,
            )
            reads(file, rows)
        worker = [COMMAND, "worker"]
        with processes([worker, worker], environment, []) as running:
            serving(environment, folder, 1, arguments.askers, kill=False)
            serving(environment, folder, 2, arguments.askers, kill=True)
            say(what="workers beside", alive=[p.poll() is None for p in running])


if __name__ == "__main__":
    main()
