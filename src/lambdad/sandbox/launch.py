"""How a child process of lambdad becomes a function's runtime where there are no namespaces.

Owns the command that is started instead of the runtime's own: plain (tier D; with extensions
through `conducted.py`), or through `confined.py` behind Landlock, a system call filter and limits
(tier C).
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.sandbox import landlock
from lambdad.sandbox.driver import Reach, SandboxSpec, Tier
from lambdad.sandbox.seccomp.filters import filter_of

_ENTRY = Path(__file__).parent / "confined.py"
_CONDUCTED = Path(__file__).parent / "conducted.py"
_FIRST_UID = 209_990_000
_UIDS = 4096
_MIB = 1024 * 1024
_RESERVED_MIB = {"nodejs": 512}
"""Address space that an engine reserves for code to come, by family: the limit of data counts it,
though it holds nothing."""
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/proc", "/sys/fs/cgroup"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/mime.types", "/etc/localtime"),
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf"),
)
"""What programs of the host need; no secret is in them."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SHARED_TMP = "/tmp"  # noqa: S108 - functions write there by its name

PLAIN_MISSING = (
    "no isolation: a function can read, change and reach whatever lambdad itself can",
    "no memory limit: a function can take all memory of the machine",
    "no private network, /tmp or process list; /opt holds layers only through search paths",
)
_CONFINED_MISSING = (
    "separation of functions from each other: run code of one owner only",
    "the memory limit counts the data of each process, not what an environment uses in all",
    "no private network, /tmp or process list; /opt holds layers only through search paths",
    "no telemetry for extensions: their ports cannot be told from those of the host",
)


class Places(Value):
    """What an environment may use beside what its pack names."""

    folder: Path
    """Its own: temporary files, merged layers."""
    ports: tuple[int, ...]
    """Of the Runtime API and of the platform, in this order."""
    variables: Mapping[str, str]
    """The environment that the runtime is to have."""
    uid: int | None
    """Whose the temporary files are that it inherits, if it does."""
    extensions: Mapping[str, Any] | None
    """What `guest/conductor.py` is told, if there are extensions to start before the runtime."""


class Launcher(Protocol):
    """Says what to start."""

    tier: Tier
    missing_layers: Sequence[str]

    def command(self, spec: SandboxSpec, places: Places) -> tuple[list[str], int | None]:
        """The command, and a descriptor that it inherits and the caller closes. OSError."""
        ...


class PlainLauncher:
    """Tier D: the runtime itself."""

    tier = Tier.PROCESS
    missing_layers: Sequence[str] = PLAIN_MISSING

    def __init__(self) -> None:
        self._setpriv = shutil.which("setpriv")

    def command(self, spec: SandboxSpec, places: Places) -> tuple[list[str], int | None]:
        """With setpriv the kernel ends the process when lambdad dies, however it dies."""
        argv, plan = list(spec.pack.host_argv), None
        if places.extensions is not None:
            address = places.variables["AWS_LAMBDA_RUNTIME_API"]
            content = {"extensions": places.extensions, "runtime_api": address, "argv": argv}
            plan = _memory_file(content)
            argv = [sys.executable, "-I", "-S", str(_CONDUCTED), str(plan)]
        if self._setpriv is None:
            return argv, plan
        return [self._setpriv, "--pdeathsig", "KILL", "--", *argv], plan


class ConfinedLauncher:
    """Tier C: through `confined.py`; as root with a user of its own for each environment."""

    tier = Tier.HARDENED_PROCESS

    def __init__(self, limits: Limits, reach: Reach = Reach.PLATFORM) -> None:
        self._limits = limits
        self._reach = reach
        self._uids = itertools.cycle(range(_FIRST_UID, _FIRST_UID + _UIDS))
        self.missing_layers: Sequence[str] = tuple(_missing(reach))

    def command(self, spec: SandboxSpec, places: Places) -> tuple[list[str], int | None]:
        """Gives `places.folder` to the environment's user. Raises OSError."""
        argv = list(spec.pack.host_argv)
        program = shutil.which(argv[0])
        if program is None:
            raise FileNotFoundError(f"{argv[0]} is not there")
        readable = _readable(spec, program)
        uid = None
        if os.geteuid() == 0 and all(map(_open_to_all, readable)):
            uid = next(self._uids) if places.uid is None else places.uid
            _give(places.folder, uid)
        plan = {
            "argv": [program, *argv[1:]],
            "variables": dict(places.variables),
            "uid": uid,
            "open_files": self._limits.open_files,
            "processes": self._limits.processes,
            "data_bytes": (spec.memory_mib + _RESERVED_MIB.get(spec.pack.family, 0)) * _MIB,
            "readable": [*_SYSTEM, *map(str, readable)],
            "writable": [*_DEVICES, _SHARED_TMP, str(places.folder)],
            "ports": self._ports(places),
            "seccomp": filter_of(spec.pack.family).hex(),
            "extensions": places.extensions,
        }
        fd = _memory_file(plan)
        return [sys.executable, "-I", "-S", str(_ENTRY), str(fd)], fd

    def _ports(self, places: Places) -> Sequence[int] | None:
        """Those that can be connected to; None: all, because addresses cannot be told apart."""
        if self._reach is Reach.INTERNET:
            return None
        return places.ports if self._reach is Reach.PLATFORM else places.ports[:1]


def _memory_file(content: Mapping[str, Any]) -> int:
    fd = os.memfd_create("plan", os.MFD_CLOEXEC)
    os.write(fd, json.dumps(content).encode())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _missing(reach: Reach) -> list[str]:
    missing = list(_CONFINED_MISSING)
    offered = landlock.version()
    if reach is Reach.INTERNET:
        missing.append("walls around this machine's services: with --egress internet all are open")
    elif offered < landlock.NETWORK_VERSION:
        missing.append("a closed network: the kernel's Landlock is older than Linux 6.7")
    if offered < landlock.SCOPE_VERSION:
        missing.append("signals kept inside: the kernel's Landlock is older than Linux 6.12")
    return missing


def _readable(spec: SandboxSpec, program: str) -> list[Path]:
    """The function, its layers, its runtime."""
    interpreter = Path(program).resolve()
    paths = [spec.code_dir, *spec.layer_dirs, interpreter.parents[1]]
    paths += [mount.source for mount in spec.pack.mounts]
    for value in spec.pack.host_variables.values():
        paths += [Path(entry) for entry in value.split(":") if entry.startswith("/")]
    return paths


def _open_to_all(path: Path) -> bool:
    """Whether another user can get there."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _give(folder: Path, uid: int) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(Path(parent, name), uid, uid)
    os.chown(folder, uid, uid)
