"""lambdad's side of the jailer: the control socket, requests and their answers.

Never blocks the event loop. May not know what a sandbox is; `drivers/namespaces` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lambdad.core.limits import Limits
from lambdad.guest import channel
from lambdad.sandbox.driver import Egress, Reach, SandboxError, Tier
from lambdad.sandbox.keeper import Keeper

Message = dict[str, Any]
_SEND_BUFFER_BYTES = 1 << 20
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_ROOTLESS_PROCESSES = 4096
"""An ordinary user's environments share one count of processes (docs/threat-model.md)."""


class Jail:
    """A running jailer."""

    def __init__(
        self,
        keeper: Keeper,
        settings: Message,
        on_message: Callable[[Message, list[int]], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._keeper = keeper
        self._settings = settings
        self._on_message = on_message
        self._on_lost = on_lost
        self._socket: socket.socket | None = None
        self.outer_pid = 0
        """The jailer's outer process, once it has said so."""
        self.hello: Message = {}
        """What the jailer said of itself at its start."""
        self._hello: asyncio.Future[Message] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._unsent: deque[tuple[Message, Sequence[int]]] = deque()

    @property
    def running(self) -> bool:
        """Whether there is somebody to talk to."""
        return self._socket is not None

    async def start(self) -> None:
        """Start the process. Raises SandboxError."""
        ours, theirs = channel.pair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        with theirs:
            self._keeper.start_jailer(theirs)
        channel.send(ours, self._settings)
        loop = asyncio.get_running_loop()
        self._socket = ours
        self._hello, self._ended = loop.create_future(), loop.create_future()
        loop.add_reader(ours, self._read)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                self.hello = await self._hello
        except TimeoutError:
            await self.close()
            raise SandboxError("The jailer did not answer; `lambdad doctor` may say why.") from None

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send, now or when there is room. The fds stay the caller's: they are duplicated if the
        message has to wait. Raises SandboxError when the jailer is gone."""
        if self._socket is None:
            raise SandboxError("The jailer ended; it is started again by the next invocation.")
        if not self._unsent:
            with contextlib.suppress(BlockingIOError):
                self._send_now(message, fds)
                return
            asyncio.get_running_loop().add_writer(self._socket, self._flush)
        self._unsent.append((message, [os.dup(fd) for fd in fds]))

    async def close(self) -> None:
        """Say that there is no more to come, which ends the jailer and everything in it, and wait
        until it has hung up."""
        if self._socket is None or self._ended is None:
            return
        self._socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._ended
        self._hang_up()

    def _send_now(self, message: Message, fds: Sequence[int]) -> None:
        assert self._socket is not None
        try:
            channel.send(self._socket, message, fds)
        except channel.ChannelClosed:
            self._lost()
            raise SandboxError("The jailer ended while it was asked for a sandbox.") from None

    def _flush(self) -> None:
        while self._unsent and self._socket is not None:
            message, fds = self._unsent[0]
            try:
                self._send_now(message, fds)
            except BlockingIOError:
                return
            except SandboxError:  # told to everybody by on_lost
                return
            self._unsent.popleft()
            channel.close_all(fds)
        if self._socket is not None:
            asyncio.get_running_loop().remove_writer(self._socket)

    def _read(self) -> None:
        while self._socket is not None:
            try:
                message, fds = channel.receive(self._socket)
            except BlockingIOError:
                return
            except channel.ChannelClosed:
                self._lost()
                return
            if "outer" in message:
                self.outer_pid = message["outer"]
            elif "hello" in message:
                assert self._hello is not None
                self._hello.set_result(message["hello"])
            else:
                self._on_message(message, fds)

    def _lost(self) -> None:
        self._hang_up()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        if self._hello is not None and not self._hello.done():
            reason = "The jailer ended at its start; its message is on standard error."
            self._hello.set_exception(SandboxError(reason))
        self._on_lost()

    def _hang_up(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        for _, fds in self._unsent:
            channel.close_all(fds)
        self._unsent.clear()


def jail_settings(tier: Tier, scratch_dir: Path, egress: Egress, limits: Limits) -> Message:
    """What a jailer is told at its start."""
    rootless = tier is Tier.ROOTLESS
    return {
        "scratch_dir": str(scratch_dir),
        "rootless": rootless,
        "environments": limits.environments,
        "spare_shells": limits.spare_shells,
        "stems": limits.stems,
        "stems_idle_s": limits.stems_idle_s,
        "stems_memory_percent": limits.stems_memory_percent,
        "open_files": limits.open_files,
        "processes": limits.processes,
        "processes_of_user": _ROOTLESS_PROCESSES if rootless else limits.processes,
        "create_timeout_s": limits.sandbox_create_timeout_s,
        "platform": egress.reach is not Reach.NONE,
        "way_out": egress.reach is Reach.INTERNET,
        "opened_networks": list(egress.opened),
        "templates": limits.snapshots,
    }
