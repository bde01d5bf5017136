"""Relations that a source did not declare, inferred from names, types and values.

Many databases declare no foreign keys. Without relations there are no paths, and without paths
a model has to guess joins. A field is taken for a reference to another entity's primary key where
its name says so (`user_id` for `users`, `order_cust_id` for `customer.cust_id`), or, for a field that is
named like a key, where every value of a sample is a key over there, and not only one of the first of many.
Where another field says the kind of what is referred to (`payee_type` beside `payee_id`), the values of each kind are
looked for by themselves. A `parent_id` then refers to its own entity; else entities that belong to no other are meant
before others (`payer_id` of people and of firms). What is inferred is marked `declared=False`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

import pyarrow as pa

from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Connector, Profiling, Scan, ScanReport
from groundwire.core.errors import SourceError

SAMPLE_ROWS = 2_000
KEY_ENDING = re.compile(r"(_id|_code|_key|_no|_number|_ref|id)$", re.IGNORECASE)
"""How names of keys end."""
_JOINED_KEY_ENDING = re.compile(r"(?:id|no|nr|num|code|key|ref)$")
"""The same where names are written as one word."""
_MOST_TARGETS = 3
_ANYBODYS = {"id", "code", "name", "key"}
"""Names of keys that say nothing of what they are keys of."""
_ABOVE = {
    *("parent", "root", "manager", "mgr", "supervisor", "sup", "boss", "lead", "prev", "previous", "predecessor"),
    *("original", "origin", "replaced", "renewed", "superseded", "referrer", "referred_by", "reports_to"),
}
"""What a record's reference to another of its own kind is called."""
_KIND_ENDINGS = ("_type", "_kind", "type", "kind")
_FEW = 60
"""Entities of a source in which, where names have short prefixes, every text is held against the keys of others."""
_FIRST_FEW = 0.3
"""Whole numbers all below this share of the keys may be keys of anything that is numbered."""


def with_inferred_relations(
    entities: list[Entity], connector: Connector, deadline: float, linked: Collection[str] = ()
) -> list[Entity]:
    """The same entities, with relations added where names or values leave few readings.

    Args:
        entities: of one source.
        connector: asked for samples, where it is one that profiles its data.
        deadline: `time.monotonic()` value after which no sample is taken.
        linked: fields that the configuration links to an entity, as it names them: what they refer to is known.
    """
    if any(r.native for e in entities for r in e.relations):
        return entities  # the source describes its own relations
    prefix = _common_prefix([f.name for e in entities for f in e.fields])
    known = _Targets(entities, prefix)
    samples = _Samples(connector, deadline) if isinstance(connector, Profiling) else None
    relations: dict[str, list[Relation]] = {e.full_name: list(e.relations) for e in entities}
    small = len(entities) <= _FEW
    for entity in entities:
        taken = {a for r in entity.relations if not r.many for a, _ in r.on}
        for field in entity.fields:
            if field.name in taken or entity.primary_key == (field.name,) or _is_linked(entity, field, linked):
                continue
            targets = _best_named(known.named(field, entity), field)
            likely = looks_like_key(field, prefix) or (prefix and small and pa.types.is_string(field.type))
            if not targets and samples and likely:
                targets = samples.targets(entity, field, entities, prefix)
            for target in targets:
                _relate(relations, entity, field, target, alone=len(targets) == 1, prefix=prefix)
    return [replace(e, relations=tuple(relations[e.full_name])) for e in entities]


def _is_linked(entity: Entity, field: Field, linked: Collection[str]) -> bool:
    """Whether one of the names is the field's; between source and entity a name may leave out the schema."""
    if not linked:
        return False
    full = f"{entity.full_name}.{field.name}"
    source = f"{entity.source}."
    return any(name == full or (name.startswith(source) and full.endswith(name[len(source) - 1 :])) for name in linked)


def _relate(
    relations: dict[str, list[Relation]],
    entity: Entity,
    field: Field,
    target: Entity,
    *,
    alone: bool,
    prefix: str,
) -> None:
    last = target.name.split(".")[-1]
    stem = KEY_ENDING.sub("", field.name) or field.name
    readable = stem if "_" in field.name or not prefix else last
    name = readable if alone else f"{readable}_{last}"
    key = target.primary_key[0]
    back = entity.name.split(".")[-1]
    for owner, wanted, other, pair, many in (
        (entity.full_name, name, target.full_name, (field.name, key), False),
        (target.full_name, back, entity.full_name, (key, field.name), True),
    ):
        taken = {r.name.lower() for r in relations[owner]}
        free, count = wanted, 1
        if many and free.lower() in taken:
            free = f"{wanted}_{stem}"
        while free.lower() in taken:
            count += 1
            free = f"{wanted}_{count}"
        relations[owner].append(Relation(name=free, target=other, on=(pair,), many=many, declared=False))


class _Targets:
    """Entities by the names that fields which refer to them bear: a field of thousands is not held against each."""

    def __init__(self, entities: list[Entity], prefix: str) -> None:
        self.entities = entities
        self.prefix = prefix
        self._by_key: dict[str, list[int]] = {}
        self._by_table: dict[str, list[int]] = {}
        self._known: dict[str, list[Entity]] = {}
        for number, entity in enumerate(entities):
            if len(entity.primary_key) == 1:
                key = entity.primary_key[0].lower()
                table = singular(entity.name.split(".")[-1].lower())
                if key not in _ANYBODYS:
                    for name in {key, key.removeprefix(prefix)}:
                        self._by_key.setdefault(name, []).append(number)
                for name in {table, table.removeprefix(prefix)}:
                    self._by_table.setdefault(name, []).append(number)

    def named(self, field: Field, entity: Entity) -> list[Entity]:
        """Other entities whose key the field's name says it holds, in their own order."""
        some = self._meant(field.name.lower())
        return [t for t in some if t is not entity and _names_key_of(field, t, self.prefix)] if some else []

    def _meant(self, name: str) -> list[Entity]:
        """Entities that a name may mean; the same names are found in many entities."""
        if name not in self._known:
            found = set(self._by_table.get(KEY_ENDING.sub("", name).rstrip("_"), ()))
            for start in range(len(name)):
                found.update(self._by_key.get(name[start:], ()))
            self._known[name] = [self.entities[number] for number in sorted(found)]
        return self._known[name]


def _names_key_of(field: Field, target: Entity, prefix: str) -> bool:
    if len(target.primary_key) != 1:
        return False
    key = target.field(target.primary_key[0])
    if not same_kind(field.type, key.type):
        return False
    name, key_name = field.name.lower(), key.name.lower()
    table = singular(target.name.split(".")[-1].lower())
    bare_key = key_name.removeprefix(prefix)
    if name == key_name and key_name not in _ANYBODYS:
        return True
    if len(bare_key) >= 5 and name.endswith(bare_key):
        return True
    stem = KEY_ENDING.sub("", name).rstrip("_")
    return stem != name and stem in (table, table.removeprefix(prefix))


def _best_named(targets: list[Entity], field: Field) -> list[Entity]:
    """The target whose key's name covers most of the field's name; none where two are as good."""
    if len(targets) < 2:
        return targets
    ranked = sorted(targets, key=lambda t: len(t.primary_key[0]), reverse=True)
    first, second = ranked[0], ranked[1]
    return [first] if len(first.primary_key[0]) > len(second.primary_key[0]) else []


def looks_like_key(field: Field, prefix: str = "") -> bool:
    """Whether a field is named like a key, and of a kind that keys are."""
    plain = pa.types.is_integer(field.type) or pa.types.is_string(field.type)
    name = field.name.lower()
    if prefix and name.startswith(prefix) and "_" not in name and pa.types.is_string(field.type):
        return bool(_JOINED_KEY_ENDING.search(name))  # `xxOrdCustNo`
    return plain and bool(KEY_ENDING.search(name)) and name not in ("id", "paid", "void", "valid")


def same_kind(a: pa.DataType, b: pa.DataType) -> bool:
    """Whether values of both may be equal: whole numbers of any width, else the same type."""
    return bool(pa.types.is_integer(a) and pa.types.is_integer(b)) or bool(a == b)


def singular(name: str) -> str:
    """One of what a name in the plural says, in English."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _common_prefix(names: Iterable[str]) -> str:
    """Letters with which nearly every field begins, as some schemas have it; else nothing."""
    lower = [n.lower() for n in names]
    for length in (4, 3, 2):
        heads = {n[:length] for n in lower}
        if len(heads) == 1 and len(lower) > 5:
            return heads.pop()
    return ""


def _only_first(values: set[object], keys: set[object]) -> bool:
    """Whether values are whole numbers from the beginning of the keys only."""
    numbers = [v for v in values if isinstance(v, int)]
    most = max((k for k in keys if isinstance(k, int)), default=0)
    return bool(numbers) and len(keys) > 10 and max(numbers) < _FIRST_FEW * most


def _tightest(values: set[object], others: Iterable[tuple[Entity, set[object]]]) -> Entity | None:
    """The entity with the fewest keys that hold all values; None where none does."""
    fitting = [(len(keys), n, e) for n, (e, keys) in enumerate(others) if values <= keys]
    return min(fitting, key=lambda f: f[:2])[2] if fitting else None


class _Samples:
    """Values of fields, read once each."""

    def __init__(self, connector: Connector, deadline: float) -> None:
        self.connector = connector
        self.deadline = deadline
        self._known: dict[tuple[str, str], set[object] | None] = {}

    def targets(self, entity: Entity, field: Field, entities: list[Entity], prefix: str) -> list[Entity]:
        """Entities whose keys hold every sampled value of the field; none if too many do."""
        values = self._values(entity, field)
        if not values:
            return []
        stem = KEY_ENDING.sub("", field.name.lower().removeprefix(prefix)).rstrip("_")
        if stem in _ABOVE and values <= self._keys(entity, field):
            return [entity]
        if len(values) < 2:
            return []
        others = [(e, self._keys(e, field)) for e in entities if e is not entity]
        kinds = self._by_kind(entity, field)
        if kinds:
            tightest = [_tightest(ids, others) for ids in kinds]
            if None not in tightest and len({e.full_name for e in tightest if e}) == len(kinds) <= _MOST_TARGETS:
                return [e for e, _ in others if e in tightest]
        found = [e for e, keys in others if values <= keys and not _only_first(values, keys)]
        named_after = [e for e in entities if stem and stem in e.name.lower()]
        if named_after and not any(e in found for e in named_after):
            return []
        # small numbers are keys everywhere: what belongs to nothing else is what others refer to
        found = [e for e in found if not any(not r.many for r in e.relations)] or found
        return found if len(found) <= _MOST_TARGETS else []

    def _keys(self, entity: Entity, field: Field) -> set[object]:
        """The keys of an entity; none where the field could not hold one."""
        if len(entity.primary_key) != 1:
            return set()
        key = entity.field(entity.primary_key[0])
        return (self._values(entity, key) if same_kind(field.type, key.type) else None) or set()

    def _by_kind(self, entity: Entity, field: Field) -> list[set[object]]:
        """The values of a reference to records of several kinds (`payee_id`), by what says the kind (`payee_type`)."""
        stem = KEY_ENDING.sub("", field.name).rstrip("_")
        kind = next((f for e in _KIND_ENDINGS if (f := entity.find_field(f"{stem}{e}")) is not None), None)
        if kind is None or not stem:
            return []
        found: dict[object, set[object]] = {}
        for value, which in self._rows(entity, field, kind) or ():
            if value is not None and which is not None:
                found.setdefault(which, set()).add(value)
        return list(found.values()) if 1 < len(found) <= _MOST_TARGETS else []

    def _values(self, entity: Entity, field: Field) -> set[object] | None:
        at = (entity.full_name, field.name)
        if at not in self._known:
            rows = self._rows(entity, field)
            self._known[at] = None if rows is None else {value for (value,) in rows if value is not None}
        return self._known[at]

    def _rows(self, entity: Entity, *fields: Field) -> list[tuple[object, ...]] | None:
        """A sample of records; None where the source gives none."""
        names = tuple(f.name for f in fields)
        scan = Scan(entity=entity, fields=names, limit=SAMPLE_ROWS, types={f.name: f.type for f in fields})
        try:
            batches = list(self.connector.scan(scan, ScanReport(deadline=self.deadline)))
        except SourceError:
            return None
        return [row for b in batches for row in zip(*(c.to_pylist() for c in b.columns), strict=True)]
