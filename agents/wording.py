"""What the words of a question allow a query to say: its numbers, names, dates, and how many it asks for.

A literal in a query comes from the asker or from the catalog, never from the model. Plain reading, no
model: number words, ISO dates and years, and English phrases for rankings such as "top 5".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
_WORD = re.compile(r"[^\s,;()\[\]{}?!\"'`’“”]+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What a question says.

    Attributes:
        words: its words as they are written, without punctuation at their ends.
        numbers: its numbers, as written and in words.
        years: years from 1900 on that it names.
        limit: how many records it asks for in a ranking, None if it does not rank.
    """

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    years: tuple[int, ...]
    limit: int | None


def read(question: str, hints: str = "") -> Wording:
    """What a question and the asker's hints say."""
    text = f"{question}\n{hints}"
    words = dict.fromkeys(w for m in _WORD.finditer(text) if (w := m[0].strip(".:/").rstrip("-")))
    lower = text.lower()
    numbers = dict.fromkeys(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", text)))
    numbers |= dict.fromkeys(str(n) for w, n in _NUMBER_WORDS.items() if re.search(rf"\b{w}\b", lower))
    return Wording(
        words=tuple(words),
        numbers=tuple(n for n in numbers if len(n) < 16),
        years=tuple(dict.fromkeys(int(y) for y in _YEAR.findall(text))),
        limit=_limit(question.lower()),
    )


def _limit(question: str) -> int | None:
    for ranking in _RANKINGS:
        match = ranking.search(question)
        if match:
            count = _NUMBER_WORDS.get(match[1]) or int(match[1])
            return count if 0 < count <= 1000 else None
    return None
