"""How SQS writes what a queue holds: one form for SQS's answers, for the events made of its
messages, and for the messages that other parts of the server send.

Owns: ARNs of queues, the document in `Message.attributes`, system attributes, digests. May not:
check anything a client sent; that is the service's.

Source: SQS developer guide, "Calculating the MD5 message digest for message attributes"; API
reference of ReceiveMessage; recorded conversations.
"""

from __future__ import annotations

import hashlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.ids import AccountId, Region
from lambdad.engines.queue.records import Message, QueueKey

Attributes = Mapping[str, Mapping[str, Any]]
"""Message attributes by name, as the API has them: DataType, and StringValue or BinaryValue
(bytes)."""

FIFO_SUFFIX = ".fifo"
_SEQUENCE_BASE = 18_800_000_000_000_000_000
"""Sequence numbers have twenty digits, like AWS's."""
_TEXT, _BINARY = b"\x01", b"\x02"


def queue_arn(key: QueueKey) -> str:
    """The ARN of a queue."""
    return f"arn:{PARTITION}:sqs:{key.region}:{key.account}:{key.name}"


def key_of_arn(arn: str) -> QueueKey | None:
    """The queue that an ARN means; None if it means none. Of one partition: policies are asked
    about the ARN as it is written, and a queue with two spellings would evade them by one."""
    parts = parse_arn(arn)
    if parts is None or (parts.partition, parts.service) != (PARTITION, "sqs"):
        return None
    if not parts.resource:
        return None
    return QueueKey(AccountId(parts.account), Region(parts.region), parts.resource)


def encode_attributes(attributes: Attributes) -> bytes:
    """Message attributes as the document that `NewMessage.attributes` holds; b"" for none."""
    if not attributes:
        return b""
    return orjson.dumps(attributes_text(attributes))


def attributes_text(attributes: Attributes) -> dict[str, dict[str, str]]:
    """Message attributes as JSON can hold them: binary values in base64."""
    return {name: _to_json(value) for name, value in attributes.items()}


def decode_attributes(document: bytes) -> dict[str, dict[str, Any]]:
    """What `encode_attributes` made a document of."""
    if not document:
        return {}
    read: dict[str, dict[str, Any]] = orjson.loads(document)
    for value in read.values():
        if "BinaryValue" in value:
            value["BinaryValue"] = a2b_base64(value["BinaryValue"])
    return read


def _to_json(attribute: Mapping[str, Any]) -> dict[str, str]:
    if attribute["DataType"].startswith("Binary"):
        text = b2a_base64(attribute["BinaryValue"], newline=False).decode()
        return {"DataType": attribute["DataType"], "BinaryValue": text}
    return {"DataType": attribute["DataType"], "StringValue": attribute["StringValue"]}


def attributes_bytes(attributes: Attributes) -> int:
    """What attributes count for in the size of a message: names, types and values."""
    return sum(
        len(name.encode()) + len(attribute["DataType"].encode()) + len(_value(attribute))
        for name, attribute in attributes.items()
    )


def body_md5(body: bytes) -> str:
    """As MD5OfBody has it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def attributes_md5(attributes: Attributes) -> str:
    """As MD5OfMessageAttributes and MD5OfMessageSystemAttributes have it: clients compute the
    same and refuse an answer that differs."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        kind = _BINARY if attribute["DataType"].startswith("Binary") else _TEXT
        _update(digest, name.encode())
        _update(digest, attribute["DataType"].encode())
        digest.update(kind)
        _update(digest, _value(attribute))
    return digest.hexdigest()


def _update(digest: Any, part: bytes) -> None:
    digest.update(len(part).to_bytes(4, "big") + part)


def _value(attribute: Mapping[str, Any]) -> bytes:
    if attribute["DataType"].startswith("Binary"):
        binary: bytes = attribute["BinaryValue"]
        return binary
    text: str = attribute["StringValue"]
    return text.encode()


def sequence_number(sequence: int) -> str:
    """The SequenceNumber of a message in a FIFO queue."""
    return str(_SEQUENCE_BASE + sequence)


def system_attributes(queue: QueueKey, message: Message) -> dict[str, str]:
    """All attributes that SQS itself gives a received message, by AWS's names."""
    result = dict(message.system)
    result["SentTimestamp"] = str(message.sent_ms)
    result["ApproximateReceiveCount"] = str(message.receive_count)
    if message.first_received_ms is not None:
        result["ApproximateFirstReceiveTimestamp"] = str(message.first_received_ms)
    if message.group is not None:
        result["MessageGroupId"] = message.group
    if queue.name.endswith(FIFO_SUFFIX):
        result["SequenceNumber"] = sequence_number(message.sequence)
        if message.deduplication_id is not None:
            result["MessageDeduplicationId"] = message.deduplication_id
    if message.dead_letter_source is not None:
        result["DeadLetterQueueSourceArn"] = queue_arn(message.dead_letter_source)
    return result


def chosen(attributes: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The attributes that a receiver asks for: by name, all (`All`, `.*`), or by the beginning of
    the name (`trace.*`)."""
    exact, beginnings = set(), []
    for name in names:
        if name in ("All", ".*"):
            return attributes
        if name.endswith(".*"):
            beginnings.append(name[:-2])
        exact.add(name)
    prefixes = tuple(beginnings)
    return {
        name: value
        for name, value in attributes.items()
        if name in exact or (prefixes and name.startswith(prefixes))
    }
