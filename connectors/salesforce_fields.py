"""Salesforce's kinds of field: as Arrow types, what SOQL compares as SQL would, and how their values are read.

Values come as JSON from queries and as text from bulk jobs. This module asks nothing of Salesforce.

Source: Object Reference, "Field Types"; SOQL and SOSL Reference.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from groundwire.core.connector import Comparison, Pushdown

TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "double": pa.float64(),
    "currency": pa.float64(),
    "percent": pa.float64(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
LEFT_OUT = {"address", "location", "base64", "complexvalue", "anyType"}
NUMBERS = {"int", "long", "double", "currency", "percent"}
_TEXTS = {"string", "picklist", "email", "phone", "url", "combobox"}
"""Kinds of text that SOQL filters as text: not long or encrypted text, sets of picks, and times of day."""
_PYTHON: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "long": (int,),
    "double": (int, float, Decimal),
    "currency": (int, float, Decimal),
    "percent": (int, float, Decimal),
    "date": (dt.date,),
    "datetime": (dt.datetime,),
}
"""What a filter's values must be, for the kinds of field that compare as in SQL."""
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_LONGEST_LIST = 8_000
"""Characters of text in one IN list: a query travels in the address, which holds 16 KB."""


CURRENCY = "CurrencyIsoCode"
"""The field that organisations with several currencies have on every object with amounts."""


def converted(field: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether SOQL compares, sorts and adds this field in the organisation's own currency, and not as it is stored.

    Args:
        field: its description.
        fields: of the object, by name.
    """
    return field.get("type") == "currency" and CURRENCY in fields


def support(field: Mapping[str, Any], comparison: Comparison) -> Pushdown:
    """How faithfully SOQL compares this field, as its description says."""
    kind, op = field["type"], comparison.op
    values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    if kind == "boolean":  # never null there, but where a path ends before it
        behind_path = "." in comparison.field
        told = isinstance(comparison.value, bool) and op in (("=",) if behind_path else ("=", "!="))
        return (Pushdown.LOOSE if behind_path else Pushdown.EXACT) if told else Pushdown.NONE
    if op in ("is null", "is not null"):
        return Pushdown.EXACT if kind in TYPES or kind in _TEXTS or kind in ("id", "reference") else Pushdown.NONE
    if kind in ("id", "reference"):
        return Pushdown.LOOSE if op in ("=", "in") else Pushdown.NONE
    if kind in _PYTHON:
        told = op != "like" and all(_comparable(v, kind) for v in values)
        return Pushdown.EXACT if told else Pushdown.NONE
    return _text_support(field, op, values) if kind in _TEXTS else Pushdown.NONE


def _comparable(value: Any, kind: str) -> bool:
    """Whether SOQL has a literal for this value that loses nothing."""
    if isinstance(value, bool) or not isinstance(value, _PYTHON[kind]):
        return False
    if isinstance(value, dt.datetime):
        return bool(kind == "datetime" and value.tzinfo is not None and value.microsecond % 1000 == 0)
    if isinstance(value, int):
        return abs(value) < 2**63
    return not isinstance(value, float) or math.isfinite(value)


def _text_support(field: Mapping[str, Any], op: str, values: tuple[Any, ...]) -> Pushdown:
    """How faithfully SOQL compares text: it knows no cases, and no empty text beside null."""
    if not all(isinstance(v, str) and v and "\0" not in v for v in values) or sum(map(len, values)) > _LONGEST_LIST:
        return Pushdown.NONE
    if op in ("=", "in"):
        active = {p["value"] for p in field.get("picklistValues") or () if p.get("active")}
        closed = field["type"] == "picklist" and field.get("restrictedPicklist") and set(values) <= active
        return Pushdown.EXACT if closed else Pushdown.LOOSE
    return Pushdown.LOOSE if op == "like" and "\\" not in values[0] else Pushdown.NONE


def converter(type_: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_timestamp(type_):
        return lambda v: None if v is None else dt.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", v))
    if pa.types.is_date(type_):
        return lambda v: None if v is None else dt.date.fromisoformat(v[:10])
    if pa.types.is_integer(type_):
        return lambda v: None if v is None else int(v)
    if pa.types.is_floating(type_):
        return lambda v: None if v is None else float(v)
    if pa.types.is_decimal(type_):
        return lambda v: None if v is None else Decimal(str(v)).quantize(Decimal(1).scaleb(-type_.scale))
    return lambda v: v


def from_text(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    """A column of texts, as a bulk job writes values, in its own type.

    Raises:
        ArrowInvalid, ValueError, ArithmeticError: a text is no such value.
    """
    if pa.types.is_boolean(type_):
        return pc.utf8_lower(column).cast(pa.bool_())
    if pa.types.is_timestamp(type_):
        return column.cast(type_)
    if pa.types.is_date(type_):
        return pc.utf8_slice_codeunits(column, 0, 10).cast(type_)
    if pa.types.is_integer(type_) and pc.any(pc.match_substring_regex(column, r"[.eE]")).as_py():
        whole = [None if v is None else int(Decimal(v)) for v in column.to_pylist()]
        return pa.chunked_array([pa.array(whole, type_)])
    if pa.types.is_decimal(type_):
        convert = converter(type_)
        return pa.chunked_array([pa.array([convert(v) for v in column.to_pylist()], type_)])
    return column.cast(type_)
