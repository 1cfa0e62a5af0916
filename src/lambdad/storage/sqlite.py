"""The embedded storage engine: a lane over one SQLite file.

One writer thread per file (several writer processes starve each other, measured), readers on
snapshots beside it. The file, its WAL and its lock are this process's alone while the lane is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import apsw

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.storage.connection import open_writer
from lambdad.storage.lane import Work
from lambdad.storage.lock import FileLock
from lambdad.storage.migrations import migrate
from lambdad.storage.readers import Readers
from lambdad.storage.writer import Unit, Writer

T = TypeVar("T")


def open_lane(
    path: Path, migrations: Sequence[str], *, limits: Limits = DEFAULT_LIMITS
) -> SqliteLane:
    """Open or create the lane at `path`, brought up to date by `migrations`.

    Blocks for some milliseconds: for start-up. Raises InUse, NewerSchema or Unreadable, each
    with a message for the operator.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(path)
    try:
        connection = open_writer(path)
        try:
            migrate(connection, migrations, path)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        lock.release()
        raise
    return SqliteLane(path, connection, lock, limits)


class SqliteLane:
    """A `lane.Lane`. Made by `open_lane`."""

    def __init__(
        self, path: Path, connection: apsw.Connection, lock: FileLock, limits: Limits
    ) -> None:
        self._connection = connection
        self._lock = lock
        self._writer = Writer(path, connection, limits)
        self._readers = Readers(path, limits.lane_queue_operations)

    async def write(self, work: Work[T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._writer.put(Unit(work, loop, future))
        return await future

    async def read(self, work: Work[T]) -> T:
        return await self._readers.read(work)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.close()
        self._connection.close()  # the last connection folds the WAL into the file
        self._lock.release()
