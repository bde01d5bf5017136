"""Where the words of a question stand that a catalog has: names of its tables and columns, their values, deeds.

Everything that a phrase may mean is found here; what it does mean is decided in `linking`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import pyarrow as pa

from groundwire.agents import countries, naming
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.grammar import keys_of, kind, told_relations
from groundwire.agents.stance import Around, clause_of
from groundwire.agents.wording import as_nouns, begins, deed, ends, root, stems
from groundwire.agents.words import FORMS, NO_VERBS, NOUNS, PLAIN, SAID, SAME_DEEDS, UNITS
from groundwire.core.catalog import Entity, Field

_CALLED = ("name", "full_name", "username", "title", "label", "company", "company_name")
"""Fields by which people call a record."""
_PER_TIME = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
_ENTRIES = ("log", "record", "entry", "figure", "reading", "row")
_KINDS_OF_VALUE = ("name", "code", "type", "status", "kind", "title", "category")
_COMES_FROM = re.compile(
    r"(\w+) (?:who (?:are|live) |that are )?(?:(?:based|located|living) )?(?:from|in) (?:the )?"
    r"(?:[A-Z]\w+,? (?:(?:or|and) )?(?:in )?)*$"
)
_GOING_ON = ("ongoing", "running")
_REASON = re.compile(r"\s+(?:by|for|because|due|in|from|at|to|with|after|before|until|as)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """What a phrase was found as."""

    entity: str
    column: str
    values: tuple[str, ...] = ()
    told: bool = False
    moment: bool = False
    flag: bool = False
    denied: bool = False
    short: bool = False
    """Whether the last word of the field's name is left out: `carrier` for `carrier_name`."""


def _shared(source: str, names: Iterable[str]) -> str:
    """Letters with which the names of all entities of a source begin; also of those that a question is not about."""
    last = {n: n.rpartition(".")[2] for n in names}
    own = [name for full, name in last.items() if full.startswith(f"{source}.")]
    return naming.prefix_of_tables(own, list(last.values()))


def _deeds(moment: str) -> set[str]:
    """What is done at a moment, by its name."""
    words = stems(moment)
    return {deed(w) for w in words if w not in NO_VERBS and len(w) > 3} | set(as_nouns(words).values())


def _divided(name: Sequence[str], things: Collection[str], words: Sequence[str]) -> Iterator[list[str]]:
    """A name of one word as that of a thing and of a time, if that is spoken of: daily records are of `truckday`."""
    for time, word in _PER_TIME.items():
        rest = name[-1].removesuffix(time)
        if len(name) == 1 and rest != name[0] and rest in things and word in words:
            yield [rest, word]
            start = words.index(word)
            end = next((n for n in range(start + 1, len(words)) if words[n] not in _ENTRIES), len(words))
            if end > start + 1:
                yield list(words[start:end])


def _amount(entity: Entity) -> str:
    """The one number that records hold beside what tells which one is meant; empty without one."""
    keys = keys_of(entity)
    numbers = [f.name for f in entity.fields if kind(f, entity) == "number" and f.name not in keys]
    return numbers[0] if len(numbers) == 1 else ""


def _shorter(label: str) -> tuple[str, ...]:
    """A label, and what it says before it gives a reason: `cancelled` of `cancelled by the holder`."""
    head = _REASON.split(label, maxsplit=1)[0]
    return (label, head) if head != label and len(head) > 3 else (label,)


class Places:
    """The words of a question, each in the forms in which a catalog may have it, and what phrases of them may mean.

    Args:
        question: in the asker's words.
        entities: what may be meant.
        names: for each full entity name the form in which the model writes it.
    """

    def __init__(self, question: str, entities: Iterable[Entity], names: Mapping[str, str]) -> None:
        self.question = question
        self.names = names
        self.entities = entities = list(entities)
        self.same = Abbreviations(entities).same
        self.spans = [m.span() for m in re.finditer(r"[^\W_]+(?:['’]s\b)?", question)]
        self.words = [next(iter(stems(question[a:b])), "") for a, b in self.spans]
        self.roots = [root(w) for w in self.words]
        self.plain = [re.sub(r"['’]s$", "", question[a:b].lower()) for a, b in self.spans]
        shared = {source: _shared(source, names) for source in {e.source for e in entities}}
        self.joined = as_nouns(self.plain)
        moments = (naming.bare(f, e) for e in self.entities for f in e.fields if pa.types.is_temporal(f.type))
        self._moments = {w for bare in moments for w in _deeds(bare)}
        self.spoken = dict.fromkeys([*self.words, *self.joined.values()])
        self._compounds = {
            "".join(self.words[at : at + length]): self.words[at : at + length]
            for length in (3, 2)
            for at in range(len(self.words) - length + 1)
        }
        called = {e.full_name: list(naming.called(e, shared[e.source])) for e in entities}
        alone = {phrase[0] for phrases in called.values() for phrase in phrases if len(phrase) == 1}
        self.called = {
            name: [self.spelled(p) for phrase in phrases for p in (phrase, *_divided(phrase, alone, self.words))]
            for name, phrases in called.items()
        }
        self.called_any = [phrase for called in self.called.values() for phrase in called]
        self.things = {w for called in self.called.values() for phrase in called for w in phrase}
        self.tails = {w for e in entities for f in e.fields for w in self.spelled(stems(naming.bare(f, e))[-1:])}
        self.near = {
            name: max((len(set(phrase) & self.spoken.keys()) - len(phrase) / 100 for phrase in called), default=0.0)
            for name, called in self.called.items()
        }

    @cached_property
    def _found(self) -> dict[tuple[int, int], list[Place]]:
        """What each phrase may mean, whatever else overlaps it."""
        found: dict[tuple[int, int], list[Place]] = {}
        for entity in self.entities:
            for at, place in self._places(entity):
                found.setdefault(at, []).append(place)
        return found

    def thing_at(self, start: int) -> tuple[Entity, int] | None:
        """The one entity that the words from one on call, and the word behind them; None for none or several.

        Where no entity is called so, a word that one alone has in its name means it: `transactions` of the only ones.
        """
        found: dict[int, dict[str, Entity]] = {}
        for entity in self.entities:
            for phrase in self.called[entity.full_name]:
                if self.words[start : start + len(phrase)] == phrase:
                    found.setdefault(start + len(phrase), {})[entity.full_name] = entity
        many = start < len(self.words) and (
            self.plain[start] != self.words[start] or self.words[start + 1 : start + 2] == ["count"]
        )
        if not found and many:
            word = self.words[start]
            holders = [e for e in self.entities if any(word in phrase for phrase in self.called[e.full_name])]
            found = {start + 1: {e.full_name: e for e in holders}}
        best = found[max(found)] if found else {}
        return (next(iter(best.values())), max(found)) if len(best) == 1 else None

    def called_by(self, column: str) -> list[str]:
        """The words of a column's name, as a draft has it, spelled as the question does."""
        return self.spelled(self._name_of(column))

    def _name_of(self, column: str) -> list[str]:
        """The words of a column's name, as a draft has it; none where no entity is called so."""
        table, _, name = column.rpartition(".")
        entity = next((e for e in self.entities if self.names[e.full_name] == table), None)
        field = entity.find_field(name) if entity is not None else None
        return stems(naming.bare(field, entity)) if entity is not None and field is not None else []

    def is_short_for(self, column: str, text: str) -> bool:
        """Whether a column's name is a text, maybe in short forms: `reg_dt` of `registration date`."""
        own, said = self._name_of(column), stems(text)
        return len(own) == len(said) and all(self.same(a, b) for a, b in zip(own, said, strict=True))

    def called_so(self, word: str, entity: Entity) -> list[str]:
        """Fields of an entity that a word alone names, once it is known whose they are."""
        return [f.name for f in entity.fields if self.spelled(stems(naming.bare(f, entity))) == [word]]

    def is_called(self, word: str, entity: Entity) -> bool:
        """Whether a word is part of what an entity is called."""
        wanted = next(iter(stems(word)), "")
        return any(wanted in phrase for phrase in self.called[entity.full_name])

    def describes(self, end: int, entity: str) -> bool:
        """Whether a name that ends there only says more of another one behind it: `policy` of `policy holders`."""
        if end == 0 or self.plain[end - 1] != self.words[end - 1]:
            return False  # many of them are meant
        others = (phrase for name, called in self.called.items() if name != entity for phrase in called)
        return any(self.words[end : end + len(phrase)] == phrase for phrase in others)

    def _places(self, entity: Entity) -> Iterator[tuple[tuple[int, int], Place]]:
        name, table = entity.full_name, self.names[entity.full_name]
        if len(entity.primary_key) == 1:
            for phrase in self.called[name]:
                for at in self.find([*phrase, "id"], self.words):
                    yield at, Place(name, f"{table}.{entity.primary_key[0]}")
        told = {r.name: r for r in told_relations(entity, self.names)}
        for first, noun in self.joined.items():
            if [noun] in self.called[name] and (amount := _amount(entity)):
                yield (first, first + 2), Place(name, f"{table}.{amount}")  # `paid out` is what payouts came to
        for field in entity.fields:
            column = self._readable(entity, field) or f"{table}.{field.name}"
            moment = pa.types.is_temporal(field.type)
            if pa.types.is_boolean(field.type):
                for at, denied in self._flagged(naming.bare(field, entity)):
                    yield at, Place(name, column, flag=True, denied=denied)
            if moment or pa.types.is_boolean(field.type):
                for at in self._done(naming.bare(field, entity)):
                    yield at, Place(name, column, told=True, moment=moment)
            if moment and stems(naming.bare(field, entity))[:1] == ["created"]:
                for at in self.find(["created"], self.plain):
                    passive = self.plain[at[0] - 1] in ("was", "were", "been", "is", "are") if at[0] else False
                    if passive and self._is_subject(at, name):  # `the shop was created`
                        yield at, Place(name, column, told=True, moment=True)
            for relation in told.values():
                if relation.on[0][0] == field.name and column != f"{table}.{field.name}":
                    role = self.spelled(stems(relation.name))
                    if not self._is_plain_role(role, name, relation.target):
                        for at in self.find(role, self.words):
                            yield at, Place(name, column)
            for at in self._named(field, naming.bare(field, entity), self.called[name]):
                yield at, Place(name, column, moment=moment)
            for at in self._shortened(naming.bare(field, entity), self.called[name]):
                yield at, Place(name, column, short=True)
            for at, values in self._part_of_values(field, name):
                yield at, Place(name, column, values)
            for at, value in self._valued(field, name):
                plain = value.lower()
                more = [v for v in field.values if v != value and re.search(rf"\b{re.escape(plain)}\b", v.lower())]
                yield at, Place(name, column, (value, *more))

    def _is_plain_role(self, role: list[str], entity: str, target: str) -> bool:
        """Whether a relation is called by nothing but both its ends: `policy holder` of policies is any holder."""
        own = self.called[entity]
        rests = (role[len(phrase) :] for phrase in [*own, role[:1]] if role[: len(phrase)] == phrase)
        prefixed = role[:1] and any(self.same(role[0], w) for phrase in own for w in phrase)
        return any(rest in self.called.get(target, []) for rest in rests if prefixed or role[:1] in own)

    def _readable(self, entity: Entity, field: Field) -> str | None:
        """The name of what a reference refers to: `owner` is `Owner.Name`."""
        by_name = {e.full_name: e for e in self.entities}
        for relation in entity.relations:
            if not relation.many and relation.on[0][0] == field.name and relation.target in by_name:
                target = by_name[relation.target]
                told = {r.name for r in told_relations(entity, self.names)}
                way = relation.name if relation.name in told else self.names[relation.target]
                called = next((f for f in target.fields if naming.bare(f, target).lower() in _CALLED), None)
                return f"{way}.{called.name}" if called else None
        return None

    def _named(self, field: Field, bare: str, called: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
        """Where the question has the field's name, label or a synonym, alone or behind the entity's name."""
        for text in dict.fromkeys([bare, field.label, *naming.split(field.synonyms)]):
            wanted = self.spelled(stems(text))
            if not wanted or (wanted[-1] == "id" and len(wanted) > 1):
                continue
            for entity in called:
                yield from self.find([*entity, *wanted], self.words)
                yield from self.find([*entity[-1:], *wanted], self.words)
            telling = [w for w in wanted if w not in PLAIN and w not in SAID]
            roots = {root(phrase[-1]) for phrase in called}
            if len(wanted) == 2 and len(telling) > 0 and wanted[1] != "number":  # the number of parcels is no parcel's
                yield from self.find(wanted[::-1], self.words)  # `paid amount` is `amt_paid`
                yield from self._apart(wanted)
            for start, end in self.find(wanted, self.words):
                if end < len(self.words) and self.roots[end] in roots and self.plain[end].endswith("ed"):
                    yield start, end + 1  # `amount claimed` of claims
            if not telling and len(wanted) == 1:
                yield from self._per(wanted[0], called)
            if not telling and wanted != ["number"]:  # `type` alone says little, the type of a vehicle says it
                for entity in called:
                    for way in ("of", "of the", "of a", "of each"):
                        yield from self.find([*wanted, *way.split(), *entity], self.words)
            whole = len(wanted) > 1 and (bool(telling) or wanted[:1] in called)  # `parcel_type` of parcels
            if whole or any([w] not in called for w in telling):
                yield from self.find(wanted, self.words)

    def _apart(self, wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Where two words stand with a preposition between: `seats in the hall` are `seats_hall`."""
        for start, word in enumerate(self.words):
            end = start + 1
            while end < len(self.plain) and self.plain[end] in ("in", "on", "at", "of", "the") and end - start < 3:
                end += 1
            if word == wanted[0] and end > start + 1 and self.words[end : end + 1] == [wanted[1]]:
                yield start, end + 1

    def _per(self, word: str, called: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
        """Where something is asked per `type`, and the question names the one table alone that is called so."""
        for at in self.find([word], self.words):
            if self._around(at).grouped and any(True for phrase in called for _ in self.find(phrase, self.words)):
                yield at

    def _shortened(self, bare: str, called: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
        """Where the question has a name without the word for the kind of value that it ends with.

        What a record is called by, or its last word (`pieces` of work pieces), means the record.
        """
        wanted = self.spelled(stems(bare))
        if len(wanted) > 1 and (wanted[-1] in _KINDS_OF_VALUE or wanted[-1] in UNITS):
            head = wanted[:-1]
            own = any(list(phrase[-len(head) :]) == head for phrase in called)
            if head not in self.called_any and not own and not all(w in PLAIN or w in SAID for w in head):
                yield from self.find(head, self.words)

    def _done(self, bare: str) -> Iterator[tuple[int, int]]:
        """Where the question has a form of the verb that a moment is named by: `joining` and `joined_on`."""
        bare = re.sub(r"^starts?[ _]", "started ", bare.lower())  # `starts at` tells when something started
        parts = [w for w in self.spelled(stems(bare)) if w not in NO_VERBS and len(w) > 3]
        things = [w for w in parts if w not in self.things]
        roots = {*(root(w) for w in things), *(FORMS[w] for w in things if w in FORMS)}
        own = _deeds(bare)  # also the sale of the sale date of sales, which are no moment themselves: `sold`
        if not begins(bare) and not ends(bare):  # the start of a sale is not when something was bought
            own |= {w for same in SAME_DEEDS if same & own for w in same} - self._moments
        for index, word in enumerate(self.words):
            begin, end = self.spans[index]
            dated = word in NOUNS and self.words[index + 1 : index + 2] in (["date"], ["day"], ["time"])
            if dated and deed(word) in own:
                yield index, index + 2
                continue
            alone = self.question[max(0, begin - 1) : begin] not in (*".@-", '"', "'")
            alone = alone and re.match(r"[.@]\w", self.question[end:]) is None
            sorts = self.plain[index + 1 : index + 2] in (["from"], ["with"], ["out"], ["aside"], ["over"])
            sorts = sorts or word in ("return", "show", "list", "report", "display")  # `Return the name`, `left out`
            if [self.joined.get(index)] in self.called_any or [word] in self.called_any:
                continue  # `paid out` is a payout, and bookings are no deed
            if not alone or sorts:
                continue
            if self.joined.get(index) in own:
                yield index, index + 2
            elif word not in NO_VERBS and len(word) > 3:
                done = self.plain[index].endswith("ed") or self.plain[index] in FORMS
                if root(word) in roots or (deed(word) in own and (done or deed(word) == "signup")):
                    yield index, index + 1

    def _flagged(self, bare: str) -> Iterator[tuple[tuple[int, int], bool]]:
        """Where the question has the words of a flag in any form, and whether it has their opposite (`unverified`)."""
        words = stems(bare)
        words = words[1:] if words[0] in ("is", "has", "was") and len(words) > 1 else words
        wanted = [root(w) for w in words if w not in ("flag", "flg")]
        if not wanted or all(w in PLAIN or w in ("open", "default") for w in wanted):
            return
        for at in self.find(wanted, self.roots):
            yield at, False
        if len(wanted) == 1 and len(wanted[0]) > 3:
            for index, word in enumerate(self.words):
                opposite = re.sub(r"^(?:un|non|in|dis)", "", word)
                if opposite != word and root(opposite) == wanted[0]:
                    yield (index, index + 1), True

    def _valued(self, field: Field, entity: str) -> Iterator[tuple[tuple[int, int], str]]:
        """Where the question has one of the field's values, or what people see for it."""
        first = Counter(label.lower().split()[0] for label in field.labels.values() if label)
        people = countries.spoken(field)
        for value in field.values:
            words = field.labels.get(value, "").lower().split()
            if len(words) > 1 and first[words[0]] == 1 and words[0] not in PLAIN and words[0] not in SAID:
                yield from ((at, value) for at in self.find(words[:1], self.plain) if self._before(at, entity))
            for text in dict.fromkeys([value, *_shorter(field.labels.get(value, "")), *people.get(value, ())]):
                wanted = [w.lower() for w in re.findall(r"[^\W_]+", text)]
                if not wanted or len("".join(wanted)) < 2 or all(map(str.isdigit, wanted)):
                    continue
                plain = all(w.isdigit() or w in PLAIN or w in SAID for w in wanted)
                for at in self._said(wanted):
                    written = value.isupper() and self._phrase(at) == value  # the US, and not us
                    if (
                        plain
                        and not written
                        and not self._is_said_of(at, entity)
                        and not self._before_its(at, field, entity)
                    ):
                        continue
                    if wanted[0] in _GOING_ON and self._may_go_on(at[1], entity):
                        continue  # what has an end of its own and not reached it
                    if self._is_own_deed(at, entity) and not self._before(at, entity):
                        continue  # who `booked` has a booking, whatever became of it
                    if self.things.issuperset(stems(text)) and not self._before(at, entity):
                        continue  # the table of that name is meant
                    if len(wanted) > 1 or len(wanted[0]) > 2 or self._phrase(at).isupper():
                        yield at, value

    def _part_of_values(self, field: Field, entity: str) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
        """Where one word before the entity's name is a word of several values: `music events` of `Live Music`, ..."""
        holders: dict[str, dict[str, None]] = {}
        whole = {v.lower() for v in field.values}
        for value in field.values:
            for word in re.findall(r"[^\W\d_]{4,}", value.lower()):
                if word not in whole and word not in PLAIN and word not in SAID and word not in self.things:
                    holders.setdefault(word, {})[value] = None
        for word, values in holders.items():
            if len(values) > 1:
                yield from ((at, tuple(values)) for at in self.find([word], self.plain) if self._before(at, entity))

    def _said(self, wanted: list[str]) -> Iterator[tuple[int, int]]:
        """Where the words stand; a single one also in another form."""
        yield from self.find(wanted, self.plain)
        if len(wanted) > 1:
            yield from self.find([next(iter(stems(w)), w) for w in wanted], self.words)
        if len(wanted) == 1 and len(wanted[0]) > 5:  # `on hold` for `onhold`
            yield from ((i, i + 2) for i, pair in enumerate(pairwise(self.plain)) if "".join(pair) == wanted[0])
        if len(wanted) == 1 and len(wanted[0]) > 2:
            many = [i for i, w in enumerate(self.words) if w == wanted[0] != self.plain[i]]  # `stocks` for `stock`
            yield from ((i, i + 1) for i in many)
            for index, word in enumerate(self.plain):
                if self._is_form(index, wanted[0]):
                    yield index, index + 1
                if word != wanted[0] and FORMS.get(word, word.removesuffix("ful").removesuffix("al")) == wanted[0]:
                    yield index, index + 1

    def _is_form(self, index: int, value: str) -> bool:
        """Whether a verb is a form of a value: `complained` of `complaint`, `did not lapse` of `lapsed`."""
        word, before = self.plain[index], self.plain[max(0, index - 2) : index]
        if len(word) < 5 or word == value:
            return False
        if value.endswith("ed"):
            return self.roots[index] == root(value) and bool({"did", "do", "does"} & set(before))
        noun = value.startswith(self.roots[index]) and value[len(self.roots[index]) :] in ("t", "al", "ment", "e")
        return word.endswith("ed") and (noun or self.roots[index] == root(value))

    def _may_go_on(self, word: int, entity: str) -> bool:
        """Whether another entity than this one is named from a word on that may have ended, or not yet."""
        thing = self.thing_at(word)
        if thing is None or thing[0].full_name == entity:
            return False
        moments = (f for f in thing[0].fields if f.nullable and pa.types.is_temporal(f.type))
        return any(ends(naming.bare(f, thing[0])) for f in moments)

    def _is_own_deed(self, at: tuple[int, int], entity: str) -> bool:
        """Whether one word is a form of what a record itself is called by, and stands in no quotes."""
        begin = self.spans[at[0]][0]
        quoted = self.question[begin - 1 : begin] in "'\"`‘“" and begin > 0
        own = {root(phrase[-1]) for phrase in self.called[entity]}
        return at[1] - at[0] == 1 and not quoted and self.roots[at[0]] in own

    def _around(self, at: tuple[int, int]) -> Around:
        return Around.of(self.question, self.spans[at[0]][0], self.spans[at[1] - 1][1])

    def _before(self, at: tuple[int, int], entity: str) -> bool:
        """Whether the phrase stands right before the name of its own entity, and that is not a part of a longer one."""
        for phrase in self.called[entity]:
            for width in {1, len(phrase)}:
                head = phrase[-width:]
                for skip in (0, 1):
                    start = at[1] + skip
                    if self.words[start : start + width] == head and (skip == 0 or self.plain[at[1]] not in SAID):
                        after = self.words[start + width : start + width + 1]
                        return not after or after[0] not in self.tails or after[0] in ("count", "number", "total")
        return False

    def _before_its(self, at: tuple[int, int], field: Field, entity: str) -> bool:
        """Whether a value stands right before its own field's name (`a premium support tier`)."""
        holder = next(e for e in self.entities if e.full_name == entity)
        name = self.spelled(stems(naming.bare(field, holder)))
        return bool(name) and self.words[at[1] : at[1] + len(name)] == name

    def _is_subject(self, at: tuple[int, int], entity: str) -> bool:
        """Whether a verb stands right behind its entity's name, or behind that and `were`."""
        start = at[0]
        while start > 0 and self.plain[start - 1] in ("is", "are", "was", "were", "be", "been", "have", "has", "had"):
            start -= 1
        return any(self.words[max(0, start - len(p)) : start] == p for p in self.called[entity])

    def _is_said_of(self, at: tuple[int, int], entity: str) -> bool:
        """Whether it stands before its entity's name, or behind that and `that are`."""
        subject = stems(clause_of(self.question[: self.spans[at[0]][0]]))[-1:]
        told = self._around(at).told and any(phrase[-1:] == subject for phrase in self.called[entity])
        return self._before(at, entity) or told

    def _comes_from(self, at: tuple[int, int], entity: str) -> bool:
        """Whether it stands behind its entity's name and a preposition: `customers from Germany`."""
        before = _COMES_FROM.search(self.question[: self.spans[at[0]][0]])
        subject = stems(before[1])[-1:] if before is not None else []
        return bool(subject) and any(phrase[-1:] == subject for phrase in self.called[entity])

    def _phrase(self, at: tuple[int, int]) -> str:
        return self.question[self.spans[at[0]][0] : self.spans[at[1] - 1][1]]

    def find(self, wanted: Sequence[str], among: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Where some words stand next to each other among the question's, in words."""
        length = len(wanted)
        for start in range(len(among) - length + 1):
            if list(among[start : start + length]) == list(wanted):
                end = self.spans[start + length - 1][1]
                if (
                    wanted[-1] != "no"
                    or self.question[end - 2 : end + 1] in ("No.", "no.")
                    or self.question[end:] == ""
                ):
                    yield start, start + length  # `lot no more than` names no `lot_no`

    def spelled(self, name: list[str]) -> list[str]:
        """A name's words as the question spells them, where it uses the long forms of short ones."""
        if len(name) > 1 and name[-1] in ("no", "nr") and "number" in self.spoken:
            name = [*name[:-1], "number"]
        found = []
        for word in name:
            if word not in self.spoken and len(word) > 6 and word in self._compounds:
                found += self._compounds[word]  # `stocklevel`, as PostgreSQL folds `StockLevel`
            else:
                found.append(
                    word if word in self.spoken else next((s for s in self.spoken if self.same(word, s)), word)
                )
        return found
