"""A shell: namespaces, network and first process of one sandbox, built before it is needed.

What the jailer holds of it; how it is made is the builder's (`assembly`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from lambdad.guest import channel
from lambdad.sandbox.jailer.cgroups import Group
from lambdad.sandbox.jailer.scratch import DEFAULT_MIB, Scratch


@dataclass(slots=True, eq=False)
class Shell:
    """A shell and what belongs to it, fds included."""

    slot: int
    uid: int
    group: Group
    commands: int
    """Write end of the pipe that stops and continues everything inside."""
    pidfd: int = -1
    runtime: int = -1
    platform: int = -1
    proc: int = -1
    """Its /proc, for watching memory where no control group does."""
    tmp: int = -1
    """Detached file system for /tmp, of the default size, where /tmp is on disk."""
    child: socket.socket | None = None
    """To the process that waits inside to become a function."""
    starts_ahead: bool = False
    """Whether the zygote's child is a stem from the start."""
    stem: socket.socket | None = None
    """To the process that was started ahead, where one was."""
    pipes: tuple[int, int] | None = None
    """Read ends of its function's output and telemetry."""
    dead: bool = False
    ended: Callable[[], None] = lambda: None
    """Called once everything inside has ended."""
    opened: Callable[[list[int]], None] = lambda fds: None
    """Called with the sockets of the way out, where there is one."""
    on_child_end: Callable[[int], None] | None = None
    shells_below: int = 0
    """That a template's children live in: they would end with this one."""

    def child_ended(self, status: int) -> None:
        """The zygote's child in here is no more; a shell without one is of no use."""
        if self.on_child_end is not None:
            self.on_child_end(status)
        if not self.shells_below:
            self.kill()

    def kill(self) -> None:
        """End everything inside, if it was ever built."""
        if not self.dead and self.pidfd >= 0:
            self.group.thaw()
            with contextlib.suppress(ProcessLookupError):  # its end is still to be noticed
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def take_tmp(self, mib: int, scratch: Scratch) -> int:
        """The file system for /tmp, made now if it is not of the size that was made ahead."""
        if mib == DEFAULT_MIB:
            tmp, self.tmp = self.tmp, -1
            return tmp
        scratch.prepare(mib)
        return scratch.make(mib)

    def make_pipes(self) -> list[int]:
        """Make the pipes of its function; their write ends are the caller's to close."""
        output, output_end = os.pipe2(os.O_CLOEXEC)
        telemetry, telemetry_end = os.pipe2(os.O_CLOEXEC)
        self.pipes = (output, telemetry)
        return [output_end, telemetry_end]

    def make_stem(self) -> list[int]:
        """Make what a process that is started ahead gets: its ends of the pipes and of the channel,
        the caller's to close."""
        self.stem, theirs = socket.socketpair()
        self.stem.setblocking(False)
        return [*self.make_pipes(), theirs.detach()]

    @property
    def waits(self) -> bool:
        """Whether the process that is to become a function is still there."""
        to_it = self.stem or self.child
        assert to_it is not None
        try:
            return to_it.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    @property
    def listeners(self) -> list[int]:
        """Of the Runtime API and, where functions may reach it, of the platform."""
        return [fd for fd in (self.runtime, self.platform) if fd >= 0]

    def handed_over(self) -> None:
        """Listeners and pipes have gone to lambdad."""
        channel.close_all([*self.listeners, *(self.pipes or ())])
        self.runtime = self.platform = -1
        self.pipes = None

    def close(self) -> None:
        """Give the fds back."""
        for fd in (self.pidfd, self.commands, self.runtime, self.platform, self.proc, self.tmp):
            if fd >= 0:
                os.close(fd)
        channel.close_all(self.pipes or ())
        for channel_inside in (self.child, self.stem):
            if channel_inside is not None:
                channel_inside.close()
