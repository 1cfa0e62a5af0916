"""Which queues there are: their records in the lane, mirrored in memory.

Owns creation, change, purge and deletion. A change is computed and committed under one lock, then
put into the mirror; whoever gives up waiting for it does not leave the two apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import orjson

from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import Limits
from lambdad.core.value import replace
from lambdad.engines.queue.arrivals import Arrivals
from lambdad.engines.queue.errors import QueueExists, QueueMissing
from lambdad.engines.queue.groups import redelay
from lambdad.engines.queue.records import Metrics, Queue, QueueKey, QueueSettings
from lambdad.engines.queue.timetable import Timetable
from lambdad.storage.lane import Lane, Row, Transaction

T = TypeVar("T")

_DELETED_KNOWN_MS = 60_000


class QueueState:
    """A queue, who waits for it, and what was counted since the process started."""

    def __init__(self, queue: Queue, arrivals: Arrivals) -> None:
        self.queue = queue
        self.arrivals = arrivals
        self.metrics = Metrics()
        self.in_flight = 0
        """Not more than so many; counted anew when that reaches the bound."""
        self.crowded_until_ms = 0
        """The bound was reached; until then nobody counts again."""


class QueueRegistry:
    """The queues of one lane."""

    def __init__(self, lane: Lane, clock: Clock, limits: Limits) -> None:
        self._lane = lane
        self._clock = clock
        self._limits = limits
        self._timetable = Timetable(clock)
        self._states: dict[QueueKey, QueueState] = {}
        self._deleted_ms: dict[QueueKey, int] = {}
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def load(self) -> None:
        """Fill the mirror."""
        for row in await self._lane.read(
            lambda tx: tx.execute(f"SELECT {_COLUMNS} FROM queue_queues")  # noqa: S608
        ):
            # As if at the bound: the first receive counts what is in flight.
            self._admit(_to_queue(row)).in_flight = self._limits.queue_in_flight

    def get(self, key: QueueKey) -> Queue:
        """From memory. Raises QueueMissing."""
        return self.state(key).queue

    def find(self, key: QueueKey) -> Queue | None:
        """From memory."""
        state = self._states.get(key)
        return state.queue if state else None

    def state(self, key: QueueKey) -> QueueState:
        """For the engine's own parts. Raises QueueMissing."""
        try:
            return self._states[key]
        except KeyError:
            raise QueueMissing(key) from None

    def states(self) -> list[QueueState]:
        """Likewise."""
        return list(self._states.values())

    def queues(self, account: AccountId, region: Region, prefix: str = "") -> list[Queue]:
        """Sorted by name, from memory."""
        return sorted(
            (
                state.queue
                for key, state in self._states.items()
                if key[:2] == (account, region) and key.name.startswith(prefix)
            ),
            key=lambda queue: queue.key,
        )

    def sources_of(self, target: QueueKey) -> list[Queue]:
        """The queues whose redrive target this is, sorted by name (ListDeadLetterSourceQueues)."""
        queues = (state.queue for state in self._states.values())
        sources = [
            queue
            for queue in queues
            if queue.settings.redrive is not None and queue.settings.redrive.target == target
        ]
        return sorted(sources, key=lambda queue: queue.key)

    def deleted_ms(self, key: QueueKey) -> int | None:
        """When a queue of that name was deleted, within the last minute of this process."""
        deleted_ms = self._deleted_ms.get(key)
        fresh = deleted_ms is not None and deleted_ms > self._clock.wall_ms() - _DELETED_KNOWN_MS
        return deleted_ms if fresh else None

    async def create(
        self,
        key: QueueKey,
        settings: QueueSettings,
        attributes: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> Queue:
        """Make a queue. Raises QueueExists (which carries it)."""

        async def make() -> Queue:
            existing = self.find(key)
            if existing is not None:
                raise QueueExists(existing)
            now_ms = self._clock.wall_ms()
            draft = Queue(0, key, settings, dict(attributes), dict(tags), now_ms, now_ms)
            queue_id = await self._lane.write(lambda tx: _insert(tx, draft))
            queue = replace(draft, id=queue_id)
            self._admit(queue)
            return queue

        return await self._whole(make())

    async def update(
        self,
        key: QueueKey,
        *,
        settings: QueueSettings | None = None,
        attributes: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Queue:
        """Replace the parts that are given. Tags alone leave `modified_ms` as it is. A changed
        retention holds at once for the messages that are there; so does a FIFO queue's delay; a
        standard queue's delay and visibility hold for what is sent and received afterwards."""

        async def change() -> Queue:
            state = self.state(key)
            before = state.queue
            edited = settings is not None or attributes is not None
            now_ms = self._clock.wall_ms()
            queue = replace(
                before,
                settings=settings or before.settings,
                attributes=before.attributes if attributes is None else dict(attributes),
                tags=before.tags if tags is None else dict(tags),
                modified_ms=now_ms if edited else before.modified_ms,
            )
            state.arrivals.expect(now_ms)
            await self._lane.write(lambda tx: _update(tx, before, queue, now_ms))
            state.queue = queue
            return queue

        return await self._whole(change())

    async def delete(self, key: QueueKey) -> None:
        """Remove the queue and its messages. Who waits for it meets QueueMissing."""

        async def remove() -> None:
            state = self.state(key)
            queue_id = state.queue.id
            await self._lane.write(lambda tx: _delete(tx, queue_id))
            del self._states[key]
            now_ms = self._clock.wall_ms()
            known = {k: ms for k, ms in self._deleted_ms.items() if ms > now_ms - _DELETED_KNOWN_MS}
            self._deleted_ms = {**known, key: now_ms}
            state.arrivals.release()

        await self._whole(remove())

    async def purge(self, key: QueueKey) -> None:
        """Drop all messages, those in flight included, and what FIFO remembers as duplicates. In
        one step whatever the depth. The rule of one purge a minute is the service's
        (`Queue.purged_ms`)."""

        async def renew() -> None:
            state = self.state(key)
            queue = replace(state.queue, purged_ms=self._clock.wall_ms())
            await self._lane.write(lambda tx: _purge(tx, queue))
            state.queue = queue
            state.in_flight = 0

        await self._whole(renew())

    def _admit(self, queue: Queue) -> QueueState:
        state = QueueState(queue, Arrivals(self._clock, self._timetable))
        self._states[queue.key] = state
        return state

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Run a change to its end, alone, whatever becomes of the caller."""

        async def alone() -> T:
            async with self._changing:
                return await change

        return await asyncio.shield(self.keep(alone()))

    def keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that is held until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def cancel_kept(self) -> None:
        """End the tasks of `keep`."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# The records' SQL.

_COLUMNS = (
    "id, account, region, name, settings, attributes, tags, created_ms, modified_ms, purged_ms"
)


def _to_queue(row: Row) -> Queue:
    queue_id, account, region, name, settings, attributes, tags, *times = row
    key = QueueKey(account, region, name)
    documents = (orjson.loads(attributes), orjson.loads(tags))
    return Queue(queue_id, key, QueueSettings.from_json(settings), *documents, *times)


def _documents(queue: Queue) -> tuple[str, str, str]:
    attributes, tags = dict(queue.attributes), dict(queue.tags)
    return (
        queue.settings.to_json(),
        orjson.dumps(attributes).decode(),
        orjson.dumps(tags).decode(),
    )


def _new_generation(tx: Transaction) -> int:
    return int(
        tx.execute("INSERT INTO queue_generations (discarded) VALUES (0) RETURNING id")[0][0]
    )


def _discard(tx: Transaction, queue_id: int) -> None:
    tx.execute(
        "UPDATE queue_generations SET discarded = 1 "
        "WHERE id = (SELECT generation FROM queue_queues WHERE id = ?)",
        (queue_id,),
    )


def _insert(tx: Transaction, queue: Queue) -> int:
    rows = tx.execute(
        "INSERT INTO queue_queues (account, region, name, generation, settings, attributes, tags, "
        "created_ms, modified_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (*queue.key, _new_generation(tx), *_documents(queue), queue.created_ms, queue.modified_ms),
    )
    return int(rows[0][0])


def _update(tx: Transaction, before: Queue, queue: Queue, now_ms: int) -> None:
    tx.execute(
        "UPDATE queue_queues SET settings = ?, attributes = ?, tags = ?, modified_ms = ? "
        "WHERE id = ?",
        (*_documents(queue), queue.modified_ms, queue.id),
    )
    if queue.settings.fifo and queue.settings.delay_s != before.settings.delay_s:
        redelay(tx, queue, now_ms)


def _delete(tx: Transaction, queue_id: int) -> None:
    _discard(tx, queue_id)
    tx.execute("DELETE FROM queue_queues WHERE id = ?", (queue_id,))


def _purge(tx: Transaction, queue: Queue) -> None:
    _discard(tx, queue.id)
    tx.execute(
        "UPDATE queue_queues SET generation = ?, purged_ms = ? WHERE id = ?",
        (_new_generation(tx), queue.purged_ms, queue.id),
    )
