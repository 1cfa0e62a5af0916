"""Invocations, changes and deaths at random: limits hold, nobody is forgotten, counts end at zero.

Everything but the sandboxes and the time is real: invoker, fleet, pools, environments, Runtime API.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import MIB
from lambdad.core.value import replace
from lambdad.functions.attachments import Provisioned
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.machine import Reading
from lambdad.sandbox.driver import Exit, Sandbox, SandboxError, SandboxSpec
from support.functions import Bench, make_function, run, running
from support.sandboxes import PlayedDriver, Runtime

LIMIT = 8
STEPS = 120
TENANTS = ("blue", "green")


class FlakyDriver(PlayedDriver):
    """Has no sandbox to give, now and then."""

    def __init__(self, world: World) -> None:
        super().__init__(world.play)
        self.draw = world.draw

    async def create(self, spec: SandboxSpec) -> Sandbox:
        if self.draw.random() < 0.05:
            raise SandboxError("none to give")
        return await super().create(spec)


class World:
    """What happens, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.reading = Reading(4096 * MIB, 4000 * MIB, 9999)
        self.clock = ManualClock()
        self.versions: list[FunctionVersion] = []
        self.settings: dict[str, dict[str, Any]] = {}
        self.calls: list[asyncio.Task[Any]] = []
        self.inside: Counter[str] = Counter()
        """Running handlers by function; "" is all of them."""
        self.tenants: dict[str, str] = {}
        """By environment."""
        self.generation = 0
        self.most = 0
        """Handlers that ran at the same moment."""
        self.mixed: list[str] = []
        """Environments that saw two tenants."""

    async def play(self, runtime: Runtime) -> None:
        """A runtime that works for a while, fails now and then, and dies now and then."""
        if self.draw.random() < 0.1:
            runtime.exit(Exit(1, None))  # its init fails
            return
        name = runtime.sandbox.spec.variables["AWS_LAMBDA_FUNCTION_NAME"]
        while True:
            event = await runtime.next()
            tenant = event.headers.get("lambda-runtime-aws-tenant-id", "")
            environment = runtime.sandbox.environment_id
            if self.tenants.setdefault(environment, tenant) != tenant:
                self.mixed.append(environment)
            self.inside.update((name, ""))
            self.most = max(self.most, self.inside[""])
            try:
                await asyncio.sleep(self.draw.random() * 0.004)
            finally:
                self.inside.subtract((name, ""))
            if self.draw.random() < 0.1:
                runtime.exit(Exit(None, 9))
                return
            await runtime.respond(event, event.body)

    def publish(self, bench: Bench, version: FunctionVersion) -> None:
        bench.catalog.publish(make_function(version, **self.settings.get(version.name, {})))

    # -- what can happen ----------------------------------------------------------------------

    def invoke(self, bench: Bench) -> None:
        for _ in range(self.draw.randint(1, 6)):
            version = self.draw.choice(self.versions)
            tenant = self.draw.choice(TENANTS) if version.tenant_isolation else None
            call = bench.invoke(version, 1, tenant_id=tenant)
            self.calls.append(asyncio.get_running_loop().create_task(call))

    def go_away(self, bench: Bench) -> None:
        """A client hangs up."""
        if self.calls:
            self.draw.choice(self.calls).cancel()

    def update(self, bench: Bench) -> None:
        index = self.draw.randrange(len(self.versions))
        self.generation += 1
        updated = replace(self.versions[index], deployment_id=f"generation-{self.generation}")
        self.versions[index] = updated
        self.publish(bench, updated)

    def configure(self, bench: Bench) -> None:
        version = self.draw.choice(self.versions)
        if version.tenant_isolation:
            return
        amount = self.draw.randint(0, 2)
        self.settings[version.name] = {
            "reserved_concurrency": self.draw.choice((None, amount, amount + 1)),
            "provisioned": {"1": Provisioned(amount, self.generation)} if amount else {},
        }
        self.publish(bench, version)

    def delete(self, bench: Bench) -> None:
        version = self.draw.choice(self.versions)
        bench.catalog.remove(version.account, version.region, version.name)
        if self.draw.random() < 0.9:
            self.publish(bench, version)

    def run_short(self, bench: Bench) -> None:
        available = self.draw.choice((0, 220, 4000))
        self.reading = replace(self.reading, available_bytes=available * MIB)

    def pass_time(self, bench: Bench) -> None:
        self.clock.advance(self.draw.choice((0.1, 1.0, 400.0)))
        bench.fleet.turn()


def books_are_right(bench: Bench) -> None:
    """Whatever goes on, what is counted is what is there."""
    pools = bench.fleet.pools.values()
    assert bench.fleet.environments >= sum(len(pool.members) for pool in pools)
    for pool in pools:
        assert pool.concurrency.in_use >= len(pool.waiting)
        assert not (pool.waiting and (pool.idle or pool.standing.idle))
        if pool.retired:
            assert not pool.idle


@pytest.mark.parametrize("seed", range(12))
def test_limits_hold_and_nobody_is_forgotten(seed: int) -> None:
    async def scenario() -> None:
        world = World(seed)
        promised = 0
        happenings = [
            world.invoke, world.invoke, world.invoke, world.invoke, world.go_away, world.update,
            world.delete, world.run_short, world.pass_time,
        ]  # fmt: skip
        if seed % 2:
            happenings += [world.configure, world.configure]
            promised = 2 * 3
            """What is newly reserved may run beside what ran before on the same concurrency."""
        async with running(
            FlakyDriver(world),
            world.clock,
            lambda: world.reading,
            account_concurrency=LIMIT,
            environments=12,
            environment_starts_per_10s=60,
            machine_reading_ms=0,
        ) as bench:
            world.versions = [
                bench.python("", version="1"),
                bench.python("", version="1"),
                bench.python("", tenant_isolation=True),
            ]
            for _ in range(STEPS):
                world.draw.choice(happenings)(bench)
                await asyncio.sleep(world.draw.random() * 0.002)
                books_are_right(bench)
            world.reading = Reading(4096 * MIB, 4000 * MIB, 9999)
            outcomes = await asyncio.wait_for(
                asyncio.gather(*world.calls, return_exceptions=True), 20
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    assert isinstance(
                        outcome, TooManyRequestsException | SandboxError | asyncio.CancelledError
                    ), outcome
            for version in world.versions:
                bench.catalog.remove(version.account, version.region, version.name)
            await bench.fleet.services.tasks.finish()
            bench.fleet.turn()
            assert world.inside.total() == 0
            assert not world.mixed
            assert 2 <= world.most <= LIMIT + promised
            assert not bench.fleet.pools
            assert bench.fleet.environments == 0
            for version in world.versions:
                function = bench.fleet.concurrency((version.account, version.region, version.name))
                account = function.account
                assert (function.on_demand, function.provisioned) == (0, 0)
                assert (account.unreserved.in_use, account.claimed) == (0, 0)
                assert account.tenant_environments == 0

    run(scenario())
