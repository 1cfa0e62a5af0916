"""Running batches of one mapping: which function, what it is sent, what its answer leads to.

Owns a batch from the moment it is gathered until its records are done or left to come back: the
filters, the loop guard, runs that were refused and are tried again, partial failures, counts. Never
loses a record: what is not told to be done comes back from its source.

Source: Lambda developer guide, "Handling errors for an SQS event source"; semantics §4.2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import new_request_id
from lambdad.core.value import Value
from lambdad.events.batch import Batch
from lambdad.events.filter import Filters
from lambdad.events.mapping import EventSourceMapping
from lambdad.events.record import Record, event_of
from lambdad.events.retry import REPORTS_FAILURES, failed_items
from lambdad.events.source import Reader, Source, SourceUnavailable
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion
from lambdad.invoke.lineage import RecursiveInvocationException, merged, new_trace
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.telemetry.counters import Counters, Metric

EVENT_COUNT = "EventCount"
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 10.0
_STORE_AGAIN_S = 1.0
_RUNNABLE = ("Active", "Inactive")
_log = logging.getLogger(__name__)


class Invoker(Protocol):
    """`invoke.invoker`, as far as a delivery uses it."""

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        """Raises AwsError where nothing ran."""
        ...


class Plane(Value):
    """What every delivery works with."""

    catalog: Catalog
    invoker: Invoker
    loops: LoopGuard
    counters: Counters
    clock: Clock
    draw: Callable[[], float]
    """A random number in [0, 1): which version a weighted alias means this time."""


class Delivery:
    """Of one mapping."""

    def __init__(
        self, mapping: EventSourceMapping, source: Source, filters: Filters, plane: Plane
    ) -> None:
        self.mapping = mapping
        self._source = source
        self._filters = filters
        self._plane = plane
        self._key = mapping.function
        self._reports = REPORTS_FAILURES in mapping.response_types
        self._counts = EVENT_COUNT in (mapping.metrics or ())

    def check_readable(self) -> int:
        """Whether the source may be read for the function as it is now, and how long it may run,
        in seconds. Raises SourceUnavailable."""
        target = self._target()[1]
        self._source.may_read(self.mapping.source_arn, target)
        return target.timeout_s

    def sorted_out(self, records: Sequence[Record]) -> tuple[Sequence[Record], Sequence[Record]]:
        """What the function is to get, and what the filters drop."""
        self._count("PolledEventCount", len(records))
        if not self._filters:
            return records, ()
        passing = [self._filters.accept(record.members) for record in records]
        accepted = [each for each, passes in zip(records, passing, strict=True) if passes]
        dropped = [each for each, passes in zip(records, passing, strict=True) if not passes]
        self._count("FilteredOutEventCount", len(dropped))
        return accepted, dropped

    async def forget(self, reader: Reader, records: Sequence[Record]) -> None:
        """They need not come again; durable when this returns."""
        await _until_stored(lambda: reader.done(records))
        self._count("DeletedEventCount", len(records))

    async def deliver(self, batch: Batch, held_until_ms: int) -> Batch:
        """Run the function with a batch, again where it was refused. The records that it has done,
        which are to be forgotten."""
        result, ran = await self._run(batch, held_until_ms)
        if result is None:
            return ()
        self._count("InvokedEventCount", len(ran))
        done = self._done(ran, result)
        self._count("FailedInvokeEventCount", len(ran) - len(done))
        return done

    def _done(self, batch: Batch, result: InvokeResult) -> Batch:
        if result.function_error is not None:
            return ()
        if not self._reports:
            return batch
        failed = failed_items(result.payload, {record.id for record in batch})
        return [record for record in batch if record.id not in failed]

    # -- one run ------------------------------------------------------------------------------

    async def _run(self, batch: Batch, held_until_ms: int) -> tuple[InvokeResult | None, Batch]:
        """The result and what was really sent; None where nothing ran before the records came
        back by themselves. Throttles and faults of the platform are tried again until then."""
        request_id, backoff_s = new_request_id(), _FIRST_BACKOFF_S
        while True:
            try:
                function, target = self._target()
                batch, trace = self._unlooped(batch, function)
                if not batch:
                    return None, batch
                request = InvokeRequest(
                    request_id, event_of(batch), self.mapping.function_arn, trace_header=trace
                )
                return await self._plane.invoker.invoke(target, request), batch
            except AwsError as error:
                _log.debug("event source mapping %s: %s", self.mapping.id, error)
            if self._plane.clock.wall_ms() + backoff_s * 1000 >= held_until_ms:
                return None, batch
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)

    def _target(self) -> tuple[Function, FunctionVersion]:
        """The function as it is now, and the version that runs this time."""
        account, region, name, qualifier = self._key
        function = self._plane.catalog.get(account, region, name)
        target = resolve(function, qualifier, self._plane.draw()) if function else None
        if function is None or target is None or target.state not in _RUNNABLE:
            raise SourceUnavailable(f"The function {self.mapping.function_arn} cannot be invoked.")
        if target.tenant_isolation:  # made anew, since the mapping was: records have no tenant
            raise SourceUnavailable(f"The function {self.mapping.function_arn} isolates tenants.")
        return function, target

    def _unlooped(self, batch: Batch, function: Function) -> tuple[Batch, str]:
        """The records that are not in a loop, and the trace header that they run with. The others
        are left to the source's own rules for what is never done (a dead-letter queue)."""
        kept = [record for record in batch if not self._is_looped(record, function)]
        if not kept:
            return kept, ""
        header = merged(record.trace_header for record in kept)
        header = header or new_trace(self._plane.clock.wall_ms() // 1000)
        return kept, self._plane.loops.enter(header, function)

    def _is_looped(self, record: Record, function: Function) -> bool:
        try:
            self._plane.loops.enter(record.trace_header, function)
        except RecursiveInvocationException:
            return True
        return False

    def _count(self, name: str, value: int) -> None:
        """Only where the mapping's owner asked for it."""
        if self._counts and value:
            dimensions = (("EventSourceMappingUUID", self.mapping.id),)
            self._plane.counters.add(Metric("AWS/Lambda", name, dimensions), value)


async def _until_stored(store: Callable[[], Awaitable[None]]) -> None:
    """Repeat a write that the lane refuses for now, so that what is done is not done again."""
    while True:
        try:
            await store()
        except AwsError as error:
            _log.warning("deleting finished events: %s", error)
            await asyncio.sleep(_STORE_AGAIN_S)
        else:
            return
