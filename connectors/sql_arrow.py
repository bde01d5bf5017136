"""Values of database drivers as Arrow columns of the type that the catalog promised."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import types as sa

from groundwire.core.errors import Rejected

DECIMAL_WITHOUT_SCALE = pa.decimal128(38, 10)
"""For numeric columns that declare no scale: ten decimal places, rounded beyond."""


def arrow_type(type_: Any) -> pa.DataType | None:
    """The Arrow type of a reflected column; None for types that queries can't hold (they are left out)."""
    if isinstance(type_, sa.Boolean):
        return pa.bool_()
    if type(type_).__name__.upper() == "TINYINT" and getattr(type_, "display_width", None) == 1:
        return pa.bool_()
    if isinstance(type_, sa.Integer):
        return pa.int64()
    if isinstance(type_, sa.Float):
        return pa.float64()
    if isinstance(type_, sa.Numeric):
        if type_.precision is None or type_.scale is None:
            return DECIMAL_WITHOUT_SCALE
        return pa.decimal128(min(int(type_.precision), 38), max(0, int(type_.scale)))
    if isinstance(type_, sa.DateTime):
        return pa.timestamp("us", tz="UTC" if getattr(type_, "timezone", False) else None)
    if isinstance(type_, sa.Date):
        return pa.date32()
    if isinstance(type_, sa.Time):
        return pa.time64("us")
    if isinstance(type_, sa.LargeBinary | sa.BINARY | sa.VARBINARY):
        return pa.binary()
    if isinstance(type_, sa.Interval | sa.NullType):
        return None
    name = type(type_).__name__.upper()
    if name in {"TSVECTOR", "BIT", "POINT", "GEOMETRY", "INTERVAL"}:
        return None
    return pa.string()


def column(values: Sequence[Any], type_: pa.DataType, *, source: str, name: str) -> pa.Array:
    """One column of a batch.

    Raises:
        Rejected: a value does not fit; the message names the column and not the value.
    """
    convert = _converter(type_)
    try:
        if convert is None:
            return pa.array(values, type_)
        return pa.array([None if v is None else convert(v) for v in values], type_)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        ValueError,
        TypeError,
        ArithmeticError,
        OverflowError,
    ) as error:
        raise Rejected(
            f"a value of column {name!r} is not a {type_} ({type(error).__name__})", source=source
        ) from None


def _converter(type_: pa.DataType) -> Callable[[Any], Any] | None:
    if pa.types.is_decimal(type_):
        step = Decimal(1).scaleb(-type_.scale)

        def decimal(value: Any) -> Decimal:
            exact = value if isinstance(value, Decimal) else Decimal(str(value))
            return exact.quantize(step)

        return decimal
    if pa.types.is_boolean(type_):
        return lambda v: bool(int(v)) if not isinstance(v, bool) else v
    if pa.types.is_integer(type_):
        return int
    if pa.types.is_floating(type_):
        return float
    if pa.types.is_string(type_):
        return _text
    if pa.types.is_date(type_):
        return _date
    if pa.types.is_timestamp(type_):
        return _timestamp_utc if type_.tz else _timestamp
    if pa.types.is_time(type_):
        return _time
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value)[:10])


def _timestamp(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    if isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC).replace(tzinfo=None)
    return _timestamp(dt.datetime.fromisoformat(str(value)))


def _timestamp_utc(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value
    return _timestamp(value).replace(tzinfo=dt.UTC)


def _time(value: Any) -> dt.time:
    if isinstance(value, dt.timedelta):
        return (dt.datetime.min + value).time()
    return value if isinstance(value, dt.time) else dt.time.fromisoformat(str(value))
