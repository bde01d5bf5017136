"""A process that runs for weeks knows what its sources hold today, without being started again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import odoo_sandbox
import pytest
from odoo_sandbox import DATABASE, KEY, USER, OdooSandbox

from groundwire import Hub
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core import config, discovery
from groundwire.core.errors import ConfigError, SourceError, UnknownName

ORDERS = "erp.sale.order"


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OdooSandbox]:
    monkeypatch.setattr(config, "cache_folder", lambda: tmp_path)
    with OdooSandbox(17) as running:
        yield running


def hub_of(sandbox: OdooSandbox, **more: Any) -> Hub:
    given = {"database": DATABASE, "username": USER, "api_key": KEY, "models": ["sale.order", "res.partner"]}
    source = {"type": "odoo", "url": sandbox.url, **given}
    return Hub.from_parsed(config.parse({"sources": {"erp": source}, **more}, base=Path()))


def add_column(monkeypatch: pytest.MonkeyPatch, sandbox: OdooSandbox) -> None:
    fields = odoo_sandbox.FIELDS["sale.order"] | {"x_new": odoo_sandbox._field("char", "New")}
    monkeypatch.setitem(odoo_sandbox.FIELDS, "sale.order", fields)
    for row in sandbox.data["sale.order"]:
        row["x_new"] = "new"


def test_a_new_column_is_known_without_a_restart(sandbox: OdooSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub_of(sandbox) as hub:
        sql = f"SELECT x_new FROM {ORDERS} LIMIT 1"
        with pytest.raises(UnknownName):
            hub.query(sql)
        old = hub.plan(f"SELECT id FROM {ORDERS}")
        add_column(monkeypatch, sandbox)
        hub.refresh_catalog("erp")
        assert hub.query(sql).rows() == [("new",)]
        assert hub.plan(f"SELECT id FROM {ORDERS}") is not old, "a plan outlived its catalog"
        known = hub.catalog
        hub.refresh_catalog()
        assert hub.catalog is known, "nothing has changed, and every plan was forgotten"
        with pytest.raises(UnknownName, match="erp"):
            hub.refresh_catalog("erpp")
    with hub_of(sandbox) as following:
        asked = len(sandbox.requests)
        assert following.catalog.entity(ORDERS).find_field("x_new")
        assert len(sandbox.requests) == asked, "the next process was left with what was known before"


def test_what_grew_old_is_asked_for_behind_the_answers(sandbox: OdooSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub_of(sandbox, cache={"catalogs": "1h", "refresh_at": 0.5}) as hub:
        assert hub.catalog
        add_column(monkeypatch, sandbox)
        asked = len(sandbox.requests)
        assert hub.catalog.entity(ORDERS).find_field("x_new") is None
        assert len(sandbox.requests) == asked, "it is not old yet"
        hub._discovery._learned["erp"] -= 1_900
        ends = time.monotonic() + 20
        while hub.catalog.entity(ORDERS).find_field("x_new") is None:
            assert time.monotonic() < ends, "nobody asked"
            time.sleep(0.01)


def test_a_source_that_is_away_leaves_what_was_known(
    sandbox: OdooSandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with hub_of(sandbox) as hub:
        known = hub.catalog
        monkeypatch.setattr(sandbox, "answer", lambda asked: odoo_sandbox.Reply(status=503))
        with pytest.raises(SourceError):
            hub.refresh_catalog()
        assert hub.catalog is known
        hub._discovery._learned["erp"] -= 4_000
        hub._discovery._tried.clear()
        ends = time.monotonic() + 20
        while "stays as it was" not in caplog.text:
            assert hub.catalog is known
            assert time.monotonic() < ends
            time.sleep(0.01)
        asked = len(sandbox.requests)
        assert hub.catalog is known
        assert len(sandbox.requests) == asked, "it was asked again at once"


def test_policy_follows_a_new_catalog(sandbox: OdooSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = {"principals": {"ada": {"roles": ["sales"]}}, "roles": {"sales": {"allow": ["erp.*"]}}}
    with hub_of(sandbox, policy=policy) as hub:
        ada = hub.as_principal("ada")
        assert ada.catalog.entity(ORDERS).find_field("x_new") is None
        add_column(monkeypatch, sandbox)
        hub.refresh_catalog()
        assert ada.query(f"SELECT x_new FROM {ORDERS} LIMIT 1").rows() == [("new",)]


def test_a_field_that_is_gone_where_the_configuration_names_it_is_told_and_nothing_changes(
    sandbox: OdooSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_column(monkeypatch, sandbox)
    source = {"type": "odoo", "url": sandbox.url, "database": DATABASE, "username": USER, "api_key": KEY}
    source |= {"models": ["sale.order", "res.partner"], "entities": {"sale.order": {"hide": ["x_new"]}}}
    with Hub.from_parsed(config.parse({"sources": {"erp": source}}, base=Path())) as hub:
        known = hub.catalog
        less = {n: f for n, f in odoo_sandbox.FIELDS["sale.order"].items() if n != "x_new"}
        monkeypatch.setitem(odoo_sandbox.FIELDS, "sale.order", less)
        with pytest.raises(ConfigError, match="x_new"):
            hub.refresh_catalog()
        assert hub.catalog is known


def test_a_refused_column_is_looked_for_and_its_successor_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy as sa

    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE item (id INTEGER PRIMARY KEY, colour TEXT)")
        connection.exec_driver_sql("INSERT INTO item VALUES (1, 'red')")
    with Hub([SQLConnector("shop", SQLSettings(url=url))]) as hub:  # type: ignore[arg-type]
        assert hub.query("SELECT colour FROM shop.item").rows() == [("red",)]
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE item RENAME COLUMN colour TO color")
        with pytest.raises(UnknownName, match="color"):
            hub.query("SELECT colour FROM shop.item", max_age=0)
        assert hub.query("SELECT color FROM shop.item").rows() == [("red",)]
        looks = []
        connector: Any = hub.connectors["shop"]
        describe = connector.describe
        monkeypatch.setattr(connector, "describe", lambda name: looks.append(name) or describe(name))
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE item RENAME COLUMN color TO tint")
        for _ in range(2):
            with pytest.raises(SourceError):
                hub.query("SELECT color FROM shop.item", max_age=0)
        assert not looks, f"within {discovery.PAUSE:.0f} s it was looked for again"
    engine.dispose()
