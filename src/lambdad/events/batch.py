"""Gathering records into batches: how many, how long, how large. Pure, with time passed in.

Owns the three bounds of a batch and which records go together. May not receive, invoke or wait:
whoever drives it asks how many more records it may fetch and when the window closes.

Source: Lambda developer guide, "Batching behavior"; semantics §4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lambdad.core.value import Value
from lambdad.events.record import Record

Batch = Sequence[Record]
"""One or more records, in the order in which they came."""

_FRAME_BYTES = len(b'{"Records":[]}')


class BatchRules(Value):
    """When a batch is closed: at the first of these."""

    size: int
    """Records."""
    window_ms: int
    """Since its first record came; 0 means with whatever one look at the source found."""
    payload_bytes: int
    """Of the whole event."""


class Gathering:
    """The batch that is being filled."""

    def __init__(self, rules: BatchRules) -> None:
        self._rules = rules
        self._records: list[Record] = []
        self._bytes = _FRAME_BYTES
        self._closes_ms: int | None = None

    @property
    def room(self) -> int:
        """How many more records the batch takes; at least one."""
        return self._rules.size - len(self._records)

    @property
    def closes_ms(self) -> int | None:
        """When the window of what has been gathered ends; None while there is nothing."""
        return self._closes_ms

    def add(self, records: Iterable[Record], now_ms: int) -> list[Batch]:
        """Take records in their order; the batches that became full by it. A record that alone
        is larger than the bound is a batch of its own."""
        full: list[Batch] = []
        for record in records:
            share = len(record.encoded) + 1  # and a comma
            if self._records and self._bytes + share > self._rules.payload_bytes:
                full.append(self.take())
            if not self._records:
                self._closes_ms = now_ms + self._rules.window_ms
            self._records.append(record)
            self._bytes += share
            if len(self._records) >= self._rules.size:
                full.append(self.take())
        return full

    def due(self, now_ms: int) -> list[Batch]:
        """The batch whose window is over, if it is."""
        if self._closes_ms is None or now_ms < self._closes_ms:
            return []
        return [self.take()]

    def take(self) -> Batch:
        """Whatever has been gathered, and begin anew."""
        records, self._records = self._records, []
        self._bytes, self._closes_ms = _FRAME_BYTES, None
        return records
