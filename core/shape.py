"""What a fragment asks, and whether rows that were read earlier hold what it asks: the four questions of cache reuse.

Does the copy have the columns, were its filters no narrower, was it not cut short, and, where it was, is the order
the same? If so, the ask is answered by DuckDB over the copy, as the source would have answered it. The questions
are those of Steampipe's query cache (`query_cache/index_item.go`); that filters are compared by implication and that
aggregates are computed from cached rows is ours.

A shape says nothing of who asks, nor of when; that is `core/cache`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from groundwire.core.binder import entity_tables
from groundwire.core.catalog import Entity
from groundwire.core.connector import (
    And,
    Capabilities,
    Comparison,
    Connector,
    Not,
    Or,
    Order,
    Predicate,
    Pushdown,
    Scan,
)
from groundwire.core.predicates import Translator, columns_of, conjuncts
from groundwire.core.query import DIALECT
from groundwire.core.schema import quoted

COPY = "copy"
"""Name under which a cached table is queried."""

UNKNOWN = "unknown"
"""Type of a field that a scan filters by without delivering it: no copy can be known to hold it."""

_SYMBOLS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "like": "LIKE"}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one entity, as a fragment reads or needs them.

    Attributes:
        columns: the field in each column that the fragment delivers; None where it delivers something else.
        plain: the fragment delivers every matching row, in any order.
        needed: fields that must be there to compute the fragment, with their types as text.
        terms: conditions that all hold: predicates, or SQL for what can't be said as one.
        order, limit: which of the matching rows are delivered, where not all.
        sql: the fragment over a table named `copy` whose columns are fields.
        values: of the parameters in `sql`.
    """

    columns: Mapping[str, str] | None
    plain: bool
    needed: Mapping[str, str]
    terms: tuple[Predicate | str, ...]
    order: tuple[Order, ...]
    limit: int | None
    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one fragment asks.

    Attributes:
        text: equal texts ask for the same.
        entities: full names of what is read.
        schema: columns of the answer.
        rows: set where the fragment reads rows of a single entity.
    """

    text: str
    entities: tuple[str, ...]
    schema: pa.Schema
    rows: Rows | None


# -- from fragments --------------------------------------------------------------------------


def of_scan(scan: Scan) -> Shape:
    """The shape of a scan."""
    outline = (scan.fields, scan.group_by, scan.aggregates, scan.order, scan.limit)
    terms = _flat(scan.where)
    parameters: list[Any] = []
    where = " AND ".join(_sql_of(t, parameters) for t in terms)
    if scan.group_by or scan.aggregates:
        made = [f"{_aggregate(a.function, a.field)} AS {quoted(a.alias)}" for a in scan.aggregates]
        shown = [*(quoted(g) for g in scan.group_by), *made]
        counted = {a.field for a in scan.aggregates if a.field is not None}
        delivered: Mapping[str, str] | None = None
        needed = {*scan.group_by, *counted}
    else:
        shown = [quoted(f) for f in scan.fields]
        delivered = {f: f for f in scan.fields}
        needed = set(scan.fields)
    needed |= {c.field for t in terms for c in _comparisons(t)} | {o.field for o in scan.order}
    parts = [f"SELECT {', '.join(shown)} FROM {COPY}"]
    parts += [f"WHERE {where}"] if where else []
    parts += [f"GROUP BY {', '.join(quoted(g) for g in scan.group_by)}"] if scan.group_by else []
    parts += [f"ORDER BY {', '.join(_order_sql(o) for o in scan.order)}"] if scan.order else []
    parts += [f"LIMIT {scan.limit}"] if scan.limit is not None else []
    types = {f.name: str(f.type) for f in scan.entity.fields} | {n: str(t) for n, t in scan.types.items()}
    rows = Rows(
        columns=delivered,
        plain=delivered is not None and not scan.order and scan.limit is None,
        needed={n: types.get(n, UNKNOWN) for n in needed},
        terms=terms,
        order=scan.order,
        limit=scan.limit,
        sql=" ".join(parts),
        values=tuple(parameters),
    )
    text = json.dumps([scan.entity.full_name, repr(scan.where), repr(outline), str(scan.schema)])
    return Shape(text=text, entities=(scan.entity.full_name,), schema=scan.schema, rows=rows)


def of_query(query: exp.Query, entities: Sequence[Entity], schema: pa.Schema) -> Shape:
    """The shape of a whole query."""
    sql = query.sql(DIALECT)
    names = tuple(sorted({e.full_name for e in entities}))
    rows = _rows_of(query, entities[0]) if len(names) == 1 else None
    return Shape(text=json.dumps([sql, str(schema)]), entities=names, schema=schema, rows=rows)


def _rows_of(query: exp.Query, entity: Entity) -> Rows | None:
    """The rows that a SELECT over one table reads; None for anything that reads it twice or through a subquery."""
    tables = list(entity_tables(query))
    if len(tables) != 1 or not isinstance(query, exp.Select) or query.args.get("with_"):
        return None
    source = query.args.get("from_")
    if source is None or source.this is not tables[0] or query.find(exp.Subquery):
        return None
    if query.args.get("joins") or query.args.get("laterals"):
        return None
    alias = tables[0].alias
    if any(c.table not in (alias, "") for c in query.find_all(exp.Column)):
        return None
    types = {f.name: f.type for f in entity.fields}
    translator = Translator(entity, _EVERYTHING, alias, types)
    terms: list[Predicate | str] = []
    for condition in conjuncts(query.args.get("where")):
        offer = translator.offer(condition)
        terms += [condition.sql(DIALECT)] if offer is None or not offer.exact else _flat(offer.predicate)
    needed = {c.name for c in columns_of(query, alias)}
    if not needed <= types.keys():
        return None
    over = query.copy()
    for table in entity_tables(over):
        plain = exp.Table(
            this=exp.to_identifier(COPY), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))
        )
        table.replace(plain)
    columns = _delivered(query, alias)
    return Rows(
        columns=columns,
        plain=columns is not None and not query.args.get("order") and not query.args.get("limit"),
        needed={n: str(types[n]) for n in needed},
        terms=tuple(terms),
        order=(),
        limit=_limit_of(query),
        sql=over.sql(DIALECT),
    )


def _delivered(query: exp.Select, alias: str) -> dict[str, str] | None:
    """The column for each field, of a SELECT that delivers rows as they are."""
    made = ("group", "having", "distinct", "qualify", "offset", "windows")
    if any(query.args.get(part) for part in made):
        return None
    found: dict[str, str] = {}
    for shown in query.expressions:
        column = shown.unalias()
        if not isinstance(column, exp.Column) or column.table != alias or shown.alias_or_name in found:
            return None
        found[shown.alias_or_name] = column.name
    return found


def _limit_of(query: exp.Select) -> int | None:
    limit = query.args.get("limit")
    if limit is None:
        return None
    value = limit.expression
    return int(value.this) if isinstance(value, exp.Literal) and value.is_int else 0


class _Everything(Connector):
    """Takes every predicate: what can be said as one, whoever can execute it."""

    capabilities = Capabilities(boolean=True, max_in=1_000_000)

    def discover(self) -> list[Entity]:
        return []

    def scan(self, scan: Scan, report: Any) -> Any:
        raise NotImplementedError

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        return Pushdown.EXACT


_EVERYTHING = _Everything("", None)


def _flat(predicate: Predicate | None) -> tuple[Predicate, ...]:
    """The conditions that must all be true."""
    if predicate is None:
        return ()
    return tuple(p for t in predicate.terms for p in _flat(t)) if isinstance(predicate, And) else (predicate,)


def _comparisons(predicate: Predicate) -> Iterable[Comparison]:
    if isinstance(predicate, Comparison):
        yield predicate
    elif isinstance(predicate, Not):
        yield from _comparisons(predicate.term)
    else:
        for term in predicate.terms:
            yield from _comparisons(term)


def _sql_of(predicate: Predicate, parameters: list[Any]) -> str:
    """The predicate over columns named by fields; values are appended to the parameters."""
    if isinstance(predicate, Not):
        return f"NOT ({_sql_of(predicate.term, parameters)})"
    if not isinstance(predicate, Comparison):
        word = " AND " if isinstance(predicate, And) else " OR "
        return "(" + word.join(_sql_of(t, parameters) for t in predicate.terms) + ")"
    field = quoted(predicate.field)
    if predicate.op in ("is null", "is not null"):
        return f"{field} {predicate.op.upper()}"
    if predicate.op in ("in", "not in"):
        parameters.extend(predicate.value)
        return f"{field} {predicate.op.upper()} ({', '.join('?' * len(predicate.value))})"
    parameters.append(predicate.value)
    return f"{field} {_SYMBOLS[predicate.op]} ?"


def _aggregate(function: str, field: str | None) -> str:
    if field is None:
        return "COUNT(*)"
    return (
        f"COUNT(DISTINCT {quoted(field)})" if function == "count_distinct" else f"{function.upper()}({quoted(field)})"
    )


def _order_sql(order: Order) -> str:
    direction = "DESC" if order.descending else "ASC"
    return f"{quoted(order.field)} {direction} NULLS {'FIRST' if order.nulls_first else 'LAST'}"


# -- the four questions ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Held:
    """Rows of one entity that a copy holds: `columns` are its fields with their types as text."""

    columns: Mapping[str, str]
    terms: tuple[Predicate | str, ...]
    order: tuple[Order, ...] = ()
    limit: int | None = None


def held_by(rows: Rows, schema: pa.Schema, count: int) -> Held | None:
    """What so many delivered rows of a fragment hold; None where they can serve no other ask.

    A list that ended before its limit holds every matching row. One whose order is not a scan's serves only its equal.
    """
    if rows.columns is None:
        return None
    cut = rows.limit is not None and count >= rows.limit
    if cut and not rows.order:
        return None
    return Held(
        columns={field: str(schema.field(column).type) for column, field in rows.columns.items()},
        terms=rows.terms,
        order=rows.order if cut else (),
        limit=rows.limit if cut else None,
    )


def answers(held: Held, asked: Rows) -> bool:
    """Whether the copy holds all that the ask needs.

    Columns, filters, limit, order: every field that is needed is there in the same type; every condition of the copy
    follows from the ask's; and a copy that was cut is the beginning of the same list.
    """
    if any(held.columns.get(name) != type_ for name, type_ in asked.needed.items()):
        return False
    if held.limit is not None:
        same = asked.order == held.order and set(asked.terms) == set(held.terms)
        return same and asked.limit is not None and asked.limit <= held.limit and asked.columns is not None
    return all(follows(term, asked.terms) for term in held.terms)


def is_plain(held: Held, asked: Rows) -> bool:
    """Whether the copy's rows, as they are, are the ask's."""
    return asked.plain and held.limit is None and set(held.terms) == set(asked.terms)


def follows(term: Predicate | str, given: Sequence[Predicate | str]) -> bool:
    """Whether the term is true wherever all given conditions are; False where that can't be told."""
    if term in given:
        return True
    if isinstance(term, str):
        return False
    if isinstance(term, And):
        return all(follows(t, given) for t in term.terms)
    if isinstance(term, Or) and any(follows(t, given) for t in term.terms):
        return True
    for one in given:
        if isinstance(one, Or) and all(follows(term, (*_flat(branch),)) for branch in one.terms):
            return True
    if not isinstance(term, Comparison):
        return False
    return any(isinstance(g, Comparison) and g.field == term.field and _implies(g, term) for g in given)


_TOWARDS = {"<": "<", "<=": "<", ">": ">", ">=": ">"}


def _implies(given: Comparison, term: Comparison) -> bool:
    """Whether every value for which `given` is true makes `term` true; both are about the same field."""
    if term.op == "is not null":
        return given.op != "is null"
    if given.op in ("=", "in"):
        values = given.value if given.op == "in" else (given.value,)
        return all(_holds(v, term) for v in values)
    if given.op not in _TOWARDS or term.op not in (*_TOWARDS, "!="):
        return given.op == "not in" and term.op in ("!=", "not in") and _excluded(term) <= set(given.value)
    if isinstance(given.value, str):  # whose order is the source's
        return False
    try:
        if term.op == "!=":
            return not _holds(term.value, given)
        if _TOWARDS[given.op] != _TOWARDS[term.op]:
            return False
        if given.value == term.value:
            return "=" in term.op or "=" not in given.op
        return bool(given.value < term.value) if given.op.startswith("<") else bool(given.value > term.value)
    except TypeError:
        return False


def _excluded(term: Comparison) -> set[Any]:
    return set(term.value) if term.op == "not in" else {term.value}


def _holds(value: Any, term: Comparison) -> bool:
    """Whether this value makes the comparison true; False where Python can't tell as SQL would."""
    if term.op == "in":
        return value in term.value
    if term.op == "not in":
        return value not in term.value
    if term.op in ("is null", "like"):
        return False
    if isinstance(value, str) and term.op not in ("=", "!="):
        return False
    try:
        match term.op:
            case "=":
                return bool(value == term.value)
            case "!=":
                return bool(value != term.value)
            case "<":
                return bool(value < term.value)
            case "<=":
                return bool(value <= term.value)
            case ">":
                return bool(value > term.value)
            case _:
                return bool(value >= term.value)
    except TypeError:
        return False


# -- as text -----------------------------------------------------------------------------------


def dump(held: Held) -> list[Any]:
    """What a copy holds, ready for JSON."""
    order = [[o.field, o.descending, o.nulls_first] for o in held.order]
    return [dict(held.columns), [_dump(t) for t in held.terms], order, held.limit]


def load(text: Sequence[Any]) -> Held:
    """What `dump` wrote."""
    columns, terms, order, limit = text
    return Held(
        columns=columns,
        terms=tuple(_load(t) for t in terms),
        order=tuple(Order(field=f, descending=d, nulls_first=n) for f, d, n in order),
        limit=limit,
    )


def _dump(term: Predicate | str) -> Any:
    match term:
        case str():
            return term
        case Comparison(op="in" | "not in"):
            return ["compare", term.field, term.op, [_value(v) for v in term.value]]
        case Comparison():
            return ["compare", term.field, term.op, _value(term.value)]
        case Not():
            return ["not", _dump(term.term)]
        case And() | Or():
            return ["and" if isinstance(term, And) else "or", *(_dump(t) for t in term.terms)]


def _load(text: Any) -> Predicate | str:
    if isinstance(text, str):
        return text
    match text:
        case ["compare", field, op, [*values]] if op in ("in", "not in"):
            return Comparison(field=field, op=op, value=tuple(_unvalue(v) for v in values))
        case ["compare", field, op, value]:
            return Comparison(field=field, op=op, value=_unvalue(value))
        case ["not", inner]:
            return Not(_load(inner))  # type: ignore[arg-type]
        case [word, *inner]:
            terms = tuple(_load(t) for t in inner)
            return And(terms) if word == "and" else Or(terms)  # type: ignore[arg-type]
    raise ValueError("not a term")


def _value(value: Any) -> Any:
    """A value as JSON that tells its type."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, datetime | date | time | Decimal | int | float):
        return {type(value).__name__: value.isoformat() if isinstance(value, date | time) else repr_of(value)}
    raise TypeError(type(value).__name__)


def repr_of(value: Decimal | int | float) -> str:
    """A number as text that reads back as the same number."""
    return repr(value) if isinstance(value, float) else str(value)


_READERS: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "Decimal": Decimal,
    "int": int,
    "float": float,
    "bytes": bytes.fromhex,
}


def _unvalue(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    [(kind, text)] = value.items()
    return _READERS[kind](text)
