"""Looking at a queue without changing it: the SQL of counts and of peeking. On read snapshots."""

from __future__ import annotations

from lambdad.engines.queue.records import Counts, Message, Queue
from lambdad.engines.queue.storing import generation_of
from lambdad.engines.queue.taking import COLUMNS, to_message
from lambdad.storage.lane import Transaction

_FIRST = (
    f"SELECT {COLUMNS} FROM queue_messages m JOIN queue_bodies b ON b.seq = m.seq "  # noqa: S608
    "WHERE m.generation = ? ORDER BY m.enqueued_ms, m.seq LIMIT ?"
)


def count(tx: Transaction, queue: Queue, now_ms: int) -> Counts:
    generation = generation_of(tx, queue)
    visible = tx.execute(
        "SELECT COUNT(*) FROM queue_messages WHERE generation = ? AND due_ms <= ?",
        (generation, now_ms),
    )[0][0]
    flying, delayed = tx.execute(
        "SELECT COALESCE(SUM(receive_count > 0), 0), COALESCE(SUM(receive_count = 0), 0) "
        "FROM queue_messages WHERE generation = ? AND due_ms > ?",
        (generation, now_ms),
    )[0]
    return Counts(visible, flying, delayed)


def oldest_ms(tx: Transaction, queue: Queue) -> int | None:
    rows = tx.execute(
        "SELECT MIN(enqueued_ms) FROM queue_messages WHERE generation = ?",
        (generation_of(tx, queue),),
    )
    oldest: int | None = rows[0][0]
    return oldest


def peek(tx: Transaction, queue: Queue, limit: int) -> tuple[Message, ...]:
    rows = tx.execute(_FIRST, (generation_of(tx, queue), limit))
    return tuple(to_message(row, "", row[2], None) for row in rows)
