"""Removing events, oldest first, where one account has logged more than it may in one region.

AWS has no such limit; a machine has a disk. In small pieces, as in `log_retention.py`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from lambdad.core.ids import AccountId, Region
from lambdad.storage.lane import Lane, Transaction
from lambdad.telemetry.log_retention import STREAMS_AT_ONCE, Expiry, remove_expired

SLACK = 16
"""A look at the sizes comes after this part of the limit was written, and the same part is removed
beyond what is too much: so neither is done all the time."""


class Excess(NamedTuple):
    """What an account has logged in a region, and that is too much."""

    account: AccountId
    region: Region
    stored_bytes: int


async def trim(lane: Lane, limit_bytes: int) -> list[Excess]:
    """Remove what is too much; where that was."""
    excesses = await lane.read(lambda tx: excesses_over(tx, limit_bytes))
    for excess in excesses:
        await _remove_oldest(lane, excess, excess.stored_bytes - limit_bytes * (SLACK - 1) // SLACK)
    return excesses


async def _remove_oldest(lane: Lane, excess: Excess, wanted_bytes: int) -> None:
    freed = 0
    while oldest := await lane.read(lambda tx: oldest_events(tx, excess)):
        for expiry in oldest:
            while True:
                removed = await lane.write(partial(remove_expired, expiry=expiry))
                freed += removed.stored_bytes
                if freed >= wanted_bytes:
                    return
                if not removed.more:
                    break


def excesses_over(tx: Transaction, limit_bytes: int) -> list[Excess]:
    rows = tx.execute(
        "SELECT account, region, SUM(stored_bytes) FROM log_groups GROUP BY account, region"
        " HAVING SUM(stored_bytes) > ?",
        (limit_bytes,),
    )
    return [Excess(*row) for row in rows]


def oldest_events(tx: Transaction, excess: Excess) -> list[Expiry]:
    """The streams with events in the first part of the time from the account's oldest event to its
    newest, and the end of that part: of streams that go on at the same time none loses much more
    than another."""
    where = (excess.account, excess.region)
    ((first_ms, last_ms),) = tx.execute(
        "SELECT MIN(s.first_event_ms), MAX(s.last_event_ms) FROM log_groups g"
        " JOIN log_streams s ON s.group_id = g.id WHERE g.account = ? AND g.region = ?",
        where,
    )
    if first_ms is None:
        return []
    before_ms = first_ms + (last_ms - first_ms) // SLACK + 1
    rows = tx.execute(
        "SELECT s.id, g.id, ? FROM log_groups g JOIN log_streams s ON s.group_id = g.id"
        " WHERE g.account = ? AND g.region = ? AND s.first_event_ms < ?"
        " ORDER BY s.first_event_ms LIMIT ?",
        (before_ms, *where, before_ms, STREAMS_AT_ONCE),
    )
    return [Expiry(*row) for row in rows]
