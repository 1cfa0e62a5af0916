"""The log store: CloudWatch Logs without its API. Groups, streams, events, retention, Live Tail.

Two ways in: `append` for the platform's own lines (buffered, never waits, never fails) and
`put_events` for callers that are told when their events are durable. Every other method first
lets the buffered lines in, so that whoever has seen a line written finds it, and a group that is
deleted is not brought back by lines from before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import Value
from lambdad.storage.errors import CommitFailed, LaneFull
from lambdad.storage.lane import Lane, Transaction
from lambdad.telemetry import log_groups, log_streams
from lambdad.telemetry.log_admission import Admission, admit
from lambdad.telemetry.log_buffer import LogBuffer, memory_of
from lambdad.telemetry.log_ceiling import SLACK, trim
from lambdad.telemetry.log_events import store_events
from lambdad.telemetry.log_flusher import LogFlusher
from lambdad.telemetry.log_groups import GroupListing
from lambdad.telemetry.log_records import (
    GroupKey,
    Line,
    LogGroup,
    LogStream,
    NewGroup,
    Position,
    StreamKey,
)
from lambdad.telemetry.log_retention import sweep
from lambdad.telemetry.log_search import Budget, Page, Search, search
from lambdad.telemetry.log_streams import StreamListing
from lambdad.telemetry.log_tags import GroupTags, every_tag
from lambdad.telemetry.log_tail import LiveTail

SWEEP_SECONDS = 3600.0
"""Between two looks for events that are no longer kept."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Put(Value):
    """What became of a batch of events."""

    admission: Admission
    next_token: str
    """56 digits; clients hand it back and it is ignored (semantics §7.3)."""


class LogStore:
    """Made on a lane that was opened with `LOG_MIGRATIONS`; `start` and `close` frame its use."""

    def __init__(self, lane: Lane, clock: Clock, limits: Limits = DEFAULT_LIMITS) -> None:
        self.tail = LiveTail()
        self._lane = lane
        self._clock = clock
        self._limits = limits
        self._buffer = LogBuffer(limits.log_buffer_bytes)
        self._flusher = LogFlusher(self._buffer, lane, clock, self.tail, self._grew)
        self._grown_bytes = 0
        """At most, since the last look at what is stored in all."""
        self._tags = GroupTags()
        self._sweep_due = asyncio.Event()
        self._sweeping = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read what `known_tags` answers from; before anything is served."""
        self._tags.load(await self._lane.read(every_tag))

    def start(self) -> None:
        """Begin the background work, on the running loop."""
        self._flusher.start()
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_ever(), name="log-sweep")

    async def close(self) -> None:
        """Store what was appended and end the background work. The lane stays open."""
        await self._flusher.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper

    @property
    def dropped_lines(self) -> int:
        """Lines lost since the start because storage could not keep up."""
        return self._buffer.dropped_lines

    def append(self, stream: StreamKey, timestamp_ms: int, message: str) -> None:
        """Take one line of the platform's; group and stream are made if need be. On the event
        loop's thread. Never waits and never fails."""
        self._flusher.append(Line(stream, timestamp_ms, message))

    async def flush(self) -> None:
        """Return when the lines appended so far are stored, or cannot be for now."""
        await self._flusher.settle()

    async def sweep(self) -> int:
        """Remove the events that are no longer kept, those of deleted streams, and the oldest
        where there are too many; how many of the first two kinds."""
        async with self._sweeping:
            self._grown_bytes = 0
            removed = await sweep(self._lane, self._clock.wall_ms())
            limit_bytes = self._limits.log_stored_bytes
            excesses = await trim(self._lane, limit_bytes)
        for excess in excesses:
            _log.warning(
                "account %s had %d bytes of logs in %s, more than log_stored_bytes (%d): its oldest"
                " events were removed", excess.account, excess.stored_bytes, excess.region,
                limit_bytes,
            )  # fmt: skip
        return removed

    def _grew(self, size_bytes: int) -> None:
        self._grown_bytes += size_bytes
        if self._grown_bytes > self._limits.log_stored_bytes // SLACK:
            self._sweep_due.set()

    # Groups. The errors are those of log_groups and log_streams.

    async def create_group(self, key: GroupKey, new: NewGroup) -> None:
        now_ms = self._clock.wall_ms()
        await self._write(lambda tx: log_groups.create_group(tx, key, new, now_ms))
        self._tags.replace(key, dict(new.tags))

    async def find_group(self, key: GroupKey) -> LogGroup:
        return await self._read(lambda tx: log_groups.find_group(tx, key))

    async def list_groups(
        self, account: AccountId, region: Region, listing: GroupListing
    ) -> list[LogGroup]:
        return await self._read(lambda tx: log_groups.list_groups(tx, account, region, listing))

    async def delete_group(self, key: GroupKey) -> None:
        await self._write(lambda tx: log_groups.delete_group(tx, key))
        self._tags.replace(key, {})
        self._sweep_due.set()

    async def set_retention(self, key: GroupKey, days: int | None) -> None:
        await self._write(lambda tx: log_groups.set_retention(tx, key, days))
        self._sweep_due.set()

    async def set_protection(self, key: GroupKey, protected: bool) -> None:
        await self._write(lambda tx: log_groups.set_protection(tx, key, protected))

    async def tags_of(self, key: GroupKey) -> dict[str, str]:
        return await self._read(lambda tx: log_groups.tags_of(tx, key))

    def known_tags(self, key: GroupKey) -> Mapping[str, str]:
        """The tags without waiting; none of a group that is not there."""
        return self._tags.of(key)

    async def tag_group(self, key: GroupKey, tags: Mapping[str, str]) -> None:
        limit = self._limits.tags_per_resource

        def work(tx: Transaction) -> dict[str, str]:
            log_groups.tag_group(tx, key, tags, limit)
            return log_groups.tags_of(tx, key)

        self._tags.replace(key, await self._write(work))

    async def untag_group(self, key: GroupKey, names: Sequence[str]) -> None:
        def work(tx: Transaction) -> dict[str, str]:
            log_groups.untag_group(tx, key, names)
            return log_groups.tags_of(tx, key)

        self._tags.replace(key, await self._write(work))

    # Streams.

    async def create_stream(self, key: StreamKey) -> None:
        now_ms = self._clock.wall_ms()
        await self._write(lambda tx: log_streams.create_stream(tx, key.group, key.name, now_ms))

    async def delete_stream(self, key: StreamKey) -> None:
        await self._write(lambda tx: log_streams.delete_stream(tx, key.group, key.name))
        self._sweep_due.set()

    async def list_streams(self, key: GroupKey, listing: StreamListing) -> list[LogStream]:
        def work(tx: Transaction) -> list[LogStream]:
            return log_streams.list_streams(tx, log_groups.find_group(tx, key).id, listing)

        return await self._read(work)

    # Events.

    async def put_events(self, key: StreamKey, events: Sequence[tuple[int, str]]) -> Put:
        """Store a batch (time, message) whose times ascend; durable when this returns. Events
        of the wrong age are left out. Raises GroupMissing, StreamMissing."""
        now_ms = self._clock.wall_ms()

        def work(tx: Transaction) -> Put:
            group = log_groups.find_group(tx, key.group)
            stream = log_streams.find_stream(tx, group.id, key.name)
            admission = admit([time_ms for time_ms, _ in events], now_ms, group.retention_days)
            taken = events[admission.start : admission.stop]
            next_seq = store_events(tx, group.id, stream, taken, now_ms)
            return Put(admission, Position(now_ms, stream.id, next_seq).event_id())

        put = await self._write(work)
        taken = events[put.admission.start : put.admission.stop]
        self.tail.publish((Line(key, *event) for event in taken), now_ms)
        self._grew(sum(memory_of(message) for _, message in taken))
        return put

    async def read_stream(self, key: StreamKey, wanted: Search, limit: int) -> Page:
        """A page of one stream's events. Raises GroupMissing, StreamMissing."""

        def work(tx: Transaction) -> Page:
            group = log_groups.find_group(tx, key.group)
            stream = log_streams.find_stream(tx, group.id, key.name)
            return search(tx, [stream], wanted, self._budget(wanted, limit))

        return await self._read(work)

    async def search(
        self, key: GroupKey, names: Sequence[str], prefix: str, wanted: Search, limit: int
    ) -> Page:
        """A page of the events of a group's streams: those of the names, or where none are
        given of all that begin with the prefix. Raises GroupMissing, StreamMissing."""

        def work(tx: Transaction) -> Page:
            group = log_groups.find_group(tx, key)
            if names:
                streams = [
                    log_streams.find_stream(tx, group.id, name) for name in dict.fromkeys(names)
                ]
            else:
                times = wanted.times
                streams = log_streams.streams_with_events(
                    tx, group.id, times.start_ms, times.end_ms, prefix
                )
            return search(tx, streams, wanted, self._budget(wanted, limit))

        return await self._read(work)

    def _budget(self, wanted: Search, limit: int) -> Budget:
        limits = self._limits
        events = min(limit, limits.log_page_events)
        if wanted.pattern is None:
            return Budget(events, limits.log_page_bytes, events, limits.log_page_bytes)
        return Budget(limits.log_scan_events, limits.log_scan_bytes, events, limits.log_page_bytes)

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        await self._flusher.settle()
        return await self._lane.write(work)

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        await self._flusher.settle()
        return await self._lane.read(work)

    async def _sweep_ever(self) -> None:
        while True:
            self._sweep_due.clear()
            try:
                await self.sweep()
            except (CommitFailed, LaneFull) as error:
                _log.error("old log events could not be removed, trying later: %r", error)
            # Not wait_for: before Python 3.12 it may swallow the cancellation that ends this task.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._sweep_due.wait()
