"""A package for a new connector, written from the one in `connectors/new-connector`.

That package is whole: it is installed, passes the conformance kit and its own lint as it stands. Only names change
on the way, so what is tested there is true of every copy.
"""

from __future__ import annotations

import keyword
import re
from importlib import resources
from pathlib import Path

from groundwire.core import registry
from groundwire.core.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 24
_IGNORED = {"__pycache__", ".pytest_cache", ".ruff_cache"}


def write_package(name: str, folder: Path) -> list[Path]:
    """Write the package for connectors of this type.

    Args:
        name: as it will stand in `type = "..."`: small letters, digits and underscores.
        folder: where; must not hold anything yet.

    Returns:
        The files.

    Raises:
        ConfigError: the name is taken or no name, or the folder is not empty or can't be written.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > _LONGEST:
        raise ConfigError(f"{name!r} is no name for a connector: at most {_LONGEST} of a-z, 0-9 and _, a letter first")
    if name in registry.kinds():
        raise ConfigError(f"there is a connector {name!r} already: `groundwire connectors` lists all")
    template = Path(str(resources.files("groundwire.connectors"))) / "new-connector"
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty")
        return [_copied(file, template, folder, name) for file in _files(template)]
    except OSError as error:
        raise ConfigError(f"{folder} can't be written: {error.strerror}") from None


def package_name(name: str) -> str:
    """What the distribution for a type is called."""
    return f"groundwire-{name.replace('_', '-')}"


def _files(template: Path) -> list[Path]:
    return sorted(f for f in template.rglob("*") if f.is_file() and not _IGNORED & set(f.parts))


def _copied(file: Path, template: Path, folder: Path, name: str) -> Path:
    target = folder / _renamed(str(file.relative_to(template)), name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_renamed(file.read_text(encoding="utf-8"), name), encoding="utf-8")
    return target


def _renamed(text: str, name: str) -> str:
    text = text.replace("groundwire-acme", package_name(name))
    camel = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("Acme", camel).replace("acme", name).replace("ACME", name.upper())
