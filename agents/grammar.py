"""Grammars in which a small model can write queries, and nothing else (llguidance's Lark dialect).

The model writes a *draft*, close to SQL, in two parts: what is shown, up to FROM, and, once code has found the table that
reaches everything shown, the conditions and the order. Names come from the entities that are shown,
values from the question or from what the catalog enumerates, and types fit: a sum is over numbers, a date is compared
with a date. `draft` turns it into the query language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa

from groundwire.agents import naming
from groundwire.agents.evidence import Evidence
from groundwire.agents.ways import Start, distances
from groundwire.agents.wording import Wording, begins, ends, stems
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.query import is_keyword

Kind = Literal["number", "moment", "text", "choice", "flag"]
MOST_CHOICES = 25
"""A text field with at most so many values is compared with these only."""

_SELECT = r"""
query: "SELECT " GROUPS ITEMS " FROM "
item: value [" AS " LABEL]
grouped: (whole | column | period) [" AS " LABEL]
whole: share ((" + " | " - ") share){0,3}
share: total ((" * " | " / ") total){0,3}
total: aggregate | NUMBER | "(" whole ")" | "ABS(" whole ")" | "ROUND(" whole [", " /[0-9]/] ")" | "COALESCE(" whole ", " NUMBER ")" | "NULLIF(" whole ", " NUMBER ")" | "CAST(" whole " AS " ("INTEGER" | "DOUBLE") ")" | ranking | spanned
spanned: whenever " - " whenever | "DATE_DIFF('" STRIDE "', " whenever ", " whenever ")"
whenever: ("MIN(" | "MAX(") instant ")" | "CURRENT_DATE"
middle: "MEDIAN(" (quantity [(" + " | " - " | " * " | " / ") quantity] | lasted) ")" [" AS " LABEL]
key: (column | period) [" AS " LABEL]
only: whole [" AS " LABEL]
LABEL: /[a-z][a-z0-9_]{0,30}/
"""
_REST = r"""
rest: WHEREGROUPED HAVING ENDING
having: aggregate COMPARE (aggregate | NUMBER)
order: (value | LABEL) [" ASC" | " DESC"]
LABEL: LABELS
"""
_RULES = r"""
value: amount | moment | string | flag
amount: product ((" + " | " - ") product){0,3}
product: factor ((" * " | " / ") factor){0,3}
factor: number | NUMBER | aggregate | elapsed | "(" amount ")" | case | part | "ABS(" amount ")" | "ROUND(" amount [", " /[0-9]/] ")" | "COALESCE(" amount ", " amount ")" | "NULLIF(" amount ", " NUMBER ")" | "CAST(" amount " AS " ("INTEGER" | "DOUBLE") ")" | ranking
aggregate: "COUNT(" (table ".*" | "DISTINCT " counted) ")" | ("SUM(" | MIDDLES) figure ")" | ("MIN(" | "MAX(") (figure | moment) ")" | ("ARG_MAX(" | "ARG_MIN(") (column | figure) ", " instant ")"
counted: column | period | "CASE WHEN " condition " THEN " column " END"
ranking: ("RANK()" | "DENSE_RANK()" | "ROW_NUMBER()" | "LAG(" amount ")" | "SUM(" amount ")") " OVER (" ["PARTITION BY " column (", " column)?] [" "] ["ORDER BY " value [" ASC" | " DESC"]] ")"
elapsed: point " - " point | "DATE_DIFF('" STRIDE "', " point ", " point ")"
point: instant | ("MIN(" | "MAX(") instant ")" | "CURRENT_DATE"
figure: times ((" + " | " - ") times){0,3}
times: one ((" * " | " / ") one){0,3}
one: addend | NUMBER | "(" figure ")" | case | part | lasted | "ABS(" figure ")"
lasted: DIFFERENCES | "CURRENT_DATE - " instant | "DATE_DIFF('" STRIDE "', " instant ", " (instant | "CURRENT_DATE") ")"
case: "CASE WHEN " condition " THEN " figure [" ELSE " figure] " END"
part: "EXTRACT(" PART " FROM " moment [" - " moment] ")"
moment: instant | period | TODAY
period: "DATE_TRUNC('" UNIT "', " instant ")" | "CAST(" instant " AS DATE)"
string: text | choice | ("LOWER(" | "UPPER(") (text | choice) ")"
condition: testMORE
test: simple | "(" condition ")" ABSENT
inner: [" WHERE " inside (" AND " inside){0,3}]
inside: TESTS
simple: TESTS WEEKDAYS MOMENTS
measured: quantity [(" + " | " - " | " * " | " / ") quantity]
reference: moment | moment (" - " | " + ") STEP
extreme: "(SELECT " ("MIN(" | "MAX(") instant ") FROM " table [" WHERE " inside (" AND " inside)?] ")"
ORDERED: " >= " | " <= " | " > " | " < "
COMPARE: " = " | " <> " | " >= " | " <= " | " > " | " < "
COMPARE_TEXT: " = " | " LIKE " | " ILIKE "UNLIKE
MEMBER: MEMBERS
DAY: "0" | "1" | "2" | "3" | "4" | "5" | "6"
STRIDE: "second" | "minute" | "hour" | "day" | "week" | "month" | "year"
UNIT: "day" | "week" | "month" | "quarter" | "year"
PART: "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOW" | "HOUR" | "EPOCH"
"""
_MOMENTS = ("moment ORDERED reference", 'period " = " period')
_EXTREMES = ("moment ORDERED extreme", 'instant " = " extreme')
_WEEKDAYS = '"EXTRACT(DOW FROM " instant ")" MEMBER DAY (", " DAY){0,6} ")"'
_TEXTS = (
    "prose COMPARE_TEXT TEXT",
    '("LOWER(" | "UPPER(") (prose | choice) ")" COMPARE_TEXT TEXT',
    'prose MEMBER TEXT (", " TEXT){0,9} ")"',
)
_NOTHING = '"NULL"'
_SETTLED = re.compile(r"(\S+) (?:= |IN \()'")
_PARTED = re.compile(r"CASE WHEN (\S+) (?:= |IN \()'")
"""A column whose values a part is told by: the others of them are wanted too."""
_REASON = r"REASON: /[^\n0-9]{3,120}/"


def written_names(entities: Iterable[Entity], short: Mapping[str, str]) -> dict[str, str]:
    """How the model writes each entity: its last name where that means one entity, else `source.name`.

    Args:
        entities: what is shown.
        short: full name to the shortest form with its source.
    """
    entities = list(entities)
    last = [e.name.split(".")[-1].lower() for e in entities]
    names = {}
    for entity in entities:
        name = entity.name.split(".")[-1]
        plain = name.isidentifier() and name.isascii() and not is_keyword(name) and last.count(name.lower()) == 1
        names[entity.full_name] = name if plain else short[entity.full_name]
    return names


def kind(field: Field, entity: Entity | None = None) -> Kind:
    """How a field may be used."""
    type_ = field.type
    if pa.types.is_boolean(type_):
        return "flag"
    if pa.types.is_integer(type_) and field.labels and choices(field, entity):
        return "choice"  # codes, which nobody adds up
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return "moment"
    return "choice" if choices(field, entity) else "text"


def choices(field: Field, entity: Entity | None = None) -> tuple[str, ...]:
    """The values that a text field is compared with where they are few and read like words, not like keys."""
    values = field.values
    if not values or len(values) > MOST_CHOICES or field.sensitive:
        return ()
    if entity is not None and field.name in keys_of(entity):
        return ()
    keys = sum(len(v) > 40 or (any(c.isdigit() for c in v) and len(v) > 3) for v in values)
    return () if 2 * keys > len(values) else values


def keys_of(entity: Entity) -> set[str]:
    """Fields that say which record is meant, here or in another entity, and nothing about it."""
    return {*entity.primary_key, *(here for r in entity.relations if not r.many for here, _ in r.on)}


@dataclass(frozen=True, kw_only=True)
class _Tests:
    """What may be asked of a record, and what else outside a list of others; flags and columns that may be empty."""

    inner: list[str]
    outer: list[str]
    flags: str
    optional: str


class Language:
    """The drafts that a question may be answered with.

    Args:
        entities: what the model may query.
        names: for each full entity name the form in which the model writes it.
        wording: what the question says.
        evidence: which values of enumerated fields it gives a reason to write.
        mentioned: tables whose records the question names, as they are written.
    """

    def __init__(
        self,
        entities: Iterable[Entity],
        names: Mapping[str, str],
        wording: Wording,
        evidence: Evidence,
        mentioned: Collection[str] = (),
    ) -> None:
        self.shown = {e.full_name: e for e in entities}
        self.walked = list(self.shown.values())
        self.names = names
        self.wording = wording
        self.evidence = evidence
        self.mentioned = mentioned
        self.one_figure = False  # whether nothing but a figure over all records is asked for
        self.bounded = False  # by a span of time that stands already
        self.used = ""  # what is shown, where that is a part of the records
        self.seen = ""  # what is shown
        self.timed_as_a_whole = False  # the one time that is named is said of all that is shown
        self.settled: set[str] = set()  # columns whose values are known already

    def first_part(self, groups: Sequence[Sequence[str]] = (), moment: str = "", *, refusal: bool = True) -> str:
        """Lark for a draft up to and with FROM, or for the words that say that the data does not hold the answer.

        Args:
            groups: columns that are shown first, because the question asks for something per value of them; of each
                group one.
            moment: the column that times are said of, where one is known and something is asked for each month.
            refusal: whether those words are allowed.
        """
        first = " ".join(f"({' | '.join(_quoted(f'{column}, ') for column in group)})" for group in groups)
        if self.wording.period and self.has_moments():
            when = _quoted(moment) if moment else "instant"
            unit = self.wording.period
            first += f""" {_quoted(f"DATE_TRUNC('{unit}', ")} {when} {_quoted(f") AS {unit}, ")}"""
        select = _SELECT.replace("GROUPS", first or '["DISTINCT "]')
        items = 'item (", " item){0,9}'
        if groups or self.wording.period:
            items = 'grouped (", " grouped){0,9}'
        if self.one_figure and not groups and not self.wording.period:
            items = "only"
        if self.wording.middles == ("MEDIAN",):
            items = '(key ", "){0,3} middle' if self.wording.groups and not groups else "middle"
        select = select.replace("ITEMS", items)
        select = select if self.wording.ranks else select.replace(" | ranking", "")
        start = 'start: query | "CANNOT ANSWER: " REASON' if refusal else "start: query"
        return "\n".join([start, select.strip(), *([_REASON] if refusal else []), *self._shared(self._tests())]) + "\n"

    def known_part(self, select: str, *, refusal: bool) -> str:
        """Lark for a draft up to and with FROM that is known, or for the words that say that there is no answer."""
        start = 'start: query | "CANNOT ANSWER: " REASON' if refusal else "start: query"
        return "\n".join([start, f"query: {_quoted(f'{select} FROM ')}", *([_REASON] if refusal else [])]) + "\n"

    def second_part(
        self,
        start: Start,
        table: str,
        required: Sequence[str] = (),
        span: str = "",
        moments: Sequence[str] = (),
        used: str = "",
        least: tuple[str, str, int] | None = None,
        ranked_by: str = "",
        order: str = "",
        *,
        sorts: bool = True,
    ) -> str:
        """Lark for what follows FROM and the table.

        Args:
            start: where the first part leads.
            table: where the draft starts, as it is written.
            required: conditions that the question leaves no doubt about.
            span: a span of time that something about each record must fall into; empty for none.
            moments: the columns that it may be said of, if that is known.
            used: the first part; of a share of records, the whole is not bounded by what makes the part.
            least: a table with how many of its records each group must have.
            ranked_by: the name of what a ranking goes by first; empty where that is not known.
            order: the order that the question asks for, as a draft has it; empty where that is not known.
            sorts: whether it may ask for one at all, where it asks for no few of many.
        """
        said, having = self.wording, '[" HAVING " having (" AND " having)?]'
        if not (said.asked or said.compares):
            having = ""
        if least is not None:
            counted, comparison, number = least
            having = _quoted(f" HAVING COUNT({counted}.*) {comparison} {number}")
            said = replace(said, numbers=tuple(n for n in said.numbers if n != str(number)))
        if any(" = DATE_TRUNC(" in test for test in required):
            said = replace(said, same="", moments=False)  # that two moments share a month stands already
        stand = " ".join(required)
        said = replace(said, spans=tuple(s for s in said.spans if f"DURING {_text(s.text)}" not in stand))
        language = Language(self.shown.values(), self.names, said, self.evidence, self.mentioned)
        language._start_at(table)
        language.settled = {m[1] for text in required if (m := _SETTLED.match(text)) is not None}
        language.settled |= {m[1] for m in _PARTED.finditer(used)}
        language.used, language.seen = used if self.wording.parts else "", used
        if "EXTRACT(DOW" in used:  # some are set against all: the others stay in
            language.wording = replace(said, weekdays=False)
        grouped = f" {_quoted(f' GROUP BY {start.keys}')}" if start.keys else ""
        first = " AND ".join(required)
        language.bounded = bool(span) and language.has_moments()
        tests = language._tests()
        free = language.wording.absence or any((tests.inner, tests.outer))  # a reason for what is not known already
        more = '[" AND " condition]' if free else ""
        where = '[" WHERE " condition]' if free else ""
        where = f"{_quoted(f' WHERE {first}')} {more}" if required else where
        rules = _REST
        if language.bounded:
            first = f" WHERE {first} AND " if required else " WHERE "
            where = f"{_quoted(first)} bounded {_quoted(f' DURING {_text(span)}')} {more}"
            near = {self.names[e.full_name] for e in language.walked}
            known = " | ".join(_quoted(m) for m in moments if m.rpartition(".")[0] in near)
            rules += f"bounded: {known or language._columns(('moment',), walked=True)}\n"
        ending = _quoted(order) if order else self._ending(ranked_by)
        if said.limit is None and (start.alone or not (sorts or order)):
            ending = ""
        rules = rules.replace("WHERE", where).replace("HAVING ENDING", f"{having} {ending}")
        rules = rules.replace("LABELS", _any(start.labels or ["-"])).replace("GROUPED", grouped)
        rules = rules.replace("rest:  ", 'rest: "" ')
        return "\n".join(["start: rest", rules.strip(), *language._shared(tests)]) + "\n"

    def _start_at(self, table: str) -> None:
        """Leave what conditions on a table may speak of: what its records belong to, and what belongs to them."""
        root = next(n for n in self.shown if self.names[n] == table)
        ones = distances(self.shown, root)
        many = (n for n, e in self.shown.items() if any(not r.many and r.target == root for r in e.relations))
        self.walked = [self.shown[n] for n in ones]
        self.shown = {n: self.shown[n] for n in dict.fromkeys([*ones, *many])}

    def _tests(self) -> _Tests:
        """What the question gives a reason to ask of a record."""
        flags = self._columns(("flag",), asked=True)
        empty = (self.wording.absence and self.wording.empty) or self.wording.ongoing
        optional = self._columns(optional=True) if empty else _NOTHING
        said, numbers = self.wording, self.wording.asked
        timed = said.spans and not self.bounded and not self.timed_as_a_whole
        tests = [
            *(['told (" = TRUE" | " = FALSE")'] if flags != _NOTHING else []),
            *(["measured COMPARE quantity"] if said.compares else []),
            *(["measured COMPARE ASKED", 'measured " BETWEEN " ASKED " AND " ASKED'] if numbers else []),
            *([f'quantity MEMBER ASKED{_more("ASKED", len(numbers) - 1)} ")"'] if numbers else []),
            *(['instant " DURING " SPAN'] if timed else []),
            *(_TEXTS if self.evidence.text_words else []),
            *(['optional (" IS NULL" | " IS NOT NULL")'] if optional != _NOTHING else []),
            *self._choices(),
        ]
        more = [
            *([_WEEKDAYS] if said.weekdays else []),
            *(_same(said.same) if said.same else _MOMENTS if said.moments else []),
            *(_EXTREMES if said.extremes else []),
        ]
        return _Tests(inner=tests, outer=more, flags=flags, optional=optional)

    def _shared(self, tests: _Tests) -> list[str]:
        middles = " | ".join(f'"{name}("' for name in self.wording.middles)
        rules = _RULES.replace("MIDDLES", middles)
        said = self.wording
        rules = rules.replace("MEMBERS", '" IN (" | " NOT IN ("' if said.absence else '" IN ("')
        rules = rules.replace("UNLIKE", ' | " <> " | " NOT LIKE "' if said.absence else "")
        rules = rules.replace(" ABSENT", self._absent() if said.absence else "")
        rules = rules.replace(" | elapsed", " | elapsed" if said.lasting else "")
        rules = rules.replace(" | lasted", " | lasted" if said.lasting else "")
        rules = rules if said.ranks else rules.replace(" | ranking", "")
        rules = rules.replace(" | TODAY", "" if said.spans else ' | "CURRENT_DATE"')
        rules = rules.replace(
            "MORE", f' ((" AND " | " OR ") test){{0,{most}}}' if (most := self._reasons() - 1) > 0 else ""
        )
        rules = rules.replace("inside: TESTS", f"inside: {_either(tests.inner)}")
        rules = rules.replace("simple: TESTS WEEKDAYS MOMENTS", f"simple: {_either([*tests.inner, *tests.outer])}")
        lines = [rules.strip(), "table: " + " | ".join(_quoted(self.names[n]) for n in self.shown)]
        for rule, kinds in (
            ("number", ("number",)),
            ("instant", ("moment",)),
            ("text", ("text",)),
            ("choice", ("choice",)),
            ("flag", ("flag",)),
        ):
            lines.append(f"{rule}: {self._columns(kinds)}")
        lines.append(f"column: {self._columns()}")
        key_like = any(c.isdigit() for w in self.evidence.text_words for c in w)
        searched = ("text", "choice") if any(self.evidence.patterns.values()) else ("text",)
        lines.append(f"prose: {self._columns(searched, keys=key_like)}")
        lines[0] = lines[0].replace("DIFFERENCES", self._differences())
        lines.append(f"optional: {tests.optional}")
        lines.append(f"told: {tests.flags}")
        lines.append(f"addend: {self._columns(('number',), keys=False)}")
        lines.append(f"quantity: {self._columns(('number',), keys=self.wording.keys)}")
        return [*lines, *self._literals()]

    def _reasons(self) -> int:
        """How many tests the question gives a reason for, at most six in one condition."""
        said = self.wording
        values = {v for _, e in self._ways() for f in e.fields for v in choices(f, e) if self.evidence(f, v)}
        others = (said.absence, said.compares, said.moments, said.extremes, said.weekdays)
        spans = 0 if self.bounded else len(said.spans)
        flags = len({f for _, e in self._ways() for f in e.fields if kind(f) == "flag" and self.evidence.speaks_of(f)})
        known = len(values) + len(said.asked) + len(self.evidence.text_words) + spans + flags + sum(others)
        return min(6, known)

    def _ending(self, ranked_by: str = "") -> str:
        """ORDER BY and LIMIT: both where the question ranks."""
        order = '" ORDER BY " order (", " order){0,2}'
        if self.wording.limit is not None:
            if self.wording.direction:
                first = _quoted(ranked_by) if ranked_by else "(value | LABEL)"
                then = ' (", " order){0,2}' if "then" in self.wording.words else ""
                order = f'" ORDER BY " {first} " {self.wording.direction}"{then}'
            return f'{order} " LIMIT {self.wording.limit}"'
        if not self.wording.sorts:
            return ""
        return f'[{order} [" LIMIT 1"]]'

    def _ways(self) -> Iterable[tuple[str, Entity]]:
        """How an entity may be named before a field: by its own name, or by a relation that this does not tell."""
        for name, entity in self.shown.items():
            yield self.names[name], entity
        for entity in self.walked:
            for relation in told_relations(entity, {n: self.names[n] for n in self.shown}):
                yield identifier(relation.name), self.shown[relation.target]

    def has_moments(self) -> bool:
        """Whether what the records belong to has any moment."""
        return any(kind(f) == "moment" for e in self.walked for f in e.fields)

    def _columns(
        self,
        kinds: tuple[str, ...] = ("number", "moment", "text", "choice", "flag"),
        *,
        keys: bool = True,
        walked: bool = False,
        asked: bool = False,
        optional: bool = False,
    ) -> str:
        """Fields of these kinds, each behind a name.

        Args:
            kinds: of fields.
            keys: whether those that only tell which record is meant are some.
            walked: whether only fields of what the records belong to are.
            asked: whether only fields that the question gives a reason for are.
            optional: whether only fields that may have no value are.
        """
        ways: dict[str, dict[str, None]] = {}
        for way, entity in self._ways():
            if walked and entity not in self.walked:
                continue
            fields = [f.name for f in entity.fields if kind(f, entity) in kinds]
            if asked:
                fields = [
                    f for f in fields if self.evidence.speaks_of(entity.field(f)) and f"{way}.{f}" not in self.seen
                ]
            if optional:
                fields = [f for f in fields if self._may_lack(entity, entity.field(f))]
            if not keys:
                fields = [f for f in fields if f not in keys_of(entity)]
            fields += [m.name for m in entity.measures] if "number" in kinds and not optional else []
            ways.setdefault(way, {}).update(dict.fromkeys(fields))
        return " | ".join(f'{_quoted(way)} "." ({_any(own)})' for way, own in ways.items() if own) or _NOTHING

    def _may_lack(self, entity: Entity, field: Field) -> bool:
        """Whether the question may ask if a record has a value there: moments, where something is still going on."""
        if not field.nullable or field.name in entity.primary_key:
            return False
        return self.evidence.speaks_of(field) or (self.wording.ongoing and kind(field) == "moment")

    def _differences(self) -> str:
        """Differences of two moments, never of one and itself, nor of a beginning less an end."""
        # three terminals for a column: see `_choices`
        columns = [
            f'{_quoted(self.names[e.full_name])} "." {_quoted(identifier(f.name))}'
            for e in self.shown.values()
            for f in e.fields
            if kind(f) == "moment"
        ]
        pairs = [(one, [o for o in columns if o != one and not (begins(one) and ends(o))]) for one in columns]
        found = [f'{one} " - " ({" | ".join(others)})' for one, others in pairs if others]
        return " | ".join(found) or _NOTHING

    def _choices(self) -> list[str]:
        """Comparisons of enumerated fields, each with its own values; equal lists share a rule."""
        by_values: dict[tuple[str, ...], dict[str, None]] = {}
        for way, entity in self._ways():
            for field in entity.fields:
                values = tuple(
                    v for v in choices(field, entity) if self.evidence(field, v) and f"'{v}'" not in self.used
                )
                if values and f"{way}.{identifier(field.name)}" not in self.settled:
                    # three terminals, not one: the lexer is greedy, and would take `orders.` for a beginning of this only
                    by_values.setdefault(values, {})[f'{_quoted(way)} "." {_quoted(identifier(field.name))}'] = None
        tests = []
        for values, forms in by_values.items():
            one = "(" + " | ".join(_quoted("'" + v.replace("'", "''") + "'") for v in values) + ")"
            column = "(" + " | ".join(forms) + ")"
            tests.append(f'{column} ((" = " | " <> ") {one} | MEMBER {one}{_more(one, len(values) - 1)} ")")')
        return tests

    def _absent(self) -> str:
        """`customers.id NOT IN (SELECT orders.customer_id FROM orders ...)` for every reference."""
        unnamed: list[str] = []
        tests = ['"NOT (" condition ")"']
        for child in self.shown.values():
            for relation in child.relations:
                if not relation.many and relation.target in self.shown and len(relation.on) == 1:
                    (here, there), name = relation.on[0], _quoted(self.names[child.full_name])
                    key = f'{_quoted(self.names[relation.target])} "." {_quoted(identifier(there))}'
                    reference = f'{name} "." {_quoted(identifier(here))}'
                    among = tests if self.names[child.full_name] in self.mentioned else unnamed
                    among.append(f'{key} " NOT IN (SELECT " {reference} " FROM " {name} inner ")"')
        if len(tests) == 1:
            tests += unnamed  # what is missing goes by another name
        return "".join(f"\n    | {t}" for t in dict.fromkeys(tests))

    def _literals(self) -> list[str]:
        """Terminals for values: what the question says, and a few numbers that carry no facts."""
        wording = self.wording
        hundred = ("100", "100.0") if wording.percent else ()
        numbers = dict.fromkeys([*wording.numbers, "0", "1", "1.0", *hundred])
        words = self.evidence.text_words
        free = [w for w in words if not self.evidence.patterns[w]]
        forms = dict.fromkeys(form for w in free for form in (w, w.lower(), w.upper(), w.capitalize()))
        word = " | ".join(_quoted(w.replace("'", "''")) for w in forms or ["-"])
        placed = [(self.evidence.patterns[w], w) for w in words if self.evidence.patterns[w]]
        told = dict.fromkeys(p.format(form) for p, w in placed for form in (w, w.lower(), w.upper(), w.capitalize()))
        plain = "" if not free else '| "\'" "%"? WORD (" " WORD){0,7} "%"? "\'"'
        either = " | ".join(_quoted(_text(t)) for t in told)
        texts = [f"WORD: {word}", f"TEXT: {either} {plain}".replace("TEXT:  |", "TEXT:")] if words else []
        spans = [f"SPAN: {' | '.join(_quoted(_text(s.text)) for s in wording.spans)}"] if wording.spans else []
        return [
            "NUMBER: " + " | ".join(_quoted(n) for n in numbers),
            "STEP: " + " | ".join(_quoted(f"INTERVAL '{s}'") for s in wording.steps or ("1 day",)),
            *([f"ASKED: {' | '.join(_quoted(n) for n in wording.asked)}"] if wording.asked else []),
            *texts,
            *spans,
        ]


def _same(unit: str) -> Sequence[str]:
    """Lark for two moments that fall into one unit of time."""
    period = f"""{_quoted(f"DATE_TRUNC('{unit}', ")} instant ")\""""
    return (f'{period} " = " {period}',)


def _either(tests: Sequence[str]) -> str:
    """One of the tests; where the question gives a reason for none, a condition that says nothing."""
    return "\n    | ".join(tests) or '"TRUE"'


def _more(rule: str, count: int) -> str:
    """Up to so many more of them, behind commas; nothing where there are none, for that is no repetition."""
    return f' (", " {rule}){{0,{min(count, 9)}}}' if count > 0 else ""


def one_of(texts: Iterable[str]) -> str:
    """Lark for one of some texts."""
    return f"start: {' | '.join(_quoted(t) for t in texts)}\n"


def told_relations(entity: Entity, names: Mapping[str, str]) -> Iterable[Relation]:
    """To-one relations to what is shown whose names say more than their targets' names."""
    shared = naming.common_prefix([f.name for f in entity.fields])
    for relation in entity.relations:
        target = names.get(relation.target)
        if not relation.many and target is not None:
            known, words = stems(target.split(".")[-1]), stems(relation.name.lower().removeprefix(shared))
            short = len(words) == 1 and any(_shortens(words[0], word) for word in known)
            if known not in (words, stems(relation.name)) and not short:
                yield relation


def _shortens(short: str, word: str) -> bool:
    """Whether letters of a word, in its order and from its first on, make a short form of it: `brk` of `broker`."""
    rest = iter(word)
    return len(short) > 1 and short[:1] == word[:1] and all(letter in rest for letter in short)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _any(names: Iterable[str]) -> str:
    return " | ".join(_quoted(identifier(n)) for n in names)


def identifier(name: str) -> str:
    """A name as SQL, quoted where it has to be."""
    plain = name.isidentifier() and name.isascii() and not is_keyword(name)
    return name if plain else '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """A string literal of the grammar."""
    return json.dumps(text, ensure_ascii=False)
