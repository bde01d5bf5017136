"""Which broker carries errands to workers: Redis, RabbitMQ, or a folder of this machine with nothing installed.

The embedded broker is kombu's filesystem transport, with messages and tables of queues that appear in the folder
whole or not at all: kombu writes them in place, where a reader finds them half written. It keeps no account of what a
killed worker had taken; `core/schedule` does, for every broker alike.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs
from kombu import Connection, Exchange, Producer, Queue
from kombu import transport as kombu_transports
from kombu.exceptions import ChannelError, OperationalError
from kombu.transport import filesystem

from groundwire.core.config import Config
from groundwire.core.control import Control
from groundwire.core.errors import ConfigError
from groundwire.core.freshness import parse_age
from groundwire.core.replica import own_name

EMBEDDED = "groundwire://localhost//"
"""URL of the embedded broker."""

NOTICE = 0.5
"""Seconds after which a worker that waits for errands looks whether it was told to stop."""

_LONGEST_TASK = 24 * 3600 * 1000
"""Milliseconds that RabbitMQ lets a worker keep an errand: its own half hour is too short for a first load."""


_BINDING = threading.Lock()


class Channel(filesystem.Channel):  # type: ignore[misc]
    """A channel over files that appear at once, and queues that processes may make at the same moment."""

    def queue_bind(self, queue: str, exchange: str | None = None, *arguments: Any, **more: Any) -> None:
        with _BINDING:  # kombu tells other threads of a binding before it is written down: they would send to nowhere
            if not (self.control_folder / f"{exchange}.exchange").exists():
                self.state.queue_bindings_delete(queue)
            super().queue_bind(queue, exchange, *arguments, **more)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Add a queue to those of an exchange: kombu empties the table that another process has made just now."""
        self.control_folder.mkdir(parents=True, exist_ok=True)
        wanted = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with (self.control_folder / f"{exchange}.lock").open("w") as turn:  # closing it gives the turn back
            filesystem.lock(turn, filesystem.LOCK_EX)
            known = self.get_table(exchange)
            if wanted in known:
                return
            draft = self.control_folder / f"{exchange}.draft"
            draft.write_text(json.dumps([wanted, *known]), encoding="utf-8")
            draft.replace(self.control_folder / f"{exchange}.exchange")

    def _put(self, queue: str, payload: Mapping[str, Any], **_: Any) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        draft = self.control_folder / f"{name}.draft"
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(payload), encoding="utf-8")
            draft.rename(Path(self.data_folder_out) / name)
        except OSError as error:
            raise ChannelError(f"can't add a message to {self.data_folder_out}: {error.strerror}") from error


class Transport(filesystem.Transport):  # type: ignore[misc]
    """The embedded broker."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Wait no longer than a worker may take to notice that it was told to stop."""
        super().drain_events(connection, timeout=min(timeout or NOTICE, NOTICE))


kombu_transports.TRANSPORT_ALIASES["groundwire"] = "groundwire.core.broker:Transport"


def broker_url(config: Config, environment: Mapping[str, str] | None = None) -> str:
    """Where errands go: `[worker] broker`, else `$AMQP_URL`, else `$REDIS_URL`, else the embedded broker."""
    environment = os.environ if environment is None else environment
    if config.worker.broker is not None:
        return config.worker.broker.get_secret_value()
    return environment.get("AMQP_URL") or environment.get("REDIS_URL") or EMBEDDED


def kind(config: Config, environment: Mapping[str, str] | None = None) -> str:
    """The broker in a word or two, without its address."""
    scheme = broker_url(config, environment).partition(":")[0]
    return {"groundwire": "embedded", "amqp": "RabbitMQ", "amqps": "RabbitMQ", "pyamqp": "RabbitMQ"}.get(scheme, scheme)


def folder(config: Config) -> Path:
    """Where the embedded broker keeps its messages: beside the replicas, or among the user's data.

    Like the replicas it belongs to one configuration: a worker of another one has other sources of the same name.
    """
    control = Control.of(config)
    if control.folder is None:
        beside = Path(platformdirs.user_data_dir("groundwire", appauthor=False))
        return beside / f"{own_name(config)}-{config.worker.name}-queue"
    return control.folder / f"{Path(str(control.url.database)).stem}-{config.worker.name}-queue"


def queue_name(config: Config, source: str) -> str:
    """The queue of one source."""
    return f"{config.worker.name}.{source}"


def settings(config: Config, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Celery's settings for a configuration.

    Raises:
        ConfigError: the embedded broker's folder can't be made.
    """
    url = broker_url(config, environment)
    kind = url.partition(":")[0]
    found: dict[str, Any] = {
        "broker_url": url,
        "broker_transport_options": _options(config, kind),
        "broker_connection_retry_on_startup": True,
        "broker_connection_timeout": 5,
        "control_exchange": config.worker.name,
        "event_exchange": f"{config.worker.name}.events",
        "task_default_queue": config.worker.name,
        "task_queues": [_queue(config, name, kind) for name in config.sources],
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # a sync that runs on while the broker is away proves its right to commit by its lease
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_prefetch_multiplier": 1,
        "worker_lost_wait": 1.0,
        "worker_hijack_root_logger": False,
        "worker_concurrency": config.worker.concurrency,
        "beat_scheduler": "groundwire.core.worker:Beat",
        "beat_max_loop_interval": 1,
    }
    if kind in ("redis", "rediss"):
        found["broker_transport"] = "groundwire.core.broker_redis:Transport"
    if kind == "groundwire":  # broadcasts would be files that every worker leaves behind
        found["worker_enable_remote_control"] = False
    return found


def _options(config: Config, kind: str) -> dict[str, Any]:
    if kind == "groundwire":
        place = folder(config)
        try:
            (place / "messages").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"can't make {place}: {error.strerror}", setting="worker.broker") from None
        messages = str(place / "messages")
        return {
            "data_folder_in": messages,
            "data_folder_out": messages,
            "control_folder": str(place / "control"),
            "polling_interval": 0.2,
        }
    if kind in ("redis", "rediss", "sentinel"):
        age = parse_age(config.worker.visibility)
        assert age is not None
        return {
            "visibility_timeout": age.total_seconds(),
            "global_keyprefix": f"{config.worker.name}:",
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 30,
        }
    if kind in ("amqp", "amqps", "pyamqp"):  # else a message to an exchange that is gone is lost without a word
        return {"connect_timeout": 5, "confirm_publish": True}
    return {}


def _queue(config: Config, source: str, kind: str) -> Queue:
    name = queue_name(config, source)
    arguments = {"x-consumer-timeout": _LONGEST_TASK} if kind in ("amqp", "amqps", "pyamqp") else None
    return Queue(name, Exchange(config.worker.name, type="direct"), routing_key=name, queue_arguments=arguments)


def depths(config: Config, sources: Iterable[str], environment: Mapping[str, str] | None = None) -> dict[str, int]:
    """Errands that wait in each source's queue; 0 for a queue that was never used.

    Raises:
        ConnectionError: the broker does not answer.
    """
    found = settings(config, environment)
    waiting = {}
    try:
        with _connected(found) as connection:
            for source in sources:
                waiting[source] = _waiting(connection, queue_name(config, source))
    except (OSError, OperationalError, *_redis_errors()) as error:
        raise ConnectionError(f"the broker does not answer: {type(error).__name__}") from None
    return waiting


class Watch:
    """Notices that a broker has lost what it was given: a mark that nobody takes lies in a queue of its own.

    Not for several threads.

    Args:
        config: whose broker it is.
        environment: in place of the process's own.
    """

    def __init__(self, config: Config, environment: Mapping[str, str] | None = None) -> None:
        self._found = settings(config, environment)
        self._name = f"{config.worker.name}.mark"
        self._exchange = Exchange(config.worker.name, type="direct")
        self._connection: Connection | None = None

    def lost(self) -> bool:
        """Whether the mark is gone (or was never there); then all queues are made again, and the mark is put there.

        Raises:
            ConnectionError: the broker does not answer.
        """
        try:
            if self._connection is None:
                self._connection = _connected(self._found)
            if _waiting(self._connection, self._name):
                return False
            self.close()  # it takes for made what was lost
            self._connection = _connected(self._found)
            mark = Queue(self._name, self._exchange, routing_key=self._name)
            with self._connection.channel() as channel:
                for queue in (*self._found["task_queues"], mark):
                    queue.bind(channel).declare()
                Producer(channel, self._exchange, self._name).publish({}, serializer="json")
        except (OSError, OperationalError, *_connection_errors(self._connection)) as error:
            self.close()
            raise ConnectionError(f"the broker does not answer: {type(error).__name__}") from None
        return True

    def close(self) -> None:
        """Let go of the connection. May be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, OperationalError, *_connection_errors(connection)):
                connection.close()


def connect(found: Mapping[str, Any]) -> Connection:
    """A connection, which is made when it is used, for what `settings` found."""
    return Connection(
        found["broker_url"],
        transport=found.get("broker_transport"),
        transport_options={**found["broker_transport_options"], "max_retries": 0},
        connect_timeout=3,
    )


def _connected(found: Mapping[str, Any]) -> Connection:
    """A connection that is there, or fails at once: kombu tries once more after two seconds."""
    made = connect(found)
    made.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    return made


def _waiting(connection: Connection, name: str) -> int:
    """Messages in a queue; 0 for one that is not there, as an empty one in Redis."""
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(name, passive=True).message_count)
    except connection.channel_errors:
        return 0


def _connection_errors(connection: Connection | None) -> tuple[type[Exception], ...]:
    return _redis_errors() if connection is None else (*connection.connection_errors, *_redis_errors())


def _redis_errors() -> tuple[type[Exception], ...]:
    try:
        from redis.exceptions import RedisError
    except ImportError:
        return ()
    return (RedisError,)
