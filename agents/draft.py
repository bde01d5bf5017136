"""A small model's draft of a query, made into the query language.

A draft leaves out what code does better than a small model: which table it starts at, the joins, GROUP BY, and dates
(`orders.ordered_at DURING 'past 30 days'`). `COUNT(orders.*)` says what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    mentioned: Iterable[str] = (),
) -> Start:
    """Which table a draft starts at.

    Args:
        first_part: up to and with FROM.
        entities: what is shown to the model.
        names: for each full entity name the form in which the model writes it.
        required: conditions that will follow.
        likely: what else the question speaks of: tables or relations as they are written, of each group one. They
            count where nothing that is summed would be counted twice.
        mentioned: tables whose records it names. They count where one table reaches them too.
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
    said = [*behind, *filter(None, spoken)]
    for wanted in ([*said, *({by_name[_plain(m)]} for m in mentioned)], said):
        ranked = _ranked(shown, direct, wanted)
        if summed:
            ranked = {at: kept for at, found in ranked.items() if (kept := [n for n in found if n in summed])}
        if ranked:
            break
    ranked = ranked or _ranked(shown, direct, behind)
    if not ranked:
        ranked = _ranked(shown, asked, behind)
        rest = direct - asked
        beyond = {at: kept for at, found in ranked.items() if (kept := [n for n in found if _tells(shown, n, rest)])}
        ranked = beyond or ranked
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


def _tells(shown: Mapping[str, Entity], root: str, tables: set[str]) -> bool:
    """Whether records of an entity either belong to records of each of some tables or have such that belong to them."""
    far = distances(shown, root)
    return all(t in far or _beyond(shown, root, t) for t in tables)


def _beyond(shown: Mapping[str, Entity], root: str, target: str) -> tuple[list[Relation], list[Relation]] | None:
    """The shortest way to a table over one to-many relation: up to and with it, and what follows; None without one."""
    before: dict[str, list[Relation]] = {root: []}
    edge = [root]
    for _ in range(3):
        for name in edge:
            for many in shown[name].relations:
                if many.many and many.target in shown:
                    ways = _ones(shown, many.target)
                    if target in ways:
                        return [*before[name], many], ways[target]
        step = []
        for name in edge:
            for one in shown[name].relations:
                if not one.many and one.target in shown and one.target not in before:
                    before[one.target] = [*before[name], one]
                    step.append(one.target)
        edge = step
    return None


def _ones(shown: Mapping[str, Entity], root: str) -> dict[str, list[Relation]]:
    """For every entity that to-one relations lead to, the relations of the shortest way."""
    found: dict[str, list[Relation]] = {root: []}
    edge = [root]
    while edge:
        step = []
        for name in edge:
            for one in shown[name].relations:
                if not one.many and one.target in shown and one.target not in found:
                    found[one.target] = [*found[name], one]
                    step.append(one.target)
        edge = step
    return found


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
            _look_beyond(select, root, by_name, shown)
            _choose_ways(select, root, by_name, shown, spoken)
        for connected in [n for n in select.find_all(exp.Or) if not isinstance(n.parent, exp.And | exp.Or)]:
            _bind_alternatives(connected)
    return str(tree.sql(DIALECT))


def _look_beyond(select: exp.Select, root: Entity, by_name: Mapping[str, Entity], shown: Mapping[str, Entity]) -> None:
    """Make EXISTS of conditions on records that belong to the rows, or to what these belong to."""
    where = select.args.get("where")
    near = distances(shown, root.full_name)
    relations = {r.name.lower() for n in near for r in shown[n].relations if not r.many}
    wanted: dict[tuple[str, ...], list[tuple[exp.Expr, list[Relation]]]] = {}
    for test in [*where.this.flatten()] if where is not None and isinstance(where.this, exp.And) else _nodes(where):
        names = {".".join(p.name for p in c.parts[:-1]).lower() for c in test.find_all(exp.Column)}
        far = [n for n in names if n in by_name and by_name[n].full_name not in near and n not in relations]
        way = _beyond(shown, root.full_name, by_name[far[0]].full_name) if far and len(names) == 1 else None
        if way is not None and test.find(exp.Subquery, exp.Select) is None:
            path, rest = way
            if isinstance(test, exp.Not) and isinstance(test.this, exp.Paren):  # none of them, not one that is not
                test = test.this
            wanted.setdefault(tuple(r.name for r in path), []).append((test, rest))
    for names_of_path, tests in wanted.items():
        inner = exp.select("1").from_(_table(names_of_path))
        for test, rest in tests:
            copy = exp.paren(test.copy())
            for column in list(copy.find_all(exp.Column)):
                parts = [exp.to_identifier("its"), *(exp.to_identifier(r.name, quoted=True) for r in rest), column.this]
                column.replace(exp.Dot.build(parts) if len(parts) > 4 else exp.column(*reversed(parts)))
            inner.where(copy.this, copy=False)
        tests[0][0].replace(exp.Exists(this=inner))
        for test, _ in tests[1:]:
            test.replace(exp.true())


def _nodes(where: exp.Where | None) -> list[exp.Expr]:
    return [where.this] if where is not None else []


def _table(path: Sequence[str]) -> exp.Table:
    """A path of relations as what stands behind FROM, called `its`."""
    text = ".".join(exp.to_identifier(p, quoted=True).sql(DIALECT) for p in path)
    made = sqlglot.parse_one(f"SELECT 1 FROM {text} AS its", dialect=DIALECT).args["from_"].this
    assert isinstance(made, exp.Table)
    return made


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
    keys = _keys(select.selects)
    _order(select, keys)
    if keys:
        own = [key for k in keys if (key := _own_key(k, by_name)) is not None]
        select.set("group", exp.Group(expressions=list(dict.fromkeys([*keys, *own]))))


def _order(select: exp.Select, keys: Sequence[exp.Expr]) -> None:
    """Sort groups by what each of them has: the key that a column is a part of, or not by that column."""
    order = select.args.get("order")
    labels = {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)}
    for item in list(order.expressions) if order is not None else []:
        by = item.this
        if _aggregates(by) or by in keys or by.name.lower() in labels or by.find(exp.Column) is None:
            continue
        around = next((key for key in keys if by in key.find_all(exp.Column)), None)
        if around is not None:
            by.replace(around.copy())
        else:
            item.pop()
    if order is not None and not order.expressions:
        select.set("order", None)


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
