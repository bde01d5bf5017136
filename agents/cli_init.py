"""`groundwire init`, a first configuration by question and answer, and `groundwire suggest-links`.

Settings that are asked for are those that a connector declares; each source is connected to as soon as it is
described, and its entities are shown. Secrets never go into the configuration: it names them, and they are kept in the
environment file beside it or in the system's keyring. Files are written at the very end, or not at all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.table import Table
from rich.text import Text

from groundwire.agents.asking import Asker
from groundwire.agents.cli import ConfigOption, JsonOption, app, err, open_hub, out, print_json
from groundwire.agents.terminal import watched
from groundwire.core import config as configuration
from groundwire.core import registry, secrets
from groundwire.core.catalog import near_names
from groundwire.core.config import DEFAULT_NAME, PATH_VARIABLE, Config
from groundwire.core.connector import Connector
from groundwire.core.errors import ConfigError, SourceError
from groundwire.core.hub import Hub
from groundwire.core.suggest import Suggestion, suggest_links

_NOT_CONNECTED = {"memory", "replica"}
"""Types that reach no system of a company."""
_SHOWN = 12
Plain = str | int | float | bool | list[Any]


@dataclass(kw_only=True)
class _Source:
    """A source as it was described.

    Attributes:
        given: its settings, secrets as the names of variables that hold them.
        hidden: those secrets by variable.
    """

    name: str
    kind: str
    given: dict[str, Plain] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)

    def section(self) -> dict[str, Any]:
        return {"type": self.kind, **self.given}


@app.command("suggest-links")
def suggest_links_command(
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(min=1, help="Read samples for so long at most.")] = 60.0,
    json_: JsonOption = False,
) -> None:
    """Print links between systems for the configuration, with their evidence."""
    with open_hub(config) as hub:
        found = _suggested(hub, seconds)
        if json_:
            print_json([s.to_dict() for s in found])
            return
        for suggestion in found:
            out.print(Text(suggestion.to_toml()))
        if not found:
            err.print(Text("no values of one system are found in another"))


@app.command("init")
def init(config: ConfigOption = None) -> None:
    """Write a first configuration: systems, their settings, secrets, and links between them."""
    file = config or Path(os.environ.get(PATH_VARIABLE) or DEFAULT_NAME)
    if file.exists():
        raise ConfigError(f"{file} exists already and is not overwritten; name another with --config")
    if not file.parent.is_dir():
        raise ConfigError(f"there is no folder {file.parent}")
    asker = Asker(err)
    sources: dict[str, _Source] = {}
    while True:
        kind = _asked_kind(asker, first=not sources)
        if not kind:
            break
        source = _Source(name=_asked_name(asker, kind, sources), kind=kind)
        if _described(asker, source, file):
            sources[source.name] = source
    if not sources:
        asker.say("nothing to write")
        return
    links = _accepted(asker, sources, file) if len(sources) > 1 else []
    hidden = {name: value for s in sources.values() for name, value in s.hidden.items()}
    keyring = bool(hidden) and secrets.keyring() is not None
    if keyring:
        keyring = (
            asker.choice("keep secrets in the system's keyring or in a file", ("keyring", "file"), "keyring")
            == "keyring"
        )
    text = _toml(sources.values(), links, in_keyring=set(hidden) if keyring else set())
    _write(asker, file, text, hidden, in_keyring=keyring)


# -- a source --------------------------------------------------------------------------------


def _asked_kind(asker: Asker, *, first: bool) -> str:
    """A type of connector; empty when there are enough sources."""
    kinds = {n: k for n, k in registry.kinds().items() if n not in _NOT_CONNECTED}
    if first:
        table = Table("", "type", "reaches")
        for number, (name, kind) in enumerate(kinds.items(), 1):
            table.add_row(str(number), name, Text(kind.summary or kind.package))
        err.print(table)

    def check(answer: str) -> str:
        if answer.isdigit() and 1 <= int(answer) <= len(kinds):
            return list(kinds)[int(answer) - 1]
        if answer and answer not in kinds:
            raise ConfigError(f"no such type; did you mean {', '.join(near_names(answer, kinds) or kinds)}?")
        if answer:
            registry.load(answer, setting="type")
        return answer

    return asker.checked("system to connect: number or type" + ("" if first else ", nothing to go on"), check)


def _asked_name(asker: Asker, kind: str, taken: Mapping[str, _Source]) -> str:
    """What the source will be called in questions and queries."""
    default = next(n for n in (kind, *(f"{kind}_{i}" for i in range(2, 99))) if n not in taken)

    def check(answer: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", answer):
            raise ConfigError("a source's name is letters, digits and underscores")
        if answer in taken:
            raise ConfigError(f"there is a source {answer!r} already")
        return answer

    return asker.checked("its name in queries, such as crm or erp", check, default)


def _described(asker: Asker, source: _Source, file: Path) -> bool:
    """Ask for settings until the source answers, or until it is kept or dropped as it is."""
    loaded = registry.load(source.kind, setting=f"sources.{source.name}.type")
    for name, info in loaded.Settings.model_fields.items():
        if info.is_required():
            _ask_setting(asker, source, name, info)
    _ask_more(asker, source, loaded)
    while True:
        try:
            hub = Hub.from_parsed(_parsed([source], [], file))
        except ConfigError as error:
            asker.say(str(error), "red")
        else:
            with hub:
                if _connects(asker, hub):
                    return True
            what = asker.choice("change a setting, keep it as it is, or drop it", ("change", "keep", "drop"), "change")
            if what != "change":
                return what == "keep"
        _ask_one(asker, source, loaded)


def _connects(asker: Asker, hub: Hub) -> bool:
    """Log in, and show what there is."""
    (state,) = watched(err, "connecting", lambda tell, stop: hub.check())
    if not state.ok:
        asker.say(state.message, "red")
        return False
    try:
        catalog = watched(err, "reading the catalog", lambda tell, stop: hub.catalog)
    except (SourceError, ConfigError) as error:
        asker.say(str(error), "red")
        return False
    asker.say(f"connected: {state.message}", "green")
    for entity in list(catalog)[:_SHOWN]:
        size = "" if entity.rows is None else f", about {entity.rows:,} records"
        asker.say(f"  {entity.full_name}: {len(entity.fields)} fields{size}")
    if len(catalog) > _SHOWN:
        asker.say(f"  and {len(catalog) - _SHOWN} more")
    return True


def _ask_more(asker: Asker, source: _Source, loaded: type[Connector]) -> None:
    """Settings that have defaults, by name."""
    optional = [n for n, f in loaded.Settings.model_fields.items() if not f.is_required()]
    if optional:
        asker.say(f"more settings: {', '.join(optional)}")
        while _ask_one(asker, source, loaded):
            pass


def _ask_one(asker: Asker, source: _Source, loaded: type[Connector]) -> bool:
    """Name and value of one setting; False if none was named."""
    known = loaded.Settings.model_fields

    def check(answer: str) -> str:
        if answer and answer not in known:
            near = near_names(answer, known) or sorted(known)
            raise ConfigError(f"no such setting; did you mean {', '.join(near)}?")
        return answer

    name = asker.checked("setting to write, nothing to go on", check)
    if name:
        _ask_setting(asker, source, name, known[name])
    return bool(name)


def _ask_setting(asker: Asker, source: _Source, name: str, info: FieldInfo) -> None:
    secret = _is_secret(info.annotation)
    required: Callable[[str], str] = _not_empty if info.is_required() else str
    variable = f"{source.name}_{name}".upper()
    answer = asker.checked(name + (", a secret" if secret else ""), required, secret=secret)
    if not answer:
        source.given.pop(name, None)
        source.hidden.pop(variable, None)
    elif secret:
        source.given[name] = f"${{{variable}}}"
        source.hidden[variable] = answer
    else:
        source.given[name] = _value(answer, info.annotation)


def _not_empty(answer: str) -> str:
    if not answer:
        raise ConfigError("this setting is required")
    return answer


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(a) for a in get_args(annotation))


def _value(answer: str, annotation: Any) -> Plain:
    """An answer as TOML has it: lists are written with commas."""
    if annotation is bool:
        return {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}.get(
            answer.lower(), answer
        )
    if annotation in (int, float) and re.fullmatch(r"-?\d+(\.\d+)?", answer):
        return float(answer) if "." in answer else int(answer)
    if get_origin(annotation) in (tuple, list):
        inner = get_args(annotation)[0]
        return [_value(part.strip(), inner) for part in answer.split(",") if part.strip()]
    return next((v for a in get_args(annotation) if not isinstance(v := _value(answer, a), str)), answer)


# -- links -----------------------------------------------------------------------------------


def _accepted(asker: Asker, sources: Mapping[str, _Source], file: Path) -> list[Suggestion]:
    """Links that the person knows to be true."""
    try:
        with Hub.from_parsed(_parsed(sources.values(), [], file)) as hub:
            found = _suggested(hub, 60.0)
    except SourceError as error:  # one that was kept though it does not answer
        asker.say(f"links can't be looked for: {error}", "yellow")
        return []
    if not found:
        asker.say("no values of one system are found in another: no links to suggest")
    accepted = []
    for s in found:
        shown = s.to_dict()
        asker.say(f"{shown['from']} -> {shown['to']}")
        asker.say(f"  {s.evidence}")
        if asker.yes("link them?", default=False):
            accepted.append(s)
    return accepted


def _suggested(hub: Hub, seconds: float) -> list[Suggestion]:
    catalog = watched(err, "reading catalogs", lambda tell, stop: hub.catalog)
    return watched(
        err,
        "looking for links",
        lambda tell, stop: suggest_links(
            catalog, hub.connectors, seconds=seconds, tell=lambda line: tell("step", line)
        ),
    )


# -- files -----------------------------------------------------------------------------------


def _parsed(sources: Any, links: list[Suggestion], file: Path) -> Config:
    """The configuration as it would be read, before it is written."""
    known = {**secrets.read_environment(file), **os.environ}
    raw: dict[str, Any] = {"sources": {}}
    for source in sources:
        known |= source.hidden
        raw["sources"][source.name] = source.section()
    return configuration.parse(raw, base=file.parent, environment=known)


def _toml(sources: Any, links: list[Suggestion], *, in_keyring: set[str]) -> str:
    lines = ["# written by groundwire init; all settings: groundwire connectors TYPE"]
    for source in sources:
        lines += ["", f"[sources.{source.name}]"]
        for name, value in source.section().items():
            variable = value[2:-1] if isinstance(value, str) and value[2:-1] in source.hidden else ""
            shown = f"{{ keyring = {json.dumps(variable)} }}" if variable in in_keyring else _shown(value)
            lines.append(f"{name} = {shown}")
    return "\n".join([*lines, ""]) + "".join(f"\n{s.to_toml()}" for s in links)


def _shown(value: Plain) -> str:
    """A value in TOML, whose strings are JSON's but for one sign."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(asker: Asker, file: Path, text: str, hidden: Mapping[str, str], *, in_keyring: bool) -> None:
    if in_keyring:
        secrets.write_keyring(hidden)
        asker.say(f"{len(hidden)} secrets are in the keyring, under {secrets.SERVICE}")
    elif hidden:
        kept = secrets.write_environment(file, hidden)
        asker.say(f"{len(hidden)} secrets are in {kept}, which only you may read: keep it out of version control")
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(text)
    except OSError as error:
        raise ConfigError(f"can't write {file}: {error.strerror}") from None
    out.print(Text(str(file)))
    asker.say("next: groundwire check, groundwire chat")
