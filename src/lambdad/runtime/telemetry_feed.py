"""The telemetry of one environment, to the extensions that subscribed to it.

Owns: which events there are for whom, and when a batch goes out. How it gets there is
telemetry_delivery.py's. May not: know what the events mean.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.core.value import Struct
from lambdad.runtime.platform_log import iso_time
from lambdad.runtime.telemetry_buffer import TelemetryBuffer
from lambdad.runtime.telemetry_delivery import Connect, deliver
from lambdad.runtime.telemetry_subscription import Subscription

_HISTORY_EVENTS = 1_000
"""Of the init phase, for who subscribes during it."""


class _Subscriber(Struct, eq=False):
    identifier: str
    subscription: Subscription
    buffer: TelemetryBuffer
    delivery: asyncio.Task[None] | None = None
    """Of the batch that is on its way."""
    timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """It gets nothing more."""
        if self.timer is not None:
            self.timer.cancel()
        if self.delivery is not None:
            self.delivery.cancel()


class TelemetryFeed:
    """Telemetry of one start of an environment."""

    def __init__(self, clock: Clock, limits: Limits, connect: Connect) -> None:
        self._clock = clock
        self._limits = limits
        self._connect = connect
        self.on_subscribed: Callable[[str, tuple[str, ...]], None] = lambda name, types: None
        """Told of the extension and what it gets."""
        self._first: Callable[[], str] = str
        self._subscribers: dict[str, _Subscriber] = {}
        """By identifier."""
        self._history: deque[tuple[str, str, int]] | None = deque()
        """Kind, text and time: encoded only for a subscriber."""
        self._history_bytes = 0
        self._subscriptions = 0
        self._ending = False

    def subscribe(self, identifier: str, subscription: Subscription) -> None:
        """From the start of init on. An extension's later subscription takes the place of its
        earlier one."""
        self._subscriptions += 1
        if (earlier := self._subscribers.pop(identifier, None)) is not None:
            earlier.cancel()
        buffer = TelemetryBuffer(subscription, self._limits.telemetry_backlog_bytes)
        subscriber = self._subscribers[identifier] = _Subscriber(identifier, subscription, buffer)
        for line in self._first().splitlines():
            self._add(subscriber, "platform", line.encode())
        for kind, text, timestamp_ms in self._history or ():
            self._add(subscriber, kind, _encoded(kind, text, timestamp_ms))

    def api_of(self, identifier: str) -> str | None:
        """The API that an extension is subscribed with. AWS lets nobody use both."""
        subscriber = self._subscribers.get(identifier)
        return None if subscriber is None else subscriber.subscription.api

    def close_subscriptions(self) -> None:
        """Init is over: nobody can subscribe any more."""
        self._history = None

    @property
    def open(self) -> bool:
        return self._history is not None and self._subscriptions < 2 * self._limits.extensions

    @property
    def subscribed(self) -> bool:
        """Whether anybody has."""
        return bool(self._subscribers)

    # -- events -------------------------------------------------------------------------------

    def begin(self, make: Callable[[], str]) -> None:
        """What makes the event that comes before all others: most feeds have nobody to hear it."""
        self._first = make

    def platform(self, lines: str) -> None:
        """Events of the platform, as JSON, one a line."""
        for line in lines.splitlines():
            self._publish("platform", line, 0)

    def log(self, kind: str, text: str, timestamp_ms: int) -> None:
        """A line that a function or an extension wrote."""
        self._publish(kind, text.rstrip("\n"), timestamp_ms)

    def flush(self) -> None:
        """The end is near: what there is goes out as soon as it can."""
        self._ending = True
        for subscriber in self._subscribers.values():
            self._send(subscriber)

    def _publish(self, kind: str, text: str, timestamp_ms: int) -> None:
        if self._history is not None:
            self._remember(self._history, kind, text, timestamp_ms)
        if self._subscribers:
            event = _encoded(kind, text, timestamp_ms)
            for subscriber in self._subscribers.values():
                self._add(subscriber, kind, event)

    def _remember(
        self, history: deque[tuple[str, str, int]], kind: str, text: str, timestamp_ms: int
    ) -> None:
        history.append((kind, text, timestamp_ms))
        self._history_bytes += _size(text)
        most_bytes = self._limits.telemetry_backlog_bytes
        while len(history) > _HISTORY_EVENTS or self._history_bytes > most_bytes:
            self._history_bytes -= _size(history.popleft()[1])

    def _add(self, subscriber: _Subscriber, kind: str, event: bytes) -> None:
        if kind in subscriber.subscription.types:
            subscriber.buffer.add(event, self._clock.monotonic_ns())
            self._schedule(subscriber)

    # -- delivery -----------------------------------------------------------------------------

    def close(self) -> None:
        """Deliver nothing more."""
        for subscriber in self._subscribers.values():
            subscriber.cancel()
        self._subscribers.clear()
        self._history = None

    def _schedule(self, subscriber: _Subscriber) -> None:
        due_ns = subscriber.buffer.due_ns
        if subscriber.delivery is not None or due_ns is None:
            return
        left_ns = due_ns - self._clock.monotonic_ns()
        if left_ns <= 0 or self._ending:
            self._send(subscriber)
        elif subscriber.timer is None:
            loop = asyncio.get_running_loop()
            subscriber.timer = loop.call_later(left_ns / 1e9, self._on_time, subscriber)

    def _on_time(self, subscriber: _Subscriber) -> None:
        subscriber.timer = None
        self._schedule(subscriber)

    def _send(self, subscriber: _Subscriber) -> None:
        if subscriber.delivery is not None or subscriber.buffer.due_ns is None:
            return
        batch = subscriber.buffer.take(self._clock.wall_ms())
        work = deliver(self._connect, subscriber.subscription, batch)
        subscriber.delivery = asyncio.ensure_future(work)
        subscriber.delivery.add_done_callback(lambda _: self._delivered(subscriber))

    def _delivered(self, subscriber: _Subscriber) -> None:
        subscriber.delivery = None
        if self._subscribers.get(subscriber.identifier) is subscriber:
            self._schedule(subscriber)


def _size(text: str) -> int:
    """What it takes in memory, at most."""
    return len(text) if text.isascii() else 4 * len(text)


def _encoded(kind: str, text: str, timestamp_ms: int) -> bytes:
    """An event; the platform's own are encoded already."""
    if kind == "platform":
        return text.encode()
    event = {"time": iso_time(timestamp_ms), "type": kind, "record": _record(text)}
    return json.dumps(event, separators=(",", ":")).encode()


def _record(text: str) -> object:
    """A function that logs JSON has its records as objects."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
