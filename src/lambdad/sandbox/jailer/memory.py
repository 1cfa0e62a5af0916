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
_EXACTLY_COUNTED_PROCESSES = 128
"""More than these are not worth the time: they are taken for as large as they seem."""
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


def available_percent() -> float:
    """Of the machine's memory, how much could be had without swapping."""
    with open("/proc/meminfo") as file:
        sizes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in file)}
    return 100 * sizes["MemAvailable"] / sizes["MemTotal"]


def private_bytes(proc: int, limit_bytes: int) -> int:
    """Memory of the processes that a /proc shows, its pid 1 aside, without files.

    The quick count takes pages that several processes share by forking for each of them; what
    seems to be over the limit is counted again, exactly.
    """
    pids = [name for name in os.listdir(proc) if name.isdigit() and name != "1"]
    quick = sum(_quick_bytes(proc, pid) for pid in pids)
    if quick <= limit_bytes or len(pids) > _EXACTLY_COUNTED_PROCESSES:
        return quick
    return sum(_exact_bytes(proc, pid) for pid in pids)


def _quick_bytes(proc: int, pid: str) -> int:
    fields = _read(proc, f"{pid}/statm").split()
    return (int(fields[1]) - int(fields[2])) * _PAGE if fields else 0


def _exact_bytes(proc: int, pid: str) -> int:
    _, _, rest = _read(proc, f"{pid}/smaps_rollup").partition(b"Pss_Anon:")
    return int(rest.split(None, 1)[0]) * 1024 if rest else 0


def _read(proc: int, path: str) -> bytes:
    """A small file; empty when its process has ended meanwhile."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            return os.read(fd, 4096)
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError):
        return b""
