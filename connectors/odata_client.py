"""How an OData service is reached: log-in by preset, the protocol's headers, `$batch`, links and errors.

What is asked is `groundwire.connectors.odata`'s.

Source: OData Protocol 4.01, sections 8 (headers) and 11.7 (batch); RFC 6749, section 4.4 (client credentials);
`odata_presets` for the products.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field as Setting
from pydantic import SecretStr, model_validator

from groundwire.connectors import odata_wire as wire
from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.http_wire import basic
from groundwire.connectors.oauth import client_credentials
from groundwire.connectors.odata_presets import MICROSOFT_LOGIN, PRESETS, STANDARD, PresetName
from groundwire.core.connector import ScanReport
from groundwire.core.errors import AuthFailed, Rejected, SourceError

_LONGEST_ADDRESS = 2_000
"""Characters of an address above which a request travels in a `$batch`: Microsoft's servers take no longer ones."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ODataSettings(HTTPSettings):
    """Settings of an OData source; `url` is the service's root, below which `$metadata` lies.

    Either `username` and `password` (Basic, or Business One's login with `company`), or `client_id` and
    `client_secret` with `tenant` (Microsoft) or `token_url` and `scope` (OAuth 2.0 client credentials), or `token`.
    `entities` are entity sets, all by default; `cursors` names the field of last change by entity set; `aliases` are
    other names of the host that its links may hold; `delta` asks the service to keep track of changes.
    """

    preset: PresetName | None = None
    username: str | None = None
    password: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    tenant: str | None = None
    token_url: str | None = None
    scope: str | None = None
    token: SecretStr | None = None
    company: str | None = None
    sap_client: str | None = None
    entities: tuple[str, ...] = ()
    cursors: Mapping[str, str] = Setting(default_factory=dict)
    aliases: tuple[str, ...] = ()
    case_sensitive: bool = False
    delta: bool = False

    @model_validator(mode="after")
    def _fits_the_preset(self) -> Self:
        if self.client_id and not (self.client_secret and (self.tenant or self.token_url)):
            raise ValueError("client_id needs client_secret, and tenant or token_url")
        if self.username and self.password is None:
            raise ValueError("username needs password")
        if self.preset == "business-one" and not (self.username and self.company):
            raise ValueError("business-one needs company (its database), username and password")
        if self.preset == "business-central" and not self.company:
            raise ValueError("business-central needs company, by name or id")
        return self


class ODataClient(HTTPConnector):
    """Requests to one OData service."""

    Settings = ODataSettings
    settings: ODataSettings
    renews = True

    def __init__(self, name: str, settings: ODataSettings) -> None:
        super().__init__(name, settings)
        self._preset = PRESETS[settings.preset] if settings.preset else STANDARD
        self._version = 4
        self._batches = False
        self._below: str | None = None if self._preset.per_company else ""

    # -- session ---------------------------------------------------------------------------

    def login(self, report: ScanReport) -> Credentials:
        s = self.settings
        if self._preset.session:
            return self._session_login(report)
        if s.client_id and s.client_secret:
            return self._client_login(s.client_id, s.client_secret.get_secret_value(), report)
        query = {"sap-client": s.sap_client} if s.sap_client else {}
        if s.token:
            return Credentials(headers={"Authorization": f"Bearer {s.token.get_secret_value()}"}, query=query)
        if s.username and s.password:
            return Credentials(headers=basic(s.username, s.password.get_secret_value()), query=query)
        return Credentials(query=query)

    def _session_login(self, report: ScanReport) -> Credentials:
        """Business One's `Login`, whose session travels in cookies."""
        s = self.settings
        password = s.password.get_secret_value() if s.password else ""
        body = {"CompanyDB": s.company, "UserName": s.username, "Password": password}
        answer = self.exchange("POST", "Login", credentials=None, report=report, json=body)
        if answer.status in (400, 401, 403):
            raise AuthFailed("company, user name or password were not accepted", source=self.name)
        found = self.decoded(self.checked(answer))
        cookies = SimpleCookie()
        for line in answer.headers.get_list("Set-Cookie"):
            cookies.load(line)
        kept = {k: m.value for k, m in cookies.items()}
        if isinstance(found, dict) and isinstance(found.get("SessionId"), str):
            kept.setdefault("B1SESSION", found["SessionId"])
        if "B1SESSION" not in kept:
            raise Rejected("the login gave no session", source=self.name)
        self.hide(kept["B1SESSION"])
        return Credentials(headers={"Cookie": "; ".join(f"{k}={v}" for k, v in kept.items())})

    def _client_login(self, client_id: str, secret: str, report: ScanReport) -> Credentials:
        s = self.settings
        url = s.token_url or MICROSOFT_LOGIN.format(tenant=s.tenant)
        root = urlsplit(s.url)
        scope = s.scope or (f"{root.scheme}://{root.netloc}{self._preset.scope}" if self._preset.scope else None)
        return client_credentials(self, url, client_id, secret, report, scope=scope)

    def addresses(self) -> tuple[str, ...]:
        """Where Microsoft gives tokens, if it is asked for some."""
        s = self.settings
        return (MICROSOFT_LOGIN.format(tenant=s.tenant),) if s.tenant and not s.token_url else ()

    def expired(self, answer: Answer) -> bool:
        """Only sessions and tokens that were given for a time end; a refused password is not sent again."""
        return answer.status == 401 and (self._preset.session or bool(self.settings.client_id))

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        found = wire.error_of(body)
        kind = Rejected if answer.status == 501 else self.kind_of(answer)  # "not implemented" will not pass
        if answer.status == 401 and not self.expired(answer):
            self._refused = "the credentials were not accepted"
            return self.error(AuthFailed, self._refused)
        code, message = found or ("", "")
        kind = wire.ERRORS.get(code, kind)
        return self.error(kind, f"HTTP {answer.status} {code}: {message}", answer)

    def close(self) -> None:
        known = self._credentials
        if self._preset.session and known is not None:
            self._credentials = None
            with contextlib.suppress(SourceError, RuntimeError):  # they are few, but end by themselves
                self.exchange("POST", "Logout", credentials=known)
        super().close()

    # -- requests --------------------------------------------------------------------------

    def _headers(self, *preferences: str) -> dict[str, str]:
        if self._version == 2:
            return {"Accept": "application/json", "DataServiceVersion": "2.0", "MaxDataServiceVersion": "2.0"}
        headers = {
            "Accept": "application/json;odata.metadata=minimal;IEEE754Compatible=true",
            "OData-MaxVersion": "4.01",
        }
        wanted = [f"odata.maxpagesize={self.settings.page_rows}", *preferences]
        if self._preset.page_header:
            headers[self._preset.page_header] = str(self.settings.page_rows)
        return {**headers, "Prefer": ",".join(wanted), **self._preset.headers}

    def _fetch(self, address: str, report: ScanReport, *preferences: str) -> Answer:
        """One GET; in a `$batch` where its address is too long to be sent as it is."""
        headers = self._headers(*preferences)
        root = f"{self.settings.url}/"
        if self._batches and len(address) > _LONGEST_ADDRESS:
            (answer,) = self._batch([address.removeprefix(root)], headers, report)
            return replace(self.checked(answer), url=root + address.removeprefix(root))
        return self.ask("GET", address, report=report, headers=headers)

    def _batch(self, addresses: list[str], headers: Mapping[str, str], report: ScanReport) -> list[Answer]:
        """Several GETs in one round trip; their answers whatever the status."""
        try:
            if self._preset.json_batch:
                content = wire.json_batch_request(addresses, headers)
                sent = {"Content-Type": "application/json", "Accept": "application/json"}
                answer = self.ask("POST", "$batch", report=report, content=content, headers=sent)
                return wire.json_batch_answers(self.decoded(answer), addresses)
            kind, content = wire.batch_request(addresses, headers)
            sent = {**headers, "Content-Type": kind, "Accept": "multipart/mixed"}
            answer = self.ask("POST", "$batch", report=report, content=content, headers=sent)
            return wire.batch_answers(answer, addresses)
        except (KeyError, TypeError, ValueError):
            raise Rejected("the batch's answer makes no sense", source=self.name) from None

    def _path(self, name: str) -> str:
        """Where an entity set lies."""
        if self._below is None:
            self._below = f"companies({self._company()})/"
        return self._below + name

    def _company(self) -> str:
        """The id of Business Central's company."""
        wanted = self.settings.company or ""
        body = self.decoded(self._fetch("companies", ScanReport()))
        for company in wire.records(body) or ():
            if isinstance(company, dict) and wanted in (company.get("id"), company.get("name")):
                return str(company["id"])
        raise Rejected("the service knows no such company", source=self.name)

    def link(self, page: str, link: Any) -> str:
        """A link of the service, with the configured host in place of one of its aliases."""
        parts = urlsplit(link) if isinstance(link, str) else None
        if parts is not None and parts.hostname and parts.username is None:
            mine = urlsplit(self.settings.url)
            aliases = {a.lower() for a in self.settings.aliases}
            if parts.hostname in aliases or {parts.hostname, mine.hostname} <= _LOOPBACK:
                link = parts._replace(scheme=mine.scheme, netloc=mine.netloc).geturl()
        return super().link(page, link)
