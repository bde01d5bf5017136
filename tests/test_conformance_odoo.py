"""The odoo connector keeps to the contract: by JSON-RPC as 17 answers, by JSON-2 as 19 does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pytest
from odoo_sandbox import DATABASE, KEY, NOW, USER, OdooSandbox
from pydantic import SecretStr

from groundwire.connectors.odoo import MONEY, OdooConnector, OdooSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service

MODELS = ("sale.order", "res.partner")
MOMENT = pa.timestamp("us", tz="UTC")
ORDERS = pa.schema(
    [
        *(("id", pa.int64()), ("name", pa.string()), ("note", pa.string()), ("state", pa.string())),
        *(("partner_id", pa.int64()), ("amount_total", MONEY), ("discount", MONEY), ("weight", pa.float64())),
        *(("priority", pa.int64()), ("locked", pa.bool_()), ("date_order", pa.date32()), ("write_date", MOMENT)),
    ]
)
PARTNERS = pa.schema([("id", pa.int64()), ("name", pa.string()), ("color", pa.int64()), ("active", pa.bool_())])


def connected(url: str, api: Literal["jsonrpc", "json2"] = "jsonrpc", **settings: Any) -> OdooConnector:
    given = {"database": DATABASE, "username": USER, "api_key": SecretStr(KEY), "models": MODELS} | settings
    return OdooConnector("erp", OdooSettings(url=url, api=api, **given))


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """What is stored, as Odoo tells it: numbers that were never set are 0, stamps end with their second."""
    return pa.table([pa.array([_value(r[f.name], f.type) for r in rows], f.type) for f in schema], schema=schema)


def _value(stored: Any, type_: pa.DataType) -> Any:
    if pa.types.is_boolean(type_):
        return bool(stored)
    if pa.types.is_decimal(type_):
        return Decimal(f"{stored or 0.0:.9f}").quantize(Decimal(1).scaleb(-type_.scale))
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return stored if stored is not None or type_ == pa.int64() else 0.0
    return stored.replace(microsecond=0, tzinfo=dt.UTC) if isinstance(stored, dt.datetime) else stored


class _Odoo(ConnectorConformance):
    version: ClassVar[int]
    api: ClassVar[Literal["jsonrpc", "json2"]]

    @pytest.fixture(scope="class")
    @classmethod
    def sandbox(cls) -> Iterator[OdooSandbox]:
        with OdooSandbox(cls.version, 31) as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, sandbox: OdooSandbox) -> Iterator[OdooConnector]:
        made = connected(sandbox.url, cls.api, page_rows=20)
        yield made
        made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, sandbox: OdooSandbox) -> Mapping[str, pa.Table]:
        numbers = [r | {"priority": r["priority"] or 0} for r in sandbox.data["sale.order"]]
        visible = [r | {"color": r["color"] or 0} for r in sandbox.data["res.partner"] if r["active"]]
        return {"sale.order": table(numbers, ORDERS), "res.partner": table(visible, PARTNERS)}

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return (KEY,)


class TestJSONRPC(_Odoo):
    version, api = 17, "jsonrpc"


class TestJSON2(_Odoo):
    version, api = 19, "json2"


class _OverHTTP(HTTPConformance):
    version: ClassVar[int]
    api: ClassVar[Literal["jsonrpc", "json2"]]

    @pytest.fixture
    def service(self) -> Iterator[Service]:
        with OdooSandbox(self.version) as sandbox:
            rows = sandbox.data["sale.order"]

            def connect(url: str, timeout: float, page_rows: int) -> OdooConnector:
                return connected(url, self.api, timeout=timeout, page_rows=page_rows)

            def touch() -> tuple[int]:
                """In the very second of the newest record."""
                rows[5]["write_date"] = NOW + dt.timedelta(microseconds=10)
                return (rows[5]["id"],)

            yield Service(
                url=sandbox.url,
                connect=connect,
                entity="sale.order",
                rows=lambda: len(rows),
                secrets=(KEY,),
                touch=touch,
                delete=lambda: (rows.pop(7)["id"],),
            )


class TestJSONRPCOverHTTP(_OverHTTP):
    version, api = 14, "jsonrpc"


class TestJSON2OverHTTP(_OverHTTP):
    version, api = 19, "json2"
