"""Holds environments to their memory limit where no control group does.

What an ordinary user can do instead: read the memory of all processes of an environment every
few milliseconds, and end it when it is over. It may be over for a moment.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from lambdad.sandbox.jailer.loop import Loop

_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVAL_S = 0.02
_INTERVAL_PER_ENVIRONMENT_S = 0.002
"""Reading costs some 50 microseconds per environment: at most a fortieth of a processor."""


class MemoryWatch:
    """Reads the memory of watched environments and reports who is over."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._watched: dict[str, tuple[Callable[[], int], int, Callable[[], None]]] = {}
        self._ticking = False

    def add(
        self, name: str, read: Callable[[], int], limit_bytes: int, over: Callable[[], None]
    ) -> None:
        """Call `over` once when `read()` exceeds the limit."""
        self._watched[name] = (read, limit_bytes, over)
        if not self._ticking:
            self._ticking = True
            self._tick()

    def discard(self, name: str) -> None:
        """Watch no longer."""
        self._watched.pop(name, None)

    def _tick(self) -> None:
        for name, (read, limit_bytes, over) in list(self._watched.items()):
            used = 0
            with contextlib.suppress(OSError):
                used = read()
            if used > limit_bytes:
                del self._watched[name]
                over()
        self._ticking = bool(self._watched)
        if self._ticking:
            pause_s = _INTERVAL_S + _INTERVAL_PER_ENVIRONMENT_S * len(self._watched)
            self._loop.later(pause_s, self._tick)


def private_bytes(proc: int) -> int:
    """Private memory of all processes that a /proc shows, its pid 1 aside."""
    pages = 0
    for name in os.listdir(proc):
        if name.isdigit() and name != "1":
            # It may end at any moment.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fd = os.open(f"{name}/statm", os.O_RDONLY, dir_fd=proc)
                try:
                    fields = os.read(fd, 128).split()
                finally:
                    os.close(fd)
                pages += int(fields[1]) - int(fields[2])
    return pages * _PAGE
