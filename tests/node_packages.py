"""Packages of npm that tests run with Node: installed once, into the user's cache directory."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import uuid
from pathlib import Path

from groundwire.agents import weights


class NoNode(Exception):
    """The packages can't be run on this machine."""


def installed(name: str, package: bytes) -> Path:
    """The folder in which a `package.json` is installed.

    Args:
        name: of the folder, before a digest.
        package: the file's content.

    Raises:
        NoNode: no Node or npm, or the packages can't be had.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NoNode("Node 20 and npm are not installed")
    kept = weights.cache_dir() / f"test-{name}-{hashlib.sha256(package).hexdigest()[:12]}"
    if not kept.exists():
        partial = kept.with_name(f"{kept.name}-{uuid.uuid4().hex}")
        partial.mkdir(parents=True)
        (partial / "package.json").write_bytes(package)
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        done = subprocess.run(command, cwd=partial, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(partial)
            raise NoNode(f"npm install failed: {done.stderr[-300:]}")
        try:
            partial.rename(kept)
        except OSError:  # another run was quicker
            shutil.rmtree(partial)
    return kept
