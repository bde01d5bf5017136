"""Tokens that a language model read and wrote for one question, whatever parts the question is answered in.

They are counted where a model is asked, and added up for whoever answers the whole: its budget is charged for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_core.messages import BaseMessage

_spent: ContextVar[dict[str, int] | None] = ContextVar("groundwire_spent", default=None)


@contextmanager
def counting() -> Iterator[dict[str, int]]:
    """Count what is spent inside: tokens under `input`, `cached` (those of the input known from before), `output`."""
    mine = {"input": 0, "cached": 0, "output": 0}
    token = _spent.set(mine)
    try:
        yield mine
    finally:
        _spent.reset(token)


def is_counted() -> bool:
    """Whether somebody counts already, of whose question this is a part."""
    return _spent.get() is not None


def count(message: BaseMessage) -> None:
    """Add what a model says of a message that it wrote."""
    spent, usage = _spent.get(), getattr(message, "usage_metadata", None)
    if spent is None or not usage:
        return
    spent["input"] += usage["input_tokens"]
    spent["output"] += usage["output_tokens"]
    spent["cached"] += (usage.get("input_token_details") or {}).get("cache_read", 0)


__all__ = ["count", "counting", "is_counted"]
