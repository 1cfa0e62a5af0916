"""What the log store holds, as values, and what can be wrong with a request to it."""

from __future__ import annotations

from typing import NamedTuple

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value

EVENT_OVERHEAD_BYTES = 26
"""What CloudWatch counts for each event besides its message."""
MAX_INTEGER = 1 << 62
"""No time, id or sequence number is beyond it; databases hold 63 bits."""
_SEQ_BITS = 72
_TIME_BITS = 144
_ID_DIGITS = 56


class GroupKey(NamedTuple):
    """The full name of a log group."""

    account: AccountId
    region: Region
    name: str


class StreamKey(NamedTuple):
    """The full name of a log stream."""

    group: GroupKey
    name: str


class LogGroup(Value):
    id: int
    key: GroupKey
    created_ms: int
    retention_days: int | None
    """None: kept for ever."""
    log_class: str
    """STANDARD, INFREQUENT_ACCESS, DELIVERY."""
    kms_key_id: str | None
    deletion_protection: bool
    stored_bytes: int


class NewGroup(Value):
    """What a group is created with."""

    log_class: str = "STANDARD"
    kms_key_id: str | None = None
    deletion_protection: bool = False
    tags: tuple[tuple[str, str], ...] = ()


class LogStream(Value):
    id: int
    name: str
    created_ms: int
    first_event_ms: int | None
    last_event_ms: int | None
    last_ingestion_ms: int | None
    next_seq: int


class Position(NamedTuple):
    """Where an event stands among all events of a lane: by time, then stream, then arrival."""

    timestamp_ms: int
    stream_id: int
    seq: int

    def event_id(self) -> str:
        """56 digits that sort like the positions; as in AWS, the time is their upper part."""
        number = self.timestamp_ms << _TIME_BITS | self.stream_id << _SEQ_BITS | self.seq
        return f"{number:0{_ID_DIGITS}d}"


def position_of(event_id: str) -> Position | None:
    """The position that an event id names, or None where it is none."""
    if len(event_id) != _ID_DIGITS or not (event_id.isascii() and event_id.isdigit()):
        return None
    number = int(event_id)
    mask = (1 << _SEQ_BITS) - 1
    position = Position(number >> _TIME_BITS, number >> _SEQ_BITS & mask, number & mask)
    return position if max(position) <= MAX_INTEGER else None


class LogEvent(NamedTuple):
    """One event as it was stored."""

    position: Position
    stream: str
    message: str
    ingestion_ms: int


class Line(NamedTuple):
    """One event on its way into the store."""

    stream: StreamKey
    timestamp_ms: int
    message: str


class TimeRange(Value):
    """Times in milliseconds; from `start_ms` on, before `end_ms`."""

    start_ms: int = 0
    end_ms: int = MAX_INTEGER


class LogStoreError(Exception):
    """A request that the store refuses."""


class GroupMissing(LogStoreError):
    pass


class GroupExists(LogStoreError):
    pass


class GroupProtected(LogStoreError):
    """Deletion protection is on."""


class StreamMissing(LogStoreError):
    pass


class StreamExists(LogStoreError):
    pass


class TooManyTags(LogStoreError):
    pass
