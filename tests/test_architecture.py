"""The allowed arrows between packages, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONNECTORS_MAY = {"groundwire.core.connector", "groundwire.core.catalog", "groundwire.core.errors"}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package).glob("*.py"))


@pytest.mark.parametrize("file", _modules("core"), ids=lambda f: f.name)
def test_core_knows_no_agent_no_connector_and_no_demo(file: Path) -> None:
    for name in _imports(file):
        assert not name.startswith(("groundwire.agents", "groundwire.connectors", "groundwire.demo")), name


@pytest.mark.parametrize("file", _modules("connectors"), ids=lambda f: f.name)
def test_connectors_know_only_the_contract(file: Path) -> None:
    for name in _imports(file):
        if name.startswith("groundwire.core"):
            assert ".".join(name.split(".")[:3]) in CONNECTORS_MAY | {"groundwire.core"}, name
        assert not name.startswith(("groundwire.agents", "groundwire.demo")), name


@pytest.mark.parametrize("package", ["core", "connectors", "agents", "groundwire"])
def test_nothing_is_imported_by_its_bare_folder_name(package: str) -> None:
    for file in _modules(package):
        for name in _imports(file):
            assert name.split(".")[0] not in {"core", "connectors", "agents"}, f"{file}: {name}"


def test_the_architecture_page_names_every_module_of_the_core() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for file in _modules("core"):
        if file.stem != "__init__":
            assert f"core/{file.stem}" in page, f"core/{file.stem} is not in docs/architecture.md"


def test_a_command_waits_for_no_model_and_no_server_that_it_does_not_need() -> None:
    program = "import sys, groundwire.agents.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    slow = {"langchain", "langchain_core", "langgraph", "llama_cpp", "celery", "fastapi", "mcp", "opentelemetry"}
    assert slow.isdisjoint(loaded)
    assert "groundwire.agents.cli_actions" in loaded
