"""What time does to an execution: waits end, steps become ready, callbacks and executions time
out, closed executions expire. Pure; somebody else looks at the clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.engines.durable.change import Change, Draft, error_payload
from lambdad.engines.durable.execution import (
    Execution,
    ExecutionStatus,
    Operation,
    OperationStatus,
    OperationType,
)

_DAY_MS = 86_400_000
_LONGEST_MS = 366 * _DAY_MS
"""No execution runs longer, paused or not (PauseDurableExecution, `ExecutionTimeoutPaused`)."""


def advance(execution: Execution, now_ms: int) -> Change:
    """All that has become due by now."""
    if execution.status.closed:
        return Change(execution)
    draft = Draft(execution, now_ms)
    if timeout_ms(execution) <= now_ms:
        seconds = execution.origin.timeout_s
        error = {"ErrorMessage": f"Execution timed out after {seconds} seconds."}
        draft.close(ExecutionStatus.TIMED_OUT, error=error)
        return draft.done()
    due = [at for at in execution.operations.values() if _due_ms(at, now_ms + 1) <= now_ms]
    for operation in due:
        _fire(draft, operation)
    if due:
        draft.set(wanted=True)
    return draft.done()


def timer_ms(execution: Execution) -> int:
    """When `advance` will have something to do, or a closed execution is forgotten."""
    if execution.ended_ms is not None:
        return execution.ended_ms + execution.origin.retention_days * _DAY_MS
    timeout = timeout_ms(execution)
    return min((_due_ms(at, timeout) for at in execution.operations.values()), default=timeout)


def ready_ms(execution: Execution) -> int | None:
    """When the function should be invoked, if it should."""
    if (
        execution.status is ExecutionStatus.RUNNING
        and execution.wanted
        and execution.invocation is None
    ):
        return execution.not_before_ms
    return None


def timeout_ms(execution: Execution) -> int:
    """When the execution times out. A pause may hold that up; it is added when the pause ends."""
    if execution.paused_ms is not None and execution.pause and execution.pause.timeout_paused:
        return execution.origin.started_ms + _LONGEST_MS
    return execution.deadline_ms


def extended_deadline_ms(execution: Execution, now_ms: int) -> int:
    """The deadline after a pause that ends now."""
    if execution.paused_ms is None or not (execution.pause and execution.pause.timeout_paused):
        return execution.deadline_ms
    latest = execution.origin.started_ms + _LONGEST_MS
    return min(execution.deadline_ms + now_ms - execution.paused_ms, latest)


def _due_ms(operation: Operation, never_ms: int) -> int:
    if operation.status.closed or operation.type is OperationType.EXECUTION:
        return never_ms
    return min(_moments(operation), default=never_ms)


def _moments(operation: Operation) -> Iterator[int]:
    if operation.due_ms is not None:
        yield operation.due_ms
    if operation.heartbeat_due_ms is not None:
        yield operation.heartbeat_due_ms


def _fire(draft: Draft, operation: Operation) -> None:
    if operation.type is OperationType.WAIT:
        done = draft.alter(operation, status=OperationStatus.SUCCEEDED, ended_ms=draft.now_ms)
        draft.event("WaitSucceeded", {"Duration": operation.wait_s}, done)
    elif operation.type is OperationType.STEP:
        draft.alter(operation, status=OperationStatus.READY, due_ms=None)
    else:
        _time_out_callback(draft, operation)


def _time_out_callback(draft: Draft, callback: Operation) -> None:
    """Whichever comes first, the timeout or a missing heartbeat; AWS's history names the type."""
    beat_ms, due_ms = callback.heartbeat_due_ms, callback.due_ms
    if beat_ms is not None and (due_ms is None or beat_ms < due_ms):
        kind, message = "Callback.Heartbeat", "Callback timed out on heartbeat"
    else:
        kind, message = "Callback.Timeout", "Callback timed out"
    over = draft.alter(
        callback,
        status=OperationStatus.TIMED_OUT,
        ended_ms=draft.now_ms,
        error={"ErrorMessage": message, "ErrorType": kind},
    )
    draft.event("CallbackTimedOut", {"Error": error_payload({"ErrorType": kind})}, over)
