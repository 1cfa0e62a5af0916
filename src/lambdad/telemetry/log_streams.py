"""Log streams in the database: functions over a Transaction."""

from __future__ import annotations

from lambdad.core.value import Value
from lambdad.storage.lane import Transaction
from lambdad.telemetry.log_groups import end_of_prefix, find_group
from lambdad.telemetry.log_records import GroupKey, LogStream, StreamExists, StreamMissing

_STREAM = (
    "SELECT id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, next_seq"
    " FROM log_streams"
)
_TIME = "COALESCE(last_event_ms, 0)"


class StreamListing(Value):
    """Which streams of a group, and in what order."""

    prefix: str = ""
    by_time: bool = False
    """By the time of the last event instead of by name; then there is no prefix."""
    descending: bool = False
    after: tuple[int, str] | None = None
    """Time of the last event, and name, of the stream that the page begins after."""
    limit: int = 50


def create_stream(tx: Transaction, key: GroupKey, name: str, now_ms: int) -> None:
    """Raises GroupMissing, StreamExists."""
    if add_stream(tx, find_group(tx, key).id, name, now_ms) is None:
        raise StreamExists


def add_stream(tx: Transaction, group_id: int, name: str, now_ms: int) -> LogStream | None:
    """The new stream, or None where there is one of that name."""
    rows = tx.execute(
        "INSERT INTO log_streams (group_id, name, created_ms) VALUES (?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (group_id, name, now_ms),
    )
    return LogStream(rows[0][0], name, now_ms, None, None, None, 0) if rows else None


def find_stream(tx: Transaction, group_id: int, name: str) -> LogStream:
    """Raises StreamMissing."""
    rows = tx.execute(f"{_STREAM} WHERE group_id = ? AND name = ?", (group_id, name))
    if not rows:
        raise StreamMissing
    return LogStream(*rows[0])


def delete_stream(tx: Transaction, key: GroupKey, name: str) -> None:
    """Remove a stream; its events go in the background. Raises GroupMissing, StreamMissing."""
    group = find_group(tx, key)
    stream = find_stream(tx, group.id, name)
    tx.execute(
        "UPDATE log_groups SET stored_bytes = stored_bytes -"
        " (SELECT stored_bytes FROM log_streams WHERE id = ?) WHERE id = ?",
        (stream.id, group.id),
    )
    tx.execute("INSERT INTO log_doomed_streams VALUES (?)", (stream.id,))
    tx.execute("DELETE FROM log_streams WHERE id = ?", (stream.id,))


def list_streams(tx: Transaction, group_id: int, listing: StreamListing) -> list[LogStream]:
    """One page of a listing."""
    sign, direction = ("<", "DESC") if listing.descending else (">", "ASC")
    parameters: list[object] = [group_id]
    if listing.by_time:
        where, order = "", f"{_TIME} {direction}, name {direction}"
        if listing.after is not None:
            where = f" AND ({_TIME}, name) {sign} (?, ?)"
            parameters += listing.after
    else:
        where, order = " AND name >= ? AND name < ?", f"name {direction}"
        parameters += (listing.prefix, end_of_prefix(listing.prefix))
        if listing.after is not None:
            where += f" AND name {sign} ?"
            parameters.append(listing.after[1])
    sql = f"{_STREAM} WHERE group_id = ?{where} ORDER BY {order} LIMIT ?"
    return [LogStream(*row) for row in tx.execute(sql, [*parameters, listing.limit])]


def streams_with_events(
    tx: Transaction, group_id: int, start_ms: int, end_ms: int, prefix: str
) -> list[LogStream]:
    """The streams that may hold events in a range of times."""
    rows = tx.execute(
        f"{_STREAM} WHERE group_id = ? AND {_TIME} >= ? AND first_event_ms < ?"
        " AND name >= ? AND name < ?",
        (group_id, start_ms, end_ms, prefix, end_of_prefix(prefix)),
    )
    return [LogStream(*row) for row in rows]
