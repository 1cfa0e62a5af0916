"""What the operations of CloudWatch Logs work with."""

from __future__ import annotations

from dataclasses import dataclass

from lambdad.core.clock import Clock
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.telemetry.logs import LogStore


@dataclass(frozen=True, slots=True)
class LogsService:
    """The collaborators of CloudWatch Logs' operations."""

    store: LogStore
    clock: Clock
    limits: Limits = DEFAULT_LIMITS
    live_tail_interval_s: float = 1.0
    """Between two updates of a Live Tail session (API reference of StartLiveTail)."""
