"""Odoo, against a sandbox of both APIs: what is asked, what is told, and the traps of its versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any, Literal

import pytest
from odoo_sandbox import KEY, NOW, OdooSandbox
from pydantic import SecretStr
from test_conformance_odoo import MODELS, connected

from groundwire import Hub
from groundwire.core.errors import AuthFailed, Rejected, Unavailable

APIS: list[tuple[int, Literal["jsonrpc", "json2"]]] = [(14, "jsonrpc"), (17, "jsonrpc"), (19, "jsonrpc"), (19, "json2")]


@pytest.fixture(params=APIS, ids=lambda p: f"{p[0]} {p[1]}")
def odoo(request: pytest.FixtureRequest) -> Iterator[tuple[OdooSandbox, Hub]]:
    version, api = request.param
    with OdooSandbox(version) as sandbox, Hub([connected(sandbox.url, api, page_rows=25)]) as hub:
        yield sandbox, hub


def _calls(sandbox: OdooSandbox) -> list[dict[str, Any]]:
    """What methods were asked for, with their named arguments and the domain."""
    found = []
    for asked in sandbox.requests:
        body = asked.json() if asked.body else {}
        if asked.path != "/jsonrpc":
            found.append({"method": asked.path.rpartition("/")[2], **body})
        elif body["params"]["service"] == "object":
            *_, method, first, named = body["params"]["args"]
            found.append({"method": method, **({"domain": first[0]} if first else {}), **named})
    return found


def test_it_says_who_it_is(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    (status,) = hub.check()
    assert status.ok, status.message
    assert f"Odoo {sandbox.version}.0, database company" in status.message


def test_labels_relations_and_choices_are_those_of_odoo(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    order = hub.catalog.entity("erp.sale.order")
    state, total = order.field("state"), order.field("amount_total")
    assert (state.label, state.values, state.labels["sale"]) == ("Status", ("draft", "sale", "cancel"), "Sales Order")
    assert (total.label, total.nullable, order.cursor) == ("Total", False, "write_date")
    assert order.find_field("tag_ids") is None, "a list of ids is no value"
    result = hub.query("SELECT partner_id.name, COUNT(*) FROM erp.sale.order WHERE partner_id.id = 3 GROUP BY 1")
    assert result.rows() == [("Partner 3", sum(r["partner_id"] == 3 for r in sandbox.data["sale.order"]))]
    assert hub.query("SELECT COUNT(*) FROM erp.res.partner WHERE EXISTS (SELECT 1 FROM order_ids)").rows() == [(6,)]


def test_amounts_are_decimals_and_add_up(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    wanted = sum(round(Decimal(r["amount_total"] or 0), 4) for r in sandbox.data["sale.order"])
    assert hub.query("SELECT SUM(amount_total) FROM erp.sale.order").rows() == [(wanted,)]


def test_counts_groups_and_whole_sums_are_asked_and_not_read(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    rows = sandbox.data["sale.order"]
    found = dict(hub.query("SELECT state, COUNT(*) FROM erp.sale.order GROUP BY 1").rows())
    assert found == {s: sum(r["state"] == s for r in rows) for s in ("draft", "sale", "cancel", None)}
    (total,) = hub.query("SELECT SUM(priority) FROM erp.sale.order WHERE locked").rows()
    assert total == (sum(r["priority"] or 0 for r in rows if r["locked"]),)
    assert hub.query("SELECT SUM(priority) FROM erp.sale.order WHERE id = 999").rows() == [(None,)]
    assert [c["method"] for c in _calls(sandbox) if c.get("limit") != 1 and c["method"] != "fields_get"] == [
        "read_group"
    ] * 3


# -- the cursor ------------------------------------------------------------------------------


def test_a_second_that_was_read_is_not_read_for_ever_and_hides_no_later_write(odoo: tuple[OdooSandbox, Hub]) -> None:
    """On 14 `>` a told stamp finds the records that it was read from again; on 19 it leaves out the whole second."""
    sandbox, hub = odoo
    rows = sandbox.data["sale.order"]
    told = NOW.replace(microsecond=0)
    rows[9]["write_date"] = told + dt.timedelta(microseconds=999_999)

    def found(condition: str) -> set[int]:
        sql = f"SELECT id FROM erp.sale.order WHERE write_date {condition} TIMESTAMPTZ '{told}+00'"
        return {i for (i,) in hub.query(sql, max_age="0").rows()}

    same = {r["id"] for r in rows if r["write_date"].replace(microsecond=0) == told}
    assert 10 in same
    assert found(">=") == found("=") == same
    assert found(">") == set()
    assert found("<=") == {r["id"] for r in rows}
    assert found("<") == {r["id"] for r in rows} - same
    leaves = [t for c in _calls(sandbox) for t in c.get("domain") or () if isinstance(t, list) and t[0] == "write_date"]
    assert leaves
    assert {op for _, op, _ in leaves} <= {">=", "<"}, "what differs between versions is never sent"


def test_what_changes_without_its_stamp_is_kept_in_no_copy(odoo: tuple[OdooSandbox, Hub]) -> None:
    _, hub = odoo
    connector: Any = hub.connectors["erp"]
    assert connector.untracked(hub.catalog.entity("erp.sale.order")) == {"amount_total"}
    assert connector.untracked(hub.catalog.entity("erp.res.partner")) == {"credit", "barcode"}


# -- who asks --------------------------------------------------------------------------------


def test_companies_language_and_archived_records_are_the_contexts(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    assert len(hub.query("SELECT id FROM erp.res.partner")) == 6
    assert hub.query("SELECT id FROM erp.res.partner WHERE active = FALSE").rows() == [], "as without the filter"
    api: Any = hub.connectors["erp"].settings.api
    with Hub([connected(sandbox.url, api, language="de_AT", companies=(3, 1), archived=True)]) as other:
        assert other.query("SELECT id FROM erp.res.partner WHERE active = FALSE").rows() == [(6,)]
    assert _calls(sandbox)[-1]["context"] == {"lang": "de_AT", "allowed_company_ids": [3, 1], "active_test": False}


def test_models_that_may_not_be_read_or_listed_are_told(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    api: Any = hub.connectors["erp"].settings.api
    with closing(connected(sandbox.url, api, models=())) as everything:
        with pytest.raises(Rejected, match="name them in `models`"):
            everything.discover()
        sandbox.administrator = True
        assert {e.name for e in everything.discover()} == set(MODELS)
    sandbox.forbidden = {"sale.order"}
    with closing(connected(sandbox.url, api)) as named, pytest.raises(Rejected, match=r"AccessError.*sale\.order"):
        named.discover()
    settings = hub.connectors["erp"].settings
    usual = type(settings)(**settings.model_dump(exclude={"models"}))
    with closing(type(hub.connectors["erp"])("erp", usual)) as by_default:
        assert [e.name for e in by_default.discover()] == ["res.partner"], "what is there and may be read"


def test_a_key_that_is_not_accepted_is_sent_once(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    api: Any = hub.connectors["erp"].settings.api
    with closing(connected(sandbox.url, api, api_key=SecretStr("wr0ng"))) as source:
        for _ in range(2):
            with pytest.raises(AuthFailed) as caught:
                source.discover()
            assert "wr0ng" not in str(caught.value)
    logins = [r for r in sandbox.requests if b"wr0ng" in r.body]
    assert len(logins) == (1 if api == "jsonrpc" else 0)


def test_a_traceback_is_never_passed_on(odoo: tuple[OdooSandbox, Hub]) -> None:
    sandbox, hub = odoo
    assert hub.catalog
    sandbox.forbidden = {"sale.order"}
    with pytest.raises(Rejected) as caught:
        hub.query("SELECT id FROM erp.sale.order")
    assert "You are not allowed" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_database_that_is_not_there_is_told() -> None:
    with (
        OdooSandbox(17) as sandbox,
        closing(connected(sandbox.url, database="other")) as source,
        pytest.raises(Unavailable, match='database "other" does not exist') as caught,
    ):
        source.discover()
    assert KEY not in str(caught.value)
