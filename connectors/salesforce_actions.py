"""What may be done in Salesforce after a person has approved: a task, an opportunity's stage, a note on a record's
feed.

An opportunity is locked twice: it is read again just before, and `If-Unmodified-Since` makes Salesforce itself refuse
the change (412) if the record was modified after it was drafted, by the second. What is made carries its token in its
text, by which it is found again.

Source: REST API Developer Guide ("sObject Rows", "Conditional Request Headers"); Object Reference (Task, FeedItem).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from email.utils import format_datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from groundwire.connectors.salesforce_fields import ID
from groundwire.core.connector import Action, Arguments, Done, Draft, Record, chosen, record_of, text
from groundwire.core.errors import ActionError, Conflict, Rejected

if TYPE_CHECKING:
    from groundwire.connectors.salesforce import SalesforceConnector

_SKEW = dt.timedelta(hours=1)
"""How far this machine's clock may be ahead of Salesforce's."""
_PEOPLE = ("Contact", "Lead")
_ABOUT = ("Account", "Contact", "Lead", "Opportunity", "Case")


class _About(Arguments):
    about: Annotated[str, record_of(*_ABOUT, description="the record that it belongs to: its id, or its name")]

    @property
    def record(self) -> Record:
        """The record, after its name was resolved."""
        entity, _, key = self.about.partition("/")
        if ID.fullmatch(key) is None:
            raise ActionError(f"{self.about!r} is no record of {', '.join(_ABOUT)}")
        return Record(entity=entity, key={"Id": key})


class _Task(_About):
    subject: Annotated[str, text("what is to be done, in a few words", 255)]
    due: dt.date | None = None
    priority: Literal["Low", "Normal", "High"] = "Normal"
    comment: Annotated[str | None, text("more about it")] = None


class _Note(_About):
    text: Annotated[str, text("what the note says")]


class _Stage(Arguments):
    opportunity: Annotated[str, record_of("Opportunity", description="the opportunity: its id, or its name")]
    stage: Annotated[str, text("the new stage", 255)]
    close_date: dt.date | None = None


class _Creating(Action):
    """A new record with a token in one of its texts."""

    body: str
    """The field that carries the token."""

    def __init__(self, connector: SalesforceConnector) -> None:
        self.connector = connector

    def fields(self, given: Any) -> dict[str, Any]:
        """What the new record holds, besides its token."""
        raise NotImplementedError

    def draft(self, given: Any) -> Draft:
        self.connector.api.get(f"sobjects/{given.record.entity}/{given.record.key['Id']}", {"fields": "Id"})
        return Draft(entity=self.entity, record=given.record, creates=True, after=self.fields(given))

    def perform(self, given: Any, draft: Draft, token: str) -> Done:
        fields = dict(draft.after)
        fields[self.body] = f"{fields.get(self.body) or ''}\n\n(groundwire {token})".strip()
        body = json.dumps(fields)
        made = self.connector.api.ask(
            lambda client: client.restful(f"sobjects/{self.entity}/", method="POST", data=body)
        )
        if not isinstance(made, dict) or not isinstance(made.get("id"), str):
            raise Rejected("the answer holds no id", source=self.connector.name)
        return Done(key={"Id": made["id"]})

    def outcome(self, given: Any, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        link = next(n for n in ("WhatId", "WhoId", "ParentId") if n in draft.after)
        since = (sent_at - _SKEW).strftime("%Y-%m-%dT%H:%M:%SZ")
        where = f"{link} = '{given.record.key['Id']}' AND CreatedDate >= {since}"
        query = f"SELECT Id, {self.body} FROM {self.entity} WHERE {where}"
        answer = self.connector.api.get("query/", {"q": query})
        while True:
            for record in _records(answer, self.connector.name):
                if token in str(record.get(self.body)):
                    return Done(key={"Id": str(record["Id"])})
            if answer.get("done", True):
                return None
            answer = self.connector.api.get(self.connector._next(answer))


class CreateTask(_Creating):
    """A task for a record."""

    name, entity, arguments, body = "create_task", "Task", _Task, "Description"
    description = "Create a task about an account, contact, lead, opportunity or case."

    def fields(self, given: _Task) -> dict[str, Any]:
        link = "WhoId" if given.record.entity in _PEOPLE else "WhatId"
        made = {
            "Subject": given.subject,
            link: given.record.key["Id"],
            "Status": "Not Started",
            "Priority": given.priority,
            "ActivityDate": None if given.due is None else given.due.isoformat(),
            "Description": given.comment,
        }
        return {n: v for n, v in made.items() if v is not None}


class PostNote(_Creating):
    """A post on the feed of a record."""

    name, entity, arguments, body = "post_note", "FeedItem", _Note, "Body"
    description = "Post a note on the feed of an account, contact, lead, opportunity or case."

    def fields(self, given: _Note) -> dict[str, Any]:
        return {"ParentId": given.record.key["Id"], "Body": given.text}


class UpdateStage(Action):
    """The stage of an opportunity."""

    name, entity, arguments = "update_stage", "Opportunity", _Stage
    description = "Move an opportunity to another stage."

    def __init__(self, connector: SalesforceConnector) -> None:
        self.connector = connector

    def draft(self, given: _Stage) -> Draft:
        known = self._stages()
        stage = next((s for s in known if s.lower() == given.stage.lower()), None)
        if stage is None:
            raise ActionError(f"no stage {given.stage!r}; there are {', '.join(known)}")
        after: dict[str, Any] = {"StageName": stage}
        if given.close_date is not None:
            after["CloseDate"] = given.close_date.isoformat()
        now = self._now(given, after)
        return Draft(
            entity=self.entity,
            record=Record(entity=self.entity, key={"Id": given.opportunity}),
            before={n: now.get(n) for n in after},
            after=after,
            lock=now["SystemModstamp"],
        )

    def perform(self, given: _Stage, draft: Draft, token: str) -> Done:
        if self._now(given, draft.after)["SystemModstamp"] != draft.lock:
            raise Conflict("the opportunity has changed since this was proposed", source=self.connector.name)
        unmodified = {"If-Unmodified-Since": format_datetime(_moment(draft.lock), usegmt=True)}
        body = json.dumps(dict(draft.after))
        path = f"sobjects/Opportunity/{given.opportunity}"
        self.connector.api.ask(lambda c: c.restful(path, method="PATCH", data=body, headers=unmodified))
        return Done(key={"Id": given.opportunity})

    def outcome(self, given: _Stage, draft: Draft, token: str, sent_at: dt.datetime) -> Done | None:
        now = self._now(given, draft.after)
        if now["SystemModstamp"] == draft.lock:
            return None
        if all(now.get(n) == v for n, v in draft.after.items()):
            return Done(key={"Id": given.opportunity})
        raise Rejected("somebody has changed the opportunity since", source=self.connector.name)

    def _stages(self) -> list[str]:
        field = self.connector._kinds.get("Opportunity", {}).get("StageName", {})
        return [p["value"] for p in field.get("picklistValues") or () if p.get("active")]

    def _now(self, given: _Stage, names: Mapping[str, Any]) -> dict[str, Any]:
        if ID.fullmatch(given.opportunity) is None:
            raise ActionError(f"{given.opportunity!r} is no id of an opportunity")
        fields = ",".join(["Id", "SystemModstamp", *names])
        found = self.connector.api.get(f"sobjects/Opportunity/{given.opportunity}", {"fields": fields})
        if not isinstance(found, dict) or not isinstance(found.get("SystemModstamp"), str):
            raise Rejected("the answer holds no opportunity", source=self.connector.name)
        return found


def actions(connector: SalesforceConnector, wanted: Mapping[str, Mapping[str, Any]]) -> list[Action]:
    """The actions of this name; they have no settings.

    Raises:
        ConfigError: there is none, or it was given settings, or its objects are not among the source's.
    """
    kinds: tuple[type[_Creating | UpdateStage], ...] = (CreateTask, PostNote, UpdateStage)

    def lacks(kind: type[_Creating | UpdateStage]) -> str:
        return (
            "Opportunity is not among the source's objects"
            if kind is UpdateStage and "Opportunity" not in connector._kinds
            else ""
        )

    return chosen(connector.name, kinds, wanted, lambda kind: kind(connector), lacks)


def _records(answer: Any, source: str) -> list[Any]:
    found = answer.get("records") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise Rejected("the answer holds no records", source=source)
    return found


def _moment(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(dt.UTC)
