"""The life of an environment of a SnapStart version: what comes between its init and its first
invocation, and where its init was.

It runs its own init and waits to be restored, or is forked from a template that has run it, or is
such a template itself. The stop is `snapshot_restore.py`'s, the choice `invoke/pool.py`'s.
"""

from __future__ import annotations

from typing import Any

from lambdad.core.ids import EnvironmentId
from lambdad.runtime.invocation import Invocation
from lambdad.runtime.supervisor import Supervisor
from lambdad.sandbox.driver import SandboxError


class SnapStartSupervisor(Supervisor):
    """One execution environment that is restored before it runs anything."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.no_template: str | None = None
        """Why nothing can be forked from it; where it is to be a template, after its init."""
        self._forked = False
        self._restoring_ns: int | None = None
        """When its restore began, where somebody waited for it from the start; monotonic."""

    @property
    def sandbox_id(self) -> EnvironmentId | None:
        """What others name to be forked from it."""
        return self._boot.sandbox_id

    async def fork(self, template: SnapStartSupervisor) -> bool:
        """Create the sandbox from the template; whether that served. Else it is told why not, and
        `create` is next."""
        began_ns = self._clock.monotonic_ns()
        try:
            await self._starts.fork(self._boot, template.sandbox_id)
        except SandboxError as error:
            why = f"it could not be forked from the template. {error.message}"
            self._recorder.note(f"SnapStart: an ordinary start, because {why}")
            return False
        self._forked = True
        self._restoring_ns = None if self.purpose.ahead else began_ns
        return True

    def _initialised(self) -> None:
        if self.purpose.forks:
            self.no_template = self._boot.why_no_template()
            if self.no_template is None:
                self._boot.freeze()
                return
            reason = f"each environment runs its own init, because {self.no_template}."
            self._recorder.note(f"SnapStart: {reason}")
        super()._initialised()
        if self._forked:
            self._recorder.init_ms = None
        self._first = self._begin

    async def _begin(self, invocation: Invocation) -> None:
        """Let the runtime go on from behind its init, then run."""
        self._boot.thaw()
        error = await self._boot.restore(self._recorder, self._restoring_ns)
        if self.ended:
            return
        if error is None:
            await super()._begin(invocation)
        else:
            self.abandon(error)

    def _reset(self, error_type: str | None, reason: str) -> None:
        """One that was forked is replaced: another fork is cheaper than an init in its place."""
        if self._forked:
            self.end(reason)
        else:
            super()._reset(error_type, reason)
