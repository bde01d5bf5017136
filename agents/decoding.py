"""Tokens in, tokens out: only what a grammar allows, and a prefix that is evaluated once.

What a grammar leaves no choice about is not asked of the model, it is evaluated in one batch with the choice before it,
and what ends a text only where another call goes on from there; so is the end of a prompt. The longest common beginning
of two prompts is reused in memory, and the state behind an unchanging prefix is kept on disk.
"""

from __future__ import annotations

import codecs
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from groundwire.agents.constraint import Constraint, Vocabulary, vocabulary_of
from groundwire.agents.llama import Llama, Numbers
from groundwire.agents.prefix_cache import PrefixCache
from groundwire.core.errors import ModelError

_PIECE = 128
"""Tokens evaluated at once; between two pieces, about two seconds on two cores, a prefill can be stopped."""


@dataclass
class Generation:
    """What one call produced and what it cost.

    Attributes:
        text: decoded text without the end-of-turn token.
        tokens: token ids produced.
        prompt_tokens, cached_tokens: length of the prompt, and how much of it was not evaluated again.
        cache: where the reused part came from: `none`, `memory` or `disk`.
        prefill_seconds, decode_seconds: wall time.
        first_seconds: from the call to the first token, waiting for other calls included; 0.0 where there was none.
        mean_logprob: mean natural logarithm of the probabilities, before any constraint, of the tokens that
            the model chose; 0.0 if not asked for.
        stopped: `end`, `length` or `cancelled`.
        thought: what a reasoning model thought before it; no part of the text.
    """

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache: str = "none"
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    first_seconds: float = 0.0
    mean_logprob: float = 0.0
    stopped: str = "end"
    thought: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """How to go on after a prompt.

    Attributes:
        max_tokens: most tokens to produce; 0 only evaluates the prompt.
        grammar: Lark for llguidance with a rule `start`, which the text can't leave.
        temperature: 0 takes the likeliest token each time.
        seed: for temperatures above 0.
        stop_words: the text ends before the first of these.
        stop_tokens: the text ends before any of these tokens, whatever text they stand for.
        stop_events: any of them ends the generation when set; none is ever set here.
        on_text: called with each piece of text, always whole characters.
        logprobs: whether to compute `Generation.mean_logprob`.
        first_bias: what is added to the logits of tokens where the text begins.
        reuse: whether what the context or a file already holds of the prompt is taken from there.
    """

    max_tokens: int
    grammar: str | None = None
    temperature: float = 0.0
    seed: int = 0
    stop_words: tuple[str, ...] = ()
    stop_tokens: tuple[int, ...] = ()
    stop_events: tuple[threading.Event, ...] = ()
    on_text: Callable[[str], None] | None = None
    logprobs: bool = False
    first_bias: Mapping[int, float] = field(default_factory=dict)
    reuse: bool = True

    @property
    def cancelled(self) -> bool:
        """Whether the asker has given up."""
        return any(event.is_set() for event in self.stop_events)


class _Text:
    """Bytes in, whole characters out, up to a stop word; `on_text` hears what can no longer be one."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = max((len(w) - 1 for w in request.stop_words), default=0)
        self._text = ""
        self._said = 0
        self.ended = False

    def add(self, piece: bytes, *, last: bool = False) -> None:
        """Take the next bytes."""
        self._text += self._decoder.decode(piece, final=last)
        ends = [at for w in self._request.stop_words if (at := self._text.find(w)) >= 0]
        if ends:
            self._text = self._text[: min(ends)]
            self.ended = True
        ready = len(self._text) if last or self.ended else max(self._said, len(self._text) - self._held)
        if ready > self._said and self._request.on_text is not None:
            self._request.on_text(self._text[self._said : ready])
        self._said = ready

    def end(self) -> str:
        """The whole text."""
        if not self.ended:
            self.add(b"", last=True)
        return self._text


class Runtime:
    """One loaded model; calls are served one after the other.

    Args:
        path: GGUF file.
        n_ctx: context length in tokens.
        n_threads: threads; the number of cores without it.
        cache_dir: where prefix states are kept; None keeps none.
        lora: LoRA adapter in GGUF, optional.

    Raises:
        ModelError: the library is missing or the file is not a model.
    """

    def __init__(
        self,
        path: Path,
        *,
        n_ctx: int,
        n_threads: int | None = None,
        cache_dir: Path | None = None,
        lora: Path | None = None,
    ) -> None:
        started = time.perf_counter()
        self._model = Llama(path, n_ctx=n_ctx, n_threads=n_threads, lora=lora)
        self.load_seconds = time.perf_counter() - started
        identity = f"{path.name}:{path.stat().st_size}:{n_ctx}:{_told(lora)}"
        self._cache = PrefixCache(cache_dir, identity) if cache_dir is not None else None
        self._lock = threading.Lock()
        self._vocabulary: Vocabulary | None = None
        self.n_ctx = n_ctx
        self.chat_template = self._model.chat_template
        self.special_texts = self._model.special_texts

    def tokenize(self, text: str) -> list[int]:
        """Token ids; the texts of special tokens become those tokens."""
        return self._model.tokenize(text)

    def generate(self, prompt: Sequence[int], request: Request, *, prefixes: Sequence[int] = ()) -> Generation:
        """Continue a prompt.

        Args:
            prompt: token ids.
            request: how to go on.
            prefixes: lengths in tokens of beginnings worth keeping on disk.

        Raises:
            ModelError: the prompt does not fit, or the grammar is not valid.
        """
        if not prompt or len(prompt) + 1 > self.n_ctx:
            raise ModelError(f"the prompt has {len(prompt)} tokens, and the context holds {self.n_ctx}")
        asked = time.perf_counter()
        with self._lock:
            made = Generation(prompt_tokens=len(prompt))
            constraint = Constraint(self.vocabulary, request.grammar) if request.grammar else None
            started = time.perf_counter()
            due = self._prefill(list(prompt), sorted(prefixes), made, request, constraint)
            made.prefill_seconds = time.perf_counter() - started
            started = time.perf_counter()
            if request.cancelled:
                made.stopped = "cancelled"
            elif request.max_tokens:
                self._decode(made, request, constraint, due, asked)
            made.decode_seconds = time.perf_counter() - started
            return made

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary as constraints know it; the first access takes about a second."""
        if self._vocabulary is None:
            self._vocabulary = vocabulary_of(self._model)
        return self._vocabulary

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            self._model.close()

    def _prefill(
        self,
        prompt: list[int],
        prefixes: list[int],
        made: Generation,
        request: Request,
        constraint: Constraint | None,
    ) -> list[int]:
        """Evaluate a prompt, but for what is due: its end, where no choice follows it at once."""
        # the last token is evaluated again where its logits are needed
        most = len(prompt) - 1 if request.max_tokens else len(prompt)
        common = _common(self._model.evaluated, prompt) if request.reuse else 0
        made.cache = "memory" if common else "none"
        longest = max((p for p in prefixes if p <= len(prompt)), default=0)
        if request.reuse and longest > common and self._restore(prompt[:longest]):
            common = longest
            made.cache = "disk"
        made.cached_tokens = min(common, most)
        self._model.keep(made.cached_tokens)
        waits = bool(request.max_tokens and constraint is not None and constraint.forced())
        for end in [*(p for p in prefixes if p <= len(prompt)), len(prompt)]:
            while len(self._model.evaluated) < end:
                if request.cancelled:
                    return []
                done = len(self._model.evaluated)
                if waits and end == len(prompt) and end not in prefixes:
                    return prompt[done:]
                self._model.evaluate(prompt[done : min(end, done + _PIECE)])
            if self._cache is not None and end in prefixes and len(self._model.evaluated) == end:
                head = prompt[:end]
                if not self._cache.has(head):
                    self._cache.save(head, self._model.state())
        return []

    def _restore(self, head: list[int]) -> bool:
        if self._cache is None or (state := self._cache.load(head)) is None:
            return False
        if not self._model.restore(head, state):
            self._cache.drop(head)
            return False
        return True

    def _decode(
        self, made: Generation, request: Request, constraint: Constraint | None, due: list[int], asked: float
    ) -> None:
        """Go on; `due` are tokens that stand and are not evaluated: they are with the next choice, if one comes."""
        model = self._model
        random = np.random.default_rng(request.seed)
        text = _Text(request)
        chosen, total = 0, 0.0
        room = min(request.max_tokens, self.n_ctx - len(model.evaluated) - len(due) - 1)
        made.stopped = "length"
        while len(made.tokens) < room:
            if request.cancelled:
                made.stopped = "cancelled"
                break
            tokens = list(constraint.forced())[: room - len(made.tokens)] if constraint is not None else []
            if not tokens:
                while due and not request.cancelled:
                    model.evaluate(due[:_PIECE])
                    due = due[_PIECE:]
                if due:
                    continue  # to the end of what is cancelled
                logits = model.logits()
                if request.first_bias and not made.tokens:
                    logits = logits.copy()
                    logits[list(request.first_bias)] += np.array(list(request.first_bias.values()), np.float32)
                tokens = [_choose(logits, constraint, request.temperature, random)]
                if request.logprobs:
                    chosen += 1
                    total += _log_probability(logits, tokens[0])
            if model.is_end(tokens[0]) or tokens[0] in request.stop_tokens:
                made.stopped = "end"
                break
            made.first_seconds = made.first_seconds or time.perf_counter() - asked
            made.tokens += tokens
            for token in tokens:
                text.add(model.bytes_of(token))
            if constraint is not None:
                constraint.accept(tokens)
            if text.ended or (constraint is not None and constraint.ended):
                made.stopped = "end"
                break
            due += tokens
        made.text = text.end()
        made.mean_logprob = total / chosen if chosen else 0.0


def _told(adapter: Path | None) -> str:
    """What tells an adapter's file from another: a state that was kept with one is of no use with another."""
    if adapter is None:
        return "None"
    stat = adapter.stat()
    return f"{adapter.name}:{stat.st_size}:{stat.st_mtime_ns}"


def _choose(logits: Numbers, constraint: Constraint | None, temperature: float, random: np.random.Generator) -> int:
    if temperature > 0:
        noise = random.gumbel(size=logits.shape).astype(np.float32)
        logits = logits / np.float32(temperature) + noise  # the Gumbel-max way to sample
    return int(np.argmax(logits)) if constraint is None else constraint.best(logits)


def _log_probability(logits: Numbers, token: int) -> float:
    peak = float(logits.max())
    return float(logits[token]) - peak - math.log(float(np.exp(logits - peak).sum()))


def _common(ours: Sequence[int], theirs: Sequence[int]) -> int:
    """Length of the common beginning."""
    for length, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return length
    return min(len(ours), len(theirs))
