"""What happens to received messages: the SQL of deleting, changing visibility and giving back.

Works inside a transaction of the lane. A receipt handle stands for one receive; the row keeps the
nonce of the latest.
"""

from __future__ import annotations

from collections.abc import Sequence

from lambdad.engines.queue.groups import regroup
from lambdad.engines.queue.receipts import Receipt
from lambdad.engines.queue.records import Queue, Receipted
from lambdad.engines.queue.storing import generation_of
from lambdad.engines.queue.taking import remove
from lambdad.storage.lane import Transaction

Parsed = Sequence[Receipt | Receipted]
"""Receipt handles as parsed, or why they stand for nothing here."""

_FIND = (
    "SELECT due_ms, receipt, received_ms, message_group FROM queue_messages "
    "WHERE seq = ? AND generation = ?"
)


def delete(tx: Transaction, queue: Queue, receipts: Parsed, now_ms: int) -> tuple[Receipted, ...]:
    generation = generation_of(tx, queue)
    remove_one = _delete_in_order if queue.settings.fifo else _delete
    return tuple(
        receipt if isinstance(receipt, Receipted) else remove_one(tx, generation, receipt, now_ms)
        for receipt in receipts
    )


def _delete(tx: Transaction, generation: int, receipt: Receipt, _now_ms: int) -> Receipted:
    gone = tx.execute(
        "DELETE FROM queue_messages WHERE seq = ? AND generation = ? AND receipt = ? RETURNING seq",
        (receipt.seq, generation, receipt.nonce),
    )
    if gone:
        tx.execute("DELETE FROM queue_bodies WHERE seq = ?", gone[0])
    return Receipted.DONE


def _delete_in_order(tx: Transaction, generation: int, receipt: Receipt, now_ms: int) -> Receipted:
    rows = tx.execute(_FIND, (receipt.seq, generation))
    if not rows:
        return Receipted.DONE
    due_ms, nonce, _, group = rows[0]
    if nonce != receipt.nonce or due_ms <= now_ms:
        return Receipted.EXPIRED
    remove(tx, receipt.seq)
    regroup(tx, generation, group, now_ms)
    return Receipted.DONE


def change(
    tx: Transaction,
    queue: Queue,
    changes: Sequence[tuple[Receipt | Receipted, int]],
    now_ms: int,
    longest_ms: int,
) -> tuple[Receipted, ...]:
    """Each receipt with the milliseconds from now until its message becomes visible."""
    generation = generation_of(tx, queue)
    outcomes = []
    for receipt, delay_ms in changes:
        if isinstance(receipt, Receipted):
            outcomes.append(receipt)
            continue
        rows = tx.execute(_FIND, (receipt.seq, generation))
        if not rows:
            outcomes.append(Receipted.GONE)
            continue
        due_ms, nonce, received_ms, group = rows[0]
        if nonce != receipt.nonce or due_ms <= now_ms:
            late = Receipted.EXPIRED if queue.settings.fifo else Receipted.NOT_IN_FLIGHT
            outcomes.append(late)
        elif now_ms + delay_ms > received_ms + longest_ms:
            outcomes.append(Receipted.TOO_LONG)
        else:
            tx.execute(
                "UPDATE queue_messages SET due_ms = ? WHERE seq = ?",
                (now_ms + delay_ms, receipt.seq),
            )
            if queue.settings.fifo:
                regroup(tx, generation, group, now_ms)
            outcomes.append(Receipted.DONE)
    return tuple(outcomes)


def give_back(tx: Transaction, queue: Queue, receipts: Sequence[Receipt], now_ms: int) -> None:
    """As if these had not been received: nobody has got them."""
    groups = set()
    for receipt in receipts:
        for generation, group in tx.execute(
            "UPDATE queue_messages SET due_ms = ?, receipt = 0, "
            "receive_count = receive_count - 1 WHERE seq = ? AND receipt = ? "
            "RETURNING generation, message_group",
            (now_ms, receipt.seq, receipt.nonce),
        ):
            groups.add((generation, group))
    if queue.settings.fifo:
        for generation, group in groups:
            regroup(tx, generation, group, now_ms)


def give_back_all(tx: Transaction, queue: Queue, now_ms: int) -> int:
    """Make a standard queue's messages in flight visible; how many messages it has."""
    generation = generation_of(tx, queue)
    tx.execute(
        "UPDATE queue_messages SET due_ms = ?, receipt = 0 WHERE generation = ? AND receipt <> 0",
        (now_ms, generation),
    )
    rows = tx.execute("SELECT COUNT(*) FROM queue_messages WHERE generation = ?", (generation,))
    return int(rows[0][0])


def put_back(tx: Transaction, receipt: Receipt, due_ms: int, attributes: bytes) -> None:
    """Its owner has seen a message of a standard queue and wants it again later, with another
    document."""
    gone = tx.execute(
        "UPDATE queue_messages SET due_ms = ?, receipt = 0 WHERE seq = ? AND receipt = ? "
        "RETURNING seq",
        (due_ms, receipt.seq, receipt.nonce),
    )
    if gone:
        tx.execute(
            "UPDATE queue_bodies SET attributes = ? WHERE seq = ?", (attributes, receipt.seq)
        )
