"""Whether a question gives a reason for a condition.

A small model likes to add conditions that nobody asked for. What a question does not speak of is not
filtered by.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterable

import pyarrow as pa

from groundwire.agents import countries, naming, periods
from groundwire.agents.abbreviations import Abbreviations
from groundwire.agents.wording import root, stems
from groundwire.agents.words import EMPTY, FORMS, ORDINARY, SAID, STATES, UNITS
from groundwire.core.catalog import Entity, Field


class Evidence:
    """Which values of enumerated fields a question gives a reason to write.

    A small model likes to add conditions that nobody asked for, `status = 'active'`. Only values that the
    question mentions are allowed, unless it holds a word that calls for a condition and is found nowhere, such as
    `overdue`: that may mean any value. A name may mean a code that begins as it does: `Canada` and `CA`.

    Args:
        question: in the asker's words.
        hints: what else the asker says.
        entities: what is shown to the model.
        limits: whether values need a reason at all.
        things: what records are called by, each as one word.
        spent: words that name columns, and are no reason to think of a value that begins as they do.
        deeds: words for what was done that a moment records (`booked in May`): no state that is called so.
        parts: texts that something must be written with, in lower case: it need not be equal to them.

    Attributes:
        open_words: words that call for a condition and are found nowhere.
        text_words: words that may be a part of a text value.
        patterns: for each of these, how a LIKE has it where the question says so: `{}%`, `%{}`, `%{}%`; else empty.
        unknown_words: words that name something and that neither the catalog, nor the hints, nor the calendar knows,
            lower case.
    """

    def __init__(
        self,
        question: str,
        hints: str,
        entities: Iterable[Entity],
        *,
        limits: bool = True,
        things: Iterable[str] = (),
        spent: Collection[str] = (),
        deeds: Collection[str] = (),
        parts: Collection[str] = (),
    ) -> None:
        self._limits = limits
        self._parts = frozenset(parts)
        self._deeds = frozenset(deeds)
        self._done = {root(w) for w in deeds}
        entities = list(entities)
        question = _ORDER.sub(lambda m: " " * len(m[0]), question)
        question = _HOW_MANY.sub(lambda m: " " * len(m[0]), question)
        self._written = set(re.findall(r"\w+", f"{question} {hints}"))
        self._text = " ".join(stems(f"{question} {hints}"))
        self._words = dict.fromkeys(stems(f"{question} {hints}"))
        self._free = {w for w in self._words if w not in spent}
        self._called = {s for e in entities for s in stems(f"{e.name.split('.')[-1]} {e.label}")}
        self._things = {root(w): w for w in things}
        self._plain = f"{question} {hints}".lower()
        self._plain_words = set(re.findall(r"[^\W_]+", self._plain))
        self._same = Abbreviations(entities).same
        known = set(stems(" ".join(n for e in entities for n in (e.name, e.label, *e.synonyms, *_of_fields(e)))))
        people = {text for e in entities for f in e.fields for texts in countries.spoken(f).values() for text in texts}
        values = {s for e in entities for f in e.fields for v in (*f.values, *f.labels.values()) for s in stems(v)}
        values |= {s for text in people for s in stems(text)}
        codes = {v.lower() for e in entities for f in e.fields for v in f.values}
        explained = {w for m in _SHORT_FOR.finditer(question) if m[2].lower() in codes for w in m[1].split()}
        self._names = {s for m in _NAME.finditer(question) for s in stems(m[1]) if s not in _TIMES}
        self.open_words = [
            w
            for w in dict.fromkeys(stems(question))
            if (w in STATES or _STATE.fullmatch(w))
            and w not in SAID
            and w not in known
            and w not in _TIMES
            and not any(w in k for k in known if len(w) > 2 and len(k) > 6)
            and not (len(root(w)) > 3 and any(k.startswith(root(w)) for k in known))
            and not any(alike(w, v) for v in values if len(v) > 2)
        ]

        plain_text = _SQL.sub(" ", f"{question} {hints}")
        few = {v.lower() for e in entities for f in e.fields if len(f.values) <= 25 for v in f.values if v.isalpha()}
        quotes = [m[1] for m in _QUOTED.finditer(plain_text) if len(m[1].split()) < 4 and m[1].lower() not in few]
        quoted = {w for text in quotes for w in text.split() if w.strip("%.")}
        defined = set(re.findall(r"\b(\w+)\b(?: \([^)]*\))? ?=", hints)) | {"ID", "IDs"}
        defined |= set(re.findall(r"\b([A-Z]{2,})\b ?(?:[(:]|is |are |means |stands )", hints))
        plain = {w for w in self._words if w in SAID or w in _TIMES or any(w in k for k in known if len(w) > 2)}
        lower = f"{question} {hints}".lower()
        listed = {v.lower() for e in entities for f in e.fields for v in (*f.values, *f.labels.values()) if len(v) > 2}
        listed |= people
        covered = {
            w
            for v in listed
            if re.search(rf"(?<!\w){re.escape(v.removesuffix('y'))}(?:s|es|y|ies)?(?!\w)", lower)
            for w in re.findall(r"\w+", v)
        }
        covered |= {many for w in covered for many in (f"{w}s", f"{w}es", f"{w.removesuffix('y')}ies")}
        told_names = [m[0].strip(".") for m in _DOTTED.finditer(question)]
        rest = _DOTTED.sub(" ", question)
        told_names += [(m[1] or m[2]).strip(",;:?!") for m in _TOLD.finditer(rest)]

        def describes(word: str) -> bool:
            """Whether a plain word only says more of a name behind it: `by gross amount`."""
            after = re.search(rf"\b{re.escape(word)} (\w+)", question)
            return after is not None and any(s in known for s in stems(after[1]))

        named = {
            w
            for w in told_names
            if re.search(r"[^\W\d]", w)
            and w not in explained
            and not (w.isupper() and len(w) == 2 and w.lower() in codes)
            and not plain.issuperset(stems(w))
            and w not in defined
            and w.lower() not in UNITS
            and not (
                w.islower() and (w in ORDINARY or describes(w) or re.search(rf"\b{w} (?:who|that|whose)\b", question))
            )
            and w.lower() not in covered
            and not (w.islower() and len(root(w)) > 3 and root(w) != w and any(root(w) in k for k in known))
        }
        self.text_words = tuple(dict.fromkeys([*quoted, *sorted(named - quoted)]))
        self.patterns = {w: _pattern(w, plain_text) for w in self.text_words}

        told = {
            s for e in entities for text in (e.description, *(f.description for f in e.fields)) for s in stems(text)
        }
        told |= {s for w in explained for s in stems(w)}
        told |= known | values | set(stems(hints)) | set(stems(hints.lower())) | {s for w in quoted for s in stems(w)}
        told |= {s for m in _SEARCHED.finditer(question) for s in stems(m["after"] or m["before"])}
        untimed = periods.without(question.lower(), periods.find(question))
        forms = {s: w for w in reversed(_WORD.findall(untimed)) for s in stems(w)}
        roots = {root(k) for k in known}
        moments = {
            s for e in entities for f in e.fields if pa.types.is_temporal(f.type) for s in stems(naming.bare(f, e))
        }
        things_known = set(stems(" ".join(n for e in entities for n in (e.name, e.label, *e.synonyms))))

        def does(word: str) -> bool:
            """Whether it is somebody who does what only a moment records: no `picker` is known by `picked_on`."""
            others = told - moments
            return (
                word.endswith("er")
                and len(word) > 5
                and any(root(word) == root(m) for m in moments)
                and word not in told
                and not any(word[:5] in k for k in things_known | others if len(k) > 3)
            )

        self.unknown_words = [
            forms[w]
            for w in dict.fromkeys(s for s in stems(untimed) if s in forms)
            if does(w)
            or (
                len(w) > 1
                and w not in SAID
                and w not in ORDINARY
                and w not in ("date", "time")
                and not w.isdigit()
                and w not in told
                and FORMS.get(w) not in told
                and root(re.sub(r"^(?:un|non|in|dis)", "", w)) not in roots
                and not any(w[:5] in k for k in told if len(w) > 2)
                and not (len(root(w)) > 3 and any(k.startswith(root(w)) for k in told))
                and not any(self._same(k, w) for k in known)
            )
        ]

        beside = {
            w: t
            for w in self.unknown_words
            for t in self.text_words
            if re.search(rf"\b(?:{re.escape(w)} or {re.escape(t)}|{re.escape(t)} or {re.escape(w)})\b", question, re.I)
        }
        self.text_words += tuple(w for w in beside if w not in self.text_words)
        self.patterns |= {w: self.patterns[t] for w, t in beside.items()}

    def speaks_of(self, flag: Field) -> bool:
        """Whether the question says, or denies, what a flag says."""
        if self.open_words or not self._limits:
            return True
        parts = [p for p in stems(f"{flag.name} {flag.label}") if p not in SAID and p not in ("flag", "flg", "has")]
        # `parcel` of `parcel_label` is any parcel, and so is `pcl`
        parts = [p for p in parts if not any(p == c or self._same(p, c) for c in self._called)] or parts
        said = set(self._words)
        if pa.types.is_boolean(flag.type):
            said = self._free  # a column of that name is no flag
            parts = [p for p in parts if p.endswith("ed")] or parts  # a fee says nothing of `is_fee_waived`
        words = [*said, *(w for s in flag.synonyms for w in stems(s) if w in said)]
        told = [w for w in words if w not in SAID]
        return any(root(w) == root(p) or self._same(p, w) for p in parts for w in words) or any(
            alike(w, p) for p in parts for w in told
        )

    def __call__(self, field: Field, value: str) -> bool:
        if self.open_words or not self._limits:
            return True
        if value.lower() in self._parts:
            return False
        if len(value) == 2 and value.isalpha():
            word = value.lower()
            written = value in self._written if word in SAID or word in EMPTY else word in self._words  # IT is not `it`
            named = any(re.search(rf"\b{text}\b", self._plain) for text in countries.spoken(field).get(value, ()))
            return written or named or any(n.startswith(value[0].lower()) for n in self._names)
        texts = [value, field.labels.get(value, "")]
        if _SHADE.fullmatch(value) and not texts[1]:  # `top 3` says nothing of `A3`
            return value.lower() in self._plain_words
        parts = [part for text in texts for part in stems(text)]
        if len(parts) == 1 and (thing := self._things.get(root(parts[0]), "")):  # `booked` of bookings
            told = rf"['\"]{re.escape(value.lower())}['\"]|\b{re.escape(value.lower())} (?:\w+ )?{re.escape(thing)}"
            return bool(re.search(told, self._plain))
        if all(p in SAID for p in parts):  # `no_show` is not what is to be shown
            return any(" ".join(stems(t)) in self._text for t in texts if len(stems(t)) > 1)
        # `room` of `family room` says little of a room, and `total` of a name says nothing
        parts = [p for p in parts if p not in self._called and p not in SAID and p not in _TIMES] or parts
        parts = [p for p in parts if len(p) > 1] or parts  # nor a letter or a digit of many
        if len(parts) > 1 and value.isalnum() and not field.labels.get(value):  # `PayPal` is not what is `paid`
            return all(any(alike(word, part) for word in self._words) for part in parts) or value.lower() in self._plain
        exact = (
            any(part in self._words and part not in self._deeds for part in parts)
            and " ".join(stems(value)) in self._text
        )
        states = [p for p in parts if root(p) not in self._done]
        # a month says nothing of Montreal
        return exact or any(word == part or alike(word, part) for part in states for word in self._free - SAID)


def _pattern(word: str, text: str) -> str:
    """Where in a value a word stands, as the words before it say."""
    found = ""
    for match in re.finditer(rf"(?<![\w]){re.escape(word)}(?![\w])", text):
        before = [m.lastgroup for m in _PLACED.finditer(text[max(0, match.start() - 45) : match.start()].lower())]
        if before:
            found = {"head": "{}%", "tail": "%{}", "part": "%{}%"}[str(before[-1])]
    return found


def _of_fields(entity: Entity) -> Iterable[str]:
    for field in entity.fields:
        yield from (field.name, naming.bare(field, entity), field.label, *field.synonyms)


def alike(word: str, part: str) -> bool:
    """Whether two words are one, or forms of one: `successful` and `success`, `sold` and `sell`."""
    if word == part or FORMS.get(word) == part:
        return True
    if min(len(word), len(part)) < 4:
        return False
    common = next((i for i, (a, b) in enumerate(zip(word, part, strict=False)) if a != b), min(len(word), len(part)))
    return common >= 4 and common >= min(len(word), len(part)) - 2


_TIMES = frozenset(
    stems(" ".join([*calendar.month_name, *calendar.month_abbr, *calendar.day_name, *calendar.day_abbr]))
)
_NAME = re.compile(r"(?<=[a-z,;] )([A-Z][a-z]+)\b")
_SQL = re.compile(r"INTERVAL '[^']*'|DATE_TRUNC\('[^']*'|`[^`]*[=(][^`]*`", re.IGNORECASE)
_QUOTED = re.compile(r"(?:(?<=\W)|^)['\"`‘“]([^'\"`’”]{1,60})['\"`’”](?=\W|$)")
_DOTTED = re.compile(r"(?<![\w.@])[\w%+-]*[.@][\w-]+(?:[.@][\w-]+)*")
_TOLD = re.compile(
    r"(?:(?<=[a-z,;(] )|(?<=\())(\w*[A-Z]\w*|%\w+|\w*\d\w*[_-][\w-]+|\w+[_-]\w*\d[\w-]*)"
    r"|(?<!-)\b(?:contain(?:s|ing)?|named|called|like|about|mention(?:s|ing)?|titled|letters?|start(?:s|ing)? with"
    r"|end(?:s|ing)? (?:with|in)|from|for|by|at|or|in) (?:the (?:word|letter) )?(\w+)"
)
_WORD = re.compile(r"[^\W_]+")
_SHORT_FOR = re.compile(r"\b([A-Z]\w+(?: [A-Z]\w+)*) \((\w+)\)")
"""What a code stands for, before it: `Washington (WA)`."""
_SEARCHED = re.compile(
    r"\b(?:contain\w*|mention\w*|named|called|titled|(?:start|begin)\w* with|end\w* (?:with|in)|talk\w* about|words?)"
    r" (?:the )?(?P<after>\w+(?:(?:,| or| and|, or) \w+)*)"
    r"|(?P<before>\w+(?:(?:,| or| and|, or) \w+)*) in (?:the|its|their|his|her) "
    r"(?:titles?|names?|surnames?|descriptions?|texts?|notes?|subjects?|comments?|body|bodies)\b",
    re.IGNORECASE,
)
_PLACED = re.compile(
    r"(?P<head>\b(?:start|begin)\w*\s+(?:with|in|by))|(?P<tail>\bend\w*\s+(?:with|in|on))"
    r"|(?P<part>\b(?:contain|includ|mention)\w*|\bwith the (?:word|text)|\bdomain\b)"
)
_ORDER = re.compile(r"(?:^|(?<=[.?!;:] ))(?:return|show|list|display|report)\b", re.IGNORECASE)
"""What the asker wants done: `Return the name` says nothing of what was returned."""
_HOW_MANY = re.compile(
    r"(?<=\btop )\d+\b|(?<=\bwhich )\d+\b|(?<=\blast )\d+\b|(?<=\bpast )\d+\b"
    r"|(?<=\bnext )\d+\b|(?<=\bfirst )\d+\b|(?<=\bbottom )\d+\b"
    r"|\b\d+(?= (?:most|least|highest|lowest|largest|smallest|biggest|best|worst)\b)"
)
"""Numbers of rows or days are no values: `top 5`."""
_SHADE = re.compile(r"[A-Za-z]{1,2}\d{1,3}|\d{1,3}[A-Za-z]{1,2}")
"""A short code of letters and digits."""
_STATE = re.compile(r"(?:un|in|non|over|out|dis|mis)[a-z]+(?:ed|ing|ue|ive|ete|id|aid|en|ble)")
