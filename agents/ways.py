"""Which tables a draft of a query speaks of, and how they are reached: where it starts, and the ways from there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from groundwire.agents.wording import stems
from groundwire.agents.words import PLAIN
from groundwire.core.catalog import Entity, Relation
from groundwire.core.query import DIALECT

_DURING = re.compile(r" DURING (?=')")


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a draft's first part leads.

    Attributes:
        tables: tables that reach everything shown over to-one relations, nearest first; where it is one, it is written
            after FROM, where there are several, the model chooses.
        labels: names given to what is shown; figures without one as they are written.
        keys: what is shown and is not an aggregate, where anything else is one, as GROUP BY has it; else empty.
        alone: whether only figures over all records are shown: one row.
    """

    tables: tuple[str, ...]
    labels: tuple[str, ...]
    keys: str
    alone: bool = False


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
    tree = parsed(first_part)
    if tree is None:
        return Start(tables=tuple(names[n] for n in shown), labels=(), keys="")  # what is wrong is said of the whole
    labels = tuple(label for item in tree.selects if (label := label_of(item)))
    written = {qualifier(c) for c in tree.find_all(exp.Column) if len(c.parts) > 1}
    by_name = {names[n].replace('"', "").lower(): n for n in shown}
    asked = {by_name[w] for w in written if w in by_name}
    tests = [sqlglot.parse_one(text, dialect=DIALECT) for text in required]
    tested = {qualifier(c) for test in tests for c in test.find_all(exp.Column)}
    direct = asked | {by_name[t] for t in tested if t in by_name}

    def holders(relation: str) -> set[str]:
        return {n for n, e in shown.items() if any(not r.many and r.name.lower() == relation for r in e.relations)}

    behind = [holders(w) for w in written if w not in by_name]
    spoken = [set().union(*({by_name[w]} if w in by_name else holders(w) for w in map(_plain, g))) for g in likely]
    summed = {
        by_name[w]
        for a in tree.find_all(exp.Sum, exp.Avg, exp.Median)
        for c in a.find_all(exp.Column)
        if (w := qualifier(c)) in by_name
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
    keys = ", ".join(k.sql(DIALECT) for k in keys_of(tree.selects)) if any(map(aggregates, tree.selects)) else ""
    alone = bool(tree.selects) and all(map(aggregates, tree.selects))
    return Start(tables=tuple(names[n] for n in best), labels=labels, keys=keys, alone=alone)


def requalified(first_part: str, entities: Iterable[Entity], names: Mapping[str, str]) -> str:
    """A draft's first part whose columns one table reaches, where a column of the same name elsewhere makes it so.

    Of several tables that have the column, the model has taken one that nothing else shown belongs to.

    Args: those of `start`.
    """
    shown = {e.full_name: e for e in entities}
    tree = parsed(first_part)
    if tree is None:
        return first_part
    by_name = {_plain(names[n]): n for n in shown}
    used: dict[str, set[str]] = {}
    for column in tree.find_all(exp.Column):
        if (place := by_name.get(qualifier(column))) is not None:
            used.setdefault(place, set()).add(column.name.lower())
    if not used or _ranked(shown, set(used), []):
        return first_part
    for lost, columns in sorted(used.items(), key=lambda u: (len(u[1]), u[0])):
        keys = {k.lower() for k in shown[lost].primary_key}
        if any(c in keys or PLAIN.issuperset(stems(c)) for c in columns):
            continue  # `name` and `status` are of the one table and of no other
        rest = used.keys() - {lost}
        for other in dict.fromkeys([*sorted(rest), *shown]):
            fields = {f.name.lower() for f in shown[other].fields}
            if other != lost and columns <= fields and _ranked(shown, rest | {other}, []):
                return re.sub(rf"(?<![\w.\"]){re.escape(names[lost])}\.(?!\*)", f"{names[other]}.", first_part)
    return first_part


def whole_of(first_part: str, entities: Iterable[Entity], names: Mapping[str, str]) -> str:
    """The table whose records a ratio is of, where only some of them have what its other part counts.

    `COUNT(DISTINCT CASE WHEN claims.open THEN claims.parcel_id END) / COUNT(DISTINCT parcels.id)` starts at parcels
    and not at claims: a parcel without any counts too. Empty where it is no such ratio.

    Args: those of `start`.
    """
    shown = {e.full_name: e for e in entities}
    tree = parsed(first_part)
    by_name = {_plain(names[n]): n for n in shown}
    for ratio in tree.find_all(exp.Div) if tree is not None else ():
        counts = [n for n in ratio.expression.find_all(exp.Count) if n.find(exp.Case) is None]
        places = {by_name.get(qualifier(c)) for n in counts for c in n.find_all(exp.Column)}
        parts = {by_name.get(qualifier(c)) for n in ratio.this.find_all(exp.AggFunc) for c in n.find_all(exp.Column)}
        whole = next(iter(places), None) if len(places) == 1 else None
        others = parts - {whole}
        if whole is None or len(others) != 1:
            continue
        part = next(iter(others))
        own = {r.target for r in shown[whole].relations if r.many}
        if part in own and is_reached(first_part, shown.values(), names, [whole]):
            return names[whole]
    return ""


def is_reached(
    first_part: str, entities: Iterable[Entity], names: Mapping[str, str], at: Iterable[str] | None = None
) -> bool:
    """Whether some table reaches everything that a first part shows, or has it.

    Args:
        first_part, entities, names: those of `start`.
        at: full names of the tables that are asked about; all by default.
    """
    shown = {e.full_name: e for e in entities}
    tree = parsed(first_part)
    if tree is None:
        return True  # what is wrong is said of the whole
    by_name = {_plain(names[n]): n for n in shown}
    written = {qualifier(c) for c in tree.find_all(exp.Column) if len(c.parts) > 1}
    asked = {by_name[w] for w in written if w in by_name}
    for name in shown if at is None else at:
        own = {r.target for r in shown[name].relations if r.many}
        if asked <= distances(shown, name).keys() | own:
            return True
    return not asked


def related(path: Sequence[str]) -> exp.Table:
    """A path of relations as what stands behind FROM, called `its`."""
    text = ".".join(exp.to_identifier(p, quoted=True).sql(DIALECT) for p in path)
    made = sqlglot.parse_one(f"SELECT 1 FROM {text} AS its", dialect=DIALECT).args["from_"].this
    assert isinstance(made, exp.Table)
    return made


def parsed(first_part: str) -> exp.Select | None:
    """A draft's first part, what is shown, without FROM; None where it is no SQL."""
    try:
        tree = sqlglot.parse_one(_DURING.sub(" = ", first_part.removesuffix(" FROM ")), dialect=DIALECT)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    assert isinstance(tree, exp.Select)
    return tree


def qualifier(column: exp.Column) -> str:
    """What stands before a column's name, in lower case: the table or relation as a draft has it."""
    return ".".join(p.name for p in column.parts[:-1]).lower()


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
    return all(t in far or beyond(shown, root, t) for t in tables)


def beyond(shown: Mapping[str, Entity], root: str, target: str) -> tuple[list[Relation], list[Relation]] | None:
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
    return {target: len(way) for target, way in _ones(shown, name).items()}


def between(shown: Mapping[str, Entity], root: str, target: str | None, relation: str) -> dict[tuple[str, ...], float]:
    """Paths of to-one relations from one entity to another, or, without one, to a relation; each with its price.

    A record belongs more to what its reference is simply called after (`parcel_id`) than to what plays a part in it
    (`handled_by`), and more to what it must have than to what it may have.
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


def label_of(item: exp.Expr) -> str:
    """By what a query may order: the name given to something shown, or the figure itself; empty for neither."""
    return item.alias if isinstance(item, exp.Alias) else item.sql(DIALECT) if aggregates(item) else ""


def keys_of(items: Iterable[exp.Expr]) -> list[exp.Expr]:
    """What depends on records and is no aggregate."""
    plain = [item.unalias() for item in items]
    return [
        p.copy() for p in plain if not aggregates(p) and p.find(exp.Window) is None and p.find(exp.Column) is not None
    ]


def aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate over a group stands in it; one over a window is none."""
    return any(not isinstance(a.parent, exp.Window) for a in node.find_all(exp.AggFunc))
