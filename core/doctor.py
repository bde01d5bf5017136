"""What an installation is, as a security officer asks: where it connects, who can read its files, its versions.

It looks at the configuration and at files, and contacts nothing.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from groundwire.core import config as configuration
from groundwire.core.audit_record import recorder_of
from groundwire.core.errors import AuditFailed
from groundwire.core.hub import Hub
from groundwire.core.outbound import Address, addresses
from groundwire.core.replica import replica_url
from groundwire.core.store import FILE

_PACKAGES = ("groundwire", "duckdb", "pyarrow", "sqlglot", "sqlalchemy", "httpx", "langchain", "llama-cpp-python")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `level` is how it is, `mend` what would make it better."""

    level: Literal["ok", "warning", "problem"]
    topic: str
    text: str
    mend: str = ""


def examined(hub: Hub) -> list[Finding]:
    """Everything about an installation that can be known without contacting anything.

    Args:
        hub: as it is configured.
    """
    return [
        *_versions(),
        *_outbound(hub),
        *_files(hub),
        *_rights(hub),
        *_trail(hub),
    ]


def _versions() -> Iterator[Finding]:
    told = [f"Python {sys.version.split()[0]}"]
    for name in _PACKAGES:
        try:
            told.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    yield Finding(level="ok", topic="versions", text=", ".join(told))


def _outbound(hub: Hub) -> Iterator[Finding]:
    for address in addresses(hub.config, hub.connectors.values()):
        yield _address(address)
    name = hub.config.model.name
    if ":" in name and not name.endswith(".gguf"):
        text = f"questions and results are sent to the model {name}"
        yield Finding(level="warning", topic="outbound", text=text, mend="a local model keeps them on this machine")
    if hub.config.offline:
        yield Finding(level="ok", topic="outbound", text="connections to anywhere else are refused (offline = true)")
    else:
        text = "connections to anywhere else are not refused in this process"
        yield Finding(level="warning", topic="outbound", text=text, mend="set offline = true")


def _address(address: Address) -> Finding:
    text = f"{address.purpose}: {address}"
    if address.encrypted is False and address.host not in _LOOPBACK:
        return Finding(
            level="problem", topic="outbound", text=f"{text}, not encrypted", mend="use https, rediss or amqps"
        )
    return Finding(level="ok", topic="outbound", text=text + (", encrypted" if address.encrypted else ""))


def _files(hub: Hub) -> Iterator[Finding]:
    """Who else on this machine can read or write what belongs to the installation."""
    place = hub.config.place
    if place is not None and place.is_file():
        yield from _readable("the configuration", place, secret=False)
    for file in configuration.secret_files(place) if place is not None and place.is_file() else ():
        yield from _readable("a secret", file, secret=True)
    if any(e.replica for s in hub.config.sources.values() for e in s.entities.values()):
        url = sa.make_url(replica_url(hub.config))
        if url.get_backend_name() == "sqlite" and url.database:
            yield from _readable("the replicas", Path(url.database), secret=True)
    if hub.config.cache.enabled and hub.config.cache.url is None:
        yield from _readable("the cache", configuration.cache_folder() / FILE, secret=True)
    recorder = recorder_of(hub.config, [])
    if recorder is not None:
        yield from _readable("the audit trail", recorder.trail.path, secret=True)


def _readable(what: str, path: Path, *, secret: bool) -> Iterator[Finding]:
    try:
        found = path.stat()
    except OSError:
        return
    others = stat.S_IWGRP | stat.S_IWOTH | (stat.S_IRGRP | stat.S_IROTH if secret else 0)
    if found.st_mode & others and os.name == "posix":
        can = "write" if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else "read"
        mode = "go-rwx" if secret else "go-w"
        text = f"others can {can} {what}: {path}"
        yield Finding(level="problem", topic="files", text=text, mend=f"chmod {mode} {path}")
    else:
        yield Finding(
            level="ok", topic="files", text=f"{what}: {path}, for this account only" if secret else f"{what}: {path}"
        )


def _rights(hub: Hub) -> Iterator[Finding]:
    policy = hub.config.policy
    if policy is None:
        text = "there is no policy: whoever can run groundwire sees what its accounts see"
        yield Finding(level="warning", topic="policy", text=text, mend="add a [policy] section (docs/security.md)")
        return
    counts = f"{len(policy.principals)} principals, {len(policy.roles)} roles"
    yield Finding(level="ok", topic="policy", text=f"{counts}; operators: {', '.join(policy.operators) or 'none'}")
    for name in policy.principals:
        if hub.policy is not None and not hub.policy.principal(name).roles:
            yield Finding(level="warning", topic="policy", text=f"{name} has no role, and sees nothing")


def _trail(hub: Hub) -> Iterator[Finding]:
    recorder = recorder_of(hub.config, [])
    if recorder is None:
        yield Finding(level="warning", topic="audit", text="nothing is recorded", mend="add an [audit] section")
        return
    try:
        verdict = recorder.trail.verify()
    except AuditFailed as error:
        yield Finding(level="problem", topic="audit", text=str(error))
        return
    if verdict.problem is not None:
        yield Finding(level="problem", topic="audit", text=verdict.problem, mend="see groundwire audit verify")
    else:
        yield Finding(level="ok", topic="audit", text=f"{verdict.count:,} records are as they were written")
    if hub.config.audit is None or hub.config.audit.key is None:
        text = "whoever can write the trail and its head can write another one"
        yield Finding(level="warning", topic="audit", text=text, mend="set audit.key")
