"""Receiving: who may take how much, who waits, and what becomes of those who stop waiting.

Owns the bound on messages in flight and the wait. Whoever waits is mostly served by the send
itself: what he wishes is received in the transaction that stores the message, so that there is one
commit between a sender and a receiver. The SQL is in taking.py, groups.py and attempts.py; when to
look at all, and who waits, is in arrivals.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.engines.queue.arrivals import Waiter, Wish
from lambdad.engines.queue.attempts import take_again
from lambdad.engines.queue.errors import QueueMissing, TooManyInFlight
from lambdad.engines.queue.groups import take_in_order
from lambdad.engines.queue.records import Message, QueueKey, Terms
from lambdad.engines.queue.registry import QueueRegistry, QueueState
from lambdad.engines.queue.settling import give_back
from lambdad.engines.queue.taking import Take, in_flight, take
from lambdad.storage.lane import Lane, Transaction, Work

T = TypeVar("T")

_COUNT_AGAIN_MS = 1_000
"""At the bound, the messages in flight are counted at most so often."""


class Claim(Value):
    """A receive for somebody who waits, in the transaction of a send."""

    state: QueueState
    waiter: Waiter
    order: Take
    attempt_id: str | None


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
        self, key: QueueKey, terms: Terms, wait_s: float | None
    ) -> tuple[Message, ...]:
        settings = self._registry.get(key).settings
        wait_s = settings.receive_wait_s if wait_s is None else wait_s
        until_ms = self._clock.wall_ms() + round(wait_s * 1000)
        while True:
            state = self._registry.state(key)
            if state.arrivals.here() or (settings.fifo and terms.attempt_id is not None):
                messages = await self._look(state, terms)
                if messages:
                    return messages
            if self._closed or self._clock.wall_ms() >= until_ms:
                state.metrics.empty_receives += 1
                return ()
            if not state.arrivals.here():
                served = await self._wait(state, until_ms, lambda: terms)
                if served:
                    return served

    async def stand_by(
        self, key: QueueKey, terms: Callable[[], Terms | None]
    ) -> tuple[Message, ...]:
        while not (state := self._registry.state(key)).arrivals.here() and not self._closed:
            served = await self._wait(state, None, terms)
            if served is None:
                break
            if served:
                return served
        return ()

    async def available(self, key: QueueKey, wait_s: float | None) -> bool:
        until_ms = None if wait_s is None else self._clock.wall_ms() + round(wait_s * 1000)
        while not (state := self._registry.state(key)).arrivals.here():
            if self._closed or (until_ms is not None and self._clock.wall_ms() >= until_ms):
                return False
            await state.arrivals.watch(until_ms)
        return True

    # -- waiting, and being served by a send ----------------------------------------------------

    async def _wait(
        self, state: QueueState, until_ms: int | None, terms: Callable[[], Terms | None]
    ) -> tuple[Message, ...] | None:
        """What a send brought, which may be nothing; None where it is to be looked."""
        wish = Wish(terms, partial(self._return, state))
        order = await state.arrivals.wait(until_ms, wish)
        return None if order is None else tuple(order.messages)

    def claim(self, state: QueueState, messages: int) -> list[Claim]:
        """Whom a send of so many messages serves that can be received at once. `write` must
        follow."""
        room = self._bound(state) - state.in_flight
        claims = []
        if room >= messages:  # else who waits has to look, which counts
            for waiter, terms in state.arrivals.claim(messages):
                order = self._order(state, terms, min(terms.limit, room))
                room = max(1, room - order.limit)
                claims.append(Claim(state, waiter, order, terms.attempt_id))
        return claims

    async def write(self, work: Work[T], claims: Sequence[Claim]) -> T:
        """Run a send, and behind it, in its transaction, the receives of those it serves."""
        if not claims:
            return await self._lane.write(work)
        epochs = [claim.state.arrivals.epoch for claim in claims]
        # To its end also where the sender gives up: others wait for it.
        return await asyncio.shield(self._registry.keep(self._serve(work, claims, epochs)))

    async def _serve(self, work: Work[T], claims: Sequence[Claim], epochs: Sequence[int]) -> T:
        def both(tx: Transaction) -> T:
            value = work(tx)
            for claim in claims:
                self._take_what_is_there(tx, claim)
            return value

        try:
            value = await self._lane.write(both)
        except BaseException:
            for claim in claims:
                claim.waiter.serve(None)
            raise
        for claim, epoch in zip(claims, epochs, strict=True):
            self._account(claim.state, claim.order)
            claim.waiter.serve(claim.order)
            claim.state.arrivals.learn(epoch, claim.order.next_due_ms)
        return value

    def _take_what_is_there(self, tx: Transaction, claim: Claim) -> None:
        try:
            self._take(tx, claim.order, claim.attempt_id)
        except QueueMissing:  # deleted since: who waits will find out
            claim.order.next_due_ms = claim.order.now_ms

    # -- one look -------------------------------------------------------------------------------

    async def _look(self, state: QueueState, terms: Terms) -> tuple[Message, ...]:
        bound, now_ms = self._bound(state), self._clock.wall_ms()
        crowded = state.in_flight + terms.limit > bound
        if crowded and now_ms < state.crowded_until_ms:
            return _refused(state)
        order = self._order(state, terms, terms.limit)
        epoch = state.arrivals.epoch

        def work(tx: Transaction) -> bool:
            if crowded:
                order.flying = in_flight(tx, order.queue, order.now_ms)
                order.limit = min(order.limit, bound - order.flying)
                if order.limit <= 0:
                    return False
            self._take(tx, order, terms.attempt_id)
            return True

        taking = self._registry.keep(self._lane.write(work))
        try:
            room = await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._registry.keep(self._give_back_after(state, order, taking))
            raise
        except BaseException:
            state.arrivals.hand_on()
            raise
        if order.flying is not None:
            state.in_flight = order.flying
        if not room:
            state.crowded_until_ms = now_ms + _COUNT_AGAIN_MS
            return _refused(state)
        self._account(state, order)
        state.arrivals.learn(epoch, order.next_due_ms)
        return tuple(order.messages)

    def _bound(self, state: QueueState) -> int:
        """Messages that may be in flight."""
        fifo = state.queue.settings.fifo
        return self._limits.queue_in_flight_fifo if fifo else self._limits.queue_in_flight

    def _order(self, state: QueueState, terms: Terms, limit: int) -> Take:
        settings, now_ms = state.queue.settings, self._clock.wall_ms()
        visibility_s = settings.visibility_s if terms.visibility_s is None else terms.visibility_s
        dead_letters = self._registry.find(settings.redrive.target) if settings.redrive else None
        return Take(state.queue, dead_letters, limit, now_ms, now_ms + visibility_s * 1000)

    def _take(self, tx: Transaction, order: Take, attempt_id: str | None) -> None:
        if not order.queue.settings.fifo:
            take(tx, order)
        elif attempt_id is None:
            take_in_order(tx, order)
        else:
            take_again(tx, order, attempt_id, self._limits.queue_deduplication_s * 1000)

    def _account(self, state: QueueState, order: Take) -> None:
        state.in_flight += len(order.messages)
        state.metrics.messages_received += len(order.messages)
        state.metrics.messages_moved += order.buried
        state.metrics.messages_expired += order.expired
        if order.buried and order.dead_letters is not None:
            key = order.dead_letters.key
            if self._registry.find(key) is not None:
                self._registry.state(key).arrivals.expect(order.now_ms, order.buried)

    # -- whoever was to get these has gone ------------------------------------------------------

    async def _give_back_after(
        self, state: QueueState, order: Take, taking: asyncio.Task[bool]
    ) -> None:
        await asyncio.wait([taking])
        if taking.cancelled() or taking.exception() is not None:
            return
        self._account(state, order)
        await self._give_back(state, order)

    def _return(self, state: QueueState, order: Take) -> None:
        self._registry.keep(self._give_back(state, order))

    async def _give_back(self, state: QueueState, order: Take) -> None:
        now_ms = self._clock.wall_ms()
        state.arrivals.expect(now_ms, max(1, len(order.receipts)))
        if order.receipts:
            await self._lane.write(lambda tx: give_back(tx, state.queue, order.receipts, now_ms))
            state.in_flight -= len(order.receipts)


def _refused(state: QueueState) -> tuple[Message, ...]:
    """At the bound of messages in flight."""
    if state.queue.settings.fifo:
        state.arrivals.learn(state.arrivals.epoch, state.crowded_until_ms)
        return ()
    state.arrivals.hand_on()
    raise TooManyInFlight
