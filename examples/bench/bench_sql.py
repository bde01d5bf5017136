"""How fast the sql connector reads, what it costs to ask through the hub, and what a join moves.

Everything is measured in one run on one machine, against the public ways to do the same; ratios
travel, seconds do not. The data lives in a database of its own that is dropped at the end.

    python examples/bench/bench_sql.py            # prints markdown
    GROUNDWIRE_BENCH_POSTGRES=postgresql://...    # a server; a database is created there and dropped
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

SERVER = os.environ.get("GROUNDWIRE_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
ROWS = 1_000_000
CUSTOMERS = 100_000
WANTED = 100
READ_QUERY = "SELECT id, customer_id, code, qty, amount, due, booked, logged, paid, ratio FROM invoice"
SUMMARY = "SELECT code, COUNT(*) AS n, SUM(amount) AS total FROM {table} WHERE id <= 20000 GROUP BY code ORDER BY code"
JOIN = """
    SELECT c.name, SUM(i.amount) AS total FROM crm.customer c JOIN erp.invoice i ON i.customer_id = c.id
    WHERE c.segment = 'wanted' GROUP BY c.name"""

_INVOICES = f"""
CREATE TABLE invoice AS SELECT
    i::bigint AS id, (i::bigint * 7919 % {CUSTOMERS} + 1)::int AS customer_id, 'code ' || (i % 40) AS code, (i % 9)::int AS qty,
    (i % 100000 / 7.0)::numeric(12,2) AS amount, DATE '2024-01-01' + (i % 700) AS due,
    TIMESTAMP '2024-01-01' + i * INTERVAL '3 seconds' AS booked,
    TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL '5 seconds' AS logged,
    CASE WHEN i % 11 > 0 THEN i % 3 = 0 END AS paid, i / 3.0::float8 AS ratio
FROM generate_series(1, {ROWS}) AS i;
ALTER TABLE invoice ADD PRIMARY KEY (id);
CREATE INDEX ON invoice (customer_id);
ANALYZE invoice;
"""


@contextmanager
def database() -> Iterator[str]:
    """The URL of a fresh PostgreSQL database with a million invoices."""
    server = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"gw_bench_{uuid.uuid4().hex[:10]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = server.set(database=name)
    try:
        filling = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with filling.connect() as connection:
            for statement in _INVOICES.split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement.replace("%", "%%"))
        filling.dispose()
        yield url.set(drivername="postgresql").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


# -- a million rows ----------------------------------------------------------------------------


Reader = Callable[[int], Any]
"""Reads the invoices up to this id."""


def _groundwire(url: str) -> Reader:
    import pyarrow as pa

    from groundwire.connectors.sql import SQLConnector, SQLSettings
    from groundwire.core.connector import Comparison, Scan, ScanReport

    connector = SQLConnector("erp", SQLSettings.model_validate({"url": url}))
    [invoice] = connector.discover()
    every = Scan(
        entity=invoice, fields=tuple(f.name for f in invoice.fields), types={f.name: f.type for f in invoice.fields}
    )

    def read(most: int) -> Any:
        scan = every if most == ROWS else replace(every, where=Comparison(field="id", op="<=", value=most))
        return pa.Table.from_batches(connector.scan(scan, ScanReport()), schema=scan.schema)

    return read


def _adbc(url: str) -> Reader:
    dbapi = importlib.import_module("adbc_driver_postgresql.dbapi")
    connection = dbapi.connect(url)

    def read(most: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(_read_query(most))
            return cursor.fetch_arrow_table()

    return read


def _connectorx(url: str) -> Reader:
    connectorx = importlib.import_module("connectorx")
    return lambda most: connectorx.read_sql(url, _read_query(most), return_type="arrow")


def _pandas(url: str) -> Reader:
    pandas = importlib.import_module("pandas")
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))

    def read(most: int) -> Any:
        with engine.connect() as connection:
            return pandas.read_sql(_read_query(most), connection)

    return read


def _read_query(most: int) -> str:
    return READ_QUERY if most == ROWS else f"{READ_QUERY} WHERE id <= {most}"


READERS: dict[str, Callable[[str], Reader]] = {
    "groundwire": _groundwire,
    "ADBC": _adbc,
    "ConnectorX": _connectorx,
    "pandas.read_sql": _pandas,
}


def _resident(key: str) -> int:
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {key} in /proc/self/status")


def _measure_reader(name: str, url: str, rounds: int) -> dict[str, Any]:
    """One way of reading, in a process of its own so that its peak is its own."""
    read = READERS[name](url)
    read(1000)  # loads what the reader needs: drivers are not data
    base = _resident("VmRSS")
    table = read(ROWS)
    peak, rows = _resident("VmHWM") - base, len(table)
    size = table.nbytes if hasattr(table, "nbytes") else 0
    del table
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        table = read(ROWS)
        seconds.append(time.perf_counter() - started)
        del table
    assert rows == ROWS
    return {"seconds": min(seconds), "peak": peak, "bytes": size}


def _in_process(name: str, url: str, rounds: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--reader", name, url, str(rounds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def million_rows(url: str, rounds: int = 3) -> str:
    """Markdown: a million rows from PostgreSQL to Arrow (pandas: to a data frame)."""
    found = {name: _in_process(name, url, rounds) for name in READERS}
    size = found["groundwire"]["bytes"]
    fastest = min(f["seconds"] for name, f in found.items() if name != "groundwire")
    lines = [
        f"### {ROWS:,} rows from PostgreSQL to Arrow ({size / 1e6:.0f} MB)",
        "",
        f"Best of {rounds}, each reader in a process of its own that has read 1,000 rows before. Allowed: as fast as the",
        "fastest other, 2 times the table's memory. pandas makes a data frame, not Arrow.",
        "",
        "| reader | seconds | time / fastest other | peak memory / Arrow table |",
        "|---|---:|---:|---:|",
    ]
    for name, one in found.items():
        ratio = one["seconds"] / fastest
        lines.append(f"| {name} | {one['seconds']:.2f} | {ratio:.2f} | {one['peak'] / size:.2f} |")
    return "\n".join(lines)


# -- what the hub costs ------------------------------------------------------------------------


def _sqlite_invoices(folder: Path) -> str:
    url = f"sqlite:///{folder / 'small.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE invoice (id INTEGER PRIMARY KEY, code TEXT, amount DECIMAL(12,2))")
        connection.exec_driver_sql(
            "INSERT INTO invoice WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 50000) "
            "SELECT i, 'code ' || (i % 40), ROUND(i / 7.0, 2) FROM s"
        )
    engine.dispose()
    return url


def overhead(url: str, rounds: int = 60) -> str:
    """Markdown: an aggregate through `hub.query` against the same statement by SQLAlchemy."""
    lines = [
        "### An aggregate through hub.query",
        "",
        "Allowed: 5 ms and 1.1 times the statement. A text that is asked again finds its plan; another text is parsed,",
        "bound, type-checked and compiled first. Medians, the three taken in turns.",
        "",
        "| database | SQLAlchemy ms | hub.query ms | another text each time ms | allowed ms |",
        "|---|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, where in (("PostgreSQL", url), ("SQLite", _sqlite_invoices(Path(folder)))):
            plain, again, new = _statement_and_hub(where, rounds)
            lines.append(f"| {name} | {plain:.1f} | {again:.1f} | {new:.1f} | {5 + 1.1 * plain:.1f} |")
    return "\n".join(lines)


def _statement_and_hub(url: str, rounds: int) -> tuple[float, float, float]:
    """Median milliseconds: the statement, the same query again, another text of the same query."""
    from groundwire.connectors.sql import SQLConnector, SQLSettings
    from groundwire.core.hub import Hub

    parsed = sa.make_url(url)
    engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg") if "postgres" in url else parsed)
    statement, query = SUMMARY.format(table="invoice"), SUMMARY.format(table="erp.invoice")

    def plain() -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    seconds: dict[str, list[float]] = {"plain": [], "again": [], "new": []}
    with Hub([SQLConnector("erp", SQLSettings.model_validate({"url": url}))]) as hub:
        expected = [row[:2] for row in plain()]
        for n in range(rounds + 5):
            calls: dict[str, Callable[[], list[tuple[Any, ...]]]] = {
                "plain": plain,
                "again": lambda: hub.query(query).rows(),
                "new": lambda text=f"{query} -- {n}": hub.query(text).rows(),  # type: ignore[misc]
            }
            for name, call in calls.items():
                started = time.perf_counter()
                rows = call()
                seconds[name].append(time.perf_counter() - started)
                assert [row[:2] for row in rows] == expected
    engine.dispose()
    middle = [statistics.median(seconds[name][5:]) * 1000 for name in ("plain", "again", "new")]
    return middle[0], middle[1], middle[2]


# -- what a join moves -------------------------------------------------------------------------


def _customers(folder: Path) -> str:
    """The URL of a SQLite database of customers, of which a few are wanted."""
    engine = sa.create_engine(f"sqlite:///{folder / 'crm.db'}")
    rows = [
        (i + 1, f"Customer {i + 1}", "wanted" if i % (CUSTOMERS // WANTED) == 0 else "other") for i in range(CUSTOMERS)
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, segment TEXT)")
        connection.exec_driver_sql("INSERT INTO customer VALUES (?, ?, ?)", rows)
    url = engine.url.render_as_string()
    engine.dispose()
    return url


def joined(url: str, rounds: int = 3) -> str:
    """Markdown: rows that a join of two databases moves, by the same plan with and without its keys."""
    from groundwire.connectors.sql import SQLConnector, SQLSettings
    from groundwire.core import engine
    from groundwire.core.hub import Hub

    lines = [
        f"### {WANTED} of {CUSTOMERS:,} customers joined with {ROWS:,} invoices in another database",
        "",
        "| plan | rows moved | seconds |",
        "|---|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        urls = {"crm": _customers(Path(folder)), "erp": url}
        with Hub([SQLConnector(n, SQLSettings.model_validate({"url": u})) for n, u in urls.items()]) as hub:
            keyed = hub.plan(JOIN)
            plain = replace(keyed, fragments=[replace(f, keys=()) for f in keyed.fragments])
            answers, moved = [], []
            for name, plan in (("keys of the one bound the other", keyed), ("without keys", plain)):
                seconds = []
                for _ in range(rounds):
                    result = engine.execute(plan, hub.connectors, hub.config.limits)
                    assert result.complete
                    seconds.append(result.seconds)
                answers.append(sorted(result.rows()))
                moved.append(sum(s.rows for s in result.sources))
                lines.append(f"| {name} | {moved[-1]:,} | {min(seconds):.2f} |")
    assert answers[0] == answers[1]
    assert len(answers[0]) == WANTED
    lines += ["", f"Dynamic filtering moves {moved[0] / moved[1]:.2%} of the rows; allowed is 1 %."]
    return "\n".join(lines)


def report() -> str:
    """All tables as markdown; where no PostgreSQL answers, a sentence that says so."""
    try:
        with database() as url:
            return "\n\n".join([million_rows(url), overhead(url), joined(url)])
    except sa.exc.OperationalError as error:
        return f"Not measured: no PostgreSQL at {sa.make_url(SERVER).host} ({str(error.orig).splitlines()[0]})"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:
        print(json.dumps(_measure_reader(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    else:
        print(report())
