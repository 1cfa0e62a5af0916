"""FIFO: a receive that is repeated under its attempt id gets what it got before.

Works inside a transaction of the lane. Source: ReceiveMessage, `ReceiveRequestAttemptId`: for 5
minutes, as long as no message of it was deleted or had its visibility changed, and while they are
in flight; the repetition begins the visibility timeout anew.
"""

from __future__ import annotations

import orjson

from lambdad.engines.queue.groups import regroup, take_in_order
from lambdad.engines.queue.receipts import Receipt
from lambdad.engines.queue.storing import generation_of
from lambdad.engines.queue.taking import COLUMNS, Take
from lambdad.storage.lane import Row, Transaction

_TAKEN = (
    f"SELECT {COLUMNS} FROM queue_messages m JOIN queue_bodies b ON b.seq = m.seq "  # noqa: S608
    "WHERE m.seq = ? AND m.generation = ? AND m.receipt = ? AND m.due_ms = ?"
)


def take_again(tx: Transaction, order: Take, attempt_id: str, memory_ms: int) -> Take:
    """Receive from a FIFO queue, or repeat the receive of that attempt."""
    generation = generation_of(tx, order.queue)
    rows = _earlier(tx, generation, attempt_id, order.now_ms)
    if rows:
        _repeat(tx, generation, rows, order)
    else:
        take_in_order(tx, order)
    taken = [(receipt.seq, receipt.nonce, order.until_ms) for receipt in order.receipts]
    tx.execute(
        "INSERT INTO queue_attempts VALUES (?, ?, ?, ?) "
        "ON CONFLICT (generation, attempt_id) DO UPDATE SET "
        "taken = excluded.taken, expires_ms = excluded.expires_ms",
        (generation, attempt_id, orjson.dumps(taken).decode(), order.now_ms + memory_ms),
    )
    return order


def _earlier(
    tx: Transaction, generation: int, attempt_id: str, now_ms: int
) -> list[tuple[Row, int]]:
    """The messages of that attempt and their nonces; none if it cannot be repeated."""
    known = tx.execute(
        "SELECT taken FROM queue_attempts "
        "WHERE generation = ? AND attempt_id = ? AND expires_ms > ?",
        (generation, attempt_id, now_ms),
    )
    found: list[tuple[Row, int]] = []
    for seq, nonce, due_ms in orjson.loads(known[0][0]) if known else ():
        rows = tx.execute(_TAKEN, (seq, generation, nonce, due_ms))
        if not rows or due_ms <= now_ms:
            return []
        found.append((rows[0], nonce))
    return found


def _repeat(tx: Transaction, generation: int, rows: list[tuple[Row, int]], order: Take) -> None:
    groups = set()
    for row, nonce in rows:
        seq, count, group = row[0], row[2], row[7]
        order.deliver(row, Receipt(order.queue.id, seq, nonce), count)
        tx.execute("UPDATE queue_messages SET due_ms = ? WHERE seq = ?", (order.until_ms, seq))
        groups.add(group)
    for group in groups:
        regroup(tx, generation, group, order.now_ms)
    order.next_due_ms = order.now_ms  # not looked for: the next receive finds out
