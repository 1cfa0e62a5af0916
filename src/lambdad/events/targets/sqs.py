"""SQS queues as targets."""

from __future__ import annotations

from collections.abc import Callable

from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.records import NewMessage, Outgoing
from lambdad.engines.queue.sqs_form import attributes_bytes, encode_attributes, key_of_arn
from lambdad.events.target import Parcel, Undeliverable
from lambdad.functions.snapshot import FunctionVersion


class SqsTarget:
    """Standard queues; a FIFO queue would need a message group, which an outcome has not."""

    action = "sqs:SendMessage"

    def __init__(self, queues: QueueEngine, sender_id: Callable[[FunctionVersion], str]) -> None:
        self._queues = queues
        self._sender_id = sender_id

    async def deliver(self, arn: str, parcel: Parcel) -> Outgoing:
        key = key_of_arn(arn)
        queue = self._queues.find(key) if key else None
        if key is None or queue is None:
            raise Undeliverable(f"there is no queue {arn}")
        if queue.settings.fifo:
            raise Undeliverable(f"{arn} is a FIFO queue")
        message = NewMessage(
            parcel.body,
            encode_attributes(parcel.attributes),
            attributes_bytes(parcel.attributes),
            {"SenderId": self._sender_id(parcel.sender), "AWSTraceHeader": parcel.trace_header},
        )
        if message.size_bytes > queue.settings.max_message_bytes:
            raise Undeliverable(f"{message.size_bytes} bytes are too many for {arn}")
        return Outgoing(key, (message,))
