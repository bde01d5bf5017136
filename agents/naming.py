"""What people call what a catalog holds, where its names are for machines: `xxInvoice` is an invoice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from groundwire.agents.wording import stems
from groundwire.agents.words import ENDINGS, KNOWN
from groundwire.core.catalog import Entity, Field


def called(entity: Entity, shared: str) -> Iterator[list[str]]:
    """What people call one record of an entity, each as words.

    Args:
        entity: of a source.
        shared: letters with which the names of all entities there begin.
    """
    last = entity.name.split(".")[-1]
    plain = last[len(shared) :] if last.lower().startswith(shared) else last
    comment = entity.description.strip().rstrip(".")
    told = [comment] if 0 < len(comment.split()) < 4 else []  # `Workshop visits` is a name, a sentence is none
    for text in dict.fromkeys([plain, entity.label, *told, *split(entity.synonyms)]):
        if words := stems(text):
            yield words


_ENDINGS = sorted(ENDINGS, key=lambda e: (-len(e), e))


_FEWEST = 3
"""Names that must begin alike for that to be no chance."""
_FLAG = re.compile(r"(is|has|was|can)(\w{3,})")
_MOMENT = re.compile(r"(\w{3,})(d?ts|dt|dtm|dttm|tm)")
"""`bookts` is when something was booked."""
_DONE = {"begins", "begun", "bought", "built", "due", "end", "ends", "given", "left", "lost", "made", "opens", "paid"}
_DONE |= {"seen", "sent", "sold", "start", "starts", "taken", "won"}
"""Verbs before `at`, `on` and `by` that don't end as most do."""


def bare(field: Field, entity: Entity) -> str:
    """A field's name without what the names of all fields begin with, and with a space where two words are one."""
    names = [f.name for f in entity.fields]
    prefix = common_prefix(names)
    plain = field.name[len(prefix) :] if field.name.lower().startswith(prefix) else field.name
    plain = plain.removesuffix("__c")
    if all(n.islower() and "_" not in n for n in names):  # `shippedat`, as PostgreSQL folds `shippedAt`
        if pa.types.is_boolean(field.type) and (flag := _FLAG.fullmatch(plain)):
            return f"{flag[1]} {flag[2]}"
        if pa.types.is_temporal(field.type) and (moment := _MOMENT.fullmatch(plain)):
            return f"{moment[1]} {moment[2]}"
        ending = next((e for e in _ENDINGS if plain.endswith(e) and _stands_alone(plain[: -len(e)], e)), "")
        return f"{plain.removesuffix(ending)} {ending}" if ending else _apart(plain)
    return plain


def _apart(plain: str) -> str:
    """Two short forms in one word with a space between: `vehcls` is the class of a vehicle."""
    halves = ((plain[:n], plain[n:]) for n in range(3, len(plain) - 2))
    return next((f"{a} {b}" for a, b in halves if a in KNOWN and b in KNOWN), plain)


def _stands_alone(rest: str, ending: str) -> bool:
    """Whether what is left of a name without an ending is a word: `shipped` of `shippedon`, not `reas` of `reason`."""
    if ending in ("at", "by", "on"):
        return len(rest) > 2 and (rest.endswith("ed") or rest in _DONE)
    return len(rest) > 3


def split(synonyms: Iterable[str]) -> Iterator[str]:
    """Synonyms one by one, also where several stand in one text."""
    return (part.strip() for text in synonyms for part in text.split(","))


def prefix_of_tables(own: Sequence[str], everything: Sequence[str]) -> str:
    """Letters with which the names of all entities of a source begin, lower case.

    Args:
        own: names of the source's entities, without the source's.
        everything: names of those of all sources: where a source has too few, what all of them share is believed.
    """
    return common_prefix(own) or (common_prefix(everything) if len(own) < _FEWEST else "")


def common_prefix(names: Sequence[str]) -> str:
    """Letters with which every name begins, lower case, where something is left of each; else nothing."""
    lower = [n.lower() for n in names]
    if len(lower) < _FEWEST:
        return ""
    first, last = min(lower), max(lower)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length] if 2 <= length < min(map(len, lower)) else ""
