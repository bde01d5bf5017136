"""OData's answers: records, counts, links and errors of versions 2, 3 and 4, values in JSON, and `$batch`.

Numbers that JSON can't hold exactly arrive as text where the service heeds `IEEE754Compatible`; one that does
not, and sends a number beyond what binary floats hold, may have lost digits: its value is refused.

Source: OData JSON Format 4.01, sections 3.2, 4.5 and 7.1; OData 2.0 JSON Format; OData Protocol 4.01, section
11.7 (batch); RFC 2046, section 5.1.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa

from groundwire.connectors.http import Answer
from groundwire.connectors.odata_metadata import Property
from groundwire.connectors.records import Convert, converter, to_decimal, to_integer, to_text
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

ERRORS: Mapping[str, type[SourceError]] = {
    "301": AuthFailed,  # Business One: invalid session
    "-304": AuthFailed,  # Business One: wrong user or password
    "InvalidAuthenticationToken": AuthFailed,
    "Authentication_InvalidCredentials": AuthFailed,
    "0x80072321": RateLimited,  # Dataverse: too much time, requests, or concurrent requests
    "0x80072322": RateLimited,
    "0x80072326": RateLimited,
    "Application_TooManyRequests": RateLimited,
    "Internal_ServerError": Unavailable,
    "Internal_DataTimeout": Unavailable,
    "BadRequest_NotFound": Rejected,
}
"""The services' own error codes as ours; what is not listed is decided by the HTTP status."""

RECORDS = "value"
WHERE: Mapping[int, tuple[str, ...]] = {4: (RECORDS,), 2: ("d", "results")}
"""The way to the records of a page, by version, in most services."""
_NEXT, _DELTA, _COUNT = (
    ("@odata.nextLink", "@nextLink", "odata.nextLink"),
    ("@odata.deltaLink", "@deltaLink"),
    ("@odata.count", "@count", "odata.count"),
)
HEADS: Mapping[int, tuple[str, ...]] = {
    4: (*_NEXT, *_DELTA, *_COUNT, "d"),
    2: (*_NEXT, *_DELTA, *_COUNT, "d.__next", "d.__count", RECORDS),
}
"""What of a page is looked at beside its records."""
_MOST = 2**53
_DIGITS = 15
_DATE = re.compile(r"/Date\((-?\d+)([+-]\d+)?\)/")
_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?\d*S)?")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


# -- answers ---------------------------------------------------------------------------------


def records(body: Any) -> list[Any] | None:
    """The records of a page; None where it is no page."""
    if not isinstance(body, dict):
        return None
    found = body.get("value", body.get("d"))
    if isinstance(found, dict):
        found = found.get("results")
    return found if isinstance(found, list) else None


def next_link(body: Any) -> Any:
    """The link to the next page; None in the last one."""
    inner = body.get("d")
    inner = inner if isinstance(inner, dict) else {}
    return _first(body, *_NEXT) or inner.get("__next")


def delta_link(body: Any) -> Any:
    """The link to what changes from now on; None where the service keeps no track."""
    return _first(body, *_DELTA)


def total(body: Any) -> int | None:
    """How many records match, where the page says."""
    inner = body.get("d")
    found = _first(body, *_COUNT)
    found = inner.get("__count") if found is None and isinstance(inner, dict) else found
    try:
        return None if found is None else int(found)
    except (TypeError, ValueError):
        return None


def _first(body: Mapping[str, Any], *names: str) -> Any:
    return next((body[n] for n in names if body.get(n) is not None), None)


def error_of(body: Any) -> tuple[str, str] | None:
    """Code and message of an error body; without `innererror`, which may hold a traceback."""
    found = (body.get("error") or body.get("odata.error")) if isinstance(body, dict) else None
    if not isinstance(found, dict):
        return None
    message = found.get("message")
    if isinstance(message, dict):
        message = message.get("value")
    return str(found.get("code") or ""), str(message or "")


# -- values ----------------------------------------------------------------------------------


def value_converter(p: Property, version: int) -> Convert | None:
    """How a property's JSON values are read; None where its type says it all."""
    if p.edm == "Edm.Guid":
        return lambda v: to_text(v).lower()
    if p.edm == "Edm.Int64":
        return _whole
    if p.edm == "Edm.Decimal":
        return lambda v: _exact(v, p.type.scale)
    if version == 2 and p.edm in ("Edm.DateTime", "Edm.DateTimeOffset"):
        if pa.types.is_date(p.type):
            return lambda v: _moment(v).date()
        return _moment if p.edm == "Edm.DateTimeOffset" else lambda v: _moment(v).replace(tzinfo=None)
    return _duration if p.edm == "Edm.Time" else None


def _whole(value: Any) -> int:
    whole = to_integer(value)
    if not isinstance(value, str) and abs(whole) > _MOST:
        raise ValueError("a JSON number that may have lost digits")
    return whole


def _exact(value: Any, scale: int) -> Decimal:
    exact = to_decimal(value, scale)
    if not isinstance(value, str) and len(exact.normalize().as_tuple().digits) > _DIGITS:
        raise ValueError("a JSON number that may have lost digits")
    return exact


def summed(value: Any, type_: pa.DataType) -> Any:
    """A sum of decimals, freed of the noise that binary floats leave: less than a thousandth of the last place."""
    if not pa.types.is_decimal(type_) or isinstance(value, bool):
        return converter(type_)(value)
    return to_decimal(round(Decimal(str(value)), type_.scale + 3), type_.scale)


def _moment(value: Any) -> dt.datetime:
    """`/Date(milliseconds+offset)/`: the milliseconds are UTC, the offset (in minutes) is how it was entered."""
    found = _DATE.fullmatch(to_text(value))
    if found is None:
        moment = dt.datetime.fromisoformat(value)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return _EPOCH + dt.timedelta(milliseconds=int(found[1]))


def _duration(value: Any) -> dt.time:
    """A time of day as version 2 writes it, `PT12H30M5S`."""
    found = _TIME.fullmatch(to_text(value))
    if found is None:
        raise ValueError
    hours, minutes, seconds, fraction = found.groups(default="0")
    return dt.time(int(hours), int(minutes), int(seconds), int(fraction.ljust(6, "0")))


# -- batches ---------------------------------------------------------------------------------


def batch_request(addresses: Sequence[str], headers: Mapping[str, str]) -> tuple[str, bytes]:
    """Content type and body of a `$batch` of GETs; addresses are relative to the service's."""
    boundary = f"gw_{secrets.token_hex(8)}"
    lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    parts = (f"--{boundary}\r\n{head}\r\nGET {a} HTTP/1.1\r\n{lines}\r\n\r\n" for a in addresses)
    return f"multipart/mixed; boundary={boundary}", ("".join(parts) + f"--{boundary}--\r\n").encode()


def batch_answers(answer: Answer, addresses: Sequence[str]) -> list[Answer]:
    """The answers in a `$batch`'s answer, in the order of the requests.

    Raises:
        ValueError: they are not one for each.
    """
    found = re.search(r'boundary="?([^";]+)', answer.headers.get("Content-Type", ""))
    if found is None:
        raise ValueError("no batch")
    parts = answer.content.split(b"--" + found[1].encode())[1:-1]
    if len(parts) != len(addresses):
        raise ValueError("another number of answers")
    return [_part(part, address) for part, address in zip(parts, addresses, strict=True)]


def _part(part: bytes, address: str) -> Answer:
    _, _, http = part.partition(b"\r\n\r\n")
    head, _, content = http.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = httpx.Headers([(k.strip(), v.strip()) for k, _, v in (line.partition(":") for line in lines) if k])
    length = headers.get("Content-Length", "")
    content = content[: int(length)] if length.isdigit() else content.removesuffix(b"\r\n")
    if not re.match(r"HTTP/1\.1 \d{3}", status):
        raise ValueError("no answer")
    return Answer(status=int(status.split()[1]), url=address, headers=headers, content=content)


def json_batch_request(addresses: Sequence[str], headers: Mapping[str, str]) -> bytes:
    """The body of a `$batch` in JSON, for services that take no other."""
    asked = [{"id": str(i), "method": "GET", "url": a, "headers": dict(headers)} for i, a in enumerate(addresses)]
    return json.dumps({"requests": asked}).encode()


def json_batch_answers(body: Any, addresses: Sequence[str]) -> list[Answer]:
    """The answers in a JSON `$batch`'s answer, in the order of the requests.

    Raises:
        KeyError, TypeError, ValueError: they are not one for each.
    """
    by_id = {str(r["id"]): r for r in body["responses"]}
    return [
        Answer(
            status=int(by_id[str(i)]["status"]),
            url=address,
            headers=httpx.Headers(by_id[str(i)].get("headers") or {}),
            content=json.dumps(by_id[str(i)].get("body"), default=str).encode(),
        )
        for i, address in enumerate(addresses)
    ]
