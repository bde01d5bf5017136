"""The tryton connector keeps to the contract on a real server.

What the server really holds is read from its SQLite file, past Tryton.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from groundwire.connectors.testing import ConnectorConformance, Gap
from groundwire.connectors.tryton import MONEY, TrytonConnector, TrytonSettings
from groundwire.demo.tryton_server import TrytonServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]

MODELS = ("party.party", "account.invoice", "account.invoice.line")
MOMENT = pa.timestamp("us", tz="UTC")
SCHEMAS: Mapping[str, pa.Schema] = {
    "party.party": pa.schema(
        [("id", pa.int64()), ("name", pa.string()), ("code", pa.string()), ("active", pa.bool_())]
    ),
    "account.invoice": pa.schema(
        [
            ("id", pa.int64()),
            ("state", pa.string()),
            ("party", pa.int64()),
            ("reference", pa.string()),
            ("comment", pa.string()),
            ("invoice_date", pa.date32()),
            ("total_amount_cache", MONEY),
            ("create_date", MOMENT),
            ("write_date", MOMENT),
        ]
    ),
    "account.invoice.line": pa.schema(
        [("id", pa.int64()), ("quantity", pa.float64()), ("unit_price", MONEY), ("correction", pa.bool_())]
    ),
}
NAMES = (
    *("Anna", "anna", "ANNA", "", None, None, "Zoë", "zoë", "東京", "O'Brien", 'say "hi"', "100%", "under_score"),
    *("back\\slash", "' OR 1=1 --", "🙂", "e\u0301", "NULL", "[1, 2]", "a"),
)


@pytest.fixture(scope="module")
def connector(tryton_server: TrytonServer) -> Iterator[TrytonConnector]:
    """With awkward records added by RPC, and some nulls that only time leaves behind."""
    settings = TrytonSettings(
        url=tryton_server.url,
        database=tryton_server.database,
        username=tryton_server.username,
        password=SecretStr(tryton_server.password),
        models=MODELS,
    )
    made = TrytonConnector("erp", settings)
    context = made._user_context()
    parties = made._call(
        "model.party.party.create", [{"name": n, "code": f"A-{i}"} for i, n in enumerate(NAMES)], context
    )
    made._call("model.party.party.write", parties[::6], {"active": False}, context)
    (invoice, *_) = made._call("model.account.invoice.search", [["state", "=", "draft"]], 0, 1, None, context)
    day = dt.date(2023, 12, 30)
    for number in range(8):
        texts = {
            "reference": (None, "", "R-1", "r-1")[number % 4],
            "comment": (None, "", " x ", "tab\there\n")[number % 4],
        }
        date = {"__class__": "date", "year": day.year, "month": day.month, "day": day.day} if number % 3 else None
        made._call("model.account.invoice.copy", [invoice], {**texts, "invoice_date": date}, context)
        day += dt.timedelta(days=1)
    with _file(tryton_server) as database:
        database.execute("UPDATE account_invoice_line SET correction = NULL WHERE id % 5 = 0")
    yield made
    made.close()


def _file(server: TrytonServer) -> sqlite3.Connection:
    return sqlite3.connect(server.folder / f"{server.database}.sqlite")


def _value(raw: Any, type_: pa.DataType) -> Any:
    """A value of the file; a boolean that was never set is false to Tryton."""
    if pa.types.is_boolean(type_):
        return bool(raw)
    if raw is None:
        return None
    if pa.types.is_decimal(type_):
        return Decimal(raw.decode() if isinstance(raw, bytes) else str(raw)).quantize(Decimal(1).scaleb(-type_.scale))
    if pa.types.is_date(type_):
        return dt.date.fromisoformat(raw)
    if pa.types.is_timestamp(type_):
        return dt.datetime.fromisoformat(raw).replace(tzinfo=dt.UTC)
    return raw


class TestTryton(ConnectorConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, connector: TrytonConnector) -> TrytonConnector:
        return connector

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, connector: TrytonConnector, tryton_server: TrytonServer) -> Mapping[str, pa.Table]:
        found = {}
        with _file(tryton_server) as database:
            for model, schema in SCHEMAS.items():
                visible = " WHERE active" if "active" in schema.names else ""
                sql = f"SELECT {', '.join(schema.names)} FROM {model.replace('.', '_')}{visible}"
                columns = list(zip(*database.execute(sql).fetchall(), strict=True))
                arrays = [
                    pa.array([_value(v, f.type) for v in c], f.type) for c, f in zip(columns, schema, strict=True)
                ]
                found[model] = pa.table(arrays, schema=schema)
        return found

    @pytest.fixture
    def secrets(self, tryton_server: TrytonServer) -> Sequence[str]:
        return (tryton_server.password,)

    @pytest.fixture
    def gaps(self) -> Sequence[Gap]:
        return ()
