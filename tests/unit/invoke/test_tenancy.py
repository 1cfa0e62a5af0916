"""Tenants: whose environment an invocation gets, how many there may be, what is refused."""

from __future__ import annotations

import asyncio
import json

import pytest

from lambdad.functions.errors import InvalidParameterValueException
from lambdad.invoke.errors import TooManyRequestsException
from support.functions import run, running
from support.sandboxes import PlayedDriver, Runtime, echo


async def tell(runtime: Runtime) -> None:
    """A runtime that answers with its environment and the tenant it was told of."""
    while True:
        event = await runtime.next()
        tenant = event.headers["lambda-runtime-aws-tenant-id"]
        answer = {"environment": runtime.sandbox.environment_id, "tenant": tenant}
        await runtime.respond(event, json.dumps(answer).encode())


def test_no_two_tenants_ever_get_the_same_environment() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(tell)) as bench:
            version = bench.python("", tenant_isolation=True)
            seen: dict[str, set[str]] = {}
            for _ in range(3):
                tenants = [f"tenant {number}" for number in range(4)]
                results = await asyncio.gather(
                    *(bench.invoke(version, tenant_id=tenant) for tenant in tenants)
                )
                for tenant, result in zip(tenants, results, strict=True):
                    answer = json.loads(result.payload)
                    assert answer["tenant"] == tenant
                    seen.setdefault(tenant, set()).add(answer["environment"])
            assert all(len(environments) == 1 for environments in seen.values())
            assert len(set.union(*seen.values())) == 4

    run(scenario())


def test_a_tenant_is_named_where_and_only_where_tenants_are_isolated() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(echo)) as bench:
            isolated, shared = bench.python("", tenant_isolation=True), bench.python("")
            await bench.invoke(isolated, tenant_id="blue")
            await bench.invoke(shared)
            for tenant_id in (None, ""):
                with pytest.raises(InvalidParameterValueException) as error:
                    await bench.invoke(isolated, tenant_id=tenant_id)
                assert error.value.message == (
                    "The invoked function is enabled with tenancy configuration. Add a valid "
                    "tenant ID in your request and try again."
                )
            with pytest.raises(InvalidParameterValueException) as error:
                await bench.invoke(shared, tenant_id="blue")
            assert error.value.message == (
                "The invoked function is not enabled with tenancy configuration. Remove the "
                "tenant ID from your request and try again."
            )

    run(scenario())


def test_tenants_environments_are_bounded_by_the_account() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def wait(runtime: Runtime) -> None:
            while True:
                event = await runtime.next()
                await gate.wait()
                await runtime.respond(event, b"1")

        driver = PlayedDriver(wait)
        async with running(driver, account_concurrency=2, tenant_environments_per_slot=1) as bench:
            version = bench.python("", tenant_isolation=True)
            gate.set()
            for number in range(4):
                await bench.invoke(version, tenant_id=f"t{number}")
            assert bench.fleet.environments == 2, "an idle one of another tenant ends"
            await bench.fleet.services.tasks.finish()
            assert driver.alive == 2
        assert bench.fleet.environments == 0

    run(scenario())


def test_busy_tenants_leave_no_room() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def wait(runtime: Runtime) -> None:
            event = await runtime.next()
            await gate.wait()
            await runtime.respond(event, b"1")

        async with running(PlayedDriver(wait), tenant_environments_per_slot=0.001) as bench:
            version = bench.python("", tenant_isolation=True)
            first = asyncio.create_task(bench.invoke(version, tenant_id="a"))
            while not bench.fleet.environments:
                await asyncio.sleep(0.001)
            with pytest.raises(TooManyRequestsException):
                await bench.invoke(version, tenant_id="b")
            gate.set()
            await first

    run(scenario())


def test_json_logs_name_the_tenant() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(echo)) as bench:
            version = bench.python(
                "", tenant_isolation=True, log_format="JSON", system_log_level="DEBUG"
            )
            await bench.invoke(version, tenant_id="blue")
            events = [json.loads(line) for line in bench.log.text(version.name).splitlines()]
            tenants = {event["type"]: event["record"].get("tenantId") for event in events}
            assert tenants == {
                "platform.initStart": None,
                "platform.initRuntimeDone": None,
                "platform.initReport": None,
                "platform.start": "blue",
                "platform.runtimeDone": "blue",
                "platform.report": "blue",
            }

    run(scenario())
