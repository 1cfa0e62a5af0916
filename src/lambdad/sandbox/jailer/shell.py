"""A shell: namespaces, network and first process of one sandbox, built before it is needed.

`build` runs in a child of the jailer that is pid 1 of the new pid namespace and ends as
guest/init. `Shell` is what the jailer holds of it.
"""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer import network
from lambdad.sandbox.jailer.cgroups import Group
from lambdad.sandbox.jailer.root import GUEST_FOLDER
from lambdad.sandbox.jailer.scratch import DEFAULT_MIB, Scratch

HOSTNAME = "169.254.100.1"
TMP = "/tmp"  # noqa: S108 - the private one inside
_MEMORY_TMP = "size=512m,nr_inodes=256k,mode=1777"


@dataclass(slots=True)
class Blueprint:
    """What a shell is built from."""

    root: int
    """Mount namespace of the pack."""
    group: Group
    pid1_group: Group
    uid: int
    passwd: int | None
    """Detached mount for /etc/passwd, where environments have uids of their own."""
    scratch: Scratch | None
    """Where /tmp comes from; None: from memory."""
    init: int | None
    """The static first process, as a memory file; None where there is none for this machine."""
    commands: int
    """Read end of the pipe that stops and continues."""
    way_out: bool
    """Whether functions inside may reach the world."""

    def close(self) -> None:
        """Give back the fds that were for this shell only."""
        os.close(self.commands)
        if self.passwd is not None:
            os.close(self.passwd)


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
    pipes: tuple[int, int] | None = None
    """Read ends of output and telemetry, where the command was started ahead."""
    dead: bool = False
    ended: Callable[[], None] = lambda: None
    """Called once everything inside has ended."""
    opened: Callable[[list[int]], None] = lambda fds: None
    """Called with the sockets of the way out, where there is one."""
    on_child_end: Callable[[int], None] | None = None

    def child_ended(self, status: int) -> None:
        """The zygote's child in here is no more; a shell without one is of no use."""
        if self.on_child_end is not None:
            self.on_child_end(status)
        self.kill()

    def kill(self) -> None:
        """End everything inside."""
        if not self.dead:
            self.group.thaw()
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def take_tmp(self, mib: int, scratch: Scratch) -> int:
        """The file system for /tmp, made now if it is not of the size that was made ahead."""
        if mib == DEFAULT_MIB:
            tmp, self.tmp = self.tmp, -1
            return tmp
        scratch.prepare(mib)
        return scratch.make(mib)

    def close_listeners(self) -> None:
        """They have gone to lambdad."""
        os.close(self.runtime)
        os.close(self.platform)
        self.runtime = self.platform = -1

    def close(self) -> None:
        """Give the fds back."""
        for fd in (self.pidfd, self.commands, self.runtime, self.platform, self.proc, self.tmp):
            if fd >= 0:
                os.close(fd)
        channel.close_all(self.pipes or ())
        if self.child is not None:
            self.child.close()


def load_init() -> int | None:
    """The static first process as a memory file that can be executed; None: none for us."""
    path = Path(__file__).parents[2] / "guest" / "init" / f"init.{platform.machine()}"
    if not path.exists():
        return None
    fd = os.memfd_create("init", os.MFD_CLOEXEC)
    os.write(fd, path.read_bytes())
    return fd


def build(blueprint: Blueprint, report: socket.socket) -> None:
    """Become a shell. Never returns; reports listeners or a reason."""
    try:
        fds = _assemble(blueprint)
        channel.send(report, {"built": True, "way_out": blueprint.way_out}, fds)
        report.close()
        _become_init(blueprint)
    except BaseException as error:
        channel.send(report, {"failed": f"{type(error).__name__}: {error}"[:1024]})
    finally:
        os._exit(1)


def _assemble(blueprint: Blueprint) -> list[int]:
    tmp = [] if blueprint.scratch is None else [blueprint.scratch.make(DEFAULT_MIB)]
    own_group, pid1_group = blueprint.group.open_procs(), blueprint.pid1_group.open_procs()
    syscalls.setns(blueprint.root, syscalls.CLONE_NEWNS)
    syscalls.unshare(
        syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET
    )
    # The control group namespace is rooted where its maker is: go in, make it, step aside, so
    # that freezing the environment does not freeze its first process.
    for fd in own_group:
        os.write(fd, b"0")
    syscalls.unshare(syscalls.CLONE_NEWCGROUP)
    for fd in pid1_group:
        os.write(fd, b"0")
    network.bring_up()
    listeners = [*network.listen(), *(network.open_way_out() if blueprint.way_out else ())]
    syscalls.set_hostname(HOSTNAME)
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.unmount(f"{GUEST_FOLDER}/lambdad_guest")
    # /opt is empty without layers; below, for the zygote's loader, it is not.
    syscalls.attach_tree(syscalls.clone_tree(syscalls.AT_FDCWD, "/var/empty"), "/opt")
    if not tmp:
        syscalls.mount("tmp", TMP, "tmpfs", flags, _MEMORY_TMP)
    syscalls.mount("proc", "/proc", "proc", flags | syscalls.MS_NOEXEC)
    if blueprint.passwd is not None:
        syscalls.attach_tree(blueprint.passwd, "/etc/passwd")
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return [*(listener.detach() for listener in listeners), proc, *tmp]


def _become_init(blueprint: Blueprint) -> None:
    """Drop everything and wait for the end as a process that owns nothing."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    syscalls.drop_bounding_set()
    if os.getuid() != blueprint.uid:
        os.setgroups([])
        os.setresgid(blueprint.uid, blueprint.uid, blueprint.uid)
        os.setresuid(blueprint.uid, blueprint.uid, blueprint.uid)
    syscalls.set_capabilities(0, 0, 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    init = None if blueprint.init is None else fcntl.fcntl(blueprint.init, fcntl.F_DUPFD_CLOEXEC, 4)
    os.dup2(blueprint.commands, 3)
    if init is not None:
        os.execve(init, ["init"], {})  # noqa: S606 - other fds close by themselves
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    _wait_for_the_end()


def _wait_for_the_end() -> None:
    """The same as guest/init in Python, for machines without a prebuilt one. After the change of
    uid nobody inside may look into it; as an ordinary user there is none, and were it closed, the
    zygote could not join the shell: so there it stays open. It holds nothing and may do nothing.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while command := os.read(3, 1):
        os.kill(-1, signal.SIGSTOP if command == b"S" else signal.SIGCONT)
    while True:
        signal.pause()
