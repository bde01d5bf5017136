"""What codes mean, where a column's comment says it: `B = bronze, S = silver`.

Databases keep codes and tell people what they mean in a comment; a question uses the people's words. Systems that
list labels themselves (picklists, selections) need none of this. A comment is read as a list of codes only if it
explains most of the values that the column really holds. Of a column of whole numbers the comment is all there is to
read: `10 = signed, 20 = running`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pyarrow as pa

from groundwire.core.catalog import Entity, Field

LONGEST = 40
"""Characters of a label; what is longer is a sentence about the code."""

_ENDS = r"\s*([^,;|/\n()\[\]=:]+)"
_JOINS = r"['\"`]?\s*(?:=>?|:|->|–|—|-(?=\s)|\bmeans\b|\bis\b|\bfor\b)"


def with_labels(entities: Iterable[Entity]) -> list[Entity]:
    """Entities of one source whose coded fields have the labels that comments give.

    A field without a comment takes the labels of one that has the same name and at least the same values.
    """
    read = [replace(e, fields=tuple(_read(f) for f in e.fields)) for e in entities]
    told: dict[str, list[Field]] = {}
    for field in (f for e in read for f in e.fields if f.labels):
        told.setdefault(field.name.lower(), []).append(field)
    return [replace(e, fields=tuple(_shared(f, told.get(f.name.lower(), ())) for f in e.fields)) for e in read]


_NUMBERED = re.compile(rf"(?<![\w.,-])(\d{{1,4}}){_JOINS}{_ENDS}")


def _read(field: Field) -> Field:
    if field.labels or not field.description:
        return field
    if pa.types.is_integer(field.type) and not field.values:
        numbered = {m[1]: m[2].strip(" .'\"`-")[:LONGEST] for m in _NUMBERED.finditer(field.description)}
        named = {value: label for value, label in numbered.items() if re.search(r"[^\W\d_]{3}", label)}
        return replace(field, values=tuple(named), labels=named) if len(named) > 1 else field
    if not field.values:
        return field
    found = {}
    for value in field.values:
        code = re.escape(value)
        # `B = bronze`, `'B' means bronze`, or the other way round: `bronze (B)`
        match = re.search(rf"(?<![\w-]){code}(?![\w-]){_JOINS}{_ENDS}", field.description)
        # `B bronze, S silver`
        match = match or re.search(rf"(?:^|[,;:(|/])\s*['\"`]?{code}['\"`]?\s+([^,;|/\n()\[\]=:]+)", field.description)
        match = match or re.search(rf"([\w -]+?)\s*\(\s*['\"`]?{code}['\"`]?\s*\)", field.description)
        label = match[1].strip(" .'\"`-") if match else ""
        if 0 < len(label) <= LONGEST and label.lower() != value.lower():
            found[value] = label
    return replace(field, labels=found) if len(found) > 1 and 2 * len(found) >= len(field.values) else field


def _shared(field: Field, told: Sequence[Field]) -> Field:
    if field.labels or not field.values:
        return field
    for other in told:
        if set(field.values) <= set(other.values):
            return replace(field, labels={v: other.labels[v] for v in field.values if v in other.labels})
    return field
