"""Tokens in, tokens out: llama.cpp with a grammar that costs little and a prefix that is kept.

Applying a grammar to a vocabulary of 150,000 tokens at every step is slow. Here the likeliest token
is tried first, alone; only where the grammar refuses it are the next few hundred tried, and only
then all. What was evaluated before stays evaluated: the longest common beginning of two prompts is
reused in memory, and the state behind an unchanging prefix is kept on disk.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from groundwire.core.errors import ModelError

_SHORT_LIST = 256
_CACHE_BYTES = 2_000_000_000
"""Prefix states on disk take at most so many bytes; the least recently used go first."""


@dataclass
class Generation:
    """What one call produced and what it cost.

    Attributes:
        text: decoded text without the end-of-turn token.
        tokens: token ids produced.
        prompt_tokens, cached_tokens: length of the prompt, and how much of it was not evaluated again.
        prefill_seconds, decode_seconds: wall time.
        mean_logprob: mean natural logarithm of the chosen tokens' probabilities; 0.0 if none.
        stopped: `end`, `length` or `cancelled`.
    """

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache: str = "none"
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    mean_logprob: float = 0.0
    stopped: str = "end"


class Runtime:
    """One model in one context; calls are served one after the other.

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
        n_threads: int | None,
        cache_dir: Path | None,
        lora: Path | None = None,
    ) -> None:
        try:
            import llama_cpp
            from llama_cpp import llama_cpp as low
        except ImportError as error:
            raise ModelError(f"{error}; run: pip install 'groundwire[local]'") from None
        started = time.perf_counter()
        try:
            self._llama = llama_cpp.Llama(
                model_path=str(path),
                n_ctx=n_ctx,
                n_batch=512,
                n_ubatch=256,
                n_threads=n_threads or os.cpu_count() or 1,
                n_threads_batch=n_threads or os.cpu_count() or 1,
                flash_attn=True,
                lora_path=str(lora) if lora else None,
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelError(f"{path.name} can't be loaded: {error}") from None
        self.load_seconds = time.perf_counter() - started
        self._low = low
        self._context = self._llama._ctx.ctx
        self._vocab = low.llama_model_get_vocab(self._llama._model.model)
        self._n_vocab = self._llama.n_vocab()
        self._memory = low.llama_get_memory(self._context)
        self._evaluated: list[int] = []
        self._cache_dir = cache_dir
        self._identity = f"{path.name}:{path.stat().st_size}:{n_ctx}:{lora}"
        self._lock = threading.Lock()
        self.n_ctx = n_ctx
        self.metadata: dict[str, str] = dict(self._llama.metadata)

    def tokenize(self, text: str) -> list[int]:
        """Token ids; special tokens such as `<|im_end|>` are recognised."""
        return list(self._llama.tokenize(text.encode("utf-8"), add_bos=False, special=True))

    def text_of(self, tokens: Sequence[int]) -> str:
        """Text of tokens; incomplete UTF-8 at the end is left out."""
        return bytes(self._llama.detokenize(list(tokens))).decode("utf-8", "ignore")

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        grammar: str | None = None,
        prefix_lengths: Sequence[int] = (),
        temperature: float = 0.0,
        seed: int = 0,
        stop_event: threading.Event | None = None,
        on_text: Callable[[str], None] | None = None,
        logprobs: bool = False,
    ) -> Generation:
        """Continue a prompt.

        Args:
            prompt: token ids.
            max_tokens: most tokens to produce.
            grammar: GBNF with a rule `root`; the text can't leave it.
            prefix_lengths: lengths in tokens of beginnings worth keeping on disk.
            temperature: 0 takes the likeliest token.
            seed: for temperatures above 0.
            stop_event: ends the generation when set.
            on_text: called with each piece of text.
            logprobs: whether to compute `mean_logprob`.

        Raises:
            ModelError: the prompt does not fit, or the grammar is not valid.
        """
        if len(prompt) + 1 > self.n_ctx:
            raise ModelError(f"the prompt has {len(prompt)} tokens, and the context holds {self.n_ctx}")
        with self._lock:
            made = Generation(prompt_tokens=len(prompt))
            started = time.perf_counter()
            sampler = self._grammar(grammar) if grammar else None
            try:
                self._prefill(list(prompt), sorted(prefix_lengths), made, stop_event)
                made.prefill_seconds = time.perf_counter() - started
                started = time.perf_counter()
                if made.stopped != "cancelled":
                    rng = np.random.default_rng(seed)
                    self._decode_loop(made, max_tokens, sampler, temperature, rng, stop_event, on_text, logprobs)
                made.decode_seconds = time.perf_counter() - started
            finally:
                if sampler is not None:
                    self._low.llama_sampler_free(sampler)
            return made

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            self._llama.close()

    # -- prefill ---------------------------------------------------------------------------

    def _prefill(self, prompt: list[int], prefixes: list[int], made: Generation, stop: threading.Event | None) -> None:
        common = 0
        for ours, theirs in zip(self._evaluated, prompt, strict=False):
            if ours != theirs:
                break
            common += 1
        common = min(common, len(prompt) - 1)
        made.cache = "memory" if common else "none"
        for length in reversed(prefixes):
            if length > common and length < len(prompt) and self._load(prompt[:length]):
                common = length
                made.cache = "disk"
                break
        made.cached_tokens = common
        self._low.llama_memory_seq_rm(self._memory, 0, common, -1)
        self._evaluated = self._evaluated[:common] if made.cache != "disk" else prompt[:common]
        for length in [*(p for p in prefixes if common < p < len(prompt)), len(prompt)]:
            while len(self._evaluated) < length:
                if stop is not None and stop.is_set():
                    made.stopped = "cancelled"
                    return
                piece = prompt[len(self._evaluated) : min(length, len(self._evaluated) + 256)]
                self._evaluate(piece)
            if length < len(prompt):
                self._save(prompt[:length])

    def _evaluate(self, tokens: list[int]) -> None:
        array = (self._low.llama_token * len(tokens))(*tokens)
        code = self._low.llama_decode(self._context, self._low.llama_batch_get_one(array, len(tokens)))
        if code != 0:
            self._evaluated = []
            self._low.llama_memory_clear(self._memory, True)
            raise ModelError(f"the model could not evaluate {len(tokens)} tokens (llama.cpp code {code})")
        self._evaluated.extend(tokens)

    def _state_file(self, tokens: Sequence[int]) -> Path | None:
        if self._cache_dir is None:
            return None
        key = hashlib.sha256(repr((self._identity, list(tokens))).encode()).hexdigest()[:32]
        return self._cache_dir / f"{key}.state"

    def _load(self, tokens: list[int]) -> bool:
        file = self._state_file(tokens)
        if file is None or not file.exists():
            return False
        out = (self._low.llama_token * self.n_ctx)()
        count = ctypes.c_size_t(0)
        self._low.llama_memory_clear(self._memory, True)
        read = self._low.llama_state_seq_load_file(
            self._context, os.fsencode(file), 0, out, self.n_ctx, ctypes.byref(count)
        )
        if read == 0 or list(out[: count.value]) != tokens:
            self._low.llama_memory_clear(self._memory, True)
            self._evaluated = []
            file.unlink(missing_ok=True)
            return False
        os.utime(file)
        return True

    def _save(self, tokens: list[int]) -> None:
        file = self._state_file(tokens)
        if file is None or file.exists():
            return
        partial = file.with_suffix(f".{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            array = (self._low.llama_token * len(tokens))(*tokens)
            written = self._low.llama_state_seq_save_file(self._context, os.fsencode(partial), 0, array, len(tokens))
            if written:
                partial.replace(file)
            self._trim(file.parent)
        except OSError:
            pass  # a full disk costs speed, not the answer
        finally:
            partial.unlink(missing_ok=True)

    @staticmethod
    def _trim(folder: Path) -> None:
        files = sorted(folder.glob("*.state"), key=lambda f: f.stat().st_mtime, reverse=True)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > _CACHE_BYTES:
                file.unlink(missing_ok=True)

    # -- decode ----------------------------------------------------------------------------

    def _grammar(self, grammar: str) -> Any:
        sampler = self._low.llama_sampler_init_grammar(self._vocab, grammar.encode("utf-8"), b"root")
        if not sampler:
            raise ModelError("the grammar is not valid")
        return sampler

    def _decode_loop(
        self,
        made: Generation,
        max_tokens: int,
        sampler: Any,
        temperature: float,
        rng: np.random.Generator,
        stop: threading.Event | None,
        on_text: Callable[[str], None] | None,
        logprobs: bool,
    ) -> None:
        pending = b""
        text = bytearray()
        total = 0.0
        room = min(max_tokens, self.n_ctx - len(self._evaluated) - 1)
        made.stopped = "length"
        for _ in range(room):
            if stop is not None and stop.is_set():
                made.stopped = "cancelled"
                break
            pointer = self._low.llama_get_logits_ith(self._context, -1)
            logits = np.ctypeslib.as_array(pointer, shape=(self._n_vocab,))
            token = self._choose(logits, sampler, temperature, rng)
            if logprobs:
                peak = float(logits.max())
                total += float(logits[token]) - peak - math.log(float(np.exp(logits - peak).sum()))
            if self._low.llama_vocab_is_eog(self._vocab, token):
                made.stopped = "end"
                break
            if sampler is not None:
                self._low.llama_sampler_accept(sampler, token)
            made.tokens.append(token)
            piece = bytes(self._llama.detokenize([token]))
            text += piece
            if on_text is not None:
                pending += piece
                ready = pending.decode("utf-8", "ignore")
                if ready:
                    on_text(ready)
                    pending = b""
            self._evaluate([token])
        made.text = bytes(text).decode("utf-8", "replace")
        made.mean_logprob = total / len(made.tokens) if made.tokens else 0.0

    def _choose(self, logits: np.ndarray[Any, Any], sampler: Any, temperature: float, rng: np.random.Generator) -> int:
        if temperature > 0:
            logits = logits / temperature + rng.gumbel(size=logits.shape)  # the Gumbel-max way to sample
        best = int(np.argmax(logits))
        if sampler is None or self._allowed(sampler, np.array([best]), logits) is not None:
            return best
        few = np.argpartition(logits, -_SHORT_LIST)[-_SHORT_LIST:]
        chosen = self._allowed(sampler, few, logits)
        if chosen is None:
            chosen = self._allowed(sampler, np.arange(self._n_vocab), logits)
        if chosen is None:
            raise ModelError("the grammar leaves no way to go on")
        return chosen

    def _allowed(self, sampler: Any, tokens: np.ndarray[Any, Any], logits: np.ndarray[Any, Any]) -> int | None:
        """The likeliest of these tokens that the grammar allows, None if it allows none."""
        count = len(tokens)
        data = (self._low.llama_token_data * count)()
        view = np.ctypeslib.as_array(data)
        view["id"] = tokens
        view["logit"] = logits[tokens]
        view["p"] = 0.0
        candidates = self._low.llama_token_data_array(data=data, size=count, selected=-1, sorted=False)
        self._low.llama_sampler_apply(sampler, ctypes.byref(candidates))
        best = int(np.argmax(view["logit"]))
        return int(view["id"][best]) if view["logit"][best] > -math.inf else None
