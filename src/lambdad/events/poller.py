"""One mapping at work: reads its source, gathers batches, hands them to runs (`delivery.py`).

Owns when a source is looked at. Nothing here ticks: an idle poller stands by and is handed what
arrives, a busy one waits for a slot, and only a mapping that cannot work, or that is backing off,
waits for a moment in time. Whatever is read is either handed on, given back, or comes back by
itself.

Source: Lambda developer guide, "Using Lambda with Amazon SQS"; semantics §4.2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.limits import Limits
from lambdad.events.batch import Batch, BatchRules, Gathering
from lambdad.events.delivery import Delivery
from lambdad.events.scaling import Scaling
from lambdad.events.source import Reader, Received, SourceUnavailable, Wanted

_LARGEST_LOOK = 1000
"""Records received at once, however much room there is: what one transaction may hold up."""
_GROWTH_CHECK_MS = 1000
_FIRST_RETRY_MS = 500
_LONGEST_RETRY_MS = 60_000
_AT_ONCE = 0
_log = logging.getLogger(__name__)


class Slots:
    """The batches of one mapping that are in flight, whichever settings they were begun with."""

    def __init__(self) -> None:
        self.taken = 0
        self.freed: Callable[[], None] = lambda: None
        """Called when one has ended: the current poller's wake-up."""


class Poller:
    """Of one mapping that is enabled, with the settings it has now. Other settings: another one,
    with the same slots."""

    def __init__(
        self, delivery: Delivery, reader: Reader, slots: Slots, clock: Clock, limits: Limits
    ) -> None:
        mapping = delivery.mapping
        self._slots = slots
        self._delivery = delivery
        self._reader = reader
        self._clock = clock
        self._scaling = Scaling(mapping.maximum_concurrency)
        self._size = mapping.batch_size
        self._window_s = mapping.window_s
        self._gathering = Gathering(
            BatchRules(mapping.batch_size, mapping.window_s * 1000, limits.request_payload_bytes)
        )
        self._held_until_ms = 0
        self._runs: set[asyncio.Task[None]] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._standby: asyncio.Task[None] | None = None
        """There is nothing to look for as long as it runs: it is handed whatever arrives."""
        self._loop: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._troubles = 0
        """Looks in a row that could not be taken."""

    def start(self) -> None:
        self._slots.freed = self._wake.set
        self._loop = asyncio.get_running_loop().create_task(self._read())

    def wake(self) -> None:
        """Look again: the function has changed, or time has jumped."""
        self._wake.set()

    async def drain(self) -> None:
        """Read nothing any more, give back what no function has seen, finish what runs."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await self._loop
        if waiting := self._gathering.take():
            await self._reader.give_back(waiting)
        await asyncio.gather(*self._runs, *self._chores, return_exceptions=True)

    async def close(self) -> None:
        """Likewise, but abandon what runs: its records come back by themselves."""
        for task in self._runs:
            task.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
        await self.drain()

    # -- reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while not self._stopping:
                self._wake.clear()
                until_ms = await self._look()
                if until_ms != _AT_ONCE:
                    await self._sleep(until_ms)
        finally:
            if self._standby is not None:
                self._standby.cancel()

    async def _look(self) -> int | None:
        """One turn; when the next one is due: at once, at a moment, or (None) when woken."""
        now_ms = self._clock.wall_ms()
        for batch in self._gathering.due(now_ms):
            self._run(batch)
        if self._standby is not None:
            return self._gathering.closes_ms
        if now_ms < self._scaling.paused_until_ms:
            return self._earliest(self._scaling.paused_until_ms)
        if self._free_slots <= 0:
            self._scaling.saturated(now_ms)
            return self._earliest(now_ms + _GROWTH_CHECK_MS)
        try:
            wanted = self._wanted()
            received = await self._reader.receive(wanted)
        except AwsError as error:
            return self._earliest(now_ms + self._trouble(error))
        self._troubles = 0
        self._take_in(received)
        if len(received.records) == wanted.most:
            return _AT_ONCE
        if not received.records and self._gathering.closes_ms is None:
            self._scaling.idle()
        self._stand_by()
        return self._gathering.closes_ms

    @property
    def _free_slots(self) -> int:
        return self._scaling.limit - self._slots.taken

    def _wanted(self) -> Wanted:
        """As much as there are slots for. Raises SourceUnavailable."""
        timeout_s = self._delivery.check_readable()
        most = self._gathering.room
        if not self._reader.ordered:
            more = self._size * (self._free_slots - 1)
            most = min(most + more, max(most, _LARGEST_LOOK))
        return Wanted(most, self._window_s + timeout_s + 30 if self._window_s else 0)

    def _take_in(self, received: Received) -> None:
        held_until_ms = received.held_until_ms
        if self._gathering.closes_ms is not None:
            held_until_ms = min(held_until_ms, self._held_until_ms)
        self._held_until_ms = held_until_ms
        accepted, dropped = self._delivery.sorted_out(received.records)
        if dropped:
            self._spawn(self._chores, self._delivery.forget(self._reader, dropped))
        now_ms = self._clock.wall_ms()
        for batch in [*self._gathering.add(accepted, now_ms), *self._gathering.due(now_ms)]:
            self._run(batch)

    def _trouble(self, error: AwsError) -> int:
        """Note why the source cannot be read; how many milliseconds to leave it alone."""
        if self._troubles == 0:
            problem = error.message if isinstance(error, SourceUnavailable) else repr(error)
            _log.warning("event source mapping %s: %s", self._delivery.mapping.id, problem)
        self._troubles += 1
        return min(_FIRST_RETRY_MS << min(self._troubles - 1, 16), _LONGEST_RETRY_MS)

    def _earliest(self, moment_ms: int) -> int:
        closes_ms = self._gathering.closes_ms
        return moment_ms if closes_ms is None else min(moment_ms, closes_ms)

    # -- waiting ------------------------------------------------------------------------------

    def _stand_by(self) -> None:
        self._standby = self._spawn(self._chores, self._be_handed())

    async def _be_handed(self) -> None:
        """Take in what arrives, until there is something to look for. Ends with a wake-up, also
        where the source has gone: looking will say so."""
        try:
            while (received := await self._reader.next(self._wanted_now)) is not None:
                self._take_in(received)
                if self._gathering.closes_ms is not None:
                    self._wake.set()  # a window to be closed in time
        except AwsError as error:
            _log.debug("event source mapping %s: %s", self._delivery.mapping.id, error)
        finally:
            self._standby = None
            self._wake.set()

    def _wanted_now(self) -> Wanted | None:
        """As something arrives; None where that has to wait, or looking will say why not."""
        paused = self._clock.wall_ms() < self._scaling.paused_until_ms
        if self._stopping or paused or self._free_slots <= 0:
            return None
        try:
            return self._wanted()
        except AwsError:
            return None

    async def _sleep(self, until_ms: int | None) -> None:
        timeout_s = None
        if until_ms is not None:
            timeout_s = max(0, until_ms - self._clock.wall_ms()) / 1000
        # Not wait_for: before Python 3.12 it may swallow the cancellation that ends this task.
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()

    # -- running ------------------------------------------------------------------------------

    def _run(self, batch: Batch) -> None:
        self._slots.taken += 1
        self._spawn(self._runs, self._deliver(batch, self._held_until_ms))

    async def _deliver(self, batch: Batch, held_until_ms: int) -> None:
        done: Batch = ()
        try:
            done = await self._delivery.deliver(batch, held_until_ms)
        finally:
            if done:
                self._scaling.succeeded()
            else:
                self._scaling.failed(self._clock.wall_ms())
            self._slots.taken -= 1
            self._slots.freed()
        # The next batch need not wait for this: looking for it goes into the same commit.
        if done:
            await self._delivery.forget(self._reader, done)

    def _spawn(
        self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(lambda done: self._ended(tasks, done))
        return task

    def _ended(self, tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a batch of events was abandoned", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
