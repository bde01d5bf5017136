"""Where secrets are kept beside a configuration that only names them: an environment file, or the system's keyring.

`groundwire.toml` has `groundwire.env` beside it: one `NAME='value'` a line, as shells read it. The process's own
environment comes first. In a keyring (Keychain, Credential Locker, Secret Service, by the package `keyring`) secrets
are kept under the service `groundwire` and their name.
"""

from __future__ import annotations

import importlib
import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundwire.core.errors import ConfigError

SERVICE = "groundwire"
"""Under which the keyring keeps them."""
ENDING = ".env"


def environment_file(config: Path) -> Path:
    """The environment file of a configuration: `groundwire.env` of `groundwire.toml`."""
    return config.with_suffix(ENDING)


def read_environment(config: Path) -> dict[str, str]:
    """What the environment file of a configuration holds; nothing where there is none.

    Raises:
        ConfigError: others may read it, or a line is no `NAME='value'`.
    """
    file = environment_file(config)
    try:
        with file.open(encoding="utf-8") as lines:
            if os.name == "posix" and stat.S_IMODE(os.fstat(lines.fileno()).st_mode) & 0o007:
                raise ConfigError(f"others may read {file}; run: chmod 600 {shlex.quote(str(file))}")
            return dict(found for n, line in enumerate(lines, 1) if (found := _line(line, f"{file}, line {n}")))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"can't read {file}: {reason}") from None


def _line(line: str, where: str) -> tuple[str, str] | None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        raise ConfigError(f"{where}: a quote is not closed") from None
    words = words[1:] if words[:1] == ["export"] else words
    if not words:
        return None
    name, equals, value = words[0].partition("=")
    if len(words) != 1 or not equals or not name.isidentifier():
        raise ConfigError(f"{where}: write NAME='value'")
    return name, value


def write_environment(config: Path, values: Mapping[str, str]) -> Path:
    """Keep secrets in the environment file, beside those that it holds, for this user alone (mode 0600).

    Raises:
        ConfigError: it can't be written.
    """
    file = environment_file(config)
    merged = {**read_environment(config), **values}
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.writelines(f"{name}={shlex.quote(value)}\n" for name, value in merged.items())
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"can't write {file}: {error.strerror}") from None
    return file


def keyring() -> Any | None:
    """The keyring's module, None where it is not installed or this machine has no place for secrets."""
    try:
        module = importlib.import_module("keyring")
        return module if module.get_keyring().priority > 0 else None
    except Exception:  # noqa: BLE001
        return None  # keyrings of desktops fail in many ways where there is no desktop


def read_keyring(name: str) -> str | None:
    """A secret from the keyring, None where it has none of this name."""
    module = keyring()
    if module is None:
        raise ConfigError("there is no keyring here; run: pip install keyring")
    found: str | None = module.get_password(SERVICE, name)
    return found


def write_keyring(values: Mapping[str, str]) -> None:
    """Keep secrets in the keyring.

    Raises:
        ConfigError: there is none, or it refuses.
    """
    module = keyring()
    if module is None:
        raise ConfigError("there is no keyring here; run: pip install keyring")
    try:
        for name, value in values.items():
            module.set_password(SERVICE, name, value)
    except Exception as error:  # noqa: BLE001 - each keyring has errors of its own
        raise ConfigError(f"the keyring refuses: {type(error).__name__}") from None
