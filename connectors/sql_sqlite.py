"""What SQLite lacks, as functions of this process: loosely stored values, Unicode case, intervals.

SQLite stores any value in any column. The dialect's leaves read the usual form in SQL and call a
function from here for the rest, so that every read, filtered there or here, sees the same value:
blank text in a column of numbers or dates is NULL, and what makes no sense is an error.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
import struct
import sys
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import Any, NoReturn

from groundwire.connectors.sql_values import shifted

Stored = int | float | str | bytes | None

_JULIAN_LIMIT = 5373484.5
"""Numbers below are Julian days, above seconds since 1970: SQLite's own rule for its `auto` modifier."""

_EPOCH = dt.datetime(1970, 1, 1)
_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})


def _blank(value: Stored) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def boolean(value: Stored) -> int | None:
    """Truth in any of the words that people store for it."""
    if _blank(value):
        return None
    word = str(value).strip().lower().removesuffix(".0")
    if word in _TRUE or word in _FALSE:
        return int(word in _TRUE)
    raise ValueError("not a boolean")


def integer(value: Stored) -> int | None:
    """A whole number that is stored as text or as a float."""
    exact = decimal(value, 0)
    if exact is not None and Decimal(str(value).strip()) != exact:
        raise ValueError("not a whole number")
    return exact


def number(value: Stored) -> float | None:
    """A number that is stored as text."""
    if isinstance(value, bytes):
        _refuse("a number")
    return None if _blank(value) else float(value)  # type: ignore[arg-type]


def decimal(value: Stored, scale: int) -> int | None:
    """A decimal as an integer of its last place, rounded half away from zero."""
    if _blank(value):
        return None
    try:
        scaled = Decimal(str(value).strip()).scaleb(scale).quantize(Decimal(1), ROUND_HALF_UP)
    except InvalidOperation:
        _refuse("a number")
    if not -(2**63) <= scaled < 2**63:
        _refuse("a number of at most 18 digits")
    return int(scaled)


def moment(value: Stored) -> dt.datetime | None:
    """A date with time that is stored as ISO text, as a Julian day, or as seconds since 1970."""
    if _blank(value):
        return None
    if isinstance(value, bytes):
        _refuse("a date")
    if isinstance(value, str):
        read = dt.datetime.fromisoformat(value.strip())
        return read if read.tzinfo is None else read.astimezone(dt.UTC).replace(tzinfo=None)
    assert value is not None
    if 0 <= value < _JULIAN_LIMIT:
        return _EPOCH + dt.timedelta(days=value - 2440587.5)
    return _EPOCH + dt.timedelta(seconds=value)


def timestamp_text(value: Stored) -> str | None:
    """A moment as text of 26 characters."""
    read = moment(value)
    return None if read is None else read.isoformat(sep=" ", timespec="microseconds")


def date_text(value: Stored) -> str | None:
    """A day as text of 10 characters."""
    read = moment(value)
    return None if read is None else read.date().isoformat()


def time_text(value: Stored) -> str | None:
    """A time of day as text of 15 characters."""
    if _blank(value):
        return None
    return dt.time.fromisoformat(str(value).strip()).isoformat(timespec="microseconds")


def add_interval(value: str | None, months: int, days: int, microseconds: int) -> str | None:
    """A moment in the dialect's form, later by an interval."""
    if value is None:
        return None
    return shifted(dt.datetime.fromisoformat(value), months, days, microseconds).isoformat(
        sep=" ", timespec="microseconds"
    )


def _refuse(what: str) -> NoReturn:
    raise ValueError(f"not {what}")


@cache
def _case_table(upper: bool) -> dict[int, str]:
    """One character for one character, as Unicode's simple mappings and DuckDB's library have it."""
    table = {}
    for code in range(128, sys.maxunicode + 1):
        one = chr(code)
        mapped = one.upper() if upper else one.lower()
        if len(mapped) > 1:
            mapped = one.title() if upper else mapped[0]
        if len(mapped) == 1 and mapped != one:
            table[code] = mapped
    if upper:
        table[0xDF] = "\u1e9e"
    return table


def lower(value: Stored) -> Stored:
    """Text in lower case, character by character."""
    if not isinstance(value, str):
        return value
    return value.lower() if value.isascii() else value.translate(_lower_table())


def upper(value: Stored) -> Stored:
    """Text in upper case, character by character."""
    if not isinstance(value, str):
        return value
    return value.upper() if value.isascii() else value.translate(_upper_table())


@cache
def _lower_table() -> dict[int, str]:
    return {c: chr(c).lower() for c in range(128)} | _case_table(False)


@cache
def _upper_table() -> dict[int, str]:
    return {c: chr(c).upper() for c in range(128)} | _case_table(True)


def md5(text: str | None) -> str | None:
    """The MD5 digest of a text in hexadecimal."""
    return None if text is None else hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def hex_slice(digest: str | None, start: int) -> int | None:
    """The number that ten hexadecimal digits are, from the given place on (1 is the first)."""
    return None if digest is None else int(digest[start - 1 : start + 9], 16)


def double_hex(value: float | None) -> str | None:
    """The eight bytes of a floating point number (IEEE 754, the highest first) in hexadecimal; minus zero is zero."""
    return None if value is None else struct.pack(">d", float(value) + 0.0).hex()


_FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("gw_boolean", 1, boolean),
    ("gw_integer", 1, integer),
    ("gw_number", 1, number),
    ("gw_decimal", 2, decimal),
    ("gw_date", 1, date_text),
    ("gw_timestamp", 1, timestamp_text),
    ("gw_time", 1, time_text),
    ("gw_add_interval", 4, add_interval),
    ("gw_lower", 1, lower),
    ("gw_upper", 1, upper),
    ("gw_md5", 1, md5),
    ("gw_slice", 2, hex_slice),
    ("gw_double_hex", 1, double_hex),
)


def prepare(connection: sqlite3.Connection, *, read_only: bool) -> None:
    """Give a new connection the functions, exact LIKE, and no right to write."""
    for name, arguments, function in _FUNCTIONS:
        connection.create_function(name, arguments, function, deterministic=True)
    connection.execute("PRAGMA case_sensitive_like = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
