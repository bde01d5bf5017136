"""Scans as SOQL.

SOQL's `!=`, `NOT` and comparisons match null or know no null, so null tests are added where SQL's meaning wants them.
Names come from Salesforce's own metadata and are checked by the caller; this module writes values, which can't end
their quotes.

Source: SOQL and SOSL Reference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from groundwire.connectors.conditions import without_not
from groundwire.core.connector import Aggregate, And, Comparison, Not, Or, Predicate, Scan


def soql(scan: Scan) -> tuple[str, str]:
    """A scan as SOQL, and the same with `?` for every value."""
    return _statement(scan, literal), _statement(scan, lambda _: "?")


def _statement(scan: Scan, write: Callable[[Any], str]) -> str:
    if scan.aggregates or scan.group_by:
        # two paths may end in the same name, so every key gets a name of its own
        items = [f"{path} {group_label(i)}" for i, path in enumerate(scan.group_by)]
        items += [_aggregate(a) for a in scan.aggregates]
    else:
        items = list(scan.fields)
    text = f"SELECT {', '.join(items)} FROM {scan.entity.name}"
    if scan.where is not None:
        text += f" WHERE {condition(scan.where, write)}"
    if scan.group_by:
        text += f" GROUP BY {', '.join(scan.group_by)}"
    if scan.order:
        keys = (
            f"{o.field} {'DESC' if o.descending else 'ASC'} NULLS {'FIRST' if o.nulls_first else 'LAST'}"
            for o in scan.order
        )
        text += f" ORDER BY {', '.join(keys)}"
    if scan.limit is not None:
        text += f" LIMIT {scan.limit}"
    return text


def group_label(index: int) -> str:
    """The name of a grouped column in the answer."""
    return f"gw_key{index}"


def _aggregate(aggregate: Aggregate) -> str:
    return f"{aggregate.function.upper()}({aggregate.field or 'Id'}) {aggregate.alias}"


def condition(predicate: Predicate, write: Callable[[Any], str]) -> str:
    """A predicate as SOQL with SQL's meaning: SOQL's own NOT matches null."""
    return _condition(without_not(predicate), write)


def _condition(predicate: Predicate, write: Callable[[Any], str]) -> str:
    if isinstance(predicate, And | Or):
        word = " AND " if isinstance(predicate, And) else " OR "
        return "(" + word.join(_condition(t, write) for t in predicate.terms) + ")"
    if isinstance(predicate, Not):
        assert isinstance(predicate.term, Comparison)
        return f"((NOT {_comparison(predicate.term, write)}) AND {predicate.term.field} != null)"
    return _comparison(predicate, write)


def _comparison(c: Comparison, write: Callable[[Any], str]) -> str:
    if c.op in ("is null", "is not null"):
        return f"{c.field} {'=' if c.op == 'is null' else '!='} null"
    if isinstance(c.value, bool):
        return f"{c.field} = {write(c.value is (c.op == '='))}"
    if c.op == "in" and not c.value:
        return f"({c.field} = null AND {c.field} != null)"
    if c.op == "not in" and not c.value:
        return f"{c.field} != null"
    if c.op in ("in", "not in"):
        text = f"{c.field} {c.op.upper()} ({', '.join(write(v) for v in c.value)})"
        return text if c.op == "in" else f"({text} AND {c.field} != null)"
    if c.op == "like":
        return f"{c.field} LIKE {write(c.value)}"
    text = f"{c.field} {c.op} {write(c.value)}"
    return f"({text} AND {c.field} != null)" if c.op in ("!=", "<", "<=") else text


_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"'}


def literal(value: Any) -> str:
    """A value as a SOQL literal; text can't end its quotes."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        return _plain(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    return "'" + "".join(_ESCAPES.get(c, c) for c in str(value)) + "'"


def _plain(value: Decimal) -> str:
    """A number without an exponent, which SOQL does not know; a whole one of many digits as a decimal."""
    text = format(value, "f")
    return text if "." in text or len(text) <= 18 else f"{text}.0"
