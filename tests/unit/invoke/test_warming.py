"""Packs are made ready when a function names their runtime, once, and again after a failure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lambdad.functions.snapshot import Catalog
from lambdad.invoke.warming import PackWarmer
from lambdad.runtime.catalog.packs import MissingPack
from lambdad.runtime.services import Tasks
from lambdad.sandbox.driver import SandboxError
from support.functions import make_function, make_version


class Packs:
    def __init__(self, missing: set[str]) -> None:
        self.missing = missing
        self.asked: list[str] = []

    def find(self, runtime: str) -> Any:
        self.asked.append(runtime)
        if runtime in self.missing:
            return MissingPack(runtime, "not here", None)
        return SimpleNamespace(runtime=runtime)


class Driver:
    def __init__(self, failures: int = 0) -> None:
        self.prepared: list[str] = []
        self.failures = failures

    async def prepare(self, pack: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise SandboxError("no room")
        self.prepared.append(pack.runtime)


def function(name: str, *runtimes: str) -> Any:
    versions = [make_version(Path(), name=name, runtime=runtime) for runtime in runtimes]
    return make_function(versions[0], versions=dict(enumerate(versions)))


def run(packs: Packs, driver: Driver, steps: list[list[Any]]) -> None:
    """The functions of the first step are there at the start, the others come one by one."""

    async def go() -> None:
        tasks, catalog = Tasks(), Catalog()
        for one in steps[0]:
            catalog.publish(one)
        PackWarmer(packs, driver, tasks).follow(catalog)  # type: ignore[arg-type]
        await tasks.finish()
        for step in steps[1:]:
            for one in step:
                catalog.publish(one)
            await tasks.finish()

    asyncio.run(go())


def test_each_runtime_is_prepared_once() -> None:
    packs, driver = Packs(set()), Driver()
    run(packs, driver, [[function("a", "p1")], [function("b", "p1", "p2")], [function("a", "p2")]])
    assert driver.prepared == ["p1", "p2"]


def test_a_missing_pack_is_looked_for_again() -> None:
    packs, driver = Packs({"p1"}), Driver()
    run(packs, driver, [[function("a", "p1")], [function("b", "p1")]])
    assert packs.asked == ["p1", "p1"]
    assert driver.prepared == []


def test_a_failed_preparation_is_tried_again() -> None:
    packs, driver = Packs(set()), Driver(failures=1)
    run(packs, driver, [[function("a", "p1")], [function("b", "p1")]])
    assert driver.prepared == ["p1"]
