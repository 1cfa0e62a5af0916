"""The life of an environment that is kept ahead of invocations: provisioned concurrency, managed
instances.

A failed run resets it as any other, but nobody waits for its repeated init: that comes at once,
and until its end the environment is not given to its pool. How many there are is
`invoke/standing.py`'s.
"""

from __future__ import annotations

from lambdad.runtime import faults
from lambdad.runtime.supervisor import Supervisor


class StandingSupervisor(Supervisor):
    """One execution environment that is initialised before anybody asks for it, each time."""

    def _reset(self, error_type: str | None, reason: str) -> None:
        if error_type == faults.OUT_OF_MEMORY:
            self.end(reason)
            return
        self._prepare_for_init(error_type, reason)
        self._first = None
        self._services.tasks.spawn(self._initialise_again())

    async def _initialise_again(self) -> None:
        try:
            await self._starts.again(self._boot, self._owner.creation_turn(), "init")
            ready = not self.ended and await self.initialise()
        except Exception:  # whatever it is, another environment takes its place
            self.end("failure")
            return
        if ready:
            self._owner.available(self)
