"""A scan of one entity as a query for its database: the contract's predicates instead of a tree."""

from __future__ import annotations

from sqlglot import exp

from groundwire.connectors.sql_compiler import SMALL, Compiled, Compiler, Tables, _Relation
from groundwire.connectors.sql_values import Emitter, Refused, Value, constant, kind_of, truth
from groundwire.core.catalog import Entity
from groundwire.core.connector import Aggregate, And, Comparison, Not, Or, Predicate, Scan

_ALIAS = "t1"


def output_columns(scan: Scan) -> list[Value]:
    """What the columns of a scan are, for products without tables of operations."""
    found = []
    for name in scan.fields:
        kind, scale = kind_of(scan.entity.field(name).type)
        found.append(Value(kind=kind, scale=scale))
    return found


def compiled_scan(scan: Scan, emitter: Emitter, tables: Tables) -> Compiled:
    """A scan for a database.

    Raises:
        Refused: the scan asks for what the database can't do exactly.
    """
    writer = Writer(scan.entity, emitter, tables)
    keys = [writer.column(name) for name in scan.group_by]
    outputs = [*keys, *(writer.aggregate(a) for a in scan.aggregates)] or [writer.column(f) for f in scan.fields]
    if not outputs:
        raise Refused("a scan of no columns")
    rest = f" FROM {writer.table}"
    if scan.where is not None:
        rest += f" WHERE {writer.predicate(scan.where, positive=True)}"
    if keys:
        rest += " GROUP BY " + ", ".join(writer.compiler.key(k) for k in keys)
    if scan.order:
        rest += " ORDER BY " + ", ".join(
            term
            for key in scan.order
            for term in writer.compiler.order_terms(
                writer.column(key.field), descending=key.descending, nulls_first=key.nulls_first
            )
        )
    rest += writer.compiler.limited(scan.limit, None, ordered=bool(scan.order))
    head = f"SELECT {writer.compiler.top(scan.limit, None)}"
    named = ", ".join(f"{emitter.sql(v)} AS c{i}" for i, v in enumerate(outputs))
    return Compiled(
        sql=emitter.checked(f"{head}{named}{rest}"),
        parameters=emitter.parameters,
        columns=tuple(outputs),
        small=bool(scan.aggregates and not keys) or (scan.limit is not None and scan.limit <= SMALL),
        bulk="" if keys or scan.aggregates else writer.compiler.quick_select(head, outputs) + rest,
    )


def predicate(entity: Entity, condition: Predicate, emitter: Emitter, tables: Tables) -> str:
    """A predicate as text.

    Raises:
        Refused: the database can't decide it exactly.
    """
    return Writer(entity, emitter, tables).predicate(condition, positive=True)


class Writer:
    def __init__(self, entity: Entity, emitter: Emitter, tables: Tables) -> None:
        self.entity = entity
        self.emitter = emitter
        self.compiler = Compiler(emitter, tables)
        self.compiler.scope.relations[_ALIAS] = _Relation(_ALIAS, entity=entity)
        self.compiler.scope.single = True
        self.table = ".".join(emitter.quoted(p) for p in tables.path(entity))
        self.table += emitter.dialect.alias + emitter.quoted(_ALIAS)

    def column(self, name: str) -> Value:
        found = self.entity.find_field(name)
        if found is None:
            raise Refused(f"the column {name!r}")
        return self.compiler.leaf(self.entity, found, self.emitter.quoted(_ALIAS))

    def aggregate(self, wanted: Aggregate) -> Value:
        if wanted.field is None:
            return self.compiler.value(exp.Count(this=exp.Star()))
        column: exp.Expr = exp.column(exp.to_identifier(wanted.field, quoted=True), table=_ALIAS)
        if wanted.function == "count_distinct":
            return self.compiler.value(exp.Count(this=exp.Distinct(expressions=[column])))
        kinds = {"count": exp.Count, "sum": exp.Sum, "min": exp.Min, "max": exp.Max, "avg": exp.Avg}
        return self.compiler.value(kinds[wanted.function](this=column))

    def predicate(self, node: Predicate, *, positive: bool) -> str:
        """A condition; `positive` as in `Expressions.value`."""
        if isinstance(node, Comparison):
            return self.emitter.truth(self._comparison(node, positive))
        if isinstance(node, Not):
            return self.emitter.text("not", self.predicate(node.term, positive=False))
        word = " AND " if isinstance(node, And) else " OR "
        return "(" + word.join(self.predicate(t, positive=positive) for t in node.terms) + ")"

    def _comparison(self, node: Comparison, positive: bool) -> Value:
        column, emitter = self.column(node.field), self.emitter
        if node.op in ("is null", "is not null"):
            return truth(emitter.op(node.op, column))
        if node.op in ("in", "not in"):
            found = self.compiler.in_list(column, [constant(v) for v in node.value], positive and node.op == "in")
            return found if node.op == "in" else truth(emitter.text("not", found.sql))
        if node.op == "like":
            pattern = constant(node.value)
            if not emitter.dialect.any_character and "_" in node.value:
                raise Refused("a pattern with an underscore")
            if column.kind != "text" or pattern.kind != "text" or "\x00" in node.value:
                raise Refused("LIKE over something that is not text")
            return truth(emitter.op("like", column, pattern))
        return self.compiler.compare(node.op, column, constant(node.value), positive)


__all__ = ["Or", "compiled_scan", "output_columns", "predicate"]
