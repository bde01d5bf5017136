"""What is said to an asker, and why it may be said: the answer, how its question was read, and questions back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from groundwire.agents import languages
from groundwire.agents.grounding import Citation
from groundwire.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Understood:
    """How a question was read before it is answered.

    Attributes:
        question: the whole question, in English; the asker's own words where these were whole.
        sql: the query that it means, where that is known already.
        changes: what a remark changed about the query before, as `country is ES, was DE`.
        assumptions: what was taken for granted, as sentences.
        language: of the asker, as `languages` has it.
        lead: a sentence before the answer.
    """

    question: str
    sql: str | None = None
    changes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    language: str = languages.ENGLISH
    lead: str = ""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One of the readings that a question back offers.

    Attributes:
        text: what the asker sees.
        value: what is remembered when it is chosen.
    """

    text: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said, and why it may be said.

    Attributes:
        text: the answer, the refusal, or, with `options`, a question back.
        understood: the whole question, where that is not what was asked.
        changes: what a remark changed about the query before it.
        assumptions: what was taken for granted.
        options: the readings that the asker is to choose from.
        language: in which it is given.
        example: under which number the question was kept; None where nothing is kept.
        refused: True where the data does not hold the answer or a value could not be traced.
        sql: the query that was answered, None if none was.
        result: its result.
        citations: cells behind the values of the text.
        problems: what went wrong on the way.
        seconds: from question to answer.
        tokens: read and written by the model.
        id: of the question, as in logs, traces and the audit trail.
    """

    question: str
    text: str
    understood: str = ""
    changes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    language: str = languages.ENGLISH
    example: int | None = None
    refused: bool = False
    sql: str | None = None
    result: Result | None = None
    citations: tuple[Citation, ...] = ()
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    tokens: dict[str, int] = field(default_factory=dict)
    id: str = ""

    @property
    def told(self) -> str:
        """The text; of a question back with its options, numbered, a line each."""
        return "\n".join([self.text, *(f"{n}. {o.text}" for n, o in enumerate(self.options, 1))])

    def read_as(self, said: str) -> str:
        """The whole question, where that is not what was said: a remark, or a choice between readings."""
        return self.understood or (self.question if self.question != said else "")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "question": self.question,
            "answer": self.text,
            "understood": self.understood,
            "changes": list(self.changes),
            "assumptions": list(self.assumptions),
            "options": [o.text for o in self.options],
            "language": self.language,
            "refused": self.refused,
            "sql": self.sql,
            "result": self.result.to_dict() if self.result is not None else None,
            "citations": [c.to_dict() for c in self.citations],
            "problems": list(self.problems),
            "seconds": round(self.seconds, 3),
            "tokens": self.tokens,
            "id": self.id,
        }
