"""Whatever is asked, the answer is what it would be if the hidden part of the data did not exist.

Hypothesis makes rows, policies, capabilities and queries. The oracle is a hub without a policy over the same tables
from which the hidden entities, fields and rows have been taken out, and in which masked values have been replaced:
both must give the same rows, or the same error in the same words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import test_oracle as oracle
from conftest import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from groundwire import Hub
from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.core.catalog import Relation
from groundwire.core.config import parse
from groundwire.core.connector import Capabilities, Pushdown, ScanReport
from groundwire.core.errors import GroundwireError, Rejected
from groundwire.core.masks import Mask

KEY = "a secret of this test"
ENTITIES = {"account": "crm.account", "owner": "crm.owner", "invoice": "erp.invoice"}
ATTRIBUTES = {"owner": 1, "codes": ["a", "B ", "O'x"], "nobody": []}

# conditions as a policy writes them, and as DuckDB would over the whole tables
ROWS = {
    "account": [
        ("code = 'a'", "code = 'a'"),
        ("code IN ('5', '7', '1')", "code IN ('5', '7', '1')"),
        ("owner_id = principal.owner", "owner_id = 1"),
        ("owner.name = 'A' OR open", "owner_id IN (SELECT id FROM crm.owner WHERE name = 'A') OR open"),
        ("code IN (principal.codes)", "code IN ('a', 'B ', 'O''x')"),
        ("code IN (principal.nobody)", "false"),
        ("owner_id = principal.never_given OR true", "false"),
        (
            "EXISTS(SELECT 1 FROM invoices v WHERE v.amount > 0)",
            "code IN (SELECT code FROM erp.invoice WHERE amount > 0)",
        ),
        ("since < DATE '2025-01-01'", "since < DATE '2025-01-01'"),
        (
            "TRY_CAST(code AS INTEGER) IS NULL AND upper(code) <> 'A'",
            "TRY_CAST(code AS INTEGER) IS NULL AND upper(code) <> 'A'",
        ),
    ],
    "owner": [("id <> 1", "id <> 1"), ("name IS NOT NULL", "name IS NOT NULL"), ("id > principal.owner", "id > 1")],
    "invoice": [
        ("amount > 0", "amount > 0"),
        ("code IN ('5', '7', '1')", "code IN ('5', '7', '1')"),
        ("code IN (SELECT code FROM crm.account WHERE open)", "code IN (SELECT code FROM crm.account WHERE open)"),
        ("rate IS NULL OR rate > 0", "rate IS NULL OR rate > 0"),
        ("id < 7", "id < 7"),
    ],
}
MASKS = {
    ("account", "code"): ["hash", "partial", "null"],
    ("account", "owner_id"): ["hash", "null", "round 2"],
    ("account", "since"): ["round month", "null"],
    ("owner", "name"): ["hash", "partial"],
    ("invoice", "code"): ["hash", "null"],
    ("invoice", "amount"): ["round 2", "null", "hash"],
    ("invoice", "rate"): ["round 1", "null"],
    ("invoice", "made"): ["round year"],
}
PROBES = [
    "SELECT * FROM crm.account",
    "SELECT * FROM erp.invoice ORDER BY code, amount, id",
    "SELECT id FROM crm.account ORDER BY code, id LIMIT 3",
    "SELECT id FROM crm.account ORDER BY since DESC, owner_id, id LIMIT 2",
    "SELECT id FROM crm.account WHERE code LIKE '%a%'",
    "SELECT COUNT(*) FROM crm.account WHERE code LIKE 'a%' OR code LIKE '%*%'",
    "SELECT COUNT(*) FROM crm.account",
    "SELECT COUNT(*) FROM erp.invoice WHERE account.owner.name LIKE 'A%'",
    "SELECT id FROM crm.account WHERE CAST(code AS INTEGER) > 0",
    "SELECT CAST(code AS DOUBLE) FROM erp.invoice",
    "SELECT CASE WHEN owner_id > 0 THEN CAST(code AS DATE) END FROM crm.account",
    "SELECT n FROM (SELECT CAST(code AS INTEGER) AS n FROM erp.invoice WHERE amount > 0) t WHERE n = 5",
    "SELECT code FROM crm.account GROUP BY code HAVING CAST(code AS INTEGER) = 1",
    "SELECT o.id FROM crm.owner o WHERE NOT EXISTS(SELECT 1 FROM crm.account a WHERE a.owner_id = o.id)",
    "SELECT o.id FROM crm.owner o WHERE o.id NOT IN (SELECT owner_id FROM crm.account WHERE owner_id IS NOT NULL)",
    "SELECT a.id, o.name FROM crm.account a RIGHT JOIN crm.owner o ON a.owner_id = o.id",
    "SELECT a.id, b.id FROM crm.account a LEFT JOIN crm.account b ON a.code = b.code AND b.open WHERE a.id < 5",
    "SELECT owner.name, COUNT(*), MAX(since) FROM crm.account GROUP BY 1 ORDER BY 2 DESC, 1",
    "SELECT name, COUNT(account) FROM crm.owner",
    "SELECT id, (SELECT MAX(amount) FROM erp.invoice i WHERE i.code = account.code) FROM crm.account",
    "SELECT SUM(amount), AVG(rate), MIN(made) FROM erp.invoice",
    "SELECT id, LAG(code) OVER (ORDER BY id) FROM erp.invoice",
    "SELECT id FROM erp.invoice QUALIFY ROW_NUMBER() OVER (PARTITION BY code ORDER BY id) = 1",
    "WITH a AS (SELECT * FROM crm.account), b AS (SELECT code FROM a WHERE open) SELECT COUNT(*) FROM b",
    "SELECT code FROM crm.account EXCEPT SELECT code FROM erp.invoice",
    "SELECT code FROM crm.acount",
    "SELECT * FROM crm.ownr",
    "SELECT ownr_id FROM crm.account",
    "SELECT amout FROM erp.invoice",
    "SELECT owner.nam FROM crm.account",
    "SELECT i.amount FROM invoice i JOIN account a USING (code)",
    "SELECT made - INTERVAL 1 DAY, amount * 2 FROM erp.invoice WHERE rate = 0.5",
    "SELECT name FROM erp.invoice",
    "SELECT id FROM crm.account WHERE owner_id = 1 AND since > DATE '2024-01-15'",
    "SELECT code, COUNT(DISTINCT owner_id) FROM crm.account WHERE open GROUP BY ALL",
]


@dataclass
class Case:
    """A policy as configuration, and what it leaves of the tables."""

    roles: dict[str, dict[str, Any]]
    shown: dict[str, dict[str, str | None]]
    """Field to mask, of each entity that is there at all."""
    rows: dict[str, str]
    """Condition of the whole for DuckDB."""
    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    """Condition under which a field has a value."""


@st.composite
def _policies(draw: st.DrawFn) -> Case:
    first: dict[str, Any] = {"allow": [], "deny": [], "rows": {}, "masks": {}}
    case = Case(roles={"first": first}, shown={}, rows={})
    for name, full_name in ENTITIES.items():
        if draw(st.integers(0, 7)) == 0:
            continue  # nobody allowed it
        fields: dict[str, str | None] = {}
        columns = COLUMNS[name]
        first["allow"].append(full_name)
        for column in columns:
            kinds = MASKS.get((name, column), [])
            choice = draw(st.integers(0, 9))
            if choice == 0 and column != "id":
                first["deny"].append(f"{full_name}.{column}")
                continue
            fields[column] = None
            if choice in (1, 2) and kinds:
                fields[column] = first["masks"][f"{full_name}.{column}"] = draw(st.sampled_from(kinds))
        case.shown[name] = fields
        if draw(st.booleans()):
            first["rows"][full_name], case.rows[name] = draw(st.sampled_from(ROWS[name]))
    if draw(st.integers(0, 3)) == 0:
        _second_role(draw, case)
    return case


def _second_role(draw: st.DrawFn, case: Case) -> None:
    """Another role that shows some fields of one entity in other records."""
    name = draw(st.sampled_from(sorted(ENTITIES)))
    full_name = ENTITIES[name]
    if f"{full_name}.id" in case.roles["first"]["deny"]:
        return
    mine = draw(st.lists(st.sampled_from(COLUMNS[name]), min_size=1, unique=True))
    mine = [c for c in COLUMNS[name] if c in {"id", *mine} and f"{full_name}.{c}" not in case.roles["first"]["deny"]]
    condition, sql = draw(st.sampled_from(ROWS[name]))
    case.roles["second"] = {"allow": [f"{full_name}.{c}" for c in mine], "rows": {full_name: condition}}
    before, all_before = case.shown.get(name), case.rows.get(name)
    if before is None:
        case.shown[name] = dict.fromkeys(mine)
        case.rows[name] = sql
        return
    if all_before is not None:
        case.rows[name] = f"({all_before}) OR ({sql})"
        for column in before:
            if column not in mine:
                case.cells[name, column] = all_before


class Database(MemoryConnector):
    """A database that takes whole queries, and checks conditions in the order in which they are written."""

    def refuses(self, query: exp.Query) -> str | None:
        return None

    def scan_query(self, query: exp.Query, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        with duckdb.connect(config={"threads": 1}) as database:
            database.execute(f"SET TimeZone = 'UTC'; PRAGMA disable_optimizer; CREATE SCHEMA {self.name}")
            for name, table in self.tables.items():
                database.register("rows_in", table)
                database.execute(f"CREATE TABLE {self.name}.{name} AS SELECT * FROM rows_in")
            try:
                yield from database.sql(query.sql("duckdb")).to_arrow_table().cast(schema).to_batches()
            except duckdb.Error as error:
                raise Rejected(str(error).splitlines()[0], source=self.name) from None


COLUMNS = {
    "owner": ["id", "name"],
    "account": ["id", "code", "owner_id", "since", "open"],
    "invoice": ["id", "code", "amount", "rate", "made"],
}


def _left_over(tables: dict[str, pa.Table], case: Case) -> dict[str, pa.Table]:
    """The tables without what the policy hides."""
    left = {}
    with duckdb.connect(config={"threads": 1}) as database:
        database.execute("SET TimeZone = 'UTC'; CREATE SCHEMA crm; CREATE SCHEMA erp")
        for name, full_name in ENTITIES.items():
            database.register("rows_in", tables[name])
            database.execute(f"CREATE TABLE {full_name} AS SELECT * FROM rows_in")
        for name, fields in case.shown.items():
            shown = [
                f"CASE WHEN {case.cells[name, c]} THEN {c} END AS {c}" if (name, c) in case.cells else c for c in fields
            ]
            sql = f"SELECT {', '.join(shown)} FROM {ENTITIES[name]} WHERE {case.rows.get(name, 'true')}"
            found = database.sql(sql).to_arrow_table()
            types = {f.name: f.type for f in tables[name].schema}
            columns = {}
            for column, mask in fields.items():
                values = found.column(column).cast(types[column])
                columns[column] = Mask.parse(mask).apply(values, KEY.encode()) if mask else values
            left[name] = pa.table(columns)
    return left


def _open(case: Case, *names: tuple[str, str]) -> bool:
    """Whether all these fields are shown as they are."""
    return all(entity in case.shown and case.shown[entity].get(column, "hidden") is None for entity, column in names)


@contextmanager
def _hubs(
    tables: dict[str, pa.Table],
    case: Case,
    declared: tuple[Capabilities, dict[str, Pushdown]],
    kind: type[MemoryConnector],
) -> Iterator[tuple[Hub, Hub, dict[str, pa.Table]]]:
    """A hub as the principal sees it, one over what is left for it, and what that is."""
    left = _left_over(tables, case)
    link = {"from": "erp.invoice.code", "to": "crm.account.code", "name": "account", "reverse": "invoices"}
    owners = (Relation(name="owner", target="crm.owner", on=(("owner_id", "id"),), native="owner"),)
    back = (Relation(name="account", target="crm.account", on=(("id", "owner_id"),), many=True),)
    is_linked = _open(case, ("invoice", "code"), ("account", "code"))
    is_owned = _open(case, ("account", "owner_id"), ("owner", "id"))
    with (
        _hub(tables, declared, kind, {"account": owners, "owner": back}, {**_policy(case), "links": [link]}) as whole,
        _hub(
            left,
            declared,
            kind,
            {"account": owners, "owner": back} if is_owned else {},
            {"links": [link] if is_linked else []},
        ) as wanted,
    ):
        yield whole.as_principal("asker"), wanted, left


def _policy(case: Case) -> dict[str, Any]:
    asker = {"roles": list(case.roles), "attributes": ATTRIBUTES}
    return {
        "audit": {"enabled": False},
        "policy": {"mask_key": KEY, "roles": case.roles, "principals": {"asker": asker}},
    }


def _hub(
    tables: dict[str, pa.Table],
    declared: tuple[Capabilities, dict[str, Pushdown]],
    kind: type[MemoryConnector],
    relations: dict[str, tuple[Relation, ...]],
    config: dict[str, Any],
) -> Hub:
    capabilities, pushdown = declared
    made = []
    for source, names in (("crm", ("account", "owner")), ("erp", ("invoice",))):
        mine = {n: tables[n] for n in names if n in tables}
        made.append(
            kind.from_tables(
                source,
                mine,
                capabilities=capabilities,
                pushdown=pushdown,
                relations={n: r for n, r in relations.items() if n in mine},
                primary_keys=dict.fromkeys(mine, ("id",)),
            )
        )
    sources = {c.name: {"type": "memory", "infer_relations": False} for c in made}
    return Hub(made, parse({"sources": sources, **config}, base=Path()))


def _outcome(hub: Hub, sql: str, **options: Any) -> tuple[list[str], list[str], tuple[str, ...]] | str:
    """Columns, rows and notes, or the error."""
    try:
        got = hub.query(sql, **options)
    except GroundwireError as error:
        return f"{type(error).__name__}: {error}"
    assert got.complete
    return [f"{f.name} {f.type}" for f in got.table.schema], oracle._comparable(got.rows()), got.notes


def _same(got: Any, wanted: Any, left: dict[str, pa.Table]) -> bool:
    """Equal, apart from which of the visible values a conversion failed at first."""
    if got == wanted or not isinstance(got, str) or not isinstance(wanted, str):
        return bool(got == wanted)
    failed_at = re.compile(r"(?<=[:g]) (['\"])(.*?)\1(?=,? )")
    visible = {str(v) for t in left.values() for c in t.columns if pa.types.is_string(c.type) for v in c.to_pylist()}
    told = {value for _, value in failed_at.findall(got)}
    return failed_at.sub("…", got) == failed_at.sub("…", wanted) and told <= visible


def _with_numbers(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables with codes that are numbers, so that a conversion may fail over some records and not over others."""
    made = dict(tables)
    for name in ("account", "invoice"):
        codes = [{"A": "5", "b": "7", "": "1"}.get(c, c) for c in tables[name].column("code").to_pylist()]
        made[name] = tables[name].set_column(1, "code", pa.array(codes, pa.string()))
    return made


EVERYTHING = (
    Capabilities(
        paths=2,
        boolean=True,
        order=True,
        limit=True,
        aggregates=frozenset({"count", "count_distinct", "sum", "min", "max", "avg"}),
        group_by=True,
        max_in=100,
    ),
    dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT),
)
"""Sources that do all they are told: conditions then stand beside their entities wherever they may."""

QUERIES = st.one_of(
    st.sampled_from(PROBES),
    st.sampled_from(PROBES),
    st.builds(
        lambda q, a, c, d: q.format(ac=a.format(a=""), aca=a.format(a="a."), ic=c, ic2=d),
        st.sampled_from(oracle.QUERIES),
        st.sampled_from(oracle.ACCOUNT_CONDITIONS),
        st.sampled_from(oracle.INVOICE_CONDITIONS),
        st.sampled_from(oracle.INVOICE_CONDITIONS),
    ),
)


@settings(
    max_examples=int(os.environ.get("GROUNDWIRE_POLICIES", examples(40))),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    tables=oracle._tables().map(_with_numbers),
    case=_policies(),
    declared=st.one_of(st.just(EVERYTHING), oracle._capabilities()),
    whole=st.booleans(),
    queries=st.lists(QUERIES, min_size=10, max_size=12, unique=True),
    max_age=st.sampled_from([None, "1h"]),
)
def test_no_query_tells_of_anything_hidden(
    tables: dict[str, pa.Table],
    case: Case,
    declared: tuple[Capabilities, dict[str, Pushdown]],
    whole: bool,
    queries: list[str],
    max_age: str | None,
) -> None:
    kind = Database if whole else MemoryConnector
    with _hubs(tables, case, declared, kind) as (asker, wanted, left):
        for sql in queries:
            got, expected = _outcome(asker, sql, max_age=max_age), _outcome(wanted, sql)
            assert _same(got, expected, left), f"{sql}\n{case.roles}\n{got}\n{expected}"


def test_a_condition_that_fails_over_a_hidden_record_is_never_checked_there() -> None:
    """A database that checks the asker's condition first would otherwise tell that there is such a record."""
    account = {"id": [0, 1, 2], "code": ["5", "a", "7"], "owner_id": [1, 2, 1], "since": [None] * 3, "open": [True] * 3}
    schema = [
        ("id", pa.int64()),
        ("code", pa.string()),
        ("owner_id", pa.int64()),
        ("since", pa.date32()),
        ("open", pa.bool_()),
    ]
    owner = pa.table({"id": [1, 2], "name": ["A", "B"]})
    tables = {"account": pa.table(account, schema=pa.schema(schema)), "owner": owner}
    case = Case(roles={"first": {"allow": ["crm.*"], "rows": {"crm.account": "owner_id = 1"}}}, shown={}, rows={})
    for sql in (
        "SELECT id FROM account WHERE CAST(code AS INTEGER) > 5",
        "SELECT a.id FROM account a JOIN owner o ON CAST(a.code AS INTEGER) = o.id + 6",
        "SELECT n + 2 - 7 FROM (SELECT CAST(code AS INTEGER) AS n FROM account) t WHERE n > 5",
        "SELECT 2 FROM account GROUP BY code HAVING CAST(code AS INTEGER) > 5",
    ):
        with _hub(tables, EVERYTHING, Database, {}, _policy(case)) as whole:
            got = _outcome(whole.as_principal("asker"), sql)
            assert got[1:] == (["[2]"], ()), (sql, got)
