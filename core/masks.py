"""Values that are shown only in part: hash, partial, null, round.

A mask is applied to the rows that its asker may see, before anything of the query touches them: a condition, an
order or a join sees what the asker sees. Masks are computed here and not in the source, so that they mean
the same everywhere and their key stays in this process.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["hash", "partial", "null", "round"]

KINDS: tuple[Kind, ...] = ("null", "hash", "partial", "round")
"""Of two masks of one field the one that comes first here holds."""

_EXACT = Context(prec=100, rounding=ROUND_DOWN)

PERIODS = ("year", "quarter", "month", "day", "hour")


@dataclass(frozen=True, kw_only=True)
class Mask:
    """How a field is shown.

    `hash`: 16 hexadecimal digits that are the same for the same value, and only with the key for anyone else.
    `partial`: a quarter of a text at most, up to two characters at each end, with `***` between, whatever its length.
    `null`: nothing. `round`: numbers towards zero to a multiple of `unit`, moments to the beginning of their `unit`.

    Attributes:
        kind: which.
        unit: for `round`.
    """

    kind: Kind
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> Mask:
        """A mask as it is written: `hash`, `partial`, `null`, `round 1000`, `round month`.

        Raises:
            ValueError: it is none of these.
        """
        kind, _, unit = text.strip().partition(" ")
        if kind not in KINDS:
            raise ValueError(f"{text!r} is no mask; write hash, partial, null, round 1000 or round year")
        if kind == "round":
            if unit not in PERIODS and not (unit.replace(".", "", 1).isdigit() and Decimal(unit) > 0):
                raise ValueError(f"round what to? write round 1000, or round {', round '.join(PERIODS)}")
        elif unit:
            raise ValueError(f"{kind} takes nothing behind it")
        return cls(kind=kind, unit=unit)

    def __str__(self) -> str:
        return f"{self.kind} {self.unit}".strip()

    def type_of(self, type_: pa.DataType) -> pa.DataType:
        """The Arrow type of what is shown of a field of this type.

        Raises:
            ValueError: such a field can't be shown in this way.
        """
        if self.kind == "null":
            return type_
        if self.kind in ("hash", "partial"):
            return pa.string()
        if pa.types.is_temporal(type_) and not pa.types.is_time(type_):
            if self.unit in PERIODS and not (pa.types.is_date(type_) and self.unit == "hour"):
                return type_
        elif _is_number(type_) and self.unit not in PERIODS:
            return type_
        raise ValueError(f"{self} does not fit a {type_}")

    def apply(self, column: pa.ChunkedArray, key: bytes) -> pa.ChunkedArray:
        """What is shown of these values; NULL stays NULL.

        Args:
            column: of any length.
            key: behind `hash`.
        """
        wanted = self.type_of(column.type)
        if self.kind == "null":
            return pa.chunked_array([pa.nulls(len(column), wanted)])
        if self.unit in PERIODS:
            return pc.floor_temporal(column, unit=self.unit).cast(wanted)
        if self.kind == "hash":
            return _each(column, wanted, lambda v: hmac.new(key, _text(v), hashlib.sha256).hexdigest()[:16])
        if self.kind == "partial":
            return _each(column, wanted, lambda v: partial(_text(v).decode()))
        return _each(column, wanted, lambda v: _rounded(v, Decimal(self.unit), wanted))


def partial(text: str) -> str:
    """A text with `***` in place of its middle, or of all of it where it is short."""
    shown = min(2, len(text) // 8)
    return f"{text[:shown]}***{text[len(text) - shown :]}"


def _each(column: pa.ChunkedArray, wanted: pa.DataType, shown: Callable[[Any], Any]) -> pa.ChunkedArray:
    """Each value as `shown` makes it, equal ones once."""
    values = column.to_pylist()
    made = {v: shown(v) for v in set(values) if v is not None}
    return pa.chunked_array([pa.array([made.get(v) for v in values], wanted)])


def _text(value: Any) -> bytes:
    """A value as text that is the same for equal values of one kind: 1 and 1.00 too."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Decimal | float) and value == value and value == int(value):
        value = int(value)
    return str(value).encode("utf-8", "surrogatepass")


def _rounded(value: Any, unit: Decimal, wanted: pa.DataType) -> Any:
    """The multiple of the unit next to the value on the side of zero."""
    if pa.types.is_floating(wanted):
        share = value / float(unit)
        return math.trunc(share) * float(unit) if math.isfinite(share) else value
    made = _EXACT.multiply((_EXACT.divide(Decimal(value), unit)).to_integral_value(ROUND_DOWN), unit)
    return int(made) if pa.types.is_integer(wanted) else _EXACT.quantize(made, Decimal(1).scaleb(-wanted.scale))


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))
