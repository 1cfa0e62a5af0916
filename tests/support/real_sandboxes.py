"""Drivers with real processes, for the conformance kit and the security tests.

Which tiers run is decided by who runs the tests, and each test says it in its id: root gets A and
D, an ordinary user B and D. `run_as_ordinary_user` lets root run the rest as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lambdad.core.ids import new_environment_id
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import replace
from lambdad.sandbox.driver import Driver, Egress, Exit, RuntimePack, Sandbox, SandboxSpec, Tier
from lambdad.sandbox.drivers.namespaces import NamespaceDriver
from lambdad.sandbox.drivers.process import ProcessDriver
from lambdad.sandbox.jail import Jail
from lambdad.sandbox.keeper import Keeper
from lambdad.sandbox.launch import ConfinedLauncher
from lambdad.sandbox.probe import probe
from lambdad.sandbox.python_start import zygote_variables
from lambdad.sandbox.selection import choose_tier
from support.packs import command_pack, python_pack
from support.patience import PATIENCE_S

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
ORDINARY_UID = 64_123
"""A user that no machine has: nobody's files are theirs."""

KERNEL = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
NEEDS_TEMPLATES = pytest.mark.skipif(
    os.geteuid() != 0 or KERNEL < (6, 15), reason="templates need tier A and Linux 6.15"
)

PLATFORM_ONLY = Egress()
NAMESPACE_TIERS = [Tier.NAMESPACES if os.geteuid() == 0 else Tier.ROOTLESS]
WITHOUT_NAMESPACES = [Tier.HARDENED_PROCESS, Tier.PROCESS]
ALL_TIERS = [*NAMESPACE_TIERS, *WITHOUT_NAMESPACES]


def tier_id(tier: Tier) -> str:
    """What a test's id says."""
    who = "root" if os.geteuid() == 0 else "ordinary-user"
    return f"{tier}-{tier.name.lower()}-as-{who}"


@dataclass
class Workbench:
    """A driver on an event loop of its own, and what is needed to try it."""

    driver: Driver
    folder: Path
    runner: asyncio.Runner
    made: list[Sandbox] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T], limit_s: float = PATIENCE_S) -> T:
        """Run to the end; nothing may hang."""
        return self.runner.run(asyncio.wait_for(work, limit_s))

    def code(self, source: str, **files: str) -> Path:
        """A deployment package with `app.py`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in {"app.py": source, **files}.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        folder.chmod(0o755)
        return folder

    def spec(self, pack: RuntimePack, code: Path, **changes: Any) -> SandboxSpec:
        """A specification with a function's usual variables."""
        variables = {**zygote_variables(python_pack()), "_HANDLER": "app.handler"}
        fields: dict[str, Any] = {
            "environment_id": new_environment_id(),
            "pack": pack,
            "code_dir": code,
            "layer_dirs": (),
            "variables": variables,
            "memory_mib": 256,
            "tmp_mib": 512,
        }
        return SandboxSpec(**{**fields, **changes})

    async def create(self, spec: SandboxSpec) -> Sandbox:
        sandbox = await self.driver.create(spec)
        self.made.append(sandbox)
        return sandbox

    async def python(self, source: str, family: str = "python", **changes: Any) -> Sandbox:
        """An environment of the Python pack whose module is `source`; of another family, behind
        the walls that a pack of that family has."""
        pack = replace(python_pack(), family=family)
        return await self.create(self.spec(pack, self.code(source), **changes))

    async def shell(self, script: str, **changes: Any) -> Sandbox:
        """An environment whose bootstrap is a shell script."""
        changes.setdefault("variables", {"PATH": "/usr/bin:/bin"})
        pack = command_pack("/bin/sh", "-c", script)
        return await self.create(self.spec(pack, self.code(""), **changes))

    async def output(self, sandbox: Sandbox) -> str:
        """Everything it writes until its end."""
        await sandbox.exited
        return drain(sandbox.output_fd).decode()

    def look(self, source: str, **changes: Any) -> Any:
        """Run Python inside a function's process; what it assigns to `seen`, through JSON."""
        indented = "\n".join("    " + line for line in source.splitlines())
        module = f"import json, sys\ndef look():\n{indented}\n    return seen\n"
        module += "print(json.dumps(look()), flush=True)\nsys.exit(0)\n"

        async def work() -> Any:
            sandbox = await self.python(module, **changes)
            try:
                text = await self.output(sandbox)
            finally:
                await sandbox.kill()
            try:
                return json.loads(text.splitlines()[-1])
            except (ValueError, IndexError):
                raise AssertionError(f"{sandbox.exited.result()}: {text}") from None

        return self.run(work())

    def ends(self, work: Coroutine[Any, Any, Sandbox]) -> tuple[Exit, str]:
        """Create, wait for the end, clean up: (end, output)."""

        async def see() -> tuple[Exit, str]:
            sandbox = await work
            text = await self.output(sandbox)
            return await sandbox.kill(), text

        return self.run(see())


def drain(fd: int) -> bytes:
    """What a non-blocking pipe holds."""
    data = b""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(fd, 65_536):
            data += chunk
    return data


async def first_line(sandbox: Sandbox) -> str:
    """The next line of output, as soon as it is there."""
    data = b""
    while not data.endswith(b"\n"):
        with contextlib.suppress(BlockingIOError):
            more = os.read(sandbox.output_fd, 1)
            assert more, f"it ended after {data!r}"
            data += more
            continue
        assert not sandbox.exited.done(), f"{sandbox.exited.result()} {data!r}"
        await asyncio.sleep(0.002)
    return data.decode().rstrip("\n")


def make_driver(
    tier: Tier, folder: Path, limits: Limits = DEFAULT_LIMITS, egress: Egress = PLATFORM_ONLY
) -> Driver:
    """A driver of a tier, with its own places."""
    if tier is Tier.PROCESS:
        return ProcessDriver("http://127.0.0.1:1", limits)
    if tier is Tier.HARDENED_PROCESS:
        return ProcessDriver("http://127.0.0.1:1", limits, ConfinedLauncher(limits))
    choice = choose_tier(probe(), [tier])
    keeper = Keeper()
    return NamespaceDriver(tier, folder / "scratch", keeper, egress, choice.missing_layers, limits)


@contextlib.contextmanager
def workbench(
    tier: Tier,
    folder: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    egress: Egress = PLATFORM_ONLY,
    kind: type[Workbench] = Workbench,
) -> Iterator[Workbench]:
    """A started driver with a folder that everybody may look into; at the end everything goes."""
    if folder is None:
        # Not pytest's own folder: environments run as users that may not enter it.
        temporary = tempfile.TemporaryDirectory(prefix="lambdad-bench-")
        with temporary as name, workbench(tier, Path(name), limits, egress, kind) as bench:
            yield bench
        return
    folder.chmod(0o755)
    driver = make_driver(tier, folder, limits, egress)
    with asyncio.Runner() as runner:
        bench = kind(driver, folder, runner)
        bench.run(driver.start())
        try:
            yield bench
        finally:
            bench.run(driver.close())


def descendants(pid: int) -> set[int]:
    """The pid and everything below it."""
    found = {pid}
    queue = [pid]
    while queue:
        with contextlib.suppress(OSError):  # it may end meanwhile
            for path in Path(f"/proc/{queue.pop()}/task").glob("*/children"):
                children = {int(child) for child in path.read_text().split()} - found
                found |= children
                queue += children
    return found


def jail_of(bench: Workbench) -> Jail:
    """The jailer of a driver that has one."""
    assert isinstance(bench.driver, NamespaceDriver)
    assert bench.driver.jail is not None
    return bench.driver.jail


def traces(bench: Workbench) -> dict[str, int]:
    """What sandboxes might leave: processes, mounts, control groups, our fds and the jailer's."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found = {
        "processes": len(descendants(os.getpid())),
        "mounts": sum("lambdad" in line or str(bench.folder) in line for line in mounts),
        "fds": len(os.listdir("/proc/self/fd")),
    }
    if bench.driver.tier in NAMESPACE_TIERS:
        jail = jail_of(bench)
        found["groups"] = len(slot_groups(jail.hello["groups"]))
        for pid in descendants(jail.outer_pid):
            with contextlib.suppress(OSError):
                found["fds"] += len(os.listdir(f"/proc/{pid}/fd"))
    return found


def slot_groups(folders: Sequence[str]) -> list[Path]:
    """The control groups of environments in these folders of an instance."""
    return [path for folder in folders for path in Path(folder).glob("slot-*")]


def ordinary_python() -> str:
    """An interpreter of our version that everybody may run."""
    prefix = Path(sys.base_prefix)
    parents = [prefix, *prefix.parents]
    if all(path.stat().st_mode & 0o001 for path in parents):
        return sys.executable
    return "/usr/bin/python{}.{}".format(*sys.version_info[:2])


def run_as_ordinary_user(
    arguments: list[str], folder: Path, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run our Python with these arguments as somebody without any rights."""
    folder.chmod(0o777)
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}:{packages}",
        **(extra or {}),
    }
    return subprocess.run(
        [ordinary_python(), *arguments],
        cwd=ROOT,
        env=variables,
        user=ORDINARY_UID,
        group=ORDINARY_UID,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
