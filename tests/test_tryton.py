"""Tryton, against a real server of its own with a small database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from groundwire import Hub
from groundwire.connectors.tryton import TrytonConnector, TrytonSettings
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import Rejected
from groundwire.demo.tryton_server import TrytonServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]
MODELS = ("party.party", "account.invoice", "account.invoice.line")


@pytest.fixture(scope="module")
def server(tryton_server: TrytonServer) -> TrytonServer:
    return tryton_server


def _connector(server: TrytonServer, password: str | None = None) -> TrytonConnector:
    secret = SecretStr(password or server.password)
    settings = TrytonSettings(
        url=server.url, database=server.database, username=server.username, password=secret, models=MODELS
    )
    return TrytonConnector("erp", settings)


@pytest.fixture(scope="module")
def hub(server: TrytonServer) -> Iterator[Hub]:
    with Hub([_connector(server)]) as opened:
        yield opened


def test_it_answers_and_says_who_it_is(hub: Hub) -> None:
    (status,) = hub.check()
    assert status.ok, status.message
    assert "Tryton, database erp" in status.message


def test_filters_over_there_keep_the_rows_that_filters_here_keep(hub: Hub) -> None:
    everything = hub.query("SELECT id, state, party, total_amount, invoice_date FROM erp.invoice").rows()
    assert everything
    party = everything[0][2]
    for condition, keep in (
        ("state = 'posted'", lambda r: r[1] == "posted"),
        ("state <> 'posted'", lambda r: r[1] != "posted"),
        (f"party = {party}", lambda r: r[2] == party),
        (f"NOT (party = {party} OR state = 'draft')", lambda r: r[2] != party and r[1] != "draft"),
        ("state IN ('draft', 'posted')", lambda r: r[1] in ("draft", "posted")),
        ("invoice_date IS NULL", lambda r: r[4] is None),
    ):
        found = hub.query(f"SELECT id FROM erp.invoice WHERE {condition}").rows()
        assert sorted(found) == sorted((r[0],) for r in everything if keep(r)), condition


def test_a_path_is_followed_by_tryton_itself(hub: Hub) -> None:
    result = hub.query("SELECT id, party.name FROM erp.account.invoice WHERE party.code LIKE 'C-%'")
    assert all(name for _, name in result.rows())
    assert {s.entities for s in result.sources} == {("erp.account.invoice",)}


def test_counts_are_asked_and_not_read(hub: Hub) -> None:
    result = hub.query("SELECT COUNT(*) FROM erp.party")
    assert result.sources[0].rows == 1
    assert result.rows() == [(len(hub.query("SELECT id FROM erp.party")),)]


def test_amounts_add_up(hub: Hub) -> None:
    total = hub.query("SELECT SUM(total_amount) FROM erp.account.invoice").rows()[0][0]
    assert total == sum(r[0] or 0 for r in hub.query("SELECT total_amount FROM erp.account.invoice").rows())


def test_an_unknown_field_is_rejected(hub: Hub) -> None:
    connector = hub.connectors["erp"]
    entity = hub.catalog.entity("erp.party")
    scan = Scan(entity=entity, fields=("nothing",), types={"nothing": entity.fields[0].type})
    with pytest.raises(Rejected):
        list(connector.scan(scan, ScanReport()))
