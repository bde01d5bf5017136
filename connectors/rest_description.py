"""What a YAML file says of a JSON API: its entities, and how they are asked for.

Here is the form of the file and nothing else: what a wrong one is told is `ConfigError` with the place in the file.
Secrets do not belong into it; they are settings of the source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import pyarrow as pa
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic import Field as Setting

from groundwire.connectors.http_wire import Address
from groundwire.core.catalog import Entity, Field, Relation, near_names
from groundwire.core.connector import Operator
from groundwire.core.errors import ConfigError

TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "json": pa.string(),
}
"""Types by the names that a description uses; `decimal(2)` beside them, with its decimal places."""

_DECIMAL = re.compile(r"decimal\((\d|1\d)\)")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_type(name: Any) -> Any:
    if not isinstance(name, str) or (name not in TYPES and not _DECIMAL.fullmatch(name)):
        raise ValueError(f"write one of {', '.join(TYPES)} or, with its decimal places, decimal(2)")
    return name


TypeName = Annotated[str, BeforeValidator(_known_type)]


def _only_a_type(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def _only_a_parameter(value: Any) -> Any:
    return {"parameter": value} if isinstance(value, str) else value


class FieldDescription(_Part):
    """One field: `total: decimal(2)`, or with more to say of it.

    `path` leads to its value inside a record where that is not its name (`totals.gross`); `required` promises that it
    is never null; `format` of a datetime is `iso`, or the `epoch` in seconds or `epoch_ms`.
    """

    type: TypeName
    path: str | None = None
    label: str = ""
    description: str = ""
    values: tuple[str, ...] = ()
    required: bool = False
    format: Literal["iso", "epoch", "epoch_ms"] = "iso"

    @property
    def arrow(self) -> pa.DataType:
        """The type of its values."""
        match = _DECIMAL.fullmatch(self.type)
        if match is None:
            return TYPES[self.type]
        places = int(match[1])
        return pa.decimal128(18 if places <= 6 else 38, places)


Fields = dict[str, Annotated[FieldDescription, BeforeValidator(_only_a_type)]]
"""Fields by their names; one of which nothing but the type is to be said may be written as that."""


class FilterDescription(_Part):
    """How one comparison is asked for: `"=": status`, or with more to say of it.

    `value` is the text that is sent, with `{value}` in it (`"gte:{value}"`); `join` separates the values of a list.
    `like` sends the longest part of a pattern without wildcards: the API must find it anywhere, in any case.
    `pushdown` exact promises the very rows of SQL; loose that none is missing.
    """

    parameter: str
    value: str = "{value}"
    join: str | None = None
    pushdown: Literal["exact", "loose"] = "loose"

    @property
    def is_constant(self) -> bool:
        """Whether no value is sent."""
        return "{value}" not in self.value


Filter = Annotated[FilterDescription, BeforeValidator(_only_a_parameter)]


class SortDescription(_Part):
    """How an order is asked for: keys in one parameter, joined; only fields that are never null can be ordered by."""

    parameter: str
    fields: tuple[str, ...]
    ascending: str = "{field}"
    descending: str = "-{field}"
    join: str = ","


class RelationDescription(_Part):
    """A way to another entity: `{to: customers, on: {customer_id: id}}`; `many` where several relate."""

    to: str
    on: dict[str, str] = Setting(min_length=1)
    many: bool = False


class EntityDescription(_Part):
    """One kind of record.

    `path` is below the API's address; `records` leads to the list in an answer (empty: the answer is the list);
    `parameters` are sent with every request; `count` leads to the number of matching records in an answer, or is
    `header:NAME`. `absent: null` reads a field that a record leaves out as null.
    """

    path: str
    records: str = ""
    label: str = ""
    description: str = ""
    fields: Fields = Setting(min_length=1)
    key: tuple[str, ...] = ()
    cursor: str | None = None
    parameters: dict[str, str] = {}
    filters: dict[str, dict[Operator, Filter]] = {}
    sort: SortDescription | None = None
    count: str | None = None
    relations: dict[str, RelationDescription] = {}
    absent: Literal["error", "null"] | None = "error"

    @model_validator(mode="after")
    def _names_fields_that_exist(self) -> Self:
        named = {"key": self.key, "cursor": (self.cursor,) if self.cursor else (), "filters": tuple(self.filters)}
        named["sort.fields"] = self.sort.fields if self.sort else ()
        named |= {f"relations.{n}.on": tuple(r.on) for n, r in self.relations.items()}
        for place, names in named.items():
            for name in names:
                if name not in self.fields:
                    raise ValueError(f"{place}: no field is called {name!r}{_near(name, self.fields)}")
        return self

    @model_validator(mode="after")
    def _orders_by_what_is_never_null(self) -> Self:
        for name in self.sort.fields if self.sort else ():
            if not self.fields[name].required:
                raise ValueError(f"sort.fields: {name!r} must be required: where nulls would stand is not known")
        return self

    @model_validator(mode="after")
    def _filters_can_be_kept(self) -> Self:
        """One parameter holds one comparison, so what two comparisons of a field mean must fit into one."""
        used: dict[str, tuple[str, Operator]] = {}
        for name, operators in self.filters.items():
            for op, one in operators.items():
                where = f"filters.{name}.{op}"
                if op in ("!=", "not in", "like") and one.pushdown == "exact":
                    raise ValueError(f"{where}: is loose at most: two of them can't be asked for at once")
                if op in ("in", "not in") and one.join is None:
                    raise ValueError(f"{where}: needs join, the text between values")
                if op in ("is null", "is not null") and not one.is_constant:
                    raise ValueError(f"{where}: needs a value without {{value}}, there is none to send")
                if op not in ("is null", "is not null") and one.is_constant:
                    raise ValueError(f"{where}: value must hold {{value}}")
                owner = used.setdefault(one.parameter, (name, op))
                if owner != (name, op) and (owner[0] != name or not {owner[1], op} <= _SHARE):
                    other = f"filters.{owner[0]}.{owner[1]}"
                    raise ValueError(f"{where}: the parameter {one.parameter!r} is taken by {other}")
        return self


_SHARE = {"=", "in", "is null", "is not null"}
"""Comparisons that may share a parameter, since at most one of them is ever sent."""


class _CountedPaging(_Part):
    """Pages are read until one is empty, since a server may give fewer records than asked for on any page.

    One request is saved where an answer tells how many there are, or where `short_page_ends` promises that only the
    last page holds fewer.
    """

    short_page_ends: bool = False


class OffsetPaging(_CountedPaging):
    """`?skip=200&limit=100`; `total` leads to the number of records where an answer tells it."""

    kind: Literal["offset"]
    offset: str = "offset"
    limit: str = "limit"
    size: int = Setting(default=100, ge=1)
    total: str | None = None


class NumberPaging(_CountedPaging):
    """`?page=3&per_page=100`, numbered from `first`; `last` leads to the number of pages where an answer tells it."""

    kind: Literal["page"]
    page: str = "page"
    limit: str | None = "per_page"
    size: int = Setting(default=100, ge=1)
    first: int = 1
    last: str | None = None


class CursorPaging(_Part):
    """`?cursor=abc`, where `next` leads to the token of the next page in an answer."""

    kind: Literal["cursor"]
    cursor: str = "cursor"
    next: str
    limit: str | None = None
    size: int = Setting(default=100, ge=1)


class LinkPaging(_Part):
    """`next` leads to the next page's address in an answer; without it the `Link` header does (RFC 8288)."""

    kind: Literal["link"]
    next: str | None = None
    limit: str | None = None
    size: int = Setting(default=100, ge=1)


class NoPaging(_Part):
    """Every answer is whole."""

    kind: Literal["none"] = "none"


Paging = OffsetPaging | NumberPaging | CursorPaging | LinkPaging | NoPaging


class Authentication(_Part):
    """How requests are proved; the secrets are settings of the source.

    `bearer` and `header` and `query` send `token` (in the header or parameter `name`), `basic` sends `username` and
    `password`, `oauth` fetches tokens at `token_url` for `client_id` and `client_secret` (RFC 6749, section 4.4).
    """

    kind: Literal["none", "bearer", "basic", "header", "query", "oauth"] = "none"
    name: str = "X-API-Key"
    prefix: str = ""
    token_url: Address | None = None
    scope: str | None = None

    @model_validator(mode="after")
    def _knows_where(self) -> Self:
        if (self.kind == "oauth") is not (self.token_url is not None):
            raise ValueError("token_url belongs to oauth, and oauth needs it")
        return self


class Description(_Part):
    """A whole API. `rate` such as 10/s is what its vendor allows; `headers` are sent with every request."""

    url: Address
    authentication: Authentication = Authentication()
    paging: Annotated[Paging, Setting(discriminator="kind")] = NoPaging()
    headers: dict[str, str] = {}
    rate: str | None = None
    longest_list: int = Setting(default=50, ge=1)
    check: str | None = None
    entities: dict[str, EntityDescription] = Setting(min_length=1)

    @model_validator(mode="after")
    def _relations_lead_somewhere(self) -> Self:
        for name, entity in self.entities.items():
            for relation, there in entity.relations.items():
                where = f"entities.{name}.relations.{relation}"
                if there.to not in self.entities:
                    raise ValueError(f"{where}: no entity is called {there.to!r}{_near(there.to, self.entities)}")
                for field in there.on.values():
                    if field not in self.entities[there.to].fields:
                        raise ValueError(f"{where}: {there.to!r} has no field {field!r}")
        return self


def _near(name: str, names: Mapping[str, Any]) -> str:
    near = near_names(name, names, 3)
    return f"; did you mean {', '.join(near)}?" if near else ""


class _Loader(yaml.SafeLoader):
    """YAML as its version 1.2 reads it: `on`, `no`, `=` and days are texts, only true and false are booleans."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own, replaced
        first: [
            (tag, pattern) for tag, pattern in known if tag.rpartition(":")[2] not in ("bool", "value", "timestamp")
        ]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


def described_entity(
    source: str,
    name: str,
    fields: Mapping[str, FieldDescription],
    relations: Mapping[str, RelationDescription],
    *,
    key: tuple[str, ...],
    cursor: str | None = None,
    label: str,
    description: str,
) -> Entity:
    """An entity as a file describes it.

    Args:
        source, name: of the entity.
        fields: of its records, by their names.
        relations: to other entities of the source.
        key, cursor, label, description: as `Entity` has them.
    """
    return Entity(
        source=source,
        name=name,
        fields=tuple(
            Field(
                name=n,
                type=f.arrow,
                label=f.label,
                description=f.description,
                values=f.values,
                nullable=not f.required and n not in key,
            )
            for n, f in fields.items()
        ),
        primary_key=key,
        cursor=cursor,
        relations=tuple(
            Relation(name=n, target=f"{source}.{r.to}", on=tuple(r.on.items()), many=r.many)
            for n, r in relations.items()
        ),
        label=label,
        description=description,
    )


def load(file: Path, *, setting: str) -> Description:
    """Read a description; arguments and errors are those of `read_as`."""
    return read_as(Description, file, setting=setting)


_Kind = TypeVar("_Kind", bound=BaseModel)


def read_as(kind: type[_Kind], file: Path, *, setting: str) -> _Kind:
    """Read a file that describes a source.

    Args:
        kind: the model of the whole file.
        file: YAML.
        setting: dotted name of the setting that names the file, for the error.

    Raises:
        ConfigError: the file can't be read, or says something that makes no sense; with the place.
    """
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigError(f"can't read {file}: {error.strerror}", setting=setting) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8", setting=setting) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it can't be parsed"
        raise ConfigError(f"{file}{where}: no YAML: {problem}", setting=setting) from None
    except RecursionError:
        raise ConfigError(f"{file}: nested too deeply", setting=setting) from None
    if (place := _unwritable(found)) is not None:
        where = ascii(place)[1:-1]
        raise ConfigError(f"{file}: {where}: a text holds half a character (a lone surrogate)", setting=setting)
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise ConfigError(f"{file}: {_said(error)}", setting=setting) from None


def _unwritable(value: Any, place: str = "") -> str | None:
    """Where a text is that can't be written as UTF-8; None where all can."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return place
        return None
    if isinstance(value, Mapping):
        parts = [(f"{place}.{k}".lstrip("."), part) for k, v in value.items() for part in (k, v)]
    else:
        parts = [(f"{place}.{i}", v) for i, v in enumerate(value)] if isinstance(value, list) else []
    return next((found for p, v in parts if (found := _unwritable(v, p)) is not None), None)


def _said(error: ValidationError) -> str:
    """The first problem with its place in the file."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(p) for p in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "there is no such key"
    elif first["type"] == "missing":
        message = "this key is required"
    more = error.error_count() - 1
    return (f"{where}: " if where else "") + message + (f" (and {more} more)" if more else "")
