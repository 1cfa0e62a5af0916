"""What goes away by itself: expired messages, discarded generations, what FIFO no longer remembers.

Owns the removal, in small transactions between everybody else's. What is to be removed cannot be
received any more already, so when it goes is of no account to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.engines.queue.errors import QueueMissing
from lambdad.engines.queue.groups import regroup
from lambdad.engines.queue.records import Queue
from lambdad.engines.queue.registry import QueueRegistry
from lambdad.engines.queue.storing import generation_of
from lambdad.engines.queue.taking import remove
from lambdad.engines.queue.timetable import Timetable
from lambdad.storage.lane import Lane, Transaction

CHUNK = 500
"""Rows removed in one transaction."""

_EXPIRED = (
    "SELECT seq, message_group FROM queue_messages WHERE generation = ? AND enqueued_ms <= ? "
    "LIMIT ?"
)
_KEYS = {
    "queue_groups": "id",
    "queue_deduplication": "generation, scope, deduplication_id",
    "queue_attempts": "generation, attempt_id",
}
"""Tables that have rows of a generation besides its messages, and what tells the rows apart."""
_REMEMBERING = ("queue_deduplication", "queue_attempts")


class Upkeep:
    """Removes what is over, now and then."""

    def __init__(
        self,
        registry: QueueRegistry,
        lane: Lane,
        clock: Clock,
        timetable: Timetable,
        period_s: float,
    ) -> None:
        self._registry = registry
        self._lane = lane
        self._clock = clock
        self._timetable = timetable
        self._period_s = period_s

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._timetable.sleep(self._period_s)
            try:
                await self.once()
            except (AwsError, QueueMissing):  # the disk is full, or a queue just went: next time
                continue

    async def once(self) -> None:
        """All that is over by now."""
        now_ms = self._clock.wall_ms()
        for generation in await self._lane.read(_discarded):
            await self._repeat(partial(_clear, generation=generation))
        for state in self._registry.states():
            before_ms = now_ms - state.queue.settings.retention_s * 1000
            look = partial(_any_expired, queue=state.queue, before_ms=before_ms)
            if await self._lane.read(look):
                expire = partial(_expire, queue=state.queue, before_ms=before_ms, now_ms=now_ms)
                removed = await self._repeat(expire)
                state.metrics.messages_expired += removed
        for table in _REMEMBERING:
            if await self._lane.read(partial(_any_over, table=table, now_ms=now_ms)):
                await self._repeat(partial(_forget, table=table, now_ms=now_ms))

    async def _repeat(self, chunk: Callable[[Transaction], int]) -> int:
        """Until a chunk is not full; how many there were."""
        total = 0
        while True:
            removed = await self._lane.write(chunk)
            total += removed
            if removed < CHUNK:
                return total


def _discarded(tx: Transaction) -> list[int]:
    return [row[0] for row in tx.execute("SELECT id FROM queue_generations WHERE discarded = 1")]


def _clear(tx: Transaction, generation: int) -> int:
    """A chunk of a discarded generation; the generation too, once nothing is left of it."""
    seqs = tx.execute(
        "SELECT seq FROM queue_messages WHERE generation = ? LIMIT ?", (generation, CHUNK)
    )
    for (seq,) in seqs:
        remove(tx, seq)
    left = CHUNK - len(seqs)
    for table in _KEYS:
        left -= _delete_some(tx, table, "generation = ?", generation, left)
    if left:
        tx.execute("DELETE FROM queue_generations WHERE id = ?", (generation,))
    return CHUNK - left


def _any_expired(tx: Transaction, queue: Queue, before_ms: int) -> bool:
    rows = tx.execute("SELECT generation FROM queue_queues WHERE id = ?", (queue.id,))
    return bool(rows and tx.execute(_EXPIRED, (rows[0][0], before_ms, 1)))


def _expire(tx: Transaction, queue: Queue, before_ms: int, now_ms: int) -> int:
    generation = generation_of(tx, queue)
    rows = tx.execute(_EXPIRED, (generation, before_ms, CHUNK))
    for seq, _ in rows:
        remove(tx, seq)
    if queue.settings.fifo:
        for group in {group for _, group in rows}:
            regroup(tx, generation, group, now_ms)
    return len(rows)


def _delete_some(tx: Transaction, table: str, which: str, value: int, limit: int) -> int:
    key = _KEYS[table]
    rows = tx.execute(
        f"DELETE FROM {table} WHERE ({key}) IN "  # noqa: S608
        f"(SELECT {key} FROM {table} WHERE {which} LIMIT ?) RETURNING 1",
        (value, limit),
    )
    return len(rows)


def _forget(tx: Transaction, table: str, now_ms: int) -> int:
    return _delete_some(tx, table, "expires_ms <= ?", now_ms, CHUNK)


def _any_over(tx: Transaction, table: str, now_ms: int) -> bool:
    sql = f"SELECT 1 FROM {table} WHERE expires_ms <= ? LIMIT 1"  # noqa: S608
    return bool(tx.execute(sql, (now_ms,)))
