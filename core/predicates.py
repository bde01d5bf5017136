"""Reasoning about conditions: what they touch, what they reject, and what a source can be told.

Pure functions over bound sqlglot trees. A condition that can be said as a `Predicate` is offered
to a connector; one that can't, or that the connector did not declare, stays with the engine.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from groundwire.core.catalog import Entity
from groundwire.core.connector import And, Comparison, Connector, Not, Operator, Or, Predicate, Pushdown
from groundwire.core.errors import QueryError
from groundwire.core.schema import TYPIST

_COMPARISONS: dict[type[exp.Expr], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED: dict[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_STRICT = (
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.Like,
    exp.ILike,
    exp.Between,
    exp.Cast,
    exp.Lower,
    exp.Upper,
    exp.Trim,
    exp.Length,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Neg,
    exp.Paren,
    exp.Extract,
    exp.Year,
    exp.Month,
    exp.Abs,
    exp.TimestampTrunc,
    exp.DateTrunc,
)
"""Nodes that are NULL wherever one of their operands is."""


def conjuncts(node: exp.Expr | None) -> list[exp.Expr]:
    """The conditions that must all be true; none for None."""
    if node is None:
        return []
    if isinstance(node, exp.Where | exp.Having):
        return conjuncts(node.this)
    if isinstance(node, exp.And):
        return [*conjuncts(node.left), *conjuncts(node.right)]
    if isinstance(node, exp.Paren):
        return conjuncts(node.this)
    return [node]


def aliases_of(node: exp.Expr) -> set[str]:
    """Aliases of all columns inside, subqueries included."""
    return {c.table for c in node.find_all(exp.Column)}


def columns_of(node: exp.Expr, alias: str) -> Iterator[exp.Column]:
    """The columns of that alias, subqueries included."""
    return (c for c in node.find_all(exp.Column) if c.table == alias)


def rejects_null(condition: exp.Expr, alias: str) -> bool:
    """Whether the condition can't be true for a row in which every column of `alias` is NULL."""
    if isinstance(condition, exp.Not):
        inner = condition.this.unnest()
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
            return _strict_in(inner.this, alias)
        if isinstance(inner, exp.In) and inner.args.get("query"):
            return False  # x NOT IN (an empty set) is true, also for NULL
        return not isinstance(inner, exp.Not | exp.Or | exp.Exists) and rejects_null(inner, alias)
    if isinstance(condition, exp.In):
        return _strict_in(condition.this, alias)
    if isinstance(condition, exp.Or):
        return rejects_null(condition.left, alias) and rejects_null(condition.right, alias)
    if isinstance(condition, exp.And):
        return rejects_null(condition.left, alias) or rejects_null(condition.right, alias)
    if isinstance(condition, exp.Paren):
        return rejects_null(condition.this, alias)
    return isinstance(condition, _STRICT) and _strict_in(condition, alias)


def _strict_in(node: exp.Expr, alias: str) -> bool:
    if isinstance(node, exp.Column):
        return node.table == alias
    return isinstance(node, _STRICT) and any(
        _strict_in(child, alias) for child in node.iter_expressions() if not isinstance(child, exp.DataType)
    )


def equal_columns(condition: exp.Expr) -> tuple[exp.Column, exp.Column] | None:
    """The two columns of `a.x = b.y` with different aliases."""
    if isinstance(condition, exp.EQ):
        left, right = condition.left.unnest(), condition.right.unnest()
        if isinstance(left, exp.Column) and isinstance(right, exp.Column) and left.table != right.table:
            return left, right
    return None


@dataclass(frozen=True)
class Offer:
    """A predicate for a scan; `exact` says that nothing of it has to be checked again."""

    predicate: Predicate
    exact: bool


class Translator:
    """Conditions on one scan as predicates that its connector declared.

    Args:
        entity: what is scanned.
        connector: who scans it.
        alias: its alias in the query.
        types: Arrow type of every field by the name that the scan uses, dotted paths included.
    """

    def __init__(self, entity: Entity, connector: Connector, alias: str, types: dict[str, pa.DataType]) -> None:
        self.entity = entity
        self.connector = connector
        self.alias = alias
        self.types = types

    def translate(self, conditions: Iterable[exp.Expr]) -> tuple[Predicate | None, bool]:
        """As much of the conditions as the source can be told, and whether that is all, exactly."""
        terms: list[Predicate] = []
        exact = True
        for condition in conditions:
            offer = self.offer(condition)
            if offer is None:
                exact = False
                continue
            exact = exact and offer.exact
            terms += offer.predicate.terms if isinstance(offer.predicate, And) else (offer.predicate,)
        if not terms:
            return None, exact
        return (terms[0] if len(terms) == 1 else And(tuple(terms))), exact

    def offer(self, node: exp.Expr) -> Offer | None:
        """The condition as a predicate, or None where it can't be said to this source."""
        node = node.unnest()
        if isinstance(node, exp.And):
            left, right = self.offer(node.left), self.offer(node.right)
            if left and right:
                return Offer(And((left.predicate, right.predicate)), left.exact and right.exact)
            one = left or right
            return Offer(one.predicate, False) if one else None
        if isinstance(node, exp.Or):
            if not self.connector.capabilities.boolean:
                return self._in_from_or(node)
            left, right = self.offer(node.left), self.offer(node.right)
            return Offer(Or((left.predicate, right.predicate)), left.exact and right.exact) if left and right else None
        if isinstance(node, exp.Not):
            return self._not(node.this.unnest())
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
            return self.offer(exp.And(this=low, expression=high))
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return self._compare(node.this, "is null")
        if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
            return self._in(node, "in")
        if isinstance(node, exp.Like) and node.args.get("negate"):
            positive = node.copy()
            positive.set("negate", None)
            return self._not(positive)
        if isinstance(node, exp.Like) and not isinstance(node.parent, exp.Escape):
            return self._compare(node.this, "like", node.expression)
        if isinstance(node, exp.Column):
            return self._truth(node, True)
        op = _COMPARISONS.get(type(node))
        if op is None or not isinstance(node, exp.Binary):
            return None
        if isinstance(node.left.unnest(), exp.Column):
            return self._compare(node.left, op, node.right)
        return self._compare(node.right, _MIRRORED[op], node.left)

    def _not(self, inner: exp.Expr) -> Offer | None:
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
            return self._compare(inner.this, "is not null")
        if isinstance(inner, exp.In) and inner.expressions and not inner.args.get("query"):
            return self._in(inner, "not in")
        if isinstance(inner, exp.Column):
            return self._truth(inner, False)
        if not self.connector.capabilities.boolean:
            return None
        offer = self.offer(inner)
        return Offer(Not(offer.predicate), True) if offer and offer.exact else None

    def _truth(self, column: exp.Column, wanted: bool) -> Offer | None:
        name = self._field(column)
        if name is None or not pa.types.is_boolean(self.types[name]):
            return None
        return self._offered(Comparison(field=name, op="=", value=wanted))

    def _in_from_or(self, node: exp.Or) -> Offer | None:
        """`a = 1 OR a = 2` as an IN list, for sources without OR."""
        parts = list(node.flatten())
        offers = [self.offer(p) for p in parts]
        values: list[Any] = []
        fields: set[str] = set()
        for offer in offers:
            one = offer.predicate if offer else None
            if not isinstance(one, Comparison) or one.op not in ("=", "in"):
                return None
            fields.add(one.field)
            values += one.value if one.op == "in" else (one.value,)
        if len(fields) != 1:
            return None
        return self._offered(Comparison(field=fields.pop(), op="in", value=tuple(dict.fromkeys(values))))

    def _in(self, node: exp.In, op: Operator) -> Offer | None:
        name = self._field(node.this)
        if name is None:
            return None
        values = []
        for item in node.expressions:
            found, value = self._value(item, name)
            if not found or value is None:
                return None
            values.append(value)
        if len(values) > self.connector.capabilities.max_in:
            return None
        return self._offered(Comparison(field=name, op=op, value=tuple(dict.fromkeys(values))))

    def _compare(self, side: exp.Expr, op: Operator, other: exp.Expr | None = None) -> Offer | None:
        name = self._field(side)
        if name is None:
            return None
        if other is None:
            return self._offered(Comparison(field=name, op=op))
        if op == "like" and not (
            isinstance(other, exp.Literal) and other.is_string and pa.types.is_string(self.types[name])
        ):
            return None
        found, value = self._value(other, name)
        if not found or value is None:
            return None
        return self._offered(Comparison(field=name, op=op, value=value))

    def _offered(self, comparison: Comparison) -> Offer | None:
        support = self.connector.supports(self.entity, comparison)
        if support is Pushdown.NONE:
            return None
        return Offer(comparison, support is Pushdown.EXACT)

    def _field(self, node: exp.Expr) -> str | None:
        node = node.unnest()
        if isinstance(node, exp.Column) and node.table == self.alias and node.name in self.types:
            return node.name
        return None

    def _value(self, node: exp.Expr, field: str) -> tuple[bool, Any]:
        """(True, value) where the expression is a constant that the field's type holds without loss."""
        if node.find(exp.Column, exp.Query):
            return False, None
        return constant(node, self.types[field])


def constant(node: exp.Expr, wanted: pa.DataType) -> tuple[bool, Any]:
    """(True, value) where a constant expression fits the type without loss, else (False, None)."""
    node = node.unnest()
    if isinstance(node, exp.Literal) and node.is_string:
        if pa.types.is_string(wanted):
            return True, node.this
        if not (pa.types.is_temporal(wanted) or pa.types.is_boolean(wanted)):
            return False, None
        return True, TYPIST.constant(exp.cast(node.copy(), _temporal_name(wanted)), wanted)[0]
    try:
        value, type_ = TYPIST.constant(node)
    except QueryError:
        return False, None
    return fitted(value, type_, wanted)


def fitted(value: Any, type_: pa.DataType, wanted: pa.DataType) -> tuple[bool, Any]:
    """(True, value) as the type holds it without loss and as SQL would compare it, else (False, None)."""
    if value is None:
        return False, None
    if pa.types.is_string(wanted) or pa.types.is_boolean(wanted):
        same = pa.types.is_string(type_) if pa.types.is_string(wanted) else pa.types.is_boolean(type_)
        return same, value if same else None
    if isinstance(value, bool | str | bytes):
        return False, None
    if pa.types.is_integer(wanted):
        whole = isinstance(value, int) or (isinstance(value, Decimal | float) and value == int(value))
        return (True, int(value)) if whole and -(2**63) <= int(value) < 2**63 else (False, None)
    if pa.types.is_floating(wanted):
        if isinstance(value, int | float | Decimal) and math.isfinite(float(value)):
            return True, float(value)
        return False, None
    if pa.types.is_decimal(wanted):
        if isinstance(value, int | Decimal):
            return True, Decimal(value)
        return False, None
    if pa.types.is_date(wanted):
        if isinstance(value, dt.datetime):
            midnight = value.tzinfo is None and value.time() == dt.time()
            return (True, value.date()) if midnight else (False, None)
        return (True, value) if isinstance(value, dt.date) else (False, None)
    if pa.types.is_timestamp(wanted):
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            value = dt.datetime(value.year, value.month, value.day)
        if not isinstance(value, dt.datetime):
            return False, None
        if wanted.tz is None:
            return (True, value) if value.tzinfo is None else (False, None)
        return True, (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    return False, None


def _temporal_name(type_: pa.DataType) -> str:
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_time(type_):
        return "time"
    return "timestamptz" if pa.types.is_timestamp(type_) and type_.tz else "timestamp"
