"""Queues: creating, finding, listing, purging, deleting."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.engines.queue.errors import QueueExists
from lambdad.engines.queue.records import Queue, QueueKey
from lambdad.services.sqs.attributes import asks_for_fifo, first_difference
from lambdad.services.sqs.configuration import initial
from lambdad.services.sqs.errors import (
    OverLimit,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueNameExists,
)
from lambdad.services.sqs.names import addressed, check_name, named, queue_url
from lambdad.services.sqs.paging import page
from lambdad.services.sqs.service import AwsErrors, SqsService
from lambdad.services.sqs.tags import check_tags

_MINUTE_MS = 60_000


@operation("sqs", "CreateQueue")
async def create_queue(service: SqsService, call: Call, params: Params) -> Result:
    key = named(call, {"QueueName": params.get("QueueName")})
    given: Mapping[str, str] = params.get("Attributes") or {}
    fifo = asks_for_fifo(given)
    check_name(key.name, fifo=fifo)
    tags = params.get("tags") or {}
    check_tags(tags, service.quotas)
    configuration = initial(service, key, given, fifo=fifo)
    wanted = {name: configuration.attributes.get(name, "") for name in given}
    present = service.queues.find(key)
    if present is not None:
        return _same(call, present, wanted)
    deleted_ms = service.queues.deleted_ms(key)
    if deleted_ms is not None and service.clock.wall_ms() - deleted_ms < _MINUTE_MS:
        raise QueueDeletedRecently(
            "You must wait 60 seconds after deleting a queue before you can create another with "
            "the same name."
        )
    if len(service.queues.queues(call.account, call.region)) >= service.quotas.queues:
        raise OverLimit(f"The account has {service.quotas.queues} queues, as many as it may.")
    try:
        await service.queues.create(key, configuration.settings, configuration.attributes, tags)
    except QueueExists as exists:
        return _same(call, exists.queue, wanted)
    return {"QueueUrl": queue_url(call, key)}


def _same(call: Call, queue: Queue, wanted: Mapping[str, str]) -> Result:
    """The answer to who creates a queue that is there: nothing happens as long as he does not want
    another one (recorded; attributes of which he says nothing do not matter)."""
    name = first_difference(queue.attributes, wanted)
    if name is not None:
        raise QueueNameExists(
            f"A queue already exists with the same name and a different value for attribute {name}"
        )
    return {"QueueUrl": queue_url(call, queue.key)}


@operation("sqs", "GetQueueUrl")
async def get_queue_url(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(named(call, params))
    return {"QueueUrl": queue_url(call, queue.key)}


@operation("sqs", "ListQueues")
async def list_queues(service: SqsService, call: Call, params: Params) -> Result:
    prefix = params.get("QueueNamePrefix") or ""
    found = service.queues.queues(call.account, call.region, prefix)
    result = _page(service, call, params, found)
    urls = result.pop("urls")
    return {"QueueUrls": urls, **result} if urls else result


@operation("sqs", "ListDeadLetterSourceQueues")
async def list_dead_letter_source_queues(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
    result = _page(service, call, params, service.queues.sources_of(queue.key))
    return {"queueUrls": result.pop("urls"), **result}


def _page(service: SqsService, call: Call, params: Params, found: list[Queue]) -> Result:
    names, token = page([queue.key.name for queue in found], params, service.quotas)
    urls = [queue_url(call, QueueKey(call.account, call.region, name)) for name in names]
    return {"urls": urls} if token is None else {"urls": urls, "NextToken": token}


@operation("sqs", "DeleteQueue")
async def delete_queue(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        await service.queues.delete(service.queues.get(addressed(call, params)).key)
    return {}


@operation("sqs", "PurgeQueue")
async def purge_queue(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        purged_ms = queue.purged_ms
        if purged_ms is not None and service.clock.wall_ms() - purged_ms < _MINUTE_MS:
            raise PurgeQueueInProgress(
                f"Only one PurgeQueue operation on {queue.key.name} is allowed every 60 seconds."
            )
        await service.queues.purge(queue.key)
    return {}


OPERATIONS: tuple[Implementation, ...] = (
    create_queue,
    get_queue_url,
    list_queues,
    list_dead_letter_source_queues,
    delete_queue,
    purge_queue,
)
