"""Redrive policies: where messages go that are received too often, and who may send them. Pure.

Source: SQS developer guide, "Using dead-letter queues in Amazon SQS"; API reference of
SetQueueAttributes; recorded conversations.
"""

from __future__ import annotations

from typing import Any

import orjson

from lambdad.core.limits import SqsQuotas
from lambdad.engines.queue.records import QueueKey, Redrive
from lambdad.engines.queue.sqs_form import key_of_arn, queue_arn
from lambdad.services.sqs.errors import InvalidParameterValueException, invalid_value

_MAXIMUM_RECEIVES = 1000
_UNSUPPORTED = "Amazon SQS can't create the redrive {}policy, as it's in an unsupported format."


def redrive_text(redrive: Redrive) -> str:
    """A RedrivePolicy as AWS shows it, however it was written."""
    policy = {
        "deadLetterTargetArn": queue_arn(redrive.target),
        "maxReceiveCount": redrive.max_receive_count,
    }
    return orjson.dumps(policy).decode()


def read_redrive(text: str) -> Redrive:
    """What a RedrivePolicy says. Raises InvalidParameterValue."""
    policy = _read(text)
    if policy is None:
        raise invalid_value(text, "RedrivePolicy", _UNSUPPORTED.format(""))
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if policy.get(name) in (None, ""):
            raise invalid_value(
                text,
                "RedrivePolicy",
                f"Redrive policy does not contain mandatory attribute: {name}.",
            )
    for name in policy:
        if name not in ("deadLetterTargetArn", "maxReceiveCount"):
            raise invalid_value(text, "RedrivePolicy", f"Unknown attribute {name}.")
    return Redrive(_target(text, policy), _receives(text, policy["maxReceiveCount"]))


def _target(text: str, policy: dict[str, Any]) -> QueueKey:
    arn = policy["deadLetterTargetArn"]
    target = key_of_arn(arn) if isinstance(arn, str) else None
    if target is None:
        raise invalid_value(text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
    return target


def _receives(text: str, count: Any) -> int:
    number = int(count) if str(count).isascii() and str(count).isdigit() else 0
    if isinstance(count, bool) or not 1 <= number <= _MAXIMUM_RECEIVES:
        raise invalid_value(
            text,
            "RedrivePolicy",
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to "
            f"{_MAXIMUM_RECEIVES} both inclusive.",
        )
    return number


def check_allow(text: str, quotas: SqsQuotas) -> None:
    """Raises InvalidParameterValue for a RedriveAllowPolicy that means nothing."""
    policy = _read(text)
    if policy is None or not _is_allow_policy(policy, quotas):
        raise invalid_value(text, "RedriveAllowPolicy", _UNSUPPORTED.format("allow "))


def _is_allow_policy(policy: dict[str, Any], quotas: SqsQuotas) -> bool:
    permission, sources = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    if permission in ("allowAll", "denyAll"):
        return sources is None and len(policy) == 1
    named = isinstance(sources, list) and 0 < len(sources) <= quotas.source_queues
    if permission != "byQueue" or not named or len(policy) != 2:
        return False
    return all(isinstance(arn, str) and key_of_arn(arn) for arn in sources or ())


def check_allowed(redrive: Redrive, allow_text: str | None, source: QueueKey) -> None:
    """Raises InvalidParameterValue if the dead-letter queue, by its RedriveAllowPolicy, does not
    take messages of `source`."""
    policy = _read(allow_text) if allow_text else None
    permission = "allowAll" if policy is None else policy["redrivePermission"]
    if permission == "byQueue" and policy is not None:
        allowed = queue_arn(source) in policy["sourceQueueArns"]
    else:
        allowed = permission == "allowAll"
    if not allowed:
        raise InvalidParameterValueException(
            f"Value {redrive_text(redrive)} for parameter RedrivePolicy is invalid. Reason: Queue "
            f"{queue_arn(source)} does not have permission to use the dead-letter queue "
            f"{queue_arn(redrive.target)}."
        )


def _read(text: str) -> dict[str, Any] | None:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return policy if isinstance(policy, dict) else None
