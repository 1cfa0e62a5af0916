"""Live Tail: listeners that hear of events as soon as they are stored.

Each listener has a queue that is bounded in events and in bytes; one that is too slow loses the
oldest events and is told so. Patterns are applied by the listener, when and where it empties its
queue: a costly pattern is its own problem. Single-threaded: the event loop's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import NamedTuple

from lambdad.core.value import Value
from lambdad.telemetry.log_pattern import Pattern
from lambdad.telemetry.log_records import GroupKey, Line, StreamKey

WAITING_EVENTS = 20_000
WAITING_CHARACTERS = 16 * 1024 * 1024


class TailEvent(NamedTuple):
    stream: StreamKey
    timestamp_ms: int
    ingestion_ms: int
    message: str


class TailFilter(Value):
    """What a listener wants to hear; no names and no prefixes mean every stream."""

    groups: Collection[GroupKey]
    streams: Collection[str] = ()
    stream_prefixes: tuple[str, ...] = ()
    pattern: Pattern | None = None

    def wants(self, stream: StreamKey) -> bool:
        """Whether events of the stream are of interest; their messages are another matter."""
        if stream.group not in self.groups:
            return False
        if self.streams:
            return stream.name in self.streams
        return not self.stream_prefixes or stream.name.startswith(self.stream_prefixes)

    def chosen(self, events: Iterable[TailEvent]) -> list[TailEvent]:
        """The events whose messages match the pattern. May be called in a thread."""
        if self.pattern is None:
            return list(events)
        return [event for event in events if self.pattern.matches(event.message)]


class TailListener:
    """One listener's queue."""

    def __init__(self, wanted: TailFilter) -> None:
        self.filter = wanted
        self._events: deque[TailEvent] = deque()
        self._characters = 0
        self._lost = False

    def offer(self, event: TailEvent) -> None:
        """Queue an event, and let go of the oldest where there are too many."""
        self._events.append(event)
        self._characters += len(event.message)
        while len(self._events) > WAITING_EVENTS or self._characters > WAITING_CHARACTERS:
            self._characters -= len(self._events.popleft().message)
            self._lost = True

    def drain(self) -> tuple[deque[TailEvent], bool]:
        """What has come since the last time, and whether some of it was lost."""
        events, lost = self._events, self._lost
        self._events, self._characters, self._lost = deque(), 0, False
        return events, lost


def thinned(events: list[TailEvent], limit: int) -> list[TailEvent]:
    """At most `limit` of the events, evenly spread."""
    if len(events) <= limit:
        return events
    return [events[number * len(events) // limit] for number in range(limit)]


class LiveTail:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: set[TailListener] = set()

    def __len__(self) -> int:
        return len(self._listeners)

    def listen(self, wanted: TailFilter) -> TailListener:
        listener = TailListener(wanted)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: TailListener) -> None:
        self._listeners.discard(listener)

    def publish(self, lines: Iterable[Line], ingestion_ms: int) -> None:
        """Tell the listeners of lines that have been stored."""
        if not self._listeners:
            return
        for stream, timestamp_ms, message in lines:
            event = TailEvent(stream, timestamp_ms, ingestion_ms, message)
            for listener in self._listeners:
                if listener.filter.wants(stream):
                    listener.offer(event)
