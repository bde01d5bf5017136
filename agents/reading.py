"""One question, read by code before a small model writes: what it names, what it may compare, when, how many.

Brings together the words (`wording`), the calendar (`periods`), the catalog (`linking`), and what they give
a reason for (`evidence`), and makes of them the hints and the grammars of a draft, and of the draft a query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from groundwire.agents import draft, linking, wording
from groundwire.agents.evidence import Evidence
from groundwire.agents.grammar import Language
from groundwire.core.catalog import Entity


class Reading:
    """What code knows about a question.

    Args:
        question: in the asker's words.
        hints: what else the asker says.
        entities: what the model is shown.
        names: for each full entity name the form in which the model writes it.
    """

    def __init__(self, question: str, hints: str, entities: Sequence[Entity], names: Mapping[str, str]) -> None:
        self.question = question
        self.entities = entities
        self.names = names
        self.wording = wording.read(question, hints)
        self.links = linking.find(question, entities, names)
        self._evidence = Evidence(question, hints, entities)

    @property
    def notes(self) -> list[str]:
        """Hints for the model."""
        counted = linking.counts(self.question, self.entities, self.names)
        return [*(link.text for link in self.links), *counted]

    @cached_property
    def _language(self) -> Language:
        return Language(self.entities, self.names, self.wording, self._evidence)

    @property
    def doubt(self) -> float:
        """Log odds that the data does not hold the answer, on top of what the model thinks; 0 where nothing says so.

        Each word that is unknown here adds to it; the weight was found on development questions.
        """
        return 0.9 * min(len(self._evidence.unknown_words), 3)

    def first_part(self, *, refusal: bool = True) -> str:
        """The grammar of a draft up to and with FROM; see `Language.first_part`."""
        groups = [link.columns[0] for link in self.links if link.grouped and len(link.columns) == 1]
        return self._language.first_part(groups, refusal=refusal)

    def second_part(self, first_part: str) -> tuple[str, str]:
        """How a draft goes on: what is written by now, with the table it starts at if that is sure, and the grammar."""
        required = self._required(first_part)
        start = draft.start(first_part, self.entities, self.names, required)
        table = start.tables[0] if len(start.tables) == 1 else ""
        return f"{first_part.rstrip()} {table}", self._language.second_part(start, required)

    def sql(self, written: str) -> str:
        """The query that a whole draft means."""
        return draft.to_sql(written, self.entities, self.names, self.wording)

    def _required(self, first_part: str) -> list[str]:
        """Conditions that the question leaves no doubt about and that the draft does not hold yet."""
        sure = [link for link in self.links if link.sure]
        often = Counter(link.columns[0] for link in sure)
        return [
            f"{link.columns[0]}{link.comparison}"
            for link in sure
            if often[link.columns[0]] == 1 and not any(f"'{v}'" in first_part for v in link.values)
        ]
