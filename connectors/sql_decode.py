"""Rows of a database driver as Arrow columns of exactly the promised types.

A value that its column's type can't hold is an error that names the column; nothing is rounded,
cut or replaced on the way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from groundwire.connectors.sql_values import Value


def natural_type(value: Value) -> pa.DataType:
    """The Arrow type of a kind, before it is cast to what the query promised."""
    if value.kind == "decimal":
        return pa.decimal128(38, value.scale)
    return _NATURAL[value.kind]


_NATURAL: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "double": pa.float64(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "binary": pa.binary(),
    "opaque text": pa.string(),
    "opaque binary": pa.binary(),
    "null": pa.null(),
}


def batch(
    rows: Sequence[Sequence[Any]], columns: Sequence[Value], schema: pa.Schema, *, scaled: bool
) -> pa.RecordBatch:
    """Rows as one batch.

    Args:
        rows: as the driver gave them.
        columns: what the query's columns are.
        schema: what they must become.
        scaled: decimals come as integers of their last place.

    Raises:
        ValueError: a value does not fit; names the column.
    """
    transposed = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
    arrays = []
    for values, column, wanted in zip(transposed, columns, schema, strict=True):
        try:
            arrays.append(array(values, column, wanted.type, scaled=scaled))
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            found = next((type(v).__name__ for v in values if v is not None), "nothing")
            raise ValueError(f"the column {wanted.name!r} holds a value ({found}) that is no {wanted.type}") from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def array(values: Sequence[Any], column: Value, wanted: pa.DataType, *, scaled: bool = False) -> pa.Array:
    """One column's values as an Arrow array of the wanted type."""
    if column.kind == "null":
        return pa.nulls(len(values), wanted)
    if column.kind == "decimal" and scaled:
        made = scaled_decimals(_integers(values), column.scale)
    else:
        made = _CONVERT.get(column.kind, _plain)(values, natural_type(column))
    return fitted(made, wanted)


def fitted(made: pa.Array, wanted: pa.DataType) -> pa.Array:
    """An array cast to the wanted type, without loss.

    Raises:
        pa.ArrowInvalid: something would be lost.
    """
    return made if made.type == wanted else made.cast(wanted)


def scaled_decimals(integers: pa.Array, scale: int) -> pa.Array:
    """64-bit integers of the last place as decimals, without touching each value."""
    low = np.asarray(integers.fill_null(0))
    words = np.empty((len(low), 2), dtype=np.int64)
    words[:, 0] = low
    words[:, 1] = low >> 63
    validity = integers.is_valid().buffers()[1] if integers.null_count else None
    return pa.Array.from_buffers(pa.decimal128(38, scale), len(low), [validity, pa.py_buffer(words)])


def _plain(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    return pa.array(values, type=type_)


def _integers(values: Sequence[Any], type_: pa.DataType | None = None) -> pa.Array:
    try:
        return pa.array(values, type=pa.int64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError):
        exact = [None if v is None else _whole(v) for v in values]
        inside = all(v is None or -(2**63) <= v < 2**63 for v in exact)
        return pa.array(exact, type=pa.int64() if inside else pa.uint64())


def _whole(value: Any) -> int:
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    if isinstance(value, float) and abs(value) >= 2**53:
        raise ValueError("an integer that was computed in floating point")
    whole = int(value)
    if whole != value:
        raise ValueError("not a whole number")
    return whole


def _booleans(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    return pa.array([v if v is None or v is True or v is False else bool(_whole(v)) for v in values], type=type_)


def _decimals(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else Decimal(str(v)) for v in values], type=type_)


def _doubles(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else float(v) for v in values], type=type_)


def _texts(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([v.decode() if isinstance(v, bytes) else None if v is None else str(v) for v in values], type_)


def _moments(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    """Dates and timestamps, as objects or as ISO text."""
    first = next((v for v in values if v is not None), None)
    if isinstance(first, str):
        plain = pa.timestamp("us") if pa.types.is_timestamp(type_) else type_  # text without a zone is in UTC
        return pa.array(values, type=pa.string()).cast(plain).cast(type_)
    if type_.equals(pa.timestamp("us", tz="UTC")) and isinstance(first, dt.datetime) and first.tzinfo is None:
        return pa.array(values, type=pa.timestamp("us")).cast(type_)
    return pa.array(values, type=type_)


def _times(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    return pa.array([dt.time.fromisoformat(v) if isinstance(v, str) else v for v in values], type=type_)


_CONVERT: dict[str, Callable[[Sequence[Any], pa.DataType], pa.Array]] = {
    "bool": _booleans,
    "int": _integers,
    "decimal": _decimals,
    "double": _doubles,
    "text": _texts,
    "opaque text": _texts,
    "date": _moments,
    "timestamp": _moments,
    "timestamptz": _moments,
    "time": _times,
}
