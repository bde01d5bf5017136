"""Workers over real brokers: what is due is done once, and whatever is lost on the way is done again."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from kombu import Exchange, Producer, Queue
from own_servers import OwnRabbitMQ, OwnRedis, free_port
from worker_program import Place, empty_redis, fill, forget, place, redis_url, until, vhost

from groundwire.core import broker, worker
from groundwire.core.control import Control
from groundwire.core.errors import RateLimited, Rejected, Unavailable
from groundwire.core.schedule import LONGEST_PAUSE, Schedule, backoff

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def rabbitmq_url() -> Iterator[str]:
    with vhost() as url:
        yield url


@pytest.fixture
def spot(tmp_path: Path, postgres_url: str) -> Iterator[Place]:
    """A source with 200 orders, and the embedded broker."""
    with place(tmp_path, postgres_url, {}) as found:
        yield found


@pytest.fixture(params=["embedded", "redis", "rabbitmq"])
def carried(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Iterator[Place]:
    """The same over each broker."""
    environment = {}
    if request.param == "redis":
        environment["REDIS_URL"] = redis_url()
    elif request.param == "rabbitmq":
        environment["AMQP_URL"] = request.getfixturevalue("rabbitmq_url")
    with place(tmp_path, postgres_url, environment) as found:
        yield found
        if request.param == "redis":
            empty_redis(found)


class Locked:
    """The table is locked, so that a sync which has begun goes no further."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
        self._connection.exec_driver_sql("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")

    def release(self) -> None:
        self._connection.rollback()
        self._connection.close()


# -- brokers -------------------------------------------------------------------------------------


def test_through_each_broker_a_killed_workers_sync_is_done_again_and_a_worker_stops_when_told(carried: Place) -> None:
    carried.configure(every="0.4s")
    first = carried.start()
    until(lambda: carried.copy() == carried.original(), "the first load")
    held = Locked(carried.source)
    until(lambda: carried.status().syncing == str(first.pid), "a sync is running")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(10)
    held.release()
    carried.do("UPDATE orders SET name = 'later', updated_at = clock_timestamp() WHERE id = 7")
    second = carried.start()
    until(lambda: carried.copy() == carried.original(), "the sync is done again")
    assert broker.depths(carried.config, ["dwh", "crm"], carried.environment)["dwh"] <= 1
    told = time.monotonic()
    assert carried.stop(second) == 0
    assert time.monotonic() - told < 8


def test_celery_itself_runs_workers_with_processes_one_of_which_may_be_killed(
    tmp_path: Path, postgres_url: str
) -> None:
    with place(tmp_path, postgres_url, {}) as spot:
        spot.configure(every="0.4s")
        celery = ("celery", "-A", "groundwire.core.worker")
        running = spot.start_program(*celery, "worker", "-c", "1", "-l", "INFO")
        beat = spot.start_program(*celery, "beat", "-l", "INFO")
        until(lambda: spot.copy() == spot.original(), "the first load")
        held = Locked(spot.source)
        child = int(until(lambda: spot.status().syncing, "a sync is running"))
        assert child != running.pid
        os.kill(child, signal.SIGKILL)
        held.release()
        spot.do("UPDATE orders SET name = 'later', updated_at = clock_timestamp() WHERE id = 7")
        until(lambda: spot.copy() == spot.original(), "another process does it")
        assert spot.stop(beat) == 0
        assert spot.stop(running) == 0


def test_rabbitmq_may_lose_its_queues_and_connections(tmp_path: Path, postgres_url: str) -> None:
    with vhost() as url, place(tmp_path, postgres_url, {"AMQP_URL": url}) as spot:
        spot.configure(every="0.4s")
        running = spot.start()
        until(lambda: spot.copy() == spot.original(), "the first load")
        forget(url.rpartition("/")[2])
        spot.do("UPDATE orders SET name = 'afterwards', updated_at = clock_timestamp() WHERE id < 10")
        until(lambda: spot.copy() == spot.original(), "the sync over new queues")
        assert spot.stop(running) == 0


def test_replicas_in_postgresql_serve_workers_of_several_machines(tmp_path: Path, postgres_url: str) -> None:
    with place(tmp_path, postgres_url, {"REDIS_URL": redis_url()}) as spot:
        spot.configure(every="0.4s", replicas=postgres_url)
        both = [spot.start() for _ in range(2)]
        until(lambda: spot.copy() == spot.original(), "the first load")
        spot.do("DELETE FROM orders WHERE id > 150")
        until(lambda: spot.copy() == spot.original(), "the deletion")
        assert [spot.stop(one) for one in both] == [0, 0]
        assert not list(tmp_path.glob("*.sqlite"))
        assert spot.logs().count("first") == 1
        empty_redis(spot)


def test_two_workers_told_to_sync_one_entity_do_it_once(carried: Place) -> None:
    fill(carried.source, 50_000)
    both = [carried.start("--no-beat", "--concurrency", "1") for _ in range(2)]
    for one in both:
        carried.ready(one)
    told = time.time()
    _send(carried, queued=told, times=2)
    until(lambda: len(carried.copy()) == 50_000, "it was done")
    _send(carried, queued=told, times=3)  # sent again, as after a broker that lost its acknowledgements
    ends = ("was synced since", "is being synced by process", "dwh.orders: ")
    until(lambda: sum(carried.logs().count(f"{end}") for end in ends) >= 5, "all five came to an end")
    assert carried.logs().count("dwh.orders: first") == 1
    assert "incremental" not in carried.logs()
    assert all("received" in carried.log(one) for one in both)


def _send(spot: Place, *, queued: float, times: int) -> None:
    config = spot.config
    found = broker.settings(config, spot.environment)
    name = broker.queue_name(config, "dwh")
    with broker.connect(found) as connection:
        app = worker.Celery("sender", broker=found["broker_url"], set_as_current=False)
        app.conf.update(found)
        for _ in range(times):
            app.send_task(
                worker.SYNC, kwargs={"entity": "dwh.orders", "queued": queued}, queue=name, connection=connection
            )
        app.close()


def test_the_embedded_broker_gives_every_message_once_and_whole(spot: Place) -> None:
    found = broker.settings(spot.config, spot.environment)
    sent = [{"number": n, "text": "x" * 5000} for n in range(120)]
    got: list[Any] = []

    def take() -> None:
        with broker.connect(found) as connection:
            queue = connection.SimpleQueue("plain", serializer="json")
            end = time.monotonic() + 20
            while len(got) < len(sent) and time.monotonic() < end:
                try:
                    message = queue.get(block=False)
                except queue.Empty:
                    time.sleep(0.005)
                    continue
                got.append(message.payload)
                message.ack()
            queue.close()

    takers = [threading.Thread(target=take) for _ in range(3)]
    for taker in takers:
        taker.start()
    with broker.connect(found) as connection:
        queue = connection.SimpleQueue("plain", serializer="json")
        for message in sent:
            queue.put(message)
        queue.close()
    for taker in takers:
        taker.join()
    assert sorted(m["number"] for m in got) == list(range(120))


def test_queues_that_are_made_at_the_same_moment_all_get_their_messages(spot: Place) -> None:
    found = broker.settings(spot.config, spot.environment)

    def exchange(number: int, together: threading.Barrier, got: list[int]) -> None:
        with broker.connect(found) as connection:
            shared = Exchange(f"shared-{id(together)}", type="direct")
            queue = Queue(f"q{id(together)}-{number}", shared, routing_key=f"key{number}")
            with connection.channel() as channel:
                together.wait(20)
                bound = queue.bind(channel)
                bound.declare()
                together.wait(20)
                Producer(channel, shared, queue.routing_key).publish({"number": number}, serializer="json")
                message = bound.get(no_ack=True)
                if message is not None:
                    got.append(message.payload["number"])

    for _ in range(20):
        together, got = threading.Barrier(4), list[int]()
        threads = [threading.Thread(target=exchange, args=(n, together, got)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [0, 1, 2, 3]


def _emptied(spot: Place) -> None:
    """The broker forgets everything."""
    if spot.environment.get("REDIS_URL"):
        empty_redis(spot)
    elif spot.environment["AMQP_URL"]:
        forget(spot.environment["AMQP_URL"].rpartition("/")[2])
    else:
        for message in (broker.folder(spot.config) / "messages").iterdir():
            message.unlink()


def test_a_broker_that_lost_its_queues_is_noticed_once(carried: Place) -> None:
    watch = broker.Watch(carried.config, carried.environment)

    def lost() -> list[bool]:
        try:
            return [watch.lost()]
        except ConnectionError:  # cut with the queues
            return []

    assert [watch.lost(), watch.lost()] == [True, False]
    _emptied(carried)
    assert [until(lost, "the broker answers"), watch.lost()] == [[True], False]
    watch.close()
    assert not watch.lost(), "another connection sees the same"
    watch.close()


def test_redis_may_be_restarted_empty_in_mid_flight(tmp_path: Path, postgres_url: str) -> None:
    with OwnRedis(tmp_path) as redis, place(tmp_path, postgres_url, {"REDIS_URL": redis.url}) as spot:
        spot.configure(every="0.4s")
        running = spot.start()
        until(lambda: spot.copy() == spot.original(), "the first load")
        redis.kill()
        spot.do("UPDATE orders SET name = 'while it was away', updated_at = clock_timestamp() WHERE id < 10")
        time.sleep(0.3)
        redis.start()
        until(lambda: spot.copy() == spot.original(), "the sync after the restart")
        assert spot.stop(running) == 0


@pytest.mark.timeout(240)
def test_rabbitmq_may_be_killed_and_started_again_in_mid_flight(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "broker").mkdir()
    with (
        OwnRabbitMQ(tmp_path / "broker") as rabbitmq,
        place(tmp_path, postgres_url, {"AMQP_URL": rabbitmq.url}) as spot,
    ):
        spot.configure(every="0.4s")
        running = spot.start()
        until(lambda: spot.copy() == spot.original(), "the first load")
        rabbitmq.kill()
        spot.do("UPDATE orders SET name = 'while it was away', updated_at = clock_timestamp() WHERE id < 10")
        rabbitmq.start()
        until(lambda: spot.copy() == spot.original(), "the sync after the restart", 90)
        assert spot.stop(running) == 0


# -- stopping, changing, failing -----------------------------------------------------------------


def test_a_worker_that_is_told_to_stop_puts_a_long_sync_down_and_the_next_goes_on(spot: Place) -> None:
    fill(spot.source, 10_000)
    running = spot.start(PART_ROWS=25)
    until(lambda: spot.status().syncing, "the first load is running")
    with sqlite3.connect(spot.folder / "replicas.sqlite", isolation_level=None, timeout=20) as copies:
        until(lambda: _parts(copies) > 1, "parts of it are done")
        copies.execute("BEGIN IMMEDIATE")  # it can't go on while this holds
        running.send_signal(signal.SIGTERM)
        until(lambda: "Warm shutdown" in spot.log(running), "it has heard")
        done = _parts(copies)
        copies.execute("ROLLBACK")
    stopped = time.monotonic()
    assert spot.stop(running) == 0
    assert time.monotonic() - stopped < 8
    assert "was put down, because the worker stops" in spot.log(running)
    state = spot.status()
    assert (state.mode, state.last_error) == ("waiting", None)
    again = spot.start(PART_ROWS=25)
    until(lambda: len(spot.copy()) == 10_000, "the next worker loads it")
    read = int(until(lambda: re.search(r"dwh.orders: first, (\d+) read", spot.log(again)), "it says so")[1])
    # parts have 24 or 25 rows, and what is new since the load began is read once more
    assert read <= 20_000 - 24 * done, "parts that were complete are read again"


def _parts(copies: sqlite3.Connection) -> int:
    """How many parts of a first load are complete."""
    return int(copies.execute("SELECT COUNT(*) FROM _groundwire_parts WHERE done").fetchone()[0])


def test_a_worker_that_its_broker_does_not_let_go_ends_when_its_errand_is_done(tmp_path: Path) -> None:
    program = """
import time
from celery.worker import state
from groundwire.core import worker
worker.LINGER = 0.5
state.active_requests.add(errand := type("Errand", (), {})())
worker._end_in_time()
time.sleep(1.5)
print("at work", flush=True)
state.active_requests.discard(errand)
time.sleep(60)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=40)
    assert (ended.returncode, ended.stdout) == (0, "at work\n"), ended.stderr
    assert "does not let go of this worker" in ended.stderr


def test_the_schedule_can_be_changed_while_workers_run(spot: Place) -> None:
    spot.start()
    until(lambda: spot.copy() == spot.original(), "the first load")
    spot.do("UPDATE orders SET name = 'soon', updated_at = clock_timestamp() WHERE id = 1")
    answer = spot.command("schedule", "orders", "1s")
    assert answer.stdout.startswith("dwh.orders: every 1.0 s"), answer.stderr
    until(lambda: spot.copy() == spot.original(), "a sync long before the hour", 10)
    assert spot.command("schedule", "orders", "default").stdout.startswith("dwh.orders: every 60 min")
    assert spot.command("schedule", "orders", "soonish").exit_code == 3
    assert spot.command("schedule", "odrers", "1s").exit_code == 3


@pytest.fixture
def here(spot: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Errands run in this process."""
    monkeypatch.setenv("GROUNDWIRE_CONFIG", str(spot.config_path))
    worker._forget_runtime()
    yield spot
    if worker._runtime is not None:
        worker._runtime.close()
    worker._forget_runtime()


def _row(spot: Place) -> dict[str, Any]:
    control = Control.of(spot.config)
    with control.transaction() as connection:
        found = connection.exec_driver_sql("SELECT * FROM _groundwire_schedule").mappings().one()
    control.close()
    return dict(found)


def test_a_source_that_is_down_is_tried_again_soon_and_later_each_time(here: Place) -> None:
    worker.sync_entity("dwh.orders")
    here.url = here.url.replace(":5432/", f":{free_port()}/")
    own = worker.runtime()
    here.configure(every="1h")
    worker._forget_runtime()
    own.close()
    pauses = []
    for attempt in (1, 2):
        assert worker.sync_entity("dwh.orders") == "dwh.orders failed"
        row = _row(here)
        assert row["attempts"] == attempt
        pauses.append(row["retry_at"] - row["ended"])
    assert [0.5 * 2**n <= p <= 2**n for n, p in enumerate(pauses)] == [True] * 2
    assert worker.runtime().schedule.due() == []
    until(worker.runtime().schedule.due, "it is due when the pause is over", 8)


def test_a_source_that_refuses_is_not_asked_again_before_its_time(here: Place) -> None:
    worker.sync_entity("dwh.orders")
    here.do("DROP TABLE orders")
    assert worker.sync_entity("dwh.orders", queued=time.time()) == "dwh.orders failed"
    assert _row(here)["retry_at"] is None
    assert worker.runtime().schedule.due() == []
    assert "not there any more" in (here.status().last_error or "")


def test_pauses_are_what_the_source_asked_for_or_double_up_to_five_minutes() -> None:
    asked = backoff(RateLimited("slow down", source="crm", retry_after=42), 1)
    assert 42 <= asked <= 43
    down = Unavailable("down", source="crm")
    assert all(0.5 <= backoff(down, 1) <= 1 for _ in range(50))
    assert all(LONGEST_PAUSE / 2 <= backoff(down, 40) <= LONGEST_PAUSE for _ in range(50))
    assert len({backoff(down, 5) for _ in range(20)}) > 1


def test_what_the_broker_lost_is_sent_again_at_once(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[float] = []
    monkeypatch.setattr(worker, "send_sync", lambda entity, queued: sent.append(queued))
    monkeypatch.setattr(worker, "LOOK", 0.0)
    beat = worker.Beat(worker.app)
    for _ in range(3):
        beat.tick()
    assert len(sent) == 1, "what is on its way is left alone"
    _emptied(here)
    for _ in range(3):
        beat.tick()
    assert len(sent) == 2 and sent[1] > sent[0]
    begun = worker.runtime().schedule.begin("dwh.orders", sent[1])
    assert begun is not None
    _emptied(here)
    beat.tick()
    assert len(sent) == 2, "what a worker has begun is left alone"
    beat.close()


def test_an_errand_that_was_lost_is_sent_again_and_two_schedulers_send_it_once(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = worker.runtime()
    one, two = (Schedule(Control.of(here.config), own.replicas) for _ in range(2))
    assert [e.entity for e in (*one.due(), *two.due())] == ["dwh.orders"]
    assert one.due() == two.due() == []
    monkeypatch.setattr("groundwire.core.schedule.GRACE", 0.0)  # half a minute later, nobody took it
    assert [e.entity for e in two.due()] == ["dwh.orders"]
    begun = one.begin("dwh.orders", time.time())
    assert begun is not None and one.due() == []
    one.failed("dwh.orders", Rejected("no", source="dwh"))
    for schedule in (one, two):
        schedule.control.close()


# -- commands ------------------------------------------------------------------------------------


def test_sync_and_status_tell_how_fresh_a_replica_is(spot: Place) -> None:
    assert spot.command("status", "--json").exit_code == 0
    done = spot.command("sync", "orders", "--json")
    assert json.loads(done.stdout) | {"mode": "first", "rows": 200} == json.loads(done.stdout)
    spot.do("DELETE FROM orders WHERE id = 3")
    assert "199 rows" in spot.command("sync").stdout
    assert "no difference" in spot.command("sync", "--verify").stdout
    assert "dwh.orders: full" in spot.command("sync", "orders", "--full").stdout
    told = json.loads(spot.command("status", "--json").stdout)
    (entity,) = told["entities"]
    assert (entity["entity"], entity["mode"], entity["rows"]) == ("dwh.orders", "replica", 199)
    assert entity["lag"] >= 0 and entity["last_error"] is None
    assert told["broker"] == "embedded" and told["broker_error"] is None
    assert told["sources"] == [{"source": "dwh", "queued": 0, "quota_left": None, "quota": None, "paused": 0.0}]
    assert "dwh.orders" in spot.command("status").stdout


def test_status_watches_until_it_is_interrupted(spot: Place) -> None:
    with subprocess.Popen(
        [os.sys.executable, "-m", "groundwire", "status", "--watch", "--json"],
        cwd=spot.folder, env={**os.environ, **spot.environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
        assert first["entities"][0]["mode"] == second["entities"][0]["mode"] == "waiting"
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 130


def test_a_broker_that_does_not_answer_is_said_and_costs_no_status(spot: Place) -> None:
    spot.environment["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    told = json.loads(spot.command("status", "--json").stdout)
    assert told["broker"] == "redis"
    assert told["broker_error"].startswith("the broker does not answer")
    assert told["entities"][0]["entity"] == "dwh.orders"


def test_a_source_that_is_down_ends_sync_by_hand_with_its_exit_code(spot: Place) -> None:
    spot.url = spot.url.replace(":5432/", f":{free_port()}/")
    spot.configure()
    assert spot.command("sync").exit_code == 4
    assert spot.command("worker", "--source", "crm").exit_code == 3
    spot.config_path.write_text('[sources.m]\ntype = "memory"\n', encoding="utf-8")
    assert spot.command("status").exit_code == 2
