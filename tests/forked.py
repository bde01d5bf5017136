"""Processes of the command that need no second to start: forked from one that has imported everything.

They are processes of their own, leaders of their own groups, which run the command's `main` over arguments,
folder, environment and log of their own. What a fresh interpreter does is left to tests that start one.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "groundwire.agents.cli",
        "groundwire.agents.cli_sync",
        "groundwire.core.worker",
        "groundwire.connectors.replica",
        "adbc_driver_postgresql.dbapi",
        "celery.apps.worker",
        "celery.concurrency.thread",
        "kombu.transport.pyamqp",
        "kombu.transport.redis",
        "psycopg",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)


def _alone(log: str, folder: str, environment: Mapping[str, str], target: Callable[..., Any], *values: Any) -> None:
    """Run `target` as a program that was started from a shell would run."""
    os.setsid()
    os.chdir(folder)
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    target(*values)


def groundwire(arguments: Sequence[str], sizes: Mapping[str, int]) -> None:
    """The command with these arguments, and constants of `sync_load` changed."""
    from groundwire.agents import cli
    from groundwire.core import sync_load, worker

    vars(sync_load).update(sizes)
    worker._stopping = multiprocessing.RawValue("b", 0)  # memory that all forks would share
    sys.argv = ["groundwire", *arguments]
    cli.main()


class Forked:
    """A process with the part of `subprocess.Popen` that tests use."""

    def __init__(
        self, log: Path, folder: Path, environment: Mapping[str, str], target: Callable[..., Any], *values: Any
    ) -> None:
        arguments = (str(log), str(folder), dict(environment), target, *values)
        self._process = _CONTEXT.Process(target=_alone, args=arguments)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Exit code, when it has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)
