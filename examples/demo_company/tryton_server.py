"""A real Tryton server for the demo company's ERP, in a process of its own.

Tryton is GPL software: it runs beside groundwire and is reached over HTTP only. The database is
initialised and filled once into a folder, and started from there afterwards.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Self

import httpx

from groundwire.demo import processes
from groundwire.demo.errors import DemoError

DATABASE = "erp"
MODULES = ("account_invoice", "purchase", "sale", "stock")
START_SECONDS = 60
PORTS = 5
"""Free ports to try: another program may take one in the moment before the server does."""


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
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

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
        """Initialise and fill the database, where that has not been done by this very program, or it is damaged.

        Raises:
            DemoError: Tryton could not be set up; the message ends with its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        stamp = fill_stamp()
        filled = self.folder / "filled"
        if filled.exists() and filled.read_text() == stamp:
            if self._is_whole():
                return
            self.progress("the ERP's database is damaged and is made anew")
        filled.unlink(missing_ok=True)
        self._initialise()
        filled.write_text(stamp)

    def start(self) -> None:
        """Prepare the database, then serve it.

        Raises:
            DemoError: Tryton did not start; the message ends with its log.
        """
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Prepare the database and start the server, which answers a little later: see `wait`."""
        self.prepare()
        self.progress("starting the ERP (Tryton)")
        self._begin()

    def wait(self) -> None:
        """Until the server answers.

        Raises:
            DemoError: it does not; the message ends with its log.
        """
        deadline = time.monotonic() + START_SECONDS
        ports = 1
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                if ports == PORTS or "Address already in use" not in processes.end_of(self._log):
                    break
                ports += 1
                self._begin()
            elif self._answers():
                return
            time.sleep(0.05)
        self.stop()
        raise DemoError(f"Tryton did not start: {processes.end_of(self._log)}")

    def stop(self) -> None:
        """End the server's process."""
        process, self._process = self._process, None
        if process is not None:
            processes.end(process)

    @property
    def _log(self) -> Path:
        return self.folder / "trytond.log"

    def _begin(self) -> None:
        self.stop()
        self.port = _free_port()
        arguments = ("-c", str(self._configuration()), "-d", DATABASE)
        self._process = processes.begin(_script("trytond"), *arguments, log=self._log)

    def _answers(self) -> bool:
        body = {"id": 0, "method": "common.server.version", "params": []}
        try:
            return httpx.post(f"{self.url}/", json=body, timeout=2).status_code < 500
        except httpx.HTTPError:
            return False

    def _is_whole(self) -> bool:
        """Whether the file is a database with documents in it."""
        file = self.folder / f"{DATABASE}.sqlite"
        try:
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=5)) as database:
                (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
                (invoices,) = database.execute("SELECT COUNT(*) FROM account_invoice").fetchone()
        except sqlite3.Error:
            return False
        return bool(verdict == "ok" and invoices and self.password_file.exists())

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
        processes.run(
            _script("trytond-admin"),
            *("-c", str(configuration), "-d", DATABASE, "--email", "admin@example.com"),
            *("-u", *MODULES, "--activate-dependencies"),
            log=self.folder / "initialise.log",
            tell=lambda _: None,
            environment=environment,
        )
        self.progress("filling the ERP (once, about a minute)")
        processes.run(
            "groundwire.demo.erp_fill",
            *(str(configuration), DATABASE, str(self.scale)),
            log=self.folder / "fill.log",
            tell=lambda line: self.progress(f"filling the ERP: {line}"),
        )


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
