"""Builds the shells that a template's children go into: as `assembly` does, but inside the
template's pid namespace and owned by a user namespace of the template's uid. A process comes from
the jailer for each: who has gone into a user namespace cannot come home.

Whoever has that uid in the namespace around it has every capability in such a shell, so a child of
the template can join it without any right of its own. One id is known in there, the environment's.
Code, layers and /tmp are mounted before, from outside: no process inside can take them away.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from lambdad.guest import channel, entering, syscalls
from lambdad.sandbox.jailer import mounts, network
from lambdad.sandbox.jailer.assembly import HOSTNAME, TMP
from lambdad.sandbox.jailer.builders import Blueprint
from lambdad.sandbox.jailer.cgroups import Group
from lambdad.sandbox.jailer.root import GUEST_FOLDER
from lambdad.sandbox.jailer.scratch import Scratch

_OWNED = entering.SHELL_NAMESPACES | entering.OWNED_NAMESPACES
_COMMANDS, _REPORT = 3, 4
"""Fds of guest/init. The second is closed: nothing is left for it to mount or give up."""


@dataclass(frozen=True, slots=True)
class Nest:
    """What makes a shell a template's."""

    owner: int
    """The template's uid."""
    first_process: int
    """Pidfd of pid 1 of the template's shell."""
    folders: Sequence[int]
    """Code and layers, as `mounts` takes them."""
    scratch: Scratch | None
    """Where /tmp comes from; None: from memory."""
    tmp_mib: int
    init: int
    """The static first process, as a memory file."""
    seccomp: bytes
    """What it lives under."""
    pid1_group: Group
    """And where."""


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
    tmp = None if nest.scratch is None else nest.scratch.make(nest.tmp_mib)
    groups = blueprint.group.open_entries(), nest.pid1_group.open_entries()
    syscalls.setns(blueprint.root, syscalls.CLONE_NEWNS)
    syscalls.setns(nest.first_process, syscalls.CLONE_NEWPID)
    ours, theirs = channel.pair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            _mount(trees, tmp, nest.tmp_mib, blueprint.passwd)
            _separate(nest.owner, groups, theirs)
            _become_first_process(blueprint, nest, report)
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
    for fd in pid1_group:  # see `assembly`
        os.write(fd, b"0")
    outside.send(b"n")
    if not outside.recv(1):
        raise OSError("nobody wrote the maps of ids")


def _become_first_process(blueprint: Blueprint, nest: Nest, report: socket.socket) -> None:
    network.bring_up()
    listeners = network.listen(blueprint.platform)
    if blueprint.way_out:
        listeners += network.open_way_out()
    syscalls.set_hostname(HOSTNAME)
    if os.fork():
        return
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("proc", "/proc", "proc", flags)
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fds = [os.pidfd_open(os.getpid()), proc, *(listener.detach() for listener in listeners)]
    channel.send(report, {"built": True, "platform": blueprint.platform}, fds)
    _execute_init(blueprint, nest)


def _execute_init(blueprint: Blueprint, nest: Nest) -> None:
    """The template has power over this process once it has executed its program, not before: so
    rights go and the filter comes here, not in there."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    entering.give_up_rights(blueprint.uid)
    init = fcntl.fcntl(nest.init, fcntl.F_DUPFD_CLOEXEC, _REPORT + 1)
    os.dup2(blueprint.commands, _COMMANDS)
    os.closerange(_REPORT, _REPORT + 1)
    syscalls.load_seccomp(nest.seccomp)
    os.execve(init, ["init"], {})  # noqa: S606 - other fds close by themselves


def _permitted_capabilities() -> int:
    with open("/proc/self/status") as status:
        return int(status.read().split("CapPrm:")[1].split()[0], 16)
