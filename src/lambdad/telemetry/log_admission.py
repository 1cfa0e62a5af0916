"""Which events of a PutLogEvents batch are taken, by their age (semantics §7.3). Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from lambdad.core.value import Value

DAY_MS = 86_400_000
TOO_OLD_MS = 14 * DAY_MS
TOO_NEW_MS = 2 * 3_600_000


class Admission(Value):
    """The part `[start:stop]` of a batch that is taken, and why the rest is not."""

    start: int
    stop: int
    too_old_end: int | None
    """Events before this index are older than 14 days."""
    expired_end: int | None
    """Events before this index are older than the group keeps them."""
    too_new_start: int | None
    """Events from this index on lie more than two hours ahead."""


def admit(timestamps_ms: Sequence[int], now_ms: int, retention_days: int | None) -> Admission:
    """Judge a batch whose timestamps ascend."""
    too_old = bisect_left(timestamps_ms, now_ms - TOO_OLD_MS)
    too_new = bisect_right(timestamps_ms, now_ms + TOO_NEW_MS)
    expired = 0
    if retention_days is not None:
        expired = bisect_left(timestamps_ms, now_ms - retention_days * DAY_MS)
    start = max(too_old, expired)
    return Admission(
        start=start,
        stop=max(start, too_new),
        too_old_end=too_old or None,
        expired_end=expired if expired > too_old else None,
        too_new_start=too_new if too_new < len(timestamps_ms) else None,
    )
