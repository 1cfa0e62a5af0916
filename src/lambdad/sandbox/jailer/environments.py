"""One environment in the jailer: from the request to nothing.

Its main process is the zygote's child, everything in it ends with its shell's pid 1. It is over
when the child's status is known, the shell is dead and its control groups are removed; then nothing
runs in it any more. What remains, its slot and its /tmp, goes to an heir if lambdad wishes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from lambdad.guest import channel, entering, syscalls
from lambdad.sandbox.jailer.cgroups import MIB
from lambdad.sandbox.jailer.home import Home
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.memory import MemoryWatch, private_bytes
from lambdad.sandbox.jailer.scratch import Scratch
from lambdad.sandbox.jailer.shell import Shell

_SOCKETS = 4
"""Made at once: each time costs a fork."""
_STATUS = "2/status"
"""Of the main process, in its shell's /proc: it follows the first one."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What an environment leaves: the next one in the same slot has the same uid, so the files of
    this /tmp are its own."""

    slot: int | None
    """None where it never had a shell."""
    tmp: int | None
    """Detached mount, where there is one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What lambdad asked for. The fds are the environment's to close."""

    id: str
    memory_mib: int
    tmp_mib: int
    processes: int
    background: bool
    """It gets what the others leave of the CPU."""
    create_timeout_s: float
    payload: int
    """Memory file: what the main process is to do."""
    trees: Mapping[str, int]
    """Detached mounts by target: code, layers, an archive; none where the shell has them
    already."""
    scratch: Scratch | None
    """Where /tmp comes from; None: from memory."""
    inherited: Remains | None
    """Of the environment that this one goes on for."""

    @property
    def memory_tmp_mib(self) -> int:
        """The part of memory that is /tmp."""
        return self.tmp_mib if self.scratch is None else 0


class Surroundings(Protocol):
    """What an environment needs of the jailer."""

    loop: Loop
    watch: MemoryWatch
    home: Home

    def tell(self, message: dict[str, Any], fds: list[int]) -> None: ...
    def retire(self, shell: Shell, done: Callable[[], None]) -> None: ...
    def over(self, environment: Environment, remains: Remains, keep: bool) -> None: ...


class Source(Protocol):
    """Where its shell comes from."""

    def forget(self, customer: Any) -> None: ...


class Environment:
    """One environment, from request to nothing."""

    def __init__(self, order: Order, source: Source, jailer: Surroundings) -> None:
        self.id = order.id
        self.source = source
        self.order = order
        self._jailer = jailer
        self._shell: Shell | None = None
        self._fds = [order.payload, *order.trees.values()]
        self._oom_event: int | None = None
        self._heard = False
        self._created = False
        self._failure: str | None = None
        self._lost = False
        self._status: int | None = None
        self._oom = False
        self._peak_bytes = 0
        """What its control group counted, if it ended by itself: lambdad may look too late."""
        self._nothing_left = False
        self._over = False
        self._tmp = None if order.inherited is None else order.inherited.tmp
        """Ours beside the one that is mounted inside."""
        self._keep_tmp: bool | None = None
        """None while lambdad has not said what is to become of it."""
        jailer.loop.later(order.create_timeout_s, self._check_created)

    def start(self, shell: Shell) -> None:
        """Go into this shell."""
        self._shell = shell
        shell.ended = self._shell_ended
        shell.on_child_end = self._child_ended
        assert shell.child is not None
        order, tmp = self.order, self._tmp
        try:
            shell.group.limit(
                order.memory_mib,
                order.processes,
                order.memory_tmp_mib,
                background=order.background,
            )
            inherited = [] if tmp is None else [tmp]
            if order.scratch is not None and tmp is None:
                tmp = shell.take_tmp(order.tmp_mib, order.scratch)
                self._fds.append(tmp)
            self._watch_memory(shell)
            if shell.stem is not None:
                self._tell_stem(shell, shell.stem, tmp)
                return
            message = {
                "tmp_mib": order.tmp_mib,
                "targets": list(order.trees),
                "mounted_tmp": tmp is not None,
                "template": None,
            }
            self._fds[1:1] = shell.make_pipes()
            self._complete(message)
            self._jailer.loop.read(shell.child.fileno(), self._child_said)
            channel.send(shell.child, message, [*self._fds, *inherited])
        except (channel.ChannelClosed, BrokenPipeError, ProcessLookupError):
            self.fail("the process that waited in its shell ended", lost=True)
        except OSError as error:
            self.fail(str(error))
        finally:
            self._close_fds()

    def _tell_stem(self, shell: Shell, stem: socket.socket, tmp: int | None) -> None:
        """Give a stem its function. Raises OSError."""
        order, self._heard = self.order, True  # its first process says no more
        with self._jailer.home.left_for(shell.pidfd):
            mounted = entering.furnish(order.trees, tmp, order.tmp_mib)
        self._close_tmp()  # the one that was inherited is mounted inside now
        self._tmp = mounted
        status = os.open(_STATUS, os.O_RDONLY | os.O_CLOEXEC, dir_fd=shell.proc)
        try:
            sent, size = 0, os.fstat(order.payload).st_size
            while sent < size:
                sent += os.sendfile(stem.fileno(), order.payload, sent, size)
            stem.shutdown(socket.SHUT_WR)
            self._announce([status])
        finally:
            os.close(status)

    def _complete(self, message: dict[str, Any]) -> None:
        """The last word before the order goes to the child."""

    def _child_said(self) -> None:
        """Once: it became the function, or could not; then it hangs up."""
        if self._heard:
            return
        self._heard = True
        shell = self._shell
        assert shell is not None
        assert shell.child is not None
        self._jailer.loop.forget(shell.child.fileno())
        try:
            message, fds = channel.receive(shell.child)
        except (channel.ChannelClosed, BlockingIOError):
            message, fds = {"failed": "its first process ended", "lost": True}, []
        if "failed" in message:
            self.fail(message["failed"], lost="lost" in message)
        elif self._failure is None:
            self._close_tmp()  # the one that was inherited is mounted inside now
            self._tmp = fds.pop()
            self._announce(fds)
        channel.close_all(fds)

    def fail(self, reason: str, lost: bool = False) -> None:
        """It cannot be created. `lost`: what was prepared for it had ended, nothing else."""
        if self._failure is None:
            self._failure, self._lost = reason, lost
        self._end_shell()

    def kill(self, keep_tmp: bool) -> None:
        """End it, if it has not ended by itself, and let /tmp go with it or keep it."""
        self._keep_tmp = keep_tmp
        if self._over:
            self._settle()
            return
        if not self._created:
            self._failure = self._failure or "killed while it was created"
        elif not keep_tmp and self._status is None:
            self._close_tmp()  # while it is mounted inside, which makes closing it cheap
        self._end_shell()

    def terminate(self, pid: int) -> None:
        """SIGTERM to a process inside."""
        if self._shell is None or self._shell.dead:
            return
        with contextlib.suppress(OSError):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            process = os.open(str(pid), flags, dir_fd=self._shell.proc)
            try:
                signal.pidfd_send_signal(process, signal.SIGTERM)
            finally:
                os.close(process)

    def open_sockets(self, answer_to: socket.socket) -> None:
        """Make sockets that reach nothing but this environment's network and send them off. A
        child makes them: without privileges there would be no way back from that network."""
        shell = self._shell

        def run() -> int:
            made: list[socket.socket] = []
            with contextlib.suppress(OSError):
                if shell is not None and not shell.dead:
                    syscalls.setns(shell.pidfd, syscalls.CLONE_NEWNET)
                    made = [socket.socket() for _ in range(_SOCKETS)]
            channel.send(answer_to, {"sockets": self.id}, [one.fileno() for one in made])
            return 0

        self._jailer.loop.fork(run, lambda status: None)

    def _end_shell(self) -> None:
        if self._shell is not None:
            self._shell.kill()
        else:
            self.source.forget(self)
            self._gone()

    def _check_created(self) -> None:
        if not self._created and not self._nothing_left:
            self.fail(f"it was not there after {self.order.create_timeout_s:g} s")

    def _announce(self, fds: list[int]) -> None:
        shell = self._shell
        assert shell is not None
        self._created = True
        message: dict[str, Any] = {"created": self.id, "usage": shell.group.usage_files()}
        freezer = shell.group.freezer()
        if freezer is None:
            switch, message["freeze"], message["thaw"] = os.dup(shell.commands), "S", "C"
        else:
            path, message["freeze"], message["thaw"] = freezer
            switch = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        message["platform"] = shell.platform >= 0
        assert shell.pipes is not None
        self._jailer.tell(message, [*shell.listeners, *fds, switch, *shell.pipes])
        os.close(switch)
        shell.handed_over()

    def _child_ended(self, status: int) -> None:
        """The main process ended; the shell sees to the rest of what runs in it."""
        if self._status is None:
            self._child_said()  # what it said before it ended may still be unread
            shell = self._shell
            assert shell is not None
            if not shell.dead:
                self._take_stock(shell)
            self._status = status
            if self._created:
                message = {"status": status, "oom": self._oom, "peak_bytes": self._peak_bytes}
                self._jailer.tell({"exited": self.id, **message}, [])
            self._finish()

    def _shell_ended(self) -> None:
        self._child_said()
        shell = self._shell
        assert shell is not None
        self._take_stock(shell)
        self._jailer.retire(shell, self._gone)

    def _take_stock(self, shell: Shell) -> None:
        """While its control group is still there; the peak with the first end that is seen."""
        self._oom = self._oom or shell.group.oom_killed()
        if self._keep_tmp is None and self._status is None:
            self._peak_bytes = shell.group.memory_peak()

    def _gone(self) -> None:
        """Shell and control groups are no more."""
        self._nothing_left = True
        self._close_fds()
        self._stop_watching()
        self._finish()

    def _finish(self) -> None:
        """Say so when it is over: the order in which its parts end is the kernel's."""
        if self._over or not self._nothing_left or (self._created and self._status is None):
            return
        self._over = True
        if self._created:
            self._jailer.tell({"gone": self.id}, [])
        else:
            message = {"failed": self.id, "reason": self._failure or "it ended"}
            lost = self._lost or self._failure is None
            self._jailer.tell({**message, **({"lost": True} if lost else {})}, [])
            self._keep_tmp = False
        self._settle()

    def _settle(self) -> None:
        """Leave what remains, once it is known to whom."""
        if self._keep_tmp is not None:
            slot = None if self._shell is None else self._shell.slot
            tmp, self._tmp = self._tmp, None
            self._jailer.over(self, Remains(slot, tmp), self._keep_tmp)

    def _watch_memory(self, shell: Shell) -> None:
        # Where /tmp is memory, the group's limit is that of both.
        if not shell.group.limits_memory or self.order.memory_tmp_mib:
            limit_bytes = self.order.memory_mib * MIB
            read = partial(private_bytes, shell.proc, limit_bytes)
            self._jailer.watch.add(self.id, read, limit_bytes, self._over_limit)
        if (event := shell.group.oom_event()) is not None:
            self._oom_event = event
            self._jailer.loop.read(event, self._over_limit)

    def _over_limit(self) -> None:
        self._stop_watching()
        self._oom = True
        self._end_shell()

    def _stop_watching(self) -> None:
        self._jailer.watch.discard(self.id)
        if self._oom_event is not None:
            self._jailer.loop.forget(self._oom_event)
            os.close(self._oom_event)
            self._oom_event = None

    def _close_fds(self) -> None:
        channel.close_all(self._fds)
        self._fds = []

    def _close_tmp(self) -> None:
        if self._tmp is not None:
            os.close(self._tmp)
            self._tmp = None
