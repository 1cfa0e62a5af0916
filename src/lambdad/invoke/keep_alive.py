"""Which idle environment is worth the least: GreedyDual-Size-Frequency. Pure.

The value of a pool's environments is how often they are used, times what a new init would cost,
over the memory they hold. Each eviction raises the floor from which values are counted, so that
what was once used much and is used no more falls behind in the end (Fuerst and Sharma, "FaasCache",
ASPLOS 2021).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Kept(Protocol):
    """A pool, as this policy sees it."""

    worth: Worth

    @property
    def idle_since_ns(self) -> int:
        """Since when what it would give up is idle."""
        ...

    @property
    def init_ms(self) -> float:
        """What starting one of its environments takes."""
        ...

    @property
    def size_mib(self) -> int:
        """The memory that one of them holds; at least 1."""
        ...


class Worth:
    """What the policy remembers of one pool."""

    __slots__ = ("floor", "seen", "uses")

    def __init__(self) -> None:
        self.uses = 0
        """Invocations so far; counted up by the pool, and nothing else on the hot path."""
        self.seen = -1
        self.floor = 0.0


K = TypeVar("K", bound=Kept)


class GreedyDual:
    """Chooses what to give up."""

    def __init__(self) -> None:
        self._floor = 0.0

    def value(self, kept: Kept) -> float:
        """What is kept by keeping it. One that was used since the last look counts from the
        floor of now: the floor only moves at evictions, before which every pool is looked at."""
        worth = kept.worth
        if worth.uses != worth.seen:
            worth.seen, worth.floor = worth.uses, self._floor
        return worth.floor + worth.uses * max(kept.init_ms, 1.0) / kept.size_mib

    def least(self, candidates: Iterable[K]) -> K | None:
        """The one to take an environment from, the longest idle one of equals; None if there are
        no candidates."""
        valued = [(self.value(kept), kept) for kept in candidates]
        if not valued:
            return None
        value, least = min(valued, key=lambda each: (each[0], each[1].idle_since_ns))
        self._floor = max(self._floor, value)
        return least
