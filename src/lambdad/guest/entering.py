"""How a forked child of a zygote becomes the main process of an execution environment.

Runs as the jailer's authority until `drop_privileges` returns, and must not touch anything that
a tenant wrote before then. Standard library only, Python 3.8 and later.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping, Sequence

from . import syscalls

SHELL_NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWCGROUP
)
OWNED_NAMESPACES = syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWPID
"""What a template's child joins as well: its shell belongs to a user namespace of the template."""
TASK_ROOT = "/var/task"
LAYERS = "/opt"
ARCHIVE = "/var/runtime/archive"
TELEMETRY_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
TELEMETRY_FD = 62
"""The number that AWS's own environments use."""
LOCKED_BYTES = 65_536 * 1024
"""Of memory that a function may keep from being reclaimed, as on AWS."""


def enter(shell: int, cgroups: Sequence[int]) -> None:
    """Join a shell: its control groups (files open for writing, as `Group.open_entries` gives
    them), then its namespaces (by the pidfd of its pid 1). That of control groups is rooted where
    its maker is, so whoever lives in the groups makes it."""
    for fd in cgroups:
        os.write(fd, b"0")
    syscalls.setns(shell, SHELL_NAMESPACES & ~syscalls.CLONE_NEWCGROUP)
    syscalls.unshare(syscalls.CLONE_NEWCGROUP)


def furnish(trees: Mapping[str, int], tmp: int | None, tmp_mib: int) -> int:
    """Mount what a function brings (detached mounts, by target) and /tmp, which is memory of that
    size where none is given. A detached copy of /tmp, which outlives the environment with whoever
    holds it."""
    for target, tree in trees.items():
        syscalls.attach_tree(tree, target)
    if tmp is not None:
        syscalls.attach_tree(tmp, "/tmp")
    else:
        flags = syscalls.MS_REMOUNT | syscalls.MS_NOSUID | syscalls.MS_NODEV
        syscalls.mount(None, "/tmp", None, flags, "size=%dm" % tmp_mib)
    return syscalls.clone_tree(syscalls.AT_FDCWD, "/tmp")


def limit_process(open_files: int) -> None:
    """Set what is bounded in every process of a function, and inherited by its children."""
    limit(resource.RLIMIT_NOFILE, open_files)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_MEMLOCK, LOCKED_BYTES)


def limit(what: int, wanted: int) -> None:
    """Set one rlimit, soft and hard, or the machine's own ceiling where that is lower."""
    resource.setrlimit(what, possible(what, wanted))


def possible(what: int, wanted: int) -> tuple[int, int]:
    """What `limit` sets."""
    ceiling = resource.getrlimit(what)[1]
    value = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    return value, value


def give_up_rights(uid: int) -> None:
    """Have no rights from now on, whatever is executed: own ids, no capability."""
    syscalls.drop_bounding_set()
    _change_ids(uid)
    syscalls.set_capabilities(0, 0, 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def _change_ids(uid: int) -> None:
    if os.getuid() != uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def drop_privileges(uid: int, seccomp: bytes) -> None:
    """Become an ordinary process that can never be more: own ids, no capability, seccomp.

    The bounding set is empty and no_new_privs set since the zygote started.
    """
    _change_ids(uid)
    syscalls.set_capabilities(0, 0, 0)
    # A change of ids makes /proc/self unreadable for the process itself until it says otherwise.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.load_seccomp(seccomp)


def keep_only(wanted: Mapping[int, int]) -> None:
    """Make the fds of the environment: source by number, 0 among them. All others are closed."""
    # The sources may sit on the numbers that they are to get: lift them out of the way first.
    lifted = {number: os.dup2(source, 900 + number) for number, source in wanted.items()}
    for number, source in lifted.items():
        os.dup2(source, number)
    numbers = [*sorted(wanted), 1024]
    for before, after in zip(numbers, numbers[1:]):
        if before + 1 < after:  # closerange takes an empty range for an endless one
            os.closerange(before + 1, after)
