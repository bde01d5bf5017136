"""What the conformance kit compares with: hostile values, and DuckDB as the oracle.

Parts of `groundwire.connectors.testing`, which is what to import; nothing here knows pytest.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from groundwire.core.connector import Aggregate, And, Comparison, Not, Or, Predicate

HOSTILE_TEXTS = (
    "' OR 1=1 --",
    "'; DROP TABLE x; --",
    '" OR ""="',
    "\\",
    "\\' OR 1=1 --",
    "%",
    "_",
    "100%",
    "{0} %s %(p0)s :p0 ? $1",
    "line\nbreak\ttab\r",
    "nul\x00inside",
    "Ünïcödé 東京 🙂",
    "e\u0301",
    "[1, 2]",
    "NULL",
    "",
    " ",
)
"""Texts that break out of careless requests, or that careless comparisons confuse."""

PATTERNS = ("%", "_%", "a%", "%A%", "__", "", "\\%", "100\\%%", "%'%", "%.%", "[a-z]%", "*")
"""LIKE patterns that are mistaken for other things."""


class Oracle:
    """DuckDB over the rows that the source really holds."""

    def __init__(self, rows: Mapping[str, pa.Table]) -> None:
        self.rows = rows
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        for name, table in rows.items():
            self._connection.register(name, table)
        self._constants = 0

    def select(self, entity: str, names: Sequence[str], where: Predicate | None) -> list[tuple[Any, ...]]:
        """The named columns of the rows for which the predicate is true."""
        columns = ", ".join(quoted(n) for n in names)
        return self.query(f"SELECT {columns} FROM {quoted(entity)} WHERE {self.condition(entity, where)}")[0]

    def query(self, sql: str) -> tuple[list[tuple[Any, ...]], list[pa.DataType]]:
        """Rows and types of any query."""
        table = self._connection.sql(sql).to_arrow_table()
        types = [result_type(t) for t in table.schema.types]
        columns = [c.cast(t) for c, t in zip(table.columns, types, strict=True)]
        return list(zip(*(map(plain, c.to_pylist()) for c in columns), strict=True)), types

    def condition(self, entity: str, predicate: Predicate | None) -> str:
        """A predicate as SQL, good until the next call."""
        self._constants = 0
        return "TRUE" if predicate is None else self._condition(entity, predicate)

    def _condition(self, entity: str, predicate: Predicate) -> str:
        if isinstance(predicate, And | Or):
            word = " AND " if isinstance(predicate, And) else " OR "
            return "(" + word.join(self._condition(entity, t) for t in predicate.terms) + ")"
        if isinstance(predicate, Not):
            return f"(NOT {self._condition(entity, predicate.term)})"
        name = quoted(predicate.field)
        if predicate.op in ("is null", "is not null"):
            return f"({name} {predicate.op})"
        listed = list(predicate.value) if isinstance(predicate.value, tuple) else [predicate.value]
        constant = self._constant(pa.array(listed, self.rows[entity].schema.field(predicate.field).type))
        return f"({name} {predicate.op} (SELECT v FROM {constant}))"

    def _constant(self, values: pa.Array) -> str:
        """The name of a one-column table of these values: no literal has to be written."""
        self._constants += 1
        name = f"gw_constant_{self._constants}"
        self._connection.register(name, pa.table({"v": values}))
        return name


def plain(value: Any) -> Any:
    """A value that equals another one where SQL calls them the same."""
    if isinstance(value, float):
        return "NaN" if value != value else float(f"{value:.12g}") + 0.0
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC)
    return value


def with_neighbours(values: list[Any], type_: pa.DataType) -> list[Any]:
    """The values, and some that lie just beside them."""
    found: list[Any] = list(values)
    for value in values[:2]:
        if isinstance(value, bool | bytes):
            continue
        if isinstance(value, str):
            found += [value.swapcase(), value + " ", value[:-1], "zz" + value]
        elif isinstance(value, int | float):
            found += [-value, value + 1]
        elif isinstance(value, Decimal):
            found += [-value, value + Decimal(1).scaleb(-type_.scale)]
        elif isinstance(value, dt.datetime):
            found += [value + dt.timedelta(seconds=1), value - dt.timedelta(days=1)]
            if type_.unit in ("us", "ns"):  # what keeps milliseconds must not take it for the value
                found += [value + dt.timedelta(microseconds=1), value - dt.timedelta(microseconds=1)]
        elif isinstance(value, dt.date):
            found += [value + dt.timedelta(days=1), value - dt.timedelta(days=31)]
    if pa.types.is_boolean(type_):
        found = [True, False]
    return list(dict.fromkeys(v for v in found if fits(v, type_)))


def fits(value: Any, type_: pa.DataType) -> bool:
    """Whether the type holds the value."""
    try:
        pa.scalar(value, type_)
    except (pa.ArrowInvalid, OverflowError):
        return False
    return True


def absent(type_: pa.DataType, values: list[Any], count: int) -> list[Any]:
    """So many values that no row has, for types of which there are many."""
    if pa.types.is_integer(type_):
        top = max(values)
        return [v for v in range(top + 1, top + 1 + count) if fits(v, type_)]
    return [f"no such text {n}" for n in range(count)] if pa.types.is_string(type_) else []


def combined(pool: list[Predicate], chance: random.Random, depth: int, boolean: bool) -> Predicate:
    """A random tree over the pool; without `boolean` a flat conjunction."""
    if not boolean:
        return And(tuple(chance.sample(pool, min(len(pool), chance.randint(2, 4)))))
    kind = chance.choice(("leaf", "and", "or", "not")) if depth else "leaf"
    if kind == "leaf":
        return chance.choice(pool)
    if kind == "not":
        return Not(combined(pool, chance, depth - 1, boolean))
    terms = tuple(combined(pool, chance, depth - 1, boolean) for _ in range(chance.randint(2, 3)))
    return And(terms) if kind == "and" else Or(terms)


def call(aggregate: Aggregate) -> str:
    """An aggregate as SQL."""
    if aggregate.field is None:
        return "COUNT(*)"
    name = quoted(aggregate.field)
    return f"COUNT(DISTINCT {name})" if aggregate.function == "count_distinct" else f"{aggregate.function}({name})"


def result_type(type_: pa.DataType) -> pa.DataType:
    """The type that the core asks of a source where DuckDB would answer with this one."""
    if pa.types.is_decimal(type_) and (type_.precision, type_.scale) == (38, 0):
        return pa.int64()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC" if type_.tz else None)
    return pa.string() if pa.types.is_large_string(type_) or pa.types.is_string_view(type_) else type_


def quoted(name: str) -> str:
    """An identifier as SQL."""
    return '"' + name.replace('"', '""') + '"'


def outline(predicate: Predicate) -> str:
    """A predicate as a failure names it."""
    if isinstance(predicate, Comparison):
        return f"{predicate.field} {predicate.op} {short(predicate.value)}".strip()
    if isinstance(predicate, Not):
        return f"not ({outline(predicate.term)})"
    word = " and " if isinstance(predicate, And) else " or "
    return "(" + word.join(outline(t) for t in predicate.terms) + ")"


def short(value: Any) -> str:
    """A value as a failure shows it."""
    if value is None:
        return ""
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."


def example(rows: Counter[tuple[Any, ...]]) -> str:
    """One of the rows, for a message."""
    return short(next(iter(rows), None)) or "nothing"
