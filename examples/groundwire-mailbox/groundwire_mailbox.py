"""Mail archives: the messages of mbox files and Maildirs, and whom they were sent to.

Headers only: what people wrote stays in the archive. The files are read as they lie there, by the standard library,
and nothing is written or locked. A message is named by its folder and its number in it, since message ids are
neither always there nor unique. Conditions on `folder` are executed here, by opening no other file.

Source: RFC 5322 (headers), RFC 2047 (their encodings), RFC 4155 (mbox).
"""

from __future__ import annotations

import datetime as dt
import itertools
import mailbox
import time
from collections.abc import Iterator, Mapping
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parseaddr, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from groundwire.connectors.conditions import conjunction, values_of
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Capabilities, Comparison, Connector, Pushdown, Scan, ScanReport
from groundwire.core.errors import Rejected, Unavailable
from pydantic import BaseModel, ConfigDict

BATCH_ROWS = 1_000
KEY = ("folder", "number")
FIELDS: dict[str, dict[str, pa.DataType]] = {
    "messages": {
        "folder": pa.string(),
        "number": pa.int64(),
        "message_id": pa.string(),
        "reply_to": pa.string(),
        "sent": pa.timestamp("us", tz="UTC"),
        "sender": pa.string(),
        "sender_name": pa.string(),
        "subject": pa.string(),
    },
    "recipients": {
        "folder": pa.string(),
        "number": pa.int64(),
        "place": pa.int64(),
        "kind": pa.string(),
        "address": pa.string(),
        "name": pa.string(),
    },
}
DESCRIPTIONS = {
    "number": "place in its folder, from 1",
    "reply_to": "id of the message that this one answers",
    "sent": "date of the message by its sender's clock, null where that makes no sense",
    "sender": "address in lower case",
    "address": "address in lower case",
    "place": "place among the recipients, from 1",
}


class MailboxSettings(BaseModel):
    """Settings of a source of type `mailbox`: `path` of the folder, `charset` of headers that name none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    charset: str = "utf-8"


class MailboxConnector(Connector):
    """Mail archives: messages of mbox files and Maildirs, and their recipients."""

    Settings = MailboxSettings
    settings: MailboxSettings
    capabilities = Capabilities(limit=True, max_in=1_000)

    def check(self) -> str:
        return f"{len(self._folders())} folders of mail in {self.settings.path}"

    def discover(self) -> list[Entity]:
        folders = tuple(self._folders())
        recipients = Relation(
            name="recipients",
            target=f"{self.name}.recipients",
            on=tuple((k, k) for k in KEY),
            many=True,
        )
        message = Relation(name="message", target=f"{self.name}.messages", on=tuple((k, k) for k in KEY))
        found = []
        for name, relation, key in (("messages", recipients, KEY), ("recipients", message, (*KEY, "place"))):
            values = {"folder": folders, "kind": ("to", "cc")}
            fields = tuple(
                Field(
                    name=n,
                    type=type_,
                    description=DESCRIPTIONS.get(n, ""),
                    values=values.get(n, ()),
                    nullable=n not in key,
                )
                for n, type_ in FIELDS[name].items()
            )
            found.append(Entity(source=self.name, name=name, fields=fields, primary_key=key, relations=(relation,)))
        return found

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        exact = comparison.field == "folder" and comparison.op in ("=", "in")
        return Pushdown.EXACT if exact else Pushdown.NONE

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        name = scan.entity.name
        for field in scan.fields:
            if field not in FIELDS[name]:
                raise Rejected(f"no such field: {field[:100]!r}", source=self.name)
        wanted = self._folders()
        for comparison in conjunction(scan.where) or ():  # all of them hold
            wanted = {n: p for n, p in wanted.items() if n in values_of(comparison)}
        report.native.append(f"read the headers of {len(wanted)} folders for {name}")
        rows = itertools.islice(self._rows(name, wanted, report), scan.limit)
        while part := list(itertools.islice(rows, BATCH_ROWS)):
            yield pa.RecordBatch.from_pylist(part, schema=scan.schema)

    def _rows(self, name: str, wanted: Mapping[str, Path], report: ScanReport) -> Iterator[dict[str, Any]]:
        for folder, path in wanted.items():
            report.requests += 1
            try:
                for number, message in enumerate(_messages(path), 1):
                    if report.deadline is not None and time.monotonic() > report.deadline:
                        raise Unavailable("took longer than the time limit", source=self.name)
                    yield from self._of(name, folder, number, message)
            except OSError as error:
                raise Unavailable(f"{folder} can't be read: {error.strerror}", source=self.name) from None

    def _of(self, entity: str, folder: str, number: int, message: Message) -> Iterator[dict[str, Any]]:
        """The rows of one message."""
        key = {"folder": folder, "number": number}
        if entity == "messages":
            name, address = parseaddr(self._text(message, "From") or "")
            yield key | {
                "message_id": self._text(message, "Message-ID"),
                "reply_to": self._text(message, "In-Reply-To"),
                "sent": _moment(message),
                "sender": address.lower() or None,
                "sender_name": name or None,
                "subject": self._text(message, "Subject"),
            }
            return
        texts = [(kind, self._text(message, kind) or "") for kind in ("to", "cc")]
        found = [(kind, name, address) for kind, text in texts for name, address in getaddresses([text]) if address]
        for place, (kind, name, address) in enumerate(found, 1):
            yield key | {"place": place, "kind": kind, "address": address.lower(), "name": name or None}

    def _text(self, message: Message, header: str) -> str | None:
        """A header in readable letters; None where it is missing or empty."""
        raw = message.get(header)
        if raw is None:
            return None
        text = "".join(
            part if isinstance(part, str) else _decoded(part, charset or self.settings.charset)
            for part, charset in decode_header(raw)
        )
        return " ".join(text.split()) or None

    def _folders(self) -> dict[str, Path]:
        """Files and Maildirs by name."""
        path = self.settings.path
        try:
            inside = sorted(path.iterdir())
        except OSError as error:
            raise Rejected(f"{path} can't be read: {error.strerror}", source=self.name) from None
        return {p.name.removesuffix(".mbox"): p for p in inside if _is_mail(p)}


def _is_mail(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    return (path / "cur").is_dir() if path.is_dir() else path.suffix == ".mbox"


def _messages(path: Path) -> Iterator[Message]:
    if path.is_dir():
        box: mailbox.Mailbox[Any] = mailbox.Maildir(path, create=False)
    else:
        box = mailbox.mbox(path, create=False)
    try:
        for key in sorted(box.keys()):
            yield box[key]
    finally:
        box.close()


def _decoded(part: bytes, charset: str) -> str:
    try:
        return part.decode(charset, "replace")
    except LookupError:  # no such charset, as in letters that are sent as they are
        return part.decode("utf-8", "replace")


def _moment(message: Message) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(str(message.get("Date") or ""))
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, TypeError, OverflowError):
        return None
