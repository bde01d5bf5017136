"""A sandbox that speaks NetSuite's REST services on loopback: the metadata catalog, and SuiteQL, which it executes.

A query is read as Oracle's SQL and executed by DuckDB, after empty texts have become null, as they are to Oracle.
Answers have NetSuite's ways: values as text, nulls left out, pages by links, 100,000 rows of a query at most. The
signature of every request is verified by oauthlib.

Source: NetSuite help center, "Executing SuiteQL Queries Through REST Web Services", "Collection Paging", "REST Web
Services Error Handling", "The Signature for Web Services and RESTlets".
"""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

import duckdb
import jwt
import pyarrow as pa
import sqlglot
from json_server import Asked, JSONServer, Reply
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature
from sqlglot import exp

ACCOUNT = "1234567_SB1"
KEYS = {
    "consumer_key": "consumer-key-0123456789",
    "consumer_secret": "consumer-secret-0123456789",
    "token_id": "token-id-0123456789",
    "token_secret": "token-secret-0123456789",
}

TOKEN = "/services/rest/auth/oauth2/v1/token"


class Refused(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code = status, code
        super().__init__(detail)


class NetSuiteSandbox(JSONServer):
    """In memory.

    Args:
        catalog: JSON schemas by record type in small letters, as the metadata catalog gives them.
        tables: of SuiteQL; empty texts become null.
        most_rows: of one query.

    Attributes:
        names: addresses by which it is known, since a signature holds the one that was asked.
        elsewhere: whose next pages it gives in place of its own.
        certificates: public keys by the ids of their certificates, whose owners get tokens.
        tokens: that it gave, and still honours.
    """

    def __init__(
        self,
        catalog: Mapping[str, Mapping[str, Any]],
        tables: Mapping[str, pa.Table],
        *,
        most_rows: int = 100_000,
    ) -> None:
        super().__init__(self._reply)
        self.catalog = catalog
        self.most_rows = most_rows
        self.elsewhere = ""
        self.certificates: dict[str, Any] = {}
        self.tokens: list[str] = []
        self.names = {self.url}
        self._nonces: set[str] = set()
        self._lock = threading.Lock()
        self._database = duckdb.connect(":memory:")
        for name, rows in tables.items():
            self._database.register("given", rows)
            columns = (
                f'NULLIF("{f.name}", \'\') AS "{f.name}"' if pa.types.is_string(f.type) else f'"{f.name}"'
                for f in rows.schema
            )
            self._database.execute(f'CREATE TABLE "{name}" AS SELECT {", ".join(columns)} FROM given')

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """DuckDB's SQL, to change what is there."""
        with self._lock:
            return self._database.execute(sql).fetchall()

    def _reply(self, asked: Asked) -> Reply:
        if asked.path == TOKEN:
            return self._token(asked)
        try:
            self._verify(asked)
            return Reply(json=self._route(asked))
        except Refused as error:
            body = {
                "type": "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4",
                "title": "Bad Request" if error.status == 400 else "Unauthorized",
                "status": error.status,
                "o:errorDetails": [{"detail": str(error), "o:errorCode": error.code}],
            }
            return Reply(status=error.status, json=body)

    def _token(self, asked: Asked) -> Reply:
        """OAuth 2.0 client credentials, as the help center has them."""
        form = dict(urllib.parse.parse_qsl(asked.body.decode()))
        proof = form.get("client_assertion", "")
        try:
            key = self.certificates[jwt.get_unverified_header(proof)["kid"]]
            right = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
            audience = [name + TOKEN for name in self.names]
            said = jwt.decode(
                proof, key, algorithms=right, audience=audience, options={"require": ["exp", "iat", "iss"]}
            )
            known = said["iss"] == KEYS["consumer_key"] and "rest_webservices" in said["scope"]
            known = known and said["exp"] - said["iat"] <= 3600 and form["grant_type"] == "client_credentials"
            known = known and form["client_assertion_type"].endswith("client-assertion-type:jwt-bearer")
        except (KeyError, jwt.PyJWTError):
            known = False
        if not known:
            return Reply(status=400, json={"error": "invalid_client"})
        self.tokens.append(f"access-{len(self.tokens)}-0123456789")
        return Reply(json={"access_token": self.tokens[-1], "expires_in": "3600", "token_type": "bearer"})

    def _verify(self, asked: Asked) -> None:
        """A token, or the request's own signature, used once."""
        if asked.headers.get("authorization", "").removeprefix("Bearer ") in self.tokens:
            return
        header = {"Authorization": asked.headers.get("authorization", "")}
        try:
            said = dict(signature.collect_parameters(headers=header, exclude_oauth_signature=False, with_realm=True))
        except ValueError:
            said = {}
        known = (said.get("realm"), said.get("oauth_consumer_key"), said.get("oauth_token"))
        right = (
            known == (ACCOUNT, KEYS["consumer_key"], KEYS["token_id"])
            and said.get("oauth_signature_method") == "HMAC-SHA256"
            and said.get("oauth_nonce") not in self._nonces
            and any(self._signed(asked, name, said) for name in self.names)
        )
        if not right:
            raise Refused(401, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail.")
        self._nonces.add(said["oauth_nonce"])

    def _signed(self, asked: Asked, address: str, said: Mapping[str, str]) -> bool:
        request = Request(address + asked.path, http_method=asked.method)
        request.params = [(k, v) for k, v in said.items() if k not in ("realm", "oauth_signature")]
        request.params += list(asked.query.items())
        request.signature = said.get("oauth_signature", "")
        return bool(signature.verify_hmac_sha256(request, KEYS["consumer_secret"], KEYS["token_secret"]))

    def _route(self, asked: Asked) -> Any:
        parts = asked.path.strip("/").split("/")
        if parts[:5] == ["services", "rest", "record", "v1", "metadata-catalog"] and parts[-1] in self.catalog:
            if asked.headers.get("accept") != "application/schema+json":
                raise Refused(406, "USER_ERROR", "another format was asked for")
            return {"type": "object", "properties": self.catalog[parts[-1]]}
        if asked.path.strip("/") == "services/rest/query/v1/suiteql" and asked.method == "POST":
            return self._suiteql(asked)
        raise Refused(404, "NONEXISTENT_ID", f"Record type '{parts[-1]}' does not exist.")

    def _suiteql(self, asked: Asked) -> Any:
        if asked.headers.get("prefer") != "transient":
            raise Refused(400, "INVALID_HEADER", "Prefer: transient is wanted")
        limit, offset = int(asked.query.get("limit", 1000)), int(asked.query.get("offset", 0))
        if limit > 1000 or limit < 1 or offset % limit or offset >= self.most_rows:
            raise Refused(400, "INVALID_PARAMETER", "limit is 1 to 1,000, offset a multiple of it below 100,000")
        names, rows = self._executed(asked.json()["q"])
        rows = rows[: self.most_rows]
        page = rows[offset : offset + limit]
        items = [
            {"links": [], **{n.lower(): _text(v) for n, v in zip(names, row, strict=True) if v is not None}}
            for row in page
        ]
        more = offset + limit < len(rows)
        base = (self.elsewhere or f"http://{asked.headers['host']}") + asked.path
        links = [{"rel": "self", "href": f"{base}?limit={limit}&offset={offset}"}]
        if more:
            links.append({"rel": "next", "href": f"{base}?limit={limit}&offset={offset + limit}"})
        return {
            "links": links,
            "count": len(items),
            "hasMore": more,
            "items": items,
            "offset": offset,
            "totalResults": len(rows),
        }

    def _executed(self, q: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        try:
            (tree,) = sqlglot.parse(q, read="oracle")
            if not isinstance(tree, exp.Select):
                raise Refused(400, "INVALID_PARAMETER", "Invalid search query. Only SELECT is supported.")
            cursor = self._database.cursor().execute(tree.transform(_as_oracle).sql("duckdb"))
            return [d[0] for d in cursor.description or ()], cursor.fetchall()
        except (sqlglot.ParseError, duckdb.Error) as error:
            lines = str(error).splitlines()
            found = lines[0].split('"')
            said = f"Field '{found[1]}' was not found. Reason: NOT_EXPOSED" if "column" in lines[0] else lines[0]
            raise Refused(400, "INVALID_PARAMETER", f"Invalid search query. {said}") from None


def _as_oracle(node: exp.Expression) -> exp.Expression:
    """What DuckDB would understand in another way than Oracle."""
    if isinstance(node, exp.Literal) and node.is_string and node.this == "":
        return exp.null()
    if isinstance(node, exp.LTE) and node.this.name.upper() == "ROWNUM":
        return exp.true()  # the limit of the page is the same for these queries
    if isinstance(node, exp.ToChar):
        model = "%Y-%m-%d %H:%M:%S" if "HH24" in node.args["format"].name else "%Y-%m-%d"
        return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string(model)])
    if isinstance(node, exp.StrToDate):  # Oracle's DATE has a time of day
        return exp.Anonymous(this="strptime", expressions=[node.this, node.args["format"]])
    return node


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)
