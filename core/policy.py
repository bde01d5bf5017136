"""Who may see what: principals, their roles, and what these make of a catalog.

A role allows and denies entities and fields by patterns, limits rows by conditions in the query language, and masks
fields. Nothing that no role allows is there. Roles add up, row by row: a field is shown in a record where one
role that allows the field allows the record. What one role denies or masks, no other role uncovers.

`Policy.rights` turns this into a *restricted catalog*: what is hidden has no name in it, so that neither an error nor a
prompt nor a grammar made of it can tell. How queries over it are kept to the visible rows is `core/visible`.
"""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from groundwire.core.binder import bind
from groundwire.core.catalog import Catalog, Entity, Field, near_names
from groundwire.core.config import PolicyConfig, PrincipalConfig, RoleConfig
from groundwire.core.errors import ConfigError, PolicyError, QueryError
from groundwire.core.masks import KINDS, Mask
from groundwire.core.query import DIALECT

SUBJECT = "principal"
"""What the asker is called in conditions: `principal.region`."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody who asks.

    Attributes:
        name: as budgets and the audit trail know it.
        roles: names of roles.
        attributes: for conditions; a tuple where there are several values.
    """

    name: str
    roles: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class FieldRight:
    """How a field is shown.

    Attributes:
        mask: what becomes of its values; None where they are shown as they are.
        where: in which of the visible records it has a value at all; None for all.
    """

    mask: Mask | None = None
    where: exp.Expr | None = None


@dataclass(frozen=True, kw_only=True)
class EntityRight:
    """What a principal may see of one entity.

    Attributes:
        entity: as it is, with everything that is hidden.
        shown: as the principal sees it.
        rows: which records; None for all.
        fields: by the field's name; whatever is missing is hidden.
        granted: the roles that allow it, with the pattern that did.
    """

    entity: Entity
    shown: Entity
    rows: exp.Expr | None
    fields: Mapping[str, FieldRight]
    granted: tuple[tuple[str, str], ...] = ()

    @property
    def limits_rows(self) -> bool:
        """Whether records may be hidden."""
        return self.rows is not None

    def is_plain(self, name: str) -> bool:
        """Whether this field is shown as it is."""
        right = self.fields[name]
        return right.mask is None and right.where is None

    @property
    def is_limited(self) -> bool:
        """Whether anything of what can be named is not shown as it is."""
        return self.limits_rows or not all(self.is_plain(f.name) for f in self.shown.fields)

    @cached_property
    def digest(self) -> str:
        """Equal digests see the same of the entity."""
        rights = {n: [str(r.mask), _sql(r.where)] for n, r in self.fields.items()}
        text = json.dumps([self.entity.full_name, _sql(self.rows), rights], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What one principal may see of one catalog.

    Attributes:
        principal: whose.
        whole: the catalog with everything.
        catalog: the restricted one.
        entities: by full name.
        mask_key: behind `hash`.
    """

    principal: Principal
    whole: Catalog
    catalog: Catalog
    entities: Mapping[str, EntityRight]
    mask_key: bytes = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """Equal digests see the same of everything."""
        return hashlib.sha256("".join(sorted(r.digest for r in self.entities.values())).encode()).hexdigest()[:32]


class Policy:
    """A `[policy]` section.

    Args:
        config: as it was read.

    Raises:
        ConfigError: it names a role that is not there, a mask that there is not, or a condition that is none.
    """

    def __init__(self, config: PolicyConfig) -> None:
        self.config = config
        self._masks = {
            name: {p: _mask(text, f"policy.roles.{name}.masks.{p}") for p, text in role.masks.items()}
            for name, role in config.roles.items()
        }
        self._rows = {
            name: {p: _condition(text, f"policy.roles.{name}.rows.{p}") for p, text in role.rows.items()}
            for name, role in config.roles.items()
        }
        for name, principal in config.principals.items():
            self._check_roles(principal.roles, f"policy.principals.{name}.roles")
        if config.mask_key is None and any(m.kind == "hash" for masks in self._masks.values() for m in masks.values()):
            raise ConfigError("a hash without a secret can be guessed; set it", setting="policy.mask_key")

    def _check_roles(self, roles: Iterable[str], setting: str) -> None:
        for role in roles:
            if role not in self.config.roles:
                near = near_names(role, self.config.roles)
                raise ConfigError(
                    f"no such role {role!r}" + (f"; did you mean {', '.join(near)}?" if near else ""), setting=setting
                )

    # -- who asks ----------------------------------------------------------------------------

    def principal(self, name: str) -> Principal:
        """The configured principal of that name.

        Raises:
            PolicyError: there is none. Names that exist are not told.
        """
        found = self.config.principals.get(name)
        if found is None:
            raise PolicyError(f"no principal {name!r}")
        return _principal(name, found)

    def of_user(self, user: str | None = None) -> Principal:
        """The principal of an account of the operating system; of this process's own without a name.

        Raises:
            PolicyError: it belongs to none.
        """
        user = os_user() if user is None else user
        for name, principal in self.config.principals.items():
            if user in principal.os_users:
                return _principal(name, principal)
        raise PolicyError(
            f"the account {user!r} of the operating system is no principal (policy.principals.*.os_users)"
        )

    def asker(self, wanted: str | None) -> Principal:
        """Who asks at this process's account: whom it belongs to, or, for operators, whoever they name.

        Raises:
            PolicyError: the account belongs to nobody, or may not ask as another.
        """
        if wanted is None:
            return self.of_user()
        user = os_user()
        if user not in self.config.operators and user not in self._users_of(wanted):
            raise PolicyError(f"the account {user!r} may not ask as another (policy.operators)")
        return self.principal(wanted)

    def _users_of(self, name: str) -> tuple[str, ...]:
        found = self.config.principals.get(name)
        return found.os_users if found is not None else ()

    def denied_by(self, principal: Principal, path: str) -> tuple[str, str] | None:
        """The role and the pattern that deny an entity or field to a principal; None where no role does."""
        for role in principal.roles:
            settings = self.config.roles.get(role)
            for pattern in settings.deny if settings else ():
                if _fits(path, pattern):
                    return role, pattern
        return None

    def of_token(self, token: str) -> Principal:
        """The principal that a signed JSON Web Token names (RFC 7519), with what configuration and claims say of it.

        Raises:
            PolicyError: the token is expired, not signed with the configured key, or names nobody.
            ConfigError: no key is configured.
        """
        settings = self.config.tokens
        if settings is None:
            raise ConfigError("tokens are accepted with a key only", setting="policy.tokens")
        try:
            import jwt
        except ImportError:
            raise ConfigError("run: pip install 'groundwire[jwt]'", setting="policy.tokens") from None
        try:
            claims = jwt.decode(
                token,
                settings.key.get_secret_value(),
                algorithms=[settings.algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                options={"require": ["exp", settings.name], "verify_aud": settings.audience is not None},
            )
        except jwt.PyJWTError as error:
            raise PolicyError(f"the token is not accepted: {type(error).__name__}") from None
        name = claims[settings.name]
        if not isinstance(name, str) or not name:
            raise PolicyError("the token is not accepted: it names nobody")
        known = _principal(name, self.config.principals.get(name, PrincipalConfig()))
        told = claims.get(settings.roles, ()) if settings.roles else ()
        roles = [told] if isinstance(told, str) else [r for r in told if isinstance(r, str)]
        attributes = {a: _attribute(claims[a]) for a in settings.attributes if claims.get(a) is not None}
        return replace(
            known,
            roles=tuple(dict.fromkeys([*known.roles, *(r for r in roles if r in self.config.roles)])),
            attributes={**known.attributes, **attributes},
        )

    def may_know(self, principal: Principal, source: str) -> bool:
        """Whether a role of the principal's allows anything that could be in this source."""
        roles = [self.config.roles[r] for r in principal.roles if r in self.config.roles]
        return any(_fits(source, pattern.split(".")[0]) for role in roles for pattern in role.allow)

    # -- what they may see -------------------------------------------------------------------

    def rights(self, principal: Principal, catalog: Catalog) -> Rights:
        """What a principal may see.

        Args:
            principal: who asks.
            catalog: with everything.

        Raises:
            ConfigError: a pattern fits nothing in the catalog, or a condition or mask does not fit its field.
        """
        self._check_patterns(catalog)
        roles = [name for name in principal.roles if name in self.config.roles]
        found = {}
        for entity in catalog:
            right = self._right(entity, principal, roles, catalog)
            if right is not None:
                found[entity.full_name] = right
        shown = _without_hidden_ways({n: r.shown for n, r in found.items()}, found)
        found = {n: replace(r, shown=shown.entity(n)) for n, r in found.items()}
        key = self.config.mask_key.get_secret_value().encode() if self.config.mask_key else b""
        return Rights(principal=principal, whole=catalog, catalog=shown, entities=found, mask_key=key)

    def _right(self, entity: Entity, principal: Principal, roles: list[str], catalog: Catalog) -> EntityRight | None:
        settings = {name: self.config.roles[name] for name in roles}
        if any(_fits(entity.full_name, p) for r in settings.values() for p in r.deny):
            return None
        allowed: dict[str, dict[str, str]] = {}
        for f in entity.fields:
            path = f"{entity.full_name}.{f.name}"
            if any(_fits(path, p) for r in settings.values() for p in r.deny):
                continue
            by = {n: p for n, r in settings.items() for p in r.allow if _fits(path, p) or _fits(entity.full_name, p)}
            if by:
                allowed[f.name] = by
        if not allowed:
            return None
        granting = list(dict.fromkeys(role for by in allowed.values() for role in by))
        rows = {role: self._rows_of(role, entity, principal, catalog) for role in granting}
        everywhere = _either(rows[role] for role in granting)
        fields = {}
        for name, by in allowed.items():
            where = _either(rows[role] for role in by)
            same = where is None or (everywhere is not None and _sql(where) == _sql(everywhere))
            fields[name] = FieldRight(mask=self._mask_of(roles, entity, name), where=None if same else where)
        granted = {role: by[role] for by in allowed.values() for role in by}
        right = EntityRight(
            entity=entity, shown=entity, rows=everywhere, fields=fields, granted=tuple(sorted(granted.items()))
        )
        return replace(right, shown=_shown(right))

    def _rows_of(self, role: str, entity: Entity, principal: Principal, catalog: Catalog) -> exp.Expr | None:
        """The condition under which a role shows records of this entity; None for always."""
        conditions = []
        for pattern, condition in self._rows[role].items():
            if _fits(entity.full_name, pattern):
                mine = _about(condition, principal)
                _check_condition(mine, entity, catalog, f"policy.roles.{role}.rows.{pattern}")
                conditions.append(mine)
        return exp.and_(*conditions, copy=True) if conditions else None

    def _mask_of(self, roles: list[str], entity: Entity, name: str) -> Mask | None:
        """The strictest mask that any of the roles has for this field."""
        path = f"{entity.full_name}.{name}"
        masks = []
        for role in roles:
            for pattern, mask in self._masks[role].items():
                if not _fits(path, pattern) and not _fits(entity.full_name, pattern):
                    continue
                try:
                    mask.type_of(entity.field(name).type)
                except ValueError as error:
                    raise ConfigError(f"{path}: {error}", setting=f"policy.roles.{role}.masks.{pattern}") from None
                masks.append(mask)
        return min(masks, key=lambda m: (KINDS.index(m.kind), m.unit), default=None)

    def _check_patterns(self, catalog: Catalog) -> None:
        """A pattern that fits nothing is a mistake, and in `deny` a dangerous one."""
        entities = [e.full_name.lower() for e in catalog]
        fields = [f"{e.full_name}.{f.name}".lower() for e in catalog for f in e.fields]
        for role, settings in self.config.roles.items():
            for key, pattern, names in _patterns(settings, entities, fields):
                if not any(fnmatchcase(n, pattern.lower()) for n in names):
                    near = near_names(pattern, names)
                    raise ConfigError(
                        f"{pattern!r} fits nothing that is connected"
                        + (f"; did you mean {', '.join(near)}?" if near else ""),
                        setting=f"policy.roles.{role}.{key}",
                    )


def os_user() -> str:
    """The account of the operating system that this process runs under, which no environment variable can change."""
    try:
        import os
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()


def _principal(name: str, config: PrincipalConfig) -> Principal:
    return Principal(name=name, roles=config.roles, attributes=dict(config.attributes))


def _attribute(value: Any) -> Any:
    """A claim as an attribute: a list as a tuple of plain values.

    Raises:
        PolicyError: it is nothing that a condition can be about.
    """
    many = value if isinstance(value, list) else [value]
    if not all(isinstance(v, bool | int | float | str) for v in many):
        raise PolicyError("the token is not accepted: an attribute is neither a value nor a list of values")
    return tuple(many) if isinstance(value, list) else value


def _patterns(role: RoleConfig, entities: list[str], fields: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    both = [*entities, *fields]
    yield from (("allow", p, both) for p in role.allow)
    yield from (("deny", p, both) for p in role.deny)
    yield from (("rows", p, entities) for p in role.rows)
    yield from (("masks", p, both) for p in role.masks)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())


def _mask(text: str, setting: str) -> Mask:
    try:
        return Mask.parse(text)
    except ValueError as error:
        raise ConfigError(str(error), setting=setting) from None


def _sql(node: exp.Expr | None) -> str:
    return "" if node is None else str(node.sql(DIALECT))


# -- conditions --------------------------------------------------------------------------------


def _condition(text: str, setting: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(text, dialect=DIALECT)
    except SqlglotError:
        raise ConfigError("not a condition in the query language", setting=setting) from None


def _check_condition(condition: exp.Expr, entity: Entity, catalog: Catalog, setting: str) -> None:
    """Raises ConfigError where the condition can't be understood over this entity."""
    try:
        visible_select(entity, [], condition, catalog)
    except QueryError as error:
        raise ConfigError(f"can't be applied to {entity.full_name}: {error}", setting=setting) from None


def visible_select(
    entity: Entity, columns: Iterable[exp.Expr], where: exp.Expr | None, catalog: Catalog
) -> tuple[exp.Select, bool]:
    """A SELECT over one entity with every name of a policy's conditions resolved, and whether it reads the clock.

    Args:
        entity: as it is.
        columns: what to select; names of fields, or expressions of them with an alias.
        where: which records; None for all.
        catalog: with everything.

    Raises:
        QueryError: a condition can't be understood over this entity.
    """
    table = exp.Table(
        this=exp.to_identifier(entity.name, quoted=True),
        db=exp.to_identifier(entity.source, quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(VISIBLE, quoted=True)),
    )
    select = exp.Select(expressions=[*columns] or [exp.alias_(exp.Literal.number(1), "one")])
    select.set("from_", exp.From(this=table))
    if where is not None:
        select.where(where.copy(), copy=False)
    bound = bind(select.sql(DIALECT), catalog, max_bytes=10_000_000)
    assert isinstance(bound.tree, exp.Select)
    return bound.tree, bound.reads_clock


VISIBLE = "visible__"
"""Alias of an entity where only its visible rows are read."""


def _about(condition: exp.Expr, principal: Principal) -> exp.Expr:
    """The condition with the principal's attributes in place of their names.

    An attribute that is missing makes the whole condition false: nobody sees more for lack of one.
    """
    made = condition.copy()
    holder = exp.Paren(this=made)
    for column in list(holder.find_all(exp.Column)):
        parts = [p.name for p in column.parts]
        if len(parts) != 2 or parts[0].lower() != SUBJECT:
            continue
        value = principal.attributes.get(parts[1])
        if value is None:
            return exp.false()
        values = list(value) if isinstance(value, tuple | list) else [value]
        literals: list[exp.Expr] = [_literal(v) for v in values] or [exp.null()]
        if isinstance(column.parent, exp.In) and column.arg_key == "expressions":
            place = column.parent
            rest = [e for e in place.expressions if e is not column]
            place.set("expressions", [*rest, *literals])
        elif len(literals) == 1:
            column.replace(literals[0])
        else:
            raise ConfigError(
                f"{SUBJECT}.{parts[1]} of {principal.name} has several values; write IN ({SUBJECT}.{parts[1]})",
                setting=f"policy.principals.{principal.name}.attributes.{parts[1]}",
            )
    return holder


def _literal(value: Any) -> exp.Expr:
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    return exp.convert(value)


def _either(conditions: Iterable[exp.Expr | None]) -> exp.Expr | None:
    """Where one of the conditions holds; None, for everywhere, where one of them is None."""
    found: dict[str, exp.Expr] = {}
    for condition in conditions:
        if condition is None:
            return None
        found.setdefault(_sql(condition), condition)
    return exp.or_(*found.values(), copy=True) if found else exp.false()


# -- the restricted catalog --------------------------------------------------------------------


def _shown(right: EntityRight) -> Entity:
    """The entity as the principal sees it, relations and measures still unchecked."""
    entity = right.entity
    fields = tuple(_shown_field(f, right) for f in entity.fields if f.name in right.fields)
    names = {f.name for f in fields if right.is_plain(f.name)}
    return replace(
        entity,
        fields=fields,
        primary_key=entity.primary_key if set(entity.primary_key) <= names else (),
        cursor=entity.cursor if entity.cursor in names else None,
        rows=None if right.limits_rows else entity.rows,
    )


def _shown_field(f: Field, right: EntityRight) -> Field:
    own = right.fields[f.name]
    if own.mask is not None:
        about = f"{f.description} (masked)".strip()
        type_ = own.mask.type_of(f.type)
        return replace(f, type=type_, description=about, values=(), labels={}, nullable=True, sensitive=True)
    if f.sampled and (right.limits_rows or own.where is not None):
        f = replace(f, values=(), labels={}, sampled=False)  # values that hidden records may hold
    return f if own.where is None else replace(f, nullable=True)


def _without_hidden_ways(shown: Mapping[str, Entity], rights: Mapping[str, EntityRight]) -> Catalog:
    """The catalog without relations and measures that lead over anything hidden or masked."""

    def is_open(entity: str, names: Iterable[str]) -> bool:
        right = rights.get(entity)
        return right is not None and all(n in right.fields and right.fields[n].mask is None for n in names)

    kept = []
    for entity in shown.values():
        relations = tuple(
            r
            for r in entity.relations
            if is_open(entity.full_name, [a for a, _ in r.on]) and is_open(r.target, [b for _, b in r.on])
        )
        kept.append(replace(entity, relations=relations))
    catalog = Catalog(kept)
    return Catalog(_without_hidden_measures(e, catalog) for e in catalog)


def _without_hidden_measures(entity: Entity, catalog: Catalog) -> Entity:
    def can_be_read(name: str) -> bool:
        select = exp.select(exp.column(exp.to_identifier(name, quoted=True)))
        select.set(
            "from_",
            exp.From(
                this=exp.Table(
                    this=exp.to_identifier(entity.name, quoted=True), db=exp.to_identifier(entity.source, quoted=True)
                )
            ),
        )
        try:
            bind(select.sql(DIALECT), catalog)
        except QueryError:
            return False
        return True

    return replace(entity, measures=tuple(m for m in entity.measures if can_be_read(m.name)))
