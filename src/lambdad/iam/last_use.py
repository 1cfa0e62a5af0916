"""When access keys and roles were last used: noted on the hot path, written down later.

Owns the notes that are not yet stored. They are worth little, so losing a minute of them to a
crash is accepted; a call never waits for them.
"""

from __future__ import annotations

import asyncio

from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId, Region
from lambdad.iam.records import AccessKey, LastUse, Role
from lambdad.iam.store import IamStore

_MAX_NOTES = 100_000
_PERIOD_S = 60


class LastUses:
    """Notes in memory, written down every minute between `start` and `close`."""

    def __init__(self, store: IamStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._notes: dict[tuple[AccountId, str], tuple[int, str, Region]] = {}
        """When (epoch milliseconds), for which service and in which region."""
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write notes down."""
        self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write the last notes and end."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self.flush()

    def note(self, account: AccountId, of: str, service: str, region: Region) -> None:
        """That the access key or role `of` (its id) was used just now."""
        if len(self._notes) < _MAX_NOTES or (account, of) in self._notes:
            self._notes[account, of] = self._clock.wall_ms(), service, region

    async def flush(self) -> None:
        """Store what was noted, of those that still exist."""
        notes, self._notes = self._notes, {}
        for account in {account for account, _ in notes}:
            async with self._store.edit(account) as draft:
                there = {key.id for key in draft.all(AccessKey)}
                there |= {role.id for role in draft.all(Role)}
                for (owner, of), note in notes.items():
                    if owner == account and of in there:
                        at_ms, service, region = note
                        draft.put(LastUse(of=of, at_ms=at_ms, region=region, service=service))

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD_S)
            await self.flush()
