"""What a template's child is, as the kernel tells it. Nothing that the child says counts.

A template is hostile, and so may its child be: that it joined its shell, has the shell's id, holds
nothing and may do nothing more is looked up from outside before it is given anything.
"""

from __future__ import annotations

import os
import re
import stat

_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_NO_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_FILTERS = 2
"""The template's and its own."""
_SHARED_MAP = re.compile(rb"^\S+ .(.).s \S+ \S+ \S+ *(.*)$", re.MULTILINE)
_READ_ONLY_PLACES = (b"/usr/", b"/var/lang/", b"/lib/", b"/lib64/")
_MOST_MAPS_BYTES = 4 << 20


class Intruder(Exception):
    """The process is not what it has to be; the message says how."""


def only_process(proc: int) -> str | None:
    """The one process beside pid 1 that a shell's /proc shows; None where there is none. Raises
    Intruder where there are more."""
    pids = [name for name in os.listdir(proc) if name.isdigit() and name != "1"]
    if len(pids) > 1:
        raise Intruder(f"{len(pids)} processes are in its shell")
    return pids[0] if pids else None


def inspect(proc: int, pid: str, uid: int, socket_inode: int) -> None:
    """Look at the child `pid` in a shell's /proc, which waits on the socket of that inode. Raises
    Intruder."""
    inspect_status(_read(proc, f"{pid}/status", 1 << 14).decode(errors="replace"), uid)
    for name in _NAMESPACES:
        if _link(proc, f"{pid}/ns/{name}") != _link(proc, f"1/ns/{name}"):
            raise Intruder(f"it is not in the {name} namespace of its shell")
    for name in ("cwd", "root"):
        if _place(proc, f"{pid}/{name}") != _place(proc, "1/root"):
            raise Intruder(f"its {name} is not the root of its shell")
    _inspect_fds(proc, pid, socket_inode)
    inspect_maps(_read(proc, f"{pid}/maps", _MOST_MAPS_BYTES))


def inspect_status(status: str, uid: int) -> None:
    """Ids, capabilities, filters, threads. Raises Intruder."""
    fields = {
        name: value.split()
        for name, _, value in (line.partition(":") for line in status.splitlines())
    }
    own = [str(uid)] * 4
    wanted = {"Uid": own, "Gid": own, "Groups": [], "Threads": ["1"], "NoNewPrivs": ["1"]}
    wanted |= {"Seccomp": ["2"], "Seccomp_filters": [str(_FILTERS)], "TracerPid": ["0"]}
    wanted |= {name: ["0" * 16] for name in _NO_CAPABILITIES}
    for name, value in wanted.items():
        if fields.get(name) != value:
            raise Intruder(f"its {name} is {' '.join(fields.get(name, ['missing']))}")


def _inspect_fds(proc: int, pid: str, socket_inode: int) -> None:
    folder = _open(proc, f"{pid}/fd")
    try:
        fds = {int(number) for number in os.listdir(folder)}
    finally:
        os.close(folder)
    if not fds >= {0, 1, 2} or len(fds) != 4:
        raise Intruder(f"{len(fds)} files are open in it")
    for number in fds:
        found = os.stat(f"{pid}/fd/{number}", dir_fd=proc)
        if number <= 2:
            right = stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3)
        else:
            right = stat.S_ISSOCK(found.st_mode) and found.st_ino == socket_inode
        if not right:
            raise Intruder(f"a file is open in it as {number} that is not its own")


def inspect_maps(maps: bytes) -> None:
    """No memory in common with others, but for files that nobody can write. Raises Intruder."""
    if len(maps) >= _MOST_MAPS_BYTES:
        raise Intruder("its memory has too many parts")
    for match in _SHARED_MAP.finditer(maps):
        if match[1] == b"w" or not match[2].startswith(_READ_ONLY_PLACES):
            raise Intruder("it shares memory")


def _link(proc: int, path: str) -> str:
    return os.readlink(path, dir_fd=proc)


def _place(proc: int, path: str) -> tuple[int, int]:
    found = os.stat(path, dir_fd=proc)
    return found.st_dev, found.st_ino


def _open(proc: int, path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)


def _read(proc: int, path: str, most: int) -> bytes:
    fd = _open(proc, path)
    try:
        parts = []
        while most > 0 and (part := os.read(fd, min(most, 1 << 16))):
            parts.append(part)
            most -= len(part)
        return b"".join(parts)
    finally:
        os.close(fd)
