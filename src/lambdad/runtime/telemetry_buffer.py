"""Telemetry on its way to one subscriber: batches, and what happens to one that is behind. Pure.

A batch is due when it is full or its first event old enough. What a subscriber does not take is
kept up to a bound; past it events are dropped, counted, and reported as platform.logsDropped.
"""

from __future__ import annotations

from collections import deque

from lambdad.runtime.platform_events import event_line
from lambdad.runtime.telemetry_subscription import Subscription

_REASONS = {
    "Telemetry": "Some logs were dropped because the downstream consumer is slower than the logs "
    "production rate",
    "Logs": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
}
"""By API, as their documents have it."""


class TelemetryBuffer:
    """Events of one subscription, each as JSON."""

    def __init__(self, subscription: Subscription, backlog_bytes: int) -> None:
        self._subscription = subscription
        self._backlog_bytes = max(backlog_bytes, subscription.max_bytes)
        self._events: deque[tuple[int, bytes]] = deque()
        """When it came (monotonic), and the event."""
        self._bytes = 0
        self._dropped = [0, 0]

    @property
    def due_ns(self) -> int | None:
        """From when on there is a batch to take (monotonic); None while there is nothing."""
        if not self._events:
            return None
        full = len(self._events) >= self._subscription.max_items
        if full or self._bytes >= self._subscription.max_bytes:
            return 0
        return self._events[0][0] + self._subscription.timeout_ms * 1_000_000

    def add(self, event: bytes, now_ns: int) -> None:
        if self._bytes + len(event) > self._backlog_bytes:
            self._dropped[0] += 1
            self._dropped[1] += len(event)
            return
        self._events.append((now_ns, event))
        self._bytes += len(event)

    def take(self, now_ms: int) -> bytes:
        """The next batch, as its subscriber gets it: a JSON array, or a line per event by TCP.
        Always at least one event where there is one, and never more than the subscription says."""
        subscription, taken, size = self._subscription, [], 0
        if self._dropped[0]:
            taken.append(self._report(now_ms))
        while self._events and len(taken) < subscription.max_items:
            event = self._events[0][1]
            if taken and size + len(event) > subscription.max_bytes:
                break
            self._events.popleft()
            size += len(event)
            taken.append(event)
        self._bytes -= size
        if subscription.protocol == "TCP":
            return b"".join(event + b"\n" for event in taken)
        return b"[" + b",".join(taken) + b"]"

    def _report(self, now_ms: int) -> bytes:
        records, size = self._dropped
        self._dropped = [0, 0]
        reason = _REASONS[self._subscription.api]
        record = {"reason": reason, "droppedRecords": records, "droppedBytes": size}
        return event_line(now_ms, "platform.logsDropped", record).rstrip().encode()
