"""What the operations of CloudWatch Logs work with."""

from __future__ import annotations

from lambdad.core.clock import Clock
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import Value
from lambdad.telemetry.logs import LogStore


class LogsService(Value):
    """The collaborators of CloudWatch Logs' operations."""

    store: LogStore
    clock: Clock
    limits: Limits = DEFAULT_LIMITS
    live_tail_interval_s: float = 1.0
    """Between two updates of a Live Tail session (API reference of StartLiveTail)."""
