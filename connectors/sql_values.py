"""Typed SQL fragments: the values that the SQL compiler puts together.

A `Value` is a piece of SQL text in one dialect, with the kind of what it yields; a constant stays
a Python object until it is used, because its form depends on what it is compared with. `Emitter`
turns operations into text by the dialect's tables and collects the bound parameters.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa

from groundwire.connectors.sql_dialect import Dialect

NUMERIC = ("int", "decimal", "double")
MAX_SCALE = 18

_TOKEN = re.compile("\x01(\\d+)\x02")


class Refused(Exception):
    """The query, or this part of it, can't be given to the database; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """An expression in the target's dialect.

    Attributes:
        sql: its text; empty for constants.
        kind: see `sql_dialects`; `null` for an untyped NULL.
        scale: decimal places, for decimals.
        constant: it is the Python object `value`.
        raw: the column as it is stored, where that differs from `sql`; else empty.
        native: what `raw` is; equal for columns that may be compared raw.
        nullable: whether NULL can occur.
        condition: it is a condition, which is no value in every product.
    """

    sql: str = ""
    kind: str
    scale: int = 0
    constant: bool = False
    value: Any = None
    raw: str = ""
    native: str = ""
    nullable: bool = True
    condition: bool = False


def truth(sql: str, *, nullable: bool = True) -> Value:
    """A condition."""
    return Value(sql=sql, kind="bool", nullable=nullable, condition=True)


def constant(value: Any) -> Value:
    """A Python object as SQL sees it.

    Raises:
        Refused: no kind fits.
    """
    if value is None:
        return Value(sql="NULL", kind="null")
    if isinstance(value, bool):
        return Value(kind="bool", constant=True, value=value)
    if isinstance(value, int):
        return Value(kind="int", constant=True, value=value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise Refused("a decimal that is not finite")
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent > 0:
            value = value.quantize(Decimal(1)) if exponent < 30 else value
        scale = max(0, -exponent) if isinstance(exponent, int) else 0
        return Value(kind="decimal", scale=scale, constant=True, value=value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise Refused("a number that is not finite")
        return Value(kind="double", constant=True, value=value)
    if isinstance(value, str):
        if not _is_utf8(value):
            raise Refused("text that is not valid Unicode")
        return Value(kind="text", constant=True, value=value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            return Value(kind="timestamptz", constant=True, value=value.astimezone(dt.UTC))
        return Value(kind="timestamp", constant=True, value=value)
    if isinstance(value, dt.date):
        return Value(kind="date", constant=True, value=value)
    if isinstance(value, dt.time):
        return Value(kind="time", constant=True, value=value)
    if isinstance(value, bytes):
        return Value(kind="binary", constant=True, value=value)
    raise Refused(f"a constant of type {type(value).__name__}")


def kind_of(type_: pa.DataType) -> tuple[str, int]:
    """Kind and scale of an Arrow type.

    Raises:
        Refused: queries can't compute with it.
    """
    for test, kind in _KINDS:
        if test(type_):
            if kind == "timestamp" and type_.tz:
                return "timestamptz", 0
            return kind, type_.scale if kind == "decimal" else 0
    raise Refused(f"values of type {type_}")


_KINDS = (
    (pa.types.is_boolean, "bool"),
    (pa.types.is_integer, "int"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_floating, "double"),
    (pa.types.is_string, "text"),
    (pa.types.is_large_string, "text"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_time, "time"),
    (pa.types.is_binary, "binary"),
    (pa.types.is_null, "null"),
)


class Emitter:
    """Operations as text of one dialect, and the parameters that they bind.

    Args:
        dialect: the product's tables.
        missing: operations that this server was found not to have.
    """

    def __init__(self, dialect: Dialect, missing: frozenset[str] = frozenset()) -> None:
        self.dialect = dialect
        self.missing = missing
        self.parameters: list[Any] = []
        self._known: dict[tuple[str, Any], str] = {}

    def quoted(self, name: str) -> str:
        """An identifier as SQL text.

        Raises:
            Refused: no quoting can hold it.
        """
        if "\x00" in name or "\x01" in name or "\x02" in name:
            raise Refused("an identifier with control characters")
        mark = self.dialect.quote
        return mark + name.replace(mark, mark * 2) + mark

    def has(self, name: str) -> bool:
        """Whether the dialect has this operation."""
        return bool(self.dialect.operations.get(name)) and name not in self.missing

    def knows(self, name: str, kind: str) -> bool:
        """Whether the dialect has this operation for a kind."""
        specific, rows = f"{name}:{kind}", self.dialect.operations
        return bool(rows.get(specific, rows.get(name))) and not {name, specific} & self.missing

    def text(self, name: str, *operands: str, kind: str = "") -> str:
        """An operation over operands that are text already.

        Raises:
            Refused: this dialect does not have it with DuckDB's result.
        """
        if not self.knows(name, kind):
            raise Refused(f"{name} has no exact counterpart in {self.dialect.name}{f' for {kind}' if kind else ''}")
        rows = self.dialect.operations
        template = rows.get(f"{name}:{kind}", rows.get(name, ""))
        return template.format(*operands, all=", ".join(operands), rest=", ".join(operands[1:]))

    def op(self, name: str, *operands: Value) -> str:
        """An operation over values; its row may depend on the first one's kind."""
        kind = next((o.kind for o in operands if o.kind != "null"), "")
        if any(o.kind.startswith("opaque") for o in operands) and name not in ("is null", "is not null", "count"):
            raise Refused(f"{name} of a large object")
        return self.text(name, *(self.sql(o) for o in operands), kind=kind)

    def sql(self, value: Value) -> str:
        """The value's text; a constant becomes a bound parameter."""
        if not value.constant:
            return self._held(value.sql, value.nullable) if value.condition and not self.dialect.truth else value.sql
        if value.kind == "bool":
            words = ("FALSE", "TRUE") if self.dialect.truth else ("0", "1")
            return words[value.value]
        return self.bound(value.value, value.kind)

    def truth(self, value: Value) -> str:
        """A boolean as the text of a condition."""
        if self.dialect.truth:
            return self.sql(value)
        if value.constant:
            return "(1 = 1)" if value.value else "(1 = 0)"
        return value.sql if value.condition else f"({value.sql} = 1)"

    @staticmethod
    def _held(condition: str, nullable: bool) -> str:
        """A condition as 1 and 0, and NULL where it is unknown."""
        otherwise = f"WHEN NOT {condition} THEN 0" if nullable else "ELSE 0"
        return f"(CASE WHEN {condition} THEN 1 {otherwise} END)"

    def lacks(self, value: Value) -> bool:
        """It is a text that no column here can hold."""
        absent = self.dialect.absent
        return bool(absent and value.constant and value.kind == "text" and re.search(absent, value.value))

    def bound(self, value: Any, kind: str, template: str | None = None) -> str:
        """A placeholder for a value. Equal values share one, so equal expressions stay equal text."""
        if kind == "int" and not -(2**63) <= value < 2**63:
            kind = "bigger int"
        if kind == "text":
            for pattern in (self.dialect.absent, self.dialect.unbound):
                if pattern and re.search(pattern, value, re.DOTALL):
                    raise Refused(f"a text that {self.dialect.name} can't hold, or might not be given as it is")
        form = template or self.dialect.parameters.get(kind, "{0}")
        if self.dialect.literal_integers and kind in ("int", "int32"):
            return form.format(value if value >= 0 else f"({value})")
        digits = _digits(value) if kind == "decimal" else {}
        if self.dialect.scaled_decimals:
            value = _represented(value, kind)
        elif kind in self.dialect.as_text:
            value = _iso(value, kind)
        key = (kind, repr(value))
        if key not in self._known:
            self.parameters.append(value)
            self._known[key] = f"\x01{len(self.parameters) - 1}\x02"
        return form.format(self._known[key], **digits)

    def free(self, sql: str) -> bool:
        """No parameter is part of the text."""
        return _TOKEN.search(sql) is None

    def checked(self, sql: str) -> str:
        """The whole statement.

        Raises:
            Refused: it binds more values than the product takes.
        """
        most = self.dialect.max_parameters
        if most is not None and len(_TOKEN.findall(sql)) > most:
            raise Refused(f"more than {most} values")
        return sql

    # -- kinds -----------------------------------------------------------------------------

    def convert(self, value: Value, kind: str, scale: int = 0) -> Value:
        """The same value as another kind, as DuckDB casts it.

        Raises:
            Refused: this dialect has no cast with DuckDB's result.
        """
        if value.kind == "null":
            return replace(value, kind=kind, scale=scale)
        if value.kind == kind and (kind != "decimal" or value.scale == scale):
            return value
        if value.constant:
            return converted_constant(value, kind, scale)
        nullable = value.nullable
        if kind == "decimal" and value.kind in ("int", "decimal"):
            return self._as_decimal(value, scale)
        if value.kind == "decimal" and kind == "double":
            sql = self.text("cast:decimal>double", value.sql, f"{10**value.scale}.0")
            return Value(sql=sql, kind=kind, nullable=nullable)
        if value.kind == "decimal" and kind == "text":
            sql = self.text("cast:decimal>text", value.sql, str(value.scale))
            return Value(sql=sql, kind=kind, nullable=nullable)
        sql = self.text(f"cast:{value.kind}>{kind}", self.sql(value))
        return Value(sql=sql, kind=kind, scale=scale, nullable=nullable)

    def _as_decimal(self, value: Value, scale: int) -> Value:
        nullable = value.nullable
        if self.dialect.scaled_decimals:
            if scale < value.scale:
                return Value(sql=self._rescaled_down(value, scale), kind="decimal", scale=scale, nullable=nullable)
            factor = 10 ** (scale - value.scale)
            sql = value.sql if factor == 1 else f"({value.sql} * {factor})"
            return Value(sql=sql, kind="decimal", scale=scale, nullable=nullable)
        if value.kind == "int":
            sql = self.text("cast:int>decimal", value.sql)
        elif scale >= value.scale:
            sql = value.sql
        else:
            sql = self.text("cast:decimal>decimal", value.sql, str(scale))
        return Value(sql=sql, kind="decimal", scale=scale, nullable=nullable)

    def _rescaled_down(self, value: Value, scale: int) -> str:
        """Round half away from zero, in integers."""
        factor = 10 ** (value.scale - scale)
        sql = value.sql
        return f"((CASE WHEN {sql} >= 0 THEN {sql} + {factor // 2} ELSE {sql} - {factor // 2} END) / {factor})"

    def rounded(self, value: Value, places: int) -> Value:
        """ROUND(value, places), half away from zero."""
        if value.kind == "int":
            return value
        if value.kind == "double":
            factor = self.bound(float(10**places), "double")
            sql = self.text("round", self.sql(value), factor, kind="double")
            return Value(sql=sql, kind="double", nullable=value.nullable)
        if value.kind != "decimal":
            raise Refused(f"ROUND of {value.kind}")
        if places >= value.scale:
            return value
        if self.dialect.scaled_decimals:
            sql = self._rescaled_down(value, places)
        else:
            sql = self.text("round", self.sql(value), self.bound(places, "int32"), str(places), kind="decimal")
        return Value(sql=sql, kind="decimal", scale=places, nullable=value.nullable)

    def unified(self, values: Iterable[Value]) -> list[Value]:
        """The values as one kind, as DuckDB casts operands to a common type.

        Raises:
            Refused: they have none without guessing.
        """
        listed = list(values)
        kinds = {v.kind for v in listed if v.kind != "null"}
        if not kinds:
            return listed
        typed = [v for v in listed if v.kind != "null"]
        open_kinds = {v.kind for v in typed if not (v.constant and v.kind == "text")}
        kind, scale = _common(open_kinds or kinds), 0
        if kind == "decimal":
            scale = max(v.scale for v in typed)
            finer = any(v.kind == "decimal" and v.scale < scale and not v.constant for v in typed)
            if finer and not self.dialect.mixed_scales:
                raise Refused(f"decimals of different scales in {self.dialect.name}")
        return [self.convert(v, kind, scale) for v in listed]


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds <= set(NUMERIC):
        return "double" if "double" in kinds else "decimal"
    if kinds <= {"date", "timestamp"}:
        return "timestamp"
    if kinds <= {"date", "timestamp", "timestamptz"}:
        return "timestamptz"
    raise Refused(f"{' and '.join(sorted(kinds))} in one place")


def converted_constant(value: Value, kind: str, scale: int = 0) -> Value:
    """A constant as another kind; what DuckDB would reject or reads differently is refused."""
    given = value.value
    if value.kind == "text":
        return _parsed(given, kind, scale)
    if value.kind in NUMERIC and kind == "double":
        return Value(kind="double", constant=True, value=float(given))
    if kind == "decimal" and value.kind in ("int", "decimal"):
        places = Decimal(1).scaleb(-scale)
        number = Decimal(given)
        if number.adjusted() + scale > 36:
            raise Refused("a decimal with too many digits")
        return Value(kind="decimal", scale=scale, constant=True, value=number.quantize(places, ROUND_HALF_UP))
    if kind == "int" and value.kind == "decimal":
        return constant(int(given.quantize(Decimal(1), ROUND_HALF_UP)))
    if kind == "text" and value.kind == "int":
        return constant(str(given))
    if value.kind == "date" and kind in ("timestamp", "timestamptz"):
        moment = dt.datetime(given.year, given.month, given.day)
        return constant(moment.replace(tzinfo=dt.UTC) if kind == "timestamptz" else moment)
    if value.kind == "timestamp" and kind == "timestamptz":
        return constant(given.replace(tzinfo=dt.UTC))
    if value.kind == "timestamptz" and kind == "timestamp":
        return constant(given.replace(tzinfo=None))
    if value.kind in ("timestamp", "timestamptz") and kind == "date":
        return constant(given.date())
    raise Refused(f"{value.kind} as {kind}")


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?")


def _parsed(text: str, kind: str, scale: int) -> Value:
    """A text literal as a temporal value, in the forms on which everyone agrees."""
    try:
        if kind == "date" and _DATE.fullmatch(text):
            return constant(dt.date.fromisoformat(text))
        if kind in ("timestamp", "timestamptz") and _MOMENT.fullmatch(text):
            moment = dt.datetime.fromisoformat(text)
            if kind == "timestamptz":
                return constant(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
            if moment.tzinfo is None:
                return constant(moment)
        if kind == "time" and re.fullmatch(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", text):
            return constant(dt.time.fromisoformat(text))
        if kind in NUMERIC and re.fullmatch(r"-?\d{1,18}", text):
            return converted_constant(constant(int(text)), kind, scale) if kind != "int" else constant(int(text))
        if kind == "decimal" and re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text):
            return converted_constant(constant(Decimal(text)), kind, scale)
    except ValueError:
        pass
    raise Refused(f"this text as {kind}")


def shifted(moment: dt.datetime, months: int, days: int, microseconds: int) -> dt.datetime:
    """The moment later by so many months (the day kept or clamped to the month's last), days and time."""
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    first_of_next = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    day = min(moment.day, (first_of_next - dt.timedelta(days=1)).day)
    return moment.replace(year=year, month=month + 1, day=day) + dt.timedelta(days=days, microseconds=microseconds)


def _represented(value: Any, kind: str) -> Any:
    """A value as a dialect without decimals and dates holds it."""
    if kind == "decimal":
        exponent = value.as_tuple().exponent
        scaled = int(value.scaleb(-exponent if isinstance(exponent, int) else 0))
        if not -(2**63) <= scaled < 2**63:
            raise Refused("a decimal with too many digits")
        return scaled
    if kind in ("timestamp", "timestamptz"):
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    if kind == "date":
        return value.isoformat()
    if kind == "time":
        return value.isoformat(timespec="microseconds")
    if kind == "bigger int":
        raise Refused("an integer of more than 64 bits")
    return value


def _iso(value: Any, kind: str) -> str:
    """A number or moment as text on which everyone agrees."""
    if kind in ("decimal", "bigger int"):
        return format(value, "f") if kind == "decimal" else str(value)
    return str(_represented(value, kind))


def _digits(value: Decimal) -> dict[str, int]:
    """Precision and scale that hold a decimal."""
    _, digits, exponent = value.as_tuple()
    scale = max(0, -exponent) if isinstance(exponent, int) else 0
    return {"precision": max(len(digits), scale, 1), "scale": scale}


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def rendered(sql: str, parameters: list[Any], style: str) -> tuple[str, Any]:
    """The text and its parameters in a driver's style.

    Args:
        sql: with the emitter's placeholders.
        parameters: of the emitter.
        style: PEP 249's `paramstyle`, or `numeric_dollar`, or `pyformat plain` where a percent sign is not doubled.
    """
    if style in ("named", "pyformat plain"):
        form = ":p{}" if style == "named" else "%(p{})s"
        used = {int(m) for m in _TOKEN.findall(sql)}
        return _TOKEN.sub(lambda m: form.format(m[1]), sql), {f"p{i}": parameters[i] for i in sorted(used)}
    if style == "pyformat":
        text = _TOKEN.sub(lambda m: f"%(p{m[1]})s", sql.replace("%", "%%"))
        return text, {f"p{i}": p for i, p in enumerate(parameters)}
    if style == "numeric_dollar":
        return _TOKEN.sub(lambda m: f"${int(m[1]) + 1}", sql), tuple(parameters)
    mark = "?" if style == "qmark" else "%s"
    text = sql.replace("%", "%%") if style == "format" else sql
    order = [int(m) for m in _TOKEN.findall(sql)]
    return _TOKEN.sub(mark, text), tuple(parameters[i] for i in order)


def outline(sql: str) -> str:
    """The text for people: numbered placeholders, no values."""
    return _TOKEN.sub(lambda m: f":{int(m[1]) + 1}", sql)


Relation = Mapping[str, Value]
"""Columns of something in FROM, by lower-case name."""
