"""Commands around connectors: `connectors` lists what is installed, `new-connector` begins one of your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic_core import PydanticUndefined
from rich.table import Table
from rich.text import Text

from groundwire.agents.cli import JsonOption, app, err, out, print_json
from groundwire.agents.new_connector import package_name, write_package
from groundwire.core import registry
from groundwire.core.catalog import near_names
from groundwire.core.connector import (
    ChangeEvents,
    Checksums,
    Connector,
    Deletions,
    Profiling,
    QueryPushdown,
    SourceClock,
)
from groundwire.core.errors import ConfigError
from groundwire.core.registry import Kind

_OPTIONAL: dict[str, Any] = {
    "whole queries": QueryPushdown,
    "deletions": Deletions,
    "change events": ChangeEvents,
    "its own clock": SourceClock,
    "checksums": Checksums,
    "profiles": Profiling,
}


@dataclass(frozen=True, kw_only=True)
class _Installed:
    """A type, its class where it can be loaded, and why it can't be where not."""

    kind: Kind
    loaded: type[Connector] | None
    problem: str = ""

    @classmethod
    def of(cls, kind: Kind) -> _Installed:
        try:
            return cls(kind=kind, loaded=registry.load_kind(kind))
        except ConfigError as error:
            return cls(kind=kind, loaded=None, problem=str(error))

    @property
    def version(self) -> str:
        return self.kind.version or version(self.kind.package)

    @property
    def advice(self) -> str:
        """What to install, empty where nothing is missing."""
        missing = self.kind.missing
        if missing:
            return f"pip install '{self.kind.package}[{','.join(missing)}]'"
        return "" if self.loaded else self.kind.install

    @property
    def abilities(self) -> list[str]:
        """What the class declares; a source may do more or less once it is known."""
        if self.loaded is None:
            return []
        can = self.loaded.capabilities
        found = [name for name, protocol in _OPTIONAL.items() if issubclass(self.loaded, protocol)]
        found += [f"paths of {can.paths}"] if can.paths else []
        found += [n for n, able in (("or/not", can.boolean), ("order", can.order), ("limit", can.limit)) if able]
        found += sorted(can.aggregates)
        return found + (["groups"] if can.group_by else [])

    @property
    def settings(self) -> list[dict[str, Any]]:
        """Name, type, default (absent where the setting is required) of each."""
        if self.loaded is None:
            return []
        shown = []
        for name, field in self.loaded.Settings.model_fields.items():
            one: dict[str, Any] = {"name": name, "type": _type_name(field.annotation), "required": field.is_required()}
            if not field.is_required() and field.default is not PydanticUndefined and field.default is not None:
                one["default"] = _plain(field.default)
            shown.append(one)
        return shown

    def to_dict(self) -> dict[str, Any]:
        """All of it, for scripts."""
        return {
            "type": self.kind.name,
            "package": self.kind.package,
            "version": self.version,
            "class": self.kind.target,
            "summary": registry.summary_of(self.kind, self.loaded),
            "ok": self.loaded is not None,
            "problem": self.problem or None,
            "install": self.advice or None,
            "capabilities": self.abilities,
            "settings": self.settings,
        }


@app.command("connectors")
def connectors(
    name: Annotated[str | None, typer.Argument(help="One type, with its settings.")] = None,
    json_: JsonOption = False,
) -> None:
    """List the types of sources that are installed, what they can, and what to install for the rest."""
    known = registry.kinds()
    if name is not None and name not in known:
        near = near_names(name, known) or sorted(known)
        raise ConfigError(f"unknown connector type {name!r}; known: {', '.join(near)}")
    found = [_Installed.of(kind) for kind in ([known[name]] if name else known.values())]
    if json_:
        print_json([one.to_dict() for one in found])
    elif name is not None:
        _show_one(found[0])
    else:
        _show_all(found)
    for kind, packages in registry.disputed().items():
        taken = "is built in" if kind in registry.BUILT_IN else "can't be used while several offer it"
        err.print(Text(f"{' and '.join(packages)} offer {kind!r}, which {taken}", style="yellow"))


def _show_all(found: list[_Installed]) -> None:
    table = Table("type", "from", "reaches", "beside filters", "to install")
    for one in found:
        whence = f"{one.kind.package} {one.version}"
        reaches = registry.summary_of(one.kind, one.loaded) or one.problem
        table.add_row(one.kind.name, whence, Text(reaches), Text(", ".join(one.abilities)), Text(one.advice))
    out.print(table)


def _show_one(one: _Installed) -> None:
    out.print(Text(f"{one.kind.name}: {registry.summary_of(one.kind, one.loaded)}"))
    out.print(Text(f"{one.kind.package} {one.version}, {one.kind.target}"))
    if one.problem:
        out.print(Text(one.problem, style="red"))
    if one.abilities:
        out.print(Text(f"beside filters: {', '.join(one.abilities)}"))
    if one.advice:
        out.print(Text(f"to install: {one.advice}"))
    table = Table("setting", "type", "default")
    for setting in one.settings:
        default = "required" if setting["required"] else str(setting.get("default", ""))
        table.add_row(setting["name"], Text(setting["type"]), Text(default))
    out.print(table)


@app.command("new-connector")
def new_connector(
    name: Annotated[str, typer.Argument(help='What will stand in `type = "..."`, such as acme.')],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; ./groundwire-NAME without it.")] = None,
) -> None:
    """Write a package for a connector of your own: installable, with an entry point, and proven by the kit."""
    where = folder or Path(package_name(name))
    for file in write_package(name, where):
        out.print(Text(str(file)))
    err.print(Text(f"next: cd {where} && pip install -e '.[test]' && pytest"))


_TYPES = {"SecretStr": "secret", "str": "text", "Path": "path", "bool": "boolean", "int": "integer", "float": "number"}


def _type_name(annotation: Any) -> str:
    """A setting's type as people would say it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(parts[0])
    if origin is Literal:
        return " or ".join(map(str, parts))
    if origin in (tuple, list):
        return f"list of {_type_name(parts[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of {_type_name(parts[1])}"
    if parts:
        return " or ".join(_type_name(p) for p in parts if p is not type(None))
    return _TYPES.get(getattr(annotation, "__name__", ""), str(getattr(annotation, "__name__", annotation)))


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else str(value) if not isinstance(value, tuple) else [*value]
