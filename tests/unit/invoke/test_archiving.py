"""When archives of what init loads are made, and that nothing of it is an invocation."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.machine import Reading
from lambdad.runtime.training import MEMORY_MIB
from lambdad.sandbox.driver import Exit, RuntimePack, Tier, Training
from support.functions import Bench, make_function, run, running
from support.sandboxes import Play, PlayedDriver, Runtime

PACK = RuntimePack(
    "java17", "java", ("run",), (), training=Training(("train",), "a build")
)  # fmt: skip


DONE = Exit(0, None)


class Packs:
    """A catalog of one pack."""

    def known(self, runtime: str) -> RuntimePack:
        return PACK

    find = known


class Driver(PlayedDriver):
    """One that shows archives."""

    tier = Tier.NAMESPACES

    @property
    def trainings(self) -> list[Any]:
        return [one for one in self.sandboxes if one.spec.pack.argv == ("train",)]


def writes(data: bytes, end: Exit = DONE) -> Play:
    """A runtime that is ready and, told to end, writes that."""

    async def play(runtime: Runtime) -> None:
        def on_terminate() -> None:
            os.write(runtime.sandbox.output_write, data)
            runtime.exit(end)

        runtime.sandbox.on_terminate = on_terminate
        await runtime.send("GET", "invocation/next")
        await asyncio.sleep(60)

    return play


async def fails(runtime: Runtime) -> None:
    await runtime.call("POST", "init/error", b"{}", {"Lambda-Runtime-Function-Error-Type": "Bad"})


async def hangs(runtime: Runtime) -> None:
    await asyncio.sleep(60)


async def answers(runtime: Runtime) -> None:
    event = await runtime.next()
    await runtime.respond(event, b"1")
    await runtime.next()


@contextlib.asynccontextmanager
async def bench_of(driver: Driver, **limits: Any) -> AsyncIterator[Bench]:
    fields: dict[str, Any] = {"packs": Packs(), "class_archive_delay_s": 0.0}
    async with running(driver, **(fields | limits)) as bench:
        yield bench


async def publish(bench: Bench, **changes: Any) -> FunctionVersion:
    version = bench.write({"A.class": ""}, runtime="java17", **changes)
    await bench.archivist.idle()
    return version


def archives(bench: Bench) -> list[bytes]:
    return [path.read_bytes() for path in (bench.folder / "archives").iterdir()]


def test_one_is_made_after_publishing_and_shown_to_its_environments() -> None:
    async def scenario() -> None:
        driver = Driver(writes(b"archive"), answers)
        async with bench_of(driver) as bench:
            version = await publish(bench)
            assert archives(bench) == [b"archive"]
            assert bench.log.events == []
            assert bench.fleet.environments == 0
            [training] = driver.trainings
            assert training.killed
            assert training.spec.background
            assert training.spec.archive is None
            assert training.spec.memory_mib == MEMORY_MIB
            await bench.invoke(version)
            spec = driver.sandboxes[1].spec
            assert spec.archive is not None
            assert spec.archive.read_bytes() == b"archive"
            assert (spec.pack.argv, spec.background, spec.memory_mib) == (("run",), False, 128)

    run(scenario())


def test_versions_of_the_same_code_share_one_and_the_last_takes_it_along() -> None:
    async def scenario() -> None:
        driver = Driver(writes(b"archive"))
        async with bench_of(driver) as bench:
            latest = await publish(bench)
            first = replace(latest, version="1", deployment_id="first", timeout_s=9)
            both = {"$LATEST": latest, "1": first}
            bench.catalog.publish(make_function(latest, versions=both))
            await bench.archivist.idle()
            assert len(driver.trainings) == 1
            bench.catalog.publish(make_function(first))
            assert archives(bench) == [b"archive"]
            bench.catalog.remove(latest.account, latest.region, latest.name)
            assert archives(bench) == []

    run(scenario())


def test_who_changes_code_in_a_loop_has_only_the_last_one_run() -> None:
    async def scenario() -> None:
        driver = Driver(writes(b"archive"))
        async with bench_of(driver, class_archive_delay_s=0.05) as bench:
            for number in range(5):
                bench.write({"A.class": str(number)}, runtime="java17", name="mine")
            await bench.archivist.idle()
            assert len(driver.trainings) == 1

    run(scenario())


def test_one_at_a_time() -> None:
    alive: list[int] = []

    async def scenario() -> None:
        async def play(runtime: Runtime) -> None:
            alive.append(driver.alive)
            await writes(b"archive")(runtime)

        driver = Driver(play)
        async with bench_of(driver) as bench:
            for _ in range(4):
                bench.write({"A.class": ""}, runtime="java17")
            await bench.archivist.idle()
            assert len(archives(bench)) == 4

    run(scenario())
    assert alive == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("play", "changes"),
    [
        (fails, {}),
        (writes(b"half", Exit(1, None)), {}),
        (writes(b"half", Exit(None, 9)), {}),
        (writes(bytes(2000)), {}),
    ],
    ids=["init fails", "it says so", "killed", "too large"],
)
def test_what_failed_leaves_nothing_and_is_not_tried_again(
    play: Play, changes: dict[str, Any]
) -> None:
    async def scenario() -> None:
        driver = Driver(play, answers)
        async with bench_of(driver, class_archive_bytes=1000) as bench:
            version = await publish(bench, **changes)
            assert archives(bench) == []
            await bench.invoke(version)
            await bench.archivist.idle()
            assert len(driver.trainings) == 1

    run(scenario())


def test_what_takes_too_long_is_tried_again_with_the_next_start() -> None:
    async def scenario() -> None:
        driver = Driver(hangs, answers, writes(b"archive"))
        async with bench_of(driver, class_archive_timeout_s=0.5) as bench:
            version = await publish(bench)
            assert archives(bench) == []
            assert driver.alive == 0
            await bench.invoke(version)
            await bench.archivist.idle()
            assert archives(bench) == [b"archive"]

    run(scenario())


def _layer_with_extension(folder: Path) -> Path:
    (folder / "layer/extensions").mkdir(parents=True)
    (folder / "layer/extensions/agent").touch()
    return folder / "layer"


@pytest.mark.parametrize(
    "changes",
    [
        lambda folder: {"layer_dirs": (_layer_with_extension(folder),)},
        lambda folder: {"environment": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}},
        lambda folder: {"state": "Pending"},
    ],
    ids=["extension", "wrapper", "not active"],
)
def test_which_versions_have_none(
    changes: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    async def scenario() -> None:
        driver = Driver(writes(b"archive"))
        async with bench_of(driver) as bench:
            await publish(bench, **changes(tmp_path))
            assert driver.sandboxes == []

    run(scenario())


@pytest.mark.parametrize("tier", [Tier.PROCESS, Tier.NAMESPACES])
def test_it_can_be_off(tier: Tier) -> None:
    """By a limit, and where no tier shows them."""

    async def scenario() -> None:
        driver = Driver(writes(b"archive"))
        driver.tier = tier
        limits = {} if tier is Tier.PROCESS else {"class_archive_bytes": 0}
        async with bench_of(driver, **limits) as bench:
            await publish(bench)
            assert driver.sandboxes == []

    run(scenario())


def test_nothing_gives_way_to_it() -> None:
    def full() -> Reading:
        return Reading(1 << 34, 1 << 20, 1 << 20)

    async def scenario() -> None:
        driver = Driver(writes(b"archive"))
        async with bench_of(driver, read_machine=full) as bench:
            await publish(bench)
            assert driver.sandboxes == []

    run(scenario())


def test_the_end_of_lambdad_ends_it() -> None:
    async def scenario() -> None:
        driver = Driver(hangs)
        async with bench_of(driver) as bench:
            bench.write({"A.class": ""}, runtime="java17")
            while not driver.alive:
                await asyncio.sleep(0.001)
            await bench.archivist.close()
            assert driver.alive == 0
            assert archives(bench) == []

    run(scenario())


def test_an_archive_that_a_start_crashed_with_is_not_used_again() -> None:
    async def crashes(runtime: Runtime) -> None:
        runtime.exit(Exit(None, 11))

    async def scenario() -> None:
        driver = Driver(writes(b"archive"), crashes, answers)
        async with bench_of(driver) as bench:
            version = await publish(bench)
            result = await bench.invoke(version)
            assert (result.function_error, result.payload) == (None, b"1")
            assert [one.spec.archive is None for one in driver.sandboxes] == [True, False, True]
            assert archives(bench) == []

    run(scenario())
