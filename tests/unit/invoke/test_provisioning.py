"""Environments ahead of invocations: how many, for which version, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import MIB
from lambdad.core.value import replace
from lambdad.functions.attachments import FunctionScaling, Provisioned
from lambdad.functions.snapshot import AliasTarget, Function, FunctionVersion
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.machine import Reading
from lambdad.invoke.provisioning import Allocation, shares, wishes
from lambdad.sandbox.driver import Exit
from support.functions import Bench, make_function, run, running
from support.patience import until
from support.sandboxes import PlayedDriver, Runtime, echo

PROVIDER = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:p"


def allocation(bench: Bench, version: FunctionVersion, qualifier: str = "1") -> Allocation:
    key = (version.account, version.region, version.name)
    return bench.provisioner.allocation(key, qualifier)


def published(bench: Bench, *numbers: str, **changes: Any) -> list[FunctionVersion]:
    """Versions of one function, not in the catalog yet."""
    first = bench.python("", version=numbers[0], **changes)
    return [
        replace(first, version=number, deployment_id=f"{first.name}-{number}") for number in numbers
    ]


def function_of(versions: list[FunctionVersion], **changes: Any) -> Function:
    fields = {"versions": {version.version: version for version in versions}}
    return make_function(versions[0], **(fields | changes))


def ready(bench: Bench, version: FunctionVersion, qualifier: str = "1") -> Any:
    return until(lambda: allocation(bench, version, qualifier).status == "READY")


async def broken(runtime: Runtime) -> None:
    await runtime.call("POST", "init/error", b"{}", {"Lambda-Runtime-Function-Error-Type": "X.Y"})
    runtime.exit(Exit(1, None))


def test_they_are_there_before_the_first_invocation_and_are_used_first() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        async with running(driver) as bench:
            versions = published(bench, "1")
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(3, 0)}))
            assert allocation(bench, versions[0]) == Allocation("IN_PROGRESS")
            await ready(bench, versions[0])
            assert allocation(bench, versions[0]) == Allocation("READY", 3, 3)
            assert [
                sandbox.spec.variables["AWS_LAMBDA_INITIALIZATION_TYPE"]
                for sandbox in driver.sandboxes
            ] == ["provisioned-concurrency"] * 3
            result = await bench.invoke(versions[0], 1)
            assert (result.payload, result.init_ms) == (b"1", None)
            assert len(driver.sandboxes) == 3
            log = bench.log.text(versions[0].name)
            assert log.count("INIT_REPORT Init Duration: ") == 3
            assert "\tInit Duration: " not in log.partition("REPORT RequestId")[2]

    run(scenario())


def test_more_invocations_spill_over_and_only_what_spilled_is_reaped() -> None:
    async def scenario() -> None:
        gate, entered = asyncio.Event(), []

        async def wait(runtime: Runtime) -> None:
            while True:
                event = await runtime.next()
                entered.append(event)
                await gate.wait()
                await runtime.respond(event, event.body)

        driver, clock = PlayedDriver(wait), ManualClock()
        async with running(driver, clock, environment_keep_alive_s=100.0) as bench:
            (version,) = versions = published(bench, "1")
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(2, 0)}))
            await ready(bench, version)
            calls = [asyncio.create_task(bench.invoke(version, 1)) for _ in range(3)]
            await until(lambda: len(entered) == 3)
            assert allocation(bench, version) == Allocation("READY", 2, 0)
            pool = bench.fleet.pools[version.deployment_id]
            assert (pool.concurrency.in_use, pool.concurrency.function.on_demand) == (3, 1)
            gate.set()
            results = await asyncio.gather(*calls)
            assert sum(result.init_ms is not None for result in results) == 1
            clock.advance(101)
            bench.fleet.turn()
            await until(lambda: driver.alive == 2)
            assert allocation(bench, version) == Allocation("READY", 2, 2)

    run(scenario())


async def die(runtime: Runtime) -> None:
    await runtime.next()
    runtime.exit(Exit(1, None))


async def run_out_of_memory(runtime: Runtime) -> None:
    await runtime.next()
    runtime.exit(Exit(None, 9, oom=True))


def failing_once(
    play: Any, check: Callable[[Bench, FunctionVersion, PlayedDriver], Any], *then: Any
) -> None:
    """Provision one environment, have a run of it fail, and check what is there after that."""

    async def scenario() -> None:
        driver = PlayedDriver(play, *then, echo)
        async with running(driver) as bench:
            (version,) = versions = published(bench, "1")
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(1, 0)}))
            await ready(bench, version)
            assert (await bench.invoke(version)).function_error == "Unhandled"
            await check(bench, version, driver)

    run(scenario())


def streams(bench: Bench) -> int:
    return len({event.stream for _, event in bench.log.events})


def test_a_failed_run_resets_it_and_its_init_is_repeated_ahead_of_the_next() -> None:
    async def check(bench: Bench, version: FunctionVersion, driver: PlayedDriver) -> None:
        await until(lambda: allocation(bench, version) == Allocation("READY", 1, 1))
        result = await bench.invoke(version, 1)
        assert (result.payload, result.init_ms) == (b"1", None)
        dead, heir = driver.sandboxes
        assert heir.spec.heir_of == dead.environment_id
        assert streams(bench) == 1
        lines = bench.log.messages(version.name)
        assert sum(line.startswith("INIT_START") for line in lines) == 2
        assert sum("Phase: init\n" in line for line in lines) == 2

    failing_once(die, check)


def test_while_its_init_is_repeated_it_is_allocated_and_not_available() -> None:
    going_on = asyncio.Event()

    async def slow(runtime: Runtime) -> None:
        await going_on.wait()
        await echo(runtime)

    async def check(bench: Bench, version: FunctionVersion, driver: PlayedDriver) -> None:
        await until(lambda: len(driver.sandboxes) == 2)
        assert allocation(bench, version) == Allocation("READY", 1, 0)
        assert (await bench.invoke(version, 1)).init_ms is not None, "spilled over"
        going_on.set()
        await until(lambda: allocation(bench, version) == Allocation("READY", 1, 1))
        assert streams(bench) == 2

    failing_once(die, check, slow)


def test_one_that_fails_in_its_repeated_init_is_replaced() -> None:
    async def check(bench: Bench, version: FunctionVersion, driver: PlayedDriver) -> None:
        await until(lambda: allocation(bench, version) == Allocation("READY", 1, 1))
        assert len(driver.sandboxes) == 3
        assert streams(bench) == 2
        assert (await bench.invoke(version, 1)).init_ms is None

    failing_once(die, check, broken)


def test_one_that_cannot_be_started_again_is_replaced_when_there_is_room() -> None:
    async def check(bench: Bench, version: FunctionVersion, driver: PlayedDriver) -> None:
        driver.refusal = "no room"
        await until(lambda: bench.fleet.environments == 0)
        driver.refusal = None
        bench.fleet.turn()
        await until(lambda: allocation(bench, version) == Allocation("READY", 1, 1))
        assert not driver.kept

    failing_once(die, check)


def test_one_that_ran_out_of_memory_is_replaced() -> None:
    async def check(bench: Bench, version: FunctionVersion, driver: PlayedDriver) -> None:
        await until(lambda: allocation(bench, version) == Allocation("READY", 1, 1))
        assert [sandbox.spec.heir_of for sandbox in driver.sandboxes] == [None, None]
        assert streams(bench) == 2

    failing_once(run_out_of_memory, check)


def test_one_that_is_not_wanted_any_more_ends_after_its_repeated_init() -> None:
    async def check(bench: Bench, version: FunctionVersion, driver: PlayedDriver) -> None:
        bench.catalog.publish(function_of([version]))
        await until(lambda: bench.fleet.environments == 0)
        assert driver.alive == 0

    failing_once(die, check)


def test_a_failing_init_fails_it_until_it_is_asked_for_again() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(broken, echo)
        async with running(driver) as bench:
            (version,) = versions = published(bench, "1")
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(1, 0)}))
            await until(lambda: allocation(bench, version).status == "FAILED")
            failed = Allocation("FAILED", reason="FUNCTION_ERROR_INIT_FAILURE")
            assert allocation(bench, version) == failed
            bench.fleet.turn()
            assert len(driver.sandboxes) == 1, "not tried again on its own"
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(1, 1)}))
            await ready(bench, version)
            assert allocation(bench, version) == Allocation("READY", 1, 1)

    run(scenario())


def test_they_follow_an_alias_to_its_new_version() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        async with running(driver) as bench:
            one, two = versions = published(bench, "1", "2")
            wanted = {"live": Provisioned(2, 0)}

            def live(**target: Any) -> Function:
                return function_of(
                    versions, provisioned=wanted, aliases={"live": AliasTarget(**target)}
                )

            bench.catalog.publish(live(version="1"))
            await ready(bench, one, "live")
            bench.catalog.publish(live(version="2"))
            assert allocation(bench, one, "live").status == "IN_PROGRESS"
            await ready(bench, one, "live")
            await until(lambda: driver.alive == 2)
            assert not bench.fleet.pools[one.deployment_id].members
            assert allocation(bench, one, "live") == Allocation("READY", 2, 2)
            bench.catalog.publish(live(version="2", additional_weights={"1": 0.5}))
            await until(lambda: len(bench.fleet.pools[one.deployment_id].members) == 1)
            await until(lambda: len(bench.fleet.pools[two.deployment_id].members) == 1)
            bench.catalog.publish(function_of(versions))
            await until(lambda: driver.alive == 0)
            function = bench.fleet.pools[two.deployment_id].concurrency.function
            assert (function.provisioned, function.account.claimed) == (0, 0)

    run(scenario())


def test_a_weighted_alias_divides_what_it_has() -> None:
    version: Any = object()  # which one it is counts, not what

    def divided(requested: int, weight: float) -> dict[str, int]:
        function = Function(
            "a", "r", "n", {"1": version, "2": version},  # type: ignore[arg-type]
            {"live": AliasTarget("1", {"2": weight})},
            provisioned={"live": Provisioned(requested, 0)},
        )  # fmt: skip
        return dict(shares(function, "live"))

    assert divided(10, 0.0) == {"1": 10, "2": 0}
    assert divided(10, 0.05) == {"1": 9, "2": 1}
    assert divided(10, 1.0) == {"1": 0, "2": 10}
    assert divided(1, 0.1) == {"1": 0, "2": 1}


def test_what_finds_no_room_is_started_when_there_is_some() -> None:
    async def scenario() -> None:
        machine = [Reading(1000 * MIB, 10 * MIB, 9999)]
        driver, clock = PlayedDriver(echo), ManualClock()
        async with running(driver, clock, lambda: machine[0]) as bench:
            (version,) = versions = published(bench, "1")
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(2, 0)}))
            await until(lambda: version.deployment_id in bench.fleet.pools)
            assert allocation(bench, version) == Allocation("IN_PROGRESS")
            other = bench.python("")
            with pytest.raises(TooManyRequestsException):
                await bench.invoke(other)
            machine[0] = Reading(1000 * MIB, 900 * MIB, 9999)
            clock.advance(1)
            bench.fleet.turn()
            await ready(bench, version)

    run(scenario())


def test_short_memory_ends_idle_environments_but_none_that_are_provisioned() -> None:
    async def scenario() -> None:
        machine = [Reading(1000 * MIB, 900 * MIB, 9999)]
        driver, clock = PlayedDriver(echo), ManualClock()
        async with running(driver, clock, lambda: machine[0]) as bench:
            (version,) = versions = published(bench, "1")
            bench.catalog.publish(function_of(versions, provisioned={"1": Provisioned(1, 0)}))
            await ready(bench, version)
            used, unused = bench.python(""), bench.python("")
            for _ in range(3):
                await bench.invoke(used)
            await bench.invoke(unused)
            machine[0] = Reading(1000 * MIB, 40 * MIB, 9999)
            clock.advance(1)
            bench.fleet.turn()
            assert unused.deployment_id not in bench.fleet.pools
            assert bench.fleet.pools[used.deployment_id].members
            machine[0] = Reading(1000 * MIB, 0, 9999)
            clock.advance(1)
            bench.fleet.turn()
            assert used.deployment_id not in bench.fleet.pools
            assert allocation(bench, version) == Allocation("READY", 1, 1)

    run(scenario())


def test_managed_instances_keep_the_least_and_stop_at_the_most() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def wait(runtime: Runtime) -> None:
            while True:
                event = await runtime.next()
                await gate.wait()
                await runtime.respond(event, event.body)

        driver = PlayedDriver(wait)
        async with running(driver, account_concurrency=0) as bench:
            (version,) = versions = published(bench, "1", capacity_provider=PROVIDER)
            bench.catalog.publish(function_of(versions))
            await until(lambda: driver.alive == bench.limits.managed_environments)
            scaling = {"1": FunctionScaling(1, 2)}
            bench.catalog.publish(function_of(versions, scaling=scaling))
            await until(lambda: driver.alive == 1)
            calls = [asyncio.create_task(bench.invoke(version, 1)) for _ in range(2)]
            await until(lambda: driver.alive == 2)
            with pytest.raises(TooManyRequestsException):
                await bench.invoke(version)
            assert {
                sandbox.spec.variables["AWS_LAMBDA_INITIALIZATION_TYPE"]
                for sandbox in driver.sandboxes
            } == {"lambda-managed-instances"}
            gate.set()
            await asyncio.gather(*calls)
            bench.catalog.publish(function_of(versions, scaling={"1": FunctionScaling(0, 0)}))
            await until(lambda: len(bench.fleet.pools[version.deployment_id].standing.idle) == 0)
            with pytest.raises(TooManyRequestsException):
                await bench.invoke(version)

    run(scenario())


def test_only_versions_that_can_run_want_environments() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(echo)) as bench:
            versions = published(bench, "1", "2", state="Pending")
            wanted = {"1": Provisioned(1, 0), "2": Provisioned(1, 0)}
            assert wishes(function_of(versions, provisioned=wanted), 3) == {}
            active = [versions[0], replace(versions[1], state="Active")]
            found = wishes(function_of(active, provisioned=wanted), 3)
            assert [wish.version.version for wish in found.values()] == ["2"]

    run(scenario())
