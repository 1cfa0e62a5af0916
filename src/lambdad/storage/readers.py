"""Read snapshots: a few threads, each with a read-only connection of its own.

WAL lets them run beside the writer. A snapshot begins with the work, after the caller's earlier
writes were acknowledged, so it sees every one of them.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from lambdad.storage.connection import SqliteTransaction, open_reader
from lambdad.storage.errors import LaneClosed, LaneFull
from lambdad.storage.lane import Work

T = TypeVar("T")

READER_THREADS = 4


class Readers:
    """A pool of readers of one file."""

    def __init__(self, path: Path, waiting_limit: int) -> None:
        self._path = path
        self._waiting = threading.BoundedSemaphore(waiting_limit)
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._pool = ThreadPoolExecutor(READER_THREADS, f"lane-{path.stem}-reader")

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a snapshot. Raises LaneFull when too many reads are waiting, LaneClosed
        after `close`."""
        if not self._waiting.acquire(blocking=False):
            raise LaneFull
        try:
            future = self._pool.submit(self._run, work)
        except RuntimeError:
            self._waiting.release()
            raise LaneClosed(self._path) from None
        future.add_done_callback(lambda _: self._waiting.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for the running reads, then close. Blocks."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def _run(self, work: Work[T]) -> T:
        connection = self._connection()
        transaction = SqliteTransaction(connection)
        connection.execute("BEGIN")
        try:
            return work(transaction)
        finally:
            transaction.end()
            connection.execute("ROLLBACK")

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_reader(self._path)
            self._connections.append(connection)
        return connection
