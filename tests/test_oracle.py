"""Planner, pushdown and engine against DuckDB on the same rows, for every set of capabilities.

Hypothesis makes rows, capabilities and queries; the bound query run by DuckDB over the whole tables
says what is right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from conftest import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from groundwire import Hub
from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.core.binder import bind
from groundwire.core.catalog import Relation
from groundwire.core.config import parse
from groundwire.core.connector import Capabilities, Pushdown, ScanReport

TEXTS = ["a", "A", "b", "B ", "", "é", "%", "a_b", "O'x"]
DATES = [dt.date(2024, 1, 1), dt.date(2024, 2, 29), dt.date(2025, 12, 31)]
NUMBERS = [Decimal("-1.50"), Decimal("0.00"), Decimal("2.25"), Decimal("100.00")]
STAMPS = [dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 6, 30, 23, 59, 59, tzinfo=dt.UTC)]


def _column(values: list[Any], size: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(st.none(), st.sampled_from(values)), min_size=size, max_size=size)


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, pa.Table]:
    owners, accounts, invoices = draw(st.integers(0, 4)), draw(st.integers(0, 8)), draw(st.integers(0, 15))
    return {
        "owner": pa.table(
            {"id": pa.array(range(owners), pa.int64()), "name": pa.array(draw(_column(TEXTS, owners)), pa.string())}
        ),
        "account": pa.table(
            {
                "id": pa.array(range(accounts), pa.int64()),
                "code": pa.array(draw(_column(TEXTS, accounts)), pa.string()),
                "owner_id": pa.array(draw(_column([0, 1, 2, 3, 7], accounts)), pa.int64()),
                "since": pa.array(draw(_column(DATES, accounts)), pa.date32()),
                "open": pa.array(draw(_column([True, False], accounts)), pa.bool_()),
            }
        ),
        "invoice": pa.table(
            {
                "id": pa.array(range(invoices), pa.int64()),
                "code": pa.array(draw(_column(TEXTS, invoices)), pa.string()),
                "amount": pa.array(draw(_column(NUMBERS, invoices)), pa.decimal128(12, 2)),
                "rate": pa.array(draw(_column([0.5, -2.0, 3.25], invoices)), pa.float64()),
                "made": pa.array(draw(_column(STAMPS, invoices)), pa.timestamp("us", tz="UTC")),
            }
        ),
    }


@st.composite
def _capabilities(draw: st.DrawFn) -> tuple[Capabilities, dict[str, Pushdown]]:
    functions = draw(st.frozensets(st.sampled_from(["count", "count_distinct", "sum", "min", "max", "avg"])))
    capabilities = Capabilities(
        paths=draw(st.integers(0, 2)),
        boolean=draw(st.booleans()),
        order=draw(st.booleans()),
        limit=draw(st.booleans()),
        aggregates=functions,
        group_by=draw(st.booleans()),
        max_in=draw(st.sampled_from([1, 2, 100])),
    )
    kinds = st.sampled_from([Pushdown.EXACT, Pushdown.LOOSE, Pushdown.NONE])
    return capabilities, {op: draw(kinds) for op in ALL_OPERATORS}


ACCOUNT_CONDITIONS = [
    "{a}code = 'a'",
    "{a}code <> 'a'",
    "{a}code IN ('a', 'B ', 'é')",
    "{a}code NOT IN ('a', '')",
    "{a}code LIKE '%a%'",
    "{a}code NOT LIKE 'a%'",
    "{a}code IS NULL",
    "{a}since >= DATE '2024-02-01'",
    "{a}since BETWEEN '2024-01-01' AND '2024-12-31'",
    "{a}open",
    "NOT {a}open",
    "{a}owner_id > 1 OR {a}code = 'b'",
    "NOT ({a}owner_id = 1 AND {a}code = 'a')",
    "{a}owner.name = 'A'",
    "{a}owner.name IS NULL",
    "{a}owner_id IN (SELECT id FROM crm.owner WHERE name <> 'b')",
]
INVOICE_CONDITIONS = [
    "amount > 0",
    "amount <= 2.25",
    "rate = 0.5",
    "made < TIMESTAMPTZ '2024-06-01 00:00:00+00'",
    "account.code = 'a'",
    "account.since IS NULL",
    "account.owner.name IN ('a', 'A')",
    "id BETWEEN 2 AND 9",
]
QUERIES = [
    "SELECT id, code FROM crm.account WHERE {ac}",
    "SELECT DISTINCT owner.name FROM crm.account WHERE {ac}",
    "SELECT code, COUNT(*), COUNT(owner_id), MIN(since) FROM crm.account WHERE {ac} GROUP BY code",
    "SELECT COUNT(*), COUNT(DISTINCT code), MAX(owner_id) FROM crm.account WHERE {ac}",
    "SELECT id FROM crm.account WHERE {ac} ORDER BY since DESC, id LIMIT 3",
    "SELECT id FROM crm.account ORDER BY owner_id, id LIMIT 2 OFFSET 1",
    "SELECT id, owner.name, (SELECT COUNT(*) FROM erp.invoice i WHERE i.code = account.code) FROM crm.account WHERE {ac}",
    "SELECT id, SUM(invoices.amount), COUNT(invoices) FROM crm.account WHERE {ac}",
    "SELECT id FROM crm.account WHERE EXISTS(SELECT 1 FROM invoices v WHERE v.amount > 0) AND {ac}",
    "SELECT id FROM crm.account WHERE NOT EXISTS(SELECT 1 FROM invoices v WHERE v.rate > 0)",
    "SELECT account.code, SUM(amount), AVG(rate) FROM erp.invoice WHERE {ic} GROUP BY 1",
    "SELECT id, account.owner.name FROM erp.invoice WHERE {ic} AND {ic2}",
    "SELECT i.id, a.id FROM erp.invoice i JOIN crm.account a ON i.code = a.code WHERE {aca}",
    "SELECT i.id, a.id FROM erp.invoice i LEFT JOIN crm.account a ON i.code = a.code AND a.open WHERE i.amount > 0",
    "SELECT a.id, i.id FROM crm.account a FULL JOIN erp.invoice i ON a.code = i.code",
    "WITH t AS (SELECT code, SUM(amount) AS s FROM erp.invoice GROUP BY code) SELECT account.id, t.s FROM t JOIN crm.account account ON account.code = t.code WHERE t.s > 0",
    "SELECT owner.name, SUM(invoices.amount) FROM crm.account GROUP BY owner.name HAVING COUNT(*) > 1",
    "SELECT code FROM crm.account WHERE {ac} UNION SELECT code FROM erp.invoice WHERE amount > 0",
    "SELECT a.id, b.id FROM crm.account a JOIN crm.account b ON a.code = b.code WHERE {aca}",
    "SELECT a.id FROM crm.account a WHERE {aca} UNION ALL SELECT a.id FROM crm.account a WHERE {aca}",
    "SELECT i.id FROM erp.invoice i WHERE i.code IN (SELECT code FROM crm.account WHERE {ac}) UNION ALL SELECT i.id FROM erp.invoice i WHERE i.code IN (SELECT code FROM crm.account WHERE {ac}) OR i.amount > 0",
    "SELECT id, RANK() OVER (PARTITION BY code ORDER BY owner_id, id) FROM crm.account WHERE {ac}",
]


def _hub(
    tables: dict[str, pa.Table],
    declared: tuple[Capabilities, dict[str, Pushdown]],
    kind: type[MemoryConnector] = MemoryConnector,
) -> Hub:
    capabilities, pushdown = declared
    crm = kind.from_tables(
        "crm",
        {"account": tables["account"], "owner": tables["owner"]},
        capabilities=capabilities,
        pushdown=pushdown,
        relations={"account": (Relation(name="owner", target="crm.owner", on=(("owner_id", "id"),), native="owner"),)},
        primary_keys={"account": ("id",), "owner": ("id",)},
    )
    erp = kind.from_tables(
        "erp",
        {"invoice": tables["invoice"]},
        capabilities=capabilities,
        pushdown=pushdown,
        primary_keys={"invoice": ("id",)},
    )
    link = {"from": "erp.invoice.code", "to": "crm.account.code", "name": "account", "reverse": "invoices"}
    return Hub([crm, erp], parse({"links": [link]}, base=__import__("pathlib").Path()))


def _comparable(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([round(v, 9) if isinstance(v, float) else v for v in row]) for row in rows)


@settings(max_examples=examples(250), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tables=_tables(),
    declared=_capabilities(),
    template=st.sampled_from(QUERIES),
    account=st.sampled_from(ACCOUNT_CONDITIONS),
    conditions=st.tuples(st.sampled_from(INVOICE_CONDITIONS), st.sampled_from(INVOICE_CONDITIONS)),
)
def test_the_answer_is_that_of_duckdb_whatever_a_connector_declares(
    tables: dict[str, pa.Table],
    declared: tuple[Capabilities, dict[str, Pushdown]],
    template: str,
    account: str,
    conditions: tuple[str, str],
) -> None:
    sql = template.format(ac=account.format(a=""), aca=account.format(a="a."), ic=conditions[0], ic2=conditions[1])
    with _hub(tables, declared) as hub:
        got = hub.query(sql)
        bound = bind(sql, hub.catalog)
    assert got.complete
    assert _comparable(got.rows()) == _oracle(tables, bound.sql()), hub.explain(sql)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tables=_tables(),
    declared=_capabilities(),
    asked=st.lists(
        st.tuples(
            st.sampled_from(QUERIES),
            st.sampled_from(ACCOUNT_CONDITIONS),
            st.sampled_from(INVOICE_CONDITIONS),
            st.sampled_from(INVOICE_CONDITIONS),
        ),
        min_size=3,
        max_size=6,
    ),
    whole=st.booleans(),
)
def test_the_answer_from_copies_of_earlier_reads_is_that_of_duckdb(
    tables: dict[str, pa.Table],
    declared: tuple[Capabilities, dict[str, Pushdown]],
    asked: list[tuple[str, str, str, str]],
    whole: bool,
) -> None:
    texts = [q.format(ac=a.format(a=""), aca=a.format(a="a."), ic=c, ic2=d) for q, a, c, d in asked]
    with _hub(tables, declared, _Database if whole else MemoryConnector) as hub:
        for sql in [*texts, *texts]:
            got = hub.query(sql, max_age="1h")
            wanted = _oracle(tables, bind(sql, hub.catalog).sql())
            assert _comparable(got.rows()) == wanted, f"{[s.mode for s in got.sources]} {hub.explain(sql)}"
        again = {s.mode for sql in texts for s in hub.query(sql, max_age="1h").sources if s.rows}
        assert again <= {"cache"}, "nothing was read twice"


def _oracle(tables: dict[str, pa.Table], sql: str) -> list[str]:
    """What DuckDB answers over the whole tables."""
    with duckdb.connect(config={"threads": 1}) as oracle:
        oracle.execute("SET TimeZone = 'UTC'; CREATE SCHEMA crm; CREATE SCHEMA erp")
        for schema, name in (("crm", "account"), ("crm", "owner"), ("erp", "invoice")):
            oracle.register("rows_in", tables[name])
            oracle.execute(f"CREATE TABLE {schema}.{name} AS SELECT * FROM rows_in")
        return _comparable(oracle.execute(sql).fetchall())


class _Database(MemoryConnector):
    """The same tables as a database that takes any whole query over them."""

    def refuses(self, query: exp.Query) -> str | None:
        return None

    def scan_query(self, query: exp.Query, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        with duckdb.connect(config={"threads": 1}) as database:
            database.execute(f"SET TimeZone = 'UTC'; CREATE SCHEMA {self.name}")
            for name, table in self.tables.items():
                database.register("rows_in", table)
                database.execute(f"CREATE TABLE {self.name}.{name} AS SELECT * FROM rows_in")
            yield from database.sql(query.sql("duckdb")).to_arrow_table().cast(schema).to_batches()
