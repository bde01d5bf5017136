"""Predicates in a form that many APIs take: NOT pushed down to the comparisons, flat conjunctions, lists of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.core.connector import And, Comparison, Not, Operator, Or, Predicate

OPPOSITE: Mapping[Operator, Operator] = {
    "=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
    "in": "not in", "not in": "in", "is null": "is not null", "is not null": "is null",
}  # fmt: skip
"""What is true where the other is false, and null where it is null; LIKE has none."""


def without_not(predicate: Predicate) -> Predicate:
    """The same predicate with NOT only before LIKE (De Morgan's laws hold in three-valued logic too)."""
    if isinstance(predicate, And | Or):
        return type(predicate)(tuple(without_not(t) for t in predicate.terms))
    return _negated(predicate.term) if isinstance(predicate, Not) else predicate


def _negated(predicate: Predicate) -> Predicate:
    if isinstance(predicate, Not):
        return without_not(predicate.term)
    if isinstance(predicate, And):
        return Or(tuple(_negated(t) for t in predicate.terms))
    if isinstance(predicate, Or):
        return And(tuple(_negated(t) for t in predicate.terms))
    if predicate.op not in OPPOSITE:
        return Not(predicate)
    return Comparison(field=predicate.field, op=OPPOSITE[predicate.op], value=predicate.value)


def comparisons(predicate: Predicate | None) -> Iterator[Comparison]:
    """Every comparison in a predicate."""
    if isinstance(predicate, Comparison):
        yield predicate
    elif isinstance(predicate, Not):
        yield from comparisons(predicate.term)
    elif predicate is not None:
        for term in predicate.terms:
            yield from comparisons(term)


def conjunction(predicate: Predicate | None) -> list[Comparison] | None:
    """The comparisons that must all be true; None where the predicate is more than that."""
    if predicate is None:
        return []
    if isinstance(predicate, Comparison):
        return [predicate]
    if isinstance(predicate, And):
        parts = [conjunction(t) for t in predicate.terms]
        return None if any(p is None for p in parts) else [c for p in parts if p is not None for c in p]
    return None


def values_of(comparison: Comparison) -> tuple[Any, ...]:
    """What is compared with: the values of a list, one value, or none for the null tests."""
    if comparison.op in ("is null", "is not null"):
        return ()
    return comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
