"""How a question speaks of something that it names: per value of it, leaving it out, or making no difference by it.

Plain reading of what stands before and behind a phrase; English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from groundwire.agents.words import LEAVING_OUT

_GROUPED = re.compile(
    r"\b(?:per|each|every|(?:grouped|broken down|split) by)\s+$"
    r"|\b(?:split|break|broken|group|grouped|divide|divided)\b[^.;?]*\bby\s+(?:the\s+|their\s+)?$"
)
_BY = re.compile(r"(?:,|^)\s*by\s+(?:the\s+)?$")
_FOR_ALL = re.compile(r"^for (?:all )?$")
_EACH_ONCE = re.compile(
    r"\b(?:give|list|return|show|name|find|get|display|report)\w*(?:\s+me)?\s+(?:each|every)\s+(?:\w+\s+)?$"
)
_NEUTRAL = (
    re.compile(
        r"\b(?:most recently|recently|newly|latest|earliest)\s+$"
        r"|\b(?:including|whether|regardless of|even|(?<!not )counting|also count\w*|includ\w+)\s+(?:\w+\s+){0,2}$"
    ),
    re.compile(
        r"(?:\s+[\w-]+){0,2}?\s+(?:(?:do\s+)?count|counted|includ\w+|(?:are|is)\s+(?:counted|included))?\s*(?:as\s+well|too|also)\b|\s+or\s+not\b"
        r"|(?:\s+[\w-]+)?\s+(?:do|does)(?:\s+count)?\s*(?:[,.;!?]|$)"
    ),
)
"""Before and behind a value that is named to say that it makes no difference."""
_NEGATED = re.compile(
    r"\b(?:not|no|non|except|excluding|exclude|without|other than|never|ignore|ignoring)\W+(?:\w+\W+){0,1}$"
)
_LEFT_OUT = re.compile(r"\b(?:leav\w+ out|ignor\w+|exclud\w+|omit\w*|skip\w*|without|except\w*)\b[^.;?!]*$")
_UNCOUNTED = re.compile(
    r"(?:\s+[\w-]+){0,3}?\s+(?:(?:(?:do|does|did|should|must|shall|may|can|will|are|is|were|was)(?:n['’]?t|\s+not)|cannot"
    r"|never)\s+(?:be\s+)?(?:count|matter|includ|consider|interest|want|relevant|part\b|taken|of interest)"
    r"|(?:(?:are|is|were|was|should|must|to)\s+(?:be\s+)?)?(?:excluded|ignored|left\s+(?:out|aside)|omitted|skipped"
    r"|disregarded)\b)"
)
_SET = re.compile(r"\b(?:leav\w+|set\w*|put\w*|tak\w+)\s+(?:\w+\s+){0,2}$")
_ASIDE = re.compile(r"(?:\s+\w+){0,3}?\s+(?:out|aside|off|away)\b")
_WHO = re.compile(r"(\w+)\s+(?:who|that|which|whose)\b[^,;.?!]*$")
_THAT_IS = re.compile(r"\b(?:that|which|who|whose \w+)\s+(?:is|are|was|were|has|have|had|been)\s+(?:not\s+)?$")
_NONE = re.compile(r"\b(?:no|never|neither|without|any)\W+(?:\w+\W+)?$")
_KNOWN = re.compile(r"(?<!without a )(?<!without )\bknown\s+(?:[a-z]+\s+)?$")
_WITHOUT_ONE = re.compile(rf"\b{LEAVING_OUT}\b[^.;]*\b(?:without|with no) (?:an? |any )?$")
"""Before what those lack who are left out: `Ignore members without a phone`."""
_ONLY = re.compile(r"\bonly(?: (?:consider|count|includ|tak|look)\w*)?(?: (?:the|those|at))?\s+$")
_LOST = re.compile(r"\s+(?:is|are|was|were)\s+(?:not known|unknown|missing|empty|blank)\b")


@dataclass(frozen=True, kw_only=True)
class Around:
    """What stands around a phrase of a question, in lower case.

    Attributes:
        before: the question up to the phrase.
        after: the question behind it.
        begin: where the phrase begins, in characters.
        end: where it ends.
    """

    before: str
    after: str
    begin: int
    end: int

    @classmethod
    def of(cls, question: str, begin: int, end: int) -> Self:
        """What stands around a part of a question."""
        lower = question.lower()
        return cls(before=lower[:begin], after=lower[end:], begin=begin, end=end)

    @property
    def grouped(self) -> bool:
        """Whether something is asked per value of it."""
        return bool(_GROUPED.search(self.before))

    @property
    def by(self) -> bool:
        """Whether a clause begins with `by` and it: `How many are there, by region?`."""
        return bool(_BY.search(self.before))

    @property
    def for_all(self) -> bool:
        """Whether the question begins with it: `For suppliers, ...`."""
        return bool(_FOR_ALL.search(self.before))

    @property
    def listed_each(self) -> bool:
        """Whether each of them is listed, once (`give me each ...`)."""
        return bool(_EACH_ONCE.search(self.before))

    @property
    def told(self) -> bool:
        """Whether it stands behind `that is`."""
        return bool(_THAT_IS.search(self.before))

    @property
    def neutral(self) -> bool:
        """Whether it is said to make no difference."""
        before, behind = _NEUTRAL
        return bool(before.search(self.before) or behind.match(self.after))

    @property
    def left_out(self) -> tuple[int, int] | None:
        """Where it is said that it is left out, in characters of the question; None if it is not."""
        if found := _NEGATED.search(self.before) or _LEFT_OUT.search(self.before):
            return found.start(), self.end
        if found := _UNCOUNTED.match(self.after):
            return self.begin, self.end + found.end()
        if (found := _SET.search(self.before)) and (behind := _ASIDE.match(self.after)):
            return found.start(), self.end + behind.end()
        return None

    @property
    def none(self) -> bool:
        """Whether it is said that there is none."""
        return bool(_NONE.search(self.before))

    @property
    def only(self) -> bool:
        """Whether nothing else is to be considered."""
        return bool(_ONLY.search(self.before))

    @property
    def present(self) -> bool:
        """Whether only records are meant that have a value there."""
        if _KNOWN.search(self.before) or _WITHOUT_ONE.search(self.before):
            return True
        return bool(_LOST.match(self.after)) and bool(_LEFT_OUT.search(self.before))


def clause_of(text: str) -> str:
    """Whom a clause at the end of a text is about: `customers` in `orders of customers who came`; empty for none."""
    match = _WHO.search(text.lower())
    return match[1] if match else ""
