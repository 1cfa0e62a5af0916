"""A queue-like event source in memory, and ways to look at what a mapping did with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import orjson

from lambdad.core.clock import Clock, ManualClock
from lambdad.events.filter import DataKey
from lambdad.events.mapping import EventSourceMapping
from lambdad.events.record import Record
from lambdad.events.source import Received, SourceUnavailable, Wanted
from lambdad.functions.snapshot import FunctionVersion

HELD_MS = 30_000


def record(name: str, body: str = "", trace_header: str = "") -> Record:
    members = {"messageId": name, "body": body}
    return Record(name, members, orjson.dumps(members), f"handle-{name}", trace_header)


class FakeSource:
    """Every ARN is one queue; what is read stays held until it is done or given back."""

    data = DataKey("body")

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or ManualClock()
        self.refusal: str | None = None
        """Why it cannot be read."""
        self.ordered = False
        self.hands_over = False
        """Whether who stands by is handed what arrives, and need not look."""
        self.waiting: list[Record] = []
        self.held: list[Record] = []
        self.deleted: list[str] = []
        self.looks = 0
        self.holds: list[int] = []
        self._arrived = asyncio.Event()

    def put(self, *records: Record) -> None:
        self.waiting += records
        self._arrived.set()

    def come_back(self) -> None:
        """As if the time for which records are held were over."""
        self.waiting, self.held = self.held + self.waiting, []
        self._arrived.set()

    # Source.

    def check(self, arn: str, target: FunctionVersion) -> None:
        self.may_read(arn, target)

    def may_read(self, arn: str, target: FunctionVersion) -> None:
        if self.refusal is not None:
            raise SourceUnavailable(self.refusal)

    def open(self, mapping: EventSourceMapping) -> FakeSource:
        return self

    # Reader.

    async def receive(self, wanted: Wanted) -> Received:
        self.looks += 1
        return self._read(wanted)

    async def next(self, wanted: Callable[[], Wanted | None]) -> Received | None:
        await self._arrived.wait()
        terms = wanted() if self.hands_over else None
        return None if terms is None else self._read(terms)

    def _read(self, wanted: Wanted) -> Received:
        self.holds.append(wanted.hold_s)
        found, self.waiting = self.waiting[: wanted.most], self.waiting[wanted.most :]
        self.held += found
        if not self.waiting:
            self._arrived.clear()
        return Received(found, self._clock.wall_ms() + HELD_MS)

    async def done(self, records: Sequence[Record]) -> None:
        self.deleted += [each.id for each in records]
        gone = {each.id for each in records}
        self.held = [each for each in self.held if each.id not in gone]

    async def give_back(self, records: Sequence[Record]) -> None:
        back = {each.id for each in records}
        self.waiting += [each for each in self.held if each.id in back]
        self.held = [each for each in self.held if each.id not in back]
        self._arrived.set()
