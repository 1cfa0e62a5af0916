"""Nothing survives a dead jailer or a dead lambdad, and both come back."""

from __future__ import annotations

import asyncio
import fcntl
import operator
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.sandbox.driver import Exit, SandboxError, Tier
from lambdad.sandbox.jailer.instance import RUN_DIR
from support.patience import until, wait_for
from support.real_sandboxes import (
    NAMESPACE_TIERS,
    Workbench,
    descendants,
    first_line,
    jail_of,
    slot_groups,
    tier_id,
    workbench,
)

IDLE = "def handler(event, context): return event\n"
HOLDER = """
import time
from support.real_sandboxes import NAMESPACE_TIERS, first_line, workbench

with workbench(NAMESPACE_TIERS[0]) as bench:
    sandboxes = [bench.run(bench.shell("echo up; sleep 71")) for _ in range(3)]
    for sandbox in sandboxes:
        bench.run(first_line(sandbox))
    sandboxes[0].freeze()
    hello = bench.driver.jail.hello
    print(bench.driver.jail.outer_pid, hello["instance"], *hello["groups"], flush=True)
    time.sleep(60)
"""
"""A lambdad that holds three environments, one of them frozen."""


@pytest.fixture(params=NAMESPACE_TIERS, ids=tier_id)
def bench(request: pytest.FixtureRequest) -> Iterator[Workbench]:
    """A workbench of its own for each test: its jailer will be killed."""
    with workbench(request.param) as made:
        yield made


def alive(pids: set[int]) -> set[int]:
    """Those that still run."""
    running = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            running.add(pid)
    return running


def outer_pid(bench: Workbench) -> int:
    """The jailer's outer process."""
    return jail_of(bench).outer_pid


def inner_pid(outer: int) -> int:
    """The jailer proper, pid 1 of its namespace."""
    return int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])


def builder_pid(inner: int) -> int:
    """One of the jailer's builders: its own program, in another network than it."""

    def looks(pid: int) -> tuple[bytes, str]:
        program = Path(f"/proc/{pid}/cmdline").read_bytes()
        return program, os.readlink(f"/proc/{pid}/ns/net")

    program, network = looks(inner)
    for pid in Path(f"/proc/{inner}/task/{inner}/children").read_text().split():
        its_program, its_network = looks(int(pid))
        if its_program == program and its_network != network:
            return int(pid)
    raise AssertionError("no builder")


@pytest.mark.parametrize("which", ["inner", "outer", "builder"])
def test_a_dead_jailer_takes_everything_along_and_is_replaced(bench: Workbench, which: str) -> None:
    async def first() -> tuple[list[Exit], set[int]]:
        sandboxes = [await bench.shell("echo up; sleep 72 & sleep 72") for _ in range(3)]
        for sandbox in sandboxes:
            await first_line(sandbox)
        sandboxes[0].freeze()
        outer = outer_pid(bench)
        everything = descendants(outer)
        assert len(everything) > 8
        inner = inner_pid(outer)
        pids = {"inner": inner, "outer": outer, "builder": builder_pid(inner)}
        os.kill(pids[which], signal.SIGKILL)
        exits = [await sandbox.exited for sandbox in sandboxes]
        exits += [await sandbox.kill() for sandbox in sandboxes]
        return exits, everything

    async def second() -> str:
        sandbox = await bench.shell("echo again; sleep 73")
        line = await first_line(sandbox)
        await sandbox.kill()
        return line

    exits, everything = bench.run(first())
    assert exits == [Exit(None, 9)] * 6
    wait_for(lambda: alive(everything), operator.not_)
    assert bench.run(second()) == "again"


def test_creations_in_flight_fail_when_the_jailer_dies(bench: Workbench) -> None:
    async def work() -> list[object]:
        await bench.python(IDLE)
        specs = [bench.python(IDLE) for _ in range(8)]
        tasks = [asyncio.ensure_future(spec) for spec in specs]
        await asyncio.sleep(0.002)
        os.kill(inner_pid(outer_pid(bench)), signal.SIGKILL)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if not isinstance(result, BaseException):
                await result.kill()
        return list(results)

    results = bench.run(work())
    assert any(isinstance(result, SandboxError) for result in results)
    assert all(not isinstance(r, BaseException) or isinstance(r, SandboxError) for r in results)


def test_a_dead_zygote_ends_its_environments_and_is_replaced(bench: Workbench) -> None:
    async def work() -> tuple[Exit, Exit]:
        sandbox = await bench.python("print('up', flush=True)\n" + IDLE)
        await first_line(sandbox)
        killed = zygotes(bench)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        first = await sandbox.exited
        await sandbox.kill()
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in killed))
        again = await bench.python("print('up', flush=True)\n" + IDLE)
        await first_line(again)
        return first, await again.kill()

    assert bench.run(work()) == (Exit(None, 9), Exit(None, 9))


def zygotes(bench: Workbench) -> list[int]:
    """Pids of the Python zygotes. Their children look the same; they are the jailer's own."""
    inner = inner_pid(outer_pid(bench))
    found = []
    for path in Path(f"/proc/{inner}/task/{inner}/children").read_text().split():
        if b"lambdad_guest.zygote" in Path(f"/proc/{path}/cmdline").read_bytes():
            found.append(int(path))
    return found


@pytest.mark.parametrize("tier", NAMESPACE_TIERS, ids=tier_id)
def test_a_stuck_zygote_is_reported_in_time(tier: Tier) -> None:
    limits = replace(DEFAULT_LIMITS, sandbox_create_timeout_s=2.0, spare_shells=1)

    async def stuck(bench: Workbench) -> list[object]:
        await bench.python(IDLE)
        for pid in zygotes(bench):
            os.kill(pid, signal.SIGSTOP)
        try:
            tasks = [asyncio.ensure_future(bench.python(IDLE)) for _ in range(4)]
            return list(await asyncio.gather(*tasks, return_exceptions=True))
        finally:
            for pid in zygotes(bench):
                os.kill(pid, signal.SIGCONT)

    with workbench(tier, limits=limits) as bench:
        results = bench.run(stuck(bench))
        assert any("after 2 s" in str(result) for result in results)
        assert bench.look("seen = 'well again'") == "well again"


def start_holder(folder: Path) -> tuple[subprocess.Popen[bytes], int, str, list[str]]:
    """(lambdad, its jailer's outer process, the number of the instance, folders of groups)."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)}
    command = [sys.executable, "-c", HOLDER]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, env=variables)
    assert holder.stdout is not None
    outer, instance, *folders = holder.stdout.readline().decode().split()
    assert len(descendants(int(outer))) > 8
    assert len(slot_groups(folders)) >= 3 * len(folders)
    return holder, int(outer), instance, folders


@pytest.mark.parametrize("tier", NAMESPACE_TIERS, ids=tier_id)
def test_a_dead_lambdad_takes_everything_along(tier: Tier, tmp_path: Path) -> None:
    holder, outer, _, folders = start_holder(tmp_path)
    everything = descendants(outer)
    holder.kill()
    holder.communicate()
    wait_for(lambda: alive(everything), operator.not_)
    wait_for(lambda: slot_groups(folders), operator.not_)


@pytest.mark.parametrize("tier", NAMESPACE_TIERS, ids=tier_id)
def test_what_the_kernel_keeps_the_next_start_removes(tier: Tier, tmp_path: Path) -> None:
    """lambdad and both jailer processes killed together: nobody is left to clean up."""
    holder, outer, instance, folders = start_holder(tmp_path)
    everything = descendants(outer)
    os.kill(outer, signal.SIGSTOP)
    for pid in (holder.pid, inner_pid(outer), outer):
        os.kill(pid, signal.SIGKILL)
    holder.communicate()
    wait_for(lambda: alive(everything), operator.not_)
    with workbench(tier, tmp_path):
        # Its number may already be somebody else's.
        assert slot_groups(folders) == [] or is_held(instance)


def is_held(instance: str) -> bool:
    """Whether somebody alive has this number: this bench, or another server of the machine."""
    with (RUN_DIR / f"{instance}.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
