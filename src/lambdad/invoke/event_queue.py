"""Where asynchronous events wait: a queue of their own on the queue engine.

Owns the event's form on the queue, the bound on how many there are, and their CloudWatch counts.
The receives of this queue are this process's alone, so whatever is in flight at its start belongs
to a process that is gone and is given back.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.core.limits import Limits
from lambdad.core.value import Value, to_json
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import (
    Message,
    NewMessage,
    Outgoing,
    QueueKey,
    QueueSettings,
)
from lambdad.invoke.retry import Progress
from lambdad.telemetry.counters import Counters, Metric

EVENTS = QueueKey(AccountId(""), Region(""), "lambda-events")
"""No account has it: no client can name it."""
_YEAR_S = 365 * 24 * 3600
_SETTINGS = QueueSettings(
    visibility_s=_YEAR_S, retention_s=100 * _YEAR_S, max_message_bytes=1 << 30
)
"""Events end by the rules of retry.py, and are received until they are done with."""


class AsyncEvent(Value):
    """What the queue keeps of an event beside its payload."""

    account: AccountId
    region: Region
    name: str
    qualifier: str | None
    request_id: RequestId
    invoked_arn: str
    trace_header: str
    progress: Progress
    tenant_id: str | None = None

    def to_header(self) -> bytes:
        return to_json(self)

    @classmethod
    def from_header(cls, header: bytes) -> AsyncEvent:
        members = orjson.loads(header)
        members["progress"] = Progress(**members["progress"])
        return cls(**members)


class HeldEvent(Value):
    """An event that is being worked on."""

    event: AsyncEvent
    payload: bytes
    handle: str


class QueueFull(AwsError):
    """As many events wait as may."""

    code = "ServiceException"
    status = 500


class EventQueue:
    """The events that were accepted and are not over."""

    def __init__(
        self, queues: QueueEngine, clock: Clock, limits: Limits, counters: Counters
    ) -> None:
        self._queues = queues
        self._clock = clock
        self._capacity = limits.async_queue_events
        self._counters = counters
        self._size = 0

    @property
    def size(self) -> int:
        """Events, those being worked on included."""
        return self._size

    async def open(self) -> None:
        """Take over what an earlier process left."""
        queue = self._queues.find(EVENTS)
        if queue is None:
            await self._queues.create(EVENTS, _SETTINGS, {}, {})
        elif queue.settings != _SETTINGS:
            await self._queues.update(EVENTS, settings=_SETTINGS)
        self._size = await self._queues.give_back_all(EVENTS)

    async def put(self, event: AsyncEvent, payload: bytes, *, hold: bool) -> HeldEvent | None:
        """Add an event; it is on disk when this returns. With `hold` the caller works on it at
        once. Raises QueueFull, LaneFull, CommitFailed."""
        if self._size >= self._capacity:
            raise QueueFull("Too many asynchronous events are waiting. Try again later.")
        self._count("AsyncEventsReceived", event)
        message = NewMessage(payload, event.to_header())
        self._size += 1
        try:
            if not hold:
                await self._queues.send(EVENTS, (message,))
                return None
            held = await self._queues.send_taken(EVENTS, message, _YEAR_S)
        except BaseException:
            self._size -= 1
            raise
        return HeldEvent(event, payload, held.receipt_handle)

    async def due(self) -> None:
        """Wait until there may be an event that is due."""
        await self._queues.available(EVENTS)

    async def take(self, limit: int) -> list[HeldEvent]:
        """Up to `limit` events that are due, for the caller to work on."""
        messages = await self._queues.receive(EVENTS, limit, wait_s=0)
        return [_to_held(message) for message in messages]

    async def again(self, held: HeldEvent, event: AsyncEvent, due_ms: int) -> None:
        """It is to run once more, at `due_ms`, with what `event` says by now."""
        await self._queues.put_back(EVENTS, held.handle, due_ms, event.to_header())

    async def over(self, held: HeldEvent, outgoing: Sequence[Outgoing]) -> None:
        """It is done with. `outgoing` is sent in the transaction that deletes it."""
        await self._queues.write(self._queues.deleting(EVENTS, (held.handle,)), outgoing)
        self._size -= 1

    def started(self, event: AsyncEvent) -> None:
        """A run of it begins: counts its age."""
        age_ms = self._clock.wall_ms() - event.progress.accepted_ms
        self._count("AsyncEventAge", event, age_ms)

    def _count(self, name: str, event: AsyncEvent, value: float = 1) -> None:
        self._counters.add(Metric("AWS/Lambda", name, (("FunctionName", event.name),)), value)


def _to_held(message: Message) -> HeldEvent:
    event = AsyncEvent.from_header(message.attributes)
    return HeldEvent(event, message.body, message.receipt_handle)
