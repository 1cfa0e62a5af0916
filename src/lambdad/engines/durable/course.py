"""The course of an execution: its start, its invocations, its pauses, its end. Pure."""

from __future__ import annotations

from typing import Any

from lambdad.core.limits import Limits
from lambdad.core.value import replace
from lambdad.engines.durable.change import Change, Draft, error_bytes, error_payload, payload
from lambdad.engines.durable.checkpoint import result_complaint
from lambdad.engines.durable.errors import ResourceConflictException
from lambdad.engines.durable.execution import (
    ErrorObject,
    Execution,
    ExecutionStatus,
    Invocation,
    Operation,
    OperationStatus,
    OperationType,
    Origin,
    Request,
)
from lambdad.engines.durable.output import Answer, Breach, Failure, NotRun, Outcome
from lambdad.engines.durable.timers import advance, extended_deadline_ms

_LONGEST_REFUSAL_MS = 60_000
_SAME_REQUEST_MS = 15 * 60_000
"""How long a client token stands for one request."""
_AWAITED = (OperationType.WAIT, OperationType.CALLBACK, OperationType.CHAINED_INVOKE)


def started(origin: Origin, given: str) -> Change:
    """A new execution, with its input."""
    root = Operation(
        id=origin.id,
        type=OperationType.EXECUTION,
        status=OperationStatus.STARTED,
        started_ms=origin.started_ms,
        position=0,
        changed=0,
        name=origin.name,
        input=given,
    )
    deadline_ms = origin.started_ms + origin.timeout_s * 1000
    draft = Draft(Execution(origin, deadline_ms, {}), origin.started_ms)
    details = {"Input": payload(given), "ExecutionTimeout": origin.timeout_s}
    draft.event("ExecutionStarted", details, draft.add(root))
    return draft.done()


def invoking(execution: Execution, invocation_id: str, now_ms: int) -> Change:
    """An invocation begins. It is told everything, so it has seen everything."""
    return Change(
        replace(
            execution,
            invocation=Invocation(invocation_id, now_ms, execution.seen),
            revoked=False,
            wanted=False,
            seen=execution.changes,
            answered=None,
        )
    )


def lost(execution: Execution, now_ms: int) -> Change:
    """The process that ran the invocation is gone: it is made again, from the last checkpoint."""
    if execution.invocation is None:
        return Change(execution)
    draft = Draft(execution, now_ms)
    draft.set(invocation=None, revoked=False, answered=None)
    if not execution.status.closed:
        draft.set(wanted=True)
    if execution.status is ExecutionStatus.PAUSING:
        rest(draft)
    return draft.done()


def returned(
    execution: Execution, invocation_id: str, outcome: Outcome, now_ms: int, limits: Limits
) -> Change:
    """The invocation is over."""
    invocation = execution.invocation
    if invocation is None or invocation.id != invocation_id:
        return Change(execution)
    if isinstance(outcome, Answer):
        outcome = _checked(execution, outcome, limits)
    draft = Draft(execution, now_ms)
    draft.set(invocation=None, revoked=False, answered=None)
    if not isinstance(outcome, NotRun):
        details: dict[str, Any] = {
            "StartTimestamp": invocation.started_ms,
            "EndTimestamp": now_ms,
            "RequestId": invocation.id,
        }
        if outcome.error is not None:
            details["Error"] = error_payload(outcome.error)
        draft.event("InvocationCompleted", details)
    if not execution.status.closed:
        if execution.revoked:
            draft.set(wanted=True)
        else:
            _follow(draft, outcome, limits)
    return draft.done()


def _checked(execution: Execution, answer: Answer, limits: Limits) -> Answer | Breach:
    """The answer, if the execution may be left so."""
    if execution.status.closed or execution.revoked:
        return answer
    if answer.status == "PENDING":
        waits = execution.wanted or execution.unseen or any(map(_awaited, _operations(execution)))
        if waits:
            return answer
        return Breach("Cannot return PENDING status with no pending operations.")
    complaint = result_complaint(execution, answer.result, limits)
    if error_bytes(answer.error) > limits.durable_payload_bytes:
        complaint = (
            f"Error object size must be less than or equal to {limits.durable_payload_bytes} bytes."
        )
    return answer if complaint is None else Breach(complaint)


def _follow(draft: Draft, outcome: Outcome, limits: Limits) -> None:
    """What an invocation leads to, of an execution that is open."""
    execution, now_ms = draft.before, draft.now_ms
    if isinstance(outcome, NotRun):
        delay_ms = min(1000 << min(execution.refusals, 16), _LONGEST_REFUSAL_MS)
        draft.set(wanted=True, refusals=execution.refusals + 1, not_before_ms=now_ms + delay_ms)
    elif isinstance(outcome, Failure):
        failures = execution.failures + 1
        if failures >= limits.durable_invocation_attempts:
            draft.close(ExecutionStatus.FAILED, error=outcome.error)
            return
        delay_ms = 1000 << (failures - 1)
        draft.set(wanted=True, refusals=0, failures=failures, not_before_ms=now_ms + delay_ms)
    elif isinstance(outcome, Breach):
        draft.close(ExecutionStatus.FAILED, error=outcome.error)
        return
    elif outcome.status == "SUCCEEDED":
        draft.close(ExecutionStatus.SUCCEEDED, outcome.result)
        return
    elif outcome.status == "FAILED":
        draft.close(ExecutionStatus.FAILED, error=outcome.error or {})
        return
    else:
        wanted = execution.wanted or bool(execution.unseen)
        draft.set(wanted=wanted, failures=0, refusals=0, not_before_ms=0)
    if execution.status is ExecutionStatus.PAUSING:
        rest(draft)


def reported(execution: Execution, _now_ms: int) -> Change:
    """Its failure has been told."""
    return Change(replace(execution, reported=True))


def stopped(execution: Execution, error: ErrorObject | None, now_ms: int) -> Change:
    """Stop it; of one that is closed nothing changes."""
    if execution.status.closed:
        return Change(execution)
    draft = Draft(execution, now_ms)
    draft.close(ExecutionStatus.STOPPED, error=error or {})
    return draft.done()


def failed(execution: Execution, error: ErrorObject, now_ms: int) -> Change:
    """End an open execution that cannot go on."""
    draft = Draft(execution, now_ms)
    if not execution.status.closed:
        draft.close(ExecutionStatus.FAILED, error=error)
    return draft.done()


def paused(execution: Execution, request: Request) -> Change:
    """Pause it: now, or where the invocation under way makes its next checkpoint.

    Raises ResourceConflictException; asking again with the same token is no error."""
    if _same(execution.pause, request):
        return Change(execution)
    if execution.status is not ExecutionStatus.RUNNING:
        raise ResourceConflictException(
            f"The durable execution cannot be paused in status {execution.status}."
        )
    draft = Draft(execution, request.asked_ms)
    draft.set(pause=request, status=ExecutionStatus.PAUSING)
    if execution.invocation is None:
        rest(draft, request)
    return draft.done()


def resumed(execution: Execution, request: Request) -> Change:
    """Let it go on. Raises ResourceConflictException likewise."""
    if _same(execution.resumed, request) and execution.pause is None:
        return Change(execution)
    if execution.status not in (ExecutionStatus.PAUSING, ExecutionStatus.PAUSED):
        raise ResourceConflictException(
            f"The durable execution cannot be resumed in status {execution.status}."
        )
    draft = Draft(execution, request.asked_ms)
    draft.set(
        status=ExecutionStatus.RUNNING,
        pause=None,
        paused_ms=None,
        resumed=request,
        deadline_ms=extended_deadline_ms(execution, request.asked_ms),
    )
    if execution.status is ExecutionStatus.PAUSED:
        details: dict[str, Any] = {"ResumeRequestTimestamp": request.asked_ms}
        if request.reason is not None:
            details["Reason"] = payload(request.reason)
        draft.event("ExecutionResumed", details, execution.root)
    return draft.done().then(lambda found: advance(found, request.asked_ms))


def rest(draft: Draft, request: Request | None = None) -> None:
    """The pause that was asked for takes hold."""
    request = request or draft.before.pause
    if request is None:
        return
    details: dict[str, Any] = {
        "PauseRequestTimestamp": request.asked_ms,
        "ExecutionTimeoutPaused": request.timeout_paused,
    }
    if request.reason is not None:
        details["Reason"] = payload(request.reason)
    draft.set(status=ExecutionStatus.PAUSED, paused_ms=draft.now_ms)
    draft.event("ExecutionPaused", details, draft.before.root)


def _same(before: Request | None, request: Request) -> bool:
    return (
        before is not None
        and before.client_token is not None
        and before.client_token == request.client_token
        and request.asked_ms - before.asked_ms < _SAME_REQUEST_MS
    )


def _operations(execution: Execution) -> list[Operation]:
    return list(execution.operations.values())


def _awaited(operation: Operation) -> bool:
    """Something will come of it without the function."""
    if operation.type is OperationType.STEP:
        return operation.status is OperationStatus.PENDING
    return operation.type in _AWAITED and operation.status is OperationStatus.STARTED
