"""Log events in the database: writing them, and reading one stream's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from lambdad.storage.lane import Transaction
from lambdad.telemetry.log_groups import create_group, find_group
from lambdad.telemetry.log_records import (
    EVENT_OVERHEAD_BYTES,
    GroupKey,
    GroupMissing,
    Line,
    LogEvent,
    LogStream,
    NewGroup,
    Position,
    StreamKey,
    StreamMissing,
)
from lambdad.telemetry.log_streams import add_stream, find_stream

_KEYS = (
    "SELECT timestamp_ms, seq, octet_length(message) FROM log_events WHERE stream_id = ?"
    " AND (timestamp_ms, seq) > (?, ?) AND (timestamp_ms, seq) < (?, ?)"
)


class Place(NamedTuple):
    """A point between the events of one stream; bounds exclude it."""

    timestamp_ms: int
    seq: int


class Key(NamedTuple):
    """An event without its message."""

    timestamp_ms: int
    seq: int
    message_bytes: int


def store_lines(tx: Transaction, lines: Iterable[Line], now_ms: int) -> None:
    """Write the platform's lines; groups and streams that are not there are made."""
    by_stream: dict[StreamKey, list[tuple[int, str]]] = {}
    for line in lines:
        by_stream.setdefault(line.stream, []).append((line.timestamp_ms, line.message))
    for key, events in by_stream.items():
        group_id = _group_id(tx, key.group, now_ms)
        try:
            stream = find_stream(tx, group_id, key.name)
        except StreamMissing:
            added = add_stream(tx, group_id, key.name, now_ms)
            assert added is not None
            stream = added
        store_events(tx, group_id, stream, events, now_ms)


def store_events(
    tx: Transaction,
    group_id: int,
    stream: LogStream,
    events: Sequence[tuple[int, str]],
    now_ms: int,
) -> int:
    """Write events (time, message) of one stream; the stream's next sequence number."""
    if not events:
        return stream.next_seq
    rows, size = [], 0
    for timestamp_ms, message in events:
        text, text_bytes = storable(message)
        rows.append((timestamp_ms, text))
        size += text_bytes + EVENT_OVERHEAD_BYTES
    # One statement: with one a row this thread would take the interpreter from the event loop
    # once a row.
    tx.execute(
        "INSERT INTO log_events (stream_id, timestamp_ms, seq, ingestion_ms, message)"
        " SELECT ?, value ->> 0, ? + key, ?, value ->> 1 FROM json_each(?)",
        (stream.id, stream.next_seq, now_ms, orjson.dumps(rows).decode()),
    )
    times = [timestamp_ms for timestamp_ms, _ in events]
    first, last = min(times), max(times)
    if stream.first_event_ms is not None and stream.last_event_ms is not None:
        first, last = min(first, stream.first_event_ms), max(last, stream.last_event_ms)
    next_seq = stream.next_seq + len(events)
    tx.execute(
        "UPDATE log_streams SET first_event_ms = ?, last_event_ms = ?, last_ingestion_ms = ?,"
        " next_seq = ?, stored_bytes = stored_bytes + ? WHERE id = ?",
        (first, last, now_ms, next_seq, size, stream.id),
    )
    tx.execute(
        "UPDATE log_groups SET stored_bytes = stored_bytes + ? WHERE id = ?", (size, group_id)
    )
    return next_seq


def keys(
    tx: Transaction, stream_id: int, low: Place, high: Place, *, limit: int, descending: bool
) -> list[Key]:
    """The first events between two places, in time order or back from the later end."""
    order = "timestamp_ms DESC, seq DESC" if descending else "timestamp_ms, seq"
    rows = tx.execute(f"{_KEYS} ORDER BY {order} LIMIT ?", (stream_id, *low, *high, limit))
    return [*map(Key._make, rows)]


def load(tx: Transaction, stream: LogStream, first: Key, last: Key) -> list[LogEvent]:
    """The events from one key to another, both included, in time order."""
    rows = tx.execute(
        "SELECT timestamp_ms, seq, message, ingestion_ms FROM log_events WHERE stream_id = ?"
        " AND (timestamp_ms, seq) >= (?, ?) AND (timestamp_ms, seq) <= (?, ?)"
        " ORDER BY timestamp_ms, seq",
        (stream.id, first.timestamp_ms, first.seq, last.timestamp_ms, last.seq),
    )
    return [
        LogEvent(Position(timestamp_ms, stream.id, seq), stream.name, message, ingestion_ms)
        for timestamp_ms, seq, message, ingestion_ms in rows
    ]


def storable(message: str) -> tuple[str, int]:
    """The message as it can be stored, and its bytes: half a surrogate pair has no UTF-8."""
    if message.isascii():
        return message, len(message)
    try:
        return message, len(message.encode())
    except UnicodeEncodeError:
        data = message.encode(errors="replace")
        return data.decode(), len(data)


def _group_id(tx: Transaction, key: GroupKey, now_ms: int) -> int:
    try:
        return find_group(tx, key).id
    except GroupMissing:
        return create_group(tx, key, NewGroup(), now_ms)
