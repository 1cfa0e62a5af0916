"""The telemetry of one environment, to the extensions that subscribed to it.

Owns: which events there are for whom, and when a batch goes out. Batches are fetched by a process
inside the environment (`guest/conductor.py`), which posts them to the subscriber: nothing of ours
ever connects to an address that a function chose. May not: know what the events mean.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.runtime.connection import Next
from lambdad.runtime.environment import Rejected
from lambdad.runtime.platform_log import iso_time
from lambdad.runtime.telemetry_buffer import TelemetryBuffer
from lambdad.runtime.telemetry_subscription import Subscription

_HISTORY_EVENTS = 1_000
"""Of the init phase, for who subscribes during it."""


@dataclass(slots=True, eq=False)
class _Subscriber:
    identifier: str
    types: frozenset[str]
    buffer: TelemetryBuffer
    waiting: Next | None = None
    timer: asyncio.TimerHandle | None = field(default=None)


class TelemetryFeed:
    """Telemetry of one start of an environment."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self.on_subscribed: Callable[[str, tuple[str, ...]], None] = lambda name, types: None
        """Told of the extension and what it gets."""
        self._subscribers: list[_Subscriber] = []
        self._history: deque[tuple[str, bytes]] | None = deque()
        self._history_bytes = 0

    def subscribe(self, identifier: str, subscription: Subscription) -> int:
        """Under the number that is answered, from the start of init on. An extension's later
        subscription takes the place of its earlier one."""
        buffer = TelemetryBuffer(subscription, self._limits.telemetry_backlog_bytes)
        subscriber = _Subscriber(identifier, frozenset(subscription.types), buffer)
        for index, earlier in enumerate(self._subscribers):
            if earlier.identifier == identifier:
                self._subscribers[index] = _Subscriber(identifier, frozenset(), earlier.buffer)
        self._subscribers.append(subscriber)
        for kind, event in self._history or ():
            self._add(subscriber, kind, event)
        return len(self._subscribers) - 1

    def close_subscriptions(self) -> None:
        """Init is over: nobody can subscribe any more."""
        self._history = None

    @property
    def open(self) -> bool:
        return self._history is not None and len(self._subscribers) < 2 * self._limits.extensions

    # -- events -------------------------------------------------------------------------------

    def platform(self, lines: str) -> None:
        """Events of the platform, as JSON, one a line."""
        for line in lines.splitlines():
            self._publish("platform", line.encode())

    def log(self, kind: str, text: str, timestamp_ms: int) -> None:
        """A line that a function or an extension wrote."""
        text = text.rstrip("\n")
        event = {"time": iso_time(timestamp_ms), "type": kind, "record": _record(text)}
        self._publish(kind, json.dumps(event, separators=(",", ":")).encode())

    def flush(self) -> None:
        """Send what there is to whoever waits for it."""
        for subscriber in self._subscribers:
            self._send(subscriber)

    def _publish(self, kind: str, event: bytes) -> None:
        if self._history is not None:
            self._remember(self._history, kind, event)
        for subscriber in self._subscribers:
            self._add(subscriber, kind, event)

    def _remember(self, history: deque[tuple[str, bytes]], kind: str, event: bytes) -> None:
        history.append((kind, event))
        self._history_bytes += len(event)
        most_bytes = self._limits.telemetry_backlog_bytes
        while len(history) > _HISTORY_EVENTS or self._history_bytes > most_bytes:
            self._history_bytes -= len(history.popleft()[1])

    def _add(self, subscriber: _Subscriber, kind: str, event: bytes) -> None:
        if kind in subscriber.types:
            subscriber.buffer.add(event, self._clock.monotonic_ns())
            self._schedule(subscriber)

    # -- delivery -----------------------------------------------------------------------------

    def on_fetch(self, number: int, waiting: Next) -> None:
        """The forwarder of a subscription is ready for a batch. Raises Rejected."""
        if not 0 <= number < len(self._subscribers):
            raise Rejected(404, "UnknownSubscription", "There is no such subscription")
        self._subscribers[number].waiting = waiting
        self._schedule(self._subscribers[number])

    def on_fetch_abandoned(self, waiting: Next) -> None:
        for subscriber in self._subscribers:
            if subscriber.waiting is waiting:
                subscriber.waiting = None

    def close(self) -> None:
        for subscriber in self._subscribers:
            subscriber.waiting = None
            if subscriber.timer is not None:
                subscriber.timer.cancel()

    def _schedule(self, subscriber: _Subscriber) -> None:
        due_ns = subscriber.buffer.due_ns
        if subscriber.waiting is None or due_ns is None:
            return
        left_ns = due_ns - self._clock.monotonic_ns()
        if left_ns <= 0:
            self._send(subscriber)
        elif subscriber.timer is None:
            loop = asyncio.get_running_loop()
            subscriber.timer = loop.call_later(left_ns / 1e9, self._on_time, subscriber)

    def _on_time(self, subscriber: _Subscriber) -> None:
        subscriber.timer = None
        self._schedule(subscriber)

    def _send(self, subscriber: _Subscriber) -> None:
        if subscriber.waiting is None or subscriber.buffer.due_ns is None:
            return
        waiting, subscriber.waiting = subscriber.waiting, None
        batch = subscriber.buffer.take(self._clock.wall_ms())
        waiting.send_event(
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(batch)}\r\n\r\n".encode(), batch
        )


def _record(text: str) -> object:
    """A function that logs JSON has its records as objects."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
