"""What earlier turns were about, where only what a client sends of them is known: after a restart, in another process.

Where the query comes back with an answer, it is read again, and remarks are understood as ever. Else the question that
a remark is about is put together from the asker's own words; the language model makes a whole question of it and the
remark (`rewriting`), as it does for remarks that code does not understand. No model answers earlier turns again. What a
client sends is as true as the client: it only becomes a question or a query of its principal's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Turn(NamedTuple):
    """What was asked and what was said to it; where it came back, the whole question and the query that answered it."""

    asked: str
    said: str
    question: str = ""
    sql: str = ""


MOST_TURNS = 4
"""Turns that are read back for the question that a remark is about."""
MOST_CHARACTERS = 600
"""Of the question and of its answer, as the model is told of them."""
_OPTION = re.compile(r"^(\d)\. (.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a remark is about.

    Attributes:
        question: in the asker's words, with the remarks since.
        answer: what was said last.
    """

    question: str
    answer: str


def options(said: str) -> list[str]:
    """The readings that a question back offered, in its own form (`Answer.told`); none in any other text."""
    found = _OPTION.findall(said)
    return [text for _, text in found] if [int(n) for n, _ in found] == list(range(1, len(found) + 1)) else []


def ground(turns: Sequence[Turn], english: Callable[[str], str], is_remark: Callable[[str], bool]) -> Ground | None:
    """What a remark after these turns is about; None where there are none.

    Args:
        turns: the oldest first.
        english: puts a text into English.
        is_remark: whether an English text can't be read by itself.
    """
    words: list[str] = []
    for turn in reversed(turns[-MOST_TURNS:]):
        text = english(turn.asked)
        words.append(text)
        if not is_remark(text):
            break
    if not words:
        return None
    question = " ".join(reversed(words))[-MOST_CHARACTERS:]
    return Ground(question=question, answer=turns[-1].said[:MOST_CHARACTERS])


__all__ = ["MOST_CHARACTERS", "MOST_TURNS", "Ground", "Turn", "ground", "options"]
