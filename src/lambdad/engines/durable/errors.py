"""The AWS errors of durable executions, named as the shapes.

None of the texts is recorded. Those about tokens are in AWS's SDKs and in their local stand-in for
the service; those about executions, names and callbacks are what another open implementation
answers, which says that it watched AWS; the others are ours and say so.
"""

from __future__ import annotations

from typing import Any

from lambdad.core.errors import ClientError


class DurableError(ClientError):
    """Every one of them comes with `Type: User`."""

    def __init__(self, message: str | None = None, /, **members: Any) -> None:
        super().__init__(message, **{"Type": "User", **members})


class InvalidParameterValueException(DurableError):
    code = "InvalidParameterValueException"


class ResourceNotFoundException(DurableError):
    code = "ResourceNotFoundException"
    status = 404


class ResourceConflictException(DurableError):
    code = "ResourceConflictException"
    status = 409


class DurableExecutionAlreadyStartedException(DurableError):
    code = "DurableExecutionAlreadyStartedException"
    status = 409


class CallbackTimeoutException(DurableError):
    code = "CallbackTimeoutException"


def no_such_execution() -> ResourceNotFoundException:
    return ResourceNotFoundException("Durable Execution does not exist")


def invalid_token() -> InvalidParameterValueException:
    """A checkpoint token that is used, foreign to the invocation under way, or made up. AWS's SDKs
    know it by this text and let the invocation be made again."""
    return InvalidParameterValueException("Invalid checkpoint token")


def foreign_token() -> InvalidParameterValueException:
    return InvalidParameterValueException(
        "Checkpoint token is not valid for the durable execution ARN"
    )


def invalid_callback() -> InvalidParameterValueException:
    return InvalidParameterValueException("Invalid callback id")


def callback_closed() -> CallbackTimeoutException:
    return CallbackTimeoutException("The callback is either timed out or already completed")


def already_started(arn: str) -> DurableExecutionAlreadyStartedException:
    return DurableExecutionAlreadyStartedException(f"Execution already started: {arn}")


def too_many_executions(limit: int) -> ResourceConflictException:
    """Ours: AWS's text for its quota is not known."""
    return ResourceConflictException(
        f"{limit} durable executions are running, the most that an account may have in a region."
    )
