"""Spans and metrics for OpenTelemetry: its names for ours, where they are sent, and where they can be fetched.

The names are those of the semantic conventions: for models the GenAI conventions (`gen_ai.*`, repository
semantic-conventions-genai, in development), for sources the database conventions (`db.*`, version 1.45, stable). What
has no name there is called `groundwire.*`. Metrics are computed from spans that end, so nothing is counted twice.
Imported where `[telemetry] enabled` is set, and nowhere else.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from groundwire.core import telemetry
from groundwire.core.config import Config
from groundwire.core.errors import ConfigError, GroundwireError
from groundwire.core.telemetry import Span

try:
    from opentelemetry import context, metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, start_http_server
except ImportError as error:
    raise ConfigError(
        f"telemetry needs packages ({error.name}); run: pip install 'groundwire[telemetry]'",
        setting="telemetry.enabled",
    ) from None

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

    from groundwire.core.hub import Hub

EXPORT_SECONDS = 5.0
"""How long one export may take: also what a command may be kept at its end by a collector that does not answer."""

_MODEL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_SOURCE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Bounds of histograms; those of models and sources are the conventions' own."""

_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""Products whose name in the conventions is not SQLAlchemy's."""
_NAMES = {
    "model": {
        "model": "gen_ai.request.model",
        "provider": "gen_ai.provider.name",
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
        "first_token": "gen_ai.response.time_to_first_chunk",
    },
    "request": {"operation": "db.operation.name", "query": "db.query.text", "status": "db.response.status_code"},
    "scan": {"rows": "db.response.returned_rows"},
}
"""What the conventions call our attributes, by span."""


class Exporter:
    """What one process sends and shows. A listener.

    Args:
        config: the whole configuration.

    Raises:
        ConfigError: with `offline`, the configuration itself must say where telemetry goes.
    """

    def __init__(self, config: Config) -> None:
        settings = config.telemetry
        if config.offline and settings.endpoint is None and (settings.traces or not settings.prometheus):
            message = "offline = true: name the address to which telemetry is sent"
            raise ConfigError(message, setting="telemetry.endpoint")
        self.registry = CollectorRegistry()
        self._own: list[TracerProvider | MeterProvider] = []
        self._hubs: weakref.WeakSet[Hub] = weakref.WeakSet()
        headers = {name: value.get_secret_value() for name, value in settings.headers.items()} or None
        base = settings.endpoint.rstrip("/") if settings.endpoint else None
        self._tracer: trace.Tracer | None = None
        if settings.traces:
            exporter = OTLPSpanExporter(
                endpoint=f"{base}/v1/traces" if base else None, headers=headers, timeout=EXPORT_SECONDS
            )
            self._tracer = self._traces(exporter).get_tracer("groundwire")
        self._measures: _Measures | None = None
        if settings.metrics:
            reader: MetricReader
            if settings.prometheus:
                reader = PrometheusMetricReader(registry=self.registry)
            else:
                sent = OTLPMetricExporter(
                    endpoint=f"{base}/v1/metrics" if base else None, headers=headers, timeout=EXPORT_SECONDS
                )
                reader = PeriodicExportingMetricReader(sent)
            self._measures = _Measures(self._meters(reader, shown=bool(settings.prometheus)), self._hubs)

    def _traces(self, exporter: OTLPSpanExporter) -> trace.TracerProvider:
        known = trace.get_tracer_provider()
        if isinstance(known, TracerProvider):  # the program that we are part of has set up its own
            return known
        own = TracerProvider(resource=_resource())
        own.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=EXPORT_SECONDS * 1000))
        self._own.append(own)
        return own

    def _meters(self, reader: MetricReader, *, shown: bool) -> Meter:
        known = metrics.get_meter_provider()
        if isinstance(known, MeterProvider) and not shown:
            return known.get_meter("groundwire")
        own = MeterProvider(metric_readers=[reader], resource=_resource())
        self._own.append(own)
        return own.get_meter("groundwire")

    def begun(self, span: Span) -> None:
        if self._tracer is None:
            return
        above = span.parent.own.get(self) if span.parent is not None else None
        made = self._tracer.start_span(
            _title(span),
            context=trace.set_span_in_context(above[0]) if above else None,
            kind=SpanKind.CLIENT if span.name in ("model", "request") and not _is_here(span) else SpanKind.INTERNAL,
            attributes=dict(_attributes(span)),
            start_time=span.begun,
        )
        token = context.attach(trace.set_span_in_context(made)) if span.inside else None
        span.own[self] = (made, token)

    def ended(self, span: Span) -> None:
        if self._measures is not None:
            self._measures.take(span)
        if self not in span.own:
            return
        made, token = span.own[self]
        made.set_attributes(dict(_attributes(span)))
        if span.error is not None:
            made.set_attribute("error.type", span.error)
            made.set_status(Status(StatusCode.ERROR, span.texts.get("message")))
        made.end(end_time=span.ended)
        if token is not None:
            context.detach(token)

    def observe(self, hub: Hub) -> None:
        """Measure the age of this hub's copies whenever metrics are collected."""
        self._hubs.add(hub)

    def page(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its media type; empty unless `telemetry.prometheus` is set."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def end(self) -> None:
        """Send what is left, and listen no more."""
        telemetry.forget(self)
        for provider in self._own:
            provider.shutdown()


class _Measures:
    """Instruments, and what of an ended span goes into which."""

    def __init__(self, meter: Meter, hubs: Iterable[Hub]) -> None:
        self._hubs = hubs
        self.model = _seconds(meter, "gen_ai.client.inference.duration", "one call of a model", _MODEL_SECONDS)
        self.first = _seconds(
            meter, "gen_ai.client.inference.time_to_first_chunk", "until a model's first token", _MODEL_SECONDS
        )
        usage = "gen_ai.client.inference.usage."
        self.tokens = {
            "input_tokens": meter.create_counter(f"{usage}input_tokens", "{token}", "tokens read by models"),
            "output_tokens": meter.create_counter(f"{usage}output_tokens", "{token}", "tokens written by models"),
            "cached_tokens": meter.create_counter(
                f"{usage}cache_read.input_tokens", "{token}", "tokens read that were known from before"
            ),
        }
        self.request = _seconds(
            meter,
            "db.client.operation.duration",
            "one request to a source, its answer read to the end",
            _SOURCE_SECONDS,
        )
        self.rows = meter.create_counter("groundwire.scan.rows", "{row}", "rows delivered by scans")
        self.durations = {
            name: _seconds(meter, f"groundwire.{name}.duration", told, _SECONDS)
            for name, told in {
                "question": "a question in words, to its answer",
                "query": "a query, to its result",
                "scan": "reading what a query needs of one source",
                "wait": "waiting for a turn",
                "sync": "bringing one copy up to date",
            }.items()
        }
        meter.create_observable_gauge(
            "groundwire.replica.age", [self._ages], "s", "time since a local copy was known to be true"
        )

    def take(self, span: Span) -> None:
        """Count and measure an ended span."""
        told = {"error.type": span.error} if span.error is not None else {}
        known = span.attributes
        if span.name == "model":
            told |= {"gen_ai.operation.name": "chat", "gen_ai.provider.name": known["provider"]}
            told |= {"gen_ai.request.model": known["model"]}
            self.model.record(span.seconds, told)
            if "first_token" in known:
                self.first.record(known["first_token"], told)
            for name, counter in self.tokens.items():
                if name in known:
                    counter.add(known[name], told)
        elif span.name == "request":
            told |= {k: str(v) for k, v in _attributes(span) if k in _REQUEST_LABELS}
            self.request.record(span.seconds, told)
        elif span.name in self.durations:
            told |= {f"groundwire.{k}": known[k] for k in _LABELS.get(span.name, ()) if k in known}
            self.durations[span.name].record(span.seconds, told)
            if span.name == "scan" and "rows" in known:
                self.rows.add(known["rows"], told)

    def _ages(self, _: CallbackOptions) -> Iterator[Observation]:
        for hub in list(self._hubs):
            try:
                for copy in hub.replicas.status() if hub.replicas is not None else ():
                    if copy.lag is not None:
                        yield metrics.Observation(copy.lag.total_seconds(), {"groundwire.entity": copy.entity})
            except GroundwireError:
                continue  # no measurement says that as well


_LABELS = {
    "question": ("refused",),
    "query": ("complete",),
    "scan": ("source", "mode"),
    "wait": ("reason", "source"),
    "sync": ("entity",),
}
"""What divides durations; never something that grows with records or askers."""
_REQUEST_LABELS = ("db.system.name", "db.operation.name", "groundwire.source", "server.address", "server.port")


def _seconds(meter: Meter, name: str, about: str, bounds: tuple[float, ...]) -> Any:
    return meter.create_histogram(name, "s", about, explicit_bucket_boundaries_advisory=bounds)


# -- names -----------------------------------------------------------------------------------------


def _title(span: Span) -> str:
    """A span's name as the conventions make it."""
    if span.name == "question":
        return "invoke_agent groundwire"
    if span.name == "model":
        return f"chat {span.attributes['model']}"
    if span.name == "request":
        target = _collection(span) or span.attributes.get("address", "")
        return f"{span.attributes['operation']} {target}".strip()
    return f"groundwire {span.name}"


def _collection(span: Span) -> str | None:
    """The entity that a request is made for; None where it is for several."""
    above = span.parent
    name = above.attributes.get("entity") if above is not None and above.name in ("scan", "sync") else None
    return name if isinstance(name, str) and "," not in name else None


def _attributes(span: Span) -> Iterator[tuple[str, Any]]:
    """Everything that is known of a span, as the conventions call it."""
    if span.question is not None:
        yield "groundwire.question.id", span.question
    if span.name in ("question", "model"):
        yield "gen_ai.operation.name", "invoke_agent" if span.name == "question" else "chat"
    if span.name == "question":
        yield "gen_ai.agent.name", "groundwire"
    if span.name == "request" and (entity := _collection(span)):
        yield "db.collection.name", entity
    if span.name == "request" and span.parent is not None:
        above = span.parent.attributes
        if source := above.get("source") or str(above.get("entity", "")).partition(".")[0]:
            yield "groundwire.source", source
    names = _NAMES.get(span.name, {})
    for key, value in span.attributes.items():
        if key == "system":
            yield "db.system.name", _SYSTEMS.get(value, value)
        elif key == "address":
            host, _, port = value.rpartition(":")
            yield "server.address", host or value
            if host and port.isdigit():
                yield "server.port", int(port)
        elif key == "finish":
            yield "gen_ai.response.finish_reasons", [value]
        elif key == "status":
            yield "db.response.status_code", str(value)
        else:
            yield names.get(key, f"groundwire.{key}"), value
    for key, text in span.texts.items():
        yield f"groundwire.text.{key}", text


def _is_here(span: Span) -> bool:
    """Whether it happens in this process."""
    return span.attributes.get("provider") == "llama_cpp" or span.attributes.get("system") == "memory"


def _resource() -> Resource:
    """Who sends this: `groundwire`, unless OpenTelemetry's variables give another name."""
    from importlib.metadata import version

    found = Resource.create({"service.version": version("groundwire")})
    if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        found = found.merge(Resource({"service.name": "groundwire"}))
    return found


# -- this process ----------------------------------------------------------------------------------

_exporter: Exporter | None = None
_lock = threading.Lock()


def begin(config: Config) -> Exporter:
    """Begin to send what this process does; where it has begun already, nothing changes.

    Raises:
        ConfigError: with `offline`, the configuration does not say where to.
    """
    global _exporter
    with _lock:
        if _exporter is None:
            _exporter = Exporter(config)
            telemetry.content, telemetry.tags = config.telemetry.content, config.telemetry.tags
            telemetry.listen(_exporter)
        return _exporter


def exporter() -> Exporter | None:
    """What this process sends and shows; None where it has not begun."""
    return _exporter


def end() -> None:
    """Send what is left, and stop."""
    global _exporter
    with _lock:
        if _exporter is not None:
            _exporter.end()
        _exporter, telemetry.content, telemetry.tags = None, False, False


def watch(hub: Hub) -> None:
    """For programs that serve until they are told to end: show metrics where `telemetry.prometheus` says.

    Raises:
        ConfigError: nothing can listen there.
    """
    found, place = exporter(), hub.config.telemetry.prometheus
    if found is None:
        return
    found.observe(hub)
    if not isinstance(place, str):
        return
    host, _, port = place.rpartition(":")
    try:
        start_http_server(int(port), addr=host.strip("[]"), registry=found.registry)
    except OSError as error:
        why = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else str(error)
        message = f"can't listen at {place}: {why}; every process needs a port of its own, as in 127.0.0.1:${{PORT}}"
        raise ConfigError(message, setting="telemetry.prometheus") from None
