"""The one writer of a lane's file: a thread that commits whatever has queued up, together.

Group commit is where the throughput comes from: while one commit waits for the disk, the next
batch gathers. Each unit of work runs inside a savepoint, so that one that fails is undone alone.
Callers hear of their unit after the COMMIT has returned, with one wake-up per commit and loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from lambdad.core.limits import Limits
from lambdad.core.value import Struct
from lambdad.storage.connection import SqliteTransaction
from lambdad.storage.errors import CommitFailed, LaneClosed, LaneFull
from lambdad.storage.lane import Work

CHECKPOINT_PAGES = 2_000
"""WAL pages (8 MiB) after which they are copied into the file, between two batches."""
RESTART_PAGES = 16_000
"""WAL pages (64 MiB) after which the writer waits for readers, so that the WAL starts over."""


class Unit(Struct, eq=False):
    """One caller's work, and the future that its outcome goes to."""

    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None


class Writer:
    """The writing thread. `put` may be called from any thread."""

    def __init__(self, path: Path, connection: apsw.Connection, limits: Limits) -> None:
        self._path = path
        self._connection = connection
        self._queue_limit = limits.lane_queue_operations
        self._batch_limit = limits.lane_batch_operations
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._wal_pages = 0
        connection.set_wal_hook(self._note_wal_pages)
        # A daemon: a process that dies without closing must not hang on this thread.
        self._thread = threading.Thread(target=self._run, name=f"lane-{path.stem}", daemon=True)
        self._thread.start()

    def put(self, unit: Unit) -> None:
        """Accept a unit. Raises LaneFull at the bound, LaneClosed after `close`."""
        with self._gate:
            if self._closed:
                raise LaneClosed(self._path)
            if self._queue.qsize() >= self._queue_limit:
                raise LaneFull
            self._queue.put(unit)

    def close(self) -> None:
        """Refuse further units, finish the accepted ones, end the thread. Blocks."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first, *self._gather()]
            self._commit(batch)
            acknowledge(batch)
            self._checkpoint()

    def _gather(self) -> list[Unit]:
        """What else is waiting, up to the batch limit."""
        units: list[Unit] = []
        while len(units) < self._batch_limit - 1:
            try:
                unit = self._queue.get_nowait()
            except queue.Empty:
                break
            if unit is None:  # closing: what was accepted is all gathered; _run meets it again
                self._queue.put(None)
                break
            units.append(unit)
        return units

    def _commit(self, batch: Sequence[Unit]) -> None:
        """Run the batch and commit it; if that fails, every unit of it has failed."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for unit in batch:
                self._apply(unit)
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self._abandon()
            for unit in batch:
                unit.error = CommitFailed(self._path, str(error))

    def _apply(self, unit: Unit) -> None:
        """Run one unit in a savepoint. Raises apsw.Error only where the whole batch is lost."""
        connection = self._connection
        transaction = SqliteTransaction(connection)
        connection.execute("SAVEPOINT unit")
        try:
            unit.value = unit.work(transaction)
        except BaseException as error:
            if not connection.in_transaction:
                # Disk full and I/O errors may roll back everything, earlier units included.
                raise error if isinstance(error, apsw.Error) else apsw.AbortError from error
            connection.execute("ROLLBACK TO unit")
            unit.error = error
        finally:
            transaction.end()
        connection.execute("RELEASE unit")

    def _abandon(self) -> None:
        # A rollback that fails too leaves the next BEGIN failing, which comes back here.
        with contextlib.suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _note_wal_pages(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Copy the WAL into the file now and then: after acknowledging, so that nobody waits."""
        if self._wal_pages < CHECKPOINT_PAGES:
            return
        patient = self._wal_pages >= RESTART_PAGES
        mode = apsw.SQLITE_CHECKPOINT_RESTART if patient else apsw.SQLITE_CHECKPOINT_PASSIVE
        try:
            self._connection.wal_checkpoint(mode=mode)
        except apsw.Error:
            # A reader in the way, or a full disk. The WAL holds everything; the next commit's
            # hook asks again.
            return
        self._wal_pages = 0


def acknowledge(batch: Sequence[Unit]) -> None:
    """Hand the outcomes to their loops, one call per loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Unit]] = {}
    for unit in batch:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, units in by_loop.items():
        if loop.is_closed():
            continue  # nobody is left to hear it
        try:
            loop.call_soon_threadsafe(settle, units)
        except RuntimeError:  # closed between the two lines
            continue


def settle(units: Sequence[Unit]) -> None:
    """Resolve the futures, on their loop."""
    for unit in units:
        if unit.future.done():  # the caller gave up waiting; the write stands
            continue
        if unit.error is None:
            unit.future.set_result(unit.value)
        elif isinstance(unit.error, StopIteration):  # asyncio refuses it as a future's error
            unit.future.set_exception(RuntimeError("the work raised StopIteration"))
        else:
            unit.future.set_exception(unit.error)
