"""The seam of event sources that are queues: what a poller needs of one.

A source of this kind holds messages that stand alone: each is read, held for a while, and either
told to be done or comes back by itself. Sources with shards and checkpoints get a seam of their
own. One module per kind in `sources/`; what every one of them must do shows
`tests/conformance/event_source`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lambdad.core.errors import AwsError
from lambdad.core.value import Value
from lambdad.events.filter import DataKey
from lambdad.events.mapping import EventSourceMapping
from lambdad.events.record import Record
from lambdad.functions.snapshot import FunctionVersion


class SourceUnavailable(AwsError):
    """The source cannot be read now; the message says why, in AWS's words."""


class Received(Value):
    """What one look at a source found."""

    records: Sequence[Record]
    held_until_ms: int
    """When those that are not done come back by themselves (wall time)."""


class Wanted(Value):
    """How much to read, and for how long to hold it."""

    most: int
    """Records."""
    hold_s: int
    """At least; the source's own time where that is longer."""


class Reader(Protocol):
    """One mapping's access to what it reads."""

    @property
    def ordered(self) -> bool:
        """Whether records of one look may only run as one batch, so that their order holds."""
        ...

    async def receive(self, wanted: Wanted) -> Received:
        """The records that are there now, invisible to others meanwhile. Raises
        SourceUnavailable, and what storage raises."""
        ...

    async def next(self, wanted: Callable[[], Wanted | None]) -> Received | None:
        """Wait for what arrives, and read as much of it as `wanted` says at that moment. None
        where there may be something that has to be looked for, and where `wanted` said None. Costs
        nothing while it waits. Cancelled: what was read meanwhile comes again at once. Raises
        SourceUnavailable."""
        ...

    async def done(self, records: Sequence[Record]) -> None:
        """They never come again; durable when this returns. Raises what storage raises."""
        ...

    async def give_back(self, records: Sequence[Record]) -> None:
        """They come again at once."""
        ...


class Source(Protocol):
    """A kind of source."""

    @property
    def data(self) -> DataKey:
        """Where its records hold what was sent."""
        ...

    def check(self, arn: str, target: FunctionVersion) -> None:
        """Whether a mapping to this function can work: the source is there, fits the function's
        timeout, and the execution role may read it. Raises SourceUnavailable."""
        ...

    def may_read(self, arn: str, target: FunctionVersion) -> None:
        """Whether the execution role may read it now: asked before every look. Raises
        SourceUnavailable."""
        ...

    def open(self, mapping: EventSourceMapping) -> Reader:
        """Access for a poller."""
        ...
