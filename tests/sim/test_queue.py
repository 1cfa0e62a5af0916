"""Queues against a slow and obvious model: thousands of random steps on a virtual clock.

Every answer of the engine is compared with what the model allows: nothing that was accepted is
lost, nothing comes back that was deleted, groups keep their order, everything is due when it
should be. At random points the process dies: what lies on the disk at that moment is all that the
next one gets. LAMBDAD_TEST_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec.structs
import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import (
    Message,
    NewMessage,
    QueueSettings,
    Receipted,
    Redrive,
    Terms,
)
from lambdad.engines.queue.schema import MIGRATIONS
from lambdad.storage.lane import Lane, Work
from support.functions import run
from support.lanes import open_sqlite
from support.queues import FILE, key

T = TypeVar("T")

STEPS = int(os.environ.get("LAMBDAD_TEST_STEPS", "2500"))
RECENT = 12
"""Handles that are still tried."""
RETENTION_S, DELAY_S, MAX_RECEIVES, REMEMBERED_S = 3600, 3, 3, 300
QUEUES = {
    "standard": QueueSettings(
        retention_s=RETENTION_S, redrive=Redrive(key("dead"), MAX_RECEIVES), visibility_s=20
    ),
    "dead": QueueSettings(retention_s=RETENTION_S),
    "fifo": QueueSettings(fifo=True, retention_s=RETENTION_S, delay_s=DELAY_S),
}


@dataclasses.dataclass(eq=False)
class Held:
    """A message as the model has it."""

    message_id: str
    sequence: int
    body: bytes
    group: str | None
    enqueued_ms: int
    due_ms: int
    count: int = 0
    counted_elsewhere: int = 0
    handle: str = ""


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("LAMBDAD_TEST_SEED", random.SystemRandom().randrange(10**9)))
    print(f"LAMBDAD_TEST_SEED={seed}")
    return random.Random(seed)


class Model:
    """What must be in the queues."""

    def __init__(self) -> None:
        self.queues: dict[str, list[Held]] = {name: [] for name in QUEUES}
        self.known: dict[str, tuple[int, str]] = {}
        """FIFO: deduplication id → until when, and the message id."""

    def expire(self, now_ms: int) -> None:
        for name, held in self.queues.items():
            self.queues[name] = [h for h in held if h.enqueued_ms + RETENTION_S * 1000 > now_ms]

    def deliver_standard(self, name: str, limit: int, now_ms: int) -> list[Held]:
        """What a receive must bring: longest visible first; dead letters go on the way."""
        visible = [h for h in self.queues[name] if h.due_ms <= now_ms]
        delivered: list[Held] = []
        for held in sorted(visible, key=lambda h: (h.due_ms, h.sequence)):
            if len(delivered) == limit:
                break
            if name == "standard" and held.count - held.counted_elsewhere >= MAX_RECEIVES:
                self.queues[name].remove(held)
                self.queues["dead"].append(held)
                held.due_ms, held.counted_elsewhere, held.handle = now_ms, held.count, ""
            else:
                delivered.append(held)
        return delivered

    def ready_groups(self, now_ms: int) -> dict[str, list[Held]]:
        """By group that may be received from, its messages up to the first that is not due."""
        groups: dict[str, list[Held]] = {}
        for held in sorted(self.queues["fifo"], key=lambda h: h.sequence):
            groups.setdefault(str(held.group), []).append(held)
        ready = {}
        for group, members in groups.items():
            if any(h.due_ms > now_ms and h.count > 0 for h in members):
                continue
            due = [h for h in members if h.due_ms <= now_ms]
            if due:
                ready[group] = due
        return ready

    def ready(self, name: str, now_ms: int) -> bool:
        """Whether a receive must bring something."""
        if name == "fifo":
            return bool(self.ready_groups(now_ms))
        return any(held.due_ms <= now_ms for held in self.queues[name])

    def counts(self, name: str, now_ms: int) -> tuple[int, int, int]:
        held = self.queues[name]
        waiting = [h for h in held if h.due_ms > now_ms]
        flying = sum(h.count > 0 for h in waiting)
        return len(held) - len(waiting), flying, len(waiting) - flying


class World:
    """The engine, the model, and the steps that are taken with both."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.clock = ManualClock()
        self.model = Model()
        self.handles: dict[str, list[str]] = {name: [] for name in QUEUES}
        self.sequences: dict[str, int] = {}
        self.swept = True
        self.lives = 0
        self.bodies = 0
        self.commits = 0
        self.engine: QueueEngine
        self.lane: Lane

    @property
    def now_ms(self) -> int:
        return self.clock.wall_ms()

    async def live(self) -> None:
        self.lane = open_sqlite(self.folder / str(self.lives) / FILE, MIGRATIONS)
        write = self.lane.write

        def counted(work: Work[T]) -> Coroutine[Any, Any, T]:
            self.commits += 1
            return write(work)

        self.lane.write = counted  # type: ignore[method-assign]
        self.engine = QueueEngine(self.lane, self.clock, DEFAULT_LIMITS)
        await self.engine.start()

    async def end(self) -> None:
        await self.engine.close()
        await self.lane.close()

    # -- steps ------------------------------------------------------------------------------

    async def send(self, name: str | None = None) -> None:
        name = name or self.chance.choice(["standard", "standard", "fifo"])
        fifo = name == "fifo"
        new = []
        for _ in range(self.chance.choice([1, 1, 2, 10])):
            self.bodies += 1
            group = self.chance.choice("abcde") if fifo else None
            recent = self.chance.random() < 0.2 and self.bodies > 20
            number = self.bodies - self.chance.randrange(20) if recent else self.bodies
            delay_s = self.chance.choice([None, 0, 5, 60])
            body = str(self.bodies).encode()
            new.append(NewMessage(body, b"", 0, {}, delay_s, group, str(number) if fifo else None))
        for message, sent in zip(new, await self.engine.send(key(name), new), strict=True):
            delay_s = DELAY_S if fifo else message.delay_s or 0
            if fifo:
                expires_ms, known_id = self.model.known.get(message.deduplication_id, (0, ""))
                assert sent.duplicate is (expires_ms > self.now_ms)
                if sent.duplicate:
                    assert sent.message_id == known_id
                    continue
                memory = (self.now_ms + REMEMBERED_S * 1000, sent.message_id)
                self.model.known[str(message.deduplication_id)] = memory
            due_ms = self.now_ms + delay_s * 1000
            held = Held(
                sent.message_id, sent.sequence, message.body, message.group, self.now_ms, due_ms
            )
            self.model.queues[name].append(held)

    async def receive(self) -> None:
        name = self.chance.choice(list(QUEUES))
        limit, visibility_s = self.chance.choice([1, 3, 10]), self.chance.choice([0, 5, 30, 200])
        options = {"visibility_s": visibility_s, "wait_s": 0}
        messages = await self.engine.receive(key(name), limit, **options)
        if name == "fifo":
            expected = self.expect_in_order(messages, limit)
        else:
            expected = self.model.deliver_standard(name, limit, self.now_ms)
        assert [m.message_id for m in messages] == [h.message_id for h in expected]
        self.note(name, messages, expected, self.now_ms + visibility_s * 1000)

    async def serve(self) -> None:
        """Somebody waits where there is nothing: a send serves him, in its own commit."""
        name = self.chance.choice(["standard", "fifo"])
        if self.model.ready(name, self.now_ms):
            return
        limit, visibility_s = self.chance.choice([1, 3, 10]), self.chance.choice([0, 5, 30, 200])
        terms = Terms(limit, visibility_s)
        waiting = asyncio.ensure_future(
            self.engine.receive(key(name), limit, visibility_s=visibility_s, wait_s=100_000)
            if self.chance.random() < 0.5
            else self.engine.stand_by(key(name), lambda: terms)
        )
        await self.settle()
        if waiting.done():  # something may have come that cannot be received: he was to look
            assert waiting.result() == ()
            return
        commits, self.commits = self.commits, 0
        await self.send(name)
        if self.model.ready(name, self.now_ms):
            messages = await waiting
            assert self.commits == 1
            expected = (
                self.expect_in_order(messages, limit)
                if name == "fifo"
                else self.model.deliver_standard(name, limit, self.now_ms)
            )
            assert [m.message_id for m in messages] == [h.message_id for h in expected]
            self.note(name, messages, expected, self.now_ms + visibility_s * 1000)
        else:
            await self.settle()
            assert not waiting.done()
            waiting.cancel()
            await asyncio.wait([waiting])
        self.commits += commits

    async def go_while_served(self) -> None:
        """Likewise, and he gives up at the worst moment: nothing was received."""
        if self.model.ready("fifo", self.now_ms):
            return
        waiting = asyncio.ensure_future(self.engine.stand_by(key("fifo"), lambda: Terms(10, 30)))
        await self.settle()
        sending = asyncio.ensure_future(self.send("fifo"))
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await sending
        await asyncio.gather(*list(self.engine._tasks - {self.upkeep()}))
        if waiting.cancelled():
            await self.learn("fifo")

    async def settle(self) -> None:
        """Let everybody who can go on do so."""
        for _ in range(3):
            await self.lane.write(lambda tx: None)
            await asyncio.sleep(0)

    def expect_in_order(self, messages: tuple[Message, ...], limit: int) -> list[Held]:
        """Which groups come first is free; what of them, is not."""
        ready = self.model.ready_groups(self.now_ms)
        order = list(dict.fromkeys(str(message.group) for message in messages))
        expected: list[Held] = []
        for group in order:
            expected += ready.pop(group, [])
        assert len(messages) == limit or not ready, "a group was passed over"
        return expected[:limit]

    def note(
        self, name: str, messages: tuple[Message, ...], expected: list[Held], until_ms: int
    ) -> None:
        for message, held in zip(messages, expected, strict=True):
            held.count += 1
            held.due_ms, held.handle = until_ms, message.receipt_handle
            assert (message.body, message.receive_count) == (held.body, held.count)
            assert message.sent_ms == held.enqueued_ms
            assert message.dead_letter_source == (key("standard") if name == "dead" else None)
            self.handles[name].append(message.receipt_handle)
            self.sequences[message.receipt_handle] = held.sequence

    async def give_up(self) -> None:
        """A receive that is cancelled: nothing was received."""
        name = self.chance.choice(["dead", "fifo"])
        task = asyncio.ensure_future(self.engine.receive(key(name), 3, wait_s=0))
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0)
        if task.done():
            return
        task.cancel()
        await asyncio.wait([task])
        await asyncio.gather(*list(self.engine._tasks - {self.upkeep()}))
        await self.learn(name)

    def upkeep(self) -> asyncio.Task[None]:
        (task,) = (t for t in self.engine._tasks if "Upkeep" in repr(t.get_coro()))
        return task

    async def learn(self, name: str) -> None:
        """Whether the cancelled receive had begun is free; if so its messages are due anew, and
        their earlier receipts are worth nothing."""
        rows = await self.lane.read(
            lambda tx: tx.execute(
                "SELECT message_id, due_ms, receipt FROM queue_messages WHERE generation = "
                "(SELECT generation FROM queue_queues WHERE name = ?)",
                (name,),
            )
        )
        found = {message_id: (due_ms, receipt) for message_id, due_ms, receipt in rows}
        for held in self.model.queues[name]:
            due_ms, receipt = found[held.message_id]
            if due_ms != held.due_ms:
                assert held.due_ms < due_ms == self.now_ms
                held.due_ms = due_ms
            if receipt == 0:
                held.handle = ""

    async def delete(self) -> None:
        name = self.chance.choice(list(QUEUES))
        handles = self.chance.choices(self.handles[name][-RECENT:] or ["none"], k=3)
        outcomes = await self.engine.delete_messages(key(name), handles)
        for handle, outcome in zip(handles, outcomes, strict=True):
            held = self.holder(name, handle)
            if handle == "none":
                assert outcome is Receipted.MALFORMED
            elif name == "fifo" and held is None and not self.swept:
                assert outcome in (Receipted.EXPIRED, Receipted.DONE)
            elif name == "fifo" and held is not None and not self.flies(held, handle):
                assert outcome is Receipted.EXPIRED
            else:
                assert outcome is Receipted.DONE
                if held is not None and held.handle == handle:
                    self.model.queues[name].remove(held)

    async def change(self) -> None:
        name = self.chance.choice(list(QUEUES))
        handle = self.chance.choice(self.handles[name][-RECENT:] or ["none"])
        seconds = self.chance.choice([0, 10, 100])
        (outcome,) = await self.engine.change_visibility(key(name), [(handle, seconds)])
        held = self.holder(name, handle)
        if handle == "none":
            assert outcome is Receipted.MALFORMED
        elif held is None:
            assert outcome is Receipted.GONE or not self.swept
        elif self.flies(held, handle):
            assert outcome is Receipted.DONE
            held.due_ms = self.now_ms + seconds * 1000
        else:
            late = Receipted.EXPIRED if name == "fifo" else Receipted.NOT_IN_FLIGHT
            assert outcome is late

    def holder(self, name: str, handle: str) -> Held | None:
        """The message that the handle once was for, if it is in that queue."""
        sequence = self.sequences.get(handle)
        return next((h for h in self.model.queues[name] if h.sequence == sequence), None)

    def flies(self, held: Held, handle: str) -> bool:
        return held.handle == handle and held.due_ms > self.now_ms

    async def pass_time(self) -> None:
        self.clock.advance(self.chance.choice([0.001, 0.1, 1, 4, 10, 40, 400]))
        self.engine.wake()
        self.model.expire(self.now_ms)
        if self.chance.random() < 0.5:  # else what has expired is still on the disk
            await self.engine.upkeep.once()
            self.swept = True
        else:
            self.swept = False

    async def purge(self) -> None:
        if self.chance.random() < 0.1:
            name = self.chance.choice(list(QUEUES))
            await self.engine.purge(key(name))
            self.model.queues[name].clear()
            if name == "fifo":
                self.model.known.clear()

    async def die(self) -> None:
        """kill -9: the next life gets a copy of what is on the disk now."""
        if self.chance.random() < 0.3:
            before = self.folder / str(self.lives)
            self.lives += 1
            after = self.folder / str(self.lives)
            after.mkdir()
            for file in before.glob(f"{FILE}*"):
                if not file.name.endswith(("-shm", ".lock")):
                    shutil.copy(file, after / file.name)
            await self.end()
            shutil.rmtree(before)
            await self.live()

    async def compare(self) -> None:
        await self.engine.upkeep.once()
        for name in QUEUES:
            counts = await self.engine.counts(key(name))
            assert msgspec.structs.astuple(counts) == self.model.counts(name, self.now_ms)
            held = await self.engine.peek(key(name), 10_000)
            assert {m.message_id for m in held} == {h.message_id for h in self.model.queues[name]}


def test_every_answer_is_the_model_s(tmp_path: Path, chance: random.Random) -> None:
    async def scenario() -> None:
        world = World(tmp_path, chance)
        await world.live()
        for name, settings in QUEUES.items():
            await world.engine.create(key(name), settings, {}, {})
        steps = [world.send] * 4 + [world.receive] * 5 + [world.delete] * 4
        steps += [world.change] * 2 + [world.pass_time] * 3
        steps += [world.serve] * 2 + [world.go_while_served]
        steps += [world.purge, world.die, world.compare, world.give_up]
        for _ in range(STEPS):
            await chance.choice(steps)()
        await world.compare()
        await world.end()
        assert world.lives > STEPS / 200

    run(scenario(), timeout_s=600)
