"""Time, as a value that is passed in: everything that waits or stamps takes a Clock.

Pure modules never read time; they are given it. Tests pass ManualClock.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps that users see, monotonic time for durations and deadlines."""

    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never goes back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class ManualClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, wall_ms: int = 1_767_225_600_000) -> None:
        self._wall_ns = wall_ms * 1_000_000
        self._monotonic_ns = 0

    def wall_ms(self) -> int:
        return self._wall_ns // 1_000_000

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        step_ns = int(seconds * 1_000_000_000)
        self._wall_ns += step_ns
        self._monotonic_ns += step_ns
