"""Which environment takes which invocation; limits of function, account and machine."""

from __future__ import annotations

import asyncio

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.errors import InvalidRuntimeException, TooManyRequestsException
from lambdad.sandbox.driver import Sandbox, SandboxSpec
from support.functions import Bench, make_function, run, running
from support.patience import until
from support.sandboxes import PlayedDriver, Runtime, echo


class Gate:
    """A runtime whose answers wait until the gate opens."""

    def __init__(self) -> None:
        self.entered = 0
        self.open = asyncio.Event()

    async def __call__(self, runtime: Runtime) -> None:
        while True:
            event = await runtime.next()
            self.entered += 1
            await self.open.wait()
            await runtime.respond(event, runtime.sandbox.environment_id.join('""').encode())

    async def reached(self, count: int) -> None:
        await until(lambda: self.entered >= count)


def start(bench: Bench, version: FunctionVersion, count: int) -> list[asyncio.Task]:
    return [asyncio.create_task(bench.invoke(version)) for _ in range(count)]


def test_concurrent_invocations_get_environments_of_their_own_and_leave_them_for_the_next() -> None:
    async def scenario() -> None:
        gate = Gate()
        driver = PlayedDriver(gate)
        async with running(driver) as bench:
            version = bench.python("")
            calls = start(bench, version, 5)
            await gate.reached(5)
            gate.open.set()
            results = await asyncio.gather(*calls)
            assert len({result.payload for result in results}) == 5
            for _ in range(10):
                await bench.invoke(version)
            assert len(driver.sandboxes) == 5

    run(scenario())


def test_the_last_used_environment_is_used_first() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with running(PlayedDriver(gate)) as bench:
            version = bench.python("")
            calls = start(bench, version, 3)
            await gate.reached(3)
            used: list[bytes] = []
            for call in calls:
                call.add_done_callback(lambda done: used.append(done.result().payload))
            gate.open.set()
            await asyncio.gather(*calls)
            assert {(await bench.invoke(version)).payload for _ in range(6)} == {used[-1]}

    run(scenario())


def test_an_environment_ends_before_its_credentials_and_who_waits_gets_a_new_one() -> None:
    async def scenario() -> None:
        gate, clock = Gate(), ManualClock()
        driver = PlayedDriver(gate)
        async with running(driver, clock=clock, environment_lifetime_s=3600) as bench:
            version = bench.python("", timeout_s=900)
            (first,) = start(bench, version, 1)
            await gate.reached(1)
            clock.advance(3601)
            gate.open.set()
            await first
            assert (await bench.invoke(version)).payload != first.result().payload
            assert len(driver.sandboxes) == 2
            again = await bench.invoke(version)
            assert again.payload == driver.sandboxes[1].environment_id.join('""').encode()

    run(scenario())


def test_account_and_reserved_concurrency_throttle_with_their_reasons() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with running(PlayedDriver(gate), account_concurrency=3) as bench:
            free, reserved = bench.python(""), bench.python("")
            bench.catalog.publish(make_function(reserved, reserved_concurrency=1))
            calls = start(bench, free, 2) + start(bench, reserved, 1)
            await gate.reached(3)
            with pytest.raises(TooManyRequestsException) as error:
                await bench.invoke(free)
            assert error.value.members["Reason"] == "ConcurrentInvocationLimitExceeded"
            assert error.value.members["Type"] == "User"
            assert (error.value.message, error.value.status) == ("Rate Exceeded.", 429)
            with pytest.raises(TooManyRequestsException) as error:
                await bench.invoke(reserved)
            reason = error.value.members["Reason"]
            assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
            gate.open.set()
            await asyncio.gather(*calls)
            await bench.invoke(reserved)
            bench.catalog.publish(make_function(reserved, reserved_concurrency=0))
            with pytest.raises(TooManyRequestsException):
                await bench.invoke(reserved)

    run(scenario())


def test_a_full_machine_evicts_what_is_worth_the_least_and_then_throttles() -> None:
    async def scenario() -> None:
        gate = Gate()
        gate.open.set()
        driver = PlayedDriver(gate)
        async with running(driver, ManualClock(), environments=2) as bench:
            old, recent, new = (bench.python("") for _ in range(3))
            await bench.invoke(recent)
            await bench.invoke(recent)
            await bench.invoke(old)
            await bench.invoke(new)
            assert bench.fleet.environments == 2
            assert not bench.fleet.pools[old.deployment_id].members
            gate.open.clear()
            entered = gate.entered
            calls = start(bench, recent, 1) + start(bench, new, 1)
            await gate.reached(entered + 2)
            with pytest.raises(TooManyRequestsException):
                await bench.invoke(old)
            gate.open.set()
            await asyncio.gather(*calls)
            assert (await bench.invoke(old)).function_error is None

    run(scenario())


def test_environments_are_added_no_faster_than_the_rate() -> None:
    async def scenario() -> None:
        gate = Gate()
        clock = ManualClock()
        async with running(PlayedDriver(gate), clock, environment_starts_per_10s=2) as bench:
            version = bench.python("")
            calls = start(bench, version, 2)
            await gate.reached(2)
            with pytest.raises(TooManyRequestsException) as error:
                await bench.invoke(version)
            assert error.value.members["Reason"] == "FunctionInvocationRateLimitExceeded"
            clock.advance(5)
            calls += start(bench, version, 1)
            await gate.reached(3)
            gate.open.set()
            await asyncio.gather(*calls)

    run(scenario())


def test_idle_environments_are_reaped_after_the_keep_alive() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        clock = ManualClock()
        async with running(driver, clock, environment_keep_alive_s=100.0) as bench:
            version = bench.python("")
            await bench.invoke(version)
            clock.advance(99)
            bench.fleet.turn()
            assert bench.fleet.environments == 1
            clock.advance(2)
            bench.fleet.turn()
            assert bench.fleet.environments == 0
            assert not bench.fleet.pools
            assert (await bench.invoke(version, 1)).payload == b"1"

    run(scenario())


def test_an_update_ends_idle_environments_at_once_and_busy_ones_after_their_run() -> None:
    async def scenario() -> None:
        gate = Gate()
        driver = PlayedDriver(gate)
        async with running(driver) as bench:
            version = bench.python("")
            calls = start(bench, version, 2)
            await gate.reached(2)
            updated = replace(version, deployment_id="another")
            bench.catalog.publish(make_function(updated))
            assert driver.alive == 2
            gate.open.set()
            for result in await asyncio.gather(*calls):
                assert result.function_error is None
            await bench.fleet.services.tasks.finish()
            assert driver.alive == 0
            await bench.invoke(updated)
            bench.catalog.remove(version.account, version.region, version.name)
            await bench.fleet.services.tasks.finish()
            assert driver.alive == 0

    run(scenario())


def test_an_update_of_another_function_changes_nothing() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        async with running(driver) as bench:
            version, other = bench.python(""), bench.python("")
            await bench.invoke(version)
            bench.catalog.publish(make_function(replace(other, deployment_id="new")))
            await bench.invoke(version)
            assert len(driver.sandboxes) == 1

    run(scenario())


def test_a_missing_pack_is_named_with_the_command_that_installs_it() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(echo)) as bench:
            version = bench.python("", runtime="nodejs12.x", handler="index.handler")
            with pytest.raises(InvalidRuntimeException) as error:
                await bench.invoke(version)
            assert error.value.status == 502
            assert "nodejs12.x is not installed" in str(error.value.message)
            assert "lambdad runtimes install nodejs12.x" in str(error.value.message)
            unserved = bench.python("", runtime="dotnet8")
            with pytest.raises(InvalidRuntimeException, match="does not serve dotnet"):
                await bench.invoke(unserved)

    run(scenario())


def test_only_so_many_are_created_at_once_and_none_that_nobody_needs() -> None:
    class SlowDriver(PlayedDriver):
        creating = most = 0

        async def create(self, spec: SandboxSpec) -> Sandbox:
            self.creating += 1
            self.most = max(self.most, self.creating)
            await asyncio.sleep(0.02)
            self.creating -= 1
            return await super().create(spec)

    async def scenario() -> None:
        driver = SlowDriver(echo)
        async with running(driver, environment_starts_at_once=2) as bench:
            version = bench.python("")
            results = await asyncio.gather(*start(bench, version, 40))
            assert all(result.function_error is None for result in results)
            assert driver.most == 2
            assert len(driver.sandboxes) < 20

    run(scenario())


def test_a_slow_init_holds_up_nobody_else() -> None:
    async def hang(_: Runtime) -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        driver = PlayedDriver(hang, hang, echo)
        async with running(driver, environment_starts_at_once=1) as bench:
            slow, quick = bench.python(""), bench.python("")
            calls = start(bench, slow, 2)
            while len(driver.sandboxes) < 2:
                await asyncio.sleep(0.001)
            assert (await bench.invoke(quick, 1)).payload == b"1"
            for call in calls:
                call.cancel()

    run(scenario())
