"""Conversations as the text a model was trained on, and its text as messages.

The template is the one inside the weights. Text from people, tools and records can't open or close a
turn: what would become a special token is broken up before it is put into the template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import jinja2
import jinja2.sandbox
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage

from groundwire.core.errors import ModelError

_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}
_TOOL_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
_THINKING = re.compile(r"^\s*<think>(.*?)(?:</think>|$)", re.DOTALL)
_BREAK = "\u200b"
THINK, THOUGHT = "<think>", "</think>"
"""Between these a reasoning model thinks before it answers."""


class ChatFormat:
    """A chat template.

    Args:
        template: Jinja source; ChatML without it.
        special_texts: texts that the tokenizer takes for special tokens.

    Attributes:
        thinks: whether the template is that of a model that thinks before it answers.
    """

    def __init__(self, template: str | None, special_texts: Iterable[str]) -> None:
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: date.today().strftime(form)
        self.thinks = THOUGHT in (template or "")
        self._template = environment.from_string(template or _CHATML)
        texts = sorted(special_texts, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, texts))) if texts else None

    def render(
        self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]] | None = None, *, answer: bool = True
    ) -> str:
        """The conversation as text.

        Args:
            messages: in order.
            tools: descriptions in OpenAI's form.
            answer: whether the assistant's turn is opened at the end.
        """
        return self._template.render(
            messages=[self._as_dict(m) for m in messages],
            tools=self._plain(list(tools)) if tools else None,
            add_generation_prompt=answer,
        )

    def opened(self, rendered: str) -> str:
        """A conversation whose last turn is open, up to where the thinking begins."""
        return rendered if rendered.rstrip().endswith(THINK) else f"{rendered}{THINK}\n"

    def _as_dict(self, message: BaseMessage) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "role": _ROLES.get(message.type, message.type),
            "content": self._plain(message.text),
        }
        if isinstance(message, AIMessage) and message.tool_calls:
            calls = [{"name": c["name"], "arguments": self._plain(c["args"])} for c in message.tool_calls]
            entry["tool_calls"] = [{"type": "function", "function": c} for c in calls]
        if isinstance(message, ToolMessage):
            entry["name"] = message.name or ""
        return entry

    def plain(self, text: str) -> str:
        """A text in which nothing opens or closes a turn."""
        return str(self._plain(text))

    def _plain(self, value: Any) -> Any:
        """The same value with every special text in it broken up."""
        if isinstance(value, str):
            return self._special.sub(lambda m: m[0][0] + _BREAK + m[0][1:], value) if self._special else value
        if isinstance(value, dict):
            return {self._plain(k): self._plain(v) for k, v in value.items()}
        return [self._plain(v) for v in value] if isinstance(value, list | tuple) else value


def parse(text: str) -> tuple[str, list[ToolCall], str]:
    """What a model wrote, apart: its words, its tool calls, its thinking."""
    thinking = _THINKING.match(text)
    if thinking:
        text = text[thinking.end() :].lstrip()
    calls: list[ToolCall] = []
    for written in _TOOL_CALL.findall(text):
        try:
            call = json.loads(written, strict=False)
            made = ToolCall(name=call["name"], args=call.get("arguments") or {}, id=f"call_{len(calls)}")
        except (ValueError, KeyError, TypeError):
            continue
        calls.append(made)
    if calls:
        text = _TOOL_CALL.sub("", text).strip()
    return text, calls, thinking[1].strip() if thinking else ""


def _raise(message: str) -> None:
    raise ModelError(f"the chat template refuses this conversation: {message}")
