"""What MCP clients may call: the tools of `agents/tools`, one record by its key, an answer in words, and the status.

A tool gives text for a model, and beside it (`structured`) what the text was made of, for programs: source reports,
truncation and ages are in both. Nothing here speaks the protocol: that is `agents/mcp`.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import pyarrow as pa
import sqlglot.expressions as exp
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from groundwire.agents.choosing import Asker, Choose, settled
from groundwire.agents.grammar import choices
from groundwire.agents.remembered import Remembered, Talk
from groundwire.agents.tools import answered, make_tools
from groundwire.core import telemetry
from groundwire.core.catalog import Entity
from groundwire.core.catalog import Field as EntityField
from groundwire.core.config import ModelConfig
from groundwire.core.errors import ConfigError, ModelError, PolicyError, QueryError, SourceError, Stopped
from groundwire.core.hub import Hub
from groundwire.core.result import Result

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from groundwire.agents.agent import Answer

ROWS = 100
"""Rows of a result that a client is given; more are said to exist, and have to be asked for."""

Key = str | int | dict[str, str | int]


class Chooser(Protocol):
    """Puts choices to an asker, as `Choose` does, perhaps in a later call of the same tool.

    Attributes:
        asked_in: the conversation of the calls before, which is kept for the call to come; empty for a first call.
    """

    asked_in: str

    def __call__(self, question: str, options: Sequence[str]) -> str | None: ...

    def again(self, question: str, options: Sequence[str]) -> str | None:
        """What was chosen after the calls before, of the options that the last of them ended with."""


class _Record(BaseModel):
    entity: Annotated[str, Field(description="such as crm.Account")]
    key: Annotated[Key, Field(description="value of its primary key; an object of names and values for several fields")]


class _Ask(BaseModel):
    question: Annotated[str, Field(description="in plain words; in a conversation also: and last year?")]
    max_age: Annotated[str | None, Field(description="oldest acceptable data, such as 0, 30s, 5m")] = None
    conversation: Annotated[str | None, Field(description="given with an answer: goes on from there")] = None


class _Nothing(BaseModel):
    pass


class Model:
    """A language model that is loaded at the first question, and shared by all who ask.

    Args:
        load: gives the model.
        at_once: how many questions it answers at a time; the others wait.
        asker: makes of a hub and the model who answers one question; a `Conversation` without it.
    """

    def __init__(
        self,
        load: Callable[[], BaseChatModel],
        at_once: int = 1,
        asker: Callable[[Hub, BaseChatModel], Asker] | None = None,
    ) -> None:
        self._load = load
        self.at_once = at_once
        self._asker = asker or _conversation
        self._loading = threading.Lock()
        self._free = threading.Semaphore(at_once)

    @classmethod
    def configured(cls, settings: ModelConfig, at_once: int = 1) -> Model:
        """The one that a configuration names."""

        def load() -> BaseChatModel:
            from groundwire.agents.agent import model_from_config

            return model_from_config(settings)

        return cls(load, at_once)

    @cached_property
    def _model(self) -> BaseChatModel:
        return self._load()

    @property
    def _loaded(self) -> BaseChatModel:
        with self._loading:
            return self._model

    def ask(
        self,
        hub: Hub,
        question: str,
        max_age: str | None,
        tell: Callable[[str, str], None],
        stop: threading.Event,
        hints: str = "",
        choose: Choose | None = None,
        talk: Talk | None = None,
    ) -> Answer:
        """An answer from what the hub's principal may see; see `Conversation.ask`, and `settled` for `choose`.

        Args:
            hub: the connected systems, as the asker may see them.
            question, max_age, hints: as for `Agent.ask`.
            tell: told what is being done, as `Agent.ask` tells it.
            stop: ends the answer when set.
            talk: where in a conversation it is asked; the question stands alone without it.

        Raises:
            Stopped: `stop` was set before it was this question's turn.
        """
        with telemetry.question():
            self._wait_for_turn(tell, stop)
            try:
                if "_model" not in self.__dict__:
                    tell("step", "loading the model")
                asker = self._asker(hub, self._loaded)
                if talk is not None:
                    talk.begin(asker, hub.principal)

                def heard(answer: Answer) -> None:
                    if talk is not None:
                        talk.end(asker, hub.principal, answer)

                told: dict[str, Any] = {"hints": hints, "max_age": max_age, "on_event": tell, "stop_event": stop}
                return settled(asker, question, choose, heard, **told)
            finally:
                self._free.release()

    def _wait_for_turn(self, tell: Callable[[str, str], None], stop: threading.Event) -> None:
        if self._free.acquire(blocking=False):
            return
        tell("step", "waiting for the model, which answers somebody else")
        with telemetry.span("wait", reason="model"):
            while not self._free.acquire(timeout=0.1):
                if stop.is_set():
                    raise Stopped("stopped")


def _conversation(hub: Hub, model: BaseChatModel) -> Asker:
    from groundwire.agents.agent import Agent
    from groundwire.agents.conversation import Conversation

    return Conversation(Agent(hub, model))


def mcp_tools(
    hub: Hub,
    model: Model,
    memory: Remembered,
    *,
    tell: Callable[[str], None],
    stop: threading.Event,
    choose: Chooser | None = None,
) -> list[BaseTool]:
    """The tools over a hub. The artifact of a message is what its text says; None where that is what is wrong.

    Args:
        hub: the connected systems, as the asker may see them.
        model: answers questions.
        memory: of conversations.
        tell: told as reads start and end.
        stop: ends a read or an answer when set.
        choose: puts choices to the asker; see `settled`.

    Raises:
        PolicyError: there is a policy, and nobody is known to ask.
    """

    def told(kind: str, text: str) -> None:
        if kind in ("step", "source"):
            tell(text)

    def get_record(entity: str, key: Key) -> tuple[str, Result | None]:
        return answered(
            lambda: hub.query(record_query(hub.catalog.entity(entity), key), progress=tell, stop=stop), call="call"
        )

    def ask(
        question: str, max_age: str | None = None, conversation: str | None = None
    ) -> tuple[str, dict[str, Any] | None]:
        try:
            return _told(question, *_asked(question, max_age, conversation or None))
        except QueryError as error:
            return f"fix your call: {error}", None
        except (ConfigError, ModelError, PolicyError, SourceError) as error:
            return f"do not retry: {error}", None

    def _asked(question: str, max_age: str | None, conversation: str | None) -> tuple[Answer, str | None]:
        """An answer, and under what its conversation is kept; None where it is not."""
        if conversation is not None and memory.find(hub.principal, conversation) is None:
            raise QueryError("this conversation is not known any more: ask the whole question, without conversation")
        if choose is not None and choose.asked_in and (kept := memory.find(hub.principal, choose.asked_in)):
            conversation, back = choose.asked_in, kept.back
            if back is not None:  # the call is done again, with what was chosen
                picked = choose.again(back.text, [o.text for o in back.options])
                if picked is None:
                    return back, conversation
                question = picked
        mine = conversation or secrets.token_hex(8)
        if choose is not None:
            choose.asked_in = mine
        talk = Talk(memory, conversation or "", lambda answer: mine)
        answer = model.ask(hub, question, max_age, told, stop, choose=choose, talk=talk)
        return answer, mine if talk.kept else None

    def status() -> tuple[str, dict[str, Any]]:
        shown = state_of(hub)
        return json.dumps(shown, ensure_ascii=False), shown

    def tool(function: Callable[..., Any], name: str, description: str, arguments: type[BaseModel]) -> BaseTool:
        return StructuredTool.from_function(
            function,
            name=name,
            description=description,
            args_schema=arguments,
            response_format="content_and_artifact",
        )

    return [
        *make_tools(hub, limit=ROWS, progress=tell, stop=stop),
        tool(get_record, "get_record", "One record of an entity by its primary key, with all its fields.", _Record),
        tool(
            ask,
            "ask",
            "Have a local model find the answer to a question, with the cells that prove it. Slow: prefer query.",
            _Ask,
        ),
        tool(
            status,
            "status",
            "Which systems are connected, whether each answers, and of when local copies are.",
            _Nothing,
        ),
    ]


def _told(question: str, answer: Answer, conversation: str | None) -> tuple[str, dict[str, Any]]:
    """An answer to a question for a model and for a program."""
    read_as = answer.read_as(question)
    understood = [f"understood as: {read_as}"] if read_as else []
    footer = answer.result.footer() if answer.result is not None else ()
    on = [f"conversation: {conversation}"] if conversation is not None else []
    lines = [answer.told, *understood, *answer.assumptions, *footer, *on]
    return "\n".join(lines), {**answer.to_dict(), "understood": read_as, "conversation": conversation}


def state_of(hub: Hub) -> dict[str, Any]:
    """Whether each source answers; and if all do, how many entities each has, and of when the local copies are."""
    states = hub.check()
    sources = [{"source": s.source, "type": s.kind, "ok": s.ok, "message": s.message} for s in states]
    shown: dict[str, Any] = {"sources": sources, "principal": hub.principal.name if hub.principal is not None else None}
    if all(s.ok for s in states):
        counts = Counter(e.source for e in hub.catalog)
        shown["sources"] = [s | {"entities": counts[str(s["source"])]} for s in sources]
        copies = hub.replicas.status() if hub.replicas is not None else []
        told = ("entity", "mode", "as_of", "lag")
        seen = {e.full_name for e in hub.catalog}
        shown["copies"] = [{name: c.to_dict()[name] for name in told} for c in copies if c.entity in seen]
    return shown


def record_query(entity: Entity, key: Key) -> str:
    """The query for one record.

    Args:
        entity: of what kind it is.
        key: the value of its primary key; with several fields, each one's name and value.

    Raises:
        QueryError: the entity has no primary key, or this is none.
    """
    names = entity.primary_key
    if not names:
        raise QueryError(f"{entity.full_name} has no primary key; use query")
    values = key if isinstance(key, dict) else {names[0]: key}
    if set(values) != set(names):
        raise QueryError(f"the primary key of {entity.full_name} is {', '.join(names)}")
    table = ".".join(exp.to_identifier(part, quoted=True).sql("duckdb") for part in entity.full_name.split("."))
    conditions = [
        exp.EQ(this=exp.column(exp.to_identifier(name, quoted=True)), expression=_literal(entity.field(name), value))
        for name, value in values.items()
    ]
    return f"SELECT * FROM {table} WHERE {exp.and_(*conditions).sql('duckdb')}"


def _literal(field: EntityField, value: str | int) -> exp.Expression:
    """A value of a key as the field's type writes it."""
    text = str(value)
    if pa.types.is_integer(field.type) or pa.types.is_decimal(field.type) or pa.types.is_floating(field.type):
        try:
            return exp.Literal.number(int(text)) if pa.types.is_integer(field.type) else exp.Literal.number(float(text))
        except ValueError:
            raise QueryError(f"{field.name} is a number, not {text!r}") from None
    if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type):
        return exp.cast(exp.Literal.string(text), "DATE" if pa.types.is_date(field.type) else "TIMESTAMP")
    return exp.Literal.string(text)


def described(entity: Entity) -> dict[str, Any]:
    """JSON-ready form of an entity, without what is empty."""
    fields = [
        {
            "name": f.name,
            "type": str(f.type),
            "label": f.label,
            "description": f.description,
            "values": list(choices(f, entity)),
        }
        for f in entity.fields
    ]
    relations = [
        {"name": r.name, "target": r.target, "many": r.many, "on": [list(pair) for pair in r.on]}
        for r in entity.relations
    ]
    shown: dict[str, Any] = {
        "entity": entity.full_name,
        "label": entity.label,
        "description": entity.description,
        "synonyms": list(entity.synonyms),
        "primary_key": list(entity.primary_key),
        "fields": [_filled(f) for f in fields],
        "relations": relations,
        "measures": [{"name": m.name, "description": m.description} for m in entity.measures],
    }
    return _filled(shown)


def _filled(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value not in ("", [])}


def text_of(result: Result) -> str:
    """A result for a model, with the very values that programs get, and what it has to know of each source."""
    told = result.to_dict()
    known = ("source", "entities", "mode", "as_of", "limited_to")
    shown = {name: told[name] for name in ("columns", "rows", "complete", "as_of", "notes")} | {
        "incomplete": result.incomplete_reasons(),
        "stale": result.stale_reasons(),
        "sources": [{name: s[name] for name in known if s[name] is not None} for s in told["sources"]],
    }
    lists = ("notes", "incomplete", "stale")
    return json.dumps({k: v for k, v in shown.items() if v or k not in lists}, ensure_ascii=False)


def structured(artifact: Any) -> dict[str, Any]:
    """What a tool's text was made of, as a JSON object."""
    if isinstance(artifact, Result):
        return artifact.to_dict()
    if isinstance(artifact, Entity):
        return described(artifact)
    return artifact if isinstance(artifact, dict) else {"entities": [described(e) for e in artifact]}
