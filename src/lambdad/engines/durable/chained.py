"""Chained invokes: an operation that is the invocation of another function. Pure; who resolves
and invokes the target is told what to do by whoever calls this (`invoke/durable.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.engines.durable.change import (
    Change,
    Draft,
    error_bytes,
    error_payload,
    payload,
    text_bytes,
)
from lambdad.engines.durable.checkpoint import stored_complaint
from lambdad.engines.durable.execution import (
    ErrorObject,
    Execution,
    ExecutionStatus,
    Operation,
    OperationStatus,
    OperationType,
)


class Target(Value):
    """What a chained invoke will invoke."""

    version: str
    child_arn: str | None = None
    """The execution that it will be, of a durable function."""


class Ending(Value):
    """How a chained invoke ended."""

    UNSHOWN = ("result", "error")

    status: OperationStatus
    result: str | None = None
    error: ErrorObject | None = None


Resolve = Callable[[Operation], Target | ErrorObject]
"""What an operation means, or why it cannot be: AWS's error code as `ErrorType`."""
_ENDINGS = {
    ExecutionStatus.SUCCEEDED: OperationStatus.SUCCEEDED,
    ExecutionStatus.TIMED_OUT: OperationStatus.TIMED_OUT,
    ExecutionStatus.STOPPED: OperationStatus.STOPPED,
}
_EVENTS = {
    OperationStatus.SUCCEEDED: "ChainedInvokeSucceeded",
    OperationStatus.FAILED: "ChainedInvokeFailed",
    OperationStatus.TIMED_OUT: "ChainedInvokeTimedOut",
    OperationStatus.STOPPED: "ChainedInvokeStopped",
}


def dispatched(execution: Execution, after: int, resolve: Resolve, now_ms: int) -> Change:
    """The chained invokes that were started since change number `after`, resolved. One whose
    target cannot be invoked fails at once, and its history names nothing but the function."""
    draft = Draft(execution, now_ms)
    for operation in execution.operations.values():
        if operation.type is OperationType.CHAINED_INVOKE and operation.changed > after:
            _dispatch(draft, operation, resolve(operation))
    return draft.done()


def _dispatch(draft: Draft, operation: Operation, target: Target | ErrorObject) -> None:
    details: dict[str, Any] = {"FunctionName": operation.function}
    if operation.tenant_id is not None:
        details["TenantId"] = operation.tenant_id
    if not isinstance(target, Target):
        draft.event("ChainedInvokeStarted", details, operation)
        _end(draft, operation, Ending(OperationStatus.FAILED, error=target))
        return
    details |= {"Input": payload(operation.input), "ExecutedVersion": target.version}
    if target.child_arn is not None:
        details["DurableExecutionArn"] = target.child_arn
        draft.alter(operation, child_arn=target.child_arn)
    draft.event("ChainedInvokeStarted", details, operation)


def ended(
    execution: Execution, operation_id: str, ending: Ending, now_ms: int, limits: Limits
) -> Change:
    """The other function is done. Nobody cares any more where the execution is closed. A result
    that the execution has no room for is a failure."""
    operation = execution.operations.get(operation_id)
    if execution.status.closed or operation is None or operation.status.closed:
        return Change(execution)
    stored_bytes = execution.stored_bytes + text_bytes(ending.result) + error_bytes(ending.error)
    if stored_bytes > limits.durable_stored_bytes:
        error = {"ErrorMessage": stored_complaint(limits)}
        ending = Ending(OperationStatus.FAILED, error=error)
    draft = Draft(execution, now_ms)
    _end(draft, operation, ending)
    return draft.done()


def ending_of(child: Execution) -> Ending:
    """What the end of an execution is to the one that chained it."""
    error = child.error
    if child.status is ExecutionStatus.TIMED_OUT:
        error = {
            "ErrorMessage": f"CHAINED_INVOKE timed out after {child.origin.timeout_s} seconds.",
            "ErrorType": "ChainedInvoke.Timeout",
        }
    return Ending(_ENDINGS.get(child.status, OperationStatus.FAILED), child.result, error)


def _end(draft: Draft, operation: Operation, ending: Ending) -> None:
    over = draft.alter(
        operation,
        status=ending.status,
        ended_ms=draft.now_ms,
        result=ending.result,
        error=ending.error,
    )
    if ending.status is OperationStatus.SUCCEEDED:
        details = {"Result": payload(ending.result)}
    else:
        details = {"Error": error_payload(ending.error)}
    draft.event(_EVENTS[ending.status], details, over)
    draft.set(wanted=True)
