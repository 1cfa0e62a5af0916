"""A record on its way from a source to a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lambdad.core.value import Value


class Record(Value):
    """One message of a queue, one entry of a stream."""

    id: str
    """What a function names in `batchItemFailures`."""
    members: Mapping[str, object]
    """As filters see it, of JSON's types."""
    encoded: bytes
    """As the function gets it, JSON."""
    handle: str
    """With which the source is told what became of it."""
    trace_header: str = ""
    """X-Ray's, of the call that sent it; empty for none."""


def event_of(records: Sequence[Record]) -> bytes:
    """The payload of an invocation with these records."""
    return b'{"Records":[' + b",".join(record.encoded for record in records) + b"]}"
