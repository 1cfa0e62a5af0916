"""The jailer as lambdad sees it: requests in, sandboxes and their ends out.

lambdad → jailer, in JSON with fds (`lambdad.guest.channel`):

    {"op": "prepare", "pack", "interpreter", "variables", "targets": [path …], "ahead": {…} or null}
        + one fd of a file or folder per target
    {"op": "create", "id", "pack", "memory_mib", "tmp_mib", "may_take_stem": bool}
        + payload (what the environment's first process reads), output, telemetry, code, layers …
    {"op": "kill", "id"}

jailer → lambdad:

    {"hello": {"instance": number or null, "controllers": […], "static_init": bool,
               "no_disk_tmp": reason or null, "no_way_out": reason or null}}
    {"prepared": pack, "failed": reason or null}
    {"created": id, "freeze": word, "thaw": word, "usage": {…}}
        + Runtime API listener, platform listener, status file of the main process, freezer,
          [output, telemetry: of a process that was started ahead, in place of those given]
    {"failed": id, "reason"}                             instead of `created`; nothing is left
    {"exited": id, "status": wait status, "oom": bool}
    {"gone": id}                                         after `exited`: nothing is left

lambdad hanging up ends the jailer and, because it is pid 1 of everything, all environments.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer import mounts, network, relay
from lambdad.sandbox.jailer import shell as shells
from lambdad.sandbox.jailer.cgroups import Cgroups
from lambdad.sandbox.jailer.environments import Environment, Order
from lambdad.sandbox.jailer.instance import Instance
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.memory import MemoryWatch
from lambdad.sandbox.jailer.packs import Pack, Plan
from lambdad.sandbox.jailer.scratch import DEFAULT_MIB, Scratch
from lambdad.sandbox.jailer.shell import Blueprint, Shell
from lambdad.sandbox.jailer.stems import Keeping
from lambdad.sandbox.jailer.zygotes import Recipe
from lambdad.sandbox.seccomp.filters import compile_filter, load_policy

_REMOVE_RETRY_S = 0.002


@dataclass(frozen=True, slots=True)
class Settings:
    """What lambdad decides about its jailer."""

    scratch_dir: str
    rootless: bool
    environments: int
    spare_shells: int
    stems: int
    stems_idle_s: float
    stems_memory_percent: int
    open_files: int
    processes: int
    create_timeout_s: float
    way_out: bool
    """Whether functions may reach the world."""
    opened_networks: list[str]
    """That are not public, and open to functions all the same."""


class Jailer:
    """Answers lambdad until it hangs up."""

    def __init__(
        self,
        control: socket.socket,
        settings: Settings,
        instance: Instance | None,
        cgroups: Cgroups,
    ) -> None:
        self.loop = Loop()
        self.watch = MemoryWatch(self.loop)
        self._control = control
        self._settings = settings
        self._instance = instance
        self._cgroups = cgroups
        self._packs: dict[str, Pack] = {}
        self._environments: dict[str, Environment] = {}
        self._keeping = Keeping(
            settings.stems, settings.stems_idle_s, settings.stems_memory_percent
        )
        ahead = 16 * (settings.spare_shells + settings.stems)
        self._slots = list(range(settings.environments + ahead))
        self._init = shells.load_init()
        self._seccomp = compile_filter(load_policy(), platform.machine()).hex()
        self._scratch: Scratch | None = None
        self._without_scratch: str | None = None
        self._relay: socket.socket | None = None
        self._without_way_out: str | None = None

    def run(self) -> None:
        """Serve."""
        self._find_scratch()
        if self._settings.way_out:
            self._start_relay()
        hello = {
            "instance": None if self._instance is None else self._instance.number,
            "controllers": sorted(self._cgroups.controllers),
            "static_init": self._init is not None,
            "no_disk_tmp": self._without_scratch,
            "no_way_out": self._without_way_out,
        }
        self.tell({"hello": hello}, [])
        self.loop.read(self._control.fileno(), self._read)
        self.loop.run()

    def _find_scratch(self) -> None:
        """See whether /tmp can be on disk here."""
        if self._settings.rootless:
            self._without_scratch = "an ordinary user cannot mount disks"
            return
        scratch = Scratch(Path(self._settings.scratch_dir))
        try:
            scratch.prepare(DEFAULT_MIB)
            os.close(scratch.make(DEFAULT_MIB))
        except OSError as error:
            self._without_scratch = str(error)
        else:
            self._scratch = scratch

    def _start_relay(self) -> None:
        """The process behind the way out; the jailer ends with it, because nobody else holds the
        sockets of the environments."""
        self._without_way_out = _why_no_way_out()
        if self._without_way_out is not None:
            return
        ours, theirs = channel.pair()
        uid = os.getuid() if self._instance is None else self._instance.relay_uid

        def run() -> int:
            own = os.dup2(theirs.detach(), 3)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            _give_up_rights(uid, bytes.fromhex(self._seccomp))
            relay.serve(socket.socket(fileno=own), self._settings.opened_networks)
            return 0

        self.loop.fork(run, lambda status: self.loop.stop())
        theirs.close()
        self._relay = ours

    def _tell_relay(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        if self._relay is not None:
            with contextlib.suppress(channel.ChannelClosed):
                channel.send(self._relay, message, fds)

    def tell(self, message: dict[str, Any], fds: list[int]) -> None:
        """Send to lambdad; what nobody hears any more is dropped."""
        try:
            channel.send(self._control, message, fds)
        except channel.ChannelClosed:
            self.loop.stop()

    def retire(self, shell: Shell, done: Callable[[], None]) -> None:
        """Give back what a dead shell had."""
        if not shell.group.remove():
            self.loop.later(_REMOVE_RETRY_S, lambda: self.retire(shell, done))
            return
        shell.close()
        self._tell_relay({"drop": shell.slot})
        self._slots.append(shell.slot)
        done()

    def over(self, environment: Environment) -> None:
        """Nothing is left of an environment."""
        del self._environments[environment.id]

    def _read(self) -> None:
        try:
            message, fds = channel.receive(self._control)
        except channel.ChannelClosed:
            self.loop.stop()
            return
        operation = message["op"]
        if operation == "create":
            self._create(message, fds)
        elif operation == "prepare":
            self._prepare(message, fds)
        elif environment := self._environments.get(message["id"]):
            environment.kill()

    def _prepare(self, message: dict[str, Any], fds: list[int]) -> None:
        name = message["pack"]
        if known := self._packs.get(name):  # its zygote broke; perhaps the next one does not
            channel.close_all(fds)
            self._start_zygote(known)
            return
        interpreter, variables = message["interpreter"], message["variables"]
        recipe = Recipe(name, interpreter, variables, message["ahead"])
        pack = Pack(self.loop, recipe, self._plan_shell, self._keeping)
        try:
            trees = [mounts.read_only_copy(fd, self._settings.rootless) for fd in fds]
            try:
                pack.make_root(list(zip(trees, message["targets"], strict=True)))
            finally:
                channel.close_all(trees)
        except OSError as error:
            self.tell({"prepared": name, "failed": str(error)}, [])
            return
        finally:
            channel.close_all(fds)
        self._packs[name] = pack
        pack.wanted_spares = self._settings.spare_shells
        self._start_zygote(pack)
        pack.match()

    def _start_zygote(self, pack: Pack) -> None:
        settings = self._settings
        greeting = {
            "open_files": settings.open_files,
            "processes": settings.processes,
            "seccomp": self._seccomp,
        }
        name = pack.recipe.name
        pack.start_zygote(greeting, lambda why: self.tell({"prepared": name, "failed": why}, []))

    def _create(self, message: dict[str, Any], fds: list[int]) -> None:
        try:
            order = self._order(message, fds)
        except OSError as error:
            self.tell({"failed": message["id"], "reason": str(error)}, [])
            return
        pack = self._packs[message["pack"]]
        environment = Environment(order, pack, self)
        self._environments[order.id] = environment
        if not pack.has_zygote:  # the last one died
            self._start_zygote(pack)
        pack.serve(environment, may_take_stem=message["may_take_stem"])

    def _order(self, message: dict[str, Any], fds: list[int]) -> Order:
        """Takes over the fds. Raises OSError."""
        pipes, folders = fds[:3], fds[3:]
        made: list[int] = []
        try:
            if message["pack"] not in self._packs:
                raise OSError(f"no pack {message['pack']} is prepared")
            rootless = self._settings.rootless
            made.append(mounts.read_only_copy(folders[0], rootless))
            if folders[1:]:
                made.append(mounts.merged_copy(folders[1:], rootless))
        except OSError:
            channel.close_all([*pipes, *made])
            raise
        finally:
            channel.close_all(folders)
        return Order(
            id=message["id"],
            memory_mib=message["memory_mib"],
            tmp_mib=message["tmp_mib"],
            processes=self._settings.processes,
            create_timeout_s=self._settings.create_timeout_s,
            pipes=(pipes[0], pipes[1], pipes[2]),
            code=made[0],
            layers=made[1] if made[1:] else None,
            scratch=self._scratch,
        )

    def _plan_shell(self, pack: Pack) -> Plan:
        """A slot and what a shell in it is built from. Raises OSError."""
        if not self._slots:
            raise OSError(f"{self._settings.environments} environments exist already")
        slot = self._slots.pop()
        group = self._cgroups.group(f"slot-{slot}")
        group.make()
        passwd = None
        uid = os.getuid()
        if self._instance is not None:
            uid = self._instance.uid(slot)
            path = str(self._instance.passwd(slot))
            passwd = syscalls.clone_tree(syscalls.AT_FDCWD, path)
            syscalls.seal_tree(passwd, mounts.READ_ONLY)
        commands_read, commands_write = os.pipe2(os.O_CLOEXEC)
        shell = Shell(slot=slot, uid=uid, group=group, commands=commands_write)
        shell.ended = lambda: self.retire(shell, lambda: None)
        shell.opened = lambda fds: self._tell_relay({"serve": slot}, fds)
        blueprint = Blueprint(
            root=pack.root,
            group=group,
            pid1_group=self._cgroups.group("pid1"),
            uid=uid,
            passwd=passwd,
            scratch=self._scratch,
            init=self._init,
            commands=commands_read,
            way_out=self._relay is not None,
        )
        return shell, blueprint


def _why_no_way_out() -> str | None:
    """Try it in a namespace that goes again with its child; None when it works."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNET)
            network.bring_up()
            network.open_way_out()
        except OSError as error:
            os.write(write, f"the kernel cannot redirect connections ({error.strerror})".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        reason = answer.read()
    os.waitpid(pid, 0)
    return reason or None


def _give_up_rights(uid: int, seccomp: bytes) -> None:
    """Become a process that may do nothing but use the sockets it is given and open others."""
    syscalls.drop_bounding_set()
    if os.getuid() != uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    syscalls.set_capabilities(0, 0, 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.load_seccomp(seccomp)
