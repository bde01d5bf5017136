"""Models that think before they answer, and adapters: real small weights with a template that thinks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL_THREADS
from langchain_core.messages import AIMessage, HumanMessage

from groundwire.agents import weights
from groundwire.agents.chat_format import ChatFormat
from groundwire.agents.local_model import LocalChatModel
from groundwire.core.errors import ModelError

_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@pytest.fixture(scope="module")
def thinker(small_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChatModel]:
    template = tmp_path_factory.mktemp("templates") / "thinks.jinja"
    template.write_text(_TEMPLATE)
    model = LocalChatModel(
        name_or_path=weights.SMALL,
        n_ctx=1024,
        n_threads=MODEL_THREADS,
        chat_template=template,
        thinking=12,
        prefix_cache=False,
    )
    yield model
    model.close()


def test_a_template_that_thinks_is_known_and_opened_once() -> None:
    opens, plain = ChatFormat(_TEMPLATE, ()), ChatFormat("{{ messages[0].content }}</think>", ())
    rendered = opens.render([HumanMessage("hello")])
    assert opens.thinks
    assert opens.opened(rendered) == rendered
    assert plain.opened(plain.render([HumanMessage("hello")])).endswith("<think>\n")
    assert not ChatFormat(None, ()).thinks


@pytest.mark.weights
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_thoughts_are_limited_apart_from_the_answer_and_free_of_its_grammar(thinker: LocalChatModel) -> None:
    heard: list[str] = []
    answer = thinker.invoke([HumanMessage("Is 7 prime?")], grammar='start: "YES" | "NO"', on_thinking=heard.append)
    assert answer.text in ("YES", "NO")
    thought = answer.additional_kwargs["reasoning_content"]
    assert thought == "".join(heard).strip()
    assert 0 < len(thinker.runtime.tokenize(thought)) <= 13
    assert "think>" not in answer.text
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] > 2, "thoughts cost what they cost"


@pytest.mark.weights
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_thinking_can_be_left_out_or_taken_from_before(thinker: LocalChatModel) -> None:
    asked = [HumanMessage("Is 7 prime?")]
    at_once = thinker.invoke(asked, grammar='start: "YES" | "NO"', think=False)
    assert "reasoning_content" not in at_once.additional_kwargs
    again = thinker.invoke(asked, grammar='start: "YES" | "NO"', thought="Seven has no divisors.")
    assert again.additional_kwargs["reasoning_content"] == "Seven has no divisors."


@pytest.mark.weights
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_thoughts_are_no_part_of_what_follows_nor_of_what_is_streamed(thinker: LocalChatModel) -> None:
    streamed = "".join(chunk.text for chunk in thinker.stream([HumanMessage("Say hi.")], max_tokens=8))
    assert "think>" not in streamed
    said = AIMessage("hi", additional_kwargs={"reasoning_content": "a secret thought"})
    assert "secret" not in thinker._chat_format.render([HumanMessage("Say hi."), said])


def _adapter(path: Path, architecture: str, width: int, scale: float) -> Path:
    """A LoRA adapter of rank 1 on the queries of the first layer, in GGUF."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    def kv(key: str, value: str | float) -> bytes:
        told = struct.pack("<I", 8) + text(value) if isinstance(value, str) else struct.pack("<If", 6, value)
        return text(key) + told

    facts = [kv("general.type", "adapter"), kv("adapter.type", "lora")]
    facts += [kv("general.architecture", architecture), kv("adapter.lora.alpha", 1.0)]
    random = np.random.default_rng(1)
    tensors = {
        "blk.0.attn_q.weight.lora_a": random.normal(size=(1, width)).astype(np.float32),
        "blk.0.attn_q.weight.lora_b": scale * random.normal(size=(width, 1)).astype(np.float32),
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts)) + b"".join(facts)
    data = b""
    for name, values in tensors.items():
        head += text(name) + struct.pack("<I", 2) + struct.pack("<2Q", *reversed(values.shape))
        head += struct.pack("<IQ", 0, len(data))
        data += values.tobytes().ljust(-(-values.nbytes // 32) * 32, b"\0")
    head = head.ljust(-(-len(head) // 32) * 32, b"\0")
    path.write_bytes(head + data)
    return path


def _with(lora: Path | None) -> LocalChatModel:
    return LocalChatModel(name_or_path=weights.SMALL, n_ctx=512, n_threads=MODEL_THREADS, lora=lora, prefix_cache=False)


@pytest.mark.weights
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_adapter_changes_what_is_said_and_one_for_other_weights_is_refused(
    small_weights: Path, tmp_path: Path
) -> None:
    said = {}
    for name, scale in (("plain", None), ("nothing", 0.0), ("strong", 60.0)):
        lora = None if scale is None else _adapter(tmp_path / f"{name}.gguf", "qwen2", 896, scale)
        model = _with(lora)
        answer = model.invoke([HumanMessage("Count to five.")], max_tokens=8, logprobs=True)
        said[name] = (answer.text, answer.response_metadata["mean_logprob"])
        model.close()
    assert said["nothing"] == said["plain"]
    assert said["strong"] != said["plain"]
    with pytest.raises(ModelError, match="no LoRA adapter for these weights"):
        _ = _with(_adapter(tmp_path / "other.gguf", "llama", 896, 1.0)).runtime
    with pytest.raises(ModelError, match="is not here"):
        _ = _with(tmp_path / "absent.gguf").runtime
