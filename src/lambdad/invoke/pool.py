"""The execution environments of one deployment: idle ones, starting ones, and who waits for one.

Owns: which environment takes which invocation, last used first, and when another is started. May
not: count the machine or the account; the Fleet it belongs to says whether there is room.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Protocol

from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.concurrency import FunctionConcurrency
from lambdad.runtime.invocation import Invocation
from lambdad.runtime.services import EnvironmentServices
from lambdad.runtime.supervisor import Supervisor
from lambdad.sandbox.driver import RuntimePack


class Fleet(Protocol):
    """All pools of this machine."""

    services: EnvironmentServices

    def admit(self, pool: FunctionPool) -> Exception | None:
        """Count one more environment; else why there is no room for it."""

    def released(self) -> None:
        """An environment is gone."""

    def creation_turn(self) -> contextlib.AbstractAsyncContextManager[object]:
        """Held while a sandbox is created: only so many are at once."""


class FunctionPool:
    """Environments of one deployment of one version. The Owner of its environments."""

    def __init__(
        self,
        version: FunctionVersion,
        pack: RuntimePack,
        concurrency: FunctionConcurrency,
        fleet: Fleet,
    ) -> None:
        self.version = version
        self.concurrency = concurrency
        self.idle: list[Supervisor] = []
        """Longest idle first."""
        self.members: set[Supervisor] = set()
        self.waiting: deque[Invocation] = deque()
        self.retired = False
        """The deployment was replaced: what waits still runs, nothing is kept."""
        self._pack = pack
        self._fleet = fleet
        self._lifetime_ns = int(fleet.services.limits.environment_lifetime_s * 1_000_000_000)
        self._starting = 0

    @property
    def empty(self) -> bool:
        return not (self.members or self.waiting or self._starting)

    def submit(self, invocation: Invocation) -> None:
        """Run it on an idle environment, or on the first that becomes free or has started."""
        if self.idle:
            self.idle.pop().invoke(invocation)
            return
        self.waiting.append(invocation)
        self._scale_up()

    def retire(self) -> None:
        """Keep no environment any longer than it runs."""
        self.retired = True
        for environment in list(self.idle):
            environment.end()

    def reap(self, before_ns: int) -> None:
        """End the environments that have been idle since before then."""
        while self.idle and self.idle[0].idle_since_ns < before_ns:
            self.idle[0].end()

    def close(self, error: Exception) -> None:
        """End everything; who waits or runs is told why."""
        self.retired = True
        while self.waiting:
            self.waiting.popleft().fail(error)
        for environment in list(self.members):
            environment.abandon(error)

    # -- Owner --------------------------------------------------------------------------------

    def available(self, environment: Supervisor) -> None:
        if environment.ended:
            return
        if environment.idle_since_ns - environment.made_ns > self._lifetime_ns:
            environment.end()  # before its credentials do; a new one has new ones
            return
        while self.waiting:
            invocation = self.waiting.popleft()
            if invocation.future.cancelled():  # nobody waits for it and nothing ran
                invocation.slot.release()
                continue
            environment.invoke(invocation)
            return
        if self.retired:
            environment.end()
            return
        self.idle.append(environment)

    def ended(self, environment: Supervisor) -> None:
        self.members.discard(environment)
        with contextlib.suppress(ValueError):
            self.idle.remove(environment)
        self._fleet.released()
        self._scale_up()

    def reroute(self, invocation: Invocation) -> None:
        if self.idle:
            self.idle.pop().invoke(invocation)
            return
        self.waiting.appendleft(invocation)
        self._scale_up()

    # -- starting -----------------------------------------------------------------------------

    def _scale_up(self) -> None:
        while self._starting < len(self.waiting):
            refusal = self._fleet.admit(self)
            if refusal is not None:
                self.waiting.pop().fail(refusal)
                continue
            environment = Supervisor(self.version, self._pack, self._fleet.services, self)
            self._starting += 1
            self.members.add(environment)
            self._fleet.services.tasks.spawn(self._start(environment))

    async def _start(self, environment: Supervisor) -> None:
        try:
            needed = await self._create(environment)
            if needed:
                await environment.initialise()
        except Exception as error:  # whatever it is, somebody waits for this environment
            self._starting -= 1
            if self.waiting:
                self.waiting.popleft().fail(error)
            environment.end()
            return
        self._starting -= 1
        if needed:
            self.available(environment)
        else:
            environment.end()

    async def _create(self, environment: Supervisor) -> bool:
        """Create it when it is its turn, unless those who waited were served meanwhile."""
        async with self._fleet.creation_turn():
            if environment.ended or self._starting > len(self.waiting):
                return False
            await environment.create()
            return True
