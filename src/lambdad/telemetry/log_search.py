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
from itertools import islice

from lambdad.core.value import Value
from lambdad.storage.lane import Transaction
from lambdad.telemetry.log_events import Key, Place, keys, load
from lambdad.telemetry.log_pattern import Pattern
from lambdad.telemetry.log_records import MAX_INTEGER, LogEvent, LogStream, Position, TimeRange

KEYS_AT_ONCE = 128
_Order = tuple[int, int, int]
_LAST = (MAX_INTEGER + 1, 0, 0)


class Budget(Value):
    """What one page may read and show."""

    scanned_events: int
    scanned_bytes: int
    events: int
    bytes: int


class Search(Value):
    """What is looked for."""

    times: TimeRange
    descending: bool = False
    after: Position | None = None
    """The position that the page before ended at."""
    pattern: Pattern | None = None


class Page(Value):
    events: list[LogEvent]
    end: Position | None
    """Where the next page goes on; None where everything has been read."""


def search(tx: Transaction, streams: Sequence[LogStream], wanted: Search, budget: Budget) -> Page:
    """One page over the streams."""
    merge = Merge(tx, streams, wanted)
    end = merge.select(budget)
    matches = None if wanted.pattern is None else wanted.pattern.matches
    events: list[LogEvent] = []
    shown_bytes = 0
    for event in merge.load():
        if matches is not None and not matches(event.message):
            continue
        shown_bytes += len(event.message.encode())
        if len(events) == budget.events or (events and shown_bytes > budget.bytes):
            return Page(events, events[-1].position)
        events.append(event)
    return Page(events, end)


class Cursor:
    """The keys of one stream between two places, read in pieces."""

    def __init__(self, tx: Transaction, stream: LogStream, wanted: Search) -> None:
        self.stream = stream
        self.first_taken: Key | None = None
        self.last_taken: Key | None = None
        self._tx = tx
        self._descending = wanted.descending
        self._low, self._high = bounds(stream.id, wanted)
        self._waiting: deque[Key] = deque()
        self._exhausted = False

    def guess_ms(self) -> int:
        """A time that none of the keys lies before (behind, if descending)."""
        if self._descending:
            return min(self._high.timestamp_ms, self.stream.last_event_ms or 0)
        return max(self._low.timestamp_ms, self.stream.first_event_ms or 0)

    def peek(self) -> Key | None:
        """The next key; None at the end."""
        if not self._waiting and not self._exhausted:
            self._read()
        return self._waiting[0] if self._waiting else None

    def take(self) -> None:
        """Go past the key that `peek` showed."""
        self.last_taken = self._waiting.popleft()
        if self.first_taken is None:
            self.first_taken = self.last_taken

    def load(self) -> Iterator[LogEvent]:
        """The events of the taken keys, in their order."""
        first, last = self.first_taken, self.last_taken
        if first is None or last is None:
            return iter(())
        if self._descending:
            return reversed(load(self._tx, self.stream, last, first))
        return iter(load(self._tx, self.stream, first, last))

    def _read(self) -> None:
        found = keys(
            self._tx, self.stream.id, self._low, self._high,
            limit=KEYS_AT_ONCE, descending=self._descending,
        )  # fmt: skip
        self._waiting.extend(found)
        self._exhausted = len(found) < KEYS_AT_ONCE
        if found and self._descending:
            self._high = Place(*found[-1][:2])
        elif found:
            self._low = Place(*found[-1][:2])


class Merge:
    """Cursors by the order of their next keys, or of a guess until they are opened."""

    def __init__(self, tx: Transaction, streams: Sequence[LogStream], wanted: Search) -> None:
        self._sign = -1 if wanted.descending else 1
        self._runs: list[tuple[Cursor, int]] = []
        self._heap: list[tuple[_Order, int, Cursor]] = []
        for index, stream in enumerate(streams):
            cursor = Cursor(tx, stream, wanted)
            guess = (self._sign * cursor.guess_ms(), -MAX_INTEGER, -MAX_INTEGER)
            self._heap.append((guess, index, cursor))
        heapq.heapify(self._heap)

    def select(self, budget: Budget) -> Position | None:
        """Take keys until the budget is used up. Where it ended, if there is more."""
        events_left, bytes_left = budget.scanned_events, budget.scanned_bytes
        end: Position | None = None
        while self._heap:
            order, index, cursor = heapq.heappop(self._heap)
            key = cursor.peek()
            taken = 0
            # A run: as long as the cursor's keys come before those of the others.
            while key is not None and (order := self._order(cursor, key)) < self._others():
                bytes_left -= key.message_bytes
                if events_left == 0 or (bytes_left < 0 and end is not None):
                    self._runs.append((cursor, taken))
                    return end
                events_left -= 1
                taken += 1
                cursor.take()
                end = Position(key.timestamp_ms, cursor.stream.id, key.seq)
                key = cursor.peek()
            self._runs.append((cursor, taken))
            if key is not None:
                heapq.heappush(self._heap, (order, index, cursor))
        return None

    def load(self) -> Iterator[LogEvent]:
        """The events of the selected keys, in order."""
        events = {cursor: cursor.load() for cursor, taken in self._runs if taken}
        for cursor, taken in self._runs:
            if taken:
                yield from islice(events[cursor], taken)

    def _others(self) -> _Order:
        return self._heap[0][0] if self._heap else _LAST

    def _order(self, cursor: Cursor, key: Key) -> _Order:
        sign = self._sign
        return sign * key.timestamp_ms, sign * cursor.stream.id, sign * key.seq


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
