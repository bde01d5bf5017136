"""What the asker's hints say that values mean: `zone upper = 'UP'`.

A value that is explained has a label from then on, for this question: the words that stand for it are found in the
question as those of a catalog's own labels are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from groundwire.agents import naming
from groundwire.agents.wording import stems
from groundwire.agents.words import SAID
from groundwire.core.catalog import Entity, Field

_MEANS = re.compile(
    r"(?P<words>[A-Za-z][\w-]*(?: [A-Za-z][\w-]*){0,4}) (?:= |is |are |means |stands for |has the code )"
    r"(?P<quote>['\"`])(?P<value>[^'\"`%]{1,40})(?P=quote)"
)
_LEADS = frozenset("a an and are for has have is of or that the where which who whose with".split())  # noqa: SIM905
_LONGEST = 3
"""Words that a label has at most."""


def explained(entities: Sequence[Entity], hints: str) -> tuple[Sequence[Entity], str]:
    """The entities, with labels for the values that hints explain, and the hints with blanks for what explains them.

    Where several fields may be meant, none has a label.

    Args:
        entities: what may be meant.
        hints: what else the asker says.
    """
    rest_of_hints = hints
    found: dict[tuple[str, str], dict[str, str]] = {}
    for match in _MEANS.finditer(hints):
        words, value = match["words"].split(), match["value"]
        places = [(e, f) for e in entities for f in e.fields if value in f.values and value not in f.labels]
        told = [(e, f, rest) for e, f in places if (rest := _behind(words, f, e)) is not None]
        if not told and len(places) == 1:
            told = [(*places[0], words)]
        rest = [w for w in told[0][2] if w.lower() not in _LEADS] if len(told) == 1 else []
        if 0 < len(rest) <= _LONGEST and not all(w in SAID for w in stems(" ".join(rest))):
            entity, field, _ = told[0]
            found.setdefault((entity.full_name, field.name), {})[value] = " ".join(rest)
            begin, end = match.span()
            rest_of_hints = rest_of_hints[:begin] + " " * (end - begin) + rest_of_hints[end:]
    if not found:
        return entities, hints
    known = [
        replace(e, fields=tuple(_labelled(f, found.get((e.full_name, f.name))) for f in e.fields)) for e in entities
    ]
    return known, rest_of_hints


def _behind(words: list[str], field: Field, entity: Entity) -> list[str] | None:
    """The words behind the field's name; None where that is not named."""
    name = stems(naming.bare(field, entity))
    spoken = [next(iter(stems(w)), "") for w in words]
    for tail in dict.fromkeys((tuple(name), tuple(name[-1:]))):
        for at in range(len(spoken) - len(tail), -1, -1):
            if tuple(spoken[at : at + len(tail)]) == tail:
                return words[at + len(tail) :]
    return None


def _labelled(field: Field, labels: dict[str, str] | None) -> Field:
    return field if labels is None else replace(field, labels={**field.labels, **labels})
