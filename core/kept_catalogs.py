"""What discovery learned, kept for the next process: a system with a thousand kinds of records takes a minute to tell.

Each source and account has a file of its own, in this user's cache, for this user alone. It holds descriptions, no
records. A file that is damaged, of another version or too old is as good as none. When it is learned anew is the affair
of `groundwire.core.discovery`.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from groundwire.core.catalog import Entity
from groundwire.core.connector import Connector, Recalling

_FORGOTTEN = 30 * 86_400.0


@dataclass(frozen=True)
class KeptCatalog:
    """The kept description of one source.

    Attributes:
        file: where; its time of change says when it was learned.
        longest: seconds for which it is good.
    """

    file: Path
    longest: float

    def entities(self, connector: Connector) -> list[Entity] | None:
        """The source's entities as they were learned, the connector as after `discover`; None if there are none."""
        if not isinstance(connector, Recalling):
            return None
        try:
            age = time.time() - self.file.stat().st_mtime
            if not 0 <= age < self.longest:
                return None
            kept = msgspec.json.decode(gzip.decompress(self.file.read_bytes()))
            if kept["version"] != version("groundwire"):
                return None
            return connector.recall(kept["learned"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, msgspec.DecodeError):
            return None

    def learned_at(self) -> float | None:
        """When it was learned, in seconds since 1970; None where nothing is kept."""
        try:
            return self.file.stat().st_mtime
        except OSError:
            return None

    def keep(self, connector: Connector) -> None:
        """Keep what this connector's discovery learned; that it can't be kept is no fault of the question."""
        if not isinstance(connector, Recalling):
            return
        content = json.dumps({"version": version("groundwire"), "learned": connector.learned()}, default=str)
        partial = self.file.with_name(f".{self.file.name}.{os.getpid()}.{threading.get_ident()}")
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(gzip.compress(content.encode(), 1))
            partial.replace(self.file)
            self._forget()

    def _forget(self) -> None:
        """Remove files of sources that nobody has asked for a month."""
        for file in self.file.parent.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > _FORGOTTEN:
                    file.unlink()
