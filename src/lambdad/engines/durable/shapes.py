"""Operations in AWS's shape, for the event of an invocation and for answers alike. Pure.

The one differs from the other in how it writes moments: `at` makes what is wanted of epoch ms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdad.engines.durable.execution import Operation, OperationType

Moment = Callable[[int], Any]


def operation_shape(operation: Operation, at: Moment) -> dict[str, Any]:
    """AWS's Operation."""
    shape = {
        "Id": operation.id,
        "ParentId": operation.parent_id,
        "Name": operation.name,
        "Type": operation.type.value,
        "SubType": operation.sub_type,
        "StartTimestamp": at(operation.started_ms),
        "EndTimestamp": at(operation.ended_ms) if operation.ended_ms is not None else None,
        "Status": operation.status.value,
    }
    member, details = _details(operation, at)
    return present(shape) | {member: present(details)}


def present(members: dict[str, Any]) -> dict[str, Any]:
    """Without the members that are not there."""
    return {name: value for name, value in members.items() if value is not None}


def _details(operation: Operation, at: Moment) -> tuple[str, dict[str, Any]]:
    due = at(operation.due_ms) if operation.due_ms is not None else None
    outcome = {"Result": operation.result, "Error": operation.error}
    match operation.type:
        case OperationType.EXECUTION:
            return "ExecutionDetails", {"InputPayload": operation.input}
        case OperationType.CONTEXT:
            return "ContextDetails", {"ReplayChildren": operation.replay_children, **outcome}
        case OperationType.STEP:
            attempts = {"Attempt": operation.attempt, "NextAttemptTimestamp": due}
            return "StepDetails", attempts | outcome
        case OperationType.WAIT:
            return "WaitDetails", {"ScheduledEndTimestamp": due}
        case OperationType.CALLBACK:
            return "CallbackDetails", {"CallbackId": operation.callback_id, **outcome}
        case OperationType.CHAINED_INVOKE:
            return "ChainedInvokeDetails", outcome
