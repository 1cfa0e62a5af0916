"""AddPermission and RemovePermission: a queue's policy, statement by statement."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.engines.queue.records import Queue
from lambdad.services.sqs.configuration import revised
from lambdad.services.sqs.errors import missing
from lambdad.services.sqs.names import addressed
from lambdad.services.sqs.policies import (
    check_label,
    check_permission,
    with_permission,
    without_permission,
)
from lambdad.services.sqs.service import AwsErrors, SqsService


@operation("sqs", "AddPermission")
async def add_permission(service: SqsService, call: Call, params: Params) -> Result:
    label = _label(params)
    check_label(label)
    accounts, actions = params.get("AWSAccountIds") or [], params.get("Actions") or []
    check_permission(accounts, actions, service.quotas)
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        policy = queue.attributes.get("Policy")
        await _set(service, queue, with_permission(policy, queue.key, label, accounts, actions))
    return {}


@operation("sqs", "RemovePermission")
async def remove_permission(service: SqsService, call: Call, params: Params) -> Result:
    label = _label(params)
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        policy = queue.attributes.get("Policy")
        await _set(service, queue, without_permission(policy, queue.key, label))
    return {}


def _label(params: Params) -> str:
    label: str | None = params.get("Label")
    if not label:
        raise missing("Label")
    return label


async def _set(service: SqsService, queue: Queue, policy: str) -> None:
    new = revised(service, queue, {"Policy": policy})
    await service.queues.update(queue.key, attributes=new.attributes)


OPERATIONS: tuple[Implementation, ...] = (add_permission, remove_permission)
