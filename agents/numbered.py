"""Numbers that tell which record or which kind is meant: `the event with ID 4`, `customers of level 2`.

They become conditions by code: a small model compares them with any column of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from groundwire.agents import naming
from groundwire.agents.grammar import identifier
from groundwire.agents.linking import Link, Words
from groundwire.agents.wording import stems
from groundwire.core.catalog import Entity

_KINDS = frozenset(
    "type level status class grade tier code kind priority category stage phase version severity group rank".split()  # noqa: SIM905
)
"""Words with which names of columns end whose numbers say of what kind a record is."""
_KEY = re.compile(
    r"\s+(?:(?:with|having|whose|of|for) )?(?:(?:the|an?) )?"
    r"(?:(?:ids?|key|no\.?|number|nr\.?)\b\s*(?:of |is |=|:|#)?|#)\s*"
    r"(?:(?P<number>\d{1,18})|'(?P<text>[\w.-]{1,40})')(?![\w.]*\w)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\s*(?:=|is |of |equals |:)?\s*(?P<number>\d{1,6})\b"
    r"(?!\s*(?:%|percent|or\b|to\b|and (?:above|below|up|\d)|[-–]\s*\d|[.,]\d"
    r"|(?:second|minute|hour|day|week|month|year)))"
)


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """One number and what it says.

    Attributes:
        link: the condition.
        begin: where the number stands, in characters.
        end: where it ends.
    """

    link: Link
    begin: int
    end: int


def find(words: Words) -> tuple[Numbered, ...]:
    """Which numbers of a text tell which record or kind is meant; nothing where one column has several."""
    found = {n.begin: n for n in [*_kinds(words), *_keys(words)]}
    columns = [n.link.columns for n in found.values()]
    return tuple(n for n in found.values() if columns.count(n.link.columns) == 1)


def _keys(words: Words) -> Iterator[Numbered]:
    for entity in words.entities:
        if len(entity.primary_key) != 1:
            continue
        key = entity.field(entity.primary_key[0])
        for phrase in words.called[entity.full_name]:
            for start, last in words.find(phrase, words.words):
                begin, end = words.spans[start][0], words.spans[last - 1][1]
                match = _KEY.match(words.question, end)
                kind = "number" if pa.types.is_integer(key.type) else "text"
                if match is not None and match[kind] is not None:
                    value = match["number"] or f"'{match['text']}'"
                    yield _made(words, entity, key.name, (begin, match.end(kind)), match.span(kind), value)


def _kinds(words: Words) -> Iterator[Numbered]:
    for entity in words.entities:
        for field in entity.fields:
            wanted = words.spelled(stems(naming.bare(field, entity)))
            if len(wanted) < 2 or wanted[-1] not in _KINDS or not pa.types.is_integer(field.type):
                continue
            for start, last in words.find(wanted, words.words):
                match = _NUMBER.match(words.question, words.spans[last - 1][1])
                if match is not None:
                    whole, at = (words.spans[start][0], match.end("number")), match.span("number")
                    yield _made(words, entity, field.name, whole, at, match["number"])


def _made(
    words: Words, entity: Entity, field: str, whole: tuple[int, int], at: tuple[int, int], value: str
) -> Numbered:
    link = Link(
        phrase=words.question[slice(*whole)],
        columns=(f"{words.names[entity.full_name]}.{identifier(field)}",),
        sure=True,
        test=f" = {value}",
        end=whole[1],
    )
    return Numbered(link=link, begin=at[0], end=at[1])
