"""A real Tryton server for the demo company's ERP, in a process of its own.

Tryton is GPL software: it runs beside groundwire and is reached over HTTP only. The database is
initialised and filled once into a folder, and started from there afterwards.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Self

import httpx

from groundwire.demo.errors import DemoError

DATABASE = "erp"
MODULES = ("account_invoice", "purchase", "sale", "stock")


def fill_stamp() -> str:
    """What a filled database depends on: Tryton, and the programs that fill it."""
    parts = [f"{name} {version(name)}" for name in ("trytond", "proteus", *(f"trytond-{m}" for m in MODULES))]
    for name in ("data.py", "erp_fill.py"):
        parts.append(hashlib.sha256((Path(__file__).parent / name).read_bytes()).hexdigest())
    return "\n".join(parts)


class TrytonServer:
    """One server with one SQLite database.

    Args:
        folder: where configuration, database, password and log are kept.
        scale: share of the demo company's documents to fill in, 0 to 1.
        progress: told what is being done.
    """

    username = "admin"
    database = DATABASE

    def __init__(self, folder: Path, *, scale: float = 1.0, progress: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self.scale = scale
        self.progress = progress or (lambda _: None)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password_file(self) -> Path:
        """Holds the administrator's password, readable by its owner only."""
        return self.folder / "password"

    @property
    def password(self) -> str:
        """The administrator's password."""
        return self.password_file.read_text().strip()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def prepare(self) -> None:
        """Initialise and fill the database, where that has not been done by this very program.

        Raises:
            DemoError: Tryton could not be set up; the message ends with its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        stamp = fill_stamp()
        filled = self.folder / "filled"
        if not filled.exists() or filled.read_text() != stamp:
            filled.unlink(missing_ok=True)
            self._initialise()
            filled.write_text(stamp)

    def start(self) -> None:
        """Prepare the database, then serve it.

        Raises:
            DemoError: Tryton did not start; the message ends with its log.
        """
        self.prepare()
        self.progress("starting the ERP (Tryton)")
        configuration = self._configuration()
        with (self.folder / "trytond.log").open("wb") as log:
            self._process = subprocess.Popen(
                [_script("trytond"), "-c", str(configuration), "-d", DATABASE], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                body = {"id": 0, "method": "common.server.version", "params": []}
                if httpx.post(f"{self.url}/", json=body, timeout=2).status_code < 500:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        self.stop()
        raise DemoError("Tryton did not start: " + (self.folder / "trytond.log").read_text()[-500:])

    def stop(self) -> None:
        """End the server's process."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def _configuration(self) -> Path:
        file = self.folder / "trytond.conf"
        file.write_text(
            f"[database]\nuri = sqlite://\npath = {self.folder}\n[web]\nlisten = 127.0.0.1:{self.port}\n"
            "[session]\ntimeout = 86400\n"
        )
        return file

    def _initialise(self) -> None:
        for old in self.folder.glob(f"{DATABASE}.sqlite*"):
            old.unlink()
        (self.folder / f"{DATABASE}.sqlite").touch()
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(12))
        configuration = self._configuration()
        self.progress("initialising the ERP's database (once, about half a minute)")
        environment = {**os.environ, "TRYTONPASSFILE": str(self.password_file)}
        # without assertions: some of Tryton's take time that grows with the square of the records
        command = [
            sys.executable,
            "-O",
            _script("trytond-admin"),
            "-c",
            str(configuration),
            "-d",
            DATABASE,
            "--email",
            "admin@example.com",
        ]
        _run([*command, "-u", *MODULES, "--activate-dependencies"], environment)
        self.progress("filling the ERP (once, about a minute)")
        fill = [sys.executable, "-O", "-m", "groundwire.demo.erp_fill", str(configuration), DATABASE, str(self.scale)]
        with subprocess.Popen(fill, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                self.progress(f"filling the ERP: {line.strip()}")
            errors = process.stderr.read()
        if process.returncode != 0:
            raise DemoError("the ERP could not be filled: " + errors[-800:])


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _run(command: list[str], environment: dict[str, str]) -> None:
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if result.returncode != 0:
        raise DemoError(f"{Path(command[2]).name} failed: {result.stderr[-800:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
