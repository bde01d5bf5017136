"""No secret of the configuration is in anything that anybody is shown, whatever a source does with what it was sent."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from groundwire import Hub
from groundwire.core.config import parse
from groundwire.core.doctor import examined
from groundwire.core.errors import GroundwireError

CANARY = "canary-5e1f9c"

REST = """
url: {url}
authentication: {{kind: {kind}}}
entities:
  item:
    path: /items
    fields: {{id: integer}}
"""


class _Echo(BaseHTTPRequestHandler):
    """A server that refuses everything, and says all that it was sent: the worst that one can do with a secret."""

    status = 401

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        told = (
            f'{{"message": "{self.path} {dict(self.headers)} {sent}", "error": "{self.headers.get("Authorization")}"}}'
        )
        data = told.encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = _answer

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def _sources(url: str, folder: Path) -> dict[str, dict[str, Any]]:
    (folder / "bearer.yaml").write_text(REST.format(url=url, kind="bearer"))
    (folder / "basic.yaml").write_text(REST.format(url=url, kind="basic"))
    return {
        "salesforce": {"type": "salesforce", "url": url, "client_id": "c", "client_secret": f"{CANARY}-1"},
        "session": {"type": "salesforce", "url": url, "session_id": f"{CANARY}-2"},
        "tryton": {"type": "tryton", "url": url, "database": "d", "username": "u", "password": f"{CANARY}-3"},
        "odoo": {"type": "odoo", "url": url, "database": "d", "username": "u", "api_key": f"{CANARY}-4"},
        "json2": {"type": "odoo", "url": url, "database": "d", "api": "json2", "api_key": f"{CANARY}-5"},
        "basic": {"type": "odata", "url": f"{url}/v4", "username": "u", "password": f"{CANARY}-6"},
        "sap": {
            "type": "odata",
            "url": f"{url}/v4",
            "client_id": "c",
            "client_secret": f"{CANARY}-7",
            "token_url": f"{url}/t",
        },
        "hubspot": {"type": "hubspot", "url": url, "token": f"{CANARY}-8"},
        "erpnext": {"type": "erpnext", "url": url, "api_key": "k", "api_secret": f"{CANARY}-9"},
        "netsuite": {
            "type": "netsuite",
            "url": url,
            "account": "1",
            **{n: f"{CANARY}-{n}" for n in ("consumer_key", "consumer_secret", "token_id", "token_secret")},
        },
        "rest": {"type": "rest", "file": str(folder / "bearer.yaml"), "token": f"{CANARY}-10"},
        "rest2": {"type": "rest", "file": str(folder / "basic.yaml"), "username": "u", "password": f"{CANARY}-11"},
        "postgres": {"type": "sql", "url": f"postgresql://u:{CANARY}-12@127.0.0.1:1/d", "timeout": 3},
        "mariadb": {"type": "sql", "url": f"mariadb+pymysql://u:{CANARY}-13@127.0.0.1:1/d", "timeout": 3},
    }


@pytest.mark.parametrize("status", [401, 400])
def test_a_source_that_says_all_that_it_was_sent_is_not_repeated(
    status: int, echo: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Echo, "status", status)
    caplog.set_level(logging.DEBUG)
    settings = {
        "sources": _sources(echo, tmp_path),
        "policy": {
            "mask_key": f"{CANARY}-14",
            "roles": {"all": {"allow": ["*"]}},
            "principals": {"ann": {"roles": ["all"]}},
        },
        "audit": {"path": "audit.jsonl", "key": f"{CANARY}-15"},
        "cache": {"url": f"redis://:{CANARY}-16@127.0.0.1:1/0"},
        "worker": {"broker": f"amqp://u:{CANARY}-17@127.0.0.1:1//"},
        "model": {"name": "openai:x", "options": {"api_key": f"{CANARY}-18"}},
        "limits": {"timeout": 0.5},
    }
    told: list[str] = []
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub:
        told += [repr(hub.config), str(hub.config), *(repr(c) + repr(c.settings) for c in hub.connectors.values())]
        told += [f"{s} {s.error!r}" for s in hub.check()]
        for connector in hub.connectors.values():
            told.append(_failure(lambda c=connector: list(c.discover())))  # type: ignore[misc]
        told.append(_failure(lambda: hub.as_principal("ann").query("SELECT 1", timeout=1)))
        told += [repr(f) for f in examined(hub)]
    written = [f.read_text(errors="replace") for f in tmp_path.iterdir() if f.suffix not in (".yaml",)]
    for text in [*told, caplog.text, *written]:
        assert CANARY not in text, text[max(0, text.index(CANARY) - 300) : text.index(CANARY) + 60]
    assert len(told) > len(hub.connectors)


def _failure(work: Any) -> str:
    """The error that it ends in, with every error behind it, as a program that crashes prints it."""
    try:
        work()
    except GroundwireError as error:
        return "".join(traceback.format_exception(error)) + repr(error)
    return ""
