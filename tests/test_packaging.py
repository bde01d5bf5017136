"""What an installed groundwire consists of."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import groundwire

ROOT = Path(__file__).parent.parent


def test_the_public_names_are_these_and_no_others() -> None:
    assert groundwire.__all__ == ["ConfigError", "GroundwireError", "Hub", "QueryError", "Result", "SourceError"]
    assert all(hasattr(groundwire, name) for name in groundwire.__all__)


def test_a_wheel_holds_all_packages_under_one_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for wanted in (
        "groundwire/__init__.py",
        "groundwire/py.typed",
        "groundwire/core/hub.py",
        "groundwire/connectors/sql.py",
        "groundwire/connectors/new-connector/tests/stand_in.py",
        "groundwire/agents/cli.py",
        "groundwire/agents/page/index.html",
        "groundwire/demo/data.py",
    ):
        assert wanted in names
    assert not any(name.startswith(("core/", "connectors/", "agents/", "tests/")) for name in names)


def test_importing_groundwire_needs_neither_langchain_nor_llama() -> None:
    code = "import sys, groundwire; sys.exit(bool({'langchain', 'llama_cpp', 'langchain_core'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
