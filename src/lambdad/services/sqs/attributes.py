"""Queue attributes: their defaults, what values they take, and how they hang together. Pure.

Attributes are kept as clients write them, texts by AWS's names; what the engine needs of them it
is given as numbers (`settings.py`). Sources: API reference of SetQueueAttributes; recorded
conversations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lambdad.core.limits import SqsQuotas
from lambdad.services.sqs.errors import InvalidAttributeName, InvalidAttributeValue

Texts = Mapping[str, str]

COMPUTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
"""Answered by GetQueueAttributes, never set."""
_DEFAULTS: Texts = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
_FIFO_DEFAULTS: Texts = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_KMS_REUSE = "KmsDataKeyReusePeriodSeconds"
_KMS_REUSE_DEFAULT = "300"
_REMOVABLE = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
"""Those that an empty text takes away."""
_KMS_KEY_CHARS = 2048


def defaults(*, fifo: bool) -> dict[str, str]:
    """The attributes of a new queue of which nothing was said."""
    return {**_DEFAULTS, **_FIFO_DEFAULTS} if fifo else dict(_DEFAULTS)


def asks_for_fifo(given: Texts) -> bool:
    """Whether a new queue shall be a FIFO queue."""
    return given.get("FifoQueue", "false").lower() == "true"


def changed(present: Texts, given: Texts, quotas: SqsQuotas, *, fifo: bool) -> dict[str, str]:
    """The attributes after a change. RedrivePolicy, RedriveAllowPolicy and Policy, which speak of
    other things than themselves, have been checked already. Raises InvalidAttributeName,
    InvalidAttributeValue."""
    after = dict(present)
    for name, value in given.items():
        _check(name, value, quotas, fifo=fifo)
        if value == "" and name in _REMOVABLE:
            after.pop(name, None)
        else:
            after[name] = _in_form(name, value)
    _settle_encryption(after, given)
    if fifo and _is_per_group(after) and after["DeduplicationScope"] != "messageGroup":
        raise InvalidAttributeValue(
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is "
            "messageGroup."
        )
    return after


def shown(attributes: Texts) -> dict[str, str]:
    """What GetQueueAttributes shows of those that were set: the period of reuse only with a
    key (recorded)."""
    result = dict(attributes)
    if "KmsMasterKeyId" in result:
        result.setdefault(_KMS_REUSE, _KMS_REUSE_DEFAULT)
    else:
        result.pop(_KMS_REUSE, None)
    return result


def first_difference(present: Texts, wanted: Texts) -> str | None:
    """The first attribute that a queue has another value of than one who creates it again says,
    who says it in the form that queues have it in (`changed`)."""
    effective = {_KMS_REUSE: _KMS_REUSE_DEFAULT, **present}
    for name, value in wanted.items():
        if effective.get(name, "") != value:
            return name
    return None


def unknown(name: str) -> InvalidAttributeName:
    """The answer to an attribute that does not exist."""
    return InvalidAttributeName(f"Unknown Attribute {name}.")


def invalid(name: str) -> InvalidAttributeValue:
    """The answer to a value that an attribute cannot have."""
    return InvalidAttributeValue(f"Invalid value for the parameter {name}.")


def _in_form(name: str, value: str) -> str:
    """A value that has been checked, as it is kept and shown."""
    if name in _BOOLEANS:
        return value.lower()
    return str(int(value)) if name in _NUMBERS else value


def _is_per_group(attributes: Texts) -> bool:
    return attributes["FifoThroughputLimit"] == "perMessageGroupId"


def _check(name: str, value: str, quotas: SqsQuotas, *, fifo: bool) -> None:
    if name in _FIFO_DEFAULTS and not fifo:
        if name in ("DeduplicationScope", "FifoThroughputLimit"):
            raise InvalidAttributeName(
                f"You can specify the {name} only when FifoQueue is set to true."
            )
        raise unknown(name)
    if name == "FifoQueue" and value.lower() == "false":
        raise InvalidAttributeValue(
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not "
            "supported."
        )
    takes = _TAKES.get(name)
    if takes is None:
        raise unknown(name)
    if not takes(value, quotas):
        raise invalid(name)


def _settle_encryption(after: dict[str, str], given: Texts) -> None:
    """One kind of encryption at a time: a key ends SQS's own, and not having one brings nothing
    back (recorded)."""
    if not after.get("KmsMasterKeyId"):
        return
    if given.get("SqsManagedSseEnabled", "").lower() == "true":
        raise InvalidAttributeValue(
            "You can use one type of server-side encryption (SSE) at one time. You can either "
            "enable KMS SSE or SQS SSE."
        )
    after["SqsManagedSseEnabled"] = "false"


_Takes = Callable[[str, SqsQuotas], bool]


def _number(minimum: int, maximum: int) -> _Takes:
    return lambda value, _: _is_within(value, minimum, maximum)


def _message_size(value: str, quotas: SqsQuotas) -> bool:
    return _is_within(value, quotas.minimum_message_bytes, quotas.message_bytes)


def _is_within(value: str, minimum: int, maximum: int) -> bool:
    short = value.isascii() and value.isdigit() and len(value) <= len(str(maximum))
    return short and minimum <= int(value) <= maximum


def _one_of(*values: str) -> _Takes:
    return lambda value, _: value in values


def _boolean(value: str, _: SqsQuotas) -> bool:
    return value.lower() in ("true", "false")


def _anything(value: str, _: SqsQuotas) -> bool:
    return True


_TAKES: Mapping[str, _Takes] = {
    "VisibilityTimeout": _number(0, 43_200),
    "MaximumMessageSize": _message_size,
    "MessageRetentionPeriod": _number(60, 1_209_600),
    "DelaySeconds": _number(0, 900),
    "ReceiveMessageWaitTimeSeconds": _number(0, 20),
    "SqsManagedSseEnabled": _boolean,
    "KmsMasterKeyId": lambda value, _: len(value) <= _KMS_KEY_CHARS,
    _KMS_REUSE: _number(60, 86_400),
    "Policy": _anything,
    "RedrivePolicy": _anything,
    "RedriveAllowPolicy": _anything,
    "FifoQueue": _boolean,
    "ContentBasedDeduplication": _boolean,
    "DeduplicationScope": _one_of("messageGroup", "queue"),
    "FifoThroughputLimit": _one_of("perQueue", "perMessageGroupId"),
}
"""By attribute: whether it can have that value."""
_BOOLEANS = frozenset({"SqsManagedSseEnabled", "FifoQueue", "ContentBasedDeduplication"})
_NUMBERS = frozenset(
    {
        "VisibilityTimeout",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "DelaySeconds",
        "ReceiveMessageWaitTimeSeconds",
        _KMS_REUSE,
    }
)
KNOWN = frozenset({"All", *COMPUTED, *_TAKES})
"""The names that GetQueueAttributes takes."""
