"""The Celery application: errands that bring replicas up to date, and the beat that sends them.

`groundwire worker` runs all of it in one process. `celery -A groundwire.core.worker worker` and `... beat` run the
same on as many machines as there are; the configuration is `$GROUNDWIRE_CONFIG` or `./groundwire.toml`. What is due,
what failed and when it is tried again is kept by `core/schedule`, so a broker and a worker may be lost at any moment.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery import Celery, bootsteps, signals
from celery.beat import Scheduler
from celery.worker import state
from kombu.exceptions import OperationalError

from groundwire.core import broker, limits
from groundwire.core import config as configuration
from groundwire.core.control import Control
from groundwire.core.errors import Busy, ConfigError, GroundwireError
from groundwire.core.events import Events
from groundwire.core.hub import Hub
from groundwire.core.replica import Replicas
from groundwire.core.schedule import Schedule
from groundwire.core.sync import Syncer
from groundwire.core.webhooks import Webhooks

log = logging.getLogger(__name__)

SYNC = "groundwire.sync_entity"
REFRESH = "groundwire.refresh"

TICK = 1.0
"""Seconds between two looks at the schedule, at most."""


LOOK = 2.0
"""Seconds between two looks whether the broker still has what it was given."""


class Stopping(BaseException):
    """Ends a sync between two batches because the worker stops; no error, so nothing keeps it as one."""


class Runtime:
    """What the errands of one process share: a hub, its replicas and their schedule.

    Args:
        config: of this machine.

    Raises:
        ConfigError: no entity has a replica.
    """

    def __init__(self, config: configuration.Config) -> None:
        self.config = config
        replicas = Replicas.of(config)
        if replicas is None and config.cache.refresh == "worker":
            replicas = Replicas(config)
        if replicas is None:
            raise ConfigError("no entity has a replica; set sources.NAME.entities.ENTITY.replica = true")
        self.replicas = replicas
        self.hub = Hub.from_parsed(config)
        self.control = Control.of(config)
        limits.attach(self.hub.connectors.values(), config, self.control, background=True)
        self.syncer = Syncer(self.hub, self.replicas)
        self.syncer.changes.subscribe(self._changed)
        self.schedule = Schedule(self.control, self.replicas)

    def _changed(self, entity: str, moment: datetime) -> None:
        """What was read of this entity before is used no more, by any who share the cache."""
        if self.hub.cache is not None:
            self.hub.cache.invalidate(entity.split(".", 1)[0], [entity], moment)

    def close(self) -> None:
        """Let go of all connections."""
        self.hub.close()
        self.replicas.close()
        self.control.close()


_runtime: Runtime | None = None
_lock = threading.Lock()
_stopping = multiprocessing.RawValue("b", 0)
"""Shared with the processes of a pool, which a signal to the worker does not reach."""


def runtime() -> Runtime:
    """This process's own, made at first use.

    Raises:
        ConfigError: there is no valid configuration, or it wants no replica.
    """
    global _runtime
    with _lock:
        if _runtime is None:
            _runtime = Runtime(configuration.load())
        return _runtime


def _forget_runtime() -> None:
    """Connections must not be shared with the process that this one was forked from."""
    global _runtime, _lock
    _runtime, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_runtime)


def stopping() -> bool:
    """Whether this worker was told to stop."""
    return bool(_stopping.value)


LINGER = 10.0
"""Seconds after which a worker that was told to stop and has nothing left to do ends without its broker's word."""


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop(**_: Any) -> None:
    _stopping.value = 1


def _end_in_time(**_: Any) -> None:
    """Celery waits without end for the answer of a connection that broke while it was told to stop."""
    threading.Thread(target=_linger, name="groundwire end", daemon=True).start()


def _linger() -> None:
    idle = time.monotonic()
    while time.monotonic() < idle + LINGER:
        if state.active_requests:
            idle = time.monotonic()
        time.sleep(0.1)
    log.warning("the broker does not let go of this worker, which ends now")
    logging.shutdown()
    os._exit(0)


app = Celery("groundwire", set_as_current=False)
app.add_defaults(lambda: broker.settings(configuration.load()))


# -- errands -------------------------------------------------------------------------------------


@app.task(name=SYNC)  # type: ignore[untyped-decorator]
def sync_entity(entity: str, full: bool = False, verify: bool = False, queued: float | None = None) -> str:
    """Bring one replica up to date, once for all errands that were sent before it began.

    Args:
        entity: full name.
        full: load everything anew.
        verify: compare with the source, and mend.
        queued: when the errand was sent, in seconds since 1970; None for one that is done in any case.

    Returns:
        What became of it, as one line for the log.
    """
    own = runtime()
    if entity not in own.replicas.wanted:
        return f"{entity} has no replica any more"
    begun = own.schedule.begin(entity, queued)
    if begun is None:
        return f"{entity} was synced since"
    try:
        report = own.syncer.sync(entity, full=full, verify=verify, progress=_until_stopped)
    except Busy as error:
        own.schedule.left(entity, queued)
        return str(error)
    except Stopping:
        own.schedule.left(entity, queued)
        return f"{entity} was put down, because the worker stops"
    except GroundwireError as error:
        pause = own.schedule.failed(entity, error)
        again = "not tried again before its time" if pause is None else f"tried again in {pause:.0f} s"
        log.warning("sync of %s failed: %s; %s", entity, error, again)
        return f"{entity} failed"
    except Exception as error:
        own.schedule.failed(entity, error)
        raise
    own.schedule.done(entity, begun)
    return f"{entity}: {report.mode}, {report.read} read, {report.deleted} deleted in {report.seconds:.2f} s"


def _until_stopped(_what: str, _done: int, _of: int | None) -> None:
    if stopping():
        raise Stopping


def send_sync(entity: str, *, full: bool = False, verify: bool = False, queued: float | None = None) -> None:
    """Send the errand to the queue of the entity's source.

    Args:
        entity: full name.
        full: load everything anew.
        verify: compare with the source, and mend.
        queued: the errand's time in seconds since 1970, now without it.

    Raises:
        OperationalError: the broker does not take it.
    """
    source = entity.split(".", 1)[0]
    stamp = time.time() if queued is None else queued
    arguments = {"entity": entity, "full": full, "verify": verify, "queued": stamp}
    queue = broker.queue_name(runtime().config, source)
    app.send_task(SYNC, kwargs=arguments, queue=queue, retry=False)


@app.task(name=REFRESH)  # type: ignore[untyped-decorator]
def refresh(sql: str, limit: int | None = None, link_values: bool = False) -> str:
    """Read anew what a question reads, for those who ask it next; see `core/refresh`."""
    try:
        runtime().hub.refresh(sql, limit=limit, link_values=link_values)
    except GroundwireError as error:
        log.warning("a copy could not be read again: %s", error)
        return "failed"
    return "read again"


# -- beat ----------------------------------------------------------------------------------------


class Beat(Scheduler):  # type: ignore[misc]
    """Celery's scheduler over `core/schedule`. Any number may run: each errand is claimed by one."""

    max_interval = TICK
    refused = 0
    watch: broker.Watch | None = None
    looked = -LOOK

    def setup_schedule(self) -> None:
        self.data: dict[str, Any] = {}

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due, and again what the broker lost; seconds until the next look."""
        try:
            own = runtime()
            self._look_for_losses(own)
            errands = own.schedule.due()
        except ConnectionError as error:
            log.warning("%s", error)
            return self._refused()
        except GroundwireError as error:
            log.warning("the schedule can't be read: %s", error)
            return 5 * TICK
        for number, errand in enumerate(errands):
            try:
                send_sync(errand.entity, queued=errand.queued)
            except (OperationalError, OSError) as error:
                log.warning("the broker takes no errands: %s", type(error).__name__)
                own.schedule.unsent(errands[number:])
                return self._refused()
        self.refused = 0
        shortest = min((w.every.total_seconds() for w in own.replicas.wanted.values()), default=TICK)
        return max(0.1, min(TICK, shortest / 4))

    def close(self) -> None:
        """Let go of the broker."""
        if self.watch is not None:
            self.watch.close()
        super().close()

    def _refused(self) -> float:
        """Seconds until a broker that takes nothing is tried again."""
        self.refused += 1
        self.looked = -LOOK
        return min(5 * TICK, 0.5 * TICK * 2.0 ** min(self.refused, 10))

    def _look_for_losses(self, own: Runtime) -> None:
        """What a broker had when it was emptied or replaced is sent again without waiting for its time."""
        if time.monotonic() < self.looked + LOOK:
            return
        if self.watch is None:
            self.watch = broker.Watch(own.config)
        now = own.replicas.clock().timestamp()
        if self.watch.lost() and (again := own.schedule.lost(now)):
            log.warning("the broker lost its queues: %d errands are sent again", again)
        self.looked = time.monotonic()


class BeatThread(threading.Thread):
    """The beat within a worker. Unlike Celery's own it stops at once, not at the end of a pause."""

    def __init__(self, scheduler: Beat) -> None:
        super().__init__(name="groundwire beat", daemon=True)
        self._scheduler = scheduler
        self._stopping = threading.Event()

    def run(self) -> None:
        """Tick until it is stopped."""
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                pause = self._scheduler.tick()
            except Exception:  # a beat that died would leave every replica to age in silence
                log.exception("the beat goes on after an error")
                pause = 5 * TICK
        self._scheduler.close()

    def stop(self) -> None:
        """Stop, after the errand that is being sent."""
        self._stopping.set()
        self.join(5 * TICK)

    terminate = stop


class BeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """The beat as a thread of the worker: where the worker ends, however it ends, so does its beat."""

    requires = ("celery.worker.components:Pool",)
    label = "groundwire beat"

    def create(self, worker: Any) -> Any:
        return BeatThread(Beat(worker.app))


class NoticeStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Wakes a worker that waits at its broker's socket, which would else notice a signal with its next errand."""

    requires = ("celery.worker.consumer:Events",)
    label = "groundwire notice"

    def start(self, consumer: Any) -> None:
        consumer.timer.call_repeatedly(broker.NOTICE, bool)


app.steps["consumer"].add(NoticeStep)


def run(
    *,
    sources: tuple[str, ...] = (),
    concurrency: int | None = None,
    pool: str = "threads",
    beat: bool = True,
    loglevel: str = "WARNING",
    services: tuple[Callable[[Runtime], Any], ...] = (),
) -> int:
    """Run a worker until it is told to stop by SIGTERM or Ctrl-C; a second Ctrl-C ends it at once.

    Args:
        sources: whose queues it serves; all without.
        concurrency: errands at a time, `[worker] concurrency` without it.
        pool: Celery's name of the kind of pool.
        beat: whether it also sends what is due.
        loglevel: of Celery.
        services: made with this process's runtime; each has `start()` and `stop()`, which return at once.

    Returns:
        Exit code of the process.

    Raises:
        ConfigError: there is no valid configuration, or it wants no replica.
    """
    own = runtime()
    if beat:
        app.steps["worker"].add(BeatStep)
    queues = [broker.queue_name(own.config, s) for s in sources or own.config.sources]
    running = [make(own) for make in services]
    if own.config.telemetry.logs == "json":
        app.conf.worker_hijack_root_logger = False
    worker = app.Worker(
        pool=pool,
        concurrency=concurrency or own.config.worker.concurrency,
        queues=queues,
        loglevel=loglevel,
        # RabbitMQ gives a name to one worker only
        hostname=f"{own.config.worker.name}-{os.getpid()}@{socket.gethostname()}",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    signals.worker_shutting_down.connect(_end_in_time)
    for service in running:
        service.start()
    try:
        worker.start()
    finally:
        for service in running:
            service.stop()
        own.close()
    return int(worker.exitcode or 0)


__all__ = ["Beat", "Events", "Runtime", "Webhooks", "app", "run", "runtime", "send_sync", "stopping", "sync_entity"]
