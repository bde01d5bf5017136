"""Salesforce through its own client, against a sandbox that speaks the REST API over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from groundwire import Hub
from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.connectors.salesforce_soql import condition, literal
from groundwire.core.connector import And, Comparison, Not, Pushdown
from groundwire.core.errors import Rejected
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def sandbox() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(page_size=300) as running:
        yield running


@pytest.fixture
def hub(sandbox: SalesforceSandbox) -> Iterator[Hub]:
    settings = SalesforceSettings(
        url=sandbox.url,
        client_id=sandbox.client_id,
        client_secret=SecretStr(sandbox.client_secret),
        timeout=2,
        objects=("Account", "Contact", "Opportunity", "Case", "User"),
    )
    with Hub([SalesforceConnector("crm", settings)]) as opened:
        yield opened


def test_every_page_is_read(hub: Hub, sandbox: SalesforceSandbox) -> None:
    result = hub.query("SELECT Id FROM crm.Contact")
    assert len(result) == len(sandbox.data["Contact"]) > 300
    assert result.sources[0].requests == -(-len(result) // 300)
    assert result.sources[0].total == len(result)


@pytest.mark.parametrize("text", ["O'Brien & Sons Ltd", 'The "Quoted" Company Inc.', "Backslash\\Works GmbH", "null"])
def test_awkward_names_are_found_exactly(hub: Hub, text: str) -> None:
    quoted = text.replace("'", "''")
    assert set(hub.query(f"SELECT Name FROM crm.Account WHERE Name = '{quoted}'").rows()) <= {(text,)}
    lower = hub.query(f"SELECT Name FROM crm.Account WHERE Name = '{quoted.lower()}'").rows()
    assert lower == [] or text == text.lower()


def test_sums_and_paths_are_computed_over_there(hub: Hub, sandbox: SalesforceSandbox) -> None:
    sql = "SELECT Account.Segment__c, COUNT(*), SUM(Amount) FROM crm.Opportunity WHERE IsWon GROUP BY 1 ORDER BY 1"
    result = hub.query(sql)
    accounts = {a["Id"]: a for a in sandbox.data["Account"]}
    wanted: dict[str, list[float]] = {}
    for deal in sandbox.data["Opportunity"]:
        if deal["IsWon"]:
            wanted.setdefault(accounts[deal["AccountId"]]["Segment__c"], []).append(deal["Amount"] or 0.0)
    assert [(r[0], r[1]) for r in result.rows()] == [(k, len(v)) for k, v in sorted(wanted.items())]
    assert [r[2] for r in result.rows()] == pytest.approx([sum(v) for _, v in sorted(wanted.items())])
    assert result.sources[0].rows == len(wanted)
    assert "GROUP BY Account.Segment__c" in result.sources[0].native[0]


def test_not_equal_leaves_null_out_as_sql_does() -> None:
    text = condition(Not(Comparison(field="Amount", op="=", value=5)), literal)
    assert "Amount != null" in text
    both = condition(Not(And((Comparison(field="A", op="<", value=1), Comparison(field="B", op="is null")))), literal)
    assert "A >= 1" in both
    assert "B != null" in both


@pytest.mark.parametrize("value", ["' OR Name != '", "\\' OR 1=1", "a\nb", '"'])
def test_a_literal_can_not_end_its_quotes(hub: Hub, value: str) -> None:
    written = literal(value)
    assert written.startswith("'")
    assert written.endswith("'")
    inner = written[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inner


def test_what_is_declared_follows_the_fields(hub: Hub) -> None:
    account = hub.catalog.entity("crm.Account")
    connector = hub.connectors["crm"]
    by = {
        ("Name", "=", "x"): Pushdown.LOOSE,
        ("Name", "!=", "x"): Pushdown.NONE,
        ("Industry", "=", "Retail"): Pushdown.EXACT,
        ("Industry", "=", "retail"): Pushdown.LOOSE,
        ("Renewal_Date__c", ">=", dt.date(2024, 1, 1)): Pushdown.EXACT,
        ("Nothing__c", "=", "x"): Pushdown.NONE,
    }
    for (field, op, value), wanted in by.items():
        assert connector.supports(account, Comparison(field=field, op=op, value=value)) is wanted  # type: ignore[arg-type]


def test_an_unknown_field_is_refused_over_there_too(hub: Hub) -> None:
    connector = hub.connectors["crm"]
    assert isinstance(connector, SalesforceConnector)
    with pytest.raises(Rejected, match="INVALID_FIELD"):
        connector.api.get("query/", {"q": "SELECT Nothing FROM Account"})


def test_texts_with_few_values_are_listed_and_names_are_not(hub: Hub, sandbox: SalesforceSandbox) -> None:
    account = hub.catalog.entity("crm.Account")
    countries = {a["BillingCountry"] for a in sandbox.data["Account"]} - {None}
    assert set(account.field("BillingCountry").values) == countries
    assert account.field("Name").values == ()
    assert account.field("AccountNumber").values == ()


def test_a_profile_that_fails_leaves_the_description_as_it_was() -> None:
    with SalesforceSandbox() as sandbox:
        connector = SalesforceConnector(
            "crm",
            SalesforceSettings(
                url=sandbox.url,
                client_id=sandbox.client_id,
                client_secret=SecretStr(sandbox.client_secret),
                objects=("Account",),
            ),
        )
        [account] = connector.discover()
        del sandbox.data["Account"]
        assert connector.profile(account) == account
        connector.close()
