"""What the first process of an environment is told: before its function is known, and then.

Written by lambdad, read by `guest/zygote.py`, by a stem (`guest/stem.py`) and by nobody between.
Pure.
"""

from __future__ import annotations

import json
from typing import Any

from lambdad.guest.entering import TELEMETRY_FD, TELEMETRY_VARIABLE
from lambdad.sandbox.driver import RuntimePack, SandboxSpec
from lambdad.sandbox.python_start import can_fork


def ahead_of(pack: RuntimePack) -> dict[str, Any] | None:
    """What the pack's stems are. Python's environments are forked; any other runtime that cannot
    wait itself has somebody wait for it."""
    if pack.family == "python":
        return None
    argv = None if pack.ahead is None else list(pack.ahead.argv)
    variables = {} if pack.ahead is None else dict(pack.ahead.variables)
    return {"argv": argv, "variables": variables, "telemetry_fd": _telemetry_fd(pack)}


def _telemetry_fd(pack: RuntimePack) -> int | None:
    # As on AWS, where custom runtimes write plain lines only.
    return None if pack.family == "provided" else TELEMETRY_FD


def payload_of(spec: SandboxSpec) -> bytes:
    """What the first process of the environment is to do; only that process ever reads it. Behind
    the whole of it, for a stem that has no words but its own, what to execute (guest/init/wait)."""
    start = _start(spec)
    payload = json.dumps(start).encode()
    if spec.pack.ahead is None and start["argv"] is not None:
        argv, variables = start["argv"], start["variables"]
        strings = [str(len(argv)), *argv, *(f"{name}={variables[name]}" for name in variables)]
        payload += b"".join(b"\0" + text.encode(errors="replace") for text in strings) + b"\0"
    return payload


def _start(spec: SandboxSpec) -> dict[str, Any]:
    variables = dict(spec.variables)
    telemetry = _telemetry_fd(spec.pack)
    if telemetry is not None:
        variables[TELEMETRY_VARIABLE] = str(telemetry)
    forked = spec.pack.family == "python" and can_fork(spec.pack, variables)
    argv = None if forked else list(spec.pack.argv)
    start: dict[str, Any] = {"variables": variables, "argv": argv, "telemetry_fd": telemetry}
    if spec.extensions:
        start["extensions"] = {
            "folder": "/opt/extensions",
            "names": list(spec.extensions),
            "variables": dict(spec.extension_variables),
        }
    return start
