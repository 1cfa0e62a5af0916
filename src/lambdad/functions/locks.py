"""Two small tools of the control plane: one lock per key, and work that runs to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class KeyedLocks(Generic[K]):
    """A lock for each key that somebody holds or waits for, and for no other."""

    def __init__(self) -> None:
        self._locks: dict[K, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def holding(self, key: K) -> AsyncIterator[None]:
        """Alone with the key."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """The work's value. If the caller is cancelled meanwhile (its client went away), the work is
    still waited for, and the cancellation goes on after it: what memory says and what the disk
    says never part."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # the caller is gone: nobody else will look
        raise
