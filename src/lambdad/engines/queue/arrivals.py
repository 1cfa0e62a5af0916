"""When a queue may have something to receive, and who waits for it.

Owns the waiting. `due_ms` says that nothing can be received earlier; so an empty queue costs its
pollers no SQL. It may say too early, never too late, which needs no lock but the lane's order: a
write tells `expect` *before* it is handed in, so whoever is woken hands in a receive behind it and
finds what it wrote. A receive that was handed in before such a write must not raise `due_ms`
afterwards with what it saw; that is what `epoch` is for.

Better than to be woken is to be served: a send asks those who wait what they wish (`claim`), and
receives for them in its own transaction (receiving.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from lambdad.core.clock import Clock
from lambdad.core.value import Value
from lambdad.engines.queue.records import Terms
from lambdad.engines.queue.taking import Take
from lambdad.engines.queue.timetable import Appointment, Timetable


class Wish(Value):
    """What somebody who waits would receive."""

    terms: Callable[[], Terms | None]
    """Asked at the moment when something is sent. None: nothing now; he is woken instead."""
    give_back: Callable[[Take], None]
    """Called with what was received for him when he has gone."""


class Waiter:
    """Somebody who waits: until he is woken, or served."""

    __slots__ = ("_claimed", "done", "wish")

    def __init__(self, wish: Wish | None) -> None:
        self.wish = wish
        self.done: asyncio.Future[Take | None] = asyncio.get_running_loop().create_future()
        """What was received for him; None where he is to look himself."""
        self._claimed = False

    def claim(self) -> Terms | None:
        """What to receive for him; `serve` must follow, and nothing else wakes him before. None
        where he wants nothing."""
        terms = None if self.wish is None or self.done.done() else self.wish.terms()
        self._claimed = terms is not None
        return terms

    def serve(self, take: Take | None) -> None:
        """End a claim: with what was received, or None where the send has failed."""
        if not self.done.done():
            self.done.set_result(take)
        elif take is not None and self.wish is not None:
            self.wish.give_back(take)

    def wake(self) -> None:
        """Let him look himself."""
        if not self._claimed and not self.done.done():
            self.done.set_result(None)


class Arrivals:
    """The waiting room of one queue."""

    def __init__(self, clock: Clock, timetable: Timetable) -> None:
        self._clock = clock
        self._timetable = timetable
        self._receivers: deque[Waiter] = deque()
        self._watchers: set[Waiter] = set()
        self._alarm: Appointment | None = None
        self._due_ms: int | None = 0  # nobody has looked yet
        self.epoch = 0
        """Rises with every `expect`."""

    def here(self) -> bool:
        """Whether a receive may find something now."""
        return self._due_ms is not None and self._due_ms <= self._clock.wall_ms()

    def claim(self, messages: int) -> list[tuple[Waiter, Terms]]:
        """So many are about to be sent that can be received at once: whom to serve in that very
        transaction, first come first. Who wants nothing now is woken."""
        claims: list[tuple[Waiter, Terms]] = []
        while messages > 0 and self._receivers:
            waiter = self._receivers.popleft()
            terms = waiter.claim()
            if terms is None:
                waiter.wake()
            else:
                claims.append((waiter, terms))
                messages -= terms.limit
        return claims

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

    async def wait(self, until_ms: int | None, wish: Wish) -> Take | None:
        """Until something was received for who waits; None when there may be something, at
        `until_ms` (None: never), or after `release`."""
        waiter = Waiter(wish)
        self._receivers.append(waiter)
        try:
            return await self._wait(waiter, until_ms)
        except asyncio.CancelledError:
            if waiter.done.cancelled():
                raise
            waiter.serve(waiter.done.result())  # he has gone: this gives it back
            self.hand_on()
            raise

    async def watch(self, until_ms: int | None) -> None:
        """Likewise, without receiving: others are woken for the same message as well."""
        waiter = Waiter(None)
        self._watchers.add(waiter)
        await self._wait(waiter, until_ms)

    def release(self) -> None:
        """Wake everybody: the queue or the engine is going."""
        for waiter in (*self._receivers, *self._watchers):
            waiter.wake()

    async def _wait(self, waiter: Waiter, until_ms: int | None) -> Take | None:
        limit = None
        if until_ms is not None:
            limit = self._timetable.at(until_ms, waiter.wake)
        self._set_alarm()
        try:
            return await waiter.done
        finally:
            if limit is not None:
                self._timetable.cancel(limit)
            self._leave(waiter)

    def _call(self, receivers: int) -> None:
        if not self._receivers and not self._watchers:
            return
        if not self.here():
            self._set_alarm()
            return
        for waiter in self._watchers:
            waiter.wake()
        while receivers > 0 and self._receivers:
            waiter = self._receivers.popleft()
            if not waiter.done.done():
                waiter.wake()
                receivers -= 1

    def _leave(self, waiter: Waiter) -> None:
        self._watchers.discard(waiter)
        if waiter in self._receivers:
            self._receivers.remove(waiter)
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
