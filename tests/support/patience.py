"""Waiting for what has to happen: for the condition itself, never for a time in which it should
have happened. A test waits as long as a slow and busy machine may need; it fails where nothing
comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 90.0
"""After so long it does not come any more."""


async def until(condition: Callable[[], object]) -> None:
    """Wait until it is true. Raises TimeoutError when patience ends."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


def wait_for(look: Callable[[], T], fits: Callable[[T], object] = bool) -> T:
    """What `look` finds as soon as it fits, where there is no event loop. Fails with the last
    finding when patience ends."""
    end = time.monotonic() + PATIENCE_S
    while not fits(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found
