"""JSON records as Arrow batches of a schema, exactly or not at all.

Each type has one reading of JSON's values: a decimal may come as a number or as text, a boolean as 0 or 1, a moment
as ISO 8601 text, in UTC where it names no zone. Whatever else comes is Rejected, naming entity and field but never
the value, which may be anybody's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from groundwire.connectors.columns import transposed, whole
from groundwire.connectors.wire_records import Records
from groundwire.core.errors import Rejected

Convert = Callable[[Any], Any]
"""From a JSON value that is not null to what Arrow takes; raises ValueError, TypeError or ArithmeticError."""

Find = Callable[[Sequence[Any], Sequence[str]], Iterable[Sequence[Any]]]
"""From records and the names of columns to the values of each."""

_BINARY = frozenset({float, list, dict})
"""Python types of values that an exact reading may give in another way."""
_EXACT = Context(prec=76)
_NOISE = Decimal(2) ** -49
"""The most by which a sum of binary floats differs from the decimal it stands for, as a share of it."""


class _Inexact(Exception):
    """Values that are to be judged one by one are needed as an exact reading gives them."""


def record_batch(
    rows: Sequence[Any],
    schema: pa.Schema,
    *,
    source: str,
    entity: str,
    at: Callable[[Any, str], Any] | None = None,
    find: Find | None = None,
    tidy: Callable[[Sequence[Any], str], Sequence[Any] | pa.Array] | None = None,
    converters: Mapping[str, Convert] | None = None,
) -> pa.RecordBatch:
    """Records as a batch of exactly this schema.

    Args:
        rows: decoded JSON objects, or `Records`, which are read again where binary floats do not do.
        schema: names and types of the columns.
        source, entity: named in errors.
        at: the value of a column in a record; by default `value_at`.
        find: the values of all columns, in place of `at` where that is quicker; raises as `at` does.
        tidy: makes of a column's values what its converter reads, or an array that is finished.
        converters: for columns that are read in another way than their type says.

    Raises:
        Rejected: a record lacks a column, or a value is not of its type.
    """
    columns = iter((find or (partial(_each, at) if at else columns_at))(rows, schema.names))
    arrays = []
    try:
        for one in schema:
            own = (converters or {}).get(one.name)
            try:
                values = next(columns)
                values = tidy(values, one.name) if tidy else values
            except (KeyError, TypeError, IndexError, AttributeError):
                raise Rejected(f"a record of {entity} holds no {one.name}", source=source) from None
            if isinstance(values, pa.Array):
                arrays.append(values)
                continue
            array = whole(values, one.type) if own is None else None
            if array is None:
                if isinstance(rows, Records) and not rows.exact and not _BINARY.isdisjoint(map(type, values)):
                    raise _Inexact
                try:
                    array = _one_by_one(values, own or converter(one.type), one.type)
                except (pa.ArrowException, KeyError, ValueError, TypeError, ArithmeticError):
                    raise Rejected(f"a value of {entity}.{one.name} is not a {one.type}", source=source) from None
            arrays.append(array)
    except _Inexact:
        assert isinstance(rows, Records)
        rows.wanted.exact = True  # the pages to come are not read twice
        more = {"at": at, "find": find, "tidy": tidy, "converters": converters}
        return record_batch(rows.exactly(), schema, source=source, entity=entity, **more)  # type: ignore[arg-type]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _one_by_one(values: Sequence[Any], convert: Convert, type_: pa.DataType) -> pa.Array:
    return pa.array([None if v is None else convert(v) for v in values], type_)


def columns_at(
    rows: Sequence[Any], paths: Sequence[str], at: Callable[[Any, str], Any] | None = None
) -> Iterator[Sequence[Any]]:
    """The values at each path in every record, path by path.

    Args:
        at: the value at a path in a record that may lack it; by default `value_at`.
    """
    if isinstance(rows, Records):
        yield from map(rows.column, paths)
        return
    flat = [p for p in paths if "." not in p]
    found = transposed(rows, flat)
    known = {} if found is None else dict(zip(flat, found, strict=True))
    for path in paths:
        yield known[path] if path in known else [at(row, path) for row in rows] if at else values_at(rows, path)


def values_at(rows: Sequence[Any], path: str) -> Sequence[Any]:
    """The values at a path in every record (see `value_at`)."""
    if isinstance(rows, Records):
        return rows.column(path)
    head, dot, last = path.rpartition(".")
    try:
        if not dot:
            return [row[path] for row in rows]
        if "." not in head and not any(path in row for row in rows):
            return [None if (below := row[head]) is None else below[last] for row in rows]
    except (KeyError, TypeError):
        pass  # told by the first record that lacks it
    return [value_at(row, path) for row in rows]


def _each(at: Callable[[Any, str], Any], rows: Sequence[Any], names: Sequence[str]) -> Iterator[list[Any]]:
    return ([at(row, name) for row in rows] for name in names)


def value_at(row: Any, path: str) -> Any:
    """The value at a dotted path of objects; None where the path ends at a null.

    Raises:
        KeyError, TypeError: the record does not hold the field.
    """
    if path in row:
        return row[path]
    *steps, last = path.split(".")
    for step in steps:
        row = row[step]
        if row is None:
            return None
    return row[last]


def counted(value: Any, schema: pa.Schema, *, source: str) -> pa.RecordBatch:
    """A source's count of records as the one row of a scan whose aggregates are all COUNT(*).

    Raises:
        Rejected: it is no count.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Rejected("the answer is no count", source=source)
    return pa.RecordBatch.from_arrays([pa.array([value], f.type) for f in schema], schema=schema)


# -- one reading for each type ---------------------------------------------------------------


def converter(type_: pa.DataType) -> Convert:
    """How JSON's values are read as this Arrow type."""
    if pa.types.is_decimal(type_):
        return lambda v: to_decimal(v, type_.scale)
    if pa.types.is_timestamp(type_):
        return to_moment if type_.tz else to_local_moment
    for is_kind, convert in _READ:
        if is_kind(type_):
            return convert
    raise TypeError(f"no JSON is read as {type_}")


def to_decimal(value: Any, scale: int) -> Decimal:
    """A number or a number's text with so many decimal places.

    The noise of binary floats is rounded away; more decimal places than the field has are an error.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError
    number = value if isinstance(value, Decimal) else Decimal(value if isinstance(value, int) else str(value).strip())
    rounded = number.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    if rounded != number and abs(rounded - number) > abs(number) * _NOISE:
        raise ValueError
    return rounded


def to_integer(value: Any) -> int:
    """A whole number, or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError
    whole = int(value)
    if not isinstance(value, str) and whole != value:
        raise ValueError
    return whole


def to_float(value: Any) -> float:
    """A number, or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError
    return float(value)


def to_boolean(value: Any) -> bool:
    """True, false, 1 or 0."""
    if value not in (0, 1) or not isinstance(value, int | float | Decimal):
        raise ValueError
    return bool(value)


def to_text(value: Any) -> str:
    """Text and nothing else."""
    if not isinstance(value, str):
        raise TypeError
    return value


def to_moment(value: Any) -> dt.datetime:
    """ISO 8601 text as an instant; without a zone it is UTC."""
    moment = dt.datetime.fromisoformat(to_text(value))
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def to_local_moment(value: Any) -> dt.datetime:
    """ISO 8601 text without a zone."""
    moment = dt.datetime.fromisoformat(to_text(value))
    if moment.tzinfo is not None:
        raise ValueError
    return moment


def to_date(value: Any) -> dt.date:
    """A day; a moment only where it is midnight."""
    text = to_text(value)
    if len(text) <= len("2026-01-01"):
        return dt.date.fromisoformat(text)
    moment = dt.datetime.fromisoformat(text)
    if moment.time() != dt.time():
        raise ValueError
    return moment.date()


def to_time(value: Any) -> dt.time:
    """A time of day without a zone."""
    time = dt.time.fromisoformat(to_text(value))
    if time.tzinfo is not None:
        raise ValueError
    return time


_READ: Iterable[tuple[Callable[[pa.DataType], bool], Convert]] = (
    (pa.types.is_string, to_text),
    (pa.types.is_boolean, to_boolean),
    (pa.types.is_integer, to_integer),
    (pa.types.is_floating, to_float),
    (pa.types.is_date, to_date),
    (pa.types.is_time, to_time),
)
