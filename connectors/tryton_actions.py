"""What may be done in Tryton after a person has approved: a sale's next step, its reference, a note on any record.

Tryton checks the lock itself: a record's `_timestamp` in the context makes it refuse a write if the record has changed.
A note carries its token in its last line.

Source: `trytond/model/modelsql.py` (`_timestamp`), `trytond/ir/note.py`, `modules/sale` of Tryton 8; seen on running
servers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, create_model

from groundwire.core.connector import Action, Arguments, Done, Draft, Record, chosen, record_of, text
from groundwire.core.errors import ActionError, Rejected

if TYPE_CHECKING:
    from groundwire.connectors.tryton import TrytonConnector

_SALE = "sale.sale"
_BUTTONS = {"quotation": ("draft", "quote"), "confirmed": ("quotation", "confirm"), "cancelled": ("draft", "cancel")}
"""For each state, the one before it and the button between them."""
_FURTHER = {"confirmed": ("confirmed", "processing", "done")}
"""States that a button leads to at once: a confirmed sale may be processed within the same second."""


class _Step(Arguments):
    sale: Annotated[str, record_of(_SALE, description="the sale: its id, number or reference")]
    to: Literal["quotation", "confirmed", "cancelled"]


class _Reference(Arguments):
    sale: Annotated[str, record_of(_SALE, description="the sale: its id, number or reference")]
    reference: Annotated[str, text("the customer's reference", 255)]


class _OfTryton(Action):
    def __init__(self, connector: TrytonConnector) -> None:
        self.connector = connector

    def read(self, model: str, key: str, *names: str) -> dict[str, Any]:
        """A record's fields, and its `_timestamp`."""
        if not (key.isascii() and key.isdigit()):
            raise ActionError(f"{key!r} is no id of {model}")
        context = self.connector._user_context()
        found = self.connector._call(f"model.{model}.read", [int(key)], [*names, "_timestamp"], context)
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict):
            raise Rejected("the answer holds no record", source=self.connector.name)
        return found[0]


class _OfSales(_OfTryton):
    """A change of one sale."""

    entity = _SALE

    def change(self, given: Any) -> dict[str, Any]:
        """The field and its new value."""
        raise NotImplementedError

    def send(self, given: Any, context: Mapping[str, Any]) -> None:
        """Make the change."""
        raise NotImplementedError

    def is_done(self, now: Mapping[str, Any], draft: Draft) -> bool:
        """Whether the record is as it would be after the change."""
        return all(now.get(n) == v for n, v in draft.after.items())

    def draft(self, given: Any) -> Draft:
        after = self.change(given)
        now = self.read(_SALE, given.sale, *after)
        return Draft(
            entity=_SALE,
            record=Record(entity=_SALE, key={"id": int(given.sale)}),
            before={n: now.get(n) for n in after},
            after=after,
            lock=now["_timestamp"],
        )

    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        self.send(given, {**self.connector._user_context(), "_timestamp": {f"{_SALE},{given.sale}": draft.lock}})
        return Done(key={"id": int(given.sale)})

    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        now = self.read(_SALE, given.sale, *draft.after)
        if now["_timestamp"] == draft.lock:
            return None
        if self.is_done(now, draft):
            return Done(key={"id": int(given.sale)})
        raise Rejected("somebody has changed the sale since", source=self.connector.name)


class AdvanceSale(_OfSales):
    """The next step of a sale."""

    name, arguments = "advance_sale", _Step
    description = "Turn a draft sale into a quotation, a quotation into a confirmed sale, or cancel a draft."

    def change(self, given: _Step) -> dict[str, Any]:
        return {"state": given.to}

    def draft(self, given: _Step) -> Draft:
        made = super().draft(given)
        before = _BUTTONS[given.to][0]
        if made.before["state"] not in (before, given.to):
            raise ActionError(f"the sale is {made.before['state']}; only one that is {before} can become {given.to}")
        return made

    def send(self, given: _Step, context: Mapping[str, Any]) -> None:
        self.connector._call(f"model.{_SALE}.{_BUTTONS[given.to][1]}", [int(given.sale)], context)

    def is_done(self, now: Mapping[str, Any], draft: Draft) -> bool:
        wanted = str(draft.after["state"])
        return now.get("state") in _FURTHER.get(wanted, (wanted,))


class SetReference(_OfSales):
    """The customer's reference of a sale."""

    name, arguments = "set_reference", _Reference
    description = "Set the customer's reference of a sale."

    def change(self, given: _Reference) -> dict[str, Any]:
        return {"reference": given.reference}

    def send(self, given: _Reference, context: Mapping[str, Any]) -> None:
        self.connector._call(f"model.{_SALE}.write", [int(given.sale)], {"reference": given.reference}, context)


class PostNote(_OfTryton):
    """A note on a record of any of the source's models."""

    name, entity = "post_note", "ir.note"
    description = "Attach a note to a record."

    def __init__(self, connector: TrytonConnector) -> None:
        super().__init__(connector)
        about = record_of(*connector.settings.models, description="the record: its model, a slash, and its id or name")
        fields: dict[str, Any] = {
            "about": (Annotated[str, about], ...),
            "text": (Annotated[str, text("what the note says")], ...),
        }
        self.arguments: type[BaseModel] = create_model("Note", __base__=Arguments, **fields)

    def draft(self, given: Any) -> Draft:
        record = self._record(given)
        self.read(record.entity, str(record.key["id"]), "id")
        resource = f"{record.entity},{record.key['id']}"
        return Draft(
            entity=self.entity, record=record, creates=True, after={"resource": resource, "message": given.text}
        )

    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        values = {**draft.after, "message": f"{draft.after['message']}\n\n(groundwire {token})"}
        made = self.connector._call("model.ir.note.create", [values], self.connector._user_context())
        if not isinstance(made, list) or len(made) != 1:
            raise Rejected("the answer holds no id", source=self.connector.name)
        return Done(key={"id": made[0]})

    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        where = [["resource", "=", draft.after["resource"]], ["message", "like", f"%{token}%"]]
        found = self.connector._call("model.ir.note.search", where, 0, 1, None, self.connector._user_context())
        if not isinstance(found, list):
            raise Rejected("the answer holds no ids", source=self.connector.name)
        return Done(key={"id": found[0]}) if found else None

    def _record(self, given: Any) -> Record:
        models = self.connector.settings.models
        model, slash, key = given.about.partition("/") if len(models) > 1 else (models[0], "/", given.about)
        if not slash or not key.isdigit():
            raise ActionError(f"{given.about!r} names no record")
        return Record(entity=model, key={"id": int(key)})


def actions(connector: TrytonConnector, wanted: Mapping[str, Mapping[str, Any]]) -> list[Action]:
    """The actions of this name; they have no settings.

    Raises:
        ConfigError: there is none, or it was given settings, or its model is not among the source's.
    """
    kinds: tuple[type[_OfTryton], ...] = (AdvanceSale, SetReference, PostNote)

    def lacks(kind: type[_OfTryton]) -> str:
        return (
            f"{_SALE} is not among the source's models"
            if issubclass(kind, _OfSales) and _SALE not in connector.settings.models
            else ""
        )

    return chosen(connector.name, kinds, wanted, lambda kind: kind(connector), lacks)
