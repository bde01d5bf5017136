"""The audit trail: a file that grows by one record for each query and question, written before the answer is given.

Every record is one line of JSON that ends with a hash over itself and the hash of the record before it. How
long the chain is and where it ends stands in a second file, the *head*, so that records missing at the end are noticed
too. Nothing is ever overwritten; what a process that died left half written was never answered, and is cut
off by the next one. Several processes write one chain, one at a time.

Whoever can write both files can write another chain. With a key (`audit.key`) that needs the key; without one, keep
copies elsewhere of what `head` says. The idea is that of Schneier and Kelsey, "Secure Audit Logs" (1999).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwire.core.errors import AuditFailed

GENESIS = "0" * 64
"""The hash before the first record."""

_HEAD = 256
"""Bytes of the head's file."""

_END = len(',"hash":""}') + 64
"""Bytes of a line's end that its hash does not cover."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Where a chain ends: how many records, the last one's hash, and bytes of the file."""

    count: int = 0
    hash: str = GENESIS
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What `verify` found.

    Attributes:
        count: records that are as they were written, counted from the beginning.
        hash: of the last of them.
        problem: what is wrong behind them; None where nothing is.
        unfinished: bytes behind the last record, of one that was never answered.
    """

    count: int
    hash: str
    problem: str | None = None
    unfinished: int = 0


class Trail:
    """One chain. Safe to use from several threads and processes.

    Args:
        path: of the file; its head is beside it.
        key: of the hashes; empty for plain SHA-256.
    """

    def __init__(self, path: Path, key: bytes = b"") -> None:
        self.path = path
        self.head_path = path.with_name(path.name + ".head")
        self._key = key
        self._lock = threading.Lock()

    # -- writing -------------------------------------------------------------------------------

    def append(self, record: Mapping[str, Any]) -> int:
        """Write a record to the disk itself; its number, counted from 1.

        Raises:
            AuditFailed: it can't be written, or the file is not as this program left it.
        """
        try:
            with self._lock, self._locked() as file:
                head = self._continued(file)
                line, digest = self._line({"n": head.count + 1, **record, "prev": head.hash})
                try:
                    _write(file, line)
                    os.fdatasync(file)
                    self._set_head(Head(count=head.count + 1, hash=digest, size=head.size + len(line)))
                except OSError:
                    os.ftruncate(file, head.size)  # not answered, so it was not asked
                    raise
                return head.count + 1
        except OSError as error:
            raise AuditFailed(f"the audit trail {self.path} can't be written: {error.strerror}") from None

    def _line(self, record: Mapping[str, Any]) -> tuple[bytes, str]:
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=False)
        body = text.encode("utf-8", "backslashreplace")
        digest = self._hash(body)
        return body[:-1] + f',"hash":"{digest}"}}\n'.encode(), digest

    def _hash(self, body: bytes) -> str:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest() if self._key else hashlib.sha256(body).hexdigest()

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, which nobody else writes meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _continued(self, file: int) -> Head:
        """Where the chain goes on. What a process that died wrote behind the head is taken in, or cut off."""
        size = os.fstat(file).st_size
        head = self._head()
        if head is None:
            if size:
                raise AuditFailed(
                    f"{self.head_path} is missing; look with groundwire audit verify, then move {self.path} away"
                )
            head = Head()
            self._set_head(head)
        if size < head.size:
            raise AuditFailed(f"records are missing at the end of {self.path}; see groundwire audit verify")
        if size > head.size:
            rest = os.pread(file, size - head.size, head.size)
            for line in rest.splitlines(keepends=True):
                found = self._follows(line, head)
                if found is None:
                    break
                head = found
            os.ftruncate(file, head.size)
            self._set_head(head)
        return head

    def _follows(self, line: bytes, head: Head) -> Head | None:
        """The head behind this line; None where it is not the next record of the chain."""
        record = self._read(line)
        if record is None or record.get("n") != head.count + 1 or record.get("prev") != head.hash:
            return None
        return Head(count=head.count + 1, hash=str(record["hash"]), size=head.size + len(line))

    def _read(self, line: bytes) -> dict[str, Any] | None:
        """A record whose hash is right; None for anything else."""
        if not line.endswith(b"\n"):
            return None
        text = line[:-1]
        try:
            record = json.loads(text)
        except ValueError:
            return None
        if not isinstance(record, dict) or not hmac.compare_digest(
            str(record.get("hash")).encode(), self._hash(text[:-_END] + b"}").encode()
        ):
            return None
        return record

    def _head(self) -> Head | None:
        try:
            told = json.loads(self.head_path.read_bytes())
            return Head(count=int(told["count"]), hash=str(told["hash"]), size=int(told["size"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise AuditFailed(f"{self.head_path} is damaged; see groundwire audit verify") from None

    def _set_head(self, head: Head) -> None:
        """Write where the chain ends, in place and in one piece; after a power failure it may be behind, never torn."""
        is_new = not self.head_path.exists()
        file = os.open(self.head_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, json.dumps(head.__dict__).ljust(_HEAD - 1).encode() + b"\n", 0)
            if is_new:
                os.fsync(file)
        finally:
            os.close(file)

    # -- reading -------------------------------------------------------------------------------

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record from the beginning, whether or not it is as it was written; nothing where there is no file."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield record

    def record(self, number: int) -> dict[str, Any] | None:
        """The record of that number; None where there is none."""
        return next((r for r in self.records() if r.get("n") == number), None)

    def verify(self) -> Verdict:
        """Whether every record is there, in its place, as it was written.

        Raises:
            AuditFailed: the files can't be read.
        """
        try:
            told = self._head()
            if told is None and not self.path.exists():
                return Verdict(count=0, hash=GENESIS)
            head, unfinished, problem = Head(), 0, None
            at_head = told is not None and told == head
            with self.path.open("rb") as lines:
                for line in lines:
                    found = self._follows(line, head)
                    if found is None:
                        problem = self._wrong(line, head, told)
                        unfinished = 0 if problem else len(line)
                        break
                    head = found
                    at_head = at_head or (told is not None and told == head)
        except OSError as error:
            raise AuditFailed(f"the audit trail {self.path} can't be read: {error.strerror}") from None
        if problem is None and told is None:
            problem = f"{self.head_path} is missing, so nobody can tell whether records are missing at the end"
        elif problem is None and told is not None and head.count < told.count:
            problem = f"{told.count - head.count:,} records are missing at the end"
        elif problem is None and not at_head:
            problem = "this is another chain than the one that the head was made for"
        return Verdict(count=head.count, hash=head.hash, problem=problem, unfinished=unfinished)

    def _wrong(self, line: bytes, head: Head, told: Head | None) -> str | None:
        """What is wrong with the first line that does not follow; None where it was only never finished."""
        record = self._read(line)
        number = head.count + 1
        if record is not None:
            is_moved = record.get("n") != number
            return (
                f"record {number} is missing or moved" if is_moved else f"record {number} follows another than its own"
            )
        if not line.endswith(b"\n") and told is not None and told.count <= head.count:
            return None
        return f"record {number} was changed"


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
