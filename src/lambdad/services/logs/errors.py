"""CloudWatch Logs' errors, named as the shapes of its API, with AWS's texts (semantics §7.3)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lambdad.core.errors import AwsError, ClientError, ValidationException
from lambdad.telemetry.log_pattern import InvalidPattern
from lambdad.telemetry.log_records import (
    GroupExists,
    GroupMissing,
    GroupProtected,
    StreamExists,
    StreamMissing,
    TooManyTags,
)


class InvalidParameterException(ClientError):
    code = "InvalidParameterException"


class ResourceNotFoundException(ClientError):
    code = "ResourceNotFoundException"


class ResourceAlreadyExistsException(ClientError):
    code = "ResourceAlreadyExistsException"


class LimitExceededException(ClientError):
    code = "LimitExceededException"


class TooManyTagsException(ClientError):
    code = "TooManyTagsException"


class SessionTimeoutException(ClientError):
    """The end of a Live Tail session, inside its event stream."""

    code = "SessionTimeoutException"


_ANSWERS: dict[type[Exception], tuple[type[AwsError], str]] = {
    GroupMissing: (ResourceNotFoundException, "The specified log group does not exist."),
    GroupExists: (ResourceAlreadyExistsException, "The specified log group already exists"),
    GroupProtected: (
        ValidationException,
        "The specified log group has deletion protection enabled and cannot be deleted.",
    ),
    StreamMissing: (ResourceNotFoundException, "The specified log stream does not exist."),
    StreamExists: (ResourceAlreadyExistsException, "The specified log stream already exists"),
    TooManyTags: (TooManyTagsException, "A resource can have no more than 50 tags."),
}


@contextlib.contextmanager
def aws_errors() -> Iterator[None]:
    """What the log store refuses, as CloudWatch Logs answers it."""
    try:
        yield
    except InvalidPattern as error:
        raise InvalidParameterException(str(error)) from None
    except tuple(_ANSWERS) as error:
        kind, text = _ANSWERS[type(error)]
        raise kind(text) from None
