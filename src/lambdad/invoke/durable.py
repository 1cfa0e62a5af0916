"""Durable executions, seen through: their functions are invoked when they are due, until the end.

Owns: one change of an execution at a time, one invocation of it at a time, and that every change
which asks for an invocation begins it in the same commit. Time is looked at when the store says
that something is due, never by polling. What a change is, the pure functions of `engines/durable`
decide. After a crash every execution goes on from what is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import new_request_id
from lambdad.core.limits import Limits
from lambdad.engines.durable.chained import Ending, ended, ending_of
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.course import invoking, lost, reported, returned, started
from lambdad.engines.durable.errors import (
    ResourceConflictException,
    ResourceNotFoundException,
    already_started,
    no_such_execution,
)
from lambdad.engines.durable.execution import (
    Execution,
    Invocation,
    Operation,
    OperationStatus,
    Origin,
)
from lambdad.engines.durable.protocol import (
    CheckpointAnswer,
    CheckpointRequest,
    check_token,
    checkpointed,
    repeated,
)
from lambdad.engines.durable.store import DurableStore
from lambdad.engines.durable.timers import advance, ready_ms, timer_ms
from lambdad.functions.locks import KeyedLocks, uninterrupted
from lambdad.invoke.durable_chained import ChainedInvokes, error_of
from lambdad.invoke.durable_invocation import DurableInvocations
from lambdad.invoke.durable_start import Start, origin_of

Step = Callable[[Execution, int], Change]
"""(execution, now in epoch ms) → what becomes of it; raises what the caller is answered."""
OnFailure = Callable[[Execution], Awaitable[None]]
"""Told of an execution that failed and whose event is to become a dead letter, after each crash
again until it has returned. Does not raise."""
_BATCH = 256
"""Executions looked at in one go."""
_STORE_AGAIN_S = 1.0
_NEVER_MS = 2**62
_LONGEST_SLEEP_S = 86_400.0


class DurableRunner:
    """Begins executions, changes them, and sees them through."""

    def __init__(
        self,
        store: DurableStore,
        invocations: DurableInvocations,
        chained: ChainedInvokes,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self.on_failure: OnFailure | None = None
        self.store = store
        self._invocations = invocations
        self._chained_invokes = chained
        self._clock = clock
        self._limits = limits
        self._locks: KeyedLocks[str] = KeyedLocks()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()
        """Invocations under way, by their id."""
        self._returned: set[str] = set()
        """Invocations that are over and whose outcome is still to be stored."""
        self._chaining: set[tuple[str, str]] = set()
        """Chained invokes under way, by execution and operation."""
        self._reporting: set[str] = set()
        """Executions whose failure is being told."""
        self._waiting: dict[str, list[asyncio.Future[Execution]]] = {}
        self._wake = asyncio.Event()
        self._next_ms = 0

    async def start(self) -> None:
        """Go on with what an earlier process left, and with what becomes due."""
        for execution_id in await self.store.open():
            self._follow(await self.change(execution_id, lost))
        self._spawn(self._feed())

    async def close(self) -> None:
        """Invoke nothing any more. Invocations under way are made again at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look for what is due now: a place became free, or time has jumped."""
        self._wake.set()

    # -- what callers ask ---------------------------------------------------------------------

    async def begin(self, start: Start) -> Execution:
        """Begin an execution; it is on disk when this returns. If there is one of the same name,
        version and input already, that one.

        Raises DurableExecutionAlreadyStartedException for a name that is taken,
        ResourceConflictException at the quota, LaneFull."""
        return await uninterrupted(self._begin(start))

    async def closed(self, execution_id: str) -> Execution:
        """The execution at its end. Raises ResourceNotFoundException."""
        async with self._locks.holding(execution_id):
            execution = await self.get(execution_id)
            if execution.status.closed:
                return execution
            future: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
            waiting = self._waiting.setdefault(execution_id, [])
            waiting.append(future)
        try:
            return await future
        finally:
            waiting.remove(future)
            if not waiting and self._waiting.get(execution_id) is waiting:
                del self._waiting[execution_id]

    async def get(self, execution_id: str) -> Execution:
        """The execution as it is. Raises ResourceNotFoundException."""
        execution = await self.store.get(execution_id)
        if execution is None:
            raise no_such_execution()
        return execution

    async def change(self, execution_id: str, step: Step) -> Execution:
        """Change an execution; the change is on disk when this returns, even if the caller goes
        away meanwhile. Raises what `step` raises, ResourceNotFoundException, LaneFull."""
        return await uninterrupted(self._change(execution_id, step))

    async def checkpoint(self, execution_id: str, request: CheckpointRequest) -> CheckpointAnswer:
        """CheckpointDurableExecution. Raises InvalidParameterValueException."""
        return await uninterrupted(self._checkpoint(execution_id, request))

    async def delete(self, execution_id: str) -> None:
        """Forget a closed execution. Raises ResourceNotFoundException, and
        ResourceConflictException of one that is open."""
        await uninterrupted(self._delete(execution_id))

    # -- changes ------------------------------------------------------------------------------

    async def _begin(self, start: Start) -> Execution:
        now_ms = self._clock.wall_ms()
        given = start.payload.decode(errors="replace") or "{}"
        change = self._invoked(started(origin_of(start, now_ms), given), now_ms)
        execution = change.execution
        other = await self.store.create(change)
        if other is None:
            self._follow(execution)
            return execution
        if (other.origin.version, other.root.input) != (execution.origin.version, given):
            raise already_started(other.origin.arn)
        return other

    async def _change(self, execution_id: str, step: Step) -> Execution:
        async with self._locks.holding(execution_id):
            execution = await self.get(execution_id)
            now_ms = self._clock.wall_ms()
            return await self._commit(execution, step(execution, now_ms), now_ms)

    async def _checkpoint(self, execution_id: str, request: CheckpointRequest) -> CheckpointAnswer:
        async with self._locks.holding(execution_id):
            found = await self.store.get(execution_id)
            now_ms = self._clock.wall_ms()
            again = repeated(found, request, now_ms)
            if again is not None:
                return again
            execution = check_token(found, execution_id, request.token)
            resolve = partial(self._chained_invokes.resolve, execution.origin)
            change, answer = checkpointed(execution, request, now_ms, self._limits, resolve)
            await self._commit(execution, change, now_ms)
            return answer

    async def _delete(self, execution_id: str) -> None:
        async with self._locks.holding(execution_id):
            execution = await self.get(execution_id)
            if not execution.status.closed:
                raise ResourceConflictException(
                    f"The durable execution cannot be deleted in status {execution.status}."
                )
            await self.store.remove(execution)

    async def _commit(self, before: Execution, change: Change, now_ms: int) -> Execution:
        change = self._invoked(change, now_ms)
        if change.execution is not before:
            await self.store.replace(before, change)
            self._follow(change.execution)
        return change.execution

    def _invoked(self, change: Change, now_ms: int) -> Change:
        """The change, and the beginning of the invocation that it asks for, if there is room."""
        ready = ready_ms(change.execution)
        if ready is None or ready > now_ms or len(self._running) >= self._limits.durable_in_flight:
            return change
        return change.then(lambda found: invoking(found, new_request_id(), now_ms))

    def _follow(self, execution: Execution) -> None:
        """Do what a change that is on disk asks for."""
        invocation = execution.invocation
        if invocation is not None and invocation.id not in self._running | self._returned:
            self._running.add(invocation.id)
            self._spawn(self._run(execution, invocation))
        if execution.status.closed:
            for future in self._waiting.pop(execution.id, ()):
                if not future.done():
                    future.set_result(execution)
            if execution.owes_report and execution.id not in self._reporting:
                self._reporting.add(execution.id)
                self._spawn(self._report(execution))
        else:
            for operation in execution.chained:
                self._chain(execution, operation)
        moments = (timer_ms(execution), ready_ms(execution))
        if any(moment is not None and moment < self._next_ms for moment in moments):
            self.wake()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- invocations --------------------------------------------------------------------------

    async def _run(self, execution: Execution, invocation: Invocation) -> None:
        outcome = await self._invocations.run(execution, invocation)

        def over(found: Execution, now_ms: int) -> Change:
            return returned(found, invocation.id, outcome, now_ms, self._limits)

        # Its place is free now: what follows from it may be the next invocation.
        self._running.discard(invocation.id)
        self._returned.add(invocation.id)
        try:
            await self._until_stored(execution.id, over)
        finally:
            self._returned.discard(invocation.id)
        self.wake()

    def _chain(self, execution: Execution, operation: Operation) -> None:
        key = (execution.id, operation.id)
        if key not in self._chaining:
            self._chaining.add(key)
            self._spawn(self._run_chained(execution, operation))

    async def _run_chained(self, execution: Execution, operation: Operation) -> None:
        if operation.child_arn is None:
            ending = await self._chained_invokes.run(execution.origin, operation)
        else:
            ending = await self._child(execution.origin, operation, operation.child_arn)

        def over(found: Execution, now_ms: int) -> Change:
            return ended(found, operation.id, ending, now_ms, self._limits)

        await self._until_stored(execution.id, over)
        self._chaining.discard((execution.id, operation.id))

    async def _child(self, origin: Origin, operation: Operation, arn: str) -> Ending:
        """The end of the execution that the operation is. It is begun here, unless that was done
        before a crash."""
        execution_id = arn.rpartition("/")[2]
        try:
            if await self.store.get(execution_id) is None:
                await self.begin(self._chained_invokes.child(origin, operation, arn))
            return ending_of(await self.closed(execution_id))
        except AwsError as error:
            return Ending(OperationStatus.FAILED, error=error_of(error))

    async def _report(self, execution: Execution) -> None:
        if self.on_failure is not None:
            await self.on_failure(execution)
        await self._until_stored(execution.id, reported)
        self._reporting.discard(execution.id)

    # -- time ---------------------------------------------------------------------------------

    async def _feed(self) -> None:
        while True:
            self._wake.clear()
            try:
                found = await self._feed_once(self._clock.wall_ms())
            except Exception as error:  # one bad row must not stop all executions
                context = {"message": "durable executions stand still", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
                await asyncio.sleep(_STORE_AGAIN_S)
                continue
            if not found:
                await self._sleep_until(self._next_ms)

    async def _feed_once(self, now_ms: int) -> bool:
        """See to what is due; whether anything was."""
        free = max(0, self._limits.durable_in_flight - len(self._running))
        due = await self.store.due(now_ms, _BATCH, min(free, _BATCH))
        self._next_ms = due.next_ms if due.next_ms is not None else _NEVER_MS
        for execution_id in due.timers:
            await self._advance(execution_id, now_ms)
        for execution_id in due.ready:
            await self._until_stored(execution_id, _as_it_is)
        return bool(due.timers or due.ready)

    async def _advance(self, execution_id: str, now_ms: int) -> None:
        execution = await self.store.get(execution_id)
        if execution is None:
            return
        if not execution.status.closed:
            await self._until_stored(execution_id, advance)
        elif timer_ms(execution) <= now_ms:
            await self.delete(execution_id)

    async def _sleep_until(self, due_ms: int) -> None:
        timeout_s = max(0, due_ms - self._clock.wall_ms()) / 1000
        # Not wait_for: before Python 3.12 it may swallow the cancellation that ends this task.
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout_s, _LONGEST_SLEEP_S)):
                await self._wake.wait()

    async def _until_stored(self, execution_id: str, step: Step) -> None:
        """Repeat a change that the lane refuses for now: an outcome must not get lost. An
        execution that is gone needs none."""
        while True:
            try:
                await self.change(execution_id, step)
            except ResourceNotFoundException:
                return
            except AwsError:
                await asyncio.sleep(_STORE_AGAIN_S)
            else:
                return


def _as_it_is(execution: Execution, _: int) -> Change:
    return Change(execution)
