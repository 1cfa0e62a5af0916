"""kill -9 in the middle of asynchronous work: every event that was accepted runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from lambdad.core.clock import SystemClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.functions.snapshot import Catalog
from lambdad.invoke.asynchronous import AsyncInvoker
from support import crash_events
from support.functions import make_function, make_version, run

TESTS = Path(crash_events.__file__).parents[1]


def accept_and_be_killed(folder: Path, count: int) -> list[str]:
    """The ids whose acceptance the process acknowledged before it was killed: so many or more."""
    command = [sys.executable, "-m", "support.crash_events", str(folder)]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(count)]
        process.kill()
        read.append(process.stdout.read())
    *lines, _partial = b"".join(read).split(b"\n")
    return [line.decode() for line in lines]


async def finish(folder: Path) -> None:
    """A new process's start: run what is left."""
    lane, queues, queue = await crash_events.open_events(folder)
    catalog = Catalog()
    catalog.publish(make_function(make_version(folder, name="f")))
    recorder = crash_events.Recorder(folder)
    invoker = AsyncInvoker(queue, recorder, catalog, SystemClock(), DEFAULT_LIMITS, lambda: 0.0)
    await invoker.start()
    while queue.size:
        await asyncio.sleep(0.01)
    await invoker.close()
    await queues.close()
    await lane.close()


def test_every_accepted_event_runs(tmp_path: Path) -> None:
    accepted: list[str] = []
    for count in (10, 100):
        accepted += accept_and_be_killed(tmp_path, count)
    ran_before = set((tmp_path / crash_events.RAN).read_text().split())
    run(finish(tmp_path))
    ran = set((tmp_path / crash_events.RAN).read_text().split())
    assert set(accepted) <= ran
    assert set(accepted) - ran_before, "the crash came too late to show anything"
