"""Where the words of a question are found in the catalog: `industry` is `Account.Industry`.

A small model reads a long list of tables badly, and a dictionary does it well. What is found is told to
the model as a hint beside the question; a value that the question puts before its table's name, in quotes or with a
capital letter ("urgent tickets", "customers in Germany") becomes a condition that the query must hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import pyarrow as pa

from groundwire.agents import countries, naming, wording
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.grammar import keys_of, kind, told_relations
from groundwire.agents.stance import Around, clause_of
from groundwire.agents.wording import as_nouns, begins, deed, ends, root, stems
from groundwire.agents.words import FORMS, NO_VERBS, NOUNS, PLAIN, SAID, SAME_DEEDS, UNITS
from groundwire.core.catalog import Entity, Field

MOST_HINTS = 8
"""Hints for one question; the first ones."""
_MOST_PLACES = 2
"""A word found in more places than this says nothing."""

_CALLED = ("name", "full_name", "username", "title", "label", "company", "company_name")
"""Fields by which people call a record."""
_COUNTED = re.compile(
    r"\b(?:number|count|numbers|counts) of (?:\w+ ){0,1}?$"
    r"|\b(?:how many|most|fewest) (?:(?!from |of |in |by |for |on |at |to |with )\w+ ){0,1}?$"
)
_PER_TIME = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
_ENTRIES = ("log", "record", "entry", "figure", "reading", "row")
_KINDS_OF_VALUE = ("name", "code", "type", "status", "kind", "title", "category")
_COMES_FROM = re.compile(
    r"(\w+) (?:who (?:are|live) |that are )?(?:(?:based|located|living) )?(?:from|in) (?:the )?"
    r"(?:[A-Z]\w+,? (?:(?:or|and) )?(?:in )?)*$"
)
_STILL = re.compile(r"\b(?:still|(?:is|are|was|were|remain|remains|remained)(?: still)?) $")
_GOING_ON = ("ongoing", "running")
_UNDONE = re.compile(r"un(\w{3,})")
_LATE = re.compile(
    r"(?:\b(?:more than|over) (?P<count>\d{1,4}) (?P<unit>day|week|month)s? "
    r"|(?<!day )(?<!days )(?<!week )(?<!weeks )(?<!month )(?<!months ))$"
)
_REASON = re.compile(r"\s+(?:by|for|because|due|in|from|at|to|with|after|before|until|as)\b", re.IGNORECASE)
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
        told: whether the question tells something that the column records (`ordered` and `ordered_at`).
        present: whether only records are meant that have a value there.
        negated: whether records with these values are left out.
        moment: whether it is a moment.
        flag: whether it is something that is true or false of a record.
        left_out: where the question says that records with these values are left out, in characters.
        only: whether the question says that it asks for nothing else.
        beside: whether records with it are counted beside all of them (`the number of orders and of rush orders`).
        test: what must be so of the column, as a query has it; empty where the other attributes say it.
        end: where the phrase ends in the question, in characters.
    """

    phrase: str
    columns: tuple[str, ...]
    values: tuple[str, ...] = ()
    sure: bool = False
    grouped: bool = False
    told: bool = False
    present: bool = False
    negated: bool = False
    moment: bool = False
    flag: bool = False
    left_out: tuple[int, int] | None = None
    only: bool = False
    beside: bool = False
    test: str = ""
    end: int = 0

    @property
    def text(self) -> str:
        """The link as a hint."""
        return f"{self.phrase} is {' or '.join(self.columns)}{self.comparison}"

    @property
    def comparison(self) -> str:
        """` = 'value'` or ` IN (...)`; nothing without values."""
        if self.test:
            return self.test
        if self.present:
            return " IS NOT NULL"
        if self.flag:
            return " = FALSE" if self.negated else " = TRUE"
        quoted = ["'" + v.replace("'", "''") + "'" for v in self.values]
        return f" IN ({', '.join(quoted)})" if len(quoted) > 1 else f" = {quoted[0]}" if quoted else ""


@dataclass(frozen=True)
class _Place:
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


def find(question: str, entities: Iterable[Entity], names: Mapping[str, str]) -> tuple[Link, ...]:
    """What the words of a question name.

    Args:
        question: in the asker's words.
        entities: what may be meant.
        names: for each full entity name the form in which the model writes it.
    """
    return Words(question, entities, names).named()


class Words:
    """The words of a question, each in the forms in which a catalog may have it.

    Args: those of `find`.
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

    def named(self) -> tuple[Link, ...]:
        """What the words name; see `find`."""
        return (*self.links(), *self.states())

    def links(self) -> Iterator[Link]:
        """The longest phrases, in the question's order, each meaning once."""
        found = self._found
        kept: list[tuple[int, int]] = []
        for at in sorted(found, key=lambda a: (a[0] - a[1], a)):
            if not any(at[0] < k[1] and k[0] < at[1] for k in kept):
                kept.append(at)
        said: set[object] = set()
        shown_by: set[tuple[str, ...]] = set()
        per_until = 0  # where the last thing ended that something is asked per value of
        for at in sorted(kept):
            places = found[at]
            if any(p.values for p in places) and self._around(at).neutral:
                continue
            if any(p.told and p.moment for p in places):  # `orders placed in May`; `placed orders` are a state
                places = [p for p in places if not p.values or self._is_said_of(at, p.entity)]
            described = [p for p in places if (p.values or p.flag) and self._is_said_of(at, p.entity)]
            described = described or [p for p in places if p.values and self._comes_from(at, p.entity)]
            places = described or places
            places = [p for p in places if p.flag] or places
            places = [p for p in places if p in described or not p.short] or places
            phrase = tuple(self.words[slice(*at)])
            if phrase in shown_by and any(not p.values for p in places):
                places = [p for p in places if not p.values]  # `each manager ... the manager's name`
            if any(p.values for p in places) and not (self._is_grouped(at) and not all(p.values for p in places)):
                places = [p for p in places if p.values]
            elif any(p.values for p in places):
                places = [p for p in places if not p.values]  # per manager, not per record of a value
            if not all(p.told for p in places):
                places = [p for p in places if not p.told]
            elif subjects := [p for p in places if self._is_subject(at, p.entity)]:
                places = subjects  # `contracts were opened`, and depots too are opened at some time
            nearest = max(self.near[p.entity] for p in places)
            places = [p for p in places if self.near[p.entity] >= nearest - 0.5]
            columns = tuple(dict.fromkeys(p.column for p in places))
            values = {p.values for p in places}
            meaning = (columns, *values)
            if meaning in said and not values - {()} and len(columns) == 1 and self._around(at).present:
                yield Link(phrase=self._phrase(at), columns=columns, sure=True, present=True)
                continue
            if len(columns) > _MOST_PLACES or len(values) > 1 or meaning in said or len(said) == MOST_HINTS:
                continue
            said.add(meaning)
            meant = values.pop()
            flag = all(p.flag for p in places)
            sure = bool(meant) and len(columns) == 1 and self._is_sure(at, places[0].entity)
            sure = sure or (flag and len(columns) == 1 and self._is_told(at, places[0].entity))
            beside = (bool(meant) or flag) and self._is_beside(at, places[0].entity)
            sure = sure and not beside
            named = not flag and not meant and not places[0].told
            moment = all(p.moment for p in places)
            start = self.spans[at[0]][0]
            plain = named and not any(self._is_amount(p) for p in places)
            grouped = named and self._is_grouped(at, moment=moment)
            grouped = grouped or (plain and self._around(at).by)
            grouped = grouped or (plain and self.question[per_until:start] == " and " and per_until > 0)
            if grouped:
                per_until = self.spans[at[1] - 1][1]
                shown_by.add(phrase)
            present = named and len(columns) == 1 and self._around(at).present
            yield Link(
                phrase=self._phrase(at),
                columns=columns,
                values=meant,
                sure=sure or present,
                grouped=grouped,
                told=places[0].told,
                present=present,
                negated=(bool(meant) or flag)
                and ((self._around(at).left_out is not None) != any(p.denied for p in places)),
                moment=moment,
                flag=flag,
                only=bool(meant) and self._around(at).only,
                beside=beside,
                left_out=self._left_out(at, places[0].entity) if meant or flag else None,
                end=self.spans[at[1] - 1][1],
            )

    @cached_property
    def _found(self) -> dict[tuple[int, int], list[_Place]]:
        """What each phrase may mean, whatever else overlaps it."""
        found: dict[tuple[int, int], list[_Place]] = {}
        for entity in self.entities:
            for at, place in self._places(entity):
                found.setdefault(at, []).append(place)
        return found

    def columns_at(self) -> dict[tuple[int, int], frozenset[str]]:
        """The columns that each phrase names, by its first word and the one behind it."""
        made = {}
        for at, found in self._found.items():
            places = [p for p in found if not p.values and not p.flag and not p.told]
            places = [p for p in places if not p.short] or places
            nearest = max((self.near[p.entity] for p in places), default=0.0)
            if columns := frozenset(p.column for p in places if self.near[p.entity] >= nearest - 0.5):
                made[at] = columns
        return made

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

    def dates_at(self) -> list[tuple[int, str]]:
        """Where the question names a moment by its date (`decision date`), in characters, and its column."""
        found = []
        for (start, end), places in self._found.items():
            columns = {p.column for p in places}
            dated = end - start > 1 and self.words[end - 1] in ("date", "day", "time")
            if dated and len(columns) == 1 and all(p.moment for p in places):
                found.append((self.spans[start][0], columns.pop()))
        return found

    def values_at(self) -> list[tuple[int, int]]:
        """Where phrases stand that are values, by their first word and the one behind them."""
        return [at for at, places in self._found.items() if any(p.values for p in places)]

    def is_value_of(self, at: tuple[int, int], entity: Entity) -> bool:
        """Whether a value there can only be one of one field of this entity."""
        places = [p for p in self._found[at] if p.values]
        return {p.entity for p in places} == {entity.full_name} and len({p.column for p in places}) == 1

    def called_by(self, column: str) -> list[str]:
        """The words of a column's name, as a draft has it."""
        table, _, name = column.rpartition(".")
        entity = next((e for e in self.entities if self.names[e.full_name] == table), None)
        field = entity.find_field(name) if entity is not None else None
        return self.spelled(stems(naming.bare(field, entity))) if entity is not None and field is not None else []

    def is_short_for(self, column: str, text: str) -> bool:
        """Whether a column's name is a text, maybe in short forms: `reg_dt` of `registration date`."""
        table, _, name = column.rpartition(".")
        entity = next(e for e in self.entities if self.names[e.full_name] == table)
        field = entity.find_field(name)
        own, said = stems(naming.bare(field, entity)) if field is not None else [], stems(text)
        return len(own) == len(said) and all(self.same(a, b) for a, b in zip(own, said, strict=True))

    def called_so(self, word: str, entity: Entity) -> list[str]:
        """Fields of an entity that a word alone names, once it is known whose they are."""
        return [f.name for f in entity.fields if self.spelled(stems(naming.bare(f, entity))) == [word]]

    def states(self) -> Iterator[Link]:
        """What a moment that is missing or past says: `unpaid` where there is `paid_on`, `overdue` for `due`."""
        for index, word in enumerate(self.plain):
            at = (index, index + 1)
            undone, end = _UNDONE.fullmatch(word), self.spans[index][1]
            still = _STILL.search(self.question[: self.spans[index][0]].lower()) is not None
            if undone is not None and len(columns := list(self._moments_of(undone[1], at, still=still))) == 1:
                yield Link(phrase=word, columns=(columns[0],), sure=True, moment=True, test=" IS NULL", end=end)
            late = _LATE.search(self.question[: self.spans[index][0]].lower()) if word == "overdue" else None
            if late is not None and len(columns := list(self._due())) == 1:
                by = f" - INTERVAL '{late['count']} {late['unit']}s'" if late["count"] else ""
                test = f" < CURRENT_DATE{by}"
                yield Link(phrase=late[0] + word, columns=(columns[0],), sure=True, moment=True, test=test, end=end)

    def _moments_of(self, verb: str, at: tuple[int, int], *, still: bool) -> Iterator[str]:
        """Moments that may be missing at which something was done to what is spoken of.

        That is what stands beside the word, or what the question names where it says that something still is so.
        """
        named = self.mentioned() if still else ()
        base = root(FORMS.get(verb, verb))
        for entity in self.entities:
            for field in entity.fields:
                done = {root(FORMS.get(w, w)) for w in stems(naming.bare(field, entity)) if w not in NO_VERBS}
                optional = field.nullable and pa.types.is_temporal(field.type)
                told = self._is_said_of(at, entity.full_name) or self.names[entity.full_name] in named
                if optional and base in done and told:
                    yield f"{self.names[entity.full_name]}.{field.name}"

    def _due(self) -> Iterator[str]:
        """Moments at which something is due, of records that the question names."""
        named = self.mentioned()
        for entity in self.entities:
            for field in entity.fields:
                plain = [w for w in stems(naming.bare(field, entity)) if w not in NO_VERBS and w not in ("on", "at")]
                if plain == ["due"] and pa.types.is_temporal(field.type) and self.names[entity.full_name] in named:
                    yield f"{self.names[entity.full_name]}.{field.name}"

    def counts(self) -> tuple[str, ...]:
        """Hints on what is counted: `number of orders is COUNT(orders.*)`, two at most.

        A table's own name goes before a synonym of another.
        """
        found: dict[str, tuple[int, str]] = {}
        named = [at for phrase in self.called_any for at in self.find(phrase, self.words)]
        for entity in self.entities:
            for rank, phrase in enumerate(self.called[entity.full_name]):
                for start, end in self.find(phrase, self.words):
                    before = self.question[: self.spans[start][0]].lower()
                    part = any(a <= start and end <= b and b - a > end - start for a, b in named)
                    if part or self.describes(end, entity.full_name):
                        continue
                    if match := _COUNTED.search(before):
                        said = self.question[match.start() : self.spans[start + len(phrase) - 1][1]]
                        place = (rank, f"{said} is COUNT({self.names[entity.full_name]}.*)")
                        found[said] = min(found.get(said, place), place)
        return tuple(dict.fromkeys(text for _, text in found.values()))[:2]

    def with_some(self) -> tuple[str, ...]:
        """Hints on records that have any of others: `parcels with a claim is COUNT(DISTINCT claims.parcel_id)`."""
        ways = ((e, r) for e in self.entities for r in e.relations if not r.many and len(r.on) == 1)
        for child, relation in ways:
            owners, articles = self.called.get(relation.target, []), ("a", "an", "any")
            for phrase, article, owner in product(self.called[child.full_name], articles, owners):
                for at in self.find([*owner, "with", article, *phrase], self.words):
                    key = f"{self.names[child.full_name]}.{relation.on[0][0]}"
                    return (f"{self._phrase(at)} is COUNT(DISTINCT {key})",)
        return ()

    def least(self) -> tuple[tuple[str, str, int], ...]:
        """What there must be so many of (`with at least 5 orders`): table as written, comparison, number."""
        return tuple(dict.fromkeys(self._least()))

    def _least(self) -> Iterator[tuple[str, str, int]]:
        for entity in self.entities:
            for phrase in self.called[entity.full_name]:
                for at in self.find(phrase, self.words):
                    if found := wording.least(self.question[: self.spans[at[0]][0]]):
                        yield self.names[entity.full_name], *found

    def mentioned(self) -> tuple[str, ...]:
        """Tables whose records the question names, as the model writes them."""
        return tuple(self._mentioned())

    def _mentioned(self) -> Iterator[str]:
        holders = Counter(w for called in self.called.values() for w in {x for phrase in called for x in phrase})
        for entity in self.entities:
            phrases = self.called[entity.full_name]
            alone = {w for phrase in phrases for w in phrase if holders[w] == 1 and w not in SAID and w not in PLAIN}
            found = [at for phrase in phrases for at in self.find(phrase, self.words)]
            whole = [at for at in found if not self.describes(at[1], entity.full_name)]
            if found and not whole:
                continue
            found = whole
            done = {root(phrase[0]) for phrase in phrases if len(phrase) == 1}  # who ordered has made an order
            verbs = {root(w) for w in self.plain if w.endswith(("ed", "ing"))}
            if alone & self.spoken.keys() or done & verbs or any(not self._is_sorting(at) for at in found):
                yield self.names[entity.full_name]

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

    def _is_sorting(self, at: tuple[int, int]) -> bool:
        """Whether `order` says how rows are sorted."""
        if self.words[slice(*at)] != ["order"]:
            return False
        before, after = self.plain[max(0, at[0] - 1) : at[0]], self.plain[at[1] : at[1] + 1]
        return after in (["by"], ["of"], ["to"]) or before in (["in"], ["ascending"], ["descending"], ["alphabetical"])

    def _places(self, entity: Entity) -> Iterator[tuple[tuple[int, int], _Place]]:
        name, table = entity.full_name, self.names[entity.full_name]
        if len(entity.primary_key) == 1:
            for phrase in self.called[name]:
                for at in self.find([*phrase, "id"], self.words):
                    yield at, _Place(name, f"{table}.{entity.primary_key[0]}")
        told = {r.name: r for r in told_relations(entity, self.names)}
        for first, noun in self.joined.items():
            if [noun] in self.called[name] and (amount := _amount(entity)):
                yield (first, first + 2), _Place(name, f"{table}.{amount}")  # `paid out` is what payouts came to
        for field in entity.fields:
            column = self._readable(entity, field) or f"{table}.{field.name}"
            moment = pa.types.is_temporal(field.type)
            if pa.types.is_boolean(field.type):
                for at, denied in self._flagged(naming.bare(field, entity)):
                    yield at, _Place(name, column, flag=True, denied=denied)
            if moment or pa.types.is_boolean(field.type):
                for at in self._done(naming.bare(field, entity)):
                    yield at, _Place(name, column, told=True, moment=moment)
            if moment and stems(naming.bare(field, entity))[:1] == ["created"]:
                for at in self.find(["created"], self.plain):
                    passive = self.plain[at[0] - 1] in ("was", "were", "been", "is", "are") if at[0] else False
                    if passive and self._is_subject(at, name):  # `the shop was created`
                        yield at, _Place(name, column, told=True, moment=True)
            for relation in told.values():
                if relation.on[0][0] == field.name and column != f"{table}.{field.name}":
                    role = self.spelled(stems(relation.name))
                    if not self._is_plain_role(role, name, relation.target):
                        for at in self.find(role, self.words):
                            yield at, _Place(name, column)
            for at in self._named(field, naming.bare(field, entity), self.called[name]):
                yield at, _Place(name, column, moment=moment)
            for at in self._shortened(naming.bare(field, entity), self.called[name]):
                yield at, _Place(name, column, short=True)
            for at, values in self._part_of_values(field, name):
                yield at, _Place(name, column, values)
            for at, value in self._valued(field, name):
                plain = value.lower()
                more = [v for v in field.values if v != value and re.search(rf"\b{re.escape(plain)}\b", v.lower())]
                yield at, _Place(name, column, (value, *more))

    def _is_amount(self, place: _Place) -> bool:
        """Whether a phrase names a number, which nothing is asked per value of."""
        entity = next(e for e in self.entities if e.full_name == place.entity)
        field = entity.find_field(place.column.rpartition(".")[2])
        return field is not None and kind(field, entity) == "number" and field.name not in keys_of(entity)

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

    def _is_sure(self, at: tuple[int, int], entity: str) -> bool:
        """Whether a value must be a condition: how it stands in the question leaves no other reading."""
        begin, end = self.spans[at[0]][0], self.spans[at[1] - 1][1]
        if self._around(at).left_out or _LISTED.match(self.question[end:]):
            return False
        if re.search(r"[A-Z]\w*(?:,| and| or)\W+$", self.question[:begin]):
            return False  # one of several
        quoted = self.question[begin - 1 : begin] in "'\"`‘“" and begin > 0
        named = self.question[begin].isupper() and at[0] > 0
        return quoted or named or self._before(at, entity)

    def _left_out(self, at: tuple[int, int], entity: str) -> tuple[int, int] | None:
        """Where the question says that it leaves out such records; `no open orders` says that there are none."""
        around = self._around(at)
        return None if around.none and self._before(at, entity) else around.left_out

    def _around(self, at: tuple[int, int]) -> Around:
        return Around.of(self.question, self.spans[at[0]][0], self.spans[at[1] - 1][1])

    def _is_told(self, at: tuple[int, int], entity: str) -> bool:
        """Whether a flag must be a condition: it stands before its entity's name, or behind `that is`."""
        return self._around(at).told or self._before(at, entity)

    def _is_grouped(self, at: tuple[int, int], *, moment: bool = False) -> bool:
        """Whether it stands behind `per` or `each`, with at most a word between that names nothing here.

        What a question begins with (`For suppliers, ...`) is asked about one by one, no moments (`For payments of`).
        """
        around = self._around(at)
        if around.grouped or around.listed_each:
            return not around.listed_each
        if around.for_all:
            return not moment
        first = at[0] - 1
        between = self.words[first] if first > 0 else ""
        free = between and between not in self.things and between not in self.tails and between not in SAID
        around = self._around((first, first + 1))
        return bool(free) and (around.grouped or (around.for_all and not moment))

    def _is_beside(self, at: tuple[int, int], entity: str) -> bool:
        """Whether such records are counted where all of them are counted too."""
        counted = r"\b(?:(?:the )?(?:number|count)s? of(?: the)?|how many) "
        if not re.search(rf"{counted}$", self.question[: self.spans[at[0]][0]].lower()):
            return False
        whole = {self.spans[a][0] for phrase in self.called[entity] for a, _ in self.find(phrase[-1:], self.words)}
        found = [m.end() for m in re.finditer(counted, self.question.lower())]
        return self._before(at, entity) and any(end in whole for end in found)

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


def subject(text: str, entities: Iterable[Entity], names: Mapping[str, str]) -> str:
    """The table whose records a clause at the end of a text is about (`customers who joined in`); empty for none."""
    word = stems(clause_of(text))[-1:]
    finder = Words(text, entities, names)
    found = [n for n, called in finder.called.items() if word and any(phrase[-1:] == word for phrase in called)]
    at = max((end for end, w in zip((b for _, b in finder.spans), finder.words, strict=True) if [w] == word), default=0)
    others = (phrase for n, called in finder.called.items() if n not in found for phrase in called)
    if any(finder.spans[start][0] > at for phrase in others for start, _ in finder.find(phrase, finder.words)):
        return ""  # `customers who placed orders in`: the time is that of the orders
    return names[found[0]] if len(found) == 1 else ""
