"""Parts of a query as trees: conditions one by one, paths as a whole, values compared with, names of what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
from sqlglot import exp

from groundwire.agents import ways
from groundwire.core.catalog import Entity, Field
from groundwire.core.query import DIALECT, is_keyword


@dataclass(frozen=True, kw_only=True)
class Place:
    """A field where a query has it.

    Attributes:
        entity: whose field.
        field: which.
        way: the alias under which the bound query reaches the entity: one for each way to it.
    """

    entity: Entity
    field: Field
    way: str

    @property
    def name(self) -> str:
        """`crm.Account.Industry`."""
        return f"{self.entity.full_name}.{self.field.name}"

    @property
    def is_moment(self) -> bool:
        """Whether it is a date or a time."""
        return bool(pa.types.is_temporal(self.field.type))


def literal(value: object) -> exp.Expr:
    """A value of a cell as a query has it."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    number = isinstance(value, int | float | Decimal)
    return exp.Literal.number(str(value)) if number else exp.Literal.string(str(value))


def among(column: exp.Expr, values: Sequence[str], *, negated: bool) -> exp.Expr:
    """`column = 'a'` or `column IN ('a', 'b')`, or that it is none of them."""
    texts: list[exp.Expr] = [constant(v) for v in values]
    if len(texts) == 1:
        return (exp.NEQ if negated else exp.EQ)(this=column, expression=texts[0])
    found = exp.In(this=column, expressions=texts)
    return exp.Not(this=found) if negated else found


def constant(value: str) -> exp.Expr:
    if value in ("TRUE", "FALSE"):
        return exp.Boolean(this=value == "TRUE")
    return exp.Literal.string(value)


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions of which all must hold."""
    if isinstance(node, exp.And):
        yield from conjuncts(node.left)
        yield from conjuncts(node.right)
    elif isinstance(node, exp.Paren) and isinstance(node.this, exp.And | exp.Paren):
        yield from conjuncts(node.this)
    else:
        yield node.this if isinstance(node, exp.Paren) and not isinstance(node.this, exp.Or) else node


def paths(root: exp.Expr) -> Iterable[exp.Expr]:
    """Columns, with the whole of long paths, that name a field; stars are none."""
    for column in root.find_all(exp.Column):
        if not isinstance(column.this, exp.Star):
            yield whole_path(column)


def whole_path(column: exp.Expr | None) -> exp.Expr:
    """A column with what follows it in a long path."""
    assert column is not None
    node: exp.Expr = column
    while isinstance(node.parent, exp.Dot) and node.parent.this is node:
        node = node.parent
    return node


def key_of(node: exp.Expr) -> str:
    """A column as it is written, and how deep: the same text in a subquery may mean another field."""
    depth, above = 0, node.parent_select
    while above is not None:
        depth, above = depth + 1, above.parent_select
    return f"{max(depth, 1)} {node.sql(DIALECT).lower()}"


def sibling(node: exp.Expr, field: str) -> exp.Expr:
    """Another field of the same record."""
    made = node.copy()
    name = name_of(field)
    made.set("expression" if isinstance(made, exp.Dot) else "this", name)
    return made


def aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate over a group stands in it."""
    return ways.aggregates(node)


def label_for(entity: Entity) -> str:
    """A label for how many records there are."""
    return entity.name.split(".")[-1].lower().rstrip("_") or "records"


def output_name(item: exp.Expr) -> str:
    """How a column of the answer is called, in lower case."""
    name = item.alias_or_name
    return (name or item.unalias().sql(DIALECT)).lower()


def has_value(column: exp.Expr, value: object) -> exp.Expr:
    if value is None:
        return exp.Is(this=column, expression=exp.null())
    if isinstance(value, datetime):
        made: exp.Expr = exp.cast(exp.Literal.string(value.strftime("%Y-%m-%d %H:%M:%S.%f")), "timestamp")
    elif isinstance(value, date):
        made = exp.cast(exp.Literal.string(value.isoformat()), "date")
    else:
        made = literal(value)
    return exp.EQ(this=column, expression=made)


def name_of(text: str) -> exp.Identifier:
    """An identifier, in quotes where it needs them."""
    return exp.to_identifier(text, quoted=True if is_keyword(text) else None)
