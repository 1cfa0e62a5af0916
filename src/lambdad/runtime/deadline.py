"""The end of a function's time.

One timer at a time: it outlives the run that it was set for and then looks again, so that a busy
environment sets one per timeout and not one per run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdad.core.clock import Clock


class Deadline:
    """Calls `expire` once the time that was set last is over, unless it was cleared before."""

    __slots__ = ("_clock", "_expire", "_timer", "at_ns")

    def __init__(self, clock: Clock, expire: Callable[[], None]) -> None:
        self.at_ns = 0
        """Monotonic; 0 while nothing runs."""
        self._clock = clock
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at_ns: int, now_ns: int) -> None:
        self.at_ns = at_ns
        if self._timer is None:
            self._arm(now_ns)

    def clear(self) -> None:
        """What ran is over. The timer is left alone: another run may begin before it goes off."""
        self.at_ns = 0

    def cancel(self) -> None:
        """Nothing will run any more."""
        self.at_ns = 0
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, now_ns: int) -> None:
        delay_s = max(0, self.at_ns - now_ns) / 1e9
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self.at_ns:
            return
        now_ns = self._clock.monotonic_ns()
        if now_ns < self.at_ns:
            self._arm(now_ns)
        else:
            self.at_ns = 0
            self._expire()
