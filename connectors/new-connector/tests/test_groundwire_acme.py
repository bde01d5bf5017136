"""The connector keeps to groundwire's contract: pages, filters, faults, secrets, changes. The kit is the test."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service
from groundwire.core.errors import AuthFailed
from pydantic import SecretStr

from groundwire_acme import (
    FIELDS,
    AcmeConnector,
    AcmeSettings,
)
from stand_in import TOKEN, StandIn, records


def connect(url: str, timeout: float = 30, page_rows: int = 5) -> AcmeConnector:
    token = SecretStr(TOKEN)
    settings = AcmeSettings(url=url, token=token, timeout=timeout, page_rows=page_rows)
    return AcmeConnector("acme", settings)


def table(name: str) -> pa.Table:
    """What the server holds, in the types that the catalog should give."""
    rows: list[dict[str, Any]] = records()[name]
    for row in rows:
        if row.get("total") is not None:
            row["total"] = Decimal(row["total"])
    return pa.Table.from_pylist(rows, schema=pa.schema(FIELDS[name]))


def test_what_acme_says_of_a_failure_is_told() -> None:
    with StandIn() as server:
        settings = AcmeSettings(url=server.url, token=SecretStr("another-token"))
        made = AcmeConnector("acme", settings)
        with pytest.raises(AuthFailed, match="HTTP 401: unauthorized"):
            made.check()
        made.close()


class Given:
    """What the kit's first part asks for: a connector, and the rows that it must deliver."""

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls) -> Iterator[AcmeConnector]:
        with StandIn() as server:
            made = connect(server.url)
            yield made
            made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> dict[str, pa.Table]:
        return {name: table(name) for name in FIELDS}

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)


class GivenOverHTTP:
    """What its second part asks for: a server of which everything may go wrong."""

    @pytest.fixture
    def service(self) -> Iterator[Service]:
        with StandIn() as server:
            yield Service(
                url=server.url,
                connect=connect,
                entity="orders",
                rows=lambda: len(server.data["orders"]),
                secrets=(TOKEN,),
                touch=server.touch,
                delete=server.delete,
            )


class TestAcme(Given, ConnectorConformance):
    pass


class TestAcmeOverHTTP(GivenOverHTTP, HTTPConformance):
    pass
