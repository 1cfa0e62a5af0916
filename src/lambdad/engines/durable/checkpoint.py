"""A checkpoint: what the running function says about its operations. Pure.

All updates of a checkpoint hold, or none. The rules and their texts are those of the local
stand-in for the service that comes with AWS's SDKs; a few are another open implementation's,
and none is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from lambdad.core.limits import Limits
from lambdad.engines.durable.change import (
    Change,
    Draft,
    error_bytes,
    error_payload,
    payload,
    text_bytes,
)
from lambdad.engines.durable.errors import InvalidParameterValueException
from lambdad.engines.durable.execution import (
    ErrorObject,
    Execution,
    ExecutionStatus,
    Operation,
    OperationStatus,
    OperationType,
    callback_id,
)

Update: TypeAlias = Mapping[str, Any]
"""AWS's OperationUpdate, checked against the service model."""
_Apply = Callable[[Draft, Update, Operation | None], None]

_ACTIONS = {
    OperationType.EXECUTION: ("SUCCEED", "FAIL"),
    OperationType.CONTEXT: ("START", "SUCCEED", "FAIL"),
    OperationType.STEP: ("START", "SUCCEED", "FAIL", "RETRY"),
    OperationType.WAIT: ("START", "CANCEL"),
    OperationType.CALLBACK: ("START",),
    OperationType.CHAINED_INVOKE: ("START",),
}
_CLOSE = ("SUCCEED", "FAIL", "RETRY")


def checkpoint(
    execution: Execution, updates: Sequence[Update], now_ms: int, limits: Limits
) -> Change:
    """The execution after the updates. Raises InvalidParameterValueException."""
    _check_batch(updates)
    draft = Draft(execution, now_ms)
    for update in updates:
        _check_update(execution, update, limits)
        kind = OperationType(update["Type"])
        if kind is OperationType.EXECUTION:
            _close_execution(draft, update)
            continue
        existing = draft.operation(update["Id"])
        _check_consistent(draft, update, existing)
        _APPLY[kind](draft, update, existing)
    change = draft.done()
    _check_totals(execution, change.execution, limits)
    return change


def check_error(error: ErrorObject | None, limits: Limits) -> None:
    """Raises InvalidParameterValueException for one that is too large."""
    if error_bytes(error) > limits.durable_payload_bytes:
        raise InvalidParameterValueException(
            f"Error object size must be less than or equal to {limits.durable_payload_bytes} bytes."
        )


def result_bytes(execution: Execution, limits: Limits) -> int:
    """How large the execution's result may be: its caller gets it, or nobody waits for it."""
    if execution.origin.synchronous:
        return limits.request_payload_bytes
    return limits.async_payload_bytes


def result_complaint(execution: Execution, result: str | None, limits: Limits) -> str | None:
    """What is wrong with the size of a result, if anything."""
    most = result_bytes(execution, limits)
    if text_bytes(result) <= most:
        return None
    return f"Execution output payload size must be less than or equal to {most} bytes."


def stored_complaint(limits: Limits) -> str:
    """What is said of data that an execution has no room for."""
    return _too_much(limits.durable_stored_bytes, "bytes of stored data")


def within(change: Change, limits: Limits) -> Change:
    """The change, if the execution has room for the data that it brings. Raises
    InvalidParameterValueException."""
    if change.execution.stored_bytes > limits.durable_stored_bytes:
        raise InvalidParameterValueException(stored_complaint(limits))
    return change


# What holds for whole batches and for every update.


def _check_batch(updates: Sequence[Update]) -> None:
    ends = [number for number, at in enumerate(updates) if at["Type"] == OperationType.EXECUTION]
    if len(ends) > 1:
        raise InvalidParameterValueException("Cannot checkpoint multiple EXECUTION updates.")
    if ends and ends[0] != len(updates) - 1:
        raise InvalidParameterValueException("EXECUTION checkpoint must be the last update.")
    before: dict[str, str] = {}
    for update in updates:
        first = before.get(update["Id"])
        before[update["Id"]] = update["Action"]
        if first is not None and not (first == "START" and update["Action"] in _CLOSE):
            raise InvalidParameterValueException(
                "Cannot update the same operation twice in a single request."
            )


def _check_update(execution: Execution, update: Update, limits: Limits) -> None:
    kind, action = OperationType(update["Type"]), update["Action"]
    if action not in _ACTIONS[kind]:
        raise InvalidParameterValueException("Invalid action for the given operation type.")
    if action == "SUCCEED" and "Error" in update:
        raise InvalidParameterValueException("Cannot provide an Error for SUCCEED action.")
    if action == "FAIL" and "Payload" in update:
        raise InvalidParameterValueException("Cannot provide a Payload for FAIL action.")
    check_error(update.get("Error"), limits)
    text = update.get("Payload")
    if kind is OperationType.EXECUTION:
        complaint = result_complaint(execution, text, limits)
        if complaint is not None:
            raise InvalidParameterValueException(complaint)
    elif text_bytes(text) > limits.durable_payload_bytes:
        side = "input" if kind is OperationType.CHAINED_INVOKE else "output"
        raise InvalidParameterValueException(
            f"{kind} {side} payload size must be less than or equal to "
            f"{limits.durable_payload_bytes} bytes."
        )


def _check_consistent(draft: Draft, update: Update, existing: Operation | None) -> None:
    if existing is not None:
        same = {
            "type": existing.type == update["Type"],
            "subtype": "SubType" not in update or existing.sub_type == update["SubType"],
            "name": "Name" not in update or existing.name == update["Name"],
        }
        for what, holds in same.items():
            if not holds:
                raise InvalidParameterValueException(f"Inconsistent operation {what}.")
        if existing.parent_id != update.get("ParentId"):
            raise InvalidParameterValueException("Inconsistent parent operation id.")
    elif "ParentId" in update:
        parent = draft.operation(update["ParentId"])
        if parent is None or parent.type is not OperationType.CONTEXT:
            raise InvalidParameterValueException("Invalid parent operation id.")


def _check_totals(before: Execution, after: Execution, limits: Limits) -> None:
    """The quotas of an execution (semantics §1.4). The texts are ours."""
    if after.status.closed:
        return  # An execution at its bounds can still end.
    for count, had, most, what in (
        (
            len(after.operations) - 1,
            len(before.operations) - 1,
            limits.durable_operations,
            "operations",
        ),
        (
            after.stored_bytes,
            before.stored_bytes,
            limits.durable_stored_bytes,
            "bytes of stored data",
        ),
        (after.events, before.events, limits.durable_events, "events in its history"),
    ):
        if count > most and count > had:
            raise InvalidParameterValueException(_too_much(most, what))


def _too_much(most: int, what: str) -> str:
    return f"The durable execution would have more than {most} {what}."


# What each kind of operation does.


def _close_execution(draft: Draft, update: Update) -> None:
    if update["Action"] == "SUCCEED":
        draft.close(ExecutionStatus.SUCCEEDED, update.get("Payload"))
    else:
        draft.close(ExecutionStatus.FAILED, error=update.get("Error"))


def _context(draft: Draft, update: Update, existing: Operation | None) -> None:
    if update["Action"] == "START":
        _must_be_new(update, existing)
        draft.event("ContextStarted", {}, _start(draft, update))
        return
    if existing is None or existing.status is not OperationStatus.STARTED:
        raise InvalidParameterValueException("Invalid current CONTEXT state to close.")
    options = update.get("ContextOptions") or {}
    closed = _close(draft, existing, update, replay_children=options.get("ReplayChildren"))
    kind = "ContextSucceeded" if closed.status is OperationStatus.SUCCEEDED else "ContextFailed"
    draft.event(kind, _outcome(update, update["Action"] == "FAIL"), closed)


def _step(draft: Draft, update: Update, existing: Operation | None) -> None:
    action, options = update["Action"], update.get("StepOptions") or {}
    delay_s = options.get("NextAttemptDelaySeconds")
    if (delay_s is not None) != (action == "RETRY"):
        raise InvalidParameterValueException("Invalid StepOptions for the given action.")
    if action == "START":
        if existing is None:
            started = _start(draft, update)
        elif existing.status is OperationStatus.READY:
            started = draft.alter(existing, status=OperationStatus.STARTED)
        else:
            raise InvalidParameterValueException("Invalid current STEP state to start.")
        draft.event("StepStarted", {}, started)
        return
    if action == "RETRY" and "Payload" in update and "Error" in update:
        raise InvalidParameterValueException(
            "Cannot provide both error and payload to RETRY a STEP."
        )
    step = existing or _start(draft, update)
    if step.status not in (OperationStatus.STARTED, OperationStatus.READY):
        what = "re-attempt" if action == "RETRY" else "close"
        raise InvalidParameterValueException(f"Invalid current STEP state to {what}.")
    _end_attempt(draft, update, step, delay_s)


def _end_attempt(draft: Draft, update: Update, step: Operation, delay_s: int | None) -> None:
    attempt = step.attempt + 1
    retry: dict[str, Any] = {"CurrentAttempt": attempt}
    failed = update["Action"] == "FAIL" or "Error" in update
    if delay_s is None:
        step = _close(draft, step, update, attempt=attempt)
    else:
        retry["NextAttemptDelaySeconds"] = delay_s
        step = draft.alter(
            step,
            status=OperationStatus.PENDING,
            attempt=attempt,
            due_ms=draft.now_ms + delay_s * 1000,
            result=update.get("Payload"),
            error=update.get("Error"),
        )
    details = _outcome(update, failed) | {"RetryDetails": retry}
    draft.event("StepFailed" if failed else "StepSucceeded", details, step)


def _wait(draft: Draft, update: Update, existing: Operation | None) -> None:
    if update["Action"] == "CANCEL":
        if existing is None or existing.status is not OperationStatus.STARTED:
            raise InvalidParameterValueException(
                "Cannot cancel a WAIT that does not exist or has already completed."
            )
        cancelled = draft.alter(
            existing, status=OperationStatus.CANCELLED, ended_ms=draft.now_ms, due_ms=None
        )
        draft.event("WaitCancelled", {}, cancelled)
        return
    _must_be_new(update, existing)
    seconds = (update.get("WaitOptions") or {}).get("WaitSeconds")
    if seconds is None:
        raise InvalidParameterValueException("Update for WAIT operation requires WaitOptions.")
    due_ms = draft.now_ms + seconds * 1000
    wait = _start(draft, update, due_ms=due_ms, wait_s=seconds)
    draft.event("WaitStarted", {"Duration": seconds, "ScheduledEndTimestamp": due_ms}, wait)


def _callback(draft: Draft, update: Update, existing: Operation | None) -> None:
    _must_be_new(update, existing)
    options = update.get("CallbackOptions") or {}
    timeout_s, heartbeat_s = options.get("TimeoutSeconds"), options.get("HeartbeatTimeoutSeconds")
    identifier = callback_id(draft.before.origin, update["Id"])
    callback = _start(
        draft,
        update,
        callback_id=identifier,
        due_ms=draft.now_ms + timeout_s * 1000 if timeout_s else None,
        heartbeat_s=heartbeat_s or None,
        heartbeat_due_ms=draft.now_ms + heartbeat_s * 1000 if heartbeat_s else None,
    )
    details: dict[str, Any] = {"CallbackId": identifier}
    if timeout_s:
        details["Timeout"] = timeout_s
    if heartbeat_s:
        details["HeartbeatTimeout"] = heartbeat_s
    draft.event("CallbackStarted", details, callback)


def _chained_invoke(draft: Draft, update: Update, existing: Operation | None) -> None:
    """Its event follows when it is known what the target is (`chained`)."""
    _must_be_new(update, existing)
    options = update.get("ChainedInvokeOptions")
    if options is None:
        raise InvalidParameterValueException(
            "Update for CHAINED_INVOKE operation requires ChainedInvokeOptions."
        )
    _start(
        draft,
        update,
        input=update.get("Payload"),
        function=options["FunctionName"],
        tenant_id=options.get("TenantId"),
        trace_header=options.get("XAmznTraceId"),
    )


_APPLY: dict[OperationType, _Apply] = {
    OperationType.CONTEXT: _context,
    OperationType.STEP: _step,
    OperationType.WAIT: _wait,
    OperationType.CALLBACK: _callback,
    OperationType.CHAINED_INVOKE: _chained_invoke,
}


def _must_be_new(update: Update, existing: Operation | None) -> None:
    if existing is not None:
        raise InvalidParameterValueException(f"Cannot start a {update['Type']} that already exist.")


def _start(draft: Draft, update: Update, **fields: Any) -> Operation:
    return draft.add(
        Operation(
            id=update["Id"],
            type=OperationType(update["Type"]),
            status=OperationStatus.STARTED,
            started_ms=draft.now_ms,
            position=0,
            changed=0,
            parent_id=update.get("ParentId"),
            name=update.get("Name"),
            sub_type=update.get("SubType"),
            **fields,
        )
    )


def _close(draft: Draft, operation: Operation, update: Update, **fields: Any) -> Operation:
    succeeded = update["Action"] == "SUCCEED"
    return draft.alter(
        operation,
        status=OperationStatus.SUCCEEDED if succeeded else OperationStatus.FAILED,
        ended_ms=draft.now_ms,
        due_ms=None,
        result=update.get("Payload"),
        error=update.get("Error"),
        **fields,
    )


def _outcome(update: Update, failed: bool) -> dict[str, Any]:
    if failed:
        return {"Error": error_payload(update.get("Error"))}
    return {"Result": payload(update.get("Payload"))}
