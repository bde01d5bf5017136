"""Secrets that tests plant, and whether one has come out: in a file that a test left, or in what it printed.

Every test is looked at when it is over: this is a plugin, and `conftest.py` takes its hook. A secret may stand where an
operator keeps it: in a configuration, in a file named in one, in the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SECRET = re.compile(
    rb"canary-secret-\w+|canary-5e1f9c[-\w]*|canary-\w+-55f1|canary-(?:mask-key|audit-key|mcp-token|broker|environment)-9"
    rb"|0doo-k3y|pat-eu1-5e5e|shop-t0ken|tell-n0body|hunter2hunter2|s3cr3t[-/]\w+|a-token-for-the-inspector"
)
"""What nothing may ever show, by how it begins: keys, tokens and passwords of the tests and their sandboxes.

What a policy hides is called otherwise.
"""
KEPT_BY_OPERATORS = re.compile(r"\.(?:toml|py|env|pem|key)$|secret|token|passw|keyring")
"""Names of files in which an operator keeps secrets."""
_MOST = 32 << 20
"""Bytes that are read of one file."""


def in_text(text: str) -> list[str]:
    """The secrets in a text."""
    return sorted({m.decode() for m in SECRET.findall(text.encode("utf-8", "replace"))})


def in_files(folder: Path) -> list[str]:
    """The secrets in the files of a folder, or in their names, each with its file."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found += [f"{secret} in a name: {name}" for secret in in_text(name)]
        if not path.is_file() or path.is_symlink() or KEPT_BY_OPERATORS.search(path.name):
            continue
        with path.open("rb") as file:
            found += [f"{secret.decode()}: {name}" for secret in sorted(set(SECRET.findall(file.read(_MOST))))]
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test that leaves a planted secret in a file, or prints or logs one, has failed."""
    outcome: Any = yield
    report = outcome.get_result()
    if not report.passed or report.when != "call":
        return
    shown = in_text(report.capstdout + report.capstderr + report.caplog)
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None and folder.is_dir():
        shown += in_files(folder)
    if shown:
        report.outcome = "failed"
        report.longrepr = "planted secrets came out: " + "; ".join(shown)
