"""The jailer's side of the builder: what it is to build, what it has built."""

from __future__ import annotations

import os
import platform
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdad.guest import channel
from lambdad.sandbox.jailer import assembly
from lambdad.sandbox.jailer.assembly import Tools
from lambdad.sandbox.jailer.cgroups import Group
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.scratch import Scratch

_AT_ONCE = 4
"""Orders that the builder has: enough that it never waits, too few to fill a socket."""

Answer = Callable[[dict[str, Any], list[int]], None]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a shell is built from."""

    root: int
    """Mount namespace of the pack."""
    group: Group
    uid: int
    passwd: int | None
    """Detached mount for /etc/passwd, where environments have uids of their own."""
    commands: int
    """Read end of the pipe that stops and continues."""
    way_out: bool
    """Whether functions inside may reach the world."""

    def close(self) -> None:
        """Give back the fds that were for this shell only."""
        os.close(self.commands)
        if self.passwd is not None:
            os.close(self.passwd)


class Builder:
    """Has shells built, in the order in which they are asked for."""

    def __init__(
        self, loop: Loop, scratch: Scratch | None, pid1_group: Group, unneeded: Sequence[int]
    ) -> None:
        """`unneeded` are fds of the jailer that the builder must not keep."""
        self._loop = loop
        init = _load_init()
        self.static_init = init is not None
        self._socket, theirs = channel.pair()
        self._numbers = 0
        self._orders: deque[tuple[Blueprint, Answer]] = deque()
        self._answers: dict[int, Answer] = {}

        def run() -> int:
            self._socket.close()
            channel.close_all(unneeded)
            return assembly.serve(theirs, Tools(scratch, init, pid1_group.open_procs()))

        loop.fork(run, lambda status: loop.stop())
        theirs.close()
        if init is not None:
            os.close(init)
        loop.read(self._socket.fileno(), self._read)

    def build(self, blueprint: Blueprint, answer: Answer) -> None:
        """Build it; `answer` gets the builder's message with its fds. Takes over the blueprint."""
        self._orders.append((blueprint, answer))
        self._send()

    def _send(self) -> None:
        while self._orders and len(self._answers) < _AT_ONCE:
            blueprint, answer = self._orders.popleft()
            self._numbers += 1
            self._answers[self._numbers] = answer
            order = {
                "build": self._numbers,
                "uid": blueprint.uid,
                "passwd": blueprint.passwd is not None,
                "way_out": blueprint.way_out,
            }
            groups: list[int] = []
            try:
                groups += blueprint.group.open_procs()
                passwd = [] if blueprint.passwd is None else [blueprint.passwd]
                fds = [blueprint.root, blueprint.commands, *passwd, *groups]
                channel.send(self._socket, order, fds)
            except channel.ChannelClosed:
                self._loop.stop()
            except OSError as error:
                del self._answers[self._numbers]
                answer({"failed": self._numbers, "reason": str(error)}, [])
            finally:
                channel.close_all(groups)
                blueprint.close()

    def _read(self) -> None:
        try:
            message, fds = channel.receive(self._socket)
        except channel.ChannelClosed:
            self._loop.stop()
            return
        number = message["built"] if "built" in message else message["failed"]
        self._answers.pop(number)(message, fds)
        self._send()


def _load_init() -> int | None:
    """The static first process as a memory file that can be executed; None: none for us."""
    path = Path(__file__).parents[2] / "guest" / "init" / f"init.{platform.machine()}"
    if not path.exists():
        return None
    fd = os.memfd_create("init", os.MFD_CLOEXEC)
    os.write(fd, path.read_bytes())
    return fd
