"""The read-only root that a pack's zygote and environments live in, as a mount namespace.

Owns what exists inside a sandbox: the host's /usr, a handful of generated files in /etc, five
devices, the pack's mounts and the empty places for code, layers and /tmp. Nothing else of the
host is there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from lambdad.guest import entering, syscalls
from lambdad.sandbox.jailer.instance import USERS
from lambdad.sandbox.jailer.mounts import READ_ONLY

_STAGING = "/tmp"  # noqa: S108 - a mount point that exists everywhere; covered in our namespace
_USR_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_HOST_ETC = ("ssl", "pki", "ca-certificates", "alternatives", "ld.so.cache", "ld.so.conf.d")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_FOLDERS = (
    "etc", "proc", "dev", "tmp", "opt/lib", "run", "home", "root",
    "var/task/lib", "var/runtime/lib", "var/lang", "var/lambdad/lambdad_guest", "var/empty",
)  # fmt: skip
GUEST_FOLDER = "/var/lambdad"
"""Holds the guest code for the zygote; unmounted from every shell."""

_ETC = {
    # Replaced in each shell where environments have uids of their own.
    "passwd": USERS.format(uid=993),
    "group": "root:x:0:\nsbx_user1051:x:990:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n169.254.100.1 sandbox.localdomain sandbox\n",
    # Where there is no way out, nobody answers there.
    "resolv.conf": "nameserver 169.254.100.1\noptions timeout:2 attempts:3\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def enter_new_root(trees: Sequence[tuple[int, str]], guest: Path) -> None:
    """Make a mount namespace with the root for these (detached mount, target) pairs and live in
    it. The caller is a child of the jailer."""
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS)
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    host = [*_host_trees(), (_sealed(str(guest)), "var/lambdad/lambdad_guest")]
    devices = [(syscalls.clone_tree(syscalls.AT_FDCWD, f"/dev/{name}"), name) for name in _DEVICES]

    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount("lambdad", _STAGING, "tmpfs", flags, "size=4m,mode=755")
    os.chdir(_STAGING)
    os.umask(0o022)
    _make_skeleton()
    # A mount below another one comes after it.
    ours = sorted((target.lstrip("/"), tree) for tree, target in trees)
    for tree, target in [*host, *((tree, target) for target, tree in ours)]:
        _place(tree, target)
    for tree, name in devices:
        syscalls.seal_tree(tree, syscalls.MOUNT_ATTR_NOSUID)
        _place(tree, f"dev/{name}")
    proc_flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("proc", "proc", "proc", proc_flags)
    syscalls.pivot_root_here()
    read_only = syscalls.MS_REMOUNT | syscalls.MS_RDONLY | flags
    syscalls.mount(None, "/", None, read_only | syscalls.MS_BIND)


def _host_trees() -> list[tuple[int, str]]:
    """/usr, what stands beside it on hosts that did not merge them, and shared parts of /etc."""
    trees = [(_sealed("/usr"), "usr")]
    for name in _USR_LINKS:
        path = Path("/", name)
        if path.is_dir() and not path.is_symlink():
            trees.append((_sealed(str(path)), name))
    for name in _HOST_ETC:
        path = Path("/etc", name)
        if path.exists():
            trees.append((_sealed(str(path.resolve())), f"etc/{name}"))
    return trees


def _sealed(path: str) -> int:
    tree = syscalls.clone_tree(syscalls.AT_FDCWD, path, recursive=True)
    syscalls.seal_tree(tree, READ_ONLY)
    return tree


def _make_skeleton() -> None:
    for folder in _FOLDERS:
        os.makedirs(folder)
    for name in _USR_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            os.symlink(os.readlink(path), name)
    for name, text in _ETC.items():
        Path("etc", name).write_text(text)
    # A place for a mount. It is ours: on a file that lambdad shows, and that is replaced meanwhile,
    # nothing can be mounted.
    Path(entering.ARCHIVE.lstrip("/")).touch()
    links = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
    for name, tail in links.items():
        os.symlink(f"/proc/self/fd{tail}", f"dev/{name}")


def _place(tree: int, target: str) -> None:
    """Mount at a relative path, which is made when it is not there."""
    if not os.path.lexists(target):
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            os.makedirs(target)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    syscalls.attach_tree(tree, target)
    os.close(tree)
