"""What a model knows after an unchanging beginning, kept on disk.

A file holds the state that llama.cpp reports for a list of tokens, behind a digest: a damaged file, or
one that another model wrote, is dropped and evaluated anew. Losing a file costs seconds only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

_MOST_BYTES = 2_000_000_000
"""All files together; the least recently used go first."""
_DIGEST = 32


class PrefixCache:
    """States of prefixes in a folder.

    Args:
        folder: where the files are; made when the first one is.
        identity: what the state depends on beside the tokens: weights, context length, adapter.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity

    def _file(self, tokens: Sequence[int]) -> Path:
        key = hashlib.sha256(f"{self.identity}\n{list(tokens)}".encode()).hexdigest()
        return self.folder / f"{key[:40]}.state"

    def has(self, tokens: Sequence[int]) -> bool:
        """Whether there is a file; it may still be damaged."""
        return self._file(tokens).exists()

    def load(self, tokens: Sequence[int]) -> bytes | None:
        """The state after these tokens, None if it is not here or damaged."""
        file = self._file(tokens)
        try:
            content = file.read_bytes()
            state = content[_DIGEST:]
            if hashlib.blake2b(state, digest_size=_DIGEST).digest() != content[:_DIGEST]:
                file.unlink(missing_ok=True)
                return None
            os.utime(file)
        except OSError:
            return None
        return state

    def drop(self, tokens: Sequence[int]) -> None:
        """Forget a state that the model did not take."""
        self._file(tokens).unlink(missing_ok=True)

    def save(self, tokens: Sequence[int], state: bytes) -> None:
        """Keep a state; a full or read-only disk is no error."""
        file = self._file(tokens)
        partial = file.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with partial.open("wb") as out:
                out.write(hashlib.blake2b(state, digest_size=_DIGEST).digest())
                out.write(state)
            partial.replace(file)
            self._trim()
        except OSError:
            partial.unlink(missing_ok=True)

    def _trim(self) -> None:
        sizes = [(f.stat(), f) for f in self.folder.glob("*.state")]
        total = 0
        for stat, file in sorted(sizes, key=lambda s: s[0].st_mtime, reverse=True):
            total += stat.st_size
            if total > _MOST_BYTES:
                file.unlink(missing_ok=True)
