"""What of a question is settled before the rest is read: texts that are looked for, numbers that tell records.

These are conditions already. What says so is taken out of the text, so that nothing else is read into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from groundwire.agents import matching, numbered, wording
from groundwire.agents.levers import Levers
from groundwire.agents.linking import Link, Words

_ADDRESSED = r"(?: (?:e-?mail|web))?(?: (?:address(?:es)?|domains?))?"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Conditions that are known, and what is left to read.

    Attributes:
        matches: texts that are looked for.
        links: what the question names beside these, with the numbers that tell records.
        question: the question with blanks for the texts that are looked for; characters stay where they are.
        hints: the asker's hints likewise.
        said: what both say, without numbers that tell records.
        clear: whether nothing is set against anything else, so that conditions hold for all that is asked.
    """

    matches: tuple[matching.Match, ...]
    links: tuple[Link, ...]
    question: str
    hints: str
    said: wording.Wording
    clear: bool


def settle(words: Words, other: Words, levers: Levers) -> Settled:
    """What of a question is settled.

    Args:
        words: of the question.
        other: of the asker's hints.
        levers: which helps are in use.
    """
    question, hints = words.question, other.question
    numbers = numbered.find(words) if levers.required else ()
    spoken = blanked(question, ((n.begin, n.end) for n in numbers))
    said = wording.read(spoken, hints)
    clear = levers.required and not said.parts
    matches = matching.find(words) if levers.required else ()
    if clear and (looked_for := matching.hinted(words, hints)) is not None:
        matches = _instead(matches, looked_for)
    rest = blanked(question, ((m.begin, m.end) for m in matches))
    links = tuple(x for x in words.named() if not any(m.begin < x.end <= m.end for m in matches))
    if clear and hints:
        told, more = matching.find(other), numbered.find(other)
        if (looked_for := matching.anywhere(other)) is not None:
            told = _instead(told, looked_for)
        known = {n.link.columns for n in numbers}
        numbers += tuple(n for n in more if n.link.columns not in known)
        said = wording.read(spoken, blanked(hints, ((n.begin, n.end) for n in more)))
        hints = _without_texts(blanked(hints, ((m.begin, m.end) for m in told)), matches)
        rest = _without_texts(rest, told)
        written = {m.column for m in matches}
        matches += tuple(m for m in told if m.column not in written)
    mine = {n.link.columns for n in numbers}
    verbs = {x.phrase.lower() for x in links if x.told and x.moment}
    links = tuple(  # `shipped on weekends` names no `shipped_on` where `shipped` is known
        x for x in links if x.told or not x.moment or x.phrase.lower().split()[0] not in verbs
    )
    links = (*(x for x in links if x.columns not in mine), *(n.link for n in numbers))
    return Settled(matches=matches, links=links, question=rest, hints=hints, said=said, clear=clear)


def _instead(matches: Iterable[matching.Match], one: matching.Match) -> tuple[matching.Match, ...]:
    """Matches with another one in place of that of its column."""
    return (*(m for m in matches if m.column != one.column), one)


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text with blanks for some of its characters: the others stay where they are."""
    for begin, end in spans:
        text = text[:begin] + " " * (end - begin) + text[end:]
    return text


def _without_texts(text: str, matches: Iterable[matching.Match]) -> str:
    """A text with blanks for what is looked for, wherever it says it again."""
    for looked_for in (t for m in matches for t in m.texts if len(t) > 1):
        said = rf"(?<!\w){re.escape(looked_for)}(?!\w){_ADDRESSED if looked_for[0] in '.@' else ''}"
        text = re.sub(said, lambda m: " " * len(m[0]), text, flags=re.IGNORECASE)
    return text
