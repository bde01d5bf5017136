"""Programs that the demo company runs beside itself: each ends with the demo, whatever happens to it.

They are no part of the terminal's process group: Ctrl-C there stops an answer, and must not stop the ERP.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from groundwire.demo.errors import DemoError

LEASH = Path(__file__).parent / "leash.py"
LOG_END = 800
"""Characters of a log that a message repeats."""


def begin(
    program: str,
    *arguments: str,
    log: Path,
    optimised: bool = False,
    output: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a Python program.

    Args:
        program: path of a script, or name of a module.
        arguments: its own.
        log: where its errors go, and its output if nobody wants that.
        optimised: without assertions.
        output: `subprocess.PIPE` for whoever reads it.
        environment: in place of this process's own.
    """
    command = [sys.executable, "-P", *(["-O"] if optimised else []), str(LEASH), program, *arguments]
    with log.open("wb") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output if output is not None else errors,
            stderr=errors,
            env=environment,
            start_new_session=True,
            text=True,
        )


def run(
    program: str,
    *arguments: str,
    log: Path,
    tell: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a Python program to its end, without assertions.

    Args:
        program, arguments, log, environment: as for `begin`.
        tell: told each line of its output.

    Raises:
        DemoError: it failed; the message ends with its log.
    """
    process = begin(program, *arguments, log=log, optimised=True, output=subprocess.PIPE, environment=environment)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            tell(line.strip())
        code = process.wait()
    finally:
        end(process)
    if code != 0:
        raise DemoError(f"{Path(program).name} failed: {end_of(log) or f'exit code {code}'}")


def end(process: subprocess.Popen[str]) -> None:
    """End a process, and wait until it has."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def end_of(log: Path) -> str:
    """What a log says last."""
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_END:].strip()
