"""Every Python found beside this one becomes a zygote: the guest's code runs on all of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from lambdad.core.value import replace
from lambdad.sandbox.driver import Mount, RuntimePack
from lambdad.sandbox.python_start import zygote_variables
from support.packs import python_pack
from support.real_sandboxes import NAMESPACE_TIERS, Workbench, first_line, tier_id

PREFIXES = {
    match[1]: path
    for path in sorted(Path(sys.base_prefix).parent.glob("3.*"))
    if (match := re.match(r"(3\.\d+)\.", path.name)) and int(match[1][2:]) >= 8
}
"""The interpreters that stand beside ours, as pyenv keeps them; at least ours."""
OWN = "{}.{}".format(*sys.version_info[:2])


def pack_of(number: str) -> RuntimePack:
    """This environment's pure-Python runtime client under another interpreter."""
    pack = python_pack()
    if number == OWN:
        return pack
    mounts = [m for m in pack.mounts if m.target != "/var/lang" and ".so" not in m.target]
    return replace(
        pack,
        runtime=f"python{number}",
        argv=(f"/var/lang/bin/python{number}", "/var/runtime/bootstrap.py"),
        mounts=(Mount(PREFIXES[number], "/var/lang"), *mounts),
    )


@pytest.mark.parametrize("number", sorted({*PREFIXES, OWN}))
@pytest.mark.parametrize("bench", NAMESPACE_TIERS, ids=tier_id, indirect=True)
def test_a_zygote_of_every_version(bench: Workbench, number: str) -> None:
    pack = pack_of(number)
    source = (
        "import os, sys\n"
        "forked = b'lambdad_guest' in open('/proc/self/cmdline', 'rb').read()\n"
        "print(*sys.version_info[:2], sys.path[0], os.getpid(), forked, flush=True)\n"
    )

    async def work() -> str:
        variables = {**zygote_variables(pack), "_HANDLER": "app.handler"}
        spec = bench.spec(pack, bench.code(source), variables=variables)
        sandbox = await bench.create(spec)
        line = await first_line(sandbox)
        await sandbox.kill()
        return line

    major, _, minor = number.partition(".")
    assert bench.run(work()) == f"{major} {minor} /var/task 2 True"
