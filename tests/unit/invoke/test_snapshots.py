"""Prepared environments: how many, whose go first, and what they never do."""

from __future__ import annotations

import asyncio

from lambdad.core.clock import ManualClock
from lambdad.core.limits import MIB
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import Reason
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.machine import Reading
from lambdad.invoke.pool import FunctionPool
from lambdad.invoke.snapshots import Snapshots
from lambdad.sandbox.driver import Exit
from support.functions import Bench, make_packs, run, running
from support.patience import until
from support.sandboxes import Crowd, PlayedDriver, Runtime, echo


async def restored(runtime: Runtime) -> None:
    """A runtime that stops behind its init, then answers every event with itself."""
    assert (await runtime.call("GET", "restore/next"))[0] == 200
    await echo(runtime)


def snap_start(bench: Bench, **changes: int) -> FunctionVersion:
    return bench.python("", version="1", snap_start=True, **changes)


async def make(bench: Bench, version: FunctionVersion) -> Reason | None:
    snapshots = Snapshots(bench.fleet, make_packs(bench.folder / "packs"), bench.catalog)
    key = FunctionKey(version.account, version.region, version.name)
    return await snapshots.make(key, version.version)


def pool_of(bench: Bench, version: FunctionVersion) -> FunctionPool:
    return bench.fleet.pools[version.deployment_id]


def test_one_is_made_frozen_and_handed_out_once() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(restored)
        async with running(driver) as bench:
            version = snap_start(bench)
            assert await make(bench, version) is None
            (first,) = driver.sandboxes
            await until(lambda: first.frozen)
            result = await bench.invoke(version, 1)
            assert (result.payload, result.init_ms) == (b"1", None)
            assert not first.frozen
            await until(lambda: len(pool_of(bench, version).standing.idle) == 1)
            assert len(driver.sandboxes) == 2, "another one is prepared"
            assert (await bench.invoke(version, 2)).payload == b"2"
            assert len(driver.sandboxes) == 2, "the restored one is warm and was taken"
            assert len(pool_of(bench, version).standing.idle) == 1

    run(scenario())


def test_a_burst_starts_the_others_anew_with_the_reason() -> None:
    crowd = Crowd()

    async def meets(runtime: Runtime) -> None:
        assert (await runtime.call("GET", "restore/next"))[0] == 200
        await crowd(runtime)

    async def scenario() -> None:
        driver = PlayedDriver(meets)
        async with running(driver) as bench:
            version = snap_start(bench, timeout_s=60)
            assert await make(bench, version) is None
            crowd.expect(4)
            calls = [bench.invoke(version, number) for number in range(4)]
            answers = {result.payload for result in await asyncio.gather(*calls)}
            assert answers == {b"0", b"1", b"2", b"3"}
            told = bench.log.text(version.name).count("[lambdad] SnapStart: an ordinary start, ")
            assert 1 <= told <= 3
            kinds = {
                each.spec.variables["AWS_LAMBDA_INITIALIZATION_TYPE"] for each in driver.sandboxes
            }
            assert kinds == {"snap-start"}

    run(scenario())


def test_the_least_recently_used_version_is_dropped_at_the_limit() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(restored)
        async with running(driver, snapshots=2) as bench:
            one, two, three = (snap_start(bench) for _ in range(3))
            await make(bench, one)
            await make(bench, two)
            await bench.invoke(one)
            await until(lambda: pool_of(bench, one).standing.idle)  # its use counts from then on
            await make(bench, three)
            assert not pool_of(bench, two).standing.wanted
            assert (await bench.invoke(two, 5)).payload == b"5"
            assert pool_of(bench, three).standing.wanted == 1

    run(scenario())


def test_short_memory_takes_the_prepared_ones_last_and_gives_none_their_place() -> None:
    free = [10_000 * MIB]

    def read() -> Reading:
        return Reading(20_000 * MIB, free[0], 1000)

    async def scenario() -> None:
        driver, clock = PlayedDriver(restored), ManualClock()
        async with running(driver, clock, read) as bench:
            version = snap_start(bench)
            await make(bench, version)
            free[0] = 0
            clock.advance(10)
            bench.fleet.turn()
            await until(lambda: driver.alive == 0)
            other = snap_start(bench)
            assert await make(bench, other) is None, "no failure of the function"
            assert driver.alive == 0

    run(scenario())


def test_one_that_dies_while_it_waits_is_replaced() -> None:
    made = asyncio.Event()

    async def dies(runtime: Runtime) -> None:
        await runtime.send("GET", "restore/next")
        await made.wait()
        runtime.exit(Exit(1, None))

    async def scenario() -> None:
        driver = PlayedDriver(dies, restored)
        async with running(driver) as bench:
            version = snap_start(bench)
            assert await make(bench, version) is None
            made.set()
            await until(lambda: len(driver.sandboxes) == 2)
            assert (await bench.invoke(version, 1)).payload == b"1"

    run(scenario())


def test_the_reasons_of_a_failed_init() -> None:
    async def run_out(runtime: Runtime) -> None:
        runtime.exit(Exit(None, 9, oom=True))

    async def raise_(runtime: Runtime) -> None:
        kind = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
        await runtime.call("POST", "init/error", b"{}", kind)

    async def scenario() -> None:
        for play, code in ((run_out, "InitResourceExhausted"), (raise_, "RuntimeInitError")):
            async with running(PlayedDriver(play)) as bench:
                version = snap_start(bench)
                reason = await make(bench, version)
                assert reason is not None
                assert reason.code == f"FunctionError.{code}"
                assert pool_of(bench, version).empty

    run(scenario())
