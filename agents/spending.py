"""What a language model is asked for one question costs, whatever parts the question is answered in.

Tokens are counted where a model is asked, and added up for whoever answers the whole: its budget is charged for all.
Each call is seen as a span.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from groundwire.agents.local_model import LocalChatModel
from groundwire.core import telemetry

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


def span(model: BaseChatModel) -> telemetry.Span | telemetry.Nothing:
    """A span for one call of a model, with whose it is."""
    if isinstance(model, LocalChatModel):
        return telemetry.span("model", model=Path(model.name_or_path).name, provider="llama_cpp")
    name = str(getattr(model, "model_name", None) or getattr(model, "model", None) or model._llm_type)
    return telemetry.span(
        "model", model=name, provider=str(model._get_ls_params().get("ls_provider") or model._llm_type)
    )


def tell(seen: telemetry.Span | telemetry.Nothing, message: AIMessage) -> None:
    """Say of a call what it cost, by the message that it gave."""
    if not seen:
        return
    usage, told = message.usage_metadata, message.response_metadata
    if usage is not None:
        seen.set(
            input_tokens=usage["input_tokens"],
            output_tokens=usage["output_tokens"],
            cached_tokens=(usage.get("input_token_details") or {}).get("cache_read", 0),
        )
    if isinstance(seconds := told.get("seconds"), dict) and "first" in seconds:
        seen.set(first_token=seconds["first"])
    seen.set(finish=str(told.get("finish_reason", "")))


__all__ = ["count", "counting", "is_counted", "span", "tell"]
