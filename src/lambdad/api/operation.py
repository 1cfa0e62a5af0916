"""Marking a function as the implementation of an AWS operation, and binding it to its service.

    @operation("lambda", "GetFunction")
    async def get_function(service: LambdaService, call: Call, params: Params) -> Result: ...

There is no registry: `server/wiring.py` binds each service's explicit OPERATIONS list.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from lambdad.api.call import Call, Params, Result
from lambdad.core.value import Value

Handler = Callable[[Call, Params], Awaitable[Result]]
"""An operation bound to its service."""
Implementation = Callable[[Any, Call, Params], Awaitable[Result]]
F = TypeVar("F", bound=Implementation)


class OperationName(Value):
    """botocore's service name (`lambda`, `logs`) and the operation's."""

    service: str
    operation: str


def operation(service: str, name: str) -> Callable[[F], F]:
    """Mark a coroutine function as the implementation of one operation."""

    def mark(implementation: F) -> F:
        implementation.operation_name = OperationName(service, name)  # type: ignore[attr-defined]
        return implementation

    return mark


def operation_name(implementation: Implementation) -> OperationName:
    """What `operation` marked. Raises AttributeError on an unmarked function."""
    name: OperationName = implementation.operation_name  # type: ignore[attr-defined]
    return name


def bind(service: object, operations: Iterable[Implementation]) -> Mapping[OperationName, Handler]:
    """The operations as handlers that carry their service."""
    return {
        operation_name(implementation): functools.partial(implementation, service)
        for implementation in operations
    }
