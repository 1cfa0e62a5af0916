"""How a pool uses the template of its version, with processes played by the test."""

from __future__ import annotations

import asyncio
from typing import Any

from lambdad.functions.names import FunctionKey
from lambdad.functions.records import Reason
from lambdad.functions.snapshot import FunctionVersion
from lambdad.guest.template import OFFER_HEADER, READY
from lambdad.invoke.invoker import InvokeResult
from lambdad.invoke.pool import FunctionPool
from lambdad.invoke.snapshots import Snapshots
from lambdad.sandbox.driver import Exit, Sandbox, SandboxError, SandboxSpec
from support.functions import Bench, make_packs, run, running
from support.patience import until
from support.sandboxes import Crowd, PlayedDriver, PlayedSandbox, Runtime


class ForkingDriver(PlayedDriver):
    """Says that everything can be forked, and refuses to when told."""

    def __init__(self) -> None:
        super().__init__(self.play)
        self.refused: str | None = None
        self.crowd = Crowd()

    async def play(self, runtime: Runtime) -> None:
        """A template where it is to be one, else an environment."""
        if runtime.sandbox.spec.forks:
            offer = {OFFER_HEADER: runtime.sandbox.spec.variables.get("OFFER", READY)}
            await runtime.call("GET", "restore/next", headers=offer)
            if offer[OFFER_HEADER] == READY:
                runtime.hang_up()
                await asyncio.Event().wait()
        else:
            assert (await runtime.call("GET", "restore/next"))[0] == 200
        await self.crowd(runtime)

    async def burst(self, bench: Bench, version: FunctionVersion, count: int) -> list[InvokeResult]:
        """So many invocations at the same moment, each in an environment of its own."""
        self.crowd.expect(count)
        results = await asyncio.gather(*(bench.invoke(version, n) for n in range(count)))
        assert {result.payload for result in results} == {b"%d" % n for n in range(count)}
        self.crowd.expect(1)
        return results

    def why_no_template(self, spec: SandboxSpec) -> str | None:
        return None

    async def create(self, spec: SandboxSpec) -> Sandbox:
        if spec.template is not None:
            assert any(spec.template == each.environment_id for each in self.templates)
            if self.refused is not None:
                raise SandboxError(self.refused)
        return await super().create(spec)

    @property
    def templates(self) -> list[PlayedSandbox]:
        return [sandbox for sandbox in self.sandboxes if sandbox.spec.forks]

    @property
    def forked(self) -> list[PlayedSandbox]:
        return [sandbox for sandbox in self.sandboxes if sandbox.spec.template is not None]


async def publish(bench: Bench, **changes: Any) -> tuple[FunctionVersion, FunctionPool]:
    version = bench.python("", version="1", snap_start=True, timeout_s=60, **changes)
    assert await make(bench, version) is None
    return version, bench.fleet.pools[version.deployment_id]


async def make(bench: Bench, version: FunctionVersion) -> Reason | None:
    snapshots = Snapshots(bench.fleet, make_packs(bench.folder / "packs"), bench.catalog)
    key = FunctionKey(version.account, version.region, version.name)
    return await snapshots.make(key, version.version)


def test_one_template_serves_all_environments() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            version, pool = await publish(bench)
            (template,) = driver.templates
            assert len(driver.forked) == 1, "the one that is kept prepared"
            assert template.frozen
            results = await driver.burst(bench, version, 5)
            assert all(result.init_ms is None for result in results)
            await until(lambda: len(pool.standing.idle) == 1)
            assert len(driver.templates) == 1
            assert len(driver.sandboxes) == 1 + len(driver.forked)
            assert "ordinary" not in bench.log.text(version.name)
            assert bench.log.text(version.name).count("INIT_START") == 1

    run(scenario())


def test_what_offers_nothing_is_a_prepared_environment() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            offer = {"OFFER": "its init did this " + 500 * "x"}
            version, pool = await publish(bench, environment=offer)
            assert pool.template.environment is None
            assert len(pool.standing.idle) == 1
            assert (await bench.invoke(version, 1)).payload == b"1"
            await until(lambda: len(pool.standing.idle) == 1)
            assert len(driver.templates) == 1, "asked once"
            text = bench.log.text(version.name)
            assert "runs its own init, because its init did this xxx" in text
            assert 200 * "x" not in text, "what it says is bounded"

    run(scenario())


def test_a_template_that_cannot_be_forked_is_given_up() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            version, pool = await publish(bench)
            driver.refused = "Not today."
            await driver.burst(bench, version, 3)
            assert pool.template.environment is None
            await until(lambda: driver.templates[0].killed)
            assert "could not be forked from the template. Not today." in bench.log.text(
                version.name
            )
            await until(lambda: len(pool.standing.idle) == 1)
            assert len(driver.templates) == 1, "no other is made so soon"

    run(scenario())


def test_another_template_is_made_after_a_pause() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver, template_pause_s=0.0) as bench:
            version, pool = await publish(bench)
            driver.refused = "Not today."
            await driver.burst(bench, version, 2)
            await until(lambda: pool.standing.idle and not pool.standing.starting)
            await until(lambda: all(template.killed for template in driver.templates))
            driver.refused, lost = None, len(driver.templates)
            await driver.burst(bench, version, 3)
            await until(lambda: pool.template.environment and pool.standing.idle)
            assert len(driver.templates) == lost + 1

    run(scenario())


def test_a_template_that_ends_is_followed_by_another() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            version, pool = await publish(bench)
            driver.templates[0].end(Exit(None, 9))
            await until(lambda: pool.template.environment is None)
            await driver.burst(bench, version, 2)
            await until(lambda: pool.template.environment and pool.standing.idle)
            assert len(driver.templates) == 2

    run(scenario())


def test_it_ends_with_its_version() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            version, _ = await publish(bench)
            bench.catalog.remove(version.account, version.region, version.name)
            await until(lambda: driver.alive == 0)
            assert bench.fleet.environments == 0

    run(scenario())


def test_short_memory_takes_it_and_the_next_use_brings_it_back() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            version, pool = await publish(bench)
            assert bench.fleet.shelf.give_up() == 2 * pool.size_mib
            await until(lambda: driver.alive == 0)
            assert (await bench.invoke(version, 1)).payload == b"1"
            await until(lambda: pool.template.environment is not None and pool.standing.idle)
            assert len(driver.templates) == 2

    run(scenario())


def test_tenants_share_no_template() -> None:
    async def scenario() -> None:
        driver = ForkingDriver()
        async with running(driver) as bench:
            version = bench.python("", version="1", snap_start=True)
            packs = make_packs(bench.folder / "packs")
            pack = packs.find(version.runtime)
            pool = bench.fleet.open_pool(version, pack, "tenant")  # type: ignore[arg-type]
            pool.prepare(1)
            await until(lambda: pool.standing.idle)
            assert driver.templates == []

    run(scenario())
