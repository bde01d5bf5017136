"""The rest connector: every paging and authentication, wrong descriptions, and drafts from OpenAPI documents."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from json_server import JSONServer, Reply
from pydantic import SecretStr
from rest_service import DESCRIPTION, TOKEN, Shop, orders
from typer.testing import CliRunner

from groundwire import Hub
from groundwire.agents.cli import app
from groundwire.connectors.rest import RestConnector, RestSettings, merge
from groundwire.connectors.rest_openapi import draft, read_document
from groundwire.core.connector import Comparison
from groundwire.core.errors import AuthFailed, ConfigError, Rejected

PAGINGS = {
    "offset": "{kind: offset, offset: skip, limit: take, size: 50, total: meta.total}",
    "offset, no total": "{kind: offset, offset: skip, limit: take, size: 50}",
    "offset, short page ends": "{kind: offset, offset: skip, limit: take, size: 20, short_page_ends: true}",
    "page": "{kind: page, page: page, limit: take, size: 50, last: meta.pages}",
    "page, no last": "{kind: page, page: page, limit: take, size: 50}",
    "cursor": "{kind: cursor, cursor: cursor, next: meta.cursor.after, limit: take, size: 50}",
    "next": "{kind: link, next: meta.next, limit: take, size: 50}",
    "header": "{kind: link, limit: take, size: 50}",
    "none": "{kind: none}",
}


def _source(folder: Path, url: str, text: str = DESCRIPTION, **settings: Any) -> RestConnector:
    file = folder / "shop.yaml"
    file.write_text(text)
    return RestConnector("shop", RestSettings(file=file, url=url, **({"token": SecretStr(TOKEN)} | settings)))


def _described(**parts: str) -> str:
    """The shop's description with other lines."""
    text = DESCRIPTION
    for name, value in parts.items():
        line = next(part for part in text.splitlines() if part.startswith(f"{name}:"))
        text = text.replace(line, f"{name}: {value}")
    return text


@pytest.mark.parametrize("paging", PAGINGS)
def test_every_paging_reads_every_record_though_the_server_gives_fewer_than_asked_for(
    tmp_path: Path, paging: str
) -> None:
    with Shop(0, paging=paging.partition(",")[0], most=20) as shop:
        source = _source(tmp_path, shop.url, _described(paging=PAGINGS[paging]))
        with Hub([source]) as hub:
            for count in (0, 1, 19, 20, 21, 55):
                shop.data["orders"] = orders(count)
                result = hub.query("SELECT id, total FROM shop.orders ORDER BY id", max_age="0")
                assert [row[0] for row in result.rows()] == list(range(1, count + 1))
                assert result.complete
                assert len(hub.query("SELECT id FROM shop.orders LIMIT 30", max_age="0").rows()) == min(30, count)


def test_json_is_the_same_text_however_the_page_is_read(tmp_path: Path) -> None:
    tags = [
        {"ä": 'a "b" \\ \n\x01\x7f', "n": [1, -2.50, 0.1, True, None], "e": {}, "l": []},
        ["x", {"y": [[]]}],
        "text",
        1.25,
        2**70,
        None,
    ]
    wanted = [None if t is None else json.dumps(t, ensure_ascii=False) for t in tags]
    with Shop(len(tags)) as shop, Hub([_source(tmp_path, shop.url)]) as hub:
        for total in (1.25, 123456789012345.67):  # the second one is read exactly
            for row, tag in zip(shop.data["orders"], tags, strict=True):
                row["tags"], row["amounts"] = tag, {"total": total}
            found = hub.query("SELECT tags, total FROM shop.orders ORDER BY id", max_age="0").rows()
            assert [row[0] for row in found] == wanted
            assert {float(row[1]) for row in found} == {total}
            tags[4] = wanted[4] = None  # a number that only one way of writing takes
            tags[5], wanted[5] = [2.5], "[2.5]"


@pytest.mark.parametrize(
    ("served", "kind", "settings"),
    [
        ("bearer", "{kind: bearer}", {}),
        ("basic", "{kind: basic}", {"username": "me", "password": SecretStr(TOKEN)}),
        ("header", "{kind: header, name: X-Shop-Key}", {}),
        ("query", "{kind: query, name: key}", {}),
        (
            "oauth",
            "{kind: oauth, token_url: 'URL/oauth/token'}",
            {"client_id": "me", "client_secret": SecretStr(TOKEN)},
        ),
    ],
)
def test_every_authentication_is_accepted_and_a_wrong_secret_is_told(
    tmp_path: Path, served: str, kind: str, settings: dict[str, Any]
) -> None:
    with Shop(3) as shop:
        shop.authentication = served
        text = _described(authentication=kind.replace("URL", shop.url))
        with Hub([_source(tmp_path, shop.url, text, **settings)]) as hub:
            assert len(hub.query("SELECT id FROM shop.orders").rows()) == 3
        wrong = {k: SecretStr("wr0ng") if isinstance(v, SecretStr) else v for k, v in settings.items()}
        source = _source(tmp_path, shop.url, text, **({"token": SecretStr("wr0ng")} | wrong))
        with closing(source), pytest.raises(AuthFailed) as caught:
            source.check()
        assert "wr0ng" not in str(caught.value)


def test_an_oauth_token_that_ended_is_renewed(tmp_path: Path) -> None:
    with Shop(3) as shop:
        text = _described(authentication=f"{{kind: oauth, token_url: '{shop.url}/oauth/token'}}")
        with closing(_source(tmp_path, shop.url, text, client_id="me", client_secret=SecretStr(TOKEN))) as source:
            source.check()
            shop.tokens.clear()
            assert "2 entities" in source.check()
        assert shop.logins == 2


def test_a_count_is_asked_for_and_not_counted_here(tmp_path: Path) -> None:
    with Shop(333) as shop, Hub([_source(tmp_path, shop.url)]) as hub:
        result = hub.query("SELECT COUNT(*) FROM shop.orders WHERE status = 'paid' AND total >= 10")
        wanted = [r for r in shop.data["orders"] if r["status"] == "paid" and (r["amounts"]["total"] or 0) >= 10]
        assert result.rows() == [(len(wanted),)]
        assert len(shop.requests) == 1
        assert shop.requests[0].query == {"sort": "id", "status": "paid", "total_from": "10", "take": "1"}


def test_the_vendors_rate_is_taken_from_the_description(tmp_path: Path) -> None:
    with Shop(3) as shop:
        (tmp_path / "shop.yaml").write_text(_described(rate="1/h"))
        source = f'type = "rest"\nfile = "{tmp_path}/shop.yaml"\nurl = "{shop.url}"\ntoken = "{TOKEN}"\n'
        (tmp_path / "groundwire.toml").write_text(f"[limits]\ntimeout = 1\n[sources.shop]\n{source}")
        with Hub.from_config(tmp_path / "groundwire.toml") as hub:
            hub.query("SELECT id FROM shop.orders LIMIT 1")
            with pytest.raises(Exception, match="the rate that was set"):
                hub.query("SELECT id FROM shop.customers LIMIT 1", max_age="0")


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([("=", 1), ("=", 1)], [("=", 1)]),
        ([("=", 1), ("=", 2)], None),
        ([("in", (1, 2)), ("in", (2, 3))], [("in", (2,))]),
        ([("in", (1, 2)), ("in", (3,))], None),
        ([("=", 1), ("in", (1, 2))], [("=", 1)]),
        ([("=", 3), ("in", (1, 2))], None),
        ([(">=", 1), (">=", 5), ("<", 9), ("<", 7)], [(">=", 5), ("<", 7)]),
        ([("is null", None), ("=", 1)], None),
        ([("is not null", None), ("=", 1)], [("=", 1)]),
        ([("!=", 1), ("!=", 2)], [("!=", 1)]),
    ],
)
def test_comparisons_of_one_field_are_merged_into_what_all_mean(
    asked: list[tuple[Any, Any]], wanted: list[tuple[Any, Any]] | None
) -> None:
    merged = merge([Comparison(field="f", op=op, value=value) for op, value in asked])
    assert merged == (None if wanted is None else [Comparison(field="f", op=op, value=v) for op, v in wanted])


def test_what_no_record_can_pass_is_not_asked(tmp_path: Path) -> None:
    with Shop(9) as shop, Hub([_source(tmp_path, shop.url)]) as hub:
        assert hub.query("SELECT id FROM shop.orders WHERE id = 1 AND id IN (2, 3)").rows() == []
        assert hub.query("SELECT COUNT(*) FROM shop.orders WHERE id = 1 AND id = 2").rows() == [(0,)]
        assert not shop.requests


def test_fewer_records_than_the_source_counted_are_marked(tmp_path: Path) -> None:
    with Shop(9) as shop:
        answer = shop.answer

        def short(asked: Any) -> Reply:
            body = answer(asked).json
            body["meta"]["total"] = 10
            return Reply(json=body)

        shop.answer = short
        with Hub([_source(tmp_path, shop.url)]) as hub:
            result = hub.query("SELECT id FROM shop.orders")
            assert not result.complete
            assert "counted 10" in " ".join(result.incomplete_reasons())


def test_a_next_page_on_another_host_is_refused(tmp_path: Path) -> None:
    with Shop(99, paging="next") as shop, JSONServer(lambda _: Reply(json={"data": []})) as elsewhere:
        answer = shop.answer

        def led_astray(asked: Any) -> Reply:
            body = answer(asked).json
            body["meta"]["next"] = f"{elsewhere.url}/v1/orders?cursor=50"
            return Reply(json=body)

        shop.answer = led_astray
        source = _source(tmp_path, shop.url, _described(paging=PAGINGS["next"]))
        with Hub([source]) as hub, pytest.raises(Rejected, match="elsewhere"):
            hub.query("SELECT id FROM shop.orders")
        assert not elsewhere.requests


def test_a_server_that_disregards_the_offset_is_noticed(tmp_path: Path) -> None:
    with Shop(99, paging="none") as shop:
        text = _described(paging="{kind: offset, offset: skip, limit: take, size: 50}")
        with Hub([_source(tmp_path, shop.url, text)]) as hub, pytest.raises(Rejected, match="twice"):
            hub.query("SELECT id FROM shop.orders")


# -- descriptions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("url: https://shop.example.com", "url: shop", "url: write the whole address"),
        ("kind: bearer", "kind: kerberos", "authentication.kind"),
        ("kind: offset", "kind: guess", "paging"),
        ("weight: number", "weight: nomber", "entities.orders.fields.weight.type: write one of text, integer"),
        ("key: [id]", "key: [ib]", "entities.orders: key: no field is called 'ib'"),
        ("cursor: changed_at", "cursor: changed", "cursor: no field is called 'changed'; did you mean changed_at?"),
        ("      day: {", "      dey: {", "filters: no field is called 'dey'; did you mean day?"),
        ('">": {parameter', '"~": {parameter', "entities.orders.filters.placed.~"),
        ('join: ",", pushdown', "pushdown", "filters.id.in: needs join"),
        ('"!=": not_status', '"!=": {parameter: x, pushdown: exact}', "filters.status.!=: is loose at most"),
        ("number: {=: number", "number: {=: status", "the parameter 'status' is taken by filters"),
        ("fields: [changed_at]", "fields: [day]", "sort.fields: 'day' must be required"),
        ("to: customers", "to: customer", "no entity is called 'customer'; did you mean customers?"),
        ("on: {id: customer_id}", "on: {id: custmer}", "'orders' has no field 'custmer'"),
        ("    label: Orders", "    lable: Orders", "entities.orders.lable: there is no such key"),
        ("    path: /v1/orders", "", "entities.orders.path: this key is required"),
        ("entities:", "entities: {", "no YAML"),
    ],
)
def test_a_wrong_description_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in DESCRIPTION
    with pytest.raises(ConfigError) as caught:
        _source(tmp_path, "http://127.0.0.1:1", DESCRIPTION.replace(old, new, 1))
    assert told in str(caught.value)
    assert "shop.yaml" in str(caught.value)


def test_secrets_that_the_description_asks_for_must_be_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.shop\.token: .*bearer.* needs this setting"):
        _source(tmp_path, "http://127.0.0.1:1", token=None)


# -- OpenAPI ---------------------------------------------------------------------------------

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://{region}.example.com/", "variables": {"region": {"default": "eu"}}}],
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
            "Order": {
                "allOf": [{"$ref": "#/components/schemas/Base"}],
                "required": ["changed_at"],
                "properties": {
                    "status": {"type": ["string", "null"], "enum": ["open", "paid", None], "description": "How far\nit is."},
                    "amounts": {"type": "object", "properties": {"total": {"type": "number"}}},
                    "changed_at": {"type": "string", "format": "date-time"},
                    "updated_at": {"type": "string", "format": "date-time"},
                    "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "parent": {"$ref": "#/components/schemas/Order"},
                },
            },
        },
        "parameters": {"Skip": {"name": "skip", "in": "query", "schema": {"type": "integer"}}},
    },
    "paths": {
        "/v1/orders": {
            "parameters": [{"$ref": "#/components/parameters/Skip"}],
            "get": {
                "summary": "All orders",
                "parameters": [
                    {"name": "take", "in": "query"},
                    {"name": "status", "in": "query"},
                    {"name": "day_from", "in": "query"},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
                                        "meta": {"type": "object", "properties": {"total": {"type": "integer"}}},
                                    },
                                }
                            }
                        }
                    }
                },
            },
        },
        "/v1/orders/{id}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}}}},
        "/v1/customers/{id}/orders": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}}}}}},
        "/v1/ping": {"get": {"responses": {"200": {"description": "pong"}}}},
    },
}  # fmt: skip


def test_a_draft_reads_the_service_that_the_document_describes(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))
    output = tmp_path / "drafted.yaml"
    done = CliRunner().invoke(app, ["rest-from-openapi", str(file), "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["rest-from-openapi", str(file), "--output", str(output)]).exit_code == 2
    text = output.read_text()
    assert "#   /v1/customers/{id}/orders" in text, "what is left out is named"
    drafted = yaml.safe_load(text)
    assert drafted["url"] == "https://eu.example.com"
    assert drafted["authentication"] == {"kind": "bearer"}
    assert drafted["paging"] == {"kind": "offset", "offset": "skip", "limit": "take", "total": "meta.total"}
    entity = drafted["entities"]["orders"]
    assert entity["key"] == ["id"]
    assert entity["cursor"] == "updated_at"
    assert entity["fields"]["amounts_total"] == {"type": "number", "path": "amounts.total"}
    assert entity["fields"]["status"] == {"type": "text", "description": "How far it is.", "values": ["open", "paid"]}
    assert entity["fields"]["id"] == {"type": "integer", "required": True}
    assert entity["filters"] == {"status": {"=": "status"}, "day": {">=": "day_from"}}
    with Shop(120) as shop, Hub([_source(tmp_path, shop.url, text)]) as hub:
        result = hub.query("SELECT COUNT(*), SUM(amounts_total) FROM shop.orders WHERE status = 'paid'")
        paid = [r["amounts"]["total"] or 0 for r in shop.data["orders"] if r["status"] == "paid"]
        assert result.rows() == [(len(paid), pytest.approx(sum(paid)))]


def test_a_document_may_be_fetched_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    with JSONServer(
        lambda asked: Reply(json=DOCUMENT) if asked.path == "/openapi.json" else Reply(status=404)
    ) as server:
        assert "orders:" in draft(read_document(f"{server.url}/openapi.json"))
        with pytest.raises(ConfigError, match="404"):
            read_document(f"{server.url}/other")
    wrong = {"swagger": {"swagger": "2.0"}, "empty": {"openapi": "3.0.0", "paths": {}}, "list": []}
    for name, document in wrong.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(document))
        with pytest.raises(ConfigError):
            draft(read_document(str(file)))
    with pytest.raises(ConfigError, match="can't read"):
        read_document(str(tmp_path / "none.yaml"))
    loose = json.loads(json.dumps(DOCUMENT).replace("#/components/schemas/Base", "other.yaml#/Base"))
    with pytest.raises(ConfigError, match="bundle it first"):
        draft(loose)
