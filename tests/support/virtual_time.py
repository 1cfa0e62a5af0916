"""Asyncio without waiting: a loop whose time jumps to the next timer when nothing else is to do,
a clock that shows it, and a lane that needs no thread.

    def test_it() -> None:
        run(scenario)          # async def scenario(clock: VirtualClock) -> None

Everything runs in one thread, so a seed decides the whole course of a test.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import apsw

from lambdad.storage.errors import LaneClosed
from lambdad.storage.lane import Row, Work
from lambdad.storage.migrations import migrate

T = TypeVar("T")
START_MS = 1_767_225_600_000


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: says how long it would have."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise RuntimeError("everybody waits for something that never comes")
            self.skipped_s += max(0.0, timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.skipped_s


class VirtualClock:
    """The loop's time as a Clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def wall_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1000)

    def monotonic_ns(self) -> int:
        return round(self._loop.time() * 1_000_000_000)


def run(scenario: Callable[[VirtualClock], Awaitable[None]]) -> None:
    """Run it to its end; whatever goes wrong in a task of its own fails it too."""
    loop = VirtualLoop()
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))

    async def bounded() -> None:
        await scenario(VirtualClock(loop))

    try:
        loop.run_until_complete(bounded())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()
    assert not problems, problems


class InlineLane:
    """A lane that does its work at once, in the caller's thread, and can die."""

    def __init__(self, migrations: Sequence[str]) -> None:
        self._connection = apsw.Connection(":memory:")
        self._dead = False
        migrate(self._connection, migrations, Path(":memory:"))

    def crash(self) -> InlineLane:
        """The lane of the next process: what was committed is in it, and no later write of this
        one ever will be."""
        self._dead = True
        successor = InlineLane(())
        with successor._connection.backup("main", self._connection, "main") as backup:
            backup.step()
        return successor

    async def write(self, work: Work[T]) -> T:
        await asyncio.sleep(0)
        if self._dead:
            raise LaneClosed(Path(":memory:"))
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        await asyncio.sleep(0)
        return result

    async def read(self, work: Work[T]) -> T:
        return await self.write(work)

    async def close(self) -> None:
        """The data stays: it is open for as long as somebody holds it."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(sql, tuple(parameters)).fetchall()

    def executemany(self, sql: str, parameters: Any) -> None:
        self._connection.executemany(sql, [tuple(row) for row in parameters])
