"""The most memory that a sandbox ever used, as the kernel counts it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping


def without_cache(peak_bytes: int, stat: str) -> int:
    """A control group's peak less the page cache that its `memory.stat` counts. OSError."""
    with open(stat) as file:
        counts = dict(line.split() for line in file)
    return peak_bytes - int(counts.get("file") or counts.get("cache", "0"))


class MemoryPeak:
    """The larger of two truths: the main process's own high-water mark, which counts pages shared
    with the zygote, and the control group's, which counts all processes but also the page cache;
    that is taken off."""

    def __init__(self, status: int, usage: Mapping[str, str] | None) -> None:
        """`status` is the main process's status file; it stays the caller's. `usage` names the
        files `peak` and `stat` of the control group, where there is one."""
        self._status = status
        self._usage = usage
        self._peak = -1
        self._highest_bytes = 0
        if usage is not None:
            with contextlib.suppress(FileNotFoundError):  # it has ended already
                self._peak = os.open(usage["peak"], os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> int:
        """In bytes."""
        with contextlib.suppress(OSError):  # the main process has ended: its group still tells
            self._highest_bytes = max(self._highest_bytes, self._resident_peak())
        with contextlib.suppress(OSError):
            self._highest_bytes = max(self._highest_bytes, self._group_peak())
        return self._highest_bytes

    def count(self, peak_bytes: int) -> None:
        """What somebody else has seen, less the page cache."""
        self._highest_bytes = max(self._highest_bytes, peak_bytes)

    def close(self) -> None:
        if self._peak >= 0:
            os.close(self._peak)

    def _resident_peak(self) -> int:
        text = os.pread(self._status, 4096, 0)
        _, _, rest = text.partition(b"VmHWM:")
        return int(rest.split(None, 1)[0]) * 1024 if rest else 0

    def _group_peak(self) -> int:
        if self._usage is None or self._peak < 0:
            return 0
        peak = int(os.pread(self._peak, 32, 0))
        if peak <= self._highest_bytes:
            return 0
        # Rare: more was used than the main process has. Only now the slow file is worth it.
        return without_cache(peak, self._usage["stat"])
