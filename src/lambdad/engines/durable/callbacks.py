"""Callbacks: an operation that somebody outside ends. Pure."""

from __future__ import annotations

import hmac
from typing import Any

from lambdad.engines.durable.change import Change, Draft, error_payload, payload
from lambdad.engines.durable.errors import callback_closed
from lambdad.engines.durable.execution import (
    ErrorObject,
    Execution,
    Operation,
    OperationStatus,
    callback_reference,
)


def succeeded(execution: Execution, callback: str, result: str | None, now_ms: int) -> Change:
    """The callback has this result. Raises CallbackTimeoutException."""
    details = {"Result": payload(result)}
    return _ended(execution, callback, OperationStatus.SUCCEEDED, details, now_ms, result=result)


def failed(execution: Execution, callback: str, error: ErrorObject, now_ms: int) -> Change:
    """The callback has failed with this error. Raises CallbackTimeoutException."""
    details = {"Error": error_payload(error)}
    return _ended(execution, callback, OperationStatus.FAILED, details, now_ms, error=error)


def beaten(execution: Execution, callback: str, now_ms: int) -> Change:
    """Whoever works on it is alive: its heartbeat timeout begins anew. Raises
    CallbackTimeoutException."""
    operation = _open(execution, callback, now_ms)
    if operation.heartbeat_s is None:
        return Change(execution)
    draft = Draft(execution, now_ms)
    seen = execution.seen == execution.changes
    draft.alter(operation, heartbeat_due_ms=now_ms + operation.heartbeat_s * 1000)
    if seen:  # nothing that the function could see has changed
        draft.set(seen=execution.changes + 1)
    return draft.done()


def _ended(
    execution: Execution,
    callback: str,
    status: OperationStatus,
    details: dict[str, Any],
    now_ms: int,
    **fields: Any,
) -> Change:
    operation = _open(execution, callback, now_ms)
    draft = Draft(execution, now_ms)
    ended = draft.alter(operation, status=status, ended_ms=now_ms, **fields)
    draft.event(f"Callback{status.value.capitalize()}", details, ended)
    draft.set(wanted=True)
    return draft.done()


def _open(execution: Execution, callback: str, now_ms: int) -> Operation:
    """The operation with exactly this callback id, if it still waits."""
    reference = callback_reference(callback)
    operation = execution.operations.get(reference.operation_id) if reference else None
    if (
        execution.status.closed
        or operation is None
        or operation.status is not OperationStatus.STARTED
        or not hmac.compare_digest(operation.callback_id or "", callback)
        or _past(operation, now_ms)
    ):
        raise callback_closed()
    return operation


def _past(operation: Operation, now_ms: int) -> bool:
    """Its time is over, even where nobody has noted that yet."""
    moments = (operation.due_ms, operation.heartbeat_due_ms)
    return any(moment is not None and moment <= now_ms for moment in moments)
