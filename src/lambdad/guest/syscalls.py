"""The Linux calls that Python does not offer, as functions that raise OSError.

Runs in zygotes: standard library only, Python 3.8 and later. Owns numbers and C structures; may
not know what the calls are used for.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Sequence

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

MADV_POPULATE_WRITE = 23
MOST_RANGES = 1024
"""Of one call (UIO_MAXIOV)."""

MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 4

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
LAST_CAPABILITY = 63

# Numbers that are the same on every architecture since Linux 5.2.
_OPEN_TREE = 428
_MOVE_MOUNT = 429
_FSOPEN = 430
_FSCONFIG = 431
_FSMOUNT = 432
_PIDFD_OPEN = 434
_PROCESS_MADVISE = 440
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(platform.machine(), -1)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
_libc.syscall.restype = ctypes.c_long


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


class MemoryRange(ctypes.Structure):
    """An address and a length in bytes (struct iovec)."""

    _fields_ = [("address", ctypes.c_size_t), ("length", ctypes.c_size_t)]


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def _syscall(what: str, number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def unshare(flags: int) -> None:
    """Move this process (for CLONE_NEWPID: its next children) into new namespaces."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare %#x" % flags)


def setns(fd: int, flags: int) -> None:
    """Join the namespaces `flags` of a pidfd, or the one of a namespace fd."""
    _checked(_libc.setns(ctypes.c_int(fd), ctypes.c_int(flags)), "setns %#x" % flags)


def mount(
    source: str | None, target: str, kind: str | None, flags: int = 0, data: str | None = None
) -> None:
    """mount(2)."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    result = _libc.mount(encoded[0], encoded[1], encoded[2], flags, encoded[3])
    _checked(result, "mount %s" % target)


def unmount(target: str) -> None:
    """Detach the topmost mount at `target`."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), "umount %s" % target)


def pivot_root_here() -> None:
    """Make the current directory the root and detach the old one."""
    _syscall("pivot_root", _PIVOT_ROOT, b".", b".")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")


def clone_tree(directory_fd: int, path: str = "", recursive: bool = False) -> int:
    """A detached copy of the mount at a place, as a close-on-exec fd."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    flags |= 0 if path else AT_EMPTY_PATH
    return _syscall("open_tree %s" % path, _OPEN_TREE, directory_fd, os.fsencode(path), flags)


def seal_tree(tree_fd: int, attributes: int) -> None:
    """Add MOUNT_ATTR_* to every mount of a detached tree and cut it off from propagation."""
    wanted = _MountAttributes(set=attributes, propagation=MS_PRIVATE)
    size = ctypes.c_size_t(ctypes.sizeof(wanted))
    flags = AT_EMPTY_PATH | AT_RECURSIVE
    _syscall("mount_setattr", _MOUNT_SETATTR, tree_fd, b"", flags, ctypes.byref(wanted), size)


def attach_tree(tree_fd: int, target: str) -> None:
    """Mount a detached tree at `target`."""
    path = os.fsencode(target)
    flags = MOVE_MOUNT_F_EMPTY_PATH
    _syscall("move_mount %s" % target, _MOVE_MOUNT, tree_fd, b"", AT_FDCWD, path, flags)


def detached_filesystem(kind: str, options: Sequence[tuple[str, str | None]]) -> int:
    """A new file system that is mounted nowhere yet, as a close-on-exec fd."""
    configuration = _syscall("fsopen " + kind, _FSOPEN, kind.encode(), 1)
    try:
        for key, value in options:
            text = None if value is None else value.encode()
            command = 0 if value is None else 1
            _syscall("fsconfig", _FSCONFIG, configuration, command, key.encode(), text, 0)
        _syscall("fsconfig create " + kind, _FSCONFIG, configuration, 6, None, None, 0)
        return _syscall("fsmount " + kind, _FSMOUNT, configuration, 1, 0)
    finally:
        os.close(configuration)


def own_pidfd() -> int:
    """A pidfd of this process, close-on-exec."""
    return _syscall("pidfd_open", _PIDFD_OPEN, os.getpid(), 0)


def advise_ranges(pidfd: int, ranges: ctypes.Array[MemoryRange], advice: int) -> None:
    """process_madvise(2), `MOST_RANGES` at once. MADV_POPULATE_WRITE is for a process itself only,
    and since Linux 6.13."""
    count = ctypes.c_size_t(len(ranges))
    _syscall("process_madvise", _PROCESS_MADVISE, pidfd, ctypes.byref(ranges), count, advice, 0)


def advise(address: int, length: int, advice: int) -> None:
    """madvise(2)."""
    _checked(_libc.madvise(address, length, advice), "madvise %d" % advice)


def prctl(option: int, first: int = 0, second: int = 0) -> int:
    """prctl(2) with up to two arguments."""
    return _checked(_libc.prctl(option, first, second, 0, 0), "prctl %d" % option)


def drop_bounding_set() -> None:
    """Empty the capability bounding set: no exec gives back what is dropped later."""
    for capability in range(LAST_CAPABILITY + 1):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            return


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) on this thread; each a bit mask."""
    header = _CapabilityHeader(0x20080522, 0)
    data = (_CapabilityData * 2)()
    for half in (0, 1):
        data[half].effective = effective >> (32 * half) & 0xFFFFFFFF
        data[half].permitted = permitted >> (32 * half) & 0xFFFFFFFF
        data[half].inheritable = inheritable >> (32 * half) & 0xFFFFFFFF
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def load_seccomp(program: bytes) -> None:
    """Put this process under a BPF filter (needs no_new_privs or CAP_SYS_ADMIN)."""
    filter_program = _FilterProgram(len(program) // 8, program)
    address = ctypes.addressof(filter_program)
    _checked(_libc.prctl(PR_SET_SECCOMP, 2, address, 0, 0), "seccomp")


def set_hostname(name: str) -> None:
    """The host name of this UTS namespace."""
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")
