"""Predicates as Odoo's domains, in clauses that mean the same from Odoo 14 to 19.

What a clause finds among missing values depends on the version: `("n", "<", 5)` finds a number that was never set only
from 18 on, `!=` finds missing values everywhere, an empty text is a missing one from 18 on. So what is meant is always
written out. Stamps are kept in microseconds and told in whole seconds: only `>=` and `<` a whole second are ever sent.

Source: `odoo/osv/expression.py` (14 to 18), `odoo/orm/domains.py` (19).
"""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from groundwire.connectors.conditions import values_of, without_not
from groundwire.core.connector import And, Comparison, Or, Predicate, Pushdown

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SECOND = dt.timedelta(seconds=1)
_MARGIN = Decimal("0.000001")
"""An amount may be stored with the noise of its computation, which reading it rounds away."""
_FALSE = ["id", "=", 0]
_LONGEST_PATTERN = 1000


# -- what can be asked -----------------------------------------------------------------------


def support(field: Mapping[str, Any] | None, c: Comparison) -> Pushdown:
    """How faithfully a domain executes a comparison with this field, as `fields_get` describes it.

    Not at all for computed, translated and company-dependent fields: they are searched by rules of their own.
    """
    if field is None or not field.get("store", True) or field.get("translate") or field.get("company_dependent"):
        return Pushdown.NONE
    kind, values = field["type"], values_of(c)
    if kind == "boolean":
        told = c.op in ("=", "!=") and isinstance(c.value, bool)
        return Pushdown.EXACT if told else Pushdown.NONE
    if kind in ("char", "text"):
        return _text_support(c)
    if kind in ("selection", "many2one", "date", "datetime") and not values:
        return Pushdown.EXACT
    if kind == "selection":
        told = c.op in ("=", "!=", "in", "not in") and all(isinstance(v, str) and v and "\0" not in v for v in values)
        return Pushdown.EXACT if told else Pushdown.NONE
    if c.op == "like" or not values or not all(_comparable(v, kind) for v in values):
        return Pushdown.NONE
    if kind == "many2one":
        return Pushdown.EXACT if c.op in ("=", "!=", "in", "not in") else Pushdown.NONE
    if kind == "datetime":
        return Pushdown.NONE if c.op in ("in", "not in") else Pushdown.EXACT
    if kind == "monetary" or (kind == "float" and field.get("digits")):
        return Pushdown.LOOSE if c.op in ("=", "<", "<=", ">", ">=") else Pushdown.NONE
    return Pushdown.EXACT


def _text_support(c: Comparison) -> Pushdown:
    """Never exact: what is the opposite of equality would need missing and empty texts told apart."""
    values = values_of(c)
    if c.op == "is null":
        return Pushdown.LOOSE
    if c.op not in ("=", "in", "like") or not all(isinstance(v, str) and "\0" not in v for v in values):
        return Pushdown.NONE
    if c.op == "like" and (len(c.value) > _LONGEST_PATTERN or not c.value.strip("%_")):
        return Pushdown.NONE
    return Pushdown.LOOSE


def _comparable(value: Any, kind: str) -> bool:
    """Whether Odoo compares this value with that kind of field without changing it."""
    if isinstance(value, bool):
        return False
    if kind == "datetime":
        return isinstance(value, dt.datetime) and 1 < value.year < 9999
    if kind == "date":
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if kind in ("float", "monetary"):
        return isinstance(value, int | float | Decimal) and math.isfinite(value)
    least = 1 if kind == "many2one" else -(2**31)
    return kind in ("integer", "many2one") and isinstance(value, int) and least <= value < 2**31


# -- domains ---------------------------------------------------------------------------------


def domain(predicate: Predicate, fields: Mapping[str, Any], *, hide: bool = False) -> list[Any]:
    """A predicate as a domain in prefix form; `hide` writes `?` for every value."""
    return _domain(without_not(predicate), fields, hide)


def _domain(predicate: Predicate, fields: Mapping[str, Any], hide: bool) -> list[Any]:
    if isinstance(predicate, And | Or):
        parts = [_domain(t, fields, hide) for t in predicate.terms]
        return _joined("&" if isinstance(predicate, And) else "|", parts)
    assert isinstance(predicate, Comparison), "LIKE is loose, and nothing loose is ever negated"
    if hide:
        return [[predicate.field, predicate.op, "?"] if values_of(predicate) else [predicate.field, predicate.op]]
    return _clauses(predicate, fields[predicate.field]["type"], fields[predicate.field])


def _joined(sign: str, parts: list[list[Any]]) -> list[Any]:
    return [*[sign] * (len(parts) - 1), *(clause for part in parts for clause in part)]


def _either(*parts: list[Any]) -> list[Any]:
    return _joined("|", list(parts))


def _both(*parts: list[Any]) -> list[Any]:
    return _joined("&", list(parts))


def _clauses(c: Comparison, kind: str, field: Mapping[str, Any]) -> list[Any]:
    if c.op in ("is null", "is not null"):
        return [[c.field, "=" if c.op == "is null" else "!=", False]]
    if kind == "boolean":
        return [[c.field, "=" if c.value is (c.op == "=") else "!=", True]]
    if kind in ("char", "text"):
        if c.op == "like":  # a backslash is a letter in a predicate and an escape in a domain
            return [[c.field, "=like", c.value.replace("\\", "\\\\")]]
        return [[c.field, c.op, list(c.value) if c.op == "in" else c.value]]
    if kind == "datetime":
        return _moments(c)
    if kind == "monetary" or (kind == "float" and field.get("digits")):
        return _amounts(c)
    if kind in ("integer", "float") and c.field != "id":
        return _numbers(c)
    listed = [_wire(v) for v in values_of(c)]
    clause = [c.field, c.op, listed if c.op in ("in", "not in") else listed[0]]
    return _both([clause], [[c.field, "!=", False]]) if c.op in ("!=", "not in") and c.field != "id" else [clause]


def _numbers(c: Comparison) -> list[Any]:
    """A number that was never set is read as 0, so it fits where 0 does."""
    unset = [[c.field, "=", False]]
    beside_zero = _either([[c.field, "<", 0]], [[c.field, ">", 0]])
    if c.op in ("in", "not in"):
        some, zero = [_wire(v) for v in c.value if v != 0], any(v == 0 for v in c.value)
        listed = [[[c.field, c.op, some]]] if some else []
        if c.op == "in":
            return _either(*listed, *([[[c.field, "=", 0]], unset] if zero else []))
        return _both(*listed, beside_zero) if zero else _either(*listed, unset)
    if c.op == "!=" and c.value == 0:
        return beside_zero
    clause = [[c.field, c.op, _wire(c.value)]]
    return _either(clause, unset) if _COMPARE[c.op](0, c.value) else clause


def _amounts(c: Comparison) -> list[Any]:
    value = Decimal(str(c.value))
    above, below = float(value - _MARGIN), float(value + _MARGIN)
    parts = [[[c.field, ">=", above]]] if c.op in ("=", ">", ">=") else []
    parts += [[[c.field, "<=", below]]] if c.op in ("=", "<", "<=") else []
    clause = _both(*parts)
    return _either(clause, [[c.field, "=", False]]) if _COMPARE[c.op](0, value) else clause


def _moments(c: Comparison) -> list[Any]:
    """What is told in whole seconds compares with a moment as what is kept does with the second beside it."""
    moment = c.value.astimezone(dt.UTC)
    floor = moment.replace(microsecond=0)
    following = floor + _SECOND
    if c.op in ("=", "!="):
        if moment != floor:  # no stamp is told as this
            return [_FALSE] if c.op == "=" else [[c.field, "!=", False]]
        inside = [c.field, ">=", _wire(floor)], [c.field, "<", _wire(following)]
        outside = [c.field, "<", _wire(floor)], [c.field, ">=", _wire(following)]
        return _both(*([i] for i in inside)) if c.op == "=" else _either(*([o] for o in outside))
    bound = floor if moment == floor and c.op in ("<", ">=") else following
    return [[c.field, "<" if c.op in ("<", "<=") else ">=", _wire(bound)]]


def _wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")[:19]
    return value.isoformat() if isinstance(value, dt.date) else value
