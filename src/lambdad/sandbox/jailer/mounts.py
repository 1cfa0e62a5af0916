"""Detached, read-only copies of what lambdad shows us: code, layers, interpreters.

lambdad passes open folders, not names: the jailer can only ever mount what lambdad itself could
open.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from lambdad.guest import channel, entering, syscalls

READ_ONLY = syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV


def read_only_copy(fd: int, rootless: bool) -> int:
    """A detached mount of an open file or folder."""
    place = _of_our_namespace(fd, rootless)
    try:
        tree = syscalls.clone_tree(place, recursive=True)
    finally:
        os.close(place)
    return _seal(tree)


def of_a_function(fds: Sequence[int], archive: bool, rootless: bool) -> dict[str, int]:
    """Detached mounts, by target, of open code, an archive if there is one, and layers. Raises
    OSError, with none of them left."""
    code, *layers = fds
    made: dict[str, int] = {}
    try:
        made[entering.TASK_ROOT] = read_only_copy(code, rootless)
        if archive:
            made[entering.ARCHIVE] = read_only_copy(layers.pop(0), rootless)
        if layers:
            made[entering.LAYERS] = merged_copy(layers, rootless)
    except OSError:
        channel.close_all(made.values())
        raise
    return made


def merged_copy(fds: Sequence[int], rootless: bool) -> int:
    """A detached mount of open folders on top of each other, the last one uppermost."""
    if len(fds) == 1:
        return read_only_copy(fds[0], rootless)
    places = [_of_our_namespace(fd, rootless) for fd in fds]
    try:
        lower = ":".join(f"/proc/self/fd/{place}" for place in reversed(places))
        options: list[tuple[str, str | None]] = [("source", "layers"), ("lowerdir", lower)]
        if rootless:
            options.append(("userxattr", None))
        tree = syscalls.detached_filesystem("overlay", options)
    finally:
        channel.close_all(places)
    return _seal(tree)


def _of_our_namespace(fd: int, rootless: bool) -> int:
    """The kernel copies only mounts of the caller's own mount namespace. As root that is also
    lambdad's; a rootless jailer has another one and opens the place anew, by its name, with
    nothing but lambdad's own rights."""
    if not rootless:
        return os.dup(fd)
    return os.open(os.readlink(f"/proc/self/fd/{fd}"), os.O_PATH | os.O_CLOEXEC)


def _seal(tree: int) -> int:
    try:
        syscalls.seal_tree(tree, READ_ONLY)
    except OSError:
        os.close(tree)
        raise
    return tree
