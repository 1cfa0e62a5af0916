"""What an enemy sends: whatever stands in a request, the answer is AWS's refusal and never a fault
of the server; and a queue, its messages and its neighbours are untouched by it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.server import LambdadServer
from support.sqs import Sqs

QUEUE = "besieged"
ARN = f"arn:aws:sqs:us-east-1:000000000000:{QUEUE}"
OPERATIONS = (
    "AddPermission", "CancelMessageMoveTask", "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch", "CreateQueue", "DeleteMessage", "DeleteMessageBatch",
    "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "ListMessageMoveTasks",
    "ListQueueTags", "ListQueues", "ReceiveMessage", "RemovePermission", "SendMessage",
    "SendMessageBatch", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue",
)  # fmt: skip
"""All but those that would empty or delete the queue."""
TEXTS = (
    "\0", "\ud800", "\uffff", "%00", "../../etc", "x" * 100_000, "[" * 5_000, '{"a":' * 500,
    "null", "²", "1e999", "-1", "*", "http://[", "/000000000000/", "arn:aws:sqs:::",
    base64.b64encode(b"\xff" * 28).decode(),
    base64.b64encode(b"\x01\x01lq" + b"\xff" * 24).decode(),
    base64.b64encode(json.dumps({"taskId": "x", "sourceArn": ARN}).encode()).decode(),
    json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": "²"}),
    json.dumps({"redrivePermission": ["byQueue"], "sourceQueueArns": [5]}),
    json.dumps({"Statement": {"Effect": "Allow", "Action": [5], "Principal": []}}),
)  # fmt: skip


def members(text: str) -> dict[str, Any]:
    """Every member that a text can stand in, with it."""
    attribute = {"DataType": "String", "StringValue": text}
    entry = {
        "Id": "a",
        "MessageBody": text,
        "ReceiptHandle": text,
        "VisibilityTimeout": 1,
        "MessageGroupId": text,
        "MessageAttributes": {text: attribute},
    }
    names = (
        "Label", "MessageBody", "MessageDeduplicationId", "MessageGroupId", "NextToken",
        "QueueName", "QueueNamePrefix", "QueueOwnerAWSAccountId", "ReceiptHandle",
        "ReceiveRequestAttemptId", "SourceArn", "TaskHandle",
    )  # fmt: skip
    return {
        **dict.fromkeys(names, text),
        "AWSAccountIds": [text],
        "Actions": [text],
        "AttributeNames": [text],
        "Attributes": {"RedrivePolicy": text, "RedriveAllowPolicy": text, "Policy": text},
        "Entries": [entry],
        "MessageAttributeNames": [text],
        "MessageAttributes": {"a": attribute},
        "MessageSystemAttributes": {"AWSTraceHeader": attribute},
        "TagKeys": [text],
        "Tags": {text: text},
        "VisibilityTimeout": 1,
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_text_is_the_servers_fault(server: LambdadServer, operation: str) -> None:
    sqs = Sqs(server)
    sqs.json("CreateQueue", {"QueueName": QUEUE})
    for text in TEXTS:
        given = members(text)
        url = sqs.url(QUEUE)
        if operation in ("SetQueueAttributes", "CreateQueue"):
            for name, value in given.pop("Attributes").items():
                params = {**given, "QueueUrl": url, "Attributes": {name: value}}
                assert sqs.json(operation, params).status < 500, (text, name)
        assert sqs.json(operation, {**given, "QueueUrl": url}).status < 500, text
        assert sqs.json(operation, {**given, "QueueUrl": text}).status < 500, text
    policies = ["Policy", "RedrivePolicy", "RedriveAllowPolicy"]
    shown = sqs.json("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": policies})
    assert (shown.status, shown.json()) == (200, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"Attribute.1.Name": "DelaySeconds"},
        {"Attribute.1": "x"},
        {"Attribute": "x"},
        {"Attribute.x.Name": "DelaySeconds", "Attribute.x.Value": "1"},
        {"Attribute.Name.Name": "DelaySeconds", "Attribute.Value": "1"},
        {"Attribute.99999999999.Name": "x", "Attribute.99999999999.Value": "1"},
        {f"Attribute.{number}.Name": "x" for number in range(1, 5_000)},
        {".".join(["Attribute"] * 1_000): "x"},
    ],
)
def test_forms_that_are_none(server: LambdadServer, fields: dict[str, str]) -> None:
    sqs = Sqs(server)
    sqs.json("CreateQueue", {"QueueName": QUEUE})
    reply = sqs.query("SetQueueAttributes", fields, path=f"/000000000000/{QUEUE}")
    status, kind, code, _ = reply.error()
    assert (status, kind) == (400, "Sender")
    assert code in ("MalformedInput", "MissingParameter", "InvalidAttributeName")
