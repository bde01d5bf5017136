"""An action from its proposal to its end: drafted, shown, approved by a person, sent once, recorded.

    proposal = hub.actions.propose("crm.update_stage", {"opportunity": "Acme renewal", "stage": "Closed Won"})
    for change in proposal.changes: ...             # what it would do: field, before, after
    hub.actions.approve(proposal.id)                # by a person, or by a program to which a person has said so

Before an action is sent, it is on the disk that it will be, and in the audit trail. A process that dies in between
leaves a proposal that is `sending`: what became of it is looked up at the source by whoever asks next, and nothing is
ever sent again. Where that can't be told, it is `unknown`, and said to be. Queries have no part in this, but for
looking up records that a proposal names, as the proposer sees them.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import sqlglot.expressions as exp
from pydantic import BaseModel, ValidationError

from groundwire.core import action_rights
from groundwire.core.actions import NAME_FIELDS, Action, Done, Draft, Record, records_named
from groundwire.core.catalog import Entity, near_names
from groundwire.core.connector import Acting
from groundwire.core.errors import (
    ActionError,
    AuditFailed,
    AuthFailed,
    ConfigError,
    Conflict,
    GroundwireError,
    PolicyError,
    QueryError,
    RateLimited,
    RetryableError,
    SourceError,
)
from groundwire.core.freshness import parse_age
from groundwire.core.plain import shortened
from groundwire.core.policy import os_user
from groundwire.core.proposal_store import ProposalStore, Row, State, may_be_alive, this_process
from groundwire.core.result import jsonable

if TYPE_CHECKING:
    from groundwire.core.hub import Hub

log = logging.getLogger(__name__)

SETTLES = 120.0
"""Seconds after which a source that shows no trace of what was sent is taken not to have done it."""
UNDER_WAY = 600.0
"""Seconds after which whoever sends is not waited for any more."""
_OPEN: tuple[State, ...] = ("proposed", "sending", "unknown")


@dataclass(frozen=True, kw_only=True)
class Offered:
    """An action that somebody may propose.

    Attributes:
        name: `source.action`.
        schema: JSON schema of its arguments.
        approves: whether they may approve it too.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    approves: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "action": self.name,
            "description": self.description,
            "arguments": dict(self.schema),
            "may_approve": self.approves,
        }


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field of the difference. `shown` is False where the values are kept from whoever looks."""

    field: str
    before: Any
    after: Any
    shown: bool = True

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"field": self.field, "before": self.before, "after": self.after, "shown": self.shown}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed action, as somebody sees it.

    Attributes:
        id: number of the proposal.
        action: `source.action`.
        arguments: as they were understood, records as keys.
        state: see `State`.
        entity: full name of the entity that is written.
        record: full name of the entity of the record it is about, and its key; None where it is about none.
        creates: whether a new record is made.
        changes: the difference.
        hidden: whether more would be written than whoever looks may see.
        outcome: what became of it, as a sentence.
        result_key: key of the record that was written.
        url: where a person can look at the record; None where there is no such place.
    """

    id: int
    action: str
    arguments: Mapping[str, Any]
    state: State
    entity: str
    record: tuple[str, Mapping[str, Any]] | None
    creates: bool
    changes: tuple[Change, ...]
    hidden: bool
    proposer: str
    proposed_at: dt.datetime
    expires_at: dt.datetime
    decided_by: str | None
    decided_at: dt.datetime | None
    outcome: str
    result_key: Mapping[str, Any] | None
    url: str | None

    @property
    def difference(self) -> str:
        """As people read it, before they decide: what is written where, before and after. Text stays text."""
        where = self.entity
        if self.record is not None:
            key = ", ".join(f"{n} = {v}" for n, v in self.record[1].items())
            where = f"{self.entity} for {self.record[0]} {key}" if self.creates else f"{self.entity} {key}"
        verb = "makes a new record" if self.creates else "changes a record"
        lines = [f"proposal {self.id}: {self.action} {verb}: {where}"]
        for change in self.changes:
            if not change.shown:
                lines.append(f"  {change.field}: (not shown to you)")
            elif self.creates:
                lines.append(f"  {change.field}: {_written(change.after)}")
            else:
                lines.append(f"  {change.field}: {_written(change.before)} -> {_written(change.after)}")
        if self.hidden:
            lines.append("  more would be written than you may see")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        record = None if self.record is None else {"entity": self.record[0], "key": dict(self.record[1])}
        return {
            "id": self.id,
            "action": self.action,
            "arguments": dict(self.arguments),
            "state": self.state,
            "entity": self.entity,
            "record": record,
            "creates": self.creates,
            "changes": [c.to_dict() for c in self.changes],
            "hidden": self.hidden,
            "proposer": self.proposer,
            "proposed_at": self.proposed_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "decided_by": self.decided_by,
            "decided_at": None if self.decided_at is None else self.decided_at.isoformat(),
            "outcome": self.outcome,
            "result_key": None if self.result_key is None else dict(self.result_key),
            "url": self.url,
        }


def _written(value: Any) -> str:
    return "(empty)" if value is None else shortened(json.dumps(value, ensure_ascii=False))


class Actions:
    """What may be done over a hub, by its principal. Made by `Hub.actions`.

    Args:
        hub: the connected systems, as the principal sees them.
        store: where proposals are kept.
        known: every configured action by its full name.
    """

    def __init__(self, hub: Hub, store: ProposalStore, known: Mapping[str, Action]) -> None:
        self._hub = hub
        self._store = store
        self._known = known
        self._policy = hub.config.policy

    @property
    def offered(self) -> list[Offered]:
        """What may be proposed, by name."""
        return [
            Offered(
                name=name,
                description=action.description,
                schema=action.arguments.model_json_schema(),
                approves=self._may("approve", name),
            )
            for name, action in sorted(self._known.items())
            if self._may("propose", name)
        ]

    def propose(self, action: str, arguments: Mapping[str, Any], *, request: str | None = None) -> Proposal:
        """Draft an action and keep it for its approval. Writes nothing to the source.

        Args:
            action: `source.action`.
            arguments: of its schema; records by key or name.
            request: whatever tells this request from every other; asked again, it gives the proposal that it gave.

        Raises:
            ActionError: there is no such action, its arguments make no sense, or it would change nothing.
            PolicyError: it would write what the proposer may not.
            SourceError: the source can't be asked.
        """
        self._hub.require_principal()
        if action not in self._known or not self._may("propose", action):
            near = near_names(action, [o.name for o in self.offered])
            raise ActionError(f"there is no action {action!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
        one = self._known[action]
        source = action.partition(".")[0]
        given = self._validated(one, arguments)
        given = self._validated(one, self._with_records(source, one, given))
        draft = one.draft(given)
        action_rights.check_written(self._policy, self._hub.rights, source, draft)
        self._check_visible(source, draft)
        if not draft.creates and all(draft.before.get(n) == v for n, v in draft.after.items()):
            raise ActionError("nothing would change: the record is like that already")
        whole = None if request is None else f"{self._name} {request}"
        values = {
            "token": uuid.uuid4().hex,
            "request": whole,
            "action": action,
            "arguments": given.model_dump(mode="json", exclude_none=True),
            "draft": draft.to_dict(),
            "proposer": self._name,
            "account": os_user(),
        }
        row = self._store.add(values, parse_age(self._hub.config.actions.expires or "1d").total_seconds())  # type: ignore[union-attr]
        if row.token != values["token"] and (row.action, dict(row.arguments)) != (action, values["arguments"]):
            raise ActionError("this request has proposed something else before")
        if row.token == values["token"]:
            self._record(row, "proposed")
        return self._shown(row)

    def proposals(self, *states: State) -> list[Proposal]:
        """The proposals that the principal made or may approve, in these states; by default those that are open."""
        rows = [self._current(r) for r in self._store.all(*(states or _OPEN)) if self._concerns(r)]
        wanted = set(states or _OPEN)
        return [self._shown(r) for r in rows if r.state in wanted]

    def get(self, number: int) -> Proposal:
        """One proposal; what became of one that was sent and not heard of is looked up at the source.

        Raises:
            ActionError: there is none of this number, for all that the principal may know.
        """
        return self._shown(self._settled(self._row(number)))

    def approve(self, number: int) -> Proposal:
        """Have it done, now and once. To be called where a person has seen the difference and said so.

        Of a proposal that was approved before, what became of it is told, and nothing is sent.

        Raises:
            ActionError: it was rejected, or waited too long.
            PolicyError: the principal may not approve it, or it can't be recorded.
        """
        self._hub.require_principal()
        row = self._settled(self._row(number))
        if row.state in ("sending", "done", "not done", "unknown"):
            return self._shown(row)
        source = row.action.partition(".")[0]
        self._check_may_decide(row)
        if row.state != "proposed":
            raise ActionError(f"proposal {number} is {row.state}")
        draft = Draft.from_dict(row.draft)
        action_rights.check_written(self._policy, self._hub.rights, source, draft, "approve")
        action = self._action(row)
        given = self._validated(action, row.arguments)
        claim = {"decided_by": self._who, "decided_at": self._store.now(), "sender": this_process()}
        if not self._store.move(number, "proposed", "sending", **claim):
            return self._shown(self._row(number))
        row = self._row(number)
        try:
            self._record(row, "approved")
        except PolicyError:
            self._store.move(number, "sending", "proposed", decided_by=None, decided_at=None, sender=None)
            raise
        return self._shown(self._sent(row, action, given, draft))

    def reject(self, number: int, reason: str = "") -> Proposal:
        """Decide that it is not done. Whoever proposed it may take it back.

        Raises:
            ActionError: it is not waiting any more.
            PolicyError: the principal may neither approve nor take it back.
        """
        self._hub.require_principal()
        row = self._current(self._row(number))
        if row.proposer != self._name:
            self._check_may_decide(row)
        values = {"decided_by": self._who, "decided_at": self._store.now(), "outcome": reason}
        if row.state != "proposed" or not self._store.move(number, "proposed", "rejected", **values):
            raise ActionError(f"proposal {number} is {self._row(number).state}")
        row = self._row(number)
        self._record(row, "rejected")
        return self._shown(row)

    # -- sending -----------------------------------------------------------------------------

    def _sent(self, row: Row, action: Action, given: BaseModel, draft: Draft) -> Row:
        """Send it, once, and note what came of it."""
        try:
            done = action.perform(given, draft, row.token)
        except (Conflict, AuthFailed, RateLimited) as error:
            return self._ended(row, "not done", str(error))
        except SourceError as error:
            return self._looked_up(row, action, given, draft, error)
        except BaseException as error:
            self._store.move(row.id, "sending", "unknown", outcome=f"interrupted: {type(error).__name__}")
            raise
        return self._ended(row, "done", done.note, done)

    def _looked_up(
        self, row: Row, action: Action, given: BaseModel, draft: Draft, error: SourceError | None = None
    ) -> Row:
        """What became of what was sent, as the source shows it."""
        sent_at = dt.datetime.fromtimestamp(row.decided_at or 0, dt.UTC)
        try:
            done = action.outcome(given, draft, row.token, sent_at)
        except SourceError as later:
            return self._ended(row, "unknown", f"it was sent, and whether it was done can't be told: {error or later}")
        if done is not None:
            return self._ended(
                row, "done", f"found at the source afterwards{'; ' + done.note if done.note else ''}", done
            )
        refused = error is not None and not isinstance(error, RetryableError)
        if refused or self._store.now() > (row.decided_at or 0) + SETTLES:
            return self._ended(row, "not done", str(error or "the source shows no trace of it"))
        return self._ended(
            row, "unknown", f"it was sent, and the source shows no trace of it yet: {error or 'no answer'}"
        )

    def _ended(self, row: Row, state: State, outcome: str, done: Done | None = None) -> Row:
        if state == row.state and outcome == row.outcome:
            return row
        key = dict(done.key) if done is not None and done.key else None
        if self._store.move(row.id, row.state, state, outcome=outcome, result_key=key):
            row = self._row(row.id)
            try:
                self._record(row, state)
            except AuditFailed as error:  # it was done, and can't be undone; that it was sent is recorded
                log.error("%s; proposal %s is %s", error, row.id, state)
            return row
        return self._row(row.id)

    def _settled(self, row: Row) -> Row:
        """The proposal as it is now; of one that was sent and not heard of, what the source shows."""
        row = self._current(row)
        if row.state not in ("sending", "unknown"):
            return row
        if row.state == "sending":
            waited = self._store.now() - (row.decided_at or 0)
            if waited < UNDER_WAY and may_be_alive(row.sender):
                return row
        action = self._action(row)
        return self._looked_up(row, action, self._validated(action, row.arguments), Draft.from_dict(row.draft))

    def _current(self, row: Row) -> Row:
        """The proposal as it is now: one that waited too long has ended."""
        if row.state == "proposed" and self._store.now() > row.expires_at:
            return self._ended(row, "expired", "nobody approved it in time")
        return row

    # -- who, and what they see --------------------------------------------------------------

    @property
    def _name(self) -> str | None:
        return None if self._hub.principal is None else self._hub.principal.name

    @property
    def _who(self) -> str:
        """The principal; where there is no policy, the account of the operating system."""
        return self._name or os_user()

    def _may(self, verb: action_rights.Verb, action: str) -> bool:
        return action_rights.may(self._policy, self._hub.principal, verb, action)

    def _concerns(self, row: Row) -> bool:
        return self._policy is None or row.proposer == self._name or self._may("approve", row.action)

    def _check_may_decide(self, row: Row) -> None:
        if not self._may("approve", row.action):
            raise PolicyError(f"{self._name} may not approve {row.action}")
        mine = row.proposer == self._name if self._policy is not None else row.account == os_user()
        if mine and self._hub.config.actions.two_people:
            raise PolicyError("nobody approves what they proposed themselves (actions.two_people)")

    def _row(self, number: int) -> Row:
        row = self._store.get(number)
        if row is None or not self._concerns(row) or not self._is_visible(row):
            raise ActionError(f"there is no proposal {number}")
        return row

    def _is_visible(self, row: Row) -> bool:
        if self._policy is None:
            return True
        try:
            self._check_visible(row.action.partition(".")[0], Draft.from_dict(row.draft))
        except ActionError:
            return False
        return True

    def _action(self, row: Row) -> Action:
        if row.action not in self._known:
            raise ActionError(f"the action {row.action} is not configured any more")
        return self._known[row.action]

    def _check_visible(self, source: str, draft: Draft) -> None:
        """Make sure that the record is one that the principal sees.

        Raises:
            ActionError: it is not, or there is none; nobody can tell which.
        """
        if draft.record is None or self._hub.rights is None:
            return
        full_name = f"{source}.{draft.record.entity}"
        missing = ActionError(f"there is no such record of {full_name}")
        try:
            entity = self._hub.catalog.entity(full_name)
            fields = [entity.field(name) for name in draft.record.key]
        except QueryError:
            raise missing from None
        same = [_equals(f.name, value, f.type) for f, value in zip(fields, draft.record.key.values(), strict=True)]
        if not self._rows(entity, [f.name for f in fields], exp.and_(*same)):
            raise missing

    def _shown(self, row: Row) -> Proposal:
        source = row.action.partition(".")[0]
        draft = Draft.from_dict(row.draft)
        known = action_rights.shown(self._hub.rights, source, draft)
        changes = tuple(
            Change(field=n, before=draft.before.get(n), after=v)
            if known[n]
            else Change(field=n, before=None, after=None, shown=False)
            for n, v in draft.after.items()
            if n in known
        )
        sees_all = len(known) == len(draft.after) and all(known.values())
        record = draft.record
        return Proposal(
            id=row.id,
            action=row.action,
            arguments=row.arguments if sees_all else {},
            state=row.state,
            entity=f"{source}.{draft.entity}",
            record=None if record is None else (f"{source}.{record.entity}", record.key),
            creates=draft.creates,
            changes=changes,
            hidden=not sees_all,
            proposer=row.proposer or row.account,
            proposed_at=dt.datetime.fromtimestamp(row.proposed_at, dt.UTC),
            expires_at=dt.datetime.fromtimestamp(row.expires_at, dt.UTC),
            decided_by=row.decided_by,
            decided_at=None if row.decided_at is None else dt.datetime.fromtimestamp(row.decided_at, dt.UTC),
            outcome=row.outcome,
            result_key=row.result_key,
            url=self._url(source, draft, row.result_key),
        )

    def _url(self, source: str, draft: Draft, made: Mapping[str, Any] | None) -> str | None:
        record = Record(entity=draft.entity, key=made) if made and draft.creates else draft.record
        if record is None:
            return None
        try:
            entity = self._hub.catalog.entity(f"{source}.{record.entity}")
            return self._hub.connectors[source].record_url(entity, record.key)
        except (GroundwireError, KeyError):
            return None

    # -- arguments ---------------------------------------------------------------------------

    def _validated(self, action: Action, arguments: Mapping[str, Any]) -> BaseModel:
        try:
            return action.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors(include_url=False)
            )
            raise ActionError(f"these are no arguments of {action.name}: {told}") from None

    def _with_records(self, source: str, action: Action, given: BaseModel) -> dict[str, Any]:
        """The arguments with the key of each record that they name."""
        found = given.model_dump(exclude_none=True)
        for name, entities in records_named(action.arguments).items():
            if name in found:
                entity, key = self._resolved(source, str(found[name]), entities)
                found[name] = key if len(entities) == 1 else f"{entity}/{key}"
        return found

    def _resolved(self, source: str, text: str, entities: list[str]) -> tuple[str, str]:
        """Entity and key of the one record that a text names, among those that the principal sees.

        Args:
            text: a key, a name, or either behind the entity's name and a slash.

        Raises:
            ActionError: there is none, or there are several.
        """
        before, slash, rest = text.partition("/")
        if slash and before in entities:
            entities, text = [before], rest
        shown = [e for e in self._hub.catalog if e.source == source and e.name in entities]
        for conditions in (_is_key, _is_name):
            matches = []
            for entity in shown:
                where = conditions(entity, text)
                if where is not None:
                    columns = [entity.primary_key[0]]
                    matches += [(entity.name, str(row[0])) for row in self._rows(entity, columns, where)]
            if len(matches) > 1:
                told = ", ".join(f"{e}/{k}" for e, k in matches[:5])
                raise ActionError(f"several records are {text!r}: {told}; write one of these")
            if matches:
                return matches[0]
        raise ActionError(f"there is no record {text!r} of {' or '.join(f'{source}.{e}' for e in entities)}")

    def _rows(self, entity: Entity, columns: list[str], where: exp.Expr) -> list[tuple[Any, ...]]:
        parts = [exp.to_identifier(p, quoted=True).sql("duckdb") for p in (entity.source, entity.name)]
        names = ", ".join(exp.to_identifier(c, quoted=True).sql("duckdb") for c in columns)
        sql = f"SELECT {names} FROM {'.'.join(parts)} WHERE {where.sql('duckdb')}"
        return self._hub.query(sql, max_age=0, limit=6).rows()

    # -- the trail ---------------------------------------------------------------------------

    def _record(self, row: Row, event: str) -> None:
        """Write to the audit trail what has happened, or is about to.

        Raises:
            AuditFailed: it can't be written.
        """
        recorder = self._hub.recorder
        if recorder is None:
            return
        draft = Draft.from_dict(row.draft)
        told = {
            "asked": f"{row.action} {dict(row.arguments)}",
            "answer": event + (f": {row.outcome}" if row.outcome else ""),
            "event": event,
            "proposal": row.id,
            "token": row.token,
            "action": row.action,
            "arguments": dict(row.arguments),
            "proposer": row.proposer,
            "decided_by": row.decided_by,
            "entity": f"{row.action.partition('.')[0]}.{draft.entity}",
            "record": draft.to_dict()["record"],
            "creates": draft.creates,
            "before": dict(draft.before),
            "after": dict(draft.after),
            "result_key": row.result_key,
        }
        recorder.action(self._hub.principal, self._hub.clock(), told)


def declared(hub: Hub) -> dict[str, Action]:
    """Every action that the configuration wants, by full name.

    Args:
        hub: of no principal.

    Raises:
        ConfigError: a source has no such action, or no actions.
        SourceError: the catalog can't be read.
    """
    found: dict[str, Action] = {}
    for name, settings in hub.config.sources.items():
        if not settings.actions:
            continue
        connector = hub.connectors[name]
        if not isinstance(connector, Acting):
            raise ConfigError(f"sources of type {settings.type} have no actions", setting=f"sources.{name}.actions")
        _ = hub.catalog  # what an action is about is learned there
        found |= {f"{name}.{a.name}": a for a in cast(Acting, connector).actions(settings.actions)}
    if hub.config.policy is not None:
        fields = [n for e in hub.catalog for n in (e.full_name, *(f"{e.full_name}.{f.name}" for f in e.fields))]
        action_rights.check_patterns(hub.config.policy, found, fields)
    return found


def _is_key(entity: Entity, text: str) -> exp.Expr | None:
    """The condition that the entity's key is this text; None where it can't be."""
    if len(entity.primary_key) != 1:
        return None
    field = entity.field(entity.primary_key[0])
    if pa.types.is_integer(field.type):
        return _equals(field.name, int(text), field.type) if text.isascii() and text.isdigit() else None
    return _equals(field.name, text, field.type)


def _is_name(entity: Entity, text: str) -> exp.Expr | None:
    """The condition that people call a record by this text; None where the entity has no name."""
    if len(entity.primary_key) != 1:
        return None
    names = {f.name.lower(): f for f in entity.fields if pa.types.is_string(f.type)}
    same = [_equals(names[n].name, text, names[n].type) for n in NAME_FIELDS if n in names]
    return exp.or_(*same) if same else None


def _equals(name: str, value: Any, type_: pa.DataType) -> exp.Expr:
    column = exp.column(exp.to_identifier(name, quoted=True))
    value = jsonable(value)
    if pa.types.is_integer(type_) and isinstance(value, str) and value.lstrip("-").isdigit():
        value = int(value)
    return exp.EQ(this=column, expression=exp.convert(value))
