"""What the words of a question allow a query to say: its numbers, names, dates, and how many it asks for.

A literal in a query comes from the asker or from the catalog, never from the model. Plain reading, no
model: number words, ISO dates and years, and English phrases for rankings such as "top 5".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from groundwire.agents import periods
from groundwire.agents.words import BEGINNINGS, ENDS, FORMS, LEAVING_OUT, NOUNS, ROOTS, SAID

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_NUMBER_WORDS = {word: number for number, word in enumerate(_SMALL.split())} | {
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
    "hundred": 100,
    "thousand": 1000,
}
_SPELLED = {number: word for word, number in _NUMBER_WORDS.items()}
_NUMBER = "|".join((r"\d{1,4}", *_NUMBER_WORDS))
_COUNT = f"({_NUMBER})"
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
_NAMED_COUNT = re.compile(
    rf"\b(?:which|what|whose|the|these|those|all|list|show|return|find|name|give me|show me)\s+{_COUNT}\s+"
    r"(?!(?:day|week|month|quarter|year|hour|minute|second)s?\b(?! of (?:the|a) (?:day|week|month|year)\b))[a-z]"
)
_LEAST = re.compile(r"\bat (?:least|most|the (?:latest|earliest))\b")
_DESCENDING = re.compile(
    r"\b(?:top|most|highest|largest|biggest|greatest|best|longest|richest|busiest|latest|newest|maximum)\b"
)
_ASCENDING = re.compile(r"\b(?:bottom|least|fewest|lowest|smallest|cheapest|shortest|earliest|minimum)\b")
_BEST_ONE = re.compile(
    rf"\W*(?:(?:which|what)\s+(?:\w+\s+)?\w+(?<!s)\s+(?:has|had|made|is|was|got|did|gave|with|[a-z]+ed|spent|sold|bought|sent)\b"
    rf"|who\s+(?!are|were)\w+|(?:return|show|find|name|give me)\s+the\s+\w+(?<!s)\s+(?:who|which|that|with)\b)"
    rf".*\b{_EXTREME}\b"
)
_WORD = re.compile(r"[^\s,;()\[\]{}?!\"'`’“”]+")
_UNIT = re.compile(r"\b(second|minute|hour|day|week|month|year)s?\b")
_ABSENCE = re.compile(
    r"\b(?:no|not|never|without|missing|null|empty|blank|unknown|known|lack\w*|none|neither"
    r"|un\w+ed|exclud\w+|except|other than|nobody|nothing|ignor\w+|omit\w*|skip\w*"
    r"|(?:leav|left|set|put)\w* (?:\w+ ){0,3}?(?:out|aside|off)|disregard\w*|but not)\b|n['’]t\b"
)
_EMPTY = re.compile(
    r"\b(?:no|not|never|without|missing|null|empty|blank|unknown|known|lack\w*|none|neither|yet|still|open|closed|running"
    r"|ongoing|current\w*|nobody|nothing|un\w+ed|any|some)\b|n['’]t\b"
)
_ONGOING = re.compile(
    r"\b(?:yet|still|open|running|ongoing|current(?:ly)?|active|so far|unfinished|pending|employed|in use)\b"
)
_HAVING = re.compile(r"\b(?:with|have|has|had|having|us(?:es?|ed|ing)) (?:an?|any|some) ")
_MISSING = re.compile(r"\b(?:no|not|never|without|lack\w*|none|neither|nobody)\b|n't\b")
_CURRENT = re.compile(rf"\b{periods.LEFT_OUT}\s+(?:of\s+)?(?:the\s+)?{periods.RUNNING}")
_MOMENTS = re.compile(
    r"\b(?:same|within|earlier|later?|before|after|than|until|since|overdue|due|expir\w+|future|late|upcoming|past|ago"
    r"|(?<!most )recently)\b"
)
TO_FIRST = re.compile(
    r"\b(?:to|until|till|and|between)\s+(?:(?:the\s+)?(?:date|day|time|moment)\s+of\s+)?(?:the|their|its|his|her)?\s*"
    r"(?P<which>first|earliest|initial|last|latest)\s+(?P<what>\w+(?: \w+)?)"
)
"""Until when something lasted that each record has a first or last of: `from joining to the first order`."""
_RANKS = re.compile(
    r"\b(?:rank\w*|position\w*|places?|row numbers?|running|cumulat\w*|accumulat\w*|so far|year.to.date|moving|rolling"
    r"|previous\w*|prior|preceding|before|lag|lead|next|chang\w*|grow\w*|grew|trend\w*|increas\w*|decreas\w*|rise\w*|rose"
    r"|drop\w*|declin\w*|differ\w*|compar\w*|over|mom\w*|yoy|wow|shares?|percent\w*|ratio\w*|proportion\w*|fraction\w*"
    r"|contribut\w*|quartile\w*|percentile\w*)\b|%"
)
_SORTS = re.compile(
    rf"\b(?:{_EXTREME}|sort\w*|order(?:ed|ing)?|rank\w*|ascend\w*|descend\w*|alphabet\w*|chronolog\w*|start\w*|begin\w*|by"
    r"|first|last|top|bottom|max\w*|min\w*|more|less|fewer|higher|lower|larger|smaller|trend\w*|develop\w*)\b"
)
_SAME = re.compile(r"\bsame (?:calendar )?(day|week|month|quarter|year)\b")
_EXTREMES = re.compile(r"\b(?:latest|earliest|newest|oldest|first|last|(?:most )?recent)\b")
_SORTED = re.compile(
    r"\b\w+est (?:\w+ ){0,2}first\b|\b(?:first|last) (?:and last )?names?\b|\b(?:first|last) \w+ names?\b|\blast \d+ "
)
_AGO = re.compile(r"\b\d+ (?:second|minute|hour|day|week|month|year)s? ago\b")
_RANK = re.compile(r"\brank(?:ed)?\s+(?:of\s+)?\d+\b")
EVERYBODY = re.compile(
    r"\b(?:0|zero) for (?:all )?(?P<who>\w+) "
    r"(?:(?:without|with no|that|who|which)\b(?: (?:have|has|had|got))?(?: no| not| never)?(?: any)?)"
    r"|\bincluding (?:those )?(?P<whom>\w+) (?:without|with no|(?:that|who|which) (?:have|had|got) (?:no|not any)) "
    r"|\bfor all (?P<all>\w+)(?=\s*(?:[.;?!\n]|$))"
)
"""How a question says that those are shown too that have none of what is counted."""
_NOT_PER = re.compile(r",?\s*(?:and\s+|but\s+)?not\s+(?:per|by|for each|for every)\s+\w+\b", re.IGNORECASE)
"""What a question says that it does not ask per value of."""
_THOSE_WITHOUT = re.compile(
    rf"\b{LEAVING_OUT}\s+(?:(?:the|any|all|those)\s+)?"
    r"(?:\w+\s+){0,2}?(?:(?:that|who|which)\s+(?:\w+\s+)?(?:not|never|no|\w+n['’]t|have no|had no)\b"
    r"|(?:without|with no) (?:any )?\w+s\b(?! time))[^.;?!\n]*"
)
"""Who is left out for having none: of all others something is asked, and of what they have."""
_SO_ZERO = re.compile(
    r"\b(?:so |and )?(?:0|zero) (?:if|when|where) (?:there (?:are|is) |it has |they have )?no\w*\b[^.;?!\n)]*"
)
"""What a ratio comes to without any."""
_ONLY = re.compile(
    r"\bnot\s+(?:just|only|necessarily|merely)\b|\b(?:no|without|never)\s+(?:any\s+)?(?:duplicates?|repeats?|matter)\b"
    r"|\bor\s+not\b"
)
_ACRONYM = re.compile(r"\b[A-Z]{2,}\b")
_KEYS = re.compile(r"\b(?:ids?|[a-z]+_id)\b[^.;\d]{0,12}\d|#|\b(?:no\.?|nr\.?|number) \d|[a-z] [1-9]\d*\s*(?:$|[?.,;])")
_PRICED = "day daily hour hourly week weekly month monthly interest exchange tax list base pay room"
_PARTS = re.compile(
    r"percent|%|\bshares? (?:of|that)|\bratios?\b|\bproportions?\b|"
    + "".join(rf"(?<!\b{word} )" for word in _PRICED.split())
    + r"\brates?\b|\bfractions?\b|\bversus\b|\bvs\b"
    r"|\bcompar|\bout of\b|\bhow many of\b|\bof (?:them|those|these|which)\b|\brespectively\b|\bas well as\b"
    r"|\bbreakdown\b|\beither\b|\bboth\b"
)
_DIGITS = re.compile(r"(?<![a-z_.\d])\d+(?:\.\d+)?")
"""Numbers, and not those of `t2`."""
_INTERVAL = re.compile(r"\binterval '[^']*'")
_TABLES = re.compile(r"\b\d+ (?:different |other )?tables?\b")
_PATTERN = re.compile(r"'[^'\n]*%[^'\n]*'")
"""A text with wildcards, whose signs are no hundredths."""
_WEEKDAYS = re.compile(r"\b(?:weekends?|weekdays?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b")
_COMPARES = re.compile(
    r"\b(?:than|exceed\w*|equals?|same (?:\w+ ){0,3}?as|(?<!be )match\w*|differ(?!ence)\w*|above|below|beyond)\b"
)
_LASTING = re.compile(
    r"\b(?:(?:how|so|too|as) long|long(?:er|est)?|short(?:er|est)?|days?|nights?|hours?|minutes?|seconds?|durations?"
    r"|difference|between|elapsed|took|takes?|tak(?:en|ing)|ages?|old(?:er|est)?|young(?:er|est)?|late|delays?|delayed|lasts?|lasted"
    r"|tenure|length|lead time|turnaround|time (?:from|to)|waited|waiting|lag|gap)\b|\w - \w"
)
_PERIOD = re.compile(
    r"\b(?:per|each|every)\s+(?:calendar\s+)?(day|week|month|quarter|year)\b(?!\s+of\s+the)"
    r"|\beach\s+(?:one\s+)?of\s+the\s+(?:(?:last|past|previous|next|preceding)\s+)?(?:\w+\s+)?(?:calendar\s+|full\s+)?"
    r"(day|week|month|quarter|year)s\b"
)
_GROUPS = re.compile(r"\b(?:per|each|every|by|split|grouped|respective\w*)\b")
_RATE = re.compile(
    r"\b(?:average|mean|typical)\s+(?:\w+\s+){1,5}?(?:per|each|every)\s+(?:day|week|month|quarter|year)\b"
    r"|\bon average\b"
)
_ZERO = re.compile(r"\b(?:zero|positive|negative|non-?zero|above 0|any)\b")
_NAMES_ZERO = re.compile(r"\b(?:zero|positive|negative|non-?zero|above 0)\b")
_FACTOR = re.compile(r"[*/×÷]\s*\d+(?:\.\d+)?|\b\d+(?:\.\d+)?\s*(?:[*/×÷]|=\s*(?!\d))")
"""What is computed with: `amount * 100`, `1 = highest`."""
_OPERATORS = {
    "at least": ">=",
    "no fewer than": ">=",
    "no less than": ">=",
    "not fewer than": ">=",
    "a minimum of": ">=",
    "more than": ">",
    "over": ">",
    "exactly": "=",
}
_HOW_MANY = re.compile(
    rf"(?<!\bno )(?<!\bnot )\b(?:(?P<operator>{'|'.join(_OPERATORS)}) (?P<number>{_NUMBER})"
    rf"|(?P<fewest>{_NUMBER}) or more) (?P<between>(?:[a-z]+ ){{0,2}})$"
)
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
        extremes: whether it may compare one with the first or the last of many.
        absence: whether it speaks of what is missing, or leaves something out.
        missing: whether it speaks of what there is none of.
        empty: whether it may ask for records that have no value somewhere, or that have one.
        ongoing: whether it may ask for what is not over.
        factors: its numbers that are only computed with, or say what something means.
        groups: whether it may ask for something per value of a column.
        percent: whether it speaks of hundredths.
        period: the unit of time for each of which it asks something, such as `month`; empty for none.
        limit: how many records it asks for in a ranking, None if it does not rank.
        middles: functions for the middle of many values that it may mean.
        keys: whether it speaks of numbers that only tell which record is meant.
        parts: whether it sets some records against others, as ratios do.
        weekdays: whether it speaks of days of the week.
        compares: whether it may compare one number of a record with another.
        lasting: whether it may ask how much time lies between two moments.
        ranks: whether it may ask for what a row is among others: its rank, a running total, what came before.
        sorts: whether it may say in which order something is shown.
        same: the unit of time that two moments are to share (`in the same month as`); empty for none.
        text: all of it, in lower case.
        direction: `DESC` or `ASC` where a ranking leaves no doubt about it, else empty.
    """

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    spans: tuple[periods.Span, ...]
    steps: tuple[str, ...]
    moments: bool
    extremes: bool
    absence: bool
    missing: bool
    limit: int | None
    middles: tuple[str, ...] = ("AVG",)
    direction: str = ""
    keys: bool = True
    parts: bool = False
    weekdays: bool = False
    compares: bool = False
    lasting: bool = False
    empty: bool = False
    ongoing: bool = False
    period: str = ""
    percent: bool = False
    groups: bool = False
    factors: tuple[str, ...] = ()
    ranks: bool = True
    sorts: bool = True
    same: str = ""
    text: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """Its numbers that values may be compared with."""
        return tuple(n for n in self.numbers if n not in self.factors)


def read(question: str, hints: str = "") -> Wording:
    """What a question and the asker's hints say."""
    question = _NOT_PER.sub(" ", question)
    text = f"{question}\n{hints}"
    words = dict.fromkeys(w for m in _WORD.finditer(text) if (w := m[0].strip(".:/").rstrip("-")))
    lower = _ACRONYM.sub(_kept, text).lower()
    own = periods.find(question)
    # `- (sum of the previous month)`: before the month of each row, not before today
    defined = [s for s in periods.find(hints) if not (own and re.match(r"previous|prior|preceding", s.text))]
    spans = tuple({s.text: s for s in [*own, *defined]}.values())
    untimed = lower
    for span in spans:
        untimed = re.sub(rf"(?:{_BOUND})?{re.escape(span.text)}", " ", untimed)
    untimed = _SO_ZERO.sub(" ", EVERYBODY.sub(" ", _RANK.sub(" ", _AGO.sub(" ", untimed))))
    untimed = re.sub(r"(?<=\d),(?=\d{3})", "", _INTERVAL.sub(" ", _TABLES.sub(" ", untimed)))
    numbers = dict.fromkeys(_DIGITS.findall(untimed))
    factors = numbers.keys() - set(_DIGITS.findall(_FACTOR.sub(" ", untimed)))
    numbers |= dict.fromkeys(str(n) for w, n in _NUMBER_WORDS.items() if re.search(rf"\b{w}\b", untimed))
    if _ZERO.search(untimed):
        factors = factors if "0" in numbers or _NAMES_ZERO.search(untimed) else factors | {"0"}
        numbers["0"] = None
    negating = EVERYBODY.sub(" ", _ONLY.sub(" ", _CURRENT.sub(" ", lower)))
    negating = _SO_ZERO.sub(" ", _THOSE_WITHOUT.sub(" ", negating))
    limit = _limit(_ACRONYM.sub(_kept, question).lower())
    if limit is not None and len(re.findall(rf"\b(?:{limit}|{_SPELLED.get(limit, limit)})\b", untimed)) < 2:
        numbers.pop(str(limit), None)  # it says how many are shown, and nothing about them
    return Wording(
        words=tuple(words),
        text=text.lower(),
        numbers=tuple(n for n in numbers if len(n) < 16),
        factors=tuple(sorted(factors)),
        spans=spans,
        steps=tuple(_steps(lower, numbers)),
        moments=bool(_MOMENTS.search(untimed)),
        extremes=bool(_EXTREMES.search(_SORTED.sub(" ", periods.without(question.lower(), own))))
        and not (_LASTING.search(untimed) and TO_FIRST.search(question.lower())),
        ranks=bool(_RANKS.search(lower)),
        sorts=bool(_SORTS.search(lower)),
        same=unit[1] if (unit := _SAME.search(lower)) is not None else "",
        absence=bool(_ABSENCE.search(negating)),
        missing=bool(_MISSING.search(negating)),
        limit=limit,
        middles=_middles(lower),
        direction=_direction(question.lower()),
        keys=bool(_KEYS.search(untimed)),
        parts=bool(_PARTS.search(_PATTERN.sub(" ", text.lower()))),
        weekdays=bool(_WEEKDAYS.search(lower)),
        compares=bool(_COMPARES.search(_SAME.sub(" ", untimed))),
        lasting=bool(_LASTING.search(untimed)),
        groups=bool(_GROUPS.search(lower)),
        percent=bool(re.search(r"percent|%|\b100\b", _PATTERN.sub(" ", lower))),
        period=_period(question.lower()),
        ongoing=bool(_ONGOING.search(_CURRENT.sub(" ", lower)) or _HAVING.search(lower)),
        empty=bool(_EMPTY.search(negating)),
    )


def least(before: str) -> tuple[str, int] | None:
    """How many there must be of what is named after a text (`with at least 5 `): a comparison and a number.

    Between the number and the name only words may stand that say nothing of a kind (`5 total orders`). Fewer than so
    many may be none: of those that have none there is nothing to count.
    """
    match = _HOW_MANY.search(before.lower())
    if match is None or any(word not in SAID for word in match["between"].split()):
        return None
    number = match["number"] or match["fewest"]
    return _OPERATORS.get(match["operator"], ">="), _NUMBER_WORDS.get(number) or int(number)


def _kept(match: re.Match[str]) -> str:
    """An acronym that reads like a number is none: `TWO` may be total written off."""
    return "_" * len(match[0]) if match[0].lower() in _NUMBER_WORDS else match[0]


def _direction(question: str) -> str:
    """Which end of a ranking is asked for."""
    plain = _LEAST.sub(" ", question)
    down, up = bool(_DESCENDING.search(plain)), bool(_ASCENDING.search(plain))
    return "" if down == up else "DESC" if down else "ASC"


def _period(question: str) -> str:
    """The one unit of time that something is asked for each of; a rate such as `orders per day` is none."""
    units = {unit for match in _PERIOD.findall(question) for unit in match if unit}
    return units.pop() if len(units) == 1 and not _RATE.search(question) else ""


def _middles(text: str) -> tuple[str, ...]:
    if "median" not in text:
        return ("AVG",)
    return ("AVG", "MEDIAN") if re.search(r"\b(?:average|mean|avg)\b", text) else ("MEDIAN",)


def _limit(question: str) -> int | None:
    question = _LEAST.sub(" ", question)
    if _BEST_ONE.match(question) and not re.search(r"\b(?:per|each|every)\b", question):
        return 1
    for ranking in _RANKINGS:
        match = ranking.search(question)
        if match:
            count = _NUMBER_WORDS.get(match[1]) or int(match[1])
            return count if 0 < count <= 1000 else None
    counted = _NAMED_COUNT.search(question)
    if counted and re.search(rf"\b{_EXTREME}\b", _LEAST.sub(" ", question)):
        return _NUMBER_WORDS.get(counted[1]) or int(counted[1]) or None
    return None


def _steps(text: str, numbers: Iterable[str]) -> Iterator[str]:
    """Every number of the text with every unit of time in it, and one of each."""
    for unit in dict.fromkeys(_UNIT.findall(text)):
        for number in dict.fromkeys(["1", *(n for n in numbers if n.isdigit() and 0 < int(n) < 1000)]):
            yield f"{number} {unit}" + ("s" if number != "1" else "")


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z](?:[a-z]|\b))|(?<=[A-Za-z0-9][a-z0-9])(?=[A-Z])")
"""`CustId` has two words, `eSIM` one."""


def stems(text: str) -> list[str]:
    """Lower-case words with CamelCase split and plural endings dropped."""
    spaced = _CAMEL.sub(" ", text).replace("_", " ")
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


def root(word: str) -> str:
    """What forms of a verb share: `book` of `booking` and `booked`."""
    for ending in ("ation", "ure", "ing", "ed", "er", "or", "al", "ion"):
        if word.endswith(ending) and len(word) - len(ending) > 3:
            word = word[: -len(ending)]
            break
    word = word[:-1] if len(word) > 4 and word[-1] == word[-2] else word.removesuffix("e")
    return ROOTS.get(word, word)


def deed(word: str) -> str:
    """What forms of a verb and its noun share: `sell` of `sold` and `sale`."""
    base = root(word)
    known = FORMS.get(word) or NOUNS.get(word) or FORMS.get(base) or FORMS.get(f"{base}e")
    return root(known) if known else base


def as_nouns(words: Sequence[str]) -> dict[int, str]:
    """Verbs with a particle as the nouns that they make: `paid out` is a `payout`; by the place of the verb."""
    found = {}
    for at, (verb, particle) in enumerate(pairwise(words)):
        if particle in ("back", "down", "in", "off", "on", "out", "over", "up") and len(verb) > 2:
            found[at] = FORMS.get(verb, root(verb)) + particle
    return found


def begins(moment: str) -> bool:
    """Whether a moment is one at which something begins, by its name."""
    return any(word in BEGINNINGS for word in stems(moment))


def ends(moment: str) -> bool:
    """Whether a moment is one at which something ends, by its name."""
    return not begins(moment) and any(word in ENDS for word in stems(moment))
