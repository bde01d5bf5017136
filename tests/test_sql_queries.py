"""Whole queries that a database executes give DuckDB's rows, or the connector says why it won't."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from awkward import fill

from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.binder import bind
from groundwire.core.catalog import Catalog
from groundwire.core.connector import ScanReport
from groundwire.core.schema import TYPIST

EVERYWHERE = """
SELECT COUNT(*) FROM orders
SELECT COUNT(*), COUNT(amount), COUNT(DISTINCT status), SUM(amount), AVG(amount), MIN(amount), MAX(amount) FROM orders
SELECT SUM(qty), AVG(qty), MIN(qty), MAX(qty), SUM(ratio), AVG(ratio), MIN(ratio), MAX(ratio) FROM orders
SELECT MIN(status), MAX(status), MIN(placed), MAX(placed), MIN(shipped), MAX(shipped) FROM orders
SELECT SUM(amount) FROM orders WHERE 1 = 0
SELECT status, COUNT(*) AS n FROM orders GROUP BY status
SELECT status, COUNT(*) AS n FROM orders GROUP BY 1 ORDER BY n DESC, 1 LIMIT 3
SELECT status, SUM(amount) AS s FROM orders GROUP BY status HAVING SUM(amount) > 100 ORDER BY s
SELECT LENGTH(status), SUM(qty) FROM orders GROUP BY LENGTH(status)
SELECT status || '!', COUNT(*) FROM orders GROUP BY status || '!'
SELECT CASE WHEN amount > 100 THEN 'big' WHEN amount IS NULL THEN NULL ELSE 'small' END AS size, COUNT(*) FROM orders GROUP BY 1
SELECT id FROM orders WHERE status = 'open'
SELECT id FROM orders WHERE status <> 'open'
SELECT id FROM orders WHERE status IN ('open', 'Open', 'paid ')
SELECT id FROM orders WHERE status NOT IN ('open', 'paid')
SELECT id FROM orders WHERE status LIKE 'o%' OR status LIKE '%_d'
SELECT id FROM orders WHERE NOT (status LIKE 'o%')
SELECT id FROM orders WHERE status > 'Z' AND status <= 'p'
SELECT id FROM orders WHERE amount BETWEEN -50 AND 120.50
SELECT id FROM orders WHERE amount * 2 > qty + 10
SELECT id FROM orders WHERE qty % 3 = 1
SELECT id FROM orders WHERE ratio > 0.25 OR ratio IS NULL
SELECT id FROM orders WHERE vip AND NOT vip IS NULL
SELECT id FROM orders WHERE NOT vip
SELECT id, vip FROM orders WHERE vip = TRUE
SELECT vip, COUNT(*) FROM orders GROUP BY vip
SELECT SUM(CASE WHEN vip THEN 1 ELSE 0 END) FROM orders
SELECT COUNT(*) FILTER (WHERE status = 'open'), SUM(amount) FILTER (WHERE vip) FROM orders
SELECT id, amount FROM orders ORDER BY amount, id
SELECT id, amount FROM orders ORDER BY amount DESC, id DESC
SELECT id, amount FROM orders ORDER BY amount DESC NULLS FIRST, id LIMIT 7
SELECT id, status FROM orders ORDER BY status, id LIMIT 20 OFFSET 5
SELECT id, status FROM orders ORDER BY status DESC NULLS FIRST, id OFFSET 190
SELECT id FROM orders ORDER BY LENGTH(status), qty DESC, id LIMIT 11
SELECT DISTINCT status FROM orders
SELECT DISTINCT status, vip FROM orders ORDER BY status, vip
SELECT DISTINCT qty FROM orders ORDER BY qty DESC LIMIT 3
SELECT qty / 2, qty / 4.0, amount / 3 FROM orders
SELECT qty // 2, qty % 2 FROM orders WHERE qty >= 0
SELECT -amount, ABS(amount), ABS(qty), amount + 1, amount - qty, amount * 1.5 FROM orders
SELECT ROUND(amount, 1), ROUND(amount), ROUND(ratio, 2) FROM orders
SELECT COALESCE(status, 'none'), COALESCE(amount, 0), NULLIF(status, 'open'), NULLIF(qty, 0) FROM orders
SELECT SUM(amount) / COUNT(*), SUM(amount) / NULLIF(SUM(qty), 0) FROM orders
SELECT 100.0 * SUM(amount) / COUNT(*) FROM orders GROUP BY customer_id
SELECT SUM(CASE WHEN vip THEN 1 ELSE 0 END) * 100.0 / COUNT(*) FROM orders WHERE id < 0
SELECT CAST(qty AS VARCHAR), CAST(qty AS DOUBLE), CAST(amount AS DOUBLE) FROM orders
SELECT LENGTH(name), name || '-' || city, CONCAT(name, city), SUBSTRING(name, 2, 2), LEFT(name, 1) FROM customers
SELECT REPLACE(name, 'a', 'bb'), STARTS_WITH(name, 'A') FROM customers
SELECT id FROM orders WHERE shipped >= DATE '2024-03-01' AND shipped < DATE '2024-06-01'
SELECT id FROM orders WHERE shipped = '2024-03-01'
SELECT id FROM orders WHERE shipped <= CAST('2024-03-31' AS DATE) - INTERVAL 10 DAY
SELECT id FROM orders WHERE placed >= TIMESTAMP '2024-02-10 12:00:00' AND placed < TIMESTAMP '2024-09-01'
SELECT id FROM orders WHERE placed > DATE '2024-05-01'
SELECT EXTRACT(year FROM placed), EXTRACT(month FROM shipped), COUNT(*) FROM orders GROUP BY 1, 2
SELECT YEAR(shipped), MONTH(shipped), DAY(shipped), QUARTER(shipped) FROM orders
SELECT DATE_TRUNC('month', placed) AS m, SUM(amount) FROM orders GROUP BY 1 ORDER BY 1
SELECT DATE_TRUNC('month', shipped), COUNT(*) FROM orders GROUP BY DATE_TRUNC('month', shipped)
SELECT DATE_TRUNC('week', shipped), DATE_TRUNC('quarter', placed), DATE_TRUNC('day', placed), DATE_TRUNC('year', placed) FROM orders
SELECT CAST(placed AS DATE), COUNT(*) FROM orders GROUP BY 1
SELECT DATE_DIFF('day', shipped, DATE '2024-12-31'), shipped - DATE '2024-01-01' FROM orders
SELECT shipped + INTERVAL 1 MONTH, placed - INTERVAL 3 HOUR, shipped + INTERVAL 7 DAY FROM orders
SELECT STRFTIME(shipped, '%Y-%m'), COUNT(*) FROM orders GROUP BY 1
SELECT DAYOFWEEK(shipped), HOUR(placed), MINUTE(placed) FROM orders
SELECT c.name, o.id FROM customers c JOIN orders o ON o.customer_id = c.id
SELECT c.name, COUNT(o.id) AS n FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.name ORDER BY n DESC, c.name LIMIT 5
SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.status = 'open' WHERE o.id IS NULL
SELECT a.id, b.id FROM customers a JOIN customers b ON a.city = b.city AND a.id < b.id
SELECT c.id, o.id FROM customers c RIGHT JOIN orders o ON o.customer_id = c.id WHERE o.id < 30
SELECT COUNT(*) FROM customers c CROSS JOIN customers d
SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.amount > 200)
SELECT name FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)
SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE vip)
SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL AND vip)
SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)
SELECT name FROM customers WHERE name IN (SELECT status FROM orders)
SELECT id FROM orders WHERE amount > (SELECT AVG(amount) FROM orders)
SELECT id, (SELECT MAX(name) FROM customers c WHERE c.id = o.customer_id) FROM orders o
SELECT c.name, (SELECT COUNT(*) FROM orders o WHERE o.customer_id = c.id) AS n FROM customers c
WITH totals AS (SELECT customer_id, SUM(amount) AS total FROM orders GROUP BY 1) SELECT c.name, t.total FROM customers c JOIN totals t ON t.customer_id = c.id
WITH x AS (SELECT status, COUNT(*) AS n FROM orders GROUP BY 1) SELECT MAX(n), MIN(status) FROM x
SELECT AVG(n) FROM (SELECT customer_id, COUNT(*) AS n FROM orders GROUP BY 1) AS t
SELECT t.status, t.s * 2 FROM (SELECT status, SUM(amount) AS s FROM orders GROUP BY status) AS t WHERE t.s > 0
SELECT name FROM customers UNION SELECT status FROM orders
SELECT name FROM customers UNION ALL SELECT city FROM customers
SELECT id, ROW_NUMBER() OVER (PARTITION BY status ORDER BY amount DESC, id) FROM orders
SELECT id, RANK() OVER (ORDER BY qty), DENSE_RANK() OVER (ORDER BY qty DESC) FROM orders
SELECT id, SUM(amount) OVER (PARTITION BY customer_id), COUNT(*) OVER (PARTITION BY status) FROM orders
SELECT id, SUM(amount) OVER (ORDER BY id), LAG(amount) OVER (ORDER BY id), LEAD(qty, 2) OVER (ORDER BY id) FROM orders
SELECT status, SUM(amount) AS s, RANK() OVER (ORDER BY SUM(amount) DESC) FROM orders GROUP BY status
SELECT status AS "Group By", amount AS "select" FROM orders
SELECT name FROM customers WHERE name = '' OR name = ' ' OR name = 'a '
SELECT name FROM customers WHERE name = 'x'' OR 1=1 --'
SELECT 'it''s', 42, 1.5, TRUE, NULL, DATE '2024-02-29' FROM customers
SELECT id FROM orders WHERE FALSE
SELECT id FROM orders LIMIT 0
"""

NOT_EVERYWHERE = """
SELECT id FROM orders WHERE status ILIKE 'O%'
SELECT LOWER(name), UPPER(city) FROM customers
SELECT LOWER(city), COUNT(*) FROM customers WHERE city IN ('Berlin', 'berlin', 'PARIS') GROUP BY LOWER(city)
SELECT UPPER(status), COUNT(*) FROM orders GROUP BY 1
SELECT STDDEV(amount), MEDIAN(amount) FROM orders
SELECT STRING_AGG(name, ',') FROM customers
SELECT amount / qty FROM orders
SELECT id FROM orders WHERE REGEXP_MATCHES(status, '^o')
SELECT WEEK(shipped), DAYOFYEAR(shipped) FROM orders
SELECT FLOOR(amount), CEIL(ratio) FROM orders
SELECT GREATEST(qty, 2), LEAST(qty, 2) FROM orders
SELECT CAST(amount AS VARCHAR), CAST(amount AS INTEGER), CAST(ratio AS INTEGER) FROM orders
SELECT CAST(ratio AS VARCHAR), CAST(placed AS VARCHAR), CAST(status AS DATE) FROM orders WHERE id < 0
SELECT qty // customer_id FROM orders WHERE customer_id > 0
SELECT c.id, o.id FROM customers c FULL JOIN orders o ON o.customer_id = c.id
SELECT name FROM customers EXCEPT SELECT status FROM orders
SELECT name FROM customers INTERSECT SELECT name FROM customers WHERE id > 5
SELECT FIRST_VALUE(amount) OVER (PARTITION BY status ORDER BY id), LAST_VALUE(amount) OVER (PARTITION BY status ORDER BY id) FROM orders
SELECT SUM(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM orders
SELECT TRIM(name), LTRIM(name), RTRIM(name) FROM customers
SELECT id FROM orders QUALIFY ROW_NUMBER() OVER (PARTITION BY status ORDER BY id) = 1
SELECT DISTINCT ON (status) status, id FROM orders ORDER BY status, id
SELECT MAX(status) FILTER (WHERE LENGTH(status) = 4) FROM orders
SELECT COUNT(DISTINCT LOWER(city)) FROM customers
SELECT AVG(amount) FILTER (WHERE vip), SUM(DISTINCT qty) FROM orders
SELECT (SELECT name FROM customers LIMIT 1) IS NULL FROM orders LIMIT 1
SELECT BOOL_OR(vip), BOOL_AND(vip), COUNT_IF(vip) FROM orders
SELECT ANY_VALUE(1), SUM(qty * amount), SUM(qty * ratio) FROM orders
SELECT id IN (1, 2, NULL), status IS NOT DISTINCT FROM 'open' FROM orders
SELECT POSITION('a' IN name), CONTAINS(name, 'n'), RIGHT(name, 2) FROM customers
"""

NAMES = [
    "Anna",
    "anna",
    "ANNA",
    "Anna ",
    "Zoë",
    "ZOË",
    "straße",
    "東京",
    "O'Brien",
    "",
    " ",
    "a ",
    "open",
    None,
    "100%",
]
CITIES = ["Berlin", "berlin", "Paris", "PARIS", "Łódź", None, "São Paulo"]
STATUSES = ["open", "Open", "OPEN", "paid", "paid ", "void", "", None, "ünd"]


def tables() -> Mapping[str, pa.Table]:
    """Customers and orders with everything that makes databases disagree."""
    chance = random.Random(3)
    customers = [{"id": i + 1, "name": NAMES[i % len(NAMES)], "city": chance.choice(CITIES)} for i in range(30)]
    orders = []
    for i in range(200):
        moment = dt.datetime(2023, 12, 30, 22, 15, 0) + dt.timedelta(hours=37 * i, microseconds=i * 1001)
        orders.append(
            {
                "id": i + 1,
                "customer_id": None if i % 13 == 0 else chance.randint(1, 28),
                "status": chance.choice(STATUSES),
                "amount": None if i % 11 == 5 else Decimal(chance.randint(-20_000, 40_000)).scaleb(-2),
                "ratio": None if i % 7 == 1 else chance.randint(-16, 48) / 16,
                "qty": None if i % 9 == 2 else chance.randint(0, 6),
                "vip": None if i % 6 == 0 else chance.random() < 0.4,
                "placed": None if i % 17 == 4 else moment,
                "shipped": None if i % 5 == 3 else moment.date() + dt.timedelta(days=chance.randint(0, 9)),
            }
        )
    customer_types = [("id", pa.int64()), ("name", pa.string()), ("city", pa.string())]
    order_types = [
        ("id", pa.int64()),
        ("customer_id", pa.int64()),
        ("status", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("ratio", pa.float64()),
        ("qty", pa.int64()),
        ("vip", pa.bool_()),
        ("placed", pa.timestamp("us")),
        ("shipped", pa.date32()),
    ]
    return {
        "customers": pa.Table.from_pylist(customers, schema=pa.schema(customer_types)),
        "orders": pa.Table.from_pylist(orders, schema=pa.schema(order_types)),
    }


@dataclass
class _Side:
    connector: SQLConnector
    catalog: Catalog
    oracle: duckdb.DuckDBPyConnection

    def differs(self, text: str) -> str | None:
        """None where the source gives DuckDB's rows, else why not or how they differ."""
        bound = bind(text, self.catalog)
        reason = self.connector.refuses(bound.tree)
        if reason is not None:
            return f"refused: {reason}"
        schema = TYPIST.schema(bound.tree)
        report = ScanReport()
        batches = list(self.connector.scan_query(bound.tree, schema, report))
        assert all(b.schema == schema for b in batches)
        got = [tuple(map(_plain, row.values())) for row in _unnamed(pa.Table.from_batches(batches, schema)).to_pylist()]
        wanted_table = self.oracle.sql(text).to_arrow_table()
        wanted = [tuple(map(_plain, row.values())) for row in _unnamed(wanted_table).to_pylist()]
        ordered = " ORDER BY " in text and "OVER" not in text
        if (got == wanted) if ordered else (Counter(got) == Counter(wanted)):
            return None
        missing, extra = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
        return f"wrong: {list(extra)[:3]} instead of {list(missing)[:3]}; {report.native}"


def _unnamed(table: pa.Table) -> pa.Table:
    return table.rename_columns([str(n) for n in range(table.num_columns)])


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if value != value else float(f"{value:.10g}") + 0.0
    return value


def _side(url: str) -> Iterator[_Side]:
    held = tables()
    fill(url, held)
    connector = SQLConnector("db", SQLSettings(url=url))  # type: ignore[arg-type]
    oracle = duckdb.connect(":memory:")
    for name, table in held.items():
        oracle.register(name, table)
    yield _Side(connector, Catalog(connector.discover()), oracle)
    connector.close()
    oracle.close()


@pytest.fixture(scope="module")
def sqlite_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Side]:
    path: Path = tmp_path_factory.mktemp("sqlite") / "shop.db"
    yield from _side(f"sqlite:///{path}")


@pytest.fixture(scope="module")
def postgres_side(postgres_url: str) -> Iterator[_Side]:
    yield from _side(postgres_url)


@pytest.fixture(scope="module")
def mariadb_side(mariadb_url: str) -> Iterator[_Side]:
    yield from _side(mariadb_url)


SIDES = [
    "sqlite_side",
    pytest.param("postgres_side", marks=pytest.mark.server),
    pytest.param("mariadb_side", marks=pytest.mark.server),
]


@pytest.mark.parametrize("side", SIDES)
def test_what_every_database_can_do_is_pushed_and_right(side: str, request: pytest.FixtureRequest) -> None:
    database: _Side = request.getfixturevalue(side)
    found = {text: database.differs(text) for text in EVERYWHERE.strip().splitlines()}
    assert {text: said for text, said in found.items() if said} == {}


@pytest.mark.parametrize("side", SIDES)
def test_what_some_databases_can_not_do_is_right_or_refused(side: str, request: pytest.FixtureRequest) -> None:
    database: _Side = request.getfixturevalue(side)
    found = {text: database.differs(text) for text in NOT_EVERYWHERE.strip().splitlines()}
    assert {text: said for text, said in found.items() if said and not said.startswith("refused")} == {}
