"""llama.cpp by its low-level functions: one model, one context, one sequence of tokens.

The calls are those of `llama_cpp.llama_cpp`, which mirror llama.h. What the library would print goes
nowhere; failures come back as `ModelError`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundwire.core.errors import ModelError

try:
    from llama_cpp import llama_cpp as low
except ImportError as error:
    raise ModelError(f"{error}; run: pip install 'groundwire[local]'") from None

Numbers = npt.NDArray[np.float32]
MOST_AT_ONCE = 256
"""Tokens that one evaluation takes."""
_SPECIAL_ATTRIBUTES = low.LLAMA_TOKEN_ATTR_CONTROL | low.LLAMA_TOKEN_ATTR_USER_DEFINED


_ignore = low.llama_log_callback(lambda level, text, data: None)
"""Takes llama.cpp's log; the library holds only a pointer to it, so it lives as long as the module."""


class Llama:
    """Weights in memory and what was evaluated last.

    Args:
        path: GGUF file.
        n_ctx: context length in tokens.
        n_threads: threads; the number of cores without it.
        lora: LoRA adapter in GGUF, optional.

    Attributes:
        evaluated: tokens whose state the context holds, in order.
        chat_template: Jinja source in the file, None if it has none.
        special_texts: texts that tokenize to one special token.
        n_vocab: size of the vocabulary.

    Raises:
        ModelError: the file is not a model, or does not fit into memory.
    """

    def __init__(self, path: Path, *, n_ctx: int, n_threads: int | None = None, lora: Path | None = None) -> None:
        low.llama_log_set(_ignore, ctypes.c_void_p(0))
        low.llama_backend_init()
        self._model = low.llama_model_load_from_file(os.fsencode(path), _model_settings())
        if not self._model:
            raise ModelError(f"{path.name} can't be loaded: it is damaged, of an unknown kind, or does not fit")
        self._context = low.llama_init_from_model(self._model, _context_settings(n_ctx, n_threads))
        if not self._context:
            low.llama_model_free(self._model)
            raise ModelError(f"a context of {n_ctx} tokens for {path.name} does not fit into memory")
        if lora is not None:
            self._adapt(lora)
        self.n_ctx = n_ctx
        self.vocabulary = low.llama_model_get_vocab(self._model)
        self.n_vocab = low.llama_vocab_n_tokens(self.vocabulary)
        self.chat_template = self._metadata("tokenizer.chat_template")
        self.special_texts = self._find_special_texts()
        self.evaluated: list[int] = []
        self._memory = low.llama_get_memory(self._context)

    def _adapt(self, lora: Path) -> None:
        if not lora.is_file():
            self.close()
            raise ModelError(f"the LoRA adapter {lora} is not here")
        adapter = low.llama_adapter_lora_init(self._model, os.fsencode(lora))
        adapters = (low.llama_adapter_lora_p_ctypes * 1)(adapter)
        if not adapter or low.llama_set_adapters_lora(self._context, adapters, 1, (ctypes.c_float * 1)(1.0)) != 0:
            self.close()
            raise ModelError(
                f"{lora.name} is no LoRA adapter for these weights: it was trained on others, or is not in GGUF "
                "(convert_lora_to_gguf.py of llama.cpp makes it)"
            )

    def _metadata(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(1 << 16)
        length = low.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.raw[:length].decode("utf-8", "replace") if 0 <= length < len(buffer) else None

    def _find_special_texts(self) -> tuple[str, ...]:
        """Texts that tokenize to one special token, such as `<|im_end|>`."""
        special = [t for t in range(self.n_vocab) if low.llama_vocab_get_attr(self.vocabulary, t) & _SPECIAL_ATTRIBUTES]
        texts = (low.llama_vocab_get_text(self.vocabulary, t).decode("utf-8", "ignore") for t in special)
        return tuple(sorted({t for t in texts if len(t) > 1 and t[0] in "<[" and t[-1] in ">]"}))

    def tokenize(self, text: str) -> list[int]:
        """Token ids; the texts of special tokens become those tokens."""
        data = text.encode("utf-8")
        room = len(data) + 8
        tokens = (low.llama_token * room)()
        count = low.llama_tokenize(self.vocabulary, data, len(data), tokens, room, False, True)
        if count < 0:
            raise ModelError(f"a text of {len(data)} bytes could not be tokenized")
        return list(tokens[:count])

    def bytes_of(self, token: int) -> bytes:
        """What a token stands for; may be a part of a character."""
        buffer = ctypes.create_string_buffer(512)
        length = low.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, length)]

    def is_end(self, token: int) -> bool:
        """Whether a token ends the turn."""
        return bool(low.llama_vocab_is_eog(self.vocabulary, token))

    def evaluate(self, tokens: Sequence[int]) -> None:
        """Append tokens, at most `MOST_AT_ONCE`."""
        array = (low.llama_token * len(tokens))(*tokens)
        code = low.llama_decode(self._context, low.llama_batch_get_one(array, len(tokens)))
        if code != 0:
            self.keep(0)
            raise ModelError(f"the model could not evaluate {len(tokens)} tokens (llama.cpp code {code})")
        self.evaluated.extend(tokens)

    def keep(self, length: int) -> None:
        """Forget all but the first tokens."""
        low.llama_memory_seq_rm(self._memory, 0, length, -1)
        del self.evaluated[length:]

    def logits(self) -> Numbers:
        """Of the next token; a view that the next evaluation overwrites. Shape (n_vocab,)."""
        pointer = low.llama_get_logits_ith(self._context, -1)
        view: Numbers = np.ctypeslib.as_array(pointer, shape=(self.n_vocab,))
        return view

    def state(self) -> bytes:
        """The evaluated tokens' state, for `restore`."""
        size = low.llama_state_seq_get_size(self._context, 0)
        buffer = (ctypes.c_uint8 * size)()
        written = low.llama_state_seq_get_data(self._context, buffer, size, 0)
        return bytes(memoryview(buffer)[:written])

    def restore(self, tokens: Sequence[int], state: bytes) -> bool:
        """Continue after tokens whose state this is; False, and nothing evaluated, if it does not fit."""
        self.keep(0)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if low.llama_state_seq_set_data(self._context, buffer, len(state), 0) == 0:
            self.keep(0)
            return False
        self.evaluated = list(tokens)
        return True

    def close(self) -> None:
        """Free the model; nothing else may be called afterwards."""
        low.llama_free(self._context)
        low.llama_model_free(self._model)


def _model_settings() -> Any:
    settings = low.llama_model_default_params()
    if b"AMX_INT8 = 1" in low.llama_print_system_info():
        settings.use_extra_bufts = (
            False  # GCC before 13 leaves out what AMX is configured by, and the process dies of it
        )
    return settings


def _context_settings(n_ctx: int, n_threads: int | None) -> Any:
    settings = low.llama_context_default_params()
    settings.n_ctx = n_ctx
    settings.n_batch = settings.n_ubatch = MOST_AT_ONCE
    settings.n_threads = settings.n_threads_batch = n_threads or os.cpu_count() or 1
    # on a processor flash attention takes a third longer for a prompt behind a long beginning
    quick = low.llama_supports_gpu_offload()
    settings.flash_attn_type = low.LLAMA_FLASH_ATTN_TYPE_ENABLED if quick else low.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return settings
