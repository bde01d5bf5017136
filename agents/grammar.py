"""A grammar in which a small model can write queries, and nothing else (llguidance's Lark dialect).

Names come from the entities that are shown, values from the question or from what the catalog
enumerates, and types fit: a sum is over numbers, a date is compared with a date. There is no JOIN: a
field of another entity is written `entity.field`, and the binder finds the way there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal

import pyarrow as pa

from groundwire.agents.wording import Wording
from groundwire.core.catalog import Entity, Field
from groundwire.core.query import is_keyword

Kind = Literal["number", "moment", "text", "choice", "flag"]
MOST_CHOICES = 25
"""A text field with at most so many values is compared with these only."""

_RULES = r"""
start: STARTS
query: "SELECT " ["DISTINCT "] item (", " item){0,9} " FROM " table [" WHERE " condition] [" GROUP BY " group (", " group){0,4}] [" HAVING " condition] ENDING
item: value [" AS " LABEL]
group: column | period | LABEL
order: (value | LABEL) [" ASC" | " DESC"]
value: amount | moment | string | flag
amount: product ((" + " | " - ") product){0,3}
product: factor ((" * " | " / ") factor){0,3}
factor: number | NUMBER | aggregate | "(" amount ")" | case | part | "ABS(" amount ")" | "ROUND(" amount [", " /[0-9]/] ")" | "COALESCE(" amount ", " amount ")" | "NULLIF(" amount ", " NUMBER ")" | "CAST(" amount " AS " ("INTEGER" | "DOUBLE") ")" | ranking
case: "CASE WHEN " condition " THEN " amount [" ELSE " amount] " END"
part: "EXTRACT(" PART " FROM " moment [" - " moment] ")"
aggregate: "COUNT(" ("*" | ["DISTINCT "] counted) ")" | ("SUM(" | "AVG(" | "MEDIAN(") amount ")" | ("MIN(" | "MAX(") (amount | moment) ")" | ("ARG_MAX(" | "ARG_MIN(") column ", " instant ")"
counted: column | period | "CASE WHEN " condition " THEN " (column | "1") " END"
ranking: ("RANK()" | "DENSE_RANK()" | "ROW_NUMBER()" | "LAG(" amount ")" | "SUM(" amount ")") " OVER (" ["PARTITION BY " column (", " column)?] [" "] ["ORDER BY " order] ")"
moment: instant | period | "CURRENT_DATE" | moment_step
moment_step: (instant | period | "CURRENT_DATE") (" - " | " + ") INTERVAL
period: "DATE_TRUNC('" UNIT "', " (instant | "CURRENT_DATE") ")" | "CAST(" instant " AS DATE)"
string: text | choice | ("LOWER(" | "UPPER(") (text | choice) ")"
condition: test ((" AND " | " OR ") test){0,7}
test: simple | "(" condition ")" | "NOT (" condition ")" | column MEMBER "SELECT " column " FROM " table inner ")"
inner: [" WHERE " simple (" AND " simple){0,3}]
simple: amount COMPARE amount | amount " BETWEEN " amount " AND " amount | number MEMBER NUMBER (", " NUMBER){0,9} ")" | part MEMBER NUMBER (", " NUMBER){0,9} ")"
    | moment COMPARE date | moment " BETWEEN " date " AND " date
    | text COMPARE_TEXT TEXT | ("LOWER(" | "UPPER(") (text | choice) ")" COMPARE_TEXT TEXT | text MEMBER TEXT (", " TEXT){0,9} ")"
    | flag [" = TRUE" | " = FALSE"] | column (" IS NULL" | " IS NOT NULL")
    | text " = " text CHOICES
date: moment DATES | "(SELECT " ("MIN(" | "MAX(") instant ") FROM " table inner ")"
COMPARE: " = " | " <> " | " >= " | " <= " | " > " | " < "
COMPARE_TEXT: " = " | " <> " | " LIKE " | " NOT LIKE " | " ILIKE "
MEMBER: " IN (" | " NOT IN ("
UNIT: "day" | "week" | "month" | "quarter" | "year"
PART: "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOW" | "HOUR" | "EPOCH"
LABEL: /[a-z][a-z0-9_]{0,30}/
"""
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


def kind(field: Field) -> Kind:
    """How a field may be used."""
    type_ = field.type
    if pa.types.is_boolean(type_):
        return "flag"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return "moment"
    return "choice" if choices(field) else "text"


def choices(field: Field) -> tuple[str, ...]:
    """The values that a text field is compared with where they are few and read like words, not like keys."""
    values = field.values
    if not values or len(values) > MOST_CHOICES or field.sensitive:
        return ()
    keys = sum(len(v) > 40 or (any(c.isdigit() for c in v) and len(v) > 4) for v in values)
    return () if 2 * keys > len(values) else values


def query_grammar(
    entities: Iterable[Entity], names: Mapping[str, str], wording: Wording, *, refusal: bool = True
) -> str:
    """Lark for one query, or for the words that say that the data does not hold the answer.

    Args:
        entities: what the model may query.
        names: for each full entity name the form in which the model writes it.
        wording: what the question says.
        refusal: whether those words are allowed.
    """
    shown = {e.full_name: e for e in entities}
    rules = _RULES.replace("ENDING", _ending(wording)).replace("CHOICES", _choices(shown.values(), names))
    rules = rules.replace("STARTS", 'query | "CANNOT ANSWER: " REASON' if refusal else "query")
    rules = rules.replace("DATES", " | DATE" if wording.years else "")
    lines = [rules.strip(), "table: " + " | ".join(_quoted(names[n]) for n in shown)]
    for rule, kinds in (
        ("number", ("number",)),
        ("instant", ("moment",)),
        ("text", ("text",)),
        ("choice", ("choice",)),
        ("flag", ("flag",)),
        ("column", ("number", "moment", "text", "choice", "flag")),
    ):
        lines.append(f"{rule}: {_columns(shown, names, kinds)}")
    lines += [_REASON] if refusal else []
    return "\n".join([*lines, *_literals(wording)]) + "\n"


def _ending(wording: Wording) -> str:
    """ORDER BY and LIMIT: both where the question ranks."""
    order = '" ORDER BY " order (", " order){0,2}'
    if wording.limit is not None:
        return f'{order} " LIMIT {wording.limit}"'
    return f'[{order} [" LIMIT 1"]]'


def _columns(shown: Mapping[str, Entity], names: Mapping[str, str], kinds: tuple[str, ...]) -> str:
    """Fields of these kinds: bare, behind an entity's name, or behind a relation that its target's name does not tell."""
    fields = {n: [f.name for f in e.fields if kind(f) in kinds] for n, e in shown.items()}
    if "number" in kinds:
        for name, entity in shown.items():
            fields[name] += [m.name for m in entity.measures]
    bare = dict.fromkeys(f for own in fields.values() for f in own)
    if not bare:
        return '"NULL"'
    ways: dict[str, dict[str, None]] = {}
    for name, own in fields.items():
        ways.setdefault(names[name], {}).update(dict.fromkeys(own))
    for entity in shown.values():
        for relation in entity.relations:
            if (
                not relation.many
                and relation.target in shown
                and relation.name.lower() != names[relation.target].lower()
            ):
                ways.setdefault(_identifier(relation.name), {}).update(dict.fromkeys(fields[relation.target]))
    parts = [_any(bare)]
    parts += [f'{_quoted(way)} "." ({_any(own)})' for way, own in ways.items() if own]
    return " | ".join(parts)


def _choices(entities: Iterable[Entity], names: Mapping[str, str]) -> str:
    """Comparisons of enumerated fields, each with its own values; equal lists share a rule."""
    by_values: dict[tuple[str, ...], dict[str, None]] = {}
    for entity in entities:
        ways = [names[entity.full_name], *_relation_names(entity, entities)]
        for field in entity.fields:
            if kind(field) == "choice":
                written = _identifier(field.name)
                forms = by_values.setdefault(choices(field), {})
                # three terminals, not one: the lexer is greedy, and would take `orders.` for a beginning of this only
                forms.update(dict.fromkeys([_quoted(written), *(f'{_quoted(w)} "." {_quoted(written)}' for w in ways)]))
    tests = []
    for values, forms in by_values.items():
        one = "(" + " | ".join(_quoted("'" + v.replace("'", "''") + "'") for v in values) + ")"
        column = "(" + " | ".join(forms) + ")"
        tests.append(f'{column} ((" = " | " <> ") {one} | MEMBER {one} (", " {one}){{0,8}} ")")')
    return "".join(f"\n    | {t}" for t in tests)


def _relation_names(entity: Entity, entities: Iterable[Entity]) -> list[str]:
    return list(
        dict.fromkeys(
            _identifier(r.name)
            for other in entities
            for r in other.relations
            if not r.many and r.target == entity.full_name
        )
    )


def _literals(wording: Wording) -> list[str]:
    """Terminals for values: what the question says, and a few numbers that carry no facts."""
    numbers = dict.fromkeys([*wording.numbers, "0", "1", "1.0", "100", "100.0"])
    steps = dict.fromkeys(n for w in (*wording.numbers, "1") if w.isdigit() for n in (w, str(int(w) - 1)) if n != "0")
    words = dict.fromkeys(form for w in wording.words for form in (w, w.lower(), w.upper(), w.capitalize()))
    word = " | ".join(_quoted(w.replace("'", "''")) for w in words) or '"-"'
    years = dict.fromkeys(y for year in wording.years for y in (year, year + 1))
    day = r"-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])( [0-2][0-9]:[0-5][0-9]:[0-5][0-9])?"
    dates = [f"DATE: /'({'|'.join(map(str, years))}){day}'/"] if years else []
    return [
        "NUMBER: " + " | ".join(_quoted(n) for n in numbers),
        f'INTERVAL: "INTERVAL \'" ({_any(steps)}) " " ("day" | "week" | "month" | "year" | "hour" | "minute") "s"? "\'"',
        f"WORD: {word}",
        'TEXT: "\'" "%"? WORD (" " WORD){0,7} "%"? "\'"',
        *dates,
    ]


def _any(names: Iterable[str]) -> str:
    return " | ".join(_quoted(_identifier(n) if not n[:1].isdigit() else n) for n in names)


def _identifier(name: str) -> str:
    """A name as SQL, quoted where it has to be."""
    plain = name.isidentifier() and name.isascii() and not is_keyword(name)
    return name if plain else '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """A string literal of the grammar."""
    return json.dumps(text, ensure_ascii=False)
