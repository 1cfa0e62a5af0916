"""A process that sends, receives and deletes until it is killed; run by the crash tests.

    python -m support.crash_queues FOLDER SEED

It writes a line for everything that was acknowledged, and one before each delete is tried:

    sent QUEUE BODY            got QUEUE BODY GROUP COUNT MS
    deleting QUEUE BODY        deleted QUEUE BODY

MS is when the receive was begun (epoch).
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

from lambdad.core.clock import SystemClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import Message, NewMessage, QueueSettings, Receipted
from lambdad.engines.queue.schema import MIGRATIONS
from support.lanes import ENGINES
from support.queues import FILE, key

VISIBILITY_S = 1
QUEUES = {
    "standard": QueueSettings(visibility_s=VISIBILITY_S),
    "fifo": QueueSettings(visibility_s=VISIBILITY_S, fifo=True),
}
GROUPS = 5


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Traffic:
    """Producers and consumers of both queues."""

    def __init__(self, queues: QueueEngine, chance: random.Random) -> None:
        self.queues = queues
        self.chance = chance
        self.run = f"{chance.randrange(1 << 40):x}"
        self.sent = 0

    async def produce(self, name: str, group: str | None) -> None:
        """One producer for each group, so that the order of its messages is known."""
        while True:
            count = self.chance.choice([1, 1, 10])
            first, self.sent = self.sent, self.sent + count
            bodies = [f"{self.run}-{n:08}" for n in range(first, first + count)]
            new = [NewMessage(b.encode(), group=group, deduplication_id=b) for b in bodies]
            await self.queues.send(key(name), new)
            for body in bodies:
                say("sent", name, body)
            await asyncio.sleep(self.chance.random() * 0.004)

    async def consume(self, name: str) -> None:
        clock = SystemClock()
        while True:
            began_ms = clock.wall_ms()
            messages = await self.queues.receive(key(name), self.chance.choice([1, 10]), wait_s=5)
            for message in messages:
                count = message.receive_count
                say("got", name, message.body.decode(), message.group or "-", count, began_ms)
            if self.chance.random() < 0.9:
                await self.delete(name, messages)

    async def delete(self, name: str, messages: tuple[Message, ...]) -> None:
        for message in messages:
            say("deleting", name, message.body.decode())
        handles = [message.receipt_handle for message in messages]
        outcomes = await self.queues.delete_messages(key(name), handles)
        for message, outcome in zip(messages, outcomes, strict=True):
            if outcome is Receipted.DONE:
                say("deleted", name, message.body.decode())


async def for_ever(folder: Path, seed: int) -> None:
    queues = QueueEngine(
        ENGINES["sqlite"](folder / FILE, MIGRATIONS), SystemClock(), DEFAULT_LIMITS
    )
    await queues.start()
    for name, settings in QUEUES.items():
        if queues.find(key(name)) is None:
            await queues.create(key(name), settings, {}, {})
    traffic = Traffic(queues, random.Random(seed))
    await asyncio.gather(
        *[traffic.produce("standard", None) for _ in range(3)],
        *[traffic.produce("fifo", str(group)) for group in range(GROUPS)],
        *[traffic.consume(name) for name in QUEUES for _ in range(4)],
    )


if __name__ == "__main__":
    asyncio.run(for_ever(Path(sys.argv[1]), int(sys.argv[2])))
