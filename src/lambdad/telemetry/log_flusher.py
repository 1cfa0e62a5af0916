"""Carries buffered log lines into the lane: by time, by size, or because somebody asks.

The only writer of the buffer's lines, in one task that is never cancelled: a batch is either
stored once or kept for another try.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from lambdad.core.clock import Clock
from lambdad.storage.errors import CommitFailed, LaneFull
from lambdad.storage.lane import Lane
from lambdad.telemetry.log_buffer import BATCH_BYTES, Batch, LogBuffer
from lambdad.telemetry.log_events import store_lines
from lambdad.telemetry.log_records import Line
from lambdad.telemetry.log_tail import LiveTail

FLUSH_SECONDS = 0.25
"""How long a line waits for others to be stored with."""
RETRY_SECONDS = 1.0
"""After a write that failed, say on a full disk."""

_log = logging.getLogger(__name__)


class LogFlusher:
    """A buffer and the task that empties it."""

    def __init__(
        self, buffer: LogBuffer, lane: Lane, clock: Clock, tail: LiveTail,
        stored: Callable[[int], None],
    ) -> None:  # fmt: skip
        """`stored` is told the size of each batch, at most."""
        self._stored = stored
        self._buffer = buffer
        self._lane = lane
        self._clock = clock
        self._tail = tail
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._closing = False
        self._stored_lines = 0
        self._unstored: Batch | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def append(self, line: Line) -> None:
        """Keep a line for the next write. Never waits, never fails."""
        self._buffer.append(line)
        if not self._wake.is_set():
            self._wake.set()
        if self._buffer.size_bytes >= BATCH_BYTES and not self._urgent.is_set():
            self._urgent.set()

    def start(self) -> None:
        """Begin to write, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="log-flusher")

    async def close(self) -> None:
        """Write what is left (one try), then end."""
        self._closing = True
        self._hurry()
        if self._task is not None:
            await self._task

    async def settle(self) -> None:
        """Return when the lines appended before the call are stored, or cannot be for now."""
        if self._buffer.accepted_lines == self._stored_lines or self._task is None:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((self._buffer.accepted_lines, waiter))
        self._hurry()
        await waiter

    def _hurry(self) -> None:
        self._urgent.set()
        self._wake.set()

    async def _run(self) -> None:
        failing = False
        while True:
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._urgent.wait()
            self._wake.clear()
            self._urgent.clear()
            failure = await self._store_all()
            self._release_waiters(None if failure else self._stored_lines)
            if failure is not None:
                self._say_failure(failure, again=failing)
            failing = failure is not None
            if self._closing:
                return
            if failing:
                await asyncio.sleep(RETRY_SECONDS)
                self._hurry()

    async def _store_all(self) -> Exception | None:
        """Store batch after batch; the error that ended it, if one did. What comes meanwhile
        waits for its own turn: else a busy server would commit without a pause, a few lines each
        time."""
        due = self._buffer.accepted_lines
        while self._stored_lines < due or self._closing or self._buffer.owes_notes:
            batch = self._unstored or self._buffer.take()
            if batch is None:
                break
            self._unstored = batch
            try:
                await self._store(batch)
            except (CommitFailed, LaneFull) as error:
                return error
            except Exception:  # nothing of theirs may stop the log of everybody else
                _log.exception("%d log lines cannot be stored and are lost", len(batch.lines))
                self._buffer.dropped_lines += len(batch.lines)
            self._unstored = None
            self._buffer.release(batch)
            self._stored_lines += len(batch.lines)
            self._release_waiters(self._stored_lines)
        return None

    async def _store(self, batch: Batch) -> None:
        now_ms = self._clock.wall_ms()
        await self._lane.write(lambda tx: store_lines(tx, batch.lines, now_ms))
        self._tail.publish(batch.lines, now_ms)
        self._stored(batch.size_bytes)

    def _release_waiters(self, stored: int | None) -> None:
        """Let those go on whose lines are stored; all of them, if None."""
        waiting = []
        for target, waiter in self._waiters:
            if stored is not None and target > stored:
                waiting.append((target, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiters = waiting

    def _say_failure(self, failure: Exception, *, again: bool) -> None:
        if self._closing:
            _log.error("log lines could not be stored at the end and are lost: %r", failure)
        elif not again:
            notes = " ".join(getattr(failure, "__notes__", ()))
            _log.error("log lines cannot be stored, trying again every second. %s", notes)
