"""What is installed is pinned: every dependency has a version and hashes, and stands in the bill of materials."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "docs" / "sbom.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_with_hashes_and_in_the_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sbom = _module()
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(sbom, "ROOT", tmp_path)
    sbom.main()
    bill = json.loads((tmp_path / "sbom.json").read_text())
    listed = {_normal(c["name"]): c for c in bill["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(d for extra in re.findall(r"\[(.*)\]", optional["all"][0])[0].split(",") for d in optional[extra]),
    ]
    for dependency in wanted:
        name = _normal(re.split(r"[\[<>=!~; ]", dependency)[0])
        assert name in listed, f"{name} is not locked; run make lock sbom"
        assert listed[name]["hashes"] and listed[name]["purl"].startswith("pkg:pypi/")
    assert "licenses" in listed["duckdb"]
    assert (tmp_path / "docs" / "licences.md").read_text().count("\n") > len(wanted)
