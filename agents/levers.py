"""What helps a small model to a right query, each part with a switch: to measure whether it carries.

In use all are on. `groundwire eval --ablate NAME` turns one off and asks the same questions again. None of them is
a safeguard: without any, an answer is still made of cells, and a query is still one SELECT over the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

from groundwire.core.catalog import near_names
from groundwire.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Levers:
    """Which helps are in use.

    Attributes:
        links: hints beside the question that say where its words are found, and what is counted.
        tables: only entities that the question is about can be written, and those between them.
        evidence: only values of enumerated fields that the question gives a reason for can be written.
        required: conditions that the question leaves no doubt about must be in the query.
        groups: what is asked per value of a column is shown with that column.
        examples: solved questions in the prompt.
        doubt: words that nothing connected knows make a refusal likelier; without it the model alone decides.
        values: a text that is no value of an enumerated field is read as the value that it resembles.
        repair: a query that was refused is written once more, with the exact error.
        phrasing: the model chooses the words around the values of one record; without it code does.
        prefix_cache: the beginning that prompts share is not evaluated again.
    """

    links: bool = True
    tables: bool = True
    evidence: bool = True
    required: bool = True
    groups: bool = True
    examples: bool = True
    doubt: bool = True
    values: bool = True
    repair: bool = True
    phrasing: bool = True
    prefix_cache: bool = True

    @classmethod
    def without(cls, names: Iterable[str]) -> Self:
        """All but these.

        Raises:
            ConfigError: there is no such lever.
        """
        known = [f.name for f in fields(cls)]
        off = list(names)
        for name in off:
            if name not in known:
                near = near_names(name, known)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise ConfigError(f"nothing is called {name!r}; {hint}", setting="ablate")
        return cls(**dict.fromkeys(off, False))

    def at(self, effort: str) -> Self:
        """These, and for `low` effort none of those that take another turn of the model."""
        return replace(self, repair=False, phrasing=False) if effort == "low" else self

    @classmethod
    def described(cls) -> str:
        """Each name with what it stands for, a line each."""
        text = (cls.__doc__ or "").partition("Attributes:")[2]
        return "\n".join(line.strip() for line in text.strip().splitlines())

    @property
    def off(self) -> tuple[str, ...]:
        """Names of those that are not in use."""
        return tuple(f.name for f in fields(self) if not getattr(self, f.name))
