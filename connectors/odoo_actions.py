"""What may be done in Odoo after a person has approved: an activity, a lead's stage, a note in a record's chatter.

Odoo's external API has no lock. A lead is read again in the moment before it is written, and is left alone if its
`write_date` has moved; what somebody writes between these two requests is overwritten. Activities and notes carry their
token in their text.

Source: "External RPC API" and "External JSON-2 API"; `mail_thread.py` and `mail_activity_mixin.py` in `addons/mail`.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, create_model

from groundwire.core.connector import Action, Arguments, Done, Draft, Record, chosen, record_of, text
from groundwire.core.errors import ActionError, Conflict, Rejected

if TYPE_CHECKING:
    from groundwire.connectors.odoo import OdooConnector

_LEAD = "crm.lead"
_NO_THREAD = frozenset({"product.product", "sale.order.line", "account.move.line"})
"""Models among the usual ones that have neither chatter nor activities of their own."""
_PLAIN_SINCE = 17
"""The version from which a note's text is taken as text; before, as HTML."""


class _Stage(Arguments):
    lead: Annotated[str, record_of(_LEAD, description="the lead or opportunity: its id, or its name")]
    stage: Annotated[str, text("name of the new stage", 255)]


class _OfOdoo(Action):
    def __init__(self, connector: OdooConnector) -> None:
        self.connector = connector

    def read(self, model: str, key: int, *names: str) -> dict[str, Any]:
        """Fields of the record of that id."""
        found = self.connector._call(model, "search_read", [["id", "=", key]], fields=list(names), limit=1)
        rows = self.connector._records(found, names)
        if not rows:
            raise ActionError(f"there is no such record of {model}")
        return dict(rows[0])


class _Attached(_OfOdoo):
    """Something new that belongs to a record."""

    def __init__(self, connector: OdooConnector) -> None:
        super().__init__(connector)
        self.models = [m for m in connector._fields if m not in _NO_THREAD]
        about = record_of(*self.models, description="the record: its model, a slash, and its id or name")
        fields: dict[str, Any] = {"about": (Annotated[str, about], ...), **self.fields()}
        self.arguments: type[BaseModel] = create_model(self.name, __base__=Arguments, **fields)

    def fields(self) -> dict[str, Any]:
        """The other arguments."""
        raise NotImplementedError

    def record(self, given: Any) -> Record:
        """The record that the new one belongs to."""
        model, slash, key = given.about.partition("/") if len(self.models) > 1 else (self.models[0], "/", given.about)
        if not slash or not key.isdigit():
            raise ActionError(f"{given.about!r} names no record")
        return Record(entity=model, key={"id": int(key)})

    def found(self, model: str, draft: Draft, field: str, token: str) -> Done | None:
        """The new record that carries the token."""
        assert draft.record is not None
        reference = "res_model" if model == "mail.activity" else "model"
        where = [
            [reference, "=", draft.record.entity],
            ["res_id", "=", draft.record.key["id"]],
            [field, "ilike", token],
        ]
        rows = self.connector._records(
            self.connector._call(model, "search_read", where, fields=["id"], limit=1), ("id",)
        )
        return Done(key={"id": rows[0]["id"]}) if rows else None


class CreateActivity(_Attached):
    """Something to do, planned on a record."""

    name, entity = "create_activity", "mail.activity"
    description = "Plan an activity (something to do) on a record."

    def fields(self) -> dict[str, Any]:
        return {
            "summary": (Annotated[str, text("what is to be done, in a few words", 255)], ...),
            "due": (dt.date | None, None),
            "comment": (Annotated[str | None, text("more about it")], None),
        }

    def draft(self, given: Any) -> Draft:
        record = self.record(given)
        self.read(record.entity, int(record.key["id"]), "id")
        due = None if given.due is None else given.due.isoformat()
        after = {"summary": given.summary, "date_deadline": due, "note": given.comment}
        kept = {n: v for n, v in after.items() if v is not None}
        return Draft(entity=self.entity, record=record, creates=True, after=kept)

    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        assert draft.record is not None
        note = html.escape(str(draft.after.get("note") or "")).replace("\n", "<br/>")
        values = {**draft.after, "note": f"<p>{note}</p><p>(groundwire {token})</p>"}
        kind = "mail.mail_activity_data_todo"
        self.connector._method(
            draft.record.entity, "activity_schedule", int(draft.record.key["id"]), act_type_xmlid=kind, **values
        )
        return self.found("mail.activity", draft, "note", token) or Done()

    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        return self.found("mail.activity", draft, "note", token)


class PostNote(_Attached):
    """A note in a record's chatter, seen by colleagues and sent to nobody."""

    name, entity = "post_note", "mail.message"
    description = "Post an internal note in the chatter of a record."

    def fields(self) -> dict[str, Any]:
        return {"text": (Annotated[str, text("what the note says")], ...)}

    def draft(self, given: Any) -> Draft:
        record = self.record(given)
        self.read(record.entity, int(record.key["id"]), "id")
        return Draft(entity=self.entity, record=record, creates=True, after={"body": given.text})

    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        assert draft.record is not None
        body = f"{draft.after['body']}\n\n(groundwire {token})"
        if self.connector._major() < _PLAIN_SINCE:
            body = html.escape(body).replace("\n", "<br/>")
        made = self.connector._method(
            draft.record.entity,
            "message_post",
            int(draft.record.key["id"]),
            body=body,
            message_type="comment",
            subtype_xmlid="mail.mt_note",
        )
        made = made[0] if isinstance(made, list) and made else made
        return Done(key={"id": made} if isinstance(made, int) and not isinstance(made, bool) else {})

    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        return self.found("mail.message", draft, "body", token)


class UpdateStage(_OfOdoo):
    """The stage of a lead."""

    name, entity, arguments = "update_stage", _LEAD, _Stage
    description = "Move a lead or opportunity to another stage."

    def draft(self, given: _Stage) -> Draft:
        stage = self._stage(given.stage)
        now = self.read(_LEAD, _number(given.lead), "stage_id", "write_date")
        before = now["stage_id"] if isinstance(now["stage_id"], list) else [None, None]
        return Draft(
            entity=_LEAD,
            record=Record(entity=_LEAD, key={"id": _number(given.lead)}),
            before={"stage_id": before[1]},
            after={"stage_id": stage[1]},
            lock={"write_date": now["write_date"], "to": stage[0]},
        )

    def perform(self, given: _Stage, draft: Draft, token: str) -> Done:
        key = _number(given.lead)
        now = self.read(_LEAD, key, "stage_id", "write_date")
        name = now["stage_id"][1] if isinstance(now["stage_id"], list) else None
        if now["write_date"] != draft.lock["write_date"] or name != draft.before["stage_id"]:
            raise Conflict("the lead has changed since this was proposed", source=self.connector.name)
        self.connector._method(_LEAD, "write", key, vals={"stage_id": draft.lock["to"]})
        return Done(key={"id": key})

    def outcome(self, given: _Stage, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        now = self.read(_LEAD, _number(given.lead), "stage_id", "write_date")
        if isinstance(now["stage_id"], list) and now["stage_id"][0] == draft.lock["to"]:
            return Done(key={"id": _number(given.lead)})
        if now["write_date"] == draft.lock["write_date"]:
            return None
        raise Rejected("somebody has changed the lead since", source=self.connector.name)

    def _stage(self, name: str) -> tuple[int, str]:
        rows = self.connector._call("crm.stage", "search_read", [], fields=["id", "name"], order="id asc")
        known = {str(r["name"]): int(r["id"]) for r in self.connector._records(rows, ("id", "name"))}
        found = next((n for n in known if n.lower() == name.lower()), None)
        if found is None:
            raise ActionError(f"no stage {name!r}; there are {', '.join(known)}")
        return known[found], found


def _number(key: str) -> int:
    if not (key.isascii() and key.isdigit()):
        raise ActionError(f"{key!r} is no id")
    return int(key)


def actions(connector: OdooConnector, wanted: Mapping[str, Mapping[str, Any]]) -> list[Action]:
    """The actions of this name; they have no settings.

    Raises:
        ConfigError: there is none, or it was given settings, or its model is not among the source's.
    """
    kinds: tuple[type[_OfOdoo], ...] = (CreateActivity, PostNote, UpdateStage)

    def lacks(kind: type[_OfOdoo]) -> str:
        return (
            f"{_LEAD} is not among the source's models"
            if kind is UpdateStage and _LEAD not in connector._fields
            else ""
        )

    return chosen(connector.name, kinds, wanted, lambda kind: kind(connector), lacks)
