"""Workers as programs of their own, over a source and a broker that belong to one test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from forked import Forked, groundwire
from typer.testing import CliRunner, Result

from groundwire.agents import cli
from groundwire.core import config as configuration
from groundwire.core.replica import Replicas, ReplicaStatus

SECONDS = 45.0
"""How long anything may take here: more than the half minute after which an errand is sent again, whatever became of it."""

Running = Forked | subprocess.Popen[str]


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Wait for something to be true; what it then is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


@dataclass
class Place:
    """A folder with a configuration, its source's engine, and the workers that were started there."""

    folder: Path
    url: str
    environment: dict[str, str]
    source: sa.Engine
    workers: list[Running] = field(default_factory=list)

    @property
    def config_path(self) -> Path:
        return self.folder / "groundwire.toml"

    def configure(
        self,
        *,
        every: str = "1h",
        source: str = "",
        worker: str = "",
        tables: tuple[str, ...] = ("orders",),
        replicas: str = "",
    ) -> None:
        """Write the configuration."""
        entities = "".join(f'[sources.dwh.entities.{t}]\nreplica.cursor = "updated_at"\n' for t in tables)
        url = replicas or f"sqlite:///{self.folder / 'replicas.sqlite'}"
        self.config_path.write_text(
            f'[replicas]\nurl = "{url}"\nevery = "{every}"\nlease = "1s"\noverlap = "1s"\n'
            f'[worker]\nname = "gw-{self.folder.name[-20:].replace("_", "-")}"\n{worker}\n'
            f'[sources.dwh]\ntype = "sql"\nurl = "{self.url}"\nprofile = false\ninfer_relations = false\n{source}\n{entities}',
            encoding="utf-8",
        )

    @property
    def config(self) -> configuration.Config:
        return configuration.load(self.config_path, {})

    @contextlib.contextmanager
    def replicas(self) -> Iterator[Replicas]:
        """The replicas, for a look at them."""
        found = Replicas.of(self.config)
        assert found is not None
        try:
            yield found
        finally:
            found.close()

    def status(self, entity: str = "dwh.orders") -> ReplicaStatus:
        """How a replica is doing."""
        with self.replicas() as replicas:
            return next(s for s in replicas.status() if s.entity == entity)

    def copy(self, entity: str = "dwh.orders") -> list[tuple[Any, ...]]:
        """The rows of a replica, by key; nothing before its first load."""
        with self.replicas() as replicas:
            state = replicas.state(entity)
            if state.table is None:
                return []
            with replicas.store.reading() as connection:
                rows = connection.exec_driver_sql(f'SELECT id, name FROM "{state.table}" ORDER BY id').fetchall()
                return [tuple(r) for r in rows]

    def original(self) -> list[tuple[Any, ...]]:
        """The rows of the source, by key."""
        with self.source.connect() as connection:
            return [tuple(r) for r in connection.exec_driver_sql("SELECT id, name FROM orders ORDER BY id")]

    def do(self, *statements: str) -> None:
        """Execute statements in the source, in one transaction."""
        with self.source.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def command(self, *arguments: str) -> Result:
        """Run the command in this process; starting another takes a second."""
        environment = {**self.environment, "GROUNDWIRE_CONFIG": str(self.config_path)}
        return CliRunner().invoke(cli.app, list(arguments), env=environment)

    def start(self, *arguments: str, **sizes: int) -> Forked:
        """Start a worker in a process that has imported everything; its log is `log(worker)`.

        Args:
            arguments: of `groundwire worker`.
            sizes: constants of `sync_load` that are smaller in this process.
        """
        environment = {**os.environ, **self.environment}
        worker = Forked(self._next_log(), self.folder, environment, groundwire, ("worker", *arguments), sizes)
        self.workers.append(worker)
        return worker

    def start_program(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a worker as a shell would: `python -m` these arguments."""
        with self._next_log().open("w", encoding="utf-8") as log:
            worker = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *arguments],
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.workers.append(worker)
        return worker

    def _next_log(self) -> Path:
        return self.folder / f"worker-{len(self.workers)}.log"

    def log(self, worker: Running) -> str:
        """What a worker wrote."""
        file = self.folder / f"worker-{self.workers.index(worker)}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def logs(self) -> str:
        """What all workers wrote."""
        return "\n".join(self.log(w) for w in self.workers)

    def ready(self, worker: Running) -> None:
        """Wait until a worker takes errands."""
        until(lambda: "ready." in self.log(worker) or worker.poll() is not None, "the worker is ready")
        assert worker.poll() is None, self.log(worker)

    def stop(self, worker: Running, seconds: float = 20.0) -> int:
        """Stop a worker by SIGTERM; its exit code."""
        worker.send_signal(signal.SIGTERM)
        return worker.wait(seconds)

    def kill_all(self) -> None:
        """End what is still running, with the processes of its pool."""
        for worker in self.workers:
            if worker.poll() is None:
                for kill in (os.killpg, os.kill):  # it may not lead its group yet
                    with contextlib.suppress(ProcessLookupError):
                        kill(worker.pid, signal.SIGKILL)
                worker.wait(10)


def fill(engine: sa.Engine, rows: int) -> None:
    """The table `orders` anew, with so many rows."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS orders")
        connection.exec_driver_sql(
            "CREATE TABLE orders (id bigint PRIMARY KEY, name text, updated_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        connection.exec_driver_sql(f"INSERT INTO orders SELECT i, 'name ' || i FROM generate_series(1, {rows}) AS i")


@contextlib.contextmanager
def place(folder: Path, url: str, environment: Mapping[str, str], rows: int = 200) -> Iterator[Place]:
    """A place whose source has the table `orders`; no worker is left behind."""
    engine = sa.create_engine(url)
    fill(engine, rows)
    found = Place(folder, url, {"AMQP_URL": "", "REDIS_URL": "", "GROUNDWIRE_CONFIG": "", **environment}, engine)
    found.configure()
    try:
        yield found
    finally:
        found.kill_all()
        engine.dispose()


def redis_url() -> str:
    """A running Redis; the test is skipped without one."""
    redis = pytest.importorskip("redis")
    url = os.environ.get("GROUNDWIRE_TEST_REDIS", "redis://127.0.0.1:6379/0")
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
            client.ping()
    except redis.exceptions.RedisError as error:
        absent("Redis", error)
    return url


def empty_redis(spot: Place) -> None:
    """Delete all that this place's workers have in the shared Redis."""
    import redis

    with redis.Redis.from_url(spot.environment["REDIS_URL"]) as client:
        for key in client.scan_iter(f"{spot.config.worker.name}*"):
            client.delete(key)


@contextlib.contextmanager
def vhost() -> Iterator[str]:
    """A RabbitMQ virtual host of one test's own."""
    name = f"gw_test_{uuid.uuid4().hex[:10]}"
    try:
        _make_vhost(name)
    except (OSError, subprocess.CalledProcessError) as error:
        absent("RabbitMQ", error)
    try:
        yield f"amqp://guest:guest@127.0.0.1:5672/{name}"
    finally:
        _rabbitmqctl("eval", f"{_DELETE.format(name)}.")


def forget(name: str) -> None:
    """Let RabbitMQ cut a virtual host's connections and lose its queues."""
    _rabbitmqctl("eval", f"{_DELETE.format(name)}, {_MAKE.format(name)}.")


# one evaluation, since every rabbitmqctl starts an Erlang machine of its own for half a second
_DELETE = 'rabbit_vhost:delete(<<"{0}">>, <<"tests">>)'
_MAKE = (
    'rabbit_vhost:add(<<"{0}">>, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
    '<<"guest">>, <<"{0}">>, <<".*">>, <<".*">>, <<".*">>, <<"tests">>)'
)


def _make_vhost(name: str) -> None:
    _rabbitmqctl("eval", f"{_MAKE.format(name)}.")


def _rabbitmqctl(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True, timeout=100)


def absent(product: str, error: Exception) -> None:
    """Skip where a server is missing; fail where there should be one."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no {product} answers: {error}")
    pytest.skip(f"no {product} answers: {error}")
