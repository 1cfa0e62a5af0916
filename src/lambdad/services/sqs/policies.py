"""A queue's own policy: as a document that AddPermission writes, and as what the evaluator asks.

Source: API reference of AddPermission and SetQueueAttributes; recorded conversations. Pure.
"""

from __future__ import annotations

import functools
from typing import Any

import orjson

from lambdad.core.arn import PARTITION
from lambdad.core.limits import SqsQuotas
from lambdad.engines.queue.records import QueueKey
from lambdad.engines.queue.sqs_form import queue_arn
from lambdad.iam.policy import MalformedPolicy, Policy, PolicyKind, parse_policy
from lambdad.services.sqs.attributes import invalid
from lambdad.services.sqs.errors import (
    InvalidParameterValueException,
    OverLimit,
    invalid_value,
    missing,
)

_VERSION = "2008-10-17"
ACTIONS = frozenset(
    {
        "*",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    }
)
"""What AddPermission can allow ("Amazon SQS permissions management", ActionName)."""


def check_policy(document: str, quotas: SqsQuotas) -> None:
    """Raises InvalidAttributeValue for a text that is no policy of a queue, OverLimit for one that
    is too long."""
    if len(document.encode()) > quotas.policy_bytes:
        raise OverLimit(f"The policy exceeds the maximum length of {quotas.policy_bytes} bytes.")
    try:
        parse_policy(document, PolicyKind.RESOURCE)
    except MalformedPolicy:
        raise invalid("Policy") from None


@functools.lru_cache(maxsize=1024)
def compiled(arn: str, document: str) -> Policy:
    """The policy of the queue of that ARN."""
    return parse_policy(document, PolicyKind.RESOURCE, name=arn)


def with_permission(
    document: str | None, queue: QueueKey, label: str, accounts: list[str], actions: list[str]
) -> str:
    """The policy with one more statement. Raises InvalidParameterValue."""
    policy = _read(document, queue)
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise invalid_value(label, "Label", "Already exists.")
    principals = [f"arn:{PARTITION}:iam::{account}:root" for account in accounts]
    policy["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_all(principals)},
            "Action": _one_or_all([f"SQS:{action}" for action in actions]),
            "Resource": queue_arn(queue),
        }
    )
    return orjson.dumps(policy).decode()


def without_permission(document: str | None, queue: QueueKey, label: str) -> str:
    """The policy without a statement; "" when that was the last. Raises InvalidParameterValue."""
    policy = _read(document, queue)
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    if len(kept) == len(policy["Statement"]):
        raise invalid_value(label, "Label", "can't find label.")
    return orjson.dumps({**policy, "Statement": kept}).decode() if kept else ""


def check_permission(accounts: list[str], actions: list[str], quotas: SqsQuotas) -> None:
    """Raises MissingParameter, InvalidParameterValue, OverLimit for what AddPermission is asked."""
    if not actions:
        raise missing("Actions")
    if not accounts:
        raise missing("AWSAccountIds")
    for account in accounts:
        if not (len(account) == 12 and account.isascii() and account.isdigit()):
            raise invalid_value(f"[{account}]", "PrincipalId", "Unable to verify.")
    if len(actions) > quotas.policy_actions:
        raise OverLimit(
            f"{len(actions)} Actions were found, maximum allowed is {quotas.policy_actions}."
        )
    for action in actions:
        if action not in ACTIONS:
            raise InvalidParameterValueException(
                f"Value SQS:{action} for parameter ActionName is invalid. Reason: Only the queue "
                "owner is allowed to invoke this action."
            )


def _read(document: str | None, queue: QueueKey) -> dict[str, Any]:
    """The policy with its statements as a list."""
    if not document:
        return {"Version": _VERSION, "Id": f"{queue_arn(queue)}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = orjson.loads(document)
    statements = policy["Statement"]
    return {**policy, "Statement": statements if isinstance(statements, list) else [statements]}


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
