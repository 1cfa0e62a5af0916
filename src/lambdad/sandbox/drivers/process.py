"""Tiers C and D: a function as a child process, behind what walls there are without namespaces.

For machines that offer nothing better, and for tests. Owns: the process, its pipes, its temporary
folder, and a Runtime API listener on the host's loopback. How it is started, and so how strong the
walls are, is `launch.py`'s; what is missing is in `missing_layers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lambdad.core.ids import EnvironmentId
from lambdad.core.limits import Limits
from lambdad.guest.entering import LOCKED_BYTES, TELEMETRY_VARIABLE, possible
from lambdad.sandbox.driver import Exit, RuntimePack, Sandbox, SandboxError, SandboxSpec, Tier
from lambdad.sandbox.launch import Launcher, Places, PlainLauncher

_FOLDER_PREFIX = "lambdad-process-"
_CREDENTIALS_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_PATH_LISTS = ("PATH", "LD_LIBRARY_PATH", "NODE_PATH", "PYTHONPATH", "GEM_PATH", "RUBYLIB")


class ProcessDriver:
    """Starts each sandbox as a child process of lambdad, in a session of its own."""

    def __init__(
        self, platform_endpoint: str, limits: Limits, launcher: Launcher | None = None
    ) -> None:
        self._platform_endpoint = platform_endpoint
        self._limits = limits
        self._launcher = launcher or PlainLauncher()
        self.tier = self._launcher.tier
        self.missing_layers: Sequence[str] = self._launcher.missing_layers
        self._live: set[ProcessSandbox] = set()
        self._kept: set[EnvironmentId] = set()
        """Ended, with folders that an heir may have."""
        self._discarding: set[asyncio.Future[None]] = set()
        self._root: Path | None = None

    async def start(self) -> None:
        """Nothing runs before the first sandbox; what a killed lambdad left behind is removed."""
        await asyncio.to_thread(_remove_folders_of_the_dead)

    async def prepare(self, pack: RuntimePack) -> None:
        """There is nothing to warm up."""

    async def create(self, spec: SandboxSpec) -> Sandbox:
        if spec.pack.argv and not spec.pack.host_argv:
            raise SandboxError(f"The pack for {spec.pack.runtime} cannot run without namespaces.")
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
            self._root.chmod(0o711)  # each environment's folder inside is its own user's
        folder = self._root / spec.environment_id
        try:
            sandbox = self._spawn(spec, folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise SandboxError(f"{spec.pack.host_argv[0]} cannot be started: {error}") from error
        self._live.add(sandbox)
        sandbox.exited.add_done_callback(lambda _: self._live.discard(sandbox))
        return sandbox

    def why_no_template(self, spec: SandboxSpec) -> str | None:
        return "only sandboxes of tier A are forked"

    def discard(self, environment_id: EnvironmentId) -> None:
        if self._root is not None and environment_id in self._kept:
            self._kept.discard(environment_id)
            work = asyncio.to_thread(shutil.rmtree, self._root / environment_id, ignore_errors=True)
            task = asyncio.ensure_future(work)
            self._discarding.add(task)
            task.add_done_callback(self._discarding.discard)

    async def close(self) -> None:
        for sandbox in list(self._live):
            await sandbox.kill()
        await asyncio.gather(*self._discarding)
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None

    def _spawn(self, spec: SandboxSpec, folder: Path) -> ProcessSandbox:
        tmp = folder / "tmp"
        inherited = self._inherited(spec)
        folder.mkdir(mode=0o700)
        if inherited is None:
            tmp.mkdir()
        layers = _merged_layers(spec.layer_dirs, folder / "opt")
        listener = socket.create_server(("127.0.0.1", 0))
        output_read, output_write = os.pipe()
        telemetry_read, telemetry_write = os.pipe()
        plan: int | None = None
        try:
            port = listener.getsockname()[1]
            variables = self._variables(spec, layers, port)
            variables |= {"TMPDIR": str(tmp), TELEMETRY_VARIABLE: str(telemetry_write)}
            places = Places(
                folder,
                ports=(port, urlsplit(self._platform_endpoint).port or 443),
                variables=variables,
                uid=None if inherited is None else inherited.lstat().st_uid,
                extensions=self._extensions(spec, layers, port, tmp),
            )
            command, plan = self._launcher.command(spec, places)
            if inherited is not None:  # after the folder was given away: these files are theirs
                inherited.rename(tmp)
            process = subprocess.Popen(  # noqa: S603 - running it is the point
                command,
                cwd=spec.code_dir,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output_write,
                stderr=output_write,
                pass_fds=(telemetry_write,) if plan is None else (telemetry_write, plan),
                start_new_session=True,
            )
        except BaseException:
            listener.close()
            os.close(output_read)
            os.close(telemetry_read)
            raise
        finally:
            os.close(output_write)
            os.close(telemetry_write)
            if plan is not None:
                os.close(plan)
        if self.tier is Tier.PROCESS:  # in tier C the process sees to it before it changes its user
            self._limit(process.pid)
        return ProcessSandbox(
            spec.environment_id,
            process,
            listener,
            (output_read, telemetry_read),
            folder,
            self._kept,
        )

    def _extensions(
        self, spec: SandboxSpec, layers: Path | None, port: int, tmp: Path
    ) -> dict[str, Any] | None:
        """What the conductor is told, where there is one."""
        if not spec.extensions or layers is None:
            return None
        variables = self._relocate(spec.extension_variables, spec, layers, port)
        return {
            "folder": str(layers / "extensions"),
            "names": list(spec.extensions),
            "variables": variables | {"TMPDIR": str(tmp)},
        }

    def _inherited(self, spec: SandboxSpec) -> Path | None:
        """The folder that is to be its /tmp. What stands there was the function's to change."""
        if spec.heir_of not in self._kept or self._root is None:
            return None
        tmp = self._root / spec.heir_of / "tmp"
        with contextlib.suppress(FileNotFoundError):
            return tmp if stat.S_ISDIR(tmp.lstat().st_mode) else None
        return None

    def _limit(self, pid: int) -> None:
        limits = {
            resource.RLIMIT_NOFILE: self._limits.open_files,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MEMLOCK: LOCKED_BYTES,
        }
        for what, value in limits.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, what, possible(what, value))

    def _variables(self, spec: SandboxSpec, layers: Path | None, port: int) -> dict[str, str]:
        variables = self._relocate(spec.variables, spec, layers, port)
        for name, value in spec.pack.host_variables.items():
            own = variables.get(name)
            variables[name] = f"{own}:{value}" if own else value
        if layers is not None and spec.pack.family == "python":
            variables["PYTHONPATH"] = f"{layers / 'python'}:{variables['PYTHONPATH']}"
        variables["LAMBDA_TASK_ROOT"] = variables["PWD"] = str(spec.code_dir)
        return variables

    def _relocate(
        self, inside: Mapping[str, str], spec: SandboxSpec, layers: Path | None, port: int
    ) -> dict[str, str]:
        """Variables with places and addresses as they are on the host."""
        places = {"/var/task": str(spec.code_dir)}
        if layers is not None:
            places["/opt"] = str(layers)
        variables = dict(inside)
        for name in _PATH_LISTS:
            if name in variables:
                variables[name] = _relocated(variables[name], places)
        variables["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{port}"
        variables["AWS_ENDPOINT_URL"] = self._platform_endpoint
        if (credentials := variables.get(_CREDENTIALS_VARIABLE)) is not None:
            at = f"127.0.0.1:{port}"
            variables[_CREDENTIALS_VARIABLE] = urlsplit(credentials)._replace(netloc=at).geturl()
        return variables


class ProcessSandbox:
    """One child process and what belongs to it."""

    def __init__(
        self,
        environment_id: EnvironmentId,
        process: subprocess.Popen[bytes],
        listener: socket.socket,
        pipes: tuple[int, int],
        folder: Path,
        kept: set[EnvironmentId],
    ) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        for fd in pipes:
            os.set_blocking(fd, False)
        self.environment_id = environment_id
        self.runtime_listener = listener
        self.platform_listener: socket.socket | None = None
        self.output_fd, self.telemetry_fd = pipes
        self.exited: asyncio.Future[Exit] = loop.create_future()
        self._process = process
        self._folder = folder
        self._kept = kept
        self._peak_bytes = 0
        self._released = False
        self._pidfd = os.pidfd_open(process.pid)
        loop.add_reader(self._pidfd, self._reap)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def memory_peak_bytes(self) -> int:
        """Of the main process and its children; theirs are not seen here."""
        main = self._process.pid
        try:
            children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
            now = sum(_resident_peak(pid) for pid in (str(main), *children))
        except OSError:
            return self._peak_bytes
        self._peak_bytes = max(self._peak_bytes, now)
        return self._peak_bytes

    def terminate(self) -> None:
        if not self.exited.done():
            os.kill(self._process.pid, signal.SIGTERM)

    async def connect(self, port: int) -> socket.socket:
        connection = socket.socket()
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        except BaseException:
            connection.close()
            raise
        return connection

    async def kill(self, *, keep_tmp: bool = False) -> Exit:
        if not self.exited.done():
            self._signal(signal.SIGKILL)
        end = await asyncio.shield(self.exited)
        if not self._released:
            self._released = True
            self.runtime_listener.close()
            os.close(self.output_fd)
            os.close(self.telemetry_fd)
            if keep_tmp:
                self._kept.add(self.environment_id)
            else:
                await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return end

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._signal(signal.SIGKILL)  # what it left behind, while its id is not yet free
        _, status, usage = os.wait4(self._process.pid, 0)
        self._peak_bytes = max(self._peak_bytes, usage.ru_maxrss * 1024)
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        self.exited.set_result(Exit(code, None) if code >= 0 else Exit(None, -code))


def _resident_peak(pid: str) -> int:
    """Zero when it has ended meanwhile."""
    try:
        text = Path("/proc", pid, "status").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = text.partition(b"VmHWM:")[2].split(None, 1)
    return int(fields[0]) * 1024 if fields else 0


def _relocated(path_list: str, places: Mapping[str, str]) -> str:
    """A list of folders as the host knows them."""
    entries = []
    for entry in path_list.split(":"):
        inside = next((p for p in places if entry == p or entry.startswith(p + "/")), None)
        entries.append(places[inside] + entry[len(inside) :] if inside else entry)
    return ":".join(entries)


def _merged_layers(layer_dirs: Sequence[Path], target: Path) -> Path | None:
    if len(layer_dirs) < 2:
        return layer_dirs[0] if layer_dirs else None
    for layer in layer_dirs:
        shutil.copytree(layer, target, symlinks=True, dirs_exist_ok=True)
    return target


def _remove_folders_of_the_dead() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*-*"):
        pid = folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
