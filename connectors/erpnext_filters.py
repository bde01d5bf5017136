"""Predicates as Frappe's filters, in those that mean the same on MariaDB and PostgreSQL, from version 13 on.

Frappe puts a stand-in for a missing value into most comparisons (`ifnull(due_date, '0001-01-01') < ...`), so that
records without a value are found too: beside such a filter stands another one that asks for a value. It makes no
difference between a text that is empty and one that was never set, nor does this. MariaDB compares text without case
and accents, and disregards spaces at its end.

Source: `frappe/model/db_query.py`, `prepare_filter_condition`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from groundwire.connectors.conditions import values_of
from groundwire.core.connector import Comparison, Pushdown

AMOUNTS = frozenset({"Float", "Currency", "Percent"})
WHOLE = frozenset({"Int", "Long Int"})
NEVER_NULL = AMOUNTS | WHOLE | {"Check"}
"""Kinds of field whose columns have 0 where nothing was entered."""
CLOSED = frozenset({"Link", "Select"})
TEXTS = CLOSED | {
    *("Data", "Dynamic Link", "Small Text", "Text", "Long Text", "Text Editor", "HTML Editor", "Markdown Editor"),
    *("Code", "Read Only", "Phone", "Autocomplete", "Barcode", "Color", "Icon", "Attach", "Attach Image", "JSON"),
}
_RANGES = ("=", "!=", "<", "<=", ">", ">=")
_LONGEST_PATTERN = 1_000
_LARGEST_AMOUNT = Decimal(10) ** 12

Filter = list[Any]


def support(field: Mapping[str, Any] | None, c: Comparison, zone: ZoneInfo) -> Pushdown:
    """How faithfully a filter executes a comparison with this field, as its DocType describes it."""
    if field is None:
        return Pushdown.NONE
    kind, values = field["fieldtype"], values_of(c)
    if kind in TEXTS:
        return _text_support(field, c)
    if kind in ("Date", "Datetime"):
        if c.op in ("is null", "is not null"):
            return Pushdown.EXACT
        told = c.op in _RANGES and _is_moment(c.value, kind, zone)
        return Pushdown.EXACT if told else Pushdown.NONE
    if kind == "Check":
        return Pushdown.EXACT if c.op in ("=", "!=") and isinstance(c.value, bool) else Pushdown.NONE
    if kind in WHOLE and c.op in (*_RANGES, "in", "not in"):
        told = all(isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**53 for v in values)
        return Pushdown.EXACT if told else Pushdown.NONE
    if kind in AMOUNTS and c.op in _RANGES and _is_amount(c.value):
        return Pushdown.EXACT
    return Pushdown.NONE


def _text_support(field: Mapping[str, Any], c: Comparison) -> Pushdown:
    """Exact only where the values are known: what differs in case alone is then no value."""
    kind, values = field["fieldtype"], values_of(c)
    if c.op == "is null":
        return Pushdown.EXACT if kind in CLOSED else Pushdown.LOOSE
    if c.op == "is not null":  # a text of spaces is an empty one to MariaDB
        return Pushdown.EXACT if kind in CLOSED else Pushdown.NONE
    if c.op not in ("=", "in", "like") or not all(isinstance(v, str) and "\0" not in v for v in values):
        return Pushdown.NONE
    if c.op == "like":
        told = len(c.value) <= _LONGEST_PATTERN and c.value.strip("%_")
        return Pushdown.LOOSE if told else Pushdown.NONE
    if not all(v and v == v.strip() for v in values):  # lists are stripped there
        return Pushdown.NONE
    options = choices(field)
    distinct = len({o.casefold() for o in options}) == len(options)
    return Pushdown.EXACT if distinct and set(values) <= set(options) else Pushdown.LOOSE


def choices(field: Mapping[str, Any]) -> tuple[str, ...]:
    """What a Select offers."""
    if field["fieldtype"] != "Select":
        return ()
    return tuple(o for o in (o.strip() for o in str(field.get("options") or "").split("\n")) if o)


def _is_moment(value: Any, kind: str, zone: ZoneInfo) -> bool:
    if kind == "Date":
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime) and value.year >= 1000
    if not isinstance(value, dt.datetime) or value.tzinfo is None or not 1000 < value.year < 9999:
        return False
    return not value.astimezone(zone).fold  # an hour that comes twice is kept once


def _is_amount(value: Any) -> bool:
    """Whether the number reaches the database digit by digit: as a float that is written without an exponent."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    number = Decimal(str(value))
    return number.is_finite() and abs(number) < _LARGEST_AMOUNT and Decimal(_shown(number)) == number


def _shown(number: Decimal) -> str:
    text = repr(float(number))
    return "NaN" if "e" in text else text


def filters(terms: list[Comparison], fields: Mapping[str, Any], zone: ZoneInfo) -> list[Filter]:
    """Comparisons that must all be true, as filters that must."""
    return [f for term in terms for f in _filters(term, fields[term.field]["fieldtype"], zone)]


def _filters(c: Comparison, kind: str, zone: ZoneInfo) -> list[Filter]:
    if c.op in ("is null", "is not null"):
        return [[c.field, "is", "not set" if c.op == "is null" else "set"]]
    if c.op in ("in", "not in"):
        return [[c.field, c.op, [str(v) for v in c.value]]]
    found: list[Filter] = [[c.field, c.op, wire(c.value, zone)]]
    if kind in ("Date", "Datetime") and c.op != "=":
        found.append([c.field, "is", "set"])
    return found


def wire(value: Any, zone: ZoneInfo) -> Any:
    """A value as it stands in a filter."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, dt.date) else value
