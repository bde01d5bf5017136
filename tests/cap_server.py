"""SAP's own OData server (CAP, `@sap/cds`) on loopback, serving the model in `tests/odata_service` as versions 4 and 2.

It is installed from npm once into the user's cache directory and starts in a few seconds. SAP's licence allows to
install it, not to pass it on: nothing of it is kept in the repository.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, Self

import node_packages

MODEL = Path(__file__).parent / "odata_service"
USER, PASSWORD = "reader", "hunter2hunter2"
READINGS = 3210
"""Rows of the entity that takes many pages: the server gives 100 a page, and at most 500."""


class NoServer(Exception):
    """The server can't be run on this machine."""


def installed() -> Path:
    """The folder with SAP's packages.

    Raises:
        NoServer: no Node or npm, or the packages can't be had.
    """
    try:
        # SQLite as WebAssembly comes ready, so that nothing has to be compiled
        return node_packages.installed("cap", (MODEL / "package.json").read_bytes())
    except node_packages.NoNode as error:
        raise NoServer(str(error)) from None


def readings() -> list[dict[str, Any]]:
    """The many rows."""
    return [{"ID": i, "sensor": f"s{i % 7}", "value": i / 8} for i in range(1, READINGS + 1)]


def stored(entity: str) -> list[dict[str, Any]]:
    """What the model's files hold of an entity, as text where they are CSV."""
    file = MODEL / "db" / "data" / f"gw-{entity}.json"
    if file.exists():
        return list(json.loads(file.read_text(encoding="utf-8")))
    with file.with_suffix(".csv").open(encoding="utf-8", newline="") as lines:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(lines, delimiter=";")]


class CapServer:
    """The running server, as a context manager.

    Args:
        folder: where its files go.
        exact: whether it heeds `IEEE754Compatible`.
    """

    def __init__(self, folder: Path, *, exact: bool = True) -> None:
        self.folder = folder
        self.exact = exact
        self.port = 0
        self._lines: list[str] = []

    @property
    def v4(self) -> str:
        return f"http://127.0.0.1:{self.port}/odata/v4/sales"

    @property
    def v2(self) -> str:
        return f"http://127.0.0.1:{self.port}/odata/v2/sales"

    def __enter__(self) -> Self:
        packages = installed()
        shutil.copytree(MODEL, self.folder, dirs_exist_ok=True)
        (self.folder / "db" / "data" / "gw-Readings.json").write_text(json.dumps(readings()), encoding="utf-8")
        (self.folder / "node_modules").symlink_to(packages / "node_modules")
        command = ["node", str(packages / "node_modules" / "@sap" / "cds" / "bin" / "serve.js"), "all", "--port", "0"]
        environment = {**os.environ, "CDS_FEATURES_IEEE754COMPATIBLE": "true" if self.exact else "false"}
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._started = threading.Event()
        self._reader.start()
        if not self._started.wait(60) or not self.port:
            self.__exit__()
            raise NoServer("it did not start: " + "".join(self._lines)[-800:])
        return self

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._lines.append(line)
            if line.startswith("groundwire: port "):
                self.port = int(line.rpartition(" ")[2])
                self._started.set()
        self._started.set()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
