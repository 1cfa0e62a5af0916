"""One process per file: an advisory lock that the kernel drops when its holder dies.

The lock lives on a file of its own (`<name>.lock`) beside the data, because SQLite locks the data
file itself and closing any other descriptor of it would drop SQLite's locks.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lambdad.storage.errors import InUse


class FileLock:
    """Held from construction until `release`. Raises InUse if another process has it."""

    def __init__(self, path: Path) -> None:
        lock = path.with_name(path.name + ".lock")
        self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise InUse(path, f"process {holder or 'unknown'}") from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go. The lock file stays: removing it would race with the next holder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
