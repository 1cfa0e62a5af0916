"""One timer for all idle environments."""

from __future__ import annotations

from lambdad.core.clock import ManualClock
from lambdad.runtime.freezer import Freezer
from support.functions import run
from support.patience import until


class Thing:
    def __init__(self, turns: int) -> None:
        self.watched = False
        self.turns = turns
        self.looks = 0

    def settle(self, now_ns: int, grace_ns: int) -> bool:
        self.looks += 1
        return self.looks < self.turns


def test_each_is_looked_at_until_it_is_settled_and_then_there_is_no_timer() -> None:
    async def scenario() -> None:
        freezer = Freezer(ManualClock(), grace_ms=1)
        things = [Thing(1), Thing(4)]
        for thing in things * 2:
            freezer.watch(thing)
        await until(lambda: freezer._timer is None)
        assert [thing.looks for thing in things] == [1, 4]
        freezer.watch(things[0])
        assert freezer._timer is not None
        freezer.close()

    run(scenario())
