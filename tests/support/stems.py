"""Stems, seen from outside and from inside: processes that a driver started ahead of environments.

Which of two ways an environment's process came is nothing that lambdad tells. A stem began without
the variables of its function, and the kernel shows with which ones a process began.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

from lambdad.core.ids import new_environment_id
from lambdad.guest.stem import CHANNEL
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.variables import known_beforehand
from lambdad.sandbox.driver import Driver, Mount, RuntimePack, Sandbox, SandboxSpec
from lambdad.sandbox.drivers.namespaces import NamespaceDriver
from lambdad.sandbox.python_start import zygote_variables
from lambdad.sandbox.seccomp.filters import numbers
from support.functions import make_packs
from support.packs import python_pack
from support.real_sandboxes import Workbench, descendants

IS_STEM = "!require('fs').readFileSync('/proc/self/environ', 'latin1').includes('_HANDLER=')"
"""In a function of Node's: whether its process was a stem."""
RUNTIME = "nodejs24.x"
"""Of the Node that the tests bring (it can become another program, as `StemWorkbench` needs)."""
_PYTHON = "/var/runtime/python"
"""Beside Node, which has its place in /var/lang."""
_NUMBERS = numbers(os.uname().machine)


def node_pack(packs: PackCatalog | None = None) -> RuntimePack:
    """The pack of RUNTIME."""
    answer = (packs or make_packs(Path("/nonexistent"))).find(RUNTIME)
    assert isinstance(answer, RuntimePack), answer.message
    return answer


def waiting(driver: Driver, command: str = "") -> list[int]:
    """Pids of the stems that wait, Python's, of which there are always some, left out; of this
    command only, if one is named."""
    assert isinstance(driver, NamespaceDriver)
    assert driver.jail is not None
    reading = [str(_NUMBERS["read"]), hex(CHANNEL)]
    stems = []
    for pid in descendants(driver.jail.outer_pid):
        with contextlib.suppress(OSError):
            waits = Path(f"/proc/{pid}/syscall").read_text().split()[:2] == reading
            program = os.readlink(f"/proc/{pid}/exe")
            if waits and program.endswith(command) and "python" not in program:
                stems.append(pid)
    return stems


async def eventually_waiting(driver: Driver, count: int) -> list[int]:
    """As soon as so many stems wait, no more and no fewer."""
    while len(found := waiting(driver)) != count:
        await asyncio.sleep(0.02)
    return found


def node_spec(bench: Workbench, source: str, **changes: Any) -> SandboxSpec:
    """A function of Node's that a stem may become; `variables` are added to the usual ones."""
    code = bench.code("", **{"index.js": source})
    variables = {
        **known_beforehand(RUNTIME, "nodejs"),
        "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
        "LAMBDA_TASK_ROOT": "/var/task",
        "_HANDLER": "index.handler",
        **changes.pop("variables", {}),
    }
    fields: dict[str, Any] = {
        "environment_id": new_environment_id(),
        "pack": node_pack(),
        "code_dir": code,
        "layer_dirs": (),
        "variables": variables,
        "memory_mib": 256,
        "tmp_mib": 512,
    }
    return SandboxSpec(**{**fields, **changes})


async def provoke(bench: Workbench, pack: RuntimePack | None = None) -> None:
    """Use the pack for the first time, upon which its stems are made."""
    sandbox = await bench.create(node_spec(bench, "", pack=pack or node_pack()))
    await sandbox.kill()


class StemWorkbench(Workbench):
    """A workbench whose Python runs in the process that a stem was, with what that had open."""

    _pack: RuntimePack | None = None

    async def python(self, source: str, **changes: Any) -> Sandbox:
        if self._pack is None:
            node, python = node_pack(), python_pack()
            own = [Mount(m.source, _PYTHON) for m in python.mounts if m.target == "/var/lang"]
            mounts = (*node.mounts, *own)
            self._pack = RuntimePack(node.runtime, node.family, node.argv, mounts, ahead=node.ahead)
            await provoke(self, self._pack)
        while not waiting(self.driver, node_pack().argv[0]):
            await asyncio.sleep(0.02)
        program = python_pack().argv[0].replace("/var/lang", _PYTHON)
        start = (
            f"if (!({IS_STEM})) process.exit(99);\n"
            f"process.execve('{program}', ['{program}', '/var/task/app.py'], process.env);\n"
        )
        usual = zygote_variables(python_pack())
        given = changes.pop("variables", {})
        own = {name: value for name, value in given.items() if name not in usual}
        own.pop("_HANDLER", None)
        spec = node_spec(self, start, pack=self._pack, variables=own, **changes)
        (spec.code_dir / "app.py").write_text(source)
        return await self.create(spec)
