"""Who does what: the largest piece of a query that each source can execute itself, and the rest.

A query that touches one SQL database goes there whole. Otherwise every part of it that a source
declared it can do is cut out as a *fragment*: a subquery or a join of tables inside one database,
an aggregate or an ordered, limited list of one entity, or a plain scan with filters and
projection. What remains is the *residual*, which DuckDB runs over the fragments' rows.

A fragment may depend on another: the keys that the smaller one found are pushed into the larger
one as an IN list (dynamic filtering), so that a join never drags a whole table over an API.

Filters that were pushed stay in the residual too. They cost little there, and a source that
returns too many rows can't make an answer wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from groundwire.core import joins, shape
from groundwire.core.binder import Bound, entity_tables
from groundwire.core.catalog import Entity
from groundwire.core.connector import (
    Aggregate,
    AggregateFunction,
    Comparison,
    Connector,
    Order,
    Predicate,
    Pushdown,
    QueryPushdown,
    Scan,
)
from groundwire.core.predicates import Translator, columns_of, conjuncts
from groundwire.core.query import DIALECT
from groundwire.core.schema import TYPIST

if TYPE_CHECKING:
    from groundwire.core.replica import ReplicaCopy
    from groundwire.core.visible import View, Visible

_AGGREGATES: dict[type[exp.Expr], AggregateFunction] = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
    exp.Avg: "avg",
}


@dataclass(frozen=True, kw_only=True)
class KeyFilter:
    """`field IN (the distinct values of another fragment's column)`, known only at run time."""

    field: str
    fragment: str
    column: str


@dataclass(kw_only=True)
class Fragment:
    """A piece that one source executes.

    Attributes:
        name: of its table in the residual.
        source: who executes it.
        entities: what it reads.
        query: a whole query for a source that takes queries; else `scan` is set.
        schema: its columns.
        estimate: rows expected.
        keys: dynamic filters, of which each alone is sound.
        policy: what its asker may see of what it reads, where that is not everything; part of its key in the cache.
        told: what its asker is told that it reads, where it serves a view; None where all of it may be told.
    """

    name: str
    source: str
    entities: tuple[Entity, ...]
    schema: pa.Schema
    query: exp.Query | None = None
    scan: Scan | None = None
    estimate: float = 0.0
    keys: tuple[KeyFilter, ...] = ()
    policy: str = ""
    told: str | None = None

    @cached_property
    def shape(self) -> shape.Shape:
        """What is asked, apart from who asks and when."""
        if self.query is not None:
            return shape.of_query(self.query, self.entities, self.schema)
        assert self.scan is not None
        return shape.of_scan(self.scan)

    def describe(self) -> str:
        """One line: what the source is asked."""
        if self.query is not None:
            return f"{self.source}: query {self.query.sql(DIALECT)}"
        assert self.scan is not None
        scan = self.scan
        parts = [f"{self.source}: scan {scan.entity.name}"]
        if scan.aggregates or scan.group_by:
            aggregates = [f"{a.function}({a.field or '*'})" for a in scan.aggregates]
            parts.append(f"aggregate [{', '.join([*scan.group_by, *aggregates])}]")
        else:
            parts.append(f"[{', '.join(scan.fields)}]")
        if scan.where is not None:
            parts.append(f"where {predicate_text(scan.where)}")
        if scan.order:
            keys = (o.field + (" desc" if o.descending else "") for o in scan.order)
            parts.append(f"order by {', '.join(keys)}")
        if scan.limit is not None:
            parts.append(f"limit {scan.limit}")
        parts += [f"where {k.field} in keys of {k.fragment}.{k.column}" for k in self.keys]
        return " ".join(parts)


@dataclass(kw_only=True)
class ViewPlan:
    """How a view is computed before the residual reads it.

    Attributes:
        view: what may be seen.
        fragments: names of those that serve it alone.
        sql: over them; None where the only fragment holds the view's rows.
        mask_key: behind masks of kind `hash`.
    """

    view: View
    fragments: frozenset[str]
    sql: str | None
    mask_key: bytes = field(repr=False)


@dataclass(kw_only=True)
class Plan:
    """What will be done. Plans are kept and shared by threads: whoever carries one out changes nothing in it.

    Attributes:
        bound: the query with its names resolved.
        query: the same as SQL.
        schema: columns of the result.
        fragments: in an order in which every fragment follows those that it takes keys from.
        residual: SQL over the fragments' names; None where the only fragment is the answer.
        limit: rows that the caller wants at most; the plan then fetches one more.
        copies: replicas among the fragments' entities, by full name, with the instant for which each is true.
        views: visible rows of entities, computed between the fragments and the residual.
        asker: the principal whose rights were applied; None where there is no policy.
        limited: full names of the entities of which something is hidden from the asker.
    """

    bound: Bound
    query: str
    schema: pa.Schema
    fragments: list[Fragment]
    residual: exp.Query | None
    limit: int | None = None
    copies: Mapping[str, ReplicaCopy] = field(default_factory=dict)
    views: tuple[ViewPlan, ...] = ()
    asker: str | None = None
    limited: frozenset[str] = frozenset()

    @cached_property
    def residual_sql(self) -> str | None:
        """The residual as DuckDB runs it."""
        return None if self.residual is None else str(self.residual.sql(DIALECT))

    def explain(self) -> str:
        """The plan as text, for people; without what would tell of hidden parts."""
        lines = [self.query if self.limited else self.bound.sql(pretty=True), ""]
        if self.limited:
            read = dict.fromkeys(f.told or ", ".join(e.full_name for e in f.entities) for f in self.fragments)
            names = ", ".join(sorted(self.limited))
            return "\n".join([*lines, f"reads {', '.join(read)}", f"{names}: what {self.asker} may see"])
        lines += [f"{f.name}  {f.describe()}  (about {f.estimate:,.0f} rows)" for f in self.fragments]
        if self.residual_sql is None:
            lines.append(f"here  nothing: {self.fragments[0].name} is the answer")
        else:
            lines.append(f"here  {self.residual_sql}")
        return "\n".join(lines)


def predicate_text(predicate: Predicate) -> str:
    """A predicate as people read it."""
    if isinstance(predicate, Comparison):
        value = "" if predicate.op.endswith("null") else f" {predicate.value!r}"
        if isinstance(predicate.value, tuple) and len(predicate.value) > 5:
            value = f" ({len(predicate.value)} values)"
        return f"{predicate.field} {predicate.op}{value}"
    if hasattr(predicate, "term"):
        return f"not ({predicate_text(predicate.term)})"
    word = " and " if type(predicate).__name__ == "And" else " or "
    return "(" + word.join(predicate_text(t) for t in predicate.terms) + ")"


def plan(
    bound: Bound,
    connectors: Mapping[str, Connector],
    *,
    limit: int | None = None,
    whole: bool = True,
    schema: pa.Schema | None = None,
    names: Iterator[str] | None = None,
) -> Plan:
    """Decide who does what.

    Args:
        bound: from `binder.bind`.
        connectors: by source name.
        limit: rows wanted at most; the plan fetches one more, so that a cut is noticed.
        whole: whether databases may be given whole queries; else one table at a time.
        schema: columns of the result, where the caller knows them.
        names: for fragments, where others are made beside these.

    Raises:
        QueryError: types don't fit.
    """
    tree, query = bound.tree, bound.sql()
    if limit is not None:
        tree = _limited(tree, limit + 1)
    schema = schema or TYPIST.schema(tree, query if tree is bound.tree else None)
    names = names or _fragment_names(tree)
    splitter = _Splitter(connectors, whole, names)
    only = splitter.whole_query(tree, schema)
    if only is not None:
        return Plan(bound=bound, query=query, schema=schema, fragments=[only], residual=None, limit=limit)
    residual = tree.copy()
    splitter.split(residual)
    fragments, replaced = _shared(splitter.ordered())
    for table in residual.find_all(exp.Table):
        if table.name in replaced:
            table.set("this", exp.to_identifier(replaced[table.name], quoted=True))
    return Plan(bound=bound, query=query, schema=schema, fragments=fragments, residual=residual, limit=limit)


def plan_visible(
    visible: Visible,
    connectors: Mapping[str, Connector],
    *,
    limit: int | None = None,
    whole: bool = True,
    over: Callable[[Bound], Bound] = lambda bound: bound,
) -> Plan:
    """Decide who does what for an asker who may not see everything.

    Args:
        visible: from `visible.restricted`.
        connectors, limit, whole: as for `plan`.
        over: puts copies in place of the entities that a query reads.

    Raises:
        QueryError: types don't fit.
    """
    names = _fragment_names(visible.bound.tree)
    rights, fragments, views = visible.rights, list[Fragment](), list[ViewPlan]()
    for view in visible.views:
        read = over(replace(visible.bound, tree=view.query, notes=[]))
        part = plan(read, connectors, whole=whole, names=names)
        for fragment in part.fragments:
            fragment.policy, fragment.told = view.right.digest, view.right.entity.full_name
        fragments += part.fragments
        served = frozenset(f.name for f in part.fragments)
        views.append(ViewPlan(view=view, fragments=served, sql=part.residual_sql, mask_key=rights.mask_key))
    made = plan(over(visible.bound), connectors, limit=limit, whole=whole, schema=visible.schema, names=names)
    for fragment in made.fragments:
        read_of = sorted({e.full_name for e in fragment.entities} & visible.limited)
        fragment.policy = ".".join(rights.entities[name].digest for name in read_of)
    made.fragments, made.views = [*fragments, *made.fragments], tuple(views)
    made.asker, made.limited = rights.principal.name, visible.limited
    return made


def _fragment_names(tree: exp.Query) -> Iterator[str]:
    taken = {c.alias.lower() for c in tree.find_all(exp.CTE)}
    return (name for name in (f"f{n}" for n in itertools.count()) if name not in taken)


def _shared(fragments: list[Fragment]) -> tuple[list[Fragment], dict[str, str]]:
    """Each read once: the fragments without repetitions, and who stands in for those left out.

    Two of the same content are one read where they take the same keys, or where one takes none
    and so holds the rows of all others.
    """
    kept: list[Fragment] = []
    replaced: dict[str, str] = {}
    unbounded = {_content(f) for f in fragments if not f.keys}
    firsts: dict[tuple[object, ...], Fragment] = {}
    for fragment in fragments:
        content = _content(fragment)
        keys = (replace(k, fragment=replaced.get(k.fragment, k.fragment)) for k in fragment.keys)
        fragment.keys = () if content in unbounded else tuple(keys)
        first = firsts.setdefault((content, fragment.keys), fragment)
        if first is fragment:
            kept.append(fragment)
        else:
            replaced[fragment.name] = first.name
    return kept, replaced


def _content(fragment: Fragment) -> tuple[object, ...]:
    """What is read, apart from keys: equal contents are equal reads."""
    if fragment.query is not None:
        return fragment.source, fragment.query.sql(DIALECT)
    assert fragment.scan is not None
    scan = fragment.scan
    shape = (scan.fields, scan.group_by, scan.aggregates, scan.order, scan.limit)
    return scan.entity.full_name, repr(scan.where), shape


def _limited(tree: exp.Query, limit: int) -> exp.Query:
    existing = tree.args.get("limit")
    if existing is not None:
        value = existing.expression
        if not (isinstance(value, exp.Literal) and value.is_int and int(value.this) > limit):
            return tree
    copy = tree.copy()
    copy.limit(limit, copy=False)
    return copy


@dataclass
class _Splitter:
    connectors: Mapping[str, Connector]
    whole: bool
    names: Iterator[str]
    fragments: list[Fragment] = field(default_factory=list)
    edges: list[joins.Edge] = field(default_factory=list)
    origins: dict[tuple[int, str], tuple[Fragment, dict[str, str]]] = field(default_factory=dict)

    # -- whole queries ---------------------------------------------------------------------

    def whole_query(self, tree: exp.Query, schema: pa.Schema | None = None) -> Fragment | None:
        """The query as one fragment, where one SQL source takes all of it."""
        entities = {t.meta["entity"].full_name: t.meta["entity"] for t in entity_tables(tree)}
        sources = {e.source for e in entities.values()}
        if not self.whole or len(sources) != 1 or not _is_closed(tree):
            return None
        source = sources.pop()
        connector = self.connectors[source]
        if not isinstance(connector, QueryPushdown) or connector.refuses(tree) is not None:
            return None
        estimate = max((_rows(e) for e in entities.values()), default=1.0)
        if tree.find(exp.AggFunc):
            estimate = max(1.0, estimate / 20)
        return Fragment(
            name=next(self.names),
            source=source,
            entities=tuple(entities.values()),
            schema=schema if schema is not None else TYPIST.schema(tree),
            query=tree,
            estimate=estimate,
        )

    # -- the rest --------------------------------------------------------------------------

    def split(self, tree: exp.Query) -> None:
        """Replace what sources can do by fragments, in place."""
        for subquery in list(tree.find_all(exp.Subquery, exp.CTE)):
            inner = subquery.this
            if not isinstance(inner, exp.Query) or not subquery.parent or not subquery.find(exp.Table):
                continue
            if subquery.parent_select is None and not isinstance(subquery, exp.CTE):
                continue
            fragment = self.whole_query(inner)
            if fragment is None:
                continue
            self.fragments.append(fragment)
            subquery.set("this", _select_all(fragment))
            self.origins[(0, fragment.name)] = (fragment, {n: n for n in fragment.schema.names})
        for select in list(tree.find_all(exp.Select)):
            if any("entity" in t.meta for t in _tables(select)):
                joins.simplify(select)
        for select in list(tree.find_all(exp.Select)):
            self._select(select)
        self._key_filters(tree)

    def _select(self, select: exp.Select) -> None:
        for source in dict.fromkeys(t.meta["entity"].source for t in _tables(select) if "entity" in t.meta):
            self._fold_paths(select, source)
            self._join_group(select, source)
        tables = [t for t in _tables(select) if "entity" in t.meta]
        if len(tables) == 1 and not select.args.get("joins") and self._alone(select, tables[0]):
            return
        for table in tables:
            self._scan(select, table)

    def _fold_paths(self, select: exp.Select, source: str) -> None:
        """Let the source itself follow to-one relations: `a_Owner.Name` becomes `a."Owner.Name"`."""
        depth = self.connectors[source].capabilities.paths
        changed = depth > 0
        while changed:
            changed = False
            for join in list(select.args.get("joins") or ()):
                path = join.meta.get("path")
                table = join.this
                if path is None or "entity" not in table.meta or table.meta["entity"].source != source:
                    continue
                base_alias, relation = path
                base = next((t for t in _tables(select) if t.alias == base_alias), None)
                if base is None or relation.native is None or base.meta.get("entity") is None:
                    continue
                if base.meta["entity"].source != source or _has_path_below(select, table.alias):
                    continue
                steps = 1 + max((n.count(".") for n, _ in table.meta.get("folded", {}).values()), default=0)
                if steps > depth:
                    continue
                folded: dict[str, tuple[str, pa.DataType]] = base.meta.setdefault("folded", {})
                entity: Entity = table.meta["entity"]
                inner: dict[str, tuple[str, pa.DataType]] = table.meta.get("folded", {})
                for column in list(columns_of(select, table.alias)):
                    if column.name in inner:
                        native, type_ = inner[column.name]
                    else:
                        native, type_ = column.name, entity.field(column.name).type
                    name = f"{relation.native}.{native}"
                    folded[name] = (name, type_)
                    column.set("this", exp.to_identifier(name, quoted=True))
                    column.set("table", exp.to_identifier(base_alias, quoted=True))
                select.args["joins"].remove(join)
                changed = True

    def _join_group(self, select: exp.Select, source: str) -> None:
        """Join tables of one SQL database there, and keep the result as one fragment."""
        connector = self.connectors[source]
        if not isinstance(connector, QueryPushdown):
            return
        group = joins.group_of(select, source)
        if len(group) < 2:
            return
        made = joins.grouped_query(select, group)
        if connector.refuses(made.query) is not None:
            return
        fragment = self.whole_query(made.query)
        if fragment is None:
            return
        self.fragments.append(fragment)
        joins.replace_group(select, group, made, fragment.name)
        self.origins[(id(select), made.alias)] = (fragment, {n: n for n in fragment.schema.names})

    # -- one entity alone ------------------------------------------------------------------

    def _alone(self, select: exp.Select, table: exp.Table) -> bool:
        """Aggregate, or order and limit, at the source. True if the SELECT now reads a fragment."""
        entity: Entity = table.meta["entity"]
        connector = self.connectors[entity.source]
        if not _is_closed(select):
            return False
        types = self._types(table)
        where, exact = Translator(entity, connector, table.alias, types).translate(conjuncts(select.args.get("where")))
        if not exact:
            return False
        return self._aggregate(select, table, connector, types, where) or self._top(
            select, table, connector, types, where
        )

    def _aggregate(
        self,
        select: exp.Select,
        table: exp.Table,
        connector: Connector,
        types: dict[str, pa.DataType],
        where: Predicate | None,
    ) -> bool:
        entity: Entity = table.meta["entity"]
        parts = [select.args.get(k) for k in ("having", "order", "qualify")]
        places = [*select.expressions, *(p for p in parts if p is not None)]
        aggregates = list(dict.fromkeys(a for place in places for a in place.find_all(exp.AggFunc)))
        group = _group_keys(select)
        if group is None or (not aggregates and not group) or select.find(exp.Window, exp.Filter):
            return False
        if any(q is not select for q in select.find_all(exp.Query)):
            return False
        keys: list[str] = []
        for key in group:
            if not isinstance(key, exp.Column) or not connector.groups(entity, key.name):
                return False
            keys.append(key.name)
        wanted: dict[exp.Expr, Aggregate] = {}
        for node in aggregates:
            aggregate = _as_aggregate(node, f"a{len(wanted)}", types)
            if aggregate is None or not connector.aggregates(entity, aggregate):
                return False
            wanted[node] = aggregate
        loose = [
            c
            for place in places
            for c in columns_of(place, table.alias)
            if c.name not in keys and not c.find_ancestor(exp.AggFunc)
        ]
        if loose:
            return False
        out = {k: types[k] for k in keys}
        if wanted:
            probe = exp.select(*(exp.alias_(n.copy(), a.alias) for n, a in wanted.items()))
            probe.set("from_", exp.From(this=_plain_table(table)))
            for column in probe.find_all(exp.Column):
                _unfold(column, types)
            measured = TYPIST.schema(probe)
            out |= {a.alias: measured.field(a.alias).type for a in wanted.values()}
        scan = Scan(entity=entity, where=where, group_by=tuple(keys), aggregates=tuple(wanted.values()), types=out)
        estimate = max(1.0, _rows(entity) / 20) if keys else 1.0
        fragment = self._add(entity, scan, estimate)
        for place in places:
            for node in list(place.find_all(exp.AggFunc)):
                replaced: exp.Expr = _reference(wanted[node].alias, table.alias)
                if node.parent is select and node.arg_key == "expressions":
                    # an aggregate without a name keeps the name that DuckDB would give it
                    replaced = exp.alias_(replaced, _default_name(node), quoted=True)
                node.replace(replaced)
        having = select.args.get("having")
        select.set("where", exp.Where(this=having.this) if having is not None else None)
        select.set("having", None)
        select.set("group", None)
        self._read_fragment(select, table, fragment)
        return True

    def _top(
        self,
        select: exp.Select,
        table: exp.Table,
        connector: Connector,
        types: dict[str, pa.DataType],
        where: Predicate | None,
    ) -> bool:
        """ORDER BY and LIMIT at the source, where nothing but projection stands above them."""
        limit = select.args.get("limit")
        blocked = ("group", "having", "qualify", "distinct", "windows")
        if limit is None or any(select.args.get(k) for k in blocked) or not connector.capabilities.limit:
            return False
        if select.find(exp.AggFunc, exp.Window):
            return False
        offset = select.args.get("offset")
        counts = [n.expression for n in (limit, offset) if n is not None]
        if not all(isinstance(c, exp.Literal) and c.is_int for c in counts):
            return False
        order: list[Order] = []
        for key in select.args["order"].expressions if select.args.get("order") else ():
            column = _ordered_column(key.this, select)
            if column is None or pa.types.is_string(types.get(column.name, pa.string())):
                return False
            if not connector.orders(table.meta["entity"], column.name):
                return False
            first = bool(key.args.get("nulls_first"))
            order.append(Order(field=column.name, descending=bool(key.args.get("desc")), nulls_first=first))
        entity: Entity = table.meta["entity"]
        names = self._needed(select, table)
        total = sum(int(c.this) for c in counts)
        scan = Scan(
            entity=entity,
            fields=names,
            where=where,
            order=tuple(order),
            limit=total,
            types={n: types[n] for n in names},
        )
        fragment = self._add(entity, scan, float(total))
        self._read_fragment(select, table, fragment)
        return True

    # -- plain scans -----------------------------------------------------------------------

    def _scan(self, select: exp.Select, table: exp.Table) -> None:
        entity: Entity = table.meta["entity"]
        connector = self.connectors[entity.source]
        types = self._types(table)
        translator = Translator(entity, connector, table.alias, types)
        where, _ = translator.translate(joins.conditions_for(select, table))
        names = self._needed(select, table)
        scan = Scan(entity=entity, fields=names, where=where, types={n: types[n] for n in names})
        estimate = _rows(entity) * (1.0 if where is None else 0.1 if _has_equality(where) else 0.3)
        fragment = self._add(entity, scan, estimate)
        self._read_fragment(select, table, fragment)

    def _add(self, entity: Entity, scan: Scan, estimate: float) -> Fragment:
        fragment = Fragment(
            name=next(self.names),
            source=entity.source,
            entities=(entity,),
            schema=scan.schema,
            scan=scan,
            estimate=max(estimate, 1.0),
        )
        self.fragments.append(fragment)
        return fragment

    def _read_fragment(self, select: exp.Select, table: exp.Table, fragment: Fragment) -> None:
        alias = table.alias
        table.replace(_fragment_table(fragment.name, alias))
        self.origins[(id(select), alias)] = (fragment, {n: n for n in fragment.schema.names})

    def _types(self, table: exp.Table) -> dict[str, pa.DataType]:
        entity: Entity = table.meta["entity"]
        types = {f.name: f.type for f in entity.fields}
        return types | dict(table.meta.get("folded", {}).values())

    def _needed(self, select: exp.Select, table: exp.Table) -> tuple[str, ...]:
        names = list(dict.fromkeys(c.name for c in columns_of(select, table.alias)))
        if not names:
            entity: Entity = table.meta["entity"]
            names = list(entity.primary_key[:1]) or [entity.fields[0].name]
        return tuple(names)

    # -- dynamic filters -------------------------------------------------------------------

    def _key_filters(self, tree: exp.Query) -> None:
        """Note which fragments may take keys from which."""
        for select in tree.find_all(exp.Select):
            self.edges += joins.edges(select, self.origins)

    def ordered(self) -> list[Fragment]:
        """The fragments, small ones first, each with the keys that it may take from earlier ones."""
        waiting = list(self.fragments)
        done: list[Fragment] = []
        estimates = {f.name: f.estimate for f in waiting}
        while waiting:
            best = min(waiting, key=lambda f: estimates[f.name])
            waiting.remove(best)
            best.keys = tuple(self._keys_for(best, done, estimates))
            done.append(best)
            for other in waiting:
                if any(e.driver is best and e.driven is other for e in self.edges) and best.estimate < other.estimate:
                    estimates[other.name] = min(estimates[other.name], best.estimate * 10)
        return done

    def _keys_for(self, fragment: Fragment, done: list[Fragment], estimates: dict[str, float]) -> Iterator[KeyFilter]:
        connector = self.connectors[fragment.source]
        scan = fragment.scan
        if scan is not None and scan.limit is not None:
            return
        seen: set[tuple[str, str, str]] = set()
        for edge in self.edges:
            if edge.driven is not fragment or edge.driver not in done:
                continue
            if (edge.driven_column, edge.driver.name, edge.driver_column) in seen:
                continue
            seen.add((edge.driven_column, edge.driver.name, edge.driver_column))
            if scan is not None and scan.group_by and edge.driven_column not in scan.group_by:
                continue
            if scan is not None and scan.aggregates and not scan.group_by:
                continue
            here, there = (
                fragment.schema.field(edge.driven_column).type,
                edge.driver.schema.field(edge.driver_column).type,
            )
            if not _same_kind(here, there):
                continue
            if scan is not None:
                sample = Comparison(field=edge.driven_column, op="in", value=(_sample(here),))
                support = connector.supports(scan.entity, sample)
                if support is Pushdown.NONE or (support is Pushdown.LOOSE and scan.aggregates):
                    continue
            if edge.driver.estimate * 2 > fragment.estimate and edge.driver.estimate > 1000:
                continue
            yield KeyFilter(field=edge.driven_column, fragment=edge.driver.name, column=edge.driver_column)


def _rows(entity: Entity) -> float:
    return float(entity.rows if entity.rows is not None else 10_000)


def _sample(type_: pa.DataType) -> object:
    """Any value of a type, to ask whether IN is declared for it."""
    return pa.scalar("x" if pa.types.is_string(type_) else 1).cast(type_).as_py()


def _same_kind(a: pa.DataType, b: pa.DataType) -> bool:
    if pa.types.is_string(a) and pa.types.is_string(b):
        return True
    if pa.types.is_integer(a) and pa.types.is_integer(b):
        return True
    return bool(a == b) and not pa.types.is_floating(a) and (pa.types.is_date(a) or pa.types.is_decimal(a))


def _has_equality(predicate: Predicate) -> bool:
    if isinstance(predicate, Comparison):
        return predicate.op in ("=", "in")
    return any(_has_equality(t) for t in getattr(predicate, "terms", ()))


def _tables(select: exp.Select) -> list[exp.Table]:
    from_ = select.args.get("from_")
    nodes = ([from_.this] if from_ is not None else []) + [j.this for j in select.args.get("joins") or ()]
    return [n for n in nodes if isinstance(n, exp.Table)]


def _has_path_below(select: exp.Select, alias: str) -> bool:
    return any(j.meta.get("path", ("",))[0] == alias for j in select.args.get("joins") or ())


def _is_closed(tree: exp.Query) -> bool:
    """Whether every column's alias is defined inside: not correlated, and no CTE from outside."""
    defined = {t.alias_or_name for t in tree.find_all(exp.Table)}
    defined |= {s.alias for s in tree.find_all(exp.Subquery) if s.alias}
    ctes = {c.alias.lower() for c in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if "entity" not in table.meta and table.name.lower() not in ctes:
            return False
    return all(not c.table or c.table in defined for c in tree.find_all(exp.Column))


def _group_keys(select: exp.Select) -> list[exp.Expr] | None:
    """The expressions of GROUP BY with ordinals and output names resolved; None if not plain."""
    group = select.args.get("group")
    if group is None:
        return []
    if any(v for k, v in group.args.items() if k != "expressions"):
        return None
    outputs = {e.alias.lower(): e.this for e in select.expressions if isinstance(e, exp.Alias)}
    keys = []
    for key in group.expressions:
        if isinstance(key, exp.Literal) and key.is_int:
            key = select.expressions[int(key.this) - 1].unalias()
        elif isinstance(key, exp.Column) and not key.table:
            key = outputs.get(key.name.lower(), key)
        keys.append(key)
    return keys


def _ordered_column(node: exp.Expr, select: exp.Select) -> exp.Column | None:
    if isinstance(node, exp.Literal) and node.is_int and int(node.this) <= len(select.expressions):
        node = select.expressions[int(node.this) - 1].unalias()
    elif isinstance(node, exp.Column) and not node.table:
        found = next(
            (e.this for e in select.expressions if isinstance(e, exp.Alias) and e.alias.lower() == node.name.lower()),
            None,
        )
        node = found if found is not None else node
    return node if isinstance(node, exp.Column) and node.table else None


def _as_aggregate(node: exp.AggFunc, alias: str, types: Mapping[str, pa.DataType]) -> Aggregate | None:
    function = _AGGREGATES.get(type(node))
    if function is None or node.expressions:
        return None
    arg = node.this
    if isinstance(arg, exp.Star):
        return Aggregate(function="count", field=None, alias=alias) if function == "count" else None
    if isinstance(arg, exp.Distinct) and function == "count" and len(arg.expressions) == 1:
        function, arg = "count_distinct", arg.expressions[0]
    if not isinstance(arg, exp.Column) or arg.name not in types:
        return None
    type_ = types[arg.name]
    numeric = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    if function in ("sum", "avg") and not numeric:
        return None
    if function in ("min", "max") and not (numeric or pa.types.is_temporal(type_)):
        return None
    return Aggregate(function=function, field=arg.name, alias=alias)


def _default_name(node: exp.Expr) -> str:
    return str(node.sql(DIALECT)).lower()


def _plain_table(table: exp.Table) -> exp.Table:
    copy = table.copy()
    copy.meta["entity"] = table.meta["entity"]
    return copy


def _unfold(column: exp.Column, types: Mapping[str, pa.DataType]) -> None:
    """A path that the source follows has no column in the typist's table: a typed NULL stands for it."""
    from groundwire.core.schema import duckdb_type

    if "." in column.name:
        column.replace(exp.cast(exp.null(), duckdb_type(types[column.name]), dialect=DIALECT))


def _reference(name: str, alias: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def _fragment_table(name: str, alias: str) -> exp.Table:
    return exp.Table(
        this=exp.to_identifier(name, quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
    )


def _select_all(fragment: Fragment) -> exp.Select:
    return exp.select("*").from_(exp.Table(this=exp.to_identifier(fragment.name, quoted=True)))
