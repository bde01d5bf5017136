"""What may be done to records of a connected system: the contract between the core and a connector that declares
actions.

An action is typed by a pydantic model. It is *drafted* first, which contacts the source and writes nothing: the draft
says which record it is about, what its fields hold and would hold, and what tells whether that record changes before a
person has approved. Then it is *performed*, once. Where nobody saw how that ended, its *outcome* is looked up by the
token that was sent along. When each of these happens, and who may have it done, is `core/proposals`' business.

An argument that names a record is annotated by `record_of`; whoever proposes may write its key or its name.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Argument

from groundwire.core.errors import ConfigError

TOKEN_MARK = "groundwire "  # noqa: S105 - a word, not a secret
"""Stands before a token where people see it: in a note, in a task's description."""

_RECORD = "record_of"
_LONGEST_TEXT = 4000


class Arguments(BaseModel):
    """Base of actions' arguments: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def record_of(*entities: str, description: str, **more: Any) -> Any:
    """A pydantic field for an argument that names a record of one of these entities (native names).

    What an action is given is `entity/key` where there are several entities, else the key alone; as text.
    """
    extra: dict[str, Any] = {_RECORD: list(entities)}
    return Argument(description=description, min_length=1, max_length=200, json_schema_extra=extra, **more)


def text(description: str, longest: int = _LONGEST_TEXT, **more: Any) -> Any:
    """A pydantic field for an argument that is text of at least one and at most so many characters."""
    return Argument(description=description, min_length=1, max_length=longest, **more)


def records_named(arguments: type[BaseModel]) -> dict[str, list[str]]:
    """The arguments that name a record, each with the native names of the entities that it may be of."""
    found = {}
    for name, info in arguments.model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict) and isinstance(extra.get(_RECORD), list):
            found[name] = [str(e) for e in extra[_RECORD]]  # type: ignore[union-attr]
    return found


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record by its primary key; `entity` is a native name."""

    entity: str
    key: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What an action would do. All values are such as JSON holds.

    Attributes:
        entity: native name of the entity that is written.
        record: the record that changes, or to which a new one belongs; None for a new one that belongs to none.
        creates: whether a new record is made.
        before: what the fields that are written hold now; empty for a new record.
        after: what they would hold.
        lock: what tells whether the record is still as it was drafted, in the form that the source has for it.
    """

    entity: str
    record: Record | None
    creates: bool = False
    before: Mapping[str, Any] = field(default_factory=dict, hash=False)
    after: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lock: Any = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "entity": self.entity,
            "record": None if self.record is None else {"entity": self.record.entity, "key": dict(self.record.key)},
            "creates": self.creates,
            "before": dict(self.before),
            "after": dict(self.after),
            "lock": self.lock,
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Draft:
        """A draft as `to_dict` wrote it."""
        record = None if told["record"] is None else Record(**told["record"])
        return cls(**{**told, "record": record})


@dataclass(frozen=True, kw_only=True)
class Done:
    """An action was performed.

    Attributes:
        key: primary key of the record that was written, as far as the source told it.
        note: what else there is to say, as a sentence.
    """

    key: Mapping[str, Any] = field(default_factory=dict, hash=False)
    note: str = ""


class Action(ABC):
    """One thing that can be done. Made once for each source and used from several threads at a time.

    Attributes:
        name: such as `update_stage`.
        description: what it does, as a sentence.
        entity: native name of the entity that is written.
        arguments: the model of its arguments.
    """

    name: str
    description: str
    entity: str
    arguments: type[BaseModel] = Arguments

    @abstractmethod
    def draft(self, given: Any) -> Draft:
        """What performing it would do. Contacts the source, and writes nothing.

        Args:
            given: of the type `arguments`, names of records resolved.

        Raises:
            ActionError: the source would not let this be done, or nothing would change.
            SourceError: the source can't be asked.
        """

    @abstractmethod
    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        """Do it, if the record is still as it was drafted. Sends the write once, whatever comes of it.

        Args:
            given: as for `draft`.
            draft: what was approved.
            token: 32 hexadecimal digits, left at the source where there is room, so that the outcome can be found.

        Raises:
            Conflict: the record is not what it was, and nothing was written.
            SourceError: anything else; whether it was done is then looked up.
        """

    @abstractmethod
    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        """Whether it was done; None where there is no trace of it.

        Args:
            sent_at: when it was sent, by this machine's clock.

        Raises:
            SourceError: it can't be told.
        """


_Kind = TypeVar("_Kind", bound=Action)


def chosen(
    source: str,
    kinds: Sequence[type[_Kind]],
    wanted: Mapping[str, Mapping[str, Any]],
    make: Callable[[type[_Kind]], Action],
    lacks: Callable[[type[_Kind]], str],
) -> list[Action]:
    """The actions that a configuration wants of those that a connector has, none of which have settings.

    Args:
        source: name of the source.
        kinds: what there is.
        wanted: by name, with the settings that are written.
        make: makes one.
        lacks: what the source lacks for one, as a sentence; empty for nothing.

    Raises:
        ConfigError: there is no such action, it was given settings, or the source lacks what it needs.
    """
    by_name = {kind.name: kind for kind in kinds}
    made: list[Action] = []
    for name, settings in wanted.items():
        where = f"sources.{source}.actions.{name}"
        if name not in by_name:
            raise ConfigError(f"no such action; there are {', '.join(by_name)}", setting=where)
        if settings:
            raise ConfigError("this action has no settings; write true", setting=where)
        if missing := lacks(by_name[name]):
            raise ConfigError(missing, setting=where)
        made.append(make(by_name[name]))
    return made


NAME_FIELDS = (
    "name",
    "display_name",
    "title",
    "subject",
    "number",
    "reference",
    "code",
    "accountnumber",
    "casenumber",
    "email",
)
"""Fields by which people call a record, in lower case, the first that an entity has before the others."""
