"""The delayed queue: due times, leases, the bound, and a new process on an old file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lambdad.engines.queue import MIGRATIONS, DelayedQueue, QueueFull
from support.functions import run
from support.lanes import ENGINES, OpenLane


@pytest.fixture(params=sorted(ENGINES))
def open_lane(request: pytest.FixtureRequest) -> OpenLane:
    return ENGINES[request.param]


def test_messages_come_when_due_longest_due_first(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario() -> None:
        lane = open_lane(tmp_path / "q", MIGRATIONS)
        queue = DelayedQueue(lane, "q", 100)
        await queue.open()
        for due_ms in (30, 10, 20):
            await queue.put(str(due_ms), b"\x00body", due_ms, claimed=False)
        claim = await queue.claim(10, 20)
        assert [message.header for message in claim.messages] == ["10", "20"]
        assert claim.messages[0].body == b"\x00body"
        assert claim.next_due_ms == 30
        assert (await queue.claim(10, 25)).messages == ()
        assert (await queue.claim(10, 30)).next_due_ms is None
        await lane.close()

    run(scenario())


def test_a_released_message_comes_again_and_a_deleted_one_does_not(
    open_lane: OpenLane, tmp_path: Path
) -> None:
    async def scenario() -> None:
        lane = open_lane(tmp_path / "q", MIGRATIONS)
        queue = DelayedQueue(lane, "q", 100)
        await queue.open()
        message = await queue.put("first", b"", 0, claimed=True)
        assert (await queue.claim(10, 5)).messages == ()
        await queue.release(message, "second", 7)
        assert (await queue.claim(10, 6)).next_due_ms == 7
        (again,) = (await queue.claim(10, 7)).messages
        assert (again.id, again.header) == (message.id, "second")
        await queue.delete(again)
        assert (await queue.claim(10, 99)).messages == ()
        assert queue.size == 0
        await lane.close()

    run(scenario())


def test_nothing_is_lost_with_the_process_that_claimed_it(
    open_lane: OpenLane, tmp_path: Path
) -> None:
    async def scenario() -> None:
        lane = open_lane(tmp_path / "q", MIGRATIONS)
        queue = DelayedQueue(lane, "q", 100)
        await queue.open()
        await queue.put("claimed", b"", 0, claimed=True)
        await queue.put("waiting", b"", 0, claimed=False)
        await lane.close()
        lane = open_lane(tmp_path / "q", MIGRATIONS)
        queue = DelayedQueue(lane, "q", 100)
        await queue.open()
        assert queue.size == 2
        headers = {message.header for message in (await queue.claim(10, 0)).messages}
        assert headers == {"claimed", "waiting"}
        await lane.close()

    run(scenario())


def test_queues_of_one_lane_are_apart_and_bounded(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario() -> None:
        lane = open_lane(tmp_path / "q", MIGRATIONS)
        one, two = DelayedQueue(lane, "one", 2), DelayedQueue(lane, "two", 2)
        await asyncio.gather(one.open(), two.open())
        messages = [await one.put("", b"", 0, claimed=True) for _ in range(2)]
        with pytest.raises(QueueFull):
            await one.put("", b"", 0, claimed=False)
        assert (await two.claim(10, 99)).messages == ()
        await one.delete(messages[0])
        await one.put("", b"", 0, claimed=False)
        await lane.close()

    run(scenario())
