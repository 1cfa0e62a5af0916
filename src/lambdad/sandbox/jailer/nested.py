"""Builds the shells that a template's children go into: as `shell` does, inside the template's
pid namespace and owned by a user namespace of the template's uid.

Whoever has that uid in the namespace around it has every capability in such a shell, so a child of
the template can join it without any right of its own. One id is known in there, the environment's.
Code, layers and /tmp are mounted before, from outside: no process inside can take them away.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from lambdad.guest import channel, entering, syscalls
from lambdad.sandbox.jailer import mounts, network
from lambdad.sandbox.jailer.root import GUEST_FOLDER
from lambdad.sandbox.jailer.shell import HOSTNAME, TMP, Blueprint, become_init

_OWNED = entering.SHELL_NAMESPACES | entering.OWNED_NAMESPACES


@dataclass(frozen=True, slots=True)
class Nest:
    """What makes a shell a template's."""

    owner: int
    """The template's uid."""
    first_process: int
    """Pidfd of pid 1 of the template's shell."""
    folders: Sequence[int]
    """Code and layers, as `mounts` takes them."""
    tmp_mib: int
    seccomp: bytes
    """What the first process of the shell lives under."""


def build(blueprint: Blueprint, nest: Nest, report: socket.socket) -> None:
    """Become the builder of a shell. Never returns; its first process reports listeners and its
    own pidfd, or whoever failed a reason. The shell can be joined once nobody holds `report`."""
    try:
        _have_built(blueprint, nest, report)
    except BaseException as error:
        channel.send(report, {"failed": f"{type(error).__name__}: {error}"[:1024]})
    finally:
        os._exit(0)


def _have_built(blueprint: Blueprint, nest: Nest, report: socket.socket) -> None:
    """Stay outside of the template's namespaces and say whose the ids inside are."""
    trees = [mounts.read_only_copy(nest.folders[0], rootless=False)]
    if nest.folders[1:]:
        trees.append(mounts.merged_copy(nest.folders[1:], rootless=False))
    tmp = None if blueprint.scratch is None else blueprint.scratch.make(nest.tmp_mib)
    groups = blueprint.group.open_procs(), blueprint.pid1_group.open_procs()
    syscalls.setns(blueprint.root, syscalls.CLONE_NEWNS)
    syscalls.setns(nest.first_process, syscalls.CLONE_NEWPID)
    ours, theirs = channel.pair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            _mount(trees, tmp, nest.tmp_mib, blueprint.passwd)
            _separate(nest.owner, groups, theirs)
            _become_first_process(blueprint, nest.seccomp, report)
        except BaseException as error:
            channel.send(report, {"failed": f"{type(error).__name__}: {error}"[:1024]})
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        if ours.recv(1):
            for kind in ("gid", "uid"):
                with open(f"/proc/{pid}/{kind}_map", "w") as file:
                    file.write(f"{blueprint.uid} {blueprint.uid} 1")
            ours.send(b"m")
    os.waitpid(pid, 0)


def _mount(trees: Sequence[int], tmp: int | None, tmp_mib: int, passwd: int | None) -> None:
    """With all rights, in a mount namespace that will be copied: what is in it then stays."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.unmount(f"{GUEST_FOLDER}/lambdad_guest")
    code, *layers = trees
    syscalls.attach_tree(code, entering.TASK_ROOT)
    empty = syscalls.clone_tree(syscalls.AT_FDCWD, "/var/empty")
    syscalls.attach_tree(layers[0] if layers else empty, "/opt")
    if tmp is not None:
        syscalls.attach_tree(tmp, TMP)
    else:
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
        syscalls.mount("tmp", TMP, "tmpfs", flags, f"size={tmp_mib}m,nr_inodes=256k,mode=1777")
    if passwd is not None:
        syscalls.attach_tree(passwd, "/etc/passwd")


def _separate(owner: int, groups: tuple[list[int], list[int]], outside: socket.socket) -> None:
    """Make the namespaces, as the template's uid, and wait until ids are known in them."""
    own_group, pid1_group = groups
    for fd in own_group:
        os.write(fd, b"0")
    held = _permitted_capabilities()
    os.setgroups([])
    # The effective uid owns the namespace; capabilities stay for machines that want them for it.
    os.setresuid(-1, owner, -1)
    syscalls.set_capabilities(held, held, 0)
    syscalls.unshare(_OWNED)
    for fd in pid1_group:  # see `shell`
        os.write(fd, b"0")
    outside.send(b"n")
    if not outside.recv(1):
        raise OSError("nobody wrote the maps of ids")


def _become_first_process(blueprint: Blueprint, seccomp: bytes, report: socket.socket) -> None:
    network.bring_up()
    listeners = [*network.listen(), *(network.open_way_out() if blueprint.way_out else ())]
    syscalls.set_hostname(HOSTNAME)
    if os.fork():
        return
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("proc", "/proc", "proc", flags)
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fds = [os.pidfd_open(os.getpid()), proc, *(listener.detach() for listener in listeners)]
    channel.send(report, {"built": True}, fds)
    # The template has power over this process once it has executed its program, not before.
    become_init(blueprint, seccomp)


def _permitted_capabilities() -> int:
    with open("/proc/self/status") as status:
        return int(status.read().split("CapPrm:")[1].split()[0], 16)
