"""Event source mappings under everything at once: random senders, handlers that fail, report, stall
and are throttled, settings that change, restarts and crashes, on a virtual clock.

What must hold whatever happens: an accepted message is handled, dropped by a filter, or ends in
the dead-letter queue; a FIFO group is handled in order; a message whose delete was acknowledged is
never delivered again; no more batches run at once than may. LAMBDAD_TEST_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lambdad.api.internal_calls import AnyInternalCall
from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import NewMessage, QueueKey, QueueSettings, Redrive
from lambdad.engines.queue.schema import MIGRATIONS as QUEUE_MIGRATIONS
from lambdad.engines.queue.sqs_form import queue_arn
from lambdad.events.delivery import Plane
from lambdad.events.mapping import EventSourceMapping, State
from lambdad.events.mappings import EventSourceMappings
from lambdad.events.record import Record
from lambdad.events.sources.sqs import SqsReader, SqsSource
from lambdad.functions.resources import ResourceStore
from lambdad.functions.schema import MIGRATIONS as FUNCTION_MIGRATIONS
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.server.triggers import RESOURCE_KINDS
from lambdad.telemetry.counters import Counters
from support.functions import ACCOUNT, REGION, make_function, make_version
from support.virtual_time import InlineLane, VirtualClock, run

STEPS = int(os.environ.get("LAMBDAD_TEST_STEPS", "300"))
MAXIMUM_CONCURRENCY = 4
DEAD = QueueKey(ACCOUNT, REGION, "dead")
DEAD_FIFO = QueueKey(ACCOUNT, REGION, "dead.fifo")
STANDARD = QueueKey(ACCOUNT, REGION, "standard")
FIFO = QueueKey(ACCOUNT, REGION, "ordered.fifo")
SETTINGS = {
    DEAD: QueueSettings(),
    DEAD_FIFO: QueueSettings(fifo=True),
    STANDARD: QueueSettings(visibility_s=20, redrive=Redrive(DEAD, 5)),
    FIFO: QueueSettings(visibility_s=20, fifo=True, redrive=Redrive(DEAD_FIFO, 5)),
}


class WatchedSource(SqsSource):
    """Knows which deletes were acknowledged."""

    def __init__(self, queues: QueueEngine, clock: VirtualClock, done: set[str]) -> None:
        super().__init__(queues, AnyInternalCall(), clock)
        self._parts = queues, clock, done

    def open(self, mapping: EventSourceMapping) -> SqsReader:
        queues, clock, done = self._parts

        class WatchedReader(SqsReader):
            async def done(self, records: Sequence[Record]) -> None:
                await super().done(records)
                done.update(record.id for record in records)

        return WatchedReader(queues, clock, mapping.source_arn)


class World:
    """The disk, which outlives processes, and what happened to every message."""

    def __init__(self, clock: VirtualClock, chance: random.Random) -> None:
        self.clock = clock
        self.chance = chance
        self.queue_lane = InlineLane(QUEUE_MIGRATIONS)
        self.control_lane = InlineLane(FUNCTION_MIGRATIONS)
        self.calm = False
        """From then on the function always works."""
        self.accepted: dict[str, str] = {}
        """By message id, the body."""
        self.handled: dict[str, list[str]] = {}
        """By group, the bodies in the order in which a run that was good had them first."""
        self.done: set[str] = set()
        self.running: Counter[str] = Counter()
        self.sent = 0

    async def live(self) -> None:
        """A process on the disk as it is."""
        self.running = Counter()
        self.queues = QueueEngine(self.queue_lane, self.clock, DEFAULT_LIMITS)
        await self.queues.start()
        self.resources = ResourceStore(self.control_lane, RESOURCE_KINDS)
        await self.resources.load()
        catalog, counters = Catalog(), Counters()
        version = make_version(Path("/code"), name="f", timeout_s=15)
        catalog.publish(make_function(version))
        guard = LoopGuard(counters)
        plane = Plane(catalog, self, guard, counters, self.clock, self.chance.random)
        source = WatchedSource(self.queues, self.clock, self.done)
        self.mappings = EventSourceMappings(self.resources, {"sqs": source}, plane, DEFAULT_LIMITS)
        await self.mappings.start()

    async def restart(self) -> None:
        await self.mappings.close()
        await self.queues.close()
        await self.live()

    async def crash(self) -> None:
        """What is on the disk is all that the next process gets."""
        self.queue_lane = self.queue_lane.crash()
        self.control_lane = self.control_lane.crash()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await self.live()

    async def set_up(self) -> None:
        for key, settings in SETTINGS.items():
            await self.queues.create(key, settings, {}, {})
        for key, changes in (
            (STANDARD, {"filters": ['{"body": {"keep": [true]}}'], "window_s": 2}),
            (FIFO, {}),
        ):
            mapping = EventSourceMapping(
                id=f"00000000-{key.name}", source_arn=queue_arn(key), batch_size=5, window_s=0,
                function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", enabled=True,
                state=State.CREATING, modified_ms=0, response_types=["ReportBatchItemFailures"],
                maximum_concurrency=MAXIMUM_CONCURRENCY,
            )  # fmt: skip

            await self.mappings.add(ACCOUNT, REGION, replace(mapping, **changes))

    # -- what happens -------------------------------------------------------------------------

    async def send(self) -> None:
        key = self.chance.choice([STANDARD, FIFO])
        messages = []
        for _ in range(self.chance.choice([1, 1, 3, 20])):
            self.sent += 1
            group = self.chance.choice("abc")
            keep = key is FIFO or self.chance.random() < 0.8
            body = json.dumps({"n": self.sent, "group": group, "keep": keep})
            ordered = {"group": group, "deduplication_id": str(self.sent)} if key is FIFO else {}
            messages.append(NewMessage(body.encode(), **ordered))  # type: ignore[arg-type]
        for message, sent in zip(messages, await self.queues.send(key, messages), strict=True):
            self.accepted[sent.message_id] = message.body.decode()

    async def toggle(self) -> None:
        """Disable or enable one of the mappings, or give it another batch size."""

        async with self.resources.turn:
            mapping = self.chance.choice(list(self.mappings.every(ACCOUNT, REGION)))
            wanted = self.chance.choice(
                [
                    replace(mapping, enabled=not mapping.enabled),
                    replace(mapping, batch_size=self.chance.randint(1, 10)),
                ]
            )
            await self.mappings.change(ACCOUNT, REGION, mapping, wanted)

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        """The function, and the platform around it."""
        records = json.loads(request.payload)["Records"]
        fate = "good" if self.calm else self.chance.choice(
            ["good", "good", "good", "bad", "some", "slow", "throttled", "broken"]
        )  # fmt: skip
        if fate == "throttled":
            raise TooManyRequestsException("ReservedFunctionConcurrentInvocationLimitExceeded")
        if fate == "broken":
            raise AwsError("the platform has failed")
        again = {record["messageId"] for record in records} & self.done
        assert not again, "delivered after its delete was acknowledged"
        queue, running = records[0]["eventSourceARN"], self.running
        running[queue] += 1
        assert running[queue] <= MAXIMUM_CONCURRENCY
        try:
            await asyncio.sleep(14 if fate == "slow" else self.chance.random())
        finally:
            running[queue] -= 1
        if fate == "bad":
            return InvokeResult(b"{}", "Unhandled", "$LATEST", None, 1.0, 1)
        good = self.chance.randrange(len(records)) if fate == "some" else len(records)
        for record in records[:good]:
            self._handle(record)
        failed = [{"itemIdentifier": record["messageId"]} for record in records[good:]]
        reply = json.dumps({"batchItemFailures": failed}).encode()
        return InvokeResult(reply, None, "$LATEST", None, 1.0, 1)

    def _handle(self, record: dict[str, Any]) -> None:
        document = json.loads(record["body"])
        assert document["keep"]
        assert record["messageId"] in self.accepted
        ordered = record["eventSourceARN"] == queue_arn(FIFO)
        group = self.handled.setdefault(document["group"] if ordered else "", [])
        if record["body"] not in group:
            group.append(record["body"])

    # -- what must be -------------------------------------------------------------------------

    async def check_end(self) -> None:
        """After all is calm."""
        for key in (STANDARD, FIFO):
            counts = await self.queues.counts(key)
            assert (counts.visible, counts.in_flight, counts.delayed) == (0, 0, 0), key
        dead = {
            message.body.decode()
            for key in (DEAD, DEAD_FIFO)
            for message in await self.queues.peek(key, 100_000)
        }
        handled = {body for group in self.handled.values() for body in group}
        dropped = {body for body in self.accepted.values() if not json.loads(body)["keep"]}
        assert set(self.accepted.values()) == handled | dead | dropped
        for group, bodies in self.handled.items():
            numbers = [json.loads(body)["n"] for body in bodies]
            assert not group or numbers == sorted(numbers), group


@pytest.mark.parametrize("number", range(3))
def test_nothing_accepted_is_lost_and_order_holds(number: int) -> None:
    seed = int(os.environ.get("LAMBDAD_TEST_SEED", random.SystemRandom().randrange(10**9)))
    print(f"LAMBDAD_TEST_SEED={seed}")
    chance = random.Random(seed)

    async def scenario(clock: VirtualClock) -> None:
        world = World(clock, chance)
        await world.live()
        await world.set_up()
        for _ in range(STEPS):
            step = chance.choices(
                [world.send, world.toggle, world.restart, world.crash], [50, 3, 1, 1]
            )[0]
            await step()
            await asyncio.sleep(chance.choice([0, 0.01, 1, 5]))
        world.calm = True
        await world.restart()
        async with world.resources.turn:
            for mapping in list(world.mappings.every(ACCOUNT, REGION)):
                if not mapping.enabled:
                    wanted = replace(mapping, enabled=True)
                    await world.mappings.change(ACCOUNT, REGION, mapping, wanted)
        await asyncio.sleep(3600)
        await world.check_end()
        assert {each.state for each in world.mappings.every(ACCOUNT, REGION)} == {State.ENABLED}
        await world.mappings.close()
        await world.queues.close()

    run(scenario)
