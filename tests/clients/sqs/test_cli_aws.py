"""The AWS CLI, unmodified, through SQS. Version 1 goes to SQS's legacy host names whatever
AWS_ENDPOINT_URL says, so it is told the endpoint on its command line; version 2 need not be."""

from __future__ import annotations

import json
from typing import Any

from support.server import LambdadServer

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def test_a_day_with_queues(server: LambdadServer) -> None:
    def sqs(*words: str, check: bool = True) -> Any:
        return server.aws("sqs", "--endpoint-url", server.endpoint, *words, check=check)

    url = f"{server.endpoint}/000000000000/cli"
    at = ("--queue-url", url)
    sqs("create-queue", "--queue-name", "cli-dlq")
    policy = json.dumps({"deadLetterTargetArn": f"{ARN}cli-dlq", "maxReceiveCount": 1})
    made = sqs(
        "create-queue", "--queue-name", "cli", "--tags", "team=a",
        "--attributes", json.dumps({"VisibilityTimeout": "0", "RedrivePolicy": policy}),
    )  # fmt: skip
    assert made == {"QueueUrl": url}
    assert sqs("get-queue-url", "--queue-name", "cli") == {"QueueUrl": url}
    assert sqs("list-queue-tags", *at) == {"Tags": {"team": "a"}}
    sent = sqs(
        "send-message", *at, "--message-body", "hello", "--message-attributes",
        '{"Foo":{"DataType":"String","StringValue":"Bar"}}',
    )  # fmt: skip
    assert sent == {
        "MessageId": sent["MessageId"],
        "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592",
        "MD5OfMessageAttributes": "ae7155c6026991b6d54b11589678bf9c",
    }
    (message,) = sqs(
        "receive-message", *at, "--message-attribute-names", "All"
    )["Messages"]  # fmt: skip
    assert message == {
        "MessageId": sent["MessageId"],
        "ReceiptHandle": message["ReceiptHandle"],
        "MD5OfBody": sent["MD5OfMessageBody"],
        "Body": "hello",
        "MessageAttributes": {"Foo": {"DataType": "String", "StringValue": "Bar"}},
        "MD5OfMessageAttributes": sent["MD5OfMessageAttributes"],
    }
    assert sqs("receive-message", *at) == ""  # it has moved to cli-dlq
    sqs("start-message-move-task", "--source-arn", f"{ARN}cli-dlq")
    back = sqs("receive-message", *at, "--wait-time-seconds", "10")["Messages"][0]
    assert back["Body"] == "hello"
    sqs("delete-message", *at, "--receipt-handle", back["ReceiptHandle"])
    batch = sqs("send-message-batch", *at, "--entries", "Id=a,MessageBody=1", "Id=b,MessageBody=2")
    assert [entry["Id"] for entry in batch["Successful"]] == ["a", "b"]
    counts = sqs("get-queue-attributes", *at, "--attribute-names", "ApproximateNumberOfMessages")
    assert counts == {"Attributes": {"ApproximateNumberOfMessages": "2"}}
    sqs("purge-queue", *at)
    assert sqs("list-queues", "--queue-name-prefix", "cli") == {"QueueUrls": [url, f"{url}-dlq"]}
    sqs("delete-queue", *at)
    done = sqs("send-message", *at, "--message-body", "x", check=False)
    assert "AWS.SimpleQueueService.NonExistentQueue" in done.stderr
