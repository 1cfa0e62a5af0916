"""Executions, operations and events as documents for storage, and back. Owns the stored form.

A document is JSON. A field that a document lacks takes the value's default, so a new field with a
default needs no migration.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from lambdad.core.value import to_json
from lambdad.engines.durable.change import Event
from lambdad.engines.durable.execution import (
    Answered,
    Execution,
    ExecutionStatus,
    Invocation,
    Operation,
    OperationStatus,
    OperationType,
    Origin,
    Request,
)

_HEADER = tuple(name for name in Execution.__struct_fields__ if name != "operations")
_RECORDS: dict[str, type[Any]] = {
    "origin": Origin,
    "invocation": Invocation,
    "pause": Request,
    "resumed": Request,
}


def encode_execution(execution: Execution) -> bytes:
    """All of it but its operations."""
    return to_json({name: getattr(execution, name) for name in _HEADER})


def decode_execution(document: bytes, operations: Iterable[bytes]) -> Execution:
    """The execution that was encoded, with its operations in order."""
    stored: dict[str, Any] = orjson.loads(document)
    for name, record in _RECORDS.items():
        if stored.get(name) is not None:
            stored[name] = record(**stored[name])
    if stored.get("answered") is not None:
        answered = stored["answered"]
        answered["operation_ids"] = tuple(answered["operation_ids"])
        stored["answered"] = Answered(**answered)
    stored["status"] = ExecutionStatus(stored["status"])
    decoded = map(_operation, operations)
    return Execution(**stored, operations={operation.id: operation for operation in decoded})


def encode_operation(operation: Operation) -> bytes:
    return to_json(operation)


def encode_event(event: Event) -> bytes:
    return to_json(event)


def decode_event(document: bytes) -> Event:
    """The event that was encoded."""
    return Event(**orjson.loads(document))


def _operation(document: bytes) -> Operation:
    stored = orjson.loads(document)
    stored["type"] = OperationType(stored["type"])
    stored["status"] = OperationStatus(stored["status"])
    return Operation(**stored)
