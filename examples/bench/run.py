"""Every benchmark in one run; writes docs/benchmarks.md: `make bench`."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run each `bench_*.py` and keep what it prints."""
    parts = [
        "# Benchmarks",
        f"{dt.date.today().isoformat()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. "
        "Ratios are of one run on one machine.",
    ]
    for file in sorted(HERE.glob("bench_*.py")):
        made = subprocess.run([sys.executable, str(file)], check=True, stdout=subprocess.PIPE, text=True)
        parts.append(made.stdout.strip())
    (HERE.parent.parent / "docs" / "benchmarks.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
