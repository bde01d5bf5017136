"""How fast replicas are loaded and kept up to date, against dlt for the same table and kind of destination.

Everything is measured in one run on one machine, each load in a process of its own, in a database that is
dropped at the end. dlt runs with its default settings, and so does groundwire.

    pip install -e '.[bench]'                     # dlt
    python examples/bench/bench_replica.py        # prints markdown
    GROUNDWIRE_BENCH_POSTGRES=postgresql://...    # a server; a database is created there and dropped
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

SERVER = os.environ.get("GROUNDWIRE_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
ROWS = 1_000_000
MANY = 5_000_000
CHANGED = 1_000

_INVOICES = """
CREATE TABLE invoice AS SELECT
    i::bigint AS id, (i::bigint * 7919 % 100000 + 1)::int AS customer_id, 'code ' || (i % 40) AS code, (i % 9)::int AS qty,
    (i % 100000 / 7.0)::numeric(12,2) AS amount, DATE '2024-01-01' + (i % 700) AS due,
    TIMESTAMP '2024-01-01' + i * INTERVAL '3 seconds' AS booked,
    TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL '5 seconds' AS changed,
    CASE WHEN i % 11 > 0 THEN i % 3 = 0 END AS paid, i / 3.0::float8 AS ratio
FROM generate_series(1, ROWS) AS i;
ALTER TABLE invoice ADD PRIMARY KEY (id);
ALTER TABLE invoice ALTER changed SET NOT NULL;
CREATE INDEX ON invoice (changed);
ANALYZE invoice
"""


@contextmanager
def database(rows: int) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database with so many invoices."""
    server = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"gw_bench_{uuid.uuid4().hex[:10]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = server.set(database=name)
    try:
        filling = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with filling.connect() as connection:
            for statement in _INVOICES.replace("ROWS", str(rows)).split(";\n"):
                connection.exec_driver_sql(statement.replace("%", "%%"))
        filling.dispose()
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


# -- what a process of its own measures ----------------------------------------------------------


def _opened(url: str, replicas: str) -> Any:
    from groundwire import Hub
    from groundwire.core import config
    from groundwire.core.sync import Syncer

    entities = {"invoice": {"replica": {"cursor": "changed"}}}
    source = {"type": "sql", "url": url, "tables": ["invoice"], "entities": entities}
    hub = Hub.from_parsed(config.parse({"sources": {"erp": source}, "replicas": {"url": replicas}}, base=Path()))
    assert hub.replicas is not None
    return hub, Syncer(hub, hub.replicas)


def groundwire_load(url: str, target: str) -> dict[str, float]:
    """A first load by groundwire."""
    hub, syncer = _opened(url, target)
    started = time.perf_counter()
    report = syncer.sync("erp.invoice")
    seconds = time.perf_counter() - started
    hub.close()
    return {"rows": report.rows, "seconds": seconds}


def dlt_arrow_load(url: str, target: str) -> dict[str, float]:
    """The same by dlt with the backend that reads Arrow, which is not its default."""
    return dlt_load(url, target, backend="pyarrow")


def dlt_load(url: str, target: str, **options: Any) -> dict[str, float]:
    """The same by dlt."""
    dlt = importlib.import_module("dlt")
    source = importlib.import_module("dlt.sources.sql_database")
    pipeline = dlt.pipeline(
        pipeline_name=f"bench_{uuid.uuid4().hex[:8]}",
        destination=dlt.destinations.sqlalchemy(target)
        if target.startswith("sqlite")
        else dlt.destinations.postgres(target),
        dataset_name=f"copies_{uuid.uuid4().hex[:8]}",
        pipelines_dir=tempfile.mkdtemp(),
    )
    table = source.sql_table(credentials=url, table="invoice", **options)
    started = time.perf_counter()
    pipeline.run(table, write_disposition="replace")
    seconds = time.perf_counter() - started
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT COUNT(*) FROM invoice")[0][0]
    return {"rows": rows, "seconds": seconds}


def groundwire_changes(url: str, target: str) -> dict[str, float]:
    """Syncs of a thousand changed rows, after a load that is not counted."""
    hub, syncer = _opened(url, target)
    syncer.sync("erp.invoice")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    times, deletes = [], []
    with engine.connect() as connection:
        for number in range(5):
            connection.exec_driver_sql(
                f"UPDATE invoice SET amount = amount + 1, changed = now() WHERE id %% 1000 = {number} AND id <= {CHANGED * 1000}"
            )
            times.append(_timed(syncer, CHANGED))
        for number in range(3):
            connection.exec_driver_sql(f"DELETE FROM invoice WHERE id = {number + 1}")
            deletes.append(_timed(syncer, 0))
    engine.dispose()
    hub.close()
    return {"seconds": statistics.median(times), "worst": max(times), "deletes": statistics.median(deletes)}


def _timed(syncer: Any, least: int) -> float:
    started = time.perf_counter()
    report = syncer.sync("erp.invoice")
    assert report.mode == "incremental" and report.written >= least
    return time.perf_counter() - started


_MEASURES = {"groundwire": groundwire_load, "dlt": dlt_load, "dlt_arrow": dlt_arrow_load, "changes": groundwire_changes}


def _measured(name: str, url: str, target: str) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__)), name, url, target]
    environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, float] = json.loads(made.stdout.strip().splitlines()[-1])
    return found


# -- the page ------------------------------------------------------------------------------------


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        with database(ROWS) as url, database(1) as target:
            _first_loads(url, target, Path(folder))
            changes = _measured("changes", url, f"sqlite:///{folder}/changes.sqlite")
        memory = {ROWS: 0.0, MANY: 0.0}
        for rows in memory:
            with database(rows) as url:
                memory[rows] = _measured("groundwire", url, f"sqlite:///{folder}/{rows}.sqlite")["megabytes"]
    print("\n### Memory of a first load into SQLite\n\n| rows | peak memory of the process MB |\n|---:|---:|")
    for rows, megabytes in memory.items():
        print(f"| {rows:,} | {megabytes:,.0f} |")
    print(
        f"\n### A sync of {CHANGED:,} changed among {ROWS:,} rows, in SQLite\n\nWith the check that nothing was deleted."
        " Allowed: under 1 s. A deletion leads to a comparison of all keys.\n"
    )
    print("| | median s | worst s |\n|---|---:|---:|")
    print(f"| {CHANGED:,} changed | {changes['seconds']:.2f} | {changes['worst']:.2f} |")
    print(f"| 1 deleted | {changes['deletes']:.2f} | |")


def _first_loads(url: str, target: str, folder: Path) -> None:
    print(
        f"### First load of {ROWS:,} rows from PostgreSQL\n\nDefault settings on both sides; dlt's quicker backend is shown for comparison. Allowed: 3 times dlt's rows per second.\n"
    )
    print("| into | loader | seconds | rows per second | times dlt |\n|---|---|---:|---:|---:|")
    # dlt wants a password, whether or not the server does
    other = sa.make_url(target).set(drivername="postgresql", password=sa.make_url(target).password or "none")
    places = {
        "SQLite": [f"sqlite:///{folder}/{name}.sqlite" for name in ("groundwire", "dlt", "arrow")],
        "PostgreSQL": [target, *[other.render_as_string(hide_password=False)] * 2],
    }
    for product, (here, there, again) in places.items():
        found = {
            "groundwire": _measured("groundwire", url, here),
            "dlt": _measured("dlt", url, there),
            "dlt, backend pyarrow": _measured("dlt_arrow", url, again),
        }
        for name, one in found.items():
            assert one["rows"] == ROWS, name
            ratio = found["dlt"]["seconds"] / one["seconds"]
            print(f"| {product} | {name} | {one['seconds']:.1f} | {ROWS / one['seconds']:,.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measured = _MEASURES[sys.argv[1]](*sys.argv[2:])
        print(json.dumps({**measured, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    else:
        main()
