"""A conversation: remarks become whole questions, doubtful words are asked back about, in the asker's language.

The ground of a remark is the query that was answered before it. Code changes that query where it understands each word
of the remark (`followups`, `references`); else the language model makes a whole question of both (`rewriting`), which
is then asked like any other. The model is given nothing but the last answer, so a conversation may be of any length.
What it holds can be kept between questions (`State`), by whoever answers many askers; where that is lost, what a
client tells of the turns does (`heard`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from groundwire.agents import ambiguity, heard, languages, prompt, references, rewriting
from groundwire.agents import remark_words as say
from groundwire.agents.agent import Agent, Answer, Event, Option, Understood
from groundwire.agents.followups import Remark, is_remark, may_be_remark
from groundwire.agents.local_model import LocalChatModel
from groundwire.agents.remark_values import Ambiguous, Before, Followed
from groundwire.core.catalog import Entity
from groundwire.core.errors import QueryError
from groundwire.core.result import display

MOST_OPTIONS = 4
_MOST_ROWS = 10_000
"""Of an answer that is read again."""
_NUMBER = re.compile(r"^\W*(?:option |nr\.? |no\.? )?(\d)\W*$", re.IGNORECASE)


@dataclass
class _Pending:
    """A question back that waits for its answer."""

    asked: str
    whole: str
    language: str
    options: tuple[Option, ...]
    remembered_as: str  # empty for a row, which only this remark is about
    sql: tuple[str, ...] = ()
    """For each option the query that answers it; empty where the remark itself is read again."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What was said so far, as far as what is said next may refer to it; nothing of it changes.

    Attributes:
        before: the answer that a remark is about.
        choices: for words with several readings, the one that was chosen.
        pending: the question back that waits for its answer.
        heard: the turns so far as a client tells them, the oldest first, where the answers are not known any more.
    """

    before: Before | None = None
    choices: tuple[tuple[str, str], ...] = ()
    pending: _Pending | None = None
    heard: tuple[heard.Turn, ...] = ()

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes."""
        texts = [text for pair in (*self.choices, *self.heard) for text in pair]
        if self.before is not None:
            texts += [self.before.question, self.before.sql]
        if self.pending is not None:
            texts += [self.pending.asked, self.pending.whole, *self.pending.sql]
        table = self.before.result.table.nbytes if self.before is not None else 0
        return int(table) + sum(len(t.encode()) for t in texts)


class Conversation:
    """One asker's questions, one after the other.

    Args:
        agent: who answers.
        interactive: whether the asker can be asked back; else the likelier reading is taken and said.
    """

    def __init__(self, agent: Agent, *, interactive: bool = True) -> None:
        self.agent = agent
        self.interactive = interactive
        self.before: Before | None = None
        self.choices: dict[str, str] = {}
        self._pending: _Pending | None = None
        self._heard: tuple[heard.Turn, ...] = ()
        self._picked = ""

    def forget(self) -> None:
        """Begin anew: nothing that was said before counts."""
        self.state = State()

    @property
    def state(self) -> State:
        """What was said so far; setting it goes on from there."""
        return State(before=self.before, choices=tuple(self.choices.items()), pending=self._pending, heard=self._heard)

    @state.setter
    def state(self, state: State) -> None:
        self.before, self._pending, self._heard = state.before, state.pending, state.heard
        self.choices = dict(state.choices)

    def ask(
        self,
        text: str,
        *,
        hints: str = "",
        max_age: str | None = None,
        on_event: Event | None = None,
        stop_event: threading.Event | None = None,
    ) -> Answer:
        """Answer a question, a remark on the answer before, or a choice between readings.

        Args and errors are those of `Agent.ask`.
        """
        asked = _Asked(text=text, hints=hints, max_age=max_age, on_event=on_event, stop_event=stop_event)
        state = self.state
        try:
            return self.agent.as_one(text, hints, lambda: self._turn(asked))
        except BaseException:
            self.state = state  # what was not given can't be spoken of
            raise

    def _turn(self, asked: _Asked) -> Answer:
        pending, self._pending = self._pending, None
        self._picked = ""
        if pending is not None and (chosen := _chosen(asked.text, pending.options)) is not None:
            if pending.remembered_as:
                self.choices[pending.remembered_as] = pending.options[chosen].value
            text = pending.asked if pending.remembered_as else f"{pending.whole} ({pending.options[chosen].value})"
            asked = replace(asked, text=text)
            if pending.sql:
                read = Understood(question=pending.whole, sql=pending.sql[chosen], language=pending.language)
                return self._ask(asked, read)
        if self.before is None and self._heard:
            return self._after_texts(asked)
        return self._answer(asked)

    def _answer(self, asked: _Asked) -> Answer:
        return self._answer_to(asked, *self._spoken(asked))

    def _answer_to(self, asked: _Asked, language: str, english: str) -> Answer:
        if self.before is not None and is_remark(english):
            return self._remark(asked, english, language)
        if self.before is not None and may_be_remark(english, *self._shown()):
            remark = self._read(english, self.before)
            try:
                followed = remark.follow() if remark is not None else None
            except Ambiguous as unclear:
                return self._which_field(asked, english, language, self.before, unclear)
            if followed is not None:
                return self._followed(asked, followed, language)
        read = Understood(question=english, language=language)
        return self._checked(asked, self._ask(asked, read, remember=False), language)

    def _spoken(self, asked: _Asked) -> tuple[str, str]:
        """The language of a text, and the text in English."""
        language = languages.of(asked.text)
        if language == languages.ENGLISH or not isinstance(self.agent.model, LocalChatModel):
            return _answered_in(language), asked.text
        asked.tell("step", "putting the question into English")
        translated = rewriting.in_english(self.agent.model, asked.text, asked.stop_event)
        return _answered_in(language), translated or asked.text

    def _shown(self) -> tuple[tuple[Entity, ...], dict[str, str]]:
        catalog = self.agent.hub.catalog
        shown = prompt.choose(self.before.question if self.before else "", catalog)
        return shown.entities, shown.names(catalog)

    # -- turns of which only a client knows ---------------------------------------------------------

    def _after_texts(self, asked: _Asked) -> Answer:
        """What is said after turns whose answers are not known here."""
        turns = self._heard
        options = tuple(Option(text=text, value=text) for text in heard.options(turns[-1].said))
        choice = ""
        if (chosen := _chosen(asked.text, options)) is not None:
            self._picked = options[chosen].text
            asked, turns, choice = replace(asked, text=turns[-1].asked), turns[:-1], f" ({self._picked})"
        language, english = self._spoken(asked)
        is_sure = is_remark(english)
        if is_sure or may_be_remark(english, *self._shown()):
            self.before = self._read_again(asked, turns)
            self._heard = () if self.before is not None else self._heard
        whole = None
        if is_sure and self.before is None:
            about = heard.ground(turns, lambda text: self._spoken(replace(asked, text=text))[1], is_remark)
            if about is not None:
                asked.tell("step", "making a whole question of it")
                said, stop = english + choice, asked.stop_event
                whole = rewriting.whole_question(self.agent.model, about.question, about.answer, said, stop)
                if whole is not None and not (whole.endswith("?") or say.WHOLE.search(whole)):
                    whole = None  # small models answer in place of asking
        if whole is None:
            return self._answer_to(asked, language, english)
        read = Understood(question=whole, language=language)
        return self._checked(asked, self._ask(asked, read, remember=False), language)

    def _read_again(self, asked: _Asked, turns: Sequence[heard.Turn]) -> Before | None:
        """The last answer of which the query is known, read again; None where it is of none that can be."""
        turn = next((t for t in reversed(turns) if t.sql), None)
        if turn is None:
            return None
        asked.tell("step", "reading again what was said before")
        hub, levers = self.agent.hub, self.agent.levers
        try:
            result = hub.query(
                turn.sql,
                max_age=asked.max_age,
                limit=_MOST_ROWS,
                link_values=levers.values,
                progress=lambda text: asked.tell("source", text),
                stop=asked.stop_event,
            )
        except QueryError:
            return None
        return Before(question=turn.question or turn.asked, sql=turn.sql, result=result, now=hub.clock())

    # -- remarks ------------------------------------------------------------------------------

    def _remark(self, asked: _Asked, english: str, language: str) -> Answer:
        before = self.before
        assert before is not None
        try:
            remark = self._read(english, before)
            about = references.about_row(remark) if remark is not None else None
            if about is not None and about.unclear and self.interactive:
                return self._which_row(asked, english, language, about.unclear)
            if about is not None and about.followed is not None:
                lead = (
                    languages.say(about.lead, language, figure=languages.number(about.figure, language))
                    if about.lead
                    else ""
                )
                return self._followed(asked, about.followed, language, lead)
            remark = self._read(english, before)
            followed = remark.follow() if remark is not None else None
        except Ambiguous as unclear:
            return self._which_field(asked, english, language, before, unclear)
        if followed is not None:
            return self._followed(asked, followed, language)
        if remark is not None and remark.asks_nothing:
            return Answer(question=asked.text, text=languages.say("nothing asked", language), language=language)
        known = references.spelled_out(english, before.result)
        if known is None and remark is not None:
            known = references.other_thing(remark)
        if known is not None:
            read = Understood(question=known, language=language)
            return self._checked(asked, self._ask(asked, read, remember=False), language)
        asked.tell("step", "making a whole question of it")
        rows = [[display(v) for v in row] for row in before.result.rows()]
        told = rewriting.rows_told(before.result.columns, rows)
        whole = rewriting.whole_question(self.agent.model, before.question, told, english, asked.stop_event)
        return self._ask(asked, Understood(question=whole or english, language=language))

    def _read(self, english: str, before: Before) -> Remark | None:
        entities, names = self._shown()
        try:
            return Remark(english, before, self.agent.hub.catalog, entities, names, self.choices)
        except QueryError:
            return None  # the query before is of a kind that code does not change

    def _followed(self, asked: _Asked, followed: Followed, language: str, lead: str = "") -> Answer:
        read = Understood(
            question=followed.question, sql=followed.sql, changes=followed.changes, language=language, lead=lead
        )
        return self._ask(asked, read)

    # -- questions back -------------------------------------------------------------------------

    def _which_row(self, asked: _Asked, english: str, language: str, rows: Iterable[str]) -> Answer:
        options = tuple(Option(text=row, value=row) for row in rows)
        if (picked := self._picked) in [o.text for o in options]:
            self._picked = ""
            return self._answer_to(asked, language, f"{english.rstrip('?')} ({picked})")
        text = languages.say("which row", language)
        self._pending = _Pending(asked.text, english.rstrip("?"), language, options, "")
        return Answer(question=asked.text, text=text, options=options, language=language)

    def _which_field(self, asked: _Asked, english: str, language: str, before: Before, unclear: Ambiguous) -> Answer:
        """A word that is a value of two fields: asked back about where that makes a difference."""
        made: list[tuple[Option, Followed]] = []
        for entity, field, value in unclear.meant[:MOST_OPTIONS]:
            name = f"{entity.full_name}.{field}"
            entities, names = self._shown()
            choices = {**self.choices, unclear.phrase: name}
            remark = Remark(english, before, self.agent.hub.catalog, entities, names, choices)
            followed = remark.follow()
            if followed is not None:
                made.append((Option(text=f"{name} = {value}", value=name), followed))
        if not made:
            return self._ask(asked, Understood(question=english, language=language))
        if len(made) == 1 or not ambiguity.differ(
            self.agent.hub, [f.sql for _, f in made], asked.max_age, asked.stop_event
        ):
            return self._followed(asked, made[0][1], language)
        return self._choose(
            asked, made[0][1].question, language, unclear.phrase, "which reading", [(o, f.sql) for o, f in made]
        )

    def _choose(
        self, asked: _Asked, whole: str, language: str, phrase: str, key: str, made: list[tuple[Option, str]]
    ) -> Answer:
        """Ask which reading is meant, or take the first one and say so."""
        if not self.interactive:
            others = ", ".join(o.text for o, _ in made[1:])
            said = languages.say("read as", language, phrase=phrase, choice=made[0][0].text, others=others)
            read = Understood(question=whole, sql=made[0][1], language=language, assumptions=(said,))
            return self._ask(asked, read)
        options = tuple(o for o, _ in made)
        remembered = phrase if key == "which reading" else f"{key} {made[0][0].value.rpartition('.')[0]}"
        for option, sql in made:
            if option.text == self._picked:  # in a turn of which only the text is known
                self.choices[remembered] = option.value
                return self._ask(asked, Understood(question=whole, sql=sql, language=language))
        self._pending = _Pending(asked.text, whole, language, options, remembered, tuple(sql for _, sql in made))
        text = languages.say(key, language, phrase=phrase)
        understood = whole if whole != asked.text else ""
        return Answer(question=asked.text, text=text, understood=understood, options=options, language=language)

    def _checked(self, asked: _Asked, answer: Answer, language: str) -> Answer:
        """An answer to a whole question, or a question back where another reading of it is as likely and differs."""
        if answer.refused or answer.sql is None:
            return self._kept(answer)
        whole = answer.understood or answer.question
        found = ambiguity.other_reading(self.agent.hub, whole, answer.sql, *self._shown())
        if found is None:
            return self._kept(answer)
        key = found.phrase if found.key == "which reading" else f"{found.key} {found.owner}"
        if (chosen := self.choices.get(key)) is not None:
            at = next((n for n, r in enumerate(found.readings) if r.value == chosen), 0)
            said = languages.say("as before", language, phrase=found.phrase, choice=found.readings[at].text)
            read = Understood(question=whole, sql=found.readings[at].sql, language=language, assumptions=(said,))
            return self._ask(asked, read) if at else self._kept(replace(answer, assumptions=(said,)))
        sqls = [r.sql for r in found.readings]
        if not ambiguity.differ(self.agent.hub, sqls, asked.max_age, asked.stop_event):
            return self._kept(answer)
        if not self.interactive:
            others = ", ".join(r.text for r in found.readings[1:])
            said = languages.say("read as", language, phrase=found.phrase, choice=found.readings[0].text, others=others)
            return self._kept(replace(answer, assumptions=(said,)))
        made = [(Option(text=r.text, value=r.value), r.sql) for r in found.readings[:MOST_OPTIONS]]
        return self._choose(asked, whole, language, found.phrase, found.key, made)

    # -- asking -----------------------------------------------------------------------------------

    def _ask(self, asked: _Asked, read: Understood, *, remember: bool = True) -> Answer:
        answer = self.agent.ask(
            asked.text,
            hints=asked.hints,
            max_age=asked.max_age,
            on_event=asked.on_event,
            stop_event=asked.stop_event,
            understood=read,
        )
        return self._kept(answer) if remember else answer

    def _kept(self, answer: Answer) -> Answer:
        """Remember an answer as what the next remark is about."""
        if answer.sql is not None and answer.result is not None and not answer.refused:
            question = answer.understood or answer.question
            self.before = Before(question=question, sql=answer.sql, result=answer.result, now=self.agent.hub.clock())
            self._heard = ()
        return answer


@dataclass(frozen=True, kw_only=True)
class _Asked:
    text: str
    hints: str
    max_age: str | None
    on_event: Event | None
    stop_event: threading.Event | None

    def tell(self, kind: str, text: str) -> None:
        if self.on_event is not None:
            self.on_event(kind, text)


def _answered_in(language: str) -> str:
    return language if language in languages.SPOKEN else languages.ENGLISH


def _chosen(text: str, options: tuple[Option, ...]) -> int | None:
    """Which option a reply names: by its text, its number, or words that only it has."""
    for n, option in enumerate(options):
        if text.strip() == option.text:
            return n
    if match := _NUMBER.match(text):
        at = int(match[1]) - 1
        return at if 0 <= at < len(options) else None
    ordinals = references.ordinal(text)
    if ordinals is not None and len(text.split()) <= 3:
        return ordinals if ordinals < len(options) else None
    said = " ".join(text.lower().split()).strip(" ?.!")
    hits = [n for n, o in enumerate(options) if said and said in o.text.lower()]
    return hits[0] if len(hits) == 1 else None
