"""Connectors log in by a key that they alone have: what is sent proves them, and never holds the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from cryptography.hazmat.primitives import serialization as to
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from netsuite_sandbox import ACCOUNT, KEYS, NetSuiteSandbox
from pydantic import SecretStr, ValidationError
from test_conformance_netsuite import customers, sandbox_with

from groundwire import Hub
from groundwire.connectors.netsuite import NetSuiteConnector, NetSuiteSettings
from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.core.errors import AuthFailed, ConfigError
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
RSA = rsa.generate_private_key(65537, 2048)


def _private(key: Key) -> str:
    return key.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, to.NoEncryption()).decode()


def _public(key: Key) -> str:
    return key.public_key().public_bytes(to.Encoding.PEM, to.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuiteSandbox]:
    with sandbox_with(customers()) as running:
        yield running


def _netsuite(server: NetSuiteSandbox, key: str, certificate: str = "cert-1") -> NetSuiteConnector:
    settings = NetSuiteSettings(
        account=ACCOUNT,
        url=server.url,
        consumer_key=SecretStr(KEYS["consumer_key"]),
        certificate_id=certificate,
        private_key=SecretStr(key),
        records=("customer",),
    )
    return NetSuiteConnector("erp", settings)


@pytest.mark.parametrize("key", [RSA, ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP521R1())])
def test_netsuite_gives_a_token_to_who_holds_the_certificates_key(netsuite: NetSuiteSandbox, key: Key) -> None:
    netsuite.certificates["cert-1"] = _public(key)
    connector = _netsuite(netsuite, _private(key))
    with Hub([connector]) as hub:
        sql = "SELECT COUNT(*) FROM erp.customer"
        (first,) = hub.query(sql, max_age=0).rows()
        netsuite.tokens.clear()  # the token has ended: another one is asked for
        assert hub.query(sql, max_age=0).rows() == [first]
        assert len(netsuite.tokens) == 1
    sent = [r for r in netsuite.requests if b"client_assertion" in r.body]
    assert sent
    assert not any(b"PRIVATE" in r.body for r in netsuite.requests)


def test_netsuite_refuses_another_key_once_and_it_is_not_shown(netsuite: NetSuiteSandbox) -> None:
    netsuite.certificates["cert-1"] = _public(rsa.generate_private_key(65537, 2048))
    connector, asked = _netsuite(netsuite, _private(RSA)), len(netsuite.requests)
    for _ in range(2):
        with pytest.raises(AuthFailed, match="not accepted") as caught:
            connector.discover()
        assert "PRIVATE" not in str(caught.value)
    connector.close()
    assert len(netsuite.requests) == asked + 1, "refused credentials were sent again"


def test_what_is_no_key_is_an_error_of_the_setting(netsuite: NetSuiteSandbox) -> None:
    locked = RSA.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, to.BestAvailableEncryption(b"x")).decode()
    for wrong in ("not a key", _public(RSA), locked):
        with closing(_netsuite(netsuite, wrong)) as connector, pytest.raises(ConfigError) as caught:
            connector.discover()
        assert caught.value.setting == "sources.erp.private_key"


def test_netsuite_wants_one_way_to_log_in() -> None:
    both = {**KEYS, "certificate_id": "c", "private_key": "k"}
    for given in ({"consumer_key": "k"}, {"consumer_key": "k", "certificate_id": "c"}, both):
        with pytest.raises(ValidationError, match="token_secret, or certificate_id and private_key"):
            NetSuiteSettings.model_validate({"account": ACCOUNT, **given})


def _salesforce(crm: SalesforceSandbox, key: Key, username: str) -> SalesforceConnector:
    settings = SalesforceSettings(
        url=crm.url,
        client_id=crm.client_id,
        private_key=SecretStr(_private(key)),
        username=username,
        objects=("Account",),
    )
    return SalesforceConnector("crm", settings)


def test_salesforce_logs_in_by_the_jwt_bearer_flow() -> None:
    with SalesforceSandbox() as crm:
        crm.certificate = _public(RSA)
        with Hub([_salesforce(crm, RSA, crm.username)]) as hub:
            (first,) = hub.query("SELECT COUNT(*) FROM crm.Account", max_age=0).rows()
            crm.sessions.clear()
            assert hub.query("SELECT COUNT(*) FROM crm.Account", max_age=0).rows() == [first]
        for key, name in ((RSA, "other@example.com"), (rsa.generate_private_key(65537, 2048), crm.username)):
            wrong = _salesforce(crm, key, name)
            with closing(wrong), pytest.raises(AuthFailed, match="client, key or user name were not accepted"):
                wrong.discover()
