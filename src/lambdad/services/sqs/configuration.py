"""From the attributes of a request to what a queue is to be, checked, and as the engine has it."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.core.value import Value, replace
from lambdad.engines.queue.records import Queue, QueueKey, QueueSettings, Redrive
from lambdad.services.sqs.attributes import changed, defaults
from lambdad.services.sqs.errors import invalid_value
from lambdad.services.sqs.policies import check_policy
from lambdad.services.sqs.redrive import check_allow, check_allowed, read_redrive, redrive_text
from lambdad.services.sqs.service import SqsService

Texts = Mapping[str, str]


class Configuration(Value):
    """A queue's attributes in both forms."""

    attributes: Mapping[str, str]
    """As clients see them."""
    settings: QueueSettings
    """As the engine goes by them."""


def initial(service: SqsService, key: QueueKey, given: Texts, *, fifo: bool) -> Configuration:
    """The configuration of a new queue. Raises InvalidAttributeName, InvalidAttributeValue,
    InvalidParameterValue."""
    return _configure(service, key, defaults(fifo=fifo), given, fifo=fifo)


def revised(service: SqsService, queue: Queue, given: Texts) -> Configuration:
    """The configuration of a queue after SetQueueAttributes. Raises likewise.

    Where a FIFO queue looks for duplicates stays as it was created, also when the attribute says
    another thing afterwards (recorded, both ways)."""
    fifo = queue.settings.fifo
    new = _configure(service, queue.key, queue.attributes, given, fifo=fifo)
    scope = queue.settings.deduplication_scope
    return replace(new, settings=replace(new.settings, deduplication_scope=scope))


def _configure(
    service: SqsService, key: QueueKey, present: Texts, given: Texts, *, fifo: bool
) -> Configuration:
    attributes = changed(present, _in_form(service, key, given), service.quotas, fifo=fifo)
    text = attributes.get("RedrivePolicy")
    redrive = read_redrive(text) if text else None
    return Configuration(attributes, _settings(attributes, redrive, fifo=fifo))


def _in_form(service: SqsService, key: QueueKey, given: Texts) -> dict[str, str]:
    """The attributes of a request, those checked that speak of other queues or of principals."""
    result = dict(given)
    if given.get("Policy"):
        check_policy(given["Policy"], service.quotas)
    if given.get("RedriveAllowPolicy"):
        check_allow(given["RedriveAllowPolicy"], service.quotas)
    if given.get("RedrivePolicy"):
        text = given["RedrivePolicy"]
        redrive = read_redrive(text)
        _check_target(service, key, redrive, text)
        result["RedrivePolicy"] = redrive_text(redrive)
    return result


def _check_target(service: SqsService, key: QueueKey, redrive: Redrive, text: str) -> None:
    target = service.queues.find(redrive.target)
    reachable = redrive.target[:2] == key[:2]  # of the same account and region
    if target is None or not reachable:
        raise invalid_value(text, "RedrivePolicy", "Dead letter target does not exist.")
    if target.key.name.endswith(".fifo") != key.name.endswith(".fifo"):
        raise invalid_value(
            text, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source."
        )
    check_allowed(redrive, target.attributes.get("RedriveAllowPolicy"), key)


def _settings(attributes: Texts, redrive: Redrive | None, *, fifo: bool) -> QueueSettings:
    return QueueSettings(
        fifo=fifo,
        delay_s=int(attributes["DelaySeconds"]),
        visibility_s=int(attributes["VisibilityTimeout"]),
        retention_s=int(attributes["MessageRetentionPeriod"]),
        receive_wait_s=int(attributes["ReceiveMessageWaitTimeSeconds"]),
        max_message_bytes=int(attributes["MaximumMessageSize"]),
        content_based_deduplication=attributes.get("ContentBasedDeduplication") == "true",
        deduplication_scope=attributes.get("DeduplicationScope", "queue"),
        throughput_limit=attributes.get("FifoThroughputLimit", "perQueue"),
        redrive=redrive,
    )
