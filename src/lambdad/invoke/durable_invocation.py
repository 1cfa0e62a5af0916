"""One invocation of a durable function: what it is sent, and what comes of it.

Owns the event of AWS's durable execution protocol and how a run becomes an Outcome. Changes no
execution.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import orjson

from lambdad.core.errors import AwsError
from lambdad.core.ids import RequestId
from lambdad.core.limits import Limits
from lambdad.engines.durable.execution import Execution, Invocation, OperationType
from lambdad.engines.durable.output import (
    Breach,
    Failure,
    NotRun,
    Outcome,
    answer_of,
    failure_of,
)
from lambdad.engines.durable.protocol import state_page
from lambdad.engines.durable.shapes import operation_shape
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.runtime.invocation import InvokeRequest, InvokeResult

RUNNABLE = ("Active", "Inactive")


class RunsFunctions(Protocol):
    """The part of `invoke.invoker.Invoker` that is needed."""

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult: ...


class DurableInvocations:
    """Makes them."""

    def __init__(self, invoker: RunsFunctions, catalog: Catalog, limits: Limits) -> None:
        self._invoker = invoker
        self._catalog = catalog
        self._limits = limits

    async def run(self, execution: Execution, invocation: Invocation) -> Outcome:
        """Run the execution's function once, always the same version of it."""
        origin = execution.origin
        function = self._catalog.get(origin.account, origin.region, origin.function)
        target = function.versions.get(origin.version) if function is not None else None
        if target is None:
            text = f"Function not found: {origin.function_arn}"
            return Breach(text, "ResourceNotFoundException")
        if target.state not in RUNNABLE:
            return NotRun()
        request = InvokeRequest(
            RequestId(invocation.id),
            orjson.dumps(event_of(execution, invocation, self._limits)),
            origin.function_arn,
            trace_header=origin.trace_header,
            tenant_id=origin.tenant_id,
        )
        result = await attempt(self._invoker, target, request)
        if result is None:
            return NotRun()
        if result.function_error is not None:
            return Failure(failure_of(result.payload, result.error_type))
        return answer_of(result.payload)


def event_of(execution: Execution, invocation: Invocation, limits: Limits) -> dict[str, Any]:
    """The event that AWS's SDKs take for the beginning, or the continuation, of an execution."""
    page = state_page(execution, 0, limits.durable_operations, limits)
    updated = [
        operation.id
        for operation in execution.operations.values()
        if operation.changed > invocation.since and operation.type is not OperationType.EXECUTION
    ]
    return {
        "DurableExecutionArn": execution.origin.arn,
        "CheckpointToken": execution.token,
        "InitialExecutionState": {
            "Operations": [operation_shape(at, int) for at in page.operations],
            "NextMarker": "" if page.next_position is None else str(page.next_position),
        },
        "UpdatedOperationIds": updated,
    }


async def attempt(
    invoker: RunsFunctions, target: FunctionVersion, request: InvokeRequest
) -> InvokeResult | None:
    """The result of a run, or None where the function was not reached."""
    try:
        return await invoker.invoke(target, request)
    except AwsError:
        return None
    except Exception as error:  # a bug of ours must not cost the execution
        context = {"message": "an invocation of a durable execution failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
        return None
