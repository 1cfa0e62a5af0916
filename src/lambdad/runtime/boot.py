"""One start of a function's process: its sandbox, the Runtime API in it, and its init phase.

Owns the resources of one sandbox from creation to the end. An execution environment has one Boot,
and another one when init is repeated inside an invocation. May not: know invocations.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from lambdad.core.ids import EnvironmentId, new_environment_id
from lambdad.core.value import Value, replace
from lambdad.functions.errors import LambdaError
from lambdad.functions.snapshot import FunctionVersion
from lambdad.guest.template import READY
from lambdad.runtime.api import RunEvents, RuntimeApi, RuntimeEvents
from lambdad.runtime.collector import Collector
from lambdad.runtime.entry import NoEntryPoint, with_command
from lambdad.runtime.environment import Environment
from lambdad.runtime.extension_host import ExtensionHost, external_extensions
from lambdad.runtime.faults import (
    Fault,
    exited,
    extension_failed,
    init_reported,
    invalid_entrypoint,
    timed_out,
)
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.reports import InitReport
from lambdad.runtime.services import EnvironmentServices
from lambdad.runtime.snapshot_restore import (
    RestoreFailure,
    RestoreLog,
    SnapshotPoint,
    snap_start_variables,
)
from lambdad.runtime.variables import environment_variables, extension_variables
from lambdad.sandbox.driver import (
    RUNTIME_API_ADDRESS,
    Exit,
    RuntimePack,
    Sandbox,
    SandboxSpec,
)

_EXIT_SETTLE_S = 0.002
"""What a process sent just before it died is read before its death is acted upon."""


class InitFailure(Value):
    """Why the init phase failed. `status` and `error_type` are the log's; `crashed` means that
    a signal ended it, which AWS answers by waiting for the timeout (semantics §2.2)."""

    status: str
    error_type: str | None
    fault_for: Callable[[str], Fault]
    """The caller's fault, by request id."""
    crashed: bool = False

    async def fault(self, request_id: str, left_ns: int, timeout_s: float) -> Fault:
        """The caller's, now or, after a crash, when the time that is left is over."""
        if not self.crashed:
            return self.fault_for(request_id)
        await asyncio.sleep(max(0, left_ns) / 1e9)
        return timed_out(request_id, timeout_s)


class Watcher(Protocol):
    """The environment that a boot belongs to. Told of what comes after init."""

    def on_failure(self, boot: Boot, fault_for: Callable[[str], Fault]) -> None:
        """The runtime's process ended on its own, or an extension failed: the environment cannot
        go on. What the caller is told, by request id."""


class Boot:
    """A sandbox with its Runtime API and the state of what runs in it."""

    def __init__(
        self,
        version: FunctionVersion,
        purpose: Purpose,
        services: EnvironmentServices,
        collector: Collector,
        events: tuple[RuntimeEvents, RunEvents],
        watcher: Watcher,
    ) -> None:
        self.environment = Environment()
        self.started_ns = 0
        """When the process started, monotonic."""
        self.ended = False
        self.frozen = False
        self.sandbox_id: EnvironmentId | None = None
        """What others name to be forked from it."""
        self._version = version
        self._purpose = purpose
        self._services = services
        self._collector = collector
        external = external_extensions(version.layer_dirs)
        self.extensions = ExtensionHost(self, version, external, services.clock, services.limits)
        self.snapshot: SnapshotPoint | None = None
        if purpose.restores:
            self.snapshot = SnapshotPoint(
                self.environment, self.runtime_ready, lambda: services.credentials_for(version)
            )
        self._no_template: str | None = None
        self._api = RuntimeApi(*events, self.extensions, services.limits, self.snapshot)
        self._runtime_ready = False
        self._watcher = watcher
        self._sandbox: Sandbox | None = None
        self._archive: Path | None = None
        loop = asyncio.get_running_loop()
        self._init: asyncio.Future[InitFailure | None] = loop.create_future()
        self._keeps_tmp = False
        self._gone: asyncio.Future[None] = loop.create_future()
        """Done when no process of it is left."""

    async def create(
        self,
        pack: RuntimePack,
        stream: str,
        heir_of: EnvironmentId | None = None,
        template: EnvironmentId | None = None,
    ) -> None:
        """Create the sandbox and start its process, with the /tmp of the one whose heir it is, or
        fork it from a template. Raises SandboxError where the platform has none to give."""
        version, services = self._version, self._services
        self.started_ns = services.clock.monotonic_ns()
        try:
            pack = with_command(pack, version)
        except NoEntryPoint as error:
            fault_for = _entrypoint_fault(str(error))
            self._fail_init(InitFailure("error", "Runtime.InvalidEntrypoint", fault_for))
            return
        external = self.extensions.external
        if len(external) > services.limits.extensions:
            self._fail_init(_too_many_extensions(services.limits.extensions))
            return
        self._archive = services.archives.find(version, pack)
        credentials = services.credentials_for(version)
        variables = environment_variables(version, pack, stream, credentials, self._purpose)
        if self.snapshot is not None:
            port = RUNTIME_API_ADDRESS[1]
            variables = snap_start_variables(variables, port, self.snapshot.token)
        spec = SandboxSpec(
            environment_id=new_environment_id(),  # the driver sees no id twice
            pack=pack,
            code_dir=version.code_dir,
            layer_dirs=version.layer_dirs,
            variables=variables,
            memory_mib=version.memory_mib,
            tmp_mib=version.tmp_mib,
            extensions=external,
            extension_variables=extension_variables(variables) if external else {},
            archive=self._archive,
            background=self._purpose.background,
            heir_of=heir_of,
            template=template,
        )
        if self._purpose.forks:
            self._no_template = services.driver.why_no_template(spec)
            spec = replace(spec, forks=self._no_template is None)
        try:
            sandbox = await services.driver.create(spec)
        finally:
            if heir_of is not None:
                services.driver.discard(heir_of)  # when it was not taken over
        if self.ended:  # while it was being created
            await sandbox.kill()
            return
        self._sandbox = sandbox
        self.sandbox_id = spec.environment_id
        self.started_ns = services.clock.monotonic_ns()
        feed = self.extensions.feed
        self._collector.attach(sandbox.output_fd, sandbox.telemetry_fd, feed)
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

    def runtime_ready(self) -> None:
        """The runtime asked for its first event, or for the restore that comes before that."""
        if self.snapshot is not None and self.snapshot.leaving:
            self.snapshot.left()
        self._runtime_ready = True
        if self.extensions.extensions.ready:
            self._succeed()

    def init_report(self, phase: str, failure: InitFailure | None) -> InitReport:
        """What its init came to, now that it is over."""
        took_ms = (self._services.clock.monotonic_ns() - self.started_ns) / 1e6
        if failure is None:
            return InitReport(took_ms, phase)
        return InitReport(took_ms, phase, failure.status, failure.error_type)

    def why_no_template(self) -> str | None:
        """Why nothing can be forked from here, now that its init is over."""
        offer = self.snapshot.offer if self.snapshot is not None else ""
        if self._no_template is not None or offer == READY:
            return self._no_template
        return offer or "its runtime does not wait to be restored"

    async def restore(self, log: RestoreLog, since_ns: int | None) -> LambdaError | None:
        """See the restore phase through; why it failed. Only where there is a snapshot."""
        assert self.snapshot is not None
        limit_s = self._services.limits.restore_timeout_s
        return await self.snapshot.restore(limit_s, log, self._services.clock, since_ns)

    def extensions_ready(self) -> None:
        """All extensions wait for their next event."""
        if self.ended:
            return
        if self._runtime_ready:
            self._succeed()

    def extension_failed(self, error_type: str, fault_for: Callable[[str], Fault]) -> None:
        """An extension cannot go on."""
        if self.ended:
            return
        if self._init.done():
            self._watcher.on_failure(self, fault_for)
        else:
            self._fail_init(InitFailure("error", error_type, fault_for))

    def extension_wrote(self, data: bytes) -> None:
        """Lines of an extension, in the shutdown phase too."""
        if self._sandbox is not None:
            self._collector.extension_output(data)

    @property
    def connects_inside(self) -> bool:
        """Whether telemetry can be delivered."""
        return self._services.driver.tier.connects_inside

    async def connect(self, port: int) -> socket.socket:
        """To what an extension listens on. Raises OSError."""
        if self._sandbox is None:
            raise ConnectionRefusedError("there is no sandbox")
        return await self._sandbox.connect(port)

    def terminate(self) -> None:
        """SIGTERM for the runtime."""
        if self._sandbox is not None:
            self._sandbox.terminate()

    async def exited(self) -> Exit | None:
        """How the main process ended, when it has; None where there never was one."""
        return None if self._sandbox is None else await asyncio.shield(self._sandbox.exited)

    def runtime_exited(self, end: Exit) -> None:
        """The runtime's process ended, in an environment where it is not the main one."""
        asyncio.get_running_loop().call_later(_EXIT_SETTLE_S, self._settle_exit, end)

    def _succeed(self) -> None:
        self.extensions.close_registration()
        if self.extensions.feed is None:
            self._collector.feed = None
        if not self._init.done():
            self._init.set_result(None)

    def init_error_posted(self, error_type: str, payload: bytes) -> None:
        """The runtime reported why it cannot start. Raises Rejected."""
        self.environment.init_error_posted()
        fault = init_reported(error_type, payload)
        self._fail_init(InitFailure("error", fault.error_type, lambda _: fault))

    def freeze(self) -> None:
        self.frozen = True
        if self._sandbox is not None:
            self._sandbox.freeze()

    def thaw(self) -> None:
        self.frozen = False
        if self._sandbox is not None:
            self._sandbox.thaw()

    def memory_peak_bytes(self) -> int:
        return self._sandbox.memory_peak_bytes() if self._sandbox is not None else 0

    def end(self, reason: str = "spindown", *, keep_tmp: bool = False) -> None:
        """End the processes and give everything back but, if so wished, /tmp; that goes on by
        itself. Where there are extensions and init succeeded, the shutdown phase comes first."""
        if self.ended:
            return
        self.ended = True
        self._keeps_tmp = keep_tmp
        self.environment.exited()
        initialised = self._init.done() and self._init.result() is None
        graceful = initialised and self.extensions.present
        self._fail_init(_ENDED)
        if self._sandbox is None:
            self._api.close()
            self._gone.set_result(None)
        elif graceful:
            self._services.tasks.spawn(self._shut_down(self._sandbox, reason))
        else:
            self._close(self._sandbox)

    async def _shut_down(self, sandbox: Sandbox, reason: str) -> None:
        sandbox.thaw()
        ending = asyncio.ensure_future(self.extensions.shut_down(reason))
        both: list[asyncio.Future[Any]] = [ending, sandbox.exited]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        self._close(sandbox)

    def _close(self, sandbox: Sandbox) -> None:
        self._api.close()
        if self.extensions.feed is not None:
            self.extensions.feed.close()
        self._collector.detach()
        self._services.tasks.spawn(self._kill(sandbox))

    async def _kill(self, sandbox: Sandbox) -> None:
        if self._services.platform is not None and sandbox.platform_listener is not None:
            self._services.platform.detach(sandbox.platform_listener)
        asked = self._keeps_tmp
        try:
            await sandbox.kill(keep_tmp=asked)
        finally:
            self._gone.set_result(None)
        if asked and not self._keeps_tmp:
            self._services.driver.discard(sandbox.environment_id)

    async def gone(self) -> EnvironmentId | None:
        """Wait until no process of it is left, after its `end`; the sandbox whose /tmp is kept."""
        await asyncio.shield(self._gone)
        if self._sandbox is None or not self._keeps_tmp:
            return None
        return self._sandbox.environment_id

    def forget_tmp(self) -> None:
        """Nobody will inherit its /tmp."""
        if self._keeps_tmp and self._sandbox is not None:
            self._keeps_tmp = False
            if self._gone.done():
                self._services.driver.discard(self._sandbox.environment_id)

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
            if crashed and self._archive is not None:
                self._services.archives.distrust(self._archive)
            failure = InitFailure("error", error_type, lambda rid: exited(rid, end), crashed)
            self._fail_init(failure)
            return
        if self.snapshot is not None and self.snapshot.leaving:
            self.snapshot.failed(RestoreFailure("error", exited("", end).error_type))
            return
        self._watcher.on_failure(self, lambda request_id: exited(request_id, end))

    def _fail_init(self, failure: InitFailure) -> None:
        if not self._init.done():
            self._init.set_result(failure)


_ENDED = InitFailure("error", "Runtime.ExitError", lambda rid: exited(rid, Exit(0, None)))
"""Ended from outside; nobody waits for this answer."""


def _entrypoint_fault(message: str) -> Callable[[str], Fault]:
    return lambda request_id: invalid_entrypoint(request_id, message)


def _too_many_extensions(limit: int) -> InitFailure:
    error_type = "Extension.TooManyExtensions"
    text = f"Extension limit ({limit}) reached"
    return InitFailure("error", error_type, lambda rid: extension_failed(error_type, rid, text))
