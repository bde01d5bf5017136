"""With `offline = true`, drivers that connect from C connect to configured addresses only as well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from groundwire.connectors.sql_psycopg import targets

PROGRAM = """
import os, sys
import sqlalchemy as sa
from groundwire import Hub
from groundwire.core.errors import GroundwireError
hub = Hub.from_config("groundwire.toml")
def tried(what):
    try: return str(what())
    except Exception as error: return f"{type(error).__name__}: {error}"
print(tried(lambda: hub.query("SELECT COUNT(*) FROM db.kept").rows()))
connector = hub.connectors["db"]
connector._engine.dispose()
connector.url = connector.url.set(port=1)
connector._bulk._url = connector._bulk._url.set(port=1)
for variables in ({}, {"PGHOSTADDR": "127.0.0.9"}, {"PGSERVICE": "elsewhere"}):
    os.environ.update(variables)
    print(tried(lambda: connector._engine.connect()))
    print(tried(lambda: connector._bulk._prepared(2)))
"""


@pytest.mark.server
def test_neither_psycopg_nor_adbc_connects_elsewhere(postgres_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY)")
    engine.dispose()
    (tmp_path / "groundwire.toml").write_text(f'offline = true\n[sources.db]\ntype = "sql"\nurl = "{postgres_url}"\n')
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
    )
    counted, *refused = ran.stdout.splitlines()
    assert counted == "[(0,)]", ran.stderr
    assert len(refused) == 6
    for line in refused:
        assert "no configured address (offline = true)" in line, line


@pytest.mark.parametrize(
    ("url", "environment", "wanted"),
    [
        ("postgresql://u:p@db.example/x", {}, [("db.example", 5432)]),
        ("postgresql://u:p@db.example:6000/x", {}, [("db.example", 6000)]),
        ("postgresql:///x?host=a.example,b.example&port=1,2", {}, [("a.example", 1), ("b.example", 2)]),
        ("postgresql://db.example/x?hostaddr=10.0.0.1", {}, [("10.0.0.1", 5432)]),
        ("postgresql://db.example/x", {"PGHOSTADDR": "10.0.0.2"}, [("10.0.0.2", 5432)]),
        ("postgresql:///x", {"PGHOST": "c.example", "PGPORT": "7"}, [("c.example", 7)]),
        ("postgresql:///x", {}, []),
        ("postgresql:///x?host=/var/run/postgresql", {}, []),
        ("postgresql:///x?service=other", {}, [("service other", 0)]),
    ],
)
def test_where_libpq_connects_is_known(
    url: str, environment: dict[str, str], wanted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert targets(sa.make_url(url)) == wanted
