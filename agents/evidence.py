"""Whether a question gives a reason for a condition.

A small model likes to add conditions that nobody asked for. What a question does not speak of is not
filtered by.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable

from groundwire.agents import periods
from groundwire.agents.wording import stems
from groundwire.agents.words import FORMS, SAID, STATES
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

    Attributes:
        open_words: words that call for a condition and are found nowhere.
        text_words: words that may be a part of a text value.
        unknown_words: words that name something and that neither the catalog, nor the hints, nor the calendar knows.
    """

    def __init__(self, question: str, hints: str, entities: Iterable[Entity]) -> None:
        entities = list(entities)
        self._words = dict.fromkeys(stems(f"{question} {hints}"))
        known = set(stems(" ".join(n for e in entities for n in (e.name, e.label, *e.synonyms, *_of_fields(e)))))
        values = {s for e in entities for f in e.fields for v in f.values for s in stems(v)}
        self._names = {s for m in _NAME.finditer(question) for s in stems(m[1]) if s not in _TIMES}
        self.open_words = [
            w
            for w in dict.fromkeys(stems(question))
            if (w in STATES or _STATE.fullmatch(w))
            and w not in SAID
            and w not in known
            and w not in _TIMES
            and not any(w in k for k in known if len(w) > 2 and len(k) > 6)
            and not any(alike(w, v) for v in values if len(v) > 2)
        ]

        plain_text = _SQL.sub(" ", f"{question} {hints}")
        quoted = {
            w for m in _QUOTED.finditer(plain_text) if len(m[1].split()) < 4 for w in m[1].split() if w.strip("%.")
        }
        defined = set(re.findall(r"\b(\w+)\b(?: \([^)]*\))? ?=", hints)) | {"ID", "IDs"}
        plain = {w for w in self._words if w in SAID or w in _TIMES or any(w in k for k in known if len(w) > 2)}
        told_names = ((m[1] or m[2]).strip(",;:?!") for m in _TOLD.finditer(question))
        named = {
            w for w in told_names if re.search(r"[^\W\d]", w) and not plain.issuperset(stems(w)) and w not in defined
        }
        self.text_words = tuple(dict.fromkeys([*quoted, *sorted(named - quoted)]))

        told = {
            s for e in entities for text in (e.description, *(f.description for f in e.fields)) for s in stems(text)
        }
        told |= known | values | set(stems(hints)) | {s for w in quoted for s in stems(w)}
        untimed = question.lower()
        for span in periods.find(question):
            untimed = untimed.replace(span.text, " ")
        self.unknown_words = [
            w
            for w in dict.fromkeys(stems(untimed))
            if len(w) > 1
            and w not in SAID
            and not w.isdigit()
            and w not in told
            and FORMS.get(w) not in told
            and not any(w[:5] in k for k in told if len(w) > 2)
        ]

    def __call__(self, field: Field, value: str) -> bool:
        if self.open_words:
            return True
        texts = [value, field.labels.get(value, "")]
        parts = [part for text in texts for part in stems(text)]
        if len(value) == 2 and value.isalpha():
            return value.lower() in self._words or any(n.startswith(value[0].lower()) for n in self._names)
        return any(alike(word, part) for part in parts for word in self._words)


def _of_fields(entity: Entity) -> Iterable[str]:
    for field in entity.fields:
        yield from (field.name, field.label, *field.synonyms)


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
_TOLD = re.compile(
    r"(?:(?<=[a-z,;(] )|(?<=\())(\w*[A-Z]\w*|[.@%]\w[\w.]*|\w+[@._-]\w[\w.@-]*)"
    r"|\b(?:contain(?:s|ing)?|named|called|like|about|mention(?:s|ing)?|titled|letters?|start(?:s|ing)? with"
    r"|end(?:s|ing)? (?:with|in)|from|for|by|at|or|in) (?:the (?:word|letter) )?(\w+)"
)
_STATE = re.compile(r"(?:un|in|non|over|out|dis|mis)[a-z]+(?:ed|ing|ue|ive|ete|id|aid|en|ble)")
