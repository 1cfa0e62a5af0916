"""One start of a function's process: its sandbox, the Runtime API in it, and its init phase.

Owns the resources of one sandbox from creation to the end. An execution environment has one Boot,
or a second one when init is repeated inside the first invocation. May not: know invocations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lambdad.core.ids import new_environment_id
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.api import RuntimeApi, RuntimeEvents, StreamEvents
from lambdad.runtime.collector import LogCollector
from lambdad.runtime.entry import NoEntryPoint, with_command
from lambdad.runtime.environment import Environment
from lambdad.runtime.faults import Fault, exited, init_reported, invalid_entrypoint, timed_out
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.services import EnvironmentServices
from lambdad.runtime.variables import environment_variables
from lambdad.sandbox.driver import Exit, RuntimePack, Sandbox, SandboxSpec

_EXIT_SETTLE_S = 0.002
"""What a process sent just before it died is read before its death is acted upon."""


@dataclass(frozen=True, slots=True)
class InitFailure:
    """Why the init phase failed. `status` and `error_type` are the log's; `crashed` means that
    a signal ended it, which AWS answers by waiting for the timeout (semantics §2.2)."""

    status: str
    error_type: str | None
    fault_for: Callable[[str], Fault]
    """The caller's fault, by request id."""
    crashed: bool = False


class Boot:
    """A sandbox with its Runtime API and the state of what runs in it."""

    def __init__(
        self,
        version: FunctionVersion,
        purpose: Purpose,
        services: EnvironmentServices,
        collector: LogCollector,
        events: tuple[RuntimeEvents, StreamEvents],
        on_exit: Callable[[Boot, Exit], None],
    ) -> None:
        self.environment = Environment()
        self.started_ns = 0
        """When the process started, monotonic."""
        self.ended = False
        self._version = version
        self._purpose = purpose
        self._services = services
        self._collector = collector
        self._api = RuntimeApi(*events, services.limits)
        self._on_exit = on_exit
        self._sandbox: Sandbox | None = None
        self._init: asyncio.Future[InitFailure | None] = asyncio.get_running_loop().create_future()

    async def create(self, pack: RuntimePack, stream: str) -> None:
        """Create the sandbox and start its process. Raises SandboxError where the platform has
        none to give."""
        version, services = self._version, self._services
        self.started_ns = services.clock.monotonic_ns()
        try:
            pack = with_command(pack, version)
        except NoEntryPoint as error:
            fault_for = _entrypoint_fault(str(error))
            self._fail_init(InitFailure("error", "Runtime.InvalidEntrypoint", fault_for))
            return
        credentials = services.credentials_for(version)
        spec = SandboxSpec(
            environment_id=new_environment_id(),  # the driver sees no id twice
            pack=pack,
            code_dir=version.code_dir,
            layer_dirs=version.layer_dirs,
            variables=environment_variables(version, pack, stream, credentials, self._purpose),
            memory_mib=version.memory_mib,
            tmp_mib=version.tmp_mib,
        )
        sandbox = await services.driver.create(spec)
        if self.ended:  # while it was being created
            await sandbox.kill()
            return
        self._sandbox = sandbox
        self.started_ns = services.clock.monotonic_ns()
        self._collector.attach(sandbox.output_fd, sandbox.telemetry_fd)
        sandbox.exited.add_done_callback(self._exited)
        await self._serve(sandbox)

    async def _serve(self, sandbox: Sandbox) -> None:
        if self._services.platform is not None and sandbox.platform_listener is not None:
            await self._services.platform.attach(sandbox.platform_listener)
        await self._api.serve(sandbox.runtime_listener)

    async def initialised(self, limit_s: float) -> InitFailure | None:
        """See the init phase through, for `limit_s` at most."""
        done, _ = await asyncio.wait([self._init], timeout=limit_s)
        if not done:
            return InitFailure("timeout", None, lambda rid: timed_out(rid, self._version.timeout_s))
        return self._init.result()

    def init_succeeded(self) -> None:
        """The runtime asked for its first event."""
        if not self._init.done():
            self._init.set_result(None)

    def init_error_posted(self, error_type: str, payload: bytes) -> None:
        """The runtime reported why it cannot start."""
        fault = init_reported(error_type, payload)
        self._fail_init(InitFailure("error", fault.error_type, lambda _: fault))

    def freeze(self) -> None:
        if self._sandbox is not None:
            self._sandbox.freeze()

    def thaw(self) -> None:
        if self._sandbox is not None:
            self._sandbox.thaw()

    def memory_peak_bytes(self) -> int:
        return self._sandbox.memory_peak_bytes() if self._sandbox is not None else 0

    def end(self) -> None:
        """End the process and give everything back; the killing itself goes on by itself."""
        if self.ended:
            return
        self.ended = True
        self.environment.exited()
        self._fail_init(_ENDED)
        self._api.close()
        if self._sandbox is not None:
            self._collector.detach()
            self._services.tasks.spawn(self._kill(self._sandbox))

    async def _kill(self, sandbox: Sandbox) -> None:
        if self._services.platform is not None and sandbox.platform_listener is not None:
            self._services.platform.detach(sandbox.platform_listener)
        await sandbox.kill()

    def _exited(self, future: asyncio.Future[Exit]) -> None:
        if self.ended or future.cancelled():
            return
        loop = asyncio.get_running_loop()
        loop.call_later(_EXIT_SETTLE_S, self._settle_exit, future.result())

    def _settle_exit(self, end: Exit) -> None:
        if self.ended:
            return
        if not self._init.done():
            error_type = exited("", end).error_type
            crashed = end.signal is not None and not end.oom
            failure = InitFailure("error", error_type, lambda rid: exited(rid, end), crashed)
            self._fail_init(failure)
            return
        self._on_exit(self, end)

    def _fail_init(self, failure: InitFailure) -> None:
        if not self._init.done():
            self._init.set_result(failure)


_ENDED = InitFailure("error", "Runtime.ExitError", lambda rid: exited(rid, Exit(0, None)))
"""Ended from outside; nobody waits for this answer."""


def _entrypoint_fault(message: str) -> Callable[[str], Fault]:
    return lambda request_id: invalid_entrypoint(request_id, message)
