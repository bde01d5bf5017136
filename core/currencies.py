"""Sums that would add amounts of several currencies, as the reader of an answer should know.

Nothing is converted and nothing refused here: an amount stays what its record says. Where a field's currency is told by
another field of the record (`Field.currency`), a sum or mean of it says something only for records of one currency.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from groundwire.core.catalog import Entity


def notes(tree: exp.Expr) -> list[str]:
    """What to say of a bound query.

    Args:
        tree: its tables know their entities.

    Returns:
        a sentence for every sum or mean over a field whose currency the query neither groups by nor fixes.
    """
    found: dict[str, None] = {}
    for select in tree.find_all(exp.Select):
        entities = dict(_entities(select))
        for aggregate in select.find_all(exp.Sum, exp.Avg):
            if aggregate.parent_select is not select:
                continue
            for column in aggregate.find_all(exp.Column):
                entity = entities.get(column.table.lower())
                code = _code(entity, column.name)
                if entity is not None and code and not _one_currency(select, aggregate, column.table, code):
                    what = "adds" if isinstance(aggregate, exp.Sum) else "averages"
                    found[
                        f"{what} {column.name} of {entity.name} in whatever currencies: group by {code} or choose one"
                    ] = None
    return list(found)


def _entities(select: exp.Select) -> Iterator[tuple[str, Entity]]:
    joins = select.args.get("joins") or ()
    for part in (select.args.get("from_"), *joins):
        table = part.this if part is not None else None
        if isinstance(table, exp.Table) and isinstance(table.meta.get("entity"), Entity):
            yield table.alias_or_name.lower(), table.meta["entity"]


def _code(entity: Entity | None, name: str) -> str:
    """The field that tells a field's currency, where there may be several; empty otherwise."""
    field = entity.find_field(name) if entity is not None else None
    if entity is None or field is None or not field.currency:
        return ""
    told = entity.find_field(field.currency)
    return told.name if told is not None and (len(told.values) != 1 or told.sampled) else ""


def _one_currency(select: exp.Select, aggregate: exp.Expr, table: str, code: str) -> bool:
    if any(_is(key, table, code) for key in _keys(select)):
        return True
    window = aggregate.find_ancestor(exp.Window, exp.Select)
    if isinstance(window, exp.Window) and any(_is(k, table, code) for k in window.args.get("partition_by") or ()):
        return True
    filtered = aggregate.find_ancestor(exp.Filter, exp.Select)
    conditions = [select.args.get("where")]
    if isinstance(filtered, exp.Filter):
        conditions.append(filtered.expression)
    return any(_fixed(term, table, code) for c in conditions if c is not None for term in _terms(c.this))


def _keys(select: exp.Select) -> Iterator[exp.Expr]:
    """What is grouped by, with ordinals and names of outputs as what they stand for."""
    group = select.args.get("group")
    if group is None:
        return
    outputs = select.expressions
    if group.args.get("all"):
        yield from (e.unalias() for e in outputs)
    for key in group.expressions:
        if isinstance(key, exp.Literal) and not key.is_string and 0 < int(key.this) <= len(outputs):
            yield outputs[int(key.this) - 1].unalias()
        elif isinstance(key, exp.Column) and not key.table:
            yield from (e.unalias() for e in outputs if e.alias_or_name.lower() == key.name.lower())
        else:
            yield key


def _is(node: exp.Expr, table: str, code: str) -> bool:
    return isinstance(node, exp.Column) and (node.table.lower(), node.name.lower()) == (table.lower(), code.lower())


def _terms(condition: exp.Expr) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _terms(condition.this)
        yield from _terms(condition.expression)
    else:
        yield condition


def _fixed(term: exp.Expr, table: str, code: str) -> bool:
    """The term lets one currency pass."""
    if isinstance(term, exp.EQ):
        sides = (term.this, term.expression)
        return any(_is(a, table, code) and isinstance(b, exp.Literal) for a, b in (sides, sides[::-1]))
    return isinstance(term, exp.In) and _is(term.this, table, code) and len(term.expressions) == 1
