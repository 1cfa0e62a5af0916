"""GetQueueAttributes and SetQueueAttributes."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.engines.queue.records import Queue
from lambdad.engines.queue.sqs_form import queue_arn
from lambdad.services.sqs.attributes import KNOWN, shown, unknown
from lambdad.services.sqs.configuration import revised
from lambdad.services.sqs.errors import missing
from lambdad.services.sqs.names import addressed
from lambdad.services.sqs.service import AwsErrors, SqsService


@operation("sqs", "GetQueueAttributes")
async def get_queue_attributes(service: SqsService, call: Call, params: Params) -> Result:
    names = params.get("AttributeNames") or ()
    for name in names:
        if name not in KNOWN:
            raise unknown(name)
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        if not names:
            return {}
        attributes = await _all(service, queue)
    if "All" not in names:
        attributes = {name: attributes[name] for name in names if name in attributes}
    return {"Attributes": attributes} if attributes else {}


async def _all(service: SqsService, queue: Queue) -> dict[str, str]:
    counts = await service.queues.counts(queue.key)
    return {
        **shown(queue.attributes),
        "QueueArn": queue_arn(queue.key),
        "CreatedTimestamp": str(queue.created_ms // 1000),
        "LastModifiedTimestamp": str(queue.modified_ms // 1000),
        "ApproximateNumberOfMessages": str(counts.visible),
        "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
    }


@operation("sqs", "SetQueueAttributes")
async def set_queue_attributes(service: SqsService, call: Call, params: Params) -> Result:
    given = params.get("Attributes")
    if not given:
        raise missing("Attribute.Name")
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        new = revised(service, queue, given)
        await service.queues.update(queue.key, settings=new.settings, attributes=new.attributes)
    return {}


OPERATIONS: tuple[Implementation, ...] = (get_queue_attributes, set_queue_attributes)
