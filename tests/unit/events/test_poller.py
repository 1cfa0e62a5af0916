"""One mapping at work, on a source in memory and a clock that jumps: batches, windows, filters,
failures, throttles, loops, concurrency, stopping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.events.delivery import Delivery, Plane
from lambdad.events.filter import compile_filters
from lambdad.events.mapping import EventSourceMapping, State
from lambdad.events.poller import Poller, Slots
from lambdad.events.record import Record
from lambdad.functions.snapshot import AliasTarget, Catalog, Function, FunctionVersion
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.lineage import MAXIMUM_RUNS, new_trace, with_run
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.telemetry.counters import Counters, Metric
from support.event_sources import HELD_MS, FakeSource, record
from support.functions import ACCOUNT, REGION, make_version
from support.virtual_time import VirtualClock, run

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


def ids_of(request: InvokeRequest) -> list[str]:
    return [each["messageId"] for each in json.loads(request.payload)["Records"]]


class World:
    """A mapping, its source, its function, and what was run."""

    def __init__(self, clock: VirtualClock, **settings: Any) -> None:
        self.clock = clock
        self.source = FakeSource(clock)
        self.catalog = Catalog()
        self.counters = Counters()
        self.requests: list[InvokeRequest] = []
        self.targets: list[FunctionVersion] = []
        self.at_once = 0
        self.most_at_once = 0
        self.handler: Callable[[list[str]], Awaitable[Any]] = self._nothing
        self.function_error: str | None = None
        version = make_version(Path("/code"), name="f", account=ACCOUNT, region=REGION)
        self.function = Function(ACCOUNT, REGION, "f", {"$LATEST": version}, {})
        self.catalog.publish(self.function)
        mapping = EventSourceMapping(
            id="u", source_arn=QUEUE, function_arn=ARN, batch_size=10, window_s=0, enabled=True,
            state=State.ENABLED, modified_ms=0,
        )  # fmt: skip
        self.mapping = replace(mapping, **settings)
        plane = Plane(
            self.catalog, self, LoopGuard(self.counters), self.counters, clock, lambda: 0.5
        )
        filters = compile_filters(self.mapping.filters or (), self.source.data)
        delivery = Delivery(self.mapping, self.source, filters, plane)
        self.poller = Poller(delivery, self.source, Slots(), clock, DEFAULT_LIMITS)
        self.catalog.subscribe(lambda key, function: self.poller.wake())

    async def _nothing(self, ids: list[str]) -> None:
        return None

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        self.requests.append(request)
        self.targets.append(target)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            answer = await self.handler(ids_of(request))
        finally:
            self.at_once -= 1
        payload = json.dumps(answer).encode()
        return InvokeResult(payload, self.function_error, target.version, None, 1.0, 1)

    @property
    def batches(self) -> list[list[str]]:
        return [ids_of(request) for request in self.requests]

    def count(self, name: str, *dimension: str) -> float:
        return self.counters.sum(Metric("AWS/Lambda", name, (dimension,)))  # type: ignore[arg-type]


def scenario(
    **settings: Any,
) -> Callable[[Callable[[World], Awaitable[None]]], Callable[[], None]]:
    """Makes a test of what is to happen in a World with such a mapping."""

    def decorate(story: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
        async def play(clock: VirtualClock) -> None:
            world = World(clock, **settings)
            world.poller.start()
            await story(world)
            await world.poller.close()

        def test() -> None:
            run(play)

        return test

    return decorate


@scenario()
async def test_a_message_runs_and_is_deleted(world: World) -> None:
    world.source.put(record("a"), record("b"))
    await asyncio.sleep(1)
    (request,) = world.requests
    assert request.invoked_arn == ARN
    assert request.payload == (
        b'{"Records":[{"messageId":"a","body":""},{"messageId":"b","body":""}]}'
    )
    assert request.trace_header.startswith("Root=1-")
    assert world.source.deleted == ["a", "b"]


@scenario()
async def test_an_idle_mapping_does_nothing(world: World) -> None:
    await asyncio.sleep(1)
    looks = world.source.looks
    await asyncio.sleep(3600)
    assert world.source.looks == looks


@scenario(batch_size=3)
async def test_batches_are_as_large_as_they_may_be(world: World) -> None:
    world.source.put(*(record(name) for name in "abcdefgh"))
    await asyncio.sleep(1)
    assert sorted(world.batches) == [["a", "b", "c"], ["d", "e", "f"], ["g", "h"]]
    assert sorted(world.source.deleted) == list("abcdefgh")


@scenario(batch_size=100, window_s=20)
async def test_a_window_gathers_and_holds_records_long_enough(world: World) -> None:
    started_ms = world.clock.wall_ms()
    for name in "abc":
        world.source.put(record(name))
        await asyncio.sleep(5)
    assert world.requests == []
    await asyncio.sleep(4)
    assert world.requests == []
    await asyncio.sleep(2)
    assert world.batches == [["a", "b", "c"]]
    assert world.clock.wall_ms() - started_ms < 22_000
    assert world.source.holds[0] == 20 + 3 + 30  # window, function timeout and 30 s


@scenario(batch_size=2, window_s=300)
async def test_a_full_batch_does_not_wait_for_its_window(world: World) -> None:
    world.source.put(record("a"), record("b"), record("c"))
    await asyncio.sleep(1)
    assert world.batches == [["a", "b"]]


@scenario(filters=['{"body": {"keep": [true]}}'], metrics=["EventCount"])
async def test_what_filters_drop_is_deleted_and_never_seen(world: World) -> None:
    world.source.put(record("a", '{"keep": true}'), record("b", "{}"), record("c", "text"))
    await asyncio.sleep(1)
    assert world.batches == [["a"]]
    assert sorted(world.source.deleted) == ["a", "b", "c"]
    uuid = ("EventSourceMappingUUID", "u")
    assert {
        name: world.count(name, *uuid)
        for name in (
            "PolledEventCount", "FilteredOutEventCount", "InvokedEventCount",
            "FailedInvokeEventCount", "DeletedEventCount",
        )
    } == {
        "PolledEventCount": 3, "FilteredOutEventCount": 2, "InvokedEventCount": 1,
        "FailedInvokeEventCount": 0, "DeletedEventCount": 3,
    }  # fmt: skip


@scenario()
async def test_counts_are_kept_only_where_they_were_asked_for(world: World) -> None:
    world.source.put(record("a"))
    await asyncio.sleep(1)
    assert world.count("PolledEventCount", "EventSourceMappingUUID", "u") == 0


@scenario()
async def test_a_failed_batch_stays_and_comes_back(world: World) -> None:
    world.function_error = "Unhandled"
    world.source.put(record("a"))
    await asyncio.sleep(1)
    assert (world.batches, world.source.deleted) == ([["a"]], [])
    world.function_error = None
    world.source.come_back()
    await asyncio.sleep(1)
    assert (world.batches, world.source.deleted) == ([["a"], ["a"]], ["a"])
    first, second = world.requests
    assert first.request_id != second.request_id


@scenario(response_types=["ReportBatchItemFailures"])
async def test_reported_failures_stay_and_the_others_are_deleted(world: World) -> None:
    async def fail_b(ids: list[str]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": "b"}]}

    world.handler = fail_b
    world.source.put(record("a"), record("b"), record("c"))
    await asyncio.sleep(1)
    assert world.source.deleted == ["a", "c"]
    assert [each.id for each in world.source.held] == ["b"]


@scenario()
async def test_without_the_setting_a_report_is_no_report(world: World) -> None:
    async def report(ids: list[str]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": "a"}]}

    world.handler = report
    world.source.put(record("a"))
    await asyncio.sleep(1)
    assert world.source.deleted == ["a"]


@scenario()
async def test_a_throttled_batch_is_tried_again_while_it_is_held(world: World) -> None:
    async def throttled(ids: list[str]) -> Any:
        if len(world.requests) < 4:
            raise TooManyRequestsException("ReservedFunctionConcurrentInvocationLimitExceeded")

    world.handler = throttled
    world.source.put(record("a"))
    await asyncio.sleep(5)
    assert world.batches == [["a"]] * 4
    assert len({request.request_id for request in world.requests}) == 1
    assert world.source.deleted == ["a"]


@scenario()
async def test_a_batch_is_given_up_when_its_records_come_back_anyway(world: World) -> None:
    async def broken(ids: list[str]) -> Any:
        raise AwsError("the platform has failed")

    world.handler = broken
    world.source.put(record("a"))
    await asyncio.sleep(HELD_MS / 1000 - 1)
    assert len(world.requests) > 3
    await asyncio.sleep(10)
    tries = len(world.requests)
    await asyncio.sleep(3600)
    assert (len(world.requests), world.source.deleted) == (tries, [])


@scenario()
async def test_a_function_that_is_gone_leaves_the_source_alone(world: World) -> None:
    world.catalog.remove(ACCOUNT, REGION, "f")
    await asyncio.sleep(0)
    looks = world.source.looks
    world.source.put(record("a"))
    await asyncio.sleep(600)
    assert (world.source.looks, world.requests) == (looks, [])
    world.catalog.publish(world.function)
    await asyncio.sleep(0.1)
    assert world.batches == [["a"]]


@scenario()
async def test_a_role_that_may_not_read_leaves_the_source_alone(world: World) -> None:
    world.source.refusal = "no"
    looks = world.source.looks
    world.source.put(record("a"))
    await asyncio.sleep(600)
    assert (world.source.looks, world.requests) == (looks, [])
    world.source.refusal = None
    await asyncio.sleep(61)
    assert world.batches == [["a"]]


@scenario(function_arn=f"{ARN}:live")
async def test_an_alias_is_looked_up_for_each_batch(world: World) -> None:
    first = world.function.versions["$LATEST"]
    versions = {each: replace(first, version=each) for each in ("1", "2")}
    for number in ("1", "2"):
        aliases = {"live": AliasTarget(number)}
        world.catalog.publish(replace(world.function, versions=versions, aliases=aliases))
        world.source.put(record(number))
        await asyncio.sleep(1)
    assert [target.version for target in world.targets] == ["1", "2"]
    assert {request.invoked_arn for request in world.requests} == {f"{ARN}:live"}


@scenario(batch_size=1, maximum_concurrency=2)
async def test_maximum_concurrency(world: World) -> None:
    async def slow(ids: list[str]) -> Any:
        await asyncio.sleep(1)

    world.handler = slow
    world.source.put(*(record(str(number)) for number in range(40)))
    await asyncio.sleep(100)
    assert world.most_at_once == 2
    assert len(world.source.deleted) == 40


@scenario(batch_size=1)
async def test_concurrency_begins_at_five_and_grows(world: World) -> None:
    async def slow(ids: list[str]) -> Any:
        await asyncio.sleep(10)

    world.handler = slow
    world.source.put(*(record(str(number)) for number in range(1000)))
    await asyncio.sleep(0.5)
    assert world.most_at_once == 5
    await asyncio.sleep(9)
    assert 40 <= world.most_at_once <= 55
    await asyncio.sleep(200)
    assert len(world.source.deleted) == 1000


@scenario(batch_size=2)
async def test_an_ordered_source_is_asked_for_one_batch_at_a_time(world: World) -> None:
    world.source.ordered = True
    world.source.put(*(record(name) for name in "abcd"))
    await asyncio.sleep(1)
    assert world.batches == [["a", "b"], ["c", "d"]]


@scenario()
async def test_a_message_in_a_loop_is_left_and_counted_the_others_run(world: World) -> None:
    looped = new_trace(0)
    for _ in range(MAXIMUM_RUNS):
        looped = with_run(looped, world.function)
    world.source.put(record("a", trace_header=looped), record("b"))
    await asyncio.sleep(1)
    assert (world.batches, world.source.deleted) == ([["b"]], ["b"])
    assert world.count("RecursiveInvocationsDropped", "FunctionName", "f") == 1
    world.catalog.publish(replace(world.function, recursive_loop="Allow"))
    world.source.come_back()
    await asyncio.sleep(1)
    assert world.source.deleted == ["b", "a"]


@scenario()
async def test_the_function_gets_the_messages_trace_with_its_own_run_counted(world: World) -> None:
    trace = new_trace(0)
    world.source.put(record("a", trace_header=trace))
    await asyncio.sleep(1)
    assert world.requests[0].trace_header == with_run(trace, world.function)


@scenario(batch_size=10, window_s=60)
async def test_draining_gives_back_what_was_gathered_and_finishes_what_runs(world: World) -> None:
    async def slow(ids: list[str]) -> Any:
        await asyncio.sleep(5)

    world.handler = slow
    world.source.put(*(record(str(number)) for number in range(12)))
    await asyncio.sleep(1)
    await world.poller.drain()
    assert sorted(world.source.deleted, key=int) == [str(number) for number in range(10)]
    assert [each.id for each in world.source.waiting] == ["10", "11"]
    world.source.put(record("late"))
    await asyncio.sleep(100)
    assert len(world.requests) == 1


@scenario()
async def test_closing_abandons_what_runs_without_deleting_it(world: World) -> None:
    async def slow(ids: list[str]) -> Any:
        await asyncio.sleep(500)

    world.handler = slow
    world.source.put(record("a"))
    await asyncio.sleep(1)
    await world.poller.close()
    assert (world.at_once, world.source.deleted) == (0, [])


@scenario()
async def test_what_arrives_is_handed_over_without_a_look(world: World) -> None:
    world.source.hands_over = True
    await asyncio.sleep(1)
    looks = world.source.looks
    for name in "abc":
        world.source.put(record(name))
        await asyncio.sleep(1)
    assert world.batches == [["a"], ["b"], ["c"]]
    assert world.source.deleted == ["a", "b", "c"]
    assert world.source.looks == looks


@scenario(batch_size=1, maximum_concurrency=2)
async def test_no_more_is_handed_over_than_may_run(world: World) -> None:
    world.source.hands_over = True

    async def slow(ids: list[str]) -> None:
        await asyncio.sleep(10)

    world.handler = slow
    await asyncio.sleep(1)
    for name in "abcde":
        world.source.put(record(name))
        await asyncio.sleep(0.1)
    assert (world.at_once, len(world.source.held)) == (2, 2)
    await asyncio.sleep(60)
    assert world.most_at_once == 2
    assert world.source.deleted == list("abcde")


@scenario()
async def test_nothing_is_handed_over_that_may_not_be_read(world: World) -> None:
    world.source.hands_over = True
    await asyncio.sleep(1)
    world.source.refusal = "no permission any more"
    world.source.put(record("a"))
    await asyncio.sleep(10)
    assert (world.requests, world.source.held) == ([], [])
    world.source.refusal = None
    await asyncio.sleep(60)
    assert world.batches == [["a"]]


@scenario(batch_size=10, window_s=5)
async def test_a_window_closes_over_what_was_handed_over(world: World) -> None:
    world.source.hands_over = True
    await asyncio.sleep(1)
    looks = world.source.looks
    for name in "ab":
        world.source.put(record(name))
        await asyncio.sleep(1)
    assert world.requests == []
    await asyncio.sleep(4)
    assert world.batches == [["a", "b"]]
    assert world.source.looks == looks


@scenario(batch_size=1, maximum_concurrency=2)
async def test_a_deletion_holds_up_no_batch(world: World) -> None:
    stored = asyncio.Event()
    done = world.source.done

    async def late(records: Sequence[Record]) -> None:
        await stored.wait()
        await done(records)

    world.source.done = late  # type: ignore[method-assign]
    world.source.put(*(record(name) for name in "abcd"))
    await asyncio.sleep(1)
    assert (sorted(world.batches), world.source.deleted) == ([["a"], ["b"], ["c"], ["d"]], [])
    stored.set()
    await asyncio.sleep(1)
    assert sorted(world.source.deleted) == list("abcd")


@scenario()
async def test_a_function_that_isolates_tenants_gets_no_records(world: World) -> None:
    version = replace(world.function.versions["$LATEST"], tenant_isolation=True)
    world.catalog.publish(replace(world.function, versions={"$LATEST": version}))
    world.source.put(record("a"))
    await asyncio.sleep(5)
    assert (world.requests, world.source.held) == ([], [])
