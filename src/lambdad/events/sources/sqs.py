"""SQS as an event source: what a mapping may read, and how a message becomes a record.

Owns the record's shape, to the field, and the texts with which a queue is refused. Queues are the
engine's (`engines/queue`); whether the execution role may is asked before every look.

Sources: Lambda developer guide, "Using Lambda with Amazon SQS" (event, permissions, visibility
timeout); recorded (semantics §4.2).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from lambdad.api.internal_calls import InternalAuthorizer
from lambdad.core.clock import Clock
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.errors import QueueMissing, TooManyInFlight
from lambdad.engines.queue.records import Message, QueueKey, Terms
from lambdad.engines.queue.sqs_form import (
    FIFO_SUFFIX,
    attributes_md5,
    body_md5,
    decode_attributes,
    key_of_arn,
    system_attributes,
)
from lambdad.events.filter import DataKey
from lambdad.events.mapping import EventSourceMapping
from lambdad.events.record import Record
from lambdad.events.source import Received, SourceUnavailable, Wanted
from lambdad.functions.snapshot import FunctionVersion
from lambdad.iam.session import function_session_name

_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)


class SqsSource:
    """Queues as sources."""

    data = DataKey("body")

    def __init__(self, queues: QueueEngine, authorizer: InternalAuthorizer, clock: Clock) -> None:
        self._queues = queues
        self._authorizer = authorizer
        self._clock = clock

    def check(self, arn: str, target: FunctionVersion) -> None:
        queue = self._queues.find(queue_key(arn))
        if queue is None:
            raise SourceUnavailable(_NO_QUEUE)
        self.may_read(arn, target)
        if queue.settings.visibility_s < target.timeout_s:
            raise SourceUnavailable(
                f"Queue visibility timeout: {queue.settings.visibility_s} seconds is less than "
                f"Function timeout: {target.timeout_s} seconds"
            )

    def may_read(self, arn: str, target: FunctionVersion) -> None:
        session = function_session_name(target.name)
        for action in _ACTIONS:
            refusal = self._authorizer.refusal_for_role(target.role, session, f"sqs:{action}", arn)
            if refusal is not None:
                raise SourceUnavailable(
                    f"The provided execution role does not have permissions to call {action} on SQS"
                )

    def open(self, mapping: EventSourceMapping) -> SqsReader:
        return SqsReader(self._queues, self._clock, mapping.source_arn)


class SqsReader:
    """One mapping's access to one queue."""

    def __init__(self, queues: QueueEngine, clock: Clock, arn: str) -> None:
        self._queues = queues
        self._clock = clock
        self._arn = arn
        self._key = queue_key(arn)

    @property
    def ordered(self) -> bool:
        return self._key.name.endswith(FIFO_SUFFIX)

    async def receive(self, wanted: Wanted) -> Received:
        try:
            visibility_s = self._visibility_s(wanted)
            held_until_ms = self._clock.wall_ms() + visibility_s * 1000
            messages = await self._queues.receive(
                self._key, wanted.most, visibility_s=visibility_s, wait_s=0
            )
        except QueueMissing:
            raise SourceUnavailable(_NO_QUEUE) from None
        except TooManyInFlight:
            raise SourceUnavailable("Too many messages of the queue are in flight.") from None
        return self._received(messages, held_until_ms)

    async def next(self, wanted: Callable[[], Wanted | None]) -> Received | None:
        held_until_ms = 0

        def terms() -> Terms | None:
            nonlocal held_until_ms
            now = wanted()
            if now is None or self._queues.find(self._key) is None:
                return None
            visibility_s = self._visibility_s(now)
            held_until_ms = self._clock.wall_ms() + visibility_s * 1000
            return Terms(now.most, visibility_s)

        try:
            messages = await self._queues.stand_by(self._key, terms)
        except QueueMissing:
            raise SourceUnavailable(_NO_QUEUE) from None
        return self._received(messages, held_until_ms) if messages else None

    def _visibility_s(self, wanted: Wanted) -> int:
        return max(self._queues.get(self._key).settings.visibility_s, wanted.hold_s)

    def _received(self, messages: Sequence[Message], held_until_ms: int) -> Received:
        records = [record_of(message, self._arn, self._key) for message in messages]
        return Received(records, held_until_ms)

    async def done(self, records: Sequence[Record]) -> None:
        try:
            await self._queues.delete_messages(self._key, [each.handle for each in records])
        except QueueMissing:
            return  # and so are they

    async def give_back(self, records: Sequence[Record]) -> None:
        try:
            await self._queues.change_visibility(self._key, [(each.handle, 0) for each in records])
        except QueueMissing:
            return


def queue_key(arn: str) -> QueueKey:
    """The queue that an ARN names. Raises SourceUnavailable where it names none."""
    key = key_of_arn(arn)
    if key is None:
        raise SourceUnavailable(_NO_QUEUE)
    return key


def record_of(message: Message, arn: str, key: QueueKey) -> Record:
    """A message as the function gets it (recorded)."""
    attributes = decode_attributes(message.attributes)
    members: dict[str, Any] = {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body.decode(),
        "attributes": system_attributes(key, message),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": body_md5(message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": key.region,
    }
    if attributes:
        members["md5OfMessageAttributes"] = attributes_md5(attributes)
    return Record(
        message.message_id,
        members,
        orjson.dumps(members),
        message.receipt_handle,
        message.system.get("AWSTraceHeader", ""),
    )


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """One message attribute; its lists are always there, and always empty."""
    binary = attribute.get("BinaryValue")
    value = (
        {"stringValue": attribute["StringValue"]}
        if binary is None
        else {"binaryValue": base64.b64encode(binary).decode()}
    )
    return {
        **value,
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": attribute["DataType"],
    }
