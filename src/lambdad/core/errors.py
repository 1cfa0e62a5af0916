"""The one base of every error that an AWS client sees.

A service's own errors are subclasses named exactly as the AWS shape and live beside the
service (`services/<service>/errors.py`). How an error becomes bytes is `wire/`'s business.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Fault = Literal["client", "server"]


class AwsError(Exception):
    """An answer that is an error: code, HTTP status, fault, message and further members.

    `members` are the shape's other fields in AWS's spelling, such as `Reason`; a `Type` that AWS
    sends beside the message is one of them. A message of None is sent as AWS sends it: null.
    """

    code: ClassVar[str] = "InternalFailure"
    status: ClassVar[int] = 500
    fault: ClassVar[Fault] = "server"

    def __init__(self, message: str | None = None, /, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.members = members


class ClientError(AwsError):
    """The caller's fault: HTTP 400 unless the shape says otherwise."""

    status = 400
    fault = "client"


class InternalFailure(AwsError):
    """Our fault. The details go to the log under the request id, never to the caller."""


class ValidationException(ClientError):
    """Input that breaks a constraint of the service model (semantics: "Input constraint")."""

    code = "ValidationException"


class SerializationException(ClientError):
    """A body that is not of the operation's form."""

    code = "SerializationException"


class UnknownOperationException(ClientError):
    """No service of ours has the operation that the request names."""

    code = "UnknownOperationException"
    status = 404


class AccessDeniedException(ClientError):
    """The caller is known and may not."""

    code = "AccessDeniedException"
    status = 403


class OperatorError(Exception):
    """Something that whoever runs lambdad must put right; the message says what and how. Never
    sent to a client."""
