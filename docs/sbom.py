"""Write what groundwire is made of: `sbom.json` (CycloneDX 1.6, ECMA-424) and the page of licences.

Names, versions and hashes are those of `requirements.lock`; licences are what the installed packages say of themselves.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(text: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of every package in a lock file, by name."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in text.splitlines():
        if pin := _PIN.match(line):
            name = pin[1]
            found[name] = (pin[2], [])
        if (digest := _HASH.search(line)) and name:
            found[name][1].append(digest[1])
    return found


def licence(name: str) -> str:
    """What an installed package says of its licence; empty where it is not installed or says nothing."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if told.get("License-Expression"):
        return str(told["License-Expression"])
    classifiers = [c for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    if classifiers:
        return " OR ".join(dict.fromkeys(c.rpartition(" :: ")[2] for c in classifiers))
    lines = str(told.get("License") or "").splitlines()
    return lines[0].strip() if lines else ""


def component(name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    """One package as CycloneDX describes it."""
    made: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        "hashes": [{"alg": "SHA-256", "content": h} for h in hashes],
    }
    if found := licence(name):
        made["licenses"] = [{"license": {"name": found}}]
    return made


def main() -> None:
    """Write both files, and say of which packages another version is installed here."""
    packages = locked((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    other = [f"{n} {v}" for n, (v, _) in packages.items() if _installed(n) not in (None, v)]
    if other:
        print(
            f"installed in other versions than locked, whose licences are listed: {', '.join(other)}", file=sys.stderr
        )
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "groundwire", "version": metadata.version("groundwire")}
        },
        "components": [component(n, v, h) for n, (v, h) in sorted(packages.items())],
    }
    (ROOT / "sbom.json").write_text(json.dumps(bom, indent=1) + "\n", encoding="utf-8")
    rows = [
        f"| {n} | {v} | {licence(n) or 'not installed where this was written'} |"
        for n, (v, _) in sorted(packages.items())
    ]
    page = [
        "# Licences",
        "",
        "Of everything that `pip install 'groundwire[all]'` brings, by `make sbom`. groundwire itself is Apache-2.0.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *rows,
    ]
    (ROOT / "docs" / "licences.md").write_text("\n".join(page) + "\n", encoding="utf-8")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
