"""Benchmarks in one run; writes docs/benchmarks.md: `make bench`.

python examples/bench/run.py          # all of them
python examples/bench/run.py sql      # only bench_sql.py: the other sections of the page stay
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` (`examples/bench/run.py`). Each table is of one run on one machine, against the public ways to do
the same: compare the columns of a table, not the tables of two days. PostgreSQL is needed on loopback, or where
`GROUNDWIRE_BENCH_POSTGRES` says."""


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _section(file: Path) -> str:
    """What one benchmark printed, under the command that makes it and the machine that made it."""
    made = subprocess.run([sys.executable, str(file)], check=True, stdout=subprocess.PIPE, text=True)
    where = f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"## {file.stem}\n\n`python examples/bench/{file.name}`, {dt.date.today().isoformat()}, {where}.\n\n{made.stdout.strip()}"


def _kept(page: Path) -> dict[str, str]:
    """The sections that the page already has, by name."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0].removeprefix("## ").strip(): part.strip() for part in parts}


def main(names: list[str]) -> None:
    """Run each `bench_*.py`, or those named, and keep what they print."""
    files = {file.stem: file for file in sorted(HERE.glob("bench_*.py"))}
    wanted = [f"bench_{name}" for name in names] or list(files)
    sections = {name: text for name, text in _kept(PAGE).items() if name in files}
    for name in wanted:
        sections[name] = _section(files[name])
        print(sections[name], end="\n\n")
        ordered = [sections[name] for name in files if name in sections]
        PAGE.write_text("\n\n".join([HEAD, *ordered]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
