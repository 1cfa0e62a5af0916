"""FIFO: the order within message groups, and repeated receives.

Works inside a transaction of the lane. A group may be received from when none of its messages is
in flight; its row in `queue_groups` says since or until when. Only messages of one receive are
ever in flight together, and the messages that were received here are the group's first: so looking
at those tells all, however deep the group is.
"""

from __future__ import annotations

from lambdad.engines.queue.records import Queue
from lambdad.engines.queue.storing import generation_of
from lambdad.engines.queue.taking import COLUMNS, Take
from lambdad.storage.lane import Transaction

_GROUPS = (
    "SELECT message_group FROM queue_groups WHERE generation = ? AND due_ms <= ? "
    "ORDER BY due_ms, id LIMIT ?"
)
_MEMBERS = (
    f"SELECT {COLUMNS} FROM queue_messages m JOIN queue_bodies b ON b.seq = m.seq "  # noqa: S608
    "WHERE m.generation = ? AND m.message_group = ? ORDER BY m.seq LIMIT ?"
)

_FIRST = (
    "SELECT due_ms, receive_count > receives_elsewhere FROM queue_messages "
    "WHERE generation = ? AND message_group = ? ORDER BY seq LIMIT ? OFFSET ?"
)
_LONGEST_DELAY_MS = 900_000
_LOOK = 11
"""Messages looked at first: a receive of SQS's has up to 10."""


def take_in_order(tx: Transaction, order: Take) -> Take:
    """Receive from a FIFO queue: of the groups that have waited longest, as many messages of each
    as there are."""
    generation = generation_of(tx, order.queue)
    touched: set[str] = set()
    while order.open:
        rows = tx.execute(_GROUPS, (generation, order.now_ms, order.limit + len(touched)))
        groups = [group for (group,) in rows if group not in touched]
        if not groups:
            break
        for group in groups:
            touched.add(group)
            _take_group(tx, generation, group, order)
    order.write(tx)
    for group in touched:
        regroup(tx, generation, group, order.now_ms)
    order.next_due_ms = tx.execute(
        "SELECT MIN(due_ms) FROM queue_groups WHERE generation = ?", (generation,)
    )[0][0]
    return order


def _take_group(tx: Transaction, generation: int, group: str, order: Take) -> None:
    taken = 0
    while order.open:
        rows = tx.execute(_MEMBERS, (generation, group, taken + order.limit))[taken:]
        if not rows:
            return
        for row in rows:
            if row[1] > order.now_ms or not order.open:  # delayed, and so is what follows
                return
            taken += order.admit(tx, row)


def regroup(tx: Transaction, generation: int, group: str, now_ms: int) -> None:
    """Set when the group may be received from, after its messages have changed; an empty one is
    forgotten."""
    first_ms, blocked_ms = _state(tx, generation, group, now_ms)
    if first_ms is None:
        tx.execute(
            "DELETE FROM queue_groups WHERE generation = ? AND message_group = ?",
            (generation, group),
        )
        return
    due_ms = max(now_ms, first_ms) if blocked_ms is None else blocked_ms
    tx.execute(
        "UPDATE queue_groups SET due_ms = ? WHERE generation = ? AND message_group = ?",
        (due_ms, generation, group),
    )


def _state(
    tx: Transaction, generation: int, group: str, now_ms: int
) -> tuple[int | None, int | None]:
    """When the group's first message is due, and until when messages in flight block it."""
    first_ms: int | None = None
    blocked_ms: int | None = None
    seen, look = 0, _LOOK
    while True:
        rows = tx.execute(_FIRST, (generation, group, look, seen))
        for due_ms, received in rows:
            first_ms = due_ms if first_ms is None else first_ms
            if not received:
                return first_ms, blocked_ms
            if due_ms > now_ms:
                blocked_ms = max(due_ms, blocked_ms or 0)
        if len(rows) < look:
            return first_ms, blocked_ms
        seen, look = seen + look, look * 4


def redelay(tx: Transaction, queue: Queue, now_ms: int) -> None:
    """A FIFO queue's delay holds also for messages that were sent before it was set. Those that
    were sent longer ago than the longest delay are visible either way."""
    generation = generation_of(tx, queue)
    touched = tx.execute(
        "UPDATE queue_messages SET due_ms = enqueued_ms + ? "
        "WHERE generation = ? AND enqueued_ms > ? AND receive_count = 0 RETURNING message_group",
        (queue.settings.delay_s * 1000, generation, now_ms - _LONGEST_DELAY_MS),
    )
    for group in {group for (group,) in touched}:
        regroup(tx, generation, group, now_ms)
