"""Secrets that change while a process runs: a source gets its new ones without a restart.

The environment file and every file that the configuration takes a text from are looked at once a second, by their time
and size, when something is asked; and at once where a source refuses the credentials that it has. If the settings of a
source are other ones then, a new connector takes the place of the old, which ends what it is reading. A new connector
that can't log in replaces nothing. Only settings of sources are taken up: everything else of a configuration needs a
restart.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwire.core import config as configuration
from groundwire.core import registry
from groundwire.core.config import Config
from groundwire.core.connector import Connector, Recalling
from groundwire.core.errors import AuthFailed, ConfigError, SourceError
from groundwire.core.secrets import environment_file

if TYPE_CHECKING:
    from groundwire.core.hub import Hub

log = logging.getLogger(__name__)

LOOKS = 1.0
"""Seconds between looks at the files."""
ENDS = 600.0
"""Seconds that a connector is left to those who still read with it."""

_Stamp = Mapping[Path, tuple[int, int, int] | None]


class Rotation:
    """What one hub's secrets were made of, and when that was last looked at. Safe to use from several threads.

    Args:
        hub: of no principal, made from a configuration file.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._stamp = self._stamped()
        self._old: list[tuple[float, Connector]] = []
        self._refused: dict[str, Mapping[str, Any]] = {}

    def look(self, *, now: bool = False) -> list[str]:
        """Take up what has changed; the sources that have new settings.

        Args:
            now: also where the files are as they were: a keyring and an environment have no time of change.
        """
        if not now and time.monotonic() - self._looked < LOOKS:
            return []
        if not self._lock.acquire(blocking=now):
            return []  # another thread is looking
        try:
            self._looked = time.monotonic()
            stamp = self._stamped()
            if not now and stamp == self._stamp:
                return []
            changed = self._taken_up()
            self._stamp = stamp
            return changed
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let go of the connectors that were replaced."""
        with self._lock:
            old, self._old = self._old, []
        for _, connector in old:
            connector.close()

    def _stamped(self) -> _Stamp:
        place = self._hub.config.place
        if place is None:
            return {}
        try:
            files = [environment_file(place), *configuration.secret_files(place)]
        except (OSError, ValueError):
            return {}
        return {file: _stat(file) for file in files}

    def _taken_up(self) -> list[str]:
        try:
            config = configuration.again(self._hub.config)
        except ConfigError as error:  # half written, or not there for a moment
            log.warning("the configuration can't be read again: %s", error)
            return []
        changed = []
        for name, source in config.sources.items():
            known = self._hub.config.sources.get(name)
            if known is None or known.type != source.type or known.settings == source.settings:
                continue
            if self._refused.get(name) == source.settings:
                continue  # refused once: sent again and again, it would lock the account
            try:
                self._replace(name, config)
                changed.append(name)
            except (ConfigError, SourceError) as error:
                if isinstance(error, ConfigError | AuthFailed):
                    self._refused[name] = source.settings
                log.warning("the new settings of %s are not taken up: %s", name, error)
        return changed

    def _replace(self, name: str, config: Config) -> None:
        """Put a connector with the new settings in the place of the old one."""
        hub, source = self._hub, config.sources[name]
        kind = registry.load(source.type, setting=f"sources.{name}.type")
        settings: Any = configuration.settings_of(kind.Settings, source.settings, setting=f"sources.{name}")
        old, new = hub.connectors[name], kind(name, settings)
        new.gate = old.gate
        if config.offline:
            from groundwire.core import outbound

            outbound.enforce(outbound.addresses(config, [new]))
        try:
            if isinstance(old, Recalling) and isinstance(new, Recalling):
                new.check()  # that it can log in
                new.recall(old.learned())
            else:
                new.discover()
        except BaseException:
            new.close()
            raise
        hub.replace_connector(new, source)
        log.info("%s has new settings", name)
        self._old = [(at, c) for at, c in self._old if not self._ended(at, c)] + [(time.monotonic(), old)]

    @staticmethod
    def _ended(at: float, connector: Connector) -> bool:
        if time.monotonic() - at < ENDS:
            return False
        connector.close()
        return True


def _stat(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
