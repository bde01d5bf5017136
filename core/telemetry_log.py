"""The log as lines of JSON: every record of Python's `logging`, and every span that ends, with the question's id.

Only programs of our own turn it on (`[telemetry] logs = "json"`); a library leaves its program's log alone. Lines hold
what spans hold: no question, no value of a record, unless `[telemetry] content` is set.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, TextIO

from groundwire.core import telemetry
from groundwire.core.telemetry import Span

log = logging.getLogger("groundwire.spans")


class Lines(logging.Formatter):
    """A record as one line: time, level, logger, message, the question's id, and what belongs to a span."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        span: Span | None = getattr(record, "span", None)
        question = span.question if span is not None else telemetry.question_id()
        if question is not None:
            line["question"] = question
        if span is not None:
            line |= {"seconds": round(span.seconds, 6), **span.attributes, **span.texts}
            if span.error is not None:
                line["error"] = span.error
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class Logged:
    """Writes spans to the log as they end. A listener."""

    def begun(self, span: Span) -> None:
        pass

    def ended(self, span: Span) -> None:
        log.info("%s", span.name, extra={"span": span})


_handler: logging.Handler | None = None
_listener = Logged()


def begin(stream: TextIO) -> None:
    """Write this process's log to a stream as JSON, from now on."""
    global _handler
    if _handler is not None:
        return
    _handler = logging.StreamHandler(stream)
    _handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers = [_handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for noisy in ("httpx", "httpcore", "opentelemetry"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    telemetry.listen(_listener)


def end() -> None:
    """Write no more."""
    global _handler
    telemetry.forget(_listener)
    logging.captureWarnings(False)
    if _handler is not None:
        logging.getLogger().removeHandler(_handler)
    _handler = None
