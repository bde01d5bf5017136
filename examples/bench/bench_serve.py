"""Many askers of `/query` at `groundwire serve`, of data that is cached, beside a bare FastAPI route with the same bytes.

Each server is a process of its own; the askers are another, with a connection each. Both are asked in turn, several
times, so that whatever else the machine does falls on both.

    python examples/bench/bench_serve.py            # prints markdown; takes a minute
    python examples/bench/bench_serve.py 20 3       # 20 askers, 3 seconds a round
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ASKERS, SECONDS, ROUNDS = 100, 5.0, 3
REQUIRED = 0.5
"""Share of the bare route's throughput that is the least."""
TOKEN = "a token for the benchmark alone"
SQL = "SELECT country, COUNT(*) AS customers, SUM(revenue) AS revenue FROM customers GROUP BY 1 ORDER BY 2 DESC"

CONFIG = """
[sources.shop]
type = "sql"
url = "sqlite:///{folder}/shop.sqlite"
[serve]
token = "{token}"
rate = "1000000/s"
[model]
name = "none.gguf"
"""

BARE = """
import sys
from pathlib import Path
import uvicorn
from fastapi import FastAPI, Response
app, body = FastAPI(), Path(sys.argv[1]).read_bytes()
@app.post("/query")
async def query() -> Response:
    return Response(body, media_type="application/json")
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
"""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round of asking came to: answers, seconds of each, seconds of all."""

    latencies: list[float]
    seconds: float
    errors: int

    @property
    def throughput(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    @property
    def p99(self) -> float:
        """Seconds within which 99 of 100 answers came."""
        return statistics.quantiles(self.latencies, n=100)[98]


async def one(port: int, request: bytes, until: float, latencies: list[float]) -> int:
    """One asker on one connection: how many of its requests failed. HTTP is spoken by hand, to measure the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    errors = 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - began)
        errors += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return errors


async def crowd(port: int, askers: int, seconds: float) -> Round:
    """So many askers at once, for so many seconds."""
    body = json.dumps({"sql": SQL, "max_age": "1h"}).encode()
    head = f"POST /query HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    latencies: list[float] = []
    began = time.perf_counter()
    until = began + seconds
    errors = await asyncio.gather(*(one(port, head.encode() + body, until, latencies) for _ in range(askers)))
    return Round(latencies=latencies, seconds=time.perf_counter() - began, errors=sum(errors))


def answer(port: int) -> bytes:
    """One answer's body."""
    import httpx

    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = {"sql": SQL, "max_age": "1h"}
    for _ in range(2):
        told = httpx.post(f"http://127.0.0.1:{port}/query", json=asked, headers=headers, trust_env=False, timeout=60)
        told.raise_for_status()
    assert told.json()["sources"][0]["mode"] == "cache"
    return told.content


def free_port() -> int:
    """A port that nobody has."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def process(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """A server, once it answers."""
    import socket

    environment = {**os.environ, "GROUNDWIRE_CACHE": str(folder / "cache"), "XDG_STATE_HOME": str(folder)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=sys.stderr) as running:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert running.poll() is None, f"{command} ended"
                    time.sleep(0.1)
            yield
        finally:
            running.terminate()


def filled(folder: Path) -> None:
    """A shop with 20,000 customers in 12 countries, and its configuration."""
    with sqlite3.connect(folder / "shop.sqlite") as database:
        database.executescript(
            """CREATE TABLE customers (id INTEGER PRIMARY KEY, country TEXT NOT NULL, revenue INTEGER NOT NULL);
               WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000)
               INSERT INTO customers SELECT i, 'country ' || (i * i % 12), i * 7 % 1000 FROM s;"""
        )
    database.close()
    (folder / "groundwire.toml").write_text(CONFIG.format(folder=folder, token=TOKEN), encoding="utf-8")


def main(askers: int, seconds: float) -> None:
    """Ask, and print a table."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        filled(folder)
        ports = {"groundwire serve": free_port()}
        command = [sys.executable, "-m", "groundwire", "serve", "--http", f"127.0.0.1:{ports['groundwire serve']}"]
        running.enter_context(process(command, ports["groundwire serve"], folder))
        (folder / "body.json").write_bytes(answer(ports["groundwire serve"]))
        ports["a bare FastAPI route"] = free_port()
        command = [sys.executable, "-c", BARE, str(folder / "body.json"), str(ports["a bare FastAPI route"])]
        running.enter_context(process(command, ports["a bare FastAPI route"], folder))
        rounds: dict[str, list[Round]] = {server: [] for server in ports}
        for number in range(ROUNDS + 1):
            for server, port in ports.items():
                made = asyncio.run(crowd(port, askers, seconds))
                if number:  # the first warms up
                    rounds[server].append(made)
        size = (folder / "body.json").stat().st_size
    print(
        f"### {askers} askers of `/query`, one result of {size:,} bytes that is cached, {ROUNDS} rounds of {seconds:g} s\n"
    )
    print("| server | answers/s | p50 ms | p99 ms | errors |\n|---|---:|---:|---:|---:|")
    for server, made in rounds.items():
        throughput = statistics.median(r.throughput for r in made)
        p50 = statistics.median(statistics.median(r.latencies) for r in made)
        p99 = statistics.median(r.p99 for r in made)
        print(f"| {server} | {throughput:.0f} | {p50 * 1000:.0f} | {p99 * 1000:.0f} | {sum(r.errors for r in made)} |")
    ours, bare = (statistics.median(r.throughput for r in made) for made in rounds.values())
    print(f"\n{ours / bare:.2f} of the bare route's throughput, where {REQUIRED} is required.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ASKERS, float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
