"""What the operations of SQS require (Service Authorization Reference, "Amazon SQS").

A batch asks for the single action. Actions are in lower case because that is how SQS's refusals
spell them; policies match them in any case. Move tasks ask for what they do on the way as well
(SQS developer guide, "Configuring permissions for message redrive").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import (
    NO_KEYS,
    NO_TAGS,
    Keys,
    Requirement,
    RootBounds,
    Rule,
    ServiceRules,
    Tags,
    request_tags,
    tag_keys,
)
from lambdad.core.arn import PARTITION
from lambdad.core.ids import AccountId
from lambdad.engines.queue.records import QueueKey
from lambdad.engines.queue.sqs_form import key_of_arn, queue_arn
from lambdad.iam.policy import Policy
from lambdad.services.sqs.errors import AccessDeniedException
from lambdad.services.sqs.move_tasks import source_of_task
from lambdad.services.sqs.names import addressed, named, named_by_url
from lambdad.services.sqs.policies import compiled
from lambdad.services.sqs.service import SqsService

_ON_QUEUE: Mapping[str, str] = {
    **{
        name: name.lower()
        for name in (
            "AddPermission", "ChangeMessageVisibility", "DeleteMessage", "DeleteQueue",
            "GetQueueAttributes", "ListDeadLetterSourceQueues", "ListQueueTags", "PurgeQueue",
            "ReceiveMessage", "RemovePermission", "SendMessage", "SetQueueAttributes",
        )
    },
    "ChangeMessageVisibilityBatch": "changemessagevisibility",
    "DeleteMessageBatch": "deletemessage",
    "SendMessageBatch": "sendmessage",
}  # fmt: skip
"""Operations on the queue of a QueueUrl, with their actions."""
_MOVING = ("receivemessage", "deletemessage", "getqueueattributes")
"""What every operation on move tasks asks for beside its own action, on the source."""


def _on_queue(action: str) -> Rule:
    action = f"sqs:{action}"

    def rule(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
        return (_required(service, action, addressed(call, params)),)

    return rule


def _required(service: SqsService, action: str, key: QueueKey, keys: Keys = NO_KEYS) -> Requirement:
    queue = service.queues.find(key)
    document = None if queue is None else queue.attributes.get("Policy")
    arn = queue_arn(key)
    return Requirement(action, arn, keys, policy=compiled(arn, document) if document else None)


def _get_url(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    return (_required(service, "sqs:getqueueurl", named(call, params)),)


def _create(_: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    key = named(call, {"QueueName": params.get("QueueName")})
    keys = request_tags((params.get("tags") or {}).items())
    yield Requirement("sqs:createqueue", queue_arn(key), keys)
    if keys:
        yield Requirement("sqs:tagqueue", queue_arn(key), keys)


def _list(_: SqsService, call: Call, __: Params) -> Iterable[Requirement]:
    return (Requirement("sqs:listqueues", f"arn:{PARTITION}:sqs:{call.region}:{call.account}:"),)


def _tag(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = request_tags((params.get("Tags") or {}).items())
    return (_required(service, "sqs:tagqueue", addressed(call, params), keys),)


def _untag(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    keys = tag_keys(params.get("TagKeys") or ())
    return (_required(service, "sqs:untagqueue", addressed(call, params), keys),)


def _start_move(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    source = params.get("SourceArn") or ""
    yield from _moving(service, call, "startmessagemovetask", source)
    target = key_of_arn(params.get("DestinationArn") or "")
    if target is not None:
        yield _required(service, "sqs:sendmessage", target)
        return
    source_key = key_of_arn(source)
    for queue in service.queues.sources_of(source_key) if source_key else ():
        yield _required(service, "sqs:sendmessage", queue.key)


def _cancel_move(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    source = source_of_task(params)
    return _moving(service, call, "cancelmessagemovetask", source)


def _list_moves(service: SqsService, call: Call, params: Params) -> Iterable[Requirement]:
    return _moving(service, call, "listmessagemovetasks", params.get("SourceArn") or "")


def _moving(service: SqsService, call: Call, action: str, arn: str) -> Iterator[Requirement]:
    """On a text that names no queue the actions are asked for as on one of the caller's own."""
    key = key_of_arn(arn) or QueueKey(call.account, call.region, arn)
    for each in (action, *_MOVING):
        yield _required(service, f"sqs:{each}", key)


_RULES: Mapping[str, Rule] = {
    **{name: _on_queue(action) for name, action in _ON_QUEUE.items()},
    "CancelMessageMoveTask": _cancel_move,
    "CreateQueue": _create,
    "GetQueueUrl": _get_url,
    "ListMessageMoveTasks": _list_moves,
    "ListQueues": _list,
    "StartMessageMoveTask": _start_move,
    "TagQueue": _tag,
    "UntagQueue": _untag,
}


def _owner_of_url(params: Params) -> AccountId | None:
    url = params.get("QueueUrl")
    return named_by_url(url)[0] if url else None


def _owner_of_name(params: Params) -> AccountId | None:
    owner = params.get("QueueOwnerAWSAccountId")
    return AccountId(owner) if owner else None


_SHARED = (
    "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage",
    "DeleteMessageBatch", "GetQueueAttributes", "ListDeadLetterSourceQueues", "PurgeQueue",
    "ReceiveMessage", "SendMessage", "SendMessageBatch",
)  # fmt: skip
"""What a queue's policy can open to other accounts (API reference: the other operations say that
cross-account permissions do not apply to them)."""


def tags_of(service: SqsService, arn: str) -> Tags:
    """The tags of the queue that an ARN names."""
    key = key_of_arn(arn)
    queue = None if key is None else service.queues.find(key)
    return NO_TAGS if queue is None else queue.tags


def policy_of(service: SqsService, arn: str) -> Policy | None:
    """The policy of the queue that an ARN names."""
    key = key_of_arn(arn)
    return None if key is None else _required(service, "", key).policy


RULES = ServiceRules(
    "sqs",
    _RULES,
    AccessDeniedException,
    tags_of,
    policy_of,
    owners={**dict.fromkeys(_SHARED, _owner_of_url), "GetQueueUrl": _owner_of_name},
    root=RootBounds(
        denying=lambda service, account: True,  # the policies are in memory: looking is cheap
        exempt=frozenset(("GetQueueAttributes", "RemovePermission", "SetQueueAttributes")),
    ),
)
