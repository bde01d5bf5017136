"""The session with one Salesforce organisation, through `simple-salesforce`: login, renewal, errors, limits.

Sessions are renewed once in the middle of a read. Refused credentials are not sent again, since Salesforce locks
users out. What is asked is the caller's business.

Source: REST API Developer Guide (authorization, error codes, limits header).
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, cast
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from pydantic import Field as Setting
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

from groundwire.connectors.http_wire import parsed, retry_after, seconds_left, server_time, tagged
from groundwire.connectors.oauth import signed
from groundwire.core.connector import Connector, leaf, span
from groundwire.core.errors import AuthFailed, Conflict, RateLimited, Rejected, SourceError, Unavailable

_T = TypeVar("_T")

ERRORS: dict[str, type[SourceError]] = {
    "INVALID_SESSION_ID": AuthFailed,
    "INVALID_LOGIN": AuthFailed,
    "INVALID_AUTH_HEADER": AuthFailed,
    "API_DISABLED_FOR_ORG": AuthFailed,
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "SERVER_UNAVAILABLE": Unavailable,
    "QUERY_TIMEOUT": Unavailable,
    "UNABLE_TO_LOCK_ROW": Unavailable,
    "MALFORMED_QUERY": Rejected,
    "INVALID_FIELD": Rejected,
    "INVALID_TYPE": Rejected,
    "INVALID_QUERY_FILTER_OPERATOR": Rejected,
    "INVALID_QUERY_LOCATOR": Rejected,
    "INSUFFICIENT_ACCESS": Rejected,
    "NOT_FOUND": Rejected,
}
"""The vendor's error codes as ours; what is not listed is decided by the HTTP status."""

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


class SalesforceSettings(BaseModel):
    """Settings of a Salesforce source.

    Either `url` (My Domain) with `client_id` and `client_secret` (OAuth client credentials), or `client_id`,
    `private_key` and `username` (JWT bearer flow, at `url` where it is set), or `username`, `password` and
    `security_token`, or `url` with `session_id`.

    Attributes:
        private_key: in PEM, of the certificate that the connected app knows.
        domain: `login`, or `test` for a sandbox: where people log in, and whom a signed token is for.
        objects: API names.
        timeout: seconds that one request may take.
        bulk_rows: records from which on a replica's read is a job of Bulk API 2.0; 0 for never.
        bulk_timeout: seconds that such a job may take.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    private_key: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    security_token: SecretStr = SecretStr("")
    domain: str = "login"
    session_id: SecretStr | None = None
    objects: tuple[str, ...] = (
        "Account",
        "Contact",
        "Opportunity",
        "Case",
        "Task",
        "User",
        "Lead",
        "Product2",
        "Contract",
    )
    timeout: float = Setting(default=30.0, gt=0)
    api_version: str = "59.0"
    bulk_rows: int = Setting(default=10_000, ge=0)
    bulk_timeout: float = Setting(default=7200.0, gt=0)

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_url = self.url and (self.session_id or (self.client_id and self.client_secret))
        by_key = self.client_id and self.private_key and self.username
        if not by_url and not by_key and not (self.username and self.password):
            raise ValueError(
                "set url, client_id and client_secret, or client_id, private_key and username, or username and password"
            )
        return self


class Session(requests.Session):
    """A session with a time limit on everything, which follows no redirect.

    `local.deadline` (`time.monotonic()`, or None) bounds what the present thread asks, and
    `local.retry_after` is what its last answer asked for, `local.date` when that was by the server's clock.
    """

    def __init__(self, connector: Connector, timeout: float) -> None:
        super().__init__()
        self.connector = connector
        self.source = connector.name
        self.timeout = timeout
        self.local = threading.local()

    def request(self, method: Any, url: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        deadline = getattr(self.local, "deadline", None)
        if self.connector.gate is not None:
            with span("wait", reason="rate", source=self.source):
                self.connector.gate.enter(deadline)
        seconds = seconds_left(self.timeout, deadline, source=self.source)
        kwargs |= {"timeout": (min(seconds, 10.0), seconds), "allow_redirects": False, "stream": True}
        kwargs["headers"] = {**(kwargs.get("headers") or {}), **tagged()}
        with leaf("request", system="salesforce", operation=method, address=urlsplit(url).netloc) as asked:
            response = self._answered(method, url, time.monotonic() + seconds, kwargs)
            asked.set(status=response.status_code)
        return response

    def _answered(self, method: Any, url: Any, end: float, kwargs: dict[str, Any]) -> requests.Response:
        """The answer, read to its end before that `time.monotonic()` value."""
        response = super().request(method, url, **kwargs)
        self.local.retry_after = retry_after(response.headers.get("Retry-After"))
        self.local.date = server_time(response.headers.get("Date"))
        self._tell(response)
        parts = []
        try:
            # a body that trickles in would pass every time-out of a single read
            while part := response.raw.read1(1 << 16, decode_content=True):
                parts.append(part)
                if time.monotonic() > end:
                    raise requests.ReadTimeout("the answer took too long")
        except urllib3.exceptions.ReadTimeoutError:
            raise requests.ReadTimeout("the answer took too long") from None
        except urllib3.exceptions.HTTPError:
            raise requests.ConnectionError("the answer broke off") from None
        finally:
            response.close()
        response._content = content = b"".join(parts)
        # several times as quick as the parser that requests would take
        response.json = lambda **_: parsed(content, exact=False)  # type: ignore[method-assign]
        response._content_consumed = True  # type: ignore[attr-defined]
        return response

    def _tell(self, response: requests.Response) -> None:
        """Hand on what the answer says of limits (REST API Developer Guide, "Limit Info Header")."""
        gate = self.connector.gate
        if gate is None:
            return
        usage = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        busy = response.status_code in (429, 503)
        gate.told(
            retry_after=self.local.retry_after if busy else None,
            used=int(usage[1]) if usage else None,
            allowed=int(usage[2]) if usage else None,
        )


class Api:
    """Requests to one organisation. Safe to use from several threads.

    Args:
        connector: whose source it is; its gate is asked before every request.
        settings: see `SalesforceSettings`.
    """

    def __init__(self, connector: Connector, settings: SalesforceSettings) -> None:
        self.connector = connector
        self.name = connector.name
        self.settings = settings
        self._client: Salesforce | None = None
        self._refused: str | None = None
        self._lock = threading.Lock()

    def _connect(self, deadline: float | None) -> Salesforce:
        with self._lock:
            if self._refused is not None:
                raise AuthFailed(self._refused, source=self.name)
            if self._client is None:
                try:
                    self._client = self._login(deadline)
                except AuthFailed as error:
                    self._refused = str(error).removeprefix(f"{self.name}: ")
                    raise
            return self._client

    def _login(self, deadline: float | None) -> Salesforce:
        s = self.settings
        session = Session(self.connector, s.timeout)
        session.local.deadline = deadline
        try:
            if s.url and s.client_id and s.client_secret:
                secret = s.client_secret.get_secret_value()
                form = {"grant_type": "client_credentials", "client_id": s.client_id, "client_secret": secret}
                return self._login_by_token(s.url, form, session)
            if s.client_id and s.private_key and s.username:
                return self._login_by_key(s.client_id, s.private_key.get_secret_value(), s.username, session)
            if s.url and s.session_id:
                return self._client_for(s.url, s.session_id.get_secret_value(), session)
            if s.username and s.password:
                return Salesforce(
                    username=s.username,
                    password=s.password.get_secret_value(),
                    security_token=s.security_token.get_secret_value(),
                    domain=s.domain,
                    version=s.api_version,
                    session=session,
                )
        except SalesforceAuthenticationFailed:
            raise AuthFailed("user name, password or security token were not accepted", source=self.name) from None
        except requests.RequestException as error:
            raise self._transport(error) from None
        raise AuthFailed("set url, client_id and client_secret, or username and password", source=self.name)

    def _login_by_key(self, client_id: str, key: str, username: str, session: Session) -> Salesforce:
        """The JWT bearer flow (RFC 7523, section 2.1)."""
        place = f"https://{self.settings.domain}.salesforce.com"
        claims = {"iss": client_id, "sub": username, "aud": place}
        proof = signed(claims, key, setting=f"sources.{self.name}.private_key", rsa="RS256")
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": proof}
        return self._login_by_token(self.settings.url or place, form, session)

    def _login_by_token(self, url: str, form: Mapping[str, str], session: Session) -> Salesforce:
        """A token of OAuth 2.0 for what the form holds (RFC 6749, section 4.4; RFC 7523)."""
        answer = session.post(f"{url.rstrip('/')}/services/oauth2/token", data=form)
        status = answer.status_code
        if status == 429:
            raise RateLimited("HTTP 429 at login", source=self.name, retry_after=session.local.retry_after)
        if status >= 500:
            raise Unavailable(f"HTTP {status} at login", source=self.name)
        if status in (400, 401, 403):
            what = "client credentials" if "client_secret" in form else "client, key or user name"
            raise AuthFailed(f"the {what} were not accepted", source=self.name)
        try:
            token = answer.json()
            instance, access = token.get("instance_url") or url, token["access_token"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Rejected(f"HTTP {status}: the login's answer makes no sense", source=self.name) from None
        return self._client_for(instance, access, session)

    def _client_for(self, url: str, token: str, session: Session) -> Salesforce:
        client = Salesforce(instance_url=url, session_id=token, version=self.settings.api_version, session=session)
        if url.startswith("http://"):  # simple-salesforce always writes https
            for attribute in ("base_url", "apex_url", "bulk_url", "bulk2_url", "tooling_url"):
                old = getattr(client, attribute, None)
                if isinstance(old, str):
                    setattr(client, attribute, f"http://{urlsplit(url).netloc}{urlsplit(old).path}")
        return client

    def _transport(self, error: requests.RequestException) -> SourceError:
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return Rejected("the answer is not JSON", source=self.name)
        kind = "did not answer in time" if isinstance(error, requests.Timeout) else "can't be reached"
        return Unavailable(kind, source=self.name)

    def get(self, path: str, params: Mapping[str, str] | None = None, *, deadline: float | None = None) -> Any:
        """The JSON at a path below the version's base.

        Args:
            path: such as `query/`.
            params: of the query string.
            deadline: `time.monotonic()` value.

        Raises:
            SourceError: Salesforce refused, or did not answer.
        """
        return self.ask(lambda client: client.restful(path, params=dict(params) if params else None), deadline=deadline)

    def ask(self, request: Callable[[Salesforce], _T], *, deadline: float | None = None) -> _T:
        """What a request gives, with one new login where the session has ended.

        Args:
            request: made of the client that it is given, perhaps twice.
            deadline: `time.monotonic()` value.

        Raises:
            SourceError: Salesforce refused, or did not answer.
        """
        for attempt in (1, 2):
            client = self._connect(deadline)
            session = cast(Session, client.session)
            session.local.deadline = deadline
            try:
                return request(client)
            except requests.RequestException as error:
                raise self._transport(error) from None
            except SalesforceError as error:
                translated = self._translated(error, session)
                if isinstance(translated, AuthFailed) and attempt == 1 and not self.settings.session_id:
                    with self._lock:
                        if self._client is client:
                            self._client = None
                    continue
                raise translated from None
            except (ValueError, TypeError, KeyError):
                raise Rejected("the answer is not JSON, or no answer of this API", source=self.name) from None
        raise AssertionError("unreachable")

    def date(self) -> dt.datetime | None:
        """When the last answer to this thread was given, by the server's clock."""
        client = self._client
        return None if client is None else getattr(cast(Session, client.session).local, "date", None)

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        with self._lock:
            if self._client is not None:
                self._client.session.close()
                self._client = None

    def _translated(self, error: SalesforceError, session: Session) -> SourceError:
        content: Any = error.content
        first: Any = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
        code, message = str(first.get("errorCode", "")), str(first.get("message", ""))[:300]
        status = int(error.status or 0)
        text = f"{code or 'HTTP'} {status}: {message}" if message else f"HTTP {status}"
        kind = ERRORS.get(code)
        if status == 429 or kind is RateLimited:
            return RateLimited(text, source=self.name, retry_after=session.local.retry_after)
        if status == 412:  # If-Unmodified-Since
            return Conflict("the record has changed since this was proposed", source=self.name)
        if kind is None:
            kind = Unavailable if status >= 500 else AuthFailed if status == 401 else Rejected
        return kind(text, source=self.name)
