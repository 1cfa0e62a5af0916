"""The durable executions of a server, kept in a lane.

Owns: which executions are in memory (those whose function is being invoked), that a change is
durable before anybody sees it, and how many are open. Decides nothing about an execution: changes
are made by the pure functions of this package, one at a time. Knows no time.
"""

from __future__ import annotations

from collections import Counter

from lambdad.core.ids import AccountId, Region
from lambdad.engines.durable import rows
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.errors import too_many_executions
from lambdad.engines.durable.execution import Execution
from lambdad.engines.durable.rows import Due, HistoryPage, HistoryQuery, Query
from lambdad.storage.lane import Lane, Transaction


class DurableStore:
    """All executions."""

    def __init__(self, lane: Lane, capacity: int) -> None:
        self._lane = lane
        self._capacity = capacity
        self._live: dict[str, Execution] = {}
        self._open: Counter[tuple[AccountId, Region]] = Counter()

    async def open(self) -> tuple[str, ...]:
        """Start; the ids of executions that a process that is gone may have left half done."""
        self._open.update(await self._lane.read(rows.running))
        return await self._lane.read(rows.active)

    async def create(self, change: Change) -> Execution | None:
        """Keep a new execution; it is on disk when this returns. If its function has one of that
        name already, that one instead, and nothing is kept. Raises ResourceConflictException at
        the quota, LaneFull, CommitFailed."""
        execution = change.execution
        place = (execution.origin.account, execution.origin.region)
        if self._open[place] >= self._capacity:
            raise too_many_executions(self._capacity)

        def keep(tx: Transaction) -> str | None:
            other = rows.named(tx, execution)
            if other is None:
                rows.write_change(tx, 0, change)
            return other

        other = await self._lane.write(keep)
        if other is not None:
            return await self.get(other)
        self._open[place] += 1
        self._keep(execution)
        return None

    async def replace(self, old: Execution, change: Change) -> None:
        """Keep a change of an execution, likewise. Whoever calls is alone with it."""
        new = change.execution
        await self._lane.write(lambda tx: rows.write_change(tx, old.changes, change))
        self._keep(new)
        if new.status.closed and not old.status.closed:
            self._open[new.origin.account, new.origin.region] -= 1

    async def remove(self, execution: Execution) -> None:
        """Forget a closed execution and its history."""
        await self._lane.write(lambda tx: rows.remove(tx, execution.id))
        self._live.pop(execution.id, None)

    async def get(self, execution_id: str) -> Execution | None:
        """The execution as it is."""
        live = self._live.get(execution_id)
        if live is not None:
            return live
        return await self._lane.read(lambda tx: rows.read(tx, execution_id))

    async def due(self, now_ms: int, timers: int, ready: int) -> Due:
        """What there is to do now."""
        return await self._lane.read(lambda tx: rows.due(tx, now_ms, timers, ready))

    async def history(self, query: HistoryQuery) -> HistoryPage:
        """A page of an execution's events."""
        return await self._lane.read(lambda tx: rows.history(tx, query))

    async def page(self, query: Query, limit: int) -> list[Execution]:
        """Up to `limit` executions, without their operations."""
        return await self._lane.read(lambda tx: rows.page(tx, query, limit))

    def _keep(self, execution: Execution) -> None:
        """In memory while its function runs, and asks."""
        if execution.invocation is not None:
            self._live[execution.id] = execution
        else:
            self._live.pop(execution.id, None)
