"""What an installed groundwire consists of."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


EXTRAS = {
    "fastapi": "serve",
    "jinja2": "local",
    "mcp": "mcp",
    "oauthlib": "netsuite",
    "pytest": "dev",
    "redis": "redis",
    "simple_salesforce": "salesforce",
    "starlette": "serve",
    "uvicorn": "serve",
}
"""What modules import that are loaded only where its extra is wanted."""


def _imported(file: Path) -> Iterator[str]:
    """Top names of what a module can't be loaded without."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _brought(requirements: Iterable[str]) -> set[str]:
    """The distributions that installing these brings, as far as they are installed here."""
    waiting = [Requirement(one) for one in requirements]
    found: dict[str, set[str]] = {}
    while waiting:
        one = waiting.pop()
        extras = found.setdefault(canonicalize_name(one.name), set())
        fresh = {"", *one.extras} - extras
        extras |= fresh
        try:
            more = metadata.requires(one.name) or []
        except metadata.PackageNotFoundError:
            continue
        parsed = [Requirement(text) for text in more] if fresh else []
        waiting += [r for r in parsed if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in fresh)]
    return set(found)


def test_what_is_imported_comes_with_groundwire_or_with_the_extra_that_needs_it() -> None:
    """What happens to come with something else is gone where that is left out, as numpy was without the weights' part."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    always = _brought(project["dependencies"])
    extras = {name: _brought(project["optional-dependencies"][name]) for name in set(EXTRAS.values())}
    offers = metadata.packages_distributions()
    missing = {}
    for folder in ("core", "connectors", "agents", "groundwire"):
        for file in (f for f in (ROOT / folder).rglob("*.py") if "new-connector" not in f.parts):
            for name in set(_imported(file)) - set(sys.stdlib_module_names) - {"groundwire"}:
                known = {canonicalize_name(one) for one in offers.get(name, [name])}
                if not known & (always | extras.get(EXTRAS.get(name, ""), set())):
                    missing[f"{folder}/{file.name}"] = name
    assert missing == {}


def test_importing_groundwire_needs_neither_langchain_nor_llama() -> None:
    code = "import sys, groundwire; sys.exit(bool({'langchain', 'llama_cpp', 'langchain_core'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
