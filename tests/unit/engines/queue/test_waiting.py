"""Waiting: who is woken by what, and what those leave behind who stop waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lambdad.engines.queue.arrivals import Waiter
from lambdad.engines.queue.errors import QueueMissing
from lambdad.engines.queue.records import Message, NewMessage, Outgoing, Redrive, Terms
from lambdad.engines.queue.taking import Take
from lambdad.storage.errors import LaneFull
from support.functions import run
from support.queues import Yard, grouped, key, yard


def waiting(on: Yard, name: str = "q", limit: int = 10, **options: object) -> asyncio.Task:
    options = {"wait_s": 20, **options}
    return asyncio.ensure_future(on.receive(name, limit, **options))


def texts(messages: list[Message]) -> list[bytes]:
    return [message.body for message in messages]


def test_a_send_wakes_who_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            task = waiting(on)
            await on.settle()
            await on.send("q", "a")
            assert texts(await task) == [b"a"]

    run(scenario())


def test_waiting_ends_with_nothing_and_costs_no_transaction(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", receive_wait_s=20)
            tasks = [waiting(on), waiting(on, wait_s=None), waiting(on, wait_s=30)]
            await on.settle()
            writes = []
            write = on.lane.write
            on.lane.write = lambda work: writes.append(work) or write(work)
            on.advance(19.999)
            await asyncio.sleep(0)
            assert not any(task.done() for task in tasks)
            on.advance(0.001)
            assert [await task for task in tasks[:2]] == [[], []]
            assert not tasks[2].done()
            tasks[2].cancel()
            assert writes == []
            assert on.engine.metrics(key("q")).empty_receives == 2

    run(scenario())


def test_messages_that_become_due_wake_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", visibility_s=3)
            await on.send("q", "delayed", delay_s=5)
            task = waiting(on)
            await on.settle()
            on.advance(5)
            (message,) = await task
            task = waiting(on)
            await on.settle()
            on.advance(3)
            (again,) = await task
            assert again.message_id == message.message_id
            task = waiting(on)
            await on.settle()
            await on.change("q", again, 0)
            assert texts(await task) == [b"delayed"]

    run(scenario())


def test_a_freed_group_and_a_dead_letter_wake(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("dead", fifo=True)
            await on.make("q", fifo=True, redrive=Redrive(key("dead"), 1))
            await on.engine.send(key("q"), grouped(("a", "1"), ("a", "2")))
            first = await on.receive("q", 1)
            task = waiting(on)
            await on.settle()
            await on.delete("q", *first)
            (second,) = await task
            letters = waiting(on, "dead")
            await on.settle()
            await on.change("q", second, 0)
            await on.receive("q")
            assert texts(await letters) == [b"2"]

    run(scenario())


def test_each_message_of_a_batch_finds_somebody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            tasks = [waiting(on, limit=1) for _ in range(5)]
            await on.settle()
            await on.send("q", *"abcde")
            bodies = [texts(await task)[0] for task in tasks]
            assert sorted(bodies) == [b"a", b"b", b"c", b"d", b"e"]

    run(scenario())


def test_who_is_woken_and_gives_up_lets_another_receive(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            first, second = waiting(on), waiting(on)
            await on.settle()
            sending = asyncio.ensure_future(on.send("q", "a"))
            await asyncio.sleep(0)  # the first is woken, and has not run
            first.cancel()
            assert texts(await second) == [b"a"]
            await sending

    run(scenario())


def test_messages_for_somebody_who_has_gone_are_given_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", fifo=True)
            await on.engine.send(key("q"), grouped(("a", "1")))
            task = asyncio.ensure_future(on.receive("q"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # handed in
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            (message,) = await on.receive("q", wait_s=20)
            assert (message.body, message.receive_count) == (b"1", 1)
            assert await on.counts("q") == (0, 1, 0)

    run(scenario())


def test_a_watcher_is_told_and_takes_nothing_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            assert await on.receive("q") == []
            watcher = asyncio.ensure_future(on.engine.available(key("q")))
            bounded = asyncio.ensure_future(on.engine.available(key("q"), 5))
            task = waiting(on)
            await on.settle()
            on.advance(5)
            assert await bounded is False
            assert not watcher.done()
            await on.send("q", "a")
            assert await watcher is True
            assert texts(await task) == [b"a"]

    run(scenario())


def test_a_deleted_queue_and_a_closed_engine_let_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("other")
            assert await on.receive("other") == []
            gone, left = waiting(on), waiting(on, "other")
            watcher = asyncio.ensure_future(on.engine.available(key("other")))
            await on.settle()
            await on.engine.delete(key("q"))
            with pytest.raises(QueueMissing):
                await gone
        assert await left == []
        assert await watcher is False

    run(scenario())


def test_at_its_bound_a_fifo_queue_makes_nobody_spin(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path, queue_in_flight_fifo=1) as on:
            await on.make("q", fifo=True)
            await on.engine.send(key("q"), grouped(("a", "1"), ("b", "2")))
            (message,) = await on.receive("q")
            task = waiting(on)
            await on.settle()
            await on.delete("q", message)
            await on.settle()
            on.advance(1)
            assert texts(await task) == [b"2"]

    run(scenario())


# Who waits is served by the send itself.


def test_a_send_and_its_receive_are_one_commit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("f.fifo", fifo=True)
            tasks = [waiting(on, visibility_s=50), waiting(on, "f.fifo")]
            await on.settle()
            writes = []
            write = on.lane.write
            on.lane.write = lambda work: writes.append(work) or write(work)
            (message_id,) = await on.send("q", "a")
            (message,) = await tasks[0]
            assert (message.message_id, message.body, message.receive_count) == (
                message_id,
                b"a",
                1,
            )
            await on.engine.send(key("f.fifo"), grouped(("g", "1"), ("g", "2")))
            assert texts(await tasks[1]) == [b"1", b"2"]
            assert len(writes) == 2
            assert await on.counts("q") == (0, 1, 0)
            on.advance(50)
            assert await on.counts("q") == (1, 0, 0)
            assert on.engine.metrics(key("q")).messages_received == 1

    run(scenario())


def test_the_outbox_serves_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            task = waiting(on)
            await on.settle()
            await on.engine.write(lambda _: None, [Outgoing(key("q"), (NewMessage(b"a"),))])
            assert on.engine.metrics(key("q")).messages_received == 1
            assert texts(await task) == [b"a"]

    run(scenario())


def test_who_stands_by_is_asked_for_his_terms_when_something_comes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            assert await on.receive("q") == []
            terms: list[Terms | None] = [Terms(1, 7)]
            task = asyncio.ensure_future(on.engine.stand_by(key("q"), terms.pop))
            await on.settle()
            await on.send("q", "a", "b")
            assert texts(list(await task)) == [b"a"]
            on.advance(6.999)
            assert await on.counts("q") == (1, 1, 0)
            # What he did not take is there: he is to look, and not to be asked.
            assert await on.engine.stand_by(key("q"), terms.pop) == ()
            assert len(await on.receive("q")) == 1
            terms.append(None)
            task = asyncio.ensure_future(on.engine.stand_by(key("q"), terms.pop))
            await on.settle()
            await on.send("q", "c")
            assert await task == ()
            assert await on.bodies("q", 1) == ["c"]

    run(scenario())


def test_what_was_served_to_somebody_who_has_gone_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            task = waiting(on)
            await on.settle()
            serve = Waiter.serve

            def serve_and_cancel(waiter: Waiter, take: Take | None) -> None:
                serve(waiter, take)
                task.cancel()

            with monkeypatch.context() as patch:
                patch.setattr(Waiter, "serve", serve_and_cancel)
                await on.send("q", "a")
                await asyncio.wait([task])
            assert task.cancelled()
            (message,) = await on.receive("q", wait_s=20)
            assert (message.body, message.receive_count) == (b"a", 1)
            assert await on.counts("q") == (0, 1, 0)

    run(scenario())


def test_a_sender_that_gives_up_serves_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            task = waiting(on)
            await on.settle()
            sending = asyncio.ensure_future(on.send("q", "a"))
            await asyncio.sleep(0)
            sending.cancel()
            assert texts(await task) == [b"a"]

    run(scenario())


def test_a_send_that_fails_leaves_the_receiver_waiting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            task = waiting(on)
            await on.settle()
            write = on.lane.write
            refusals = iter([LaneFull()])

            async def refuse_once(work: object) -> object:
                for refusal in refusals:
                    raise refusal
                return await write(work)

            on.lane.write = refuse_once
            with pytest.raises(LaneFull):
                await on.send("q", "a")
            await on.settle()
            assert not task.done()
            await on.send("q", "b")
            assert texts(await task) == [b"b"]

    run(scenario())


def test_a_queue_that_goes_while_it_is_sent_to_lets_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            task = waiting(on)
            await on.settle()
            outgoing = [Outgoing(key("q"), (NewMessage(b"a"),))]
            deleting = asyncio.ensure_future(on.engine.delete(key("q")))
            for _ in range(3):
                await asyncio.sleep(0)  # handed in, and not yet known
            await on.engine.write(lambda _: None, outgoing)
            await deleting
            with pytest.raises(QueueMissing):
                await task

    run(scenario())
