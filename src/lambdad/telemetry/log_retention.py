"""Removing events: those that a group no longer keeps, and those of deleted streams.

In small pieces, each a write of its own, so that other writers of the lane hardly wait.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from lambdad.storage.lane import Lane, Transaction
from lambdad.telemetry.log_admission import DAY_MS
from lambdad.telemetry.log_events import Place, keys
from lambdad.telemetry.log_records import EVENT_OVERHEAD_BYTES, MAX_INTEGER

EVENTS_AT_ONCE = 5_000
BYTES_AT_ONCE = 4 * 1024 * 1024
"""With the former, more than a batch of new lines has: what goes, goes faster than it comes."""
STREAMS_AT_ONCE = 500


class Expiry(NamedTuple):
    """A stream with events that are to go."""

    stream_id: int
    group_id: int
    before_ms: int


class Removed(NamedTuple):
    """A piece that is gone."""

    events: int
    stored_bytes: int
    more: bool
    """There may be another one."""


async def sweep(lane: Lane, now_ms: int) -> int:
    """Remove everything that is due; how many events that were."""
    removed = 0
    while doomed := await lane.read(doomed_streams):
        for stream_id in doomed:
            removed += await _drain(lane, partial(remove_doomed, stream_id=stream_id))
    while expiring := await lane.read(lambda tx: expiring_streams(tx, now_ms)):
        for expiry in expiring:
            removed += await _drain(lane, partial(remove_expired, expiry=expiry))
    return removed


async def _drain(lane: Lane, remove: Callable[[Transaction], Removed]) -> int:
    """Repeat a removal until it finds no more."""
    total = 0
    while True:
        removed = await lane.write(remove)
        total += removed.events
        if not removed.more:
            return total


def doomed_streams(tx: Transaction) -> list[int]:
    rows = tx.execute("SELECT stream_id FROM log_doomed_streams LIMIT ?", (STREAMS_AT_ONCE,))
    return [stream_id for (stream_id,) in rows]


def expiring_streams(tx: Transaction, now_ms: int) -> list[Expiry]:
    rows = tx.execute(
        "SELECT s.id, g.id, ? - g.retention_days * ? FROM log_groups g"
        " JOIN log_streams s ON s.group_id = g.id WHERE g.retention_days IS NOT NULL"
        " AND s.first_event_ms < ? - g.retention_days * ? LIMIT ?",
        (now_ms, DAY_MS, now_ms, DAY_MS, STREAMS_AT_ONCE),
    )
    return [Expiry(*row) for row in rows]


def remove_doomed(tx: Transaction, stream_id: int) -> Removed:
    """Remove a piece of a deleted stream; with the last one, the stream is forgotten."""
    removed = remove_before(tx, stream_id, Place(MAX_INTEGER, 0))
    if not removed.more:
        tx.execute("DELETE FROM log_doomed_streams WHERE stream_id = ?", (stream_id,))
    return removed


def remove_expired(tx: Transaction, expiry: Expiry) -> Removed:
    """Remove a piece of a stream's old events and bring its books up to date."""
    if not tx.execute("SELECT 1 FROM log_streams WHERE id = ?", (expiry.stream_id,)):
        return Removed(0, 0, False)  # deleted meanwhile, and its bytes with it
    removed = remove_before(tx, expiry.stream_id, Place(expiry.before_ms, -1))
    ends = [
        keys(tx, expiry.stream_id, Place(-1, 0), Place(MAX_INTEGER, 0), limit=1, descending=back)
        for back in (False, True)
    ]
    first, last = (found[0].timestamp_ms if found else None for found in ends)
    tx.execute(
        "UPDATE log_streams SET first_event_ms = ?, last_event_ms = ?,"
        " stored_bytes = stored_bytes - ? WHERE id = ?",
        (first, last, removed.stored_bytes, expiry.stream_id),
    )
    tx.execute(
        "UPDATE log_groups SET stored_bytes = stored_bytes - ? WHERE id = ?",
        (removed.stored_bytes, expiry.group_id),
    )
    return removed


def remove_before(tx: Transaction, stream_id: int, end: Place) -> Removed:
    """Remove the first events before a place, as many as one piece may have."""
    found = keys(tx, stream_id, Place(-1, 0), end, limit=EVENTS_AT_ONCE, descending=False)
    size = count = 0
    for key in found:
        count += 1
        size += key.message_bytes + EVENT_OVERHEAD_BYTES
        if size > BYTES_AT_ONCE:
            break
    if count:
        last = found[count - 1]
        tx.execute(
            "DELETE FROM log_events WHERE stream_id = ? AND (timestamp_ms, seq) <= (?, ?)",
            (stream_id, last.timestamp_ms, last.seq),
        )
    return Removed(count, size, more=count < len(found) or len(found) == EVENTS_AT_ONCE)
