"""The demo company's three systems, started side by side and stopped together.

`python -m groundwire.demo.company` keeps them running until Ctrl-C.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Self

import platformdirs
from sqlalchemy.exc import SQLAlchemyError

from groundwire.demo import processes, questions, warehouse
from groundwire.demo.errors import DemoError
from groundwire.demo.tryton_server import TrytonServer

HOME_VARIABLE = "GROUNDWIRE_HOME"
START_SECONDS = 60
STOP_SECONDS = 20.0
LOCK_TRIES = 4


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
        self._crm: subprocess.Popen[str] | None = None
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
            self._launch_crm()
            self._erp.launch()
            self._fill_warehouse()
            self._wait_for_crm()
            self._erp.wait()
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
        crm, self._crm = self._crm, None
        if crm is not None:
            processes.end(crm)
            (self.folder / "crm.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        self._lock = (self.folder / "lock").open("a+")
        for _ in range(LOCK_TRIES):  # whoever asks whether a demo is running holds it for a moment
            if _is_free(self._lock, keep=True):
                break
            time.sleep(0.05)
        else:
            self._lock.seek(0)
            other = self._lock.read().strip()
            self._lock.close()
            self._lock = None
            raise DemoError(f"another demo is running (process {other}); groundwire demo --stop ends it")
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _launch_crm(self) -> None:
        self.progress("starting the CRM (a Salesforce sandbox)")
        ready = self.folder / "crm.json"
        ready.unlink(missing_ok=True)
        self._crm = processes.begin(
            "groundwire.demo.salesforce_sandbox", "--ready-file", str(ready), log=self.folder / "crm.log"
        )

    def _wait_for_crm(self) -> None:
        ready = self.folder / "crm.json"
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if self._crm is None or self._crm.poll() is not None or time.monotonic() > deadline:
                raise DemoError(f"the CRM sandbox did not start: {processes.end_of(self.folder / 'crm.log')}")
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
            partial.unlink(missing_ok=True)
            try:
                warehouse.fill(f"sqlite:///{partial}", dt.date.today())
            except SQLAlchemyError as error:
                raise DemoError(f"the warehouse could not be filled: {str(error).splitlines()[0]}") from None
            partial.replace(file)
        self.environment["GW_DEMO_DWH_URL"] = f"sqlite:///{file}"


def stop_running(folder: Path | None = None) -> str:
    """End a demo that runs in another process, and wait until it has; a sentence about what happened."""
    lock = (folder or home()) / "lock"
    if not lock.exists():
        return "no demo is running"
    with lock.open("r") as handle:
        if _is_free(handle):
            return "no demo is running"
        process = handle.read().strip()
        if process.isdecimal():
            os.kill(int(process), signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while not _is_free(handle):
            if time.monotonic() > deadline:
                raise DemoError(f"the demo (process {process}) does not end; kill -9 {process} ends all of it")
            time.sleep(0.05)
        return f"stopped the demo (process {process})"


def _is_free(lock: IO[str], *, keep: bool = False) -> bool:
    """Whether nobody holds the lock; `keep` takes it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    if not keep:
        fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Run until Ctrl-C and say where everything is."""
    try:
        with DemoCompany(progress=lambda text: print(text, flush=True)) as company:
            for name, value in company.environment.items():
                if "SECRET" not in name and "PASSWORD" not in name:
                    print(f"{name}={value}", flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
