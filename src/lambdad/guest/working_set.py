"""The pages that every environment writes to before its first event, copied ahead and at once.

A forked process pays for each page that it writes to for the first time, and a Python process
writes to seven hundred before it has read its first event, because reading an object counts it. The
kernel copies pages that it is told of for less than pages that it is trapped for, and not while an
invocation waits. Which they are is found once, by one that only rehearses (after Ustiugov et al.,
"Benchmarking, Analysis, and Optimization of Serverless Function Snapshots", ASPLOS 2021, who do so
for snapshots of machines). Standard library only, Python 3.8 and later.
"""

from __future__ import annotations

import array
import contextlib
import mmap
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import syscalls
from .syscalls import MADV_POPULATE_WRITE, MOST_RANGES, MemoryRange

_EXCLUSIVE, _OF_FILE, _PRESENT = 1 << 56, 1 << 61, 1 << 63
"""Bits of /proc/pid/pagemap (proc_pid_pagemap(5))."""
_ENTRY_BYTES = 8

if TYPE_CHECKING:  # Python 3.8 could not run it
    Range = list[int]
    """Address and length, in bytes."""

_ranges: list[Any] = []
"""Arrays, as many as calls are needed."""


def copy_in_children(ranges: Sequence[Range]) -> None:
    """Have every process that is forked from now on copy these ranges first; what that one forks
    does not."""
    for first in range(0, len(ranges), MOST_RANGES):
        some = ranges[first : first + MOST_RANGES]
        _ranges.append((MemoryRange * len(some))(*(MemoryRange(*one) for one in some)))


def _copy() -> None:
    if not _ranges:
        return
    # What cannot be copied now is copied when it is written to.
    with contextlib.suppress(OSError):
        pidfd = syscalls.own_pidfd()
        try:
            for some in _ranges:
                syscalls.advise_ranges(pidfd, some, MADV_POPULATE_WRITE)
        except OSError:
            for some in _ranges:
                for one in some:
                    syscalls.advise(one.address, one.length, MADV_POPULATE_WRITE)
        finally:
            os.close(pidfd)
    _ranges.clear()


# Before other modules ask for the same: what they do in a child writes to many pages.
os.register_at_fork(after_in_child=_copy)


def private_memory() -> list[Range]:
    """What this process can write to and nobody else sees."""
    found = []
    with open("/proc/self/maps") as maps:
        for line in maps:
            place, rights = line.split(None, 2)[:2]
            if rights == "rw-p":
                start, end = (int(number, 16) for number in place.split("-"))
                found.append([start, end - start])
    return found


def own_pages(memory: Sequence[Range]) -> list[Range]:
    """The parts of it that this process shares with no other: after a fork, what was written to."""
    page = mmap.PAGESIZE
    found: list[Range] = []
    with open("/proc/self/pagemap", "rb", buffering=0) as pages:
        for start, length in memory:
            pages.seek(start // page * _ENTRY_BYTES)
            entries = array.array("Q", pages.read(length // page * _ENTRY_BYTES))
            for number, entry in enumerate(entries):
                if entry & _PRESENT and entry & _EXCLUSIVE and not entry & _OF_FILE:
                    address = start + number * page
                    if found and sum(found[-1]) == address:
                        found[-1][1] += page
                    else:
                        found.append([address, page])
    return found
