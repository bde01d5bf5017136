"""Run a program that ends with whoever started it, however that one ended.

    python -P leash.py PATH|MODULE ARGUMENTS...

Standard input is the leash: the starter holds the other end and never writes. When it is gone, even by SIGKILL, there
is nothing left to read. Needs nothing but Python, for the programs run here are not all ours.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

PATIENCE = 5.0
"""Seconds between the request to end and the end."""


def _hold(leash: int) -> None:
    while os.read(leash, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    leash = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_hold, args=(leash,), name="leash", daemon=True).start()
    del sys.argv[0]
    if Path(sys.argv[0]).is_file():
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
