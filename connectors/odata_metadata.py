"""What an OData service says of itself: `$metadata` of version 2 or 4 as entity sets, properties and navigations.

Only flat values become properties: complex types, collections, streams and geography are left out. Inherited
properties are those of the type and its base types. What a service declares that it can't do (`sap:filterable`,
`Capabilities.FilterRestrictions` and their kin) is kept here, for the connector never to ask.

Source: OData CSDL XML 4.01, sections 7 to 14; OData 2.0 CSDL, sections 3 to 15; SAP Annotations for OData 2.0;
the vocabularies Org.OData.Core.V1, Capabilities.V1, Validation.V1 and com.sap.vocabularies.Common.v1.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

SAP = "{http://www.sap.com/Protocols/SAPData}"
DECIMAL_PLACES = 10
"""Of decimals whose metadata says only that they vary."""

_TYPES: Mapping[str, pa.DataType] = {
    "Edm.String": pa.string(),
    "Edm.Guid": pa.string(),
    "Edm.Duration": pa.string(),
    "Edm.Boolean": pa.bool_(),
    "Edm.Byte": pa.int64(),
    "Edm.SByte": pa.int64(),
    "Edm.Int16": pa.int64(),
    "Edm.Int32": pa.int64(),
    "Edm.Int64": pa.int64(),
    "Edm.Single": pa.float32(),
    "Edm.Double": pa.float64(),
    "Edm.Date": pa.date32(),
    "Edm.DateTime": pa.timestamp("us"),
    "Edm.DateTimeOffset": pa.timestamp("us", tz="UTC"),
    "Edm.TimeOfDay": pa.time64("us"),
    "Edm.Time": pa.time64("us"),
}


@dataclass(frozen=True, kw_only=True)
class Property:
    """One value of a record.

    Attributes:
        edm: its type as the service names it, underlying types resolved; `enum` where it is an enumeration.
        enum: full name of the enumeration, empty for other types.
        values, labels: of an enumeration, or those that the service allows.
        filterable, sortable: False where the service says that it is not.
    """

    name: str
    edm: str
    type: pa.DataType
    nullable: bool = True
    enum: str = ""
    label: str = ""
    description: str = ""
    values: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    filterable: bool = True
    sortable: bool = True


@dataclass(frozen=True, kw_only=True)
class Navigation:
    """A way from one entity set to another; `on` is empty where the service does not say what is equal."""

    name: str
    target: str
    many: bool
    on: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class EntitySet:
    """One entity set, by which records are asked for.

    Attributes:
        filters, counts, aggregates, skips, expands: what the service does not say it lacks.
        needs_filter: it refuses to be read whole.
    """

    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    label: str = ""
    description: str = ""
    filters: bool = True
    sorts: bool = True
    counts: bool = True
    aggregates: bool = True
    skips: bool = True
    expands: bool = True
    needs_filter: bool = False


@dataclass(frozen=True, kw_only=True)
class Service:
    """A whole service: `version` is 2 or 4."""

    version: int
    sets: Mapping[str, EntitySet]


def parse(document: bytes) -> Service:
    """A `$metadata` document.

    Raises:
        ValueError: it is none.
    """
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise ValueError("metadata declares no document type")
    try:
        root = ET.fromstring(document)  # noqa: S314 - no entities can be declared, see above
    except ET.ParseError:
        raise ValueError("it is not XML") from None
    for element in root.iter():  # each version has namespaces of its own
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "Edmx":
        raise ValueError("it is not an EDMX document")
    return _Reader(root).service()


def _all(element: ET.Element, *path: str) -> Iterator[ET.Element]:
    """Descendants by the local names on the way."""
    return element.iterfind("/".join(path))


class _Reader:
    """One document being read."""

    def __init__(self, root: ET.Element) -> None:
        self.version = 4 if root.get("Version", "1.0").startswith("4") else 2
        self.types: dict[str, ET.Element] = {}
        self.ways: dict[tuple[str, str], ET.Element] = {}
        self.sets_of: dict[str, list[str]] = {}
        self.enums: dict[str, ET.Element] = {}
        self.underlying: dict[str, str] = {}
        self.associations: dict[str, ET.Element] = {}
        self.containers: list[tuple[str, ET.Element]] = []
        self.annotations: dict[str, list[ET.Element]] = {}
        self.aliases: dict[str, str] = {}
        schemas = list(_all(root, "DataServices", "Schema"))
        for schema in schemas:
            if alias := schema.get("Alias"):
                self.aliases[alias] = schema.get("Namespace", "")
        for schema in schemas:
            self._schema(schema, schema.get("Namespace", ""))

    def _schema(self, schema: ET.Element, namespace: str) -> None:
        for element in schema:
            tag, name = element.tag, f"{namespace}.{element.get('Name')}"
            if tag == "EntityType":
                self.types[name] = element
                self.ways |= {(name, n.get("Name", "")): n for n in _all(element, "NavigationProperty")}
            elif tag == "EnumType":
                self.enums[name] = element
            elif tag == "TypeDefinition":
                self.underlying[name] = element.get("UnderlyingType", "Edm.String")
            elif tag == "Association":
                self.associations[name] = element
            elif tag == "EntityContainer":
                self.containers.append((name, element))
            elif tag == "Annotations":
                target = self._full(element.get("Target", ""))
                self.annotations.setdefault(target, []).extend(_all(element, "Annotation"))

    def _full(self, name: str) -> str:
        """A qualified name with the namespace in place of an alias."""
        for alias, namespace in self.aliases.items():
            if name.startswith(f"{alias}."):
                return namespace + name[len(alias) :]
        return name

    def service(self) -> Service:
        sets = {}
        for container, element in self.containers:
            names = {e.get("Name", ""): self._full(e.get("EntityType", "")) for e in _all(element, "EntitySet")}
            for name, type_name in names.items():
                self.sets_of.setdefault(type_name, []).append(name)
            for entity_set in _all(element, "EntitySet"):
                if names[entity_set.get("Name", "")] in self.types:
                    made = self._set(entity_set, container, element, names)
                    sets[made.name] = made
        return Service(version=self.version, sets=sets)

    def _set(self, element: ET.Element, container: str, parent: ET.Element, names: Mapping[str, str]) -> EntitySet:
        name = element.get("Name", "")
        type_name = names[name]
        lineage = self._lineage(type_name)
        notes = [*element, *self.annotations.get(f"{container}/{name}", ())]
        filters = _record(notes, "FilterRestrictions")
        sorts = _record(notes, "SortRestrictions")
        expands = _record(notes, "ExpandRestrictions")
        unfilterable, unsortable = set(_paths(filters)), set(_paths(sorts))
        properties = {}
        for owner, type_ in lineage:
            for p in _all(type_, "Property"):
                made = self._property(p, owner, unfilterable, unsortable)
                if made is not None:
                    properties[made.name] = made
        keys = [k.get("Name", "") for _, t in lineage for k in _all(t, "Key", "PropertyRef")]
        type_notes = [*lineage[-1][1], *self.annotations.get(type_name, ())]
        return EntitySet(
            name=name,
            keys=tuple(keys) if all(k in properties for k in keys) else (),
            properties=properties,
            navigations=self._navigations(lineage, element, parent, names),
            label=element.get(f"{SAP}label") or lineage[-1][1].get(f"{SAP}label") or _text(type_notes, "Label"),
            description=_text(type_notes, "Description") or _text(notes, "Description"),
            filters=_flag(filters, "Filterable"),
            sorts=_flag(sorts, "Sortable"),
            counts=element.get(f"{SAP}countable") != "false"
            and _flag(_record(notes, "CountRestrictions"), "Countable"),
            aggregates=self.version == 4,
            skips=element.get(f"{SAP}pageable") != "false" and not _says(notes, "SkipSupported", "false"),
            expands=_flag(expands, "Expandable"),
            needs_filter=element.get(f"{SAP}requires-filter") == "true" or _is_true(filters, "RequiresFilter"),
        )

    def _lineage(self, name: str) -> list[tuple[str, ET.Element]]:
        """A type's base types and itself, the oldest first."""
        found: list[tuple[str, ET.Element]] = []
        while name in self.types and all(name != n for n, _ in found):
            found.insert(0, (name, self.types[name]))
            name = self._full(self.types[name].get("BaseType", ""))
        return found

    # -- properties ------------------------------------------------------------------------

    def _property(self, p: ET.Element, owner: str, unfilterable: set[str], unsortable: set[str]) -> Property | None:
        name, edm, enum = p.get("Name", ""), p.get("Type", ""), ""
        if edm not in _TYPES:
            edm = self._full(edm)
            edm = self.underlying.get(edm, edm)
        type_ = _TYPES.get(edm)
        notes = [*p, *self.annotations.get(f"{owner}/{name}", ())]
        values, labels = _allowed(notes)
        if edm in self.enums:
            enum, members = edm, [m.get("Name", "") for m in _all(self.enums[edm], "Member")]
            flags = self.enums[edm].get("IsFlags") == "true"
            edm, type_, values, labels = "enum", pa.string(), () if flags else tuple(members), {}
        elif edm == "Edm.Decimal":
            type_ = _decimal(p)
        elif edm == "Edm.DateTime" and p.get(f"{SAP}display-format") == "Date":
            type_ = pa.date32()
        if type_ is None:
            return None
        return Property(
            name=name,
            edm=edm,
            type=type_,
            nullable=p.get("Nullable", "true") != "false",
            enum=enum,
            label=p.get(f"{SAP}label") or _text(notes, "Label"),
            description=p.get(f"{SAP}quickinfo") or _text(notes, "Description") or _text(notes, "QuickInfo"),
            values=values,
            labels=labels,
            filterable=p.get(f"{SAP}filterable") != "false" and name not in unfilterable,
            sortable=p.get(f"{SAP}sortable") != "false" and name not in unsortable,
        )

    # -- navigations -----------------------------------------------------------------------

    def _navigations(
        self,
        lineage: list[tuple[str, ET.Element]],
        element: ET.Element,
        container: ET.Element,
        names: Mapping[str, str],
    ) -> dict[str, Navigation]:
        found = {}
        for _, type_ in lineage:
            for n in _all(type_, "NavigationProperty"):
                made = self._from_type(n, element, names) if n.get("Type") else self._associated(n, element, container)
                if made is not None:
                    found[made.name] = made
        return found

    def _from_type(self, n: ET.Element, element: ET.Element, names: Mapping[str, str]) -> Navigation | None:
        """Version 4: the binding says which set, the constraints (here or at the partner) which properties."""
        name, type_ = n.get("Name", ""), n.get("Type", "")
        many = type_.startswith("Collection(")
        target_type = self._full(type_.removeprefix("Collection(").removesuffix(")"))
        bound = {b.get("Path"): b.get("Target", "") for b in _all(element, "NavigationPropertyBinding")}
        target = bound.get(name, "").rpartition("/")[2]
        if target not in names:
            only = self.sets_of.get(target_type, [])
            if len(only) != 1:
                return None
            target = only[0]
        on = _constraints(n)
        for owner, _ in self._lineage(target_type) if not on and n.get("Partner") else ():
            back = self.ways.get((owner, n.get("Partner", "")))
            on = on if back is None else tuple((b, a) for a, b in _constraints(back))
        return Navigation(name=name, target=target, many=many, on=on)

    def _associated(self, n: ET.Element, element: ET.Element, container: ET.Element) -> Navigation | None:
        """Version 2: the association says which properties, its set which sets."""
        relationship, to_role = self._full(n.get("Relationship", "")), n.get("ToRole")
        association = self.associations.get(relationship)
        if association is None:
            return None
        target = ""
        for candidate in _all(container, "AssociationSet"):
            if self._full(candidate.get("Association", "")) == relationship:
                ends = {e.get("Role"): e.get("EntitySet", "") for e in _all(candidate, "End")}
                target = ends.get(to_role, "") if ends.get(n.get("FromRole")) == element.get("Name") else target
        if not target:
            return None
        many = any(e.get("Role") == to_role and e.get("Multiplicity") == "*" for e in _all(association, "End"))
        on: tuple[tuple[str, str], ...] = ()
        for constraint in _all(association, "ReferentialConstraint"):
            sides = {
                side.get("Role"): [r.get("Name", "") for r in _all(side, "PropertyRef")]
                for tag in ("Principal", "Dependent")
                for side in _all(constraint, tag)
            }
            here, there = sides.get(n.get("FromRole"), []), sides.get(to_role, [])
            if len(here) == len(there):
                on = tuple(zip(here, there, strict=True))
        return Navigation(name=n.get("Name", ""), target=target, many=many, on=on)


def _constraints(navigation: ET.Element) -> tuple[tuple[str, str], ...]:
    pairs = (
        (c.get("Property", ""), c.get("ReferencedProperty", "")) for c in _all(navigation, "ReferentialConstraint")
    )
    return tuple(p for p in pairs if all(p) and "/" not in p[0])


def _decimal(p: ET.Element) -> pa.DataType:
    """Precision and scale where both are numbers; else room for whatever comes."""
    precision, scale = p.get("Precision", ""), p.get("Scale", "")
    if scale.isdigit() and int(scale) <= 38:
        return pa.decimal128(min(38, int(precision)) if precision.isdigit() else 38, int(scale))
    return pa.decimal128(38, DECIMAL_PLACES)


# -- annotations -----------------------------------------------------------------------------


def _named(notes: list[ET.Element], term: str) -> Iterator[ET.Element]:
    """Annotations of a term, whatever alias its vocabulary has here."""
    return (n for n in notes if n.tag == "Annotation" and n.get("Term", "").rpartition(".")[2] == term)


def _text(notes: list[ET.Element], term: str) -> str:
    for note in _named(notes, term) if notes else ():
        text = note.get("String") or next((e.text for e in _all(note, "String")), None)
        if text:
            return text.strip()
    return ""


def _says(notes: list[ET.Element], term: str, value: str) -> bool:
    return any((n.get("Bool") or "").lower() == value for n in _named(notes, term))


def _record(notes: list[ET.Element], term: str) -> dict[str | None, ET.Element]:
    return {v.get("Property"): v for n in _named(notes, term) for v in _all(n, "Record", "PropertyValue")}


def _flag(record: Mapping[str | None, ET.Element], name: str) -> bool:
    """True unless the record says otherwise."""
    return name not in record or record[name].get("Bool") != "false"


def _is_true(record: Mapping[str | None, ET.Element], name: str) -> bool:
    return name in record and record[name].get("Bool") == "true"


def _paths(record: Mapping[str | None, ET.Element]) -> Iterator[str]:
    """Properties that restrictions list as not usable."""
    for name in ("NonFilterableProperties", "NonSortableProperties"):
        if name in record:
            yield from (e.text or "" for e in _all(record[name], "Collection", "PropertyPath"))


def _allowed(notes: list[ET.Element]) -> tuple[tuple[str, ...], dict[str, str]]:
    """`Validation.AllowedValues`, with the names that the service has for them."""
    values, labels = [], {}
    for note in _named(notes, "AllowedValues") if notes else ():
        for record in _all(note, "Collection", "Record"):
            value = next((v.get("String") for v in _all(record, "PropertyValue") if v.get("Property") == "Value"), None)
            if value is not None:
                values.append(value)
                inner = list(record)
                label = _text(inner, "Label") or _text(inner, "Description") or _text(inner, "SymbolicName")
                if label and label != value:
                    labels[value] = label
    return tuple(values), labels
