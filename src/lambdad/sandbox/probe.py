"""What this machine offers for isolation: found by trying, in children that leave nothing behind.

Owns facts; `selection` draws the conclusions.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import re
import select
import shutil
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lambdad.core.value import Value
from lambdad.guest import syscalls
from lambdad.sandbox.jailer.hierarchies import Hierarchy, find_hierarchies, why_no_groups
from lambdad.sandbox.seccomp.filters import ARCHITECTURES

_TRIAL_TIMEOUT_S = 5.0
_PR_GET_SECCOMP = 21
_LANDLOCK_CREATE_RULESET = 444
_BY_APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
"""Ubuntu since 23.10: who has no profile may make a user namespace, but has no capability in it
(https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces); it may not even make
one where the profile `unprivileged_userns` is missing."""
_CLOSED_BY_ZERO = {
    "/proc/sys/kernel/unprivileged_userns_clone": 1,  # Debian's
    "/proc/sys/user/max_user_namespaces": 10_000,
}
"""Sysctls that open user namespaces, and with what."""


class Machine(Value):
    """What was found. Fields that hold text are None when all is well, else say what is not."""

    system: str
    kernel: str
    architecture: str
    root: bool
    """Effective user 0: control groups and uids may be given out."""
    new_mounts: str | None
    """Detached mounts: `open_tree`, `mount_setattr` (Linux 5.12)."""
    namespaces: str | None
    """As this user: a sandbox's namespaces can be made and its /proc mounted; else why not, with
    the remedy where that is known."""
    seccomp: str | None
    controllers: dict[str, str]
    """Control group controllers that can be used, and where: `memory` → `v1`, `v2`."""
    no_groups: str | None
    """Why these are not all, with the remedy."""
    overlay: bool
    """Layers can be merged without copying."""
    loop_devices: bool
    landlock: int
    """ABI version; 0: none."""
    user_namespaces: int
    """How many this user may have."""
    mkfs: bool
    """mkfs.ext4 is there, for /tmp on disk."""


def probe() -> Machine:
    """Look at the machine. Takes some 20 ms."""
    linux = sys.platform == "linux"
    root = os.geteuid() == 0
    trees = find_hierarchies(os.getpid()) if linux else []
    return Machine(
        system=platform.system(),
        kernel=platform.release(),
        architecture=platform.machine(),
        root=root,
        new_mounts=_new_mounts() if linux else "only Linux has them",
        namespaces=_namespaces(root) if linux else "only Linux has them",
        seccomp=_seccomp() if linux else "only Linux has it",
        controllers=_controllers(trees),
        no_groups=why_no_groups(trees) if linux else "Only Linux has control groups.",
        overlay=linux and attempt(lambda: _merge_folders(root)) is None,
        loop_devices=os.access("/dev/loop-control", os.W_OK),
        landlock=_landlock() if linux else 0,
        user_namespaces=int(_read("/proc/sys/user/max_user_namespaces").strip() or 0),
        mkfs=shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin:/bin") is not None,
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _new_mounts() -> str | None:
    match = re.match(r"(\d+)\.(\d+)", platform.release())
    if match and (int(match[1]), int(match[2])) >= (5, 12):
        return None
    return f"Linux {platform.release()} is older than 5.12"


def _seccomp() -> str | None:
    if platform.machine() not in ARCHITECTURES:
        return f"there is no filter for {platform.machine()} yet"
    if struct.calcsize("P") != 8:  # it makes other calls than its kernel's are
        return "this Python is of 32 bits"
    try:
        syscalls.prctl(_PR_GET_SECCOMP)
    except OSError as error:
        return f"the kernel has none ({error.strerror})"
    return None


def _landlock() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def _controllers(trees: Sequence[Hierarchy]) -> dict[str, str]:
    return {
        controller: f"v{tree.version}"
        for tree in trees
        if tree.writable
        for controller in tree.controllers
    }


def _merge_folders(root: bool) -> None:
    """What layers need. /proc/filesystems does not tell: the kernel loads a module on demand. Runs
    in a child."""
    options: list[tuple[str, str | None]] = [("source", "trial"), ("lowerdir", "/usr:/etc")]
    if not root:
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
        options.append(("userxattr", None))
    syscalls.detached_filesystem("overlay", options)


def _namespaces(root: bool) -> str | None:
    failure = attempt(lambda: _enter_namespaces(root))
    if failure is None or root:
        return failure
    bare = attempt(lambda: syscalls.unshare(syscalls.CLONE_NEWUSER)) is None
    return why_no_namespaces(failure, bare, _read)


def why_no_namespaces(failure: str, bare: bool, read: Callable[[str], str]) -> str:
    """What keeps an ordinary user from a sandbox's namespaces, and what to do about it. `failure`
    is what the system said, `bare` whether a user namespace can be made at all; `read` reads a
    file, empty where there is none."""
    if read(_BY_APPARMOR).strip() == "1" and (bare or f"[Errno {errno.EACCES}]" in failure):
        return (
            f"AppArmor leaves a user namespace no rights ({failure}): give lambdad a profile that "
            "allows userns (docs/linux.md has it), or let the administrator open them for everyone "
            "(sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    for path, value in _CLOSED_BY_ZERO.items():
        if read(path).strip() == "0":
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            return f"they are closed ({failure}): sysctl {name}={value} opens them"
    return f"{failure} (in a container, its seccomp or AppArmor profile may forbid them)"


def _enter_namespaces(root: bool) -> None:
    """What a shell needs, as the jailer does it. Runs in a child."""
    if not root:
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
    others = syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWCGROUP
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | others)
    syscalls.unshare(syscalls.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        if os.waitpid(pid, 0)[1]:
            raise OSError("a private /proc cannot be mounted (is /proc partly hidden here?)")
        return
    with contextlib.suppress(OSError):
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        syscalls.mount("proc", "/proc", "proc")
        os._exit(0)
    os._exit(1)


def attempt(trial: Callable[[], None]) -> str | None:
    """Run in a child; None when it works, else what it says. Before there are threads."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            trial()
        except BaseException as error:
            os.write(write, f"{error}"[:512].encode())
        finally:
            os._exit(0)
    os.close(write)
    try:
        ready, _, _ = select.select([read], [], [], _TRIAL_TIMEOUT_S)
        if not ready:
            os.kill(pid, 9)
            return "trying took too long"
        return os.read(read, 512).decode() or None
    finally:
        os.close(read)
        os.waitpid(pid, 0)
