"""The extensions of one environment at work: their events, their failures, and their end.

Owns: who is sent what when, what a failed extension means for the environment, and the shutdown
phase (Lambda developer guide, "Runtime environment lifecycle: Shutdown phase"). The rules are in
extensions.py. May not: know pools, or what a run's caller is told.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from lambdad.core.clock import Clock
from lambdad.core.ids import new_uuid
from lambdad.core.limits import Limits
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.connection import Next
from lambdad.runtime.environment import Rejected
from lambdad.runtime.extension_api import Registration, event_answer
from lambdad.runtime.extensions import Extension, Extensions, Turn
from lambdad.runtime.faults import Fault, extension_failed
from lambdad.runtime.invocation import InvokeRequest
from lambdad.runtime.telemetry_feed import TelemetryFeed
from lambdad.runtime.telemetry_subscription import Subscription
from lambdad.sandbox.driver import Exit

_RUNTIME_SHARE = 0.3
"""Of the shutdown phase, what the runtime has to end after its SIGTERM."""
_FOLDER = "extensions"


def external_extensions(layer_dirs: Sequence[Path]) -> tuple[str, ...]:
    """Names of the files in /opt/extensions, sorted; a layer's file hides the same below it."""
    names: set[str] = set()
    for layer in layer_dirs:
        try:
            with os.scandir(layer / _FOLDER) as entries:
                names.update(entry.name for entry in entries if not entry.is_dir())
        except OSError:
            continue
    return tuple(sorted(names))


class Host(Protocol):
    """The process start (`boot.py`) that they belong to."""

    def extensions_ready(self) -> None:
        """All wait for their next event."""

    def extension_failed(self, error_type: str, fault_for: Callable[[str], Fault]) -> None:
        """One failed; the environment cannot go on."""

    def extension_wrote(self, data: bytes) -> None:
        """Whole lines for the log."""

    def runtime_exited(self, end: Exit) -> None:
        """The runtime's process ended."""

    @property
    def connects_inside(self) -> bool:
        """Whether telemetry can be delivered here."""
        ...

    async def connect(self, port: int) -> socket.socket:
        """To a port inside the environment. Raises OSError."""
        ...

    def terminate(self) -> None:
        """Send the runtime a SIGTERM."""


class ExtensionHost:
    """Implements ExtensionEvents."""

    def __init__(
        self, host: Host, version: FunctionVersion, external: Sequence[str], clock: Clock,
        limits: Limits,
    ) -> None:  # fmt: skip
        self.extensions = Extensions(external, limits.extensions)
        self.external = tuple(external)
        self.present = bool(external)
        """Whether there are any: most environments have none and pay nothing."""
        self.feed: TelemetryFeed | None = TelemetryFeed(clock, limits, host.connect)
        """After init only where somebody has subscribed."""
        self._host = host
        self._version = version
        self._clock = clock
        self._shutdown_s = limits.internal_extension_shutdown_s
        if external:
            self._shutdown_s = limits.extension_shutdown_s
        self._waiting: dict[str, Next] = {}
        """By identifier."""
        self._event: dict[str, Any] = {}
        self._then: Callable[[], None] | None = None
        self._conductor: Next | None = None
        self._commands: list[bytes] = []
        self._started = False
        self._closing = False
        self._changed = asyncio.Event()
        self._runtime_gone = bool(external)
        """Not running, as far as the conductor has told."""

    # -- what the extensions say --------------------------------------------------------------

    def on_register(self, name: str, events: list[str]) -> Registration:
        version = self._version
        member = self.extensions.register(name, events, new_uuid())
        self.present = True
        if member.external and self.extensions.registered:
            self._start_runtime()
        return Registration(
            member.identifier, version.name, version.version, version.handler, version.account
        )

    def on_event_next(self, identifier: str, waiting: Next) -> None:
        member = self.extensions.find(identifier)
        turn = self.extensions.next_requested(member)
        self._waiting[identifier] = waiting
        if turn is Turn.DELIVER:
            self._send(member)
            return
        if self.extensions.ready:
            self._host.extensions_ready()
        if self._then is not None and not self.extensions.busy and not self._closing:
            then, self._then = self._then, None
            then()

    def on_event_abandoned(self, waiting: Next) -> None:
        self._waiting = {key: value for key, value in self._waiting.items() if value is not waiting}

    def on_extension_init_error(self, identifier: str, error_type: str) -> None:
        member = self.extensions.find(identifier)
        self.extensions.init_failed(member, error_type)
        self._fail("Extension.InitError", error_type)

    def on_extension_exit_error(self, identifier: str, error_type: str) -> None:
        member = self.extensions.find(identifier)
        self.extensions.failed(member, error_type)
        self._fail("Extension.ExitError", error_type)

    # -- what the conductor says --------------------------------------------------------------

    def on_conductor_next(self, waiting: Next) -> None:
        self._conductor = waiting
        self._command_next()

    def on_conductor_abandoned(self, waiting: Next) -> None:
        self._conductor = None

    def on_not_launched(self, name: str, code: int) -> None:
        refused = code in (errno.EACCES, errno.EPERM)
        if self.extensions.not_launched(name, "PermissionDenied" if refused else "UnknownError"):
            text = f"fork/exec /opt/extensions/{name}: {os.strerror(code).lower()}"
            self._fail("Extension.LaunchError", text)
        self._changed.set()

    def on_process_exited(self, name: str | None, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        end = Exit(code, None) if code >= 0 else Exit(None, -code)
        if name is None:
            self._runtime_gone = True
            if not self._closing:
                self._host.runtime_exited(end)
        elif self.extensions.exited(name) is not None:
            reason = f"exit status {code}" if code >= 0 else f"signal {-code}"
            self._fail("Extension.Crash", reason)
        self._changed.set()

    def on_output(self, data: bytes) -> None:
        self._host.extension_wrote(data)

    def _start_runtime(self) -> None:
        if not self._started:
            self._started, self._runtime_gone = True, False
            self._command(b"start")

    def _command(self, command: bytes) -> None:
        self._commands.append(command)
        self._command_next()

    def _command_next(self) -> None:
        if self._conductor is not None and self._commands:
            conductor, self._conductor = self._conductor, None
            command = self._commands.pop(0)
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(command)}\r\n\r\n"
            conductor.send_event(head.encode(), command)

    def _fail(self, error_type: str, reason: str) -> None:
        if not self._closing:
            self._host.extension_failed(
                error_type, lambda request_id: extension_failed(error_type, request_id, reason)
            )

    # -- telemetry ----------------------------------------------------------------------------

    def on_subscribe(self, identifier: str, subscription: Subscription) -> None:
        member = self.extensions.find(identifier)
        feed, api = self.feed, subscription.api
        if not self._host.connects_inside:
            raise Rejected(202, f"{api}.NotSupported", f"{api} API is not supported")
        if feed is None or not feed.open:
            text = f"{api} API subscription is closed already"
            raise Rejected(403, f"{api}.SubscriptionClosed", text)
        if (earlier := feed.api_of(identifier)) not in (None, api):
            text = f"The extension is subscribed with the {earlier} API already"
            raise Rejected(403, f"{api}.SubscriptionClosed", text)
        feed.subscribe(identifier, subscription)
        feed.on_subscribed(member.name, subscription)

    def close_registration(self) -> None:
        """Init is over."""
        self.extensions.close_registration()
        if self.feed is not None:
            self.feed.close_subscriptions()
            if not self.feed.subscribed:
                self.feed = None

    # -- what they are told -------------------------------------------------------------------

    def invoke(self, request: InvokeRequest, deadline_ms: int) -> None:
        """An invocation begins."""
        self._event = {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": request.request_id,
            "invokedFunctionArn": request.invoked_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": request.trace_header},
        }
        for member in self.extensions.invoke():
            if member.identifier in self._waiting:
                self.extensions.delivered(member)
                self._send(member)

    def _send(self, member: Extension) -> None:
        waiting = self._waiting.pop(member.identifier)
        waiting.send_event(*event_answer(self._event, member.identifier))

    def when_done(self, then: Callable[[], None]) -> None:
        """Call it once none is busy with the running invocation; not if the environment ends
        before."""
        self._then = then

    async def shut_down(self, reason: str) -> None:
        """The shutdown phase: SIGTERM for the runtime, then SHUTDOWN for those who asked for it.
        Ends when they have, or when their time is up; what still runs is the caller's to kill.
        Internal extensions have no more than the SIGTERM, and end with the runtime."""
        self._closing = True
        loop = asyncio.get_running_loop()
        limit_s = self._shutdown_s
        began_s, ends_ms = loop.time(), self._clock.wall_ms() + int(limit_s * 1000)
        if self.feed is not None:
            self.feed.flush()
        if not self._runtime_gone:
            self._host.terminate()
            share = _RUNTIME_SHARE if self.external else 1.0
            await self._until(lambda: self._runtime_gone, limit_s * share)
        self._event = {
            "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": ends_ms,
        }  # fmt: skip
        for member in self.extensions.shutting_down:
            if member.identifier in self._waiting:
                self._send(member)
            else:
                member.owed = True
        left_s = limit_s - (loop.time() - began_s)
        await self._until(lambda: not self.extensions.shutting_down, left_s)

    async def _until(self, done: Callable[[], bool], limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return
