"""SnapStart: the template that the environments of a pool are forked from, and why there is none.

Owns: whether one is to be made, and that none follows at once where one failed. May not: start
environments; the pool does.
"""

from __future__ import annotations

import asyncio
import logging

from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.snapshot_supervisor import SnapStartSupervisor
from lambdad.runtime.supervisor import Supervisor

_log = logging.getLogger(__name__)


class VersionTemplate:
    """At most one for a pool."""

    def __init__(self, version: FunctionVersion, tenant_id: str | None, pause_s: float) -> None:
        """`pause_s` is for how long there is none after one that failed."""
        self.environment: SnapStartSupervisor | None = None
        self.starting = False
        self._version = version
        self._pause_s = pause_s
        self._why_not = None if tenant_id is None else "its tenants are kept apart"

    @property
    def lacking(self) -> bool:
        """Whether the next environment that is prepared is to be one."""
        return self._version.snap_start and self.environment is None and self._why_not is None

    def started(self, environment: Supervisor, initialised: bool) -> bool:
        """The start of one that was to be it is over; whether it can be forked. One that cannot,
        though its init succeeded, is an environment like others."""
        self.starting = False
        if not initialised:
            return False
        assert isinstance(environment, SnapStartSupervisor)
        self._why_not = environment.no_template
        if self._why_not is not None:
            return False
        self.environment = environment
        return True

    async def fork(self, environment: Supervisor) -> bool:
        """Create an environment from it, if there is one; whether that served."""
        template = self.environment
        if template is None or not isinstance(environment, SnapStartSupervisor):
            return False
        if await environment.fork(template):
            return True
        if template is self.environment:
            self.lose("an environment could not be forked from the template")
        return False

    def end(self) -> int:
        """Keep it no longer; how many environments end."""
        environment, self.environment = self.environment, None
        if environment is None:
            return 0
        environment.end()
        return 1

    def ended(self, environment: Supervisor) -> None:
        """Some environment ended. If it was the template, the next that is prepared is one."""
        if environment is self.environment:
            self.environment = None

    def lose(self, reason: str) -> None:
        """It did not do what a template has to: for a while no other is made of this version."""
        _log.warning("%s:%s has no template: %s", self._version.arn, self._version.version, reason)
        self.end()
        self._why_not = reason
        asyncio.get_running_loop().call_later(self._pause_s, self._try_again)

    def _try_again(self) -> None:
        self._why_not = None

    def explain(self, reason: str) -> str:
        """The reason of an ordinary start, with what stands against forking."""
        if self._why_not is None:
            return reason
        return f"{reason}, and none can be forked: {self._why_not}"
