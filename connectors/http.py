"""The base of connectors that speak JSON over HTTP: one client for each source, its limits and its faults.

A connector says where it logs in (`login`), what the vendor's own errors look like (`fault`), and asks by `get`
and `post`. Here is what all have in common: time-outs that follow the scan's deadline, answers bounded while they
arrive, redirects and links that may not lead to another host (credentials never follow), one table from status to
error, one new login where a session has ended, the source's gate before and after each request, and messages
without secrets. Nothing is tried again here but that login: retries are the core's work.

Statuses are those of RFC 9110. Pages are `groundwire.connectors.paging`'s, records `groundwire.connectors.records`'.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic import Field as Setting

from groundwire.connectors.http_wire import (
    ERRORS,
    Address,
    address,
    joined,
    origin,
    parsed,
    retry_after,
    seconds_left,
    server_time,
    tagged,
)
from groundwire.core.connector import Connector, ScanReport, span
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

PATIENCE = 600.0
"""Seconds of silence after which also a long read, for which nobody waits, gives up."""
CONNECT_SECONDS = 10.0
"""What making a connection may take at most."""
_LOG = logging.getLogger("groundwire.http")
_MOST_REDIRECTS = 3
_LONGEST_MESSAGE = 300


# -- values ----------------------------------------------------------------------------------


class HTTPSettings(BaseModel):
    """Settings that every such source has: `timeout` of a request in seconds, `page_rows` records a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Address
    timeout: float = Setting(default=30.0, gt=0)
    page_rows: int = Setting(default=1000, ge=1)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What proves to the source who asks. None of it is ever shown.

    Attributes:
        headers: sent with every request.
        query: parameters added to every address, below what is written to the log.
        expires: `time.monotonic()` value at which they end; None where the source did not say.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, read to its end.

    Attributes:
        url: where it came from, without credentials: links in it are relative to this.
        headers: by name in any case.
        whole: False where nothing told how long the body should be.
    """

    status: int
    url: str
    headers: httpx.Headers
    content: bytes
    whole: bool = True

    def json(self) -> Any:
        """The body, numbers with a point as `Decimal`: money loses nothing on its way.

        Raises:
            ValueError: it is not JSON.
        """
        return parsed(self.content)


# -- the connector ---------------------------------------------------------------------------


class HTTPConnector(Connector):
    """A system that is asked over HTTP and answers JSON.

    To override: `login` where there are credentials, `fault` for the vendor's own errors, `expired` where a session's
    end is not told by 401, `pause` and `quota` where limits are told by other headers than `Retry-After`.
    """

    settings: HTTPSettings

    renews: bool = False
    """Whether `login` gives new credentials where old ones have ended."""
    keeps_cookies: ClassVar[bool] = False
    """Whether the source's cookies are kept, as session cookies must be."""
    largest_answer: ClassVar[int] = 256 * 2**20
    """Bytes of one answer, unpacked, above which it is refused."""

    def __init__(self, name: str, settings: Any) -> None:
        super().__init__(name, settings)
        self.date: dt.datetime | None = None  # of the last answer, by the server's clock
        self._origin = origin(self.address)
        self._shown = f"{self._origin[1]}:{self._origin[2]}" if self._origin else None
        connections = max(2, self.capabilities.concurrency)
        self._transport = _Transport(httpx.Limits(max_connections=connections, max_keepalive_connections=connections))
        self._client = httpx.Client(
            transport=self._transport,
            trust_env=False,
            headers={"Accept": "application/json"},
        )
        self._credentials: Credentials | None = None
        self._refused: str | None = None
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self.hide(*_secrets_of(settings))

    # -- what a connector says of its system -----------------------------------------------

    @property
    def address(self) -> str:
        """What paths are below, without a slash at its end."""
        return self.settings.url

    def login(self, report: ScanReport) -> Credentials:
        """Credentials for the requests to come; by default none.

        Asked for once, and again where they have ended. Refused ones (`AuthFailed`) are not sent again in the
        life of this connector, since systems lock users out. Requests made here carry `credentials=None`.
        """
        return Credentials()

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        """The vendor's own error, made by `self.error`; None where the status says it all.

        Args:
            answer: one whose status is an error.
            body: decoded; None where it is no JSON.
        """
        return None

    def expired(self, answer: Answer) -> bool:
        """Whether this answer says that the session has ended."""
        return answer.status == 401

    def pause(self, answer: Answer) -> float | None:
        """Seconds for which the source wants to be left alone, None if it does not say."""
        return retry_after(answer.headers.get("Retry-After")) if answer.status in (429, 503) else None

    def quota(self, answer: Answer) -> tuple[int, int] | None:
        """Requests of a quota used and allowed, where the answer tells."""
        return None

    # -- asking ----------------------------------------------------------------------------

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, report: ScanReport | None = None) -> Any:
        """The JSON that the source has at this path (see `ask`)."""
        return self.decoded(self.ask("GET", path, params=params, report=report))

    def post(self, path: str, body: Any, *, report: ScanReport | None = None) -> Any:
        """The JSON that the source answers to this JSON (see `ask`)."""
        return self.decoded(self.ask("POST", path, json=body, report=report))

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        report: ScanReport | None = None,
        **content: Any,
    ) -> Answer:
        """One request under the session, with one new login where that has ended.

        Args:
            path: below the source's address, or a whole address on the same host.
            params: of the query; added to those in the path.
            report: its `deadline` and `patient` bound the waiting, its `requests` are counted.
            content: `json`, `data`, `content` or `headers`, as httpx takes them.

        Raises:
            SourceError: whatever went wrong, without a secret.
        """
        report = report or ScanReport()
        credentials = self.session(report)
        answer = self.exchange(method, path, params=params, report=report, credentials=credentials, **content)
        if self.renews and self.expired(answer):
            self.forget(credentials)
            credentials = self.session(report)
            answer = self.exchange(method, path, params=params, report=report, credentials=credentials, **content)
        return self.checked(answer)

    def session(self, report: ScanReport) -> Credentials:
        """The present credentials, after a login where there are none."""
        with self._lock:
            if self._refused is not None:
                raise AuthFailed(self._refused, source=self.name)
            known = self._credentials
            if known is None or (known.expires is not None and known.expires <= time.monotonic()):
                try:
                    known = self._credentials = self.login(report)
                except AuthFailed as error:
                    self._refused = str(error).removeprefix(f"{self.name}: ")
                    raise
                self.hide(*(v.split(" ")[-1] for v in known.headers.values()), *known.query.values())
            return known

    def forget(self, credentials: Credentials) -> None:
        """Log in again before the next request, unless somebody has done so since."""
        with self._lock:
            if self._credentials is credentials:
                self._credentials = None

    def decoded(self, answer: Answer) -> Any:
        """The JSON of an answer.

        Raises:
            Rejected: it is not JSON.
            Unavailable: it broke off, as far as one can tell.
        """
        try:
            return answer.json()
        except ValueError:
            if not answer.whole and answer.content:
                raise Unavailable("the answer broke off", source=self.name) from None
            raise Rejected("the answer is not JSON", source=self.name) from None

    def checked(self, answer: Answer) -> Answer:
        """The answer, if it is no error."""
        if answer.status < 300:
            return answer
        try:
            body = answer.json()
        except ValueError:
            body = None
        raise self.fault(answer, body) or self.error(self.kind_of(answer), f"HTTP {answer.status}", answer)

    def kind_of(self, answer: Answer) -> type[SourceError]:
        """What the status of a failed request means."""
        if answer.status == 503 and self.pause(answer) is not None:
            return RateLimited
        return ERRORS.get(answer.status) or (Unavailable if answer.status >= 500 else Rejected)

    def error(self, kind: type[SourceError], message: str, answer: Answer | None = None) -> SourceError:
        """An error of this source, with what the vendor says shortened and freed of secrets."""
        text = self.without_secrets(" ".join(message.split()))[:_LONGEST_MESSAGE]
        if kind is RateLimited:
            asked = self.pause(answer) if answer is not None else None
            return RateLimited(text, source=self.name, retry_after=asked)
        return kind(text, source=self.name)

    def link(self, page: str, link: Any) -> str:
        """The address that a link means, which must be on the source's own host.

        Args:
            page: address of the answer that holds the link (`Answer.url`).
            link: absolute or relative.

        Raises:
            Rejected: it leads elsewhere, or is no link.
        """
        target = joined(page, link) if isinstance(link, str) and link else ""
        if origin(target) != self._origin or urlsplit(target).username is not None:
            raise Rejected("the next page's address leads elsewhere", source=self.name)
        return target

    # -- one exchange ----------------------------------------------------------------------

    def exchange(
        self,
        method: str,
        path: str,
        *,
        credentials: Credentials | None,
        params: Mapping[str, Any] | None = None,
        report: ScanReport | None = None,
        elsewhere: bool = False,
        **content: Any,
    ) -> Answer:
        """One request as it is, and its answer whatever the status; redirects on the same host are followed.

        Args:
            elsewhere: the address comes from the configuration, and may be on a host of its own.

        Raises:
            Unavailable: no answer, none in time, or a broken one.
            Rejected: too large, damaged, or sent to another host.
        """
        report = report or ScanReport()
        url = path if origin(path) else f"{self.address}/{path.lstrip('/')}"
        allowed = origin(url) if elsewhere else self._origin
        for _ in range(_MOST_REDIRECTS + 1):
            if origin(url) != allowed:
                raise Rejected("the address leads to another host", source=self.name)
            answer = self._one(method, url, params, report, credentials, content)
            to = answer.headers.get("Location")
            if not 300 <= answer.status < 400 or answer.status == 304 or not to:
                return answer
            url, params = joined(answer.url, to), None
            there = origin(url)
            if there != allowed or method not in ("GET", "HEAD"):
                where = f"{there[0]}://{there[1]}:{there[2]}" if there else "elsewhere"
                text = f"HTTP {answer.status} leads to {where}, which is not followed"
                if there is not None and there != allowed:
                    text += "; if the system is there now, write that address as `url`"
                raise Rejected(text, source=self.name)
        raise Rejected("it redirects for ever", source=self.name)

    def _one(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        report: ScanReport,
        credentials: Credentials | None,
        content: Mapping[str, Any],
    ) -> Answer:
        if self.gate is not None:
            with span("wait", reason="rate", source=self.name):
                self.gate.enter(report.deadline)
        silence, end = self._patience(report)
        proof = credentials or Credentials()
        headers = {**tagged(), **proof.headers, **(content.get("headers") or {})}
        more = {k: v for k, v in content.items() if k != "headers"}
        timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS, silence))
        if self._client.is_closed:
            raise Unavailable("the connector is closed", source=self.name)
        with report.request(self.system, method, address=self._shown) as asked:
            try:
                answer = self._sent(method, url, params, headers, timeout, proof, end, more)
            except httpx.TimeoutException:
                raise Unavailable("did not answer in time", source=self.name) from None
            except httpx.DecodingError:
                raise Rejected("the answer is damaged", source=self.name) from None
            except httpx.InvalidURL:
                raise Rejected("the address makes no sense", source=self.name) from None
            except (httpx.LocalProtocolError, UnicodeEncodeError):
                text = "the credentials or the path hold characters that can't be sent"
                raise Rejected(text, source=self.name) from None
            except httpx.HTTPError as error:
                raise Unavailable(f"can't be reached ({type(error).__name__})", source=self.name) from None
            asked.set(status=answer.status)
        self._note(answer)
        return answer

    def _sent(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
        proof: Credentials,
        end: float,
        more: Mapping[str, Any],
    ) -> Answer:
        """One request and its answer; raises what httpx raises."""
        whole = address(url)
        sent = httpx.Headers(self._client.headers)
        sent.update(headers)
        request = httpx.Request(
            method,
            whole.copy_merge_params(params) if params else whole,
            headers=sent,
            cookies=self._client.cookies if self.keeps_cookies else None,
            extensions={_QUERY: proof.query, "timeout": timeout.as_dict()},
            **more,
        )
        # not by the client, whose own part takes as long as a small page
        response = self._transport.handle_request(request)
        response.request = request
        _LOG.debug("%s %s: %s", method, request.url, response.status_code)
        if self.keeps_cookies:
            self._client.cookies.extract_cookies(response)
        try:
            return Answer(
                status=response.status_code,
                url=str(request.url),
                headers=response.headers,
                content=self._body(response, end),
                whole="Content-Length" in response.headers or "Transfer-Encoding" in response.headers,
            )
        finally:
            response.close()

    def _patience(self, report: ScanReport) -> tuple[float, float]:
        """How long the source may be silent, and the `time.monotonic()` value at which it must have answered."""
        now = time.monotonic()
        if report.patient:
            silence = seconds_left(PATIENCE, report.deadline, source=self.name)
            return silence, math.inf if report.deadline is None else report.deadline
        seconds = seconds_left(self.settings.timeout, report.deadline, source=self.name)
        return seconds, now + seconds

    def _body(self, response: httpx.Response, end: float) -> bytes:
        """The body, within the time also where it only trickles in, and within `largest_answer`."""
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > self.largest_answer:
                raise Rejected(f"the answer is larger than {self.largest_answer:,} bytes", source=self.name)
            if time.monotonic() > end:
                raise Unavailable("did not answer in time", source=self.name)
        return b"".join(parts)

    def _note(self, answer: Answer) -> None:
        """Hand on what the answer says of the time and of limits."""
        self.date = server_time(answer.headers.get("Date")) or self.date
        if self.gate is not None:
            used, allowed = self.quota(answer) or (None, None)
            self.gate.told(retry_after=self.pause(answer), used=used, allowed=allowed)

    # -- secrets and the end ---------------------------------------------------------------

    def hide(self, *secrets: str) -> None:
        """Never show these texts, nor the forms that they take on the wire."""
        for secret in secrets:
            if len(secret) > 3:  # shorter ones would black out every word
                packed = base64.b64encode(secret.encode()).decode()
                self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret), packed}

    def without_secrets(self, text: str) -> str:
        """The text with `***` for each secret that it holds."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        self._client.close()


_QUERY = "groundwire.query"


class _Transport(httpx.HTTPTransport):
    """Adds secret query parameters below what logs every address."""

    def __init__(self, limits: httpx.Limits) -> None:
        super().__init__(limits=limits, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        query = request.extensions.get(_QUERY)
        if query:
            request = httpx.Request(
                request.method,
                request.url.copy_merge_params(query),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return super().handle_request(request)


def _secrets_of(settings: Any) -> Iterator[str]:
    """Every secret text in the settings, however deep."""
    if isinstance(settings, SecretStr):
        yield settings.get_secret_value()
    elif isinstance(settings, BaseModel):
        for name in type(settings).model_fields:
            yield from _secrets_of(getattr(settings, name))
    elif isinstance(settings, Mapping):
        yield from itertools.chain.from_iterable(map(_secrets_of, settings.values()))
    elif isinstance(settings, list | tuple):
        yield from itertools.chain.from_iterable(map(_secrets_of, settings))
