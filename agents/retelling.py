"""A whole question out of the one before and what a follow-up changes, as the asker reads it under "Understood as".

The query is changed by `revision`; this is its other half, in words. It is English, as are the questions that are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from groundwire.agents import periods

_GROUP = r"\b(?:per|by|for each|for every|in each|on each|of each|at each|each|every|across)\s+(?:of\s+)?(?:the\s+)?"
_CALENDAR = re.compile(
    r"^(?:\d{4}$|q[1-4]|january|february|march|april|may|june|july|august|september|october|november|december)",
    re.IGNORECASE,
)
_QUARTER = re.compile(r"^(?:first|second|third|fourth|last|[1-4](?:st|nd|rd|th)) quarter\b", re.IGNORECASE)
_EXTREME = re.compile(
    r"\b(?:best|worst|highest|lowest|largest|smallest|biggest|most|fewest|least|greatest|top|bottom|latest|oldest|newest"
    r"|earliest|longest|shortest|cheapest)\b",
    re.IGNORECASE,
)
_IN = re.compile(r"\b(?:in|during|for|within|over|on)\s+(?:the\s+)?$", re.IGNORECASE)
_FIGURES = {
    "average": re.compile(r"\b(?:average|mean|total|sum|maximum|minimum|median|highest|lowest)\b", re.IGNORECASE),
}


class Retelling:
    """A question whose parts are exchanged.

    Args:
        question: the whole question before.
    """

    def __init__(self, question: str) -> None:
        self.text = " ".join(question.split())

    def _add(self, words: str) -> None:
        """Put words before the mark at the end."""
        body = self.text.rstrip("?.! ")
        self.text = f"{body}{words}{self.text[len(body) :].strip() or '?'}"

    def _swap(self, old: str, new: str) -> bool:
        match = re.search(rf"(?<!\w){re.escape(old)}(?!\w)", self.text, re.IGNORECASE) if old else None
        if match is None:
            return False
        self.text = self.text[: match.start()] + new + self.text[match.end() :]
        return True

    def value(self, olds: Iterable[str], new: str, field: str, *, negated: bool = False) -> None:
        """A value in place of others, which are given in the forms that people have for them."""
        if not negated and any(self._swap(old, new) for old in olds):
            return
        self._add(f", {'leaving out' if negated else 'only'} {new}" if new else f", only with {field}")

    def period(self, text: str) -> None:
        """Another span of time; an empty text for all times."""
        spans = periods.find(self.text)
        said = f"in {text}" if _CALENDAR.search(text) else f"in the {text}" if _QUARTER.search(text) else text
        if len(spans) == 1 and (match := re.search(re.escape(spans[0].text), self.text, re.IGNORECASE)):
            before = self.text[: match.start()]
            before = before[: found.start()] if (found := _IN.search(before)) else before
            before = re.sub(r"\b(?:since|before|after|until|from|by)\s+$", "", before, flags=re.IGNORECASE)
            self.text = " ".join(f"{before} {said} {self.text[match.end() :]}".split())
            self.text = re.sub(r"\s+([?.!,])", r"\1", self.text)
        elif said:
            self._add(f" {said}")

    def group(self, olds: Iterable[str], new: str, *, added: bool) -> None:
        """What something is asked for each of."""
        for old in olds:
            match = re.search(rf"{_GROUP}(?:\w+ )?{re.escape(old)}s?\b", self.text, re.IGNORECASE)
            if match is not None:
                told = match[0] if added else ""
                self.text = (
                    f"{self.text[: match.start()]}{told}{' and ' if added else ''}per {new}{self.text[match.end() :]}"
                )
                return
        self._add(f" per {new}")

    def limit(self, old: int | None, new: int | None) -> None:
        """How many are shown."""
        if old is not None and new is not None and self._swap(str(old), str(new)):
            return
        if new is None and old is not None and self._swap(str(old), "all"):
            return
        self._add(f", the first {new}" if new else ", all of them")

    def figure(self, new: str) -> None:
        """Another figure of the same records."""
        if new == "count":
            self._add(", and how many are there")
            return
        match = _FIGURES["average"].search(self.text)
        if match is not None:
            rest = re.sub(rf"^ {new}\b", "", self.text[match.end() :])
            self.text = self.text[: match.start()] + new + rest
        else:
            self._add(f", as the {new}")

    def extreme(self, word: str) -> bool:
        """The other end of a ranking; False where the question ranks nothing."""
        said = _EXTREME.search(word)
        match = _EXTREME.search(self.text)
        if said is None or match is None:
            return False
        self.text = self.text[: match.start()] + said[0].lower() + self.text[match.end() :]
        return True

    def also(self, words: str) -> None:
        """What is shown beside, or how it is sorted."""
        self._add(f", {words}")
