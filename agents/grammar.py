"""Grammars in which a small model can write queries, and nothing else (llguidance's Lark dialect).

The model writes a *draft*, close to SQL, in two parts: what is shown, up to FROM, and, once code has found the table that
reaches everything shown, the conditions and the order. Names come from the entities that are shown,
values from the question or from what the catalog enumerates, and types fit: a sum is over numbers, a date is compared
with a date. `draft` turns it into the query language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import pyarrow as pa

from groundwire.agents.draft import Start, distances
from groundwire.agents.evidence import Evidence
from groundwire.agents.wording import Wording, stems
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.query import is_keyword

Kind = Literal["number", "moment", "text", "choice", "flag"]
MOST_CHOICES = 25
"""A text field with at most so many values is compared with these only."""

_SELECT = r"""
query: "SELECT " GROUPS item (", " item){0,9} " FROM "
item: value [" AS " LABEL]
LABEL: /[a-z][a-z0-9_]{0,30}/
"""
_REST = r"""
rest: WHEREGROUPED [" HAVING " having (" AND " having)?] ENDING
having: aggregate COMPARE (aggregate | NUMBER)
order: (value | LABEL) [" ASC" | " DESC"]
LABEL: LABELS
"""
_RULES = r"""
value: amount | moment | string | flag
amount: product ((" + " | " - ") product){0,3}
product: factor ((" * " | " / ") factor){0,3}
factor: number | NUMBER | aggregate | elapsed | "(" amount ")" | case | part | "ABS(" amount ")" | "ROUND(" amount [", " /[0-9]/] ")" | "COALESCE(" amount ", " amount ")" | "NULLIF(" amount ", " NUMBER ")" | "CAST(" amount " AS " ("INTEGER" | "DOUBLE") ")" | ranking
aggregate: "COUNT(" (table ".*" | "DISTINCT " counted) ")" | ("SUM(" | "AVG(" | "MEDIAN(") figure ")" | ("MIN(" | "MAX(") (figure | moment) ")" | ("ARG_MAX(" | "ARG_MIN(") column ", " instant ")"
counted: column | period | "CASE WHEN " condition " THEN " column " END"
ranking: ("RANK()" | "DENSE_RANK()" | "ROW_NUMBER()" | "LAG(" amount ")" | "SUM(" amount ")") " OVER (" ["PARTITION BY " column (", " column)?] [" "] ["ORDER BY " value [" ASC" | " DESC"]] ")"
elapsed: "DATE_DIFF('" STRIDE "', " point ", " point ")"
point: instant | ("MIN(" | "MAX(") instant ")" | "CURRENT_DATE"
figure: times ((" + " | " - ") times){0,3}
times: one ((" * " | " / ") one){0,3}
one: number | NUMBER | "(" figure ")" | case | part | "ABS(" figure ")"
case: "CASE WHEN " condition " THEN " figure [" ELSE " figure] " END"
part: "EXTRACT(" PART " FROM " moment [" - " moment] ")"
moment: instant | period | TODAY
period: "DATE_TRUNC('" UNIT "', " instant ")" | "CAST(" instant " AS DATE)"
string: text | choice | ("LOWER(" | "UPPER(") (text | choice) ")"
condition: test ((" AND " | " OR ") test){0,7}
test: simple | "(" condition ")" ABSENT
inner: [" WHERE " inside (" AND " inside){0,3}]
inside: flag " = TRUE" | flag " = FALSE" | measured COMPARE number ASKED SPANS TEXTS NULLS CHOICES
simple: measured COMPARE number | part MEMBER ("0" | "1" | "2" | "3" | "4" | "5" | "6") (", " ("0" | "1" | "2" | "3" | "4" | "5" | "6")){0,6} ")" ASKED
    | flag " = TRUE" | flag " = FALSE" MOMENTS SPANS TEXTS NULLS CHOICES
measured: number [(" + " | " - " | " * " | " / ") number]
reference: moment | moment (" - " | " + ") STEP | extreme
extreme: "(SELECT " ("MIN(" | "MAX(") instant ") FROM " table [" WHERE " inside (" AND " inside)?] ")"
ORDERED: " >= " | " <= " | " > " | " < "
COMPARE: " = " | " <> " | " >= " | " <= " | " > " | " < "
COMPARE_TEXT: " = " | " <> " | " LIKE " | " NOT LIKE " | " ILIKE "
MEMBER: MEMBERS
STRIDE: "second" | "minute" | "hour" | "day" | "week" | "month" | "year"
UNIT: "day" | "week" | "month" | "quarter" | "year"
PART: "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOW" | "HOUR" | "EPOCH"
"""
_MOMENTS = """ | moment ORDERED reference | period " = " period | instant " = " extreme"""
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


class Language:
    """The drafts that a question may be answered with.

    Args:
        entities: what the model may query.
        names: for each full entity name the form in which the model writes it.
        wording: what the question says.
        evidence: which values of enumerated fields it gives a reason to write.
    """

    def __init__(
        self, entities: Iterable[Entity], names: Mapping[str, str], wording: Wording, evidence: Evidence
    ) -> None:
        self.shown = {e.full_name: e for e in entities}
        self.walked = list(self.shown.values())
        self.names = names
        self.wording = wording
        self.evidence = evidence

    def first_part(self, groups: Iterable[str] = (), *, refusal: bool = True) -> str:
        """Lark for a draft up to and with FROM, or for the words that say that the data does not hold the answer.

        Args:
            groups: columns that are shown first, because the question asks for something per value of them.
            refusal: whether those words are allowed.
        """
        first = "".join(f"{column}, " for column in groups)
        select = _SELECT.replace("GROUPS", _quoted(first) if first else '["DISTINCT "]')
        start = 'start: query | "CANNOT ANSWER: " REASON' if refusal else "start: query"
        return "\n".join([start, select.strip(), *([_REASON] if refusal else []), *self._shared()]) + "\n"

    def second_part(self, start: Start, required: Sequence[str] = ()) -> str:
        """Lark for what follows FROM.

        Args:
            start: where the first part leads; its table is written already where there is one only.
            required: conditions that the question leaves no doubt about.
        """
        if len(start.tables) == 1:
            language = Language(self.shown.values(), self.names, self.wording, self.evidence)
            language._start_at(start.tables[0])
        else:
            language = self
        table = "(" + " | ".join(_quoted(t) for t in start.tables) + ") " if len(start.tables) > 1 else ""
        grouped = f" {_quoted(f' GROUP BY {start.keys}')}" if start.keys else ""
        first = " AND ".join(required)
        where = f'{_quoted(f" WHERE {first}")} [" AND " condition]' if required else '[" WHERE " condition]'
        rules = (
            _REST.replace("WHERE", where)
            .replace("ENDING", self._ending())
            .replace("LABELS", _any(start.labels or ["-"]))
        )
        rules = rules.replace("GROUPED", grouped)
        return "\n".join([f"start: {table}rest", rules.strip(), *language._shared()]) + "\n"

    def _start_at(self, table: str) -> None:
        """Leave what conditions on a table may speak of: what its records belong to, and what belongs to them."""
        root = next(n for n in self.shown if self.names[n] == table)
        ones = distances(self.shown, root)
        many = (n for n, e in self.shown.items() if any(not r.many and r.target == root for r in e.relations))
        self.walked = [self.shown[n] for n in ones]
        self.shown = {n: self.shown[n] for n in dict.fromkeys([*ones, *many])}

    def _shared(self) -> list[str]:
        rules = _RULES.replace("MEMBERS", '" IN (" | " NOT IN ("' if self.wording.absence else '" IN ("')
        rules = rules.replace(" CHOICES", self._choices()).replace(
            " ABSENT", self._absent() if self.wording.absence else ""
        )
        asked = (
            ""
            if not self.wording.numbers
            else ' | measured COMPARE ASKED | measured " BETWEEN " ASKED " AND " ASKED | number MEMBER ASKED (", " ASKED){0,9} ")"'
        )
        rules = rules.replace(" ASKED\n", f"{asked}\n").replace(" ASKED SPANS", f"{asked} SPANS")
        texts = (
            ' | prose COMPARE_TEXT TEXT | ("LOWER(" | "UPPER(") (prose | choice) ")" COMPARE_TEXT TEXT'
            ' | prose MEMBER TEXT (", " TEXT){0,9} ")"'
        )
        rules = rules.replace(" TEXTS", texts if self.evidence.text_words else "")
        rules = rules.replace(" NULLS", ' | column (" IS NULL" | " IS NOT NULL")' if self.wording.absence else "")
        rules = rules.replace(" MOMENTS", _MOMENTS if self.wording.moments else "")
        rules = rules.replace(" SPANS", ' | instant " DURING " SPAN' if self.wording.spans else "")
        rules = rules.replace(" | TODAY", "" if self.wording.spans else ' | "CURRENT_DATE"')
        lines = [rules.strip(), "table: " + " | ".join(_quoted(self.names[n]) for n in self.shown)]
        for rule, kinds in (
            ("number", ("number",)),
            ("instant", ("moment",)),
            ("text", ("text",)),
            ("choice", ("choice",)),
            ("flag", ("flag",)),
            ("column", ("number", "moment", "text", "choice", "flag")),
        ):
            lines.append(f"{rule}: {self._columns(kinds)}")
        key_like = any(c.isdigit() for w in self.evidence.text_words for c in w)
        lines.append(f"prose: {self._columns(('text',), keys=key_like)}")
        return [*lines, *self._literals()]

    def _ending(self) -> str:
        """ORDER BY and LIMIT: both where the question ranks."""
        order = '" ORDER BY " order (", " order){0,2}'
        if self.wording.limit is not None:
            return f'{order} " LIMIT {self.wording.limit}"'
        return f'[{order} [" LIMIT 1"]]'

    def _ways(self) -> Iterable[tuple[str, Entity]]:
        """How an entity may be named before a field: by its own name, or by a relation that this does not tell."""
        for name, entity in self.shown.items():
            yield self.names[name], entity
        for entity in self.walked:
            for relation in told_relations(entity, {n: self.names[n] for n in self.shown}):
                yield identifier(relation.name), self.shown[relation.target]

    def _columns(self, kinds: tuple[str, ...], *, keys: bool = True) -> str:
        """Fields of these kinds, each behind a name; `keys` says whether those that only tell which record are some."""
        ways: dict[str, dict[str, None]] = {}
        for way, entity in self._ways():
            fields = [f.name for f in entity.fields if kind(f, entity) in kinds]
            if not keys:
                fields = [f for f in fields if f not in keys_of(entity)]
            fields += [m.name for m in entity.measures] if "number" in kinds else []
            ways.setdefault(way, {}).update(dict.fromkeys(fields))
        return " | ".join(f'{_quoted(way)} "." ({_any(own)})' for way, own in ways.items() if own) or '"NULL"'

    def _choices(self) -> str:
        """Comparisons of enumerated fields, each with its own values; equal lists share a rule."""
        by_values: dict[tuple[str, ...], dict[str, None]] = {}
        for way, entity in self._ways():
            for field in entity.fields:
                values = tuple(v for v in choices(field, entity) if self.evidence(field, v))
                if values:
                    # three terminals, not one: the lexer is greedy, and would take `orders.` for a beginning of this only
                    by_values.setdefault(values, {})[f'{_quoted(way)} "." {_quoted(identifier(field.name))}'] = None
        tests = []
        for values, forms in by_values.items():
            one = "(" + " | ".join(_quoted("'" + v.replace("'", "''") + "'") for v in values) + ")"
            column = "(" + " | ".join(forms) + ")"
            tests.append(f'{column} ((" = " | " <> ") {one} | MEMBER {one} (", " {one}){{0,8}} ")")')
        return "".join(f"\n    | {t}" for t in tests)

    def _absent(self) -> str:
        """`customers.id NOT IN (SELECT orders.customer_id FROM orders ...)` for every reference."""
        tests = ['"NOT (" condition ")"']
        for child in self.shown.values():
            for relation in child.relations:
                if not relation.many and relation.target in self.shown and len(relation.on) == 1:
                    (here, there), name = relation.on[0], _quoted(self.names[child.full_name])
                    key = f'{_quoted(self.names[relation.target])} "." {_quoted(identifier(there))}'
                    reference = f'{name} "." {_quoted(identifier(here))}'
                    tests.append(f'{key} " NOT IN (SELECT " {reference} " FROM " {name} inner ")"')
        return "".join(f"\n    | {t}" for t in dict.fromkeys(tests))

    def _literals(self) -> list[str]:
        """Terminals for values: what the question says, and a few numbers that carry no facts."""
        wording = self.wording
        numbers = dict.fromkeys([*wording.numbers, "0", "1", "1.0", "100", "100.0"])
        words = self.evidence.text_words
        forms = dict.fromkeys(form for w in words for form in (w, w.lower(), w.upper(), w.capitalize()))
        word = " | ".join(_quoted(w.replace("'", "''")) for w in forms)
        texts = [f"WORD: {word}", 'TEXT: "\'" "%"? WORD (" " WORD){0,7} "%"? "\'"'] if words else []
        spans = [f"SPAN: {' | '.join(_quoted(_text(s.text)) for s in wording.spans)}"] if wording.spans else []
        return [
            "NUMBER: " + " | ".join(_quoted(n) for n in numbers),
            "STEP: " + " | ".join(_quoted(f"INTERVAL '{s}'") for s in wording.steps or ("1 day",)),
            *([f"ASKED: {' | '.join(_quoted(n) for n in wording.numbers)}"] if wording.numbers else []),
            *texts,
            *spans,
        ]


def told_relations(entity: Entity, names: Mapping[str, str]) -> Iterable[Relation]:
    """To-one relations to what is shown whose names say more than their targets' names."""
    for relation in entity.relations:
        target = names.get(relation.target)
        if not relation.many and target is not None and stems(relation.name) != stems(target.split(".")[-1]):
            yield relation


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
