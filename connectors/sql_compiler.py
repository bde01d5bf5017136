"""Bound queries of DuckDB's dialect as SQL of a database, giving the same rows or nothing.

A query comes as a tree whose tables are entities; it leaves as text with bound parameters and the
kind of every output column. All names inside are generated and short, so that no product's
limit on the length of identifiers can make two of them one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from sqlglot import exp

from groundwire.connectors.sql_expressions import Expressions, expect
from groundwire.connectors.sql_values import NUMERIC, Emitter, Refused, Value, kind_of, truth
from groundwire.core.catalog import Entity, Field


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How a column is stored: the dialect's leaf that reads it, what it may be compared with raw, and its
    name and kind where those are not the field's."""

    leaf: str = "plain"
    native: str = ""
    name: str = ""
    kind: str = ""


class Tables(Protocol):
    """What the compiler asks about a database."""

    def path(self, entity: Entity) -> tuple[str, ...]:
        """Schema and table, as the database calls them."""

    def storage(self, entity: Entity, column: Field) -> Storage:
        """How the column is stored."""


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A query for a database.

    Attributes:
        sql: with the emitter's placeholders.
        parameters: values of the placeholders.
        columns: the output, in order.
        small: few rows come out: it aggregates without groups, or is limited.
        bulk: the same with every value in a form that is quick to transfer; empty where there is none.
    """

    sql: str
    parameters: list[Any]
    columns: tuple[Value, ...]
    small: bool
    bulk: str = ""


SMALL = 10_000
"""Rows up to which a limited query counts as small."""

_SELECT = (
    "with_",
    "expressions",
    "from_",
    "joins",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "distinct",
)

_AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.CountIf: "count",
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
    exp.Avg: "avg",
    exp.LogicalAnd: "min",
    exp.LogicalOr: "max",
}

_RANKS: dict[type[exp.Expr], str] = {
    exp.RowNumber: "row_number",
    exp.Rank: "rank",
    exp.DenseRank: "dense_rank",
}

_SHIFTS: dict[type[exp.Expr], str] = {
    exp.Lag: "lag",
    exp.Lead: "lead",
    exp.FirstValue: "first_value",
    exp.LastValue: "last_value",
}


@dataclass
class _Relation:
    """Something in FROM under a generated alias; exactly one of `entity` and `columns` is set."""

    alias: str
    entity: Entity | None = None
    columns: Mapping[str, Value] = field(default_factory=dict)


@dataclass
class _Scope:
    """The names that one SELECT sees."""

    parent: _Scope | None = None
    relations: dict[str, _Relation] = field(default_factory=dict)
    ctes: dict[str, tuple[str, Mapping[str, Value]]] = field(default_factory=dict)
    outputs: dict[str, exp.Expr] = field(default_factory=dict)
    single: bool = False

    def relation(self, alias: str) -> _Relation | None:
        scope: _Scope | None = self
        while scope is not None:
            if alias.lower() in scope.relations:
                return scope.relations[alias.lower()]
            scope = scope.parent
        return None

    def cte(self, name: str) -> tuple[str, Mapping[str, Value]] | None:
        scope: _Scope | None = self
        while scope is not None:
            if name.lower() in scope.ctes:
                return scope.ctes[name.lower()]
            scope = scope.parent
        return None


def compiled(query: exp.Query, emitter: Emitter, tables: Tables) -> Compiled:
    """A bound query for a database.

    Raises:
        Refused: it can't be said there with the same rows; says what stands in the way.
    """
    compiler = Compiler(emitter, tables)
    try:
        sql, columns = compiler.query(query, _Scope())
    except RecursionError:
        raise Refused("a query nested this deeply") from None
    return Compiled(
        sql=emitter.checked(sql),
        parameters=emitter.parameters,
        columns=tuple(columns.values()),
        small=_is_small(query),
        bulk=compiler.bulk if isinstance(query, exp.Select) and not query.args.get("distinct") else "",
    )


def _is_small(query: exp.Query) -> bool:
    limit = query.args.get("limit")
    if limit is not None and isinstance(limit.expression, exp.Literal) and int(limit.expression.this) <= SMALL:
        return True
    return _aggregates_all(query)


def _aggregates_all(query: exp.Expr) -> bool:
    """Whether the query aggregates without groups, and so gives one row."""
    if not isinstance(query, exp.Select) or query.args.get("group"):
        return False
    found = (a for e in query.expressions for a in e.find_all(exp.AggFunc))
    return any(a.parent_select is query and a.find_ancestor(exp.Window, exp.Select) is query for a in found)


class Compiler(Expressions):
    """One query on its way."""

    def __init__(self, emitter: Emitter, tables: Tables) -> None:
        super().__init__(emitter)
        self.tables = tables
        self.scope = _Scope()
        self.bulk = ""
        self._count = 0

    def _alias(self) -> str:
        self._count += 1
        return f"t{self._count}"

    # -- queries ---------------------------------------------------------------------------

    def query(self, node: exp.Expr, outer: _Scope) -> tuple[str, dict[str, Value]]:
        """The text of a query and its columns by lower-case name, in order; inside they are `c0`, `c1`, ..."""
        node = node.unnest() if isinstance(node, exp.Subquery) and not node.args.get("alias") else node
        before, self.scope = self.scope, _Scope(parent=outer)
        try:
            prefix = self._ctes(node)
            if isinstance(node, exp.Select):
                sql, columns = self._select(node)
            elif isinstance(node, exp.SetOperation):
                sql, columns = self._set_operation(node)
            else:
                raise Refused(node.key.upper())
        finally:
            self.scope = before
        if prefix and self.bulk:
            self.bulk = prefix + self.bulk
        return prefix + sql, columns

    def _ctes(self, node: exp.Expr) -> str:
        with_ = node.args.get("with_")
        if with_ is None:
            return ""
        expect(with_, "expressions")
        if self._inner() and not self.emitter.dialect.inner_with:
            raise Refused("WITH in a subquery")
        parts = []
        for cte in with_.expressions:
            expect(cte, "this", "alias")
            if cte.args["alias"].args.get("columns"):
                raise Refused("a CTE with a list of columns")
            sql, columns = self._derived(cte.this)
            alias = self._alias()
            parts.append(f"{self.emitter.quoted(alias)} AS ({sql})")
            self.scope.ctes[cte.alias.lower()] = (alias, columns)
        return f"WITH {', '.join(parts)} "

    def _select(self, node: exp.Select) -> tuple[str, dict[str, Value]]:
        expect(node, *_SELECT)
        scope = self.scope
        from_ = self._from(node)
        scope.single = not node.args.get("joins")
        scope.outputs = {e.alias.lower(): e.this for e in node.expressions if isinstance(e, exp.Alias)}
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise Refused("DISTINCT ON")
        columns: dict[str, Value] = {}
        outputs = [self.value(e.unalias()) for e in node.expressions]
        for index, (output, shown) in enumerate(zip(outputs, node.expressions, strict=True)):
            name = (shown.alias_or_name or f"#{index}").lower()
            while name in columns:
                name += "#"  # a second column of the same name can't be referred to, only delivered
            columns[name] = output
        if distinct is not None and node.args.get("order"):
            return self._distinct_ordered(node, outputs, columns, from_)
        word, group = self._distinct(node, outputs) if distinct is not None else ("", "")
        rest = self._clauses(node, group)
        head = f"SELECT {word}{self.top(*self._bounds(node))}"
        named = ", ".join(f"{self.emitter.sql(v)} AS c{i}" for i, v in enumerate(outputs))
        if scope.parent is not None and scope.parent.parent is None and not node.args.get("group"):
            self.bulk = self.quick_select(head, outputs) + from_ + rest
        return head + named + from_ + rest, _renamed(columns)

    def _inner(self) -> bool:
        """Another query is around this one."""
        return self.scope.parent is not None and self.scope.parent.parent is not None

    def _keeps_order(self, node: exp.Expr) -> bool:
        """It has an ORDER BY that means something, or may stand where it is."""
        limited = node.args.get("limit") or node.args.get("offset")
        return bool(node.args.get("order") and (self.emitter.dialect.inner_order or not self._inner() or limited))

    def _distinct(self, node: exp.Select, outputs: list[Value]) -> tuple[str, str]:
        """DISTINCT, or the GROUP BY that says the same where equality can't tell all values of a kind apart."""
        if all(self.emitter.knows("distinct", v.kind) for v in outputs):
            if self.emitter.dialect.limit == "top" and node.args.get("offset") and not node.args.get("order"):
                raise Refused("DISTINCT with OFFSET and without ORDER BY")
            return "DISTINCT ", ""
        if node.args.get("group") or node.args.get("having") or node.find(exp.AggFunc, exp.Window):
            raise Refused("DISTINCT over aggregates of such values")
        keys = dict.fromkeys(self.key(v) for v in outputs if not v.constant)
        return "", " GROUP BY " + ", ".join(keys)

    def key(self, value: Value) -> str:
        """A value in GROUP BY."""
        sql = self.emitter.text("group", self.emitter.sql(value), kind=value.kind)
        if not self.emitter.dialect.bound_groups and not self.emitter.free(sql):
            raise Refused("GROUP BY over an expression with a constant")
        return self._without_queries(sql)

    def _without_queries(self, sql: str) -> str:
        """What must hold no subquery in some products."""
        if not self.emitter.dialect.inner_queries and "(SELECT " in sql:
            raise Refused("a subquery in GROUP BY or in an aggregate")
        return sql

    def quick_select(self, head: str, outputs: list[Value]) -> str:
        """SELECT and its outputs in the forms that are quickest to transfer."""
        emitter = self.emitter
        texts = [
            emitter.text(f"bulk:{v.kind}", emitter.sql(v)) if emitter.has(f"bulk:{v.kind}") else emitter.sql(v)
            for v in outputs
        ]
        return head + ", ".join(f"{t} AS c{i}" for i, t in enumerate(texts))

    def _distinct_ordered(
        self, node: exp.Select, outputs: list[Value], columns: dict[str, Value], from_: str
    ) -> tuple[str, dict[str, Value]]:
        """SELECT DISTINCT sorted from outside, because a sort key may need a form that no output has."""
        keys = []
        for key in node.args["order"].expressions:
            wanted = self._resolved(key.this, node.expressions)
            places = [i for i, e in enumerate(node.expressions) if e.unalias() == wanted]
            if not places:
                raise Refused("DISTINCT ordered by what is not selected")
            keys.append((key, places[0]))
        named = ", ".join(f"{self.emitter.sql(v)} AS c{i}" for i, v in enumerate(outputs))
        word, group = self._distinct(node, outputs)
        inner = f"SELECT {word}{named}{from_}{self._filters(node, group)}"
        renamed = _renamed(columns)
        alias, values = self.emitter.quoted(self._alias()), list(renamed.values())
        terms = []
        for key, place in keys:
            expect(key, "this", "desc", "nulls_first")
            value = replace(values[place], sql=f"{alias}.c{place}")
            descending, first = bool(key.args.get("desc")), bool(key.args.get("nulls_first"))
            terms += self.order_terms(value, descending=descending, nulls_first=first)
        listed = ", ".join(f"{alias}.c{i}" for i in range(len(values)))
        top, limit = self.top(*self._bounds(node)), self._limit(node, ordered=True)
        sql = f"SELECT {top}{listed} FROM ({inner}){self.emitter.dialect.alias}{alias}"
        if self._keeps_order(node):
            sql += f" ORDER BY {', '.join(dict.fromkeys(terms))}{limit}"
        return sql, renamed

    def _clauses(self, node: exp.Select, distinct: str = "") -> str:
        """Everything after FROM; `distinct` is a GROUP BY that stands for DISTINCT."""
        sql, terms = self._filters(node, distinct), ""
        if self._keeps_order(node):
            terms = self._order(node.args["order"], node.expressions)
            sql += f" ORDER BY {terms}" if terms else ""
        return sql + self._limit(node, ordered=bool(terms))

    def _filters(self, node: exp.Select, distinct: str = "") -> str:
        sql = ""
        where = node.args.get("where")
        if where is not None:
            sql += f" WHERE {self.condition(where.this)}"
        sql += self._group(node) + distinct
        having = node.args.get("having")
        if having is not None:
            sql += f" HAVING {self.condition(having.this)}"
        return sql

    def _group(self, node: exp.Select) -> str:
        group = node.args.get("group")
        if group is None:
            return ""
        expect(group, "expressions", "all")
        keys = [self._resolved(k, node.expressions) for k in group.expressions]
        if group.args.get("all"):
            keys = [e.unalias() for e in node.expressions if not e.find(exp.AggFunc)]
        texts = []
        for key in keys:
            value = self.value(key)
            if value.constant:
                continue  # the same for all rows: it splits no group
            texts.append(self.key(value))
        if not texts:
            if any(e.find(exp.AggFunc) for e in node.expressions):
                raise Refused("GROUP BY a constant")
            raise Refused("GROUP BY nothing")
        return " GROUP BY " + ", ".join(dict.fromkeys(texts))

    def _resolved(self, node: exp.Expr, outputs: list[exp.Expr]) -> exp.Expr:
        """An ordinal or the name of an output as that output's expression."""
        if isinstance(node, exp.Literal) and not node.is_string:
            index = int(node.this)
            if not 1 <= index <= len(outputs):
                raise Refused("an ordinal out of range")
            return outputs[index - 1].unalias()
        if isinstance(node, exp.Column) and not node.table:
            return self._output(node)
        return node

    def _output(self, node: exp.Column) -> exp.Expr:
        found = self.scope.outputs.get(node.name.lower())
        if found is None:
            raise Refused(f"the name {node.name!r}")
        return found

    def _order(self, order: exp.Order, outputs: list[exp.Expr]) -> str:
        expect(order, "expressions")
        return ", ".join(dict.fromkeys(t for key in order.expressions for t in self._order_terms(key, outputs)))

    def _order_terms(self, key: exp.Expr, outputs: list[exp.Expr]) -> list[str]:
        node, descending, nulls_first = key, False, False
        if isinstance(key, exp.Ordered):
            expect(key, "this", "desc", "nulls_first")
            node, descending = key.this, bool(key.args.get("desc"))
            nulls_first = bool(key.args.get("nulls_first"))
        value = self.value(self._resolved(node, outputs))
        if value.constant or value.kind == "null":
            return []
        return self.order_terms(value, descending=descending, nulls_first=nulls_first)

    def order_terms(self, value: Value, *, descending: bool, nulls_first: bool) -> list[str]:
        """One key of ORDER BY with NULLs where they are asked for."""
        if value.kind == "binary":
            raise Refused("order of binary values")
        sql = self.emitter.op("order", value)
        term = f"{sql} DESC" if descending else sql
        if not value.nullable and self.scope.single:
            return [term]
        if self.emitter.dialect.nulls == "clause":
            return [f"{term} NULLS {'FIRST' if nulls_first else 'LAST'}"]
        if nulls_first != descending:
            return [term]  # NULL sorts lowest, which is where it is wanted
        return [self.emitter.text("nulls", sql) + (" DESC" if nulls_first else ""), term]

    def _bounds(self, node: exp.Expr) -> tuple[int | None, int | None]:
        """LIMIT and OFFSET as numbers."""
        found = []
        for clause in (node.args.get("limit"), node.args.get("offset")):
            if clause is not None:
                expect(clause, "expression")
            found.append(None if clause is None else self._whole(clause.expression, 0))
        return found[0], found[1]

    def _limit(self, node: exp.Expr, *, ordered: bool) -> str:
        return self.limited(*self._bounds(node), ordered=ordered)

    def top(self, limit: int | None, offset: int | None) -> str:
        """The limit where it stands before the columns."""
        return f"TOP ({limit}) " if self.emitter.dialect.limit == "top" and limit is not None and not offset else ""

    def limited(self, limit: int | None, offset: int | None, *, ordered: bool) -> str:
        """LIMIT and OFFSET at the end, after an ORDER BY or none."""
        dialect, sql = self.emitter.dialect, ""
        if dialect.limit == "top":
            if not offset:
                return ""
            if limit == 0:
                raise Refused("LIMIT 0 with OFFSET")
            sql = "" if ordered else " ORDER BY (SELECT NULL)"
        if dialect.limit != "limit":
            sql += f" OFFSET {offset} ROWS" if offset is not None else ""
            return sql + (f" FETCH NEXT {limit} ROWS ONLY" if limit is not None else "")
        if limit is not None:
            sql += f" LIMIT {self.emitter.bound(limit, 'int')}"
        elif offset is not None and dialect.no_limit is not None:
            sql += f" LIMIT {dialect.no_limit}"
        if offset is not None:
            sql += f" OFFSET {self.emitter.bound(offset, 'int')}"
        return sql

    def _set_operation(self, node: exp.SetOperation) -> tuple[str, dict[str, Value]]:
        expect(node, "with_", "this", "expression", "distinct", "order", "limit", "offset")
        word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
        if not node.args.get("distinct"):
            if word != "UNION" and not self.emitter.dialect.except_all:
                raise Refused(f"{word} ALL")
            word += " ALL"
        word = word.replace("EXCEPT", self.emitter.dialect.except_word)
        sides = [self.query(node.args[side], self.scope) for side in ("this", "expression")]
        texts, between = [], self.emitter.dialect.alias
        for sql, columns in sides:
            alias = self.emitter.quoted(self._alias())
            texts.append(
                f"SELECT {', '.join(f'{alias}.c{i}' for i in range(len(columns)))} FROM ({sql}){between}{alias}"
            )
        left, right = (list(columns.values()) for _, columns in sides)
        if len(left) != len(right):
            raise Refused(f"{word} of different numbers of columns")
        columns = {n: _merged(a, b) for (n, a), b in zip(sides[0][1].items(), right, strict=True)}
        if node.args.get("distinct") and not all(self.emitter.knows("distinct", v.kind) for v in columns.values()):
            raise Refused(f"{word} of texts")
        sql = f" {word} ".join(texts)
        if any(node.args.get(k) for k in ("order", "limit", "offset")):
            alias = self._alias()
            self.scope.relations[alias] = _Relation(alias, columns=columns)
            outputs: list[exp.Expr] = [exp.column(n, table=alias) for n in columns]
            self.scope.outputs = dict(zip(columns, outputs, strict=True))
            quoted = self.emitter.quoted(alias)
            listed = ", ".join(f"{quoted}.c{i}" for i in range(len(columns)))
            sql = f"SELECT {self.top(*self._bounds(node))}{listed} FROM ({sql}){between}{quoted}"
            limited = node.args.get("limit") or node.args.get("offset")
            ordered = bool(node.args.get("order")) and (
                self.emitter.dialect.inner_order or not self._inner() or limited
            )
            if ordered:
                sql += f" ORDER BY {self._order(node.args['order'], outputs)}"
            sql += self._limit(node, ordered=bool(ordered))
        return sql, columns

    # -- FROM ------------------------------------------------------------------------------

    def _from(self, node: exp.Select) -> str:
        from_ = node.args.get("from_")
        if from_ is None:
            if node.args.get("joins"):
                raise Refused("joins without FROM")
            return self.emitter.dialect.from_nothing
        sql = f" FROM {self._relation(from_.this)}"
        for join in node.args.get("joins") or ():
            sql += self._join(join)
        return sql

    def _join(self, join: exp.Join) -> str:
        expect(join, "this", "on", "side", "kind")
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        if side not in ("", "LEFT", "RIGHT", "FULL") or kind not in ("", "INNER", "OUTER", "CROSS"):
            raise Refused(f"{side} {kind} JOIN".strip())
        if side == "FULL" and not self.emitter.dialect.full_join:
            raise Refused("FULL JOIN")
        right = self._relation(join.this)
        on = join.args.get("on")
        if on is None:
            if side:
                raise Refused(f"{side} JOIN without ON")
            return f" CROSS JOIN {right}"
        return f" {side or 'INNER'} JOIN {right} ON {self.condition(on)}"

    def _relation(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.Subquery):
            expect(node, "this", "alias")
            if not node.alias or node.args["alias"].args.get("columns"):
                raise Refused("a derived table without a plain alias")
            sql, columns = self._derived(node.this)
            alias = self._alias()
            self.scope.relations[node.alias.lower()] = _Relation(alias, columns=columns)
            return f"({sql}){self.emitter.dialect.alias}{self.emitter.quoted(alias)}"
        raise Refused(f"{node.key.upper()} in FROM")

    def _derived(self, node: exp.Expr) -> tuple[str, dict[str, Value]]:
        sql, columns = self.query(node, self.scope)
        if any(v.kind == "null" for v in columns.values()):
            raise Refused("a derived column of untyped NULL")
        return sql, columns

    def _table(self, node: exp.Table) -> str:
        alias = self._alias()
        quoted = self.emitter.quoted(alias)
        entity = node.meta.get("entity")
        expect(node, "this", "alias", "db", "catalog")
        if node.args.get("alias") and node.args["alias"].args.get("columns"):
            raise Refused("a table with a list of columns")
        if isinstance(entity, Entity):
            self.scope.relations[node.alias_or_name.lower()] = _Relation(alias, entity=entity)
            path = ".".join(self.emitter.quoted(p) for p in self.tables.path(entity))
            return f"{path}{self.emitter.dialect.alias}{quoted}"
        found = self.scope.cte(node.name) if not node.db else None
        if found is None:
            raise Refused(f"the table {node.name!r}")
        name, columns = found
        self.scope.relations[node.alias_or_name.lower()] = _Relation(alias, columns=columns)
        return f"{self.emitter.quoted(name)}{self.emitter.dialect.alias}{quoted}"

    def _column(self, node: exp.Column, positive: bool) -> Value:
        expect(node, "this", "table")
        if not node.table:
            return self.value(self._output(node), positive=positive)
        relation = self.scope.relation(node.table)
        if relation is None:
            raise Refused(f"the alias {node.table!r}")
        alias = self.emitter.quoted(relation.alias)
        if relation.entity is None:
            found = relation.columns.get(node.name.lower())
            if found is None:
                raise Refused(f"the column {node.name!r}")
            raw = f"{alias}.{found.raw}" if found.raw else ""
            return replace(found, sql=f"{alias}.{found.sql}", raw=raw)
        found_field = relation.entity.find_field(node.name)
        if found_field is None:
            raise Refused(f"the column {node.name!r}")
        return self.leaf(relation.entity, found_field, alias)

    def leaf(self, entity: Entity, column: Field, alias: str) -> Value:
        """A stored column as its Arrow type says it should read."""
        kind, scale = kind_of(column.type)
        storage = self.tables.storage(entity, column)
        template = self.emitter.dialect.leaves.get(storage.leaf)
        if template is None:
            raise Refused(f"a column stored as {storage.leaf}")
        raw = f"{alias}.{self.emitter.quoted(storage.name or column.name)}"
        return Value(
            sql=template.format(raw),
            kind=storage.kind or kind,
            scale=scale,
            raw=raw if storage.native else "",
            native=storage.native,
            nullable=column.nullable,
        )

    # -- subqueries ------------------------------------------------------------------------

    def _exists(self, node: exp.Exists, _: bool) -> Value:
        sql, _columns = self.query(node.this, self.scope)
        return truth(f"EXISTS ({sql})", nullable=False)

    def in_query(self, value: Value, query: exp.Expr) -> Value:
        inner = query.unnest() if isinstance(query, exp.Subquery) else query
        if inner.args.get("limit") and not self.emitter.dialect.in_limit:
            raise Refused("LIMIT inside IN")
        sql, columns = self.query(inner, self.scope)
        if len(columns) != 1:
            raise Refused("IN over several columns")
        (column,) = columns.values()
        if column.kind != value.kind or (column.scale != value.scale and self.emitter.dialect.scaled_decimals):
            raise Refused("IN over another type")
        if not self.emitter.knows("in", value.kind):
            raise Refused(f"IN over a query of {value.kind}")
        return truth(f"({self.emitter.sql(value)} IN ({sql}))")

    def _scalar(self, node: exp.Subquery, _: bool) -> Value:
        if not isinstance(node.this, exp.Query):
            return self.value(node.this)
        query = node.unnest()
        sql, columns = self.query(query, self.scope)
        if len(columns) != 1:
            raise Refused("a scalar subquery of several columns")
        if not self.emitter.dialect.scalar_checked and not _gives_one_row(query):
            raise Refused("a scalar subquery that may give several rows")
        (column,) = columns.values()
        return Value(sql=f"({sql})", kind=column.kind, scale=column.scale)

    # -- aggregates and windows ------------------------------------------------------------

    def _aggregate(self, node: exp.Expr, _: bool) -> Value:
        return self._aggregated(node, "", "")

    def _filter(self, node: exp.Filter, _: bool) -> Value:
        expect(node, "this", "expression")
        return self._aggregated(node.this, self.condition(node.expression.this, positive=False), "")

    def _aggregated(self, node: exp.Expr, condition: str, over: str) -> Value:
        """An aggregate; a FILTER becomes a CASE, because aggregates skip NULL."""
        function = _AGGREGATES.get(type(node))
        if function is None:
            raise Refused(node.key.upper())
        expect(node, "this")
        argument, distinct = node.this, ""
        if isinstance(argument, exp.Distinct):
            expect(argument, "expressions")
            if len(argument.expressions) != 1 or over:
                raise Refused("DISTINCT over several columns or in a window")
            argument, distinct = argument.expressions[0], "DISTINCT "
        if isinstance(node, exp.CountIf):
            test = self.condition(argument, positive=False)
            condition = self.emitter.text("and", condition, test) if condition else test
            argument = exp.Star()
        if isinstance(argument, exp.Star):
            counted = f"CASE WHEN {condition} THEN 1 END" if condition else "*"
            return Value(
                sql=self.emitter.text("count", self._without_queries(counted)) + over, kind="int", nullable=False
            )
        value = self.value(argument)
        if value.kind == "null":
            raise Refused("an aggregate of NULL")
        _check_aggregate(node, function, value)
        argument_sql = self._argument(function, value, condition, distinct)
        inner = replace(value, sql=argument_sql, constant=False, condition=False)
        if function == "count":
            return Value(sql=self.emitter.op("count", inner) + over, kind="int", nullable=False)
        if function == "avg":
            total = self.emitter.convert(replace(inner, sql=self.emitter.op("sum", inner) + over), "double")
            count = self.emitter.op("count", inner) + over
            return Value(sql=self.emitter.text("avg", total.sql, count), kind="double")
        return Value(sql=self.emitter.op(function, inner) + over, kind=value.kind, scale=value.scale)

    def _argument(self, function: str, value: Value, condition: str, distinct: str) -> str:
        sql = self.emitter.sql(value)
        if function == "count" and distinct:
            sql = self.emitter.text("distinct of", sql, kind=value.kind)
        elif self.emitter.has(f"{function} of:{value.kind}"):
            sql = self.emitter.text(f"{function} of", sql, kind=value.kind)
        return distinct + self._without_queries(f"CASE WHEN {condition} THEN {sql} END" if condition else sql)

    def _window(self, node: exp.Window, _: bool) -> Value:
        expect(node, "this", "partition_by", "order", "spec")
        over = f" OVER ({self._window_spec(node)})"
        inner = node.this
        unordered = not node.args.get("order") and (type(inner) in {*_RANKS, *_SHIFTS} or node.args.get("spec"))
        if unordered and self.emitter.dialect.window_order:
            raise Refused("a window without ORDER BY")
        if isinstance(inner, exp.Filter):
            condition = self.condition(inner.expression.this, positive=False)
            return self._aggregated(inner.this, condition, over)
        if type(inner) in _RANKS:
            expect(inner)
            return Value(sql=self.emitter.text(_RANKS[type(inner)]) + over, kind="int", nullable=False)
        if type(inner) in _SHIFTS:
            return self._shift(inner, over)
        return self._aggregated(inner, "", over)

    def _shift(self, node: exp.Expr, over: str) -> Value:
        expect(node, "this", "offset")
        value = self.value(node.this)
        operands = [self.emitter.sql(value)]
        if node.args.get("offset") is not None:
            operands.append(self.emitter.bound(self._whole(node.args["offset"], 1), "int32"))
        sql = self.emitter.text(_SHIFTS[type(node)], *operands) + over
        return Value(sql=sql, kind=value.kind, scale=value.scale)

    def _window_spec(self, node: exp.Window) -> str:
        parts = []
        partition = [self.value(p) for p in node.args.get("partition_by") or ()]
        if partition:
            parts.append(
                "PARTITION BY "
                + ", ".join(self.emitter.text("group", self.emitter.sql(p), kind=p.kind) for p in partition)
            )
        if node.args.get("order"):
            parts.append("ORDER BY " + self._order(node.args["order"], []))
        spec = node.args.get("spec")
        if spec is not None:
            expect(spec, "kind", "start", "start_side", "end", "end_side")
            if spec.args["kind"].upper() != "ROWS":
                raise Refused("a window frame that is not ROWS")
            start = self._bound(spec, "start")
            end = self._bound(spec, "end") if spec.args.get("end") else "CURRENT ROW"
            parts.append(f"ROWS BETWEEN {start} AND {end}")
        return " ".join(parts)

    def _bound(self, spec: exp.WindowSpec, which: str) -> str:
        edge, side = spec.args[which], str(spec.args.get(f"{which}_side") or "").upper()
        if isinstance(edge, str):
            text = f"{edge} {side}".strip().upper()
        else:
            text = f"{self._whole(edge, 0)} {side}"
        if text == "CURRENT ROW" or text.split(" ")[-1] in ("PRECEDING", "FOLLOWING"):
            return text
        raise Refused(f"a window frame with {text}")

    _methods: ClassVar[dict[type[exp.Expr], Callable[[Any, Any, bool], Value]]] = {
        **Expressions._methods,
        exp.Column: _column,
        exp.Exists: _exists,
        exp.Subquery: _scalar,
        exp.Filter: _filter,
        exp.Window: _window,
        **dict.fromkeys(_AGGREGATES, _aggregate),
    }


def _check_aggregate(node: exp.Expr, function: str, value: Value) -> None:
    if function in ("sum", "avg") and value.kind not in NUMERIC:
        raise Refused(f"{function.upper()} of {value.kind}")
    if isinstance(node, exp.LogicalAnd | exp.LogicalOr) and value.kind != "bool":
        raise Refused(f"{node.key.upper()} of {value.kind}")
    if function in ("min", "max") and value.kind == "binary":
        raise Refused(f"{function.upper()} of binary values")


def _renamed(columns: dict[str, Value]) -> dict[str, Value]:
    """Columns as the query around sees them; their names there are `c0`, `c1`, ..."""
    return {
        name: Value(sql=f"c{i}", kind=v.kind, scale=v.scale, nullable=True)
        for i, (name, v) in enumerate(columns.items())
    }


def _merged(left: Value, right: Value) -> Value:
    """A column of a set operation.

    Raises:
        Refused: the sides have different types.
    """
    if left.kind == "null":
        return right
    if right.kind in (left.kind, "null") and left.scale == right.scale:
        return left
    raise Refused("a set operation over different types")


def _gives_one_row(query: exp.Expr) -> bool:
    limit = query.args.get("limit")
    if limit is not None and isinstance(limit.expression, exp.Literal) and int(limit.expression.this) <= 1:
        return True
    return _aggregates_all(query)
