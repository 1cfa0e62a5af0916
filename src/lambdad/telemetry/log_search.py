"""Reading many streams of a group as one, in time order: what FilterLogEvents does.

A merge over cursors, one per stream. A cursor is opened only when the merge reaches the time of
its stream's first event, so that a page over thousands of streams touches the few that it shows.
First the keys are merged until a budget is used up, then the messages of each stream are read as
one range: memory is bounded by the budget, whatever the events' sizes.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lambdad.storage.lane import Transaction
from lambdad.telemetry.log_events import Key, Place, keys, load
from lambdad.telemetry.log_pattern import Pattern
from lambdad.telemetry.log_records import MAX_INTEGER, LogEvent, LogStream, Position, TimeRange

KEYS_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Budget:
    """What one page may read and show."""

    scanned_events: int
    scanned_bytes: int
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for."""

    times: TimeRange
    descending: bool = False
    after: Position | None = None
    """The position that the page before ended at."""
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Page:
    events: list[LogEvent]
    end: Position | None
    """Where the next page goes on; None where everything has been read."""


def search(tx: Transaction, streams: Sequence[LogStream], wanted: Search, budget: Budget) -> Page:
    """One page over the streams."""
    merge = Merge(tx, streams, wanted)
    selected = merge.select(budget)
    more = merge.has_more()
    events: list[LogEvent] = []
    shown_bytes = 0
    for event in merge.load(selected):
        if wanted.pattern is not None and not wanted.pattern.matches(event.message):
            continue
        shown_bytes += len(event.message.encode())
        if len(events) == budget.events or (events and shown_bytes > budget.bytes):
            return Page(events, events[-1].position)
        events.append(event)
    return Page(events, selected[-1] if more and selected else None)


class Cursor:
    """The keys of one stream between two places, read in pieces."""

    def __init__(self, tx: Transaction, stream: LogStream, low: Place, high: Place) -> None:
        self.stream = stream
        self._tx = tx
        self._low, self._high = low, high
        self._waiting: deque[Key] = deque()
        self._exhausted = False

    def first_guess(self, descending: bool) -> int:
        """A time that no key of the cursor lies before (behind, if descending)."""
        if descending:
            return min(self._high.timestamp_ms, self.stream.last_event_ms or 0)
        return max(self._low.timestamp_ms, self.stream.first_event_ms or 0)

    def next(self, descending: bool) -> Key | None:
        if not self._waiting and not self._exhausted:
            found = keys(
                self._tx, self.stream.id, self._low, self._high,
                limit=KEYS_AT_ONCE, descending=descending,
            )  # fmt: skip
            self._exhausted = len(found) < KEYS_AT_ONCE
            self._waiting.extend(found)
            if found and descending:
                self._high = Place(*found[-1][:2])
            elif found:
                self._low = Place(*found[-1][:2])
        return self._waiting.popleft() if self._waiting else None


class Merge:
    """Cursors in the order of their next keys: a heap of (order, cursor, key or None)."""

    def __init__(self, tx: Transaction, streams: Sequence[LogStream], wanted: Search) -> None:
        self._tx = tx
        self._descending = wanted.descending
        self._ranges: dict[int, tuple[LogStream, Key, Key]] = {}
        self._heap: list[tuple[tuple[int, int, int], int, Cursor, Key | None]] = []
        for index, stream in enumerate(streams):
            low, high = bounds(stream.id, wanted)
            cursor = Cursor(tx, stream, low, high)
            order = (self._signed(cursor.first_guess(self._descending)), -MAX_INTEGER, -MAX_INTEGER)
            self._heap.append((order, index, cursor, None))
        heapq.heapify(self._heap)

    def select(self, budget: Budget) -> list[Position]:
        """The positions that the page reads, in its order."""
        selected: list[Position] = []
        size = 0
        while len(selected) < budget.scanned_events and self.has_more():
            _, index, cursor, key = self._heap[0]
            assert key is not None
            size += key.message_bytes
            if selected and size > budget.scanned_bytes:
                break
            selected.append(Position(key.timestamp_ms, cursor.stream.id, key.seq))
            _, first, _ = self._ranges.get(cursor.stream.id, (None, key, None))
            self._ranges[cursor.stream.id] = (cursor.stream, first, key)
            self._advance(index, cursor)
        return selected

    def has_more(self) -> bool:
        """Open the cursors that come first until one has a key."""
        while self._heap and self._heap[0][3] is None:
            _, index, cursor, _ = self._heap[0]
            self._advance(index, cursor)
        return bool(self._heap)

    def load(self, selected: Sequence[Position]) -> Iterator[LogEvent]:
        """The events at the selected positions."""
        found: dict[Position, LogEvent] = {}
        for stream, first, last in self._ranges.values():
            low, high = (last, first) if self._descending else (first, last)
            found.update((event.position, event) for event in load(self._tx, stream, low, high))
        return (found[position] for position in selected)

    def _advance(self, index: int, cursor: Cursor) -> None:
        """Replace the heap's first entry by the cursor's next key."""
        key = cursor.next(self._descending)
        if key is None:
            heapq.heappop(self._heap)
            return
        order = (
            self._signed(key.timestamp_ms),
            self._signed(cursor.stream.id),
            self._signed(key.seq),
        )
        heapq.heapreplace(self._heap, (order, index, cursor, key))

    def _signed(self, number: int) -> int:
        return -number if self._descending else number


def bounds(stream_id: int, wanted: Search) -> tuple[Place, Place]:
    """Between which places of a stream the search has events left."""
    low, high = Place(wanted.times.start_ms, -1), Place(wanted.times.end_ms, -1)
    after = wanted.after
    if after is None:
        return low, high
    if stream_id == after.stream_id:
        edge = Place(after.timestamp_ms, after.seq)
    else:
        # At the same time, streams follow one another by their number.
        behind = stream_id < after.stream_id
        edge = Place(after.timestamp_ms, MAX_INTEGER if behind else -1)
    return (low, min(high, edge)) if wanted.descending else (max(low, edge), high)
