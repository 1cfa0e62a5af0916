"""What every storage engine promises (storage/lane.py)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from lambdad.storage.errors import InUse, LaneClosed, LaneFull, NewerSchema
from lambdad.storage.lane import Lane, Row, Transaction
from support.lanes import OpenLane


def insert(note: int, text: str = "x"):
    return lambda tx: tx.execute("INSERT INTO notes (id, text) VALUES (?, ?)", (note, text))


def notes(tx: Transaction) -> list[int]:
    return [note for (note,) in tx.execute("SELECT id FROM notes ORDER BY id")]


def run(open_lane: OpenLane, path: Path, scenario, **limits: int):
    async def main():
        lane = open_lane(path / "notes.db", **limits)
        try:
            return await scenario(lane)
        finally:
            await lane.close()

    return asyncio.run(main())


class Gate:
    """Work that holds the writer until it is told to go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def __call__(self, tx: Transaction) -> None:
        self.entered.set()
        assert self.go.wait(10)


def test_a_write_returns_the_value_of_its_work(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario(lane: Lane) -> list[Row]:
        return await lane.write(
            lambda tx: tx.execute("INSERT INTO notes (text) VALUES (?) RETURNING id", ("a",))
        )

    assert run(open_lane, tmp_path, scenario) == [(1,)]


def test_writes_are_applied_in_the_order_they_were_handed_in(
    open_lane: OpenLane, tmp_path: Path
) -> None:
    order: list[int] = []

    async def scenario(lane: Lane) -> None:
        await asyncio.gather(
            *(lane.write(lambda tx, number=number: order.append(number)) for number in range(1000))
        )

    run(open_lane, tmp_path, scenario)
    assert order == list(range(1000))


def test_a_read_sees_every_acknowledged_write(open_lane: OpenLane, tmp_path: Path) -> None:
    async def client(lane: Lane, number: int) -> None:
        for step in range(20):
            note = number * 100 + step
            await lane.write(insert(note))
            assert note in await lane.read(notes)

    async def scenario(lane: Lane) -> None:
        await asyncio.gather(*(client(lane, number) for number in range(8)))

    run(open_lane, tmp_path, scenario)


def test_a_read_is_a_snapshot(open_lane: OpenLane, tmp_path: Path) -> None:
    reading, written = threading.Event(), threading.Event()

    def look_twice(tx: Transaction) -> tuple[list[int], list[int]]:
        before = notes(tx)
        reading.set()
        assert written.wait(10)
        return before, notes(tx)

    async def scenario(lane: Lane):
        await lane.write(insert(1))
        look = asyncio.ensure_future(lane.read(look_twice))
        await asyncio.to_thread(reading.wait, 10)
        await lane.write(insert(2))
        written.set()
        return await look, await lane.read(notes)

    assert run(open_lane, tmp_path, scenario) == (([1], [1]), [1, 2])


def test_a_read_cannot_write(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario(lane: Lane) -> list[int]:
        with pytest.raises(Exception, match="readonly"):
            await lane.read(insert(1))
        return await lane.read(notes)

    assert run(open_lane, tmp_path, scenario) == []


def test_work_that_fails_is_undone_alone(open_lane: OpenLane, tmp_path: Path) -> None:
    def half(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id, text) VALUES (50, 'half')")
        raise LookupError("midway")

    async def scenario(lane: Lane):
        gate = Gate()
        held = asyncio.ensure_future(lane.write(gate))
        await asyncio.to_thread(gate.entered.wait, 10)
        # All of these queue up behind the gate and so share one commit.
        batch = asyncio.gather(
            lane.write(insert(1)),
            lane.write(half),
            lane.write(insert(1)),
            lane.write(lambda tx: tx.execute("SELECT nonsense")),
            lane.write(lambda tx: next(iter(()))),
            lane.write(insert(2)),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
        gate.go.set()
        await held
        return await batch, await lane.read(notes)

    outcomes, kept = run(open_lane, tmp_path, scenario)
    assert kept == [1, 2]
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "list", "LookupError", "ConstraintError", "SQLError", "RuntimeError", "list",
    ]  # fmt: skip


def test_queued_writes_share_a_commit(open_lane: OpenLane, tmp_path: Path) -> None:
    """Nine waiting writes with a batch limit of 4: whoever is acknowledged finds that all of
    its batch of four has been applied."""
    seen: list[tuple[int, int]] = []

    async def scenario(lane: Lane) -> None:
        gate = Gate()
        held = asyncio.ensure_future(lane.write(gate))
        await asyncio.to_thread(gate.entered.wait, 10)
        applied: list[int] = []

        def apply(tx: Transaction, number: int) -> None:
            applied.append(number)

        async def client(number: int) -> None:
            await lane.write(lambda tx: apply(tx, number))
            seen.append((number, len(applied)))

        clients = [asyncio.ensure_future(client(number)) for number in range(1, 10)]
        await asyncio.sleep(0)
        gate.go.set()
        await asyncio.gather(held, *clients)

    run(open_lane, tmp_path, scenario, lane_batch_operations=4)
    assert [number for number, _ in seen] == list(range(1, 10))
    assert all(applied >= min(-(-number // 4) * 4, 9) for number, applied in seen)


def test_a_full_queue_refuses_and_recovers(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario(lane: Lane):
        gate = Gate()
        held = asyncio.ensure_future(lane.write(gate))
        await asyncio.to_thread(gate.entered.wait, 10)
        waiting = [asyncio.ensure_future(lane.write(insert(note))) for note in (1, 2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(LaneFull):
            await lane.write(insert(4))
        gate.go.set()
        await asyncio.gather(held, *waiting)
        await lane.write(insert(5))
        return await lane.read(notes)

    assert run(open_lane, tmp_path, scenario, lane_queue_operations=3) == [1, 2, 3, 5]


def test_a_caller_that_gives_up_does_not_disturb_the_others(
    open_lane: OpenLane, tmp_path: Path
) -> None:
    async def scenario(lane: Lane) -> list[int]:
        gate = Gate()
        held = asyncio.ensure_future(lane.write(gate))
        await asyncio.to_thread(gate.entered.wait, 10)
        given_up = asyncio.ensure_future(lane.write(insert(1)))
        other = asyncio.ensure_future(lane.write(insert(2)))
        await asyncio.sleep(0)
        given_up.cancel()
        gate.go.set()
        await asyncio.gather(held, other)
        return await lane.read(notes)

    assert run(open_lane, tmp_path, scenario) == [1, 2]


def test_many_clients_write_at_once(open_lane: OpenLane, tmp_path: Path) -> None:
    async def client(lane: Lane, number: int) -> None:
        for step in range(25):
            await lane.write(insert(number * 25 + step))

    async def scenario(lane: Lane) -> list[int]:
        await asyncio.gather(*(client(lane, number) for number in range(32)))
        return await lane.read(notes)

    assert run(open_lane, tmp_path, scenario) == list(range(800))


def test_several_event_loops_share_a_lane(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario(lane: Lane) -> list[int]:
        async def clients(first: int) -> None:
            await asyncio.gather(*(lane.write(insert(first + step)) for step in range(50)))

        await asyncio.gather(
            *(asyncio.to_thread(asyncio.run, clients(first)) for first in (0, 50, 100))
        )
        return await lane.read(notes)

    assert run(open_lane, tmp_path, scenario) == list(range(150))


def test_a_transaction_ends_with_its_work(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario(lane: Lane) -> None:
        kept = await lane.write(lambda tx: tx)
        with pytest.raises(RuntimeError, match="only while its work runs"):
            kept.execute("INSERT INTO notes (text) VALUES ('late')")

    run(open_lane, tmp_path, scenario)


def test_what_was_written_is_there_after_reopening(open_lane: OpenLane, tmp_path: Path) -> None:
    run(open_lane, tmp_path, lambda lane: lane.write(insert(7)))
    assert run(open_lane, tmp_path, lambda lane: lane.read(notes)) == [7]


def test_closing_finishes_what_was_accepted(open_lane: OpenLane, tmp_path: Path) -> None:
    async def main() -> None:
        lane = open_lane(tmp_path / "notes.db")
        waiting = [asyncio.ensure_future(lane.write(insert(note))) for note in range(1000)]
        await asyncio.sleep(0)
        await lane.close()
        await asyncio.gather(*waiting)
        with pytest.raises(LaneClosed):
            await lane.write(insert(1001))
        with pytest.raises(LaneClosed):
            await lane.read(notes)
        await lane.close()

    asyncio.run(main())
    assert run(open_lane, tmp_path, lambda lane: lane.read(notes)) == list(range(1000))


def test_a_second_opener_is_refused_clearly(open_lane: OpenLane, tmp_path: Path) -> None:
    async def scenario(lane: Lane) -> None:
        with pytest.raises(InUse, match=r"in use by another lambdad .*--data-dir"):
            open_lane(tmp_path / "notes.db")

    run(open_lane, tmp_path, scenario)
    run(open_lane, tmp_path, lambda lane: lane.write(insert(1)))


def test_a_file_from_the_future_is_refused(open_lane: OpenLane, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    asyncio.run(open_lane(path, ("CREATE TABLE a (x)", "CREATE TABLE b (x)")).close())
    with pytest.raises(NewerSchema, match=r"newer lambdad.*schema is 2.*knows 1"):
        open_lane(path, ("CREATE TABLE a (x)",))
    # The refusal holds no lock.
    asyncio.run(open_lane(path, ("CREATE TABLE a (x)", "CREATE TABLE b (x)")).close())
