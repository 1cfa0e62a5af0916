"""Entry of the jailer's processes: `python -I -S <this file> <fd of the keeper's socket>`.

Three processes. The keeper has the rights that lambdad was started with and does nothing but start
jailers: lambdad sends `{"op": "jailer"}` and the jailer's end of a control socket. The outer one
becomes what it may be (takes the instance number; as an ordinary user, enters a user namespace),
starts the jailer proper as pid 1 of a pid namespace, waits for its end, whatever that was, and
removes what the kernel does not.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

if __name__ == "__main__":
    # Started without site-packages and without PYTHONPATH: only what lambdad itself consists of.
    sys.path.insert(0, str(Path(__file__).parents[3]))

from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer.cgroups import Cgroups, clear_ended
from lambdad.sandbox.jailer.hierarchies import find_hierarchies
from lambdad.sandbox.jailer.instance import Instance, clear_dead
from lambdad.sandbox.jailer.server import Jailer, Settings

SANDBOX_USER = (993, 990)
"""uid and gid of sbx_user1051 on AWS; an ordinary user appears as that inside."""


def keep(requests: socket.socket) -> int:
    """Be the keeper until lambdad hangs up; the exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the outer processes
    lambdad = os.getppid()
    while True:
        try:
            _, fds = channel.receive(requests)
        except channel.ChannelClosed:
            break
        with socket.socket(fileno=fds[0]) as control:
            if os.fork() == 0:
                requests.close()
                _be_outer(control, lambdad)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, 0)  # returns when none is left: they clean up first
    return 0


def _be_outer(control: socket.socket, lambdad: int) -> NoReturn:
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        jail(control, lambdad)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def jail(control: socket.socket, lambdad: int) -> None:
    """Have a jailer until lambdad, the process of that pid, hangs up. It sees the end of `control`
    when all is gone."""
    channel.send(control, {"outer": os.getpid()})
    message, _ = channel.receive(control)
    settings = Settings(**message)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if settings.rootless:
        # A user has no numbers to give out: their groups are called after this process.
        trees = [tree for tree in find_hierarchies(lambdad) if tree.writable]
        clear_ended(trees)
        instance, cgroups = None, Cgroups(trees, os.getpid())
        _enter_user_namespace()
    else:
        clear_dead(lambda number: Cgroups(find_hierarchies(lambdad), number).clear())
        instance = Instance.claim()
        cgroups = Cgroups(find_hierarchies(lambdad), instance.number)
    try:
        cgroups.make()
        pid = _fork_first_process(lambda: Jailer(control, settings, instance, cgroups).run())
        os.waitpid(pid, 0)
    finally:
        cgroups.clear()
        if instance is not None:
            instance.release()


def _fork_first_process(run: Callable[[], None]) -> int:
    """Run a function as pid 1 of a new namespace: whatever ends it, the kernel ends the rest."""
    syscalls.unshare(syscalls.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        return pid
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _enter_user_namespace() -> None:
    """Become all-powerful in a world that holds nothing but what this user has anyway."""
    uid, gid = os.getuid(), os.getgid()
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{SANDBOX_USER[0]} {uid} 1")
    (own / "gid_map").write_text(f"{SANDBOX_USER[1]} {gid} 1")
    # An id other than 0 loses its capabilities at exec: zygotes are to keep them.
    status = (own / "status").read_text()
    held = int(status.split("CapPrm:")[1].split()[0], 16)
    syscalls.set_capabilities(held, held, held)
    for capability in range(held.bit_length()):
        if held >> capability & 1:
            raising = syscalls.PR_CAP_AMBIENT_RAISE
            syscalls.prctl(syscalls.PR_CAP_AMBIENT, raising, capability)


if __name__ == "__main__":
    sys.exit(keep(socket.socket(fileno=int(sys.argv[1]))))
