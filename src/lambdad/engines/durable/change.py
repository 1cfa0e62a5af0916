"""One change of an execution, being worked out: what it becomes, and what its history gains.

Pure. Functions of this package take an execution and the moment and give back a Change; they
write it with a Draft. Nothing of the execution that they were given is touched, so a change that
is refused half-way leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lambdad.core.value import Value, replace
from lambdad.engines.durable.execution import (
    ErrorObject,
    Execution,
    ExecutionStatus,
    Operation,
    OperationStatus,
)


class Event(Value):
    """One entry of an execution's history, in AWS's spelling. Moments are epoch ms."""

    UNSHOWN = ("details",)

    id: int
    type: str
    at_ms: int
    details: Mapping[str, Any]
    """The member named `<type>Details`. Payloads stand in `{Payload, Truncated}`."""
    operation_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    parent_id: str | None = None


class Change(Value):
    """What a change comes to."""

    execution: Execution
    events: tuple[Event, ...] = ()

    def then(self, step: Callable[[Execution], Change]) -> Change:
        """This change and, on top of it, another one."""
        following = step(self.execution)
        return Change(following.execution, self.events + following.events)


class Draft:
    """The change in the making."""

    def __init__(self, execution: Execution, now_ms: int) -> None:
        self.now_ms = now_ms
        self.before = execution
        self._operations: dict[str, Operation] = dict(execution.operations)
        self._events: list[Event] = []
        self._fields: dict[str, Any] = {}
        self._changes = execution.changes
        self._stored_bytes = execution.stored_bytes

    def operation(self, operation_id: str) -> Operation | None:
        return self._operations.get(operation_id)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def set(self, **fields: Any) -> None:
        """Give the execution these fields."""
        self._fields.update(fields)

    def add(self, operation: Operation) -> Operation:
        """A new operation, last in order."""
        self._stored_bytes += text_bytes(operation.input)
        return self._put(replace(operation, position=len(self._operations)))

    def alter(self, operation: Operation, **fields: Any) -> Operation:
        """The operation with these fields."""
        self._stored_bytes += text_bytes(fields.get("result")) + error_bytes(fields.get("error"))
        return self._put(replace(operation, **fields))

    def event(
        self, kind: str, details: Mapping[str, Any], operation: Operation | None = None
    ) -> None:
        """One more event, of the operation if there is one."""
        number = self.before.events + len(self._events) + 1
        event = Event(number, kind, self.now_ms, details)
        if operation is not None:
            event = replace(
                event,
                operation_id=operation.id,
                name=operation.name,
                sub_type=operation.sub_type,
                parent_id=operation.parent_id,
            )
        self._events.append(event)

    def close(
        self, status: ExecutionStatus, result: str | None = None, error: ErrorObject | None = None
    ) -> None:
        """End the execution: nothing of it runs or waits any more."""
        kind, details = _end(status, result, error)
        root = self._operations[self.before.id]
        root = self.alter(root, status=OperationStatus(status.value), ended_ms=self.now_ms)
        self.event(kind, details, root)
        self.set(
            status=status,
            ended_ms=self.now_ms,
            result=result,
            error=error,
            wanted=False,
            answered=None,
            pause=None,
            paused_ms=None,
        )

    def done(self) -> Change:
        changed = replace(
            self.before,
            **self._fields,
            operations=self._operations,
            changes=self._changes,
            stored_bytes=self._stored_bytes,
            events=self.before.events + len(self._events),
        )
        return Change(changed, tuple(self._events))

    def _put(self, operation: Operation) -> Operation:
        self._changes += 1
        changed = replace(operation, changed=self._changes)
        self._operations[changed.id] = changed
        return changed


def text_bytes(text: str | None) -> int:
    """What a payload takes, as UTF-8."""
    return len(text.encode()) if text else 0


def error_bytes(error: ErrorObject | None) -> int:
    """What an error takes, as JSON."""
    return 0 if error is None else len(orjson.dumps(error))


def payload(text: str | None) -> dict[str, Any]:
    """EventInput and EventResult."""
    return {"Truncated": False} if text is None else {"Payload": text, "Truncated": False}


def error_payload(error: ErrorObject | None) -> dict[str, Any]:
    """EventError."""
    return {"Truncated": False} if error is None else {"Payload": dict(error), "Truncated": False}


def _end(
    status: ExecutionStatus, result: str | None, error: ErrorObject | None
) -> tuple[str, dict[str, Any]]:
    """The event that ends a history. Of a timeout AWS says there only that it was one."""
    if status is ExecutionStatus.SUCCEEDED:
        return "ExecutionSucceeded", {"Result": payload(result)}
    if status is ExecutionStatus.TIMED_OUT:
        return "ExecutionTimedOut", {}
    kind = "ExecutionStopped" if status is ExecutionStatus.STOPPED else "ExecutionFailed"
    return kind, {"Error": error_payload(error)}
