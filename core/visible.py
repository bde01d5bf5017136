"""Queries kept to what their asker may see, before anything is planned.

A query is bound to the restricted catalog, so what is hidden can't be named in it. Then every table of an
entity of which records or values are hidden is replaced, wherever it stands, in one of two ways:

- by itself with the policy's condition beside it (in WHERE, or in the ON of its outer join), so that the source goes on
  doing all it can. Only where nothing in the query can fail over a record that is hidden, no masked value is
  used, and the source checks the condition exactly as SQL would;
- by a *view*: its visible records with their masks, read and computed before the rest of the query begins. This is the
  barrier that databases leave to their optimizers: a cast that fails, or a join by a masked key, meets
  visible values only.

Both give what the query would give if the hidden part did not exist. Which one is chosen costs time, never secrecy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
from sqlglot import exp

from groundwire.core import joins
from groundwire.core.binder import Bound, entity_tables
from groundwire.core.catalog import Entity
from groundwire.core.connector import Connector
from groundwire.core.errors import PolicyError, QueryError
from groundwire.core.masks import Mask
from groundwire.core.policy import VISIBLE, EntityRight, Rights, visible_select
from groundwire.core.predicates import Translator, columns_of, conjuncts, constant
from groundwire.core.schema import TYPIST

Readers = Callable[[Entity], Iterable[tuple[Connector, Entity]]]


@dataclass(frozen=True, kw_only=True)
class View:
    """The visible records of one entity, as a table of their own.

    Attributes:
        name: of the table.
        right: what may be seen.
        query: reads the records, masked values still unmasked, over entities as they are.
        masks: by column.
        schema: of the table, masked.
    """

    name: str
    right: EntityRight
    query: exp.Select
    masks: Mapping[str, Mask]
    schema: pa.Schema


@dataclass(frozen=True, kw_only=True)
class Visible:
    """A query over what its asker may see.

    Attributes:
        bound: over entities as they are, and views.
        schema: columns of the result.
        views: to be computed first.
        rights: whose.
        limited: full names of entities of which something that this query could touch is hidden.
    """

    bound: Bound
    schema: pa.Schema
    views: tuple[View, ...] = ()
    rights: Rights
    limited: frozenset[str] = frozenset()


def restricted(bound: Bound, rights: Rights, readers: Readers) -> Visible:
    """Keep a query to what may be seen.

    Args:
        bound: to the restricted catalog; stays as it is.
        rights: of the asker.
        readers: who may come to read an entity, and as which entity: its source, and a copy.

    Raises:
        QueryError: types don't fit.
        PolicyError: an entity stands where nothing is known to keep it to that: a defect, found before it is one.
    """
    schema = TYPIST.schema(bound.tree, bound.sql())
    rewriter = _Rewriter(rights, readers, _Total(bound.tree).holds())
    tree = bound.tree.copy()
    taken = {c.alias.lower() for c in tree.find_all(exp.CTE)}
    rewriter.names = (n for n in (f"visible_{i}" for i in range(1_000_000)) if n not in taken)
    for select in list(tree.find_all(exp.Select)):
        rewriter.select(select)
    for table in entity_tables(tree):
        if table.meta["entity"] is not rights.entities[table.meta["entity"].full_name].entity:
            raise PolicyError(f"{table.meta['entity'].full_name} stands where it can't be kept to what may be seen")
    clock = bound.reads_clock or rewriter.reads_clock
    return Visible(
        bound=replace(bound, tree=tree, reads_clock=clock),
        schema=schema,
        views=tuple(rewriter.views),
        rights=rights,
        limited=frozenset(rewriter.limited),
    )


@dataclass
class _Rewriter:
    rights: Rights
    readers: Readers
    is_total: bool
    names: Iterator[str] = field(default_factory=lambda: iter(()))
    views: list[View] = field(default_factory=list)
    limited: set[str] = field(default_factory=set)
    reads_clock: bool = False

    def select(self, select: exp.Select) -> None:
        """Replace the tables of one SELECT, in place."""
        replaced = []
        for table in [t for t in _tables(select) if "entity" in t.meta]:
            right = self.rights.entities[table.meta["entity"].full_name]
            used = _used(select, table, right)
            plain = all(right.is_plain(name) for name in used)
            if right.rows is None and plain:
                table.meta["entity"] = right.entity
                continue
            self.limited.add(right.entity.full_name)
            condition = self._beside(select, right, table.alias) if plain else None
            if condition is None:
                # conditions are taken from the SELECT as it was asked, so tables are replaced at the end
                replaced.append((table, self._view(select, table, right, used)))
            else:
                self._place(select, table, condition)
                table.meta["entity"] = right.entity
        for table, view in replaced:
            alias = table.args["alias"].copy()
            table.replace(exp.Table(this=exp.to_identifier(view.name, quoted=True), alias=alias))

    # -- the condition beside the entity -------------------------------------------------------

    def _beside(self, select: exp.Select, right: EntityRight, alias: str) -> exp.Expr | None:
        """The policy's condition over a table of that alias, where this is as good as a view; else None."""
        if not self.is_total or any(joins.is_other(j) for j in joins.joins_of(select)):
            return None
        found, reads_clock = visible_select(right.entity, [], right.rows, self.rights.whole)
        condition = found.args["where"].this
        if found.args.get("joins") or condition.find(exp.Query):
            return None
        for connector, entity in self.readers(right.entity):
            types = {f.name: f.type for f in entity.fields}
            if not Translator(entity, connector, VISIBLE, types).translate(conjuncts(condition))[1]:
                return None
        self.reads_clock |= reads_clock
        return _renamed(condition, VISIBLE, alias)

    @staticmethod
    def _place(select: exp.Select, table: exp.Table, condition: exp.Expr) -> None:
        own = next((j for j in joins.joins_of(select) if j.this is table), None)
        if own is None or not joins.is_left(own):
            select.where(condition, copy=False)
            return
        own.set("on", exp.and_(own.args.get("on"), condition, copy=False))
        own.meta.pop("path", None)  # a source that follows the path itself would leave the condition out

    # -- views ---------------------------------------------------------------------------------

    def _view(self, select: exp.Select, table: exp.Table, right: EntityRight, used: list[str]) -> View:
        columns = used or [next((n for n in right.fields if right.is_plain(n)), next(iter(right.fields)))]
        query, reads_clock = visible_select(
            right.entity, [_column(n, right) for n in columns], right.rows, self.rights.whole
        )
        for condition in joins.conditions_for(select, table):
            if self._may_come_first(condition, table, right):
                query.where(_renamed(condition, table.alias, VISIBLE), copy=False)
        masks = {n: m for n in columns if (m := right.fields[n].mask) is not None}
        same = next((v for v in self.views if v.query == query and v.masks == masks), None)
        if same is not None:
            return same
        schema = pa.schema([pa.field(n, right.shown.field(n).type) for n in columns])
        view = View(name=next(self.names), right=right, query=query, masks=masks, schema=schema)
        self.views.append(view)
        self.reads_clock |= reads_clock
        return view

    @staticmethod
    def _may_come_first(condition: exp.Expr, table: exp.Table, right: EntityRight) -> bool:
        """Whether the asker's condition can be checked together with the policy's: it can't fail, nor see too much."""
        if condition.find(exp.Query) or not all(right.is_plain(c.name) for c in columns_of(condition, table.alias)):
            return False
        return _Total(exp.Where(this=condition.copy()), {table.alias: right.shown}).holds()


def _column(name: str, right: EntityRight) -> exp.Expr:
    column: exp.Expr = exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(VISIBLE, quoted=True))
    where = right.fields[name].where
    if where is not None:
        column = exp.Case(ifs=[exp.If(this=where.copy(), true=column)])
    return exp.alias_(column, name, quoted=True)


def _used(select: exp.Select, table: exp.Table, right: EntityRight) -> list[str]:
    """Fields of this table that the SELECT touches, subqueries included; a name too many where they reuse its alias."""
    return list(dict.fromkeys(c.name for c in columns_of(select, table.alias) if c.name in right.fields))


def _renamed(condition: exp.Expr, old: str, new: str) -> exp.Expr:
    made = exp.Paren(this=condition.copy())
    for column in columns_of(made, old):
        column.set("table", exp.to_identifier(new, quoted=True))
    return made


def _tables(select: exp.Select) -> list[exp.Table]:
    from_ = select.args.get("from_")
    nodes = ([from_.this] if from_ is not None else []) + [j.this for j in joins.joins_of(select)]
    return [n for n in nodes if isinstance(n, exp.Table)]


# -- what can't fail -----------------------------------------------------------------------------

_FRAME = (
    exp.Select,
    exp.SetOperation,
    exp.Subquery,
    exp.With,
    exp.CTE,
    exp.From,
    exp.Join,
    exp.Where,
    exp.Group,
    exp.Having,
    exp.Qualify,
    exp.Order,
    exp.Ordered,
    exp.Limit,
    exp.Offset,
    exp.Distinct,
    exp.Table,
    exp.TableAlias,
    exp.Alias,
    exp.Column,
    exp.Identifier,
    exp.Star,
    exp.Literal,
    exp.Boolean,
    exp.Null,
    exp.Paren,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Is,
    exp.Exists,
    exp.Count,
    exp.Min,
    exp.Max,
    exp.Sum,
    exp.Avg,
    exp.Filter,
)
"""What computes nothing that could fail, whatever the values."""

_COMPARED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)

_SHORT = 9
"""Digits of a number that any numeric type can be compared with."""


class _Total:
    """Whether a query can be computed over any records at all: no value makes it fail.

    A source or DuckDB may compute conditions in any order, so one that fails for a hidden record would tell of it.
    What only the output of the outermost SELECT computes is computed after all conditions, and may be anything.

    Args:
        tree: a bound query or condition.
        entities: by alias, for a condition that stands alone.
    """

    def __init__(self, tree: exp.Expr, entities: Mapping[str, Entity] | None = None) -> None:
        self.tree = tree
        self.entities: dict[str, Entity | None] = dict(entities or {})
        for table in entity_tables(tree):
            known = self.entities.get(table.alias, table.meta["entity"])
            # one alias for two entities, in SELECTs that do not see each other: neither is known
            self.entities[table.alias] = table.meta["entity"] if known is table.meta["entity"] else None

    def holds(self) -> bool:
        """True where nothing can fail."""
        stack, free = [self.tree], self._free()
        while stack:
            node = stack.pop()
            if id(node) in free:
                free.discard(id(node))
                stack += list(node.find_all(exp.Query))
                continue
            inside = self._inside(node)
            if inside is None:
                return False
            stack += inside
        return True

    def _free(self) -> set[int]:
        """What the outermost SELECT computes when all conditions have been checked."""
        tree = self.tree
        if not isinstance(tree, exp.Select) or tree.args.get("with_") or tree.args.get("having"):
            return set()
        roots = list(tree.expressions)
        for part in ("group", "order"):
            if tree.args.get(part) is not None:
                roots += tree.args[part].expressions
        return {id(root) for root in roots}

    def _inside(self, node: exp.Expr) -> Sequence[exp.Expr] | None:
        """What is left to look at below a node that can't fail itself; None where it can."""
        if isinstance(node, _COMPARED):
            return [] if self._comparable(node.left, node.right) else None
        if isinstance(node, exp.Between):
            both = (node.args["low"], node.args["high"])
            return [] if all(self._comparable(node.this, side) for side in both) else None
        if isinstance(node, exp.Like):
            literal = isinstance(node.expression, exp.Literal) and node.expression.is_string
            return [] if literal and self._comparable(node.this, node.expression) else None
        if isinstance(node, exp.In):
            query = node.args.get("query")
            if query is not None:
                inner = query.this if isinstance(query, exp.Subquery) else query
                if not isinstance(inner, exp.Select) or len(inner.expressions) != 1:
                    return None
                return [inner] if self._comparable(node.this, inner.expressions[0].unalias()) else None
            return [] if all(self._comparable(node.this, item) for item in node.expressions) else None
        if isinstance(node, exp.Sum | exp.Avg):
            type_ = self._type(node.this)
            return [] if type_ is not None and _is_number(type_) else None
        if isinstance(node, exp.Is):
            return [node.this] if isinstance(node.expression, exp.Null) or self._is_condition(node.this) else None
        if isinstance(node, exp.Not | exp.And | exp.Or | exp.Where | exp.Having | exp.Qualify):
            children = list(node.iter_expressions())
            return children if all(self._is_condition(c) for c in children) else None
        if isinstance(node, exp.Join) and node.args.get("on") is not None and not self._is_condition(node.args["on"]):
            return None
        return list(node.iter_expressions()) if isinstance(node, _FRAME) else None

    def _is_condition(self, node: exp.Expr) -> bool:
        """Whether this is a truth value already; anything else would be made one, which may fail."""
        node = node.unnest()
        if isinstance(node, exp.Column):
            type_ = self._type(node)
            return type_ is not None and pa.types.is_boolean(type_)
        kinds = (*_COMPARED, exp.Between, exp.Like, exp.In, exp.Not, exp.And, exp.Or, exp.Is, exp.Exists, exp.Boolean)
        return isinstance(node, kinds)

    def _comparable(self, a: exp.Expr, b: exp.Expr) -> bool:
        """Whether two sides, at least one of them a field, are compared without a conversion that may fail."""
        here, there = self._type(a), self._type(b)
        if here is not None and there is not None:
            both = pa.types.is_integer(here) and pa.types.is_integer(there)
            return both or bool(here == there)
        if here is None and there is None:
            return False
        wanted, other = (here, b) if here is not None else (there, a)
        assert wanted is not None
        return _takes(wanted, other.unnest())

    def _type(self, node: exp.Expr) -> pa.DataType | None:
        """The type of a field; None for whatever else it is."""
        node = node.unnest()
        if not isinstance(node, exp.Column) or not node.table:
            return None
        entity = self.entities.get(node.table)
        found = entity.find_field(node.name) if entity is not None else None
        if found is not None:
            return found.type
        made = [s for s in self.tree.find_all(exp.Subquery) if s.alias == node.table]
        if len(made) != 1 or node.table in self.entities or not isinstance(made[0].this, exp.Select):
            return None
        items = [e for e in made[0].this.expressions if e.alias_or_name == node.name]
        return self._type(items[0].unalias()) if len(items) == 1 else None


def _takes(type_: pa.DataType, node: exp.Expr) -> bool:
    """Whether a constant can be compared with every value of a type."""
    if node.find(exp.Column, exp.Query):
        return False
    if isinstance(node, exp.Neg):
        node = node.this
    if isinstance(node, exp.Literal) and not node.is_string:
        return _is_number(type_) and len(node.this.replace(".", "")) <= _SHORT and node.this.replace(".", "").isdigit()
    if isinstance(node, exp.Literal):
        return bool(pa.types.is_string(type_)) or (_is_moment(type_) and _can_be(node, type_))
    if isinstance(node, exp.Boolean):
        return bool(pa.types.is_boolean(type_))
    return (
        isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and _is_moment(type_) and _can_be(node, type_)
    )


def _can_be(node: exp.Expr, type_: pa.DataType) -> bool:
    try:
        return constant(node, type_)[0]
    except QueryError:
        return False


def _is_moment(type_: pa.DataType) -> bool:
    return bool(pa.types.is_date(type_) or pa.types.is_timestamp(type_))


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))
