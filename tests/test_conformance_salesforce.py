"""The salesforce connector keeps to the contract, through the real client, over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pytest
from pydantic import SecretStr

from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service
from groundwire.demo.crm_data import Record, records
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NAMES = (
    *("Anna", "anna", "ANNA", "Zoë", "zoë", "東京", "O'Brien", 'say "hi"', "100%", "under_score", "back\\slash"),
    *("' OR Name != '", "🙂", "e\u0301", "NULL", "[1, 2]", "a", None, None, "line\nbreak"),
)
MOMENT = pa.timestamp("us", tz="UTC")
SCHEMAS = {
    "Account": pa.schema(
        [
            ("Id", pa.string()),
            ("Name", pa.string()),
            ("Industry", pa.string()),
            ("AnnualRevenue", pa.float64()),
            ("NumberOfEmployees", pa.int64()),
            ("Renewal_Date__c", pa.date32()),
            ("OwnerId", pa.string()),
            ("ParentId", pa.string()),
            ("SystemModstamp", MOMENT),
        ]
    ),
    "Opportunity": pa.schema(
        [
            ("Id", pa.string()),
            ("AccountId", pa.string()),
            ("StageName", pa.string()),
            ("Amount", pa.float64()),
            ("CloseDate", pa.date32()),
            ("IsWon", pa.bool_()),
            ("CreatedDate", MOMENT),
        ]
    ),
}


def _data() -> dict[str, list[Record]]:
    """The demo company's first records, under awkward names."""
    data = records(dt.date(2026, 5, 1))
    data["Account"] = [a | {"Name": n, "ParentId": None} for a, n in zip(data["Account"], NAMES, strict=False)]
    for child in data["Account"][::3]:
        child["ParentId"] = data["Account"][0]["Id"]
    data["Opportunity"] = data["Opportunity"][:30]
    return data


class TestSalesforce(ConnectorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def sandbox(cls) -> Iterator[SalesforceSandbox]:
        with SalesforceSandbox(_data(), page_size=7) as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, sandbox: SalesforceSandbox) -> Iterator[SalesforceConnector]:
        settings = SalesforceSettings(
            url=sandbox.url,
            client_id=sandbox.client_id,
            client_secret=SecretStr(sandbox.client_secret),
            objects=("Account", "Opportunity", "User"),
        )
        made = SalesforceConnector("crm", settings)
        yield made
        made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, sandbox: SalesforceSandbox) -> Mapping[str, pa.Table]:
        return {
            name: pa.Table.from_pylist([{n: r[n] for n in schema.names} for r in sandbox.data[name]], schema=schema)
            for name, schema in SCHEMAS.items()
        }

    @pytest.fixture
    def secrets(self, sandbox: SalesforceSandbox) -> Sequence[str]:
        return (sandbox.client_secret, *sandbox.sessions)


class TestSalesforceOverHTTP(HTTPConformance):
    @pytest.fixture
    def service(self) -> Iterator[Service]:
        with SalesforceSandbox(_data()) as sandbox:
            rows = sandbox.data["Account"]

            def connect(url: str, timeout: float, page_rows: int) -> SalesforceConnector:
                """Salesforce decides how long its pages are."""
                sandbox.page_size = page_rows
                settings = SalesforceSettings(
                    url=url,
                    client_id=sandbox.client_id,
                    client_secret=SecretStr(sandbox.client_secret),
                    objects=("Account",),
                    timeout=timeout,
                )
                return SalesforceConnector("crm", settings)

            def touch() -> tuple[str]:
                rows[3]["SystemModstamp"] = max(r["SystemModstamp"] for r in rows) + dt.timedelta(seconds=1)
                return (rows[3]["Id"],)

            yield Service(
                url=sandbox.url,
                connect=connect,
                entity="Account",
                rows=lambda: len(sandbox.data["Account"]),
                secrets=(sandbox.client_secret,),
                touch=touch,
                delete=lambda: (sandbox.delete("Account", rows[7]["Id"])["Id"],),
                sessions=sandbox.sessions.clear,
            )
