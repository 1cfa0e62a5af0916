"""The jailer's side of zygotes: starting them, hearing them, noticing their end."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdad.guest import channel, syscalls, zygote
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.root import GUEST_FOLDER


@dataclass(frozen=True, slots=True)
class Recipe:
    """A pack as lambdad describes it."""

    name: str
    family: str
    """Whose seccomp filter its environments get."""
    interpreter: str | None
    """The Python that becomes the zygote, as a path inside; None: the jailer forks commands."""
    variables: Mapping[str, str]
    """Environment of the zygote's interpreter."""
    ahead: dict[str, Any] | None
    """What its stems start; None: it has none."""


class Zygote:
    """The jailer's side of a zygote process."""

    def __init__(self, loop: Loop, recipe: Recipe, root: int, greeting: dict[str, Any]) -> None:
        self.ready = False
        self.was_ready = False
        self.reason = f"the zygote of {recipe.name} ended"
        """Why it ended, once it has."""
        self.said: Callable[[dict[str, Any]], None] = lambda message: None
        self.ended: Callable[[], None] = lambda: None
        self._loop = loop
        self._socket, theirs = channel.pair()
        self._socket.setblocking(False)
        loop.fork(lambda: _become_zygote(recipe, root, theirs), self._ended)
        theirs.close()
        channel.send(self._socket, {**greeting, "python": recipe.interpreter is not None})
        loop.read(self._socket.fileno(), self._read)

    def fork(self, request: dict[str, Any], fds: Sequence[int]) -> None:
        """Ask for a child. Raises OSError when the zygote does not listen."""
        try:
            channel.send(self._socket, request, fds)
        except channel.ChannelClosed as error:
            raise OSError(self.reason) from error

    def _read(self) -> None:
        try:
            message, _ = channel.receive(self._socket)
        except channel.ChannelClosed:
            self._loop.forget(self._socket.fileno())
            return
        if "broken" in message:
            self.reason = message["broken"]
        elif "ready" in message:
            self.ready = self.was_ready = True
        self.said(message)

    def _ended(self, status: int) -> None:
        self.ready = False
        # What it said before it ended counts.
        with contextlib.suppress(BlockingIOError, channel.ChannelClosed):
            while True:
                message, _ = channel.receive(self._socket)
                self.reason = message.get("broken", self.reason)
                self.said(message)
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        code = os.waitstatus_to_exitcode(status)
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        self.reason = f"{self.reason} ({end})"
        self.ended()


def _become_zygote(recipe: Recipe, root: int, control: socket.socket) -> int:
    syscalls.setns(root, syscalls.CLONE_NEWNS)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if recipe.interpreter is None:
        own = os.dup2(control.detach(), 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        return zygote.main(socket.socket(fileno=own))
    os.set_inheritable(control.fileno(), True)
    os.chdir(GUEST_FOLDER)
    argv = [recipe.interpreter, "-m", "lambdad_guest.zygote", str(control.fileno())]
    return os.execve(recipe.interpreter, argv, dict(recipe.variables))  # noqa: S606 - our own
