"""The telemetry of one environment, to the extensions that subscribed to it.

Owns: which events there are for whom, and when a batch goes out. How it gets there is
telemetry_delivery.py's. May not: know what the events mean.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.core.value import Struct
from lambdad.runtime.telemetry_buffer import TelemetryBuffer
from lambdad.runtime.telemetry_delivery import Connect, deliver
from lambdad.runtime.telemetry_events import EventLines, Tell
from lambdad.runtime.telemetry_subscription import Subscription

_HISTORY_EVENTS = 1_000
"""Of the init phase, for who subscribes during it."""
_EVENT_BYTES = 512
"""What an event of the platform's own takes in memory, about."""


class _Event(NamedTuple):
    """One that is kept: it takes its shape when somebody wants it."""

    kind: str
    tell: Tell
    size: int


class _Subscriber(Struct, eq=False):
    identifier: str
    subscription: Subscription
    lines: EventLines
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
        self.on_subscribed: Callable[[str, Subscription], None] = lambda name, subscription: None
        """Told of the extension and what it gets."""
        self.lines_for: Callable[[Subscription], EventLines] | None = None
        """Makes what makes a subscriber's events; without it nobody can subscribe."""
        self._first: Tell = lambda lines: ""
        self._subscribers: dict[str, _Subscriber] = {}
        """By identifier."""
        self._history: deque[_Event] | None = deque()
        self._history_bytes = 0
        self._subscriptions = 0
        self._ending = False

    def subscribe(self, identifier: str, subscription: Subscription) -> None:
        """From the start of init on. An extension's later subscription takes the place of its
        earlier one. Only where it is `open`."""
        assert self.lines_for is not None
        self._subscriptions += 1
        if (earlier := self._subscribers.pop(identifier, None)) is not None:
            earlier.cancel()
        buffer = TelemetryBuffer(subscription, self._limits.telemetry_backlog_bytes)
        lines = self.lines_for(subscription)
        subscriber = _Subscriber(identifier, subscription, lines, buffer)
        self._subscribers[identifier] = subscriber
        self._add(subscriber, "platform", self._first)
        for event in self._history or ():
            self._add(subscriber, event.kind, event.tell)

    def api_of(self, identifier: str) -> str | None:
        """The API that an extension is subscribed with. AWS lets nobody use both."""
        subscriber = self._subscribers.get(identifier)
        return None if subscriber is None else subscriber.subscription.api

    def close_subscriptions(self) -> None:
        """Init is over: nobody can subscribe any more."""
        self._history = None

    @property
    def open(self) -> bool:
        if self._history is None or self.lines_for is None:
            return False
        return self._subscriptions < 2 * self._limits.extensions

    @property
    def subscribed(self) -> bool:
        """Whether anybody has."""
        return bool(self._subscribers)

    # -- events -------------------------------------------------------------------------------

    def begin(self, tell: Tell) -> None:
        """The event that comes before all others."""
        self._first = tell

    def platform(self, tell: Tell) -> None:
        """An event of the platform."""
        self._publish(_Event("platform", tell, _EVENT_BYTES))

    def log(self, kind: str, text: str, timestamp_ms: int) -> None:
        """A line that a function or an extension wrote."""

        def tell(lines: EventLines) -> str:
            return lines.logged(timestamp_ms, kind, text)

        self._publish(_Event(kind, tell, _EVENT_BYTES + _size(text)))

    def flush(self) -> None:
        """The end is near: what there is goes out as soon as it can."""
        self._ending = True
        for subscriber in self._subscribers.values():
            self._send(subscriber)

    def _publish(self, event: _Event) -> None:
        if self._history is not None:
            self._remember(self._history, event)
        for subscriber in self._subscribers.values():
            self._add(subscriber, event.kind, event.tell)

    def _remember(self, history: deque[_Event], event: _Event) -> None:
        history.append(event)
        self._history_bytes += event.size
        most_bytes = self._limits.telemetry_backlog_bytes
        while len(history) > _HISTORY_EVENTS or self._history_bytes > most_bytes:
            self._history_bytes -= history.popleft().size

    def _add(self, subscriber: _Subscriber, kind: str, tell: Tell) -> None:
        if kind not in subscriber.subscription.types:
            return
        for line in tell(subscriber.lines).splitlines():
            subscriber.buffer.add(line.encode(), self._clock.monotonic_ns())
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
