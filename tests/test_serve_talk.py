"""A conversation over OpenAI's API: remarks and choices are understood by what the client sends, and by it alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from conftest import MODEL_THREADS
from served import TOKEN, served
from talkative import BEGINS, ENDS, GIFT, LEASES, OPEN, PAID, PER_DAY, POLICY, WEATHER, WRAPPED, Talkative, open_hub

from groundwire.agents.agent import Agent, Answer
from groundwire.agents.conversation import Conversation, State
from groundwire.agents.heard import Turn
from groundwire.agents.local_model import LocalChatModel
from groundwire.core import telemetry
from groundwire.core.errors import ModelError

FRED = "fred has a token of his own"


class Client:
    """A client of the official package that keeps the turns, as every chat program does.

    Args:
        whole: whether it sends back messages as they came; else their texts.
    """

    def __init__(self, address: str, token: str = TOKEN, *, whole: bool = False) -> None:
        self.whole = whole
        self._place: dict[str, Any] = {"base_url": f"{address}/v1", "api_key": token, "max_retries": 0}
        self.messages: list[Any] = [{"role": "system", "content": "You are helpful."}]

    def ask(self, text: str, **extension: Any) -> dict[str, Any]:
        """The proof of an answer, with its text."""
        self.messages.append({"role": "user", "content": text})
        with openai.OpenAI(**self._place) as api:
            answer = api.chat.completions.create(
                model="groundwire", messages=self.messages, extra_body={"groundwire": extension}
            )
        message = answer.choices[0].message
        said = message.content
        self.messages.append(message if self.whole else {"role": "assistant", "content": said})
        return {**(answer.model_extra or {})["groundwire"], "text": said, "usage": answer.usage}


def _rows(proof: dict[str, Any]) -> list[Any]:
    return sorted(row[0] for row in proof["result"]["rows"])


@pytest.fixture
def model() -> Talkative:
    return Talkative(asked=[])


@pytest.fixture
def address(model: Talkative) -> Iterator[str]:
    with served(open_hub(), model) as found:
        yield found


def test_a_remark_is_made_whole_and_the_whole_question_is_said(address: str, model: Talkative) -> None:
    client = Client(address)
    assert client.ask(OPEN)["understood"] == ""
    paid = client.ask("and the paid ones?")
    assert (paid["understood"], paid["changes"]) == (PAID, ["status is paid, was open"])
    assert _rows(paid) == [2, 3]
    assert _rows(client.ask("only those over 10")) == [3]
    assert [kind for kind, _ in model.asked] == ["query"], "nothing but the first question needed the model"


def test_a_remark_alone_is_about_nothing(address: str, model: Talkative) -> None:
    Client(address).ask(OPEN)
    with pytest.raises(openai.InternalServerError):
        Client(address).ask("and the paid ones?")  # of which the model knows no query
    assert model.asked[-1] == ("query", "Q: and the paid ones?")


def test_another_way_of_the_conversation_goes_on_from_where_it_left(address: str) -> None:
    client = Client(address)
    client.ask(OPEN)
    said = list(client.messages)
    client.ask("and the paid ones?")
    client.messages = said
    assert _rows(client.ask("only those over 10")) == [4]


def test_questions_without_answers_and_words_of_others_change_nothing(address: str, model: Talkative) -> None:
    client = Client(address)
    client.ask(OPEN)
    client.messages[0]["content"] = "It is five past twelve."
    client.messages.insert(1, {"role": "assistant", "content": "What can I do for you?"})
    client.messages.append({"role": "user", "content": "this one was stopped"})
    assert _rows(client.ask("and the paid ones?")) == [2, 3]
    assert len(model.asked) == 1


@pytest.mark.parametrize("reply", [ENDS, "2", "the second one"])
def test_a_question_back_is_a_message_and_its_options_can_be_chosen(address: str, model: Talkative, reply: str) -> None:
    client = Client(address)
    back = client.ask(LEASES)
    assert back["options"] == [BEGINS, ENDS]
    assert back["text"] == f"Which date does “2023” speak of?\n1. {BEGINS}\n2. {ENDS}"
    assert (back["refused"], back["result"], back["sql"]) == (False, None, None)
    chosen = client.ask(reply)
    assert chosen["understood"] == LEASES
    assert _rows(chosen) == [2]
    assert len(model.asked) == 1


def test_a_choice_holds_for_the_conversation(address: str) -> None:
    client = Client(address)
    client.ask(OPEN)
    assert client.ask("only gift")["options"] == [GIFT, WRAPPED]
    assert _rows(client.ask(GIFT)) == [1]
    client.ask("and the paid ones?")
    assert client.ask("only gift")["options"] == []


def test_who_does_not_want_to_be_asked_back_is_told_what_was_assumed(address: str) -> None:
    answer = Client(address).ask(LEASES, asks_back=False)
    assert answer["options"] == [] and _rows(answer) == [1]
    assert answer["assumptions"] == [f"“2023” was read as {BEGINS}, not as {ENDS}"]


def test_a_stream_says_the_same_and_goes_on_as_well(address: str) -> None:
    client = Client(address)
    asked = [{"role": "user", "content": LEASES}]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"messages": asked, "stream": True}
    told = httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers, trust_env=False).text
    chunks = [json.loads(line[6:]) for line in told.split("\n\n") if line.startswith("data: {")]
    said = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
    assert [c["groundwire"]["options"] for c in chunks if "groundwire" in c] == [[BEGINS, ENDS]]
    client.messages = [*asked, {"role": "assistant", "content": said}]
    assert _rows(client.ask("2")) == [2]


# -- another process --------------------------------------------------------------------------------


def test_after_a_restart_the_texts_say_what_a_remark_is_about(model: Talkative) -> None:
    with served(open_hub(), model) as address:
        client = Client(address)
        client.ask(OPEN)
        client.ask("and the paid ones?")
    said = client.messages
    model.asked.clear()
    with served(open_hub(), model) as address:
        client = Client(address)
        client.messages = said
        answer = client.ask(WEATHER)
        assert answer["understood"] == PER_DAY
        assert [kind for kind, _ in model.asked] == ["whole", "query"], "what was answered is not asked again"
        before = f"Before: {OPEN} and the paid ones? Answer: Here it is.\nRemark: {WEATHER}"
        assert model.asked[0] == ("whole", before)
        assert answer["usage"].prompt_tokens == 300, "with what making it whole took"
        assert client.ask("and the paid ones?")["understood"] == PER_DAY.replace("open", "paid")
        assert len(model.asked) == 2, "from here on it is known again"


def test_after_a_restart_a_choice_is_understood(model: Talkative) -> None:
    with served(open_hub(), model) as address:
        leases, orders = Client(address), Client(address)
        leases.ask(LEASES)
        orders.ask(OPEN)
        orders.ask("only gift")
    with served(open_hub(), model) as address:
        again = Client(address)
        again.messages = leases.messages
        assert _rows(again.ask("2")) == [2]
        again.messages = orders.messages
        assert again.ask(WRAPPED)["understood"] == PAID
        assert model.asked[-2][1].endswith(f"Remark: only gift ({WRAPPED})")


@pytest.mark.parametrize("reply", ["2", WRAPPED])
def test_after_a_restart_messages_as_they_came_need_no_model(model: Talkative, reply: str) -> None:
    with served(open_hub(), model) as address:
        paid, gift = Client(address, whole=True), Client(address, whole=True)
        paid.ask(OPEN)
        paid.ask("and the paid ones?")
        gift.ask(OPEN)
        assert gift.ask("only gift")["options"] == [GIFT, WRAPPED]
    with served(open_hub(), model) as address:
        again = Client(address, whole=True)
        again.messages = paid.messages
        over = again.ask("only those over 10")
        assert (over["understood"], _rows(over)) == (PAID.replace("?", ", over 10?"), [3])
        again.messages = gift.messages
        assert _rows(again.ask(reply)) == [4]
        again.ask("and the paid ones?")
        assert again.ask("only gift")["options"] == [], "the choice holds"
    assert [text for _, text in model.asked] == [f"Q: {OPEN}"] * 2, "before the restart"


@pytest.mark.parametrize("sql", ["SELECT nothing FROM orders", "DROP TABLE orders", "SELECT", "x" * 1000])
def test_a_query_that_is_none_is_no_ground(address: str, model: Talkative, sql: str) -> None:
    client = Client(address)
    said = {"role": "assistant", "content": "Here it is.", "groundwire": {"question": OPEN, "sql": sql}}
    client.messages = [{"role": "user", "content": OPEN}, said]
    assert client.ask(WEATHER)["understood"] == PER_DAY
    assert [kind for kind, _ in model.asked] == ["whole", "query"]


# -- many askers -------------------------------------------------------------------------------------


@pytest.fixture
def limited(model: Talkative, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """With a policy, a trail and a budget: address, trail."""
    prices = {"prices": {"thousand_tokens": 1.0}, "budgets": {"fred": {"cost": 0.6}}}
    trail = tmp_path / "audit.jsonl"
    hub = open_hub({"policy": {**POLICY, **prices}, "audit": {"path": str(trail)}}, tmp_path)
    policy = hub.policy
    assert policy is not None
    tokens = [(TOKEN, policy.principal("ann")), (FRED, policy.principal("fred"))]
    with served(hub, model, tokens=tokens) as address:  # type: ignore[arg-type]
        yield address, trail


def _questions(trail: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in trail.read_text().splitlines()]
    return [r for r in records if r["kind"] == "question"]


def test_the_same_messages_of_another_are_not_the_same_conversation(
    limited: tuple[str, Path], model: Talkative
) -> None:
    ann, fred = Client(limited[0]), Client(limited[0], FRED)
    assert _rows(ann.ask(OPEN)) == [1, 4]
    fred.messages = list(ann.messages)
    answer = fred.ask("and the paid ones?")
    assert _rows(answer) == [2], "only what fred may see"
    assert [kind for kind, _ in model.asked] == ["query", "whole", "query"], (
        "what ann was answered is not known to fred"
    )
    assert _rows(ann.ask("and the paid ones?")) == [2, 3]
    assert len(model.asked) == 3


def test_a_query_that_comes_back_is_read_as_whoever_sends_it_may(limited: tuple[str, Path]) -> None:
    ann, fred = Client(limited[0], whole=True), Client(limited[0], FRED)
    ann.ask(OPEN)
    fred.messages = list(ann.messages)
    answer = fred.ask("and the paid ones?")
    assert (answer["understood"], _rows(answer)) == (PAID, [2])
    assert answer["result"]["sources"][0]["limited_to"] == "fred"


def test_a_choice_that_another_was_offered_is_not_taken_for_ones_own(
    limited: tuple[str, Path], model: Talkative
) -> None:
    ann, fred = Client(limited[0]), Client(limited[0], FRED)
    ann.ask(LEASES)
    fred.messages = list(ann.messages)
    fred.ask("2")
    assert [kind for kind, _ in model.asked] == ["query", "query"], "fred's was asked of the model again"


def test_every_question_is_one_record_and_one_charge(limited: tuple[str, Path], model: Talkative) -> None:
    address, trail = limited
    fred = Client(address, FRED)
    back = fred.ask(LEASES)
    fred.ask("2")
    fred.ask("thanks!")
    records = _questions(trail)
    assert [r["asked"] for r in records] == [LEASES, "2", "thanks!"]
    assert records[0]["options"] == [BEGINS, ENDS] and records[0]["answer"].startswith("Which date")
    assert records[0]["id"] == back["question"]
    assert records[0]["tokens"]["input"] == 200, "the query, and the words that were not said in the end"
    assert len(records[0]["queries"]) == 3, "the answer, and both readings"
    assert records[1]["understood"] == LEASES and records[1]["sql"]
    assert {r["principal"] for r in records} == {"fred"}
    fred.messages = [{"role": "user", "content": OPEN}, {"role": "assistant", "content": "unknown here"}]
    fred.ask(WEATHER)  # a rewriting, a query, an answer
    with pytest.raises(openai.RateLimitError, match="cost budget"):
        fred.ask("and the paid ones?")  # which code understands, but not for nothing
    assert _questions(trail)[-1]["error"] == "BudgetSpent"


# -- a turn by itself -------------------------------------------------------------------------------


def test_a_turn_is_one_span_with_all_that_was_done_for_it(model: Talkative) -> None:
    with open_hub() as hub:
        talk = Conversation(Agent(hub, model))
        for text, models, queries in ((LEASES, 2, 3), (ENDS, 1, 1), ("thanks!", 0, 0)):
            with telemetry.tracing() as trace:
                talk.ask(text)
            names = [s.name for s in trace.spans]
            assert names[0] == "question" and names.count("question") == 1
            assert (names.count("model"), names.count("query")) == (models, queries), text
        talk.state = State(heard=(Turn(OPEN, "Here it is."),))
        with telemetry.tracing() as trace:
            talk.ask(WEATHER)
        assert [s.attributes["input_tokens"] for s in trace.spans if s.name == "model"] == [100, 100, 100]


def test_what_could_not_be_answered_is_not_spoken_of(model: Talkative) -> None:
    with open_hub() as hub:
        talk = Conversation(Agent(hub, model))
        talk.ask(OPEN)
        talk.ask("only gift")
        state = talk.state
        with pytest.raises(ModelError):
            talk.ask("How many elephants are there in the shop?")
        assert talk.state == state
        assert _ids(talk.ask("2")) == [4], "it can still be chosen"


def _ids(answer: Answer) -> list[Any]:
    assert answer.result is not None
    return sorted(row[0] for row in answer.result.rows())


# -- a real model -----------------------------------------------------------------------------------


@pytest.mark.weights
def test_a_local_model_goes_on_from_what_is_known_from_what_comes_back_and_from_texts(small_weights: Path) -> None:
    model = LocalChatModel(name_or_path=str(small_weights), n_ctx=4096, n_threads=MODEL_THREADS)
    with contextlib.closing(model):
        with served(open_hub(), model) as address:
            client = Client(address, whole=True)
            assert _rows(client.ask(OPEN)) == [1, 4]
            said = list(client.messages)
            paid = client.ask("and the paid ones?")
            assert (paid["understood"], _rows(paid)) == (PAID, [2, 3])
            assert paid["usage"].prompt_tokens == 0, "code understands it"
        with served(open_hub(), model) as address:
            client = Client(address)
            client.messages = list(said)
            paid = client.ask("and the paid ones?")
            assert (paid["understood"], _rows(paid)) == (PAID, [2, 3])
            assert paid["usage"].prompt_tokens == 0
            client.messages = [*said[:2], {"role": "assistant", "content": said[2].content}]
            paid = client.ask("and the paid ones?")
            assert _rows(paid) == [2, 3]
            assert paid["usage"].prompt_tokens > 0, "the model makes of texts what it can"
