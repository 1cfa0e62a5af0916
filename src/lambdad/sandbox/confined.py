"""Entry of a process of tier C: `python -I -S <this file> <fd of the plan>`, then the runtime.

It gives up everything that it can give up without namespaces, in an order in which each step still
has the right to be taken, and becomes the function's runtime. The plan is JSON:

    {"argv": [...], "variables": {...}, "uid": number or null,
     "open_files", "processes", "data_bytes": numbers,
     "readable": [path ...], "writable": [path ...], "ports": [...] or null, "seccomp": hex,
     "extensions": what guest/conductor.py is told, or null}
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Started without site-packages and without PYTHONPATH: only what lambdad itself consists of.
    sys.path.insert(0, str(Path(__file__).parents[2]))

from lambdad.guest import syscalls
from lambdad.guest.conductor import Conductor
from lambdad.guest.entering import give_up_rights, limit, limit_process
from lambdad.sandbox import landlock


def main(plan_fd: int) -> None:
    """Never returns. Raises OSError where the walls cannot be put up: nothing runs then."""
    with os.fdopen(plan_fd) as file:
        plan: dict[str, Any] = json.load(file)
    limit_process(plan["open_files"])
    limit(resource.RLIMIT_DATA, plan["data_bytes"])
    if plan["uid"] is not None:
        limit(resource.RLIMIT_NPROC, plan["processes"])
    give_up_rights(os.getuid() if plan["uid"] is None else plan["uid"])
    landlock.confine(map(Path, plan["readable"]), map(Path, plan["writable"]), plan["ports"])
    # A change of ids takes both back.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.load_seccomp(bytes.fromhex(plan["seccomp"]))
    if plan["extensions"] is not None:
        Conductor(plan["variables"]["AWS_LAMBDA_RUNTIME_API"]).conduct(plan["extensions"])
    os.execve(plan["argv"][0], plan["argv"], plan["variables"])  # noqa: S606 - running it is the point


if __name__ == "__main__":
    main(int(sys.argv[1]))
