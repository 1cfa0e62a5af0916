"""Message move tasks, and sending in the transaction of another change."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.engines.queue.errors import MoveMissing, MoveRunning
from lambdad.engines.queue.records import MoveStatus, NewMessage, Outgoing, Redrive
from support.functions import run
from support.queues import Yard, grouped, key, yard


async def bury(on: Yard, name: str, *bodies: str) -> None:
    """Make dead letters of a queue that has a redrive after one receive."""
    await on.send(name, *bodies)
    await on.receive(name, visibility_s=0)
    on.advance(0.001)
    assert await on.receive(name) == []


async def until(on: Yard, task_id: str, status: MoveStatus) -> None:
    for _ in range(200):
        if on.engine.move(task_id).status is status:
            return
        await on.settle()
    raise AssertionError(on.engine.move(task_id))


def test_dead_letters_go_back_where_they_came_from_as_new_messages(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("dead")
            for name in ("a", "b"):
                await on.make(name, redrive=Redrive(key("dead"), 1))
                await bury(on, name, f"{name}1", f"{name}2")
            old = {m.message_id for m in await on.engine.peek(key("dead"), 10)}
            on.advance(100)
            task = await on.engine.start_move(key("dead"), None, None)
            await until(on, task.id, MoveStatus.COMPLETED)
            for name in ("a", "b"):
                messages = await on.receive(name)
                assert [m.body.decode() for m in messages] == [f"{name}1", f"{name}2"]
                assert old.isdisjoint(m.message_id for m in messages)
                assert {m.sent_ms for m in messages} == {on.clock.wall_ms()}
                assert {(m.receive_count, m.dead_letter_source) for m in messages} == {(1, None)}
            (done,) = on.engine.moves(key("dead"))
            assert (done.to_move, done.moved, done.failure) == (4, 4, None)
            assert await on.counts("dead") == (0, 0, 0)

    run(scenario())


def test_a_task_keeps_its_rate_can_be_cancelled_and_is_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("target")
            await on.send("q", *"abcde")
            task = await on.engine.start_move(key("q"), key("target"), 1)
            with pytest.raises(MoveRunning):
                await on.engine.start_move(key("q"), None, None)
            await on.settle()
            assert await on.counts("target") == (1, 0, 0)
            on.advance(0.999)
            await on.settle()
            assert await on.counts("target") == (1, 0, 0)
            on.advance(0.001)
            await on.settle()
            assert await on.counts("target") == (2, 0, 0)
            cancelled = await on.engine.cancel_move(task.id)
            assert (cancelled.status, cancelled.moved) == (MoveStatus.CANCELLED, 2)
            on.advance(10)
            await on.settle()
            assert await on.counts("target") == (2, 0, 0)
            with pytest.raises(MoveMissing):
                await on.engine.cancel_move(task.id)

    run(scenario())


def test_a_task_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("target")
            await on.send("q", *"abc")
            task = await on.engine.start_move(key("q"), key("target"), 1)
            await on.settle()
        async with yard(tmp_path, on.clock) as on:
            for _ in range(3):
                on.advance(1)
                await on.settle()
            await until(on, task.id, MoveStatus.COMPLETED)
            assert await on.bodies("target") == list("abc")

    run(scenario())


def test_a_task_fails_without_its_target_and_where_the_source_is_unknown(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("target")
            await on.send("q", *"abc")
            task = await on.engine.start_move(key("q"), key("target"), 1)
            await on.settle()
            await on.engine.delete(key("target"))
            on.advance(1)
            await until(on, task.id, MoveStatus.FAILED)
            failed = on.engine.move(task.id)
            assert (failed.moved, failed.failure) == (1, "AWS.SimpleQueueService.NonExistentQueue")
            task = await on.engine.start_move(key("q"), None, None)
            await until(on, task.id, MoveStatus.FAILED)
            failed = on.engine.move(task.id)
            assert (failed.moved, failed.failure) == (0, "CouldNotDetermineMessageSource")
            assert await on.bodies("q") == list("bc")

    run(scenario())


def test_ten_tasks_of_a_source_are_remembered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("target")
            tasks = []
            for _ in range(12):
                on.advance(1)
                task = await on.engine.start_move(key("q"), key("target"), None)
                await until(on, task.id, MoveStatus.COMPLETED)
                tasks.append(task.id)
            assert [t.id for t in on.engine.moves(key("q"))] == tasks[:1:-1]
        async with yard(tmp_path, on.clock) as on:
            assert [t.id for t in on.engine.moves(key("q"))] == tasks[:1:-1]

    run(scenario())


def test_a_group_with_a_message_in_flight_is_not_moved(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", fifo=True)
            await on.make("target", fifo=True)
            await on.engine.send(key("q"), grouped(("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")))
            (first,) = await on.receive("q", 1)
            task = await on.engine.start_move(key("q"), key("target"), None)
            await until(on, task.id, MoveStatus.COMPLETED)
            assert await on.bodies("target") == ["3", "4"]
            await on.delete("q", first)
            assert await on.bodies("q") == ["2"]

    run(scenario())


def test_what_is_written_together_is_there_together(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("from")
            await on.make("to")
            await on.send("from", "event")
            (message,) = await on.receive("from")
            outgoing = [
                Outgoing(key("to"), (NewMessage(b"record"),)),
                Outgoing(key("gone"), (NewMessage(b"nobody"),)),
            ]

            def fail(tx: object) -> None:
                raise LookupError

            with pytest.raises(LookupError):
                await on.engine.write(fail, outgoing)
            assert await on.counts("to") == (0, 0, 0)
            delete = on.engine.deleting(key("from"), [message.receipt_handle])
            await on.engine.write(delete, outgoing)
            assert await on.counts("from") == (0, 0, 0)
            assert await on.bodies("to") == ["record"]

    run(scenario())
