"""A small model's draft of a query, made into the query language.

A draft leaves out what code does better than a small model: which table it starts at, the joins, GROUP BY, and dates
(`orders.ordered_at DURING 'past 30 days'`). `COUNT(orders.*)` says what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from groundwire.agents.periods import Span
from groundwire.core.catalog import Entity
from groundwire.core.query import DIALECT

_DURING = re.compile(r"""((?:[\w]+|"[^"]*")(?:\.(?:[\w]+|"[^"]*"))*) DURING '((?:[^']|'')*)'""")


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a draft's first part leads.

    Attributes:
        tables: tables that reach everything shown over to-one relations, nearest first; where it is one, it is written
            after FROM, where there are several, the model chooses.
        labels: names given to what is shown.
        keys: what is shown and is not an aggregate, where anything else is one, as GROUP BY has it; else empty.
    """

    tables: tuple[str, ...]
    labels: tuple[str, ...]
    keys: str


def start(first_part: str, entities: Iterable[Entity], names: Mapping[str, str]) -> Start:
    """Which table a draft starts at.

    Args:
        first_part: up to and with FROM.
        entities: what is shown to the model.
        names: for each full entity name the form in which the model writes it.
    """
    shown = {e.full_name: e for e in entities}
    tree = sqlglot.parse_one(first_part.removesuffix(" FROM "), dialect=DIALECT)
    labels = tuple(item.alias for item in tree.selects if isinstance(item, exp.Alias))
    written = {".".join(p.name for p in c.parts[:-1]).lower() for c in tree.find_all(exp.Column) if len(c.parts) > 1}
    by_name = {names[n].replace('"', "").lower(): n for n in shown}
    direct = {by_name[w] for w in written if w in by_name}
    behind = [
        {r.target for e in shown.values() for r in e.relations if not r.many and r.name.lower() == w}
        for w in written
        if w not in by_name
    ]
    ranked: dict[tuple[int, bool], list[str]] = {}
    for name in shown:
        far = distances(shown, name)
        steps = [far.get(d) for d in direct] + [min((far[t] for t in ts if t in far), default=None) for ts in behind]
        if None not in steps:
            ranked.setdefault((sum(s for s in steps if s is not None), name not in direct), []).append(name)
    best = ranked[min(ranked)] if ranked else sorted(direct) or list(shown)
    keys = ", ".join(k.sql(DIALECT) for k in _keys(tree.selects)) if any(map(_aggregates, tree.selects)) else ""
    return Start(tables=tuple(names[n] for n in best), labels=labels, keys=keys)


def distances(shown: Mapping[str, Entity], name: str) -> dict[str, int]:
    """For every entity that can be reached over to-one relations, how many there are on the way."""
    far, edge = {name: 0}, [name]
    while edge:
        step = [r.target for n in edge for r in shown[n].relations if not r.many and r.target in shown]
        edge = [t for t in dict.fromkeys(step) if t not in far]
        far |= {t: max(far.values()) + 1 for t in edge}
    return far


def to_sql(draft: str, entities: Iterable[Entity], names: Mapping[str, str], spans: Iterable[Span]) -> str:
    """The query that a draft means, in the query language.

    Args:
        draft: both parts.
        entities: what is shown to the model.
        names: for each full entity name the form in which the model writes it.
        spans: what DURING may name.
    """
    conditions = {s.text: s.conditions for s in spans}

    def during(match: re.Match[str]) -> str:
        return "(" + " AND ".join(f"{match[1]} {c}" for c in conditions[match[2].replace("''", "'")]) + ")"

    tree = sqlglot.parse_one(_DURING.sub(during, draft), dialect=DIALECT)
    by_name = {names[e.full_name].replace('"', "").lower(): e for e in entities}
    for select in tree.find_all(exp.Select):
        from_ = select.args["from_"].this
        root = by_name.get(".".join(p.name for p in from_.parts).lower())
        for count in list(select.find_all(exp.Count)):
            _name_counted(count, root, by_name)
        for place in ("where", "having"):
            for either in list(select.args[place].find_all(exp.And)) if select.args.get(place) else ():
                _bind_alternatives(either)
        for either in [o for o in select.find_all(exp.Or) if isinstance(o.expression, exp.And)]:
            _bind_alternatives(either)
        _group(select)
    return str(tree.sql(DIALECT))


def _name_counted(count: exp.Count, root: Entity | None, by_name: Mapping[str, Entity]) -> None:
    """`COUNT(orders.*)`: all rows where the query starts at orders, else orders that occur."""
    column = count.this
    if not isinstance(column, exp.Column) or not isinstance(column.this, exp.Star):
        return
    entity = by_name.get(".".join(p.name for p in column.parts[:-1]).lower())
    if entity is None or entity is root or len(entity.primary_key) != 1:
        count.set("this", exp.Star())
        return
    key = column.copy()
    key.set("this", exp.to_identifier(entity.primary_key[0], quoted=True))
    count.set("this", exp.Distinct(expressions=[key]))


def _bind_alternatives(node: exp.Expr) -> None:
    """`name = 'a' OR name = 'b' AND state = 'c'`: who writes this means that either name will do."""
    if not isinstance(node, exp.Or) or not isinstance(node.expression, exp.And):
        return
    first, *others = list(node.expression.flatten())
    left = list(node.left.flatten()) if isinstance(node.left, exp.Or) else [node.left]
    fields = [{c.sql(DIALECT).lower() for c in part.find_all(exp.Column)} for part in [*left, first]]
    if all(f == fields[0] and len(f) == 1 for f in fields) and not any(
        {c.sql(DIALECT).lower() for c in other.find_all(exp.Column)} == fields[0] for other in others
    ):
        either = exp.paren(exp.or_(*(p.copy() for p in [*left, first]), wrap=False))
        node.replace(exp.and_(either, *(o.copy() for o in others)))


def _group(select: exp.Select) -> None:
    """GROUP BY everything shown that is not an aggregate, where anything is one."""
    places = [*select.selects, *(select.args[k] for k in ("having", "order") if select.args.get(k))]
    if not any(_aggregates(p) for p in places):
        return
    if keys := _keys(select.selects):
        select.set("group", exp.Group(expressions=keys))


def _keys(items: Iterable[exp.Expr]) -> list[exp.Expr]:
    """What depends on records and is no aggregate."""
    plain = [item.unalias() for item in items]
    return [
        p.copy() for p in plain if not _aggregates(p) and p.find(exp.Window) is None and p.find(exp.Column) is not None
    ]


def _aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate over a group stands in it; one over a window is none."""
    return any(not isinstance(a.parent, exp.Window) for a in node.find_all(exp.AggFunc))
