"""A run that fails resets its environment: other processes, the same /tmp, another init."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.attachments import Provisioned
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.provisioning import Allocation
from lambdad.sandbox.driver import Tier
from support.functions import Bench, make_function, run
from support.real_sandboxes import NAMESPACE_TIERS, tier_id

from .conftest import OpenBench

SOURCE = """
import os, signal, subprocess, sys, time
TMP = os.environ.get("TMPDIR", "/tmp")
calls = 0

def handler(event, context):
    global calls
    calls += 1
    path = TMP + "/count"
    count = int(open(path).read()) + 1 if os.path.exists(path) else 1
    with open(path, "w") as file:
        file.write(str(count))
    if event == "hang":
        time.sleep(60)
    if event == "exit":
        os._exit(3)
    if event == "abort":
        os.abort()
    if event == "fill":
        bytearray(1 << 30)
    return [calls, count, os.getuid() == os.stat(path).st_uid, context.log_stream_name]
"""


async def fail(on: Bench, version: FunctionVersion, how: str) -> str:
    """The error type of a run that has to fail."""
    result = await on.invoke(version, how)
    assert result.function_error is not None
    return str(json.loads(result.payload)["errorType"])


@pytest.mark.parametrize(
    ("how", "error_type"),
    [
        ("hang", "Sandbox.Timedout"),
        ("exit", "Runtime.ExitError"),
        ("abort", "Runtime.ExitError"),
    ],
)
def test_files_stay_and_memory_does_not(bench: OpenBench, how: str, error_type: str) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python(SOURCE, timeout_s=2)
            first = await on.answer(version)
            assert first[:3] == [1, 1, True]
            assert await fail(on, version, how) == error_type
            second = await on.invoke(version)
            assert json.loads(second.payload) == [1, 3, True, first[3]]
            assert (await on.answer(version))[:3] == [2, 4, True]
            assert await fail(on, version, how) == error_type
            assert (await on.answer(version))[:3] == [1, 6, True]
            # Init is not reported again, and its time belongs to the run.
            words = [text.split()[0] for text in on.log.messages(version.name)]
            assert words.count("INIT_START") == 1
            assert len({event.stream for _, event in on.log.events}) == 1
            assert second.init_ms is None
            assert len(re.findall("Init Duration", on.log.text(version.name))) == 1

    run(scenario())


def test_a_failed_init_keeps_what_it_wrote(bench: OpenBench) -> None:
    source = """
import os, sys
path = os.environ.get("TMPDIR", "/tmp") + "/tried"
if not os.path.exists(path):
    open(path, "w").close()
    sys.exit(1)
def handler(event, context):
    return os.path.exists(path)
"""

    async def scenario() -> None:
        async with bench() as on:
            assert await on.answer(on.python(source, timeout_s=20)) is True

    run(scenario())


def test_the_time_of_the_repeated_init_belongs_to_the_run(bench: OpenBench) -> None:
    source = """
import os, time
time.sleep(0.4)
def handler(event, context):
    if event:
        os._exit(1)
    return 1
"""

    async def scenario() -> None:
        async with bench() as on:
            version = on.python(source, timeout_s=20)
            await fail(on, version, "now")
            result = await on.invoke(version, None)
            assert result.function_error is None
            assert result.duration_ms > 400
            assert result.billed_ms >= 400

    run(scenario())


def test_a_provisioned_one_keeps_its_files_and_is_initialised_ahead(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python(SOURCE, timeout_s=2, version="1")
            key = (version.account, version.region, version.name)
            provisioned = {"1": Provisioned(1, 0)}
            on.catalog.publish(make_function(version, provisioned=provisioned))

            async def available() -> None:
                while on.provisioner.allocation(key, "1") != Allocation("READY", 1, 1):
                    await asyncio.sleep(0.005)

            await available()
            first = await on.answer(version)
            assert await fail(on, version, "exit") == "Runtime.ExitError"
            await available()
            second = await on.invoke(version)
            assert json.loads(second.payload) == [1, 3, True, first[3]]
            assert second.init_ms is None

    run(scenario())


def test_files_of_one_deployment_are_not_anothers(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            first, other = on.python(SOURCE, timeout_s=2), on.python(SOURCE, timeout_s=2)
            await fail(on, first, "exit")
            assert (await on.answer(other))[:2] == [1, 1]
            assert (await on.answer(first))[:2] == [1, 2]

    run(scenario())


class TestWalls:
    """What a hostile predecessor might try on its heir, which is of the same function."""

    @pytest.fixture(params=NAMESPACE_TIERS, ids=tier_id)
    def tier(self, request: pytest.FixtureRequest) -> Tier:
        found: Tier = request.param
        return found

    def test_one_that_ran_out_of_memory_is_replaced(self, bench: OpenBench) -> None:
        async def scenario() -> None:
            async with bench() as on:
                version = on.python(SOURCE, timeout_s=20)
                first = await on.answer(version)
                assert await fail(on, version, "fill") == "Runtime.OutOfMemory"
                second = await on.answer(version)
                assert second[:2] == [1, 1]
                assert second[3] != first[3]

        run(scenario())

    def test_no_process_lives_to_see_the_heir(self, bench: OpenBench) -> None:
        """Not one in another session that ignores signals and holds files open."""
        source = """
import os, subprocess, time
STAY = '''
import os, signal, time
os.setsid()
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
os.chdir("/tmp")
log = open("/tmp/heartbeat", "a", buffering=1)
while True:
    log.write("beat\\\\n")
    time.sleep(0.001)
'''
def handler(event, context):
    if event:
        subprocess.Popen(["/usr/bin/python3", "-c", STAY])
        while not os.path.exists("/tmp/heartbeat") or not os.path.getsize("/tmp/heartbeat"):
            time.sleep(0.001)
        os._exit(1)
    before = os.path.getsize("/tmp/heartbeat")
    time.sleep(0.2)
    others = [pid for pid in os.listdir("/proc") if pid.isdigit()]
    return [before > 0, os.path.getsize("/tmp/heartbeat") - before, len(others)]
"""

        async def scenario() -> None:
            async with bench() as on:
                version = on.python(source, timeout_s=20)
                await fail(on, version, "leave one behind")
                assert await on.answer(version) == [True, 0, 2]

        if not Path("/usr/bin/python3").exists():
            pytest.skip("the process that stays is a script")
        run(scenario())

    def test_the_quota_stays(self, bench: OpenBench) -> None:
        source = """
import os
def handler(event, context):
    if event:
        with open("/tmp/big", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 400 << 20)
        os._exit(1)
    size = os.path.getsize("/tmp/big")
    try:
        with open("/tmp/more", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 400 << 20)
    except OSError as error:
        return [size >> 20, os.strerror(error.errno)]
"""

        async def scenario() -> None:
            async with bench() as on:
                version = on.python(source, timeout_s=20, memory_mib=1024)
                await fail(on, version, "fill")
                assert await on.answer(version) == [400, "No space left on device"]

        run(scenario())

    def test_an_unkind_tree_is_inherited_as_it_is(self, bench: OpenBench) -> None:
        """Nothing walks through it: not links out of it, not a depth without end, not what is
        closed."""
        source = """
import os
def handler(event, context):
    os.chdir("/tmp")
    if event:
        os.symlink("/", "root")
        os.symlink("loop", "loop")
        os.mkdir("closed", 0)
        os.mkfifo("fifo")
        os.mkdir("many")
        for number in range(2000):
            open("many/%d" % number, "w").close()
        for _ in range(1500):
            os.mkdir("deep")
            os.chdir("deep")
        os._exit(1)
    depth = 0
    while os.path.isdir("deep"):
        os.chdir("deep")
        depth += 1
    os.chdir("/tmp")
    return [depth, len(os.listdir("many")), os.readlink("root"), os.stat("closed").st_mode & 0o777]
"""

        async def scenario() -> None:
            async with bench() as on:
                version = on.python(source, timeout_s=20)
                await fail(on, version, "build")
                assert await on.answer(version) == [1500, 2000, "/", 0]

        run(scenario())


def test_many_that_fail_at_once_come_back(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.python(SOURCE, timeout_s=20)
            for _ in range(2):
                await asyncio.gather(*(fail(on, version, "exit") for _ in range(6)))
            answers: list[Any] = await asyncio.gather(*(on.answer(version) for _ in range(6)))
            assert all(calls == 1 and own for calls, _, own, _ in answers)
            assert on.fleet.environments <= 12

    run(scenario())
