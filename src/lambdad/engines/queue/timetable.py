"""What is to be done at which time, on any Clock, with one timer of the event loop.

Owns that timer. Times are wall time, because that is what is stored. The clock is looked at again
at least every minute, so a wall clock that is set back or forth is noticed; a virtual one says so
(`check`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count

from lambdad.core.clock import Clock

_LOOK_AGAIN_S = 60.0
_CANCELLED_KEPT = 512


class Appointment:
    """One action at one time."""

    __slots__ = ("action", "due_ms")

    def __init__(self, due_ms: int, action: Callable[[], None]) -> None:
        self.due_ms = due_ms
        self.action: Callable[[], None] | None = action


def finish(future: asyncio.Future[None]) -> None:
    """Resolve it, unless that has happened."""
    if not future.done():
        future.set_result(None)


class Timetable:
    """Appointments by time. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count()
        self._heap: list[tuple[int, int, Appointment]] = []
        self._cancelled = 0
        self._timer: asyncio.TimerHandle | None = None

    def at(self, due_ms: int, action: Callable[[], None]) -> Appointment:
        """Call `action` from the loop at `due_ms`, or a moment later."""
        appointment = Appointment(due_ms, action)
        heappush(self._heap, (due_ms, next(self._numbers), appointment))
        if self._heap[0][2] is appointment:
            self._set_timer()
        return appointment

    def cancel(self, appointment: Appointment) -> None:
        """It will not happen. One that has happened may be cancelled as well."""
        if appointment.action is None:
            return
        appointment.action = None
        self._cancelled += 1
        if self._cancelled > _CANCELLED_KEPT and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapify(self._heap)
            self._cancelled = 0

    async def sleep(self, seconds: float) -> None:
        """Wait so long by the clock."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due_ms = self._clock.wall_ms() + round(seconds * 1000)
        appointment = self.at(due_ms, partial(finish, done))
        try:
            await done
        finally:
            self.cancel(appointment)

    def check(self) -> None:
        """Do what is due by now."""
        now_ms = self._clock.wall_ms()
        while self._heap and self._heap[0][0] <= now_ms:
            _, _, appointment = heappop(self._heap)
            action, appointment.action = appointment.action, None
            if action is None:
                self._cancelled -= 1
            else:
                action()
        self._set_timer()

    def close(self) -> None:
        """Nothing of it will happen."""
        self._heap.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            delay_s = max(0, self._heap[0][0] - self._clock.wall_ms()) / 1000
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(delay_s, _LOOK_AGAIN_S), self.check)
