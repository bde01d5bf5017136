"""Who may propose and approve which actions, what may be written, and how much of a difference somebody sees.

What may not be seen may not be written: a field that is hidden or masked, a record that a condition hides.
`never_write` keeps further fields from every action of those who have the role. Whoever approves sees all that would be
written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal

from groundwire.core.actions import Draft
from groundwire.core.catalog import near_names
from groundwire.core.config import PolicyConfig, RoleConfig
from groundwire.core.errors import ConfigError, PolicyError
from groundwire.core.policy import Principal, Rights

Verb = Literal["propose", "approve"]


def check_patterns(config: PolicyConfig, actions: Iterable[str], fields: Iterable[str]) -> None:
    """A pattern that fits nothing is a mistake.

    Args:
        config: the policy.
        actions: full names of all that are configured.
        fields: full names of every entity and field.

    Raises:
        ConfigError: naming the setting.
    """
    known: Mapping[str, list[str]] = {
        "propose": list(actions),
        "approve": list(actions),
        "never_write": [f.lower() for f in fields],
    }
    for role, settings in config.roles.items():
        for key, names in known.items():
            for pattern in getattr(settings, key):
                if not any(_fits(name, pattern) for name in names):
                    near = near_names(pattern, names)
                    raise ConfigError(
                        f"{pattern!r} fits nothing that is connected"
                        + (f"; did you mean {', '.join(near)}?" if near else ""),
                        setting=f"policy.roles.{role}.{key}",
                    )


def may(config: PolicyConfig | None, principal: Principal | None, verb: Verb, action: str) -> bool:
    """Whether a principal may propose, or approve, an action; everybody may where there is no policy."""
    if config is None:
        return True
    return any(_fits(action, p) for role in _roles(config, principal) for p in getattr(role, verb))


def check_written(
    config: PolicyConfig | None, rights: Rights | None, source: str, draft: Draft, verb: Verb = "propose"
) -> None:
    """Make sure that somebody may have this written, who must see every field that is.

    Raises:
        PolicyError: naming the field.
    """
    if config is None or rights is None:
        return
    full_name = f"{source}.{draft.entity}"
    right = rights.entities.get(full_name)
    if right is None:
        raise PolicyError(f"{rights.principal.name} may not {verb} what writes {full_name}, which they can't see")
    for name in draft.after:
        path = f"{full_name}.{name}"
        if name not in right.fields or not right.is_plain(name):
            raise PolicyError(f"{rights.principal.name} may not {verb} what writes {path}, which they can't see")
        for role in _roles(config, rights.principal):
            if any(_fits(path, p) or _fits(full_name, p) for p in role.never_write):
                raise PolicyError(f"no action may write {path}")


def shown(rights: Rights | None, source: str, draft: Draft) -> dict[str, bool]:
    """The written fields that somebody may know of, and whether their values are shown."""
    if rights is None:
        return dict.fromkeys(draft.after, True)
    right = rights.entities.get(f"{source}.{draft.entity}")
    if right is None:
        return {}
    return {name: right.is_plain(name) for name in draft.after if name in right.fields}


def _roles(config: PolicyConfig, principal: Principal | None) -> list[RoleConfig]:
    return [config.roles[r] for r in (principal.roles if principal else ()) if r in config.roles]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())
