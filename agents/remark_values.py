"""Words of a remark that are values: listed by the catalog, countries by any of their names, cells of the last answer.

A value is looked for where the query before has to do with it: first on the fields that it compares, then on the
records that it is about, then on what these belong to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pyarrow as pa
from sqlglot import exp

from groundwire.agents import linking, naming, wording
from groundwire.agents import remark_words as say
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.countries import BY_NAME, LANGUAGE_CODES
from groundwire.agents.retelling import Retelling
from groundwire.agents.revision import Place, Revision
from groundwire.agents.words import ORDINARY
from groundwire.core.catalog import Catalog, Entity, Field
from groundwire.core.errors import QueryError
from groundwire.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Before:
    """What a remark may refer to.

    Attributes:
        question: the whole question before.
        sql: the query that answered it.
        result: its answer.
        now: the clock of that answer.
    """

    question: str
    sql: str
    result: Result
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A remark made whole.

    Attributes:
        question: the whole question.
        sql: the query that it means.
        changes: what was changed, for the asker, as `country_code is ES, was DE`.
    """

    question: str
    sql: str
    changes: tuple[str, ...] = ()


def without_preamble(text: str) -> str:
    """A remark without what stands before it and says nothing: `no, I meant Spain`."""
    while (match := say.AGAIN.match(text)) and text[match.end() :].strip():
        text = text[match.end() :]
    return text


class Ambiguous(Exception):
    """A word is a value of several fields, and none is likelier.

    Attributes:
        phrase: the word, in lower case.
        meant: entity, field and value of each.
    """

    def __init__(self, phrase: str, meant: Sequence[tuple[Entity, str, str]]) -> None:
        super().__init__(phrase)
        self.phrase = phrase
        self.meant = tuple(meant)


class Words:
    """A remark after an answer: its words, and which of them are done.

    Args:
        text: what was said.
        before: what it follows.
        catalog: all that is known.
        entities: what the catalog holds; `names` how each is written.
        choices: for words in lower case, the field that the asker said they are values of.
    """

    def __init__(
        self,
        text: str,
        before: Before,
        catalog: Catalog,
        entities: Sequence[Entity],
        names: Mapping[str, str],
        choices: Mapping[str, str] | None = None,
    ) -> None:
        self.choices = choices or {}
        self.text = without_preamble(" ".join(text.split()))
        self.before = before
        self.entities = entities
        self.names = names
        self.catalog = catalog
        self.revision = Revision(before.sql, catalog, before.now)
        self.retold = Retelling(before.question)
        self.changes: list[str] = []
        self._links: list[linking.Link] = []
        self._meant_fields: list[tuple[Entity, str]] = []
        self._done: list[tuple[int, int]] = []
        self._by_name = {names[e.full_name].replace('"', ""): e for e in entities}

    # -- words ------------------------------------------------------------------------------

    def _found(self) -> list[linking.Link]:
        return list(linking.find(self.text, self.entities, self.names))

    def unknown_beside(self, links: Sequence[linking.Link], said: Sequence[re.Pattern[str]]) -> bool:
        """Whether the remark has words beside those of some links and patterns that mean something of their own."""
        spans = [(x.end - len(x.phrase), x.end) for x in links]
        spans += [m.span() for pattern in said for m in pattern.finditer(self.text)]
        words = (m for m in re.finditer(r"[^\W_]+(?:['’]\w+)?", self.text) if m[0].lower() not in say.FILLER)
        return any(not any(a < m.end() and m.start() < b for a, b in spans) for m in words)

    def _take(self, begin: int, end: int) -> None:
        self._done.append((begin, end))

    def _is_done(self, begin: int, end: int) -> bool:
        return any(begin < b and a < end for a, b in self._done)

    @property
    def asks_nothing(self) -> bool:
        """Whether none of its words asks for anything: `thanks`, `ok`."""
        return not self.changes and not self._left() and not say.ANAPHORA.search(self.text)

    def _left(self) -> list[str]:
        """Words that nothing was made of."""
        return [
            m[0]
            for m in re.finditer(r"[^\W_]+(?:['’]\w+)?", self.text)
            if not self._is_done(*m.span()) and m[0].lower() not in say.FILLER and not self._is_thing(m[0])
        ]

    def _is_thing(self, word: str) -> bool:
        """Whether a word is what the records of the query, or those that they belong to, are called."""
        stem = (wording.stems(word.partition("'")[0].partition("’")[0]) or [""])[-1]
        if stem in ORDINARY - say.TELLING:
            return True
        phrases = (phrase for e in self.revision.reachable for phrase in self._called(e))
        return any(phrase and self._same(phrase[-1], stem) for phrase in phrases)

    @cached_property
    def _same(self) -> Callable[[str, str], bool]:
        """Whether a word of a name is a word of the remark, or short for it."""
        return Abbreviations(self.entities).same

    def _called(self, entity: Entity) -> list[list[str]]:
        shared = naming.common_prefix([e.name.split(".")[-1] for e in self.entities])
        return list(naming.called(entity, shared))

    @cached_property
    def _spoken_of(self) -> set[str]:
        """Full names of the entities that the remark names."""
        words = wording.stems(self.text)
        phrases = ((e, p) for e in self.entities for p in self._called(e) if p)
        return {e.full_name for e, p in phrases if any(words[i : i + len(p)] == p for i in range(len(words)))}

    @property
    def _rings(self) -> list[list[Entity]]:
        """Entities by how much the remark and the query have to do with them: named, own, used already, belonged to."""
        places = self.revision.places(self.revision.select)
        root = self.revision.root
        used = [e for e in {p.entity.full_name: p.entity for p in places}.values() if e is not root]
        far = [e for e in self.revision.reachable if e is not root and e not in used]
        named = [e for e in [root, *used, *far] if e.full_name in self._spoken_of]
        rings = [named, [root], used, far]
        return [[e for e in ring if e not in [x for r in rings[:n] for x in r]] for n, ring in enumerate(rings)]

    def field_called(self, text: str) -> tuple[Entity, str] | None:
        """The field of a name, nearest first; None where there is none, or several are as near."""
        wanted = wording.stems(text)
        for ring in self._rings:
            found = [
                (e, f.name) for e in ring for f in e.fields if any(self._is(n, wanted) for n in self._names_of(e, f))
            ]
            found = found or [p for e in ring if (p := self._who(e, wanted)) is not None]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _is(self, name: Sequence[str], words: Sequence[str]) -> bool:
        return len(name) == len(words) and all(self._same(a, b) for a, b in zip(name, words, strict=True))

    def _who(self, entity: Entity, words: Sequence[str]) -> tuple[Entity, str] | None:
        """What records of an entity are called by, where words name the entity: `per customer`."""
        if not any(self._is(phrase, words) for phrase in self._called(entity)):
            return None
        names = [f.name for f in entity.fields if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        called = [n for n in names if re.search(r"(?:^|_)(?:full_?)?na?me?$|(?:^|_)title$", n, re.IGNORECASE)]
        return (entity, called[0]) if len(called) == 1 else None

    def columns_named(self) -> list[tuple[Entity, str, int, int]]:
        """Fields whose whole names stand among the words that are left, longest names first, nearest records first."""
        words = [(m, (wording.stems(m[0]) or [""])[-1]) for m in re.finditer(r"[^\W_]+", self.text)]
        found: list[tuple[Entity, str, int, int]] = []
        for ring in self._rings:
            here = []
            for entity in ring:
                for field in entity.fields:
                    for wanted in self._names_of(entity, field):
                        for at in range(len(words) - len(wanted) + 1):
                            if [s for _, s in words[at : at + len(wanted)]] == wanted:
                                begin, end = words[at][0].start(), words[at + len(wanted) - 1][0].end()
                                here.append((entity, field.name, begin, end))
            for named in sorted(here, key=lambda n: n[2] - n[3]):
                if not self._is_done(*named[2:]) and not any(a < named[3] and named[2] < b for _, _, a, b in found):
                    found.append(named)
        return found

    @staticmethod
    def _names_of(entity: Entity, field: Field) -> list[list[str]]:
        texts = [naming.bare(field, entity), field.label, *naming.split(field.synonyms)]
        return [s for t in texts if (s := wording.stems(t))]

    def _before_at(self, begin: int) -> str:
        return self.text[:begin]

    def _places(self, link: linking.Link) -> list[tuple[Entity, str]]:
        """The fields that a link may be."""
        found = []
        for column in link.columns:
            name, _, field = column.replace('"', "").rpartition(".")
            entity = self._by_name.get(name)
            if entity is not None and entity.find_field(field) is not None:
                found.append((entity, field))
        return found

    def chosen(self, link: linking.Link) -> tuple[Entity, str] | None:
        """Of several fields the one that the query has to do with already, else the one nearest to its records."""
        places = self._places(link)
        used = [
            p
            for p in places
            if any(q.entity is p[0] and q.field.name == p[1] for q in self.revision.places(self.revision.select))
        ]
        said = [p for p in places if p[0].full_name in self._spoken_of]
        near = [p for p in places if any(q.entity is p[0] for q in self.revision.places(self.revision.select))]
        own = [p for p in places if p[0] is self.revision.root]
        for some in (used, said, own, near, places):
            if len(some) == 1:
                return some[0]
        return None

    def _values(self) -> bool:
        taken: dict[tuple[str, str, bool], tuple[tuple[Entity, str], list[str], list[str]]] = {}
        for link in list(self._links):
            begin = link.end - len(link.phrase)
            if not (link.values or link.flag) or self._is_done(begin, link.end):
                continue
            place = self.chosen(link)
            if place is None:
                return False
            negated = link.negated or bool(say.NEGATED.search(self._before_at(begin)))
            values = [("FALSE" if link.negated else "TRUE")] if link.flag else list(link.values)
            kept = taken.setdefault((place[0].full_name, place[1], negated and not link.flag), (place, [], []))
            kept[1].extend(values)
            kept[2].append(link.phrase)
            self._links.remove(link)
            self._note_negation(begin)
            self._take(begin, link.end)
        for match in re.finditer(r"[A-Za-z]+(?: [A-Z][a-z]+)*", self.text):
            for text, (begin, end) in _heads(match):
                names = BY_NAME.get(text.lower()) or BY_NAME.get(text.lower().removesuffix("s"))
                if names is None or self._is_done(begin, end) or (text.islower() and len(text) < 4):
                    continue
                spoken = re.search(r"\bin\s+$", self._before_at(begin)) and LANGUAGE_CODES.get(text.lower())
                found = (self._language(spoken) if spoken else None) or self._country(names)
                if found is None:
                    continue
                place, value = found
                negated = bool(say.NEGATED.search(self._before_at(begin)))
                kept = taken.setdefault((place[0].full_name, place[1], negated), (place, [], []))
                kept[1].append(value)
                kept[2].append(text)
                self._note_negation(begin)
                self._take(begin, end)
                break
        for (_, _, negated), (place, values, phrases) in taken.items():
            self._compare(place, values, phrases, negated=negated)
        return True

    def _listed(self) -> bool:
        """Values of fields that the query has to do with: of those that it compares, of its own records, of others."""
        places = self.revision.places(self.revision.select)
        compared = [(p.entity, p.field) for p in places if self.revision.values_at(p.entity.full_name, p.field.name)]
        rings = [compared, *([(e, f) for e in some for f in e.fields] for some in self._rings)]
        self._note_columns()
        for ring in rings:
            found: dict[tuple[int, int], dict[tuple[str, str], tuple[Entity, str, str]]] = {}
            for entity, field in ring:
                for value in field.values:
                    for begin, end in _said(self.text, value, field.labels.get(value, "")):
                        if not self._is_done(begin, end):
                            found.setdefault((begin, end), {})[(entity.full_name, field.name)] = (
                                entity,
                                field.name,
                                value,
                            )
            taken: dict[tuple[str, str, bool], tuple[tuple[Entity, str], list[str], list[str]]] = {}
            for (begin, end), meant in sorted(found.items(), key=lambda f: f[0][0] - f[0][1]):
                if self._is_done(begin, end):
                    continue
                entity, name, value = self._one_of(meant, begin, end)
                negated = bool(say.NEGATED.search(self._before_at(begin)))
                kept = taken.setdefault((entity.full_name, name, negated), ((entity, name), [], []))
                kept[1].append(value)
                kept[2].append(self.text[begin:end])
                self._note_negation(begin)
                self._take(begin, end)
            for (_, _, negated), (place, values, phrases) in taken.items():
                self._compare(place, values, phrases, negated=negated)
        self._links = [x for x in self._links if not self._is_done(x.end - len(x.phrase), x.end)]
        return True

    def _note_columns(self) -> None:
        """Words that are the name of a field, as `sold to` of `sell_to`, are no values of another field."""
        words = [(m, wording.root((wording.stems(m[0]) or [""])[0])) for m in re.finditer(r"[^\W_]+", self.text)]
        for entity in self.revision.reachable:
            for field in entity.fields:
                wanted = [wording.root(s) for s in wording.stems(naming.bare(field, entity))]
                for at in range(len(words) - len(wanted) + 1):
                    span = (words[at][0].start(), words[at + len(wanted) - 1][0].end())
                    if len(wanted) > 1 and [r for _, r in words[at : at + len(wanted)]] == wanted and field.values:
                        self._meant_fields.append((entity, field.name))
                        self._take(*span)

    def _one_of(
        self, meant: Mapping[tuple[str, str], tuple[Entity, str, str]], begin: int, end: int
    ) -> tuple[Entity, str, str]:
        """Of fields of one ring that all have a value, the chosen one."""
        if len(meant) == 1:
            return next(iter(meant.values()))
        phrase = self.text[begin:end].lower()
        chosen = next((m for key, m in meant.items() if self.choices.get(phrase) == ".".join(key)), None)
        if chosen is None:
            raise Ambiguous(phrase, tuple(meant.values()))
        return chosen

    def _note_negation(self, begin: int) -> None:
        if found := say.NEGATED.search(self._before_at(begin)):
            self._take(found.start(), begin)

    def _compare(self, place: tuple[Entity, str], values: list[str], phrases: list[str], *, negated: bool) -> None:
        entity, name = place
        field = entity.field(name)
        olds = self.revision.values_at(entity.full_name, name)
        replaced = self.revision.compare(entity, name, list(dict.fromkeys(values)), negated=negated)
        if replaced is None:
            raise QueryError("there is no way to the field")
        spoken = [t for old in olds for t in (*_country_words(old), old, field.labels.get(old, "")) if t]
        said = " and ".join(phrases)
        if replaced and len(values) == 1 and (names := BY_NAME.get(said.lower())) is not None:
            noun = any(
                re.search(rf"\b{re.escape(o)}\b", self.retold.text, re.IGNORECASE)
                for o in spoken
                if o[:1].isupper() and not _is_adjective(o)
            )
            said = names[0] if noun else said
        self.retold.value(spoken if replaced else (), said, name, negated=negated)
        word = "is not" if negated else "is"
        was = f", was {', '.join(olds)}" if replaced and olds else ""
        self.changes.append(f"{name} {word} {', '.join(values)}{was}")

    def _country(self, names: Sequence[str]) -> tuple[tuple[Entity, str], str] | None:
        """The field that keeps countries and has this one: one that the query uses already, else the only one."""
        found: list[tuple[tuple[Entity, str], str]] = []
        for entity in self.entities:
            for field in entity.fields:
                value = next((v for v in field.values if v in names), None)
                if value is not None:
                    found.append(((entity, field.name), value))
        used = self.revision.places(self.revision.select)
        exact = [f for f in found if any(p.entity is f[0][0] and p.field.name == f[0][1] for p in used)]
        near = [f for f in found if any(p.entity is f[0][0] for p in used)]
        own = [f for f in found if f[0][0] is self.revision.root]
        said = [f for f in found if f[0][0].full_name in self._spoken_of]
        meant = [f for f in found if f[0] in self._meant_fields]
        for some in (meant, exact, said, own, near, found):
            if len(some) == 1:
                return some[0]
        return None

    def _language(self, code: str) -> tuple[tuple[Entity, str], str] | None:
        """The nearest field that keeps languages and has this one."""
        for ring in self._rings:
            for entity in ring:
                for field in entity.fields:
                    value = next((v for v in field.values if v.lower()[:2] == code), None)
                    if value is not None and re.search(r"lang|locale", field.name, re.IGNORECASE):
                        return (entity, field.name), value
        return None

    def _cells(self) -> bool:
        """Values that the answer showed, which no list of the catalog need hold."""
        result = self.before.result
        shown = {c.lower(): i for i, c in enumerate(result.columns)}
        for item in self.revision.select.selects:
            place = self.revision.place(item.unalias())
            at = shown.get((item.alias_or_name or "").lower())
            if place is None or at is None or place.is_moment:
                continue
            for value in dict.fromkeys(row[at] for row in result.rows()):
                if not isinstance(value, str) or len(value) < 3:
                    continue
                match = re.search(rf"(?<!\w){re.escape(value)}(?!\w)", self.text, re.IGNORECASE)
                if match is None or self._is_done(*match.span()):
                    continue
                negated = bool(say.NEGATED.search(self._before_at(match.start())))
                self._note_negation(match.start())
                self._take(*match.span())
                self._compare((place.entity, place.field.name), [value], [value], negated=negated)
        return self._open_texts()

    def _open_texts(self) -> bool:
        """A name in place of the only name that the query asked for: `and Beta Ltd?` after a question on `Acme`."""
        names = [
            m
            for m in re.finditer(r"\b[A-Z0-9][\w&.\-]*(?: (?:[A-Z0-9&][\w&.\-]*|of|de|und|and(?= [A-Z])))*", self.text)
            if not self._is_done(*m.span())
        ]
        names = [m for m in names if m[0].lower() not in say.FILLER and not say.OPENERS.fullmatch(m[0])]
        quoted = re.search(r"[\"'“‘]([^\"'”’]+)[\"'”’]", self.text)
        if quoted is None and len(names) != 1:
            return True
        asked: dict[str, Place] = {}
        for test in self.revision.conditions:
            places = self.revision.places(test)
            if not isinstance(test, exp.EQ | exp.Like | exp.ILike) or len(places) != 1 or places[0].field.values:
                continue
            text = test.expression
            if isinstance(text, exp.Literal) and text.is_string and not places[0].is_moment:
                asked[places[0].name] = places[0]
        if len(asked) != 1:
            return True
        place = next(iter(asked.values()))
        name, span = (quoted[1], quoted.span()) if quoted else (names[0][0], names[0].span())
        self._take(*span)
        self._compare((place.entity, place.field.name), [name], [name], negated=False)
        return True


def _said(text: str, value: str, label: str) -> Iterable[tuple[int, int]]:
    """Where a value stands in a text, as it is kept or as people see it, also as one of several."""
    for form in dict.fromkeys([value, label, value.replace("_", " ").replace("-", " ")]):
        if len(form) < 2 or form.isdigit() or (len(form) < 3 and not form.isupper()):
            continue
        ending = "(?:s|es)?" if form[-1].isalpha() and len(form) > 3 else ""
        flags = re.IGNORECASE if len(form) > 3 or not form.isupper() else 0
        for match in re.finditer(rf"(?<![\w-]){re.escape(form)}{ending}(?![\w-])", text, flags):
            yield match.span()


def _heads(match: re.Match[str]) -> Iterable[tuple[str, tuple[int, int]]]:
    """The words of a match from its beginning, most of them first, and from each later word."""
    words = [(m[0], match.start() + m.start(), match.start() + m.end()) for m in re.finditer(r"\S+", match[0])]
    for start in range(len(words)):
        for stop in range(len(words), start, -1):
            yield " ".join(w for w, _, _ in words[start:stop]), (words[start][1], words[stop - 1][2])


def _country_words(value: str) -> list[str]:
    """How people may name the country that a system keeps as this value."""
    return [text for text, kept in BY_NAME.items() if value in kept]


def _is_adjective(text: str) -> bool:
    names = BY_NAME.get(text.lower())
    return names is not None and text not in names
