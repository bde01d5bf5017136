"""The rest connector keeps to the contract on a described API, over HTTP."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import SecretStr
from rest_service import DESCRIPTION, TOKEN, Shop

from groundwire.connectors.rest import RestConnector, RestSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service

COUNT = 61


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rest") / "shop.yaml"
    file.write_text(DESCRIPTION.replace("size: 50", "size: 25"))
    return file


class TestRest(ConnectorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls) -> Iterator[Shop]:
        with Shop(COUNT, most=20) as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, shop: Shop, description: Path) -> Iterator[RestConnector]:
        made = RestConnector("shop", RestSettings(file=description, url=shop.url, token=SecretStr(TOKEN)))
        yield made
        made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, shop: Shop) -> Mapping[str, pa.Table]:
        found, epoch = [], dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        for r in shop.data["orders"]:
            total = r["amounts"]["total"]
            found.append(
                r
                | {
                    "total": None if total is None else Decimal(str(total)).quantize(Decimal("0.01")),
                    "day": dt.date.fromisoformat(r["day"]),
                    "changed_at": dt.datetime.fromisoformat(r["changed_at"]),
                    "placed": None if r["placed"] is None else epoch + dt.timedelta(seconds=r["placed"]),
                    "tags": None if r["tags"] is None else json.dumps(r["tags"]),
                }
            )
        schema = pa.schema(
            [
                *(("id", pa.int64()), ("number", pa.string()), ("status", pa.string()), ("customer_id", pa.int64())),
                *(
                    ("total", pa.decimal128(18, 2)),
                    ("weight", pa.float64()),
                    ("gift", pa.bool_()),
                    ("day", pa.date32()),
                ),
                *((n, pa.timestamp("us", tz="UTC")) for n in ("changed_at", "placed")),
                ("tags", pa.string()),
            ]
        )
        cities = [r.get("address", {}).get("city") for r in shop.data["customers"]]
        names = [r["name"] for r in shop.data["customers"]]
        return {
            "orders": pa.Table.from_pylist([{n: r[n] for n in schema.names} for r in found], schema=schema),
            "customers": pa.table({"id": list(range(1, 8)), "name": names, "city": cities}),
        }

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return (TOKEN,)


class TestRestOverHTTP(HTTPConformance):
    @pytest.fixture
    def service(self, tmp_path: Path) -> Iterator[Service]:
        with Shop(COUNT, most=1000) as shop:

            def connect(url: str, timeout: float, page_rows: int) -> RestConnector:
                file = tmp_path / f"shop-{page_rows}.yaml"
                file.write_text(DESCRIPTION.replace("size: 50", f"size: {page_rows}"))
                return RestConnector("shop", RestSettings(file=file, url=url, token=SecretStr(TOKEN), timeout=timeout))

            def touch() -> tuple[int]:
                shop.data["orders"][-1]["changed_at"] = "2026-03-02T00:00:00+00:00"
                return (shop.data["orders"][-1]["id"],)

            yield Service(
                url=shop.url,
                connect=connect,
                entity="orders",
                rows=lambda: len(shop.data["orders"]),
                secrets=(TOKEN,),
                touch=touch,
                delete=lambda: (shop.data["orders"].pop(7)["id"],),
            )
