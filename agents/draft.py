"""A small model's draft of a query, made into the query language.

A draft leaves out what code does better than a small model: which table it starts at, the joins, GROUP BY, and dates
(`orders.ordered_at DURING 'past 30 days'`). `COUNT(orders.*)` says what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from groundwire.agents import meanings
from groundwire.agents.evidence import alike
from groundwire.agents.wording import Wording, stems
from groundwire.core.catalog import Entity, Relation
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


def start(
    first_part: str,
    entities: Iterable[Entity],
    names: Mapping[str, str],
    required: Iterable[str] = (),
    likely: Iterable[Collection[str]] = (),
) -> Start:
    """Which table a draft starts at.

    Args:
        first_part: up to and with FROM.
        entities: what is shown to the model.
        names: for each full entity name the form in which the model writes it.
        required: conditions that will follow.
        likely: what else the question speaks of: tables or relations as they are written, of each group one. They
            count where nothing that is summed would be counted twice.
    """
    shown = {e.full_name: e for e in entities}
    tree = sqlglot.parse_one(first_part.removesuffix(" FROM "), dialect=DIALECT)
    assert isinstance(tree, exp.Select)
    labels = tuple(item.alias for item in tree.selects if isinstance(item, exp.Alias))
    written = {".".join(p.name for p in c.parts[:-1]).lower() for c in tree.find_all(exp.Column) if len(c.parts) > 1}
    by_name = {names[n].replace('"', "").lower(): n for n in shown}
    asked = {by_name[w] for w in written if w in by_name}
    tests = [sqlglot.parse_one(text, dialect=DIALECT) for text in required]
    tested = {".".join(p.name for p in c.parts[:-1]).lower() for test in tests for c in test.find_all(exp.Column)}
    direct = asked | {by_name[t] for t in tested if t in by_name}

    def holders(relation: str) -> set[str]:
        return {n for n, e in shown.items() if any(not r.many and r.name.lower() == relation for r in e.relations)}

    behind = [holders(w) for w in written if w not in by_name]
    spoken = [set().union(*({by_name[w]} if w in by_name else holders(w) for w in map(_plain, g))) for g in likely]
    summed = {
        by_name[w]
        for a in tree.find_all(exp.Sum, exp.Avg, exp.Median)
        for c in a.find_all(exp.Column)
        if (w := ".".join(p.name for p in c.parts[:-1]).lower()) in by_name
    }
    ranked = _ranked(shown, direct, [*behind, *filter(None, spoken)])
    if summed:
        ranked = {at: kept for at, found in ranked.items() if (kept := [n for n in found if n in summed])}
    ranked = ranked or _ranked(shown, direct, behind) or _ranked(shown, asked, behind)
    best = ranked[min(ranked)] if ranked else sorted(asked) or list(shown)
    keys = ", ".join(k.sql(DIALECT) for k in _keys(tree.selects)) if any(map(_aggregates, tree.selects)) else ""
    return Start(tables=tuple(names[n] for n in best), labels=labels, keys=keys)


def _plain(name: str) -> str:
    return name.replace('"', "").lower()


def _ranked(shown: Mapping[str, Entity], direct: set[str], behind: list[set[str]]) -> dict[tuple[int, bool], list[str]]:
    """Entities that reach all of `direct` and one of each of `behind`, by how far that is."""
    ranked: dict[tuple[int, bool], list[str]] = {}
    for name in shown:
        far = distances(shown, name)
        steps = [far.get(d) for d in direct] + [min((far[t] for t in ts if t in far), default=None) for ts in behind]
        if None not in steps:
            ranked.setdefault((sum(s for s in steps if s is not None), name not in direct), []).append(name)
    return ranked


def reachable(table: str, entities: Iterable[Entity], names: Mapping[str, str]) -> set[str]:
    """How what the records of a table belong to may be written before a field."""
    shown = {e.full_name: e for e in entities}
    root = next(n for n in shown if names[n] == table)
    far = distances(shown, root)
    relations = {r.name for n in far for r in shown[n].relations if not r.many and r.target in far}
    return {names[n] for n in far} | relations


def distances(shown: Mapping[str, Entity], name: str) -> dict[str, int]:
    """For every entity that can be reached over to-one relations, how many there are on the way."""
    far, edge = {name: 0}, [name]
    while edge:
        step = [r.target for n in edge for r in shown[n].relations if not r.many and r.target in shown]
        edge = [t for t in dict.fromkeys(step) if t not in far]
        far |= {t: max(far.values()) + 1 for t in edge}
    return far


def to_sql(draft: str, entities: Iterable[Entity], names: Mapping[str, str], said: Wording) -> str:
    """The query that a draft means, in the query language.

    Args:
        draft: both parts.
        entities: what is shown to the model.
        names: for each full entity name the form in which the model writes it.
        said: what DURING may name, and which of two ways is meant.

    A draft that broke off comes back as it is: the query language says what is wrong with it.
    """
    conditions = {s.text: s.conditions for s in said.spans}
    shown = {e.full_name: e for e in entities}
    spoken = set(stems(" ".join(said.words)))

    def during(match: re.Match[str]) -> str:
        return "(" + " AND ".join(f"{match[1]} {c}" for c in conditions[match[2].replace("''", "'")]) + ")"

    try:
        tree = sqlglot.parse_one(_DURING.sub(during, draft), dialect=DIALECT)
    except sqlglot.errors.SqlglotError:
        return draft
    by_name = {names[n].replace('"', "").lower(): e for n, e in shown.items()}
    for select in tree.find_all(exp.Select):
        if select.args.get("from_") is None:
            continue
        from_ = select.args["from_"].this
        root = by_name.get(".".join(p.name for p in from_.parts).lower())
        for count in list(select.find_all(exp.Count)):
            _name_counted(count, root, by_name)
        meanings.read(select, root, by_name, said)
        _group(select, by_name)
        if root is not None:
            _choose_ways(select, root, by_name, shown, spoken)
        for connected in [n for n in select.find_all(exp.Or) if not isinstance(n.parent, exp.And | exp.Or)]:
            _bind_alternatives(connected)
    return str(tree.sql(DIALECT))


def _choose_ways(
    select: exp.Select, root: Entity, by_name: Mapping[str, Entity], shown: Mapping[str, Entity], spoken: set[str]
) -> None:
    """Spell out the way to a table that two relations lead to, or to a relation of another table.

    Of several ways it is the cheapest; what the question speaks of is cheaper.
    """
    start = select.args["from_"].this
    for column in list(select.find_all(exp.Column)):
        qualifier = ".".join(p.name for p in column.parts[:-1]).lower()
        target = by_name.get(qualifier)
        if not qualifier or target is root or column.parent_select is not select:
            continue
        ways = _ways(shown, root.full_name, target.full_name if target is not None else None, qualifier)
        if len(ways) > 1 or (target is None and ways and len(next(iter(ways))) > 1):

            def price(way: tuple[str, ...]) -> float:
                heard = sum(any(alike(s, w) for w in spoken) for s in stems(" ".join(way)))
                return ways[way] - 1.5 * heard  # noqa: B023 - called at once

            best = min(ways, key=price)
            path = [*(p.copy() for p in start.parts), *(exp.to_identifier(r, quoted=True) for r in best), column.this]
            column.replace(exp.Dot.build(path) if len(path) > 4 else exp.column(*reversed(path)))


def _ways(shown: Mapping[str, Entity], root: str, target: str | None, relation: str) -> dict[tuple[str, ...], float]:
    """Paths of to-one relations from one entity to another, or, without one, to a relation; each with its price.

    A record belongs more to what its reference is simply called after (`stay_id`) than to what plays a part in it
    (`answered_by`), and more to what it must have than to what it may have.
    """
    found: dict[tuple[str, ...], float] = {}
    edge: list[tuple[tuple[str, ...], tuple[str, ...], float]] = [((root,), (), 0.0)]
    for _ in range(4):
        longer = []
        for passed, path, price in edge:
            entity = shown[passed[-1]]
            for step in entity.relations:
                if step.many or step.target not in shown or step.target in passed[1:]:
                    continue
                way, cost = (*path, step.name), price + _price(entity, step, shown[step.target])
                if step.target == target if target is not None else step.name.lower() == relation:
                    found[way] = cost
                else:
                    longer.append(((*passed, step.target), way, cost))
        edge = longer
    return found


def _price(entity: Entity, step: Relation, target: Entity) -> float:
    field = entity.find_field(step.on[0][0])
    called = {w for w in stems(step.on[0][0]) if w != "id"} or set(stems(step.name))
    plain = called <= set(stems(target.name.split(".")[-1])) | set(stems(entity.name.split(".")[-1]))
    return (1.0 if plain else 2.0) + (0.5 if field is None or field.nullable else 0.0)


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


def _bind_alternatives(whole: exp.Or) -> None:
    """`name = 'a' OR name = 'b' AND state = 'c'`: who writes this means that either name will do."""
    tests: list[exp.Expr] = []
    joined: list[type[exp.Expr]] = []  # by what each test but the first is joined to the one before it

    def flatten(node: exp.Expr) -> None:
        if isinstance(node, exp.And | exp.Or):
            flatten(node.left)
            joined.append(type(node))
            flatten(node.right)
        else:
            tests.append(node)

    flatten(whole)
    groups = [[tests[0]]]
    for test, by in zip(tests[1:], joined, strict=True):
        if by is exp.And:
            groups.append([test])
        elif _columns(test) == _columns(groups[-1][-1]) and len(_columns(test)) == 1:
            groups[-1].append(test)
        else:
            return  # alternatives of different things: as SQL reads it
    if len(groups) > 1:
        parts = [exp.paren(exp.or_(*(t.copy() for t in g))) if len(g) > 1 else g[0].copy() for g in groups]
        whole.replace(exp.and_(*parts))


def _columns(test: exp.Expr) -> set[str]:
    return {c.sql(DIALECT).lower() for c in test.find_all(exp.Column)}


def _group(select: exp.Select, by_name: Mapping[str, Entity]) -> None:
    """GROUP BY everything shown that is not an aggregate, where anything is one.

    What records are called by stands for the record: two that have one name are not one.
    """
    places = [*select.selects, *(select.args[k] for k in ("having", "order") if select.args.get(k))]
    if not any(_aggregates(p) for p in places):
        return
    if keys := _keys(select.selects):
        own = [key for k in keys if (key := _own_key(k, by_name)) is not None]
        select.set("group", exp.Group(expressions=list(dict.fromkeys([*keys, *own]))))


def _own_key(node: exp.Expr, by_name: Mapping[str, Entity]) -> exp.Column | None:
    """The primary key beside a column that records of its table are called by."""
    if not isinstance(node, exp.Column):
        return None
    entity = by_name.get(".".join(p.name for p in node.parts[:-1]).lower())
    if entity is None or len(entity.primary_key) != 1:
        return None
    bare = [w for w in stems(node.name) if w not in stems(entity.name.split(".")[-1])]
    if bare not in (["name"], ["nm"], ["full", "name"], ["fullname"], ["username"]):
        return None
    key = node.copy()
    key.set("this", exp.to_identifier(entity.primary_key[0], quoted=True))
    return key


def _keys(items: Iterable[exp.Expr]) -> list[exp.Expr]:
    """What depends on records and is no aggregate."""
    plain = [item.unalias() for item in items]
    return [
        p.copy() for p in plain if not _aggregates(p) and p.find(exp.Window) is None and p.find(exp.Column) is not None
    ]


def _aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate over a group stands in it; one over a window is none."""
    return any(not isinstance(a.parent, exp.Window) for a in node.find_all(exp.AggFunc))
