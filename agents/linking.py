"""Where the words of a question are found in the catalog: `industry` is `Account.Industry`.

A small model reads a long list of tables badly, and a dictionary does it well. What is found is told to
the model as a hint beside the question; a value that the question puts before its table's name, in quotes or with a
capital letter ("urgent tickets", "customers in Germany") becomes a condition that the query must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from groundwire.agents.grammar import told_relations
from groundwire.agents.wording import stems
from groundwire.agents.words import FORMS, PLAIN, SAID
from groundwire.core.catalog import Entity, Field

MOST_HINTS = 8
"""Hints for one question; the first ones."""
_MOST_PLACES = 2
"""A word found in more places than this says nothing."""

_CALLED = ("name", "full_name", "username", "title", "label", "company", "company_name")
"""Fields by which people call a record."""
_COUNTED = re.compile(
    r"\b(?:number|count|numbers|counts) of (?:\w+ ){0,1}?$|\b(?:how many|most|fewest) (?:\w+ ){0,1}?$"
)
_GROUPED = re.compile(r"\b(?:per|each|every|(?:grouped|broken down|split) by)\s+$")
_NEGATED = re.compile(
    r"\b(?:not|no|non|except|excluding|exclude|without|other than|never|ignore|ignoring)\W+(?:\w+\W+){0,1}$"
)
_LISTED = re.compile(r"\W*(?:,|and|or|&)\s*[A-Z]")


@dataclass(frozen=True, kw_only=True)
class Link:
    """A phrase of the question and what it may mean.

    Attributes:
        phrase: as the question has it.
        columns: `entity.field`, as the model writes them.
        values: the field's values that the phrase is; empty where it names the field itself.
        sure: whether the query must hold the value.
        grouped: whether the question asks for something per value of it.
    """

    phrase: str
    columns: tuple[str, ...]
    values: tuple[str, ...] = ()
    sure: bool = False
    grouped: bool = False

    @property
    def text(self) -> str:
        """The link as a hint."""
        return f"{self.phrase} is {' or '.join(self.columns)}{self.comparison}"

    @property
    def comparison(self) -> str:
        """` = 'value'` or ` IN (...)`; nothing without values."""
        quoted = ["'" + v.replace("'", "''") + "'" for v in self.values]
        return f" IN ({', '.join(quoted)})" if len(quoted) > 1 else f" = {quoted[0]}" if quoted else ""


@dataclass(frozen=True)
class _Place:
    """What a phrase was found as."""

    entity: str
    column: str
    values: tuple[str, ...] = ()


def find(question: str, entities: Iterable[Entity], names: Mapping[str, str]) -> tuple[Link, ...]:
    """What the words of a question name.

    Args:
        question: in the asker's words.
        entities: what may be meant.
        names: for each full entity name the form in which the model writes it.
    """
    return tuple(_Finder(question, list(entities), names).links())


class _Finder:
    def __init__(self, question: str, entities: list[Entity], names: Mapping[str, str]) -> None:
        self.question = question
        self.names = names
        self.entities = entities
        self.spans = [m.span() for m in re.finditer(r"[^\W_]+", question)]
        self.words = [next(iter(stems(question[a:b])), "") for a, b in self.spans]
        self.plain = [question[a:b].lower() for a, b in self.spans]
        shared = common_prefix([e.name.split(".")[-1] for e in entities])
        self.called = {e.full_name: list(_called(e, shared)) for e in entities}
        self.things = {w for called in self.called.values() for phrase in called for w in phrase}
        self.tails = {w for e in entities for f in e.fields for w in stems(_bare(f, e))[-1:]}
        spoken = set(self.words)
        self.near = {
            name: max((len(spoken.intersection(phrase)) - len(phrase) / 100 for phrase in called), default=0.0)
            for name, called in self.called.items()
        }

    def links(self) -> Iterator[Link]:
        """The longest phrases, in the question's order, each meaning once."""
        found: dict[tuple[int, int], list[_Place]] = {}
        for entity in self.entities:
            for at, place in self._places(entity):
                found.setdefault(at, []).append(place)
        kept: list[tuple[int, int]] = []
        for at in sorted(found, key=lambda a: (a[0] - a[1], a)):
            if not any(at[0] < k[1] and k[0] < at[1] for k in kept):
                kept.append(at)
        said: set[object] = set()
        for at in sorted(kept):
            places = found[at]
            if any(p.values for p in places):
                places = [p for p in places if p.values]
            nearest = max(self.near[p.entity] for p in places)
            places = [p for p in places if self.near[p.entity] >= nearest - 0.5]
            columns = tuple(dict.fromkeys(p.column for p in places))
            values = {p.values for p in places}
            meaning = (columns, *values)
            if len(columns) > _MOST_PLACES or len(values) > 1 or meaning in said or len(said) == MOST_HINTS:
                continue
            said.add(meaning)
            meant = values.pop()
            sure = bool(meant) and len(columns) == 1 and self._is_sure(at, places[0].entity)
            grouped = not meant and bool(_GROUPED.search(self.question[: self.spans[at[0]][0]].lower()))
            yield Link(phrase=self._phrase(at), columns=columns, values=meant, sure=sure, grouped=grouped)

    def counts(self) -> Iterator[str]:
        """`number of orders is COUNT(orders.*)`; a table's own name goes before a synonym of another."""
        found: dict[str, tuple[int, str]] = {}
        for entity in self.entities:
            for rank, phrase in enumerate(self.called[entity.full_name]):
                for start, _ in self._find(phrase, self.words):
                    before = self.question[: self.spans[start][0]].lower()
                    if match := _COUNTED.search(before):
                        said = self.question[match.start() : self.spans[start + len(phrase) - 1][1]]
                        place = (rank, f"{said} is COUNT({self.names[entity.full_name]}.*)")
                        found[said] = min(found.get(said, place), place)
        yield from (text for _, text in found.values())

    def _places(self, entity: Entity) -> Iterator[tuple[tuple[int, int], _Place]]:
        name, table = entity.full_name, self.names[entity.full_name]
        if len(entity.primary_key) == 1:
            for phrase in self.called[name]:
                for at in self._find([*phrase, "id"], self.words):
                    yield at, _Place(name, f"{table}.{entity.primary_key[0]}")
        for field in entity.fields:
            column = self._readable(entity, field) or f"{table}.{field.name}"
            for at in self._named(field, _bare(field, entity), self.called[name]):
                yield at, _Place(name, column)
            for at, value in self._valued(field, name):
                plain = value.lower()
                more = [v for v in field.values if v != value and re.search(rf"\b{re.escape(plain)}\b", v.lower())]
                yield at, _Place(name, column, (value, *more))

    def _readable(self, entity: Entity, field: Field) -> str | None:
        """The name of what a reference refers to: `owner` is `Owner.Name`."""
        by_name = {e.full_name: e for e in self.entities}
        for relation in entity.relations:
            if not relation.many and relation.on[0][0] == field.name and relation.target in by_name:
                target = by_name[relation.target]
                told = {r.name for r in told_relations(entity, self.names)}
                way = relation.name if relation.name in told else self.names[relation.target]
                called = next((f for f in target.fields if _bare(f, target).lower() in _CALLED), None)
                return f"{way}.{called.name}" if called else None
        return None

    def _named(self, field: Field, bare: str, called: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
        """Where the question has the field's name, label or a synonym, alone or behind the entity's name."""
        for text in dict.fromkeys([bare, field.label, *_split(field.synonyms)]):
            wanted = stems(text)
            if not wanted or (wanted[-1] == "id" and len(wanted) > 1):
                continue
            for entity in called:
                yield from self._find([*entity, *wanted], self.words)
                yield from self._find([*entity[-1:], *wanted], self.words)
            if any(w not in PLAIN and w not in SAID and [w] not in called for w in wanted):
                yield from self._find(wanted, self.words)

    def _valued(self, field: Field, entity: str) -> Iterator[tuple[tuple[int, int], str]]:
        """Where the question has one of the field's values, or what people see for it."""
        for value in field.values:
            for text in dict.fromkeys([value, field.labels.get(value, "")]):
                wanted = [w.lower() for w in re.findall(r"[^\W_]+", text)]
                if not wanted or len("".join(wanted)) < 2 or all(w.isdigit() or w in PLAIN for w in wanted):
                    continue
                for at in self._said(wanted):
                    if self.things.issuperset(stems(text)) and not self._before(at, entity):
                        continue  # the table of that name is meant
                    if len(wanted) > 1 or len(wanted[0]) > 2 or self._phrase(at).isupper():
                        yield at, value

    def _said(self, wanted: list[str]) -> Iterator[tuple[int, int]]:
        """Where the words stand; a single one also in another form."""
        yield from self._find(wanted, self.plain)
        if len(wanted) == 1 and len(wanted[0]) > 2:
            for index, word in enumerate(self.plain):
                if word != wanted[0] and FORMS.get(word, word.removesuffix("ful").removesuffix("al")) == wanted[0]:
                    yield index, index + 1

    def _is_sure(self, at: tuple[int, int], entity: str) -> bool:
        """Whether a value must be a condition: how it stands in the question leaves no other reading."""
        begin, end = self.spans[at[0]][0], self.spans[at[1] - 1][1]
        if _NEGATED.search(self.question[:begin].lower()) or _LISTED.match(self.question[end:]):
            return False
        if re.search(r"[A-Z]\w*(?:,| and| or)\W+$", self.question[:begin]):
            return False  # one of several
        quoted = self.question[begin - 1 : begin] in "'\"`‘“" and begin > 0
        named = self.question[begin].isupper() and at[0] > 0
        return quoted or named or self._before(at, entity)

    def _before(self, at: tuple[int, int], entity: str) -> bool:
        """Whether the phrase stands right before the name of its own entity, and that is not a part of a longer one."""
        for phrase in self.called[entity]:
            for width in {1, len(phrase)}:
                head = phrase[-width:]
                for skip in (0, 1):
                    start = at[1] + skip
                    if self.words[start : start + width] == head and (skip == 0 or self.plain[at[1]] not in SAID):
                        after = self.words[start + width : start + width + 1]
                        return not after or after[0] not in self.tails
        return False

    def _phrase(self, at: tuple[int, int]) -> str:
        return self.question[self.spans[at[0]][0] : self.spans[at[1] - 1][1]]

    def _find(self, wanted: Sequence[str], among: Sequence[str]) -> Iterator[tuple[int, int]]:
        length = len(wanted)
        for start in range(len(among) - length + 1):
            if list(among[start : start + length]) == list(wanted):
                yield start, start + length


def counts(question: str, entities: Iterable[Entity], names: Mapping[str, str]) -> tuple[str, ...]:
    """Hints on what is counted: `number of orders is COUNT(orders.*)`."""
    return tuple(dict.fromkeys(_Finder(question, list(entities), names).counts()))[:2]


def _called(entity: Entity, shared: str) -> Iterator[list[str]]:
    """What people call one record of an entity, each as words."""
    last = entity.name.split(".")[-1]
    bare = last[len(shared) :] if last.lower().startswith(shared) else last
    for text in dict.fromkeys([bare, entity.label, *_split(entity.synonyms)]):
        if called := stems(text):
            yield called


def _bare(field: Field, entity: Entity) -> str:
    """A field's name without what the names of all fields begin with."""
    prefix = common_prefix([f.name for f in entity.fields])
    bare = field.name[len(prefix) :] if field.name.lower().startswith(prefix) else field.name
    return bare.removesuffix("__c")


def _split(synonyms: Iterable[str]) -> Iterator[str]:
    return (part.strip() for text in synonyms for part in text.split(","))


def common_prefix(names: Sequence[str]) -> str:
    """Letters with which every name begins, lower case, where something is left of each; else nothing."""
    lower = [n.lower() for n in names]
    if len(lower) < 3:
        return ""
    first, last = min(lower), max(lower)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length] if 2 <= length < min(map(len, lower)) else ""
