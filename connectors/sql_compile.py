"""A bound query in a database's own words: names quoted, text compared byte by byte, values bound."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from groundwire.connectors.sql_rules import Dialect
from groundwire.core.catalog import Entity

_MARK = "\u0001"
_TEXT_FUNCTIONS = (
    exp.Lower,
    exp.Upper,
    exp.DPipe,
    exp.Trim,
    exp.Coalesce,
    exp.Nullif,
    exp.Case,
    exp.Min,
    exp.Max,
)


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """Text for the driver with its parameters in order; `shown` has `?` for every value."""

    text: str
    parameters: tuple[Any, ...]
    shown: str


def reason_to_refuse(query: exp.Query, dialect: Dialect) -> str | None:
    """None where the database gives the rows that DuckDB would, else the first reason why not."""
    if not dialect.nodes:
        return f"{dialect.name or 'this database'} takes one table at a time"
    query = _with_constants(query)
    for node in query.walk():
        if type(node) not in dialect.nodes and not isinstance(node, exp.SetOperation):
            return f"{node.key} may differ in {dialect.name}"
        if isinstance(node, exp.SetOperation) and type(node) not in dialect.nodes:
            return f"{node.key} may differ in {dialect.name}"
        reason = _node_reason(node, dialect)
        if reason:
            return reason
    return None


def _node_reason(node: exp.Expression, dialect: Dialect) -> str | None:
    if isinstance(node, exp.Join) and node.side.upper() in ("FULL", "RIGHT") and dialect.name != "postgres":
        return f"{node.side} JOIN may differ in {dialect.name}"
    if isinstance(node, exp.Join) and (node.args.get("method") or node.kind.upper() in ("SEMI", "ANTI")):
        return "this kind of join is DuckDB's own"
    if isinstance(node, exp.Cast) and node.to.this.name not in dialect.casts:
        return f"CAST to {node.to.this.name} may differ in {dialect.name}"
    if (
        isinstance(node, exp.Extract)
        and dialect.name != "postgres"
        and node.name.upper() not in ("YEAR", "MONTH", "DAY", "HOUR")
    ):
        return f"EXTRACT {node.name} may differ in {dialect.name}"
    if isinstance(node, exp.Distinct) and isinstance(node.parent, exp.Select) and node.args.get("on"):
        return "DISTINCT ON is not pushed down"
    if isinstance(node, exp.Group) and any(v for k, v in node.args.items() if k != "expressions"):
        return "GROUP BY ALL and grouping sets are not pushed down"
    if isinstance(node, exp.Like) and isinstance(node.parent, exp.Escape):
        return "LIKE with ESCAPE is not pushed down"
    if isinstance(node, exp.Like) and not (
        isinstance(node.expression, exp.Literal) and "\\" not in node.expression.this
    ):
        return "LIKE with a computed pattern or a backslash may differ"
    if isinstance(node, exp.Round) and not _is_decimal(node.this):
        return "ROUND of a float may differ"
    if isinstance(node, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
        left, right = node.this.unnest(), node.expression.unnest()
        if _mismatched(left, right) or _mismatched(right, left):
            return "text is compared with something that is not text"
        if isinstance(left, exp.Column) and isinstance(right, exp.Column) and _kind(left) != _kind(right):
            if None not in (_kind(left), _kind(right)):
                return "columns of different types are compared"
    if isinstance(node, exp.AggFunc) and not dialect.exact_decimals and isinstance(node, exp.Sum | exp.Avg):
        return None if _is_exact(node.this) else f"decimals are not exact in {dialect.name}"
    if isinstance(node, exp.Column) and dialect.temporal_text:
        return _temporal_reason(node, dialect)
    return None


def _temporal_reason(column: exp.Column, dialect: Dialect) -> str | None:
    kind = _kind(column)
    if kind not in ("timestamp", "time", "date", "decimal"):
        return None
    above = column.parent
    plain = isinstance(above, exp.Select | exp.Alias | exp.Group | exp.Count | exp.Distinct | exp.Is)
    comparing = isinstance(
        above, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE | exp.Between | exp.In
    )
    ranking = isinstance(above, exp.Ordered | exp.Min | exp.Max)
    if plain or (kind in ("date", "decimal") and (comparing or ranking)):
        return None
    return f"a {kind} in an expression may differ in {dialect.name}"


def _field_type(column: exp.Expression) -> pa.DataType | None:
    """The type of a column that belongs to an entity; None for columns of derived tables."""
    select = column.parent_select
    while isinstance(column, exp.Column) and select is not None:
        nodes = [select.args.get("from_"), *(select.args.get("joins") or ())]
        for holder in nodes:
            node = holder.this if holder is not None else None
            if node is not None and node.alias_or_name == column.table:
                entity: Entity | None = node.meta.get("entity") if isinstance(node, exp.Table) else None
                field = entity.find_field(column.name) if entity else None
                return field.type if field else None
        select = select.parent_select
    return None


def _kind(node: exp.Expression) -> str | None:
    type_ = _field_type(node)
    if type_ is None:
        return None
    for name, test in (
        ("text", pa.types.is_string),
        ("timestamp", pa.types.is_timestamp),
        ("date", pa.types.is_date),
        ("time", pa.types.is_time),
        ("boolean", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("decimal", pa.types.is_decimal),
    ):
        if test(type_):
            return name
    return "float" if pa.types.is_floating(type_) else "other"


def _mismatched(column: exp.Expression, other: exp.Expression) -> bool:
    if not isinstance(column, exp.Column) or not isinstance(other, exp.Literal):
        return False
    kind = _kind(column)
    if kind is None:
        return False
    if other.is_string:
        return kind not in ("text", "date", "timestamp", "time")
    return kind not in ("integer", "decimal", "float")


def _is_decimal(node: exp.Expression) -> bool:
    columns = list(node.find_all(exp.Column))
    return (
        bool(columns)
        and all(_kind(c) in ("decimal", "integer") for c in columns)
        and not node.find(exp.Avg, exp.Div)
    )


def _is_exact(node: exp.Expression) -> bool:
    return all(_kind(c) in ("integer", "float", "boolean") for c in node.find_all(exp.Column))


def _is_text(node: exp.Expression) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Column):
        return _kind(node) == "text"
    if isinstance(node, exp.Lower | exp.Upper | exp.DPipe | exp.Trim):
        return True
    if isinstance(node, _TEXT_FUNCTIONS):
        return any(_is_text(c) for c in node.iter_expressions() if not isinstance(c, exp.If)) or any(
            _is_text(i.args["true"]) for i in node.args.get("ifs") or ()
        )
    return False


# -- compiling -------------------------------------------------------------------------------


def compile_query(query: exp.Query, dialect: Dialect, paramstyle: str) -> Compiled:
    """The query as text and parameters for a driver of that DB-API paramstyle."""
    tree = _with_constants(query)
    _resolve_positions(tree)
    if dialect.text_order:
        _binary_order(tree, dialect.text_order)
    if dialect.text_equality:
        _binary_text(tree)
    for table in tree.find_all(exp.Table):
        entity: Entity | None = table.meta.get("entity")
        if entity is None:
            continue
        schema, dot, name = entity.name.partition(".")
        table.set("this", exp.to_identifier(name if dot else schema, quoted=True))
        table.set("db", exp.to_identifier(schema, quoted=True) if dot else None)
    values = _take_values(tree)
    text = tree.sql(dialect.name or None, identify=True)
    if dialect.name == "mysql":
        text = text.replace("`", '"')  # sessions run with ANSI_QUOTES
    order: list[Any] = []
    formatted = paramstyle in ("format", "pyformat")
    if formatted:
        text = text.replace("%", "%%")

    def place(match: re.Match[str]) -> str:
        order.append(values[int(match[1])])
        return "%s" if formatted else "?"

    pattern = re.compile(f"{_MARK}(\\d+){_MARK}")
    shown = pattern.sub("?", text).replace("%%", "%")
    return Compiled(text=pattern.sub(place, text), parameters=tuple(order), shown=shown)


def _with_constants(query: exp.Query) -> exp.Query:
    """A copy in which `CAST('2024-01-31' AS DATE)` is its plain literal where it is compared with a column."""
    tree = query.copy()
    for cast in list(tree.find_all(exp.Cast)):
        inner = cast.this
        above = cast.parent
        if not (
            isinstance(inner, exp.Literal)
            and inner.is_string
            and isinstance(above, exp.Binary | exp.Between | exp.In)
        ):
            continue
        sides = [c for c in above.iter_expressions() if c is not cast]
        if isinstance(above, exp.Add | exp.Sub | exp.Mul | exp.Div) or not any(
            isinstance(s, exp.Column) for s in sides
        ):
            continue
        if cast.to.this.name in ("DATE", "TIMESTAMP") and all(
            _kind(s) in ("date", "timestamp") for s in sides if isinstance(s, exp.Column)
        ):
            literal = exp.Literal.string(inner.this)
            literal.meta["temporal"] = True
            cast.replace(literal)
    return tree


def _resolve_positions(tree: exp.Query) -> None:
    """ORDER BY 2 as the name or expression that it means: null placement is written around it."""
    for select in tree.find_all(exp.Select):
        order = select.args.get("order")
        for key in order.expressions if order else ():
            node = key.this
            if (
                isinstance(node, exp.Literal)
                and node.is_int
                and 0 < int(node.this) <= len(select.expressions)
            ):
                key.set("this", select.expressions[int(node.this) - 1].unalias().copy())
            elif isinstance(node, exp.Column) and not node.table:
                found = next(
                    (
                        e.this
                        for e in select.expressions
                        if isinstance(e, exp.Alias) and e.alias.lower() == node.name.lower()
                    ),
                    None,
                )
                if found is not None and not select.args.get("distinct"):
                    key.set("this", found.copy())
        group = select.args.get("group")
        if group is None:
            continue
        for index, key in enumerate(list(group.expressions)):
            if isinstance(key, exp.Column) and not key.table:
                found = next(
                    (
                        e.this
                        for e in select.expressions
                        if isinstance(e, exp.Alias) and e.alias.lower() == key.name.lower()
                    ),
                    None,
                )
                if found is not None:
                    group.expressions[index].replace(found.copy())
            elif isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(select.expressions):
                group.expressions[index].replace(select.expressions[int(key.this) - 1].unalias().copy())


def _binary_order(tree: exp.Query, collation: str) -> None:
    def collated(node: exp.Expression) -> exp.Expression:
        return exp.Collate(this=exp.paren(node.copy()), expression=exp.to_identifier(collation, quoted=True))

    for node in list(
        tree.find_all(exp.Ordered, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Min, exp.Max)
    ):
        if _is_text(node.this):
            node.set("this", collated(node.this))


def _binary_text(tree: exp.Query) -> None:
    """Compare text byte by byte, and let an index help where the other side is a constant."""
    columns = [c for c in tree.find_all(exp.Column) if _kind(c) == "text"]
    for column in columns:
        above = column.parent
        if isinstance(above, exp.Alias | exp.Select) and not above.find_ancestor(exp.In):
            continue
        if isinstance(above, exp.Is | exp.Count):
            continue
        binary = exp.Collate(
            this=exp.Anonymous(
                this="CONVERT",
                expressions=[exp.Var(this=f"{column.sql('mysql', identify=True)} USING utf8mb4")],
            ),
            expression=exp.Var(this="utf8mb4_nopad_bin"),
        )
        indexed = (
            isinstance(above, exp.EQ | exp.In) and column.arg_key == "this" and not above.args.get("query")
        )
        if indexed and not list(above.find_all(exp.Column))[1:] and not isinstance(above.parent, exp.Not):
            original = above.copy()
            column.replace(binary)
            above.replace(exp.paren(exp.and_(original, above.copy())))
        else:
            column.replace(binary)


def _take_values(tree: exp.Query) -> list[Any]:
    """Replace literals by marks; their values in the order of the marks."""
    values: list[Any] = []
    counter = itertools.count()
    for literal in list(tree.find_all(exp.Literal)):
        above = literal.parent
        if isinstance(
            above, exp.Limit | exp.Offset | exp.Interval | exp.DataTypeParam | exp.Ordered | exp.Round
        ):
            continue
        if isinstance(above, exp.Group) or (
            isinstance(above, exp.Select) and literal.arg_key == "expressions" and not literal.is_string
        ):
            continue
        if (
            isinstance(above, exp.TimestampTrunc | exp.DateTrunc | exp.WindowSpec | exp.PercentileCont)
            and literal.arg_key != "this"
        ):
            continue
        if isinstance(above, exp.PercentileCont):
            continue
        values.append(_value(literal))
        literal.replace(exp.Var(this=f"{_MARK}{next(counter)}{_MARK}"))
    return values


def _value(literal: exp.Literal) -> Any:
    text = literal.this
    if literal.is_string:
        if literal.meta.get("temporal") and len(text) > 10:
            return text if len(text) < 20 else str(dt.datetime.fromisoformat(text))
        return text
    if literal.is_int:
        return int(text)
    return float(text) if "e" in text.lower() else Decimal(text)
