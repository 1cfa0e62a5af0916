"""SQS's errors, named as the shapes of its API, with AWS's texts.

Two of them have no shape: what SQS calls an invalid or a missing parameter. What the query protocol
calls each one is `wire/`'s business; what a batch calls a failed entry is said here, because there
the code travels inside the answer.
"""

from __future__ import annotations

from lambdad.core.errors import ClientError


class InvalidParameterValueException(ClientError):
    code = "InvalidParameterValueException"


class InvalidValue(InvalidParameterValueException):
    """A parameter that cannot be, by its value: alone in whole sentences, in a batch by the reason
    only."""

    def __init__(self, value: object, parameter: str, reason: str) -> None:
        super().__init__(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")
        self.reason = reason


class ReceiptHandleExpired(InvalidValue):
    """A FIFO queue's message is not in flight any more under this handle (recorded)."""

    def __init__(self, handle: str) -> None:
        super().__init__(handle, "ReceiptHandle", "The receipt handle has expired.")


class MissingRequiredParameterException(ClientError):
    code = "MissingRequiredParameterException"


class InvalidAttributeName(ClientError):
    code = "InvalidAttributeName"


class InvalidAttributeValue(ClientError):
    code = "InvalidAttributeValue"


class InvalidMessageContents(ClientError):
    code = "InvalidMessageContents"


class InvalidAddress(ClientError):
    code = "InvalidAddress"
    status = 404


class QueueDoesNotExist(ClientError):
    code = "QueueDoesNotExist"


class QueueNameExists(ClientError):
    code = "QueueNameExists"


class QueueDeletedRecently(ClientError):
    code = "QueueDeletedRecently"


class PurgeQueueInProgress(ClientError):
    code = "PurgeQueueInProgress"
    status = 403


class ReceiptHandleIsInvalid(ClientError):
    code = "ReceiptHandleIsInvalid"
    status = 404


class OverLimit(ClientError):
    code = "OverLimit"
    status = 403


class UnsupportedOperation(ClientError):
    code = "UnsupportedOperation"


class ResourceNotFoundException(ClientError):
    code = "ResourceNotFoundException"
    status = 404


class EmptyBatchRequest(ClientError):
    code = "EmptyBatchRequest"


class TooManyEntriesInBatchRequest(ClientError):
    code = "TooManyEntriesInBatchRequest"


class BatchEntryIdsNotDistinct(ClientError):
    code = "BatchEntryIdsNotDistinct"


class InvalidBatchEntryId(ClientError):
    code = "InvalidBatchEntryId"


class BatchRequestTooLong(ClientError):
    code = "BatchRequestTooLong"


class AccessDeniedException(ClientError):
    """SQS's own refusal."""

    code = "AccessDeniedException"
    status = 403


_ENTRY_CODES = {
    InvalidParameterValueException.code: "InvalidParameterValue",
    MissingRequiredParameterException.code: "MissingParameter",
}
"""What a batch calls errors that have another name by themselves."""


def entry_code(error: ClientError) -> str:
    """The code of a failed entry of a batch (an expired handle's: reported by AWS's clients)."""
    if isinstance(error, ReceiptHandleExpired):
        return ReceiptHandleIsInvalid.code
    return _ENTRY_CODES.get(error.code, error.code)


def entry_message(error: ClientError) -> str | None:
    """The message of a failed entry of a batch: of an invalid value the bare reason, without its
    full stop (reported by AWS's clients, for values of the other type of queue and for expired
    handles)."""
    return error.reason.removesuffix(".") if isinstance(error, InvalidValue) else error.message


def invalid_value(value: object, parameter: str, reason: str) -> InvalidValue:
    """AWS's words for a parameter that cannot be."""
    return InvalidValue(value, parameter, reason)


def missing(parameter: str) -> MissingRequiredParameterException:
    """AWS's words for a parameter that must be there."""
    return MissingRequiredParameterException(f"The request must contain the parameter {parameter}.")


def not_for_this_queue_type(value: object, parameter: str) -> InvalidValue:
    """A parameter of FIFO queues on a standard queue, or the other way round (recorded)."""
    return invalid_value(
        value,
        parameter,
        "The request include parameter that is not valid for this queue type.",
    )
