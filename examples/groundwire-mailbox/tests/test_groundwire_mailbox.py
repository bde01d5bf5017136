"""The connector keeps to groundwire's contract. The kit is the test; what is beside it are the traps of mail."""

from __future__ import annotations

import datetime as dt
import mailbox
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path

import pyarrow as pa
import pytest
from groundwire import Hub
from groundwire.connectors.testing import ConnectorConformance
from groundwire.core.errors import Rejected

from groundwire_mailbox import FIELDS, MailboxConnector, MailboxSettings

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SUBJECTS = ("Order 1", "order 1", None, "100%", "Größe – 東京 🙂", "' OR 1=1 --", "a_b", "x" * 300)
SENDERS = ("Anna <anna@example.com>", "bo@example.org", None)


def written(folder: Path) -> Mapping[str, list[dict[str, object]]]:
    """Fill a folder with two archives; the rows that they hold."""
    messages: list[dict[str, object]] = []
    recipients: list[dict[str, object]] = []
    boxes = {"inbox": mailbox.mbox(folder / "inbox.mbox"), "team": mailbox.Maildir(folder / "team")}
    for name, box in boxes.items():
        rows = []
        for i, subject in enumerate(SUBJECTS, 1):
            mail, sender = EmailMessage(), SENDERS[i % 3]
            headers = {
                "Subject": subject,
                "From": sender,
                "Message-ID": f"<{name}-{i}@x>" if i % 4 else None,
                "Date": (START + dt.timedelta(hours=i)).strftime("%a, %d %b %Y %H:%M:%S +0000") if i % 5 else None,
                "To": "Sales <sales@example.com>, bo@example.org" if i % 2 else None,
                "Cc": "Carl@Example.com" if i % 3 == 0 else None,
            }
            for header, value in headers.items():
                if value is not None:
                    mail[header] = value
            rows.append((box.add(mail), subject, sender, headers))
        box.flush()
        box.close()
        for number, (_, subject, sender, headers) in enumerate(sorted(rows, key=lambda r: r[0]), 1):
            key = {"folder": name, "number": number}
            to = [("to", "sales@example.com", "Sales"), ("to", "bo@example.org", None)] if headers["To"] else []
            to += [("cc", "carl@example.com", None)] if headers["Cc"] else []
            recipients += [
                key | {"place": p, "kind": kind, "address": address, "name": who}
                for p, (kind, address, who) in enumerate(to, 1)
            ]
            date = headers["Date"]
            messages.append(
                key
                | {
                    "message_id": headers["Message-ID"],
                    "reply_to": None,
                    "sent": None if date is None else dt.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S %z"),
                    "sender": None if sender is None else sender.split("<")[-1].rstrip(">"),
                    "sender_name": "Anna" if sender and "Anna" in sender else None,
                    "subject": subject,
                }
            )
    return {"messages": messages, "recipients": recipients}


class Given:
    @pytest.fixture(scope="class")
    @classmethod
    def archive(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, list[dict[str, object]]]]:
        folder = tmp_path_factory.mktemp("mail")
        return folder, written(folder)

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, archive: tuple[Path, object]) -> Iterator[MailboxConnector]:
        made = MailboxConnector("mail", MailboxSettings(path=archive[0]))
        yield made
        made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, archive: tuple[Path, Mapping[str, list[dict[str, object]]]]) -> dict[str, pa.Table]:
        return {n: pa.Table.from_pylist(rows, schema=pa.schema(FIELDS[n])) for n, rows in archive[1].items()}


class TestMailbox(Given, ConnectorConformance):
    pass


def test_the_sample_is_read_with_names_and_moments() -> None:
    sample = Path(__file__).parent.parent / "sample"
    with Hub([MailboxConnector("mail", MailboxSettings(path=sample))]) as hub:
        first = hub.query("SELECT subject, sent FROM mail.messages WHERE number = 1").rows()
        assert first == [("Angebot für 20 Stühle", dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC))]
        asked = hub.query("SELECT sender FROM mail.messages WHERE EXISTS (SELECT 1 FROM recipients WHERE kind = 'cc')")
        assert asked.rows() == [("bo@example.org",)]


def test_an_archive_that_is_not_there_is_told(tmp_path: Path) -> None:
    source = MailboxConnector("mail", MailboxSettings(path=tmp_path / "none"))
    with pytest.raises(Rejected, match="No such file"):
        source.check()
