"""SendMessage and ReceiveMessage on standard queues."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer
from support.sqs import Sqs

ATTRIBUTES = {
    "Help.Me": {"DataType": "String", "StringValue": "Me"},
    "Hello": {"DataType": "Number.int", "StringValue": "42"},
    "Foo": {"DataType": "Binary.png", "BinaryValue": b"\x89\0"},
}


def create(server: LambdadServer, name: str, **attributes: str) -> str:
    url: str = server.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def refusal(call: Any, /, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    found: Any = error.value.response["Error"]
    return found["Code"], found["Message"]


def test_a_message_goes_and_comes(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "simple")
    sent = sqs.send_message(QueueUrl=url, MessageBody='"&quot;\r\n<ü\U0001f600>')
    assert sent.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    digest = hashlib.md5('"&quot;\r\n<ü\U0001f600>'.encode()).hexdigest()
    assert sent == {"MessageId": sent["MessageId"], "MD5OfMessageBody": digest}
    received = sqs.receive_message(QueueUrl=url)
    (message,) = received["Messages"]
    assert message == {
        "MessageId": sent["MessageId"],
        "ReceiptHandle": message["ReceiptHandle"],
        "MD5OfBody": digest,
        "Body": '"&quot;\r\n<ü\U0001f600>',
    }
    empty = sqs.receive_message(QueueUrl=url)
    assert empty.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert empty == {}


def test_attributes_come_as_they_are_asked_for(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "attributes", VisibilityTimeout="0")
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ATTRIBUTES)
    for names, found in (
        ([], set()),
        (["All"], set(ATTRIBUTES)),
        ([".*"], set(ATTRIBUTES)),
        (["Foo"], {"Foo"}),
        (["Hel.*"], {"Help.Me", "Hello"}),
        (["Nothing"], set()),
    ):
        (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=names)["Messages"]
        assert message.get("MessageAttributes", {}) == {name: ATTRIBUTES[name] for name in found}
        if found == set(ATTRIBUTES):
            assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert ("MD5OfMessageAttributes" in message) is bool(found)


def test_system_attributes(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "system", VisibilityTimeout="0")
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="x",
        MessageGroupId="fair",
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": header}},
    )
    assert sent["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    assert "SequenceNumber" not in sent
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    attributes = message["Attributes"]
    assert attributes["SentTimestamp"] <= attributes["ApproximateFirstReceiveTimestamp"]
    assert attributes == {
        "SenderId": "000000000000",
        "SentTimestamp": attributes["SentTimestamp"],
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": attributes["ApproximateFirstReceiveTimestamp"],
        "AWSTraceHeader": header,
        "MessageGroupId": "fair",
    }
    (message,) = sqs.receive_message(
        QueueUrl=url,
        AttributeNames=["AWSTraceHeader"],
        MessageSystemAttributeNames=["ApproximateReceiveCount", "SequenceNumber"],
    )["Messages"]
    assert message["Attributes"] == {"AWSTraceHeader": header, "ApproximateReceiveCount": "2"}
    assert "Attributes" not in sqs.receive_message(QueueUrl=url)["Messages"][0]


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        (
            {"MessageBody": ""},
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
        (
            {"MessageBody": "\0"},
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
            "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ),
        (
            {"MessageBody": "x", "DelaySeconds": 901},
            "InvalidParameterValue",
            "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 "
            "and <= 900.",
        ),
        (
            {"MessageBody": "x", "MessageDeduplicationId": "d"},
            "InvalidParameterValue",
            "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include "
            "parameter that is not valid for this queue type.",
        ),
        (
            {"MessageBody": "x", "MessageGroupId": ""},
            "InvalidParameterValue",
            "Value  for parameter MessageGroupId is invalid. Reason: The request include parameter "
            "that is not valid for this queue type.",
        ),
        (
            {"MessageBody": "x", "MessageGroupId": "a b"},
            "InvalidParameterValue",
            "Value a b for parameter MessageGroupId is invalid. Reason: MessageGroupId can only "
            "include alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
        (
            {"MessageBody": "x" * 1_048_577},
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 "
            "bytes.",
        ),
        (
            {
                "MessageBody": "x" * 1_048_569,
                "MessageAttributes": {"k": {"DataType": "String", "StringValue": "x"}},
            },
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 "
            "bytes.",
        ),
        (
            {
                "MessageBody": "x",
                "MessageAttributes": {"k": {"DataType": "String", "StringValue": ""}},
            },
            "InvalidParameterValue",
            "Message (user) attribute 'k' must contain a non-empty value of type 'String'.",
        ),
        (
            {
                "MessageBody": "x",
                "MessageAttributes": {"k": {"DataType": "String", "StringListValues": ["a"]}},
            },
            "AWS.SimpleQueueService.UnsupportedOperation",
            "Message attribute list values are not supported.",
        ),
        (
            {
                "MessageBody": "x",
                "MessageSystemAttributes": {
                    "AWSTraceHeader": {"DataType": "Number", "StringValue": "1"}
                },
            },
            "InvalidParameterValue",
            "Message (system) attribute 'AWSTraceHeader' must contain a non-empty value of type "
            "'String'.",
        ),
        (
            {
                "MessageBody": "x",
                "MessageSystemAttributes": {
                    "SenderId": {"DataType": "String", "StringValue": "me"}
                },
            },
            "InvalidParameterValue",
            "Message system attribute name 'SenderId' is invalid. The supported system attribute "
            "is AWSTraceHeader.",
        ),
    ],
)
def test_messages_that_cannot_be_sent(
    server: LambdadServer, params: dict[str, Any], code: str, message: str
) -> None:
    url = create(server, "refusing")
    send = server.client("sqs").send_message
    assert refusal(send, QueueUrl=url, **params) == (code, message)


def test_the_largest_message(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "large")
    body = "ü" * 524_288
    sqs.send_message(QueueUrl=url, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == body


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"MaxNumberOfMessages": 0},
            "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and "
            "10, if provided.",
        ),
        (
            {"WaitTimeSeconds": 21},
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if "
            "provided.",
        ),
        (
            {"VisibilityTimeout": 43_201},
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= "
            "43200, if provided.",
        ),
        (
            {"ReceiveRequestAttemptId": "a"},
            "Value a for parameter ReceiveRequestAttemptId is invalid. Reason: The request include "
            "parameter that is not valid for this queue type.",
        ),
    ],
)
def test_receives_that_cannot_be(
    server: LambdadServer, params: dict[str, Any], message: str
) -> None:
    url = create(server, "not-received")
    receive = server.client("sqs").receive_message
    assert refusal(receive, QueueUrl=url, **params) == ("InvalidParameterValue", message)


def test_a_long_poll_ends_when_a_message_comes(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "polled", ReceiveMessageWaitTimeSeconds="20")
    answers: list[Any] = []
    poll = threading.Thread(target=lambda: answers.append(sqs.receive_message(QueueUrl=url)))
    poll.start()
    sent = sqs.send_message(QueueUrl=url, MessageBody="wake")
    poll.join()
    assert [message["MessageId"] for message in answers[0]["Messages"]] == [sent["MessageId"]]


def test_a_delayed_message_wakes_a_long_poll(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "delayed", DelaySeconds="2")
    sqs.send_message(QueueUrl=url, MessageBody="later")
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    bodies = [
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"]
        for _ in range(2)
    ]
    assert bodies == ["now", "later"]


def test_messages_received_too_often_move(server: LambdadServer) -> None:
    sqs, dead = server.client("sqs"), create(server, "grave")
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    policy = {"deadLetterTargetArn": f"{arn}grave", "maxReceiveCount": 2}
    url = create(server, "sick", VisibilityTimeout="0", RedrivePolicy=json.dumps(policy))
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ATTRIBUTES)
    for _ in range(2):
        assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    (message,) = sqs.receive_message(
        QueueUrl=dead, WaitTimeSeconds=5, AttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == f"{arn}sick"
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == ATTRIBUTES


def test_binary_values_are_base64_in_json(server: LambdadServer) -> None:
    url, sqs = create(server, "raw"), Sqs(server)
    attributes = {"k": {"DataType": "Binary", "BinaryValue": "AAE="}}
    sent = sqs.json(
        "SendMessage", {"QueueUrl": url, "MessageBody": "x", "MessageAttributes": attributes}
    )
    assert sent.headers["content-type"] == "application/x-amz-json-1.0"
    received = sqs.json("ReceiveMessage", {"QueueUrl": url, "MessageAttributeNames": ["All"]})
    assert received.json()["Messages"][0]["MessageAttributes"] == attributes
    bad = {"k": {"DataType": "Binary", "BinaryValue": "%"}}
    reply = sqs.json("SendMessage", {"QueueUrl": url, "MessageBody": "x", "MessageAttributes": bad})
    assert (reply.status, reply.json()["__type"]) == (
        400,
        "com.amazon.coral.service#SerializationException",
    )
