"""What the words of a question allow a query to say: its numbers, names, dates, and how many it asks for.

A literal in a query comes from the asker or from the catalog, never from the model. Plain reading, no
model: number words, ISO dates and years, and English phrases for rankings such as "top 5".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from groundwire.agents import periods

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_NUMBER_WORDS = {word: number for number, word in enumerate(_SMALL.split())} | {
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
    "hundred": 100,
    "thousand": 1000,
}
_COUNT = r"(\d{1,4}|" + "|".join(_NUMBER_WORDS) + ")"
_EXTREME = (
    r"(?:most|least|fewest|largest|biggest|highest|greatest|smallest|lowest|best|worst|oldest|newest|latest|"
    r"earliest|cheapest|longest|shortest|slowest|fastest|busiest|richest|recent)"
)
_SPAN = r"(?! *(?:day|week|month|quarter|year|hour|minute))"
_RANKINGS = (
    re.compile(rf"(?<!at )\b(?:top|bottom|first|last|{_EXTREME})[ -]+{_COUNT}\b{_SPAN}"),
    re.compile(rf"\b{_COUNT}\s+(?:\w+\s+)?{_EXTREME}\b"),
    re.compile(
        rf"\b(?:which|what|show|list|the)\s+{_COUNT}\s+(?:\w+\s+){{1,4}}?(?:had|have|has|with|made|by)\b.*\b{_EXTREME}\b"
    ),
)
_BEST_ONE = re.compile(
    rf"\W*(?:(?:which|what)\s+(?:\w+\s+)?\w+(?<!s)\s+(?:has|had|made|is|was|got|did|gave|with|[a-z]+ed|spent|sold|bought|sent)\b"
    rf"|who\s+(?!are|were)\w+|(?:return|show|find|name|give me)\s+the\s+\w+(?<!s)\s+(?:who|which|that|with)\b)"
    rf".*\b{_EXTREME}\b"
)
_WORD = re.compile(r"[^\s,;()\[\]{}?!\"'`’“”]+")
_UNIT = re.compile(r"\b(second|minute|hour|day|week|month|year)s?\b")
_ABSENCE = re.compile(
    r"\b(?:no|not|never|without|missing|null|empty|blank|unknown|known|lack\w*|none|neither"
    r"|un\w+ed|exclud\w+|except|other than)\b|n't\b"
)
_CURRENT = re.compile(r"\b(?:exclu\w+|not including)(?: of)?(?: the)? (?:current|this) \w+")
_MOMENTS = re.compile(
    r"\b(?:same|within|earli\w+|later?|latest|before|after|than|until|since|newest|oldest|overdue|due|expired?|future)\b"
)
_AGO = re.compile(r"\b\d+ (?:second|minute|hour|day|week|month|year)s? ago\b")
_ZERO = re.compile(r"\b(?:zero|positive|negative|non-?zero|above 0|any)\b")
_BOUND = r"(?:on or |)(?:after|before|since|until|till|by|from)(?: the)? "
_STEM = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What a question says.

    Attributes:
        words: its words as they are written, without punctuation at their ends.
        numbers: its numbers, as written and in words.
        spans: the spans of time that it names.
        steps: intervals that it speaks of, such as `30 days`.
        moments: whether it may compare one moment with another.
        absence: whether it speaks of what is missing.
        limit: how many records it asks for in a ranking, None if it does not rank.
    """

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    spans: tuple[periods.Span, ...]
    steps: tuple[str, ...]
    moments: bool
    absence: bool
    limit: int | None


def read(question: str, hints: str = "") -> Wording:
    """What a question and the asker's hints say."""
    text = f"{question}\n{hints}"
    words = dict.fromkeys(w for m in _WORD.finditer(text) if (w := m[0].strip(".:/").rstrip("-")))
    lower = text.lower()
    spans = tuple({s.text: s for s in [*periods.find(question), *periods.find(hints)]}.values())
    untimed = lower
    for span in spans:
        untimed = re.sub(rf"(?:{_BOUND})?{re.escape(span.text)}", " ", untimed)
    untimed = _AGO.sub(" ", untimed)
    numbers = dict.fromkeys(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", untimed)))
    numbers |= dict.fromkeys(str(n) for w, n in _NUMBER_WORDS.items() if re.search(rf"\b{w}\b", untimed))
    if _ZERO.search(untimed):
        numbers["0"] = None
    return Wording(
        words=tuple(words),
        numbers=tuple(n for n in numbers if len(n) < 16),
        spans=spans,
        steps=tuple(_steps(lower, numbers)),
        moments=not spans or bool(_MOMENTS.search(untimed)),
        absence=bool(_ABSENCE.search(_CURRENT.sub(" ", lower))),
        limit=_limit(question.lower()),
    )


def _limit(question: str) -> int | None:
    if _BEST_ONE.match(question) and not re.search(r"\b(?:per|each|every)\b", question):
        return 1
    for ranking in _RANKINGS:
        match = ranking.search(question)
        if match:
            count = _NUMBER_WORDS.get(match[1]) or int(match[1])
            return count if 0 < count <= 1000 else None
    return None


def _steps(text: str, numbers: Iterable[str]) -> Iterator[str]:
    """Every number of the text with every unit of time in it, and one of each."""
    for unit in dict.fromkeys(_UNIT.findall(text)):
        for number in dict.fromkeys(["1", *(n for n in numbers if n.isdigit() and 0 < int(n) < 1000)]):
            yield f"{number} {unit}" + ("s" if number != "1" else "")


def stems(text: str) -> list[str]:
    """Lower-case words with CamelCase split and plural endings dropped."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
    found = []
    for word in _STEM.findall(spaced.lower()):
        if len(word) > 3 and word.endswith("ies"):
            word = word[:-3] + "y"
        elif word == "ids":
            word = "id"
        elif len(word) > 4 and word.endswith(("uses", "sses", "xes", "ches", "shes")):
            word = word[:-2]
        elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
        found.append(word)
    return found
