"""The scripts in `examples/`, run as their docstrings say, with the output that they promise."""

from __future__ import annotations

import ast
import json
import runpy
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))


def _run(folder: Path, script: str, *arguments: str) -> str:
    """What the script prints; it must say nothing on standard error, warnings included."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / script), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _promised(script: str) -> str:
    """The indented block after "prints" in the script's docstring."""
    text = ast.get_docstring(ast.parse((EXAMPLES / script).read_text(encoding="utf-8"))) or ""
    lines = text.partition("prints\n\n")[2].splitlines()
    block = lines[: next((i for i, line in enumerate(lines) if line and not line.startswith("    ")), len(lines))]
    return textwrap.dedent("\n".join(block)).strip("\n") + "\n"


def test_every_example_is_tested_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert SCRIPTS
    assert not [script for script in SCRIPTS if f'"{script}"' not in tested]


def test_two_databases_answer_one_query(tmp_path: Path) -> None:
    assert _run(tmp_path, "two_databases.py") == _promised("two_databases.py")


def test_a_result_becomes_a_data_frame_and_a_file_with_its_proof(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    assert _run(tmp_path, "export_parquet.py", "sales.parquet") == _promised("export_parquet.py")
    proof = json.loads(pq.read_metadata(tmp_path / "sales.parquet").metadata[b"groundwire"])
    assert proof["complete"] is True
    assert proof["sources"][0]["rows"] == 3


def test_a_connector_of_ones_own_is_queried_like_any_other(tmp_path: Path) -> None:
    lines = _run(tmp_path, "own_connector.py").splitlines()
    assert len(lines) == 5
    name, release, _, count, _ = lines[0].split()
    assert release == version(name)
    assert int(count) >= int(lines[-1].split()[3])


def test_the_tools_describe_themselves_and_answer(tmp_path: Path) -> None:
    *tools, answer = _run(tmp_path, "langchain_tools.py").splitlines()
    assert [line.partition(":")[0] for line in tools] == ["search_entities", "describe_entity", "query"]
    said = json.loads(answer)
    assert said["rows"] == [["south", "80"], ["north", "150"]]
    assert said["complete"] is True


class _Quoting(BaseChatModel):
    """Calls the query tool once and then says the first cell of what it was given."""

    sql: str

    @property
    def _llm_type(self) -> str:
        return "quoting"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            message = AIMessage(content=json.loads(last.text)["rows"][0][0])
        else:
            message = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": self.sql}, "id": "1"}])
        return ChatResult(generations=[ChatGeneration(message=message)])


def test_the_tools_serve_an_agent_with_any_chat_model() -> None:
    example = runpy.run_path(str(EXAMPLES / "langchain_tools.py"))
    model = _Quoting(sql="SELECT region, SUM(amount) FROM shop.sales GROUP BY 1 ORDER BY 2 DESC LIMIT 1")
    assert example["answer"](model, "Which region sells most?") == "north"
