"""What a question says of how a text is written: `whose name starts with A or ends in 'son'`.

A small model mixes up which column, which end and which `or`; where the words leave no doubt, they become conditions by
code. Upper and lower case are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from groundwire.agents import naming
from groundwire.agents.grammar import identifier, keys_of
from groundwire.agents.linking import Words
from groundwire.agents.wording import stems
from groundwire.agents.words import EMPTY, ORDINARY, PLAIN, SAID
from groundwire.core.catalog import Entity, Field

_VERB = (
    r"(?P<not>(?:does not|do not|doesn['’]t|don['’]t|not|never) )?"
    r"(?:(?P<head>(?:start|begin)(?:s|ing|ning)? (?:with|by|in))"
    r"|(?P<tail>end(?:s|ing)? (?:with|in|on|by))|(?P<part>contain(?:s|ing)?))"
    r" (?:the )?(?:(?:capital )?(?:letters?|words?|texts?|strings?|characters?|prefix|suffix|ending) )?"
)
_LITERAL = (
    r"(?:(?:'(?P<single>[^']{1,60})'|[\"“](?P<double>[^\"”]{1,60})[\"”])(?=\W|$)"
    r"|(?P<bare>[\w@.&+-]*\w)(?= *(?:$|[^\w\s]|or\b|and\b)))"
)
_FIRST = re.compile(rf"\b{_VERB}{_LITERAL}", re.IGNORECASE)
_NEXT = re.compile(rf"(?:, *(?:(?P<by>or|and) )?| +(?P<joined>or|and) )(?:{_VERB})?{_LITERAL}", re.IGNORECASE)
_OR = re.compile(r" *,? *\bor\b", re.IGNORECASE)
_ADDRESS = re.compile(
    r"\b(?:with|has|have|having|use|uses|using) (?:an? )?['\"“]?"
    r"(?P<bare>[@.][\w.-]+|[\w-]+(?:\.[\w-]+)+)['\"”]? (?=\w)",
    re.IGNORECASE,
)
_WILDCARDS = re.compile(
    r"(?:LOWER|UPPER)?\(?\b(?:(?P<table>\w+)\.)?(?P<column>\w+)\)? I?LIKE '%(?:\.\.\.|…)?%'", re.IGNORECASE
)
_ANYWHERE = re.compile(
    r"(?P<texts>(?:'[^'%]{2,40}'|\"[^\"%]{2,40}\")(?:(?:,| or|, or) (?:'[^'%]{2,40}'|\"[^\"%]{2,40}\"))*)"
    r" (?:anywhere|somewhere) in (?:the |its |their )?",
    re.IGNORECASE,
)
_TEXT = r"(?:(?:an?|the|words?) )*(?P<bare>'[^']{2,40}'|\"[^\"]{2,40}\"|[\w-]+)"
_MENTION = re.compile(rf"(?:^|,? or |, ){_TEXT}", re.IGNORECASE)
_ONE_TEXT = _TEXT.replace("?P<bare>", "?:")
_MENTIONED = re.compile(
    rf"\b(?:mention|contain)(?:s|ed|ing)? (?P<texts>{_ONE_TEXT}(?:(?:,? or |, ){_ONE_TEXT})*)"
    r" in (?:the |their |its )(?:[\w-]+ )?[\w-]+",
    re.IGNORECASE,
)
_BETWEEN_TEXTS = re.compile(r"\W*(?:,|or)\W*(?:(?:an?|the) )?", re.IGNORECASE)
_NO_TEXT = EMPTY | frozenset("at more less fewer only exactly over up no any all both least most some one".split())  # noqa: SIM905
"""What stands behind `contain` where records are meant, and no text."""
_BETWEEN = frozenset("that which must should do does field column value text".split())  # noqa: SIM905
"""Words between a column and what is said of it."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """One text that must be written in some way.

    Attributes:
        column: as a draft has it.
        condition: as a draft has it.
        begin: where the text says so, in characters.
        end: where that ends.
        texts: what is looked for.
    """

    column: str
    condition: str
    begin: int
    end: int
    texts: tuple[str, ...]


def find(words: Words) -> tuple[Match, ...]:
    """What must be so of texts; nothing where one of them is only an alternative to something else.

    Args:
        words: of a question, or of an asker's hints, beside all that may be meant.
    """
    found = sorted([*_said(words), *_addresses(words), *_mentioned(words)], key=lambda m: m.begin)
    text = words.question
    if any(_OR.match(text[m.end :]) or text[: m.begin].rstrip().lower().endswith((" or", " or whose")) for m in found):
        return ()
    columns = [m.column for m in found]
    return tuple(m for m in found if columns.count(m.column) == 1)


def _said(words: Words) -> Iterator[Match]:
    text, at = words.question, 0
    while first := _FIRST.search(text, at):
        at = first.end()
        column = _column(words, first.start())
        if column is None or not _is_text(first):
            continue
        texts, tests, joins, last = [_text(first)], [_test(column, first, first)], set(), first
        while (more := _NEXT.match(text, last.end())) and _is_text(more):
            verb = more if any(more[k] for k in ("head", "tail", "part")) else first
            tests.append(_test(column, verb, more))
            texts.append(_text(more))
            joins |= {join.lower() for join in (more["by"], more["joined"]) if join}
            first, last = verb, more
        at = last.end()
        if len(joins) > 1:
            continue
        either = f" {next(iter(joins), 'or').upper()} ".join(tests)
        yield Match(
            column=column,
            condition=f"({either})" if len(tests) > 1 else either,
            begin=_start_of(words, first.start()),
            end=last.end(),
            texts=tuple(texts),
        )


def _addresses(words: Words) -> Iterator[Match]:
    """`with a web.example address`."""
    for match in _ADDRESS.finditer(words.question):
        first = next((i for i, (begin, _) in enumerate(words.spans) if begin == match.end()), None)
        for count in (first + 2, first + 1) if first is not None else ():
            column = _column(words, words.spans[count - 1][1]) if count <= len(words.spans) else None
            if column is not None:
                end_only = match["bare"].startswith(".")
                condition = _like(column, f"%{match['bare']}" + ("" if end_only else "%"))
                last = count - 1
                while words.plain[last + 1 : last + 2] in (["address"], ["addresses"], ["domain"], ["domains"]):
                    last += 1
                end = words.spans[last][1]
                yield Match(column=column, condition=condition, begin=match.start(), end=end, texts=(match["bare"],))
                break


def _mentioned(words: Words) -> Iterator[Match]:
    """`mention a refund or an overcharge in the subject`."""
    for match in _MENTIONED.finditer(words.question):
        column = _column(words, match.end())
        texts = tuple(m["bare"].strip("'\"") for m in _MENTION.finditer(match["texts"]))
        if column is not None:
            condition = _any_of(column, texts)
            yield Match(column=column, condition=condition, begin=match.start(), end=match.end(), texts=texts)


def hinted(words: Words, hints: str) -> Match | None:
    """What is looked for in the one column that the asker's hints compare with wildcards: `LOWER(t.c) LIKE '%...%'`.

    It is the one word of the question that some of the column's values hold, or several such words with `or` between.
    """
    match = _WILDCARDS.search(hints)
    if match is None:
        return None
    names = {n.rpartition(".")[2].lower(): e for e in words.entities for n in (words.names[e.full_name],)}
    places = [(n, e) for n, e in names.items() if match["table"] is None or n == match["table"].lower()]
    fields = [(e, f) for _, e in places for f in e.fields if f.name.lower() == match["column"].lower()]
    if len(fields) != 1:
        return None
    entity, field = fields[0]
    values = field.values or [v for other in entity.fields for v in other.values]  # names of materials say of what kind
    text = " ".join(values).lower()
    said = [(i, w) for i, w in enumerate(words.plain) if len(w) > 3 and w not in _NO_TEXT | SAID | ORDINARY]
    said = [(i, w) for i, w in said if words.words[i] not in words.things | words.tails]
    found = [(i, w) for i, w in said if re.search(rf"\b{re.escape(w)}", text)]
    texts = tuple(dict.fromkeys(w for _, w in found))
    between = [words.question[words.spans[i][1] : words.spans[j][0]] for (i, _), (j, _) in pairwise(found)]
    if not texts or (len(texts) > 1 and not all(_BETWEEN_TEXTS.fullmatch(b) for b in between)):
        return None
    column = f"{words.names[entity.full_name]}.{identifier(field.name)}"
    begin, end = words.spans[found[0][0]][0], words.spans[found[len(texts) - 1][0]][1]
    return Match(column=column, condition=_any_of(column, texts), begin=begin, end=end, texts=texts)


def anywhere(words: Words) -> Match | None:
    """`'wool' or 'silk' anywhere in the title`: what the asker's hints look for in one column.

    Args:
        words: of the hints.
    """
    match = _ANYWHERE.search(words.question)
    if match is None or words.question[: match.start()].endswith(("' and ", '" and ')):
        return None
    ends = [b for a, b in words.spans if a >= match.end()][:4]
    column = next((c for end in ends if (c := _column(words, end)) is not None), None)
    if column is None:
        return None
    texts = tuple(re.findall(r"['\"]([^'\"]+)['\"]", match["texts"]))
    condition = _any_of(column, texts)
    return Match(column=column, condition=condition, begin=match.start(), end=match.end(), texts=texts)


def _any_of(column: str, texts: Sequence[str]) -> str:
    """That any of some texts is in a column."""
    either = " OR ".join(_like(column, f"%{text.lower()}%") for text in texts)
    return f"({either})" if len(texts) > 1 else either


def _is_text(match: re.Match[str]) -> bool:
    """Whether what is to be found is a text, and not the next word of the sentence."""
    bare = match["bare"]
    if not bare:
        return True
    if len(bare) == 1:
        return bare.isalpha()
    return bare[0].isupper() or bare.lower() not in _NO_TEXT


def _text(literal: re.Match[str]) -> str:
    return literal["single"] or literal["double"] or literal["bare"] or ""


def _test(column: str, verb: re.Match[str], literal: re.Match[str]) -> str:
    text = _text(literal)
    pattern = f"{text}%" if verb["head"] else f"%{text}" if verb["tail"] else f"%{text}%"
    return _like(column, pattern, denied=bool(verb["not"]))


def _like(column: str, pattern: str, *, denied: bool = False) -> str:
    quoted = pattern.lower().replace("'", "''")
    return f"LOWER({column}) {'NOT ' if denied else ''}LIKE '{quoted}'"


def _before(words: Words, at: int) -> int:
    """The number of words before a character, without those that only lead over to it."""
    count = sum(end <= at for _, end in words.spans)
    while count and words.plain[count - 1] in _BETWEEN:
        count -= 1
    return count


def _column(words: Words, at: int) -> str | None:
    """The one text column that is named right before a character."""
    count = _before(words, at)
    found: dict[str, tuple[int, int]] = {}
    for entity in words.entities:
        for field in entity.fields:
            length = _named(words, field, entity, count) if _is_plain_text(field, entity) else 0
            if length:
                near = _last_named(words, entity, count)
                plain = length == 1 and words.words[count - 1] in PLAIN
                if near >= 0 or not plain:
                    found[f"{words.names[entity.full_name]}.{identifier(field.name)}"] = (length, near)
    best = [column for column, rank in found.items() if rank == max(found.values())]
    return best[0] if len(best) == 1 else None


def _named(words: Words, field: Field, entity: Entity, count: int) -> int:
    """How many of the last words before a place name a field; 0 if they don't."""
    for text in dict.fromkeys([naming.bare(field, entity), field.label, *naming.split(field.synonyms)]):
        wanted = words.spelled(stems(text))
        if wanted and words.words[max(0, count - len(wanted)) : count] == wanted:
            return len(wanted)
        own = any(wanted[:-1] == phrase[-len(wanted) + 1 :] for phrase in words.called[entity.full_name])
        if len(wanted) > 1 and own and words.words[max(0, count - 1) : count] == wanted[-1:]:
            return 1  # `halls whose name` are told by their `hall_name`
    return 0


def _last_named(words: Words, entity: Entity, count: int) -> int:
    """Where the entity is named last before a word; -1 if it is not."""
    called = words.called[entity.full_name]
    return max((end for phrase in called for _, end in words.find(phrase, words.words) if end <= count), default=-1)


def _start_of(words: Words, at: int) -> int:
    """Where the column is named."""
    count = _before(words, at)
    return words.spans[count - 1][0] if count else at


def _is_plain_text(field: Field, entity: Entity) -> bool:
    return bool(pa.types.is_string(field.type)) and field.name not in keys_of(entity)
