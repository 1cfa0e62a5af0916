"""What the first process of an environment in namespaces is told: its command and variables."""

from __future__ import annotations

from typing import Any

from lambdad.sandbox.driver import SandboxSpec
from lambdad.sandbox.python_start import can_fork

TELEMETRY_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
TELEMETRY_FD = 62
"""The number that AWS's own environments use."""


def first_process(spec: SandboxSpec) -> dict[str, Any]:
    """As `guest/zygote.py` reads it; nobody else ever does."""
    variables = dict(spec.variables)
    # As on AWS, where custom runtimes write plain lines only.
    telemetry = None if spec.pack.family == "provided" else TELEMETRY_FD
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
