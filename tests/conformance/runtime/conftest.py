"""One bench for all runtimes, in the strongest sandbox that this machine has."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import tempfile
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.invoker import InvokeRequest, InvokeResult
from support.functions import Bench, make_function, make_request, make_version, running
from support.real_sandboxes import NAMESPACE_TIERS, make_driver
from support.runtimes_under_test import (
    TRIED,
    RuntimeUnderTest,
    Unavailable,
    packs_of_the_tests,
)
from support.stems import eventually_waiting

T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass
class Subject:
    """A runtime, its program, and where both run."""

    runtime: RuntimeUnderTest
    package: Path
    bench: Bench
    runner: asyncio.Runner

    def version(self, package: Path | None = None, **changes: Any) -> FunctionVersion:
        """A version of the program, published."""
        fields = {
            "name": f"{self.runtime.name.replace('.', '-')}-{next(_numbers)}",
            "runtime": self.runtime.runtime,
            "handler": self.runtime.handler,
            "memory_mib": self.runtime.memory_mib,
            "timeout_s": 20,
        }
        made = make_version(package or self.package, **(fields | changes))

        async def work() -> None:
            self.bench.catalog.publish(make_function(made))

        self.run(work())
        return made

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """To the end; nothing may hang."""
        return self.runner.run(asyncio.wait_for(work, 60))

    def start_first(self) -> None:
        """Start an environment of no interest."""
        version = self.version()
        self.run(self.bench.invoker.invoke(version, make_request(version, {"do": "echo"})))

    async def _stems(self) -> None:
        """Wait until those that it starts ahead are there."""
        if self.runtime.stems:
            await eventually_waiting(self.bench.driver, self.runtime.stems)

    def send(self, version: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        """Run it once."""

        async def work() -> InvokeResult:
            await self._stems()
            return await self.bench.invoker.invoke(version, request)

        return self.run(work())

    def invoke(self, version: FunctionVersion, do: str, **event: Any) -> InvokeResult:
        """Send the program to do something."""
        return self.send(version, make_request(version, {"do": do, **event}))

    def answer(self, version: FunctionVersion, do: str, **event: Any) -> Any:
        """What it answers; it has to succeed."""
        result = self.invoke(version, do, **event)
        assert result.function_error is None, result.payload
        return json.loads(result.payload)

    def stream(self, version: FunctionVersion, do: str) -> tuple[str, bytes, InvokeResult]:
        """Content type, all chunks and the outcome of a streamed response."""

        async def work() -> tuple[str, bytes, InvokeResult]:
            await self._stems()
            request = make_request(version, {"do": do})
            stream = await self.bench.invoker.stream(version, request)
            body = b"".join([chunk async for chunk in stream])
            assert stream.outcome is not None
            return stream.content_type, body, stream.outcome

        return self.run(work())

    def end(self, version: FunctionVersion) -> None:
        """Delete the function: its environments go."""

        async def work() -> None:
            self.bench.catalog.remove(version.account, version.region, version.name)

        self.run(work())


@pytest.fixture(scope="session")
def opened() -> Iterator[tuple[Bench, asyncio.Runner]]:
    """The bench, on an event loop as the daemon has it, where nothing is started ahead."""
    with _opened() as made:
        yield made


@pytest.fixture(scope="session")
def archiving() -> Iterator[tuple[Bench, asyncio.Runner]]:
    """One on which archives of what init loads are made, without delay."""
    with _opened(class_archive_bytes=DEFAULT_LIMITS.class_archive_bytes) as made:
        yield made


@contextlib.contextmanager
def _opened(stems: int = 0, class_archive_bytes: int = 0) -> Iterator[tuple[Bench, asyncio.Runner]]:
    with (
        tempfile.TemporaryDirectory(prefix="lambdad-runtimes-") as name,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        limits = replace(DEFAULT_LIMITS, stems=stems)
        driver = make_driver(NAMESPACE_TIERS[0], folder, limits)
        # A program that takes its time between two events (curl is started) keeps its turn.
        patience = {"environment_hand_back_ms": 5_000, "class_archive_delay_s": 0.0}
        archives = {"class_archive_bytes": class_archive_bytes, "class_archive_timeout_s": 300.0}
        context = running(driver, packs=packs_of_the_tests(), **patience, **archives)
        bench = runner.run(context.__aenter__())
        yield bench, runner
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture(scope="session", params=TRIED, ids=[one.name for one in TRIED])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Each runtime in turn; skipped with the reason where it cannot be had."""
    runtime: RuntimeUnderTest = request.param
    try:
        runtime.pack(packs_of_the_tests())
        package = runtime.package()
    except Unavailable as why:
        pytest.skip(str(why))
    with contextlib.ExitStack() as stack:
        if runtime.stems:  # a bench of its own, so that they are nobody else's
            made = Subject(runtime, package, *stack.enter_context(_opened(runtime.stems)))
            made.start_first()  # upon which they come
        else:
            made = Subject(runtime, package, *request.getfixturevalue("opened"))
        yield made
        _end_all(made)


def _end_all(made: Subject) -> None:
    for function in list(made.bench.catalog):
        made.end(next(iter(function.versions.values())))


@pytest.fixture(scope="session")
def standing(subject: Subject) -> FunctionVersion:
    """A version that harmless cases share, and its environment with it."""
    return subject.version(environment={"MINE": "häuser"})
