"""A policy explained to its operator, and held to the operator's own table of who may see what.

The table is a TOML file:

    [[case]]
    principal = "ann"
    sees = ["crm.Account", "crm.Contact.Email"]
    hidden = ["crm.User", "crm.Account.Margin"]
    masked = { "crm.Contact.Email" = "partial" }

    [[case]]
    principal = "ann"
    query = "SELECT COUNT(*) FROM crm.Account WHERE Region = 'FR'"
    gives = [[0]]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from groundwire.core.errors import ConfigError, GroundwireError, QueryError
from groundwire.core.policy import Policy, Principal, Rights
from groundwire.core.query import DIALECT
from groundwire.core.result import jsonable

if TYPE_CHECKING:
    from groundwire.core.catalog import Catalog
    from groundwire.core.hub import Hub


def explained(policy: Policy, principal: Principal, name: str, catalog: Catalog) -> tuple[bool, list[str]]:
    """Whether a principal may see an entity at all, and why it is seen as it is, line by line.

    Args:
        policy: the policy.
        principal: who would ask.
        name: full or unique shorter name of the entity.
        catalog: with everything.

    Raises:
        UnknownName: there is no such entity.
        ConfigError: the policy does not fit the catalog.
    """
    entity = catalog.entity(name)
    rights = policy.rights(principal, catalog)
    right = rights.entities.get(entity.full_name)
    roles = ", ".join(principal.roles) or "none"
    if right is None:
        why = policy.denied_by(principal, entity.full_name)
        reason = f"role {why[0]} denies {why[1]}" if why else "no role allows it"
        return False, [f"{principal.name} (roles: {roles}) does not see {entity.full_name}: {reason}"]
    lines = [f"{principal.name} (roles: {roles}) sees {entity.full_name}"]
    lines += [f"  allowed by role {role}: {pattern}" for role, pattern in right.granted]
    lines.append(f"  records: {'all' if right.rows is None else f'where {right.rows.sql(DIALECT)}'}")
    for f in entity.fields:
        own = right.fields.get(f.name)
        if own is None:
            why = policy.denied_by(principal, f"{entity.full_name}.{f.name}")
            lines.append(f"  {f.name}: hidden, {f'role {why[0]} denies {why[1]}' if why else 'no role allows it'}")
            continue
        parts = [f"masked by {own.mask}" if own.mask is not None else "shown"]
        parts += [f"where {own.where.sql(DIALECT)}"] if own.where is not None else []
        lines.append(f"  {f.name}: {', '.join(parts)}")
    lost = [r.name for r in entity.relations if right.shown.find_relation(r.name) is None]
    lines += [f"  relations hidden with what they lead over: {', '.join(lost)}"] if lost else []
    return True, lines


class _Case(BaseModel):
    """One line of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    principal: str
    sees: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    masked: dict[str, str] = {}
    query: str | None = None
    gives: list[list[Any]] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> _Case:
        if (self.query is None) != (self.gives is None):
            raise ValueError("query and gives belong together")
        if not (self.sees or self.hidden or self.masked or self.query):
            raise ValueError("it has none of sees, hidden, masked, query")
        return self


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    case: tuple[_Case, ...]


def check(hub: Hub, file: Path) -> tuple[int, list[str]]:
    """Hold a policy to a table of who may see what.

    Args:
        hub: with a policy; that of no principal.
        file: the table.

    Returns:
        How many facts were checked, and what is wrong, as sentences.

    Raises:
        ConfigError: the file is no such table.
        SourceError: a source can't be asked.
    """
    try:
        table = _Table.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"can't read {file}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(p) for p in first["loc"])
        raise ConfigError(f"{file}: {where}: {first['msg']}") from None
    facts = [fact for case in table.case for fact in _facts(hub, case)]
    return len(facts), [wrong for wrong in facts if wrong is not None]


def _facts(hub: Hub, case: _Case) -> Iterator[str | None]:
    """What is wrong with each fact of a case; None where it is as it should be."""
    mine = hub.as_principal(case.principal)
    rights = mine.rights
    assert rights is not None
    for name in case.sees:
        yield None if _is_seen(rights, name) else f"{case.principal} does not see {name}"
    for name in case.hidden:
        yield f"{case.principal} sees {name}" if _is_seen(rights, name) else None
    for name, mask in case.masked.items():
        entity, _, field = name.rpartition(".")
        right = rights.entities.get(rights.whole.entity(entity).full_name)
        own = right.fields.get(field) if right is not None else None
        is_so = own is not None and str(own.mask) == mask
        yield (
            None
            if is_so
            else f"{case.principal} sees {name} masked by {own.mask if own else 'its absence'}, not {mask}"
        )
    if case.query is not None:
        try:
            got: Any = [[jsonable(v) for v in row] for row in mine.query(case.query).rows()]
        except QueryError as error:
            got = f"an error: {error}"
        yield None if got == case.gives else f"{case.principal} is given {got}, not {case.gives}: {case.query}"


def _is_seen(rights: Rights, name: str) -> bool:
    """Whether an entity, or `entity.field`, is seen.

    Raises:
        UnknownName: it is not there for anybody: a table with a mistake in it proves nothing.
    """
    try:
        return rights.whole.entity(name).full_name in rights.entities
    except GroundwireError:
        entity, _, field = name.rpartition(".")
        whole = rights.whole.entity(entity)
        found = whole.field(field).name
        return whole.full_name in rights.entities and found in rights.entities[whole.full_name].fields
