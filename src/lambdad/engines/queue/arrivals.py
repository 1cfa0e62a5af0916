"""When a queue may have something to receive, and who waits for it.

Owns the waiting. `due_ms` says that nothing can be received earlier; so an empty queue costs its
pollers no SQL. It may say too early, never too late, which needs no lock but the lane's order: a
write tells `expect` *before* it is handed in, so whoever is woken hands in a receive behind it and
finds what it wrote, mostly in the same commit. A receive that was handed in before such a write
must not raise `due_ms` afterwards with what it saw; that is what `epoch` is for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from lambdad.core.clock import Clock
from lambdad.engines.queue.timetable import Appointment, Timetable, finish


class Arrivals:
    """The waiting room of one queue."""

    def __init__(self, clock: Clock, timetable: Timetable) -> None:
        self._clock = clock
        self._timetable = timetable
        self._receivers: deque[asyncio.Future[None]] = deque()
        self._watchers: set[asyncio.Future[None]] = set()
        self._alarm: Appointment | None = None
        self._due_ms: int | None = 0  # nobody has looked yet
        self.epoch = 0
        """Rises with every `expect`."""

    def here(self) -> bool:
        """Whether a receive may find something now."""
        return self._due_ms is not None and self._due_ms <= self._clock.wall_ms()

    def expect(self, due_ms: int, messages: int = 1) -> None:
        """Something is being written that can be received from `due_ms` on: wakes as many
        receivers as there are messages, and every watcher."""
        self.epoch += 1
        if self._due_ms is None or due_ms < self._due_ms:
            self._due_ms = due_ms
        self._call(messages)

    def learn(self, epoch: int, due_ms: int | None) -> None:
        """A receive that was handed in at `epoch` saw this as the earliest due time."""
        if epoch == self.epoch:
            self._due_ms = due_ms
        self._call(1)

    def hand_on(self) -> None:
        """Who was woken did not receive: let somebody else."""
        self._call(1)

    async def wait(self, until_ms: int | None, *, watch: bool = False) -> None:
        """Until there may be something, or `until_ms` (None: for ever), or `release`. With
        `watch`, others are woken for the same message as well."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if watch:
            self._watchers.add(done)
        else:
            self._receivers.append(done)
        limit = None
        if until_ms is not None:
            limit = self._timetable.at(until_ms, partial(finish, done))
        self._set_alarm()
        try:
            await done
        except asyncio.CancelledError:
            if done.done() and not done.cancelled():
                self.hand_on()
            raise
        finally:
            if limit is not None:
                self._timetable.cancel(limit)
            self._leave(done)

    def release(self) -> None:
        """Wake everybody: the queue or the engine is going."""
        for done in (*self._receivers, *self._watchers):
            finish(done)

    def _call(self, receivers: int) -> None:
        if not self._receivers and not self._watchers:
            return
        if not self.here():
            self._set_alarm()
            return
        for done in self._watchers:
            finish(done)
        while receivers and self._receivers:
            done = self._receivers.popleft()
            if not done.done():
                done.set_result(None)
                receivers -= 1

    def _leave(self, done: asyncio.Future[None]) -> None:
        self._watchers.discard(done)
        if done in self._receivers:
            self._receivers.remove(done)
        if not self._receivers and not self._watchers and self._alarm is not None:
            self._timetable.cancel(self._alarm)
            self._alarm = None

    def _set_alarm(self) -> None:
        """Somebody waits: be there when the next message becomes due."""
        if self._alarm is not None:
            if self._alarm.action is not None and self._alarm.due_ms == self._due_ms:
                return
            self._timetable.cancel(self._alarm)
            self._alarm = None
        if self._due_ms is not None:
            self._alarm = self._timetable.at(self._due_ms, self._ring)

    def _ring(self) -> None:
        self._call(len(self._receivers))
