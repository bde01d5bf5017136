"""How a replica stores values, so that the sql connector reads back exactly what the source delivered.

In SQLite, whose columns hold any value and which has no decimals and no dates, values are kept in the form
in which the dialect computes (`sql_dialects`): decimals as integers of their last place, dates and times as
ISO text of fixed width, truth as 0 and 1. A value that has no such form is not rounded, cut or replaced: its
row is named with the reason, and the caller keeps it out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from groundwire.core.catalog import Field

Unfit = Iterator[tuple[int, str]]
"""Rows of a batch that can't be stored, each with the reason."""

_FIRST_DAY, _LAST_DAY = -719162, 2932896
"""Days from 1970-01-01 to 0001-01-01 and 9999-12-31: the years that ISO text of fixed width can hold."""

_DAY = 86_400_000_000
_PLAIN_NAME = re.compile(r"(?!.*_[0-9a-f]{8}$)[a-z_][a-z0-9_]{0,50}")


def column_name(field: str) -> str:
    """A name that every product takes and no other field of an entity has: the field's own where that is plain."""
    if _PLAIN_NAME.fullmatch(field):
        return field
    slug = re.sub(r"[^a-z0-9]+", "_", field.lower()).strip("_")[:40] or "field"
    return f"{slug}_{hashlib.sha256(field.encode()).hexdigest()[:8]}"


def declared_type(type_: pa.DataType, product: str) -> str:
    """The column's type in a CREATE TABLE.

    Raises:
        ValueError: replicas can't hold values of this type.
    """
    if pa.types.is_decimal(type_):
        return "INTEGER" if product == "sqlite" else f"numeric({type_.precision}, {type_.scale})"
    if pa.types.is_timestamp(type_):
        return "TEXT" if product == "sqlite" else "timestamptz" if type_.tz else "timestamp"
    found = _DECLARED.get(type_)
    if found is None:
        raise ValueError(f"values of type {type_}")
    return found[0] if product == "sqlite" else found[1]


_DECLARED: Mapping[pa.DataType, tuple[str, str]] = {
    pa.bool_(): ("INTEGER", "boolean"),
    **dict.fromkeys((pa.int8(), pa.int16(), pa.int32(), pa.int64()), ("INTEGER", "bigint")),
    **dict.fromkeys((pa.uint8(), pa.uint16(), pa.uint32()), ("INTEGER", "bigint")),
    pa.uint64(): ("INTEGER", "numeric(20, 0)"),
    pa.float32(): ("REAL", "double precision"),
    pa.float64(): ("REAL", "double precision"),
    pa.string(): ("TEXT", 'text COLLATE "C"'),
    pa.large_string(): ("TEXT", 'text COLLATE "C"'),
    pa.binary(): ("BLOB", "bytea"),
    pa.large_binary(): ("BLOB", "bytea"),
    pa.date32(): ("TEXT", "date"),
    pa.time64("us"): ("TEXT", "time"),
    pa.null(): ("TEXT", "text"),
}


# -- what can't be stored ----------------------------------------------------------------------


def unfit(field: Field, column: pa.Array, product: str) -> Unfit:
    """Rows whose value of this field the product can't hold, with the reason."""
    for test, reason in _tests(column, product):
        for row in pc.indices_nonzero(test.fill_null(False)).to_pylist():
            yield row, f"{field.name}: {reason}"
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        yield from _damaged_text(field, column)


def _tests(column: pa.Array, product: str) -> Iterator[tuple[pa.Array, str]]:
    type_ = column.type
    if pa.types.is_date(type_):
        days = column.cast(pa.int32())
        yield pc.or_(pc.less(days, _FIRST_DAY), pc.greater(days, _LAST_DAY)), "a date outside the years 1 to 9999"
    elif pa.types.is_timestamp(type_):
        moment = column.cast(pa.timestamp("us", type_.tz)).cast(pa.int64())
        late = pc.greater_equal(moment, (_LAST_DAY + 1) * _DAY)
        yield pc.or_(pc.less(moment, _FIRST_DAY * _DAY), late), "a moment outside the years 1 to 9999"
    elif product == "sqlite" and pa.types.is_floating(type_):
        yield pc.is_nan(column), "not a number (NaN), which SQLite can't hold"
    elif product == "sqlite" and type_ == pa.uint64():
        yield pc.greater(column, 2**63 - 1), "an integer beyond 64 bits with sign, which SQLite can't hold"
    elif product == "sqlite" and pa.types.is_decimal(type_):
        high, low = _words(column)
        beyond = pc.and_(pa.array(high != (low >> 63)), column.is_valid())
        yield beyond, "a decimal of more than 18 digits, which SQLite can't hold exactly"
    elif product == "postgresql" and (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        yield pc.match_substring(column, "\x00"), "text with U+0000, which PostgreSQL can't hold"


def _damaged_text(field: Field, column: pa.Array) -> Unfit:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        for row, value in enumerate(column.cast(pa.binary())):
            if value.is_valid and not _is_utf8(value.as_py()):
                yield row, f"{field.name}: text that is not valid UTF-8"


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


# -- SQLite ------------------------------------------------------------------------------------


def sqlite_values(column: pa.Array) -> list[Any]:
    """The values of a column as SQLite keeps them; what is `unfit` must be gone."""
    type_ = column.type
    if pa.types.is_decimal(type_):
        return list(_scaled(column).to_pylist())
    if pa.types.is_timestamp(type_):
        return list(_moment_text(column).to_pylist())
    if pa.types.is_date(type_) or pa.types.is_time(type_):
        return list(column.cast(pa.string()).to_pylist())
    return list(column.to_pylist())


def _words(column: pa.Array) -> tuple[Any, Any]:
    """High and low half of decimals, as 64-bit integers; 0 where the value is NULL."""
    plain = column.cast(pa.decimal128(38, column.type.scale))
    words = np.frombuffer(plain.buffers()[1], dtype=np.int64).reshape(-1, 2)[plain.offset : plain.offset + len(plain)]
    valid = np.asarray(plain.is_valid())
    return np.where(valid, words[:, 1], 0), np.where(valid, words[:, 0], 0)


def _scaled(column: pa.Array) -> pa.Array:
    return pa.array(_words(column)[1], pa.int64(), mask=~np.asarray(column.is_valid()))


def _moment_text(column: pa.Array) -> pa.Array:
    """ISO text of 26 characters; Arrow's cast pads years and microseconds."""
    return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.timestamp("us")).cast(pa.string())


# -- PostgreSQL --------------------------------------------------------------------------------


def copied_column(column: pa.Array) -> pa.Array:
    """A column in a form whose CSV text PostgreSQL's COPY reads."""
    type_ = column.type
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return pa.array([None if v is None else "\\x" + v.hex() for v in column.to_pylist()], pa.string())
    return column
