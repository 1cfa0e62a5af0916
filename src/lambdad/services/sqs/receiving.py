"""ReceiveMessage."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.limits import SqsQuotas
from lambdad.engines.queue.records import Message, Queue
from lambdad.engines.queue.sqs_form import (
    attributes_md5,
    body_md5,
    chosen,
    decode_attributes,
    system_attributes,
)
from lambdad.services.sqs.contents import check_identifier
from lambdad.services.sqs.errors import invalid_value, not_for_this_queue_type
from lambdad.services.sqs.names import addressed
from lambdad.services.sqs.service import AwsErrors, SqsService

_MAXIMUM_WAIT_S = 20
MAXIMUM_VISIBILITY_S = 43_200


@operation("sqs", "ReceiveMessage")
async def receive_message(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        limit = params.get("MaxNumberOfMessages")
        visibility_s = params.get("VisibilityTimeout")
        wait_s = params.get("WaitTimeSeconds")
        _check_numbers(limit, visibility_s, wait_s, service.quotas)
        messages = await service.queues.receive(
            queue.key,
            1 if limit is None else limit,
            visibility_s=visibility_s,
            wait_s=wait_s,
            attempt_id=_attempt_id(queue, params, service.quotas),
        )
    if not messages:
        return {}
    system = [*params.get("AttributeNames", ()), *params.get("MessageSystemAttributeNames", ())]
    attributes = params.get("MessageAttributeNames") or []
    return {"Messages": [_shown(queue, message, system, attributes) for message in messages]}


def _check_numbers(
    limit: int | None, visibility_s: int | None, wait_s: int | None, quotas: SqsQuotas
) -> None:
    if limit is not None and not 1 <= limit <= quotas.batch_entries:
        raise invalid_value(
            limit,
            "MaxNumberOfMessages",
            f"Must be between 1 and {quotas.batch_entries}, if provided.",
        )
    if visibility_s is not None:
        check_visibility(visibility_s)
    if wait_s is not None and not 0 <= wait_s <= _MAXIMUM_WAIT_S:
        raise invalid_value(
            wait_s, "WaitTimeSeconds", f"Must be >= 0 and <= {_MAXIMUM_WAIT_S}, if provided."
        )


def check_visibility(visibility_s: int) -> None:
    """Raises InvalidParameterValue for a VisibilityTimeout."""
    if not 0 <= visibility_s <= MAXIMUM_VISIBILITY_S:
        raise invalid_value(
            visibility_s,
            "VisibilityTimeout",
            f"Must be >= 0 and <= {MAXIMUM_VISIBILITY_S}, if provided.",
        )


def _attempt_id(queue: Queue, params: Params, quotas: SqsQuotas) -> str | None:
    attempt: str | None = params.get("ReceiveRequestAttemptId")
    if attempt is None:
        return None
    if not queue.settings.fifo:
        raise not_for_this_queue_type(attempt, "ReceiveRequestAttemptId")
    check_identifier(attempt, "ReceiveRequestAttemptId", quotas)
    return attempt


def _shown(queue: Queue, message: Message, system: list[str], attributes: list[str]) -> Result:
    """A message with the attributes that were asked for. The digest is that of the attributes in
    the answer: clients check it (recorded: none where none are asked for)."""
    result: Result = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": body_md5(message.body),
        "Body": message.body.decode(),
    }
    if system:
        wanted = chosen(system_attributes(queue.key, message), system)
        if wanted:
            result["Attributes"] = wanted
    if attributes and message.attributes:
        found = chosen(decode_attributes(message.attributes), attributes)
        if found:
            result["MessageAttributes"] = found
            result["MD5OfMessageAttributes"] = attributes_md5(found)
    return result


OPERATIONS: tuple[Implementation, ...] = (receive_message,)
