"""A LangChain chat model on llama.cpp: grammar-constrained tool calls and a kept prefix.

It reads the chat template from the weights, so it speaks to a model as its publisher trained it.
Any other LangChain chat model can stand in its place. llama.cpp itself is imported when a model is loaded.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, PrivateAttr

from groundwire.agents import weights
from groundwire.core.errors import ModelError

if TYPE_CHECKING:
    from groundwire.agents.chat_format import ChatFormat
    from groundwire.agents.decoding import Generation, Runtime

CACHE_MARK = "cache_prefix"
"""A message with `additional_kwargs[CACHE_MARK]` true ends a beginning that is worth keeping on disk.
The system message always does."""


class LocalChatModel(BaseChatModel):
    """Open weights on this machine.

    Attributes:
        name_or_path: known weights or a GGUF file; see `weights.KNOWN`.
        n_ctx: context length in tokens.
        n_threads: threads; the number of cores without it.
        temperature: 0 takes the likeliest token each time.
        max_tokens: most tokens of one answer.
        prefix_cache: whether the state behind unchanging prefixes is kept on disk.
        lora: LoRA adapter in GGUF, optional.
        chat_template: Jinja file in place of the template in the weights, optional.
        thinking: most tokens that a reasoning model may think before an answer; 0 lets it answer at once.

    A reasoning model is known by its template (`</think>`). It thinks freely first; only what follows is the
    answer, and held to a grammar. Its thoughts are in `additional_kwargs["reasoning_content"]`.

    Per call, `invoke(messages, grammar=..., prefill=..., stop_event=..., logprobs=True, first_bias={"NO": 1.0},
    reuse=True)`: Lark (llguidance) that the answer can't leave, the answer's first words, an event that ends it, mean
    log probability, log odds that are added to beginnings of the answer, and whether what is evaluated already is used.
    `think=False` skips thinking, `thought="..."` takes thoughts of an earlier call, `on_thinking` hears them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name_or_path: str = weights.DEFAULT
    n_ctx: int = 8192
    n_threads: int | None = None
    temperature: float = 0.0
    max_tokens: int = 512
    prefix_cache: bool = True
    lora: Path | None = None
    chat_template: Path | None = None
    thinking: int = 512

    _runtime: Runtime | None = PrivateAttr(default=None)
    _format: ChatFormat | None = PrivateAttr(default=None)
    _loading: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "groundwire-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"name_or_path": self.name_or_path, "temperature": self.temperature, "n_ctx": self.n_ctx}

    @property
    def runtime(self) -> Runtime:
        """The loaded model; loading takes seconds and happens once.

        Raises:
            ModelError: the weights are absent or damaged.
        """
        from groundwire.agents.decoding import Runtime

        with self._loading:
            if self._runtime is None:
                path = weights.resolve(self.name_or_path)
                states = weights.cache_dir() / "prefixes" if self.prefix_cache else None
                self._runtime = Runtime(
                    path, n_ctx=self.n_ctx, n_threads=self.n_threads, cache_dir=states, lora=self.lora
                )
            return self._runtime

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A model that may call these tools; `tool_choice="any"` makes it call one."""
        described = [convert_to_openai_tool(tool) for tool in tools]
        bound: Runnable[LanguageModelInput, AIMessage] = self.bind(tools=described, tool_choice=tool_choice, **kwargs)
        return bound

    def load(self) -> Self:
        """Load the model and prepare grammars now, and not at first use; this model.

        Raises:
            ModelError: the weights are absent or damaged.
        """
        _ = self.runtime.vocabulary
        return self

    def warm(self, messages: Sequence[BaseMessage]) -> Generation:
        """Load the model, prepare grammars and evaluate a conversation's beginning: the first answer is quick then."""
        from groundwire.agents.decoding import Request

        self.load()
        prompt, prefixes = self._prompt(list(messages), None, "", answer=False)
        return self.runtime.generate(prompt, Request(max_tokens=0), prefixes=[*prefixes, len(prompt)])

    def close(self) -> None:
        """Free the model; the next call loads it again."""
        with self._loading:
            if self._runtime is not None:
                self._runtime.close()
                self._runtime = None

    # -- LangChain's side ------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        made = self._run(messages, stop, kwargs, kwargs.get("on_text"))
        return ChatResult(generations=[ChatGeneration(message=self._message(made))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if kwargs.get("tools") or kwargs.get("grammar"):
            # a tool call is of use only when it is whole
            whole = self._message(self._run(messages, stop, kwargs))
            chunk = AIMessageChunk(
                content=whole.content,
                tool_calls=whole.tool_calls,
                usage_metadata=whole.usage_metadata,
                response_metadata=whole.response_metadata,
                chunk_position="last",
            )
            yield ChatGenerationChunk(message=chunk)
            return
        pieces: queue.Queue[str | Generation | BaseException] = queue.Queue()
        abandoned = threading.Event()

        def work() -> None:
            try:
                pieces.put(self._run(messages, stop, kwargs, pieces.put, abandoned))
            except BaseException as error:  # noqa: BLE001 - handed to the reader
                pieces.put(error)

        worker = threading.Thread(target=work, name="decode", daemon=True)
        worker.start()
        try:
            while True:
                item = pieces.get()
                if isinstance(item, BaseException):
                    raise item
                if not isinstance(item, str):
                    last = AIMessageChunk(
                        content="",
                        usage_metadata=_usage(item),
                        response_metadata=self._metadata(item),
                        chunk_position="last",
                    )
                    yield ChatGenerationChunk(message=last)
                    return
                piece = ChatGenerationChunk(message=AIMessageChunk(content=item))
                if run_manager:
                    run_manager.on_llm_new_token(item, chunk=piece)
                yield piece
        finally:
            abandoned.set()
            worker.join()

    # -- our side --------------------------------------------------------------------------

    def _run(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        options: dict[str, Any],
        on_text: Callable[[str], None] | None = None,
        abandoned: threading.Event | None = None,
    ) -> Generation:
        from groundwire.agents.decoding import Request

        tools = options.get("tools") or None
        prefill = options.get("prefill") or ""
        grammar = options.get("grammar")
        choice = options.get("tool_choice")
        if grammar is None and tools and choice:
            allowed = tools if choice in ("any", "required") else [t for t in tools if _name(t) == choice]
            grammar = tool_grammar(allowed, self.runtime.special_texts)
        thought = self._thought(messages, tools, options, abandoned)
        prompt, prefixes = self._prompt(messages, tools, prefill, thought=thought.text)
        request = Request(
            max_tokens=int(options.get("max_tokens") or self.max_tokens),
            grammar=grammar,
            temperature=float(options.get("temperature", self.temperature)),
            seed=int(options.get("seed", 0)),
            stop_words=tuple(stop or ()),
            stop_events=tuple(e for e in (options.get("stop_event"), abandoned) if e is not None),
            on_text=on_text,
            logprobs=bool(options.get("logprobs")),
            first_bias={self.runtime.tokenize(t)[0]: b for t, b in (options.get("first_bias") or {}).items()},
            reuse=bool(options.get("reuse", True)),
        )
        if prefill and on_text is not None:
            on_text(prefill)
        made = self.runtime.generate(prompt, request, prefixes=prefixes)
        made.text = prefill + made.text
        made.thought = thought.text
        made.tokens = [*thought.tokens, *made.tokens]
        made.decode_seconds += thought.decode_seconds
        made.prefill_seconds += thought.prefill_seconds
        if thought.tokens:
            made.cached_tokens, made.cache = thought.cached_tokens, thought.cache
        return made

    def _thought(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None,
        options: dict[str, Any],
        abandoned: threading.Event | None,
    ) -> Generation:
        """What a reasoning model thinks before it answers, within its budget; nothing of any other model."""
        from groundwire.agents.chat_format import THOUGHT
        from groundwire.agents.decoding import Generation, Request

        known = options.get("thought")
        if not self._chat_format.thinks or known is not None or not options.get("think", True) or not self.thinking:
            return Generation(text=str(known or ""))
        prompt, prefixes = self._prompt(messages, tools, "", thinking=True)
        end = self.runtime.tokenize(THOUGHT)
        room = min(self.thinking, max(0, self.n_ctx - len(prompt) - self.max_tokens))
        request = Request(
            max_tokens=room,
            temperature=float(options.get("temperature", self.temperature)),
            seed=int(options.get("seed", 0)),
            stop_words=(THOUGHT,),
            stop_tokens=tuple(end) if len(end) == 1 else (),
            stop_events=tuple(e for e in (options.get("stop_event"), abandoned) if e is not None),
            on_text=options.get("on_thinking"),
            reuse=bool(options.get("reuse", True)),
        )
        made = self.runtime.generate(prompt, request, prefixes=prefixes)
        made.text = made.text.strip()
        return made

    def _prompt(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None,
        prefill: str,
        *,
        answer: bool = True,
        thinking: bool = False,
        thought: str = "",
    ) -> tuple[list[int], list[int]]:
        """Token ids of the conversation, and the lengths of beginnings worth keeping."""
        from groundwire.agents.chat_format import THOUGHT

        chat, runtime = self._chat_format, self.runtime
        text = chat.render(messages, tools, answer=answer)
        if chat.thinks and answer:
            text = chat.opened(text)
            if not thinking:
                text += f"{chat.plain(thought)}\n{THOUGHT}\n\n"
        tokens = runtime.tokenize(text + prefill)
        prefixes = []
        for count, message in enumerate(messages, 1):
            if isinstance(message, SystemMessage) or message.additional_kwargs.get(CACHE_MARK):
                head = runtime.tokenize(chat.render(messages[:count], tools, answer=False))
                if tokens[: len(head)] == head:
                    prefixes.append(len(head))
        return tokens, prefixes

    @property
    def _chat_format(self) -> ChatFormat:
        from groundwire.agents.chat_format import ChatFormat

        if self._format is None:
            own = self.chat_template
            try:
                template = own.read_text(encoding="utf-8") if own is not None else self.runtime.chat_template
            except OSError as error:
                raise ModelError(f"the chat template {own} can't be read: {error.strerror}") from None
            self._format = ChatFormat(template, self.runtime.special_texts)
        return self._format

    def _message(self, made: Generation) -> AIMessage:
        from groundwire.agents.chat_format import parse

        text, calls, thinking = parse(made.text)
        thinking = made.thought or thinking
        return AIMessage(
            content=text,
            tool_calls=calls,
            additional_kwargs={"reasoning_content": thinking} if thinking else {},
            usage_metadata=_usage(made),
            response_metadata=self._metadata(made),
        )

    def _metadata(self, made: Generation) -> dict[str, Any]:
        return {
            "model_name": self.name_or_path,
            "finish_reason": made.stopped,
            "prefix_cache": made.cache,
            "seconds": {
                "load": round(self.runtime.load_seconds, 3),
                "prefill": round(made.prefill_seconds, 3),
                "decode": round(made.decode_seconds, 3),
                "first": round(made.first_seconds, 3),
            },
            "mean_logprob": made.mean_logprob,
        }


def tool_grammar(tools: Sequence[dict[str, Any]], special_texts: Collection[str]) -> str:
    """Lark for exactly one call of one of these tools, in the form that Qwen's template knows.

    Args:
        tools: descriptions in OpenAI's form.
        special_texts: texts that are one special token for the model, which a grammar names without quotes.
    """
    if not tools:
        raise ModelError("no such tool")
    shapes = [
        {
            "type": "object",
            "properties": {
                "name": {"const": _name(t)},
                "arguments": t["function"].get("parameters") or {"type": "object"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for t in tools
    ]
    call = json.dumps(shapes[0] if len(shapes) == 1 else {"anyOf": shapes})
    begin, end = (tag if tag in special_texts else f'"{tag}"' for tag in ("<tool_call>", "</tool_call>"))
    return f'start: {begin} "\\n" call "\\n" {end}\ncall: %json {call}\n'


def _name(tool: dict[str, Any]) -> str:
    return str(tool["function"]["name"])


def _usage(made: Generation) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=made.prompt_tokens,
        output_tokens=len(made.tokens),
        total_tokens=made.prompt_tokens + len(made.tokens),
        input_token_details={"cache_read": made.cached_tokens},
    )
