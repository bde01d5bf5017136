"""Systems with thousands of kinds of records: what is done for each must not depend on how many others there are."""

from __future__ import annotations

import time
from contextlib import closing

import odoo_sandbox
import pyarrow as pa
import pytest
from odoo_sandbox import STAMPS, OdooSandbox
from test_conformance_odoo import connected

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.catalog import Entity, Field
from groundwire.core.relations import with_inferred_relations

FIELDS = [f"x_field_{i}" for i in range(40)]


def _seconds(count: int) -> float:
    """What inferring relations among so many entities takes, the least of three times."""
    fields = tuple(Field(name=n, type=pa.int64()) for n in ("id", "group_id", *FIELDS))
    entities = [Entity(source="big", name=f"thing{i}", fields=fields, primary_key=("id",)) for i in range(count)]
    groups = Entity(source="big", name="groups", fields=fields[:1], primary_key=("id",))
    connector, taken = MemoryConnector.from_tables("big", {}), []
    for _ in range(3):
        started = time.perf_counter()
        found = with_inferred_relations([*entities, groups], connector, time.monotonic() + 60)
        taken.append(time.perf_counter() - started)
    assert all(e.relations for e in found), "each thing has its group"
    return min(taken)


def test_relations_are_inferred_in_time_that_grows_with_the_fields_and_not_with_their_square() -> None:
    assert _seconds(800) < 9 * _seconds(200), "four times the entities, four times the work"


def test_a_model_is_asked_for_twice_whatever_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = STAMPS | {n: odoo_sandbox._field("char", n) for n in FIELDS}
    monkeypatch.setattr(odoo_sandbox, "FIELDS", {f"x.model{i}": fields for i in range(120)})
    with OdooSandbox(17, administrator=True) as sandbox:
        sandbox.data = {model: [] for model in odoo_sandbox.FIELDS}
        with closing(connected(sandbox.url, models=())) as source, Hub([source]) as hub:
            assert len(hub.catalog) == 120
            assert len(sandbox.requests) == 2 * 120 + 2, "a log-in, the list, and two for each"
            assert hub.query("SELECT COUNT(*) FROM x.model7").rows() == [(0,)]
            assert len(sandbox.requests) == 2 * 120 + 3
