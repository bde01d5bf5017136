"""What a tool of an MCP server is as an entity: by its schemas, and by what the configuration says beyond them.

A tool's output schema names the records' fields where it holds one list of objects; its input schema names what must be
given. How it filters, pages and counts no schema says: that is declared, in the words of the `rest` connector's
descriptions, with arguments in place of parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Setting

from groundwire.connectors.rest_description import (
    CursorPaging,
    FieldDescription,
    Fields,
    Filter,
    NoPaging,
    NumberPaging,
    OffsetPaging,
    RelationDescription,
    read_as,
)
from groundwire.core.connector import Operator

_PAGES = frozenset(
    """after cursor first last limit max_items max_results maxresults next_token num_results offset page page_number
    page_size page_token pagesize pagetoken per_page perpage size skip start starting_after take top""".split()  # noqa: SIM905
)
"""Names of arguments by which tools page: what such a tool gives may be a part, unless its pages are described."""

Schema = Mapping[str, Any]
"""A JSON Schema."""

_TEXTS = {"date-time": "datetime", "date": "date", "time": "time"}
_KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


Paging = OffsetPaging | NumberPaging | CursorPaging | NoPaging


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolDescription(_Part):
    """One entity, read by calling one tool.

    `tool` is its name. `records` leads to the list in its structured answer, `columns` to the names of the values where
    records are lists. `arguments` are sent with every call. `filters` says which argument asks for which comparison;
    arguments that the tool requires are `=` of their names anyway. `count`, `whole` and `as_of` lead to the number of
    matching records, to true where the answer is not a part, and to the moment at which it was true, if it tells them.
    """

    tool: str
    records: str | None = None
    columns: str | None = None
    fields: Fields = {}
    key: tuple[str, ...] = ()
    label: str = ""
    description: str = ""
    arguments: dict[str, Any] = {}
    filters: dict[str, dict[Operator, Filter]] = {}
    paging: Annotated[Paging, Setting(discriminator="kind")] | None = None
    count: str | None = None
    whole: str | None = None
    as_of: str | None = None
    relations: dict[str, RelationDescription] = {}

    @model_validator(mode="after")
    def _sends_one_value(self) -> Self:
        used: dict[str, str] = {}
        for name, operators in self.filters.items():
            for op, one in operators.items():
                where = f"filters.{name}.{op}"
                if op not in ("=", ">", ">=", "<", "<=", "like"):
                    raise ValueError(f"{where}: a tool is asked by one value: =, >, >=, <, <= or like")
                if one.is_constant:
                    raise ValueError(f"{where}: value must hold {{value}}")
                if op == "like" and one.pushdown == "exact":
                    raise ValueError(f"{where}: is loose at most")
                if used.setdefault(one.parameter, where) != where:
                    raise ValueError(f"{where}: the argument {one.parameter!r} is taken by {used[one.parameter]}")
        return self


class Descriptions(_Part):
    """A whole file: entities by their names."""

    entities: dict[str, ToolDescription] = Setting(min_length=1)


def load(file: Path, *, setting: str) -> dict[str, ToolDescription]:
    """Read a description in YAML.

    Raises:
        ConfigError: it can't be read, or says something that makes no sense; with the place.
    """
    return read_as(Descriptions, file, setting=setting).entities


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One entity with everything that is known of how it is read.

    Attributes:
        described: what the configuration says, filled up from the schemas; `records` is set.
        fields: of its records, and after them what must be given and is in no record.
        required: arguments that must be given, by the field that stands for each.
        echoed: those of them that no record holds: every record is given the value that was asked for.
        may_be_part: whether an answer may be a part without saying so.
    """

    described: ToolDescription
    fields: Mapping[str, FieldDescription]
    required: frozenset[str]
    echoed: frozenset[str]
    may_be_part: bool


def mount(
    described: ToolDescription, input_schema: Mapping[str, Any], output_schema: Mapping[str, Any] | None
) -> Mount:
    """An entity of a tool.

    Args:
        described: what the configuration says of it, or nothing but the tool's name.
        input_schema, output_schema: JSON Schemas, as the server gives them.

    Raises:
        ValueError: the schemas do not say what its records are, and nor does the description.
    """
    found = _records(output_schema) if output_schema else None
    records, fields = described.records, dict(described.fields)
    if records is None and found is not None:
        records = found[0]
    if not fields and found is not None and records == found[0]:
        fields = found[1]
    if records is None or not fields:
        raise ValueError(
            f"the schema of the tool {described.tool!r} does not say what its records are: describe records and fields"
        )
    inputs = input_schema.get("properties") or {}
    paging = described.paging
    paged = {v for v in vars(paging).values() if isinstance(v, str)} if paging is not None else set[str]()
    required = [a for a in input_schema.get("required") or () if a not in described.arguments and a not in paged]
    echoed = [name for name in required if name not in fields]
    for name in echoed:
        shape = _resolved(inputs.get(name) or {}, input_schema)
        about = str(shape.get("description") or "")
        fields[name] = FieldDescription(
            type=_type(shape), description=f"must be given: {about}" if about else "must be given", required=True
        )
    for place, names in {"key": described.key, "filters": tuple(described.filters)}.items():
        for name in names:
            if name not in fields:
                raise ValueError(f"{place}: no field is called {name!r}; there are {', '.join(fields)}")
    asked = {a.lower() for a in inputs if a not in described.arguments}
    return Mount(
        described=described.model_copy(update={"records": records}),
        fields=fields,
        required=frozenset(required),
        echoed=frozenset(echoed),
        may_be_part=paging is None and described.whole is None and bool(asked & _PAGES),
    )


def _records(schema: Mapping[str, Any]) -> tuple[str, dict[str, FieldDescription]] | None:
    """Where the one list of objects in an answer is, and their fields; None where there is none, or more than one."""
    found = list(_lists(_resolved(schema, schema), schema, (), 3))
    return found[0] if len(found) == 1 else None


def _lists(
    shape: Mapping[str, Any], root: Mapping[str, Any], path: tuple[str, ...], depth: int
) -> Iterator[tuple[str, dict[str, FieldDescription]]]:
    for name, inner in (shape.get("properties") or {}).items():
        part = _resolved(inner, root)
        if part.get("type") == "array":
            items = _resolved(part.get("items") or {}, root)
            if items.get("properties"):
                needed = frozenset(items.get("required") or ())
                yield ".".join((*path, name)), {n: _field(s, root, n in needed) for n, s in items["properties"].items()}
        elif depth and part.get("properties"):
            yield from _lists(part, root, (*path, name), depth - 1)


def _field(schema: Mapping[str, Any], root: Mapping[str, Any], is_required: bool) -> FieldDescription:
    shape = _resolved(schema, root)
    values = shape.get("enum") if shape.get("type") == "string" else None
    return FieldDescription(
        type=_type(shape),
        label=str(schema.get("title") or ""),
        description=str(schema.get("description") or ""),
        values=tuple(v for v in values or () if isinstance(v, str)),
        required=is_required and not _may_be_null(schema, root),
    )


def _type(shape: Mapping[str, Any]) -> str:
    kind = shape.get("type")
    if kind == "string":
        return _TEXTS.get(str(shape.get("format")), "text")
    return _KINDS.get(str(kind), "json")


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema is once its references are followed, and what it is where it is not null."""
    shape: Mapping[str, Any] = schema
    for _ in range(10):
        reference = shape.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            target: Any = root
            for part in reference[2:].split("/"):
                target = target.get(part, {}) if isinstance(target, Mapping) else {}
            shape = target if isinstance(target, Mapping) else {}
            continue
        several = shape.get("anyOf") or shape.get("oneOf")
        if isinstance(several, list):
            kinds = [s for s in several if isinstance(s, Mapping) and s.get("type") != "null"]
            if len(kinds) != 1:
                return {}
            shape = kinds[0]
            continue
        break
    kind = shape.get("type")
    if isinstance(kind, list):
        kinds = [k for k in kind if k != "null"]
        return {**shape, "type": kinds[0] if len(kinds) == 1 else None}
    return dict(shape)


def _may_be_null(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return "null" in kinds
    several = schema.get("anyOf") or schema.get("oneOf") or ()
    return any(isinstance(s, Mapping) and s.get("type") == "null" for s in several)
