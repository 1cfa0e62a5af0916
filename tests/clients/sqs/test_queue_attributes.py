"""GetQueueAttributes and SetQueueAttributes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer
from support.sqs import Sqs

ARN = "arn:aws:sqs:us-east-1:000000000000:"
DEFAULTS = {
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
FIFO_DEFAULTS = {
    **DEFAULTS,
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def create(server: LambdadServer, name: str, **attributes: str) -> str:
    url: str = server.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def attributes_of(server: LambdadServer, url: str, *names: str) -> dict[str, str]:
    sqs = server.client("sqs")
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ("All",)))
    attributes: dict[str, str] = answer.get("Attributes", {})
    return attributes


def refusal(call: Any, /, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    found: Any = error.value.response["Error"]
    return found["Code"], found["Message"]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [("plain", {}, DEFAULTS), ("plain.fifo", {"FifoQueue": "true"}, FIFO_DEFAULTS)],
)
def test_the_attributes_of_a_new_queue(
    server: LambdadServer, name: str, given: dict[str, str], expected: dict[str, str]
) -> None:
    attributes = attributes_of(server, create(server, name, **given))
    assert attributes.pop("CreatedTimestamp") == attributes.pop("LastModifiedTimestamp")
    assert attributes == {**expected, "QueueArn": ARN + name}


def test_only_what_was_asked_for(server: LambdadServer) -> None:
    url = create(server, "chosen")
    assert attributes_of(server, url, "QueueArn", "DelaySeconds", "Policy") == {
        "QueueArn": f"{ARN}chosen",
        "DelaySeconds": "0",
    }
    answer = server.client("sqs").get_queue_attributes(QueueUrl=url)
    assert "Attributes" not in answer
    reply = Sqs(server).json("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["x"]})
    assert (reply.status, reply.json()) == (
        400,
        {"__type": "com.amazonaws.sqs#InvalidAttributeName", "message": "Unknown Attribute x."},
    )


def test_every_attribute_can_be_set(server: LambdadServer) -> None:
    create(server, "target")
    url = create(server, "settings")
    policy = {"deadLetterTargetArn": f"{ARN}target", "maxReceiveCount": 7}
    allow = json.dumps({"redrivePermission": "denyAll"})
    given = {
        "VisibilityTimeout": "40",
        "MaximumMessageSize": "1024",
        "MessageRetentionPeriod": "60",
        "DelaySeconds": "900",
        "ReceiveMessageWaitTimeSeconds": "20",
        "KmsMasterKeyId": "alias/aws/sqs",
        "KmsDataKeyReusePeriodSeconds": "86400",
        "RedrivePolicy": json.dumps(policy),
        "RedriveAllowPolicy": allow,
    }
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=given)
    found = attributes_of(server, url)
    expected = {
        **DEFAULTS,
        **given,
        "RedrivePolicy": json.dumps(policy, separators=(",", ":")),
        "SqsManagedSseEnabled": "false",
        "QueueArn": f"{ARN}settings",
    }
    assert {name: found[name] for name in expected} == expected
    assert set(found) - set(expected) == {"CreatedTimestamp", "LastModifiedTimestamp"}


def test_messages_are_counted_by_state(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "counted")
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    sqs.receive_message(QueueUrl=url)
    counts = attributes_of(
        server,
        url,
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )
    assert counts == {
        "ApproximateNumberOfMessages": "2",
        "ApproximateNumberOfMessagesNotVisible": "1",
        "ApproximateNumberOfMessagesDelayed": "1",
    }


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({}, "MissingParameter", "The request must contain the parameter Attribute.Name."),
        ({"Nothing": "1"}, "InvalidAttributeName", "Unknown Attribute Nothing."),
        (
            {"VisibilityTimeout": "43201"},
            "InvalidAttributeValue",
            "Invalid value for the parameter VisibilityTimeout.",
        ),
        ({"Policy": "x"}, "InvalidAttributeValue", "Invalid value for the parameter Policy."),
        (
            {"RedrivePolicy": "x"},
            "InvalidParameterValue",
            "Value x for parameter RedrivePolicy is invalid. Reason: Amazon SQS can't create the "
            "redrive policy, as it's in an unsupported format.",
        ),
        (
            {"RedriveAllowPolicy": "x"},
            "InvalidParameterValue",
            "Value x for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create "
            "the redrive allow policy, as it's in an unsupported format.",
        ),
    ],
)
def test_attributes_that_cannot_be(
    server: LambdadServer, given: dict[str, str], code: str, message: str
) -> None:
    url = create(server, "unchanged")
    before = attributes_of(server, url)
    set_attributes = server.client("sqs").set_queue_attributes
    assert refusal(set_attributes, QueueUrl=url, Attributes=given) == (code, message)
    assert attributes_of(server, url) == before


def test_dead_letter_targets_that_cannot_be(server: LambdadServer) -> None:
    create(server, "closed", RedriveAllowPolicy='{"redrivePermission":"denyAll"}')
    create(server, "order.fifo", FifoQueue="true")
    url = create(server, "source")
    reasons = {
        "absent": "Dead letter target does not exist.",
        "order.fifo": "Dead-letter queue must be same type of queue as the source.",
    }
    set_attributes = server.client("sqs").set_queue_attributes
    for name, reason in reasons.items():
        text = json.dumps({"deadLetterTargetArn": ARN + name, "maxReceiveCount": 1})
        assert refusal(set_attributes, QueueUrl=url, Attributes={"RedrivePolicy": text}) == (
            "InvalidParameterValue",
            f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}",
        )
    text = json.dumps({"deadLetterTargetArn": f"{ARN}closed", "maxReceiveCount": 1})
    code, _ = refusal(set_attributes, QueueUrl=url, Attributes={"RedrivePolicy": text})
    assert code == "InvalidParameterValue"
    for text in (
        '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111111111111:x","maxReceiveCount":1}',
        '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:x","maxReceiveCount":1}',
    ):
        _, message = refusal(set_attributes, QueueUrl=url, Attributes={"RedrivePolicy": text})
        assert message.endswith("Reason: Dead letter target does not exist.")
