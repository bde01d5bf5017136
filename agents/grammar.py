"""A grammar in which a small model can write queries, and nothing else.

Built from the entities that are shown to the model, FROM first: once the entity is chosen, only its
own fields and the paths that start at it can be written. A name that does not exist, a join, a write or
a second statement can't be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from groundwire.core.catalog import Entity, Relation

PATH_STEPS = 3
"""To-one steps that a path in a written query may take."""

_PER_ENTITY = r"""
select-@ ::= " SELECT " ("DISTINCT ")? item-@ (", " item-@){0,9} (" WHERE " cond-@)? (" GROUP BY " group-@ (", " group-@){0,4})? (" HAVING " cond-@)? (" ORDER BY " order-@ (", " order-@){0,2})? (" LIMIT " [1-9] [0-9]{0,3})?
group-@ ::= col-@ | dates-@
order-@ ::= sum-@ (" ASC" | " DESC")?
item-@ ::= "*" | output-@ (" AS " label)?
output-@ ::= worth-@ ((" + " | " - " | " * " | " / ") product-@){0,4}
worth-@ ::= col-@ | call-@ | case-@ | "(" sum-@ ")"
cond-@ ::= test-@ ((" AND " | " OR ") test-@){0,6}
test-@ ::= "(" cond-@ ")" | sum-@ compare-@ | "NOT "? exists-@
compare-@ ::= (" = " | " <> " | " >= " | " <= " | " > " | " < ") sum-@ | " IS NULL" | " IS NOT NULL" | (" IN (" | " NOT IN (") (text (", " text){0,9} | number (", " number){0,9}) ")" | " BETWEEN " sum-@ " AND " sum-@ | (" LIKE " | " ILIKE " | " NOT LIKE ") text
sum-@ ::= product-@ ((" + " | " - ") product-@){0,3}
product-@ ::= atom-@ ((" * " | " / ") atom-@){0,3}
atom-@ ::= col-@ | number | text | call-@ | "(" sum-@ ")" | case-@ | "CURRENT_DATE" | interval | "TRUE" | "FALSE"
case-@ ::= "CASE WHEN " cond-@ " THEN " sum-@ (" WHEN " cond-@ " THEN " sum-@){0,4} (" ELSE " sum-@)? " END"
call-@ ::= aggregate-@ (" FILTER (WHERE " cond-@ ")")? | ranking-@ | dates-@ | other-@
aggregate-@ ::= "COUNT(*)" | "COUNT(" "DISTINCT "? counted-@ ")" | ("SUM" | "AVG" | "MIN" | "MAX" | "MEDIAN") "(" summed-@ ")"
ranking-@ ::= ("RANK()" | "DENSE_RANK()" | "ROW_NUMBER()" | "LAG(" sum-@ ")" | aggregate-@) " OVER (" ("PARTITION BY " col-@ (", " col-@){0,2} " "?)? ("ORDER BY " order-@)? ")"
dates-@ ::= "DATE_TRUNC('" ("day" | "week" | "month" | "quarter" | "year") "', " sum-@ ")" | "EXTRACT(" ("YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOW" | "HOUR" | "EPOCH") " FROM " sum-@ ")"
other-@ ::= "CAST(" sum-@ " AS " ("DATE" | "TIMESTAMP" | "INTEGER" | "DOUBLE" | "VARCHAR") ")" | ("LOWER" | "UPPER" | "ABS" | "LENGTH") "(" sum-@ ")" | "ROUND(" sum-@ (", " [0-9])? ")" | ("COALESCE(" | "NULLIF(") sum-@ ", " sum-@ ")"
"""

_COMMON = r"""
label ::= [a-z] [a-z0-9_]{0,30}
interval ::= "INTERVAL '" [0-9]{1,3} " " ("day" | "week" | "month" | "year" | "hour" | "minute") "s"? "'"
number ::= "-"? [0-9]{1,9} ("." [0-9]{1,4})?
text ::= "'" [^'\\\n"]{0,60} "'"
"""


def query_grammar(entities: Iterable[Entity], names: dict[str, str]) -> str:
    """GBNF for one query, or for the words that say that the data does not hold the answer.

    Args:
        entities: what the model may query.
        names: for each full entity name the form in which the model writes it.
    """
    shown = {e.full_name: e for e in entities}
    index = {name: i for i, name in enumerate(sorted(shown))}
    lines = ['refusal ::= "CANNOT ANSWER: " [^\\n0-9]{3,120}', *_COMMON.strip().splitlines()]
    starts = []
    for name, i in index.items():
        starts.append(f"{_quoted('FROM ' + names[name])} select-{i}")
        lines += _PER_ENTITY.replace("@", str(i)).strip().splitlines()
        lines += _columns(shown[name], i, index, _reachable(shown[name], shown))
    return "\n".join(["root ::= " + " | ".join([*starts, "refusal"]), *lines]) + "\n"


def _reachable(entity: Entity, shown: dict[str, Entity]) -> list[str]:
    """Bare field names that exactly one shortest to-one path reaches; the binder finds it again."""
    taken = {f.name.lower() for f in entity.fields} | {r.name.lower() for r in entity.relations}
    seen, level, found = {entity.full_name}, [entity], list[str]()
    for _ in range(PATH_STEPS):
        ends = [
            r.target for e in level for r in e.relations if not r.many and r.target in shown and r.target not in seen
        ]
        names = [f.name for end in ends for f in shown[end].fields]
        found += [n for n in names if n.lower() not in taken and [m.lower() for m in names].count(n.lower()) == 1]
        taken |= {n.lower() for n in names}
        seen |= set(ends)
        level = [shown[end] for end in dict.fromkeys(ends)]
    return found


def _columns(entity: Entity, i: int, index: dict[str, int], reachable: list[str]) -> list[str]:
    """Rules for the fields of an entity and for the paths that start at it."""
    fields = [_quoted(_written(f.name)) for f in entity.fields]
    ones = [r for r in entity.relations if not r.many and r.target in index]
    many = [r for r in entity.relations if r.many and r.target in index]
    lines = [f"own-{i} ::= " + " | ".join(fields)]
    for depth in range(PATH_STEPS + 1):
        steps = [_step(r, index, depth - 1) for r in ones] if depth else []
        lines.append(f"path{depth}-{i} ::= " + " | ".join([f"own-{i}", *steps]))
    measures = [*(_quoted(m.name) for m in entity.measures), *(_quoted(_written(n)) for n in reachable)]
    lines.append(f"col-{i} ::= " + " | ".join([f"path{PATH_STEPS}-{i}", *measures]))
    behind = [f"{_quoted(_written(r.name) + '.')} own-{index[r.target]}" for r in many]
    relations = [_quoted(_written(r.name)) for r in many]
    lines.append(f"counted-{i} ::= " + " | ".join([f"sum-{i}", *relations]))
    lines.append(f"summed-{i} ::= " + " | ".join([f"sum-{i}", *behind]))
    exists = [
        f'{_quoted(f"EXISTS (SELECT 1 FROM {_written(r.name)}")} (" WHERE " cond-{index[r.target]})? ")"' for r in many
    ]
    lines.append(f"exists-{i} ::= " + (" | ".join(exists) or f"sum-{i} compare-{i}"))
    return lines


def _step(relation: Relation, index: dict[str, int], depth: int) -> str:
    return f"{_quoted(_written(relation.name) + '.')} path{depth}-{index[relation.target]}"


def _written(name: str) -> str:
    """An identifier as SQL, quoted where it has to be."""
    return name if name.isidentifier() and name.isascii() else '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """A GBNF string literal."""
    return json.dumps(text, ensure_ascii=False)
