"""Asynchronous invocation: events that are on disk before they are accepted, and run until done.

Owns: the event on the queue, when it runs, and what its outcome leads to (retry.py has the
rules). It runs whatever the function, version or alias is at that moment. Destinations and dead
letters attach at `on_over`, which is told before the event is deleted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.core.limits import Limits
from lambdad.engines.queue import DelayedQueue, Message
from lambdad.functions.names import LATEST
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.invoker import Invoker, InvokeRequest, InvokeResult
from lambdad.invoke.resolve import resolve
from lambdad.invoke.retry import Again, Outcome, Over, Progress, decide

_RUNNABLE = ("Active", "Inactive")
_STORE_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class AsyncEvent:
    """What the queue keeps of an event beside its payload."""

    account: AccountId
    region: Region
    name: str
    qualifier: str | None
    request_id: RequestId
    invoked_arn: str
    trace_header: str
    progress: Progress

    def to_header(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_header(cls, header: str) -> AsyncEvent:
        members = json.loads(header)
        members["progress"] = Progress(**members["progress"])
        return cls(**members)


OnOver = Callable[[AsyncEvent, bytes, Over, InvokeResult | None], Awaitable[None]]
"""Told of an event that is over: the event, its payload, why, and its last result if it ran."""


class AsyncInvoker:
    """Accepts events and sees them through."""

    def __init__(
        self,
        queue: DelayedQueue,
        invoker: Invoker,
        catalog: Catalog,
        clock: Clock,
        limits: Limits,
        draw: Callable[[], float],
    ) -> None:
        self.on_over: OnOver | None = None
        self._queue = queue
        self._invoker = invoker
        self._catalog = catalog
        self._clock = clock
        self._limits = limits
        self._draw = draw
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._feeder: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what an earlier process left, and run what becomes due."""
        await self._queue.open()
        self._feeder = asyncio.get_running_loop().create_task(self._feed())

    async def close(self) -> None:
        """Run nothing any more. Events in flight are given back at the next start."""
        tasks = [*self._running, *([self._feeder] if self._feeder else [])]
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
        )
        at_once = self._feeder is not None and len(self._running) < self._limits.async_in_flight
        message = await self._queue.put(event.to_header(), request.payload, now_ms, claimed=at_once)
        if at_once:
            self._spawn(message)
        else:
            self.wake()

    def wake(self) -> None:
        """Look for due events now: one was added, a place became free, or time has jumped."""
        self._wake.set()

    # -- running ------------------------------------------------------------------------------

    async def _feed(self) -> None:
        while True:
            self._wake.clear()
            free = self._limits.async_in_flight - len(self._running)
            if free <= 0:
                await self._wake.wait()
                continue
            claim = await self._queue.claim(free, self._clock.wall_ms())
            for message in claim.messages:
                self._spawn(message)
            if not claim.messages:
                await self._sleep_until(claim.next_due_ms)

    async def _sleep_until(self, due_ms: int | None) -> None:
        timeout_s = None if due_ms is None else max(0, due_ms - self._clock.wall_ms()) / 1000
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except TimeoutError:
            return

    def _spawn(self, message: Message) -> None:
        task = asyncio.get_running_loop().create_task(self._run(message))
        self._running.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.wake()

    async def _run(self, message: Message) -> None:
        event = AsyncEvent.from_header(message.header)
        outcome, result = await self._attempt(event, message.body)
        decision = decide(event.progress, outcome, self._clock.wall_ms(), self._limits_of(event))
        if isinstance(decision, Again):
            header = replace(event, progress=decision.progress).to_header()
            due_ms = decision.due_ms
            await _until_stored(lambda: self._queue.release(message, header, due_ms))
            return
        if self.on_over is not None:
            await self.on_over(event, message.body, decision, result)
        await _until_stored(lambda: self._queue.delete(message))

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
        return await self._invoke(target, event, payload)

    async def _invoke(
        self, target: FunctionVersion, event: AsyncEvent, payload: bytes
    ) -> tuple[Outcome, InvokeResult | None]:
        if target.state not in _RUNNABLE:
            return Outcome.NOT_RUN, None
        request = InvokeRequest(
            event.request_id, payload, event.invoked_arn, trace_header=event.trace_header
        )
        try:
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
