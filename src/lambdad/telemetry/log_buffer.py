"""Log lines between the moment they are written and the moment they are durable.

Appending is part of the invoke path: it allocates one tuple, never waits and never fails. The
memory is bounded by `Limits.log_buffer_bytes`; past it lines are dropped, counted per stream, and
the log itself says so where they are missing. Single-threaded: the event loop's.
"""

from __future__ import annotations

from collections import deque

from lambdad.core.value import Struct, Value
from lambdad.telemetry.log_records import Line, StreamKey

LINE_OVERHEAD_BYTES = 256
"""A line's share of the interpreter's memory besides its text, generously."""
BATCH_BYTES = 1024 * 1024
"""Buffered bytes that go into one write: a few thousand lines, some ten milliseconds."""
STREAMS_WITH_DROPS = 10_000
"""Streams whose dropped lines are counted by themselves; others only in the total."""


class Dropped(Struct):
    lines: int
    timestamp_ms: int
    """Of the last one."""


class Batch(Value):
    """Lines that are being stored; they count as buffered until they are."""

    lines: list[Line]
    size_bytes: int


class LogBuffer:
    """Lines in the order in which they came."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lines: deque[Line] = deque()
        self._dropped: dict[StreamKey, Dropped] = {}
        self.size_bytes = 0
        """What is buffered or being stored."""
        self.accepted_lines = 0
        """Since the start, like the following."""
        self.dropped_lines = 0

    @property
    def owes_notes(self) -> bool:
        """Whether a stream has yet to be told that it lost lines."""
        return bool(self._dropped)

    def append(self, line: Line) -> None:
        """Keep the line, or count it as dropped."""
        size = memory_of(line.message)
        if self.size_bytes + size > self._limit_bytes:
            self._drop(line)
            return
        if self._dropped and line.stream in self._dropped:
            self._admit_drops(line.stream)
        self._lines.append(line)
        self.size_bytes += size
        self.accepted_lines += 1

    def take(self) -> Batch | None:
        """The next lines to store, in order; None if there are none."""
        if not self._lines:
            for stream in list(self._dropped):
                self._admit_drops(stream)
        lines: list[Line] = []
        size = 0
        while self._lines and size < BATCH_BYTES:
            line = self._lines.popleft()
            lines.append(line)
            size += memory_of(line.message)
        return Batch(lines, size) if lines else None

    def release(self, batch: Batch) -> None:
        """The batch is stored, or given up."""
        self.size_bytes -= batch.size_bytes

    def _drop(self, line: Line) -> None:
        self.dropped_lines += 1
        dropped = self._dropped.get(line.stream)
        if dropped is not None:
            dropped.lines += 1
            dropped.timestamp_ms = line.timestamp_ms
        elif len(self._dropped) < STREAMS_WITH_DROPS:
            self._dropped[line.stream] = Dropped(1, line.timestamp_ms)

    def _admit_drops(self, stream: StreamKey) -> None:
        """Say in the stream, where they are missing, how many lines it lost."""
        dropped = self._dropped.pop(stream)
        lines = "1 log line" if dropped.lines == 1 else f"{dropped.lines} log lines"
        message = (
            f"LAMBDAD dropped {lines} here: {self._limit_bytes} bytes were waiting to be stored."
        )
        self._lines.append(Line(stream, dropped.timestamp_ms, message))
        self.size_bytes += memory_of(message)
        self.accepted_lines += 1


def memory_of(message: str) -> int:
    """An upper estimate of a line's memory, without looking at its characters."""
    return len(message) * (1 if message.isascii() else 4) + LINE_OVERHEAD_BYTES
