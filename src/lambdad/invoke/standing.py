"""The execution environments that a pool keeps ahead of invocations: provisioned concurrency, and
the least number of environments on managed instances.

Owns: how many there are, that one which dies is replaced, and whether what was asked for has been
reached. They are never reaped. May not: choose environments for invocations.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from lambdad.runtime.boot import InitFailure
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.supervisor import Supervisor

INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"
"""AWS's StatusReason where the function's own init fails."""


class Start(Enum):
    """How the start of an environment ended."""

    READY = "ready"
    FAILED = "failed"
    """The function's own init."""
    TEMPLATE = "template"
    """It is what the next ones are forked from, and none of them itself."""
    PUT_OFF = "put off"
    """The platform could not start it now."""


class Starter(Protocol):
    """The pool, as its standing environments see it."""

    def start_ahead(self, purpose: Purpose) -> bool:
        """Start one more, which ends in `start_over`; whether there is room for it now."""
        ...

    def standing_changed(self) -> None:
        """The numbers below are others than before."""


class Standing:
    """As many environments as are wanted, initialised before anybody asks for them."""

    def __init__(self, pool: Starter) -> None:
        self.idle: list[Supervisor] = []
        """Longest idle first."""
        self.wanted = 0
        self.failure: str | None = None
        """Why no more are started, in AWS's word; None while nothing failed."""
        self.settled = True
        """Whether all that are wanted were there at some time since they are wanted."""
        self.init_failure: InitFailure | None = None
        """What that was in detail."""
        self._pool = pool
        self._purpose = Purpose(ahead=True)
        self._alive: set[Supervisor] = set()
        self._starting = 0

    @property
    def allocated(self) -> int:
        """Those that are initialised, busy or not."""
        return len(self._alive)

    @property
    def starting(self) -> int:
        """Those on the way."""
        return self._starting

    @property
    def in_progress(self) -> bool:
        """Still on the way to what is wanted."""
        return not self.settled and self.failure is None

    def want(self, amount: int, purpose: Purpose) -> None:
        """Keep so many from now on. Asking again tries again what failed before."""
        if amount > self.wanted or self.failure is not None:
            self.settled = False
        self.wanted, self._purpose, self.failure = amount, purpose, None
        self.init_failure = None
        while len(self._alive) > amount and self.idle:
            self.idle[0].end()
        self._settle()
        self.top_up()

    def top_up(self) -> None:
        """Start what is missing, as far as there is room; the rest at the next turn."""
        while self.failure is None and len(self._alive) + self._starting < self.wanted:
            if not self._pool.start_ahead(self._purpose):
                return
            self._starting += 1

    def start_over(self, environment: Supervisor, outcome: Start) -> None:
        """A start has ended. After a failed init no more are started until something changes;
        what was put off is tried again at the next turn."""
        self._starting -= 1
        if outcome is Start.READY:
            self._alive.add(environment)
        elif outcome is Start.FAILED:
            self.failure = INIT_FAILURE
            self.init_failure = environment.init_failure
        elif outcome is Start.TEMPLATE:
            self.top_up()
        self._settle()

    def hand_out(self) -> Supervisor | None:
        """One that has nothing to do, for good: it does not count here any more. What is missing
        then is started at the next `top_up`."""
        if not self.idle:
            return None
        environment = self.idle.pop()
        self._alive.discard(environment)
        return environment

    def rest(self, environment: Supervisor) -> None:
        """It has nothing to do."""
        if len(self._alive) > self.wanted:
            environment.end()
        else:
            self.idle.append(environment)

    def ended(self, environment: Supervisor) -> None:
        """It is gone; another one takes its place."""
        if environment in self._alive:
            self._alive.discard(environment)
            if environment in self.idle:
                self.idle.remove(environment)
            self.top_up()

    def _settle(self) -> None:
        if len(self._alive) >= self.wanted:
            self.settled = True
        self._pool.standing_changed()
