"""lambdad's side of the jailer: the process, the control socket, requests and their answers.

Never blocks the event loop. May not know what a sandbox is; `drivers/namespaces` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lambdad.core.limits import Limits
from lambdad.guest import channel
from lambdad.sandbox.driver import SandboxError

Message = dict[str, Any]
_ENTRY = Path(__file__).parent / "jailer" / "__main__.py"
_SEND_BUFFER_BYTES = 1 << 20
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_ROOTLESS_PROCESSES = 4096
"""An ordinary user's environments share one count of processes (docs/threat-model.md)."""


class Jail:
    """A running jailer."""

    def __init__(
        self,
        scratch_dir: Path,
        rootless: bool,
        limits: Limits,
        on_message: Callable[[Message, list[int]], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._settings: Message = {
            "scratch_dir": str(scratch_dir),
            "rootless": rootless,
            "environments": limits.environments,
            "spare_shells": limits.spare_shells,
            "open_files": limits.open_files,
            "processes": _ROOTLESS_PROCESSES if rootless else limits.processes,
            "create_timeout_s": limits.sandbox_create_timeout_s,
        }
        self._on_message = on_message
        self._on_lost = on_lost
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.outer_pid = 0
        """The jailer's outer process."""
        self.hello: Message = {}
        """What the jailer said of itself at its start."""
        self._hello: asyncio.Future[Message] | None = None
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
            self._process = _start_process(theirs.fileno())
        self.outer_pid = self._process.pid
        channel.send(ours, self._settings)
        loop = asyncio.get_running_loop()
        self._socket = ours
        self._hello = loop.create_future()
        loop.add_reader(ours, self._read)
        try:
            self.hello = await asyncio.wait_for(self._hello, _START_TIMEOUT_S)
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
        """Hang up, which ends the jailer and everything in it, and wait for that."""
        self._hang_up()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.wait_for(_end_of(process.pid), _STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
        process.wait()

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
            if "hello" in message:
                assert self._hello is not None
                self._hello.set_result(message["hello"])
            else:
                self._on_message(message, fds)

    def _lost(self) -> None:
        self._hang_up()
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


def _start_process(control: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - no word of it comes from outside
        [sys.executable, "-I", "-S", str(_ENTRY), str(control)],
        pass_fds=[control],
        stdin=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )


async def _end_of(pid: int) -> None:
    """Return when a process has ended; it stays to be waited for."""
    pidfd = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
