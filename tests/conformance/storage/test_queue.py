"""What queues promise on every storage engine: another process finds them as they were."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import MoveStatus, QueueSettings, Receipted, Redrive
from lambdad.engines.queue.schema import MIGRATIONS
from lambdad.invoke.event_queue import EventQueue
from lambdad.telemetry.counters import Counters
from support.functions import run
from support.lanes import OpenLane
from support.queues import FILE, Yard, grouped, key


@contextlib.asynccontextmanager
async def life(open_lane: OpenLane, folder: Path, clock: ManualClock) -> AsyncIterator[Yard]:
    """A process that is gone at the end without having closed its queues."""
    lane = open_lane(folder / FILE, MIGRATIONS)
    engine = QueueEngine(lane, clock, DEFAULT_LIMITS)
    await engine.start()
    try:
        yield Yard(engine, clock, lane)
    finally:
        await lane.close()
        await engine.close()


def test_messages_in_every_state(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with life(open_lane, tmp_path, clock) as on:
            await on.make("q", visibility_s=10)
            await on.send("q", "deleted", "flying", "held")
            await on.send("q", "delayed", delay_s=30)
            gone, flying, held = await on.receive("q")
            await on.delete("q", gone)
            await on.change("q", held, 60)
            await on.send("q", "visible")
        async with life(open_lane, tmp_path, clock) as on:
            assert await on.counts("q") == (1, 2, 1)
            assert await on.bodies("q", visibility_s=99) == ["visible"]
            clock.advance(10)
            (again,) = await on.receive("q")
            assert (again.body, again.receive_count) == (b"flying", 2)
            assert await on.delete("q", held) == [Receipted.DONE]
            assert await on.delete("q", flying) == [Receipted.DONE]  # an old handle: it stays
            assert await on.counts("q") == (0, 2, 1)

    run(scenario())


def test_groups_duplicates_and_attempts(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with life(open_lane, tmp_path, clock) as on:
            await on.make("q", fifo=True)
            sent = await on.engine.send(key("q"), grouped(("a", "1"), ("a", "2"), ("b", "3")))
            attempt = await on.receive("q", 1, attempt_id="t")
        async with life(open_lane, tmp_path, clock) as on:
            assert await on.receive("q", 1, attempt_id="t") == attempt
            assert await on.bodies("q") == ["3"]
            again = await on.engine.send(key("q"), grouped(("a", "1"), ("a", "4")))
            assert [s.duplicate for s in again] == [True, False]
            assert again[1].sequence > sent[2].sequence
            await on.delete("q", *attempt)
            assert await on.bodies("q") == ["2", "4"]

    run(scenario())


def test_sequence_numbers_rise_when_everything_was_deleted(
    open_lane: OpenLane, tmp_path: Path
) -> None:
    async def scenario() -> None:
        clock, sequences = ManualClock(), []
        for number in range(3):
            async with life(open_lane, tmp_path, clock) as on:
                if number == 0:
                    await on.make("q", fifo=True)
                (sent,) = await on.engine.send(key("q"), grouped(("a", str(number))))
                sequences.append(sent.sequence)
                await on.delete("q", *await on.receive("q"))
        assert sequences == sorted(set(sequences))

    run(scenario())


def test_settings_purges_deletions_and_moves(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with life(open_lane, tmp_path, clock) as on:
            await on.make("target")
            purged = await on.make("purged", redrive=Redrive(key("target"), 4))
            await on.make("deleted")
            await on.make("moving")
            await on.send("purged", "a", "b")
            await on.send("deleted", "c")
            await on.send("moving", *"de")
            await on.engine.purge(key("purged"))
            await on.engine.delete(key("deleted"))
            task = await on.engine.start_move(key("moving"), key("target"), 1)
        async with life(open_lane, tmp_path, clock) as on:
            assert on.engine.get(key("purged")).settings == purged.settings
            assert await on.counts("purged") == (0, 0, 0)
            assert on.engine.find(key("deleted")) is None
            for _ in range(3):
                await on.settle()
                on.advance(1)
            await on.settle()
            assert on.engine.move(task.id).status is MoveStatus.COMPLETED
            assert await on.bodies("target") == ["d", "e"]
            await on.engine.upkeep.once()
            left = await on.lane.read(
                lambda tx: tx.execute(
                    "SELECT (SELECT COUNT(*) FROM queue_bodies), COUNT(*) "
                    "FROM queue_generations WHERE discarded = 1"
                )
            )
            assert left == [(2, 0)]

    run(scenario())


def test_events_of_the_first_schema_are_found(open_lane: OpenLane, tmp_path: Path) -> None:
    """The lane held asynchronous events before it held queues."""
    header = {
        "account": "000000000000",
        "region": "us-east-1",
        "name": "f",
        "qualifier": None,
        "request_id": "r1",
        "invoked_arn": "arn",
        "trace_header": "",
        "progress": {"accepted_ms": 5, "attempts": 1, "refusals": 0},
    }

    async def scenario() -> None:
        clock = ManualClock()
        lane = open_lane(tmp_path / FILE, MIGRATIONS[:1])
        later_ms = clock.wall_ms() + 60_000
        rows = [
            ("m1", "lambda-events", 7, 1, json.dumps(header), b"\x00leased"),
            ("m2", "lambda-events", later_ms, 0, json.dumps(header), b"for later"),
        ]
        await lane.write(
            lambda tx: tx.executemany("INSERT INTO queue_messages VALUES (?, ?, ?, ?, ?, ?)", rows)
        )
        await lane.close()
        async with life(open_lane, tmp_path, clock) as on:
            events = EventQueue(on.engine, clock, DEFAULT_LIMITS, Counters())
            await events.open()
            assert events.size == 2
            (held,) = await events.take(10)
            assert (held.payload, held.event.progress.attempts) == (b"\x00leased", 1)
            assert held.event.request_id == "r1"
            clock.advance(60)
            (held,) = await events.take(10)
            assert held.payload == b"for later"

    run(scenario())


def test_two_queues_of_one_lane_in_one_transaction(open_lane: OpenLane, tmp_path: Path) -> None:
    """Many clients at once: every answer is one's own."""

    async def scenario() -> None:
        clock = ManualClock()
        async with life(open_lane, tmp_path, clock) as on:
            await on.engine.create(key("a"), QueueSettings(), {}, {})
            await on.engine.create(key("b"), QueueSettings(), {}, {})

            async def client(name: str, number: int) -> None:
                await on.send(name, f"{name}{number}")

            await asyncio.gather(*(client(name, n) for n in range(100) for name in "ab"))
            for name in "ab":
                bodies = [body for _ in range(10) for body in await on.bodies(name)]
                assert sorted(bodies) == sorted(f"{name}{n}" for n in range(100))

    run(scenario())
