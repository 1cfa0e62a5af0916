"""The jailer's side of the builders: what they are to build, what they have built."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambdad.guest import channel
from lambdad.sandbox.jailer import assembly
from lambdad.sandbox.jailer.assembly import Tools
from lambdad.sandbox.jailer.cgroups import Group
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.programs import load_program
from lambdad.sandbox.jailer.scratch import Scratch

_PROCESSES = 3
"""A shell takes longer in waiting, for the disk and for the kernel, than in work."""

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
    own_tmp: bool
    """Whether it needs a file system for /tmp: an heir has one."""
    commands: int
    """Read end of the pipe that stops and continues."""
    platform: bool
    """Whether functions inside may reach the AWS APIs."""
    way_out: bool
    """Whether functions inside may reach the world."""

    def close(self) -> None:
        """Give back the fds that were for this shell only."""
        os.close(self.commands)
        if self.passwd is not None:
            os.close(self.passwd)


class Builders:
    """Have shells built, begun in the order in which they are asked for."""

    def __init__(
        self, loop: Loop, scratch: Scratch | None, pid1_group: Group, unneeded: Sequence[int]
    ) -> None:
        """`unneeded` are fds of the jailer that the builder must not keep."""
        self._loop = loop
        self._orders: deque[tuple[Blueprint, Answer]] = deque()
        self._idle: deque[socket.socket] = deque()
        self.init = load_program("init")
        """The static first process as a memory file that can be executed."""
        for _ in range(_PROCESSES):
            self._start(Tools(scratch, self.init, pid1_group.open_entries()), unneeded)

    def _start(self, tools: Tools, unneeded: Sequence[int]) -> None:
        ours, theirs = channel.pair()
        others = [sock.fileno() for sock in (*self._idle, ours)]

        def run() -> int:
            channel.close_all([*unneeded, *others])
            return assembly.serve(theirs, tools)

        self._loop.fork(run, lambda status: self._loop.stop())
        theirs.close()
        channel.close_all(tools.pid1_group)
        self._idle.append(ours)

    def build(self, blueprint: Blueprint, answer: Answer) -> None:
        """Build it; `answer` gets a builder's message with its fds. Takes over the blueprint."""
        self._orders.append((blueprint, answer))
        self._hand_out()

    def _hand_out(self) -> None:
        while self._orders and self._idle:
            blueprint, answer = self._orders.popleft()
            order = {
                "uid": blueprint.uid,
                "passwd": blueprint.passwd is not None,
                "tmp": blueprint.own_tmp,
                "platform": blueprint.platform,
                "way_out": blueprint.way_out,
            }
            try:
                passwd = [] if blueprint.passwd is None else [blueprint.passwd]
                fds = [blueprint.root, blueprint.commands, *passwd]
                channel.send(self._idle[0], order, fds)
            except channel.ChannelClosed:
                self._loop.stop()
                return
            except OSError as error:
                answer({"failed": str(error)}, [])
            else:
                builder = self._idle.popleft()
                self._loop.read(builder.fileno(), partial(self._heard, builder, answer))
            finally:
                blueprint.close()

    def _heard(self, builder: socket.socket, answer: Answer) -> None:
        self._loop.forget(builder.fileno())
        try:
            message, fds = channel.receive(builder)
        except channel.ChannelClosed:
            self._loop.stop()
            return
        self._idle.append(builder)
        answer(message, fds)
        self._hand_out()
