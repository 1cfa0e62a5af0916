"""A queue engine on a manual clock and a lane of its own, closed and opened again at will."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec.structs

from lambdad.core.clock import Clock, ManualClock
from lambdad.core.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import (
    Message,
    NewMessage,
    Queue,
    QueueKey,
    QueueSettings,
    Receipted,
)
from lambdad.engines.queue.schema import MIGRATIONS
from lambdad.storage.lane import Lane
from support.lanes import ENGINES

FILE = "queues.db"


def key(name: str) -> QueueKey:
    return QueueKey(DEFAULT_ACCOUNT, DEFAULT_REGION, name)


class Yard:
    """An engine with shortcuts: queues by name, bodies as text."""

    def __init__(self, engine: QueueEngine, clock: ManualClock, lane: Lane) -> None:
        self.engine = engine
        self.clock = clock
        self.lane = lane

    async def make(self, name: str, **settings: object) -> Queue:
        settings = {"visibility_s": 30, **settings}
        return await self.engine.create(key(name), QueueSettings(**settings), {}, {})

    async def send(self, name: str, *bodies: str, **members: object) -> list[str]:
        """The message ids."""
        messages = [NewMessage(body.encode(), **members) for body in bodies]
        return [sent.message_id for sent in await self.engine.send(key(name), messages)]

    async def receive(self, name: str, limit: int = 10, **options: object) -> list[Message]:
        return list(await self.engine.receive(key(name), limit, **options))

    async def bodies(self, name: str, limit: int = 10, **options: object) -> list[str]:
        return [m.body.decode() for m in await self.receive(name, limit, **options)]

    async def delete(self, name: str, *messages: Message) -> list[Receipted]:
        handles = [message.receipt_handle for message in messages]
        return list(await self.engine.delete_messages(key(name), handles))

    async def change(self, name: str, message: Message, seconds: int) -> Receipted:
        changes = [(message.receipt_handle, seconds)]
        (outcome,) = await self.engine.change_visibility(key(name), changes)
        return outcome

    async def counts(self, name: str) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        return msgspec.structs.astuple(await self.engine.counts(key(name)))

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.engine.wake()

    async def settle(self) -> None:
        """Let everybody who can go on do so: until two rounds of the lane have gone by."""
        for _ in range(3):
            await self.lane.write(lambda tx: None)
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def yard(
    folder: Path, clock: ManualClock | None = None, storage: str = "sqlite", **limits: float
) -> AsyncIterator[Yard]:
    clock = clock or ManualClock()
    async with engine(folder, clock, storage, **limits) as (queues, lane):
        yield Yard(queues, clock, lane)


@contextlib.asynccontextmanager
async def engine(
    folder: Path, clock: Clock, storage: str = "sqlite", **limits: float
) -> AsyncIterator[tuple[QueueEngine, Lane]]:
    lane = ENGINES[storage](folder / FILE, MIGRATIONS)
    queues = QueueEngine(lane, clock, replace(DEFAULT_LIMITS, **limits))
    await queues.start()
    try:
        yield queues, lane
    finally:
        await queues.close()
        await lane.close()


def grouped(*pairs: tuple[str, str]) -> Sequence[NewMessage]:
    """(group, body) as messages of a FIFO queue, each with its body as its deduplication id."""
    return [
        NewMessage(body.encode(), group=group, deduplication_id=f"{group}/{body}")
        for group, body in pairs
    ]
