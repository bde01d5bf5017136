"""What a query may cost: whatever is cut is marked, memory is bounded, and time ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from groundwire import Hub, QueryError, Result
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.config import parse
from groundwire.core.connector import Capabilities, Pushdown
from groundwire.core.errors import Unavailable

NUMBERS = pa.table({"id": range(1000), "part": [i % 2 for i in range(1000)], "amount": [Decimal("-1.50")] * 1000})


def _hub(*, batch_rows: int = 64, capabilities: Capabilities | None = None, **limits: Any) -> Hub:
    able = {"in": Pushdown.EXACT}
    options: dict[str, Any] = {"batch_rows": batch_rows, "capabilities": capabilities, "pushdown": able}
    few = {"few": pa.table({"id": range(0, 1000, 5)})}
    sources = [
        MemoryConnector.from_tables("m", {"number": NUMBERS}, primary_keys={"number": ("id",)}, **options),
        MemoryConnector.from_tables("k", few, **options),
    ]
    return Hub(sources, parse({"limits": limits}, base=Path()))


# -- rows ----------------------------------------------------------------------------------------


def test_rows_beyond_the_budget_are_cut_and_that_is_said() -> None:
    result = _hub(rows=100).query("SELECT id FROM m.number")
    assert len(result) == 100
    assert not result.complete
    assert "limits.rows = 100" in result.incomplete_reasons()[0]
    assert result.to_dict()["complete"] is False


def test_as_many_rows_as_the_budget_are_complete() -> None:
    result = _hub(rows=1000).query("SELECT id FROM m.number")
    assert len(result) == 1000
    assert result.complete


@pytest.mark.parametrize("sql", ["SUM(amount)", "AVG(id)", "MAX(id)", "1000 - COUNT(*)"])
def test_an_aggregate_over_a_cut_read_is_never_called_exact(sql: str) -> None:
    result = _hub(rows=100).query(f"SELECT {sql} AS x FROM m.number")
    assert not result.complete
    assert result.completeness == "unknown"
    assert "limits.rows" in " ".join(result.footer())


@pytest.mark.parametrize("sql", ["COUNT(*) AS n", "COUNT(DISTINCT id)", "id", "part, COUNT(id)"])
def test_a_list_or_a_count_over_a_cut_read_is_a_lower_bound(sql: str) -> None:
    group = " GROUP BY part ORDER BY COUNT(*)" if "part" in sql else ""
    result = _hub(rows=100).query(f"SELECT {sql} FROM m.number{group}")
    assert not result.complete
    assert result.completeness == "lower_bound"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM m.number ORDER BY id DESC LIMIT 3",
        "SELECT id, RANK() OVER (ORDER BY id) FROM m.number",
        "SELECT id FROM k.few WHERE NOT EXISTS(SELECT 1 FROM m.number n WHERE n.id = few.id)",
        "SELECT part FROM m.number GROUP BY part HAVING COUNT(*) < 100",
        "SELECT part FROM (SELECT part, COUNT(*) AS n FROM m.number GROUP BY part) t WHERE n < 100",
        "SELECT id, (SELECT n.id FROM m.number n WHERE n.id = few.id) AS other FROM k.few",
        "SELECT id FROM k.few WHERE id NOT IN (SELECT id FROM m.number)",
        "SELECT id FROM k.few WHERE NOT (id > 1 AND id IN (SELECT id FROM m.number))",
        "SELECT f.id FROM k.few f LEFT JOIN m.number n ON n.id = f.id + 1",
    ],
)
def test_what_missing_rows_can_make_wrong_is_marked_unknown(sql: str) -> None:
    result = _hub(rows=100).query(sql)
    assert not result.complete
    assert result.completeness == "unknown"


def test_an_aggregate_that_the_source_computes_needs_no_rows() -> None:
    able = Capabilities(aggregates=frozenset({"sum"}))
    result = _hub(rows=1, capabilities=able).query("SELECT SUM(amount) FROM m.number")
    assert result.rows() == [(Decimal("-1500.00"),)]
    assert result.complete


def test_batches_of_keys_share_one_budget() -> None:
    hub = _hub(rows=150, capabilities=Capabilities(max_in=10, concurrency=4))
    result = hub.query("SELECT n.id FROM k.few f JOIN m.number n ON n.id = f.id WHERE f.id < 10000")
    assert [s.rows for s in result.sources if s.source == "m"] == [150]
    assert not result.complete


def test_a_result_that_grows_here_is_cut_too() -> None:
    result = _hub(rows=2000).query("SELECT a.id, b.id FROM m.number a CROSS JOIN m.number b")
    assert len(result) == 2000
    assert result.truncated
    assert not result.complete
    assert result.completeness == "exact"  # every row is true; there are more


# -- bytes ---------------------------------------------------------------------------------------


def test_all_reads_of_a_query_share_the_budget_of_bytes() -> None:
    wide = pa.table({"id": range(1000), "text": ["x" * 700] * 1000})
    sources = [MemoryConnector.from_tables(n, {"wide": wide}, batch_rows=50) for n in ("a", "b")]
    hub = Hub(sources, parse({"limits": {"bytes": 1_000_000}}, base=Path()))
    assert hub.query("SELECT text FROM a.wide").complete
    both = hub.query("SELECT COUNT(*) FROM a.wide x JOIN b.wide y ON x.id = y.id AND x.text = y.text")
    assert not both.complete
    assert "limits.bytes" in " ".join(both.incomplete_reasons())
    assert sum(s.rows for s in both.sources) * 700 <= 1_000_000


def test_one_batch_larger_than_the_budget_is_cut() -> None:
    wide = MemoryConnector.from_tables("a", {"wide": pa.table({"text": ["x" * 1000] * 4000})}, batch_rows=4000)
    result = Hub([wide], parse({"limits": {"bytes": 1_000_000}}, base=Path())).query("SELECT text FROM a.wide")
    assert 900 < len(result) < 1000
    assert not result.complete


# -- memory and time of what is left to do here ----------------------------------------------------


def test_a_join_that_needs_more_memory_than_allowed_is_an_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hub = _hub(memory="50MB")
    text = "SELECT a.id, b.id, REPEAT('x', 99) || a.id || b.id AS s FROM m.number a CROSS JOIN m.number b ORDER BY s"
    with pytest.raises(QueryError, match=r"limits\.memory = 50MB"):
        hub.query(text)
    assert list(tmp_path.iterdir()) == []
    assert hub.query("SELECT COUNT(*) FROM m.number").rows() == [(1000,)]


@pytest.mark.parametrize(
    "shape",
    ["SELECT SUM(a.id * b.id + c.id) FROM {}", "SELECT a.id FROM {} WHERE (a.id * b.id + c.id) % 1000003 = 1000002"],
)
def test_a_join_that_takes_too_long_is_stopped(shape: str) -> None:
    hub = _hub()
    started = time.monotonic()
    with pytest.raises(QueryError, match=r"limits\.timeout = 0\.5 s"):
        hub.query(shape.format("m.number a, m.number b, m.number c, k.few d"), timeout=0.5)
    assert time.monotonic() - started < 5
    assert hub.query("SELECT COUNT(*) FROM m.number").rows() == [(1000,)]


def test_a_source_that_drips_is_stopped_by_the_clock() -> None:
    class Slow(MemoryConnector):
        """Delivers for ever, a little at a time, and does not look at the deadline."""

        def scan(self, scan: Any, report: Any) -> Any:
            while True:
                time.sleep(0.05)
                yield pa.RecordBatch.from_pydict({"id": [1]})

    slow = Slow.from_tables("m", {"number": pa.table({"id": [1]})})
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"limits\.timeout = 0\.3 s"):
        Hub([slow]).query("SELECT id FROM m.number", timeout=0.3)
    assert time.monotonic() - started < 3


@pytest.mark.server
def test_a_statement_that_takes_too_long_for_this_query_is_stopped(wide_url: str) -> None:
    slow = "SELECT COUNT(*) FROM wide a JOIN wide b ON a.text < b.text"
    with Hub([SQLConnector("dwh", SQLSettings(url=wide_url))]) as hub:  # type: ignore[arg-type]
        hub.catalog  # noqa: B018
        started = time.monotonic()
        with pytest.raises(Unavailable):
            hub.query(slow, timeout=0.5)
        assert time.monotonic() - started < 5


# -- a real table larger than the budget -------------------------------------------------------------

ROWS, WIDTH, BUDGET = 400_000, 500, 20_000_000

_MEASURED = """
import json, sys
from pathlib import Path
from groundwire import Hub
from groundwire.core.config import parse

def resident(key):
    return next(int(l.split()[1]) for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(key)) * 1024

url, limits, warm, sql = json.loads(sys.argv[1])
with Hub.from_parsed(parse({"sources": {"dwh": {"type": "sql", "url": url}}, "limits": limits}, base=Path())) as hub:
    hub.query(warm)
    base = resident("VmRSS")
    result = hub.query(sql)
    print(json.dumps({"grown": resident("VmHWM") - base, "rows": len(result), "result": result.to_dict() | {"rows": result.rows()[:1]}}, default=str))
"""


@pytest.fixture(scope="module")
def wide_url(postgres_url: str) -> str:
    """The URL of a database with a table `wide` that is larger than the budget."""
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE wide (id int PRIMARY KEY, part int, text text)")
        connection.exec_driver_sql(
            f"INSERT INTO wide SELECT i, i %% 7, LPAD(i::text, {WIDTH}, '-') FROM generate_series(1, {ROWS}) i"
        )
    engine.dispose()
    return postgres_url


def _measured(url: str, limits: dict[str, Any], sql: str) -> dict[str, Any]:
    """What a query takes, in a process of its own."""
    warm = "SELECT id, text FROM dwh.wide WHERE id < 20000 AND LENGTH(REPEAT(text, 2)) > 0"
    arguments = json.dumps([url, limits, warm, sql])
    done = subprocess.run([sys.executable, "-c", _MEASURED, arguments], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.server
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("limits", [{"bytes": BUDGET}, {"rows": BUDGET // WIDTH}], ids=["bytes", "rows"])
@pytest.mark.parametrize("where", ["", " WHERE id > 0"], ids=["copied", "fetched"])
def test_a_table_larger_than_the_budget_takes_no_more_memory_than_the_budget(
    wide_url: str, limits: dict[str, Any], where: str
) -> None:
    found = _measured(wide_url, limits, f"SELECT id, text FROM dwh.wide{where}")
    assert 0.8 * BUDGET / WIDTH < found["rows"] <= BUDGET / WIDTH
    assert found["result"]["complete"] is False
    assert found["grown"] < 5 * BUDGET  # the table is ten times the budget
    assert found["grown"] < 0.5 * ROWS * WIDTH


@pytest.mark.server
def test_a_sum_computed_here_over_a_cut_table_is_marked(wide_url: str) -> None:
    config = parse({"limits": {"rows": 1000}}, base=Path())
    with Hub([SQLConnector("dwh", SQLSettings(url=wide_url))], config) as hub:  # type: ignore[arg-type]
        whole = hub.query("SELECT SUM(id), COUNT(*) FROM dwh.wide")
        assert whole.rows() == [(ROWS * (ROWS + 1) // 2, ROWS)]
        assert whole.complete
        cut = hub.query("SELECT SUM(LENGTH(REPEAT(text, 2))) FROM dwh.wide")  # REPEAT is computed here
        assert _is_marked(cut)


def _is_marked(result: Result) -> bool:
    return not result.complete and result.completeness == "unknown" and "limits.rows" in " ".join(result.footer())
