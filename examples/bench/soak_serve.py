"""Hours in minutes: many askers of `groundwire serve` whose sources fail at random. Ends with 1 if anything is not as promised.

Promised: a source that fails is said to have failed (502, 503), or, where the asker takes older data, its older copy is given
and marked; every other answer is whole and right; nothing is a fault of ours (500); memory does not grow.

    python examples/bench/soak_serve.py 600        # ten minutes
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import uvicorn
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from groundwire import Hub
from groundwire.agents import bearer, serve
from groundwire.agents.mcp_tools import Model
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.config import Config, ServeConfig
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import RateLimited, Rejected, Unavailable

ASKERS = 20
GROWTH = 1.15
"""By how much memory may grow after the first third."""
TOKEN = "a token for the soak alone"
ROWS = 5_000


class Flaky(MemoryConnector):
    """Fails one read in ten, in one of three ways."""

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        for batch in super().scan(scan, report):
            if random.random() < 0.1:
                raise random.choice(
                    [
                        Unavailable("HTTP 503", source=self.name),
                        RateLimited("HTTP 429", source=self.name, retry_after=0.1),
                        Rejected("HTTP 400", source=self.name),
                    ]
                )
            yield batch


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096


async def asker(address: str, until: float, seen: Counter[str], wrong: list[str]) -> None:
    """One asker, who asks now this and now that."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=60) as http:
        while time.monotonic() < until:
            group = random.randrange(50)
            asked = {
                "sql": f"SELECT COUNT(*) AS n, SUM(amount) AS total FROM a.item WHERE grp = {group}",
                "max_age": random.choice(["0", "1s", "1m"]),
                "on_error": random.choice(["raise", "stale"]),
            }
            if random.random() < 0.2:
                asked["sql"] = f"SELECT COUNT(*) AS n FROM a.item x JOIN b.item y ON x.id = y.id WHERE x.grp = {group}"
            try:
                told = await http.post("/query", json=asked, timeout=random.choice([60, 60, 60, 0.05]))
            except httpx.TimeoutException:
                seen["left"] += 1
                continue
            seen[str(told.status_code)] += 1
            if told.status_code == 200:
                if told.json()["complete"] and told.json()["rows"][0][0] != ROWS // 50:
                    wrong.append(f"{asked}: {told.json()['rows']}")
            elif told.status_code not in (502, 503):
                wrong.append(f"{asked}: {told.status_code} {told.text}")


def hub() -> Hub:
    """Two flaky sources."""
    numbers = list(range(ROWS))
    table = pa.table({"id": numbers, "grp": [n % 50 for n in numbers], "amount": numbers})
    sources = [Flaky.from_tables(name, {"item": table}, primary_keys={"item": ("id",)}) for name in ("a", "b")]
    return Hub(sources, Config(serve=ServeConfig(rate="1000000/s")))


def main(seconds: float) -> int:
    """Soak, and say what was seen; 1 if something was not as promised."""
    logging.disable(logging.WARNING)  # each failure of a source is one
    with hub() as whole:
        app = serve.make_app(whole, Model(lambda: FakeListChatModel(responses=["?"])), [(TOKEN, None)], {"127.0.0.1"})
        listening, address = bearer.listen("127.0.0.1", 0, "--http")
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        seen: Counter[str] = Counter()
        wrong: list[str] = []
        sizes: list[int] = []
        until = time.monotonic() + seconds

        async def crowd() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(ASKERS):
                    group.create_task(asker(address, until, seen, wrong))
                while time.monotonic() < until:
                    sizes.append(resident())
                    await asyncio.sleep(seconds / 60)

        asyncio.run(crowd())
        server.should_exit = True
        thread.join(30)
    early, late = max(sizes[: len(sizes) // 3]), max(sizes[-len(sizes) // 6 :])
    print(f"{sum(seen.values()):,} requests in {seconds:g} s: {dict(seen)}")
    print(f"memory: {early / 1e6:.0f} MB in the first third, {late / 1e6:.0f} MB at the end")
    for fault in wrong[:10]:
        print(f"NOT AS PROMISED: {fault}")
    return int(bool(wrong) or late > GROWTH * early)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
