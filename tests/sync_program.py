"""A process that syncs until it is killed: `python sync_program.py`, told what to do by lines of JSON.

One process imports everything once; each line makes it fork a child that syncs over and over. It answers with
the child's process id, and says when the child is gone. Parts and batches are small, so that a sync has many
commits between which it can be killed.
"""

from __future__ import annotations

import json
import os
import sys

import synced

from groundwire.core import config, sync_copy, sync_load, sync_run, sync_verify  # noqa: F401 - imported before the fork


def _child(order: dict[str, object]) -> None:
    sync_load.PART_ROWS, sync_run.ATOMIC_ROWS, sync_copy.PICKED_ROWS = 2_000, 300, 100
    sync_verify.RANGE_ROWS = 500
    opened = synced.Synced(synced.settings(str(order["url"]), str(order["replicas"])))
    opened.hub.catalog  # noqa: B018 - discovery is not what is killed
    print("syncing", flush=True)
    while True:
        opened.sync(full=order["mode"] == "full", verify=order["mode"] == "verify")


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                _child(order)
            except BaseException as error:  # noqa: BLE001
                print(f"failed {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("killed" if os.WIFSIGNALED(status) else f"ended {status}", flush=True)


if __name__ == "__main__":
    main()
