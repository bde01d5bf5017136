"""Predicates as HubSpot searches: groups of filters, few and small.

A search takes 5 groups of 6 filters, 18 in all, and a body of 3,000 characters; the filter on ids by which pages go
on takes one in each group. A predicate that needs more becomes several searches, or a looser one whose records
are sifted.

Source: HubSpot developer documentation, "Search the CRM".
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from groundwire.connectors.conditions import comparisons, without_not
from groundwire.core.connector import And, Comparison, Not, Or, Predicate

PAGE = 200
LONGEST_TEXTS = 1_500
"""Characters of the texts in one list."""
_GROUPS, _FILTERS, _IN_ALL, _BODY = 5, 6, 18, 3_000
_MOST_GROUPS = 40
"""Groups of one predicate above which it is asked for more loosely."""
_OPERATORS = {"=": "EQ", "!=": "NEQ", "<": "LT", "<=": "LTE", ">": "GT", ">=": "GTE", "in": "IN", "not in": "NOT_IN"}
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "number": (int, float, Decimal),
    "bool": (bool,),
    "date": (dt.date,),
    "datetime": (dt.datetime,),
}

Filter = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Search:
    """One search.

    Attributes:
        groups: of filters; any group, and in it every filter, must be true. No groups: every record.
        exact: False where it finds records too many.
        fields: what sifting them needs.
    """

    groups: tuple[tuple[Filter, ...], ...]
    exact: bool = True
    fields: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The filters without their values."""
        return " or ".join(" and ".join(f"{f['propertyName']} {f['operator']}" for f in g) for g in self.groups)

    def body(self, names: Sequence[str], size: int, last: int) -> tuple[dict[str, Any], bool]:
        """The request for records above an id, and whether it asks for all the properties."""
        above = {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)}
        body = {
            "filterGroups": [{"filters": [*g, above]} for g in self.groups or ((),)],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(dict.fromkeys(names)),
            "limit": size,
        }
        whole = len(json.dumps(body)) <= _BODY
        return (body, True) if whole else ({**body, "properties": []}, False)


def comparable(value: Any, kind: str) -> bool:
    """Whether a filter can hold this value exactly."""
    if isinstance(value, bool) != (kind == "bool") or not isinstance(value, _PYTHON[kind]):
        return False
    if isinstance(value, dt.datetime):
        return kind == "datetime" and value.tzinfo is not None and value.microsecond % 1000 == 0
    return not isinstance(value, float) or math.isfinite(value)


def searches(where: Predicate, kinds: Mapping[str, str]) -> list[Search]:
    """The searches that find every record for which the predicate is true.

    Args:
        kinds: type of every property.
    """
    names = tuple(dict.fromkeys(c.field for c in comparisons(where)))
    groups = _groups(without_not(where))
    exact = groups is not None
    if groups is None:
        groups = [[]]
    parts: list[tuple[Filter, ...]] = []
    for group in groups:
        filters = [f for c in group for f in _filters(c, kinds)]
        exact = exact and len(filters) < _FILTERS
        parts.append(tuple(filters[: _FILTERS - 1]))
    exact = exact and all(_length(p) < _BODY // 2 for p in parts)
    found = []
    for packed in _packed([p if _length(p) < _BODY // 2 else p[:1] for p in parts]):
        found.append(Search(groups=packed, exact=exact, fields=names))
    return found


def _packed(groups: Sequence[tuple[Filter, ...]]) -> Iterator[tuple[tuple[Filter, ...], ...]]:
    """As many groups in each search as it takes."""
    now: list[tuple[Filter, ...]] = []
    for group in groups:
        filters = sum(len(g) + 1 for g in [*now, group])
        if now and (len(now) == _GROUPS or filters > _IN_ALL or sum(map(_length, [*now, group])) > _BODY // 2):
            yield tuple(now)
            now = []
        now.append(group)
    yield tuple(now)


def _length(group: Sequence[Filter]) -> int:
    return len(json.dumps(group))


def _groups(predicate: Predicate) -> list[list[Comparison]] | None:
    """The predicate as alternatives of conjunctions; None where they are too many."""
    if isinstance(predicate, Or):
        parts = [_groups(t) for t in predicate.terms]
        found = None if any(p is None for p in parts) else [g for p in parts if p is not None for g in p]
    elif isinstance(predicate, And):
        parts = [_groups(t) for t in predicate.terms]
        known = [p for p in parts if p is not None]
        if len(known) < len(parts) or math.prod(map(len, known)) > _MOST_GROUPS:
            return None
        found = [list(itertools.chain.from_iterable(choice)) for choice in itertools.product(*known)]
    else:
        found = None if isinstance(predicate, Not) else [[predicate]]
    return None if found is None or len(found) > _MOST_GROUPS else found


def _filters(c: Comparison, kinds: Mapping[str, str]) -> list[Filter]:
    """A comparison as filters; a negated one also wants a value, since null is not "another value" to SQL."""
    kind = kinds[c.field]
    known = {"propertyName": c.field, "operator": "HAS_PROPERTY"}
    if c.op in ("is null", "is not null"):
        return [{**known, "operator": "NOT_HAS_PROPERTY"} if c.op == "is null" else known]
    one: dict[str, Any] = {"propertyName": c.field, "operator": _OPERATORS[c.op]}
    if isinstance(c.value, tuple):
        values = [_written(v, kind) for v in c.value]
        # lists of text are compared in small letters
        one["values"] = [v.lower() for v in values] if kind not in _PYTHON else values
    else:
        one["value"] = _written(c.value, kind)
    return [one, known] if c.op in ("!=", "not in") else [one]


def _written(value: Any, kind: str) -> str:
    if kind == "datetime":
        return str(round(value.timestamp() * 1000))
    if kind == "bool":
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def is_true(predicate: Predicate, value_of: Callable[[str], Any]) -> bool:
    """Whether a predicate is true, and neither false nor null, for a record."""
    return _truth(without_not(predicate), value_of) is True


def _truth(predicate: Predicate, value_of: Callable[[str], Any]) -> bool | None:
    if isinstance(predicate, And | Or):
        truths = [_truth(t, value_of) for t in predicate.terms]
        decisive = isinstance(predicate, Or)
        return decisive if decisive in truths else None if None in truths else not decisive
    if isinstance(predicate, Not):
        inner = _truth(predicate.term, value_of)
        return None if inner is None else not inner
    value = value_of(predicate.field)
    if predicate.op in ("is null", "is not null"):
        return (value is None) == (predicate.op == "is null")
    return None if value is None else _COMPARE[predicate.op](value, predicate.value)


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}
