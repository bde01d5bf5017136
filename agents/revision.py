"""A query that was answered, and what a remark changes about it: a value, a period, a group, how many, in which order.

A bound query is a better ground for "and last year?" than the words of the question before: what is kept is kept
exactly, and what is changed is known by the field that it stands on. What comes out is the query language again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import sqlglot
from sqlglot import exp

from groundwire.agents import ways
from groundwire.agents.query_parts import Place as Place
from groundwire.agents.query_parts import (
    aggregates,
    among,
    conjuncts,
    has_value,
    key_of,
    label_for,
    literal,
    name_of,
    output_name,
    paths,
    sibling,
    whole_path,
)
from groundwire.core.binder import bind, entity_tables
from groundwire.core.catalog import Catalog, Entity, Relation
from groundwire.core.errors import QueryError
from groundwire.core.query import DIALECT

_MARK = "\u27e6"
"""Begins the texts by which columns are known again after names were resolved."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.In, exp.Like, exp.ILike, exp.Is)
_AMOUNTS = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_CALLED = ("name", "full_name", "title", "number", "subject", "label", "casenumber")
"""Fields by which people know a record."""
_FUNCTIONS: dict[str, type[exp.AggFunc]] = {
    "average": exp.Avg,
    "total": exp.Sum,
    "maximum": exp.Max,
    "minimum": exp.Min,
    "median": exp.Median,
}


class Revision:
    """A query to be changed; `sql` is what it has become.

    Args:
        sql: one SELECT in the query language that was answered.
        catalog: what its names mean.
        now: the clock of the answer.

    Raises:
        QueryError: it is no plain SELECT, or its names mean something else by now.
    """

    def __init__(self, sql: str, catalog: Catalog, now: datetime) -> None:
        tree = sqlglot.parse_one(sql, dialect=DIALECT)
        if not isinstance(tree, exp.Select) or tree.args.get("with_") or tree.args.get("from_") is None:
            raise QueryError("only a plain SELECT can be changed")
        self.select = tree
        self.catalog = catalog
        self._shown = {e.full_name: e for e in catalog}
        self._places = self._located(now)
        start = tree.args["from_"].this
        if not isinstance(start, exp.Table) or tree.args.get("joins"):
            raise QueryError("only a SELECT from one entity can be changed")
        self.root = catalog.entity(".".join(p.name for p in start.parts))

    @property
    def sql(self) -> str:
        """The query as it stands."""
        return str(self.select.sql(DIALECT))

    def copy(self) -> Revision:
        """The same query, to be changed apart from this one."""
        made = object.__new__(Revision)
        made.select, made.catalog, made._shown, made.root = self.select.copy(), self.catalog, self._shown, self.root
        made._places = dict(self._places)
        return made

    # -- what it is ------------------------------------------------------------------------

    def _located(self, now: datetime) -> dict[str, Place]:
        """For every column as it is written, and the SELECT that it is in, the field that it is."""
        marked = self.select.copy()
        keys: list[str] = []
        for node in list(paths(marked)):
            key = key_of(node)
            if key not in keys:
                keys.append(key)
        for node in list(paths(marked)):
            mark = exp.Literal.string(f"{_MARK}{keys.index(key_of(node))}")
            node.replace(exp.Coalesce(this=node.copy(), expressions=[mark]))
        bound = bind(marked.sql(DIALECT), self.catalog, now=now).tree
        entities = {t.alias: t.meta["entity"] for t in entity_tables(bound)}
        found: dict[str, Place] = {}
        for node in bound.find_all(exp.Coalesce):
            told = node.expressions[0] if node.expressions else None
            if not isinstance(told, exp.Literal) or not str(told.this).startswith(_MARK):
                continue
            column = node.this
            entity = entities.get(column.table) if isinstance(column, exp.Column) else None
            field = entity.find_field(column.name) if entity is not None else None
            if entity is not None and field is not None:
                found[keys[int(str(told.this)[1:])]] = Place(entity=entity, field=field, way=column.table)
        return found

    def place(self, node: exp.Expr) -> Place | None:
        """The field that a column of this query is."""
        return self._places.get(key_of(node))

    def places(self, node: exp.Expr) -> list[Place]:
        """The fields that an expression speaks of, each once."""
        found = (self.place(p) for p in paths(node))
        return list({p.name + p.way: p for p in found if p is not None}.values())

    def paths(self) -> Iterable[exp.Expr]:
        """Everything in the query that names a field."""
        return paths(self.select)

    @property
    def conditions(self) -> list[exp.Expr]:
        """What must hold of every record, one by one."""
        where = self.select.args.get("where")
        return list(conjuncts(where.this)) if where is not None else []

    @property
    def keys(self) -> list[exp.Expr]:
        """What is shown and is no aggregate, where anything else is one; else nothing."""
        return [i for i in self.select.selects if not aggregates(i)] if self.aggregated else []

    @property
    def aggregated(self) -> bool:
        """Whether rows stand for groups of records, or for all of them."""
        return bool(self.select.args.get("group")) or any(map(aggregates, self.select.selects))

    @property
    def ranked(self) -> bool:
        """Whether only the first of more rows are shown."""
        return self.select.args.get("limit") is not None

    @property
    def reachable(self) -> list[Entity]:
        """What the records of the query belong to, nearest first."""
        far = ways.distances(self._shown, self.root.full_name)
        return [self._shown[n] for n in sorted(far, key=lambda n: far[n])]

    def values_at(self, entity: str, field: str) -> list[str]:
        """Texts that a field is compared with."""
        found = []
        for test in self._tests(entity, field):
            found += [str(x.this) for x in test.find_all(exp.Literal) if x.is_string]
        return list(dict.fromkeys(found))

    def period(self) -> tuple[list[exp.Expr], Place | None]:
        """The conditions by which one moment is bounded, and that moment; nothing where none or several are."""
        found: dict[str, list[exp.Expr]] = {}
        at: dict[str, Place] = {}
        for test in self.conditions:
            places = self.places(test)
            if len(places) == 1 and places[0].is_moment and not isinstance(test, exp.Is) and not test.find(exp.Query):
                if isinstance(test, exp.Not) and test.find(exp.Is):
                    continue
                found.setdefault(places[0].name, []).append(test)
                at[places[0].name] = places[0]
        if len(found) != 1:
            return [], None
        name, tests = found.popitem()
        return tests, at[name]

    def _tests(self, entity: str, field: str) -> list[exp.Expr]:
        """Comparisons of a field with texts, wherever they stand."""
        found: list[exp.Expr] = []
        for test in self.select.find_all(*_COMPARISONS):
            column = test.find(exp.Column)
            place = self.place(whole_path(column)) if column is not None else None
            if place is None or place.entity.full_name != entity or place.field.name != field:
                continue
            constant = isinstance(test, exp.In) and not test.args.get("query")
            if constant or any(isinstance(x, exp.Literal | exp.Boolean) for x in test.iter_expressions()):
                found.append(test)
        return found

    # -- what a follow-up changes -----------------------------------------------------------

    def column(self, entity: Entity, field: str, role: str = "") -> exp.Expr | None:
        """How a field is written here: by a way that the query takes already, else by the cheapest; None without one.

        Args:
            entity: whose field.
            field: its name.
            role: a relation that must lead there, such as `owner`; empty for any.
        """
        if not role:
            for node in paths(self.select):
                place = self.place(node)
                if place is not None and place.entity is entity and node.parent_select is self.select:
                    return self._known(sibling(node, field), entity, field, place.way)
        start = self.select.args["from_"].this
        head = [exp.to_identifier(start.alias)] if start.alias else [p.copy() for p in start.parts]
        if entity is self.root and not role:
            return self._known(exp.column(name_of(field), *reversed(head)), entity, field, "")
        found = ways.between(self._shown, self.root.full_name, None if role else entity.full_name, role.lower())
        if not found:
            return None
        best = min(found, key=lambda way: (found[way], way))
        parts = [*head, *(name_of(r) for r in best), name_of(field)]
        made = exp.Dot.build(parts) if len(parts) > 4 else exp.column(*reversed(parts))
        return self._known(made, entity, field, ".".join(best))

    def _known(self, column: exp.Expr, entity: Entity, field: str, way: str) -> exp.Expr:
        holder = exp.select(column).from_("x")
        self._places[key_of(holder.selects[0])] = Place(entity=entity, field=entity.field(field), way=way)
        return column

    def compare(self, entity: Entity, field: str, values: Sequence[str], *, negated: bool = False) -> bool | None:
        """Let a field have one of some values, in place of those that it is compared with.

        Returns:
            Whether others were replaced; None where the query has no way to the field.
        """
        told = [t for t in self._tests(entity.full_name, field) if not negated]
        if told:
            for test in told:
                known = whole_path(test.find(exp.Column))
                above = test.parent if isinstance(test.parent, exp.Not) else test
                above.replace(among(known.copy(), values, negated=False))
            return True
        column = self.column(entity, field)
        if column is not None:
            self.select.where(among(column, values, negated=negated), copy=False)
            return False
        way = ways.beyond(self._shown, self.root.full_name, entity.full_name)
        if way is None:
            return None
        path, rest = way
        self._exists(path, rest, field, values, negated=negated)
        return False

    def _exists(
        self, path: Sequence[Relation], rest: Sequence[Relation], field: str, values: Sequence[str], *, negated: bool
    ) -> None:
        """A condition on records that belong to the rows."""
        table = exp.to_table(".".join(name_of(r.name).sql(DIALECT) for r in path), dialect=DIALECT)
        inner = [*(name_of(r.name) for r in rest), name_of(field)]
        test = among(exp.column(*reversed(inner)), values, negated=False)
        for known in self.conditions:  # of the same records that are asked for already
            select = known.this if isinstance(known, exp.Exists) else None
            if isinstance(select, exp.Select) and select.args["from_"].this == table and not negated:
                select.where(test, copy=False)
                return
        query = exp.select("1").from_(table).where(test)
        found: exp.Expr = exp.Exists(this=query)
        self.select.where(exp.Not(this=found) if negated else found, copy=False)

    def within(self, spans: Sequence[str], moment: tuple[Entity, str] | None = None) -> bool | None:
        """Bound the moment that the query bounds already by another span of time, or else one that is named.

        Args:
            spans: conditions as `periods.Span` has them: an operator and an operand each.
            moment: which field is bounded where none is.

        Returns:
            Whether another span was replaced; None where no moment is known.
        """
        tests, place = self.period()
        if place is not None:
            column = whole_path(tests[0].find(exp.Column)).copy()
            for test in tests:
                self._drop(test)
        elif moment is not None:
            made = self.column(*moment)
            if made is None:
                return None
            column = made
        else:
            return None
        for span in spans:
            self.select.where(sqlglot.parse_one(f"{column.sql(DIALECT)} {span}", dialect=DIALECT), copy=False)
        return place is not None

    def without_period(self) -> bool:
        """Let all times count; whether they did not."""
        tests, place = self.period()
        for test in tests:
            self._drop(test)
        return place is not None

    def group_by(self, columns: Sequence[exp.Expr], *, added: bool) -> None:
        """Show the same figures for each value of other columns, or of more; of records, how many there are."""
        was = self.aggregated
        keys = [k.copy() for k in self.keys] if added else []
        if was:
            figures = [i.copy() for i in self.select.selects if aggregates(i)]
        else:
            figures = [exp.alias_(exp.Count(this=exp.Star()), label_for(self.root))]
            for key in ("distinct", "limit", "order"):
                self.select.set(key, None)
        gone = {k.sql(DIALECT) for k in self.keys} | {k.alias for k in self.keys if k.alias} if not added else set()
        self.select.set("expressions", [*keys, *(c.copy() for c in columns), *figures])
        self.select.set("group", exp.Group(expressions=[k.unalias().copy() for k in [*keys, *columns]]))
        self._sorted_by_what_is_left(gone)
        if (unit := next((c for c in columns if c.find(exp.TimestampTrunc)), None)) is not None and not added:
            self.select.set("limit", None)
            self.sort(unit, descending=False)

    def _sorted_by_what_is_left(self, gone: set[str]) -> None:
        order = self.select.args.get("order")
        for item in list(order.expressions) if order is not None else []:
            by = item.this
            left = aggregates(by) or (not isinstance(by, exp.Literal) and by.sql(DIALECT) not in gone)
            if isinstance(by, exp.Column) and by.name in gone:
                left = False
            if not left or isinstance(by, exp.Literal):
                item.pop()
        if order is not None and not order.expressions:
            self.select.set("order", None)

    def limit(self, count: int | None) -> None:
        """Show so many rows; None shows all."""
        self.select.set("limit", exp.Limit(expression=exp.Literal.number(count)) if count else None)
        if count and self.select.args.get("order") is None:
            figure = next((i for i in self.select.selects if aggregates(i)), None)
            if figure is not None:
                self.sort(figure, descending=True)

    def sort(self, by: exp.Expr, *, descending: bool) -> None:
        """Sort by something that is shown or can be."""
        name: exp.Expr = exp.column(by.alias) if by.alias else by.unalias().copy()
        ordered = exp.Ordered(this=name, desc=descending, nulls_first=False)
        self.select.set("order", exp.Order(expressions=[ordered]))

    def turn(self, *, descending: bool | None = None) -> bool:
        """Sort the other way round, or in one direction; False where nothing is sorted."""
        order = self.select.args.get("order")
        for item in order.expressions if order is not None else ():
            item.set("desc", (not item.args.get("desc")) if descending is None else descending)
            item.set("nulls_first", False)
        return order is not None

    def measure(self, name: str, column: exp.Expr | None = None) -> bool:
        """Another figure of the same records: `average`, `total`, `maximum`, `minimum`, `median` or `count`.

        Args:
            name: which.
            column: of what; the same as before without it.

        Returns:
            False where that means nothing here.
        """
        if name == "count":
            return column is None and self._count()
        function = _FUNCTIONS[name]
        figures = [i for i in self.select.selects if aggregates(i)]
        if len(figures) != 1:
            return False
        old = figures[0].unalias()
        if column is not None:
            self._replace_figure(figures[0], function(this=column.copy()), name)
            return True
        if not isinstance(old, exp.Sum | exp.Avg | exp.Max | exp.Min | exp.Median) or old.find(exp.Distinct):
            return False
        made = function(this=old.this.copy())
        self._replace_figure(figures[0], made, name)
        return True

    def _count(self) -> bool:
        if self.aggregated:
            figures = [i for i in self.select.selects if aggregates(i)]
            if len(figures) != 1:
                return False
            self._replace_figure(figures[0], exp.Count(this=exp.Star()), label_for(self.root))
            return True
        counted: exp.Expr = exp.Count(this=exp.Star())
        if self.select.args.get("distinct"):
            shown = self.select.selects
            if len(shown) != 1:
                return False
            counted = exp.Count(this=exp.Distinct(expressions=[shown[0].unalias().copy()]))
        self.select.set("expressions", [exp.alias_(counted, label_for(self.root))])
        for key in ("distinct", "limit", "order"):
            self.select.set(key, None)
        return True

    def _replace_figure(self, figure: exp.Expr, made: exp.Expr, name: str) -> None:
        old, alias = figure.unalias(), figure.alias
        for part in ("order", "having"):
            root = self.select.args.get(part)
            for node in list(root.find_all(exp.AggFunc, exp.Column)) if root is not None else []:
                if node == old or (alias and isinstance(node, exp.Column) and node.name == alias):
                    node.replace(made.copy())
        taken = {i.alias_or_name for i in self.select.selects if i is not figure}
        figure.replace(exp.alias_(made, name if name not in taken else f"{name}_2"))

    def show(self, column: exp.Expr) -> bool:
        """Show one more column of the same records or groups; False where rows are of neither."""
        if any(i.unalias() == column for i in self.select.selects):
            return True
        group = self.select.args.get("group")
        if self.aggregated:
            if group is None:
                return False
            group.append("expressions", column.copy())
            keys = len(self.keys)
            self.select.expressions.insert(keys, column.copy())
            self.select.set("expressions", self.select.expressions)
            return True
        self.select.select(column.copy(), copy=False)
        return True

    def threshold(self, number: str, *, above: bool, inclusive: bool) -> bool:
        """Another number in the one comparison with a number; False where there is none, or several."""
        having = self.select.args.get("having")
        tests = [*self.conditions, *(conjuncts(having.this) if having is not None else ())]
        found = []
        for test in tests:
            constant = test.expression if isinstance(test, _AMOUNTS) else None
            if isinstance(constant, exp.Literal) and not constant.is_string:
                found.append(test)
        if len(found) != 1:
            return False
        kind = (exp.GTE if inclusive else exp.GT) if above else (exp.LTE if inclusive else exp.LT)
        found[0].replace(kind(this=found[0].this.copy(), expression=exp.Literal.number(number)))
        return True

    def require(self, test: exp.Expr) -> None:
        """Add a condition."""
        self.select.where(test, copy=False)

    def among_shown(self, keys: Sequence[object]) -> bool:
        """Keep to the records of an answer that showed only the first of more; False where they can't be told."""
        if len(self.root.primary_key) != 1 or self.aggregated or not keys:
            return False
        key = self.column(self.root, self.root.primary_key[0])
        assert key is not None
        self.select.where(exp.In(this=key, expressions=[literal(k) for k in keys]), copy=False)
        self.select.set("limit", None)
        return True

    def exchange(self, old: tuple[Entity, str], new: tuple[Entity, str], values: Sequence[str]) -> bool:
        """Let another field have a value; False where the query has no way to it."""
        for test in self._tests(old[0].full_name, old[1]):
            self._drop(test)
        return self.compare(*new, values) is not None

    def rename(self, place: Place, field: str) -> None:
        """Bound another moment of the same record in place of one."""
        for test in self.period()[0]:
            for node in list(paths(test)):
                found = self.place(node)
                if found is not None and found.name == place.name:
                    node.replace(self._known(sibling(node, field), place.entity, field, place.way))

    def keep_row(self, row: Mapping[str, object]) -> bool:
        """Keep to what stands behind one row of the answer.

        Args:
            row: its cells by column.

        Returns:
            False where the row can't be told from others.
        """
        cells = {c.lower(): v for c, v in row.items()}
        told = self.keys if self.aggregated else self._telling(cells)
        if told is None:
            return False
        tests = []
        for item in told:
            name = output_name(item)
            if name not in cells:
                return False
            tests.append(has_value(item.unalias().copy(), cells[name]))
        for test in tests:
            self.select.where(test, copy=False)
        return True

    def _telling(self, cells: Mapping[str, object]) -> list[exp.Expr] | None:
        """The shown columns that tell records apart: the key, else all plain ones."""
        plain = [i for i in self.select.selects if self.place(i.unalias()) is not None and output_name(i) in cells]
        keys = [
            i
            for i in plain
            if (p := self.place(i.unalias())) and p.entity is self.root and p.field.name in self.root.primary_key
        ]
        return keys if keys and len(keys) == len(self.root.primary_key) else plain or None

    def records(self, *, most: int | None) -> None:
        """The records behind the figures in place of these, the largest first.

        Args:
            most: rows at most; None for all of them.
        """
        figures = [i.unalias() for i in self.select.selects if aggregates(i)]
        inside = [
            p for f in figures for a in f.find_all(exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median) for p in paths(a)
        ]
        amounts = list(
            {n.sql(DIALECT): n.copy() for n in inside if (p := self.place(n)) and p.entity is self.root}.values()
        )
        named = [f.name for f in self.root.fields if f.name.lower() in _CALLED]
        moments = [f.name for f in self.root.fields if pa.types.is_temporal(f.type)]
        wanted = [*self.root.primary_key, *named[:1]]
        shown = [c for n in dict.fromkeys(wanted) if (c := self.column(self.root, n)) is not None]
        shown += [a for a in amounts if a.sql(DIALECT) not in {s.sql(DIALECT) for s in shown}]
        bounded = self.period()[1]  # perhaps a moment of what the records belong to
        when = None
        if moments:
            entity, name = (bounded.entity, bounded.field.name) if bounded is not None else (self.root, moments[0])
            when = self.column(entity, name)
        if when is not None:
            shown.append(when)
        if not shown:
            shown = [c for f in self.root.fields[:6] if (c := self.column(self.root, f.name)) is not None]
        keys = [k.unalias().copy() for k in self.keys if self.place(k.unalias()) is not None]
        self.select.set(
            "expressions", [*shown, *(k for k in keys if k.sql(DIALECT) not in {s.sql(DIALECT) for s in shown})]
        )
        for part in ("group", "having", "order", "limit", "distinct"):
            self.select.set(part, None)
        by = amounts[0] if amounts else (shown[-1] if moments else None)
        if by is not None:
            self.sort(by.copy(), descending=True)
        if most is not None:
            self.select.set("limit", exp.Limit(expression=exp.Literal.number(most)))

    def of_row(self, column: exp.Expr) -> None:
        """What one row is called by, with one more column."""
        keys = [k.copy() for k in self.keys] if self.aggregated else [i.copy() for i in self.select.selects]
        self.select.set("expressions", [*keys, *([] if any(k.unalias() == column for k in keys) else [column.copy()])])
        for part in ("group", "having", "order", "limit"):
            self.select.set(part, None)
        self.select.set("distinct", exp.Distinct())

    def whole_record(self) -> None:
        """All fields of the rows' own records."""
        shown = [c for f in self.root.fields if not f.sensitive and (c := self.column(self.root, f.name)) is not None]
        self.select.set("expressions", shown)
        for part in ("order", "limit"):
            self.select.set(part, None)

    def _drop(self, test: exp.Expr) -> None:
        """Take a condition away."""
        above = test.parent
        while isinstance(above, exp.Paren):
            test, above = above, above.parent
        if isinstance(above, exp.Where):
            self.select.set("where", None)
        elif isinstance(above, exp.And):
            other = above.right if above.left is test else above.left
            above.replace(other)
            unwrapped = other.parent
            if isinstance(unwrapped, exp.Paren) and not isinstance(other, exp.And | exp.Or):
                unwrapped.replace(other)
