"""Which values a text field takes, from a sample of its records.

A field with few values is a category, and a question names them: "customers in Germany". What may be looked at and
what counts as few is the same for every connector that profiles its data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import pyarrow as pa

from groundwire.core.catalog import Entity, names_a_secret

MAX_VALUES = 25
MAX_LENGTH = 80


def open_texts(entity: Entity, unique: Collection[str] = ()) -> list[str]:
    """Text fields that may be sampled and whose values nobody has listed.

    Args:
        entity: from discovery, with sensitive fields marked.
        unique: fields that hold no value twice.
    """
    return [
        f.name
        for f in entity.fields
        if pa.types.is_string(f.type)
        and not f.values
        and f.name not in unique
        and not f.sensitive
        and not names_a_secret(f.name)
    ]


class Distinct:
    """The values of some columns, as rows come; a column with too many or too long ones is given up."""

    def __init__(self, names: Iterable[str]) -> None:
        self._seen: dict[str, set[str]] = {name: set() for name in names}
        self._counts = dict.fromkeys(self._seen, 0)

    def add(self, row: Mapping[str, object]) -> bool:
        """Take a row; False where no column is left to look at."""
        for name in list(self._seen):
            value = row[name]
            if value is None:
                continue
            self._counts[name] += 1
            self._seen[name].add(str(value))
            if len(self._seen[name]) > MAX_VALUES or len(str(value)) > MAX_LENGTH:
                del self._seen[name]
        return bool(self._seen)

    def described(self, entity: Entity) -> Entity:
        """The entity with `values` filled."""
        found = {
            name: tuple(sorted(values))
            for name, values in self._seen.items()
            # a column that never repeats a value is a name, not a category
            if values and (self._counts[name] > len(values) or len(values) == 1)
        }
        return replace(
            entity,
            fields=tuple(replace(f, values=found[f.name]) if f.name in found else f for f in entity.fields),
        )
