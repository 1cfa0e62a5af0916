"""What platform lines and events are about, as values: the figures of a run, an init, a restore.

Owns what is billed. Pure.
"""

from __future__ import annotations

import math

from lambdad.core.value import Struct, Value


class Response(Value):
    """What a function answered, and when: `latency_ms` from the delivery of its event until it
    began to send, `duration_ms` from there until all was sent."""

    delivered_ms: int
    """Since the epoch."""
    latency_ms: float
    duration_ms: float
    produced_bytes: int


class Report(Struct):
    """The figures of one run. `status` is None for success, else `error` or `timeout`.

    Made for every run: not frozen, because that makes it three times as slow."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_peak_mib: int
    init_ms: float | None = None
    status: str | None = None
    error_type: str | None = None
    restore_ms: float | None = None
    trace_header: str = ""
    response: Response | None = None
    """None where there was none, or nobody wants to know."""
    extensions_ms: float | None = None
    """How long extensions went on after the runtime, which was reported as done before them; None
    where none did."""


class RestoreReport(Value):
    """A restore phase (SnapStart). `status` is `success`, `error` or `timeout`."""

    duration_ms: float
    status: str = "success"
    error_type: str | None = None


class InitReport(Value):
    """An init phase that failed, or one that JSON logs want to see. `phase` is `init` or, for a
    repeated one, `invoke`."""

    duration_ms: float
    phase: str
    status: str = "success"
    error_type: str | None = None


def billed_ms(duration_ms: float, init_ms: float | None, restore_ms: float | None = None) -> int:
    """What a run costs in time: init included, rounded up (AWS since 2025-08-01), and what is
    billed of the restore."""
    return math.ceil(duration_ms + (init_ms or 0.0) + billed_restore_ms(restore_ms))


def billed_restore_ms(restore_ms: float | None) -> int:
    """All of it: AWS bills loading the runtime and the hooks, and nothing else happens here."""
    return math.ceil(restore_ms or 0.0)
