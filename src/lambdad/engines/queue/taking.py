"""Messages coming out: the SQL of receiving.

Works inside a transaction of the lane. A receive is committed before it is answered: group commit
makes that cheap, and so a message is invisible for its timeout also across a crash, and a message
that kills whoever receives it is counted each time and comes to rest in its dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Iterator
from secrets import randbits

import orjson

from lambdad.core.value import Struct, field
from lambdad.engines.queue.receipts import Receipt, to_handle
from lambdad.engines.queue.records import Message, Queue
from lambdad.engines.queue.storing import bury, from_text, generation_of
from lambdad.storage.lane import Row, Transaction

DROPPED_AT_ONCE = 1_000
"""Expired messages and dead letters that one receive puts away; then it answers with what it has,
so that no transaction is without a bound."""

COLUMNS = (
    "m.seq, m.due_ms, m.receive_count, m.receives_elsewhere, m.enqueued_ms, m.first_received_ms, "
    "m.message_id, m.message_group, m.deduplication_id, m.dead_letter_source, "
    "b.body, b.attributes, b.system"
)
_VISIBLE = (
    f"SELECT {COLUMNS} FROM queue_messages m JOIN queue_bodies b ON b.seq = m.seq "  # noqa: S608
    "WHERE m.generation = ? AND m.due_ms <= ? ORDER BY m.due_ms, m.seq LIMIT ? OFFSET ?"
)
_TAKE = (
    "UPDATE queue_messages SET due_ms = ?, receive_count = receive_count + 1, receipt = ?, "
    "received_ms = ?, first_received_ms = COALESCE(first_received_ms, ?) WHERE seq = ?"
)


class Take(Struct):
    """One receive: what is asked for, and what came of it."""

    queue: Queue
    dead_letters: Queue | None
    limit: int
    now_ms: int
    until_ms: int
    """The end of the visibility timeout."""
    messages: list[Message] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    buried: int = 0
    expired: int = 0
    next_due_ms: int | None = None
    """When something can be received next."""
    flying: int | None = None
    """Messages in flight before it, where they had to be counted."""

    @property
    def open(self) -> bool:
        return len(self.messages) < self.limit and self.buried + self.expired < DROPPED_AT_ONCE

    def admit(self, tx: Transaction, row: Row) -> bool:
        """Deliver the message, or put it away because its time or its receives are over."""
        seq, _, count, elsewhere, enqueued_ms = row[:5]
        if enqueued_ms + self.queue.settings.retention_s * 1000 <= self.now_ms:
            remove(tx, seq)
            self.expired += 1
            return False
        redrive = self.queue.settings.redrive
        if (
            redrive is not None
            and self.dead_letters is not None
            and count - elsewhere >= redrive.max_receive_count
            and bury(tx, seq, self.queue, self.dead_letters, self.now_ms)
        ):
            self.buried += 1
            return False
        self.deliver(row, Receipt(self.queue.id, seq, randbits(63) | 1), count + 1)
        return True

    def deliver(self, row: Row, receipt: Receipt, receive_count: int) -> None:
        self.receipts.append(receipt)
        self.messages.append(to_message(row, to_handle(receipt), receive_count, self.now_ms))

    def write(self, tx: Transaction) -> None:
        """Make what is delivered invisible."""
        now_ms, until_ms = self.now_ms, self.until_ms
        rows = [(until_ms, r.nonce, now_ms, now_ms, r.seq) for r in self.receipts]
        tx.executemany(_TAKE, rows)


def take(tx: Transaction, order: Take) -> Take:
    """Receive from a standard queue, longest visible first."""
    generation = generation_of(tx, order.queue)
    for row in _visible(tx, generation, order):
        order.admit(tx, row)
    order.write(tx)
    order.next_due_ms = tx.execute(
        "SELECT MIN(due_ms) FROM queue_messages WHERE generation = ?", (generation,)
    )[0][0]
    return order


def in_flight(tx: Transaction, queue: Queue, now_ms: int) -> int:
    """Counted: for when the bound may have been reached."""
    rows = tx.execute(
        "SELECT COUNT(*) FROM queue_messages "
        "WHERE generation = ? AND due_ms > ? AND receive_count > 0",
        (generation_of(tx, queue), now_ms),
    )
    return int(rows[0][0])


def remove(tx: Transaction, seq: int) -> None:
    tx.execute("DELETE FROM queue_messages WHERE seq = ?", (seq,))
    tx.execute("DELETE FROM queue_bodies WHERE seq = ?", (seq,))


def to_message(row: Row, handle: str, receive_count: int, received_ms: int | None) -> Message:
    """A message from its COLUMNS."""
    seq, _, _, _, enqueued_ms, first_ms, message_id, group, deduplication_id, source = row[:10]
    body, attributes, system = row[10:]
    return Message(
        message_id=message_id,
        receipt_handle=handle,
        body=body,
        attributes=attributes,
        system=orjson.loads(system),
        sequence=seq,
        sent_ms=enqueued_ms,
        first_received_ms=received_ms if first_ms is None else first_ms,
        receive_count=receive_count,
        group=group,
        deduplication_id=deduplication_id,
        dead_letter_source=from_text(source),
    )


def _visible(tx: Transaction, generation: int, order: Take) -> Iterator[Row]:
    """Visible messages, as long as the order is open. What was put away is gone from the table;
    what was delivered still stands in front."""
    while order.open:
        taken = len(order.messages)
        rows = tx.execute(_VISIBLE, (generation, order.now_ms, order.limit - taken, taken))
        if not rows:
            return
        yield from rows
