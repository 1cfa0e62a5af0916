"""The SQLite writer where the disk fails and where the WAL grows."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

from lambdad.storage.errors import CommitFailed
from lambdad.storage.lane import Transaction
from lambdad.storage.sqlite import SqliteLane, open_lane
from lambdad.storage.writer import CHECKPOINT_PAGES

SCHEMA = ("CREATE TABLE notes (id INTEGER PRIMARY KEY, text BLOB NOT NULL)",)


@contextlib.contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """No file of this process grows past the limit: writing beyond fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def insert(note: int, size_bytes: int = 10):
    return lambda tx: tx.execute("INSERT INTO notes VALUES (?, ?)", (note, bytes(size_bytes)))


def notes(tx: Transaction) -> list[int]:
    return [note for (note,) in tx.execute("SELECT id FROM notes ORDER BY id")]


def test_a_failed_commit_fails_all_its_units_and_the_lane_goes_on(tmp_path: Path) -> None:
    async def main():
        lane = open_lane(tmp_path / "notes.db", SCHEMA)
        try:
            await lane.write(insert(1))
            wal = (tmp_path / "notes.db-wal").stat().st_size
            with file_size_limit(wal + 20_000):
                outcomes = await asyncio.gather(
                    *(lane.write(insert(note, 10_000)) for note in range(2, 12)),
                    return_exceptions=True,
                )
            after = await lane.read(notes)
            await lane.write(insert(100))
            return outcomes, after, await lane.read(notes)
        finally:
            await lane.close()

    outcomes, after, at_last = asyncio.run(main())
    failed = [outcome for outcome in outcomes if isinstance(outcome, CommitFailed)]
    assert failed
    assert len(after) == 1 + len(outcomes) - len(failed)
    assert at_last == [*after, 100]
    assert failed[0].status == 503
    assert "free space" in failed[0].__notes__[0]


def test_the_wal_is_checkpointed_and_stays_bounded(tmp_path: Path) -> None:
    largest = 0

    async def main() -> int:
        nonlocal largest
        lane = open_lane(tmp_path / "notes.db", SCHEMA)
        try:
            for note in range(60):
                await lane.write(insert(note, 500_000))
                largest = max(largest, (tmp_path / "notes.db-wal").stat().st_size)
            return len(await lane.read(notes))
        finally:
            await lane.close()

    assert asyncio.run(main()) == 60  # 30 MB written
    assert largest < 2.5 * CHECKPOINT_PAGES * 4096
    assert not (tmp_path / "notes.db-wal").exists()  # closing folds it in


def test_a_lane_outlives_a_loop_that_went_away(tmp_path: Path) -> None:
    lane = open_lane(tmp_path / "notes.db", SCHEMA)

    async def leave(lane: SqliteLane) -> None:
        task = asyncio.ensure_future(lane.write(insert(1)))
        await asyncio.sleep(0)
        task.cancel()

    async def stay(lane: SqliteLane) -> list[int]:
        await lane.write(insert(2))
        found = await lane.read(notes)
        await lane.close()
        return found

    asyncio.run(leave(lane))
    assert asyncio.run(stay(lane)) == [1, 2]
