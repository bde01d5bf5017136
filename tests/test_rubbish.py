"""Whatever stands in a configuration, a description or an OpenAPI document: it is used, or told as an error of a setting."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from rest_service import DESCRIPTION

from groundwire.connectors.rest import RestConnector, RestSettings
from groundwire.connectors.rest_description import _Loader
from groundwire.connectors.rest_openapi import draft, read_document
from groundwire.core import config
from groundwire.core.errors import ConfigError

ITEM = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}
LIST = {"type": "object", "properties": {"data": {"type": "array", "items": ITEM}, "total": {"type": "integer"}}}
GET = {
    "parameters": [{"name": n, "in": "query", "schema": {"type": "integer"}} for n in ("limit", "offset", "id")],
    "responses": {"200": {"content": {"application/json": {"schema": LIST}}}},
}
OPENAPI = {
    "openapi": "3.0.0",
    "servers": [{"url": "https://shop.example.com/v1"}],
    "components": {"securitySchemes": {"b": {"type": "http", "scheme": "bearer"}}},
    "paths": {"/orders": {"get": GET}},
}
CONFIG = {
    "sources": {"crm": {"type": "memory", "max_age": "5m", "entities": {"a": {"hide": ["x"], "synonyms": ["b"]}}}},
    "links": [{"from": "a.b.c", "to": "d.e.f", "name": "x", "reverse": "y"}],
    "cache": {"catalogs": "1h", "refresh_at": 0.5},
    "policy": {"principals": {"ada": {"roles": ["r"]}}, "roles": {"r": {"allow": ["*"], "masks": {"a.b.c": "hash"}}}},
}
TEXTS = (
    "\ud800",
    "\0",
    "{value}",
    "a\nb",
    "http://h:99999/x",
    "http://[",
    "1e9999",
    "decimal(99)",
    "decimal(-1)",
    "9" * 400,
)
RUBBISH = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(TEXTS),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def _read_description(given: Any, folder: Path) -> None:
    file = folder / "shop.yaml"
    file.write_text(json.dumps(given), encoding="utf-8")
    connector = RestConnector("shop", RestSettings(file=file, token=SecretStr("0123456789")))
    connector.discover()
    connector.place().encode()
    connector.close()


def _read_openapi(given: Any, folder: Path) -> None:
    file = folder / "openapi.json"
    file.write_text(json.dumps(given), encoding="utf-8")
    draft(read_document(str(file))).encode()


def _read_config(given: Any, folder: Path) -> None:
    if isinstance(given, dict):
        config.parse(given, base=folder, environment={})


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*place, key)
        yield from _places(value[key], (*place, key))


KINDS: dict[str, tuple[Any, Callable[[Any, Path], None]]] = {
    "description": (yaml.load(DESCRIPTION, _Loader), _read_description),
    "openapi": (OPENAPI, _read_openapi),
    "config": (CONFIG, _read_config),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_is_an_error_of_the_configuration(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole, read = KINDS[kind]
    folder, places = tmp_path_factory.mktemp("rubbish"), list(_places(whole))
    read(whole, folder)

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(places), RUBBISH)
    def one(place: tuple[Any, ...], rubbish: Any) -> None:
        spoiled = copy.deepcopy(whole)
        *steps, last = place
        inside = spoiled
        for step in steps:
            inside = inside[step]
        inside[last] = rubbish
        try:
            read(spoiled, folder)
        except ConfigError as error:
            str(error).encode()

    one()


def test_half_a_character_is_told_with_its_place(tmp_path: Path) -> None:
    spoiled = yaml.load(DESCRIPTION, _Loader)
    spoiled["entities"]["orders"]["path"] = "/v1/\ud800"
    with pytest.raises(ConfigError, match=r"entities\.orders\.path: a text holds half a character"):
        _read_description(spoiled, tmp_path)
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        config.parse({"sources": {"crm": {"type": {"env": "KIND"}}}}, base=tmp_path, environment={"KIND": "\udcff"})
    assert caught.value.setting == "sources.crm.type"
    with pytest.raises(ConfigError, match="half a character"):
        _read_openapi({**OPENAPI, "info": {"title": "\ud800"}}, tmp_path)
