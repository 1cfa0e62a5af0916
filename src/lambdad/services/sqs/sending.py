"""SendMessage and SendMessageBatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.errors import ClientError
from lambdad.core.limits import SqsQuotas
from lambdad.engines.queue.records import NewMessage, Queue, Sent
from lambdad.engines.queue.sqs_form import (
    attributes_bytes,
    attributes_md5,
    body_md5,
    encode_attributes,
    sequence_number,
)
from lambdad.invoke.lineage import is_trace
from lambdad.services.sqs.batches import Entries, batch_result, entries_of, failed
from lambdad.services.sqs.contents import (
    check_attributes,
    check_body,
    check_identifier,
    is_representable,
)
from lambdad.services.sqs.errors import (
    BatchRequestTooLong,
    InvalidParameterValueException,
    invalid_value,
    missing,
    not_for_this_queue_type,
)
from lambdad.services.sqs.names import addressed
from lambdad.services.sqs.service import AwsErrors, SqsService, too_long

_MAXIMUM_DELAY_S = 900
_TRACE_HEADER = "AWSTraceHeader"
_NO_DEDUPLICATION = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
    "provided explicitly"
)


@operation("sqs", "SendMessage")
async def send_message(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        message = _new_message(call, queue, params, service.quotas)
        (sent,) = await service.queues.send(queue.key, (message,))
    return _result(queue, params, message, sent)


@operation("sqs", "SendMessageBatch")
async def send_message_batch(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        entries = entries_of("SendMessageBatch", params, service.quotas)
        _check_batch(queue, entries, service.quotas)
        good: list[tuple[Params, NewMessage]] = []
        failures = []
        for entry in entries:
            try:
                good.append((entry, _new_message(call, queue, entry, service.quotas)))
            except ClientError as error:
                failures.append(failed(entry, error))
        sent = (
            await service.queues.send(queue.key, [message for _, message in good]) if good else ()
        )
    successful = [
        {"Id": entry["Id"], **_result(queue, entry, message, each)}
        for (entry, message), each in zip(good, sent, strict=True)
    ]
    return batch_result(successful, failures)


def _check_batch(queue: Queue, entries: Entries, quotas: SqsQuotas) -> None:
    """What fails a batch as a whole (recorded): its size, and parameters that FIFO queues want."""
    size = 0
    for entry in entries:
        size += len((entry.get("MessageBody") or "").encode())
        size += _attributes_bytes(entry.get("MessageAttributes") or {})
        if queue.settings.fifo:
            if not entry.get("MessageGroupId"):
                raise InvalidParameterValueException(
                    "The request must contain the parameter MessageGroupId."
                )
            _check_deduplication(queue, entry)
    if size > quotas.message_bytes:
        raise BatchRequestTooLong(
            f"Batch requests cannot be longer than {quotas.message_bytes} bytes. "
            f"You have sent {size} bytes."
        )


def _attributes_bytes(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Of attributes that have not been checked yet: what is not there counts nothing."""
    return sum(
        len(name.encode())
        + len((attribute.get("DataType") or "").encode())
        + len((attribute.get("StringValue") or "").encode())
        + len(attribute.get("BinaryValue") or b"")
        for name, attribute in attributes.items()
    )


def _new_message(call: Call, queue: Queue, params: Params, quotas: SqsQuotas) -> NewMessage:
    """A message or an entry of a batch, checked. Raises InvalidParameterValue, MissingParameter,
    InvalidMessageContents, UnsupportedOperation."""
    text = params.get("MessageBody")
    if not text:
        raise missing("MessageBody")
    body = text.encode()
    check_body(body)
    attributes = params.get("MessageAttributes") or {}
    if attributes:
        check_attributes(attributes, quotas)
    _check_order(queue, params, quotas)
    message = NewMessage(
        body,
        encode_attributes(attributes),
        attributes_bytes(attributes),
        _system(call, params),
        _delay(queue, params),
        params.get("MessageGroupId"),
        params.get("MessageDeduplicationId"),
    )
    if message.size_bytes > queue.settings.max_message_bytes:
        raise too_long(queue.settings.max_message_bytes)
    return message


def _system(call: Call, params: Params) -> dict[str, str]:
    """The system attributes that the message keeps. A trace comes as an attribute or, from an SDK
    that runs in a function, as a header of the call."""
    principal = call.principal
    system = {"SenderId": principal.unique_id or principal.account}
    trace_header = call.headers.get("x-amzn-trace-id", "")
    if is_trace(trace_header) and is_representable(trace_header.encode()):
        system[_TRACE_HEADER] = trace_header
    for name, attribute in (params.get("MessageSystemAttributes") or {}).items():
        system[name] = _trace_header(name, attribute)
    return system


def _trace_header(name: str, attribute: Mapping[str, Any]) -> str:
    if name != _TRACE_HEADER:
        raise InvalidParameterValueException(
            f"Message system attribute name '{name}' is invalid. The supported system attribute "
            f"is {_TRACE_HEADER}."
        )
    value: str = attribute.get("StringValue") or ""
    if attribute.get("DataType") != "String" or not value:
        raise InvalidParameterValueException(
            f"Message (system) attribute '{name}' must contain a non-empty value of type 'String'."
        )
    if not is_representable(value.encode()):
        raise InvalidParameterValueException(
            f"Invalid characters found in the value of message (system) attribute '{name}'."
        )
    return value


def _delay(queue: Queue, params: Params) -> int | None:
    """Seconds; None is the queue's own, which a FIFO queue's zero means too (recorded)."""
    delay: int | None = params.get("DelaySeconds")
    if delay is None:
        return None
    if queue.settings.fifo:
        if delay:
            raise not_for_this_queue_type(delay, "DelaySeconds")
        return None
    if not 0 <= delay <= _MAXIMUM_DELAY_S:
        raise invalid_value(
            delay, "DelaySeconds", f"DelaySeconds must be >= 0 and <= {_MAXIMUM_DELAY_S}."
        )
    return delay


def _check_order(queue: Queue, params: Params, quotas: SqsQuotas) -> None:
    """Group and deduplication id: required in FIFO queues; a group is taken by standard queues
    too, where it makes them fair."""
    group, duplicate = params.get("MessageGroupId"), params.get("MessageDeduplicationId")
    if not queue.settings.fifo:
        if duplicate is not None:
            raise not_for_this_queue_type(duplicate, "MessageDeduplicationId")
        if group == "":
            raise not_for_this_queue_type(group, "MessageGroupId")
    elif not group:
        raise missing("MessageGroupId")
    if group is not None:
        check_identifier(group, "MessageGroupId", quotas)
    if duplicate is not None:
        check_identifier(duplicate, "MessageDeduplicationId", quotas)
    if queue.settings.fifo:
        _check_deduplication(queue, params)


def _check_deduplication(queue: Queue, params: Params) -> None:
    if not (queue.settings.content_based_deduplication or params.get("MessageDeduplicationId")):
        raise InvalidParameterValueException(_NO_DEDUPLICATION)


def _result(queue: Queue, params: Params, message: NewMessage, sent: Sent) -> Result:
    result: Result = {"MessageId": sent.message_id, "MD5OfMessageBody": body_md5(message.body)}
    if params.get("MessageAttributes"):
        result["MD5OfMessageAttributes"] = attributes_md5(params["MessageAttributes"])
    if params.get("MessageSystemAttributes"):
        result["MD5OfMessageSystemAttributes"] = attributes_md5(params["MessageSystemAttributes"])
    if queue.settings.fifo:
        result["SequenceNumber"] = sequence_number(sent.sequence)
    return result


OPERATIONS: tuple[Implementation, ...] = (send_message, send_message_batch)
