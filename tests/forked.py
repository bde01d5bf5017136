"""Processes of the command that need no seconds to start: forked from one that has imported everything.

They are processes of their own, leaders of their own sessions, which run the command's `main` over arguments, folder,
environment and streams of their own. What a fresh interpreter does is left to tests that start one.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "groundwire.agents.chat",
        "groundwire.agents.cli",
        "groundwire.agents.cli_sync",
        "groundwire.agents.local_model",
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


def _alone(
    streams: Sequence[str], folder: str, environment: Mapping[str, str], target: Callable[..., Any], *values: Any
) -> None:
    """Run `target` as a program that was started from a shell would run."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(streams[0], os.O_RDONLY), 0)  # a terminal becomes the session's own
    for number, path in enumerate(streams[1:], 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    try:
        target(*values)
    finally:
        atexit._run_exitfuncs()


def groundwire(arguments: Sequence[str], sizes: Mapping[str, int] = {}) -> None:
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
        self,
        streams: Path | Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        target: Callable[..., Any],
        *values: Any,
    ) -> None:
        """Start it.

        Args:
            streams: a log for all that it says; or what it reads, and where its output and its errors go.
            folder: where it runs.
            environment: all of it.
            target: what it runs, over `values`.
        """
        streams = [os.devnull, str(streams), str(streams)] if isinstance(streams, Path) else list(streams)
        arguments = (streams, str(folder), dict(environment), target, *values)
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

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str = ""
) -> tuple[int, str, str]:
    """The command from its start to its end: exit code, standard output, standard error."""
    with tempfile.TemporaryDirectory() as kept:
        streams = [Path(kept) / name for name in ("in", "out", "err")]
        streams[0].write_text(stdin, encoding="utf-8")
        process = Forked([str(s) for s in streams], folder, environment, groundwire, list(arguments))
        try:
            code = process.wait(60)
        finally:
            process.kill()
        out, err = (s.read_text(encoding="utf-8") for s in streams[1:])
    return code, out, err
