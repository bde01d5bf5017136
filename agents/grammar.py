"""A grammar in which a small model can write queries, and nothing else.

Built from the entities that are shown to the model: a name that does not exist can't be written, nor
can a join (paths replace it), a write, or a second statement. What the grammar leaves open,
which path a bare field takes, the binder decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from groundwire.core.catalog import Entity

_SKELETON = r"""
select ::= "SELECT " ("DISTINCT ")? item (", " item){0,9} " FROM " source tail
source ::= entity | "(" select ") AS " label
tail ::= (" WHERE " cond)? (" GROUP BY " expr (", " expr){0,4})? (" HAVING " cond)? (" ORDER BY " order (", " order){0,2})? (" LIMIT " [1-9] [0-9]{0,3})?
order ::= expr (" ASC" | " DESC")?
item ::= "*" | output (" AS " label)?
output ::= column | worth ((" + " | " - " | " * " | " / ") product){0,4}
worth ::= column | number " * " atom | call | "(" expr ")" | "(" select ")" | case
label ::= [a-z] [a-z0-9_]{0,30}
cond ::= test ((" AND " | " OR ") test){0,6}
test ::= "NOT "? (exists | "(" cond ")" | expr compare)
exists ::= "EXISTS (" inner ")"
inner ::= "SELECT 1 FROM " entity " WHERE " cond
compare ::= (" = " | " <> " | " >= " | " <= " | " > " | " < ") expr | " IS NULL" | " IS NOT NULL" | " IN (" (text (", " text){0,9} | number (", " number){0,9} | select) ")" | " NOT IN (" (text (", " text){0,9} | number (", " number){0,9} | select) ")" | " BETWEEN " sum " AND " sum | (" LIKE " | " ILIKE " | " NOT LIKE ") text
expr ::= sum
sum ::= product ((" + " | " - ") product){0,3}
product ::= atom ((" * " | " / ") atom){0,3}
atom ::= column | number | text | call | "(" expr ")" | "(" select ")" | case | "CURRENT_DATE" | interval | "NULL" | "TRUE" | "FALSE"
interval ::= "INTERVAL '" [0-9]{1,3} " " ("day" | "week" | "month" | "year" | "hour" | "minute") "s"? "'"
case ::= "CASE WHEN " cond " THEN " expr (" WHEN " cond " THEN " expr){0,4} (" ELSE " expr)? " END"
call ::= aggregate (" FILTER (WHERE " cond ")")? | ranking | simple
aggregate ::= "COUNT(*)" | "COUNT(" "DISTINCT "? expr ")" | ("SUM" | "AVG" | "MIN" | "MAX" | "MEDIAN" | "STDDEV") "(" "DISTINCT "? expr ")"
ranking ::= ("RANK()" | "DENSE_RANK()" | "ROW_NUMBER()" | "LAG(" expr ")" | "LEAD(" expr ")" | aggregate) " OVER (" ("PARTITION BY " expr (", " expr){0,2})? " "? ("ORDER BY " order (", " order){0,1})? ")"
simple ::= "DATE_TRUNC('" ("day" | "week" | "month" | "quarter" | "year") "', " expr ")" | "EXTRACT(" ("YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOW" | "HOUR" | "EPOCH") " FROM " expr ")" | "CAST(" expr " AS " ("DATE" | "TIMESTAMP" | "INTEGER" | "DOUBLE" | "VARCHAR") ")" | ("LOWER" | "UPPER" | "ABS" | "LENGTH") "(" expr ")" | "ROUND(" expr (", " [0-9])? ")" | "COALESCE(" expr ", " expr ")" | "NULLIF(" expr ", " expr ")"
number ::= "-"? [0-9]{1,9} ("." [0-9]{1,4})?
text ::= "'" [^'\\\n"]{0,60} "'"
"""


def sql_rules(entities: Iterable[Entity], names: dict[str, str]) -> str:
    """GBNF rules `select`, `entity`, `column` and what they need.

    Args:
        entities: what the model may query.
        names: for each full entity name the form in which the model writes it.
    """
    shown = list(entities)
    fields = sorted({f.name for e in shown for f in e.fields} | {m.name for e in shown for m in e.measures})
    steps = sorted(
        {r.name for e in shown for r in e.relations if r.target in names} | {e.name.split(".")[-1] for e in shown}
    )
    many = sorted({r.name for e in shown for r in e.relations if r.many and r.target in names})
    lines = [
        "entity ::= " + " | ".join(_quoted(n) for n in sorted({*names.values(), *many})),
        "field ::= " + " | ".join(_quoted(_written(f)) for f in fields),
        "step ::= " + (" | ".join(_quoted(_written(s)) for s in steps) or '"_"'),
        'column ::= (step "."){0,3} field',
    ]
    return _SKELETON.strip() + "\n" + "\n".join(lines) + "\n"


def query_grammar(entities: Iterable[Entity], names: dict[str, str]) -> str:
    """GBNF for one query, or for the words that say that the data does not hold the answer."""
    refusal = 'refusal ::= "CANNOT ANSWER: " [^\\n]{3,120}'
    return f"root ::= select | refusal\n{refusal}\n{sql_rules(entities, names)}"


def _written(name: str) -> str:
    """An identifier as SQL, quoted where it has to be."""
    return name if name.isidentifier() and name.isascii() else '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """A GBNF string literal."""
    return json.dumps(text, ensure_ascii=False)
