"""Names and paths resolved: what a dotted path means, and which joins it implies.

A path such as `party.account.Name` follows to-one relations and becomes a LEFT JOIN, shared by
every path with the same beginning. A to-many relation can be reached in two ways that can't
count a record twice: `EXISTS(SELECT 1 FROM party.account.Opportunities WHERE ...)`, and an
aggregate over it, `SUM(Opportunities.Amount)`, which is computed before it is joined. The idea
is that of HQL, JPQL and SOQL.

The result is plain SQL over entities: every `exp.Table` carries its `Entity` in
`meta["entity"]`, every column is qualified, and the clock has been read once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlglot
from sqlglot import exp

from groundwire.core import currencies
from groundwire.core.catalog import Catalog, Entity, Relation, near_names
from groundwire.core.errors import AmbiguousName, QueryError, UnknownName
from groundwire.core.query import DIALECT, check_width, parse

MAX_IMPLIED_STEPS = 3
"""How far a bare field name is looked for along to-one relations when no entity in FROM has it."""


@dataclass(kw_only=True)
class Bound:
    """A query whose every name is known.

    Attributes:
        tree: plain SQL over entities.
        notes: what the binder read into the query, for the asker.
        now: the instant that CURRENT_DATE and NOW() were read as (UTC).
        reads_clock: whether the query depends on that instant: it means something else later.
    """

    tree: exp.Query
    notes: list[str] = field(default_factory=list)
    now: datetime
    reads_clock: bool = False

    @property
    def entities(self) -> list[Entity]:
        """Every entity that is read, once."""
        return list({t.meta["entity"].full_name: t.meta["entity"] for t in entity_tables(self.tree)}.values())

    def sql(self, *, pretty: bool = False) -> str:
        """The query with every name and join spelled out."""
        return str(self.tree.sql(DIALECT, pretty=pretty))


def entity_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables of a bound tree that stand for entities."""
    return (t for t in tree.find_all(exp.Table) if "entity" in t.meta)


def bind(
    text: str,
    catalog: Catalog,
    *,
    max_bytes: int = 100_000,
    now: datetime | None = None,
    link_values: bool = False,
) -> Bound:
    """Parse a query and resolve every name in it.

    Args:
        text: a single SELECT; see `query.parse`.
        catalog: what names mean.
        max_bytes: longest accepted query.
        now: the clock, for CURRENT_DATE and NOW(); in local time where it has a time zone.
        link_values: whether a text that is not among a field's enumerated values may be read as the one
            that it resembles (`Germany` for `germany`); said in the notes.

    Raises:
        QueryError: a name is unknown (near misses listed) or ambiguous, or a path is misused.
    """
    now = now or datetime.now(UTC)
    bound = Bound(tree=parse(text, max_bytes=max_bytes), now=now)
    bound.reads_clock = _freeze_clock(bound.tree, now)
    _Binder(catalog, bound.notes).query(bound.tree, None, {})
    bound.notes.extend(currencies.notes(bound.tree))
    bound.reads_clock |= _freeze_clock(bound.tree, now)  # measures may read it too
    if link_values:
        _link_values(bound)
    return bound


def _link_values(bound: Bound) -> None:
    """Texts compared with enumerated fields, read as the value that they resemble."""
    entities = {t.alias: t.meta["entity"] for t in entity_tables(bound.tree)}
    for literal in list(bound.tree.find_all(exp.Literal)):
        above = literal.parent
        if not literal.is_string or not isinstance(above, exp.EQ | exp.NEQ | exp.In):
            continue
        column = next((c for c in above.iter_expressions() if isinstance(c, exp.Column)), None)
        entity = entities.get(column.table) if column is not None else None
        field_ = entity.find_field(column.name) if entity is not None and column is not None else None
        if field_ is None or not field_.values or literal.this in field_.values:
            continue
        meant = _resembling(literal.this, field_.values, field_.labels)
        if meant is not None:
            bound.notes.append(f"read {literal.this!r} as {field_.name} = {meant!r}")
            literal.replace(exp.Literal.string(meant))


def _resembling(text: str, values: tuple[str, ...], labels: Mapping[str, str]) -> str | None:
    """The one value that a text means: by its label, without case, or by its words; None if unclear."""

    def plain(value: str) -> str:
        return "".join(c for c in value.lower() if c.isalnum())

    wanted = plain(text)
    tests: tuple[Callable[[str], bool], ...] = (
        lambda v: plain(v) == wanted or plain(labels.get(v, "")) == wanted,
        lambda v: plain(v).rstrip("s") == wanted.rstrip("s"),
        lambda v: len(wanted) >= 4 and (wanted in plain(v) or (len(plain(v)) >= 4 and plain(v) in wanted)),
    )
    for test in tests:
        hits = [v for v in values if test(v)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            return None
    return None


def _freeze_clock(tree: exp.Expr, now: datetime) -> bool:
    """One reading of the clock for all systems; the day is that of the local calendar. True if it was read."""
    day = now.astimezone().date().isoformat()
    moment = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    read = False
    for node in list(tree.walk()):
        name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.CurrentDate) or name == "today":
            node.replace(_literal(day, "date"))
        elif isinstance(node, exp.CurrentTimestamp | exp.Localtimestamp) or name == "now":
            node.replace(_literal(moment, "timestamp"))
        elif isinstance(node, exp.CurrentTime):
            node.replace(_literal(moment.split()[1], "time"))
        elif name == "age" and len(node.expressions) == 1:
            node.set("expressions", [_literal(day, "timestamp"), *node.expressions])
        else:
            continue
        read = True
    return read


def _literal(text: str, kind: str) -> exp.Cast:
    return exp.cast(exp.Literal.string(text), kind)


@dataclass
class _Source:
    """One thing in FROM: an entity, or a derived table with known output columns."""

    alias: str
    entity: Entity | None
    columns: tuple[str, ...]
    anchor: exp.Join | None  # the join that brought it in; None for FROM itself

    def column(self, name: str) -> str | None:
        if self.entity is not None:
            found = self.entity.find_field(name)
            return found.name if found else None
        return next((c for c in self.columns if c.lower() == name.lower()), None)


@dataclass
class _Scope:
    """The names that a SELECT sees, and the joins that its paths add."""

    select: exp.Select
    parent: _Scope | None
    sources: dict[str, _Source] = field(default_factory=dict)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)
    added: list[tuple[exp.Join | None, exp.Join]] = field(default_factory=list)
    outputs: dict[str, exp.Expr] = field(default_factory=dict)

    def new_alias(self, wanted: str) -> str:
        base = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted) or "t"
        alias, count = base, 1
        taken: set[str] = set()
        scope: _Scope | None = self
        while scope is not None:
            taken |= {a.lower() for a in scope.sources}
            scope = scope.parent
        while alias.lower() in taken:
            count += 1
            alias = f"{base}_{count}"
        return alias

    def visible(self) -> list[_Source]:
        """What bare names can mean: everything but the entities that paths brought in."""
        return [s for s in self.sources.values() if not isinstance(s, _PathSource)]

    def source(self, alias: str) -> _Source | None:
        return next((s for a, s in self.sources.items() if a.lower() == alias.lower()), None)

    def chain(self) -> Iterator[_Scope]:
        scope: _Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


@dataclass(frozen=True)
class _Walk:
    """Where a path arrived: through `alias`, at a field, or at a to-many relation with a rest."""

    alias: str
    field: str | None = None
    many: Relation | None = None
    rest: tuple[str, ...] = ()


class _Binder:
    def __init__(self, catalog: Catalog, notes: list[str]) -> None:
        self.catalog = catalog
        self.notes = notes

    # -- queries ---------------------------------------------------------------------------

    def query(self, node: exp.Expr, parent: _Scope | None, ctes: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        """Bind a query in place; its output column names."""
        ctes = dict(ctes)
        with_ = node.args.get("with_") or node.args.get("with")
        for cte in with_.expressions if with_ else ():
            columns = self.query(cte.this, parent, ctes)
            alias = cte.args["alias"]
            ctes[cte.alias.lower()] = tuple(c.name for c in alias.columns) or columns
        if isinstance(node, exp.Subquery):
            return self.query(node.this, parent, ctes)
        if isinstance(node, exp.SetOperation):
            columns = self.query(node.left, parent, ctes)
            self.query(node.right, parent, ctes)
            return columns
        if not isinstance(node, exp.Select):
            raise QueryError(f"{node.key.upper()} can't stand where a SELECT is expected")
        return self._select(node, parent, ctes)

    def _select(self, select: exp.Select, parent: _Scope | None, ctes: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        scope = _Scope(select, parent)
        from_ = select.args.get("from_") or select.args.get("from")
        if from_ is not None:
            self._source(from_.this, None, scope, ctes)
        for join in list(select.args.get("joins") or ()):
            self._source(join.this, join, scope, ctes)
        if from_ is not None and not select.expressions:
            select.set("expressions", [exp.Star()])
        self._follow_many(select, scope)
        self._expand_stars(select, scope)
        check_width(select)
        self._measures(select, scope)
        for item in select.expressions:
            if isinstance(item, exp.Alias):
                scope.outputs[item.alias.lower()] = item.this
        self._name_outputs(select, scope)
        for join in list(select.args.get("joins") or ()):
            for using in join.args.get("using") or ():
                self._expand_using(join, using.name, scope)
            join.set("using", None)
            self._expressions(join.args.get("on"), scope, ctes, aliases=False)
        for item in list(select.expressions):
            self._expressions(item, scope, ctes, aliases=False)
        for key, aliases in (
            ("where", True),
            ("group", True),
            ("having", True),
            ("qualify", True),
            ("order", True),
            ("distinct", False),
        ):
            self._expressions(select.args.get(key), scope, ctes, aliases=aliases)
        self._complete_group(select)
        self._attach(select, scope)
        return tuple(item.alias_or_name for item in select.expressions)

    def _source(self, node: exp.Expr, anchor: exp.Join | None, scope: _Scope, ctes: dict[str, tuple[str, ...]]) -> None:
        if isinstance(node, exp.Subquery):
            columns = self.query(node.this, None, ctes)
            alias = node.alias or scope.new_alias("sub")
            named = tuple(c.name for c in node.args["alias"].columns) if node.args.get("alias") else ()
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
            scope.sources[alias] = _Source(alias, None, named or columns, anchor)
            return
        if not isinstance(node, exp.Table):
            raise QueryError(f"{node.key.upper()} can't stand in FROM")
        parts = _table_parts(node)
        if len(parts) == 1 and parts[0].lower() in ctes:
            alias = node.alias or parts[0]
            scope.sources[alias] = _Source(alias, None, ctes[parts[0].lower()], anchor)
            return
        entity = self._path_source(node, parts, scope) if scope.parent else None
        if entity is None:
            entity = self.catalog.entity(".".join(parts))
        alias = node.alias
        if not alias:
            alias = scope.new_alias(entity.name.split(".")[-1])
        elif scope.source(alias):
            raise QueryError(f"the alias {alias!r} is used twice")
        _set_entity(node, entity, alias)
        scope.sources[alias] = _Source(alias, entity, (), anchor)

    def _path_source(self, node: exp.Table, parts: list[str], scope: _Scope) -> Entity | None:
        """The entity of a FROM that follows a relation of an outer query, correlated with it."""
        in_exists = isinstance(scope.select.parent, exp.Exists)
        for outer in scope.parent.chain() if scope.parent else ():
            starts: list[tuple[_Source, list[str]]] = []
            named = outer.source(parts[0])
            if named is not None and len(parts) > 1:
                starts.append((named, parts[1:]))
            elif in_exists or not self._is_entity(parts):
                starts += [(s, parts) for s in outer.visible() if s.entity and s.entity.find_relation(parts[0])]
            for source, names in starts:
                if source.entity is None or source.entity.find_relation(names[0]) is None:
                    continue
                return self._correlate(node, source, names, outer, scope)
        return None

    def _is_entity(self, parts: list[str]) -> bool:
        try:
            self.catalog.entity(".".join(parts))
        except QueryError:
            return False
        return True

    def _correlate(self, node: exp.Table, source: _Source, names: list[str], outer: _Scope, scope: _Scope) -> Entity:
        alias, entity = source.alias, source.entity
        assert entity is not None
        steps = list(names)
        while len(steps) > 1:
            relation = self._relation(entity, steps[0])
            if relation.many:
                break
            alias, entity = self._join(outer, alias, relation), self.catalog.target(relation)
            steps.pop(0)
        first = self._relation(entity, steps[0])
        target = self.catalog.target(first)
        here = node.alias if len(steps) == 1 and node.alias else scope.new_alias(target.name.split(".")[-1])
        scope.select.where(_equal(alias, here, first.on), copy=False)
        for name in steps[1:]:
            relation = self._relation(target, name)
            beyond = self.catalog.target(relation)
            last = name is steps[-1]
            # the innermost entity takes the FROM; the ones passed on the way are joined to it
            passed = exp.Table(this=exp.to_identifier(target.name))
            _set_entity(passed, target, here)
            there = node.alias if last and node.alias else scope.new_alias(beyond.name.split(".")[-1])
            while there.lower() == here.lower() or scope.source(there):
                there += "_"
            scope.select.join(passed, on=_equal(here, there, relation.on), join_type="inner", copy=False)
            scope.sources[here] = _Source(here, target, (), scope.select.args["joins"][-1])
            target, here = beyond, there
        node.set("alias", exp.TableAlias(this=exp.to_identifier(here)))
        return target

    # -- expressions -----------------------------------------------------------------------

    def _expressions(
        self, node: exp.Expr | None, scope: _Scope, ctes: dict[str, tuple[str, ...]], *, aliases: bool
    ) -> None:
        if node is None:
            return
        for part in _shallow(node):
            if isinstance(part, exp.Query):
                self.query(part, scope, ctes)
            elif isinstance(part, exp.AggFunc) and self._many_aggregate(part, scope) and _is_whole(part, node):
                return  # the whole expression has been replaced by bound columns
        for part in _shallow(node):
            if isinstance(part, exp.Query):
                continue
            if isinstance(part, exp.Dot | exp.Column) and not part.meta.get("bound"):
                self._column(part, scope, aliases=aliases)

    def _column(self, node: exp.Expr, scope: _Scope, *, aliases: bool) -> None:
        parts = _column_parts(node)
        if parts is None:
            raise QueryError(f"{node.sql(DIALECT)} is not a name or a path")
        if isinstance(node.find(exp.Star), exp.Star):
            return
        if aliases and len(parts) == 1:
            in_sources = [s for s in scope.visible() if s.column(parts[0])]
            output = scope.outputs.get(parts[0].lower())
            # ORDER BY sees outputs first, WHERE and GROUP BY see fields first
            first = node.find_ancestor(exp.Order, exp.Having, exp.Qualify, exp.Select)
            if output is not None and (not in_sources or isinstance(first, exp.Order)):
                if isinstance(node.find_ancestor(exp.Where, exp.Select), exp.Where):
                    bound = node.replace(exp.paren(output.copy()))
                    self._expressions(bound, scope, {}, aliases=False)
                else:
                    node.meta["bound"] = True
                return
        walk = self._resolve(parts, scope)
        if walk.many is not None:
            name = ".".join(parts)
            raise QueryError(
                f"{name!r} leads to many records; use EXISTS(SELECT 1 FROM {walk.many.name} WHERE ...) "
                f"or an aggregate such as COUNT({walk.many.name})"
            )
        assert walk.field is not None
        node.replace(_column_node(walk.field, walk.alias))

    def _resolve(self, parts: list[str], scope: _Scope) -> _Walk:
        for current in scope.chain():
            source = current.source(parts[0]) if len(parts) > 1 else None
            if source is not None:
                walk = self._walk(source, parts[1:], current, strict=True)
                assert walk is not None
                return walk
            walks = [(s, w) for s in current.visible() if (w := self._walk(s, parts, current, strict=False, dry=True))]
            if len(walks) > 1 and len(parts) == 1:
                merged = current.outputs.get(f"using:{parts[0].lower()}")
                if isinstance(merged, exp.Column):
                    return _Walk(merged.table, merged.name)
            if len(walks) > 1:
                raise AmbiguousName(".".join(parts), [f"{s.alias}.{'.'.join(parts)}" for s, _ in walks])
            if walks:
                walk = self._walk(walks[0][0], parts, current, strict=True)
                assert walk is not None
                return walk
            named = self._named_entity(parts, current)
            if named is not None:
                return named
        implied = self._implied(parts, scope)
        if implied is not None:
            return implied
        raise self._unknown(parts, scope)

    def _named_entity(self, parts: list[str], scope: _Scope) -> _Walk | None:
        """`erp.invoice.number` where the entity stands in FROM under another alias."""
        for length in range(min(len(parts) - 1, 5), 0, -1):
            if not self._is_entity(parts[:length]):
                continue
            entity = self.catalog.entity(".".join(parts[:length]))
            hits = [s for s in scope.sources.values() if s.entity is entity]
            if len(hits) == 1:
                return self._walk(hits[0], parts[length:], scope, strict=True)
        return None

    def _implied(self, parts: list[str], scope: _Scope) -> _Walk | None:
        """A bare name that no entity in FROM has, but exactly one to-one path reaches."""
        if len(parts) >= 2 and (len(parts) > 2 or not self._is_relation(parts[0], scope)):
            # `customers.name` where customers is not in FROM: the path to that entity is meant
            ends, name = self.catalog.named(".".join(parts[:-1])), parts[-1]
        elif len(parts) == 1:
            ends, name = None, parts[0]
        else:
            return None
        for current in scope.chain():
            found = list(self._reachable(current, name, ends))
            if len(found) > 1:
                raise AmbiguousName(".".join(parts), [".".join([s.alias, *path, name]) for s, path in found])
            if found:
                source, path = found[0]
                self.notes.append(f"read {'.'.join(parts)} as {'.'.join([source.alias, *path, name])}")
                return self._walk(source, [*path, name], current, strict=True)
        return None

    def _is_relation(self, name: str, scope: _Scope) -> bool:
        return any(s.entity and s.entity.find_relation(name) for c in scope.chain() for s in c.visible())

    def _reachable(self, scope: _Scope, name: str, ends: set[str] | None) -> Iterable[tuple[_Source, list[str]]]:
        """All shortest to-one paths from FROM to an entity with that field."""
        queue = deque((s, s.entity, list[str]()) for s in scope.visible() if s.entity)
        seen = {s.entity.full_name for s in scope.visible() if s.entity}
        best: int | None = None
        while queue:
            source, entity, path = queue.popleft()
            if best is not None and len(path) > best:
                return
            fits = ends is None or entity.full_name in ends
            if path and fits and entity.find_field(name):
                best = len(path)
                yield source, path
                continue
            if len(path) < MAX_IMPLIED_STEPS:
                for relation in entity.relations:
                    if not relation.many and (len(path) == 0 or relation.target not in seen):
                        queue.append((source, self.catalog.target(relation), [*path, relation.name]))

    def _unknown(self, parts: list[str], scope: _Scope) -> QueryError:
        entities = [s.entity for s in scope.visible() if s.entity]
        outputs = [c for s in scope.sources.values() for c in s.columns]
        if len(parts) > 1 and (first := self._relation_named(parts[0], entities)):
            return UnknownName("field", parts[-1], self.catalog.target(first).near(parts[-1]), where=first.target)
        near = [n for e in entities for n in e.near(parts[0], 3)] + near_names(parts[0], outputs, 3)
        kind = "field" if len(parts) == 1 else "relation"
        if kind == "field":
            for entity in entities:
                for relation in entity.relations:
                    if not relation.many and (hit := self.catalog.target(relation).find_field(parts[0])):
                        near.append(f"{relation.name}.{hit.name}")
        where = ", ".join(e.full_name for e in entities) or None
        return UnknownName(kind, parts[0], list(dict.fromkeys(near))[:6], where=where)

    @staticmethod
    def _relation_named(name: str, entities: list[Entity]) -> Relation | None:
        return next((r for e in entities if (r := e.find_relation(name))), None)

    def _walk(
        self, source: _Source, parts: list[str], scope: _Scope, *, strict: bool, dry: bool = False
    ) -> _Walk | None:
        """Follow a path from a source. `dry` only asks whether the first step exists."""
        if source.entity is None:
            column = source.column(parts[0]) if len(parts) == 1 else None
            if column is None and strict:
                raise UnknownName("column", ".".join(parts), near_names(parts[0], source.columns), where=source.alias)
            return _Walk(source.alias, column) if column else None
        entity, alias = source.entity, source.alias
        if dry:
            first = entity.find_field(parts[0]) if len(parts) == 1 else None
            return _Walk(alias) if first or entity.find_relation(parts[0]) else None
        for index, name in enumerate(parts[:-1]):
            relation = self._relation(entity, name)
            if relation.many:
                return _Walk(alias, many=relation, rest=tuple(parts[index + 1 :]))
            alias, entity = self._join(scope, alias, relation), self.catalog.target(relation)
        last = entity.find_field(parts[-1])
        if last is not None:
            return _Walk(alias, last.name)
        relation_at_end = entity.find_relation(parts[-1])
        if relation_at_end is not None and relation_at_end.many:
            return _Walk(alias, many=relation_at_end)
        if relation_at_end is not None and len(relation_at_end.on) == 1:
            return _Walk(alias, relation_at_end.on[0][0])  # the key stands for the record
        raise UnknownName("field", parts[-1], entity.near(parts[-1]), where=entity.full_name)

    def _relation(self, entity: Entity, name: str) -> Relation:
        relation = entity.find_relation(name)
        if relation is None:
            near = near_names(name, [r.name for r in entity.relations])
            if entity.find_field(name):
                raise QueryError(f"{name!r} is a field of {entity.full_name}, not a relation; nothing can follow it")
            raise UnknownName("relation", name, near, where=entity.full_name)
        return relation

    def _join(self, scope: _Scope, alias: str, relation: Relation) -> str:
        """The alias of the entity at the other end, joined once for each path."""
        key = (alias, relation.name)
        if key not in scope.paths:
            there = self.catalog.target(relation)
            base = scope.sources[alias]
            new = scope.new_alias(f"{alias}_{relation.name}")
            table = exp.Table(this=exp.to_identifier(there.name))
            _set_entity(table, there, new)
            join = exp.Join(this=table, side="LEFT", on=_equal(alias, new, relation.on))
            join.meta["path"] = (alias, relation)
            scope.paths[key] = new
            scope.sources[new] = _PathSource(new, there, (), base.anchor)
            scope.added.append((base.anchor, join))
        return scope.paths[key]

    def _attach(self, select: exp.Select, scope: _Scope) -> None:
        """Put the joins of paths right behind what they start from."""
        if not scope.added:
            return
        joins: list[exp.Join] = []
        joins += [join for anchor, join in scope.added if anchor is None]
        for existing in select.args.get("joins") or ():
            joins.append(existing)
            joins += [join for anchor, join in scope.added if anchor is existing]
        select.set("joins", joins)

    # -- aggregates over many ---------------------------------------------------------------

    def _many_aggregate(self, node: exp.AggFunc, scope: _Scope) -> bool:
        """Replace an aggregate over a to-many path by a join with its value per record."""
        whole = node.parent if isinstance(node.parent, exp.Filter) else node
        names = [c for c in node.find_all(exp.Column, exp.Dot) if not isinstance(c.parent, exp.Dot)]
        prefix: tuple[str, Relation] | None = None
        rests: list[tuple[exp.Expr, tuple[str, ...]]] = []
        for name in names:
            parts = _column_parts(name)
            if parts is None or not self._could_walk(parts, scope):
                return False
            if parts[-1:] == ["*"]:
                parts = parts[:-1]
            walk = self._resolve(parts, scope)
            if walk.many is None:
                if prefix is not None:
                    raise QueryError("an aggregate over many records can't mix fields from here and from there")
                return False
            if prefix is not None and prefix != (walk.alias, walk.many):
                raise QueryError("one aggregate can follow only one to-many relation")
            prefix = (walk.alias, walk.many)
            rests.append((name, walk.rest))
        if prefix is None:
            return False
        self._precompute(node, whole, *prefix, rests, scope)
        return True

    def _complete_group(self, select: exp.Select) -> None:
        """Group by the plain columns of the output too, which every other reading would refuse."""
        group = select.args.get("group")
        if group is None and not select.args.get("distinct"):
            plain = [c for e in select.expressions for c in _outside_aggregates(e.unalias())]
            summed = [e for e in select.expressions if _aggregates_here(e.unalias())]
            if plain and summed:
                group = exp.Group(expressions=[])
                select.set("group", group)
                self.notes.append("grouped by the columns that are not aggregated")
        if group is None or any(v for k, v in group.args.items() if k != "expressions"):
            return
        keys = list(group.expressions)
        outputs = {e.alias.lower() for e in select.expressions if isinstance(e, exp.Alias)}
        named = {k.name.lower() for k in keys if isinstance(k, exp.Column) and not k.table} & outputs
        positions = {int(k.this) for k in keys if isinstance(k, exp.Literal) and k.is_int}
        for position, item in enumerate(select.expressions, 1):
            inner = item.unalias()
            if position in positions or item.alias_or_name.lower() in named or inner in keys:
                continue
            for node in _outside_aggregates(inner, keys):
                if node not in keys:
                    group.append("expressions", node.copy())
                    keys.append(node)

    # -- fields that only a to-many relation reaches -------------------------------------------

    def _follow_many(self, select: exp.Select, scope: _Scope) -> None:
        """Read a query over one entity whose bare fields are held by the many records behind it.

        Where only conditions use such fields, records are kept that have a fitting one (EXISTS).
        Where the output uses them, the query is about those records, and starts there instead.
        """
        sources = scope.visible()
        if len(sources) != 1 or sources[0].entity is None or sources[0].anchor is not None:
            return
        source = sources[0]
        entity = sources[0].entity
        where = select.args.get("where")
        outside = [n for k, v in select.args.items() if k not in ("where", "from_", "with_") for n in _nodes(v)]
        if (between := self._between(select, source, entity)) is not None:
            self._start_at(select, scope, source, between)
            return
        missing_out = self._missing(outside, scope)
        conditions = _conditions(where)
        if missing_out:
            names = {n for n, _ in missing_out} | {n for c in conditions for n, _ in self._missing([c], scope)}
            found = [r for r in entity.relations if r.many and all(self.catalog.target(r).find_field(n) for n in names)]
            if len({r.target for r in found}) == 1 and self._back(found[0], entity) is not None:
                self._start_at(select, scope, source, found[0])
            return
        wanted: dict[str, tuple[Relation, list[exp.Expr]]] = {}
        for condition in conditions:
            missing = self._missing([condition], scope)
            if not missing:
                continue
            found = [
                r for r in entity.relations if r.many and all(self.catalog.target(r).find_field(n) for n, _ in missing)
            ]
            if len({r.target for r in found}) == 1:
                wanted.setdefault(found[0].name, (found[0], []))[1].append(condition)
                for _, node in missing:
                    if isinstance(node, exp.Column) and node.table:
                        node.set("table", None)
        for relation, parts in wanted.values():
            inner = exp.Select(expressions=[exp.Literal.number(1)])
            path = exp.Table(this=exp.to_identifier(relation.name), db=exp.to_identifier(source.alias, quoted=True))
            inner.set("from_", exp.From(this=path))
            for part in parts[1:]:
                part.replace(exp.true())
            first = parts[0]
            copies = [p.copy() for p in parts]
            first.replace(exp.Exists(this=inner))
            for copy in copies:
                inner.where(copy, copy=False)
            self.notes.append(f"kept records of {entity.name} with a fitting {relation.name}")

    def _between(self, select: exp.Select, source: _Source, entity: Entity) -> Relation | None:
        """The to-many relation behind which an entity is named that can't be reached from here otherwise.

        `FROM customers SELECT customers.state, products.kind`: both stand behind the orders.
        """
        ones, named = self._ones(entity) | {entity.full_name}, set()
        for node in (n for k, v in select.args.items() if k != "from_" for root in _nodes(v) for n in _shallow(root)):
            parts = _column_parts(node) if isinstance(node, exp.Column | exp.Dot) else None
            if not parts or len(parts) == 1 or parts[-1] == "*" or parts[0].lower() == source.alias.lower():
                continue
            ends = self.catalog.named(".".join(parts[:-1]))
            if ends and not entity.find_relation(parts[0]) and not ends & ones:
                named.add(frozenset(ends))
        if not named:
            return None
        found = [
            r
            for r in entity.relations
            if r.many
            and self._back(r, entity) is not None
            and all(ends & (self._ones(self.catalog.target(r)) | {r.target}) for ends in named)
        ]
        return found[0] if len({r.target for r in found}) == 1 else None

    def _ones(self, entity: Entity) -> set[str]:
        """Full names of what to-one steps reach from an entity."""
        level, seen = [entity], set[str]()
        for _ in range(MAX_IMPLIED_STEPS):
            targets = {r.target for e in level for r in e.relations if not r.many} - seen
            seen |= targets
            level = [self.catalog.entity(t) for t in targets]
        return seen

    def _missing(self, roots: list[exp.Expr], scope: _Scope) -> list[tuple[str, exp.Expr]]:
        """Bare fields, or fields behind an entity's name, that no to-one path reaches."""
        outputs = {e.alias.lower() for e in scope.select.expressions if isinstance(e, exp.Alias)}
        found = []
        for root in roots:
            for node in _shallow(root):
                parts = _column_parts(node) if isinstance(node, exp.Column | exp.Dot) else None
                if not parts or parts[-1] == "*" or len(parts) > 2 or parts[0].lower() in outputs:
                    continue
                entity = scope.visible()[0].entity
                assert entity is not None
                if len(parts) == 2:
                    relation = entity.find_relation(parts[0])
                    if relation is None or not relation.many or node.find_ancestor(exp.AggFunc):
                        continue
                    if scope.source(parts[0]) is not None:
                        continue  # what stands in FROM is meant, also by an entity that relates to itself
                    found.append((parts[1], node))
                    continue
                if any(s.column(parts[0]) for c in scope.chain() for s in c.visible()):
                    continue
                if entity.find_relation(parts[0]) or entity.find_measure(parts[0]):
                    continue
                if any(True for _ in self._reachable(scope, parts[0], None)):
                    continue
                found.append((parts[0], node))
        return found

    def _back(self, relation: Relation, entity: Entity) -> Relation | None:
        reverse = tuple((b, a) for a, b in relation.on)
        there = self.catalog.target(relation)
        return next(
            (r for r in there.relations if not r.many and r.target == entity.full_name and r.on == reverse),
            None,
        )

    def _start_at(self, select: exp.Select, scope: _Scope, source: _Source, relation: Relation) -> None:
        there = self.catalog.target(relation)
        assert source.entity is not None
        back = self._back(relation, source.entity)
        assert back is not None
        table = select.args["from_"].this
        del scope.sources[source.alias]
        alias = scope.new_alias(there.name.split(".")[-1])
        _set_entity(table, there, alias)
        scope.sources[alias] = _Source(alias, there, (), None)
        old = source.entity
        assert old is not None
        outputs = {e.alias.lower() for e in select.expressions if isinstance(e, exp.Alias)}
        for node in [n for k, v in select.args.items() if k != "from_" for root in _nodes(v) for n in _shallow(root)]:
            parts = _column_parts(node) if isinstance(node, exp.Column | exp.Dot) else None
            if not parts or parts[-1] == "*" or parts == [p for p in parts if p.lower() in outputs]:
                continue
            if parts[0].lower() == relation.name.lower():
                node.replace(_path_node((alias, *parts[1:])))
            elif parts[0].lower() == source.alias.lower() and len(parts) > 1:
                node.replace(_path_node((alias, back.name, *parts[1:])))
            elif old.find_field(parts[0]) or old.find_relation(parts[0]):
                node.replace(_path_node((alias, back.name, *parts)))
        self.notes.append(f"started at {there.full_name}, which holds the fields asked for")

    def _could_walk(self, parts: list[str], scope: _Scope) -> bool:
        """Whether the path starts with a relation; plain fields take the ordinary way."""
        return any(
            (source.entity is not None and source.entity.find_relation(first) is not None)
            for current in scope.chain()
            for source in current.sources.values()
            for first in {
                parts[0],
                parts[1] if len(parts) > 1 and source.alias.lower() == parts[0].lower() else parts[0],
            }
        )

    def _precompute(
        self,
        node: exp.AggFunc,
        whole: exp.Expr,
        alias: str,
        relation: Relation,
        rests: list[tuple[exp.Expr, tuple[str, ...]]],
        scope: _Scope,
    ) -> None:
        if not isinstance(node, exp.Sum | exp.Count | exp.Min | exp.Max | exp.Avg):
            raise QueryError(
                f"{node.key.upper()} can't aggregate over {relation.name}; start FROM {relation.target} instead"
            )
        if node.find(exp.Distinct):
            raise QueryError(f"DISTINCT can't aggregate over {relation.name}; start FROM {relation.target} instead")
        for name, rest in rests:
            if rest:
                name.replace(_path_node(rest))
            else:
                name.replace(exp.Star())
        target = self.catalog.target(relation)
        inner = exp.Select()
        inner.set(
            "expressions",
            [exp.alias_(_path_node((there,)), f"k{i}") for i, (_, there) in enumerate(relation.on)],
        )
        arg = node.this.copy()
        plain = isinstance(arg, exp.Star)
        filter_ = whole.args["expression"].copy() if isinstance(whole, exp.Filter) else None
        if filter_ is not None:
            for column in filter_.find_all(exp.Column, exp.Dot):
                parts = _column_parts(column)
                if parts and not isinstance(column.parent, exp.Dot) and parts[0].lower() == relation.name.lower():
                    column.replace(_path_node(tuple(parts[1:])))

        def aggregate(kind: type[exp.AggFunc], name: str) -> None:
            call: exp.Expr = kind(this=exp.Star() if plain else arg.copy())
            if isinstance(call, exp.Count):
                call.set("big_int", True)
            if filter_ is not None:
                call = exp.Filter(this=call, expression=filter_.copy())
            inner.append("expressions", exp.alias_(call, name))

        if isinstance(node, exp.Avg):
            aggregate(exp.Sum, "v")
            aggregate(exp.Count, "n")
        else:
            aggregate(type(node), "v")
        inner.set("from_", exp.From(this=exp.Table(this=exp.to_identifier("x"))))
        table = inner.find(exp.Table)
        assert table is not None
        _entity_reference(table, target)
        inner.set("group", exp.Group(expressions=[exp.Literal.number(i + 1) for i in range(len(relation.on))]))
        self._select(inner, None, {})
        new = scope.new_alias(f"{alias}_{relation.name}")
        on = exp.and_(
            *(
                exp.EQ(this=_column_node(here, alias), expression=_column_node(f"k{i}", new))
                for i, (here, _) in enumerate(relation.on)
            )
        )
        join = exp.Join(
            this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(new))),
            side="LEFT",
            on=on,
        )
        anchor = scope.sources[alias].anchor
        scope.sources[new] = _Source(new, None, (), anchor)
        scope.added.append((anchor, join))
        value, count = _column_node("v", new), _column_node("n", new)
        grouped = _is_grouped(scope.select, whole)
        made: exp.Expr
        if isinstance(node, exp.Avg):
            made = (
                exp.Div(this=exp.Sum(this=value), expression=exp.Sum(this=count))
                if grouped
                else exp.Div(this=value, expression=count)
            )
        elif isinstance(node, exp.Count):
            made = exp.Coalesce(this=exp.Sum(this=value) if grouped else value, expressions=[exp.Literal.number(0)])
        elif isinstance(node, exp.Sum):
            made = exp.Sum(this=value) if grouped else value
        else:
            made = type(node)(this=value) if grouped else value
        if isinstance(whole.parent, exp.Select) and whole.arg_key == "expressions":
            label = f"{node.key}_{relation.name}"
            made = exp.alias_(made, label)
        whole.replace(made)

    # -- stars, measures, names --------------------------------------------------------------

    def _expand_stars(self, select: exp.Select, scope: _Scope) -> None:
        expanded: list[exp.Expr] = []
        for item in select.expressions:
            star = item if isinstance(item, exp.Star) else item.this if isinstance(item, exp.Column) else None
            if not isinstance(star, exp.Star):
                expanded.append(item)
                continue
            if star.args.get("replace") or star.args.get("rename"):
                raise QueryError("write the columns out: * with REPLACE or RENAME is not supported")
            without = {c.name.lower() for c in star.args.get("except_") or star.args.get("except") or ()}
            wanted = item.table if isinstance(item, exp.Column) else ""
            sources = [s for s in scope.visible() if not wanted or s.alias.lower() == wanted.lower()]
            if wanted and not sources:
                raise UnknownName("alias", wanted, near_names(wanted, scope.sources))
            for source in sources:
                names = [f.name for f in source.entity.fields] if source.entity else source.columns
                expanded += [
                    exp.column(exp.to_identifier(n, quoted=True), table=exp.to_identifier(source.alias, quoted=True))
                    for n in names
                    if n.lower() not in without
                ]
        select.set("expressions", expanded)

    def _measures(self, select: exp.Select, scope: _Scope) -> None:
        """Replace a bare measure's name by its expression."""
        for key in ("expressions", "where", "having", "order", "qualify"):
            value = select.args.get(key)
            for root in value if isinstance(value, list) else [value] if value else []:
                for node in list(_shallow(root)):
                    if not isinstance(node, exp.Column) or len(node.parts) > 2:
                        continue
                    name, alias = node.name, node.table
                    for source in scope.visible():
                        entity = source.entity
                        if entity is None or (alias and alias.lower() != source.alias.lower()):
                            continue
                        measure = entity.find_measure(name)
                        if measure is None or entity.find_field(name) or name.lower() in scope.outputs:
                            continue
                        made: exp.Expr = exp.paren(sqlglot.parse_one(measure.expression, dialect=DIALECT))
                        if isinstance(node.parent, exp.AggFunc) and made.find(exp.AggFunc):
                            node = node.parent  # SUM(unpaid) where unpaid is a sum already
                        if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
                            made = exp.alias_(made, measure.name)
                        node.replace(made)
                        break

    def _name_outputs(self, select: exp.Select, scope: _Scope) -> None:
        """Give every unnamed path and expression a name, and equal names their whole path."""
        names = Counter(_output_name(item).lower() for item in select.expressions)
        for index, item in enumerate(select.expressions):
            if isinstance(item, exp.AggFunc) and not self._has_relation(item, scope):
                inner = [c.name for c in item.find_all(exp.Column)]
                item.replace(exp.alias_(item.copy(), "_".join([item.key, *inner[:1]]), quoted=True))
                continue
            if isinstance(item, exp.Alias | exp.AggFunc | exp.Filter):
                continue
            parts = _column_parts(item)
            if parts:
                last = parts[-1]
                name = ".".join(parts) if names[last.lower()] > 1 else last
                select.expressions[index].replace(exp.alias_(item.copy(), name, quoted=True))

    def _has_relation(self, item: exp.Expr, scope: _Scope) -> bool:
        """Whether a path inside starts with a relation; what it stands for is named later."""
        paths = [_column_parts(c) for c in _shallow(item) if isinstance(c, exp.Column | exp.Dot)]
        return any(p and self._could_walk(p, scope) for p in paths)

    def _expand_using(self, join: exp.Join, name: str, scope: _Scope) -> None:
        right = next(s for s in scope.sources.values() if s.anchor is join)
        left = next((s for s in scope.sources.values() if s is not right and s.column(name)), None)
        here, there = (left.column(name) if left else None), right.column(name)
        if left is None or here is None or there is None:
            raise UnknownName("column", name, where="USING")
        equal = exp.EQ(this=_column_node(here, left.alias), expression=_column_node(there, right.alias))
        join.set("on", exp.and_(join.args["on"], equal) if join.args.get("on") else equal)
        scope.outputs[f"using:{name.lower()}"] = _column_node(here, left.alias)


class _PathSource(_Source):
    """An entity that a path brought in: reached only through its path, never by a bare name."""


def _output_name(item: exp.Expr) -> str:
    parts = None if isinstance(item, exp.Alias) else _column_parts(item)
    return parts[-1] if parts else item.alias_or_name


def _is_grouped(select: exp.Select, item: exp.Expr) -> bool:
    """Whether the SELECT aggregates: it has GROUP BY, or nothing but aggregates in its output."""
    if select.args.get("group"):
        return True
    return all(any(isinstance(n, exp.AggFunc) for n in _shallow(e)) for e in select.expressions)


def _shallow(root: exp.Expr) -> list[exp.Expr]:
    """The nodes of an expression, parents first, without the inside of subqueries or of paths."""
    found: list[exp.Expr] = []
    stack = [root]
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, exp.Query | exp.Column):
            continue
        if isinstance(node, exp.Dot) and _column_parts(node) is not None:
            continue
        stack.extend(reversed(list(node.iter_expressions())))
    return found


def _nodes(value: object) -> list[exp.Expr]:
    """The trees in an argument of a SELECT."""
    if isinstance(value, exp.Expr):
        return [value]
    return [v for v in value if isinstance(v, exp.Expr)] if isinstance(value, list) else []


def _conditions(where: exp.Expr | None) -> list[exp.Expr]:
    """The conditions of a WHERE that must all hold."""
    if where is None:
        return []
    stack, found = [where.this], []
    while stack:
        node = stack.pop(0)
        if isinstance(node, exp.And):
            stack = [node.left, node.right, *stack]
        else:
            found.append(node)
    return found


def _is_whole(part: exp.Expr, node: exp.Expr) -> bool:
    """Whether an aggregate is all of an expression, a FILTER around it not counted."""
    return part is node or (part.parent is node and isinstance(node, exp.Filter))


def _aggregates_here(root: exp.Expr) -> bool:
    """Whether an output expression holds an aggregate of this SELECT, not one inside a window or subquery."""
    if isinstance(root, exp.Query | exp.Window):
        return False
    return isinstance(root, exp.AggFunc) or any(_aggregates_here(c) for c in root.iter_expressions())


def _outside_aggregates(root: exp.Expr, keys: Sequence[exp.Expr] = ()) -> list[exp.Column]:
    """Columns that stand in an output expression outside every aggregate, window, subquery and key of the group."""
    if isinstance(root, exp.AggFunc | exp.Query | exp.Window | exp.Filter | exp.WithinGroup) or root in keys:
        return []
    if isinstance(root, exp.Column):
        return [root] if root.table else []
    return [c for child in root.iter_expressions() for c in _outside_aggregates(child, keys)]


def _column_parts(node: exp.Expr) -> list[str] | None:
    if isinstance(node, exp.Column):
        return [p.name if not isinstance(p, exp.Star) else "*" for p in node.parts]
    if isinstance(node, exp.Dot):
        left = _column_parts(node.this)
        right = node.expression
        return [*left, right.name] if left is not None and isinstance(right, exp.Identifier) else None
    return None


def _table_parts(node: exp.Table) -> list[str]:
    parts: list[str] = []
    for part in node.parts:
        parts += [p.name for p in part.flatten()] if isinstance(part, exp.Dot) else [part.name]
    return parts


def _set_entity(table: exp.Table, entity: Entity, alias: str) -> None:
    _entity_reference(table, entity)
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    table.meta["entity"] = entity


def _entity_reference(table: exp.Table, entity: Entity) -> None:
    table.set("this", exp.to_identifier(entity.name, quoted=True))
    table.set("db", exp.to_identifier(entity.source, quoted=True))
    table.set("catalog", None)


def _column_node(name: str, alias: str) -> exp.Column:
    column = exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))
    column.meta["bound"] = True
    return column


def _path_node(parts: tuple[str, ...]) -> exp.Expr:
    identifiers = [exp.to_identifier(p, quoted=True) for p in parts]
    if len(identifiers) <= 4:
        return exp.column(*reversed(identifiers))
    head: exp.Expr = exp.column(*reversed(identifiers[:4]))
    for rest in identifiers[4:]:
        head = exp.Dot(this=head, expression=rest)
    return head


def _equal(left: str, right: str, on: tuple[tuple[str, str], ...]) -> exp.Expr:
    return exp.and_(*(exp.EQ(this=_column_node(a, left), expression=_column_node(b, right)) for a, b in on))
