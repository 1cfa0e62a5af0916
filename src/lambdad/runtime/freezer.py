"""Freezes environments that have been idle for a moment, with one timer for all of them.

A busy environment is invoked again before its grace is over and never pays for a freeze; the
timer runs only while something may have to be frozen.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from lambdad.core.clock import Clock


class Freezable(Protocol):
    """An environment, as the freezer sees it."""

    watched: bool
    """Kept by the freezer: whether it looks at this environment at its next turn."""

    def settle(self, now_ns: int, grace_ns: int) -> bool:
        """Freeze if idle for the grace; whether to be asked again."""


class Freezer:
    """Looks at the awake environments once per grace period."""

    def __init__(self, clock: Clock, grace_ms: int) -> None:
        self._clock = clock
        self._grace_ns = grace_ms * 1_000_000
        self._awake: list[Freezable] = []
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, environment: Freezable) -> None:
        """Ask `environment` to settle, from the next turn on."""
        if environment.watched:
            return
        environment.watched = True
        self._awake.append(environment)
        if self._timer is None:
            self._arm()

    def close(self) -> None:
        """Look at nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._grace_ns / 1e9, self._turn)

    def _turn(self) -> None:
        now_ns = self._clock.monotonic_ns()
        awake, self._awake = self._awake, []
        for environment in awake:
            environment.watched = False
            if environment.settle(now_ns, self._grace_ns) and not environment.watched:
                environment.watched = True
                self._awake.append(environment)
        self._timer = None
        if self._awake:
            self._arm()
