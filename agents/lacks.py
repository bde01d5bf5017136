"""What a question says that there must be none of: `customers without open orders`, `services that were never used`.

A small model writes such a query badly, and code well: where the words leave no doubt, they become one condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from groundwire.agents import periods
from groundwire.agents.grammar import identifier
from groundwire.agents.linking import Link, Words
from groundwire.agents.moments import likely_moments
from groundwire.agents.stance import Around
from groundwire.agents.wording import root, stems
from groundwire.core.catalog import Entity

_NONE_OF = re.compile(
    r"\b(?:(?:no|without(?: any| an?)?)|(?:never|not|\w+n['’]t)"
    r" (?:have|has|had|got|get|made|make|placed?|given?|filed?|bought|buy|sold|sell|received?|created?|taken?"
    r"|open(?:ed)?|start(?:ed)?|issued?|submit(?:ted)?|record(?:ed)?|book(?:ed)?|order(?:ed)?|led|lead|host(?:ed)?"
    r"|enter(?:ed)?|\w+(?= any ))"
    r"(?: an?| any)) (?:\w+ )?$",
    re.IGNORECASE,
)
_NEVER_DONE = re.compile(
    r"\b(?:never|not once)(?: been)? (?P<verb>\w+)(?: (?:in|on|at|for|by|to) (?:an?|any) (?P<what>\w+))?",
    re.IGNORECASE,
)
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "twelve": 12}
_DONE = frozenset(
    {"booked", "bought", "carried", "chosen", "come", "done", "hired", "ordered", "performed"}
    | {"placed", "rented", "requested", "sold", "used"}
)
"""What may be done with a thing whatever the records of it are called."""
_ENDS = re.compile(
    r"\s*(?:$|[.?!;]|,?\s*(?:at all|yet|so far|ever|and (?:return|show|list|give|what))\b)", re.IGNORECASE
)
_BEFORE_TIME = re.compile(
    r"\s*(?:(?:that|which|who) )?(?:(?:was|were|is|are|has been|have been|had been) )?(?:\w+ed )?(?:at all |ever )?"
    r"(?:in |during |within |over |since |for |from |on |after |before )?(?:the )?"
)
_AFTER_TIME = re.compile(r"(?:\s*\([^)]*\)|,? (?:excluding|not counting|inclusive of|including)[^.?!;]*)")
_WITHIN = re.compile(
    rf"\s+within (?:the |their |its )?(?:first )?(?:(?P<count>\d{{1,3}}|{'|'.join(_COUNTS)}) )?"
    r"(?P<unit>day|week|month|year)s?"
    r" (?:of|after|from|following) (?:the |their |its |being )?(?P<deed>\w+)(?: (?:up|in|date))?",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\b(?:no|any|an?|without)\b|\b(?:never|not once)(?: been)? \w+(?: \w+){0,2}$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What there must be none of.

    Attributes:
        owner: full name of the entity whose records have none.
        entity: full name of what there is none of.
        begin: where the question says so, in characters.
        end: where that ends.
        condition: as a query has it.
        timed: whether the one span of time that the question names is a part of it.
    """

    owner: str
    entity: str
    begin: int
    end: int
    condition: str
    timed: bool = False


def find(words: Words, links: Iterable[Link]) -> Lack | None:
    """The one thing that there must be none of, where nothing else is said of it than what some links say.

    Args:
        words: of the question, beside all that may be meant.
        links: what they name.
    """
    question, names = words.question, words.names
    found = [*_without(words), *_never_done(words)]
    if len(found) != 1:
        return None
    owner, entity, (begin, end) = found[0]
    relation = next(r for r in entity.relations if r.target == owner.full_name and not r.many)
    table = names[entity.full_name]
    if (early := _early(words, end, links, owner, entity, relation.name)) is not None:
        links, (limits, until) = [x for x in links if x.end <= end], early
    elif _WITHIN.match(question, end):
        return None
    else:
        limits, until = [], end
    timed = _when(words, end) if early is None else None
    said_to, end = end, timed[1] if timed is not None else until
    inside = [x for x in links if begin < x.end <= end]
    told = {w.lower() for x in inside for w in x.phrase.split()}
    said = _ARTICLE.split(question[begin:said_to])[-1].split()
    if any(len(x.columns) > 1 or not x.columns[0].startswith(f"{table}.") for x in inside):
        return None
    if any(w.lower() not in told and not words.is_called(w, entity) for w in said):
        return None
    clear = [replace(x, negated=False) for x in inside if not x.told]
    if not all(x.comparison for x in clear):
        return None
    tests = [f"{x.columns[0]}{x.comparison}" for x in clear]
    if timed is not None:
        moments = [x.columns[0] for x in inside if x.told and x.moment] or _moments(entity, table)
        if len(set(moments)) != 1:
            return None
        tests.append(f"{moments[0]} DURING '{timed[0]}'")
    tests += limits
    here, there = map(identifier, relation.on[0])
    inner = f"SELECT {table}.{here} FROM {table}" + (f" WHERE {' AND '.join(tests)}" if tests else "")
    condition = f"{names[owner.full_name]}.{there} NOT IN ({inner})"
    return Lack(
        owner=owner.full_name,
        entity=entity.full_name,
        begin=begin,
        end=end,
        condition=condition,
        timed=timed is not None,
    )


def _early(
    words: Words, end: int, links: Iterable[Link], owner: Entity, entity: Entity, way: str
) -> tuple[list[str], int] | None:
    """That something came within so long of what the owner did (`within 6 months of joining`), and where that ends."""
    match = _WITHIN.match(words.question, end)
    if match is None or not _ENDS.match(words.question[match.end() :]):
        return None
    table, whose = words.names[entity.full_name], words.names[owner.full_name]
    told = {x.columns[0] for x in links if match.start("deed") < x.end <= match.end() and x.moment}
    begun = [c.rpartition(".")[2] for c in told if c.startswith(f"{whose}.")] or likely_moments(owner)
    moments = _moments(entity, table)
    done = {root(w) for w in words.plain[: sum(e <= end for _, e in words.spans)][-4:]}
    moments = [m for m in moments if done & {root(w) for w in stems(m.rpartition(".")[2])}] or moments
    if len(begun) != 1 or len(moments) != 1:
        return None
    count = _COUNTS.get((match["count"] or "a").lower()) or int(match["count"])
    begin = f"{table}.{identifier(way)}.{identifier(begun[0])}"
    return [f"{moments[0]} BETWEEN {begin} AND {begin} + INTERVAL '{count} {match['unit'].lower()}s'"], match.end()


def doubly(words: Words) -> Iterator[tuple[int, int]]:
    """Where the question leaves out what has none (`ignore customers without orders`), in characters.

    What is asked of the orders is asked of such that have some anyway.
    """
    for _, begin, end in _none_of(words):
        around = Around.of(words.question, begin, end).left_out
        if around is not None and _ENDS.match(words.question[end:]):
            yield around


def _when(words: Words, end: int) -> tuple[str, int] | None:
    """The one time that is said of what there is none of (`no orders in the last 30 days`), and where that ends."""
    spans, lower = periods.find(words.question), words.question.lower()
    at = lower.find(spans[0].text, end) if len(spans) == 1 else -1
    if at < 0 or not _BEFORE_TIME.fullmatch(lower[end:at]):
        return None
    until = at + len(spans[0].text)
    rest = _AFTER_TIME.match(lower[until:])
    until += rest.end() if rest is not None else 0
    return (spans[0].text, until) if _ENDS.match(lower[until:]) else None


def _moments(entity: Entity, table: str) -> list[str]:
    """The moment that says when a record came about, where one alone may be it."""
    own = [f.name for f in entity.fields if pa.types.is_temporal(f.type)]
    likely = own if len(own) == 1 else list(likely_moments(entity))
    return [f"{table}.{identifier(name)}" for name in likely]


_Found = tuple[Entity, Entity, tuple[int, int]]
"""Whose, of what, and where it is said."""


def _without(words: Words) -> Iterator[_Found]:
    """`customers without orders`, with at most a word between."""
    for entity, begin, end in _none_of(words):
        if not (_ENDS.match(words.question[end:]) or _when(words, end) or _WITHIN.match(words.question, end)):
            continue
        if Around.of(words.question, begin, end).left_out:
            continue  # `ignore customers without orders`
        if owner := _owner(words, entity, begin):
            yield owner, entity, (begin, end)


def _none_of(words: Words) -> Iterator[tuple[Entity, int, int]]:
    """What the question says that there is none of, and where it says so, in characters."""
    for entity in words.entities:
        for phrase in words.called[entity.full_name]:
            for start, last in words.find(phrase, words.words):
                before = _NONE_OF.search(words.question[: words.spans[start][0]])
                if before is not None:
                    yield entity, before.start(), words.spans[last - 1][1]


def _never_done(words: Words) -> Iterator[_Found]:
    """`customers who never ordered`, `services that were never used`, `halls that were never hired for any event`."""
    for match in _NEVER_DONE.finditer(words.question):
        if not _ENDS.match(words.question[match.end() :]):
            continue
        verb, what = match["verb"].lower(), match["what"]
        owned = [(owner, e) for e in words.entities if (owner := _owner(words, e, match.start())) is not None]
        if what:
            meant = [pair for pair in owned if verb in _DONE and words.is_called(what, pair[1])]
        else:
            meant = [p for p in owned if any(root(c[-1]) == root(verb) for c in words.called[p[1].full_name])]
            if not meant and verb in _DONE and len(owned) == 1:
                meant = owned
        yield from ((owner, entity, match.span()) for owner, entity in meant)


def _owner(words: Words, entity: Entity, at: int) -> Entity | None:
    """Whose records of an entity are, of what the question names before a place; None where that is not clear."""
    owners = [r.target for r in entity.relations if not r.many and len(r.on) == 1 and r.target != entity.full_name]
    found = {
        (words.spans[start][0], other.full_name): other
        for other in words.entities
        if owners.count(other.full_name) == 1 and len(other.primary_key) == 1
        for phrase in words.called[other.full_name]
        for start, end in words.find(phrase, words.words)
        if words.spans[start][0] < at and not words.describes(end, other.full_name)
    }
    return found[max(found)] if found else None
