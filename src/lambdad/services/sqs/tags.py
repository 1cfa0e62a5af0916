"""Tags of queues. Their keys are case-sensitive (recorded)."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.limits import SqsQuotas
from lambdad.services.sqs.errors import InvalidParameterValueException, missing
from lambdad.services.sqs.names import addressed
from lambdad.services.sqs.service import AwsErrors, SqsService


def check_tags(tags: Mapping[str, str], quotas: SqsQuotas) -> None:
    """Raises InvalidParameterValue for tags that are too many or too long."""
    if len(tags) > quotas.tags:
        raise InvalidParameterValueException(
            f"Too many tags added for queue. Maximum allowed is {quotas.tags}."
        )
    for name, value in tags.items():
        if not 1 <= len(name) <= quotas.tag_key_chars:
            raise InvalidParameterValueException(
                f"Tag keys must be between 1 and {quotas.tag_key_chars} characters in length."
            )
        if len(value) > quotas.tag_value_chars:
            raise InvalidParameterValueException(
                f"Tag values must be between 0 and {quotas.tag_value_chars} characters in length."
            )
        if name.lower().startswith("aws:"):
            raise InvalidParameterValueException(
                "Tag keys beginning with 'aws:' are reserved for system use."
            )


@operation("sqs", "TagQueue")
async def tag_queue(service: SqsService, call: Call, params: Params) -> Result:
    tags = params.get("Tags")
    if not tags:
        raise missing("Tags")
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        after = {**queue.tags, **tags}
        check_tags(after, service.quotas)
        await service.queues.update(queue.key, tags=after)
    return {}


@operation("sqs", "UntagQueue")
async def untag_queue(service: SqsService, call: Call, params: Params) -> Result:
    names = params.get("TagKeys")
    if not names:
        raise missing("TagKeys")
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        after = {name: value for name, value in queue.tags.items() if name not in names}
        await service.queues.update(queue.key, tags=after)
    return {}


@operation("sqs", "ListQueueTags")
async def list_queue_tags(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
    return {"Tags": dict(queue.tags)} if queue.tags else {}


OPERATIONS: tuple[Implementation, ...] = (tag_queue, untag_queue, list_queue_tags)
