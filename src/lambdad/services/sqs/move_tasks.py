"""Message move tasks: a dead-letter queue's messages back to where they came from, or elsewhere.

A task's handle is opaque to clients: the task's id and its source (AWS's own handles are likewise
base64 of JSON with these two).
"""

from __future__ import annotations

import base64
import binascii

import orjson

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.engines.queue.records import MoveStatus, MoveTask, Queue, QueueKey
from lambdad.engines.queue.sqs_form import key_of_arn, queue_arn
from lambdad.services.sqs.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
    invalid_value,
    missing,
)
from lambdad.services.sqs.service import AwsErrors, SqsService

_MAXIMUM_RATE = 500
"""Messages per second (API reference of StartMessageMoveTask)."""


@operation("sqs", "StartMessageMoveTask")
async def start_message_move_task(service: SqsService, call: Call, params: Params) -> Result:
    rate = params.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= _MAXIMUM_RATE:
        raise invalid_value(
            rate,
            "MaxNumberOfMessagesPerSecond",
            f"Must be between 1 and {_MAXIMUM_RATE}, if provided.",
        )
    source = _queue(service, call, params.get("SourceArn"), "SourceArn")
    if not service.queues.sources_of(source.key):
        raise InvalidParameterValueException(
            "Source queue must be configured as a Dead Letter Queue."
        )
    target = None
    if params.get("DestinationArn"):
        target = _queue(service, call, params["DestinationArn"], "DestinationArn")
        _check_target(source, target)
    with AwsErrors(call):
        task = await service.queues.start_move(
            source.key, None if target is None else target.key, rate
        )
    return {"TaskHandle": _handle(task)}


def _check_target(source: Queue, target: Queue) -> None:
    if source.key == target.key:
        raise InvalidParameterValueException(
            "Source queue arn and destination queue arn can't be the same."
        )
    if source.settings.fifo != target.settings.fifo:
        raise InvalidParameterValueException(
            "Source and destination queues must be of the same type."
        )


@operation("sqs", "CancelMessageMoveTask")
async def cancel_message_move_task(service: SqsService, call: Call, params: Params) -> Result:
    task_id, source_arn = _read_handle(params.get("TaskHandle"))
    source = _queue(service, call, source_arn, "SourceArn")
    task = service.queues.move(task_id)
    if task is None or task.source != source.key:
        raise ResourceNotFoundException("Task does not exist.")
    if task.status is not MoveStatus.RUNNING:
        raise InvalidParameterValueException("Only active tasks can be cancelled.")
    with AwsErrors(call):
        task = await service.queues.cancel_move(task_id)
    return {"ApproximateNumberOfMessagesMoved": task.moved}


@operation("sqs", "ListMessageMoveTasks")
async def list_message_move_tasks(service: SqsService, call: Call, params: Params) -> Result:
    limit = params.get("MaxResults")
    if limit is not None and not 1 <= limit <= service.quotas.move_tasks_shown:
        raise invalid_value(
            limit,
            "MaxResults",
            f"MaxResults must be an integer between 1 and {service.quotas.move_tasks_shown}.",
        )
    source = _queue(service, call, params.get("SourceArn"), "SourceArn")
    tasks = service.queues.moves(source.key)[: limit or 1]
    return {"Results": [_shown(task) for task in tasks]} if tasks else {}


def _queue(service: SqsService, call: Call, arn: str | None, parameter: str) -> Queue:
    """The queue of the caller's own that an ARN names. Raises ResourceNotFoundException."""
    if not arn:
        raise missing(parameter)
    key = key_of_arn(arn)
    own = key is not None and key == QueueKey(call.account, call.region, key.name)
    queue = service.queues.find(key) if key is not None and own else None
    if queue is None:
        raise ResourceNotFoundException(
            f"The resource that you specified for the {parameter} parameter doesn't exist."
        )
    return queue


def _shown(task: MoveTask) -> Result:
    """A task as ListMessageMoveTasks shows it; only one that can be cancelled has a handle."""
    return {
        "TaskHandle": _handle(task) if task.status is MoveStatus.RUNNING else None,
        "Status": task.status.value,
        "SourceArn": queue_arn(task.source),
        "DestinationArn": None if task.target is None else queue_arn(task.target),
        "MaxNumberOfMessagesPerSecond": task.rate_per_s,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "FailureReason": task.failure,
        "StartedTimestamp": task.started_ms,
    }


def _handle(task: MoveTask) -> str:
    document = {"taskId": task.id, "sourceArn": queue_arn(task.source)}
    return base64.b64encode(orjson.dumps(document)).decode()


def _read_handle(handle: str | None) -> tuple[str, str]:
    """Task id and ARN of the source. Raises InvalidParameterValue."""
    if not handle:
        raise missing("TaskHandle")
    try:
        document = orjson.loads(base64.b64decode(handle, validate=True))
    except (binascii.Error, ValueError):
        document = None
    match document:
        case {"taskId": str(task_id), "sourceArn": str(source_arn)}:
            return task_id, source_arn
    raise InvalidParameterValueException("Value for parameter TaskHandle is invalid.")


def source_of_task(params: Params) -> str:
    """The ARN in a request's task handle. Raises InvalidParameterValue."""
    return _read_handle(params.get("TaskHandle"))[1]


OPERATIONS: tuple[Implementation, ...] = (
    start_message_move_task,
    cancel_message_move_task,
    list_message_move_tasks,
)
