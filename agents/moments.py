"""Which of the dates of a record a time is said of, where the asker does not say."""

from __future__ import annotations

import re

import pyarrow as pa

from groundwire.agents import wording
from groundwire.core.catalog import Entity


def likely_moments(entity: Entity) -> list[str]:
    """The moments that a time said of an entity's records is likeliest of; several where none is likelier.

    What is named after the records themselves (`invoice_date`, `ordered_at`) goes before a plain `date`, that before
    when a record came to be, and that before anything else that happens to it. When it was last written is none.
    """
    own = {wording.root(w) for w in wording.stems(entity.name.split(".")[-1])}
    ranked: dict[int, list[str]] = {}
    for field in entity.fields:
        if not pa.types.is_temporal(field.type) or pa.types.is_time(field.type):
            continue
        words = wording.stems(field.name)
        roots = {wording.root(w) for w in words}
        told = [w for w in words if w not in ("date", "on", "at", "time", "day", "timestamp", "ts", "dt")]
        if re.search(r"modif|updat|chang|sync|load|write", field.name, re.IGNORECASE):
            rank = 9
        elif roots & own and len(told) <= 1:
            rank = 0
        elif not told:
            rank = 1
        elif re.search(
            r"creat|open|plac|start|occur|receiv|submit|book|paid|charg|post|record|taken|regist|issu",
            field.name,
            re.IGNORECASE,
        ):
            rank = 2
        else:
            rank = 3
        ranked.setdefault(rank, []).append(field.name)
    return ranked[min(ranked)] if ranked and min(ranked) < 9 else []
