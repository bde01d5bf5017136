"""Rows that break careless connectors, and the same rows as statements for a database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa

LONG_NAME = "a name of many words " * 2 + "x"
"""Within PostgreSQL's 63 bytes and MariaDB's 64 characters."""


SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("note", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("ratio", pa.float64()),
        ("quantity", pa.int64()),
        ("born", pa.date32()),
        ("seen", pa.timestamp("us")),
        ("logged", pa.timestamp("us", tz="UTC")),
        ("active", pa.bool_()),
        ("select", pa.string()),
        (LONG_NAME, pa.int64()),
        ('quo"te`d %', pa.string()),
    ]
)

_NAMES = [
    *("Anna", "anna", "ANNA", "Anna ", " Anna", "", "Zoë", "zoë", "Ångström", "ångström", "東京", "O'Brien"),
    *('say "hi"', "100%", "under_score", "back\\slash", "' OR 1=1 --", None, None, "ß", "SS", "ẞ", "🙂"),
    *("tab\there", "a", "B", "b", "[1, 2]", "NULL", "Anna"),
]


def _row(number: int, name: str | None) -> dict[str, Any]:
    null = number % 7 == 3
    day = dt.date(2023, 1, 31) + dt.timedelta(days=37 * number)
    moment = dt.datetime(2024, 2, 28, 23, 59, 59, 999_000) + dt.timedelta(hours=5 * number, microseconds=number)
    return {
        "id": number + 1,
        "name": name,
        "note": None if null else ("even" if number % 2 else "Odd"),
        "amount": None if null else Decimal(number * 1234567 - 9_000_000).scaleb(-2),
        "ratio": None if number % 5 == 4 else (number - 12) / 8,
        "quantity": None if number % 6 == 5 else number % 4 - 1,
        "born": None if null else day,
        "seen": None if number % 8 == 2 else moment,
        "logged": None if number % 9 == 2 else (moment - dt.timedelta(days=400)).replace(tzinfo=dt.UTC),
        "active": None if number % 4 == 3 else number % 3 == 0,
        "select": f"key{number % 3}",
        LONG_NAME: -number,
        'quo"te`d %': None if null else f"v{number % 5}",
    }


def awkward() -> pa.Table:
    """Thirty rows: NULLs, duplicates, cases, trailing spaces, other scripts, negative numbers."""
    return pa.Table.from_pylist([_row(n, name) for n, name in enumerate(_NAMES)], schema=SCHEMA)


def empty() -> pa.Table:
    """No rows at all."""
    return pa.table({"id": pa.array([], pa.int64()), "name": pa.array([], pa.string())})
