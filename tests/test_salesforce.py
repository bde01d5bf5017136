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
from groundwire.demo.crm_data import records
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


# -- record types and currencies ---------------------------------------------------------------


@pytest.fixture
def company() -> Iterator[SalesforceSandbox]:
    """An organisation with record types on its accounts, and deals in three currencies."""
    data = records(dt.date(2026, 5, 1))
    stamp = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    data["RecordType"] = [
        {
            "Id": f"012{n:012d}AAA",
            "Name": name,
            "DeveloperName": developer,
            "SobjectType": "Account",
            "IsActive": True,
            "SystemModstamp": stamp,
        }
        for n, (name, developer) in enumerate((("Key Partner", "Key_Partner"), ("End Customer", "End_Customer")))
    ]
    for n, account in enumerate(data["Account"]):
        account["RecordTypeId"] = data["RecordType"][n % 3 % 2]["Id"]
    for n, deal in enumerate(data["Opportunity"]):
        deal["CurrencyIsoCode"] = ("EUR", "USD", "GBP")[n % 3]
    with SalesforceSandbox(data) as running:
        yield running


@pytest.fixture
def abroad(company: SalesforceSandbox) -> Iterator[Hub]:
    settings = SalesforceSettings(
        url=company.url,
        client_id=company.client_id,
        client_secret=SecretStr(company.client_secret),
        objects=("Account", "Opportunity"),
    )
    with Hub([SalesforceConnector("crm", settings)]) as opened:
        yield opened


def test_record_types_are_a_relation_and_have_the_names_that_users_see(abroad: Hub, company: SalesforceSandbox) -> None:
    field = abroad.catalog.entity("crm.Account").field("RecordTypeId")
    ids = [r["Id"] for r in company.data["RecordType"]]
    assert (field.values, field.labels) == (tuple(ids), dict(zip(ids, ("Key Partner", "End Customer"), strict=True)))
    sql = "SELECT COUNT(*) AS n FROM crm.Account WHERE RecordType.DeveloperName = 'Key_Partner'"
    result = abroad.query(sql)
    wanted = sum(a["RecordTypeId"] == ids[0] for a in company.data["Account"])
    assert result.rows() == [(wanted,)]
    assert "RecordType.DeveloperName = ?" in result.sources[0].native[0]
    by_type = abroad.query(
        "SELECT RecordType.Name AS kind, COUNT(*) AS n FROM crm.Account GROUP BY 1 ORDER BY 1"
    ).rows()
    assert by_type == [("End Customer", len(company.data["Account"]) - wanted), ("Key Partner", wanted)]


def test_objects_without_record_types_bring_none(hub: Hub) -> None:
    assert "crm.RecordType" not in {e.full_name for e in hub.catalog}


def _amounts(company: SalesforceSandbox, code: str) -> float:
    return sum(d["Amount"] or 0.0 for d in company.data["Opportunity"] if d["CurrencyIsoCode"] == code)


def test_amounts_are_added_in_the_currency_of_their_records(abroad: Hub, company: SalesforceSandbox) -> None:
    """SOQL's own SUM would give them in the organisation's currency."""
    sql = "SELECT CurrencyIsoCode, SUM(Amount) AS total FROM crm.Opportunity GROUP BY 1 ORDER BY 1"
    result = abroad.query(sql)
    assert [r[0] for r in result.rows()] == ["EUR", "GBP", "USD"]
    assert [r[1] for r in result.rows()] == pytest.approx([_amounts(company, c) for c in ("EUR", "GBP", "USD")])
    assert result.notes == ()
    assert "SUM" not in result.sources[0].native[0]


@pytest.mark.parametrize(
    ("sql", "noted"),
    [
        ("SELECT SUM(Amount) FROM crm.Opportunity", True),
        ("SELECT StageName, AVG(Amount) FROM crm.Opportunity GROUP BY 1", True),
        ("SELECT SUM(Amount) FROM crm.Opportunity WHERE CurrencyIsoCode <> 'EUR'", True),
        ("SELECT SUM(Amount) FROM crm.Opportunity WHERE IsWon OR CurrencyIsoCode = 'EUR'", True),
        ("SELECT SUM(Amount) FROM crm.Opportunity WHERE IsWon AND CurrencyIsoCode = 'EUR'", False),
        ("SELECT SUM(Amount) FROM crm.Opportunity WHERE CurrencyIsoCode IN ('EUR')", False),
        ("SELECT CurrencyIsoCode AS c, SUM(Amount) FROM crm.Opportunity GROUP BY c", False),
        ("SELECT SUM(Amount) FILTER (WHERE CurrencyIsoCode = 'EUR') FROM crm.Opportunity", False),
        ("SELECT SUM(Probability) FROM crm.Opportunity WHERE CurrencyIsoCode = 'EUR'", False),
        ("SELECT SUM(Amount) OVER (PARTITION BY CurrencyIsoCode) FROM crm.Opportunity", False),
        ("SELECT SUM(Amount) OVER (PARTITION BY StageName) FROM crm.Opportunity", True),
        ("SELECT Account.Name, SUM(Amount) FROM crm.Opportunity GROUP BY 1", True),
        ("SELECT Name, SUM(Opportunities.Amount) FROM crm.Account GROUP BY 1", True),
        ("SELECT MAX(total) FROM (SELECT SUM(Amount) AS total FROM crm.Opportunity GROUP BY AccountId) AS t", True),
        ("SELECT COUNT(Amount) FROM crm.Opportunity", False),
        ("SELECT Amount FROM crm.Opportunity", False),
    ],
)
def test_a_sum_over_several_currencies_says_so(abroad: Hub, sql: str, noted: bool) -> None:
    said = [n for n in abroad.query(sql).notes if "currenc" in n]
    assert bool(said) == noted
    assert all("CurrencyIsoCode" in n for n in said)


def test_amounts_are_compared_and_sorted_as_their_records_say(abroad: Hub, company: SalesforceSandbox) -> None:
    amounts = sorted((d["Amount"] for d in company.data["Opportunity"] if d["Amount"] is not None), reverse=True)
    result = abroad.query("SELECT Amount FROM crm.Opportunity WHERE Amount > 20000 ORDER BY Amount DESC")
    assert [r[0] for r in result.rows()] == [a for a in amounts if a > 20000]
    assert " Amount >" not in result.sources[0].native[0]
    top = abroad.query("SELECT Amount FROM crm.Opportunity ORDER BY Amount DESC NULLS LAST LIMIT 3")
    assert [r[0] for r in top.rows()] == amounts[:3]
    deal = abroad.catalog.entity("crm.Opportunity")
    assert (deal.field("Amount").currency, deal.field("Amount").description) == (
        "CurrencyIsoCode",
        "in the currency of its record",
    )
    assert abroad.catalog.entity("crm.Account").field("AnnualRevenue").currency == ""


def test_with_one_currency_sums_are_computed_over_there(hub: Hub) -> None:
    result = hub.query("SELECT SUM(Amount) FROM crm.Opportunity")
    assert "SUM(Amount)" in result.sources[0].native[0]
    assert result.notes == ()
