"""Ask the questions in this folder: loads the databases, asks, and drops them again. A part of `make eval`.

python examples/evals/run.py                                    # all of them
python examples/evals/run.py --only hotel-03 --html report.html # what follows is for `groundwire eval`

PostgreSQL is needed on loopback, or where `GROUNDWIRE_EVAL_POSTGRES` says, with an account that may make databases.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

HERE = Path(__file__).parent
SERVER = os.environ.get("GROUNDWIRE_EVAL_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@contextmanager
def loaded(server: sa.URL) -> Iterator[str]:
    """Every database, loaded today; the URL with `{db}` in it by which they are reached."""
    prefix = f"gw_eval_{os.getpid()}_"
    files = {f"{prefix}{file.stem}": file for file in sorted(HERE.glob("*.sql"))}
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        try:
            for name, file in files.items():
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
                _load(server.set(database=name), file)
            yield (
                server.set(database=f"{prefix}{{db}}").render_as_string(hide_password=False).replace("%7Bdb%7D", "{db}")
            )
        finally:
            for name in files:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    engine.dispose()


def _load(url: sa.URL, file: Path) -> None:
    engine = sa.create_engine(url, connect_args={"options": "-c timezone=UTC"})
    with engine.begin() as connection:
        statements = file.read_text(encoding="utf-8")
        connection.execution_options(no_parameters=True).exec_driver_sql(statements)
    engine.dispose()


def main(arguments: list[str]) -> int:
    """Load, ask, drop; the exit code is that of `groundwire eval`."""
    cases = sorted(map(str, HERE.glob("*.json")))
    with loaded(sa.make_url(SERVER)) as url:
        command = [sys.executable, "-m", "groundwire", "eval", *cases, "--url", url, *arguments]
        try:
            return subprocess.run(command, check=False).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
