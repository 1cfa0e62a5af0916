"""A durable queue of messages that become due: the data semantics under asynchronous invocation.

Owns: what is stored, leases, the bound. A message is delivered at least once: whoever claims it
holds a lease and deletes or releases it; a crash gives it back. May not: know what a message
means, or time: every call is told. There is one process per lane, so leases that `open` finds
belong to a process that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdad.core.errors import AwsError
from lambdad.core.ids import new_uuid
from lambdad.storage.lane import Lane, Transaction

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE queue_messages (
        id TEXT PRIMARY KEY,
        queue TEXT NOT NULL,
        due_ms BIGINT NOT NULL,
        leased INTEGER NOT NULL,
        header TEXT NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX queue_messages_due ON queue_messages (queue, leased, due_ms);
    """,
)
"""For `open_lane`, in this order, none ever changed once released."""


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message. `header` is small and may change with each release; `body` never does."""

    id: str
    header: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What was due, and when the next message will be (epoch ms), if one waits."""

    messages: tuple[Message, ...]
    next_due_ms: int | None


class QueueFull(AwsError):
    """The queue holds as much as it may."""

    code = "ServiceException"
    status = 500


class DelayedQueue:
    """One named queue in a lane."""

    def __init__(self, lane: Lane, name: str, capacity: int) -> None:
        self._lane = lane
        self._name = name
        self._capacity = capacity
        self._size = 0

    @property
    def size(self) -> int:
        """Messages in it, claimed ones included."""
        return self._size

    async def open(self) -> None:
        """Give back what a process that is gone had claimed."""

        def recover(tx: Transaction) -> int:
            tx.execute("UPDATE queue_messages SET leased = 0 WHERE queue = ?", [self._name])
            counted = tx.execute(
                "SELECT COUNT(*) FROM queue_messages WHERE queue = ?", [self._name]
            )
            return int(counted[0][0])

        self._size = await self._lane.write(recover)

    async def put(self, header: str, body: bytes, due_ms: int, *, claimed: bool) -> Message:
        """Add a message; it is on disk when this returns. With `claimed` the caller takes it at
        once, as if by `claim`. Raises QueueFull."""
        if self._size >= self._capacity:
            raise QueueFull("Too many asynchronous events are waiting. Try again later.")
        self._size += 1
        message = Message(new_uuid(), header, body)
        row = (message.id, self._name, due_ms, int(claimed), header, body)
        try:
            await self._lane.write(
                lambda tx: tx.execute("INSERT INTO queue_messages VALUES (?, ?, ?, ?, ?, ?)", row)
            )
        except BaseException:
            self._size -= 1
            raise
        return message

    async def claim(self, limit: int, now_ms: int) -> Claim:
        """Take up to `limit` messages that are due, longest due first."""

        def take(tx: Transaction) -> Claim:
            rows = tx.execute(
                "SELECT id, header, body FROM queue_messages "
                "WHERE queue = ? AND leased = 0 AND due_ms <= ? ORDER BY due_ms LIMIT ?",
                [self._name, now_ms, limit],
            )
            tx.executemany(
                "UPDATE queue_messages SET leased = 1 WHERE id = ?", [[row[0]] for row in rows]
            )
            following = tx.execute(
                "SELECT MIN(due_ms) FROM queue_messages WHERE queue = ? AND leased = 0",
                [self._name],
            )
            return Claim(tuple(Message(*row) for row in rows), following[0][0])

        return await self._lane.write(take)

    async def release(self, message: Message, header: str, due_ms: int) -> None:
        """Put a claimed message back, due at a later time."""
        row = (header, due_ms, message.id)
        await self._lane.write(
            lambda tx: tx.execute(
                "UPDATE queue_messages SET leased = 0, header = ?, due_ms = ? WHERE id = ?", row
            )
        )

    async def delete(self, message: Message) -> None:
        """It is done with."""
        await self._lane.write(
            lambda tx: tx.execute("DELETE FROM queue_messages WHERE id = ?", [message.id])
        )
        self._size -= 1
