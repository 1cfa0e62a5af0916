"""What `lambdad queue peek` talks to: a page of the operator about the messages of a queue.

For the root of the queue's account alone. Receives nothing: no count rises, nothing gets hidden.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.core.errors import ClientError
from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.errors import QueueMissing
from lambdad.engines.queue.records import Message, QueueKey
from lambdad.engines.queue.sqs_form import attributes_text, decode_attributes, system_attributes
from lambdad.gateway.operator import BadQuestion, Body, Page
from lambdad.iam.authenticate import Caller

MAXIMUM_MESSAGES = 100
"""In one answer, which so has at most 100 MiB of bodies."""


class NotFound(ClientError):
    """There is no queue of that name."""

    code = "NotFound"
    status = 404


class QueuePages:
    """Looks into queues without receiving."""

    def __init__(self, queues: QueueEngine) -> None:
        self._queues = queues

    def pages(self) -> Mapping[str, Page]:
        """By name."""
        return {"queues/peek": self._peek}

    async def _peek(self, caller: Caller, body: Body) -> Body:
        name, limit = body.get("QueueName"), body.get("Limit")
        if not isinstance(name, str) or not name:
            raise BadQuestion("QueueName is missing.")
        if not isinstance(limit, int) or not 1 <= limit <= MAXIMUM_MESSAGES:
            raise BadQuestion(f"Limit has to be between 1 and {MAXIMUM_MESSAGES}.")
        key = QueueKey(caller.principal.account, caller.region, name)
        try:
            messages = await self._queues.peek(key, limit)
        except QueueMissing:
            raise NotFound(f"There is no queue {name} in {caller.region}.") from None
        return {"Messages": [_shown(key, message) for message in messages]}


def _shown(key: QueueKey, message: Message) -> Body:
    """A message as ReceiveMessage would show it, without a handle."""
    return {
        "MessageId": message.message_id,
        "Body": message.body.decode("utf-8", "replace"),
        "Attributes": system_attributes(key, message),
        "MessageAttributes": attributes_text(decode_attributes(message.attributes)),
    }
