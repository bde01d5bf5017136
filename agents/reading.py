"""One question, read by code before a small model writes: what it names, what it may compare, when, how many.

Brings together the words (`wording`), the calendar (`periods`), the catalog (`linking`), and what they give
a reason for (`evidence`), and makes of them the hints and the grammars of a draft, and of the draft a query.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from sqlglot import exp

from groundwire.agents import (
    draft,
    explained,
    lacks,
    linking,
    naming,
    periods,
    ranking,
    retrieval,
    settled,
    wanted,
    ways,
    wording,
)
from groundwire.agents.definitions import Definitions
from groundwire.agents.evidence import Evidence
from groundwire.agents.grammar import Language, identifier, keys_of, kind
from groundwire.agents.levers import Levers
from groundwire.agents.moments import likely_moments
from groundwire.agents.remark_words import UNITS
from groundwire.agents.settled import blanked
from groundwire.core.catalog import Entity

_FIGURE = re.compile(
    r"\W*(?:(?:what (?:is|was|were|are)|give me|find|calculate|show(?: me)?) )?(?:the )?(?:single )?"
    r"(?:highest|lowest|maximum|minimum|largest|smallest|biggest|average|mean|total) (?:daily |overall )?",
    re.IGNORECASE,
)
"""The beginning of a question for one figure."""
_BESIDE = re.compile(r"\b(?:which|who|when|return|show|list|and|with|along|over time|respective\w*)\b", re.IGNORECASE)
_SHOWN = re.compile(
    r"\b(?:return|show|list|display|report|include|give me|(?:i )?(?:want|need)|with)\b[^.?!;]*", re.IGNORECASE
)
"""What a question wants to see."""
_KEY = re.compile(r"\b(?:IDs?|ids?|(?P<word>number|code))\b(?! of)")
_ACRONYM = re.compile(r"\b[A-Z]{2,}\b \([^)]*\)")
_DEFINED = re.compile(r"\b(?P<name>[A-Z]{2,})\b(?: \([^)]*\))? ?(?:=|:|is|means|stands for) (?P<what>[^.\n]*)")
"""What hints say that a word of the question is."""
_LEFT_OUT = r"\b(?:leav\w+ out|exclud\w+|ignor\w+|omit\w*|without|(?<!did )(?<!do )(?<!does )not|non|no)\b"
_DONE_THEN = re.compile(r"\b(\w+ed) (?:in|on|between|during|since|before|after|within|from|last|this)\b")
"""What was done at a time that is told."""
_SORTED = re.compile(
    r"\b(?:sort\w*|order(?:ed|ing)? (?:by|from|in|with)|ascend\w*|descend\w*|alphabet\w*|chronolog\w*"
    r"|(?:\w+est|most) first|start(?:ing)? (?:from|with))\b",
    re.IGNORECASE,
)
_EXTREME = re.compile(
    r"\b(?:for|on|at|of|from|in)\s+(?:the\s+|its\s+)?(earliest|first|oldest|latest|most recent|last|newest)\s+"
    r"(?:\w+\s+){0,2}$"
)
_TOLD_BY = re.compile(r"DATE_TRUNC\('\w+', ([^()]+)\)")
_WILL = re.compile(
    r"\b(?:will|(?:is|are) (?:going|likely|about|expected) to) "
    r"(?:\w+ly )?(?:(?:be|have|get|been) )*(?P<deed>[a-z]{3,})\b[^.?!]*"
    r"\b(?:next|tomorrow|coming|upcoming|following)\b",
    re.IGNORECASE,
)
_SCHEDULED = frozenset(
    {"arriv", "begin", "clos", "com", "du", "end", "expir", "fall", "laps", "open", "run", "start", "tak"}
)
"""What is often known to be, by its root."""
_EXPLAINED = re.compile(r"(?P<what>\b\w+(?: \w+)?) \((?P<by>[^)]*)\)")
_TRUNCATED = re.compile(r"\btruncate (?:the )?(\w+(?: \w+)?) to\b", re.IGNORECASE)
_EACH_WEEKDAY = re.compile(r"\b(?:each|every|per|by|which) (?:day of the week|week ?day)\b", re.IGNORECASE)
_PAST = re.compile(r"ed_?(?:at|on|date|time)?$")
"""`returned_at` tells of nothing that is still to come."""
_ASKED = re.compile(
    r"\b(?:which|what|whose) ((?!(?:is|are|was|were|do|does|did|has|have|had)\b)[a-z]+(?: [a-z]+)?)", re.I
)
_GERUND = re.compile(r"\b(?:on|of|for|from|about) (\w+ing)\b(?! (?:the|an?|their|its|any)\b)", re.IGNORECASE)
"""`spend on advertising` names a thing."""
_SOON = re.compile(
    r"\b(?P<deed>\w+) within (?P<count>\d{1,4}) (?P<unit>hour|day|week|month|year)s? (?:of|after|from) "
    r"(?:(?:their|its|the|being|having|been) )*(?P<of>\w+(?: up| in| out)?)",
    re.IGNORECASE,
)
_HOW = re.compile(r"\bhow (\w+)", re.IGNORECASE)
_MEASURED = re.compile(r"\s+(?:rate|percentage|share|ratio|fee|cost|charge|reason|policy)s?\b", re.IGNORECASE)
"""What makes the name of a figure of what is done: `cancellation rate`."""
_LATEST = re.compile(
    r"\b(?:latest|most recent(?:ly)?|newest|current(?:ly)?(?! (?:day|week|month|quarter|year))"
    r"|last (?:known|recorded))\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\b(?:between|from) (?:(?:the|its|their|his|her) )?(?:\w+ ){0,2}$", re.IGNORECASE)
_AND = re.compile(r" (?:\w+ ){0,3}(?:and|to|until) (?:\w+ ){0,3}", re.IGNORECASE)
_MEASURES = re.compile(r"\b(?:how many|number of|count of|total|how much|sum of)\b", re.IGNORECASE)
MOST_UNKNOWN = 4
"""Words named in the hint that nothing is called so."""
DOUBT, DOUBT_OF_DEEDS, DOUBT_OF_WHOM = 1.8, 0.9, 3.6
ENOUGH = 4
"""Columns and counts that a question names, beside which one unknown word says little."""
MOST_DEFINED = 5
"""Hints on the words of the asker's own hints, such as what a ratio is made of."""


class Reading:
    """What code knows about a question.

    Args:
        question: in the asker's words.
        hints: what else the asker says.
        entities: what the model is shown.
        names: for each full entity name the form in which the model writes it.
        levers: which helps are in use.
    """

    def __init__(
        self,
        question: str,
        hints: str,
        entities: Sequence[Entity],
        names: Mapping[str, str],
        levers: Levers | None = None,
    ) -> None:
        self.levers = levers or Levers()
        entities, hints = explained.explained(entities, hints)
        self.question = question
        self.hints = hints
        self.names = names
        words = linking.Words(question, entities, names)
        other = linking.Words(hints, entities, names)
        known = settled.settle(words, other, self.levers)
        self._matches, self.links = known.matches, known.links
        self._evidence = self._reasons(known, words, other)
        self._whole = entities
        self._everybody = self._shown_in_any_case(words)
        self.entities = self._about(entities) if self.levers.tables else entities
        rest, said = known.question, known.said
        if known.clear:
            rest = blanked(self._without_what_is_left_out(rest), lacks.doubly(words))
        self._lack = lacks.find(words, self.links) if known.clear else None
        if self._lack is not None:
            begin, end = self._lack.begin, self._lack.end
            self.links = tuple(x for x in self.links if not begin < x.end <= end)
            rest = blanked(rest, [(begin, end)])
            about = {e.full_name for e in self.entities} | {self._lack.entity, self._lack.owner}
            self.entities = [e for e in entities if e.full_name in about]
        self._soon = self._within(rest) if known.clear and self.levers.required else ()
        rest = blanked(rest, (at for _, _, at in self._soon))
        self._plain, free = wording.read(rest), wording.read(rest, self._hints_without_what_is_left_out())
        if self._lack is not None:
            said = replace(said, numbers=free.numbers)
        states = [(x.end - len(x.phrase), x.end) for x in self.links if x.values]  # `active` where that is a value
        ongoing = free.ongoing and wording.read(blanked(rest, states), self._hints_without_what_is_left_out()).ongoing
        self.wording = replace(said, absence=free.absence, missing=free.missing, empty=free.empty, ongoing=ongoing)

    def _within(self, rest: str) -> tuple[tuple[str, set[str], tuple[int, int]], ...]:
        """That one thing came so soon after another (`ended within 90 days of opening`), of which tables, and where."""
        moments = [x for x in self.links if x.moment]
        made = []
        for match in _SOON.finditer(rest):
            deed = [c for x in moments if x.end == match.end("deed") for c in x.columns]
            named = [c for c in deed if match["deed"].lower() in wording.stems(c.rpartition(".")[2])] or deed
            since = [c for x in moments if match.start("of") < x.end <= match.end() for c in x.columns]
            if len(named) == len(since) == 1 and named != since:
                interval = f"INTERVAL '{match['count']} {match['unit'].lower()}s'"
                condition = f"{named[0]} BETWEEN {since[0]} AND {since[0]} + {interval}"
                made.append((condition, {c.rpartition(".")[0] for c in (*named, *since)}, match.span()))
        return tuple(made)

    def _reasons(self, known: settled.Settled, words: linking.Words, other: linking.Words) -> Evidence:
        """What the question gives a reason to compare with."""
        things = {phrase[-1] for phrase in words.called_any}
        named = (x for x in self.links if (not x.values and not x.flag) or (x.values and len(x.columns) == 1))
        spent = {w for x in named for w in wording.stems(x.phrase)} | set(self._explained())
        linked = (*self.links, *other.named())
        asked = f"{self.question}\n{self.hints}".lower()
        deeds = {w for x in linked if x.told and x.moment for w in wording.stems(x.phrase)}
        done = {wording.root(w) for w in deeds}
        deeds |= {w for m in _DONE_THEN.finditer(asked) for w in wording.stems(m[1]) if wording.root(w) in done}
        deeds -= {w for w in deeds if re.search(rf"{_LEFT_OUT}[^.;,\n]*\b{re.escape(w)}\b", asked)}
        deeds -= {w for x in linked if x.values for w in wording.stems(x.phrase)}
        return Evidence(
            known.question,
            known.hints,
            words.entities,
            limits=self.levers.evidence,
            things=things,
            spent=spent,
            deeds=deeds,
            parts={t.lower() for m in self._matches for t in m.texts},
        )

    def _explained(self) -> Iterator[str]:
        """Words that parentheses explain by values: `suites (type STE)` are no `Castle Suite`."""
        ends = [x.end for x in self.links if x.values] + [m.end for m in self._matches]
        sure = {w for x in self.links if x.values and x.sure for w in wording.stems(x.phrase)}
        for match in _EXPLAINED.finditer(self.question):
            if any(match.start("by") < end <= match.end() for end in ends):
                yield from (w for w in wording.stems(match["what"]) if w not in sure)

    def _shown_in_any_case(self, words: linking.Words) -> str:
        """The table whose records are all shown, also those that have none of what is counted; empty for none."""
        match = wording.EVERYBODY.search(f"{self.question}\n{self.hints}".lower())
        if match is None or not self.levers.required:
            return ""
        who = match["who"] or match["whom"] or match["all"]
        found = [self.names[e.full_name] for e in words.entities if words.is_called(who, e)]
        return found[0] if len(found) == 1 else ""

    def _about(self, entities: Sequence[Entity]) -> Sequence[Entity]:
        """The entities that the question is about; names that it has may be of what their records belong to."""
        by_name = {self.names[e.full_name]: e.full_name for e in entities}
        places = {link.columns[0].rpartition(".")[0] for link in self.links if len(link.columns) == 1}
        known = [by_name[p] for p in places if p in by_name]
        told = [(e, r) for e in entities for r in e.relations if not r.many and r.name in places - by_name.keys()]
        known += [name for e, r in told for name in (e.full_name, r.target)]  # `owner` is somebody's
        known += [by_name[p] for m in self._matches if (p := m.column.rpartition(".")[0]) in by_name]
        known += [by_name[self._everybody]] if self._everybody else []
        about = retrieval.relevant(f"{self.question} {self.hints}", entities, known)
        if not self._evidence.text_words:
            return about
        shown = {e.full_name: e for e in entities}
        near = {n for e in about for n in ways.distances(shown, e.full_name)}
        return [e for e in entities if e.full_name in near]

    def _without_what_is_left_out(self, question: str) -> str:
        """The question without the words that leave out certain values: code writes these conditions."""
        return _without(question, self.links)

    def _hints_without_what_is_left_out(self) -> str:
        """The same of the asker's hints."""
        return _without(self.hints, self._left_out_by_hints if self.levers.required else ())

    @property
    def notes(self) -> list[str]:
        """Hints for the model."""
        unknown = self._unknown[:MOST_UNKNOWN]
        missing = [f"no column is called {' or '.join(unknown)}"] if self._misses_things else []
        if not self.levers.links:
            return missing
        asked = {x.columns for x in self.links if x.flag}
        defined = [x for x in self._hinted if not x.told and not (x.flag and x.columns in asked)][:MOST_DEFINED]
        found = (x.text for x in (*self.links, *defined))
        some = linking.Words(f"{self.question}\n{self.hints}", self.entities, self.names).with_some()
        return list(dict.fromkeys([*found, *self._counts, *some, *self._definitions.notes(), *missing]))

    @cached_property
    def _hinted(self) -> tuple[linking.Link, ...]:
        """What the words of the asker's hints name."""
        # what an acronym stands for is a name: `MC (monthly change)`
        named = _ACRONYM.sub(lambda m: " " * len(m[0]), self.hints)
        return linking.find(named, self.entities, self.names) if self.hints else ()

    @property
    def _definitions(self) -> Definitions:
        """What the asker's hints define."""
        moments = [x.columns[0] for x in (*self.links, *self._hinted) if x.moment and len(x.columns) == 1]
        return Definitions(
            hints=self.hints,
            links=self._hinted,
            moments=moments,
            period=self.wording.period,
            asked=self.links,
            entities=self.entities,
            names=self.names,
        )

    @cached_property
    def _language(self) -> Language:
        shown = [e for e in self.entities if self._lack is None or e.full_name != self._lack.entity]
        said = replace(self.wording, spans=()) if self._lack is not None and self._lack.timed else self.wording
        language = Language(shown, self.names, said, self._evidence, self._mentioned)
        language.one_figure = self._is_one_figure
        language.timed_as_a_whole = self._is_timed_as_a_whole
        return language

    @property
    def _is_one_figure(self) -> bool:
        """Whether one figure over all records is asked for, and nothing beside it: `Highest daily balance of ...`."""
        begins = _FIGURE.match(self.question)
        if begins is None or self.wording.groups or self.wording.period or self.wording.limit is not None:
            return False
        amounts = (x for x in self.links if not x.values and not x.moment and len(x.columns) == 1 and not x.grouped)
        measured = {x.end - len(x.phrase) for x in amounts if x.columns[0].lower() in self._ordered}
        return begins.end() in measured and not _BESIDE.search(self.question, begins.end())

    @property
    def _is_timed_as_a_whole(self) -> bool:
        """Whether the one time that is named bounds all that is asked for, and no part of it alone."""
        main = _SHOWN.sub(" ", self.question)
        return bool(self._span) and not self.wording.parts and len(_MEASURES.findall(main)) < 2

    @cached_property
    def _words(self) -> linking.Words:
        """The question's words, beside the entities that it is about."""
        return linking.Words(self.question, self.entities, self.names)

    @cached_property
    def _counts(self) -> tuple[str, ...]:
        """Hints on what is counted, but for what is only the beginning of a column's name (`machines on hire`)."""
        columns = [(x.end - len(x.phrase), x.end) for x in self.links if not x.values and not x.told]

        def is_part(said: str) -> bool:
            end = self.question.find(said) + len(said)
            return any(a < end < b for a, b in columns)

        return tuple(hint for hint in self._words.counts() if not is_part(hint.rpartition(" is COUNT(")[0]))

    @cached_property
    def _mentioned(self) -> tuple[str, ...]:
        return self._words.mentioned()

    @property
    def doubt(self) -> float:
        """Log odds that the data does not hold the answer, on top of what the model thinks; 0 where nothing says so.

        A word that is unknown here is named in a hint, and makes the model's own doubt count for more. What is done or
        happens is less telling, since catalogs name things: `issued` may be anything about a coupon. So is one word
        among many that are known. How much each counts was found on development questions.
        """
        understood = len({x.columns for x in self.links}) + len(self._counts)
        slight = len(self._unknown) == 1 and understood >= ENOUGH
        if self._foretells or self._asks_for_unknown:
            return DOUBT_OF_WHOM
        if self._misses_things and not slight:
            return DOUBT
        return DOUBT_OF_DEEDS * min(len(self._unknown), 3)

    @property
    def _asks_for_unknown(self) -> bool:
        """Whether what is asked for itself is unknown: `Which shop assistant sold ...`, and not a detail of it."""
        asked = [m[1].lower().split() for m in _ASKED.finditer(self.question)]
        asked = [words[:1] if words[0].endswith("s") else words for words in asked]
        return any(w in self._unknown and not w.endswith(("ed", "ing")) for words in asked for w in words)

    @property
    def _foretells(self) -> bool:
        """Whether it asks what will be (`who will leave next month`), and no moment is known for that."""
        match = _WILL.search(self.question) if self.levers.doubt else None
        deed = wording.root(wording.stems(match["deed"])[0]) if match is not None else ""
        ahead = (x for x in self.links if x.moment and not any(_PAST.search(c) for c in x.columns))
        told = {wording.root(w) for x in ahead for w in wording.stems(x.phrase)}
        return bool(deed) and deed not in told and deed not in _SCHEDULED

    @property
    def _unknown(self) -> list[str]:
        """Words for what nothing connected is called by."""
        if not self.levers.doubt:
            return []
        lack = self.question[self._lack.begin : self._lack.end] if self._lack is not None else ""
        understood = set(wording.stems(lack))
        return [w for w in self._evidence.unknown_words if not understood.intersection(wording.stems(w))]

    @property
    def _misses_things(self) -> bool:
        """Whether an unknown word names a thing, and not only what is done."""
        asked = {m[1].lower() for m in _HOW.finditer(self.question)}
        asked |= {m[1].lower() for m in _GERUND.finditer(self.question)}
        return any(word.lower() in asked or not word.endswith(("ed", "ing")) for word in self._unknown)

    @property
    def may_refuse(self) -> bool:
        """Whether the model may say that the data does not hold the answer."""
        return self.doubt > 0 or not self.levers.doubt

    @cached_property
    def _seen(self) -> wanted.Wanted | None:
        """What the question wants to see, where code can tell all of it."""
        said = self.wording
        if not (self.levers.links and self.levers.groups and self.levers.required):
            return None
        if _LATEST.search(periods.without(self.question, periods.find(self.question))):
            return None
        definitions = self._definitions
        defined = definitions.named() if self.hints else {}
        unit = "weekday" if _EACH_WEEKDAY.search(self.question) else said.period or definitions.unit
        often = wanted.OFTEN.match(self.question)
        unit = unit or (UNITS[often["often"].lower()] if often is not None else "")
        moment = self._told_by if unit else ""
        if unit and not moment:
            return None
        each = wanted.Each(unit=unit, moment=moment) if unit else None
        found = wanted.find(self._words, self.names, defined, each)
        if found is None:
            return None
        known = {*defined.values(), each.begin if each is not None else ""}
        whole = all(item.partition(" AS ")[0] in known for item in found.items)
        if said.parts and not whole and not any(" / " in item for item in found.items):
            return None
        if wanted.leaves_out(found, [link.columns for link in self.links if link.grouped]):
            return None
        ranks = len(found.items) > len(found.columns) or found.columns & self._ordered
        return found if said.limit is None or ranks else None

    @property
    def _told_by(self) -> str:
        """The one moment that something is told by per unit of time; empty where that is not clear."""
        said = [m[1].lower() for m in _TRUNCATED.finditer(self.hints)]
        if said:
            words = linking.Words(self.hints, self.entities, self.names)
            columns = [c for e in self.entities for c in self._moments(self.names[e.full_name])]
            named = [c for c in columns if c.rpartition(".")[2].lower() in said]
            named = named or [c for c in columns if any(words.is_short_for(c, text) for text in said)]
            return named[0] if len(named) == 1 else ""
        moments = {x.columns[0] for x in (*self.links, *self._hinted) if x.moment and len(x.columns) == 1}
        if not moments and len(self._mentioned) == 1:
            (table,) = self._mentioned
            likely = likely_moments(next(e for e in self.entities if self.names[e.full_name] == table))
            moments = {f"{table}.{identifier(name)}" for name in likely}
        return moments.pop() if len(moments) == 1 else ""

    def first_part(self, *, refusal: bool = True, free: bool = False) -> str:
        """The grammar of a draft up to and with FROM; see `Language.first_part`.

        Args:
            refusal: whether the words are allowed that say that the data does not hold the answer.
            free: whether the model says what is shown, also where code can tell it.
        """
        if self._seen is not None and not free:
            return self._language.known_part(self._seen.text, refusal=refusal)
        groups = [link.columns for link in self.links if link.grouped]
        moments = {link.columns for link in self.links if link.moment and len(link.columns) == 1}
        moment = moments.pop()[0] if len(moments) == 1 else ""
        return self._language.first_part(groups if self.levers.groups else [], moment, refusal=refusal)

    def narrowed(self, first_part: str) -> bool:
        """Whether no table reaches all that a first part shows; then fewer entities are left for another one.

        Those are left that the entity reaches by which all that the question names is told.
        """
        if self._lack is not None or ways.is_reached(first_part, self.entities, self.names):
            return False
        shown = {e.full_name: e for e in self.entities}
        by_name = {self.names[n]: n for n in shown}
        known = (*self.links, *self._hinted)
        told = [{by_name[p] for c in x.columns if (p := c.rpartition(".")[0]) in by_name} for x in known]
        told = [places for places in told if places]
        near = {name: ways.distances(shown, name) for name in shown}
        ranked = {n: (sum(any(t in far for t in ts) for ts in told), -len(far)) for n, far in near.items()}
        best = max(ranked, key=lambda n: ranked[n])
        if not told or ranked[best][0] < len(told) or len(near[best]) == len(shown):
            return False  # what is asked for lies in tables that nothing connects
        self._about_only(near[best])
        return True

    def _about_only(self, names: Collection[str]) -> None:
        """Go on with some entities only."""
        self.entities = [e for e in self._whole if e.full_name in names]
        for name in ("_words", "_counts", "_mentioned", "_language", "_least", "_ordered", "_seen"):
            self.__dict__.pop(name, None)

    def requalified(self, first_part: str) -> str:
        """The first part, with a column of the same name elsewhere where no table reaches all that it shows."""
        made = ways.requalified(first_part, self._whole, self.names)
        if made != first_part:
            about = {e.full_name for e in self.entities}
            self._about_only({n for n, name in self.names.items() if n in about or f"{name}." in made})
        return made

    def tables(self, first_part: str) -> tuple[str, ...]:
        """Tables at which a draft may start, nearest first; where there are several, the model chooses."""
        everybody = self._everybody
        if everybody and self._start(first_part).keys:
            at = [e.full_name for e in self.entities if self.names[e.full_name] == everybody]
            if ways.is_reached(first_part, self.entities, self.names, at):
                return (everybody,)
        if self._lack is None and (whole := ways.whole_of(first_part, self.entities, self.names)):
            return (whole,)
        return (self.names[self._lack.owner],) if self._lack is not None else self._start(first_part).tables

    def _in_the_same(self, table: str, near: Collection[str]) -> list[str]:
        """That the two moments that the question tells fall into the same month, where it says so."""
        told = dict.fromkeys(x.columns[0] for x in self.links if x.told and x.moment and len(x.columns) == 1)
        unit = self.wording.same
        if unit and len(told) == 1 and len(own := self._moments(table)) == 1:
            told |= dict.fromkeys(own)  # `orders in the same month as they joined`: the month of the order
        if not unit or len(told) != 2 or not all(c.rpartition(".")[0] in near for c in told) or self.wording.parts:
            return []
        one, other = (f"DATE_TRUNC('{unit}', {column})" for column in told)
        return [f"{one} = {other}"]

    def _at_extreme(self, near: Collection[str]) -> list[str]:
        """That only what is of the first or the last moment counts (`for the latest snapshot date`)."""
        moments = (x for x in self.links if x.moment and not x.told and len(x.columns) == 1)
        places = {x.columns[0]: x.end - len(x.phrase) for x in moments} | {c: at for at, c in self._words.dates_at()}
        made = []
        for column, at in places.items() if self.levers.required else ():
            which = _EXTREME.search(self.question[:at].lower())
            if which is not None and column.rpartition(".")[0] in near:
                made.append(self._extreme(which[1], column))
        return made or self._of_extreme_record(near)

    def _of_extreme_record(self, near: Collection[str]) -> list[str]:
        """That only the first or the last record counts (`for the earliest snapshot`), by the moment called like it."""
        for entity in self.entities if self.levers.required and not self.wording.groups else ():
            table = self.names[entity.full_name]
            called = self._words.called[entity.full_name] if table in near else []
            for phrase in [*called, *(p[-2:] for p in called if len(p) > 2)]:
                for start, _ in self._words.find(phrase, self._words.words):
                    which = _EXTREME.search(self.question[: self._words.spans[start][0]].lower())
                    moments = [f for f in entity.fields if kind(f) == "moment"]
                    alike = [f for f in moments if phrase[-1] in wording.stems(naming.bare(f, entity))] or moments
                    if which is not None and len(alike) == 1:
                        return [self._extreme(which[1], f"{table}.{identifier(alike[0].name)}")]
        return []

    def _extreme(self, which: str, column: str) -> str:
        """That a moment is the first or the last one, within the span of time that the question names."""
        function = "MIN" if which in ("earliest", "first", "oldest") else "MAX"
        during = f" WHERE {column} DURING '{self._span}'" if self._span else ""
        return f"{column} = (SELECT {function}({column}) FROM {column.rpartition('.')[0]}{during})"

    def second_part(self, first_part: str, table: str) -> str:
        """The grammar of what follows FROM and the table."""
        span = ("", ()) if " DURING " in first_part else self._during(first_part, table)
        start = self._start(first_part)
        near = ways.reachable(table, self.entities, self.names)
        extreme = self._at_extreme(near)
        span = ("", ()) if extreme else span
        required = [self._lack.condition] if self._lack is not None else []
        required += self._required(first_part)
        required += [m.condition for m in self._matches]
        required += [condition for condition, tables, _ in self._soon if tables <= near]
        required += [*extreme, *self._in_the_same(table, near)]
        required += self._happened(table)
        required += self._flags_of_hints(near, required)
        required += self._roles(table)
        required += self._there(first_part, table)
        required += self._meant(first_part, near, required)
        least = self._least if self._least is not None and self._least[0] == table else None
        by = ranking.figure(self.question, first_part, self._counts, self._ordered) if self.levers.required else ""
        order = ranking.order(self.question, first_part) if self.levers.required else ""
        return self._language.second_part(
            start, table, required, *span, used=first_part, least=least, ranked_by=by, order=order, sorts=self._sorts
        )

    @property
    def _sorts(self) -> bool:
        """Whether it may say how rows are sorted; in so many words, where all that it wants to see is known."""
        return self.wording.sorts and (self._seen is None or _SORTED.search(self.question) is not None)

    @cached_property
    def _ordered(self) -> set[str]:
        """Columns that say more or less, sooner or later."""
        measured = ((e, f) for e in self.entities for f in e.fields if kind(f, e) in ("number", "moment"))
        return {
            f"{self.names[e.full_name]}.{identifier(f.name)}".lower() for e, f in measured if f.name not in keys_of(e)
        }

    @cached_property
    def _least(self) -> tuple[str, str, int] | None:
        """The one table of whose records there must be so many in each group."""
        found = self._words.least() if self.levers.required else ()
        return found[0] if len(found) == 1 and not self._plain.missing else None

    def _start(self, first_part: str) -> ways.Start:
        likely: list[set[str]] = [{self._least[0]}] if self._least is not None else []
        mentioned: tuple[str, ...] = ()
        if not self.wording.absence:
            likely += [{c.rpartition(".")[0] for c in x.columns} for x in self.links if x.values or x.told]
            if self.wording.limit is None or "(" in first_part:  # a ranking of records counts each once
                mentioned = self._mentioned
        required = [*self._required(first_part), *(m.condition for m in self._matches)]
        return ways.start(first_part, self.entities, self.names, required, likely, mentioned)

    def senseless(self, written: str) -> str:
        """What a draft compares with nothing but itself, since what is meant is not known; else empty."""
        return draft.compared_with_itself(written)

    def sql(self, written: str) -> str:
        """The query that a whole draft means."""
        return draft.to_sql(written, self._whole, self.names, self.wording, self._listed(), self._between())

    def _between(self) -> tuple[str, ...]:
        """The two moments in the question's order where it asks for the time between them; else empty."""
        moments = sorted((x for x in self.links if x.moment and len(x.columns) == 1), key=lambda x: x.end)
        for one, other in pairwise(moments):
            begin, start = one.end - len(one.phrase), other.end - len(other.phrase)
            if _BETWEEN.search(self.question[:begin]) and _AND.fullmatch(self.question[one.end : start]):
                return one.columns[0], other.columns[0]
        return ()

    def _listed(self) -> list[str]:
        """Columns that the question wants to see of each record; for what tells records apart see `draft.to_sql`."""
        if not self.levers.links:
            return []
        clauses = [m.span() for m in _SHOWN.finditer(self.question)]
        plain = (x for x in self.links if not x.values and not x.flag and not x.told and len(x.columns) == 1)
        listed = [x.columns[0] for x in plain if any(a < x.end <= b for a, b in clauses)]
        ends = {x.end for x in self.links}
        bare = [m for m in _KEY.finditer(self.question) if m.end() not in ends]
        keys = (f"id {m['word'] or ''}".strip() for m in bare if any(a < m.end() <= b for a, b in clauses))
        return [*listed, *dict.fromkeys(keys)]

    def _required(self, first_part: str) -> list[str]:
        """Conditions that the question leaves no doubt about and that the draft does not hold yet."""
        clear = (x for x in self.links if x.sure and self.levers.required)
        sure = [x for x in clear if not (x.flag and self.wording.parts and wording.read(self._sentence(x.end)).parts)]
        often = Counter(link.columns[0] for link in sure)
        return [
            f"{link.columns[0]}{link.comparison}"
            for link in sure
            if often[link.columns[0]] == 1 and (link.only or not any(f"'{v}'" in first_part for v in link.values))
        ]

    def _happened(self, table: str) -> list[str]:
        """That what the question tells of records (`that were scanned`) has happened, where it need not have."""
        if not self.levers.required or self.wording.lasting or self.wording.missing or periods.find(self.question):
            return []
        near = {self.names[e.full_name]: e for e in self.entities}
        made = []
        for link in self.links:
            place, _, name = link.columns[0].rpartition(".")
            done = link.told or link.phrase.split()[0].endswith("ed")
            done = done and not _MEASURED.match(self.question, link.end)
            if done and link.moment and len(link.columns) == 1 and place in near and not link.negated:
                field = near[place].find_field(name)
                if field is not None and field.nullable and name not in near[place].primary_key:
                    made.append(f"{link.columns[0]} IS NOT NULL")
        return made

    def _flags_of_hints(self, near: Collection[str], required: Sequence[str]) -> list[str]:
        """What must be true of records by the asker's own words for them: `AD = active drivers`."""
        if not self.levers.required or self.wording.parts:
            return []
        flags = (x for x in self._hinted if x.flag and x.sure and len(x.columns) == 1 and not x.beside)
        tests = (f"{x.columns[0]}{x.comparison}" for x in flags if x.columns[0].rpartition(".")[0] in near)
        return [test for test in tests if test not in required]

    def _roles(self, table: str) -> list[str]:
        """For what is asked per manager, that there is one."""
        by_name = {self.names[e.full_name]: e for e in self.entities}
        entity, asked = by_name[table], {x.columns[0].rpartition(".")[0] for x in self.links if x.grouped}
        roles = [r for r in entity.relations if not r.many and r.name in asked and r.name not in by_name]
        return [f"{table}.{r.on[0][0]} IS NOT NULL" for r in roles if len(r.on) == 1] if self.levers.required else []

    def _there(self, first_part: str, table: str) -> list[str]:
        """For a list of what others belong to (`IDs of partners with a sale`), that these belong to one."""
        tree = ways.parsed(first_part)
        if tree is None or not tree.args.get("distinct") or not self.levers.required:
            return []
        by_name = {self.names[e.full_name]: e for e in self.entities}
        shown = {ways.qualifier(c) for c in tree.find_all(exp.Column)}
        entity = by_name[table]
        known = {e.full_name: e for e in self.entities}
        belongs = [
            r
            for r in entity.relations
            if not r.many
            and r.target in known
            and shown & {self.names[n].lower() for n in ways.distances(known, r.target)}
        ]
        if len(shown) != 1 or len(belongs) != 1 or len(belongs[0].on) != 1 or belongs[0].target == entity.full_name:
            return []
        key = belongs[0].on[0][0]
        return [f"{table}.{identifier(key)} IS NOT NULL"] if entity.field(key).nullable else []

    def _meant(self, first_part: str, near: Collection[str], required: Sequence[str]) -> list[str]:
        """Conditions on values that the question names and sets against no others.

        Args:
            first_part: of the draft.
            near: names under which what records of its table belong to are written.
            required: conditions that stand anyway.
        """
        if self._plain.missing or not self.levers.required or wording.read("", self.hints).parts:
            return []
        chosen: dict[tuple[str, bool], dict[str, None]] = {}
        written = {t.lower() for m in self._matches for t in m.texts}
        others = (x for x in self.links if not any(v.lower() in written for v in x.values))
        whole = (x for x in others if not wording.read(self._sentence(x.end)).parts)
        for link in (*whole, *self._left_out_by_hints, *self._counted_by_hints):
            columns = [c for c in link.columns if c.rpartition(".")[0] in near]
            if (
                link.values
                and not link.beside
                and len(columns) == 1
                and not any(f"'{v}'" in first_part for v in link.values)
            ):
                chosen.setdefault((columns[0], link.negated), {}).update(dict.fromkeys(link.values))
        stand = " ".join(required)
        made = []
        for (column, negated), values in chosen.items():
            if f"{column} " not in stand and (column, not negated) not in chosen:
                test = linking.Link(phrase="", columns=(column,), values=tuple(values)).comparison
                if negated:
                    test = test.replace(" IN (", " NOT IN (", 1) if len(values) > 1 else test.replace(" = ", " <> ", 1)
                made.append(f"{column}{test}")
        return made

    def _sentence(self, at: int) -> str:
        """The sentence of the question around a character."""
        begin = max(self.question.rfind(mark, 0, at) for mark in ".?!") + 1
        ends = [end for mark in ".?!" if (end := self.question.find(mark, at)) >= 0]
        return self.question[begin : min(ends, default=len(self.question))]

    @cached_property
    def _left_out_by_hints(self) -> list[linking.Link]:
        """Values that the asker's hints leave out, where these define nothing by them."""
        if wording.read("", self.hints).parts:
            return []
        return [link for link in self._hinted if link.left_out is not None]

    @cached_property
    def _counted_by_hints(self) -> list[linking.Link]:
        """Values that the asker's hints define a figure of the question by: `TAC = active customers`."""
        asked = [m for m in _DEFINED.finditer(self.hints) if re.search(rf"\b{m['name']}\b", self.question)]
        spans = [m.span("what") for m in asked if "/" not in m["what"]]
        return [x for x in self._hinted if x.values and not x.negated and any(a < x.end <= b for a, b in spans)]

    def _during(self, first_part: str, table: str) -> tuple[str, tuple[str, ...]]:
        """The one span of time that bounds everything asked for, and the moments that it may be said of.

        That is what happened then (`booked in May`), or what time is told by (`per month`), or a moment of those
        `who` it follows (`customers who joined last year`), else one of the table's own.
        """
        text = self._span
        at = self.question.lower().find(text) if text else -1
        moments = [link for link in self.links if link.moment and len(link.columns) == 1]
        before = [link for link in moments if 0 <= at - link.end < 30]
        done = {wording.root(w) for w in wording.stems(self.question[max(0, at - 30) : max(0, at)])}
        before += [x for x in moments if x.told and wording.root(wording.stems(x.phrase)[0]) in done]  # said again
        only = moments if len({link.columns for link in moments}) == 1 else []
        if happened := next((link.columns for link in (*reversed(before), *only)), ()):
            return text, happened
        told_by = set(_TOLD_BY.findall(first_part))
        if len(told_by) == 1:
            return text, tuple(told_by)
        whose = linking.subject(self.question[:at], self.entities, self.names) or table
        likely = likely_moments(next(e for e in self.entities if self.names[e.full_name] == whose))
        return text, (f"{whose}.{identifier(likely[0])}",) if len(likely) == 1 else self._moments(whose)

    def _moments(self, table: str) -> tuple[str, ...]:
        entity = next(e for e in self.entities if self.names[e.full_name] == table)
        return tuple(f"{table}.{identifier(f.name)}" for f in entity.fields if kind(f) == "moment")

    @property
    def _span(self) -> str:
        """The one span of time that the question bounds everything by, as it is written; empty without one."""
        spans = [s for s in periods.find(self.question) if s.text not in ("today", "tomorrow", "yesterday")]
        spans = spans or list(periods.find(self.question))
        timed = self._lack is not None and self._lack.timed
        if len(spans) != 1 or timed or self._plain.missing or not self.levers.required:
            return ""
        return spans[0].text


def _without(text: str, links: Iterable[linking.Link]) -> str:
    """A text with blanks for the words that leave out certain values."""
    return blanked(text, (link.left_out for link in links if link.left_out is not None))
