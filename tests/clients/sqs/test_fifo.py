"""FIFO queues: order, duplicates, receive attempts."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer


def create(server: LambdadServer, name: str, **attributes: str) -> str:
    given = {"FifoQueue": "true", **attributes}
    url: str = server.client("sqs").create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    return url


def refusal(call: Any, /, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    found: Any = error.value.response["Error"]
    return found["Code"], found["Message"]


def test_a_message_has_its_place(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "place.fifo")
    sent = [
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body
        )
        for body in "ab"
    ]
    numbers = [int(each["SequenceNumber"]) for each in sent]
    assert numbers == sorted(numbers)
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])[
        "Messages"
    ]
    assert [message["Body"] for message in messages] == ["a", "b"]
    attributes = messages[0]["Attributes"]
    assert attributes == {
        "SenderId": "000000000000",
        "SentTimestamp": attributes["SentTimestamp"],
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": attributes["ApproximateFirstReceiveTimestamp"],
        "MessageGroupId": "g",
        "MessageDeduplicationId": "a",
        "SequenceNumber": sent[0]["SequenceNumber"],
    }


def test_duplicates_are_accepted_and_dropped(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "once.fifo", ContentBasedDeduplication="true")
    first = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    again = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="other")
    for name in ("MessageId", "SequenceNumber", "MD5OfMessageBody"):
        assert first[name] == again[name]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    (message,) = received["Messages"]
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # SHA-256 of x
    assert message["Attributes"]["MessageDeduplicationId"] == digest


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        (
            {"MessageDeduplicationId": "d"},
            "MissingParameter",
            "The request must contain the parameter MessageGroupId.",
        ),
        (
            {"MessageGroupId": "g"},
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        ),
        (
            {"MessageGroupId": "g", "MessageDeduplicationId": "x" * 129},
            "InvalidParameterValue",
            f"Value {'x' * 129} for parameter MessageDeduplicationId is invalid. Reason: "
            "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to "
            "128 in length.",
        ),
        (
            {"MessageGroupId": "g", "MessageDeduplicationId": ""},
            "InvalidParameterValue",
            "Value  for parameter MessageDeduplicationId is invalid. Reason: "
            "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to "
            "128 in length.",
        ),
        (
            {"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1},
            "InvalidParameterValue",
            "Value 1 for parameter DelaySeconds is invalid. Reason: The request include parameter "
            "that is not valid for this queue type.",
        ),
    ],
)
def test_messages_that_cannot_be_sent(
    server: LambdadServer, params: dict[str, Any], code: str, message: str
) -> None:
    sqs, url = server.client("sqs"), create(server, "strict.fifo")
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="x", **params) == (code, message)


def test_a_receive_can_be_repeated(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "repeat.fifo", ContentBasedDeduplication="true")
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    first, again = (
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="one")
        for _ in range(2)
    )
    assert first["Messages"] == again["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="two")
    wrong = refusal(sqs.receive_message, QueueUrl=url, ReceiveRequestAttemptId="a b")
    assert wrong == (
        "InvalidParameterValue",
        "Value a b for parameter ReceiveRequestAttemptId is invalid. Reason: "
        "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to "
        "128 in length.",
    )


def test_an_expired_handle_deletes_nothing(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = create(server, "expired.fifo", ContentBasedDeduplication="true", VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has "
        "expired.",
    )
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
