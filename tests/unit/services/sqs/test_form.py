"""How SQS writes what a queue holds (`engines/queue/sqs_form.py`)."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.core.ids import AccountId, Region
from lambdad.engines.queue.records import Message, QueueKey
from lambdad.engines.queue.sqs_form import (
    attributes_bytes,
    attributes_md5,
    body_md5,
    chosen,
    decode_attributes,
    encode_attributes,
    key_of_arn,
    queue_arn,
    sequence_number,
    system_attributes,
)

KEY = QueueKey(AccountId("111122223333"), Region("eu-west-1"), "q.fifo")
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "text": {"DataType": "String", "StringValue": "ü"},
    "number": {"DataType": "Number.int", "StringValue": "1"},
    "binary": {"DataType": "Binary", "BinaryValue": b"\0\xff"},
}


def test_arns_and_back() -> None:
    assert queue_arn(KEY) == "arn:aws:sqs:eu-west-1:111122223333:q.fifo"
    assert key_of_arn(queue_arn(KEY)) == KEY
    for text in ("q", "arn:aws:sns:eu-west-1:111122223333:q", "arn:aws:sqs:eu-west-1:1:"):
        assert key_of_arn(text) is None


def test_attributes_and_back() -> None:
    assert decode_attributes(encode_attributes(ATTRIBUTES)) == ATTRIBUTES
    assert (encode_attributes({}), decode_attributes(b"")) == (b"", {})


def test_size_of_attributes() -> None:
    assert attributes_bytes({"k": {"DataType": "String", "StringValue": "x"}}) == 8  # recorded
    assert attributes_bytes(ATTRIBUTES) == (4 + 6 + 2) + (6 + 10 + 1) + (6 + 6 + 2)


@pytest.mark.parametrize(
    ("attributes", "digest"),
    [  # recorded
        ({"Foo": {"DataType": "String", "StringValue": "Bar"}}, "ae7155c6026991b6d54b11589678bf9c"),
        ({"k": {"DataType": "String", "StringValue": "x"}}, "a45daa70926828a2f0a1db3418e6feb4"),
        (
            {
                "attr1": {
                    "DataType": "Binary",
                    "BinaryValue": b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-"
                    b"2d2482211f6489da-01",
                }
            },
            "8cbe4db156db8a94db8b801b7addb984",
        ),
    ],
)
def test_digests_of_attributes(attributes: Any, digest: str) -> None:
    assert attributes_md5(attributes) == digest


def test_the_digest_does_not_depend_on_the_order() -> None:
    assert attributes_md5(dict(reversed(ATTRIBUTES.items()))) == attributes_md5(ATTRIBUTES)


def test_digest_of_a_body() -> None:
    assert body_md5(b"message") == "78e731027d8fd50ed642340b7c9a63b3"  # recorded


def test_sequence_numbers_rise_and_have_twenty_digits() -> None:
    numbers = [sequence_number(sequence) for sequence in (0, 1, 10**12)]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {20}


def test_system_attributes() -> None:
    dead = QueueKey(KEY.account, KEY.region, "source.fifo")
    message = Message(
        "id", "handle", b"x", b"", {"SenderId": "AIDA", "AWSTraceHeader": "Root=1"}, 7, 1000,
        2000, 3, "g", "d", dead,
    )  # fmt: skip
    assert system_attributes(KEY, message) == {
        "SenderId": "AIDA",
        "AWSTraceHeader": "Root=1",
        "SentTimestamp": "1000",
        "ApproximateReceiveCount": "3",
        "ApproximateFirstReceiveTimestamp": "2000",
        "MessageGroupId": "g",
        "SequenceNumber": sequence_number(7),
        "MessageDeduplicationId": "d",
        "DeadLetterQueueSourceArn": "arn:aws:sqs:eu-west-1:111122223333:source.fifo",
    }
    standard = Message("id", "handle", b"x", b"", {"SenderId": "A"}, 7, 1000, 2000, 1)
    assert system_attributes(KEY._replace(name="q"), standard) == {
        "SenderId": "A",
        "SentTimestamp": "1000",
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "2000",
    }


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], set()),
        (["All"], {"Help.Me", "Hello", "Foo"}),
        ([".*"], {"Help.Me", "Hello", "Foo"}),
        (["Foo", "Missing"], {"Foo"}),
        (["Hel.*"], {"Help.Me", "Hello"}),
        (["foo"], set()),
        (["Help.Me"], {"Help.Me"}),
    ],
)
def test_attributes_that_a_receiver_asks_for(names: list[str], found: set[str]) -> None:
    attributes = {name: {} for name in ("Help.Me", "Hello", "Foo")}
    assert set(chosen(attributes, names)) == found
