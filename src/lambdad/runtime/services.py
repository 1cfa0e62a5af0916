"""What an execution environment needs from the rest of the daemon, and what it tells its pool.

Owns only the shapes: the collaborators are built in server/wiring.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.core.value import Value, field
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.archives import Archives, NoArchives
from lambdad.runtime.collector import LogSink
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.invocation import Invocation
from lambdad.runtime.variables import Credentials
from lambdad.sandbox.driver import Driver

CredentialsFor = Callable[[FunctionVersion], Credentials]
"""Session credentials of a version's execution role."""


class PlatformEndpoint(Protocol):
    """Serves the AWS APIs on a sandbox's own listener; the gateway is one."""

    async def attach(self, listener: socket.socket) -> None: ...

    def detach(self, listener: socket.socket) -> None:
        """Stop accepting on it, before it is closed."""


class Owner(Protocol):
    """The pool that an environment belongs to. Called on the event loop; never blocks."""

    def available(self, environment: Any) -> None:
        """It can take an invocation."""

    def ended(self, environment: Any) -> None:
        """It is gone and takes no more."""

    def reroute(self, invocation: Invocation) -> None:
        """Give an invocation that no function has seen to another environment."""

    def creation_turn(self) -> contextlib.AbstractAsyncContextManager[object]:
        """Held while a sandbox is created: only so many are at once."""
        ...


class Tasks:
    """Work that outlives the call that began it, held until it is done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until there is none left."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


class EnvironmentServices(Value):
    """The collaborators of every execution environment."""

    driver: Driver
    log_sink: LogSink
    credentials_for: CredentialsFor
    clock: Clock
    limits: Limits
    freezer: Freezer
    platform: PlatformEndpoint | None = None
    archives: Archives = field(default_factory=NoArchives)
    tasks: Tasks = field(default_factory=Tasks)
