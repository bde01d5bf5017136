"""Receives what other systems post when a record changes, and has the touched records read again.

    POST /events/NAME             signed by HMAC-SHA256 (`kind = "hmac"`)
    POST /events/NAME/SECRET      Salesforce outbound messages, Odoo webhook actions

Nothing in a request is believed but which records to look at: what they hold is asked of the source itself. An
event is answered only after it was written to the inbox, so that a crash loses none. The server speaks plain HTTP
on the address that it is given: in front of a network belongs a proxy with TLS.

Sources: Salesforce, SOAP API Developer Guide, "Outbound Messaging"; Odoo 17, "Automation rules", "Send Webhook
Notification"; RFC 2104 (HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from xml.parsers import expat

import sqlalchemy as sa

from groundwire.core.catalog import Entity
from groundwire.core.config import WebhookConfig
from groundwire.core.control import METADATA, Control
from groundwire.core.errors import ConfigError, GroundwireError, UnknownName
from groundwire.core.events import Refresher, Shared, typed_keys

log = logging.getLogger(__name__)

SIGNATURE, TIMESTAMP = "X-Groundwire-Signature", "X-Groundwire-Timestamp"
"""Headers of a signed request: `sha256=` and the hex HMAC-SHA256 of `TIMESTAMP.BODY`; seconds since 1970."""

WINDOW = 300.0
"""Seconds by which a signed request's timestamp may differ from now: an older one may be a repetition."""

LARGEST = 1_000_000
"""Bytes of a request's body."""

SECONDS = 10.0
"""How long a request may take to arrive."""

INBOX = sa.Table(
    "_groundwire_inbox",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("record_key", sa.Text, nullable=True),
    sa.Column("received", sa.Float, nullable=False),
)
"""Records that were told of and are not read again yet; a NULL key is any record of the entity."""

Named = list[tuple[str, list[Sequence[Any]] | None]]
"""Entities' native names, each with keys, or None for any."""


class Refused(Exception):
    """A request that is not answered with success, with its status and a reason that tells no secret."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        self.status = status
        super().__init__(reason)


# -- who sends, and what ------------------------------------------------------------------------


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of `SIGNATURE` for a body sent at this moment."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def proved(config: WebhookConfig, token: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Check who sends.

    Args:
        config: of the source.
        token: last part of the address, empty without.
        headers: names in lower case.
        body: as received.
        now: seconds since 1970.

    Raises:
        Refused: it is not who may send, or a signed request is too old or too early.
    """
    secret = config.secret.get_secret_value()
    if config.kind != "hmac":
        if not hmac.compare_digest(token.encode(), secret.encode()):
            raise Refused(HTTPStatus.FORBIDDEN, "the address holds no valid secret")
        return
    timestamp, signature = headers.get(TIMESTAMP.lower(), ""), headers.get(SIGNATURE.lower(), "")
    if not hmac.compare_digest(signature.encode(), sign(secret, timestamp, body).encode()):
        raise Refused(HTTPStatus.FORBIDDEN, "the signature is missing or wrong")
    try:
        age = abs(now - float(timestamp))
    except ValueError:
        age = WINDOW + 1
    if not age <= WINDOW:
        raise Refused(HTTPStatus.FORBIDDEN, "the timestamp is not of now")


def read_json(body: bytes) -> Named:
    """Odoo's body (`_model`, `_id`), or the generic one: `{"entity": "public.orders", "keys": [[17], [18]]}`.

    Generic keys are lists with a value for each field of the primary key, or single values; without `keys` any
    record may have changed.
    """
    try:
        said = json.loads(body)
        if "_model" in said:
            return [(str(said["_model"]), [(_scalar(said["_id"]),)])]
        keys = said.get("keys")
        if keys is None:
            return [(str(said["entity"]), None)]
        return [(str(said["entity"]), [tuple(map(_scalar, k)) if isinstance(k, list) else (_scalar(k),) for k in keys])]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(HTTPStatus.BAD_REQUEST, "the body names no entity and keys") from None


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise TypeError(f"{type(value).__name__} is no key")
    return value


def read_outbound_message(body: bytes, organization: str | None) -> Named:
    """Ids in a Salesforce outbound message.

    Args:
        body: a SOAP envelope.
        organization: the id that it must carry; None for any.
    """
    found: dict[str, list[Sequence[Any]]] = {}
    said: list[str] = []
    path: list[str] = []
    kind: list[str] = []
    text: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        path.append(name.rpartition(":")[2])
        text.clear()
        if path[-1] == "sObject":
            types = [v for k, v in attributes.items() if k.rpartition(":")[2] == "type"]
            kind[:] = [types[0].rpartition(":")[2]] if types else []

    def end(_: str) -> None:
        if path[-2:] == ["notifications", "OrganizationId"]:
            said.append("".join(text).strip())
        elif path[-2:] == ["sObject", "Id"] and kind:
            found.setdefault(kind[0], []).append(("".join(text).strip(),))
        path.pop()
        text.clear()

    def doctype(*_: Any) -> None:
        raise Refused(HTTPStatus.BAD_REQUEST, "a document type is not allowed")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text.append, doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is not XML") from None
    if organization is not None and [s[:15] for s in said] != [organization[:15]]:
        raise Refused(HTTPStatus.FORBIDDEN, "the message is of another organization")
    if not found:
        raise Refused(HTTPStatus.BAD_REQUEST, "the message names no records")
    return list(found.items())


ACKNOWLEDGED = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
"""What Salesforce waits for; without it the message is sent again for a day."""


# -- inbox --------------------------------------------------------------------------------------


class Inbox:
    """Events that were answered and not applied yet; they outlive the process."""

    def __init__(self, control: Control) -> None:
        self.control = control

    def put(self, entity: str, keys: Sequence[Sequence[Any]] | None) -> None:
        """Keep an event."""
        rows = [json.dumps(list(k)) for k in keys] if keys is not None else [None]
        values = [{"entity": entity, "record_key": r, "received": time.time()} for r in rows]
        if values:
            with self.control.transaction() as connection:
                connection.execute(sa.insert(INBOX), values)

    def waiting(self) -> list[tuple[int, str, list[Any] | None]]:
        """Numbers, entities and keys, oldest first, a thousand at most."""
        with self.control.transaction() as connection:
            rows = connection.execute(sa.select(INBOX).order_by(INBOX.c.id).limit(1000)).all()
        return [(r.id, r.entity, None if r.record_key is None else json.loads(r.record_key)) for r in rows]

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget events that were applied."""
        with self.control.transaction() as connection:
            for start in range(0, len(numbers), 500):
                connection.execute(sa.delete(INBOX).where(INBOX.c.id.in_(numbers[start : start + 500])))


# -- server -------------------------------------------------------------------------------------


class Receiver:
    """Checks events and keeps them, and the thread that applies what was kept.

    Args:
        shared: of this process.
        control: where the inbox is.
        clock: seconds since 1970, as senders of events read them.
    """

    def __init__(self, shared: Shared, control: Control, *, clock: Callable[[], float] = time.time) -> None:
        self.shared = shared
        self.inbox = Inbox(control)
        self._clock = clock
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._applying = threading.Thread(target=self._apply_all, name="webhooks inbox", daemon=True)

    def start(self) -> None:
        """Apply what is in the inbox, and what comes into it."""
        self._applying.start()

    def stop(self) -> None:
        """Apply no more; what is in the inbox waits for the next start."""
        self._stopping.set()
        self._arrived.set()
        if self._applying.is_alive():
            self._applying.join(5.0)

    def receive(self, source: str, token: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Check a request and keep what it tells; the body of the answer.

        Raises:
            Refused: with the status of the answer.
        """
        config = self.shared.config.sources.get(source)
        if config is None or config.webhook is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no events are received here")
        hook = config.webhook
        proved(hook, token, headers, body, self._clock())
        named = read_outbound_message(body, hook.organization) if hook.kind == "salesforce" else read_json(body)
        try:
            for name, keys in named:
                entity = self._entity(source, name)
                if entity.full_name in self.shared.replicas.wanted:
                    self.inbox.put(entity.full_name, None if keys is None else self._checked(entity, keys))
        except GroundwireError:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the event can't be kept now; send it again") from None
        self._arrived.set()
        return ACKNOWLEDGED if hook.kind == "salesforce" else b"{}"

    def _entity(self, source: str, name: str) -> Entity:
        try:
            return self.shared.hub.catalog.entity(f"{source}.{name}")
        except UnknownName:
            raise Refused(HTTPStatus.NOT_FOUND, "no such entity") from None

    def _checked(self, entity: Entity, keys: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        try:
            typed_keys(entity, keys)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        return keys

    def _apply_all(self) -> None:
        refresher = Refresher(self.shared)
        pause = 1.0
        while not self._stopping.is_set():
            self._arrived.wait(pause)
            self._arrived.clear()
            try:
                self._apply(refresher)
                pause = 1.0
            except GroundwireError as error:
                log.warning("the inbox waits: %s", error)
                pause = 10.0
            except Exception:
                log.exception("the inbox waits")
                pause = 10.0

    def _apply(self, refresher: Refresher) -> None:
        events = self.inbox.waiting()
        for _, name, key in events:
            if name in self.shared.replicas.wanted:
                refresher.add(self.shared.hub.catalog.entity(name), None if key is None else [key])
        if events:
            refresher.apply()
            self.inbox.remove([number for number, name, _ in events if name not in refresher.waiting])


class Webhooks(Receiver):
    """A receiver with a server of its own, as one service of a worker.

    Args:
        shared: of this process.
        control: where the inbox is.
        address: `host:port`; port 0 takes a free one.
        clock: seconds since 1970, as senders of events read them.

    Raises:
        ConfigError: the address can't be used.
    """

    def __init__(
        self, shared: Shared, control: Control, address: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(shared, control, clock=clock)
        host, _, port = address.rpartition(":")
        handler = type("Handler", (_Handler,), {"webhooks": self})
        try:
            self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"can't listen on {address}: {error}", setting="worker.webhooks") from None
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._serving = threading.Thread(target=self._server.serve_forever, name="webhooks", daemon=True)

    def start(self) -> None:
        """Receive and apply."""
        self._serving.start()
        super().start()

    def stop(self) -> None:
        """Receive no more; what is in the inbox waits for the next start."""
        if self._serving.is_alive():
            self._server.shutdown()
        self._server.server_close()
        if self._serving.is_alive():
            self._serving.join(5.0)
        super().stop()


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    webhooks: Webhooks
    timeout = SECONDS
    server_version = "groundwire"
    sys_version = ""

    def do_POST(self) -> None:
        """Take an event, and answer."""
        try:
            answer = self._received()
        except Refused as error:
            self._answer(error.status, json.dumps({"error": str(error)}).encode())
        except TimeoutError:
            self.close_connection = True
        else:
            self._answer(HTTPStatus.OK, answer)

    def _received(self) -> bytes:
        parts = urlsplit(self.path).path.strip("/").split("/")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > LARGEST:
            self.close_connection = True
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST:,} bytes")
        body = self.rfile.read(int(length))
        if len(parts) not in (2, 3) or parts[0] != "events":
            raise Refused(HTTPStatus.NOT_FOUND, "no events are received here")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.webhooks.receive(parts[1], parts[2] if len(parts) == 3 else "", headers, body)

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml" if body.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address of a request may hold a secret."""
