"""Where the words of a question are found in the catalog: `industry` is `Account.Industry`.

A small model reads a long list of tables badly, and a dictionary does it well. What is found is told to
the model as a hint beside the question; it decides nothing alone.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from groundwire.agents.wording import stems
from groundwire.core.catalog import Entity, Field

MOST_HINTS = 8
"""Hints for one question; the longest phrases first."""
_MOST_PLACES = 2
"""A word found in more places than this says nothing."""

_PLAIN = frozenset(
    """name id number code type status state date time count total amount value key text description title label order
    user customer price rate active created updated deleted start end record item line data level""".split()
)
"""Words that alone name nothing in particular."""

_SAID = frozenset(
    """a about above across active after all along also amount among an and any are as asked at average be been before
    below between biggest both breakdown broken but by calculate calendar case class column combination compared
    consider considering contain contains corresponding could count counts currently data database day days define
    describe did different difference display distinct distribution divided do does down during each earliest either
    end ended ending every exactly excluding exclusive express expressed fewer fewest field figure final find first
    following for frequent frequently from full further get give given got great greater greatest group grouped had
    half has have having high higher highest hour how i ignore ignoring in include included including inclusive
    individual into is it item its join joined kind large larger largest last late latest least less letter list live
    long longer longest low lower lowest made make many match matched matching max maximum mean measured median min
    minimum month monthly more most much name named names need new newest no non not number numbers occur occurred of
    old older oldest on once one only or order ordered other our out over overall past people per percent percentage
    per period please present previous quarter rank ranked ranking rate ratio record records regardless respective
    respectively result results return round rounded row rows same second seconds show showing shown single small
    smaller smallest so some sort sorted split start started starting starts sum summary table tell than that the their
    them then there these they this those throughout time times to today together top total totals toward truncate
    truncated two type unique up us using value values versus want was we week weekly weeks were what when where
    whether which who whom whose will with within without would year yearly years yet you your""".split()
)
"""Words of questions that give no reason for a condition."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A phrase of the question and what it may mean.

    Attributes:
        phrase: as the question has it.
        columns: `entity.field`, as the model writes them.
        value: the field's value that the phrase is, None where it names the field itself.
    """

    phrase: str
    columns: tuple[str, ...]
    value: str | None = None

    @property
    def text(self) -> str:
        """The link as a hint."""
        places = " or ".join(self.columns)
        return f"{self.phrase} is {places}" + (f" = '{self.value}'" if self.value is not None else "")


def find(question: str, entities: Iterable[Entity], names: Mapping[str, str]) -> tuple[Link, ...]:
    """What the words of a question name.

    Args:
        question: in the asker's words.
        entities: what may be meant.
        names: for each full entity name the form in which the model writes it.
    """
    spoken = _Spoken(question)
    found: dict[tuple[int, int], dict[str, str | None]] = {}
    entities = list(entities)
    shared = common_prefix([e.name.split(".")[-1] for e in entities])
    things = {s for e in entities for s in stems(" ".join([e.name.split(".")[-1], e.label, *e.synonyms]))}
    for entity in entities:
        table = names[entity.full_name]
        called = list(_called(entity, shared))
        prefix = common_prefix([f.name for f in entity.fields])
        for field in entity.fields:
            column = f"{table}.{field.name}"
            for at in _named(spoken, field, prefix, called):
                found.setdefault(at, {}).setdefault(column, None)
            for at, value in _valued(spoken, field, things):
                found.setdefault(at, {})[column] = value
    return tuple(_chosen(spoken, found))


def _chosen(spoken: _Spoken, found: Mapping[tuple[int, int], Mapping[str, str | None]]) -> Iterable[Link]:
    """The longest phrases, in the question's order, each once."""
    kept: list[tuple[int, int]] = []
    for at in sorted(found, key=lambda a: (a[0] - a[1], a)):
        if not any(at[0] < k[1] and k[0] < at[1] for k in kept):
            kept.append(at)
    said: set[object] = set()
    told: set[str] = set()
    for at in sorted(kept):
        places = found[at]
        values = {v for v in places.values() if v is not None}
        phrase = spoken.phrase(at)
        columns = [c for c, v in places.items() if v is not None or not values]
        meaning = (tuple(columns), *values)
        if len(columns) > 1 and told.intersection(columns):
            continue  # a longer phrase has said which
        if len(columns) > _MOST_PLACES or len(values) > 1 or meaning in said or len(said) == MOST_HINTS:
            continue
        said.add(meaning)
        told.add(columns[0])
        yield Link(phrase=phrase, columns=tuple(columns), value=next(iter(values), None))


class _Spoken:
    """A question as words, with where they stand."""

    def __init__(self, question: str) -> None:
        self.question = question
        self.spans = [m.span() for m in re.finditer(r"[^\W_]+", question)]
        self.words = [next(iter(stems(question[a:b])), "") for a, b in self.spans]
        self.plain = [question[a:b].lower() for a, b in self.spans]

    def phrase(self, at: tuple[int, int]) -> str:
        return self.question[self.spans[at[0]][0] : self.spans[at[1] - 1][1]]

    def find(self, wanted: Sequence[str], among: Sequence[str]) -> Iterable[tuple[int, int]]:
        length = len(wanted)
        for start in range(len(among) - length + 1):
            if list(among[start : start + length]) == list(wanted):
                yield start, start + length


def _called(entity: Entity, shared: str) -> Iterable[list[str]]:
    """What people call one record of an entity, each as words."""
    last = entity.name.split(".")[-1]
    bare = last[len(shared) :] if last.lower().startswith(shared) else last
    for text in dict.fromkeys([bare, entity.label, *_split(entity.synonyms)]):
        if called := stems(text):
            yield called


def _named(spoken: _Spoken, field: Field, prefix: str, called: Sequence[Sequence[str]]) -> Iterable[tuple[int, int]]:
    """Where the question has the field's name, label or a synonym, alone or behind the entity's name."""
    bare = field.name[len(prefix) :] if field.name.lower().startswith(prefix) else field.name
    for text in dict.fromkeys([bare.removesuffix("__c"), field.label, *_split(field.synonyms)]):
        wanted = stems(text)
        if not wanted or (wanted[-1] == "id" and len(wanted) > 1):
            continue
        for entity in called:
            yield from spoken.find([*entity, *wanted], spoken.words)
            yield from spoken.find([*entity[-1:], *wanted], spoken.words)
        if any(w not in _PLAIN and w not in _SAID and [w] not in called for w in wanted):
            yield from spoken.find(wanted, spoken.words)


def _split(synonyms: Iterable[str]) -> Iterable[str]:
    return (part.strip() for text in synonyms for part in text.split(","))


def _valued(spoken: _Spoken, field: Field, things: set[str]) -> Iterable[tuple[tuple[int, int], str]]:
    """Where the question has one of the field's values, or what people see for it."""
    for value in field.values:
        for text in dict.fromkeys([value, field.labels.get(value, "")]):
            wanted = [w.lower() for w in re.findall(r"[^\W_]+", text)]
            if not wanted or len("".join(wanted)) < 2 or all(w.isdigit() or w in _PLAIN for w in wanted):
                continue
            if things.issuperset(stems(text)):
                continue
            for at in spoken.find(wanted, spoken.plain):
                if len(wanted) > 1 or len(wanted[0]) > 2 or spoken.phrase(at).isupper():
                    yield at, value


def common_prefix(names: Sequence[str]) -> str:
    """Letters with which every name begins, lower case, where something is left of each; else nothing."""
    lower = [n.lower() for n in names]
    if len(lower) < 3:
        return ""
    first, last = min(lower), max(lower)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length] if 2 <= length < min(map(len, lower)) else ""


class Evidence:
    """Which values of enumerated fields a question gives a reason to write.

    A small model likes to add conditions that nobody asked for, `status = 'active'`. Only values that the
    question mentions are allowed, unless it holds a word that calls for a condition and is found nowhere, such as
    `overdue` or a name: that may mean any value.

    Args:
        question: in the asker's words.
        hints: what else the asker says.
        entities: what is shown to the model.
    """

    def __init__(self, question: str, hints: str, entities: Iterable[Entity]) -> None:
        entities = list(entities)
        self._words = [w for w in dict.fromkeys(stems(f"{question} {hints}")) if w not in _LITTLE]
        known = set(stems(" ".join(n for e in entities for n in (e.name, e.label, *e.synonyms, *_of_fields(e)))))
        values = {s for e in entities for f in e.fields for v in f.values for s in stems(v)}
        self._names = names = {s for m in _NAME.finditer(question) for s in stems(m[1]) if s not in _TIMES}
        self.open_words = [
            w
            for w in dict.fromkeys(stems(question))
            if (w in names or w in _STATES or _STATE.fullmatch(w))
            and w not in _SAID
            and w not in known
            and w not in _TIMES
            and not any(w in k for k in known if len(w) > 2 and len(k) > 6)
            and not any(_alike(w, v) for v in values if len(v) > 2)
        ]

    def __call__(self, field: Field, value: str) -> bool:
        if self.open_words:
            return True
        texts = [value, field.labels.get(value, "")]
        parts = [part for text in texts for part in stems(text)]
        if len(value) == 2 and value.isalpha():
            return value.lower() in self._words or any(n.startswith(value[0].lower()) for n in self._names)
        return any(_alike(word, part) for part in parts for word in self._words)


_LITTLE = frozenset("a an and are as at be by do for from has have in is it its not of on or the their to was with".split())


def _of_fields(entity: Entity) -> Iterable[str]:
    for field in entity.fields:
        yield from (field.name, field.label, *field.synonyms)


def _alike(word: str, part: str) -> bool:
    """Whether two words are one, or forms of one: `successful` and `success`, `sold` and `sell`."""
    if word == part or _FORMS.get(word) == part:
        return True
    if min(len(word), len(part)) < 4:
        return False
    common = next((i for i, (a, b) in enumerate(zip(word, part, strict=False)) if a != b), min(len(word), len(part)))
    return common >= 4 and common >= min(len(word), len(part)) - 2


_TIMES = frozenset(stems(" ".join([*calendar.month_name, *calendar.month_abbr, *calendar.day_name, *calendar.day_abbr])))
_NAME = re.compile(r"(?<=[a-z,;] )([A-Z][a-z]+)")
_STATE = re.compile(r"(?:un|in|non|over|out|dis|mis)[a-z]{3,}(?:ed|ing|ue|ive|ete|id|aid|en|ble)")
_STATES = frozenset(
    "bad broken critical dead delayed dormant due empty expired failed faulty finished fresh good healthy important late"
    " lost normal obsolete ongoing outstanding pending problematic ready resolved running serious severe sick stale"
    " stuck successful urgent valid void waiting".split()
)

_FORMS = {
    "bought": "buy", "sold": "sell", "buying": "buy", "selling": "sell", "purchase": "buy", "paid": "pay", "won": "win",
    "lost": "lose", "sent": "send", "shipped": "ship", "unsuccessful": "fail", "failure": "fail",
}
