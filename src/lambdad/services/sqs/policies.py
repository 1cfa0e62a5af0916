"""A queue's own policy: as a document that AddPermission writes, and as what the evaluator asks.

Source: API reference of AddPermission and SetQueueAttributes; recorded conversations. Pure.
"""

from __future__ import annotations

import functools
import re
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
_OWNERS_ACTIONS = frozenset(
    {
        "AddPermission",
        "CancelMessageMoveTask",
        "CreateQueue",
        "DeleteQueue",
        "ListMessageMoveTasks",
        "ListQueueTags",
        "ListQueues",
        "RemovePermission",
        "SetQueueAttributes",
        "StartMessageMoveTask",
        "TagQueue",
        "UntagQueue",
    }
)
"""What a policy can only speak of to the queue's own account."""
_KNOWN = frozenset(action.lower() for action in ACTIONS | _OWNERS_ACTIONS)
_LABEL = re.compile(r"[a-zA-Z0-9_-]{1,80}")


def check_policy(document: str, quotas: SqsQuotas) -> None:
    """Raises InvalidAttributeValue for a text that is no policy of a queue, OverLimit for one that
    is too long, InvalidParameterValue for actions that SQS does not have."""
    if len(document.encode()) > quotas.policy_bytes:
        raise OverLimit(f"The policy exceeds the maximum length of {quotas.policy_bytes} bytes.")
    try:
        parse_policy(document, PolicyKind.RESOURCE)
    except MalformedPolicy:
        raise invalid("Policy") from None
    statements = _as_list(orjson.loads(document)["Statement"])
    if len(statements) > quotas.policy_statements:
        raise OverLimit(
            f"{len(statements)} statements were found in the submitted policy, max allowed is "
            f"{quotas.policy_statements}"
        )
    for statement in statements:
        _check_actions(statement, quotas)


def _check_actions(statement: dict[str, Any], quotas: SqsQuotas) -> None:
    """A batch has no action of its own, and a statement names seven at most (both reported by
    AWS's clients)."""
    actions = _as_list(statement.get("Action", []))
    if len(actions) > quotas.policy_actions:
        raise OverLimit(
            f"{len(actions)} actions were found in a statement from the submitted policy, max "
            f"allowed is {quotas.policy_actions}"
        )
    for action in actions:
        service, _, name = action.partition(":")
        is_pattern = "*" in name or "?" in name
        if service.lower() == "sqs" and not is_pattern and name.lower() not in _KNOWN:
            raise _unknown_action(name)


def _unknown_action(name: str) -> InvalidParameterValueException:
    return invalid_value(
        f"SQS:{name}",
        "ActionName",
        "Please refer to the appropriate WSDL for a list of valid actions.",
    )


def check_label(label: str) -> None:
    """Raises InvalidParameterValue for what cannot be the name of a permission."""
    if not _LABEL.fullmatch(label):
        raise invalid_value(
            label,
            "Label",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )


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
            raise invalid_value(f"[{account}]", "PrincipalId", "Unable to verify principal.")
    if len(actions) > quotas.policy_actions:
        raise OverLimit(
            f"{len(actions)} Actions were found, maximum allowed is {quotas.policy_actions}."
        )
    for action in actions:
        if action in _OWNERS_ACTIONS:
            raise invalid_value(
                f"SQS:{action}",
                "ActionName",
                "Only the queue owner is allowed to invoke this action.",
            )
        if action not in ACTIONS:
            raise _unknown_action(action)


def _read(document: str | None, queue: QueueKey) -> dict[str, Any]:
    """The policy with its statements as a list."""
    if not document:
        return {"Version": _VERSION, "Id": f"{queue_arn(queue)}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = orjson.loads(document)
    return {**policy, "Statement": _as_list(policy["Statement"])}


def _as_list(value: Any) -> list[Any]:
    """One or several, as policies write them, as several."""
    return value if isinstance(value, list) else [value]


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
