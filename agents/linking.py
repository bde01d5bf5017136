"""Where the words of a question are found in the catalog: `industry` is `Account.Industry`.

A small model reads a long list of tables badly, and a dictionary does it well. What is found is told to
the model as a hint beside the question; a value that the question puts before its table's name, in quotes or with a
capital letter ("urgent tickets", "customers in Germany") becomes a condition that the query must hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import pyarrow as pa

from groundwire.agents import naming, wording
from groundwire.agents.grammar import keys_of, kind
from groundwire.agents.places import Place, Places
from groundwire.agents.stance import clause_of
from groundwire.agents.wording import root, stems
from groundwire.agents.words import FORMS, NO_VERBS, PLAIN, SAID
from groundwire.core.catalog import Entity

MOST_HINTS = 8
"""Hints for one question; the first ones."""
_MOST_PLACES = 2
"""A word found in more places than this says nothing."""
_COUNTED = re.compile(
    r"\b(?:number|count|numbers|counts) of (?:\w+ ){0,1}?$"
    r"|\b(?:how many|most|fewest) (?:(?!from |of |in |by |for |on |at |to |with )\w+ ){0,1}?$"
)
_STILL = re.compile(r"\b(?:still|(?:is|are|was|were|remain|remains|remained)(?: still)?) $")
_UNDONE = re.compile(r"un(\w{3,})")
_LATE = re.compile(
    r"(?:\b(?:more than|over) (?P<count>\d{1,4}) (?P<unit>day|week|month)s? "
    r"|(?<!day )(?<!days )(?<!week )(?<!weeks )(?<!month )(?<!months ))$"
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


def find(question: str, entities: Iterable[Entity], names: Mapping[str, str]) -> tuple[Link, ...]:
    """What the words of a question name.

    Args:
        question: in the asker's words.
        entities: what may be meant.
        names: for each full entity name the form in which the model writes it.
    """
    return Words(question, entities, names).named()


class Words(Places):
    """What the words of a question mean.

    Args: those of `find`.
    """

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

    def states(self) -> Iterator[Link]:
        """What a moment that is missing or past says: `unpaid` where there is `paid_on`, `overdue` for `due`."""
        for index, word in enumerate(self.plain):
            at = (index, index + 1)
            undone, end = _UNDONE.fullmatch(word), self.spans[index][1]
            still = _STILL.search(self.question[: self.spans[index][0]].lower()) is not None
            if undone is not None and len(columns := list(self._moments_of(undone[1], at, still=still))) == 1:
                yield Link(phrase=word, columns=(columns[0],), sure=True, moment=True, test=" IS NULL", end=end)
            late = _LATE.search(self.question[: self.spans[index][0]].lower()) if word == "overdue" else None
            late = None if any(p.values for p in self._found.get(at, ())) else late
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
            alone -= {w for phrase in phrases if len(phrase) > 1 for w in phrase if w.endswith("ed")}  # what was done
            found = [at for phrase in phrases for at in self.find(phrase, self.words)]
            whole = [at for at in found if not self.describes(at[1], entity.full_name)]
            if found and not whole:
                continue
            found = whole
            done = {root(phrase[0]) for phrase in phrases if len(phrase) == 1}  # who ordered has made an order
            verbs = {root(w) for w in self.plain if w.endswith(("ed", "ing"))}
            if alone & self.spoken.keys() or done & verbs or any(not self._is_sorting(at) for at in found):
                yield self.names[entity.full_name]

    def _is_sorting(self, at: tuple[int, int]) -> bool:
        """Whether `order` says how rows are sorted."""
        if self.words[slice(*at)] != ["order"]:
            return False
        before, after = self.plain[max(0, at[0] - 1) : at[0]], self.plain[at[1] : at[1] + 1]
        return after in (["by"], ["of"], ["to"]) or before in (["in"], ["ascending"], ["descending"], ["alphabetical"])

    def _is_amount(self, place: Place) -> bool:
        """Whether a phrase names a number, which nothing is asked per value of."""
        entity = next(e for e in self.entities if e.full_name == place.entity)
        field = entity.find_field(place.column.rpartition(".")[2])
        return field is not None and kind(field, entity) == "number" and field.name not in keys_of(entity)

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
