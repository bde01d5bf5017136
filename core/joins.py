"""The joins of one SELECT: which are really inner, which stay in one database, which carry keys.

Rules of relational algebra and nothing else: no connector is asked anything here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from groundwire.core.predicates import aliases_of, columns_of, conjuncts, equal_columns, rejects_null

if TYPE_CHECKING:
    from groundwire.core.planner import Fragment

Origins = Mapping[tuple[int, str], tuple["Fragment", dict[str, str]]]
"""(id of a SELECT, alias in it) to the fragment read there and its columns by output name."""


@dataclass(frozen=True)
class Edge:
    """Rows of `driven` matter only where `driven_column` is among the values of `driver_column`."""

    driver: Fragment
    driver_column: str
    driven: Fragment
    driven_column: str


@dataclass(frozen=True)
class Grouped:
    """Tables of one database joined there: the query, and how its columns are called now."""

    query: exp.Select
    alias: str
    names: dict[tuple[str, str], str]
    base: exp.Table
    pushed: list[exp.Expr]


def joins_of(select: exp.Select) -> list[exp.Join]:
    """The joins of a SELECT, none if it has none."""
    return list(select.args.get("joins") or ())


def is_left(join: exp.Join) -> bool:
    """LEFT JOIN."""
    return join.side.upper() == "LEFT" and not is_other(join)


def is_other(join: exp.Join) -> bool:
    """Neither inner, cross nor LEFT: these keep their order and take no filters."""
    return (
        join.side.upper() in ("RIGHT", "FULL") or join.kind.upper() in ("SEMI", "ANTI") or bool(join.args.get("method"))
    )


def _has_other(select: exp.Select) -> bool:
    return any(is_other(j) for j in joins_of(select))


def simplify(select: exp.Select) -> None:
    """Turn every LEFT JOIN whose NULL rows can't survive into an inner one."""
    if _has_other(select):
        return
    changed = True
    while changed:
        changed = False
        enforced = conjuncts(select.args.get("where"))
        for join in joins_of(select):
            if not is_left(join):
                enforced += conjuncts(join.args.get("on"))
        for join in joins_of(select):
            if is_left(join) and any(rejects_null(c, join.this.alias_or_name) for c in enforced):
                join.set("side", None)
                join.set("kind", "INNER")
                changed = True


def conditions_for(select: exp.Select, table: exp.Table) -> list[exp.Expr]:
    """Conditions on this table alone that may be checked before it is joined."""
    if _has_other(select):
        return []
    alias = table.alias_or_name
    own = next((j for j in joins_of(select) if j.this is table), None)
    if own is not None and is_left(own):
        candidates = conjuncts(own.args.get("on"))
    else:
        candidates = conjuncts(select.args.get("where"))
        for join in joins_of(select):
            if not is_left(join):
                candidates += conjuncts(join.args.get("on"))
    return [c for c in candidates if aliases_of(c) == {alias}]


# -- keys from one fragment into another -----------------------------------------------------


def edges(select: exp.Select, origins: Origins) -> Iterator[Edge]:
    """Every way in which keys of one fragment bound the rows of another, in this SELECT."""
    if _has_other(select):
        return
    both = conjuncts(select.args.get("where"))
    for join in joins_of(select):
        if is_left(join):
            alias = join.this.alias_or_name
            for condition in conjuncts(join.args.get("on")):
                pair = equal_columns(condition)
                if pair is None:
                    continue
                here, there = pair if pair[1].table == alias else (pair[1], pair[0])
                if there.table == alias:
                    yield from _edge(select, here, there, origins)
        else:
            both += conjuncts(join.args.get("on"))
    for condition in both:
        pair = equal_columns(condition)
        if pair is not None:
            local = [_is_local(select, c.table) for c in pair]
            if all(local):
                yield from _edge(select, pair[0], pair[1], origins)
                yield from _edge(select, pair[1], pair[0], origins)
            elif any(local):
                inside, outside = pair if local[0] else (pair[1], pair[0])
                yield from _edge(select, outside, inside, origins)
                if _is_required_exists(select):
                    yield from _edge(select, inside, outside, origins)
        elif isinstance(condition, exp.In) and isinstance(condition.this, exp.Column):
            yield from _in_edges(select, condition, origins)


def _in_edges(select: exp.Select, condition: exp.In, origins: Origins) -> Iterator[Edge]:
    query = condition.args.get("query")
    inner = query.this if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Select) or len(inner.expressions) != 1:
        return
    column = inner.expressions[0].unalias()
    if isinstance(column, exp.Star):
        found = _only_fragment(inner, origins)
        if found is not None:
            outer = _origin(select, condition.this, origins)
            if outer is not None:
                yield Edge(found, found.schema.names[0], *outer)
        return
    if isinstance(column, exp.Column):
        outer, inside = _origin(select, condition.this, origins), _origin(inner, column, origins)
        if outer and inside:
            yield Edge(*inside, *outer)
            if not any(inner.args.get(k) for k in ("limit", "group", "having", "qualify")):
                yield Edge(*outer, *inside)


def _edge(select: exp.Select, driver: exp.Column, driven: exp.Column, origins: Origins) -> Iterator[Edge]:
    a, b = _origin(select, driver, origins), _origin(select, driven, origins)
    if a is not None and b is not None and a[0] is not b[0]:
        yield Edge(*a, *b)


def _is_local(select: exp.Select, alias: str) -> bool:
    from_ = select.args.get("from_")
    nodes = ([from_.this] if from_ is not None else []) + [j.this for j in joins_of(select)]
    return any(n.alias_or_name == alias for n in nodes)


def _is_required_exists(select: exp.Select) -> bool:
    """Whether the SELECT stands in an EXISTS that every row of the outer query must satisfy."""
    node = select.parent
    if not isinstance(node, exp.Exists) or any(select.args.get(k) for k in ("limit", "group", "having")):
        return False
    outer = node.parent_select
    return outer is not None and not _has_other(outer) and any(c is node for c in conjuncts(outer.args.get("where")))


def _origin(select: exp.Select, column: exp.Column, origins: Origins) -> tuple[Fragment, str] | None:
    """The fragment and its column behind a column, through derived tables and outer queries."""
    scope: exp.Select | None = select
    while scope is not None:
        found = origins.get((id(scope), column.table))
        if found is not None:
            fragment, names = found
            return (fragment, names[column.name]) if column.name in names else None
        for join_or_from in (scope.args.get("from_"), *joins_of(scope)):
            node = join_or_from.this if join_or_from is not None else None
            if isinstance(node, exp.Subquery) and node.alias == column.table:
                return _through(node.this, column.name, origins)
        scope = scope.parent_select
    return None


def _through(inner: exp.Expr, name: str, origins: Origins) -> tuple[Fragment, str] | None:
    if not isinstance(inner, exp.Select) or any(inner.args.get(k) for k in ("limit", "offset", "qualify", "distinct")):
        return None
    if any(e.find(exp.Window) for e in inner.expressions):
        return None
    whole = _only_fragment(inner, origins)
    if whole is not None and name in whole.schema.names:
        return whole, name
    item = next((e for e in inner.expressions if e.alias_or_name == name), None)
    column = item.unalias() if item is not None else None
    if not isinstance(column, exp.Column):
        return None
    group = inner.args.get("group")
    if group is not None:
        position = inner.expressions.index(item) + 1
        keys = [k for k in group.expressions if k == column or (isinstance(k, exp.Literal) and k.this == str(position))]
        if not keys:
            return None
    elif inner.find(exp.AggFunc):
        return None
    return _origin(inner, column, origins)


def _only_fragment(select: exp.Select, origins: Origins) -> Fragment | None:
    """The fragment of `SELECT * FROM fragment`, as the planner writes for a whole subquery."""
    if len(select.expressions) == 1 and isinstance(select.expressions[0], exp.Star):
        table = select.args["from_"].this
        found = origins.get((0, table.name))
        return found[0] if found else None
    return None


# -- joins inside one database ---------------------------------------------------------------


def group_of(select: exp.Select, source: str) -> list[exp.Table]:
    """Tables of one source that can be joined with each other before anything else, base first."""
    from_ = select.args.get("from_")
    if from_ is None or _has_other(select):
        return []

    def belongs(node: exp.Expr) -> bool:
        return isinstance(node, exp.Table) and "entity" in node.meta and node.meta["entity"].source == source

    best: list[exp.Table] = []
    starts: list[tuple[exp.Table, exp.Join | None]] = [(from_.this, None)] if belongs(from_.this) else []
    starts += [(j.this, j) for j in joins_of(select) if belongs(j.this)]
    for base, anchor in starts:
        group = [base]
        names = {base.alias_or_name}
        behind = anchor is None
        for join in joins_of(select):
            if join is anchor:
                behind = True
                continue
            on = join.args.get("on")
            if not behind or not belongs(join.this) or on is None:
                continue
            if anchor is not None and is_left(anchor) and not is_left(join):
                continue
            used = aliases_of(on)
            if used <= names | {join.this.alias_or_name} and used & names and not on.find(exp.Query):
                group.append(join.this)
                names.add(join.this.alias_or_name)
        if len(group) > len(best):
            best = group
    return best


def grouped_query(select: exp.Select, group: list[exp.Table]) -> Grouped:
    """The join of these tables as a query of its own, with the conditions that it can check."""
    names = {t.alias_or_name for t in group}
    base = group[0]
    anchor = next((j for j in joins_of(select) if j.this is base), None)
    left = anchor is not None and is_left(anchor)
    pushed = [
        c
        for c in ([] if left else conjuncts(select.args.get("where")))
        if aliases_of(c) and aliases_of(c) <= names and not c.find(exp.Query, exp.AggFunc)
    ]
    members = [j for j in joins_of(select) if any(j.this is t for t in group[1:])]
    skipped = {id(c) for p in pushed for c in p.find_all(exp.Column)}
    skipped |= {id(c) for j in members for c in j.find_all(exp.Column)}
    used: dict[tuple[str, str], str] = {}
    for table in group:
        for column in columns_of(select, table.alias_or_name):
            if id(column) not in skipped:
                used[(column.table, column.name)] = f"{column.table}__{column.name}"
    if not used:
        entity = base.meta["entity"]
        field = (entity.primary_key or (entity.fields[0].name,))[0]
        used[(base.alias_or_name, field)] = f"{base.alias_or_name}__{field}"
    query = exp.Select()
    for (alias, name), label in used.items():
        column = exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))
        query.append("expressions", exp.alias_(column, label, quoted=True))
    query.set("from_", exp.From(this=base.copy()))
    for join in members:
        query.append("joins", join.copy())
    for condition in pushed:
        query.where(condition.copy(), copy=False)
    return Grouped(query=query, alias=f"{base.alias_or_name}__group", names=used, base=base, pushed=pushed)


def replace_group(select: exp.Select, group: list[exp.Table], made: Grouped, fragment: str) -> None:
    """Read the fragment in place of the tables that it joined."""
    kept = [c for c in conjuncts(select.args.get("where")) if not any(c is p for p in made.pushed)]
    select.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)
    select.set("joins", [j for j in joins_of(select) if not any(j.this is t for t in group[1:])])
    for table in group:
        for column in list(columns_of(select, table.alias_or_name)):
            label = made.names[(column.table, column.name)]
            column.set("this", exp.to_identifier(label, quoted=True))
            column.set("table", exp.to_identifier(made.alias, quoted=True))
    made.base.replace(
        exp.Table(
            this=exp.to_identifier(fragment, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier(made.alias, quoted=True)),
        )
    )
