"""What earlier turns were about, where nothing but their texts is known: after a restart, or in another process.

The question that a remark is about is put together from the asker's own words; the language model makes a whole
question of it and the remark (`rewriting`), as it does for remarks that code does not understand. Nothing of the
earlier turns is answered again. Texts that a client sends are as true as the client: they only become a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Turn = tuple[str, str]
"""What was asked, and what was said to it."""

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
    for asked, _ in reversed(turns[-MOST_TURNS:]):
        text = english(asked)
        words.append(text)
        if not is_remark(text):
            break
    if not words:
        return None
    answer = turns[-1][1]
    return Ground(question=" ".join(reversed(words))[-MOST_CHARACTERS:], answer=answer[:MOST_CHARACTERS])


__all__ = ["MOST_CHARACTERS", "MOST_TURNS", "Ground", "Turn", "ground", "options"]
