"""Asynchronous invocation: events that are on disk before they are accepted, and run until done.

Owns: when an event runs, and what its outcome leads to (retry.py has the rules; event_queue.py is
where events wait). It runs whatever the function, version or alias is at that moment. Destinations
and dead letters attach at `on_over`, which is told before the event is deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import Limits
from lambdad.core.value import replace
from lambdad.engines.queue.records import Outgoing
from lambdad.functions.names import LATEST
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.durable_invoker import DurableInvoker
from lambdad.invoke.event_queue import AsyncEvent, EventQueue, HeldEvent
from lambdad.invoke.lineage import RecursiveInvocationException
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.invoke.resolve import resolve
from lambdad.invoke.retry import Again, Outcome, Over, Progress, decide
from lambdad.runtime.invocation import InvokeRequest, InvokeResult

_RUNNABLE = ("Active", "Inactive")
_STORE_AGAIN_S = 1.0

OnOver = Callable[
    [AsyncEvent, bytes, Over, InvokeResult | None], Awaitable[Sequence[Outgoing] | None]
]
"""Told of an event that is over: the event, its payload, why, and its last result if it ran. What
it returns is sent in the transaction that deletes the event: once, whenever a crash comes."""


class AsyncInvoker:
    """Accepts events and sees them through."""

    def __init__(
        self,
        queue: EventQueue,
        invoker: DurableInvoker,
        catalog: Catalog,
        clock: Clock,
        limits: Limits,
        draw: Callable[[], float],
    ) -> None:
        self.on_over: OnOver | None = None
        self.loops: LoopGuard | None = None
        self._queue = queue
        self._invoker = invoker
        self._catalog = catalog
        self._clock = clock
        self._limits = limits
        self._draw = draw
        self._running: set[asyncio.Task[None]] = set()
        self._storing: set[asyncio.Task[None]] = set()
        self._place = asyncio.Event()
        self._feeder: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what an earlier process left, and run what becomes due."""
        await self._queue.open()
        self._feeder = asyncio.get_running_loop().create_task(self._feed())

    async def close(self) -> None:
        """Run nothing any more. Events in flight are given back at the next start."""
        tasks = [*self._running, *self._storing, *([self._feeder] if self._feeder else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def accept(
        self,
        account: AccountId,
        region: Region,
        name: str,
        qualifier: str | None,
        request: InvokeRequest,
    ) -> None:
        """Take an event; it is on disk when this returns. Raises QueueFull, LaneFull."""
        now_ms = self._clock.wall_ms()
        event = AsyncEvent(
            account=account,
            region=region,
            name=name,
            qualifier=qualifier,
            request_id=request.request_id,
            invoked_arn=request.invoked_arn,
            trace_header=request.trace_header,
            progress=Progress(accepted_ms=now_ms),
            tenant_id=request.tenant_id,
        )
        # To its end also where the caller gives up: an event that is held must be run.
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        work = self._accept(event, request.payload, stored)
        task = asyncio.get_running_loop().create_task(work)
        self._storing.add(task)
        task.add_done_callback(self._ran)
        task.add_done_callback(lambda _: stored.cancel())  # closed before anybody knows: no answer
        await stored

    async def _accept(
        self, event: AsyncEvent, payload: bytes, stored: asyncio.Future[None]
    ) -> None:
        """Store an event and, where there is room, run it in the same breath."""
        task = asyncio.current_task()
        assert task is not None
        try:
            held = await self._queue.put(event, payload, hold=self._has_room())
        except Exception as error:
            if not stored.done():
                stored.set_exception(error)
            return
        if not stored.done():
            stored.set_result(None)
        if held is not None:
            self._storing.discard(task)
            self._running.add(task)
            await self._run(held)

    def _has_room(self) -> bool:
        begun = len(self._running) + len(self._storing)
        return self._feeder is not None and begun <= self._limits.async_in_flight

    # -- running ------------------------------------------------------------------------------

    async def _feed(self) -> None:
        while True:
            self._place.clear()
            if len(self._running) >= self._limits.async_in_flight:
                await self._place.wait()
                continue
            await self._queue.due()
            free = self._limits.async_in_flight - len(self._running)
            if free > 0:
                await self._take(free)

    async def _take(self, free: int) -> None:
        try:
            for held in await self._queue.take(free):
                self._spawn(held)
        except AwsError:  # the disk is full, or the lane: later, then
            await asyncio.sleep(_STORE_AGAIN_S)

    def _spawn(self, held: HeldEvent) -> None:
        task = asyncio.get_running_loop().create_task(self._run(held))
        self._running.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._storing.discard(task)
        self._running.discard(task)
        self._place.set()

    async def _run(self, held: HeldEvent) -> None:
        event, payload = held.event, held.payload
        self._queue.started(event)
        outcome, result = await self._attempt(event, payload)
        if outcome is Outcome.BEGUN:
            await _until_stored(lambda: self._queue.over(held, ()))
            return
        decision = decide(event.progress, outcome, self._clock.wall_ms(), self._limits_of(event))
        if isinstance(decision, Again):
            changed, due_ms = replace(event, progress=decision.progress), decision.due_ms
            await _until_stored(lambda: self._queue.again(held, changed, due_ms))
            return
        outgoing: Sequence[Outgoing] = ()
        if self.on_over is not None:
            outgoing = await self.on_over(event, payload, decision, result) or ()
        await _until_stored(lambda: self._queue.over(held, outgoing))

    def _limits_of(self, event: AsyncEvent) -> Limits:
        """The limits, narrowed by what the function's owner set for the qualifier."""
        function = self._catalog.get(event.account, event.region, event.name)
        own = function.event_invokes.get(event.qualifier or LATEST) if function else None
        if own is None:
            return self._limits
        attempts, max_age_s = self._limits.async_attempts, self._limits.async_max_age_s
        if own.maximum_retries is not None:
            attempts = own.maximum_retries + 1
        return replace(
            self._limits, async_attempts=attempts, async_max_age_s=own.maximum_age_s or max_age_s
        )

    async def _attempt(
        self, event: AsyncEvent, payload: bytes
    ) -> tuple[Outcome, InvokeResult | None]:
        function = self._catalog.get(event.account, event.region, event.name)
        if function is None:
            return Outcome.GONE, None
        if function.reserved_concurrency == 0:
            return Outcome.ZERO_CONCURRENCY, None
        target = resolve(function, event.qualifier, self._draw())
        if target is None:
            return Outcome.GONE, None
        if self.loops is not None:
            try:
                trace_header = self.loops.enter(event.trace_header, function)
            except RecursiveInvocationException:
                return Outcome.LOOP, None
            event = replace(event, trace_header=trace_header)
        return await self._invoke(target, event, payload)

    async def _invoke(
        self, target: FunctionVersion, event: AsyncEvent, payload: bytes
    ) -> tuple[Outcome, InvokeResult | None]:
        if target.state not in _RUNNABLE:
            return Outcome.NOT_RUN, None
        request = InvokeRequest(
            event.request_id,
            payload,
            event.invoked_arn,
            trace_header=event.trace_header,
            tenant_id=event.tenant_id,
            queued=True,
        )
        try:
            if target.durable is not None:
                await self._invoker.begin(target, request)
                return Outcome.BEGUN, None
            result = await self._invoker.invoke(target, request)
        except AwsError:
            return Outcome.NOT_RUN, None
        except Exception as error:  # a bug of ours must not cost the event
            context = {"message": "an asynchronous invocation failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return Outcome.NOT_RUN, None
        failed = result.function_error is not None
        return (Outcome.FUNCTION_ERROR if failed else Outcome.SUCCESS), result


async def _until_stored(store: Callable[[], Awaitable[None]]) -> None:
    """Repeat a write that the lane refuses for now: an outcome must not get lost."""
    while True:
        try:
            await store()
        except AwsError:
            await asyncio.sleep(_STORE_AGAIN_S)
        else:
            return
