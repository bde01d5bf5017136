"""The erpnext connector keeps to the contract, over HTTP against a sandbox that evaluates Frappe's filters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from erpnext_sandbox import KEY, SECRET, ERPNextSandbox, field
from pydantic import SecretStr

from groundwire.connectors.erpnext import AMOUNT, ERPNextConnector, ERPNextSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service

MOMENT = pa.timestamp("us", tz="UTC")
NOW = dt.datetime(2026, 3, 1, 12, 0, 0, 250_000)
NAMES = (
    *("Anna", " x ", "anna", "ANNA", None, "", "Zoë", "zoe", "東京", "O'Brien", 'say "hi"', "100%", "under_score"),
    *("back\\slash", "' OR 1=1 --", "🙂", "🙃", "e\u0301", "NULL", "[1, 2]", "a", "line\nbreak", "a;b", "  ", "a,b"),
)
STATUS = ("Draft", "Unpaid", "Paid")

METAS: dict[str, dict[str, Any]] = {
    "Customer": {
        "name": "Customer",
        "allow_rename": 1,
        "fields": [
            field("customer_name", "Data", "Customer Name", reqd=1),
            field("disabled", "Check", "Disabled"),
            field("credit_limits", "Table", "Credit Limit", options="Customer Credit Limit"),
        ],
    },
    "Customer Credit Limit": {"name": "Customer Credit Limit", "istable": 1, "fields": []},
    "Sales Invoice": {
        "name": "Sales Invoice",
        "is_submittable": 1,
        "fields": [
            field("title", "Data", "Title", description="What it is   about."),
            field("section", "Section Break", "Amounts"),
            field("status", "Select", "Status", options="\nDraft\nUnpaid\nPaid"),
            field("customer", "Link", "Customer", options="Customer"),
            field("due_date", "Date", "Payment Due Date"),
            field("seen_at", "Datetime", "Seen"),
            field("posting_time", "Time", "Posting Time"),
            field("grand_total", "Currency", "Grand Total"),
            field("weight", "Float", "Weight"),
            field("visits", "Int", "Visits"),
            field("is_return", "Check", "Is Return"),
            field("margin", "Currency", "Margin", permlevel=1),
            field("qr", "Data", "QR", is_virtual=1),
            field("items", "Table", "Items", options="Sales Invoice Item"),
        ],
    },
    "Sales Invoice Item": {
        "name": "Sales Invoice Item",
        "istable": 1,
        "fields": [field("item_code", "Data", "Item"), field("qty", "Float", "Quantity")],
    },
    "Accounts Settings": {"name": "Accounts Settings", "issingle": 1, "fields": [field("a", "Data")]},
}
INVOICES = pa.schema(
    [
        *(("name", pa.string()), ("title", pa.string()), ("status", pa.string()), ("customer", pa.string())),
        *(("due_date", pa.date32()), ("seen_at", MOMENT), ("posting_time", pa.time64("us")), ("grand_total", AMOUNT)),
        *(("weight", AMOUNT), ("visits", pa.int64()), ("is_return", pa.bool_()), ("docstatus", pa.int64())),
        ("modified", MOMENT),
    ]
)
ITEMS = pa.schema([*((n, pa.string()) for n in ("name", "parent", "item_code")), ("qty", AMOUNT), ("idx", pa.int64())])


def _common(at: dt.datetime) -> dict[str, Any]:
    return {"owner": "Administrator", "creation": at, "modified": at, "modified_by": "Administrator", "idx": 0}


def invoices(titles: Sequence[str | None] = NAMES) -> list[dict[str, Any]]:
    return [
        {
            **_common(NOW - dt.timedelta(seconds=i // 3, microseconds=i)),
            "name": f"ACC-SINV-2026-{i:05}",
            "docstatus": i % 3,
            "title": title,
            "status": (*STATUS, None, "")[i % 5],
            "customer": (None, "", "Anna & Co", "anna & co 2")[i % 4],
            "due_date": None if i % 6 == 1 else dt.date(2026, 1, 1) + dt.timedelta(days=i % 19),
            "seen_at": None if i % 5 == 2 else dt.datetime(2026, 2, 1, 9, 30, 0, 500) + dt.timedelta(hours=i % 11),
            "posting_time": None if i % 7 == 3 else dt.timedelta(hours=i % 24, minutes=5, microseconds=i % 2),
            "grand_total": Decimal((0, i * 11, -i, 123_456_789_012)[i % 4]) / 8,
            "weight": Decimal(i % 6) / 10,
            "visits": (0, 7, -3)[i % 3],
            "is_return": i % 2,
            "margin": Decimal(1),
        }
        for i, title in enumerate(titles)
    ]


def sandbox_with(rows: list[dict[str, Any]], **more: Any) -> ERPNextSandbox:
    customers = [
        {**_common(NOW), "name": n, "customer_name": n.title(), "disabled": 0} for n in ("Anna & Co", "anna & co 2")
    ]
    items = [
        {
            **_common(NOW),
            "name": f"{i:010x}",
            "parent": row["name"],
            "parenttype": "Sales Invoice",
            "parentfield": "items" if i % 5 else "packed_items",
            "docstatus": row["docstatus"],
            "idx": i % 3 + 1,
            "item_code": ("SKU-1", None, "sku-1")[i % 3],
            "qty": Decimal(i) / 4,
        }
        for i, row in enumerate([*rows, *rows])
    ]
    records = {"Customer": customers, "Sales Invoice": rows, "Sales Invoice Item": items}
    return ERPNextSandbox(METAS, records, **more)


def connected(url: str, **more: Any) -> ERPNextConnector:
    given = {"api_key": SecretStr(KEY), "api_secret": SecretStr(SECRET), "doctypes": ("Customer", "Sales Invoice")}
    return ERPNextConnector("erp", ERPNextSettings(url=url, **given | {"page_rows": 9} | more))


def table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """What is stored, as Frappe tells it: what is empty is null."""
    return pa.Table.from_pylist([{f.name: _value(r[f.name], f.type) for f in schema} for r in rows], schema=schema)


def _value(stored: Any, type_: pa.DataType) -> Any:
    if isinstance(stored, dt.timedelta):
        return (dt.datetime.min + stored).time()
    if isinstance(stored, dt.datetime):
        return stored.replace(tzinfo=dt.UTC)
    return bool(stored) if pa.types.is_boolean(type_) else None if stored == "" else stored


class TestERPNext(ConnectorConformance):
    sample = 3

    @pytest.fixture(scope="class")
    @classmethod
    def sandbox(cls) -> Iterator[ERPNextSandbox]:
        with sandbox_with(invoices()) as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, sandbox: ERPNextSandbox) -> Iterator[ERPNextConnector]:
        made = connected(sandbox.url, page_rows=40)
        yield made
        made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, sandbox: ERPNextSandbox) -> Mapping[str, pa.Table]:
        items = [r for r in sandbox.records["Sales Invoice Item"] if r["parentfield"] == "items"]
        return {
            "sales_invoice": table(sandbox.records["Sales Invoice"], INVOICES),
            "sales_invoice.items": table(items, ITEMS),
        }

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return (KEY, SECRET)


class TestERPNextOverHTTP(HTTPConformance):
    @pytest.fixture
    def service(self) -> Iterator[Service]:
        with sandbox_with(invoices()) as sandbox:
            rows = sandbox.records["Sales Invoice"]

            def touch() -> tuple[str]:
                rows[4]["modified"] = NOW + dt.timedelta(microseconds=10)
                return (rows[4]["name"],)

            yield Service(
                url=sandbox.url,
                connect=lambda url, timeout, page_rows: connected(url, timeout=timeout, page_rows=page_rows),
                entity="sales_invoice",
                rows=lambda: len(rows),
                secrets=(KEY, SECRET),
                touch=touch,
                delete=lambda: (sandbox.delete("Sales Invoice", dt.datetime.now(dt.UTC).replace(tzinfo=None)),),
            )
