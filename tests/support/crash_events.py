"""A process that accepts asynchronous events until it is killed; run by test_async_crash.

    python -m support.crash_events FOLDER

Prints an event's id once it is accepted, and writes it to FOLDER/ran once it has run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from lambdad.core.clock import SystemClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.schema import MIGRATIONS
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.asynchronous import AsyncInvoker
from lambdad.invoke.event_queue import EventQueue
from lambdad.invoke.invoker import InvokeRequest, InvokeResult
from lambdad.storage.lane import Lane
from lambdad.storage.sqlite import open_lane
from lambdad.telemetry.counters import Counters
from support.functions import ACCOUNT, REGION, make_function, make_request, make_version

LANE = "queues.db"
RAN = "ran"


class Recorder:
    """An invoker that writes down what it ran."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / RAN, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        await asyncio.sleep(0.005)
        os.write(self._file, f"{request.request_id}\n".encode())
        return InvokeResult(b"null", None, target.version, None, 1.0, 1)


async def open_events(folder: Path) -> tuple[Lane, QueueEngine, EventQueue]:
    lane = open_lane(folder / LANE, MIGRATIONS)
    queues = QueueEngine(lane, SystemClock(), DEFAULT_LIMITS)
    await queues.start()
    return lane, queues, EventQueue(queues, SystemClock(), DEFAULT_LIMITS, Counters())


async def accept_for_ever(folder: Path) -> None:
    _, _, queue = await open_events(folder)
    catalog = Catalog()
    version = make_version(folder, name="f")
    catalog.publish(make_function(version))
    invoker = AsyncInvoker(
        queue, Recorder(folder), catalog, SystemClock(), DEFAULT_LIMITS, lambda: 0.0
    )
    await invoker.start()

    async def client() -> None:
        while True:
            request = make_request(version)
            await invoker.accept(ACCOUNT, REGION, "f", None, request)
            os.write(1, f"{request.request_id}\n".encode())

    await asyncio.gather(*[client() for _ in range(8)])


if __name__ == "__main__":
    asyncio.run(accept_for_ever(Path(sys.argv[1])))
