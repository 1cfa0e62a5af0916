"""The queue engine: every queue of the server in one lane. The surface that others call.

Owns: queues, their messages, their order, when each may be seen and by whom. May not: know AWS's
protocols, texts or permissions.

Everything is committed before it is answered: what was sent is there after a crash, what was
deleted is not, and what is in flight comes back when its visibility timeout ends and not before.
Memory holds a record for each queue and nothing for a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.engines.queue.errors import MessageTooLong, QueueMissing
from lambdad.engines.queue.looking import count, oldest_ms, peek
from lambdad.engines.queue.moving import MoveTasks
from lambdad.engines.queue.receipts import from_handle, to_handle
from lambdad.engines.queue.receiving import Claim, Receiving
from lambdad.engines.queue.records import (
    Counts,
    Message,
    Metrics,
    MoveTask,
    NewMessage,
    Outgoing,
    QueueKey,
    Receipted,
    Sent,
    Terms,
)
from lambdad.engines.queue.registry import QueueRegistry, QueueState
from lambdad.engines.queue.settling import change, delete, give_back_all, put_back
from lambdad.engines.queue.storing import store, store_taken
from lambdad.engines.queue.upkeep import Upkeep
from lambdad.storage.lane import Lane, Transaction, Work

T = TypeVar("T")


class QueueEngine(QueueRegistry):
    """All queues. Every write is on disk when it returns, or has raised LaneFull or CommitFailed
    (AwsErrors, 503). Methods that take a key raise QueueMissing."""

    def __init__(self, lane: Lane, clock: Clock, limits: Limits) -> None:
        super().__init__(lane, clock, limits)
        self._moves = MoveTasks(self, lane, clock, self._timetable, limits.queue_move_rate_per_s)
        self.upkeep = Upkeep(self, lane, clock, self._timetable, limits.queue_upkeep_s)
        self._receiving = Receiving(self, lane, clock, limits)

    async def start(self) -> None:
        """Load the queues, and go on with what was under way. Before anything else."""
        await self.load()
        await self._moves.load()
        self.keep(self.upkeep.run())

    async def close(self) -> None:
        """Wake everybody who waits (with nothing) and stop background work. Not the lane."""
        self._receiving.close()
        self._timetable.close()
        await self.cancel_kept()

    def wake(self) -> None:
        """Look at the clock again: a virtual one has been moved."""
        self._timetable.check()

    # -- sending ------------------------------------------------------------------------------

    async def send(self, key: QueueKey, messages: Sequence[NewMessage]) -> tuple[Sent, ...]:
        """Store the messages, all or none. The caller has checked what AWS checks; of that, only
        the size is checked here. Raises MessageTooLong."""
        state, now_ms = self.state(key), self._clock.wall_ms()
        self._check(state, messages)
        claims = self._announce(state, messages, now_ms)
        memory_ms = self._limits.queue_deduplication_s * 1000
        sent = await self._receiving.write(
            lambda tx: store(tx, state.queue, messages, now_ms, memory_ms), claims
        )
        _count_sent(state, messages, sent)
        return sent

    async def send_taken(self, key: QueueKey, message: NewMessage, visibility_s: int) -> Message:
        """Send to a standard queue and receive the message in the same step: for an owner that
        works on it at once, and whose queue is for what a crash or a failure leaves over."""
        state, now_ms = self.state(key), self._clock.wall_ms()
        until_ms = now_ms + visibility_s * 1000
        self._check(state, (message,))
        state.arrivals.expect(until_ms)
        receipt = await self._lane.write(
            lambda tx: store_taken(tx, state.queue, message, now_ms, until_ms)
        )
        state.metrics.messages_sent += 1
        state.metrics.messages_received += 1
        state.in_flight += 1
        return Message(
            message_id="",
            receipt_handle=to_handle(receipt),
            body=message.body,
            attributes=message.attributes,
            system=message.system,
            sequence=receipt.seq,
            sent_ms=now_ms,
            first_received_ms=now_ms,
            receive_count=1,
        )

    async def write(self, work: Work[T], outgoing: Sequence[Outgoing]) -> T:
        """The outbox: run `work` in a transaction of the queues' lane and send `outgoing` in the
        same one: both are there after a crash, or neither. A queue that is gone takes nothing."""
        now_ms, memory_ms = self._clock.wall_ms(), self._limits.queue_deduplication_s * 1000
        sends = [(self._states[o.key], o.messages) for o in outgoing if o.key in self._states]
        claims: list[Claim] = []
        for state, messages in sends:
            self._check(state, messages)
        for state, messages in sends:
            claims += self._announce(state, messages, now_ms)

        def both(tx: Transaction) -> tuple[T, list[tuple[Sent, ...]]]:
            value = work(tx)
            sent = []
            for state, messages in sends:
                try:
                    sent.append(store(tx, state.queue, messages, now_ms, memory_ms))
                except QueueMissing:  # deleted since
                    sent.append(())
            return value, sent

        value, sent = await self._receiving.write(both, claims)
        for (state, messages), stored in zip(sends, sent, strict=True):
            _count_sent(state, messages, stored)
        return value

    def _announce(
        self, state: QueueState, messages: Sequence[NewMessage], now_ms: int
    ) -> list[Claim]:
        """Before the write is handed in: see arrivals.py. Who is to be served by it."""
        settings = state.queue.settings
        delays = [settings.delay_s if m.delay_s is None else m.delay_s for m in messages]
        delay_s = settings.delay_s if settings.fifo else min(delays, default=0)
        claims = [] if delay_s else self._receiving.claim(state, len(messages))
        served = sum(claim.order.limit for claim in claims)
        state.arrivals.expect(now_ms + delay_s * 1000, len(messages) - served)
        return claims

    @staticmethod
    def _check(state: QueueState, messages: Sequence[NewMessage]) -> None:
        limit_bytes = state.queue.settings.max_message_bytes
        if any(message.size_bytes > limit_bytes for message in messages):
            raise MessageTooLong(limit_bytes)

    # -- receiving ----------------------------------------------------------------------------

    async def receive(
        self,
        key: QueueKey,
        limit: int,
        *,
        visibility_s: int | None = None,
        wait_s: float | None = None,
        attempt_id: str | None = None,
    ) -> tuple[Message, ...]:
        """Up to `limit` messages, in flight from now on for `visibility_s`; () if none came.

        `visibility_s`, `wait_s`: None means the queue's own. Waiting costs nothing: a send or a
        message that becomes due wakes it. `limit` may be larger than SQS's 10. FIFO: whole
        prefixes of groups without a message in flight; with `attempt_id` a repetition within 5
        minutes gets the same messages and handles, their visibility timeout begun anew. Cancelled
        while it holds messages: they are given back as if never received. Raises TooManyInFlight
        (standard; FIFO answers () at its own bound).
        """
        return await self._receiving.receive(key, Terms(limit, visibility_s, attempt_id), wait_s)

    async def stand_by(
        self, key: QueueKey, terms: Callable[[], Terms | None]
    ) -> tuple[Message, ...]:
        """Wait for what is sent and receive it in the sender's own transaction: on the terms that
        hold at that moment. () where there may be something else to receive, where `terms` said
        None, and after `close`: then look (`receive`). Cancelled: as `receive`."""
        return await self._receiving.stand_by(key, terms)

    async def available(self, key: QueueKey, wait_s: float | None = None) -> bool:
        """Wait until a receive may find something (True) or `wait_s` is over (False; None: wait
        for ever). Cheap: a future while waiting, nothing else. For pollers that decide how much
        to receive, and when, after they are woken."""
        return await self._receiving.available(key, wait_s)

    # -- what was received ----------------------------------------------------------------------

    async def delete_messages(self, key: QueueKey, handles: Sequence[str]) -> tuple[Receipted, ...]:
        """Delete received messages, each on its own: DONE, MALFORMED, FOREIGN, EXPIRED. A standard
        queue's latest handle also deletes after its visibility timeout; an older one deletes
        nothing."""
        state = self.state(key)
        outcomes = await self._lane.write(self.deleting(key, handles))
        done = outcomes.count(Receipted.DONE)
        state.metrics.messages_deleted += done
        state.in_flight = max(0, state.in_flight - done)
        return outcomes

    def deleting(self, key: QueueKey, handles: Sequence[str]) -> Work[tuple[Receipted, ...]]:
        """`delete_messages` as work for `write`: deleted and sent on in one transaction."""
        state, now_ms = self.state(key), self._clock.wall_ms()
        receipts = [from_handle(handle, state.queue.id) for handle in handles]
        if state.queue.settings.fifo:  # a group may become free
            state.arrivals.expect(now_ms)
        return lambda tx: delete(tx, state.queue, receipts, now_ms)

    async def change_visibility(
        self, key: QueueKey, changes: Iterable[tuple[str, int]]
    ) -> tuple[Receipted, ...]:
        """For each (receipt handle, seconds from now) in flight, when it becomes visible: 0 is
        now. DONE, MALFORMED, FOREIGN, EXPIRED, NOT_IN_FLIGHT, GONE, TOO_LONG."""
        state, now_ms = self.state(key), self._clock.wall_ms()
        parsed = [(from_handle(h, state.queue.id), seconds * 1000) for h, seconds in changes]
        longest_ms = self._limits.queue_visibility_s * 1000
        state.arrivals.expect(now_ms + min((delay for _, delay in parsed), default=0), len(parsed))
        return await self._lane.write(
            lambda tx: change(tx, state.queue, parsed, now_ms, longest_ms)
        )

    async def put_back(self, key: QueueKey, handle: str, due_ms: int, attributes: bytes) -> None:
        """A standard queue's message again at `due_ms`, with another document: for an owner that
        counts its own tries. An old handle does nothing."""
        state = self.state(key)
        receipt = from_handle(handle, state.queue.id)
        if isinstance(receipt, Receipted):
            return
        state.arrivals.expect(due_ms)
        await self._lane.write(lambda tx: put_back(tx, receipt, due_ms, attributes))
        state.in_flight = max(0, state.in_flight - 1)

    async def give_back_all(self, key: QueueKey) -> int:
        """Make everything in flight visible again, for an owner that is the only receiver and
        begins anew; how many messages there are."""
        state, now_ms = self.state(key), self._clock.wall_ms()
        state.arrivals.expect(now_ms)
        return await self._lane.write(lambda tx: give_back_all(tx, state.queue, now_ms))

    # -- looking --------------------------------------------------------------------------------

    async def peek(self, key: QueueKey, limit: int) -> tuple[Message, ...]:
        """The first messages in the order of sending, whatever their state, changing nothing."""
        queue = self.state(key).queue
        return await self._lane.read(lambda tx: peek(tx, queue, limit))

    async def counts(self, key: QueueKey) -> Counts:
        queue, now_ms = self.state(key).queue, self._clock.wall_ms()
        return await self._lane.read(lambda tx: count(tx, queue, now_ms))

    async def oldest_ms(self, key: QueueKey) -> int | None:
        """`sent_ms` of the oldest message (for ApproximateAgeOfOldestMessage); None: empty."""
        queue = self.state(key).queue
        return await self._lane.read(lambda tx: oldest_ms(tx, queue))

    def metrics(self, key: QueueKey) -> Metrics:
        """Counted since the process started."""
        return self.state(key).metrics

    # -- move tasks -----------------------------------------------------------------------------

    async def start_move(
        self, source: QueueKey, target: QueueKey | None, rate_per_s: int | None
    ) -> MoveTask:
        """Begin to move all visible messages of `source`, as new messages (new id, new time). It
        goes on after a restart. Raises MoveRunning, QueueMissing for either queue."""
        return await asyncio.shield(self.keep(self._moves.start(source, target, rate_per_s)))

    async def cancel_move(self, task_id: str) -> MoveTask:
        """Stop it; what was moved stays moved. Raises MoveMissing."""
        return await asyncio.shield(self.keep(self._moves.cancel(task_id)))

    def move(self, task_id: str) -> MoveTask | None:
        """A task by its id, while it is remembered."""
        return self._moves.get(task_id)

    def moves(self, source: QueueKey) -> list[MoveTask]:
        """The source's tasks, latest first: up to 10 (AWS keeps as many)."""
        return self._moves.of(source)


def _count_sent(state: QueueState, messages: Sequence[NewMessage], sent: Sequence[Sent]) -> None:
    stored = [m for m, s in zip(messages, sent, strict=False) if not s.duplicate]
    state.metrics.messages_sent += len(stored)
    state.metrics.sent_bytes += sum(message.size_bytes for message in stored)
