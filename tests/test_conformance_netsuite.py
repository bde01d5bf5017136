"""The netsuite connector keeps to the contract, over HTTP against a sandbox that executes the SuiteQL that it is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from json_server import Reply
from netsuite_sandbox import ACCOUNT, KEYS, NetSuiteSandbox
from pydantic import SecretStr, ValidationError

from groundwire import Hub
from groundwire.connectors.netsuite import NetSuiteConnector, NetSuiteSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service
from groundwire.core.connector import Comparison, Order, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected

MOMENT = pa.timestamp("us", tz="UTC")
NAMES = (
    *("Anna", "anna", "ANNA", None, None, "Zoë", "zoë", "東京", "O'Brien", 'say "hi"', "100%", "under_score"),
    *("back\\slash", "' OR 1=1 --", "🙂", "e\u0301", "NULL", "[1, 2]", "a", "line\nbreak", "a;b"),
)
REFERENCE = {"id": {"type": "string"}, "refName": {"type": "string"}, "links": {"type": "array"}}
CATALOG: Mapping[str, Mapping[str, Any]] = {
    "customer": {
        "companyName": {"type": "string", "title": "Company Name", "description": "<p>Legal <b>name</b>.</p>"},
        "creditLimit": {"type": "number", "format": "double", "title": "Credit Limit"},
        "visits": {"type": "integer", "format": "int64", "title": "Visits"},
        "isInactive": {"type": "boolean", "title": "Inactive"},
        "startDate": {"type": "string", "format": "date", "title": "Start Date"},
        "lastModifiedDate": {"type": "string", "format": "date-time", "title": "Last Modified"},
        "balance": {"type": "number", "format": "double", "title": "Balance"},
        "unbilledOrders": {"type": "number", "format": "double", "title": "Unbilled"},
        "emailPreference": {
            "type": "object",
            "properties": {**REFERENCE, "id": {"type": "string", "enum": ["HTML", "PDF"]}},
        },
        "currency": {"$ref": "/services/rest/record/v1/metadata-catalog/currency"},
        "addressBook": {"$ref": "/services/rest/record/v1/metadata-catalog/customer-addressBookCollection"},
        "contactList": {"type": "object", "properties": {"items": {"type": "array"}, "count": {"type": "integer"}}},
    },
    "invoice": {
        "tranId": {"type": "string", "title": "Invoice #"},
        "entity": {"$ref": "/services/rest/record/v1/metadata-catalog/customer"},
        "tranDate": {"type": "string", "format": "date"},
        "total": {"type": "number"},
    },
}
CUSTOMERS = pa.schema(
    [
        ("id", pa.int64()),
        ("companyName", pa.string()),
        ("creditLimit", pa.float64()),
        ("visits", pa.int64()),
        ("isInactive", pa.bool_()),
        ("startDate", pa.date32()),
        ("lastModifiedDate", MOMENT),
        ("currency", pa.string()),
    ]
)


def _customer(number: int, name: str | None) -> dict[str, Any]:
    return {
        "id": 100 + number * 3,
        "companyName": name,
        "creditLimit": (None, 0.0, -2.5, 1e22, 0.1, 7.0)[number % 6],
        "visits": (None, 0, 7, -3)[number % 4],
        "isInactive": number % 3 == 0,
        "startDate": (None, dt.date(1999, 12, 31), dt.date(2024, 2, 29))[number % 3],
        "lastModifiedDate": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=number, seconds=number),
        "currency": ("1", "2")[number % 2],
    }


def customers(count: int | None = None) -> list[dict[str, Any]]:
    return [_customer(i, n) for i, n in enumerate(NAMES if count is None else (f"n{i}" for i in range(count)))]


def sandbox_with(found: list[dict[str, Any]], zone: str = "UTC", **more: Any) -> NetSuiteSandbox:
    """Tables as NetSuite keeps them: moments without a zone, booleans as T and F."""
    table = pa.Table.from_pylist(found, schema=CUSTOMERS)
    local = pa.compute.local_timestamp(table["lastModifiedDate"].cast(pa.timestamp("us", tz=zone)))
    flags = pa.array(["T" if r["isInactive"] else "F" for r in found])
    numbers = pa.array([int(r["currency"]) for r in found])
    table = table.set_column(table.schema.get_field_index("lastModifiedDate"), "lastModifiedDate", local)
    table = table.set_column(table.schema.get_field_index("isInactive"), "isInactive", flags)
    table = table.set_column(table.schema.get_field_index("currency"), "currency", numbers)
    table = table.append_column("emailPreference", pa.array(["HTML"] * len(found)))
    transaction = pa.table(
        {
            "id": [1, 2, 3],
            "type": ["CustInvc", "SalesOrd", "CustInvc"],
            "tranid": ["I-1", "S-2", "I-3"],
            "entity": [100, 100, 103],
            "trandate": [dt.date(2026, 1, i) for i in (1, 2, 3)],
            "foreigntotal": [10.5, 20.0, 30.25],
        }
    )
    lines = pa.table(
        {
            "uniquekey": [10, 11, 12, 13],
            "transaction": [1, 1, 2, 3],
            "mainline": ["T", "F", "F", "F"],
            "foreignamount": [10.5, 10.5, 20.0, 30.25],
        }
    )
    tables = {"customer": table, "transaction": transaction, "transactionLine": lines}
    return NetSuiteSandbox(CATALOG, tables, **more)


def connect(server: NetSuiteSandbox, **more: Any) -> NetSuiteConnector:
    settings = {
        "url": server.url,
        "account": ACCOUNT,
        "records": ("customer", "invoice", "transactionLine"),
        "page_rows": 15,
        **{k: SecretStr(v) for k, v in KEYS.items()},
    }
    return NetSuiteConnector("erp", NetSuiteSettings(**settings | more))


class TestNetSuite(ConnectorConformance):
    sample = 1

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls) -> Iterator[NetSuiteConnector]:
        with sandbox_with(customers()) as server:
            made = connect(server)
            yield made
            made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Mapping[str, pa.Table]:
        invoices = {
            "id": [1, 3],
            "tranId": ["I-1", "I-3"],
            "entity": [100, 103],
            "tranDate": [dt.date(2026, 1, i) for i in (1, 3)],
            "foreigntotal": [10.5, 30.25],
        }
        return {"customer": pa.Table.from_pylist(customers(), schema=CUSTOMERS), "invoice": pa.table(invoices)}

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return tuple(KEYS.values())


class TestNetSuiteOverHTTP(HTTPConformance):
    @pytest.fixture
    def service(self) -> Iterator[Service]:
        with sandbox_with(customers()) as server:

            def reach(url: str, timeout: float, page_rows: int) -> NetSuiteConnector:
                server.names.add(url)
                return connect(server, url=url, timeout=timeout, page_rows=page_rows, records=("customer",))

            def touch() -> tuple[int]:
                server.execute("UPDATE customer SET lastModifiedDate = '2026-07-01 10:00:00' WHERE id = 106")
                return (106,)

            def delete() -> tuple[int]:
                server.execute("DELETE FROM customer WHERE id = 109")
                return (109,)

            yield Service(
                url=server.url,
                connect=reach,
                entity="customer",
                rows=lambda: int(server.execute("SELECT COUNT(*) FROM customer")[0][0]),
                secrets=tuple(KEYS.values()),
                touch=touch,
                delete=delete,
            )


def read(connector: NetSuiteConnector, *names: str, report: ScanReport | None = None, **parts: Any) -> list[Any]:
    found = next(e for e in connector.discover() if e.name == "customer")
    types = {f.name: f.type for f in found.fields}
    rows: list[Any] = []
    for batch in connector.scan(Scan(entity=found, fields=names, types=types, **parts), report or ScanReport()):
        rows += zip(*(c.to_pylist() for c in batch.columns), strict=True)
    return rows


def test_more_rows_than_one_query_gives_are_read_to_the_end() -> None:
    with sandbox_with(customers(450), most_rows=100) as server:
        erp = connect(server, page_rows=50)
        erp.most_rows = 100  # type: ignore[misc]
        assert [i for (i,) in read(erp, "id")] == [100 + i * 3 for i in range(450)]
        report = ScanReport()
        assert len(read(erp, "id", order=(Order(field="visits"),), report=report)) == 100
        assert report.incomplete == ["NetSuite gives at most 100 rows of one query that is not by key"]
        erp.close()


def test_records_that_change_between_pages_move_none_behind() -> None:
    with sandbox_with(customers(40)) as server:
        erp = connect(server, page_rows=10)
        (found, *_) = erp.discover()
        batches = erp.scan(Scan(entity=found, fields=("id",), types={"id": pa.int64()}), ScanReport())
        first = next(batches).column(0).to_pylist()
        server.execute("DELETE FROM customer WHERE id < 120")
        rest = [i for b in batches for i in b.column(0).to_pylist()]
        assert first + rest == [100 + i * 3 for i in range(40)]
        erp.close()


def test_a_next_page_on_another_host_is_refused() -> None:
    with sandbox_with(customers()) as server:
        erp = connect(server)
        server.elsewhere = "https://elsewhere.example"
        with pytest.raises(Rejected, match="leads elsewhere"):
            read(erp, "id", order=(Order(field="visits"),))
        erp.close()


def test_discovery_keeps_what_suiteql_answers() -> None:
    with sandbox_with(customers(3)) as server:
        erp = connect(server)
        entities = {e.name: e for e in erp.discover()}
        customer, invoice = entities["customer"], entities["invoice"]
        names = {f.name for f in customer.fields}
        assert not names & {"balance", "unbilledOrders", "addressBook", "contactList"}
        assert customer.field("companyName").description == "Legal name ."
        assert customer.field("emailPreference").values == ("HTML", "PDF")
        assert (customer.cursor, customer.primary_key) == ("lastModifiedDate", ("id",))
        assert {r.name: (r.target, r.on) for r in invoice.relations} == {
            "entity": ("erp.customer", (("entity", "id"),)),
            "lines": ("erp.transactionLine", (("id", "transaction"),)),
        }
        assert {r.name for r in entities["transactionLine"].relations} == {"invoice"}
        erp.close()
        other = connect(server, records=("nosuch",))
        with pytest.raises(Rejected, match="nosuch"):
            other.discover()
        other.close()


def test_questions_follow_references_and_lines() -> None:
    with sandbox_with(customers()) as server, Hub([connect(server)]) as hub:
        sql = "SELECT entity.companyName, SUM(foreigntotal) AS total FROM erp.invoice GROUP BY 1 ORDER BY 1"
        assert hub.query(sql).rows() == [("Anna", 10.5), ("anna", 30.25)]
        few = "SELECT tranId FROM erp.invoice WHERE EXISTS (SELECT 1 FROM lines WHERE NOT mainline AND foreignamount > 20)"
        assert hub.query(few).rows() == [("I-3",)]


def test_moments_are_in_the_users_time_zone_there_and_in_utc_here() -> None:
    at = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
    rows = [{**_customer(0, "n"), "lastModifiedDate": at}]
    with sandbox_with(rows, zone="Europe/Berlin") as server:
        erp = connect(server, time_zone="Europe/Berlin")
        assert read(erp, "lastModifiedDate") == [(at,)]
        for op, value, found in (
            ("=", at, 1),
            (">=", at, 1),
            (">", at - dt.timedelta(microseconds=1), 1),
            ("<", at, 0),
        ):
            assert len(read(erp, "id", where=Comparison(field="lastModifiedDate", op=op, value=value))) == found
        twice = Comparison(field="lastModifiedDate", op="<", value=dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC))
        (customer, *_) = erp.discover()
        assert erp.supports(customer, twice) is Pushdown.NONE
        erp.close()
    with pytest.raises(ValidationError, match="IANA"):
        NetSuiteSettings(account="1", time_zone="Nowhere", **{k: SecretStr(v) for k, v in KEYS.items()})


def test_text_is_pushed_down_by_what_the_account_was_seen_to_do() -> None:
    with sandbox_with(customers(3)) as server:
        erp = connect(server)
        (customer, *_) = erp.discover()
        for field, op, value, wanted in (
            ("companyName", "=", "Anna", Pushdown.EXACT),
            ("companyName", "=", "", Pushdown.NONE),  # null to Oracle
            ("companyName", "<", "Anna", Pushdown.NONE),
            ("currency", "=", "abc", Pushdown.NONE),  # a number there
        ):
            assert erp.supports(customer, Comparison(field=field, op=op, value=value)) is wanted
        loose = [t for t in erp._tables.values() if not t.exact_text]
        assert not loose
        erp.close()


def test_an_account_has_its_own_address() -> None:
    settings = NetSuiteSettings(account=ACCOUNT, **{k: SecretStr(v) for k, v in KEYS.items()})
    assert settings.url == "https://1234567-sb1.suitetalk.api.netsuite.com"


def test_errors_are_told_by_their_code() -> None:
    with sandbox_with(customers(3)) as server:
        wrong = connect(server, token_secret=SecretStr("another-secret-012345"))
        with pytest.raises(AuthFailed, match="INVALID_LOGIN"):
            wrong.check()
        wrong.close()
        erp = connect(server)
        assert erp.check() == "NetSuite account 1234567_SB1, customer, invoice, transactionLine"
        body = {
            "title": "Too Many",
            "o:errorDetails": [{"detail": "slow", "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED"}],
        }
        server.answer = lambda _: Reply(status=429, json=body, headers={"Retry-After": "2"})
        with pytest.raises(RateLimited, match="slow") as limited:
            erp.discover()
        assert limited.value.retry_after == 2
        erp.close()
