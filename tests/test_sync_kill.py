"""kill -9 of a syncing process at random moments, while the source is written: nothing lost, nothing doubled.

`GROUNDWIRE_KILLS` says how many moments: a few in the ordinary tests, 100 in `make soak`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from synced import ENTITY, History, Synced, make_items, settings, synced

KILLS = int(os.environ.get("GROUNDWIRE_KILLS", "6"))
ROWS = 8_000

pytestmark = [pytest.mark.server, pytest.mark.timeout(120 + KILLS * 10)]


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """The process that forks the ones to be killed."""
    here = Path(__file__).parent
    made = subprocess.Popen(
        [sys.executable, str(here / "sync_program.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=here,
    )
    yield made
    assert made.stdin is not None and made.stdout is not None
    made.stdin.close()
    made.wait(30)
    made.stdout.close()


def _killed(program: subprocess.Popen[str], order: dict[str, str], seconds: float) -> None:
    """Start a sync, kill it so many seconds after its beginning."""
    assert program.stdin is not None and program.stdout is not None
    program.stdin.write(json.dumps(order) + "\n")
    program.stdin.flush()
    lines = {program.stdout.readline().strip(), program.stdout.readline().strip()}
    assert "syncing" in lines, lines
    (pid,) = lines - {"syncing"}
    time.sleep(seconds)
    os.kill(int(pid), signal.SIGKILL)
    assert program.stdout.readline().strip() == "killed"


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_killed_sync_is_made_good_by_the_next(
    store: str, program: subprocess.Popen[str], postgres_url: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(postgres_url)
    make_items(engine, ROWS)
    replicas = f"sqlite:///{tmp_path / 'copies.sqlite'}"
    if store == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA IF EXISTS copies CASCADE; CREATE SCHEMA copies")
        replicas = f"{postgres_url}?options=-csearch_path%3Dcopies"
    chance = random.Random(KILLS)
    with History(engine, ROWS, seed=KILLS) as history, synced(settings(postgres_url, replicas)) as opened:
        for number in range(KILLS):
            mode = chance.choice(["incremental", "incremental", "full", "verify"])
            order = {"url": postgres_url, "replicas": replicas, "mode": mode}
            _killed(program, order, chance.uniform(0, 0.25 if mode == "incremental" else 0.8))
            with history.paused():
                report = opened.sync()
                _check(opened, f"kill {number} of {mode}, then {report}")
        assert history.writes > KILLS
    engine.dispose()


def _check(opened: Synced, what: str) -> None:
    try:
        opened.check(ENTITY)
    except AssertionError as error:
        raise AssertionError(what) from error
