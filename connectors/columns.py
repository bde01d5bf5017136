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
            return _decimals(values, type_)
        if pa.types.is_decimal(type_) and kinds <= {int, float}:
            return _of_floats(pa.array(values, pa.float64()), type_)
        if pa.types.is_floating(type_) and kinds <= {int, float}:
            return pa.array(values, type_)
        if pa.types.is_floating(type_) and kinds <= {int, float, Decimal}:
            return pa.array([None if v is None else float(v) for v in values], type_)
    except (pa.ArrowException, ValueError, ArithmeticError):
        return None
    return None


def _decimals(values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    """Decimals as they are, or freed of the noise of the binary floats that they once were."""
    try:
        return pa.array(values, type_)
    except pa.ArrowInvalid:
        pass
    return _of_floats(pa.array([None if v is None else float(v) for v in values], pa.float64()), type_)


def _of_floats(floats: pa.Array, type_: pa.DataType) -> pa.Array | None:
    """Binary floats as the decimals that they stand for; None where one may not be the nearest to any.

    Whatever the text of a float was, it is within half a step between floats of it. Where a decimal with few enough
    digits is so too, that text is nearer to it than to any other with as many places.
    """
    if type_.scale > _MOST_PLACES:
        return None
    unit = 10.0**type_.scale
    units = pc.round(pc.multiply(floats, unit))
    near, size = pc.divide(units, unit), pc.abs(units)
    sure = pc.and_(pc.equal(near, floats), pc.less(size, min(_MOST_UNITS, 10.0**type_.precision)))
    if not pc.all(sure).as_py():
        noise = pc.less_equal(pc.abs(pc.subtract(near, floats)), pc.multiply(pc.abs(floats), _NOISE))
        few = pc.less(size, min(_NOISY_UNITS, 10.0**type_.precision))
        if not pc.all(pc.or_(sure, pc.and_(noise, few))).as_py():
            return None
    whole_units = units.cast(pa.int64()).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(type_, len(whole_units), whole_units.buffers())


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
    if not set(map(type, values)) <= {str, _NULL}:
        return None
    try:
        local = pa.array(values, pa.string()).cast(pa.timestamp("us"))
        if not _not_before(local.cast(pa.int64()), (_FIRST_DAY + 1) * _DAY):
            return None
        return pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="raise").cast(type_)
    except pa.ArrowException:
        return None


def _texts(values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    texts = pa.array(values, pa.string())
    if pa.types.is_string(type_):
        return texts
    if pa.types.is_decimal(type_):
        return texts.cast(type_)
    if pa.types.is_date32(type_):
        days = texts.cast(type_)
        return days if _not_before(days.cast(pa.int32()), _FIRST_DAY) else None
    if pa.types.is_time64(type_) and type_.unit == "us":
        return pc.binary_join_element_wise("1970-01-01T", texts, "").cast(pa.timestamp("us")).cast(type_)
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
