"""Tiers A and B: sandboxes of namespaces, seccomp and control groups, made by the jailer.

lambdad's side, without any privilege. As root (A) every environment has a uid and control groups
of its own; as an ordinary user (B) one user namespace holds them all. What differs is decided in
the jailer, by what it finds; here it is two words and a list for `doctor`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lambdad.core.ids import EnvironmentId
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.guest import channel
from lambdad.sandbox.driver import Egress, Exit, RuntimePack, SandboxError, SandboxSpec, Tier
from lambdad.sandbox.head_start import may_take_stem
from lambdad.sandbox.inner_sockets import InnerSockets
from lambdad.sandbox.jail import Jail, Message, jail_settings
from lambdad.sandbox.keeper import Keeper
from lambdad.sandbox.memory_peak import MemoryPeak
from lambdad.sandbox.python_start import can_fork, interpreter_of, zygote_variables
from lambdad.sandbox.selection import CONTROLLER_LAYERS
from lambdad.sandbox.start_order import ahead_of, payload_of

_ANSWER_MARGIN_S = 5.0
"""How much longer than the jailer's own limit we wait for its answer."""


class PreparedLost(SandboxError):
    """What was prepared for a sandbox ended before that was one."""


class NamespaceSandbox:
    """One environment in its shell."""

    def __init__(self, environment_id: EnvironmentId, jail: Jail) -> None:
        self.environment_id = environment_id
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[Exit] = loop.create_future()
        self.created: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self.sockets = InnerSockets(partial(self._ask, "sockets"))
        self.runtime_listener: socket.socket
        self.platform_listener: socket.socket | None = None
        self.output_fd = -1
        self.telemetry_fd = -1
        self._jail = jail
        self._fds: list[int] = []
        self._status = -1
        self._switch = -1
        self._words = (b"", b"")
        self._memory: MemoryPeak | None = None
        self._peak_bytes = 0
        self._killed = False

    def appeared(self, message: Message, fds: list[int]) -> None:
        """The jailer made it."""
        runtime, *fds = fds
        if message["platform"]:
            platform, *fds = fds
            self.platform_listener = socket.socket(fileno=platform)
        self._fds = fds
        self._status, self._switch, self.output_fd, self.telemetry_fd = fds
        os.set_blocking(self.output_fd, False)
        os.set_blocking(self.telemetry_fd, False)
        self.runtime_listener = socket.socket(fileno=runtime)
        self._words = (message["freeze"].encode(), message["thaw"].encode())
        self._memory = MemoryPeak(self._status, message["usage"])
        if not self.created.done():
            self.created.set_result(None)

    def not_created(self, error: SandboxError) -> None:
        """The jailer could not make it."""
        if not self.created.done():
            self.created.set_exception(error)
            self.created.exception()  # it is no mistake when nobody waits any more

    def abandon(self) -> None:
        """Nobody waits for it any more: let it end by itself."""
        self.gone.add_done_callback(lambda _: self.close())
        self._ask("kill", keep_tmp=False)

    def ended(self, status: int, oom: bool, peak_bytes: int = 0) -> None:
        """The main process is no more."""
        if self.exited.done():
            return
        code = os.waitstatus_to_exitcode(status)
        end = Exit(None, -code, oom) if code < 0 else Exit(code, None, oom)
        if self._memory is not None:
            self._memory.count(peak_bytes)
        self.memory_peak_bytes()  # while its control group is still there, if it is
        self.exited.set_result(end)

    def lost(self) -> None:
        """The jailer is no more, and with it everything of this sandbox."""
        # Processes that a version 1 freezer holds die only when they run again.
        self.thaw()
        self.not_created(SandboxError("The jailer ended; try again."))
        self.ended(signal.SIGKILL, oom=False)
        if not self.gone.done():
            self.gone.set_result(None)

    def freeze(self) -> None:
        self._flip(self._words[0])

    def thaw(self) -> None:
        self._flip(self._words[1])

    def _flip(self, word: bytes) -> None:
        # Between the end and `exited` there is nothing left to freeze.
        if self._switch >= 0:
            with contextlib.suppress(OSError):
                os.write(self._switch, word)

    def memory_peak_bytes(self) -> int:
        if self._memory is not None:
            self._peak_bytes = self._memory.read()
        return self._peak_bytes

    async def kill(self, *, keep_tmp: bool = False) -> Exit:
        if not self._killed:
            self._killed = True
            self._ask("kill", keep_tmp=keep_tmp)
        await asyncio.shield(self.gone)
        self.close()
        return self.exited.result()

    def terminate(self) -> None:
        with contextlib.suppress(OSError):
            self._ask("terminate", pid=_pid_inside(self._status))

    async def connect(self, port: int) -> socket.socket:
        return await self.sockets.connect(port)

    def _ask(self, operation: str, **more: object) -> None:
        with contextlib.suppress(SandboxError):
            self._jail.send({"op": operation, "id": self.environment_id, **more})

    def close(self) -> None:
        """Close every fd; idempotent."""
        self.memory_peak_bytes()
        self.sockets.close()
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        fds, self._fds = self._fds, []
        channel.close_all(fds)
        self._status = self._switch = -1
        for listener in (getattr(self, "runtime_listener", None), self.platform_listener):
            if listener is not None:
                listener.close()


def _pid_inside(status: int) -> int:
    """Of a process, by its /proc/self/status. OSError when it has ended."""
    text = os.pread(status, 4096, 0)
    return int(text.partition(b"\nPid:")[2].split(None, 1)[0])


class NamespaceDriver:
    """Drives one jailer; starts another one when it dies."""

    def __init__(
        self,
        tier: Tier,
        scratch_dir: Path,
        keeper: Keeper,
        egress: Egress,
        missing_layers: Sequence[str] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.tier = tier
        self.missing_layers: Sequence[str] = tuple(missing_layers)
        """What is known to be missing; the jailer may find more at its start."""
        self._keeper = keeper
        self._limits = limits
        self._settings = jail_settings(tier, scratch_dir, egress, limits)
        self.jail: Jail | None = None
        """The jailer that runs now, if any."""
        self._starting = asyncio.Lock()
        self._prepared: dict[str, asyncio.Future[None]] = {}
        self._sandboxes: dict[str, NamespaceSandbox] = {}
        self._no_templates: str | None = None

    async def start(self) -> None:
        """Start the jailer. Raises SandboxError."""
        async with self._starting:
            if self.jail is None or not self.jail.running:
                if self.jail is not None:
                    await self.jail.close()
                jail = Jail(self._keeper, self._settings, self._heard, self._lost)
                self.jail = jail
                await jail.start()
                self._learn(jail.hello)

    async def prepare(self, pack: RuntimePack) -> None:
        """Build the pack's root, start its zygote, fill its pool. Raises SandboxError."""
        await self.start()
        name = _name(pack)
        prepared = self._prepared.get(name)
        if prepared is None:
            prepared = self._prepared[name] = asyncio.get_running_loop().create_future()
            try:
                self._ask_for(pack, name)
            except SandboxError as error:
                self._answer_prepared(name, str(error))
        await asyncio.shield(prepared)

    async def create(self, spec: SandboxSpec) -> NamespaceSandbox:
        stem = may_take_stem(spec)
        for _ in range(1 + self._limits.spare_shells):  # all that waits may have ended at once
            try:
                return await self._create(spec, stem)
            except PreparedLost:  # nothing of the function has run
                stem = False
        return await self._create(spec, stem=False)

    async def _create(self, spec: SandboxSpec, stem: bool) -> NamespaceSandbox:
        await self.prepare(spec.pack)
        assert self.jail is not None
        sandbox = NamespaceSandbox(spec.environment_id, self.jail)
        self._sandboxes[spec.environment_id] = sandbox
        try:
            _request(self.jail, spec, stem)
            limit_s = self._limits.sandbox_create_timeout_s + _ANSWER_MARGIN_S
            async with asyncio.timeout(limit_s):
                await asyncio.shield(sandbox.created)
        except SandboxError:
            self._sandboxes.pop(spec.environment_id, None)
            sandbox.close()
            raise
        except BaseException as error:
            sandbox.abandon()
            if isinstance(error, TimeoutError):
                raise SandboxError("No sandbox was created: no answer from the jailer.") from error
            raise
        return sandbox

    def why_no_template(self, spec: SandboxSpec) -> str | None:
        if spec.pack.family != "python":
            return "only Python is forked"
        if spec.extensions:
            return "it has external extensions"
        if not can_fork(spec.pack, spec.variables):
            return "its variables or its wrapper need an interpreter of its own"
        return self._no_templates

    def discard(self, environment_id: EnvironmentId) -> None:
        if self.jail is not None:
            with contextlib.suppress(SandboxError):
                self.jail.send({"op": "kill", "id": environment_id, "keep_tmp": False})

    async def close(self) -> None:
        if self.jail is not None:
            await self.jail.close()
            self._lost()
            self.jail = None
        self._keeper.close()

    def _learn(self, hello: Message) -> None:
        """What the jailer could not do, whatever looking at the machine promised."""
        controllers = hello["controllers"]
        found = [what for name, what in CONTROLLER_LAYERS.items() if name not in controllers]
        if self.tier is Tier.NAMESPACES and hello["no_disk_tmp"] is not None:
            found.append(f"a disk-backed /tmp: {hello['no_disk_tmp']}")
        if hello["no_way_out"] is not None:
            found.append(f"the way out: {hello['no_way_out']}")
        self.missing_layers = tuple(dict.fromkeys([*self.missing_layers, *found]))
        self._no_templates = hello["no_templates"]

    def _ask_for(self, pack: RuntimePack, name: str) -> None:
        assert self.jail is not None
        python = pack.family == "python"
        with contextlib.ExitStack() as opened:
            fds = [_open(opened, mount.source) for mount in pack.mounts]
            message = {
                "op": "prepare",
                "pack": name,
                "family": pack.family,
                "interpreter": interpreter_of(pack) if python else None,
                "variables": zygote_variables(pack) if python else {},
                "targets": [mount.target for mount in pack.mounts],
                "ahead": ahead_of(pack),
            }
            self.jail.send(message, fds)

    def _answer_prepared(self, name: str, failure: str | None) -> None:
        future = self._prepared[name]
        if failure is None:
            if not future.done():
                future.set_result(None)
            return
        del self._prepared[name]  # to be tried again by the next one
        if not future.done():
            future.set_exception(SandboxError(f"The runtime could not be started: {failure}"))
            future.exception()  # it is no mistake when nobody waits

    def _heard(self, message: Message, fds: list[int]) -> None:
        if "prepared" in message:
            self._answer_prepared(message["prepared"], message["failed"])
        elif "created" in message and (sandbox := self._sandboxes.get(message["created"])):
            sandbox.appeared(message, fds)
        elif "failed" in message and (sandbox := self._sandboxes.pop(message["failed"], None)):
            kind = PreparedLost if "lost" in message else SandboxError
            sandbox.not_created(kind(f"No sandbox could be created: {message['reason']}."))
            sandbox.gone.set_result(None)
        elif "exited" in message and (sandbox := self._sandboxes.get(message["exited"])):
            sandbox.ended(message["status"], message["oom"], message["peak_bytes"])
        elif "gone" in message and (sandbox := self._sandboxes.pop(message["gone"], None)):
            sandbox.gone.set_result(None)
        elif "sockets" in message and (sandbox := self._sandboxes.get(message["sockets"])):
            sandbox.sockets.give(fds)
        else:  # for somebody who has given up
            channel.close_all(fds)

    def _lost(self) -> None:
        for name in list(self._prepared):
            self._answer_prepared(name, "the jailer ended")
        sandboxes, self._sandboxes = list(self._sandboxes.values()), {}
        for sandbox in sandboxes:
            sandbox.lost()


def _name(pack: RuntimePack) -> str:
    """Packs that look the same inside are the same; the command is each environment's own."""
    interpreter = interpreter_of(pack) if pack.family == "python" else ""
    mounts = [(str(mount.source), mount.target) for mount in pack.mounts]
    content = repr((pack.family, interpreter, mounts))
    return f"{pack.runtime}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _open(opened: contextlib.ExitStack, path: Path) -> int:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise SandboxError(f"{path} cannot be shown to a function: {error.strerror}") from error
    opened.callback(os.close, fd)
    return fd


def _open_archive(opened: contextlib.ExitStack, path: Path | None) -> list[int]:
    """Open, unless there is none any more."""
    with contextlib.suppress(SandboxError):
        return [] if path is None else [_open(opened, path)]
    return []


def _request(jail: Jail, spec: SandboxSpec, stem: bool) -> None:
    """Ask for the sandbox."""
    with contextlib.ExitStack() as opened:
        paths = (spec.code_dir, *spec.layer_dirs) if spec.template is None else ()
        folders = [_open(opened, path) for path in paths]
        archive = _open_archive(opened, spec.archive)
        payload = os.memfd_create("environment", os.MFD_CLOEXEC)
        opened.callback(os.close, payload)
        os.write(payload, payload_of(spec))
        message: Message = {"op": "fork", "id": spec.environment_id, "template": spec.template}
        if spec.template is None:
            message = {
                "op": "create",
                "id": spec.environment_id,
                "pack": _name(spec.pack),
                "memory_mib": spec.memory_mib,
                "tmp_mib": spec.tmp_mib,
                "heir_of": spec.heir_of,
                "may_take_stem": stem,
                "forks": spec.forks,
                "archive": bool(archive),
                "background": spec.background,
            }
        folders[1:1] = archive
        jail.send(message, [payload, *folders])
