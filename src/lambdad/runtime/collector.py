"""Collects what one execution environment logs and hands it to the log store.

Owns: reading the two pipes of a sandbox, the levels of a JSON log, the platform's own lines, the
tail that LogType=Tail asks for. Never blocks; what it reads per turn of the loop is bounded, so a
function that writes without end only slows itself. May not: know sandboxes or invocations.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.output import FrameDecoder, LineSplitter
from lambdad.telemetry.log_records import GroupKey, StreamKey

_READ_BYTES = 65_536
_DRAIN_READS = 32
_LEVELS = {"": 6, "TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "WARNING": 3, "ERROR": 4}
_LEVELS |= {"FATAL": 5, "CRITICAL": 5}


class Feed(Protocol):
    """Wants to have the lines as well: `runtime/telemetry_feed.py`."""

    def log(self, kind: str, text: str, timestamp_ms: int) -> None:
        """One line of a `function` or an `extension`."""


class LogSink(Protocol):
    """Where log events go; `telemetry/logs.py` is one."""

    def append(self, stream: StreamKey, timestamp_ms: int, message: str) -> None:
        """Take one event. Never blocks and never fails."""


class Collector(Protocol):
    """Takes what the processes of a sandbox write."""

    feed: Feed | None

    def attach(self, output_fd: int, telemetry_fd: int, feed: Feed | None = None) -> None:
        """Read a sandbox's pipes from now on."""

    def detach(self) -> None:
        """The pipes are closed next."""

    def extension_output(self, data: bytes) -> None:
        """Whole lines of an extension."""


class LogCollector:
    """The log of one execution environment: one stream, whatever sandbox is behind it."""

    def __init__(
        self, sink: LogSink, version: FunctionVersion, stream: str, clock: Clock, limits: Limits
    ) -> None:
        self._append = sink.append
        group = GroupKey(version.account, version.region, version.log_group)
        self._stream = StreamKey(group, stream)
        self._clock = clock
        self._limits = limits
        self._born_ms = clock.wall_ms()
        self._threshold = (
            _LEVELS.get(version.application_log_level, 0) if version.log_format == "JSON" else 0
        )
        self.feed: Feed | None = None
        """Gets what the pipes hold too."""
        self._tail: deque[bytes] | None = None
        self._tail_bytes = 0
        self._pipes: dict[int, Callable[[bytes], None]] = {}
        self._poll: Callable[[int], list[tuple[int, int]]] = _nothing
        self._flush: Callable[[], None] = _no_flush
        self._rest: Callable[[], list[str]] = _no_lines

    def attach(self, output_fd: int, telemetry_fd: int, feed: Feed | None = None) -> None:
        """Read a sandbox's pipes from now on."""
        self.feed = feed
        lines = LineSplitter(self._limits.environment_log_line_bytes)
        frames = FrameDecoder(self._limits.environment_log_line_bytes)
        poller = select.poll()

        def on_output(data: bytes) -> None:
            self._write_lines(lines.feed(data))

        def on_telemetry(data: bytes) -> None:
            for frame in frames.feed(data):
                self._write(frame.text, frame.level, frame.timestamp_ms)

        def flush() -> None:
            self._write_lines(lines.flush())
            for frame in frames.flush():
                self._write(frame.text, frame.level, frame.timestamp_ms)

        self._pipes = {output_fd: on_output, telemetry_fd: on_telemetry}
        loop = asyncio.get_running_loop()
        for fd in self._pipes:
            poller.register(fd, select.POLLIN)
            loop.add_reader(fd, self._read, fd)
        self._poll = poller.poll
        self._flush = flush
        self._rest = lines.flush

    def detach(self) -> None:
        """Take what is left in the pipes and stop reading them, before they are closed."""
        self.drain()
        self._flush()
        loop = asyncio.get_running_loop()
        for fd in self._pipes:
            loop.remove_reader(fd)
        self._pipes, self._poll, self._flush = {}, _nothing, _no_flush
        self._rest = _no_lines

    def drain(self) -> None:
        """Take everything that was written before now. One system call where there is nothing."""
        for _ in range(_DRAIN_READS):
            ready = self._poll(0)
            if not ready:
                return
            taken = [self._read(fd) for fd, _ in ready]
            if not any(taken):
                return

    def end_run(self) -> None:
        """Take what a run printed, its last line too if that has no newline: the next run may be
        hours away, and it is not that one's."""
        self.drain()
        if rest := self._rest():
            self._write_lines(rest)

    def platform(self, now_ms: int, line: str) -> None:
        """Log a line of the platform's own, if it is one."""
        if line:
            self._emit(now_ms, line)

    def extension_output(self, data: bytes) -> None:
        """Log whole lines that an extension wrote."""
        splitter = LineSplitter(self._limits.environment_log_line_bytes)
        now_ms = self._clock.wall_ms()
        for text in splitter.feed(data):
            self._emit(now_ms, text)
            if self.feed is not None:
                self.feed.log("extension", text, now_ms)

    def begin_tail(self) -> None:
        """Keep the end of what is logged from now on."""
        self._tail, self._tail_bytes = deque(), 0

    def take_tail(self) -> bytes | None:
        """The last bytes logged since `begin_tail`, or None if it was not asked for."""
        tail, self._tail = self._tail, None
        if tail is None:
            return None
        return b"".join(tail)[-self._limits.log_tail_bytes :]

    def _read(self, fd: int) -> bool:
        """Whether there was anything to read."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._pipes[fd](data)
            return True
        asyncio.get_running_loop().remove_reader(fd)  # every writer is gone
        return False

    def _write_lines(self, lines: list[str]) -> None:
        for line in lines:
            level = _level_of(line) if self._threshold and line.startswith("{") else ""
            self._write(line, level, None)

    def _write(self, text: str, level: str, timestamp_ms: int | None) -> None:
        if not text or _LEVELS.get(level, 6) < self._threshold:
            return
        now_ms = self._clock.wall_ms()
        if timestamp_ms is None or not self._born_ms <= timestamp_ms <= now_ms:
            timestamp_ms = now_ms  # the function sets the frame's time: it may not lie far
        self._emit(timestamp_ms, text)
        if self.feed is not None:
            self.feed.log("function", text, timestamp_ms)

    def _emit(self, timestamp_ms: int, text: str) -> None:
        self._append(self._stream, timestamp_ms, text)
        if self._tail is not None:
            self._keep(text if text.endswith("\n") else text + "\n")

    def _keep(self, text: str) -> None:
        tail = self._tail
        if tail is None:
            return
        data = text.encode()
        tail.append(data)
        self._tail_bytes += len(data)
        while len(tail) > 1 and self._tail_bytes - len(tail[0]) >= self._limits.log_tail_bytes:
            self._tail_bytes -= len(tail.popleft())


def _level_of(line: str) -> str:
    """The level of a JSON line that carries its own (`level` and `timestamp`), else empty."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(record, dict) or "timestamp" not in record:
        return ""
    level = record.get("level")
    return level.upper() if isinstance(level, str) else ""


def _nothing(_timeout_ms: int) -> list[tuple[int, int]]:
    return []


def _no_flush() -> None:
    pass


def _no_lines() -> list[str]:
    return []
