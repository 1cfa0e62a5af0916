"""A stem: a command that is started ahead, before it is known for which function.

Two processes in a shell that is nobody's yet. The stem itself is already what a function's first
process is: own ids, no capability, seccomp, and no fds but a function's and CHANNEL, on which it
says that it waits, and waits. Beside it waits an attendant that has kept the jailer's authority.
Told the function, it mounts what the function brings, hands the payload over unread, and ends; the
end of file that its end makes is what the stem goes on at. So nothing that has rights runs any
more when the first line of the function's own code does. Standard library only, Python 3.8 and
later.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from . import channel

CHANNEL = 63
"""Above what an interpreter opens for itself: those fds get the numbers that they always have."""


def fork_attendant() -> tuple[bool, socket.socket]:
    """Whether this is the attendant, and its end of the channel between the two. It is the child
    of the shell's first process, not of the stem: a function has no children that it did not
    start."""
    attendant_end, stem_end = socket.socketpair()
    pid = os.fork()
    if pid != 0:
        attendant_end.close()
        os.waitpid(pid, 0)
        return False, stem_end
    if os.fork() != 0:
        os._exit(0)
    stem_end.close()
    return True, attendant_end


def attend(
    stem: socket.socket,
    stem_pid: int,
    jailer: socket.socket,
    furnish: Callable[[dict[str, Any], list[int]], int],
) -> None:
    """Wait with the stem for its function, and give it that. Raises OSError and ChannelClosed;
    whatever happens, the caller ends the process."""
    if not stem.recv(1):
        return  # the jailer is told of its end by the zygote
    channel.send(jailer, {"waiting": True})
    order, fds = channel.receive(jailer)
    tmp = furnish(order, fds)
    status = os.open("/proc/%d/status" % stem_pid, os.O_RDONLY | os.O_CLOEXEC)
    channel.send(jailer, {"entered": True}, [status, tmp])
    payload, sent = fds[0], 0
    while sent < os.fstat(payload).st_size:
        sent += os.sendfile(stem.fileno(), payload, sent, 1 << 20)
