"""The demo company's three systems, started and stopped together.

`python -m groundwire.demo.company` keeps them running until Ctrl-C.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Self

import platformdirs

from groundwire.demo import questions, warehouse
from groundwire.demo.errors import DemoError
from groundwire.demo.tryton_server import TrytonServer

HOME_VARIABLE = "GROUNDWIRE_HOME"


def home() -> Path:
    """Where the demo keeps its state: `$GROUNDWIRE_HOME`, else the user's data directory."""
    return Path(os.environ.get(HOME_VARIABLE) or platformdirs.user_data_dir("groundwire")) / "demo"


class DemoCompany:
    """CRM, ERP and warehouse; a context manager.

    Args:
        folder: for state; `home()` without it.
        scale: share of the ERP's documents to make, 0 to 1.
        progress: told what is being done.
    """

    questions = questions.DEMO
    config_path = Path(__file__).parent / "groundwire.toml"

    def __init__(
        self, folder: Path | None = None, *, scale: float = 1.0, progress: Callable[[str], None] | None = None
    ) -> None:
        self.folder = folder or home()
        self.progress = progress or (lambda _: None)
        self.environment: dict[str, str] = {}
        self._erp = TrytonServer(self.folder / "erp", scale=scale, progress=self.progress)
        self._crm: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; the first time takes minutes, later ones seconds.

        Raises:
            DemoError: another demo runs in this folder, or a system did not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, _leave)
        self._take_lock()
        try:
            self._start_crm()
            self._fill_warehouse()
            self._erp.start()
        except BaseException:
            self.stop()
            raise
        self.environment |= {
            "GW_DEMO_ERP_URL": self._erp.url,
            "GW_DEMO_ERP_DATABASE": self._erp.database,
            "GW_DEMO_ERP_USERNAME": self._erp.username,
            "GW_DEMO_ERP_PASSWORD": self._erp.password,
        }

    def stop(self) -> None:
        """End every process that was started."""
        self._erp.stop()
        if self._crm is not None and self._crm.poll() is None:
            self._crm.terminate()
            self._crm.wait(10)
        self._crm = None
        (self.folder / "crm.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        self._lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            other = self._lock.read().strip()
            self._lock.close()
            self._lock = None
            raise DemoError(f"another demo is running (process {other}); groundwire demo --stop ends it") from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _start_crm(self) -> None:
        self.progress("starting the CRM (a Salesforce sandbox)")
        ready = self.folder / "crm.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "groundwire.demo.salesforce_sandbox", "--ready-file", str(ready)]
        self._crm = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not ready.exists():
            if self._crm.poll() is not None or time.monotonic() > deadline:
                raise DemoError("the CRM sandbox did not start")
            time.sleep(0.05)
        note = json.loads(ready.read_text())
        self.environment |= {
            "GW_DEMO_CRM_URL": note["url"],
            "GW_DEMO_CRM_CLIENT_ID": note["client_id"],
            "GW_DEMO_CRM_CLIENT_SECRET": note["client_secret"],
        }

    def _fill_warehouse(self) -> None:
        file = self.folder / f"warehouse-{dt.date.today().isoformat()}.sqlite"
        if not file.exists():
            self.progress("filling the warehouse")
            for old in self.folder.glob("warehouse-*"):
                old.unlink()
            partial = file.with_suffix(".part")
            warehouse.fill(f"sqlite:///{partial}", dt.date.today())
            partial.replace(file)
        self.environment["GW_DEMO_DWH_URL"] = f"sqlite:///{file}"


def stop_running(folder: Path | None = None) -> str:
    """End a demo that runs in another process; a sentence about what happened."""
    lock = (folder or home()) / "lock"
    with lock.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            process = int(handle.read().strip())
            os.kill(process, signal.SIGTERM)
            return f"stopped the demo (process {process})"
    return "no demo is running"


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Run until Ctrl-C and say where everything is."""
    with DemoCompany(progress=lambda text: print(text, flush=True)) as company:
        for name, value in company.environment.items():
            if "SECRET" not in name and "PASSWORD" not in name:
                print(f"{name}={value}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopping")


if __name__ == "__main__":
    main()
