"""What an asker's hints define: a formula, the time between two columns, a rank, a running total.

A small model reads `CR = customer rank by total amount` and sums something. Where the words leave no doubt, the
definition is spelled out for it as a draft has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from groundwire.agents import naming
from groundwire.agents.grammar import kind
from groundwire.agents.linking import Link, Words
from groundwire.agents.remark_words import UNITS
from groundwire.agents.wording import deed, stems
from groundwire.core.catalog import Entity

_FORMULA = re.compile(r"(\w+) = (\w+) ([-+*]) (\w+)")
_FROM_TO = re.compile(r"from (\w+) to (\w+)")
_DEFINED = r"\b(?P<name>[A-Z]{2,})\b[^=.\n]* ?= ?[^.\n]*?"
_RANK = re.compile(
    _DEFINED + r"\brank\w*\b[^.,\n]*?(?: within (?:its|their|each|the|the same|every) (?P<within>\w+))?"
    r"(?: \w+)?? (?:by|based on|according to|in terms of|of) (?:the |their |its )?"
    r"(?P<what>(?:total|average|mean|number of|count of|sum of) [^.,;\n]{2,50})"
)
_RUNNING = re.compile(
    _DEFINED + r"\b(?:running|cumulative) (?:total|sum|number|count)s? (?:of )?(?:the )?(?P<what>[^.,;\n]{2,50})"
)
_PER_TIME = re.compile(
    r"\b(?P<name>[A-Z]{2,})\b(?: \([^)]*\))? ?= ?(?:the )?"
    r"(?:per (?P<unit>day|week|month|quarter|year)|(?P<often>daily|weekly|monthly|quarterly|yearly)) "
    r"(?P<what>[^.;\n=]+)"
)
_CHANGE = re.compile(
    r"\b(?P<name>[A-Z]\w*[A-Z]\w*)\b(?: \([^)]*\))? ?= ?[^.=\n]*\b(?:change|growth|difference) (?:in|of) (?:the )?"
    r"(?P<what>[^.=\n]+?) ?= ?\([^()]* - [^()]*previous[_ ](?P<unit>day|week|month|quarter|year)[^()]*\)"
    r"(?P<over> ?/ ?[^.;\n]*previous)?"
)
_RATIO = re.compile(
    r"\b(?P<name>[A-Z]{2,})\b(?: \([^)]*\))? ?= ?\(?(?P<part>[^/=.()*\n]+?)\)? ?/ ?\(?(?P<whole>[^/=.()*\n]+?)\)*"
    r"(?P<hundredths> ?\* ?100(?:\.0)?)?(?= ?(?:[.;\n]|$))"
)
_PERCENTAGE = re.compile(
    r"\bpercentage of (?:the |all )?(?P<part>[\w' -]+?)(?=[.,;\n]|$| (?:per|by|for|over|out|and)\b)"
)
_NUMBER = re.compile(
    r"\b(?P<name>[A-Z]{2,})\b(?: \([^)]*\))? ?= ?"
    r"(?P<what>(?:the )?(?:total )?(?:number|count) of (?!distinct|unique)[\w -]+?)"
    r"(?= (?:in|during|over|within|who|that|with|for|on|from)\b|[.,;(\n]|$)(?! ?/)",
    re.IGNORECASE,
)
_NUMBER_OF = re.compile(r"(?:the )?(?:total )?(?:number|count) of (?:distinct |unique )?", re.IGNORECASE)
PERCENTAGE = "percentage"
"""How the one share that hints tell without a name for it is called here."""
_AVERAGE = re.compile(r"\b(?:average|mean)\b")
_EACH_DATE = re.compile(r"\b(?:each|every|given|that) (?:date|day)\b", re.IGNORECASE)
_TRUNCATED = re.compile(r"\bto (?:the )?(day|week|month|quarter|year)\b")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Records that a figure counts.

    Attributes:
        table: as the model writes it.
        conditions: what must be so of them, as a draft has it.
        key: the column of others that refers to them, where only those with others count; else empty.
    """

    table: str
    conditions: tuple[str, ...]
    key: str


def _share(part: Counted | None, whole: Counted | None, times: str) -> str | None:
    """How many of all are some, so many times, as a draft has it; None where they are no part of them."""
    if part is None or whole is None or whole.conditions or not part.conditions:
        return None
    if (part.table, part.key) != (whole.table, whole.key):
        return None
    test = " AND ".join(part.conditions)
    if part.key:
        return f"COUNT(DISTINCT CASE WHEN {test} THEN {part.key} END) * {times} / COUNT(DISTINCT {part.key})"
    return f"SUM(CASE WHEN {test} THEN 1 ELSE 0 END) * {times} / COUNT({part.table}.*)"


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """What hints define, beside what they name.

    Attributes:
        hints: what the asker says beside the question.
        links: what the words of the hints name.
        moments: columns that tell time, the question's own first.
        period: the unit of time for each of which something is asked; empty where that is not known.
        asked: what the words of the question name.
        entities: what the question is about.
        names: for each full entity name the form in which the model writes it.
    """

    hints: str
    links: Sequence[Link]
    moments: Sequence[str]
    period: str
    asked: Sequence[Link]
    entities: Sequence[Entity]
    names: Mapping[str, str]

    def notes(self) -> Iterator[str]:
        """Hints for the model: `CR is RANK() OVER (ORDER BY SUM(orders.total) DESC)`."""
        yield from self._formulas()
        yield from self._spans()
        yield from (f"{name} is {meant}" for name, meant in self._figures())

    def named(self) -> dict[str, str]:
        """What each name stands for, as a draft has it; a share that has none under `PERCENTAGE`."""
        return dict(self._figures())

    def _figures(self) -> Iterator[tuple[str, str]]:
        """Shares, ranks and other figures that a name is given to."""
        yield from self._among_others()
        yield from self._ratios()
        yield from self._counts()
        yield from self._per_time()

    def _counts(self) -> Iterator[tuple[str, str]]:
        """How many there are of something, whatever they must be: that is read as a condition."""
        for match in _NUMBER.finditer(self.hints):
            rest = re.split(r"[.\n]", self.hints[match.end() :], maxsplit=1)[0]
            counted = self._counted(match["what"]) if "/" not in rest and " with " not in rest else None
            if counted is not None and not counted.key:
                yield match["name"], f"COUNT({counted.table}.*)"

    @property
    def unit(self) -> str:
        """The unit of time for each of which figures are defined; empty without any, or with several."""
        units = {m["unit"] or UNITS[m["often"]] for m in _PER_TIME.finditer(self.hints)}
        return units.pop() if len(units) == 1 else ""

    def _per_time(self) -> Iterator[tuple[str, str]]:
        """Figures per day, month or year, of records of one table or of what these belong to."""
        found = [(m["name"], self._plain_figure(m["what"])) for m in _PER_TIME.finditer(self.hints)]
        counted = {
            figure.removeprefix("COUNT(").partition(".")[0] for _, figure in found if figure.startswith("COUNT(")
        }
        shown = {m for _, figure in found for m in re.findall(r"\((\w+)\.", figure)}
        if len(counted) > 1 or (counted and not shown <= self._reached(counted.pop())):
            return
        yield from ((name, figure) for name, figure in found if figure)

    def _reached(self, table: str) -> set[str]:
        """A table, and those that its records belong to."""
        entity = next(e for e in self.entities if self.names[e.full_name] == table)
        return {table} | {self.names[r.target] for r in entity.relations if not r.many and r.target in self.names}

    def _plain_figure(self, said: str) -> str:
        """What is counted (`ended lines`, `number of lines ended`) or added up; empty where that is not clear."""
        what, _, more = said.partition(",")
        if more and (figure := self._figure(more)):
            return figure
        count = _NUMBER_OF.match(what)
        counted = re.sub(r" (?:count|number)$", "", what[count.end() :] if count is not None else what)
        words = Words(counted, self.entities, self.names)
        things = {t[0].full_name: (s, t[1]) for s in range(len(words.words)) if (t := words.thing_at(s)) is not None}
        if len(things) == 1:
            ((name, (start, end)),) = things.items()
            table = self.names[name]
            done = {i for i, w in enumerate(words.words) if self._is_deed(w, name)}
            if len(done | set(range(start, end))) == len(words.words):
                return f"COUNT({table}.*)"
        return self._figure(what) if count is None else ""

    def _is_deed(self, word: str, name: str) -> bool:
        """Whether a word says what is done at a moment of an entity's (`signups` of `signup_date`)."""
        entity = next(e for e in self.entities if e.full_name == name)
        moments = (f for f in entity.fields if pa.types.is_temporal(f.type))
        return deed(word) in {deed(w) for f in moments for w in stems(naming.bare(f, entity)) if len(w) > 2}

    def _ratios(self) -> Iterator[tuple[str, str]]:
        """A number of some divided by that of all."""
        for match in _RATIO.finditer(self.hints):
            times = "100.0" if match["hundredths"] else "1.0"
            made = _share(self._counted(match["part"]), self._counted(match["whole"]), times)
            if made is not None:
                yield match["name"], made
        shares = list(_PERCENTAGE.finditer(self.hints))
        part = self._of(shares[0]["part"]) if len(shares) == 1 else None
        made = _share(part, replace(part, conditions=()), "100.0") if part is not None else None
        if made is not None:
            yield PERCENTAGE, made

    def _counted(self, said: str) -> Counted | None:
        """`Number of active customers with orders`."""
        match = _NUMBER_OF.match(said.strip())
        return self._of(said.strip()[match.end() :]) if match is not None else None

    def _of(self, said: str) -> Counted | None:
        """What is counted (`active customers with orders`); None where that is not clear."""
        what, _, others = said.partition(" with ")
        words = Words(what, self.entities, self.names)
        count = len(words.words)
        things = ((start, words.thing_at(start)) for start in range(count))
        start, thing = next(((s, t) for s, t in things if t is not None and t[1] == count), (0, None))
        values = [x for x in words.links() if x.values]
        known = sum(len(x.phrase.split()) for x in values)
        if thing is None or known != start or any(len(x.columns) != 1 or x.negated for x in values):
            return None
        entity = thing[0]
        conditions = tuple(f"{x.columns[0]}{x.comparison}" for x in values)
        conditions += (being := self._being(others, entity))
        if not others or being:
            return Counted(table=self.names[entity.full_name], conditions=conditions, key="")
        more = Words(others, self.entities, self.names)
        children = [e for e in self.entities for p in more.called[e.full_name] if p == more.words]
        keys = [
            f"{self.names[c.full_name]}.{r.on[0][0]}"
            for c in children
            for r in c.relations
            if not r.many and r.target == entity.full_name and len(r.on) == 1
        ]
        if len(keys) != 1:
            return None
        return Counted(table=self.names[entity.full_name], conditions=conditions, key=keys[0])

    def _being(self, said: str, entity: Entity) -> tuple[str, ...]:
        """What must be so of records with a value (`status CXL`); nothing where more than that is said."""
        words = Words(said, [entity], self.names)
        values = [x for x in words.links() if x.values]
        if len(values) != 1 or values[0].negated:
            return ()
        (link,) = values
        spoken = [*words.called_by(link.columns[0]), *stems(link.phrase)]
        rest = [w for w in words.words if w not in ("is", "of", "equal", "to")]
        return (f"{link.columns[0]}{link.comparison}",) if sorted(rest) == sorted(spoken) else ()

    def _formulas(self) -> Iterator[str]:
        """A sum or difference of two columns."""
        columns = {x.phrase.lower(): x.columns[0] for x in self.links if len(x.columns) == 1 and not x.values}
        for match in _FORMULA.finditer(self.hints):
            defined, one, sign, other = (part.strip().lower() for part in match.groups())
            if one in columns and other in columns:
                yield f"{defined} is {columns[one]} {sign} {columns[other]}"

    def _spans(self) -> Iterator[str]:
        """The time from one column to another."""
        for match in _FROM_TO.finditer(self.hints):
            holders = [e for e in self.entities if all(e.find_field(name) is not None for name in match.groups())]
            if len(holders) == 1 and all(kind(holders[0].field(name)) == "moment" for name in match.groups()):
                table = self.names[holders[0].full_name]
                yield f"the time {match[0]} is {table}.{match[2]} - {table}.{match[1]}"

    def _among_others(self) -> Iterator[tuple[str, str]]:
        """A rank, a running total, or a change from the row before."""
        for match in _RANK.finditer(self.hints):
            within = self._named(match["within"]) if match["within"] else ""
            if (figure := self._figure(match["what"])) and (within or not match["within"]):
                parts = f"PARTITION BY {within} " if within else ""
                yield match["name"], f"RANK() OVER ({parts}ORDER BY {figure} DESC)"
        for match in _CHANGE.finditer(self.hints):
            figure = self._figure(match["what"])
            if figure:
                told = f"DATE_TRUNC('{match['unit']}', {self.moments[0]})" if self.moments else match["unit"]
                before = f"LAG({figure}) OVER (ORDER BY {told})"
                yield match["name"], f"({figure} - {before})" + (f" / {before}" if match["over"] else "")
        unit = self.period or (m[1] if (m := _TRUNCATED.search(self.hints.lower())) is not None else "")
        for match in _RUNNING.finditer(self.hints):
            figure = self._figure(f"total {match['what']}") or self._count_of(match["what"])
            if figure and self.moments and (unit or _EACH_DATE.search(self.hints)):
                told = f"DATE_TRUNC('{unit}', {self.moments[0]})" if unit else self.moments[0]
                yield match["name"], f"SUM({figure}) OVER (ORDER BY {told})"

    def _named(self, word: str) -> str:
        """The one column that the question or its hints call so at the end of its name; empty without one."""
        named = (x for x in (*self.asked, *self.links) if not x.values and not x.moment and len(x.columns) == 1)
        found = {x.columns[0] for x in named if stems(x.phrase)[-1:] == stems(word)[-1:]}
        return found.pop() if len(found) == 1 else ""

    def _count_of(self, said: str) -> str:
        """How many there are of what some words begin with; empty where that is not clear."""
        words = Words(said, self.entities, self.names)
        thing = words.thing_at(0)
        return f"COUNT({self.names[thing[0].full_name]}.*)" if thing is not None else ""

    def _figure(self, said: str) -> str:
        """What some words sum up (`total cost`), as a draft has it; empty where that is not clear."""
        if _NUMBER_OF.match(said):
            counted = (hint.partition(" is ") for hint in Words(self.hints, self.entities, self.names).counts())
            return next((count for words, _, count in counted if words in said), "")
        named = {
            x.columns[0]
            for x in self.links
            if len(x.columns) == 1 and not x.values and x.phrase.lower() in said.lower()
        }
        numbers = [column for column in named if self._kind(column) == "number"]
        function = "AVG" if _AVERAGE.search(said.lower()) else "SUM"
        return f"{function}({numbers[0]})" if len(numbers) == 1 else ""

    def _kind(self, column: str) -> str:
        table, _, name = column.rpartition(".")
        entity = next((e for e in self.entities if self.names[e.full_name] == table), None)
        field = entity.find_field(name) if entity is not None else None
        return kind(field, entity) if field is not None else ""
