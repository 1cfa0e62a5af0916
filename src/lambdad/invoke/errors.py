"""The AWS errors of invoking, named as the shapes (semantics §1.1, §1.9)."""

from __future__ import annotations

from lambdad.core.errors import AwsError
from lambdad.functions.errors import LambdaError

RATE_EXCEEDED = "Rate Exceeded."
_RETRY_AFTER_S = "1"


class TooManyRequestsException(LambdaError):
    """A concurrency or rate limit; `Reason` says which (semantics §1.9)."""

    code = "TooManyRequestsException"
    status = 429

    def __init__(self, reason: str) -> None:
        super().__init__(RATE_EXCEEDED, Reason=reason, retryAfterSeconds=_RETRY_AFTER_S)
        self.reason = reason


class NoPublishedVersionException(LambdaError):
    """A function on managed instances runs published versions only (semantics §1.15)."""

    code = "NoPublishedVersionException"


class InvalidRuntimeException(AwsError):
    """No pack on this machine serves the function's runtime.

    Of AWS's list for Invoke it is the one about the runtime itself. No code of the function ran,
    so it is no function error; it is a 5xx, so clients and the asynchronous queue try again, and
    an event is not lost to a pack that gets installed meanwhile."""

    code = "InvalidRuntimeException"
    status = 502

    def __init__(self, message: str) -> None:
        super().__init__(message, Type="User")


class ServiceException(AwsError):
    """The platform is going down."""

    code = "ServiceException"
    status = 500
