"""Whole columns of JSON values as Arrow arrays, where no value needs a judgement of its own.

One pass looks at the Python types of a column. Where they are those that the type is written in, Arrow converts the
column by itself, many times faster than value by value; where it would not, or refuses, `None` is the answer, and
`groundwire.connectors.records` reads the values one by one. Both give the same: what this takes, that takes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NULL = type(None)
_FIRST_DAY = -719_162
"""0001-01-01 in days since 1970: what is before it is no date to Python."""
_LAST_DAY = 2_932_897
"""10000-01-01, which is none either."""
_DAY = 86_400_000_000
_NOISY_UNITS = 1e13
"""Units of a decimal's last place up to which binary floats tell them apart by far."""
_MOST_UNITS = 2.0**51
"""Units up to which all texts of a binary float are nearest to the same one, if one of them is that unit's own."""
_NOISE = 2.0**-50
"""As in `groundwire.connectors.records`, and a little less: what is near the border is judged there."""
_MOST_PLACES = 22
"""Decimal places of a unit that is the quotient of two whole numbers which binary floats hold exactly."""


def transposed(rows: Sequence[Any], names: Sequence[str]) -> Sequence[Sequence[Any]] | None:
    """The values of every name in every record, a sequence for each name; None where a record lacks one."""
    if not rows or not names:
        return [()] * len(names)
    try:
        if len(names) == 1:
            return [[row[names[0]] for row in rows]]
        return list(zip(*map(itemgetter(*names), rows), strict=True))
    except (KeyError, TypeError, IndexError):
        return None


def whole(values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    """The column as an array of this type; None where its values must be read one by one.

    Args:
        values: decoded JSON, numbers with a point as `Decimal` or as binary floats.
    """
    try:
        return _converted(pa.array(values), values, type_)
    except (pa.ArrowException, ValueError, ArithmeticError):
        pass
    return _decimals(values, type_) if pa.types.is_decimal(type_) or pa.types.is_floating(type_) else None


def _converted(found: pa.Array, values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    """The values, of which Arrow made what they are by themselves, as what they are wanted as.

    Raises:
        ArrowException: a value does not fit.
    """
    if pa.types.is_null(found.type):
        return pa.nulls(len(values), type_)
    if pa.types.is_string(found.type):
        return _texts(found, values, type_)
    if pa.types.is_float64(found.type):
        if bool in map(type, values):  # which Arrow takes for numbers there
            return None
        if pa.types.is_decimal(type_):
            return _of_floats(found, type_)
        return found if type_ == found.type else found.cast(type_) if pa.types.is_floating(type_) else None
    if pa.types.is_boolean(found.type):
        return found if pa.types.is_boolean(type_) else None
    if pa.types.is_int64(found.type):
        if pa.types.is_boolean(type_) and set(values) <= {0, 1, None}:
            return found.cast(type_)
        numbers = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
        return found if type_ == found.type else pa.array(values, type_) if numbers else None
    return _decimals(values, type_) if pa.types.is_decimal(found.type) else None


def _decimals(values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    """Decimals, and whole numbers among them, as they are, or freed of the noise of binary floats."""
    if not set(map(type, values)) <= {int, Decimal, _NULL}:
        return None
    try:
        if pa.types.is_floating(type_):
            return pa.array([None if v is None else float(v) for v in values], type_)
        if not pa.types.is_decimal(type_):
            return None
        try:
            return pa.array(values, type_)
        except pa.ArrowInvalid:
            return _of_floats(pa.array([None if v is None else float(v) for v in values], pa.float64()), type_)
    except (pa.ArrowException, ValueError, ArithmeticError):
        return None


def _of_floats(floats: pa.Array, type_: pa.DataType) -> pa.Array | None:
    """Binary floats as the decimals that they stand for; None where that is not sure for one of them.

    The text that a float was made of is within half a step (from float to float) of it. Where a decimal with few
    enough digits is so too, no other one with as many places is as near to that text.
    """
    if type_.scale > _MOST_PLACES or not pa.types.is_decimal128(type_):
        return None
    unit = 10.0**type_.scale
    exact = (floats.fill_null(0.0) if floats.null_count else floats).to_numpy()
    with np.errstate(all="ignore"):
        units = np.rint(exact * unit)
        near, size = units / unit, np.abs(units)
        sure = (near == exact) & (size < min(_MOST_UNITS, 10.0**type_.precision))
        if not sure.all():
            few = size < min(_NOISY_UNITS, 10.0**type_.precision)
            sure |= few & (np.abs(near - exact) <= np.abs(exact) * _NOISE)
            if not sure.all():
                return None
    halves = np.empty((len(units), 2), np.int64)  # of 128 bits, the lower one first
    halves[:, 0] = units
    halves[:, 1] = halves[:, 0] >> 63
    known = None if floats.null_count == 0 else pc.is_valid(floats).buffers()[1]
    return pa.Array.from_buffers(type_, len(halves), [known, pa.py_buffer(halves)])


def instants(values: Sequence[Any], type_: pa.DataType, micros: int) -> pa.Array | None:
    """Whole numbers as moments, so many microseconds each since 1970; None where one is something else, or too far."""
    if not set(map(type, values)) <= {int, _NULL}:
        return None
    try:
        moments = pc.multiply_checked(pa.array(values, pa.int64()), micros)
        near = pc.and_(pc.greater_equal(moments, _FIRST_DAY * _DAY), pc.less(moments, _LAST_DAY * _DAY))
        return moments.cast(type_) if pc.all(near).as_py() is not False else None
    except pa.ArrowException:
        return None


def zoned(values: Sequence[Any], type_: pa.DataType, zone: str) -> pa.Array | None:
    """Moments without a zone as a clock of this zone shows them; of the hour that comes twice, the first.

    None where one is no such text, or an hour that the clock leaves out.
    """
    try:
        local = pa.array(values, pa.string()).cast(pa.timestamp("us"))
        if not _not_before(local, (_FIRST_DAY + 1) * _DAY):
            return None
        return pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="raise").view(type_)
    except (pa.ArrowException, ValueError):
        return None


def times(values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    """Times of day whose hour may have one digit; None where one is no such text."""
    try:
        day, short = "1970-01-01T", "1970-01-01T0"
        return _times([None if v is None else (short if v[1] == ":" else day) + v for v in values], type_)
    except (pa.ArrowException, ValueError, TypeError, LookupError):
        return None


def _times(moments: Sequence[str | None], type_: pa.DataType) -> pa.Array:
    return pa.array(moments, pa.string()).cast(pa.timestamp("us")).cast(type_)


def _texts(texts: pa.Array, values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    if pa.types.is_string(type_):
        return texts
    if pa.types.is_decimal(type_):
        return texts.cast(type_)
    if pa.types.is_date32(type_):
        days = texts.cast(type_)
        return days if _not_before(days, _FIRST_DAY) else None
    if pa.types.is_time64(type_) and type_.unit == "us":
        return _times([None if v is None else f"1970-01-01T{v}" for v in values], type_)
    if pa.types.is_timestamp(type_) and type_.unit == "us":
        moments = _moments(texts, next(v for v in values if v is not None), type_)
        return moments if _not_before(moments, _FIRST_DAY * _DAY) else None
    return None


def _moments(texts: pa.Array, first: str, type_: pa.TimestampType) -> pa.Array:
    """All with a zone, or all without one, which is then UTC; Arrow refuses a mixture."""
    zoned = first[-1:] == "Z" or "+" in first[10:] or "-" in first[10:]
    return texts.cast(type_) if zoned or type_.tz is None else texts.cast(pa.timestamp("us")).view(type_)


def _not_before(moments: pa.Array, first: int) -> bool:
    """Whether all are so many days, or microseconds, since 1970, or more."""
    least = pc.min(moments).value
    return least is None or bool(least >= first)
