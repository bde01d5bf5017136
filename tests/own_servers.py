"""Servers that belong to one test, which may stop them: PostgreSQL by initdb, Redis, RabbitMQ, and a small disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(port: int, seconds: float = 30.0) -> None:
    """Wait until somebody listens there."""
    end = time.monotonic() + seconds
    while not answers(port):
        assert time.monotonic() < end, f"nobody answers on {port}"
        time.sleep(0.02)


class Cluster:
    """A PostgreSQL of its own, as a context manager. It runs as `postgres` where this process is root's."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
            Path(p).parent for p in [shutil.which("initdb")] if p
        ]
        if not found:
            pytest.skip("no initdb, to make a PostgreSQL that may be stopped")
        self._bin = found[-1]
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="gw-pg-", dir="/tmp"))
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(
            command, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=60
        )
        assert done.returncode == 0, command

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop as a crash does."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "stop")

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(AssertionError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def engine(self) -> sa.Engine:
        """An engine that notices when the server was away."""
        return sa.create_engine(self.url, poolclass=sa.pool.NullPool)


class OwnRedis:
    """A Redis of its own, as a context manager, which keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("redis")
        if shutil.which("redis-server") is None:
            pytest.skip("no redis-server, to start one that may be killed")
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, empty."""
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self.port)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> OwnRedis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class OwnRabbitMQ:
    """A RabbitMQ of its own, as a context manager, whose data outlives its process."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server")) or [
            Path(p) for p in [shutil.which("rabbitmq-server")] if p and os.geteuid() != 0
        ]
        if not found:
            pytest.skip("no rabbitmq-server, to start one that may be killed")
        self._program = found[-1]
        self.folder = folder
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        (folder / "plugins").write_text("[].")
        absent = str(folder / "absent")
        self._environment = os.environ | {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"gw{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(self._pid_file),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": absent,
            "RABBITMQ_CONFIG_FILE": absent,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    def start(self) -> None:
        """Start with the data that is there."""
        self._process = subprocess.Popen([self._program], env=self._environment, stdout=subprocess.DEVNULL)
        wait_for(self.port, 90)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                os.kill(int(self._pid_file.read_text()), signal.SIGKILL)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> OwnRabbitMQ:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes; skipped where this process may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("a small file system can't be mounted by this account")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True, timeout=20)
