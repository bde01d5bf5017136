"""Descriptions of large systems are kept for the next process, and never stand in the way of the truth."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import odoo_sandbox
import pytest
from odoo_sandbox import DATABASE, KEY, USER, OdooSandbox
from test_conformance_erpnext import connected as erpnext
from test_conformance_erpnext import invoices, sandbox_with
from test_conformance_hubspot import _contact
from test_conformance_hubspot import connect as hubspot
from test_conformance_hubspot import sandbox_with as hubspot_with
from test_conformance_netsuite import connect as netsuite
from test_conformance_netsuite import customers
from test_conformance_netsuite import sandbox_with as netsuite_with
from test_conformance_odoo import connected as odoo

from groundwire import Hub
from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.core import config
from groundwire.core.connector import Connector, Recalling
from groundwire.core.errors import SourceError
from groundwire.demo.salesforce_sandbox import SalesforceSandbox


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One cache for all hubs of a test, as processes of one user have it."""
    monkeypatch.setattr(config, "cache_folder", lambda: tmp_path)
    return tmp_path / "catalogs"


@pytest.fixture
def sandbox() -> Iterator[OdooSandbox]:
    with OdooSandbox(17) as running:
        yield running


def hub_of(sandbox: OdooSandbox, catalogs: str = "1h", **settings: Any) -> Hub:
    given = {"database": DATABASE, "username": USER, "api_key": KEY, "models": ["sale.order", "res.partner"]}
    source = {"type": "odoo", "url": sandbox.url, **given, **settings}
    return Hub.from_parsed(config.parse({"sources": {"erp": source}, "cache": {"catalogs": catalogs}}, base=Path()))


def described(sandbox: OdooSandbox) -> int:
    return sum(b"fields_get" in r.body for r in sandbox.requests)


def test_the_next_process_asks_for_records_only(sandbox: OdooSandbox, cache: Path) -> None:
    sql = "SELECT state, COUNT(*) FROM erp.sale.order WHERE partner_id.name <> 'x' GROUP BY 1 ORDER BY 2, 1"
    with hub_of(sandbox) as first:
        catalog, answer = list(first.catalog), first.query(sql).rows()
    assert described(sandbox) == 2
    with hub_of(sandbox) as second:
        assert list(second.catalog) == catalog
        assert second.query(sql, max_age=0).rows() == answer
    assert described(sandbox) == 2
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert KEY not in gzip.decompress(file.read_bytes()).decode()


def test_another_account_and_other_settings_have_descriptions_of_their_own(sandbox: OdooSandbox, cache: Path) -> None:
    with hub_of(sandbox) as first, hub_of(sandbox, models=["res.partner"]) as other:
        assert (len(first.catalog), len(other.catalog)) == (2, 1)
    with hub_of(sandbox, api_key="another key") as wrong, pytest.raises(SourceError):
        _ = wrong.catalog


def _aged(seconds: float) -> Callable[[Path], None]:
    return lambda file: os.utime(file, (time.time() - seconds,) * 2)


def _other_version(file: Path) -> None:
    kept = json.loads(gzip.decompress(file.read_bytes()))
    file.write_bytes(gzip.compress(json.dumps({**kept, "version": "0.0.1"}).encode()))


@pytest.mark.parametrize(
    "spoil",
    [
        _aged(3_700),
        _aged(-100),
        _other_version,
        lambda file: file.write_bytes(file.read_bytes()[:200]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(gzip.compress(b'{"version": "0.1.0", "learned": {"sale.order": 7}}')),
        lambda file: file.unlink(),
    ],
)
def test_what_is_too_old_or_damaged_is_as_good_as_none(
    sandbox: OdooSandbox, cache: Path, spoil: Callable[[Path], None]
) -> None:
    with hub_of(sandbox) as first:
        catalog = list(first.catalog)
    spoil(next(cache.iterdir()))
    with hub_of(sandbox) as second:
        assert list(second.catalog) == catalog
    assert described(sandbox) == 4


def test_nothing_is_kept_where_that_is_not_wanted(sandbox: OdooSandbox, cache: Path) -> None:
    for _ in range(2):
        with hub_of(sandbox, catalogs="0s") as hub:
            assert hub.catalog
    assert described(sandbox) == 4
    assert not cache.exists()


def test_a_check_asks_the_source_always(sandbox: OdooSandbox, cache: Path) -> None:
    for _ in range(2):
        with hub_of(sandbox) as hub:
            hub.ask_for_catalog()
            assert hub.catalog
    assert described(sandbox) == 4


def test_a_description_that_grows_old_is_learned_anew_behind_the_answer(
    sandbox: OdooSandbox, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub_of(sandbox) as first:
        assert first.catalog
    (file,) = cache.iterdir()
    _aged(3_000)(file)
    added = odoo_sandbox.FIELDS["sale.order"] | {"x_new": odoo_sandbox._field("char", "New")}
    monkeypatch.setitem(odoo_sandbox.FIELDS, "sale.order", added)
    with hub_of(sandbox) as second:
        assert second.catalog.entity("erp.sale.order").find_field("x_new") is None, "answered at once"
        ends = time.monotonic() + 20
        while second.catalog.entity("erp.sale.order").find_field("x_new") is None:
            assert time.monotonic() < ends, "it was not learned anew"
            time.sleep(0.02)
        assert time.time() - file.stat().st_mtime < 1_000, "nor for the next process"
    with hub_of(sandbox) as third:
        assert third.catalog.entity("erp.sale.order").find_field("x_new") is not None


def _connectors() -> Iterator[tuple[Callable[[], Connector], Any]]:
    with OdooSandbox(17) as server:
        yield (lambda: odoo(server.url)), server
    with sandbox_with(invoices(), zone="Asia/Kolkata") as server:
        yield (lambda: erpnext(server.url)), server
    with SalesforceSandbox() as crm:
        secret: Any = crm.client_secret
        settings = SalesforceSettings(url=crm.url, client_id=crm.client_id, client_secret=secret)
        yield (lambda: SalesforceConnector("crm", settings)), crm

    with hubspot_with([_contact(1, "Anna")]) as server:
        yield (lambda: hubspot(server)), server
    with netsuite_with(customers()) as server:
        yield (lambda: netsuite(server)), server


def test_each_connector_knows_again_what_it_learned_and_answers_as_before() -> None:
    for make, server in _connectors():
        first, second = make(), make()
        entities = first.discover()
        assert isinstance(first, Recalling)
        assert isinstance(second, Recalling)
        learned = json.loads(json.dumps(first.learned(), default=str))
        server.requests.clear()
        assert second.recall(learned) == entities
        assert not server.requests, "it asked the source"
        name = entities[0].full_name
        key = entities[0].primary_key[0]
        sql = f"SELECT {key} FROM {name} ORDER BY 1 LIMIT 5"
        with Hub([first]) as one, Hub([second]) as other:
            other._catalog = one.catalog
            assert other.query(sql).rows() == one.query(sql).rows()
        assert second.learned() == first.learned()
