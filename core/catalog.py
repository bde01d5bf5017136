"""What the connected systems hold: sources, entities, fields and the relations between them.

A catalog is a value: connectors describe entities, configuration adds synonyms,
descriptions, measures and links, and the result answers one question: what does this name
mean? It reads no data and knows no connector.

Entities are named `source.native`, as in `crm.Account` or `erp.sale.line`. A shorter name is
accepted wherever it is unique: `erp.line`, `sale.line` or `Account`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa

from groundwire.core.errors import AmbiguousName, UnknownName


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column of an entity.

    Attributes:
        name: the source's own name, as it is written in queries.
        type: Arrow type of the values that a scan delivers.
        label: the name that the source's users see, where it differs.
        description: help text of the source or the operator.
        values: enumerated values, where the source or a sample names them; empty if open.
        sampled: the values were found in records, not in the source's or the operator's description.
        labels: what users see for a value, where it differs: `{"posted": "Posted"}`.
        nullable: whether NULL occurs.
        synonyms: other words for it, from configuration.
        sensitive: never sampled, never shown to a model without need.
        currency: field of the same entity that says in which currency an amount is; empty where all are in one.
    """

    name: str
    type: pa.DataType
    label: str = ""
    description: str = ""
    values: tuple[str, ...] = ()
    sampled: bool = False
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    nullable: bool = True
    synonyms: tuple[str, ...] = ()
    sensitive: bool = False
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A way from one entity to another.

    Attributes:
        name: how a path names it: `party` in `party.name`.
        target: full name of the entity at the other end, `crm.Account`.
        on: pairs of (field here, field there) that are equal for related records.
        many: True where one record here may relate to several there.
        native: the source itself can follow this relation inside a scan, under this name
            (SOQL `Owner.Name`, Tryton `party.name`); None where it can't.
        declared: False for relations that were inferred from names and values.
    """

    name: str
    target: str
    on: tuple[tuple[str, str], ...]
    many: bool = False
    native: str | None = None
    declared: bool = True

    def __deepcopy__(self, memo: object) -> Relation:
        return self


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A named expression over an entity, such as `SUM(amount - discount)`."""

    name: str
    expression: str
    description: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One kind of record of one source.

    Attributes:
        source: configured name of the source.
        name: native name, which may hold dots (`sale.line`, `public.tickets`).
        fields: in the source's order.
        primary_key: field names; empty where the source has none.
        cursor: field that grows with every change, for incremental reads; None without one.
        relations: ways to other entities.
        rows: estimate of the number of records, None if unknown.
    """

    source: str
    name: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    relations: tuple[Relation, ...] = ()
    measures: tuple[Measure, ...] = ()
    label: str = ""
    description: str = ""
    synonyms: tuple[str, ...] = ()
    rows: int | None = None

    def __deepcopy__(self, memo: object) -> Entity:
        return self  # a value: query trees that are copied go on sharing it

    @property
    def full_name(self) -> str:
        """`source.name`."""
        return f"{self.source}.{self.name}"

    @cached_property
    def _fields(self) -> dict[str, Field]:
        return {f.name.lower(): f for f in reversed(self.fields)}

    @cached_property
    def _exact(self) -> dict[str, Field]:
        return {f.name: f for f in reversed(self.fields)}

    @cached_property
    def _relations(self) -> dict[str, Relation]:
        return {r.name.lower(): r for r in reversed(self.relations)}

    def find_field(self, name: str) -> Field | None:
        """The field of that name, compared without case; None if there is none."""
        return self._exact.get(name) or self._fields.get(name.lower())

    def find_relation(self, name: str) -> Relation | None:
        """The relation of that name, compared without case; None if there is none."""
        return self._relations.get(name.lower())

    def find_measure(self, name: str) -> Measure | None:
        """The measure of that name, compared without case; None if there is none."""
        return next((m for m in self.measures if m.name.lower() == name.lower()), None)

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises:
            UnknownName: with the near misses.
        """
        found = self.find_field(name)
        if found is None:
            raise UnknownName("field", name, self.near(name), where=self.full_name)
        return found

    def twins(self) -> list[str]:
        """Names of fields that differ only by case, which SQL takes for one name; empty where there are none."""
        groups: dict[str, list[str]] = {}
        for one in self.fields:
            groups.setdefault(one.name.lower(), []).append(one.name)
        return next((names for names in groups.values() if len(names) > 1), [])

    def near(self, name: str, count: int = 5) -> list[str]:
        """Names of fields and relations that resemble `name`, best first."""
        return near_names(name, [f.name for f in self.fields] + [r.name for r in self.relations], count)

    @property
    def schema(self) -> pa.Schema:
        """All fields as an Arrow schema."""
        return pa.schema([pa.field(f.name, f.type) for f in self.fields])


_SECRET = re.compile(r"passw|secret|token|api_?key|hash|salt|\bssn\b|iban|credit_?card|\bpin\b", re.IGNORECASE)


def names_a_secret(name: str) -> bool:
    """Whether a field of this name is never sampled, whether or not configuration calls it sensitive."""
    return bool(_SECRET.search(name))


def near_names(name: str, names: Iterable[str], count: int = 5) -> list[str]:
    """Up to `count` of `names` that resemble `name` (substring or edit distance), best first."""
    wanted = name.lower()
    pool = {n.lower(): n for n in names}
    inside = [n for n in pool if wanted and (wanted in n or n in wanted)]
    inside.sort(key=lambda n: abs(len(n) - len(wanted)))
    close = difflib.get_close_matches(wanted, pool, n=count, cutoff=0.6)
    return [pool[n] for n in dict.fromkeys([*close, *inside])][:count]


class Catalog:
    """All entities of all sources, found by name."""

    def __init__(self, entities: Iterable[Entity] = ()) -> None:
        self._entities: dict[str, Entity] = {}
        self._suffixes: dict[str, list[str]] = {}
        for entity in entities:
            self._entities[entity.full_name] = entity
        for full_name in self._entities:
            parts = full_name.lower().split(".")
            for start in range(len(parts)):
                self._suffixes.setdefault(".".join(parts[start:]), []).append(full_name)
            # `erp.line` for `erp.sale.line`: the source's name before a unique ending
            for start in range(2, len(parts)):
                self._suffixes.setdefault(".".join([parts[0], *parts[start:]]), []).append(full_name)

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._entities.values())

    def __len__(self) -> int:
        return len(self._entities)

    def __contains__(self, full_name: str) -> bool:
        return full_name in self._entities

    @property
    def sources(self) -> list[str]:
        """Names of the sources, in order of appearance."""
        return list(dict.fromkeys(e.source for e in self))

    def entity(self, name: str) -> Entity:
        """The entity of that full or unique shorter name, compared without case.

        Raises:
            UnknownName: with the near misses.
            AmbiguousName: with the candidates.
        """
        if name in self._entities:
            return self._entities[name]
        found = self._suffixes.get(name.lower(), [])
        if len(found) > 1:
            same = [f for f in found if f.lower() == name.lower()]
            exact = [f for f in found if f.endswith("." + name)]
            # `erp.sale` names erp.sale before erp.pos.sale; a case match decides between twins
            found = same if len(same) == 1 else exact if len(exact) == 1 else found
        if len(found) == 1:
            return self._entities[found[0]]
        if found:
            raise AmbiguousName(name, found)
        raise UnknownName("entity", name, self._near(name))

    def named(self, name: str) -> set[str]:
        """Full names of the entities that a full or shorter name may mean, compared without case."""
        return set(self._suffixes.get(name.lower(), ()))

    def _near(self, name: str) -> list[str]:
        last = name.split(".")[-1]
        by_last = near_names(last, {e.name.split(".")[-1] for e in self}, 5)
        ends = {n.lower() for n in by_last}
        hits = [e.full_name for e in self if e.name.split(".")[-1].lower() in ends]
        return list(dict.fromkeys([*near_names(name, self._entities, 5), *hits]))[:5]

    def short_name(self, entity: Entity) -> str:
        """The shortest `source.name` form that means this entity and no other."""
        parts = entity.name.split(".")
        for count in range(1, len(parts)):
            short = ".".join([entity.source, *parts[-count:]])
            if self._suffixes.get(short.lower(), []) == [entity.full_name]:
                return short
        return entity.full_name

    def target(self, relation: Relation) -> Entity:
        """The entity at the other end of a relation."""
        return self._entities[relation.target]

    def replaced(self, entities: Iterable[Entity]) -> Catalog:
        """A catalog in which these entities stand for those of the same full name."""
        fresh = {e.full_name: e for e in entities}
        return Catalog([fresh.get(name, old) for name, old in self._entities.items()])

    def linked(self, links: Iterable[Link]) -> Catalog:
        """A catalog with these links added as relations, in both directions."""
        changed = dict(self._entities)
        for link in links:
            for here, there, name, pairs, many in (
                (link.source, link.target, link.name, link.on, False),
                (link.target, link.source, link.reverse, tuple((b, a) for a, b in link.on), True),
            ):
                entity = changed[here]
                relation = Relation(name=name, target=there, on=pairs, many=many, declared=link.declared)
                kept = tuple(r for r in entity.relations if r.name.lower() != name.lower())
                changed[here] = replace(entity, relations=(*kept, relation))
        return Catalog(changed.values())

    def without_dangling(self) -> Catalog:
        """A catalog whose relations all end in entities that it holds."""
        return Catalog(replace(e, relations=tuple(r for r in e.relations if r.target in self)) for e in self)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A relation between entities that no source declares: many records of `source` to one of `target`."""

    source: str
    target: str
    on: tuple[tuple[str, str], ...]
    name: str
    reverse: str
    declared: bool = True
