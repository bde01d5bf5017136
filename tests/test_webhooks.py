"""Webhooks: who may tell of changes, what is believed of them, and that none that was answered is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from worker_program import Place, place, until

from groundwire.core import config as configuration
from groundwire.core.webhooks import LARGEST, Inbox, Webhooks, sign
from groundwire.core.worker import Runtime
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytestmark = pytest.mark.server

SECRET = "0123456789abcdef0123"

MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{organization}</OrganizationId>
   <ActionId>04kRM0000008cBIYAY</ActionId>
   <SessionId xsi:nil="true"/>
   <EnterpriseUrl>https://example.invalid/services/Soap/c/59.0/00D</EnterpriseUrl>
   <Notification>
    <Id>04lRM00000AbCdEYAV</Id>
    <sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>{id}</sf:Id><sf:Name>Not to be &amp;believed</sf:Name>
    </sObject>
   </Notification>
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>"""


@pytest.fixture
def spot(tmp_path: Path, postgres_url: str) -> Iterator[Place]:
    with place(tmp_path, postgres_url, {}) as found:
        found.configure(source=f'webhook = {{ kind = "hmac", secret = "{SECRET}" }}')
        yield found


@pytest.fixture
def own(spot: Place) -> Iterator[Runtime]:
    found = Runtime(spot.config)
    found.syncer.sync("dwh.orders")
    yield found
    found.close()


@pytest.fixture
def webhooks(own: Runtime) -> Iterator[Webhooks]:
    found = Webhooks(own, own.control, "127.0.0.1:0")
    found.start()
    yield found
    found.stop()


def _post(
    webhooks: Webhooks, body: Any, *, secret: str = SECRET, at: float | None = None, path: str = "dwh"
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int(time.time() if at is None else at))
    headers = {"X-Groundwire-Timestamp": stamp, "X-Groundwire-Signature": sign(secret, stamp, content)}
    return httpx.post(
        f"http://127.0.0.1:{webhooks.port}/events/{path}", content=content, headers=headers, trust_env=False
    )


def test_a_signed_event_refreshes_the_records_that_it_names(spot: Place, webhooks: Webhooks) -> None:
    spot.do("UPDATE orders SET name = 'told' WHERE id IN (4, 5)", "DELETE FROM orders WHERE id = 6")
    assert _post(webhooks, {"entity": "orders", "keys": [4, [6], "7"]}).status_code == 200
    until(lambda: (4, "told") in spot.copy(), "the refresh", 5)
    assert (5, "name 5") in spot.copy(), "a record that was not named was read"
    assert 6 not in {key for key, _ in spot.copy()}


def test_an_event_without_keys_asks_for_a_sync(own: Runtime, webhooks: Webhooks) -> None:
    own.schedule.done("dwh.orders", time.time())
    assert own.schedule.due() == []
    assert _post(webhooks, {"entity": "orders"}).status_code == 200
    until(own.schedule.due, "a sync is asked for", 5)


def test_an_event_is_believed_for_five_minutes(own: Runtime) -> None:
    now = 1_800_000_000.0
    webhooks = Webhooks(own, own.control, "127.0.0.1:0", clock=lambda: now)
    webhooks.start()
    try:
        event = {"entity": "orders", "keys": [1]}
        for off, status in ((-301, 403), (-300, 200), (0, 200), (300, 200), (301, 403)):
            assert _post(webhooks, event, at=now + off).status_code == status, off
    finally:
        webhooks.stop()


def test_what_is_not_signed_rightly_or_not_now_is_refused_and_does_nothing(own: Runtime, webhooks: Webhooks) -> None:
    event = {"entity": "orders", "keys": [1]}
    assert _post(webhooks, event, secret="another secret 1234").status_code == 403
    assert _post(webhooks, event, at=time.time() - 301).status_code == 403
    assert _post(webhooks, event, at=time.time() + 3600).status_code == 403
    plain = f"http://127.0.0.1:{webhooks.port}/events/dwh"
    assert httpx.post(plain, json=event, trust_env=False).status_code == 403
    assert httpx.post(f"{plain}/{SECRET}", json=event, trust_env=False).status_code == 403
    stamp = str(int(time.time()))
    headers = {"X-Groundwire-Timestamp": stamp, "X-Groundwire-Signature": sign(SECRET, stamp, b"another body")}
    assert httpx.post(plain, json=event, headers=headers, trust_env=False).status_code == 403
    assert Inbox(own.control).waiting() == []


def test_a_timestamp_that_is_no_moment_is_refused_although_signed(own: Runtime, webhooks: Webhooks) -> None:
    for stamp in ("nan", "inf", "", "soon"):
        headers = {"X-Groundwire-Timestamp": stamp, "X-Groundwire-Signature": sign(SECRET, stamp, b"{}")}
        answer = httpx.post(
            f"http://127.0.0.1:{webhooks.port}/events/dwh", content=b"{}", headers=headers, trust_env=False
        )
        assert answer.status_code == 403


def test_requests_that_make_no_sense_are_refused_without_harm(own: Runtime, webhooks: Webhooks) -> None:
    for body, status in (
        (b"", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        ({"entity": "nothing", "keys": [1]}, 404),
        ({"entity": "orders", "keys": ["seven"]}, 400),
        ({"entity": "orders", "keys": [[1, 2]]}, 400),
        ({"entity": "orders", "keys": [None]}, 400),
        ({"entity": "orders", "keys": [{"id": 1}]}, 400),
        ({"keys": [1]}, 400),
        (b"x" * (LARGEST + 1), 413),
    ):
        assert _post(webhooks, body).status_code == status, body[:40] if isinstance(body, bytes) else body
    assert _post(webhooks, {}, path="crm").status_code == 404
    assert httpx.get(f"http://127.0.0.1:{webhooks.port}/events/dwh", trust_env=False).status_code == 501
    assert Inbox(own.control).waiting() == []
    assert _post(webhooks, {"entity": "orders", "keys": [1]}).status_code == 200


def test_an_event_that_was_answered_is_applied_after_a_crash(spot: Place, own: Runtime) -> None:
    before = Webhooks(own, own.control, "127.0.0.1:0")
    before._serving.start()  # it receives, and dies before it applies
    spot.do("UPDATE orders SET name = 'late' WHERE id = 9")
    assert _post(before, {"entity": "orders", "keys": [9]}).status_code == 200
    before.stop()
    assert (9, "late") not in spot.copy()
    after = Webhooks(own, own.control, "127.0.0.1:0")
    after.start()
    until(lambda: (9, "late") in spot.copy(), "the inbox is emptied", 5)
    until(lambda: Inbox(own.control).waiting() == [], "and forgotten", 5)
    after.stop()


def test_an_event_that_cannot_be_kept_is_not_acknowledged(spot: Place, own: Runtime, webhooks: Webhooks) -> None:
    with own.control.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE _groundwire_inbox")
    assert _post(webhooks, {"entity": "orders", "keys": [9]}).status_code == 503


# -- other senders -------------------------------------------------------------------------------


def test_odoo_names_model_and_id_and_the_address_holds_the_secret(spot: Place) -> None:
    spot.configure(source=f'webhook = {{ kind = "odoo", secret = "{SECRET}" }}')
    own = Runtime(spot.config)
    own.syncer.sync("dwh.orders")
    webhooks = Webhooks(own, own.control, "127.0.0.1:0")
    webhooks.start()
    try:
        spot.do("UPDATE orders SET name = 'from a rule' WHERE id = 12")
        # as Odoo's action writes it: the record's id, its model, the rule, and chosen fields
        event = {"_id": 12, "_model": "orders", "_action": "Send Webhook(#7)", "name": "not believed"}
        address = f"http://127.0.0.1:{webhooks.port}/events/dwh"
        assert httpx.post(address, json=event, trust_env=False).status_code == 403
        assert httpx.post(f"{address}/{SECRET[:-1]}", json=event, trust_env=False).status_code == 403
        assert httpx.post(f"{address}/{SECRET}", json=event, trust_env=False).status_code == 200
        until(lambda: (12, "from a rule") in spot.copy(), "the refresh", 5)
    finally:
        webhooks.stop()
        own.close()


def test_a_salesforce_outbound_message_refreshes_the_record_and_is_acknowledged(tmp_path: Path) -> None:
    with SalesforceSandbox() as sandbox:
        hook = {"kind": "salesforce", "secret": SECRET, "organization": "00D000000000062EAA"}
        source = {
            "type": "salesforce",
            "url": sandbox.url,
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "objects": ["Account"],
            "profile": False,
            "webhook": hook,
            "entities": {"Account": {"replica": True}},
        }
        raw = {"replicas": {"url": f"sqlite:///{tmp_path / 'replicas.sqlite'}"}, "sources": {"crm": source}}
        own = Runtime(configuration.parse(raw, base=tmp_path))
        own.syncer.sync("crm.Account")
        webhooks = Webhooks(own, own.control, "127.0.0.1:0")
        webhooks.start()
        try:
            record = sandbox.data["Account"][0]
            record["Name"] = "Renamed Inc"
            address = f"http://127.0.0.1:{webhooks.port}/events/crm/{SECRET}"

            def post(text: str) -> httpx.Response:
                return httpx.post(address, content=text.encode(), headers={"Content-Type": "text/xml"}, trust_env=False)

            ours = MESSAGE.format(organization="00D000000000062EAA", id=record["Id"])
            assert post(MESSAGE.format(organization="00D000000000999EAA", id=record["Id"])).status_code == 403
            assert post(ours.replace("<soapenv:Body>", "<soapenv:Body><")).status_code == 400
            bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
            assert post(ours.replace("?>\n", f"?>\n{bomb}", 1).replace("Not to", "&b;")).status_code == 400
            answer = post(ours)
            assert (answer.status_code, "<Ack>true</Ack>" in answer.text) == (200, True)
            state = own.replicas.state("crm.Account")

            def name() -> str:
                with own.replicas.store.reading() as connection:
                    where = f"""SELECT "name_{_hash("Name")}" FROM "{state.table}" WHERE "id_{_hash("Id")}" = ?"""
                    return str(connection.exec_driver_sql(where, (record["Id"],)).scalar())

            until(lambda: name() == "Renamed Inc", "the refresh", 5)
        finally:
            webhooks.stop()
            own.close()


def _hash(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()[:8]
