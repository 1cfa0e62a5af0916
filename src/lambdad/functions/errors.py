"""The AWS errors that rules of functions, versions and aliases raise, named as the shapes.

Shared by this package and `services/lambda_`, which adds the ones only its operations know.
"""

from __future__ import annotations

from typing import Any

from lambdad.core.errors import ClientError


class LambdaError(ClientError):
    """A client error of Lambda. `Type: User` travels beside the message unless AWS leaves it out
    for that text (semantics §1.1); then it is raised with `Type=None`."""

    def __init__(self, message: str | None = None, /, **members: Any) -> None:
        members.setdefault("Type", "User")
        present = {name: value for name, value in members.items() if value is not None}
        super().__init__(message, **present)


class InvalidParameterValueException(LambdaError):
    code = "InvalidParameterValueException"


class ResourceNotFoundException(LambdaError):
    code = "ResourceNotFoundException"
    status = 404


class ResourceConflictException(LambdaError):
    code = "ResourceConflictException"
    status = 409


class PreconditionFailedException(LambdaError):
    code = "PreconditionFailedException"
    status = 412


class RequestEntityTooLargeException(ClientError):
    """Not in the service model, so without a Type; AWS sends it all the same (semantics §1.1)."""

    code = "RequestEntityTooLargeException"
    status = 413


class CodeStorageExceededException(LambdaError):
    code = "CodeStorageExceededException"


class AliasLimitExceededException(LambdaError):
    code = "AliasLimitExceededException"
