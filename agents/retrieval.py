"""Which entities of a large catalog a question is about.

Words of the question are looked up in the names, labels, synonyms, values and fields of every entity, in short forms
and written as one word too (`dailyprice`). A rare word says more than a frequent one. A question is mostly about one
system: what lies in the system that explains most of it goes before a namesake elsewhere. Each entity is chosen for
what the ones before it leave unexplained, and entities on the way between two that are chosen come along.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise, permutations
from weakref import WeakKeyDictionary

from groundwire.agents import naming
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.wording import as_nouns, root, stems
from groundwire.agents.words import EMPTY, ORDINARY, SAID
from groundwire.core.catalog import Catalog, Entity

_NAME, _VALUE, _FIELD, _TOLD = 3.0, 1.5, 1.0, 0.5
_LITTLE = 0.2
"""What a word counts that most questions have."""
_REPEATED = 0.3
"""What a word counts for an entity when another explains it already."""
_FORM = 0.8
"""What another form of a word counts: `booking` for `booked`."""
_RELATED = 1.5
"""How much more an entity counts that is related to one that is chosen."""
_TOO_LITTLE = 0.12
"""An entity that explains less than this share of what the first does is not chosen."""
_LONGEST_WAY = 3


class Retriever:
    """Entities by the words of a question.

    Args:
        catalog: read once; use `retriever` to have it kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._phrases: dict[str, list[frozenset[str]]] = {}
        self._places: dict[str, dict[str, dict[str, float]]] = {}  # source, word, entity
        self._short: dict[str, Abbreviations] = {}
        by_source: dict[str, list[Entity]] = {}
        for entity in catalog:
            by_source.setdefault(entity.source, []).append(entity)
        everything = [e.name.split(".")[-1] for e in catalog]
        for source, entities in by_source.items():
            self._short[source] = Abbreviations(entities)
            shared = naming.prefix_of_tables([e.name.split(".")[-1] for e in entities], everything)
            for entity in entities:
                self._read(entity, shared)
        self._near: dict[str, set[str]] = {e.full_name: set() for e in catalog}
        for entity in catalog:
            for relation in entity.relations:
                if relation.target in self._near:
                    self._near[entity.full_name].add(relation.target)
                    self._near[relation.target].add(entity.full_name)

    def _read(self, entity: Entity, shared: str) -> None:
        name = entity.full_name
        self._phrases[name] = [frozenset(words) for words in naming.called(entity, shared)]
        words: dict[str, float] = {}

        def add(text: str, weight: float) -> None:
            for word in stems(text):
                words[word] = max(words.get(word, 0.0), weight)

        add(entity.description, _TOLD)
        for field in entity.fields:
            add(field.description, _TOLD)
            for text in (naming.bare(field, entity), field.label, *field.synonyms):
                add(text, _FIELD)
            for text in (*field.values, *field.labels.values()):
                add(text, _VALUE)
        for phrase in self._phrases[name]:
            for word in phrase:
                words[word] = _NAME
        places = self._places.setdefault(entity.source, {})
        for word, weight in words.items():
            places.setdefault(word, {})[name] = weight

    def rank(self, question: str) -> list[Entity]:
        """Entities that have to do with the question, best first."""
        heard = self._heard(question)
        worth = {name: sum(words.values()) for name, words in heard.items()}
        order = sorted((n for n in worth if worth[n] > 0), key=lambda n: (-worth[n], n))
        return [self.catalog.entity(n) for n in order]

    def choose(self, question: str, most: int) -> list[Entity]:
        """The entities that together explain the question, best first, with what lies between them.

        Args:
            question: with what else the asker says.
            most: how many; those between them are not counted. Where fewer explain it, their neighbours come along.
        """
        chosen = self.explaining(question, most)
        names = self.with_between(chosen)
        names += self._around(names, most - len(names))
        return [self.catalog.entity(n) for n in names]

    def explaining(self, question: str, most: int) -> list[str]:
        """Full names of the entities that together explain the question, best first."""
        heard = self._heard(question)
        chosen: list[str] = []
        explained: dict[str, float] = {}
        enough = 0.0
        while len(chosen) < most:
            best, value = "", 0.0
            for name, words in heard.items():
                if name in chosen:
                    continue
                gain = sum(max(w - explained.get(q, 0.0), _REPEATED * w) for q, w in words.items())
                gain *= _RELATED if self._near[name] & set(chosen) else 1.0
                if gain > value or (gain == value and name < best):
                    best, value = name, gain
            if not best or value < enough:
                break
            enough = enough or _TOO_LITTLE * value
            chosen.append(best)
            for word, weight in heard[best].items():
                explained[word] = max(explained.get(word, 0.0), weight)
        return chosen

    def with_between(self, chosen: Iterable[str]) -> list[str]:
        """Entities by full name, and those on the shortest ways between them."""
        chosen = list(dict.fromkeys(chosen))
        return list(dict.fromkeys([*chosen, *self._between(chosen)]))

    def _heard(self, question: str) -> dict[str, dict[str, float]]:
        """For every entity, what each word of the question is worth to it."""
        spoken = stems(question)
        words = [w for w in dict.fromkeys(spoken) if w not in EMPTY and not w.isdigit()]
        joined = [a + b for a, b in pairwise(spoken) if a not in EMPTY and b not in EMPTY]
        joined += as_nouns(spoken).values()
        places = {w: self._found(w) for w in [*words, *dict.fromkeys(joined)]}
        for one, other in permutations(words, 2):  # `dailyprice`, though other words stand between them
            for name, weight in self._found(one + other, exactly=True).items() if len(one + other) > 6 else ():
                for word in (one, other):
                    places[word][name] = max(places[word].get(name, 0.0), weight)
        heard: dict[str, dict[str, float]] = {}
        for word, found in places.items():
            rare = math.log(1 + len(self.catalog) / len(found)) if found else 0.0
            for name, weight in found.items():
                heard.setdefault(name, {})[word] = weight * rare
        called = {name: self._coverage(name, words, joined) for name in heard}
        for name, found in heard.items():
            for word in found:
                plain = word in SAID or word in ORDINARY
                whole = called[name] == 1.0 and places[word][name] == _NAME
                found[word] *= (_LITTLE if plain and not whole else 1.0) * (
                    called[name] if places[word][name] == _NAME else 1.0
                )
        best: dict[str, dict[str, float]] = {}
        for name, found in heard.items():
            source = best.setdefault(self.catalog.entity(name).source, {})
            for word, weight in found.items():
                source[word] = max(source.get(word, 0.0), weight)
        told = {source: sum(found.values()) for source, found in best.items()}
        most = max(told.values(), default=1.0) or 1.0
        return {
            name: {w: weight * told[self.catalog.entity(name).source] / most for w, weight in found.items()}
            for name, found in heard.items()
        }

    def _found(self, word: str, *, exactly: bool = False) -> dict[str, float]:
        """Entities that a word is found in, with its weight there; in other forms too, if not `exactly`."""
        found: dict[str, float] = {}
        for source, places in self._places.items():
            if exactly:
                found |= places.get(word, {})
                continue
            same = self._short[source].same
            forms = {word: 1.0} if word in places else {k: 1.0 for k in places if len(k) < len(word) and same(k, word)}
            if not forms and word.endswith(("ed", "ing", "ion")) and len(root(word)) > 3:
                forms = {k: _FORM for k in places if k[:1] == word[:1] and root(k) == root(word)}
            for known, share in forms.items():
                for name, weight in places[known].items():
                    found[name] = max(found.get(name, 0.0), share * weight)
        return found

    def _coverage(self, name: str, words: Iterable[str], joined: Iterable[str]) -> float:
        """The largest share of one of its names that the question has."""
        same = self._short[self.catalog.entity(name).source].same
        spoken = {*words, *joined}

        def said(word: str) -> bool:
            parts = any(word.startswith(w) and word[len(w) :] in spoken for w in spoken if len(word) > 6)
            return word in spoken or parts or any(same(word, w) for w in spoken)

        return max((sum(map(said, phrase)) / len(phrase) for phrase in self._phrases[name]), default=0.0)

    def _between(self, chosen: list[str]) -> list[str]:
        """Entities on the shortest ways between those chosen that are not related to each other."""
        found: dict[str, None] = {}
        for index, start in enumerate(chosen):
            for end in chosen[index + 1 :]:
                if self.catalog.entity(start).source == self.catalog.entity(end).source:
                    found |= dict.fromkeys(self._way(start, end))
        return list(found)

    def _around(self, names: list[str], most: int) -> list[str]:
        """What is related to entities, or to what is; the nearest first."""
        found: dict[str, None] = {}
        edge = list(names)
        while edge and len(found) < most:
            near = (other for name in edge for other in sorted(self._near[name]))
            edge = [n for n in dict.fromkeys(near) if n not in found and n not in names]
            found |= dict.fromkeys(edge[: max(0, most - len(found))])
        return list(found)

    def _way(self, start: str, end: str) -> list[str]:
        before: dict[str, str] = {start: ""}
        edge = [start]
        for _ in range(_LONGEST_WAY):
            step: list[str] = []
            for name in edge:
                for other in sorted(self._near[name] - before.keys()):
                    before[other] = name
                    step.append(other)
            if end in before:
                way = [before[end]]
                while before[way[-1]]:
                    way.append(before[way[-1]])
                return way[:-1]
            edge = step
        return []


_KEPT: WeakKeyDictionary[Catalog, Retriever] = WeakKeyDictionary()


def retriever(catalog: Catalog) -> Retriever:
    """The retriever of a catalog, made once for it."""
    made = _KEPT.get(catalog)
    if made is None:
        made = _KEPT[catalog] = Retriever(catalog)
    return made


def relevant(question: str, entities: Sequence[Entity], known: Iterable[str], most: int = 8) -> list[Entity]:
    """Of a few entities those that a question is about, in their order; all of them where it is about none.

    Args:
        question: with what else the asker says.
        entities: a small catalog.
        known: full names of entities that it is about in any case.
        most: how many are chosen beside these; those between are not counted.
    """
    local = Retriever(Catalog(entities).without_dangling())
    names = set(local.with_between([*known, *local.explaining(question, most)]))
    return [e for e in entities if e.full_name in names] or list(entities)
