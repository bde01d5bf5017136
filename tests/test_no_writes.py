"""Nothing that writes can be expressed by the way of queries: not in the parser, and not past it at the servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core import query
from groundwire.core.errors import GroundwireError, QueryError

WRITES = [
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t SELECT * FROM t",
    "INSERT OR REPLACE INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
    "TRUNCATE t",
    "TRUNCATE TABLE t",
    "DROP TABLE t",
    "DROP SCHEMA s CASCADE",
    "CREATE TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "CREATE FUNCTION f() AS 1",
    "CREATE MACRO f(x) AS x",
    "CREATE SEQUENCE s",
    "CREATE INDEX i ON t(a)",
    "ALTER TABLE t ADD COLUMN b INTEGER",
    "COMMENT ON TABLE t IS 'x'",
    "GRANT ALL ON t TO PUBLIC",
    "REVOKE ALL ON t FROM PUBLIC",
    "COPY t TO 'x.csv'",
    "COPY t FROM 'x.csv'",
    "COPY (SELECT 1) TO 'x.csv'",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "ATTACH 'x.db'",
    "DETACH x",
    "USE x",
    "SET x = 1",
    "SET GLOBAL x = 1",
    "RESET x",
    "PRAGMA x = 1",
    "PRAGMA x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL f(1)",
    "EXECUTE p(1)",
    "PREPARE p AS SELECT 1",
    "DEALLOCATE p",
    "VACUUM",
    "ANALYZE",
    "CHECKPOINT",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT a",
    "LOCK TABLE t",
    "LISTEN a",
    "NOTIFY a",
    "DO $$ BEGIN DELETE FROM t; END $$",
    "EXPLAIN ANALYZE DELETE FROM t",
    "SELECT * INTO x FROM t",
    "SELECT a FROM t INTO OUTFILE '/tmp/x'",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR SHARE",
    "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x",
    "SELECT (DELETE FROM t)",
    "SELECT * FROM (DELETE FROM t RETURNING *)",
    "SELECT 1 WHERE EXISTS(DELETE FROM t RETURNING 1)",
    "KILL 1",
    "HANDLER t OPEN",
    "RENAME TABLE t TO x",
    "REPLACE INTO t VALUES (1)",
    "LOAD DATA INFILE 'x' INTO TABLE t",
    "REINDEX t",
    "REFRESH MATERIALIZED VIEW v",
    "SUMMARIZE t",
    "DESCRIBE t",
    "SHOW TABLES",
]
FUNCTIONS = [
    *(
        "nextval",
        "setval",
        "pg_terminate_backend",
        "pg_read_file",
        "pg_sleep",
        "pg_advisory_lock",
        "lo_import",
        "lo_export",
    ),
    *("dblink", "dblink_exec", "query_to_xml", "set_config", "pg_reload_conf", "pg_notify", "txid_current"),
    *(
        "load_extension",
        "writefile",
        "readfile",
        "sys_exec",
        "load_file",
        "sleep",
        "benchmark",
        "get_lock",
        "release_lock",
    ),
    *("read_csv", "read_text", "read_blob", "glob", "getenv", "getvariable", "query", "query_table", "current_setting"),
]
STATEMENTS = [
    "{}",
    "({})",
    "  \n\t{} ;",
    "/* SELECT */ {}",
    "-- SELECT 1\n{}",
    "{}; SELECT 1",
    "SELECT 1; {}",
    "SELECT 1;\n--\n{}",
    "SELECT 1 /* ; */; {}",
    "WITH w AS ({}) SELECT * FROM w",
    "EXPLAIN {}",
    "PREPARE p AS {}",
]
"""Where the text is a statement, or the body of one: every write is refused."""
EXPRESSIONS = [
    "SELECT * FROM ({}) AS s",
    "SELECT ({})",
    "SELECT 1 UNION ALL ({})",
    "SELECT 1 WHERE 1 IN ({})",
    "SELECT CASE WHEN EXISTS({}) THEN 1 END",
]
"""Where words such as VACUUM are names of columns and tables, which the catalog has to know; nothing there may write."""
WRAPPERS = [*STATEMENTS, *EXPRESSIONS]
_WRITING = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Copy,
    exp.Set,
    exp.Pragma,
    exp.Into,
    exp.Lock,
    exp.TruncateTable,
    exp.Use,
    exp.Attach,
    exp.Detach,
)


def _harmless(text: str) -> bool:
    """Whether a text is refused, or understood as a SELECT of which no part writes in any dialect that we send."""
    try:
        tree = query.parse(text)
    except GroundwireError:
        return True
    return not any(isinstance(node, _WRITING) for node in tree.walk())


@pytest.mark.parametrize("wrapper", STATEMENTS)
@pytest.mark.parametrize("write", WRITES)
def test_no_statement_that_writes_is_a_query(write: str, wrapper: str) -> None:
    with pytest.raises(QueryError):
        query.parse(wrapper.format(write))


@pytest.mark.parametrize("write", WRITES)
def test_inside_a_query_it_is_refused_or_a_name_that_nothing_has(write: str) -> None:
    shop = MemoryConnector.from_tables("shop", {"t": pa.table({"a": [1]}), "orders": pa.table({"id": [1]})})
    with Hub([shop]) as hub:
        for wrapper in EXPRESSIONS:
            text = wrapper.format(write)
            assert _harmless(text)
            with pytest.raises(QueryError):
                hub.query(text)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_that_acts_is_a_query(function: str) -> None:
    for text in ("SELECT {}('a', 1)", "SELECT * FROM {}('a')", "SELECT 1 WHERE {}('a') = 1", "SELECT s.{}('a')"):
        with pytest.raises(QueryError):
            query.parse(text.format(function))


_PIECES = st.sampled_from(
    [w for text in WRITES for w in text.split()]
    + ["SELECT", "FROM", "(", ")", ";", "--", "/*", "*/", "'", '"', "$$", "\n", ","]
)


@settings(max_examples=examples(1500), deadline=None)
@given(st.lists(_PIECES, max_size=25).map(" ".join))
def test_whatever_is_put_together_of_such_words_does_not_write(text: str) -> None:
    assert _harmless(text)


@settings(max_examples=examples(600), deadline=None)
@given(
    st.sampled_from(WRITES),
    st.lists(st.sampled_from(WRAPPERS), min_size=1, max_size=4),
    st.integers(0, 30),
    st.text(max_size=4),
)
def test_wrapped_and_disturbed_it_does_not_write_either(write: str, wrappers: list[str], at: int, noise: str) -> None:
    text = write
    for wrapper in wrappers:
        text = wrapper.format(text)
    assert _harmless(text[:at] + noise + text[at:])


def test_every_node_that_is_allowed_reads() -> None:
    allowed = {*query._PLAIN_NODES, *query._FUNCTION_NODES}
    assert not any(issubclass(node, _WRITING) for node in allowed)
    assert not any(issubclass(node, exp.DDL | exp.DML | exp.Command) for node in allowed if node is not exp.Query)


# -- at the servers, past the parser -----------------------------------------------------------------

AT_SERVERS = [
    "INSERT INTO kept VALUES (2)",
    "UPDATE kept SET id = 9",
    "DELETE FROM kept",
    "DROP TABLE kept",
    "CREATE TABLE other (id INTEGER)",
    "ALTER TABLE kept ADD COLUMN x INTEGER",
]


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres_url", marks=pytest.mark.server),
        pytest.param("mariadb_url", marks=pytest.mark.server),
    ]
)
def connector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SQLConnector, str]]:
    url = (
        f"sqlite:///{tmp_path / 'x.sqlite'}"
        if request.param == "sqlite"
        else str(request.getfixturevalue(request.param))
    )
    for statement in ("DROP TABLE IF EXISTS kept", "CREATE TABLE kept (id INTEGER)", "INSERT INTO kept VALUES (1)"):
        _run(url, statement)
    made = SQLConnector("db", SQLSettings(url=url))
    yield made, url
    made.close()


def _run(url: str, statement: str) -> list[Any]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        found = connection.exec_driver_sql(statement)
        rows = list(found) if found.returns_rows else []
    engine.dispose()
    return rows


@pytest.mark.parametrize("statement", AT_SERVERS)
def test_the_session_of_queries_refuses_what_writes(connector: tuple[SQLConnector, str], statement: str) -> None:
    made, url = connector
    with pytest.raises(GroundwireError), made._connected() as session:
        session.exec_driver_sql(statement)
    assert [tuple(r) for r in _run(url, "SELECT * FROM kept")] == [(1,)]


@pytest.mark.server
@pytest.mark.parametrize("statement", AT_SERVERS)
def test_the_bulk_reader_of_postgresql_refuses_what_writes(postgres_url: str, statement: str) -> None:
    for one in ("DROP TABLE IF EXISTS kept", "CREATE TABLE kept (id INTEGER)", "INSERT INTO kept VALUES (1)"):
        _run(postgres_url, one)
    made = SQLConnector("db", SQLSettings(url=postgres_url))
    assert made._bulk is not None
    connection = made._bulk._prepared(5)
    try:
        with pytest.raises(Exception, match="read-only"), connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
        made.close()
    assert [tuple(r) for r in _run(postgres_url, "SELECT * FROM kept")] == [(1,)]
