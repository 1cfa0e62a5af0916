"""A stem: a command that is started ahead, before it is known for which function.

It waits in a shell that is nobody's yet, and is already what a function's first process is: own
ids, no capability, seccomp, and no fds but a function's and CHANNEL, on which it says that it
waits, and waits. Told the function, the jailer mounts what that brings and hands the payload over
unread; the end of file behind it is what the stem goes on at. So nothing that has rights is in the
shell when the first line of the function's own code runs.

A stem of a runtime whose interpreter cannot wait is `guest/init/wait`, which then becomes the
command. Standard library only, Python 3.8 and later.
"""

from __future__ import annotations

CHANNEL = 63
"""Above what an interpreter opens for itself: those fds get the numbers that they always have."""
PROGRAM = 61
"""Where a stem that is no file inside is executed from."""
