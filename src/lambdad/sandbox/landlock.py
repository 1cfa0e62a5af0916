"""Landlock: which files and ports a process may reach, from inside it, without any privilege.

Runs in the child that becomes a function's process: standard library only. Owns numbers and C
structures. Source: the kernel's Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH, _NET_PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights on files that a version knows, by the version that brought the last of them."""
_CONNECT_TCP = 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2

NETWORK_VERSION = 4
"""From this one on, TCP connections can be held to certain ports."""
SCOPE_VERSION = 6
"""From this one on, signals and abstract sockets stay among the confined."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _PortRule(ctypes.Structure):
    _fields_ = [("rights", ctypes.c_uint64), ("port", ctypes.c_uint64)]


def version() -> int:
    """What the kernel offers; 0: nothing."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def confine(
    readable: Iterable[Path], writable: Iterable[Path], ports: Iterable[int] | None
) -> None:
    """Let this process and its children read and run what is under `readable`, do anything under
    `writable`, and connect to these TCP ports (None: to all); nothing else, for ever. What does not
    exist is left out. Needs no_new_privs. Raises OSError."""
    offered = version()
    every = _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= offered)]
    rules = _Ruleset(
        files=every,
        network=_CONNECT_TCP if ports is not None and offered >= NETWORK_VERSION else 0,
        scoped=_ABSTRACT_SOCKETS | _SIGNALS if offered >= SCOPE_VERSION else 0,
    )
    # A kernel refuses what is longer than it knows.
    size = 8 if offered < NETWORK_VERSION else 16 if offered < SCOPE_VERSION else 24
    ruleset = _call("create a ruleset", _CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for paths, rights in ((readable, _READ), (writable, every)):
            for path in paths:
                _allow_beneath(ruleset, path, rights & every)
        if rules.network:
            for port in ports or ():
                rule = _PortRule(_CONNECT_TCP, port)
                _call("allow a port", _ADD_RULE, ruleset, _NET_PORT, ctypes.byref(rule), 0)
        _call("restrict the process", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_beneath(ruleset: int, path: Path, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        rule = _PathRule(rights, parent)
        _call(f"allow {path}", _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)


def _call(what: str, number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result
