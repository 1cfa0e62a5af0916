"""Invoking whatever it is: a durable function as an execution, any other function as it is.

Owns what a durable execution looks like to those who know only invocations: event source mappings
and function URLs wait for the end of the execution, asynchronous events only see it begun. The
request id is the execution's name, so who asks again under the same id finds the same execution.

Source: Lambda developer guide, "Invoking durable functions", "Event source mappings with durable
functions".
"""

from __future__ import annotations

from typing import Protocol

from lambdad.core.limits import Limits
from lambdad.engines.durable.errors import DurableExecutionAlreadyStartedException
from lambdad.engines.durable.execution import Execution, ExecutionStatus
from lambdad.engines.durable.output import function_error
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.durable_start import Start
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.runtime.response_stream import ResponseStream


class Executions(Protocol):
    """`invoke.durable`, as far as it is used here."""

    async def begin(self, start: Start) -> Execution: ...

    async def closed(self, execution_id: str) -> Execution: ...


class Invoker(Protocol):
    """`invoke.invoker`, likewise."""

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult: ...

    async def stream(self, target: FunctionVersion, request: InvokeRequest) -> ResponseStream: ...


class DurableInvoker:
    """An Invoker that knows durable functions. Raises what both of its parts raise."""

    def __init__(self, invoker: Invoker, executions: Executions, limits: Limits) -> None:
        self._invoker = invoker
        self._executions = executions
        self._longest_s = limits.durable_synchronous_s

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        """Run it to its end. An execution is given no longer than a function may run."""
        if target.durable is None:
            return await self._invoker.invoke(target, request)
        begun = await self._executions.begin(_start(target, request, self._longest_s))
        return _result(await self._executions.closed(begun.id))

    async def stream(self, target: FunctionVersion, request: InvokeRequest) -> ResponseStream:
        """Only of functions that are not durable: those cannot stream."""
        return await self._invoker.stream(target, request)

    async def begin(self, target: FunctionVersion, request: InvokeRequest) -> None:
        """Begin an execution of a durable function; returns when it is on disk. One that has begun
        under this request id, maybe of the version that an alias meant then, is left to run."""
        try:
            await self._executions.begin(_start(target, request, None))
        except DurableExecutionAlreadyStartedException:
            return


def _start(target: FunctionVersion, request: InvokeRequest, longest_s: int | None) -> Start:
    return Start(
        target,
        request.payload,
        longest_s is not None,
        request.trace_header,
        request.request_id,
        tenant_id=request.tenant_id,
        longest_s=longest_s,
    )


def _result(execution: Execution) -> InvokeResult:
    """As the invocation of a function that is not durable would have ended. It is billed by its
    own invocations."""
    succeeded = execution.status is ExecutionStatus.SUCCEEDED
    error = execution.error or {}
    payload = (execution.result or "null").encode() if succeeded else function_error(error)
    return InvokeResult(
        payload=payload,
        function_error=None if succeeded else "Unhandled",
        executed_version=execution.origin.version,
        log_tail=None,
        duration_ms=(execution.ended_ms or 0) - execution.origin.started_ms,
        billed_ms=0,
        error_type=None if succeeded else error.get("ErrorType"),
    )
