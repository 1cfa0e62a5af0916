"""Runs commands of the host for the platform itself: an interpreter's version, pip for a pack.

Never runs anything that a function brought. Blocking: call it off the event loop.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

_MERGED = subprocess.STDOUT


def output_of(argv: Sequence[str], timeout_s: float = 5.0) -> str:
    """What a short command prints; empty if it cannot run, fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603 - the platform's own command
            argv, capture_output=True, text=True, timeout=timeout_s, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def run(argv: Sequence[str], tell: Callable[[str], None]) -> int:
    """Run a command to its end and tell each line of its output; its exit code."""
    process = subprocess.Popen(  # noqa: S603 - the platform's own command
        argv, stdout=subprocess.PIPE, stderr=_MERGED, stdin=subprocess.DEVNULL, text=True
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            tell(line.rstrip("\n"))
    return process.returncode
