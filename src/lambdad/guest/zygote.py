"""The zygote: a started process that forks execution environments into shells.

One per runtime pack. Started by the jailer inside the pack's read-only root (Python packs: the
pack's own interpreter with the runtime client imported) or forked from it (every other pack).
Children are forked before they are needed: each joins its shell, which can take the kernel tens
of milliseconds, and waits there for what makes it a function.

Those of a Python pack are stems (`stem`): they have dropped all rights when they begin to wait, and
are told by a channel of their own. Any other holds the jailer's authority until its order comes. So
the zygote reads nothing that a tenant wrote; variables arrive as a file that one child reads when
it has no rights any more, and no child ever sees another's. Standard library only, Python 3.8 and
later. Messages, as `channel` sends them:

    jailer → zygote  {"open_files", "processes", "seccomp": hex, "python": bool}    first
                     {"fork": number, "uid", "stem": bool} + shell pidfd, socket of the child,
                     [output, telemetry, CHANNEL: of a stem], entries of its control groups …
    zygote → jailer  {"ready": true} or {"broken": reason}
                     {"child": number, "exit": wait status} or {"child", "failed": reason}
    child → jailer   {"waiting": true}
    jailer → child   {"tmp_mib", "targets", "mounted_tmp": bool, "template": hex or null}
                     + payload, output, telemetry, a mount for each target, [file system of /tmp],
                     [control socket of a template]
    child → jailer   {"entered": true} + its /proc/self/status, copy of /tmp, or
                     {"failed": reason}

A child that is none may be told instead to start a command ahead, which becomes one; without
`argv`, a program that comes with the message:

    jailer → child   {"ahead": {"argv" or null, "variables", "telemetry_fd"}}
                     + output, telemetry, CHANNEL, [program]
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

from . import channel, conductor, entering, rehearsal, stem, syscalls, template, working_set
from .python import bootstrap

_RUNTIME_FOLDER = "/var/runtime"


class Zygote:
    """Forks children on request until the jailer hangs up."""

    def __init__(self, control: socket.socket, run: Callable[[dict[str, Any]], int]) -> None:
        """`run` is what a child ends in."""
        self._control = control
        self._run = run
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._numbers: dict[int, int] = {}
        self._seccomp = b""
        self._processes = 0
        self._python = False
        # Found once: looking through all names makes a child copy the pages that they are on.
        self._own_modules = [name for name in sys.modules if name.split(".")[0] == __package__]

    def configure(self) -> None:
        """Take the first message, become as small as a parent of environments may be."""
        message, _ = channel.receive(self._control)
        self._seccomp = bytes.fromhex(message["seccomp"])
        self._processes = message["processes"]
        self._python = message["python"]
        if self._python:
            try:
                bootstrap.import_client()
            except Exception as error:
                channel.send(self._control, {"broken": describe(error)})
                raise
        entering.limit_process(message["open_files"])
        syscalls.drop_bounding_set()
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write)
        gc.collect()
        gc.freeze()
        gc.disable()
        if self._python:
            working_set.copy_in_children(rehearsal.rehearse(self._become_stem, self._run))
        channel.send(self._control, {"ready": True})

    def serve(self) -> dict[str, Any] | None:
        """Fork and reap until the control socket closes. Returns None then; in a child, what the
        child is to run."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wake_read:
                    self._reap()
                    continue
                try:
                    request, fds = channel.receive(self._control)
                except channel.ChannelClosed:
                    return None
                if self._fork(request["fork"], fds):
                    become = self._become_stem if request["stem"] else self._become_environment
                    return become(request["uid"], fds)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 512)
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with contextlib.suppress(channel.ChannelClosed):  # noticed where it is read
                channel.send(self._control, {"child": self._numbers.pop(pid), "exit": status})

    def _fork(self, number: int, fds: list[int]) -> bool:
        """True in the child."""
        try:
            # Children are born as members of the shell's pid namespace.
            syscalls.setns(fds[0], syscalls.CLONE_NEWPID)
            pid = -1
            try:
                pid = os.fork()
            finally:
                if pid != 0:
                    syscalls.setns(self._own_pids, syscalls.CLONE_NEWPID)
        except OSError as error:
            channel.send(self._control, {"child": number, "failed": describe(error)})
        else:
            if pid == 0:
                return True
            self._numbers[pid] = number
        channel.close_all(fds)
        return False

    def _become_stem(self, uid: int, fds: list[int]) -> dict[str, Any]:
        """The child: join the shell, drop all rights, wait for what to run."""
        with self._reporting(fds[1]) as jailer:
            output, telemetry, between = fds[2:5]
            self._join(fds[0], fds[5:])
            self._become_ordinary(uid, [output, telemetry])
            channel.send(jailer, {"waiting": True})
            more = {stem.CHANNEL: between}
            self._keep_only([output, telemetry], entering.TELEMETRY_FD, more)
        start = _parse(stem.wait())
        os.chdir(entering.TASK_ROOT)
        return start

    def _become_environment(self, uid: int, fds: list[int]) -> dict[str, Any]:
        """The child: join the shell, wait for the order, drop all rights, read what to run."""
        with self._reporting(fds[1]) as jailer:
            self._join(fds[0], fds[2:])
            channel.send(jailer, {"waiting": True})
            order, given = channel.receive(jailer)
            if "ahead" in order:
                return self._start_ahead(order["ahead"], given, uid)
            return self._obey(order, given, uid, jailer)

    @contextlib.contextmanager
    def _reporting(self, fd: int) -> Iterator[socket.socket]:
        """To the jailer, which hears of whatever fails. Closed with all that is not kept."""
        jailer = socket.socket(fileno=fd)
        try:
            yield jailer
        except channel.ChannelClosed:
            os._exit(0)
        except BaseException as error:  # whatever it is, the caller must hear of it
            channel.send(jailer, {"failed": describe(error)})
            os._exit(1)
        jailer.detach()

    def _join(self, shell: int, groups: list[int]) -> None:
        """Be a process of the shell, and no zygote any more."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        os.setsid()
        if self._python:
            # A function may bring modules of any name: ours must not be there before.
            for name in self._own_modules:
                del sys.modules[name]
            gc.enable()
        entering.enter(shell, groups)
        channel.close_all([shell, *groups])

    def _start_ahead(self, ahead: dict[str, Any], fds: list[int], uid: int) -> dict[str, Any]:
        """Become the command of a stem."""
        pipes, (between, *program) = fds[:2], fds[2:]
        self._become_ordinary(uid, pipes)
        more = {stem.CHANNEL: between}
        if program:
            more[stem.PROGRAM] = program[0]
        self._keep_only(pipes, ahead["telemetry_fd"], more)
        os.chdir("/")
        if program:
            os.set_inheritable(stem.PROGRAM, False)
            ahead["argv"] = ["/proc/self/fd/%d" % stem.PROGRAM]
        return ahead

    def _obey(
        self, order: dict[str, Any], fds: list[int], uid: int, jailer: socket.socket
    ) -> dict[str, Any]:
        payload, pipes = fds[0], fds[1:3]
        tmp = _furnish(order, fds)
        own_filter = order["template"]
        self._become_ordinary(uid, pipes, bytes.fromhex(own_filter) if own_filter else None)
        start = _parse(os.pread(payload, os.fstat(payload).st_size, 0))
        status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        channel.send(jailer, {"entered": True}, [status, tmp])
        number, more = start["telemetry_fd"], {}
        if own_filter:
            more[template.CONTROL_FD] = fds[-1]
            start["template"] = template.Template(start["variables"], number, self._seccomp)
        self._keep_only(pipes, number, more)
        os.chdir(entering.TASK_ROOT)
        return start

    def _become_ordinary(self, uid: int, pipes: list[int], seccomp: bytes | None = None) -> None:
        """Drop all rights, with pipes that still may be written to. Under a filter of system calls
        of its own where it is a template."""
        if os.getuid() != uid:
            # /dev/stdout is opened anew by its name: it must belong to who may.
            for pipe in pipes:
                os.fchown(pipe, uid, uid)
        entering.limit(resource.RLIMIT_NPROC, self._processes)
        entering.drop_privileges(uid, seccomp or self._seccomp)

    def _keep_only(self, pipes: list[int], number: int | None, more: dict[int, int]) -> None:
        output, telemetry = pipes
        own = {} if number is None else {number: telemetry}
        entering.keep_only({0: self._null, 1: output, 2: output, **own, **more})


def _furnish(order: dict[str, Any], fds: list[int]) -> int:
    """Mount what an order brings behind payload and pipes. A copy of /tmp."""
    targets = order["targets"]
    given_tmp = fds[3 + len(targets)] if order["mounted_tmp"] else None
    return entering.furnish(dict(zip(targets, fds[3:])), given_tmp, order["tmp_mib"])


def _parse(payload: bytes) -> dict[str, Any]:
    """What to run; behind it may be the same for those who read no JSON."""
    start: dict[str, Any] = json.loads(payload.partition(b"\0")[0])
    return start


def describe(error: BaseException) -> str:
    """An error in one short line."""
    return ("%s: %s" % (type(error).__name__, error))[:1024]


def _run(start: dict[str, Any], runtime_path: list[str]) -> int:
    """Run what the payload says: a command, or the Python runtime client in this process."""
    if "extensions" in start:
        conductor.Conductor(start["variables"]["AWS_LAMBDA_RUNTIME_API"]).conduct(
            start["extensions"]
        )
    if start["argv"] is None:
        bootstrap.become(start["variables"])
        if "template" in start:
            start["template"].install()
        return bootstrap.run(start["variables"], runtime_path)
    try:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execve(start["argv"][0], start["argv"], start["variables"])
    except OSError as error:
        os.write(2, ("%s: %s\n" % (start["argv"][0], error.strerror)).encode())
        return 127 if isinstance(error, FileNotFoundError) else 126


def main(control: socket.socket) -> int:
    """Be a zygote on this control socket until it closes, or the environment forked from it;
    the exit code."""
    runtime_path = bootstrap.bare_path(_RUNTIME_FOLDER)

    def run(start: dict[str, Any]) -> int:
        return _run(start, runtime_path)

    zygote = Zygote(control, run)
    zygote.configure()
    start = zygote.serve()
    return 0 if start is None else run(start)


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
