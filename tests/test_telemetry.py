"""Whoever operates it sees where the seconds of a question went, and nothing of what was asked."""

from __future__ import annotations

import gzip
import http.server
import io
import json
import logging
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import sqlalchemy as sa
from json_server import JSONServer, Reply
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rich.console import Console
from served import TOKEN, served
from test_cli_audit import Told
from typer.testing import CliRunner

from groundwire import Hub
from groundwire.agents.agent import Agent
from groundwire.agents.cli import app
from groundwire.agents.local_model import LocalChatModel
from groundwire.agents.waterfall import waterfall
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.rest import RestConnector, RestSettings
from groundwire.core import telemetry, telemetry_log, telemetry_otel
from groundwire.core.config import parse
from groundwire.core.errors import ConfigError, SourceError
from groundwire.core.outbound import addresses
from groundwire.core.sync import Syncer

ORDERS = pa.table({"id": [1, 2, 3], "person": [1, 1, 2], "amount": [5, 7, 11]})
PEOPLE = pa.table({"id": [1, 2], "name": ["Ada Lovelace", "Grace Hopper"]})
JOIN = "SELECT name, SUM(amount) FROM shop.orders o JOIN crm.people p ON o.person = p.id GROUP BY 1"


@pytest.fixture
def hub() -> Iterator[Hub]:
    shop = MemoryConnector.from_tables("shop", {"orders": ORDERS})
    with Hub([shop, MemoryConnector.from_tables("crm", {"people": PEOPLE})]) as made:
        yield made


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    yield
    telemetry_otel.end()
    telemetry_log.end()
    assert telemetry.span("x") is telemetry.leaf("y")


class Collector:
    """A collector of OpenTelemetry's, as far as it takes what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: dict[str, Any] = {}
        self.headers: list[dict[str, str]] = []
        self.resources: list[dict[str, str]] = []
        seen = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                seen.take(self.path, body, dict(self.headers))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        self.headers.append(headers)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append({a.key: a.value.string_value for a in resource.resource.attributes})
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {m.name: m for m in scope.metrics}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def _database(folder: Path) -> Path:
    file = folder / "shop.sqlite"
    with sqlite3.connect(file) as database:
        database.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER);"
            "INSERT INTO orders VALUES (1, 'Ada', 5), (2, 'Grace', 7);"
        )
    database.close()
    return file


def _configuration(folder: Path, more: str) -> Path:
    file = folder / "groundwire.toml"
    file.write_text(f'[sources.shop]\ntype = "sql"\nurl = "sqlite:///{_database(folder)}"\n{more}')
    return file


def _attributes(span: Any) -> dict[str, Any]:
    def value(of: Any) -> Any:
        kind = of.WhichOneof("value")
        return [value(v) for v in of.array_value.values] if kind == "array_value" else getattr(of, kind)

    return {a.key: value(a.value) for a in span.attributes}


def _told(trace: telemetry.Trace) -> list[tuple[int, str]]:
    return [(s["depth"], s["name"]) for s in trace.to_dict()["spans"]]


# -- traces ----------------------------------------------------------------------------------------


def test_a_query_is_seen_from_its_plan_to_each_request_and_the_join(hub: Hub) -> None:
    _ = hub.catalog
    with telemetry.tracing() as trace:
        hub.query(JOIN)
    told = _told(trace)
    assert told[0] == (0, "query")
    assert sorted(told[1:]) == [(1, "join"), (1, "plan"), (1, "scan"), (1, "scan"), (2, "request"), (2, "request")]
    ids = {s.question for s in trace.spans}
    assert len(ids) == 1 and None not in ids
    scans = {s.attributes["entity"]: s.attributes for s in trace.spans if s.name == "scan"}
    assert scans["shop.orders"]["rows"] == 3 and scans["crm.people"]["mode"] == "live"


def test_queries_of_one_question_have_one_id_and_others_their_own(hub: Hub) -> None:
    with telemetry.tracing() as trace:
        with telemetry.question() as mine:
            hub.query("SELECT id FROM orders")
            hub.query("SELECT name FROM people")
        hub.query("SELECT id FROM orders")
    ids = [s.question for s in trace.spans if s.name == "query"]
    assert ids[0] == ids[1] == mine and ids[2] != mine


def test_spans_lie_inside_the_question_and_their_times_fit(hub: Hub) -> None:
    with telemetry.tracing() as trace:
        hub.query(JOIN)
    spans = trace.to_dict()["spans"]
    whole = spans[0]["seconds"]
    assert all(s["start"] >= 0 and s["start"] + s["seconds"] <= whole + 0.01 for s in spans)


def test_a_span_that_failed_says_of_what_kind_and_no_more(hub: Hub) -> None:
    hub.connectors["shop"].fail_after = 0  # type: ignore[attr-defined]
    with telemetry.tracing() as trace, pytest.raises(SourceError):
        hub.query("SELECT id FROM orders WHERE amount = 7")
    failed = [s for s in trace.to_dict()["spans"] if s["error"]]
    assert {s["name"] for s in failed} == {"query", "scan", "request"}
    assert "connection broke" not in json.dumps(trace.to_dict())


def test_who_may_not_see_everything_is_not_shown_what_is_inside_a_scan() -> None:
    config = parse(
        {
            "policy": {
                "roles": {"sales": {"allow": ["shop.*"], "rows": {"shop.orders": "amount > 6"}}},
                "principals": {"ann": {"roles": ["sales"]}},
            },
            "audit": {"enabled": False},
        },
        base=Path("/"),
    )
    with Hub([MemoryConnector.from_tables("shop", {"orders": ORDERS})], config) as whole:
        mine = whole.as_principal("ann")
        with telemetry.tracing() as trace:
            assert len(mine.query("SELECT id FROM orders")) == 2
    scan = next(s for s in trace.to_dict()["spans"] if s["name"] == "scan")
    assert "rows" not in scan["attributes"]
    assert "request" not in [name for _, name in _told(trace)]


def test_a_waterfall_shows_each_span_where_it_lay(hub: Hub) -> None:
    trace = {
        "question": "0f",
        "seconds": 2.0,
        "dropped": 0,
        "spans": [
            {"name": "query", "depth": 0, "start": 0.0, "seconds": 2.0, "attributes": {}, "error": None},
            {
                "name": "scan",
                "depth": 1,
                "start": 1.0,
                "seconds": 1.0,
                "attributes": {"source": "shop", "entity": "shop.orders", "rows": 1, "mode": "live"},
                "error": "Unavailable",
            },
            {"name": "join", "depth": 1, "start": 2.0, "seconds": 0.0, "attributes": {}, "error": None},
        ],
    }
    screen = Console(width=120, record=True, file=io.StringIO())
    screen.print(waterfall(trace))
    text = screen.export_text()
    query, scan = (next(line for line in text.splitlines() if line.strip().startswith(n)) for n in ("query", "scan"))
    assert query.count("━") == 40 and scan.count("━") == 20
    assert scan.index("━") == query.index("━") + 20
    assert "Unavailable · shop.orders · 1 row · live" in scan
    assert "1 shorter than 1 ms not shown" in text and "join" not in text


# -- without the switch ----------------------------------------------------------------------------


def test_nothing_of_opentelemetry_is_loaded_without_the_switch(tmp_path: Path) -> None:
    _configuration(tmp_path, "")
    code = """
import sys
from groundwire import Hub
with Hub.from_config("groundwire.toml") as hub:
    hub.query("SELECT id FROM orders")
print([m for m in sys.modules if m.startswith(("opentelemetry", "prometheus"))])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_span_nobody_hears_of_costs_a_fraction_of_a_millisecond() -> None:
    def many() -> None:
        for _ in range(1000):
            with telemetry.span("scan", source="crm") as mine:
                mine.set(rows=1)

    def once() -> float:
        started = time.process_time()
        many()
        return time.process_time() - started

    assert min(once() for _ in range(5)) / 1000 < 20e-6


# -- OpenTelemetry ---------------------------------------------------------------------------------


def test_traces_and_metrics_reach_a_collector_under_the_names_of_the_conventions(
    tmp_path: Path, collector: Collector
) -> None:
    file = _configuration(
        tmp_path,
        f'[telemetry]\nenabled = true\nendpoint = "{collector.url}"\nheaders = {{ "x-key" = "long-secret" }}\n',
    )
    with Hub.from_config(file) as hub, telemetry.question("00ff") as mine:
        hub.query("SELECT name FROM orders WHERE name = 'Ada'")
    telemetry_otel.end()

    spans = {s.name: s for s in collector.spans}
    assert {"groundwire query", "groundwire plan", "groundwire scan", "SELECT shop.orders"} <= set(spans)
    request, scan = spans["SELECT shop.orders"], spans["groundwire scan"]
    assert request.parent_span_id == scan.span_id and request.trace_id == scan.trace_id
    assert scan.parent_span_id == spans["groundwire query"].span_id
    known = _attributes(request)
    assert known["db.system.name"] == "sqlite" and known["db.operation.name"] == "SELECT"
    assert known["db.collection.name"] == "shop.orders" and known["groundwire.question.id"] == mine
    assert known["db.query.text"].startswith("SELECT") and "Ada" not in str(known)
    assert _attributes(scan)["db.response.returned_rows"] == 1
    assert request.kind == request.SPAN_KIND_CLIENT
    assert collector.resources[0]["service.name"] == "groundwire"
    assert all(h.get("x-key") == "long-secret" for h in collector.headers)

    duration = collector.metrics["db.client.operation.duration"].histogram.data_points[0]
    assert duration.count == 1 and duration.explicit_bounds[0] == 0.001
    assert collector.metrics["groundwire.query.duration"].histogram.data_points[0].count == 1
    assert collector.metrics["groundwire.scan.rows"].sum.data_points[0].as_int == 1
    assert "Ada" not in str(collector.spans) + str(collector.metrics)


def test_questions_and_messages_are_sent_only_where_that_is_configured(tmp_path: Path, collector: Collector) -> None:
    settings = f'[telemetry]\nenabled = true\nendpoint = "{collector.url}"\nmetrics = false\ncontent = true\n'
    with Hub.from_config(_configuration(tmp_path, settings)) as hub:
        hub.query("SELECT name FROM orders WHERE name = 'Ada'")
    telemetry_otel.end()
    query = next(s for s in collector.spans if s.name == "groundwire query")
    assert "'Ada'" in _attributes(query)["groundwire.text.query"]
    assert not collector.metrics


def test_a_collector_that_is_down_costs_no_answer_and_little_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = f'[telemetry]\nenabled = true\nendpoint = "http://127.0.0.1:{port}"\n'
    _configuration(tmp_path, settings)
    command = [str(Path(sys.executable).parent / "groundwire"), "query", "SELECT COUNT(*) FROM orders", "--json"]
    started = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and json.loads(done.stdout)["rows"] == [[2]]
    assert time.monotonic() - started < 30
    assert "Traceback" not in done.stderr


def test_metrics_can_be_fetched_by_prometheus(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = f"""[sources.shop.entities.orders]
replica = true
[replicas]
url = "sqlite:///{tmp_path}/copies.sqlite"
[telemetry]
enabled = true
traces = false
prometheus = "127.0.0.1:{port}"
"""
    with Hub.from_config(_configuration(tmp_path, settings)) as hub:
        telemetry_otel.watch(hub)
        replicas = hub.replicas
        assert replicas is not None
        Syncer(hub, replicas).sync("shop.orders")
        hub.query("SELECT name FROM orders")
        with pytest.raises(ConfigError, match=r"telemetry\.prometheus: can't listen at .*: Address already in use"):
            telemetry_otel.watch(hub)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
    assert 'groundwire_replica_age_seconds{groundwire_entity="shop.orders"' in text
    assert 'groundwire_sync_duration_seconds_count{groundwire_entity="shop.orders"' in text
    assert "db_client_operation_duration_seconds_count{" in text and 'db_system_name="sqlite"' in text
    assert "groundwire_query_duration_seconds_bucket{" in text


def test_offline_the_configuration_must_name_the_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://elsewhere.example:4318")
    config = parse({"telemetry": {"enabled": True}}, base=tmp_path)
    assert [str(a) for a in addresses(config, [])] == ["elsewhere.example:4318"]
    with pytest.raises(ConfigError, match=r"^telemetry\.endpoint: offline = true"):
        telemetry_otel.begin(parse({"offline": True, "telemetry": {"enabled": True}}, base=tmp_path))
    named = parse({"telemetry": {"enabled": True, "endpoint": "https://otel.example"}}, base=tmp_path)
    assert [str(a) for a in addresses(named, [])] == ["otel.example:443"]
    assert addresses(parse({"telemetry": {"endpoint": "https://otel.example"}}, base=tmp_path), []) == []


# -- the log ---------------------------------------------------------------------------------------


def test_every_line_of_the_log_is_json_with_the_questions_id(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry_log.begin(sys.stderr)
    with telemetry.question() as mine:
        logging.getLogger("groundwire.example").warning("something %s", "odd")
        hub.query(JOIN)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["question"] for line in lines} == {mine}
    assert lines[0]["message"] == "something odd" and lines[0]["level"] == "warning"
    requests = [line for line in lines if line["message"] == "request"]
    assert len(requests) == 2 and requests[0]["system"] == "memory" and requests[0]["seconds"] >= 0
    assert "Lovelace" not in json.dumps(lines)


def test_an_exception_in_the_log_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry_log.begin(sys.stderr)
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("groundwire.example").exception("failed")
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert "ValueError: first\nsecond" in line["exception"]


# -- the id reaches the sources --------------------------------------------------------------------


def test_databases_are_told_the_questions_id_in_a_comment(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE seen AS SELECT 1 AS id, 'Ada' AS name")
        connection.exec_driver_sql(
            "CREATE VIEW asked AS SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
    engine.dispose()
    config = parse({"sources": {"dwh": {"type": "sql", "url": postgres_url}}}, base=tmp_path)
    with Hub.from_parsed(config) as hub:
        with telemetry.question():
            assert "groundwire:" not in hub.query("SELECT query FROM asked").to_pylist()[0]["query"]
        monkeypatch.setattr(telemetry, "tags", True)
        with telemetry.question() as mine:
            for sql in ("SELECT query FROM asked", "SELECT query FROM asked LIMIT 1"):
                assert hub.query(sql).to_pylist()[0]["query"].count(f"/* groundwire:{mine} */") == 1


def test_systems_over_http_are_told_the_questions_id_in_a_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = tmp_path / "api.yaml"
    description.write_text(
        "url: https://things.example\nentities:\n  things:\n    path: /things\n    key: [id]\n    fields:\n      id: integer\npaging: {kind: none}\n"
    )
    with JSONServer(lambda asked: Reply(json=[{"id": 1}])) as server:
        source = RestConnector("api", RestSettings(file=description, url=server.url))
        with Hub([source]) as hub:
            hub.query("SELECT id FROM things")
            monkeypatch.setattr(telemetry, "tags", True)
            with telemetry.question() as mine:
                hub.query("SELECT id FROM things")
    told = [asked.headers.get("x-request-id") for asked in server.requests]
    assert told[0] is None and told[-1] == mine


# -- questions in words ----------------------------------------------------------------------------


def test_a_question_is_seen_from_its_words_to_its_sources_in_trace_log_and_trail_under_one_id(
    tmp_path: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f'[telemetry]\nenabled = true\nendpoint = "{collector.url}"\n[audit]\npath = "trail.jsonl"\n'
    telemetry_log.begin(sys.stderr)
    with Hub.from_config(_configuration(tmp_path, settings)) as hub, telemetry.tracing() as trace:
        agent = Agent(hub, Told(steps=["SELECT MAX(amount) AS most FROM orders", "The most is 7."]))
        answer = agent.ask("Who is Ada's largest debtor?")
    telemetry_otel.end()

    assert answer.text == "The most is 7." and answer.to_dict()["id"] == answer.id
    told = [name for depth, name in _told(trace) if depth == 1]
    assert told == ["catalog", "retrieval", "model", "query", "model", "answer", "record"]
    inside = {s.name: s.parent.name for s in trace.spans if s.parent is not None}
    assert inside["query"] == "question" and inside["scan"] == "query" and inside["request"] == "scan"
    assert {s.question for s in trace.spans} == {answer.id}

    trail = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [(r["kind"], r["id"]) for r in trail] == [("query", answer.id), ("question", answer.id)]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["question"] for line in lines} == {answer.id}
    assert {"question", "model", "query", "scan", "request", "record"} <= {line["message"] for line in lines}

    spans = {s.name: s for s in collector.spans}
    root = spans["invoke_agent groundwire"]
    assert {s.trace_id for s in collector.spans} == {root.trace_id}
    assert _attributes(spans["chat told"])["gen_ai.provider.name"] == "told"
    everything = json.dumps(lines) + json.dumps(trace.to_dict()) + str(collector.spans)
    assert "debtor" not in everything and "Ada" not in everything


def test_ask_and_query_show_the_waterfall_or_give_it_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _configuration(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    shown = runner.invoke(app, ["query", "SELECT COUNT(*) AS n FROM orders", "--trace"])
    assert shown.exit_code == 0 and "request" in shown.output and "━" in shown.output and "sqlite" in shown.output
    given = json.loads(runner.invoke(app, ["query", "SELECT COUNT(*) AS n FROM orders", "--trace", "--json"]).output)
    assert given["rows"] == [[2]] and given["trace"]["spans"][0]["name"] == "query"


@pytest.mark.weights
def test_a_local_model_says_what_it_read_wrote_and_knew_from_before(small_weights: Path, hub: Hub) -> None:
    model = LocalChatModel(name_or_path=str(small_weights), n_ctx=2048, n_threads=1, prefix_cache=False)
    try:
        with telemetry.tracing() as trace:
            Agent(hub, model).ask("How many orders are there?")
    finally:
        model.close()
    names = [s.name for s in trace.spans]
    assert names[0] == "question" and {"retrieval", "reading", "model", "query", "scan"} <= set(names)
    first, second = [s.attributes for s in trace.spans if s.name == "model"][:2]
    assert first["provider"] == "llama_cpp" and first["model"].startswith("qwen2.5")
    assert first["first_token"] > 0 and first["output_tokens"] > 0 == first["cached_tokens"]
    assert 0 < second["cached_tokens"] < second["input_tokens"]


# -- served ----------------------------------------------------------------------------------------


def test_operators_of_serve_fetch_metrics_and_see_traces(tmp_path: Path) -> None:
    settings = "[telemetry]\nenabled = true\ntraces = false\nprometheus = true\n"
    hub = Hub.from_config(_configuration(tmp_path, settings))
    model = Told(steps=["SELECT MAX(amount) AS most FROM orders", "The most is 7."])
    with served(hub, model) as address, httpx.Client(base_url=address, timeout=60) as http:
        assert http.get("/metrics").status_code == 401
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        asked = {"model": "groundwire", "messages": [{"role": "user", "content": "What is the most?"}]}
        assert (
            http.post("/v1/chat/completions", json=asked).json()["choices"][0]["message"]["content"] == "The most is 7."
        )
        assert http.post("/query", json={"sql": "SELECT COUNT(*) AS n FROM orders"}).status_code == 200
        text = http.get("/metrics").text
        (shown,) = http.get("/operator/state").json()["questions"]
    assert "groundwire_question_duration_seconds_count{" in text and 'gen_ai_request_model="told"' in text
    names = [s["name"] for s in shown["trace"]["spans"]]
    assert names[0] == "question" and {"model", "query", "scan", "request"} <= set(names)
    assert shown["trace"]["question"] == shown["id"] and 'groundwire_reason="model"' in text
