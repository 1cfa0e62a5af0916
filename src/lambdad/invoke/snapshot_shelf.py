"""Which pools keep environments prepared, least recently used first.

Owns the bound on them and the order in which they are given up. May not: start or end an
environment; the pools do.
"""

from __future__ import annotations

from typing import Protocol

from lambdad.core.limits import Limits


class Preparing(Protocol):
    """A pool, as the shelf sees it."""

    retired: bool
    size_mib: int
    """Of one environment."""

    def prepare(self, amount: int) -> int:
        """Keep so many environments prepared from now on; how many end for that."""
        ...


class Shelf:
    """The pools of SnapStart versions that were published or used lately."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pools: dict[Preparing, None] = {}

    def keep(self, pool: Preparing) -> None:
        """Its version is in use: keep it prepared, longer than every other."""
        if pool.retired:
            return
        if pool not in self._pools:
            self._make_room()
        self._pools.pop(pool, None)
        self._pools[pool] = None
        pool.prepare(self._limits.snapshot_environments)

    def drop(self, pool: Preparing) -> int:
        """Keep nothing prepared for it; how many environments end."""
        self._pools.pop(pool, None)
        return pool.prepare(0)

    def give_up(self) -> int | None:
        """Drop the one that was used least recently; the memory that it gives back, in MiB. None
        if there is none."""
        pool = next(iter(self._pools), None)
        return None if pool is None else self.drop(pool) * pool.size_mib

    def _make_room(self) -> None:
        for pool in [pool for pool in self._pools if pool.retired]:
            del self._pools[pool]
        while len(self._pools) >= self._limits.snapshots:
            self.give_up()
