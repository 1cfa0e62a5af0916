"""What the operations of SQS work with."""

from __future__ import annotations

from types import TracebackType

from lambdad.api.call import Call
from lambdad.core.clock import Clock
from lambdad.core.errors import ClientError
from lambdad.core.limits import SqsQuotas
from lambdad.core.value import Value
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.errors import (
    MessageTooLong,
    MoveMissing,
    MoveRunning,
    QueueError,
    QueueMissing,
    TooManyInFlight,
)
from lambdad.services.sqs.errors import (
    InvalidParameterValueException,
    OverLimit,
    QueueDoesNotExist,
    ResourceNotFoundException,
)


class SqsService(Value):
    """The collaborators of SQS's operations."""

    queues: QueueEngine
    clock: Clock
    quotas: SqsQuotas


class AwsErrors:
    """`with AwsErrors(call):` what the queue engine refuses inside, SQS answers in its words.

    A class and not a generator: every message that is sent passes through one."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, QueueError):
            raise _answer(self._call, error) from None


def queue_missing(call: Call) -> QueueDoesNotExist:
    """AWS's answer about a queue that is not there, which the query protocol words as it did when
    it was new."""
    in_json = "x-amz-target" in call.headers
    return QueueDoesNotExist(
        "The specified queue does not exist." if in_json
        else "The specified queue does not exist for this wsdl version."
    )  # fmt: skip


def _answer(call: Call, error: QueueError) -> ClientError | QueueError:
    match error:
        case QueueMissing():
            return queue_missing(call)
        case MessageTooLong():
            return too_long(error.limit_bytes)
        case TooManyInFlight():
            return OverLimit(
                "The maximum number of in flight messages is reached. To avoid reaching the limit, "
                "delete messages from the queue after they have been processed."
            )
        case MoveRunning():
            return InvalidParameterValueException(
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time."
            )
        case MoveMissing():
            return ResourceNotFoundException("Task does not exist.")
    return error


def too_long(limit_bytes: int) -> InvalidParameterValueException:
    """AWS's answer about a message that is larger than the queue takes."""
    return InvalidParameterValueException(
        f"One or more parameters are invalid. Reason: Message must be shorter than {limit_bytes} "
        "bytes."
    )
