"""`make soak`: nothing is left of 10,000 environments. LAMBDAD_SOAK_ENVIRONMENTS sets another
number."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from lambdad.sandbox.driver import Tier
from support.packs import python_pack
from support.patience import wait_for
from support.real_sandboxes import (
    NAMESPACE_TIERS,
    Workbench,
    descendants,
    jail_of,
    tier_id,
    traces,
    workbench,
)

ENVIRONMENTS = int(os.environ.get("LAMBDAD_SOAK_ENVIRONMENTS", "10000"))
AT_ONCE = 8
WARM_UP = 100
PACK = python_pack()
IDLE = "def handler(event, context): return event\n"


def network_namespaces(bench: Workbench) -> int:
    """How many different ones the jailer and everything below it are in."""
    found = set()
    for pid in descendants(jail_of(bench).outer_pid):
        try:
            found.add(Path(f"/proc/{pid}/ns/net").stat().st_ino)
        except OSError:
            continue
    return len(found)


def left(bench: Workbench) -> dict[str, int]:
    """What is there now, idle shells included."""
    return {**traces(bench), "networks": network_namespaces(bench)}


async def live(bench: Workbench, code: Path, count: int) -> None:
    """Environments that start, ask for an event and are ended, AT_ONCE of them at a time."""
    loop = asyncio.get_running_loop()
    remaining = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in remaining:
            sandbox = await bench.driver.create(bench.spec(PACK, code))
            connection, _ = await loop.sock_accept(sandbox.runtime_listener)
            connection.close()
            await sandbox.kill()

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


@pytest.mark.parametrize("tier", NAMESPACE_TIERS, ids=tier_id)
def test_nothing_is_left_of_many_environments(tier: Tier) -> None:
    with workbench(tier) as bench:
        code = bench.code(IDLE)
        bench.run(live(bench, code, WARM_UP), limit_s=60)
        bench.run(asyncio.sleep(1))
        before = left(bench)
        bench.run(live(bench, code, ENVIRONMENTS), limit_s=3600)
        wait_for(lambda: left(bench), before.__eq__)
