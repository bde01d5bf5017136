"""Fields that are called like nothing in a textbook: keywords, quotes, two hundred characters, any script."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from json_server import Asked, JSONServer, Reply
from pydantic import SecretStr

from groundwire import Hub, QueryError
from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.connectors.rest import RestConnector, RestSettings
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.core import config
from groundwire.core.connector import Capabilities, Connector, Pushdown

NAMES = (
    *("select", "order", "group by", "null", "count(*)", "true", "rowid", "with spaces", " outer "),
    *(
        'quo"te',
        "it's",
        "back`tick",
        "100% {0} %s :p",
        "a;--",
        "back\\slash",
        "[x]",
        "größe",
        "数量",
        "الاسم",
        "🙂",
        "e\u0301",
    ),
    "n" * 200,
)
ROWS = [{n: None if (i + j) % 5 == 0 else (i * 3 + j) % 7 for j, n in enumerate(NAMES)} | {"id": i} for i in range(23)]
TABLE = pa.Table.from_pylist(ROWS, schema=pa.schema([("id", pa.int64()), *((n, pa.int64()) for n in NAMES)]))


class _Given(ConnectorConformance):
    sample = 1

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        return {"things": TABLE}


class TestMemory(_Given):
    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls) -> Connector:
        able = Capabilities(boolean=True, order=True, limit=True, aggregates=frozenset({"count", "sum"}), group_by=True)
        exact = dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT)
        return MemoryConnector.from_tables("it", {"things": TABLE}, capabilities=able, pushdown=exact)


class TestSQLite(_Given):
    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connector]:
        made = _sqlite(tmp_path_factory.mktemp("names"))
        yield made
        made.close()


class TestRest(_Given):
    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connector]:
        with JSONServer(_answer) as server:
            made = _rest(server.url, tmp_path_factory.mktemp("names"))
            yield made
            made.close()


def _sqlite(folder: Path) -> SQLConnector:
    database = sqlite3.connect(folder / "names.sqlite")
    columns = ["id INTEGER PRIMARY KEY", *(f"{_quoted(n)} INTEGER" for n in NAMES)]
    database.execute(f"CREATE TABLE things ({', '.join(columns)})")
    places = ", ".join("?" * (len(NAMES) + 1))
    database.executemany(f"INSERT INTO things VALUES ({places})", [[r["id"], *(r[n] for n in NAMES)] for r in ROWS])
    database.commit()
    database.close()
    return SQLConnector("it", SQLSettings(url=SecretStr(f"sqlite:///{folder / 'names.sqlite'}")))


def _rest(url: str, folder: Path) -> RestConnector:
    """Every field may be asked for by a parameter of its own name."""
    exact = {"pushdown": "exact"}
    described: dict[str, Any] = {
        "path": "/things",
        "key": ["id"],
        "fields": {"id": "integer", **{n: {"type": "integer", "path": _step(n)} for n in NAMES}},
        "filters": {
            n: {"=": {"parameter": f"is {n}", **exact}, ">=": {"parameter": f"from {n}", **exact}} for n in NAMES
        },
    }
    file = folder / "names.yaml"
    content = {"url": url, "paging": {"kind": "none"}, "entities": {"things": described}}
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return RestConnector("it", RestSettings(file=file))


def _step(name: str) -> str:
    return f"n{NAMES.index(name)}"


def _answer(asked: Asked) -> Reply:
    rows = ROWS
    for parameter, value in asked.query.items():
        way, _, name = parameter.partition(" ")
        kept = (lambda v: v == int(value)) if way == "is" else (lambda v: v >= int(value))  # noqa: B023
        rows = [r for r in rows if r[name] is not None and kept(r[name])]
    return Reply(json=[{"id": r["id"]} | {_step(n): r[n] for n in NAMES} for r in rows])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("kind", ["memory", "sqlite", "rest"])
def test_fields_of_any_name_are_filtered_grouped_ordered_and_joined(kind: str, tmp_path: Path) -> None:
    with JSONServer(_answer) as server:
        made: Connector = (
            MemoryConnector.from_tables("it", {"things": TABLE})
            if kind == "memory"
            else _sqlite(tmp_path)
            if kind == "sqlite"
            else _rest(server.url, tmp_path)
        )
        other = MemoryConnector.from_tables("other", {"names": TABLE})
        with Hub([made, other]) as hub:
            for name in NAMES:
                column = _quoted(name)
                counts = {v: sum(r[name] == v for r in ROWS) for v in range(2, 7)}
                asked = (
                    f"SELECT {column}, COUNT(*) FROM it.things WHERE {column} >= 2 GROUP BY {column} ORDER BY {column}"
                )
                assert hub.query(asked).rows() == [(v, n) for v, n in sorted(counts.items()) if n], name
                asked = f"SELECT t.id FROM it.things t JOIN other.names o ON t.{column} = o.{column} AND t.id = o.id"
                assert len(hub.query(asked)) == sum(r[name] is not None for r in ROWS), name


def test_fields_that_differ_only_by_case_are_refused_and_leaving_one_out_is_enough(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"id": 1, "name": "a", "Name": "b"}\n{"id": 2, "name": "c", "Name": "d"}\n')
    source: dict[str, Any] = {"type": "memory", "tables": {"t": str(tmp_path / "t.json")}}
    with Hub.from_parsed(config.parse({"sources": {"it": source}}, base=tmp_path)) as hub:
        told = r'it\.t has fields that SQL takes for one: name, Name; .* hide = \["Name"\] under \[sources\.it\.entities\."t"\]'
        for query in ("SELECT name FROM t", 'SELECT "Name" FROM t', "SELECT COUNT(*) FROM t"):
            with pytest.raises(QueryError, match=told):
                hub.query(query)
    source["entities"] = {"t": {"hide": ["Name"]}}
    with Hub.from_parsed(config.parse({"sources": {"it": source}}, base=tmp_path)) as hub:
        assert hub.query("SELECT name FROM t ORDER BY 1").rows() == [("a",), ("c",)]
