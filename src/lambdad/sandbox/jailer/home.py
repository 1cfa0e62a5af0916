"""Where the jailer lives, to come back to from a shell that it furnishes.

What is in a shell then is our own: nothing that a tenant wrote has run there, or is to be seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from lambdad.guest import syscalls


class Home:
    """Mount namespace and root of this process."""

    def __init__(self) -> None:
        self._namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    @contextmanager
    def left_for(self, shell: int) -> Iterator[None]:
        """Be among the mounts of a shell (pidfd of its first process) for a moment. Raises OSError;
        who cannot come home ends."""
        syscalls.setns(shell, syscalls.CLONE_NEWNS)
        try:
            yield
        finally:
            try:
                syscalls.setns(self._namespace, syscalls.CLONE_NEWNS)
                os.fchdir(self._root)  # it need not be the namespace's
                os.chroot(".")
            except OSError as error:
                raise SystemExit(f"the jailer cannot leave a shell: {error}") from error
