"""Asynchronous events on a manual clock: retries, throttles, ends, and what survives a close."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import NewMessage, Outgoing, QueueSettings
from lambdad.functions.attachments import EventInvoke
from lambdad.functions.records import DurableSettings
from lambdad.functions.snapshot import AliasTarget, Catalog, FunctionVersion
from lambdad.invoke.asynchronous import AsyncInvoker
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.event_queue import AsyncEvent, EventQueue, QueueFull
from lambdad.invoke.invoker import InvokeRequest, InvokeResult
from lambdad.invoke.retry import Condition, Over
from lambdad.telemetry.counters import Counters, Metric
from support.functions import ACCOUNT, REGION, make_function, make_request, make_version, run
from support.patience import PATIENCE_S, until
from support.queues import engine, key

GOOD, BAD, THROTTLED, BUG = "good", "bad", "throttled", "bug"


class FakeInvoker:
    """Runs nothing; answers as scripted, the last answer for ever."""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.runs: list[tuple[FunctionVersion, InvokeRequest]] = []
        self.gate: asyncio.Event | None = None
        self.begun: list[InvokeRequest] = []

    async def begin(self, target: FunctionVersion, request: InvokeRequest) -> None:
        self.begun.append(request)
        if self.script.pop(0) == THROTTLED:
            raise TooManyRequestsException("ConcurrentInvocationLimitExceeded")

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        self.runs.append((target, request))
        if self.gate is not None:
            await self.gate.wait()
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer == THROTTLED:
            raise TooManyRequestsException("ConcurrentInvocationLimitExceeded")
        if answer == BUG:
            raise RuntimeError("a bug")
        error = "Unhandled" if answer == BAD else None
        return InvokeResult(b"null", error, target.version, None, 1.0, 1)


@dataclasses.dataclass
class Stage:
    invoker: FakeInvoker
    asynchronous: AsyncInvoker
    clock: ManualClock
    catalog: Catalog
    version: FunctionVersion
    over: list[tuple[AsyncEvent, Over]]
    queue: EventQueue
    queues: QueueEngine
    counters: Counters
    outgoing: list[Outgoing]

    async def accept(self, qualifier: str | None = None, payload: bytes = b"1") -> str:
        request = make_request(self.version, payload=payload)
        name = self.version.name
        await self.asynchronous.accept(ACCOUNT, REGION, name, qualifier, request)
        return request.request_id

    async def settled(self, runs: int, *, waiting: int = 0) -> None:
        """Wait until so many runs were made and only events for later are left."""
        await until(
            lambda: (
                len(self.invoker.runs) >= runs
                and not self.asynchronous._running
                and self.queue.size == waiting
            )
        )
        assert len(self.invoker.runs) == runs

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.queues.wake()


@contextlib.asynccontextmanager
async def stage(
    folder: Path, *script: str, clock: ManualClock | None = None, **limits: int
) -> AsyncIterator[Stage]:
    bounds = replace(DEFAULT_LIMITS, **limits)
    clock, catalog, invoker = clock or ManualClock(), Catalog(), FakeInvoker(*script)
    version = make_version(folder, name="f")
    catalog.publish(make_function(version))
    async with engine(folder, clock) as (queues, _):
        counters = Counters()
        queue = EventQueue(queues, clock, bounds, counters)
        asynchronous = AsyncInvoker(queue, invoker, catalog, clock, bounds, lambda: 0.0)
        over: list[tuple[AsyncEvent, Over]] = []
        outgoing: list[Outgoing] = []

        async def on_over(
            event: AsyncEvent, payload: bytes, end: Over, result: object
        ) -> list[Outgoing]:
            over.append((event, end))
            return outgoing

        asynchronous.on_over = on_over
        await asynchronous.start()
        yield Stage(
            invoker, asynchronous, clock, catalog, version, over, queue, queues, counters, outgoing
        )
        await asynchronous.close()


def test_an_event_runs_once_with_its_id_and_payload(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD) as on:
            request_id = await on.accept(payload=b"\x00\xff")
            await on.settled(1)
            _, request = on.invoker.runs[0]
            assert (request.request_id, request.payload) == (request_id, b"\x00\xff")
            assert on.over[0][1].condition is Condition.SUCCESS

    run(scenario())


def test_function_errors_are_retried_twice_with_the_same_id(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, BAD) as on:
            await on.accept()
            await on.settled(1, waiting=1)
            on.advance(59)
            await asyncio.sleep(0.02)
            await on.settled(1, waiting=1)
            on.advance(1)
            await on.settled(2, waiting=1)
            on.advance(120)
            await on.settled(3)
            assert len({request.request_id for _, request in on.invoker.runs}) == 1
            end = on.over[0][1]
            assert (end.condition, end.progress.attempts) == (Condition.RETRIES_EXHAUSTED, 3)

    run(scenario())


def test_the_owner_decides_on_retries_and_age(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, BAD) as on:
            one = replace(on.version, version="1")
            own = {"$LATEST": EventInvoke(0, 0), "1": EventInvoke(0, None, 60)}
            versions = {"$LATEST": on.version, "1": one}
            on.catalog.publish(make_function(on.version, versions=versions, event_invokes=own))
            await on.accept()
            await on.settled(1)
            await on.accept("1")
            await on.settled(2, waiting=1)
            on.advance(60)
            await on.settled(3)
            assert [end.condition for _, end in on.over] == [
                Condition.RETRIES_EXHAUSTED,
                Condition.EVENT_AGE_EXCEEDED,
            ]

    run(scenario())


def test_throttles_and_bugs_wait_and_cost_no_attempt(tmp_path: Path) -> None:
    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with stage(tmp_path, THROTTLED, BUG, THROTTLED, GOOD) as on:
            await on.accept()
            for runs, delay_s in [(1, 1), (2, 2), (3, 4)]:
                await on.settled(runs, waiting=1)
                on.advance(delay_s)
            await on.settled(4)
            assert on.over[0][1].progress.attempts == 1

    run(scenario())


def test_retries_run_what_the_alias_is_then(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, BAD, GOOD) as on:
            one = replace(on.version, version="1", deployment_id="d1")
            two = replace(on.version, version="2", deployment_id="d2")
            versions = {"1": one, "2": two}
            alias = {"live": AliasTarget("1")}
            on.catalog.publish(make_function(one, versions=versions, aliases=alias))
            await on.accept("live")
            await on.settled(1, waiting=1)
            alias = {"live": AliasTarget("2")}
            on.catalog.publish(make_function(one, versions=versions, aliases=alias))
            on.advance(60)
            await on.settled(2)
            assert [target.version for target, _ in on.invoker.runs] == ["1", "2"]

    run(scenario())


def test_switched_off_and_deleted_functions_end_their_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD) as on:
            on.catalog.publish(make_function(on.version, reserved_concurrency=0))
            await on.accept()
            await on.settled(0)
            on.catalog.remove(ACCOUNT, REGION, "f")
            await on.accept()
            await on.settled(0)
            conditions = [end.condition for _, end in on.over]
            assert conditions == [
                Condition.ZERO_RESERVED_CONCURRENCY,
                Condition.FUNCTION_NOT_FOUND,
            ]

    run(scenario())


def test_a_function_that_is_not_active_yet_is_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD) as on:
            pending = replace(on.version, state="Pending")
            on.catalog.publish(make_function(pending))
            await on.accept()
            await on.settled(0, waiting=1)
            on.catalog.publish(make_function(on.version))
            on.advance(1)
            await on.settled(1)

    run(scenario())


def test_only_so_many_run_at_once_and_the_others_follow(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD, async_in_flight=3) as on:
            on.invoker.gate = asyncio.Event()
            for _ in range(10):
                await on.accept()
            await until(lambda: len(on.invoker.runs) == 3)
            await asyncio.sleep(0.05)
            assert len(on.invoker.runs) == 3
            on.invoker.gate.set()
            await on.settled(10)

    run(scenario())


def test_a_closed_daemon_goes_on_where_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with stage(tmp_path, BAD, GOOD, clock=clock) as on:
            await on.accept()
            await on.settled(1, waiting=1)
            on.invoker.gate = asyncio.Event()
            await on.accept()
            await until(lambda: len(on.invoker.runs) == 2)
        async with stage(tmp_path, GOOD, clock=clock) as on:
            await on.settled(1, waiting=1)
            on.advance(60)
            await on.settled(2)
            assert sorted(end.progress.attempts for _, end in on.over) == [1, 2]

    run(scenario())


def test_what_an_end_sends_is_there_when_the_event_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD) as on:
            await on.queues.create(key("target"), QueueSettings(), {}, {})
            on.outgoing.append(Outgoing(key("target"), (NewMessage(b"record"),)))
            await on.accept()
            await on.settled(1)
            (message,) = await on.queues.receive(key("target"), 10)
            assert message.body == b"record"

    run(scenario())


def test_a_durable_function_s_event_is_over_when_its_execution_has_begun(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, THROTTLED, GOOD) as on:
            durable = replace(on.version, durable=DurableSettings(3600, 1))
            on.catalog.publish(make_function(durable))
            request_id = await on.accept()
            await on.settled(0, waiting=1)
            on.advance(1)
            await on.settled(0)
            assert [request.request_id for request in on.invoker.begun] == [request_id] * 2
            assert on.over == []

    run(scenario())


def test_received_events_and_their_age_are_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, THROTTLED, GOOD) as on:
            await on.accept()
            await on.settled(1, waiting=1)
            on.advance(1)
            await on.settled(2)
            counted = {
                name: on.counters.sum(Metric("AWS/Lambda", name, (("FunctionName", "f"),)))
                for name in ("AsyncEventsReceived", "AsyncEventAge")
            }
            assert counted == {"AsyncEventsReceived": 1, "AsyncEventAge": 1000}

    run(scenario())


def test_who_waits_when_the_daemon_closes_is_let_go_without_an_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD) as on:
            accepting = asyncio.ensure_future(on.accept())
            await asyncio.sleep(0)
        await asyncio.wait([accepting], timeout=PATIENCE_S)
        assert accepting.cancelled()

    run(scenario())


def test_an_event_whose_client_gives_up_runs_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD) as on:
            accepting = asyncio.ensure_future(on.accept())
            await asyncio.sleep(0)
            accepting.cancel()
            await on.settled(1)

    run(scenario())


def test_more_events_than_may_wait_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, GOOD, async_queue_events=1) as on:
            on.invoker.gate = asyncio.Event()
            await on.accept()
            with pytest.raises(QueueFull):
                await on.accept()
            on.invoker.gate.set()
            await on.settled(1)
            await on.accept()
            await on.settled(2)

    run(scenario())
