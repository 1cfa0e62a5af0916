"""A builder: a process that assembles shells, one after the other.

It takes the namespaces of a shell upon itself, furnishes them, starts guest/init in them and goes
home. Nothing is forked but that one process, and that without a copy of the interpreter's memory:
copying, and what a copy pays for each page that it writes to, was half of a shell's price.

It has the jailer's authority, is alone in every namespace that it enters, and has left before
anybody is let in. One that cannot go home ends, and the jailer with it.

    jailer → builder  {"uid", "passwd": bool, "tmp": bool, "platform": bool, "way_out": bool}
                      + root, commands, [passwd]
    builder → jailer  {"built": true, "platform": bool, "way_out": bool}
                      + pidfd, Runtime API listener, [platform listener], [listener and DNS socket
                      of the way out], /proc, [file system of /tmp]
                      or {"failed": reason}
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer import network
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.root import GUEST_FOLDER
from lambdad.sandbox.jailer.scratch import DEFAULT_MIB, Scratch

HOSTNAME = "169.254.100.1"
TMP = "/tmp"  # noqa: S108 - the private one inside
_MEMORY_TMP = "size=512m,nr_inodes=256k,mode=1777"
_OWN_NAMESPACES = (
    syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWCGROUP
)
_KEEP_IDS = 0xFFFFFFFF
_COMMANDS, _REPORT = 3, 4
"""Fds of guest/init."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a builder keeps from the jailer that forked it."""

    scratch: Scratch | None
    """Where /tmp comes from; None: from memory."""
    init: int
    """The static first process, as a memory file."""
    pid1_group: Sequence[int]
    """Entries of the group that first processes are in, and builders, who start them: freezing an
    environment does not freeze its first process."""


def serve(control: socket.socket, tools: Tools) -> int:
    """Be the builder until the jailer hangs up."""
    loop = Loop()
    builder = _Builder(tools)

    def read() -> None:
        try:
            message, fds = channel.receive(control)
        except channel.ChannelClosed:
            loop.stop()
            return
        try:
            answer, parts = builder.build(message, fds)
        finally:
            channel.close_all(fds)
        channel.send(control, answer, parts)
        channel.close_all(parts)

    loop.read(control.fileno(), read)
    loop.run()
    return 0


class _Builder:
    def __init__(self, tools: Tools) -> None:
        for fd in tools.pid1_group:
            os.write(fd, b"0")
        # Namespaces to come home to: an ordinary user could not enter the host's again.
        syscalls.unshare(_OWN_NAMESPACES)
        kinds = ("mnt", "ipc", "uts", "net", "cgroup", "pid")
        flags = os.O_RDONLY | os.O_CLOEXEC
        self._home = [os.open(f"/proc/self/ns/{kind}", flags) for kind in kinds]
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._tools = tools
        self._init = _lifted(tools.init)

    def build(self, order: dict[str, Any], fds: Sequence[int]) -> tuple[dict[str, Any], list[int]]:
        """The answer and the fds that go with it."""
        parts: list[int] = []
        try:
            self._assemble(order, fds, parts)
        except OSError as error:
            channel.close_all(parts)
            return {"failed": f"{type(error).__name__}: {error}"[:1024]}, []
        finally:
            for namespace in self._home:
                syscalls.setns(namespace, 0)
        return {"built": True, "platform": order["platform"], "way_out": order["way_out"]}, parts

    def _assemble(self, order: dict[str, Any], fds: Sequence[int], parts: list[int]) -> None:
        root, commands, *more = fds
        passwd = more[0] if order["passwd"] else None
        scratch = self._tools.scratch
        tmp = [scratch.make(DEFAULT_MIB)] if scratch is not None and order["tmp"] else []
        try:
            syscalls.setns(root, syscalls.CLONE_NEWNS)
            # Not that of control groups: who will live in them makes it (`entering.enter`).
            syscalls.unshare(_OWN_NAMESPACES & ~syscalls.CLONE_NEWCGROUP | syscalls.CLONE_NEWNS)
            network.bring_up()
            listeners = network.listen(order["platform"])
            if order["way_out"]:
                listeners += network.open_way_out()
            parts += [listener.detach() for listener in listeners]
            _furnish(passwd, memory_tmp=not tmp)
            pidfd, proc = self._start_first_process(order["uid"], commands)
            parts[:] = [pidfd, *parts, proc]
        except OSError:
            channel.close_all(tmp)
            raise
        parts += tmp

    def _start_first_process(self, uid: int, commands: int) -> tuple[int, int]:
        """Its pidfd and its /proc, once it has given up every right."""
        ours, theirs = channel.pair()
        with ours:
            with theirs:
                ours.send(struct.pack("=I", _KEEP_IDS if uid == os.getuid() else uid))
                syscalls.unshare(syscalls.CLONE_NEWPID)
                # It ends by itself when nobody hears that it is ready.
                pidfd = os.pidfd_open(self._spawn(commands, theirs.fileno()))
            try:
                if not ours.recv(1):
                    raise OSError("the first process ended")
                return pidfd, os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                os.close(pidfd)
                raise

    def _spawn(self, commands: int, report: int) -> int:
        sources = [_lifted(fd) for fd in (self._null, self._null, self._null, commands, report)]
        try:
            actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(sources)]
            path = f"/proc/self/fd/{self._init}"
            return os.posix_spawn(path, ["init"], {}, file_actions=actions)
        finally:
            channel.close_all(sources)


def _lifted(fd: int) -> int:
    """A copy above the numbers that a first process has: there it would be overwritten."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _REPORT + 1)


def _furnish(passwd: int | None, memory_tmp: bool) -> None:
    syscalls.set_hostname(HOSTNAME)
    syscalls.unmount(f"{GUEST_FOLDER}/lambdad_guest")
    # /opt is empty without layers; below, for the zygote's loader, it is not.
    empty = syscalls.clone_tree(syscalls.AT_FDCWD, "/var/empty")
    syscalls.attach_tree(empty, "/opt")
    os.close(empty)
    if memory_tmp:
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
        syscalls.mount("tmp", TMP, "tmpfs", flags, _MEMORY_TMP)
    if passwd is not None:
        syscalls.attach_tree(passwd, "/etc/passwd")
