"""Messages going in: the SQL of sending, of dead letters and of moving.

Works inside a transaction of the lane and keeps nothing itself. Everything here first asks for the
queue's generation, so that the lane's order alone decides what a purge or a deletion takes along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from secrets import randbits

import orjson

from lambdad.core.ids import new_uuid
from lambdad.core.value import Value
from lambdad.engines.queue.errors import QueueMissing
from lambdad.engines.queue.receipts import Receipt
from lambdad.engines.queue.records import GROUP_SCOPE, NewMessage, Queue, QueueKey, Sent
from lambdad.storage.lane import Transaction

_INSERT = """INSERT INTO queue_messages
    (generation, due_ms, enqueued_ms, message_id, message_group, deduplication_id,
     receipt, receive_count, received_ms, first_received_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq"""

_COLUMNS = (
    "generation, due_ms, enqueued_ms, receive_count, receives_elsewhere, receipt, received_ms, "
    "first_received_ms, message_id, message_group, deduplication_id, dead_letter_source"
)
_COPY = (
    f"INSERT INTO queue_messages ({_COLUMNS}) "  # noqa: S608
    f"SELECT {_COLUMNS} FROM queue_messages WHERE seq = ?"
)
_ADD_GROUP = (
    "INSERT INTO queue_groups (generation, message_group, due_ms) VALUES (?, ?, ?) "
    "ON CONFLICT (generation, message_group) DO NOTHING"
)


class Entry(Value):
    """One message's row, before it has a sequence number."""

    generation: int
    due_ms: int
    enqueued_ms: int
    message_id: str
    group: str | None = None
    deduplication_id: str | None = None
    nonce: int = 0
    """Of the receipt, where the sender takes the message at once."""


def generation_of(tx: Transaction, queue: Queue) -> int:
    """What the queue's messages belong to now. Raises QueueMissing."""
    rows = tx.execute("SELECT generation FROM queue_queues WHERE id = ?", (queue.id,))
    if not rows:
        raise QueueMissing(queue.key)
    return int(rows[0][0])


def insert(tx: Transaction, entry: Entry, *, fifo: bool) -> int:
    """Add the row; its sequence number. The body is the caller's."""
    received_ms = entry.enqueued_ms if entry.nonce else None
    row = (
        entry.generation,
        entry.due_ms,
        entry.enqueued_ms,
        entry.message_id,
        entry.group,
        entry.deduplication_id,
        entry.nonce,
        1 if entry.nonce else 0,
        received_ms,
        received_ms,
    )
    seq = int(tx.execute(_INSERT, row)[0][0])
    if fifo:
        tx.execute(_ADD_GROUP, (entry.generation, entry.group, entry.due_ms))
    return seq


def insert_body(tx: Transaction, seq: int, message: NewMessage) -> None:
    tx.execute(
        "INSERT INTO queue_bodies VALUES (?, ?, ?, ?)",
        (seq, message.body, message.attributes, _document(message.system)),
    )


def store(
    tx: Transaction, queue: Queue, messages: Sequence[NewMessage], now_ms: int, memory_ms: int
) -> tuple[Sent, ...]:
    """Send. `memory_ms`: how long a FIFO queue knows a deduplication id."""
    generation = generation_of(tx, queue)
    delay_s, fifo = queue.settings.delay_s, queue.settings.fifo
    sent = []
    for message in messages:
        known = _Known.of(generation, queue, message) if fifo else None
        duplicate = known.find(tx, now_ms) if known else None
        if duplicate is not None:
            sent.append(duplicate)
            continue
        own_delay_s = delay_s if fifo or message.delay_s is None else message.delay_s
        due_ms, message_id = now_ms + own_delay_s * 1000, new_uuid()
        deduplication_id = known.deduplication_id if known else message.deduplication_id
        entry = Entry(generation, due_ms, now_ms, message_id, message.group, deduplication_id)
        seq = insert(tx, entry, fifo=fifo)
        insert_body(tx, seq, message)
        if known:
            known.remember(tx, message_id, seq, now_ms + memory_ms)
        sent.append(Sent(message_id, seq))
    return tuple(sent)


def store_taken(
    tx: Transaction, queue: Queue, message: NewMessage, now_ms: int, until_ms: int
) -> Receipt:
    """Send to a standard queue and receive in one step."""
    nonce = randbits(63) | 1
    entry = Entry(generation_of(tx, queue), until_ms, now_ms, new_uuid(), nonce=nonce)
    seq = insert(tx, entry, fifo=False)
    insert_body(tx, seq, message)
    return Receipt(queue.id, seq, nonce)


def bury(tx: Transaction, seq: int, source: Queue, target: Queue, now_ms: int) -> bool:
    """Move a message to the dead-letter queue, which keeps its id. False where there is none.

    A standard queue's keeps the time of sending; a FIFO queue's begins anew, behind what is there,
    and has the message id as its deduplication id ("Setting-up dead-letter queue retention",
    "Learn how to configure a dead-letter queue redrive", SQS developer guide)."""
    rows = tx.execute("SELECT generation FROM queue_queues WHERE id = ?", (target.id,))
    if not rows:
        return False
    (generation,) = rows[0]
    tx.execute(
        "UPDATE queue_messages SET generation = ?, due_ms = ?, receipt = 0, "
        "receives_elsewhere = receive_count, dead_letter_source = ? WHERE seq = ?",
        (generation, now_ms, to_text(source.key), seq),
    )
    if target.settings.fifo:
        tx.execute(
            "UPDATE queue_messages SET enqueued_ms = ?, deduplication_id = message_id "
            "WHERE seq = ?",
            (now_ms, seq),
        )
        _to_the_end(tx, seq)
    return True


def renew(tx: Transaction, seq: int, target: Queue, now_ms: int) -> None:
    """Move a message to the end of another queue as a new one: new id, new time. Raises
    QueueMissing."""
    tx.execute(
        "UPDATE queue_messages SET generation = ?, due_ms = ?, enqueued_ms = ?, message_id = ?, "
        "receipt = 0, receive_count = 0, receives_elsewhere = 0, received_ms = NULL, "
        "first_received_ms = NULL, dead_letter_source = NULL WHERE seq = ?",
        (generation_of(tx, target), now_ms, now_ms, new_uuid(), seq),
    )
    if target.settings.fifo:
        _to_the_end(tx, seq)


def _to_the_end(tx: Transaction, seq: int) -> None:
    """Give a message of a FIFO queue a new sequence number, and its group a row."""
    rows = tx.execute(f"{_COPY} RETURNING seq, generation, message_group, due_ms", (seq,))
    new_seq, generation, group, due_ms = rows[0]
    tx.execute("DELETE FROM queue_messages WHERE seq = ?", (seq,))
    tx.execute("UPDATE queue_bodies SET seq = ? WHERE seq = ?", (new_seq, seq))
    tx.execute(_ADD_GROUP, (generation, group, due_ms))


def to_text(key: QueueKey) -> str:
    """A key as the tables keep it."""
    return orjson.dumps(list(key)).decode()


def from_text(text: str | None) -> QueueKey | None:
    return None if text is None else QueueKey(*orjson.loads(text))


def _document(system: Mapping[str, str]) -> bytes:
    return orjson.dumps(dict(system)) if system else b"{}"


class _Known(Value):
    """A FIFO queue's memory of one deduplication id."""

    generation: int
    scope: str
    deduplication_id: str

    @classmethod
    def of(cls, generation: int, queue: Queue, message: NewMessage) -> _Known:
        by_group = queue.settings.deduplication_scope == GROUP_SCOPE
        own = message.deduplication_id
        if own is None and queue.settings.content_based_deduplication:
            own = sha256(message.body).hexdigest()
        if own is None or message.group is None:
            raise ValueError("a FIFO queue's message needs a group and a deduplication id")
        return cls(generation, message.group if by_group else "", own)

    def find(self, tx: Transaction, now_ms: int) -> Sent | None:
        """The message that had this id within the last 5 minutes, deleted or not."""
        rows = tx.execute(
            "SELECT message_id, seq FROM queue_deduplication WHERE generation = ? AND scope = ? "
            "AND deduplication_id = ? AND expires_ms > ?",
            (self.generation, self.scope, self.deduplication_id, now_ms),
        )
        return Sent(rows[0][0], rows[0][1], duplicate=True) if rows else None

    def remember(self, tx: Transaction, message_id: str, seq: int, expires_ms: int) -> None:
        tx.execute(
            "INSERT INTO queue_deduplication VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (generation, scope, deduplication_id) DO UPDATE SET "
            "message_id = excluded.message_id, seq = excluded.seq, "
            "expires_ms = excluded.expires_ms",
            (self.generation, self.scope, self.deduplication_id, message_id, seq, expires_ms),
        )
