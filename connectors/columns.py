"""Whole columns of JSON values as Arrow arrays, where no value needs a judgement of its own.

One pass looks at the Python types of a column. Where they are those that the type is written in, Arrow converts the
column by itself, many times faster than value by value; where it would not, or refuses, `None` is the answer, and
`groundwire.connectors.records` reads the values one by one. Both give the same: what this takes, that takes too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_NULL = type(None)
_FIRST_DAY = -719_162
"""0001-01-01 in days since 1970: what is before it is no date to Python."""
_DAY = 86_400_000_000


def whole(values: list[Any], type_: pa.DataType) -> pa.Array | None:
    """The column as an array of this type; None where its values must be read one by one.

    Args:
        values: decoded JSON, numbers with a point as `Decimal`.
    """
    kinds = set(map(type, values))
    kinds.discard(_NULL)
    try:
        if not kinds:
            return pa.nulls(len(values), type_)
        if kinds == {str}:
            return _texts(values, type_)
        if pa.types.is_boolean(type_) and kinds == {bool}:
            return pa.array(values, type_)
        if pa.types.is_boolean(type_) and kinds == {int} and set(values) <= {0, 1, None}:
            return pa.array(values, pa.int8()).cast(type_)
        if pa.types.is_integer(type_) and kinds == {int}:
            return pa.array(values, type_)
        if pa.types.is_decimal(type_) and kinds <= {int, Decimal}:
            return pa.array(values, type_)
        if pa.types.is_floating(type_) and kinds <= {int, float, Decimal}:
            return pa.array([None if v is None else float(v) for v in values], type_)
    except (pa.ArrowException, ValueError, ArithmeticError):
        return None
    return None


def _texts(values: list[Any], type_: pa.DataType) -> pa.Array | None:
    texts = pa.array(values, pa.string())
    if pa.types.is_string(type_):
        return texts
    if pa.types.is_decimal(type_):
        return texts.cast(type_)
    if pa.types.is_date32(type_):
        days = texts.cast(type_)
        return days if _not_before(days.cast(pa.int32()), _FIRST_DAY) else None
    if pa.types.is_timestamp(type_) and type_.unit == "us":
        moments = _moments(texts, next(v for v in values if v is not None), type_)
        return moments if _not_before(moments.cast(pa.int64()), _FIRST_DAY * _DAY) else None
    return None


def _moments(texts: pa.Array, first: str, type_: pa.TimestampType) -> pa.Array:
    """All with a zone, or all without one, which is then UTC; Arrow refuses a mixture."""
    zoned = first[-1:] == "Z" or "+" in first[10:] or "-" in first[10:]
    return texts.cast(type_) if zoned or type_.tz is None else texts.cast(pa.timestamp("us")).cast(type_)


def _not_before(numbers: pa.Array, first: int) -> bool:
    least = pc.min(numbers).as_py()
    return least is None or bool(least >= first)
