"""A log store on a real lane in a temporary folder, under a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from lambdad.core.clock import ManualClock
from lambdad.core.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.storage.sqlite import SqliteLane, open_lane
from lambdad.telemetry.log_records import GroupKey, StreamKey
from lambdad.telemetry.log_schema import LOG_MIGRATIONS
from lambdad.telemetry.logs import LogStore

T = TypeVar("T")


def group(name: str = "g") -> GroupKey:
    return GroupKey(DEFAULT_ACCOUNT, DEFAULT_REGION, name)


def stream(name: str = "s", of: str = "g") -> StreamKey:
    return StreamKey(group(of), name)


def append(store: LogStore, message: str, timestamp_ms: int, to: StreamKey | None = None) -> None:
    key = to or stream()
    store.append(key, timestamp_ms, message)


def run_store(
    folder: Path,
    scenario: Callable[[LogStore, ManualClock, SqliteLane], Awaitable[T]],
    **limits: int,
) -> T:
    """Run the scenario with a started store; afterwards store and lane are closed."""

    async def main() -> T:
        chosen = replace(DEFAULT_LIMITS, **limits)
        lane = open_lane(folder / "logs.db", LOG_MIGRATIONS, limits=chosen)
        clock = ManualClock()
        store = LogStore(lane, clock, chosen)
        await store.load()
        store.start()
        try:
            return await scenario(store, clock, lane)
        finally:
            await store.close()
            await lane.close()

    return asyncio.run(main())
