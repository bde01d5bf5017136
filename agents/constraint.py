"""Which token may come next, by a grammar in llguidance's Lark dialect.

llguidance parses with Earley's algorithm over a lexer of derivatives, so that a catalog of a thousand
names or an ambiguous rule costs no more per token than a small grammar. The grammar's first rule is
`start`; what it leaves no choice about is known without asking the model (`forced`).
"""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Sequence

import numpy as np

from groundwire.agents.llama import Llama, Numbers
from groundwire.core.errors import ModelError

try:
    from llguidance import LLMatcher, LLTokenizer
    from llguidance.llamacpp import lltokenizer_from_vocab
except ImportError as error:
    raise ModelError(f"{error}; run: pip install 'groundwire[local]'") from None

Vocabulary = LLTokenizer


def vocabulary_of(model: Llama) -> Vocabulary:
    """A model's vocabulary as constraints know it; building it takes about a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of llama.cpp's functions that llguidance calls
        return lltokenizer_from_vocab(model.vocabulary, n_vocab=model.n_vocab)


class Constraint:
    """A grammar, and how far the text has come in it.

    Args:
        vocabulary: of `vocabulary_of`.
        grammar: Lark source for llguidance.

    Raises:
        ModelError: the grammar is not valid.
    """

    def __init__(self, vocabulary: Vocabulary, grammar: str) -> None:
        self._matcher = LLMatcher(vocabulary, grammar, log_level=0)
        self._raise_error()
        self._mask = np.zeros((vocabulary.vocab_size + 31) // 32, dtype=np.uint32)

    def forced(self) -> Sequence[int]:
        """Tokens that must come next whatever the model thinks; empty where it has a choice."""
        return self._matcher.compute_ff_tokens()

    def best(self, logits: Numbers) -> int:
        """The likeliest token that may come next."""
        likeliest = int(np.argmax(logits))
        mask = self._mask
        self._matcher.unsafe_compute_mask_ptr(mask.ctypes.data_as(ctypes.c_void_p).value or 0, mask.nbytes)
        self._raise_error()
        if mask[likeliest >> 5] >> np.uint32(likeliest & 31) & 1:
            return likeliest
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(logits)])
        if not len(allowed):
            raise ModelError("the grammar leaves no way to go on")
        return int(allowed[np.argmax(logits[allowed])])

    def accept(self, tokens: Sequence[int]) -> None:
        """Take steps."""
        self._matcher.consume_tokens(list(tokens))
        self._raise_error()

    @property
    def ended(self) -> bool:
        """Whether nothing may follow."""
        return bool(self._matcher.is_stopped())

    def _raise_error(self) -> None:
        if self._matcher.is_error():
            raise ModelError(f"the grammar is not valid: {self._matcher.get_error().splitlines()[0]}")
