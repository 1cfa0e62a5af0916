"""The life of an environment, its runtime played by the test: order of events, races, limits."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from lambdad.core.clock import ManualClock
from lambdad.functions.snapshot import FunctionVersion
from lambdad.sandbox.driver import Exit, SandboxError
from support.functions import Bench, make_request, run, running
from support.patience import PATIENCE_S, until
from support.sandboxes import Play, PlayedDriver, Runtime, echo


async def function(bench: Bench, **changes: object) -> FunctionVersion:
    return bench.python("", **changes)


def test_bytes_go_through_unchanged() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(echo)) as bench:
            version = await function(bench)
            payload = b' {"a" :\t1.0e3, "\xc3\xa9": "\\u0000"} \n'
            request = make_request(version, payload=payload)
            assert (await bench.invoker.invoke(version, request)).payload == payload
            big = b"[" + b"1," * 3_000_000 + b"1]"
            assert (await bench.invoke(version, payload=big)).payload == big

    run(scenario())


def test_a_runtime_that_answers_and_dies_has_answered() -> None:
    async def answer_and_die(runtime: Runtime) -> None:
        event = await runtime.next()
        await runtime.send("POST", f"invocation/{event.request_id}/response", b"1")
        runtime.sandbox.end(Exit(1, None))
        await asyncio.sleep(1)

    async def scenario() -> None:
        driver = PlayedDriver(answer_and_die, echo)
        async with running(driver) as bench:
            version = await function(bench)
            assert (await bench.invoke(version)).payload == b"1"
            assert (await bench.invoke(version, 2)).payload == b"2"
            assert len(driver.sandboxes) == 2

    run(scenario())


def test_an_invocation_that_no_function_saw_goes_to_another_environment() -> None:
    async def answer_and_dawdle(runtime: Runtime) -> None:
        event = await runtime.next()
        await runtime.respond(event, b"1")
        await asyncio.sleep(30)

    async def scenario() -> None:
        driver = PlayedDriver(answer_and_dawdle, echo)
        async with running(driver) as bench:
            version = await function(bench)
            await bench.invoke(version)
            result = await bench.invoke(version, 2)
            assert (result.payload, result.function_error) == (b"2", None)
            assert bench.log.text(version.name).count("START RequestId") == 2

    run(scenario())


def test_a_runtime_that_dies_before_it_sees_its_invocation_costs_nobody_anything() -> None:
    async def answer_and_die_later(runtime: Runtime) -> None:
        event = await runtime.next()
        await runtime.respond(event, b"1")
        await asyncio.sleep(0.003)
        runtime.exit(Exit(0, None))

    async def scenario() -> None:
        async with running(PlayedDriver(answer_and_die_later, echo)) as bench:
            version = await function(bench)
            await bench.invoke(version)
            assert (await bench.invoke(version, 2)).function_error is None

    run(scenario())


def test_a_lost_event_is_delivered_again() -> None:
    async def lose_one(runtime: Runtime) -> None:
        event = await runtime.next()
        runtime.hang_up()
        again = await runtime.next()
        assert again.request_id == event.request_id
        await runtime.respond(again, again.body)
        await runtime.next()

    async def scenario() -> None:
        async with running(PlayedDriver(lose_one)) as bench:
            version = await function(bench)
            assert (await bench.invoke(version, 5)).payload == b"5"
            assert bench.log.text(version.name).count("START RequestId") == 1

    run(scenario())


def test_a_runtime_that_never_comes_back_is_ended() -> None:
    async def answer_and_hang(runtime: Runtime) -> None:
        event = await runtime.next()
        await runtime.respond(event, b"1")
        await asyncio.sleep(60)

    async def scenario() -> None:
        driver = PlayedDriver(answer_and_hang)
        async with running(driver) as bench:
            version = await function(bench, timeout_s=1)
            await bench.invoke(version)
            await until(lambda: driver.alive == 0)

    run(scenario())


def test_idle_environments_freeze_and_thaw() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        async with running(driver) as bench:
            version = await function(bench)
            await bench.invoke(version)
            sandbox = driver.sandboxes[0]
            await until(lambda: sandbox.frozen)
            await bench.invoke(version)
            assert not sandbox.frozen
            await until(lambda: sandbox.frozen)
            assert sandbox.freezes == 2

    run(scenario())


def test_a_busy_environment_is_not_frozen_between_invocations() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        async with running(driver, environment_freeze_grace_ms=1000) as bench:
            version = await function(bench)
            for _ in range(20):
                await bench.invoke(version)
            assert driver.sandboxes[0].freezes == 0

    run(scenario())


def test_init_that_takes_too_long_is_repeated_in_the_invocation() -> None:
    async def hang(_: Runtime) -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        driver = PlayedDriver(hang, echo)
        async with running(driver, init_timeout_s=0.1) as bench:
            version = await function(bench)
            result = await bench.invoke(version, 1)
            assert (result.payload, result.init_ms) == (b"1", None)
            lines = bench.log.messages(version.name)
            report = r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout\n"
            assert re.fullmatch(report, lines[1])
            assert [line.split()[0] for line in lines[2:]] == ["START", "END", "REPORT"]
            streams = {event.stream for _, event in bench.log.events}
            assert len(streams) == 1
            ids = {sandbox.environment_id for sandbox in driver.sandboxes}
            assert len(ids) == 2

    run(scenario())


def test_init_that_hangs_twice_is_a_timeout() -> None:
    async def hang(_: Runtime) -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        driver = PlayedDriver(hang)
        async with running(driver, init_timeout_s=0.05) as bench:
            version = await function(bench, timeout_s=1)
            result = await bench.invoke(version)
            assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
            assert (result.duration_ms, result.billed_ms) == (1000.0, 1000)
            await until(lambda: driver.alive == 0)

    run(scenario())


def test_a_crash_during_init_looks_like_a_timeout() -> None:
    async def crash(runtime: Runtime) -> None:
        runtime.exit(Exit(None, 11))

    async def scenario() -> None:
        async with running(PlayedDriver(crash)) as bench:
            version = await function(bench, timeout_s=1)
            result = await bench.invoke(version)
            assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"

    run(scenario())


def test_out_of_memory() -> None:
    async def eat(runtime: Runtime) -> None:
        await runtime.next()
        runtime.exit(Exit(None, 9, oom=True))

    async def scenario() -> None:
        async with running(PlayedDriver(eat, echo)) as bench:
            version = await function(bench)
            result = await bench.invoke(version)
            assert json.loads(result.payload)["errorType"] == "Runtime.OutOfMemory"
            assert "Status: error\tError Type: Runtime.OutOfMemory\t\n" in bench.log.text(
                version.name
            )
            assert (await bench.invoke(version, 1)).payload == b"1"

    run(scenario())


def test_a_response_that_is_too_large() -> None:
    async def send_too_much(runtime: Runtime) -> None:
        event = await runtime.next()
        status, _, body = await runtime.call(
            "POST", f"invocation/{event.request_id}/response", b"x" * 1001
        )
        assert status == 413
        assert body == (
            b'{"errorMessage":"Exceeded maximum allowed payload size (1000 bytes).",'
            b'"errorType":"RequestEntityTooLarge"}\n'
        )
        await echo(runtime)

    async def scenario() -> None:
        driver = PlayedDriver(send_too_much)
        async with running(driver, response_payload_bytes=1000) as bench:
            version = await function(bench)
            result = await bench.invoke(version)
            assert json.loads(result.payload)["errorType"] == "Function.ResponseSizeTooLarge"
            await until(lambda: bench.fleet.pools[version.deployment_id].idle)
            assert (await bench.invoke(version, 1)).payload == b"1"
            assert len(driver.sandboxes) == 1

    run(scenario())


def test_the_log_holds_what_was_written_before_the_answer_and_the_tail_its_end() -> None:
    async def chatter(runtime: Runtime) -> None:
        runtime.print("loading\n")
        while True:
            event = await runtime.next()
            runtime.print("one\ntwo" + "x" * 5000 + "\nlast\n")
            await runtime.respond(event, b"1")

    async def scenario() -> None:
        async with running(PlayedDriver(chatter)) as bench:
            version = await function(bench)
            result = await bench.invoke(version, tail=True)
            lines = [line.split(" ")[0].rstrip() for line in bench.log.messages(version.name)]
            assert lines[:3] == ["INIT_START", "loading", "START"]
            assert lines[3:] == ["one", "two" + "x" * 5000, "last", "END", "REPORT"]
            assert result.log_tail is not None
            assert len(result.log_tail) == 4096
            assert result.log_tail.decode() == bench.log.text(version.name)[-4096:]
            assert (await bench.invoke(version)).log_tail is None

    run(scenario())


def test_max_memory_used_is_the_sandboxs_peak_rounded_up() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        clock = ManualClock()
        async with running(driver, clock) as bench:
            version = await function(bench)
            assert (await bench.invoke(version)).memory_peak_mib == 40
            driver.sandboxes[0].memory = 55 * 1024 * 1024 + 1
            clock.advance(0.06)  # the reading is old
            assert (await bench.invoke(version)).memory_peak_mib == 56

    run(scenario())


def test_no_sandbox_is_an_error_of_the_platform() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        driver.refusal = "no room"
        async with running(driver) as bench:
            version = await function(bench)
            with pytest.raises(SandboxError, match="no room"):
                await bench.invoke(version)
            driver.refusal = None
            assert (await bench.invoke(version, 1)).payload == b"1"
            assert bench.fleet.environments == 1

    run(scenario())


def test_a_caller_that_goes_away_leaves_nothing_behind() -> None:
    async def slow(runtime: Runtime) -> None:
        event = await runtime.next()
        await asyncio.sleep(0.05)
        await runtime.respond(event, event.body)
        await echo(runtime)

    async def scenario() -> None:
        driver = PlayedDriver(slow)
        async with running(driver) as bench:
            version = await function(bench)
            caller = asyncio.create_task(bench.invoke(version))
            await until(lambda: bench.log.text(version.name).count("START RequestId"))
            caller.cancel()
            pool = bench.fleet.pools[version.deployment_id]
            assert pool.concurrency.in_use == 1
            await until(lambda: pool.concurrency.in_use == 0)
            assert (await bench.invoke(version, 3)).payload == b"3"
            assert len(driver.sandboxes) == 1

    run(scenario())


async def hang_in_a_run(runtime: Runtime) -> None:
    await runtime.next()
    await asyncio.sleep(60)


async def exit_in_a_run(runtime: Runtime) -> None:
    await runtime.next()
    runtime.exit(Exit(1, None))


@pytest.mark.parametrize("failing", [hang_in_a_run, exit_in_a_run])
def test_a_failed_run_resets_its_environment(failing: Play) -> None:
    async def scenario() -> None:
        driver = PlayedDriver(failing, echo)
        async with running(driver) as bench:
            version = await function(bench, timeout_s=1)
            assert (await bench.invoke(version)).function_error == "Unhandled"
            assert bench.fleet.environments == 1
            result = await bench.invoke(version, 7)
            assert (result.payload, result.init_ms) == (b"7", None)
            first, second = driver.sandboxes
            assert second.spec.heir_of == first.environment_id
            assert (first.killed, driver.kept) == (True, set())
            assert len({event.stream for _, event in bench.log.events}) == 1
            words = [line.split()[0] for line in bench.log.messages(version.name)]
            assert words == ["INIT_START", *["START", "END", "REPORT"] * 2]

    run(scenario())


def test_what_ran_out_of_memory_leaves_nothing() -> None:
    async def eat(runtime: Runtime) -> None:
        await runtime.next()
        runtime.exit(Exit(None, 9, oom=True))

    async def scenario() -> None:
        driver = PlayedDriver(eat, echo)
        async with running(driver) as bench:
            version = await function(bench)
            await bench.invoke(version)
            await bench.invoke(version)
            assert driver.sandboxes[1].spec.heir_of is None
            assert len({event.stream for _, event in bench.log.events}) == 2

    run(scenario())


def test_what_a_failed_init_wrote_is_inherited() -> None:
    async def hang(_: Runtime) -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        driver = PlayedDriver(hang, hang, echo)
        async with running(driver, init_timeout_s=0.05) as bench:
            version = await function(bench, timeout_s=1)
            assert (await bench.invoke(version)).error_type == "Sandbox.Timedout"
            assert (await bench.invoke(version, 1)).payload == b"1"
            ids = [sandbox.environment_id for sandbox in driver.sandboxes]
            assert [sandbox.spec.heir_of for sandbox in driver.sandboxes] == [None, *ids[:2]]

    run(scenario())


def test_an_invocation_waits_until_nothing_of_the_failed_run_is_left() -> None:
    """Its own time begins then."""
    leave = asyncio.Event()

    async def scenario() -> None:
        driver = PlayedDriver(exit_in_a_run, echo)
        async with running(driver) as bench:
            version = await function(bench, timeout_s=1)
            driver.on_kill = leave.wait
            await bench.invoke(version)
            waiting = asyncio.create_task(bench.invoke(version, 5))
            await asyncio.sleep(1.2)
            assert len(driver.sandboxes) == 1
            leave.set()
            assert (await waiting).payload == b"5"

    run(scenario())


@pytest.mark.parametrize("when", ["before", "after"])
def test_nobody_inherits_from_a_reset_environment_that_is_ended(when: str) -> None:
    """Its deployment is replaced before or after its processes are gone."""
    leave = asyncio.Event()

    async def scenario() -> None:
        driver = PlayedDriver(exit_in_a_run)
        async with running(driver) as bench:
            version = await function(bench)
            driver.on_kill = leave.wait
            await bench.invoke(version)
            if when == "after":
                leave.set()
                await until(lambda: driver.kept)
            bench.fleet.pools[version.deployment_id].retire()
            leave.set()
            await until(lambda: driver.alive == 0 and not driver.kept)
            assert bench.fleet.environments == 0

    run(scenario())


def test_no_sandbox_for_a_reset_environment_is_an_error_of_the_platform() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(exit_in_a_run, echo)
        async with running(driver) as bench:
            version = await function(bench)
            await bench.invoke(version)
            driver.refusal = "no room"
            with pytest.raises(SandboxError, match="no room"):
                await bench.invoke(version)
            assert (bench.fleet.environments, driver.kept) == (0, set())
            driver.refusal = None
            assert (await bench.invoke(version, 1)).payload == b"1"

    run(scenario())


def test_closing_answers_who_waits() -> None:
    async def hang(runtime: Runtime) -> None:
        await runtime.next()
        await asyncio.sleep(60)

    async def scenario() -> None:
        driver = PlayedDriver(hang)
        async with running(driver) as bench:
            version = await function(bench)
            caller = asyncio.create_task(bench.invoke(version))
            await until(lambda: bench.log.text(version.name).count("START RequestId"))
            await bench.invoker.close()
            with pytest.raises(Exception, match="shutting down"):
                await caller
            with pytest.raises(Exception, match="shutting down"):
                await bench.invoke(version)
            assert driver.alive == 0

    run(scenario())


def test_closing_does_not_wait_for_an_init() -> None:
    async def hang(_: Runtime) -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        driver = PlayedDriver(hang)
        async with running(driver, init_timeout_s=10 * PATIENCE_S) as bench:
            version = await function(bench)
            caller = asyncio.create_task(bench.invoke(version))
            await until(lambda: driver.sandboxes)
            await bench.invoker.close()
            with pytest.raises(Exception, match="shutting down"):
                await caller

    run(scenario())
