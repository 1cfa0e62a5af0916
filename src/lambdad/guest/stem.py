"""A stem: a process that is started ahead, before it is known for which function.

It waits in a shell that is nobody's yet, and is already what a function's first process is: own
ids, no capability, seccomp, and no fds but a function's and CHANNEL, on which it says that it
waits (a child of a Python zygote has told the jailer before), and waits. Told the function, the
jailer mounts what that brings and hands the payload over unread; the end of file behind it is what
the stem goes on at. So nothing that has rights is in the shell when the first line of the
function's own code runs.

A stem of a runtime whose interpreter cannot wait is `guest/init/wait`, which then becomes the
command. Standard library only, Python 3.8 and later.
"""

from __future__ import annotations

import os

CHANNEL = 63
"""Above what an interpreter opens for itself: those fds get the numbers that they always have."""
PROGRAM = 61
"""Where a stem that is no file inside is executed from."""
_READ_BYTES = 1 << 14


def wait() -> bytes:
    """Be the stem of a Python function until it is known of which; the payload."""
    parts = []
    while part := os.read(CHANNEL, _READ_BYTES):
        parts.append(part)
    os.close(CHANNEL)
    if not parts:
        os._exit(0)  # nobody is left to tell it
    return b"".join(parts)
