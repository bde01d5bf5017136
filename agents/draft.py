"""A small model's draft of a query, made into the query language.

A draft leaves out what code does better than a small model: which table it starts at, the joins, GROUP BY, and dates
(`orders.ordered_at DURING 'past 30 days'`). `COUNT(orders.*)` says what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import sqlglot
from sqlglot import exp

from groundwire.agents import headings, latest, meanings, naming, ways
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.evidence import alike
from groundwire.agents.wording import Wording, begins, ends, stems
from groundwire.core.catalog import Entity, Relation
from groundwire.core.query import DIALECT

_CALLED = {"number": ("number", "no", "nr", "num"), "code": ("code", "cd")}
"""How a key may be spelled that people call a number, or a code."""
_DURING = re.compile(r"""((?:[\w]+|"[^"]*")(?:\.(?:[\w]+|"[^"]*"))*) DURING '((?:[^']|'')*)'""")


def to_sql(
    draft: str,
    entities: Iterable[Entity],
    names: Mapping[str, str],
    said: Wording,
    listed: Iterable[str] = (),
    between: Sequence[str] = (),
) -> str:
    """The query that a draft means, in the query language.

    Args:
        draft: both parts.
        entities: what is shown to the model.
        names: for each full entity name the form in which the model writes it.
        said: what DURING may name, and which of two ways is meant.
        listed: columns that are to be seen where records are listed; `id` for the key of these, `id number`
            and `id code` for one that is called so.
        between: the two moments in the question's order where it asks for the time between them.

    A draft that broke off comes back as it is: the query language says what is wrong with it.
    """
    conditions = {s.text: s.conditions for s in said.spans}
    shown = {e.full_name: e for e in entities}
    spoken = set(stems(" ".join(said.words)))

    def during(match: re.Match[str]) -> str:
        return "(" + " AND ".join(f"{match[1]} {c}" for c in conditions[match[2].replace("''", "'")]) + ")"

    try:
        tree = sqlglot.parse_one(_DURING.sub(during, draft), dialect=DIALECT)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return draft
    by_name = {names[n].replace('"', "").lower(): e for n, e in shown.items()}
    if isinstance(tree, exp.Select):
        headings.add(tree)
    for select in tree.find_all(exp.Select):
        if select.args.get("from_") is None:
            continue
        from_ = select.args["from_"].this
        root = by_name.get(".".join(p.name for p in from_.parts).lower())
        for count in list(select.find_all(exp.Count)):
            _name_counted(count, root, by_name)
        if root is not None and select is tree and not latest.of_each(select, root, by_name, said):
            _show(select, root, listed, by_name, shown)
        meanings.read(select, root, by_name, said)
        _group(select, root, by_name)
        if root is not None:
            _look_beyond(select, root, by_name, shown)
            _choose_ways(select, root, by_name, shown, spoken)
        _once_each(select)
        _sum_products(select)
        _turn_backward_spans(select, between)
        for connected in [n for n in select.find_all(exp.Or) if not isinstance(n.parent, exp.And | exp.Or)]:
            _bind_alternatives(connected)
    return str(tree.sql(DIALECT))


def compared_with_itself(draft: str) -> str:
    """A column that a draft compares with nothing but itself; empty for none, and where the draft broke off."""
    try:
        tree = sqlglot.parse_one(_DURING.sub(r"\1 IS NOT NULL", draft), dialect=DIALECT)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return ""
    return next((column for test in tree.find_all(exp.Binary) if (column := _compared_with_itself(test))), "")


def _compared_with_itself(test: exp.Expr) -> str:
    """The one column on both sides of a comparison; empty where there are others."""
    if not isinstance(test, exp.GT | exp.GTE | exp.LT | exp.LTE | exp.EQ | exp.NEQ) or test.find(exp.Select):
        return ""
    left, right = ({c.sql(DIALECT) for c in side.find_all(exp.Column)} for side in (test.this, test.expression))
    return str(left.pop()) if len(left) == 1 and left == right else ""


def _once_each(select: exp.Select) -> None:
    """Say each condition and each value of a list once, and none that compares a column with itself."""
    for members in select.find_all(exp.In):
        if members.expressions:
            members.set("expressions", list(dict.fromkeys(members.expressions)))
    for place in (select.args.get("where"), select.args.get("having")):
        if place is not None and isinstance(place.this, exp.And):
            tests = list(place.this.flatten())
            kept = [t for t in dict.fromkeys(tests) if not _compared_with_itself(t)] or tests[:1]
            if len(kept) < len(tests):
                place.set("this", exp.and_(*(t.copy() for t in kept)))


def _sum_products(select: exp.Select) -> None:
    """`SUM(a) * b` of one and the same records means `SUM(a * b)`, where b is not shown by itself."""
    for product in list(select.find_all(exp.Mul)):
        total, other = product.this, product.expression
        if isinstance(total, exp.Sum) and isinstance(other, exp.Column) and other not in select.selects:
            operand = total.this if isinstance(total.this, exp.Column | exp.Paren) else exp.paren(total.this)
            product.replace(exp.Sum(this=exp.Mul(this=operand.copy(), expression=other.copy())))


def _turn_backward_spans(select: exp.Select, between: Sequence[str]) -> None:
    """From a beginning to an end, time runs forward: `started - ended` means `ended - started`.

    Args:
        between: the two moments in the question's order where it asks for the time between them, else empty.
    """
    for span in list(select.find_all(exp.Sub, exp.DateDiff)):
        if [c.sql(DIALECT).lower() for c in (span.this, span.expression)] == [c.lower() for c in between]:
            later, earlier = span.expression.copy(), span.this.copy()
            span.set("this", later)
            span.set("expression", earlier)
    for span in list(select.find_all(exp.Sub)):
        left, right = span.this, span.expression
        if isinstance(left, exp.Column) and isinstance(right, exp.Column) and begins(left.name) and ends(right.name):
            span.replace(exp.Sub(this=right.copy(), expression=left.copy()))
    for days in select.find_all(exp.DateDiff):
        later, earlier = days.this, days.expression
        if (
            isinstance(later, exp.Column)
            and isinstance(earlier, exp.Column)
            and ends(earlier.name)
            and not ends(later.name)
        ):
            days.set("this", earlier.copy())
            days.set("expression", later.copy())


def _show(
    select: exp.Select, root: Entity, listed: Iterable[str], by_name: Mapping[str, Entity], shown: Mapping[str, Entity]
) -> None:
    """Add the columns that were asked for and left out, where records are listed."""
    if select.args.get("distinct") or select.find(exp.AggFunc, exp.Window) is not None:
        return
    near = ways.distances(shown, root.full_name)
    start = select.args["from_"].this
    seen = {c.sql(DIALECT).lower() for c in select.selects}
    for name in listed:
        if name.split()[0] == "id":
            called = _CALLED.get(name.removeprefix("id").strip())
            own = [k for k in root.primary_key if called is None or stems(k)[-1] in called]
            keys = [exp.column(k, start.name) for k in own if len(start.parts) == 1]
        else:
            column = sqlglot.parse_one(name, dialect=DIALECT)
            assert isinstance(column, exp.Column)
            entity = _entity_of(column, by_name)
            keys = [column] if entity is not None and entity.full_name in near else []
        for key in keys:
            if key.sql(DIALECT).lower() not in seen:
                select.select(key, copy=False)


def _look_beyond(select: exp.Select, root: Entity, by_name: Mapping[str, Entity], shown: Mapping[str, Entity]) -> None:
    """Make EXISTS of conditions on records that belong to the rows, or to what these belong to."""
    where = select.args.get("where")
    near = ways.distances(shown, root.full_name)
    relations = {r.name.lower() for n in near for r in shown[n].relations if not r.many}
    wanted: dict[tuple[str, ...], list[tuple[exp.Expr, list[Relation]]]] = {}
    for test in [*where.this.flatten()] if where is not None and isinstance(where.this, exp.And) else _nodes(where):
        names = {ways.qualifier(c) for c in test.find_all(exp.Column)}
        far = [n for n in names if n in by_name and by_name[n].full_name not in near and n not in relations]
        way = ways.beyond(shown, root.full_name, by_name[far[0]].full_name) if far and len(names) == 1 else None
        if way is not None and test.find(exp.Subquery, exp.Select) is None:
            path, rest = way
            if isinstance(test, exp.Not) and isinstance(test.this, exp.Paren):  # none of them, not one that is not
                test = test.this
            wanted.setdefault(tuple(r.name for r in path), []).append((test, rest))
    for names_of_path, tests in wanted.items():
        inner = exp.select("1").from_(ways.related(names_of_path))
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


def _choose_ways(
    select: exp.Select, root: Entity, by_name: Mapping[str, Entity], shown: Mapping[str, Entity], spoken: set[str]
) -> None:
    """Spell out the way to a table that two relations lead to, or to a relation of another table.

    Of several ways it is the cheapest; what the question speaks of is cheaper.
    """
    start = select.args["from_"].this
    for column in list(select.find_all(exp.Column)):
        qualifier = ways.qualifier(column)
        target = by_name.get(qualifier)
        if not qualifier or target is root or column.parent_select is not select:
            continue
        found = ways.between(shown, root.full_name, target.full_name if target is not None else None, qualifier)
        if len(found) > 1 or (target is None and found and len(next(iter(found))) > 1):
            same = Abbreviations(shown.values()).same
            heard = {w: _heard(_words_of(w, root, shown), spoken, same) for w in found}
            best = min((found[way] - 1.5 * heard[way], n, way) for n, way in enumerate(found))[2]
            path = [*(p.copy() for p in start.parts), *(exp.to_identifier(r, quoted=True) for r in best), column.this]
            column.replace(exp.Dot.build(path) if len(path) > 4 else exp.column(*reversed(path)))


def _words_of(way: Sequence[str], root: Entity, shown: Mapping[str, Entity]) -> list[str]:
    """What the relations of a way are called, and the fields that they go by."""
    words, entity = [], root
    for name in way:
        words += stems(name)
        relation = next((r for r in entity.relations if r.name == name), None)
        if relation is None:
            break
        field = entity.find_field(relation.on[0][0])
        words += stems(naming.bare(field, entity)) if field is not None else []
        entity = shown.get(relation.target, entity)
    return list(dict.fromkeys(words))


def _heard(words: Iterable[str], spoken: Iterable[str], same: Callable[[str, str], bool]) -> int:
    """How many words of a way the question speaks of."""
    return sum(any(alike(w, s) or same(w, s) for s in spoken) for w in words)


def _name_counted(count: exp.Count, root: Entity | None, by_name: Mapping[str, Entity]) -> None:
    """`COUNT(orders.*)`: all rows where the query starts at orders, else orders that occur."""
    column = count.this
    if not isinstance(column, exp.Column) or not isinstance(column.this, exp.Star):
        return
    entity = _entity_of(column, by_name)
    if entity is None or entity is root or len(entity.primary_key) != 1:
        count.set("this", exp.Star())
        return
    key = column.copy()
    key.set("this", exp.to_identifier(entity.primary_key[0], quoted=True))
    own = root is not None and any(r.many and r.target == entity.full_name for r in root.relations)
    count.set("this", key if own else exp.Distinct(expressions=[key]))  # what a record has is counted for each record


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


def _group(select: exp.Select, root: Entity | None, by_name: Mapping[str, Entity]) -> None:
    """GROUP BY everything shown that is not an aggregate, where anything is one.

    What records are called by stands for the record: two that have one name are not one, and none is no group.
    """
    places = [*select.selects, *(select.args[k] for k in ("having", "order") if select.args.get(k))]
    if not any(ways.aggregates(p) for p in places):
        return
    keys = ways.keys_of(select.selects)
    _order(select, keys)
    for window in list(select.find_all(exp.Window)):
        _partition(window, keys)
        _sum_of_sums(window)
    if keys:
        own = [key for k in keys if (key := _own_key(k, by_name)) is not None]
        loose = [
            c for item in select.selects if ways.aggregates(item) for c in item.find_all(exp.Column) if _is_loose(c)
        ]
        select.set("group", exp.Group(expressions=list(dict.fromkeys([*keys, *own, *(c.copy() for c in loose)]))))
        told = [key for k in keys if (key := _key_of(k, by_name)) is not None]
        for key in dict.fromkeys(told):
            if _entity_of(key, by_name) is not root:
                select.where(exp.Not(this=exp.Is(this=key.copy(), expression=exp.null())), copy=False)


def _is_loose(column: exp.Column) -> bool:
    """Whether it stands beside aggregates, and in none: `MIN(ordered_at) - joined_on`."""
    return column.find_ancestor(exp.AggFunc, exp.Window, exp.Subquery) is None


def _sum_of_sums(window: exp.Window) -> None:
    """A running total over groups adds up what each of them comes to: `SUM(SUM(x)) OVER (ORDER BY month)`."""
    total = window.this
    if isinstance(total, exp.Sum) and total.this.find(exp.AggFunc) is None and total.find(exp.Column) is not None:
        total.set("this", exp.Sum(this=total.this.copy()))


def _partition(window: exp.Window, keys: Sequence[exp.Expr]) -> None:
    """Partition groups by what tells them apart beside their order, where a model has taken another column, or none."""
    wanted = window.args.get("partition_by") or []
    order = window.args.get("order")
    by = [o.this for o in order.expressions] if order is not None else []
    whole = not wanted and isinstance(window.this, exp.Lag | exp.Sum) and any(k in keys for k in by)
    if whole or not all(w in keys for w in wanted):
        window.set("partition_by", [k.copy() for k in keys if k not in by])


def _order(select: exp.Select, keys: Sequence[exp.Expr]) -> None:
    """Sort groups by what each of them has: the key that a column is a part of, or not by that column."""
    order = select.args.get("order")
    labels = {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)}
    for item in list(order.expressions) if order is not None else []:
        by = item.this
        if ways.aggregates(by) or by in keys or by.name.lower() in labels or by.find(exp.Column) is None:
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
    entity = _entity_of(node, by_name)
    if entity is None or len(entity.primary_key) != 1:
        return None
    field = next((f for f in entity.fields if f.name.lower() == node.name.lower()), None)
    called = naming.bare(field, entity) if field is not None else node.name
    bare = [w for w in stems(called) if w not in stems(entity.name.split(".")[-1])]
    return _key_of(node, by_name) if bare in (["name"], ["nm"], ["full", "name"], ["fullname"], ["username"]) else None


def _key_of(node: exp.Expr, by_name: Mapping[str, Entity]) -> exp.Column | None:
    """The primary key of the record that a column is of."""
    entity = _entity_of(node, by_name) if isinstance(node, exp.Column) else None
    if not isinstance(node, exp.Column) or entity is None or len(entity.primary_key) != 1:
        return None
    key = node.copy()
    key.set("this", exp.to_identifier(entity.primary_key[0], quoted=True))
    return key


def _entity_of(column: exp.Column, by_name: Mapping[str, Entity]) -> Entity | None:
    return by_name.get(ways.qualifier(column))
