"""Receiving: who may take how much, who waits, and what becomes of those who stop waiting.

Owns the bound on messages in flight and the wait. The SQL is in taking.py, groups.py and
attempts.py; when to look at all is in arrivals.py.
"""

from __future__ import annotations

import asyncio

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.engines.queue.attempts import take_again
from lambdad.engines.queue.errors import TooManyInFlight
from lambdad.engines.queue.groups import take_in_order
from lambdad.engines.queue.records import Message, QueueKey
from lambdad.engines.queue.registry import QueueRegistry, QueueState
from lambdad.engines.queue.settling import give_back
from lambdad.engines.queue.taking import Take, in_flight, take
from lambdad.storage.lane import Lane, Transaction

_COUNT_AGAIN_MS = 1_000
"""At the bound, the messages in flight are counted at most so often."""


class Receiving:
    """The receives of a registry's queues. QueueEngine says what its methods promise."""

    def __init__(self, registry: QueueRegistry, lane: Lane, clock: Clock, limits: Limits) -> None:
        self._registry = registry
        self._lane = lane
        self._clock = clock
        self._limits = limits
        self._closed = False

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        for state in self._registry.states():
            state.arrivals.release()

    async def receive(
        self,
        key: QueueKey,
        limit: int,
        visibility_s: int | None,
        wait_s: float | None,
        attempt_id: str | None,
    ) -> tuple[Message, ...]:
        settings = self._registry.get(key).settings
        wait_s = settings.receive_wait_s if wait_s is None else wait_s
        until_ms = self._clock.wall_ms() + round(wait_s * 1000)
        attempt_id = attempt_id if settings.fifo else None
        while True:
            state = self._registry.state(key)
            if state.arrivals.here() or attempt_id is not None:
                messages = await self._take(state, limit, visibility_s, attempt_id)
                if messages:
                    return messages
            if self._closed or self._clock.wall_ms() >= until_ms:
                state.metrics.empty_receives += 1
                return ()
            if not state.arrivals.here():
                await state.arrivals.wait(until_ms)

    async def available(self, key: QueueKey, wait_s: float | None) -> bool:
        until_ms = None if wait_s is None else self._clock.wall_ms() + round(wait_s * 1000)
        while not (state := self._registry.state(key)).arrivals.here():
            if self._closed or (until_ms is not None and self._clock.wall_ms() >= until_ms):
                return False
            await state.arrivals.wait(until_ms, watch=True)
        return True

    async def _take(
        self, state: QueueState, limit: int, visibility_s: int | None, attempt_id: str | None
    ) -> tuple[Message, ...]:
        settings, now_ms = state.queue.settings, self._clock.wall_ms()
        bound = self._limits.queue_in_flight_fifo if settings.fifo else self._limits.queue_in_flight
        crowded = state.in_flight + limit > bound
        if crowded and now_ms < state.crowded_until_ms:
            return _refused(state, settings.fifo)
        visibility_s = settings.visibility_s if visibility_s is None else visibility_s
        dead_letters = self._registry.find(settings.redrive.target) if settings.redrive else None
        order = Take(state.queue, dead_letters, limit, now_ms, now_ms + visibility_s * 1000)
        epoch, memory_ms = state.arrivals.epoch, self._limits.queue_deduplication_s * 1000

        def work(tx: Transaction) -> bool:
            if crowded:
                order.flying = in_flight(tx, order.queue, now_ms)
                order.limit = min(limit, bound - order.flying)
                if order.limit <= 0:
                    return False
            if attempt_id is not None:
                take_again(tx, order, attempt_id, memory_ms)
            elif settings.fifo:
                take_in_order(tx, order)
            else:
                take(tx, order)
            return True

        taking = self._registry.keep(self._lane.write(work))
        try:
            room = await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._registry.keep(self._give_back(state, order, taking))
            raise
        except BaseException:
            state.arrivals.hand_on()
            raise
        if order.flying is not None:
            state.in_flight = order.flying
        if not room:
            state.crowded_until_ms = now_ms + _COUNT_AGAIN_MS
            return _refused(state, settings.fifo)
        self._account(state, order)
        state.arrivals.learn(epoch, order.next_due_ms)
        return tuple(order.messages)

    def _account(self, state: QueueState, order: Take) -> None:
        state.in_flight += len(order.messages)
        state.metrics.messages_received += len(order.messages)
        state.metrics.messages_moved += order.buried
        state.metrics.messages_expired += order.expired
        if order.buried and order.dead_letters is not None:
            key = order.dead_letters.key
            if self._registry.find(key) is not None:
                self._registry.state(key).arrivals.expect(order.now_ms, order.buried)

    async def _give_back(self, state: QueueState, order: Take, taking: asyncio.Task[bool]) -> None:
        """Whoever was to get these messages has gone."""
        await asyncio.wait([taking])
        if taking.cancelled() or taking.exception() is not None:
            return
        self._account(state, order)
        now_ms = self._clock.wall_ms()
        state.arrivals.expect(now_ms, max(1, len(order.receipts)))
        if order.receipts:
            await self._lane.write(lambda tx: give_back(tx, state.queue, order.receipts, now_ms))
            state.in_flight -= len(order.receipts)


def _refused(state: QueueState, fifo: bool) -> tuple[Message, ...]:
    """At the bound of messages in flight."""
    if fifo:
        state.arrivals.learn(state.arrivals.epoch, state.crowded_until_ms)
        return ()
    state.arrivals.hand_on()
    raise TooManyInFlight
