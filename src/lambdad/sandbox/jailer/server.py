"""The jailer as lambdad sees it: requests in, sandboxes and their ends out.

lambdad → jailer, in JSON with fds (`lambdad.guest.channel`):

    {"op": "prepare", "pack", "family", "interpreter", "variables", "targets": [path …],
     "ahead": {…} or null}
        + one fd of a file or folder per target
    {"op": "create", "id", "pack", "memory_mib", "tmp_mib", "heir_of": id or null,
      "may_take_stem": bool, "forks": bool, "archive": bool, "background": bool}
        + payload (what the environment's first process reads), code, [archive], layers …
    {"op": "fork", "id", "template": id of one that `forks`}
        + payload
    {"op": "terminate", "id", "pid"}                     SIGTERM to a process, by its pid inside
    {"op": "sockets", "id"}
    {"op": "kill", "id", "keep_tmp": bool}               once for each one created, after its own
                                                         end too; without keep_tmp for a kept /tmp

jailer → lambdad:

    {"hello": {"instance": number or null, "controllers": […], "groups": [folder …],
               "no_disk_tmp": reason or null, "no_way_out": reason or null,
               "no_templates": reason or null}}
    {"prepared": pack, "failed": reason or null}
    {"created": id, "freeze": word, "thaw": word, "usage": {…},
     "platform": bool}
        + Runtime API listener, [platform listener], status file of the main process, freezer,
          output, telemetry
    {"failed": id, "reason", ["lost": true]}             instead of `created`; nothing is left.
                                                         lost: what was prepared for it had ended
    {"exited": id, "status": wait status, "oom": bool, "peak_bytes": 0 if it was killed}
    {"gone": id}                                         after `exited`: no process is left
    {"sockets": id} + sockets of its network that are not connected yet; none when it has ended

lambdad hanging up ends the jailer and, because it is pid 1 of everything, all environments.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lambdad.guest import channel, syscalls
from lambdad.sandbox.jailer import mounts, network, relay
from lambdad.sandbox.jailer.builders import Blueprint, Builders
from lambdad.sandbox.jailer.cgroups import Cgroups
from lambdad.sandbox.jailer.environments import Environment, Order, Remains
from lambdad.sandbox.jailer.forked import ForkedEnvironment, TemplateEnvironment
from lambdad.sandbox.jailer.home import Home
from lambdad.sandbox.jailer.instance import Instance
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.memory import MemoryWatch
from lambdad.sandbox.jailer.packs import Pack, Plan
from lambdad.sandbox.jailer.scratch import DEFAULT_MIB, Scratch, unmount
from lambdad.sandbox.jailer.shell import Shell
from lambdad.sandbox.jailer.stems import Keeping
from lambdad.sandbox.jailer.templates import Origin, why_none
from lambdad.sandbox.jailer.zygotes import Recipe
from lambdad.sandbox.seccomp.filters import filter_of, template_filter

_REMOVE_RETRY_S = 0.002
_DEFAULT_MEMORY_MIB = 128
"""What most functions have: shells have its limits ahead."""
_RELAY = "relay"
"""A family of its own, which may do what all may."""


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
    """In an environment, by its control group."""
    processes_of_user: int
    """By the count that the kernel keeps for the uid of an environment."""
    create_timeout_s: float
    platform: bool
    """Whether functions may reach the AWS APIs."""
    way_out: bool
    """Whether functions may reach the world."""
    opened_networks: list[str]
    """That are not public, and open to functions all the same."""
    templates: int
    """Whose children may wait for their environments at the same time."""


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
        self.home = Home()
        self._control = control
        self._settings = settings
        self._instance = instance
        self._cgroups = cgroups
        self._packs: dict[str, Pack] = {}
        self._environments: dict[str, Environment] = {}
        self._kept: dict[str, Remains] = {}
        """Of environments that have ended, for their heirs."""
        self._keeping = Keeping(
            settings.stems, settings.stems_idle_s, settings.stems_memory_percent
        )
        ahead = 16 * (settings.spare_shells + settings.stems) + settings.templates
        self._slots = list(range(settings.environments + ahead))
        self._builders: Builders
        self._scratch: Scratch | None = None
        self._without_scratch: str | None = None
        self._relay: socket.socket | None = None
        self._without_way_out: str | None = None

    def run(self) -> None:
        """Serve."""
        self._find_scratch()
        pid1_group = self._cgroups.group("pid1")
        self._builders = Builders(self.loop, self._scratch, pid1_group, [self._control.fileno()])
        if self._settings.way_out:
            self._start_relay()
        hello = {
            "instance": None if self._instance is None else self._instance.number,
            "controllers": sorted(self._cgroups.controllers),
            "groups": self._cgroups.folders,
            "no_disk_tmp": self._without_scratch,
            "no_way_out": self._without_way_out,
            "no_templates": why_none(self._settings.rootless, pid1_group),
        }
        self.tell({"hello": hello}, [])
        self.loop.read(self._control.fileno(), self._read)
        self.loop.run()

    def _find_scratch(self) -> None:
        """See whether /tmp can be on disk here."""
        if self._settings.rootless:
            self._without_scratch = "an ordinary user cannot mount disks"
            return
        scratch = Scratch(Path(self._settings.scratch_dir), self._cgroups.memory_version == 2)
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
        self._without_way_out = network.why_no_way_out()
        if self._without_way_out is not None:
            return
        ours, theirs = channel.pair()
        uid = os.getuid() if self._instance is None else self._instance.relay_uid
        seccomp = filter_of(_RELAY)

        def run() -> int:
            own = os.dup2(theirs.detach(), 3)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            relay.confine(uid, seccomp)
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
        done()

    def over(self, environment: Environment, remains: Remains, keep: bool) -> None:
        """Nothing runs in an environment any more, and lambdad has said what is to be kept."""
        del self._environments[environment.id]
        if keep and remains.tmp is not None:
            self._kept[environment.id] = remains
        else:
            self._release(remains)

    def _release(self, remains: Remains) -> None:
        if remains.tmp is not None:
            unmount(self.loop, remains.tmp)
        if remains.slot is not None:
            self._slots.append(remains.slot)

    def _read(self) -> None:
        try:
            message, fds = channel.receive(self._control)
        except channel.ChannelClosed:
            self.loop.stop()
            return
        operation = message["op"]
        if operation == "create":
            self._create(message, fds)
        elif operation == "fork":
            self._fork(message, fds)
        elif operation == "prepare":
            self._prepare(message, fds)
        elif environment := self._environments.get(message["id"]):
            self._change(environment, operation, message)
        elif operation == "kill" and (remains := self._kept.pop(message["id"], None)):
            self._release(remains)

    def _change(self, environment: Environment, operation: str, message: dict[str, Any]) -> None:
        if operation == "terminate":
            environment.terminate(message["pid"])
        elif operation == "sockets":
            environment.open_sockets(self._control)
        else:
            environment.kill(message["keep_tmp"])

    def _prepare(self, message: dict[str, Any], fds: list[int]) -> None:
        name = message["pack"]
        if known := self._packs.get(name):  # its zygote broke; perhaps the next one does not
            channel.close_all(fds)
            self._start_zygote(known)
            return
        recipe = Recipe(
            name,
            message["family"],
            message["interpreter"],
            message["variables"],
            message["ahead"],
        )
        pack = Pack(self.loop, recipe, self._builders, self._plan_shell, self._keeping)
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
            "processes": settings.processes_of_user,
            "seccomp": filter_of(pack.recipe.family).hex(),
        }
        name = pack.recipe.name
        pack.start_zygote(greeting, lambda why: self.tell({"prepared": name, "failed": why}, []))

    def _create(self, message: dict[str, Any], fds: list[int]) -> None:
        folders = [os.dup(fd) for fd in fds[1:]] if message["forks"] else []
        try:
            order = self._order(message, fds)
        except OSError as error:
            channel.close_all(folders)
            self.tell({"failed": message["id"], "reason": str(error)}, [])
            return
        pack = self._packs[message["pack"]]
        if message["forks"]:
            origin = self._origin(pack, folders)
            environment: Environment = TemplateEnvironment(order, pack, self, origin)
        else:
            environment = Environment(order, pack, self)
        self._environments[order.id] = environment
        if not pack.has_zygote:  # the last one died
            self._start_zygote(pack)
        slot = None if order.inherited is None else order.inherited.slot
        if slot is None and not message["forks"]:
            pack.serve(environment, may_take_stem=message["may_take_stem"])
        else:
            pack.serve_in(slot, environment, bound=not message["forks"])

    def _origin(self, pack: Pack, folders: list[int]) -> Origin:
        return Origin(
            folders=folders,
            own_filter=template_filter().hex(),
            filter_below=filter_of(pack.recipe.family),
            init=self._builders.init,
            pid1_group=self._cgroups.group("pid1"),
            plan=lambda: self._plan_shell(pack, None),
        )

    def _fork(self, message: dict[str, Any], fds: list[int]) -> None:
        origin = self._environments.get(message["template"])
        if not isinstance(origin, TemplateEnvironment) or origin.template is None:
            channel.close_all(fds)
            self.tell({"failed": message["id"], "reason": "its template is gone"}, [])
            return
        own = {"id": message["id"], "payload": fds[0]}
        order = replace(origin.order, **own, trees={}, inherited=None)
        environment = ForkedEnvironment(order, origin.template, self)
        self._environments[order.id] = environment
        origin.template.serve(environment)

    def _order(self, message: dict[str, Any], fds: list[int]) -> Order:
        """Takes over the fds. Raises OSError."""
        payload, *folders = fds
        try:
            if message["pack"] not in self._packs:
                raise OSError(f"no pack {message['pack']} is prepared")
            trees = mounts.of_a_function(folders, message["archive"], self._settings.rootless)
        except OSError:
            os.close(payload)
            raise
        finally:
            channel.close_all(folders)
        return Order(
            id=message["id"],
            memory_mib=message["memory_mib"],
            tmp_mib=message["tmp_mib"],
            processes=self._settings.processes,
            background=message["background"],
            create_timeout_s=self._settings.create_timeout_s,
            payload=payload,
            trees=trees,
            scratch=self._scratch,
            inherited=self._kept.pop(message["heir_of"], None),
        )

    def _plan_shell(self, pack: Pack, inherited: int | None) -> Plan:
        """A slot and what a shell in it is built from. Raises OSError."""
        if inherited is None and not self._slots:
            raise OSError(f"{self._settings.environments} environments exist already")
        slot = self._slots.pop() if inherited is None else inherited
        group = self._cgroups.group(f"slot-{slot}")
        memory_tmp_mib = DEFAULT_MIB if self._scratch is None else 0
        try:
            group.make()
            group.limit(_DEFAULT_MEMORY_MIB, self._settings.processes, memory_tmp_mib)
        except OSError:
            self._slots.append(slot)
            raise
        passwd = None
        uid = os.getuid()
        if self._instance is not None:
            uid = self._instance.uid(slot)
            path = str(self._instance.passwd(slot))
            passwd = syscalls.clone_tree(syscalls.AT_FDCWD, path)
            syscalls.seal_tree(passwd, mounts.READ_ONLY)
        commands_read, commands_write = os.pipe2(os.O_CLOEXEC)
        shell = Shell(slot=slot, uid=uid, group=group, commands=commands_write)
        shell.ended = lambda: self.retire(shell, lambda: self._slots.append(slot))
        shell.opened = lambda fds: self._tell_relay({"serve": slot}, fds)
        blueprint = Blueprint(
            root=pack.root,
            group=group,
            uid=uid,
            passwd=passwd,
            own_tmp=inherited is None,
            commands=commands_read,
            platform=self._settings.platform,
            way_out=self._relay is not None,
        )
        return shell, blueprint
