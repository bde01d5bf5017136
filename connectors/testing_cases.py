"""What the conformance kit asks of a connector, made from what it declares and from the rows that it must deliver.

Parts of `groundwire.connectors.testing`, which is what to import.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa

from groundwire.connectors.testing_oracle import absent
from groundwire.core import connector as protocols
from groundwire.core.catalog import Entity
from groundwire.core.connector import (
    Aggregate,
    AggregateFunction,
    And,
    ChangedSince,
    Comparison,
    Connector,
    Operator,
    Or,
    Predicate,
    Pushdown,
)

if TYPE_CHECKING:
    from groundwire.connectors.testing import Kit

OPTIONAL = (
    protocols.Acting,
    protocols.ChangedSince,
    protocols.ChangeEvents,
    protocols.Checksums,
    protocols.Deletions,
    protocols.Describing,
    protocols.PartlyTracked,
    protocols.Profiling,
    protocols.QueryPushdown,
    protocols.Recalling,
    protocols.SourceClock,
)
"""What a connector declares by having the methods."""


def halves(connector: Connector) -> Iterator[tuple[str, list[str], list[str]]]:
    """Of each optional protocol that is there in part only, its name, the methods that are there, and the others."""
    for protocol in OPTIONAL:
        methods = [name for name in vars(protocol) if not name.startswith("_")]
        there = [name for name in methods if hasattr(connector, name)]
        if there and len(there) < len(methods):
            yield protocol.__name__, there, [name for name in methods if name not in there]


def alike(table: pa.Table, entity: Entity) -> pa.Table:
    """The columns that are fields of the same name and type."""
    types = {f.name: f.type for f in entity.fields}
    return table.select([c.name for c in table.schema if types.get(c.name) == c.type])


def twice(kit: Kit, entity: Entity) -> Iterator[Predicate]:
    """Two comparisons of the same kind with one field, each of which the connector takes exactly."""
    for owner, one, values in kit.fields():
        if owner is entity and len(values) > 2:
            pairs: list[tuple[Operator, Any, Any]] = [
                ("=", values[0], values[1]),
                ("in", tuple(values[:2]), tuple(values[1:3])),
                (">=", values[0], values[1]),
                (">=", values[1], values[0]),
            ]
            for op, *both in pairs:
                terms = tuple(Comparison(field=one.name, op=op, value=value) for value in both)
                if all(kit.support(entity, term) is Pushdown.EXACT for term in terms):
                    yield And(terms)


def picked(kit: Kit, entity: Entity) -> Predicate | None:
    """Records by their keys, as a sync picks them: two, or one where that takes an OR that the connector does not take.

    None where the rows have no whole key.
    """
    table = kit.oracle.rows[entity.name]
    if not set(entity.primary_key) <= set(table.column_names):
        return None
    keys = kit.oracle.select(entity.name, entity.primary_key, None)[:2]
    if len(entity.primary_key) == 1:
        values = tuple(key[0] for key in keys)
        return Comparison(field=entity.primary_key[0], op="in", value=values) if values else None
    each = [
        And(tuple(Comparison(field=n, op="=", value=v) for n, v in zip(entity.primary_key, key, strict=True)))
        for key in keys
    ]
    if not each:
        return None
    return Or(tuple(each)) if len(each) > 1 and kit.connector.capabilities.boolean else each[0]


def since(kit: Kit, entity: Entity, cursor: str) -> Predicate | None:
    """What has changed since the cursor had one of its values; None where no row has one."""
    table = kit.oracle.rows[entity.name]
    if cursor not in table.column_names:
        return None
    values = sorted(table.column(cursor).drop_null().to_pylist())
    if not values:
        return None
    value = values[len(values) // 2]
    if isinstance(kit.connector, ChangedSince):
        return kit.connector.changed_since(entity, cursor, value)
    later = Comparison(field=cursor, op=">=", value=value)
    return Or((later, Comparison(field=cursor, op="is null"))) if entity.field(cursor).nullable else later


def never_true(kit: Kit, entity: Entity) -> list[Comparison]:
    """A comparison that no row passes, if the connector takes one exactly."""
    known = {f.name: values for owner, f, values in kit.fields() if owner is entity}
    for comparison in kit.exact(entity):
        nothing = absent(entity.field(comparison.field).type, known[comparison.field], 1)
        if comparison.op == "in" and nothing:
            never = Comparison(field=comparison.field, op="in", value=tuple(nothing))
            if kit.support(entity, never) is Pushdown.EXACT:  # a text need not be an id
                return [never]
    return []


def aggregates(kit: Kit, entity: Entity, rows: pa.Table) -> Iterator[Aggregate]:
    """Every aggregate that makes sense and that the connector declares."""
    asked: list[tuple[AggregateFunction, str | None]] = [("count", None)]
    for one in rows.schema:
        number = pa.types.is_integer(one.type) or pa.types.is_decimal(one.type) or pa.types.is_floating(one.type)
        ordered = not (pa.types.is_boolean(one.type) or pa.types.is_binary(one.type))
        for function in get_args(AggregateFunction):
            if number or function.startswith("count") or (ordered and function in ("min", "max")):
                asked.append((function, one.name))
    for number_, (function, name) in enumerate(asked):
        aggregate = Aggregate(function=function, field=name, alias=f"a{number_}")
        if function in kit.connector.capabilities.aggregates and kit.connector.aggregates(entity, aggregate):
            yield aggregate
